"""A table as a whole: empty, emptied, too dirty, or tiny (A27, A28, A29, H2)."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cs_models.data import sources
from cs_models.data.mapping import Source
from cs_models.errors import DataError, ParameterError


def test_an_empty_required_table_is_refused(whole_world, found) -> None:
    """A28: each empty table is said; an empty required one stops the run, with a message."""
    assert pd.Series([None, None], dtype=float).sum() == 0.0  # shown as $0 by a naive report
    whole_world.parquet()
    for name in whole_world.tables:
        path = whole_world.folder / f"{name}.parquet"
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    report = whole_world.check()
    for name, rows in whole_world.tables.items():
        assert rows
        severity = "refuse" if name in ("accounts", "subscriptions", "events") else "note"
        assert found(report, name, "", "the table is empty").severity == severity
    with pytest.raises(DataError, match=r"3 refusals[\s\S]*events: the table is empty") as refusal:
        report.raise_refusals("here")
    assert refusal.value.exit_code == 3


def test_an_emptied_table_is_no_pass(world, found) -> None:
    """H2: rows that all leave are a refusal, not a clean table of no rows."""
    for row in world.tables["events"]:
        row["account_id"] = "unknown"
    world.parquet()
    fault = found(world.check(), "events", "", "no row is left", "refuse")
    assert fault.count == 8


def test_too_many_bad_rows_are_refused(world, found) -> None:
    """A27: negative seats leave, and above a fifth of the terms they stop the run."""
    world.change("subscriptions", 0, seats=-2).parquet()
    report = world.check()
    assert found(report, "subscriptions", "seats", "is below 1", "quarantine").count == 1
    assert not report.refusals
    world.change("subscriptions", 1, seats=0).parquet()
    fault = found(world.check(), "subscriptions", "", "more than 20%", "refuse")
    assert fault.count == 2


def test_one_account_is_a_history(world) -> None:
    """A29: a history of one account is read; whether it says anything is for others to refuse."""
    for name, rows in world.tables.items():
        world.tables[name] = [row for row in rows if row["account_id"] == "A1"]
    tables = world.parquet().read()
    assert tables.checks.counts["accounts"]["kept"] == 1
    assert tables["subscriptions"].count().to_pyarrow().as_py() == 3


def test_all_refusals_come_together(world) -> None:
    """Every reason to refuse is told at once, each with its repair."""
    world.change("accounts", 0, created_at="yesterday").change("accounts", 1, created_at="2022")
    world.change("accounts", 2, created_at="2022-03-01")
    for row in world.tables["subscriptions"]:
        del row["arr"]
    del world.tables["events"]
    world.parquet()
    with pytest.raises(DataError) as refusal:
        world.read()
    told = str(refusal.value)
    for words in (
        "3 refusals",
        "accounts.created_at: cannot be read as an ISO 8601 date and time (2 rows), e.g. '2022'",
        "subscriptions.arr: a required column is not in the source",
        "events: a required table is not in the source",
        "{columns: {arr: their name}}",
    ):
        assert words in told
    frame = world.check().frame()
    assert list(frame.columns)[:4] == ["table", "column", "rule", "severity"]
    assert (frame["severity"].iloc[:3] == "refuse").all()


def test_types_that_cannot_be_meant_are_refused(world, found) -> None:
    """A20: a number where a date belongs, or a date where an identifier belongs, is refused."""
    rows = world.only("accounts").tables["accounts"]
    table = pa.table(
        {
            "account_id": pa.array([row["created_at"] for row in rows]),
            "created_at": pa.array([45292, 45293, 45294]),
            "employees": pa.array(["a", "b", "c"]),
            "surprise": pa.array([1, 2, 3]),
        }
    )
    pq.write_table(table, world.folder / "accounts.parquet")
    report = world.check()
    assert found(report, "accounts", "account_id", "must be text", "refuse")
    assert found(report, "accounts", "created_at", "a number is no date", "refuse")
    assert found(report, "accounts", "employees", "cannot be read as a whole number", "refuse")
    assert found(report, "accounts", "", "nothing uses", "note").samples == ("surprise",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tables": {"acounts": {"from": "a.csv"}}}, "no such table"),
        ({"tables": {"accounts": {"from": "a.csv", "columns": {"id": "x"}}}}, "no such column"),
        ({"tables": {"accounts": {"from": "a.csv", "sql": "SELECT 1"}}}, "either `from`"),
        ({"tables": {"accounts": {}}}, "either `from`"),
        ({"naive_timezone": "Mars/Olympus"}, "no such time zone"),
        ({"colour": "red"}, "Extra inputs"),
        ({"grace_days": -1}, "greater than or equal"),
    ],
)
def test_a_wrong_mapping_is_refused_before_reading(content, message) -> None:
    """A name that the contract does not have is refused when the run file is read."""
    with pytest.raises(ValueError, match=message):
        Source.model_validate({"path": "somewhere", **content})


def test_a_wrong_zone_is_a_wrong_parameter(world) -> None:
    """The reporting zone must be one that exists."""
    with pytest.raises(ParameterError, match="no such time zone"):
        sources.check(world.source(), as_of=pd.Timestamp("2024-01-01").date(), timezone="CET+1")


def test_a_mapped_column_that_is_not_there_is_refused(world, found) -> None:
    """A rename to a column that the source lacks lists the columns that it has."""
    world.only("accounts").parquet()
    mapping = {"accounts": {"from": "accounts.parquet", "columns": {"created_at": "signup"}}}
    fault = found(world.check(tables=mapping), "accounts", "created_at", "has no column 'signup'")
    assert fault.severity == "refuse"
    assert "account_name" in fault.repair
