"""The index over all runs: ``index.html`` in the folder of the reports.

In: the folders of the runs, of each its manifest, its headline and what changed since the run
before.  Out: one page without scripts, newest run first, whole or not at all.  A run that failed
is shown as failed, with its reason; a folder that cannot be read as a run is named.

Reading stays fast with hundreds of runs: of most only the manifest is read, of the newest the
headline, and all results only of the last two complete runs of a question where what changed was
not kept beside the run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cs_models import files
from cs_models.report import index, runs
from cs_models.report.changes import between, said
from cs_models.report.changes.between import Changes
from cs_models.report.page import render

NEWEST: Final = 60  # runs shown in full; older ones are a line each, folded by year
LATEST: Final = "latest"
LONGEST_REASON: Final = 600
MARK: Final = "cs-models: index over runs"
STATUSES: Final = ("complete", "failed", "interrupted", "running")
PARTIAL: Final = "with some of the pages"
_LARGEST: Final = 20_000_000


@dataclass(frozen=True)
class Found:
    """A folder that was read as a run."""

    folder: Path
    noted: runs.Manifest
    started: datetime | None

    @property
    def complete(self) -> bool:
        """Say whether all of it was done."""
        return self.noted.status == said.COMPLETE


@dataclass(frozen=True)
class Link:
    """A page of a run."""

    text: str
    href: str


@dataclass(frozen=True)
class Entry:
    """One run, as the page shows it."""

    name: str
    when: str
    status: str
    word: str
    reason: str
    failed: list[tuple[str, str]]
    as_of: str
    duration: str
    run_file: str
    headline: str
    href: str
    pages: list[Link]
    latest: bool
    changes: Changes | None
    against: Link | None
    compared: str = ""
    aside: str = ""


def write(reports: Path) -> bool:
    """Write the index over the runs of a folder.

    Parameters
    ----------
    reports : Path
        The folder of the reports; hold its lock.

    Returns
    -------
    bool
        False where an ``index.html`` of somebody else stands there: it is left as it is.
    """
    page = reports / index.INDEX
    if page.exists() and not _ours(page):
        return False
    files.write_text_atomic(page, text(reports))
    return True


def text(reports: Path) -> str:
    """Return the index over the runs of a folder as a page."""
    found, strange = read(reports)
    latest = _shown_by_latest(reports)
    current = next((run for run in found if run.folder.name == latest), None)
    pages = _most_pages(found)
    shown = [_entry(run, found, current, pages) for run in found[:NEWEST]]
    return render.render(
        "runs.html.j2",
        mark=MARK,
        titles={name: index.title(name) for run in found[:NEWEST] for name in run.noted.notebooks},
        entries=shown,
        current=next((entry for entry in shown if entry.latest), None),
        latest=_line(current, pages) if current else None,
        beside=next((entry for entry in shown if entry.aside), None),
        counts=_counts(found, pages),
        first=_day(found[-1].started) if found else "",
        older=_older(found[NEWEST:], pages),
        strange=strange,
    )


def read(reports: Path) -> tuple[list[Found], list[tuple[str, str]]]:
    """Read the manifests of a folder's runs.

    Returns
    -------
    tuple of (list of Found, list of (str, str))
        Runs, newest first; and the folders that cannot be read as one, each with why.
    """
    found, strange = [], []
    for path in sorted(reports.iterdir()):
        if path.is_symlink() or not path.is_dir() or path.name.startswith("."):
            continue
        try:
            noted = runs.manifest(path)
        except FileNotFoundError:
            strange.append((path.name, "it holds no manifest.json, so it is no run"))
        except (OSError, ValueError, RecursionError):
            strange.append((path.name, "its manifest is damaged, or of a form not known here"))
        else:
            if noted.run_id != path.name:
                strange.append((path.name, f"its manifest is that of another run, {noted.run_id}"))
            else:
                found.append(Found(path, noted, _moment(noted.started_at)))
    oldest = datetime.min.replace(tzinfo=UTC)
    found.sort(key=lambda run: (run.started or oldest, run.folder.name), reverse=True)
    return found, strange


def _entry(
    run: Found, found: Sequence[Found], current: Found | None, pages: Mapping[str, int]
) -> Entry:
    noted, folder = run.noted, run.folder
    headline, _ = said.headline(folder, noted) if run.complete else ("", "")
    changes = _changes(run, found) if run.complete else None
    named = {other.folder.name for other in found}
    against = changes.against if changes else ""
    own = folder / index.INDEX
    return Entry(
        name=folder.name,
        when=_when(run),
        status=noted.status if noted.status in STATUSES else "unknown",
        word=_word(run, pages),
        reason=_clipped(noted.reason),
        failed=[] if run.complete else _failed(noted),
        as_of=index.day(noted.as_of),
        duration=index.duration(noted.duration_seconds),
        run_file=noted.parameters_file,
        headline=index.short(headline),
        href=quote(f"{folder.name}/{index.INDEX}") if own.is_file() else "",
        pages=_pages(folder, noted),
        latest=run is current,
        changes=changes,
        against=Link(against, f"#{quote(against)}") if against in named else None,
        compared=index.day(changes.against_as_of) if changes else "",
        aside=_aside(run, found, current),
    )


def _aside(run: Found, found: Sequence[Found], current: Found | None) -> str:
    """Say why `latest` does not show a run that was made after the one it shows."""
    if current is None or not run.complete or found.index(run) >= found.index(current):
        return ""
    return said.loses(current.noted, run.noted)


def _most_pages(found: Iterable[Found]) -> dict[str, int]:
    """Return, of each complete run, how many pages it could have had.

    As many as the project had notebooks then, and no fewer than any run of its question made.
    """
    asked = [(run, said.identity(run.noted)) for run in found if run.complete]
    most: dict[str, int] = {}
    for run, question in asked:
        most[question] = max(most.get(question, 0), len(run.noted.pages))
    return {
        run.folder.name: max(len(run.noted.all_notebooks), most[question])
        for run, question in asked
    }


def _changes(run: Found, found: Sequence[Found]) -> Changes | None:
    """Return what changed, as it was kept beside the run, or counted now for the newest."""
    kept = between.kept(run.folder)
    if kept is not None:
        return kept
    mine = said.identity(run.noted)
    alike = (other for other in found if other.complete and said.identity(other.noted) == mine)
    if next(alike, None) is not run:
        return None
    others = ((other.folder, other.noted) for other in found if other is not run)
    return between.against(run.folder, run.noted, others)


def _failed(noted: runs.Manifest) -> list[tuple[str, str]]:
    """Return the notebooks that did not end well by themselves, each with its reason."""
    return [
        (index.title(name), _clipped(notebook.reason))
        for name, notebook in sorted(noted.notebooks.items())
        if notebook.status == "failed" and notebook.reason
    ]


def _pages(folder: Path, noted: runs.Manifest) -> list[Link]:
    return [
        Link(index.title(name), quote(f"{folder.name}/{name}/{index.PAGE}"))
        for name in sorted(noted.pages, key=lambda each: (each != said.BRIEF, each))
        if (folder / name / index.PAGE).is_file()
    ]


def _line(run: Found, pages: Mapping[str, int]) -> Entry:
    """Return a run of which only the manifest is read."""
    own = run.folder / index.INDEX
    href = quote(f"{run.folder.name}/{index.INDEX}") if own.is_file() else ""
    noted = run.noted
    status = noted.status if noted.status in STATUSES else "unknown"
    return Entry(
        run.folder.name, _when(run), status, _word(run, pages), "", [], index.day(noted.as_of),
        "", noted.parameters_file, "", href, [], False, None, None,
    )  # fmt: skip


def _older(found: Sequence[Found], pages: Mapping[str, int]) -> list[tuple[str, str, list[Entry]]]:
    """Return older runs by the year in which they began: year, counts in words, lines."""
    by_year = groupby(found, key=lambda run: str(run.started.year) if run.started else "no date")
    return [
        (year, _counts(listed, pages), [_line(run, pages) for run in listed])
        for year, group in by_year
        if (listed := list(group))
    ]


def _counts(found: Iterable[Found], pages: Mapping[str, int]) -> str:
    """Say how many runs there are and how they ended: ``12 runs: 11 complete, 1 failed``."""
    statuses = Counter(PARTIAL if _partial(run, pages) else run.noted.status for run in found)
    words = (STATUSES[0], PARTIAL, *STATUSES[1:])
    known = [f"{statuses[name]} {name}" for name in words if statuses[name]]
    n_runs = statuses.total()
    other = n_runs - sum(statuses[name] for name in words)
    known += [f"{other} without a known status"] if other else []
    return f"{n_runs:,} run{'' if n_runs == 1 else 's'}" + (
        f": {', '.join(known)}" if known else ""
    )


def _partial(run: Found, pages: Mapping[str, int]) -> bool:
    """Say whether a complete run was asked for some of the pages only."""
    return len(run.noted.pages) < pages.get(run.folder.name, 0)


def _word(run: Found, pages: Mapping[str, int]) -> str:
    status = run.noted.status
    if _partial(run, pages):
        return f"{len(run.noted.pages)} of {pages[run.folder.name]} pages"
    return status.capitalize() if status in STATUSES else f"Unknown status: {status or 'none'}"


def _clipped(reason: str) -> str:
    reason = reason.strip()
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON].rstrip()} …"


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _when(run: Found) -> str:
    return f"{_day(run.started)}, {run.started:%H:%M} UTC" if run.started else run.folder.name


def _day(moment: datetime | None) -> str:
    return index.day(moment.date()) if moment else ""


def _shown_by_latest(reports: Path) -> str:
    latest = reports / LATEST
    return Path(os.readlink(latest)).name if latest.is_symlink() else ""  # noqa: PTH115


def _ours(page: Path) -> bool:
    try:
        return MARK.encode() in files.read_at_most(page, _LARGEST)
    except (OSError, ValueError):
        return False
