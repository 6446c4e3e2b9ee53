"""The quarter's book in words: in a play, asked to cancel, at risk and alone, not to be pestered.

Grain in: the frames of ``report/evidence/plays.py``.  Grain out: statements for the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence import plays
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import about, customers
from cs_models.report.findings.words import Part, linked
from cs_models.report.values import integer

BOOK, CALENDAR = "plays-table", "calendar-table"


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
            Statement.of(
                "caution", "No contact of ours is on record: who is engaged in a play and who was "
                "spoken to lately cannot be said.", id="book-said",
            )
        ]  # fmt: skip
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


def _range(row: Mapping[str, Any], currency: str) -> str:
    return f"{about(row['loss_low'], currency)} to {about(row['loss_high'], currency)}"
