"""What a page says when the records stop before the day it looks back from.

Grain in: ``data.readiness.table_summary``.  Grain out: one caution and its finding, or none.  An
export that stopped makes every customer look silent; nothing else on the page would say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import pandas as pd

from cs_models.report.display import Statement, num
from cs_models.report.results import Finding
from cs_models.report.values import integer

# A weekly export that was missed once is late by this much at the most.
LATE_DAYS: Final = 14
STOPPED: Final = "records-stopped"
_TABLE: Final = "tables-read"


def stopped(summary: pd.DataFrame, as_of: date) -> list[Statement]:
    """Warn when the newest use is long before the day looked back from.

    Parameters
    ----------
    summary : DataFrame
        What ``readiness.table_summary`` returned: one row a table, with ``last_date``.
    as_of : datetime.date
        The day looked back from.

    Returns
    -------
    list of Statement
        One caution; nothing when the newest use is at most ``LATE_DAYS`` days old, or when there
        is none at all, which other checks refuse.
    """
    silent = silent_days(summary, as_of)
    if silent is None or silent <= LATE_DAYS:
        return []
    last = _newest(summary)
    return [
        Statement.of(
            "caution", f"The newest use on record is of {last:%Y-%m-%d}, ",
            num(f"{integer(silent)} days", f"#{_TABLE}"),
            f" before {as_of:%Y-%m-%d}, from which this report looks back. Every customer looks "
            "silent since: do not act on who fell silent or is at risk before the records are "
            "exported again, or look back from the day they end.",
            id=STOPPED,
        )
    ]  # fmt: skip


def found(summary: pd.DataFrame, as_of: date) -> list[Finding]:
    """Return the same for ``results.json``, so that the brief can warn too."""
    return [
        Finding(
            id=STOPPED, statement=said.text, value=silent_days(summary, as_of), unit="days",
            table=_TABLE,
        )
        for said in stopped(summary, as_of)
    ]  # fmt: skip


def headline(late: Sequence[Statement], answer: Statement) -> str:
    """Return the page's headline, the warning before the answer."""
    return " ".join(said.text for said in [*late, answer])


def silent_days(summary: pd.DataFrame, as_of: date) -> int | None:
    """Return the days between the newest use and the day looked back from; None without use."""
    last = _newest(summary)
    return None if last is None else (as_of - last).days


def _newest(summary: pd.DataFrame) -> date | None:
    last = summary.loc[summary["table"] == "events", "last_date"].dropna()
    return None if last.empty else pd.Timestamp(last.iloc[0]).date()
