"""What each user did, day by day and feature by feature, in one pass over the events.

Grain in: uses.  Grain out: one row per (account, user, calendar month, 28-day period)
with any use: the days as bits, the features as bits.  A million events become some hundred
thousand rows of whole numbers; every measure of use is counted from them.

28-day periods are counted back from ``on``: period 0 is the last 28 days before it, so that each
holds four of every weekday and none is incomplete.  With on = 2024-03-01, period 0 is 2024-02-02
to 2024-02-29.  An event counts when it happened before ``on`` and was known by then; ``*_then``
holds what was known when its own period ended, for looking back from a past day without knowing
what came late.

Source: ``methods.md`` 1.1, 1.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features import uses
from cs_models.features.measures import bits
from cs_models.features.measures.bits import PER_WORD, PERIOD_DAYS, Int
from cs_models.features.uses import Uses

EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Cells:
    """Use by account, user, month and period.

    Attributes
    ----------
    account, pair : ndarray of int64, shape (n_rows,)
        Row of the account in the accounts' frame; number of the (account, user) pair, -1 where
        the event names no user.
    month, period : ndarray of int64
        Year × 12 + month - 1; 28-day periods back from the date, 0 the latest.
    days, days_then : ndarray of int64
        Bits of the period's days.
    features, features_then : list of ndarray of int64
        Bits of the features, 60 to a number.
    pair_account : ndarray of int64, shape (n_pairs,)
        Account of each pair.
    pair_user : ndarray of str, shape (n_pairs,)
        User of each pair.
    names : tuple of str
        The features, in the order of their bits.
    """

    account: Int
    pair: Int
    month: Int
    period: Int
    days: Int
    days_then: Int
    features: list[Int]
    features_then: list[Int]
    pair_account: Int
    pair_user: NDArray[np.object_]
    names: tuple[str, ...]

    def rows(self, which: NDArray[np.bool_]) -> Cells:
        """Return the rows for which ``which`` holds, with all pairs."""
        return Cells(
            self.account[which], self.pair[which], self.month[which], self.period[which],
            self.days[which], self.days_then[which], [word[which] for word in self.features],
            [word[which] for word in self.features_then],
            self.pair_account, self.pair_user, self.names,
        )  # fmt: skip


def used(words: list[Int], place: int) -> NDArray[np.bool_]:
    """Return whether the feature at a place was used, for each row.

    Parameters
    ----------
    words : list of ndarray of int64
        ``Cells.features``.
    place : int
        Place of the feature in ``Cells.names``.
    """
    return ((words[place // PER_WORD] >> (place % PER_WORD)) & 1).astype(bool)


def distinct(words: list[Int]) -> Int:
    """Return how many features each row holds."""
    return np.asarray(sum(bits.count(word) for word in words), dtype=np.int64)


def visible(events: ir.Table, on: date, data_start: date) -> ir.Table:
    """Return the events that a date may see: before it, known by it, of the recorded time.

    Parameters
    ----------
    events : ibis Table
        Canonical events.
    on, data_start : datetime.date
    """
    return events.filter(
        events.event_date >= ibis.literal(data_start),
        events.event_date < ibis.literal(on),
        events.known_date <= ibis.literal(on),
    )


def read(
    found: Uses, on: date, data_start: date, names: tuple[str, ...], accounts: pd.Series
) -> Cells:
    """Count the use of every user, month and period.

    Parameters
    ----------
    found : Uses
        All uses on record.
    on, data_start : datetime.date
        The date looked back from, and the first day of recorded use.
    names : tuple of str
        The features to tell apart; others count as use of the product.
    accounts : Series of str
        The accounts, each once; uses of others are left out.

    Returns
    -------
    Cells
    """
    today, first = (day.toordinal() - EPOCH for day in (on, data_start))
    own = uses.places(found.accounts, pd.Index(accounts))
    found = found.seen(on)
    found = found.rows((found.day >= first) & (own[found.account] >= 0))
    ago = today - found.day  # 1 is the day before
    month, period = uses.months(found.day), (ago - 1) // PERIOD_DAYS
    begins = uses.starts(found.user, found.account, month, period)
    then = today - found.known >= PERIOD_DAYS * period
    one = np.int64(1)
    marks = [one << (PERIOD_DAYS - 1 - (ago - 1) % PERIOD_DAYS)]
    place = uses.places(found.features, pd.Index(list(names)))[found.feature]
    words = range(max(1, math.ceil(len(names) / PER_WORD)))
    bit = one << (place % PER_WORD)
    marks += [np.where(place // PER_WORD == number, bit, 0) for number in words]
    whole = [uses.reduced(np.bitwise_or, mark, begins) for mark in marks]
    past = [uses.reduced(np.bitwise_or, np.where(then, mark, 0), begins) for mark in marks]
    account, user = own[found.account[begins]], found.user[begins]
    size = max(len(found.users), 1)
    pairs, pair = np.unique(np.where(user >= 0, account * size + user, -1), return_inverse=True)
    if len(pairs) and pairs[0] == -1:
        pairs, pair = pairs[1:], pair - 1
    return Cells(
        account=account, pair=pair.astype(np.int64), month=month[begins], period=period[begins],
        days=whole[0], days_then=past[0], features=whole[1:], features_then=past[1:],
        pair_account=(pairs // size).astype(np.int64),
        pair_user=found.users[pairs % size] if len(pairs) else found.users[:0],
        names=names,
    )  # fmt: skip
