"""One run of all notebooks on the sample for those that read it; and notebooks run in process."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from cs_models.report.evidence import brief

# Every notebook after those that it reads.
ORDER = (
    brief.READINESS, brief.THRESHOLDS, brief.PREDICTORS, brief.SURVIVAL, brief.ADOPTION,
    brief.JOURNEY, brief.OUTLOOK, brief.BACKTEST, "08_leadership_brief",
)  # fmt: skip
QUICKER = {
    "adoption_thresholds": {"n_permutations": 199},
    "churn_predictors": {"n_refits": 20},
    "renewal_outlook": {"n_paths": 500},
}
# A cell, and what it shows; None where it shows nothing by its nature.
Cell = tuple[dict[str, Any], list[Any] | None]


@pytest.fixture(scope="session")
def run_folder(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all notebooks on the sample, as a scheduler would, and return the run's folder.

    Workers that test side by side share one run: the first to come makes it, the others wait.
    ``SAMPLE_RUN=reports/latest`` reads a run made before instead, for quick work on a test.
    """
    if os.environ.get("SAMPLE_RUN"):
        return Path(os.environ["SAMPLE_RUN"]).resolve()
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out = shared / "sample_reports"
    with FileLock(shared / "sample_reports.lock"):
        if not (out / "latest").exists():
            _run(project_root, out)
    return (out / "latest").resolve()


def _run(project_root: Path, out: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "cs_models", "run", "parameters/sample.yml", "--out", str(out),
            "--set", "adoption_thresholds.n_permutations=499",
            "--set", "churn_predictors.n_refits=20",
        ],
        cwd=project_root, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    index = Path(done.stdout.strip().splitlines()[-1])
    assert index == out / "latest" / "index.html"
    assert index.is_file()


@pytest.fixture(scope="session")
def truth(project_root: Path) -> dict[str, Any]:
    """Return what is true of the sample's customers."""
    return json.loads((project_root / "data/sample/truth.json").read_text())


@pytest.fixture(scope="session")
def play(project_root: Path) -> Callable[..., dict[str, list[Cell]]]:
    """Return a function that runs the cells of all notebooks in this process, one after the other.

    It takes the folder of a source, the one to write the run into, and the notebooks to run where
    it is not all of them, and returns the cells of each with the objects they show.  The source is
    read and the imports are made once; whoever calls stands in the project's folder, so that the
    parameter files are found.
    """
    given = yaml.safe_load((project_root / "parameters/sample.yml").read_text(encoding="utf-8"))

    def play_(world: Path, run: Path, names: Sequence[str] = ORDER) -> dict[str, list[Cell]]:
        return {name: _play(project_root, world, run, name, given) for name in names}

    return play_


def _play(
    project_root: Path, world: Path, run: Path, name: str, given: dict[str, Any]
) -> list[Cell]:
    folder = run / name
    folder.mkdir(parents=True)
    common = {key: value for key, value in given.items() if not isinstance(value, dict)}
    section = given.get(name[3:], {}) | QUICKER.get(name[3:], {})
    _note(run, given["as_of"], name, "running")
    told = {**common, **section, "source": {"path": str(world)}}
    found = _cells(project_root / "notebooks" / f"{name}.ipynb", told, str(folder))
    _note(run, given["as_of"], name, "ok")
    return found


def _note(run: Path, as_of: str, name: str, status: str) -> None:
    """Write what the run's manifest would say of its notebooks by now."""
    file = run / "manifest.json"
    noted = json.loads(file.read_text())["notebooks"] if file.exists() else {}
    # Those that have not begun are part of the run as well.
    noted = {one: {"status": "waiting"} for one in ORDER} | noted | {name: {"status": status}}
    results = run / name / "results.json"
    if results.exists():
        digest = hashlib.sha256(results.read_bytes()).hexdigest()
        noted[name]["artefacts"] = {"results.json": digest}
    told = {"run_id": "run", "status": "running", "as_of": as_of, "notebooks": noted}
    file.write_text(json.dumps(told))


def _cells(file: Path, given: dict[str, Any], output_dir: str) -> list[Cell]:
    """Run a notebook's cells as a kernel would; return them with what they show."""
    found: list[Cell] = []
    items: list[Any] = []
    names: dict[str, Any] = {"display": lambda *shown: items.extend(shown)}
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            found.append((cell, None))
            continue
        if "interactive" in tags:
            continue
        items = []
        body = ast.parse(source).body
        ends = body[-1]
        if not isinstance(ends, ast.Expr):
            exec(compile(source, file.name, "exec"), names)
        else:
            exec(compile(ast.Module(body[:-1], []), file.name, "exec"), names)
            last = eval(compile(ast.Expression(ends.value), file.name, "eval"), names)
            items += [] if last is None else [last]
        shows = items or "display(" in source or (not tags and isinstance(ends, ast.Expr))
        found.append((cell, items if shows else None))
        if "parameters" in tags:
            names |= given | {"output_dir": output_dir}
    return found
