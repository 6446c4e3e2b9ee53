"""How long a turn of each knob of the explorers takes on the sample, in CPU milliseconds.

    python benchmarks/explorers.py

Works out notebooks 02, 03 and 04 up to where their explorers stand (by their own cells), opens
each explorer, and turns every knob through its range.  A turn is what the kernel does between a
changed value and the figure that is sent: CPU time of the process, so that a busy machine does not
count; wall time beside it is worth reading on a quiet one only.  Also: what a headless setup cell
pays for importing the explorers.  Last figures: docs/evidence.md, "Explorers".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {"interactive", "sentinel"}
MOST_TURNS = 40


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


def turned(view: Any) -> Iterator[tuple[str, list[float], list[float]]]:
    """Yield each knob with the CPU and the wall milliseconds of its turns."""
    for name, knob in view.knobs.items():
        cpu, wall = [], []
        for value in values(knob):
            if value == knob.value:
                continue
            started, at = time.process_time(), time.perf_counter()
            knob.value = value
            cpu.append(1000 * (time.process_time() - started))
            wall.append(1000 * (time.perf_counter() - at))
        if cpu:
            yield str(knob.description or name), cpu, wall


def imported() -> float:
    """Return the CPU milliseconds that a setup cell pays for the explorers."""
    code = (
        "import time, cs_models.report; t = time.process_time(); "
        "from cs_models.report import explore; print(1000 * (time.process_time() - t))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(told.stdout)


def main() -> None:
    """Print a row an explorer and knob."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"importing the explorers in a setup cell: {imported():.1f} ms\n")
    print("| explorer | knob | turns | CPU ms, median | worst | wall ms, median |")
    print("|---|---|---|---|---|---|")
    wanted = {
        "02_adoption_thresholds": {"search", "so_far"},
        "03_churn_predictors": {"learnt", "called", "today", "due"},
        "04_time_to_churn": {"past", "judged"},
    }
    for name, needed in wanted.items():
        for view, opened in interactive(name, worked_out(name, needed)):
            kind = next(c for c in view._dom_classes if c.startswith("cs-explorer-"))
            kind = kind.removeprefix("cs-explorer-")
            print(f"| {kind} | opening, once | 1 | {opened:,.0f} | | |")
            for knob, cpu, wall in turned(view):
                print(f"| {kind} | {knob} | {len(cpu)} | {np.median(cpu):.0f} | {max(cpu):.0f} "
                      f"| {np.median(wall):.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
