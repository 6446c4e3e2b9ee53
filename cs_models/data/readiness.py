"""What a source holds, before anything is learnt from it.

Grain in: the canonical tables.  Grain out: small frames, one row per table, month, gap or
(year, outcome); all counting is pushed down to the source's engine.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from cs_models.data.contract import TABLES
from cs_models.data.tables import Tables

# The date that says when a row of each table happened.
HAPPENED = {
    "accounts": "created_date",
    "users": "created_date",
    "subscriptions": "term_start",
    "events": "event_date",
    "tickets": "opened_date",
    "surveys": "answered_date",
    "touchpoints": "occurred_date",
    "milestones": "due_at",
    "health_scores": "scored_date",
}
# A day is quiet when it has less than this share of the median of the same weekday around it.
QUIET_SHARE = 0.05
NEIGHBOURS_DAYS = 91
FEWEST_QUIET_DAYS = 3


def table_summary(tables: Tables) -> pd.DataFrame:
    """Return what was read of each table of the contract.

    Parameters
    ----------
    tables : Tables
        Canonical tables.

    Returns
    -------
    DataFrame
        One row a table of the contract: table, present (bool), required (bool), read, kept,
        quarantined, excluded (rows), first_date, last_date.
    """
    rows = []
    for name, spec in TABLES.items():
        counts = tables.checks.counts.get(name, {})
        first, last = _span(tables, name)
        rows.append(
            {
                "table": name,
                "present": name in tables,
                "required": spec.required,
                **{key: int(counts.get(key, 0))
                   for key in ("read", "kept", "quarantined", "excluded")},
                "first_date": first,
                "last_date": last,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def copies(tables: Tables) -> pd.DataFrame:
    """Count the uses that are equal to an earlier row in every column.

    Events have no key: unlike rows of the other tables, an equal one need not be a copy, and stays.

    Parameters
    ----------
    tables : Tables
        Canonical tables.

    Returns
    -------
    DataFrame
        One row: table ("events"), n_rows (kept), n_copies (all but the first of equal rows),
        share (of n_rows, 0 to 1; 0 without rows), n_accounts (with such rows).
    """
    events = tables["events"]
    equal = events.group_by(list(events.columns)).agg(n=events.count())
    again = equal.filter(equal.n > 1)
    counted = again.aggregate(
        n_copies=(again.n - 1).sum().fill_null(0), n_accounts=again.account_id.nunique()
    )
    frame: pd.DataFrame = counted.mutate(n_rows=events.count().as_scalar()).execute()
    frame = frame.astype({"n_copies": "int64", "n_accounts": "int64", "n_rows": "int64"})
    return frame.assign(table="events", share=frame["n_copies"] / frame["n_rows"].clip(lower=1))


def coverage_by_month(tables: Tables) -> pd.DataFrame:
    """Return how much of the book the usage data sees, month by month.

    Parameters
    ----------
    tables : Tables
        Canonical tables.

    Returns
    -------
    DataFrame
        One row per calendar month between the first and the last event: month (its first day),
        n_events, n_active (accounts with an event), n_running (accounts with a term that runs
        in the month), share_active (n_active among those running, 0 to 1; missing when none).
    """
    months = _months(tables)
    if months.empty:
        return pd.DataFrame(columns=["month", "n_events", "n_active", "n_running", "share_active"])
    events = tables["events"].mutate(month=tables["events"].event_date.truncate("M"))
    used = events.group_by("month").agg(n_events=events.count())
    running = _running(tables, months)
    seen = events.select("account_id", "month").distinct().mutate(active=True)
    both = running.left_join(seen, ["account_id", "month"]).group_by("month").agg(
        n_running=ibis._.count(), n_active=ibis._.active.count()
    )  # fmt: skip
    frame = months.merge(_dated(used), on="month", how="left", validate="one_to_one")
    frame = frame.merge(_dated(both), on="month", how="left", validate="one_to_one")
    counted = ["n_events", "n_active", "n_running"]
    frame[counted] = frame[counted].fillna(0).astype("int64")
    frame["share_active"] = frame["n_active"] / frame["n_running"].replace(0, np.nan)
    return frame[["month", *counted[:2], "n_running", "share_active"]]


def telemetry_gaps(tables: Tables) -> pd.DataFrame:
    """Return runs of days on which the product, or one feature of it, hardly recorded anything.

    Parameters
    ----------
    tables : Tables
        Canonical tables.

    Returns
    -------
    DataFrame
        One row a gap: feature ("all features" for the whole product), first_date, last_date,
        n_days, usual (median events of such a day), seen (events a day in the gap).

    Notes
    -----
    A day is quiet when it has under 5 % of the median of the same weekday within 13 weeks;
    three quiet days in a row are a gap.  Weekdays that are always quiet, and features whose usual
    day has fewer than 20 events, have no gaps.
    """
    events = tables["events"]
    daily = (
        events.group_by(["feature", "event_date"])
        .agg(n=events.count())
        .execute()
        .rename(columns={"event_date": "day"})
    )
    columns = ["feature", "first_date", "last_date", "n_days", "usual", "seen"]
    if daily.empty:
        return pd.DataFrame(columns=columns)
    daily["day"] = pd.to_datetime(daily["day"])
    wide = daily.pivot_table(index="day", columns="feature", values="n", aggfunc="sum")
    wide = wide.reindex(pd.date_range(wide.index.min(), wide.index.max())).fillna(0.0)
    everything = wide.sum(axis=1).rename("all features")
    gaps = _gaps(everything)
    whole = [(gap["first_date"], gap["last_date"]) for gap in gaps]
    for feature in wide.columns:
        own = _gaps(wide[feature].loc[wide[feature].ne(0).idxmax() :])
        gaps += [
            gap for gap in own
            if not any(first <= gap["first_date"] <= last for first, last in whole)
        ]  # fmt: skip
    return pd.DataFrame(gaps, columns=columns)


def history(tables: Tables) -> pd.DataFrame:
    """Return the contract terms by the year in which they end and what became of them.

    Parameters
    ----------
    tables : Tables
        Canonical tables.

    Returns
    -------
    DataFrame
        One row per (year, outcome): year, outcome, n_terms, arr (Decimal).
    """
    terms = tables["subscriptions"]
    dated = terms.mutate(year=terms.term_end.year())
    frame = (
        dated.group_by(["year", "outcome"])
        .agg(n_terms=dated.count(), arr=dated.arr.sum())
        .execute()
    )
    ordered: pd.DataFrame = frame.sort_values(["year", "outcome"], ignore_index=True)
    return ordered


def _span(tables: Tables, name: str) -> tuple[date | None, date | None]:
    column = HAPPENED[name]
    if name not in tables or column not in tables[name].columns:
        return None, None
    dates = tables[name][column]
    row = tables[name].aggregate(first=dates.min(), last=dates.max()).execute().iloc[0]
    first, last = (None if pd.isna(day) else pd.Timestamp(day).date() for day in row)
    return first, last


def _months(tables: Tables) -> pd.DataFrame:
    first, last = _span(tables, "events")
    if first is None or last is None:
        return pd.DataFrame({"month": pd.to_datetime([])})
    return pd.DataFrame({"month": pd.date_range(first.replace(day=1), last, freq="MS")})


def _running(tables: Tables, months: pd.DataFrame) -> ibis.Table:
    """Return the accounts with a term that runs in a month: (account_id, month), each once."""
    calendar = ibis.memtable(
        {
            "month": [day.date() for day in months["month"]],
            "next_month": [
                (day + pd.offsets.MonthBegin(1)).date() for day in months["month"]
            ],
        },
        schema={"month": "date", "next_month": "date"},
    )  # fmt: skip
    terms = tables["subscriptions"]
    # A contract without an end runs on: its end is unknown, not past.
    ended = ibis.coalesce(terms.ended_at, terms.term_end, ibis.date(9999, 12, 31))
    terms = terms.select("account_id", "term_start", ended=ended)
    joined = terms.join(
        calendar, [terms.term_start < calendar.next_month, terms.ended > calendar.month]
    )
    return joined.select("account_id", "month").distinct()


def _dated(table: ibis.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.execute()
    frame["month"] = pd.to_datetime(frame["month"])
    return frame


def _gaps(daily: pd.Series) -> list[dict[str, Any]]:
    """Return the quiet runs of one daily series without holes in its calendar."""
    weeks = NEIGHBOURS_DAYS // 7
    usual = daily.groupby(pd.DatetimeIndex(daily.index).dayofweek).transform(
        lambda same: same.rolling(weeks, center=True, min_periods=3).median()
    )
    busy = usual >= 20
    quiet = (daily < QUIET_SHARE * usual) & busy
    # A weekend that is always quiet neither makes a gap nor ends one.
    among_busy = quiet[busy]
    run = among_busy.ne(among_busy.shift()).cumsum().reindex(daily.index)
    gaps = []
    for _, days in daily[quiet].groupby(run[quiet]):
        if len(days) >= FEWEST_QUIET_DAYS:
            gaps.append(
                {
                    "feature": daily.name,
                    "first_date": days.index[0],
                    "last_date": days.index[-1],
                    "n_days": (days.index[-1] - days.index[0]) // timedelta(days=1) + 1,
                    "usual": float(usual[days.index].median()),
                    "seen": float(days.mean()),
                }
            )
    return gaps
