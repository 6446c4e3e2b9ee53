"""The contract terms that were signed: rows of `subscriptions`, what became of each, and its ARR.

Grain out: one entry a term that had begun by `as_of`; a monthly contract year is twelve terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cs_models.data.simulation import arrow, calendar
from cs_models.data.simulation.calendar import Flags, Floats, Ints
from cs_models.data.simulation.merges import Merges
from cs_models.data.simulation.outcomes import (
    CANCELLED_EARLY,
    INVOLUNTARY,
    LEFT,
    NEVER,
    Lives,
)
from cs_models.data.simulation.portfolio import MONTHS_IN_YEAR, Periods, Portfolio
from cs_models.data.simulation.scenarios import Scenario

OUTCOMES = ("renewed", "expanded", "contracted", "churned", "involuntary", "pending")
RENEWED, EXPANDED, CONTRACTED, CHURNED, GONE, PENDING = range(6)
PLANS = ("Starter", "Team", "Business", "Enterprise")
CHANCE_DOWN, CHANCE_UP = 0.06, 0.18
DOWN, UP = (0.6, 0.9), (1.1, 1.4)
ASKS_TO_CANCEL, ASKS_IN_VAIN, DECIDES_LATE = 0.65, 0.02, 0.05


@dataclass(frozen=True)
class Contracts:
    """One entry a term, ordered by (account, start).

    Attributes
    ----------
    period, account, start, end : int; `account` is the position in the portfolio
    months : int, length of the term
    outcome : int, position in OUTCOMES; what the records say at `as_of`
    fate : int, the same without `pending`: what will have become of the term
    ended, asked, decided : int, days, NEVER where it did not happen or is not known yet
    seats : int; arr_cents : int
    """

    period: Ints
    account: Ints
    start: Ints
    end: Ints
    months: Ints
    outcome: Ints
    fate: Ints
    ended: Ints
    asked: Ints
    decided: Ints
    seats: Ints
    arr_cents: Ints

    @property
    def size(self) -> int:
        """Number of terms."""
        return int(self.period.size)


def sign(
    portfolio: Portfolio,
    periods: Periods,
    lives: Lives,
    scenario: Scenario,
    rng: np.random.Generator,
) -> Contracts:
    """Write down every term lived through, as known at `as_of`."""
    as_of = calendar.day(scenario.as_of)
    period, start, end = _terms(portfolio, periods, lives, as_of)
    account = periods.account[period]
    months = portfolio.term_months[account]
    last_of_year = (months > 1) | (end >= periods.end[period])
    fate = np.select(
        [
            (lives.exit[period] == LEFT) & (end == lives.life_end[period]),
            (lives.exit[period] == CANCELLED_EARLY) & (end >= lives.life_end[period]),
            (lives.exit[period] == INVOLUNTARY) & (end >= lives.life_end[period]),
            last_of_year,
        ],
        [CHURNED, CHURNED, GONE, _renewal(period.size, rng)],
        RENEWED,
    )
    broken_off = np.isin(fate, (CHURNED, GONE)) & (lives.life_end[period] < end)
    ended = np.where(broken_off, lives.life_end[period], NEVER)
    asked = _asked(start, end, ended, fate, rng)
    decided = _decided(end, ended, asked, fate, rng)
    due = np.minimum(end, ended)
    unknown = (due > as_of) | (decided > as_of)
    change = np.where(fate == EXPANDED, rng.uniform(*UP, period.size), 1.0)
    change = np.where(fate == CONTRACTED, rng.uniform(*DOWN, period.size), change)
    size = _running_product(account, change)
    contracts = Contracts(
        period=period,
        account=account,
        start=start,
        end=end,
        months=months,
        outcome=np.where(unknown, PENDING, fate),
        fate=fate,
        ended=np.where(ended <= as_of, ended, NEVER),
        asked=np.where(asked < as_of, asked, NEVER),
        decided=np.where(unknown, NEVER, decided),
        seats=np.maximum(np.rint(portfolio.seats[account] * size), 1).astype(np.int64),
        arr_cents=_whole_currency(portfolio.seats[account] * portfolio.price[account] * size),
    )
    return _until_decided(contracts, unknown)


def table(contracts: Contracts, portfolio: Portfolio, merges: Merges) -> pa.Table:
    """Return the `subscriptions` table, before dirt."""
    number = merges.current(contracts.account, contracts.start)
    return pa.table(
        {
            "subscription_id": arrow.ids("s-", np.arange(contracts.size)),
            "account_id": arrow.ids("a-", number),
            "term_start": arrow.dates(contracts.start),
            "term_end": arrow.dates(contracts.end),
            "seats": arrow.whole(contracts.seats),
            "arr": arrow.money(contracts.arr_cents),
            "plan": arrow.words(PLANS, plan(portfolio)[contracts.account]),
            "outcome": arrow.words(OUTCOMES, contracts.outcome),
            "ended_at": arrow.dates(contracts.ended, contracts.ended < NEVER),
            "cancel_requested_at": arrow.dates(contracts.asked, contracts.asked < NEVER),
            "decided_at": arrow.dates(contracts.decided, contracts.decided < NEVER),
        }
    )


def plan(portfolio: Portfolio) -> Ints:
    """Return each account's plan: by segment, one step up for the dearest third."""
    return portfolio.segment + (portfolio.tier > 0)


def _terms(
    portfolio: Portfolio, periods: Periods, lives: Lives, as_of: int
) -> tuple[Ints, Ints, Ints]:
    months = portfolio.term_months[periods.account]
    per_period = np.where(months == 1, MONTHS_IN_YEAR, 1)
    period = np.repeat(np.arange(periods.size), per_period)
    step = np.arange(period.size) - np.repeat(np.cumsum(per_period) - per_period, per_period)
    length = months[period]
    anchor = portfolio.start[periods.account[period]]
    before = periods.number[period] * np.maximum(length, MONTHS_IN_YEAR) + step * length
    start = calendar.add_months(anchor, before)
    end = calendar.add_months(anchor, before + length)
    begun = lives.lived[period] & (start < np.minimum(lives.life_end[period], as_of))
    return period[begun], start[begun], end[begun]


def _renewal(n: int, rng: np.random.Generator) -> Ints:
    chance = rng.random(n)
    contracted, expanded = chance < CHANCE_DOWN, chance > 1 - CHANCE_UP
    return np.select([contracted, expanded], [CONTRACTED, EXPANDED], RENEWED)


def _asked(start: Ints, end: Ints, ended: Ints, fate: Ints, rng: np.random.Generator) -> Ints:
    """Most leavers ask to cancel 20 to 120 days before; a few others ask and then stay."""
    chance = rng.random(start.size)
    share = np.where(fate == CHURNED, ASKS_TO_CANCEL, np.where(fate == GONE, 0, ASKS_IN_VAIN))
    ahead = rng.integers(20, 121, start.size)
    ahead = np.where(ended < NEVER, ahead // 4, ahead)
    day = np.maximum(np.minimum(end, ended) - ahead, start)
    return np.where(chance < share, day, NEVER)


def _decided(end: Ints, ended: Ints, asked: Ints, fate: Ints, rng: np.random.Generator) -> Ints:
    """Most renewals are signed in the 45 days before, one in twenty up to 20 days after."""
    early = end - rng.integers(0, 46, end.size)
    late = end + rng.integers(1, 21, end.size)
    signed = np.where(rng.random(end.size) < DECIDES_LATE, late, early)
    leaving = np.isin(fate, (CHURNED, GONE))
    refused = np.minimum(np.minimum(end, ended), np.where(asked < NEVER, asked, end))
    return np.where(leaving, refused, signed)


def _running_product(account: Ints, change: Floats) -> Floats:
    """Return the product of the account's changes before each term."""
    product: Floats = np.exp(calendar.earlier_sum(account, np.log(change)))
    return product


def _until_decided(contracts: Contracts, unknown: Flags) -> Contracts:
    """Drop terms that follow one whose renewal is not decided: nobody has signed them yet."""
    kept = calendar.earlier_sum(contracts.account, unknown) == 0
    columns = {name: getattr(contracts, name)[kept] for name in Contracts.__dataclass_fields__}
    return Contracts(**columns)


def _whole_currency(amount: Floats) -> Ints:
    cents: Ints = np.maximum(np.rint(amount / 10.0) * 1000, 1000).astype(np.int64)
    return cents
