"""Cox's model, with adoption as something that happens along the way.

Grain in: one row per account episode, or (start, stop] pieces of it.  Grain out: one row per
column of the model.

Fitted by Newton's method on the exact score and information of `risksets` (Efron's ties), which
the test of proportional hazards and the standard errors by account need anyway.  lifelines stops
on R's kidney data 3e-5 short of the maximum, and its standard errors by account differ by .5 %.

Source: ``methods.md`` 1.2, 4, 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.hazards import design as designs
from cs_models.learn.hazards import risksets, zph
from cs_models.learn.hazards import strata as strata_of
from cs_models.learn.hazards.design import Design
from cs_models.learn.hazards.discrete import LEAST_CHURNED
from cs_models.learn.hazards.observed import Float, Times, times
from cs_models.learn.hazards.scoring import LARGEST, clustered, coefficient_table

_STEPS: Final = 50
_HAZARD: Final = {
    "log_odds": "log_hazard",
    "odds_ratio": "hazard_ratio",
    "odds_low": "ratio_low",
    "odds_high": "ratio_high",
}


@dataclass(frozen=True)
class Cox:
    """A fitted proportional-hazards model.

    Attributes
    ----------
    coefficients : DataFrame, one row per column of the model
        ``column``, ``log_hazard``, ``se``, ``low``, ``high``, ``hazard_ratio``, ``ratio_low``,
        ``ratio_high``, ``p``.
    log_likelihood, log_likelihood_null : float
        Partial, of the model and of one without columns.
    baseline : DataFrame
        ``time``, ``cumulative_hazard`` of a row at the columns' means; with strata one after the
        other, and ``stratum``.
    centre : ndarray
        The columns' means.
    design : Design
    n_rows, n_events : int
    notices : tuple of str
    strata : str or None
        Column within whose values rows are compared.
    """

    coefficients: pd.DataFrame
    log_likelihood: float
    log_likelihood_null: float
    baseline: pd.DataFrame
    centre: Float
    design: Design
    n_rows: int
    n_events: int
    notices: tuple[str, ...]
    strata: str | None = None

    def predict(self, frame: pd.DataFrame) -> Float:
        """Return each row's log hazard less that of a row at the columns' means."""
        values = self.coefficients["log_hazard"].to_numpy()
        return np.asarray((self.design.matrix(frame) - self.centre) @ values)

    def survival(self, frame: pd.DataFrame, moments: Sequence[float]) -> Float:
        """Return the share still there, shape (n_rows, n_moments).

        Raises
        ------
        DataError
            As `strata.hazard` and `design.Design.matrix`.
        """
        hazard = strata_of.hazard(self.baseline, frame, self.strata, np.asarray(moments))
        return np.asarray(np.exp(-np.exp(self.predict(frame))[:, None] * hazard))


def cox(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    duration: str = "duration_days",
    event: str = "event",
    entry: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
    penalty: float = 0.0,
    level: float = 0.95,
) -> Cox:
    """Fit Cox's model.

    Parameters
    ----------
    frame : DataFrame, one row per episode
        Durations, events and covariates known at the episode's start.
    covariates : sequence of str
        Numbers or names.
    duration, event : str
        Columns of the time and of 1 where it ended.
    entry : str, optional
        Column of the time from which the row was watched.
    cluster : str, optional
        Column of the account: standard errors by account.
    strata : str, optional
        Column within whose values rows are compared, each with a baseline of its own: such as the
        months of contract, since a year's contract is not at risk while a month's is.
    penalty : float, default 0.0
        Ridge on the coefficients of standardised columns: ``penalty / 2 * sum b²`` is taken off the
        log likelihood.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Cox

    Raises
    ------
    TooLittleDataError
        Fewer than 10 rows ended.
    DataError
        As `observed.times` and `design.learn`; no column is left; a column separates those who
        left from those who stayed.
    """
    given = _given(frame, duration, event, entry)
    learnt = _columns(frame, covariates)
    account = None if cluster is None else frame[cluster]
    names = strata_of.names(frame, strata)
    fitted = _fit(given, learnt, learnt.matrix(frame), account, names, penalty, level)
    return replace(fitted, strata=strata)


def proportionality_test(
    model: Cox,
    frame: pd.DataFrame,
    *,
    duration: str = "duration_days",
    event: str = "event",
    entry: str | None = None,
    transform: zph.Transform = "km",
) -> pd.DataFrame:
    """Test whether each covariate's effect stays the same over time, on the rows learnt from.

    Parameters
    ----------
    model : Cox
        Fitted by `cox` (or `time_varying_cox`) on ``frame``, without penalty.
    frame, duration, event, entry
        As given to `cox`.
    transform : {"km", "rank", "identity", "log"}, default "km"
        Scale of time; see `zph.score_test`.

    Returns
    -------
    DataFrame, one row per covariate and a last one, "all"
        ``term``, ``chi_square``, ``df`` (levels less one for names), ``p``.

    Raises
    ------
    DataError
        As `cox`.
    """
    given = _given(frame, duration, event, entry)
    terms: dict[str, list[int]] = {}
    for place, name in enumerate(model.design.columns):
        terms.setdefault(model.design.of(name), []).append(place)
    values = model.coefficients["log_hazard"].to_numpy()
    names = strata_of.names(frame, model.strata)
    return zph.score_test(
        given, model.design.matrix(frame), values, terms, strata=names, transform=transform
    )


def time_varying_cox(
    spells: pd.DataFrame,
    covariates: Sequence[str],
    *,
    start: str = "start",
    stop: str = "stop",
    event: str = "event",
    cluster: str | None = None,
    strata: str | None = None,
    level: float = 0.95,
) -> Cox:
    """Fit Cox's model to (start, stop] pieces, whose columns may change from piece to piece.

    Parameters
    ----------
    spells : DataFrame, one row per piece
        As `spells.adoption_spells` returns them.
    covariates : sequence of str
        Such as ("adopted", "segment").
    start, stop, event : str
        Columns of the piece.
    cluster : str, optional
        Column of the account, for standard errors by account: needed only where accounts come
        back, since at one time an episode has one piece.
    strata : str, optional
        As in `cox`; a piece may be of another stratum than the one before it.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Cox
        Its ``survival`` holds a row's columns as they are: adoption later is not foreseen.

    Raises
    ------
    TooLittleDataError
        Fewer than 10 pieces ended.
    DataError
        As `cox`.
    """
    given = _given(spells, stop, event, start)
    learnt = _columns(spells, covariates)
    account = None if cluster is None else spells[cluster]
    names = strata_of.names(spells, strata)
    fitted = _fit(given, learnt, learnt.matrix(spells), account, names, 0.0, level)
    return replace(fitted, strata=strata)


def _given(frame: pd.DataFrame, duration: str, event: str, entry: str | None) -> Times:
    given = times(frame[duration], frame[event], None if entry is None else frame[entry])
    if int(given.event.sum()) < LEAST_CHURNED:
        raise TooLittleDataError(
            "too few ended to learn what goes with it",
            where=event,
            got=f"{int(given.event.sum())} of {len(given)}",
            repair=f"at least {LEAST_CHURNED} are needed",
        )
    return given


def _columns(frame: pd.DataFrame, covariates: Sequence[str]) -> Design:
    learnt = designs.learn(frame, covariates)
    if not learnt.columns:
        raise DataError(
            "no column is left to learn from",
            where=", ".join(covariates),
            got="; ".join(learnt.notices),
        )
    return learnt


def _fit(
    given: Times,
    learnt: Design,
    matrix: Float,
    account: pd.Series | None,
    strata: strata_of.Names | None,
    penalty: float,
    level: float,
) -> Cox:
    clock, given = given, strata_of.apart(given, strata)
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    columns = (matrix - centre) / scale
    values, sets = _newton(given, columns, learnt, penalty)
    inverse = np.linalg.pinv(sets.information(np.ones(len(sets.place))) + penalty * _eye(columns))
    covariance = inverse
    if account is not None:
        residuals = risksets.score_residuals(given, columns, values)
        n_accounts = account.nunique()
        # R's coxph takes no G / (G - 1)
        meat = clustered(residuals, account) * (n_accounts - 1) / n_accounts
        covariance = inverse @ meat @ inverse
    se = np.sqrt(np.diag(covariance))
    table = coefficient_table(learnt.columns, values / scale, se / scale, level)
    start = risksets.deaths(given, columns, np.zeros(len(values)))
    baseline = strata_of.baseline(clock, given, sets, strata)
    return Cox(
        table.rename(columns=_HAZARD),
        _likelihood(sets, values),
        _likelihood(start, np.zeros(len(values))),
        baseline,
        centre,
        learnt,
        len(given),
        int(given.event.sum()),
        learnt.notices,
    )


def _newton(
    given: Times, columns: Float, learnt: Design, penalty: float
) -> tuple[Float, risksets.Deaths]:
    values = np.zeros(columns.shape[1])
    sets = risksets.deaths(given, columns, values)
    best = _likelihood(sets, values)
    for _ in range(_STEPS):
        information = sets.information(np.ones(len(sets.place))) + penalty * _eye(columns)
        step = np.linalg.pinv(information) @ (sets.excess.sum(axis=0) - penalty * values)
        for _halving in range(20):
            trial = risksets.deaths(given, columns, values + step)
            reached = _likelihood(trial, values + step) - penalty / 2 * float(
                (values + step) @ (values + step)
            )
            if reached >= best - 1e-12 * abs(best):
                break
            step = step / 2
        values, sets, best = values + step, trial, reached
        if np.abs(values).max() > LARGEST:
            break
        if np.abs(step).max() < 1e-9:
            return values, sets
    raise DataError(
        "a column separates those who left from the rest: there is no finite estimate",
        where=learnt.columns[int(np.abs(values).argmax())],
        repair="leave the column out if it was written after the fact, or give a penalty",
    )


def _likelihood(sets: risksets.Deaths, values: Float) -> float:
    own = (sets.excess + sets.mean) @ values
    return float(np.sum(own - np.log(sets.whole)))


def _eye(columns: Float) -> Float:
    return np.eye(columns.shape[1])
