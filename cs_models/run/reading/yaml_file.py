"""YAML without surprises.

PyYAML follows YAML 1.1: ``000123`` becomes 83, ``no`` false, ``12:30:45`` 45045 and ``1e5``
text (`reliability.md` B5).  Here a plain word is a number, ``true``, ``false`` or ``null``
only where YAML 1.2 and common sense agree; dates, times, numbers with leading zeros and
everything else stay the text that was typed, so quotes never change a meaning.  Tags,
anchors, merge keys and duplicate keys are refused; mapping keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cs_models import errors
from cs_models.run.reading import values

LARGEST_FILE_BYTES = 1_000_000

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


class Document(NamedTuple):
    """A file's content and the line on which each part of it stands."""

    content: dict[str, Any]
    lines: dict[values.Path, int]


def read(path: Path) -> Document:
    """Read one YAML mapping.

    Parameters
    ----------
    path : Path
        A UTF-8 file of at most 1 MB that holds one mapping.

    Returns
    -------
    Document
        Plain JSON values, and the 1-based line of every key path.

    Raises
    ------
    ParameterError
        When the file is missing, unreadable or not plain YAML, naming the line.
    """
    return parse(_text(path), path.name)


def parse(text: str, name: str) -> Document:
    """Read one YAML mapping from text.

    Parameters
    ----------
    text : str
        What a file would hold.
    name : str
        What a refusal calls it.

    Returns
    -------
    Document
        As `read`.

    Raises
    ------
    ParameterError
        When it is not plain YAML, naming the line.
    """
    try:
        return _Builder(name, text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refusal(name, mark, str(error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise _refusal(name, None, str(error).splitlines()[0]) from None


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise errors.ParameterError(
            "the run file cannot be read",
            where=str(path),
            got=str(error.strerror or error),
            repair="name a YAML file, for example parameters/sample.yml",
        ) from None
    if len(data) > LARGEST_FILE_BYTES:
        raise errors.ParameterError(
            "the run file is too large to be one",
            where=str(path),
            got=f"{len(data)} bytes",
            repair=f"at most {LARGEST_FILE_BYTES} bytes",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise errors.ParameterError(
            "the run file is not UTF-8",
            where=str(path),
            got=f"byte 0x{data[error.start]:02x} at position {error.start}",
            repair="save it as UTF-8",
        ) from None


def _refusal(name: str, mark: Any, problem: str) -> errors.ParameterError:
    where = f"{name}, line {mark.line + 1}" if mark is not None else name
    return errors.ParameterError(f"the run file is not plain YAML: {problem}", where=where)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    """Builds plain values from YAML events; no constructor, no resolver, no alias."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._lines: dict[values.Path, int] = {}

    def document(self) -> Document:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise self._refuse(None, "it is empty")
        first = next(self._events)
        content = self._value(first, ())
        if not isinstance(content, dict):
            raise self._refuse(first, "it must be a mapping of names to values")
        next(self._events)
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise self._refuse(None, "it holds more than one document")
        return Document(content, self._lines)

    def _value(self, event: Any, path: values.Path) -> Any:
        if len(path) > values.DEEPEST:
            raise self._refuse(event, f"it is nested deeper than {values.DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refuse(event, "anchors and aliases are not read; write the value out")
        if event.tag not in (None, "!"):
            raise self._refuse(event, f"tags are not read: {event.tag[:60]}")
        self._lines.setdefault(path, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event) if event.style is None else event.value

    def _mapping(self, path: values.Path) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse(event, "a key must be a word")
            self._value(event, path)  # the same refusals of anchors and tags as for values
            key = event.value
            if key in content:
                raise self._refuse(event, f"the key {key[:60]!r} stands here twice")
            self._lines[(*path, key)] = _line(event)
            content[key] = self._value(next(self._events), (*path, key))
        return content

    def _sequence(self, path: values.Path) -> list[Any]:
        content: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            content.append(self._value(event, (*path, len(content))))
        return content

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            if len(text) > 20:  # more would not be an integer of 64 bits
                raise self._refuse(event, f"an integer of {len(text)} digits")
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
        if _NOT_FINITE.fullmatch(text):
            raise self._refuse(event, f"{text} is not a finite number")
        return text

    def _refuse(self, event: Any, problem: str) -> errors.ParameterError:
        return _refusal(self._name, event.start_mark if event is not None else None, problem)
