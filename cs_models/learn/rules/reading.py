"""A rule read back against any panel: who is on which side, and how far from the other.

Grain in: one row of ``Search.table`` and a panel.  Grain out: one row per panel row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.errors import ParameterError
from cs_models.learn.rules import combination

Rule = Mapping[str, Any] | pd.Series


def apply(rule: Rule, frame: pd.DataFrame) -> pd.Series:
    """Say which rows of a panel are on the side of a rule that renews more.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Any panel with the rule's columns, such as the terms that run today.

    Returns
    -------
    Series of nullable boolean, same index
        NA where nothing can be said: the feature, or the number of users that the rule asks for,
        is missing (the window is not over yet, no user was recorded), or the row belongs to
        another segment than the rule.  NA is neither side when used as a mask,
        negated or not.

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks its columns or the column of its segment.
    """
    rule = dict(rule)
    counted, users = _read(rule, frame)
    meets = counted >= float(rule["cut"])
    if users is not None:
        meets &= users >= int(rule["min_users"])
    if rule["direction"] == "at_most":
        meets = ~meets
    known = _known(rule, frame, counted, users)
    return pd.Series(pd.arrays.BooleanArray(meets.to_numpy(), ~known.to_numpy()), frame.index)


def distance(rule: Rule, frame: pd.DataFrame) -> pd.DataFrame:
    """Say how far each row is from the side of a rule that renews more.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Any panel with the rule's columns.

    Returns
    -------
    DataFrame, same index
        ``actions``: how many more are needed (negative for a rule of the kind "fewer than":
        how many fewer); ``users``: how many more users are needed.  0 where nothing is missing,
        NaN where ``apply`` gives NA.

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks its columns or the column of its segment.
    """
    rule = dict(rule)
    counted, users = _read(rule, frame)
    known = _known(rule, frame, counted, users)
    if rule["direction"] == "at_most":
        largest_good = rule["cut_below"]
        actions = (float(largest_good) - counted).clip(upper=0.0)
        more_users = pd.Series(0.0, index=frame.index)
    else:
        actions = (float(rule["cut"]) - counted).clip(lower=0.0)
        lacking = 0.0 if users is None else int(rule["min_users"]) - users
        more_users = pd.Series(lacking, index=frame.index, dtype=float).clip(lower=0.0)
    out = pd.DataFrame({"actions": actions.astype(float), "users": more_users})
    return out.where(known)


def values(rule: Rule, frame: pd.DataFrame) -> pd.Series:
    """Return what a rule counts, for each row of a panel.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Any panel with the rule's columns.

    Returns
    -------
    Series of float, same index
        NaN where the use is not known.

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks its columns.
    """
    return _read(dict(rule), frame)[0]


def columns(rule: Rule) -> list[str]:
    """Return the panel columns that a rule is read from.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.

    Raises
    ------
    ParameterError
        The row holds no rule.
    """
    rule = dict(rule)
    if rule["column"] is None or pd.isna(rule["column"]):
        raise ParameterError(
            "this row of the table holds no rule",
            got=f"verdict {rule['verdict']}",
            repair="use rows that have a column",
        )
    names = [name for name, _ in _members(rule)] or [str(rule["column"])]
    return names + ([str(rule["users_column"])] if int(rule["min_users"]) > 1 else [])


def _members(rule: dict[str, Any]) -> list[tuple[str, float]]:
    """Return columns and levels of a rule of the kind "k of these", else nothing."""
    members = rule.get("members")
    if not isinstance(members, list | tuple):
        return []
    return [(str(one["column"]), float(one["level"])) for one in members]


def _read(rule: dict[str, Any], frame: pd.DataFrame) -> tuple[pd.Series, pd.Series | None]:
    names = columns(rule)
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise ParameterError(
            "the panel lacks the columns of the rule",
            where=", ".join(absent),
            repair="build the panel with the windows the rule was learnt with",
        )
    members = _members(rule)
    if members:
        return combination.count(frame, members), None
    counted = pd.to_numeric(frame[names[0]]).astype(float)
    return counted, pd.to_numeric(frame[names[1]]).astype(float) if len(names) > 1 else None


def _known(
    rule: dict[str, Any], frame: pd.DataFrame, counted: pd.Series, users: pd.Series | None
) -> pd.Series:
    """Return where the rule says something: all it reads is there, and the segment is its own."""
    known = counted.notna() & _in_segment(rule, frame)
    return known if users is None else known & users.notna()


def _in_segment(rule: dict[str, Any], frame: pd.DataFrame) -> pd.Series:
    segment, column = rule["segment"], rule["segment_by"]
    if segment is None or pd.isna(segment) or column is None or pd.isna(column):
        return pd.Series(True, index=frame.index)
    if column not in frame.columns:
        raise ParameterError(
            "the panel lacks the column that holds the segment of the rule",
            where=str(column),
            got=f"a rule for {segment}",
            repair="join the column to the panel, or read a rule of the whole book",
        )
    same: pd.Series = frame[column].astype("string").eq(str(segment)).fillna(False)
    return same.astype(bool)
