"""Accounts behind a column's values: sums within accounts, and how many have a value.

Grain in: one row per term with its account.  Grain out: one row per account, or per column.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FEWEST_KNOWN: Final = 10  # accounts with a value: below it a column says nothing of its side

Float = NDArray[np.float64]
Whole = NDArray[np.int64]


def accounts(known: NDArray[np.bool_], account: Whole) -> Whole:
    """Return how many accounts have a value in each column."""
    if not len(known):
        return np.zeros(known.shape[1], dtype=np.int64)
    return np.asarray((by_account(known.astype(float), account) > 0).sum(axis=0), dtype=np.int64)


def by_account(rows: Float, account: Whole) -> Float:
    """Sum rows within accounts."""
    order = np.argsort(account, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(account[order]) > 0])
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0), dtype=np.float64)
