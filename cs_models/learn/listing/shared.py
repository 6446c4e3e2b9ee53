"""One team for all lists: who gets a person, and for whom a message must do.

Grain in: the lists as they were made, one row per account or user.  Grain out: the same rows with
what each is to get.

A team can call so many customers, and not so many from every list.  The lists stand in an order
(``priority``, then name); each takes from what those before it left, and a customer whom an
earlier list has called costs no second call.  A message costs none.

Dated example: two calls a week for 13 weeks are 26 customers.  The first list holds 20 of them,
the second 15, of whom 5 stand on the first too: these are called once, 6 of the others get the
calls that are left, and 4 a message.

Source: ``methods.md`` 6; ``customer_success.md`` Q14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.listing.asked import CustomerList
from cs_models.learn.listing.made import Made

HIGH, TECH = "high", "tech"
CALLED: Final = "called_from"


def share(
    made: Sequence[tuple[CustomerList, Made]], book: pd.DataFrame, *, capacity: int, weeks: int
) -> list[Made]:
    """Share the team's calls over the lists.

    Parameters
    ----------
    made : sequence of (CustomerList, Made)
    book : pandas.DataFrame
        All running contracts, one row each: ``account_id``, ``arr``.
    capacity : int
        Customers that the team can call, over all lists.
    weeks : int
        Weeks that it is for; a list with ``per_week`` takes at most that many times it.

    Returns
    -------
    list of Made
        In the order given; the rows with ``in_capacity`` (bool: a person speaks to them),
        ``touch`` ("high" where so, else "tech": a message) and ``called_from`` (name of the list
        under which the customer's one call counts, "" without).  Of a list ordered by what a call
        is worth the first in rank are called; of others the largest of the book
        (:func:`largest`) in their order.
    """
    called: dict[str, str] = {}
    found = [one for _, one in made]
    large = {
        share: largest(book, share) for share in {asked.high_touch_value_share for asked, _ in made}
    }
    for place in sorted(range(len(made)), key=lambda place: made[place][0].turn):
        asked, one = made[place]
        left = capacity - len(called)
        hands = left if asked.per_week is None else min(left, asked.per_week * weeks)
        wanted = large[asked.high_touch_value_share] if not asked.by_worth else None
        person = _spoken_to(asked, one.rows["account_id"], wanted, called, hands)
        for account in one.rows.loc[person, "account_id"]:
            called.setdefault(str(account), asked.name)
        under = one.rows["account_id"].astype(str).map(called).astype("string").where(person, "")
        rows = one.rows.assign(
            in_capacity=person, touch=np.where(person, HIGH, TECH), **{CALLED: under.astype(object)}
        )
        found[place] = replace(one, rows=rows)
    return found


def _spoken_to(
    asked: CustomerList,
    account: pd.Series,
    wanted: frozenset[str] | None,
    called: dict[str, str],
    hands: int,
) -> pd.Series:
    """Return which rows get a person, with so many customers still to be called."""
    if asked.high_touch_value_share <= 0:
        return pd.Series(False, index=account.index, dtype=bool)
    before = account.isin(list(called))
    may = pd.Series(True, index=account.index) if wanted is None else account.isin(wanted)
    new = may & ~before & ~account.duplicated()
    cost = pd.Series(np.cumsum(new.to_numpy(dtype=int)), index=account.index)
    if wanted is None:  # strictly by rank: nobody is passed over for a lower one
        return cost.le(hands)
    first = cost.groupby(account).transform("min")  # users of one customer share its call
    return may & (before | first.le(hands))


def largest(book: pd.DataFrame, value_share: float) -> frozenset[str]:
    """Return the fewest largest customers of the book who make a share of all its ARR.

    Parameters
    ----------
    book : pandas.DataFrame
        All running contracts, one row each: ``account_id``, ``arr`` (missing counts as nothing).
    value_share : float
        0 to 1.

    Returns
    -------
    frozenset of str
        account_id; nobody where there is no ARR.
    """
    if book.empty or value_share <= 0:
        return frozenset()
    arr = pd.to_numeric(book["arr"]).astype("float64").fillna(0.0).to_numpy()
    of = pd.DataFrame({"account_id": book["account_id"].to_numpy(), "arr": arr})
    worth = of.groupby("account_id")["arr"].sum().sort_index().sort_values(
        ascending=False, kind="stable"
    )  # fmt: skip
    if not worth.sum() > 0:
        return frozenset()
    before = worth.cumsum() - worth
    # A sum of floats may miss its own total by a last digit.
    chosen = (before < value_share * worth.sum() * (1 - 1e-12)) & (worth > 0)
    return frozenset(str(account) for account in worth.index[chosen])
