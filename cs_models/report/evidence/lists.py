"""The lists of today, why some could not be made, and what past ones came to.

Grain in: the running contracts and past ones as a predictor of each coming quarter saw them
(``horizons``), logins, and the lists that are asked for.  Grain out: one :class:`Listed` a list.

A past list is made again in every past quarter of the predictors: of contracts as they stood 46,
138, 230 or 321 days (or so) before their renewal, so that each contract stands in each quarter
once; with the chance of leaving that was said then by a predictor that knew nothing later.  Lists
of people are made again at the start of past quarters.  ``methods.md`` 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import criteria
from cs_models.features.adoption import Definition
from cs_models.learn import churn, lists
from cs_models.learn.listing import accounts, people
from cs_models.learn.lists import CustomerList, Made, Past
from cs_models.learn.predictors import told as told_words
from cs_models.learn.shapes.calls import Play
from cs_models.report.evidence import listable, reached
from cs_models.report.evidence.horizons import Ahead
from cs_models.report.evidence.reached import Reached

N_REASONS: Final = 3
CODES: Final = "reason_codes"
PAST_DAYS: Final = 3  # quarter starts at which lists of people are made again
_CELL, _ORIGIN, _LIKE = "distance", "origin", "alike"


@dataclass(frozen=True)
class Known:
    """All that lists may ask about, today and in the past.

    Attributes
    ----------
    accounts, users : pandas.DataFrame
        Running contracts and logins of today.
    past_accounts : pandas.DataFrame
        One row per (contract, day it was looked at), with origin (quarter), distance (days to the
        renewal), left, renewed, expanded (1.0, 0.0 or NaN).
    past_users : pandas.DataFrame
        One row per (login, quarter start), with active, gone and started of each list in ``came``.
    reasons : pandas.DataFrame
        By subscription_id: reason_1 … and reason_codes ("adoption;support").
    gaps : listable.Gaps
        Why columns are missing.
    touched : pandas.DataFrame or None
        Contacts of ours.
    to_call : pandas.DataFrame
        By account_id: call_user_id, call_role, call_last_use; empty where no person is on record.
    as_of : datetime.date or None
        The day of the lists.
    """

    accounts: pd.DataFrame
    users: pd.DataFrame
    past_accounts: pd.DataFrame
    past_users: pd.DataFrame
    reasons: pd.DataFrame
    gaps: listable.Gaps
    touched: pd.DataFrame | None
    to_call: pd.DataFrame = field(default_factory=pd.DataFrame)
    as_of: date | None = None


@dataclass(frozen=True)
class Listed:
    """One list.

    Attributes
    ----------
    asked : CustomerList
    said : str
        Its criteria in words.
    made : Made or None
        None where it could not be made.
    skipped : str
        Why not, "" otherwise.
    past : Past or None
        None where no past list could be made.
    past_why : str
        Why not, "" otherwise.
    n_past : int
        Past quarters in which it was made again.
    reached : Reached or None
        Of a list of customers: how much of what came true stood on its past ones.
    """

    asked: CustomerList
    said: str
    made: Made | None
    skipped: str
    past: Past | None
    past_why: str
    n_past: int
    reached: Reached | None = None


def know(
    tables: Mapping[str, ir.Table],
    today: pd.DataFrame,
    ahead: Sequence[Ahead],
    asked: Sequence[CustomerList],
    *,
    as_of: date,
    play: Play | None,
    play_days: int,
    definition: tuple[Definition | None, str],
    by: str | None,
) -> Known:
    """Bring together what the lists ask, once for all of them.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    today : pandas.DataFrame
        ``horizons.standing``.
    ahead : sequence of Ahead
    asked : sequence of CustomerList
    as_of : datetime.date
    play : Play or None
    play_days : int
        Days in which a playbook step counts as a play.
    definition : tuple of (Definition or None, str)
        ``gathered.definition``.
    by : str or None
        Column of segments.

    Returns
    -------
    Known
    """
    touched = lists.contacts.ours(tables)
    told = [one.scores for one in ahead if len(one.scores)] or [one.scores for one in ahead[:1]]
    scores = pd.concat(told, ignore_index=True) if told else today.iloc[:0]
    options: dict[str, Any] = {
        "touched": touched, "play_days": play_days, "play": play, "definition": definition[0],
    }  # fmt: skip
    cells = [by] if by else []
    found = accounts.frame(today, scores, by=cells, **options)
    past = _past_accounts(ahead, [*cells, _ORIGIN, _CELL], options)
    asked_users = [one for one in asked if one.grain == "user"]
    start = date.fromisoformat(str(today.attrs["recipe"]["data_start"]))
    users, past_users = _people(tables, asked_users, as_of, start, touched)
    users = _with_accounts(users, found, asked_users)
    return Known(
        accounts=found, users=users, past_accounts=past, past_users=past_users,
        reasons=_reasons(ahead),
        gaps=listable.Gaps(
            tables=tuple(tables), features=tuple(today.attrs["recipe"]["features"]),
            definition="" if definition[0] is not None else definition[1],
            predictor="" if any(one.level for one in ahead) else _refused(ahead),
            play="" if play is not None else "the run file names no play",
        ),
        touched=touched, to_call=lists.callees.to_call(tables, as_of), as_of=as_of,
    )  # fmt: skip


def make(
    known: Known,
    asked: Sequence[CustomerList],
    *,
    capacity: int,
    weeks: int,
    random_state: int = 0,
) -> list[Listed]:
    """Make every list, of today and again of the past.

    Parameters
    ----------
    known : Known
    asked : sequence of CustomerList
    capacity : int
        Customers that the team can call, over all lists together.
    weeks : int
        Weeks for which a list is made.
    random_state : int, default 0
        Draws customers for the intervals of what past lists reached.

    Returns
    -------
    list of Listed
        In the order asked, the calls shared as ``learn.listing.shared`` says.  Past lists are
        judged each alone, with all of the team's calls.

    Raises
    ------
    ParameterError
        When a list asks for a column that the frames do not have although the records could tell
        it, naming the nearest.
    """
    found = [
        _listed(known, one, _hands(one, capacity, weeks), len(asked), random_state) for one in asked
    ]
    told = [(one.asked, one.made) for one in found if one.made is not None]
    shared = iter(lists.share(told, known.accounts, capacity=capacity, weeks=weeks))
    return [one if one.made is None else replace(one, made=next(shared)) for one in found]


def _hands(asked: CustomerList, capacity: int, weeks: int) -> int:
    return capacity if asked.per_week is None else min(capacity, asked.per_week * weeks)


def _listed(
    known: Known, asked: CustomerList, capacity: int, n_lists: int, random_state: int
) -> Listed:
    said = criteria.listed(asked.criteria)
    frame = known.accounts if asked.grain == "account" else known.users
    skipped = known.gaps.why_not(asked, frame)
    if skipped:
        return Listed(asked, said, None, skipped, None, skipped, 0)
    criteria.check(asked.criteria, frame, where=f"{asked.name}.yml")
    made = lists.make(asked, frame)
    past, why, n_past, held = _judged(known, asked, capacity, n_lists, random_state)
    return Listed(asked, said, made, "", past, why, n_past, held)


def _judged(
    known: Known, asked: CustomerList, capacity: int, n_lists: int, random_state: int
) -> tuple[Past | None, str, int, Reached | None]:
    """Make a list again in the past and see what came."""
    account = asked.grain == "account"
    frame = known.past_accounts if account else known.past_users
    if frame.empty:
        return None, "no past quarter could be looked at", 0, None
    absent = [name for name in asked.columns if name not in frame or frame[name].isna().all()]
    if absent:
        named = ", ".join(criteria.column_words(name) for name in absent)
        return None, f"what it asks was not kept of the past: {named}", 0, None
    listed = lists.made_again(asked, frame, by=_ORIGIN, capacity=capacity)
    came = frame[asked.outcome if account else _came(asked)]
    fair = listed | (True if account else people.asked_for(asked, frame) & _could(asked, frame))
    rows = frame[fair]
    past = lists.compare(
        listed[fair], came[fair], rows["account_id"], rows[_LIKE], n_compared=n_lists
    )
    rng = np.random.default_rng(random_state)
    held = None
    if account:
        # As far from their renewal as those listed, as the others are to whom a list is held.
        near = frame[_CELL].astype(str) if _CELL in frame else ""
        when = frame[_ORIGIN].astype(str) + " " + near
        held = reached.look(frame.assign(when=when), listed, came, n_compared=n_lists, rng=rng)
    return past, "", int(frame[_ORIGIN].nunique()), held


def _came(asked: CustomerList) -> str:
    return f"{asked.outcome}__{asked.name}" if asked.outcome == "started" else asked.outcome


def _could(asked: CustomerList, frame: pd.DataFrame) -> pd.Series:
    """Return who could still have done what the list is for: started, being there at all."""
    open_ = ~frame["deactivated"].astype(bool)
    if asked.outcome != "started":
        return open_
    for feature in asked.features:
        open_ &= frame[f"events__feature={feature}__to_date"].eq(0).fillna(False).astype(bool)
    return open_


def _past_accounts(
    ahead: Sequence[Ahead], cells: Sequence[str], options: Mapping[str, Any]
) -> pd.DataFrame:
    """Stack past contracts as each coming quarter's predictor saw them, with what came."""
    parts = []
    for one in ahead:
        if one.past is None:
            continue
        said = one.past.predictions[["subscription_id", "origin", "p_churn"]]
        rows = one.history.merge(said[["subscription_id", "origin"]], on="subscription_id")
        rows = rows.assign(distance=one.days, in_notice=False, decided=False, reached_landmark=True)
        parts.append(accounts.frame(rows, said, by=cells, **options))
    if not parts:
        return pd.DataFrame()
    found = pd.concat(parts, ignore_index=True)
    left = pd.to_numeric(found["churned"]).astype("float64")
    grown = found["outcome"].eq("expanded").astype(float).where(left.notna())
    # Who is compared with whom: as far from the renewal, and of the same segment.
    alike = found[_CELL].astype(str)
    for name in cells:
        if name not in (_ORIGIN, _CELL):
            alike = alike + " " + found[name].astype("string").fillna("").astype(str)
    return found.assign(left=left, renewed=1.0 - left, expanded=grown, **{_LIKE: alike})


def _people(
    tables: Mapping[str, ir.Table],
    asked: Sequence[CustomerList],
    as_of: date,
    start: date,
    touched: pd.DataFrame | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return logins of today, and of past quarter starts with what they did in the 90 days."""
    if not asked:
        return pd.DataFrame(), pd.DataFrame()
    days = past_days(as_of, start)
    fewer = people.reduced(tables, [as_of, *days], asked)
    now = people.frame(fewer, as_of, asked, data_start=start, touched=touched)
    parts = []
    for day in days:
        rows = people.frame(fewer, day, asked, data_start=start, touched=touched)
        if rows.empty:
            continue
        came = people.came(fewer, rows, (), day)[["active", "gone"]]
        for one in asked:
            if one.outcome == "started":
                came[_came(one)] = people.came(fewer, rows, one.features, day)["started"]
        like = f"{day} " + as_active(rows["active_days__to_date"])
        parts.append(rows.join(came).assign(origin=pd.Timestamp(day), **{_LIKE: like}))
    return now, pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def as_active(active_days: pd.Series) -> pd.Series:
    """Return how active each user has been, in words: who comes often starts more by himself.

    Parameters
    ----------
    active_days : pandas.Series
        Days with use so far; missing where use was not recorded.

    Returns
    -------
    pandas.Series of str
        One of a few bands, "unknown" where missing.
    """
    days = pd.to_numeric(active_days).astype("float64")
    bands = pd.cut(days, [-1, 0, 3, 10, 30, float("inf")]).astype("string")
    return bands.fillna("unknown").astype(str)


def past_days(as_of: date, start: date) -> list[date]:
    """Return the last quarter starts after which 90 days are over, newest first.

    Parameters
    ----------
    as_of : datetime.date
        On 2026-06-30: 2026-04-01, 2026-01-01, 2025-10-01.
    start : datetime.date
        First day of recorded use; a year of it must be past.
    """
    last = pd.Timestamp(as_of - timedelta(days=people.OUTCOME_DAYS))
    first = last.to_period("Q").start_time
    days = [(first - pd.DateOffset(months=3 * back)).date() for back in range(PAST_DAYS)]
    return [day for day in days if day >= start + timedelta(days=365)]


def _with_accounts(
    users: pd.DataFrame, found: pd.DataFrame, asked: Sequence[CustomerList]
) -> pd.DataFrame:
    """Put what is asked of the users' accounts beside them, of the contract that ends first."""
    prefix = lists.OF_ACCOUNT
    wanted = {c.removeprefix(prefix) for one in asked for c in one.columns if c.startswith(prefix)}
    there = [name for name in sorted(wanted) if name in found.columns]
    if users.empty or not there:
        return users
    of = found.sort_values("term_end").drop_duplicates("account_id").set_index("account_id")[there]
    joined = users.join(of.add_prefix(prefix), on="account_id")
    joined.attrs = users.attrs
    return joined


def _reasons(ahead: Sequence[Ahead]) -> pd.DataFrame:
    """Return, by contract, what its chance of leaving went with."""
    parts = []
    for one in ahead:
        if one.model is None or one.today.empty:
            continue
        told = churn.explain(one.model, one.today)
        why = churn.why(one.model, one.today, told, n_reasons=N_REASONS)
        why = why.assign(**{CODES: told_words.codes(why)})
        parts.append(why.set_axis(one.today["subscription_id"].to_numpy()))
    if not parts:
        return pd.DataFrame(columns=[*(f"reason_{n}" for n in range(1, N_REASONS + 1)), CODES])
    found: pd.DataFrame = pd.concat(parts)
    return found[~found.index.duplicated()]


def _refused(ahead: Sequence[Ahead]) -> str:
    return ahead[0].reason if ahead else "nothing comes up"
