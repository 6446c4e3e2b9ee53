"""A source that a run checked once is, for its other notebooks, what it was at the door."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import ibis.expr.types as ir
import pandas as pd
import pytest

from cs_models import kept
from cs_models.data import snapshot, sources
from cs_models.errors import DataError


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run, away from the source."""
    return tmp_path_factory.mktemp("kept")


def snapshots(place: Path) -> list[Path]:
    """Return what is kept."""
    return [path for path in place.iterdir() if path.is_dir()]


def in_order(rows: ir.Table) -> pd.DataFrame:
    """Return a table's rows in an order of their own: the engine promises none."""
    frame = rows.execute()
    return frame.sort_values(list(frame.columns), key=lambda c: c.astype(str), ignore_index=True)


@pytest.mark.parametrize(
    ("kind", "tables"), [("parquet", "whole_world"), ("csv", "world"), ("duckdb", "world")]
)
def test_a_snapshot_cannot_be_told_from_the_source(request, place, monkeypatch, kind, tables):
    """Schemas, rows, faults and counts: all tables, and files of each kind, without examining."""
    given = request.getfixturevalue(tables)
    given.tables["events"].append({**given.tables["events"][0], "account_id": "nobody"})
    made = getattr(given, kind)()
    more = {"path": str(made)} if kind == "duckdb" else {"kind": kind}
    plain = given.read(**more)
    assert plain.fingerprint == ""
    with kept.within(place):
        report = given.check(**more)
        monkeypatch.setattr(sources, "_examine", None)  # whoever examines again fails
        again = given.read(**more)
    assert report == again.checks == plain.checks
    assert any(fault.severity == "quarantine" for fault in report.faults)
    assert list(again) == list(plain)
    for name in plain:
        assert again[name].schema() == plain[name].schema()
        pd.testing.assert_frame_equal(in_order(again[name]), in_order(plain[name]))
    assert again.fingerprint


def test_whatever_decides_the_tables_makes_another_snapshot(world, place):
    """Another day, zone, mapping, a file written again or added: none reads an older answer."""
    source = world.csv().source()
    events = world.folder / "events.csv"
    day = date(2024, 6, 30)
    with kept.within(place):
        read = [world.read()]
        names = [snapshot.name(source, day, "UTC")]
        assert read[0].fingerprint == names[0]
        names.append(snapshot.name(source, date(2024, 6, 1), "UTC"))
        names.append(snapshot.name(source, day, "Asia/Tokyo"))
        names.append(snapshot.name(world.source(grace_days=7), day, "UTC"))
        stat = events.stat()
        text = events.read_text()
        events.write_text(text.replace("report", "repory"))
        os.utime(events, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as copying tools do
        names.append(snapshot.name(source, day, "UTC"))
        read.append(world.read())
        (world.folder / "notes.csv").write_text("a\n1\n")
        names.append(snapshot.name(source, day, "UTC"))
    assert len(set(names)) == len(names)
    assert [tables.fingerprint for tables in read] == [names[0], names[4]]
    assert len(snapshots(place)) == 2
    used = [set(in_order(tables["events"])["feature"]) for tables in read]
    assert used == [{"report", "share"}, {"repory", "share"}]


def test_a_refused_source_is_not_kept(world, place):
    """Everybody who asks is refused with the same words, and nothing is left."""
    del world.tables["subscriptions"][0]["term_end"]
    world.tables["subscriptions"] = [
        {name: value for name, value in row.items() if name != "term_start"}
        for row in world.tables["subscriptions"]
    ]
    source = world.csv()
    with pytest.raises(DataError) as alone:
        source.read()
    with kept.within(place):
        for _ in range(2):
            with pytest.raises(DataError) as refused:
                source.read()
            assert str(refused.value) == str(alone.value)
        assert source.check() == world.check()
    assert snapshots(place) == []


def test_a_disk_without_room_costs_time_and_nothing_else(world, place, monkeypatch):
    """The tables are read from the source then, and nothing half-made is left."""
    source = world.csv()
    plain = source.read()
    full = SimpleNamespace(free=1)
    monkeypatch.setattr("cs_models.data.snapshot.shutil.disk_usage", lambda _: full)
    with kept.within(place):
        again = source.read()
    assert again.checks == plain.checks
    for name in plain:
        pd.testing.assert_frame_equal(in_order(again[name]), in_order(plain[name]))
    assert {path.suffix for path in place.iterdir()} <= {".lock"}


def test_a_snapshot_sees_its_own_files_and_nothing_else(world, place, tmp_path):
    """The connection is as locked as that of a source."""
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    with kept.within(place):
        connection = world.csv().read().connection.con
    for text in (f"FROM '{other}'", "SET enable_external_access = true"):
        with pytest.raises(Exception, match=r"(?i)permission|locked|disabled"):
            connection.execute(text)
