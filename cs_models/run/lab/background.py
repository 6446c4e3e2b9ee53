"""A run that goes on by itself while somebody works on: started, watched and stopped from the lab.

It is the ordinary command, ``cs-models run``, in a process of its own, which goes on when the
notebook is closed.  What it is at is read from the manifest that it writes; nothing else is shared.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cs_models import errors
from cs_models.run import manifest

_KERNELS_OWN = ("JPY_SESSION_NAME", "JPY_PARENT_PID", "MPLBACKEND", "PYDEVD_USE_FRAME_EVAL")


@dataclass(frozen=True)
class State:
    """How far a run is.

    Attributes
    ----------
    folder : Path or None
        Where its report will stand; None before it has one.
    notebooks : mapping of str to str
        ``waiting``, ``running``, ``ok``, ``failed`` or ``interrupted`` by notebook, in order.
    exit_code : int or None
        None while it runs.
    said : str
        What it said last on standard error; the path of the index once it is done.
    seconds : float
        Since it began.
    """

    folder: Path | None = None
    notebooks: Mapping[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    said: str = ""
    seconds: float = 0.0


class Background:
    """One run in a process of its own.

    Parameters
    ----------
    root : Path
        The project.
    run_file : str
        The run file, by its path inside the project.
    notebooks : sequence of str, default ()
        Which to run; all when empty.
    """

    def __init__(self, root: Path, run_file: str, notebooks: Sequence[str] = ()) -> None:
        self._reports, self._began = root / "reports", time.monotonic()
        self._folder: Path | None = None
        self._before = frozenset(self._folders())
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the run
        inherited = {k: v for k, v in os.environ.items() if k not in _KERNELS_OWN}
        command = [sys.executable, "-P", "-m", "cs_models", "run", run_file, *notebooks]
        # A session of its own: the kernel's interrupt and end are not the run's.
        self.process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command, cwd=root, env=inherited, stdin=subprocess.DEVNULL,
            stdout=self._said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def state(self) -> State:
        """Return how far the run is now."""
        code = self.process.poll()
        if self._folder is None and code != errors.LockedError.exit_code:
            self._folder = self._found()
        content = _read(self._folder / manifest.FILE_NAME) if self._folder else {}
        notebooks = {name: str(told["status"]) for name, told in
                     content.get("notebooks", {}).items()}  # fmt: skip
        seconds = time.monotonic() - self._began
        return State(self._folder, notebooks, code, self._last_words(), seconds)

    def stop(self) -> None:
        """Interrupt the run; it writes down that it was interrupted."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def _found(self) -> Path | None:
        """Return the folder that the run made: one run at a time may write into the reports."""
        new = [path for path in self._folders() if path not in self._before]
        return new[-1] if new else None

    def _folders(self) -> list[Path]:
        return [path.parent for path in sorted(self._reports.glob(f"2*/{manifest.FILE_NAME}"))]

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read()[-4000:].decode("utf-8", "replace").strip()


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content
