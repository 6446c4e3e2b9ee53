"""Making a list: who meets its criteria, and in which order.

Grain in: a frame of one row per running term, or per user.  Grain out: one row per account, or
user, on the list.

Dated example, D = 2024-03-01: of 50 who meet the criteria 10 were called by us in the week before
and are left out; 40 stand on the list, the largest of its ``order_by`` first.

Source: ``methods.md`` 6; ``customer_success.md`` Q14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features import criteria
from cs_models.learn.listing.asked import CONTACT, CustomerList

KEYS: Final = {"account": "account_id", "user": "user_id"}


@dataclass(frozen=True)
class Made:
    """A list as it stands on a day.

    Attributes
    ----------
    rows : pandas.DataFrame
        The frame's rows that are on it, one per account or user, in order: its columns and
        ``rank`` (from 1); once the team's calls are shared (``shared.share``) also
        ``in_capacity``, ``touch`` and ``called_from``.
    n_frame, n_unknown, n_quiet : int
        Rows it was asked of; those whose criteria are not known; those left out because we
        contacted them within its quiet days.
    """

    rows: pd.DataFrame
    n_frame: int
    n_unknown: int
    n_quiet: int


def make(asked: CustomerList, frame: pd.DataFrame) -> Made:
    """Make a list.

    Parameters
    ----------
    asked : CustomerList
    frame : pandas.DataFrame
        One row per running term (grain "account") or user, with its columns, ``account_id``,
        ``arr`` and :data:`CONTACT`.

    Returns
    -------
    Made
        The same whatever the order of the frame's rows: ties stand by their ids.

    Raises
    ------
    ParameterError
        As ``criteria.check`` does.
    """
    answered = criteria.holds(asked.criteria, frame)
    met = answered.fillna(False).astype(bool)
    quiet = met & recently(frame, asked.quiet_days)
    key = KEYS[asked.grain]
    ids = [name for name in (key, "subscription_id") if name in frame.columns]
    rows = frame[met & ~quiet].sort_values(
        [asked.order_by, *ids], ascending=[asked.ascending, *[True] * len(ids)],
        na_position="last", kind="stable",
    )  # fmt: skip
    rows = rows.drop_duplicates(key).reset_index(drop=True)
    return Made(
        rows=rows.assign(rank=np.arange(1, len(rows) + 1)),
        n_frame=len(frame), n_unknown=int(answered.isna().sum()), n_quiet=int(quiet.sum()),
    )  # fmt: skip


def made_again(asked: CustomerList, frame: pd.DataFrame, *, by: str, capacity: int) -> pd.Series:
    """Make a list once for each past day, and say who would have been worked on.

    Parameters
    ----------
    asked : CustomerList
    frame : pandas.DataFrame
        As :func:`make` takes it, of several days.
    by : str
        Column that holds the day (the quarter) of each row.
    capacity : int
        Rows each time.

    Returns
    -------
    pandas.Series of bool
        Index of ``frame``.
    """
    met = criteria.holds(asked.criteria, frame).fillna(False).astype(bool)
    key = KEYS[asked.grain]
    rows = frame[met & ~recently(frame, asked.quiet_days)]
    ids = [name for name in (key, "subscription_id") if name in frame.columns]
    rows = rows.sort_values(
        [asked.order_by, *ids], ascending=[asked.ascending, *[True] * len(ids)],
        na_position="last", kind="stable",
    ).drop_duplicates([by, key])  # fmt: skip
    first = rows.groupby(by).cumcount() < capacity
    return pd.Series(frame.index.isin(rows.index[first]), index=frame.index)


def recently(frame: pd.DataFrame, days: int) -> pd.Series:
    """Return who was contacted by us within so many days; nobody where that is not on record.

    Parameters
    ----------
    frame : pandas.DataFrame
    days : int
        0 asks for nobody.
    """
    if days == 0 or CONTACT not in frame.columns:
        return pd.Series(False, index=frame.index)
    ago = pd.to_numeric(frame[CONTACT]).astype("float64")
    return ago <= days
