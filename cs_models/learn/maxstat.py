"""Closed forms for one maximally selected statistic, printed beside the permutation p.

Grain in: one score per row and one feature.  Grain out: the statistic, its cut, and p-values by
Lausen & Schumacher (1992) and by the improved Bonferroni bound of Lausen, Sauerbrei &
Schumacher (1994).  ``methods.md`` 2.2; checked against R's maxstat in ``methods.md`` 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from cs_models.errors import TooLittleDataError
from cs_models.learn import logrank

Float = NDArray[np.float64]


@dataclass(frozen=True)
class MaximallySelected:
    """The best split of one feature.

    Attributes
    ----------
    statistic : float
        Largest absolute standardised sum of scores over all cuts.
    cut : float
        Rows with a feature at or below it form the lower group.
    lower_sizes : ndarray of int
        Size of the lower group at each cut tried, increasing.
    n : int
        Number of rows.
    min_share, max_share : float
        Limits of the lower group's share.
    """

    statistic: float
    cut: float
    lower_sizes: NDArray[np.int64]
    n: int
    min_share: float
    max_share: float

    @property
    def p_lausen92(self) -> float:
        """Return the p-value of Lausen & Schumacher 1992."""
        return p_lausen92(self.statistic, self.min_share, self.max_share)

    @property
    def p_lausen94(self) -> float:
        """Return the p-value of Lausen, Sauerbrei & Schumacher 1994."""
        return p_lausen94(self.statistic, self.n, self.lower_sizes)


def maximally_selected(
    scores: Float, feature: Float, *, min_share: float = 0.1, max_share: float = 0.9
) -> MaximallySelected:
    """Standardise the sum of scores of the lower group at every cut, and take the largest.

    Parameters
    ----------
    scores : ndarray of float, shape (n_rows,)
        Churned 0/1, log-rank scores, or any other numeric outcome.
    feature : ndarray of float, shape (n_rows,)
    min_share, max_share : float
        The lower group's share lies between them.

    Returns
    -------
    MaximallySelected

    Raises
    ------
    TooLittleDataError
        No cut leaves enough rows on both sides.
    """
    sizes, cuts, signed = at_every_cut(scores, feature, min_share=min_share, max_share=max_share)
    n, statistic = len(scores), np.abs(signed)
    if not len(sizes):
        raise TooLittleDataError(
            "no cut leaves enough rows on both sides",
            got=f"{n} rows, {len(np.unique(feature))} distinct values",
            repair="use a feature with more levels, or more history",
        )
    best = int(np.argmax(np.round(statistic, 12)))
    return MaximallySelected(
        statistic=float(statistic[best]),
        cut=float(cuts[best]),
        lower_sizes=sizes,
        n=n,
        min_share=min_share,
        max_share=max_share,
    )


def at_every_cut(
    scores: Float, feature: Float, *, min_share: float = 0.1, max_share: float = 0.9
) -> tuple[NDArray[np.int64], Float, Float]:
    """Standardise the sum of scores of the lower group at every cut.

    Parameters
    ----------
    scores, feature : ndarray of float, shape (n_rows,)
    min_share, max_share : float
        The lower group's share lies between them.

    Returns
    -------
    lower_sizes : ndarray of int, shape (n_cuts,)
        Rows of the lower group, increasing.
    cuts : ndarray of float, shape (n_cuts,)
        Rows with a feature at or below it form the lower group.
    statistic : ndarray of float, shape (n_cuts,)
        (S - E) / sqrt(V) of 2.2.  For 0/1 scores, Pearson's chi-square of the two groups is its
        square times n / (n - 1).
    """
    order = np.argsort(feature)  # the order of equal values does not matter to sums
    ordered, a = feature[order], np.asarray(scores, dtype=np.float64)[order]
    n = len(a)
    sizes = np.flatnonzero(np.diff(ordered) > 0) + 1
    low, high = max(1, math.floor(n * min_share)), math.floor(n * max_share)
    sizes = sizes[(sizes >= low) & (sizes <= high)]
    spread = float(((a - a.mean()) ** 2).sum())
    variance = sizes * (n - sizes) / (n * (n - 1)) * spread
    statistic = (np.cumsum(a)[sizes - 1] - sizes * a.mean()) / np.sqrt(variance)
    return sizes, ordered[sizes - 1], statistic


def log_rank_scores(durations: Float, event_observed: Float) -> Float:
    """Return log-rank scores, with the tie rule of Hothorn & Lausen (2003).

    Parameters
    ----------
    durations : ndarray of float, shape (n_rows,)
    event_observed : ndarray of float, shape (n_rows,)
        1 where the event was seen, 0 where censored.

    Returns
    -------
    ndarray of float, shape (n_rows,)
        ``δ_i − Σ_{j: t_j ≤ t_i} δ_j / (n − #{k: t_k ≤ t_j} + 1)``.
    """
    return logrank.scores(durations, event_observed, tie="hothorn-lausen")


def p_lausen92(b: float, min_share: float = 0.1, max_share: float = 0.9) -> float:
    """Return P(M > b) of Lausen & Schumacher (1992), for a continuum of cuts.

    Parameters
    ----------
    b : float
        The maximally selected statistic.
    min_share, max_share : float
        Limits of the lower group's share.
    """
    if b < 1:
        return 1.0  # the expansion is about large b only
    density = float(stats.norm.pdf(b))
    odds = max_share * (1 - min_share) / ((1 - max_share) * min_share)
    return min(1.0, max(0.0, 4 * density / b + density * (b - 1 / b) * math.log(odds)))


def q_lausen92(p: float, min_share: float = 0.1, max_share: float = 0.9) -> float:
    """Return the statistic whose ``p_lausen92`` is p.

    Parameters
    ----------
    p : float
        Tail probability, 0.01 or 0.05 for example.
    min_share, max_share : float
    """
    found = optimize.brentq(lambda b: p_lausen92(b, min_share, max_share) - p, 1.5, 20.0)
    return float(found)


def p_lausen94(b: float, n: int, lower_sizes: NDArray[np.int64]) -> float:
    """Return the improved Bonferroni bound of Lausen, Sauerbrei & Schumacher (1994).

    Parameters
    ----------
    b : float
        The maximally selected statistic.
    n : int
        Number of rows.
    lower_sizes : ndarray of int
        Size of the lower group at each cut tried, increasing.
    """
    one, other = lower_sizes[:-1].astype(np.float64), lower_sizes[1:].astype(np.float64)
    t = np.sqrt(np.maximum(1 - one * (n - other) / ((n - one) * other), 0.0))
    steps = math.exp(-(b**2) / 2) / math.pi * (t - (b**2 / 4 - 1) * t**3 / 6)
    return min(1.0, max(0.0, 2 * float(stats.norm.sf(b)) + float(steps.sum())))
