"""Engine A: whole accounts change places inside their group (``methods.md`` 2.3).

Grain in: one row per term and the grid of rules.  Grain out: one statistic per rule, and the
same statistics under each permutation.

The statistic of a rule is the number of churned terms above its cut, centred and scaled by its
exact mean and variance under the permutations themselves:

    T_j = (S_j - E S_j) / sqrt(V S_j),   S_j = sum_i y_i D_ij

With one group of one-term accounts this is the classical maximally selected statistic,
``r·(D - mean D) / sqrt(|D - mean D|² |r|² / (n - 1))``.  With strata, D and the outcome are thus
both centred inside the set of rows that a term can move to, which is what a stratified score
(Cochran-Mantel-Haenszel) statistic does: what does not move under the permutations (differences
between segments, contract lengths and numbers of terms) adds nothing to the statistic, and every
rule has mean 0 and variance 1 under the null, so that no rule dominates the maximum only because
it lives in a stratum where churn is common.  The test is exact either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.rules.grid import Block, Grid
from cs_models.learn.rules.population import Population

CHUNK = 256  # permutations evaluated together
_MOST_CELLS = 20_000_000  # rows (or rules) × permutations in memory at once

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Observed churned terms above each rule, and their permutation mean and deviation.

    Attributes
    ----------
    observed, expected, deviation : ndarray of float, shape (n_rules,)
        ``deviation`` is 0 for a rule that the permutations never change.
    """

    observed: Float
    expected: Float
    deviation: Float

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
    churned = population.churned
    expected = np.empty_like(churned)
    spread = np.zeros_like(churned)  # weight of a row's D² in the variance
    sets: list[NDArray[np.int64]] = []
    set_weights: list[float] = []
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64], float]] = []
    for group in population.groups:
        outcome = churned[group.rows]
        expected[group.rows] = outcome.mean(axis=0)
        covariance = _covariance(outcome)
        for k in range(outcome.shape[1]):
            if covariance[k, k] <= 0:
                continue
            sets.append(group.rows[:, k])
            set_weights.append(covariance[k, k])
            spread[group.rows[:, k]] = covariance[k, k]
            pairs.extend(
                (group.rows[:, k], group.rows[:, later], covariance[k, later])
                for later in range(k + 1, outcome.shape[1])
                if covariance[k, later] != 0
            )
    sums = grid.above(np.column_stack([churned, expected, spread])).astype(np.float64)
    variance = sums[:, 2] - _between(population, grid, sets, np.array(set_weights))
    if pairs:
        variance += _cross_terms(population, grid, pairs)
    deviation = np.sqrt(np.where(variance > 1e-9, variance, 0.0))
    return Moments(observed=sums[:, 0], expected=sums[:, 1], deviation=deviation)


def _covariance(outcome: Float) -> Float:
    """Return sums of products of centred outcomes by term position, over (accounts - 1)."""
    if len(outcome) < 2:
        return np.zeros((outcome.shape[1], outcome.shape[1]))
    centred = outcome - outcome.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(outcome) - 1))


def _between(
    population: Population, grid: Grid, sets: list[NDArray[np.int64]], weights: Float
) -> Float:
    """Return sum over sets of weight × (rows of the set above)² / size of the set."""
    total = np.zeros(len(grid.rules))
    for start in range(0, len(sets), CHUNK):
        chunk = sets[start : start + CHUNK]
        member = np.zeros((population.n_rows, len(chunk)), dtype=np.float32)
        for column, rows in enumerate(chunk):
            member[rows, column] = 1.0
        scale = weights[start : start + CHUNK] / np.array([len(rows) for rows in chunk])
        total += (grid.above(member).astype(np.float64) ** 2) @ scale
    return total


def _cross_terms(
    population: Population,
    grid: Grid,
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64], float]],
) -> Float:
    """Return twice the weighted covariance of D between two terms of the same account."""
    total = np.zeros(len(grid.rules))
    at = 0
    for block in grid.blocks:
        in_scope = np.zeros(population.n_rows, dtype=bool)
        in_scope[block.rows] = True
        n_rules = int(block.admissible.sum())
        for first, second, weight in pairs:
            here = in_scope[first] & in_scope[second]
            if not here.any():
                continue
            one, other = first[here], second[here]
            both = _above_of_rows(block, one, other)
            product = _above_of_rows(block, one, one) * _above_of_rows(block, other, other)
            total[at : at + n_rules] += 2 * weight * (both - product / len(first))
        at += n_rules
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
        _Shuffle(population.churned[group.rows], stream)
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
        self.codes = code.reshape(-1).astype(np.uint16)
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
            sums = grid.above(np.ascontiguousarray(chunk[:, start : start + width]))
            sums -= expected
            sums *= inverse
            yield np.abs(sums, out=sums)
