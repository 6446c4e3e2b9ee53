"""What tickets, surveys, milestones and champions say on each day.

Grain in: canonical tables.  Grain out: one value per account and day.

A record counts on day D iff it happened before D and was known on D; what it came to say later (a
closing, a completion, a leaving) counts from the day after.  The plan of milestones is known
always.  Dated example: a critical ticket opened on 2024-02-01, known the day after, and closed on
2024-03-01 is open on every day from 2024-02-02 to 2024-03-01.

Source: ``methods.md`` 1.1; the columns that a panel has too are named as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.daily.grid import FAR, NEVER, Float, Grid, Int, numbers
from cs_models.features.daily.use import Use
from cs_models.features.relations.request import CHAMPION
from cs_models.features.relations.surveys import CARRIED_DAYS
from cs_models.features.relationship import ONBOARDING, SEVERE

GOAL: Final = "goal"
PROMOTER: Final = 9
_SINCE: Final = 1  # a happening counts from the day after it


def read(tables: Mapping[str, ir.Table]) -> dict[str, pd.DataFrame]:
    """Read the rows that the columns are made of.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; those that are not there are not read.

    Returns
    -------
    dict of str to DataFrame
        ``tickets`` (severe ones), ``surveys`` (recommendation), ``milestones``, ``champions``; a
        table that is not there, or records nothing of the kind, is absent.
    """
    found: dict[str, pd.DataFrame] = {}
    if "tickets" in tables:
        rows = tables["tickets"]
        rows = rows.filter(rows.severity.isin(SEVERE))
        found["tickets"] = rows.select(
            "account_id", "opened_date", "known_date", "closed_date"
        ).execute()
    if "surveys" in tables:
        rows = tables["surveys"]
        rows = rows.filter(rows.kind == "nps")
        found["surveys"] = rows.select(
            "account_id", "answered_date", "known_date", "score"
        ).execute()
    if "milestones" in tables:
        rows = tables["milestones"]
        found["milestones"] = rows.select("account_id", "kind", "due_at", "completed_at").execute()
    if "users" in tables:
        rows = tables["users"]
        rows = rows.filter(rows.role == CHAMPION)
        found["champions"] = rows.select("account_id", "user_id", "created_date").execute()
    if "tickets" in found and not found["tickets"]["closed_date"].notna().any():
        del found["tickets"]  # without closings every ticket would look open
    return {name: frame for name, frame in found.items() if len(frame)}


def columns(
    records: Mapping[str, pd.DataFrame], names: pd.Index, grid: Grid, use: Use | None, recorded: int
) -> dict[str, Float]:
    """Return the columns of every account-day that the records can tell.

    Parameters
    ----------
    records : mapping of str to DataFrame
        As `read` returned them.
    names : pandas.Index of str
        The grid's accounts.
    grid : Grid
    use : Use or None
        Of the grid's accounts.
    recorded : int
        First day on which use was recorded.

    Returns
    -------
    dict of str to ndarray of float, shape (n_account_days,)
        ``open_severe_tickets__to_date``; ``promoters__last_180d`` and ``detractors__last_180d``
        (answers of 9 or 10, and of 6 or less); ``onboarding_steps_done``, ``onboarding_share``,
        ``onboarding_overdue_steps__to_date`` (NaN without a plan); ``goals_reached__to_date`` (NaN
        without goals); ``champion_silent_days__to_date`` (NaN without a champion).
    """
    found: dict[str, Float] = {}
    if "tickets" in records:
        rows, account = _mine(records["tickets"], names)
        opened = np.maximum(numbers(rows["opened_date"]) + _SINCE, numbers(rows["known_date"]))
        closed = numbers(rows["closed_date"]) + _SINCE
        found["open_severe_tickets__to_date"] = grid.between(account, opened, closed)
    if "surveys" in records:
        found |= _answers(*_mine(records["surveys"], names), grid)
    if "milestones" in records:
        found |= _steps(*_mine(records["milestones"], names), grid)
    if "champions" in records and use is not None and (use.user >= 0).any():
        silent = _silent(*_mine(records["champions"], names), grid, use, recorded)
        found["champion_silent_days__to_date"] = silent
    return found


def _mine(rows: pd.DataFrame, names: pd.Index) -> tuple[pd.DataFrame, Int]:
    place = names.get_indexer(pd.Index(rows["account_id"]))
    return rows[place >= 0], place[place >= 0].astype(np.int64)


def _answers(rows: pd.DataFrame, account: Int, grid: Grid) -> dict[str, Float]:
    day = numbers(rows["answered_date"])
    told = np.maximum(day + _SINCE, numbers(rows["known_date"]))
    score = pd.to_numeric(rows["score"]).to_numpy(np.float64)
    until = day + CARRIED_DAYS + _SINCE
    return {
        f"{name}__last_{CARRIED_DAYS}d": grid.between(account[which], told[which], until[which])
        for name, which in (("promoters", score >= PROMOTER), ("detractors", score <= 6))
    }


def _steps(rows: pd.DataFrame, account: Int, grid: Grid) -> dict[str, Float]:
    done = numbers(rows["completed_at"])
    due = numbers(rows["due_at"])
    after = np.where(done < FAR, done + _SINCE, FAR)
    size = len(grid.first)
    found: dict[str, Float] = {}
    step, goal = ((rows["kind"] == kind).to_numpy() for kind in (ONBOARDING, GOAL))
    if (step & (done < FAR)).any():
        planned = np.bincount(account[step], minlength=size).astype(np.float64)
        whole = grid.of_account(np.where(planned > 0, planned, np.nan)).astype(np.float64)
        reached = grid.between(account[step], after[step], np.full(step.sum(), FAR + 1))
        found["onboarding_steps_done"] = np.where(np.isnan(whole), np.nan, reached)
        found["onboarding_share"] = found["onboarding_steps_done"] / whole
        late = step & (due < FAR)
        if late.any():
            over = grid.between(account[late], due[late] + _SINCE, after[late])
            found["onboarding_overdue_steps__to_date"] = np.where(np.isnan(whole), np.nan, over)
    if (goal & (done < FAR)).any():
        aimed = np.bincount(account[goal], minlength=size) > 0
        reached = grid.between(account[goal], after[goal], np.full(goal.sum(), FAR + 1))
        found["goals_reached__to_date"] = np.where(grid.of_account(aimed), reached, np.nan)
    return found


def _silent(rows: pd.DataFrame, account: Int, grid: Grid, use: Use, recorded: int) -> Float:
    """Return the days since the last use by any champion, or since the first one's login."""
    made = numbers(rows["created_date"])
    champion = pd.Index(rows["user_id"]).get_indexer(use.users)  # of each text; -1 for others
    who = np.where(use.user >= 0, champion[use.user], -1)
    theirs = who >= 0
    told = np.maximum(use.known, np.where(theirs, made[who] + _SINCE, FAR))[theirs]
    last = grid.latest(use.account[theirs], told, use.day[theirs])
    there = grid.between(account, made + _SINCE, np.full(len(made), FAR + 1)) > 0
    oldest = np.full(len(grid.first), FAR)
    np.minimum.at(oldest, account, np.maximum(made, recorded))
    since = np.where(last > NEVER, last, grid.of_account(oldest)).astype(np.int64)
    return np.where(there, (grid.day - np.minimum(since, grid.day)).astype(np.float64), np.nan)
