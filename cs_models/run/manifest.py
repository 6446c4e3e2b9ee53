"""The records of a run: what went in, what came out, what became of it, and when.

`manifest.json` is rewritten, whole, whenever something is known.  Its `status` is the only
word on a run: ``running``, ``complete``, ``failed`` or ``interrupted``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from cs_models import files

FILE_NAME = "manifest.json"
LOG_NAME = "run.log"


class Manifest:
    """`manifest.json` of one run folder.

    Parameters
    ----------
    folder : Path
        The run folder.
    content : mapping
        What is known at the start.
    """

    def __init__(self, folder: Path, content: Mapping[str, Any]) -> None:
        self.folder = folder
        self.content: dict[str, Any] = {
            "run_id": folder.name,
            "status": "running",
            "reason": "",
            "exit_code": None,
            "started_at": now(),
            "finished_at": None,
            "duration_seconds": None,
            "process": {"pid": os.getpid(), "host": socket.gethostname()},
            "notebooks": {},
            **content,
        }
        self.write()

    def write(self) -> None:
        """Replace the file by what is known now."""
        files.write_json_atomic(self.folder / FILE_NAME, self.content)

    def add(self, **known: Any) -> None:
        """Record more."""
        self.content.update(known)
        self.write()

    def notebook(self, name: str, **known: Any) -> None:
        """Record what is known of one notebook."""
        self.content["notebooks"].setdefault(name, {}).update(known)
        self.write()

    def finish(self, status: str, *, exit_code: int, reason: str = "") -> None:
        """Record the end: status, exit code, reason, duration and the artefacts' hashes."""
        finished = datetime.now(UTC)
        started = datetime.fromisoformat(self.content["started_at"])
        for name, notebook in self.content["notebooks"].items():
            if notebook.get("status") in ("waiting", "running"):
                notebook["status"] = "interrupted" if status == "interrupted" else "failed"
            notebook["artefacts"] = hashes(self.folder / name)
        self.add(
            status=status,
            reason=reason,
            exit_code=exit_code,
            finished_at=finished.isoformat(timespec="seconds"),
            duration_seconds=round((finished - started).total_seconds(), 1),
        )


class Log:
    """`run.log`: one line an event, without secrets, on the disk as it happens.

    Parameters
    ----------
    path : Path
        The file to write.
    redact : callable
        From `secrets.redactor`.
    mode : {"w", "a"}, default "w"
        ``"a"`` adds to what is there.
    """

    def __init__(
        self, path: Path, redact: Callable[[str], str], mode: Literal["w", "a"] = "w"
    ) -> None:
        self._file = path.open(mode, encoding="utf-8", buffering=1)
        self._redact = redact

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, name: str, text: str) -> None:
        """Write a text, each of its lines with the time and the name of who says it."""
        for line in text.splitlines():
            self._file.write(f"{now()} {name}: {self._redact(line)}\n")


def now() -> str:
    """Return the clock's time in UTC; provenance only, no analysis may call it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def moment(text: str) -> datetime:
    """Return the moment that `now` wrote."""
    return datetime.fromisoformat(text)


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under `folder`, by its path below it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): files.sha256_of(path) for path in found}


def software(root: Path) -> dict[str, Any]:
    """Return what made the run: Python, platform, package versions and the project's commit."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": _packages(),
        "git": _commit(root),
    }


def _packages() -> dict[str, str]:
    """Return the versions of this package and of what it requires, as they are installed."""
    try:
        required = importlib.metadata.requires("cs-models") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found = {}
    for text in ("cs-models", *required):
        name = re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0]
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _commit(root: Path) -> dict[str, Any] | None:
    """Return the project's commit and whether files differ from it; None without git."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None

    def ask(*words: str) -> str:
        return subprocess.run(  # noqa: S603 - fixed words
            [git, "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()

    try:
        changed = bool(ask("status", "--porcelain", "--untracked-files=no"))
        return {"commit": ask("rev-parse", "HEAD"), "changed": changed}
    except (subprocess.SubprocessError, OSError):
        return None
