"""Values of results as they stand in a sentence about two runs.

Grain in: one row of a ``results.json``, of this version or an older one.  Grain out: a number, or
None where it is not there; never a refusal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cs_models.report import values


def num(row: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a row; None where it is missing, a truth value or no number."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def text(row: Mapping[str, Any], name: str) -> str:
    """Return a text of a row; empty where it is missing or no text."""
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def whole(value: float, digits: int = 2) -> str:
    """Write a level or a count as it is: whole numbers without a point."""
    return values.integer(int(value)) if value == int(value) else values.number(value, digits)


def apart(
    was: float, now: float, write: Callable[[float, int], str], digits: Sequence[int]
) -> tuple[str, str] | None:
    """Write two values with as few digits as tell them apart: never "12, before 12".

    Parameters
    ----------
    was, now : float
    write : callable
        Writes a value with so many digits after the point.
    digits : sequence of int
        To be tried, in this order.

    Returns
    -------
    tuple of str or None
        Both as written; None where even the last cannot tell them apart: then they hardly moved.
    """
    written = ((write(was, place), write(now, place)) for place in digits)
    return next((pair for pair in written if pair[0] != pair[1]), None)


def about(amount: float, currency: str) -> str:
    """Write an amount with three digits: more would be false precision in a sum of chances."""
    if not amount or not math.isfinite(amount):
        return values.money(amount, currency)
    digits = 2 - math.floor(math.log10(abs(amount)))
    return values.money(round(amount, min(digits, 0)), currency)


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number of things: ``1 customer``, ``2,310 customers``."""
    return f"{values.integer(n)} {one if n == 1 else many or f'{one}s'}"


def inside(value: float, low: float | None, high: float | None) -> bool:
    """Say whether a value lies in an interval; never in one that is not known."""
    return low is not None and high is not None and low <= value <= high
