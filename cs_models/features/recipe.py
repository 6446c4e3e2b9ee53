"""How a panel is made: which windows and features, and what of them was recorded.

Everything that is looked up in the data before a column can be made is looked up here, once a
panel, and written into the recipe.  The guards make sampled rows again from the recipe and
tables that were cut or altered: what stands in the recipe is a fact about the records or the
product as a whole, never about an account, and a column may depend on nothing else that a
decision date could not see.

Source: ``methods.md`` 1.1 (leakage tests, left truncation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from cs_models.errors import DataError, ParameterError
from cs_models.features import product, recording, relationship
from cs_models.features.relations import records
from cs_models.features.relations.request import Request as Relations
from cs_models.features.usage import columns
from cs_models.features.usage.request import Request


@dataclass(frozen=True)
class Recipe:
    """How a panel was made, so that the guards can make it again.

    ``breadth`` are the features that ``distinct_features`` counts: those there from the start;
    ``has_users`` is False when the source names no user, and then nothing about users is known.
    ``appeared`` has the
    first day of each of ``features``, or "" for one that was there from the beginning.
    ``tickets_since`` is "" without tickets; ``tickets_rated`` and ``onboarding`` say whether
    the records hold any severity and any completed onboarding milestone.  ``brief`` leaves out
    the account's own columns that no feature needs.  ``relations`` is what of the relationship is
    told, None without those columns.
    """

    windows_days: tuple[int, ...]
    first_days: tuple[int, ...]
    features: tuple[str, ...]
    breadth: tuple[str, ...]
    has_users: bool
    data_start: str
    before_days: tuple[int, ...] = ()
    appeared: tuple[str, ...] = ()
    tickets_since: str = ""
    tickets_rated: bool = False
    onboarding: bool = False
    brief: bool = False
    relations: Relations | None = None

    @property
    def usage(self) -> Request:
        """What of the use of the product is to be counted."""
        return Request(
            last_days=self.windows_days,
            first_days=self.first_days,
            features=self.features,
            breadth=self.breadth,
            before_days=self.before_days,
            brief=self.brief,
        )

    @property
    def recorded(self) -> columns.Recorded:
        """What of the use of the product was recorded."""
        appeared = {
            name: date.fromisoformat(day)
            for name, day in zip(self.features, self.appeared, strict=False)
            if day
        }
        return columns.Recorded(date.fromisoformat(self.data_start), self.has_users, appeared)

    @property
    def relationship(self) -> relationship.Request:
        """What of tickets and onboarding is to be counted."""
        since = date.fromisoformat(self.tickets_since) if self.tickets_since else None
        return relationship.Request(self.usage.windows, since, self.tickets_rated, self.onboarding)

    def plain(self) -> dict[str, object]:
        """Return the recipe as lists and scalars, which survive being written with a frame."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["relations"] = self.relations.plain() if self.relations else None
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def read(frame: pd.DataFrame) -> Recipe:
    """Return the recipe a panel was made from.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel of ``panel.build`` with its ``attrs``.

    Returns
    -------
    Recipe
        Equal to the one it was made from.

    Raises
    ------
    DataError
        If the frame carries none.
    """
    stored = frame.attrs.get("recipe")
    if not isinstance(stored, dict):
        raise DataError(
            "the panel does not say how it was made",
            where="frame.attrs['recipe']",
            got=repr(stored),
            repair="pass the frame that panel.build returned, or give rebuild=",
        )
    parts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    if isinstance(parts.get("relations"), dict):
        parts["relations"] = Relations.of(parts["relations"])
    return Recipe(**parts)


def plan(
    tables: Mapping[str, ir.Table],
    data_start: date,
    *,
    windows_days: Sequence[int],
    first_days: Sequence[int],
    before_days: Sequence[int],
    min_accounts: int,
    features: Sequence[str] | None,
    relations: bool = False,
    export_features: Sequence[str] | None = None,
) -> tuple[Recipe, dict[str, int]]:
    """Look up what the records hold and write the recipe of a panel.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    data_start : datetime.date
        First day of recorded usage.
    windows_days, first_days, before_days : sequence of int
        Lengths of the windows, in days.
    min_accounts : int
        Accounts that a feature must reach.
    features : sequence of str or None
        Only these features get columns; those that reach enough accounts when None.
    relations : bool, default False
        Whether the relationship is told too.
    export_features : sequence of str, optional
        Features that carry data away; told by their names when None.

    Returns
    -------
    tuple[Recipe, dict[str, int]]
        The recipe, and the features that reach too few accounts, with how many they reach.

    Raises
    ------
    ParameterError
        If a window is not between 1 and 3650 days, or a feature is named twice or never occurs.
    """
    last, first = _lengths("windows_days", windows_days), _lengths("first_days", first_days)
    before = _lengths("before_days", before_days)
    kept, rare = product.reached(tables["events"], min_accounts)
    chosen = kept if features is None else product.named_once(features)
    product.all_there(chosen, {*kept, *rare})
    since, rated = _tickets(tables)
    appeared = _appeared(tables["events"], chosen, data_start)
    days = appeared if chosen == kept else _appeared(tables["events"], kept, data_start)
    told = None
    if relations:
        known = dict(zip(kept, days, strict=True))
        told = records.look_up(
            tables,
            last_days=last,
            data_start=data_start,
            users_named=_has_users(tables["events"]),
            tickets=(since, rated),
            mix=known,
            exports=_exports(tables["events"], export_features, known, rare, data_start),
        )
    recipe = Recipe(
        windows_days=last,
        first_days=first,
        before_days=before,
        features=chosen,
        # With a feature that came late, how many are used would tell when a term began.
        breadth=tuple(name for name, day in zip(kept, days, strict=True) if not day),
        has_users=_has_users(tables["events"]),
        data_start=data_start.isoformat(),
        appeared=appeared,
        tickets_since=since,
        tickets_rated=rated,
        onboarding=_onboarding(tables),
        relations=told,
    )
    return recipe, rare


def renewed(kept: Recipe, fresh: Recipe) -> Recipe:
    """Return a kept recipe as it has to be for later records: the same columns, told alike.

    What is counted stays as it was when something was learnt from it.  What is recorded is a fact
    about the records: what they hold no longer is told no longer, and no window opens before their
    first day.

    Parameters
    ----------
    kept : Recipe
        Of the panel that was learnt from.
    fresh : Recipe
        Of the later records, with the same windows and features.

    Returns
    -------
    Recipe
    """
    return replace(
        kept,
        has_users=kept.has_users and fresh.has_users,
        data_start=max(kept.data_start, fresh.data_start),
        appeared=fresh.appeared,
        tickets_since=_both(kept.tickets_since, fresh.tickets_since),
        tickets_rated=kept.tickets_rated and fresh.tickets_rated,
        onboarding=kept.onboarding and fresh.onboarding,
        relations=kept.relations and fresh.relations and _told(kept.relations, fresh.relations),
    )


def _told(kept: Relations, fresh: Relations) -> Relations:
    """Return what of the relationship is told: facts are those that both records hold."""
    later: dict[str, Any] = {}
    for name in (field.name for field in fields(kept)):
        one, other = getattr(kept, name), getattr(fresh, name)
        if isinstance(one, bool):
            later[name] = one and other
        elif name in ("surveys", "roles", "contacts_by"):
            later[name] = tuple(item for item in one if item in other)
        elif isinstance(one, str):
            later[name] = _both(one, other)
        else:
            later[name] = one
    return replace(kept, **later)


def _both(one: str, other: str) -> str:
    """Return the later of two first days; "" where one of the records holds nothing."""
    return max(one, other) if one and other else ""


def brief(events: ir.Table, data_start: date, features: Sequence[str]) -> Recipe:
    """Write the recipe of a panel of a few features, which still has to be given its window.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events.
    data_start : datetime.date
        First day of recorded usage.
    features : sequence of str
        The features with columns of their own.

    Returns
    -------
    Recipe
        Without windows, and without the columns that no feature needs.

    Raises
    ------
    ParameterError
        If a feature is named twice.
    """
    chosen = product.named_once(features)
    return Recipe(
        windows_days=(),
        first_days=(),
        features=chosen,
        breadth=(),
        has_users=_has_users(events),
        data_start=data_start.isoformat(),
        appeared=_appeared(events, chosen, data_start),
        brief=True,
    )


def _exports(
    events: ir.Table,
    asked: Sequence[str] | None,
    kept: Mapping[str, str],
    rare: Mapping[str, int],
    data_start: date,
) -> dict[str, str]:
    """Return the features that carry data away with their first days, "" from the beginning."""
    if asked is None:
        return {name: day for name, day in kept.items() if records.carries_data_away(name)}
    chosen = product.named_once(asked, where="export_features")
    product.all_there(chosen, {*kept, *rare}, where="export_features")
    return dict(zip(chosen, _appeared(events, chosen, data_start), strict=True))


def _appeared(events: ir.Table, features: Sequence[str], data_start: date) -> tuple[str, ...]:
    """Return each feature's first day in ISO form, "" where it was there from the beginning."""
    found = recording.appearances(events, features, data_start)
    return tuple(found[name].isoformat() if name in found else "" for name in features)


def _has_users(events: ir.Table) -> bool:
    """Return whether the source names any user."""
    return bool(events.drop_null("user_id").limit(1).count().execute())


def _lengths(where: str, lengths: Sequence[int]) -> tuple[int, ...]:
    """Return window lengths in ascending order, each once."""
    for length in lengths:
        if not 1 <= length <= 3650:
            raise ParameterError(
                "out of range", where=where, got=str(length), repair="1 to 3650 days"
            )
    return tuple(sorted(set(lengths)))


def _tickets(tables: Mapping[str, ir.Table]) -> tuple[str, bool]:
    """Return the first day of recorded tickets, and whether any has a severity."""
    if "tickets" not in tables:
        return "", False
    tickets = tables["tickets"].drop_null("opened_date")
    if not tickets.count().execute():
        return "", False
    # The rule for events: a ticket dated years early must not open windows that nobody kept.
    since, _ = recording.first_day(tickets.select(event_date="opened_date"))
    return since.isoformat(), bool(tickets.severity.count().execute())


def _onboarding(tables: Mapping[str, ir.Table]) -> bool:
    """Return whether the records hold a completed onboarding milestone.

    Without one, nothing completed means that completion is not recorded.
    """
    if "milestones" not in tables:
        return False
    steps = tables["milestones"]
    done = steps.filter(steps.kind == relationship.ONBOARDING).drop_null("completed_at")
    return bool(done.limit(1).count().execute())
