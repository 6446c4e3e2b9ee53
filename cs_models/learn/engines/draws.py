"""Shuffled outcomes: whole accounts change places inside their group, all orders equally likely.

Grain in: the population's groups and outcomes.  Grain out: outcomes of every row under each
permutation, a few permutations at a time.  ``methods.md`` 2.3.

Accounts are ordered by random keys.  Where a group holds only two sorts of accounts the full order
does not matter: those with the smallest keys are of the first sort, and finding them needs no
sorting.  Should two keys tie just there, all keys are drawn again, so that every choice of accounts
stays exactly as likely as any other.  Otherwise the sort of each account rides in the low bits of a
64-bit key, and the keys are sorted.  Ties among the 64 - b random bits above them would leave the
order of two accounts to their sorts; with b = log2(sorts), n accounts meet one in fewer than
n² / 2**(65 - b) shuffles: never, in practice (3e-11 for 1,000 accounts that all differ), and a tie
settles the order of one pair only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cs_models import progress
from cs_models.learn.rules.population import Population

MOST_DRAWS = 256  # permutations evaluated together
MOST_CELLS = 20_000_000  # rows (or rules) × permutations in memory at once
_LEAST_DRAWS, _FAST_DRAWS = 16, 64
_FAST_CELLS = 640_000  # rows × permutations in 16 bits that stay near the processor

Float = NDArray[np.float64]
Outcomes = NDArray[np.int16] | NDArray[np.float32]


def chunk_sizes(n_rows: int, n_draws: int) -> list[int]:
    """Split draws so that one chunk of rows × draws is quick to read and small in memory.

    Parameters
    ----------
    n_rows, n_draws : int

    Returns
    -------
    list of int
        Draws of each chunk.
    """
    quick = np.clip(_FAST_CELLS // n_rows, _FAST_DRAWS, MOST_DRAWS)
    size = max(_LEAST_DRAWS, min(int(quick), MOST_CELLS // n_rows))
    return [min(size, n_draws - start) for start in range(0, n_draws, size)]


def outcomes(
    population: Population, n_permutations: int, rng: np.random.Generator
) -> Iterator[Outcomes]:
    """Yield permuted outcomes, (n_rows, k) at a time; the draws do not depend on k.

    Parameters
    ----------
    population : Population
    n_permutations : int
    rng : numpy.random.Generator
        Every group gets a stream of its own.

    Yields
    ------
    ndarray of int16 or float32, shape (n_rows, k)
        int16 where all outcomes are 0 or 1; float32 for log-rank scores.
    """
    groups, score = population.groups, population.score
    kind = np.int16 if np.isin(score, (0.0, 1.0)).all() else np.float32
    shuffles = [
        Shuffle(score[group.rows].astype(kind), stream)
        for group, stream in zip(groups, rng.spawn(len(groups)), strict=True)
    ]
    with progress.step("shuffled histories", n_permutations) as told:
        for size in chunk_sizes(population.n_rows, n_permutations):
            chunk = np.empty((population.n_rows, size), dtype=kind)
            for group, shuffle in zip(groups, shuffles, strict=True):
                drawn = shuffle.draw(size)
                for k in range(group.rows.shape[1]):
                    chunk[group.rows[:, k]] = shuffle.outcome(drawn, k).T
            yield chunk
            told.advance(size)


class Shuffle:
    """Shuffles the accounts of a group; accounts with the same outcomes share a code.

    Parameters
    ----------
    outcome : ndarray, shape (n_accounts, n_terms)
    rng : numpy.random.Generator
        Its stream; what is drawn from it does not depend on how many draws are asked for at once.
    """

    def __init__(self, outcome: NDArray[np.generic], rng: np.random.Generator) -> None:
        patterns, first, code = np.unique(outcome, axis=0, return_index=True, return_inverse=True)
        # Coded by who comes first: calling stayers leavers must turn the draws, not change them.
        order = np.argsort(first)
        self.patterns = patterns[order]
        self.codes = np.argsort(order)[code.reshape(-1)].astype(np.uint64)
        self._n_first = int((self.codes == 0).sum())
        self._yes_or_no = np.array_equal(patterns, [[0], [1]])
        self._rng, (self._spare,) = rng, rng.spawn(1)

    def draw(self, size: int) -> NDArray[np.integer]:
        """Return codes of the accounts in their new places, shape (size, n_accounts)."""
        if len(self.patterns) == 1:
            return np.zeros((size, len(self.codes)), dtype=np.int8)
        if len(self.patterns) == 2:
            return self._chosen(size, self._rng).view(np.int8)
        n_bits = np.uint64((len(self.patterns) - 1).bit_length())
        keys = _bits(self._rng, size, len(self.codes))
        keys >>= n_bits
        keys <<= n_bits
        keys |= self.codes
        keys.sort(axis=1)
        keys &= np.uint64((1 << int(n_bits)) - 1)
        return keys.view(np.int64)

    def outcome(self, drawn: NDArray[np.integer], term: int) -> NDArray[np.generic]:
        """Return the outcomes that codes stand for, of one term of each account."""
        outcome: NDArray[np.generic]
        if self._yes_or_no:
            outcome = np.equal(drawn, np.argmax(self.patterns))
        else:
            outcome = self.patterns[:, term].take(drawn)
        return outcome

    def _chosen(self, size: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Choose which accounts get the second code: those without the smallest keys."""
        n = len(self.codes)
        keys = _bits(rng, size, (n + 1) // 2).view(np.uint32)[:, :n]
        parted = np.partition(keys, self._n_first, axis=1)
        edge = parted[:, self._n_first]
        chosen = keys >= edge[:, None]
        for tied in np.flatnonzero(parted[:, : self._n_first].max(axis=1) == edge):
            chosen[tied] = self._chosen(1, self._spare)[0]
        return chosen


def _bits(rng: np.random.Generator, size: int, width: int) -> NDArray[np.uint64]:
    return rng.integers(0, 2**64 - 1, size=(size, width), dtype=np.uint64, endpoint=True)
