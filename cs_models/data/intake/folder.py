"""A folder of Parquet and CSV files as the tables of a source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cs_models.data.contract import TABLES
from cs_models.data.intake import checksums, delimited
from cs_models.data.mapping import Source, TableSource
from cs_models.errors import DataError, ParameterError

SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class Plan:
    """Which files become which views.

    Parameters
    ----------
    tables : mapping of str to TableSource
        Canonical tables that the source has.
    views : mapping of str to list of Path
        Files of each view; several files are read as one table.
    view_of : mapping of str to str
        View of each canonical table that has a ``from``.
    expected_rows : mapping of str to int
        Rows that the folder's checksums promise for each canonical table.
    """

    tables: Mapping[str, TableSource]
    views: Mapping[str, list[Path]]
    view_of: Mapping[str, str]
    expected_rows: Mapping[str, int]

    def table_of(self, view: str) -> str:
        """Return the canonical table that a view stands for, or the view's own name."""
        return next((table for table, name in self.view_of.items() if name == view), view)


def plan(source: Source, folder: Path) -> Plan:
    """Decide which files of a folder are read, and verify their checksums.

    Parameters
    ----------
    source : Source
        The run file's mapping.
    folder : Path
        The folder, resolved.

    Raises
    ------
    DataError
        When a file that the mapping names is missing or not what its checksum says.
    ParameterError
        When a ``from`` leaves the folder.
    """
    suffixes = tuple(suffix for suffix in SUFFIXES if suffix.startswith(f".{source.kind or ''}"))
    present = _stems(folder, suffixes)
    tables = identity(present) if source.tables is None else source.tables
    views: dict[str, list[Path]] = {}
    view_of: dict[str, str] = {}
    for name, table in tables.items():
        if table.from_ is not None:
            named = source.tables is not None
            view_of[name] = f"read for {name}"
            views[view_of[name]] = _files(folder, table.from_, name) if named else present[name]
    spoken = "\n".join(table.sql for table in tables.values() if table.sql)
    views |= {
        stem: files
        for stem, files in present.items()
        if re.search(rf"(?<!\w){re.escape(stem)}(?!\w)", spoken, flags=re.IGNORECASE)
    }
    used = sorted({file for files in views.values() for file in files})
    rows = checksums.verify(folder, used)
    expected = {
        name: sum(rows[file] for file in views[view])
        for name, view in view_of.items()
        if all(file in rows for file in views[view])
    }
    return Plan(tables, views, view_of, expected)


def identity(names: Iterable[str]) -> dict[str, TableSource]:
    """Return the mapping of canonical tables that lie under their own names."""
    present = set(names)
    return {name: TableSource(from_=name) for name in TABLES if name in present}


def is_text(file: Path) -> bool:
    """Return whether a file is CSV."""
    return file.suffix != ".parquet"


def select_sql(files: list[Path], source: Source) -> str:
    """Return the SELECT that reads files of one kind as one table.

    Raises
    ------
    DataError
        When a file is broken or its header names a column twice.
    """
    parts = []
    for file in files:
        if is_text(file):
            names = delimited.header(file, encoding=source.encoding, delimiter=source.delimiter)
            path = delimited.literal(str(file))
            parts.append(
                "FROM "
                + delimited.scan_sql(
                    path, names, encoding=source.encoding, delimiter=source.delimiter
                )
            )
        else:
            _require_distinct_names(file)
    if parts:
        return " UNION ALL BY NAME ".join(parts)
    listed = ", ".join(delimited.literal(str(file)) for file in files)
    return (
        f"FROM read_parquet([{listed}], union_by_name = true)"
        if len(files) > 1
        else f"FROM read_parquet({listed})"
    )


def _stems(folder: Path, suffixes: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return the data files of a folder by stem; a sub-folder of Parquet parts is one table."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and ".parquet" in suffixes:
            parts = sorted(path.glob("*.parquet"))
            if parts:
                found.setdefault(path.name, parts)
        elif path.name.endswith(suffixes):
            found.setdefault(path.name.split(".")[0], [path])
    return found


def _files(folder: Path, name: str, table: str) -> list[Path]:
    where = f"source.tables.{table}.from"
    relative = Path(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ParameterError(
            "a table's file must lie in the source's folder",
            where=where,
            got=name,
            repair="name a file relative to source.path, without `..`",
        )
    pattern = f"{name.rstrip('/')}/*.parquet" if (folder / relative).is_dir() else name
    files = (
        sorted(folder.glob(pattern))
        if any(sign in pattern for sign in "*?[")
        else [folder / relative]
    )
    files = [file for file in files if file.is_file()]
    if not files:
        there = sorted(path.name for path in folder.iterdir())[:30]
        raise DataError(
            "the source lacks a file",
            where=where,
            got=f"no {name} in {folder}",
            repair=f"the folder holds {', '.join(there) or 'nothing'}",
        )
    if any(not file.resolve().is_relative_to(folder) for file in files):
        raise ParameterError(
            "a table's file must lie in the source's folder",
            where=where,
            got=f"{name} is a link that leaves it",
            repair="copy the file into the folder",
        )
    if any(not file.name.endswith(SUFFIXES) for file in files):
        raise ParameterError(
            "only Parquet and CSV files are read",
            where=where,
            got=name,
            repair=f"name a file that ends in {', '.join(SUFFIXES)}",
        )
    if len({is_text(file) for file in files}) > 1:
        raise ParameterError(
            "one table is either Parquet or CSV", where=where, got=name, repair="narrow the pattern"
        )
    return files


def _require_distinct_names(file: Path) -> None:
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "a Parquet file cannot be read",
            where=str(file),
            got=str(error)[:300],
            repair="write the file again, whole, and compare it with its origin",
        ) from error
    folded = [name.casefold() for name in names]
    doubled = [name for name in names if folded.count(name.casefold()) > 1]
    if doubled:
        raise DataError(
            "two columns have one name",
            where=str(file),
            got=", ".join(doubled),
            repair="rename or drop one of them in the export",
        )
