"""Tables as they stood on a decision date, and tables whose future was altered.

Grain: canonical tables in, canonical tables out, with the sampled accounts only; each account
has one limit, its sampled decision date D.  The leak guards make panel rows from these.

Source: ``methods.md`` 1.1 (leakage tests a and b).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

# The day on which a row happened; all of these tables also have `known_date`.
_HAPPENED: Final = {
    "events": "event_date",
    "tickets": "opened_date",
    "surveys": "answered_date",
    "touchpoints": "occurred_date",
    "health_scores": "scored_date",
}
_FAR: Final = 10_000.0  # a score that no scale reaches


class Counts(NamedTuple):
    """Events of the sampled accounts that their decision dates may and may not see."""

    before: int
    after: int


def limits(chosen: pd.DataFrame) -> ir.Table:
    """Return account_id and limit, one row an account.

    Parameters
    ----------
    chosen : pandas.DataFrame
        Panel rows, at most one an account_id.

    Returns
    -------
    ibis.expr.types.Table
        account_id string, limit date.
    """
    rows = {"account_id": chosen["account_id"], "limit": chosen["as_of_date"].dt.date}
    return ibis.memtable(
        pd.DataFrame(rows).reset_index(drop=True),
        schema=ibis.schema({"account_id": "string", "limit": "date"}),
    )


def sampled(tables: Mapping[str, ir.Table], limits: ir.Table) -> dict[str, ir.Table]:
    """Fetch the sampled accounts' events once, so that each guard does not read them all again.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    limits : ibis.expr.types.Table
        account_id, limit.

    Returns
    -------
    dict[str, ibis.expr.types.Table]
        The same tables, ``events`` in memory and of the sampled accounts only.
    """
    events = _limited(tables["events"], limits).drop("limit")
    return {**tables, "events": ibis.memtable(events.to_pyarrow())}


def counts(tables: Mapping[str, ir.Table], limits: ir.Table) -> Counts:
    """Count the sampled accounts' events on either side of the limits.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    limits : ibis.expr.types.Table
        account_id, limit.

    Returns
    -------
    Counts
        Events that may and may not be seen.
    """
    rows = _limited(tables["events"], limits)
    visible = (rows.event_date < rows["limit"]) & (rows.known_date <= rows["limit"])
    before, after = rows.agg(before=visible.sum(), after=(~visible).sum()).execute().iloc[0]
    return Counts(*(0 if pd.isna(n) else int(n) for n in (before, after)))


def truncated(tables: Mapping[str, ir.Table], limits: ir.Table) -> dict[str, ir.Table]:
    """Cut every table at its account's limit.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    limits : ibis.expr.types.Table
        account_id, limit.

    Returns
    -------
    dict[str, ibis.expr.types.Table]
        Rows that happened on or after the limit, or were known later, are gone; so is what
        a row that stays came to say later: a term's outcome and end, a user's leaving, a
        ticket's closing and, while it was open, its escalation, a milestone's completion.
    """
    world = dict(tables)
    for name in tables:
        rows = _limited(tables[name], limits)
        limit = rows["limit"]
        if name in _HAPPENED:
            rows = rows.filter(rows[_HAPPENED[name]] < limit, rows.known_date <= limit)
            if name == "tickets":
                closing = ("closed_at", "closed_date", "escalated")
                rows = _until(rows, rows.closed_date < limit, *closing)
        elif name == "subscriptions":
            rows = _undecided(rows.filter(rows.term_start <= limit))
        elif name == "users":
            rows = rows.filter(rows.created_date < limit)
            left = rows.deactivated_date < rows["limit"]
            rows = _until(rows, left, "deactivated_at", "deactivated_date")
        elif name == "milestones":
            rows = _until(rows, rows.completed_at < limit, "completed_at", "known_date")
        world[name] = rows.drop("limit")
    return world


def future_altered(tables: Mapping[str, ir.Table], limits: ir.Table) -> dict[str, ir.Table]:
    """Alter everything that its account's limit may not see.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    limits : ibis.expr.types.Table
        account_id, limit.

    Returns
    -------
    dict[str, ibis.expr.types.Table]
        The same tables, altered where they hold what columns are made of.  ``events``: each later
        event takes the feature of the one before it in the account's future, another user and a
        larger quantity, and is there twice.  ``tickets``: each later one is critical and there
        twice; each that was open is escalated and closed on the limit itself.  ``surveys`` and
        ``health_scores``: each later score is far off the scale and there twice.  ``touchpoints``:
        each later one was begun by the other side and is there twice.  ``users``: everybody who
        was there leaves on the limit itself.  ``milestones``: each that was open is completed on
        the limit itself.  Every account gets, on its limit, a ticket, an answer of each kind, a
        contact of either side, a champion, a decision maker and a score.
    """
    world = dict(tables)
    for name, alter in _ALTERED.items():
        if name in tables:
            world[name] = alter(tables[name], limits)
    return world


def _tickets_altered(tickets: ir.Table, limits: ir.Table) -> ir.Table:
    """Make later tickets critical, and close and escalate on the limit what was open."""
    past, future = _divided(tickets, limits, "opened_date")
    future = future.mutate(severity=ibis.literal("critical"), escalated=ibis.literal(True))
    closed = (past.closed_date < past["limit"]).fill_null(False)
    past = past.mutate(
        closed_date=closed.ifelse(past.closed_date, past["limit"]),
        escalated=closed.ifelse(past.escalated, True),
    )
    planted = _planted(tickets, limits, "opened_date", severity="critical", escalated=True)
    return _together(tickets, past, future, future, planted)


def _surveys_altered(surveys: ir.Table, limits: ir.Table) -> ir.Table:
    """Move later answers off the scale."""
    past, future = _divided(surveys, limits, "answered_date")
    future = future.mutate(score=ibis.literal(_FAR))
    planted = [
        _planted(surveys, limits, "answered_date", kind=kind, score=_FAR)
        for kind in ("nps", "csat", "proficiency")
    ]
    return _together(surveys, past, future, future, *planted)


def _contacts_altered(contacts: ir.Table, limits: ir.Table) -> ir.Table:
    """Let the other side have begun later contacts."""
    past, future = _divided(contacts, limits, "occurred_date")
    other = (future.initiated_by == "us").fill_null(True).ifelse("customer", "us")
    future = future.mutate(initiated_by=other)
    planted = [
        _planted(contacts, limits, "occurred_date", initiated_by=side)
        for side in ("us", "customer")
    ]
    return _together(contacts, past, future, future, *planted)


def _health_altered(scores: ir.Table, limits: ir.Table) -> ir.Table:
    """Move later scores off the scale."""
    past, future = _divided(scores, limits, "scored_date")
    future = future.mutate(score=ibis.literal(_FAR))
    planted = _planted(scores, limits, "scored_date", score=_FAR)
    return _together(scores, past, future, future, planted)


def _users_altered(users: ir.Table, limits: ir.Table) -> ir.Table:
    """Let everybody leave on the limit, and somebody of either role arrive on it."""
    rows = _limited(users, limits)
    gone = (rows.deactivated_date < rows["limit"]).fill_null(False)
    rows = rows.mutate(deactivated_date=gone.ifelse(rows.deactivated_date, rows["limit"]))
    planted = [
        _planted(users, limits, "created_date", role=role)
        for role in ("champion", "decision_maker")
    ]
    return _together(users, rows, *planted)


def _milestones_altered(steps: ir.Table, limits: ir.Table) -> ir.Table:
    """Complete on the limit what was open."""
    rows = _limited(steps, limits)
    done = (rows.completed_at < rows["limit"]).fill_null(False)
    return rows.mutate(completed_at=done.ifelse(rows.completed_at, rows["limit"])).drop("limit")


def _events_altered(events: ir.Table, limits: ir.Table) -> ir.Table:
    """Permute and alter the events that their account's limit may not see."""
    past, future = _divided(events, limits, "event_date")
    order = ibis.window(
        group_by=future.account_id,
        order_by=[future.event_date, future.feature, future.user_id],
    )
    future = future.mutate(
        feature=future.feature.lag().over(order).fill_null(future.feature),
        user_id="another " + future.user_id.fill_null("user"),
        quantity=(future.quantity.fill_null(1) + 7).cast("decimal(18, 3)"),
    )
    return _together(events, past, future, future)


_ALTERED: Final = {
    "events": _events_altered,
    "tickets": _tickets_altered,
    "surveys": _surveys_altered,
    "touchpoints": _contacts_altered,
    "users": _users_altered,
    "milestones": _milestones_altered,
    "health_scores": _health_altered,
}


def _divided(rows: ir.Table, limits: ir.Table, happened: str) -> tuple[ir.Table, ir.Table]:
    """Return what each account's limit may see, and what it may not."""
    rows = _limited(rows, limits)
    visible = (rows[happened] < rows["limit"]) & (rows.known_date <= rows["limit"])
    return rows.filter(visible), rows.filter(~visible)


def _planted(rows: ir.Table, limits: ir.Table, happened: str, **values: object) -> ir.Table:
    """Return a row for every account that happened on its limit, and was known on it."""
    own: dict[str, ir.Value] = {name: ibis.literal(value) for name, value in values.items()}
    instant = happened.replace("_date", "_at")
    own |= dict.fromkeys((happened, instant, "known_date"), limits["limit"])
    own["account_id"] = limits.account_id
    schema = rows.schema()
    return limits.select(
        **{
            name: own[name].cast(dtype) if name in own else ibis.null(dtype)
            for name, dtype in schema.items()
        },
        limit=limits["limit"],
    )


def _together(like: ir.Table, *parts: ir.Table) -> ir.Table:
    """Put rows together again, in the columns and types that they came in."""
    columns = like.columns
    return ibis.union(*(part.select(*columns).cast(like.schema()) for part in parts))


def _until(rows: ir.Table, told: ir.BooleanValue, *names: str) -> ir.Table:
    """Blank columns where they were not told yet."""
    return rows.mutate(
        **{name: told.ifelse(rows[name], ibis.null(rows[name].type())) for name in names}
    )


def _limited(rows: ir.Table, limits: ir.Table) -> ir.Table:
    """Keep the sampled accounts' rows, each with its account's limit."""
    return rows.inner_join(limits, "account_id").select(*rows.columns, "limit")


def _undecided(rows: ir.Table) -> ir.Table:
    """Forget what became of each term after the limit."""
    limit = rows["limit"]
    ended = rows.ended_at.fill_null(rows.term_end) <= limit
    later = {
        name: (rows[name] <= limit).ifelse(rows[name], ibis.null("date"))
        for name in ("ended_at", "cancel_requested_at", "decided_at")
    }
    return rows.mutate(outcome=ended.ifelse(rows.outcome, "pending"), **later)
