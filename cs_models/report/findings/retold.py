"""What earlier reports said and what came true since, in words.

Grain in: ``report/evidence/retold.py``.  Grain out: statements, and one finding for
``results.json``.
"""

from __future__ import annotations

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence import places, retold
from cs_models.report.evidence.retold import Retold
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import contracts, quarters
from cs_models.report.findings.words import Part, linked, listed, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, number

NONE = (
    "No earlier report stands where this run's reports are kept, so there is nothing that was "
    "really said to look back on. What is above was made after the fact, with only what was known "
    "at the time; from the next run on this section holds what was printed."
)


def said(found: Retold) -> list[Statement]:
    """Say what earlier reports said, how much of it is known by now, and which took no part."""
    if not len(found.runs):
        return [Statement.of("finding", NONE, id="earlier-said")]
    return [
        *([Statement.of("finding", *_warnings(found), id="earlier-said")]
          if found.totals["n_read"] else
          [Statement.of("finding", "No earlier report could be judged.", id="earlier-said")]),
        *_forecasts(found),
        *_left_out(found),
    ]  # fmt: skip


def saved(found: Retold) -> list[Finding]:
    """Return how earlier warnings fared, where any can be judged."""
    if not found.totals["n_known"]:
        return []
    totals = found.totals
    return [
        Finding(
            id="said-and-came", statement="".join(map(text, _warnings(found))),
            value=totals["ratio"], low=totals["low"], high=totals["high"], unit="ratio",
            n=totals["n_known"], table=places.SAID,
        )
    ]  # fmt: skip


def _warnings(found: Retold) -> list[Part]:
    totals = found.totals
    n = int(totals["n_read"])
    parts: list[Part] = [
        linked("1 earlier report" if n == 1 else f"{n} earlier reports", places.RUNS),
        " named ", linked(contracts(totals["n_named"]), places.RUNS), ". ",
    ]  # fmt: skip
    if not totals["n_known"]:
        return [*parts, "Of none of them the outcome is known by now."]
    parts += [
        "Of ", linked(integer(totals["n_known"]), places.SAID), " the outcome is known by now: ",
        linked(number(totals["expected"], 1), places.SAID), " were expected to leave and ",
        linked(integer(totals["left"]), places.SAID), " did",
    ]  # fmt: skip
    if pd.isna(totals["low"]):
        return [*parts, "."]
    within = totals["low"] <= 1 <= totals["high"]
    return [
        *parts, ", ", linked(number(totals["ratio"], 2), places.SAID), " for each one expected (",
        linked(interval(totals["low"], totals["high"], "number", 2), places.SAID), "): ",
        "within what chance allows." if within else "more than chance allows.",
    ]  # fmt: skip


def _forecasts(found: Retold) -> list[Statement]:
    n = int(found.totals["n_quarters"])
    if not n:
        return []
    return [
        Statement.of(
            "finding", "Of their forecasts ", linked(quarters(n), places.FORECASTS),
            f" {'is' if n == 1 else 'are'} over; ",
            linked(integer(found.totals["n_hit"]), places.FORECASTS),
            " came out inside the interval that was printed.", id="earlier-forecasts",
        )
    ]  # fmt: skip


def _left_out(found: Retold) -> list[Statement]:
    others = retold.left_out(found.runs)
    if others.empty:
        return []
    named = [f"{int(row['n_runs'])} ({row['reason']})" for row in records(others)]
    return [
        Statement.of("note", "Folders of reports that took no part: ",
                     linked(listed(named), places.RUNS), ".", id="earlier-left-out")
    ]  # fmt: skip
