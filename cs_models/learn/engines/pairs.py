"""How two terms of one account vary together when whole accounts change places.

Grain in: the rows of each permutation group and the covariance of their outcomes.  Grain out: what
the pairs of terms add to the variance of every rule of a column.  ``methods.md`` 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.rules.grid import Block

_MOST_CELLS = 4_000_000  # cells × pairs in memory at once

Float = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Pairs:
    """Pairs of term positions of the groups' accounts whose outcomes vary together.

    Attributes
    ----------
    first, second : ndarray of int, shape (n_pairs,)
        Sets of the two terms: numbered through the groups, by position.
    weight : ndarray of float, shape (n_pairs,)
        Twice the covariance of their outcomes.
    one, other : ndarray of int, shape (n,)
        Rows of the two terms of each account, pair by pair.
    ends : ndarray of int, shape (n_pairs + 1,)
        Where the accounts of each pair begin and end.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: Float
    one: Codes
    other: Codes
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[NDArray[np.int64]], covariances: Sequence[Float]) -> Pairs:
        """List the pairs of all groups.

        Parameters
        ----------
        rows : sequence of ndarray of int, shape (n_accounts, n_terms)
            Rows of each group.
        covariances : sequence of ndarray of float, shape (n_terms, n_terms)
            Of the outcomes of each group.
        """
        before = np.cumsum([0, *(part.shape[1] for part in rows)])
        listed = [
            (start + k, start + later, 2 * covariance[k, later], part[:, k], part[:, later])
            for start, part, covariance in zip(before, rows, covariances, strict=False)
            for k, later in zip(*np.triu_indices(part.shape[1], 1), strict=True)
            if covariance[k, later] != 0
        ]
        none = np.empty(0, dtype=np.int32)
        return cls(
            np.array([pair[0] for pair in listed], dtype=np.int64),
            np.array([pair[1] for pair in listed], dtype=np.int64),
            np.array([pair[2] for pair in listed], dtype=np.float64),
            np.concatenate([none, *(pair[3] for pair in listed)]).astype(np.int32),
            np.concatenate([none, *(pair[4] for pair in listed)]).astype(np.int32),
            np.cumsum([0, *(len(pair[3]) for pair in listed)]),
        )

    def cross_terms(self, block: Block, share: Float) -> Float:
        """Return what the pairs add to the variance of the sum above each rule of a block.

        Parameters
        ----------
        block : Block
        share : ndarray of float, shape (n_rules_of_block, n_sets)
            Share of the known rows of each set that stand above.

        Returns
        -------
        ndarray of float, shape (n_rules_of_block,)
        """
        total = np.zeros(len(share))
        if not len(self.weight):
            return total
        cell = block.bins.of_rows()
        known = np.zeros(len(cell), dtype=bool)
        known[block.rows] = True
        step = max(1, _MOST_CELLS // max(block.bins.n_cells, 1))
        for start in range(0, len(self.weight), step):
            total += self._part(slice(start, start + step))._cross(block, share, cell, known)
        return total

    def _part(self, part: slice) -> Pairs:
        ends = self.ends[part.start : part.stop + 1]
        rows = slice(int(ends[0]), int(ends[-1]))
        return Pairs(
            self.first[part],
            self.second[part],
            self.weight[part],
            self.one[rows],
            self.other[rows],
            ends - ends[0],
        )

    def _cross(self, block: Block, share: Float, cell: Codes, known: NDArray[np.bool_]) -> Float:
        """Sum weight · (D_k - share_k)(D_l - share_l) over accounts that know both terms."""
        n_pairs = len(self.weight)
        pair = np.repeat(np.arange(n_pairs, dtype=np.int32), np.diff(self.ends))
        one, other = self.one, self.other
        here = known[one] & known[other]
        if not here.all():
            pair, one, other = pair[here], one[here], other[here]
        mine, theirs = share[:, self.first], share[:, self.second]
        one, other = cell[one], cell[other]
        admissible = block.admissible
        alike = np.zeros(len(pair), dtype=np.int8)
        both = block.tally(block.lower(one, other), alike, 1, self.weight[pair])[admissible, 0]
        alone = theirs * block.tally(one, pair, n_pairs)[admissible]
        alone += mine * block.tally(other, pair, n_pairs)[admissible]
        alone -= mine * theirs * np.bincount(pair, minlength=n_pairs)
        return np.asarray(both - alone @ self.weight)
