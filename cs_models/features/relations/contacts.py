"""Who spoke to whom: contacts that the customer began, and ours, lagged.

Grain in: canonical touchpoints, one row a contact; points.  Grain out: one row a point that sees
any contact.

Our own contacts are endogenous: customers believed at risk get more of them, so that they go with
churn without causing it, and a model that read them as protective, or as harmful, would learn our
own beliefs.  ``our_contacts_lagged`` therefore ends 30 days before D, is flagged by its name, and
must never be held to be protective.  Dated example, D = 2024-03-01: a call that we made on
2024-01-30 counts in ``our_contacts_lagged__last_28d`` (2024-01-03 to 2024-01-30), one of
2024-01-31 does not.

Source: ``methods.md`` section 6 (touches are endogenous).
"""

from __future__ import annotations

from typing import Final

import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.request import Column, Request, last, to_date

LAG_DAYS: Final = 30
CUSTOMER: Final = "customer"
US: Final = "us"


def columns(request: Request) -> list[Column]:
    """Return the columns in order.

    Parameters
    ----------
    request : Request
        What the records hold.

    Returns
    -------
    list[Column]
    """
    since, found = request.contacts_since, []
    if CUSTOMER in request.contacts_by:
        found += [Column(last("customer_contacts", n), 0, since, n) for n in request.last_days]
        found.append(Column(to_date("days_since_customer_contact")))
    if US in request.contacts_by:
        found += [
            Column(last("our_contacts_lagged", n), 0, since, n + LAG_DAYS)
            for n in request.last_days
        ]
    return found


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Count the contacts of every point that sees any.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; touchpoints is read.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        What to count.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and whole numbers named as the columns.
    """
    contacts = sight.seen(tables["touchpoints"], points, "occurred_date", "initiated_by")
    theirs = (contacts.initiated_by == CUSTOMER).fill_null(False)
    ours = (contacts.initiated_by == US).fill_null(False) & (contacts.ago > LAG_DAYS)
    counted = {"days_since_customer_contact__to_date": contacts.ago.min(where=theirs)}
    for n in request.last_days:
        counted[f"customer_contacts__last_{n}d"] = (theirs & (contacts.ago <= n)).sum()
        counted[f"our_contacts_lagged__last_{n}d"] = (ours & (contacts.ago <= n + LAG_DAYS)).sum()
    return contacts.group_by("point").agg(**counted)
