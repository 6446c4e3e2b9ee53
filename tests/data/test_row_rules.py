"""Every row rule of the contract, broken once in one world."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pytest

FAULTS = [
    # table, column, words of the rule, severity, rows, a sample
    ("accounts", "employees", "is below 1", "note", 1, "-4"),
    ("accounts", "parent_account_id", "is not in accounts", "note", 1, "A77"),
    ("users", "role", "is none of", "note", 1, "wizard"),
    ("users", "deactivated_at", "no end", "note", 1, "9999-12-31 00:00:00"),
    ("subscriptions", "account_id", "is missing", "quarantine", 1, "subscription_id S90"),
    ("subscriptions", "seats", "is below 1", "quarantine", 2, "-3"),
    ("subscriptions", "seats", "is missing", "note", 1, "subscription_id S6"),
    ("subscriptions", "arr", "is below 0", "quarantine", 1, "-1.0"),
    ("subscriptions", "term_end", "is not after term_start", "quarantine", 1, "2023-05-01"),
    ("subscriptions", "term_end", "no end", "note", 1, "9999-12-31"),
    ("subscriptions", "ended_at", "is before term_start", "quarantine", 1, "2021-01-01"),
    ("subscriptions", "term_start", "is before 2000", "quarantine", 1, "1970-01-01"),
    ("subscriptions", "account_id", "is not in accounts", "quarantine", 1, "A99"),
    ("events", "account_id", "is missing", "quarantine", 1, "event_ts 2022-07-01 00:00:00"),
    ("events", "account_id", "is not in accounts", "quarantine", 2, "A99"),
    ("events", "user_id", "is not in users", "note", 1, "ghost"),
    ("events", "user_id", "another account", "note", 1, "A1-u1"),
    ("events", "feature", "is missing", "quarantine", 1, "event_ts 2022-07-02 00:00:00"),
    ("events", "quantity", "is below 0", "quarantine", 1, "-2.0"),
    ("events", "quantity", "is above", "quarantine", 1, "1700000000.0"),
    ("events", "quantity", "is 0", "note", 1, "0.0"),
    ("events", "event_ts", "is before 2000", "quarantine", 1, "1970-01-01 00:00:45"),
    ("events", "event_ts", "after as_of", "note", 1, None),
    ("events", "account_id", "before their created_at", "note", 1, "A2"),
    ("tickets", "closed_at", "is before opened_at", "quarantine", 1, "2020-01-01 00:00:00"),
    ("tickets", "severity", "is none of", "note", 1, "urgent"),
    ("surveys", "kind", "is none of", "quarantine", 1, "ces"),
    ("surveys", "score", "is above 100", "quarantine", 1, "900.0"),
    ("touchpoints", "initiated_by", "is none of", "note", 1, "them"),
    ("milestones", "completed_at", "after as_of", "note", 1, "2030-01-01"),
]


@pytest.fixture(scope="module")
def dirty(whole_world_of, tmp_path_factory):
    """Return the checked tables of a world in which each rule is broken."""
    world = whole_world_of(tmp_path_factory.mktemp("dirty"))
    for rows in (world.tables["subscriptions"], world.tables["events"]):
        # So many good rows that the bad ones are under a fifth.
        rows += [{**rows[-1]} for _ in range(60)]
    for number, row in enumerate(world.tables["subscriptions"][6:]):
        row["subscription_id"] = f"X{number:02}"
        row["account_id"] = f"A{1 + number % 3}"
    world.change("accounts", 0, employees=-4, parent_account_id="A1")
    world.change("accounts", 1, employees=10, parent_account_id="A77")
    world.change("accounts", 2, employees=None, parent_account_id=None)
    world.change("users", 0, role="wizard")
    world.change("users", 1, deactivated_at=datetime(9999, 12, 31))
    world.change("subscriptions", 5, seats=None)
    bad_terms = [
        {"account_id": None},
        {"seats": -3},
        {"seats": 0},
        {"arr": -1.0},
        {"term_start": date(2023, 5, 1), "term_end": date(2023, 5, 1)},
        {"term_end": date(9999, 12, 31)},
        {"ended_at": date(2021, 1, 1)},
        {"term_start": date(1970, 1, 1)},
        {"account_id": "A99"},
    ]
    good = {
        "account_id": "A3",
        "term_start": date(2022, 5, 1),
        "term_end": date(2023, 5, 1),
        "seats": 2,
        "arr": 100.0,
        "ended_at": None,
    }
    for number, values in enumerate(bad_terms):
        world.add("subscriptions", **{**good, **values, "subscription_id": f"S9{number}"})
    day = datetime(2022, 7, 1)
    clean = {"account_id": "A1", "user_id": "A1-u1", "feature": "report", "quantity": 1.0}
    bad_events = [
        {"account_id": None, "event_ts": day},
        {"account_id": "A99", "user_id": None},
        {"account_id": "A99", "user_id": None},
        {"user_id": "ghost"},
        {"account_id": "A3", "user_id": "A1-u1"},
        {"feature": None, "event_ts": datetime(2022, 7, 2)},
        {"quantity": -2.0},
        {"quantity": 1.7e9},
        {"quantity": 0.0},
        {"event_ts": datetime(1970, 1, 1, 0, 0, 45)},
        {"event_ts": datetime(2024, 7, 1)},
        {"account_id": "A2", "user_id": "A2-u1", "event_ts": datetime(2022, 1, 20)},
    ]
    for values in bad_events:
        world.add("events", **{**clean, "event_ts": datetime(2022, 8, 1), **values})
    world.change("tickets", 0, closed_at=datetime(2020, 1, 1))
    world.change("tickets", 1, severity="urgent")
    world.change("surveys", 0, kind="ces")
    world.change("surveys", 1, score=900.0)
    world.change("touchpoints", 0, initiated_by="them")
    world.change("milestones", 0, completed_at=date(2030, 1, 1))
    return world.parquet().read()


@pytest.mark.parametrize(
    ("table", "column", "rule", "severity", "count", "sample"),
    FAULTS,
    ids=[f"{table}.{column} {rule}" for table, column, rule, *_ in FAULTS],
)
def test_each_fault_is_told(dirty, found, table, column, rule, severity, count, sample) -> None:
    """Each broken rule is reported under its column, with its severity, count and a sample."""
    fault = found(dirty.checks, table, column, rule)
    assert fault is not None, [str(f) for f in dirty.checks.faults if f.table == table]
    assert fault.severity == severity
    assert fault.count == count
    assert sample is None or sample in fault.samples
    assert len(fault.samples) <= 5
    assert fault.repair


def test_counts_add_up(dirty) -> None:
    """Rows read are rows kept plus quarantined plus excluded, and the kept ones are there."""
    for name, counts in dirty.checks.counts.items():
        assert counts["read"] == counts["kept"] + counts["quarantined"] + counts["excluded"]
        assert counts["kept"] == dirty[name].count().to_pyarrow().as_py()
    assert dirty.checks.counts["events"] == {
        "read": 80,
        "kept": 71,
        "quarantined": 7,
        "excluded": 2,
    }


def test_kept_values_are_clean(dirty, rows_of) -> None:
    """A value that became unknown is NULL, a term without end is marked, the rest is as it was."""
    assert rows_of(dirty, "accounts", "account_id", "employees") == [
        ("A1", None),
        ("A2", 10),
        ("A3", None),
    ]
    endless = dirty["subscriptions"].filter(dirty["subscriptions"].open_ended)
    assert endless.select("subscription_id", "term_end", "outcome").to_pyarrow().to_pylist() == [
        {"subscription_id": "S95", "term_end": None, "outcome": "pending"}
    ]
    least = dirty["events"].quantity.min().to_pyarrow().as_py()
    assert least == Decimal("1.000")


def test_an_unknown_outcome_word_stops_the_run(world, found) -> None:
    """E5: an outcome coded 1/2 is never taken for 'everybody left'."""
    for number, row in enumerate(world.tables["subscriptions"]):
        row["outcome"] = 1 + number % 2
    assert pd.Series([1, 2, 1]).astype(bool).all()  # what a naive cast makes of it
    fault = found(world.parquet().check(), "subscriptions", "outcome", "is none of", "refuse")
    assert fault is not None
    assert fault.samples == ("1", "2")
    assert "values" in fault.repair
