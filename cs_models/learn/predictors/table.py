"""A panel's predictors as numbers, read from the frame once.

Grain: panel rows in, one matrix row each out; attributes in words become codes.  A backtest stands
at many quarters and folds; each takes rows of the same table instead of reading the frame again.

Source: ``reliability.md`` E6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.errors import DataError
from cs_models.learn.predictors import columns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OTHER: Final = "other"  # what stands for a missing word


@dataclass(frozen=True)
class Words:
    """One attribute in words.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows,)
        Place of each row's word in ``names``; a missing word is "other".
    names : tuple of str
        Distinct words, sorted.
    """

    codes: Ints
    names: tuple[str, ...]

    def marks(self, words: tuple[str, ...], rows: Any = slice(None)) -> Floats:
        """Return 1 where a row has each of some words, else 0: shape (n_rows, n_words)."""
        place = {word: at for at, word in enumerate(words)}
        found = np.array([place.get(name, -1) for name in self.names], dtype=np.int64)
        marked: Floats = (found[self.codes[rows]][:, None] == np.arange(len(words))).astype(float)
        return marked


@dataclass(frozen=True)
class Table:
    """Predictors of panel rows.

    Attributes
    ----------
    names : tuple of str
        Columns of ``numbers``.
    numbers : ndarray of float, shape (n_rows, n_names)
        NaN where missing.
    words : dict of str to Words
        Attributes in words.
    """

    names: tuple[str, ...]
    numbers: Floats
    words: dict[str, Words]


def bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same frame without ``attrs``: pandas copies those with every column taken."""
    found = frame.copy(deep=False)
    found.attrs = {}
    return found


def read(frame: pd.DataFrame, names: list[str], rows: Ints | None = None) -> Table:
    """Read predictors from a panel.

    Parameters
    ----------
    frame : pandas.DataFrame
        Panel rows.
    names : list of str
        Predictors.
    rows : ndarray of int, optional
        Places of the rows to read, in the order wanted; all when None.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If a column is missing from the panel, or holds infinite values.
    """
    counted = [name for name in names if name not in columns.CATEGORIES]
    worded = [name for name in names if name in columns.CATEGORIES]
    frame = bare(frame)
    n_rows = len(frame) if rows is None else len(rows)
    numbers = np.empty((n_rows, len(counted)))
    fill(frame, counted, numbers, rows)
    return Table(tuple(counted), numbers, {name: words(frame, name, rows) for name in worded})


def numeric(frame: pd.DataFrame, names: list[str]) -> Floats:
    """Return columns of numbers as one matrix, NaN where missing.

    Raises
    ------
    DataError
        If a column is missing from the panel, or holds infinite values.
    """
    numbers = np.empty((len(frame), len(names)))
    fill(frame, names, numbers)
    return numbers


def fill(frame: pd.DataFrame, names: list[str], into: Floats, rows: Ints | None = None) -> None:
    """Write columns of numbers into the columns of a matrix, NaN where missing.

    Parameters
    ----------
    frame : pandas.DataFrame
        Panel rows.
    names : list of str
        Panel columns.
    into : ndarray of float, shape (n_rows, n_names)
        Where they are written.
    rows : ndarray of int, optional
        Places of the rows to read; all when None.

    Raises
    ------
    DataError
        If a column is missing from the panel, or holds infinite values.
    """
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise DataError(
            "the panel lacks a column that the model reads",
            where=absent[0],
            got=f"{len(absent)} of {len(names)} columns are not there",
            repair="build the panel with the windows and features that the model was fitted on",
        )
    frame = bare(frame)
    infinite: dict[str, int] = {}
    for place, name in enumerate(names):
        column = pd.to_numeric(frame[name]).to_numpy(dtype="float64", na_value=np.nan)
        values = column if rows is None else column[rows]
        into[:, place] = values
        # A sum is infinite or missing wherever a value is; most columns need no second look.
        if not np.isfinite(values.sum()) and np.isinf(values).any():
            infinite[name] = int(np.isinf(values).sum())
    if infinite:
        raise DataError(
            "a column holds infinite values",
            where=next(iter(infinite)),
            got=f"{sum(infinite.values())} infinite values in {len(infinite)} columns",
            repair="a ratio was divided by nought: leave it missing where it cannot be known",
        )


def words(frame: pd.DataFrame, name: str, rows: Ints | None = None) -> Words:
    """Return one attribute in words.

    Raises
    ------
    DataError
        If the column is missing from the panel.
    """
    if name not in frame.columns:
        raise DataError("the panel lacks a column that the model reads", where=name)
    text = frame[name] if rows is None else frame[name].iloc[rows]
    codes, found = pd.factorize(text.astype("string").fillna(OTHER), sort=True)
    return Words(codes.astype(np.int64), tuple(map(str, found)))


def codes(account: pd.Series) -> Ints:
    """Return account codes from 0, in the order in which accounts come."""
    return np.asarray(pd.factorize(account)[0], dtype=np.int64)
