"""The end of a run, however it comes: recorded in its manifest, shown in its index, told.

The order: first the manifest, then the index of the run, then the index over all runs, and last,
when the lock is free, whoever asked to be told.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cs_models import errors, files
from cs_models.run import manifest, notices, publish
from cs_models.run.sections.notify import URLS
from cs_models.run.terminal.signals import Guard
from cs_models.run.worker import verdict

if TYPE_CHECKING:
    from cs_models.report.changes.between import Changes

_TOLD_TOPICS = ("Level", "Verdict")


class End:
    """What is known of a run when it ends, for whoever is to be told.

    Parameters
    ----------
    run_file : str
        The run file, as the project names it.
    notifier : Notifier or None
        Who is to be told; None for nobody.
    """

    def __init__(self, run_file: str, notifier: notices.Notifier | None) -> None:
        self.changes: Changes | None = None
        self._run_file = run_file
        self._notifier = notifier
        self._record: manifest.Manifest | None = None
        self._redact: Callable[[str], str] = str
        self._reports: Path | None = None

    @property
    def secrets(self) -> list[str]:
        """Return what must stand in no file."""
        return self._notifier.secrets if self._notifier else []

    @property
    def hidden(self) -> Collection[str]:
        """Return the variables that no kernel may read, asked for or not."""
        return {URLS, notices.FILE} | (self._notifier.hidden if self._notifier else set())

    def writes_to(self, reports: Path) -> None:
        """Remember the folder of the reports."""
        self._reports = reports

    def began(self, record: manifest.Manifest, redact: Callable[[str], str]) -> None:
        """Remember the run's manifest, and what takes secrets out of a text."""
        self._record = record
        self._redact = redact

    def changed(self, changes: Changes | None) -> None:
        """Remember what changed since the run before."""
        self.changes = changes

    @contextlib.contextmanager
    def told(self, guard: Guard, say: Callable[[str], None]) -> Iterator[None]:
        """Tell how the block ended, after it ended; that changes nothing about how it did.

        Parameters
        ----------
        guard : Guard
            Watching for signals.
        say : callable
            Told which address was not reached, by kind and host.
        """
        try:
            yield
        except BaseException as error:
            self._tell(self._outcome(error, guard), guard, say)
            raise
        self._tell(self._outcome(None, guard), guard, say)

    def _tell(self, outcome: notices.Outcome, guard: Guard, say: Callable[[str], None]) -> None:
        if self._notifier is None or not self._notifier.wants(outcome):
            return
        hurried = outcome.status == "interrupted"
        seconds = notices.SIGNAL_SECONDS if hurried else notices.SEND_SECONDS
        with guard.held():
            try:
                missed = self._notifier.tell(outcome, seconds=seconds)
            except Exception as error:  # a notice is never the reason why a run fails
                missed = [f"nobody ({type(error).__name__})"]
            for place in missed:
                self._note(f"the notice did not reach {place}", say)

    def _note(self, text: str, say: Callable[[str], None]) -> None:
        say(f"warning: {text}")
        if self._record is not None:
            path = self._record.folder / manifest.LOG_NAME
            with contextlib.suppress(OSError), manifest.Log(path, self._redact, "a") as log:
                log.write("run", f"warning: {text}")

    def _outcome(self, error: BaseException | None, guard: Guard) -> notices.Outcome:
        folder = self._record.folder if self._record is not None else None
        latest = publish.shown_by_latest(self._reports) if self._reports is not None else None
        if error is None:
            stays = folder is not None and latest is not None and latest != folder.name
            return notices.Outcome(
                self._run_file,
                "complete",
                0,
                headline=self._redact(_headline(folder)),
                changes=tuple(
                    self._redact(change.text)
                    for change in (self.changes.changes if self.changes else ())
                    if change.news and change.topic in _TOLD_TOPICS
                ),
                folder=folder,
                latest=latest,
                why_not_shown=(
                    publish.why_not_shown(folder.parent, folder) if folder and stays else ""
                ),
            )
        status, code = _status(error, guard)
        return notices.Outcome(
            self._run_file,
            status,
            code,
            reason=self._redact(_reason(error)),
            folder=folder,
            latest=latest,
        )


def changes(folder: Path, log: manifest.Log) -> Changes | None:
    """Say what changed since the run before, and keep it beside the run.

    Parameters
    ----------
    folder : Path
        The run's folder, whose notebooks all ended well.
    log : Log
        Told why where it cannot be said; the run is as good without.
    """
    from cs_models.report.changes import between

    try:
        found = between.since(folder)
        between.write(folder, found)
    except (errors.InterruptedRun, OSError):
        raise
    except Exception as error:  # results of an older form: no reason to lose this run
        log.write("run", f"what changed since the run before cannot be said: {error!r}")
        return None
    return found


def index(record: manifest.Manifest, changed: Changes | None = None) -> None:
    """Write the index of a run."""
    from cs_models.report import index as pages

    pages.write(record.folder, record.content, changed)


def index_of_interrupted(folder: Path) -> None:
    """Write the index of a run that ended without a word, as far as it came."""
    from cs_models.report import index as pages

    with contextlib.suppress(OSError, ValueError):
        pages.write(folder, json.loads((folder / manifest.FILE_NAME).read_text(encoding="utf-8")))


@contextlib.contextmanager
def recorded(
    record: manifest.Manifest, guard: Guard, redact: Callable[[str], str]
) -> Iterator[None]:
    """Write the end of a run that does not end well into its manifest and its index."""
    try:
        yield
    except BaseException as error:
        status, code = _status(error, guard)
        signalled = status == "interrupted"
        reason = "interrupted by a signal" if signalled else redact(str(error) or _name(error))
        with guard.held(), contextlib.suppress(OSError):
            record.finish(status, exit_code=code, reason=reason)
            index(record)
            files.sweep_temporary(record.folder)
        raise


def _status(error: BaseException, guard: Guard) -> tuple[str, int]:
    """Return how a run ended that did not end well, and its exit code."""
    if guard.received is not None:
        return "interrupted", 128 + guard.received
    unknown = errors.ResourceError.exit_code if verdict.exhausted(error) else 1
    return "failed", getattr(error, "exit_code", unknown)


def _reason(error: BaseException) -> str:
    """Return why, without the values that were found: they may be somebody's data."""
    if isinstance(error, errors.CsModelsError):
        where = f" ({error.where})" if error.where else ""
        return f"{error.what}{where}"
    return _name(error)


def _name(error: BaseException) -> str:
    return type(error).__name__


def _headline(folder: Path | None) -> str:
    from cs_models.report import index as pages
    from cs_models.report.changes import said

    noted = said.manifest(folder) if folder else None
    if folder is None or noted is None:
        return ""
    return pages.first_sentence(said.headline(folder, noted)[0])
