"""Steps towards value as they stood on a decision date: late, undone, reached.

Grain in: canonical milestones, one row a step of an account; points.  Grain out: one row a point
whose account has any.

The plan (which steps, due when) is known always, a completion from the day after on.  A step is
overdue when it was due before D and not completed before D; due on D, it is not.  Dated example, D
= 2024-03-01: training due on 2024-02-20 and completed on 2024-03-01 is overdue and 10 days late; a
kick-off due on 2024-01-10 and held on 2024-01-24 is not overdue, and 14 days late.

An account without such steps (goals), or without due dates where they are needed, has the columns
missing.

Source: ``methods.md`` 1.4 (time to onboard); ``customer_success.md`` M5, Q1.
"""

from __future__ import annotations

from typing import Final

import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.request import Column, Request, to_date
from cs_models.features.relationship import ONBOARDING

GOAL: Final = "goal"


def columns(request: Request) -> list[Column]:
    """Return the columns in order.

    Parameters
    ----------
    request : Request
        What the records hold; without any completion, nothing says what is undone.

    Returns
    -------
    list[Column]
    """
    onboarding = request.onboarding_due and request.onboarding_done
    told = {
        "onboarding_overdue_steps": onboarding,
        "onboarding_days_late": onboarding,
        "goals_reached": request.goals_done,
        "goals_overdue": request.goals_due and request.goals_done,
    }
    return [Column(to_date(name)) for name, known in told.items() if known]


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Count the steps of every point whose account has any.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; milestones is read.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        What to count.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and whole numbers named as the columns; null where the account
        has no such step.
    """
    del request  # every number is told; the columns choose
    steps = tables["milestones"].select("kind", "due_at", "completed_at", of_account="account_id")
    plan = steps.join(points, steps.of_account == points.account_id)
    done = sight.past(plan.completed_at, plan.as_of_date)
    overdue = (plan.due_at < plan.as_of_date) & ~done
    closed = done.ifelse(plan.completed_at, plan.as_of_date)
    late = closed.delta(plan.due_at, unit="day").cast("int64").clip(lower=0)
    dated = plan.due_at.notnull()
    onboarding, goal = plan.kind == ONBOARDING, plan.kind == GOAL
    return plan.group_by("point").agg(
        onboarding_overdue_steps__to_date=overdue.sum(where=onboarding & dated),
        onboarding_days_late__to_date=late.max(where=onboarding & dated),
        goals_reached__to_date=done.sum(where=goal),
        goals_overdue__to_date=overdue.sum(where=goal & dated),
    )
