"""Measures of small worlds, each number worked out beside its test, as the page tells them."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest

from cs_models.features import renewals
from cs_models.features.adoption import Definition
from cs_models.features.condition import Condition
from cs_models.features.measures import adopted, durations, facts, people, score, seats, support
from cs_models.learn import measures
from cs_models.report.evidence import measures as evidence
from cs_models.report.evidence.measure_groups import half_year
from cs_models.report.exhibits import measures as exhibits
from cs_models.report.findings import measures as findings

START, ON = date(2024, 1, 1), date(2024, 5, 15)
END = date(2025, 1, 1)


def read(tables: dict[str, ir.Table], *, since: date = START) -> facts.Facts:
    return facts.read(tables, ON, data_start=since, min_accounts=1)


def before(days: int) -> date:
    """Return the day so many days before the date."""
    return ON - timedelta(days=days)


def test_a_score_by_hand(small: SimpleNamespace) -> None:
    """Three accounts: first of three is 25 × 5/6 points, middle 12.5, last 25 × 1/6, ties half."""
    terms = [
        small.term(f"{name}-1", START, END, account_id=name, seats=bought)
        for name, bought in (("A", 10), ("B", 4), ("C", 5))
    ]
    events = [
        *(small.event(before(day), user_id="a", feature=f)
          for day, f in ((3, "f"), (5, "g"), (6, "f"))),
        *(small.event(before(d), account_id="B", user_id=u) for d, u in ((3, "b"), (9, "c"))),
    ]  # fmt: skip
    found = score.scores(read(small.world(terms, events), since=before(28)))
    rows = found.set_index("account_id")
    # A: one user on 3 days with 2 features, 1 of 10 seats; B: two on a day each, 2 of 4 seats.
    assert rows.loc["A", list(score.PARTS)].tolist() == [3, 2, 0.1, -3]
    assert rows.loc["B", list(score.PARTS)].tolist() == [1, 1, 0.5, -3]
    points = rows[[f"points_{name}" for name in score.PARTS]]
    assert points.loc["A"].tolist() == pytest.approx([125 / 6, 125 / 6, 12.5, 50 / 3])
    assert points.loc["B"].tolist() == pytest.approx([12.5, 12.5, 125 / 6, 50 / 3])
    assert rows["score"].tolist() == pytest.approx([425 / 6, 62.5, 50 / 3])


@pytest.fixture(scope="module")
def book(small: SimpleNamespace) -> dict[str, ir.Table]:
    """Two accounts with 4 and 2 seats, used by 1 and 3 people; onboarding, but no goals."""
    terms = [
        small.term("A-1", START, END, seats=4),
        small.term("B-1", START, END, account_id="B", seats=2),
    ]
    users = [
        small.user("a1", "admin", START), small.user("a2", "member", START),
        *(small.user(f"b{n}", "member", START, account_id="B") for n in (1, 2, 3)),
    ]  # fmt: skip
    events = [
        small.event(before(3), user_id="a1", feature="f"),
        small.event(before(40), user_id="a1", feature="g"),
        *(small.event(before(5), account_id="B", user_id=f"b{n}", feature="f") for n in (1, 2)),
        small.event(before(100), account_id="B", user_id="b3", feature="f"),
    ]  # fmt: skip
    steps = [small.step("kickoff", date(2024, 1, 10), due_at=date(2024, 1, 12))]
    return small.world(terms, events) | {
        "users": small.memory(users, small.schemas["users"]),
        "milestones": small.memory(steps, small.schemas["milestones"]),
    }


@pytest.fixture(scope="module")
def told(book: dict[str, ir.Table]) -> evidence.Told:
    return evidence.tell(book, read(book), renewals.history(book, ON))


def row(told: evidence.Told, name: str, by: str = "all", group: str = "all") -> Any:
    """Return one row of the measures by group."""
    groups = told.groups
    mine = (groups["name"] == name) & (groups["by"] == by) & (groups["group"] == group)
    return groups[mine].squeeze()


def test_seats_of_the_page_by_hand(told: evidence.Told) -> None:
    """Of 6 seats 3 were never activated: B's third user takes none of A's idle ones."""
    assert row(told, "seats never activated")[["value", "n", "n_accounts"]].tolist() == [0.5, 6, 2]
    # Active in 28 days: a1, b1 and b2.
    assert row(told, "users active in 28 days per seat")["value"] == 0.5


def test_breadth_of_the_page_by_hand(told: evidence.Told) -> None:
    """g: B never touched it, A did 40 days ago; f: both did."""
    areas = told.areas.set_index("feature")
    assert areas["value"].to_dict() == {"f": 0.0, "g": 0.5}
    assert areas["lately"].to_dict() == {"f": 0.0, "g": 0.5}


def test_without_goals_time_to_value_is_empty_and_says_so(
    book: dict[str, ir.Table], told: evidence.Told
) -> None:
    """No goal on record: no row, the columns stay, and the page says why."""
    assert durations.to_value(book, read(book)).empty
    assert told.value.table.empty
    assert told.value.table.columns.tolist()[:4] == ["way", "n", "n_accounts", "n_reached"]
    assert told.value_by.empty
    assert told.why["M4"] == evidence.NO_VALUE
    assert not [r for r in evidence.listed(told) if r["id"] == "M4"]
    said = [one.text for one in exhibits.value(told) if hasattr(one, "text")]
    assert any(evidence.NO_VALUE in text for text in said)


def test_goals_that_nobody_reached_are_waited_for(
    book: dict[str, ir.Table], small: SimpleNamespace
) -> None:
    """Both accounts have a goal and none has reached it: 0 of 2, followed for 135 days."""
    goals = [
        small.step("saved hours", None, kind="goal"),
        small.step("saved hours", ON, kind="goal", account_id="B"),  # on the date: not known yet
    ]
    tables = book | {"milestones": small.memory(goals, small.schemas["milestones"])}
    rows = durations.to_value(tables, read(tables))
    assert rows["duration_days"].tolist() == [135, 135] and rows["event"].tolist() == [0, 0]
    one = measures.waits(rows, by=["way"], least_at_risk=1).table.iloc[0]
    assert one[["n", "n_reached"]].tolist() == [2, 0]
    assert one["median"] is None and one["share_90"] == 0


def test_days_to_close_of_cases_by_hand(small: SimpleNamespace) -> None:
    """Closed the same day counts 1; closed on the date is still open; unknown severity is said."""
    cases = [
        small.ticket(before(30), ticket_id="1", closed_date=before(27), escalated=True),
        small.ticket(before(20), ticket_id="2", closed_date=before(20), severity="critical"),
        small.ticket(before(10), ticket_id="3", closed_date=ON, escalated=True, severity=None),
        small.ticket(before(8), ticket_id="4"),
        small.ticket(before(2), ticket_id="5", known_date=ON + timedelta(days=1)),
    ]
    world = small.world([small.term("A-1", START, END)], [small.event(before(3))])
    tables = world | {"tickets": small.memory(cases, small.schemas["tickets"])}
    found = support.tickets(tables, read(tables)).set_index("ticket_id")
    assert found["duration_days"].to_dict() == {"1": 3, "2": 1, "3": 10, "4": 8}
    assert found["event"].tolist() == [1, 1, 0, 0]
    assert found["severity"].tolist() == ["normal", "critical", "not known", "normal"]
    assert found["escalated"].fillna(False).tolist() == [True, False, False, False]


def test_the_mix_of_features_by_hand(book: dict[str, ir.Table]) -> None:
    """A used f and g once each: as even as can be; B only f: nought."""
    known = read(book)
    rows = seats.seats(known, people.recent(known)).set_index("account_id")
    np.testing.assert_allclose(rows["mix_entropy"], [1.0, 0.0], atol=1e-12)
    assert rows["n_features"].tolist() == [2, 1]
    pd.testing.assert_series_equal(
        rows["unused"], pd.Series([3.0, 0.0], index=rows.index, name="unused")
    )


def test_a_half_year_and_a_plan_have_their_own_waits(
    book: dict[str, ir.Table], told: evidence.Told
) -> None:
    """Both customers began in January; the one with a kickoff had it before its date."""
    rows = told.groups[told.groups["id"] == "M5"].set_index(["name", "by", "group"])
    halves = rows.xs("half-year of the start", level="by")
    assert halves.index.tolist() == [
        ("days to onboard", "2024 H1"), ("onboarded by the due date", "2024 H1"),
    ]  # fmt: skip
    assert halves["n"].tolist() == [1, 1]
    assert halves.loc[("onboarded by the due date", "2024 H1"), "value"] == 1
    assert half_year(pd.DataFrame({"cohort_month": ["2024-06", "2024-07", "2025-12"]}))[
        "half_year"
    ].tolist() == ["2024 H1", "2024 H2", "2025 H2"]


def test_each_feature_and_role_has_its_group(told: evidence.Told) -> None:
    """In April a1 alone was active, with g; an admin used two features lately, members one."""
    april = [row(told, f"active users who used {name}", "segment", "SMB") for name in "fg"]
    assert [one["value"] for one in april] == [0, 1] and [one["n"] for one in april] == [1, 1]
    assert row(told, "features used in 84 days per user", "role", "admin")["value"] == 2
    members = row(told, "features used in 84 days per user", "role", "member")
    assert members[["value", "n"]].tolist() == [1, 2]


def test_contracts_too_short_to_be_judged_by_hand(small: SimpleNamespace) -> None:
    """Judged on day 60: one ended on day 30, one runs a month; the rest are judged or to come."""
    terms = [
        small.term("A-1", START, END, ended_at=START + timedelta(days=30)),
        small.term("B-1", START, START + timedelta(days=31), account_id="B"),
        small.term("B-2", START + timedelta(days=31), END, account_id="B"),
        small.term("C-1", START, END, account_id="C", ended_at=START + timedelta(days=61)),
        small.term("D-1", before(20), END, account_id="D", ended_at=before(5)),
        small.term("E-1", date(2023, 6, 1), date(2023, 7, 1), account_id="E"),
    ]
    tables = small.world(terms, [small.event(before(3), account_id="B")])
    known, rule = read(tables), Definition("f", (Condition("events__f__first_60d", at_least=1.0),))
    found = adopted.too_short(tables, known, rule)
    assert found[["n_by_term", "n_early"]].to_numpy().tolist() == [[1, 1]]
    judged = adopted.adopted(tables, known, rule)
    assert judged["subscription_id"].tolist() == ["B-2", "C-1"]
    told = evidence.tell(tables, known, renewals.history(tables, ON), definition=rule)
    assert findings.short(told) == (
        " Left out: 1 contract ended early, before day 60 (SMB 1), and 1 contract of no more than "
        "60 days by its terms (SMB 1)."
    )
