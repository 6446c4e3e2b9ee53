"""How early is enough and whether it lasts: the same in sentence, figure and table."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.learn import timing
from cs_models.report.display import Exhibit, Number, Statement
from cs_models.report.evidence import timing as evidence
from cs_models.report.exhibits import timing as exhibits
from cs_models.report.findings import timing as findings

CAUSAL = re.compile(r"\b(caus|driv|reduc|increas|because of|leads? to|makes?|prevent)", re.I)
HOSTILE = "</script><script>alert(1)</script>"


def rule(**changed: Any) -> dict[str, Any]:
    """Return a row of ``Search.table`` as far as these sections read it."""
    return {
        "rule_id": 5, "segment": None, "segment_by": "segment", "role": "signal",
        "verdict": "sharp", "column": "events__report_shared__first_60d", "users_column": None,
        "min_users": 1, "members": None, "window_days": 60, "cut": 12.0, "cut_below": 11.0,
        "direction": "at_least", "feature": "report_shared",
        "counted": "report_shared events in the first 60 days of the term",
        "rule": "at least 12 report_shared events in the first 60 days of the term",
    } | changed  # fmt: skip


def days(enough_day: int | None, best_day: int | None, *, own_day: int = 60) -> pd.DataFrame:
    """Return what ``by_day`` returns for one rule on days 14, 30 and 60."""
    return pd.DataFrame(
        [
            {
                "place": 1, "rule_id": 5, "group": "North", "use": "report_shared events",
                "own_day": own_day, "day": day, "n_terms": 500 - day, "n_accounts": 400,
                "n_churned": 100, "cut": 4.0, "lift": lift, "low": lift - 0.1, "high": lift + 0.1,
                "explained": 0.03, "enough": enough_day is not None and day >= enough_day,
                "enough_day": enough_day, "best_day": best_day,
            }
            for day, lift in ((14, 0.08), (30, 0.21), (60, 0.24))
        ]
    )  # fmt: skip


def free_of_digits(statement: Statement, *words: str) -> bool:
    """Say whether every digit of a statement stands in a link or in the given words."""
    text = "".join(part for part in statement.parts if not isinstance(part, Number))
    for known in words:
        text = text.replace(known, "")
    return not re.search(r"\d", text)


@pytest.mark.parametrize(
    ("enough", "best", "own", "said"),
    [
        (30, 60, 60, "reading report_shared events on day 30 already tells as much as on day 60"),
        (30, 60, 60, "the gap is 21 points (11 to 31 points) on day 30 and 24 points"),
        (30, 60, 60, "30 days sooner than the rule as announced"),
        (60, 60, 60, "it takes until day 60"),
        (60, 60, 60, "by report_shared events is 21 points (11 to 31 points) when read on day 30"),
        (30, 30, 60, "Waiting longer tells no more."),
        (14, 14, 60, "day 14, the first that was tried"),
        (60, 60, 30, "The rule as announced is read 30 days before that."),
        (None, None, 60, "told apart by report_shared events clearly enough"),
    ],
)
def test_the_day_that_is_enough_is_said(
    enough: int | None, best: int | None, own: int, said: str
) -> None:
    """Each kind of answer has its sentence, its numbers linked, and no cause in it."""
    (statement,) = findings.how_early(days(enough, best, own_day=own))
    assert said in statement.text
    assert free_of_digits(statement)
    assert not CAUSAL.search(statement.text)


def test_days_are_drawn_with_their_own_customers() -> None:
    """The figure's table holds each day's own terms; days as good as the best are filled.

    Day 14, whose interval holds no gap, is apart in another colour.
    """
    *_, exhibit = exhibits.how_early(days(30, 60).assign(group=HOSTILE))
    assert isinstance(exhibit, Exhibit)
    assert [row[1:3] for row in exhibit.table.rows] == [[14, 486], [30, 470], [60, 440]]
    _, clear, unclear = exhibit.figure.data
    assert [list(trace.x) for trace in (clear, unclear)] == [[30, 60], [14]]
    assert [list(trace.marker.symbol) for trace in (clear, unclear)] == [
        ["circle", "circle"], ["circle-open"],
    ]  # fmt: skip
    assert clear.marker.color != unclear.marker.color
    assert "<script>" not in exhibit.figure.to_json().replace("\\u003c", "<")


def test_a_use_without_days_is_named_and_not_drawn() -> None:
    """A measure that no other window holds gets a sentence, and a table without a figure."""
    counted = "tickets opened in the first 60 days of the term"
    own = rule(column="tickets__first_60d", counted=counted)
    frame = evidence.by_day(
        pd.DataFrame([own]), {30: pd.DataFrame({"churned": [0, 1]})}, strata=(),
        rng=np.random.default_rng(1),
    )  # fmt: skip
    statement, table = exhibits.how_early(frame)
    assert "tickets opened cannot be counted day by day" in statement.text
    assert not isinstance(table, Exhibit)
    assert findings.saved(frame, pd.DataFrame())[0].value is None


def test_days_tried_are_those_asked_for_and_the_rules_own() -> None:
    """Days beyond twice the landmark are left out; the rule's own window is always among them."""
    rules = pd.DataFrame([rule(window_days=21)])
    assert evidence.days((7, 60, 90, 120), rules, landmark_days=45) == [7, 21, 60, 90]


def test_no_rule_means_no_panels_and_one_sentence_each() -> None:
    """Without a rule nothing is built, nothing drawn, and each section says so in one sentence."""
    none = pd.DataFrame([rule()]).iloc[:0]
    assert evidence.panels({}, none, [], as_of=date(2026, 6, 30), data_start=date(2022, 1, 1),
                           grace_days=30, landmark_days=60) == {}  # fmt: skip
    by_day = evidence.by_day(none, {}, strata=(), rng=np.random.default_rng(1))
    last = evidence.lasting(none, {})
    for shown in (exhibits.how_early(by_day), exhibits.lasting(last, evidence.quarters(none, {}))):
        assert [type(item) for item in shown] == [Statement]
        assert shown[0].text.startswith("No level was announced")
    assert findings.saved(by_day, last) == []


def test_every_day_has_terms_long_enough_for_the_landmark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contracts that the search never speaks of enter no day, however early it is."""
    start = pd.Timestamp("2025-01-01")
    lengths = pd.to_timedelta([31, 119, 120, 365], unit="D")
    terms = pd.DataFrame({"term_start": start, "term_end": start + lengths})
    built = {7: terms, 14: terms, 30: terms.iloc[1:]}
    monkeypatch.setattr("cs_models.features.panel.by_landmark", lambda *_, **__: built)
    found = evidence.panels(
        {}, pd.DataFrame([rule()]), [7, 14, 30], as_of=date(2026, 6, 30),
        data_start=date(2022, 1, 1), grace_days=30, landmark_days=60,
    )  # fmt: skip
    assert {day: len(frame) for day, frame in found.items()} == {7: 2, 14: 2, 30: 2}
    assert (found[7]["term_end"] - found[7]["term_start"]).dt.days.tolist() == [120, 365]


def test_how_early_is_saved_with_the_terms_of_its_day() -> None:
    """The number of terms beside the day is that day's own, and one day is not "1 days"."""
    (found,) = findings.saved(days(30, 60), pd.DataFrame())
    assert (found.value, found.n) == (30, 470)
    for own, said in ((31, "1 day sooner"), (29, "read 1 day before that")):
        (statement,) = findings.how_early(days(30, 30, own_day=own))
        assert said in statement.text


def decay(verdict: str, low: float, high: float) -> timing.Decay:
    """Return a test on the newest renewals with two quarters before and one since."""
    middle = (low + high) / 2
    table = pd.DataFrame(
        [
            ("chosen before", "before", False, 300, 60, 0.2, 0.1, 0.3),
            ("chosen before", "newest", False, 90, 20, middle, low, high),
            ("chosen before", "2026Q1", False, 90, 20, middle, low, high),
            ("announced", "2025Q3", True, 80, 20, 0.3, 0.2, 0.4),
            ("announced", "2025Q4", True, 4, 1, np.nan, np.nan, np.nan),
            ("announced", "2026Q1", True, 90, 20, 0.4, 0.3, 0.5),
        ],
        columns=["rule", "period", "in_sample", "n_terms", "n_churned", "lift", "lift_low",
                 "lift_high"],
    )  # fmt: skip
    return timing.Decay(verdict, 11.0, 0.2, middle, low, high, table)


@pytest.mark.parametrize(
    ("verdict", "low", "high", "said"),
    [
        (timing.HELD, 0.1, 0.3, "It has held."),
        (timing.FADED, -0.1, 0.05, "It has faded"),
        (timing.UNSURE, -0.1, 0.3, "cannot tell whether it lasts"),
    ],
)
def test_whether_it_lasts_is_said(verdict: str, low: float, high: float, said: str) -> None:
    """Held, faded and unsure have their own words, and the newest renewals are counted."""
    last = evidence.lasting(pd.DataFrame([rule()]), {5: decay(verdict, low, high)})
    (statement,) = findings.lasting(last)
    assert said in statement.text
    assert "In the 90 renewals that became known since (20 lost)" in statement.text
    assert "before with 20 points" in statement.text
    assert free_of_digits(statement)
    (found,) = findings.saved(days(None, None).iloc[:0], last)
    assert (found.id, found.verdict, found.n) == ("decay-1", verdict, 90)


def test_a_year_with_too_little_is_said_not_guessed() -> None:
    """Without a cut of a year ago, or with an empty side since, the page says it cannot tell."""
    empty = decay(timing.UNSURE, np.nan, np.nan)
    (since,) = findings.lasting(evidence.lasting(pd.DataFrame([rule()]), {5: empty}))
    assert "too few terms stand on one side" in since.text
    never = timing.Decay(timing.UNSURE, None, np.nan, np.nan, np.nan, np.nan, empty.table.iloc[:0])
    (before,) = findings.lasting(evidence.lasting(pd.DataFrame([rule()]), {5: never}))
    assert "a year ago too few renewals were known" in before.text
    assert "nan" not in (since.text + before.text)


def test_quarters_are_judged_by_the_level_they_had_no_part_in() -> None:
    """The newest quarter is drawn by the level of before only; one without both sides is not."""
    quarters = evidence.quarters(pd.DataFrame([rule()]), {5: decay(timing.HELD, 0.1, 0.3)})
    assert quarters["period"].tolist() == ["2025 Q3", "2026 Q1"]
    assert quarters["when"].tolist() == [evidence.QUARTER, evidence.NEWEST]
    assert quarters["lift"].tolist() == [0.3, pytest.approx(0.2)]


def test_fewer_is_better_is_seen_from_the_better_side() -> None:
    """A rule "fewer than" has its gap and its interval turned round, ends in order."""
    turned = evidence.lasting(
        pd.DataFrame([rule(direction="at_most")]), {5: decay(timing.HELD, -0.3, -0.1)}
    ).iloc[0]
    assert (turned["lift"], turned["low"], turned["high"]) == pytest.approx((0.2, 0.1, 0.3))
    quarters = evidence.quarters(
        pd.DataFrame([rule(direction="at_most")]), {5: decay(timing.HELD, -0.3, -0.1)}
    )
    assert (quarters["low"] <= quarters["lift"]).all()
    assert (quarters["lift"] <= quarters["high"]).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "report_shared events"),
        ({"min_users": 3}, "report_shared events by at least 3 users"),
        (
            {"members": [{"column": "events__a__first_60d", "level": 2}],
             "counted": "of these 3 actions (2 a events or more) in the first 60 days of the term"},
            "how many of these 3 actions (2 a events or more)",
        ),
    ],
)  # fmt: skip
def test_a_use_is_named_without_its_window(changed: dict[str, Any], said: str) -> None:
    """What is read on other days is said without the days of the rule."""
    assert evidence.use_of_rule(rule(**changed)) == said


def test_days_of_a_real_reading_agree_with_the_sentence() -> None:
    """On a use that is complete by day 30 the page does not ask to wait until day 60."""
    rng = np.random.default_rng(4)
    n = 900
    early, late = rng.poisson(8, n), rng.poisson(8, n)
    churned = (rng.random(n) < np.where(early < 8, 0.5, 0.1)).astype(int)
    base = pd.DataFrame(
        {
            "subscription_id": [f"s{i}" for i in range(n)],
            "account_id": [f"a{i}" for i in range(n)],
            "term_start": pd.Timestamp("2025-01-01"), "term_months": 12, "segment": "All",
            "churned": churned,
        }
    )  # fmt: skip
    panels = {
        30: base.assign(events__report_shared__first_30d=early),
        60: base.assign(events__report_shared__first_60d=early + late),
    }
    frame = evidence.by_day(
        pd.DataFrame([rule()]), panels, strata=("segment",), rng=np.random.default_rng(1)
    )
    assert frame["enough_day"].tolist() == [30, 30]
    (statement,) = findings.how_early(frame)
    assert "on day 30, the first that was tried" in statement.text
