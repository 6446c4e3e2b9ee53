"""How long a turn of each knob of the explorers takes on the sample, in CPU milliseconds.

    python benchmarks/explorers.py

Works out notebooks 02, 03, 04 and 06 up to where their explorers stand (by their own cells), opens
each explorer, and turns every knob through its range, and then once more: what a view has been
asked before it may keep.  A turn is what the kernel does between a
changed value and the figure that is sent: CPU time of the process, so that a busy machine does not
count; wall time beside it is worth reading on a quiet one only.  "Collected" counts the turns into
which a full search for garbage fell, which is what once made a turn in forty too long.  Also: what
a headless setup cell pays for importing the explorers.  Last figures: docs/evidence.md,
"Explorers".
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {"interactive", "sentinel"}
MOST_TURNS = 40
BAR_MS = 200
# What must be worked out before the explorers of a notebook can open.
NEEDED = {
    "02_adoption_thresholds": {"search", "so_far"},
    "03_churn_predictors": {"learnt", "called", "today", "due"},
    "04_time_to_churn": {"past", "judged"},
    "06_renewal_outlook": {"lists_today", "listed_rows"},
}


def worked_out(name: str, needed: set[str]) -> dict[str, Any]:
    """Return the names of a notebook after the cells that bind `needed`."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    space: dict[str, Any] = {"display": lambda *_: None}
    for cell in cells:
        if cell["cell_type"] != "code" or SKIPPED & set(cell["metadata"].get("tags", [])):
            continue
        exec(compile("".join(cell["source"]), name, "exec"), space)
        if needed <= space.keys():
            break
    return space


def interactive(name: str, space: dict[str, Any]) -> Iterator[Any]:
    """Yield what each interactive cell of a notebook shows."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    for cell in cells:
        if "interactive" in cell["metadata"].get("tags", []):
            start = time.process_time()
            shown = eval(compile("".join(cell["source"]), name, "eval"), space)
            yield shown, 1000 * (time.process_time() - start)


def values(knob: Any) -> list[Any]:
    """Return the values that a knob is turned through, at most forty of them."""
    if hasattr(knob, "_options_values"):
        every = list(knob._options_values)
        if hasattr(knob, "rows"):  # a list to choose several of
            every = [(one,) for one in every] + [tuple(every)]
    elif isinstance(knob.value, int):
        every = list(range(knob.min, knob.max + 1))
    else:
        every = np.linspace(knob.min, knob.max, MOST_TURNS).round(2).tolist()
    places = np.unique(np.linspace(0, len(every) - 1, MOST_TURNS).astype(int))
    return [every[place] for place in places]


class Turns(NamedTuple):
    """What the turns of one knob took, in milliseconds, and the full collections among them."""

    cpu: list[float]
    wall: list[float]
    collected: int


def turned(view: Any) -> Iterator[tuple[str, Turns]]:
    """Yield each knob with its turns."""
    for name, knob in view.knobs.items():
        cpu, wall = [], []
        before = gc.get_stats()[2]["collections"]
        for value in values(knob):
            if value == knob.value:
                continue
            started, at = time.process_time(), time.perf_counter()
            knob.value = value
            cpu.append(1000 * (time.process_time() - started))
            wall.append(1000 * (time.perf_counter() - at))
        if cpu:
            label = str(knob.description or name)
            yield label, Turns(cpu, wall, gc.get_stats()[2]["collections"] - before)


def imported() -> float:
    """Return the CPU milliseconds that a setup cell pays for the explorers."""
    code = (
        "import time, cs_models.report; t = time.process_time(); "
        "from cs_models.report import explore; print(1000 * (time.process_time() - t))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(told.stdout)


def told(name: str, needed: set[str]) -> float:
    """Print a row an explorer and knob of a notebook; return its slowest turn."""
    slowest = 0.0
    for view, opened in interactive(name, worked_out(name, needed)):
        kind = next(c for c in view._dom_classes if c.startswith("cs-explorer-"))
        kind = kind.removeprefix("cs-explorer-")
        print(f"| {kind} | opening, once | 1 | {opened:,.0f} | | | | |")
        for again in ("", ", asked again"):
            for knob, turns in turned(view):
                print(f"| {kind} | {knob}{again} | {len(turns.cpu)} | {np.median(turns.cpu):.0f} "
                      f"| {max(turns.cpu):.0f} | {np.median(turns.wall):.0f} "
                      f"| {max(turns.wall):.0f} | {turns.collected} |", flush=True)  # fmt: skip
                slowest = max(slowest, *turns.cpu)
    return slowest


def main() -> None:
    """Print a row an explorer and knob."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("notebooks", nargs="*", help="such as 03; all when none is named")
    chosen = tuple(asked.parse_args().notebooks)
    print(f"importing the explorers in a setup cell: {imported():.1f} ms\n")
    print(
        "| explorer | knob | turns | CPU ms, median | worst | wall ms, median | worst | collected |"
    )
    print("|---|---|---|---|---|---|---|---|")
    slowest = [told(name, needed) for name, needed in NEEDED.items()
               if not chosen or name.startswith(chosen)]  # fmt: skip
    print(f"\nslowest turn: {max(slowest):.0f} ms of a core (bar: {BAR_MS})")


if __name__ == "__main__":
    main()
