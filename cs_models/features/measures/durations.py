"""How long until something was reached: days from a start, the unfinished kept as censored.

Grain out: one row per account (or user) and thing to be reached, with ``duration_days`` and
``event`` (1 reached, 0 last seen without).  A day counts from its end: what was reached on the
first day took 1 day.  Dated example, on = 2024-03-01: an account that began on 2024-02-01 and first
used a feature on 2024-02-03 took 3 days; one that never used it is censored at 29 days.

An account's clock starts with its first contract (the purchase) and stops when the last one ends:
who left first is censored there.  Accounts that began before use was recorded are left out: what
they reached early was not seen.  So are accounts that began before the product had the feature.

Source: ``methods.md`` 1.4; ``customer_success.md`` M3 to M5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features import product
from cs_models.features.measures import cells, who
from cs_models.features.measures.facts import Facts
from cs_models.features.relations.milestones import GOAL
from cs_models.features.relationship import ONBOARDING

ABOUT: Final = ["account_id", "segment", "plan", "cohort_month"]


def followed(facts: Facts) -> pd.DataFrame:
    """Return the accounts that began within the recorded time, and how long each was followed.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    DataFrame, one row per account_id
        account_id, segment, plan, cohort_month, start, until (the end of its last contract, or
        the date), days (from start to until).
    """
    own = facts.accounts[facts.accounts["start"] >= pd.Timestamp(facts.data_start)]
    until = own["end"].where(own["end"] < pd.Timestamp(facts.on), pd.Timestamp(facts.on))
    days = (until - own["start"]).dt.days
    frame = own[[*ABOUT, "start"]].assign(until=until, days=days)
    return frame[frame["days"] > 0].reset_index(drop=True)


def to_first_use(facts: Facts) -> pd.DataFrame:
    """Return each account's days to the first use of every feature.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    DataFrame, one row per (account_id, feature)
        account_id, segment, plan, cohort_month, feature, duration_days, event.
    """
    first = facts.firsts.groupby(["account", "feature"], observed=True)["first"].min().reset_index()
    names = facts.accounts["account_id"].to_numpy(dtype=object)
    first = pd.DataFrame(
        {
            "account_id": names[first["account"]], "feature": first["feature"].astype(object),
            "reached": first["first"],
        }
    )  # fmt: skip
    grid = followed(facts).merge(
        pd.Series(facts.features, name="feature", dtype=object), how="cross"
    )
    grid = _after_release(grid, facts).merge(first, on=["account_id", "feature"], how="left")
    return _timed(grid, ["feature"])


@dataclass(frozen=True)
class UserTimes:
    """Each user's days to the first use of every feature.

    Attributes
    ----------
    users : DataFrame, one row per user_id
        user_id, account_id, segment, plan, role, cohort_month (of the login), days (followed: from
        the login to the date, to its deactivation, or to the end of the account's last contract).
    took : ndarray of float, shape (n_users, n_features)
        Days to the first use, at least 1; NaN where it was not used while followed.
    watched : ndarray of bool, shape (n_users, n_features)
        False where the login was made before the product had the feature.
    features : tuple of str
    """

    users: pd.DataFrame
    took: NDArray[np.float64]
    watched: NDArray[np.bool_]
    features: tuple[str, ...]

    def of(self, feature: str) -> pd.DataFrame:
        """Return one row per user_id watched: the user's columns, duration_days, event."""
        place = self.features.index(feature)
        own, took = self.users, self.took[:, place]
        event = ~np.isnan(took)
        frame = own.drop(columns="days").assign(
            duration_days=np.where(event, took, own["days"]), event=event.astype(np.int64)
        )
        return frame[self.watched[:, place]].reset_index(drop=True)


def users_to_first_use(facts: Facts) -> UserTimes:
    """Return each user's days to the first use of every feature.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    UserTimes
        Logins made within the recorded time; without rows where there is no users table.
    """
    if facts.users is None:
        empty = pd.DataFrame(columns=["user_id", *ABOUT, "role", "days"])
        none = np.zeros((0, len(facts.features)))
        return UserTimes(empty, none, none.astype(bool), facts.features)
    own = facts.users[facts.users["created"] >= pd.Timestamp(facts.data_start)]
    own = own.merge(facts.accounts[["account_id", "segment", "plan", "end"]], on="account_id")
    until = own["left"].where(own["left"] < own["end"], own["end"])
    until = until.where(until < pd.Timestamp(facts.on), pd.Timestamp(facts.on))
    own = own.assign(days=(until - own["created"]).dt.days)
    own = own[own["days"] > 0].reset_index(drop=True)
    took = _took(facts, own)
    watched = np.column_stack(
        [(own["created"] >= facts.there_from(name)).to_numpy() for name in facts.features]
        or [np.zeros((len(own), 0), dtype=bool)]
    )
    own["cohort_month"] = who.month_of(own["created"])
    columns = ["user_id", *ABOUT, "role", "days"]
    return UserTimes(own[columns], took, watched, facts.features)


def _took(facts: Facts, users: pd.DataFrame) -> NDArray[np.float64]:
    """Return the days from each login to the first use of each feature, NaN where not followed."""
    firsts = facts.firsts
    named = pd.Index(users["user_id"]).get_indexer(firsts["user_id"].cat.categories)
    columns = pd.Index(facts.features).get_indexer(firsts["feature"].cat.categories)
    row = np.append(named, -1)[firsts["user_id"].cat.codes]  # the code of no user is -1
    column = columns[firsts["feature"].cat.codes]
    account = pd.Index(facts.accounts["account_id"]).get_indexer(pd.Index(users["account_id"]))
    kept = (row >= 0) & (column >= 0)
    kept[kept] &= account[row[kept]] == firsts["account"].to_numpy()[kept]
    row, column = row[kept], column[kept]
    first = firsts["first"].to_numpy(dtype="datetime64[D]")[kept]
    days = (first - users["created"].to_numpy(dtype="datetime64[D]")[row]).astype(np.int64) + 1
    took = np.full((len(users), len(facts.features)), np.nan)
    took[row, column] = np.maximum(days, 1)
    took[took > users["days"].to_numpy()[:, None]] = np.nan
    return took


def to_value(
    tables: Mapping[str, ir.Table],
    facts: Facts,
    *,
    features: Sequence[str] = (),
    count: int = 1,
) -> pd.DataFrame:
    """Return each account's days to value, for every way of seeing it.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: events where features are named, milestones where the source has them.
    facts : Facts
    features : sequence of str, default ()
        Features whose use is value.
    count : int, default 1
        The use that makes it: the day on which so many had come together.

    Returns
    -------
    DataFrame, one row per (account_id, way)
        account_id, segment, plan, cohort_month, way ("first goal reached", "10 uses of
        report_shared"), duration_days, event.  Empty where nothing says what value is.

    Raises
    ------
    ParameterError
        ``count`` is below 1, or a feature never occurs.
    """
    if count < 1:
        raise ParameterError("value needs at least one use", where="count", got=str(count))
    named = product.named_once(features)
    product.all_there(named, set(facts.features) | set(facts.rare))
    own, parts = followed(facts), []
    goals = _goals(tables, facts.on)
    if goals is not None:
        with_goals = own[own["account_id"].isin(goals["account_id"])]
        parts.append(with_goals.merge(goals, on="account_id").assign(way="first goal reached"))
    for name in named:
        reached = _nth_use(tables["events"], facts, name, count)
        uses = "first use" if count == 1 else f"{count} uses"
        rows = _after_release(own.assign(feature=name), facts)
        parts.append(
            rows.merge(reached, on="account_id", how="left").assign(way=f"{uses} of {name}")
        )
    if not parts:
        return pd.DataFrame(columns=[*ABOUT, "way", "duration_days", "event"])
    return _timed(pd.concat(parts, ignore_index=True), ["way"])


def steps(tables: Mapping[str, ir.Table], facts: Facts) -> pd.DataFrame:
    """Return each account's days to every onboarding step.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; milestones where the source has it.
    facts : Facts

    Returns
    -------
    DataFrame, one row per (account_id, milestone)
        account_id, segment, plan, cohort_month, milestone, due (missing where not dated),
        duration_days, event, on_time (nullable boolean: reached by its due date; missing where
        there is none or it has not passed), days_late (of those reached; negative: early).
        Empty without milestones of onboarding.
    """
    columns = [*ABOUT, "milestone", "due", "duration_days", "event", "on_time", "days_late"]
    plan = _plan(tables, facts.on, ONBOARDING)
    if plan is None:
        return pd.DataFrame(columns=columns)
    rows = followed(facts).merge(plan, on="account_id")
    timed = _timed(rows, ["milestone", "due", "reached"])
    return _judged(timed, facts)[columns]


def to_onboard(tables: Mapping[str, ir.Table], facts: Facts) -> pd.DataFrame:
    """Return each account's days until the last of its onboarding steps was done.

    Parameters
    ----------
    tables, facts
        As in :func:`steps`.

    Returns
    -------
    DataFrame, one row per account_id
        As :func:`steps`, without ``milestone``, with n_steps and n_done; ``due`` is that of the
        last step to fall due.
    """
    columns = [*ABOUT, "due", "duration_days", "event", "on_time", "days_late", "n_steps", "n_done"]
    plan = _plan(tables, facts.on, ONBOARDING)
    if plan is None:
        return pd.DataFrame(columns=columns)
    grouped = plan.groupby("account_id")
    whole = grouped.agg(
        due=("due", "max"), reached=("reached", "max"), n_steps=("milestone", "size"),
        n_done=("reached", "count"), n_due=("due", "count"),
    ).reset_index()  # fmt: skip
    whole["reached"] = whole["reached"].where(whole["n_steps"] == whole["n_done"])
    whole["due"] = whole["due"].where(whole["n_steps"] == whole["n_due"])
    rows = followed(facts).merge(whole, on="account_id")
    timed = _timed(rows, ["due", "reached", "n_steps", "n_done"])
    return _judged(timed, facts)[columns]


def _timed(rows: pd.DataFrame, keep: list[str]) -> pd.DataFrame:
    """Turn the day reached into a duration, censored at the end of what was followed."""
    took = (rows["reached"] - rows["start"]).dt.days + 1
    event = (rows["reached"] < rows["until"]) & rows["reached"].notna()
    duration = took.clip(lower=1).where(event, rows["days"]).astype("float64")
    told = rows.assign(duration_days=duration, event=event.astype("int64"))
    about = [name for name in ABOUT if name not in keep]
    return told[[*about, *keep, "duration_days", "event"]].reset_index(drop=True)


def _judged(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Add whether a step was reached by its due date, of those whose date has passed."""
    passed = rows["due"] < pd.Timestamp(facts.on)
    timely = (rows["reached"] <= rows["due"]).astype("boolean").where(passed)
    late = (rows["reached"] - rows["due"]).dt.days.astype("float64")
    return rows.assign(on_time=timely, days_late=late)


def _after_release(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Leave out those who began before the product had the feature."""
    if not facts.appeared:
        return rows
    since = rows["feature"].map({name: facts.there_from(name) for name in rows["feature"].unique()})
    return rows[rows["start"] >= since].reset_index(drop=True)


def _plan(tables: Mapping[str, ir.Table], on: date, kind: str) -> pd.DataFrame | None:
    """Return the steps of a kind, and the day each was reached where that was before the date."""
    if "milestones" not in tables:
        return None
    table = tables["milestones"]
    frame: pd.DataFrame = (
        table.filter(table.kind == kind)
        .select("account_id", "milestone", "due_at", "completed_at")
        .execute()
    )
    if frame.empty:
        return None
    due, reached = (
        pd.to_datetime(frame[name]).astype("datetime64[s]") for name in ("due_at", "completed_at")
    )
    told = frame[["account_id", "milestone"]].assign(
        due=due, reached=reached.where(reached < pd.Timestamp(on))
    )
    return told.sort_values(["account_id", "milestone"], ignore_index=True)


def _goals(tables: Mapping[str, ir.Table], on: date) -> pd.DataFrame | None:
    plan = _plan(tables, on, GOAL)
    if plan is None:
        return None
    return plan.groupby("account_id")["reached"].min().reset_index()


def _nth_use(events: ir.Table, facts: Facts, feature: str, count: int) -> pd.DataFrame:
    """Return the day on which an account's uses of a feature came to so many since its start."""
    seen = cells.visible(events, facts.on, facts.data_start)
    mine = seen.filter(seen.feature == feature)
    daily = mine.group_by("account_id", "event_date").agg(
        n=mine.quantity.fill_null(1).cast("float64").sum()
    )
    frame: pd.DataFrame = daily.execute()
    frame["day"] = pd.to_datetime(frame["event_date"]).astype("datetime64[s]")
    frame = frame.merge(facts.accounts[["account_id", "start"]], on="account_id")
    frame = frame[frame["day"] >= frame["start"]].sort_values(["account_id", "day"])
    enough = frame.groupby("account_id")["n"].cumsum() >= count
    reached = frame[enough].groupby("account_id")["day"].min()
    return reached.rename("reached").reset_index()


__all__ = [
    "UserTimes", "followed", "steps", "to_first_use", "to_onboard", "to_value",
    "users_to_first_use",
]  # fmt: skip
