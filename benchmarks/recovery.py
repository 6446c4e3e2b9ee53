"""Measure whether the search finds what was planted, and nothing where nothing was.

Makes worlds of invented customers, reads them through the public door (sources, cohort, panel),
deals the accounts of each world into books of a given size, and learns thresholds in each book.
Books of one world share its calendar (the quarters' shocks) and nothing else.

    python benchmarks/recovery.py null  --worlds 8 --terms 600
    python benchmarks/recovery.py step  --worlds 4 --terms 600 1500

Prints one line per size: shares with their Monte Carlo standard error.  Seeded: the same command
gives the same figures.  Bars: ``methods.md`` section 7.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cs_models.data import mapping, simulate, sources
from cs_models.features import cohort, panel
from cs_models.learn import thresholds

AS_OF = date(2026, 6, 30)
LANDMARK_DAYS = 60
FIRST_DAYS = (14, 30, 60)
ACCOUNTS_PER_WORLD = 6000
MEASURES = ("events", "active_days", "active_users", "distinct_features")


def world(scenario: str, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Make one world and return its panel and its truth."""
    with tempfile.TemporaryDirectory() as folder:
        simulate.write(
            folder, scenario=scenario, n_accounts=ACCOUNTS_PER_WORLD, seed=seed, dirty=False
        )
        tables = sources.read(mapping.Source(path=folder), as_of=AS_OF)
        terms = cohort.terms(tables, AS_OF, decision="after_start", days=LANDMARK_DAYS)
        frame = panel.build(tables, terms, windows_days=(), first_days=FIRST_DAYS)
        with open(f"{folder}/truth.json", encoding="utf-8") as stream:  # noqa: PTH123
            return frame, json.load(stream)


def books(frame: pd.DataFrame, n_terms: int, seed: int) -> Iterator[pd.DataFrame]:
    """Deal whole accounts into books of about ``n_terms`` terms."""
    accounts = frame["account_id"].unique()
    n_books = len(frame) // n_terms
    book = np.random.default_rng(seed).permutation(len(accounts)) % n_books
    of_account = dict(zip(accounts, book, strict=True))
    number = frame["account_id"].map(of_account)
    for i in range(n_books):
        yield frame[number == i]


def judge(
    book: pd.DataFrame, whole: pd.DataFrame, truth: dict[str, Any], seed: int, n_permutations: int
) -> tuple[dict[str, float], set[str]]:
    """Learn in one book; return figures (NaN where a question does not arise) and false signals."""
    features = [
        name for name in book.columns if "__first_" in name and name.split("__", 1)[0] in MEASURES
    ]
    started = time.process_time()
    search = thresholds.learn(
        book, features=features, n_permutations=n_permutations, random_state=seed
    )
    seconds = time.process_time() - started
    table = search.table
    announced = table[table["verdict"] == "associated"]
    naive = search.counts["naive"]
    out = {
        "terms": float(search.counts["n_terms"]),
        "churned": float(search.counts["n_churned"]),
        "announced": float(len(announced) > 0),
        "naive_announced": math.nan if naive is None else float(naive["p_raw"] < 0.05),
        "naive_abs_lift": math.nan if naive is None else abs(naive["lift"]),
        "cpu_seconds": seconds,
    }
    key = truth["feature"]
    signal = announced[announced["role"] == "signal"]
    others = set(signal.loc[signal["feature"] != key, "feature"])
    out["other_signal"] = float(len(others) > 0)
    out["other_associated"] = float(
        announced.loc[announced["segment"].isna(), "feature"].ne(key).sum()
    )
    out["naive_right"] = math.nan if naive is None else float(naive["feature"] == key)
    if len(announced) == 0:
        return out, others
    first = announced.iloc[0]
    out["right_first"] = float(first["feature"] == key)
    meets = thresholds.apply(first, whole)
    renewed = 1 - whole["churned"].astype(float)
    better, worse = renewed[meets.fillna(False)].mean(), renewed[(~meets).fillna(False)].mean()
    true_lift = better - worse if first["direction"] == "at_least" else worse - better
    out["lift_covered"] = float(first["lift_low"] <= true_lift <= first["lift_high"])
    out["lift_error"] = first["lift"] - true_lift
    out["crossfit_error"] = first["lift_crossfit"] - true_lift
    planted = first["column"] == f"events__{key}__first_{truth['window_days']}d"
    if planted:
        cut = truth["cuts"][first["segment"] or "SMB"]
        values = book[first["column"]].dropna().astype(float)
        out["cut_covered"] = float(first["cut_low"] <= cut <= first["cut_high"])
        out["cut_rank_error"] = abs((values < first["cut"]).mean() - (values < cut).mean())
    return out, others


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean and Monte Carlo standard error of every figure, and the median rank error."""
    table = pd.DataFrame(
        {"mean": results.mean(), "se": results.sem(), "runs": results.notna().sum()}
    )
    if "cut_rank_error" in results:
        table.loc["cut_rank_error_median"] = [
            results["cut_rank_error"].median(), math.nan, results["cut_rank_error"].notna().sum(),
        ]  # fmt: skip
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", choices=simulate.SCENARIOS)
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--terms", type=int, nargs="+", default=[600])
    parser.add_argument("--permutations", type=int, default=499)
    parser.add_argument("--seed", type=int, default=20261122)
    asked = parser.parse_args()
    results: dict[int, list[dict[str, float]]] = {size: [] for size in asked.terms}
    others: dict[int, Counter[str]] = {size: Counter() for size in asked.terms}
    for number in range(asked.worlds):
        frame, truth = world(asked.scenario, asked.seed + number)
        for size in asked.terms:
            for i, book in enumerate(books(frame, size, asked.seed + number)):
                seed = 1000 * number + i
                judged, names = judge(book, frame, truth, seed, asked.permutations)
                results[size].append(judged)
                others[size].update(names)
    for size, rows in results.items():
        print(f"\n{asked.scenario}, books of about {size} terms, {asked.permutations} permutations")
        print(summary(pd.DataFrame(rows)).round(4).to_string())
        print("other features announced as signals:", dict(others[size]) or "none", flush=True)


if __name__ == "__main__":
    main()
