"""How numbers and names stand in a sentence: chances, levels, lists, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cs_models.report.display import Number, Statement, num
from cs_models.report.evidence import anchors
from cs_models.report.page import lint
from cs_models.report.values import integer, interval, number, percent, points

Part = str | Number
ENOUGH = 0.1  # below this a chance is written with a digit after the point, and below ENOUGH / 100
FINE = 0.001  # with two
_HALF = 0.5  # of a history: none matched, whatever the rounding of the chance
LEAST = 0.0001  # and below this, only that it is below


def linked(words: str, table: str) -> Number:
    """Return words that link to a table of the page, named as in ``anchors``."""
    return num(words, anchors.link(table))


def cited(table: str, *parts: Part) -> list[Part]:
    """Return parts of a sentence whose numbers all link: those that do not yet, to `table`.

    Parameters
    ----------
    table : str
        Name of the table of the page in which they can be seen.
    *parts : str or Number
        What already links is kept as it is, and so are dates and names of intervals, which
        the page asks no source of.
    """
    said: list[Part] = []
    for part in parts:
        if isinstance(part, Number):
            said.append(part)
            continue
        at = 0
        for start, end in lint.spans(part):
            # The finding stays in bold; what stands beside it, its interval and n, does not.
            said += [part[at:start], num(part[start:end], anchors.link(table), strong=False)]
            at = end
        said.append(part[at:])
    return [part for part in said if part]


def chance(probability: float) -> str:
    """Write a probability (0 to 1) with as many digits as tell it from nothing."""
    if 0 <= probability < LEAST:
        return f"under {percent(LEAST, 2)}"
    return percent(probability, 0 if probability >= ENOUGH else 1 if probability >= FINE else 2)


def share_of_shuffled(probability: float, n: int) -> str:
    """Say in how many of `n` shuffled histories chance matched what was found.

    Parameters
    ----------
    probability : float
        What the shuffles gave: one more than those that matched, over one more than all.
    n : int
        Shuffled histories.

    Returns
    -------
    str
        "none of 1,999 shuffled histories" where none matched: a share would be of none; else
        "0.3 % of histories".
    """
    if n > 0 and probability * (n + 1) < 1 + _HALF:
        return f"none of {integer(n)} shuffled histories"
    return f"{chance(probability)} of histories"


def histories(probability: float, n: int, table: str) -> list[Part]:
    """Return :func:`share_of_shuffled` as parts of a sentence, a share linked to `table`."""
    said = share_of_shuffled(probability, n)
    return cited(anchors.CHANCE if said.startswith("none") else table, said)


def amount(value: float) -> str:
    """Write a level of use, at most four digits."""
    return f"{value:,.4g}"


def gap(rule: Mapping[str, Any]) -> tuple[str, str]:
    """Return a rule's gap among like customers, and its interval, seen from the better side."""
    size, low, high = rule["lift_within_strata"], rule["lift_low"], rule["lift_high"]
    if rule["direction"] == "at_most":
        size, low, high = -size, -high, -low
    between = interval(low, high, "points").replace("+", "").replace(" to ", " and ")
    return lift(size), between


def lift(size: float) -> str:
    """Write a gap in renewal rates (0 to 1) in whole points, without a plus."""
    return points(size, 0).lstrip("+")


def pairs(share: float) -> str:
    """Write a share (0 to 1) as a whole number of 100."""
    return number(100 * share, 0)


def decapital(text: str) -> str:
    """Return a sentence to stand inside another."""
    return text[:1].lower() + text[1:]


def spread(slope: Mapping[str, float]) -> str:
    """Say whether chances lay as far apart as they should: `slope` has value, low and high."""
    if slope["low"] <= 1 <= slope["high"]:
        return "High and low chances lay about as far apart as they should"
    return (
        "High chances were too high and low ones too low"
        if slope["value"] < 1
        else "High chances were too low and low ones too high"
    )


def better(rule: Mapping[str, Any], size: float) -> float:
    """Return a gap "above minus below" as seen from the side that renews more."""
    return -size if rule["direction"] == "at_most" else size


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: "SMB, MM and ENT"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def text(part: Part) -> str:
    """Return a part of a sentence without its link."""
    return part.text if isinstance(part, Number) else part


def headline(statements: Sequence[Statement]) -> str:
    """Return the words of several statements as one headline."""
    return " ".join(statement.text.strip() for statement in statements)
