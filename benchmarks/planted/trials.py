"""Trials of what says who leaves, when and how much is kept: each with planted truth.

Grain out: one record a world (predictors), a stretch of runs (money) or a book (hazards).

* predictors: a world of invented customers end to end, see :mod:`planted.foretelling`;
* money: quarters drawn from a known law and forecast, ``revenue.recover``;
* hazards: books of renewal opportunities with planted odds, :mod:`planted.renewals`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cs_models import files
from cs_models.learn import revenue
from planted import foretelling, renewals
from planted.leavers import Leavers

KINDS = ("predictors", "money", "hazards")
UNITS = {
    "predictors": "worlds of the step, out of time",
    "money": "one quarter of 300 contracts ahead, 8 behind",
    "hazards": "books of 500 accounts",
}
SHOCKS = (0.0, 0.3, 0.6)
STRETCH = 50  # runs or books of one unit of work
ACCOUNTS_OF_A_BOOK = 500


@dataclass(frozen=True)
class Trial:
    """One unit of work: a world, or a stretch of runs with a seed of its own.

    Parameters
    ----------
    kind : {"predictors", "money", "hazards"}
    seed : int
    size : int
        Accounts of the world, or runs of the stretch.
    results, worlds : Path
        Where records and worlds are kept.
    shock : float
        Standard deviation of the quarter's shock; money only.
    """

    kind: str
    seed: int
    size: int
    results: Path
    worlds: Path
    shock: float = 0.0

    @property
    def scenario(self) -> str:
        """Name of the setting in the table of bars."""
        return f"{self.kind}, shock {self.shock:g}" if self.kind == "money" else self.kind

    @property
    def name(self) -> str:
        """The trial's name, unique within one version of the code."""
        shock = f"-{self.shock:g}" if self.kind == "money" else ""
        return f"{self.kind}{shock}-{self.size}-{self.seed}"

    @property
    def path(self) -> Path:
        """Where its records lie, once it is finished."""
        return self.results / f"{self.name}.jsonl"

    def run(self) -> str:
        """Write its records; return what was done."""
        known = {"scenario": self.scenario, "world": self.name, "terms": 0, "permutations": 0}
        known["unit"] = UNITS[self.kind]
        lines = [json.dumps(known | record) + "\n" for record in self._records()]
        files.write_text_atomic(self.path, "".join(lines))
        return self.name

    def _records(self) -> Iterator[dict[str, Any]]:
        if self.kind == "predictors":
            world = Leavers("step", self.seed, self.size, self.worlds)
            yield foretelling.judge(world.load())
        elif self.kind == "money":
            yield self._quarters()
        else:
            yield from self._books()

    def _quarters(self) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, round(100 * self.shock)])
        found = revenue.recover(self.shock, rng=rng, n_runs=self.size).iloc[0]
        shares = ("coverage", "nrr_coverage", "independent_coverage")
        sums = {name: round(float(found[name]) * self.size) for name in shares}
        widths = {
            name: float(found[name]) * self.size
            for name in ("width", "independent_width", "sigma_mean")
        }
        return {"n_runs": self.size} | sums | widths

    def _books(self) -> Iterator[dict[str, Any]]:
        rows = renewals.recovery(
            np.random.default_rng(self.seed), n_books=self.size, n_accounts=ACCOUNTS_OF_A_BOOK
        )
        rows["bias"] = (rows["estimate"] - rows["truth"]) / rows["truth"].abs()
        for book, own in rows.groupby("book"):
            table = own.set_index("column")
            yield {
                "book": int(book),
                **{f"bias {name}": float(table.loc[name, "bias"]) for name in renewals.TRUTH},
                **{f"covered {name}": float(table.loc[name, "covered"]) for name in renewals.TRUTH},
            }


def plan(
    kinds: list[str], *, n_worlds: int, n_accounts: int, n_runs: int, seed: int,
    results: Path, worlds: Path,
) -> list[Trial]:  # fmt: skip
    """Return the trials of a plan that are not finished yet.

    Parameters
    ----------
    kinds : list of str
        Some of :data:`KINDS`.
    n_worlds, n_accounts : int
        Worlds of the predictors, and their accounts.
    n_runs : int
        Quarters forecast at each shock; twice as many books of opportunities.
    seed : int
    results, worlds : Path
    """
    found = []
    for kind in kinds:
        if kind == "predictors":
            sizes = [(seed + number, n_accounts, 0.0) for number in range(n_worlds)]
        else:
            n = n_runs if kind == "money" else 2 * n_runs
            shocks = SHOCKS if kind == "money" else (0.0,)
            sizes = [
                (seed + start, min(STRETCH, n - start), shock)
                for shock in shocks
                for start in range(0, n, STRETCH)
            ]
        found += [Trial(kind, at, size, results, worlds, shock) for at, size, shock in sizes]
    return [trial for trial in found if not trial.path.exists()]
