"""How long until the end, as a distribution: Weibull and log-normal time, stretched by columns.

Grain in: one row per account episode.  Grain out: one row per column of the model.

``log T = intercept + x b + scale · noise``: exp(b) is the factor by which time is stretched.
Fitted by lifelines, imported when first used since it is slow to import; its warnings about
convergence are refusals here.  The family is chosen by AIC; on rows kept apart (accounts, or
later starts) the integrated Brier score says whether the choice holds.

Source: ``methods.md`` 4 and 8.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.evaluation import censored
from cs_models.learn.hazards import design as designs
from cs_models.learn.hazards.design import Design
from cs_models.learn.hazards.discrete import LEAST_CHURNED
from cs_models.learn.hazards.observed import Float, Times, times
from cs_models.learn.hazards.scoring import FLAT, coefficient_table

Family = Literal["weibull", "lognormal"]
_TIME: Final = {
    "log_odds": "log_time",
    "odds_ratio": "time_ratio",
    "odds_low": "ratio_low",
    "odds_high": "ratio_high",
}
_GRID: Final = 50


@dataclass(frozen=True)
class Accelerated:
    """A fitted model of time.

    Attributes
    ----------
    family : {"weibull", "lognormal"}
    coefficients : DataFrame, one row per column, the intercept first
        ``column``, ``log_time``, ``se``, ``low``, ``high``, ``time_ratio``, ``ratio_low``,
        ``ratio_high``, ``p``.
    scale : float
        Of the noise on log time.
    log_likelihood, aic : float
    design : Design
    families : DataFrame, one row per family tried
        ``family``, ``log_likelihood``, ``aic``, ``integrated_brier`` (on the rows kept apart;
        missing without them), ``chosen``.
    followed : float
        Longest duration learnt from: later chances are extrapolated.
    """

    family: Family
    coefficients: pd.DataFrame
    scale: float
    log_likelihood: float
    aic: float
    design: Design
    families: pd.DataFrame
    followed: float

    def survival(self, frame: pd.DataFrame, moments: ArrayLike) -> Float:
        """Return the share still there at each moment, shape (n_rows, n_moments)."""
        when = np.asarray(moments, dtype=np.float64)
        return self._share(frame, np.broadcast_to(when, (len(frame), len(when))))

    def remaining(self, frame: pd.DataFrame, already: ArrayLike, moments: ArrayLike) -> Float:
        """Return the share still there after further time, given each row's time so far.

        Parameters
        ----------
        frame : DataFrame, one row per episode still running
        already : array-like, shape (n_rows,)
            Time so far.
        moments : array-like, shape (n_moments,)
            Further time.

        Returns
        -------
        ndarray, shape (n_rows, n_moments)
        """
        so_far = np.asarray(already, dtype=np.float64)[:, None]
        more = np.asarray(moments, dtype=np.float64)[None, :]
        now = np.maximum(self._share(frame, so_far), 1e-300)
        return np.asarray(self._share(frame, so_far + more) / now)

    def _share(self, frame: pd.DataFrame, when: Float) -> Float:
        values = self.coefficients["log_time"].to_numpy()
        location = values[0] + self.design.matrix(frame) @ values[1:]
        noise = (np.log(np.maximum(when, 1e-12)) - location[:, None]) / self.scale
        if self.family == "weibull":
            return np.asarray(np.exp(-np.exp(noise)))
        return np.asarray(stats.norm.sf(noise))


def accelerated(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    duration: str = "duration_days",
    event: str = "event",
    entry: str | None = None,
    families: Sequence[Family] = ("weibull", "lognormal"),
    held_out: pd.DataFrame | None = None,
    level: float = 0.95,
) -> Accelerated:
    """Fit each family and keep the one with the smallest AIC.

    Parameters
    ----------
    frame : DataFrame, one row per episode
        Durations, events and covariates known at the episode's start.
    covariates, duration, event, entry, level
        As in `proportional.cox`.
    families : sequence of {"weibull", "lognormal"}
        Tried in this order.
    held_out : DataFrame, optional
        Rows of other accounts or later starts, with the same columns.

    Returns
    -------
    Accelerated

    Raises
    ------
    TooLittleDataError
        Fewer than 10 rows ended.
    DataError
        As `observed.times` and `design.learn`; the fit does not settle, or a column separates
        those who left from the rest.
    """
    given = times(frame[duration], frame[event], None if entry is None else frame[entry])
    if int(given.event.sum()) < LEAST_CHURNED:
        raise TooLittleDataError(
            "too few ended to learn how long it takes",
            where=event,
            got=f"{int(given.event.sum())} of {len(given)}",
            repair=f"at least {LEAST_CHURNED} are needed",
        )
    learnt = designs.learn(frame, covariates)
    fits = [_fit(family, given, learnt, learnt.matrix(frame), level) for family in families]
    scores = [_held_out(fit, held_out, duration, event) for fit in fits]
    table = pd.DataFrame(
        {
            "family": list(families),
            "log_likelihood": [fit.log_likelihood for fit in fits],
            "aic": [fit.aic for fit in fits],
            "integrated_brier": scores,
        }
    )
    best = int(table["aic"].argmin())
    table["chosen"] = table.index == best
    return Accelerated(**{**vars(fits[best]), "families": table})


def _fit(family: Family, given: Times, learnt: Design, matrix: Float, level: float) -> Accelerated:
    from lifelines import LogNormalAFTFitter, WeibullAFTFitter

    # lifelines searches better on columns of one size, and on durations near one
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    unit = float(np.median(given.duration))
    rows = pd.DataFrame((matrix - centre) / scale, columns=list(learnt.columns))
    rows = rows.assign(_duration=given.duration / unit, _event=given.event)
    late = bool((given.entry > 0).any())
    rows = rows.assign(_entry=given.entry / unit) if late else rows
    model = WeibullAFTFitter() if family == "weibull" else LogNormalAFTFitter()
    _settle(model, rows, "_entry" if late else None, family)
    location = "lambda_" if family == "weibull" else "mu_"
    names = [(location, name) for name in [*learnt.columns, "Intercept"]]
    values = model.params_.loc[names].to_numpy(np.float64)
    covariance = model.variance_matrix_.loc[names, names].to_numpy(np.float64)
    _refuse_flat(np.diag(covariance)[:-1], learnt)
    back = np.eye(len(values))
    back[:-1, :-1] /= scale[:, None]
    back[-1, :-1] = -centre / scale
    values, covariance = back @ values, back @ covariance @ back.T
    values[-1] += np.log(unit)
    order = np.r_[len(values) - 1, np.arange(len(values) - 1)]
    se = np.sqrt(np.diag(covariance))[order]
    table = coefficient_table(("(intercept)", *learnt.columns), values[order], se, level)
    other = float(model.params_.iloc[-1])
    # densities are per unit of time: events carry the change of unit
    likelihood = float(model.log_likelihood_) - given.event.sum() * np.log(unit)
    return Accelerated(
        family,
        table.rename(columns=_TIME),
        float(np.exp(-other if family == "weibull" else other)),
        float(likelihood),
        float(2 * len(model.params_) - 2 * likelihood),
        learnt,
        pd.DataFrame(),
        float(given.duration.max()),
    )


def _refuse_flat(variance: Float, learnt: Design) -> None:
    """Refuse a fit along which the likelihood is flat: lifelines stops there with a shrug."""
    flat = ~(variance < 1 / FLAT)  # missing is flat, too
    if flat.any():
        raise DataError(
            "a column separates those who left from the rest: there is no finite estimate",
            where=learnt.columns[int(np.argmax(flat))],
            repair="leave the column out if it was written after the fact",
        )


def _settle(model: Any, rows: pd.DataFrame, entry: str | None, family: str) -> None:
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(rows, "_duration", "_event", entry_col=entry)
        except (ConvergenceError, ConvergenceWarning, np.linalg.LinAlgError) as error:
            raise DataError(
                "the model of time does not settle",
                where=family,
                got=str(error).split("\n")[0][:200],
                repair="use fewer columns",
            ) from error


def _held_out(fit: Accelerated, held_out: pd.DataFrame | None, duration: str, event: str) -> float:
    if held_out is None:
        return float("nan")
    grid = np.linspace(0, float(held_out[duration].quantile(0.8)), _GRID + 1)[1:]
    scores = censored.brier(held_out[duration], held_out[event], fit.survival(held_out, grid), grid)
    return float(censored.integrated_brier(scores)["brier"])
