"""The frames behind "where do word and deed disagree".

Grain in: canonical surveys and the courses of use of ``evidence.ramps``.  Grain out: what
``learn.satisfaction`` returns of past terms before their renewal and of running ones today.
``customer_success.md`` Q17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.relations import sight, surveys
from cs_models.learn import ramps as learnt
from cs_models.learn import satisfaction
from cs_models.report.evidence import heard
from cs_models.report.evidence.ramps import Courses
from cs_models.report.evidence.satisfaction import NO_SURVEYS

RECENT_WEEKS: Final = 12
LEAST_WEEKS: Final = 4
_FAR: Final = pd.Timestamp("2200-01-01")


@dataclass(frozen=True)
class SayDo:
    """What was said beside what was done.

    Attributes
    ----------
    meetings, surprises : DataFrame
        As ``learn.satisfaction`` returns them.
    against : DataFrame, one row per running account whose word and deed disagree
        ``account_name``, ``segment``, ``says``, ``does``, ``arr``, ``term_end``.
    n_past, n_today : int
        Terms, with and without an answer.
    decision_days : int
        Days before a past renewal on which word and deed are read.
    why_not : str
    """

    meetings: pd.DataFrame
    surprises: pd.DataFrame
    against: pd.DataFrame
    n_past: int
    n_today: int
    decision_days: int
    why_not: str = ""


def say_do(tables: Mapping[str, ir.Table], found: Courses, *, decision_days: int = 90) -> SayDo:
    """Set what accounts said beside what they did, before past renewals and today.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    found : Courses
    decision_days : int, default 90
        Days before a past renewal at which word and deed are read; terms over, in notice or
        decided by then are left out.
    """
    if "surveys" not in tables:
        none = pd.DataFrame()
        return SayDo(none, none, none, 0, 0, decision_days, NO_SURVEYS)
    past, running = found.past, found.running
    day = past["term_end"] - pd.Timedelta(days=decision_days)
    gone = [past[name].fillna(_FAR) <= day for name in ("closed_date", "notice_date", "decided_at")]
    fit = (
        past["length_days"] >= decision_days + LEAST_WEEKS * learnt.WEEK_DAYS
    ) & ~np.logical_or.reduce(gone)
    past = past[fit].assign(day=day[fit])
    running = running.assign(day=pd.Timestamp(found.as_of))
    both = pd.concat([past, running], ignore_index=True)
    both["satisfaction"] = _said(tables, both)
    both["use"] = _recent_use(found, both)
    before = both[: len(past)]
    now = both[len(past) :]
    if not both["satisfaction"].notna().any():
        none = pd.DataFrame()
        why = "nobody answered near a renewal"
        return SayDo(none, none, none, len(before), len(now), decision_days, why)
    table = satisfaction.meetings(before, now)
    words = now.assign(says=satisfaction.said(now["satisfaction"]),
                       does=satisfaction.done(now["use"], now["segment"]))  # fmt: skip
    clash = table[table["disagree"]][["says", "does"]]
    against = words.merge(clash, on=["says", "does"]).sort_values(
        ["arr", "account_id"], ascending=[False, True], ignore_index=True
    )
    columns = ["account_id", "account_name", "segment", "says", "does", "arr", "term_end"]
    said = satisfaction.surprises(before)
    return SayDo(table, said, against[columns], len(before), len(now), decision_days)


def _said(tables: Mapping[str, ir.Table], points: pd.DataFrame) -> np.ndarray:
    """Return the mean of what each account answered in the 180 days before its day, 0 to 1."""
    tops = heard.tops(tables)
    kinds = [kind for kind in heard.SCORES if kind in tops]
    rows = points[["account_id"]].assign(
        point=np.arange(len(points)), as_of_date=points["day"].dt.date,
        term_start=points["term_start"].dt.date,
    )  # fmt: skip
    schema = {"account_id": "string", "point": "int64", "as_of_date": "date",
              "term_start": "date"}  # fmt: skip
    memory = ibis.memtable(rows, schema=schema)
    answers = sight.seen(
        tables["surveys"], memory, "answered_date", "user_id", "survey_id", "kind", "score",
        "answered_at", reach=surveys.CARRIED_DAYS,
    )  # fmt: skip
    answers = answers.filter(answers.kind.isin(kinds))
    respondent = answers.user_id.fill_null("one " + answers.survey_id)
    newest = ibis.window(
        group_by=[answers.point, answers.kind, respondent],
        order_by=[answers.answered_at.desc(), answers.survey_id.desc()],
    )
    latest = answers.mutate(place=ibis.row_number().over(newest)).filter(lambda t: t.place == 0)
    told = latest.select("point", "kind", score=latest.score.cast("float64"))
    frame = told.to_pyarrow().to_pandas().sort_values(["point", "kind", "score"])
    scaled = pd.Series(np.nan, index=frame.index)
    for kind in kinds:
        mine = frame["kind"] == kind
        scaled[mine] = satisfaction.rescaled(frame.loc[mine, "score"], kind=kind, top=tops[kind])
    mean = scaled.groupby(frame["point"]).mean()
    return mean.reindex(np.arange(len(points))).to_numpy(dtype=np.float64)


def _recent_use(found: Courses, points: pd.DataFrame) -> pd.Series:
    """Return uses per seat and week over the twelve whole weeks before each point's day."""
    last = (points["day"] - points["term_start"]).dt.days // learnt.WEEK_DAYS
    last = last.clip(upper=points["seen_days"] // learnt.WEEK_DAYS)
    first = (last - RECENT_WEEKS).clip(lower=0)
    weeks = found.weekly[["subscription_id", "week", learnt.ALL_USE]]
    own = weeks.merge(
        pd.DataFrame({"subscription_id": points["subscription_id"], "first": first, "last": last}),
        on="subscription_id",
    )
    own = own[(own["week"] >= own["first"]) & (own["week"] < own["last"])]
    total = own.groupby("subscription_id")[learnt.ALL_USE].sum()
    total = total.reindex(points["subscription_id"]).fillna(0.0).set_axis(points.index)
    seats = points["seats"].astype("Float64").fillna(1).clip(lower=1).astype(float)
    n = (last - first).where(last > first)
    return total / seats / n
