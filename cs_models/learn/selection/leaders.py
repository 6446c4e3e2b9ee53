"""From thousands of significant rules to one per feature, and families that say the same.

Grain in: grid, adjusted p, training statistics.  Grain out: one leader per (scope, feature),
best first by what it was worth on held-out customers.  ``methods.md`` 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.selection import crossfit
from cs_models.learn.selection.grid import Grid
from cs_models.learn.selection.population import Population

EQUIVALENT_PHI = 0.9


@dataclass(frozen=True)
class Leader:
    """The best rule of a feature in a scope.

    Attributes
    ----------
    scope : str or None
    feature : str
    rule : int
        Row of ``Grid.rules``.
    held : Held
        Worth of the feature's search on held-out terms.
    """

    scope: str | None
    feature: str
    rule: int
    held: crossfit.Held


def leaders(
    population: Population,
    grid: Grid,
    statistic: NDArray[np.float64],
    p: NDArray[np.float64],
    training: crossfit.Training,
    *,
    scope: str | None,
    alpha: float,
) -> list[Leader]:
    """Return the significant features of a scope, best first.

    Parameters
    ----------
    population, grid, training
        As built.
    statistic, p : ndarray of float, shape (n_rules,)
        Statistic and adjusted p of every rule.
    scope : str or None
    alpha : float

    Returns
    -------
    list of Leader
        Ordered by the cross-fitted metric; ties by the statistic.
    """
    mine = crossfit.rules_of(grid, scope)
    significant = mine[p[mine] <= alpha]
    features = grid.rules["feature"].to_numpy()
    found = []
    for feature in pd.unique(features[significant]):
        of_feature = mine[features[mine] == feature]
        best = int(of_feature[np.argmax(np.abs(statistic[of_feature]))])
        found.append(
            Leader(scope, feature, best, crossfit.judge(population, grid, training, of_feature))
        )
    return sorted(found, key=lambda one: (-one.held.metric, -abs(statistic[one.rule])))


def phi(grid: Grid, rule: int) -> NDArray[np.float64]:
    """Return the phi correlation of a rule with every rule (0 with rules of other scopes).

    Parameters
    ----------
    grid : Grid
    rule : int

    Returns
    -------
    ndarray of float, shape (n_rules,)
    """
    rules = grid.rules
    n = float(rules["n_terms"].iloc[rule])
    mine = float(rules["n_above"].iloc[rule])
    above = grid.indicator(rule).astype(np.float64)[:, None]
    both = grid.above(above)[:, 0]
    others = rules["n_above"].to_numpy(dtype=np.float64)
    same_scope = grid.in_scope(rules["segment"].iloc[rule])
    scale = np.sqrt(np.maximum(others * (n - others) * mine * (n - mine), 1.0))
    return np.where(same_scope, (n * both - others * mine) / scale, 0.0)


def families(
    grid: Grid, p: NDArray[np.float64], ordered: list[Leader], alpha: float
) -> pd.DataFrame:
    """Put every significant rule that says nearly the same as a leader into its family.

    Returns
    -------
    DataFrame, one row per significant rule that belongs to a family
        ``family`` (number of the leader in the order given), ``rule``, ``phi``.
    """
    parts = []
    taken = np.zeros(len(grid.rules), dtype=bool)
    for number, leader in enumerate(ordered):
        agreement = phi(grid, leader.rule)
        mine = (np.abs(agreement) >= EQUIVALENT_PHI) & (p <= alpha)
        mine[leader.rule] = True
        free = mine & ~taken
        taken |= mine
        rules = np.flatnonzero(free)
        parts.append(pd.DataFrame({"family": number, "rule": rules, "phi": agreement[rules]}))
    if not parts:
        return pd.DataFrame({"family": [], "rule": [], "phi": []})
    return pd.concat(parts, ignore_index=True)
