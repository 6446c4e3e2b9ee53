"""What became of the ARR that came up for renewal in quarters that are over.

Grain in: contracts that were to come up in a quarter, and ended terms (``renewals.history``).
Grain out: one row a contract with what it came to at the quarter's end; one row per past quarter.
Contracts that renew several times within a quarter are followed from term to term, so that their
ARR counts once.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.renewals import GONE

MOST_STEPS: Final = 4  # renewals of one contract within a quarter
N_PAST: Final = 8


def end_of(quarter: pd.Series) -> pd.Series:
    """Return the first day after each quarter.

    Parameters
    ----------
    quarter : pandas.Series of datetime64
        First days.
    """
    return (quarter + pd.DateOffset(months=3)).astype("datetime64[s]")


def known(quarter: pd.Series, as_of: date, grace_days: int) -> pd.Series:
    """Tell which quarters are over, with the days in which a late renewal still counts.

    Parameters
    ----------
    quarter : pandas.Series of datetime64
    as_of : datetime.date
    grace_days : int
    """
    return end_of(quarter) + pd.Timedelta(days=grace_days) <= pd.Timestamp(as_of)


def came_to(due: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Follow contracts to the end of the quarter in which they came up.

    Parameters
    ----------
    due : pandas.DataFrame
        One row per (subscription_id, quarter): subscription_id, quarter, arr.
    history : pandas.DataFrame
        ``renewals.history`` of today.

    Returns
    -------
    pandas.DataFrame
        The same rows with ``outcome`` (of the contract's last renewal in the quarter; missing
        where none is on record), ``arr_end`` (0 when gone; today's ARR where the next term is not
        on record) and ``gone``.
    """
    steps = _steps(history)
    last = end_of(due["quarter"])
    at = due["subscription_id"].to_numpy(dtype=object)
    outcome = pd.Series(None, index=due.index, dtype="object")
    arr_end = due["arr"].astype("float64").copy()
    open_ = np.ones(len(due), dtype=bool)
    for _ in range(MOST_STEPS):
        row = steps.reindex(at)
        ends = pd.Series(row["term_end"].to_numpy(), index=due.index)
        mine = open_ & (ends < last).to_numpy()
        arr_next = pd.Series(row["arr_next"].to_numpy(), index=due.index)
        outcome = outcome.where(~mine, pd.Series(row["outcome"].to_numpy(), index=due.index))
        arr_end = arr_end.where(~mine, arr_next.fillna(arr_end))
        open_ = mine & ~np.isin(row["outcome"].to_numpy(dtype=object), GONE)
        at = row["next_id"].to_numpy(dtype=object)
        if not open_.any():
            break
    gone = outcome.isin(GONE)
    return due.assign(outcome=outcome, arr_end=arr_end.mask(gone, 0.0), gone=gone)


def _steps(history: pd.DataFrame) -> pd.DataFrame:
    """Return each ended term with the one that carried it on, by subscription_id."""
    return history.set_index("subscription_id")[["term_end", "outcome", "arr_next", "next_id"]]


def retention(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Add up what was kept.

    Parameters
    ----------
    rows : pandas.DataFrame
        From :func:`came_to`.
    by : list of str
        Columns to group by.

    Returns
    -------
    pandas.DataFrame
        One row a group: the columns of ``by``, n_due, due_arr, n_gone, loss (ARR of those who
        left), grr, nrr (missing where no ARR was due).
    """
    arr = rows["arr"].astype("float64")
    told = rows.assign(
        arr=arr, kept=np.minimum(rows["arr_end"], arr), lost=arr.where(rows["gone"], 0.0)
    )
    found = told.groupby(by, as_index=False, sort=True).agg(
        n_due=("subscription_id", "size"), due_arr=("arr", "sum"), n_gone=("gone", "sum"),
        loss=("lost", "sum"), kept=("kept", "sum"), end=("arr_end", "sum"),
    )  # fmt: skip
    whole = found["due_arr"].where(found["due_arr"] > 0)
    return found.assign(
        n_gone=found["n_gone"].astype(int), grr=found["kept"] / whole, nrr=found["end"] / whole
    ).drop(columns=["kept", "end"])


def past_quarters(
    history: pd.DataFrame, *, as_of: date, grace_days: int, n_quarters: int = N_PAST
) -> pd.DataFrame:
    """Return what came of the ARR due in the last quarters whose outcomes are known.

    Parameters
    ----------
    history : pandas.DataFrame
    as_of : datetime.date
    grace_days : int
    n_quarters : int, default 8
        At most so many, the newest.

    Returns
    -------
    pandas.DataFrame
        One row a quarter, oldest first: quarter, label, what :func:`retention` adds up, and
        n_running, running_arr, grr_running: the same of those contracts alone that still ran when
        the quarter began, as the forecast of a quarter counts on the day before it (those in notice
        are among them, those who had left are not).  Of a contract that renews every month the term
        that ran when the quarter began is counted, with what it came to when the quarter was over.
    """
    start = history["term_end"].dt.to_period("Q").dt.start_time.astype("datetime64[s]")
    due = history.assign(quarter=start)
    due = due[(due["term_start"] < due["quarter"]) & known(due["quarter"], as_of, grace_days)]
    newest = np.sort(due["quarter"].unique())[-n_quarters:]
    names = ["subscription_id", "account_id", "quarter", "arr", "closed_date"]
    came = came_to(due[due["quarter"].isin(newest)][names].reset_index(drop=True), history)
    found = retention(came, ["quarter"])
    found.insert(1, "label", labelled(found["quarter"]))
    ran = retention(came[came["closed_date"] >= came["quarter"]], ["quarter"])
    ran = ran.rename(columns={"n_due": "n_running", "due_arr": "running_arr", "grr": "grr_running"})
    return (
        found.merge(
            ran[["quarter", "n_running", "running_arr", "grr_running"]], on="quarter", how="left"
        )
        .fillna({"n_running": 0, "running_arr": 0.0})
        .astype({"n_running": int})
    )


def labelled(quarter: pd.Series) -> pd.Series:
    """Name quarters as "2026 Q3"."""
    when = pd.to_datetime(quarter)
    return when.dt.year.astype(str) + " Q" + when.dt.quarter.astype(str)
