"""The announced rules that a page speaks of, and how one of them is read.

Grain in: rows of ``thresholds.Search.table``.  Grain out: the same rows, chosen; for each, whom
it is about, what it counts, and how much of it each contract term has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.learn import thresholds
from cs_models.learn.thresholds import Search

WHOLE_BOOK = "All customers"
Rule = Mapping[str, Any] | pd.Series


def signals(search: Search) -> pd.DataFrame:
    """Return the announced rules that stand on their own, best first, one a group."""
    table = search.table
    own = table[(table["role"] == "signal") & table["column"].notna()]
    return own.drop_duplicates("segment").reset_index(drop=True)


def leading(search: Search) -> pd.DataFrame:
    """Return the signals to speak of: each segment's own, else that of the whole book.

    A rule of the whole book is not repeated beside the rules of its segments when every
    segment has one of its own.
    """
    own = signals(search)
    of_segments = own[own["segment"].notna()]
    n_segments = search.table["segment"].dropna().nunique()
    if n_segments and len(of_segments) == n_segments:
        return of_segments.reset_index(drop=True)
    return own


def records(rules: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `rules` as dicts keyed by column name."""
    return [dict(zip(map(str, rules.columns), row, strict=True))
            for row in rules.itertuples(index=False, name=None)]  # fmt: skip


def group_of(rule: Rule) -> str:
    """Return whom a rule is about, in words: its segment, or all customers."""
    segment = rule["segment"]
    return WHOLE_BOOK if pd.isna(segment) else str(segment)


def rows_of(rule: Rule, frame: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Return the rows of `frame` that a rule is about.

    Parameters
    ----------
    rule : mapping
        A row of ``Search.table``.
    frame : DataFrame
        Panel, one row per contract term.
    by : str or None
        Column that holds the segment.
    """
    segment: Any = rule["segment"]
    if by is None or pd.isna(segment):
        return frame
    mine: pd.DataFrame = frame[frame[by] == segment]
    return mine


def use_of(rule: Rule, frame: pd.DataFrame) -> pd.Series:
    """Return how much of what a rule counts each term has: 0 where too few users took part.

    Parameters
    ----------
    rule : mapping
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per contract term
        Any panel with the rule's columns.

    Returns
    -------
    Series of float, same index
        At or above ``rule["cut"]`` exactly where the rule holds; NaN where use is not known.
    """
    counted = thresholds.values(rule, frame)
    if int(rule["min_users"]) <= 1:
        return counted
    users = pd.to_numeric(frame[rule["users_column"]]).astype(float).fillna(0.0)
    enough: pd.Series = users >= int(rule["min_users"])
    return counted.where(enough | counted.isna(), 0.0)


def words_of(rule: Rule, *, by_users: bool = True) -> str:
    """Return what a rule counts, with its window and (where asked for) its users, in words."""
    words = f"how many {rule['counted']}" if is_set(rule) else str(rule["counted"])
    users = int(rule["min_users"])
    return f"{words}, by at least {users} users" if users > 1 and by_users else words


def is_set(rule: Rule) -> bool:
    """Say whether a rule is of the kind "at least 2 of these 3 actions"."""
    return isinstance(rule.get("members"), list | tuple)
