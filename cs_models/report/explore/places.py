"""Where a level belongs: what the search announced for a group, else what stood out most for it.

Grain in: a finished search.  Grain out: one level of one use, for one group of customers.  A level
learnt among all customers says little of a segment, so turning "Who" leads to that segment's own,
unless the hand has set the level; the view says which of these is shown.  ``methods.md`` 2.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from cs_models.learn.thresholds import Search
from cs_models.report.display import Statement
from cs_models.report.evidence.rules import WHOLE_BOOK
from cs_models.report.explore import doubt
from cs_models.report.findings.words import amount


class Place(NamedTuple):
    """A level that the search would show of a group.

    Attributes
    ----------
    column : str
        Panel column.
    cut : float
    min_users : int
    announced : bool
        Whether it was announced; else it is, of those tried, the one that stood out most.
    """

    column: str
    cut: float
    min_users: int
    announced: bool


def announced(
    rules: Sequence[doubt.Rule],
    segment: str | None,
    *,
    columns: Collection[str],
    min_users: int | None = None,
) -> Place | None:
    """Return the best level that was announced for a group; None where none was.

    Parameters
    ----------
    rules : sequence of dict
        Rows of ``Search.table`` that hold a rule, best first.
    segment : str or None
        None for all customers.
    columns : collection of str
        Panel columns that it may be about.
    min_users : int, optional
        How many users it must ask for; any number when None.
    """
    for rule in rules:
        users = int(rule["min_users"])
        if (
            doubt.segment_of(rule) == segment
            and rule["column"] in columns
            and min_users in (None, users)
        ):
            return Place(str(rule["column"]), float(rule["cut"]), users, announced=True)
    return None


def tried(search: Search, column: str, segment: str | None, min_users: int) -> Place | None:
    """Return the level that stood out most of those tried for a group; None where none was.

    Parameters
    ----------
    search : Search
    column : str
        Panel column.
    segment : str or None
    min_users : int
    """
    rows = doubt.tried_of(search, column, segment, min_users)
    if rows.empty:
        return None
    # Where chance alone would do as well with many of them, the strongest statistic decides.
    order = np.lexsort((-rows["statistic"].abs(), rows["p_adjusted"]))
    return Place(column, float(rows["cut"].iloc[int(order[0])]), min_users, announced=False)


def said(
    place: Place | None, level: float, segment: str | None, *, by_hand: bool
) -> Statement | None:
    """Say whose level is shown; None where it is the announced one, which is said of it anyway.

    Parameters
    ----------
    place : Place or None
        The group's own level of this use; None where none was tried.
    level : float
        What is shown.
    segment : str or None
    by_hand : bool
        Whether the hand has set it.
    """
    group = WHOLE_BOOK if segment is None else segment
    if place is not None and level == place.cut:
        return None if place.announced else Statement.of(
            "note", f"{group}: no level of this use in this window was announced. The level shown "
            "is, of those that the search tried, the one that stands out most.",
        )  # fmt: skip
    head = (
        "The level was set by hand, and stays as it is whoever is looked at."
        if by_hand
        else "The level is the one shown before, or the nearest to it."
    )
    if place is None:
        return Statement.of(
            "note", f"{head} {group}: the search tried no level of this use in this window; too "
            "few customers used it, or left.",
        )  # fmt: skip
    own = "announced" if place.announced else "of those tried, the one that stands out most"
    return Statement.of("note", f"{head} {group}: their own is {amount(place.cut)} ({own}).")
