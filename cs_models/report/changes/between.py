"""What changed from one run to the next, in sentences that say what is news and what is not.

Grain in: two runs of the same question.  Grain out: one :class:`Change` a thing that moved, those
that are news first.  A number that moved within the interval that the earlier run gave for it is
said to be no news: it is what the interval was for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pydantic

from cs_models import files
from cs_models.report import runs
from cs_models.report.changes import answers, customers, records, said
from cs_models.report.changes.change import Change
from cs_models.report.changes.said import Said

FILE_NAME: Final = "changes.json"
_LARGEST: Final = 1_000_000
_TOPICS: tuple[Callable[[Said, Said], list[Change]], ...] = (
    answers.levels,
    answers.verdicts,
    customers.at_risk,
    answers.forecasts,
    answers.came_true,
    answers.definition,
    records.questions,
    records.rows,
    records.settings,
)


@dataclass(frozen=True)
class Changes:
    """What changed since the run before.

    Attributes
    ----------
    against : str
        The folder of the run compared with; empty where there is none.
    against_as_of : str
        The day from which that one looked back.
    summary : str
        One sentence: how much is news, or that nothing moved.
    changes : tuple of Change
        News first.
    """

    against: str
    against_as_of: str
    summary: str
    changes: tuple[Change, ...] = ()

    @property
    def n_news(self) -> int:
        """How many of them are news."""
        return sum(change.news for change in self.changes)


FIRST: Final = Changes("", "", "There is no earlier complete run of this question to compare with.")
LATER_ONLY: Final = Changes(
    "", "", "Nothing to compare with: the other complete runs of this question look back from a "
    "later day.",
)  # fmt: skip


def compare(earlier: Said, later: Said) -> Changes:
    """Say what changed from one run to the next.

    Parameters
    ----------
    earlier, later : Said
        Two runs of the same question.

    Returns
    -------
    Changes
    """
    found = [change for topic in _TOPICS for change in topic(earlier, later)]
    found += _unread(earlier, "the earlier run") + _unread(later, "this run")
    ordered = sorted(found, key=lambda change: not change.news)
    as_of = earlier.noted.as_of.isoformat()
    return Changes(earlier.name, as_of, _summary(earlier, later, ordered), tuple(ordered))


def since(folder: Path) -> Changes:
    """Say what changed since the run before, among the runs beside a run's folder.

    Parameters
    ----------
    folder : Path
        The run's folder; its manifest stands on the disk.

    Returns
    -------
    Changes
        :data:`FIRST` where there is nothing to compare with, :data:`LATER_ONLY` where all there
        is looks back from a later day.
    """
    noted = said.manifest(folder)
    if noted is None:
        return FIRST
    beside = (path for path in folder.parent.iterdir() if path.is_dir() and not path.is_symlink())
    others = ((path, other) for path in beside if (other := said.manifest(path)) is not None)
    return against(folder, noted, others)


def against(
    folder: Path, noted: runs.Manifest, others: Iterable[tuple[Path, runs.Manifest]]
) -> Changes:
    """Say what changed since the run before, which is chosen by ``said.before``.

    Parameters
    ----------
    folder : Path
        The run's folder.
    noted : Manifest
        Its manifest.
    others : iterable of (Path, Manifest)
        Runs of the same folder of reports.
    """
    known = list(others)
    earlier = said.before(noted, folder.name, known)
    if earlier is None:
        return LATER_ONLY if said.later_only(noted, folder.name, known) else FIRST
    return compare(said.read(*earlier), said.read(folder, noted))


def write(folder: Path, changes: Changes) -> None:
    """Keep what changed beside a run, sealed, so that nothing has to be compared again."""
    files.write_sealed_json_atomic(folder / FILE_NAME, asdict(changes))


def kept(folder: Path) -> Changes | None:
    """Return what was kept beside a run; None where it is not there, torn or was changed."""
    try:
        content = files.read_sealed_json(folder / FILE_NAME, largest=_LARGEST)
        return pydantic.TypeAdapter(Changes).validate_python(content)
    except (OSError, ValueError, RecursionError):
        return None


def _unread(run: Said, which: str) -> list[Change]:
    if not run.unread:
        return []
    names = ", ".join(run.unread)
    return [Change("Records", f"Not compared, as {which} cannot be read there: {names}.", True)]


def _summary(earlier: Said, later: Said, found: Sequence[Change]) -> str:
    same = records.same(earlier, later)
    moved = [change for change in found if change.topic != records.SETTINGS]
    news = sum(change.news for change in moved)
    if same and not moved:
        return "Same data, same answers: records and day are as they were, and nothing moved."
    if same:
        return "The records and the day are as they were; what moved all the same is listed here."
    if all(change.topic == records.RECORDS for change in moved) and not news:
        return "The records moved; no answer did."
    if not news:
        return "The records moved; the answers stayed within what was said before."
    return f"{news} thing{' is' if news == 1 else 's are'} news."
