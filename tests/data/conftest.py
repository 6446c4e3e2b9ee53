"""A tiny valid world of literal rows, to be broken one fault at a time."""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cs_models.data import sources
from cs_models.data.contract import CheckReport, Fault
from cs_models.data.mapping import Source
from cs_models.data.tables import Tables

AS_OF = date(2024, 6, 30)

Rows = list[dict[str, Any]]

REQUIRED: dict[str, Rows] = {
    "accounts": [
        {"account_id": "A1", "account_name": "Åkers Müller", "created_at": datetime(2022, 1, 1)},
        {"account_id": "A2", "account_name": "NA", "created_at": datetime(2022, 2, 1)},
        {"account_id": "A3", "account_name": "Third", "created_at": datetime(2022, 3, 1)},
    ],
    "subscriptions": [
        {
            "subscription_id": name,
            "account_id": account,
            "term_start": start,
            "term_end": end,
            "seats": seats,
            "arr": arr,
        }
        for name, account, start, end, seats, arr in (
            ("S1", "A1", date(2022, 1, 1), date(2023, 1, 1), 5, 1000.0),
            ("S2", "A1", date(2023, 1, 1), date(2024, 1, 1), 8, 1600.0),
            ("S3", "A1", date(2024, 1, 1), date(2025, 1, 1), 8, 1600.0),
            ("S4", "A2", date(2022, 2, 1), date(2023, 2, 1), 4, 800.0),
            ("S5", "A3", date(2022, 3, 1), date(2023, 3, 1), 3, 600.0),
            ("S6", "A3", date(2023, 3, 15), date(2024, 3, 15), 2, 400.0),
        )
    ],
    "events": [
        {
            "event_ts": datetime(2022, 1 + month, 5, 12, 30),
            "account_id": account,
            "user_id": f"{account}-u1",
            "feature": feature,
            "quantity": quantity,
        }
        for month, account, feature, quantity in (
            (0, "A1", "report", 1.0),
            (1, "A1", "share", 2.0),
            (2, "A1", "report", 1.0),
            (2, "A2", "report", 1.0),
            (3, "A2", "share", 4.0),
            (3, "A3", "report", 1.0),
            (4, "A3", "report", 1.0),
            (5, "A3", "share", 3.0),
        )
    ],
}

OPTIONAL: dict[str, Rows] = {
    "users": [
        {
            "user_id": f"A{n}-u1",
            "account_id": f"A{n}",
            "created_at": datetime(2022, n, 1),
            "role": "admin",
            "deactivated_at": None if n > 1 else datetime(2023, 1, 1),
        }
        for n in (1, 2, 3)
    ],
    "tickets": [
        {
            "ticket_id": f"T{n}",
            "account_id": f"A{n}",
            "opened_at": datetime(2022, 6, n),
            "closed_at": datetime(2022, 6, n + 1),
            "severity": "high",
            "escalated": n == 1,
        }
        for n in (1, 2, 3)
    ],
    "surveys": [
        {
            "survey_id": f"V{n}",
            "account_id": f"A{n}",
            "answered_at": datetime(2022, 7, n),
            "kind": "nps",
            "score": 7.0 + n,
        }
        for n in (1, 2)
    ],
    "touchpoints": [
        {
            "touchpoint_id": f"C{n}",
            "account_id": f"A{n}",
            "occurred_at": datetime(2022, 8, n),
            "kind": "qbr",
            "initiated_by": "us",
        }
        for n in (1, 2)
    ],
    "milestones": [
        {
            "account_id": f"A{n}",
            "milestone": "first report",
            "kind": "onboarding",
            "due_at": date(2022, 4, n),
            "completed_at": date(2022, 4, 10 + n),
            "value": 3.5,
        }
        for n in (1, 2)
    ],
    "health_scores": [
        {"account_id": f"A{n}", "scored_at": datetime(2022, 9, n), "score": 60.0 + n}
        for n in (1, 2)
    ],
}


@dataclass
class World:
    """Rows by table, written to a folder and read through the door."""

    folder: Path
    tables: dict[str, Rows] = field(default_factory=dict)

    def change(self, table: str, row: int, **values: Any) -> World:
        """Set values of one row; the row's other values stay."""
        self.tables[table][row].update(values)
        return self

    def add(self, table: str, **values: Any) -> World:
        """Add a row: the table's last one with these values."""
        self.tables[table].append({**self.tables[table][-1], **values})
        return self

    def only(self, *names: str) -> World:
        """Keep these tables alone, for a check that looks at no other."""
        self.tables = {name: self.tables[name] for name in names}
        return self

    def parquet(self) -> World:
        """Write every table as Parquet."""
        for name, rows in self.tables.items():
            names = list(dict.fromkeys(column for row in rows for column in row))
            columns = {column: [row.get(column) for row in rows] for column in names}
            pq.write_table(pa.table(columns), self.folder / f"{name}.parquet")
        return self

    def csv(self, encoding: str = "utf-8", delimiter: str = ",") -> World:
        """Write every table as CSV, missing values as empty fields."""
        for name, rows in self.tables.items():
            names = list(dict.fromkeys(column for row in rows for column in row))
            with (self.folder / f"{name}.csv").open("w", encoding=encoding, newline="") as file:
                writer = csv.DictWriter(file, names, delimiter=delimiter)
                writer.writeheader()
                writer.writerows(
                    {name: "" if value is None else value for name, value in row.items()}
                    for row in rows
                )
        return self

    def duckdb(self) -> Path:
        """Write every table into a DuckDB file beside the folder."""
        path = self.folder / "history.duckdb"
        with duckdb.connect(str(path)) as connection:
            for name, rows in self.tables.items():
                names = list(rows[0])
                frame = pa.table({column: [row[column] for row in rows] for column in names})
                connection.register("frame", frame)
                connection.execute(f"CREATE TABLE {name} AS FROM frame")
                connection.unregister("frame")
        return path

    def source(self, **more: Any) -> Source:
        """Return the source that reads the folder."""
        return Source.model_validate({"path": str(self.folder), **more})

    def check(self, *, as_of: date = AS_OF, timezone: str = "UTC", **more: Any) -> CheckReport:
        """Hold the folder against the contract."""
        return sources.check(self.source(**more), as_of=as_of, timezone=timezone)

    def read(self, *, as_of: date = AS_OF, timezone: str = "UTC", **more: Any) -> Tables:
        """Read the folder."""
        return sources.read(self.source(**more), as_of=as_of, timezone=timezone)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return the three required tables, valid."""
    return World(tmp_path, copy.deepcopy(REQUIRED))


@pytest.fixture
def whole_world(tmp_path: Path) -> World:
    """Return all nine tables, valid."""
    return World(tmp_path, copy.deepcopy({**REQUIRED, **OPTIONAL}))


@pytest.fixture(scope="session")
def whole_world_of() -> Callable[[Path], World]:
    """Return a maker of a valid world of all nine tables in a folder."""
    return lambda folder: World(folder, copy.deepcopy({**REQUIRED, **OPTIONAL}))


@pytest.fixture(scope="session")
def whole_tables(whole_world_of, tmp_path_factory) -> Tables:
    """Return the checked tables of the valid world, read once."""
    return whole_world_of(tmp_path_factory.mktemp("whole")).parquet().read()


def _found(
    report: CheckReport, table: str, column: str, rule: str, severity: str | None = None
) -> Fault | None:
    """Return the fault of a table's column whose rule holds these words."""
    for fault in report.faults:
        same = (fault.table, fault.column) == (table, column) and rule in fault.rule
        if same and severity in (None, fault.severity):
            return fault
    return None


@pytest.fixture(scope="session")
def found() -> Callable[..., Fault | None]:
    """Return the search for one fault in a report."""
    return _found


def _rows_of(tables: Mapping[str, Any], name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return the rows of a checked table as tuples, in order."""
    table = tables[name].select(*columns).to_pyarrow().to_pylist()
    return sorted(tuple(row[column] for column in columns) for row in table)


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., list[tuple[Any, ...]]]:
    """Return the reader of a checked table's rows."""
    return _rows_of
