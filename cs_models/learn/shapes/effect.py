"""How big is the gap, honestly: rates either side, and the interval that knows of the search.

Grain in: the rows of one scope and one rule's indicator.  Grain out: one record of rates.
``methods.md`` 2.7: ``gap ± q · max(pooled, unpooled s.e.) · sqrt(design effect)``, with q the
quantile of the null maximum over everything that was searched, and the gap the one between
customers of the same stratum, because that is what the test compares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from cs_models.learn.shapes import likelihood

Z_POWER_80 = 0.8416212335729143

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """Renewal rates either side of a rule.

    Attributes
    ----------
    rate_above, rate_below, lift : float
        Renewal rates 0 to 1, raw; ``lift`` is above minus below.
    lift_within_strata, lift_low, lift_high : float
        The gap compared only inside strata (segment and contract length), and its simultaneous
        interval.
    standard_error, design_effect : float
        Of the gap within strata, the design effect included; and that design effect.
    """

    rate_above: float
    rate_below: float
    lift: float
    lift_low: float
    lift_high: float
    lift_within_strata: float
    standard_error: float
    design_effect: float


def measure(
    above: NDArray[np.bool_],
    churned: Float,
    stratum: NDArray[np.int64],
    account: NDArray[np.int64],
    *,
    quantile: float,
) -> Effect:
    """Compare renewal above and below a rule, allowing for the search that found it.

    Parameters
    ----------
    above : ndarray of bool, shape (n_rows,)
        Rows of the rule's scope.
    churned, stratum, account : ndarray, shape (n_rows,)
    quantile : float
        Quantile of the null maximum of the whole family, such as 3.6.

    Returns
    -------
    Effect
    """
    renewed = 1.0 - churned
    rate_above, rate_below = float(renewed[above].mean()), float(renewed[~above].mean())
    lift = rate_above - rate_below
    deff = likelihood.design_effect(above, churned, stratum, account)
    compared = within_strata(above, renewed, stratum)
    within, error = compared.gap, compared.standard_error * math.sqrt(deff)
    reach = quantile * error
    return Effect(
        rate_above=rate_above,
        rate_below=rate_below,
        lift=lift,
        lift_low=max(-1.0, within - reach),
        lift_high=min(1.0, within + reach),
        lift_within_strata=within,
        standard_error=error,
        design_effect=deff,
    )


@dataclass(frozen=True)
class WithinStrata:
    """Two sides compared inside strata only.

    Attributes
    ----------
    gap, standard_error : float
        Mantel-Haenszel weighted difference of rates, above minus below, and its standard error;
        NaN when no stratum holds both sides.
    score : float
        The stratified score statistic of the same contrast.
    """

    gap: float
    standard_error: float
    score: float


def within_strata(
    above: NDArray[np.bool_],
    renewed: Float,
    stratum: NDArray[np.int64],
    weights: Float | None = None,
) -> WithinStrata:
    """Compare renewal above and below inside strata, as the test does.

    Strata in which all stand on one side say nothing and carry no weight.

    Parameters
    ----------
    above : ndarray of bool, shape (n_rows,)
    renewed : ndarray of float, shape (n_rows,)
    stratum : ndarray of int, shape (n_rows,)
    weights : ndarray of float, shape (n_rows,), optional
        How often each row counts (a bootstrap); once each when None.

    Returns
    -------
    WithinStrata
    """
    counted = np.ones(len(renewed)) if weights is None else weights
    codes = 2 * np.unique(stratum, return_inverse=True)[1] + above
    n_cells = int(codes.max()) // 2 * 2 + 2
    n = np.bincount(codes, counted, minlength=n_cells).reshape(-1, 2)
    kept = np.bincount(codes, counted * renewed, minlength=n_cells).reshape(-1, 2)
    both = (n > 0).all(axis=1)
    n, kept = n[both], kept[both]
    if not len(n):
        return WithinStrata(math.nan, math.nan, math.nan)
    rates, sizes = kept / n, n.sum(axis=1)
    weight = n.prod(axis=1) / sizes
    rate = kept.sum(axis=1) / sizes
    gaps = rates[:, 1] - rates[:, 0]
    pooled = rate * (1 - rate) * (1 / n).sum(axis=1)
    unpooled = (rates * (1 - rates) / n).sum(axis=1)
    variance = (weight**2 * np.maximum(pooled, unpooled)).sum()
    null = (weight * rate * (1 - rate) * sizes / np.maximum(sizes - 1, 1)).sum()
    return WithinStrata(
        gap=float((weight * gaps).sum() / weight.sum()),
        standard_error=float(np.sqrt(variance) / weight.sum()),
        score=float((weight * gaps).sum() / np.sqrt(null)) if null > 0 else 0.0,
    )


def smallest_detectable_lift(churn_rate: float, information: float, quantile: float) -> float:
    """Return the gap between two halves that would be found 8 times in 10.

    Parameters
    ----------
    churn_rate : float
        Of the scope, strictly between 0 and 1.
    information : float
        Permutation variance of the churned terms above the most even rule: what the engine
        learns about a log odds ratio, whatever strata and repeated terms leave of it.
    quantile : float
        Quantile of the null maximum of the whole family.

    Returns
    -------
    float
        Difference of renewal rates, 0 to 1.
    """
    log_odds = (quantile + Z_POWER_80) / math.sqrt(information)

    def excess(below: float) -> float:
        return (_expit(below) + _expit(below - log_odds)) / 2 - churn_rate

    below = optimize.brentq(excess, -40.0, 40.0 + log_odds)
    return _expit(below) - _expit(below - log_odds)


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
