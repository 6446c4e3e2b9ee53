"""What is said of a signal beyond its size: its shape, its stability, its curve, its segments.

Grain in: one searched family and one accepted rule.  Grain out: fields of the rule's row, and
frames for the figures.  ``methods.md`` 2.5 to 2.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.engines import permutation, stepdown
from cs_models.learn.rules import layout
from cs_models.learn.selection import leaders, stability
from cs_models.learn.selection.family import Family
from cs_models.learn.selection.stability import Reruns
from cs_models.learn.shapes import dose, pooling
from cs_models.learn.shapes.pooling import Pooled
from cs_models.learn.shapes.verdict import Shape
from cs_models.learn.telling import rows, shape

ONE_TERM_PERMUTATIONS = 999
FEWEST_SEGMENTS = 2

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Detail:
    """What is known of one signal beyond its size.

    Attributes
    ----------
    fields : dict
        For the rule's row.
    reruns : DataFrame, one row per re-run of the search
    curve : DataFrame, one row per value
    pooled : Pooled or None
        Its level in each segment; None for a rule of one segment.
    """

    fields: dict[str, Any]
    reruns: pd.DataFrame
    curve: pd.DataFrame
    pooled: Pooled | None


def of_signal(
    family: Family,
    leader: leaders.Leader,
    reruns: Reruns,
    *,
    gap: float,
    leading: bool,
    alpha: float,
    rng: np.random.Generator,
) -> Detail:
    """Judge the shape and the stability of one signal.

    Parameters
    ----------
    family : Family
    leader : Leader
    reruns : Reruns
        Of the leader's scope.
    gap : float
        Of the rule, inside strata, above minus below.
    leading : bool
        Whether it leads its scope: its optimism is then that of the search over all features.
    alpha : float
        How often a smooth curve may be called a step: the family's, shared among its scopes.
    rng : numpy.random.Generator

    Returns
    -------
    Detail
    """
    population, grid, rule = family.population, family.grid, leader.rule
    at = grid.rules.iloc[rule]
    inside = grid.scope_rows(rule)
    values = rows.rule_values(grid, rule)
    churned, account = population.churned[inside], population.account[inside]
    judged = shape.of_rule(family, leader, alpha=alpha, rng=rng)
    mine = grid.in_scope(leader.scope)
    agreement = leaders.phi(grid, [rule])[mine, 0]
    found = stability.panel(reruns, leader.feature, agreement, str(at["column"]))
    same_feature, same_family = stability.shares(found)
    tried = np.arange(len(reruns.grid.rules))
    if not leading:
        tried = tried[(reruns.grid.rules["feature"] == leader.feature).to_numpy()]
    fields = {
        "verdict": _said(judged, family.alpha, counts_actions=bool(at["members"])),
        "p_step_linear": judged.p_step_linear,
        "p_step_spline": judged.p_step_spline,
        "delta_log_likelihood": judged.delta_log_likelihood,
        "share_same_feature": same_feature,
        "share_same_family": same_family,
        "lift_bootstrap": stability.corrected(family, reruns, tried, gap),
        "p_one_term": one_term(family, leader, rng),
    }
    curve = dose.curve(values, churned, account, rng=rng)
    pooled = _pooled(family, rule, values, rng) if leader.scope is None else None
    return Detail(fields, found, curve, pooled)


def _said(judged: Shape, alpha: float, *, counts_actions: bool) -> str:
    """Return the verdict, saying "no threshold" only where that much is known.

    Steps are judged at a share of alpha, slopes at alpha itself: what lies between is undecided.
    How many of some actions were done is a number of four or five values: no scale for a slope.
    """
    if counts_actions and judged.verdict != "sharp":
        return "associated"
    undecided = judged.verdict == "gradual" and judged.p_step_spline <= alpha
    return "associated" if undecided else judged.verdict


def one_term(family: Family, leader: leaders.Leader, rng: np.random.Generator) -> float | None:
    """Return the p of a signal's feature on the newest term of each account alone.

    Parameters
    ----------
    family : Family
    leader : Leader
    rng : numpy.random.Generator

    Returns
    -------
    float or None
        Allowing for all rules of the feature in its scope; None when too little is left.
    """
    newest = family.population.only(family.population.newest)
    mine = [
        block
        for block in family.grid.blocks
        if block.scope == leader.scope and block.column.feature == leader.feature
    ]
    scope = dict(family.scopes)[leader.scope][family.population.newest]
    asked = np.unique(np.concatenate([block.min_users for block in mine])).astype(int)
    columns = list({block.column.name: block.column for block in mine}.values())
    grid = layout.build(newest, columns, [(leader.scope, scope)], min_users=asked.tolist())
    if not len(grid.rules):
        return None
    moments = permutation.moments(newest, grid)
    null = permutation.null_statistics(
        newest, grid, moments, n_permutations=ONE_TERM_PERMUTATIONS, rng=rng
    )
    return float(stepdown.adjust(moments.statistic, null).p.min())


def segments(pooled: dict[int, Pooled]) -> pd.DataFrame:
    """Stack the segments of several signals, one row per (rule_id, segment)."""
    if not pooled:
        return pd.DataFrame(columns=pd.Index(["rule_id", *SEGMENT_COLUMNS]))
    parts: Sequence[pd.DataFrame] = [
        each.table.assign(rule_id=rule)[["rule_id", *SEGMENT_COLUMNS]]
        for rule, each in pooled.items()
    ]
    return pd.concat(parts, ignore_index=True)


SEGMENT_COLUMNS = (
    "segment", "cut", "cut_low", "cut_high", "lift", "lift_low", "lift_high", "n_terms",
    "n_churned_accounts", "own",
)  # fmt: skip


def _pooled(family: Family, rule: int, values: Float, rng: np.random.Generator) -> Pooled | None:
    population = family.population
    inside = family.grid.scope_rows(rule)
    segment = population.segment[inside]
    known = segment >= 0
    present = np.unique(segment[known])
    if len(present) < FEWEST_SEGMENTS:
        return None
    return pooling.segments(
        values[known], population.churned[inside][known], population.account[inside][known],
        np.searchsorted(present, segment[known]), [population.segments[code] for code in present],
        rng=rng,
    )  # fmt: skip
