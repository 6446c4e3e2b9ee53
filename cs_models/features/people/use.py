"""What each login did before a day: how often, how lately, how many features.

Grain in: canonical events.  Grain out: one row per user_id with any use that the day may see
(``event_date < on`` and ``known_date <= on``).

Dated example, on = 2024-03-01: use on 2024-02-29 is 1 day ago, in the last week block and in
``events__last_28d``; use on 2024-02-02 is 28 days ago and still in it, 2024-02-01 is not.

Source: ``methods.md`` 1.1, 1.4 (frequency).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from cs_models.features.relations import sight

MONTH_DAYS: Final = 28
QUARTER_DAYS: Final = 90
WEEKS_DAYS: Final = 84
WEEK_DAYS: Final = 7


def of_feature(feature: str) -> str:
    """Return the name of the column that counts a user's uses of a feature.

    Parameters
    ----------
    feature : str
        The product feature's own text.

    Returns
    -------
    str
    """
    return f"events__feature={feature}__to_date"


def expression(events: ir.Table, on: date, features: Sequence[str]) -> ir.Table:
    """Count the use of every login that used anything before a day.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events.
    on : datetime.date
        The decision date: use on that day is not seen.
    features : sequence of str
        Features whose uses are counted one by one.

    Returns
    -------
    ibis.expr.types.Table
        ``used_by`` (the login), ``first_ago``, ``last_ago`` (days before ``on``), counts of days,
        weeks and features, sums of quantity in uses.
    """
    today = ibis.literal(on)
    seen = events.filter(sight.visible(events.event_date, events.known_date, today)).drop_null(
        "user_id"
    )
    # The named relation is scanned once for both groupings (decision 4).
    seen = seen.select(
        "feature",
        "quantity",
        used_by="user_id",
        ago=today.delta(seen.event_date, unit="day").cast("int32"),
    ).alias("seen_of_users")
    return _days(seen).join(_amounts(seen, features), "used_by")


def _days(seen: ir.Table) -> ir.Table:
    """Count the days and weeks on which each login used anything."""
    days = seen.select("used_by", "ago").distinct()
    return days.group_by("used_by").agg(
        first_ago=days.ago.max(),
        last_ago=days.ago.min(),
        active_days__last_28d=(days.ago <= MONTH_DAYS).sum(),
        active_days__to_date=days.count(),
        active_weeks__last_84d=((days.ago - 1) // WEEK_DAYS).nunique(where=days.ago <= WEEKS_DAYS),
    )


def _amounts(seen: ir.Table, features: Sequence[str]) -> ir.Table:
    """Add up what each login used, feature by feature first: a user has few features."""
    amount = seen.quantity.fill_null(1)
    pairs = seen.group_by("used_by", "feature").agg(
        uses=amount.sum(),
        uses_28=amount.sum(where=seen.ago <= MONTH_DAYS),
        uses_90=amount.sum(where=seen.ago <= QUARTER_DAYS),
        ago=seen.ago.min(),
    )
    named = {of_feature(f): pairs.uses.sum(where=pairs.feature == f) for f in features}
    return pairs.group_by("used_by").agg(
        events__last_28d=pairs.uses_28.sum(),
        events__last_90d=pairs.uses_90.sum(),
        distinct_features__last_90d=(pairs.ago <= QUARTER_DAYS).sum(),
        distinct_features__to_date=pairs.count(),
        **named,
    )
