"""What a source holds is counted by hand and by the engine alike."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import ibis
import pandas as pd
import pytest

from cs_models.data import readiness
from cs_models.data.faults import CheckReport
from cs_models.data.tables import Tables


def _tables(events: pd.DataFrame, subscriptions: pd.DataFrame | None = None) -> Tables:
    connection = ibis.duckdb.connect()
    made: dict[str, Any] = {
        "events": ibis.memtable(
            events,
            schema={"account_id": "string", "feature": "string", "event_date": "date"},
        )
    }
    if subscriptions is not None:
        made["subscriptions"] = ibis.memtable(
            subscriptions,
            schema={
                "account_id": "string", "term_start": "date", "term_end": "date",
                "ended_at": "date", "outcome": "string", "arr": "decimal(18,2)",
            },
        )  # fmt: skip
    report = CheckReport((), {"events": {"read": len(events) + 2, "kept": len(events),
                                         "quarantined": 2, "excluded": 0}})  # fmt: skip
    return Tables(made, connection, date(2025, 12, 31), "UTC", "USD", report)


def _daily(feature: str, days: range, per_day: int, missing: range = range(0)) -> pd.DataFrame:
    start = date(2025, 1, 1)
    rows = [
        ("a", feature, start + timedelta(days=day))
        for day in days
        if day not in missing
        for _ in range(per_day)
    ]
    return pd.DataFrame(rows, columns=["account_id", "feature", "event_date"])


def test_a_silent_week_of_one_feature_is_a_gap() -> None:
    """Nine days without a feature that is used every day are one gap, with its usual use."""
    events = pd.concat(
        [_daily("sync", range(120), 40, range(50, 59)), _daily("view", range(120), 400)]
    )
    (gap,) = readiness.telemetry_gaps(_tables(events)).to_dict("records")
    assert gap["feature"] == "sync"
    assert gap["first_date"] == pd.Timestamp("2025-02-20")
    assert gap["last_date"] == pd.Timestamp("2025-02-28")
    assert (gap["n_days"], gap["usual"], gap["seen"]) == (9, 40.0, 0.0)


def test_quiet_weekends_and_steady_use_are_no_gaps() -> None:
    """Weekends that are always silent, and rarely used features, have no gaps."""
    events = _daily("view", range(120), 60)
    weekend = pd.to_datetime(events["event_date"]).dt.dayofweek >= 5
    rare = _daily("rare", range(0, 120, 17), 1)
    assert readiness.telemetry_gaps(_tables(pd.concat([events[~weekend], rare]))).empty


def test_a_gap_of_the_whole_product_is_told_once() -> None:
    """When nothing at all was recorded, the features are not listed one by one."""
    events = pd.concat(
        [_daily(name, range(120), 50, range(60, 65)) for name in ("sync", "view", "edit")]
    )
    gaps = readiness.telemetry_gaps(_tables(events))
    assert gaps["feature"].tolist() == ["all features"]


@pytest.fixture
def book() -> Tables:
    """Return three accounts: one seen, one silent, one whose contract has no end."""
    events = pd.DataFrame(
        {
            "account_id": ["a", "a", "c"],
            "feature": ["view"] * 3,
            "event_date": [date(2025, 1, 10), date(2025, 1, 11), date(2025, 2, 3)],
        }
    )
    terms = pd.DataFrame(
        {
            "account_id": ["a", "b", "c"],
            "term_start": [date(2024, 6, 1), date(2024, 6, 1), date(2025, 2, 1)],
            "term_end": [date(2025, 6, 1), date(2025, 6, 1), None],
            "ended_at": [None, date(2025, 1, 20), None],
            "outcome": ["renewed", "churned", "pending"],
            "arr": [100, 250, 75],
        }
    )
    return _tables(events, terms)


def test_coverage_counts_accounts_with_a_running_term(book: Tables) -> None:
    """Of the accounts running in a month, the share with any use; open contracts run on."""
    months = readiness.coverage_by_month(book).to_dict("records")
    assert [
        (row["n_events"], row["n_active"], row["n_running"], row["share_active"]) for row in months
    ] == [(2, 1, 2, 0.5), (1, 1, 2, 0.5)]


def test_history_and_summary_add_up(book: Tables) -> None:
    """Terms by year and outcome add up to the terms; read is kept, set aside and excluded."""
    history = readiness.history(book)
    assert history["n_terms"].sum() == 3
    events = readiness.table_summary(book).set_index("table").loc["events"]
    assert (events["read"], events["kept"], events["quarantined"]) == (5, 3, 2)
    assert (events["first_date"], events["last_date"]) == (date(2025, 1, 10), date(2025, 2, 3))
    assert not readiness.table_summary(book).set_index("table").loc["tickets", "present"]


def test_uses_equal_in_every_column_are_counted_and_stay() -> None:
    """Three equal rows are two copies of one customer; a row that differs in anything is none."""
    day = date(2025, 1, 10)
    rows = [("a", "view", day)] * 3 + [("a", "edit", day), ("b", "view", day)]
    tables = _tables(pd.DataFrame(rows, columns=["account_id", "feature", "event_date"]))
    (told,) = readiness.copies(tables).to_dict("records")
    assert told == {"n_copies": 2, "n_accounts": 1, "n_rows": 5, "table": "events", "share": 0.4}
    assert tables["events"].count().to_pyarrow().as_py() == 5
    none = readiness.copies(_tables(_daily("view", range(0), 1))).iloc[0]
    assert (none["n_copies"], none["n_accounts"], none["share"]) == (0, 0, 0)


def test_nothing_recorded_has_no_months() -> None:
    """Without events there is no month to speak of, rather than an error or a nought."""
    empty = _daily("view", range(0), 1)
    assert readiness.coverage_by_month(_tables(empty)).empty
    assert readiness.telemetry_gaps(_tables(empty)).empty
    assert SimpleNamespace(**readiness.table_summary(_tables(empty)).iloc[3]).first_date is None
