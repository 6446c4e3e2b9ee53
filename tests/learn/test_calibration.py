"""Whether what was said came true as often as was said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import calibration, logistic


def said(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Invent perfect probabilities, a tenth or so leaving, and what came of them."""
    p = rng.beta(2, 14, n)
    return (rng.random(n) < p).astype(float), p


def told(y: Any, p: Any, account: Any = None, **settings: Any) -> Any:
    account = np.arange(len(y)) if account is None else account
    rng = np.random.default_rng(1)
    return calibration.table(y, p, account=account, rng=rng, **settings).set_index("measure")


def test_scikit_learn_fits_the_same_line() -> None:
    """The slope is scikit-learn's unpenalised one; weights equal repeated rows."""
    rng = np.random.default_rng(0)
    y, p = said(rng, 800)
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(logistic.logit(p)[:, None], y)
    got = told(y, p, n_null=0)
    assert got.loc["slope", "value"] == pytest.approx(line.coef_[0, 0], abs=1e-5)
    design = logistic.spline(logistic.logit(p), np.array([-3.0, -2.0, -1.0]))
    times = rng.integers(0, 4, 800)
    weighed = logistic.fit(design, y[:, None], weight=times[:, None].astype(float))
    again = logistic.fit(np.repeat(design, times, axis=0), np.repeat(y, times)[:, None])
    np.testing.assert_allclose(weighed, again, atol=1e-8)


def test_perfect_probabilities_are_told_to_be_so() -> None:
    """Perfect probabilities have intercept 0, slope 1 and O/E 1 within 99.9 % intervals."""
    y, p = said(np.random.default_rng(5), 20_000)
    got = told(y, p, n_null=0, level=0.999)
    for measure, right in (("intercept", 0), ("slope", 1), ("observed_to_expected", 1)):
        assert got.loc[measure, "low"] < right < got.loc[measure, "high"]
    assert got.loc["slope", "value"] == pytest.approx(1, abs=0.1)
    assert (got["p_value"].dropna() > 0.001).all()


@pytest.mark.parametrize(("shift", "stretch"), [(0.5, 1.0), (0.0, 2.0), (-0.7, 0.6)])
def test_faults_are_measured(shift: float, stretch: float) -> None:
    """A planted shift and stretch of the logit are found again, and every test rejects."""
    rng = np.random.default_rng(3)
    y, p = said(rng, 12_000)
    wrong = logistic.expit(shift + stretch * logistic.logit(p))
    got = told(y, wrong, n_null=60)
    assert got.loc["slope", "value"] == pytest.approx(1 / stretch, rel=0.1)
    if stretch == 1:
        assert got.loc["intercept", "value"] == pytest.approx(-shift, abs=0.1)
    assert got.loc[["lr_chi2", "ici", "ece"], "p_value"].max() < 0.02
    true_gap = np.abs(wrong - p).mean()
    assert got.loc["ici", "value"] == pytest.approx(true_gap, rel=0.1, abs=0.006)


def test_spiegelhalter_by_hand() -> None:
    """Spiegelhalter's z and the likelihood ratio are those of their definitions."""
    y, p = said(np.random.default_rng(8), 300)
    got = told(y, p, n_null=0)
    brier, mean = np.mean((y - p) ** 2), np.mean(p * (1 - p))
    sd = np.sqrt(np.sum((1 - 2 * p) ** 2 * p * (1 - p))) / 300
    assert got.loc["spiegelhalter_z", "value"] == pytest.approx((brier - mean) / sd)
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(logistic.logit(p)[:, None], y)
    best = line.predict_proba(logistic.logit(p)[:, None])[:, 1]
    gain = stats.bernoulli.logpmf(y, best).sum() - stats.bernoulli.logpmf(y, p).sum()
    assert got.loc["lr_chi2", "value"] == pytest.approx(2 * gain, abs=1e-6)


S15 = [(200, 0.057, 0.082), (500, 0.036, 0.052), (2000, 0.018, 0.025), (10_000, 0.008, 0.011)]


@pytest.mark.parametrize(("n", "mean", "high"), S15)
def test_binned_error_of_perfect_probabilities(n: int, mean: float, high: float) -> None:
    """S15: ten bins show .057 to .008 for perfect probabilities (mean .125; within 6 %)."""
    rng = np.random.default_rng(2)
    seen = [calibration.ece(*said(rng, n)) for _ in range(300)]
    assert np.mean(seen) == pytest.approx(mean, rel=0.06)
    assert np.quantile(seen, 0.95) == pytest.approx(high, rel=0.08)


def test_the_null_reference_is_that_of_simulated_histories() -> None:
    """The reference printed beside one history's binned error is S15's."""
    got = told(*said(np.random.default_rng(200), 200)).loc["ece"]
    assert got["null_mean"] == pytest.approx(0.057, rel=0.06)
    assert got["null_high"] == pytest.approx(0.082, rel=0.08)


def test_false_alarms() -> None:
    """Perfect probabilities are called wrong in one history of twenty by each test."""
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(200):
        y, p = said(rng, 300)
        p_values.append(told(y, p, n_null=39)["p_value"])
    alarms = (np.array(p_values) <= 0.05).mean(axis=0)[[0, 1, 2, 3, 4, 5, 8]]
    # Of 200 histories at 5 %, all but one in a thousand show at most 21 alarms and at least one.
    assert alarms.max() <= 21 / 200
    assert alarms.min() >= 1 / 200


def test_copied_rows_buy_no_certainty() -> None:
    """Rows copied 82 times leave the account-robust intervals and p-values as they were."""
    y, p = said(np.random.default_rng(6), 300)
    account = np.arange(300) // 2
    robust = ["intercept", "slope", "observed_to_expected"]
    columns = ["value", "low", "high", "p_value"]
    once = told(y, p, account, n_null=0).loc[robust, columns]
    often = told(np.tile(y, 82), np.tile(p, 82), np.tile(account, 82), n_null=0)
    np.testing.assert_allclose(often.loc[robust, columns], once, rtol=1e-5)
    rng = np.random.default_rng(0)
    band = calibration.curve(y, p, account=account, n_boot=60, rng=rng)
    rng = np.random.default_rng(0)
    copied = calibration.curve(
        np.tile(y, 82), np.tile(p, 82), account=np.tile(account, 82), n_boot=60, rng=rng
    )
    # Quantiles of copies can fall on a neighbour: the curve is compared where the place agrees.
    same = np.isclose(copied["p"], band["p"])
    assert same.mean() > 0.8
    np.testing.assert_allclose(copied[same], band[same], rtol=1e-5)


def test_one_class_has_no_calibration() -> None:
    """Where nobody left every measure is NaN and the counts say why; no curve is drawn."""
    got = told(np.zeros(40), np.linspace(0.1, 0.9, 40))
    assert got["value"].isna().all()
    assert got["n_churned"].eq(0).all()
    rng = np.random.default_rng(0)
    assert calibration.curve(np.zeros(40), np.full(40, 0.2), account=np.arange(40), rng=rng).empty
    assert np.isnan(calibration.observed_to_expected([0, 0], [0.1, 0.2], account=["a", "b"])).all()


def test_separation_has_no_slope() -> None:
    """Where the score parts the classes completely no slope exists, and none is shown."""
    p = np.r_[np.linspace(0.01, 0.3, 30), np.linspace(0.6, 0.9, 30)]
    got = told(np.r_[np.zeros(30), np.ones(30)], p, n_null=20)
    assert np.isnan(got.loc["slope", "value"])
    assert np.isfinite(got.loc["observed_to_expected", "value"])
    one_value = told(np.r_[np.zeros(30), np.ones(30)], np.full(60, 0.4), n_null=20)
    assert one_value.loc["intercept", "value"] == pytest.approx(np.log(1 / (0.4 / 0.6)))


def test_curve_and_groups_follow_the_truth() -> None:
    """Perfect probabilities lie inside the band nearly everywhere; groups add up to all."""
    y, p = said(np.random.default_rng(7), 4000)
    account = np.arange(4000) // 2
    rng = np.random.default_rng(0)
    drawn = calibration.curve(y, p, account=account, n_boot=200, rng=rng)
    assert ((drawn["low"] <= drawn["p"]) & (drawn["p"] <= drawn["high"])).mean() > 0.8
    assert ((drawn["low"] <= drawn["observed"]) & (drawn["observed"] <= drawn["high"])).all()
    grouped = calibration.groups(y, p, account=account)
    assert grouped["n"].tolist() == [400] * 10
    assert (grouped["n"] * grouped["observed"]).sum() == pytest.approx(y.sum())
    assert (grouped["n"] * grouped["expected"]).sum() == pytest.approx(p.sum())
    assert grouped["expected"].is_monotonic_increasing


def test_the_rule_of_events() -> None:
    """Under 100 events the level, under 1,000 the line, then the curve; one class nothing."""
    rng = np.random.default_rng(9)
    for n, method in ((300, "intercept"), (3000, "logistic"), (12_000, "isotonic")):
        y, p = said(rng, n)
        assert calibration.recalibrate(logistic.logit(p), y).method == method
    assert calibration.recalibrate(np.zeros(9), np.zeros(9)).method == "none"
    with pytest.raises(ParameterError, match="one class"):
        calibration.recalibrate(np.zeros(9), np.zeros(9), method="logistic")


@pytest.mark.parametrize("method", ["none", "intercept", "logistic", "isotonic"])
def test_a_correction_keeps_order_and_survives_json(method: Any) -> None:
    """Corrections grow with the logit, stay within 0 and 1, and read back as they were."""
    y, p = said(np.random.default_rng(10), 600)
    x = logistic.logit(p)
    made = calibration.recalibrate(x, y, method=method)
    grid = np.linspace(-40, 40, 2001)
    out = made.apply(grid)
    assert (np.diff(out) >= 0).all()
    assert out.min() > 0
    assert out.max() < 1
    assert np.isnan(made.apply([np.nan])).all()
    again = calibration.Recalibration.from_plain(json.loads(json.dumps(made.plain())))
    assert again == made
    np.testing.assert_array_equal(again.apply(grid), out)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-2, 2), st.floats(0.3, 3))
def test_a_correction_puts_the_level_right(seed: int, shift: float, stretch: float) -> None:
    """On what it was learnt from, a corrected level is the share that left."""
    y, p = said(np.random.default_rng(seed), 500)
    x = shift + stretch * logistic.logit(p)
    for method in ("intercept", "logistic"):
        got = calibration.recalibrate(x, y, method=method).apply(x)  # type: ignore[arg-type]
        assert got.mean() == pytest.approx(y.mean(), abs=1e-5)


def test_correction_repairs_out_of_sample() -> None:
    """A stretched and shifted score, corrected by its past, is calibrated in the future."""
    rng = np.random.default_rng(12)
    (y, p), (later, q) = said(rng, 20_000), said(rng, 20_000)
    for method in ("logistic", "isotonic"):
        made = calibration.recalibrate(1 + 2 * logistic.logit(p), y, method=method)  # type: ignore[arg-type]
        got = told(later, made.apply(1 + 2 * logistic.logit(q)), n_null=0)
        assert got.loc["slope", "value"] == pytest.approx(1, abs=0.1)
        assert got.loc["observed_to_expected", "value"] == pytest.approx(1, abs=0.06)


def test_a_score_that_misleads_is_not_turned_round() -> None:
    """A score that ranks the wrong way is flattened to the base rate, not reversed."""
    y, p = said(np.random.default_rng(13), 3000)
    made = calibration.recalibrate(-logistic.logit(p), y, method="logistic")
    np.testing.assert_allclose(made.apply([-3, 3]), y.mean(), atol=1e-6)


def test_a_broken_store_is_refused() -> None:
    """A stored curve that falls, or a method not known, is refused."""
    plain = calibration.Recalibration("isotonic", at=(0.0, 1.0), rate=(0.4, 0.2)).plain()
    with pytest.raises(ParameterError, match="cannot be read"):
        calibration.Recalibration.from_plain(plain)
