"""What the use of the product says on each day: who was active lately, how much, since when.

Grain in: uses, added up by account, user and day.  Grain out: one value per account and day.

The point-in-time rule: a use counts on day D iff it happened before D and was known on D.  It is
in the last 28 days up to the 28th day after it.  Dated example: a user's only use on 2024-03-01,
known from 2024-03-02 on, makes the user active from 2024-03-02 to 2024-03-29, 28 days.  A window
that opens before use was recorded is not known.

Source: ``methods.md`` 1.1, 1.4 (breadth, frequency); columns are named as the panel's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features import uses
from cs_models.features.daily.grid import FAR, Float, Grid, Int
from cs_models.features.uses import Uses

RECENT_DAYS: Final = 28
BASE_DAYS: Final = 84
_BASES: Final = BASE_DAYS / RECENT_DAYS


@dataclass(frozen=True)
class Use:
    """Uses, added up by account, user, day and the day from which they were known.

    Attributes
    ----------
    account, user : ndarray of int, shape (n_rows,)
        Place of the account, and of the user's text in ``users``; -1 where there is no user.
    day, known : ndarray of int, shape (n_rows,)
        When it happened; the first day that may count it.
    amount : ndarray of float, shape (n_rows,)
    users : pandas.Index of str
    by_feature : mapping of str to ndarray of float, shape (n_rows,)
        The part of the amount of each feature that was asked for; NaN where it was not used.
    """

    account: Int
    user: Int
    day: Int
    known: Int
    amount: Float
    users: pd.Index
    by_feature: Mapping[str, Float]

    def of(self, places: Int) -> Use:
        """Return the use of some accounts (ascending places), counted from 0."""
        own = np.minimum(np.searchsorted(places, self.account), len(places) - 1)
        mine = places[own] == self.account
        return Use(
            own[mine], self.user[mine], self.day[mine], self.known[mine], self.amount[mine],
            self.users, {name: values[mine] for name, values in self.by_feature.items()},
        )  # fmt: skip


def read(found: Uses, accounts: pd.Index, features: Sequence[str] = ()) -> Use:
    """Add up the uses of some accounts by user and day.

    Parameters
    ----------
    found : Uses
        All uses on record.
    accounts : pandas.Index of str
        Uses of others are left out.
    features : sequence of str, default ()
        Features to be told apart.

    Returns
    -------
    Use
    """
    place = uses.places(found.accounts, accounts)[found.account]
    if (place < 0).any():
        found, place = found.rows(place >= 0), place[place >= 0]
    begins = uses.starts(found.user, found.account, found.day, found.known)
    amount = uses.reduced(np.add, found.thousandths, begins)
    day, known = found.day[begins], found.known[begins]
    return Use(
        place[begins], found.user[begins], day, np.maximum(day + 1, known), uses.amounts(amount),
        pd.Index(found.users, dtype=object),
        {name: _of_feature(found, name, begins) for name in features},
    )  # fmt: skip


def _of_feature(found: Uses, name: str, begins: Int) -> Float:
    """Add up the uses of one feature; NaN where it was not used."""
    mine = found.feature == uses.places(np.array([name], object), pd.Index(found.features))[0]
    if not mine.any() or name not in found.features:
        return np.full(len(begins), np.nan)
    used = uses.reduced(np.logical_or, mine, begins)
    amount = uses.reduced(np.add, np.where(mine, found.thousandths, 0), begins)
    return np.where(used, uses.amounts(amount), np.nan)


def columns(use: Use, grid: Grid, seats: Float, origin: Int, recorded: int) -> dict[str, Float]:
    """Return the use columns of every account-day.

    Parameters
    ----------
    use : Use
        Of the grid's accounts.
    grid : Grid
    seats : ndarray of float, shape (n_account_days,)
        NaN where not known.
    origin : ndarray of int, shape (n_accounts,)
        First day of each account as a customer, however long ago.
    recorded : int
        First day on which use was recorded.

    Returns
    -------
    dict of str to ndarray of float, shape (n_account_days,)
        ``events__last_28d``; ``active_users__last_28d`` and ``seat_utilisation__last_28d`` (NaN
        where no user is named); ``use_against_before`` (events of the last 28 days over those of
        the 84 before, both a day; NaN before 112 recorded days as a customer, and without use in
        the 84); ``days_without_use`` (since the last use; without any, since the customer began or
        use was recorded).
    """
    recent = grid.between(use.account, use.known, use.day + RECENT_DAYS + 1, use.amount)
    base_from = np.maximum(use.known, use.day + RECENT_DAYS + 1)
    base = grid.between(use.account, base_from, use.day + RECENT_DAYS + BASE_DAYS + 1, use.amount)
    begun = grid.of_account(np.maximum(origin, recorded)).astype(np.int64)
    seen = grid.day - recorded >= RECENT_DAYS
    whole = (grid.day - begun >= RECENT_DAYS + BASE_DAYS) & (base > 0)
    last = np.maximum(grid.latest(use.account, use.known, use.day), begun)
    ratio = np.full(len(grid), np.nan)
    np.divide(recent * _BASES, base, out=ratio, where=whole)
    found = {
        "events__last_28d": np.where(seen, recent, np.nan),
        "use_against_before": ratio,
        "days_without_use": (grid.day - np.minimum(last, grid.day)).astype(np.float64),
    }
    if (use.user >= 0).any():
        active = np.where(seen, _active(use, grid), np.nan)
        found["active_users__last_28d"] = active
        found["seat_utilisation__last_28d"] = active / seats
    return found


def stays(group: Int, start: Int, stop: Int) -> tuple[Int, Int, Int]:
    """Put stretches of each group together that touch or overlap.

    Parameters
    ----------
    group, start, stop : ndarray of int, shape (n,)
        Stretches ``[start, stop)``; empty ones are left out.

    Returns
    -------
    group, start, stop : ndarray of int
        Stretches apart from each other, in order of group and start.
    """
    real = start < stop
    group, start, stop = group[real], start[real], stop[real]
    if not len(group):
        return group, start, stop
    order = np.argsort(group * (4 * FAR) + start, kind="stable")
    group, start, stop = group[order], start[order], stop[order]
    lifted = np.maximum.accumulate(stop + group * (4 * FAR))
    new = np.ones(len(group), dtype=bool)
    new[1:] = (start + group * (4 * FAR))[1:] > lifted[:-1]
    opens = np.flatnonzero(new)
    closes = np.r_[opens[1:], len(group)] - 1
    return group[opens], start[opens], lifted[closes] - group[closes] * (4 * FAR)


def _active(use: Use, grid: Grid) -> Float:
    """Count the users with a use in the 28 days before each day."""
    named = use.user >= 0
    pair = use.user[named] * len(grid.first) + use.account[named]
    day = use.day[named]
    one, start, stop = stays(pair, use.known[named], day + RECENT_DAYS + 1)
    return grid.between(one % len(grid.first), start, stop)
