"""One condition of a definition: a panel column that reaches a level, or stays under it.

Grain in: a panel.  Grain out: one answer per panel row: it holds, it does not, or not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import pandas as pd

from cs_models.errors import ParameterError
from cs_models.features import catalogue

_WINDOWED: Final = ("first", "last")


@dataclass(frozen=True)
class Level:
    """One column that reaches a level: a part of a count of several.

    Parameters
    ----------
    column : str
        Panel column.
    at_least : float
        In the column's unit.
    """

    column: str
    at_least: float


@dataclass(frozen=True)
class Condition:
    """One thing that must hold.

    Parameters
    ----------
    column : str, optional
        Panel column, such as ``daily_active_share__first_60d``.
    at_least, fewer_than : float, optional
        Exactly one of them, in the column's unit.
    by_users : int, default 1
        Users that must have taken part; only for numbers of events.  With ``fewer_than`` it is the
        other side of the same line: not "at least so many, by so many users".
    of : tuple of Level, default ()
        Instead of a column: how many of these levels are reached is what is counted.
    segment : str, optional
        The segment it is for; None for every segment without conditions of its own.
    said : str, default ""
        The condition in words, where somebody has already said it.

    Raises
    ------
    ParameterError
        If it is not one side of one line, or a column is none that a panel can have.
    """

    column: str | None = None
    at_least: float | None = None
    fewer_than: float | None = None
    by_users: int = 1
    of: tuple[Level, ...] = ()
    segment: str | None = None
    said: str = ""

    def __post_init__(self) -> None:
        if (self.column is None) == (not self.of):
            raise ParameterError(
                "a condition is about one column, or about several in `of`",
                where="column", got=repr(self.column), repair="give exactly one of the two",
            )  # fmt: skip
        if (self.at_least is None) == (self.fewer_than is None):
            raise ParameterError(
                "a condition has one side",
                where="at_least", got=f"{self.at_least} and fewer_than {self.fewer_than}",
                repair="give exactly one of at_least and fewer_than",
            )  # fmt: skip
        if not all(math.isfinite(level) for level in (self.level, *(o.at_least for o in self.of))):
            raise ParameterError(
                "a level is a finite number",
                where="at_least", got="no finite number", repair="for example 3 or 0.75",
            )  # fmt: skip
        for column in self.counted:
            measure(column)
        if self.by_users > 1 and self.users_column is None:
            raise ParameterError(
                "users are counted beside events only",
                where="by_users", got=str(self.by_users),
                repair="use a column events__…__first_60d, or leave by_users out",
            )  # fmt: skip

    @property
    def level(self) -> float:
        """Return the number that stands in it."""
        return float(self.fewer_than if self.at_least is None else self.at_least)  # type: ignore[arg-type]

    @property
    def counted(self) -> tuple[str, ...]:
        """Return the columns that are counted, without those of users."""
        return (self.column,) if self.column is not None else tuple(o.column for o in self.of)

    @property
    def users_column(self) -> str | None:
        """Return the column that counts the users behind it; None where there is none."""
        found = None if self.column is None else measure(self.column)
        if found is None or found.measure != "events":
            return None
        users = "active_users" if found.feature is None else "users"
        return catalogue.Measure(users, found.feature, found.anchor, found.days).column

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every panel column it needs."""
        users = self.users_column if self.by_users > 1 else None
        return (*self.counted, *([users] if users is not None else []))

    def holds(self, panel: pd.DataFrame) -> pd.Series:
        """Return whether it holds, NA where a column is missing."""
        counts = panel[list(self.columns)].apply(pd.to_numeric).astype(float)
        known = counts.notna().all(axis=1)
        if self.column is None:
            levels = [level.at_least for level in self.of]
            reached = (counts >= levels).sum(axis=1) >= self.level
        else:
            reached = counts[self.column] >= self.level
        if self.by_users > 1:
            reached &= counts[self.columns[-1]] >= self.by_users
        met: pd.Series = reached if self.fewer_than is None else ~reached
        answered: pd.Series = met.astype("boolean").where(known)
        return answered

    def words(self) -> str:
        """Say it: "at least 12 report_shared events in the first 60 days of the term"."""
        if self.said:
            return self.said
        side = "at least" if self.fewer_than is None else "fewer than"
        if self.column is None:
            parts = "; ".join(
                f"at least {o.at_least:,.12g} {measure(o.column).label()}" for o in self.of
            )
            return f"{side} {self.level:,.12g} of these: {parts}"
        if self.by_users > 1:
            users = f", by at least {self.by_users} users"
            side = "at least" if self.fewer_than is None else "not at least"
        else:
            users = ""
        return f"{side} {self.level:,.12g} {measure(self.column).label()}{users}"


def measure(column: str) -> catalogue.Measure:
    """Read a column's name, refusing what no panel can have.

    Parameters
    ----------
    column : str
        Panel column with a window of some days.

    Returns
    -------
    Measure

    Raises
    ------
    ParameterError
        With the catalogue's measures and windows.
    """
    found = catalogue.parse(column)
    relations = found is not None and found.measure in catalogue.RELATIONS
    if found is None or found.anchor not in _WINDOWED or relations:
        raise ParameterError(
            "no panel has such a column",
            where="column", got=repr(column),
            repair="a measure and its window, such as events__report_shared__first_60d or "
            f"active_users__last_28d; measures: {', '.join(_adopted())}; windows: "
            "first_{n}d from the term's start, last_{n}d before the day it is looked at",
        )  # fmt: skip
    return found


def _adopted() -> list[str]:
    """Return the measures that can say what adoption is."""
    return [name for name in catalogue.KINDS if name not in catalogue.RELATIONS]
