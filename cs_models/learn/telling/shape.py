"""Step or slope, when the column that shows a step was itself picked among several.

Grain in: one searched family and one accepted rule.  Grain out: one shape.  ``methods.md`` 2.5.

The use that leads was tried in several windows, by several numbers of users and on several scales,
and the one that happens to look most like a step leads.  A step beyond a smooth curve of that
column is therefore judged against the best step of all rules of the same use.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.engines import covariates, multiplier, null_design
from cs_models.learn.selection.family import Family
from cs_models.learn.selection.leaders import Leader
from cs_models.learn.shapes import verdict
from cs_models.learn.shapes.verdict import Shape
from cs_models.learn.telling import rows

N_DRAWS = 999

Float = NDArray[np.float64]


def of_rule(family: Family, leader: Leader, *, alpha: float, rng: np.random.Generator) -> Shape:
    """Judge a rule's shape, allowing for the columns of its use that were tried.

    Parameters
    ----------
    family : Family
    leader : Leader
    alpha : float
        How often a smooth curve may be called a step.
    rng : numpy.random.Generator

    Returns
    -------
    Shape
        With p-values that allow for every rule of the use.
    """
    population, grid, rule = family.population, family.grid, leader.rule
    inside = grid.scope_rows(rule)
    values = rows.rule_values(grid, rule)
    known = null_design.of_terms(population, family.rows_of(leader.scope))
    alone = verdict.judge(
        values, population.churned[inside], population.account[inside],
        population.stratum[inside], known[inside], _cuts(family, rule), alpha=alpha, rng=rng,
    )  # fmt: skip
    if math.isnan(alone.p_step_spline):
        return alone
    logged = np.zeros(population.n_rows)
    logged[inside] = verdict.on_log_scale(values)
    curve = covariates.restricted_cubic_spline(logged, logged[inside])
    p_linear = _p_step(family, leader, np.column_stack([known, curve[:, :1]]), inside, rng)
    p_spline = _p_step(family, leader, np.column_stack([known, curve]), inside, rng)
    p_linear, p_spline = max(p_linear, alone.p_step_linear), max(p_spline, alone.p_step_spline)
    said = verdict.decide(p_linear, p_spline, alone.delta_log_likelihood, alpha)
    return replace(alone, verdict=said, p_step_linear=p_linear, p_step_spline=p_spline)


def _p_step(
    family: Family,
    leader: Leader,
    design: Float,
    inside: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    """Return the p of the best step of the rule's own column among all rules of its use."""
    population = family.population
    grid, positions = family.grid.subset(leader.scope)
    model = multiplier.fit_null(design, population.churned, inside, population.expected)
    allowed = (grid.rules["feature"] == leader.feature).to_numpy()
    _, adjusted = multiplier.test(
        grid, model, population.account, allowed, n_draws=N_DRAWS, rng=rng
    )
    at = family.grid.rules.iloc[leader.rule]
    own = (family.grid.rules["column"] == at["column"]).to_numpy()[positions]
    own &= (family.grid.rules["min_users"] == at["min_users"]).to_numpy()[positions]
    return float(adjusted.p[own].min())


def _cuts(family: Family, rule: int) -> Float:
    """Return the admissible levels of the rule's column, at its number of users."""
    at = family.grid.rules.iloc[rule]
    block = family.grid.blocks[int(at["block"])]
    cuts: Float = block.cuts[block.admissible[:, int(at["i_users"])]]
    return np.unique(np.r_[cuts, at["cut"]])
