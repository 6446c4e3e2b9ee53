"""Engine A: whole accounts change places inside their group (``methods.md`` 2.3).

Grain in: one row per term and the grid of rules.  Grain out: one statistic per rule, and the
same statistics under each permutation.

The statistic of a rule is the number of churned terms above its cut (or the sum of their log-rank
scores), centred and scaled by its exact mean and variance under the permutations themselves:

    T_j = S_j / sqrt(V S_j),   S_j = sum_i y_i K_ij (D_ij - mean of D_j among the known of i's set)

A set holds the rows that a term can move to: the same position in accounts of the same group.
K_ij is 1 where the column is known.  With one group of one-term accounts this is the classical
maximally selected statistic, ``r·(D - mean D) / sqrt(|D - mean D|² |r|² / (n - 1))``.  With strata
it is what a stratified score (Cochran-Mantel-Haenszel) statistic does: what does not move under
the permutations (differences between segments, contract lengths and numbers of terms) adds nothing,
and every rule has mean 0 and variance 1 under the null, so that no rule dominates the maximum only
because it lives in a stratum where churn is common.  A column that is missing in some rows compares
only rows in which it is known: that a feature came late can thus not be mistaken for not using it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cs_models.learn.rules.grid import Block, Grid
from cs_models.learn.rules.population import Population

CHUNK = 256  # permutations evaluated together
_MOST_CELLS = 20_000_000  # rows (or rules) × permutations in memory at once

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Centre:
    """What a rule that is not known in every row subtracts in each permutation.

    Attributes
    ----------
    rules : slice
        The rules of one block.
    share_above : ndarray of float32, shape (n_rules_of_block, n_sets)
        Share of the known rows of each set that stand above.
    known : csr_matrix, shape (n_sets, n_rows)
        Which known rows each set holds.
    """

    rules: slice
    share_above: NDArray[np.float32]
    known: sparse.csr_matrix


@dataclass(frozen=True)
class Moments:
    """Observed sums above each rule, and their permutation mean and deviation.

    Attributes
    ----------
    observed, expected, deviation : ndarray of float, shape (n_rules,)
        ``deviation`` is 0 for a rule that the permutations never change.
    centres : tuple of Centre
        One for each block whose column is missing in some rows; their ``expected`` is 0.
    """

    observed: Float
    expected: Float
    deviation: Float
    centres: tuple[Centre, ...] = ()

    @property
    def statistic(self) -> Float:
        """Return T of each rule, rounded so that no last bit decides a tie."""
        return np.round((self.observed - self.expected) * self.inverse, 9)

    @property
    def inverse(self) -> Float:
        """Return 1 / deviation, 0 where there is none."""
        return np.divide(
            1.0, self.deviation, out=np.zeros_like(self.deviation), where=self.deviation > 0
        )


@dataclass(frozen=True)
class _Sets:
    """Rows that a term can move to, and how outcomes vary inside and between them.

    ``rows[s]`` are the rows of set s; ``spread[s]`` the variance of the outcome in it, ``mean[s]``
    its mean; ``pairs`` holds (s, t, covariance) of two terms of the same accounts.
    """

    rows: list[NDArray[np.int64]]
    mean: Float
    spread: Float
    pairs: list[tuple[int, int, float]]


def moments(population: Population, grid: Grid) -> Moments:
    """Compute every rule's statistic with its exact permutation mean and variance.

    Parameters
    ----------
    population : Population
    grid : Grid

    Returns
    -------
    Moments
    """
    sets = _sets(population)
    set_of_row = np.empty(population.n_rows, dtype=np.int64)
    for number, rows in enumerate(sets.rows):
        set_of_row[rows] = number
    weights = np.column_stack([population.score, sets.mean[set_of_row]])
    sums = grid.above(weights).astype(np.float64)
    observed, expected = sums[:, 0], sums[:, 1]
    member = _membership(sets.rows, population.n_rows)
    deviation, centres, start = np.zeros(len(grid.rules)), [], 0
    for block in grid.blocks:
        rules = slice(start, start + int(block.admissible.sum()))
        start = rules.stop
        known = _known(member, block.rows)
        size = np.asarray(known.sum(axis=1)).ravel()
        above = block.counts(set_of_row, len(sets.rows))[block.admissible]
        share = np.divide(above, size, out=np.zeros_like(above), where=size > 0)
        variance = (above - above * share) @ sets.spread
        if sets.pairs:
            variance += _cross_terms(block, sets, share)
        deviation[rules] = np.sqrt(np.where(variance > 1e-9, variance, 0.0))
        whole = np.asarray(member.sum(axis=1)).ravel()
        if ((size > 0) & (size < whole)).any():
            centre = Centre(rules, share.astype(np.float32), known)
            observed[rules] -= share @ (known @ population.score)
            expected[rules] = 0.0
            centres.append(centre)
    return Moments(observed, expected, deviation, tuple(centres))


def _sets(population: Population) -> _Sets:
    rows: list[NDArray[np.int64]] = []
    mean: list[float] = []
    spread: list[float] = []
    pairs: list[tuple[int, int, float]] = []
    for group in population.groups:
        outcome = population.score[group.rows]
        covariance = _covariance(outcome)
        first = len(rows)
        n_terms = outcome.shape[1]
        rows.extend(group.rows[:, k] for k in range(n_terms))
        mean.extend(outcome.mean(axis=0))
        spread.extend(np.diag(covariance))
        pairs.extend(
            (first + k, first + later, covariance[k, later])
            for k in range(n_terms)
            for later in range(k + 1, n_terms)
            if covariance[k, later] != 0
        )
    return _Sets(rows, np.array(mean), np.array(spread), pairs)


def _covariance(outcome: Float) -> Float:
    """Return sums of products of centred outcomes by term position, over (accounts - 1)."""
    if len(outcome) < 2:
        return np.zeros((outcome.shape[1], outcome.shape[1]))
    centred = outcome - outcome.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(outcome) - 1))


def _membership(sets: list[NDArray[np.int64]], n_rows: int) -> sparse.csr_matrix:
    """Return which rows each set holds, shape (n_sets, n_rows); every row is in one."""
    sizes = [len(rows) for rows in sets]
    ones = np.ones(sum(sizes), dtype=np.float32)
    ends = np.r_[0, np.cumsum(sizes)]
    return sparse.csr_matrix((ones, np.concatenate(sets), ends), shape=(len(sets), n_rows))


def _known(member: sparse.csr_matrix, rows: NDArray[np.int64]) -> sparse.csr_matrix:
    """Return which of the rows each set holds."""
    keep = np.zeros(member.shape[1], dtype=np.float32)
    keep[rows] = 1.0
    known = member.copy()
    known.data = member.data * keep[member.indices]
    return known


def _cross_terms(block: Block, sets: _Sets, share: Float) -> Float:
    """Return twice the weighted covariance of D between two terms of the same account."""
    total = np.zeros(int(block.admissible.sum()))
    in_scope = np.zeros(len(block.amounts), dtype=bool)
    in_scope[block.rows] = True
    for first, second, weight in sets.pairs:
        here = in_scope[sets.rows[first]] & in_scope[sets.rows[second]]
        if not here.any():
            continue
        one, other = sets.rows[first][here], sets.rows[second][here]
        mine, theirs = share[:, first], share[:, second]
        product = _above_of_rows(block, one, other)
        product -= theirs * _above_of_rows(block, one, one)
        product -= mine * (_above_of_rows(block, other, other) - theirs * len(one))
        total += 2 * weight * product
    return total


def _above_of_rows(block: Block, one: NDArray[np.int64], other: NDArray[np.int64]) -> Float:
    """Count pairs of rows that are both above each rule of the block."""
    values = np.minimum(block.amounts[one], block.amounts[other])
    users = np.minimum(block.users[one], block.users[other])
    at_cut = np.searchsorted(block.cuts, values, side="right") - 1
    at_users = np.searchsorted(block.min_users, users, side="right") - 1
    n_users = len(block.min_users)
    cells = (at_cut * n_users + at_users)[at_cut >= 0]
    counts = np.bincount(cells, minlength=len(block.cuts) * n_users)
    counts = counts.reshape(len(block.cuts), n_users)
    counts = counts[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    return counts[block.admissible].astype(np.float64)


def outcomes(
    population: Population, n_permutations: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Yield permuted outcomes, (n_rows, k) at a time; the draws do not depend on k.

    Parameters
    ----------
    population : Population
    n_permutations : int
    rng : numpy.random.Generator
        Every group gets a stream of its own.
    """
    groups = population.groups
    shuffles = [
        _Shuffle(population.score[group.rows], stream)
        for group, stream in zip(groups, rng.spawn(len(groups)), strict=True)
    ]
    for size in chunk_sizes(population.n_rows, n_permutations):
        chunk = np.empty((population.n_rows, size), dtype=np.float32)
        for group, shuffle in zip(groups, shuffles, strict=True):
            drawn = shuffle.draw(size)
            for k in range(group.rows.shape[1]):
                chunk[group.rows[:, k]] = shuffle.patterns[drawn, k]
        yield chunk


def chunk_sizes(n_rows: int, n_draws: int) -> list[int]:
    """Split draws so that one chunk of rows × draws stays small in memory."""
    size = int(np.clip(_MOST_CELLS // n_rows, 16, CHUNK))
    return [min(size, n_draws - start) for start in range(0, n_draws, size)]


class _Shuffle:
    """Shuffles the accounts of a group; accounts with the same outcomes share a code."""

    def __init__(self, outcome: Float, rng: np.random.Generator) -> None:
        patterns, code = np.unique(outcome, axis=0, return_inverse=True)
        self.patterns = patterns.astype(np.float32)
        self.codes = code.reshape(-1).astype(np.uint16 if len(patterns) < 2**16 else np.uint32)
        self.rng = rng

    def draw(self, size: int) -> NDArray[np.integer]:
        """Return codes by account, shape (n_accounts, size)."""
        tiled = np.broadcast_to(self.codes, (size, len(self.codes)))
        return self.rng.permuted(tiled, axis=1).T


def null_statistics(
    population: Population,
    grid: Grid,
    observed: Moments,
    *,
    n_permutations: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.float32]]:
    """Yield |T| of every rule under the permutations, (n_rules, k) at a time.

    Parameters
    ----------
    population : Population
    grid : Grid
    observed : Moments
        Their mean and deviation standardise the permuted sums.
    n_permutations : int
    rng : numpy.random.Generator
    """
    width = max(16, min(CHUNK, _MOST_CELLS // max(len(grid.rules), 1)))
    expected = observed.expected.astype(np.float32)[:, None]
    inverse = observed.inverse.astype(np.float32)[:, None]
    for chunk in outcomes(population, n_permutations, rng):
        for start in range(0, chunk.shape[1], width):
            drawn = np.ascontiguousarray(chunk[:, start : start + width])
            sums = grid.above(drawn)
            for centre in observed.centres:
                sums[centre.rules] -= centre.share_above @ (centre.known @ drawn)
            sums -= expected
            sums *= inverse
            yield np.abs(sums, out=sums)
