"""Lists in words: how many are on each, and which past ones were worth the calls.

Grain in: ``evidence.listed.summary``.  Grain out: statements for the page, findings for
``results.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from cs_models.learn.policy import Play
from cs_models.report.display import Statement
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, customers
from cs_models.report.findings.words import Part, cited, linked, listed, text
from cs_models.report.results import Finding
from cs_models.report.values import integer, interval, money, percent, points

ALL, PAST, REACHED = "all-lists-table", "past-lists-table", "reached-lists-table"
CAME: Final = {
    "left": "left at the next renewal",
    "renewed": "renewed at the next renewal",
    "expanded": "bought more at the next renewal",
    "active": "were still using the product in the 90 days after",
    "gone": "had their login taken away in the 90 days after",
    "started": "started to use the part named in the 90 days after",
}
NOUNS: Final = {"account": ("customer", "customers"), "user": ("user", "users")}


def people(n: int, grain: str) -> str:
    """Write a number of customers or users."""
    one, many = NOUNS[grain]
    return f"{integer(n)} {one if n == 1 else many}"


def overview(
    summary: pd.DataFrame, capacity: int, play: Play | None, currency: str
) -> list[Statement]:
    """Say how many lists there are, what they hold, how calls are shared, and what was not made.

    Parameters
    ----------
    summary : DataFrame
        ``listed.summary``.
    capacity : int
        Customers that the team can call, over all lists.
    play : Play or None
        What a call costs and may keep.
    currency : str
    """
    if summary.empty:
        return [Statement.of("note", "The run file names no folder of lists.", id="lists-said")]
    made = summary[summary["skipped"] == ""]
    filled = made[made["n"] > 0]
    parts: list[Part] = [
        linked(f"{integer(len(filled))} of {integer(len(summary))}", ALL),
        " lists hold somebody today",
    ]  # fmt: skip
    if len(filled):
        most = records(filled.sort_values(["arr", "name"], ascending=[False, True]))[0]
        parts += [
            ". Most yearly revenue stands on \u201c", most["title"], "\u201d: ",
            linked(people(most["n"], most["grain"]), ALL), whose(most),
            linked(about(most["arr"], currency), ALL),
        ]  # fmt: skip
    said = [
        Statement.of("finding", *parts, ".", id="lists-said"),
        Statement.of("finding", *_calls(made, capacity, play, currency), id="lists-calls"),
    ]
    for row in records(summary[summary["skipped"] != ""]):
        why = cited(ALL, row["skipped"])
        text = f"The list \u201c{row['title']}\u201d could not be made: "
        said.append(
            Statement.of("caution", text, *why, ".", id=f"skipped-{row['name'].replace('_', '-')}")
        )
    return said


def _calls(made: pd.DataFrame, capacity: int, play: Play | None, currency: str) -> list[Part]:
    """Say what of the team's calls the lists take, from which, at what cost, and for what."""
    parts: list[Part] = [
        "All lists together take ", linked(integer(made["n_calls"].sum()), ALL), " of the ",
        linked(integer(capacity), ALL),
        " calls that the team can make, a customer on several lists once",
    ]  # fmt: skip
    takers = records(made[made["n_calls"] > 0].sort_values("turn"))
    for place, row in enumerate(takers):
        parts += [
            ", " if place else ": ", linked(integer(row["n_calls"]), ALL),
            f" from \u201c{row['title']}\u201d", *_worth(row, play, currency),
        ]  # fmt: skip
    return [*parts, ". Everybody else gets a message."]


def _worth(row: Mapping[str, Any], play: Play | None, currency: str) -> list[Part]:
    """Say what the calls from one list cost, and what they may bring after that."""
    if play is None or pd.isna(row["calls_low"]):
        return []
    low, high = (about(row[name], currency) for name in ("calls_low", "calls_high"))
    kept = interval(float(play.save_rate_low), float(play.save_rate_high))
    return [
        " (which cost ", linked(money(cost(row, play), currency), ALL), " and bring ",
        linked(f"{low} to {high}", ALL), " more than that if a call keeps ", linked(kept, ALL),
        " of those who would leave)",
    ]  # fmt: skip


def cost(row: Mapping[str, Any], play: Play) -> float:
    """Return what the calls from one list cost, in money."""
    return float(row["n_calls"]) * float(play.cost)


def one(row: Mapping[str, Any], currency: str) -> list[Statement]:
    """Say who is on one list, why, and what is meant to be done.

    Parameters
    ----------
    row : mapping
        A row of ``listed.summary``.
    currency : str
    """
    name, table = row["name"].replace("_", "-"), row["table"]
    who = f"Asked for: {row['criteria']}."
    if not row["n"]:
        words = cited(ALL, f": nobody today. {who}")
        return [Statement.of("note", row["title"], *words, id=f"said-{name}")]
    parts: list[Part] = [
        f"{row['title']}: ", linked(people(row["n"], row["grain"]), table),
        whose(row),
        linked(about(row["arr"], currency), table), " a year; ", *_touch(row),
        f" {row['action']} ", *cited(ALL, who),
    ]  # fmt: skip
    if row["n_quiet"]:
        quiet = f" {people(row['n_quiet'], row['grain'])} left out: we spoke to them lately."
        parts += cited(ALL, quiet)
    if row["n_unknown"]:
        parts += cited(ALL, f" Of {people(row['n_unknown'], row['grain'])} it is not known.")
    return [Statement.of("finding", *parts, id=f"said-{name}")]


def whose(row: Mapping[str, Any]) -> str:
    """Lead from those on a list to what they, or their customers, pay.

    Parameters
    ----------
    row : mapping
        A row of ``listed.summary``.
    """
    if row["grain"] != "account":
        return ", of a customer who pays " if row["n_accounts"] == 1 else ", of customers who pay "
    return " who pays " if row["n"] == 1 else " who pay "


def _touch(row: Mapping[str, Any]) -> list[Part]:
    if not row["n_high"]:
        return ["everybody gets a message."]
    if row["n_high"] == row["n_accounts"]:
        return ["a person speaks to all."]
    return [
        "a person speaks to ", linked(customers(row["n_high"]), row["table"]),
        ", the others get a message.",
    ]  # fmt: skip


def worth(summary: pd.DataFrame) -> list[Statement]:
    """Say which past lists picked better than chance, and which cannot be told apart.

    Parameters
    ----------
    summary : DataFrame
        ``listed.summary``.
    """
    rows = records(summary[(summary["skipped"] == "") & (summary["past_n"] > 0)])
    if not rows:
        return [
            Statement.of("caution", "No past list could be made again: nothing is known of how "
                         "well lists pick.", id="lists-worth")
        ]  # fmt: skip
    apart = [row for row in rows if row["apart"]]
    few = [row for row in rows if row["few"]]
    same = [row for row in rows if not row["apart"] and not row["few"]]
    said = [Statement.of("finding", *_apart(row), id=f"worth-{row['name'].replace('_', '-')}")
            for row in apart]  # fmt: skip
    said += [
        Statement.of("finding", *_reached(row), id=f"caught-{row['name'].replace('_', '-')}")
        for row in rows
        if row["outcome"] == "left" and pd.notna(row["arr_share"])
    ]
    if same:
        said.append(
            Statement.of(
                "finding", "Cannot be told apart from the others at the same time: ",
                listed([f"\u201c{row['title']}\u201d" for row in same]), ". What came does "
                "not show that these lists pick better than calling anyone like them.",
                id="lists-alike",
            )
        )  # fmt: skip
    if few:
        said.append(
            Statement.of(
                "note", "Too few past customers to judge: ",
                listed([f"\u201c{row['title']}\u201d" for row in few]), ".", id="lists-few",
            )
        )  # fmt: skip
    return said


def _apart(row: Mapping[str, Any]) -> list[Part]:
    side = "more" if row["difference"] > 0 else "less"
    return [
        f"\u201c{row['title']}\u201d: of ", linked(people(row["past_n"], row["grain"]), PAST),
        " on past lists ", linked(percent(row["past_hit_rate"]), PAST), " (",
        linked(interval(row["past_low"], row["past_high"]), PAST), f") {CAME[row['outcome']]}, of "
        "others at the same time ", linked(percent(row["base_rate"]), PAST),
        f": the list holds {side} of them than chance would.",
    ]  # fmt: skip


def _reached(row: Mapping[str, Any]) -> list[Part]:
    """Say how much of what left a list reached, and what as many calls would have otherwise."""
    return [
        "Of ", linked(integer(row["n_came"]), REACHED), " contracts that left in these quarters, ",
        linked(integer(row["n_caught"]), REACHED), " had stood on past lists ",
        f"\u201c{row['title']}\u201d, with ", linked(percent(row["arr_share"]), REACHED), " (",
        linked(interval(row["arr_share_low"], row["arr_share_high"]), REACHED),
        ") of the ARR that left; as many customers taken by size would have held ",
        linked(percent(row["arr_share_by_size"]), REACHED), " of it, by lot ",
        linked(percent(row["arr_share_by_chance"]), REACHED), ". The share of the list ",
        *_ahead(row, "ahead_of_size"), " size alone, and ", *_ahead(row, "ahead_of_chance"),
        " the lot.",
    ]  # fmt: skip


def _ahead(row: Mapping[str, Any], name: str) -> list[Part]:
    """Say whether a list held clearly more than other calls: "is 9 points (4 to 16) above"."""
    gap, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if pd.isna(low) or pd.isna(high):
        return ["cannot be set beside that of"]
    if not stands_out(low, high):
        between = interval(low, high, "points")
        return ["cannot be told (", linked(between, REACHED), ") from that of"]
    near, far = sorted((abs(low), abs(high)))
    between = interval(near, far, "points").replace("+", "")
    return [
        "is ", linked(points(abs(gap), 0).lstrip("+"), REACHED), " (", linked(between, REACHED),
        f") {'above' if gap > 0 else 'below'} that of",
    ]  # fmt: skip


def stands_out(low: float, high: float) -> bool:
    """Tell whether an interval of a difference leaves nought out; an unknown one does not."""
    return bool(low > 0 or high < 0)


def saved(summary: pd.DataFrame, capacity: int, play: Play | None, currency: str) -> list[Finding]:
    """Return what was found for ``results.json``: ``list-<name>`` for every list that was made.

    ``unanswered`` names those that were not, and why; ``calls`` says how the team's calls are
    spent.

    Parameters
    ----------
    summary : DataFrame
        ``listed.summary``.
    capacity : int
        Customers that the team can call, over all lists.
    play : Play or None
        What a call costs and may keep.
    currency : str
    """
    found = [
        Finding(
            id=f"list-{row['name'].replace('_', '-')}", statement=one(row, currency)[0].text,
            value=int(row["n"]), unit=NOUNS[row["grain"]][1], n=int(row["n"]),
            table=row["table"],
        )
        for row in records(summary[summary["skipped"] == ""])
    ]  # fmt: skip
    made = summary[summary["skipped"] == ""]
    if len(made):
        words = "".join(map(text, _calls(made, capacity, play, currency)))
        n = int(made["n_calls"].sum())
        found.append(Finding("calls", words, n, unit="calls", n=capacity, table=ALL))
    gone = records(summary[summary["skipped"] != ""])
    if gone:
        named = listed([f"\u201c{row['title']}\u201d ({row['skipped']})" for row in gone])
        words = f"Lists that could not be made: {named}."
        found.append(
            Finding("unanswered", words, len(gone), unit="lists", n=len(summary), table=ALL)
        )
    return found
