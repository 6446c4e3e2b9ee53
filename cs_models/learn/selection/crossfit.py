"""The gap on customers that the search did not see: cross-fitting of the whole search.

Grain in: population and grid.  Grain out: one record per (scope, feature) and per scope.
``methods.md`` 2.7: grouped folds, the search over all columns, cuts, windows and user counts
re-run in each training part, the held-out terms judged by the rule found there, all pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn import splits
from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.population import Population
from cs_models.learn.shapes import effect

N_FOLDS = 5
N_REPEATS = 5
UNKNOWN = -1  # the side of a term whose use is not known

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """The search re-run on training parts.

    Attributes
    ----------
    folds : ndarray of int, shape (n_rows, n_repeats)
        Fold of each row in each repeat.
    statistic : ndarray of float, shape (n_rules, n_repeats * n_folds)
        Stratified score statistic of every rule on each training part; positive where churn
        is more common above the cut.
    """

    folds: NDArray[np.int64]
    statistic: Float


@dataclass(frozen=True)
class Held:
    """What the rules found in training were worth on held-out terms.

    Attributes
    ----------
    lift : float
        Renewal rate of held-out terms on the side called better, less that on the other, compared
        inside strata.
    metric : float
        The same contrast in units of its standard deviation; ranks features.
    """

    lift: float
    metric: float


def train(population: Population, grid: Grid, rng: np.random.Generator) -> Training:
    """Compute every rule's statistic on the training part of every fold.

    Parameters
    ----------
    population : Population
    grid : Grid
    rng : numpy.random.Generator
        Deals the accounts into folds.

    Returns
    -------
    Training
    """
    folds = np.column_stack(
        [
            splits.grouped_folds(population.account, population.churned, n_folds=N_FOLDS, rng=rng)
            for _ in range(N_REPEATS)
        ]
    )
    n_parts = N_REPEATS * N_FOLDS
    statistic = np.zeros((len(grid.rules), n_parts))
    variance = np.zeros((len(grid.rules), n_parts))
    kept = 1.0 * np.column_stack(
        [folds[:, part // N_FOLDS] != part % N_FOLDS for part in range(n_parts)]
    )
    score = population.score[:, None]
    parts = grid.parts()
    for code in np.unique(population.stratum):
        member = kept * (population.stratum == code)[:, None]
        above = grid.above(member.astype(np.float32)).astype(np.float64)
        sums = grid.above(member * score)
        for rows, rules in parts:
            inside = member[rows]
            size = np.maximum(inside.sum(axis=0), 2.0)
            mean = (inside * score[rows]).sum(axis=0) / size
            spread = (inside * score[rows] ** 2).sum(axis=0) / size - mean**2
            up = above[rules]
            statistic[rules] += sums[rules] - up * mean
            variance[rules] += spread * size / (size - 1) * (up - up**2 / size)
    enough = variance > 1e-9
    statistic /= np.sqrt(np.where(enough, variance, 1.0))
    rounded = np.round(np.where(enough, statistic, 0.0), 9)
    return Training(folds, rounded.astype(np.float64))


def judge(
    population: Population, grid: Grid, training: Training, candidates: NDArray[np.int64]
) -> Held:
    """Pick the best of some rules in each training part and judge it on the held-out part.

    Parameters
    ----------
    population : Population
    grid : Grid
    training : Training
    candidates : ndarray of int
        Rules to choose among, all of one scope.

    Returns
    -------
    Held
    """
    statistic = training.statistic[candidates]
    best = np.argmax(np.abs(statistic), axis=0)
    churn_above = statistic[best, np.arange(len(best))] > 0
    side = np.full((population.n_rows, N_REPEATS), UNKNOWN, dtype=np.int8)
    for part, rule in enumerate(candidates[best]):
        repeat, fold = divmod(part, N_FOLDS)
        known = grid.scope_rows(int(rule))
        held = known[training.folds[known, repeat] == fold]
        side[held, repeat] = grid.indicator(int(rule))[held] ^ churn_above[part]
    return Held(*_pool(side, population.churned, population.stratum))


def _pool(
    sides: NDArray[np.int8], churned: Float, stratum: NDArray[np.int64]
) -> tuple[float, float]:
    """Pool the repeats: mean gap of renewal rates inside strata, and mean stratified z."""
    gaps, scores = [], []
    for side in sides.T:
        known = side != UNKNOWN
        better = side[known] == 1
        if not better.any() or better.all():
            continue
        compared = effect.within_strata(better, 1.0 - churned[known], stratum[known])
        if np.isfinite(compared.gap):
            gaps.append(compared.gap)
            scores.append(compared.score)
    if not gaps:
        return float("nan"), float("nan")
    return float(np.mean(gaps)), round(float(np.mean(scores)), 9)


def rules_of(
    grid: Grid, scope: str | None, features: Sequence[str] | None = None
) -> NDArray[np.int64]:
    """Return the rules of a scope, of some features or of all."""
    mine = grid.in_scope(scope)
    if features is not None:
        mine = mine & grid.rules["feature"].isin(features).to_numpy()
    return np.flatnonzero(mine)
