"""How far long work is, for whoever listens.

A loop that may take seconds says so in one line, ``for shuffle in progress.through(shuffles,
"shuffled histories")``, and knows no screen.  JupyterLab's face listens (`cs_models.run.lab.bars`);
where nobody does, as in a headless run, the loop runs over its items as they are.  Nothing that is
told here ever changes a number.

There is one listener a process, and only the thread that it listens in is heard: in a notebook a
cell's context of variables ends with the cell, so no context variable can hold it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Listener(Protocol):
    """Whoever shows how far the work is."""

    def heard(self, steps: Sequence[Step]) -> None:
        """Take the steps that are open, the outermost first; none when all have ended."""


@dataclass(eq=False)
class Step:
    """One piece of work of known length.

    Parameters
    ----------
    label : str
        What is counted, in the plural: "shuffled histories".
    total : int
        How many there are; 0 where nobody knows.
    done : int, default 0
        How many are done.
    """

    label: str
    total: int
    done: int = 0

    def advance(self, n: int = 1) -> None:
        """Say that `n` more are done."""
        self.done += n
        if self in _open and _hears():
            _tell()


_open: list[Step] = []
_listener: Listener | None = None
_thread: int | None = None


def listen(listener: Listener | None) -> None:
    """Let `listener` hear what the work of this thread says; None for nobody."""
    global _listener, _thread
    _listener, _thread = listener, threading.get_ident()
    _open.clear()


@contextmanager
def step(label: str, total: int) -> Iterator[Step]:
    """Say that work begins, and that it has ended, well or not.

    Parameters
    ----------
    label : str
        What is counted, in the plural.
    total : int
        How many there are; 0 where nobody knows.

    Yields
    ------
    Step
        ``advance`` it as the work goes on.
    """
    opened = Step(label, total)
    if not _hears():
        yield opened
        return
    _open.append(opened)
    _tell()
    try:
        yield opened
    finally:
        # A generator that was left half-way ends late, after others: by identity, not by place.
        _open[:] = [other for other in _open if other is not opened]
        _tell()


def through(items: Iterable[Item], label: str, total: int = 0) -> Iterator[Item]:
    """Return the items one by one, saying how many are done.

    Parameters
    ----------
    items : iterable
        What is worked off.
    label : str
        What is counted, in the plural.
    total : int, default 0
        How many there are; taken from `items` where they know it.

    Returns
    -------
    iterator
        Over the same items, whoever listens.
    """
    if not _hears():
        return iter(items)
    return _told(items, label, total or (len(items) if isinstance(items, Sequence | range) else 0))


def _told(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    with step(label, total) as opened:
        for item in items:
            yield item
            opened.advance()


def _hears() -> bool:
    return _listener is not None and threading.get_ident() == _thread


def _tell() -> None:
    if _listener is not None:
        _listener.heard(tuple(_open))
