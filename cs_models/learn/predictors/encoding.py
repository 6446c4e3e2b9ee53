"""From a panel to numbers: what models read, learnt from the training terms alone.

Grain: panel rows in, one matrix row each.  Two forms of the same columns: ``raw`` with gaps left
open, for trees; ``design`` for regressions, where each number enters as a straight line and a
bend (``numbers``), gaps are filled with the training median, and a column says where they were.

Everything learnt is plain numbers and names, so that a stored model needs no pickle.

Source: ``methods.md`` 3 (L3: splines, missing indicators); ``reliability.md`` E6, E8, E9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from cs_models.learn.predictors import numbers as lines_and_bends
from cs_models.learn.predictors import table as tables
from cs_models.learn.predictors.numbers import Layout, Number
from cs_models.learn.predictors.table import Floats, Ints, Table, Words

__all__ = ["Encoder", "Floats", "Number", "Word", "learn", "learn_from"]

MIN_ACCOUNTS: Final = 20  # accounts that a word (a region, a plan) must have to count by itself
MAX_WORDS: Final = 12


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

    @cached_property
    def raw_names(self) -> list[str]:
        """Panel column behind each column of :meth:`raw`."""
        return [*(n.name for n in self.numbers), *(w.name for w in self.words for _ in w.words)]

    @cached_property
    def design_names(self) -> list[str]:
        """Panel column behind each column of :meth:`design`."""
        return [
            *(n.name for n in self.numbers for _ in range(n.width)),
            *(w.name for w in self.words for _ in w.words),
        ]

    @cached_property
    def lines(self) -> list[int]:
        """Places in :meth:`design` of the straight lines, one a number and one a word."""
        width = self._layout.width
        return [*self._layout.lines.tolist(), *range(width, len(self.design_names))]

    @cached_property
    def _layout(self) -> Layout:
        return Layout.of(self.numbers)

    @cached_property
    def _standard(self) -> tuple[Floats, Floats]:
        """Middle and spread of each column of :meth:`design`."""
        every: tuple[Number | Word, ...] = (*self.numbers, *self.words)
        center = np.array([c for each in every for c in each.center], dtype="float64")
        return center, np.array([s for each in every for s in each.scale], dtype="float64")

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
        made = np.empty((len(frame), len(self.raw_names)))
        names = [number.name for number in self.numbers]
        tables.fill(frame, names, made[:, : len(names)])
        self._mark(made, {word.name: tables.words(frame, word.name) for word in self.words})
        return made

    def raw_of(self, table: Table, rows: Ints) -> Floats:
        """Return what :meth:`raw` does, of some rows of a table that was read before.

        Parameters
        ----------
        table : Table
            With the columns that it reads.
        rows : ndarray of int
            Places in the table.

        Returns
        -------
        ndarray of float, shape (n_rows, n_raw)
        """
        made = np.empty((len(rows), len(self.raw_names)))
        at = {name: place for place, name in enumerate(table.names)}
        mine = np.array([at[number.name] for number in self.numbers], dtype=np.int64)
        for block in lines_and_bends.blocks(len(rows), len(at)):
            made[block, : len(mine)] = table.numbers[rows[block]][:, mine]
        self._mark(made, table.words, rows)
        return made

    def _mark(self, made: Floats, words: dict[str, Words], rows: Any = slice(None)) -> None:
        at = len(self.numbers)
        for word in self.words:
            made[:, at : at + len(word.words)] = words[word.name].marks(word.words, rows)
            at += len(word.words)

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
        made = np.empty((len(raw), len(self.design_names)))
        for block in lines_and_bends.blocks(*made.shape):
            self._expand(raw[block], made[block])
        return made

    def some_design(self, raw: Floats, places: Sequence[int], dtype: type) -> npt.NDArray[Any]:
        """Return some columns of :meth:`design` without making the others for all rows.

        Parameters
        ----------
        raw : ndarray of float, shape (n_rows, n_raw)
            From :meth:`raw`.
        places : sequence of int
            Columns of the design.
        dtype : type
            ``numpy.float64``, or ``numpy.float32`` for half the memory.

        Returns
        -------
        ndarray, shape (n_rows, n_places)
        """
        width, mine = len(self.design_names), list(places)
        made: npt.NDArray[Any] = np.empty((len(raw), len(mine)), dtype=dtype)
        for block in lines_and_bends.blocks(len(raw), width):
            part = np.empty((len(raw[block]), width))
            self._expand(raw[block], part)
            made[block] = part[:, mine]
        return made

    def _expand(self, values: Floats, into: Floats) -> None:
        """Write the design of some rows."""
        center, scale = self._standard
        width, n_numbers = self._layout.width, len(self.numbers)
        self._layout.expand(values[:, :n_numbers], into)
        into[:, width:] = values[:, n_numbers:]
        into -= center
        into /= scale

    def straight(self, raw: Floats) -> Floats:
        """Return the columns :attr:`lines` of :meth:`design` alone.

        Parameters
        ----------
        raw : ndarray of float, shape (n_rows, n_raw)
            From :meth:`raw`.

        Returns
        -------
        ndarray of float, shape (n_rows, n_raw)
        """
        made = np.empty((len(raw), len(self.lines)))
        center, scale = (values[self.lines] for values in self._standard)
        n_numbers = len(self.numbers)
        for block in lines_and_bends.blocks(*made.shape):
            part, values = made[block], raw[block]
            part[:, :n_numbers] = self._layout.line(values[:, :n_numbers])
            part[:, n_numbers:] = values[:, n_numbers:]
            part -= center
            part /= scale
        return made

    def plain(self) -> dict[str, Any]:
        """Return it as lists and scalars."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Encoder:
        """Return the encoder that :meth:`plain` wrote."""
        made = cls(
            tuple(Number(**_tuples(item)) for item in plain["numbers"]),
            tuple(Word(**_tuples(item)) for item in plain["words"]),
            tuple(plain["dropped"]),
        )
        made.design(np.zeros((1, len(made.raw_names))))  # what does not fit together fails here
        return made


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
    account = tables.codes(frame["account_id"])
    return learn_from(tables.read(frame, names), account, np.arange(len(frame)))


def learn_from(table: Table, account: Ints, rows: Ints) -> Encoder:
    """Learn how the predictors enter, from some rows of a table.

    Parameters
    ----------
    table : Table
        Predictors of all terms.
    account : ndarray of int, shape (n_all_rows,)
        Account code of each row of the table.
    rows : ndarray of int
        Places of the training terms.

    Returns
    -------
    Encoder

    Notes
    -----
    Quantiles, middles and spreads of more than 200,000 terms are those of 200,000 of them, evenly
    spread.
    """
    values = table.numbers[rows[lines_and_bends.sample(len(rows))]]
    gaps = _gaps(table.numbers, rows)
    found = lines_and_bends.learn(table.names, values, gaps)
    numbers = tuple(number for number in found if number is not None)
    kept = {name: _word(name, each, account, rows) for name, each in table.words.items()}
    words = tuple(word for word in kept.values() if word is not None)
    dropped = [name for name, each in zip(table.names, found, strict=True) if each is None]
    return Encoder(numbers, words, (*dropped, *(n for n, word in kept.items() if word is None)))


def _gaps(values: Floats, rows: Ints) -> Any:
    """Say which columns lack a value in any of the rows."""
    found = np.zeros(values.shape[1], dtype=bool)
    for block in lines_and_bends.blocks(len(rows), values.shape[1]):
        found |= np.isnan(values[rows[block]]).any(axis=0)
    return found


def _word(name: str, own: Words, account: Ints, rows: Ints) -> Word | None:
    """Learn which words of an attribute count; None when there is but one."""
    codes, n_accounts = own.codes[rows], int(account.max(initial=0)) + 1
    pairs = np.unique(codes * n_accounts + account[rows])
    accounts = np.bincount(pairs // n_accounts, minlength=len(own.names))
    frequent = np.argsort(-accounts, kind="stable")[:MAX_WORDS]
    kept = np.sort(frequent[accounts[frequent] >= MIN_ACCOUNTS])
    share = np.bincount(codes, minlength=len(own.names))[kept] / max(1, len(rows))
    if not len(kept) or (len(kept) < 2 and share[0] == 1):
        return None
    spread = np.sqrt(share * (1 - share))
    return Word(
        name,
        tuple(own.names[at] for at in kept),
        tuple(share.tolist()),
        tuple(np.where(spread > 0, spread, 1.0).tolist()),
    )


def _tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in item.items()}
