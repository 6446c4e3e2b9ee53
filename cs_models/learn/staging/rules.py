"""Stages as ordered rules: the first that holds says where somebody is.

Grain in: any frame of one row per thing and day (or stretch of days).  Grain out: one stage a row.

One stage has no rule and takes whoever no rule takes, so that the stages are a partition: every
row is in exactly one.  A part of a rule that the records cannot answer is left out, and a stage of
which nothing is left is dropped; `Usable` says both.

Source: ``methods.md`` 5 (explicit rules on point-in-time features; partition).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features import criteria
from cs_models.features.criteria import AllOf, AnyOf, Criterion, Leaf, Not

Part = Literal["path", "beside", "ended"]
PATH: Final = "path"
BESIDE: Final = "beside"
ENDED: Final = "ended"
ADOPTED: Final = "adopted"


@dataclass(frozen=True)
class Stage:
    """One stage.

    Parameters
    ----------
    name : str
        What it is called; underscores are blanks on the page.
    when : Criterion or None
        Its rule; None for the one that takes whoever no rule takes.
    words : str
        What it means.
    part : {"path", "beside", "ended"}
        On the way, beside it (trouble), or the end.
    settles_days : int
        Days in a row for which the rule must hold before the stage is entered.
    leaves_after_days : int
        Days in a row on which the rule must not hold before the stage is left for one that is
        asked later; an earlier one may take over at once.
    losing : bool, optional
        The customer is being lost here, as after notice: what else lies beside the way is trouble
        that passes.  The end is a loss unless it is said to be none.
    """

    name: str
    when: Criterion | None
    words: str
    part: Part = BESIDE
    settles_days: int = 1
    leaves_after_days: int = 1
    losing: bool | None = None

    @property
    def called(self) -> str:
        """Return the name as it stands on a page."""
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class Rules:
    """All stages of one kind of thing.

    Parameters
    ----------
    stages : tuple of Stage
        In the order in which they are asked.
    path : tuple of str
        The stages on the way, in the order of the way.

    Raises
    ------
    ParameterError
        A name stands twice, the path names no stage, or not exactly one stage has no rule.
    """

    stages: tuple[Stage, ...]
    path: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        double = sorted({name for name in names if names.count(name) > 1})
        stray = [name for name in self.path if name not in names]
        open_ended = [stage.name for stage in self.stages if stage.when is None]
        for wrong, what in (
            (double, "a stage stands twice"),
            (stray, "the path names a stage that is not there"),
        ):
            if wrong:
                raise ParameterError(what, where="stages", got=", ".join(wrong),
                                     repair=f"stages: {', '.join(names)}")  # fmt: skip
        if len(open_ended) != 1:
            raise ParameterError(
                "exactly one stage has no rule: it takes whoever no rule takes",
                where="otherwise", got=", ".join(open_ended) or "none",
                repair="name it at `otherwise`, and give every other stage a `when`",
            )  # fmt: skip

    @property
    def otherwise(self) -> str:
        """Return the stage that takes whoever no rule takes."""
        return next(stage.name for stage in self.stages if stage.when is None)

    @property
    def order(self) -> tuple[str, ...]:
        """Return all names in the order of a page: the way, what is beside it, the end."""
        rest = [stage for stage in self.stages if stage.name not in self.path]
        beside = [stage.name for stage in reversed(rest) if stage.part != ENDED]
        ended = [stage.name for stage in rest if stage.part == ENDED]
        return (*self.path, *beside, *ended)

    def named(self, name: str) -> Stage:
        """Return a stage by its name."""
        return next(stage for stage in self.stages if stage.name == name)

    def of(self, part: Part) -> tuple[str, ...]:
        """Return the names of the stages of one part, in the order of a page."""
        return tuple(name for name in self.order if self.named(name).part == part)

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the stages in which a customer is being lost or has ended."""
        stages = map(self.named, self.order)
        return tuple(
            one.name for one in stages if (one.part == ENDED if one.losing is None else one.losing)
        )

    @property
    def early(self) -> tuple[str, ...]:
        """Return the way up to the stage "adopted", which itself is not early.

        Where nothing is called so, the way up to and with the stage that has no rule of its own.
        """
        if ADOPTED in self.path:
            return self.path[: self.path.index(ADOPTED)]
        known = self.otherwise in self.path
        return self.path[: self.path.index(self.otherwise) + 1 if known else 1]


@dataclass(frozen=True)
class Usable:
    """The rules as far as the records can answer them.

    Attributes
    ----------
    rules : Rules
    dropped : dict of str to str
        Stages that cannot be told, each with the reason.
    shortened : dict of str to str
        Stages that lack a part of their rule, each with the reason.
    """

    rules: Rules
    dropped: dict[str, str]
    shortened: dict[str, str]


def usable(rules: Rules, absent: Mapping[str, str]) -> Usable:
    """Leave out what the records cannot answer.

    Parameters
    ----------
    rules : Rules
    absent : mapping of str to str
        Columns of which nothing is known, each with the reason.

    Returns
    -------
    Usable
        A part of an `any_of` goes by itself; an `all_of` goes whole, for it can never be known to
        hold.
    """
    kept, dropped, shortened = [], {}, {}
    for stage in rules.stages:
        if stage.when is None:
            kept.append(stage)
            continue
        lacking = [name for name in criteria.columns(stage.when) if name in absent]
        when = _pruned(stage.when, absent)
        why = "; ".join(dict.fromkeys(absent[name] for name in lacking))
        if when is None:
            dropped[stage.name] = why
            continue
        if lacking:
            shortened[stage.name] = why
        kept.append(replace(stage, when=when))
    path = tuple(name for name in rules.path if name not in dropped)
    return Usable(Rules(tuple(kept), path), dropped, shortened)


def levels(rules: Rules) -> dict[str, list[float]]:
    """Return the columns that rules ask for, each with the least values of a new answer.

    Parameters
    ----------
    rules : Rules

    Returns
    -------
    dict of str to list of float
        ``more_than: 3`` and ``at_most: 3`` have the smallest number above 3.
    """
    found: dict[str, list[float]] = {}
    for stage in rules.stages:
        for leaf in _leaves(stage.when):
            own = found.setdefault(leaf.column, [])
            for side, level in leaf.sides.items():
                edge = _number(level, leaf.column)
                above = side in ("more_than", "at_most")
                own.append(math.nextafter(edge, math.inf) if above else edge)
            for value in leaf.one_of:
                if isinstance(value, int | float) and not isinstance(value, bool):
                    own += [float(value), math.nextafter(float(value), math.inf)]
    return found


def _number(level: object, column: str) -> float:
    """Return a side of a range as a number; dates have no place in a stage.

    Raises
    ------
    ParameterError
        If it is a date.
    """
    if isinstance(level, int | float):
        return float(level)
    raise ParameterError(
        "a stage asks for numbers, words, or yes and no, not for dates",
        where=column, got=str(level), repair="ask for the days since it, as days_as_customer",
    )  # fmt: skip


def assign(rules: Rules, frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return the stage of each row: the place of the first rule that holds.

    Parameters
    ----------
    rules : Rules
    frame : DataFrame, shape (n, ...)
        With the columns that the rules ask for.

    Returns
    -------
    ndarray of int, shape (n,)
        Place in ``rules.stages``; every row has exactly one.  What is not known does not hold.

    Raises
    ------
    ParameterError
        As ``criteria.check``.
    """
    for stage in rules.stages:
        if stage.when is not None:
            criteria.check(stage.when, frame, where=f"stage {stage.name}")
    last = next(place for place, stage in enumerate(rules.stages) if stage.when is None)
    first, alike = _kinds(rules, frame)
    found = np.full(len(first), -1, dtype=np.int64)
    rows = frame.iloc[first]
    for place, stage in enumerate(rules.stages):
        if stage.when is not None:
            holds = criteria.holds(stage.when, rows).fillna(False).to_numpy(dtype=bool)
            found[(found < 0) & holds] = place
    return np.asarray(np.where(found < 0, last, found)[alike], dtype=np.int64)


def _kinds(rules: Rules, frame: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return one row for each combination of answers, and each row's combination."""
    code = np.zeros(len(frame), dtype=np.int64)
    for name, edges in levels(rules).items():
        values = frame[name]
        if edges:
            number = pd.to_numeric(values).to_numpy(np.float64, na_value=np.nan)
            own = np.searchsorted(np.unique(edges), number, side="right")
            own = np.where(np.isnan(number), -1, own)
        else:
            own = pd.factorize(values)[0]
        code = pd.factorize(code * (own.max(initial=0) + 2) + own + 1)[0].astype(np.int64)
    _, first, alike = np.unique(code, return_index=True, return_inverse=True)
    return first, alike


def _leaves(criterion: Criterion | None) -> Iterator[Leaf]:
    if isinstance(criterion, Leaf):
        yield criterion
    elif isinstance(criterion, Not):
        yield from _leaves(criterion.part)
    elif criterion is not None:
        for part in criterion.parts:
            yield from _leaves(part)


def _pruned(criterion: Criterion, absent: Collection[str]) -> Criterion | None:
    if isinstance(criterion, Leaf):
        return None if criterion.column in absent else criterion
    if isinstance(criterion, Not):
        part = _pruned(criterion.part, absent)
        return None if part is None else Not(part)
    parts = [_pruned(part, absent) for part in criterion.parts]
    left = tuple(part for part in parts if part is not None)
    if isinstance(criterion, AllOf):
        return criterion if len(left) == len(parts) else None
    return AnyOf(left) if left else None
