"""Each user's last twelve weeks, and the rhythm of users whose account then renewed.

Grain out: one row per login of a running account (:func:`recent`), or one row per login and
renewed contract (:func:`rhythm`).

A payroll clerk who comes once a week is not inactive: what is usual is told role by role, from the
accounts that renewed.  Their twelve weeks end 90 to 118 days before the renewal date (the end of a
28-day period), so that neither the renewal nor a farewell is part of them.  Weeks are runs of
seven days counted back from the date.  The contract has no log-in event: a week with any use is
an active one.

Source: ``methods.md`` 1.3, 1.4; ``customer_success.md`` M6.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.measures import bits, cells, who
from cs_models.features.measures.bits import PERIOD_DAYS, Int
from cs_models.features.measures.facts import RECENT_DAYS, Facts, period_end
from cs_models.features.measures.monthly import roles
from cs_models.features.renewals import GONE

BEFORE_DAYS: Final = 90
PERIODS: Final = RECENT_DAYS // PERIOD_DAYS
WEEKS: Final = PERIODS * bits.WEEKS


def recent(facts: Facts) -> pd.DataFrame:
    """Return what each user of the running accounts did in the last twelve weeks.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    DataFrame, one row per (account_id, user_id)
        account_id, segment, plan, cohort_month, user_id, role, days_there (since the login was
        made; missing without a users table), active_days (of the last 28), weeks_4 (active ones of
        the last 4), active_weeks (of the last 12), features (different ones in the last 84 days),
        days_since_last_use (missing: never), used (ever).  Logins taken away are not in it.
        Without a users table: the users with any use in the last 84 days, of role "not known".
    """
    alive = who.running(facts.terms, facts.today)
    found = _summed(facts)
    if facts.users is None:
        rows = found[found["active_weeks"] > 0].assign(role=who.NOT_KNOWN, days_there=np.nan)
    else:
        there = facts.users[facts.users["left"] > facts.today]
        age = (pd.Timestamp(facts.on) - there["created"]).dt.days
        named = there[["account_id", "user_id", "role"]].assign(days_there=age.astype("float64"))
        rows = named.merge(found, on=["account_id", "user_id"], how="left")
    rows = rows[rows["account_id"].isin(alive["account_id"])]
    whole = ["active_days", "weeks_4", "active_weeks", "features"]
    rows = rows.assign(
        **{name: rows[name].fillna(0).astype("int64") for name in whole},
        used=rows["days_since_last_use"].notna(),
    )
    about = facts.accounts[["account_id", "segment", "plan", "cohort_month"]]
    columns = [*about, "user_id", "role", "days_there", *whole, "days_since_last_use", "used"]
    order = ["account_id", "user_id"]
    return rows.merge(about, on="account_id")[columns].sort_values(order, ignore_index=True)


def _summed(facts: Facts) -> pd.DataFrame:
    """Return the last twelve weeks of every pair that ever used the product."""
    every = facts.cells
    n = len(every.pair_user)
    named = every.rows(every.pair >= 0)
    end = period_end(facts.on, named.period).astype("datetime64[D]").astype(np.int64)
    last = np.full(n, -1, dtype=np.int64)
    np.maximum.at(last, named.pair, end - PERIOD_DAYS + bits.highest(named.days))
    late = named.rows(named.period < PERIODS)
    key, merged = bits.merge(late.pair * PERIODS + late.period, late.days, *late.features)
    pair, newest = key // PERIODS, key % PERIODS == 0
    active_days = np.bincount(pair[newest], bits.count(merged[0][newest]), minlength=n)
    weeks = bits.weeks(merged[0])
    active_weeks = np.bincount(pair, weeks, minlength=n)
    weeks_4 = np.bincount(pair[newest], weeks[newest], minlength=n)
    own, words = bits.merge(pair, *merged[1:])
    features = np.zeros(n, dtype=np.int64)
    features[own] = cells.distinct(words)
    today = np.datetime64(facts.on, "D").astype(np.int64)
    names = facts.accounts["account_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "account_id": names[every.pair_account], "user_id": every.pair_user,
            "active_days": active_days, "weeks_4": weeks_4, "active_weeks": active_weeks,
            "features": features,
            "days_since_last_use": (today - last).astype(np.float64),
        }
    )  # fmt: skip


def rhythm(facts: Facts, history: pd.DataFrame, *, before_days: int = BEFORE_DAYS) -> pd.DataFrame:
    """Return in how many of twelve weeks users came, in accounts that then renewed.

    Parameters
    ----------
    facts : Facts
    history : DataFrame
        ``renewals.history`` as of the same date.
    before_days : int, default 90
        The twelve weeks end so many days before the renewal date, or up to 28 days earlier.

    Returns
    -------
    DataFrame, one row per (subscription_id, user_id)
        subscription_id, account_id, segment, user_id, role, active_weeks (0 to 12, by what was
        known then).  Logins that were there throughout, of contracts that ran and use that was
        recorded throughout.  Empty without a users table.
    """
    columns = ["subscription_id", "account_id", "segment", "user_id", "role", "active_weeks"]
    if facts.users is None or history.empty:
        return pd.DataFrame(columns=columns).astype({"active_weeks": "int64"})
    kept = history[
        ~history["outcome"].isin(GONE) & (history["known_date"] < pd.Timestamp(facts.on))
    ]
    kept = kept.drop(columns="segment").assign(
        period=period_before(facts, kept["term_end"], before_days)
    )
    end = period_end(facts.on, kept["period"].to_numpy(np.int64))
    kept = kept.assign(until=end.astype("datetime64[s]"))
    since = kept["until"] - pd.Timedelta(days=RECENT_DAYS)
    kept = kept.assign(since=since)[since >= pd.Timestamp(facts.data_start)]
    kept = kept.merge(facts.accounts[["account_id", "segment", "start"]], on="account_id")
    kept = kept[kept["start"] <= kept["since"]]
    asked = kept[["subscription_id", "account_id", "segment", "period", "since", "until"]]
    rows = asked.merge(facts.users, on="account_id")
    rows = rows[(rows["created"] < rows["since"]) & (rows["left"] >= rows["until"])]
    rows = rows.assign(active_weeks=_weeks(facts, rows))
    return rows[columns].sort_values(["subscription_id", "user_id"], ignore_index=True)


def period_before(facts: Facts, when: pd.Series, before_days: int) -> Int:
    """Return the latest 28-day period that ended so many days before a date.

    Parameters
    ----------
    facts : Facts
    when : Series of datetime64
        Not after ``on`` plus ``before_days``.
    before_days : int
    """
    behind = (pd.Timestamp(facts.on) - when).dt.days.to_numpy(np.int64) + before_days
    return np.asarray(-(-behind // PERIOD_DAYS), dtype=np.int64)


def _weeks(facts: Facts, rows: pd.DataFrame) -> Int:
    """Look up the active weeks of users in the three periods that end with ``period``."""
    every = facts.cells
    named = every.rows(every.pair >= 0)
    span = int(named.period.max(initial=0)) + PERIODS + 2
    key, (days,) = bits.merge(named.pair * span + named.period, named.days_then)
    weeks = bits.weeks(days)
    names = facts.accounts["account_id"].to_numpy(dtype=object)[every.pair_account]
    known = pd.MultiIndex.from_arrays([names, every.pair_user])
    pair = known.get_indexer(pd.MultiIndex.from_frame(rows[["account_id", "user_id"]]))
    total = np.zeros(len(rows), dtype=np.int64)
    for step in range(PERIODS):
        wanted = pair * span + rows["period"].to_numpy(np.int64) + step
        place = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
        hit = (pair >= 0) & (key[place] == wanted) if len(key) else np.zeros(len(rows), bool)
        total[hit] += weeks[place[hit]]
    return total


__all__ = ["BEFORE_DAYS", "PERIODS", "WEEKS", "period_before", "recent", "rhythm", "roles"]
