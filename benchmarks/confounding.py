"""Measure whether like-with-like comparison takes a planted confounder away.

Two settings in which use has no effect at all and the naive gap is large:

``world``: scenario ``confounded`` through the public door (sources, cohort, panel).  The success
manager's tier, which is the account's tercile of ARR in its segment, raises use and lowers churn.
Worlds are dealt into books; in each book the best marginal rule is contrasted in the book that it
was found in (``found``) and in another book of the same world (``other``), which is free of the
optimism of the choice.  Run once with every covariate and once without what names the tier.

``abstract``: setting S13 of ``methods.md`` section 9 in plain numbers, 1500 accounts.

    python benchmarks/confounding.py --worlds 4 --terms 1500

Prints means, Monte Carlo standard errors, and the share of 95 % intervals that hold the truth, 0.
Bar (``methods.md`` section 7): |mean overlap contrast| at most 1 point where the naive gap is over
10.  Seeded: the same command gives the same figures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cs_models.data import mapping, simulate, sources
from cs_models.features import cohort, panel
from cs_models.learn import confounding

AS_OF = date(2026, 6, 30)
LANDMARK_DAYS = 60
ACCOUNTS_PER_WORLD = 6000
LANDMARK = f"__first_{LANDMARK_DAYS}d"
COVARIATES = (
    "segment", "arr", "term_months", "seats", "term_no", "term_start", "acquisition_channel",
    "region", "industry",
)  # fmt: skip


def world(seed: int) -> pd.DataFrame:
    """Make one world in which use has no effect, and return its panel."""
    with tempfile.TemporaryDirectory() as folder:
        simulate.write(
            folder, scenario="confounded", n_accounts=ACCOUNTS_PER_WORLD, seed=seed, dirty=False
        )
        tables = sources.read(mapping.Source(path=folder), as_of=AS_OF)
        terms = cohort.terms(tables, AS_OF, decision="after_start", days=LANDMARK_DAYS)
        return panel.build(tables, terms, windows_days=(), first_days=(LANDMARK_DAYS,))


def books(frame: pd.DataFrame, n_terms: int, seed: int) -> Iterator[pd.DataFrame]:
    """Deal whole accounts into books of ``n_terms`` terms or some more."""
    accounts = frame["account_id"].unique()
    n_books = max(1, len(frame) // n_terms)
    book = np.random.default_rng(seed).permutation(len(accounts)) % n_books
    number = frame["account_id"].map(dict(zip(accounts, book, strict=True)))
    for i in range(n_books):
        yield frame[number == i]


def best_rule(book: pd.DataFrame) -> dict[str, Any]:
    """Return the cut of any count whose two sides differ most, by the plain z statistic."""
    known = book[book["churned"].notna()]
    churned = known["churned"].to_numpy(dtype=float)
    best, rule = 0.0, {}
    for column in (c for c in book.columns if c.startswith("events_") and c.endswith(LANDMARK)):
        values = known[column].fillna(0).to_numpy(dtype=float)
        for cut in np.unique(np.quantile(values, np.arange(0.1, 0.91, 0.05))):
            above = values >= cut
            n = above.sum()
            if not 0 < n < len(above):
                continue
            gap = churned[~above].mean() - churned[above].mean()
            z = gap * np.sqrt(n * (len(above) - n) / len(above))
            if abs(z) > abs(best):
                best = z
                rule = {
                    "column": column, "cut": cut, "min_users": 1, "users_column": None,
                    "direction": "at_least", "segment": None, "segment_by": "segment",
                }  # fmt: skip
    return rule


def measured(
    rule: dict[str, Any],
    book: pd.DataFrame,
    covariates: Sequence[str] | None,
    seed: int,
    n_boot: int,
) -> dict[str, float]:
    """Contrast one rule in one book whose truth is no effect."""
    started = time.process_time()
    found = confounding.contrast(
        rule, book, covariates=covariates, rng=np.random.default_rng(seed), n_boot=n_boot
    )
    return {
        "terms": found.n_terms,
        "naive": found.lift_naive,
        "overlap": found.lift,
        "covered": float(found.low <= 0 <= found.high),
        "half_width": (found.high - found.low) / 2,
        "n_effective": found.n_effective_above + found.n_effective_below,
        "share_overlap": found.share_overlap,
        "max_smd_before": found.balance["smd_before"].abs().max(),
        "max_smd": found.max_smd,
        "e_value_naive": confounding.e_value(naive_ratio(rule, book)),
        "e_value": found.e_value,
        "cpu_seconds": time.process_time() - started,
    }


def naive_ratio(rule: dict[str, Any], book: pd.DataFrame) -> float:
    above = book[rule["column"]].astype(float) >= rule["cut"]
    churned = book["churned"].astype(float)
    return float(churned[above].mean() / churned[~above].mean())


def abstract(rng: np.random.Generator) -> pd.DataFrame:
    """Invent 1500 accounts whose tier alone drives both use and churn."""
    n = 1500
    segment = rng.integers(0, 3, n)
    tier = rng.integers(0, 3, n) - 1
    use = rng.poisson(24 * np.exp(0.6 * tier + 0.6 * rng.normal(size=n)))
    chance = 1 / (1 + np.exp(1.1 + 0.3 * segment + 0.9 * tier))
    return pd.DataFrame(
        {
            "account_id": [f"a{i:04d}" for i in range(n)],
            "segment": np.array(["SMB", "MM", "ENT"])[segment],
            "arr": np.exp(8 + 1.5 * segment + 0.5 * tier + 0.2 * rng.normal(size=n)),
            "csm_id": [
                f"csm-{3 * t + i}" for t, i in zip(tier, rng.integers(0, 3, n), strict=True)
            ],
            "events__key__first_60d": use,
            "churned": (rng.random(n) < chance).astype(float),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--terms", type=int, default=1500)
    parser.add_argument("--abstract", type=int, default=40)
    parser.add_argument("--bootstraps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261122)
    asked = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(asked.abstract):
        seed = asked.seed + number
        to_find, to_judge = (abstract(rng) for rng in np.random.default_rng(seed).spawn(2))
        rule = best_rule(to_find)
        rows["abstract, found"].append(measured(rule, to_find, None, seed, asked.bootstraps))
        rows["abstract, other"].append(measured(rule, to_judge, None, seed, asked.bootstraps))
    for number in range(asked.worlds):
        seed = asked.seed + number
        frame = world(seed)
        dealt = list(books(frame, asked.terms, seed))
        rules = [best_rule(book) for book in dealt]
        for i, book in enumerate(dealt):
            other = rules[i - 1]
            rows["world, found"].append(measured(rules[i], book, None, seed, asked.bootstraps))
            rows["world, other"].append(measured(other, book, None, seed, asked.bootstraps))
            rows["world, other, tier not named"].append(
                measured(other, book, COVARIATES, seed, asked.bootstraps)
            )
    for setting, figures in rows.items():
        results = pd.DataFrame(figures)
        table = pd.DataFrame({"mean": results.mean(), "se": results.sem()})
        print(f"\n{setting}: {len(results)} books\n{table.round(4).to_string()}", flush=True)


if __name__ == "__main__":
    main()
