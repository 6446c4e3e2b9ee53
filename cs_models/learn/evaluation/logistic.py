"""Small logistic regressions, many at once: of outcomes on functions of a predicted logit.

Grain in: one row per tested term.  Grain out: one column of coefficients per weighting (drawings
of accounts) or per outcome (simulated ones).  Newton's method; the matrix products of all columns
are one.  Restricted cubic splines after Harrell, Regression Modeling Strategies (2015), 2.4.5.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

SMALLEST: Final = 1e-6
_THREE_KNOTS: Final = (0.1, 0.5, 0.9)
_FOUR_KNOTS: Final = (0.05, 0.35, 0.65, 0.95)
_FEWEST_TO_BEND: Final = 20
_FEWEST_FOR_FOUR: Final = 100
_RIDGE: Final = (
    1e-8  # so small that it moves no estimate; it keeps a drawing without spread solvable
)
_MOST_MOVE: Final = 3.0
_BOUND: Final = 30.0  # log odds that no data bear out: classes are apart there
_LEAST_SPREAD: Final = 1e-4
_CLOSE: Final = 1e-7  # Newton's error is then of the order of its square
_MOST_STEPS: Final = 40
_TRUSTED_AFTER: Final = 12


def logit(p: Float) -> Float:
    """Return log odds, of probabilities held within 1e-6 of 0 and 1.

    Parameters
    ----------
    p : ndarray of float
        0 to 1.

    Returns
    -------
    ndarray of float
    """
    held = np.clip(p, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(held) - np.log1p(-held))


def expit(x: Float) -> Float:
    """Return the probability of log odds.

    Parameters
    ----------
    x : ndarray of float

    Returns
    -------
    ndarray of float
        0 to 1.
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -_BOUND, _BOUND))))


def fit(
    design: Float,
    outcome: Float,
    *,
    weight: Float | None = None,
    offset: Float | None = None,
    start: Float | None = None,
) -> Float:
    """Fit logistic regressions that share their rows, by Newton's method.

    Parameters
    ----------
    design : ndarray of float, shape (n_rows, n_terms)
        The first column is the intercept.
    outcome : ndarray of float, shape (n_rows, n_fits) or (n_rows, 1)
        0 or 1.
    weight : ndarray of float, shape (n_rows, n_fits), optional
        How often each row counts; once each when None.
    offset : ndarray of float, shape (n_rows,), optional
        Known part of the log odds.
    start : ndarray of float, shape (n_terms,), optional
        Coefficients to start from; zeros when None.

    Returns
    -------
    ndarray of float, shape (n_terms, n_fits)
        NaN where one class is missing, or where classes are apart so that no maximum exists.
    """
    n_fits = max(outcome.shape[1], 1 if weight is None else weight.shape[1])
    first, second = np.triu_indices(design.shape[1])
    squares = np.ascontiguousarray((design[:, first] * design[:, second]).T)
    known = np.zeros(len(design)) if offset is None else offset
    beta = np.zeros((design.shape[1], n_fits))
    beta += 0 if start is None else start[:, None]
    found = np.full(beta.shape, np.nan)
    running = np.flatnonzero(_both(outcome, weight, n_fits))
    for turn in range(_MOST_STEPS):
        if not len(running):
            break
        linear = design @ beta[:, running] + known[:, None]
        rate = expit(linear)
        spread, gap = rate * (1 - rate), _of(outcome, running) - rate
        if weight is not None:
            mine = _of(weight, running)
            spread, gap = spread * mine, gap * mine
        step = _solve(squares @ spread, design.T @ gap, first, second)
        beta[:, running] += step
        apart = (np.abs(linear).max(axis=0) >= _BOUND) | (spread.sum(axis=0) < _LEAST_SPREAD)
        done = np.abs(step).max(axis=0) < _CLOSE
        found[:, running[done & ~apart]] = beta[:, running[done & ~apart]]
        # Early on the way a good fit may overshoot; what is still out there later is apart.
        running = running[~(done | (apart & (turn >= _TRUSTED_AFTER)))]
    return found


def robust_covariance(design: Float, rate: Float, residual_sums: Float) -> Float:
    """Return the account-robust covariance of the coefficients of one fit.

    Parameters
    ----------
    design : ndarray of float, shape (n_rows, n_terms)
    rate : ndarray of float, shape (n_rows,)
        Fitted probabilities.
    residual_sums : ndarray of float, shape (n_terms, n_accounts)
        Sums by account of design times (outcome - rate).

    Returns
    -------
    ndarray of float, shape (n_terms, n_terms)
        NaN with fewer than two accounts or without spread.
    """
    n_accounts = residual_sums.shape[1]
    information = design.T @ (design * (rate * (1 - rate))[:, None])
    if n_accounts < 2 or not np.isfinite(np.linalg.cond(information)):
        return np.full(information.shape, np.nan)
    bread = np.linalg.pinv(information)
    meat = residual_sums @ residual_sums.T * n_accounts / (n_accounts - 1)
    return np.asarray(bread @ meat @ bread)


def knots(x: Float, n_events: int) -> Float:
    """Choose the knots of a restricted cubic spline.

    Parameters
    ----------
    x : ndarray of float, shape (n_rows,)
    n_events : int
        Accounts of the rarer class: under 20 no knots, under 100 three, else four.

    Returns
    -------
    ndarray of float
        Empty (a straight line) where fewer than three distinct knots are to be had.
    """
    if n_events < _FEWEST_TO_BEND:
        return np.empty(0)
    shares = _THREE_KNOTS if n_events < _FEWEST_FOR_FOUR else _FOUR_KNOTS
    places = np.unique(np.quantile(x, shares, method="inverted_cdf"))
    return places if len(places) >= 3 else np.empty(0)


def spline(x: Float, places: Float) -> Float:
    """Return the basis of a restricted cubic spline: straight beyond the outer knots.

    Parameters
    ----------
    x : ndarray of float, shape (n_rows,)
    places : ndarray of float, shape (n_knots,)
        Knots in growing order; empty for a straight line.

    Returns
    -------
    ndarray of float, shape (n_rows, max(2, n_knots))
        Intercept, x, and n_knots - 2 curved terms.
    """
    columns = [np.ones(len(x)), x]
    if len(places):
        last, before = places[-1], places[-2]
        scale, gap = (last - places[0]) ** 2, last - before
        for knot in places[:-2]:
            bent = _cube(x - knot)
            bent -= _cube(x - before) * (last - knot) / gap
            bent += _cube(x - last) * (before - knot) / gap
            columns.append(bent / scale)
    return np.column_stack(columns)


def _cube(x: Float) -> Float:
    return np.asarray(np.maximum(x, 0.0) ** 3)


def _solve(
    information: Float, score: Float, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Float:
    """Return each column's Newton step, no longer than a few log odds."""
    n_terms, n_fits = score.shape
    matrix = np.empty((n_fits, n_terms, n_terms))
    matrix[:, first, second] = information.T
    matrix[:, second, first] = information.T
    diagonal = np.arange(n_terms)
    matrix[:, diagonal, diagonal] += _RIDGE * (1 + matrix[:, diagonal, diagonal])
    step = np.linalg.solve(matrix, score.T[:, :, None])[:, :, 0].T
    longest = np.abs(step).max(axis=0)
    return np.asarray(step * np.minimum(1.0, _MOST_MOVE / np.maximum(longest, 1e-300)))


def _of(columns: Float, running: NDArray[np.intp]) -> Float:
    """Return the columns that still run; one column that all share stays one."""
    shared = columns.shape[1] == 1 or len(running) == columns.shape[1]
    return columns if shared else np.asarray(columns[:, running])


def _both(outcome: Float, weight: Float | None, n_fits: int) -> NDArray[np.bool_]:
    """Say in which fits some left and some stayed."""
    if weight is None:
        share = outcome.mean(axis=0) if len(outcome) else np.zeros(outcome.shape[1])
    else:
        share = (outcome * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
    return np.broadcast_to((share > 0) & (share < 1 - 1e-12), (n_fits,))
