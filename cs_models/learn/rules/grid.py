"""The rules that are searched, and the one sum on which every engine stands.

Grain in: the population's rows.  Grain out: one row per admissible rule (feature, at least N,
within T days, by at least U users), and sums of row weights above each cut for all rules at
once, from one binning per (scope, feature, window).  ``methods.md`` 2.3 and 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.rules.bins import Bins

FEW_COLUMNS = 32

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Column:
    """A searchable panel column and the column that counts the users behind it."""

    name: str
    measure: str
    feature: str
    window_days: int
    users_column: str | None
    members: tuple[tuple[str, float], ...] = ()  # columns and levels of a "k of these" rule


@dataclass(frozen=True)
class Block:
    """All cuts of one column in one scope (the whole book, or one segment).

    Attributes
    ----------
    rows : ndarray of int
        Population rows of the scope in which the column is known; columns of a scope that are
        known in the very same rows share one array.
    amounts, users : ndarray of float, shape (n_population,)
        The column and the users behind it.
    cuts, min_users : ndarray of float
        The candidate levels; a rule is one pair of them.
    admissible : ndarray of bool, shape (n_cuts, n_min_users)
    bins : Bins
        Which of the n_cuts * n_min_users cells each row falls into.
    """

    scope: str | None
    column: Column
    rows: NDArray[np.int64]
    amounts: Float
    users: Float
    cuts: Float
    min_users: Float
    admissible: Mask
    bins: Bins

    @property
    def n_above(self) -> NDArray[np.int64]:
        """Return the rows above every level, shape (n_cuts, n_min_users)."""
        cells = self.bins.sizes.reshape(len(self.cuts), len(self.min_users))
        above: NDArray[np.int64] = cells[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
        return above

    def above(self, weights: NDArray[np.generic]) -> NDArray[np.floating]:
        """Sum row weights above every (cut, users) level.

        Parameters
        ----------
        weights : ndarray, shape (n_population, n_columns)
            Floats; or int16, which must be 0 and 1.

        Returns
        -------
        ndarray of float, shape (n_cuts, n_min_users, n_columns)
            float32 for int16 weights.
        """
        return self._cumulated(self.bins.sums(weights))

    def counts(self, codes: NDArray[np.int64], n_codes: int) -> Float:
        """Count the rows of each code above every (cut, users) level.

        Parameters
        ----------
        codes : ndarray of int, shape (n_population,)
            From 0 to n_codes - 1.
        n_codes : int

        Returns
        -------
        ndarray of float, shape (n_cuts, n_min_users, n_codes)
        """
        cell = np.repeat(np.arange(self.bins.n_cells), self.bins.sizes)
        return self.tally(cell, codes[self.bins.matrix.indices], n_codes)

    def tally(
        self,
        cells: NDArray[np.integer],
        codes: NDArray[np.integer],
        n_codes: int,
        weights: Float | None = None,
    ) -> Float:
        """Count things of known cell and code above every (cut, users) level.

        Parameters
        ----------
        cells, codes : ndarray of int, shape (n,)
            Cell of each, -1 for none, and its code from 0 to n_codes - 1.
        n_codes : int
        weights : ndarray of float, shape (n,), optional
            How much each counts; 1 when None.

        Returns
        -------
        ndarray of float, shape (n_cuts, n_min_users, n_codes)
        """
        flat = cells.astype(np.int64) * n_codes + codes
        if len(flat) and cells.min() < 0:
            inside = cells >= 0
            flat, weights = flat[inside], None if weights is None else weights[inside]
        sums = np.bincount(flat, weights, minlength=self.bins.n_cells * n_codes)
        cumulated = self._cumulated(sums.astype(np.float64).reshape(self.bins.n_cells, n_codes))
        return np.asarray(cumulated, dtype=np.float64)

    def lower(self, one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the highest cell whose levels two rows both reach, from the cell of each."""
        if len(self.min_users) == 1:
            return np.minimum(one, other)
        cut, users = np.divmod(one, len(self.min_users))
        other_cut, other_users = np.divmod(other, len(self.min_users))
        both = np.minimum(cut, other_cut) * len(self.min_users) + np.minimum(users, other_users)
        return np.where((one < 0) | (other < 0), np.int32(-1), both).astype(np.int32)

    def _cumulated(self, cells: NDArray[np.floating]) -> NDArray[np.floating]:
        sums = cells.reshape(len(self.cuts), len(self.min_users), cells.shape[1])
        if sums.shape[2] < FEW_COLUMNS:
            sums = np.ascontiguousarray(np.cumsum(sums[::-1], axis=0)[::-1])
        else:  # adding whole slices is faster than cumsum once they are wide
            for level in range(len(self.cuts) - 2, -1, -1):
                sums[level] += sums[level + 1]
        for level in range(len(self.min_users) - 2, -1, -1):
            sums[:, level] += sums[:, level + 1]
        return sums

    def indicator(self, cut: int, users: int) -> Mask:
        """Return which rows of the population stand above a rule (rows in scope only count)."""
        above = np.zeros(len(self.amounts), dtype=bool)
        above[self.rows] = (self.amounts[self.rows] >= self.cuts[cut]) & (
            self.users[self.rows] >= self.min_users[users]
        )
        return above


@dataclass(frozen=True)
class Grid:
    """Every admissible rule of every scope.

    Attributes
    ----------
    blocks : tuple of Block
    rules : DataFrame, one row per rule
        ``block``, ``i_cut``, ``i_users`` locate it; ``segment``, ``feature``, ``measure``,
        ``column``, ``users_column``, ``members``, ``window_days``, ``cut``, ``min_users``,
        ``n_above``, ``n_terms`` (rows in which it is known) describe it.
    """

    blocks: tuple[Block, ...]
    rules: pd.DataFrame

    def above(self, weights: NDArray[np.generic]) -> NDArray[np.floating]:
        """Sum row weights above every rule.

        Parameters
        ----------
        weights : ndarray, shape (n_population, k)
            Floats; or int16, which must be 0 and 1.

        Returns
        -------
        ndarray of float, shape (n_rules, k)
            float32 for int16 weights.
        """
        short = weights.dtype == np.int16
        out = np.empty((len(self.rules), weights.shape[1]), np.float32 if short else weights.dtype)
        for block, rules in self.slices():
            out[rules] = block.above(weights)[block.admissible]
        return out

    def slices(self) -> Iterator[tuple[Block, slice]]:
        """Yield each block with the places of its rules."""
        start = 0
        for block in self.blocks:
            end = start + int(np.count_nonzero(block.admissible))
            yield block, slice(start, end)
            start = end

    def indicator(self, rule: int) -> Mask:
        """Return which rows of the population stand above the rule."""
        at = self.rules.iloc[rule]
        block = self.blocks[int(at["block"])]
        return block.indicator(int(at["i_cut"]), int(at["i_users"]))

    def parts(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return rows and rules together: rules that are known in the very same rows.

        Returns
        -------
        list of (ndarray of int, ndarray of int)
            Population rows, and the rules that are judged on them.
        """
        found: dict[int, tuple[NDArray[np.int64], list[int]]] = {}
        for number, block in enumerate(self.blocks):
            found.setdefault(id(block.rows), (block.rows, []))[1].append(number)
        of_block = self.rules["block"].to_numpy()
        return [
            (rows, np.flatnonzero(np.isin(of_block, numbers))) for rows, numbers in found.values()
        ]

    def scope_rows(self, rule: int) -> NDArray[np.int64]:
        """Return the population rows that the rule speaks of."""
        return self.blocks[int(self.rules["block"].iloc[rule])].rows

    def subset(self, scope: str | None) -> tuple[Grid, NDArray[np.int64]]:
        """Return the grid of one scope, and where its rules stand in this one."""
        numbers = [i for i, block in enumerate(self.blocks) if block.scope == scope]
        mine = np.flatnonzero(self.in_scope(scope))
        rules = self.rules.iloc[mine].reset_index(drop=True)
        renumbered = {old: new for new, old in enumerate(numbers)}
        rules = rules.assign(block=rules["block"].map(renumbered).astype(np.int64))
        return Grid(tuple(self.blocks[i] for i in numbers), rules), mine

    def in_scope(self, scope: str | None) -> Mask:
        """Return which rules belong to a scope: None for the whole book."""
        numbers = [i for i, block in enumerate(self.blocks) if block.scope == scope]
        return self.rules["block"].isin(numbers).to_numpy(dtype=bool)
