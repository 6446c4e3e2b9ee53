"""Strata inside which customers are compared, and groups inside which accounts change places.

Grain in: the evaluable rows, ordered by account and term.  Grain out: one code per row, or the
rows of each group.  ``methods.md`` 2.1 (strata) and 2.3 (groups, binning of term counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SMALLEST_STRATUM = 30  # terms
SMALLEST_GROUP = 5  # accounts that share the same sequence of strata
LARGEST_SHARE_UNPERMUTED = 0.20
LARGEST_TERM_COUNT = 12  # beyond this the pairs of terms of one account outgrow the terms
# Numbers of newest terms that an account may keep, finest first: the first ladder is taken that
# leaves few enough accounts alone in their group.
LADDERS = (
    tuple(range(1, LARGEST_TERM_COUNT + 1)),
    (1, 2, 3, 4, 5, 6, 8, 10, 12),
    (1, 2, 3, 5, 8),
    (1, 2, 3, 5),
)


@dataclass(frozen=True)
class Group:
    """Accounts whose outcome vectors may change places.

    Attributes
    ----------
    rows : ndarray of int, shape (n_accounts, n_terms)
        Row numbers of the population, one line per account in term order.
    """

    rows: NDArray[np.int64]


def segments(
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


def strata(
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


def groups(
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


def exchangeable(
    account: NDArray[np.int64], stratum: NDArray[np.int64], segment: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return the rows to keep so that few accounts are alone with their number of terms.

    All of them where that holds already; else the newest terms of each account, as many as the
    finest ladder allows that leaves at most a fifth of the accounts alone.
    """
    everything = groups(account, stratum, segment)
    longest = max(group.rows.shape[1] for group in everything)
    if share_alone(everything) <= LARGEST_SHARE_UNPERMUTED and longest <= LARGEST_TERM_COUNT:
        return np.ones(len(account), dtype=bool)
    for ladder in LADDERS:
        keep = _newest_terms(account, ladder)
        thinned = groups(account[keep], stratum[keep], segment[keep])
        if share_alone(thinned) <= LARGEST_SHARE_UNPERMUTED:
            break
    return keep


def share_alone(groups: Sequence[Group]) -> float:
    """Return the share of accounts that are alone in their group."""
    alone = sum(1 for group in groups if len(group.rows) == 1)
    return alone / sum(len(group.rows) for group in groups)


def _newest_terms(account: NDArray[np.int64], ladder: tuple[int, ...]) -> NDArray[np.bool_]:
    """Keep as many newest terms of each account as the ladder's next lower step."""
    counts = np.bincount(account)
    steps = np.array(ladder)
    allowed = steps[np.searchsorted(steps, counts, side="right") - 1]
    ends = np.cumsum(counts)
    newest_first = ends[account] - 1 - np.arange(len(account))
    kept: NDArray[np.bool_] = newest_first < allowed[account]
    return kept
