"""Which contracts are adopted, by the definition in force.

Grain out: one row per subscription_id, judged on one day: the longest window from the start of the
term that the definition names, so many days after the start; where it names none, after 60 days.

Source: ``customer_success.md`` M1; ``features/adoption.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.features import adoption, catalogue, panel, recipe
from cs_models.features.adoption import Definition
from cs_models.features.cohort import POINT_COLUMNS, Cohort
from cs_models.features.measures import who
from cs_models.features.measures.facts import Facts

LANDMARK_DAYS: Final = 60


def judged_after(definition: Definition) -> int:
    """Return how many days after the start of a term a definition is judged."""
    return max(adoption.request(definition)["first_days"], default=LANDMARK_DAYS)


def adopted(tables: Mapping[str, ir.Table], facts: Facts, definition: Definition) -> pd.DataFrame:
    """Judge every contract that began within the recorded time and was there on its day.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    facts : Facts
    definition : Definition
        What adopted means; over panel columns.

    Returns
    -------
    DataFrame, one row per subscription_id
        subscription_id, account_id, segment, plan, cohort_month (of the contract's start), running
        (bool: on the date), adopted (nullable boolean; missing where it cannot be told).
        Contracts that ended before the day of judgement, or whose day has not come, are left out.
    """
    days = judged_after(definition)
    cohort = _cohort(tables, facts, days)
    frame = _panel(tables, cohort, definition)
    frame = frame.assign(adopted=adoption.met(definition, frame))
    alive = facts.terms.loc[facts.terms["end"] > facts.today, "subscription_id"]
    about = facts.accounts[["account_id", "segment"]]
    rows = frame[["subscription_id", "account_id", "plan", "term_start", "adopted"]].merge(
        about, on="account_id"
    )
    rows = rows.assign(
        plan=rows["plan"].fillna(who.NOT_KNOWN).astype(str),
        cohort_month=who.month_of(rows["term_start"]),
        running=rows["subscription_id"].isin(alive),
    )
    columns = ["subscription_id", "account_id", "segment", "plan", "cohort_month", "running"]
    return rows[[*columns, "adopted"]].sort_values("subscription_id", ignore_index=True)


def too_short(tables: Mapping[str, ir.Table], facts: Facts, definition: Definition) -> pd.DataFrame:
    """Return the contracts that were over by the day on which they would have been judged.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: subscriptions.
    facts : Facts
    definition : Definition

    Returns
    -------
    DataFrame, one row per segment
        segment, n_by_term (contracts that run for no longer, by their own terms), n_early (that
        would have run longer and were ended); of those that began within the recorded time and
        whose day has come.  :func:`adopted` leaves them out.
    """
    terms = facts.terms
    day = terms["start"] + pd.Timedelta(days=judged_after(definition))
    out = terms[
        (terms["start"] >= pd.Timestamp(facts.data_start))
        & (day <= pd.Timestamp(facts.on)) & (terms["end"] <= day)
    ]  # fmt: skip
    planned = tables["subscriptions"].select("subscription_id", "term_end").execute()
    named = out.merge(facts.accounts[["account_id", "segment"]], on="account_id").merge(
        planned, on="subscription_id"
    )
    until = pd.to_datetime(named["term_end"]).astype("datetime64[s]")
    by_term = until <= named["start"] + pd.Timedelta(days=judged_after(definition))
    told = named.assign(n_by_term=by_term.astype("int64"), n_early=(~by_term).astype("int64"))
    return told.groupby("segment")[["n_by_term", "n_early"]].sum().reset_index()


def _panel(tables: Mapping[str, ir.Table], cohort: Cohort, definition: Definition) -> pd.DataFrame:
    """Build the panel of the definition's columns, a brief one where it can be."""
    asked = adoption.request(definition)
    found = [catalogue.parse(name) for name in adoption.columns(definition)]
    of_features = all(m is None or m.feature is not None for m in found)
    if of_features and asked["features"] and not asked["windows_days"] and asked["first_days"]:
        shared = recipe.brief(tables["events"], cohort.data_start, asked["features"])
        return panel.make(tables, cohort, replace(shared, first_days=asked["first_days"]))
    return panel.build(tables, cohort, relations=_told(definition), **asked)


def _told(definition: Definition) -> bool:
    """Return whether a condition is on the relationship (tickets, surveys), not on use."""
    found = [catalogue.parse(name) for name in adoption.columns(definition)]
    return any(one is not None and one.measure in catalogue.RELATIONS for one in found)


def _cohort(tables: Mapping[str, ir.Table], facts: Facts, days: int) -> Cohort:
    """Return the contracts that were there so many days after their start, looked at then."""
    terms = tables["subscriptions"]
    point = (terms.term_start + ibis.interval(days=days)).cast("timestamp").cast("date")
    rows = terms.mutate(as_of_date=point)
    early = (rows.ended_at <= rows.as_of_date).fill_null(False)
    rows = rows.filter(
        rows.term_start >= ibis.literal(facts.data_start),
        rows.as_of_date <= ibis.literal(facts.on),
        (rows.term_end > rows.as_of_date).fill_null(True),
        ~early,
    )
    accounts = tables["accounts"].select("account_id", "segment", account_plan="plan")
    described = rows.left_join(accounts, "account_id").drop("account_id_right")
    described = described.mutate(plan=described.plan.fill_null(described.account_plan))
    kept = described.select(*POINT_COLUMNS, "term_end", "term_no", "segment", "plan", "arr")
    return Cohort(
        kept, rows.select(*POINT_COLUMNS), pd.DataFrame(), "after_start", days, facts.on, 0,
        facts.data_start,
    )  # fmt: skip
