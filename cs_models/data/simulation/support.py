"""Tickets, surveys, touchpoints and milestones: what the customer-success team would hold.

Grain out: one row a ticket, an answer, a contact, a step.  Survey silence depends on v (missing
not at random), and the team contacts those it believes at risk, so that contact is a sign of risk
and no proof of its use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cs_models.data.simulation import arrow, calendar
from cs_models.data.simulation.activity import Life
from cs_models.data.simulation.calendar import Flags, Floats, Ints
from cs_models.data.simulation.portfolio import Periods, Portfolio
from cs_models.data.simulation.scenarios import WINDOW_DAYS, Scenario

TICKETS_IN_WINDOW = np.array([0.5, 1.1, 2.2])
SEVERITIES = ("low", "normal", "high", "critical")
SEVERITY_CHANCES = (0.25, 0.5, 0.2, 0.05)
SURVEYS = ("nps", "csat", "proficiency")
NPS, CSAT, PROFICIENCY = range(3)
TOUCHPOINTS = ("kickoff", "training", "qbr", "call", "email", "in_app", "playbook")
KICKOFF, TRAINING, QBR, CALL, EMAIL, IN_APP, PLAYBOOK = range(7)
INITIATORS = ("us", "customer")
STEPS = (
    ("kickoff_held", 7),
    ("data_connected", 21),
    ("team_invited", 30),
    ("first_report_shared", 45),
    ("training_completed", 60),
)
GOALS = (("weekly_reporting_in_place", 150), ("manual_hours_saved", 240))


@dataclass(frozen=True)
class Moments:
    """Something that happens on a day in a period; one entry a happening, ordered by period."""

    period: Ints
    day: Ints


def early_tickets(
    portfolio: Portfolio, periods: Periods, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Return the ticket rate (in 60 days) and the tickets in the first 60 days of each period."""
    segment = portfolio.segment[periods.account]
    level = np.exp(0.5 * rng.standard_normal(periods.size))
    rate = TICKETS_IN_WINDOW[segment] * level
    return rate, rng.poisson(rate)


def tickets(
    life: Life, rate: Floats, early: Ints, scenario: Scenario, rng: np.random.Generator
) -> pa.Table:
    """Return the `tickets` table."""
    first = _spread(life, early, 0, WINDOW_DAYS, rng)
    length = life.periods.end - life.periods.start - WINDOW_DAYS
    later = _spread(life, rng.poisson(rate * length / WINDOW_DAYS), WINDOW_DAYS, 10**6, rng)
    moments = _seen(life, _concat(first, later), scenario)
    n = moments.day.size
    hours_open = 2 + (rng.standard_exponential(n) * 60).astype(np.int64)
    opened_hour = rng.integers(6, 20, n)
    severity = rng.choice(4, size=n, p=SEVERITY_CHANCES)
    closed_hour = opened_hour + hours_open
    closed = moments.day + closed_hour // 24 < calendar.day(scenario.as_of)
    account, user = _who(life, moments, rng)
    return pa.table(
        {
            "ticket_id": arrow.ids("t-", np.arange(n)),
            "account_id": arrow.ids("a-", account),
            "user_id": arrow.ids("u-", user),
            "opened_at": arrow.instants(moments.day, hour=opened_hour),
            "closed_at": arrow.instants(moments.day, hour=closed_hour, known=closed),
            "severity": arrow.words(SEVERITIES, severity),
            "escalated": pa.array(rng.random(n) < 0.03 + 0.12 * (severity >= 2)),
        }
    )


def surveys(
    life: Life, sentiment: Floats, scenario: Scenario, rng: np.random.Generator
) -> pa.Table:
    """Return the `surveys` table: two waves a year, answered the likelier the higher v."""
    invited = 2.0 * np.minimum(1 + life.seats.n_slots[life.periods.account] // 20, 4)
    years = (life.periods.end - life.periods.start) / 365.25
    answers = 1.0 / (1.0 + np.exp(0.8 - 0.8 * life.periods.vigour))
    parts = [
        _spread(life, rng.poisson(share * invited * years * answers), 15, 10**6, rng)
        for share in (1.0, 0.6, 0.5)
    ]
    kind = np.repeat(np.arange(3), [part.day.size for part in parts])
    moments = _concat(*parts)
    moments, kind = _seen_with(life, moments, kind, scenario)
    feeling = sentiment[moments.period] + rng.standard_normal(kind.size)
    skill = life.periods.vigour[moments.period] + rng.standard_normal(kind.size)
    answers_on_scale = (
        np.clip(np.rint(7.4 + 1.5 * feeling), 0, 10),
        np.clip(np.rint(3.9 + 0.7 * feeling), 1, 5),
        np.clip(np.rint(60 + 14 * skill), 0, 100),
    )
    score = np.stack(answers_on_scale)[kind, np.arange(kind.size)]
    account, user = _who(life, moments, rng)
    return pa.table(
        {
            "survey_id": arrow.ids("q-", np.arange(kind.size)),
            "account_id": arrow.ids("a-", account),
            "user_id": arrow.ids("u-", user),
            "answered_at": arrow.instants(moments.day, hour=rng.integers(7, 19, kind.size)),
            "kind": arrow.words(SURVEYS, kind),
            "score": arrow.real(score),
        }
    )


def touchpoints(life: Life, scenario: Scenario, rng: np.random.Generator) -> pa.Table:
    """Return the `touchpoints` table: more for the higher tier, more for those believed at risk."""
    tier = life.portfolio.tier[life.periods.account]
    years = (life.periods.end - life.periods.start) / 365.25
    believed = -life.periods.vigour + rng.standard_normal(life.periods.size)
    reach = np.exp(0.5 * tier + 0.35 * believed)
    first = life.periods.first_of_account
    yearly = {
        TRAINING: 1.0 + 0.5 * tier,
        QBR: np.maximum(1.0 + tier, 0.0) * 1.5,
        CALL: 1.6 * reach,
        EMAIL: 3.0 * reach,
        IN_APP: np.full(tier.size, 1.5),
        PLAYBOOK: 0.8 * (believed > 1.0) * reach,
    }
    parts = [_spread(life, first.astype(np.int64), 0, 10, rng)]
    parts += [_spread(life, rng.poisson(rate * years), 5, 10**6, rng) for rate in yearly.values()]
    kind = np.repeat([KICKOFF, *yearly], [part.day.size for part in parts])
    moments, kind = _seen_with(life, _concat(*parts), kind, scenario)
    account, user = _who(life, moments, rng)
    by_customer = (rng.random(kind.size) < 0.25) & np.isin(kind, (CALL, EMAIL))
    return pa.table(
        {
            "touchpoint_id": arrow.ids("c-", np.arange(kind.size)),
            "account_id": arrow.ids("a-", account),
            "user_id": arrow.ids("u-", user, known=kind != PLAYBOOK),
            "occurred_at": arrow.instants(moments.day, hour=rng.integers(7, 17, kind.size)),
            "kind": arrow.words(TOUCHPOINTS, kind),
            "initiated_by": arrow.words(INITIATORS, by_customer.astype(np.int64)),
        }
    )


def milestones(
    life: Life, account_end: Ints, scenario: Scenario, rng: np.random.Generator
) -> pa.Table:
    """Return the `milestones` table: five onboarding steps and two goals for every account."""
    names = [name for name, _ in STEPS + GOALS]
    due_in = np.array([days for _, days in STEPS + GOALS])
    n, m = life.portfolio.size, len(names)
    is_goal = np.arange(m) >= len(STEPS)
    pace = np.exp(
        -0.3 * life.portfolio.vigour[:, None]
        + 0.3 * rng.standard_normal((n, 1))
        + 0.3 * rng.standard_normal((n, m))
    )
    day = life.portfolio.start[:, None] + np.maximum(1, np.rint(due_in * pace)).astype(np.int64)
    never = rng.random((n, m)) < np.where(is_goal, 0.3, 0.06)
    last = np.minimum(account_end, calendar.day(scenario.as_of))[:, None]
    done = (~never & (day < last)).ravel()
    value = np.where(np.arange(m) == m - 1, rng.gamma(4.0, 6.0, (n, m)), 1.0)
    account = np.repeat(np.arange(n), m)
    due = (life.portfolio.start[:, None] + due_in).ravel()
    return pa.table(
        {
            "account_id": arrow.ids("a-", account),
            "milestone": arrow.words(names, np.tile(np.arange(m), n)),
            "kind": arrow.words(("onboarding", "goal"), np.tile(is_goal.astype(np.int64), n)),
            "due_at": arrow.dates(due),
            "completed_at": arrow.dates(day.ravel(), done),
            "value": arrow.real(np.round(value.ravel(), 1), done & np.tile(is_goal, n)),
        }
    )


def _spread(life: Life, count: Ints, first: int, last: int, rng: np.random.Generator) -> Moments:
    """Spread counts evenly over days [start + first, min(start + last, end)) of each period."""
    period = np.repeat(np.arange(count.size), count)
    begin = life.periods.start[period] + first
    end = np.minimum(life.periods.start[period] + last, life.periods.end[period])
    day = begin + (rng.random(period.size) * np.maximum(end - begin, 1)).astype(np.int64)
    return Moments(period, day)


def _concat(*parts: Moments) -> Moments:
    return Moments(
        np.concatenate([part.period for part in parts]),
        np.concatenate([part.day for part in parts]),
    )


def _seen_with(
    life: Life, moments: Moments, kind: Ints, scenario: Scenario
) -> tuple[Moments, Ints]:
    order = np.lexsort((kind, moments.day, moments.period))
    moments, kind = Moments(moments.period[order], moments.day[order]), kind[order]
    kept = _in_time(life, moments, scenario)
    return Moments(moments.period[kept], moments.day[kept]), kind[kept]


def _seen(life: Life, moments: Moments, scenario: Scenario) -> Moments:
    return _seen_with(life, moments, np.zeros(moments.day.size, dtype=np.int64), scenario)[0]


def _in_time(life: Life, moments: Moments, scenario: Scenario) -> Flags:
    lived = life.lives.lived[moments.period] & (moments.day < life.lives.life_end[moments.period])
    opened, closed = calendar.day(scenario.data_start), calendar.day(scenario.as_of)
    return lived & (moments.day >= opened) & (moments.day < closed)


def _who(life: Life, moments: Moments, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return the account record and the login behind each happening."""
    account = life.periods.account[moments.period]
    place = life.seats.first_slot[account] + (
        rng.random(account.size) ** 2.0 * life.seats.n_slots[account]
    ).astype(np.int64)
    gone = (moments.day >= life.seats.departure[place]) & (life.users.successor[place] >= 0)
    user = np.where(gone, life.users.successor[place], life.users.of_slot[place])
    renamed = life.users.renamed[user]
    moved = (moments.day >= life.merges.day[account]) & (renamed >= 0)
    user = np.where(moved, renamed, user)
    return life.users.account[user], user
