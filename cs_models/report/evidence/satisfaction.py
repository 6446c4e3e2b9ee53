"""The frames behind word, skill and use: the cube, gaps in NPS, feedback to product.

Grain in: canonical tables, and the courses of use of ``evidence.ramps``.  Grain out: what
``learn.satisfaction`` returns, or why there is nothing.  ``methods.md`` 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.learn import satisfaction
from cs_models.report.evidence import heard
from cs_models.report.evidence.ramps import Courses, first_weeks

EARLY_WEEKS: Final = 8
NO_SURVEYS: Final = "the source keeps no survey answers (table surveys)"
NO_ANSWERS: Final = "no user who is still there answered within half a year"
NO_NAMES: Final = "the answers do not name who gave them"
NO_USER_USE: Final = "no use on record names its user"


@dataclass(frozen=True)
class Voices:
    """The cube today, or why there is none.

    Attributes
    ----------
    cube : Cube or None
    n_users, n_answered : int
        Users who are still there, in running accounts; and those of them who answered.
    accounts : DataFrame, one row per account with an answer
        ``cube.accounts`` with ``account_name`` and ``segment``, largest first.
    why_not : str
    """

    cube: satisfaction.Cube | None
    n_users: int
    n_answered: int
    accounts: pd.DataFrame
    why_not: str = ""


@dataclass(frozen=True)
class Product:
    """What use and renewal say of each feature.

    Attributes
    ----------
    table : DataFrame, one row per feature
        What ``satisfaction.feedback`` returned.
    links : Links
    why_not : str
        Why the table is empty.
    """

    table: pd.DataFrame
    links: satisfaction.Links
    why_not: str = ""


def voices(tables: Mapping[str, ir.Table], users: pd.DataFrame) -> Voices:
    """Part today's users by satisfaction, proficiency and usage.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    users : DataFrame
        What :func:`heard.users_today` returned.
    """
    none = pd.DataFrame()
    n_answered = int(users["satisfaction"].notna().sum())
    if users.empty:
        return Voices(None, 0, 0, none, users.attrs["why_not"])
    if "surveys" not in tables:
        return Voices(None, len(users), 0, none, NO_SURVEYS)
    if not n_answered:
        return Voices(None, len(users), 0, none, NO_ANSWERS)
    cube = satisfaction.cube(users)
    named = users.drop_duplicates("account_id")[["account_id", "account_name", "segment"]]
    told = cube.accounts[cube.accounts["n_answered"] > 0].merge(named, on="account_id")
    told = told.sort_values(["arr", "account_id"], ascending=[False, True], ignore_index=True)
    return Voices(cube, len(users), n_answered, told)


def gaps(
    tables: Mapping[str, ir.Table],
    found: Courses,
    *,
    rng: np.random.Generator,
    window_days: int = heard.WINDOW_DAYS,
) -> satisfaction.Gaps:
    """Compare the NPS of people who used a feature before they answered with like people's.

    Parameters
    ----------
    tables : mapping of str to ibis Table
    found : Courses
    rng : numpy.random.Generator
    window_days : int, default 90
        Days before the answer in which a feature counts as in use.
    """
    if "surveys" not in tables:
        return _no_gaps(NO_SURVEYS)
    rows = heard.answers(tables, found, window_days)
    if rows.empty:
        return _no_gaps(NO_NAMES)
    if not rows["active_days"].gt(0).any():
        return _no_gaps(NO_USER_USE)
    top = float(rows["score"].max())
    rows["score"] = 10 * satisfaction.rescaled(rows["score"], kind="nps", top=top)
    return satisfaction.feature_gaps(rows, found.features, rng=rng)


def _no_gaps(why: str) -> satisfaction.Gaps:
    return satisfaction.Gaps(
        pd.DataFrame(columns=list(satisfaction.GAP_COLUMNS)), False, 0, 0, float("nan"), why
    )


def product(
    users: pd.DataFrame,
    found: Courses,
    told: Voices,
    *,
    rng: np.random.Generator,
) -> Product:
    """Set the use of each feature beside renewal and beside what skilled, content people use.

    Parameters
    ----------
    users : DataFrame
        What :func:`heard.users_today` returned.
    found : Courses
    told : Voices
    rng : numpy.random.Generator
    """
    terms = first_weeks(found, EARLY_WEEKS)
    links = satisfaction.links(terms, {f: f for f in found.features}, rng=rng)
    if users.empty or not users["active"].any():
        why = users.attrs.get("why_not") or NO_USER_USE
        return Product(pd.DataFrame(), links, why)
    content = pd.Series(False, index=users.index)
    if told.cube is not None:
        own = told.cube.users
        content = (own["satisfaction"] >= satisfaction.SATISFIED) & (
            own["proficiency"] >= satisfaction.UPPER_HALF
        )
    used = satisfaction.use_now(users.assign(content=content), found.features)
    return Product(satisfaction.feedback(used, links.table), links)
