"""The frames behind "how does use usually ramp up" and everything read off the same courses.

Grain in: canonical tables.  Grain out: one row per contract term with what is known of its
account, and one row per term and week with uses: all from two queries, so that the pages on
ramps, on links with renewal and on word and deed speak of the same terms and the same use.
``methods.md`` 1.1, 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import outcomes, product, recording
from cs_models.learn import ramps

ALL_USE: Final = ramps.ALL_USE
_ATTRIBUTES: Final = (
    "account_name", "segment", "region", "industry", "acquisition_channel", "employees",
)  # fmt: skip
_DATES: Final = ("term_start", "term_end", "closed_date", "notice_date", "decided_at")
_FAR: Final = pd.Timestamp("2200-01-01")


@dataclass(frozen=True)
class Courses:
    """Contract terms and the use in each week of them.

    Attributes
    ----------
    terms : DataFrame, one row per term
        Ids, the account's attributes, ``plan``, ``seats``, ``arr`` (float), ``term_no``,
        ``term_months``, ``term_start``, ``term_end``, ``closed_date``, ``notice_date``,
        ``decided_at``, ``churned`` (0/1, missing unless left or stayed by choice and known by
        ``as_of``), ``length_days``, ``seen_days`` (until it closed or ``as_of``), ``past`` (its
        renewal date and grace are over and it is decided), ``running``, ``watched`` (began when use
        was recorded already).
    weekly : DataFrame, one row per watched term and week with any use
        ``subscription_id``, ``week`` (0 the first), "all use" and a column per feature.
    features : tuple of str
    data_start, as_of : datetime.date
    """

    terms: pd.DataFrame
    weekly: pd.DataFrame
    features: tuple[str, ...]
    data_start: date
    as_of: date

    @property
    def uses(self) -> tuple[str, ...]:
        """Return all use, then every feature."""
        return (ALL_USE, *self.features)

    @property
    def past(self) -> pd.DataFrame:
        """Return the past terms that were watched from their start."""
        return self.terms[self.terms["past"] & self.terms["watched"]].reset_index(drop=True)

    @property
    def running(self) -> pd.DataFrame:
        """Return the running terms that were watched from their start."""
        return self.terms[self.terms["running"] & self.terms["watched"]].reset_index(drop=True)


def courses(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    grace_days: int = 30,
    data_start: date | None = None,
    features: Sequence[str] | None = None,
    min_accounts: int = 20,
) -> Courses:
    """Read every term, and the use in each week of those that were watched from their start.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical accounts, subscriptions, events.
    as_of : datetime.date
    grace_days, min_accounts : int
        As in the run's parameters.
    data_start : datetime.date, optional
        First day of recorded use; told from the events when not given.
    features : sequence of str, optional
        The features to follow; those that enough accounts use when not given.
    """
    events = tables["events"]
    start = data_start or recording.first_day(events)[0]
    chosen = product.reached(events, min_accounts)[0] if features is None else tuple(features)
    terms = _terms(tables, as_of, grace_days, start)
    weekly = _weekly(events, terms[terms["watched"]], chosen, as_of)
    return Courses(terms, weekly, chosen, start, as_of)


def _terms(
    tables: Mapping[str, ir.Table], as_of: date, grace_days: int, data_start: date
) -> pd.DataFrame:
    accounts = tables["accounts"]
    rows = outcomes.attach(tables["subscriptions"])
    named = accounts.select(of_account="account_id", account_plan="plan",
                            **{name: accounts[name] for name in _ATTRIBUTES})  # fmt: skip
    rows = rows.left_join(named, rows.account_id == named.of_account)
    frame = rows.select(
        "subscription_id", "account_id", *_ATTRIBUTES, "seats", "term_no", "term_months",
        "term_start", "term_end", "decided_at", "outcome", "churned",
        plan=rows.plan.fill_null(rows.account_plan), arr=rows.arr.cast("float64"),
        closed_date=ibis.least(rows.term_end, rows.ended_at.fill_null(rows.term_end)),
        ended_at="ended_at", notice_date="cancel_requested_at",
    ).to_pyarrow().to_pandas()  # fmt: skip
    for name in (*_DATES, "ended_at"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    # A term without a renewal date runs until somebody ends it.
    frame["closed_date"] = frame["closed_date"].fillna(frame["ended_at"])
    today, first = pd.Timestamp(as_of), pd.Timestamp(data_start)
    due = frame["term_end"] + pd.Timedelta(days=grace_days) <= today
    frame["past"] = due & (frame["outcome"] != outcomes.PENDING)
    frame["running"] = (frame["term_start"] <= today) & ~(frame["closed_date"] <= today)
    frame["watched"] = frame["term_start"] >= first
    frame["churned"] = frame["churned"].astype("Int8").where(frame["past"])
    end = frame["closed_date"].fillna(today)
    end = end.where(end <= today, today)
    frame["seen_days"] = (end - frame["term_start"]).dt.days.clip(lower=0)
    frame["length_days"] = (frame["term_end"] - frame["term_start"]).dt.days
    frame = frame[frame["term_start"] <= today].drop(columns=["ended_at", "outcome"])
    ordered: pd.DataFrame = frame.sort_values(
        ["account_id", "term_start", "subscription_id"], ignore_index=True
    )
    return ordered


def _weekly(
    events: ir.Table, terms: pd.DataFrame, features: Sequence[str], as_of: date
) -> pd.DataFrame:
    """Add uses up by term and week: one pass over the events."""
    own = terms[["subscription_id", "account_id", "term_start", "closed_date"]].copy()
    own["term_end"] = own.pop("closed_date").fillna(pd.Timestamp(as_of + timedelta(days=1)))
    for name in ("term_start", "term_end"):
        own[name] = own[name].dt.date
    points = ibis.memtable(
        own,
        schema={"subscription_id": "string", "account_id": "string", "term_start": "date",
                "term_end": "date"},
    )  # fmt: skip
    used = events.select("event_date", "feature", of_account="account_id",
                         uses=events.quantity.fill_null(1).cast("float64"))  # fmt: skip
    pairs = used.join(
        points,
        [used.of_account == points.account_id, used.event_date >= points.term_start,
         used.event_date < points.term_end],
    )  # fmt: skip
    week = (pairs.event_date.delta(pairs.term_start, unit="day") // ramps.WEEK_DAYS).cast("int64")
    counted = pairs.group_by(subscription_id=pairs.subscription_id, week=week).agg(
        all_use=pairs.uses.sum(),
        **{f"f{i}": pairs.uses.sum(where=pairs.feature == name)
           for i, name in enumerate(features)},
    )  # fmt: skip
    frame: pd.DataFrame = counted.to_pyarrow().to_pandas()
    names = {f"f{i}": name for i, name in enumerate(features)}
    frame = frame.rename(columns={"all_use": ALL_USE, **names})
    amounts = [ALL_USE, *features]
    frame[amounts] = frame[amounts].fillna(0.0)
    return frame


def first_weeks(found: Courses, weeks: int) -> pd.DataFrame:
    """Return past terms still open after some weeks, with their uses until then.

    Parameters
    ----------
    found : Courses
    weeks : int
        From the start of the term; terms shorter than twice that, or closed, given notice or
        decided by then, are left out (``methods.md`` 1.2).

    Returns
    -------
    DataFrame, one row per term
        The terms, and a column of uses per feature and of all use.
    """
    days = pd.Timedelta(days=ramps.WEEK_DAYS * weeks)
    past = found.past
    day = past["term_start"] + days
    gone = [past[name].fillna(_FAR) <= day for name in ("closed_date", "notice_date", "decided_at")]
    kept = past[(past["length_days"] >= 2 * days.days) & ~np.logical_or.reduce(gone)]
    own = found.weekly[found.weekly["week"] < weeks]
    sums = own.groupby("subscription_id")[list(found.uses)].sum()
    joined: pd.DataFrame = kept.join(
        sums.reindex(kept["subscription_id"]).fillna(0.0).set_axis(kept.index)
    )
    return joined


@dataclass(frozen=True)
class Ramp:
    """Usual ramps, where running accounts stand, and the one shown.

    Attributes
    ----------
    usual : Ramps
    standing : DataFrame, one row per running term that can be set against the ramp
        As ``ramps.standing``, with ``account_id``, ``account_name``, ``segment``, ``arr``,
        ``term_end``.
    shown : dict or None
        ``subscription_id``, ``account_name``, ``course`` (uses per seat and week) of one account.
    term_months : int
        The most common length of contract of half a year or more: like is held against like.
    n_other : int
        Past terms of other lengths, left out.
    """

    usual: ramps.Ramps
    standing: pd.DataFrame
    shown: dict[str, Any] | None
    term_months: int
    n_other: int


def ramp(found: Courses, account_id: str | None = None) -> Ramp:
    """Learn usual ramps of contracts of the common length, and set running ones against them.

    Parameters
    ----------
    found : Courses
    account_id : str, optional
        The account shown; the largest of those below their usual ramp when not given.
    """
    months = common_length(found.past)
    alike = found.past["term_months"] == months
    past = found.past[alike]
    usual = ramps.learn(past, found.weekly, found.uses)
    running = found.running[found.running["term_months"] == months].reset_index(drop=True)
    standing = ramps.standing(usual, running, found.weekly)
    named = running[["subscription_id", "account_id", "account_name", "segment", "arr", "term_end"]]
    standing = standing.merge(named, on="subscription_id")
    standing = standing.sort_values(
        ["below", "arr", "subscription_id"], ascending=[False, False, True], ignore_index=True
    )
    mine = standing if account_id is None else standing[standing["account_id"] == account_id]
    shown = None
    if len(mine):
        top = mine.iloc[0]
        own = ramps.course(running, found.weekly, top["subscription_id"], ALL_USE)
        shown = {"subscription_id": top["subscription_id"], "account_name": top["account_name"],
                 "below": bool(top["below"]), "week": int(top["week"]), "course": own}  # fmt: skip
    return Ramp(usual, standing, shown, months, int((~alike.fillna(False)).sum()))


def common_length(past: pd.DataFrame) -> int:
    """Return the months of most past contracts of half a year or longer; 12 without any."""
    months = past["term_months"].astype("Float64").dropna()
    counted = months[months >= 6].value_counts().sort_index(ascending=False)
    return int(counted.idxmax()) if len(counted) else 12


def take_up(
    tables: Mapping[str, ir.Table], found: Courses, launched: Mapping[str, date] | None = None
) -> pd.DataFrame:
    """Time how long accounts took to try features that the product got later.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    found : Courses
    launched : mapping of str to datetime.date, optional
        First day of such features; told from the events when not given.

    Returns
    -------
    DataFrame, one row per (feature, account)
        ``feature``, ``launched`` (date), ``account_id``, ``days``, ``used``, ``running``; empty
        where every feature was there from the beginning.
    """
    events = tables["events"]
    if launched is None:
        launched = recording.appearances(events, found.features, found.data_start)
    today = pd.Timestamp(found.as_of)
    end = found.terms["closed_date"].fillna(today)
    spans = found.terms.assign(end=end.where(end <= today, today))
    spans = spans.groupby("account_id").agg(
        start=("term_start", "min"), end=("end", "max"), running=("running", "any")
    )
    parts = []
    for feature, day in launched.items():
        first = events.filter(events.feature == feature, events.event_date >= ibis.literal(day))
        own = first.group_by("account_id").agg(first=first.event_date.min()).to_pyarrow()
        used = own.to_pandas().set_index("account_id")["first"]
        there = spans[spans["end"] > pd.Timestamp(day)]
        begin = there["start"].where(there["start"] >= pd.Timestamp(day), pd.Timestamp(day))
        when = pd.to_datetime(used.reindex(there.index)).astype("datetime64[s]")
        until = when.fillna(there["end"])
        parts.append(
            pd.DataFrame(
                {"feature": feature, "launched": pd.Timestamp(day), "account_id": there.index,
                 "days": (until - begin).dt.days.clip(lower=0), "used": when.notna().astype(int),
                 "running": there["running"]}
            )
        )  # fmt: skip
    columns = ["feature", "launched", "account_id", "days", "used", "running"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def counts(found: Courses) -> dict[str, int]:
    """Return what the page counts: contracts and customers, past and running.

    Parameters
    ----------
    found : Courses
    """
    past = found.terms[found.terms["past"]]
    running = found.terms[found.terms["running"]]
    return {
        "n_terms": len(past),
        "n_accounts": int(past["account_id"].nunique()),
        "n_churned": int(past["churned"].fillna(0).sum()),
        "n_running": len(running),
        "n_running_accounts": int(running["account_id"].nunique()),
        "n_watched": len(found.past),
    }
