"""What one run said, as far as changes are told of it, and which run it is held against.

Grain in: a folder of reports.  Grain out: one run's manifest and results, each checked against
its hash; the run of the same question that it is compared with: of the same day, else the nearest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from cs_models.report import runs

BRIEF: Final = "08_leadership_brief"
READINESS, THRESHOLDS = "00_data_readiness", "02_adoption_thresholds"
MEASURES, OUTLOOK, BACKTEST = "01_adoption_metrics", "06_renewal_outlook", "07_backtest"
COMPLETE: Final = "complete"
_UNREADABLE = (OSError, ValueError, RecursionError)


@dataclass(frozen=True)
class Said:
    """One run and what its notebooks said.

    Attributes
    ----------
    name : str
        The run's folder.
    noted : Manifest
        Its manifest.
    results : mapping of str to dict
        ``results.json`` of each notebook that ended well.
    unread : tuple of str
        Notebooks whose results cannot be read, or were changed since.
    """

    name: str
    noted: runs.Manifest
    results: Mapping[str, Mapping[str, Any]]
    unread: tuple[str, ...] = field(default=())

    def rows(self, notebook: str, name: str) -> list[Mapping[str, Any]]:
        """Return a table of a notebook's results; empty where it is not there or no table."""
        listed = self.results.get(notebook, {}).get(name)
        rows = listed if isinstance(listed, list) else []
        return [row for row in rows if isinstance(row, Mapping)]

    def findings(self, notebook: str) -> dict[str, Mapping[str, Any]]:
        """Return a notebook's findings by their id."""
        return {str(row.get("id", "")): row for row in self.rows(notebook, "findings")}

    @property
    def currency(self) -> str:
        """Return the currency of the run's money."""
        told = (parameters.get("currency") for parameters in self.noted.parameters.values())
        return next((code for code in told if isinstance(code, str)), "USD")


def read(folder: Path, noted: runs.Manifest) -> Said:
    """Read everything that a run said.

    Parameters
    ----------
    folder : Path
        The run's folder.
    noted : Manifest
        Its manifest.

    Returns
    -------
    Said
        Never raises for what stands in the folder: what cannot be read is named.
    """
    results, unread = {}, []
    for name in sorted(noted.notebooks):
        if not noted.spoke(name):
            continue
        try:
            content = runs.told(folder, noted, name)
        except _UNREADABLE:
            content = None
        if isinstance(content, dict):
            results[name] = content
        else:
            unread.append(name)
    return Said(folder.name, noted, results, tuple(unread))


def manifest(folder: Path) -> runs.Manifest | None:
    """Return a run's manifest; None where it cannot be read."""
    try:
        return runs.manifest(folder)
    except _UNREADABLE:
        return None


def identity(noted: runs.Manifest) -> str:
    """Return what tells questions apart: the run file, and the source with its mapping.

    Digits in the source's path do not count: ``exports/2026-06`` and ``exports/2026-07`` are the
    same source a month later.
    """
    sources = []
    for parameters in noted.parameters.values():
        source = parameters.get("source")
        if isinstance(source, Mapping):
            path = re.sub(r"\d+", "#", str(source.get("path", "")).removeprefix("./").rstrip("/"))
            sources.append(json.dumps({**source, "path": path}, sort_keys=True))
    return json.dumps([noted.parameters_file, sorted(set(sources))])


def before(
    own: runs.Manifest, name: str, others: Iterable[tuple[Path, runs.Manifest]]
) -> tuple[Path, runs.Manifest] | None:
    """Choose the run that a run is held against.

    Parameters
    ----------
    own : Manifest
        The run.
    name : str
        Its folder, whose name begins with the moment in which it began.
    others : iterable of (Path, Manifest)
        Runs of the same folder of reports, in any order.

    Returns
    -------
    tuple of (Path, Manifest) or None
        A complete run made before it, with the same :func:`identity`: one that has all of its
        notebooks rather than some, then of the same day rather than the nearest earlier one, then
        the newest.  A look at an older day in between is passed over.
    """
    spoke = {notebook for notebook in own.notebooks if own.spoke(notebook)}
    mine = identity(own)
    candidates = [
        (bool(spoke <= shared), noted.as_of, folder.name, folder, noted)
        for folder, noted in others
        if folder.name < name
        and noted.status == COMPLETE
        and noted.as_of <= own.as_of
        and (shared := {each for each in noted.notebooks if noted.spoke(each)} & spoke)
        and identity(noted) == mine
    ]
    if not candidates:
        return None
    *_, folder, noted = max(candidates, key=lambda found: found[:3])
    return folder, noted


def later_only(own: runs.Manifest, name: str, others: Iterable[tuple[Path, runs.Manifest]]) -> bool:
    """Say whether the other complete runs of the question all look back from a later day.

    Parameters
    ----------
    own, name, others
        As for :func:`before`, which found none.
    """
    mine = identity(own)
    days = [
        noted.as_of
        for folder, noted in others
        if folder.name < name and noted.status == COMPLETE and identity(noted) == mine
    ]
    return bool(days) and min(days) > own.as_of


def loses(shown: runs.Manifest, own: runs.Manifest) -> str:
    """Say what a reader of one run would lose if another run stood in its place.

    Parameters
    ----------
    shown : Manifest
        The run that is read now.
    own : Manifest
        The one that would take its place.

    Returns
    -------
    str
        Pages, or days of the history, in words that follow "it"; empty where nothing is lost, or
        where the runs ask different questions, which take no page from one another.
    """
    if shown.status != COMPLETE or identity(shown) != identity(own):
        return ""
    kept = {*shown.pages} & {*own.pages}
    lost = []
    if len(kept) < len(shown.pages):
        n_pages = len(shown.pages)
        pages = "the page" if n_pages == 1 else f"{len(kept)} of the {n_pages} pages"
        lost.append(f"{'has not' if n_pages == 1 else 'has'} {pages} shown now")
    if own.as_of < shown.as_of:
        lost.append(f"looks back from {_day(own.as_of)}, not from {_day(shown.as_of)}")
    return " and ".join(lost)


def _day(moment: date) -> str:
    return f"{moment.day} {moment:%B %Y}"


def headline(folder: Path, noted: runs.Manifest) -> tuple[str, str]:
    """Return a run's headline and the notebook that said it.

    The leadership brief speaks for all; without it, the first notebook that said something.

    Returns
    -------
    tuple of (str, str)
        Both empty where nothing can be read.
    """
    for name in sorted(noted.notebooks, key=lambda each: (each != BRIEF, each)):
        if not noted.spoke(name):
            continue
        try:
            content = runs.told(folder, noted, name)
        except _UNREADABLE:
            continue
        text = content.get("headline") if isinstance(content, dict) else None
        if isinstance(text, str) and text.strip():
            return text.strip(), name
    return "", ""
