"""Rules of the kind "at least 3 of these 5 actions by day 60" (``methods.md`` 2.4).

Grain in: a panel with one row per (subscription_id, as_of_date).  Grain out: the same rows with one
more column for each set of actions: how many of them a customer did often enough.

Sets are many, so the search is bounded: a handful of actions, each with one level, and every set of
three to five of them.  Actions and levels are chosen without looking at who left, so that the sets
join the same family of rules and one correction covers all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.learn.rules.grid import Column

FEATURE = "several actions"
MEASURE = "actions"
MOST_ACTIONS = 6
SET_SIZES = (3, 4, 5)
LEVELS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500)
LEAST_SHARE, MOST_SHARE = 0.15, 0.85  # of customers who did an action often enough

Float = NDArray[np.float64]


def columns(
    frame: pd.DataFrame, counts: Sequence[Column], *, actions: Sequence[str] | None = None
) -> list[Column]:
    """Choose the sets of actions to search, without looking at any outcome.

    Parameters
    ----------
    frame : DataFrame, one row per (subscription_id, as_of_date)
    counts : sequence of Column
        Searched columns; those that count events of one feature in the longest window are used.
    actions : sequence of str, optional
        Features to combine, at least three; chosen by how evenly they divide the customers when
        None, nothing is combined when empty.

    Returns
    -------
    list of Column
        One a set, named by its members; empty when fewer than three actions divide the customers.

    Raises
    ------
    ParameterError
        An action is not among the searched features, or there are fewer than three.
    """
    counted = [column for column in counts if column.measure == "events"]
    counted = [column for column in counted if column.feature != "events"]
    if actions:
        _check(actions, {column.feature for column in counted})
    events = [column for column in counted if column.users_column]
    if actions is not None:
        events = [column for column in events if column.feature in actions]
    longest = max((column.window_days for column in events), default=0)
    found = [
        (spread, column.feature, column.name, level)
        for column in events
        if column.window_days == longest
        for level, spread in [_level(frame[column.name])]
        if spread > 0
    ]
    chosen = sorted(found, key=lambda one: (-round(one[0], 3), one[1]))[:MOST_ACTIONS]
    chosen.sort(key=lambda one: one[1])
    return [
        _column([(name, level) for _, _, name, level in members], longest)
        for size in SET_SIZES
        for members in combinations(chosen, size)
    ]


def extended(frame: pd.DataFrame, sets: Sequence[Column]) -> pd.DataFrame:
    """Return the frame with one more column for each set of actions.

    Parameters
    ----------
    frame : DataFrame, one row per (subscription_id, as_of_date)
    sets : sequence of Column
        With ``members``.

    Returns
    -------
    DataFrame, same index
    """
    added = {column.name: count(frame, column.members) for column in sets}
    return pd.concat([frame, pd.DataFrame(added, index=frame.index)], axis=1)


def count(frame: pd.DataFrame, members: Sequence[tuple[str, float]]) -> pd.Series:
    """Count how many of the actions each row did often enough.

    Parameters
    ----------
    frame : DataFrame
    members : sequence of (str, float)
        Columns and the level of each.

    Returns
    -------
    Series of float
        NaN where any of the columns is missing.
    """
    total = pd.Series(0.0, index=frame.index)
    for name, level in members:
        values = pd.to_numeric(frame[name]).astype(float)
        total += (values >= level).astype(float).where(values.notna())
    return total


def _check(actions: Sequence[str], searched: set[str]) -> None:
    """Refuse actions of which no set can be made."""
    absent = [name for name in actions if name not in searched]
    if absent:
        raise ParameterError(
            "an action to combine is not among the searched features",
            where="combine",
            got=", ".join(absent[:5]),
            repair=f"some of: {', '.join(sorted(searched)[:MOST_ACTIONS])}",
        )
    if len(set(actions)) < min(SET_SIZES):
        raise ParameterError(
            "too few actions to combine",
            where="combine",
            got=", ".join(actions),
            repair=f"name {min(SET_SIZES)} actions or more, or none to combine nothing",
        )


def _level(values: pd.Series) -> tuple[float, float]:
    """Return the round level that divides the customers most evenly, and how evenly (0 to .25)."""
    known = values.dropna().astype(float).to_numpy()
    if not len(known):
        return 1.0, 0.0
    shares = np.array([(known >= level).mean() for level in LEVELS])
    spread = np.where((shares >= LEAST_SHARE) & (shares <= MOST_SHARE), shares * (1 - shares), 0.0)
    best = int(np.argmax(np.round(spread, 3)))
    return float(LEVELS[best]), float(spread[best])


def _column(members: Sequence[tuple[str, float]], window_days: int) -> Column:
    said = "+".join(f"{name}>={level:g}" for name, level in members)
    return Column(
        name=f"{MEASURE}({said})", measure=MEASURE, feature=FEATURE, window_days=window_days,
        users_column=None, members=tuple(members),
    )  # fmt: skip
