"""Instants, calendar dates and clock changes (A20–A26), against Python's own calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.data.intake import clock, rules

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Pacific/Apia",
    "Asia/Kolkata",
    "America/Caracas",
)
UNTIL = date(2026, 12, 31)
MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2026, 12, 30)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(st.lists(MOMENTS, min_size=100, max_size=100))
@settings(max_examples=2, deadline=None)
def test_local_time_is_pythons(moments) -> None:
    """A24: wall-clock times and dates in the engine are those of the IANA database."""
    edges = [
        step.instant + timedelta(seconds=s)
        for step in clock.changes("America/New_York", UNTIL)[1]
        for s in (-1, 0)
    ]
    table = ibis.memtable({"at": [*moments, *edges]}, schema={"at": "timestamp"})
    names = {f"z{n}": clock.moved(table["at"], UNTIL, target=zone) for n, zone in enumerate(ZONES)}
    rows = ibis.duckdb.connect().to_pyarrow(table.select("at", **names)).to_pylist()
    for row in rows:
        for number, zone in enumerate(ZONES):
            expected = row["at"].replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
            assert row[f"z{number}"] == expected.replace(tzinfo=None)


@given(st.lists(MOMENTS, min_size=100, max_size=100))
@settings(max_examples=2, deadline=None)
def test_local_time_comes_back(moments) -> None:
    """A22: a wall-clock time read in its zone is the instant it was, the later one in doubt."""
    table = ibis.memtable({"at": moments}, schema={"at": "timestamp"})
    names = {f"z{n}": clock.moved(table["at"], UNTIL, origin=zone) for n, zone in enumerate(ZONES)}
    rows = ibis.duckdb.connect().to_pyarrow(table.select("at", **names)).to_pylist()
    for row in rows:
        for number, zone in enumerate(ZONES):
            readings = [
                row["at"].replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
                for fold in (0, 1)
            ]
            assert row[f"z{number}"] == max(readings).replace(tzinfo=None)


def test_clock_changes_have_a_policy(world, found, rows_of) -> None:
    """A23: skipped and repeated local times are read as the later instant, and counted."""
    skipped, repeated = datetime(2024, 3, 10, 2, 30), datetime(2023, 11, 5, 1, 30)
    with pytest.raises(Exception, match="2024-03-10"):
        pd.Timestamp(skipped).tz_localize("America/New_York")
    world.change("events", 0, event_ts=skipped).change("events", 1, event_ts=repeated).parquet()
    tables = world.read(naive_timezone="America/New_York")
    rows = [row[0] for row in rows_of(tables, "events", "event_ts")]
    assert datetime(2024, 3, 10, 7, 30) in rows
    assert datetime(2023, 11, 5, 6, 30) in rows
    assert found(tables.checks, "events", "event_ts", "clock change skipped", "note").count == 1
    assert found(tables.checks, "events", "event_ts", "clock change repeated", "note").count == 1


def test_offsets_dates_and_local_times_mix(world, found, rows_of) -> None:
    """A22: with an offset, without one, and a date alone: each is read as what it says."""
    texts = [
        "2022-03-01T23:30:00+05:00",
        "2022-03-01 23:30:00Z",
        "2022-03-01 23:30",
        "2022-03-01",
        "2022-03-01T23:30:00.250",
    ]
    for number, text in enumerate(texts):
        world.change("events", number, event_ts=text, feature=f"f{number}")
    world.csv()
    assert str(pd.read_csv(world.folder / "events.csv")["event_ts"].dtype) == "object"
    tables = world.read(naive_timezone="Europe/Berlin", timezone="America/New_York")
    rows = [
        row
        for row in rows_of(tables, "events", "feature", "event_ts", "event_date")
        if row[0] < "g"
    ]
    assert rows == [
        ("f0", datetime(2022, 3, 1, 18, 30), date(2022, 3, 1)),
        ("f1", datetime(2022, 3, 1, 23, 30), date(2022, 3, 1)),
        ("f2", datetime(2022, 3, 1, 22, 30), date(2022, 3, 1)),
        ("f3", datetime(2022, 3, 1, 5, 0), date(2022, 3, 1)),
        ("f4", datetime(2022, 3, 1, 22, 30, 0, 250000), date(2022, 3, 1)),
    ]


def test_zoned_parquet_is_utc(world, rows_of) -> None:
    """A22, A24: an aware instant is UTC inside, and its month is the reporting zone's."""
    instant = datetime(2022, 3, 1, 3, 0, tzinfo=UTC)
    for row in world.tables["events"]:
        row["event_ts"] = instant
    tables = world.parquet().read(timezone="America/New_York")
    assert set(rows_of(tables, "events", "event_ts", "event_date", "known_date")) == {
        (instant.replace(tzinfo=None), date(2022, 2, 28), date(2022, 3, 1))
    }


def test_instants_to_the_nanosecond_are_read(world, rows_of) -> None:
    """A22: what pandas writes by default, instants to the nanosecond with a zone, is an instant."""
    instant = datetime(2022, 3, 1, 3, 0, tzinfo=UTC)
    for row in world.tables["events"]:
        row["event_ts"] = instant
    world.parquet()
    path = world.folder / "events.parquet"
    frame = pd.read_parquet(path).astype({"event_ts": "datetime64[ns, UTC]"})
    frame.to_parquet(path, index=False)
    assert duckdb.execute(f"SELECT typeof(event_ts) FROM '{path}'").fetchone() == (
        "TIMESTAMPTZ_NS",
    )
    assert set(rows_of(world.read(), "events", "event_ts")) == {(instant.replace(tzinfo=None),)}


def test_dates_stay_dates_in_every_zone(world, rows_of) -> None:
    """A24: a renewal date, and the date of an event without a time, are the same in any zone."""
    for row in world.tables["events"]:
        row["event_ts"] = date(2022, 3, 1)
    for row in world.tables["subscriptions"]:
        row["term_start"] = datetime.combine(row["term_start"], datetime.min.time())
    world.parquet()
    seen = set()
    for zone in ("Pacific/Apia", "America/New_York"):
        tables = world.read(timezone=zone)
        seen.add(
            tuple(rows_of(tables, "subscriptions", "subscription_id", "term_start", "term_end"))
        )
        assert {row[0] for row in rows_of(tables, "events", "event_date")} == {date(2022, 3, 1)}
    assert len(seen) == 1


def test_the_end_of_time_is_no_end(world) -> None:
    """A21: a naive reader stops at 9999-12-31, or turns it into "missing"."""
    ends = pd.Series(["2024-01-01", "9999-12-31"])
    with pytest.raises(pd.errors.OutOfBoundsDatetime):
        pd.to_datetime(ends)
    assert pd.to_datetime(ends, errors="coerce").isna().tolist() == [False, True]
    world.change("subscriptions", 2, term_end=date(9999, 12, 31))
    terms = world.parquet().read()["subscriptions"]
    row = terms.filter(terms.subscription_id == "S3").to_pyarrow().to_pylist()[0]
    assert (row["term_end"], row["open_ended"], row["outcome"]) == (None, True, "pending")


@given(st.dates(date(2000, 1, 1), date(2026, 12, 31)), st.sampled_from(ZONES))
@settings(max_examples=60, deadline=None)
def test_the_first_instant_of_tomorrow(day, zone) -> None:
    """A26: what comes after as_of begins at midnight of the reporting zone, to the second."""
    border = rules.first_instant_after(day, zone).replace(tzinfo=UTC)
    assert border.astimezone(ZoneInfo(zone)).date() > day
    before = (border - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
    assert before.date() <= day


def test_month_ends_count_from_the_anchor() -> None:
    """A25: periods counted from the start date do not drift; single steps from each other do."""
    start = date(2024, 1, 31)
    sql = f"SELECT CAST(DATE '{start}' + to_months(n) AS DATE) FROM range(1, 14) AS steps(n)"
    ends = [row[0] for row in duckdb.execute(sql).fetchall()]
    single = start
    for _ in range(2):
        single = duckdb.execute(f"SELECT CAST(DATE '{single}' + to_months(1) AS DATE)").fetchone()[
            0
        ]
    assert single == date(2024, 3, 29)
    assert ends[1] == date(2024, 3, 31)
    expected = [(pd.Timestamp(start) + pd.DateOffset(months=n)).date() for n in range(1, 14)]
    assert ends == expected


def test_terms_have_whole_months(world, rows_of) -> None:
    """A25: a term's length is in whole months, whatever the months' own lengths."""
    terms = [
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2024, 1, 31), date(2024, 2, 29), 1),
        (date(2023, 1, 1), date(2026, 1, 1), 36),
        (date(2024, 1, 1), date(2024, 1, 8), 1),
        (date(2023, 8, 31), date(2024, 2, 29), 6),
        (date(2022, 1, 1), date(2022, 4, 1), 3),
    ]
    for row, (start, end, _) in zip(world.tables["subscriptions"], terms, strict=True):
        row.update(term_start=start, term_end=end)
    found = rows_of(world.parquet().read(), "subscriptions", "subscription_id", "term_months")
    assert [months for _, months in found] == [months for *_, months in terms]
