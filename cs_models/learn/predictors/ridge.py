"""The ladder's regressions: a ridge logistic regression on columns of the design.

Grain: encoded training terms in, one fitted line out.

Source: ``methods.md`` 3 (L2, L3).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cs_models.learn import splits
from cs_models.learn.predictors.forms import Line, Task, columns_of
from cs_models.learn.predictors.table import Floats, Ints

_PENALTIES: Final = (0.0003, 0.001, 0.003, 0.01, 0.03)  # scikit-learn's C, smallest first
_FOLDS: Final = 3
_TRIAL_TOL: Final = 1e-2  # enough to tell strengths apart
_LEAN_ROWS: Final = 100_000


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
    model = _logistic(strength, len(places))
    model.fit(columns_of(task.data.design, places), task.churned)
    return _told(model, places, strength)


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
    model = _logistic(fitted.penalty, len(fitted.places)).set_params(warm_start=True)
    model.coef_ = np.array([fitted.coefficients])
    model.intercept_ = np.array([fitted.intercept])
    table = columns_of(task.data.design, fitted.places)
    model.fit(table[drawn], task.churned[drawn], sample_weight=times[drawn].astype("float64"))
    return _told(model, fitted.places, fitted.penalty)


def _told(model: Any, places: tuple[int, ...], strength: float) -> Line:
    return Line(places, tuple(map(float, model.coef_[0])), float(model.intercept_[0]), strength)


def _logistic(strength: float, width: int, tol: float = 1e-4) -> Any:
    from sklearn.linear_model import LogisticRegression

    # Newton's steps are the quickest until the columns' square outgrows the rows.
    solver = "newton-cholesky" if width <= 500 else "lbfgs"
    return LogisticRegression(C=strength, solver=solver, max_iter=200, tol=tol)


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
    table = columns_of(task.data.design, places)
    losses = np.zeros(len(_PENALTIES))
    for number in range(_FOLDS):
        held = fold == number
        churned = task.churned[~held]
        if churned.min() == churned.max():
            continue
        learnt, tested = (_lean(table[rows]) for rows in (~held, held))
        for place, strength in enumerate(_PENALTIES):
            model = _logistic(strength, len(places), _TRIAL_TOL).fit(learnt, churned)
            losses[place] += loss(model.decision_function(tested), task.churned[held])
    return _PENALTIES[int(np.argmin(losses))]


def _lean(table: Floats) -> Any:
    """Return a large table in single precision, enough to tell strengths apart."""
    return table.astype(np.float32) if len(table) > _LEAN_ROWS else table


def loss(logit: Floats, churned: Floats) -> float:
    """Return the log loss of all rows together, in nats, from log-odds."""
    return float((np.logaddexp(0.0, logit) - churned * logit).sum())
