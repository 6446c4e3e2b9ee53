"""Who leaves, when and why: the planted law, and one life drawn from it for every account.

Logit of leaving at a renewal (`methods.md` section 7):

    α_s + β_thr·1{x < c_s} + slope·z(x) − β_v·v + β_d·z(gradual) + β_u·(z(U)² − 1)
        + β_t·z(tickets) + β_c·champion lost + β_n·sentiment + β_tier·tier + u_quarter + b_g

with x the key feature's actions in the first 60 days of that very term and z the standard score
of log1p within the segment.  α_s is calibrated to the scenario's churn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cs_models.data.simulation import calendar
from cs_models.data.simulation.calendar import Flags, Floats, Ints
from cs_models.data.simulation.portfolio import MONTHS_IN_YEAR, Periods, Portfolio
from cs_models.data.simulation.scenarios import Scenario

NEVER = np.int64(10**6)
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Causes:
    """What a period's outcome depends on, apart from the account; one entry a period.

    Attributes
    ----------
    key, gradual, u_shaped, tickets : int, counts in the first 60 days of the period
    champion_lost : bool, during the period; sentiment : float, standard normal
    """

    key: Ints
    gradual: Ints
    u_shaped: Ints
    tickets: Ints
    champion_lost: Flags
    sentiment: Floats


@dataclass(frozen=True)
class Law:
    """The true hazard of each period, and what it was made of.

    Attributes
    ----------
    hazard : float, shape (n_periods,), probability of leaving at the (yearly) renewal
    intercepts : float, shape (3,), α by segment
    shocks : dict, quarter index to shock
    below : bool, whether x is below the cut
    """

    hazard: Floats
    intercepts: Floats
    shocks: dict[int, float]
    below: Flags


@dataclass(frozen=True)
class Lives:
    """What happened; one entry a period.

    Attributes
    ----------
    lived : bool, the account was there when the period began
    life_end : int, first day after the period's life (its end, or the day of leaving)
    exit : int, see EXITS; `exit_month` : int, month of leaving of a monthly contract, else 0
    """

    lived: Flags
    life_end: Ints
    exit: Ints
    exit_month: Ints


STAYED, LEFT, CANCELLED_EARLY, INVOLUNTARY = 0, 1, 2, 3


def law(
    portfolio: Portfolio,
    periods: Periods,
    causes: Causes,
    scenario: Scenario,
    rng: np.random.Generator,
) -> Law:
    """Compute the true hazard of every period; α by bisection within each segment."""
    segment = portfolio.segment[periods.account]
    below = causes.key < np.array(scenario.cuts)[segment]
    z_u = _score(causes.u_shaped, segment)
    quarter = calendar.quarter_index(periods.end)
    shocks = {
        int(q): float(scenario.sigma_quarter * rng.standard_normal())
        for q in range(int(quarter.min()), int(quarter.max()) + 1)
    }
    logit = (
        scenario.beta_threshold * below
        + scenario.beta_slope * _score(causes.key, segment)
        - scenario.beta_vigour * periods.vigour
        + scenario.beta_gradual * _score(causes.gradual, segment)
        + scenario.beta_u * (np.minimum(z_u**2, 9.0) - 1.0)
        + scenario.beta_tickets * _score(causes.tickets, segment)
        + scenario.beta_champion * causes.champion_lost
        + scenario.beta_nps * causes.sentiment
        + scenario.beta_tier * portfolio.tier[periods.account]
        + portfolio.frailty[periods.account]
        + np.array([shocks[int(q)] for q in quarter])
    )
    counted = (periods.start >= calendar.day(scenario.data_start)) & (
        periods.end <= calendar.day(scenario.as_of)
    )
    intercepts = _calibrate(logit, segment, periods, counted, np.array(scenario.churn))
    # The drift comes after the calibration: it is what the history did not show.
    drifting = periods.end > calendar.add_months(np.array([calendar.day(scenario.as_of)]), -6)
    hazard = _expit(logit + intercepts[segment] + scenario.drift * drifting)
    return Law(hazard=hazard, intercepts=intercepts, shocks=shocks, below=below)


def live(
    portfolio: Portfolio,
    periods: Periods,
    hazard: Floats,
    scenario: Scenario,
    rng: np.random.Generator,
) -> Lives:
    """Draw one life for every account.

    Accounts that began before the telemetry are in the book because they stayed until then: they
    cannot leave before `data_start`.
    """
    seen_from = calendar.day(scenario.data_start)
    monthly = portfolio.term_months[periods.account] == 1
    exit_month = _exit_month(hazard, monthly, rng)
    month_end = calendar.add_months(periods.start, np.where(monthly, exit_month, 0))
    at_renewal = np.where(monthly, month_end, periods.end)
    leaves = np.where(monthly, exit_month > 0, rng.random(periods.size) < hazard)
    leaves &= at_renewal > seen_from

    monthly_hazard = np.array(scenario.early_cancel_monthly)[portfolio.segment[periods.account]]
    monthly_hazard = np.where(monthly, 0.0, monthly_hazard)
    cancel = periods.start + _waiting_days(monthly_hazard / DAYS_PER_MONTH, rng)
    daily = np.full(periods.size, scenario.involuntary_yearly / 365.25)
    gone = periods.start + _waiting_days(daily, rng)

    end = np.where(leaves, at_renewal, periods.end)
    exit_kind = np.where(leaves, LEFT, STAYED)
    for when, kind in ((cancel, CANCELLED_EARLY), (gone, INVOLUNTARY)):
        first = (when < end) & (when > seen_from)
        end = np.where(first, when, end)
        exit_kind = np.where(first, kind, exit_kind)
    exit_month = np.where(exit_kind == INVOLUNTARY, 0, exit_month * monthly)
    return Lives(
        lived=calendar.earlier_sum(periods.account, exit_kind != STAYED) == 0,
        life_end=end,
        exit=exit_kind.astype(np.int64),
        exit_month=exit_month.astype(np.int64),
    )


def monthly_hazard_of(yearly: Floats) -> Floats:
    """Return the monthly hazard that amounts to a yearly one."""
    monthly: Floats = -np.expm1(np.log1p(-yearly) / MONTHS_IN_YEAR)
    return monthly


def _exit_month(hazard: Floats, monthly: Flags, rng: np.random.Generator) -> Ints:
    month = rng.geometric(np.clip(monthly_hazard_of(hazard), 1e-12, 1.0))
    return np.where(monthly & (month <= MONTHS_IN_YEAR), month, 0).astype(np.int64)


def _waiting_days(daily_hazard: Floats, rng: np.random.Generator) -> Ints:
    waited = rng.standard_exponential(daily_hazard.size)
    days = np.divide(waited, daily_hazard, out=np.full(waited.size, 1e6), where=daily_hazard > 0)
    whole_days: Ints = (1 + np.minimum(days, float(NEVER))).astype(np.int64)
    return whole_days


def _calibrate(
    logit: Floats, segment: Ints, periods: Periods, counted: Flags, target: Floats
) -> Floats:
    """Find α by segment so that the expected churn among the periods lived equals `target`."""
    intercepts = np.zeros(target.size)
    for one, wanted in enumerate(target):
        inside = segment == one
        if not (inside & counted).any():
            intercepts[one] = np.log(wanted / (1 - wanted))
            continue
        low, high = -12.0, 12.0
        for _ in range(50):
            middle = (low + high) / 2
            hazard = _expit(logit[inside] + middle)
            weight = _expected_to_live(periods.account[inside], hazard) * counted[inside]
            too_much = (weight * hazard).sum() / weight.sum() > wanted
            low, high = (low, middle) if too_much else (middle, high)
        intercepts[one] = (low + high) / 2
    return intercepts


def _expected_to_live(account: Ints, hazard: Floats) -> Floats:
    log_stay = np.log1p(-np.minimum(hazard, 1 - 1e-9))
    lived: Floats = np.exp(calendar.earlier_sum(account, log_stay))
    return lived


def _score(count: Ints, segment: Ints) -> Floats:
    """Return the standard score of log1p(count) within the segment."""
    value = np.log1p(count.astype(float))
    scored = np.zeros(value.size)
    for one in np.unique(segment):
        inside = segment == one
        spread = value[inside].std()
        scored[inside] = (value[inside] - value[inside].mean()) / (spread if spread > 0 else 1.0)
    return scored


def _expit(logit: Floats) -> Floats:
    chance: Floats = 1.0 / (1.0 + np.exp(-logit))
    return chance
