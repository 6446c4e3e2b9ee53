"""The project's folder and its notebooks.

A project is the nearest folder upwards that holds both ``notebooks/`` and ``parameters/``;
every relative path of a run file starts there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cs_models import errors

_NOTEBOOK = re.compile(r"\d\d_(?P<section>[a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Notebook:
    """A numbered notebook of the project.

    Attributes
    ----------
    name : str
        ``02_adoption_thresholds``.
    section : str
        The name without its number: the section of the run file.
    path : Path
        The file.
    """

    name: str
    section: str
    path: Path


def root(*starts: Path) -> Path:
    """Return the project that holds one of `starts`, the first that is inside a project.

    Raises
    ------
    ParameterError
        When none of them is inside a project.
    """
    for start in starts:
        resolved = start.resolve()
        for folder in (resolved, *resolved.parents):
            if (folder / "notebooks").is_dir() and (folder / "parameters").is_dir():
                return folder
    raise errors.ParameterError(
        "no project here: none of the folders upwards holds both notebooks/ and parameters/",
        where=" and ".join(str(start) for start in starts),
        repair="run the command inside the project, or name a run file that lies inside it",
    )


def inside(path: str, start: Path) -> str:
    """Return `path` taken from the project that holds `start`; as it is outside any project."""
    try:
        return str(root(start) / path)
    except errors.ParameterError:
        return path


def kept_inside(path: str, start: Path, name: str) -> str:
    """Return `path` taken from the project that holds `start`, which it may not leave by a link.

    Parameters
    ----------
    path : str
        A relative path, as it stands in the run file.
    start : Path
        Where to look for the project from.
    name : str
        The parameter, for the refusal.

    Raises
    ------
    ParameterError
        When a link leads it out of the project.
    """
    located = inside(path, start)
    if Path(located).is_absolute() and not Path(located).resolve().is_relative_to(root(start)):
        raise errors.ParameterError(
            f"{name} leads out of the project",
            where=name,
            got=repr(path)[:80],
            repair="a path inside the project",
        )
    return located


def notebooks(folder: Path) -> list[Notebook]:
    """Return the numbered notebooks of the project at `folder`, in order of their names."""
    found = []
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        match = _NOTEBOOK.fullmatch(path.stem)
        if match:
            found.append(Notebook(path.stem, match["section"], path))
    return found


def choose(available: Sequence[Notebook], names: Iterable[str]) -> list[Notebook]:
    """Return the notebooks of these names in the project's order; all when none is named.

    A name is matched as text against the names of the project's notebooks, with or without
    its number or ending; it is never used as a path.

    Raises
    ------
    ParameterError
        When a name matches no notebook, or there is none to run.
    """
    if not available:
        raise errors.ParameterError(
            "there is no notebook to run",
            where="notebooks/",
            repair="a notebook's name is two digits, an underscore and words: 00_data_readiness",
        )
    wanted = {_matching(available, name).name for name in names}
    return [notebook for notebook in available if not wanted or notebook.name in wanted]


def _matching(available: Sequence[Notebook], name: str) -> Notebook:
    plain = name.removeprefix("notebooks/").removesuffix(".ipynb")
    for notebook in available:
        if plain in (notebook.name, notebook.section):
            return notebook
    names = [notebook.name for notebook in available]
    close = difflib.get_close_matches(plain, names, n=1, cutoff=0.5)
    raise errors.ParameterError(
        "there is no such notebook",
        where="notebooks/",
        got=repr(name)[:80],
        repair=f"did you mean {close[0]}?" if close else "allowed: " + ", ".join(names),
    )
