"""How long customers stay, what goes with leaving at a renewal, and what the time is worth.

The public names of `cs_models.learn.hazards`, and what joins them.  Grain in: one row per renewal
opportunity (`features.tenure.opportunities`), per account episode (`features.tenure.lifetimes`)
or per (start, stop] piece of one.  Probabilities are 0 to 1; times are in the unit of the
durations given.

Source: ``methods.md`` 1.1, 1.2 and 4; checked against R and lifelines (``methods.md`` 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models import progress
from cs_models.errors import TooLittleDataError
from cs_models.learn import splits
from cs_models.learn.evaluation import censored
from cs_models.learn.hazards.accelerated import Accelerated, accelerated
from cs_models.learn.hazards.causes import cumulative_incidence, stage_occupation
from cs_models.learn.hazards.contrasts import common_tau, log_rank, restricted_mean
from cs_models.learn.hazards.curves import LEAST_AT_RISK, Curves, kaplan_meier
from cs_models.learn.hazards.discrete import RenewalHazard, contract_months, renewal_hazard
from cs_models.learn.hazards.lifetime import MOST_BEYOND, expected_lifetime, lifetime_value
from cs_models.learn.hazards.outcomes import RenewalOutcomes, renewal_outcomes
from cs_models.learn.hazards.proportional import (
    Cox,
    cox,
    proportionality_test,
    time_varying_cox,
)
from cs_models.learn.hazards.sorting import Sorting, retention_curve, sorting_test
from cs_models.learn.hazards.spells import adoption_spells, cut_at, per_period
from cs_models.learn.hazards.stored import Kept, load_models, save_models

__all__ = [
    "LEAST_AT_RISK",
    "MOST_BEYOND",
    "Accelerated",
    "Cox",
    "Curves",
    "Judgement",
    "Kept",
    "RenewalHazard",
    "RenewalOutcomes",
    "Sorting",
    "accelerated",
    "adoption_spells",
    "common_tau",
    "contract_months",
    "cox",
    "cumulative_incidence",
    "cut_at",
    "expected_lifetime",
    "judge",
    "kaplan_meier",
    "lifetime_value",
    "load_models",
    "log_rank",
    "out_of_fold",
    "per_period",
    "proportionality_test",
    "renewal_hazard",
    "renewal_outcomes",
    "restricted_mean",
    "retention_curve",
    "save_models",
    "sorting_test",
    "stage_occupation",
    "time_varying_cox",
]

LATEST: Final = 0.8


@dataclass(frozen=True)
class Judgement:
    """How good chances over time were on rows that they were not learnt from.

    Attributes
    ----------
    horizons : DataFrame, one row per horizon
        ``horizon``, ``auc``, ``n_ended``, ``n_stayed``, ``brier``, ``null`` (one curve for all),
        ``skill``.
    uno, harrell : float
        Concordance; .5 is chance.
    tau : float
        Limit of Uno's.
    integrated_brier, integrated_null : float
        Mean Brier score up to ``tau``.
    calibration : DataFrame, one row per tenth of chances
        ``low``, ``high``, ``share`` (.1 is right).
    calibration_p : float
        Small where chances are off.
    """

    horizons: pd.DataFrame
    uno: float
    harrell: float
    tau: float
    integrated_brier: float
    integrated_null: float
    calibration: pd.DataFrame
    calibration_p: float


def judge(
    durations: ArrayLike,
    event: ArrayLike,
    survival: NDArray[np.float64],
    moments: ArrayLike,
    horizons: Sequence[float],
    *,
    rng: np.random.Generator,
    tau: float | None = None,
    strata: ArrayLike | None = None,
) -> Judgement:
    """Hold chances over time against what happened.

    Parameters
    ----------
    durations, event : array-like, shape (n_rows,)
        What happened.
    survival : ndarray, shape (n_rows, n_moments)
        Chances said to be still there after each moment.
    moments : array-like, shape (n_moments,)
        Ascending; chances are taken to stay as they are between them.
    horizons : sequence of float
        Where to read AUC and Brier.
    rng : numpy.random.Generator
        Draws places within steps, for the calibration.
    tau : float, optional
        Limit of Uno's C and of the mean Brier score; the 80th percentile of durations when not
        given.
    strata : array-like, shape (n_rows,), optional
        Groups that are watched for different times, such as the months of contract.

    Returns
    -------
    Judgement

    Raises
    ------
    TooLittleDataError
        No row ended, or no two rows can be ordered.
    """
    time, ended = np.asarray(durations, dtype=np.float64), np.asarray(event, dtype=np.int64)
    if not ended.any():
        raise TooLittleDataError(
            "nobody left: there is nothing to judge by", where="event", got=f"{len(time)} rows"
        )
    limit = float(np.quantile(time, LATEST)) if tau is None else float(tau)
    steps = np.asarray(moments, dtype=np.float64)
    path = np.column_stack([np.ones(len(time)), survival])
    known = censored.watching(time, ended, strata=strata)

    def read(when: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(path[:, np.searchsorted(steps, when, side="right")])

    at = np.asarray(horizons, dtype=np.float64)
    fine = np.unique(np.r_[0.0, time[(ended > 0) & (time < limit)], limit])
    said = {"censoring": known, "strata": strata}
    areas = censored.auc_at(time, ended, 1 - read(at), at, **said)  # type: ignore[arg-type]
    scores = censored.brier(time, ended, read(at), at, **said)  # type: ignore[arg-type]
    mean = censored.integrated_brier(
        censored.brier(time, ended, read(fine), fine, **said)  # type: ignore[arg-type]
    )
    risk = -read(np.array([limit]))[:, 0]
    rows, place = np.arange(len(time)), np.searchsorted(steps, time, side="right")
    before = np.searchsorted(steps, time, side="left")
    bins, p = censored.d_calibration(path[rows, place], ended, before=path[rows, before], rng=rng)
    return Judgement(
        areas.merge(scores, on="horizon"),
        censored.uno(time, ended, risk, tau=limit, **said),  # type: ignore[arg-type]
        censored.concordance(time, ended, risk),
        limit,
        float(mean["brier"]),
        float(mean["null"]),
        bins,
        p,
    )


def out_of_fold(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    rng: np.random.Generator,
    n_folds: int = 5,
    cluster: str = "account_id",
    event: str = "event",
    baseline: Sequence[str] = ("opportunity", "term_months"),
    penalty: float = 1.0,
) -> NDArray[np.float64]:
    """Say each opportunity's chance to leave from accounts other than its own.

    Parameters
    ----------
    frame : DataFrame, one row per renewal opportunity that came
        As for `renewal_hazard`.
    covariates, event, baseline, penalty
        As in `renewal_hazard`.
    rng : numpy.random.Generator
        Deals accounts into folds.
    n_folds : int, default 5
    cluster : str, default "account_id"
        Column of the account: all its rows are in one fold.

    Returns
    -------
    ndarray, shape (n_rows,)
        Chances, 0 to 1, in the order of the frame.

    Raises
    ------
    TooLittleDataError, DataError
        As `renewal_hazard`, in any fold.

    Notes
    -----
    Folds ignore the order of time: for what a forecast is worth see the backtest.
    """
    codes = pd.factorize(frame[cluster])[0].astype(np.int64)
    outcome = frame[event].to_numpy(np.float64)
    folds = splits.grouped_folds(codes, outcome, n_folds=n_folds, rng=rng)
    chances = np.empty(len(frame))
    for fold in progress.through(range(n_folds), "folds held out"):
        own = folds == fold
        model = renewal_hazard(
            frame[~own],
            covariates,
            event=event,
            baseline=baseline,
            cluster=cluster,
            penalty=penalty,
        )
        chances[own] = model.predict(frame[own])
    return chances
