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
}


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
        ticket's closing, a milestone's completion.
    """
    world = dict(tables)
    for name in tables:
        rows = _limited(tables[name], limits)
        limit = rows["limit"]
        if name in _HAPPENED:
            rows = rows.filter(rows[_HAPPENED[name]] < limit, rows.known_date <= limit)
            if name == "tickets":
                rows = _until(rows, rows.closed_date < limit, "closed_at", "closed_date")
        elif name == "subscriptions":
            rows = _undecided(rows.filter(rows.term_start <= limit))
        elif name == "users":
            left = rows.deactivated_date < limit
            rows = rows.filter(rows.created_date < limit).mutate(
                deactivated_date=left.ifelse(rows.deactivated_date, ibis.null("date"))
            )
        elif name == "milestones":
            rows = _until(rows, rows.completed_at < limit, "completed_at", "known_date")
        world[name] = rows.drop("limit")
    return world


def future_altered(tables: Mapping[str, ir.Table], limits: ir.Table) -> dict[str, ir.Table]:
    """Alter every event, ticket and completion that its account's limit may not see.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    limits : ibis.expr.types.Table
        account_id, limit.

    Returns
    -------
    dict[str, ibis.expr.types.Table]
        The same tables but for three.  ``events``: each later event takes the feature of the
        one before it in the account's future, another user and a larger quantity, and is there
        twice.  ``tickets``: each later one is critical and there twice.  ``milestones``: each
        that was open is completed on the limit itself.
    """
    world = {**tables, "events": _events_altered(tables["events"], limits)}
    if "tickets" in tables:
        rows = _limited(tables["tickets"], limits)
        visible = (rows.opened_date < rows["limit"]) & (rows.known_date <= rows["limit"])
        future = rows.filter(~visible).mutate(severity=ibis.literal("critical"))
        world["tickets"] = ibis.union(rows.filter(visible), future, future).drop("limit")
    if "milestones" in tables:
        rows = _limited(tables["milestones"], limits)
        done = (rows.completed_at < rows["limit"]).fill_null(False)
        world["milestones"] = rows.mutate(
            completed_at=done.ifelse(rows.completed_at, rows["limit"])
        ).drop("limit")
    return world


def _events_altered(events: ir.Table, limits: ir.Table) -> ir.Table:
    """Permute and alter the events that their account's limit may not see."""
    rows = _limited(events, limits)
    visible = (rows.event_date < rows["limit"]) & (rows.known_date <= rows["limit"])
    future = rows.filter(~visible)
    order = ibis.window(
        group_by=future.account_id,
        order_by=[future.event_date, future.feature, future.user_id],
    )
    future = future.mutate(
        feature=future.feature.lag().over(order).fill_null(future.feature),
        user_id="another " + future.user_id.fill_null("user"),
        quantity=(future.quantity.fill_null(1) + 7).cast("decimal(18, 3)"),
    )
    return ibis.union(rows.filter(visible), future, future).drop("limit")


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
