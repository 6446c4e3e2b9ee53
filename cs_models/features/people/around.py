"""What passed between us and each login before a day: answers, tickets, contacts, training.

Grain in: canonical surveys, tickets, touchpoints, milestones, subscriptions.  Grain out: one row
per user_id, or per account_id where only the account is known.

Dated example, on = 2024-03-01: a call of ours with u1 on 2024-02-20 makes
``days_since_our_contact__to_date`` 10; a ticket that u1 opened on 2024-02-01 and that was closed
on 2024-03-01 is open; an answer of 2023-09-03 is 180 days old and counts, one of 2023-09-02 does
not.

Source: ``methods.md`` 1.1, 1.4 (carry forward 180 days, else missing).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.contacts import US
from cs_models.features.relations.surveys import CARRIED_DAYS, KINDS
from cs_models.features.relationship import ONBOARDING

TRAINING: Final = "training"


def answers(surveys: ir.Table, on: date) -> ir.Table:
    """Take each login's latest answer of every kind, if it is of the last 180 days.

    Parameters
    ----------
    surveys : ibis.expr.types.Table
        Canonical surveys.
    on : datetime.date
        The decision date.

    Returns
    -------
    ibis.expr.types.Table
        ``answered_by`` and ``{kind}__to_date``, on each survey's own scale.
    """
    rows = _visible(surveys, "answered_date", on).drop_null("user_id")
    rows = rows.filter(_ago(rows.answered_date, on) <= CARRIED_DAYS)
    of_user = ibis.window(
        group_by=[rows.user_id, rows.kind],
        order_by=[rows.answered_at.desc(), rows.survey_id.desc()],
    )
    latest = rows.mutate(place=ibis.row_number().over(of_user)).filter(lambda t: t.place == 0)
    return latest.group_by(answered_by="user_id").agg(
        **{f"{kind}__to_date": latest.score.max(where=latest.kind == kind) for kind in KINDS}
    )


def open_tickets(tickets: ir.Table, on: date) -> ir.Table:
    """Count each login's tickets that were opened before a day and not closed before it.

    Parameters
    ----------
    tickets : ibis.expr.types.Table
        Canonical tickets.
    on : datetime.date
        The decision date.

    Returns
    -------
    ibis.expr.types.Table
        ``opened_by``, ``open_tickets__to_date`` and ``any_closed``: without any closing on record
        every ticket would look open.
    """
    rows = _visible(tickets, "opened_date", on).drop_null("user_id")
    closed = sight.past(rows.closed_date, ibis.literal(on))
    return rows.group_by(opened_by="user_id").agg(
        open_tickets__to_date=(~closed).sum(), any_closed=closed.any()
    )


def contacts(touchpoints: ir.Table, on: date) -> ir.Table:
    """Date our last contact with each login, and say who had a training.

    Parameters
    ----------
    touchpoints : ibis.expr.types.Table
        Canonical touchpoints.
    on : datetime.date
        The decision date.

    Returns
    -------
    ibis.expr.types.Table
        ``contacted``, ``contact_ago`` (days; null when we never did), ``had_training``.
    """
    rows = _visible(touchpoints, "occurred_date", on).drop_null("user_id")
    ours = (rows.initiated_by == US).fill_null(False)
    return rows.group_by(contacted="user_id").agg(
        contact_ago=_ago(rows.occurred_date, on).min(where=ours),
        had_training=(rows.kind == TRAINING).any(),
    )


def onboarded(milestones: ir.Table, on: date) -> ir.Table:
    """Say of every account with an onboarding plan whether all its steps were done before a day.

    Parameters
    ----------
    milestones : ibis.expr.types.Table
        Canonical milestones.
    on : datetime.date
        The decision date.

    Returns
    -------
    ibis.expr.types.Table
        ``onboarded_account`` and ``all_steps_done``.
    """
    steps = milestones.filter((milestones.kind == ONBOARDING).fill_null(False))
    done = sight.past(steps.completed_at, ibis.literal(on))
    return steps.group_by(onboarded_account="account_id").agg(all_steps_done=done.all())


def contract(subscriptions: ir.Table, on: date) -> ir.Table:
    """Add up each account's running terms.

    Parameters
    ----------
    subscriptions : ibis.expr.types.Table
        Canonical subscriptions.  A term runs from its first day (known then) to the day before
        its end, or before an early end that has come.
    on : datetime.date
        The decision date.

    Returns
    -------
    ibis.expr.types.Table
        ``paying``, ``arr`` (of all running terms), ``term_end`` (the first to come; null when
        open-ended).
    """
    today = ibis.literal(on)
    over = (subscriptions.term_end <= today) | (subscriptions.ended_at <= today)
    running = subscriptions.filter((subscriptions.term_start <= today) & ~over.fill_null(False))
    return running.group_by(paying="account_id").agg(
        arr=running.arr.sum().cast("float64"), term_end=running.term_end.min()
    )


def _visible(rows: ir.Table, happened: str, on: date) -> ir.Table:
    return rows.filter(sight.visible(rows[happened], rows.known_date, ibis.literal(on)))


def _ago(day: ir.DateValue, on: date) -> ir.IntegerValue:
    return ibis.literal(on).delta(day, unit="day").cast("int64")
