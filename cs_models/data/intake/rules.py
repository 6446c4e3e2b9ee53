"""The contract's row rules for one table, as conditions that run inside the source.

A rule is a condition on the table of read columns (`Typed`): the canonical column under its own
name, what the source said as ``raw <column>`` where reading can fail or change it, and the
wall-clock time of an instant without offset as ``local <column>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal

import ibis.expr.types as ir

from cs_models.data.contract import EARLIEST, OPEN_ENDED_FROM, ColumnSpec, Severity, TableSpec
from cs_models.data.intake import clock, conversion

Effect = Literal["none", "row", "value", "exclude"]
Condition = Callable[[ir.Table], ir.BooleanValue]

RAW = "raw "
LOCAL = "local "
MOJIBAKE = "\u00c3[\u0080-\u00bf]|\ufffd"


@dataclass(frozen=True)
class Rule:
    """One thing that a row may not be.

    Parameters
    ----------
    column : str
        Canonical column that the fault is reported under.
    text : str
        The fault in words.
    severity : {"refuse", "quarantine", "note"}
        Of the fault.
    effect : {"none", "row", "value", "exclude"}
        What it does to the data: nothing, take the row out (quarantine), make the value unknown,
        or leave the row out as not part of this history.
    broken : callable
        Typed table → whether the row breaks the rule.
    shown : str
        Column of the typed table that samples are taken from.
    repair : str
        What would make it right.
    """

    column: str
    text: str
    severity: Severity
    effect: Effect
    broken: Condition
    shown: str
    repair: str


def first_instant_after(day: date, timezone: str) -> datetime:
    """Return the instant (naive UTC) at which the day after `day` begins in `timezone`."""
    first, steps = clock.changes(timezone, day + timedelta(days=2))
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time())
    offset = first
    for step in steps:
        if midnight >= (step.local_span[1] if step.skipped else step.local_span[0]):
            offset = step.after
    return midnight - timedelta(seconds=offset)


def of(
    spec: TableSpec, readings: Mapping[str, conversion.Reading], setting: conversion.Setting
) -> list[Rule]:
    """Return the rules of one table for the columns that its source has.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    readings : mapping of str to Reading
        The columns present, by canonical name.
    setting : Setting
        Time zones and the last day.
    """
    rules: list[Rule] = []
    for column in spec.columns:
        reading = readings.get(column.name)
        if reading is None or reading.refusal:
            continue
        rules += _reading_rules(column, reading, setting, _witness(spec, column, readings))
        rules += _value_rules(column, reading, setting, arrival=column.name == spec.arrival)
    rules += _order_rules(spec, readings)
    return rules


def too_late(
    spec: TableSpec, readings: Mapping[str, Any], setting: conversion.Setting
) -> Condition | None:
    """Return whether a row came into being after ``as_of``, or ``None`` when none can tell."""
    names = [name for name in (spec.arrival, "known_at") if name in readings and name in spec.names]
    if not names:
        return None
    return partial(_any_after, spec, names, setting)


def _any_after(
    spec: TableSpec, names: list[str], setting: conversion.Setting, t: ir.Table
) -> ir.BooleanValue:
    verdicts = [_after(t[name], spec[name], setting).fill_null(False) for name in names]
    return verdicts[0] if len(verdicts) == 1 else verdicts[0] | verdicts[1]


def _after(value: ir.Value, column: ColumnSpec, setting: conversion.Setting) -> ir.BooleanValue:
    if column.kind == "date":
        return value > setting.as_of
    return value >= first_instant_after(setting.as_of, setting.timezone)


def _witness(spec: TableSpec, column: ColumnSpec, readings: Mapping[str, Any]) -> str:
    """Return the column that best points at a row in which `column` is missing."""
    names = [
        name
        for name in (*spec.key, spec.arrival, "account_id")
        if name in readings and name != column.name
    ]
    return names[0] if names else column.name


def _reading_rules(
    column: ColumnSpec, reading: conversion.Reading, setting: conversion.Setting, witness: str
) -> Iterator[Rule]:
    name, raw = column.name, RAW + column.name
    texts = column.kind in ("id", "text", "category")
    if reading.raw is not None and not texts:
        hint = (
            f"declare its format: {{formats: {{{name}: '%d/%m/%Y'}}}}"
            if column.kind in ("instant", "date")
            else "write plain numbers, without thousands separators"
        )
        if column.kind == "boolean":
            hint = f"say what each value means: {{values: {{{name}: {{yes: true, no: false}}}}}}"
        yield Rule(
            name,
            f"cannot be read as {conversion.EXPECTED[column.kind]}",
            "refuse",
            "none",
            lambda t: t[raw].notnull() & t[name].isnull(),
            raw,
            hint,
        )
    if column.required:
        missing = (
            (lambda t: t[name].isnull())
            if texts or reading.raw is None
            else (lambda t: t[raw].isnull())
        )
        yield Rule(
            name, "is missing", "quarantine", "row", missing, witness, "fill it in the source"
        )
    if reading.plain is not None and column.kind == "id":
        yield Rule(
            name,
            "identifier has white space around it or is not in Unicode form NFC",
            "note",
            "none",
            lambda t: t[raw] != t[name],
            raw,
            "none needed: identifiers are compared stripped and in NFC",
        )
    if column.kind == "text" and reading.plain is not None:
        yield Rule(
            name,
            "text looks like UTF-8 read in another encoding",
            "note",
            "none",
            lambda t: t[name].re_search(MOJIBAKE),
            name,
            "export the file as UTF-8",
        )
    if reading.local is not None:
        for skipped, what in ((True, "skipped"), (False, "repeated")):
            yield Rule(
                name,
                f"local time that a clock change {what}; read as the later instant",
                "note",
                "none",
                partial(_doubtful, name, setting, skipped),
                LOCAL + name,
                "store instants with their offset",
            )


def _doubtful(
    name: str, setting: conversion.Setting, skipped: bool, t: ir.Table
) -> ir.BooleanValue:
    return clock.doubtful(t[LOCAL + name], setting.naive_timezone, setting.as_of, skipped=skipped)


def _value_rules(
    column: ColumnSpec, reading: conversion.Reading, setting: conversion.Setting, *, arrival: bool
) -> Iterator[Rule]:
    name = column.name
    shown = RAW + name if reading.raw is not None else name
    severity: Severity = {"row": "quarantine", "value": "note", "refuse": "refuse"}[column.on_bad]  # type: ignore[assignment]
    effect: Effect = {"row": "row", "value": "value", "refuse": "none"}[column.on_bad]  # type: ignore[assignment]
    tail = "; the value becomes unknown" if effect == "value" else ""
    if column.kind == "quantity":
        yield Rule(
            name,
            "is 0: no use took place; left out",
            "note",
            "exclude",
            lambda t: t[name] == 0,
            shown,
            "none needed",
        )
    if column.minimum is not None:
        low = column.minimum
        yield Rule(
            name,
            f"is below {low:g}{tail}",
            severity,
            effect,
            lambda t: t[name] < low,
            shown,
            f"{column.meaning}: at least {low:g}",
        )
    if column.maximum is not None:
        high = column.maximum
        yield Rule(
            name,
            f"is above {high:,.0f}{tail}",
            severity,
            effect,
            lambda t: t[name] > high,
            shown,
            f"{column.meaning}: at most {high:,.0f}; was it a sum, or a time stamp?",
        )
    if column.allowed:
        words = ", ".join(column.allowed)
        yield Rule(
            name,
            f"is none of {words}{tail}",
            severity,
            effect,
            lambda t: t[name].notin(column.allowed),
            shown,
            f"translate it: {{values: {{{name}: {{their word: ours}}}}}}",
        )
    if column.kind in ("instant", "date"):
        yield from _moment_rules(column, setting, shown, arrival=arrival)
    if column.name == "seats":
        yield Rule(
            name,
            "is missing; use per seat is unknown for these terms",
            "note",
            "none",
            lambda t: t[name].isnull(),
            "subscription_id",
            "fill it in the source",
        )


def _moment_rules(
    column: ColumnSpec, setting: conversion.Setting, shown: str, *, arrival: bool
) -> Iterator[Rule]:
    name = column.name
    yield Rule(
        name,
        f"is before {EARLIEST}: a serial number or zero read as a date?",
        "quarantine",
        "row",
        lambda t: t[name] < EARLIEST,
        shown,
        "convert it to a date in the source",
    )
    if not arrival and name != "known_at":
        yield Rule(
            name,
            f"is {OPEN_ENDED_FROM} or later, which means no end; read as open-ended",
            "note",
            "value",
            lambda t: t[name] >= OPEN_ENDED_FROM,
            shown,
            "none needed",
        )
    if column.hindsight:
        yield Rule(
            name,
            "lies after as_of, so it was not known then; hidden",
            "note",
            "value",
            lambda t: _after(t[name], column, setting) & (t[name] < OPEN_ENDED_FROM),
            shown,
            "none needed",
        )


def _order_rules(spec: TableSpec, readings: Mapping[str, Any]) -> Iterator[Rule]:
    for earlier, later in spec.in_order:
        if (
            earlier in readings
            and later in readings
            and not (readings[earlier].refusal or readings[later].refusal)
        ):
            same = later == "term_end"
            text = f"is {'not after' if same else 'before'} {earlier}"
            yield Rule(
                later,
                text,
                "quarantine",
                "row",
                partial(_disordered, earlier, later, same),
                later,
                f"{spec.grain}: {earlier} comes first",
            )


def _disordered(earlier: str, later: str, same: bool, t: ir.Table) -> ir.BooleanValue:
    return t[later] <= t[earlier] if same else t[later] < t[earlier]
