"""The rules that are searched, and the one sum on which every engine stands.

Grain in: the population's rows.  Grain out: one row per admissible rule (feature, at least N,
within T days, by at least U users), and sums of row weights above each cut for all rules at
once, from one binning per (scope, feature, window).  ``methods.md`` 2.3 and 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

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
        Population rows of the scope in which the column is known.
    amounts, users : ndarray of float, shape (n_population,)
        The column and the users behind it.
    cuts, min_users : ndarray of float
        The candidate levels; a rule is one pair of them.
    admissible : ndarray of bool, shape (n_cuts, n_min_users)
    bins : csr_matrix, shape (n_cuts * n_min_users, n_population)
        Which cell of (cut, users) each row falls into.
    """

    scope: str | None
    column: Column
    rows: NDArray[np.int64]
    amounts: Float
    users: Float
    cuts: Float
    min_users: Float
    admissible: Mask
    bins: sparse.csr_matrix

    def above(self, weights: NDArray[np.floating]) -> NDArray[np.floating]:
        """Sum row weights above every (cut, users) level.

        Parameters
        ----------
        weights : ndarray, shape (n_population, n_columns)

        Returns
        -------
        ndarray, shape (n_cuts, n_min_users, n_columns)
        """
        sums: NDArray[np.floating] = (self.bins @ weights).reshape(
            len(self.cuts), len(self.min_users), weights.shape[1]
        )
        return self._cumulated(sums)

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
        cell = np.repeat(np.arange(self.bins.shape[0]), np.diff(self.bins.indptr))
        flat = cell * n_codes + codes[self.bins.indices]
        sums = np.bincount(flat, minlength=self.bins.shape[0] * n_codes).astype(np.float64)
        return np.asarray(
            self._cumulated(sums.reshape(len(self.cuts), len(self.min_users), n_codes))
        )

    def _cumulated(self, sums: NDArray[np.floating]) -> NDArray[np.floating]:
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

    def above(self, weights: NDArray[np.floating]) -> NDArray[np.floating]:
        """Sum row weights above every rule: (n_population, k) in, (n_rules, k) out."""
        out = np.empty((len(self.rules), weights.shape[1]), dtype=weights.dtype)
        start = 0
        for block in self.blocks:
            sums = block.above(weights)[block.admissible]
            out[start : start + len(sums)] = sums
            start += len(sums)
        return out

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
        found: dict[bytes, tuple[NDArray[np.int64], list[int]]] = {}
        for number, block in enumerate(self.blocks):
            found.setdefault(block.rows.tobytes(), (block.rows, []))[1].append(number)
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
