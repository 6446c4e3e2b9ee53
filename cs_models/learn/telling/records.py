"""The rows of the thresholds table: announced rules, or why a scope has none.

Grain in: one searched family and what its tests left.  Grain out: one record per row of
``Search.table``, in the order in which they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn.selection import crossfit, leaders, signals
from cs_models.learn.selection.family import Family, groups_of
from cs_models.learn.shapes import effect
from cs_models.learn.telling import detail, rows

ANNOUNCED = ("sharp", "tentative", "gradual", "associated")
_VERDICT_ORDER = {**dict.fromkeys(ANNOUNCED, 0), "none": 1, "too_little_data": 2}
_ROLE_ORDER = {"signal": 0, "echo": 1}

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What the tests left: leaders by scope, their worth on held-out terms, their roles."""

    found: Mapping[str | None, list[leaders.Leader]]
    given: Mapping[str | None, Mapping[str, float]]
    held: Mapping[str | None, crossfit.Held]
    roles: Mapping[tuple[str | None, str], signals.Role]


def ranking(family: Family, roles: Mapping[tuple[str | None, str], signals.Role]) -> pd.DataFrame:
    """Rank the features of every scope by the p of their own best rule, for exploring."""
    columns = ["segment", "feature", "statistic", "p_feature", "q_feature", "p_adjusted", "role"]
    if not len(family.grid.rules):
        return pd.DataFrame(columns=pd.Index(columns))
    named, starts = groups_of(family.grid)
    strength = np.maximum.reduceat(np.abs(family.statistic), starts)
    out = pd.DataFrame(
        {
            "segment": pd.Series([scope for scope, _ in named], dtype=object),
            "feature": [feature for _, feature in named],
            "statistic": strength,
            "p_feature": family.adjusted.p_group,
            "q_feature": np.nan,
            "p_adjusted": np.minimum.reduceat(family.adjusted.p, starts),
            "role": [roles[one].name if one in roles else None for one in named],
        }
    )
    for _, of_scope in out.groupby("segment", dropna=False):
        q = stats.false_discovery_control(of_scope["p_feature"].to_numpy())
        out.loc[of_scope.index, "q_feature"] = q
    return out.sort_values(
        ["segment", "p_feature", "statistic"], ascending=[True, True, False], ignore_index=True,
        na_position="first",
    )  # fmt: skip


def of_family(
    family: Family,
    judged: Judged,
    details: Mapping[int, detail.Detail],
    ranking: pd.DataFrame,
) -> tuple[list[dict[str, Any]], dict[int, pd.DataFrame]]:
    """Make the rows of every scope: its announced rules, or why there is none."""
    q_of = {
        (None if pd.isna(segment) else segment, feature): q
        for segment, feature, q in ranking[["segment", "feature", "q_feature"]].itertuples(
            index=False, name=None
        )
    }
    records, profiles = [], {}
    for scope, members in family.scopes:
        announced = judged.found.get(scope, [])
        if not announced:
            given = judged.given.get(scope, {})
            records.append(_unannounced(family, scope, members, given))
        for place, leader in enumerate(announced):
            measured, profile = rows.of_rule(
                family.population, family.grid, leader.rule, quantile=family.quantile,
                statistic=float(family.statistic[leader.rule]), level=family.level,
            )  # fmt: skip
            worth = judged.held[scope] if place == 0 else leader.held
            role = judged.roles[scope, leader.feature]
            known = details[leader.rule].fields if leader.rule in details else {}
            record = rows.of_scope(
                family.population, rows.mask(family.grid, leader.rule, len(members)), scope,
                "associated", family.segment_by,
            )  # fmt: skip
            record |= measured
            record |= {
                "p_adjusted": float(family.adjusted.p[leader.rule]),
                "p_raw": float(p_raw(family.statistic[leader.rule])),
                "p_given_covariates": judged.given.get(scope, {}).get(leader.feature),
                "p_conditional": role.p,
                "role": role.name,
                "q_feature": q_of[scope, leader.feature],
                "lift_crossfit": rows.signed(worth, measured["direction"]),
                "smallest_lift": smallest_lift(family, scope, members),
            }
            records.append(_sober(record | known))
            profiles[leader.rule] = profile
    return records, profiles


def _sober(record: dict[str, Any]) -> dict[str, Any]:
    """Call nothing a level whose gap may be nought or whose place is not known."""
    sure = record["cut_localised"] and record["lift_low"] * record["lift_high"] > 0
    if record["verdict"] in ("sharp", "tentative") and not sure:
        record["verdict"] = "associated"
    return record


def _unannounced(
    family: Family,
    scope: str | None,
    members: NDArray[np.bool_],
    given: Mapping[str, float],
) -> dict[str, Any]:
    tried = crossfit.rules_of(family.grid, scope)
    if not len(tried):
        return rows.of_scope(
            family.population, members, scope, "too_little_data", family.segment_by
        )
    return rows.of_scope(
        family.population, members, scope, "none", family.segment_by,
        p_adjusted=float(family.adjusted.p[tried].min()),
        p_given_covariates=min(given.values(), default=None),
        statistic=float(np.abs(family.statistic[tried]).max()),
        smallest_lift=smallest_lift(family, scope, members),
    )  # fmt: skip


def smallest_lift(family: Family, scope: str | None, members: NDArray[np.bool_]) -> float | None:
    """Return the gap between two halves of a scope that would be found 8 times in 10."""
    tried = crossfit.rules_of(family.grid, scope)
    information = float((family.deviation[tried] ** 2).max(initial=0.0))
    if information <= 0:
        return None
    rate = float(family.population.churned[members].mean())
    return effect.smallest_detectable_lift(rate, information, family.quantile)


def p_raw(statistic: Float | float) -> Float:
    """Return the p of a statistic as if nothing else had been tried."""
    return np.asarray(2 * stats.norm.sf(np.abs(statistic)))


def families(
    family: Family,
    found: Mapping[str | None, list[leaders.Leader]],
    records: list[dict[str, Any]],
) -> pd.DataFrame:
    """Group equivalent rules and write family and size into the records."""
    ordered = [leader for announced in found.values() for leader in announced]
    grouped = leaders.families(family.grid, family.adjusted.p, ordered, family.alpha)
    by_rule = dict(zip(grouped["rule"], grouped["family"], strict=True))
    sizes = grouped["family"].value_counts()
    for record in records:
        if record["rule_id"] is not None:
            number = by_rule[record["rule_id"]]
            record |= {"family": int(number), "n_equivalent": int(sizes[number]) - 1}
    return grouped


def ordered(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order rows best first: signals, echoes, nothing found, too little data."""
    segments_first = _segments_differ(records)

    def key(record: dict[str, Any]) -> tuple[int, int, bool, float]:
        whole = record["segment"] is None
        return (
            _VERDICT_ORDER[record["verdict"]],
            _ROLE_ORDER.get(record["role"], 2),
            whole == segments_first,
            -abs(record["statistic"] or 0.0),
        )

    return sorted(records, key=key)


def _segments_differ(records: list[dict[str, Any]]) -> bool:
    """Say whether the segments speak for themselves rather than the whole book for them.

    They do when the whole book has no signal, or when its cut lies outside the interval of a
    segment that has the same feature as its signal.
    """
    signal = [record for record in records if record["role"] == "signal"]
    if not signal:
        return False
    book = next((record for record in signal if record["segment"] is None), None)
    if book is None:
        return True
    same = [r for r in signal if r["segment"] is not None and r["column"] == book["column"]]
    same = same or [r for r in signal if r["segment"] and r["feature"] == book["feature"]]
    return any(not r["cut_low"] <= book["cut"] <= r["cut_high"] for r in same)
