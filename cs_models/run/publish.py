"""Where reports stand: one folder a run, one pointer to the newest complete one.

`reports/latest` is a symbolic link that is replaced in one step, and only after everything
it will show is on the disk: whoever reads it sees a complete run, whole, whatever happens to the
next.  It never takes a page or a day from its reader: a run of some of the pages, or one that
looks back from an earlier day, stands beside it.  One run at a time holds the folder's lock; the
system frees it when the holder dies, which is how an interrupted run is told from a running one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from cs_models import errors, files
from cs_models.run import manifest

LATEST = "latest"
INDEX = "index.html"
_LOCK = ".lock"
_HOLDER = ".lock-holder.json"


def open_folder(out: Path) -> Path:
    """Make the folder of the reports, or refuse what stands in its place.

    Returns
    -------
    Path
        The folder, absolute.

    Raises
    ------
    ParameterError
        When `out` cannot be a folder of reports.
    """
    folder = out.expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.ParameterError(
            "reports cannot be written there",
            where="--out",
            got=f"{out}: {error.strerror}",
            repair="name a folder that exists or can be made",
        ) from None
    latest = folder / LATEST
    if latest.exists() and not latest.is_symlink():
        raise errors.ParameterError(
            f"{LATEST} is not the link that a run leaves",
            where=str(latest),
            repair="move it away, or name another folder with --out",
        )
    return folder


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock.

    Raises
    ------
    LockedError
        At once, when another run holds it, saying which.
    """
    held = filelock.FileLock(folder / _LOCK, timeout=0)
    try:
        held.acquire()
    except filelock.Timeout:
        raise errors.LockedError(
            "another run is writing here",
            where=str(folder),
            got=_holder(folder),
            repair="wait for it to end, or name another folder with --out",
        ) from None
    try:
        files.write_json_atomic(
            folder / _HOLDER,
            {"pid": os.getpid(), "host": socket.gethostname(), "started_at": manifest.now()},
        )
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        held.release()


def recover(folder: Path) -> list[str]:
    """Mark runs that ended without a word as interrupted, and sweep what they left half-made.

    Call it while holding the lock: then no run of this folder is running.

    Returns
    -------
    list of str
        The runs that were marked.
    """
    files.sweep_temporary(folder)
    for left in folder.glob("2*"):
        with contextlib.suppress(OSError):
            left.rmdir()  # only empty folders: a run that was killed before its first word
    marked = []
    for path in sorted(folder.glob(f"*/{manifest.FILE_NAME}")):
        if path.parent.is_symlink():
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if content.get("status") == "running":
            reason = "the process ended without a word: killed, or the machine stopped"
            content |= {"status": "interrupted", "reason": reason}
            for notebook in content.get("notebooks", {}).values():
                if notebook.get("status") in ("waiting", "running"):
                    notebook["status"] = "interrupted"
            files.write_json_atomic(path, content)
            marked.append(path.parent.name)
    return marked


def new_run(folder: Path, name: str, *, started: datetime | None = None) -> Path:
    """Make the folder of a new run.

    Parameters
    ----------
    folder : Path
        The folder of the reports.
    name : str
        Any text that tells runs apart, as the name of the run file; only letters, digits and
        dashes of it remain.
    started : datetime, optional
        The clock's time by default.

    Returns
    -------
    Path
        A new folder directly below `folder`.
    """
    started = started or datetime.now(UTC)
    run_id = f"{started:%Y%m%d-%H%M%S}-{files.slug(name, longest=40)}"
    for number in range(1, 1000):
        path = folder / (run_id if number == 1 else f"{run_id}-{number}")
        if path.resolve().parent != folder.resolve():
            break
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise errors.ParameterError("no folder can be made for this run", where=str(folder))


def point_latest(folder: Path, run_folder: Path) -> Path:
    """Let `latest` show a complete run, in one step.

    Returns
    -------
    Path
        The index page, reached through `latest`.
    """
    temporary = folder / f".{LATEST}-{os.getpid()}{files.TEMPORARY_SUFFIX}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(run_folder.name, target_is_directory=True)
    os.replace(temporary, folder / LATEST)  # noqa: PTH105 - the one call whose atomicity counts
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return folder / LATEST / INDEX


def show(folder: Path, run_folder: Path, say: Callable[[str], None], *, anyway: bool) -> Path:
    """Let `latest` show a complete run, unless its reader would lose a page or a day by it.

    Parameters
    ----------
    folder : Path
        The folder of the reports.
    run_folder : Path
        The run, complete on the disk.
    say : callable
        Told when `latest` keeps showing another run, and why.
    anyway : bool
        Show the run whatever is lost.

    Returns
    -------
    Path
        The index page of the run: through `latest`, or its own where `latest` stays.
    """
    lost = "" if anyway else why_not_shown(folder, run_folder)
    if not lost:
        return point_latest(folder, run_folder)
    say(
        f"latest still shows {shown_by_latest(folder)}: this run {lost}; it is kept and listed, "
        "and run with --latest it would be shown all the same"
    )
    return run_folder / INDEX


def why_not_shown(folder: Path, run_folder: Path) -> str:
    """Return what the reader of `latest` would lose by a complete run, in words that follow "it".

    Empty where nothing is lost, and for the run that `latest` shows itself.
    """
    from cs_models.report.changes import said

    shown = shown_by_latest(folder)
    current = said.manifest(folder / shown) if shown else None
    own = said.manifest(run_folder)
    return said.loses(current, own) if current and own else ""


@contextlib.contextmanager
def listed(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Write the index over runs when a run begins, and again however it ends.

    Parameters
    ----------
    folder : Path
        The folder of the reports, whose lock is held.
    say : callable
        Told when the page cannot be written; that changes nothing about the run.
    """
    _write_over_runs(folder, say)
    try:
        yield
    finally:
        _write_over_runs(folder, say)


def _write_over_runs(folder: Path, say: Callable[[str], None]) -> None:
    from cs_models.report import over_runs

    try:
        ours = over_runs.write(folder)
    except errors.InterruptedRun:
        raise
    except Exception as error:  # whatever stands in the folder, the run itself is not at fault
        say(f"the index over runs could not be written: {type(error).__name__}")
        return
    if not ours:
        say(f"{INDEX} of {folder.name} is not a page of this project, so it is left as it is")


def shown_by_latest(folder: Path) -> str:
    """Return the run that `latest` shows; empty when there is none."""
    latest = folder / LATEST
    return Path(os.readlink(latest)).name if latest.is_symlink() else ""  # noqa: PTH115


def runtime_folder() -> contextlib.AbstractContextManager[str]:
    """Return a private temporary folder for sockets; those of dead processes are removed."""
    base = _short_base()
    for left in base.glob("cs-models-run-*-*"):
        pid = left.name.split("-")[3]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)  # others' folders refuse by themselves
    prefix = f"cs-models-run-{os.getpid()}-"
    return tempfile.TemporaryDirectory(prefix=prefix, dir=base, ignore_cleanup_errors=True)


def _short_base() -> Path:
    """Return a folder whose name leaves room: a socket's path has 104 bytes on macOS."""
    base = Path(tempfile.gettempdir())
    return base if len(str(base)) < 50 else Path("/tmp")  # noqa: S108 - mkdtemp is private


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _holder(folder: Path) -> str:
    try:
        holder: dict[str, Any] = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "a run that has just started"
    return f"process {holder['pid']} on {holder['host']}, started {holder['started_at']}"
