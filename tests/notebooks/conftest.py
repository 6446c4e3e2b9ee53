"""One run of all notebooks on the committed sample, shared by the tests that read it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def run_folder(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all notebooks on the sample, as a scheduler would, and return the run's folder.

    Workers that test side by side share one run: the first to come makes it, the others wait.
    """
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
