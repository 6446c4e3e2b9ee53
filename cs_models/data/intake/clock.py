"""Calendars without a time-zone library in the engine.

A zone is a list of spans of constant offset, taken once from Python's IANA database and written
into the query as comparisons.  That is faster than the engine's own conversion, the same on every
engine, and free of the ``TZ`` of the machine.

Worked example (America/New_York): local 2024-03-10 02:30 never happened and is read with the
offset before the change, 07:30 UTC; local 2024-11-03 01:30 happened twice and is read as the
second, 06:30 UTC.  Both are the later reading: a record never becomes known too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Change:
    """One change of a zone's offset: at `instant` (naive UTC) from `before` to `after` seconds."""

    instant: datetime
    before: int
    after: int

    @property
    def skipped(self) -> bool:
        """Whether the clock goes forward, so that local times are missing."""
        return self.after > self.before

    @property
    def local_span(self) -> tuple[datetime, datetime]:
        """Local times that the change skips or repeats, [first, last)."""
        ends = [self.instant + timedelta(seconds=offset) for offset in (self.before, self.after)]
        return min(ends), max(ends)


@lru_cache(maxsize=64)
def changes(zone: str, until: date) -> tuple[int, tuple[Change, ...]]:
    """Return a zone's first offset (seconds east) and its changes from 2000 to `until`.

    Parameters
    ----------
    zone : str
        IANA name.
    until : date
        Last day of interest.

    Returns
    -------
    tuple of (int, tuple of Change)
        Offset in force on 2000-01-01, and the changes after it in order.
    """
    info = ZoneInfo(zone)
    now = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    end = datetime.combine(max(until, FIRST_DAY), datetime.min.time(), UTC) + timedelta(days=2)
    first = offset = _offset(info, now)
    found = []
    while now < end:
        after = now + timedelta(days=1)
        if _offset(info, after) != offset:
            instant = _first_instant(info, now, after, offset)
            new = _offset(info, instant)
            found.append(Change(instant.replace(tzinfo=None), offset, new))
            offset, now = new, instant
        else:
            now = after
    return first, tuple(found)


def moved(
    time: ir.TimestampValue, until: date, *, origin: str = "UTC", target: str = "UTC"
) -> ir.TimestampValue:
    """Return the wall-clock time in `target` of a wall-clock time in `origin`.

    Parameters
    ----------
    time : ibis timestamp
        Naive times.
    until : date
        Last day of interest; later clock changes are not written into the query.
    origin, target : str, default "UTC"
        IANA names.
    """
    if origin == target:
        return time
    first, spans = _spans(origin, target, until)
    return _by_span(time, first, spans)


def local_date(instant: ir.TimestampValue, zone: str, until: date) -> ir.DateValue:
    """Return the calendar date in `zone` of an instant in naive UTC."""
    return moved(instant, until, target=zone).date()


@lru_cache(maxsize=64)
def _spans(origin: str, target: str, until: date) -> tuple[int, tuple[tuple[datetime, int], ...]]:
    """Return the seconds to add to a local time of `origin`: at first, and from each start on."""
    east, switches = changes(origin, until)
    there, turns = changes(target, until)
    starts = [datetime.min, *(_switch(step) for step in switches), datetime.max]
    shifts = [-east, *(-step.after for step in switches)]
    spans: list[tuple[datetime, int]] = []
    for start, end, shift in zip(starts, starts[1:], shifts, strict=False):
        moving = timedelta(seconds=shift)
        begins = [turn.instant - moving for turn in turns]
        before = [turn.after for turn, begin in zip(turns, begins, strict=True) if begin <= start]
        spans.append((start, shift + (before[-1] if before else there)))
        spans += [
            (begin, shift + turn.after)
            for turn, begin in zip(turns, begins, strict=True)
            if start < begin < end
        ]
    return spans[0][1], tuple(spans[1:])


def doubtful(local: ir.TimestampValue, zone: str, until: date, *, skipped: bool) -> ir.BooleanValue:
    """Return whether a clock change of `zone` skipped (or repeated) a wall-clock time."""
    verdict: ir.BooleanValue = ibis.literal(False)
    for step in changes(zone, until)[1]:
        if step.skipped is skipped:
            first, last = step.local_span
            verdict = verdict | ((local >= first) & (local < last))
    return verdict


def _by_span(
    time: ir.TimestampValue, first: int, spans: Sequence[tuple[datetime, int]]
) -> ir.TimestampValue:
    """Shift `time` by the seconds of its span: `first`, or those of the last start not after it.

    The comparisons form a tree: a quarter of a century of clock changes takes six of them a row.
    """
    if not spans:
        return _shifted(time, first)
    middle = len(spans) // 2
    start, seconds = spans[middle]
    before = _by_span(time, first, spans[:middle])
    return ibis.ifelse(time < start, before, _by_span(time, seconds, spans[middle + 1 :]))


def _switch(step: Change) -> datetime:
    """Local time from which the new offset is read: after a gap, or from a repeat's start on."""
    first, last = step.local_span
    return last if step.skipped else first


def _offset(info: ZoneInfo, instant: datetime) -> int:
    offset = info.utcoffset(instant.astimezone(info))
    return int(offset.total_seconds()) if offset is not None else 0


def _first_instant(info: ZoneInfo, low: datetime, high: datetime, offset: int) -> datetime:
    """Return the first whole second in (low, high] at which the offset is no longer `offset`."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _offset(info, middle) == offset else (low, middle)
    return high


def _shifted(instant: ir.TimestampValue, seconds: int) -> ir.TimestampValue:
    return instant + ibis.interval(seconds=seconds) if seconds else instant
