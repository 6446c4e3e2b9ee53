"""One family of rules: what was searched together and tested together.

Grain: one record per search; the pieces of it have one row per term or one per rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.engines.stepdown import Adjusted
from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.population import Population

FEWEST_CHURNED_ACCOUNTS = 40  # methods.md 2.5: below this the answer is "too little data"
LEVEL = 0.95

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

    @property
    def quantile(self) -> float:
        """Return the quantile of the null maximum that simultaneous intervals use."""
        return self.adjusted.quantile(LEVEL)
