"""How the use changed before a decision date: its mix, exports, a silent champion, idle seats.

Grain in: canonical events and users; points.  Grain out: one row a point with anything to tell.

``mix_change`` is half the sum, over features, of the absolute difference between each feature's
share of the events of the last 28 days and of the 62 before: 0 is the same mix, 1 nothing in
common.  It is missing without use on either side.  Few events make a mix by chance: with five of
them it is rarely below .2.  ``export_spike`` is the rate of exports and downloads of the last 30
days against the 60 before, smoothed like ``spike``: equal rates, and none at all, give 1.  A
feature enters only when the product had it through all of the 90 days: a new one would change
every customer's mix at once.

``champion_silent_days`` counts from the last use by any of the account's champions, those who
left included.  One who never used the product has been silent since the login was made, or since
use was recorded.  The role is the user's present role, for the records keep no history of roles.

Dated example, D = 2024-03-31: the last 28 days are 2024-03-03 to 2024-03-30, the 62 before begin on
2024-01-01.  8 uses of f and 2 of g, after 30 of f and 30 of g, change the mix by (.3 + .3) / 2.

Source: ``methods.md`` 1.3 (spike and exports are columns of their own); ``customer_success.md`` M7.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.features.catalogue import SPIKE_BASE_DAYS, SPIKE_DAYS, TREND_DAYS
from cs_models.features.relations import sight
from cs_models.features.relations.request import CHAMPION, Column, Request, last, to_date

BOTH_DAYS: Final = SPIKE_DAYS + SPIKE_BASE_DAYS


def columns(request: Request) -> list[Column]:
    """Return the columns that the events tell, in order.

    Parameters
    ----------
    request : Request
        What the records hold.

    Returns
    -------
    list[Column]
    """
    found = []
    if _asks_for_champions(request):
        found.append(Column(to_date("champion_silent_days"), since=request.data_start))
    if request.mix:
        mix = last("mix_change", TREND_DAYS)
        found.append(Column(mix, None, min(request.mix_since), BOTH_DAYS, whole=False))
    if request.exports:
        spike = last("export_spike", SPIKE_DAYS)
        found.append(Column(spike, 1.0, min(request.exports_since), BOTH_DAYS, whole=False))
    return found


def expression(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Compare the last weeks of every point with those before, and date its champions' last use.

    Parameters
    ----------
    tables : dict[str, ibis.expr.types.Table]
        Canonical tables; events is read, once, and users.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    request : Request
        The features.

    Returns
    -------
    ibis.expr.types.Table
        ``point`` and numbers named as the columns.
    """
    used = _used(tables, points, request)
    whole = ibis.window(group_by=used.point)
    share = {
        name: used[name].cast("float64")
        / used[name].sum(where=used.in_mix).over(whole).cast("float64").nullif(0)
        for name in ("recent", "before")
    }
    # Decimals add up to the same sum in any order, so that a distance has one value.
    used = used.mutate(apart=(share["recent"] - share["before"]).abs().cast("decimal(18, 12)"))
    rows = used.group_by("point").agg(
        distance=used.apart.sum(where=used.in_mix),
        out=used.out.sum(where=used.carries),
        out_before=used.out_before.sum(where=used.carries),
        **({"silent": used.silent.min()} if _asks_for_champions(request) else {}),
    )
    if _asks_for_champions(request):
        champions = _champions(tables["users"], points, request)
        rows = champions.outer_join(rows, "point")
        rows = rows.mutate(point=rows.point.fill_null(rows.point_right))
    half = rows.distance.cast("float64") / 2
    out, out_before = (rows[n].cast("float64").fill_null(0.0) for n in ("out", "out_before"))
    longer = SPIKE_BASE_DAYS / SPIKE_DAYS
    told = {
        f"mix_change__last_{TREND_DAYS}d": (half > 1).ifelse(1.0, half),
        f"export_spike__last_{SPIKE_DAYS}d": longer * (out + 0.5) / (out_before + 0.5 * longer),
    }
    if _asks_for_champions(request):
        told["champion_silent_days__to_date"] = rows.silent.fill_null(rows.never)
    return rows.select("point", **told)


def _asks_for_champions(request: Request) -> bool:
    """Return whether the records can tell when a champion used the product."""
    return CHAMPION in request.roles and request.users_named


def _used(tables: dict[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Add up the use of every point and feature, in one pass over the events."""
    events = tables["events"]
    if _asks_for_champions(request):
        users = tables["users"]
        champions = users.filter(users.role == CHAMPION).select(
            "created_date", champion="user_id", of="account_id"
        )
        events = events.left_join(
            champions,
            [events.user_id == champions.champion, events.account_id == champions.of],
        )
    else:
        events = events.mutate(created_date=ibis.null("date"))
    pairs = sight.seen(
        events, points, "event_date", "feature", "quantity", "created_date",
        reach=BOTH_DAYS, or_dated="created_date",
    )  # fmt: skip
    champion = sight.past(pairs.created_date, pairs.as_of_date)
    pairs = pairs.mutate(
        amount=pairs.quantity.fill_null(1), silent=champion.ifelse(pairs.ago, ibis.null("int64"))
    )
    amount, ago = pairs.amount, pairs.ago
    used = pairs.group_by("point", "as_of_date", "feature").agg(
        recent=amount.sum(where=ago <= TREND_DAYS).fill_null(0),
        before=amount.sum(where=(ago > TREND_DAYS) & (ago <= BOTH_DAYS)).fill_null(0),
        out=amount.sum(where=ago <= SPIKE_DAYS).fill_null(0),
        out_before=amount.sum(where=(ago > SPIKE_DAYS) & (ago <= BOTH_DAYS)).fill_null(0),
        silent=pairs.silent.min(),
    )
    names = _names(request)
    used = used.left_join(names, used.feature == names.name)
    there = (used.since <= sight.days_before(used.as_of_date, BOTH_DAYS)).fill_null(False)
    return used.mutate(
        in_mix=used.in_mix.fill_null(False) & there, carries=used.carries.fill_null(False) & there
    )


def _champions(users: ir.Table, points: ir.Table, request: Request) -> ir.Table:
    """Return the points with a champion, and how long one who never came has been silent."""
    champions = users.filter(users.role == CHAMPION).select("created_date", of="account_id")
    pairs = champions.join(points, champions.of == points.account_id)
    pairs = pairs.filter(sight.past(pairs.created_date, pairs.as_of_date))
    since = ibis.greatest(pairs.created_date, ibis.date(request.data_start))
    pairs = pairs.mutate(ago=pairs.as_of_date.delta(since, unit="day").cast("int64"))
    return pairs.group_by("point").agg(never=pairs.ago.max())


def _names(request: Request) -> ir.Table:
    """Return the features as rows: name, since, in_mix, carries."""
    since = dict(zip(request.exports, request.exports_since, strict=True))
    since |= dict(zip(request.mix, request.mix_since, strict=True))
    rows = pd.DataFrame(
        {
            "name": list(since),
            "since": [date.fromisoformat(day) for day in since.values()],
            "in_mix": [name in request.mix for name in since],
            "carries": [name in request.exports for name in since],
        }
    )
    schema = ibis.schema(
        {"name": "string", "since": "date", "in_mix": "boolean", "carries": "boolean"}
    )
    return ibis.memtable(rows, schema=schema)


def idle(used: pd.DataFrame, request: Request) -> dict[str, pd.Series]:
    """Return the share of seats without use: 1 - active users per seat, not below 0.

    Parameters
    ----------
    used : pandas.DataFrame
        The panel's usage columns.
    request : Request
        The windows.

    Returns
    -------
    dict[str, pandas.Series]
        ``idle_seats_share__last_{n}d`` float64, 0 to 1, for each window; missing where the seats
        or the users are not known, or the use of the whole window was not recorded.
    """
    return {
        last("idle_seats_share", n).column: 1 - used[f"seat_utilisation__last_{n}d"].clip(upper=1)
        for n in request.last_days
    }
