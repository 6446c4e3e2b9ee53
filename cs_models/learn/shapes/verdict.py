"""Is it a threshold at all: a step, a slope, or undecided.

Grain in: the rows of one scope and one rule's own count.  Grain out: one verdict with the numbers
it rests on.  ``methods.md`` 2.5: what goes with renewal smoothly has a best cut too; it is called
a threshold only where a step says more than a smooth curve and foretells better than it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.engines import covariates as smooths
from cs_models.learn.engines import multiplier
from cs_models.learn.shapes import heldout, supscore

FEWEST_CUTS = 2

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """What the association looks like.

    Attributes
    ----------
    verdict : {"sharp", "tentative", "gradual", "associated"}
        A threshold; a step or a saturation; a slope without a threshold; undecided.
    p_step_linear, p_step_spline : float
        p of a step at the best of the cuts beyond a straight line and beyond a restricted cubic
        spline of the value on the log scale; nan where the values allow no curve.
    delta_log_likelihood : float
        Held-out log likelihood of the step less that of the smooth curve; nan likewise.
    """

    verdict: str
    p_step_linear: float
    p_step_spline: float
    delta_log_likelihood: float


def judge(
    values: Float,
    churned: Float,
    account: Int,
    stratum: Int,
    covariates: Float,
    cuts: Float,
    *,
    alpha: float = 0.05,
    n_draws: int = 999,
    rng: np.random.Generator,
) -> Shape:
    """Say whether a significant association is a step, a slope, or undecided.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
        The rule's own count on any nonnegative scale; no missing values.
    churned : ndarray of float, shape (n_rows,)
        1 for leaving, 0 for staying.
    account, stratum : ndarray of int, shape (n_rows,)
        Codes; accounts are the clusters, strata have an intercept each.
    covariates : ndarray of float, shape (n_rows, n_covariates)
        Without a constant; columns may be redundant.
    cuts : ndarray of float, shape (n_cuts,)
        Admissible levels; the rule is ``values >= cut``.
    alpha : float, default 0.05
    n_draws : int, default 999
        Random signs of the accounts.
    rng : numpy.random.Generator

    Returns
    -------
    Shape
        "associated" with nan where no step could be told from a slope: a single cut, or values
        so nearly binary that a spline has fewer than three knots.

    Notes
    -----
    That there is an association is taken as shown.  A null model that explains a cut's indicator
    to 95 % leaves that cut untested.
    """
    levels = np.unique(cuts)
    logged = on_log_scale(values)
    smooth = smooths.restricted_cubic_spline(logged, logged)
    if len(levels) < FEWEST_CUTS or smooth.shape[1] < 2:
        return Shape("associated", math.nan, math.nan, math.nan)
    # By first appearance, so that names of accounts decide neither signs nor folds.
    _, first, code = np.unique(account, return_index=True, return_inverse=True)
    account = np.argsort(np.argsort(first))[code]
    steps = supscore.Steps(values, levels)
    rows = np.arange(len(values))
    base = np.column_stack([_dummies(stratum), covariates])
    models = [
        multiplier.fit_null(np.column_stack([base, smooth[:, :size]]), churned, rows)
        for size in (1, smooth.shape[1])
    ]
    p_linear, p_spline = supscore.test(steps, models, account, n_draws=n_draws, rng=rng)
    known = multiplier.fit_null(base, churned, rows).design
    delta = heldout.delta_log_likelihood(steps, churned, account, known, smooth, rng)
    return Shape(decide(p_linear, p_spline, delta, alpha), p_linear, p_spline, delta)


def on_log_scale(values: Float) -> Float:
    """Return log(1 + value), shares and ratios first divided by their median.

    The 1 of log1p is one event on the scale of counts.  On the scale of a share it would be the
    whole range, and the logarithm a straight line; there the median of the positive values takes
    the place of one event, so that percentages and fractions give the same verdict.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
        Nonnegative; values below 0 count as 0.

    Returns
    -------
    ndarray of float, shape (n_rows,)
    """
    used = np.maximum(values, 0.0)
    positive = used[used > 0]
    is_count = not len(positive) or bool((positive == np.round(positive)).all())
    return np.asarray(np.log1p(used if is_count else used / np.median(positive)))


def _dummies(stratum: Int) -> Float:
    return np.asarray(stratum[:, None] == np.unique(stratum), dtype=np.float64)


def decide(p_linear: float, p_spline: float, delta: float, alpha: float) -> str:
    """Apply points 3 to 6 of ``methods.md`` 2.5.

    Parameters
    ----------
    p_linear, p_spline : float
        p of a step beyond a straight line, and beyond a spline.
    delta : float
        Held-out log likelihood of the step less that of the smooth curve.
    alpha : float

    Returns
    -------
    {"sharp", "tentative", "gradual", "associated"}
    """
    if p_spline <= alpha and delta > 0:
        return "sharp"
    if p_linear <= alpha and delta > 0:
        return "tentative"
    if p_spline > alpha and delta <= 0:
        return "gradual"
    return "associated"
