"""Stretches of days without a change, and which changes can change an answer.

Grain: one row per thing (an account, a user) and stretch of days.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError


@dataclass(frozen=True)
class Stretches:
    """Stretches of days without a change.

    Attributes
    ----------
    frame : DataFrame, one row per thing and stretch
        The thing's ids, ``from_day``, ``to_day`` (both within the stretch), ``origin`` and the
        columns as on ``from_day``.
    absent : dict of str to str
        Columns of which nothing is known, all missing in the frame, each with the reason.
    as_of, data_start : datetime.date
        The last day of all; the first day of recorded use.
    """

    frame: pd.DataFrame
    absent: dict[str, str]
    as_of: date
    data_start: date


def state(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return a number that changes whenever an answer that asks for these levels may.

    Parameters
    ----------
    values : ndarray of float or bool, shape (n,)
        NaN where not known.
    levels : sequence of float
        Least values of a new answer; "more than 3" has the smallest number above 3.  Not read for
        yes-and-no.

    Returns
    -------
    ndarray, shape (n,)
        How many levels are reached; -1 where not known.
    """
    if values.dtype == bool:
        return values
    cuts = np.asarray(sorted(set(levels)), dtype=np.float64)
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, values, side="right"))


def check(levels: Mapping[str, Sequence[float]], known: Iterable[str], what: str) -> None:
    """Refuse columns that are not known of a thing on a day.

    Raises
    ------
    ParameterError
        With the nearest name.
    """
    names = list(known)
    for name in levels:
        if name not in names:
            close = get_close_matches(name, names, n=1, cutoff=0.5)
            raise ParameterError(
                f"no such thing is known of {what} on a day",
                where="a stage", got=repr(name),
                repair=f"did you mean {close[0]}?" if close else f"one of {', '.join(names)}",
            )  # fmt: skip


def with_absent(frame: pd.DataFrame, absent: Iterable[str], flags: Container[str]) -> pd.DataFrame:
    """Return the frame with columns of which nothing is known, all missing."""
    blank = {
        name: pd.array([pd.NA] * len(frame), dtype="boolean")
        if name in flags
        else np.full(len(frame), np.nan)
        for name in absent
    }
    return frame.assign(**blank)
