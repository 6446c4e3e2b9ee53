"""How long accounts have been customers, and the renewal opportunities that came to them.

Grain: one row per renewal opportunity (`opportunities`), per running term (`upcoming`), or per
account episode (`lifetimes`).  Outcome side: nothing that computes a feature may import it.

An account can leave only at a renewal date, or early where its contract allows: a contract in the
middle of its term has no opportunity and is not at risk.  A term enters by its renewal date (plus
grace), whatever became of it; an early end known before that date enters with it, or early leavers
would be counted while those that stay in terms of the same age are not yet.

An episode is the time from a first term to the day the account has left; an account won back
begins a new one.  Terms of one account may run side by side: it has left when none runs.

One dated example, carried through: data from 2023-01-01, as_of 2025-03-31, grace 30 days, so that
all is known up to 2025-03-01.  An account's terms: 2022-07-01 to 2023-07-01 renewed, to
2024-07-01 renewed, to 2025-07-01 running.  Two opportunities: the 1st on 2023-07-01, the 2nd on
2024-07-01.  One lifetime from 2022-07-01: watched from day 184 (2023-01-01, what left before is
not in the data) to day 974 (2025-03-01), still there.

Source: ``methods.md`` 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.errors import DataError, ParameterError
from cs_models.features import outcomes, recording

NONE: Final = "none"
DAYS_A_MONTH: Final = 365.2425 / 12
_LOST: Final = (outcomes.CHURNED, outcomes.INVOLUNTARY)
_FAR: Final = pd.Timestamp("2200-01-01")
_DAY: Final = pd.Timedelta(days=1)


def opportunities(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    grace_days: int = 30,
    data_start: date | None = None,
) -> pd.DataFrame:
    """Return the renewal opportunities that came, each with what became of it.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical accounts and subscriptions, and events unless ``data_start`` is given.
    as_of : datetime.date
        The data date.
    grace_days : int, default 30
        Days after the renewal date in which a late paper still counts as a renewal.
    data_start : datetime.date, optional
        From when customers that left are in the data; the first day of recorded use
        (``recording.first_day``) when not given.

    Returns
    -------
    DataFrame, one row per subscription_id
        ``subscription_id``, ``account_id``, ``segment``, ``episode`` (1, 2, … of the account),
        ``opportunity`` (1, 2, … of the episode), ``term_months``, ``term_start``,
        ``opportunity_date`` (renewal date, or the day of an early end), ``months_as_customer``
        (from the episode's start to it), ``entered_late`` (the episode began before
        ``data_start``), ``early`` (ended before the renewal date), ``outcome``, ``cause``
        ("churned", "involuntary", "none"), ``event`` (1 churned by choice), ``lost`` (1 of
        either cause), ``arr`` (float, currency a year).

    Raises
    ------
    ParameterError
        ``grace_days`` is negative.
    DataError
        A required table is missing.
    """
    rows, first = _terms(tables, grace_days, data_start)
    known_until = _known_until(as_of, grace_days)
    kept = rows[
        (rows["term_end"] <= known_until)
        & (rows["outcome"] != outcomes.PENDING)
        & (rows["closed"] > first)
    ]
    kept = kept.assign(
        opportunity_date=kept["closed"],
        months_as_customer=_months(kept["closed"] - kept["episode_start"]),
        entered_late=kept["episode_start"] < first,
        early=kept["closed"] < kept["term_end"],
        cause=kept["outcome"].where(kept["outcome"].isin(_LOST), NONE),
        event=(kept["outcome"] == outcomes.CHURNED).astype("int8"),
        lost=kept["lost"].astype("int8"),
    )
    columns = [
        *("subscription_id", "account_id", "segment", "episode", "opportunity", "term_months"),
        *("term_start", "opportunity_date", "months_as_customer", "entered_late", "early"),
        *("outcome", "cause", "event", "lost", "arr"),
    ]
    return kept[columns].reset_index(drop=True)


def upcoming(tables: Mapping[str, ir.Table], as_of: date, *, grace_days: int = 30) -> pd.DataFrame:
    """Return the terms that run at the data date, each with its next renewal opportunity.

    Parameters
    ----------
    tables, as_of, grace_days
        As in `opportunities`.

    Returns
    -------
    DataFrame, one row per subscription_id
        ``subscription_id``, ``account_id``, ``segment``, ``episode``, ``opportunity``,
        ``term_months``, ``term_start``, ``opportunity_date`` (the renewal date),
        ``months_to_renewal``, ``months_as_customer`` (at that date), ``in_notice`` (bool: a
        cancellation was asked for by ``as_of``), ``arr``.

    Raises
    ------
    ParameterError
        ``grace_days`` is negative.
    DataError
        A required table is missing.
    """
    rows, _ = _terms(tables, grace_days, as_of)
    today = pd.Timestamp(as_of)
    runs = (rows["term_start"] <= today) & (rows["closed"] > today) & rows["term_end"].notna()
    kept = rows[runs]
    kept = kept.assign(
        opportunity_date=kept["term_end"],
        months_to_renewal=_months(kept["term_end"] - today),
        months_as_customer=_months(kept["term_end"] - kept["episode_start"]),
        in_notice=kept["cancel_requested_at"] <= today,
    )
    columns = [
        *("subscription_id", "account_id", "segment", "episode", "opportunity", "term_months"),
        *("term_start", "opportunity_date", "months_to_renewal", "months_as_customer"),
        *("in_notice", "arr"),
    ]
    return kept[columns].reset_index(drop=True)


def lifetimes(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    grace_days: int = 30,
    data_start: date | None = None,
) -> pd.DataFrame:
    """Return each account's episodes as a customer, followed up to ``as_of`` less the grace.

    Everything is known up to then; later, leavers whose outcome is already known would be counted
    and those still in their days of grace would not.

    Parameters
    ----------
    tables, as_of, grace_days, data_start
        As in `opportunities`.

    Returns
    -------
    DataFrame, one row per account_id and episode
        ``account_id``, ``segment``, ``episode``, ``start``, ``entry_days`` (from the start to
        ``data_start``, 0 when it began later), ``duration_days`` (until it left or was last seen),
        ``event`` (1 churned by choice), ``lost`` (1 of either cause), ``cause`` ("churned",
        "involuntary", "none"), ``term_months`` (of the first term), ``n_terms``, ``arr`` (of the
        last term, currency a year).  Episodes over by ``data_start`` are not in it: others like
        them were never recorded.

    Raises
    ------
    ParameterError
        ``grace_days`` is negative.
    DataError
        A required table is missing.
    """
    rows, first = _terms(tables, grace_days, data_start)
    until = _known_until(as_of, grace_days)
    rows = rows[rows["term_start"] < until]
    grouped = rows.groupby(["account_id", "episode"], sort=False)
    last = rows.loc[grouped["stamp"].idxmax()].set_index(["account_id", "episode"])
    frame = grouped.agg(
        segment=("segment", "first"),
        start=("term_start", "min"),
        term_months=("term_months", "first"),
        n_terms=("subscription_id", "size"),
    )
    ended = last["lost"] & (last["closed"] <= until)
    # Of a term past its renewal date and still undecided, nothing is known on that date itself.
    seen = last["closed"].where(last["outcome"] != outcomes.PENDING, last["closed"] - _DAY)
    end = last["closed"].where(ended, seen.where(seen < until, until))
    frame["duration_days"] = (end - frame["start"]).dt.days.clip(lower=ended.astype("int64"))
    frame["entry_days"] = (first - frame["start"]).dt.days.clip(lower=0)
    frame["cause"] = last["outcome"].where(ended, NONE)
    frame["event"] = (frame["cause"] == outcomes.CHURNED).astype("int8")
    frame["lost"] = ended.astype("int8")
    frame["arr"] = last["arr"]
    frame = frame[frame["duration_days"] > frame["entry_days"]].reset_index()
    columns = [
        *("account_id", "segment", "episode", "start", "entry_days", "duration_days"),
        *("event", "lost", "cause", "term_months", "n_terms", "arr"),
    ]
    return frame[columns].sort_values(["account_id", "episode"], ignore_index=True)


def _terms(
    tables: Mapping[str, ir.Table], grace_days: int, data_start: date | None
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return all terms with their episode and place in it, and from when leavers are recorded."""
    for name in ("accounts", "subscriptions"):
        if name not in tables:
            raise DataError(
                "a required table is missing", where=name, repair="map it under source.tables"
            )
    if grace_days < 0:
        raise ParameterError(
            "out of range", where="grace_days", got=str(grace_days), repair="0 or more days"
        )
    first = data_start if data_start is not None else recording.first_day(tables["events"])[0]
    attached = outcomes.attach(tables["subscriptions"])
    dates = ("term_start", "term_end", "ended_at", "cancel_requested_at")
    columns = ("subscription_id", "account_id", *dates, "outcome", "term_months")
    rows = attached.select(*columns, arr=attached.arr.cast("float64")).execute()
    segments = tables["accounts"].select("account_id", "segment").execute()
    rows = rows.merge(segments, on="account_id", how="left", validate="m:1")
    for name in dates:
        rows[name] = pd.to_datetime(rows[name])
    order = ["account_id", "term_start", "term_end", "subscription_id"]
    return _episodes(rows.sort_values(order, ignore_index=True)), pd.Timestamp(first)


def _episodes(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the number of the episode: a new one begins once no term runs and the last was lost."""
    rows["closed"] = rows[["term_end", "ended_at"]].min(axis=1).fillna(_FAR)
    rows["lost"] = rows["outcome"].isin(_LOST)
    days = (rows["closed"] - pd.Timestamp(0)).dt.days
    # One number orders terms by the day they closed and, on one day, puts those kept last.
    rows["stamp"] = 2 * days + ~rows["lost"]
    latest = rows.groupby("account_id")["stamp"].cummax()
    before = latest.groupby(rows["account_id"]).shift()
    started = (rows["term_start"] - pd.Timestamp(0)).dt.days
    again = before.notna() & (before % 2 == 0) & (started >= before // 2)
    rows["episode"] = again.groupby(rows["account_id"]).cumsum().astype("int64") + 1
    grouped = rows.groupby(["account_id", "episode"], sort=False)
    rows["episode_start"] = grouped["term_start"].transform("min")
    rows["opportunity"] = grouped.cumcount() + 1
    return rows


def _known_until(as_of: date, grace_days: int) -> pd.Timestamp:
    return pd.Timestamp(as_of) - pd.Timedelta(days=grace_days)


def _months(span: pd.Series) -> pd.Series:
    return pd.Series(np.round(span.dt.days / DAYS_A_MONTH, 1), index=span.index)
