"""Fitted models of staying in one file, and back: plain JSON that carries its own hash.

Grain: models by name in, ``survival.json`` out.  Nothing in the file is ever run: it is numbers and
names.  It is believed as far as it can be checked, in this order: its size and hash before anything
is read any further, its kind and format, and each model's parts (`plain`).  The hash tells what
was damaged or edited; it is no signature.

Source: ``reliability.md`` E9, E10, G7.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from cs_models import files
from cs_models.errors import DataError
from cs_models.learn.hazards import plain
from cs_models.learn.hazards.plain import Model

NAME: Final = "survival.json"
FORMAT: Final = 1
KIND: Final = "models of staying"
REPAIR: Final = "take the models from the run that made them, or run 04_time_to_churn again"
_LARGEST: Final = 64 * 2**20
_PACKAGES: Final = ("cs-models", "numpy", "pandas", "lifelines")


@dataclass(frozen=True)
class Kept:
    """Models of staying as they were stored.

    Attributes
    ----------
    models : dict of str to RenewalHazard, Cox, Accelerated or Sorting
        Their chances equal those before storing to the last digit.
    rule : dict
        When a row was judged and up to which day the history was known.
    schema : dict of str to list of dict
        By model, the columns that it reads: ``plain.schema``, and what else is known of each.
    """

    models: dict[str, Model]
    rule: dict[str, Any]
    schema: dict[str, list[dict[str, Any]]]


def save_models(
    models: Mapping[str, Model],
    folder: Path | str,
    *,
    rule: Mapping[str, Any],
    columns: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write models of staying into a folder, as one JSON file.

    Parameters
    ----------
    models : mapping of str to RenewalHazard, Cox, Accelerated or Sorting
    folder : Path or str
        Made when missing; an earlier file in it is replaced.
    rule : mapping
        Plain values: when a row is judged, from which days it is known.
    columns : mapping of str to mapping, optional
        Of columns that are made from others: how, in plain values.  Stands in the schema.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError
        A model is of no kind that is kept.
    ValueError
        A number is infinite.
    """
    about = columns or {}
    written = {name: plain.of(model) for name, model in models.items()}
    content = {
        "kind": KIND,
        "format": FORMAT,
        "written_with": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        "rule": dict(rule),
        "schema": {
            name: [{**column, **about.get(column["name"], {})} for column in plain.schema(model)]
            for name, model in models.items()
        },
        "models": written,
    }
    # Whatever cannot be written is found here, before an earlier file is touched.
    json.dumps(content, allow_nan=False)
    file = Path(folder) / NAME
    files.write_sealed_json_atomic(file, content)
    return file


def load_models(folder: Path | str) -> Kept:
    """Return the models of a folder.

    Parameters
    ----------
    folder : Path or str
        Of :func:`save_models`.

    Raises
    ------
    DataError
        There is no such file, it was changed, it is of another kind or format, or a model in it
        is not whole.  Nothing of it was run.
    """
    path = Path(folder) / NAME
    try:
        found = files.read_sealed_json(path, largest=_LARGEST)
    except OSError as error:
        raise _refusal("there are no models of staying here", path, type(error).__name__) from error
    except ValueError as error:
        raise _refusal("the file of models is not whole", path, str(error)) from error
    if found.get("kind") != KIND:
        raise _refusal("this is no file of models of staying", path, str(found.get("kind"))[:80])
    if found.get("format") != FORMAT:
        raise _refusal(
            "the models are of a format that this version does not read",
            path,
            f"format {found.get('format')}, written with {found.get('written_with')}"[:200],
        )
    try:
        models = {str(name): plain.restored(one) for name, one in found["models"].items()}
        return Kept(models, dict(found["rule"]), dict(found["schema"]))
    except (ValueError, TypeError, KeyError, AttributeError, DataError) as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise _refusal("a model of the file is not whole", path, got) from error


def _refusal(what: str, path: Path, got: str) -> DataError:
    return DataError(what, where=str(path), got=got, repair=REPAIR)
