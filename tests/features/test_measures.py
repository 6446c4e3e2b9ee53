"""Measures of adoption: each counted by hand on a few rows, and the laws that hold on any."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from types import SimpleNamespace

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.features import renewals
from cs_models.features.adoption import Definition
from cs_models.features.condition import Condition
from cs_models.features.measures import (
    adopted,
    bits,
    durations,
    facts,
    monthly,
    people,
    score,
    seats,
    support,
)

ON = date(2024, 5, 15)
START = date(2024, 1, 1)


def read(tables: Mapping[str, ir.Table], on: date = ON) -> facts.Facts:
    return facts.read(tables, on, data_start=START, min_accounts=1)


def cut(tables: Mapping[str, ir.Table], on: date, small: SimpleNamespace) -> dict[str, ir.Table]:
    """Return what the tables held on the morning of `on`: later rows and later words are gone."""
    columns = {
        "subscriptions": "term_start", "events": "event_date", "tickets": "opened_date",
        "users": "created_date",
    }  # fmt: skip
    later = {
        "subscriptions": ["ended_at"], "tickets": ["closed_date"], "users": ["deactivated_date"],
        "milestones": ["completed_at"],
    }  # fmt: skip
    found = {}
    for name, table in tables.items():
        rows = table.execute()
        if name in columns:
            rows = rows[pd.to_datetime(rows[columns[name]]) < pd.Timestamp(on)]
        if name in ("events", "tickets"):
            rows = rows[pd.to_datetime(rows["known_date"]) <= pd.Timestamp(on)]
        records = rows.astype(object).where(rows.notna(), None).to_dict("records")
        for row in records:
            for column in later.get(name, []):
                if row[column] is not None and pd.Timestamp(row[column]) >= pd.Timestamp(on):
                    row[column] = None
        found[name] = small.memory(records, small.schemas[name])
    return found


@pytest.fixture(scope="module")
def world(small: SimpleNamespace) -> dict[str, ir.Table]:
    """Two accounts: A with 4 seats and three logins, B without known seats."""
    e, day = small.event, date
    events = [
        e(day(2024, 4, 2), user_id="a1"), e(day(2024, 4, 3), user_id="a1", feature="g"),
        e(day(2024, 4, 3), user_id="a1", feature="f"), e(day(2024, 4, 30), user_id="a2"),
        e(day(2024, 5, 14), user_id="a1"), e(day(2024, 5, 15), user_id="a3"),
        e(day(2024, 2, 5), user_id="b1", account_id="B", feature="g"),
        e(day(2024, 4, 9), user_id="b2", account_id="B"),
        # Known too late for the date, though it happened before.
        e(day(2024, 5, 2), user_id="a3", known_date=day(2024, 5, 20)),
    ]  # fmt: skip
    terms = [
        small.term("A-1", START, day(2025, 1, 1), seats=4),
        small.term("B-1", day(2024, 2, 1), day(2025, 2, 1), account_id="B", seats=None),
    ]
    users = [
        small.user("a1", "admin", day(2024, 1, 1)), small.user("a2", "member", day(2024, 1, 2)),
        small.user("a3", "member", day(2024, 3, 1), day(2024, 5, 15)),
    ]  # fmt: skip
    steps = [
        small.step("kickoff", day(2024, 1, 10), due_at=day(2024, 1, 12)),
        small.step("training", day(2024, 5, 15), due_at=day(2024, 3, 1)),
        small.step("saved hours", day(2024, 2, 9), kind="goal"),
    ]  # fmt: skip
    tickets = [
        small.ticket(day(2024, 5, 1), ticket_id="t1", closed_date=day(2024, 5, 4), escalated=True),
        small.ticket(day(2024, 4, 1), ticket_id="t2", closed_date=day(2024, 5, 15)),
    ]  # fmt: skip
    return small.world(terms, events) | {
        "users": small.memory(users, small.schemas["users"]),
        "milestones": small.memory(steps, small.schemas["milestones"]),
        "tickets": small.memory(tickets, small.schemas["tickets"]),
    }


def test_month_counts_users_seats_and_features_by_hand(world: dict[str, ir.Table]) -> None:
    """In April A has 2 active users of 4 seats; B, seats unknown, 1 of 2 seen in 90 days."""
    found = monthly.monthly(read(world))
    april = found.rows["month"] == "2024-04"
    rows = found.rows[april].set_index("account_id")
    assert rows.loc["A", ["entitled", "active", "user_days", "depth"]].tolist() == [4, 2, 3, 3]
    assert bool(rows.loc["A", "seats_known"]) and not bool(rows.loc["B", "seats_known"])
    assert rows.loc["B", ["entitled", "active", "user_days"]].tolist() == [2, 1, 1]
    assert found.features == ("f", "g")
    assert found.users[april.to_numpy()].tolist() == [[2, 1], [1, 0]]


def test_only_complete_months_of_running_contracts_are_rows(world: dict[str, ir.Table]) -> None:
    """May is not over on the 15th; B has no row in the month before its contract began."""
    rows = monthly.monthly(read(world)).rows
    assert sorted(rows["month"].unique()) == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert rows.loc[rows["account_id"] == "B", "month"].min() == "2024-02"


def test_recent_use_of_each_login_by_hand(world: dict[str, ir.Table]) -> None:
    """From 17 April on a1 came once and a2 once; 2 and 3 April lie in two weeks counted back."""
    rows = people.recent(read(world)).set_index("user_id")
    assert rows["active_days"].to_dict() == {"a1": 1, "a2": 1, "a3": 0}
    assert rows.loc["a1", ["active_weeks", "features"]].tolist() == [3, 2]
    assert rows.loc["a1", "days_since_last_use"] == 1
    assert not bool(rows.loc["a3", "used"])


def test_seats_and_areas_by_hand(world: dict[str, ir.Table]) -> None:
    """A: 4 seats, 2 activated, 2 unused, half in use; B used g, but not lately."""
    known = read(world)
    row = seats.seats(known, people.recent(known)).set_index("account_id").loc["A"]
    told = row[["seats", "logins", "activated", "active", "unused", "utilisation"]]
    assert told.tolist() == [4, 3, 2, 2, 2, 0.5]
    assert row["mix_entropy"] == pytest.approx(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2)) / np.log(2))
    areas = seats.areas(known)
    assert areas["touched"].all()
    b_lately = areas[(areas["account_id"] == "B") & (areas["feature"] == "g")]["touched_lately"]
    assert not b_lately.iloc[0]


def test_waits_keep_the_unfinished(world: dict[str, ir.Table]) -> None:
    """A first used f on day 93; its training, done on the date itself, is not yet known as done."""
    known = read(world)
    first = durations.to_first_use(known).set_index(["account_id", "feature"])
    assert first.loc[("A", "f"), ["duration_days", "event"]].tolist() == [93, 1]
    assert first.loc[("B", "f"), ["duration_days", "event"]].tolist() == [69, 1]
    whole = durations.to_onboard(world, known).iloc[0]
    assert whole[["duration_days", "event", "n_steps", "n_done"]].tolist() == [135, 0, 2, 1]
    steps = durations.steps(world, known).set_index("milestone")
    assert steps["on_time"].to_dict() == {"kickoff": True, "training": False}
    assert steps.loc["kickoff", ["duration_days", "days_late"]].tolist() == [10, -2]


def test_value_is_the_first_goal_or_the_nth_use(world: dict[str, ir.Table]) -> None:
    """A reached its goal on day 40 and used f for the second time on 3 April, day 94."""
    found = durations.to_value(world, read(world), features=["f"], count=2)
    a = found[found["account_id"] == "A"].set_index("way")["duration_days"]
    assert a.to_dict() == {"first goal reached": 40, "2 uses of f": 94}
    b = found[found["account_id"] == "B"]
    assert b["event"].tolist() == [0] and b["duration_days"].tolist() == [104]


def test_users_wait_from_their_own_login(world: dict[str, ir.Table]) -> None:
    """a1 first used g 94 days after the login; a3 never, followed for 75 days."""
    found = durations.users_to_first_use(read(world))
    g = found.of("g").set_index("user_id")
    assert g.loc["a1", ["duration_days", "event"]].tolist() == [94, 1]
    assert g.loc["a3", ["duration_days", "event"]].tolist() == [75, 0]


def test_tickets_as_they_stood(world: dict[str, ir.Table]) -> None:
    """The case closed on the date is still open; an escalation shows once its case is closed."""
    known = read(world)
    cases = support.tickets(world, known)
    row = support.load(cases, known).set_index("account_id").loc["A"]
    assert row[["opened", "open", "escalated", "closed"]].tolist() == [2, 1, 1, 1]
    assert row["oldest_days"] == 44


def test_without_optional_tables_frames_are_empty(world: dict[str, ir.Table]) -> None:
    """No users, tickets or milestones: nothing is invented in their place."""
    bare = {name: world[name] for name in ("accounts", "subscriptions", "events")}
    known = read(bare)
    assert set(people.recent(known)["role"]) == {"not known"}
    assert support.tickets(bare, known).empty and durations.steps(bare, known).empty
    assert durations.to_value(bare, known).empty
    assert len(durations.users_to_first_use(known).users) == 0


def test_definition_judges_contracts_on_their_day(world: dict[str, ir.Table]) -> None:
    """By day 100 A used f three times and B once: at least two make A adopted alone."""
    rule = Definition("two", (Condition("events__f__first_100d", at_least=2.0),))
    found = adopted.adopted(world, read(world), rule).set_index("account_id")["adopted"]
    assert found.to_dict() == {"A": True, "B": False}


MEASURES = {
    "months": lambda _, k: monthly.monthly(k).rows,
    "features": lambda _, k: pd.DataFrame(monthly.monthly(k).users),
    "people": lambda _, k: people.recent(k),
    "seats": lambda _, k: seats.seats(k, people.recent(k)),
    "areas": lambda _, k: seats.areas(k),
    "first use": lambda _, k: durations.to_first_use(k),
    "score": lambda _, k: score.scores(k),
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_the_past_is_the_same_from_cut_tables(seed: int, small: SimpleNamespace) -> None:
    """A measure as of a past date equals the measure of tables cut at that date."""
    tables, on = small.random_world(seed), date(2023, 3, 7)
    whole = facts.read(tables, on, data_start=date(2022, 1, 1), min_accounts=1)
    before = cut(tables, on, small)
    known = facts.read(before, on, data_start=date(2022, 1, 1), min_accounts=1)
    for measure in MEASURES.values():
        pd.testing.assert_frame_equal(measure(tables, whole), measure(before, known))


def test_the_world_by_hand_is_the_same_from_cut_tables(
    world: dict[str, ir.Table], small: SimpleNamespace
) -> None:
    """Steps, value, users and cases too know nothing of the date itself or later."""
    before = cut(world, ON, small)
    for measure in (
        durations.steps, durations.to_onboard, support.tickets,
        lambda t, k: durations.to_value(t, k, features=["f"], count=2),
        lambda _, k: people.recent(k),
    ):  # fmt: skip
        pd.testing.assert_frame_equal(measure(world, read(world)), measure(before, read(before)))


def test_row_order_changes_nothing(small: SimpleNamespace) -> None:
    """The events backwards give the same measures."""
    tables, on = small.random_world(3), date(2023, 3, 7)
    events = tables["events"].execute().iloc[::-1]
    rows = events.astype(object).where(events.notna(), None).to_dict("records")
    turned = tables | {"events": small.memory(rows, small.schemas["events"])}
    first, second = (
        facts.read(t, on, data_start=date(2022, 1, 1), min_accounts=1) for t in (tables, turned)
    )
    for measure in MEASURES.values():
        pd.testing.assert_frame_equal(measure(tables, first), measure(turned, second))


def test_score_adds_up_and_stays_in_bounds(small: SimpleNamespace) -> None:
    """Points of 0 to 25 add up to the score, and every day's accounts have 50 on average."""
    tables = small.random_world(4)
    known = facts.read(tables, date(2023, 3, 7), data_start=date(2022, 1, 1), min_accounts=1)
    found = score.scores(known)
    points = found[[f"points_{name}" for name in score.PARTS]]
    assert points.to_numpy().min() > 0 and points.to_numpy().max() < 25
    np.testing.assert_allclose(points.sum(axis=1), found["score"], rtol=1e-12)
    np.testing.assert_allclose(found.groupby("period")["score"].mean(), 50)


def test_score_of_a_past_day_is_that_of_tables_of_that_day(small: SimpleNamespace) -> None:
    """The score 28 days ago, seen from today, is the one that was seen 28 days ago."""
    tables, on = small.random_world(5), date(2023, 3, 7)
    today, then = (
        score.scores(facts.read(tables, day, data_start=date(2022, 1, 1), min_accounts=1))
        for day in (on, on - timedelta(days=28))
    )
    columns = ["account_id", "breadth", "depth", "frequency"]
    left, right = (
        rows[rows["period"] == period][columns].reset_index(drop=True)
        for rows, period in ((today, 1), (then, 0))
    )
    both = left.merge(right, on="account_id", suffixes=("", "_then"))
    assert len(both) > 3
    for name in columns[1:]:
        np.testing.assert_allclose(both[name], both[f"{name}_then"])


def test_rhythm_is_of_accounts_that_renewed_only(small: SimpleNamespace) -> None:
    """A renewed and B left: only A's login is part of the usual rhythm, with its two weeks."""
    terms = [
        small.term("A-1", START, date(2025, 1, 1)),
        small.term("B-1", START, date(2025, 1, 1), account_id="B", outcome="churned"),
    ]
    events = [
        small.event(day, account_id=name, user_id=f"{name}1")
        for name in "AB" for day in (date(2024, 8, 1), date(2024, 8, 2), date(2024, 9, 5))
    ]  # fmt: skip
    users = [small.user(f"{n}1", "admin", START, account_id=n) for n in "AB"]
    tables = small.world(terms, events) | {"users": small.memory(users, small.schemas["users"])}
    on = date(2025, 3, 1)
    found = people.rhythm(read(tables, on), renewals.history(tables, on))
    assert found[["user_id", "active_weeks"]].to_numpy().tolist() == [["A1", 2]]


@given(st.lists(st.integers(0, 2**28 - 1), min_size=1, max_size=30))
def test_bits_count_days_and_weeks(values: list[int]) -> None:
    """Counts, weeks and the last day agree with counting one by one."""
    days = np.array(values, dtype=np.int64)
    assert bits.count(days).tolist() == [value.bit_count() for value in values]
    assert bits.highest(days).tolist() == [value.bit_length() - 1 for value in values]
    assert bits.weeks(days).tolist() == [
        sum(bool(value >> (7 * week) & 127) for week in range(4)) for value in values
    ]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_merging_bits_is_a_union(data: st.DataObject) -> None:
    """Rows of one key are put together whatever their order."""
    n = data.draw(st.integers(0, 20))
    keys = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), dtype=np.int64)
    words = np.array(data.draw(st.lists(st.integers(0, 255), min_size=n, max_size=n)), np.int64)
    found, (merged,) = bits.merge(keys, words)
    wanted: dict[int, int] = {}
    for key, word in zip(keys.tolist(), words.tolist(), strict=True):
        wanted[key] = wanted.get(key, 0) | word
    assert dict(zip(found.tolist(), merged.tolist(), strict=True)) == wanted


def test_many_features_need_more_than_one_word(small: SimpleNamespace) -> None:
    """A user of 130 features has a depth of 130."""
    events = [small.event(date(2024, 4, 2), feature=f"f{n:03d}") for n in range(130)]
    tables = small.world([small.term("A-1", START, date(2025, 1, 1))], events)
    found = monthly.monthly(read(tables))
    april = (found.rows["month"] == "2024-04").to_numpy()
    assert found.rows.loc[april, "depth"].tolist() == [130.0]
    assert found.users[april].sum() == 130
