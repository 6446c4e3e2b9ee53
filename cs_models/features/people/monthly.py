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

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.features.relations import sight

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
    events, today = tables["events"], ibis.literal(as_of)
    seen = events.filter(sight.visible(events.event_date, events.known_date, today))
    seen = seen.drop_null("user_id")
    day = seen.event_date.day()
    rows = seen.group_by("user_id", year=seen.event_date.year(), number=seen.event_date.month())
    found = rows.agg(
        uses=seen.quantity.fill_null(1).sum().cast("float64"),
        first_on=seen.event_date.min(),
        last_on=seen.event_date.max(),
        w1=(day <= 7).any(),
        w2=((day > 7) & (day <= 14)).any(),
        w3=((day > 14) & (day <= 21)).any(),
        w4=(day > 21).any(),
    )
    frame = found.to_pyarrow().to_pandas()
    weeks = frame[["w1", "w2", "w3", "w4"]].sum(axis=1).astype("int64")
    months = pd.to_datetime({"year": frame["year"], "month": frame["number"], "day": 1})
    dates = {n: pd.to_datetime(frame[n]).astype("datetime64[s]") for n in ("first_on", "last_on")}
    frame = frame.assign(month=months.astype("datetime64[s]"), active_weeks=weeks, **dates)
    frame = frame.astype({"user_id": "string", "uses": "float64"})
    ordered: pd.DataFrame = frame.sort_values(["user_id", "month"], ignore_index=True)
    return ordered[list(MONTHLY_COLUMNS)]
