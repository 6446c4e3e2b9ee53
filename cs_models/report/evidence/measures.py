"""The frames behind the measures of adoption: how many, what, how soon, how often.

Grain in: facts as of a date.  Grain out: one frame a question, one row per group; nothing in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd

from cs_models.features.adoption import Definition
from cs_models.features.measures import adopted as judged
from cs_models.features.measures import durations, monthly, people, seats
from cs_models.features.measures.facts import Facts
from cs_models.learn import measures
from cs_models.learn.measures import Waits
from cs_models.report.evidence import measure_groups
from cs_models.report.evidence.rules import records

PAST_MONTHS: Final = 24
NO_USERS: Final = "the source has no users table, so nobody's role and no unused login is known"
NO_NAMES: Final = "the events name no user, so users cannot be counted"
NO_STEPS: Final = "the source has no onboarding milestones, so nothing says when it was finished"
NO_VALUE: Final = "neither goals nor a value feature say what value is"
NO_MONTH: Final = "no calendar month is recorded from end to end"
_WAITED: Final = ("M4", "M5")  # told below with all that belongs to a wait
NO_SEATS: Final = "no contract says how many seats were bought"


@dataclass(frozen=True)
class Told:
    """All that the page shows of M1 to M8.

    Attributes
    ----------
    period : str
        Last complete calendar month ("2026-05"); "" where there is none.
    definition : Definition or None
        What adopted means.
    why : dict of str to str
        By measure ("M1", …): why it cannot be answered.
    adopted, adopted_by : DataFrame
        Share of contracts adopted, by month of their start and by segment and plan.
    too_short : DataFrame
        Contracts over by the day on which they would have been judged: segment, n_by_term,
        n_early.
    adoption, groups : DataFrame
        Active users per entitled by month; the last month (twelve-week measures: the date) by
        group: id, name, by, group, value, low, high, unit, n, n_accounts, period.
    features : DataFrame
        One row per feature of the last month: depth (value, low, high: share of active users) and
        adoption (adoption, adoption_low, adoption_high: per entitled).
    first_use, first_use_users, value, onboard : Waits, DataFrame, Waits, Waits
    value_by, onboard_by, steps : DataFrame
        Waits by segment; per step: on time, and its wait.
    value_halves : Waits
        Days to value by the half-year ("2024 H1") in which the customer began.
    roles, stickiness : DataFrame
        Frequency and rhythm by role; users of a day and week per user of the four weeks.
    accounts, utilisation, levels : DataFrame
        Seats by account; accounts by band of utilisation; users by level of engagement and role.
    areas : DataFrame
        Share of accounts that never touched a feature.
    """

    period: str
    definition: Definition | None
    why: dict[str, str]
    adopted: pd.DataFrame
    adopted_by: pd.DataFrame
    too_short: pd.DataFrame
    adoption: pd.DataFrame
    groups: pd.DataFrame
    features: pd.DataFrame
    first_use: Waits
    first_use_users: pd.DataFrame
    value: Waits
    value_by: pd.DataFrame
    value_halves: Waits
    onboard: Waits
    onboard_by: pd.DataFrame
    onboard_timely: pd.DataFrame
    steps: pd.DataFrame
    roles: pd.DataFrame
    stickiness: pd.DataFrame
    accounts: pd.DataFrame
    utilisation: pd.DataFrame
    levels: pd.DataFrame
    areas: pd.DataFrame


def tell(
    tables: Mapping[str, ir.Table],
    facts: Facts,
    history: pd.DataFrame,
    *,
    definition: Definition | None = None,
    why: str = "",
    value_features: Sequence[str] = (),
    value_count: int = 1,
) -> Told:
    """Work out the measures M1 to M8 as of the date of the facts.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    facts : Facts
        ``features.measures.facts.read``.
    history : DataFrame
        ``renewals.history`` as of the same date.
    definition : Definition, optional
        What adopted means, and ``why`` there is none.
    value_features : sequence of str, default ()
        Features whose use is value, ``value_count`` times.
    value_count : int, default 1

    Returns
    -------
    Told
    """
    months = monthly.monthly(facts)
    users = people.recent(facts)
    bought = seats.seats(facts, users)
    rhythm = measures.by_role(people.rhythm(facts, history))
    users = users.assign(level=measures.levels(users, rhythm))
    terms = _adopted(tables, facts, definition)
    onboard, steps = durations.to_onboard(tables, facts), durations.steps(tables, facts)
    value = durations.to_value(tables, facts, features=value_features, count=value_count)
    period = str(months.rows["month"].max()) if len(months.rows) else ""
    return Told(
        period=period,
        definition=definition,
        why=_unanswered(facts, period, definition, why, bought, steps, value),
        adopted=measures.adopted(terms, by=["cohort_month"]),
        adopted_by=measure_groups.stacked(terms, lambda rows, by: measures.adopted(rows, by=by)),
        too_short=judged.too_short(tables, facts, definition) if definition else _nobody(),
        adoption=_latest(measures.adoption(months)),
        groups=measure_groups.tell(months, period, users, bought, (value, onboard), str(facts.on)),
        features=_features(measure_groups.of(months, period)),
        first_use=measures.waits(durations.to_first_use(facts), by=["feature"]),
        first_use_users=measures.users_first_use(durations.users_to_first_use(facts)),
        value=measures.waits(value, by=["way"]),
        value_by=measures.waits(value, by=["way", "segment"]).table,
        value_halves=measures.waits(measure_groups.half_year(value), by=["way", "half_year"]),
        onboard=measures.waits(onboard),
        onboard_by=measures.waits(onboard, by=["segment"]).table,
        onboard_timely=measure_groups.stacked(
            onboard, lambda rows, by: measures.timely(rows, by=by)
        ),
        steps=_steps(steps),
        roles=_roles(users, rhythm),
        stickiness=measures.stickiness(users),
        accounts=bought,
        utilisation=measures.utilisation(bought),
        levels=_levels(users),
        areas=measures.areas(seats.areas(facts)),
    )


def listed(told: Told) -> list[dict[str, Any]]:
    """Return the measures for ``results.json``: one dict a measure and group.

    Parameters
    ----------
    told : Told

    Returns
    -------
    list of dict
        id, name, group, value, low, high, unit, n, n_accounts, period.
    """
    names = ["id", "name", "group", "value", "low", "high", "unit", "n", "n_accounts", "period"]
    groups = told.groups[told.groups["by"] != "cohort_month"]
    each = groups["name"].str.startswith(measure_groups.EACH)
    rows = records(groups[~each & ~groups["id"].isin(_WAITED)][names])
    rows += [
        _row("M2", "users of the feature per active user", r["feature"], r, "share", told.period)
        for r in records(told.features)
    ]
    rows += [
        _wait("M3", "days to first use", r["feature"], r) for r in records(told.first_use.table)
    ]
    rows += [_wait("M4", "days to value", r["way"], r) for r in records(told.value.table)]
    rows += [_wait("M5", "days to onboard", "all", r) for r in records(told.onboard.table)]
    rows += [
        _row("M5", "onboarded by the due date", r["group"], r, "share", "")
        for r in records(told.onboard_timely)
        if r["by"] in ("all", "segment")
    ]
    rows += [
        _row("M8", "accounts that never touched it", r["feature"], r, "share", "")
        for r in records(told.areas)
    ]
    if len(told.adopted_by):
        rows += [
            _row("M1", "contracts adopted, by the definition", r["group"], r, "share", "")
            for r in records(told.adopted_by)
            if r["by"] in ("all", "segment", "plan")
        ]
    return rows


def _row(
    name: str, words: str, group: object, row: Mapping[str, Any], unit: str, period: str
) -> dict[str, Any]:
    kept = {key: row[key] for key in ("value", "low", "high", "n", "n_accounts")}
    return {"id": name, "name": words, "group": group, "unit": unit, "period": period} | kept


def _wait(name: str, words: str, group: object, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": name, "name": words, "group": group, "unit": "days", "period": "",
        "value": row["median"], "low": row["median_low"], "high": row["median_high"],
        "n": row["n"], "n_accounts": row["n_accounts"],
    }  # fmt: skip


def _unanswered(
    facts: Facts, period: str, definition: Definition | None, why: str, bought: pd.DataFrame,
    steps: pd.DataFrame, value: pd.DataFrame,
) -> dict[str, str]:  # fmt: skip
    """Say of each measure why it cannot be answered, where it cannot."""
    found: dict[str, str] = {}
    if definition is None:
        found["adopted"] = why or "no definition of adoption is in force"
    if not facts.users_named:
        found |= dict.fromkeys(("M1", "M2", "M6", "M7"), NO_NAMES)
    elif not period:
        found |= dict.fromkeys(("M1", "M2"), NO_MONTH)
    if facts.users is None:
        found["roles"] = NO_USERS
    if value.empty:
        found["M4"] = NO_VALUE
    if steps.empty:
        found["M5"] = NO_STEPS
    if "M7" not in found and not bought["seats_known"].any():
        found["M7"] = NO_SEATS
    return found


def _adopted(
    tables: Mapping[str, ir.Table], facts: Facts, definition: Definition | None
) -> pd.DataFrame:
    if definition is None:
        return pd.DataFrame(
            columns=["account_id", "segment", "plan", "cohort_month", "running", "adopted"]
        )
    return judged.adopted(tables, facts, definition)


def _nobody() -> pd.DataFrame:
    return pd.DataFrame(columns=["segment", "n_by_term", "n_early"])


def _latest(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("month", ignore_index=True).iloc[-PAST_MONTHS:]


def _features(last: monthly.Monthly) -> pd.DataFrame:
    """Return the features of the last month, those most taken up first."""
    share = measures.feature_depth(last, by=[])
    rate = measures.feature_adoption(last, by=[])[["feature", "value", "low", "high", "n"]]
    rate.columns = pd.Index(["feature", "adoption", "adoption_low", "adoption_high", "entitled"])
    return share.merge(rate, on="feature").sort_values(
        ["value", "feature"], ascending=[False, True], ignore_index=True
    )


def _steps(steps: pd.DataFrame) -> pd.DataFrame:
    """Return one row per onboarding step in the order in which they fall due."""
    if steps.empty:
        return pd.DataFrame(columns=["milestone", "value", "low", "high", "n", "median"])
    place = steps.groupby("account_id")["due"].rank()
    usual = place.groupby(steps["milestone"]).mean()
    timely = measures.timely(steps, by=["milestone"]).drop(columns="n_accounts")
    waits = measures.waits(steps, by=["milestone"]).table.rename(columns={"n": "n_began"})
    told = waits.merge(timely, on="milestone", how="left")
    late = steps[steps["days_late"] > 0].groupby("milestone")["days_late"].median()
    told["days_late"] = told["milestone"].map(late)
    told["order"] = told["milestone"].map(usual)
    return told.sort_values("order", ignore_index=True)


def _roles(users: pd.DataFrame, rhythm: pd.DataFrame) -> pd.DataFrame:
    """Return how often each role comes, beside its own rhythm, and how many stand below it."""
    found = measures.frequency(users, by=["role"])
    held = users[users["active_weeks"] > 0].assign(one=1.0)
    low = (held["level"] == measures.BELOW).astype("float64").where(held["level"].notna())
    held = held.assign(below=low)
    # All roles are looked at, so each interval is wider: together they err once in twenty.
    level = 1 - 0.05 / max(held["role"].nunique(), 1)
    below = measures.pooled(held, "below", "one", by=["role"], share=True, level=level)
    below = below[["role", "value", "low", "high", "n"]]
    below.columns = pd.Index(["role", "below", "below_low", "below_high", "n_12_weeks"])
    median = held.groupby("role")["active_weeks"].median().rename("weeks_now").reset_index()
    return (
        found.merge(below, on="role", how="left")
        .merge(median, on="role", how="left")
        .merge(rhythm.drop(columns="n_accounts"), on="role", how="left")
    )


def _levels(users: pd.DataFrame) -> pd.DataFrame:
    """Return how many logins of each role are engaged how much."""
    told = users[users["level"].notna()]
    found = told.groupby(["role", "level"]).size().rename("n_users").reset_index()
    whole = found.groupby("role")["n_users"].transform("sum")
    return found.assign(share=found["n_users"] / whole)
