"""Doubt with the account as the unit: accounts are drawn again, with all their rows.

Grain in: one row per tested term with its account.  Grain out: how often each account was drawn,
one column per drawing.  Statistics weigh rows by that number, so that a thousand drawings are
matrix products and not a thousand resampled tables.  ``methods.md`` 1.1 and 3: rows copied 82
times (one a snapshot) leave every interval as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models import progress
from cs_models.errors import ParameterError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MOST_LACKING: Final = 0.05
_CELLS: Final = 2**18  # of a block of drawings: it stays in the processor's cache


def accounts(account: ArrayLike) -> tuple[Int, int]:
    """Give numbers to the accounts of rows, in the order of their names.

    Parameters
    ----------
    account : array-like, shape (n_rows,)
        Account of each row.

    Returns
    -------
    codes : ndarray of int, shape (n_rows,)
        0 to n_accounts - 1; neither the order of rows nor copies of them change an account's.
    n_accounts : int

    Raises
    ------
    ParameterError
        A row has no account.
    """
    codes, names = pd.factorize(np.asarray(account), sort=True)
    if (codes < 0).any():
        raise ParameterError(
            "a row has no account, so its doubt cannot be told",
            where="account",
            got=f"{int((codes < 0).sum())} of {len(codes)} rows",
        )
    return codes.astype(np.int64), len(names)


def drawings(
    n_accounts: int, n_boot: int, rng: np.random.Generator, *, n_rows: int
) -> Iterator[Float]:
    """Draw accounts with replacement, block by block.

    Parameters
    ----------
    n_accounts : int
        How many there are, and how many each drawing draws.
    n_boot : int
        Drawings in all.
    rng : numpy.random.Generator
        Source of the draws; the size of the blocks does not change them.
    n_rows : int
        Rows that each drawing will weigh: it sets the size of the blocks.

    Yields
    ------
    ndarray of float, shape (n_accounts, block)
        How often each account is drawn.
    """
    block = max(8, _CELLS // max(n_rows, n_accounts, 1))
    for start in progress.through(range(0, n_boot, block), "batches of re-draws"):
        size = min(block, n_boot - start)
        drawn = rng.integers(0, n_accounts, size=(size, n_accounts))
        drawn += n_accounts * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_accounts)
        yield np.ascontiguousarray(counts.reshape(size, n_accounts).T.astype(np.float64))


def sums(values: Float, codes: Int, n_accounts: int) -> Float:
    """Add up the columns of `values` by account.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,) or (n_rows, n_columns)
    codes : ndarray of int, shape (n_rows,)
        Account of each row.
    n_accounts : int

    Returns
    -------
    ndarray of float, shape (n_columns, n_accounts)
    """
    columns = values.reshape(len(codes), -1).T
    return np.array([np.bincount(codes, weights=c, minlength=n_accounts) for c in columns])


def interval(drawn: Float, *, level: float = 0.95) -> tuple[Float, Float]:
    """Return percentile limits of each column of drawn statistics.

    Parameters
    ----------
    drawn : ndarray of float, shape (n_boot, n_statistics)
        NaN where a drawing does not define the statistic (it holds one class only).
    level : float, default 0.95
        Coverage, between 0 and 1.

    Returns
    -------
    low, high : ndarray of float, shape (n_statistics,)
        NaN where more than 5 % of the drawings lack the statistic: the others alone would tell
        of luckier histories than ours.
    """
    lacking = np.isnan(drawn)
    usable = (
        (lacking.mean(axis=0) <= MOST_LACKING) if len(drawn) else np.zeros(drawn.shape[1], bool)
    )
    low, high = np.full((2, drawn.shape[1]), np.nan)
    tails = [(1 - level) / 2, (1 + level) / 2]
    for column in np.flatnonzero(usable):
        there = drawn[~lacking[:, column], column]
        low[column], high[column] = np.quantile(there, tails)
    return low, high


def standard_error(values: Float, codes: Int, n_accounts: int) -> float:
    """Return the standard error of a mean of rows that belong to accounts.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
    codes : ndarray of int, shape (n_rows,)
        Account of each row.
    n_accounts : int

    Returns
    -------
    float
        NaN with fewer than two accounts.
    """
    if n_accounts < 2:
        return float("nan")
    by_account = sums(values - values.mean(), codes, n_accounts)[0]
    variance = float(by_account @ by_account) * n_accounts / (n_accounts - 1)
    return float(np.sqrt(variance) / len(values))
