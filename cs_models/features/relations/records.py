"""What the records of the relationship hold: looked up once a panel, written into its recipe.

Grain: the canonical tables in, one request out.  Nothing here is about one account: which roles are
ever named, whether a closing was ever written down, since when contacts are kept.

Source: ``methods.md`` 1.1, 2.1 (missing is never zero).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir

from cs_models.features import recording
from cs_models.features.relations.milestones import GOAL
from cs_models.features.relations.request import Request
from cs_models.features.relationship import ONBOARDING

EXPORT_WORDS: Final = ("export", "download")


def look_up(
    tables: Mapping[str, ir.Table],
    *,
    last_days: Sequence[int],
    data_start: date,
    users_named: bool,
    tickets: tuple[str, bool],
    mix: Mapping[str, str],
    exports: Mapping[str, str],
) -> Request:
    """Look up what the records hold.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables; those that the source lacks are absent.
    last_days : sequence of int
        Lengths of the windows before the decision date, in days.
    data_start : datetime.date
        First day of recorded use.
    users_named : bool
        Whether any event names its user.
    tickets : tuple[str, bool]
        First day of recorded tickets ("" for none), and whether any has a severity.
    mix, exports : mapping of str to str
        Features whose shares are compared, and those that carry data away, each with its first day
        in ISO form, or "" for one that was there from the beginning.

    Returns
    -------
    Request
    """
    facts: dict[str, Any] = {}
    for name, look in (
        ("tickets", _tickets),
        ("surveys", _surveys),
        ("touchpoints", _contacts),
        ("users", _people),
        ("milestones", _milestones),
        ("health_scores", _health),
    ):
        if name in tables:
            facts |= look(tables[name])
    start = data_start.isoformat()
    return Request(
        last_days=tuple(last_days),
        data_start=start,
        users_named=users_named,
        tickets_since=tickets[0],
        tickets_rated=tickets[1],
        mix=tuple(mix),
        mix_since=tuple(day or start for day in mix.values()),
        exports=tuple(exports),
        exports_since=tuple(day or start for day in exports.values()),
        **facts,
    )


def carries_data_away(feature: str) -> bool:
    """Return whether a feature's name says that it exports or downloads.

    Parameters
    ----------
    feature : str
        The product feature's own text.

    Returns
    -------
    bool
    """
    return any(word in feature.casefold() for word in EXPORT_WORDS)


def _tickets(tickets: ir.Table) -> dict[str, Any]:
    """Say what is ever written of tickets."""
    return _row(
        tickets,
        tickets_closed=tickets.closed_date.notnull().any(),
        tickets_escalated=tickets.escalated.any(),
    )


def _surveys(surveys: ir.Table) -> dict[str, Any]:
    """Say which surveys were ever answered."""
    return {"surveys": _values(surveys, "kind")}


def _contacts(contacts: ir.Table) -> dict[str, Any]:
    """Say since when contacts are kept, and who is ever said to have begun one."""
    by = _values(contacts, "initiated_by")
    if not by:
        return {}
    # The rule for events: a contact dated years early must not open windows that nobody kept.
    since, _ = recording.first_day(contacts.select(event_date="occurred_date"))
    return {"contacts_since": since.isoformat(), "contacts_by": by}


def _people(users: ir.Table) -> dict[str, Any]:
    """Say which roles are ever named, and whether anybody was seen to leave."""
    left = _row(users, departures=users.deactivated_date.notnull().any())
    return {"roles": _values(users, "role"), **left}


def _milestones(steps: ir.Table) -> dict[str, Any]:
    """Say what is ever written of onboarding steps and goals."""
    due, done = steps.due_at.notnull(), steps.completed_at.notnull()
    onboarding, goal = steps.kind == ONBOARDING, steps.kind == GOAL
    return _row(
        steps,
        onboarding_due=(onboarding & due).any(),
        onboarding_done=(onboarding & done).any(),
        goals_due=(goal & due).any(),
        goals_done=(goal & done).any(),
    )


def _health(scores: ir.Table) -> dict[str, Any]:
    """Say whether there is any score."""
    return _row(scores, health=scores.score.notnull().any())


def _values(rows: ir.Table, name: str) -> tuple[str, ...]:
    """Return the values of a category that occur, in order of text."""
    found = rows.select(name).drop_null(name).distinct().to_pyarrow()[name].to_pylist()
    return tuple(sorted(found))


def _row(rows: ir.Table, **facts: ir.BooleanScalar) -> dict[str, bool]:
    """Return yes or no; no rows is no."""
    found = rows.agg(**facts).to_pyarrow().to_pylist()[0]
    return {name: bool(value) for name, value in found.items()}
