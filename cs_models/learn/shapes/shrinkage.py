"""Draw the segments together: their log cuts, and the log odds at them.

Grain in: counts of terms by segment and cut.  Grain out: a posterior of the cut and a shrunken
effect per segment.  ``methods.md`` 2.9: log cuts are a sample from a normal distribution whose
centre and spread are integrated over, never plugged in (with the best spread plugged in, 95 %
intervals hold the truth in half of the cases); effects by DerSimonian-Laird and BLUP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import betaln, gammaln

# Three times the 60 of methods.md: with 60 the true cut falls between two, and 300 terms per
# segment are enough to see it; every third one is a possible centre, so there are 60 of these.
N_CUTS = 180
CENTRE_EVERY = 3
BEYOND = 0.20  # of the log range of use, added at both ends: a cut may lie outside the data
TAUS = np.array([0.05, 0.15, 0.3, 0.5, 0.8, 1.2])
TAU_SCALE = 0.5  # of the half-normal prior
# Each rate has a beta prior around the segment's own rate that weighs as much as 8 terms.  A flat
# prior pays so much for a second rate that weak segments run off to cuts beyond their data.
PRIOR_TERMS = 8.0
_SAYS_NOTHING = 1e6  # variance of a log odds ratio of which nothing is known

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Posterior:
    """What is known of log cuts.

    Attributes
    ----------
    mean, low, high : ndarray of float, shape (n_segments,)
    tau : float
    """

    mean: Float
    low: Float
    high: Float
    tau: float


@dataclass(frozen=True)
class Shrunken:
    """Effects after shrinkage.

    Attributes
    ----------
    effect, standard_error : ndarray of float, shape (n_segments,)
    tau_squared : float
        Variance between segments beyond chance, DerSimonian and Laird's; 0 or more.
    """

    effect: Float
    standard_error: Float
    tau_squared: float


def cuts(x: Float, segment: Int) -> Float:
    """Lay equidistant log cuts over the use of all segments and 20 % beyond.

    Parameters
    ----------
    x : ndarray of float, shape (n_rows,)
        Log of use.
    segment : ndarray of int, shape (n_rows,)

    Returns
    -------
    ndarray of float, shape (180,)
        From the lowest 1 % quantile of a segment to the highest 99 % quantile, so that a stray
        value does not stretch it.
    """
    ends = np.array([np.quantile(x[segment == s], [0.01, 0.99]) for s in np.unique(segment)])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    beyond = max(BEYOND * (high - low), np.log1p(BEYOND))
    return np.linspace(low - beyond, high + beyond, N_CUTS)


def tally(
    x: Float, churned: Float, segment: Int, scale: Float, n_segments: int
) -> tuple[Float, Float]:
    """Count terms and churned terms from each cut up to below the next.

    Parameters
    ----------
    x, churned, segment : ndarray, shape (n_rows,)
    scale : ndarray of float, sorted, shape (n_cuts,)
    n_segments : int

    Returns
    -------
    cells, churned_cells : ndarray of float, shape (n_segments, n_cuts + 1)
        The first cell is below all cuts.
    """
    shape = (n_segments, len(scale) + 1)
    place = segment * shape[1] + np.searchsorted(scale, x, side="right")
    terms = np.bincount(place, minlength=shape[0] * shape[1]).astype(np.float64)
    lost = np.bincount(place, churned, minlength=shape[0] * shape[1])
    return terms.reshape(shape), np.asarray(lost.reshape(shape), dtype=np.float64)


def log_marginal(cells: Float, churned_cells: Float) -> Float:
    """Return the log marginal likelihood of two churn rates, for every cut.

    Parameters
    ----------
    cells, churned_cells : ndarray of float, shape (..., n_cuts + 1)
        From ``tally``; they broadcast.

    Returns
    -------
    ndarray of float, shape (..., n_cuts)
    """
    n_above, lost_above = above(cells), above(churned_cells)
    n_below = cells.sum(axis=-1, keepdims=True) - n_above
    lost_below = churned_cells.sum(axis=-1, keepdims=True) - lost_above
    rate = (churned_cells.sum(axis=-1) + 0.5) / (cells.sum(axis=-1) + 1.0)
    a = PRIOR_TERMS * rate[..., None]
    b = PRIOR_TERMS - a
    up = gammaln(a + lost_above) + gammaln(b + n_above - lost_above)
    down = gammaln(a + lost_below) + gammaln(b + n_below - lost_below)
    size = gammaln(PRIOR_TERMS + n_above) + gammaln(PRIOR_TERMS + n_below)
    return np.asarray(up + down - size - 2.0 * betaln(a, b))


def posterior(evidence: Float, scale: Float, level: float) -> Posterior:
    """Integrate the segments' log cuts over the centre and the spread of their distribution.

    Parameters
    ----------
    evidence : ndarray of float, shape (n_segments, n_cuts)
        Log marginal likelihoods.
    scale : ndarray of float, shape (n_cuts,)
    level : float
        Of the interval, its ends at the edges of the cuts' cells.

    Returns
    -------
    Posterior
        One segment has nobody to learn from: its posterior is its own likelihood's.
    """
    if len(evidence) == 1:
        return together(evidence, scale, level)
    centres = scale[::CENTRE_EVERY]
    prior = np.exp(-0.5 * ((scale - centres[:, None, None]) / TAUS[:, None]) ** 2)
    prior = (prior / prior.sum(axis=2, keepdims=True)).reshape(-1, len(scale))
    # Mass of the half-normal around each spread: the spreads are not equidistant.
    edges = np.r_[0.0, (TAUS[1:] + TAUS[:-1]) / 2, np.inf] / TAU_SCALE
    of_tau = np.diff(stats.norm.cdf(edges))
    likely = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    explained = likely @ prior.T + 1e-300
    weight = np.log(explained).sum(axis=0) + np.tile(np.log(of_tau), len(centres))
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    tau = float(weight.reshape(len(centres), -1).sum(axis=0) @ TAUS)
    return _summary(likely * ((weight / explained) @ prior), scale, level, tau)


def together(evidence: Float, scale: Float, level: float) -> Posterior:
    """Return the posterior of one cut that all segments share, flat on the log scale.

    Parameters
    ----------
    evidence, scale, level
        As in ``posterior``.

    Returns
    -------
    Posterior
        With one row.
    """
    total = evidence.sum(axis=0, keepdims=True)
    return _summary(np.exp(total - total.max()), scale, level, 0.0)


def above(cells: Float) -> Float:
    """Return counts at or above each cut from counts by cell, over the last axis.

    Parameters
    ----------
    cells : ndarray of float, shape (..., n_cuts + 1)

    Returns
    -------
    ndarray of float, shape (..., n_cuts)
    """
    return np.asarray(np.flip(np.flip(cells, axis=-1).cumsum(axis=-1), axis=-1)[..., 1:])


def shrink(effect: Float, variance: Float) -> Shrunken:
    """Draw estimates together by the best linear unbiased predictor.

    Parameters
    ----------
    effect, variance : ndarray of float, shape (n_segments,)
        Variances are above 0.

    Returns
    -------
    Shrunken
        The standard error holds the doubt about the common mean as well.
    """
    weight = 1.0 / variance
    mean = float(weight @ effect / weight.sum())
    spread = float(weight @ (effect - mean) ** 2)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    tau_squared = max(0.0, (spread - (len(effect) - 1)) / scale) if scale > 1e-12 else 0.0
    weight = 1.0 / (variance + tau_squared)
    mean = float(weight @ effect / weight.sum())
    to_mean = variance / (variance + tau_squared)
    doubt = tau_squared * to_mean + to_mean**2 / weight.sum()
    return Shrunken(effect + to_mean * (mean - effect), np.sqrt(doubt), tau_squared)


def log_odds(n_above: Float, churned_above: Float, n: Float, churned: Float) -> tuple[Float, Float]:
    """Return the log odds ratio of renewal, above against below, and its variance.

    Parameters
    ----------
    n_above, churned_above, n, churned : ndarray of float, shape (n_segments,)
        Terms and churned terms above the level, and in all.

    Returns
    -------
    effect, variance : ndarray of float, shape (n_segments,)
        Half a term is added to each of the four cells (Jeffreys).  A segment that is wholly on
        one side says nothing: effect 0, and a variance that leaves it no weight.
    """
    n_below, churned_below = n - n_above, churned - churned_above
    cells = 0.5 + np.stack(
        [n_above - churned_above, churned_above, n_below - churned_below, churned_below]
    )
    effect = np.log(cells[0] / cells[1]) - np.log(cells[2] / cells[3])
    both = (n_above > 0) & (n_below > 0)
    return np.where(both, effect, 0.0), np.where(both, (1.0 / cells).sum(axis=0), _SAYS_NOTHING)


def rates(effect: Float, n_above: Float, n: Float, churned: Float) -> tuple[Float, Float]:
    """Return renewal rates above and below that have this effect and the segment's own total.

    Parameters
    ----------
    effect : ndarray of float, shape (n_segments,)
        Log odds ratio of renewal, above against below.
    n_above, n, churned : ndarray of float, shape (n_segments,)

    Returns
    -------
    above, below : ndarray of float, shape (n_segments,)
        Renewal rates strictly between 0 and 1; above minus below grows with the effect.
    """
    rate = (n - churned + 0.5) / (n + 1.0)
    share = np.divide(n_above, n, out=np.full_like(rate, 0.5), where=n > 0)
    middle = np.log(rate / (1 - rate))
    low, high = middle - np.abs(effect), middle + np.abs(effect)
    for _ in range(60):  # bisection: the total grows with the intercept
        below = (low + high) / 2
        total = share * _expit(below + effect) + (1 - share) * _expit(below)
        low, high = np.where(total < rate, below, low), np.where(total < rate, high, below)
    return _expit(below + effect), _expit(below)


def _summary(weight: Float, scale: Float, level: float, tau: float) -> Posterior:
    mass = weight / weight.sum(axis=1, keepdims=True)
    cumulated = mass.cumsum(axis=1)
    tail, half, last = (1 - level) / 2, (scale[1] - scale[0]) / 2, len(scale) - 1
    low = np.minimum((cumulated < tail).sum(axis=1), last)
    high = np.minimum((cumulated < 1 - tail).sum(axis=1), last)
    return Posterior(mass @ scale, scale[low] - half, scale[high] + half, tau)


def _expit(x: Float) -> Float:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))
