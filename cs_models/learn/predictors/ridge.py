"""The ladder's regressions: a ridge logistic regression on columns of the design.

Grain: encoded training terms in, one fitted line out.

Source: ``methods.md`` 3 (L2, L3).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cs_models.learn import splits
from cs_models.learn.predictors import newton
from cs_models.learn.predictors.forms import Line, Task
from cs_models.learn.predictors.table import Floats, Ints

_PENALTIES: Final = (0.0003, 0.001, 0.003, 0.01, 0.03)  # scikit-learn's C, smallest first
_FOLDS: Final = 3
_TRIAL_TOL: Final = 1e-2  # enough to tell strengths apart
_MOST_COLUMNS: Final = 500


def fit(task: Task, places: tuple[int, ...], strength: float) -> Line:
    """Fit a regression.

    Parameters
    ----------
    task : Task
    places : tuple of int
        Columns of the design.
    strength : float
        The ridge: scikit-learn's C, smaller for more shrinkage.

    Returns
    -------
    Line
    """
    rows = newton.Rows(task.data.columns(places), task.churned)
    return _line(places, _fitted(rows, strength, 1e-4), strength)


def refit(fitted: Line, task: Task, times: Ints) -> Line:
    """Fit a regression to redrawn terms, from where it stood.

    Parameters
    ----------
    fitted : Line
    task : Task
        That it was fitted on.
    times : ndarray of int, shape (n_rows,)
        How often each term was drawn; some that left and some that stayed.

    Returns
    -------
    Line
    """
    drawn = np.flatnonzero(times)
    table = task.data.columns(fitted.places)
    rows = newton.Rows(table[drawn], task.churned[drawn], times[drawn].astype("float64"))
    start = np.array([*fitted.coefficients, fitted.intercept])
    return _line(fitted.places, _fitted(rows, fitted.penalty, 1e-4, start), fitted.penalty)


def _line(places: tuple[int, ...], coef: Floats, strength: float) -> Line:
    return Line(places, tuple(map(float, coef[:-1])), float(coef[-1]), strength)


def _fitted(rows: newton.Rows, strength: float, tol: float, start: Floats | None = None) -> Floats:
    """Return the coefficients, the intercept last."""
    found = None
    # Newton's steps are the quickest until the columns' square outgrows the rows.
    if rows.design.shape[1] <= _MOST_COLUMNS:
        found = newton.fit(rows, strength, tol=tol, start=start)
    return _searched(rows, strength, tol, start) if found is None else found


def _searched(rows: newton.Rows, strength: float, tol: float, start: Floats | None) -> Floats:
    """Fit by slopes alone, for many columns and wherever Newton's steps fail."""
    from sklearn.linear_model import LogisticRegression

    model: Any = LogisticRegression(C=strength, solver="lbfgs", max_iter=200, tol=tol)
    if start is not None:
        model.set_params(warm_start=True)
        model.coef_, model.intercept_ = start[None, :-1], start[-1:]
    model.fit(rows.design, rows.churned, sample_weight=rows.times)
    return np.append(model.coef_[0], model.intercept_).astype(np.float64)


def penalty(task: Task, places: tuple[int, ...], rng: np.random.Generator) -> float:
    """Choose the ridge's strength by the log loss on accounts held out.

    Parameters
    ----------
    task : Task
    places : tuple of int
        Columns of the design.
    rng : numpy.random.Generator
        Deals the accounts into folds.

    Returns
    -------
    float
        The strength of :func:`fit`.
    """
    fold = splits.grouped_folds(task.account, task.churned, n_folds=_FOLDS, rng=rng)
    # Of many rows in single precision, which is enough to tell strengths apart.
    table = task.data.columns(places, trial=True)
    losses = np.zeros(len(_PENALTIES))
    for number in range(_FOLDS):
        held = fold == number
        churned = task.churned[~held]
        if churned.min() != churned.max():
            losses += _trials(table, held, task.churned)
    return _PENALTIES[int(np.argmin(losses))]


def _trials(table: Any, held: NDArray[np.bool_], churned: Floats) -> Floats:
    """Return the loss of each strength on rows held out; two folds' rows never lie in memory."""
    learnt, tested = table[~held], table[held]
    rows = newton.Rows(learnt, churned[~held])
    losses = np.zeros(len(_PENALTIES))
    for place, strength in enumerate(_PENALTIES):
        coef = _fitted(rows, strength, _TRIAL_TOL).astype(learnt.dtype)
        losses[place] = loss(tested @ coef[:-1] + coef[-1], churned[held])
    return losses


def loss(logit: Floats, churned: Floats) -> float:
    """Return the log loss of all rows together, in nats, from log-odds."""
    return float((np.logaddexp(0.0, logit) - churned * logit).sum())
