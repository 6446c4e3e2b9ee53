"""Who the customers are, and which contract terms they could live through.

Grain: :class:`Portfolio` one entry an account; :class:`Periods` one entry a potential term
(for monthly contracts: a contract year of twelve opportunities), ordered by account and start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cs_models.data.simulation import calendar, scenarios
from cs_models.data.simulation.calendar import Flags, Floats, Ints

MEDIAN_SEATS = np.array([8.0, 40.0, 250.0])
PRICE_PER_SEAT = np.array([480.0, 420.0, 340.0])
MONTHS_IN_YEAR = 12


@dataclass(frozen=True)
class Portfolio:
    """One entry an account; all arrays have length `size`.

    Attributes
    ----------
    segment : int, 0 SMB, 1 MM, 2 ENT
    term_months : int, months between two renewals (1, 12, 24, 36)
    start : int, first day of the first term
    seats : int; price : float, ARR per seat; tier : int in -1, 0, 1, tercile of ARR in the segment
    vigour : float, the latent v ~ N(0, 1); ramp_days : float; frailty : float, b_g
    """

    segment: Ints
    term_months: Ints
    start: Ints
    seats: Ints
    price: Floats
    tier: Ints
    vigour: Floats
    ramp_days: Floats
    frailty: Floats

    @property
    def size(self) -> int:
        """Number of accounts."""
        return int(self.segment.size)


@dataclass(frozen=True)
class Periods:
    """One entry a potential period of an account, ordered by (account, number).

    Attributes
    ----------
    account : int, position in the portfolio; number : int, from 0
    start, end : int, days; `end` is the renewal date
    vigour : float, the account's v in this period, with what newly arrived champions add
    first_of_account : bool
    """

    account: Ints
    number: Ints
    start: Ints
    end: Ints
    vigour: Floats

    @property
    def size(self) -> int:
        """Number of periods."""
        return int(self.account.size)

    @property
    def first_of_account(self) -> Flags:
        """Whether the period is its account's first."""
        first: Flags = self.number == 0
        return first


def draw(scenario: scenarios.Scenario, n_accounts: int, rng: np.random.Generator) -> Portfolio:
    """Draw the accounts of a world.

    Starts are uniform from `history_days` before the telemetry to a month before `as_of`, so
    that every book has customers on both sides of their day 60.
    """
    segment = np.sort(rng.choice(3, size=n_accounts, p=scenario.segment_mix)).astype(np.int64)
    segment = rng.permutation(segment)
    first_day = calendar.day(scenario.data_start) - scenario.history_days
    start = rng.integers(first_day, calendar.day(scenario.as_of) - 30, size=n_accounts)
    seats = np.maximum(
        np.rint(MEDIAN_SEATS[segment] * np.exp(0.6 * rng.standard_normal(n_accounts))), 2
    ).astype(np.int64)
    price = PRICE_PER_SEAT[segment] * np.exp(0.2 * rng.standard_normal(n_accounts))
    return Portfolio(
        segment=segment,
        term_months=_term_months(scenario, segment, rng),
        start=start.astype(np.int64),
        seats=seats,
        price=price,
        tier=_terciles(seats * price, segment),
        vigour=rng.standard_normal(n_accounts),
        ramp_days=scenario.ramp_days * np.exp(0.5 * rng.standard_normal(n_accounts)),
        frailty=scenario.sigma_account * rng.standard_normal(n_accounts),
    )


def periods(
    portfolio: Portfolio, scenario: scenarios.Scenario, arrival: Ints, boost: float
) -> Periods:
    """Lay out every term an account could live through up to `as_of`.

    Parameters
    ----------
    arrival : ndarray of int, shape (n_accounts,)
        Day on which a champion from elsewhere arrives; beyond the horizon where none does.
    boost : float
        What the arrival adds to v in the periods that start after it.
    """
    as_of = calendar.day(scenario.as_of)
    length = np.maximum(portfolio.term_months, MONTHS_IN_YEAR)
    longest = int((as_of - portfolio.start.min()) // 365 + 2)
    number = np.arange(longest)[None, :]
    start = calendar.add_months(portfolio.start[:, None], number * length[:, None])
    end = calendar.add_months(portfolio.start[:, None], (number + 1) * length[:, None])
    account, column = np.nonzero(start < as_of)
    begun = start[account, column]
    return Periods(
        account=account.astype(np.int64),
        number=column.astype(np.int64),
        start=begun,
        end=end[account, column],
        vigour=portfolio.vigour[account] + boost * (arrival[account] < begun),
    )


def _term_months(scenario: scenarios.Scenario, segment: Ints, rng: np.random.Generator) -> Ints:
    chance = rng.random(segment.size)
    monthly = np.array(scenario.monthly_share)[segment]
    two_years = monthly + np.array(scenario.two_year_share)[segment]
    three_years = two_years + np.array(scenario.three_year_share)[segment]
    conditions = [chance < monthly, chance < two_years, chance < three_years]
    return np.select(conditions, [1, 24, 36], 12).astype(np.int64)


def _terciles(arr: Floats, segment: Ints) -> Ints:
    tier = np.zeros(segment.size, dtype=np.int64)
    for one in range(3):
        inside = segment == one
        if inside.any():
            low, high = np.quantile(arr[inside], [1 / 3, 2 / 3])
            tier[inside] = np.where(arr[inside] <= low, -1, np.where(arr[inside] > high, 1, 0))
    return tier
