"""Measure the speed of the threshold search against plain loops, statistics compared.

    python benchmarks/thresholds.py                    the four comparisons, about three minutes
    python benchmarks/thresholds.py --only log-rank chi-square
    python benchmarks/thresholds.py --only search      a whole search of 2,500 terms, 15 features

Prints processor seconds of one core (the smallest of three runs, since others may use the machine),
the ratio to the loop and the largest difference of the statistics.  A loop that would take minutes
is timed on a few cuts or permutations and scaled; the table says on how many.  The run stops when
statistics differ by more than a millionth; it never stops for being slow.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from cs_models.learn import logrank, maxstat
from cs_models.learn.engines import draws, permutation, stepdown
from cs_models.learn.rules import grid as grids
from cs_models.learn.rules import layout
from cs_models.learn.rules import population as populations

FEATURES = 30
LOOPED = 3  # cuts or permutations of a loop that is scaled
LARGEST_DIFFERENCE = 1e-6
SIZES = (10_000, 100_000, 1_000_000)
Result = TypeVar("Result")


class Line(NamedTuple):
    """One comparison: processor seconds of ours and of the loop, and how far they differ."""

    what: str
    ours: float
    loop: float
    bar: str
    difference: float


def history(
    n_terms: int,
    n_features: int,
    rng: np.random.Generator,
    *,
    windows: tuple[int, ...] = (60,),
    users: bool = False,
) -> pd.DataFrame:
    """Invent a panel without any effect: counts by window, and the users behind them."""
    account = np.sort(rng.integers(0, int(n_terms / 1.6), n_terms))
    segment = np.array(["SMB", "MM", "ENT"])[rng.integers(0, 3, n_terms)]
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
        for days in windows:
            events = events + rng.poisson(rate * (days - before) / 60)
            before = days
            columns[f"events__f{feature}__first_{days}d"] = events
            if users:
                counted = np.minimum(events, rng.poisson(3, n_terms))
                columns[f"users__f{feature}__first_{days}d"] = counted
    return pd.DataFrame(columns)


def timed(action: Callable[[], Result], *, runs: int = 3) -> tuple[float, Result]:
    """Return the smallest processor time of several runs, and the last result."""
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        result = action()
        seconds.append(time.process_time() - started)
    return min(seconds), result


def equal(ours: np.ndarray, loop: np.ndarray) -> float:
    """Return the largest difference, relative to a statistic above 1; refuse a large one."""
    difference = float((np.abs(ours - loop) / np.maximum(1.0, np.abs(loop))).max())
    assert difference <= LARGEST_DIFFERENCE, f"statistics differ by {difference:.1e}"
    return difference


def log_rank(n_terms: int = 100_000) -> Line:
    """Log-rank chi-square of every cut against one lifelines test per cut."""
    from lifelines.statistics import logrank_test

    rng = np.random.default_rng(1)
    values = rng.lognormal(size=n_terms)
    left, seen = rng.exponential(1 + 0.02 * values), rng.uniform(0, 3, n_terms)
    time_, event = np.minimum(left, seen), (left <= seen).astype(float)
    cuts = layout.candidate_cuts(values, most=layout.MOST_CUTS)
    ours, table = timed(lambda: logrank.at_every_cut(values, time_, event, cuts))

    def loop() -> np.ndarray:
        found = []
        for cut in cuts[chosen]:
            above = values >= cut
            test = logrank_test(time_[above], time_[~above], event[above], event[~above])
            found.append(test.test_statistic)
        return np.array(found)

    chosen = np.linspace(0, len(cuts) - 1, LOOPED).astype(int)
    looped, peer = timed(loop, runs=2)
    return Line(
        f"log-rank, {len(cuts)} cuts, {n_terms:,} terms; lifelines timed on {LOOPED} cuts",
        ours,
        looped / LOOPED * len(cuts),
        "≥ 200 times",
        equal(table["chi_square"].to_numpy()[chosen], peer),
    )


def one_stratum(
    n_terms: int, windows: tuple[int, ...] = (60,)
) -> tuple[populations.Population, list[grids.Column]]:
    """Return one-term accounts in one stratum, which plain loops can follow."""
    frame = history(n_terms, FEATURES, np.random.default_rng(1), windows=windows)
    frame["account_id"] = frame["subscription_id"]
    features = [name for name in frame if name.startswith("events__")]
    population = populations.build(
        frame, columns=features, outcome="churned", cluster="account_id", strata=(),
        segment_by=None,
    )  # fmt: skip
    described = [layout.describe(name, features) for name in features]
    return population, [column for column in described if column is not None]


def lay_out(population: populations.Population, columns: list[grids.Column]) -> grids.Grid:
    everyone = [(None, np.ones(population.n_rows, dtype=bool))]
    return layout.build(population, columns, everyone, min_users=(1,))


def contingency(population: populations.Population, asked: dict[str, np.ndarray]) -> np.ndarray:
    """Test each cut (column to cuts) in a contingency table of its own with scipy."""
    from scipy.stats import chi2_contingency

    churned, found = population.churned > 0, []
    n, total = len(churned), int(churned.sum())
    for name, cuts in asked.items():
        values = population.frame[name].to_numpy()
        for cut in cuts:
            above = values >= cut
            left, n_above = int((above & churned).sum()), int(above.sum())
            table = [[left, n_above - left], [total - left, n - n_above - total + left]]
            found.append(chi2_contingency(table, correction=False).statistic)
    return np.array(found)


def some(n_cuts: int) -> np.ndarray:
    """Return 20 places spread over the cuts of a feature."""
    return np.linspace(0, n_cuts - 1, 20).astype(int)


def chi_square(n_terms: int = 10_000) -> Line:
    """Chi-square of all cuts of all features against 20 contingency tables per feature."""
    population, columns = one_stratum(n_terms)
    values = {c.name: population.frame[c.name].to_numpy(dtype=float) for c in columns}

    def all_cuts() -> dict[str, tuple[np.ndarray, np.ndarray]]:
        found = {}
        for name, x in values.items():
            _, cuts, z = maxstat.at_every_cut(population.churned, x)
            found[name] = cuts, z**2 * n_terms / (n_terms - 1)
        return found

    ours, found = timed(all_cuts)
    asked = {  # ours are the largest of the lower side
        name: np.nextafter(cuts[some(len(cuts))], np.inf) for name, (cuts, _) in found.items()
    }
    looped, peer = timed(lambda: contingency(population, asked), runs=2)
    statistic = np.concatenate([z[some(len(z))] for _, z in found.values()])
    return Line(
        f"chi-square, {sum(len(z) for _, z in found.values())} cuts of {FEATURES} features, "
        f"{n_terms:,} terms; scipy on {len(peer)} cuts",
        ours,
        looped,
        "≥ 10 times",
        equal(statistic, peer),
    )


def chi_square_of_search(n_terms: int = 10_000) -> Line:
    """Chi-squares as the search gets them: rules laid out, judged, and doubles left out.

    With one stratum of one-term accounts the search's T is the permutation z, and Pearson's
    chi-square is T² n / (n - 1).
    """
    population, columns = one_stratum(n_terms)

    def laid_out() -> tuple[grids.Grid, np.ndarray]:
        grid = lay_out(population, columns)
        z = permutation.moments(population, grid).statistic
        return grid, z**2 * n_terms / (n_terms - 1)

    ours, (grid, statistic) = timed(laid_out)
    of_column = grid.rules.groupby("column", sort=False).indices.items()
    chosen = {str(name): rules[some(len(rules))] for name, rules in of_column}
    asked = {name: grid.rules["cut"].to_numpy()[rules] for name, rules in chosen.items()}
    looped, peer = timed(lambda: contingency(population, asked), runs=2)
    return Line(
        f"the same with the search's whole layout, {len(grid.rules)} rules",
        ours,
        looped,
        "none",
        equal(statistic[np.concatenate(list(chosen.values()))], peer),
    )


def resort_loop(x: np.ndarray, outcomes: np.ndarray, cuts: list[np.ndarray]) -> np.ndarray:
    """Sort every feature again for every permutation; return the largest |T| of each."""
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
    return largest


def permutations(
    n_terms: int = 10_000, n_permutations: int = 1000, windows: tuple[int, ...] = (60,)
) -> Line:
    """Permutation maximum over all cuts, from columns to adjusted p, against re-sorting."""
    population, columns = one_stratum(n_terms, windows)

    def search() -> tuple[grids.Grid, stepdown.Adjusted]:
        grid = lay_out(population, columns)
        observed = permutation.moments(population, grid)
        null = permutation.null_statistics(
            population, grid, observed, n_permutations=n_permutations, rng=np.random.default_rng(0)
        )
        return grid, stepdown.adjust(observed.statistic, null)

    ours, (grid, adjusted) = timed(search)
    # The same draws: how they are made does not depend on how many are asked for at once.
    drawn = next(draws.outcomes(population, LOOPED, np.random.default_rng(0)))
    x = np.column_stack([block.amounts for block in grid.blocks])
    cuts = [block.cuts[block.admissible[:, 0]] for block in grid.blocks]
    looped, peer = timed(lambda: resort_loop(x, drawn.astype(float), cuts), runs=2)
    return Line(
        f"{n_permutations} permutations, {len(grid.rules)} cuts of {len(columns)} columns, "
        f"{n_terms:,} terms; re-sorting timed on {LOOPED}",
        ours,
        looped / LOOPED * n_permutations,
        "≥ 50 times",
        equal(adjusted.null_max[:LOOPED], peer),
    )


def one_size(n_terms: int, n_permutations: int = 20) -> dict[str, float]:
    """Search 30 features of a book of this size; return seconds and memory in MB."""
    frame = history(n_terms, FEATURES, np.random.default_rng(1))
    features = [name for name in frame if name.startswith("events__")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.process_time()
    population = populations.build(
        frame, columns=features, outcome="churned", cluster="account_id",
        strata=("segment", "term_months"), segment_by=None,
    )  # fmt: skip
    columns = [column for column in (layout.describe(n, features) for n in features) if column]
    grid = lay_out(population, columns)
    laid_out = time.process_time() - started
    observed = permutation.moments(population, grid)
    null = permutation.null_statistics(
        population, grid, observed, n_permutations=n_permutations, rng=np.random.default_rng(0)
    )
    stepdown.adjust(observed.statistic, null)
    return {
        "n_terms": n_terms,
        "n_rules": len(grid.rules),
        "frame_mb": frame.memory_usage(deep=True).sum() / 2**20,
        "before_mb": before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "laid_out": laid_out,
        "seconds": time.process_time() - started,
    }


def sizes() -> None:
    """Search books of growing size, each in a process of its own, to see its peak memory."""
    print(f"\n{FEATURES} features, accounts with several terms in strata, 20 permutations")
    print("      terms    rules   panel MB   peak MB   laid out s   all s   µs per term")
    for n_terms in SIZES:
        command = [sys.executable, __file__, "--one-size", str(n_terms)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        at = json.loads(output)
        print(
            f"{n_terms:11,} {at['n_rules']:8,} {at['frame_mb']:10.0f} {at['peak_mb']:9.0f} "
            f"{at['laid_out']:12.2f} {at['seconds']:7.2f} {at['seconds'] / n_terms * 1e6:13.1f}"
        )
    print("bars: linear in terms; at most 2,048 MB at 1,000,000 terms")


def search(n_terms: int, n_features: int, n_permutations: int) -> None:
    """Time the whole search as the report calls it."""
    from cs_models.learn import thresholds

    windows = (14, 30, 60, 90)
    rng = np.random.default_rng(1)
    frame = history(n_terms, n_features, rng, windows=windows, users=True)
    features = [name for name in frame if name.startswith("events__")]
    seconds, found = timed(
        lambda: thresholds.learn(frame, features=features, n_permutations=n_permutations), runs=1
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\nthresholds.learn: {n_terms:,} terms, {n_features} features × {len(windows)} windows, "
        f"{found.counts['n_rules']:,} rules (4 scopes, 4 user counts), {n_permutations} "
        f"permutations: {seconds:.1f} s of one core, peak {peak:.0f} MB"
    )


def main() -> None:
    parts = ("log-rank", "chi-square", "permutations", "sizes", "search")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=parts, default=parts[:4])
    parser.add_argument("--terms", type=int, default=2500, help="of the whole search")
    parser.add_argument("--features", type=int, default=15, help="of the whole search")
    parser.add_argument("--permutations", type=int, default=1999, help="of the whole search")
    parser.add_argument("--one-size", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one_size:
        print(json.dumps(one_size(asked.one_size)))
        return
    comparisons = {
        "log-rank": (log_rank,),
        "chi-square": (chi_square, chi_square_of_search),
        "permutations": (
            permutations,
            lambda: permutations(windows=(14, 30, 60, 90)),
        ),
    }
    if set(comparisons) & set(asked.only):
        print("   ours s    loop s  loop ÷ ours  largest difference  bar, what")
    for part, compared in comparisons.items():
        for compare in compared if part in asked.only else ():
            line = compare()
            print(
                f"{line.ours:9.3f} {line.loop:9.2f} {line.loop / line.ours:12.1f} "
                f"{line.difference:19.1e}  {line.bar}: {line.what}",
                flush=True,
            )
    if "sizes" in asked.only:
        sizes()
    if "search" in asked.only:
        search(asked.terms, asked.features, asked.permutations)


if __name__ == "__main__":
    main()
