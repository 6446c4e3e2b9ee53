"""Pairs of rows of which one is known to have ended first.

Grain in: one row per episode.  Grain out: one number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cs_models.errors import TooLittleDataError

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def ordered(time: Float, ended: Float, risk: Float, weight: Float) -> float:
    """Compare each row that ended with all that stayed longer, by weight of the former.

    A row last seen at the time another ended stayed longer; two that ended together are no pair.

    Parameters
    ----------
    time, ended : ndarray of float, shape (n_rows,)
        Duration, and 1.0 where the row ended.
    risk : ndarray of float, shape (n_rows,)
        Larger means sooner; pairs of equal risk count one half.
    weight : ndarray of float, shape (n_rows,)
        Of each row as the one that ended; 0 where it is not to be compared.

    Returns
    -------
    float
        Share of the weighted pairs in which the one that ended had the larger risk.

    Raises
    ------
    TooLittleDataError
        There is no such pair.
    """
    clock = 2 * np.unique(time, return_inverse=True)[1] + (ended < 1)
    _, rank = np.unique(clock, return_inverse=True)
    _, level = np.unique(risk, return_inverse=True)
    rows = np.flatnonzero(weight > 0)
    below, tied, longer = _later(rank.astype(np.int64), level.astype(np.int64))
    total = float(weight[rows] @ longer[rows])
    if total <= 0:
        raise TooLittleDataError(
            "no two rows can be ordered in time", where="durations", got=f"{len(time)} rows"
        )
    return float(weight[rows] @ (below[rows] + tied[rows] / 2) / total)


def _later(rank: Int, level: Int) -> tuple[Float, Float, Float]:
    """Count, for each row, the rows of later rank: of lower level, of the same, and in all.

    Two ranks differ first at one binary digit, where the earlier has 0 and the later 1: at each
    digit, rows that agree so far are looked up among those that have 1.  n log² n, no table of
    rows × rows.
    """
    n_levels = int(level.max()) + 1
    below, tied = np.zeros(len(rank)), np.zeros(len(rank))
    for bit in range(int(rank.max()).bit_length()):
        block = rank >> (bit + 1)
        upper = (rank >> bit & 1) == 1
        keys = np.sort(block[upper] * n_levels + level[upper])
        mine = np.flatnonzero(~upper)
        own = block[mine] * n_levels
        first = np.searchsorted(keys, own)
        under = np.searchsorted(keys, own + level[mine])
        below[mine] += under - first
        tied[mine] += np.searchsorted(keys, own + level[mine], side="right") - under
    longer = len(rank) - np.searchsorted(np.sort(rank), rank, side="right")
    return below, tied, longer.astype(np.float64)
