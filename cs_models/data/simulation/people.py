"""The people behind the logins: seats, departures, successors, champions who move on.

Every account has `n_slots` seats in use; slot 0 is the champion, slot 1 the admin, slot 2 the
decision maker.  A slot has a first holder and, after a departure, one successor.  A quarter of the
departed champions turn up in another account after about 60 days, as the same `person_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cs_models.data.simulation import arrow, calendar
from cs_models.data.simulation.calendar import Floats, Ints, Small
from cs_models.data.simulation.merges import Merges
from cs_models.data.simulation.outcomes import NEVER
from cs_models.data.simulation.portfolio import Periods, Portfolio
from cs_models.data.simulation.scenarios import Scenario

CHAMPION_MONTHLY = 0.015
OTHERS_MONTHLY = 0.008
REAPPEARS = 0.25
REAPPEARS_AFTER_DAYS = 60.0
ARRIVAL_BOOST = 0.3
ROLES = ("champion", "admin", "decision_maker", "member")
# A share of the use of an account that a champion from elsewhere takes over.
ARRIVAL_SHARE = 0.12
# Slots are drawn as n·U^k: a few people do most of the work.
CONCENTRATION = 2.2


@dataclass(frozen=True)
class Seats:
    """Seats in use and who leaves them, before anybody's life is known.

    Attributes
    ----------
    n_slots, first_slot : int, shape (n_accounts,)
    joined, departure : int, shape (n_slots in all,), days on which the first holder comes and
        leaves; `departure` NEVER where they stay
    arrival, arrived_from : int, shape (n_accounts,), a champion from elsewhere (day, slot) or
        NEVER and -1
    """

    n_slots: Ints
    first_slot: Ints
    joined: Ints
    departure: Ints
    arrival: Ints
    arrived_from: Ints


@dataclass(frozen=True)
class Users:
    """One entry a login, ordered by account record.

    Attributes
    ----------
    account, person, role, created, deactivated : int; `account` is the record's number, with the
        second records of merged accounts last; `deactivated` NEVER where active
    renamed : int, number of the same person's login under the account's second record, or -1
    of_slot, successor, arrived : int, number of the user who holds a slot first, who succeeds
        there (-1 none), and who arrived in an account (-1 none)
    """

    account: Ints
    person: Ints
    role: Ints
    created: Ints
    deactivated: Ints
    renamed: Ints
    of_slot: Ints
    successor: Ints
    arrived: Ints


def seats(portfolio: Portfolio, scenario: Scenario, rng: np.random.Generator) -> Seats:
    """Draw the seats in use, the departures, and where departed champions go."""
    in_use = 0.35 + 0.45 * rng.random(portfolio.size)
    n_slots = np.maximum(np.rint(portfolio.seats * in_use), 2).astype(np.int64)
    first_slot = np.cumsum(n_slots) - n_slots
    total = int(n_slots.sum())
    monthly = np.full(total, OTHERS_MONTHLY)
    monthly[first_slot] = CHAMPION_MONTHLY
    stayed = rng.standard_exponential(total) / monthly * 30.4375
    slot_in_account = np.arange(total) - np.repeat(first_slot, n_slots)
    joined = np.repeat(portfolio.start, n_slots) + _joining_delay(slot_in_account, rng)
    departure = joined + 20 + np.minimum(stayed, 1e5).astype(np.int64)
    departure[departure > calendar.day(scenario.as_of)] = NEVER
    arrival, arrived_from = _arrivals(portfolio, departure[first_slot], first_slot, rng)
    return Seats(n_slots, first_slot, joined, departure, arrival, arrived_from)


def champion_lost(seats: Seats, periods: Periods) -> np.ndarray:
    """Return whether the champion leaves during each period."""
    left = seats.departure[seats.first_slot][periods.account]
    return (left >= periods.start) & (left < periods.end)


def users(
    portfolio: Portfolio,
    seats: Seats,
    account_end: Ints,
    merges: Merges,
    scenario: Scenario,
) -> Users:
    """Turn seats into logins, given the day on which each account's life ended.

    Parameters
    ----------
    account_end : ndarray of int, shape (n_accounts,)
        Last day of the account, or NEVER where it is still a customer.
    """
    horizon = calendar.day(scenario.as_of)
    account = np.repeat(np.arange(portfolio.size), seats.n_slots)
    total = account.size
    end = np.minimum(account_end, horizon)
    succeeded = np.flatnonzero(seats.departure < end[account])
    arriving = np.flatnonzero((seats.arrival < end) & (seats.arrival > portfolio.start))

    slot_in_account = np.arange(total) - seats.first_slot[account]
    created = np.minimum(seats.joined, end[account] - 1)
    owner = np.concatenate([account, account[succeeded], arriving])
    people = np.concatenate(
        [np.arange(total), total + np.arange(succeeded.size), seats.arrived_from[arriving]]
    )
    role = np.minimum(slot_in_account, 3)
    began = np.concatenate([created, seats.departure[succeeded], seats.arrival[arriving]])
    departed = np.concatenate([seats.departure, np.full(succeeded.size + arriving.size, NEVER)])
    left = np.minimum(departed, account_end[owner])
    order = np.argsort(owner, kind="stable")
    number = np.empty(order.size, dtype=np.int64)
    number[order] = np.arange(order.size)
    successor = np.full(total, -1)
    successor[succeeded] = number[total : total + succeeded.size]
    arrived = np.full(portfolio.size, -1)
    arrived[arriving] = number[total + succeeded.size :]
    before_merges = Users(
        account=owner[order],
        person=people[order],
        role=np.concatenate([role, role[succeeded], np.zeros(arriving.size, dtype=np.int64)])[
            order
        ],
        created=began[order],
        deactivated=np.where(left < horizon, left, NEVER)[order],
        renamed=np.full(order.size, -1),
        of_slot=number[:total],
        successor=successor,
        arrived=arrived,
    )
    return _with_second_records(before_merges, merges)


def pick(
    seats: Seats, users: Users, account: Ints, day: Ints, breadth: Floats, rng: np.random.Generator
) -> Ints:
    """Choose the user of each bout: heavy users do most, leavers are replaced, arrivals help.

    Parameters
    ----------
    breadth : ndarray of float, shape (n_bouts,)
        Share of the account's seats that are active at all.
    """
    active = np.maximum(np.rint(seats.n_slots[account] * breadth), 1.0)
    slot = (active * rng.random(account.size) ** CONCENTRATION).astype(np.int64)
    place = seats.first_slot[account] + np.minimum(slot, seats.n_slots[account] - 1)
    left = (day >= seats.departure[place]) & (users.successor[place] >= 0)
    chosen = np.where(left, users.successor[place], users.of_slot[place])
    newcomer = users.arrived[account]
    here = (newcomer >= 0) & (day >= seats.arrival[account])
    return np.where(here & (rng.random(account.size) < ARRIVAL_SHARE), newcomer, chosen)


def table(users: Users, first_use: Ints) -> pa.Table:
    """Return the `users` table; nobody is created after their own first use."""
    created = np.minimum(users.created, first_use)
    return pa.table(
        {
            "user_id": arrow.ids("u-", np.arange(users.account.size)),
            "account_id": arrow.ids("a-", users.account),
            "person_id": arrow.ids("p-", users.person),
            "role": arrow.words(ROLES, users.role),
            "created_at": arrow.instants(created, hour=8),
            "deactivated_at": arrow.instants(
                users.deactivated, hour=18, known=users.deactivated < NEVER
            ),
        }
    )


def first_seen(user: Small, day: Small, tables: Mapping[str, pa.Table], users: Users) -> Ints:
    """Return the first day on which each login left a trace, or NEVER."""
    first = np.full(users.account.size, NEVER)
    # Days ascend within an account, and a login belongs to one account: the first entry counts.
    seen, place = np.unique(user, return_index=True)
    first[seen] = day[place]
    for name, instant in (
        ("tickets", "opened_at"),
        ("surveys", "answered_at"),
        ("touchpoints", "occurred_at"),
    ):
        table = tables[name].filter(pc.is_valid(tables[name]["user_id"]))
        number = pc.utf8_slice_codeunits(table["user_id"], 2).cast(pa.int64()).to_numpy()
        on = table[instant].cast(pa.int64()).to_numpy() // calendar.MICROSECONDS_PER_DAY
        np.minimum.at(first, number, on)
    return first


def _with_second_records(users: Users, merges: Merges) -> Users:
    """Add a fresh login for everybody who is there when the account's record changes."""
    day = merges.day[users.account]
    moving = np.flatnonzero((users.deactivated > day) & (day < NEVER))
    # New logins follow all old ones, in the order of their records.
    moving = moving[np.argsort(merges.number[users.account[moving]], kind="stable")]
    renamed = users.renamed.copy()
    renamed[moving] = users.account.size + np.arange(moving.size)
    closed = users.deactivated.copy()
    closed[moving] = day[moving]
    # Whoever joins later has an unused login under the old record: invited, then moved.
    created = users.created.copy()
    created[moving] = np.minimum(created[moving], day[moving] - 1)
    return replace(
        users,
        account=np.concatenate([users.account, merges.number[users.account[moving]]]),
        person=np.concatenate([users.person, users.person[moving]]),
        role=np.concatenate([users.role, users.role[moving]]),
        created=np.concatenate([created, np.maximum(users.created, day)[moving]]),
        deactivated=np.concatenate([closed, users.deactivated[moving]]),
        renamed=np.concatenate([renamed, np.full(moving.size, -1)]),
    )


def _joining_delay(slot: Ints, rng: np.random.Generator) -> Ints:
    waited = rng.standard_exponential(slot.size) * 25.0
    return np.where(slot < 2, 0, np.minimum(waited, 300.0)).astype(np.int64)


def _arrivals(
    portfolio: Portfolio, champion_leaves: Ints, first_slot: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    n = portfolio.size
    goes = (champion_leaves < NEVER) & (rng.random(n) < REAPPEARS)
    when = champion_leaves + 1 + (rng.standard_exponential(n) * REAPPEARS_AFTER_DAYS).astype(int)
    target = rng.integers(0, n, size=n)
    arrival = np.full(n, NEVER)
    arrived_from = np.full(n, -1)
    source = np.flatnonzero(goes & (target != np.arange(n)))
    # One arrival an account at most: the first source in account order keeps the place.
    place, first = np.unique(target[source], return_index=True)
    arrival[place] = when[source[first]]
    arrived_from[place] = first_slot[source[first]]
    return arrival, arrived_from
