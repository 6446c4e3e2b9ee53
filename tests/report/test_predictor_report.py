"""Who may leave and how well that was known: the same in sentence, figure, table and file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from cs_models.features import readable
from cs_models.learn import churn
from cs_models.learn.health import Play, Validation
from cs_models.report import explore
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import callers, coming, customer, foretold, leavers, predictors
from cs_models.report.evidence.predictors import Learnt, Today
from cs_models.report.exhibits import customer as customer_exhibits
from cs_models.report.exhibits import foretold as foretold_exhibits
from cs_models.report.exhibits import ladder as ladder_exhibits
from cs_models.report.exhibits import net_benefit as benefit_exhibits
from cs_models.report.exhibits import predictors as exhibits
from cs_models.report.figures import customer as customer_figures
from cs_models.report.findings import colours
from cs_models.report.findings import customer as customer_findings
from cs_models.report.findings import foretold as foretold_findings
from cs_models.report.findings import predictors as findings
from cs_models.report.findings import predictors_saved as saved
from tests.report import idle

AS_OF = date(2026, 6, 30)
PLAY = Play(cost=Decimal(1500), margin=0.8, save_rate_low=0.1, save_rate_high=0.3)
CAUSAL = re.compile(
    r"\b(caus|drove|driv|reduc|because of|leads? to|makes? (them|customers) (stay|leave)|prevent)",
    re.I,
)
HOSTILE = "</script><script>alert(1)</script>"


def panel_of(n_terms: int, *, effect: float, seed: int) -> pd.DataFrame:
    """Return yearly terms of accounts whose days without use go with leaving."""
    rng = np.random.default_rng(seed)
    frame = idle.terms(rng, n_terms, effect=effect, enterprise=-0.4)
    return frame.assign(events__first_60d=rng.poisson(60, n_terms).astype(float))


def running_of(n_terms: int) -> pd.DataFrame:
    """Return running terms that renew from tomorrow to a year on; one gave notice."""
    frame = panel_of(n_terms, effect=1.0, seed=5)
    days = np.linspace(1, 360, n_terms).round()
    frame["term_end"] = pd.Timestamp(AS_OF) + pd.to_timedelta(days, unit="D")
    frame["term_start"] = frame["term_end"] - pd.Timedelta(days=365)
    frame["as_of_date"] = pd.Timestamp(AS_OF)
    frame["account_id"] = [f"n{number}" for number in range(n_terms)]
    frame["churned"] = np.nan
    half = n_terms // 4  # the third notice stands where terms are read
    return frame.assign(in_notice=[number == half for number in range(n_terms)], decided=False)


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Return a history in which idle customers leave."""
    return panel_of(900, effect=1.2, seed=2)


@pytest.fixture(scope="module")
def learnt(history: pd.DataFrame) -> Learnt:
    """Return what is learnt from it."""
    return predictors.learn(history, as_of=AS_OF, grace_days=30, n_refits=20, random_state=1)


@pytest.fixture(scope="module")
def due() -> coming.Due:
    """Return those who come up."""
    return coming.due(running_of(60), as_of=AS_OF, decision_days=90)


@pytest.fixture(scope="module")
def today(learnt: Learnt, due: coming.Due) -> Today:
    """Return what is said of them."""
    said = predictors.today(learnt, due, PLAY)
    assert said is not None
    return said


@pytest.fixture(scope="module")
def judged(learnt: Learnt, history: pd.DataFrame) -> foretold.Judged:
    """Return how well it knew."""
    found = foretold.judge(learnt, history, by="segment", rng=np.random.default_rng(3))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def called(learnt: Learnt, history: pd.DataFrame) -> callers.Calls:
    """Return what ten calls a quarter would have reached."""
    found = callers.calls(learnt, history, k=10, play=PLAY, rng=np.random.default_rng(4))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def nothing() -> Learnt:
    """Return a history too short to learn from."""
    return predictors.learn(
        panel_of(60, effect=1.0, seed=1), as_of=AS_OF, grace_days=30, n_refits=20, random_state=1
    )


def without_digits(statement: Statement, *words: str) -> bool:
    """Say whether every digit of a statement stands in a link or in the given words."""
    text = "".join(part for part in statement.parts if not isinstance(part, Number))
    for known in words:
        text = text.replace(known, "")
    return not re.search(r"\d", text)


def test_running_terms_are_parted_without_rest(due: coming.Due) -> None:
    """Each running term is spoken of or left out for one reason; late ones and notice are out."""
    assert len(due.terms) + due.left_out["n_terms"].sum() == 60
    assert (due.since, due.until) == (date(2026, 8, 13), date(2026, 11, 13))
    assert due.terms["term_end"].between(str(due.since), str(due.until)).all()
    out = due.left_out.set_index("key")["n_terms"]
    assert out[readable.NOTICE] == 1
    assert out[readable.LATER] == (running_of(60)["term_end"] > pd.Timestamp(due.until)).sum()


def test_a_term_that_renews_on_the_last_day_is_spoken_of() -> None:
    """Decision days and half a quarter from today is in, a day later is out; no date is out."""
    rows = running_of(3).assign(in_notice=False)
    rows["term_end"] = pd.to_datetime(pd.Series(["2026-11-13", "2026-11-14", None]))
    rows["term_start"] = pd.Timestamp("2026-01-01")
    found = coming.due(rows, as_of=AS_OF, decision_days=90)
    assert found.terms["subscription_id"].tolist() == ["s0"]
    short = coming.due(rows.assign(term_start=pd.Timestamp("2026-10-01")), as_of=AS_OF,
                       decision_days=90)  # fmt: skip
    assert short.terms.empty


def test_what_is_at_stake_is_the_sum_of_chance_times_arr(today: Today) -> None:
    """Totals are the sums over the list, inside their band; the list is sorted by expected loss."""
    risk = today.risk
    assert today.totals["expected_loss"] == pytest.approx((risk["p_churn"] * risk["arr"]).sum())
    assert today.totals["expected_leavers"] == pytest.approx(risk["p_churn"].sum())
    for name in ("expected_loss", "expected_leavers"):
        assert today.totals[f"{name}_low"] <= today.totals[name] <= today.totals[f"{name}_high"]
    assert risk["expected_loss"].is_monotonic_decreasing
    assert (today.health["subscription_id"] == risk["subscription_id"]).all()
    assert (today.parts["subscription_id"] == risk["subscription_id"]).all()


def test_the_table_says_how_many_days_before_renewal_its_chances_were_learnt(today: Today) -> None:
    """The outlook gives the same names other chances: whoever reads both is told why."""
    table = exhibits.at_risk(today, "USD", days=90)[-1]
    assert isinstance(table, Table)
    assert "learnt from past customers 90 days before their renewal" in table.note
    assert "06_renewal_outlook" in table.note


def test_nobody_coming_up_is_said_and_the_past_still_judged(
    learnt: Learnt, due: coming.Due, history: pd.DataFrame
) -> None:
    """Without a renewal ahead the page says so, and past colours are judged all the same."""
    nobody = replace(due, terms=due.terms.iloc[:0])
    assert predictors.today(learnt, nobody, PLAY) is None
    assert "Nobody comes up" in findings.answer(learnt, nobody, None, None, "USD")[0].text
    found = leavers.validated(learnt, history, PLAY, np.random.default_rng(1))
    assert found is not None
    assert found.colours["n"].sum() == learnt.counts["n_foretold"]


def test_a_term_without_arr_is_last_and_in_no_sum(learnt: Learnt, due: coming.Due) -> None:
    """Unknown money is said to be unknown, not taken for nought."""
    terms = due.terms.copy()
    terms.loc[0, "arr"] = None
    said = predictors.today(learnt, replace(due, terms=terms), PLAY)
    assert said is not None
    assert said.totals["n_without_arr"] == 1
    assert np.isnan(said.risk["expected_loss"].iloc[-1])
    assert "nan" not in " ".join(
        item.text for item in findings.answer(learnt, due, said, None, "USD")
    )


def test_measures_are_those_of_scikit_learn(learnt: Learnt, judged: foretold.Judged) -> None:
    """AUC, Brier and log loss are recomputed from the predictions, the level is a ratio."""
    assert learnt.past is not None
    seen = learnt.past.predictions
    plain = judged.plain()
    y, p = seen["churned"].to_numpy(), seen["p_churn"].to_numpy()
    assert plain["auc"] == pytest.approx(reference.roc_auc_score(y, p))
    assert plain["brier"] == pytest.approx(reference.brier_score_loss(y, p))
    assert plain["log_loss"] == pytest.approx(reference.log_loss(y, p))
    assert plain["observed_to_expected"] == pytest.approx(y.sum() / p.sum())
    assert judged.auc_base == pytest.approx(reference.roc_auc_score(y, seen["p_base"]))
    told = judged.card().set_index("metric")["value"]
    assert {name: told[name] for name in told.index} == pytest.approx(
        {name: plain[name] for name in told.index}
    )


def test_quarters_add_up_to_the_predictions(learnt: Learnt, judged: foretold.Judged) -> None:
    """Every term judged stands in one quarter; expected and lost are sums over it."""
    assert learnt.past is not None
    seen, frame = learnt.past.predictions, judged.quarters
    assert frame["n_terms"].sum() == len(seen) == learnt.counts["n_foretold"]
    assert frame["n_churned"].sum() == seen["churned"].sum()
    assert frame["n_expected"].sum() == pytest.approx(seen["p_churn"].sum())
    assert frame["arr_lost"].sum() == pytest.approx((seen["arr"] * seen["churned"]).sum())
    inside = (frame["low"] <= frame["expected"]) & (frame["expected"] <= frame["high"])
    assert (inside == frame["inside"]).all()


def test_lists_catch_what_a_plain_count_catches(learnt: Learnt, called: callers.Calls) -> None:
    """Precision and caught ARR of each list equal a count over the first ten of each quarter."""
    assert learnt.past is not None
    seen = learnt.past.predictions.assign(loss=lambda f: f["p_churn"] * f["arr"])
    for name, column in (("model", "p_churn"), ("arr", "arr"), ("loss", "loss")):
        order = seen.sort_values([column, "arr"], ascending=False)
        first = order.groupby("origin").head(10)
        lost = (first["arr"] * first["churned"]).sum() / (seen["arr"] * seen["churned"]).sum()
        assert called.value(name, "precision")["value"] == pytest.approx(first["churned"].mean())
        assert called.value(name, "arr_caught")["value"] == pytest.approx(lost)
    last = called.curve[called.curve["k"] == called.curve["k"].max()]
    assert last["arr_caught"].tolist() == pytest.approx([1.0] * len(last))
    assert not called.everyone


def test_calls_for_all_need_no_list(learnt: Learnt, history: pd.DataFrame) -> None:
    """Where the team reaches everybody, the page says so and compares no lists."""
    found = callers.calls(learnt, history, k=500, play=None, rng=np.random.default_rng(4))
    assert found is not None
    assert found.everyone
    assert "no list is needed" in findings.warnings(found).text
    assert "makes no difference" in foretold_findings.calls(found, "USD", better=True)[0].text


def test_the_crms_own_score_is_a_list_of_its_own(learnt: Learnt, history: pd.DataFrame) -> None:
    """A score of the CRM that knew who leaves catches them all, and is named."""
    knew = history.assign(**{callers.CRM_COLUMN: 100 - 100 * history["churned"]})
    found = callers.calls(learnt, knew, k=10, play=None, rng=np.random.default_rng(4))
    assert found is not None
    assert (
        found.value(callers.CRM, "precision")["value"] > found.value("model", "precision")["value"]
    )
    assert "The CRM's score" in foretold_findings.calls(found, "USD", better=True)[0].text


def test_the_parts_of_a_chance_add_up(today: Today, due: coming.Due, history: pd.DataFrame) -> None:
    """A typical renewer's chance and the points of all kinds make the customer's chance."""
    for term in today.risk["subscription_id"].head(4):
        seen = customer.look(
            term, today, due, history, by="segment", grace_days=30, rng=np.random.default_rng(1)
        )
        assert seen is not None
        total = 100 * seen.base + seen.parts["points"].sum()
        assert total == pytest.approx(100 * seen.risk["p_churn"], abs=1e-6)
        assert len(seen.parts) == len(churn.DRIVERS)
        assert seen.places["among_renewed"].between(0, 1).all()
        low, high = seen.places["among_renewed_low"], seen.places["among_renewed_high"]
        assert (low <= seen.places["among_renewed"]).all()
        assert (seen.places["among_renewed"] <= high).all()


def test_more_idle_days_stand_worse_among_renewers(
    today: Today, due: coming.Due, history: pd.DataFrame
) -> None:
    """A measure that is worse when larger is turned round: left is always worse."""
    terms = due.terms.copy()
    terms["days_since_last_use__to_date"] = 400.0
    term = today.risk["subscription_id"].iloc[0]
    seen = customer.look(
        term, today, replace(due, terms=terms), history, by="segment", grace_days=30,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert seen is not None
    idle = seen.places.set_index("column").loc["days_since_last_use__to_date"]
    assert idle["among_renewed"] == pytest.approx(0, abs=0.01)


def test_the_answer_speaks_of_money_first(
    learnt: Learnt, due: coming.Due, today: Today, called: callers.Calls
) -> None:
    """A model that foretells opens with what is at stake, whose, and how such warnings did."""
    assert learnt.better
    said = findings.answer(learnt, due, today, called, "EUR")
    assert [item.id for item in said] == ["answer", "leading", "warnings"]
    assert said[0].text.startswith("From 13 August to 13 November 2026, ")
    assert "€" in said[0].text
    assert "1 customers with" not in said[2].text
    assert all(without_digits(item, "13 August", "13 November 2026", *today.risk["account_name"])
               for item in said)  # fmt: skip
    assert "1 customer with" in said[0].text and "has given notice already" in said[0].text


def test_a_model_no_better_than_the_segment_says_so_first(
    learnt: Learnt, due: coming.Due, today: Today, called: callers.Calls
) -> None:
    """Without a gain over the plain share, that is the first sentence and no warning is praised."""
    assert learnt.past is not None
    flat = learnt.past.predictions.assign(p_churn=learnt.past.predictions["p_base"])
    for level, words in (("L3", "with that in mind"), ("L0", "the same for all in it")):
        dull = replace(learnt, past=replace(learnt.past, predictions=flat, chosen=level))
        assert not dull.better
        said = findings.answer(dull, due, today, called, "USD")
        assert said[0].verdict == "none"
        assert words in said[0].text
        assert "warnings" not in [item.id for item in said]


def test_too_little_history_says_what_it_has_and_needs(
    nothing: Learnt, due: coming.Due, history: pd.DataFrame
) -> None:
    """Without enough leavers nobody gets a chance; what can be shown is shown, nothing breaks."""
    assert nothing.refused
    said = findings.answer(nothing, due, None, None, "USD")
    assert said[0].verdict == "too_little_data"
    assert str(nothing.counts["n_churned_accounts"]) in said[0].text
    assert "40 customers who left" in said[0].text
    assert findings.doubt(nothing, None, None) == []
    assert predictors.today(nothing, due, PLAY) is None
    rng = np.random.default_rng(1)
    assert foretold.judge(nothing, history, by=None, rng=rng) is None
    assert callers.calls(nothing, history, k=5, play=None, rng=rng) is None
    assert leavers.validated(nothing, history, PLAY, rng) is None
    shown = [
        *exhibits.totals(None, due, "USD"), *exhibits.at_risk(None, "USD"),
        *foretold_exhibits.quarters(None, "USD"), *foretold_exhibits.calibrated(None),
        *foretold_exhibits.calls(None, nothing, "USD"), *ladder_exhibits.ladder(nothing),
        *ladder_exhibits.drivers(nothing), *foretold_exhibits.segments(None),
        *customer_exhibits.customer(None, "USD"), *customer_exhibits.health(None, None),
        *customer_exhibits.heavy(None, leavers.heavy_terms(None, None, due), "USD"),
        *customer_exhibits.lost(None, "USD"),
    ]  # fmt: skip
    assert all(isinstance(item, Statement | Table) for item in shown)
    found = saved.findings(nothing, due, None, None, None, "USD")
    assert [item.verdict for item in found] == ["too_little_data"]
    assert saved.metrics(nothing, None) == {"model": None}
    assert saved.said(None).empty


def everything(
    learnt: Learnt, due: coming.Due, today: Today, judged: foretold.Judged,
    called: callers.Calls, history: pd.DataFrame,
) -> list[Any]:  # fmt: skip
    """Return all that the page shows."""
    rng = np.random.default_rng(6)
    look = customer.look(
        customer.first(today), today, due, history, by="segment", grace_days=30, rng=rng
    )
    heavy = leavers.heavy(history, due)
    return [
        *findings.answer(learnt, due, today, called, "USD"),
        *findings.doubt(learnt, judged, today), *exhibits.totals(today, due, "USD"),
        *exhibits.at_risk(today, "USD"), *foretold_exhibits.quarters(judged, "USD"),
        *foretold_exhibits.calibrated(judged), *foretold_exhibits.calls(called, learnt, "USD"),
        *benefit_exhibits.net_benefit(called),
        *ladder_exhibits.ladder(learnt), *ladder_exhibits.drivers(learnt),
        *customer_exhibits.customer(look, "USD"),
        *customer_exhibits.heavy(heavy, leavers.heavy_terms(heavy, today, due), "USD"),
        *customer_exhibits.health(leavers.validated(learnt, history, PLAY, rng), PLAY),
        *customer_exhibits.lost(leavers.lost(history), "USD"),
        *foretold_exhibits.segments(judged),
    ]  # fmt: skip


def test_every_number_leads_to_a_table_and_no_sentence_is_causal(
    learnt: Learnt, due: coming.Due, today: Today, judged: foretold.Judged,
    called: callers.Calls, history: pd.DataFrame,
) -> None:  # fmt: skip
    """Links point at what the page holds, ids are unique, and what goes together goes together."""
    shown = everything(learnt, due, today, judged, called, history)
    tables = [item.table if isinstance(item, Exhibit) else item for item in shown
              if not isinstance(item, Statement)]  # fmt: skip
    ids = [item.id for item in [*shown, *[i.table for i in shown if isinstance(i, Exhibit)]]]
    assert len(ids) == len(set(ids))
    assert len({table.id for table in tables}) == len(tables)
    for item in shown:
        item._repr_mimebundle_()
        if isinstance(item, Statement):
            assert not CAUSAL.search(item.text), item.text
            links = {part.href[1:] for part in item.parts if isinstance(part, Number)}
            assert links <= {*ids, "exclusions"}
            assert "nan" not in item.text.lower().split()


def test_a_hostile_name_is_drawn_as_typed(
    learnt: Learnt, due: coming.Due, history: pd.DataFrame
) -> None:
    """Markup in a customer's name reaches no figure as markup."""
    named = replace(due, terms=due.terms.assign(account_name=HOSTILE))
    said = predictors.today(learnt, named, PLAY)
    assert said is not None
    look = customer.look(
        customer.first(said), said, named, history, by="segment", grace_days=30,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    shown = [*exhibits.at_risk(said, "USD"), *customer_exhibits.customer(look, "USD")]
    for item in shown:
        if isinstance(item, Exhibit):
            assert "<script>" not in item.figure.to_json()


def test_colours_follow_the_play_or_the_past(learnt: Learnt, due: coming.Due, today: Today) -> None:
    """With a play red is where a call pays; without, at twice the past share."""
    (told,) = findings.colours(today, "USD")
    assert "A call ($1,500) surely pays where it does even if it keeps only 10" in told.text
    plain = predictors.today(learnt, due, None)
    assert plain is not None
    assert "at least 2 times the share of past contracts" in findings.colours(plain, "USD")[0].text
    red = plain.risk["colour"] == "red"
    assert (plain.risk.loc[red, "p_churn"] > 2 * plain.limits.base_rate).all()
    none_red = replace(today, totals=today.totals | {"n_red": 0})
    assert "none is surely worth a call" in findings.colours(none_red, "USD")[0].text


def test_a_colour_is_named_by_what_it_decides(
    learnt: Learnt, history: pd.DataFrame, due: coming.Due, today: Today
) -> None:
    """Green, amber and red stay in files: the page asks whether a call pays, and what health is."""
    rng = np.random.default_rng(3)
    shown = [
        *exhibits.at_risk(today, "USD"),
        *customer_exhibits.health(leavers.validated(learnt, history, PLAY, rng), PLAY),
    ]
    said = " ".join(
        text for item in shown for text in (
            [item.text] if isinstance(item, Statement)
            else [item.title, item.alt, item.caption, item.table.note or "",
                  *(str(row) for row in item.table.rows), item.figure.to_json()]
            if isinstance(item, Exhibit)
            else [item.title, item.note or "", *(str(row) for row in item.rows)]
        )
    )  # fmt: skip
    assert not re.search(r"\b(green|amber|red)\b", said, re.I)
    assert "Health is 100 less the chance of leaving" in said
    for word in set(today.risk["colour"]):
        assert f"a call pays: {colours.words(by_play=True)[word]}" in said


def test_a_colour_that_moved_within_its_noise_is_held(learnt: Learnt, due: coming.Due) -> None:
    """A limit crossed for the first time, within the band, changes nothing; seen twice, it does."""
    raw = predictors.today(learnt, due, PLAY)
    assert raw is not None and raw.since is None
    sure = raw.health["colour_sure"].astype(bool)
    mine = raw.risk[~sure.to_numpy()]
    assert len(mine) > 1
    other = {"red": "amber", "amber": "red", "green": "amber"}
    last = pd.DataFrame(
        {"as_of": pd.Timestamp("2026-03-31"), "subscription_id": mine["subscription_id"],
         "colour": mine["colour"].map(other), "colour_raw": mine["colour"].map(other)}
    )  # fmt: skip
    now = predictors.today(learnt, due, PLAY, last)
    twice = predictors.today(learnt, due, PLAY, last.assign(colour_raw=list(mine["colour"])))
    assert now is not None and twice is not None
    held = now.risk[now.risk["held_back"].astype(bool)]
    assert 0 < len(held) <= len(mine)
    assert (held["colour"] == held["colour_raw"].map(other)).all()
    assert not twice.risk["held_back"].any()
    _, note = findings.colours(now, "USD")
    assert f"Of {len(mine)} contracts that the report of 2026-03-31 told of too" in note.text
    assert f"{len(held)} keep the answer given then" in note.text
    table = exhibits.at_risk(now, "USD")[-1]
    assert isinstance(table, Table)
    assert sum("as last time" in str(row) for row in table.rows) == len(held)
    assert len(findings.colours(raw, "USD")) == 1
    again = saved.said(now)
    assert {"colour", "colour_raw"} <= set(again.columns)


@pytest.mark.parametrize(
    ("difference", "low", "high", "said"),
    [
        (0.1, 0.02, 0.2, "more by a margin"),
        (-0.1, -0.2, -0.02, "fewer by a margin"),
        (0.01, -0.1, 0.1, "too close"),
    ],
)
def test_health_is_set_beside_the_crms_score(
    difference: float, low: float, high: float, said: str
) -> None:
    """The comparison with the CRM is said as better, worse, or undecided."""
    colours = pd.DataFrame(
        {"colour": ["green", "red"], "n": [90, 10], "observed_rate": [0.1, 0.4],
         "expected_rate": [0.12, 0.35]}
    )  # fmt: skip
    crm = {"auc": 0.7, "auc_crm": 0.7 - difference, "difference": difference, "low": low,
           "high": high}  # fmt: skip
    found = Validation(
        quarters=colours, colours=colours, ordered=True, n_quarters_ordered=3,
        n_quarters_compared=4, n_without_colour=0, against_crm=crm,
    )  # fmt: skip
    told = customer_findings.health(found, by_play=False)
    assert said in told[1].text
    assert "rose from answer to answer in 3 of 4" in told[0].text
    assert "rose" not in customer_findings.health(found, by_play=True)[0].text


def test_the_model_is_stored_with_its_measures(
    learnt: Learnt, judged: foretold.Judged, tmp_path: Path
) -> None:
    """The folder holds a model that scores, with the page's measures on its card."""
    folder = saved.model(str(tmp_path), learnt, judged)
    assert folder is not None
    assert churn.load(folder).level == learnt.model.level  # type: ignore[union-attr]
    card = json.loads((folder / "model_card.json").read_text())
    assert {row["metric"] for row in card["metrics"]} == {
        "auc", "brier", "log_loss", "calibration_slope", "observed_to_expected",
    }  # fmt: skip
    assert saved.model(None, learnt, judged) is None


def _calibrated(judged: foretold.Judged, **measures: tuple[float, float, float]) -> Any:
    frame = judged.calibrated.set_index("measure")
    for name, ends in measures.items():
        frame.loc[name, ["value", "low", "high"]] = ends
    return replace(judged, calibrated=frame.reset_index())


@pytest.mark.parametrize(
    ("slope", "ratio", "said"),
    [
        ((1.0, 0.8, 1.2), (1.0, 0.9, 1.1), ("as far apart as they should", "As many left")),
        ((0.6, 0.4, 0.8), (1.3, 1.1, 1.5), ("High chances were too high", "More left than")),
        ((1.5, 1.2, 1.8), (0.7, 0.6, 0.8), ("High chances were too low", "Fewer left than")),
    ],
)
def test_calibration_is_said_as_it_is(
    judged: foretold.Judged, learnt: Learnt, slope: Any, ratio: Any, said: tuple[str, str]
) -> None:
    """Too bold, too timid, too few, too many: each has its words, and the first screen warns."""
    found = _calibrated(judged, slope=slope, observed_to_expected=ratio)
    told = foretold_findings.calibrated(found)[0].text
    assert all(words in told for words in said)
    first = findings.doubt(learnt, found, None)[0].text
    assert (said[0] in first) == (not slope[1] <= 1 <= slope[2])


def test_too_few_new_customers_are_not_judged(judged: foretold.Judged) -> None:
    """Without enough leavers among new customers the page says that it cannot say."""
    told = foretold_findings.quarters(replace(judged, cold=judged.cold.iloc[:0]))
    assert "Too few customers who were new" in told[1].text


def test_each_group_is_said_once_for_each_fault(judged: foretold.Judged) -> None:
    """A group off its level, one told no better than chance, one too small, one in order."""
    rows = pd.DataFrame(
        {
            "segment": ["A", "B", "C", "D"], "auc": [0.7, 0.52, np.nan, 0.7],
            "auc_low": [0.6, 0.45, np.nan, 0.6],
            "observed_to_expected": [1.4, 1.0, np.nan, 1.0],
            "oe_low": [1.1, 0.8, np.nan, 0.8], "oe_high": [1.7, 1.2, np.nan, 1.2],
            "too_few": [False, False, True, False],
        }
    )  # fmt: skip
    text = foretold_findings.segments(replace(judged, segments=rows))[0].text
    assert text == (
        "A: more left than was expected (140 for every 100). B: leavers could not be told from "
        "others. D: leavers are told from others, and about as many left as was expected. "
        "C: too few left or stayed to say."
    )


def gains(learnt: Learnt, **by: list[float]) -> Learnt:
    """Return the history with these gains of each kind of record, a number a quarter."""
    assert learnt.past is not None
    rows = [
        (pd.Timestamp(2023 + place // 4, 1 + 3 * (place % 4), 1), driver, gain)
        for driver, mine in by.items() for place, gain in enumerate(mine)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["origin", "driver", "loss_increase"])
    return replace(learnt, past=replace(learnt.past, importance=table))


JUMPS = [0.007, -0.0095, 0.003, 0.002, 0.004, -0.006, 0.001, 0.0025]  # above nought in six of 8
TELLS = [0.05, 0.06, 0.07, 0.04, 0.05, 0.06, 0.08, 0.05]


def test_a_driver_whose_gain_is_within_its_noise_is_not_praised(learnt: Learnt) -> None:
    """Helping in six of eight quarters is what luck makes of several kinds tried: not named."""
    one = gains(learnt, support=JUMPS, adoption=TELLS).past
    assert one is not None
    found = foretold.drivers(one).set_index("driver")
    assert found.loc["support", "share_above"] == 0.75
    assert found["clear"].to_dict() == {"adoption": True, "support": False}
    assert found.loc["support", "low"] < 0 < found.loc["support", "high"]
    (said,) = foretold_findings.drivers(one)
    assert "worst when it could not read how the term began (by 0.058 of log loss" in said.text
    assert "support" not in said.text
    assert "What the other 1 told cannot be told from luck." in said.text
    jumps = gains(learnt, support=JUMPS, trend=[-gain for gain in JUMPS]).past
    assert jumps is not None
    assert "No kind of record told more" in foretold_findings.drivers(jumps)[0].text


def test_the_range_of_a_driver_widens_with_the_kinds_tried(learnt: Learnt) -> None:
    """The same gains, beside seven other kinds, reach no further than luck; alone they do."""
    close = [0.010, 0.001, 0.006, 0.012, -0.001, 0.008, 0.002, 0.005]
    kinds = ("support", "trend", "depth", "breadth", "sentiment", "relationship", "commercial")
    others = dict.fromkeys(kinds, JUMPS)
    alone, among = gains(learnt, adoption=close).past, gains(learnt, adoption=close, **others).past
    assert alone is not None and among is not None
    assert foretold.drivers(alone)["clear"].tolist() == [True]
    assert not foretold.drivers(among)["clear"].any()


def test_the_weightiest_driver_is_told_apart_from_the_others(learnt: Learnt) -> None:
    """Most of all belongs to the one kind that stands before it; the others come after."""
    both = gains(learnt, adoption=TELLS, trend=[gain / 2 for gain in TELLS]).past
    assert both is not None
    (said,) = foretold_findings.drivers(both)
    assert "worst when it could not read how the term began (by" in said.text
    assert "and told them worse also without where its use is going: beyond" in said.text


def test_lost_contracts_that_were_not_looked_at_are_counted_with_their_reasons(
    history: pd.DataFrame,
) -> None:
    """Who had decided before the day of judgement left too: how many, and why, stands beside."""
    found = leavers.lost(history)
    left_out = pd.DataFrame(
        {"reason": ["term shorter than the days before renewal", "decided before the landmark",
                    "renewal date and grace not yet past"],
         "n_churned": [28, 121, 0]}
    )  # fmt: skip
    _, besides = customer_findings.lost(found, "USD", left_out)
    assert "Not among these are 149 more lost contracts" in besides.text
    assert "renewal: decided before the landmark (121); term shorter" in besides.text
    assert "grace" not in besides.text
    exhibit = customer_exhibits.lost(found, "USD", left_out)[-1]
    assert isinstance(exhibit, Exhibit)
    assert "Lost and not among them: 149 (decided before the landmark 121; " in (
        exhibit.table.note or "")  # fmt: skip
    assert len(customer_findings.lost(found, "USD", left_out.assign(n_churned=0))) == 1


def test_a_part_that_rounds_to_nought_is_drawn_without_a_sign() -> None:
    """A bar of no length says 0.0, neither plus nor minus."""
    frame = pd.DataFrame({"said": ["a", "b", "c"], "points": [6.04, -0.03, 0.01]})
    figure = customer_figures.parts(frame, base=0.2, chance=0.2602)
    assert list(figure.data[0].text) == ["20", "+6.0", "0.0", "0.0", "26"]


def test_a_backed_sign_is_said_with_both_rates(history: pd.DataFrame, due: coming.Due) -> None:
    """A sign of off-boarding that went with leaving stands beside those without it."""
    found = leavers.heavy(history, due)
    assert found is not None
    signs = pd.DataFrame(
        {"column": ["export_spike__last_30d"], "churned_with": [0.5], "churned_without": [0.1],
         "too_little": [False], "backed": [True]}
    )  # fmt: skip
    text = customer_findings.heavy(replace(found, signs=signs))[0].text
    assert "with a burst of exports left in 50" in text
    assert "those without in 10" in text
    few = customer_findings.heavy(replace(found, signs=signs.assign(too_little=True, backed=False)))
    assert "Too few past heavy users" in few[0].text
    quiet = customer_findings.heavy(replace(found, signs=signs.assign(backed=False)))
    assert "a reason to ask" in quiet[0].text


def test_longest_windows_are_compared() -> None:
    """A customer is compared by each measure's longest window, whatever the windows are."""
    frame = pd.DataFrame(
        columns=["active_days__last_28d", "active_days__last_120d", "active_days__first_60d",
                 "events__report__last_120d", "nps__to_date", "trend__last_28d"]
    )  # fmt: skip
    assert customer.compared(frame) == {
        "active_days__last_120d": "active days, 120 days",
        "trend__last_28d": "use against the 28 days before",
        "nps__to_date": "NPS",
    }


def test_the_explorer_shows_the_customer_that_is_chosen(
    today: Today, due: coming.Due, history: pd.DataFrame
) -> None:
    """By hand, any customer of the list can be looked at; nobody, where nothing was learnt."""
    term = str(today.risk["subscription_id"].iloc[3])
    shown = explore.customer(term, today, due, history, by="segment", grace_days=30, currency="USD")
    assert today.risk["account_name"].iloc[3] in shown[0].text
    none = explore.customer("", None, due, history, by=None, grace_days=30, currency="USD")
    assert "Nobody is given a chance" in none[0].text


def test_the_list_tells_the_first_reason_in_full_and_the_kinds_of_the_others() -> None:
    """A row of the list stays short; without a reason nothing is invented."""
    told = ["support cases: open tickets 4 (typical: 0)", "how much it uses: events 3", ""]
    assert exhibits._in_short(told) == (
        "support cases: open tickets 4 (typical: 0); then how much it uses"
    )
    assert exhibits._in_short(["", "", ""]) == ""


def test_a_term_that_has_renewed_already_or_renews_soon_is_not_spoken_of() -> None:
    """What is on record is not foretold; nearer than half a quarter from 90 days is left to 06."""
    rows = running_of(3).assign(in_notice=False, decided=[True, False, False])
    rows["term_end"] = pd.to_datetime(pd.Series(["2026-09-20", "2026-08-12", "2026-08-13"]))
    rows["term_start"] = pd.Timestamp("2025-08-13")
    found = coming.due(rows, as_of=AS_OF, decision_days=90)
    assert found.terms["subscription_id"].tolist() == ["s2"]
    out = found.left_out.set_index("key")["n_terms"]
    assert out[[readable.DECIDED, readable.SOON]].tolist() == [1, 1]
