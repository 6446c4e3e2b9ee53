"""Measures that know no model: rates with their doubt.

Terms of one account are not independent: an account that renewed last year tends to renew
this year.  Every interval here therefore takes the account as the unit (``methods.md`` 1.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Proportion:
    """A share with its account-clustered interval.

    Attributes
    ----------
    rate, low, high : float
        Share and interval, 0 to 1; NaN when there are no rows.
    n, n_clusters, n_events : int
        Rows, accounts and rows for which the event holds.
    design_effect : float
        How many times larger the variance is than if rows were independent; at least 1.
    """

    rate: float
    low: float
    high: float
    n: int
    n_clusters: int
    n_events: int
    design_effect: float


def proportion(event: ArrayLike, cluster: ArrayLike, *, level: float = 0.95) -> Proportion:
    """Share of rows for which `event` holds, with a Wilson interval at the effective size.

    Parameters
    ----------
    event : array-like of bool or {0, 1}, shape (n_rows,)
        Whether the event holds in each row (a contract term).
    cluster : array-like, shape (n_rows,)
        The account of each row.
    level : float, default 0.95
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Proportion
        The rate, its interval and the counts behind it.

    Notes
    -----
    The number of rows is divided by the design effect of the ratio estimator, never below
    one, and Wilson's interval is taken at that size: it stays inside [0, 1] and does not
    collapse when no event was seen.
    """
    values = np.asarray(event, dtype=float)
    n = len(values)
    if n == 0:
        return Proportion(np.nan, np.nan, np.nan, 0, 0, 0, 1.0)
    codes, names = pd.factorize(np.asarray(cluster))
    rate = float(values.mean())
    effect = _design_effect(values - rate, codes, len(names), rate)
    low, high = _wilson(rate, n / effect, level)
    return Proportion(rate, low, high, n, len(names), int(values.sum()), effect)


def _design_effect(residual: np.ndarray, codes: np.ndarray, n_clusters: int, rate: float) -> float:
    independent = len(residual) * rate * (1 - rate)
    if independent == 0 or n_clusters < 2:
        return 1.0
    sums = np.bincount(codes, weights=residual, minlength=n_clusters)
    clustered = float(sums @ sums) * n_clusters / (n_clusters - 1)
    return max(1.0, clustered / independent)


def _wilson(rate: float, size: float, level: float) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    centre = (rate + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(rate * (1 - rate) / size + (z / (2 * size)) ** 2)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
