"""Measures under censoring: riskRegression's and scikit-survival's numbers, and their laws."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn import survival
from cs_models.learn.evaluation import censored

COVARIATES = ["horTh", "age", "menostat", "tsize", "tgrade", "pnodes", "progrec", "estrec"]
HORIZONS = [365, 730, 1095, 1825]


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    spec = find_spec("lifelines")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "datasets" / "gbsg2.csv")


@pytest.fixture(scope="module")
def model(trial: pd.DataFrame) -> survival.Cox:
    return survival.cox(trial, COVARIATES, duration="time", event="cens")


@st.composite
def followed(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw duration, event and risk of up to 40 rows, with many ties."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(1, 8), st.integers(0, 1), st.integers(0, 5)),
            min_size=2,
            max_size=40,
        )
    )
    time, event, risk = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    return time, event, risk


def plain_c(time: np.ndarray, event: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> float:
    """Write the pairs out."""
    won = total = 0.0
    for i in np.flatnonzero((event > 0) & (weight > 0)):
        for j in range(len(time)):
            if time[j] > time[i] or (time[j] == time[i] and event[j] == 0):
                total += weight[i]
                won += weight[i] * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return won / total if total else float("nan")


def test_the_cox_model_of_the_trial_is_that_of_r(model: survival.Cox) -> None:
    """GBSG2, all covariates: what the figures below are of."""
    table = model.coefficients.set_index("column")["log_hazard"]
    expected = {
        "horTh=yes": -0.346278,
        "pnodes": 0.0487886,
        "progrec": -0.00221724,
        "tsize": 0.00779608,
    }
    assert table[list(expected)].to_dict() == pytest.approx(expected, rel=1e-5)


def test_concordance_of_the_trial(trial: pd.DataFrame, model: survival.Cox) -> None:
    """Harrell's C, Uno's C without a limit and within 1825 days."""
    time, event, risk = trial["time"], trial["cens"], model.predict(trial)
    assert censored.concordance(time, event, risk) == pytest.approx(0.6919, abs=5e-5)
    assert censored.uno(time, event, risk) == pytest.approx(0.6769, abs=5e-5)
    assert censored.uno(time, event, risk, tau=1825) == pytest.approx(0.6817, abs=1e-4)


def test_area_over_time_of_the_trial(trial: pd.DataFrame, model: survival.Cox) -> None:
    """AUC at one, two, three and five years (riskRegression)."""
    found = censored.auc_at(trial["time"], trial["cens"], model.predict(trial), HORIZONS)
    assert found["auc"].to_numpy() == pytest.approx([0.7659, 0.7393, 0.7431, 0.7502], abs=1e-4)


def test_brier_of_the_trial(trial: pd.DataFrame, model: survival.Cox) -> None:
    """Brier score and that of one curve for all (riskRegression), and means over time (pec)."""
    found = censored.brier(trial["time"], trial["cens"], model.survival(trial, HORIZONS), HORIZONS)
    expected = [0.074351, 0.167763, 0.194439, 0.207321]
    assert found["brier"].to_numpy() == pytest.approx(expected, abs=1e-5)
    null = [0.077311, 0.189370, 0.229659, 0.249930]
    assert found["null"].to_numpy() == pytest.approx(null, abs=1e-5)
    days = np.arange(0, 1826, 5)
    scores = censored.brier(trial["time"], trial["cens"], model.survival(trial, days), days)
    mean = censored.integrated_brier(scores)
    assert mean["brier"] == pytest.approx(0.149, abs=2e-3)
    assert mean["null"] == pytest.approx(0.174, abs=2e-3)


def test_all_measures_at_once(trial: pd.DataFrame, model: survival.Cox) -> None:
    """One call gives the same figures; a Cox model on its own rows is calibrated."""
    days = np.unique(trial["time"])
    found = survival.judge(
        trial["time"],
        trial["cens"],
        model.survival(trial, days),
        days,
        HORIZONS,
        rng=np.random.default_rng(0),
        tau=1825,
    )
    assert found.horizons["auc"].to_numpy() == pytest.approx(
        [0.7659, 0.7393, 0.7431, 0.7502], abs=1e-4
    )
    assert found.horizons["brier"].iloc[-1] == pytest.approx(0.207321, abs=1e-5)
    assert found.uno == pytest.approx(0.6817, abs=1e-4)
    assert found.integrated_brier == pytest.approx(0.149, abs=2e-3)
    assert found.calibration["share"].sum() == pytest.approx(1.0)
    assert found.calibration_p > 0.05


@given(followed())
@settings(max_examples=150, deadline=None)
def test_concordance_is_the_count_of_pairs(rows: tuple[np.ndarray, ...]) -> None:
    """The search by binary digits counts the pairs that plain loops count, ties and all."""
    time, event, risk = rows
    expected = plain_c(time, event, risk, event)
    if np.isnan(expected):
        with pytest.raises(TooLittleDataError, match="no two rows"):
            censored.concordance(time, event, risk)
    else:
        assert censored.concordance(time, event, risk) == pytest.approx(expected)


@given(followed(), st.integers(2, 9))
@settings(max_examples=100, deadline=None)
def test_unos_weights_are_those_of_watching(rows: tuple[np.ndarray, ...], tau: int) -> None:
    """Each pair counts 1 / G² of its earlier row, and only before tau."""
    time, event, risk = rows
    chance = censored.watching(time, event).before(time)
    weight = event * (time < tau) / chance**2
    expected = plain_c(time, event, risk, weight)
    if not np.isnan(expected):
        assert censored.uno(time, event, risk, tau=tau) == pytest.approx(expected)


@given(followed())
@settings(max_examples=50, deadline=None)
def test_order_is_all_that_counts(rows: tuple[np.ndarray, ...]) -> None:
    """A rising transform of risk changes nothing; turned round, C is one less C."""
    time, event, risk = rows
    if np.isnan(plain_c(time, event, risk, event)):
        return
    c = censored.concordance(time, event, risk)
    assert censored.concordance(time, event, np.exp(risk)) == pytest.approx(c)
    assert censored.concordance(time, event, -risk) == pytest.approx(1 - c)


def test_without_censoring_brier_and_area_are_the_plain_ones() -> None:
    """Everybody watched to the end: no weights, mean squared error and rank statistic."""
    rng = np.random.default_rng(4)
    time, said = rng.uniform(1, 10, 200), rng.uniform(0, 1, 200)
    found = censored.brier(time, np.ones(200), said[:, None], [5.0])
    assert found.loc[0, "brier"] == pytest.approx(np.mean(((time > 5) - said) ** 2))
    area = censored.auc_at(time, np.ones(200), -said, [5.0]).loc[0, "auc"]
    won = said[time > 5][:, None] > said[time <= 5][None, :]
    assert area == pytest.approx(won.mean())


def test_weights_make_up_for_rows_last_seen() -> None:
    """Censoring at random moves Uno's C and the Brier score little; Harrell's C drifts away."""
    rng = np.random.default_rng(12)
    risk = rng.normal(size=6000)
    time = rng.exponential(np.exp(-risk)) + 1e-6
    end = rng.exponential(0.8, 6000) + 1e-6
    seen, event = np.minimum(time, end), (time <= end).astype(float)
    truth = censored.uno(time, np.ones(6000), risk, tau=1.5)
    assert censored.uno(seen, event, risk, tau=1.5) == pytest.approx(truth, abs=0.015)
    said = np.exp(-np.exp(risk) * 1.0)[:, None]
    whole = censored.brier(time, np.ones(6000), said, [1.0]).loc[0, "brier"]
    assert censored.brier(seen, event, said, [1.0]).loc[0, "brier"] == pytest.approx(
        whole, abs=0.01
    )


def test_lengths_of_contract_that_are_watched_differently_need_their_own_weights() -> None:
    """Yearly customers are watched for one year, others for five; strata keep Brier unbiased."""
    rng = np.random.default_rng(3)
    n = 8000
    short = rng.random(n) < 0.5
    time = rng.exponential(np.where(short, 1.0, 4.0)) + 1e-6
    end = np.where(short, rng.uniform(0.2, 1.5, n), rng.uniform(1.2, 5, n))
    seen, event = np.minimum(time, end), (time <= end).astype(float)
    said = np.exp(-1.0 / np.where(short, 1.0, 4.0))[:, None]
    truth = censored.brier(time, np.ones(n), said, [1.0]).loc[0, "brier"]
    apart = censored.brier(seen, event, said, [1.0], strata=short).loc[0, "brier"]
    pooled = censored.brier(seen, event, said, [1.0]).loc[0, "brier"]
    assert apart == pytest.approx(truth, abs=0.01)
    assert abs(apart - truth) < abs(pooled - truth)


def test_chances_that_are_right_are_spread_evenly() -> None:
    """True chances pass at 5 % in about 95 % of books, rows last seen included; wrong ones fail."""
    rng = np.random.default_rng(7)
    right = wrong = 0
    for _ in range(100):
        time, end = rng.exponential(1.0, 500), rng.exponential(1.5, 500)
        seen, event = np.minimum(time, end), time <= end
        right += censored.d_calibration(np.exp(-seen), event)[1] > 0.05
        wrong += censored.d_calibration(np.exp(-1.5 * seen), event)[1] > 0.05
    assert right >= 88
    assert wrong <= 10


def test_steps_are_drawn_within_or_ties_look_like_a_misfit() -> None:
    """Renewals once a year with the true hazard: even only when places are drawn in the steps."""
    rng = np.random.default_rng(1)
    year = np.minimum(rng.geometric(0.3, 2000), 6)
    event = year < 6
    after, before = 0.7**year, 0.7 ** (year - 1)
    after = np.where(event, after, 0.7**5)  # the five renewals that were seen
    assert censored.d_calibration(after, event)[1] < 1e-6
    assert censored.d_calibration(after, event, before=before, rng=rng)[1] > 0.01
    with pytest.raises(DataError, match="generator"):
        censored.d_calibration(after, event, before=before)


def test_what_cannot_be_judged_is_refused() -> None:
    """Nobody left, a missing risk, an impossible duration, one horizon for a mean over time."""
    with pytest.raises(TooLittleDataError, match="no two rows"):
        censored.concordance([1, 2], [0, 0], [1, 2])
    with pytest.raises(DataError, match="finite risk"):
        censored.concordance([1, 2], [1, 0], [1, np.nan])
    with pytest.raises(DataError, match="positive"):
        censored.uno([0, 2], [1, 0], [1, 2])
    with pytest.raises(DataError, match="two horizons"):
        censored.integrated_brier(censored.brier([1, 2], [1, 0], [0.5], [1]))
    with pytest.raises(TooLittleDataError, match="nobody left"):
        survival.judge([1, 2], [0, 0], np.ones((2, 1)), [1], [1], rng=np.random.default_rng(0))
