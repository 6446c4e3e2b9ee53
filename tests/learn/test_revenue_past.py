"""Shocks learnt from past quarters, and past quarters judged by what was known before them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats
from scipy.special import expit, logit

from cs_models.errors import DataError
from cs_models.learn import revenue
from cs_models.learn.forecasting import coverage, shocks
from cs_models.learn.forecasting.recovery import recover


def quarters(
    sigma: float, n_quarters: int, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return chances, churn and quarter of contracts that share a shock a quarter."""
    said = rng.beta(2, 10, (n_quarters, n))
    shock = sigma * rng.standard_normal((n_quarters, 1))
    churned = rng.random(said.shape) < expit(logit(said) + shock)
    return said.ravel(), churned.ravel().astype(float), np.repeat(np.arange(n_quarters), n)


def log_marginal(sigma: float, said: np.ndarray, churned: np.ndarray) -> float:
    """Integrate one quarter's likelihood over its shock with SciPy, centred on its count."""
    eta = logit(said)

    def mean_count(shift: float) -> float:
        inner = lambda u: expit(eta + u).sum() * stats.norm.pdf(u, shift, sigma)  # noqa: E731
        return integrate.quad(inner, shift - 8 * sigma, shift + 8 * sigma)[0] - said.sum()

    shift = optimize.brentq(mean_count, -2, 2)
    best = float(np.where(churned == 1, np.log(said), np.log1p(-said)).sum())

    def density(u: float) -> float:
        at = eta + u
        return np.exp((churned * at - np.logaddexp(0, at)).sum() - best) * stats.norm.pdf(
            u, shift, sigma
        )

    return best + np.log(integrate.quad(density, -4, 4, limit=200, points=[0.0, shift])[0])


def test_the_likelihood_is_that_of_an_integral_over_the_shock() -> None:
    """Ratios of likelihoods at three sigmas agree with adaptive quadrature to .02."""
    said, churned, quarter = quarters(0.5, 3, 60, np.random.default_rng(4))
    evidence = sum(
        shocks._evidence(*shocks._quarter(said[quarter == q], churned[quarter == q]))
        for q in range(3)
    )
    at = [int(np.flatnonzero(np.isclose(shocks.SIGMAS, s))[0]) for s in (0.2, 0.5, 1.0)]
    ours = evidence[at]
    theirs = np.array(
        [
            sum(log_marginal(s, said[quarter == q], churned[quarter == q]) for q in range(3))
            for s in (0.2, 0.5, 1.0)
        ]
    )
    assert np.diff(ours) == pytest.approx(np.diff(theirs), abs=0.02)


def test_sigma_is_found_and_its_interval_holds() -> None:
    """Sixty quarters of 400 give .5 back within a tenth; the interval holds it, and not 0."""
    found = shocks.learn(*quarters(0.5, 60, 400, np.random.default_rng(6)))
    assert found.sigma == pytest.approx(0.5, abs=0.1)
    assert 0.3 < found.low < 0.5 < found.high < 0.7
    assert found.n_quarters == 60
    none = shocks.learn(*quarters(0.0, 60, 400, np.random.default_rng(7)))
    assert none.sigma < 0.12
    assert none.low == 0.0


def test_large_quarters_give_students_t() -> None:
    """Eight well measured shocks: the next is nearly t with 7 degrees around their spread."""
    rng = np.random.default_rng(8)
    said = np.full((8, 40_000), 0.2)
    true = 0.2 * np.array([-1.2, -0.7, -0.3, -0.1, 0.2, 0.4, 0.8, 1.3])
    churned = (rng.random(said.shape) < expit(logit(said) + true[:, None])).astype(float)
    found = shocks.learn(said.ravel(), churned.ravel(), np.repeat(np.arange(8), 40_000))
    drawn = found.draw((200_000, 1), rng)[:, 0]
    scale = np.sqrt((true**2).sum() / 7)
    for level in (0.75, 0.9, 0.95):
        assert np.quantile(drawn, level) == pytest.approx(stats.t(7).ppf(level) * scale, rel=0.08)


def test_a_year_that_went_worse_than_said_widens_the_shock() -> None:
    """What was said too low in every quarter is a shock, not something to be centred away."""
    rng = np.random.default_rng(9)
    said = np.full(2400, 0.15)
    churned = (rng.random(2400) < 0.3).astype(float)
    assert shocks.learn(said, churned, np.repeat(np.arange(8), 300)).sigma > 0.5


def test_without_quarters_the_prior_speaks() -> None:
    """No backtest: nothing is estimated, and the spread drawn from is the half normal's."""
    empty = pd.DataFrame(columns=["outcome", "segment", "term_months", "notice_date", "ratio"])
    told = revenue.learn(None, empty.astype({"ratio": float, "notice_date": "datetime64[s]"}))
    assert not told.shock.enough
    assert told.shock.weight @ shocks.SIGMAS == pytest.approx(
        stats.halfnorm(scale=shocks.PRIOR_SIGMA).mean(), rel=0.1
    )
    due = pd.DataFrame(
        {"subscription_id": ["a"], "account_id": ["a"], "quarter": [pd.Timestamp(2026, 7, 1)]}
    ).assign(arr=1.0, p_churn=0.2)
    rng = np.random.default_rng(1)
    assert revenue.forecast(due, told, rng=rng, n_paths=500).quarters["n_due"].tolist() == [1, 1]


def past(
    rng: np.random.Generator, n_quarters: int = 10, n: int = 80
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions decided 90 days before the renewal, and the history they turned into."""
    said, churned, place = quarters(0.3, n_quarters, n, rng)
    starts = pd.date_range("2022-01-01", periods=n_quarters, freq="QS")
    ratio = np.where(churned == 1, 0.0, rng.choice([0.8, 1.0, 1.2], len(said), p=[0.1, 0.7, 0.2]))
    end = starts[place] + pd.to_timedelta(90 + rng.integers(0, 90, len(said)), unit="D")
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{k}" for k in range(len(said))],
            "account_id": [f"a{k % 300}" for k in range(len(said))],
            "segment": rng.choice(["SMB", "MM"], len(said)),
            "term_months": 12,
            "term_start": end - pd.Timedelta(days=365),
            "term_end": end,
            "arr": np.exp(9 + rng.standard_normal(len(said))),
        }
    )
    predictions = frame.assign(origin=starts[place], p_churn=said, churned=churned)
    cases = [churned == 1, ratio < 1, ratio > 1]
    outcome = np.select(cases, ["churned", "contracted", "expanded"], "renewed")
    history = frame.assign(
        parent_account_id=None,
        closed_date=end,
        known_date=end + pd.Timedelta(days=30),
        notice_date=pd.NaT,
        outcome=outcome,
        arr_next=frame["arr"] * ratio,
        ratio=ratio,
    )
    return predictions, history


def test_the_backtest_says_what_came_true() -> None:
    """Actual rates are sums of the rows' own money; hits are actuals within the interval."""
    predictions, history = past(np.random.default_rng(10))
    found = revenue.backtest(predictions, history, rng=np.random.default_rng(1), n_paths=500)
    assert found.enough
    assert len(found.quarters) + len(found.skipped) == 10
    assert set(found.skipped["reason"]) == {coverage.TOO_EARLY}
    row = found.quarters.iloc[-1]
    mine = history[predictions["origin"] == row["origin"]]
    assert row["nrr_actual"] == pytest.approx(mine["arr_next"].sum() / mine["arr"].sum())
    kept = np.minimum(mine["arr_next"], mine["arr"]).sum()
    assert row["grr_actual"] == pytest.approx(kept / mine["arr"].sum())
    assert row["n_churn_actual"] == mine["outcome"].eq("churned").sum()
    assert row["grr_hit"] == (row["grr_p10"] <= row["grr_actual"] <= row["grr_p90"])
    told = found.coverage.set_index("measure")
    assert told.loc["grr", "n_hit"] == found.quarters["grr_hit"].sum()
    assert set(told.index) == set(coverage.MEASURES)


def test_no_quarter_is_told_by_a_later_one() -> None:
    """Whatever came after a quarter's first day leaves what was said of it untouched."""
    predictions, history = past(np.random.default_rng(11))
    one = revenue.backtest(predictions, history, rng=np.random.default_rng(1), n_paths=300)
    judged = one.quarters["origin"].iloc[3]
    later = history["known_date"] > judged
    turned = predictions.assign(churned=predictions["churned"].where(~later, 1.0))
    gone = history["ratio"].where(~later, 0.01)
    other = history.assign(ratio=gone, outcome=history["outcome"].where(~later, "contracted"))
    two = revenue.backtest(turned, other, rng=np.random.default_rng(1), n_paths=300)
    said = [name for name in one.quarters if name.endswith(("_p10", "_p50", "_p90", "sigma"))]
    pd.testing.assert_frame_equal(one.quarters[said].iloc[:4], two.quarters[said].iloc[:4])
    assert not one.quarters[said].iloc[5:].equals(two.quarters[said].iloc[5:])


def test_few_quarters_are_called_few() -> None:
    """Three judged quarters say nothing of coverage; none has the widest interval there is."""
    predictions, history = past(np.random.default_rng(12), n_quarters=6)
    found = revenue.backtest(predictions, history, rng=np.random.default_rng(1), n_paths=300)
    assert len(found.quarters) < 4
    assert not found.enough
    assert not found.coverage["enough"].any()
    none = revenue.backtest(predictions.iloc[:80], history, rng=np.random.default_rng(1))
    assert none.quarters.empty
    row = none.coverage.set_index("measure").loc["grr"]
    assert (row["n_quarters"], row["low"], row["high"]) == (0, 0.0, 1.0)
    assert np.isnan(row["coverage"])


def test_the_interval_of_coverage_is_clopper_and_pearsons() -> None:
    """8 of 10: .4439 to .9748 (the published exact limits)."""
    found = coverage.coverage(pd.DataFrame({"grr_hit": [True] * 8 + [False] * 2}))
    row = found.set_index("measure").loc["grr"]
    assert (row["low"], row["high"]) == pytest.approx((0.4439, 0.9748), abs=1e-4)


def test_a_missing_column_is_named() -> None:
    """Predictions without outcomes cannot be judged."""
    predictions, history = past(np.random.default_rng(13), n_quarters=2)
    with pytest.raises(DataError, match="churned"):
        revenue.backtest(predictions.drop(columns="churned"), history, rng=np.random.default_rng(1))


def test_intervals_hold_where_quarters_have_shocks() -> None:
    """S8, sigma .6: ours holds most quarters, the independent one under half."""
    row = recover(0.6, rng=np.random.default_rng([17, 6]), n_runs=24, n_paths=400).iloc[0]
    assert row["coverage"] >= 0.6
    assert row["independent_coverage"] <= 0.5
    assert row["width"] > 2 * row["independent_width"]
