"""Engine B: is a rule more than what is already known? A score multiplier bootstrap.

Grain in: one row per term with the covariates of the null model, and the grid of rules.  Grain
out: one adjusted p per rule.  ``methods.md`` 2.3: residuals of a logit on the covariates, each
rule's indicator cleared of them, contributions summed to accounts, random signs for accounts.
The denominator is the model-based one: the self-normalised version rejects far too often when
churn is rare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models import progress
from cs_models.learn.engines import draws
from cs_models.learn.engines.stepdown import Adjusted, adjust
from cs_models.learn.rules.grid import Grid

# A rule that the covariates explain nearly whole has nothing of its own left to test.
SMALLEST_OWN_SHARE = 0.05
_RIDGE = 1e-6  # against an information of about 0.2 per orthonormal column

Float = NDArray[np.float64]


@dataclass(frozen=True)
class NullModel:
    """A logit of churn on covariates alone.

    Attributes
    ----------
    design : ndarray of float, shape (n_rows, n_covariates)
        Orthogonalised covariates, the first constant.
    residual, weight : ndarray of float, shape (n_rows,)
        Churn less its fitted probability p, and p (1 - p); both 0 outside the scope.
    """

    design: Float
    residual: Float
    weight: Float


def fit_null(
    design: Float, churned: Float, rows: NDArray[np.int64], expected: Float | None = None
) -> NullModel:
    """Fit the null model on the rows of a scope by Newton's method.

    A logit of having left; or, where the churns expected of each row from how long it was watched
    are given, a log-linear model of that hazard, whose residuals are martingale residuals.

    Parameters
    ----------
    design : ndarray of float, shape (n_population, n_covariates)
        Without a constant; columns may be redundant.
    churned : ndarray of float, shape (n_population,)
    rows : ndarray of int
        Rows of the scope; all others get residual and weight 0.
    expected : ndarray of float, shape (n_population,), optional
        Cumulative hazard of each row.

    Returns
    -------
    NullModel
    """
    inside = _independent(design[rows])
    target = churned[rows]
    hazard = None if expected is None else expected[rows]
    rate = np.clip(target.mean(), 1e-6, 1 - 1e-6)
    coefficients = np.zeros(inside.shape[1])
    start = np.log(rate / (1 - rate)) if hazard is None else 0.0
    coefficients[0] = start / inside[0, 0]
    for _ in range(50):
        fitted, weight = _mean(inside @ coefficients, hazard)
        information = (inside * weight[:, None]).T @ inside
        information[np.diag_indices_from(information)] += _RIDGE
        score = inside.T @ (target - fitted) - _RIDGE * coefficients
        move = np.linalg.solve(information, score)
        move *= min(1.0, 5.0 * np.sqrt(len(rows)) / max(float(np.abs(move).max()), 1e-12))
        coefficients += move
        if np.abs(inside @ move).max() < 1e-9:
            break
    fitted, weight = _mean(inside @ coefficients, hazard)
    full = np.zeros((len(churned), inside.shape[1]))
    full[rows] = inside
    residual, weights = np.zeros(len(churned)), np.zeros(len(churned))
    residual[rows] = target - fitted
    weights[rows] = weight
    return NullModel(full, residual, weights)


def _mean(linear: Float, hazard: Float | None) -> tuple[Float, Float]:
    """Return the fitted mean of each row and its variance."""
    bounded = np.clip(linear, -30, 30)
    if hazard is not None:
        fitted = hazard * np.exp(bounded)
        return fitted, fitted
    fitted = 1 / (1 + np.exp(-bounded))
    return fitted, fitted * (1 - fitted)


def _independent(design: Float) -> Float:
    """Return a constant and an orthonormal basis of the centred, scaled covariates."""
    centred = design - design.mean(axis=0)
    scale = centred.std(axis=0)
    centred = centred[:, scale > 1e-12] / scale[scale > 1e-12]
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    kept = left[:, singular > 1e-8 * max(1.0, float(singular.max(initial=0.0)))]
    constant = np.full((len(design), 1), 1 / np.sqrt(len(design)))
    return np.column_stack([constant, kept])


@dataclass(frozen=True)
class Scores:
    """Score statistics of rules given the null model.

    Attributes
    ----------
    statistic : ndarray of float, shape (n_rules,)
        0 for a rule that the covariates explain.
    loadings : ndarray of float, shape (n_rules, n_covariates)
        Regression of each indicator on the covariates.
    inverse : ndarray of float, shape (n_rules,)
        1 over the model-based standard deviation; 0 where not testable.
    """

    statistic: Float
    loadings: Float
    inverse: Float


def scores(grid: Grid, model: NullModel, allowed: NDArray[np.bool_]) -> Scores:
    """Clear every rule's indicator of the covariates and score it.

    Parameters
    ----------
    grid : Grid
    model : NullModel
    allowed : ndarray of bool, shape (n_rules,)
        Rules to test.

    Returns
    -------
    Scores
    """
    weighted = model.design * model.weight[:, None]
    sums = grid.above(np.column_stack([model.residual, model.weight, weighted]))
    loadings = np.zeros((len(grid.rules), model.design.shape[1]))
    own, variance, marginal = (np.zeros(len(grid.rules)) for _ in range(3))
    for rows, rules in grid.parts():
        design, cross = model.design[rows], sums[rules, 2:]
        information = weighted[rows].T @ design
        information[np.diag_indices_from(information)] += 1e-9 * np.trace(information) + 1e-12
        loadings[rules] = np.linalg.solve(information, cross.T).T
        variance[rules] = sums[rules, 1] - (loadings[rules] * cross).sum(axis=1)
        weight = max(float(model.weight[rows].sum()), 1e-12)
        marginal[rules] = sums[rules, 1] - sums[rules, 1] ** 2 / weight
        own[rules] = sums[rules, 0] - loadings[rules] @ (design.T @ model.residual[rows])
    testable = allowed & (variance > SMALLEST_OWN_SHARE * marginal) & (variance > 1e-9)
    inverse = np.where(testable, 1 / np.sqrt(np.where(testable, variance, 1.0)), 0.0)
    return Scores(np.round(own * inverse, 9), loadings, inverse)


def test(
    grid: Grid,
    model: NullModel,
    account: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[Scores, Adjusted]:
    """Test rules given the covariates, all together.

    Parameters
    ----------
    grid : Grid
        Rules of one scope; others must not be ``allowed``.
    model : NullModel
    account : ndarray of int, shape (n_rows,)
        Clusters: one random sign each.
    allowed : ndarray of bool, shape (n_rules,)
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    tuple of Scores and Adjusted
        Rules that are not allowed or not testable have statistic 0 and p 1.
    """
    scored = scores(grid, model, allowed)
    null = null_statistics(grid, model, account, scored, n_draws=n_draws, rng=rng)
    return scored, adjust(scored.statistic, null)


def null_statistics(
    grid: Grid,
    model: NullModel,
    account: NDArray[np.int64],
    scored: Scores,
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.float32]]:
    """Yield |T| of every rule under random signs of the accounts, (n_rules, k) at a time.

    Parameters
    ----------
    grid, model, account
        As for :func:`test`.
    scored : Scores
        Their loadings and deviations standardise the signed sums.
    n_draws : int
    rng : numpy.random.Generator
    """
    signs = rng.integers(0, 2, size=(n_draws, int(account.max()) + 1), dtype=np.int8)
    inverse = scored.inverse.astype(np.float32)[:, None]
    loadings = scored.loadings.astype(np.float32)
    parts = grid.parts()
    start = 0
    sizes = draws.chunk_sizes(len(account), n_draws)
    for size in progress.through(sizes, "batches of random signs"):
        sign = 2.0 * signs[start : start + size].T[account] - 1.0
        start += size
        signed = sign * model.residual[:, None]
        sums = grid.above(signed.astype(np.float32))
        for rows, rules in parts:
            explained = (model.design[rows].T @ signed[rows]).astype(np.float32)
            sums[rules] -= loadings[rules] @ explained
        sums *= inverse
        yield np.abs(sums, out=sums)
