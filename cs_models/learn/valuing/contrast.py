"""Terms with something against terms without, among their like.

Grain in: one row per renewal (or any outcome of an account).  Grain out: one difference with its
account-clustered interval.

Rows are compared inside strata (segment, number of the renewal); a stratum counts by
n₁·n₀/(n₁ + n₀), so that one without either side counts nothing.  What went with what: customers
are not drawn by lot into the two sides.

Source: ``methods.md`` 1.1 (the account is the unit), 2.10 (confounding).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FEWEST: Final = 10  # rows on either side: below it nothing is compared
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """A difference within strata, and the two sides as compared.

    Attributes
    ----------
    difference, low, high : float
        With less without, in the outcome's unit; NaN where either side is too small.
    with_it, without : float
        Mean outcome of either side, in the same mix of strata.
    n_with, n_without, n_accounts : int
        Rows in strata that have both sides.
    """

    difference: float
    low: float
    high: float
    with_it: float
    without: float
    n_with: int
    n_without: int
    n_accounts: int

    @property
    def clear(self) -> bool:
        """Say whether the interval leaves out nought."""
        return bool(self.low > 0 or self.high < 0)


def within_strata(
    outcome: ArrayLike,
    exposed: ArrayLike,
    strata: ArrayLike,
    cluster: ArrayLike,
    *,
    level: float = 0.95,
) -> Contrast:
    """Compare rows with something and rows without it inside strata.

    Parameters
    ----------
    outcome : array-like of float, shape (n_rows,)
    exposed : array-like of bool, shape (n_rows,)
    strata, cluster : array-like, shape (n_rows,)
        What makes rows alike; the account of each.
    level : float, default 0.95
        Coverage.

    Returns
    -------
    Contrast
        The interval is by linearisation with the account as the unit (t with accounts on the
        smaller side less one).  NaN with fewer than 10 rows on either side.
    """
    y, e = np.asarray(outcome, dtype=np.float64), np.asarray(exposed, dtype=bool)
    codes, _ = pd.factorize(np.asarray(strata, dtype=object))
    size = int(codes.max(initial=-1)) + 1
    n1 = np.bincount(codes[e], minlength=size).astype(np.float64)
    n0 = np.bincount(codes[~e], minlength=size).astype(np.float64)
    weight = n1 * n0 / np.maximum(n1 + n0, 1)
    kept = weight[codes] > 0
    n_with, n_without = int((kept & e).sum()), int((kept & ~e).sum())
    names = pd.factorize(np.asarray(cluster, dtype=object))[0]
    n_accounts = len(np.unique(names[kept]))
    if min(n_with, n_without) < FEWEST:
        nothing = (np.nan,) * 5
        return Contrast(*nothing, n_with, n_without, n_accounts)
    share = weight / weight.sum()
    mean1 = np.bincount(codes[e], y[e], minlength=size) / np.maximum(n1, 1)
    mean0 = np.bincount(codes[~e], y[~e], minlength=size) / np.maximum(n0, 1)
    one, nought = float(share @ mean1), float(share @ mean0)
    pull = _pull(y, e, codes, share, (mean1, mean0), (n1, n0))
    # An account's rows move together, on both sides.
    by_account = np.bincount(names, pull)
    freedom = max(len(np.unique(names[kept & e])), 2) - 1
    scale = float(stats.t.ppf(0.5 + level / 2, min(freedom, n_accounts - 1)))
    half = scale * float(np.sqrt((by_account**2).sum() * (freedom + 1) / freedom))
    gap = one - nought
    return Contrast(gap, gap - half, gap + half, one, nought, n_with, n_without, n_accounts)


def _pull(
    y: Float,
    e: NDArray[np.bool_],
    codes: NDArray[np.int64],
    share: Float,
    means: tuple[Float, Float],
    sizes: tuple[Float, Float],
) -> Float:
    """Return how much each row moves the difference."""
    side = np.where(e, 0, 1)
    mean = np.where(e, means[0][codes], means[1][codes])
    size = np.where(e, sizes[0][codes], sizes[1][codes])
    sign = np.where(side == 0, 1.0, -1.0)
    return np.asarray(sign * share[codes] * (y - mean) / np.maximum(size, 1))
