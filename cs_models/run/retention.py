"""Old runs taken away: never the one that `latest` shows, never one that runs, never half of one.

Runs of one run file are counted by themselves: a daily and a weekly report in one folder do not
push each other out.

A run is renamed out of sight in one step and deleted then: whoever opens its pages sees all of
them or none.  What a killed `prune` left out of sight, the next one deletes.  The backtest judges
what earlier runs said, so a run that is taken away is one it can no longer judge.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cs_models import errors
from cs_models.report import over_runs
from cs_models.run import publish

_GONE: Final = ".pruned-"


def old(folder: Path, keep: int) -> list[str]:
    """Return the runs older than the newest `keep` complete ones of their run file, oldest first.

    Parameters
    ----------
    folder : Path
        The folder of the reports.
    keep : int
        Complete runs of all notebooks to keep of each run file, at least 1; its runs of any
        status that are newer than the oldest of them stay too.

    Returns
    -------
    list of str
        None of a run file that has no more complete runs than that.  Folders that are not read as
        a run are never among them.
    """
    found, _ = over_runs.read(folder)
    files = {run.noted.parameters_file for run in found}
    shown = publish.shown_by_latest(folder)
    gone = {
        run.folder.name
        for file in files
        for run in _older([run for run in found if run.noted.parameters_file == file], keep)
        if run.folder.name != shown and run.noted.status != "running"
    }
    return [run.folder.name for run in reversed(found) if run.folder.name in gone]


def _older(found: Sequence[over_runs.Found], keep: int) -> Sequence[over_runs.Found]:
    """Return the runs, newest first, that are older than those kept of one run file."""
    # A run of some of the pages must not push a whole report out.
    complete = [
        run
        for run in found
        if run.complete and set(run.noted.all_notebooks) <= run.noted.notebooks.keys()
    ][:keep]
    if len(complete) < keep:
        return []
    return found[found.index(complete[-1]) + 1 :]


def prune(out: Path, keep: int, *, dry: bool = False) -> list[str]:
    """Take old runs away, and write the index over runs anew.

    Parameters
    ----------
    out : Path
        The folder of the reports.
    keep : int
        Complete runs to keep of each run file, at least 1.
    dry : bool, default False
        Only say which.

    Returns
    -------
    list of str
        The runs that were (or would be) taken away, oldest first.

    Raises
    ------
    ParameterError
        When the folder is not there.
    LockedError
        When a run is writing there.
    """
    if not out.is_dir():
        raise errors.ParameterError(
            "there is no such folder of reports", where="--out", got=str(out),
            repair="name the folder that runs are published in",
        )  # fmt: skip
    folder = publish.open_folder(out)
    with publish.lock(folder):
        names = old(folder, keep)
        if dry:
            return names
        for name in names:
            (folder / name).rename(folder / f"{_GONE}{name}")
        for left in folder.glob(f"{_GONE}*"):
            shutil.rmtree(left)
        if names:
            over_runs.write(folder)
    return names
