"""What a customer still lacks to be on the side of a level that renewed more, in words.

Grain in: a rule and a panel.  Grain out: one text per panel row: "4 more report_shared events and
2 more users"; empty where nothing is lacking or nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.features import catalogue
from cs_models.report.evidence.rules import is_set

_ROUNDING = 1e-6  # of the last digit: 0.0133 is not 0.0134 for being stored as 0.01330000001
_SCALES = ("share", "seat_utilisation", "events_per_seat", "events_per_user", "daily_active_share")


def in_words(rule: Mapping[str, Any], frame: pd.DataFrame, lacking: pd.DataFrame) -> list[str]:
    """Say for each row what it lacks.

    Parameters
    ----------
    rule : mapping
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per running term
        Panel with the rule's columns.
    lacking : DataFrame, same index
        What ``thresholds.distance`` returned.

    Returns
    -------
    list of str
        In the order of the rows.
    """
    if is_set(rule):
        return [
            "" if pd.isna(actions) or actions <= 0 else _members(rule, row, int(actions))
            for actions, (_, row) in zip(lacking["actions"], frame.iterrows(), strict=True)
        ]
    return [
        _one(rule, actions, users)
        for actions, users in zip(lacking["actions"], lacking["users"], strict=True)
    ]


def _one(rule: Mapping[str, Any], actions: float, users: float) -> str:
    parts = []
    if abs(actions) > 0:  # False for what is not known
        size, what = _size(abs(actions)), _what(rule)
        what = what.removesuffix("s") if size == "1" else what
        parts.append(f"{size} {'more' if actions > 0 else 'fewer'} {what}")
    if users > 0:
        parts.append(f"{users:,.0f} more user{'' if users == 1 else 's'}")
    return " and ".join(parts)


def _what(rule: Mapping[str, Any]) -> str:
    """Return what is counted, without its window: the list stands under it."""
    measure = catalogue.parse(str(rule["column"]))
    if measure is None:
        return str(rule["column"])
    words = catalogue.KINDS[measure.measure].words
    if measure.measure in _SCALES:
        words = f"({words})"
    return words if measure.feature is None else f"{measure.feature} {words}"


def _members(rule: Mapping[str, Any], row: pd.Series, actions: int) -> str:
    """Name the actions that are not done often enough, and how often they are."""
    open_ = []
    for member in rule["members"]:
        measure = catalogue.parse(str(member["column"]))
        count, level = row[member["column"]], float(member["level"])
        if measure is not None and not pd.isna(count) and float(count) < level:
            open_.append(f"{measure.feature} {_size(float(count))} of {_size(level)}")
    return f"{actions} more of: {', '.join(open_)}"


def _size(value: float) -> str:
    """Write an amount as a whole number where it is one, rounded up where it is not."""
    if value == round(value):
        return f"{value:,.0f}"
    digits = 2 - math.floor(math.log10(value)) if value < 1 else 1
    scale = 10.0**digits
    return f"{math.ceil(value * scale - _ROUNDING) / scale:,.{digits}f}"
