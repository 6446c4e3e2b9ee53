"""The chance of standing above a rule, given what was known before: a logit that always ends.

Grain in: plain arrays, one entry per term.  Grain out: coefficients.  ``methods.md`` 2.10.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

# In rows, on columns of standard deviation 1: keeps the fit finite where a level stands wholly on
# one side (such rows then weigh nearly nothing), and disturbs the balance by some 1e-5 elsewhere.
RIDGE: Final = 1e-3
_MOST_STEPS: Final = 60
_JITTER: Final = 1e-10

Float = NDArray[np.float64]
Side = NDArray[np.bool_]


def fit(design: Float, above: Side, weight: Float, start: Float, tolerance: float) -> Float:
    """Fit the logit of being above, by Newton's method with halved steps.

    Parameters
    ----------
    design : ndarray of float, shape (n_rows, 1 + n_columns)
        A constant, then columns of about standard deviation 1.
    above : ndarray of bool, shape (n_rows,)
    weight : ndarray of float, shape (n_rows,)
        How many times each row counts.
    start : ndarray of float, shape (1 + n_columns,)
    tolerance : float
        Stop when a step promises less log likelihood than this.

    Returns
    -------
    ndarray of float, shape (1 + n_columns,)
        Coefficients.  The constant is not penalised: both sides keep the same sum of overlap
        weights.
    """
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 0.0
    ridge = np.diag(np.maximum(penalty, _JITTER))
    side = above.astype(np.float64)
    beta, current = start, _loss(design, side, weight, start, penalty)
    for _ in range(_MOST_STEPS):
        chance = special.expit(design @ beta)
        gradient = design.T @ (weight * (side - chance)) - penalty * beta
        scaled = design * np.sqrt(weight * chance * (1 - chance))[:, None]
        step = linalg.solve(scaled.T @ scaled + ridge, gradient, assume_a="pos")
        if gradient @ step < tolerance:
            break
        while (proposed := _loss(design, side, weight, beta + step, penalty)) > current:
            step = step / 2
            if np.abs(step).max() < _JITTER:
                return beta
        beta, current = beta + step, proposed
    return beta


def _loss(design: Float, side: Float, weight: Float, beta: Float, penalty: Float) -> float:
    eta = design @ beta
    return float(weight @ (np.logaddexp(0.0, eta) - side * eta) + penalty @ beta**2 / 2)
