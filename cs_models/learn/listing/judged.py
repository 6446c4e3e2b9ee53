"""What past lists came to, beside everybody else at the same time.

Grain in: one row per (thing, day it was looked at): on the list or not, what came, which account.
Grain out: one row of rates.

Those on a list are compared with those not on it *in the same cell* (the quarter's distance to the
renewal): a list that holds contracts far from their renewal must not look good because the far ones
leave less.  The rate of the others is weighed by where the list's rows stand.  This says how well a
list picks, not what a call did: who was called in the past is part of what came.

Source: ``methods.md`` 6 (each list's hit rate is backtested), 1.1 (accounts as units);
R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890 (interval of a difference, method 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.learn.evaluation import bootstrap, rates

FEWEST: Final = 20  # accounts on past lists below which a rate is shown but nothing is concluded
Float = NDArray[np.float64]
Whole = NDArray[np.intp]
Flags = NDArray[np.bool_]
N_BOOT: Final = 2000  # the limits of several lists at once lie far out in the tails


@dataclass(frozen=True)
class Ahead:
    """How much more of the ARR of what came true a list held than other calls would have.

    Attributes
    ----------
    gap, low, high : float
        Share of the list less that of the others (-1 to 1), with its interval; NaN without any.
    """

    gap: float
    low: float
    high: float


@dataclass(frozen=True)
class Caught:
    """How much of what came true was on past lists.

    Attributes
    ----------
    n, n_of : int
        Rows that came true: those listed, and all.
    arr, arr_of : float
        Their ARR, currency a year.
    share, low, high : float
        ``arr`` of ``arr_of`` (0 to 1), 95 % interval with accounts as units; NaN without any.
    """

    n: int
    n_of: int
    arr: float
    arr_of: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Past:
    """How often what a list is for came true.

    Attributes
    ----------
    rate, low, high : float
        Of those listed (0 to 1), 95 % interval with accounts as units; NaN without any.
    n, n_accounts, n_hits : int
        Rows listed whose outcome is known, their accounts, and how many came true.
    base_rate : float
        Of the others at the same time, weighed as the listed stand over the cells.
    n_others : int
    difference, difference_low, difference_high : float
        ``rate`` less ``base_rate`` over the cells where both have rows, with its interval, wider
        by the number of lists compared.
    """

    rate: float
    low: float
    high: float
    n: int
    n_accounts: int
    n_hits: int
    base_rate: float
    n_others: int
    difference: float
    difference_low: float
    difference_high: float

    @property
    def few(self) -> bool:
        """Tell whether too few accounts were listed to conclude anything."""
        return self.n_accounts < FEWEST

    @property
    def apart(self) -> bool:
        """Tell whether list and others can be told apart."""
        told = self.difference_low > 0 or self.difference_high < 0
        return bool(told and not self.few)


def compare(
    listed: ArrayLike,
    came: ArrayLike,
    account: ArrayLike,
    cell: ArrayLike,
    *,
    level: float = 0.95,
    n_compared: int = 1,
) -> Past:
    """Compare those listed with the others of their cells.

    Parameters
    ----------
    listed : array-like of bool, shape (n_rows,)
    came : array-like of float, shape (n_rows,)
        1 where it came true, 0 where not, NaN where not known: such rows are left out.
    account : array-like, shape (n_rows,)
    cell : array-like, shape (n_rows,)
        What must be alike, such as the days to the renewal.
    level : float, default 0.95
    n_compared : int, default 1
        Lists that are compared at once: the interval of the difference is Bonferroni's, so that of
        many lists without any merit one seldom looks good.

    Returns
    -------
    Past
    """
    on, hit = np.asarray(listed, dtype=bool), np.asarray(came, dtype=np.float64)
    known = ~np.isnan(hit)
    on, hit = on[known], hit[known]
    of = pd.factorize(np.asarray(account)[known])[0]
    cells = pd.factorize(np.asarray(cell)[known])[0]
    own = rates.proportion(hit[on], of[on], level=level)
    base, gap, low, high = _against(on, hit, of, cells, 1 - (1 - level) / max(1, n_compared))
    return Past(
        rate=own.rate, low=min(own.low, own.rate), high=max(own.high, own.rate), n=own.n,
        n_accounts=own.n_clusters, n_hits=own.n_events, base_rate=base,
        n_others=int((~on).sum()), difference=gap, difference_low=low, difference_high=high,
    )  # fmt: skip


def caught(
    listed: ArrayLike, came: ArrayLike, arr: ArrayLike, account: ArrayLike, *, level: float = 0.95
) -> Caught:
    """Say how much of what came true was on the lists, by rows and by their ARR.

    Parameters
    ----------
    listed : array-like of bool, shape (n_rows,)
    came : array-like of float, shape (n_rows,)
        1 where it came true; others, and NaN, do not count.
    arr : array-like of float, shape (n_rows,)
        Currency a year, not below 0; missing counts as nothing.
    account : array-like, shape (n_rows,)
    level : float, default 0.95

    Returns
    -------
    Caught

    Notes
    -----
    A ratio of sums, linearised, with G / (G - 1): one large customer widens the interval.
    """
    hit = np.asarray(came, dtype=np.float64) == 1
    on = np.asarray(listed, dtype=bool)[hit]
    money = np.nan_to_num(np.asarray(arr, dtype=np.float64)[hit])
    of, names = pd.factorize(np.asarray(account)[hit])
    whole, mine = float(money.sum()), float(money[on].sum())
    nothing = float("nan")
    if whole <= 0:
        return Caught(int(on.sum()), len(on), mine, whole, nothing, nothing, nothing)
    share, n = mine / whole, len(names)
    sums = np.bincount(of, weights=money * (on - share), minlength=n)
    half = nothing
    if n > 1:
        se = float(np.sqrt(sums @ sums * n / (n - 1))) / whole
        half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * se
    low, high = np.clip([share - half, share + half], 0.0, 1.0)
    return Caught(int(on.sum()), len(on), mine, whole, share, float(low), float(high))


def ahead(
    listed: ArrayLike,
    others: ArrayLike,
    came: ArrayLike,
    arr: ArrayLike,
    account: ArrayLike,
    *,
    level: float = 0.95,
    n_compared: int = 1,
    n_boot: int = N_BOOT,
    rng: np.random.Generator,
) -> Ahead:
    """Say by how much the lists held more of the ARR that came true than other calls would have.

    Parameters
    ----------
    listed : array-like of bool, shape (n_rows,)
    others : array-like of bool or float, shape (n_rows,)
        Whom the other calls would have reached, or how likely (0 to 1).
    came : array-like of float, shape (n_rows,)
        1 where it came true; others, and NaN, do not count.
    arr : array-like of float, shape (n_rows,)
        Currency a year, not below 0; missing counts as nothing.
    account : array-like, shape (n_rows,)
    level : float, default 0.95
    n_compared : int, default 1
        Lists that are compared at once: the interval is Bonferroni's.
    n_boot : int, default 2000
        Drawings of accounts.
    rng : numpy.random.Generator
        Draws the accounts.

    Returns
    -------
    Ahead

    Notes
    -----
    Paired: both shares are taken of the same drawn accounts, so that a large customer who left
    moves both.  Whom the calls reached is not drawn again.
    """
    hit = np.asarray(came, dtype=np.float64) == 1
    money = np.nan_to_num(np.asarray(arr, dtype=np.float64)[hit])
    apart = np.asarray(listed, dtype=np.float64)[hit] - np.asarray(others, dtype=np.float64)[hit]
    whole = float(money.sum())
    if whole <= 0:
        return Ahead(*(float("nan"),) * 3)
    codes, n = bootstrap.accounts(np.asarray(account)[hit])
    sums = bootstrap.sums(np.column_stack([money * apart, money]), codes, n)
    blocks = bootstrap.drawings(n, n_boot if n > 1 else 0, rng, n_rows=n)
    drawn = np.concatenate([np.empty((2, 0)), *(sums @ times for times in blocks)], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        gaps = (drawn[0] / drawn[1])[:, None]
    low, high = bootstrap.interval(gaps, level=1 - (1 - level) / max(1, n_compared))
    return Ahead(float(sums[0].sum()) / whole, float(low[0]), float(high[0]))


def _against(
    on: Flags, hit: Float, account: Whole, cell: Whole, level: float
) -> tuple[float, float, float, float]:
    """Return the others' rate as the listed stand, the gap, and the gap's interval.

    Newcombe's interval: from Wilson's for the few who are listed, which keeps its level far out in
    the tail where a normal one does not, and the others' clustered standard error.
    """
    size = int(cell.max(initial=-1)) + 1
    n_on, n_off = (np.bincount(cell[side], minlength=size) for side in (on, ~on))
    kept = ((n_on > 0) & (n_off > 0))[cell] if size else on
    on, hit, account, cell = on[kept], hit[kept], account[kept], cell[kept]
    if not on.any():
        return (float("nan"),) * 4
    own = rates.proportion(hit[on], account[on], level=level)
    y, of, at = hit[~on], account[~on], cell[~on]
    weight = n_on[at] / own.n / n_off[at]
    base = float(weight @ y)
    mean = np.bincount(at, weights=y, minlength=size) / np.maximum(n_off, 1)
    names, codes = np.unique(of, return_inverse=True)
    sums = np.bincount(codes, weights=weight * (y - mean[at]), minlength=len(names))
    variance = float(sums @ sums) * len(names) / max(1, len(names) - 1)
    wide = float(stats.norm.ppf(0.5 + level / 2)) ** 2 * variance
    gap = own.rate - base
    low = gap - float(np.sqrt((own.rate - own.low) ** 2 + wide))
    return base, gap, low, gap + float(np.sqrt((own.high - own.rate) ** 2 + wide))
