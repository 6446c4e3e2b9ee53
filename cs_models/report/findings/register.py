"""The register of signals in words: what can be acted on, and what that would have caught."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cs_models.learn import register
from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence.rules import group_of, records
from cs_models.report.evidence.search import named
from cs_models.report.findings.words import Part, linked
from cs_models.report.values import integer, percent

DECISIONS = (register.SHIP, register.WATCH, register.REJECT)
NO_RULE = "No rule was announced, so the register is empty."


def register_said(entries: pd.DataFrame) -> list[Statement]:
    """Say how many signals are worth acting on, and which.

    Parameters
    ----------
    entries : DataFrame
        What ``learn.register.build`` returned.
    """
    if entries.empty:
        return [Statement.of("finding", NO_RULE, id="register-said")]
    n = entries["decision"].value_counts()
    counts = {name: int(n.get(name, 0)) for name in DECISIONS}
    ships = entries[entries["decision"] == register.SHIP]
    parts: list[Part] = [
        "Of ", linked(integer(len(entries)), anchors.REGISTER), " announced rules ",
        linked(integer(counts[register.SHIP]), anchors.REGISTER), " can be acted on (ship), ",
        linked(integer(counts[register.WATCH]), anchors.REGISTER), " should be watched, and ",
        linked(integer(counts[register.REJECT]), anchors.REGISTER), " are set aside.",
    ]  # fmt: skip
    said = [Statement.of("finding", *parts, id="register-said")]
    if len(ships):
        said.append(Statement.of("finding", *_best(records(ships)), id="register-best"))
    return said


def _best(ships: list[dict[str, Any]]) -> list[Part]:
    """Say what the shipped signals caught, and how long before the renewal."""
    parts: list[Part] = ["Of the terms that were lost, this share stood on the side that renewed "
                         "less: "]  # fmt: skip
    for place, row in enumerate(ships):
        parts += [", " if place else "", f"{group_of(row)} ({named(row['feature'])}) ",
                  linked(percent(row["coverage"]), anchors.REGISTER)]  # fmt: skip
    least = min(float(row["lead_time_days"]) for row in ships)
    return [*parts, ". Each is known at least ",
            linked(f"{integer(round(least))} days", anchors.REGISTER),
            " before the renewal in the middle case."]  # fmt: skip
