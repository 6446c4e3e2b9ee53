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

from cs_models.learn.engines import draws
from cs_models.learn.engines.pairs import Pairs
from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.population import Population

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Centre:
    """What a rule that is not known in every row subtracts in each permutation.

    Attributes
    ----------
    rules : slice
        The rules of one block.
    share_above : ndarray of float, shape (n_rules_of_block, n_sets)
        Share of the known rows of each set that stand above.
    known : csr_matrix, shape (n_sets, n_rows)
        Which known rows each set holds; one and the same for rules known in the same rows.
    """

    rules: slice
    share_above: Float
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

    ``of_row`` is the set of each row, ``size`` the rows of each set; ``mean`` and ``spread`` are
    mean and variance of the outcome in it, ``pairs`` its covariances with other sets.
    """

    of_row: NDArray[np.int64]
    size: NDArray[np.int64]
    mean: Float
    spread: Float
    pairs: Pairs

    def sizes_among(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of the rows each set holds."""
        return np.bincount(self.of_row[rows], minlength=len(self.size))

    def membership(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return which of the rows each set holds, shape (n_sets, n_rows)."""
        ordered = rows[np.argsort(self.of_row[rows], kind="stable")].astype(np.int32)
        ends = np.r_[0, np.cumsum(self.sizes_among(rows))].astype(np.int32)
        ones = np.ones(len(rows), dtype=np.float32)
        return sparse.csr_matrix((ones, ordered, ends), (len(self.size), len(self.of_row)))


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
    weights = np.column_stack([population.score, sets.mean[sets.of_row]])
    observed, expected = grid.above(weights).astype(np.float64).T.copy()
    deviation, centres = np.zeros(len(grid.rules)), []
    known: dict[int, sparse.csr_matrix] = {}
    for block, rules in grid.slices():
        size = sets.sizes_among(block.rows)
        above = block.counts(sets.of_row, len(sets.size))[block.admissible]
        share = np.divide(above, size, out=np.zeros_like(above), where=size > 0)
        variance = (above - above * share) @ sets.spread
        variance += sets.pairs.cross_terms(block, share)
        deviation[rules] = np.sqrt(np.where(variance > 1e-9, variance, 0.0))
        if ((size > 0) & (size < sets.size)).any():
            if id(block.rows) not in known:
                known[id(block.rows)] = sets.membership(block.rows)
            centre = Centre(rules, share, known[id(block.rows)])
            observed[rules] -= share @ (centre.known @ population.score)
            expected[rules] = 0.0
            centres.append(centre)
    return Moments(observed, expected, deviation, tuple(centres))


def _sets(population: Population) -> _Sets:
    of_row = np.empty(population.n_rows, dtype=np.int64)
    size: list[int] = []
    mean: list[float] = []
    spread: list[float] = []
    covariances: list[Float] = []
    for group in population.groups:
        n_accounts, n_terms = group.rows.shape
        outcome = population.score[group.rows]
        covariance = _covariance(outcome)
        of_row[group.rows] = len(size) + np.arange(n_terms)
        size.extend([n_accounts] * n_terms)
        mean.extend(outcome.mean(axis=0))
        spread.extend(np.diag(covariance))
        covariances.append(covariance)
    pairs = Pairs.of([group.rows for group in population.groups], covariances)
    return _Sets(of_row, np.array(size), np.array(mean), np.array(spread), pairs)


def _covariance(outcome: Float) -> Float:
    """Return sums of products of centred outcomes by term position, over (accounts - 1)."""
    if len(outcome) < 2:
        return np.zeros((outcome.shape[1], outcome.shape[1]))
    centred = outcome - outcome.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(outcome) - 1))


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

    Yields
    ------
    ndarray of float32, shape (n_rules, k)
    """
    width = max(16, draws.MOST_CELLS // max(len(grid.rules), 1))
    whole = np.rint(observed.expected)
    rest = (observed.expected - whole).astype(np.float32)[:, None]
    expected = whole.astype(np.float32)[:, None]
    inverse = observed.inverse.astype(np.float32)[:, None]
    for chunk in draws.outcomes(population, n_permutations, rng):
        for start in range(0, chunk.shape[1], width):
            drawn = np.ascontiguousarray(chunk[:, start : start + width])
            sums = grid.above(drawn)
            _centre(sums, observed.centres, drawn)
            sums -= expected  # counts less whole numbers: exact in single precision
            sums -= rest
            sums *= inverse
            yield np.abs(sums, out=sums)


def _centre(
    sums: NDArray[np.floating], centres: tuple[Centre, ...], drawn: NDArray[np.generic]
) -> None:
    """Subtract, in place, what is expected above each rule given what its known rows drew."""
    found: dict[int, Float] = {}
    weights = drawn.astype(np.float32, copy=False) if centres else drawn
    for centre in centres:
        if id(centre.known) not in found:
            found[id(centre.known)] = np.asarray(centre.known @ weights, dtype=np.float64)
        sums[centre.rules] -= centre.share_above @ found[id(centre.known)]
