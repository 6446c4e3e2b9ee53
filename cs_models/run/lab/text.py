"""A run file as text: the values of a form, or of a script, with units and help as comments.

Whatever is written here `cs-models` reads back as the same values: words that a reader of YAML
would take for something else stand in quotes, and numbers keep their type.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

import pydantic
import yaml

from cs_models import errors, files
from cs_models.run import parameters
from cs_models.run.lab import described
from cs_models.run.reading import project, run_file, values, yaml_file

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*", re.ASCII)
# What YAML 1.1, 1.2 or a person reads as something else than text.
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
_WIDEST = 100
_NEWLINE = "\n"
_LONGEST_KEY = 900  # beyond 1,024 characters YAML takes no key that stands on its value's line

Sections = Mapping[str, described.Model]


def yaml_text(
    content: Mapping[str, Any],
    *,
    top: described.Model = parameters.NotebookParameters,
    sections: Sections = parameters.SECTIONS,
) -> str:
    """Return the content of a run file as text, with a comment at each declared name.

    Parameters
    ----------
    content : mapping
        Values by name: the common ones, and a mapping for each section.  Beside plain JSON values
        dates, exact numbers, tuples, paths and parameter models, as a script has them; every name
        is written, also where its value is the default.
    top : type of pydantic model
        Declares the common names.
    sections : mapping of str to type of pydantic model
        Declare the names of the sections.

    Raises
    ------
    ParameterError
        When a value is none that a run file can hold.
    """
    content = values_of(content)
    if faults := list(values.faults(content)):
        from cs_models.run.reading import complaints

        raise complaints.ParameterFaults(faults)
    lines: list[str] = []
    for name, value in content.items():
        if name in sections:
            lines += ["", *_entry(name, value, 0, sections[name], "")]
        else:
            lines += _entry(name, value, 0, *_below(top, name))
    return "\n".join(lines).lstrip("\n") + "\n"


def write(content: Mapping[str, Any], path: Path | str, *, replace: bool = False) -> Path:
    """Check the content of a run file and write it, all of it or nothing.

    Parameters
    ----------
    content : mapping
        As for :func:`yaml_text`.
    path : Path or str
        A ``.yml`` file inside a project.
    replace : bool, default False
        Whether a file that is there may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        When `cs-models run` would refuse the content, when it holds what looks like a secret, or
        when the file is there and may not be replaced; nothing is written then.
    """
    target, content = Path(path), values_of(content)
    run_file.checked(content, project.root(target.parent, Path.cwd()))
    if target.suffix not in (".yml", ".yaml"):
        raise _refused("a run file's name ends in .yml", target, "for example parameters/mine.yml")
    if target.exists() and not replace:
        raise _refused("this file is there already", target, "another name, or allow replacing it")
    text = yaml_text(content)
    # What a person has entered must not be what another program reads differently.
    if yaml_file.parse(text, target.name).content != content:
        raise _refused("a value would not be read back as it is", target, "plain text and numbers")
    files.write_text_atomic(target, text)
    return target


def values_of(content: Any) -> Any:
    """Return values as a file gives them back: a day as ISO text, an exact number as its digits.

    What a run file cannot hold, such as a moment of a day, stays as it is, to be refused by name.
    """
    if isinstance(content, Mapping):
        return {name: values_of(value) for name, value in content.items()}
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        return [values_of(value) for value in content]
    if isinstance(content, pydantic.BaseModel):
        return content.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(content, date) and not isinstance(content, datetime):
        return content.isoformat()
    if isinstance(content, PurePath):
        return content.as_posix()
    return str(content) if isinstance(content, Decimal) else content


def _refused(what: str, path: Path, repair: str) -> errors.ParameterError:
    return errors.ParameterError(what, where=str(path), repair=repair)


def block(value: Any) -> str:
    """Return a mapping or a list as YAML lines that begin at the margin."""
    if not _is_block(value):
        return flow(value)
    lines = list(_entry("value", value, 0, None, ""))[1:]
    return textwrap.dedent("\n".join(lines))


def _below(model: described.Model | None, name: str) -> tuple[described.Model | None, str]:
    """Return the model of a field's own fields, None when it has none, and the field's comment."""
    if model is None or name not in described.fields(model):
        return None, ""
    field = described.fields(model)[name]
    told = described.kind_of(field)
    inner = told.type if described.is_model(told.type) else None
    allowed, about = described.allowed(field), described.help_line(model, name)
    return inner, "; ".join(filter(None, (allowed, about)))


def _entry(
    name: str, value: Any, depth: int, inner: described.Model | None, comment: str
) -> Iterator[str]:
    """Yield the lines of one name and its value, comments on the line or before it."""
    indent, key = "  " * depth, scalar(name)
    mark = f"{indent}{key}:"
    if len(key) > _LONGEST_KEY:
        yield f"{indent}? {key}"
        mark = f"{indent}:"
    if isinstance(value, str) and _is_literal(value):
        yield from _commented(
            f"{mark} {'|' if value.endswith(_NEWLINE) else '|-'}", indent, comment
        )
        yield from (f"{indent}  {line}".rstrip(" ") for line in value.splitlines())
        return
    if not _is_block(value):
        yield from _commented(f"{mark} {flow(value)}", indent, comment)
        return
    yield from _commented(mark, indent, comment)
    if isinstance(value, Mapping):
        for own, part in value.items():
            yield from _entry(own, part, depth + 1, *_below(inner, own))
        return
    for part in value:
        lines = list(_item(part, depth + 2))
        yield f"{indent}  - {lines[0].strip()}" if lines else f"{indent}  - {flow(part)}"
        yield from lines[1:]


def _item(part: Any, depth: int) -> Iterator[str]:
    if isinstance(part, Mapping):
        for own, value in part.items():
            yield from _entry(own, value, depth, None, "")


def _commented(line: str, indent: str, comment: str) -> Iterator[str]:
    told = " ".join(comment.split())
    if not told:
        yield line
    elif len(line) + len(told) + 4 > _WIDEST:
        yield from (f"{indent}# {part}" for part in textwrap.wrap(told, _WIDEST - len(indent) - 2))
        yield line
    else:
        yield f"{line}  # {told}"


def _is_block(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value)


def _is_literal(value: str) -> bool:
    """Tell whether a text of several lines reads back from a block as it is."""
    lines = value.removesuffix(_NEWLINE).split(_NEWLINE)
    plain = all(line.isprintable() and line == line.rstrip() for line in lines)
    return len(lines) > 1 and plain and bool(lines[0][:1].strip()) and bool(lines[-1])


def flow(value: Any) -> str:
    """Return a scalar, an empty mapping or a list of scalars on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """Return one plain value as YAML that is read back as the same value of the same type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return str(value)
    quoted = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9)
    return str(quoted).removesuffix("\n")
