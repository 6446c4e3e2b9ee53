"""What past lists came to, beside everybody else at the same time.

Grain in: one row per (thing, day it was looked at): on the list or not, what came, which account.
Grain out: one row of rates.

Those on a list are compared with those not on it *in the same cell* (the quarter's distance to the
renewal): a list that holds contracts far from their renewal must not look good because the far ones
leave less.  The rate of the others is weighed by where the list's rows stand.  This says how well a
list picks, not what a call did: who was called in the past is part of what came.

Source: ``methods.md`` 6 (each list's hit rate is backtested), 1.1 (accounts as units).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.learn.evaluation import rates

FEWEST: Final = 20  # accounts on past lists below which a rate is shown but nothing is concluded
Float = NDArray[np.float64]


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
    rows = pd.DataFrame(
        {
            "listed": np.asarray(listed, dtype=bool),
            "came": np.asarray(came, dtype=np.float64),
            "account": np.asarray(account),
            "cell": np.asarray(cell),
        }
    )
    rows = rows[rows["came"].notna()].reset_index(drop=True)
    mine, others = rows[rows["listed"]], rows[~rows["listed"]]
    own = rates.proportion(mine["came"], mine["account"], level=level)
    base, gap, error = _against(rows)
    z = float(stats.norm.ppf(1 - (1 - level) / 2 / max(1, n_compared)))
    return Past(
        rate=own.rate, low=own.low, high=own.high, n=own.n, n_accounts=own.n_clusters,
        n_hits=own.n_events, base_rate=base, n_others=len(others), difference=gap,
        difference_low=gap - z * error, difference_high=gap + z * error,
    )  # fmt: skip


def _against(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Return the others' rate as the listed stand, the gap, and its clustered standard error."""
    count = rows.pivot_table(
        index="cell", columns="listed", values="came", aggfunc="size", fill_value=0
    )
    if True not in count or False not in count:
        return float("nan"), float("nan"), float("nan")
    both = count[(count[True] > 0) & (count[False] > 0)]
    if both.empty:
        return float("nan"), float("nan"), float("nan")
    kept = rows[rows["cell"].isin(both.index)]
    n_listed = float(both[True].sum())
    at = kept["cell"].map(both[True]).to_numpy(np.float64)
    others = kept["cell"].map(both[False]).to_numpy(np.float64)
    on = kept["listed"].to_numpy(dtype=bool)
    weight = np.where(on, 1.0 / n_listed, at / n_listed / others)
    came = kept["came"].to_numpy(np.float64)
    base = float((weight * came)[~on].sum())
    own = float((weight * came)[on].sum())
    fitted = kept.groupby(["cell", "listed"])["came"].transform("mean").to_numpy(np.float64)
    signed = np.where(on, weight, -weight) * (came - fitted)
    codes, names = pd.factorize(kept["account"])
    sums = np.bincount(codes, weights=signed, minlength=len(names))
    correction = len(names) / max(1, len(names) - 1)
    error = float(np.sqrt(correction * (sums @ sums)))
    # Where all came out alike the sums are nought, not the doubt.
    floor = _floor(own, n_listed)
    return base, own - base, max(error, floor)


def _floor(rate: float, n: float) -> float:
    """Return the least standard error of a share of n rows: Agresti and Coull's at the edges."""
    shrunk = (rate * n + 2.0) / (n + 4.0)
    return float(np.sqrt(shrunk * (1 - shrunk) / (n + 4.0)))
