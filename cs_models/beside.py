"""A second process for work that does not wait for other work, where a run has a core to spare.

A run with more cores than notebooks tells its kernels so (`VARIABLE`); everywhere else there is
one process, and what is begun here is done when it is asked for.  The answer is the same either
way: whoever deals out work draws every random number before, or gives each part a seed of its own.

The second process is a copy of this one (``fork``, on Linux alone), made when the work begins: no
start to wait for, and what it reads need not be sent.  It must ask no database, whose threads are
not copied.  When it ends without an answer, for whatever reason, the work is done here: an
exception is then raised where somebody sees it.

Source: docs/decisions/0012-two-processes-in-one-notebook.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, Generic, NoReturn, TypeVar

from cs_models import progress

VARIABLE: Final = "CS_MODELS_WORKERS"
"""Environment variable with the processes that a notebook may keep busy; the run sets it."""

_MOST: Final = 8
_PR_SET_PDEATHSIG: Final = 1

Answer = TypeVar("Answer")
Item = TypeVar("Item")


def workers() -> int:
    """Return how many processes may work at a time: 1 where no run says more."""
    told = os.environ.get(VARIABLE, "")
    if sys.platform != "linux" or not told.isdecimal():
        return 1
    return min(max(1, int(told)), _MOST)


class Task(Generic[Answer]):
    """Work that was begun; `begin` makes it."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self._call = call
        self._answer: list[Answer] = []
        self._pid = 0
        self._pipe: Any = None

    def result(self) -> Answer:
        """Return the answer, waiting for it; it is worked out at most once.

        Raises
        ------
        Exception
            Whatever the work raises.
        """
        if not self._answer:
            self._answer += self._heard() or [self._call()]
        return self._answer[0]

    def stop(self) -> None:
        """End the other process; nobody needs its answer any more."""
        if not self._pid:
            return
        pid, self._pid = self._pid, 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        self._pipe.close()

    def start(self) -> None:
        """Let a second process do the work."""
        read, write = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python warns of copies of processes with threads: those of a database and of a
            # kernel's sockets, which the copy leaves alone.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if not self._pid:
            _work(self._call, write, parent)
        os.close(write)
        self._pipe = os.fdopen(read, "rb")

    def _heard(self) -> list[Answer]:
        """Return the other process's answer as the only item; nothing where there is none."""
        if not self._pid:
            return []
        try:
            answer, told = pickle.load(self._pipe)  # noqa: S301 - of our own copy
        except (EOFError, pickle.UnpicklingError):
            return []
        finally:
            self.stop()
        for warning in told:
            warnings.warn_explicit(**warning)
        return [answer]


def begin(call: Callable[[], Answer]) -> Task[Answer]:
    """Begin work in a second process, where there may be one.

    Parameters
    ----------
    call : callable
        The work: neither asks a database nor changes anything outside; its answer can be pickled.

    Returns
    -------
    Task
        Its ``result`` is the answer; without a second process the work is done when asked for.
    """
    task = Task(call)
    if workers() > 1:
        task.start()
    return task


def shared(call: Callable[[Sequence[Item]], list[Answer]], items: Sequence[Item]) -> list[Answer]:
    """Deal items out to all processes that may work.

    Parameters
    ----------
    call : callable
        Works on some of the items, whichever others there are, and returns any number of answers;
        otherwise as for `begin`.
    items : sequence

    Returns
    -------
    list
        What `call` returns for all of them, in their order.

    Raises
    ------
    Exception
        Whatever `call` raises.
    """
    n_parts = min(workers(), len(items))
    if n_parts < 2:
        return call(items)
    cuts = [len(items) * part // n_parts for part in range(n_parts + 1)]
    own, *others = (items[start:end] for start, end in pairwise(cuts))
    begun = [begin(partial(call, part)) for part in others]
    try:
        return sum((task.result() for task in begun), call(own))
    finally:
        for task in begun:
            task.stop()


def _work(call: Callable[[], object], write: int, parent: int) -> NoReturn:
    """Do the work in the copy and leave; an answer that is not whole is none."""
    code = 1
    try:
        _quiet(parent)
        with warnings.catch_warnings(record=True) as heard:
            answer = call()
        told = [
            {"message": one.message, "category": one.category, "filename": one.filename,
             "lineno": one.lineno}
            for one in heard
        ]  # fmt: skip
        with os.fdopen(write, "wb") as pipe:
            pickle.dump((answer, told), pipe, protocol=pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)


def _quiet(parent: int) -> None:
    """Leave alone what belongs to the first process, and end with it."""
    gc.freeze()  # or the copy would tidy up the first one's tables in a database without threads
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    progress.listen(None)
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(-1)
    sys.stdout = sys.stderr = io.StringIO()
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)  # threads that were there before are not in the copy
