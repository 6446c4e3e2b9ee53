"""Which contracts come up for renewal in which of the coming calendar quarters.

Grain in: one row per running contract (``features.renewals.book``).  Grain out: one row per
(contract, quarter) in which it comes up at least once; every quarter counts every euro once, as due
or as not due.

One dated example, as_of 2026-05-10: the first coming quarter is what is left of 2026 Q2, from
2026-05-11 on, the next 2026 Q3.  A yearly contract to 2026-08-01 is due once, in Q3.  A monthly
one to 2026-05-20 is due twice in Q2 (20 May, 20 June) and three times in Q3, in which its ARR
counts once, with three renewals.  A contract that ended on 2026-05-01 without a decision is due
now, in Q2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError

ALL: Final = "all"
MOST_QUARTERS: Final = 4


@dataclass(frozen=True)
class Book:
    """The contracts that bring in money, by the quarter in which they come up for renewal.

    Attributes
    ----------
    due : pandas.DataFrame
        One row per (subscription_id, quarter): the contract's columns and ``quarter`` (its first
        day), ``label``, ``renewal_date`` (the first in the quarter), ``due_in_days`` (from the
        data date, 0 when overdue), ``renewal_no`` (1 for the contract's next), ``n_renewals`` (in
        the quarter).  ``in_notice`` and ``decided`` speak of the next renewal: later rows of the
        contract have them false and missing.
    quarters : pandas.DataFrame
        One row per coming quarter and one for all of them (``quarter`` missing, label "all"):
        quarter, label, n_due, due_arr, n_not_due, not_due_arr, n_book, book_arr.
    arr : float
        ARR of the whole book, currency a year.
    """

    due: pd.DataFrame
    quarters: pd.DataFrame
    arr: float


def book(running: pd.DataFrame, as_of: date, *, quarters: int = 4) -> Book:
    """Lay the running contracts out over the coming quarters.

    Parameters
    ----------
    running : pandas.DataFrame
        From ``features.renewals.book``: one row per subscription_id.
    as_of : datetime.date
        The data date.
    quarters : int, default 4
        How many, 1 to 4; the first one holds the day after ``as_of``.

    Returns
    -------
    Book
        Contracts are taken to renew for the length they have.  Contracts without an end are never
        due.

    Raises
    ------
    ParameterError
        If ``quarters`` is out of range, or a contract stands in two rows.
    """
    if not 1 <= quarters <= MOST_QUARTERS:
        raise ParameterError(
            "out of range", where="quarters", got=str(quarters), repair="1 to 4 quarters"
        )
    if running["subscription_id"].duplicated().any():
        twice = running.loc[running["subscription_id"].duplicated(), "subscription_id"].iloc[0]
        raise ParameterError(
            "a contract stands in two rows of the book", where="subscription_id", got=str(twice)
        )
    starts = coming(as_of, quarters)
    running = running.assign(arr=running["arr"].astype("float64"))
    due = _due(running, pd.Timestamp(as_of), starts)
    return Book(due, _summary(running, due, starts), float(running["arr"].sum()))


def coming(as_of: date, quarters: int) -> pd.DatetimeIndex:
    """Return the first days of the coming quarters, the first that of the day after ``as_of``.

    Parameters
    ----------
    as_of : datetime.date
    quarters : int

    Returns
    -------
    pandas.DatetimeIndex, length ``quarters``
    """
    first = (pd.Timestamp(as_of) + pd.Timedelta(days=1)).to_period("Q")
    return pd.period_range(first, periods=quarters, freq="Q").to_timestamp()


def label(quarter: pd.Series) -> pd.Series:
    """Name quarters as "2026 Q3", and a missing one "all".

    Parameters
    ----------
    quarter : pandas.Series of datetime64

    Returns
    -------
    pandas.Series of str
    """
    when = pd.to_datetime(quarter)
    place, starts = pd.factorize(when)
    named = [*(f"{start.year} Q{start.quarter}" for start in pd.DatetimeIndex(starts)), ALL]
    return pd.Series(np.array(named, dtype=object)[place], index=when.index, name=when.name)


def _due(running: pd.DataFrame, as_of: pd.Timestamp, starts: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one row per contract and quarter in which it comes up, quarters outside."""
    dated = running[running["term_end"].notna()]
    months = np.maximum(dated["term_months"].astype("Int64").fillna(12).to_numpy(np.int64), 1)
    end = dated["term_end"].to_numpy().astype("datetime64[D]")
    today = np.datetime64(as_of.date())
    last = np.datetime64((starts[-1] + pd.offsets.QuarterBegin(startingMonth=1)).date())
    found = []
    # A step is how many of its own lengths a renewal lies beyond the contract's renewal date.
    n_steps = 1 + int(np.ceil((3 * len(starts) + 2) / months.min())) if len(months) else 0
    for step in range(n_steps):
        when = _later(end, step * months)
        comes = (when < last) & ((when > today) | (step == 0))
        inside = np.flatnonzero(comes)
        when = np.maximum(when, today + 1)[inside]
        found.append(pd.DataFrame({"row": inside, "step": step, "when": when}))
    shape: dict[str, list[object]] = {"row": [], "step": [], "when": []}
    every = pd.concat(found) if found else pd.DataFrame(shape)
    return _by_quarter(dated, every, as_of, starts)


def _by_quarter(
    dated: pd.DataFrame, every: pd.DataFrame, as_of: pd.Timestamp, starts: pd.DatetimeIndex
) -> pd.DataFrame:
    """Gather single renewals into one row a contract and quarter."""
    when = pd.to_datetime(every["when"]).astype("datetime64[s]")
    place = starts.searchsorted(when, side="right") - 1
    every = every.assign(place=place, when=when, row=every["row"].astype(int))
    grouped = every.groupby(["place", "row"], as_index=False).agg(
        renewal_date=("when", "min"), step=("step", "min"), n_renewals=("step", "size")
    )
    due = dated.iloc[grouped["row"]].reset_index(drop=True)
    next_one = grouped["step"] == 0
    quarter = pd.Series(starts[grouped["place"]], dtype="datetime64[s]")
    overdue = due["overdue"].astype(bool) & next_one
    days = (grouped["renewal_date"] - as_of).dt.days
    return due.assign(
        quarter=quarter,
        label=label(quarter),
        renewal_date=grouped["renewal_date"].where(~overdue, due["term_end"]),
        due_in_days=days.where(~overdue, 0).astype("int64"),
        renewal_no=grouped["step"].astype("int64") + 1,
        n_renewals=grouped["n_renewals"].astype("int64"),
        in_notice=due["in_notice"].astype(bool) & next_one,
        decided=due["decided"].astype("object").mask(~next_one),
    )


def _later(end: NDArray[np.datetime64], months: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return dates some months later, the last day of a month where the day is beyond it."""
    month = end.astype("datetime64[M]")
    day = (end - month.astype("datetime64[D]")).astype(np.int64)
    target = month + months.astype("timedelta64[M]")
    length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(int)
    kept = np.minimum(day, length - 1).astype("timedelta64[D]")
    return np.asarray(target.astype("datetime64[D]") + kept)


def _summary(running: pd.DataFrame, due: pd.DataFrame, starts: pd.DatetimeIndex) -> pd.DataFrame:
    """Count the book once per quarter, and once for all quarters together."""
    rows = []
    for quarter in (*starts, pd.NaT):
        names = (
            due["subscription_id"]
            if quarter is pd.NaT
            else due.loc[due["quarter"] == quarter, "subscription_id"]
        )
        comes_up = running["subscription_id"].isin(names)
        arr = running["arr"]
        rows.append(
            {
                "quarter": quarter,
                "n_due": int(comes_up.sum()),
                "due_arr": float(arr[comes_up].sum()),
                "n_not_due": int((~comes_up).sum()),
                "not_due_arr": float(arr[~comes_up].sum()),
                "n_book": len(running),
                "book_arr": float(arr.sum()),
            }
        )
    frame = pd.DataFrame(rows)
    frame.insert(1, "label", label(frame["quarter"]))
    return frame
