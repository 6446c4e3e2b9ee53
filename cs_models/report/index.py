"""The index of one run: what it comes down to, what changed, and what each notebook found.

In: a run's folder, its manifest and what changed since the run before.  Out: ``index.html``
beside them, one file without scripts.  A headline comes from the notebook's ``results.json``; a
notebook that failed is shown as failed, with its reason, and never with a headline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cs_models import files
from cs_models.report import downloads, key_figures, results, values
from cs_models.report.changes import said
from cs_models.report.changes.between import Changes
from cs_models.report.page import provenance, render

PAGE = "report.html"
INDEX = "index.html"
EXECUTED = "executed.ipynb"
HEADLINE_LENGTH = 420  # characters of a headline on the index; the rest stands on its page
_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z0-9$€£¥])")
# The page that sums up the others comes first.
LEAD = "08_leadership_brief"

_DONE = frozenset({"ok", "done", "complete", "completed", "passed", "success", "succeeded"})


@dataclass(frozen=True)
class Fact:
    """A few words under a notebook, perhaps a link."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Entry:
    """One notebook of the run, as the index shows it."""

    title: str
    status: str
    done: bool
    reason: str
    headline: str
    page: str
    facts: list[Fact]
    tables: list[Fact]


def write(run_folder: Path, manifest: Mapping[str, Any], changes: Changes | None = None) -> None:
    """Write ``index.html`` of one run, all of it or nothing.

    Parameters
    ----------
    run_folder : Path
        Folder of the run; each notebook has a folder of its name in it.
    manifest : mapping
        ``run_id``, ``status``, ``reason``, ``as_of``, ``started_at``, ``versions``,
        ``data_window`` and ``notebooks`` (name to ``status``, ``reason``, ``seconds`` or
        ``duration_seconds``).  What is missing is left out; a missing status is not taken
        for success.
    changes : Changes, optional
        What changed since the run before; nothing is said of it without.
    """
    notebooks = manifest.get("notebooks") or {}
    names = sorted(notebooks, key=lambda name: (name != LEAD, name))
    entries = [_entry(run_folder, name, notebooks[name] or {}) for name in names]
    as_of = day(manifest.get("as_of"))
    done = bool(entries) and _may_be_done(manifest.get("status")) and all(e.done for e in entries)
    facts = provenance.facts(manifest)
    if manifest.get("started_at"):
        facts.append(("Started", str(values.plain(manifest["started_at"]))))
    page = render.render(
        "index.html.j2",
        title=f"Renewals report, data as of {as_of}" if as_of else "Renewals report",
        done=done,
        outcome=_outcome(manifest, entries, done=done),
        figures=_figures(run_folder),
        changes=changes,
        against=_before(run_folder, changes),
        same_day=changes is not None and day(changes.against_as_of) == as_of,
        titles={name: title(name) for name in names},
        entries=entries,
        facts=facts,
    )
    files.write_text_atomic(run_folder / INDEX, page)


def title(name: str) -> str:
    """Return a notebook's name in words: ``02_adoption_thresholds`` is Adoption thresholds."""
    return _words(name.lstrip("0123456789_- ") or name)


def day(moment: object) -> str:
    """Return a day as a reader writes it, ``30 June 2026``; what is no day is left as it is."""
    shown = "" if moment is None else str(values.plain(moment))
    try:
        found = date.fromisoformat(shown)
    except ValueError:
        return shown
    return f"{found.day} {found:%B %Y}"


def duration(seconds: object) -> str:
    """Return how long something took, ``2 min 33 s``; empty where that is not known."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest if not hours else 0, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def short(headline: str) -> str:
    """Return whole sentences of a headline, the first and as many as fit."""
    sentences: Sequence[str] = _SENTENCE.split(headline)
    kept = sentences[0]
    for sentence in sentences[1:]:
        if len(kept) + len(sentence) > HEADLINE_LENGTH:
            return f"{kept} …"
        kept = f"{kept} {sentence}"
    return kept


def first_sentence(headline: str) -> str:
    """Return the first sentence of a headline."""
    return _SENTENCE.split(headline, maxsplit=1)[0]


def _figures(run_folder: Path) -> list[key_figures.Figure]:
    """Return the key figures, of notebooks that ended well and whose page is there."""
    noted = said.manifest(run_folder)
    if noted is None:
        return []
    found = key_figures.figures(said.read(run_folder, noted))
    return [one for one in found if (run_folder / one.href.partition("#")[0]).is_file()]


def _before(run_folder: Path, changes: Changes | None) -> Fact | None:
    """Return the run compared with, and a link to its index where it still stands."""
    if changes is None or not changes.against:
        return None
    own = run_folder.parent / changes.against / INDEX
    href = f"../{quote(changes.against)}/{INDEX}" if own.is_file() else ""
    return Fact(f"{changes.against}, data as of {day(changes.against_as_of)}", href)


def _may_be_done(status: object) -> bool:
    # The index is the last artefact of a run: its manifest may still say "running" then.
    return _is_done(status) or str(status).lower() == "running"


def _is_done(status: object) -> bool:
    return str(status).lower() in _DONE


def _outcome(manifest: Mapping[str, Any], entries: list[Entry], *, done: bool) -> str:
    known = len(manifest.get("all_notebooks") or ())
    if done and len(entries) < known:
        return f"{len(entries)} of {known} pages: all that this run was asked for."
    if done:
        return f"Complete: {len(entries)} of {len(entries)} notebooks."
    finished = sum(entry.done for entry in entries)
    status = str(manifest.get("status") or "unknown")
    reason = manifest.get("reason")
    start = "Not complete" if _may_be_done(status) else _words(status)
    text = f"{start}: {finished} of {len(entries)} notebooks finished."
    return f"{text} {reason}" if reason else text


def _entry(run_folder: Path, name: str, told: Mapping[str, Any]) -> Entry:
    done = _is_done(told.get("status"))
    folder = run_folder / name
    found = _results(folder / results.FILE_NAME) if done else {}
    reason = "" if done else str(told.get("reason") or "No reason was recorded.")
    return Entry(
        title=title(name),
        status=_words(str(told.get("status") or "unknown")),
        done=done,
        reason=reason,
        headline=short(str(found.get("headline") or "")),
        page=_link(folder, PAGE) if done else "",
        facts=_facts(folder, told, found, done=done),
        tables=_tables(folder, found) if done else [],
    )


def _facts(
    folder: Path, told: Mapping[str, Any], found: Mapping[str, Any], *, done: bool
) -> list[Fact]:
    facts = []
    findings = found.get("findings")
    if isinstance(findings, list) and findings:
        facts.append(Fact(f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"))
    if took := duration(values.plain(told.get("seconds", told.get("duration_seconds")))):
        facts.append(Fact(took))
    if not done and (stopped := _link(folder, EXECUTED)):
        facts.append(Fact("the notebook as it stopped", stopped))
    return facts


def _tables(folder: Path, found: Mapping[str, Any]) -> list[Fact]:
    """Return the CSV files of a notebook, named in words."""
    known = downloads.titles(found)
    return [
        Fact(downloads.words(path.name, known), _link(folder, f"tables/{path.name}"))
        for path in sorted((folder / "tables").glob("*.csv"))
    ]


def _results(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _link(folder: Path, name: str) -> str:
    """Return a relative link to a file of the run, empty when it is not there."""
    return quote(f"{folder.name}/{name}") if (folder / name).is_file() else ""


def _words(text: str) -> str:
    spaced = text.replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:]
