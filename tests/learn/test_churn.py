"""What a predictor says of a customer, and what it could have known when it said so."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError, TooLittleDataError
from cs_models.learn import churn
from cs_models.learn.evaluation import metrics
from cs_models.learn.predictors import seen
from cs_models.learn.predictors import told as in_words

AS_OF = date(2026, 6, 30)
DRIVERS = list(churn.DRIVERS)


def book(n_accounts: int = 420, seed: int = 3, *, effect: float = 1.0) -> pd.DataFrame:
    """Return a panel of yearly terms in which a step in one use, cases and a champion foretell."""
    rng = np.random.default_rng(seed)
    n_terms = 3
    account = np.repeat(np.arange(n_accounts), n_terms)
    n = len(account)
    first = pd.Timestamp("2022-07-01") + pd.to_timedelta(
        np.repeat(rng.integers(0, 365, n_accounts), n_terms), unit="D"
    )
    start = first + pd.to_timedelta(365 * np.tile(np.arange(n_terms), n_accounts), unit="D")
    shared = rng.poisson(rng.lognormal(2.5, 0.7, n))
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{number:05d}" for number in range(n)],
            "account_id": [f"a{number:04d}" for number in account],
            "account_name": [f"Account {number}" for number in account],
            "segment": np.repeat(rng.choice(["SMB", "MM"], n_accounts), n_terms),
            "plan": np.repeat(rng.choice(["basic", "pro"], n_accounts), n_terms),
            "arr": np.repeat(np.round(rng.lognormal(9, 1, n_accounts), 2), n_terms),
            "seats": pd.array(np.repeat(rng.integers(5, 90, n_accounts), n_terms), dtype="Int64"),
            "term_no": np.tile(np.arange(n_terms), n_accounts) + 1,
            "term_months": 12,
            "term_start": start,
            "term_end": start + pd.Timedelta(days=365),
            "as_of_date": start + pd.Timedelta(days=275),
            "events__shared__first_60d": pd.array(shared, dtype="Int64"),
            "events__last_28d": rng.poisson(20, n),
            "days_since_last_use__to_date": rng.integers(0, 30, n),
            "open_severe_tickets__to_date": rng.poisson(0.4, n),
            "champions_left__to_date": rng.binomial(1, 0.2, n),
            "nps__to_date": np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 11, n)),
            "our_contacts_lagged__last_28d": rng.poisson(1, n),
        }
    )
    risk = -2.0 + effect * (
        1.6 * (shared < 10)
        + 0.7 * frame["open_severe_tickets__to_date"]
        + 1.0 * frame["champions_left__to_date"]
    )
    frame["churned"] = pd.array((rng.random(n) < 1 / (1 + np.exp(-risk))).astype(int), dtype="Int8")
    # Our team calls those who are about to leave: a sign of risk, never a shelter from it.
    frame["our_contacts_lagged__last_28d"] += (frame["churned"] == 0).astype(int)
    frame.attrs["recipe"] = {"windows_days": [28]}
    return frame[frame["term_end"] < pd.Timestamp("2026-05-30")].reset_index(drop=True)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return book()


@pytest.fixture(scope="module")
def past(panel: pd.DataFrame) -> churn.Backtest:
    return churn.backtest(panel, as_of=AS_OF, n_halves=20)


@pytest.fixture(scope="module", params=["L0", "L1", "L2", "L3", "L4"])
def model(request: pytest.FixtureRequest, panel: pd.DataFrame, past: churn.Backtest) -> churn.Model:
    return churn.fit(panel, past, level=request.param, n_refits=12)


def test_a_quarters_predictions_are_the_same_whatever_came_afterwards(panel, past):
    """Turning every outcome that was unknown on an origin's day changes nothing said that day."""
    origin = past.origins["origin"].iloc[3]
    later = (panel["term_end"] + pd.Timedelta(days=30) > origin).to_numpy()
    turned = panel.copy()
    turned.loc[later, "churned"] = 1 - turned.loc[later, "churned"]
    turned.loc[
        turned["as_of_date"] >= origin + pd.Timedelta(days=92), "open_severe_tickets__to_date"
    ] = 9
    again = churn.backtest(turned, as_of=AS_OF, n_halves=0).predictions
    was = past.predictions
    upto = was["origin"] <= origin
    now = again[again["origin"] <= origin]
    assert upto.sum() > 50
    pd.testing.assert_series_equal(now["p_churn"], was.loc[upto, "p_churn"])
    assert list(now["level"]) == list(was.loc[upto, "level"])


def test_every_tested_term_is_told_once_and_by_an_origin_before_its_decision(past):
    told = past.predictions
    assert not told["subscription_id"].duplicated().any()
    assert (told["origin"] <= told["as_of_date"]).all()
    assert (told["as_of_date"] < told["origin"] + pd.Timedelta(days=92)).all()
    assert told["p_churn"].between(0, 1).all()


def test_cold_accounts_are_those_without_a_known_term_at_the_origin(panel, past):
    for origin, part in past.predictions.groupby("origin"):
        known = panel.loc[panel["term_end"] + pd.Timedelta(days=30) <= origin, "account_id"]
        assert (part["cold"] == ~part["account_id"].isin(known)).all()


def test_what_was_planted_is_foretold(past):
    """A step, cases and a lost champion tell more than the base rate, out of time."""
    told = past.predictions
    last = told[told["origin"] >= past.origins["origin"].iloc[-4]]
    assert metrics.auc(last["churned"], last["p_churn"]) > 0.68
    assert past.chosen in ("L3", "L4")
    assert past.ladder.set_index("level").loc[past.chosen, "gain"] > 0
    assert past.ladder["chosen"].sum() == 1


def test_nothing_is_foretold_where_nothing_was_planted():
    """Without any cause the base rate is believed, and nothing beats it by more than chance."""
    believed = [
        churn.backtest(book(300, seed, effect=0.0).assign(
            our_contacts_lagged__last_28d=1), as_of=AS_OF, n_halves=0).chosen
        for seed in (1, 2, 3)
    ]  # fmt: skip
    assert believed.count("L0") >= 2


def test_the_drivers_shuffled_are_those_that_were_planted(past):
    mean = past.importance.groupby("driver")["loss_increase"].mean()
    assert set(mean.nlargest(4).index) >= {"adoption", "support", "relationship"}
    assert (mean[["adoption", "support", "relationship"]] > 0).all()


def test_the_planted_columns_are_selected_again_and_again(past):
    often = past.coefficients.set_index("column")
    for name, sign in (
        ("events__shared__first_60d", -1),
        ("open_severe_tickets__to_date", 1),
        ("champions_left__to_date", 1),
    ):
        assert often.loc[name, "selected_share"] >= 0.7
        assert often.loc[name, "sign"] == sign


def test_reasons_add_up_to_the_prediction(model, panel):
    """Base and drivers are the log-odds of the probability, to 1e-6, at every level."""
    rows = panel.head(60)
    parts = churn.explain(model, rows)
    total = parts["base"] + parts[DRIVERS].sum(axis=1)
    np.testing.assert_allclose(total, parts["logit"], atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-parts["logit"])), model.predict(rows), atol=2e-6)
    assert list(parts["subscription_id"]) == list(rows["subscription_id"])


def test_a_driver_that_is_typical_is_no_reason(model, panel):
    """A term with the values of the typical renewed term of its segment has no parts at all."""
    rows = panel.head(5).copy()
    raw = model.encoder.raw_names
    for name, own in rows.groupby("segment"):
        for at, column in enumerate(raw[: len(model.encoder.numbers)]):
            value = model.reference[str(name)][at]
            rows[column] = rows[column].astype("float64")
            rows.loc[own.index, column] = np.nan if value is None else value
    for word in model.encoder.words:
        if word.name != "segment":
            at = raw.index(word.name)
            marks = model.reference[""][at : at + len(word.words)]
            rows[word.name] = word.words[int(np.argmax(marks))]
    parts = churn.explain(model, rows)[DRIVERS].drop(columns="commercial")
    np.testing.assert_allclose(parts, 0.0, atol=1e-9)


def test_our_own_contacts_never_shelter(panel, past):
    """Calls that went to those who stayed lower nobody's risk, in either kind of model."""
    for level in ("L3", "L4"):
        fitted = churn.fit(panel, past, level=level, n_refits=0)
        rows = panel.head(80).assign(our_contacts_lagged__last_28d=0)
        more = rows.assign(our_contacts_lagged__last_28d=6)
        assert (fitted.predict(more) >= fitted.predict(rows) - 1e-9).all()


def test_more_severe_cases_never_lower_the_risk_that_trees_tell(panel, past):
    fitted = churn.fit(panel, past, level="L4", n_refits=0)
    rows = panel.head(80)
    risks = [fitted.predict(rows.assign(open_severe_tickets__to_date=k)) for k in range(5)]
    assert (np.diff(risks, axis=0) >= -1e-12).all()


def test_the_band_holds_the_prediction_and_is_of_the_refits(model, panel):
    scores = churn.score(model, panel.head(50))
    assert (scores["p_low"] <= scores["p_churn"]).all()
    assert (scores["p_churn"] <= scores["p_high"]).all()
    drawn = churn.spread(model, panel.head(50))
    assert drawn.shape == (50, 12)
    low = np.minimum(np.quantile(drawn, 0.1, axis=1), scores["p_churn"])
    np.testing.assert_allclose(scores["p_low"], low)


def test_a_band_across_the_plays_threshold_is_uncertain(panel, past):
    fitted = churn.fit(panel, past, level="L3", n_refits=12)
    plain = churn.score(fitted, panel)
    at = float(plain["p_churn"].median())
    flagged = churn.score(fitted, panel, play_at=at)
    across = (plain["p_low"] < at) & (plain["p_high"] > at)
    assert across.any()
    assert (flagged["uncertain"] == (plain["uncertain"] | across)).all()


def test_a_term_unlike_any_learnt_from_is_flagged_with_its_columns(panel, past):
    fitted = churn.fit(panel, past, level="L3", n_refits=0)
    usual = churn.score(fitted, panel)
    assert usual["out_of_distribution"].mean() < 0.03
    strange = panel.head(5).assign(
        open_severe_tickets__to_date=60, events__last_28d=9000, champions_left__to_date=8
    )
    judged = churn.score(fitted, strange)
    assert judged["out_of_distribution"].all()
    assert judged["odd_columns"].str.contains("open_severe_tickets__to_date").all()


def test_a_model_survives_being_written(model, panel):
    """What JSON and the estimators hold is the whole model."""
    again = churn.Model.restored(json.loads(json.dumps(model.plain())), model.estimators())
    pd.testing.assert_frame_equal(churn.score(again, panel), churn.score(model, panel))
    assert again.plain() == model.plain()


def test_the_order_of_rows_and_columns_is_nothing(panel, past):
    fitted = churn.fit(panel, past, level="L4", n_refits=0)
    mixed = panel.sample(frac=1, random_state=0)[panel.columns[::-1]]
    np.testing.assert_array_equal(fitted.predict(mixed), fitted.predict(panel)[mixed.index])


def test_flipping_the_outcome_flips_every_reason(panel, past):
    """A regression told of staying instead of leaving says the same with the other sign."""
    fitted = churn.fit(panel, past, level="L3", n_refits=0)
    lines = fitted.encoder.design_names
    turned = churn.fit(panel.assign(churned=1 - panel["churned"]), past, level="L3", n_refits=0)
    free = {"our_contacts_lagged__last_28d"}
    mine = dict(zip(fitted.fitted.places, fitted.fitted.coefficients, strict=True))
    theirs = dict(zip(turned.fitted.places, turned.fitted.coefficients, strict=True))
    same = [p for p in mine.keys() & theirs.keys() if lines[p] not in free]
    signs = [np.sign(mine[p]) == -np.sign(theirs[p]) for p in same if abs(mine[p]) > 0.05]
    assert len(signs) >= 3
    assert all(signs)


def test_a_missing_answer_is_no_answer_and_not_nought(panel, past):
    fitted = churn.fit(panel, past, level="L3", n_refits=0)
    rows = panel.head(40)
    silent = fitted.predict(rows.assign(nps__to_date=np.nan))
    zero = fitted.predict(rows.assign(nps__to_date=0.0))
    assert np.abs(silent - zero).max() > 1e-4


@pytest.mark.parametrize("value", [2, -1])
def test_an_outcome_that_is_neither_is_refused(panel, value):
    broken = panel.copy()
    broken.loc[3, "churned"] = value
    with pytest.raises(DataError, match="neither 0"):
        churn.backtest(broken, as_of=AS_OF)


def test_too_short_a_history_says_what_it_has(panel):
    short = panel[panel["term_end"] < "2024-07-01"]
    with pytest.raises(TooLittleDataError, match="backtest") as refusal:
        churn.backtest(short, as_of=date(2024, 8, 15))
    assert "of 4" in refusal.value.got


def test_an_unknown_level_is_refused(panel, past):
    with pytest.raises(ParameterError, match="no such level"):
        churn.fit(panel, past, level="L9")


def test_the_simplest_level_within_a_standard_error_of_the_best_is_believed():
    """Two equal forecasts: the simpler one; a clearly better one: that one."""
    rng = np.random.default_rng(0)
    p = rng.beta(2, 6, 3000)
    churned = (rng.random(3000) < p).astype(float)
    account = np.arange(3000)
    base = np.full(3000, churned.mean())
    assert seen.simplest(churned, account, {"L0": base, "L1": base}) == "L0"
    assert seen.simplest(churned, account, {"L0": base, "L3": p, "L4": p + 1e-9}) == "L3"


def test_every_predictor_has_a_driver_and_what_is_no_predictor_is_left_out(panel):
    names = churn.columns(panel.assign(crm_health__to_date=1.0, events__before_90d=2))
    assert {churn.driver(name) for name in names} <= set(DRIVERS)
    assert not {"crm_health__to_date", "events__before_90d", "account_name", "csm_id"} & set(names)


def test_explainable_boosting_is_a_level_when_its_library_is_there(panel):
    """Its steps are kept as numbers: the model says the same after being written as JSON."""
    pytest.importorskip("interpret", reason="the extra 'ebm' is not installed")
    small = panel[panel["account_id"] < "a0200"]
    told = churn.backtest(small, as_of=AS_OF, n_halves=0, explainable_boosting=True)
    assert list(told.ladder["level"]) == ["L0", "L1", "L2", "L3", "L4", "L5"]
    fitted = churn.fit(small, told, level="L5", n_refits=2)
    again = churn.Model.restored(json.loads(json.dumps(fitted.plain())), fitted.estimators())
    assert fitted.estimators() == []
    pd.testing.assert_frame_equal(churn.score(again, small), churn.score(fitted, small))
    assert metrics.auc(small["churned"].astype(float), fitted.predict(small)) > 0.7


def test_explainable_boosting_says_how_to_get_it(panel, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ParameterError, match="not installed") as refusal:
        churn.backtest(panel, as_of=AS_OF, explainable_boosting=True)
    assert "cs-models[ebm]" in refusal.value.repair


def test_reasons_in_short_are_those_of_the_sentences() -> None:
    """One driver's name a sentence, in their order; without a sentence nothing."""
    said = pd.DataFrame(
        {"reason_1": ["support cases: 3", "how the term began", ""],
         "reason_2": ["what its users answer: 4", "", ""]}, index=[5, 6, 7],
    )  # fmt: skip
    assert in_words.codes(said).to_dict() == {5: "support;sentiment", 6: "adoption", 7: ""}
