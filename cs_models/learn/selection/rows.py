"""One row of the ``thresholds`` table: a rule with its size and its doubt, or why there is none.

Grain in: one leader, or one scope without any.  Grain out: one row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import wording
from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.layout import candidate_cuts
from cs_models.learn.rules.population import Population
from cs_models.learn.selection.crossfit import Held
from cs_models.learn.shapes import effect, likelihood

MOST_PROFILE_CUTS = 2000
COLUMNS = (
    "rule", "feature", "window_days", "cut", "direction", "verdict", "p_adjusted", "cut_low",
    "cut_high", "rate_above", "rate_below", "lift", "lift_low", "lift_high", "lift_crossfit",
    "n_terms", "n_accounts", "n_churned", "segment", "role", "min_users", "family", "statistic",
    "p_raw", "n_equivalent", "measure", "column", "users_column", "segment_by", "cut_below",
    "cut_localised", "n_above", "lift_within_strata", "design_effect", "smallest_lift",
    "n_churned_accounts", "p_given_covariates", "p_conditional", "rule_id",
)  # fmt: skip


def of_scope(
    population: Population,
    rows: NDArray[np.bool_],
    scope: str | None,
    verdict: str,
    segment_by: str | None,
    **known: Any,
) -> dict[str, Any]:
    """Describe a scope in which no rule is announced; the rule's own fields are null."""
    record: dict[str, Any] = dict.fromkeys(COLUMNS)
    record |= {
        "verdict": verdict,
        "segment": scope,
        "segment_by": segment_by,
        "n_terms": int(rows.sum()),
        "n_accounts": len(np.unique(population.account[rows])),
        "n_churned": int(population.churned[rows].sum()),
        "n_churned_accounts": population.churned_accounts(rows),
    }
    return record | known


def of_rule(
    population: Population,
    grid: Grid,
    rule: int,
    *,
    quantile: float,
    statistic: float,
    level: float,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure one announced rule.

    Parameters
    ----------
    population, grid
        As built.
    rule : int
        Row of ``grid.rules``.
    quantile : float
        Quantile of the null maximum of the whole family.
    statistic : float
        The rule's statistic: negative where churn is rarer above the cut.
    level : float
        Confidence level of the cut's interval.

    Returns
    -------
    tuple of dict and DataFrame
        The row's fields, and the likelihood profile with one row per candidate cut.
    """
    at = grid.rules.iloc[rule]
    block = grid.blocks[int(at["block"])]
    rows = block.rows
    churned, stratum = population.churned[rows], population.stratum[rows]
    above = grid.indicator(rule)[rows]
    size = effect.measure(above, churned, stratum, population.account[rows], quantile=quantile)
    interval = _interval(population, grid, rule, deff=size.design_effect, level=level)
    below = _just_below(block.amounts[rows], float(at["cut"]))
    direction = "at_least" if statistic < 0 else "at_most"
    record = {
        "rule": wording.rule_text(
            at["column"], float(at["cut"]), below, int(at["min_users"]), direction
        ),
        "direction": direction,
        "cut": float(at["cut"]),
        "cut_below": below if np.isfinite(below) else None,
        "cut_low": interval.low,
        "cut_high": interval.high,
        "cut_localised": interval.localised,
        "rate_above": size.rate_above,
        "rate_below": size.rate_below,
        "lift": size.lift,
        "lift_low": size.lift_low,
        "lift_high": size.lift_high,
        "lift_within_strata": size.lift_within_strata,
        "design_effect": size.design_effect,
        "min_users": int(at["min_users"]),
        "window_days": int(at["window_days"]),
        "n_above": int(at["n_above"]),
        "statistic": statistic,
        "rule_id": rule,
    }
    record |= {name: at[name] for name in ("feature", "measure", "column", "users_column")}
    return record, interval.profile


def signed(held: Held, direction: str) -> float:
    """Give a held-out gap the sign of the rule: above minus below."""
    return held.lift if direction == "at_least" else -held.lift


def _interval(
    population: Population, grid: Grid, rule: int, *, deff: float, level: float
) -> likelihood.CutInterval:
    at = grid.rules.iloc[rule]
    block = grid.blocks[int(at["block"])]
    rows = block.rows
    enough_users = block.users[rows] >= at["min_users"]
    values = np.where(enough_users, block.amounts[rows], -np.inf)
    cuts = candidate_cuts(values, most=MOST_PROFILE_CUTS)
    cuts = np.unique(np.r_[cuts[np.isfinite(cuts)], at["cut"]])
    traced = likelihood.profile(
        values,
        population.churned[rows],
        population.stratum[rows],
        cuts,
        np.unique(block.amounts[rows]),
    )
    return likelihood.cut_interval(traced, chosen=float(at["cut"]), deff=deff, level=level)


def _just_below(values: NDArray[np.float64], cut: float) -> float:
    lower = values[values < cut]
    return float(lower.max()) if len(lower) else -np.inf
