"""From a panel to numbers: what models read, learnt from the training terms alone.

Grain: panel rows in, one matrix row each.  Two forms of the same columns: ``raw`` with gaps left
open, for trees; ``design`` for regressions, where each number enters as a straight line and a
bend (a restricted cubic spline, Harrell 2015), gaps are filled with the training median, and a
column says where they were.

Everything learnt is plain numbers and names, so that a stored model needs no pickle.

Source: ``methods.md`` 3 (L3: splines, missing indicators); ``reliability.md`` E6, E8, E9.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.errors import DataError
from cs_models.learn.predictors import columns

Floats = npt.NDArray[np.float64]

MIN_ACCOUNTS: Final = 20  # accounts that a word (a region, a plan) must have to count by itself
MAX_WORDS: Final = 12
_KNOTS: Final = (0.1, 0.5, 0.9)
_RANGE: Final = (0.005, 0.995)
_BEND: Final = 0.5  # bends enter at half size: a ridge then asks four times the evidence for one
_OTHER: Final = "other"


@dataclass(frozen=True)
class Number:
    """How one number enters.

    Attributes
    ----------
    name : str
        Panel column.
    logged : bool
        Whether log(1 + x), with its sign, is taken first.
    fill, low, high : float
        Median and range of the training terms on that scale.
    knots : tuple of float
        Knots of the bend; () for a straight line only.
    gaps : bool
        Whether a column says that it is missing.
    center, scale : tuple of float
        Mean and spread of each design column: the line, the bends, the gap.
    """

    name: str
    logged: bool
    fill: float
    low: float
    high: float
    knots: tuple[float, ...]
    gaps: bool
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Columns it takes in a design."""
        return 1 + max(0, len(self.knots) - 2) + int(self.gaps)


@dataclass(frozen=True)
class Word:
    """How one attribute in words enters: a column for each frequent word.

    Attributes
    ----------
    name : str
        Panel column.
    words : tuple of str
        Words with a column; all others, missing included, are the rest.
    center, scale : tuple of float
        Mean and spread of each.
    """

    name: str
    words: tuple[str, ...]
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()


@dataclass(frozen=True)
class Encoder:
    """What turns panel rows into matrices.

    Attributes
    ----------
    numbers : tuple of Number
    words : tuple of Word
    dropped : tuple of str
        Predictors without any variation among the training terms.
    """

    numbers: tuple[Number, ...]
    words: tuple[Word, ...]
    dropped: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Panel columns it reads."""
        return (*(n.name for n in self.numbers), *(w.name for w in self.words))

    @property
    def raw_names(self) -> list[str]:
        """Panel column behind each column of :meth:`raw`."""
        return [*(n.name for n in self.numbers), *(w.name for w in self.words for _ in w.words)]

    @property
    def design_names(self) -> list[str]:
        """Panel column behind each column of :meth:`design`."""
        return [
            *(n.name for n in self.numbers for _ in range(n.width)),
            *(w.name for w in self.words for _ in w.words),
        ]

    @property
    def lines(self) -> list[int]:
        """Places in :meth:`design` of the straight lines, one a number and one a word."""
        places, at = [], 0
        for number in self.numbers:
            places.append(at)
            at += number.width
        return [*places, *range(at, len(self.design_names))]

    def raw(self, frame: pd.DataFrame) -> Floats:
        """Return the numbers as they are, NaN where missing, and words as 1 or 0.

        Parameters
        ----------
        frame : pandas.DataFrame
            Panel rows.

        Returns
        -------
        ndarray of float, shape (n_rows, n_raw)

        Raises
        ------
        DataError
            If a column is missing from the panel, or holds infinite values.
        """
        table = numeric(frame, [n.name for n in self.numbers])
        return np.hstack([table, *(_marked(frame, word) for word in self.words)])

    def design(self, raw: Floats) -> Floats:
        """Return the standardised columns of a regression.

        Parameters
        ----------
        raw : ndarray of float, shape (n_rows, n_raw)
            From :meth:`raw`.

        Returns
        -------
        ndarray of float, shape (n_rows, n_design)
        """
        parts = [
            (_expanded(raw[:, place], number) - number.center) / number.scale
            for place, number in enumerate(self.numbers)
        ]
        at = len(self.numbers)
        for word in self.words:
            marks = raw[:, at : at + len(word.words)]
            parts.append((marks - word.center) / word.scale)
            at += len(word.words)
        return np.hstack(parts) if parts else np.zeros((len(raw), 0))

    def plain(self) -> dict[str, Any]:
        """Return it as lists and scalars."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Encoder:
        """Return the encoder that :meth:`plain` wrote."""
        return cls(
            tuple(Number(**_tuples(item)) for item in plain["numbers"]),
            tuple(Word(**_tuples(item)) for item in plain["words"]),
            tuple(plain["dropped"]),
        )


def learn(frame: pd.DataFrame, names: list[str]) -> Encoder:
    """Learn how the predictors enter, from the training terms alone.

    Parameters
    ----------
    frame : pandas.DataFrame
        Training rows of a panel, with account_id.
    names : list of str
        Predictors.

    Returns
    -------
    Encoder

    Raises
    ------
    DataError
        If a column is missing from the panel, or holds infinite values.
    """
    counted = [name for name in names if name not in columns.CATEGORIES]
    table = numeric(frame, counted)
    numbers, dropped = [], []
    for place, name in enumerate(counted):
        number = _number(name, table[:, place])
        if number is None:
            dropped.append(name)
        else:
            numbers.append(number)
    words = []
    for name in names:
        if name in columns.CATEGORIES:
            word = _word(frame, name)
            if word is None:
                dropped.append(name)
            else:
                words.append(word)
    return Encoder(tuple(numbers), tuple(words), tuple(dropped))


def numeric(frame: pd.DataFrame, names: list[str]) -> Floats:
    """Return columns of numbers as one matrix, NaN where missing.

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
    parts = [
        pd.to_numeric(frame[name]).to_numpy(dtype="float64", na_value=np.nan) for name in names
    ]
    table = np.column_stack(parts) if parts else np.zeros((len(frame), 0))
    infinite = np.isinf(table).any(axis=0)
    if infinite.any():
        name = names[int(np.flatnonzero(infinite)[0])]
        raise DataError(
            "a column holds infinite values",
            where=name,
            got=f"{int(np.isinf(table).sum())} infinite values in {int(infinite.sum())} columns",
            repair="a ratio was divided by nought: leave it missing where it cannot be known",
        )
    return table


def _number(name: str, values: Floats) -> Number | None:
    """Learn how a number enters; None when it never varies."""
    known = np.isfinite(values)
    if known.sum() < 2 or (np.ptp(values[known]) == 0 and known.all()):
        return None
    logged = columns.is_count(name)
    scaled = _logged(values[known]) if logged else values[known]
    low, high = (float(edge) for edge in np.quantile(scaled, _RANGE))
    if low == high:  # rarely anything but one value: the rare ones are the news
        low, high = float(scaled.min()), float(scaled.max())
    draft = Number(
        name, logged, float(np.median(scaled)), low, high, _knots(scaled), bool((~known).any())
    )
    wide = _expanded(values, draft)
    spread = wide.std(axis=0)
    if not (spread > 0).any():
        return None
    scale = np.where(spread > 0, spread, 1.0)
    bends = draft.width - 1 - int(draft.gaps)
    scale[1 : 1 + bends] /= _BEND
    return Number(
        draft.name,
        draft.logged,
        draft.fill,
        draft.low,
        draft.high,
        draft.knots,
        draft.gaps,
        tuple(float(c) for c in wide.mean(axis=0)),
        tuple(float(s) for s in scale),
    )


def _knots(scaled: Floats) -> tuple[float, ...]:
    """Return knots at quantiles, or none where too few values differ for a bend to be seen."""
    knots = np.unique(np.quantile(scaled, _KNOTS))
    return tuple(float(k) for k in knots) if len(knots) >= 3 else ()


def _expanded(values: Floats, number: Number) -> Floats:
    """Return the line, the bends and the gap of a number, not yet standardised."""
    missing = ~np.isfinite(values)
    scaled = _logged(values) if number.logged else values
    line = np.clip(np.where(missing, number.fill, scaled), number.low, number.high)
    parts = [line[:, None]]
    if number.knots:
        parts.append(_bends(line, np.array(number.knots)))
    if number.gaps:
        parts.append(missing[:, None].astype(float))
    return np.hstack(parts)


def _bends(x: Floats, knots: Floats) -> Floats:
    """Return the restricted cubic spline's columns beyond the line (Harrell 2015, 2.4.5)."""
    last, before = knots[-1], knots[-2]
    span = (last - knots[0]) ** 2

    def cubed(k: float) -> Floats:
        return np.maximum(x - k, 0.0) ** 3

    return np.column_stack(
        [
            (
                cubed(k)
                - cubed(before) * (last - k) / (last - before)
                + cubed(last) * (before - k) / (last - before)
            )
            / span
            for k in knots[:-2]
        ]
    )


def _logged(values: Floats) -> Floats:
    logged: Floats = np.sign(values) * np.log1p(np.abs(values))
    return logged


def _word(frame: pd.DataFrame, name: str) -> Word | None:
    """Learn which words of an attribute count; None when there is but one."""
    if name not in frame.columns:
        raise DataError("the panel lacks a column that the model reads", where=name)
    text = frame[name].astype("string").fillna(_OTHER)
    accounts = frame["account_id"].groupby(text.to_numpy()).nunique()
    kept = accounts[accounts >= MIN_ACCOUNTS].sort_values(ascending=False, kind="stable")
    words = tuple(sorted(kept.index[:MAX_WORDS]))
    if len(words) < 2 and (not words or (text == words[0]).all()):
        return None
    marks = (text.to_numpy()[:, None] == np.array(words, dtype=object)[None, :]).astype(float)
    spread = marks.std(axis=0)
    return Word(
        name,
        words,
        tuple(float(m) for m in marks.mean(axis=0)),
        tuple(float(s) if s > 0 else 1.0 for s in spread),
    )


def _marked(frame: pd.DataFrame, word: Word) -> Floats:
    if word.name not in frame.columns:
        raise DataError("the panel lacks a column that the model reads", where=word.name)
    text = frame[word.name].astype("string").fillna(_OTHER).to_numpy(dtype=object)
    marked: Floats = (text[:, None] == np.array(word.words, dtype=object)[None, :]).astype(float)
    return marked


def _tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in item.items()}
