"""How renewal goes with the amount of use: a monotone curve with a band.

Grain in: the rows of one scope and one value each.  Grain out: one row per value of a grid.
``methods.md`` 2.5 (e): isotonic regression, accounts drawn with replacement for the band.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, sparse, stats

_MOST_CELLS = 4_000_000  # distinct values × re-runs held at once

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def curve(
    values: Float,
    churned: Float,
    account: Int,
    *,
    rng: np.random.Generator,
    increasing: bool | None = None,
    n_boot: int = 200,
    level: float = 0.95,
    points: int = 60,
) -> pd.DataFrame:
    """Return the renewal rate as a monotone function of a value.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
        No missing values.
    churned : ndarray of float, shape (n_rows,)
        1 for leaving, 0 for staying.
    account : ndarray of int, shape (n_rows,)
        Clusters: drawn whole, with replacement.
    rng : numpy.random.Generator
    increasing : bool, optional
        Whether renewal rises with the value; by default as it does in the data at hand.
    n_boot : int, default 200
        Re-runs behind the band.
    level : float, default 0.95
        Of the band at each point by itself.
    points : int, default 60
        Most rows; observed values at equal steps of rank, repeated ones once.

    Returns
    -------
    DataFrame, one row per value
        ``value``, ``rate`` (renewal rate 0 to 1), ``low``, ``high``.

    Notes
    -----
    The estimate is scikit-learn's ``IsotonicRegression``.  The band is the percentile interval,
    widened where needed to hold the estimate; isotonic curves are steps, and the band says how
    far they move, not where exactly a step lies (``methods.md`` 2.6 does that).
    """
    renewed = 1.0 - churned
    if increasing is None:
        increasing = bool(stats.rankdata(values) @ (renewed - renewed.mean()) >= 0)
    at, place = np.unique(values, return_inverse=True)
    clusters, cluster = np.unique(account, return_inverse=True)
    shape = (len(at), len(clusters))
    n = sparse.csr_array((np.ones(len(values)), (place, cluster)), shape=shape)
    kept = sparse.csr_array((renewed, (place, cluster)), shape=shape)
    grid = np.unique(np.quantile(values, np.linspace(0, 1, points), method="inverted_cdf"))
    everyone = np.ones(len(clusters))
    rate = _isotonic(at, n @ everyone, kept @ everyone, grid, increasing)
    drawn = np.empty((n_boot, len(grid)))
    size = max(1, _MOST_CELLS // max(shape))
    for start in range(0, n_boot, size):
        times = _resampled(len(clusters), min(size, n_boot - start), rng)
        terms, renewals = (n @ times).T.copy(), (kept @ times).T.copy()
        for row in range(times.shape[1]):
            drawn[start + row] = _isotonic(at, terms[row], renewals[row], grid, increasing)
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn, tails, axis=0) if n_boot else (rate, rate)
    return pd.DataFrame(
        {
            "value": grid,
            "rate": rate,
            "low": np.minimum(low, rate),
            "high": np.maximum(high, rate),
        }
    )


def _resampled(n_accounts: int, size: int, rng: np.random.Generator) -> Float:
    """Return how often each account is drawn, shape (n_accounts, size)."""
    drawn = rng.integers(0, n_accounts, size=(size, n_accounts))
    drawn += n_accounts * np.arange(size)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=size * n_accounts)
    return np.ascontiguousarray(counts.reshape(size, n_accounts).T.astype(np.float64))


def _isotonic(at: Float, n: Float, renewed: Float, grid: Float, increasing: bool) -> Float:
    """Fit renewal rates of distinct values, weighted by their terms, and read them off a grid."""
    seen = n > 0  # a re-run can miss a value; its neighbours speak for it
    rates, weights = renewed[seen] / n[seen], n[seen]
    fitted = optimize.isotonic_regression(rates, weights=weights, increasing=increasing).x
    return np.asarray(np.interp(grid, at[seen], fitted))
