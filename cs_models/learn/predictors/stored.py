"""A fitted model in a folder, kept without pickle, and back.

Grain: one model in, one folder out: ``model.json`` (what it reads and how, when a term is judged,
what it learnt from, everything that is plain numbers), ``model.skops`` (boosted trees, when there
are any), ``model_card.json`` and ``model_card.md`` (what it is for, and what not).

A file is believed as far as it can be checked, in this order: the two hashes in ``model.json``,
before anything is parsed any further; the format; the version of scikit-learn that the trees
need; the types that the file of trees names (``trusted``); every index in them (``forest``).  The
hashes tell what was damaged or exchanged; whoever can write both files can also write the hashes,
which is why nothing in them is ever run.

Source: ``reliability.md`` E9, E10, G7.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Protocol

import pandas as pd

from cs_models import files
from cs_models.errors import DataError
from cs_models.learn.predictors import card, forest, schema, trusted
from cs_models.learn.predictors.encoding import Encoder

FORMAT: Final = 1
HEADER: Final = "model.json"
TREES: Final = "model.skops"
_LARGEST_HEADER: Final = 128 * 2**20
_PACKAGES: Final = ("cs-models", "numpy", "scikit-learn", "skops")


class Keepable(Protocol):
    """A fitted model that can be kept: ``churn.Model``."""

    @property
    def level(self) -> str:
        """Return which rung of the ladder it is."""

    @property
    def name(self) -> str:
        """Return the rung in words."""

    @property
    def encoder(self) -> Encoder:
        """Return how panel rows become numbers."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Return how its panel was made: ``frame.attrs["recipe"]``."""

    @property
    def decision_days(self) -> int:
        """Return days before the renewal date on which a term is judged."""

    @property
    def grace_days(self) -> int:
        """Return days in which a late renewal still counted."""

    @property
    def trained_from(self) -> date:
        """Return the first renewal date learnt from."""

    @property
    def trained_to(self) -> date:
        """Return the last renewal date learnt from."""

    @property
    def n_terms(self) -> int:
        """Return how many terms it learnt from."""

    @property
    def n_accounts(self) -> int:
        """Return how many accounts it learnt from."""

    @property
    def n_churned(self) -> int:
        """Return how many of the terms were not renewed."""

    @property
    def random_state(self) -> int:
        """Return where its chance started."""

    def plain(self) -> dict[str, Any]:
        """Return all of it but scikit-learn's estimators, as lists and scalars."""

    def estimators(self) -> list[Any]:
        """Return scikit-learn's estimators that it needs."""


def save(
    model: Keepable,
    folder: Path | str,
    *,
    metrics: pd.DataFrame | None = None,
    by_segment: pd.DataFrame | None = None,
) -> Path:
    """Write a model and its card into a folder.

    Parameters
    ----------
    model : Keepable
        What ``churn.fit`` gave.
    folder : Path or str
        Made when missing; files of an earlier model in it are replaced.
    metrics : pandas.DataFrame, optional
        Out-of-time measures for the card, one row each: metric, value, low, high.
    by_segment : pandas.DataFrame, optional
        The same by segment, one row each: segment and any columns of numbers.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    TypeError
        If it holds an estimator of a kind that is not kept.
    ValueError
        If a number of it is not finite.
    """
    folder = Path(folder)
    estimators = model.estimators()
    trees = trusted.dumps(forest.pack(estimators)) if estimators else None
    made = _header(model, trees)
    told = card.content(made, metrics, by_segment)
    if trees is not None:
        files.write_bytes_atomic(folder / TREES, trees)
    else:
        (folder / TREES).unlink(missing_ok=True)
    files.write_json_atomic(folder / card.JSON_NAME, told)
    files.write_text_atomic(folder / card.TEXT_NAME, card.text(told))
    # Last: a folder whose writing was interrupted holds no header, or one that refuses its trees.
    files.write_sealed_json_atomic(folder / HEADER, made)
    return folder


def read(folder: Path | str) -> tuple[dict[str, Any], list[Any]]:
    """Return what a model wrote: all that is plain, and its estimators.

    Parameters
    ----------
    folder : Path or str
        Of :func:`save`.

    Returns
    -------
    plain : dict
        As the model's ``plain()`` gave it.
    estimators : list
        As the model's ``estimators()`` gave them; predictions equal theirs bit for bit.

    Raises
    ------
    DataError
        If there is no model, it was changed, needs another version, or holds what no churn model
        has.  Nothing of it was run.
    """
    folder = Path(folder)
    found = header(folder)
    kept = found["estimators"]
    if kept is None:
        return found["model"], []
    where = str(folder / TREES)
    try:
        data = files.read_at_most(folder / TREES, trusted.LARGEST_BYTES)
    except OSError as error:
        raise _absent(folder / TREES, error) from error
    except ValueError as error:
        raise trusted.refusal("the model file cannot be read", where, str(error)) from error
    if hashlib.sha256(data).hexdigest() != kept.get("sha256"):
        raise trusted.refusal("the model file was changed", where, "another sha256 than recorded")
    _refuse_other_version(found["written_with"], where)
    try:
        estimators = forest.unpack(trusted.loads(data, where))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise trusted.refusal("the model file cannot be read", where, str(error)[:200]) from error
    return found["model"], estimators


def header(folder: Path | str) -> dict[str, Any]:
    """Return ``model.json``, checked.

    Parameters
    ----------
    folder : Path or str
        Of :func:`save`.

    Returns
    -------
    dict
        ``rule`` (when a term is judged, windows, the panel's recipe), ``schema`` (one item a
        column: ``predictors.schema``), ``training``, ``level``, ``name``, ``written_with``,
        ``estimators`` (name and sha256 of the file of trees, or None), ``model``.

    Raises
    ------
    DataError
        If there is none, it was changed, or is of another format.
    """
    path = Path(folder) / HEADER
    try:
        found = files.read_sealed_json(path, largest=_LARGEST_HEADER)
    except OSError as error:
        raise _absent(path, error) from error
    except ValueError as error:
        got = str(error)
        raise trusted.refusal("the model's description is not whole", str(path), got) from error
    if found.get("format") != FORMAT:
        raise DataError(
            "the model is of a format that this version does not read",
            where=str(path),
            got=f"format {found.get('format')}, written with {found.get('written_with')}"[:200],
            repair=f"format {FORMAT} is read: use the version of cs-models that wrote it, or run "
            "03_churn_predictors again",
        )
    return found


def refused(what: str, folder: Path | str, got: str) -> DataError:
    """Return the refusal of a folder's model, with its repair."""
    return trusted.refusal(what, str(Path(folder) / HEADER), got)


def _header(model: Keepable, trees: bytes | None) -> dict[str, Any]:
    recipe = dict(model.recipe)
    made: dict[str, Any] = {
        "format": FORMAT,
        "written_with": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        "level": model.level,
        "name": model.name,
        "rule": {
            "decision": "before_renewal",
            "decision_days": model.decision_days,
            "grace_days": model.grace_days,
            "window_days": recipe.get("windows_days", []),
            "first_days": recipe.get("first_days", []),
            "recipe": recipe,
        },
        "schema": schema.of(model.encoder),
        "training": {
            "from": model.trained_from.isoformat(),
            "to": model.trained_to.isoformat(),
            "n_terms": model.n_terms,
            "n_accounts": model.n_accounts,
            "n_churned": model.n_churned,
            "seed": model.random_state,
        },
        "estimators": None
        if trees is None
        else {"file": TREES, "bytes": len(trees), "sha256": hashlib.sha256(trees).hexdigest()},
        "model": model.plain(),
    }
    # Whatever cannot be written is found here, before an earlier model is touched.
    json.dumps(made, allow_nan=False)
    return made


def _absent(path: Path, error: OSError) -> DataError:
    return trusted.refusal("there is no model here", str(path), type(error).__name__)


def _refuse_other_version(written_with: Mapping[str, str], where: str) -> None:
    """Refuse trees of another minor version of scikit-learn, whose inner form may differ.

    All else is numbers and names of our own, which no version of a library changes.
    """
    written, here = str(written_with.get("scikit-learn")), metadata.version("scikit-learn")
    if written.split(".")[:2] != here.split(".")[:2]:
        raise DataError(
            "the model's trees were written with another version of scikit-learn",
            where=where,
            got=f"scikit-learn {written} there, {here} here",
            repair=f"install scikit-learn {written}, or run 03_churn_predictors again",
        )
