"""Call planted steps, slopes and saturations by name, and count how often the name is right.

    python benchmarks/shapes.py                 60 histories per cell, about 3 minutes
    python benchmarks/shapes.py --runs 300 --terms 1500 --shapes line step
    python benchmarks/shapes.py --per-account 3 --kinds share

Each history has one term per account (or up to ``--per-account``, with a risk of the account's
own), 22 % churn, three strata and nine covariates, one of which goes with the feature and with
churn.  The feature is a negative-binomial count, a lognormal amount or a share; a line is
straight in its log, ``saturation`` a gain that is two thirds done at the median, and a step lies
at the median.  Every cut with a tenth of the terms on either side is tried.

What it printed (share of runs called sharp / sharp or tentative / gradual), beside the same cells
of ``methods.md`` 2.5, whose histories differ in detail; standard errors up to 0.06:

    shape          terms   counts           amounts          methods.md
    line             600   .07 / .10 / .70  .00 / .02 / .73  .00 / .05 / .65
    line            1500   .07 / .10 / .73  .03 / .10 / .77  .00 / .03 / .72
    saturation       600   .08 / .13 / .53  .03 / .12 / .63  .05 / .13 / .25
    saturation      1500   .03 / .07 / .68  .02 / .10 / .75  .00 / .15 / .60
    step             600   .23 / .78 / .15  .20 / .65 / .20  .23 / .55 / .25
    step            1500   .73 / .93 / .07  .68 / .87 / .08  .75 / .95 / .03
    step and line    600   .13 / .47 / .33  .15 / .28 / .42  .10 / .37 / .40
    step and line   1500   .52 / .83 / .13  .37 / .63 / .32  .58 / .78 / .13

The first column of lines is above its bar (sharp .05) by chance: 400 other histories each
(--runs 400 --shapes line --kinds count --draws 299 --seed 1) gave .03 / .05 / .80 at 600 terms
and .03 / .06 / .82 at 1500, standard error .01.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy import optimize

from cs_models.learn.engines import multiplier
from cs_models.learn.shapes import supscore, verdict

CHURN = 0.22
ALPHA = 0.05
SHAPES = ("line", "saturation", "step", "step and line")
FIGURES = (
    "sharp",
    "or tent.",
    "gradual",
    "undecided",
    "none",
    "p_line",
    "p_spline",
    "delta>0",
    "seconds",
)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def amounts(kind: str, rng: np.random.Generator, latent: np.ndarray) -> np.ndarray:
    """Draw the feature from a latent normal: a count, an amount or a share."""
    if kind == "count":
        return rng.poisson(20 * np.exp(0.8 * latent)).astype(float)
    if kind == "amount":
        return 20 * np.exp(latent)
    return 1 / (1 + np.exp(2 - latent))


def risk(shape: str, values: np.ndarray) -> np.ndarray:
    """Return the log odds of leaving that go with the feature."""
    logged = verdict.on_log_scale(values)
    line = -0.6 * (logged - logged.mean()) / logged.std()
    above = values >= np.median(values)
    if shape == "line":
        return line
    if shape == "saturation":
        return -2.0 * (1 - np.exp(-values / np.median(values)))
    return -1.2 * above if shape == "step" else -1.0 * above + line / 2


def history(shape: str, kind: str, n: int, per_account: int, rng: np.random.Generator) -> Arrays:
    """Invent values, churn, accounts, strata, covariates and cuts."""
    account = np.repeat(np.arange(n), rng.integers(1, per_account + 1, n))[:n]
    own = rng.normal(size=n)[account] if per_account > 1 else np.zeros(n)
    latent = 0.7 * rng.normal(size=n)[account] + np.sqrt(0.51) * rng.normal(size=n)
    values = amounts(kind, rng, latent)
    covariates = rng.normal(size=(n, 9))
    covariates[:, 0] = 0.4 * latent + np.sqrt(0.84) * covariates[:, 0]
    stratum = rng.integers(0, 3, n)
    linear = risk(shape, values) - 0.3 * covariates[:, 0] + 0.3 * stratum + 0.7 * own

    def excess(level: float) -> float:
        return float((1 / (1 + np.exp(-level - linear))).mean()) - CHURN

    chance = 1 / (1 + np.exp(-optimize.brentq(excess, -20, 20) - linear))
    churned = (rng.random(n) < chance).astype(float)
    between = np.quantile(values, np.linspace(0.1, 0.9, 200), method="higher")
    return values, churned, account, stratum, covariates, np.unique(between)[1:]


def call(data: Arrays, draws: int, rng: np.random.Generator) -> dict[str, object]:
    """Judge one history; an association that is not significant is called none."""
    values, churned, account, stratum, covariates, cuts = data
    known = np.column_stack([stratum == 1, stratum == 2, covariates]).astype(float)
    null = multiplier.fit_null(known, churned, np.arange(len(values)))
    steps = supscore.Steps(values, cuts)
    (p_any,) = supscore.test(steps, [null], account, n_draws=draws, rng=rng)
    found = verdict.judge(*data, alpha=ALPHA, n_draws=draws, rng=rng)
    return {**vars(found), "called": "none" if p_any > ALPHA else found.verdict}


def report(cell: str, table: pd.DataFrame, seconds: float) -> None:
    """Print one line: how often each name was given, and what the names rest on."""
    share = table["called"].value_counts(normalize=True)
    sharp, tentative = share.get("sharp", 0.0), share.get("tentative", 0.0)
    rest = [share.get(name, 0.0) for name in ("gradual", "associated", "none")]
    tests = [table["p_step_linear"] <= ALPHA, table["p_step_spline"] <= ALPHA]
    tests.append(table["delta_log_likelihood"] > 0)
    figures = [sharp, sharp + tentative, *rest, *(test.mean() for test in tests), seconds]
    print(cell, *(f"{figure:9.2f}" for figure in figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--draws", type=int, default=499)
    parser.add_argument("--terms", type=int, nargs="+", default=[600, 1500])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--kinds", nargs="+", default=["count", "amount"])
    parser.add_argument("--per-account", type=int, default=1)
    parser.add_argument("--seed", type=int, nargs="*", default=[])
    parser.add_argument("--save")
    asked = parser.parse_args()
    print(f"{'shape':14} {'values':7} {'terms':>5}", *(f"{name:>9}" for name in FIGURES))
    kept = []
    for shape in asked.shapes:
        for kind in asked.kinds:
            for n in asked.terms:
                started = time.process_time()
                called = []
                for run in range(asked.runs):
                    seed = [*asked.seed, SHAPES.index(shape), len(kind), n, asked.per_account, run]
                    rng = np.random.default_rng(seed)
                    data = history(shape, kind, n, asked.per_account, rng)
                    called.append(call(data, asked.draws, rng))
                table = pd.DataFrame(called)
                seconds = (time.process_time() - started) / asked.runs
                report(f"{shape:14} {kind:7} {n:5}", table, seconds)
                kept.append(table.assign(shape=shape, values=kind, terms=n))
    if asked.save:
        pd.concat(kept).to_csv(asked.save, index=False)


if __name__ == "__main__":
    main()
