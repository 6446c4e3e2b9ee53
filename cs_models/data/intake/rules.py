"""The contract's row rules for one table, as conditions that run inside the source.

A rule is a condition on the typed table of `columns.Columns`: the canonical column under its own
name, what the source said as ``raw <column>``, the wall-clock time of an instant without offset as
``local <column>``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal

import ibis.expr.types as ir

from cs_models.data.contract import EARLIEST, OPEN_ENDED_FROM, ColumnSpec, Severity, TableSpec
from cs_models.data.intake import clock
from cs_models.data.intake.columns import LOCAL, RAW, Columns
from cs_models.data.intake.conversion import EXPECTED, Reading, garbled
from cs_models.data.intake.moments import Setting

Effect = Literal["none", "row", "value", "exclude"]
Condition = Callable[[ir.Table], ir.BooleanValue]

NO_REPAIR = "none needed"

_COST: dict[str, tuple[Severity, Effect, str]] = {
    "row": ("quarantine", "row", ""),
    "value": ("note", "value", "; the value becomes unknown"),
    "refuse": ("refuse", "none", ""),
}


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
        or leave the row out as no part of this history.
    broken : callable
        Typed table → whether the row breaks the rule.
    shown : str
        Column of the typed table that samples are taken from.
    repair : str
        What would make it right.
    points : bool, default False
        Samples only point at the rows; they are not the faulty values.
    """

    column: str
    text: str
    severity: Severity
    effect: Effect
    broken: Condition
    shown: str
    repair: str = NO_REPAIR
    points: bool = False


def of(columns: Columns, setting: Setting, tidy: Collection[str] = ()) -> list[Rule]:
    """Return the rules of one table for the columns that its source has.

    Parameters
    ----------
    columns : Columns
        The table's columns, and how they read.
    setting : Setting
        Time zones and the last day.
    tidy : collection of str
        Text columns that are known to need no normalising.
    """
    rules: list[Rule] = []
    for column in columns.spec.columns:
        if columns.has(column.name):
            reading = columns.readings[column.name]
            rules += _required(column, reading, _witness(columns, column))
            rules += _readable(column, reading)
            rules += _text(column) if reading.plain is not None and column.name not in tidy else ()
            rules += _clock(column, reading, setting)
            rules += _value(column, reading)
            rules += _moment(columns.spec, column, reading, setting)
    return [*rules, *_order(columns)]


def too_late(columns: Columns, setting: Setting) -> Condition | None:
    """Return whether a row came to be, or to be known, after ``as_of``; ``None`` if none can."""
    spec = columns.spec
    names = [n for n in (spec.arrival, "known_at") if n in spec.names and n and columns.has(n)]
    if not names:
        return None

    def late(t: ir.Table) -> ir.BooleanValue:
        verdicts = [_after(t[name], spec[name], setting).fill_null(False) for name in names]
        return verdicts[0] if len(verdicts) == 1 else verdicts[0] | verdicts[1]

    return late


def first_instant_after(day: date, timezone: str) -> datetime:
    """Return the instant (naive UTC) at which the day after `day` begins in `timezone`."""
    offset, steps = clock.changes(timezone, day + timedelta(days=2))
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time())
    for step in steps:
        first, last = step.local_span
        if midnight >= (last if step.skipped else first):
            offset = step.after
    return midnight - timedelta(seconds=offset)


def _required(column: ColumnSpec, reading: Reading, witness: str) -> Iterator[Rule]:
    name = column.name
    # A value that is there but cannot be read is another fault.
    texts = column.kind in ("id", "text", "category")
    source = name if texts or reading.raw is None else RAW + name
    if column.required:
        yield Rule(
            name,
            "is missing",
            "quarantine",
            "row",
            lambda t: t[source].isnull(),
            witness,
            "fill it in the source",
            points=witness != name,
        )
    if name == "seats":
        text = "is missing; use per seat is unknown for these terms"
        yield Rule(name, text, "note", "none", lambda t: t[source].isnull(), witness, points=True)


def _witness(columns: Columns, column: ColumnSpec) -> str:
    """Return the column that best points at a row in which `column` is missing."""
    candidates = (*columns.spec.key, columns.spec.arrival or "", "account_id")
    names = [name for name in candidates if name != column.name and columns.has(name)]
    return names[0] if names else column.name


def _readable(column: ColumnSpec, reading: Reading) -> Iterator[Rule]:
    name, raw = column.name, RAW + column.name
    if reading.raw is None or column.kind in ("id", "text", "category"):
        return
    repair = "write plain numbers, without thousands separators or units"
    if column.kind in ("instant", "date"):
        repair = f"write YYYY-MM-DD, or declare it: {{formats: {{{name}: '%d/%m/%Y'}}}}"
    if column.kind == "boolean":
        repair = f"say what each value means: {{values: {{{name}: {{yes: true, no: false}}}}}}"
    text = f"cannot be read as {EXPECTED[column.kind]}"
    yield Rule(
        name, text, "refuse", "none", lambda t: t[raw].notnull() & t[name].isnull(), raw, repair
    )


def _text(column: ColumnSpec) -> Iterator[Rule]:
    name, raw = column.name, RAW + column.name
    if column.kind == "id":
        text = "identifier with white space around it or not in Unicode form NFC; compared without"
        yield Rule(name, text, "note", "none", lambda t: t[raw] != t[name], raw)
    else:
        text = "text looks like UTF-8 read in another encoding"
        repair = "export the file as UTF-8, and declare no other `encoding:`"
        yield Rule(name, text, "note", "none", lambda t: garbled(t[name]), name, repair)


def _clock(column: ColumnSpec, reading: Reading, setting: Setting) -> Iterator[Rule]:
    if reading.local is None:
        return
    for skipped, word in ((True, "skipped"), (False, "repeated")):
        text = f"local time that a clock change {word}; read as the later instant"
        broken = partial(_doubtful, LOCAL + column.name, setting, skipped)
        repair = "store instants with their offset"
        yield Rule(column.name, text, "note", "none", broken, LOCAL + column.name, repair)


def _doubtful(local: str, setting: Setting, skipped: bool, t: ir.Table) -> ir.BooleanValue:
    return clock.doubtful(t[local], setting.naive_timezone, setting.as_of, skipped=skipped)


def _value(column: ColumnSpec, reading: Reading) -> Iterator[Rule]:
    name = column.name
    shown = name if reading.raw is None else RAW + name
    severity, effect, tail = _COST[column.on_bad]
    if column.kind == "quantity":
        text = "is 0: no use took place; left out"
        yield Rule(name, text, "note", "exclude", lambda t: t[name] == 0, shown)
    if column.minimum is not None:
        low = column.minimum
        text, repair = f"is below {low:g}{tail}", f"{column.meaning}: at least {low:g}"
        yield Rule(name, text, severity, effect, lambda t: t[name] < low, shown, repair)
    if column.maximum is not None:
        high = column.maximum
        text, repair = f"is above {high:,.0f}{tail}", f"{column.meaning}: at most {high:,.0f}"
        yield Rule(name, text, severity, effect, lambda t: t[name] > high, shown, repair)
    if column.allowed:
        text = f"is none of {', '.join(column.allowed)}{tail}"
        repair = f"translate it: {{values: {{{name}: {{their word: ours}}}}}}"
        yield Rule(
            name, text, severity, effect, lambda t: t[name].notin(column.allowed), shown, repair
        )


def _moment(
    spec: TableSpec, column: ColumnSpec, reading: Reading, setting: Setting
) -> Iterator[Rule]:
    if column.kind not in ("instant", "date"):
        return
    name = column.name
    shown = name if reading.raw is None else RAW + name
    text = f"is before {EARLIEST}: a serial number or a zero read as a date?"
    repair = "convert it to a date in the source"
    yield Rule(name, text, "quarantine", "row", lambda t: t[name] < EARLIEST, shown, repair)
    if name not in (spec.arrival, "known_at"):
        text = f"is {OPEN_ENDED_FROM} or later, which means no end; read as open-ended"
        yield Rule(name, text, "note", "value", lambda t: t[name] >= OPEN_ENDED_FROM, shown)
    if column.hindsight:
        text = "lies after as_of, so it was not known then; hidden"
        yield Rule(
            name,
            text,
            "note",
            "value",
            lambda t: _after(t[name], column, setting) & (t[name] < OPEN_ENDED_FROM),
            shown,
        )


def _after(value: ir.Value, column: ColumnSpec, setting: Setting) -> ir.BooleanValue:
    if column.kind == "date":
        return value > setting.as_of
    return value >= first_instant_after(setting.as_of, setting.timezone)


def _order(columns: Columns) -> Iterator[Rule]:
    for earlier, later in columns.spec.in_order:
        if columns.has(earlier, later):
            # A term of no days has no renewal; a ticket may be closed as it is opened.
            strict = later == "term_end"
            text = f"is {'not after' if strict else 'before'} {earlier}"
            broken = partial(_disordered, earlier, later, strict)
            repair = f"{earlier} comes first"
            yield Rule(later, text, "quarantine", "row", broken, later, repair)


def _disordered(earlier: str, later: str, strict: bool, t: ir.Table) -> ir.BooleanValue:
    return t[later] <= t[earlier] if strict else t[later] < t[earlier]
