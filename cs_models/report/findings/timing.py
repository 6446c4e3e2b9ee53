"""How early is enough, and does it last, in words.

Grain in: the frames of ``report/evidence/timing.py``.  Grain out: statements for the page and
findings for ``results.json``, made from the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.learn import timing
from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence.rules import records
from cs_models.report.findings.words import Part, amount, lift, linked, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval

NO_RULE_EARLY = "No level was announced, so there is no day by which it would be enough."
NO_RULE_LASTING = "No level was announced, so there is nothing that could last or fade."
_JUDGED = "Among customers who had no part in choosing the level"


def how_early(by_day: pd.DataFrame) -> list[Statement]:
    """Say for each rule by which day its use tells as much as it ever does.

    Parameters
    ----------
    by_day : DataFrame
        What ``evidence.timing.by_day`` returned.
    """
    if by_day.empty:
        return [Statement.of("finding", NO_RULE_EARLY, id="early-said")]
    return [
        Statement.of("finding", *_early_parts(rows), id=f"early-said-{place}")
        for place, rows in by_day.groupby("place")
    ]


def lasting(frame: pd.DataFrame) -> list[Statement]:
    """Say for each rule whether the newest renewals still show it.

    Parameters
    ----------
    frame : DataFrame
        What ``evidence.timing.lasting`` returned.
    """
    if frame.empty:
        return [Statement.of("finding", NO_RULE_LASTING, id="lasting-said")]
    return [
        Statement.of("finding", *_lasting_parts(row), id=f"lasting-said-{row['place']}")
        for row in records(frame)
    ]


def saved(by_day: pd.DataFrame, last: pd.DataFrame) -> list[Finding]:
    """Return both answers for ``results.json``: ``how-early-1``, ..., ``decay-1``, ....

    Parameters
    ----------
    by_day, last : DataFrame
        What ``evidence.timing.by_day`` and ``evidence.timing.lasting`` returned.
    """
    early = [
        Finding(
            id=f"how-early-{place}", statement="".join(map(text, _early_parts(rows))),
            value=_whole(rows["enough_day"].iloc[0]), unit="days", n=_terms(rows),
            table=anchors.EARLY,
        )
        for place, rows in by_day.groupby("place")
    ]  # fmt: skip
    still = [
        Finding(
            id=f"decay-{row['place']}", statement="".join(map(text, _lasting_parts(row))),
            value=row["lift"], low=row["low"], high=row["high"], unit="share",
            n=row["n_newest"], verdict=row["verdict"], table=anchors.LASTING,
        )
        for row in records(last)
    ]  # fmt: skip
    return [*early, *still]


def _whole(day: Any) -> int | None:
    return None if pd.isna(day) else int(day)


def _terms(rows: pd.DataFrame) -> int | None:
    """Return the terms of the day that is enough, or the most of any day where none is."""
    enough = rows["day"] == rows["enough_day"]
    counts = (rows.loc[enough, "n_terms"] if enough.any() else rows["n_terms"]).dropna()
    return int(counts.max()) if len(counts) else None


def _early_parts(rows: pd.DataFrame) -> list[Part]:
    """Say the first day that is enough; the gaps are those among customers held out."""
    first = records(rows)[0]
    group, use, own = first["group"], first["use"], int(first["own_day"])
    if pd.isna(first["day"]):
        return [f"{group}: {use} cannot be counted day by day, so other days were not tried."]
    if pd.isna(first["enough_day"]):
        return [
            f"{group}: on no day are customers told apart by {use} clearly enough to say how early "
            "is enough. Judged are those who had no part in choosing the level."
        ]
    enough, best = int(first["enough_day"]), int(first["best_day"])
    by = {int(row["day"]): row for row in records(rows)}
    days = sorted(by)
    if enough < best:
        return [
            f"{group}: reading {use} on ", _day(enough), " already tells as much as on ",
            _day(best), f", as far as this history can say. {_JUDGED} the gap is ",
            *_gap(by[enough]), " on ", _day(enough), " and ", *_gap(by[best]), " on ", _day(best),
            ".", *_sooner(enough, own),
        ]  # fmt: skip
    earlier = [day for day in days if day < best]
    later = [day for day in days if day > best]
    waits: list[Part] = [" Waiting longer tells no more."] if later else []
    if not earlier:
        return [
            f"{group}: reading {use} on ", _day(best), ", the first that was tried, already tells "
            f"as much as on any later day. {_JUDGED} the gap is ", *_gap(by[best]), ".",
            *_sooner(best, own),
        ]  # fmt: skip
    return [
        f"{group}: it takes until ", _day(best), f". {_JUDGED} the gap by {use} is ",
        *_gap(by[earlier[-1]]), " when read on ", _day(earlier[-1]), " and ", *_gap(by[best]),
        " on ", _day(best), ". No earlier day tells as much.", *waits,
        *_sooner(best, own),
    ]  # fmt: skip


def _day(day: int) -> Part:
    return linked(f"day {day}", anchors.EARLY)


def _days(n: int) -> str:
    return "1 day" if n == 1 else f"{n} days"


def _gap(row: Mapping[str, Any]) -> list[Part]:
    between = interval(row["low"], row["high"], "points").replace("+", "")
    return [linked(lift(row["lift"]), anchors.EARLY), " (", linked(between, anchors.EARLY), ")"]


def _sooner(enough: int, own: int) -> list[Part]:
    """Say how the day stands to the window of the rule as it was announced."""
    if enough < own:
        gained = linked(f"{_days(own - enough)} sooner", anchors.EARLY)
        return [" The warning could be read ", gained, " than the rule as announced."]
    if enough > own:
        return [" The rule as announced is read ",
                linked(_days(enough - own), anchors.EARLY), " before that."]  # fmt: skip
    return []


def _lasting_parts(row: Mapping[str, Any]) -> list[Part]:
    """Say what a level chosen a year ago went with since."""
    group = row["group"]
    if pd.isna(row["cut"]):
        return [
            f"{group}: a year ago too few renewals were known to have learnt a level from, so "
            "whether it lasts cannot be told yet."
        ]
    opening: list[Part] = [
        f"{group}: learnt a year ago, the level would have been ",
        linked(amount(row["cut"]), anchors.LASTING), ". ",
    ]  # fmt: skip
    if pd.isna(row["lift"]):
        return [*opening, "Since then too few terms stand on one side of it. The newest renewals "
                "cannot tell whether it lasts."]  # fmt: skip
    between = interval(row["low"], row["high"], "points").replace("+", "")
    said = {
        timing.HELD: " It has held.",
        timing.FADED: " It has faded: do not act on it without looking again.",
        timing.UNSURE: " The newest renewals alone cannot tell whether it lasts.",
    }
    return [
        *opening, "In the ", linked(integer(row["n_newest"]), anchors.LASTING),
        " renewals that became known since (", linked(
            integer(row["n_lost_newest"]), anchors.LASTING), " lost) it goes with a gap of ",
        linked(lift(row["lift"]), anchors.LASTING), " (",
        linked(between, anchors.LASTING), "), before with ",
        linked(lift(row["lift_before"]), anchors.LASTING), ".", said[row["verdict"]],
    ]  # fmt: skip
