"""What a field of a parameter model is, in words: for a form's help and a run file's comments.

The models are the only place where defaults, ranges and help lines live.  A field without a help
line of its own takes the one of its class's numpydoc ``Parameters`` section.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pydantic
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Model = type[pydantic.BaseModel]


class Kind(NamedTuple):
    """A declared type without its wrappers.

    Attributes
    ----------
    type : object
        The type itself; a union of several when there are several.
    optional : bool
        Whether None is allowed.
    metadata : tuple
        Bounds and validators around it, the outermost last.
    """

    type: Any
    optional: bool
    metadata: tuple[Any, ...]


def fields(model: Model) -> dict[str, FieldInfo]:
    """Return the fields of a model under the names that stand in a run file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def kind(annotation: Any, metadata: tuple[Any, ...] = ()) -> Kind:
    """Return what a declared type is below ``Annotated`` and ``| None``."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *outer = typing.get_args(annotation)
        metadata = (*_flat(outer), *metadata)
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return Kind(annotation, annotation is type(None), metadata)
    parts = [part for part in typing.get_args(annotation) if part is not type(None)]
    optional = len(parts) < len(typing.get_args(annotation))
    if len(parts) > 1:
        return Kind(typing.Union[tuple(parts)], optional, metadata)  # noqa: UP007 - made at run time
    inner = kind(parts[0], metadata)
    return Kind(inner.type, optional or inner.optional, inner.metadata)


def kind_of(field: FieldInfo) -> Kind:
    """Return what a field's declared type is."""
    return kind(field.annotation, tuple(field.metadata))


def is_model(annotation: Any) -> bool:
    """Tell whether a type is a parameter model."""
    return isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)


def default(field: FieldInfo) -> Any:
    """Return a field's default as a plain JSON value; None for one that is required."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return None
    return pydantic.TypeAdapter(Any).dump_python(value, mode="json", by_alias=True)


def help_line(model: Model, name: str) -> str:
    """Return what a field is for, on one line; empty when nobody says it."""
    own = fields(model)[name].description or _documented(model).get(name.rstrip("_"), "")
    return " ".join(own.replace("`", "").split()).removesuffix(".")


def unit(field: FieldInfo) -> str:
    """Return the unit of a field in words; empty when it has none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, Mapping) else ""


def has_lines(field: FieldInfo) -> bool:
    """Tell whether a text is usually longer than one line."""
    extra = field.json_schema_extra
    return isinstance(extra, Mapping) and bool(extra.get("lines"))


def defaults(model: Model) -> dict[str, Any]:
    """Return the defaults that say something, as plain values; not null, not empty."""
    found = {name: default(field) for name, field in fields(model).items()}
    return {name: value for name, value in found.items() if value not in (None, [], {}, "")}


def allowed(field: FieldInfo) -> str:
    """Return the range or the words that a field allows, with its unit: ``14 to 180 days``.

    Empty where only its validators know.
    """
    told, own_unit = kind_of(field), unit(field)
    words = _range(told.metadata)
    if words:
        return f"{words} {own_unit}".strip()
    items = typing.get_args(told.type)
    if typing.get_origin(told.type) in (tuple, list) and items:
        inner = kind(items[0])
        listed = _literals(inner.type) or _range(inner.metadata)
        return f"{own_unit}, each {listed}".lstrip(", ") if listed else own_unit
    return _literals(told.type) or own_unit


def _literals(annotation: Any) -> str:
    if typing.get_origin(annotation) is not typing.Literal:
        return ""
    words = [str(word) for word in typing.get_args(annotation)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _range(metadata: tuple[Any, ...]) -> str:
    found: dict[str, Any] = {}
    for part in metadata:
        for name in ("ge", "gt", "le", "lt"):
            if getattr(part, name, None) is not None:
                found[name] = getattr(part, name)
    low = _number(found["ge"]) if "ge" in found else ""
    high = _number(found["le"]) if "le" in found else ""
    if low and high:
        return f"{low} to {high}"
    least = f"at least {low}" if low else f"above {_number(found['gt'])}" if "gt" in found else ""
    most = f"at most {high}" if high else f"below {_number(found['lt'])}" if "lt" in found else ""
    return " and ".join(filter(None, (least, most)))


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _flat(metadata: list[Any]) -> Iterator[Any]:
    """Yield metadata with the bounds of a ``Field`` in place of the field."""
    for part in metadata:
        yield from part.metadata if isinstance(part, FieldInfo) else (part,)


_NAMED = re.compile(r"^(\w[\w, ]*?) : .*$")


def _documented(model: Model) -> dict[str, str]:
    """Return the ``Parameters`` section of a class's docstring, by name."""
    lines = iter((inspect.getdoc(model) or "").splitlines())
    found: dict[str, list[str]] = {}
    for line in lines:
        if line == "Parameters" and set(next(lines, "")) == {"-"}:
            break
    names: list[str] = []
    for line in lines:
        if line and set(line) == {"-"}:
            break
        if named := _NAMED.match(line):
            names = [name.strip() for name in named[1].split(",")]
            found |= {name: [] for name in names}
        elif line.startswith("    "):
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(words) for name, words in found.items()}
