"""Who there was: accounts with their contracts, and logins, as known strictly before a date.

Grain out: one row per account_id, per subscription_id, per user_id.  A contract is known from the
day after it began, an early end or a deactivation from the day after it happened.  Dated example,
on = 2024-03-01: a term from 2024-02-29 is known, one from 2024-03-01 is not; a login deactivated
on 2024-03-01 is still there.

An account's start is the first day of its first contract (the purchase).  Segment and plan are
those the records hold: they keep no history of an account's segment.

Source: ``methods.md`` 1.1, 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import DataError

NOT_KNOWN: Final = "not known"
FAR: Final = pd.Timestamp("2200-01-01")
_ROLES: Final = {"decision_maker": "decision maker"}


def terms(tables: Mapping[str, ir.Table], on: date) -> pd.DataFrame:
    """Return the contracts that had begun before a date.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: subscriptions.
    on : datetime.date

    Returns
    -------
    DataFrame, one row per subscription_id
        subscription_id, account_id, plan, seats (float; missing where not known), arr, start,
        end (exclusive: the renewal date, or the early end where that was known; 2200 where
        open-ended), by account and start.
    """
    if "subscriptions" not in tables:
        raise DataError(
            "a required table is missing", where="subscriptions", repair="map it under source"
        )
    table = tables["subscriptions"]
    known = table.filter(table.term_start < ibis.literal(on))
    frame: pd.DataFrame = known.select(
        "subscription_id", "account_id", "plan", "seats", "term_start", "term_end", "ended_at",
        arr=known.arr.cast("float64"),
    ).execute()  # fmt: skip
    start, end, early = (
        pd.to_datetime(frame[name]).astype("datetime64[s]")
        for name in ("term_start", "term_end", "ended_at")
    )
    early = early.where(early < pd.Timestamp(on))
    frame = frame.assign(
        start=start, end=pd.concat([end, early], axis=1).min(axis=1).fillna(FAR),
        seats=frame["seats"].astype("float64").where(lambda s: s > 0),
    )  # fmt: skip
    order = ["account_id", "start", "subscription_id"]
    columns = ["subscription_id", "account_id", "plan", "seats", "arr", "start", "end"]
    return frame.sort_values(order, ignore_index=True)[columns]


def accounts(tables: Mapping[str, ir.Table], contracts: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts that had a contract.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: accounts.
    contracts : DataFrame
        What :func:`terms` returned.

    Returns
    -------
    DataFrame, one row per account_id in order of its text
        account_id, account_name, segment, plan (of the latest contract, else the account's),
        start, end (of the last contract), cohort_month ("2024-03", month of the start).
    """
    own = contracts.groupby("account_id", sort=True).agg(
        start=("start", "min"), end=("end", "max"), term_plan=("plan", "last")
    )
    named = tables["accounts"].select("account_id", "account_name", "segment", "plan").execute()
    frame = own.reset_index().merge(named, on="account_id", how="left", validate="1:1")
    name = frame["account_name"].fillna(frame["account_id"])
    return pd.DataFrame(
        {
            "account_id": frame["account_id"],
            "account_name": name,
            "segment": frame["segment"].fillna(NOT_KNOWN).astype(str),
            "plan": frame["term_plan"].fillna(frame["plan"]).fillna(NOT_KNOWN).astype(str),
            "start": frame["start"],
            "end": frame["end"],
            "cohort_month": month_of(frame["start"]),
        }
    )


def users(tables: Mapping[str, ir.Table], on: date) -> pd.DataFrame | None:
    """Return the logins that had been made before a date.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; users where the source has it.
    on : datetime.date

    Returns
    -------
    DataFrame or None, one row per user_id
        user_id, account_id, role ("not known" where missing), created, left (exclusive: the day
        of the deactivation where that was known; 2200 else).  None without a users table.
    """
    if "users" not in tables:
        return None
    table = tables["users"]
    known = table.filter(table.created_date < ibis.literal(on))
    ordered = known.order_by(["account_id", "user_id"])
    found = ordered.select("user_id", "account_id", "role", "created_date", "deactivated_date")
    arrow = found.to_pyarrow()
    role = arrow["role"].cast("string").to_pandas().astype("category")
    created, left = (
        pd.Series(arrow[name].to_numpy().astype("datetime64[s]"))
        for name in ("created_date", "deactivated_date")
    )
    role = role.cat.rename_categories(_ROLES).astype(object).fillna(NOT_KNOWN)
    return pd.DataFrame(
        {
            "user_id": arrow["user_id"].to_pandas(), "account_id": arrow["account_id"].to_pandas(),
            "role": role, "created": created,
            "left": left.where(left < pd.Timestamp(on)).fillna(FAR),
        }
    )  # fmt: skip


def month_of(days: pd.Series) -> NDArray[np.object_]:
    """Return the calendar month of dates as text: "2024-03".

    Parameters
    ----------
    days : Series of datetime64, none missing
    """
    months, place = np.unique(days.to_numpy(dtype="datetime64[M]"), return_inverse=True)
    return np.datetime_as_string(months).astype(object)[place]


def running(contracts: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Return the accounts with a contract that runs on a day, and their seats.

    Parameters
    ----------
    contracts : DataFrame
        What :func:`terms` returned.
    day : Timestamp

    Returns
    -------
    DataFrame, one row per account_id
        account_id, seats (summed over contracts side by side; missing where one's are not known),
        since (start of the earliest contract that runs).
    """
    alive = contracts[(contracts["start"] <= day) & (contracts["end"] > day)]
    grouped = alive.groupby("account_id", sort=True)
    frame = grouped.agg(seats=("seats", "sum"), n=("seats", "size"), known=("seats", "count"),
                        since=("start", "min")).reset_index()  # fmt: skip
    frame["seats"] = frame["seats"].where(frame["n"] == frame["known"], np.nan)
    return frame[["account_id", "seats", "since"]]
