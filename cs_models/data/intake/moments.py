"""Reading dates and instants: as what they say, in the zone that they or the run file name.

A text is first taken apart (`parts`: what it says, whether it names a day alone, whether it carries
an offset), then placed in time (`of_text`).  The two steps are two stages of the query, so that
what is long is written once.

Worked example (reporting zone America/New_York, ``naive_timezone`` Europe/Berlin): the instant
``2022-03-01 23:30`` is 22:30 UTC, and its date 2022-03-01; ``2022-03-01T23:30:00+05:00`` is 18:30
UTC; ``2022-03-01`` is that day in New York, from 05:00 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from cs_models.data.contract import ColumnSpec
from cs_models.data.intake import clock, functions
from cs_models.data.intake.conversion import EXPECTED, Reading, refused

_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_OFFSET = r"([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$"
_TIME = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?( ?[zZ]| ?[+-][0-9]{2}(:?[0-9]{2})?)?"
_INSTANT = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_TIME})?$"


@dataclass(frozen=True)
class Setting:
    """What reading depends on: the reporting zone, the zone of naive instants, the last day."""

    timezone: str
    naive_timezone: str
    as_of: date


@dataclass(frozen=True)
class Parts:
    """A date or instant in text, taken apart.

    Parameters
    ----------
    text : ibis Value
        The source's text, stripped; NULL when empty.
    time : ibis Value
        What it says, in UTC when it carries an offset, NULL when it cannot be read.
    day : ibis Value
        Whether it names a day without a time.
    anchored : ibis Value
        Whether it carries an offset.
    """

    text: ir.StringValue
    time: ir.TimestampValue
    day: ir.BooleanValue
    anchored: ir.BooleanValue

    def columns(self, name: str) -> Mapping[str, ir.Value]:
        """Return the parts as columns of a stage."""
        return {f"{part} {name}": getattr(self, part) for part in self.__dataclass_fields__}

    @classmethod
    def staged(cls, table: ir.Table, name: str) -> Parts:
        """Return the parts from the columns of a stage."""
        return cls(**{part: table[f"{part} {name}"] for part in cls.__dataclass_fields__})


def parts(raw: ir.StringValue, pattern: str | None) -> Parts:
    """Take a date or instant in text apart.

    Parameters
    ----------
    raw : ibis StringValue
        The source's column.
    pattern : str or None
        Its declared strptime format; without one only ISO 8601 is read.
    """
    text = functions.stripped(raw).nullif("")
    if pattern is not None:
        time = functions.parsed(text, pattern)
        return Parts(text, time, time == time.truncate("D"), ibis.literal(False))
    readable = ibis.ifelse(text.re_search(_INSTANT), text, None)
    day = readable.re_search(_DAY)
    # The connection's zone is UTC: an offset is applied, a time without one stays as it is.
    time = readable.try_cast("timestamp('UTC')").cast("timestamp")
    return Parts(text, time, day, readable.re_search(_OFFSET) & ~day)


def of_text(found: Parts, spec: ColumnSpec, setting: Setting) -> Reading:
    """Place a date or instant in text in time.

    Parameters
    ----------
    found : Parts
        The column, taken apart.
    spec : ColumnSpec
        What the contract asks of it.
    setting : Setting
        Time zones and the last day.
    """
    anchored = _of_instant(found.time, spec, setting)
    day = found.time.date() if spec.kind == "date" else _midnight(found.time, setting)
    local = _of_local(found.time, spec, setting)
    value = ibis.cases((found.day, day), (found.anchored, anchored), else_=local.value)
    doubt = local.local
    if doubt is not None:
        doubt = ibis.ifelse(found.day | found.anchored, None, doubt)
    return Reading(value, raw=found.text, local=doubt)


def of_type(raw: ir.Value, spec: ColumnSpec, setting: Setting) -> Reading:
    """Read a date or instant from a column of the source's own date or time type.

    Parameters
    ----------
    raw : ibis Value
        The source's column.
    spec : ColumnSpec
        What the contract asks of it.
    setting : Setting
        Time zones and the last day.
    """
    kind = raw.type()
    if kind.is_date():
        is_day = spec.kind == "date"
        return Reading(raw if is_day else _midnight(raw.cast("timestamp"), setting))
    if not kind.is_timestamp():
        why = f"must be {EXPECTED[spec.kind]}, this column holds {kind}, and a number is no date"
        return refused(spec, why, raw)
    time = raw.cast("timestamp")
    if kind.timezone is not None:
        return Reading(_of_instant(time, spec, setting))
    return _of_local(time, spec, setting)


def _of_instant(time: ir.TimestampValue, spec: ColumnSpec, setting: Setting) -> ir.Value:
    if spec.kind == "instant":
        return time
    return clock.local_date(time, setting.timezone, setting.as_of)


def _of_local(time: ir.TimestampValue, spec: ColumnSpec, setting: Setting) -> Reading:
    origin = setting.naive_timezone
    if spec.kind == "instant":
        instant = clock.moved(time, setting.as_of, origin=origin)
        return Reading(instant, local=time if clock.changes(origin, setting.as_of)[1] else None)
    # A naive midnight in a date column is a date that its writer had no type for.
    there = clock.moved(time, setting.as_of, origin=origin, target=setting.timezone)
    return Reading(ibis.ifelse(time == time.truncate("D"), time.date(), there.date()))


def _midnight(time: ir.TimestampValue, setting: Setting) -> ir.TimestampValue:
    return clock.moved(time, setting.as_of, origin=setting.timezone)
