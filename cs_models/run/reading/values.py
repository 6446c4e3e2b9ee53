"""Plain JSON values: the only ones that cross from a run file into a notebook.

papermill turns tuples, bytes and integer keys into strings without a word, writes ``NaN``
into files that must be JSON and truncates its output on a lone surrogate
(`reliability.md` B6 to B10).  Whatever is not plain is refused here, before a kernel starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

LARGEST_INTEGER = 2**63 - 1
DEEPEST = 20

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One value that cannot be passed on: where it stands, what it is, what is allowed."""

    path: Path
    got: str
    allowed: str
    unknown: bool = False


def faults(value: Any, path: Path = ()) -> Iterator[Fault]:
    """Yield every part of `value` that is not a plain, finite, bounded JSON value.

    Parameters
    ----------
    value : object
        Anything.
    path : tuple of str or int, default ()
        Where `value` stands, for the faults' own paths.

    Yields
    ------
    Fault
        One for each offending part; nothing for plain values.
    """
    if len(path) > DEEPEST:
        yield Fault(path, "a value nested too deeply", f"at most {DEEPEST} levels")
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, str):
                yield from _text_faults(key, path)
                yield from faults(part, (*path, key))
            else:
                yield Fault(path, f"a key of type {type(key).__name__}", "text keys")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from faults(part, (*path, index))
    else:
        yield from _scalar_faults(value, path)


def dotted(path: Path) -> str:
    """Return `path` as a person writes it: ``a.b[0].c``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def shown(value: Any, *, longest: int = 80) -> str:
    """Return `value` shortened for a message, without line breaks or lone surrogates."""
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return f"an integer of {value.bit_length()} bits"
    text = ascii(value) if isinstance(value, str) and _surrogate(value) else repr(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _scalar_faults(value: Any, path: Path) -> Iterator[Fault]:
    if value is None or isinstance(value, bool):
        return
    if type(value) is int:
        if abs(value) > LARGEST_INTEGER:
            yield Fault(path, shown(value), "an integer of at most 19 digits")
    elif type(value) is float:
        if not math.isfinite(value):
            yield Fault(path, repr(value), "a finite number")
    elif type(value) is str:
        yield from _text_faults(value, path)
    else:
        kind = type(value).__name__
        yield Fault(path, f"a {kind}", "text, number, true, false, null, list or mapping")


def _text_faults(text: str, path: Path) -> Iterator[Fault]:
    if _surrogate(text):
        yield Fault(path, "text with a lone surrogate", "text that can be written as UTF-8")
    elif "\0" in text:
        yield Fault(path, "text with a NUL character", "text without NUL")


def _surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
