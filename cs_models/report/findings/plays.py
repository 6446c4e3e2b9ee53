"""The quarter's book in words: in a play, asked to cancel, at risk and alone, not to be pestered.

Grain in: the frames of ``report/evidence/plays.py``.  Grain out: statements for the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence import plays
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, customers
from cs_models.report.findings.words import Part, linked
from cs_models.report.results import Finding
from cs_models.report.values import integer, money, percent

BOOK, CALENDAR, ALONE = "plays-table", "calendar-table", "alone-table"
UNKNOWN: Final = (
    "No contact of ours is on record: who is engaged in a play and who was spoken to lately cannot "
    "be said."
)
_NAMED: Final = 3


def book(groups: pd.DataFrame, label: str, play_days: int, currency: str) -> list[Statement]:
    """Say who is in a play, who is at risk in none, and who was spoken to lately.

    Parameters
    ----------
    groups : DataFrame
        ``plays.Book.groups``.
    label : str
        The quarter.
    play_days : int
    currency : str
    """
    rows = {row["group"]: row for row in records(groups)}
    whole = rows[plays.ALL]
    if not whole["n_contracts"]:
        return [Statement.of("finding", f"Nothing comes up in {label}.", id="book-said")]
    if not whole["known"]:
        return [
            Statement.of("caution", UNKNOWN, id="book-said"),
        ]
    engaged, alone = rows[plays.ENGAGED], rows[plays.ALONE]
    parts: list[Part] = [
        "Of the ", linked(customers(whole["n_accounts"]), BOOK), f" due in {label}, ",
        linked(integer(engaged["n_accounts"]), BOOK),
        f" had a step of a play in the last {play_days} days. ",
        linked(customers(alone["n_accounts"]), BOOK), " at risk, who have not asked to cancel, had "
        "none",
    ]  # fmt: skip
    if alone["n_accounts"]:
        parts += [
            ": of their ", linked(about(alone["arr"], currency), BOOK), ", ",
            linked(about(alone["loss"], currency), BOOK), " is expected to leave",
        ]  # fmt: skip
    if alone["n_accounts"] and pd.notna(alone["loss_low"]):
        parts += [" (", linked(_range(alone, currency), BOOK), " eight times in ten)"]
    parts += [
        ". We spoke to ", linked(integer(whole["n_recent"]), BOOK), " of those due in the last "
        f"{plays.RECENT_DAYS} days.",
    ]  # fmt: skip
    return [Statement.of("finding", *parts, id="book-said")]


def alone(found: plays.Book, currency: str) -> list[Statement]:
    """Name the largest of those at risk in no play; nothing where there are none, or none known.

    Parameters
    ----------
    found : plays.Book
    currency : str
    """
    rows = records(found.alone)
    if not rows:
        return []
    n = len({row["account_id"] for row in rows})
    parts: list[Part] = [
        linked(customers(n), ALONE), " at risk, still open, ", "is" if n == 1 else "are",
        " in no play. Most of the ARR at risk among them is with ",
    ]  # fmt: skip
    for place, row in enumerate(rows[:_NAMED]):
        between = "" if not place else " and " if place == len(rows[:_NAMED]) - 1 else ", "
        parts += [
            between, str(row["account_name"]), " (", linked(money(row["arr"], currency), ALONE),
            " a year, ", linked(percent(row["chance"]), ALONE), ")",
        ]  # fmt: skip
    return [Statement.of("finding", *parts, ".", id="alone-said")]


def saved(found: plays.Book, currency: str) -> list[Finding]:
    """Return ``plays-unknown`` where no contact is on record, else ``alone`` where there are any.

    Parameters
    ----------
    found : plays.Book
    currency : str
    """
    if not found.known:
        return [Finding("plays-unknown", UNKNOWN, None, table=BOOK)]
    return [
        Finding(
            "alone", said.text, float(found.alone["arr"].sum()), unit=currency,
            n=int(found.alone["account_id"].nunique()), table=ALONE,
        )
        for said in alone(found, currency)
    ]  # fmt: skip


def _range(row: Mapping[str, Any], currency: str) -> str:
    return f"{about(row['loss_low'], currency)} to {about(row['loss_high'], currency)}"
