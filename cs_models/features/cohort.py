"""Which contract terms can be learnt from, and at which date each is looked at.

Grain: one row per subscription_id.  A term has one decision date D, either ``days`` before
its renewal date (``before_renewal``: for prediction) or ``days`` after its start
(``after_start``: the landmark at which adoption is judged).  A run has one kind, never both.

One dated example, carried through: a term from 2024-01-01 to 2025-01-01, as_of 2025-03-31.
``before_renewal``, 90 days: D = 2024-10-03; what happened on 2024-10-02 may count, what
happened on 2024-10-03 may not.  ``after_start``, 60 days: D = 2024-03-01.  Its renewal date
plus 30 days of grace is 2025-01-31, before as_of: the term is evaluable.  Had the customer
cancelled on 2024-02-10, the term would be left out of the second cohort, counted under "left
before the landmark", and kept in neither for its outcome being known early: a term enters by
its renewal date, whatever its outcome.  A term without a renewal date can never enter, churned
or not: it is counted under "no renewal date", and runs until somebody ends it.

Source: ``methods.md`` 1.1 and 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.errors import DataError, ParameterError
from cs_models.features import outcomes, recording

Decision = Literal["before_renewal", "after_start"]

NO_RENEWAL_DATE: Final = "no renewal date"
NOT_DUE: Final = "renewal date and grace not yet past"
UNDECIDED: Final = "outcome pending"
TOO_SHORT: Final = "term shorter than the days before renewal"
BEYOND_HALF: Final = "landmark beyond half of the term"
BEFORE_DATA: Final = "usage not recorded yet"
LEFT: Final = "left before the landmark"
DECIDED: Final = "decided before the landmark"
NOT_RUNNING: Final = "not running at the data date"

POINT_COLUMNS: Final = ("subscription_id", "account_id", "as_of_date", "term_start", "seats")
_ACCOUNT_COLUMNS: Final = (
    "account_name",
    "segment",
    "region",
    "industry",
    "acquisition_channel",
    "csm_id",
)
_TERM_COLUMNS: Final = (
    "subscription_id",
    "account_id",
    "as_of_date",
    "term_start",
    "term_end",
    "term_no",
    "term_months",
    "seats",
    "arr",
    "segment",
    "region",
    "industry",
    "plan",
    "acquisition_channel",
    "account_name",
    "csm_id",
    "no_usage_ever",
    "previous_outcome",
    "won_back",
    "outcome",
    "churned",
    "involuntary",
)
RUNNING_COLUMNS: Final = (*_TERM_COLUMNS, "reached_landmark", "in_notice", "decided")


@dataclass(frozen=True)
class Cohort:
    """The terms of one analysis, each with its decision date, and what was left out.

    Attributes
    ----------
    terms : ibis.expr.types.Table
        One row per subscription_id: ids, ``as_of_date`` (the decision date), the term, the
        account's attributes, ``no_usage_ever`` (no event up to the data date: telemetry may
        never have been on; a flag to read, not a feature), ``previous_outcome`` and
        ``won_back`` as known at the decision date, and the outcome: ``churned`` int8
        (null when involuntary or not decided), ``involuntary``.
        ``running`` adds ``reached_landmark``, ``in_notice`` and ``decided``.
    points : ibis.expr.types.Table
        The same rows with nothing of the outcome: subscription_id, account_id, as_of_date,
        term_start, seats.  All that a feature may see.
    exclusions : pandas.DataFrame
        One row a reason: reason, n_terms, n_accounts, n_churned, churn_rate (0 to 1).
        A term stands under the first reason that holds.
    decision, days, as_of, grace_days, data_start
        How the cohort was made; ``data_start`` is the first day of recorded usage.
    n_stray_events : int, default 0
        Events dated before ``data_start`` where that day was told from the events
        (``recording.first_day``); 0 where it was given.
    """

    terms: ir.Table
    points: ir.Table
    exclusions: pd.DataFrame
    decision: Decision
    days: int
    as_of: date
    grace_days: int
    data_start: date
    n_stray_events: int = 0

    @cached_property
    def told(self) -> str:
        """What decides its rows, given the tables: the queries of both, and the dates."""
        queries = [ibis.to_sql(rows, dialect="duckdb") for rows in (self.terms, self.points)]
        return "\n".join([*queries, str(self.as_of), str(self.data_start)])


def terms(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    decision: Decision = "before_renewal",
    days: int = 90,
    grace_days: int = 30,
    data_start: date | None = None,
) -> Cohort:
    """Choose the terms whose outcome can be learnt from.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: accounts, subscriptions, events.
    as_of : datetime.date
        The data date.
    decision : {"before_renewal", "after_start"}, default "before_renewal"
        Which kind of decision date.
    days : int, default 90
        Days before the renewal date, or after the start.
    grace_days : int, default 30
        Days after the renewal date in which a late paper still counts as a renewal.
    data_start : datetime.date, optional
        First day of recorded usage; told from the events by ``recording.first_day`` when not
        given.

    Returns
    -------
    Cohort
        Evaluable terms: renewal date plus grace not after ``as_of`` and outcome not pending,
        active and not in notice at the decision date, the decision date observed.

    Raises
    ------
    ParameterError
        If ``days`` or ``grace_days`` is out of range or ``decision`` unknown.
    DataError
        If a required table is missing, or there is no event to date the start of usage by.

    Notes
    -----
    Source: ``methods.md`` 1.1 and 1.2.
    """
    _check(tables, decision, days, grace_days)
    start, n_stray = _recorded_since(tables["events"], data_start)
    rows = _known_before(_dated(tables, decision, days))
    due = rows.term_end.delta(ibis.literal(as_of), unit="day") + grace_days <= 0
    reasons = [
        (rows.term_end.isnull(), NO_RENEWAL_DATE),  # noqa: PD003 - Ibis knows no other
        (~due.fill_null(False), NOT_DUE),
        (rows.outcome == outcomes.PENDING, UNDECIDED),
        *_unfit(rows, decision, days, start),
        (_past(rows.ended_at, rows) | _past(rows.cancel_requested_at, rows), LEFT),
        (_past(rows.decided_at, rows), DECIDED),
    ]
    kept, exclusions = _split(rows, reasons)
    described = _describe(tables, kept).select(*_TERM_COLUMNS)
    points = kept.select(*POINT_COLUMNS)
    return Cohort(described, points, exclusions, decision, days, as_of, grace_days, start, n_stray)


def running(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    decision: Decision = "after_start",
    days: int = 60,
    data_start: date | None = None,
) -> Cohort:
    """Choose the terms that run at the data date: today's customers.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    as_of : datetime.date
        The data date.
    decision : {"before_renewal", "after_start"}, default "after_start"
        ``after_start``: each is seen at min(term_start + days, as_of), so that a term beyond
        the landmark is seen exactly as the terms learnt from were.  ``before_renewal``: at
        ``as_of``.
    days : int, default 60
        Days after the start.
    data_start : datetime.date, optional
        First day of recorded usage; told from the events by ``recording.first_day`` when not
        given.

    Returns
    -------
    Cohort
        Outcome columns null.  ``terms`` has three more columns: ``reached_landmark`` (the
        landmark lies at or before ``as_of``), ``in_notice`` (a cancellation was asked for
        by ``as_of``) and ``decided`` (what becomes of it was on record by ``as_of``).
        ``exclusions`` has no churn.

    Raises
    ------
    ParameterError
        If ``days`` is out of range or ``decision`` unknown.
    DataError
        If a required table is missing, or there is no event.
    """
    _check(tables, decision, days, 0)
    start, n_stray = _recorded_since(tables["events"], data_start)
    rows = _dated(tables, decision, days)
    today = ibis.literal(as_of)
    # A term without a renewal date is over only once somebody ended it.
    ended = (rows.ended_at <= today).fill_null(False) | (rows.term_end <= today).fill_null(False)
    alive = (rows.term_start <= today) & ~ended
    date_seen = ibis.least(rows.as_of_date, today) if decision == "after_start" else today
    rows = rows.mutate(
        reached_landmark=(rows.as_of_date <= today)
        if decision == "after_start"
        else ibis.literal(True),
        in_notice=(rows.cancel_requested_at <= today).fill_null(False),
        decided=(rows.decided_at <= today).fill_null(False),
        as_of_date=date_seen,
        running=alive,
        outcome=ibis.null("string"),
        churned=ibis.null("int8"),
        involuntary=ibis.null("boolean"),
    )
    rows = _known_before(rows)
    unfit = _unfit(rows, decision, days, start) if decision == "after_start" else []
    kept, exclusions = _split(rows, [(~rows.running, NOT_RUNNING), *unfit])
    described = _describe(tables, kept).select(*RUNNING_COLUMNS)
    points = kept.select(*POINT_COLUMNS)
    return Cohort(described, points, exclusions, decision, days, as_of, 0, start, n_stray)


def _check(tables: Mapping[str, ir.Table], decision: Decision, days: int, grace_days: int) -> None:
    """Refuse what cannot be a cohort."""
    for name in ("accounts", "subscriptions", "events"):
        if name not in tables:
            raise DataError(
                "a required table is missing", where=name, repair="map it under source.tables"
            )
    if decision not in ("before_renewal", "after_start"):
        raise ParameterError(
            "unknown kind of decision date",
            where="decision",
            got=repr(decision),
            repair="before_renewal or after_start",
        )
    for where, value, least in (("days", days, 1), ("grace_days", grace_days, 0)):
        if not least <= value <= 3650:
            raise ParameterError(
                "out of range", where=where, got=str(value), repair=f"{least} to 3650 days"
            )


def _recorded_since(events: ir.Table, given: date | None) -> tuple[date, int]:
    """Return the first day of recorded usage and the events before it, if told from them."""
    return (given, 0) if given is not None else recording.first_day(events)


def _dated(tables: Mapping[str, ir.Table], decision: Decision, days: int) -> ir.Table:
    """Return every term with its outcome and decision date."""
    rows = outcomes.attach(tables["subscriptions"])
    step = ibis.interval(days=days)
    point = rows.term_start + step if decision == "after_start" else rows.term_end - step
    # DuckDB turns date ± interval into a timestamp behind Ibis's back; the round trip undoes it.
    return rows.mutate(
        as_of_date=point.cast("timestamp").cast("date"),
        length_days=rows.term_end.delta(rows.term_start, unit="day"),
    )


def _describe(tables: Mapping[str, ir.Table], kept: ir.Table) -> ir.Table:
    """Add the account's attributes and whether it was ever seen to use the product."""
    accounts = tables["accounts"].select("account_id", *_ACCOUNT_COLUMNS, account_plan="plan")
    seen = tables["events"].select("account_id").distinct().mutate(has_usage=True)
    rows = kept.left_join(accounts, "account_id").drop("account_id_right")
    rows = rows.left_join(seen, "account_id").drop("account_id_right")
    return rows.mutate(
        plan=rows.plan.fill_null(rows.account_plan), no_usage_ever=~rows.has_usage.fill_null(False)
    )


def _known_before(rows: ir.Table) -> ir.Table:
    """Blank what the previous term became later than the decision date."""
    known = rows.previous_end <= rows.as_of_date
    return rows.mutate(
        previous_outcome=known.ifelse(rows.previous_outcome, ibis.null("string")),
        won_back=(rows.won_back & known).fill_null(False),
    )


def _unfit(
    rows: ir.Table, decision: Decision, days: int, start: date
) -> list[tuple[ir.BooleanValue, str]]:
    """Return the conditions under which a term's decision date cannot be used."""
    first = ibis.literal(start)
    if decision == "after_start":
        return [
            (rows.length_days < 2 * days, BEYOND_HALF),
            (rows.term_start < first, BEFORE_DATA),
        ]
    return [(rows.length_days < days, TOO_SHORT), (rows.as_of_date <= first, BEFORE_DATA)]


def _past(when: ir.DateValue, rows: ir.Table) -> ir.BooleanValue:
    """Return whether a date lies at or before the decision date."""
    return (when <= rows.as_of_date).fill_null(False)


def _split(
    rows: ir.Table, reasons: list[tuple[ir.BooleanValue, str]]
) -> tuple[ir.Table, pd.DataFrame]:
    """Part the rows into those kept and a count of each reason for leaving out."""
    judged = rows.mutate(reason=ibis.cases(*reasons, else_=""))
    left_out = judged.filter(judged.reason != "")
    counts = (
        left_out.group_by("reason")
        .agg(
            n_terms=left_out.count(),
            n_accounts=left_out.account_id.nunique(),
            n_churned=left_out.churned.sum().fill_null(0).cast("int64"),
            n_judged=left_out.churned.count(),
        )
        .execute()
    )
    order = {reason: place for place, (_, reason) in enumerate(reasons)}
    counts = counts.sort_values("reason", key=lambda names: names.map(order), ignore_index=True)
    judged_terms = counts.pop("n_judged").astype("float64")
    counts["churn_rate"] = counts["n_churned"] / judged_terms.where(judged_terms > 0)
    return judged.filter(judged.reason == ""), counts
