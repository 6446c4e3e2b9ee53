"""Real runs that are stopped in the middle of a cell, by each signal."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from cs_models.run.sections.notify import URLS
from tests.run.receivers import CANARY, Webhook, dead_address

pytestmark = pytest.mark.notebook

SLOW = """
import os, time
from pathlib import Path
if Path("../slow").exists():
    Path("../pids.part").write_text(f"{os.getpid()} {os.getppid()}")
    os.replace("../pids.part", "../pids")
    time.sleep(1800)
"""
END = """
from pathlib import Path
Path(output_dir, "results.json").write_text(
    '{"headline": "", "as_of": "", "counts": {}, "findings": []}'
)
"""
SIGNALS = {"kill": signal.SIGKILL, "int": signal.SIGINT, "term": signal.SIGTERM}
CAN_TELL = importlib.util.find_spec("apprise") is not None


@pytest.fixture(scope="module")
def receiver():
    """Return who asked to be told how the run that gets SIGTERM ends."""
    listening = Webhook()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def stopped(make_project, still_alive, receiver):
    """Return, for each signal, the project, the finished command and whether anybody is left."""
    projects = {name: make_project() for name in SIGNALS}
    for project in projects.values():
        project.add("00_data_readiness", SLOW, end=END, bare=True)
        _pretend_earlier_run(project)
        (project.root / "slow").touch()
    if CAN_TELL:
        with (projects["term"].root / "parameters/sample.yml").open("a") as run_file:
            run_file.write("notify: {on: failure}\n")
    urls = {URLS: f"{receiver.url} {dead_address()}"}
    processes = {
        name: project.start("run", "parameters/sample.yml", env=urls)
        for name, project in projects.items()
    }
    found = {}
    for name, project in projects.items():
        pids = [int(word) for word in _wait_for(project.root / "pids").split()]
        processes[name].send_signal(SIGNALS[name])
        _, stderr = processes[name].communicate(timeout=500)  # the cell itself may take 600
        project.scratch = f"cs-models-run-{processes[name].pid}-*"
        found[name] = (project, processes[name].returncode, stderr, still_alive(pids))
    return found


@pytest.fixture(scope="module")
def next_run(stopped):
    """Return the run that follows a kill, in the same folder."""
    project = stopped["kill"][0]
    (project.root / "slow").unlink()
    return project, project.call("run", "parameters/sample.yml")


@pytest.mark.parametrize(("name", "code"), [("int", 130), ("term", 143)])
def test_a_signal_ends_the_run_with_its_code_and_is_recorded(stopped, name, code):
    """SIGINT is 130, SIGTERM 143, long before the cell would end; the manifest says so."""
    project, returned, stderr, _ = stopped[name]
    assert returned == code
    assert "interrupted" in stderr
    told = _newest(project)
    assert (told["status"], told["exit_code"]) == ("interrupted", code)
    assert told["notebooks"]["00_data_readiness"]["status"] == "interrupted"


@pytest.mark.parametrize("name", SIGNALS)
def test_no_worker_or_kernel_outlives_the_run(stopped, name):
    """Whatever ends the command, kill -9 included, ends its worker and its kernel."""
    assert stopped[name][3] == []


@pytest.mark.parametrize("name", SIGNALS)
def test_what_a_run_kept_goes_with_it_or_with_the_next(stopped, next_run, name):
    """A signal that can be heard removes it; what a kill leaves, the next run removes."""
    scratch = stopped[name][0].scratch
    assert list(Path(tempfile.gettempdir()).glob(scratch)) == []


@pytest.mark.parametrize("name", ["int", "term"])
def test_an_interrupted_run_leaves_latest_as_it_was(stopped, name):
    """The pointer still shows the earlier run."""
    assert (stopped[name][0].reports / "latest").readlink() == Path("20200101-000000-earlier")


def test_the_run_after_a_kill_says_so_and_succeeds(next_run):
    """It names the interrupted run and what latest shows, marks it, and publishes its own."""
    project, done = next_run
    assert done.returncode == 0, done.stderr
    assert "was interrupted" in done.stderr
    assert "latest still shows 20200101-000000-earlier" in done.stderr
    statuses = [json.loads(p.read_text())["status"] for p in _manifests(project)]
    assert statuses == ["complete", "interrupted", "complete"]
    assert (project.reports / "latest").readlink() == Path(_manifests(project)[-1].parent.name)


@pytest.mark.skipif(not CAN_TELL, reason="the extra notify is not installed")
def test_a_run_that_is_ended_tells_within_its_grace(stopped, receiver):
    """Who asked is told that it was interrupted, once, and the address stands nowhere."""
    project, _, stderr, *_ = stopped["term"]
    (notice,) = receiver.got  # those that were not asked to tell did not
    assert "Status: interrupted" in notice["message"]
    assert "Exit code: 143, interrupted" in notice["message"]
    assert ">Interrupted<" in (project.reports / "index.html").read_text()
    held = subprocess.run(["grep", "-rl", CANARY, project.root], capture_output=True, text=True)
    assert held.stdout == ""
    assert CANARY not in stderr


def _pretend_earlier_run(project) -> None:
    folder = project.reports / "20200101-000000-earlier"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("earlier")
    (folder / "manifest.json").write_text('{"status": "complete", "notebooks": {}}')
    (project.reports / "latest").symlink_to(folder.name)


def _manifests(project) -> list[Path]:
    return sorted(project.reports.glob("2*/manifest.json"))


def _newest(project) -> dict:
    return json.loads(_manifests(project)[-1].read_text())


def _wait_for(path: Path) -> str:
    deadline = time.monotonic() + 240  # three runs at once, perhaps on a busy machine
    while time.monotonic() < deadline:
        if path.exists():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path.name} was never written")
