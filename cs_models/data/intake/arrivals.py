"""When a row happened and when it became known, as calendar dates.

The derived columns make every point-in-time rule plain date arithmetic.  Worked example: an event
at 2024-03-01 23:30 UTC, reporting zone America/New_York, no ``known_at``, lag 1 day: it happened
on ``event_date`` 2024-03-01 and is known from ``known_date`` 2024-03-02.  A row may enter a
feature at decision date D when ``event_date < D`` and ``known_date <= D``.
"""

from __future__ import annotations

import math

import ibis
import ibis.expr.types as ir

from cs_models.data.contract import TableSpec
from cs_models.data.intake import clock
from cs_models.data.intake.moments import Setting

LAG_QUANTILE = 0.99


def dated(spec: TableSpec, rows: ir.Table, setting: Setting, lag_days: int | None) -> ir.Table:
    """Add the calendar date of each instant, and ``known_date``.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    rows : ibis Table
        Checked rows, canonical columns.
    setting : Setting
        The reporting time zone and the last day.
    lag_days : int or None
        Days after which a row is known when it does not say so itself.

    Returns
    -------
    ibis Table
        The rows with ``spec.calendar``'s columns and, when the table has a lag, ``known_date``.
    """
    dates: dict[str, ir.Value] = {
        name: clock.local_date(rows[instant], setting.timezone, setting.as_of)
        for instant, name in spec.calendar.items()
    }
    if spec.name == "milestones":
        return rows.mutate(known_date=_plus(rows.completed_at, 1))
    dated_rows = rows.mutate(**dates) if dates else rows
    if lag_days is None or spec.arrival is None:
        return dated_rows
    happened = dated_rows[spec.calendar[spec.arrival]]
    known = _plus(happened, lag_days)
    if spec.name == "events":
        known = ibis.coalesce(_plus(_known_on(rows, setting), 1), known)
    return dated_rows.mutate(known_date=known)


def usual_lag(spec: TableSpec, rows: ir.Table, setting: Setting) -> int | None:
    """Return the days after which nearly every row of this table is known.

    The 99th percentile of the lags that the source tells, at least 1; the contract's own number
    when it tells none.

    Parameters
    ----------
    spec : TableSpec
        The contract of the table.
    rows : ibis Table
        Checked rows, canonical columns.
    setting : Setting
        The reporting time zone and the last day.
    """
    told = rows.filter(rows.known_at.notnull())
    happened = clock.local_date(told.event_ts, setting.timezone, setting.as_of)
    lag = _known_on(told, setting).delta(happened, unit="day")
    counts = (
        told.group_by(lag=lag).aggregate(n=told.count()).order_by("lag").to_pyarrow().to_pylist()
    )
    total = sum(row["n"] for row in counts)
    seen = 0
    for row in counts:
        seen += row["n"]
        if seen >= math.ceil(LAG_QUANTILE * total):
            return max(1, int(row["lag"]))
    return spec.lag_days


def _known_on(rows: ir.Table, setting: Setting) -> ir.DateValue:
    # A record cannot be known before what it records: clocks of two machines differ.
    known = ibis.ifelse(
        rows.known_at.notnull(), ibis.greatest(rows.known_at, rows.event_ts), ibis.null("timestamp")
    )
    return clock.local_date(known, setting.timezone, setting.as_of)


def _plus(day: ir.DateValue, days: int) -> ir.DateValue:
    # DuckDB answers date + interval with a timestamp.
    return (day + ibis.interval(days=days)).cast("timestamp").cast("date")
