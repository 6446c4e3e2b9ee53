"""Who is compared with whom: evaluable rows, strata, and groups inside which accounts permute.

Grain in: a panel with one row per (subscription_id, as_of_date).  Grain out: the evaluable rows,
ordered by account and term, each with its stratum (segment × contract length) and its permutation
group.  A feature that is missing in a row takes the row out of that feature's rules and of no
other's.  ``methods.md`` 2.1 and 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import DataError, ParameterError, TooLittleDataError
from cs_models.learn import logrank
from cs_models.learn.rules import strata as strata_of
from cs_models.learn.rules.strata import Group

_ORDER_COLUMNS = ("term_start", "as_of_date", "subscription_id")


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
        Feature columns that are known in any row.
    excluded : dict of str to int
        Rows left out, by reason.
    expected : ndarray of float, shape (n_rows,), optional
        Churns expected of each row given how long it was watched, where time to churn is asked.
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
    expected: NDArray[np.float64] | None = None

    @property
    def score(self) -> NDArray[np.float64]:
        """Return what the engines sum: churned, or its log-rank score where time is given."""
        return self.churned if self.expected is None else self.churned - self.expected

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
        return strata_of.share_alone(self.groups)

    @property
    def newest(self) -> NDArray[np.bool_]:
        """Return which rows are the newest term of their account."""
        last: NDArray[np.bool_] = np.r_[self.account[1:] != self.account[:-1], True]
        return last

    def only(self, kept: NDArray[np.bool_]) -> Population:
        """Return the population of some of the rows, with groups of its own.

        Parameters
        ----------
        kept : ndarray of bool, shape (n_rows,)
        """
        account = np.unique(self.account[kept], return_inverse=True)[1].astype(np.int64)
        segment, stratum = self.segment[kept], self.stratum[kept]
        groups = strata_of.groups(account, stratum, segment)
        return replace(
            self,
            frame=self.frame.loc[kept].reset_index(drop=True),
            churned=self.churned[kept],
            account=account,
            segment=segment,
            stratum=stratum,
            position=_positions(groups, int(kept.sum())),
            groups=groups,
            expected=None if self.expected is None else self.expected[kept],
        )

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
    durations: str | None = None,
    entry: str | None = None,
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
    durations, entry : str, optional
        Columns of the time at which a row left or was last seen, and of the time from which it
        was watched, in days; ``outcome`` then says whether it left.

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
        No row has an outcome and any feature.
    """
    others = [name for name in (segment_by, durations, entry) if name]
    names = [outcome, cluster, *strata, *columns, *others]
    absent = [name for name in dict.fromkeys(names) if name not in frame.columns]
    if absent:
        raise ParameterError(
            "the panel lacks columns that the search was asked to use",
            where=", ".join(absent),
            got=f"{len(frame.columns)} columns",
            repair="build the panel with these columns, or leave their names out",
        )
    kept, usable, excluded = _evaluable(frame, columns, outcome, cluster, (durations, entry))
    sort_by = [cluster, *(name for name in _ORDER_COLUMNS if name in kept.columns)]
    kept = kept.sort_values(sort_by, kind="stable", ignore_index=True)
    account = pd.factorize(kept[cluster])[0].astype(np.int64)
    segment, segments = strata_of.segments(kept, account, segment_by)
    stratum = strata_of.strata(kept, segment, [name for name in strata if name != segment_by])
    keep = strata_of.exchangeable(account, stratum, segment)
    if not keep.all():
        excluded["older terms of accounts with many terms"] = int((~keep).sum())
        kept = kept.loc[keep].reset_index(drop=True)
        account, segment, stratum = account[keep], segment[keep], stratum[keep]
    groups = strata_of.groups(account, stratum, segment)
    churned = kept[outcome].to_numpy(dtype=np.float64)
    return Population(
        frame=kept,
        churned=churned,
        account=account,
        segment=segment,
        stratum=np.unique(stratum, return_inverse=True)[1].astype(np.int64),
        position=_positions(groups, len(kept)),
        segments=segments,
        groups=groups,
        columns=usable,
        excluded=excluded,
        expected=_expected(kept, churned, stratum, durations, entry),
    )


def _positions(groups: tuple[Group, ...], n_rows: int) -> NDArray[np.int64]:
    position = np.zeros(n_rows, dtype=np.int64)
    for group in groups:
        position[group.rows] = np.arange(group.rows.shape[1])
    return position


def _evaluable(
    frame: pd.DataFrame,
    columns: Sequence[str],
    outcome: str,
    cluster: str,
    times: tuple[str | None, str | None],
) -> tuple[pd.DataFrame, tuple[str, ...], dict[str, int]]:
    known = frame[outcome].notna() & frame[cluster].notna()
    for name in times:
        if name is not None:
            known &= frame[name].notna()
    values = set(pd.unique(frame.loc[known, outcome].astype(float)))
    if not values <= {0.0, 1.0}:
        raise DataError(
            "the outcome must be 0 (stayed), 1 (left) or null (not evaluable)",
            where=outcome,
            got=", ".join(f"{value:g}" for value in sorted(values)[:5]),
            repair="map the outcome in the source's parameters",
        )
    recorded = frame.loc[known, list(columns)].notna()
    usable = tuple(name for name in columns if recorded[name].any())
    some = known.copy()
    some.loc[known] = recorded.any(axis=1)
    excluded = {
        "outcome not evaluable": int((~known).sum()),
        "no use was recorded": int((known & ~some).sum()),
    }
    if not usable:
        raise TooLittleDataError(
            "no term has both a known outcome and known features",
            where=outcome,
            got=", ".join(f"{reason}: {count}" for reason, count in excluded.items()),
            repair="give a longer history or an earlier as_of date",
        )
    return frame.loc[some].copy(), usable, excluded


def _expected(
    kept: pd.DataFrame,
    churned: NDArray[np.float64],
    stratum: NDArray[np.int64],
    durations: str | None,
    entry: str | None,
) -> NDArray[np.float64] | None:
    """Return the churns expected of each row, from the pooled hazard of its stratum."""
    if durations is None:
        return None
    time = kept[durations].to_numpy(dtype=np.float64)
    start = None if entry is None else kept[entry].to_numpy(dtype=np.float64)
    expected = np.zeros(len(kept))
    for code in np.unique(stratum):
        mine = stratum == code
        expected[mine] = logrank.cumulative_hazard(
            time[mine], churned[mine], entry=None if start is None else start[mine]
        )
    return expected
