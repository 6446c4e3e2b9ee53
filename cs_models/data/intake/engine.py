"""Opening a source: an embedded DuckDB that can see the source's own files and nothing else.

Every file or table of the source is a table under its own name, so that a SELECT of the run file
can name it.  Then the connection is locked: no other file, no network, no change of settings.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import duckdb
import ibis
import ibis.common.exceptions as ibis_errors
import ibis.expr.types as ir

from cs_models.data.intake import delimited, folder
from cs_models.data.mapping import Source
from cs_models.errors import CsModelsError, DataError, ParameterError

CANONICAL = "canonical"
"""Schema of the connection that holds the checked tables."""

_ATTACHED = "database"
_NANOSECONDS = "TIMESTAMPTZ_NS"

# The engine fuses nested selects by itself; Ibis would pay with a fifth of writing the query.
ibis.options.sql.fuse_selects = False


@dataclass(frozen=True)
class Opened:
    """A locked connection to a source.

    Parameters
    ----------
    backend : ibis DuckDB backend
        The connection.
    raw : mapping of str to ibis Table
        The source's own columns for each canonical table that it has.
    in_place : frozenset of str
        Tables that are plain columns of Parquet files or of a database table: cheap to scan.
    expected_rows : mapping of str to int
        Rows that the source's checksums promise.
    notes : tuple of (str, str, str)
        Table, rule and repair of what is worth saying about the files.
    texts : mapping of str to sequence of Path
        CSV files behind each canonical table that has a ``from``.
    """

    backend: Any
    raw: Mapping[str, ir.Table]
    in_place: frozenset[str]
    expected_rows: Mapping[str, int]
    notes: tuple[tuple[str, str, str], ...] = ()
    texts: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def table(self, name: str, rows: ir.Table) -> ir.Table:
        """Keep rows inside the engine, in the checked schema."""
        kept: ir.Table = self.backend.create_table(name, rows, database=CANONICAL)
        return kept

    def view(self, name: str, rows: ir.Table) -> ir.Table:
        """Keep an expression as a stage that later queries name instead of repeating it."""
        kept: ir.Table = self.backend.create_view(name, rows, database=CANONICAL)
        return kept

    def drop(self, *names: str) -> None:
        """Drop tables of the checked schema, where they exist."""
        for name in names:
            # Not through Ibis 12: what it writes for `force` does not parse in DuckDB 2.0.
            self.backend.con.execute(f"DROP TABLE IF EXISTS {CANONICAL}.{quoted(name)}")


def open_source(source: Source) -> Opened:
    """Open a source, make its tables visible, and lock the connection.

    Parameters
    ----------
    source : Source
        The run file's ``source:`` section.

    Raises
    ------
    DataError
        When a file is missing, unreadable or not what its checksum says.
    ParameterError
        When the mapping leaves the source or a ``sql`` is not one SELECT that runs.
    """
    path = Path(source.path)
    if not path.exists():
        raise DataError(
            "the source does not exist",
            where=source.path,
            got=f"looked in {Path.cwd()}" if not path.is_absolute() else "",
            repair="set source.path to a folder of Parquet or CSV files, or to a DuckDB file",
        )
    for name, table in (source.tables or {}).items():
        if table.sql is not None:
            _require_one_select(name, table.sql)
    connection, backend = _connected()
    opener = _open_folder if path.is_dir() else _open_database
    return opener(source, path.resolve(), connection, backend)


def opened_files(folder: Path, files: Mapping[str, str]) -> Any:
    """Show Parquet files as the checked tables themselves, and lock the connection.

    Parameters
    ----------
    folder : Path
        Where the files lie; nothing else can be read.
    files : mapping of str to str
        Table to file name.

    Returns
    -------
    ibis DuckDB backend
        With a view a table in the checked schema.
    """
    connection, backend = _connected()
    place = folder.resolve()
    for name, file in files.items():
        read = f"read_parquet({delimited.literal(str(place / file))})"
        connection.execute(f"CREATE VIEW {CANONICAL}.{quoted(name)} AS FROM {read}")
    _lock(connection, [place])
    return backend


def _connected() -> tuple[Any, Any]:
    """Return a new connection and its backend, with the checked schema and room to spill."""
    connection = duckdb.connect()
    backend = ibis.duckdb.from_connection(connection)
    spill = tempfile.mkdtemp(prefix="cs-models-")
    weakref.finalize(connection, rmtree, spill, ignore_errors=True)
    connection.execute(f"SET temp_directory = {delimited.literal(spill)}")
    connection.execute("SET TimeZone = 'UTC'")
    # The engine would draw bars of its own into terminals and notebooks, and leave them there.
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"CREATE SCHEMA {CANONICAL}")
    return connection, backend


@contextmanager
def reading(where: str, files: Sequence[Path] = (), encoding: str = "utf-8") -> Iterator[None]:
    """Turn an engine's failure to read `where` into a DataError that names it.

    Parameters
    ----------
    where : str
        Table or file being read.
    files : sequence of Path, default ()
        CSV files behind it, to look for bytes of another encoding.
    encoding : str, default "utf-8"
        Their declared encoding.
    """
    try:
        yield
    except CsModelsError:
        raise
    except (duckdb.Error, ibis_errors.IbisError, OSError) as error:
        for file in files:
            if delimited.first_bad_byte(file, encoding) is not None:
                raise delimited.not_in_encoding(file, encoding) from error
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise DataError(
            "the source cannot be read",
            where=where,
            got=" · ".join(lines[:4])[:500],
            repair="write the file again, whole, and compare it with its origin",
        ) from error


def _open_folder(source: Source, path: Path, connection: Any, backend: Any) -> Opened:
    plan = folder.plan(source, path)
    notes = []
    for view, files in plan.views.items():
        with reading(", ".join(file.name for file in files)):
            connection.execute(f"CREATE VIEW {quoted(view)} AS {folder.select_sql(files, source)}")
        if any(not delimited.ends_in_a_line(file) for file in files if folder.is_text(file)):
            notes.append(
                (
                    plan.table_of(view),
                    "the last line of the file is not ended",
                    "a file that was cut short looks like this; compare it with its origin",
                )
            )
    _lock(connection, [path])
    raw = {}
    for name, table in plan.tables.items():
        raw[name] = _named(
            _selected(backend, name, table.sql) if table.sql else backend.table(plan.view_of[name])
        )
    in_place = frozenset(
        name
        for name, view in plan.view_of.items()
        if not any(map(folder.is_text, plan.views[view]))
    )
    texts = {name: plan.views[view] for name, view in plan.view_of.items() if name not in in_place}
    return Opened(backend, raw, in_place, plan.expected_rows, tuple(notes), texts)


def _open_database(source: Source, path: Path, connection: Any, backend: Any) -> Opened:
    with reading(source.path):
        connection.execute(f"ATTACH {delimited.literal(str(path))} AS {_ATTACHED} (READ_ONLY)")
    rows = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_catalog = ? ORDER BY ALL",
        [_ATTACHED],
    ).fetchall()
    known = {
        name if schema == "main" else f"{schema}.{name}": (schema, name) for schema, name in rows
    }
    for schema, name in known.values():
        if schema == "main":
            connection.execute(
                f"CREATE VIEW {quoted(name)} AS FROM {_ATTACHED}.main.{quoted(name)}"
            )
    _lock(connection, [])
    tables = source.tables
    if tables is None:
        tables = folder.identity(known)
    raw = {}
    for name, table in tables.items():
        if table.sql:
            raw[name] = _named(_selected(backend, name, table.sql))
            continue
        if table.from_ not in known:
            raise DataError(
                "the database has no such table",
                where=f"source.tables.{name}.from",
                got=str(table.from_),
                repair=f"it has {', '.join(known) or 'no table'}",
            )
        schema, relation = known[table.from_]
        with reading(f"{source.path}, table {table.from_}"):
            raw[name] = _named(backend.table(relation, database=(_ATTACHED, schema)))
    in_place = frozenset(name for name, table in tables.items() if not table.sql)
    return Opened(backend, raw, in_place, {})


def _lock(connection: Any, directories: list[Path]) -> None:
    listed = ", ".join(delimited.literal(f"{path}/") for path in directories)
    connection.execute(f"SET allowed_directories = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _require_one_select(name: str, sql: str) -> None:
    where = f"source.tables.{name}.sql"
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise ParameterError(
            "the SQL cannot be parsed", where=where, got=str(error)[:300], repair="write one SELECT"
        ) from error
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        raise ParameterError(
            "only one SELECT is allowed",
            where=where,
            got=", ".join(kinds) or "nothing",
            repair="write one SELECT",
        )


def _selected(backend: Any, name: str, sql: str) -> ir.Table:
    view = f"selected for {name}"
    try:
        backend.con.execute(f"CREATE VIEW {quoted(view)} AS {sql.strip().rstrip(';')}")
        return backend.table(view)
    except duckdb.Error as error:
        raise ParameterError(
            "the SQL does not run on the source",
            where=f"source.tables.{name}.sql",
            got=" · ".join(str(error).splitlines()[:2])[:400],
            repair="it may name the source's own files (by stem) or tables, and nothing else",
        ) from error


def _named(rows: ir.Table) -> ir.Table:
    """Read instants to the nanosecond, as pandas writes them, to the microsecond.

    DuckDB has had a type of its own for them since 2.0, which Ibis 12 has no name for.
    """
    fine = [name for name, kind in rows.schema().items() if _NANOSECONDS in str(kind)]
    if not fine:
        return rows
    return rows.mutate(**{name: rows[name].cast("timestamp('UTC')") for name in fine})


def quoted(name: str) -> str:
    """Return `name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
