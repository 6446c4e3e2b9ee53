"""What a file of estimators may hold, and nothing else: read only after that is known.

skops keeps estimators without pickle, yet trusts hundreds of types and functions by default, more
than a churn model has.  Here every type that a file names must stand in :data:`TYPES`, with the
way it is to be read, before skops looks at it; a test holds the list to be exact.

Grain: the bytes of one file in, one object out.

Source: ``reliability.md`` E10, G7.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from cs_models.errors import DataError

_BOOSTING: Final = "sklearn.ensemble._hist_gradient_boosting"
TYPES: Final = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("JsonNode", "builtins.str"),
        ("ListNode", "builtins.list"),
        ("TupleNode", "builtins.tuple"),
        ("TypeNode", "builtins.str"),
        ("NdArrayNode", "numpy.ndarray"),
        ("LossNode", "sklearn._loss._loss.CyHalfBinomialLoss"),
        ("ObjectNode", "sklearn._loss.link.Interval"),
        ("ObjectNode", "sklearn._loss.link.LogitLink"),
        ("ObjectNode", "sklearn._loss.loss.HalfBinomialLoss"),
        ("ObjectNode", f"{_BOOSTING}.binning._BinMapper"),
        ("ObjectNode", f"{_BOOSTING}.gradient_boosting.HistGradientBoostingClassifier"),
        ("ObjectNode", "sklearn.preprocessing._label.LabelEncoder"),
    }
)
LARGEST_BYTES: Final = 512 * 2**20
_SCHEMA: Final = "schema.json"
_LARGEST_SCHEMA: Final = 32 * 2**20
_MOST_MEMBERS: Final = 100_000
_MEMBER: Final = re.compile(r"[0-9]{1,20}\.npy")
REPAIR: Final = "take the model from the run that made it, or run 03_churn_predictors again"


def dumps(estimators: Any) -> bytes:
    """Return an object as the bytes of a file.

    Raises
    ------
    TypeError
        If it holds a type that is not in :data:`TYPES`.
    """
    import skops.io

    data: bytes = skops.io.dumps(estimators, compression=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        strange = _named(json.loads(archive.read(_SCHEMA))) - TYPES
    if strange:
        raise TypeError(f"types that cannot be kept: {', '.join(sorted(t for _, t in strange))}")
    return data


def loads(data: bytes, where: str) -> Any:
    """Return the object in the bytes of a file that names no type beyond :data:`TYPES`.

    Parameters
    ----------
    data : bytes
        The file.
    where : str
        Its name, for the refusal.

    Returns
    -------
    object

    Raises
    ------
    DataError
        If it is no such file, too large, or names another type.  Nothing of it was run.
    """
    import skops.io

    try:
        strange = _named(_schema(data)) - TYPES
        if not strange:
            return skops.io.loads(data, trusted=sorted(name for _, name in TYPES))
    # A crafted file can make the readers of zip, JSON, NumPy and skops raise anything.
    except Exception as error:
        raise refusal("the model file cannot be read", where, type(error).__name__) from error
    listed = ", ".join(sorted({name for _, name in strange})[:5])
    raise refusal("the model file holds what no churn model has", where, listed[:300])


def refusal(what: str, where: str, got: str) -> DataError:
    """Return the refusal of a model file, with its repair."""
    return DataError(what, where=where, got=got, repair=REPAIR)


def _schema(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(set(names)) < len(names) or len(names) > _MOST_MEMBERS:
            raise ValueError("members")
        if not all(name == _SCHEMA or _MEMBER.fullmatch(name) for name in names):
            raise ValueError("members")
        if sum(member.file_size for member in members) > LARGEST_BYTES:
            raise ValueError("size")
        if archive.getinfo(_SCHEMA).file_size > _LARGEST_SCHEMA:
            raise ValueError("size")
        return json.loads(archive.read(_SCHEMA))


def _named(schema: Any) -> set[tuple[str, str]]:
    """Return every (loader, type) that a schema names, wherever it stands."""
    return {
        (str(part.get("__loader__")), f"{part.get('__module__')}.{part.get('__class__')}")
        for part in _parts(schema)
        if {"__loader__", "__module__", "__class__"} & part.keys()
    }


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
