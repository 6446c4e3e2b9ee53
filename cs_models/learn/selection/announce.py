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
from cs_models.learn.selection import crossfit, detail, leaders, rows, signals, stability
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, Family, groups_of
from cs_models.learn.shapes import effect

ANNOUNCED = ("sharp", "tentative", "gradual", "associated")
_VERDICT_ORDER = {**dict.fromkeys(ANNOUNCED, 0), "none": 1, "too_little_data": 2}
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
        ``lift_high`` compare like customers; ``role`` is ``signal`` or ``echo``; ``verdict`` is
        ``sharp``, ``tentative``, ``gradual`` or ``associated`` for a signal, ``associated`` for an
        echo, ``none`` or ``too_little_data`` for a scope without any.
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
    features : DataFrame, one row per (segment, feature)
        ``statistic`` and ``p_feature`` of its best rule (allowing for the feature's own rules),
        ``q_feature`` (Benjamini-Hochberg over the features of the segment), ``p_adjusted``,
        ``role``: a ranking to explore, not to announce.
    stability : dict of int to DataFrame
        By ``rule_id`` of each signal, what every re-run of the search found.
    curves : dict of int to DataFrame
        By ``rule_id`` of each signal, the isotonic renewal rate by value, with its band.
    segments : DataFrame, one row per (rule_id, segment)
        Signals of the whole book, their level in each segment partially pooled.
    alike : dict of int to dict
        By ``rule_id``: ``tau`` (segments differ by about a factor exp(tau)) and ``p_same`` (the
        chance of segments so different if all had one level).
    """

    table: pd.DataFrame
    headline: str
    rules: pd.DataFrame
    null_max: Float
    profiles: Mapping[int, pd.DataFrame]
    counts: Mapping[str, Any]
    families: pd.DataFrame
    learnt_from: pd.DataFrame
    features: pd.DataFrame
    stability: Mapping[int, pd.DataFrame]
    curves: Mapping[int, pd.DataFrame]
    segments: pd.DataFrame
    alike: Mapping[int, Mapping[str, float]]


@dataclass(frozen=True)
class _Judged:
    """What the tests left: leaders by scope, their worth on held-out terms, their roles."""

    found: Mapping[str | None, list[leaders.Leader]]
    given: Mapping[str | None, Mapping[str, float]]
    held: Mapping[str | None, crossfit.Held]
    roles: Mapping[tuple[str | None, str], signals.Role]


def search(
    family: Family,
    *,
    to_fold: np.random.Generator,
    to_bootstrap: np.random.Generator,
    to_judge: np.random.Generator,
) -> Search:
    """Turn a tested family into a table, a headline and the figures behind them.

    Parameters
    ----------
    family : Family
    to_fold, to_bootstrap, to_judge : numpy.random.Generator
        Sources of folds, of the bootstrap of the conditional search, and of what is asked of each
        signal.
    """
    judged = _judged(family, to_fold, to_bootstrap)
    details = _details(family, judged, to_judge)
    ranking = _ranking(family, judged.roles)
    records, profiles = _records(family, judged, details, ranking)
    families = _families(family, judged.found, records)
    ordered = _ordered(records)
    counts = _counts(family)
    pooled = {rule: one.pooled for rule, one in details.items() if one.pooled is not None}
    return Search(
        table=pd.DataFrame(ordered, columns=list(rows.COLUMNS), dtype=object),
        headline=_headline(ordered, counts),
        rules=family.grid.rules.assign(
            statistic=family.statistic,
            p_raw=_p_raw(family.statistic),
            p_adjusted=family.adjusted.p,
        ),
        null_max=family.adjusted.null_max,
        profiles=profiles,
        counts=counts,
        families=families,
        learnt_from=family.population.named_frame(family.segment_by),
        features=ranking,
        stability={rule: one.reruns for rule, one in details.items()},
        curves={rule: one.curve for rule, one in details.items()},
        segments=detail.segments(pooled),
        alike={rule: {"tau": one.tau, "p_same": one.p_same} for rule, one in pooled.items()},
    )


def _judged(
    family: Family, to_fold: np.random.Generator, to_bootstrap: np.random.Generator
) -> _Judged:
    grid, p = family.grid, family.adjusted.p
    if not (p <= family.alpha).any():
        return _Judged({}, {}, {}, {})
    training = crossfit.train(family.population, grid, to_fold)
    leading = {
        scope: leaders.leaders(
            family.population, grid, family.statistic, p, training, scope=scope, alpha=family.alpha
        )
        for scope, _ in family.scopes
    }
    found, given = signals.confirmed(family, leading, to_bootstrap)
    held = {
        scope: crossfit.judge(family.population, grid, training, crossfit.rules_of(grid, scope))
        for scope, announced in found.items()
        if announced
    }
    return _Judged(found, given, held, signals.roles(family, found, to_bootstrap))


def _details(family: Family, judged: _Judged, rng: np.random.Generator) -> dict[int, detail.Detail]:
    """Ask of every signal what kind of thing it is."""
    out: dict[int, detail.Detail] = {}
    signal_of = {
        scope: [one for one in announced if judged.roles[scope, one.feature].name == "signal"]
        for scope, announced in judged.found.items()
    }
    speaking = sum(1 for signal in signal_of.values() if signal)
    for scope, signal in signal_of.items():
        if not signal:
            continue
        announced = judged.found[scope]
        reruns = stability.rerun(family, scope, rng)
        for leader in signal:
            gap = rows.gap_of(family.population, family.grid, leader.rule)
            out[leader.rule] = detail.of_signal(
                family, leader, reruns, gap=gap, leading=leader is announced[0],
                alpha=family.alpha / speaking, rng=rng,
            )  # fmt: skip
    return out


def _ranking(family: Family, roles: Mapping[tuple[str | None, str], signals.Role]) -> pd.DataFrame:
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


def _records(
    family: Family,
    judged: _Judged,
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
                "p_raw": float(_p_raw(family.statistic[leader.rule])),
                "p_given_covariates": judged.given.get(scope, {}).get(leader.feature),
                "p_conditional": role.p,
                "role": role.name,
                "q_feature": q_of[scope, leader.feature],
                "lift_crossfit": rows.signed(worth, measured["direction"]),
                "smallest_lift": _smallest_lift(family, scope, members),
            }
            records.append(record | known)
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
        silent = [r["segment"] for r in ordered if r["segment"] and r["verdict"] not in ANNOUNCED]
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
    n = rules["n_terms"].to_numpy(dtype=np.float64)[mine]
    lost_in_all = np.zeros(len(rules))
    for known, part in family.grid.parts():
        lost_in_all[part] = churned[known].sum()
    rate = lost_in_all[mine] / n
    gap = (lost_in_all[mine] - lost) / (n - n_above) - lost / n_above
    z = gap / np.sqrt(rate * (1 - rate) * (1 / n_above + 1 / (n - n_above)))
    best = int(np.argmax(np.abs(np.round(z, 9))))
    at = rules.iloc[mine[best]]
    block = family.grid.blocks[int(at["block"])]
    used = block.amounts[block.rows]
    below = float(used[used < at["cut"]].max(initial=-np.inf))
    direction = "at_least" if gap[best] > 0 else "at_most"
    return {
        "rule": wording.rule_text(
            wording.counted(at["column"], at["members"]),
            float(at["cut"]),
            below,
            int(at["min_users"]),
            direction,
        ),
        "feature": at["feature"],
        "column": at["column"],
        "users_column": at["users_column"],
        "members": [{"column": name, "level": level} for name, level in at["members"]] or None,
        "direction": direction,
        "segment": None,
        "segment_by": None,
        "window_days": int(at["window_days"]),
        "cut": float(at["cut"]),
        "min_users": int(at["min_users"]),
        "p_raw": float(_p_raw(float(z[best]))),
        "lift": float(gap[best]),
        "n_significant": int((_p_raw(z) < 0.05).sum()),
        "n_rules": len(mine),
    }
