"""Who is compared with whom: evaluable rows, strata, and groups inside which accounts permute.

Grain in: a panel with one row per (subscription_id, as_of_date).  Grain out: the rows that
every rule is judged on (one common population), ordered by account and term, each with its
stratum (segment × contract length) and its permutation group.  ``methods.md`` 2.1 and 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import DataError, ParameterError, TooLittleDataError

SMALLEST_STRATUM = 30  # terms
SMALLEST_GROUP = 5  # accounts that share the same sequence of strata
LARGEST_SHARE_UNPERMUTED = 0.20
LARGEST_TERM_COUNT = 12  # beyond this the pairs of terms of one account outgrow the terms
LARGEST_SHARE_MISSING = 0.20
_ORDER_COLUMNS = ("term_start", "as_of_date", "subscription_id")


@dataclass(frozen=True)
class Group:
    """Accounts whose outcome vectors may change places.

    Attributes
    ----------
    rows : ndarray of int, shape (n_accounts, n_terms)
        Row numbers of the population, one line per account in term order.
    """

    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """The rows that all rules are judged on.

    Attributes
    ----------
    frame : DataFrame, one row per (subscription_id, as_of_date)
        The kept rows, ordered by account and term, index 0..n-1.
    churned : ndarray of float, shape (n_rows,)
        1 for leaving, 0 for staying.
    account, segment, stratum, position : ndarray of int, shape (n_rows,)
        Codes; ``segment`` is -1 where unknown, ``position`` counts the account's terms from 0.
    segments : tuple of str
        Names of the segment codes.
    groups : tuple of Group
        Permutation groups; together they hold every row once.
    columns : tuple of str
        Feature columns that can be searched.
    excluded : dict of str to int
        Rows (and feature columns) left out, by reason.
    """

    frame: pd.DataFrame
    churned: NDArray[np.float64]
    account: NDArray[np.int64]
    segment: NDArray[np.int64]
    stratum: NDArray[np.int64]
    position: NDArray[np.int64]
    segments: tuple[str, ...]
    groups: tuple[Group, ...]
    columns: tuple[str, ...]
    excluded: dict[str, int]

    @property
    def n_rows(self) -> int:
        """Return the number of terms."""
        return len(self.churned)

    def named_frame(self, segment_by: str | None) -> pd.DataFrame:
        """Return the rows with the segment that each is counted in.

        Parameters
        ----------
        segment_by : str or None
            Column that holds the segment.  An account that changed its segment is counted, as
            a whole, in its newest one.
        """
        if segment_by is None:
            return self.frame.copy()
        names = pd.Series(self.segments, dtype="string").reindex(self.segment)
        return self.frame.assign(**{segment_by: names.to_numpy(dtype=object)})

    @property
    def share_unpermuted(self) -> float:
        """Return the share of accounts that are alone in their group."""
        alone = sum(1 for group in self.groups if len(group.rows) == 1)
        return alone / sum(len(group.rows) for group in self.groups)

    def churned_accounts(self, rows: NDArray[np.bool_]) -> int:
        """Return how many accounts have at least one churned term among the rows."""
        return len(np.unique(self.account[rows & (self.churned > 0)]))


def build(
    frame: pd.DataFrame,
    *,
    columns: Sequence[str],
    outcome: str,
    cluster: str,
    strata: Sequence[str],
    segment_by: str | None,
) -> Population:
    """Keep the evaluable rows and say who may be exchanged with whom.

    Parameters
    ----------
    frame : DataFrame, one row per (subscription_id, as_of_date)
        The panel; it is not written to.
    columns : sequence of str
        Numeric feature columns.
    outcome, cluster : str
        Columns of the outcome (1 leaving, 0 staying, null not evaluable) and of the account.
    strata : sequence of str
        Columns that define strata; ``term_months`` is bucketed into contract lengths.
    segment_by : str or None
        Column of the segments in which rules are searched apart.

    Returns
    -------
    Population

    Raises
    ------
    ParameterError
        A named column is not in the frame.
    DataError
        The outcome holds something other than 0, 1 and null.
    TooLittleDataError
        No row has an outcome and all features.
    """
    names = [outcome, cluster, *strata, *columns, *([segment_by] if segment_by else [])]
    absent = [name for name in dict.fromkeys(names) if name not in frame.columns]
    if absent:
        raise ParameterError(
            "the panel lacks columns that the search was asked to use",
            where=", ".join(absent),
            got=f"{len(frame.columns)} columns",
            repair="build the panel with these columns, or leave their names out",
        )
    kept, usable, excluded = _evaluable(frame, columns, outcome, cluster)
    sort_by = [cluster, *(name for name in _ORDER_COLUMNS if name in kept.columns)]
    kept = kept.sort_values(sort_by, kind="stable", ignore_index=True)
    account = pd.factorize(kept[cluster])[0].astype(np.int64)
    segment, segments = _segments(kept, account, segment_by)
    stratum = _strata(kept, segment, [name for name in strata if name != segment_by])
    groups = _groups(account, stratum, segment)
    if _must_bin(groups):
        keep = _newest_terms(account)
        excluded["older terms of accounts with many terms"] = int((~keep).sum())
        kept = kept.loc[keep].reset_index(drop=True)
        account, segment, stratum = account[keep], segment[keep], stratum[keep]
        groups = _groups(account, stratum, segment)
    position = np.zeros(len(kept), dtype=np.int64)
    for group in groups:
        position[group.rows] = np.arange(group.rows.shape[1])
    return Population(
        frame=kept,
        churned=kept[outcome].to_numpy(dtype=np.float64),
        account=account,
        segment=segment,
        stratum=np.unique(stratum, return_inverse=True)[1].astype(np.int64),
        position=position,
        segments=segments,
        groups=groups,
        columns=usable,
        excluded=excluded,
    )


def _evaluable(
    frame: pd.DataFrame, columns: Sequence[str], outcome: str, cluster: str
) -> tuple[pd.DataFrame, tuple[str, ...], dict[str, int]]:
    known = frame[outcome].notna() & frame[cluster].notna()
    values = set(pd.unique(frame.loc[known, outcome].astype(float)))
    if not values <= {0.0, 1.0}:
        raise DataError(
            "the outcome must be 0 (stayed), 1 (left) or null (not evaluable)",
            where=outcome,
            got=", ".join(f"{value:g}" for value in sorted(values)[:5]),
            repair="map the outcome in the source's parameters",
        )
    missing = frame.loc[known, list(columns)].isna()
    share = missing.mean() if len(missing) else missing.sum()
    usable = tuple(name for name in columns if share[name] <= LARGEST_SHARE_MISSING)
    complete = known.copy()
    complete.loc[known] = ~missing[list(usable)].any(axis=1)
    excluded = {
        "outcome not evaluable": int((~known).sum()),
        "a feature is missing": int((known & ~complete).sum()),
    }
    if not complete.any() or not usable:
        raise TooLittleDataError(
            "no term has both a known outcome and known features",
            where=outcome,
            got=", ".join(f"{reason}: {count}" for reason, count in excluded.items()),
            repair="give a longer history or an earlier as_of date",
        )
    return frame.loc[complete].copy(), usable, excluded


def _segments(
    kept: pd.DataFrame, account: NDArray[np.int64], segment_by: str | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Code the segment of each row: that of the account's newest term, so groups stay whole."""
    if segment_by is None:
        return np.full(len(kept), -1, dtype=np.int64), ()
    codes, names = pd.factorize(kept[segment_by].astype("string"), sort=True)
    newest = np.zeros(account.max() + 1, dtype=np.int64)
    newest[account] = codes  # rows are in term order: the newest is written last
    return newest[account], tuple(str(name) for name in names)


def contract_length(months: pd.Series) -> pd.Series:
    """Bucket contract lengths in months: 1, 2 to 11, 12, more than 12."""
    cut = pd.cut(months.astype(float), [-np.inf, 1, 11, 12, np.inf], labels=False)
    return pd.Series(cut, index=months.index).astype("string")


def _strata(
    kept: pd.DataFrame, segment: NDArray[np.int64], others: Sequence[str]
) -> NDArray[np.int64]:
    """Code strata, merging inside a segment until each holds enough terms."""
    rest = pd.Series("", index=kept.index, dtype="string")
    for name in others:
        part = contract_length(kept[name]) if name == "term_months" else kept[name].astype("string")
        rest = rest + "|" + part.fillna("unknown")
    fine = pd.factorize(pd.Series(segment, index=kept.index).astype("string") + rest, sort=True)[0]
    stratum = fine.astype(np.int64)
    book = _book(segment)
    for code in np.unique(book):
        _merge_small(stratum, book == code)
    return stratum


def _book(segment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the segment, or one common code for all that are too small to be a stratum."""
    sizes = np.bincount(segment + 1)[segment + 1]
    return np.where(sizes < SMALLEST_STRATUM, -2, segment)


def _merge_small(stratum: NDArray[np.int64], rows: NDArray[np.bool_]) -> None:
    """Merge the smallest stratum of the rows with the next smallest, until large enough."""
    while True:
        codes, sizes = np.unique(stratum[rows], return_counts=True)
        if len(codes) < 2 or sizes.min() >= SMALLEST_STRATUM:
            return
        smallest, next_smallest = codes[np.argsort(sizes, kind="stable")[:2]]
        stratum[rows & (stratum == smallest)] = next_smallest


def _groups(
    account: NDArray[np.int64], stratum: NDArray[np.int64], segment: NDArray[np.int64]
) -> tuple[Group, ...]:
    """Group accounts by number of terms and strata; pool rare sequences inside the segment."""
    book = _book(segment)
    starts = np.flatnonzero(np.r_[True, account[1:] != account[:-1]])
    counts = np.diff(np.r_[starts, len(account)])
    groups: list[Group] = []
    for n_terms in np.unique(counts):
        rows = starts[counts == n_terms, None] + np.arange(n_terms)
        _, sequence, sizes = np.unique(
            stratum[rows], axis=0, return_inverse=True, return_counts=True
        )
        sequence = sequence.reshape(-1)
        rare = sizes[sequence] < SMALLEST_GROUP
        pooled = np.where(rare, -10 - book[rows[:, -1]], sequence)
        groups.extend(Group(rows[pooled == key]) for key in np.unique(pooled))
    return tuple(groups)


def _must_bin(groups: tuple[Group, ...]) -> bool:
    alone = sum(1 for group in groups if len(group.rows) == 1)
    total = sum(len(group.rows) for group in groups)
    longest = max(group.rows.shape[1] for group in groups)
    return alone > LARGEST_SHARE_UNPERMUTED * total or longest > LARGEST_TERM_COUNT


def _newest_terms(account: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Keep 1, 2, 3 (of 3 or 4) or 5 (of 5 or more) newest terms of each account."""
    counts = np.bincount(account)
    allowed = np.where(counts >= 5, 5, np.where(counts >= 3, 3, counts))
    ends = np.cumsum(counts)
    newest_first = ends[account] - 1 - np.arange(len(account))
    kept: NDArray[np.bool_] = newest_first < allowed[account]
    return kept
