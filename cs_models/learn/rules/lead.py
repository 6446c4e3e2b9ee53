"""How much time a rule leaves: from the day its answer is known to the renewal date.

Grain in: a rule and a panel.  Grain out: one number of days per panel row.
"""

from __future__ import annotations

import pandas as pd

from cs_models.errors import ParameterError
from cs_models.learn.rules import reading


def days(rule: reading.Rule, frame: pd.DataFrame) -> pd.Series:
    """Return the days between the end of a rule's window and the renewal date.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        With ``term_start``, ``term_end`` and the rule's columns.

    Returns
    -------
    Series of float, same index
        Days; negative when the term ends first.  NaN without a renewal date, or where the rule
        says nothing (another segment, use not recorded).

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks its columns or the dates of the term.
    """
    absent = [name for name in ("term_start", "term_end") if name not in frame.columns]
    if absent:
        raise ParameterError(
            "the panel lacks the dates of the term",
            where=", ".join(absent),
            repair="pass the panel's rows whole",
        )
    known = pd.to_datetime(frame["term_start"]) + pd.Timedelta(days=int(rule["window_days"]))
    left: pd.Series = (pd.to_datetime(frame["term_end"]) - known).dt.days.astype(float)
    spoken: pd.Series = left.where(reading.apply(rule, frame).notna())
    return spoken
