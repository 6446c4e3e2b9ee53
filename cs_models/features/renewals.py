"""What contracts brought in when they ended, and which contracts are still to end.

Grain: one row per subscription_id.  `history` holds ended terms with the money of the term that
followed; `book` holds the terms that run, and those whose end is past but not yet decided.  Both
see only what was known at ``as_of``.

One dated example: a term from 2024-01-01 to 2025-01-01 of 12,000 a year, followed by one from
2025-01-10 of 9,000, grace 30 days.  Its row can be learnt from on 2025-01-31 (``known_date``),
with ``arr_next`` 9,000 and ``ratio`` 0.75.  Had the customer cancelled on 2024-08-01, the row
would still enter on 2025-01-31: a term enters by its renewal date, whatever became of it, or
those who left would be counted before those who stayed.

Source: ``methods.md`` 1.1 (rows, late renewals, early cancels) and 4 (revenue forecast).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.errors import DataError, ParameterError
from cs_models.features import outcomes

HISTORY_COLUMNS: Final = (
    "subscription_id",
    "account_id",
    "parent_account_id",
    "segment",
    "term_months",
    "term_start",
    "term_end",
    "closed_date",
    "known_date",
    "notice_date",
    "outcome",
    "arr",
    "arr_next",
    "ratio",
    "next_id",
)
BOOK_COLUMNS: Final = (
    "subscription_id",
    "account_id",
    "parent_account_id",
    "account_name",
    "segment",
    "term_months",
    "term_start",
    "term_end",
    "arr",
    "in_notice",
    "decided",
    "overdue",
)
GONE: Final = (outcomes.CHURNED, outcomes.INVOLUNTARY)
# Notice by which a running term is told from one that already left or asked to: see `in_doubt`.
AHEAD_DAYS: Final = 90


def history(tables: Mapping[str, ir.Table], as_of: date, *, grace_days: int = 30) -> pd.DataFrame:
    """Tell what every ended term brought in at its renewal date.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: accounts, subscriptions.
    as_of : datetime.date
        The data date.
    grace_days : int, default 30
        Days after the renewal date in which a late paper still counts as a renewal.

    Returns
    -------
    pandas.DataFrame
        One row per subscription_id whose renewal date plus grace is not after ``as_of`` and whose
        outcome is known, ordered by (term_end, subscription_id).  ``closed_date``: the renewal
        date, or the early cancellation; ``known_date``: the renewal date plus grace;
        ``notice_date``: the day a cancellation was asked for, not after ``closed_date``; ``arr``,
        ``arr_next``: float, currency a year, the latter that of the account's next term: 0 when
        the customer left, missing when no next term is on record; ``ratio``: arr_next / arr,
        missing where either is missing or ``arr`` is 0; ``next_id``: that next term, None where
        none is on record.

    Raises
    ------
    ParameterError
        If ``grace_days`` is out of range.
    DataError
        If a required table is missing.

    Notes
    -----
    The next term is the one of the same account that begins in the second half of this term or up
    to ``grace_days`` after its end, the nearest to the end; of several as near, the one of most
    nearly the same amount.  Contracts that run side by side in one account should be added up at
    the door (``docs/data_contract.md``).
    Source: ``methods.md`` 1.1.
    """
    _check(tables, grace_days)
    rows = _dated(tables)
    known = _shifted(rows.term_end, grace_days)
    rows = rows.mutate(known_date=known, outcome=rows.outcome.fill_null(outcomes.PENDING))
    told = (rows.known_date <= ibis.literal(as_of)) & (rows.outcome != outcomes.PENDING)
    ended = rows.filter(told.fill_null(False))
    next_arr = _next_arr(ended, rows, grace_days, as_of)
    ended = ended.left_join(next_arr, "subscription_id").drop("subscription_id_right")
    ended = ended.mutate(
        arr_next=ended.outcome.isin(GONE).ifelse(0.0, ended.arr_next),
        notice_date=(ended.cancel_requested_at <= ended.closed_date).ifelse(
            ended.cancel_requested_at, ibis.null("date")
        ),
    )
    frame = ended.mutate(ratio=ended.arr_next / ended.arr.nullif(0.0)).select(*HISTORY_COLUMNS)
    dates = ("term_start", "term_end", "closed_date", "known_date", "notice_date")
    return _fetched(frame, dates, ("arr", "arr_next", "ratio"))


def book(tables: Mapping[str, ir.Table], as_of: date, *, grace_days: int = 30) -> pd.DataFrame:
    """List the contracts that bring in money at the data date.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: accounts, subscriptions.
    as_of : datetime.date
        The data date.
    grace_days : int, default 30
        Days in which a contract that ended without a decision still counts as running.

    Returns
    -------
    pandas.DataFrame
        One row per subscription_id, ordered by (term_end, subscription_id), contracts without an
        end last (``term_end`` missing): ``arr`` float; ``in_notice`` bool: a cancellation was
        asked for by ``as_of``; ``decided`` text: the outcome, where the records already hold it
        though the term runs, else missing; ``overdue`` bool: the renewal date is past, nothing is
        decided, and no later term has begun.

    Raises
    ------
    ParameterError
        If ``grace_days`` is out of range.
    DataError
        If a required table is missing.
    """
    _check(tables, grace_days)
    rows = _dated(tables)
    today = ibis.literal(as_of)
    pending = rows.outcome.isnull() | (rows.outcome == outcomes.PENDING)  # noqa: PD003
    cancelled = (rows.ended_at <= today).fill_null(False)
    past = (rows.term_end <= today).fill_null(False)
    recent = (_shifted(rows.term_end, grace_days) > today).fill_null(False)
    latest = rows.filter(rows.term_start <= today).group_by("account_id")
    rows = rows.left_join(latest.agg(last_start=rows.term_start.max()), "account_id")
    rows = rows.drop("account_id_right").mutate(
        overdue=past & pending & recent & ~cancelled,
        decided=pending.ifelse(ibis.null("string"), rows.outcome),
        in_notice=(rows.cancel_requested_at <= today).fill_null(False),
        alive=(rows.term_start <= today) & ~cancelled & ~past,
    )
    last = rows.term_start >= rows.last_start
    kept = rows.filter(rows.alive | (rows.overdue & last))
    return _fetched(kept.select(*BOOK_COLUMNS), ("term_start", "term_end"), ("arr",))


def in_doubt(rows: pd.DataFrame) -> pd.Series:
    """Tell which ended terms still ran, without notice, when a book would have listed them as due.

    Parameters
    ----------
    rows : pandas.DataFrame
        From :func:`history`.

    Returns
    -------
    pandas.Series of bool
        True where the term had neither ended nor been given notice of 90 days before its renewal
        date, or at its middle where it is shorter than 180 days.
    """
    length = (rows["term_end"] - rows["term_start"]).dt.days
    ahead = np.minimum(AHEAD_DAYS, length // 2)
    point = rows["term_end"] - pd.to_timedelta(ahead, unit="D")
    return ~((rows["closed_date"] <= point) | (rows["notice_date"] <= point))


def _check(tables: Mapping[str, ir.Table], grace_days: int) -> None:
    for name in ("accounts", "subscriptions"):
        if name not in tables:
            raise DataError(
                "a required table is missing", where=name, repair="map it under source.tables"
            )
    if not 0 <= grace_days <= 3650:
        raise ParameterError(
            "out of range", where="grace_days", got=str(grace_days), repair="0 to 3650 days"
        )


def _dated(tables: Mapping[str, ir.Table]) -> ir.Table:
    """Return every term with its account's attributes and the day it closed."""
    terms, accounts = tables["subscriptions"], tables["accounts"]
    parent = "parent_account_id"
    named = accounts.select(
        "account_id",
        "account_name",
        "segment",
        **{parent: accounts[parent] if parent in accounts.columns else ibis.null("string")},
    )
    rows = terms.left_join(named, "account_id").drop("account_id_right")
    return rows.mutate(
        arr=rows.arr.cast("float64"),
        # `least` of a date and null is null in some engines and the date in others.
        closed_date=ibis.least(rows.term_end, rows.ended_at.fill_null(rows.term_end)),
    )


def _next_arr(ended: ir.Table, rows: ir.Table, grace_days: int, as_of: date) -> ir.Table:
    """Return the ARR of the account's next term for each ended term that has one."""
    later = rows.select(
        "account_id",
        next_id=rows.subscription_id,
        next_start=rows.term_start,
        arr_next=rows.arr,
    ).filter(lambda t: t.next_start <= ibis.literal(as_of))
    own = ended.select("subscription_id", "account_id", "term_start", "closed_date", "arr")
    pairs = own.join(later, "account_id")
    served = pairs.closed_date.delta(pairs.term_start, unit="day")
    begun = pairs.next_start.delta(pairs.term_start, unit="day")
    after = pairs.next_start.delta(pairs.closed_date, unit="day")
    # A customer may run several contracts side by side: of those that begin as near, the one of
    # most nearly the same amount carries this one on.
    pairs = pairs.mutate(distance=after.abs(), change=(pairs.arr_next - pairs.arr).abs()).filter(
        (pairs.next_id != pairs.subscription_id)
        & (begun > 0)
        & (2 * begun >= served)
        & (after <= grace_days)
    )
    nearest = ibis.window(
        group_by=pairs.subscription_id,
        order_by=[pairs.distance, pairs.change, pairs.next_start, pairs.next_id],
    )
    ranked = pairs.mutate(place=ibis.row_number().over(nearest))
    return ranked.filter(ranked.place == 0).select("subscription_id", "arr_next", "next_id")


def _shifted(day: ir.DateValue, days: int) -> ir.DateValue:
    """Return the date so many days later; DuckDB makes a timestamp of it behind Ibis's back."""
    return (day + ibis.interval(days=days)).cast("timestamp").cast("date")


def _fetched(table: ir.Table, dates: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    frame: pd.DataFrame = table.execute()
    frame = frame.assign(
        **{name: pd.to_datetime(frame[name]).astype("datetime64[s]") for name in dates},
        **{name: frame[name].astype("float64") for name in numbers},
        term_months=frame["term_months"].astype("Int64"),
    )
    return frame.sort_values(["term_end", "subscription_id"], ignore_index=True)
