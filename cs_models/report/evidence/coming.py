"""Which running terms come up for renewal soon enough to be read as past terms were.

Grain: one row per running term in and out.  ``methods.md`` 1.1: past terms were judged a fixed
number of days before renewal; today's are read a quarter earlier than that at the most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

QUARTER_DAYS: Final = 91
SHORT, NOTICE, LATER = "short", "notice", "later"


@dataclass(frozen=True)
class Due:
    """The running terms of whom the page speaks, and those of whom it does not.

    Attributes
    ----------
    terms : DataFrame, one row per (subscription_id, as_of_date)
        Panel rows of terms that come up for renewal by ``until`` and have not been given notice.
    until : datetime.date
    left_out : DataFrame
        One row a reason: ``key``, ``reason`` (in words), ``n_terms``, ``n_accounts``, ``arr``
        (float).
    """

    terms: pd.DataFrame
    until: date
    left_out: pd.DataFrame


def due(running: pd.DataFrame, *, as_of: date, decision_days: int) -> Due:
    """Part the running terms into those that can be read today and those that cannot.

    Parameters
    ----------
    running : DataFrame, one row per (subscription_id, as_of_date)
        Panel of ``cohort.running(decision="before_renewal")``, with ``in_notice``.
    as_of : datetime.date
    decision_days : int
        Days before the renewal date at which past terms were judged.

    Returns
    -------
    Due
        Terms that renew within ``decision_days`` and a quarter: read at most a quarter earlier
        than those that were learnt from.
    """
    end = pd.to_datetime(running["term_end"])
    until = pd.Timestamp(as_of) + pd.Timedelta(days=decision_days + QUARTER_DAYS)
    length = (end - pd.to_datetime(running["term_start"])).dt.days
    later = ~(end <= until)
    why = pd.Series("", index=running.index)
    why[running["in_notice"].fillna(False).astype(bool) & ~later] = NOTICE
    why[(length < decision_days) & (why == "")] = SHORT
    why[later] = LATER
    arr = pd.to_numeric(running["arr"]).astype("float64")
    words = {
        NOTICE: "have given notice already: nothing is left to foretell",
        SHORT: f"have contracts shorter than the {decision_days} days before renewal at which past "
        "terms were judged",
        LATER: f"renew after {until:%Y-%m-%d} or have no renewal date: too early to be read",
    }
    rows = [
        {
            "key": key,
            "reason": text,
            "n_terms": int((why == key).sum()),
            "n_accounts": int(running.loc[why == key, "account_id"].nunique()),
            "arr": float(arr[why == key].sum()),
        }
        for key, text in words.items()
    ]
    return Due(running[why == ""].reset_index(drop=True), until.date(), pd.DataFrame(rows))
