"""How a company's own tables are mapped onto the data contract, as typed run-file fields.

A mapping is YAML alone: for each canonical table a ``from`` (a file or table of the source)
with ``columns`` renamed and ``values`` translated, or a ``sql`` SELECT in the source's own
dialect.  Without a mapping every canonical table is looked up under its own name.
"""

from __future__ import annotations

import functools
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from cs_models.data.contract import TABLES

_zones = functools.cache(available_timezones)
_SPELLINGS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}


def _texts(pairs: object) -> object:
    """Return a value map whose keys and values are text: YAML reads a bare `yes` as a boolean."""
    if not isinstance(pairs, dict):
        return pairs
    texts: dict[str, str | None] = {}
    for key, value in pairs.items():
        canonical = None if value is None else _text(value)
        for spelling in _SPELLINGS[key] if isinstance(key, bool) else (str(key).strip().lower(),):
            texts[spelling] = canonical
    return texts


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


ValueMap = Annotated[dict[str, str | None], BeforeValidator(_texts)]


class TableSource(BaseModel):
    """Where one canonical table comes from.

    Parameters
    ----------
    from : str, optional
        A file of the folder (``customers.csv``; a pattern such as ``events/*.parquet`` reads many
        as one), or a table of the database.
    sql : str, optional
        One SELECT in the source's dialect instead.  Every file of a folder is a table named
        after its stem.
    columns : dict, default {}
        Canonical column → column of the source.  A canonical column that is not listed is looked
        up under its own name; ``null`` leaves it out.
    values : dict, default {}
        Canonical column → {value of the source → canonical value}, compared without case; a
        value that is not listed stays as it is.
    formats : dict, default {}
        Canonical column → strptime format of its dates in text.  Without one, only ISO 8601 is
        read.
    nulls : dict, default {}
        Canonical column → texts that mean "unknown" there.  The empty text always does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: str | None = Field(default=None, alias="from", min_length=1)
    sql: str | None = Field(default=None, min_length=1, json_schema_extra={"lines": True})
    columns: dict[str, str | None] = Field(default_factory=dict)
    values: dict[str, ValueMap] = Field(default_factory=dict)
    formats: dict[str, str] = Field(default_factory=dict)
    nulls: dict[str, list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_door(self) -> Self:
        if (self.from_ is None) == (self.sql is None):
            raise ValueError("a table needs either `from` (a file or table) or `sql` (a SELECT)")
        return self


class Source(BaseModel):
    """A customer history: where it lies and how it maps onto the contract.

    Parameters
    ----------
    path : str
        A folder of Parquet or CSV files, or a DuckDB file.
    kind : {"parquet", "csv", "duckdb"}, optional
        Told from the path when absent; in a folder with both kinds of files each file tells.
    tables : dict of str to TableSource, optional
        Mapping of each canonical table.  Without it, `<table>.parquet` or `<table>.csv`.
    encoding : {"utf-8", "latin-1", "utf-16"}, default "utf-8"
        Encoding of CSV files.
    delimiter : str, default ","
        One character between the fields of CSV files.
    naive_timezone : str, default "UTC"
        Time zone of instants that carry none.  Local times that a clock change skips or repeats
        are read as the later of the two instants, and counted.
    grace_days : int, default 30
        A term whose outcome is derived counts as continued when the account's next term starts
        at most this many days after its end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    kind: Literal["parquet", "csv", "duckdb"] | None = None
    tables: dict[str, TableSource] | None = None
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    naive_timezone: str = "UTC"
    grace_days: int = Field(default=30, ge=0, le=366)

    @field_validator("naive_timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in _zones():
            raise ValueError(f"no such time zone: {zone!r}; use an IANA name such as Europe/Berlin")
        return zone

    @model_validator(mode="after")
    def _in_the_contract(self) -> Self:
        for name, table in (self.tables or {}).items():
            if name not in TABLES:
                raise ValueError(f"no such table: {name!r}; the contract has {', '.join(TABLES)}")
            for part in ("columns", "values", "formats", "nulls"):
                unknown = sorted(set(getattr(table, part)) - set(TABLES[name].names))
                if unknown:
                    raise ValueError(
                        f"tables.{name}.{part}: no such column: {', '.join(unknown)}; "
                        f"the contract has {', '.join(TABLES[name].names)}"
                    )
        return self
