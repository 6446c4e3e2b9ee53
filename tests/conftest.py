"""Fixtures shared by all floors."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# Side by side, one worker begins with the only run of all notebooks while the others work off the
# files that take longest; whoever else reads that run comes last, and need not wait for it.
FIRST = (
    "notebooks/test_sample_report.py",
    "data/test_snapshot.py",
    "run/test_scoring.py",
    "features/test_relations_guards.py",
    "run/test_interruption.py",
    "learn/test_churn_recovery.py",
    "run/test_good_run.py",
    "run/test_failures.py",
    "learn/test_simulations.py",
    "features/test_guards.py",
    "features/test_panel.py",
    "report/test_browser_report.py",
    "features/test_kept_panel.py",
    "report/test_today_report.py",
    "learn/test_person_value.py",
    "learn/test_churn.py",
    "data/test_time.py",
    "report/test_adoption_counts.py",
    "learn/test_calendar.py",
    "learn/test_logrank.py",
)


def _place(item: pytest.Item) -> int:
    name = item.path.relative_to(PROJECT_ROOT / "tests").as_posix()
    if name in FIRST:
        return FIRST.index(name)
    return len(FIRST) + name.startswith("notebooks/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what waits for the run of all notebooks; put long files first where workers share."""
    for item in items:
        if "run_folder" in getattr(item, "fixturenames", ()):
            item.add_marker("sample_run")
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make, not again and again among all that was imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder that holds notebooks/ and parameters/."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for ``with kept.within(kept_folder)``: the committed sample is read once.

    All tests of a session share it, those of other workers too.  Only what a fixture prepares may
    be asked for within it: whatever a test is about must be worked out by the test.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "kept"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of third-party data beside the project, or skip."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"third-party data is not at {folder}")
    return folder
