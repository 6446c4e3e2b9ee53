"""Who is still there, what they said, and which features they use.

Grain in: canonical tables.  Grain out: one row per user of a running account, or one row per NPS
answer of a user with what they used before it.  Surveys and logins are optional tables: what a
source does not keep is said, never made up.  ``methods.md`` 1.1, 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.relations import sight, surveys
from cs_models.learn import satisfaction
from cs_models.report.evidence.ramps import Courses

WINDOW_DAYS: Final = 90
MONTH_DAYS: Final = 28
NO_USERS: Final = "the source has no table of users, so nothing can be said of single people"
SCORES: Final = ("nps", "csat")


def users_today(
    tables: Mapping[str, ir.Table], found: Courses, *, window_days: int = WINDOW_DAYS
) -> pd.DataFrame:
    """Return everyone who is still there, with satisfaction, skill, and the features in use.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    found : Courses
    window_days : int, default 90
        In which a feature counts as in use.

    Returns
    -------
    DataFrame, one row per user of a running account
        ``user_id``, ``account_id``, ``account_name``, ``role``, ``segment``, ``arr``,
        ``satisfaction`` (0 to 1), ``skill``, ``depth``, ``active_days``, ``active``, and
        ``uses:<feature>``; ``attrs["why_not"]`` where it is empty.
    """
    if "users" not in tables:
        return _nobody(NO_USERS)
    running = found.terms[found.terms["running"]]
    paid = running.groupby("account_id").agg(
        account_name=("account_name", "first"), segment=("segment", "first"), arr=("arr", "sum")
    )
    here = _logins(tables["users"], found.as_of)
    here = here[here["account_id"].isin(paid.index)].reset_index(drop=True)
    if here.empty:
        return _nobody("no running account has users")
    out = here.join(paid, on="account_id")
    told = latest(tables, found.as_of)
    for name in ("satisfaction", "skill"):
        out[name] = told[name].reindex(out["user_id"]).to_numpy(dtype=np.float64)
    used = _used(tables["events"], found.features, found.as_of, window_days)
    use = used.reindex(out["user_id"]).fillna(0).astype("int16").set_axis(out.index)
    out["depth"] = use[[f"uses:{name}" for name in found.features]].sum(axis=1)
    out["active_days"] = use["active_days"]
    out = pd.concat([out, use.drop(columns=["active", "active_days"])], axis=1)
    out["active"] = use["active"].astype(bool)
    out.attrs["why_not"] = ""
    return out


def _nobody(why: str) -> pd.DataFrame:
    columns = ["user_id", "account_id", "role", "satisfaction", "active"]
    empty = pd.DataFrame(columns=columns)
    empty.attrs["why_not"] = why
    return empty


def _logins(users: ir.Table, on: date) -> pd.DataFrame:
    """Return the logins made before a day and not taken away before it."""
    today = ibis.literal(on)
    here = users.filter(
        users.created_date < today, ~(users.deactivated_date < today).fill_null(False)
    )
    frame: pd.DataFrame = here.select("user_id", "account_id", "role").to_pyarrow().to_pandas()
    return frame.sort_values("user_id", ignore_index=True)


def latest(tables: Mapping[str, ir.Table], on: date) -> pd.DataFrame:
    """Return each user's satisfaction (0 to 1) and skill by their latest answers of 180 days.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    on : datetime.date
        Answers of this day and later are not seen.
    """
    highest = tops(tables)
    if not highest:
        return pd.DataFrame({"satisfaction": [], "skill": []}, dtype=float)
    answers, today = tables["surveys"], ibis.literal(on)
    own = answers.filter(
        answers.user_id.notnull(),  # noqa: PD004 - Ibis knows no other
        sight.visible(answers.answered_date, answers.known_date, today),
        answers.answered_date >= ibis.literal(on - timedelta(days=surveys.CARRIED_DAYS)),
    )
    rows = own.select("user_id", "kind", "answered_at", "survey_id",
                      score=own.score.cast("float64")).to_pyarrow().to_pandas()  # fmt: skip
    rows = rows.sort_values(["answered_at", "survey_id"])
    newest = rows.drop_duplicates(["user_id", "kind"], keep="last")
    wide = newest.pivot_table(index="user_id", columns="kind", values="score")
    scaled = pd.DataFrame(
        {kind: satisfaction.rescaled(wide[kind], kind=kind, top=highest[kind])
         for kind in SCORES if kind in wide},
        index=wide.index,
    )  # fmt: skip
    skill = wide.reindex(columns=["proficiency"])["proficiency"]
    return pd.DataFrame({"satisfaction": scaled.mean(axis=1), "skill": skill}, index=wide.index)


def tops(tables: Mapping[str, ir.Table]) -> dict[str, float]:
    """Return the highest answer of every kind of survey; it tells where the scale ends.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    """
    if "surveys" not in tables:
        return {}
    told = tables["surveys"]
    rows = told.group_by("kind").agg(top=told.score.cast("float64").max()).to_pyarrow()
    return dict(zip(rows["kind"].to_pylist(), rows["top"].to_pylist(), strict=True))


def _used(events: ir.Table, features: Sequence[str], on: date, window_days: int) -> pd.DataFrame:
    """Return who used which feature in the days before a day: one row per user."""
    since = ibis.literal(on - timedelta(days=window_days))
    own = events.filter(
        events.event_date >= since,
        events.user_id.notnull(),  # noqa: PD004 - Ibis knows no other
        sight.visible(events.event_date, events.known_date, ibis.literal(on)),
    )
    recent = own.event_date >= ibis.literal(on - timedelta(days=MONTH_DAYS))
    flags = {f"f{i}": (own.feature == name).any() for i, name in enumerate(features)}
    days = own.event_date.nunique(where=recent)
    counted = own.group_by("user_id").agg(active_days=days, **flags).mutate(active=True)
    rows = counted.to_pyarrow().to_pandas()
    names = {f"f{i}": f"uses:{name}" for i, name in enumerate(features)}
    frame: pd.DataFrame = rows.rename(columns=names).set_index("user_id")
    return frame.astype("Int16")


def answers(tables: Mapping[str, ir.Table], found: Courses, window_days: int) -> pd.DataFrame:
    """Return every NPS answer of a user with what they used in the days before it.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    found : Courses
    window_days : int

    Returns
    -------
    DataFrame, one row per answer, by survey_id
        As ``satisfaction.feature_gaps`` takes it, ``score`` on the survey's own scale.
    """
    told, events = tables["surveys"], tables["events"]
    first = ibis.literal(found.data_start + timedelta(days=window_days))
    own = told.filter(
        told.kind == "nps",
        told.user_id.notnull(),  # noqa: PD004 - Ibis knows no other
        told.answered_date >= first,
        told.known_date <= ibis.literal(found.as_of),
    )
    own = own.select(
        "survey_id", "account_id", "user_id", "answered_date", score=own.score.cast("float64")
    )
    used = events.select("feature", "event_date", used_by="user_id")
    pairs = own.join(
        used,
        [own.user_id == used.used_by, used.event_date < own.answered_date,
         used.event_date >= sight.days_before(own.answered_date, window_days)],
    )  # fmt: skip
    flags = {f"f{i}": (pairs.feature == name).any() for i, name in enumerate(found.features)}
    counted = pairs.group_by(of_survey=pairs.survey_id).agg(
        active_days=pairs.event_date.nunique(), **flags
    )
    rows = own.left_join(counted, own.survey_id == counted.of_survey).drop("of_survey")
    accounts = tables["accounts"].select("segment", of_account="account_id")
    rows = rows.left_join(accounts, rows.account_id == accounts.of_account).drop("of_account")
    if "users" in tables:
        roles = tables["users"].select("role", login="user_id")
        rows = rows.left_join(roles, rows.user_id == roles.login).drop("login")
    else:
        rows = rows.mutate(role=ibis.null("string"))
    frame: pd.DataFrame = rows.to_pyarrow().to_pandas()
    frame = frame.sort_values("survey_id", ignore_index=True)
    names = {f"f{i}": f"uses:{name}" for i, name in enumerate(found.features)}
    frame = frame.rename(columns=names)
    numbers = ["active_days", *names.values()]
    frame[numbers] = frame[numbers].astype("Float64").fillna(0).astype(float)
    return frame
