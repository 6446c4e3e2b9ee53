"""From which day the use of the product was recorded.

Grain: the events in, one date out.  Before that day no event means "not recorded", after it
"not used": a date too early turns ignorance into zeros.

Source: ``methods.md`` 1.1 (left truncation).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np

from cs_models.errors import DataError

WEEK_DAYS: Final = 7
LEAST_SHARE: Final = 0.05


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
    dated = events.filter(events.event_date.notnull())
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
