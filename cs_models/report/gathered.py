"""What the other notebooks of the same run said: for pages that build on them.

Grain in: the folder of a notebook in its run, and another notebook's name.  Grain out: that
notebook's ``results.json``, or why it cannot be relied on.

A notebook reads only from its own run, or, where the other is not part of it (one notebook run
alone, or driven by hand in the lab), from the newest complete run that made it, and then only when
that looked back from the same day on the same records, file by file.  Nothing is dropped silently:
what is missing, stale, failed or damaged says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from cs_models import files
from cs_models.data.mapping import Source
from cs_models.errors import CsModelsError
from cs_models.features import adoption
from cs_models.report import results, runs

State = Literal["fresh", "missing", "stale", "failed", "damaged"]

PAGE: Final = "report.html"
THRESHOLDS: Final = adoption.NOTEBOOK
_COMPLETE: Final = "complete"
_REPORTS: Final = "reports"


@dataclass(frozen=True)
class Gathered:
    """What another notebook said, or why that cannot be relied on.

    Attributes
    ----------
    name : str
        The notebook.
    state : {"fresh", "missing", "stale", "failed", "damaged"}
        ``fresh``: of this run, or of the newest run from the same day and records.
    why : str
        In words, empty when fresh.
    content : dict
        Its ``results.json``; empty unless fresh.
    page : str
        Relative link to its page from the folder of the asking notebook; empty unless fresh.
    folder : Path or None
        Its folder; None unless fresh.
    run : str
        The run that made it; empty unless fresh.
    """

    name: str
    state: State
    why: str
    content: dict[str, Any]
    page: str = ""
    folder: Path | None = None
    run: str = ""

    @property
    def fresh(self) -> bool:
        """Say whether it can be relied on."""
        return self.state == "fresh"


class Asking(Protocol):
    """The parameters of a notebook that asks for the definition of adoption in force."""

    @property
    def as_of(self) -> date:
        """Return the day from which it looks back."""

    @property
    def output_dir(self) -> str | None:
        """Return its folder in the run; None in the lab."""

    @property
    def source(self) -> Source:
        """Return where the records are."""

    def definition(self) -> adoption.Definition | None:
        """Return the definition that the run file states, or names an earlier run for."""


def read(output_dir: str | Path | None, name: str, *, as_of: date, source: Source) -> Gathered:
    """Read what another notebook said.

    Parameters
    ----------
    output_dir : str, Path or None
        Folder of the asking notebook in its run; None in the lab.
    name : str
        The other notebook, as ``02_adoption_thresholds``.
    as_of : datetime.date
        The day from which the asking notebook looks back.
    source : Source
        The asking notebook's records: in the lab, where no manifest tells them, another run is
        relied on only when it read these very files.

    Returns
    -------
    Gathered
        Never raises for what stands in the folders.
    """
    own = None if output_dir is None else Path(output_dir).parent
    noted = None if own is None else _manifest(own)
    if own is not None and (noted is None or name in noted.notebooks):
        return _of(own, name, as_of=as_of, inputs=None, link=f"../{name}/{PAGE}")
    newest = _newest(own, name)
    if newest is None:
        return _not(name, "missing", "it is not part of this run, and no complete run has made it")
    inputs = _inputs(source.path) if noted is None else noted.inputs
    link = f"../../{newest.name}/{name}/{PAGE}" if own else ""
    return _of(newest, name, as_of=as_of, inputs=inputs, link=link)


def definition(params: Asking) -> tuple[adoption.Definition | None, str]:
    """Return the definition of adoption in force, and where it is from or why there is none.

    Parameters
    ----------
    params : NotebookParameters
        The asking notebook's parameters.

    Returns
    -------
    tuple of (Definition or None, str)
        What the run file states; else the levels that ``02_adoption_thresholds`` announced in this
        run; else None.  The text says which, or why none.

    Raises
    ------
    ParameterError, DataError
        When the run file names an earlier run that cannot be read.
    """
    stated = params.definition()
    if stated is not None:
        return stated, "stated by the run file"
    found = read(params.output_dir, THRESHOLDS, as_of=params.as_of, source=params.source)
    if found.folder is None:
        return None, f"none is stated, and what {THRESHOLDS} learnt cannot be used: {found.why}"
    try:
        learnt = adoption.from_results(found.folder / results.FILE_NAME)
    except CsModelsError:
        return None, f"none is stated, and {THRESHOLDS} announced no level"
    return learnt, f"the levels that {THRESHOLDS} announced"


# How a notebook ended, by the status that its run noted; of any other, it did not.
_ENDED: Final = {
    "failed": "it failed", "interrupted": "it was interrupted", "waiting": "it was not run",
}  # fmt: skip


def _of(
    folder: Path, name: str, *, as_of: date, inputs: list[dict[str, Any]] | None, link: str
) -> Gathered:
    noted = _manifest(folder)
    if noted is None:
        return _not(name, "damaged", "the manifest of its run cannot be read")
    if noted.as_of != as_of:
        return _not(name, "stale", f"the newest run looks back from {noted.as_of}, not {as_of}")
    if inputs is not None and noted.inputs != inputs:
        return _not(name, "stale", "the newest run read other records")
    own = noted.notebooks[name]
    if own.status != runs.OK:
        reason = own.reason.strip() or "no reason was recorded"
        return _not(name, "failed", f"{_ENDED.get(own.status, 'it did not end')}: {reason}")
    try:
        content = runs.told(folder, noted, name)
    except (OSError, ValueError, RecursionError):
        return _not(name, "damaged", "its results cannot be read, or were changed since")
    if not isinstance(content, dict) or content.get("as_of") != as_of.isoformat():
        return _not(name, "stale", "its results speak of another day")
    return Gathered(name, "fresh", "", content, link, folder / name, noted.run_id)


def _not(name: str, state: State, why: str) -> Gathered:
    return Gathered(name, state, why, {})


def _inputs(source: str) -> list[dict[str, Any]]:
    """Return the files of a source as a manifest notes them."""
    try:
        found = files.inventory(Path(source))
    except OSError:
        found = []
    # A run that noted no file is not known to have read this source.
    return found or [{"path": source}]


def _manifest(folder: Path) -> runs.Manifest | None:
    try:
        return runs.manifest(folder)
    except (OSError, ValueError, RecursionError):
        return None


def _newest(own: Path | None, name: str) -> Path | None:
    """Return the newest complete run with this notebook: beside this run, or around the lab."""
    base = _reports() if own is None else own.parent
    if base is None:
        return None
    runs_made = (path for path in base.iterdir() if path.is_dir() and not path.is_symlink())
    # A run's name begins with the moment in which it began.
    for folder in sorted(runs_made, key=lambda path: path.name, reverse=True):
        noted = _manifest(folder) if folder != own else None
        if noted is not None and noted.status == _COMPLETE and name in noted.notebooks:
            return folder
    return None


def _reports() -> Path | None:
    here = Path.cwd().resolve()
    around = (folder / _REPORTS for folder in (here, *here.parents))
    return next((folder for folder in around if folder.is_dir()), None)
