"""What the data contract may say about a table and a column.

The words of the contract, apart from its content: `cs_models.data.contract` uses them to write
the nine tables down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

Kind = Literal[
    "id", "text", "category", "instant", "date", "money", "integer", "quantity", "number", "boolean"
]

EARLIEST = date(2000, 1, 1)
"""Dates before this are serial numbers or zeros read as dates, not history."""

OPEN_ENDED_FROM = date(2099, 1, 1)
"""Dates from here on (2099-12-31, 9999-12-31) mean "no end"."""

LARGEST_QUANTITY = 1_000_000

DTYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "id": "string",
        "text": "string",
        "category": "string",
        "instant": "timestamp",
        "date": "date",
        "money": "decimal(18, 2)",
        "integer": "int64",
        "quantity": "decimal(18, 3)",
        "number": "float64",
        "boolean": "boolean",
    }
)
"""Ibis data type of each kind of column."""


@dataclass(frozen=True)
class ColumnSpec:
    """One column of a canonical table.

    Parameters
    ----------
    name : str
        Canonical name.
    kind : str
        What it holds; `dtype` is the Ibis type that follows from it.
    meaning : str
        One line for a newcomer.
    required : bool, default False
        Must be in the source and filled in every row.
    unit : str, default ""
        Unit of a number.
    allowed : tuple of str, default ()
        The only values of a category.
    minimum, maximum : float or None
        Closed range of a number.
    on_bad : {"row", "value", "refuse"}, default "row"
        What a value out of range or not allowed costs: the row (quarantine), the value alone
        (it becomes unknown, with a note), or the run.
    references : str or None
        Table whose key the value must be in.
    hindsight : bool, default False
        The value is written later than the row; one later than ``as_of`` is not shown.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str = ""
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    on_bad: Literal["row", "value", "refuse"] = "row"
    references: str | None = None
    hindsight: bool = False

    @property
    def dtype(self) -> str:
        """The Ibis type of the canonical column."""
        return DTYPES[self.kind]


@dataclass(frozen=True)
class TableSpec:
    """One canonical table.

    Parameters
    ----------
    name, grain : str
        Canonical name; what one row is.
    columns : tuple of ColumnSpec
        In canonical order.
    required : bool, default False
        The workbench cannot do without the table.
    key : tuple of str, default ()
        Columns that name a row; empty when rows have no identity (events).
    arrival : str or None
        Column whose calendar date decides whether the row existed at ``as_of``.
    calendar : mapping of str to str
        Derived calendar-date column for each instant column.
    lag_days : int or None
        Days after which a row is known when the source does not say; ``None`` when the table
        has no ``known_date``.
    in_order : tuple of (str, str)
        Pairs of columns (earlier, later): the later one may not come before the earlier.
    known_rule : str
        When a row became known, in words.
    derived : tuple of str, default ()
        Columns that the door adds.
    """

    name: str
    grain: str
    columns: tuple[ColumnSpec, ...]
    required: bool = False
    key: tuple[str, ...] = ()
    arrival: str | None = None
    calendar: Mapping[str, str] = field(default_factory=dict)
    lag_days: int | None = None
    in_order: tuple[tuple[str, str], ...] = ()
    known_rule: str = ""
    derived: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> ColumnSpec:
        """Return the column called `name`."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Canonical column names, in order."""
        return tuple(column.name for column in self.columns)

    def columns_of(self, kind: Kind) -> tuple[ColumnSpec, ...]:
        """Return the columns of one kind."""
        return tuple(column for column in self.columns if column.kind == kind)
