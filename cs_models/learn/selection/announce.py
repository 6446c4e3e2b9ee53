"""From adjusted p to what is said: table, headline, counts, families, profiles.

Grain in: one searched family.  Grain out: a ``Search``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.learn import wording
from cs_models.learn.selection import crossfit, leaders, rows, signals
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, LEVEL, Family
from cs_models.learn.shapes import effect

_VERDICT_ORDER = {"associated": 0, "none": 1, "too_little_data": 2}
_ROLE_ORDER = {"signal": 0, "echo": 1}

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    table : DataFrame, best first
        One row per announced rule: the leader of the whole book and of each segment, then the
        other significant features; one row for each scope without any.  Rates are renewal rates,
        ``lift`` is above minus below, raw; ``lift_within_strata`` and its interval ``lift_low``,
        ``lift_high`` compare like customers; ``role`` is ``signal`` or ``echo``.
    headline : str
        One to three sentences: the leading signals only.
    rules : DataFrame, one row per searched rule
        With ``statistic`` (negative: churn is rarer above), ``p_raw``, ``p_adjusted``.
    null_max : ndarray of float, shape (n_permutations,)
        The best statistic of everything searched, in histories where nothing is there.
    profiles : dict of int to DataFrame
        Likelihood of the cut by ``rule_id`` of the table, one row per candidate cut.
    counts : dict
        Terms, accounts, churned, rules, permutations, the naive best split, exclusions.
    families : DataFrame
        Rules that say nearly the same as a rule of the table (``family``, ``rule``, ``phi``).
    learnt_from : DataFrame, one row per (subscription_id, as_of_date)
        The rows of the panel that every number here is about, each with the segment it was
        counted in; figures and tables made from them agree with the table.
    """

    table: pd.DataFrame
    headline: str
    rules: pd.DataFrame
    null_max: Float
    profiles: Mapping[int, pd.DataFrame]
    counts: Mapping[str, Any]
    families: pd.DataFrame
    learnt_from: pd.DataFrame


def search(
    family: Family, *, to_fold: np.random.Generator, to_bootstrap: np.random.Generator
) -> Search:
    """Turn a tested family into a table, a headline and the figures behind them.

    Parameters
    ----------
    family : Family
    to_fold, to_bootstrap : numpy.random.Generator
        Sources of folds and of the bootstrap of the conditional search.
    """
    grid, p = family.grid, family.adjusted.p
    found: dict[str | None, list[leaders.Leader]] = {}
    given: dict[str | None, dict[str, float]] = {}
    held: dict[str | None, crossfit.Held] = {}
    if (p <= family.alpha).any():
        training = crossfit.train(family.population, grid, to_fold)
        for scope, _ in family.scopes:
            found[scope] = leaders.leaders(
                family.population, grid, family.statistic, p, training,
                scope=scope, alpha=family.alpha,
            )  # fmt: skip
        found, given = signals.confirmed(family, found, to_bootstrap)
        held = {
            scope: crossfit.judge(family.population, grid, training, crossfit.rules_of(grid, scope))
            for scope, announced in found.items()
            if announced
        }
    roles = signals.roles(family, found, to_bootstrap)
    records, profiles = _records(family, found, held, roles, given)
    families = _families(family, found, records)
    ordered = _ordered(records)
    table = pd.DataFrame(ordered, columns=list(rows.COLUMNS), dtype=object)
    rules = grid.rules.assign(
        statistic=family.statistic, p_raw=_p_raw(family.statistic), p_adjusted=p
    )
    counts = _counts(family)
    return Search(
        table=table,
        headline=_headline(ordered, counts),
        rules=rules,
        null_max=family.adjusted.null_max,
        profiles=profiles,
        counts=counts,
        families=families,
        learnt_from=family.population.named_frame(family.segment_by),
    )


def _records(
    family: Family,
    found: Mapping[str | None, list[leaders.Leader]],
    held: Mapping[str | None, crossfit.Held],
    roles: Mapping[tuple[str | None, str], signals.Role],
    given: Mapping[str | None, Mapping[str, float]],
) -> tuple[list[dict[str, Any]], dict[int, pd.DataFrame]]:
    """Make the rows of every scope: its announced rules, or why there is none."""
    quantile = family.quantile
    records, profiles = [], {}
    for scope, members in family.scopes:
        announced = found.get(scope, [])
        if not announced:
            records.append(_unannounced(family, scope, members, given.get(scope, {})))
        for place, leader in enumerate(announced):
            measured, profile = rows.of_rule(
                family.population, family.grid, leader.rule,
                quantile=quantile, statistic=float(family.statistic[leader.rule]), level=LEVEL,
            )  # fmt: skip
            worth = held[scope] if place == 0 else leader.held
            role = roles[scope, leader.feature]
            record = rows.of_scope(
                family.population, members, scope, "associated", family.segment_by,
                **measured,
                p_adjusted=float(family.adjusted.p[leader.rule]),
                p_raw=float(_p_raw(family.statistic[leader.rule])),
                p_given_covariates=given[scope][leader.feature],
                p_conditional=role.p,
                role=role.name,
                lift_crossfit=rows.signed(worth, measured["direction"]),
                smallest_lift=_smallest_lift(family, scope, members),
            )  # fmt: skip
            records.append(record)
            profiles[leader.rule] = profile
    return records, profiles


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
        smallest_lift=_smallest_lift(family, scope, members),
    )  # fmt: skip


def _smallest_lift(family: Family, scope: str | None, members: NDArray[np.bool_]) -> float | None:
    tried = crossfit.rules_of(family.grid, scope)
    information = float((family.deviation[tried] ** 2).max(initial=0.0))
    if information <= 0:
        return None
    rate = float(family.population.churned[members].mean())
    return effect.smallest_detectable_lift(rate, information, family.quantile)


def _p_raw(statistic: Float | float) -> Float:
    return np.asarray(2 * stats.norm.sf(np.abs(statistic)))


def _families(
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


def _ordered(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
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


def _headline(ordered: list[dict[str, Any]], counts: Mapping[str, Any]) -> str:
    signal = [record for record in ordered if record["role"] == "signal"]
    if signal:
        # Either the segments speak or the whole book does, whichever comes first.
        whole = signal[0]["segment"] is None
        speaking = [record for record in signal if (record["segment"] is None) == whole]
        silent = [r["segment"] for r in ordered if r["segment"] and r["verdict"] != "associated"]
        return wording.headline(speaking, [] if whole else silent)
    book = next(record for record in ordered if record["segment"] is None)
    if book["verdict"] == "none":
        return wording.nothing(counts, book["p_adjusted"], book["p_given_covariates"])
    return wording.too_little(int(book["n_churned_accounts"]), FEWEST_CHURNED_ACCOUNTS)


def _counts(family: Family) -> dict[str, Any]:
    population, rules = family.population, family.grid.rules
    everyone = np.ones(population.n_rows, dtype=bool)
    return {
        "n_terms": population.n_rows,
        "n_accounts": int(population.account.max()) + 1,
        "n_churned": int(population.churned.sum()),
        "n_churned_accounts": population.churned_accounts(everyone),
        "n_rules": len(rules),
        "n_features": int(rules["feature"].nunique()),
        "n_permutations": family.n_permutations,
        "share_unpermuted": population.share_unpermuted,
        "quantile": family.quantile if len(rules) else None,
        "smallest_lift": _smallest_lift(family, None, everyone),
        "naive": _naive(family),
        "excluded": dict(population.excluded),
    }


def _naive(family: Family) -> dict[str, Any] | None:
    """Return what the best split would have been called without correcting for the search."""
    rules = family.grid.rules
    mine = crossfit.rules_of(family.grid, None)
    if not len(mine):
        return None
    churned = family.population.churned
    lost = family.grid.above(churned[:, None])[mine, 0]
    n_above = rules["n_above"].to_numpy(dtype=np.float64)[mine]
    n, rate = len(churned), float(churned.mean())
    gap = (churned.sum() - lost) / (n - n_above) - lost / n_above
    z = gap / np.sqrt(rate * (1 - rate) * (1 / n_above + 1 / (n - n_above)))
    best = int(np.argmax(np.abs(np.round(z, 9))))
    at = rules.iloc[mine[best]]
    block = family.grid.blocks[int(at["block"])]
    used = block.amounts[block.rows]
    below = float(used[used < at["cut"]].max(initial=-np.inf))
    direction = "at_least" if gap[best] > 0 else "at_most"
    return {
        "rule": wording.rule_text(
            at["column"], float(at["cut"]), below, int(at["min_users"]), direction
        ),
        "feature": at["feature"],
        "column": at["column"],
        "window_days": int(at["window_days"]),
        "cut": float(at["cut"]),
        "min_users": int(at["min_users"]),
        "p_raw": float(_p_raw(float(z[best]))),
        "lift": float(gap[best]),
        "n_significant": int((_p_raw(z) < 0.05).sum()),
        "n_rules": len(mine),
    }
