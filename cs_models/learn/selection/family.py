"""One family of rules: what was searched together and tested together.

Grain: one record per search; the pieces of it have one row per term or one per rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.engines.stepdown import Adjusted
from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.population import Population

FEWEST_CHURNED_ACCOUNTS = 40  # methods.md 2.5: below this the answer is "too little data"
Engine = Literal["auto", "permutation", "multiplier"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Family:
    """One family of rules, tested together.

    Attributes
    ----------
    population, grid
        Rows and rules.
    scopes : tuple of (str or None, ndarray of bool)
        Whole book and segments, searched or not, with their rows.
    statistic, deviation : ndarray of float, shape (n_rules,)
        ``deviation`` is that of the churned terms above the rule, under permutation.
    adjusted : Adjusted
    alpha : float
    segment_by : str or None
    n_permutations : int
    engine : {"auto", "permutation", "multiplier"}
        Which tests a rule has to pass: the shuffles and then the score bootstrap, or one alone.
    """

    population: Population
    grid: Grid
    scopes: tuple[tuple[str | None, NDArray[np.bool_]], ...]
    statistic: Float
    deviation: Float
    adjusted: Adjusted
    alpha: float
    segment_by: str | None
    n_permutations: int
    engine: Engine

    @property
    def level(self) -> float:
        """Return the confidence level of every interval: what alpha leaves."""
        return 1.0 - self.alpha

    @property
    def quantile(self) -> float:
        """Return the quantile of the null maximum that simultaneous intervals use."""
        return self.adjusted.quantile(self.level)

    def rows_of(self, scope: str | None) -> NDArray[np.int64]:
        """Return the population rows of a scope, known or not."""
        return np.flatnonzero(dict(self.scopes)[scope])


def groups_of(grid: Grid) -> tuple[list[tuple[str | None, str]], NDArray[np.int64]]:
    """Return (scope, feature) of neighbouring rules, and where each such group starts.

    Parameters
    ----------
    grid : Grid
        Its rules come by scope and feature.
    """
    rules = grid.rules
    scope = rules["segment"].fillna("").to_numpy(dtype=str)
    feature = rules["feature"].to_numpy(dtype=str)
    new = np.r_[True, (scope[1:] != scope[:-1]) | (feature[1:] != feature[:-1])]
    starts = np.flatnonzero(new)
    named = [(rules["segment"].iloc[at], rules["feature"].iloc[at]) for at in starts]
    return named, starts
