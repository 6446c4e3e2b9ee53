"""Which shape foretells better: a step or a smooth curve, judged on accounts not learnt from.

Grain in: the rows of one scope, one column.  Grain out: one difference of log likelihoods.
``methods.md`` 2.5 (d): 5 folds of whole accounts, 5 times; the step's cut and the kind of curve
are chosen inside each training part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn import splits
from cs_models.learn.shapes import supscore

N_FOLDS = 5
N_REPEATS = 5
_MOST_ROWS = 200_000  # rows × repeats: with many rows one deal into folds says what five do
# Prior standard deviations of log odds per standard deviation of a column.  They only bind where
# a training part holds no churn at all on one side, whose held-out rows would else cost 30 each.
COVARIATE_PRIOR = 0.5
SHAPE_PRIOR = 2.0

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """A penalised logit on part of the rows.

    Attributes
    ----------
    linear : ndarray of float, shape (n_rows,)
        Log odds of churn of every row, those left out too.
    log_likelihood : float
        Of the rows that were fitted.
    coefficients : ndarray of float, shape (n_columns,)
    """

    linear: Float
    log_likelihood: float
    coefficients: Float


def fit(design: Float, churned: Float, kept: Float, penalty: Float, start: Float) -> Fit:
    """Fit a logit with a ridge by Newton's method.

    Parameters
    ----------
    design : ndarray of float, shape (n_rows, n_columns)
        The first column constant, the others of mean 0 and standard deviation 1.
    churned, kept : ndarray of float, shape (n_rows,)
        0 or 1; rows with ``kept`` 0 are not learnt from.
    penalty : ndarray of float, shape (n_columns,)
        1 over the prior variance of each coefficient.
    start : ndarray of float, shape (n_columns,)

    Returns
    -------
    Fit
    """
    coefficients = start.copy()
    linear = np.clip(design @ coefficients, -30, 30)
    for _ in range(30):
        rate = _expit(linear)
        information = (design * (kept * rate * (1 - rate))[:, None]).T @ design
        information[np.diag_indices_from(information)] += penalty + 1e-9
        score = design.T @ (kept * (churned - rate)) - penalty * coefficients
        move = np.linalg.solve(information, score)
        move *= min(1.0, 5.0 / max(float(np.abs(move).max()), 1e-12))
        coefficients += move
        linear = np.clip(design @ coefficients, -30, 30)
        if np.abs(move).max() < 1e-5:
            break
    return Fit(linear, float(kept @ _log_likelihood(churned, linear)), coefficients)


def delta_log_likelihood(
    steps: supscore.Steps,
    churned: Float,
    account: Int,
    covariates: Float,
    smooth: Float,
    rng: np.random.Generator,
) -> float:
    """Return the held-out log likelihood of the better step less that of the better curve.

    Parameters
    ----------
    steps : supscore.Steps
        The cuts from which each training part chooses.
    churned : ndarray of float, shape (n_rows,)
    account : ndarray of int, shape (n_rows,)
        Numbered from 0; an account is learnt from or judged by, never both.
    covariates : ndarray of float, shape (n_rows, n_covariates)
        In every model; orthonormal up to scale, the constant first.
    smooth : ndarray of float, shape (n_rows, 1 to 3)
        The value on the log scale, and the bends of its restricted cubic spline.
    rng : numpy.random.Generator
        Deals the accounts into folds.

    Returns
    -------
    float
        max(step, step + linear) - (linear or spline by the training part's AIC), in units of log
        likelihood of all rows, mean of the repeats.  Above 0 the step foretells better.
    """
    contest = _Contest(steps, churned, covariates, smooth)
    total = np.zeros(3)
    n_repeats = int(np.clip(_MOST_ROWS // len(churned), 1, N_REPEATS))
    for _ in range(n_repeats):
        folds = splits.grouped_folds(account, churned, n_folds=N_FOLDS, rng=rng)
        for fold in range(N_FOLDS):
            held = folds == fold
            if held.any():
                total += contest.held_out(held)
    step, step_and_line, curve = total / n_repeats
    return float(max(step, step_and_line) - curve)


class _Contest:
    """The four models, fitted on one training part after another."""

    def __init__(
        self, steps: supscore.Steps, churned: Float, covariates: Float, smooth: Float
    ) -> None:
        n, k = covariates.shape
        scaled = np.column_stack([np.ones(n), _standardised(covariates[:, 1:])])
        own = _standardised(_cleared(smooth, scaled))
        self.steps, self.churned = steps, churned
        self.curve = np.column_stack([scaled, own])
        self.sizes = {"none": k, "line": k + 1, "curve": k + own.shape[1]}
        self.penalty = np.full(self.curve.shape[1] + 1, 1 / SHAPE_PRIOR**2)
        self.penalty[:k] = 1 / COVARIATE_PRIOR**2
        self.penalty[0] = 0.0
        rate = np.clip(churned.mean(), 1e-6, 1 - 1e-6)
        everyone = np.ones(n)
        self.start = {}
        for name, size in self.sizes.items():
            first = np.zeros(size)
            first[0] = np.log(rate / (1 - rate))
            design = self.curve[:, :size]
            fitted = fit(design, churned, everyone, self.penalty[:size], first)
            self.start[name] = fitted.coefficients

    def held_out(self, held: NDArray[np.bool_]) -> Float:
        """Return the log likelihood of the held-out rows: step, step + line, best curve."""
        kept = (~held).astype(np.float64)
        plain = {name: self._smooth(name, kept) for name in self.sizes}
        aic = {n: self.sizes[n] - plain[n].log_likelihood for n in ("line", "curve")}
        best = plain[min(aic, key=lambda name: aic[name])]
        linear = [self._with_step(n, plain[n], kept) for n in ("none", "line")] + [best.linear]
        return np.array([_log_likelihood(self.churned[held], one[held]).sum() for one in linear])

    def _smooth(self, name: str, kept: Float) -> Fit:
        size = self.sizes[name]
        design, penalty = self.curve[:, :size], self.penalty[:size]
        return fit(design, self.churned, kept, penalty, self.start[name])

    def _with_step(self, name: str, null: Fit, kept: Float) -> Float:
        """Add the step that scores best on the training part to a model fitted there."""
        size = self.sizes[name]
        design = self.curve[:, :size]
        rate = _expit(null.linear)
        residual, weight = kept * (self.churned - rate), kept * rate * (1 - rate)
        statistic, _, _ = supscore.scores(self.steps, design, residual, weight)
        best = int(np.abs(statistic).argmax())
        if statistic[best] == 0:
            return null.linear
        above = _standardised((self.steps.gap > best).astype(np.float64)[:, None])
        design = np.column_stack([design, above])
        penalty = np.append(self.penalty[:size], 1 / SHAPE_PRIOR**2)
        start = np.append(null.coefficients, 0.0)
        return fit(design, self.churned, kept, penalty, start).linear


def _standardised(columns: Float) -> Float:
    centred = columns - columns.mean(axis=0)
    scale = centred.std(axis=0)
    return np.asarray(centred[:, scale > 1e-9] / scale[scale > 1e-9])


def _cleared(smooth: Float, scaled: Float) -> Float:
    """Clear each column of the covariates and of the columns before it."""
    inside = scaled
    parts = []
    for column in _standardised(smooth).T:
        rest = column - inside @ np.linalg.lstsq(inside, column, rcond=None)[0]
        if rest.std() > 1e-6:
            parts.append(rest / rest.std())
            inside = np.column_stack([inside, parts[-1]])
    return np.column_stack(parts) if parts else np.zeros((len(smooth), 0))


def _expit(linear: Float) -> Float:
    return np.asarray(1 / (1 + np.exp(-linear)))


def _log_likelihood(churned: Float, linear: Float) -> Float:
    return np.asarray(churned * linear - np.logaddexp(0, linear))
