"""One row of the ``thresholds`` table: a rule with its size and its doubt, or why there is none.

Grain in: one leader, or one scope without any.  Grain out: one row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import TooLittleDataError
from cs_models.learn import maxstat, wording
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
    "n_churned_accounts", "p_given_covariates", "p_conditional", "rule_id", "counted", "members",
    "cut_at_edge", "p_step_linear", "p_step_spline", "delta_log_likelihood", "lift_bootstrap",
    "share_same_feature", "share_same_family", "p_one_term", "p_lausen92", "p_lausen94",
    "q_feature", "cut_best",
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
    what = wording.counted(at["column"], at["members"])
    closed = _closed_forms(block.amounts[rows], churned)
    record = {
        "rule": wording.rule_text(what, float(at["cut"]), below, int(at["min_users"]), direction),
        "counted": what,
        "members": [{"column": name, "level": level} for name, level in at["members"]] or None,
        "direction": direction,
        "cut": float(at["cut"]),
        "cut_below": below if np.isfinite(below) else None,
        "cut_low": interval.low,
        "cut_high": interval.high,
        "cut_best": interval.best,
        "cut_localised": interval.localised,
        "cut_at_edge": interval.at_edge,
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
        "p_lausen92": closed[0],
        "p_lausen94": closed[1],
        "statistic": statistic,
        "rule_id": rule,
    }
    record |= {name: at[name] for name in ("feature", "measure", "column", "users_column")}
    return record, interval.profile


def _closed_forms(
    values: NDArray[np.float64], churned: NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Return the closed forms for this one column, as if nothing else had been searched."""
    try:
        found = maxstat.maximally_selected(churned, values)
    except TooLittleDataError:
        return None, None
    return found.p_lausen92, found.p_lausen94


def rule_values(grid: Grid, rule: int) -> NDArray[np.float64]:
    """Return what a rule counts in its rows: 0 where fewer users took part than it asks for."""
    at = grid.rules.iloc[rule]
    block = grid.blocks[int(at["block"])]
    enough = block.users[block.rows] >= at["min_users"]
    return np.where(enough, block.amounts[block.rows], 0.0)


def mask(grid: Grid, rule: int, n_rows: int) -> NDArray[np.bool_]:
    """Return the population rows that a rule compares."""
    compared = np.zeros(n_rows, dtype=bool)
    compared[grid.scope_rows(rule)] = True
    return compared


def gap_of(population: Population, grid: Grid, rule: int) -> float:
    """Return the gap of a rule inside strata, renewal above minus below."""
    rows = grid.scope_rows(rule)
    above = grid.indicator(rule)[rows]
    return effect.within_strata(above, 1.0 - population.churned[rows], population.stratum[rows]).gap


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
