"""Where today's customers stand against what was found, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence import standing as standings
from cs_models.report.findings.words import Part, cited, linked, listed
from cs_models.report.values import integer, money


def below(totals: pd.DataFrame, currency: str) -> Statement:
    """Say how many of today's customers stand below, and what they pay.

    Parameters
    ----------
    totals : DataFrame
        What ``standing.totals`` returned.
    currency : str
        ISO 4217 code.
    """
    by = totals.set_index("status")
    if not by["n_accounts"].sum():
        return Statement.of(
            "finding", "No level was announced, so no customer stands below one today.", id="today"
        )
    under, still = by.loc[standings.BELOW], by.loc[standings.OPEN]
    return Statement.of(
        "finding", "Today ", linked(integer(under["n_accounts"]), anchors.TODAY),
        " running customers stand on the side that renewed less; they pay ",
        linked(money(under["arr"], currency), anchors.TODAY), " a year. ",
        *cited(anchors.TODAY, still_open(dict(still), currency)),
        *_soon(dict(under), currency), *_borrowed(dict(under), currency), id="today",
    )  # fmt: skip


def _soon(under: Mapping[str, Any], currency: str) -> list[Part]:
    """Say how many of those below renew this quarter, and how many have asked to cancel."""
    if not under["n_accounts"]:
        return []
    return cited(
        anchors.TODAY, f" Of those below, {integer(under['n_accounts_soon'])} "
        f"({money(under['arr_soon'], currency)}) renew by {under['until']:%Y-%m-%d}, and "
        f"{integer(under['n_accounts_asked'])} ({money(under['arr_asked'], currency)}) have asked "
        "to cancel, whenever they renew.",
    )  # fmt: skip


def still_open(still: Mapping[str, Any], currency: str) -> str:
    """Say how many more stand there so far, with time left: never those who are through.

    Parameters
    ----------
    still : mapping
        The row of ``standing.totals`` of open windows.
    currency : str
        ISO 4217 code.
    """
    n = int(still["n_accounts_lacking"])
    if not n:
        return "Nobody else is there so far in a window that is still open."
    return (
        f"{integer(n)} more ({money(still['arr_lacking'], currency)} a year) "
        f"{'is' if n == 1 else 'are'} there so far, in a window that is still open."
    )


def _borrowed(under: Mapping[str, Any], currency: str) -> list[Part]:
    """Say how many of those below are measured by a level that is not their own group's."""
    n_borrowed = int(under.get("n_accounts_borrowed", 0))
    if not n_borrowed:
        return []
    whose = (
        "borrowed from all customers, because the history of their own group gave none "
        f"({listed(under['groups_borrowed'])})."
    )
    if n_borrowed == int(under["n_accounts"]):
        return [f" All of these stand below a level {whose}"]
    return [
        " Of these ", linked(integer(under["n_accounts"]), anchors.TODAY), " customers, ",
        linked(integer(n_borrowed), anchors.TODAY), " with ",
        linked(money(under["arr_borrowed"], currency), anchors.TODAY),
        f" a year stand below a level {whose}",
    ]  # fmt: skip
