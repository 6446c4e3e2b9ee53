"""All days of all accounts in one array, and what changes on them.

Grain in: changes, each of an account on a day.  Grain out: one value per account and day, in one
long array: the days of the first account, then those of the second, and so on.

Days are whole numbers, counted from 1970-01-01.  A change on a day holds from that day on; one
from before an account is watched holds from its first day on, and one after its last day is left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

NEVER: Final = -(10**6)  # a day long before any other
FAR: Final = 10**6  # and one long after
_WIDE: Final = 4 * FAR


@dataclass(frozen=True)
class Grid:
    """The days of accounts.

    Attributes
    ----------
    first, last : ndarray of int, shape (n_accounts,)
        First and last day of each account; ``first <= last``.
    """

    first: Int
    last: Int

    @cached_property
    def length(self) -> Int:
        """Days of each account."""
        return self.last - self.first + 1

    @cached_property
    def offset(self) -> Int:
        """Place of each account's first day."""
        return np.asarray(np.cumsum(self.length) - self.length)

    @cached_property
    def account(self) -> Int:
        """Account of each place."""
        return np.repeat(np.arange(len(self.first)), self.length)

    @cached_property
    def day(self) -> Int:
        """Day of each place."""
        return np.asarray(np.arange(len(self.account)) - (self.offset - self.first)[self.account])

    def __len__(self) -> int:
        """Return the number of account-days."""
        return int(self.length.sum())

    def of_account(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Repeat a value of each account on all its days."""
        return values[self.account]

    def places(self, account: Int, day: Int) -> tuple[Int, Bool]:
        """Return where changes begin to hold, and which of them do.

        Parameters
        ----------
        account, day : ndarray of int, shape (n_changes,)

        Returns
        -------
        places : ndarray of int, shape (n_held,)
        held : ndarray of bool, shape (n_changes,)
            False for changes after the account's last day.
        """
        held = day <= self.last[account]
        own, when = account[held], np.maximum(day[held], self.first[account[held]])
        return self.offset[own] + when - self.first[own], np.asarray(held)

    def running(self, account: Int, day: Int, change: NDArray[np.generic]) -> Float:
        """Return the sum of all changes up to each day.

        Parameters
        ----------
        account, day : ndarray of int, shape (n_changes,)
        change : ndarray, shape (n_changes,)

        Returns
        -------
        ndarray of float, shape (n_account_days,)
        """
        place, held = self.places(account, day)
        weights = np.asarray(change, dtype=np.float64)[held]
        total = np.cumsum(np.bincount(place, weights, minlength=len(self)))
        before = np.r_[0.0, total][self.offset]
        # What is a sum of thousandths stays one: no trace of how it was added up.
        return np.asarray(np.round(total - np.repeat(before, self.length), 6))

    def between(self, account: Int, start: Int, stop: Int, amount: object = 1) -> Float:
        """Return the sum of the amounts whose stretch ``[start, stop)`` holds each day."""
        given = np.broadcast_to(np.asarray(amount, dtype=np.float64), account.shape)
        real = start < stop
        account, start, stop, given = account[real], start[real], stop[real], given[real]
        return self.running(np.r_[account, account], np.r_[start, stop], np.r_[given, -given])

    def latest(self, account: Int, day: Int, value: Int | None = None) -> Int:
        """Return the largest value told up to each day; ``NEVER`` where none was.

        Parameters
        ----------
        account, day : ndarray of int, shape (n_changes,)
            From when each value is told.
        value : ndarray of int, shape (n_changes,), optional
            The day itself when not given; above ``NEVER``.
        """
        place, held = self.places(account, day)
        told = np.full(len(self), NEVER, dtype=np.int64)
        np.maximum.at(told, place, (day if value is None else value)[held])
        # Accounts ascend by more than any value, so that none reaches into the next.
        lifted = told + self.account * _WIDE
        return np.asarray(np.maximum.accumulate(lifted) - self.account * _WIDE)


def numbers(days: pd.Series) -> Int:
    """Return dates as days since 1970-01-01; ``FAR`` where there is none."""
    read = pd.to_datetime(days).to_numpy(dtype="datetime64[D]")
    return np.where(np.isnat(read), FAR, read.astype(np.int64))


def dates(days: Int) -> pd.DatetimeIndex:
    """Return days since 1970-01-01 as dates."""
    return pd.DatetimeIndex(np.asarray(days, dtype="datetime64[D]").astype("datetime64[ns]"))
