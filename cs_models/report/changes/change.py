"""One thing that moved between two runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One thing that moved.

    Attributes
    ----------
    topic : str
        What it is about, in one or two words.
    text : str
        A sentence.
    news : bool
        False where it moved within what the earlier run had allowed for.
    notebook : str
        Whose page tells more; empty for none.
    """

    topic: str
    text: str
    news: bool
    notebook: str = ""
