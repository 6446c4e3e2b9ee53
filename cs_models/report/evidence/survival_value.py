"""The frames behind "how long will running customers stay, what is it worth" and "did it know".

Grain in: the history as it is known today, and as it was known a year ago.  Grain out: one row per
group, per model, or per third of the customers that ran a year ago.  ``methods.md`` 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.errors import DataError, TooLittleDataError
from cs_models.features import tenure
from cs_models.learn import survival
from cs_models.learn.evaluation import rates
from cs_models.report.evidence.survival import History, Untold, told

Float = npt.NDArray[np.float64]

HORIZONS: Final = (3, 6, 12)  # months
YEAR_MONTHS: Final = 12
BY_RENEWAL, WEIBULL, LOGNORMAL = "renewal by renewal", "weibull", "lognormal"
NAMES: Final = {BY_RENEWAL: BY_RENEWAL, WEIBULL: "Weibull", LOGNORMAL: "log-normal"}
EVERYBODY: Final = "All customers"
_TENTHS: Final = 10  # of a month: the grain in which chances over time are compared
_STEP: Final = 1e-4
_Z: Final = 1.959964


@dataclass(frozen=True)
class Value:
    """How long running customers are expected to stay, and what they would pay in that time.

    Contracts in notice are left out: they no longer have an ordinary chance to renew.

    Attributes
    ----------
    table : DataFrame, one row per group, the first for all
        ``group``, ``n_terms``, ``arr`` (today, a year), ``years``, ``years_low``, ``years_high``
        (mean expected, of the horizon), ``value``, ``value_low``, ``value_high`` (discounted),
        ``undiscounted``, ``beyond`` (share of ``value`` beyond the time anybody was followed).
    horizon_years : int
    discount_rate : float
    n_in_notice : int
        Running contracts left out because they were given notice.
    arr_in_notice : float
        What they pay today, a year.
    model : RenewalHazard, optional
        The chances to be lost, by renewal, length of contract and group.
    """

    table: pd.DataFrame
    horizon_years: int
    discount_rate: float
    n_in_notice: int = 0
    arr_in_notice: float = 0.0
    model: survival.RenewalHazard | None = None


@dataclass(frozen=True)
class Foretold:
    """What would have been said a year ago, and what came true.

    Attributes
    ----------
    table : DataFrame, one row per model
        ``model``, ``aic`` (missing for the renewals' own), ``uno``, ``brier``, ``null``,
        ``expected`` (customers lost within 12 months), ``fit_p`` (small where chances are off).
    thirds : DataFrame, one row per third of the chances said by the renewals' own model
        ``third``, ``n``, ``said``, ``rate``, ``low``, ``high`` (share lost within 12 months).
    horizons : DataFrame, one row per 3, 6 and 12 months
        ``month``, ``auc``, ``n_lost``, ``brier``, ``null``, ``skill``.
    n, lost : int
        Customers that ran then, and those of them lost within 12 months.
    day : datetime.date
        The day.
    """

    table: pd.DataFrame
    thirds: pd.DataFrame
    horizons: pd.DataFrame
    n: int
    lost: int
    day: date


def a_year_before(as_of: date, grace_days: int) -> date:
    """Return the day from which twelve months can be seen to their end, grace included."""
    return as_of - timedelta(days=grace_days + 366)


def worth(past: History, *, horizon_years: int, discount_rate: float) -> Value | Untold:
    """Add up the expected stay of the terms that run today without notice, and what they would pay.

    Parameters
    ----------
    past : History
    horizon_years : int
        Years looked at.
    discount_rate : float
        By how much money a year later is worth less.
    """
    if past.upcoming.empty:
        return Untold("no term runs today")
    asked = past.upcoming["in_notice"].astype(bool)
    if asked.all():
        return Untold("every term that runs today is in notice")

    def value() -> Value:
        model = _learnt(past)
        said = {"horizon_years": horizon_years, "discount_rate": discount_rate}
        table = _by_group(model, past.upcoming[~asked].reset_index(drop=True), said)
        arr = float(past.upcoming.loc[asked, "arr"].sum())
        return Value(table, horizon_years, discount_rate, int(asked.sum()), arr, model)

    return told(value)


def foretold(before: History, now: History, *, rng: np.random.Generator) -> Foretold | Untold:
    """Judge what would have been said a year ago by what became of the customers since.

    Parameters
    ----------
    before : History
        As known on `a_year_before`.
    now : History
    rng : numpy.random.Generator
        Draws places within steps.
    """
    known = _since(before, now)
    if known["lost"].sum() < survival.LEAST_AT_RISK:
        return Untold("fewer than ten of the customers of a year ago were lost since")

    def judge() -> Foretold:
        moments = np.arange(1, YEAR_MONTHS * _TENTHS + 1, dtype=np.float64)
        said: dict[str, tuple[Float, float]] = {
            BY_RENEWAL: (_path(_learnt(before), known, moments), np.nan)
        }
        for family in (WEIBULL, LOGNORMAL):
            of_time = partial(_of_time, before, known, moments, family)
            found = told(of_time, (TooLittleDataError, DataError))
            if not isinstance(found, Untold):
                said[family] = found
        judged = {
            name: survival.judge(
                known["tenths"], known["lost"], chances, moments,
                [month * _TENTHS for month in HORIZONS], rng=rng, tau=float(moments[-1]),
            )
            for name, (chances, _) in said.items()
        }  # fmt: skip
        return _foretold(said, judged, known, before.as_of)

    return told(judge)


def _learnt(past: History) -> survival.RenewalHazard:
    return survival.renewal_hazard(past.opportunities, ("group",), event="lost", penalty=1.0)


def _by_group(
    model: survival.RenewalHazard, now: pd.DataFrame, said: dict[str, Any]
) -> pd.DataFrame:
    """Add up by group, with the interval that the doubt about the chances alone gives."""
    each = _expected(model, now, said)
    members = {EVERYBODY: np.ones(len(now), dtype=bool)}
    names = sorted(set(now["group"]))
    if len(names) > 1:
        members |= {str(name): (now["group"] == name).to_numpy() for name in names}
    weights = np.array([own / own.sum() for own in members.values()])
    counts = np.array(list(members.values()), dtype=np.float64)

    def totals(found: pd.DataFrame) -> Float:
        sums = (weights @ found["years"].to_numpy(), counts @ found["value"].to_numpy())
        return np.concatenate(sums)

    middle = totals(each)
    slopes = []
    for place in range(len(model.coefficients)):
        shift = np.where(np.arange(len(model.coefficients)) == place, _STEP, 0.0)
        moved = model.coefficients.assign(log_odds=model.coefficients["log_odds"] + shift)
        slopes.append(totals(_expected(replace(model, coefficients=moved), now, said)) - middle)
    gradient = np.array(slopes).T / _STEP
    se = np.sqrt(np.einsum("ij,jk,ik->i", gradient, model.covariance, gradient))
    n = len(members)
    total = np.maximum(counts @ each["value"], 1e-9)
    return pd.DataFrame(
        {
            "group": list(members), "n_terms": counts.sum(axis=1).astype(np.int64),
            "arr": counts @ now["arr"].to_numpy(np.float64),
            "years": middle[:n], "years_low": np.maximum(middle - _Z * se, 0)[:n],
            "years_high": np.minimum((middle + _Z * se)[:n], float(said["horizon_years"])),
            "value": middle[n:], "value_low": np.maximum(middle - _Z * se, 0)[n:],
            "value_high": (middle + _Z * se)[n:],
            "undiscounted": counts @ each["value_undiscounted"],
            "beyond": (counts @ (each["beyond"] * each["value"])) / total,
        }
    )  # fmt: skip


def _expected(
    model: survival.RenewalHazard, now: pd.DataFrame, said: dict[str, Any]
) -> pd.DataFrame:
    """Look short contracts and long ones over apart: only the short come to many renewals."""
    parts = [
        survival.expected_lifetime(model, own, **said)
        for _, own in now.groupby(survival.contract_months(now["term_months"]), dropna=False)
    ]
    return pd.concat(parts).loc[now.index]


def _since(before: History, now: History) -> pd.DataFrame:
    """Return the customers that ran then, one row each, with what became of them within a year."""
    ran = before.upcoming.sort_values("opportunity_date").drop_duplicates("account_id", keep="last")
    lives = now.lifetimes[["account_id", "episode", "start", "duration_days", "lost"]]
    joined = ran.merge(lives, on=["account_id", "episode"], how="inner", validate="1:1")
    day = pd.Timestamp(before.as_of)
    so_far = (day - joined["start"]).dt.days
    left = _tenths(joined["duration_days"] - so_far)
    seen = YEAR_MONTHS * _TENTHS
    lost = (joined["lost"] == 1) & (left <= seen)
    # Who was there when the year was over was watched beyond it.
    watched = np.where(~lost & (left >= seen), seen + 1, np.clip(left, 1, seen))
    known = joined.assign(
        tenths=watched.astype("float64"), lost=lost.astype("int64"),
        so_far=np.maximum(_tenths(so_far), 0),
    )  # fmt: skip
    ran_on: pd.DataFrame = known[joined["duration_days"] > so_far]
    return ran_on.reset_index(drop=True)


def _tenths(days: pd.Series) -> npt.NDArray[np.int64]:
    return np.rint(days.to_numpy() / tenure.DAYS_A_MONTH * _TENTHS).astype(np.int64)


def _path(model: survival.RenewalHazard, known: pd.DataFrame, moments: Float) -> Float:
    """Return the chance to be there after each tenth of a month, falling at renewals alone."""
    first = np.rint(known["months_to_renewal"].to_numpy() * _TENTHS)
    length = np.maximum(known["term_months"].to_numpy(np.float64), 1) * _TENTHS
    passed = np.floor((moments[None, :] - first[:, None]) / length[:, None]) + 1
    passed = np.maximum(passed, 0).astype(np.int64)
    steps = max(int(passed.max()), 1)
    path = model.survival(known, steps)["survival"].to_numpy().reshape(len(known), steps)
    whole = np.column_stack([np.ones(len(known)), path])
    return np.asarray(np.take_along_axis(whole, passed, axis=1))


def _of_time(
    before: History, known: pd.DataFrame, moments: Float, family: Any
) -> tuple[Float, float]:
    """Return the same from a model of time alone, which knows of no renewal date."""
    lives = before.lifetimes[before.lifetimes["months"] > 0]
    model = survival.accelerated(
        lives, ("group",), duration="months", event="lost", entry="entry_months", families=[family]
    )
    groups = known["group"].drop_duplicates()
    so_far = known["so_far"].to_numpy()
    grid = np.arange(int(so_far.max()) + len(moments) + 1) / _TENTHS
    curves = model.survival(groups.to_frame(), grid)
    own = pd.Index(groups).get_indexer(known["group"])
    ahead = so_far[:, None] + moments[None, :].astype(np.int64)
    there = np.take_along_axis(curves[own], ahead, axis=1)
    start = np.maximum(curves[own, so_far], 1e-12)
    return there / start[:, None], model.aic


def _foretold(
    said: dict[str, tuple[Float, float]],
    judged: dict[str, survival.Judgement],
    known: pd.DataFrame,
    day: date,
) -> Foretold:
    table = pd.DataFrame(
        [
            {
                "model": name, "aic": said[name][1], "uno": one.uno,
                "brier": one.integrated_brier, "null": one.integrated_null,
                "expected": float((1 - said[name][0][:, -1]).sum()), "fit_p": one.calibration_p,
            }
            for name, one in judged.items()
        ]
    )  # fmt: skip
    horizons = judged[BY_RENEWAL].horizons
    horizons = horizons.assign(month=horizons["horizon"] / _TENTHS, n_lost=horizons["n_ended"])
    lost = int(known["lost"].sum())
    thirds = _thirds(1 - said[BY_RENEWAL][0][:, -1], known["lost"].to_numpy())
    return Foretold(table, thirds, horizons, len(known), lost, day)


def _thirds(chance: Float, lost: Sequence[int] | npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return what was said and what came true, a third of the customers at a time."""
    third = pd.qcut(pd.Series(chance).rank(method="first"), 3, labels=False).to_numpy()
    rows = []
    for place, name in enumerate(("least likely to leave", "in between", "most likely to leave")):
        own = third == place
        seen = rates.proportion(np.asarray(lost)[own] == 1, np.flatnonzero(own))
        rows.append(
            (name, int(own.sum()), float(chance[own].mean()), seen.rate, seen.low, seen.high)
        )
    return pd.DataFrame(rows, columns=["third", "n", "said", "rate", "low", "high"])
