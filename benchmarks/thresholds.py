"""Measure the speed of the threshold search against plain loops, statistics compared.

    python benchmarks/thresholds.py            a full search of 2,500 terms, 15 features
    python benchmarks/thresholds.py --terms 10000 --features 30 --permutations 1000

Prints seconds of one core and the ratio to a loop that re-sorts every feature for every
permutation (timed on a few permutations and scaled), with the largest difference of statistics.
"""

from __future__ import annotations

import argparse
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from cs_models.learn import thresholds
from cs_models.learn.engines import permutation, stepdown
from cs_models.learn.rules import layout
from cs_models.learn.rules import population as populations

WINDOWS = (14, 30, 60, 90)
LOOPED = 3  # permutations of the plain loop


def history(n_terms: int, n_features: int, rng: np.random.Generator) -> pd.DataFrame:
    """Invent a panel without any effect: counts by window, and the users behind them."""
    account = np.sort(rng.integers(0, int(n_terms / 1.6), n_terms))
    segment = np.array(["SMB", "MM", "ENT"])[rng.integers(0, 3, n_terms // 1 + 1)]
    columns: dict[str, object] = {
        "subscription_id": np.arange(n_terms).astype(str),
        "account_id": account.astype(str),
        "segment": segment[account],
        "term_months": rng.choice([12, 24], n_terms, p=[0.8, 0.2]),
        "churned": (rng.random(n_terms) < 0.2).astype(int),
    }
    for feature in range(n_features):
        rate = 20 * rng.lognormal(0, 0.8, n_terms)
        events = np.zeros(n_terms, dtype=int)
        before = 0
        for days in WINDOWS:
            events = events + rng.poisson(rate * (days - before) / 60)
            before = days
            columns[f"events__f{feature}__first_{days}d"] = events
            columns[f"users__f{feature}__first_{days}d"] = np.minimum(
                events, rng.poisson(3, n_terms)
            )
    return pd.DataFrame(columns)


def resort_loop(
    x: np.ndarray, outcomes: np.ndarray, cuts: list[np.ndarray]
) -> tuple[float, np.ndarray]:
    """Sort every feature again for every permutation; return seconds and the largest |T|."""
    started = time.process_time()
    n = len(x)
    largest = np.zeros(outcomes.shape[1])
    for b in range(outcomes.shape[1]):
        for j in range(x.shape[1]):
            order = np.argsort(x[:, j])
            values, y = x[order, j], outcomes[order, b]
            below = np.searchsorted(values, cuts[j], side="left")
            lost = y.sum() - np.r_[0.0, np.cumsum(y)][below]
            above = n - below
            variance = y.var(ddof=1) * above * (n - above) / n
            statistic = (lost - above * y.mean()) / np.sqrt(variance)
            largest[b] = max(largest[b], float(np.abs(statistic).max()))
    return time.process_time() - started, largest


def compare(frame: pd.DataFrame, features: list[str], n_permutations: int) -> None:
    """Permute one stratum without user counts both ways."""
    single = frame.assign(account_id=frame["subscription_id"])
    population = populations.build(
        single, columns=features, outcome="churned", cluster="account_id", strata=(),
        segment_by=None,
    )  # fmt: skip
    columns = [layout.describe(name, features) for name in features]
    started = time.process_time()
    everyone = [(None, np.ones(population.n_rows, dtype=bool))]
    grid = layout.build(population, [c for c in columns if c], everyone, min_users=(1,))
    moments = permutation.moments(population, grid)
    null = permutation.null_statistics(
        population, grid, moments, n_permutations=n_permutations, rng=np.random.default_rng(0)
    )
    adjusted = stepdown.adjust(moments.statistic, null)
    ours = time.process_time() - started
    outcomes = next(permutation.outcomes(population, LOOPED, np.random.default_rng(0)))
    x = np.column_stack([block.amounts for block in grid.blocks])
    cuts = [block.cuts[block.admissible[:, 0]] for block in grid.blocks]
    looped, largest = resort_loop(x, outcomes.astype(float), cuts)
    first = np.concatenate(
        list(
            permutation.null_statistics(
                population, grid, moments, n_permutations=LOOPED, rng=np.random.default_rng(0)
            )
        ),
        axis=1,
    ).max(axis=0)
    scaled = looped / LOOPED * n_permutations
    print(f"{len(grid.rules)} rules of {len(features)} columns, {n_permutations} permutations")
    print(f"  ours {ours:.2f} s, re-sorting loop {scaled:.1f} s: {scaled / ours:.0f} times")
    print(f"  largest difference of the maximum: {np.abs(first - largest).max():.1e}")
    print(f"  95 % quantile of the maximum: {adjusted.quantile(0.95):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--terms", type=int, default=2500)
    parser.add_argument("--features", type=int, default=15)
    parser.add_argument("--permutations", type=int, default=1999)
    asked = parser.parse_args()
    frame = history(asked.terms, asked.features, np.random.default_rng(1))
    features = [name for name in frame if name.startswith("events__")]
    started = time.process_time()
    search = thresholds.learn(frame, features=features, n_permutations=asked.permutations)
    print(
        f"thresholds.learn: {asked.terms} terms, {search.counts['n_rules']} rules (4 scopes, "
        f"4 user counts), {asked.permutations} permutations: "
        f"{time.process_time() - started:.1f} s of one core"
    )
    compare(frame, features, asked.permutations)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
