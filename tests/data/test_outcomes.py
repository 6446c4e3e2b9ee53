"""How a term ended, as it was known (H1, A26, E5), told by the source or by the next term."""

from __future__ import annotations

import functools
from datetime import date, datetime, timedelta

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_models.data.intake import outcomes

AS_OF = date(2024, 6, 30)
COLUMNS = {
    "subscription_id": "string",
    "account_id": "string",
    "term_start": "date",
    "term_end": "date",
    "seats": "int64",
    "arr": "decimal(18, 2)",
    "outcome": "string",
    "ended_at": "date",
    "decided": "date",
}


@functools.cache
def engine() -> ibis.BaseBackend:
    """Return one connection for all small tables."""
    return ibis.duckdb.connect()


def concluded(rows: list[dict], *, as_of: date = AS_OF, grace_days: int = 30) -> dict[str, str]:
    """Return the outcome of each term."""
    blank = dict.fromkeys(COLUMNS)
    terms = ibis.memtable([{**blank, **row} for row in rows], schema=COLUMNS)
    done = outcomes.concluded(terms, as_of=as_of, grace_days=grace_days)
    found = engine().to_pyarrow(done.select("subscription_id", "outcome"))
    return {row["subscription_id"]: row["outcome"] for row in found.to_pylist()}


def term(name: str, start: date, end: date | None, **more) -> dict:
    """Return one term of account A with 5 seats."""
    good = {"account_id": "A", "seats": 5, "arr": 100}
    return {**good, "subscription_id": name, "term_start": start, "term_end": end, **more}


FIRST = term("one", date(2023, 1, 1), date(2024, 1, 1))


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ({}, "renewed"),
        ({"seats": 6}, "expanded"),
        ({"seats": 4}, "contracted"),
        ({"seats": None, "arr": 101}, "expanded"),
        ({"seats": None, "arr": 99}, "contracted"),
        ({"arr": 150}, "renewed"),
        ({"term_start": date(2024, 1, 31)}, "renewed"),
        ({"term_start": date(2024, 2, 1)}, "churned"),
        ({"term_start": date(2023, 12, 5)}, "renewed"),
        ({"account_id": "B"}, "churned"),
        ({"term_start": date(2023, 12, 5), "term_end": date(2024, 1, 1)}, "churned"),
        ({"term_end": None}, "renewed"),
    ],
)
def test_the_next_term_tells(following, expected) -> None:
    """A term is continued by the account's term that starts around its end, by seats, else ARR."""
    second = {**term("two", date(2024, 1, 1), date(2025, 1, 1)), **following}
    assert concluded([FIRST, second])["one"] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"term_end": date(2024, 5, 31)}, "churned"),
        ({"term_end": date(2024, 6, 1)}, "pending"),
        ({"term_end": date(2024, 7, 1)}, "pending"),
        ({"term_end": None}, "pending"),
        ({"term_end": None, "ended_at": date(2024, 3, 1)}, "churned"),
        ({"term_end": date(2025, 1, 1), "ended_at": date(2024, 3, 1)}, "churned"),
        ({"term_end": date(2025, 1, 1), "ended_at": date(2024, 6, 20)}, "pending"),
        ({"outcome": "renewed"}, "renewed"),
        ({"outcome": "involuntary"}, "involuntary"),
        ({"outcome": "pending"}, "pending"),
        ({"outcome": "renewed", "term_end": date(2024, 7, 1)}, "pending"),
        (
            {"outcome": "renewed", "term_end": date(2024, 9, 1), "decided": date(2024, 6, 1)},
            "renewed",
        ),
        ({"outcome": "churned", "decided": date(2024, 7, 15)}, "pending"),
    ],
)
def test_an_outcome_counts_once_it_was_known(change, expected) -> None:
    """A told outcome counts from its decision or the term's end; silence counts after the grace."""
    assert concluded([{**FIRST, **change}])["one"] == expected


@given(
    lengths=st.lists(st.integers(20, 400), min_size=1, max_size=6),
    gaps=st.lists(st.integers(-10, 60), min_size=6, max_size=6),
    grace=st.integers(0, 60),
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_future_changes_no_known_outcome(lengths, gaps, grace) -> None:
    """A26: an outcome other than pending is the same when the history goes on."""
    rows, day = [], date(2022, 1, 1)
    for number, (length, gap) in enumerate(zip(lengths, gaps, strict=False)):
        end = day + timedelta(days=length)
        rows.append(term(f"t{number}", day, end))
        day = max(end + timedelta(days=gap), day + timedelta(days=1))
    middle = rows[len(rows) // 2]["term_end"]
    seen = [row for row in rows if row["term_start"] <= middle]
    then = concluded(seen, as_of=middle, grace_days=grace)
    now = concluded(rows, as_of=date(2030, 1, 1), grace_days=grace)
    assert {name: now[name] for name, word in then.items() if word != "pending"} == {
        name: word for name, word in then.items() if word != "pending"
    }
    assert set(now.values()) <= {"renewed", "churned"}


def test_renaming_and_flipping_changes_nothing(world, rows_of) -> None:
    """H1: the same history under three names and codings of the outcome gives the same terms."""
    left = {"S4", "S6"}
    codings = {
        "outcome": lambda gone: "churned" if gone else "renewed",
        "stayed": lambda gone: "no" if gone else "yes",
        "churn_flag": lambda gone: gone,
    }
    for row in world.tables["subscriptions"]:
        row |= {name: code(row["subscription_id"] in left) for name, code in codings.items()}
    world.parquet()
    mappings = [
        {},
        {
            "columns": {"outcome": "stayed"},
            "values": {"outcome": {"yes": "renewed", "no": "churned"}},
        },
        {
            "columns": {"outcome": "churn_flag"},
            "values": {"outcome": {True: "churned", False: "renewed"}},
        },
    ]
    seen = []
    for mapping in mappings:
        tables = world.read(
            tables={
                "accounts": {"from": "accounts.parquet"},
                "subscriptions": {"from": "subscriptions.parquet", **mapping},
                "events": {"from": "events.parquet"},
            }
        )
        seen.append(rows_of(tables, "subscriptions", "subscription_id", "outcome", "term_no"))
    assert seen[0] == seen[1] == seen[2]
    assert dict(row[:2] for row in seen[0])["S6"] == "churned"
    assert dict(row[:2] for row in seen[0])["S3"] == "pending"


def test_later_rows_change_no_number(whole_tables, tmp_path_factory, whole_world_of) -> None:
    """A26: rows after as_of, and what was learnt after it, change nothing but their count."""
    before = whole_tables
    later = whole_world_of(tmp_path_factory.mktemp("later"))
    after = datetime(2024, 7, 1)
    later.add("accounts", account_id="A9", created_at=after)
    later.add("users", user_id="u9", account_id="A9", created_at=after)
    later.change("users", 1, deactivated_at=after)
    later.add(
        "subscriptions",
        subscription_id="S9",
        term_start=date(2024, 7, 1),
        term_end=date(2025, 7, 1),
    )
    later.add("events", event_ts=after, quantity=-5.0)
    later.add("tickets", ticket_id="T9", opened_at=after, closed_at=None)
    later.add("surveys", survey_id="V9", answered_at=after)
    later.add("touchpoints", touchpoint_id="C9", occurred_at=after)
    later.change("milestones", 0, completed_at=date(2022, 4, 11))
    told = later.parquet().read()
    for name in before:
        columns = before[name].columns
        rows = [t[name].order_by(columns).to_pyarrow().to_pylist() for t in (before, told)]
        assert rows[0] == rows[1], name
    assert told.checks.counts["events"] == {"read": 9, "kept": 8, "quarantined": 0, "excluded": 1}


def test_a_late_record_is_known_late(world, rows_of) -> None:
    """A row is known the day after it reached the records; others after the usual lag."""
    for number, row in enumerate(world.tables["events"]):
        happened = row["event_ts"]
        row["known_at"] = None if number == 7 else happened + timedelta(days=min(number, 4))
    world.change("events", 1, known_at=world.tables["events"][1]["event_ts"] - timedelta(days=30))
    tables = world.parquet().read()
    rows = tables["events"].order_by("event_ts", "feature").to_pyarrow().to_pylist()
    waits = sorted((row["known_date"] - row["event_date"]).days for row in rows)
    assert waits == [1, 1, 3, 4, 4, 5, 5, 5]
