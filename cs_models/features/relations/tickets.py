"""Support cases as they stood on a decision date: open, severe, old, escalated.

Grain in: canonical tickets; points.  Grain out: one row a point that sees any ticket.

A ticket is open on D when it was opened before D and not closed before D.  Its severity is taken
as the records give it.  An escalation carries no date, and one of a ticket that is still open on D
may come later: it counts once the ticket was closed, in the window in which it was opened.  Dated
example, D = 2024-03-01: a critical ticket opened on 2024-02-01 and closed on 2024-03-01 is open,
severe and 29 days old; had it been escalated, ``escalated_tickets__last_28d`` would not hold it,
for nobody can tell from the records whether that was before March.

Source: ``methods.md`` 1.1; ``customer_success.md`` M12 (unresolved is the risk).
"""

from __future__ import annotations

import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.request import Column, Request, last, to_date
from cs_models.features.relationship import SEVERE


def columns(request: Request) -> list[Column]:
    """Return the columns in order.

    Parameters
    ----------
    request : Request
        What the records hold; without closings every ticket would look open, so there are none.

    Returns
    -------
    list[Column]
    """
    since = request.tickets_since
    if not since or not request.tickets_closed:
        return []
    names = ["open_tickets", "open_severe_tickets", "oldest_open_ticket_days"]
    if not request.tickets_rated:
        names.remove("open_severe_tickets")
    found = [Column(to_date(name), 0, since) for name in names]
    if request.tickets_escalated:
        found += [Column(last("escalated_tickets", n), 0, since, n) for n in request.last_days]
    return found


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Count the tickets of every point that sees any.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; tickets is read.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        What to count.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and whole numbers named as the columns.
    """
    opened = sight.seen(
        tables["tickets"], points, "opened_date", "closed_date", "severity", "escalated"
    )
    closed = sight.past(opened.closed_date, opened.as_of_date)
    severe = opened.severity.isin(SEVERE).fill_null(False)
    escalated = closed & opened.escalated.fill_null(False)
    counted = {
        "open_tickets__to_date": (~closed).sum(),
        "open_severe_tickets__to_date": (~closed & severe).sum(),
        "oldest_open_ticket_days__to_date": opened.ago.max(where=~closed),
    }
    for n in request.last_days:
        counted[f"escalated_tickets__last_{n}d"] = (escalated & (opened.ago <= n)).sum()
    return opened.group_by("point").agg(**counted)
