"""What the CSV files of a run are called in words.

Grain in: a file's name below a notebook's ``tables``.  Grain out: a few words for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

WORDS: Final[Mapping[str, str]] = {
    "accounts_at_risk": "customers by what is at stake",
    "accounts_due": "customers whose renewal comes up",
    "against_the_ramp": "customers against the usual ramp",
    "book": "what comes up this quarter, and what is being done",
    "by_day": "the level, read on earlier days",
    "candidates": "users who could speak for the product",
    "contracts_due": "contracts that come up",
    "customers_below": "customers below the level",
    "customers_still_open": "customers whose window is still open",
    "customers_with_answers": "customers who answered surveys",
    "drift": "what moved since it was learnt",
    "drivers": "what went with leaving, quarter by quarter",
    "faults": "faults in the records",
    "ladder": "the models that were tried",
    "last_list": "the last list and what came of it",
    "lists_by_quarter": "lists of past quarters",
    "lost_by_cause": "customers lost, by cause",
    "lost_terms": "lost contracts, looked back on",
    "measures_by_group": "all measures, by group",
    "past_predictions": "what would have been foretold",
    "past_quarters": "past quarters",
    "persons": "people across employers",
    "ramps_by_tenth": "ramps by tenths of customers",
    "register": "what to act on",
    "renewals": "who stays at each renewal",
    "said_and_came": "what was said and what came",
    "seats": "seats bought and used",
    "silent_champions": "champions who fell silent",
    "sources": "the pages this one rests on",
    "stages": "customers by stage",
    "stuck": "customers who are stuck",
    "stuck_in_onboarding": "customers stuck in onboarding",
    "thresholds": "every level that was found",
    "users_below_peers": "users below their peers",
    "word_against_deed": "word against deed",
}
_LIST: Final = "list_"


def titles(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the titles of the lists that a notebook's results name, by file name.

    Parameters
    ----------
    results : mapping
        A ``results.json``; anything but texts in its ``lists`` is left alone.
    """
    listed = results.get("lists")
    rows = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []
    return {
        PurePosixPath(row["file"]).name: row["title"]
        for row in rows
        if isinstance(row.get("file"), str) and isinstance(row.get("title"), str)
    }


def words(file_name: str, known: Mapping[str, str]) -> str:
    """Return what a CSV file is called.

    Parameters
    ----------
    file_name : str
        For example ``customers_below.csv``.
    known : mapping of str to str
        From :func:`titles`.
    """
    if known.get(file_name):
        return known[file_name]
    stem = PurePosixPath(file_name).stem
    spaced = stem.removeprefix(_LIST).replace("_", " ")
    return WORDS.get(stem) or (f"list: {spaced}" if stem.startswith(_LIST) else spaced)
