"""Which running terms can be read as past terms were, and why the others cannot.

Grain: one answer per panel row of ``cohort.running(decision="before_renewal")``.

Past terms were judged a fixed number of days before their renewal date, and only those that had
neither given notice nor renewed by then.  Nearer to the renewal those still undecided are a better
lot, for many who leave have said so; further away they are a worse one.  A chance learnt at 90 days
is right, on average, of terms about 90 days away, and of no others.

Source: ``methods.md`` 1.1 (decision points).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import pandas as pd

SPREAD_DAYS: Final = 46  # half a quarter: each renewal is inside for a quarter of weekly runs

DECIDED: Final = "decided"
NOTICE: Final = "notice"
SHORT: Final = "short"
SOON: Final = "soon"
LATER: Final = "later"
REASONS: Final = (DECIDED, NOTICE, SHORT, SOON, LATER)


def why_not(running: pd.DataFrame, *, as_of: date, decision_days: int) -> pd.Series:
    """Say why a term cannot be read today; "" where it can.

    Parameters
    ----------
    running : pandas.DataFrame
        Panel of running terms, with term_start, term_end, in_notice and decided.
    as_of : datetime.date
        The data date.
    decision_days : int
        Days before the renewal date at which past terms were judged.

    Returns
    -------
    pandas.Series of str
        One of :data:`REASONS`, the first that holds, or "".  ``decided``: the renewal is on
        record; ``notice``: a cancellation was asked for; ``short``: the contract is shorter than
        ``decision_days``; ``soon`` and ``later``: it renews more than 46 days nearer or further
        than that, or never.
    """
    end, start = pd.to_datetime(running["term_end"]), pd.to_datetime(running["term_start"])
    left = (end - pd.Timestamp(as_of)).dt.days
    why = pd.Series("", index=running.index, dtype=object)
    for reason, holds in (
        (DECIDED, running["decided"].fillna(False).astype(bool)),
        (NOTICE, running["in_notice"].fillna(False).astype(bool)),
        (SHORT, (end - start).dt.days < decision_days),
        (SOON, left < decision_days - SPREAD_DAYS),
        (LATER, ~(left <= decision_days + SPREAD_DAYS)),
    ):
        why[holds & (why == "")] = reason
    return why
