"""Measure how well partial pooling finds the segments' cuts, beside separate and pooled fits.

    python benchmarks/segments.py                60 runs per setting (about 4 minutes of one core)
    python benchmarks/segments.py --runs 200 --level-runs 0

First the table of ``methods.md`` S9 (6 segments): root mean square error of the log cut, coverage
of the 95 % interval, and ours beside the figures there.  Then level and power of the test that
segments share one cut.  Seeded: the same command gives the same figures.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import xlogy

from cs_models.learn.shapes import pooling, shrinkage

SEGMENTS = 6
NAMES = [f"s{i}" for i in range(SEGMENTS)]
CENTRE, SPREAD = np.log(20.0), 0.8  # log use
CHURN, STEP = 0.13, 1.4  # churn above the cut; log odds added below it
DRAWS = 199
S9 = {  # tau, terms per segment: separate, pooled, full Bayes, coverage, width
    (0.0, 80): (".45-.52", ".096", ".130", "1.00", ".80"),
    (0.3, 80): (".50-.56", ".424", ".337", ".979", "1.25"),
    (0.3, 300): (".19-.21", ".310", ".154", ".975", ".46"),
    (0.8, 80): (".81", "", ".776", ".852", "1.73"),
    (0.8, 300): (".51", "", ".574", ".915", "1.01"),
}


@dataclass(frozen=True)
class World:
    """How segments differ.

    ``tau`` is the spread of log cuts; ``follows``: use is centred at the segment's cut; ``churn``,
    ``use``, ``effect``: segments differ in it; ``terms``: most terms per account.
    """

    n: int
    tau: float = 0.0
    follows: bool = False
    churn: bool = False
    use: bool = False
    effect: bool = False
    terms: int = 1
    step: float = STEP


@dataclass(frozen=True)
class Book:
    """One invented book; ``log_cut`` has one value per segment, the others one per term."""

    log_cut: np.ndarray
    values: np.ndarray
    churned: np.ndarray
    renewal_rate: np.ndarray
    account: np.ndarray
    segment: np.ndarray


def book(world: World, rng: np.random.Generator) -> Book:
    """Draw a book of 6 segments."""
    log_cut = CENTRE + world.tau * rng.normal(size=SEGMENTS)
    n_accounts = SEGMENTS * world.n
    account = np.repeat(np.arange(n_accounts), rng.integers(1, world.terms + 1, n_accounts))
    segment = account // world.n
    shift = np.linspace(-1, 1, SEGMENTS)[segment] if world.use else 0.0
    if world.follows:
        shift = (log_cut - CENTRE)[segment]
    own = rng.normal(size=n_accounts)[account]
    share = 0.7 if world.terms > 1 else 0.0
    x = (
        CENTRE
        + shift
        + SPREAD * (np.sqrt(share) * own + np.sqrt(1 - share) * rng.normal(size=len(account)))
    )
    churn = np.array([0.05, 0.08, 0.12, 0.2, 0.3, 0.4]) if world.churn else np.full(6, CHURN)
    step = world.step * (np.linspace(0.3, 1.7, 6)[rng.permutation(6)] if world.effect else 1.0)
    frailty = 1.2 * rng.normal(size=n_accounts)[account] if world.terms > 1 else 0.0
    logit = np.log(churn / (1 - churn))[segment] + frailty
    logit = logit + np.broadcast_to(step, SEGMENTS)[segment] * (x < log_cut[segment])
    renewal_rate = 1 / (1 + np.exp(logit))
    churned = (rng.random(len(x)) >= renewal_rate).astype(float)
    return Book(log_cut, np.exp(x), churned, renewal_rate, account, segment)


def best_cuts(made: Book) -> tuple[np.ndarray, float]:
    """Maximise the likelihood of two rates: each segment for itself, and all with one cut."""
    x = np.log(made.values)
    scale = np.unique(np.quantile(x, np.linspace(0.02, 0.98, 480)))
    cells, lost = shrinkage.tally(x, made.churned, made.segment, scale, SEGMENTS)
    n_above, lost_above = shrinkage.above(cells), shrinkage.above(lost)
    n, total = cells.sum(axis=1)[:, None], lost.sum(axis=1)[:, None]
    fit = sum(
        xlogy(k, k / np.maximum(m, 1)) + xlogy(m - k, 1 - k / np.maximum(m, 1))
        for k, m in ((lost_above, n_above), (total - lost_above, n - n_above))
    )
    admissible = (n_above >= 0.1 * n) & (n_above <= 0.9 * n)
    separate = scale[np.where(admissible, fit, -np.inf).argmax(axis=1)]
    return separate, float(scale[fit.sum(axis=0).argmax()])


def measure(world: World, seed: int) -> np.ndarray:
    """Return squared errors, coverages, widths and the test's verdict of one run."""
    rng = np.random.default_rng([9, world.n, int(10 * world.tau), world.follows, seed])
    made = book(world, rng)
    found = pooling.segments(
        made.values, made.churned, made.account, made.segment, NAMES,
        rng=rng, n_permutations=DRAWS,
    )  # fmt: skip
    x = np.log(made.values)
    scale = shrinkage.cuts(x, made.segment)
    cells, lost = shrinkage.tally(x, made.churned, made.segment, scale, SEGMENTS)
    bayes = shrinkage.posterior(shrinkage.log_marginal(cells, lost), scale, 0.95).mean
    separate, common = best_cuts(made)
    table, truth = found.table, made.log_cut
    low, high = np.log(table["cut_low"]), np.log(table["cut_high"])
    above = made.values >= table["cut"].to_numpy()[made.segment]
    sides = [[part & (made.segment == s) for part in (above, ~above)] for s in range(SEGMENTS)]
    lift = np.array(
        [
            np.subtract(*(made.renewal_rate[side].mean() for side in pair))
            if pair[0].any() and pair[1].any()
            else np.nan  # the shown cut lies outside the segment's use
            for pair in sides
        ]
    )
    held = ((table["lift_low"] <= lift) & (lift <= table["lift_high"]))[~np.isnan(lift)]
    shown = np.log(table["cut"]) - truth
    errors = [separate - truth, common - truth, np.log(found.pooled_cut) - truth]
    errors += [bayes - truth, shown]
    return np.array(
        [
            *(np.mean(error**2) for error in errors),
            ((low <= truth) & (truth <= high)).mean(),
            (high - low).mean(),
            held.mean(),
            found.tau,
            found.p_same <= 0.05,
        ]
    )


def permuted_labels(made: Book, rng: np.random.Generator) -> float:
    """Test one cut by permuting accounts' segments, to see whether that keeps its level."""
    x = np.log(made.values)
    scale = shrinkage.cuts(x, made.segment)
    of_account = made.segment[np.unique(made.account, return_index=True)[1]]
    gains = []
    for draw in range(DRAWS + 1):
        label = rng.permutation(of_account) if draw else of_account
        segment = label[np.unique(made.account, return_inverse=True)[1]]
        evidence = shrinkage.log_marginal(
            *shrinkage.tally(x, made.churned, segment, scale, SEGMENTS)
        )
        gains.append(evidence.max(axis=1).sum() - evidence.sum(axis=0).max())
    return float(np.mean(np.array(gains) >= gains[0] - 1e-9))


def table(n_runs: int) -> None:
    print(f"RMSE of the log cut, {SEGMENTS} segments, {n_runs} runs (cover: 95 % interval)")
    print("                     one max. likelihood   ours                  ")
    print(
        " tau    n  use      separate  pooled   pooled   Bayes   shown   cover  width"
        "  lift cover  E[tau]  reject | S9: separate, pooled, Bayes, cover, width"
    )
    worlds = [World(n=n, tau=tau) for tau in (0.0, 0.3, 0.8) for n in (80, 300)]
    worlds += [World(n=n, tau=0.8, follows=True) for n in (80, 300)]
    for world in worlds:
        got = np.array([measure(world, seed) for seed in range(n_runs)]).mean(axis=0)
        got[:5] = np.sqrt(got[:5])
        use = "follows" if world.follows else "alike"
        reference = () if world.follows else S9.get((world.tau, world.n), ())
        print(
            f" {world.tau:.1f} {world.n:5d}  {use:8s}  {got[0]:.3f}   {got[1]:.3f}    {got[2]:.3f}"
            f"    {got[3]:.3f}   {got[4]:.3f}   {got[5]:.3f}   {got[6]:.2f}     {got[7]:.3f}"
            f"      {got[8]:.2f}    {got[9]:.2f}   | {', '.join(reference)}",
            flush=True,
        )


def level(n_runs: int) -> None:
    error = (0.05 * 0.95 / n_runs) ** 0.5
    print(f"\nOne cut in truth: share of p <= .05, {n_runs} runs (s.e. {error:.3f})")
    worlds = {
        "alike, 80 terms": World(80),
        "alike, 300": World(300),
        "alike, 1500": World(1500),
        "churn .05 to .40, 300": World(300, churn=True),
        "churn and use differ, 80": World(80, churn=True, use=True),
        "churn and use differ, 300": World(300, churn=True, use=True),
        "churn, use, effect differ, 300": World(300, churn=True, use=True, effect=True),
        "weak effect (.6), 300": World(300, churn=True, use=True, step=0.6),
        "1-4 terms per account, 120 accounts": World(120, terms=4),
    }
    for name, world in worlds.items():
        ours, labels = [], []
        for seed in range(n_runs):
            rng = np.random.default_rng([10, seed])
            made = book(world, rng)
            ours.append(
                pooling.segments(
                    made.values, made.churned, made.account, made.segment, NAMES,
                    rng=rng, n_permutations=DRAWS,
                ).p_same
            )  # fmt: skip
            if seed < 100 and world.n < 1000:
                labels.append(permuted_labels(made, rng))
        beside = f"{np.mean(np.array(labels) <= 0.05):.3f}" if labels else ""
        print(f"  {name:38s} {np.mean(np.array(ours) <= 0.05):.3f}   permuted labels {beside}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--level-runs", type=int, default=100)
    asked = parser.parse_args()
    started = time.process_time()
    if asked.runs:
        table(asked.runs)
    if asked.level_runs:
        level(asked.level_runs)
    print(f"{time.process_time() - started:.0f} s of one core")


if __name__ == "__main__":
    main()
