"""The checked tables of a source, written down once a run for its other notebooks.

Grain: the canonical tables in, one Parquet file a table out, with the faults and counts of the
check beside them.  What is opened again has the same columns, types and rows, and a locked
connection that sees the snapshot's own files and nothing else.
"""

from __future__ import annotations

import glob
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import ibis.expr.types as ir
import pyarrow.parquet as pq

from cs_models import kept
from cs_models.data.faults import CheckReport, Fault
from cs_models.data.intake import engine
from cs_models.data.mapping import Source

_REPORT: Final = "report.json"
_BATCH_ROWS: Final = 200_000
_ROOM: Final = 4  # times the source's size that must be free, for others need the disk too


def name(source: Source, as_of: date, timezone: str) -> str:
    """Return a name for what a source holds now and how it is read.

    Parameters
    ----------
    source : Source
        Where the tables lie and how they map onto the contract.
    as_of : datetime.date
        Last day that exists.
    timezone : str
        Reporting time zone.

    Returns
    -------
    str
        Another one when a file is there or gone, is longer or shorter or was written later,
        or anything of the mapping differs; empty outside of a run.
    """
    if kept.folder() is None:
        return ""
    mapping = source.model_dump(mode="json", exclude={"path"})
    return kept.name("tables", mapping, as_of, timezone, _files(Path(source.path)))


def write(place: Path, source: Source, tables: Mapping[str, ir.Table], report: CheckReport) -> bool:
    """Write checked tables into a new folder.

    Parameters
    ----------
    place : Path
        The folder to make.
    source : Source
        Where they were read from.
    tables : mapping of str to ibis Table
        Checked tables in the engine's checked schema, under their own names.
    report : CheckReport
        What was found at the door.

    Returns
    -------
    bool
        Whether they were written: not where the disk has too little room for a copy.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    n_bytes = sum(size for _, size, *_ in _files(Path(source.path)))
    if _ROOM * n_bytes > shutil.disk_usage(place.parent).free:
        return False
    place.mkdir()
    try:
        for table, rows in tables.items():
            _write_table(place / f"{table}.parquet", table, rows.get_backend().con)
    except duckdb.Error:
        return False  # whoever asks for these rows is told why they cannot be had
    (place / _REPORT).write_text(json.dumps(asdict(report)), encoding="utf-8")
    return True


def read(place: Path) -> tuple[dict[str, ir.Table], CheckReport, Any]:
    """Open what `write` left.

    Parameters
    ----------
    place : Path
        The folder.

    Returns
    -------
    tuple
        The tables by name in the contract's order, the report of the check, and the connection
        (an ibis DuckDB backend) they live in.
    """
    told = json.loads((place / _REPORT).read_text(encoding="utf-8"))
    faults = tuple(Fault(**{**one, "samples": tuple(one["samples"])}) for one in told["faults"])
    report = CheckReport(faults, told["counts"])
    names = [table for table in told["counts"] if (place / f"{table}.parquet").exists()]
    backend = engine.opened_files(place, {table: f"{table}.parquet" for table in names})
    return (
        {table: backend.table(table, database=engine.CANONICAL) for table in names},
        report,
        backend,
    )


def _write_table(path: Path, table: str, connection: Any) -> None:
    relation = connection.sql(f"FROM {engine.CANONICAL}.{engine.quoted(table)}")
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    settings = {"compression": "zstd", "compression_level": 1}
    with pq.ParquetWriter(path, reader.schema, **settings) as file:
        for batch in reader:
            file.write_batch(batch)


def _files(path: Path) -> list[tuple[str, int, int, int, int]]:
    """Return path, size, times of writing and number of each file of a source."""
    beside = f"{glob.escape(path.name)}*"  # a database's log of what is not in it yet
    found = sorted(path.rglob("*") if path.is_dir() else path.parent.glob(beside))
    stats = [(str(file.resolve()), file.stat()) for file in found if file.is_file()]
    return [(file, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for file, s in stats]
