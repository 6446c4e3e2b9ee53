"""Answering a criterion for every row, and refusing what a frame cannot answer.

Grain in: any frame.  Grain out: one answer per row.

Source: S. C. Kleene, Introduction to Metamathematics (1952), section 64.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import reduce
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.features.criteria.form import AllOf, AnyOf, Criterion, Leaf, Not, bound


def holds(criterion: Criterion, frame: pd.DataFrame) -> pd.Series:
    """Answer a criterion for every row.

    Parameters
    ----------
    criterion : Criterion
        What is asked.
    frame : pandas.DataFrame of shape (n, ...)
        One row per thing, with the criterion's columns.

    Returns
    -------
    pandas.Series of boolean, shape (n,)
        True, False, or NA where it is not known (Kleene); the frame's index.

    Raises
    ------
    ParameterError
        As :func:`check` does.
    """
    check(criterion, frame)
    return _answer(criterion, frame)


def check(criterion: Criterion, frame: pd.DataFrame, *, where: str = "") -> None:
    """Refuse a criterion that a frame cannot answer.

    Parameters
    ----------
    criterion : Criterion
        What is asked.
    frame : pandas.DataFrame
        Any rows, or none: only its columns and their types are read.
    where : str, default ""
        What the criterion is of, for the message.

    Raises
    ------
    ParameterError
        For the first column that is not there, naming the nearest one that is, or that holds
        another kind of value, naming both kinds.
    """
    if not isinstance(criterion, Leaf):
        parts = (criterion.part,) if isinstance(criterion, Not) else criterion.parts
        for part in parts:
            check(part, frame, where=where)
        return
    here = f"{where}: {criterion.column}" if where else criterion.column
    if criterion.column not in frame.columns:
        raise unknown_column(criterion.column, map(str, frame.columns), where=where)
    asked, found = _asked(criterion), _kind(frame[criterion.column])
    if "" not in (asked, found) and asked != found:
        raise ParameterError(
            "a criterion asks another kind of value than its column holds",
            where=here, got=f"{asked} asked of a column of {found}s",
            repair=_REPAIRS[found],
        )  # fmt: skip


def unknown_column(column: str, known: Iterable[str], *, where: str = "") -> ParameterError:
    """Return the refusal of a column that is not there, with the nearest one that is.

    Parameters
    ----------
    column : str
        What was asked.
    known : iterable of str
        The columns that are there.
    where : str, default ""
        What asked it.
    """
    names = list(known)
    close = get_close_matches(column, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}? " if close else ""
    some = "" if close else f"for example {', '.join(names[:8])}"
    return ParameterError(
        "unknown column in a criterion",
        where=where or "a criterion", got=repr(column),
        repair=f"{hint}{some}".strip() or "a column that is there",
    )  # fmt: skip


_REPAIRS: Final = {
    "number": "a range of numbers (at_least, more_than, at_most, fewer_than), or one_of numbers",
    "date": "a range of ISO dates, such as at_least: 2026-01-31",
    "yes or no": "is: true or is: false",
    "text": "one_of: [a text, another]",
}


def _answer(criterion: Criterion, frame: pd.DataFrame) -> pd.Series:
    if isinstance(criterion, Not):
        return ~_answer(criterion.part, frame)
    if isinstance(criterion, AllOf):
        return reduce(lambda one, two: one & two, (_answer(p, frame) for p in criterion.parts))
    if isinstance(criterion, AnyOf):
        return reduce(lambda one, two: one | two, (_answer(p, frame) for p in criterion.parts))
    values = frame[criterion.column]
    unknown = values.isna()
    if criterion.missing is not None:
        return (unknown == criterion.missing).astype("boolean")
    if criterion.is_ is not None:
        return (values.astype("boolean") == criterion.is_).astype("boolean")
    met = values.isin(criterion.one_of) if criterion.one_of else _within(criterion, values)
    answered: pd.Series = met.astype("boolean").mask(unknown.astype(bool))
    return answered


def _within(leaf: Leaf, values: pd.Series) -> pd.Series:
    """Return whether every side holds; False where the value is missing."""
    bounds = {side: bound(value, leaf.column) for side, value in leaf.sides.items()}
    if any(isinstance(level, pd.Timestamp) for level in bounds.values()):
        read: pd.Series = pd.to_datetime(values)
    else:
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        plain = values if numeric else pd.to_numeric(values.astype(object).where(values.notna()))
        read = pd.Series(plain.to_numpy(np.float64, na_value=np.nan), index=values.index)
    compared = {
        "at_least": read.ge, "more_than": read.gt, "at_most": read.le, "fewer_than": read.lt,
    }  # fmt: skip
    met = (compared[side](level) for side, level in bounds.items())
    return reduce(lambda one, two: one & two, met).fillna(False).astype(bool)


def _asked(leaf: Leaf) -> str:
    """Return the kind of value a leaf asks for; "" for any."""
    if leaf.missing is not None:
        return ""
    if leaf.is_ is not None:
        return "yes or no"
    if leaf.one_of:
        return "text" if all(isinstance(value, str) for value in leaf.one_of) else "number"
    bounds = (bound(side, leaf.column) for side in leaf.sides.values())
    return "number" if isinstance(next(bounds), float) else "date"


def _kind(values: pd.Series) -> str:
    """Return the kind of value a column holds; "" where it holds nothing to tell by."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return "yes or no"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "date"
    known = values.dropna()
    if known.empty:
        return ""
    first = known.iloc[0]
    if isinstance(first, bool | np.bool_):
        return "yes or no"
    if isinstance(first, date):
        return "date"
    return "text" if isinstance(first, str) else "number"
