"""The search for the nearest past terms: who may be whose neighbour, and at what distance.

Grain in: one row per term.  Grain out: places of past terms, k to a term.  ``methods.md`` 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import peers
from cs_models.learn.profile import distance

FEWEST_OF_SEGMENT: Final = 30  # past terms: with fewer, likeness is looked for in all segments
_BLOCK: Final = 256
_TERMS_OF_AN_ACCOUNT: Final = 6  # looked at to find one neighbour: accounts are shown once

Float = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Terms:
    """Terms on the common scale, and what decides who may be whose neighbour."""

    at: tuple[Float, Float]
    account: Whole
    segment: Whole
    decided: Whole
    known: Whole

    def rows(self, rows: NDArray[np.intp] | slice) -> Terms:
        """Return some of the terms."""
        at, held = self.at
        return Terms(
            (at[rows], held[rows]),
            self.account[rows],
            self.segment[rows],
            self.decided[rows],
            self.known[rows],
        )


def segments(frame: pd.DataFrame, segment_by: str | None) -> NDArray[np.object_]:
    """Return the segment of each row; one name for all without segments."""
    if segment_by is None or segment_by not in frame.columns:
        return np.full(len(frame), peers.EVERYBODY, dtype=object)
    named = frame[segment_by].astype("object")
    return np.asarray(named.where(named.notna(), peers.UNKNOWN), dtype=object)


def placed(
    frame: pd.DataFrame,
    at: tuple[Float, Float],
    accounts: NDArray[np.object_],
    cluster: str,
    book: NDArray[np.object_],
    names: NDArray[np.object_],
    grace_days: int,
) -> Terms:
    """Return terms as they are searched: places, accounts and segments by number, and days."""
    ended = frame["term_end"] if "term_end" in frame.columns else frame["as_of_date"]
    return Terms(
        at,
        pd.Index(accounts).get_indexer(pd.Index(frame[cluster])).astype(np.int64),
        pd.Index(names).get_indexer(pd.Index(book)).astype(np.int64),
        _days(frame["as_of_date"]),
        _days(ended) + grace_days,
    )


def _days(dates: pd.Series) -> Whole:
    return np.asarray(dates.to_numpy(dtype="datetime64[D]"), dtype=np.int64)


def nearest(
    space: distance.Space, queries: Terms, past: Terms, k: int, *, in_time: bool
) -> tuple[Whole, Float]:
    """Return the places of the k nearest terms (-1 where there are fewer), and how far they are.

    ``in_time`` looks only among terms whose outcome was known by the query's decision date.
    """
    n = len(queries.account)
    found, far = np.full((n, k), -1, dtype=np.int64), np.full((n, k), np.nan)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = queries.rows(rows)
        apart = space.between(block.at, past.at)
        allowed = block.account[:, None] != past.account
        if in_time:
            allowed &= past.known <= block.decided[:, None]
        same = allowed & (block.segment[:, None] == past.segment)
        enough = same.sum(axis=1) >= FEWEST_OF_SEGMENT
        allowed = np.where(enough[:, None], same, allowed)
        found[rows], far[rows] = _smallest(np.where(allowed, apart, np.inf), past.account, k)
    return found, far


def _smallest(apart: Float, account: Whole, k: int) -> tuple[Whole, Float]:
    """Return the k smallest of each line, one term of each account."""
    size = min(k * _TERMS_OF_AN_ACCOUNT, apart.shape[1])
    near = np.argpartition(apart, size - 1, axis=1)[:, :size]
    order = np.argsort(np.take_along_axis(apart, near, axis=1), axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1)
    far, whose = np.take_along_axis(apart, near, axis=1), account[near]
    fresh = np.isfinite(far)
    for j in range(1, size):
        fresh[:, j] &= ~(whose[:, :j] == whose[:, j : j + 1]).any(axis=1)
    rank = np.cumsum(fresh, axis=1) - 1
    row, place = np.nonzero(fresh & (rank < k))
    found = np.full((len(apart), k), -1, dtype=np.int64)
    gone = np.full((len(apart), k), np.nan)
    found[row, rank[row, place]] = near[row, place]
    gone[row, rank[row, place]] = far[row, place]
    return found, gone
