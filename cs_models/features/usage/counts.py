"""Usage counts of every window, as one relational expression that the source's engine runs.

Grain in: canonical events (any number) and points (subscription_id, account_id, as_of_date D,
term_start s).  Grain out: one row per point about the whole account, and one row per point and
feature that it used.

The point-in-time rule is part of the join, row by row: an event enters a point iff it is of
the point's account, ``event_date < D`` and ``known_date <= D``.  A late event is therefore
seen by the points that could have seen it and by no other.

One dated example: D = 2024-10-03, s = 2024-01-01.  ``last_7d`` is 2024-09-26 to 2024-10-02;
``first_60d`` is 2024-01-01 to 2024-02-29, ``before_90d`` 2023-10-03 to 2023-12-31.
An event of 2024-10-02 known from 2024-10-04 on enters none of them.

How it stays cheap: events are joined to the points that may see them once, with their features
as small numbers, and everything else groups that.  Only the last use of accounts that went
quiet reads the events again.  Features stay in rows, so that the expression does not grow with
their number.  Measured alternatives: docs/decisions/0004-panel-evaluation.md.

Nothing here knows an outcome: the points carry none, and this module cannot import it.

Source: ``methods.md`` 1.1, 1.3, 1.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

from cs_models.features.usage.request import Request, Window

ACCOUNT: Final = -1
_SATURDAY: Final = 5  # counted from Monday, which is 0


def expression(events: ir.Table, points: ir.Table, request: Request) -> ir.Table:
    """Count the use of every point.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events with ``event_date`` and ``known_date``.
    points : ibis.expr.types.Table
        subscription_id, account_id, as_of_date, term_start; nothing of the outcome.
    request : Request
        What to count.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` int64, ``place`` int32 (of the feature; -1 for the whole account),
        ``subscription_id`` and ``as_of_date`` (account rows only), ``to_date`` int64 (account:
        days since the last use; feature: days from the term's start to its first use), and
        for each window ``events_*`` float64 (sum of quantity, 1 where absent), ``users_*``,
        ``days_*`` and ``features_*`` int64, and ``workdays_first_*`` int64 (pairs of a user and
        a Monday to Friday on which the user was active).  A feature without use has no row.  Only
        operations that DuckDB, PostgreSQL and Spark share.
    """
    keyed = _keyed(points, request)
    # Without a name Ibis repeats the join in every part; with one the engine does it once.
    seen = _numbered(
        _seen(
            events,
            keyed,
            "since",
            "user_id",
            "feature",
            "quantity",
            workdays=bool(request.first_days),
        ),
        request.places,
    ).alias("seen")
    rows = _accounts(events, keyed, _in_windows(seen, request, request.compared), request)
    if not request.features:
        return rows
    return ibis.union(rows, _features(seen, request).select(*rows.columns))


def _keyed(points: ir.Table, request: Request) -> ir.Table:
    """Give every point a number and the earliest date that any of its windows looks at."""
    order = [points.subscription_id, points.as_of_date]
    since = _before(points.as_of_date, request.reach)
    if request.first_days or request.features:
        since = ibis.least(since, points.term_start)
    if request.before_days:
        since = ibis.least(since, _before(points.term_start, max(request.before_days)))
    return points.select(
        "subscription_id",
        "account_id",
        "as_of_date",
        "term_start",
        point=ibis.row_number().over(order_by=order).cast("int32"),
        since=since,
    )


def _before(day: ir.DateValue, days: int) -> ir.DateValue:
    """Return the date ``days`` earlier, as a date: DuckDB makes it a timestamp on the way."""
    return (day - ibis.interval(days=days)).cast("timestamp").cast("date")


def _seen(
    events: ir.Table, keyed: ir.Table, since: str, *columns: str, workdays: bool = False
) -> ir.Table:
    """Pair each point with the events that it may see from its date ``since`` on.

    Returns the asked-for event columns with ``point``, ``ago`` (days from the event to the
    decision date, at least 1), ``into`` (days from the term's start to the event, below 0
    before it) and, with ``workdays``, ``workday`` (the event is of a Monday to Friday).  An
    empty ``since`` looks back to the beginning.
    """
    use = events.select(*columns, "event_date", "known_date", used_by="account_id")
    rule = [
        use.used_by == keyed.account_id,
        use.event_date < keyed.as_of_date,
        use.known_date <= keyed.as_of_date,
    ]
    if since:
        rule.append(use.event_date >= keyed[since])
    pairs = use.join(keyed, rule)
    more = {"workday": pairs.event_date.day_of_week.index() < _SATURDAY} if workdays else {}
    return pairs.select(
        *columns,
        "point",
        ago=pairs.as_of_date.delta(pairs.event_date, unit="day").cast("int32"),
        into=pairs.event_date.delta(pairs.term_start, unit="day").cast("int32"),
        **more,
    )


def _in_windows(seen: ir.Table, request: Request, windows: Sequence[Window]) -> ir.Table:
    """Keep the events of any of the windows; the others only date the first use of a feature."""
    inside = seen.ago <= request.reach
    for anchor in ("first", "before"):
        longest = max((w.days for w in windows if w.anchor == anchor), default=0)
        if longest:
            inside = inside | _within(seen, Window(anchor, longest))
    return seen.filter(inside)


def _numbered(seen: ir.Table, places: dict[str, int]) -> ir.Table:
    """Replace the feature's text by its place; null for a feature without one."""
    if not places:
        return seen.drop("feature").mutate(place=ibis.null("int32"))
    rows = {"name": list(places), "place": list(places.values())}
    names = ibis.memtable(rows, schema={"name": "string", "place": "int32"})
    return seen.left_join(names, seen.feature == names.name).drop("name", "feature")


def _within(rows: ir.Table, window: Window) -> ir.BooleanValue:
    """Return whether a row lies in a window."""
    if window.anchor == "last":
        return rows.ago <= window.days
    if window.anchor == "first":
        return (rows.into >= 0) & (rows.into < window.days)
    return (rows.into < 0) & (rows.into >= -window.days)


def _reached(seen: ir.Table, request: Request, *keys: str) -> ir.Table:
    """Return, for every key, its last use and, when asked for, its first one in the term."""
    first = {"into": seen.into.min(where=seen.into >= 0)} if request.first_days else {}
    return seen.group_by(*keys).agg(ago=seen.ago.min(), **first)


def _amount(seen: ir.Table) -> ir.DecimalValue:
    """Return the quantity, 1 where absent."""
    return seen.quantity.fill_null(1)


def _accounts(events: ir.Table, keyed: ir.Table, seen: ir.Table, request: Request) -> ir.Table:
    """Return one row a point about the whole account."""
    parts = [_days(seen, request), _users(seen, request)]
    if request.before_days:
        parts.append(_users_before(seen, request))
    if request.first_days:
        parts.append(_workdays(seen, request))
    if not request.brief:
        parts.append(_breadth(seen, request))
    rows = keyed
    for part in parts:
        rows = rows.left_join(part, "point").drop("point_right")
    if request.brief:
        last_use = ibis.null("int64")
    else:
        rows = _with_last_use(events, rows.alias("counted"))
        last_use = rows.recent.fill_null(rows.earlier).cast("int64")
    return rows.select(
        "point",
        "subscription_id",
        "as_of_date",
        place=ibis.literal(ACCOUNT, "int32"),
        to_date=last_use,
        **{f"events_{w.name}": _total(rows, f"events_{w.name}") for w in request.compared},
        **{name: rows[name].fill_null(0).cast("int64") for name in request.whole},
    )


def _with_last_use(events: ir.Table, rows: ir.Table) -> ir.Table:
    """Add the last use of the accounts that none of the windows saw."""
    long_ago = _seen(events, rows.filter(rows.recent.fill_null(0) == 0), "")
    last = long_ago.group_by("point").agg(earlier=long_ago.ago.min())
    return rows.left_join(last, "point").drop("point_right")


def _total(rows: ir.Table, name: str) -> ir.FloatingValue:
    """Return an exact decimal sum as a number; nothing there is zero."""
    return rows[name].cast("float64").fill_null(0.0)


def _days(seen: ir.Table, request: Request) -> ir.Table:
    """Return the events and active days of every window, and the last use in reach."""
    days = seen.group_by("point", "ago").agg(amount=_amount(seen).sum(), into=seen.into.min())
    return days.group_by("point").agg(
        recent=days.ago.min(where=days.ago <= request.reach),
        **{f"events_{w.name}": days.amount.sum(where=_within(days, w)) for w in request.compared},
        **{f"days_{w.name}": _within(days, w).sum() for w in request.windows},
    )


def _users(seen: ir.Table, request: Request) -> ir.Table:
    """Return the users active in every window."""
    users = _reached(seen.drop_null("user_id"), request, "point", "user_id")
    return users.group_by("point").agg(
        **{f"users_{w.name}": _within(users, w).sum() for w in request.windows}
    )


def _users_before(seen: ir.Table, request: Request) -> ir.Table:
    """Return the users active in every window that ends at the term's start."""
    earlier = seen.filter(seen.into < 0).drop_null("user_id")
    users = earlier.group_by("point", "user_id").agg(into=earlier.into.max())
    return users.group_by("point").agg(
        **{f"users_{w.name}": _within(users, w).sum() for w in request.before}
    )


def _workdays(seen: ir.Table, request: Request) -> ir.Table:
    """Return, for every window of the term, its pairs of a user and an active workday."""
    longest = Window("first", max(request.first_days))
    worked = seen.filter(seen.workday, _within(seen, longest)).drop_null("user_id")
    pairs = worked.select("point", "user_id", "into").distinct()
    return pairs.group_by("point").agg(
        **{f"workdays_first_{n}": (pairs.into < n).sum() for n in request.first_days}
    )


def _breadth(seen: ir.Table, request: Request) -> ir.Table:
    """Return how many different features were used in every window."""
    used = _reached(seen.filter(seen.place < len(request.breadth)), request, "point", "place")
    return used.group_by("point").agg(
        **{f"features_{w.name}": _within(used, w).sum() for w in request.windows}
    )


def _features(seen: ir.Table, request: Request) -> ir.Table:
    """Return one row per point and feature that it used in a window or in its term."""
    own = {name: request.places[name] for name in request.features}
    dated = seen.drop_null("place")
    if len(own) < len(request.places):
        dated = dated.filter(dated.place.isin(list(own.values())))
    known = _in_windows(dated, request, request.windows)
    amounts = known.group_by("point", "place").agg(
        **{f"events_{w.name}": _amount(known).sum(where=_within(known, w)) for w in request.windows}
    )
    people = _reached(known.drop_null("user_id"), request, "point", "place", "user_id")
    users = people.group_by("point", "place").agg(
        **{f"users_{w.name}": _within(people, w).sum() for w in request.windows}
    )
    used = amounts.left_join(users, ["point", "place"]).drop("point_right", "place_right")
    term = dated.filter(dated.into >= 0)
    first = term.group_by("point", "place").agg(to_date=term.into.min())
    both = used.outer_join(first, ["point", "place"])
    counted = {f"users_{w.name}" for w in request.windows}
    n = len(request.windows)
    return both.select(
        point=both.point.fill_null(both.point_right),
        place=both.place.fill_null(both.place_right),
        subscription_id=ibis.null("string"),
        as_of_date=ibis.null("date"),
        to_date=both.to_date.cast("int64"),
        **{f"events_{w.name}": _total(both, f"events_{w.name}") for w in request.windows},
        **{f"events_{w.name}": ibis.null("float64") for w in request.compared[n:]},
        **{
            name: both[name].fill_null(0).cast("int64") if name in counted else ibis.null("int64")
            for name in request.whole
        },
    )
