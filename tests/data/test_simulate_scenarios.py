"""The laws that the eight scenarios promise, held against the hidden truth of small worlds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cs_models.data import simulate
from cs_models.data.simulation import outcomes, scenarios, truth
from cs_models.errors import ParameterError


@pytest.fixture(scope="module")
def terms() -> dict[str, pd.DataFrame]:
    """Return the terms of every scenario, all from the same seed."""
    return {
        name: simulate.terms(scenario=name, n_accounts=1500, seed=11, dirty=False)
        for name in simulate.SCENARIOS
    }


def _learnt(terms: pd.DataFrame) -> pd.DataFrame:
    return terms[terms["evaluable"]]


def _odds_gap(below: pd.Series, above: pd.Series) -> float:
    p, q = below.mean(), above.mean()
    return float(np.log(p / (1 - p)) - np.log(q / (1 - q)))


def test_scenarios_are_the_eight_of_the_methods() -> None:
    """Scenarios: the eight of methods.md section 7, and step is among them."""
    assert set(simulate.SCENARIOS) == {
        "null",
        "linear",
        "step",
        "step-by-segment",
        "confounded",
        "immortal",
        "leak",
        "drift",
    }


@pytest.mark.parametrize("name", ["null", "immortal"])
def test_no_use_has_an_effect_without_a_planted_one(name: str) -> None:
    """Null and immortal: every beta of use, vigour and tickets is zero."""
    chosen = scenarios.named(name)
    betas = [getattr(chosen, field) for field in chosen.as_dict() if field.startswith("beta_")]
    assert betas
    assert all(beta == 0.0 for beta in betas)


@pytest.mark.parametrize("name", ["null", "immortal"])
def test_use_does_not_tell_the_outcome_without_a_planted_effect(name: str) -> None:
    """Null and immortal: within segments the key feature's AUC is one half, up to chance."""
    learnt = _learnt(simulate.terms(scenario=name, n_accounts=6000, seed=5))
    for _, rows in learnt.groupby("segment"):
        y = rows["churned"].to_numpy()
        error = np.sqrt(1 / (12 * y.sum()) + 1 / (12 * (1 - y).sum()))
        assert abs(truth.auc(rows["x"].to_numpy(float), y) - 0.5) < 3.5 * error


@pytest.mark.parametrize("name", ["step", "step-by-segment"])
def test_churn_jumps_at_the_cut_and_nowhere_near_it(name: str) -> None:
    """Step: the true hazard jumps at the cut by the planted log-odds; beside it it does not."""
    chosen = scenarios.named(name)
    quiet = {"sigma_account": 0.0, "sigma_quarter": 0.0}
    terms = simulate.terms(scenario=name, n_accounts=6000, seed=2, **quiet)
    beta = chosen.beta_threshold
    for segment, cut in zip(scenarios.SEGMENTS, chosen.cuts, strict=True):
        rows = terms[(terms["segment"] == segment) & (terms["term_months"] > 1)]
        x, hazard = rows["x"], rows["hazard"]
        near = max(2, cut // 4)
        under, over = hazard[(x >= cut - near) & (x < cut)], hazard[(x >= cut) & (x < cut + near)]
        further = hazard[(x >= cut + near) & (x < cut + 2 * near)]
        assert _odds_gap(under, over) == pytest.approx(beta, abs=0.35)
        assert abs(_odds_gap(over, further)) < 0.35


def test_both_sides_of_every_cut_have_mass(terms: dict[str, pd.DataFrame]) -> None:
    """Step-by-segment: 30 to 70 per cent of the terms of each segment are below its cut."""
    shares = _learnt(terms["step-by-segment"]).groupby("segment")["below"].mean()
    assert len(shares) == 3
    assert all(0.3 <= share <= 0.7 for share in shares)


def test_linear_has_a_slope_and_no_jump() -> None:
    """Linear: the hazard falls with x, by no more at the step's cut than elsewhere."""
    terms = simulate.terms(scenario="linear", n_accounts=6000, seed=3)
    rows = terms[terms["term_months"] > 1]
    groups = [rows["hazard"][(rows["x"] >= a) & (rows["x"] < a + 5)] for a in (10, 15, 20, 25)]
    gaps = [_odds_gap(a, b) for a, b in pairwise(groups)]
    assert all(gap < 0.6 for gap in gaps)
    assert _odds_gap(groups[0], groups[-1]) > 0.3


def test_confounding_vanishes_within_the_tier() -> None:
    """Confounded: use goes with renewal overall, and not among accounts of one tier."""
    world = simulate.customers(
        scenario="confounded", n_accounts=2000, seed=4, dirty=False, segment_mix=(0.5, 0.5, 0.0)
    )
    accounts = world.tables["accounts"].select(["account_id", "csm_id"]).to_pandas()
    learnt = _learnt(world.terms).merge(accounts, on="account_id")
    learnt["tier"] = learnt["csm_id"].str.split("-").str[1]

    def auc(rows: pd.DataFrame) -> float:
        return truth.auc(-rows["x"].to_numpy(float), rows["churned"].to_numpy())

    for _, rows in learnt.groupby("segment"):
        assert auc(rows) > 0.6
        within = [auc(tier) for _, tier in rows.groupby("tier") if tier["churned"].sum() >= 30]
        assert within
        assert abs(np.mean(within) - 0.5) < 0.06


def test_immortal_time_makes_idle_early_leavers() -> None:
    """Immortal: early cancellations are many, so that "ever reached" would look protective."""
    ended = {}
    for name in ("null", "immortal"):
        world = simulate.customers(scenario=name, n_accounts=400, seed=1, dirty=False)
        ended[name] = pc.sum(pc.is_valid(world.tables["subscriptions"]["ended_at"])).as_py()
        assert world.truth["cuts"] is None
    assert ended["immortal"] > 3 * ended["null"]


def test_leak_is_written_for_those_who_left_and_back_dated() -> None:
    """Leak: the field is there for churned terms only, in the first 60 days, without known_at."""
    world = simulate.customers(scenario="leak", n_accounts=600, seed=6, dirty=False)
    events = world.tables["events"]
    rows = events.filter(pc.equal(events["feature"].cast(pa.string()), scenarios.LEAK_FEATURE))
    assert rows["known_at"].null_count == rows.num_rows > 0
    learnt = _learnt(world.terms)
    left = set(learnt.loc[learnt["churned"] == 1, "account_id"])
    named = set(rows["account_id"].cast(pa.string()).to_pylist())
    stayed_always = set(world.terms["account_id"]) - set(
        world.terms.loc[world.terms["churned"] == 1, "account_id"]
    )
    assert left <= named
    assert not named & stayed_always


def test_drift_raises_only_the_last_two_quarters(terms: dict[str, pd.DataFrame]) -> None:
    """Drift: the true log-odds are those of step, plus .4 for renewals of the last six months."""
    both = terms["step"].merge(
        terms["drift"], on=["account_id", "term_start"], suffixes=("", "_drift")
    )
    both = both[both["term_months"] > 1]

    def logit(p: pd.Series) -> pd.Series:
        return np.log(p / (1 - p))

    gap = logit(both["hazard_drift"]) - logit(both["hazard"])
    late = both["term_end"] > pd.Timestamp("2025-12-30")
    assert late.any()
    assert np.allclose(gap[late], 0.4)
    assert np.allclose(gap[~late], 0.0)


def test_churn_is_calibrated_to_the_scenario() -> None:
    """Calibration: realised yearly churn by segment is the scenario's, up to chance."""
    never = {"early_cancel_monthly": (0.0, 0.0, 0.0)}
    learnt = _learnt(simulate.terms(scenario="step", n_accounts=6000, seed=8, **never))
    for segment, wanted in zip(scenarios.SEGMENTS, scenarios.named("step").churn, strict=True):
        rows = learnt[learnt["segment"] == segment]
        error = np.sqrt(wanted * (1 - wanted) / len(rows))
        assert abs(rows["churned"].mean() - wanted) < 4 * error + 0.01


def test_the_monthly_hazard_amounts_to_the_yearly_one() -> None:
    """Monthly contracts: twelve months at the monthly hazard leave what a year leaves."""
    yearly = np.array([0.0, 0.05, 0.5, 0.9])
    monthly = outcomes.monthly_hazard_of(yearly)
    assert np.allclose((1 - monthly) ** 12, 1 - yearly)


def test_the_truth_alone_is_that_of_the_whole_world() -> None:
    """Truth: `terms` alone equals the terms of the world of the same arguments."""
    same = {"scenario": "step", "n_accounts": 60, "seed": 4}
    pd.testing.assert_frame_equal(simulate.terms(**same), simulate.customers(**same).terms)


def test_unknown_names_are_refused() -> None:
    """Refusals: an unknown scenario, number or size is named, with what is allowed."""
    with pytest.raises(ParameterError, match=r"no such scenario[\s\S]*stepp[\s\S]*null"):
        simulate.customers(scenario="stepp")
    with pytest.raises(ParameterError, match=r"no such number[\s\S]*beta_thershold"):
        simulate.customers(scenario="step", beta_thershold=1.0)
    with pytest.raises(ParameterError, match=r"that many accounts[\s\S]*0"):
        simulate.customers(scenario="step", n_accounts=0)
