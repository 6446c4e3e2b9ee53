"""From what each concept tells to panel columns: zero, or not recorded.

Grain in: canonical tables and points (subscription_id, account_id, as_of_date D, term_start).
Grain out: one row per (subscription_id, as_of_date).

Nothing in the records of an account is zero where the records were kept over the whole window, and
missing where they were not, or where the account does not have the thing (no champion, no goals).
With tickets kept from 2024-02-01 on and D = 2024-03-01, ``escalated_tickets__last_28d`` is a number
and ``escalated_tickets__last_90d`` is missing.  What no account ever has gets no column.

Nothing here knows an outcome: the points carry none, and this module cannot import it.

Source: ``methods.md`` 1.1 (point in time), 1.4, 2.1 (missing is never zero).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.features.catalogue import Measure
from cs_models.features.relations import (
    benchmark,
    contacts,
    milestones,
    people,
    surveys,
    tickets,
    use,
)
from cs_models.features.relations.request import Column, Request, last
from cs_models.features.usage.columns import KEY

_TOLD: Final = (tickets, surveys, contacts, people, milestones, use, benchmark)


def measures(request: Request) -> list[Measure]:
    """Return the columns in order.

    Parameters
    ----------
    request : Request
        What is told.

    Returns
    -------
    list[Measure]
    """
    idle = [last("idle_seats_share", n) for n in request.last_days]
    return [*(column.measure for column in _columns(request)), *idle]


def expression(tables: Mapping[str, ir.Table], points: ir.Table, request: Request) -> ir.Table:
    """Tell the relationship of every point, as one expression that the source's engine runs.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables, as far as the request has anything of them.
    points : ibis.expr.types.Table
        subscription_id, account_id, as_of_date, term_start; nothing of the outcome.
    request : Request
        What to tell.

    Returns
    -------
    ibis.expr.types.Table
        One row a point: subscription_id, as_of_date and one number a column, null where the
        records hold nothing of the account.
    """
    order = [points.subscription_id, points.as_of_date]
    rows = points.select(
        *KEY, "account_id", "term_start", point=ibis.row_number().over(order_by=order).cast("int32")
    )
    told = rows.select("point", *KEY)
    for concept in _TOLD:
        names = [column.name for column in concept.columns(request)]
        if names:
            part = concept.expression(dict(tables), rows, request).select("point", *names)
            told = told.left_join(part, "point").drop("point_right")
    return told.drop("point")


def build(told: pd.DataFrame, used: pd.DataFrame, request: Request) -> pd.DataFrame:
    """Turn what was told into panel columns.

    Parameters
    ----------
    told : pandas.DataFrame
        Rows of :func:`expression`.
    used : pandas.DataFrame
        The usage columns of the same points, for the seats that lie idle.
    request : Request
        What was told.

    Returns
    -------
    pandas.DataFrame
        subscription_id, as_of_date and one column a measure: counts ``Int64``, scores, shares and
        ratios ``float64``.
    """
    keys = told[KEY].assign(as_of_date=pd.to_datetime(told["as_of_date"]).astype("datetime64[s]"))
    end = keys["as_of_date"].to_numpy(dtype="datetime64[D]")
    columns = {column.name: _column(column, told, end) for column in _columns(request)}
    frame = pd.concat([keys, pd.DataFrame(columns, index=keys.index)], axis=1)
    idle = pd.DataFrame(use.idle(used, request))
    return frame.merge(pd.concat([used[KEY], idle], axis=1), on=KEY, how="left", validate="1:1")


def _columns(request: Request) -> list[Column]:
    """Return the columns that the expression has."""
    return [column for concept in _TOLD for column in concept.columns(request)]


def _column(column: Column, told: pd.DataFrame, end: npt.NDArray[Any]) -> pd.Series:
    """Return one column, missing where it was not recorded."""
    values = told[column.name].to_numpy(dtype="float64", na_value=np.nan)
    if column.empty is not None:
        values = np.where(np.isnan(values), column.empty, values)
    missing = np.isnan(values)
    if column.first_day is not None:
        missing |= end - column.opens_days < np.datetime64(column.first_day, "D")
    if not column.whole:
        return pd.Series(np.where(missing, np.nan, values), index=told.index)
    whole = np.where(missing, 0, values).astype("int64")
    return pd.Series(pd.arrays.IntegerArray(whole, missing), index=told.index)
