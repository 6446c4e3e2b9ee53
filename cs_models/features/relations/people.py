"""Champions and decision makers: who is there, who left, who is new.

Grain in: canonical users, one row a login; points.  Grain out: one row a point whose
account has any champion or decision maker.

The role is the user's present role, for the records keep no history of roles: somebody who became
the champion after D counts as one before D too.  A login counts from the day after it was made,
and as gone from the day after its deactivation.  Dated example, term from 2024-01-01, D =
2024-03-01: a champion deactivated on 2024-02-29 has left, one deactivated on 2024-03-01 has not.
A decision maker made on 2024-02-01 is new when an older one was there before, not when the first.

An account without a champion (a decision maker) by D has these columns missing.

Source: ``customer_success.md`` Q5 (change of key contact or sponsor).
"""

from __future__ import annotations

import ibis.expr.types as ir

from cs_models.features.relations import sight
from cs_models.features.relations.request import CHAMPION, DECISION_MAKER, Column, Request, to_date


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
    champion, decider = (role in request.roles for role in (CHAMPION, DECISION_MAKER))
    told = {
        "champions_left": champion and request.departures,
        "decision_makers_left": decider and request.departures,
        "new_decision_makers": decider,
        "champions": champion,
    }
    return [Column(to_date(name)) for name, known in told.items() if known]


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Count the people of every point that has any of the roles.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; users is read.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        What to count.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and whole numbers named as the columns; null where the account
        has nobody with the role.
    """
    del request  # every number is told; the columns choose
    people = _there(tables["users"], points)
    gone = sight.past(people.deactivated_date, people.as_of_date)
    left = gone & (people.deactivated_date >= people.term_start)
    champion, decider = people.role == CHAMPION, people.role == DECISION_MAKER
    new = (people.created_date >= people.term_start) & (people.created_date > people.first_decider)
    return people.group_by("point").agg(
        champions_left__to_date=left.sum(where=champion),
        decision_makers_left__to_date=left.sum(where=decider),
        new_decision_makers__to_date=new.sum(where=decider),
        champions__to_date=(~gone).sum(where=champion),
    )


def _there(users: ir.Table, points: ir.Table) -> ir.Table:
    """Pair every point with its account's champions and decision makers up to then."""
    people = users.filter(users.role.isin([CHAMPION, DECISION_MAKER])).select(
        "role", "created_date", "deactivated_date", of_account="account_id"
    )
    pairs = people.join(points, people.of_account == points.account_id)
    pairs = pairs.filter(sight.past(pairs.created_date, pairs.as_of_date))
    first = pairs.created_date.min(where=pairs.role == DECISION_MAKER)
    return pairs.mutate(first_decider=first.over(group_by=pairs.point))
