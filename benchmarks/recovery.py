"""Measure whether the search finds what was planted, and nothing where nothing was.

Makes worlds of invented customers, reads them through the public door (sources, cohort, panel),
deals the accounts of each world into books of a given size, learns thresholds in each book, and
judges the answers against the truth.  Bars: ``methods.md`` section 7.

    python benchmarks/recovery.py run --scale small             minutes: does it run, roughly
    python benchmarks/recovery.py run --scale nightly           200 books of each kind
    python benchmarks/recovery.py run --scale full              1,000 null books
    python benchmarks/recovery.py run --scenario null --worlds 90 --terms 600 --permutations 499
    python benchmarks/recovery.py models                        predictors, money, hazards
    python benchmarks/recovery.py models --only money --runs 200
    python benchmarks/recovery.py report [--markdown]           the table of bars

One world is a unit of work; units run side by side, one a core.  What is finished lies in the
folder ``--out`` and is skipped by the next run of the same code, so a run may be stopped at any
time.  Results of other code are kept apart and never mixed.  Seeded: the same command gives the
same figures, on however many cores.

Books of one world share its calendar (the quarters' shocks), and with ``--deals`` some of its
customers (two books of 600 dealt from 8,700 terms share 41); standard errors are clustered by
world, see ``planted/estimates.py``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from planted import bars, books, foretelling, leavers, renewals, trial_figures, trials, worlds

from cs_models import files
from cs_models.data import simulate

SEED = 20261122
ACCOUNTS = 8000  # about 8,700 terms: two books of 4,000, five of 1,500, fourteen of 600
MODEL_ACCOUNTS = 5000  # about 5,700 terms known before their renewal, 5,200 of them foretold
ANOTHER_DEAL = 10**9  # seeds of further deals of the same world
WHOLE = 0  # the size that stands for a whole world
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
OUT = Path(__file__).parents[1] / "build" / "recovery"


@dataclass(frozen=True)
class Job:
    """Some worlds of one scenario, and the sizes of the books to deal from them."""

    scenario: str
    worlds: int
    terms: tuple[int, ...]
    permutations: int = 999
    n_accounts: int = ACCOUNTS
    deals: int = 1


PLANS = {
    "small": (
        Job("null", 2, (600,), 199, 4000),
        Job("linear", 1, (1500,), 199, 4000),
        Job("step", 2, (600, 1500), 199, 4000),
        Job("step-by-segment", 1, (1500,), 199, 4000),
        Job("confounded", 1, (1500,), 199, 4000),
        Job("immortal", 2, (600,), 199, 4000),
        Job("leak", 2, (), 199, 2000),
    ),
    "nightly": (
        Job("null", 16, (600,)),
        Job("linear", 16, (600,)),
        Job("linear", 42, (1500,)),
        Job("step", 16, (600,)),
        Job("step", 42, (1500,)),
        Job("step", 100, (4000,)),
        Job("step-by-segment", 42, (1500,)),
        Job("confounded", 42, (1500,)),
        Job("immortal", 16, (600,)),
        Job("immortal", 40, ()),
        Job("leak", 20, (), 999, 2000),
    ),
    "full": (Job("null", 76, (600,)),),
}


@dataclass(frozen=True)
class Unit:
    """One world with the sizes that are not finished yet."""

    world: worlds.World
    terms: tuple[int, ...]
    permutations: int
    results: Path
    deals: int = 1

    @property
    def name(self) -> str:
        """The world's name."""
        return self.world.name

    def path(self, terms: int) -> Path:
        """Return where the records of one size lie, once they are finished."""
        size = f"{terms}-{self.permutations}" if terms else "whole"
        size += f"-{self.deals}" if terms and self.deals > 1 else ""
        return self.results / f"{self.world.name}-{size}.jsonl"

    def run(self) -> str:
        """Judge every size and write one file of records for each; return what was done."""
        frame, facts = self.world.load()
        for terms in self.terms:
            records = list(self._records(frame, facts, terms))
            text = "".join(json.dumps(record) + "\n" for record in records)
            files.write_text_atomic(self.path(terms), text)
        sizes = ", ".join(str(terms) if terms else "the whole" for terms in self.terms)
        return f"{self.world.name}: {sizes}"

    def _records(
        self, frame: pd.DataFrame | None, facts: dict[str, Any], terms: int
    ) -> Iterator[dict[str, Any]]:
        scenario, seed = self.world.scenario, self.world.seed
        known = {
            "scenario": scenario,
            "world": self.world.name,
            "terms": terms,
            "permutations": self.permutations if terms else 0,
        }
        if not terms:
            yield known | books.of_world(frame, facts)
            return
        assert frame is not None
        dealt = (
            book
            for deal in range(self.deals)
            for book in books.deal(frame, terms, seed + ANOTHER_DEAL * deal)
        )
        for number, book in enumerate(dealt):
            judged = books.judge(
                book, frame, facts, scenario=scenario, seed=1000 * seed + number,
                n_permutations=self.permutations,
            )  # fmt: skip
            yield known | {"book": number} | judged


def code() -> str:
    """Name the code whose answers are judged, and the judging itself."""
    modules = (books, worlds, leavers, foretelling, renewals, trials)
    judging = [Path(module.__file__ or "") for module in modules]
    return worlds.digest([*worlds.sources_of("data", "features", "learn"), *judging])


def units(jobs: list[Job], out: Path, seed: int) -> list[Unit]:
    """Return what is still to be done, a world once with all its sizes."""
    kept, results = out / "worlds" / worlds.worlds_digest(), out / "results" / code()
    wanted: dict[tuple[worlds.World, int, int], set[int]] = {}
    for job in jobs:
        for number in range(job.worlds):
            world = worlds.World(job.scenario, seed + number, job.n_accounts, kept)
            sizes = wanted.setdefault((world, job.permutations, job.deals), set())
            sizes.update(job.terms, [WHOLE] if job.scenario in ("immortal", "leak") else [])
    found = []
    for (world, permutations, deals), sizes in wanted.items():
        unit = Unit(world, (), permutations, results, deals)
        missing = tuple(size for size in sorted(sizes) if not unit.path(size).exists())
        if missing:
            found.append(Unit(world, missing, permutations, results, deals))
    return found


def _silent() -> None:
    """Keep DuckDB's progress bars from a worker's output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def run(todo: Sequence[Unit | trials.Trial], n_jobs: int) -> int:
    """Work through what is left; return how many units failed."""
    print(f"{len(todo)} units to do, {n_jobs} at a time; results of code {code()}", flush=True)
    if not todo:
        return 0
    started, failed = time.monotonic(), 0
    os.environ |= dict.fromkeys(THREADS, "1")  # the workers read it when they load NumPy
    # Workers load all code when they start and keep it: edits during a run change nothing.
    with ProcessPoolExecutor(n_jobs, multiprocessing.get_context("spawn"), _silent) as pool:
        futures = {pool.submit(unit.run): unit for unit in todo}
        for done, future in enumerate(as_completed(futures), start=1):
            left = (time.monotonic() - started) / done * (len(todo) - done) / 60
            try:
                said = future.result()
            except Exception:  # one world must not take the others with it
                failed += 1
                said = f"{futures[future].name} FAILED\n{traceback.format_exc()}"
            print(f"[{done}/{len(todo)}] {said}; about {left:.0f} min left", flush=True)
    return failed


def report(out: Path, wanted: str | None, *, markdown: bool) -> int:
    """Print the table of bars of one version of the code: the one asked for, or the latest."""
    finished = {path: path.stat().st_mtime for path in (out / "results").glob("*/*.jsonl")}
    if wanted is not None:
        finished = {path: when for path, when in finished.items() if path.parent.name == wanted}
    if not finished:
        print(f"no results in {out}", file=sys.stderr)
        return 1
    chosen = max(finished, key=lambda path: finished[path]).parent
    lines = [
        line
        for path in sorted(chosen.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    records = pd.DataFrame([json.loads(line) for line in lines])
    table = bars.table(records, (*bars.FIGURES, *trial_figures.FIGURES))
    same = "the code as it is now" if chosen.name == code() else "NOT the code as it is now"
    print(
        f"Code {chosen.name} ({same}); ± is the Monte Carlo standard error, clustered by world.\n"
    )
    print(bars.markdown(table) if markdown else table.to_string(index=False))
    for (scenario, terms), part in records.groupby(["scenario", "terms"]):
        names = bars.others(part)
        if names:
            print(f"\nOther signals in {scenario}, {terms} terms: {names}")
    counts = table["status"].value_counts()
    print("\n" + ", ".join(f"{n} {status}" for status, n in counts.items() if status))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    does = parser.add_subparsers(dest="does", required=True)
    runs = does.add_parser("run", help="do what is left of a plan")
    runs.add_argument("--scale", choices=PLANS, default="small")
    runs.add_argument("--scenario", choices=simulate.SCENARIOS, nargs="+", help="instead of a plan")
    runs.add_argument("--worlds", type=int, default=4)
    runs.add_argument("--terms", type=int, nargs="*", default=[600])
    runs.add_argument("--permutations", type=int, default=999)
    runs.add_argument("--accounts", type=int, default=ACCOUNTS, help="of one world")
    runs.add_argument("--deals", type=int, default=1, help="how often a world is dealt into books")
    runs.add_argument("--seed", type=int, default=SEED)
    runs.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    models = does.add_parser("models", help="try predictors, money and hazards on planted truth")
    models.add_argument("--only", choices=trials.KINDS, nargs="+", default=list(trials.KINDS))
    models.add_argument("--worlds", type=int, default=trial_figures.WORLDS)
    models.add_argument("--accounts", type=int, default=MODEL_ACCOUNTS, help="of one world")
    models.add_argument("--runs", type=int, default=200, help="quarters; twice as many books")
    models.add_argument("--seed", type=int, default=SEED)
    models.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    shows = does.add_parser("report", help="print the table of bars")
    shows.add_argument("--markdown", action="store_true")
    shows.add_argument("--code", help="another version's results, by its name")
    for each in (runs, models, shows):
        each.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    if asked.does == "report":
        return report(asked.out, asked.code, markdown=asked.markdown)
    if asked.does == "models":
        todo = trials.plan(
            asked.only, n_worlds=asked.worlds, n_accounts=asked.accounts, n_runs=asked.runs,
            seed=asked.seed, results=asked.out / "results" / code(),
            worlds=asked.out / "worlds" / leavers.digest(),
        )  # fmt: skip
        return 1 if run(todo, asked.jobs) else 0
    jobs = list(PLANS[asked.scale])
    if asked.scenario:
        terms = tuple(asked.terms)
        jobs = [
            Job(name, asked.worlds, terms if name != "leak" else (), asked.permutations,
                asked.accounts, asked.deals)
            for name in asked.scenario
        ]  # fmt: skip
    return 1 if run(units(jobs, asked.out, asked.seed), asked.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
