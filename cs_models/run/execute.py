"""Notebooks run side by side, each in a worker process of its own, under time limits.

The main thread starts the workers, so that the system ends them with it, and hears of them
through one queue.  Nothing is published here: see `publish`.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

from cs_models import beside, errors, kept
from cs_models.run.lab import session
from cs_models.run.worker.job import Job, Result

_GRACE_SECONDS = 3.0
# Those that take longest on the sample, which is how they go elsewhere too: one of them begun
# last would keep a core busy for a minute while the other has nothing to do.
_LONGEST = ("06_renewal_outlook", "03_churn_predictors", "02_adoption_thresholds", "07_backtest")
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "RAYON")


@dataclass(frozen=True)
class Limits:
    """How long and how large a notebook may get.

    Parameters
    ----------
    cell_seconds : int, default 600
        The longest a cell may run.
    notebook_seconds : int, default 1800
        The longest a notebook may run, start of the kernel and export included.
    start_seconds : int, default 60
        The longest a kernel may take to start.
    memory_bytes : int, default 0
        The most a kernel may write to; 0 for no cap.
    """

    cell_seconds: int = 600
    notebook_seconds: int = 1800
    start_seconds: int = 60
    memory_bytes: int = 0


@dataclass(frozen=True)
class Event:
    """What a worker tells: its cells, a cell done, a line of its log, its start or its end."""

    name: str
    kind: str
    content: Mapping[str, Any]


def cores() -> int:
    """Return the cores this process may use: a container may have fewer than the machine."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def environment(
    as_of: date,
    *,
    n_jobs: int,
    memory_bytes: int = 0,
    kept_in: Path | None = None,
    hidden: Collection[str] = (),
) -> dict[str, str]:
    """Return the environment of a worker and its kernel: the same on every run.

    Parameters
    ----------
    as_of : date
        The run's date; tools that stamp files take it for the clock.
    n_jobs : int
        With more than one, numeric libraries get one thread each.
    memory_bytes : int, default 0
        Memory cap of the kernel; 0 for none.
    kept_in : Path, optional
        This run's folder of what it worked out, which its notebooks share; none without one.
    hidden : collection of str, default ()
        Variables that only the run itself may read: the addresses of its notices.

    Notes
    -----
    Cores that no notebook of its own takes are shared out as second processes (`beside`), but
    not where a cap speaks of one process.
    """
    midnight = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    own = {
        "CS_MODELS_PARENT_PID": str(os.getpid()),
        "CS_MODELS_MEMORY_BYTES": str(memory_bytes),
        kept.VARIABLE: str(kept_in or ""),
        beside.VARIABLE: str(1 if memory_bytes else max(1, cores() // max(1, n_jobs))),
        session.HEADLESS: "1",
        "PLOTLY_RENDERER": "plotly_mimetype",
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONUNBUFFERED": "1",
    }
    inherited = {"SOURCE_DATE_EPOCH": str(int(midnight.timestamp())), **os.environ}
    for name in hidden:
        inherited.pop(name, None)
    if n_jobs > 1:
        own |= {f"{library}_NUM_THREADS": "1" for library in _THREADS}
    return inherited | own


def run_all(
    jobs: Sequence[Job],
    *,
    n_jobs: int,
    limits: Limits,
    environment: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> list[Result]:
    """Run the jobs, at most `n_jobs` at a time.

    Parameters
    ----------
    jobs : sequence of Job
        In the order of the report; they are begun as `longest_first` says.
    n_jobs : int
        Workers at a time.
    limits : Limits
        Time limits.
    environment : mapping
        From `environment`.
    on_event : callable
        Called in the main thread with everything the workers tell.

    Returns
    -------
    list of Result
        One for each job, in their order; a failed notebook does not stop the others, not even
        those that read its results: they say what they miss.

    Raises
    ------
    InterruptedRun
        When a signal arrived; every worker and kernel has been ended.
    """
    pool = _Pool(limits, environment, on_event)
    waiting = longest_first(jobs)
    try:
        while waiting or pool.running:
            while (ready := _ready(waiting, pool)) and len(pool.running) < max(1, n_jobs):
                waiting.remove(ready)
                pool.start(ready)
            pool.listen()
    finally:
        pool.stop_all()
    return [pool.results[job.name] for job in jobs]


def _ready(waiting: Sequence[Job], pool: _Pool) -> Job | None:
    """Return the first job whose sources have ended, well or not; None while all must wait."""
    open_ = {job.name for job in waiting} | set(pool.running)
    return next((job for job in waiting if not open_.intersection(job.after)), None)


def longest_first(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs in the order in which they are begun; a matter of time, never of results.

    Parameters
    ----------
    jobs : sequence of Job
        In the order of the report.

    Returns
    -------
    list of Job
        Those known to take long first, then the others as they were.
    """
    place = {name: number for number, name in enumerate(_LONGEST)}
    return sorted(jobs, key=lambda job: place.get(job.name, len(place)))


class _Worker:
    """One worker process and what is known about it."""

    def __init__(self, job: Job, process: subprocess.Popen[str], deadline: float) -> None:
        self.job = job
        self.process = process
        self.deadline = deadline

    def stop(self) -> None:
        """Ask the worker to end its kernel and itself; insist after some seconds."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        self.ended()

    def ended(self) -> int:
        """Wait for the process, which has little left to do; end it when it does not end."""
        try:
            return self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class _Pool:
    """The workers of one run."""

    def __init__(
        self,
        limits: Limits,
        environment: Mapping[str, str],
        on_event: Callable[[Event], None],
    ) -> None:
        self.running: dict[str, _Worker] = {}
        self.results: dict[str, Result] = {}
        self._limits = limits
        self._environment = environment
        self._on_event = on_event
        self._events: queue.Queue[Event] = queue.Queue()

    def start(self, job: Job) -> None:
        own = {
            "CS_MODELS_ERROR_FILE": str(Path(job.runtime) / "error.json"),
            "IPYTHONDIR": str(Path(job.runtime) / "ipython"),
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cs_models.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**self._environment, **own},
            start_new_session=True,
        )
        deadline = time.monotonic() + self._limits.notebook_seconds
        self.running[job.name] = _Worker(job, process, deadline)
        self._on_event(Event(job.name, "start", {}))
        for target, pipe in ((self._hear, process.stdout), (self._log, process.stderr)):
            threading.Thread(target=target, args=(job.name, pipe), daemon=True).start()
        with contextlib.suppress(BrokenPipeError):
            assert process.stdin is not None
            process.stdin.write(job.line())
            process.stdin.close()

    def listen(self) -> None:
        """Handle one event, or notice a deadline."""
        with contextlib.suppress(queue.Empty):
            self._handle(self._events.get(timeout=0.1))
        for worker in list(self.running.values()):
            if time.monotonic() > worker.deadline:
                seconds = self._limits.notebook_seconds
                worker.stop()
                message = f"the notebook took longer than {seconds} seconds"
                self._finish(worker.job.name, errors.ResourceError.exit_code, message)

    def stop_all(self) -> None:
        for worker in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                worker.process.terminate()
        for worker in self.running.values():
            worker.stop()

    def _handle(self, event: Event) -> None:
        if event.name not in self.running:
            if event.kind == "log":
                self._on_event(event)
            return
        if event.kind == "result":
            self._finish(event.name, event.content["exit_code"], event.content["message"])
        elif event.kind == "eof":
            code = self.running[event.name].ended()
            self._finish(event.name, *_without_result(code))
        else:
            self._on_event(event)

    def _finish(self, name: str, exit_code: int, message: str) -> None:
        worker = self.running.pop(name)
        worker.ended()
        shutil.rmtree(worker.job.runtime, ignore_errors=True)
        self.results[name] = Result(name, exit_code, message)
        self._on_event(Event(name, "end", {"exit_code": exit_code, "message": message}))

    def _hear(self, name: str, pipe: IO[str]) -> None:
        for line in pipe:
            content = json.loads(line)
            self._events.put(Event(name, content.pop("event"), content))
        self._events.put(Event(name, "eof", {}))

    def _log(self, name: str, pipe: IO[str]) -> None:
        for line in pipe:
            self._events.put(Event(name, "log", {"line": line.rstrip("\n")}))


def _without_result(code: int) -> tuple[int, str]:
    """Return exit code and message of a worker that ended without an answer."""
    if code < 0:
        return errors.ResourceError.exit_code, f"the worker was killed by signal {-code}"
    return errors.NotebookError.exit_code, f"the worker failed with code {code}; see run.log"
