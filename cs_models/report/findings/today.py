"""Where today's customers stand against what was found, in words."""

from __future__ import annotations

import pandas as pd

from cs_models.report.display import Statement
from cs_models.report.evidence import anchors
from cs_models.report.evidence import standing as standings
from cs_models.report.findings.words import linked
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
        linked(integer(still["n_accounts"]), anchors.TODAY), " more (",
        linked(money(still["arr"], currency), anchors.TODAY),
        " a year) are still inside the window that is counted.", id="today",
    )  # fmt: skip
