"""Ratios of sums with account-clustered intervals: a rate over many accounts counts each use once.

Grain in: one row per account and period, a numerator and a denominator each.  Grain out: one row
per group.  The pooled value is the sum of the numerators over that of the denominators, so a large
account weighs what it is; its doubt takes the account as the unit (linearised, with G / (G - 1)).

A share (numerator never above denominator) gets Wilson's interval at the effective size, which
stays inside 0 to 1; any other ratio (use per seat may exceed 1) the linearised one with a t
quantile, not below 0.  With fewer than two accounts there is no interval.

Source: ``methods.md`` 1.4 (pooled value = ratio of sums, account-clustered).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.errors import ParameterError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LEVEL: Final = 0.95
COLUMNS: Final = ["value", "low", "high", "numerator", "n", "n_accounts"]


def pooled(
    rows: pd.DataFrame,
    numerator: str,
    denominator: str,
    *,
    by: Sequence[str] = (),
    cluster: str = "account_id",
    share: bool = False,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Return the pooled ratio of every group.

    Parameters
    ----------
    rows : DataFrame
        One row per account, or several; rows whose numerator or denominator is missing, or whose
        denominator is 0, do not count.
    numerator, denominator : str
        Columns, not below 0.
    by : sequence of str, default ()
        Columns that make the groups; all rows are one group when none is given.
    cluster : str, default "account_id"
        Column of the account.
    share : bool, default False
        Whether the ratio is a share (numerator never above denominator).
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    DataFrame, one row per group in the order of their names
        The columns of ``by``, then ``value``, ``low``, ``high`` (NaN with fewer than two
        accounts), ``numerator`` and ``n`` (sums), ``n_accounts``.

    Raises
    ------
    ParameterError
        A number is negative, or a share has a numerator above its denominator.
    """
    y = rows[numerator].to_numpy(dtype=np.float64)
    x = rows[denominator].to_numpy(dtype=np.float64)
    kept = ~np.isnan(y) & ~np.isnan(x) & (x != 0)
    own, y, x = rows[kept], y[kept], x[kept]
    _check(y, x, share, f"{numerator} / {denominator}")
    groups, code = _groups(own, by)
    accounts = pd.factorize(own[cluster])[0].astype(np.int64)
    values = _ratios(y, x, code, accounts, len(groups), share=share, level=level)
    return pd.concat([groups, pd.DataFrame(values, columns=COLUMNS)], axis=1)


def difference(
    rows: pd.DataFrame,
    numerator: str,
    denominator: str,
    *,
    side: str,
    cluster: str = "account_id",
    level: float = LEVEL,
) -> dict[str, float]:
    """Return how much larger the ratio is where ``side`` holds than where it does not.

    Parameters
    ----------
    rows, numerator, denominator, cluster, level
        As in :func:`pooled`.
    side : str
        Column of bool.

    Returns
    -------
    dict
        ``value``, ``low``, ``high``, ``p`` (two-sided); NaN where a side is empty or there are
        fewer than two accounts.  An account with rows on both sides counts as one.
    """
    y = rows[numerator].to_numpy(dtype=np.float64)
    x = rows[denominator].to_numpy(dtype=np.float64)
    one = rows[side].to_numpy(dtype=bool)
    accounts, names = pd.factorize(rows[cluster])
    totals = [float(x[mask].sum()) for mask in (one, ~one)]
    if min(totals) <= 0 or len(names) < 2:
        return dict.fromkeys(("value", "low", "high", "p"), float("nan"))
    ratio = [float(y[mask].sum()) / total for mask, total in zip((one, ~one), totals, strict=True)]
    score = np.where(one, (y - ratio[0] * x) / totals[0], -(y - ratio[1] * x) / totals[1])
    by_account = np.bincount(accounts, weights=score, minlength=len(names))
    se = float(np.sqrt(by_account @ by_account * len(names) / (len(names) - 1)))
    value, t = ratio[0] - ratio[1], float(stats.t.ppf(0.5 + level / 2, len(names) - 1))
    p = float(2 * stats.t.sf(abs(value) / se, len(names) - 1)) if se > 0 else float("nan")
    return {"value": value, "low": value - t * se, "high": value + t * se, "p": p}


def _check(y: Float, x: Float, share: bool, where: str) -> None:
    if (y < 0).any() or (x < 0).any():
        raise ParameterError("a count is negative", where=where)
    if share and (y > x).any():
        raise ParameterError(
            "a share has more above than below the line", where=where,
            got=f"{int((y > x).sum())} of {len(y)} rows", repair="give share=False",
        )  # fmt: skip


def _groups(rows: pd.DataFrame, by: Sequence[str]) -> tuple[pd.DataFrame, Int]:
    """Return the groups in the order of their names, and each row's."""
    if not by:
        return pd.DataFrame(index=range(1)), np.zeros(len(rows), dtype=np.int64)
    grouped = rows.groupby(list(by), sort=True, dropna=False, observed=True)
    code = grouped.ngroup().to_numpy(dtype=np.int64)
    first = np.unique(code, return_index=True)[1]
    return rows.iloc[first][list(by)].reset_index(drop=True), code.astype(np.int64)


def _ratios(
    y: Float, x: Float, code: Int, account: Int, n_groups: int, *, share: bool, level: float
) -> dict[str, Float]:
    """Return the columns of :func:`pooled`."""
    top = np.bincount(code, weights=y, minlength=n_groups).astype(np.float64)
    n = np.bincount(code, weights=x, minlength=n_groups).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = top / n
        residual = y - value[code] * x
        key = code * (int(account.max(initial=0)) + 1) + account
        cells, place = np.unique(key, return_inverse=True)
        sums = np.bincount(place, weights=residual, minlength=len(cells))
        owner = cells // (int(account.max(initial=0)) + 1)
        n_accounts = np.bincount(owner, minlength=n_groups).astype(np.float64)
        spread = np.bincount(owner, weights=sums**2, minlength=n_groups)
        variance = np.where(n_accounts > 1, spread * n_accounts / (n_accounts - 1) / n**2, np.nan)
    limits = _wilson(value, n, variance, level) if share else None
    low, high = limits or _linear(value, variance, n_accounts, level)
    return {
        "value": value, "low": low, "high": high, "numerator": top, "n": n,
        "n_accounts": n_accounts,
    }  # fmt: skip


def _linear(value: Float, variance: Float, n_accounts: Float, level: float) -> tuple[Float, Float]:
    t = stats.t.ppf(0.5 + level / 2, np.maximum(n_accounts - 1, 1))
    half = t * np.sqrt(variance)
    return np.maximum(value - half, 0.0), np.asarray(value + half)


def _wilson(value: Float, n: Float, variance: Float, level: float) -> tuple[Float, Float]:
    """Wilson's interval at the size that the clustered variance is worth, never above n."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(variance > 0, value * (1 - value) / variance, n)
        size = np.where(np.isnan(variance), np.nan, np.minimum(worth, n))
        centre = (value + z * z / (2 * size)) / (1 + z * z / size)
        half = z / (1 + z * z / size) * np.sqrt(value * (1 - value) / size + (z / 2 / size) ** 2)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)
