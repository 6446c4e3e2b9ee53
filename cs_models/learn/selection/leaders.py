"""From thousands of significant rules to one per feature, and families that say the same.

Grain in: grid, adjusted p, training statistics.  Grain out: one leader per (scope, feature),
best first by what it was worth on held-out customers.  ``methods.md`` 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.population import Population
from cs_models.learn.selection import crossfit

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


def phi(grid: Grid, rules: list[int]) -> NDArray[np.float64]:
    """Return the phi correlation of some rules with every rule (0 across scopes).

    Parameters
    ----------
    grid : Grid
    rules : list of int

    Returns
    -------
    ndarray of float, shape (n_rules, len(rules))
    """
    above = np.column_stack([grid.indicator(rule) for rule in rules]).astype(np.float64)
    both = grid.above(above)
    n = grid.rules["n_terms"].to_numpy(dtype=np.float64)[:, None]
    others = grid.rules["n_above"].to_numpy(dtype=np.float64)[:, None]
    mine = others[rules].T
    scale = np.sqrt(np.maximum(others * (n - others) * mine * (n - mine), 1.0))
    scopes = [grid.rules["segment"].iloc[rule] for rule in rules]
    same_scope = np.column_stack([grid.in_scope(scope) for scope in scopes])
    return np.where(same_scope, (n * both - others * mine) / scale, 0.0)


def families(
    grid: Grid, p: NDArray[np.float64], ordered: list[Leader], alpha: float
) -> pd.DataFrame:
    """Put every significant rule that says nearly the same as a leader into its family.

    Parameters
    ----------
    grid : Grid
    p : ndarray of float, shape (n_rules,)
    ordered : list of Leader
    alpha : float

    Returns
    -------
    DataFrame, one row per significant rule that belongs to a family
        ``family`` (number of the leader in the order given), ``rule``, ``phi``.
    """
    if not ordered:
        return pd.DataFrame({"family": [], "rule": [], "phi": []})
    agreement = phi(grid, [leader.rule for leader in ordered])
    parts = []
    taken = np.zeros(len(grid.rules), dtype=bool)
    for number, leader in enumerate(ordered):
        mine = (np.abs(agreement[:, number]) >= EQUIVALENT_PHI) & (p <= alpha)
        mine[leader.rule] = True
        rules = np.flatnonzero(mine & ~taken)
        taken |= mine
        parts.append(
            pd.DataFrame({"family": number, "rule": rules, "phi": agreement[rules, number]})
        )
    return pd.concat(parts, ignore_index=True)
