"""What a health colour decides, in words: whether a call pays, or where the chance stands.

The learning layer's names (green, amber, red) stay in files; on a page they read as how likely a
customer is to leave, which they are not: a large contract is red at a small chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MEANING: Final = (
    "Health is 100 less the chance of leaving in percent, so how likely a customer is to stay; "
    "whether a call pays depends on the money as well."
)
_PAYS: Final = {"green": "no", "amber": "perhaps", "red": "surely"}
_STANDS: Final = {"green": "no", "amber": "yes", "red": "by far"}


def title(*, by_play: bool) -> str:
    """Return what a colour answers: a column's name.

    Parameters
    ----------
    by_play : bool
        The colours follow from what a call costs; else from the past share that left.
    """
    return "A call pays" if by_play else "Above the past share"


def words(*, by_play: bool) -> Mapping[str, str]:
    """Return each colour's answer, from green to red; `by_play` as in :func:`title`."""
    return _PAYS if by_play else _STANDS


def answers(*, by_play: bool) -> dict[str, str]:
    """Return each colour's question and answer in one: "a call pays: surely"."""
    asked = title(by_play=by_play)
    asked = asked[:1].lower() + asked[1:]
    return {colour: f"{asked}: {word}" for colour, word in words(by_play=by_play).items()}
