"""How far whole quarters went from what was said of them: one shock a quarter, shared by all.

Grain in: out-of-time predictions, one row per (quarter, contract).  Grain out: what is known of the
shock's standard deviation on the logit, and draws of the shock of a quarter to come.

The model (``methods.md`` 4): logit of leaving = logit of the prediction + u_q, u_q normal with
standard deviation sigma, the same for every contract of quarter q, centred so that on average over
quarters the quarter's expected count is the one that was said.  Its likelihood is integrated over
u_q on a grid of steps of .02: a rule with fixed nodes (Gauss-Hermite) steps over the peak that a
quarter of some thousand contracts makes.

What is predicted is drawn from the posterior of sigma, never from its best value: with few
quarters that is biased towards none, and intervals built on it hold too little.  The prior is half
normal with standard deviation 1, which is nearly flat where histories lie (0 to .8).  Where
quarters are large the draws are then nearly Student's t with one degree of freedom less than
quarters, as ``methods.md`` asks; where they are small, what single contracts leaving explain is
not counted as shock.  Measured coverage, and why not a narrower prior: ``recovery``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

Float = NDArray[np.float64]

SIGMAS: Final = np.r_[0.0, np.arange(0.025, 2.001, 0.025)]
STEP: Final = 0.02
SHOCKS: Final = np.arange(-6.0, 6.0 + STEP / 2, STEP)
PRIOR_SIGMA: Final = 1.0  # of the half normal prior
FEWEST_QUARTERS: Final = 2
_ROUND: Final = 0.02  # logits of predictions are tallied in steps of this


@dataclass(frozen=True)
class Shock:
    """What past quarters say of the shock that a quarter brings.

    Attributes
    ----------
    sigma : float
        The standard deviation on the logit that makes the past quarters likeliest.
    low, high : float
        Its 95 % profile likelihood interval, within 0 to 2.
    n_quarters : int
        Quarters with a prediction.
    weight : ndarray of float, shape (81,)
        Posterior of sigma over ``SIGMAS``, adding up to 1.
    quarters : pandas.DataFrame
        One row per past quarter: quarter, n, churned, expected (both counts), shock (the
        likeliest one, logit units).
    """

    sigma: float
    low: float
    high: float
    n_quarters: int
    weight: Float
    quarters: pd.DataFrame

    @property
    def enough(self) -> bool:
        """Whether there were quarters to learn a spread from (two); else draws are the prior's."""
        return self.n_quarters >= FEWEST_QUARTERS

    def draw(self, size: tuple[int, ...], rng: np.random.Generator) -> Float:
        """Draw shocks of quarters to come; a path keeps one sigma along its last axis's quarters.

        Parameters
        ----------
        size : tuple of int
            (n_paths, n_quarters).
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of float, shape ``size``
            Not centred: see :func:`centred`.
        """
        sigma = rng.choice(SIGMAS, size=size[0], p=self.weight)
        return np.asarray(sigma[:, None] * rng.standard_normal(size))


def none() -> Shock:
    """Return a shock that is known to be 0: contracts that leave independently of each other."""
    weight = np.zeros(len(SIGMAS))
    weight[0] = 1.0
    columns = ["quarter", "n", "churned", "expected", "shock"]
    return Shock(0.0, 0.0, 0.0, 0, weight, pd.DataFrame(columns=columns))


def learn(probability: Float, churned: Float, quarter: NDArray[np.int64]) -> Shock:
    """Estimate the shock's standard deviation by marginal maximum likelihood.

    Parameters
    ----------
    probability : ndarray of float, shape (n_rows,)
        What was said before the quarter, 0 to 1; kept within 1e-4 of the ends.
    churned : ndarray of float {0, 1}, shape (n_rows,)
    quarter : ndarray of int, shape (n_rows,)

    Returns
    -------
    Shock
        Without rows ``weight`` is the prior.

    Notes
    -----
    Source: ``methods.md`` 4; the profile interval is the set in which twice the log likelihood
    falls by less than 3.84.
    """
    names = np.unique(quarter)
    rows = [_quarter(probability[quarter == q], churned[quarter == q]) for q in names]
    found = pd.DataFrame(
        {
            "quarter": names,
            "n": [int((quarter == q).sum()) for q in names],
            "churned": [int(churned[quarter == q].sum()) for q in names],
            "expected": [float(probability[quarter == q].sum()) for q in names],
            "shock": [float(SHOCKS[np.argmax(log_likely)]) for log_likely, _ in rows],
        }
    )
    evidence = sum((_evidence(*row) for row in rows), np.zeros(len(SIGMAS)))
    best = int(np.argmax(evidence))
    inside = SIGMAS[2.0 * (evidence[best] - evidence) <= stats.chi2.ppf(0.95, 1)]
    weight = _posterior(evidence)
    return Shock(
        float(SIGMAS[best]), float(inside[0]), float(inside[-1]), len(names), weight, found
    )


def centred(probability: Float, shocks: Float) -> Float:
    """Return the logits around which shocks leave the mean probability as it was said.

    Parameters
    ----------
    probability : ndarray of float, shape (n,)
    shocks : ndarray of float, shape (n_draws,)
        Draws of the shock of one quarter.

    Returns
    -------
    ndarray of float, shape (n,)
        eta with mean over draws of expit(eta + shock) = probability, to 1e-4; infinite where the
        probability is 0 or 1.
    """
    scale, mean = average(shocks)
    certain = (probability <= 0) | (probability >= 1)
    eta = np.interp(logit(np.where(certain, 0.5, probability)), logit(mean), scale)
    return np.where(certain, np.where(probability >= 1, np.inf, -np.inf), eta)


def average(shocks: Float) -> tuple[Float, Float]:
    """Tabulate the mean over shocks of the probability at a logit.

    Parameters
    ----------
    shocks : ndarray of float, shape (n_draws,)

    Returns
    -------
    scale, mean : ndarray of float, shape (601,)
        Logits from -15 to 15, and the mean of expit(logit + shock).
    """
    scale = np.linspace(-15.0, 15.0, 601)
    at = shocks if len(shocks) <= 400 else np.quantile(shocks, (np.arange(400) + 0.5) / 400)
    return scale, np.asarray(expit(scale[:, None] + at).mean(axis=1))


def _quarter(probability: Float, churned: Float) -> tuple[Float, Float]:
    """Return the log likelihood and the expected count of one quarter at every shock."""
    eta = np.round(logit(np.clip(probability, 1e-4, 1 - 1e-4)) / _ROUND) * _ROUND
    levels, place = np.unique(eta, return_inverse=True)
    n = np.bincount(place).astype(np.float64)
    k = np.bincount(place, churned)
    at = levels[:, None] + SHOCKS
    log_likely = k @ at - n @ np.logaddexp(0.0, at)
    return log_likely - log_likely.max(), np.asarray(n @ expit(at))


def _evidence(log_likely: Float, expected: Float) -> Float:
    """Return one quarter's log marginal likelihood at every sigma."""
    shift = _shift(expected)
    apart = (SHOCKS - shift[1:, None]) / SIGMAS[1:, None]
    density = np.exp(-(apart**2) / 2) / (np.sqrt(2 * np.pi) * SIGMAS[1:, None])
    found = np.log(density @ np.exp(log_likely) * STEP + 1e-300)
    return np.asarray(np.r_[np.interp(shift[0], SHOCKS, log_likely), found])


def _shift(expected: Float) -> Float:
    """Return, for every sigma, the centre at which the quarter's mean count is the one said."""
    z = np.linspace(-5.0, 5.0, 101)
    mass = stats.norm.pdf(z) * (z[1] - z[0])
    said = float(np.interp(0.0, SHOCKS, expected))
    slopes = np.gradient(expected, STEP)
    centre = np.zeros(len(SIGMAS))
    for _ in range(5):  # Newton; the count grows with the centre
        at = centre[:, None] + SIGMAS[:, None] * z
        slope = np.interp(at, SHOCKS, slopes) @ mass
        centre = centre - (np.interp(at, SHOCKS, expected) @ mass - said) / slope
    return centre


def _posterior(evidence: Float) -> Float:
    """Weigh every sigma by its likelihood and the half normal prior."""
    edges = np.r_[0.0, (SIGMAS[1:] + SIGMAS[:-1]) / 2, SIGMAS[-1]]
    prior = np.diff(stats.halfnorm.cdf(edges, scale=PRIOR_SIGMA))
    weight = prior * np.exp(evidence - evidence.max())
    return np.asarray(weight / weight.sum())
