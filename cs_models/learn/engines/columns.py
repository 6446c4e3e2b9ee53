"""Which of several columns go with an outcome, beyond what is already known: one p for each.

Grain in: one row per answer, term or other case, with a column of numbers for each candidate.
Grain out: one statistic and one adjusted p per column.  The score multiplier bootstrap of
``multiplier`` (Engine B) for columns of any numbers, where that one reads the cuts of a grid: each
column is cleared of the covariates, contributions are summed to accounts, accounts get random
signs, and the largest of all columns is what each is held against (step-down maxT).

Source: ``methods.md`` 2.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.engines.multiplier import SMALLEST_OWN_SHARE, NullModel
from cs_models.learn.engines.stepdown import Adjusted, adjust

Float = NDArray[np.float64]
_BLOCK: Final = 500


def linear_null(design: Float, outcome: Float, *, n_groups: int = 0) -> NullModel:
    """Fit the null model of an outcome that is a number: least squares on the covariates.

    Parameters
    ----------
    design : ndarray of float, shape (n_rows, n_covariates)
        Covariates; with ``n_groups``, all centred in their group already, the outcome too.
    outcome : ndarray of float, shape (n_rows,)
    n_groups : int, default 0
        Groups whose means were taken off; a constant is added where there is none.

    Returns
    -------
    NullModel
        Its weight is one over all rows: the variance of what the covariates leave.
    """
    columns = design if n_groups else np.column_stack([np.ones(len(outcome)), design])
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    basis = left[:, singular > 1e-8 * max(1.0, float(singular.max(initial=0.0)))]
    residual = outcome - basis @ (basis.T @ outcome)
    free = max(len(outcome) - basis.shape[1] - n_groups, 1)
    variance = float(residual @ residual) / free
    return NullModel(basis, residual, np.full(len(outcome), variance))


def cleared(columns: Float, model: NullModel) -> Float:
    """Return the columns less what the covariates of the null model say of them.

    Parameters
    ----------
    columns : ndarray of float, shape (n_rows, n_columns)
    model : NullModel

    Returns
    -------
    ndarray of float, shape (n_rows, n_columns)
    """
    weighted = model.design * model.weight[:, None]
    information = weighted.T @ model.design
    if not len(information):
        return columns.astype(np.float64)
    information[np.diag_indices_from(information)] += 1e-9 * np.trace(information) + 1e-12
    loadings = np.linalg.solve(information, weighted.T @ columns)
    return np.asarray(columns - model.design @ loadings)


def test(
    columns: Float,
    model: NullModel,
    account: NDArray[np.int64],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[Float, Adjusted]:
    """Test columns given the covariates, all together.

    Parameters
    ----------
    columns : ndarray of float, shape (n_rows, n_columns)
    model : NullModel
    account : ndarray of int, shape (n_rows,)
        Clusters, 0 to n_accounts - 1: one random sign each.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    statistic : ndarray of float, shape (n_columns,)
        Positive where more goes with more; 0 for a column that the covariates explain.
    adjusted : Adjusted
        ``p`` of each column, adjusted for all.
    """
    own = cleared(columns, model)
    centred = columns - np.average(columns, axis=0, weights=model.weight + 1e-300)
    variance, marginal = model.weight @ own**2, model.weight @ centred**2
    return judge(own * model.residual[:, None], variance, marginal, account, n_draws=n_draws,
                 rng=rng)  # fmt: skip


def judge(
    scores: Float,
    variance: Float,
    marginal: Float,
    account: NDArray[np.int64],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[Float, Adjusted]:
    """Test columns whose scores are there already, each with covariates of its own perhaps.

    Parameters
    ----------
    scores : ndarray of float, shape (n_rows, n_columns)
        Cleared column times what its covariates leave of the outcome.
    variance : ndarray of float, shape (n_columns,)
        Of the sum of the scores, by the model.
    marginal : ndarray of float, shape (n_columns,)
        The same were the column not cleared: one that has little left is not tested.
    account : ndarray of int, shape (n_rows,)
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    statistic : ndarray of float, shape (n_columns,)
    adjusted : Adjusted
    """
    testable = (variance > SMALLEST_OWN_SHARE * marginal) & (variance > 1e-9)
    inverse = np.where(testable, 1 / np.sqrt(np.where(testable, variance, 1.0)), 0.0)
    by_account = np.zeros((int(account.max()) + 1, scores.shape[1]))
    np.add.at(by_account, account, scores)
    statistic = np.round(scores.sum(axis=0) * inverse, 9)
    return statistic, adjust(statistic, _null(by_account * inverse, n_draws, rng))


def _null(by_account: Float, n_draws: int, rng: np.random.Generator) -> Iterator[Float]:
    for start in range(0, n_draws, _BLOCK):
        size = min(_BLOCK, n_draws - start)
        signs = 2.0 * rng.integers(0, 2, size=(size, len(by_account)), dtype=np.int8) - 1.0
        yield np.abs(signs @ by_account).T
