"""From the columns of a frame to numbers that a regression can use, and what it refuses.

Grain: one row in, one row out.  A number stays a number; text, categories and truth values become
one column for each value but the commonest, in a fixed order.  A missing number takes the
median of the rows learnt from, and a column says so where enough rows miss it.  Columns that
never vary or follow from others are left out, with a notice.

Source: ``reliability.md`` E6 to E9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from pandas.api import types as kinds

from cs_models.errors import DataError
from cs_models.learn.hazards.observed import Float, Int

LEAST_LEVEL: Final = 10
OTHER: Final = "other"
MISSING: Final = "missing"
_NUMBERS: Final = ("decimal", "integer", "floating", "mixed-integer-float")


@dataclass(frozen=True)
class Number:
    """A numeric column: missing values become ``fill``; ``flag`` marks them where it holds."""

    column: str
    fill: float
    flag: bool


@dataclass(frozen=True)
class Category:
    """A column of names: one indicator per level; everything else stands at ``reference``.

    ``rest`` is the level that takes names never seen or too rare for a column of their own.
    """

    column: str
    reference: str
    levels: tuple[str, ...]
    rest: str


@dataclass(frozen=True)
class Design:
    """How a frame becomes a matrix, learnt once and used again.

    Attributes
    ----------
    parts : tuple of Number or Category
        In the order of the columns asked for.
    columns : tuple of str
        The matrix's columns that are kept: a column's name, ``name=level`` or ``name missing``.
    notices : tuple of str
        What was left out, one sentence each.
    """

    parts: tuple[Number | Category, ...]
    columns: tuple[str, ...]
    notices: tuple[str, ...] = ()

    def matrix(self, frame: pd.DataFrame) -> Float:
        """Return the matrix of a frame, shape (n_rows, n_columns).

        Raises
        ------
        DataError
            A column is absent, or holds an infinite value.
        """
        _present(frame, [part.column for part in self.parts])
        return _stacked(_expand(frame, self.parts), self.columns, len(frame))

    def of(self, name: str) -> str:
        """Return the frame's column that a column of the matrix comes from."""
        for part in self.parts:
            if name in _names(part):
                return part.column
        return name


def _stacked(whole: dict[str, Float], names: Sequence[str], n_rows: int) -> Float:
    return np.array([whole[name] for name in names]).T if names else empty(n_rows)


def empty(n_rows: int) -> Float:
    """Return a matrix without columns."""
    return np.empty((n_rows, 0))


def learn(frame: pd.DataFrame, columns: Sequence[str], *, categories: Sequence[str] = ()) -> Design:
    """Learn how the columns of a frame become a matrix.

    Parameters
    ----------
    frame : DataFrame, one row per opportunity or episode
        Rows learnt from.
    columns : sequence of str
        Columns to use.
    categories : sequence of str, default ()
        Columns whose numbers are names (such as the months of a contract).

    Returns
    -------
    Design

    Raises
    ------
    DataError
        A column is absent, holds an infinite value, or no value at all.
    """
    return learn_matrix(frame, columns, categories=categories)[0]


def learn_matrix(
    frame: pd.DataFrame, columns: Sequence[str], *, categories: Sequence[str] = ()
) -> tuple[Design, Float]:
    """Learn how the columns of a frame become a matrix, and return that of this frame with it.

    Parameters
    ----------
    frame, columns, categories
        As for `learn`.

    Returns
    -------
    tuple of (Design, ndarray of shape (n_rows, n_columns))
        What ``design.matrix(frame)`` returns too; each column is contiguous in memory.

    Raises
    ------
    DataError
        As `learn`.
    """
    chosen = list(dict.fromkeys(columns))
    _present(frame, chosen)
    parts = tuple(_part(frame[name], name, name in categories) for name in chosen)
    whole = _expand(frame, parts)
    kept, notices = _independent(whole)
    return Design(parts, kept, notices), _stacked(whole, kept, len(frame))


def _present(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise DataError(
            "a column that the model needs is not in the frame",
            where=", ".join(absent),
            got=", ".join(map(str, frame.columns[:8])),
            repair="build the frame with the same columns as the one learnt from",
        )


def _part(values: pd.Series, name: str, as_names: bool) -> Number | Category:
    if values.notna().sum() == 0:
        raise DataError("a column holds no value", where=name, repair="leave the column out")
    if kinds.is_datetime64_any_dtype(values) or kinds.is_timedelta64_dtype(values):
        raise DataError(
            "a date is no measure of a customer",
            where=name,
            repair="give the days since it, as known at the decision date",
        )
    if as_names or not _is_number(values):
        return _category(*_coded(values), name)
    numbers = _numbers(values, name)
    n_missing = int(np.isnan(numbers).sum())
    flag = LEAST_LEVEL <= n_missing <= len(numbers) - LEAST_LEVEL
    return Number(name, float(np.nanmedian(numbers)), flag)


def _is_number(values: pd.Series) -> bool:
    """Return whether a column holds numbers, money as Decimal included; truth values are names."""
    if kinds.is_bool_dtype(values):
        return False
    if kinds.is_numeric_dtype(values):
        return True
    return kinds.infer_dtype(values, skipna=True) in _NUMBERS


def _category(codes: Int, names: list[str], name: str) -> Category:
    numbers = np.bincount(codes, minlength=len(names))
    order = sorted(range(len(names)), key=lambda place: (-numbers[place], names[place]))
    common = [place for place in order if numbers[place] >= LEAST_LEVEL] or order[:1]
    rare = int(numbers[order[len(common) :]].sum()) >= LEAST_LEVEL
    reference = names[common[0]]
    levels = tuple(sorted(names[place] for place in common[1:])) + ((OTHER,) if rare else ())
    return Category(name, reference, levels, OTHER if rare else reference)


def _coded(values: pd.Series) -> tuple[Int, list[str]]:
    """Return a number for each row's name, and the names; each distinct value is written once."""
    codes, distinct = pd.factorize(values)
    written = "{:g}".format if _is_number(values) else str
    names = [written(value) for value in distinct]
    return np.where(codes < 0, len(names), codes), [*names, MISSING]


def _numbers(values: pd.Series, name: str) -> Float:
    given = values.astype("Float64") if values.dtype == object else values  # money as Decimal
    numbers = np.asarray(given.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    if np.isinf(numbers).any():
        raise DataError(
            "a column holds infinite values",
            where=name,
            got=f"{int(np.isinf(numbers).sum())} of {len(numbers)} rows",
            repair="a share of nought is missing, not infinite: mend it where it is computed",
        )
    return numbers


def _names(part: Number | Category) -> list[str]:
    if isinstance(part, Category):
        return [f"{part.column}={level}" for level in part.levels]
    return [part.column, f"{part.column} missing"] if part.flag else [part.column]


def _expand(frame: pd.DataFrame, parts: Sequence[Number | Category]) -> dict[str, Float]:
    whole: dict[str, Float] = {}
    for part in parts:
        if isinstance(part, Category):
            codes, names = _coded(frame[part.column])
            place = {level: at for at, level in enumerate((part.reference, *part.levels))}
            level_of = np.array([place.get(name, place[part.rest]) for name in names])[codes]
            for at, column in enumerate(_names(part), start=1):
                whole[column] = np.asarray(level_of == at, dtype=np.float64)
        else:
            numbers = _numbers(frame[part.column], part.column)
            missing = np.isnan(numbers)
            whole[part.column] = np.where(missing, part.fill, numbers)
            if part.flag:
                whole[f"{part.column} missing"] = np.asarray(missing, dtype=np.float64)
    return whole


def _independent(whole: dict[str, Float]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep, in order, the columns that vary and do not follow from those before them."""
    names: list[str] = []
    notices: list[str] = []
    basis = np.empty((len(whole), len(next(iter(whole.values()), ()))))
    for name, values in whole.items():
        rest = basis[len(names)]  # becomes one more row of the basis where something is left
        np.subtract(values, values.mean(), out=rest)
        size = float(np.linalg.norm(rest))
        if size <= 1e-10 * (1.0 + float(np.linalg.norm(values))):
            notices.append(f"{name} never varies: left out")
            continue
        rest /= size
        known = basis[: len(names)]
        for _ in range(2):  # twice: the first pass leaves rounding behind
            rest -= (known @ rest) @ known
        left = float(np.linalg.norm(rest))
        if left < 1e-6:
            notices.append(f"{name} follows from the columns before it: left out")
            continue
        rest /= left
        names.append(name)
    return tuple(names), tuple(notices)
