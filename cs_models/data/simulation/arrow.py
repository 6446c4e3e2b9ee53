"""Arrow columns made from whole arrays: ids, words, instants, dates, money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cs_models.data.simulation.calendar import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    Flags,
    Ints,
    Small,
)

INSTANT = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 2)
QUANTITY = pa.decimal128(18, 3)
DIGITS = 7


def ids(prefix: str, number: Ints, known: Flags | None = None, digits: int = DIGITS) -> pa.Array:
    """Return identifiers of fixed width, such as ``a-0000012``; null where not `known`."""
    lead = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    width = lead.size + digits
    text = np.empty((number.size, width), dtype=np.uint8)
    text[:, : lead.size] = lead
    rest = np.asarray(number, dtype=np.int64).copy()
    for column in range(width - 1, lead.size - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, column] = digit + ord("0")
    offsets = np.arange(number.size + 1, dtype=np.int32) * width
    array = pa.StringArray.from_buffers(number.size, pa.py_buffer(offsets), pa.py_buffer(text))
    return array if known is None else _masked(array, known)


def words(vocabulary: Sequence[str], code: Ints, known: Flags | None = None) -> pa.Array:
    """Return words chosen by their position in `vocabulary`; null where not `known`."""
    taken = pa.array(list(vocabulary), pa.string()).take(pa.array(code))
    return taken if known is None else _masked(taken, known)


def instants(
    day: Ints | int, *, hour: Ints | Small | int = 0, known: Flags | None = None
) -> pa.Array:
    """Return UTC instants at a whole hour of a day; null where not `known`."""
    moment = np.asarray(day, dtype=np.int64) * MICROSECONDS_PER_DAY
    moment = moment + np.asarray(hour, dtype=np.int64) * MICROSECONDS_PER_HOUR
    return pa.array(moment, mask=_mask(known)).cast(INSTANT)


def dates(day: Ints, known: Flags | None = None) -> pa.Array:
    """Return calendar dates; null where not `known`."""
    return pa.array(np.asarray(day, dtype=np.int32), mask=_mask(known)).cast(pa.date32())


def whole(number: Ints, known: Flags | None = None) -> pa.Array:
    """Return whole numbers; null where not `known`."""
    return pa.array(np.asarray(number, dtype=np.int64), mask=_mask(known))


def real(number: npt.NDArray[np.floating[Any]], known: Flags | None = None) -> pa.Array:
    """Return real numbers; null where not `known`."""
    return pa.array(np.asarray(number, dtype=np.float64), mask=_mask(known))


def money(cents: Ints) -> pa.Array:
    """Return decimal(18, 2) from whole cents."""
    return _scaled(cents, MONEY)


def quantity(number: Small) -> pa.Array:
    """Return decimal(18, 3) from whole numbers."""
    return _scaled(np.asarray(number, dtype=np.int64) * 1000, QUANTITY)


def _scaled(units: Ints, kind: pa.Decimal128Type) -> pa.Array:
    # A decimal128 is a 128-bit whole number of its smallest unit: two 64-bit words, low first.
    halves = np.empty((units.size, 2), dtype=np.int64)
    halves[:, 0] = units
    halves[:, 1] = np.where(np.asarray(units) < 0, -1, 0)
    return pa.Array.from_buffers(kind, units.size, [None, pa.py_buffer(halves)])


def _mask(known: Flags | None) -> Flags | None:
    return None if known is None else ~np.asarray(known)


def _masked(array: pa.Array, known: Flags) -> pa.Array:
    return pc.if_else(pa.array(np.asarray(known)), array, pa.scalar(None, array.type))
