"""Files are whole, where they should be, and all that a source can see (A7, A9, A10, G8)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import time

import duckdb
import pandas as pd
import pytest

from cs_models.data.intake import checksums
from cs_models.errors import DataError, ParameterError
from cs_models.files import sha256_of


def write_checksums(folder, **rows) -> None:
    files = {
        path.name: {"sha256": sha256_of(path), **rows}
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".parquet")
    }
    (folder / "checksums.json").write_text(json.dumps({"files": files}))


def test_no_truncation_passes_a_checksum(world) -> None:
    """A7: cut at 50 random places a CSV file is refused each time; a naive reader reads on."""
    for number in range(200):
        world.add("accounts", account_id=f"B{number}")
    world.only("accounts").csv()
    write_checksums(world.folder)
    path = world.folder / "accounts.csv"
    whole = path.read_bytes()
    chance = random.Random(7)
    silent = 0
    for place in [chance.randrange(100, len(whole)) for _ in range(50)]:
        path.write_bytes(whole[:place])
        with contextlib.suppress(ValueError):
            silent += len(pd.read_csv(path)) < 203
        with pytest.raises(DataError, match="is not what it was"):
            checksums.verify(world.folder, [path])
    assert silent > 40
    path.write_bytes(whole)
    assert world.check().counts["accounts"]["read"] == 203


def test_a_cut_file_without_a_checksum_is_noted(world, found) -> None:
    """A7: without a checksum, a last line that is not ended is at least said."""
    world.only("accounts").csv()
    path = world.folder / "accounts.csv"
    path.write_bytes(path.read_bytes()[:-5])
    assert found(world.check(), "accounts", "", "last line of the file is not ended", "note")


def test_no_flipped_bit_passes_a_checksum(world) -> None:
    """A10: 200 single flipped bits in a Parquet file are refused; some read without an error."""
    for number in range(300):
        world.add("events", quantity=float(number))
    world.only("events").parquet()
    write_checksums(world.folder)
    path = world.folder / "events.parquet"
    whole = path.read_bytes()
    truth = pd.read_parquet(path)
    chance = random.Random(7)
    wrong = 0
    for number, place in enumerate(chance.randrange(len(whole)) for _ in range(200)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(DataError, match="is not what it was"):
            checksums.verify(world.folder, [path])
        if number < 100:
            try:
                wrong += not duckdb.execute(f"FROM '{path}'").df().equals(truth)
            except (duckdb.Error, UnicodeDecodeError):
                continue
    assert wrong > 0  # silent wrong values of a naive reader


def test_rows_that_a_checksum_promises(world, found) -> None:
    """A7: a row count that differs from the one written down stops the run."""
    world.only("accounts").parquet()
    (world.folder / "checksums.json").write_text(
        json.dumps({"files": {"accounts.parquet": {"rows": 4}}})
    )
    fault = found(world.check(), "accounts", "", "holds 3 rows where its checksum says 4")
    assert fault.severity == "refuse"


def test_a_broken_list_of_checksums_is_refused(world) -> None:
    """A list of checksums that cannot be read is a fault, not no list."""
    world.only("accounts").parquet()
    (world.folder / "checksums.json").write_text('{"files": ["accounts.parquet"]}')
    with pytest.raises(DataError, match="list of checksums cannot be read"):
        world.check()


def test_a_cut_parquet_file_is_refused(world) -> None:
    """A9: a truncated Parquet file is refused, naming the file."""
    world.only("accounts").parquet()
    path = world.folder / "accounts.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read") as refusal:
        world.check()
    assert "accounts.parquet" in refusal.value.where


def test_a_missing_file_names_what_is_there(world) -> None:
    """A file that the mapping names and the folder lacks is refused with the folder's list."""
    world.only("accounts").parquet()
    with pytest.raises(DataError, match="lacks a file") as refusal:
        world.check(tables={"accounts": {"from": "customers.parquet"}})
    assert "customers.parquet" in refusal.value.got
    assert "accounts.parquet" in refusal.value.repair
    with pytest.raises(DataError, match="does not exist"):
        world.check(path=str(world.folder / "nowhere"))


@pytest.mark.parametrize("name", ["../outside.csv", "/etc/passwd", "sub/../../outside.csv"])
def test_a_file_outside_the_folder_is_refused(world, name) -> None:
    """A `from` that leaves the source's folder is a wrong parameter, exit 2."""
    world.only("accounts").parquet()
    (world.folder.parent / "outside.csv").write_text("account_id,created_at\n")
    with pytest.raises(ParameterError, match="must lie in the source's folder") as refusal:
        world.check(tables={"accounts": {"from": name}})
    assert refusal.value.exit_code == 2


def test_a_link_out_of_the_folder_is_refused(world, tmp_path_factory) -> None:
    """A link is followed before it is trusted."""
    world.only("accounts").parquet()
    target = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    target.write_text("account_id,created_at\nA1,2022-01-01\n")
    (world.folder / "linked.csv").symlink_to(target)
    with pytest.raises(ParameterError, match="must lie in the source's folder"):
        world.check(tables={"accounts": {"from": "linked.csv"}})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content AS account_id FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://example.org/accounts.parquet'",
        "SELECT * FROM accounts; COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SELECT nonsense FROM accounts",
    ],
)
def test_sql_sees_the_source_and_nothing_else(world, sql) -> None:
    """G8: a run file's SQL reads no other file, no network, and is one SELECT."""
    world.only("accounts").parquet()
    assert duckdb.execute("SELECT count(*) FROM read_text('/etc/hosts')").fetchone() == (1,)
    with pytest.raises(ParameterError) as refusal:
        world.check(tables={"accounts": {"sql": sql}})
    assert refusal.value.where == "source.tables.accounts.sql"


def test_the_connection_is_locked(world, tmp_path) -> None:
    """G8: nobody can open the door again from inside."""
    connection = world.parquet().read().connection.con
    for statement in ("SET enable_external_access = true", "SET lock_configuration = false"):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)


def test_sql_joins_the_files_of_a_folder(world, rows_of) -> None:
    """Every file of the folder is a table named after its stem, CSV and Parquet alike."""
    world.parquet()
    (world.folder / "regions.csv").write_text("account_id,region\nA1,NA\nA2,EU\n")
    joined = (
        "SELECT a.*, r.region FROM accounts AS a LEFT JOIN regions AS r USING (account_id)"
        " -- a comment\n;"
    )
    tables = world.read(
        tables={
            "accounts": {"sql": joined},
            "subscriptions": {"from": "subscriptions.parquet"},
            "events": {"from": "events.parquet"},
        }
    )
    regions = rows_of(tables, "accounts", "account_id", "region")
    assert regions == [("A1", "NA"), ("A2", "EU"), ("A3", None)]


def test_parts_of_a_table_are_one(world) -> None:
    """A folder of Parquet parts, or a pattern, is read as one table."""
    world.only("events").parquet()
    parts = world.folder / "events"
    parts.mkdir()
    for number in range(2):
        (parts / f"part-{number}.parquet").write_bytes(
            (world.folder / "events.parquet").read_bytes()
        )
    (world.folder / "events.parquet").unlink()
    assert world.check().counts["events"]["read"] == 16
    named = world.check(tables={"events": {"from": "events/part-*.parquet"}})
    assert named.counts["events"]["read"] == 16


def test_a_database_is_read_only(whole_world, found) -> None:
    """A DuckDB file is mapped by table names, its SQL runs, and its bytes stay as they are."""
    path = whole_world.duckdb()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    report = whole_world.check(
        path=str(path),
        tables={
            "accounts": {"from": "accounts"},
            "subscriptions": {"sql": "SELECT * FROM subscriptions WHERE arr > 500"},
            "events": {"from": "events", "columns": {"user_id": None}},
        },
    )
    assert report.counts["subscriptions"]["read"] == 5
    assert "user_id" in found(report, "events", "", "optional columns").samples
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    with pytest.raises(DataError, match="has no such table") as refusal:
        whole_world.check(path=str(path), tables={"accounts": {"from": "customers"}})
    assert "accounts, events" in refusal.value.repair


def test_the_machines_clock_zone_changes_nothing(world, monkeypatch) -> None:
    """A24: the TZ of the machine is not looked at."""
    world.change("events", 0, event_ts=pd.Timestamp("2022-03-01 23:30")).parquet()
    seen = []
    for zone in ("America/New_York", "Pacific/Apia"):
        monkeypatch.setitem(os.environ, "TZ", zone)
        time.tzset()
        tables = world.read(timezone="Europe/Berlin")
        rows = tables["events"].order_by("event_ts", "account_id").to_pyarrow().to_pylist()
        seen.append(hashlib.sha256(repr(rows).encode()).hexdigest())
    monkeypatch.undo()
    time.tzset()
    assert len(set(seen)) == 1
