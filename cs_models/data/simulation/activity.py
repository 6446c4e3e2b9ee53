"""The use of the product as it happened: bouts of all features, each with its user, sorted.

Grain out: one entry a (user, feature, day).  Nothing here depends on the outcome of a period but
how long it lasted, and, when the scenario says so, the decline and the spike of those who leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cs_models.data.simulation import calendar, people, usage
from cs_models.data.simulation.calendar import Floats, Ints, ProductCalendar, Small
from cs_models.data.simulation.merges import Merges
from cs_models.data.simulation.outcomes import CANCELLED_EARLY, LEFT, Lives
from cs_models.data.simulation.people import Seats, Users
from cs_models.data.simulation.portfolio import Periods, Portfolio
from cs_models.data.simulation.scenarios import (
    CAUSES,
    FEATURES,
    LEAK_FEATURE,
    RARE_FEATURE,
    U_SHAPED_FEATURE,
    WINDOW_DAYS,
    Scenario,
)
from cs_models.data.simulation.usage import Bouts, Levels

FEATURE_NAMES = (*(feature.name for feature in FEATURES), RARE_FEATURE, LEAK_FEATURE)
RARE = len(FEATURES)
LEAK = RARE + 1
RARE_ACCOUNTS = 6
BLOCK_OF_ACCOUNTS = 2000
# Widths of the packed sort key: 17 bits remain for the account.
DAY_BITS, USER_BITS, FEATURE_BITS, QUANTITY_BITS = 15, 14, 4, 10
DECLINE_DAYS, DECLINE_PER_WEEK, DECLINE_SHARE = 120, 0.97, 0.5
SPIKE_DAYS, SPIKE_FACTOR, SPIKE_SHARE, SPIKE_SHARE_OF_OTHERS = 21, 2.5, 0.45, 0.05


@dataclass(frozen=True)
class Activity:
    """One entry a (user, feature, day), ordered by account, day, user, feature.

    Attributes
    ----------
    account, user, day, feature, quantity : int
        In 32 bits: large worlds have tens of millions of rows.
    """

    account: Small
    user: Small
    day: Small
    feature: Small
    quantity: Small


@dataclass(frozen=True)
class Life:
    """What is needed of the hidden world to play it out day by day."""

    portfolio: Portfolio
    periods: Periods
    levels: Levels
    lives: Lives
    seats: Seats
    users: Users
    merges: Merges
    breadth: Floats


def play(
    life: Life,
    early: Bouts,
    scenario: Scenario,
    product_calendar: ProductCalendar,
    rng: np.random.Generator,
) -> tuple[Activity, Ints]:
    """Play all lived periods, in blocks of accounts so that memory stays small.

    Returns
    -------
    activity : Activity
    counts : ndarray of int, shape (n_periods, n_features)
        Actions of each feature in the first 60 days of each period, before dirt.
    """
    rare = set(rng.choice(life.portfolio.size, size=min(RARE_ACCOUNTS, life.portfolio.size)))
    owner_of_early = life.periods.account[early.period]
    parts = []
    counts = np.zeros((life.periods.size, len(FEATURE_NAMES)), dtype=np.int64)
    for first in range(0, life.portfolio.size, BLOCK_OF_ACCOUNTS):
        last = first + BLOCK_OF_ACCOUNTS
        inside = (life.periods.account >= first) & (life.periods.account < last)
        lived = np.flatnonzero(inside & life.lives.lived)
        early_here = early.keep((owner_of_early >= first) & (owner_of_early < last))
        bouts = _all_bouts(life, early_here, lived, scenario, product_calendar, rng)
        fans = lived[np.isin(life.periods.account[lived], list(rare))]
        bouts = _join([bouts, _few(life, fans, RARE, 5, scenario, rng)])
        counts += _window_counts(life.periods, bouts)
        parts.append(_sorted(life.users, _users_of(life, bouts, rng), bouts))
    columns = zip(*parts, strict=True)
    return Activity(*(np.concatenate(column) for column in columns)), counts


def _window_counts(periods: Periods, bouts: Bouts) -> Ints:
    inside = bouts.keep(bouts.day < periods.start[bouts.period] + WINDOW_DAYS)
    shape = (periods.size, len(FEATURE_NAMES))
    cell = inside.period * shape[1] + inside.feature
    summed = np.bincount(cell, weights=inside.quantity, minlength=shape[0] * shape[1])
    return summed.reshape(shape).astype(np.int64)


def _all_bouts(
    life: Life,
    early: Bouts,
    lived: Ints,
    scenario: Scenario,
    product_calendar: ProductCalendar,
    rng: np.random.Generator,
) -> Bouts:
    periods, lives = life.periods, life.lives
    opened, closed = calendar.day(scenario.data_start), calendar.day(scenario.as_of)
    n_features = len(FEATURES)
    period = np.repeat(lived, n_features)
    feature = np.tile(np.arange(n_features), lived.size)
    # The first 60 days of the features with an effect were drawn before the outcome was.
    skip = np.where(feature < len(CAUSES), WINDOW_DAYS, 0)
    begin = np.maximum(periods.start[period] + skip, opened)
    end = np.minimum(lives.life_end[period], closed)
    drawn = usage.draw(life.levels, (period, feature), (begin, end), product_calendar, rng)
    drawn = usage.ramp(drawn, life.portfolio, periods, scenario, rng)
    in_time = (early.day >= opened) & (early.day < np.minimum(lives.life_end[early.period], closed))
    bouts = [early.keep(in_time & lives.lived[early.period]), drawn]
    if scenario.spike_and_decline:
        spike = _spike(life, lived, scenario, product_calendar, rng)
        bouts = [_declined(life, _join(bouts), rng), spike]
    if scenario.leak:
        gone = np.isin(lives.exit[lived], (LEFT, CANCELLED_EARLY))
        left = lived[gone & (lives.life_end[lived] <= closed)]
        bouts.append(_few(life, left, LEAK, 1, scenario, rng, within=(2, 40)))
    return _join(bouts)


def _declined(life: Life, bouts: Bouts, rng: np.random.Generator) -> Bouts:
    """Half of the leavers use 3 % less every week from 120 days before the end."""
    leaving = life.lives.exit == LEFT
    fading = leaving & (rng.random(leaving.size) < DECLINE_SHARE)
    days_in = bouts.day - (life.lives.life_end[bouts.period] - DECLINE_DAYS)
    # Never inside the first 60 days, whose counts the outcome depends on.
    late = bouts.day >= life.periods.start[bouts.period] + WINDOW_DAYS
    weeks = np.where(fading[bouts.period] & late, np.maximum(days_in, 0) / 7.0, 0.0)
    return bouts.keep(rng.random(weeks.size) < DECLINE_PER_WEEK**weeks)


def _spike(
    life: Life,
    lived: Ints,
    scenario: Scenario,
    product_calendar: ProductCalendar,
    rng: np.random.Generator,
) -> Bouts:
    """Heavy use, exports above all, in the last 21 days of many leavers and a few others."""
    leaving = life.lives.exit[lived] == LEFT
    share = np.where(leaving, SPIKE_SHARE, SPIKE_SHARE_OF_OTHERS)
    spiking = lived[rng.random(lived.size) < share]
    end = np.minimum(life.lives.life_end[spiking], calendar.day(scenario.as_of))
    begin = np.maximum(life.lives.life_end[spiking] - SPIKE_DAYS, calendar.day(scenario.data_start))
    begin = np.maximum(begin, life.periods.start[spiking] + WINDOW_DAYS)
    n_features = len(FEATURES)
    which = np.repeat(spiking, n_features), np.tile(np.arange(n_features), spiking.size)
    span = np.repeat(begin, n_features), np.repeat(np.maximum(end, begin), n_features)
    more = usage.draw(life.levels, which, span, product_calendar, rng, SPIKE_FACTOR - 1.0)
    exports = [feature.name for feature in FEATURES].index(U_SHAPED_FEATURE)
    again = usage.draw(
        life.levels,
        (spiking, np.full(spiking.size, exports)),
        (begin, np.maximum(end, begin)),
        product_calendar,
        rng,
        SPIKE_FACTOR,
    )
    return _join([more, again])


def _few(
    life: Life,
    which: Ints,
    feature: int,
    times: int,
    scenario: Scenario,
    rng: np.random.Generator,
    within: tuple[int, int] = (0, 300),
) -> Bouts:
    """Return a handful of single uses of one feature within days of the period's start."""
    period = np.repeat(which, times)
    first, last = within
    day = life.periods.start[period] + rng.integers(first, last, size=period.size)
    end = np.minimum(life.lives.life_end[period], calendar.day(scenario.as_of))
    seen = (day < end) & (day >= calendar.day(scenario.data_start))
    one = np.ones(int(seen.sum()), dtype=np.int64)
    return Bouts(period[seen], np.full(one.size, feature), day[seen], one)


def _users_of(life: Life, bouts: Bouts, rng: np.random.Generator) -> Ints:
    account = life.periods.account[bouts.period]
    user = people.pick(life.seats, life.users, account, bouts.day, life.breadth[bouts.period], rng)
    renamed = life.users.renamed[user]
    return np.where((bouts.day >= life.merges.day[account]) & (renamed >= 0), renamed, user)


def _sorted(users: Users, user: Ints, bouts: Bouts) -> tuple[Small, ...]:
    """Sort by (account, day, user, feature) and add up what falls together.

    All five numbers are packed in one 64-bit key, which sorts many times faster than columns do.
    """
    key = users.account[user]
    first_user = np.searchsorted(users.account, np.arange(int(users.account[-1]) + 1))
    first = first_user[key]
    for bits, value in (
        (DAY_BITS, bouts.day),
        (USER_BITS, user - first),
        (FEATURE_BITS, bouts.feature),
        (QUANTITY_BITS, bouts.quantity),
    ):
        key = (key << bits) | value
    key.sort()
    quantity = key & ((1 << QUANTITY_BITS) - 1)
    key >>= QUANTITY_BITS
    new = np.flatnonzero(np.r_[True, key[1:] != key[:-1]][: key.size])
    total = np.add.reduceat(quantity, new) if new.size else quantity
    key = key[new]
    feature = key & ((1 << FEATURE_BITS) - 1)
    key >>= FEATURE_BITS
    local = key & ((1 << USER_BITS) - 1)
    key >>= USER_BITS
    day = key & ((1 << DAY_BITS) - 1)
    account = key >> DAY_BITS
    user = first_user[account] + local
    return tuple(np.asarray(one, dtype=np.int32) for one in (account, user, day, feature, total))


def _join(parts: list[Bouts]) -> Bouts:
    return Bouts(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("period", "feature", "day", "quantity")
        )
    )
