"""Which running terms come up for renewal soon enough to be read as past terms were.

Grain: one row per running term in and out.  ``methods.md`` 1.1: past terms were judged a fixed
number of days before renewal; today's are read a quarter earlier than that at the most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from cs_models.features import readable


@dataclass(frozen=True)
class Due:
    """The running terms of whom the page speaks, and those of whom it does not.

    Attributes
    ----------
    terms : DataFrame, one row per (subscription_id, as_of_date)
        Panel rows of terms that come up for renewal from ``since`` to ``until`` and are undecided.
    since, until : datetime.date
    left_out : DataFrame
        One row a reason: ``key``, ``reason`` (in words), ``n_terms``, ``n_accounts``, ``arr``
        (float).
    """

    terms: pd.DataFrame
    since: date
    until: date
    left_out: pd.DataFrame


def due(running: pd.DataFrame, *, as_of: date, decision_days: int) -> Due:
    """Part the running terms into those that can be read today and those that cannot.

    Parameters
    ----------
    running : DataFrame, one row per (subscription_id, as_of_date)
        Panel of ``cohort.running(decision="before_renewal")``, with ``in_notice``, ``decided``.
    as_of : datetime.date
    decision_days : int
        Days before the renewal date at which past terms were judged.

    Returns
    -------
    Due
        Terms that renew about ``decision_days`` from now, half a quarter more or less.
    """
    why = readable.why_not(running, as_of=as_of, decision_days=decision_days)
    near = max(0, decision_days - readable.SPREAD_DAYS)
    since = as_of + timedelta(days=near)
    until = as_of + timedelta(days=decision_days + readable.SPREAD_DAYS)
    arr = pd.to_numeric(running["arr"]).astype("float64")
    words = {
        readable.DECIDED: "have renewed already, or are known to leave",
        readable.NOTICE: "have given notice already: nothing is left to foretell",
        readable.SHORT: f"have contracts shorter than the {decision_days} days before renewal at "
        "which past terms were judged",
        readable.SOON: f"renew before {since:%Y-%m-%d}: too near to be read as past terms were; "
        "06_renewal_outlook speaks of them",
        readable.LATER: f"renew after {until:%Y-%m-%d} or have no renewal date: too early to be "
        "read",
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
    read = running[why == ""].reset_index(drop=True)
    return Due(read, since, until, pd.DataFrame(rows))
