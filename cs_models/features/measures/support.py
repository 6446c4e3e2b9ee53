"""Support cases as they stood: how many, how many open, how old, how severe.

Grain out: one row per ticket (:func:`tickets`), per account with a running contract
(:func:`load`), or per ended contract (:func:`before_renewals`).

A ticket is known from the day after it was opened, its closing and its escalation (which carries
no date) from the day after it was closed.

Source: ``methods.md`` 1.1; ``customer_success.md`` M12: a high number well handled may be good,
unresolved is the risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.measures import who
from cs_models.features.measures.facts import Facts
from cs_models.features.relationship import SEVERE

WINDOW_DAYS: Final = 90
BEFORE_DAYS: Final = 90
COLUMNS: Final = [
    "ticket_id", "account_id", "segment", "plan", "opened", "closed", "severity", "severe",
    "escalated", "duration_days", "event",
]  # fmt: skip


def tickets(tables: Mapping[str, ir.Table], facts: Facts) -> pd.DataFrame:
    """Return the support cases known before the date.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; tickets where the source has it.
    facts : Facts

    Returns
    -------
    DataFrame, one row per ticket_id
        ticket_id, account_id, segment, plan, opened, closed (missing: still open), severity,
        severe (bool), escalated (nullable: known once closed), duration_days (days it was open, at
        least 1; censored on the date), event (1 closed).  Empty without a tickets table.
    """
    if "tickets" not in tables:
        return pd.DataFrame(columns=COLUMNS)
    table, today = tables["tickets"], ibis.literal(facts.on)
    known = table.filter(table.opened_date < today, table.known_date <= today)
    frame: pd.DataFrame = known.select(
        "ticket_id", "account_id", "severity", "escalated", opened=known.opened_date,
        closed=known.closed_date,
    ).execute()  # fmt: skip
    opened, closed = (
        pd.to_datetime(frame[name]).astype("datetime64[s]") for name in ("opened", "closed")
    )
    closed = closed.where(closed < pd.Timestamp(facts.on))
    days = (closed.fillna(pd.Timestamp(facts.on)) - opened).dt.days
    severity = frame["severity"].fillna(who.NOT_KNOWN)
    told = frame.assign(
        opened=opened, closed=closed, severity=severity, severe=severity.isin(list(SEVERE)),
        escalated=frame["escalated"].astype("boolean").where(closed.notna()),
        duration_days=days.clip(lower=1).astype("float64"), event=closed.notna().astype("int64"),
    )  # fmt: skip
    about = facts.accounts[["account_id", "segment", "plan"]]
    order = ["account_id", "opened", "ticket_id"]
    return told.merge(about, on="account_id").sort_values(order, ignore_index=True)[COLUMNS]


def load(cases: pd.DataFrame, facts: Facts, *, window_days: int = WINDOW_DAYS) -> pd.DataFrame:
    """Return each running account's support cases of the last days, and those still open.

    Parameters
    ----------
    cases : DataFrame
        What :func:`tickets` returned.
    facts : Facts
    window_days : int, default 90

    Returns
    -------
    DataFrame, one row per account_id
        account_id, segment, plan, opened (in the window), open (now), open_severe, oldest_days (of
        those open; missing without), escalated (of those opened in the window and closed), closed.
    """
    alive = who.running(facts.terms, facts.today)[["account_id"]]
    today = pd.Timestamp(facts.on)
    late = cases["opened"] >= today - pd.Timedelta(days=window_days)
    open_ = cases["closed"].isna()
    told = cases.assign(
        late=late, open=open_, open_severe=open_ & cases["severe"].astype(bool),
        age=cases["duration_days"].where(open_), done=late & ~open_,
        worst=late & cases["escalated"].fillna(False).astype(bool),
    )  # fmt: skip
    own = told.groupby("account_id").agg(
        opened=("late", "sum"), open=("open", "sum"), open_severe=("open_severe", "sum"),
        oldest_days=("age", "max"), escalated=("worst", "sum"), closed=("done", "sum"),
    )  # fmt: skip
    about = facts.accounts[["account_id", "segment", "plan"]]
    frame = alive.merge(about, on="account_id").merge(
        own.reset_index(), on="account_id", how="left"
    )
    counted = ["opened", "open", "open_severe", "escalated", "closed"]
    frame[counted] = frame[counted].fillna(0).astype("int64")
    return frame.sort_values("account_id", ignore_index=True)


def before_renewals(
    cases: pd.DataFrame,
    history: pd.DataFrame,
    facts: Facts,
    *,
    window_days: int = WINDOW_DAYS,
    before_days: int = BEFORE_DAYS,
) -> pd.DataFrame:
    """Return the support cases of ended contracts as they stood so long before the renewal.

    Parameters
    ----------
    cases : DataFrame
        What :func:`tickets` returned.
    history : DataFrame
        ``renewals.history`` as of the same date.
    facts : Facts
    window_days, before_days : int, default 90
        Cases opened in so many days before the day that lies so many days before the renewal date.

    Returns
    -------
    DataFrame, one row per subscription_id
        subscription_id, account_id, segment, outcome, opened, unresolved (cases open on that day
        and older than 7 days), for contracts that still ran, without notice, on that day, when
        tickets were kept throughout.
    """
    day = history["term_end"] - pd.Timedelta(days=before_days)
    open_ = (history["closed_date"] > day) & ~(history["notice_date"] <= day).fillna(False)
    since = cases["opened"].min() if len(cases) else pd.Timestamp(facts.on)
    kept = open_ & (day - pd.Timedelta(days=window_days) >= since) & (history["term_start"] < day)
    terms = history.assign(day=day)[kept & (history["known_date"] < pd.Timestamp(facts.on))]
    pairs = terms[["subscription_id", "account_id", "day"]].merge(
        cases[["account_id", "opened", "closed"]], on="account_id"
    )
    pairs = pairs[pairs["opened"] < pairs["day"]]
    ago = (pairs["day"] - pairs["opened"]).dt.days
    still = ~(pairs["closed"] < pairs["day"])
    own = (
        pairs.assign(opened=ago <= window_days, unresolved=still & (ago > 7))
        .groupby("subscription_id")[["opened", "unresolved"]]
        .sum()
    )
    rows = terms[["subscription_id", "account_id", "segment", "outcome"]].merge(
        own.reset_index(), on="subscription_id", how="left"
    )
    counted = ["opened", "unresolved"]
    rows[counted] = rows[counted].fillna(0).astype(np.int64)
    return rows.sort_values("subscription_id", ignore_index=True)
