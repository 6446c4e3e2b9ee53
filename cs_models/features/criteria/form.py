"""What a criterion is: a question to one column, or others combined with and, or and not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

from cs_models.errors import ParameterError

Bound = float | str | date
Value = str | float | bool

SIDES: Final = ("at_least", "more_than", "at_most", "fewer_than")
_DATE_WORDS: Final = {
    "at_least": "from", "more_than": "after", "at_most": "until", "fewer_than": "before",
}  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """What is asked of one column.

    Parameters
    ----------
    column : str
        A column of the frame.
    at_least, more_than, at_most, fewer_than : float, ISO date or datetime.date, optional
        Sides of a range in the column's unit; two may combine.
    one_of : tuple, default ()
        Values, one of which must be there.
    is_ : bool, optional
        For columns of yes and no.
    missing : bool, optional
        Whether nothing must be known (True) or something (False).

    Raises
    ------
    ParameterError
        If nothing is asked, more than one kind of thing is, or a range is empty or no number.
    """

    column: str
    at_least: Bound | None = None
    more_than: Bound | None = None
    at_most: Bound | None = None
    fewer_than: Bound | None = None
    one_of: tuple[Value, ...] = ()
    is_: bool | None = None
    missing: bool | None = None

    def __post_init__(self) -> None:
        kinds = (
            bool(self.sides),
            bool(self.one_of),
            self.is_ is not None,
            self.missing is not None,
        )
        if sum(kinds) != 1:
            raise ParameterError(
                "a criterion asks one kind of thing of its column",
                where=self.column, got="nothing" if not any(kinds) else "several kinds",
                repair="a range (at_least, more_than, at_most, fewer_than), one_of, is, or missing",
            )  # fmt: skip
        self._refuse_an_emptyrange_words()

    def _refuse_an_emptyrange_words(self) -> None:
        bounds = {side: bound(value, self.column) for side, value in self.sides.items()}
        if len({isinstance(level, float) for level in bounds.values()}) > 1:
            raise ParameterError(
                "a range has bounds of one kind", where=self.column, got=range_words(self.sides),
                repair="numbers, or ISO dates such as 2026-06-30",
            )  # fmt: skip
        lows = [bounds[side] for side in ("at_least", "more_than") if side in bounds]
        highs = [bounds[side] for side in ("at_most", "fewer_than") if side in bounds]
        doubled = len(lows) > 1 or len(highs) > 1
        strict = "more_than" in bounds or "fewer_than" in bounds
        empty = bool(lows and highs) and (
            lows[0] > highs[0] or (strict and lows[0] == highs[0])  # type: ignore[operator]
        )
        if doubled or empty:
            raise ParameterError(
                "a range has one lower and one upper side, the lower below the upper",
                where=self.column, got=range_words(self.sides),
                repair="for example at_least 30, at_most 90",
            )  # fmt: skip

    @property
    def sides(self) -> dict[str, Bound]:
        """Return the sides that are given, by name."""
        given = {side: getattr(self, side) for side in SIDES}
        return {side: bound for side, bound in given.items() if bound is not None}


@dataclass(frozen=True)
class AllOf:
    """Every part must hold.  At least one part."""

    parts: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        _refuse_empty(self.parts, "all_of")


@dataclass(frozen=True)
class AnyOf:
    """At least one part must hold.  At least one part."""

    parts: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        _refuse_empty(self.parts, "any_of")


@dataclass(frozen=True)
class Not:
    """The part must not hold; where it is not known, neither is this."""

    part: Criterion


Criterion = Leaf | AllOf | AnyOf | Not


def columns(criterion: Criterion) -> tuple[str, ...]:
    """Return the columns that are asked, each once, in the order they stand."""
    if isinstance(criterion, Leaf):
        return (criterion.column,)
    parts = (criterion.part,) if isinstance(criterion, Not) else criterion.parts
    return tuple(dict.fromkeys(column for part in parts for column in columns(part)))


def _refuse_empty(parts: tuple[Criterion, ...], name: str) -> None:
    if not parts:
        raise ParameterError(
            "a group of criteria has at least one part",
            where=name, got="none", repair="name at least one criterion",
        )  # fmt: skip


def bound(value: Bound, column: str) -> float | pd.Timestamp:
    """Read a side of a range: a finite number, or a date.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(value, date):
        return pd.Timestamp(value)
    if isinstance(value, str):
        try:
            return pd.Timestamp(date.fromisoformat(value))
        except ValueError:
            pass
    elif not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ParameterError(
        "a side of a range is a finite number or an ISO date",
        where=column, got=str(value), repair="for example 30, or 2026-06-30",
    )  # fmt: skip


def range_words(sides: dict[str, Bound]) -> str:
    """Say a range: "30 to 90", "at least 3", "after 2026-01-31"."""
    if set(sides) == {"at_least", "at_most"}:
        return f"{shown(sides['at_least'])} to {shown(sides['at_most'])}"
    dated = isinstance(next(iter(sides.values())), str | date)
    named = {side: _DATE_WORDS[side] if dated else side.replace("_", " ") for side in sides}
    return " and ".join(f"{named[side]} {shown(bound)}" for side, bound in sides.items())


def shown(value: object) -> str:
    """Write a value as it stands in a sentence."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.12g}".replace(",", " ")
