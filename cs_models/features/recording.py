"""From which day the use of the product, and of each of its features, was recorded.

Grain: the events in, one date out, or one a feature.  Before that day no event means "not
recorded", after it "not used": a date too early turns ignorance into zeros.

A feature's first day is a fact about the product, read off all accounts at once, as a release
calendar would give it.  It is used in the terms that began before it too, for which it lies in
the future, and is no leak: it makes the feature's columns missing in every such term, whichever
account it is of and whatever became of it, in place of the zero that every one of them would
have held.  It takes the first uses of twenty accounts to establish, so that it says of none of
them what it did later.

Source: ``methods.md`` 1.1 (left truncation), 2.1 (missing is never zero).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.errors import DataError

WEEK_DAYS: Final = 7
LEAST_SHARE: Final = 0.05
LEAST_GAP_DAYS: Final = 30
MOST_BY_CHANCE: Final = 1e-6
MOST_BEFORE: Final = 0.05
ENOUGH_AT_FIRST: Final = 20
_PROOF_ROWS: Final = 500_000

Days = npt.NDArray[np.int64]


def first_day(events: ir.Table) -> tuple[date, int]:
    """Tell the first day of recorded use from how many events the days hold.

    It is the first day with an event from which on 7 days (that one included) hold at least
    5 % of the events of the median week.  Weeks are counted from the first event; those
    without events are no part of the median.  With a median of 100 events, one event dated
    ten years early is passed over, and so is a first week of 4; a first week of 5 is not.
    Where the median is 20 or fewer, a single event is enough: the first event's day.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events; only ``event_date`` is read, in one aggregation.

    Returns
    -------
    tuple[datetime.date, int]
        The day, and how many events are dated before it.

    Raises
    ------
    DataError
        If there is no event.
    """
    dated = events.drop_null("event_date")
    daily = dated.group_by("event_date").agg(n=dated.count()).order_by("event_date").execute()
    if daily.empty:
        raise DataError(
            "there is no event, so nothing says from when usage was recorded",
            where="events",
            got="0 rows",
            repair="map a table of product use, or give data_start",
        )
    days = daily["event_date"].to_numpy(dtype="datetime64[D]")
    place = days.astype(np.int64)
    until = np.concatenate([[0], daily["n"].to_numpy(dtype=np.int64).cumsum()])
    # Sorted days stand for the calendar: no array has to be as long as a wrong date is far.
    ahead = until[np.searchsorted(place, place + WEEK_DAYS)] - until[:-1]
    _, opens = np.unique((place - place[0]) // WEEK_DAYS, return_index=True)
    usual = np.median(np.diff(until[np.append(opens, len(place))]))
    chosen = int(np.argmax(ahead >= LEAST_SHARE * usual))
    found: date = days[chosen].item()
    return found, int(until[chosen])


def appearances(events: ir.Table, features: Sequence[str], since: date) -> dict[str, date]:
    """Tell the first day of the features that the product did not have from the beginning.

    A feature appeared on day F when, with G days from ``since`` to F, G is at least 30 and

    * among the accounts there before F that had taken it up by F + G, at most one in twenty
      had done so before F (wrong dates, a pilot, the maker's own account); and
    * that so few had is no chance: below 1e-6, had each taken it up on any day of its own
      until F + G.

    F is the earliest such day on which an account took it up.  Twenty accounts are the fewest
    that can prove it, each there all along and so with one chance in two: a feature of few
    accounts whose first use comes late is never taken for a new one.  An account's later uses
    prove nothing, as they follow from the first; nor do accounts that came after F.  With
    use recorded since 2023-01-01, a feature first used on 2023-07-01 and by 60 of the older
    accounts until the end of the year appeared on 2023-07-01; one that 60 accounts took up
    evenly over the year, the first on 2023-02-05, was there from the beginning.

    Parameters
    ----------
    events : ibis.expr.types.Table
        Canonical events; event_date, account_id and feature are read.
    features : sequence of str
        The features asked about.
    since : datetime.date
        First day of recorded usage; earlier events do not count.

    Returns
    -------
    dict[str, datetime.date]
        First day of each feature that appeared later, in the order of ``features``.  Those
        that were there from the beginning, or are too rare to tell, are not in it.

    Notes
    -----
    Accounts' chances differ; the binomial of their mean bounds the chance from above (Hoeffding
    1956, Annals of Mathematical Statistics 27:713).  Features that 20 accounts used in the first
    30 days are not looked at further, which spares the reading of their whole history; most show
    it in any half million rows, whichever the engine reads first.
    """
    candidates = _quiet_at_first(events.limit(_PROOF_ROWS), features, since)
    candidates = _quiet_at_first(events, candidates, since)
    if not candidates:
        return {}
    recorded = events.filter(events.event_date >= ibis.literal(since))
    used = recorded.filter(recorded.feature.isin(candidates))
    taken = used.group_by("feature", "account_id").agg(taken_up=used.event_date.min())
    theirs = recorded.semi_join(used, "account_id")
    joined = theirs.group_by("account_id").agg(joined=theirs.event_date.min())
    rows = taken.inner_join(joined, "account_id").execute()
    found = {}
    for feature, accounts in rows.groupby("feature"):
        days = [_days_since(accounts[name], since) for name in ("taken_up", "joined")]
        later = _appeared(*days)
        if later is not None:
            found[feature] = since + timedelta(days=later)
    return {feature: found[feature] for feature in features if feature in found}


def _quiet_at_first(events: ir.Table, features: Sequence[str], since: date) -> list[str]:
    """Return the features that fewer than 20 accounts used in the first 30 days."""
    if not features:
        return []
    until = since + timedelta(days=LEAST_GAP_DAYS)
    opening = events.filter(
        events.feature.isin(features),
        events.event_date >= ibis.literal(since),
        events.event_date < ibis.literal(until),
    )
    counted = opening.group_by("feature").agg(n=opening.account_id.nunique()).to_pyarrow()
    accounts = dict(zip(counted["feature"].to_pylist(), counted["n"].to_pylist(), strict=True))
    return [name for name in features if accounts.get(name, 0) < ENOUGH_AT_FIRST]


def _days_since(dates: pd.Series, since: date) -> Days:
    """Return dates as days after the first recorded one."""
    days: Days = (dates.to_numpy(dtype="datetime64[D]") - np.datetime64(since, "D")).astype(
        np.int64
    )
    return days


def _appeared(taken_up: Days, joined: Days) -> int | None:
    """Return the day on which a feature appeared; None when it may always have been there.

    Parameters
    ----------
    taken_up : ndarray of int64, shape (n_accounts,)
        Day of each account's first use of the feature.
    joined : ndarray of int64, shape (n_accounts,)
        Day of its first use of anything, not later.
    """
    from scipy import stats  # a second of a core, which whoever only counts need not pay

    for day in np.unique(taken_up[taken_up >= LEAST_GAP_DAYS]):
        if np.mean(taken_up < day) > MOST_BEFORE:
            return None
        own = joined[(taken_up < 2 * day) & (joined < day)]
        n, before = len(own), int((taken_up < day).sum())
        if n < ENOUGH_AT_FIRST or before > MOST_BEFORE * n:
            continue
        chance = np.mean((day - own) / (2 * day - own))
        if stats.binom.cdf(before, n, chance) < MOST_BY_CHANCE:
            return int(day)
    return None
