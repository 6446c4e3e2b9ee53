"""Work in a second process: the same answers, faults where they are seen, nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cs_models import beside, progress

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two processes work."""
    monkeypatch.setenv(beside.VARIABLE, "2")


@pytest.mark.parametrize(
    ("told", "n"), [("", 1), ("2", 2), ("0", 1), ("-3", 1), ("1000", 8), ("many", 1)]
)
def test_a_library_works_alone_until_a_run_says_more(
    told: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the run's word there is one process; nonsense and too much are taken as little."""
    monkeypatch.setenv(beside.VARIABLE, told)
    assert beside.workers() == n


def test_alone_nothing_is_done_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one process work waits for its question, and is done once."""
    monkeypatch.delenv(beside.VARIABLE, raising=False)
    done: list[int] = []
    task = beside.begin(lambda: done.append(1))
    assert not done
    task.result()
    task.result()
    assert done == [1]


@pytest.mark.usefixtures("two")
def test_the_work_is_done_in_another_process() -> None:
    """What is begun runs in a process of its own, which is gone when its answer is there."""
    task = beside.begin(os.getpid)
    other = task.result()
    assert other != os.getpid()
    assert task.result() == other
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)


@pytest.mark.parametrize("n_items", [0, 1, 2, 7])
@pytest.mark.parametrize("workers", ["1", "2", "3", "8"])
def test_shares_come_back_in_order_whatever_their_number(
    n_items: int, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items dealt out to any number of processes give the answers of one, in their order."""
    monkeypatch.setenv(beside.VARIABLE, workers)

    def odd_ones(some: Sequence[int]) -> list[np.ndarray]:
        return [np.full(50_000, one / 3) for one in some if one % 2]

    found = beside.shared(odd_ones, range(n_items))
    assert [part[0] for part in found] == [one / 3 for one in range(n_items) if one % 2]


@pytest.mark.usefixtures("two")
def test_a_fault_is_raised_where_it_is_seen() -> None:
    """An exception in the second process is raised by the first, as it would be there."""

    def refuse(some: Sequence[int]) -> list[int]:
        if 3 in some:
            raise LookupError("three")
        return list(some)

    before = _children()
    with pytest.raises(LookupError, match="three"):
        beside.begin(lambda: refuse([3])).result()
    with pytest.raises(LookupError, match="three"):
        beside.shared(refuse, [1, 2, 3])
    with pytest.raises(LookupError, match="three"):
        beside.shared(refuse, [3, 2, 1])
    assert _children() == before


@pytest.mark.usefixtures("two")
def test_a_killed_process_costs_time_only() -> None:
    """Where the second process dies, and where its answer cannot be sent, the first does it."""
    here = os.getpid()

    def dies() -> str:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    assert beside.begin(dies).result() == "done"
    assert beside.begin(lambda: lambda: 5).result()() == 5


@pytest.mark.usefixtures("two")
def test_warnings_are_heard() -> None:
    """A warning of the second process is one of the first."""
    with pytest.warns(UserWarning, match="mind this"):
        beside.begin(lambda: warnings.warn("mind this", stacklevel=1)).result()


@pytest.mark.usefixtures("two")
def test_the_copy_says_nothing_on_this_ones_screen(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what the copy prints nor its progress reaches the first one's listeners."""
    heard: list[object] = []

    class Listener:
        def heard(self, steps: Sequence[progress.Step]) -> None:
            heard.append(steps)
            sys.stdout.write("told")

    def talk() -> int:
        sys.stdout.write("printed")
        return sum(progress.through(range(3), "things"))

    progress.listen(Listener())
    try:
        assert beside.begin(talk).result() == 3
    finally:
        progress.listen(None)
    assert not heard
    assert capfd.readouterr().out == ""


def _tell_and_wait(pipe: int) -> None:
    os.write(pipe, str(os.getpid()).encode())
    time.sleep(60)


def test_it_ends_with_the_first_process() -> None:
    """When the first process is killed, the second does not go on."""
    read, write = os.pipe()
    first = os.fork()
    if not first:
        os.environ[beside.VARIABLE] = "2"
        beside.begin(partial(_tell_and_wait, write))
        time.sleep(60)
        os._exit(0)
    other = int(os.read(read, 20))
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    for _ in range(200):
        try:
            stat = Path(f"/proc/{other}/stat").read_text()
            if stat.rsplit(")", 1)[1].split()[0] in "ZX":
                break
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.05)
    else:
        os.kill(other, signal.SIGKILL)
        pytest.fail("the second process went on without the first")


def _children() -> set[int]:
    """Return the processes that this one has begun and not yet taken leave of, dead ones too."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(one) for task in tasks for one in task.read_text().split()}
