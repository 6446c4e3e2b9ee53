"""What is on record, on each day, of the outcome of a contract that has ended.

Grain in: contract terms of some accounts.  Grain out: stretches of days of a term, one per term.

An outcome is known from its decision date on.  Where none is recorded it cannot be told from one
that was read off the next term, and counts only once the days of grace are over.  A contract that
ended within the days of grace still counts with its money: until it is known to be lost, until the
next one begins, or, where the customer had asked to cancel, not at all.  With a renewal on record
it counts as running.

Dated example, grace 30 days: a contract ends on 2024-05-01, its renewal was decided on 2024-04-10,
the next one begins on 2024-05-02.  It counts as running on 2024-05-01.  Had no next one begun, it
would count until 2024-05-31, and from 2024-06-01 on as renewed with no further contract seen.

Source: ``methods.md`` 1.1; ``data_contract.md`` (the outcome).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.daily.grid import FAR, Grid, Int, numbers

OPEN: Final = 0
LOST: Final = 1
GOES_ON: Final = 2
_CODES: Final = {
    "churned": LOST, "involuntary": LOST,
    "renewed": GOES_ON, "expanded": GOES_ON, "contracted": GOES_ON,
}  # fmt: skip


def outcomes(rows: pd.DataFrame, closed: Int, grace_days: int) -> tuple[Int, Int]:
    """Read the outcome of each term, and from when it is known.

    Parameters
    ----------
    rows : DataFrame, one row per term
        ``outcome`` and ``decided_at``.
    closed : ndarray of int, shape (n_terms,)
        First day after each term.
    grace_days : int
        Days without a contract after which a customer has left.

    Returns
    -------
    outcome : ndarray of int, shape (n_terms,)
        ``OPEN``, ``LOST`` or ``GOES_ON``.
    known : ndarray of int, shape (n_terms,)
        Day; ``FAR`` where nothing is on record.
    """
    outcome: Int = np.asarray(rows["outcome"].map(_CODES).fillna(OPEN), dtype=np.int64)
    day = numbers(rows["decided_at"])
    known = np.where(day < FAR, day, np.minimum(closed + grace_days + 1, FAR))
    return outcome, np.asarray(np.where(outcome == OPEN, FAR, known), dtype=np.int64)


@dataclass(frozen=True)
class Ended:
    """The days after the end of each term on which it still counts.

    Attributes
    ----------
    since : ndarray of int, shape (n_terms,)
        First day on which its money counts after its end.
    renewed : ndarray of int, shape (n_terms,)
        First day on which it counts as running after its end; ``FAR`` where never.
    until : ndarray of int, shape (n_terms,)
        First day on which it counts no more.
    unseen : ndarray of int, shape (n_terms,)
        From here until ``following`` it is renewed with no further contract seen; ``FAR`` where
        never.
    following : ndarray of int, shape (n_terms,)
        First day of the next contract that runs past its end; ``FAR`` where none does.
    """

    since: Int
    renewed: Int
    until: Int
    unseen: Int
    following: Int


def ended(
    account: Int, start: Int, closed: Int, noticed: Int, outcome: Int, known: Int, grace_days: int
) -> Ended:
    """Find the days after each term's end on which it still counts.

    Parameters
    ----------
    account, start, closed : ndarray of int, shape (n_terms,)
        Terms in order of account and start; first day, and first day after.
    noticed : ndarray of int, shape (n_terms,)
        Day on which the customer asked to cancel; ``FAR`` where never.
    outcome, known : ndarray of int, shape (n_terms,)
        As `outcomes` returned them.
    grace_days : int
        As there.
    """
    following = _following(account, start, closed)
    goes_on = outcome == GOES_ON
    renewed = np.where(goes_on, np.maximum(closed, known), FAR)
    since = np.where(noticed < closed, renewed, closed)
    # A renewal carries on to the last day of grace; what is undecided is lost on that day.
    last = closed + grace_days + np.where(goes_on & (known <= closed + grace_days), 1, 0)
    lost = np.where(outcome == LOST, np.maximum(known, closed), FAR)
    until = np.minimum.reduce([last, following, lost])
    unseen = np.where(goes_on, np.maximum(closed + grace_days + 1, known), FAR)
    return Ended(since, renewed, until, unseen, following)


def on_record(grid: Grid, account: Int, start: Int, outcome: Int, known: Int) -> Int:
    """Return what is on record on each day of the latest term: ``OPEN``, ``LOST``, ``GOES_ON``."""
    told = np.where(known < FAR, np.maximum(start, known), FAR)
    values = np.r_[4 * start, 4 * start + outcome]
    return np.asarray(grid.latest(np.r_[account, account], np.r_[start, told], values) % 4)


def standing_notice(noticed: Int, closed: Int, outcome: Int, known: Int) -> Int:
    """Return the first day on which a notice stands no more: its end, or a renewal decided later.

    Returns
    -------
    ndarray of int, shape (n_terms,)
    """
    taken_back = (outcome == GOES_ON) & (known >= noticed)
    return np.where(taken_back, np.minimum(closed, known), closed)


def _following(account: Int, start: Int, closed: Int) -> Int:
    """Return the start of the first later term of the account that runs past a term's end."""
    found = np.full(len(start), FAR)
    open_ = np.arange(len(start))
    step = 0
    while len(open_):
        step += 1
        open_ = open_[open_ + step < len(start)]
        open_ = open_[account[open_ + step] == account[open_]]
        past = closed[open_ + step] > closed[open_]
        found[open_[past]] = start[open_[past] + step]
        open_ = open_[~past]
    return found
