"""One real run over notebooks that fail in every way papermill calls "completed"."""

from __future__ import annotations

import json
import resource
import subprocess
from datetime import date
from pathlib import Path

import pytest

from cs_models import files
from cs_models.run import execute
from cs_models.run.worker.job import Job

CANARY = "hunter2-canary"

pytestmark = [pytest.mark.notebook, pytest.mark.long]

RAISE = "from cs_models import errors\nraise errors.{}('{}', where='accounts', repair='mend it')"

# number → (cells before the sentinel, sentinel, exit code, a word of the reason)
NOTEBOOKS = {
    "10": (["import time\ntime.sleep(60)"], None, 6, "longer"),
    "11": ([RAISE.format("DataError", "a column is missing")], None, 3, "a column is missing"),
    "12": (["import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(60)"], None, 6, "signal 9"),
    "13": (["import os\nos.kill(os.getpid(), 9)"], None, 6, "kernel died"),
    "14": (["import sys\nsys.exit(0)"], None, 5, "SystemExit"),
    "15": ([], "1 + 1", 5, "no results.json"),
    "17": (["b'x' * (8 * 2**30)"], None, 6, "MemoryError"),
    "19": (
        [
            "import os\nprint(os.environ['DB_PASSWORD'])",
            "raise OSError('postgres://me:' + os.environ['DB_PASSWORD'] + '@host/db')",
        ],
        None,
        5,
        "OSError",
    ),
}


BARE_END = """
content = '{"headline": "", "as_of": "", "counts": {}, "findings": []}'
open(output_dir + "/results.json", "w").write(content)
"""


@pytest.fixture(scope="module")
def failed(make_project):
    """Return a project after a run in which every notebook failed, and the finished command."""
    project = make_project()
    for number, (cells, end, _, _) in NOTEBOOKS.items():
        name = f"{number}_data_readiness"
        project.add(name, *cells, end=end or "raise AssertionError", bare=True)
    done = project.call(
        *("run", "parameters/sample.yml", "--cell-seconds", "8", "--memory-gb", "4"),
        env={"DB_PASSWORD": CANARY},
    )
    return project, done


def _manifest(project) -> dict:
    return json.loads((project.only_run() / "manifest.json").read_text())


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_each_failure_keeps_its_exit_code_and_reason(failed, number):
    """What papermill calls completed is failed here, with the code of what happened."""
    project, _ = failed
    _, _, exit_code, word = NOTEBOOKS[number]
    told = _manifest(project)["notebooks"][f"{number}_data_readiness"]
    assert (told["status"], told["exit_code"]) == ("failed", exit_code)
    assert word in told["reason"]


def test_the_run_ends_with_the_first_failure_and_says_all(failed):
    """The command's code is the first failed notebook's; its message names every one."""
    project, done = failed
    assert done.returncode == 6
    assert done.stdout == ""
    assert all(f"{number}_data_readiness" in done.stderr for number in NOTEBOOKS)
    told = _manifest(project)
    assert (told["status"], told["exit_code"]) == ("failed", 6)


def test_the_index_of_a_failed_run_says_what_failed(failed):
    """Who looks into its folder finds the reasons, and no headline."""
    project, _ = failed
    page = (project.only_run() / "index.html").read_text()
    assert "a column is missing" in page
    assert "the kernel died" in page


def test_nothing_of_a_failed_run_is_published(failed):
    """No page is exported and latest is not made; the stopped notebooks are kept to look at."""
    project, _ = failed
    assert not (project.reports / "latest").is_symlink()
    assert not list(project.reports.rglob("report.html"))
    kept = {path.parent.name[:2] for path in project.reports.rglob("executed.ipynb")}
    assert kept == set(NOTEBOOKS) - {"12"}  # of a killed worker nothing can be kept


def test_a_secret_is_in_no_artefact_log_or_message(failed):
    """The value of a secret-looking variable is nowhere, printed, raised or in an address."""
    project, done = failed
    found = subprocess.run(
        ["grep", "-rl", CANARY, str(project.reports)], capture_output=True, text=True
    )
    assert found.stdout == ""
    assert CANARY not in done.stderr + done.stdout
    notebook = (project.only_run() / "19_data_readiness/executed.ipynb").read_text()
    assert "[redacted]" in notebook


def test_no_artefact_tells_where_the_project_is(failed):
    """Paths of this machine are replaced in notebooks and in the manifest."""
    project, _ = failed
    found = subprocess.run(
        ["grep", "-rl", str(project.root), str(project.reports)], capture_output=True, text=True
    )
    assert found.stdout == ""


def test_a_notebook_may_not_take_longer_than_it_may(make_project, still_alive):
    """The whole notebook has a limit of its own; its kernel ends with it."""
    project = make_project()
    pid = project.root / "pid"
    cell = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    path = project.add("00_data_readiness", cell, bare=True)
    folder, runtime = project.root / "out", project.root / "rt"
    folder.mkdir()
    runtime.mkdir()
    job = Job("00_data_readiness", str(path), {"seed": 1}, str(folder), str(runtime))
    (result,) = execute.run_all(
        [job],
        n_jobs=1,
        limits=execute.Limits(notebook_seconds=5),
        environment=execute.environment(date(2026, 6, 30), n_jobs=1),
        on_event=lambda _: None,
    )
    assert (result.exit_code, result.message) == (6, "the notebook took longer than 5 seconds")
    if pid.exists() and pid.read_text():  # on a busy machine the kernel may not have begun
        assert still_alive([int(pid.read_text())]) == []


def test_a_full_disk_leaves_the_last_report(make_project):
    """No file may grow beyond 20 kB here, as on a disk with no room: exit 6, latest stays."""
    project = make_project()
    project.add("00_data_readiness", "print('x' * 50_000)", end=BARE_END, bare=True)
    earlier = project.reports / "20200101-000000-earlier"
    earlier.mkdir(parents=True)
    (project.reports / "latest").symlink_to(earlier.name)
    limit = (20_000, 20_000)
    process = project.start(
        *("run", "parameters/sample.yml"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 6, stderr
    assert "File too large" in stderr
    assert (project.reports / "latest").readlink() == Path(earlier.name)
    assert not list(project.reports.rglob("report.html"))
    assert not list(project.reports.rglob(f"*{files.TEMPORARY_SUFFIX}"))
