"""What "adopted" means: a definition that a company sets, or takes from its own history.

Grain in: a panel.  Grain out: one answer per panel row: yes, no, or not known.

A definition is a list of conditions on panel columns, all of which must hold.  A condition may
name a segment; terms of a segment that has conditions of its own are judged by those alone.
``customer_success.md`` M1: adopted is a definition, and the learnt threshold must be usable as it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypedDict

import pandas as pd

from cs_models.errors import CsModelsError, DataError, ParameterError
from cs_models.features.catalogue import Measure
from cs_models.features.condition import Condition, Level, measure

__all__ = ["Condition", "Definition", "Level", "columns", "from_results", "met", "request", "words"]

NOTEBOOK: Final = "02_adoption_thresholds"


@dataclass(frozen=True)
class Definition:
    """A definition of adoption: all conditions of a term's segment must hold.

    Parameters
    ----------
    name : str
        What it is called on the page.
    conditions : tuple of Condition
        At least one.
    segment_by : str, default "segment"
        Panel column that holds the segment.

    Raises
    ------
    ParameterError
        If there is no condition.
    """

    name: str
    conditions: tuple[Condition, ...]
    segment_by: str = "segment"

    def __post_init__(self) -> None:
        if not self.conditions:
            raise ParameterError(
                "a definition of adoption has no condition",
                where=self.name, repair="name at least one column and its level",
            )  # fmt: skip

    @property
    def by_segment(self) -> dict[str | None, tuple[Condition, ...]]:
        """Return the conditions of each segment; None stands for all the others."""
        parts: dict[str | None, tuple[Condition, ...]] = {}
        for condition in self.conditions:
            parts[condition.segment] = (*parts.get(condition.segment, ()), condition)
        return parts


class Request(TypedDict):
    """What ``panel.build`` is asked for: lengths of windows in days, and product features."""

    first_days: tuple[int, ...]
    windows_days: tuple[int, ...]
    features: tuple[str, ...]


def met(definition: Definition, panel: pd.DataFrame) -> pd.Series:
    """Say which rows of a panel meet the definition.

    Parameters
    ----------
    definition : Definition
    panel : DataFrame, one row per (subscription_id, as_of_date)
        With :func:`columns`.

    Returns
    -------
    Series of nullable boolean, same index
        NA where a column of any of the row's conditions is missing (a window that is not over, use
        that was not recorded) or nothing is defined for its segment.  A row that already fails one
        condition is NA too while another is open: counting it would make the young terms, which
        can fail early but never pass early, look worse than they are.

    Raises
    ------
    ParameterError
        The panel lacks a column.

    Notes
    -----
    Source: ``customer_success.md`` M1; missing is never zero (``methods.md`` 2.1).
    """
    absent = [name for name in columns(definition) if name not in panel.columns]
    if absent:
        raise ParameterError(
            "the panel lacks columns of the definition of adoption",
            where=", ".join(absent), got=f"{len(panel.columns)} columns",
            repair="build the panel with **adoption.request(definition)",
        )  # fmt: skip
    parts = definition.by_segment
    out = pd.Series(pd.NA, index=panel.index, dtype="boolean")
    left = pd.Series(True, index=panel.index)
    own = [name for name in parts if name is not None]
    for name in own:
        mine = panel[definition.segment_by].astype("string").eq(name).fillna(False).astype(bool)
        out = out.mask(mine, _all(parts[name], panel))
        left &= ~mine
    return out.mask(left, _all(parts[None], panel)) if None in parts else out


def columns(definition: Definition) -> tuple[str, ...]:
    """Return the panel columns that a definition needs.

    Parameters
    ----------
    definition : Definition

    Returns
    -------
    tuple of str
        Each once, the segment's column last when any condition is for one segment.
    """
    needed = [name for condition in definition.conditions for name in condition.columns]
    by = [definition.segment_by] if any(c.segment for c in definition.conditions) else []
    return tuple(dict.fromkeys([*needed, *by]))


def request(definition: Definition) -> Request:
    """Return the words with which ``panel.build`` is asked for the columns.

    Parameters
    ----------
    definition : Definition

    Returns
    -------
    Request
        ``first_days``, ``windows_days`` (days, ascending) and ``features`` (product features),
        for ``panel.build(tables, cohort, **adoption.request(definition))``.
    """
    found = [measure(name) for condition in definition.conditions for name in condition.columns]
    return {
        "first_days": _lengths(found, "first"),
        "windows_days": _lengths(found, "last"),
        "features": tuple(sorted({m.feature for m in found if m.feature is not None})),
    }


def words(definition: Definition, present: Iterable[str] | None = None) -> str:
    """Say a definition in one phrase.

    Parameters
    ----------
    definition : Definition
    present : iterable of str, optional
        Segments that the phrase is about; where each has conditions of its own, those of all the
        others concern nobody and are not said.  All there may be when None.

    Returns
    -------
    str
        Conditions joined by "and", segment by segment, those of all the others last.
    """
    parts = definition.by_segment
    said = [
        f"in {name}: {' and '.join(condition.words() for condition in mine)}"
        for name, mine in parts.items()
        if name is not None
    ]
    nobody = present is not None and all(name in parts for name in present)
    if None in parts and not (said and nobody):
        rest = " and ".join(condition.words() for condition in parts[None])
        said.append(f"elsewhere: {rest}" if said else rest)
    return "; ".join(said)


def from_results(path: str | Path) -> Definition:
    """Take the threshold that a run has learnt as the definition of adoption.

    Parameters
    ----------
    path : str or Path
        ``results.json`` of ``02_adoption_thresholds``, the folder that holds it, or the folder of
        the run.

    Returns
    -------
    Definition
        The leading signal of each segment that has one, and that of the whole book for the others.

    Raises
    ------
    ParameterError
        There is no such file, or it is of another kind.
    DataError
        The run found no threshold, or a row cannot be read.
    """
    file = _results_file(Path(path))
    content = _content(file)
    leading: dict[object, Mapping[str, Any]] = {}
    for row in content["thresholds"]:
        if row.get("role") == "signal":
            leading.setdefault(row.get("segment"), row)
    if not leading:
        verdicts = sorted({str(row.get("verdict")) for row in content["thresholds"]})
        raise DataError(
            "this run found no threshold that could define adoption",
            where=str(file), got=", ".join(verdicts) or "no row",
            repair="state the definition in adoption_definition, or learn from a longer history",
        )  # fmt: skip
    try:
        conditions = tuple(_condition(row) for row in leading.values())
    except (KeyError, TypeError, ValueError, CsModelsError) as error:
        raise DataError(
            "a threshold of this run cannot be read as a definition of adoption",
            where=str(file), got=str(error).splitlines()[0], repair="run the notebook again",
        ) from error  # fmt: skip
    by = next((row["segment_by"] for row in leading.values() if row.get("segment_by")), "segment")
    return Definition(f"learnt from the history up to {content['as_of']}", conditions, str(by))


def _condition(row: Mapping[str, Any]) -> Condition:
    side = {"at_least": "at_least", "at_most": "fewer_than"}[row["direction"]]
    members = tuple(Level(m["column"], float(m["level"])) for m in row.get("members") or ())
    return Condition(
        column=None if members else row["column"],
        by_users=1 if members else int(row["min_users"]),
        of=members, segment=row["segment"], said=str(row["rule"]), **{side: float(row["cut"])},
    )  # fmt: skip


def _results_file(path: Path) -> Path:
    tried = [path, path / "results.json", path / NOTEBOOK / "results.json"]
    found = next((file for file in tried if file.is_file()), None)
    if found is None:
        raise ParameterError(
            "there are no learnt thresholds here",
            where=str(path), got="no results.json",
            repair=f"run {NOTEBOOK} first, and name its results.json or the run's folder",
        )  # fmt: skip
    return found


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError):
        content = None
    rows = content.get("thresholds") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ParameterError(
            f"this is not the results.json of {NOTEBOOK}",
            where=str(file), got="no list of thresholds",
            repair=f"name the results.json of {NOTEBOOK}, or the run's folder",
        )  # fmt: skip
    return {"as_of": "an unnamed day", **content}


def _lengths(found: Iterable[Measure], anchor: str) -> tuple[int, ...]:
    return tuple(sorted({m.days for m in found if m.anchor == anchor and m.days is not None}))


def _all(conditions: Iterable[Condition], panel: pd.DataFrame) -> pd.Series:
    held = pd.concat([condition.holds(panel) for condition in conditions], axis=1)
    return held.all(axis=1).astype("boolean").where(held.notna().all(axis=1))
