"""Books dealt from a world, learnt from, and judged against the truth.

Grain in: a panel of one world.  Grain out: one flat record per book, NaN where a question does
not arise.  Gaps are of renewal rates, 0 to 1.  Errors are signed so that plus means overstated.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from cs_models.data.simulation import scenarios
from cs_models.features import catalogue
from cs_models.learn import thresholds
from planted.worlds import KEY, PLAIN_CUT, TRUE_CHANCE

_CONFOUNDING = "cs_models.learn.confounding"  # not in every version of the package
confounding: Any = importlib.import_module(_CONFOUNDING) if find_spec(_CONFOUNDING) else None

STRATA = ("segment", "term_months")
# Features with an effect of their own, though not the planted one: naming one is no invention.
REAL = {KEY, scenarios.GRADUAL_FEATURE, scenarios.U_SHAPED_FEATURE}
NAIVE_IS_LARGE = 0.10
VERDICTS = ("sharp", "tentative", "gradual", "associated", "none", "too_little_data")

Record = dict[str, Any]


def deal(frame: pd.DataFrame, n_terms: int, seed: int) -> Iterator[pd.DataFrame]:
    """Deal whole accounts into books of ``n_terms`` terms, up to one account; the rest is left."""
    accounts = pd.Series(np.random.default_rng([seed, n_terms]).permutation(_accounts(frame)))
    sizes = frame["account_id"].value_counts()
    before = accounts.map(sizes).cumsum() - accounts.map(sizes)
    number = frame["account_id"].map(dict(zip(accounts, before // n_terms, strict=True)))
    for i in range(len(frame) // n_terms):
        yield frame[number == i]


def _accounts(frame: pd.DataFrame) -> np.ndarray:
    return np.sort(frame["account_id"].unique().astype(str))


def searched(frame: pd.DataFrame) -> list[str]:
    """Return the columns that the notebook searches."""
    choose = getattr(thresholds, "searched", None)
    if choose is not None:
        return list(choose(frame.columns))
    return catalogue.among(frame.columns, anchor="first", measures=thresholds.SEARCHED)


def judge(
    book: pd.DataFrame,
    world: pd.DataFrame,
    facts: Mapping[str, Any],
    *,
    scenario: str,
    seed: int,
    n_permutations: int,
) -> Record:
    """Learn in one book and say how far the answer is from the truth of its world."""
    seen = book.drop(columns=TRUE_CHANCE)
    started = time.process_time()
    search = thresholds.learn(
        seen, features=searched(seen), n_permutations=n_permutations, random_state=seed
    )
    out: Record = {"cpu_seconds": time.process_time() - started}
    out |= {name: float(search.counts[name]) for name in ("n_terms", "n_churned", "n_rules")}
    out |= _announced(search.table, scenario)
    out |= _naive(search, book, world, scenario)
    signals = search.table[search.table["role"] == "signal"]
    if len(signals):
        out |= _gap(signals.iloc[0], world)
    if facts["cuts"]:
        out |= _cut(signals, book, facts)
        out |= _segments(search, signals, book, facts)
    return out


def _announced(table: pd.DataFrame, scenario: str) -> Record:
    announced = table[table["role"].isin(["signal", "echo"])]
    signals = table[table["role"] == "signal"]
    whose = [_whose(row) for _, row in signals.iterrows()]
    others = sorted({feature for kind, feature in whose if kind == "other"})
    first = whose[0][0] if whose else None
    verdict = signals.iloc[0]["verdict"] if len(signals) else table.iloc[0]["verdict"]
    found = scenario not in ("null", "immortal", "confounded")
    out: Record = {
        "announced": float(len(announced) > 0),
        "signal": float(len(signals) > 0),
        "any_sharp": float((signals["verdict"] == "sharp").any()),
        "supported": float(verdict in ("sharp", "tentative")),
        "n_echoes": float(announced["feature"].nunique() - signals["feature"].nunique()),
        "other_names": others,
    }
    out |= {f"verdict_{name}": float(verdict == name) for name in VERDICTS}
    if found:
        out |= {
            "planted_first": float(first == "planted"),
            "combined_first": float(first == "combined"),
            "other_signal": float(len(others) > 0),
            "decoy_signal": float(len(set(others) - REAL) > 0),
            "combined_signal": float(any(kind == "combined" for kind, _ in whose)),
        }
    return out


def _whose(row: pd.Series) -> tuple[str, str]:
    """Say whether a signal is the planted feature, a rule of several that holds it, or another."""
    members = row.get("members")
    if isinstance(members, list) and members:
        parts = [catalogue.parse(one["column"]) for one in members]
        holds = any(part is not None and part.feature == KEY for part in parts)
        return ("combined" if holds else "other"), str(row["feature"])
    return ("planted" if row["feature"] == KEY else "other"), str(row["feature"])


def within_strata(above: pd.Series, renewed: pd.Series, frame: pd.DataFrame) -> float:
    """Return the Mantel-Haenszel weighted gap of renewal, above minus below, within strata.

    Written anew here: what the package says of a gap is not judged by the package.
    """
    known = above.notna() & renewed.notna()
    rows = frame.loc[known, list(STRATA)].astype(str)
    rows = rows.assign(above=above[known].astype(bool), renewed=renewed[known].astype(float))
    up = rows[rows["above"]].groupby(list(STRATA))["renewed"].agg(["size", "mean"])
    down = rows[~rows["above"]].groupby(list(STRATA))["renewed"].agg(["size", "mean"])
    cells = up.join(down, lsuffix="_up", rsuffix="_down", how="inner")
    if cells.empty:
        return math.nan
    weight = cells["size_up"] * cells["size_down"] / (cells["size_up"] + cells["size_down"])
    return float((weight * (cells["mean_up"] - cells["mean_down"])).sum() / weight.sum())


def _sides(rule: Mapping[str, Any] | pd.Series, frame: pd.DataFrame) -> pd.Series:
    """Return which rows are above a rule's cut; missing where that is not known."""
    better = thresholds.apply(rule, frame)
    return ~better if rule["direction"] == "at_most" else better


def _gap(rule: pd.Series, world: pd.DataFrame) -> Record:
    """Compare the gap of the leading rule with that among all customers of the world."""
    truth = within_strata(_sides(rule, world), 1.0 - world[TRUE_CHANCE], world)
    sign = 1.0 if rule["direction"] == "at_least" else -1.0
    out: Record = {
        "lift_covered": float(rule["lift_low"] <= truth <= rule["lift_high"]),
        "apparent_error": sign * (rule["lift_within_strata"] - truth),
        "crossfit_error": sign * (rule["lift_crossfit"] - truth),
    }
    corrected = rule.get("lift_bootstrap")
    if corrected is not None and not pd.isna(corrected):
        out["bootstrap_error"] = sign * (float(corrected) - truth)
    return out


def _cut(signals: pd.DataFrame, book: pd.DataFrame, facts: Mapping[str, Any]) -> Record:
    """Judge the cut of the best rule that counts what was planted, where one cut was planted."""
    column = f"events__{facts['feature']}__first_{facts['window_days']}d"
    cuts = facts["cuts"]
    rules = signals[signals["column"] == column]
    if len(set(cuts.values())) > 1:
        rules = rules[rules["segment"].notna()]  # the whole book has no single truth
    if not len(rules):
        return {}
    rule = rules.iloc[0]
    whole = pd.isna(rule["segment"])
    rows = book if whole else book[book["segment"] == rule["segment"]]
    values = rows[column].dropna().astype(float)
    planted = float(cuts[next(iter(cuts)) if whole else rule["segment"]])
    return {
        "cut_covered": float(_holds(rule["cut_low"], rule["cut_high"], planted, values)),
        "cut_rank_error": abs((values < rule["cut"]).mean() - (values < planted).mean()),
        "cut_localised": float(bool(rule["cut_localised"])),
    }


def _holds(low: float, high: float, planted: float, values: pd.Series) -> bool:
    """Say whether an interval holds the planted cut, or the observed value that parts alike."""
    above = values[values >= planted]
    observed = float(above.min()) if len(above) else planted
    return bool(low <= planted <= high or low <= observed <= high)


def _segments(
    search: thresholds.Search, signals: pd.DataFrame, book: pd.DataFrame, facts: Mapping[str, Any]
) -> Record:
    """Judge the level of every segment: the pooled ones, and those searched apart."""
    column = f"events__{facts['feature']}__first_{facts['window_days']}d"
    planted = signals[signals["column"] == column]
    apart = planted[planted["segment"].notna()]
    out = _levels("apart", apart, book, column, facts["cuts"])
    pooled = getattr(search, "segments", None)
    if pooled is None:
        return out
    ids = planted.loc[planted["segment"].isna(), "rule_id"].tolist()
    return out | _levels("pooled", pooled[pooled["rule_id"].isin(ids)], book, column, facts["cuts"])


def _levels(
    name: str, levels: pd.DataFrame, book: pd.DataFrame, column: str, cuts: Mapping[str, float]
) -> Record:
    levels = levels[levels["cut"].notna()]
    covered = errors = 0.0
    for _, row in levels.iterrows():
        planted = float(cuts[row["segment"]])
        values = book.loc[book["segment"] == row["segment"], column].dropna().astype(float)
        covered += _holds(float(row["cut_low"]), float(row["cut_high"]), planted, values)
        errors += (math.log(max(float(row["cut"]), 0.5)) - math.log(planted)) ** 2
    if not len(levels):
        return {}
    return {
        f"{name}_levels": float(len(levels)),
        f"{name}_covered": covered,
        f"{name}_log_error": errors,
    }


def _naive(
    search: thresholds.Search, book: pd.DataFrame, world: pd.DataFrame, scenario: str
) -> Record:
    """Judge the best split as a plain search would have announced it."""
    naive = search.counts["naive"]
    if naive is None:
        return {}
    out: Record = {
        "naive_announced": float(naive["p_raw"] < 0.05),
        "naive_abs_lift": abs(float(naive["lift"])),
        "naive_right": float(naive["feature"] == KEY),
    }
    rule = _naive_rule(search)
    above = _sides(rule, world).fillna(False).astype(bool)
    chance = 1.0 - world[TRUE_CHANCE]
    sign = math.copysign(1.0, naive["lift"])
    truth = float(chance[above].mean() - chance[~above].mean())
    out["naive_error"] = sign * (float(naive["lift"]) - truth)
    if scenario == "confounded" and abs(naive["lift"]) >= NAIVE_IS_LARGE:
        rest = world[~world["account_id"].isin(book["account_id"])]
        for where, rows in (("here", search.learnt_from), ("elsewhere", rest)):
            out |= _contrast(rule, rows, sign, where)
    return out


def _naive_rule(search: thresholds.Search) -> Record:
    """Return the naive best split in the form in which rules are read back."""
    naive, rules = search.counts["naive"], search.rules
    same = rules["segment"].isna()
    for name in ("column", "cut", "min_users"):
        same &= rules[name] == naive[name]
    rule = {str(name): value for name, value in rules[same].iloc[0].items()}
    members = rule.get("members") or ()
    rule["members"] = [{"column": name, "level": level} for name, level in members] or None
    return rule | {"direction": "at_least", "segment": None, "segment_by": None, "verdict": "naive"}


def _contrast(rule: Record, rows: pd.DataFrame, sign: float, where: str) -> Record:
    """Return the gap with and without overlap weights, towards the naive side."""
    if confounding is None:
        return {}
    seen = rows.drop(columns=TRUE_CHANCE, errors="ignore")
    found = confounding.contrast(rule, seen, rng=np.random.default_rng(0), n_boot=20)
    return {
        f"contrast_{where}": sign * found.lift,
        f"unweighted_{where}": sign * found.lift_naive,
    }


def of_world(world: pd.DataFrame | None, facts: Mapping[str, Any]) -> Record:
    """Return what is asked of a whole world, without any search."""
    names = ("aborted", "aborted_naming", "ever_reached_lift", "ever_reached_share")
    out: Record = {name: facts[name] for name in names if name in facts}
    out |= {"n_terms": float(facts["n_terms"]), "cpu_seconds": facts["cpu_seconds"]}
    if world is not None:
        above = (world[f"events__{KEY}__first_60d"].astype("Float64") >= PLAIN_CUT).astype(
            "boolean"
        )
        renewed = 1.0 - world["churned"].astype("Float64")
        out["landmark_lift"] = within_strata(above, renewed, world)
        out["churn_rate"] = float(world["churned"].mean())
    return out
