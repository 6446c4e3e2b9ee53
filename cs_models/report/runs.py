"""What stands on the disk of one run: its manifest, and the results that it vouches for.

Grain in: the folder of a run.  Grain out: the checked manifest; the JSON of one notebook's
``results.json``, refused when it is not the file that the run noted.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import pydantic

from cs_models import files
from cs_models.report import results

MANIFEST: Final = "manifest.json"
LARGEST_BYTES: Final = 64_000_000
OK: Final = "ok"


class Strict(pydantic.BaseModel):
    """A part of a file of a run: what is not asked for is left alone, no NaN is taken."""

    model_config = pydantic.ConfigDict(extra="ignore", allow_inf_nan=False)


class NotebookNoted(Strict):
    """What a manifest notes of one notebook.

    Parameters
    ----------
    status : str
        ``ok``, ``failed``, ``waiting``, ``running`` or ``interrupted``.
    reason : str
        Why it is not ``ok``.
    artefacts : dict of str to str
        SHA-256 of each file it left, by path below its folder.
    exit_code : int or None
        What it ended with.
    """

    status: str = ""
    reason: str = ""
    artefacts: dict[str, str] = {}
    exit_code: int | None = None


class Manifest(Strict):
    """What is read of a run's manifest.

    Parameters
    ----------
    run_id, status : str
    as_of : datetime.date
    started_at : str
        ISO instant.
    notebooks : dict of str to NotebookNoted
    parameters : dict of str to dict
        Each notebook's parameters, as plain values.
    inputs : list of dict
        ``path``, ``bytes`` and ``sha256`` of each file of the source.
    parameters_file : str
        The run file, as the project names it.
    all_notebooks : list of str
        Every notebook that the project had, asked for or not; empty in runs of before.
    reason : str
        Why the run did not end well.
    exit_code : int or None
    duration_seconds : float or None
    tables : dict of str to dict
        Rows ``read``, ``kept``, ``quarantined`` and ``excluded`` of each table.
    software : dict
        ``packages`` and the project's ``git`` commit.
    """

    run_id: str
    status: str
    as_of: date
    started_at: str = ""
    notebooks: dict[str, NotebookNoted] = {}
    parameters: dict[str, dict[str, Any]] = {}
    inputs: list[dict[str, Any]] = []
    parameters_file: str = ""
    all_notebooks: list[str] = []
    reason: str = ""
    exit_code: int | None = None
    duration_seconds: float | None = None
    tables: dict[str, dict[str, int]] = {}
    software: dict[str, Any] = {}

    @property
    def pages(self) -> list[str]:
        """The notebooks that ended well, in the order of the run."""
        return [name for name in self.notebooks if self.spoke(name)]

    def spoke(self, name: str) -> bool:
        """Say whether a notebook of the run ended well."""
        return self.notebooks.get(name, NotebookNoted()).status == OK


def manifest(folder: Path) -> Manifest:
    """Read the manifest of a run.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Raises
    ------
    OSError, ValueError, RecursionError
        When it is not there or cannot be read.
    """
    return Manifest.model_validate(_parsed(files.read_at_most(folder / MANIFEST, LARGEST_BYTES)))


def told(folder: Path, noted: Manifest, name: str) -> Any:
    """Read a notebook's results, refused when their hash is not that of the manifest.

    Parameters
    ----------
    folder : Path
        The run's folder.
    noted : Manifest
        The run's manifest.
    name : str
        The notebook, as ``03_churn_predictors``.

    Returns
    -------
    Any
        Strict JSON.

    Raises
    ------
    OSError, ValueError, RecursionError
        When the file is not there, was changed since, has no hash in the manifest, or is no
        strict JSON.
    """
    data = files.read_at_most(folder / name / results.FILE_NAME, LARGEST_BYTES)
    own = noted.notebooks.get(name, NotebookNoted()).artefacts.get(results.FILE_NAME)
    # What a run did not vouch for may be anybody's.
    if own != hashlib.sha256(data).hexdigest():
        raise ValueError("changed since, or never noted")
    return _parsed(data)


def _parsed(data: bytes) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return json.loads(data, parse_constant=refuse)
