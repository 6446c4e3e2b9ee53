"""What each login did in each calendar month.

Grain in: canonical events.  Grain out: one row per (user_id, month) with any use.

A month has four weeks here: days 1-7, 8-14, 15-21 and 22 to its end, so that weeks add up over
months.  Two uses of one month lie less than 60 days apart: the first and the last use of every
month therefore show every silence of 60 days and more.

Dated example: uses on 2024-02-01, 2024-02-07 and 2024-02-29 give ``active_weeks`` 2,
``first_on`` 2024-02-01 and ``last_on`` 2024-02-29.

Source: ``methods.md`` 4 (attribution by month; 60 days of inactivity).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import uses

MONTHLY_COLUMNS: Final = ("user_id", "month", "uses", "active_weeks", "first_on", "last_on")


def monthly(tables: Mapping[str, ir.Table], as_of: date) -> pd.DataFrame:
    """Add up each login's use by calendar month, strictly before a day.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables; events is read, once.
    as_of : datetime.date
        Use on that day and later is not seen, nor what became known after it.

    Returns
    -------
    pandas.DataFrame
        One row per (user_id, month), in that order: ``month`` its first day, ``uses`` float64,
        ``active_weeks`` int64 (1 to 4), ``first_on`` and ``last_on`` days of use.  Events that
        name no user are not in it.
    """
    found = uses.read(tables).seen(as_of, named=True)
    month = uses.months(found.day)
    order = np.lexsort((found.day, pd.Index(found.users).argsort().argsort()[found.user]))
    user, month, day = found.user[order], month[order], found.day[order]
    begins = uses.starts(user, month)
    first_of = (month[begins] - 12 * 1970).astype("datetime64[M]")
    # Days 22 to the end of the month are its fourth week.
    week = np.minimum(
        (day - first_of.astype("datetime64[D]").astype(np.int64)[_run(begins, day)]) // 7, 3
    )
    new = np.zeros(len(day), dtype=np.int64)
    new[uses.starts(user, month, week)] = 1
    amount = uses.reduced(np.add, found.thousandths[order], begins)
    return pd.DataFrame(
        {
            "user_id": pd.array(found.users, dtype="string").take(user[begins]),
            "month": first_of.astype("datetime64[s]"),
            "uses": uses.amounts(amount),
            "active_weeks": uses.reduced(np.add, new, begins),
            "first_on": _dates(day[begins]),
            "last_on": _dates(day[np.r_[begins[1:], len(day)][: len(begins)] - 1]),
        },
        columns=list(MONTHLY_COLUMNS),
    )


def _run(begins: uses.Int, rows: uses.Int) -> uses.Int:
    """Return the number of the run that each row belongs to."""
    opens = np.zeros(len(rows), dtype=np.int64)
    opens[begins] = 1
    return np.asarray(np.cumsum(opens) - 1)


def _dates(days: uses.Int) -> np.ndarray:
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[s]"))
