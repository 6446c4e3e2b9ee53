"""The measures of adoption, each with its denominator, its interval and its groups (M1 to M8).

Grain in: the frames of ``features/measures``.  Grain out: one row per group (month, segment, plan,
role, cohort month, feature), with value, low, high, n (the denominator) and n_accounts.

A pooled value is a ratio of sums; its interval takes the account as the unit.  Durations are
Kaplan–Meier, the unfinished being part.  Source: ``methods.md`` 1.4; ``customer_success.md`` M1 to
M8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.measures.bits import PERIOD_DAYS, WEEKS
from cs_models.features.measures.durations import UserTimes
from cs_models.features.measures.monthly import Monthly
from cs_models.learn.measuring import ratios
from cs_models.learn.measuring.judged import by_fifth, order
from cs_models.learn.measuring.ratios import difference, pooled
from cs_models.learn.measuring.rhythms import BELOW, EVERYBODY, LEVELS, by_role, levels
from cs_models.learn.measuring.waiting import Waits, clustered, waits

__all__ = [
    "BELOW", "EVERYBODY", "GROUPS", "LEVELS", "UTILISED", "Waits", "adopted", "adoption", "areas",
    "by_fifth", "by_role", "clustered", "depth", "difference", "feature_adoption", "feature_depth",
    "frequency", "levels", "order", "pooled", "seat_use", "stickiness", "timely",
    "users_first_use", "utilisation", "waits",
]  # fmt: skip

GROUPS: Final = ("segment", "plan", "cohort_month")
UTILISED: Final = {"none": 0.0, "up to 25 %": 0.25, "25 to 50 %": 0.5, "50 to 75 %": 0.75,
                   "75 to 100 %": 1.0, "above 100 %": np.inf}  # fmt: skip


def adopted(terms: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the share of contracts that are adopted by the definition in force (M1).

    Parameters
    ----------
    terms : DataFrame, one row per subscription_id
        ``features.measures.adopted.adopted``; those that cannot be told are left out.
    by : sequence of str, default ()

    Returns
    -------
    DataFrame
        As ``ratios.pooled``.
    """
    told = terms[terms["adopted"].notna()]
    told = told.assign(yes=told["adopted"].astype("float64"), one=1.0)
    return pooled(told, "yes", "one", by=by, share=True)


def adoption(monthly: Monthly, *, by: Sequence[str] = ("month",)) -> pd.DataFrame:
    """Return active users per user entitled to use the product (M1).

    Parameters
    ----------
    monthly : Monthly
    by : sequence of str, default ("month",)
        ``month`` among them: months are not added up, or a user would count many times.

    Returns
    -------
    DataFrame
        As ``ratios.pooled``, and seats_known (share of the denominator that is seats, 0 to 1).
    """
    rows = monthly.rows.assign(
        bought=monthly.rows["entitled"].where(monthly.rows["seats_known"], 0.0)
    )
    told = pooled(rows, "active", "entitled", by=by)
    known = pooled(rows, "bought", "entitled", by=by)
    return told.assign(seats_known=known["value"])


def feature_adoption(monthly: Monthly, *, by: Sequence[str] = ("month",)) -> pd.DataFrame:
    """Return the users of each feature per user entitled (M1 per feature).

    Parameters
    ----------
    monthly, by
        As in :func:`adoption`.

    Returns
    -------
    DataFrame, one row per feature and group
        feature, and as ``ratios.pooled``; months before the product had a feature do not count.
    """
    return _each(monthly, "entitled", by, share=False)


def feature_depth(monthly: Monthly, *, by: Sequence[str] = ("month",)) -> pd.DataFrame:
    """Return the users of each feature per active user (M2): a share.

    Parameters
    ----------
    monthly, by
        As in :func:`adoption`.

    Returns
    -------
    DataFrame, one row per feature and group
    """
    return _each(monthly, "active", by, share=True)


def _each(monthly: Monthly, below: str, by: Sequence[str], *, share: bool) -> pd.DataFrame:
    keys = monthly.rows[[*by, "account_id", below]]
    parts = []
    for place, name in enumerate(monthly.features):
        rows = keys.assign(users=monthly.users[:, place])
        parts.append(pooled(rows, "users", below, by=by, share=share).assign(feature=name))
    if not parts:
        return pd.DataFrame(columns=["feature", *by, *ratios.COLUMNS])
    frame = pd.concat(parts, ignore_index=True)
    return frame[["feature", *by, *ratios.COLUMNS]]


def depth(monthly: Monthly, *, by: Sequence[str] = ("month",)) -> pd.DataFrame:
    """Return the share of the product's features that an active user uses (M2 per user).

    Parameters
    ----------
    monthly, by
        As in :func:`adoption`.

    Returns
    -------
    DataFrame
        As ``ratios.pooled``; the mean over active users of features used / features there.
    """
    rows = monthly.rows.assign(possible=monthly.rows["active"] * monthly.rows["there"])
    return pooled(rows, "depth", "possible", by=by, share=True)


def frequency(people: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the days with use per active user in 28 days (M6).

    Parameters
    ----------
    people : DataFrame, one row per (account_id, user_id)
        ``people.recent``.
    by : sequence of str, default ()

    Returns
    -------
    DataFrame
        As ``ratios.pooled``; n are the active users.
    """
    return pooled(_active(people), "active_days", "one", by=by)


def stickiness(people: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return users of a usual day, and of a usual week, per user of the four weeks (M6).

    Parameters
    ----------
    people, by
        As in :func:`frequency`.

    Returns
    -------
    DataFrame
        unit ("day" or "week") and as ``ratios.pooled``: DAU / MAU and WAU / MAU over four complete
        weeks.
    """
    rows = _active(people)
    rows = rows.assign(day=rows["active_days"] / PERIOD_DAYS, week=rows["weeks_4"] / WEEKS)
    parts = [
        pooled(rows, unit, "one", by=by, share=True).assign(unit=unit) for unit in ("day", "week")
    ]
    return pd.concat(parts, ignore_index=True)


def _active(people: pd.DataFrame) -> pd.DataFrame:
    return people[people["active_days"] > 0].assign(one=1.0)


def seat_use(seats: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return what became of the seats bought (M7): activated, in use, unused.

    Parameters
    ----------
    seats : DataFrame, one row per account_id
        ``seats.seats``; accounts whose seats are not known do not count.
    by : sequence of str, default ()

    Returns
    -------
    DataFrame
        measure ("activated", "active", "unused") and as ``ratios.pooled``, per seat.
    """
    known = seats[seats["seats_known"].astype(bool)]
    parts = [
        pooled(known, name, "seats", by=by).assign(measure=name)
        for name in ("activated", "active", "unused")
    ]
    return pd.concat(parts, ignore_index=True)


def utilisation(seats: pd.DataFrame) -> pd.DataFrame:
    """Return how many accounts use how much of their seats (M7).

    Parameters
    ----------
    seats : DataFrame, one row per account_id

    Returns
    -------
    DataFrame, one row per band of utilisation and segment
        segment, band ("none", …, "above 100 %"), n_accounts, seats, share (of the segment's
        accounts whose seats are known).
    """
    known = seats[seats["seats_known"].astype(bool)]
    edges = np.array(list(UTILISED.values()))
    place = np.searchsorted(edges, known["utilisation"].to_numpy(np.float64), side="left")
    names = list(UTILISED)
    rows = known.assign(band=pd.Categorical([names[at] for at in place], names, ordered=True))
    told = rows.groupby(["segment", "band"], observed=False).agg(
        n_accounts=("account_id", "size"), seats=("seats", "sum")
    ).reset_index()  # fmt: skip
    whole = told.groupby("segment")["n_accounts"].transform("sum")
    return told.assign(band=told["band"].astype(str), share=told["n_accounts"] / whole)


def areas(touched: pd.DataFrame, *, by: Sequence[str] = ("feature",)) -> pd.DataFrame:
    """Return the share of running accounts that never touched an area (M8).

    Parameters
    ----------
    touched : DataFrame, one row per (account_id, feature)
        ``seats.areas``.
    by : sequence of str, default ("feature",)

    Returns
    -------
    DataFrame
        As ``ratios.pooled``, and lately (share without use in the last 84 days, 0 to 1).
    """
    rows = touched.assign(
        never=(~touched["touched"]).astype("float64"),
        not_lately=(~touched["touched_lately"]).astype("float64"), one=1.0,
    )  # fmt: skip
    told = pooled(rows, "never", "one", by=by, share=True)
    return told.assign(lately=pooled(rows, "not_lately", "one", by=by, share=True)["value"])


def timely(steps: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the share that reached a step by its due date (M5).

    Parameters
    ----------
    steps : DataFrame
        ``durations.to_onboard`` or ``durations.steps``; those whose date has not passed do not
        count, those that never got there do.
    by : sequence of str, default ()

    Returns
    -------
    DataFrame
        As ``ratios.pooled``.
    """
    told = steps[steps["on_time"].notna()]
    return pooled(
        told.assign(yes=told["on_time"].astype("float64"), one=1.0), "yes", "one", by=by, share=True
    )


def users_first_use(users: UserTimes) -> pd.DataFrame:
    """Return how many users come to use each feature within 90 days of their login (M3).

    Parameters
    ----------
    users : UserTimes

    Returns
    -------
    DataFrame, one row per feature
        feature, n, n_accounts, n_reached, median (days; infinite where not reached), value, low,
        high (share within 90 days, account-clustered).
    """
    rows = []
    account = pd.factorize(users.users["account_id"])[0]
    followed = users.users["days"].to_numpy(np.float64)
    for place, name in enumerate(users.features):
        took, there = users.took[:, place], users.watched[:, place]
        own = pd.DataFrame(
            {
                "account_id": account, "event": ~np.isnan(took),
                "duration_days": np.where(np.isnan(took), followed, took),
            }
        )[there]  # fmt: skip
        if len(own):
            rows.append({"feature": name} | clustered(own))
    columns = ["feature", "n", "n_accounts", "n_reached", "median", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
