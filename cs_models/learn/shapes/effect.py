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
    within, error = _within_strata(above, renewed, stratum)
    error *= math.sqrt(deff)
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


def standard_error(rate_above: float, n_above: int, rate_below: float, n_below: int) -> float:
    """Return the larger of the pooled and the unpooled standard error of a difference."""
    rate = (rate_above * n_above + rate_below * n_below) / (n_above + n_below)
    pooled = rate * (1 - rate) * (1 / n_above + 1 / n_below)
    unpooled = rate_above * (1 - rate_above) / n_above + rate_below * (1 - rate_below) / n_below
    return math.sqrt(max(pooled, unpooled))


def _within_strata(
    above: NDArray[np.bool_], renewed: Float, stratum: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the Mantel-Haenszel weighted difference of rates and its standard error.

    Customers are compared with customers of the same stratum only, as the test does; strata in
    which all stand on one side say nothing and carry no weight.
    """
    weight_sum, gap_sum, variance = 0.0, 0.0, 0.0
    for code in np.unique(stratum):
        mine = stratum == code
        up, down = renewed[mine & above], renewed[mine & ~above]
        if not len(up) or not len(down):
            continue
        weight = len(up) * len(down) / (len(up) + len(down))
        rates = float(up.mean()), float(down.mean())
        weight_sum += weight
        gap_sum += weight * (rates[0] - rates[1])
        variance += (weight * standard_error(rates[0], len(up), rates[1], len(down))) ** 2
    if weight_sum == 0:
        return math.nan, math.nan
    return gap_sum / weight_sum, math.sqrt(variance) / weight_sum


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
