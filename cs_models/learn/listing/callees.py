"""Whom to call at a customer: the sponsor who used the product last.

Grain in: canonical users and events.  Grain out: one row per account_id.

A list of customers is worked off by calling persons.  Named is a login, by its id alone: one with
the role of champion, decision maker or admin that was there on the day, of these the one who used
the product last; one who never used it only where none did.

Dated example, on = 2024-03-01: a champion with a use on 2024-02-20 is named before an admin with
one on 2024-01-05; a decision maker whose login was taken away on 2024-02-29 is not.

Source: ``customer_success.md`` Q11, Q14.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

ROLES: Final = ("champion", "decision_maker", "admin")
COLUMNS: Final = ("call_user_id", "call_role", "call_last_use")


def to_call(tables: Mapping[str, ir.Table], on: date) -> pd.DataFrame:
    """Name the person to call at each account, as known strictly before a day.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: events; users where the source has them.
    on : datetime.date

    Returns
    -------
    pandas.DataFrame
        Index account_id: ``call_user_id``, ``call_role``, ``call_last_use`` (day, missing for one
        who never used the product).  Without users, or roles, empty.
    """
    nobody = pd.DataFrame(columns=list(COLUMNS), index=pd.Index([], name="account_id"))
    if "users" not in tables:
        return nobody
    users, events, today = tables["users"], tables["events"], ibis.literal(on)
    there = (users.deactivated_date >= today).fill_null(True)
    sponsors = users.filter(users.created_date < today, there, users.role.isin(ROLES)).select(
        "account_id", "user_id", "role"
    )
    seen = events.filter(events.event_date < today, events.known_date <= today)
    last = seen.group_by(by="user_id").agg(call_last_use=seen.event_date.max())
    found: pd.DataFrame = sponsors.left_join(last, sponsors.user_id == last.by).drop("by").execute()
    if found.empty:
        return nobody
    found = found.assign(
        call_last_use=pd.to_datetime(found["call_last_use"]),
        turn=found["role"].astype(str).map({name: n for n, name in enumerate(ROLES)}),
    ).sort_values(
        ["account_id", "call_last_use", "turn", "user_id"], ascending=[True, False, True, True],
        na_position="last",
    )  # fmt: skip
    first = found.drop_duplicates("account_id").set_index("account_id")
    return first.rename(columns={"user_id": "call_user_id", "role": "call_role"})[list(COLUMNS)]
