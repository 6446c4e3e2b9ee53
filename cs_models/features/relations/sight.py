"""What a decision date D may see: the one place in which the relationship's dates are compared.

A row enters a point iff it is of the point's account, happened before D and was known on D at the
latest (``happened < D`` and ``known_date <= D``).  What a row came to say later (closed, left,
completed) counts iff it happened before D: a ticket closed on D is open on D.

Source: ``methods.md`` 1.1 (point-in-time rule).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def visible(happened: ir.DateValue, known: ir.DateValue, as_of: ir.DateValue) -> ir.BooleanValue:
    """Return whether a row that happened and became known on these days may be seen.

    Parameters
    ----------
    happened, known, as_of : ibis date expressions
        Day of the row, first day on which the records held it, decision date.

    Returns
    -------
    ibis boolean expression
    """
    return (happened < as_of) & (known <= as_of)


def past(day: ir.DateValue, as_of: ir.DateValue) -> ir.BooleanValue:
    """Return whether something had happened by a decision date; a missing day has not come.

    Parameters
    ----------
    day, as_of : ibis date expressions
        When it happened, and the decision date.

    Returns
    -------
    ibis boolean expression
        Never null.
    """
    return (day < as_of).fill_null(False)


def seen(
    rows: ir.Table,
    points: ir.Table,
    happened: str,
    *columns: str,
    reach: int | None = None,
    or_dated: str = "",
) -> ir.Table:
    """Pair every point with the rows of its account that it may see.

    Parameters
    ----------
    rows : ibis.expr.types.Table
        Canonical table with account_id, ``happened`` and known_date.
    points : ibis.expr.types.Table
        point, account_id, as_of_date, term_start.
    happened : str
        Column with the day of the row.
    *columns : str
        Columns to keep.
    reach : int, optional
        Only rows of so many days before the decision date,
    or_dated : str, default ""
        or with something in this one of the columns.

    Returns
    -------
    ibis.expr.types.Table
        One row a pair: point, as_of_date, term_start, the asked-for columns, and ``ago`` (days
        from the row to the decision date).
    """
    own = rows.select(*columns, happened=happened, known="known_date", of_account="account_id")
    rule = [
        own.of_account == points.account_id,
        visible(own.happened, own.known, points.as_of_date),
    ]
    if reach is not None:
        inside = own.happened >= days_before(points.as_of_date, reach)
        rule.append(inside | own[or_dated].notnull() if or_dated else inside)
    pairs = own.join(points, rule)
    return pairs.select(
        "point",
        "as_of_date",
        "term_start",
        *columns,
        ago=pairs.as_of_date.delta(pairs.happened, unit="day").cast("int64"),
    )


def days_before(day: ir.DateValue, days: int) -> ir.DateValue:
    """Return the date so many days earlier.

    Parameters
    ----------
    day : ibis date expression
    days : int

    Returns
    -------
    ibis date expression
    """
    # DuckDB answers date - interval with a timestamp.
    return (day - ibis.interval(days=days)).cast("timestamp").cast("date")
