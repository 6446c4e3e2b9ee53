"""Fisher scoring for a binary outcome, with Firth's penalty in reserve and doubt by account.

Grain in: one row per opportunity.  Grain out: one number per column.

Source: ``methods.md`` 4; Firth 1993, Biometrika 80:27; ``reliability.md`` E7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from cs_models.errors import DataError
from cs_models.learn.hazards.observed import Float

Link = Literal["logit", "cloglog"]

LARGEST: Final = 10.0
_STEPS: Final = 60
# The likelihood is flat where a standardised coefficient's variance is above 1 / FLAT: it would
# run away for ever, as it does where a column separates leavers from stayers.
FLAT: Final = 0.04


@dataclass(frozen=True)
class Fit:
    """A fit in the columns' own units: the intercept first.

    Attributes
    ----------
    coefficients : ndarray, shape (1 + n_columns,)
    covariance : ndarray, shape (1 + n_columns, 1 + n_columns)
        Sandwich over accounts.
    log_likelihood : float
        Without penalty.
    notices : tuple of str
    """

    coefficients: Float
    covariance: Float
    log_likelihood: float
    notices: tuple[str, ...] = ()


def fit(columns: Float, outcome: Float, account: ArrayLike, link: Link, penalty: float) -> Fit:
    """Fit a binary regression on standardised columns, and say it in the columns' own units.

    Parameters
    ----------
    columns : ndarray, shape (n_rows, n_columns)
        None constant.
    outcome : ndarray of 0.0 and 1.0, shape (n_rows,)
    account : array-like, shape (n_rows,)
        The cluster of each row.
    link : {"logit", "cloglog"}
    penalty : float
        Ridge on standardised columns.

    Returns
    -------
    Fit

    Raises
    ------
    DataError
        There is no finite estimate, and the link has no penalty that gives one.
    """
    scaled = np.empty((columns.shape[1] + 1, len(columns))).T  # column after column in memory
    scaled[:, 0] = 1.0
    centre = columns.mean(axis=0)
    own = np.subtract(columns, centre, out=scaled[:, 1:])
    scale = np.sqrt(np.einsum("ij,ij->j", own, own) / len(own))
    own /= scale
    ridge = np.r_[0.0, np.full(columns.shape[1], float(penalty))]
    values, converged = _scoring(scaled, outcome, link, ridge, firth=False)
    notices: tuple[str, ...] = ()
    if not converged:
        if link != "logit":
            raise DataError(
                "a column separates leavers from stayers: there is no finite estimate",
                where="cloglog",
                repair="take link='logit', or give a penalty",
            )
        values, converged = _scoring(scaled, outcome, link, ridge, firth=True)
        notices = ("a column separates leavers from stayers: estimated with Firth's penalty",)
    if not converged:
        raise DataError(
            "the estimates do not settle",
            where="renewal hazard",
            got=f"{columns.shape[1]} columns, {int(outcome.sum())} left",
            repair="use fewer columns, or give a penalty",
        )
    return _in_units(
        _covariance(scaled, outcome, account, link, ridge, values), centre, scale, notices
    )


def _scoring(
    columns: Float, outcome: Float, link: Link, ridge: Float, *, firth: bool
) -> tuple[Float, bool]:
    """Return the coefficients, and whether they settled at finite values."""
    values = np.zeros(columns.shape[1])
    share = np.clip(outcome.mean(), 1e-9, 1 - 1e-9)
    values[0] = special.logit(share) if link == "logit" else np.log(-np.log1p(-share))
    room = np.empty_like(columns)
    linear = columns @ values
    best = _objective(columns, outcome, link, ridge, values, linear, firth=firth)
    # With the logit each step is Newton's own: it leaves the square of its length.
    least = 1e-6 if link == "logit" and not firth else 1e-9
    for _ in range(_STEPS):
        residual, weight = _parts(linear, outcome, link)
        information = _information(columns, weight, room) + np.diag(ridge)
        inverse = np.linalg.pinv(information)
        if firth:
            lever = weight * ((columns @ inverse) * columns).sum(axis=1)
            residual = residual + lever * (0.5 - special.expit(linear))
        step = inverse @ (columns.T @ residual - ridge * values)
        for _halving in range(20):
            trial = values + step
            linear = columns @ trial
            reached = _objective(columns, outcome, link, ridge, trial, linear, firth=firth)
            if reached >= best - 1e-12 * abs(best):
                break
            step = step / 2
        gain, values, best = reached - best, trial, reached
        if np.abs(step).max() < least and abs(gain) < 1e-9 * (1 + abs(best)):
            return values, firth or float(np.linalg.eigvalsh(information)[0]) > FLAT
    return values, False


def _information(columns: Float, weight: Float, room: Float | None = None) -> Float:
    weighted = np.multiply(columns, weight[:, None], out=room)
    return np.asarray(columns.T @ weighted)


def _objective(
    columns: Float,
    outcome: Float,
    link: Link,
    ridge: Float,
    values: Float,
    linear: Float,
    *,
    firth: bool,
) -> float:
    total = _log_likelihood(linear, outcome, link) - 0.5 * float(ridge @ values**2)
    if firth:
        weight = _parts(linear, outcome, link)[1]
        total += 0.5 * float(np.linalg.slogdet(_information(columns, weight))[1])
    return total


def _log_likelihood(linear: Float, outcome: Float, link: Link) -> float:
    if link == "logit":
        # log(1 + e^x), of which numpy's logaddexp takes three times as long
        soft = np.maximum(linear, 0.0).sum() + np.log1p(np.exp(-np.abs(linear))).sum()
        return float(outcome @ linear - soft)
    hazard = np.exp(np.minimum(linear, 30.0))
    left = np.log(np.maximum(-np.expm1(-hazard), 1e-300))
    return float(np.sum(np.where(outcome > 0, left, -hazard)))


def _parts(linear: Float, outcome: Float, link: Link) -> tuple[Float, Float]:
    """Return each row's score and expected information with regard to the linear predictor."""
    if link == "logit":
        mean = special.expit(linear)
        return outcome - mean, mean * (1 - mean)
    hazard = np.exp(np.clip(linear, -30.0, 30.0))
    mean = np.clip(-np.expm1(-hazard), 1e-12, 1 - 1e-12)
    slope = hazard * (1 - mean)
    return (outcome - mean) * slope / (mean * (1 - mean)), slope**2 / (mean * (1 - mean))


def mean(linear: Float, link: Link) -> Float:
    """Return the chance that belongs to a linear predictor."""
    if link == "logit":
        return np.asarray(special.expit(linear))
    return np.asarray(-np.expm1(-np.exp(np.minimum(linear, 30.0))))


def _covariance(
    columns: Float, outcome: Float, account: ArrayLike, link: Link, ridge: Float, values: Float
) -> Fit:
    linear = columns @ values
    residual, weight = _parts(linear, outcome, link)
    inverse = np.linalg.pinv(_information(columns, weight) + np.diag(ridge))
    meat = clustered(columns * residual[:, None], account)
    return Fit(values, inverse @ meat @ inverse, _log_likelihood(linear, outcome, link))


def clustered(scores: Float, account: ArrayLike) -> Float:
    """Return the sum over accounts of the outer product of their summed scores."""
    codes, names = pd.factorize(np.asarray(account))
    sums = np.array([np.bincount(codes, own, len(names)) for own in scores.T]).T
    return np.asarray(sums.T @ sums * len(names) / max(len(names) - 1, 1))


def _in_units(found: Fit, centre: Float, scale: Float, notices: tuple[str, ...]) -> Fit:
    """Undo the standardisation."""
    back = np.eye(len(found.coefficients))
    back[1:, 1:] /= scale[:, None]
    back[0, 1:] = -centre / scale
    return Fit(
        back @ found.coefficients,
        back @ found.covariance @ back.T,
        found.log_likelihood,
        found.notices + notices,
    )


def coefficient_table(names: Sequence[str], values: Float, se: Float, level: float) -> pd.DataFrame:
    """Return coefficients with intervals, ratios and two-sided p-values."""
    half = stats.norm.ppf(0.5 + level / 2) * se
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        p = 2 * stats.norm.sf(np.abs(values) / se)
        ratio, low, high = np.exp(values), np.exp(values - half), np.exp(values + half)
    return pd.DataFrame(
        {
            "column": list(names),
            "log_odds": values,
            "se": se,
            "low": values - half,
            "high": values + half,
            "odds_ratio": ratio,
            "odds_low": low,
            "odds_high": high,
            "p": p,
        }
    )
