"""A tiny project with real notebooks, made anew for each module of tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from cs_models.run import parameters

GOOD_END = """from pathlib import Path
from cs_models.report import results
results.save(params.output_dir, headline="nothing", as_of=as_of, counts={"n_terms": 0}, findings=[])
"""

RUN_FILE = """source: {path: data/tiny}
as_of: 2026-06-30
"""

ACCOUNTS = "account_id,created_at\n000123,2024-01-05T00:00:00Z\n123,2024-01-06T00:00:00Z\n"
SUBSCRIPTIONS = """subscription_id,account_id,term_start,term_end,arr
s1,000123,2025-01-01,2026-01-01,1200.00
s2,123,2025-02-01,2026-02-01,900.00
"""
EVENTS = """event_ts,account_id,feature
2025-01-03T10:00:00Z,000123,report_shared
2025-02-03T10:00:00Z,123,report_shared
"""


def parameters_cell(section: str) -> str:
    """Return a parameters cell that declares every field of a section's model."""
    model = parameters.SECTIONS[section]
    fields = model.checked({"source": {"path": "data/tiny"}, "as_of": "2026-06-30"}).plain()
    return "\n".join(f"{name} = {value!r}" for name, value in fields.items())


def notebook(
    section: str, *cells: str, end: str = GOOD_END, bare: bool = False
) -> nbformat.NotebookNode:
    """Return a notebook of a section with some cells between its setup and its sentinel."""
    model = parameters.SECTIONS[section].__name__
    setup = f"from cs_models.run import parameters\nparams = parameters.{model}.of(locals())"
    code = nbformat.v4.new_code_cell
    made = nbformat.v4.new_notebook()
    made.cells = [
        nbformat.v4.new_markdown_cell("# A question\n\nWhat it decides."),
        code(parameters_cell(section), metadata={"tags": ["parameters"]}),
        code("" if bare else setup, metadata={"tags": ["setup"]}),
        code("raise SystemExit('widgets hang')", metadata={"tags": ["interactive"]}),
        *(code(cell) for cell in cells),
        code(end, metadata={"tags": ["sentinel"]}),
    ]
    return made


class Project:
    """A project folder on the disk and the command line in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("notebooks", "parameters", "data/tiny"):
            (root / name).mkdir(parents=True)
        (root / "parameters/sample.yml").write_text(RUN_FILE)
        for name, text in (
            ("accounts", ACCOUNTS),
            ("subscriptions", SUBSCRIPTIONS),
            ("events", EVENTS),
        ):
            (root / "data/tiny" / f"{name}.csv").write_text(text)

    @property
    def reports(self) -> Path:
        """Return the folder of the reports."""
        return self.root / "reports"

    def add(self, name: str, *cells: str, end: str = GOOD_END, bare: bool = False) -> Path:
        """Write a notebook named with its number, for example 00_data_readiness.

        A bare one builds no model: its kernel starts sooner.
        """
        path = self.root / "notebooks" / f"{name}.ipynb"
        nbformat.write(notebook(name[3:], *cells, end=end, bare=bare), path)
        return path

    def only_run(self) -> Path:
        """Return the folder of the one run there is."""
        (folder,) = (path.parent for path in self.reports.glob("2*/manifest.json"))
        return folder

    def start(
        self,
        *words: str,
        env: dict[str, str] | None = None,
        preexec_fn: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        """Start `cs-models` in the project."""
        return subprocess.Popen(
            [sys.executable, "-m", "cs_models", *words],
            cwd=self.root,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec_fn,
        )

    def call(
        self, *words: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `cs-models` in the project to its end."""
        process = self.start(*words, env=env)
        stdout, stderr = process.communicate(timeout=600)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Return a maker of tiny projects."""
    return lambda: Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def still_alive() -> Callable[[list[int]], list[int]]:
    """Return a function that waits for processes to end and returns those that do not."""

    def alive(pids: list[int]) -> list[int]:
        deadline = time.monotonic() + 8
        while (left := [pid for pid in pids if _running(pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    return alive


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A process that ended but whose new parent has not asked for it is not running.
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
