"""`--set a.b=value`: the text is read by the declared type of the field, never guessed.

Guessing turns the account ``000123`` into 123 and ``nan`` into a number
(`reliability.md` B4).  Here a text field takes the text as it is, a number field takes a
JSON number, a list takes a JSON list or words between commas, a mapping a JSON mapping.
"""

from __future__ import annotations

import copy
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pydantic

from cs_models import errors
from cs_models.run import parameters
from cs_models.run.reading import about_run, values

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")


def split(assignment: str) -> tuple[tuple[str, ...], str]:
    """Split ``a.b=value`` into its dotted name and its text.

    Raises
    ------
    ParameterError
        When there is no name or no equals sign.
    """
    name, equals, text = assignment.partition("=")
    path = tuple(name.strip().split("."))
    if not equals or not all(path):
        raise errors.ParameterError(
            "--set takes name=value",
            where="--set",
            got=repr(name[:60]),
            repair="for example --set adoption_thresholds.alpha=0.1",
        )
    return path, text


def apply(content: Mapping[str, Any], path: tuple[str, ...], text: str) -> dict[str, Any]:
    """Return a copy of a run file's content with one field set from text.

    Raises
    ------
    ParameterError
        When the text is not a value of the field's declared type.
    """
    annotation = declared(path)
    changed = copy.deepcopy(dict(content))
    if annotation is None:
        return _put(changed, path, text)  # unknown: refused with all other faults later
    try:
        value = parse(text, annotation)
    except ValueError as error:
        raise errors.ParameterError(
            f"{'.'.join(path)} is not allowed as it stands",
            where=f"--set {'.'.join(path)}",
            got=values.shown(text),
            repair=str(error),
        ) from None
    return _put(changed, path, value)


def declared(path: Sequence[str]) -> Any:
    """Return the declared type of a dotted name, None when there is no such field."""
    if path[0] in parameters.SECTIONS:
        if len(path) < 2 or path[1] in parameters.COMMON:
            return None
        return _inside(parameters.SECTIONS[path[0]], path[1:])
    if path[0] in about_run.SECTIONS:
        return _inside(about_run.SECTIONS[path[0]] | None, path[1:])
    return _inside(parameters.NotebookParameters, path)


def parse(text: str, annotation: Any) -> Any:
    """Return `text` as a plain JSON value of a declared type.

    Raises
    ------
    ValueError
        Saying which texts are allowed.
    """
    kinds, optional = _alternatives(annotation)
    if optional and text == "null":
        return None
    refusals = []
    for kind in kinds:
        try:
            return _parser(kind)(text)
        except ValueError as error:
            refusals.append(str(error))
    raise ValueError(" or ".join(dict.fromkeys(refusals)) + (" or null" if optional else ""))


def _inside(model: Any, path: Sequence[str]) -> Any:
    """Walk `path` through models and mappings; None when it leads nowhere."""
    annotation: Any = model
    for name in path:
        kinds, _ = _alternatives(annotation)
        steps = [step for kind in kinds if (step := _step(kind, name)) is not None]
        if not steps:
            return None
        annotation = steps[0]
    return annotation


def _step(kind: Any, name: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        for field_name, field in kind.model_fields.items():
            if name == (field.alias or field_name):
                return field.annotation
        return None
    if typing.get_origin(kind) in (dict, Mapping):
        return typing.get_args(kind)[1]
    return None


def _alternatives(annotation: Any) -> tuple[list[Any], bool]:
    """Return the types of a union without None, and whether None is one of them."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return [annotation], False
    kinds: list[Any] = []
    optional = False
    for part in typing.get_args(annotation):
        inner, inner_optional = _alternatives(part)
        kinds += [kind for kind in inner if kind is not type(None)]
        optional |= inner_optional or part is type(None)
    return kinds, optional


def _parser(kind: Any) -> Callable[[str], Any]:
    origin = typing.get_origin(kind)
    if kind is bool:
        return _boolean
    if kind is int:
        return _integer
    if kind is float:
        return _number
    if kind in (str, date) or origin is typing.Literal:
        return str
    if origin in (tuple, list, Sequence, frozenset, set):
        return lambda text: _list(text, typing.get_args(kind)[0])
    return _mapping


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("a whole number without leading zeros")
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError("a number, for example 0.05")
    return float(text)


def _list(text: str, kind: Any) -> list[Any]:
    if text.lstrip().startswith("["):
        parsed = _json(text, "a list, for example 7,14,30 or [7, 14, 30]")
        if not isinstance(parsed, list):
            raise ValueError("a list, for example 7,14,30 or [7, 14, 30]")
        return parsed
    return [parse(word.strip(), kind) for word in text.split(",")] if text.strip() else []


def _mapping(text: str) -> dict[str, Any]:
    parsed = _json(text, 'a JSON mapping, for example {"path": "data/sample"}')
    if not isinstance(parsed, dict):
        raise ValueError('a JSON mapping, for example {"path": "data/sample"}')
    return parsed


def _json(text: str, allowed: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError(f"{allowed}, each name once")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError(allowed) from None


def _put(content: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    inner = content
    for name in path[:-1]:
        step = inner.get(name)
        if not isinstance(step, dict):
            step = {}
            inner[name] = step
        inner = step
    inner[path[-1]] = value
    return content
