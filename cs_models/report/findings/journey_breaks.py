"""Where the way breaks, and what is said where it cannot be told, in words.

Grain in: ``learn.journey.Breaks``.  Grain out: parts of sentences.
"""

from __future__ import annotations

from typing import Any

from cs_models.learn.journey import Breaks
from cs_models.report.evidence import journey_anchors as anchors
from cs_models.report.evidence.rules import records
from cs_models.report.findings.words import Part, cited, linked
from cs_models.report.values import integer, money, number, percent

_OF_ALL = "the intervals of all the moves compared hold together"


def called(name: str) -> str:
    """Return a stage's name as it stands in a sentence."""
    return name.replace("_", " ")


def break_parts(broken: Breaks, currency: str) -> list[Part]:
    """Say from which stage most more customers are lost than chance would have it.

    Moves into trouble that passes are named only where no stage clearly loses more than others,
    and with the share that came back.
    """
    if broken.table.empty:
        return [
            "Where the way breaks cannot be said: no two stages have lost enough customers to be "
            "compared."
        ]
    losses = records(broken.losses)
    if losses and losses[0]["clear"]:
        return ["The way breaks most here: ", *_excess(losses[0], _OF_ALL),
                *_more_money(losses[0], currency), "."]  # fmt: skip
    passing = passing_parts(broken)
    return [*_unclear(losses), ". ", *passing] if passing else [*_unclear(losses), "."]


def lost_parts(broken: Breaks, currency: str) -> list[Part]:
    """Say of `break_parts` what is of losses alone, which one table shows."""
    losses = records(broken.losses)
    if broken.table.empty or not losses or losses[0]["clear"]:
        return break_parts(broken, currency)
    return [*_unclear(losses), "."]


def _unclear(losses: list[dict[str, Any]]) -> list[Part]:
    parts: list[Part] = [
        "From no stage are clearly more customers lost than there would be by chance"
    ]
    return [*parts, "; the largest excess: ", *_excess(losses[0], _OF_ALL)] if losses else parts


def passing_parts(broken: Breaks) -> list[Part]:
    """Say where most more than expected go into trouble that passes; nothing where none is clear.

    It is not called a break: a fall in use by a share comes by chance more often where use is low,
    and stages are not alike in their volume of use.
    """
    passing = records(broken.passing)
    if not passing or not passing[0]["clear"]:
        return []
    return [
        "Into trouble that passes: ", *_excess(passing[0], _OF_ALL),
        *cited(
            anchors.PASSING, f"; {percent(passing[0]['back'])} of those who moved on from "
            f"{called(passing[0]['to'])} came back to the way",
        ),
        ". Whether the stage goes with it cannot be told: use that is low falls by a share more "
        "often by chance, and volumes were not held alike.",
    ]  # fmt: skip


def _excess(row: dict[str, Any], of_all: str) -> list[Part]:
    link = anchors.BREAKS if row["loses"] else anchors.PASSING
    return cited(
        link, linked(integer(row["observed"]), link), " moved from ", called(row["stage"]), " to ",
        called(row["to"]), ". Had all stages lost alike at the same age, ",
        linked(number(row["expected"], 0), link), f" would have: {number(row['excess'], 0)} more "
        f"than that moved ({number(row['low'], 0)} to {number(row['high'], 0)}; {of_all})",
    )  # fmt: skip


def _more_money(row: dict[str, Any], currency: str) -> list[Part]:
    if not row["arr_low"] > 0:
        return []
    return cited(
        anchors.BREAKS, ", and ", linked(money(row["arr_excess"], currency), anchors.BREAKS),
        f" of yearly money more ({money(row['arr_low'], currency)} to "
        f"{money(row['arr_high'], currency)})",
    )  # fmt: skip
