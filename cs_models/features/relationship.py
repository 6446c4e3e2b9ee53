"""What passed between us and an account up to a decision date: tickets, and onboarding.

Grain in: canonical tickets and milestones, and points (subscription_id, account_id, as_of_date
D, term_start s).  Grain out: one row per (subscription_id, as_of_date).

A ticket enters a point iff ``opened_date < D`` and ``known_date <= D``; its severity is taken
as the records give it.  A milestone is part of the plan from the beginning, its completion is
known from the day after on.  One dated example: s = 2024-01-01 and D = 2024-03-01.  A ticket
opened on 2024-02-29 counts in ``tickets__first_60d`` and ``tickets__last_7d``.  With kick-off
held on 2023-12-20 and training completed on 2024-01-31, ``onboarded__first_30d`` is 0 and
``onboarded__first_60d`` is 1.

Missing means not recorded: the window begins before the first ticket of the records, had not
ended by D, or the account has no onboarding milestones.

Nothing here knows an outcome: the points carry none, and this module cannot import it.

Source: ``methods.md`` 1.1 (point in time), 1.4 (time to onboard); ``SEVERE`` as in the
contract's severities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.features.catalogue import Measure
from cs_models.features.usage.columns import KEY
from cs_models.features.usage.request import Window

SEVERE: Final = ("high", "critical")
ONBOARDING: Final = "onboarding"


@dataclass(frozen=True)
class Request:
    """What is to be counted, and what of it was recorded.

    Parameters
    ----------
    windows : tuple of Window
        Windows before the decision date (``last``) and from the term's start (``first``).
    tickets_since : datetime.date or None
        First day of recorded tickets; None where there are none.
    rated : bool
        Whether the records give any ticket's severity.
    onboarding : bool
        Whether the records hold any completed onboarding milestone.
    """

    windows: tuple[Window, ...]
    tickets_since: date | None
    rated: bool
    onboarding: bool


def measures(request: Request) -> list[Measure]:
    """Return the columns in order.

    Parameters
    ----------
    request : Request
        What is counted.

    Returns
    -------
    list[Measure]
    """
    return list(_measures(request))


def _measures(request: Request) -> Iterator[Measure]:
    """Yield the columns in order."""
    if request.tickets_since is not None:
        for kind in ("tickets", "severe_tickets"):
            for window in request.windows:
                yield Measure(kind, None, window.anchor, window.days)
    if request.onboarding:
        for window in request.windows:
            if window.anchor == "first":
                yield Measure("onboarded", None, "first", window.days)


def expression(tables: Mapping[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Count every point's tickets and open onboarding steps.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: tickets and milestones, as far as the request asks for them.
    points : ibis.expr.types.Table
        subscription_id, account_id, as_of_date, term_start; nothing of the outcome.
    request : Request
        What to count.

    Returns
    -------
    ibis.expr.types.Table
        One row a point: subscription_id, as_of_date, term_start, for each window
        ``tickets_*`` and ``severe_tickets_*`` int64, and ``steps`` int64 (onboarding
        milestones the account has; null without) with ``open_*`` int64 (those not completed
        when the window ended) for each window from the term's start.
    """
    rows = points.select(*KEY, "account_id", "term_start")
    parts = []
    if request.tickets_since is not None:
        parts.append(_tickets(tables["tickets"], rows, request))
    if request.onboarding:
        parts.append(_steps(tables["milestones"], rows, request))
    for part in parts:
        rows = rows.left_join(part, KEY).drop([f"{name}_right" for name in KEY])
    return rows.drop("account_id")


def _tickets(tickets: ir.Table, points: ir.Table, request: Request) -> ir.Table:
    """Count the tickets of every point that has any."""
    opened = tickets.select("opened_date", "known_date", "severity", opened_by="account_id")
    seen = opened.join(
        points,
        [
            opened.opened_by == points.account_id,
            opened.opened_date < points.as_of_date,
            opened.known_date <= points.as_of_date,
        ],
    )
    ago = seen.as_of_date.delta(seen.opened_date, unit="day")
    into = seen.opened_date.delta(seen.term_start, unit="day")
    severe = seen.severity.isin(SEVERE).fill_null(False)
    counted = {}
    for window in request.windows:
        inside = ago <= window.days
        if window.anchor == "first":
            inside = (into >= 0) & (into < window.days)
        counted[f"tickets_{window.name}"] = inside.sum()
        counted[f"severe_tickets_{window.name}"] = (inside & severe).sum()
    return seen.group_by(KEY).agg(**counted)


def _steps(milestones: ir.Table, points: ir.Table, request: Request) -> ir.Table:
    """Count the onboarding steps of every point whose account has any, and the open ones."""
    steps = milestones.filter(milestones.kind == ONBOARDING)
    steps = steps.select("completed_at", planned_for="account_id")
    plan = steps.join(points, steps.planned_for == points.account_id)
    into = plan.completed_at.delta(plan.term_start, unit="day")
    left_open = {
        f"open_{window.name}": (into >= window.days).fill_null(True).sum()
        for window in request.windows
        if window.anchor == "first"
    }
    return plan.group_by(KEY).agg(steps=plan.count(), **left_open)


def build(counted: pd.DataFrame, request: Request) -> pd.DataFrame:
    """Turn the counts into panel columns.

    Parameters
    ----------
    counted : pandas.DataFrame
        Rows of :func:`expression`.
    request : Request
        What was counted.

    Returns
    -------
    pandas.DataFrame
        subscription_id, as_of_date and one ``Int64`` column a measure; ``onboarded`` 1 or 0.
    """
    frame = counted[KEY].assign(
        as_of_date=pd.to_datetime(counted["as_of_date"]).astype("datetime64[s]")
    )
    end, start = (
        pd.to_datetime(counted[name]).to_numpy(dtype="datetime64[D]")
        for name in ("as_of_date", "term_start")
    )
    columns = {}
    values: npt.NDArray[Any]
    for measure in measures(request):
        window = f"{measure.anchor}_{measure.days}"
        if measure.measure == "onboarded":
            values = counted[f"open_{window}"].eq(0).to_numpy(dtype="int64")
            known = counted["steps"].notna().to_numpy(dtype="bool")
        else:
            # Tickets that no point sees give a column of None alone, which has no type.
            found = counted[f"{measure.measure}_{window}"].astype("Int64")
            values = found.fillna(0).to_numpy(dtype="int64")
            since = np.datetime64(request.tickets_since, "D")
            opens = start if measure.anchor == "first" else end - (measure.days or 0)
            rated = request.rated or measure.measure == "tickets"
            known = np.asarray(opens >= since) & rated
        if measure.anchor == "first":
            known = known & np.asarray(start + (measure.days or 0) <= end, dtype=bool)
        columns[measure.column] = _whole(values, known)
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def _whole(values: npt.NDArray[Any], known: npt.NDArray[Any]) -> pd.Series:
    """Return whole numbers that can be missing."""
    return pd.Series(pd.arrays.IntegerArray(np.where(known, values, 0), ~known))
