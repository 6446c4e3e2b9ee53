"""The threshold report says in words, tables and figures one and the same thing."""

from __future__ import annotations

import dataclasses
import re
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cs_models.features import cohort
from cs_models.learn import thresholds
from cs_models.report.display import Exhibit, Number, Statement
from cs_models.report.evidence import readiness, rules, standing
from cs_models.report.evidence import search as search_evidence
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.exhibits import search as search_exhibits
from cs_models.report.exhibits import thresholds as exhibits
from cs_models.report.exhibits import tried
from cs_models.report.findings import answer, certainty, groups, saved, today

COLUMN = "events__report_shared__first_60d"
HOSTILE = "</script><script>alert(1)</script>"


def _panel(*, step: float, n: int = 700, seed: int = 3) -> pd.DataFrame:
    """Return one term an account, in two segments, with a step of `step` at 12 events."""
    rng = np.random.default_rng(seed)
    events = rng.negative_binomial(2, 2 / (2 + 14), n)
    churn = 0.25 + step * np.where(events < 12, 0.5, -0.5)
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i:04d}" for i in range(n)],
            "account_id": [f"a{i:04d}" for i in range(n)],
            "account_name": [HOSTILE if i == 0 else f"Customer {i}" for i in range(n)],
            "as_of_date": pd.Timestamp("2025-03-02"),
            "term_start": pd.Timestamp("2025-01-01"),
            "term_end": pd.Timestamp("2026-01-01"),
            "term_no": 1,
            "term_months": 12,
            "segment": np.where(np.arange(n) % 2 == 0, "North", "South"),
            "arr": [Decimal("1000.50")] * n,
            "seats": 10,
            "churned": (rng.random(n) < churn).astype(int),
            "in_notice": False,
            COLUMN: events,
            "users__report_shared__first_60d": np.minimum(events, 4),
        }
    )


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Return a history with a threshold."""
    return _panel(step=0.4)


@pytest.fixture(scope="module")
def search(history: pd.DataFrame) -> thresholds.Search:
    """Return what is found in it."""
    return thresholds.learn(history, features=[COLUMN], n_permutations=399, random_state=1)


@pytest.fixture(scope="module")
def nothing() -> thresholds.Search:
    """Return what is found in a history without a threshold."""
    return thresholds.learn(_panel(step=0.0), features=[COLUMN], n_permutations=399)


def test_rates_of_the_page_are_those_of_the_search(
    search: thresholds.Search, history: pd.DataFrame
) -> None:
    """The either-side table, made anew from the panel, equals the search's own rates."""
    spoken = rules.leading(search)
    rates = evidence.either_side(spoken, search.learnt_from, "segment")
    assert len(rates) == 2 * len(spoken) > 0
    for rule in rules.records(spoken):
        mine = rates[rates["group"] == rules.group_of(rule)].set_index("side")["rate"]
        assert mine[evidence.ABOVE] == pytest.approx(rule["rate_above"])
        assert mine[evidence.BELOW] == pytest.approx(rule["rate_below"])


def test_levels_partition_the_terms_at_the_cut(
    search: thresholds.Search, history: pd.DataFrame
) -> None:
    """Levels hold every term once, ascend, and none of them straddles the cut."""
    rule = rules.records(rules.leading(search))[0]
    levels = evidence.levels(rule, history, "segment", search.curves[rule["rule_id"]])
    assert levels["n_terms"].sum() == len(rules.rows_of(rule, history, "segment"))
    assert (levels["first"].to_numpy()[1:] > levels["last"].to_numpy()[:-1]).all()
    assert not ((levels["first"] < rule["cut"]) & (levels["last"] >= rule["cut"])).any()
    assert (levels["low"] <= levels["rate"]).all()
    assert (levels["rate"] <= levels["high"]).all()


def test_the_curve_is_drawn_as_far_as_customers_speak_for_it(
    search: thresholds.Search, history: pd.DataFrame
) -> None:
    """A single heavy user at the end, who stays, draws no climb to all: the line ends before."""
    rule = rules.records(rules.leading(search))[0]
    curve = search.curves[rule["rule_id"]]
    end = {"value": curve["value"].iloc[-1] + 500, "rate": 1.0, "low": 1.0, "high": 1.0}
    curve = pd.concat([curve, pd.DataFrame([end])], ignore_index=True)
    levels = evidence.levels(rule, history, "segment", curve)
    drawn = evidence.supported(curve, levels)
    first_middle, last_middle = levels["middle"].iloc[0], levels["middle"].iloc[-1]
    assert (drawn["value"].iloc[0], drawn["value"].iloc[-1]) == (first_middle, last_middle)
    assert drawn["rate"].iloc[0] == pytest.approx(levels["curve"].iloc[0])
    assert drawn["rate"].iloc[-1] == pytest.approx(levels["curve"].iloc[-1])
    assert drawn["value"].is_monotonic_increasing
    assert (drawn["low"] < drawn["high"]).all()
    changed = dataclasses.replace(search, curves={**search.curves, rule["rule_id"]: curve})
    exhibit = exhibits.levels(changed, "segment")[1]
    assert isinstance(exhibit, Exhibit)
    band, line = exhibit.figure.data[:2]
    assert max(line.customdata) == last_middle
    assert max(line.y) < 1
    assert max(band.x) == max(line.x)


def _sections(search: thresholds.Search) -> list[Statement]:
    """Return the sentences that stand between the figures."""
    shown = [*exhibits.levels(search, "segment"), *exhibits.cut(search),
             *search_exhibits.again(search)]  # fmt: skip
    return [item for item in shown if isinstance(item, Statement)]


def test_every_number_of_an_answer_is_linked(
    search: thresholds.Search, nothing: thresholds.Search
) -> None:
    """Rates, gap, interval and n of an answer link to a table; only a rule's words do not."""
    statements = [
        *answer.thresholds(search), certainty.doubt(search), certainty.doubt(nothing),
        *certainty.by_chance(search), *groups.levels(search), *_sections(search),
    ]  # fmt: skip
    rule_words = {words for name in ("rule", "counted") for words in rules.leading(search)[name]}
    for statement in statements:
        free = "".join(part for part in statement.parts if not isinstance(part, Number))
        for words in sorted(rule_words, key=len, reverse=True):
            free = free.replace(words, "")
        free = re.sub("“[^”]*”|groups: at least [^.]*", "", free)  # a rule that is quoted
        assert not re.search(r"\d", free), free


def test_the_answer_never_claims_a_cause(
    search: thresholds.Search, nothing: thresholds.Search
) -> None:
    """No sentence says that use makes, drives, causes or reduces anything."""
    said = " ".join(
        statement.text
        for each in (search, nothing)
        for statement in [*answer.thresholds(each), *answer.silent_groups(each)]
    )
    assert not re.search(r"\b(caus|driv|reduc|increas|because of|leads? to)", said, flags=re.I)


def test_no_threshold_is_an_answer_too(nothing: thresholds.Search) -> None:
    """Without a rule the answer says so with its verdict, and nobody stands below."""
    said = answer.thresholds(nothing)
    assert [statement.verdict for statement in said] == ["none"]
    assert "No use of the product was found that separates" in said[0].text
    assert rules.leading(nothing).empty
    where = standing.against(
        rules.leading(nothing), _panel(step=0.0), as_of=date(2025, 6, 30), by="segment"
    )
    totals = standing.totals(where, date(2025, 6, 30))
    assert totals["n_terms"].sum() == 0
    assert "no customer stands below" in today.below(totals, "USD").text
    found = saved.of_search(nothing, totals, "USD")
    assert found[0].verdict == "none"


def test_sections_of_a_search_without_a_rule_say_so(nothing: thresholds.Search) -> None:
    """A page without a rule draws only what chance shows, and says why the rest is empty."""
    spoken = rules.leading(nothing)
    for shown in (
        exhibits.either_side(evidence.either_side(spoken, nothing.learnt_from, "segment"), spoken),
        exhibits.levels(nothing, "segment"),
        exhibits.cut(nothing),
        search_exhibits.again(nothing),
    ):
        assert [type(item) for item in shown] == [Statement]
        assert "nothing to draw" in shown[0].text
    drawn = search_exhibits.chance(nothing, alpha=0.05)
    assert [type(item) for item in drawn] == [Statement, Exhibit, Statement]
    assert "too often to announce it" in drawn[0].text


def test_too_little_data_is_said_before_anything_else(history: pd.DataFrame) -> None:
    """With few lost customers the answer says how many there are and how many it takes."""
    few = thresholds.learn(history.head(90), features=[COLUMN], n_permutations=199)
    (said,) = answer.thresholds(few)
    assert said.verdict == "too_little_data"
    lost = int(history.head(90)["churned"].sum())
    assert f"{lost} of 90 customers have left; it takes 40" in said.text
    assert certainty.doubt(few).text == "Nothing was searched, so nothing was ruled out."
    (shown,) = search_exhibits.chance(few, alpha=0.05)
    assert isinstance(shown, Statement)


def test_standing_counts_each_running_term_once_and_money_exactly(
    search: thresholds.Search,
) -> None:
    """Every running term has one status; below means under the cut; ARR adds up to the cent."""
    running = _panel(step=0.0, n=60, seed=9)
    running.loc[0, COLUMN] = 0
    running.loc[1, COLUMN] = 1
    running[COLUMN] = running[COLUMN].astype("Int64")
    running.loc[2, COLUMN] = pd.NA
    running.loc[3, "term_start"] = pd.Timestamp("2025-06-01")
    spoken = rules.leading(search)
    where = standing.against(spoken, running, as_of=date(2025, 6, 30), by="segment")
    assert sorted(where["subscription_id"]) == sorted(running["subscription_id"])
    by_id = where.set_index("subscription_id")
    assert by_id.loc["s0000", "status"] == standing.BELOW
    assert by_id.loc["s0000", "missing"] == by_id.loc["s0000", "needed"]
    assert by_id.loc["s0002", "status"] == standing.UNKNOWN
    assert by_id.loc["s0003", "status"] == standing.OPEN
    assert by_id.loc["s0003", "days_left"] == 31
    totals = standing.totals(where, date(2025, 6, 30))
    assert totals["n_terms"].sum() == 60
    assert sum(totals["arr"], Decimal(0)) == Decimal("1000.50") * 60
    below = standing.below(where)
    assert (below["so_far"] < below["needed"]).all()
    assert len(below) == totals.set_index("status").loc[standing.BELOW, "n_terms"]


def test_names_are_drawn_as_typed(search: thresholds.Search, history: pd.DataFrame) -> None:
    """A segment named like a script reaches plotly escaped."""
    rates = evidence.either_side(rules.leading(search), history, "segment")
    rates["group"] = HOSTILE
    (exhibit,) = exhibits.either_side(rates, rules.leading(search))
    drawn = exhibit.figure.to_json()
    assert "<script>" not in drawn.replace("\\u003c", "<")


def test_histogram_shares_sum_to_one(search: thresholds.Search) -> None:
    """The shares of the shuffled histories add up to all of them."""
    spread = search_evidence.histogram(search.null_max)
    assert spread["share"].sum() == pytest.approx(1)
    exhibit = search_exhibits.chance(search, alpha=0.05)[1]
    facts = dict(zip(*zip(*exhibit.table.rows, strict=True), strict=True))
    assert facts["Histories of pure chance"] == "399"
    strongest = search.rules["statistic"].abs().max()
    assert facts["Strength of the best rule in this history"] == f"{strongest:.1f}"


def test_readiness_counts_are_those_of_the_search(
    search: thresholds.Search, history: pd.DataFrame
) -> None:
    """What readiness promises is what the search then has, and too little is said so."""
    counted = readiness.groups(history, "segment")
    whole = counted.iloc[0]
    for name in ("n_terms", "n_accounts", "n_churned", "n_churned_accounts"):
        assert whole[name] == search.counts[name]
    asked = readiness.questions(counted)
    assert asked.loc[asked["question"] == readiness.ASSOCIATION, "ready"].all()
    assert not asked.loc[asked["question"] == readiness.SHAPE, "ready"].any()
    few = readiness.questions(readiness.groups(history.head(60), "segment"))
    assert not few["ready"].any()


def test_contracts_too_short_to_judge_are_named_first() -> None:
    """What the page leaves unsaid, monthly contracts, is said beside the answer; or nothing."""
    exclusions = pd.DataFrame(
        {"reason": [cohort.NOT_DUE, cohort.BEYOND_HALF], "n_terms": [5, 31], "n_accounts": [5, 4]}
    )
    (said,) = answer.scope(exclusions, 60)
    assert "contracts under 120 days" in said.text
    assert "31 terms of 4 customers" in said.text
    assert answer.scope(exclusions.head(1), 60) == []


def test_no_announced_rule_is_one_sentence(
    search: thresholds.Search, nothing: thresholds.Search
) -> None:
    """Without a rule there is no empty table of rules, and no sentence links to one."""
    (said,) = tried.announced(nothing)
    assert isinstance(said, Statement)
    assert "No rule was announced, out of" in said.text
    doubt = certainty.doubt(nothing)
    assert {part.href for part in doubt.parts if isinstance(part, Number)} == {"#scopes"}
    assert len(tried.announced(search)) == 2
