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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import mkstemp
from typing import Any

TEMPORARY_SUFFIX = ".cs-models-tmp"
SEAL = "sha256"
SOURCE_ENDINGS = (".parquet", ".csv", ".csv.gz", ".duckdb", ".db", ".json")


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


def write_sealed_json_atomic(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as :func:`write_json_atomic` does, with the hash of itself in ``sha256``.

    The seal tells damage and edits by hand; it is no signature.

    Raises
    ------
    ValueError
        When a number is not finite.
    """
    # Through JSON first: what is sealed is what a reader will see (tuples become lists).
    plain = json.loads(json.dumps(dict(content), allow_nan=False))
    write_json_atomic(path, {**plain, SEAL: _sealed(plain)})


def read_sealed_json(path: Path, *, largest: int) -> dict[str, Any]:
    """Return what :func:`write_sealed_json_atomic` wrote, without its seal.

    Parameters
    ----------
    path : Path
        The file.
    largest : int
        Bytes beyond which it is not read.

    Raises
    ------
    OSError
        When it cannot be opened.
    ValueError
        When it is too large, is not such a file, or was changed; the message says which.
    """
    data = read_at_most(path, largest)
    try:
        content = json.loads(data)
        seal = content.pop(SEAL)
        whole = seal == _sealed(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("it cannot be read") from error
    if not whole:
        raise ValueError("it was changed: its content has another sha256 than it says")
    return dict(content)


def read_at_most(path: Path, largest: int) -> bytes:
    """Return the bytes of a file of a bounded size.

    Raises
    ------
    OSError
        When it cannot be opened.
    ValueError
        When it is larger.
    """
    with path.open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ValueError(f"it is larger than {largest:,} bytes")
    return data


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inventory(source: Path) -> list[dict[str, Any]]:
    """Return name, size and SHA-256 of the files of a source of records.

    Parameters
    ----------
    source : Path
        A file, or a folder whose data files are listed.

    Returns
    -------
    list of dict
        ``path`` (below the source), ``bytes`` and ``sha256``, ordered by path.  Empty where there
        is no such place.
    """
    if source.is_file():
        return [_listed(source, source.name)]
    found = sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and path.name.lower().endswith(SOURCE_ENDINGS)
    )
    return [_listed(path, path.relative_to(source).as_posix()) for path in found]


def _listed(path: Path, name: str) -> dict[str, Any]:
    seen = path.stat()
    return {"path": name, "bytes": seen.st_size, "sha256": _hashed(path, seen.st_mtime_ns)}


@lru_cache(maxsize=1024)
def _hashed(path: Path, _: int) -> str:
    """Hash a file once for as long as nobody writes it: in the lab it is asked for often."""
    return sha256_of(path)


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


def _sealed(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
