"""Days and features as bits of whole numbers: what a user did in four weeks fits into two.

Grain in and out: one number a row.  Bit 0 of days is the first day of a 28-day period, bit 27 its
last; bits 0 to 6 are its first week.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]

WEEK_DAYS: Final = 7
PERIOD_DAYS: Final = 28
WEEKS: Final = PERIOD_DAYS // WEEK_DAYS
PER_WORD: Final = 60  # features to a number: the sign bit stays free
_WEEK: Final = 2**WEEK_DAYS - 1


def count(values: Int) -> Int:
    """Return how many bits are set (days, or features).

    Parameters
    ----------
    values : ndarray of int64, not below 0

    Returns
    -------
    ndarray of int64, same shape
    """
    # NumPy before 2 has no bit count: sixteen bits at a time are looked up.
    found = np.zeros(values.shape, dtype=np.int64)
    left = values.astype(np.uint64)
    while left.any():
        found += _SET[(left & np.uint64(0xFFFF)).astype(np.int64)]
        left >>= np.uint64(16)
    return found


def weeks(days: Int) -> Int:
    """Return in how many of its four weeks a 28-day period has a day.

    Parameters
    ----------
    days : ndarray of int64
        28 bits each.

    Returns
    -------
    ndarray of int64, 0 to 4
    """
    held = [(days >> (WEEK_DAYS * place)) & _WEEK > 0 for place in range(WEEKS)]
    return np.asarray(np.sum(held, axis=0), dtype=np.int64)


def highest(days: Int) -> Int:
    """Return the place of the last day, 0 to 27; -1 where there is none.

    Parameters
    ----------
    days : ndarray of int64
    """
    return np.frexp(days.astype(np.float64))[1].astype(np.int64) - 1


def merge(key: Int, *words: Int) -> tuple[Int, list[Int]]:
    """Put together the bits of rows that share a key.

    Parameters
    ----------
    key : ndarray of int64, shape (n_rows,)
    *words : ndarray of int64, shape (n_rows,)

    Returns
    -------
    keys : ndarray of int64, ascending, each once
    merged : list of ndarray of int64, one for each of the words
    """
    if not len(key):
        return key, list(words)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return ordered[starts], [np.bitwise_or.reduceat(word[order], starts) for word in words]


def _table() -> Int:
    halves = np.arange(2**16, dtype=np.int64)
    return np.asarray(sum((halves >> place) & 1 for place in range(16)), dtype=np.int64)


_SET: Final = _table()
