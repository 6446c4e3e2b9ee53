"""Usage up to a decision date, as one relational expression the source's engine runs.

Grain in: canonical events (any number) and points (subscription_id, account_id, as_of_date D,
term_start s, seats).  Grain out: one row per (subscription_id, as_of_date).

The point-in-time rule is part of the join, row by row: an event enters a point iff it is of
the point's account, ``event_date < D`` and ``known_date <= D``.  A late event is therefore
seen by the points that could have seen it and by no other.

One dated example: D = 2024-10-03, s = 2024-01-01.  ``last_7d`` is 2024-09-26 to 2024-10-02;
``first_60d`` is 2024-01-01 to 2024-02-29.  An event of 2024-10-02 known from 2024-10-04 on
enters neither.  With usage recorded since 2024-09-01, ``last_28d`` is null when
D - 28 < 2024-09-01: not recorded is not zero.  Recorded and nothing there is zero.

Nothing here knows an outcome: the points carry none, and this module cannot import it.

Source: ``methods.md`` 1.1, 1.3, 1.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from cs_models.features import catalogue
from cs_models.features.catalogue import Measure

EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True)
class Request:
    """Which usage columns are wanted.

    Parameters
    ----------
    last_days : tuple of int
        Lengths of the windows before the decision date.
    first_days : tuple of int
        Lengths of the windows from the term's start.
    features : tuple of str
        Product features with columns of their own.
    breadth : tuple of str
        Product features that count as one each in ``distinct_features``.
    data_start : datetime.date
        First date with recorded usage.
    """

    last_days: tuple[int, ...]
    first_days: tuple[int, ...]
    features: tuple[str, ...]
    breadth: tuple[str, ...]
    data_start: date


def measures(request: Request) -> dict[str, Measure]:
    """Return the columns of the expression: safe SQL name to measure.

    Parameters
    ----------
    request : Request
        What is wanted.

    Returns
    -------
    dict[str, Measure]
        In column order.  A feature's text never becomes an SQL identifier: it may hold
        anything and be of any length, so that feature number 3 is ``f3`` there.
    """
    windows: list[tuple[catalogue.Anchor, int]] = [
        *(("last", days) for days in request.last_days),
        *(("first", days) for days in request.first_days),
    ]
    names: dict[str, Measure] = {}
    for kind in ("events", "active_users", "active_days", "distinct_features", "seat_utilisation"):
        for anchor, days in windows:
            names[f"{kind}_{anchor}_{days}"] = Measure(kind, None, anchor, days)
    names["trend"] = Measure("trend", None, "last", catalogue.TREND_DAYS)
    names["spike"] = Measure("spike", None, "last", catalogue.SPIKE_DAYS)
    names["days_since_last_use"] = Measure("days_since_last_use", None, "to_date", None)
    for place, feature in enumerate(request.features):
        for kind in ("events", "users", "events_per_seat"):
            for anchor, days in windows:
                names[f"f{place}_{kind}_{anchor}_{days}"] = Measure(kind, feature, anchor, days)
        names[f"f{place}_days_to_first"] = Measure("days_to_first", feature, "to_date", None)
    return names


def expression(events: ir.Table, points: ir.Table, request: Request) -> ir.Table:
    """Build the usage columns of every point.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events with ``event_date`` and ``known_date``.
    points : ibis.expr.types.Table
        subscription_id, account_id, as_of_date, term_start, seats; nothing of the outcome.
    request : Request
        Which columns.

    Returns
    -------
    ibis.expr.types.Table
        subscription_id, as_of_date and the columns of :func:`measures` under their SQL
        names; counts int64, quantities and ratios float64.  Only operations that DuckDB,
        PostgreSQL and Spark share.

    Notes
    -----
    ``events`` is the sum of ``quantity`` (1 when absent).  ``trend`` is
    (x + ½) / (y + ½) for the last 28 days x and the 28 before y; ``spike`` is
    2 (x + ½) / (y + 1) for the last 30 days x and the 60 before y: half an event a month is
    added to either side, so that equal rates give exactly 1, nothing in both gives 1 and a
    start from nothing is large but finite.
    """
    keyed = _keyed(points)
    parts = [
        _days(events, keyed, request),
        _users(events, keyed, request),
        _recency(events, keyed),
    ]
    if request.breadth:
        parts.append(_breadth(events, keyed, request))
    if request.features:
        parts.append(_features(events, keyed, request))
        parts.append(_feature_users(events, keyed, request))
    rows = keyed
    for part in parts:
        rows = rows.left_join(part, "point").drop("point_right")
    columns = _observed(rows, request)
    return rows.select("subscription_id", "as_of_date", **columns)


def _day(value: ir.DateValue) -> ir.IntegerValue:
    """Return a date as a whole number of days, which every engine compares alike."""
    return value.delta(ibis.literal(EPOCH), unit="day")


def _keyed(points: ir.Table) -> ir.Table:
    """Give every point a number and turn its dates into days."""
    order = [points.subscription_id, points.as_of_date]
    return points.mutate(
        point=ibis.row_number().over(order_by=order),
        end=_day(points.as_of_date),
        start=_day(points.term_start),
    )


def _seen(events: ir.Table, keyed: ir.Table, since: ir.IntegerValue, *columns: str) -> ir.Table:
    """Pair each point with the events that it may see and that lie on or after ``since``.

    Returns the asked-for event columns with ``point``, ``age`` (days from the term's start to
    the decision date) and ``ago`` (days from the event to the decision date, at least 1).
    """
    use = events.select(
        *columns, used_by="account_id", day=_day(events.event_date), known=_day(events.known_date)
    )
    at = keyed.select("account_id", "point", "end", age=keyed.end - keyed.start, since=since)
    pairs = use.join(
        at,
        [
            use.used_by == at.account_id,
            use.day < at.end,
            use.known <= at.end,
            use.day >= at.since,
        ],
    )
    return pairs.select(*columns, "point", "age", ago=pairs.end - pairs.day)


def _windows(request: Request) -> list[tuple[str, int]]:
    """Return every window as (anchor, days), the last ones first."""
    last = [("last", days) for days in request.last_days]
    return last + [("first", days) for days in request.first_days]


def _since(keyed: ir.Table, request: Request, *lasts: int) -> ir.IntegerValue:
    """Return the earliest day that any window of a point looks at."""
    reach = keyed.end - max(*lasts, *request.last_days, 1)
    return ibis.least(reach, keyed.start) if request.first_days else reach


def _within(rows: ir.Table, anchor: str, days: int) -> ir.BooleanValue:
    """Return whether a row lies in a window."""
    if anchor == "last":
        return rows.ago <= days
    since = rows.age - rows.ago
    return (since >= 0) & (since < days)


def _days(events: ir.Table, keyed: ir.Table, request: Request) -> ir.Table:
    """Return events and active days of every window, and the counts under trend and spike."""
    longest = (2 * catalogue.TREND_DAYS, catalogue.SPIKE_DAYS + catalogue.SPIKE_BASE_DAYS)
    seen = _seen(events, keyed, _since(keyed, request, *longest), "quantity")
    days = seen.group_by("point", "age", "ago").agg(quantity=seen.quantity.fill_null(1).sum())
    sums = {
        f"{name}_{anchor}_{n}": expr
        for anchor, n in _windows(request)
        for name, expr in (
            ("events", days.quantity.sum(where=_within(days, anchor, n))),
            ("active_days", _within(days, anchor, n).sum()),
        )
    }
    recent, spiked = days.ago <= catalogue.TREND_DAYS, days.ago <= catalogue.SPIKE_DAYS
    return days.group_by("point").agg(
        **sums,
        trend_recent=days.quantity.sum(where=recent),
        trend_before=days.quantity.sum(where=~recent & (days.ago <= longest[0])),
        spike_recent=days.quantity.sum(where=spiked),
        spike_before=days.quantity.sum(where=~spiked & (days.ago <= longest[1])),
    )


def _users(events: ir.Table, keyed: ir.Table, request: Request) -> ir.Table:
    """Return the users active in every window."""
    seen = _seen(events, keyed, _since(keyed, request), "user_id")
    users = _reached(seen.drop_null("user_id"), "point", "user_id")
    return users.group_by("point").agg(**_counts(users, request, "active_users"))


def _reached(seen: ir.Table, *keys: str) -> ir.Table:
    """Return, for every key, its last use and its first one in the term."""
    since = seen.age - seen.ago
    return seen.group_by(*keys).agg(last_ago=seen.ago.min(), first=since.min(where=since >= 0))


def _counts(reached: ir.Table, request: Request, name: str) -> dict[str, ir.IntegerScalar]:
    """Return how many keys were used in every window."""
    return {
        f"{name}_{anchor}_{n}": (
            reached.last_ago <= n if anchor == "last" else reached["first"] < n
        ).sum()
        for anchor, n in _windows(request)
    }


def _recency(events: ir.Table, keyed: ir.Table) -> ir.Table:
    """Return the days since the last use, however long ago."""
    seen = _seen(events, keyed, ibis.literal(0, "int64"))
    return seen.group_by("point").agg(days_since_last_use=seen.ago.min())


def _numbered(seen: ir.Table, features: tuple[str, ...]) -> ir.Table:
    """Replace the feature's text by its place among ``features``; others drop out."""
    names = ibis.memtable(
        {"name": list(features), "place": list(range(len(features)))},
        schema={"name": "string", "place": "int16"},
    )
    return seen.join(names, seen.feature == names.name).drop("name", "feature")


def _breadth(events: ir.Table, keyed: ir.Table, request: Request) -> ir.Table:
    """Return how many different features were used in every window."""
    seen = _seen(events, keyed, _since(keyed, request), "feature")
    used = _reached(_numbered(seen, request.breadth), "point", "place")
    return used.group_by("point").agg(**_counts(used, request, "distinct_features"))


def _features(events: ir.Table, keyed: ir.Table, request: Request) -> ir.Table:
    """Return the events of every feature in every window and the days to its first use."""
    since = ibis.least(_since(keyed, request), keyed.start)
    seen = _numbered(_seen(events, keyed, since, "feature", "quantity"), request.features)
    quantity, term_day = seen.quantity.fill_null(1), seen.age - seen.ago
    sums = {
        f"events_{anchor}_{n}": quantity.sum(where=_within(seen, anchor, n))
        for anchor, n in _windows(request)
    }
    tall = seen.group_by("point", "place").agg(
        **sums, days_to_first=term_day.min(where=term_day >= 0)
    )
    return _wide(tall, request, [*sums, "days_to_first"])


def _feature_users(events: ir.Table, keyed: ir.Table, request: Request) -> ir.Table:
    """Return the users of every feature in every window."""
    seen = _seen(events, keyed, _since(keyed, request), "feature", "user_id")
    seen = _numbered(seen.drop_null("user_id"), request.features)
    users = _reached(seen, "point", "place", "user_id")
    tall = users.group_by("point", "place").agg(**_counts(users, request, "users"))
    return _wide(tall, request, [f"users_{anchor}_{n}" for anchor, n in _windows(request)])


def _wide(tall: ir.Table, request: Request, names: list[str]) -> ir.Table:
    """Turn one row per (point, feature) into one row per point."""
    cells = {
        f"f{place}_{name}": tall[name].sum(where=tall.place == place)
        for place in range(len(request.features))
        for name in names
    }
    return tall.group_by("point").agg(**cells)


def _observed(rows: ir.Table, request: Request) -> dict[str, ir.Value]:
    """Return the final columns: zero where nothing happened, null where nothing was recorded."""
    recorded = (request.data_start - EPOCH).days
    seats = (rows.seats > 0).ifelse(rows.seats, ibis.null("int64")).cast("float64")

    def when(anchor: str, days: int) -> ir.BooleanValue:
        if anchor == "last":
            return rows.end - days >= recorded
        return (rows.start >= recorded) & (rows.start + days <= rows.end)

    def plain(name: str, measure: Measure) -> ir.NumericValue:
        value = rows[name].fill_null(0) if name in rows.columns else ibis.literal(0, "int64")
        return value.cast("float64" if measure.measure == "events" else "int64")

    columns: dict[str, ir.Value] = {}
    for name, measure in measures(request).items():
        kind, days = measure.measure, measure.days or 0
        if kind == "trend":
            value, seen = _ratio(rows, "trend", 1), when("last", 2 * days)
        elif kind == "spike":
            value = _ratio(rows, "spike", catalogue.SPIKE_BASE_DAYS // catalogue.SPIKE_DAYS)
            seen = when("last", days + catalogue.SPIKE_BASE_DAYS)
        elif kind == "seat_utilisation":
            other = name.replace(kind, "active_users")
            value, seen = plain(other, measure) / seats, when(measure.anchor, days)
        elif kind == "events_per_seat":
            other = name.replace(kind, "events")
            value = plain(other, measure).cast("float64") / seats
            seen = when(measure.anchor, days)
        elif kind == "days_to_first":
            value, seen = rows[name], rows.start >= recorded
        elif kind == "days_since_last_use":
            value, seen = rows[name], ibis.literal(True)
        else:
            value, seen = plain(name, measure), when(measure.anchor, days)
        value = value.cast("int64") if kind.startswith("days_") else value
        columns[name] = seen.ifelse(value, ibis.null(value.type()))
    return columns


def _ratio(rows: ir.Table, name: str, longer: int) -> ir.FloatingValue:
    """Return a smoothed ratio of event rates; ``longer`` is how much longer the base is."""
    recent = rows[f"{name}_recent"].fill_null(0).cast("float64")
    before = rows[f"{name}_before"].fill_null(0).cast("float64")
    return longer * (recent + 0.5) / (before + 0.5 * longer)
