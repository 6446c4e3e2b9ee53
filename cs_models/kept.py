"""What one run has worked out once, its other notebooks read instead of working it out again.

A run's notebooks are processes of their own, and most of them begin alike: the same source, the
same cohort, the same panel, the same guards.  Within a run each of these is worked out by the
first process that asks, under a lock, written into the run's scratch folder, and read by all,
the first one included.  Its name is a hash of everything that decides it; the code cannot change
within a run, and nothing outlives it.  Where no run says so (`VARIABLE`, `within`) there is no
folder, nothing is written, and everything is worked out where it is asked for: a notebook opened
by hand does so, and must get the same.

Only what reads back exactly as it was is kept, so that a kept frame cannot be told from one just
made.  A disk that is full costs time and nothing else.

Source: docs/decisions/0011-worked-out-once-a-run.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather

VARIABLE: Final = "CS_MODELS_KEPT"
"""Environment variable with the folder; the run sets it for its workers and their kernels."""

_ATTRS: Final = b"cs_models_attrs"
_PLAIN: Final = "plain.json"
_here: list[Path] = []


def folder() -> Path | None:
    """Return where this run keeps what it worked out; None outside of a run."""
    if _here:
        return _here[-1]
    named = os.environ.get(VARIABLE, "")
    return Path(named) if named and Path(named).is_dir() else None


@contextlib.contextmanager
def within(place: Path) -> Iterator[None]:
    """Keep in `place` what this process works out meanwhile.

    Parameters
    ----------
    place : Path
        An existing folder that nobody else can read; whoever made it removes it.
    """
    _here.append(place)
    try:
        yield
    finally:
        _here.pop()


def name(*decides: object) -> str:
    """Return one name for everything that decides an answer.

    Parameters
    ----------
    *decides : object
        JSON values; others count by their text, as dates do.

    Returns
    -------
    str
        64 hexadecimal digits; another one when anything differs.
    """
    text = json.dumps(decides, default=str, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def once(named: str, write: Callable[[Path], bool]) -> Path | None:
    """Return the path of what has this name, written by the first process that asks for it.

    Parameters
    ----------
    named : str
        From `name`.
    write : callable
        Writes a file or a folder at the path that it is given, and tells whether it may be kept.

    Returns
    -------
    Path or None
        Whole, and never changed again; None outside of a run, where `write` said no, and where
        the disk refused: then `write` may have been called all the same.

    Raises
    ------
    Exception
        Whatever `write` raises but OSError; nothing is kept then.
    """
    place = folder()
    if place is None:
        return None
    path, part = place / named, place / f"{named}.part"
    if path.exists():
        return path
    try:
        with filelock.FileLock(place / f"{named}.lock"):
            if path.exists():
                return path
            try:
                if write(part):
                    part.rename(path)
            finally:
                _remove(part)
    except OSError:
        return None
    return path if path.exists() else None


def frame(named: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return a frame, made by the first process of this run that asks for it.

    Parameters
    ----------
    named : str
        From `name`; empty where the frame must not be kept.
    make : callable
        Makes it.

    Returns
    -------
    pandas.DataFrame
        What `make` returns: the same values, types, index and ``attrs``, and writeable.

    Raises
    ------
    Exception
        Whatever `make` raises; nothing is kept then.
    """
    if not named or folder() is None:
        return make()
    made: list[pd.DataFrame] = []

    def write(path: Path) -> bool:
        made.append(make())
        return _written(made[0], path) and same(made[0], _read(path))

    path = once(named, write)
    if path is not None:
        return _read(path)
    return made[0] if made else make()


def bundle(
    named: str, make: Callable[[], tuple[dict[str, pd.DataFrame], Any]]
) -> tuple[dict[str, pd.DataFrame], Any]:
    """Return several frames that are made together, and what belongs to them.

    Parameters
    ----------
    named : str
        From `name`; empty where they must not be kept.
    make : callable
        Makes the frames by name, and a JSON value.

    Returns
    -------
    tuple of (dict of str to pandas.DataFrame, Any)
        What `make` returns.

    Raises
    ------
    Exception
        Whatever `make` raises; nothing is kept then.
    """
    if not named or folder() is None:
        return make()
    made: list[tuple[dict[str, pd.DataFrame], Any]] = []

    def write(path: Path) -> bool:
        made.append(make())
        frames, plain = made[0]
        path.mkdir()
        text = json.dumps(plain)
        (path / _PLAIN).write_text(text, encoding="utf-8")
        return json.loads(text) == plain and all(
            _written(table, path / told) and same(table, _read(path / told))
            for told, table in frames.items()
        )

    path = once(named, write)
    if path is None:
        return made[0] if made else make()
    told = sorted(part.name for part in path.iterdir() if part.name != _PLAIN)
    plain = json.loads((path / _PLAIN).read_text(encoding="utf-8"))
    return {name: _read(path / name) for name in told}, plain


def content(table: pd.DataFrame) -> str:
    """Return a name for the content of a frame: values, types, index and ``attrs``.

    Returns
    -------
    str
        64 hexadecimal digits; empty for a frame that cannot be kept.
    """
    try:
        kept = _arrow(table)
    except (pa.ArrowException, TypeError, ValueError):
        return ""
    digest = hashlib.sha256()
    sink = pa.PythonFile(_Digest(digest), mode="w")
    with pa.ipc.new_stream(sink, kept.schema) as stream:
        stream.write_table(kept)
    return digest.hexdigest()


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Tell whether two frames cannot be told apart by values, types, index or ``attrs``.

    Stricter than ``DataFrame.equals``: None is not NaN, 1.0 is not 1.00, -0.0 is not 0.0.
    """
    alike = (
        one.shape == other.shape
        and list(one.dtypes) == list(other.dtypes)
        and type(one.index) is type(other.index)
        and one.index.equals(other.index)
        and one.index.names == other.index.names
        and one.columns.identical(other.columns)
        and one.attrs == other.attrs
    )
    return alike and all(
        _same_column(one.iloc[:, place], other.iloc[:, place]) for place in range(one.shape[1])
    )


def _same_column(one: pd.Series, other: pd.Series) -> bool:
    if one.dtype == object:
        return all(
            type(a) is type(b) and (a is b or str(a) == str(b))
            for a, b in zip(one, other, strict=True)
        )
    if isinstance(one.dtype, np.dtype) and one.dtype.kind == "f":
        a, b = one.to_numpy(), other.to_numpy()
        told = ~np.isnan(a)
        return bool(
            np.array_equal(a, b, equal_nan=True)
            and np.array_equal(np.signbit(a[told]), np.signbit(b[told]))
        )
    return bool(one.equals(other))


def _written(table: pd.DataFrame, path: Path) -> bool:
    try:
        feather.write_feather(_arrow(table), str(path), compression="lz4")
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, OSError):
            raise
        return False  # cells that Arrow or JSON does not know
    return True


def _read(path: Path) -> pd.DataFrame:
    kept = feather.read_table(str(path), memory_map=False)
    attrs: dict[Any, Any] = json.loads(kept.schema.metadata[_ATTRS])
    # Arrow hands out columns that cannot be written to; a copy can.
    table: pd.DataFrame = kept.to_pandas().copy()
    table.attrs = attrs
    return table


def _arrow(table: pd.DataFrame) -> pa.Table:
    """Return the frame as Arrow, its ``attrs`` as JSON beside pandas' own notes on its types."""
    bare = table.copy(deep=False)
    bare.attrs = {}
    kept = pa.Table.from_pandas(bare)
    attrs = json.dumps(table.attrs, ensure_ascii=False, sort_keys=False)
    return kept.replace_schema_metadata({**(kept.schema.metadata or {}), _ATTRS: attrs.encode()})


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class _Digest:
    """A file that only remembers the hash of what is written to it."""

    closed = False

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def write(self, data: Any) -> int:
        """Add bytes to the hash."""
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def close(self) -> None:
        """Do nothing: there is no file."""
