"""Files that are what they were when somebody wrote them down.

A folder may carry ``checksums.json``::

    {"files": {"events.parquet": {"sha256": "9f86d0…", "rows": 1200}}}

A truncated CSV and a flipped bit in a Parquet page both read without an error; with this file
present neither gets in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cs_models.errors import DataError
from cs_models.files import sha256_of

NAME = "checksums.json"


def verify(folder: Path, files: Iterable[Path]) -> Mapping[Path, int]:
    """Compare the files about to be read with the folder's ``checksums.json``, when it has one.

    Parameters
    ----------
    folder : Path
        The source's folder.
    files : iterable of Path
        Files in it that will be read.

    Returns
    -------
    mapping of Path to int
        Rows that the file of each path is said to hold, where that is said.

    Raises
    ------
    DataError
        When a file's bytes are not the bytes written down, or the list itself is broken.
    """
    listed = _listed(folder / NAME)
    rows = {}
    for file in files:
        entry = listed.get(file.relative_to(folder).as_posix())
        if entry is None:
            continue
        expected = entry.get("sha256")
        if expected is not None and sha256_of(file) != str(expected).lower():
            raise DataError(
                "a file is not what it was when its checksum was written",
                where=str(file),
                got=f"{file.stat().st_size:,} bytes with another sha256",
                repair=f"copy the file again, or renew {NAME} if the change is meant",
            )
        if isinstance(entry.get("rows"), int):
            rows[file] = entry["rows"]
    return rows


def _listed(path: Path) -> Mapping[str, Mapping[str, Any]]:
    if not path.exists():
        return {}
    try:
        files = json.loads(path.read_bytes())["files"]
        return {str(name): dict(entry) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "the list of checksums cannot be read",
            where=str(path),
            got=repr(error),
            repair='write {"files": {"events.parquet": {"sha256": "…", "rows": 0}}}, or remove it',
        ) from error
