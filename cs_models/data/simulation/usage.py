"""What customers do with the product: levels per term, and days on which use falls.

Use is recorded in *bouts*: one user, one feature, one day, with a `quantity` of actions.
Grain in: periods.  Grain out: one entry a bout (not yet given to a user).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cs_models.data.simulation import scenarios
from cs_models.data.simulation.calendar import Floats, Ints, ProductCalendar
from cs_models.data.simulation.portfolio import Periods, Portfolio
from cs_models.data.simulation.scenarios import CAUSES, FEATURES, WINDOW_DAYS

# Larger accounts do more in more bouts, each of more actions.
SEGMENT_ROWS = np.array([0.9, 1.25, 1.9])
SEGMENT_QUANTITY = np.array([1.6, 2.2, 3.0])
KEY_ROWS = np.array([9.0, 13.0, 20.0])
MOST_ACTIONS_IN_A_BOUT = 1000


@dataclass(frozen=True)
class Bouts:
    """One entry a bout of use.

    Attributes
    ----------
    period : int, position in :class:`Periods`; feature : int, position in FEATURES
    day : int; quantity : int, at least 1
    """

    period: Ints
    feature: Ints
    day: Ints
    quantity: Ints

    def keep(self, chosen: Ints | np.ndarray) -> Bouts:
        """Return the chosen bouts."""
        return Bouts(
            self.period[chosen], self.feature[chosen], self.day[chosen], self.quantity[chosen]
        )


@dataclass(frozen=True)
class Levels:
    """The steady level of use of each feature in each period.

    Attributes
    ----------
    rows : float, shape (n_periods, n_features), bouts in 60 normal days
    quantity : float, same shape, mean actions of a bout
    """

    rows: Floats
    quantity: Floats


def levels(
    portfolio: Portfolio,
    periods: Periods,
    scenario: scenarios.Scenario,
    rng: np.random.Generator,
) -> Levels:
    """Draw the log-normal level of every feature in every period.

    log level = log base(segment) + loading · v + persistent noise + term noise (+ tier effect).
    """
    segment = portfolio.segment[periods.account]
    rows = np.empty((periods.size, len(FEATURES)))
    quantity = np.empty_like(rows)
    for column, feature in enumerate(FEATURES):
        persistent = rng.standard_normal(portfolio.size)[periods.account]
        of_term = rng.standard_normal(periods.size)
        log_level = (
            feature.vigour * periods.vigour
            + feature.account_sd * persistent
            + feature.term_sd * of_term
            + scenario.tier_usage * portfolio.tier[periods.account]
        )
        if feature.name == scenarios.KEY_FEATURE:
            base = KEY_ROWS
            mean_quantity = np.maximum(np.array(scenario.key_median) / KEY_ROWS, 1.0)
        else:
            base = feature.rows * SEGMENT_ROWS
            mean_quantity = SEGMENT_QUANTITY
        rows[:, column] = base[segment] * np.exp(log_level)
        quantity[:, column] = mean_quantity[segment]
    return Levels(rows, quantity)


def draw(
    levels: Levels,
    which: tuple[Ints, Ints],
    span: tuple[Ints, Ints],
    product_calendar: ProductCalendar,
    rng: np.random.Generator,
    factor: float = 1.0,
) -> Bouts:
    """Draw bouts in spans of days, without ramp.

    Parameters
    ----------
    which : pair of ndarray of int, shape (n_spans,)
        Period and feature of each span.
    span : pair of ndarray of int, shape (n_spans,)
        First day and the day after the last.
    factor : float
        Multiplies the level.
    """
    period, feature = which
    first, end = span
    normal_days = product_calendar.between(first, end)
    mean = factor * levels.rows[period, feature] * normal_days / WINDOW_DAYS
    count = rng.poisson(mean)
    of = np.repeat(np.arange(period.size), count)
    offset = rng.random(of.size) * normal_days[of]
    day = product_calendar.place(product_calendar.until(first)[of] + offset)
    more = rng.poisson(levels.quantity[period, feature][of] - 1.0)
    return Bouts(
        period=period[of],
        feature=feature[of],
        day=day,
        quantity=np.minimum(1 + more, MOST_ACTIONS_IN_A_BOUT).astype(np.int64),
    )


def ramp(
    bouts: Bouts,
    portfolio: Portfolio,
    periods: Periods,
    scenario: scenarios.Scenario,
    rng: np.random.Generator,
) -> Bouts:
    """Thin bouts by the adoption ramp 1 − exp(−t/τ) of the first term (or of every term)."""
    since_start = bouts.day - periods.start[bouts.period] + 0.5
    tau = portfolio.ramp_days[periods.account[bouts.period]]
    kept = rng.random(bouts.day.size) < -np.expm1(-since_start / tau)
    if not scenario.ramp_repeats:
        kept |= ~periods.first_of_account[bouts.period]
    return bouts.keep(kept)


def early(
    portfolio: Portfolio,
    periods: Periods,
    levels: Levels,
    scenario: scenarios.Scenario,
    product_calendar: ProductCalendar,
    rng: np.random.Generator,
) -> tuple[Bouts, Ints]:
    """Draw the features that have an effect, in the first 60 days of every potential period.

    Returns
    -------
    bouts : Bouts
    counts : ndarray of int, shape (n_periods, 3)
        Actions of the key, the gradual and the U-shaped feature in [start, start + 60): what
        the outcome depends on, and exactly what the event table will hold before dirt.
    """
    period = np.repeat(np.arange(periods.size), len(CAUSES))
    feature = np.tile(np.arange(len(CAUSES)), periods.size)
    first = periods.start[period]
    drawn = draw(levels, (period, feature), (first, first + WINDOW_DAYS), product_calendar, rng)
    bouts = ramp(drawn, portfolio, periods, scenario, rng)
    counts = np.bincount(
        bouts.period * len(CAUSES) + bouts.feature,
        weights=bouts.quantity,
        minlength=periods.size * len(CAUSES),
    )
    return bouts, counts.reshape(periods.size, len(CAUSES)).astype(np.int64)
