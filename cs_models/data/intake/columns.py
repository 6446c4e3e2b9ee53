"""Which columns a source has for one canonical table, and how they read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cs_models.data.contract import ColumnSpec, TableSpec
from cs_models.data.faults import Fault
from cs_models.data.intake import conversion, moments
from cs_models.data.intake.moments import Setting
from cs_models.data.mapping import TableSource

RAW = "raw "
"""Prefix of the source's value of a column, as text, where reading it can fail or change it."""

LOCAL = "local "
"""Prefix of the wall-clock time of an instant without offset."""


Keep = Callable[[str, ir.Table], ir.Table]

_MOMENTS = ("instant", "date")


@dataclass(frozen=True)
class Columns:
    """The columns of one source table under their canonical names.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    raw : ibis Table
        The source's own columns.
    readings : mapping of str to Reading
        The canonical columns that the source has.
    faults : tuple of Fault
        Of the columns as such; their rows are another matter.
    """

    spec: TableSpec
    raw: ir.Table
    readings: Mapping[str, conversion.Reading]
    faults: tuple[Fault, ...]

    def has(self, *names: str) -> bool:
        """Return whether all these columns are there and can be read."""
        return all(name in self.readings and not self.readings[name].refusal for name in names)

    def tidy(self) -> frozenset[str]:
        """Return the text columns that hold nothing to normalise and nothing garbled.

        Each column's different texts are looked at once, not each row's: a million events have a
        hundred features.
        """
        texts = {n: r.plain for n, r in self.readings.items() if r.plain is not None}
        if not texts:
            return frozenset()
        looked = reduce(
            ir.Table.union,
            [
                self.raw.select(text=plain).distinct().mutate(column=ibis.literal(name))
                for name, plain in texts.items()
            ],
        )
        tidied = conversion.tidy(looked.text)
        untidy = tidied.isnull() | (tidied != looked.text) | conversion.garbled(looked.text)
        found = looked.filter(looked.text.notnull() & untidy).select("column").distinct()
        return frozenset(texts) - set(found.to_pyarrow().column("column").to_pylist())

    def typed(self, tidy: Collection[str] = ()) -> ir.Table:
        """Return every canonical column in its type, with its ``raw`` and ``local`` twins.

        Parameters
        ----------
        tidy : collection of str
            Columns that need no normalising: they are passed as they are, without a twin.
        """
        columns: dict[str, ir.Value] = {}
        for column in self.spec.columns:
            reading = self.readings.get(column.name) or conversion.absent(column)
            if column.name in tidy and reading.plain is not None:
                columns[column.name] = reading.plain
                continue
            columns[column.name] = reading.value
            if reading.raw is not None:
                columns[RAW + column.name] = reading.raw
            if reading.local is not None:
                columns[LOCAL + column.name] = reading.local
        return self.raw.select(**columns)


def of(
    spec: TableSpec, raw: ir.Table, source: TableSource, setting: Setting, view: Keep
) -> Columns:
    """Find the contract's columns in a source table and say how each is read.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    raw : ibis Table
        The source's own columns.
    source : TableSource
        The mapping of this table.
    setting : Setting
        Time zones and the last day.
    view : callable
        ``(name, expression) -> ibis Table``: keeps an expression as a stage of the query.
    """
    raw = _nulls_as_text(raw)
    located, faults = _located(spec, raw, source)
    told = {
        name: conversion.translated(raw[column], name, source) for name, column in located.items()
    }
    taken_apart: dict[str, ir.Value] = {}
    for name, column in told.items():
        if spec[name].kind in _MOMENTS and column.type().is_string():
            taken_apart |= moments.parts(column, source.formats.get(name)).columns(name)
    if taken_apart:
        raw = view(f"parsed {spec.name}", raw.mutate(**taken_apart))
        told = {
            name: conversion.translated(raw[column], name, source)
            for name, column in located.items()
        }
    readings = {name: _read(raw, column, spec[name], setting) for name, column in told.items()}
    for name, reading in readings.items():
        if reading.refusal:
            repair = f"store it as {conversion.EXPECTED[spec[name].kind]}"
            faults.append(Fault(spec.name, name, reading.refusal, "refuse", repair=repair))
        faults += [
            Fault(spec.name, name, rule, "note", repair=repair) for rule, repair in reading.notes
        ]
    return Columns(spec, raw, readings, tuple(faults))


def _nulls_as_text(raw: ir.Table) -> ir.Table:
    """Read a column that was written without a type, because it never held a value, as text.

    Parquet files of a company that nobody has left hold such an ``ended_at``.
    """
    untyped = [name for name, kind in raw.schema().items() if _is_of_nulls(kind)]
    return raw.cast(dict.fromkeys(untyped, "string")) if untyped else raw


def _is_of_nulls(kind: dt.DataType) -> bool:
    if kind.is_null():
        return True
    # DuckDB's own type for it, which Ibis does not know.
    return str(getattr(kind, "raw_type", "")).strip('"') == "NULL"


def _read(
    raw: ir.Table, column: ir.Value, spec: ColumnSpec, setting: Setting
) -> conversion.Reading:
    if spec.kind not in _MOMENTS:
        return conversion.read(column, spec)
    if column.type().is_string():
        return moments.of_text(moments.Parts.staged(raw, spec.name), spec, setting)
    return moments.of_type(column, spec, setting)


def _located(
    spec: TableSpec, raw: ir.Table, source: TableSource
) -> tuple[dict[str, str], list[Fault]]:
    """Return the source column of each canonical column that is present, and what is not."""
    located: dict[str, str] = {}
    faults: list[Fault] = []
    there = f"the source has {', '.join(raw.columns)}"
    for column in spec.columns:
        name = source.columns.get(column.name, column.name)
        if name is not None and name in raw.columns:
            located[column.name] = name
        elif name is not None and column.name in source.columns:
            rule = f"the source has no column {name!r}"
            faults.append(Fault(spec.name, column.name, rule, "refuse", repair=there))
        elif column.required:
            rule = "a required column is not in the source"
            repair = f"map it: {{columns: {{{column.name}: their name}}}}; {there}"
            faults.append(Fault(spec.name, column.name, rule, "refuse", repair=repair))
    return located, [*faults, *_unused(spec, raw, located)]


def _unused(spec: TableSpec, raw: ir.Table, located: Mapping[str, str]) -> list[Fault]:
    faults = []
    absent = tuple(name for name in spec.names if name not in located and not spec[name].required)
    if absent:
        rule = "optional columns that the source does not have; unknown everywhere"
        faults.append(Fault(spec.name, "", rule, "note", 0, absent, "map them if it knows them"))
    unknown = tuple(sorted(set(raw.columns) - set(located.values())))
    if unknown:
        rule = "columns of the source that nothing uses"
        faults.append(Fault(spec.name, "", rule, "note", 0, unknown, "none needed"))
    return faults
