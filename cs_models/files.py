"""Files that are either whole or absent.

Every artefact goes through a temporary file in the folder of its target, is flushed to the
disk and then renamed over it, so that a crash, a kill or a full disk leaves the previous
file as it was (``os.replace`` is atomic within one file system).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Any

TEMPORARY_SUFFIX = ".cs-models-tmp"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on a clean exit it replaces `path`.

    Use it where a library insists on writing the file itself (Parquet, notebooks).

    Parameters
    ----------
    path : Path
        The file to be made or replaced.  Its folder is made when missing.

    Yields
    ------
    Path
        An empty temporary file in the same folder.

    Raises
    ------
    OSError
        When the disk is full or the folder is not writable; `path` is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(prefix=f".{path.name[:64]}.", suffix=TEMPORARY_SUFFIX, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only the owner can read; reports are meant to be read.
        temporary.chmod(0o644)
        _sync(temporary)
        os.replace(temporary, path)  # noqa: PTH105 - the one call whose atomicity we rely on
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`, all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text_atomic(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, all of it or nothing.

    Raises
    ------
    UnicodeEncodeError
        When `text` holds a lone surrogate; `path` is untouched.
    """
    write_bytes_atomic(path, text.encode("utf-8"))


def write_json_atomic(path: Path, content: Any) -> None:
    """Write `content` to `path` as strict JSON with sorted keys.

    Raises
    ------
    ValueError
        When a number is not finite: ``NaN`` is not JSON, and a reader would choke on it.
    """
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, indent=2, sort_keys=True)
    write_text_atomic(path, text + "\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def slug(text: str, *, longest: int = 60) -> str:
    """Return `text` as a file name of lower-case ASCII letters, digits and dashes.

    A name that loses anything on the way gets eight digits of its hash, so that two
    different texts never share a slug.
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")[:longest].strip("-")
    if plain and plain == text:
        return plain
    return f"{plain or 'unnamed'}-{hashlib.sha256(text.encode('utf-8')).hexdigest()[:8]}"


def sweep_temporary(folder: Path) -> int:
    """Remove temporary files that a killed run left anywhere under `folder`; return how many."""
    left = list(folder.rglob(f".*{TEMPORARY_SUFFIX}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
