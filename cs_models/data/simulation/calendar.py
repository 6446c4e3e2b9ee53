"""Days as whole numbers since 1970-01-01, months by the calendar, and the product's seasons."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Small = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

MICROSECONDS_PER_DAY = 86_400_000_000
MICROSECONDS_PER_HOUR = 3_600_000_000


def day(when: date) -> int:
    """Return the number of `when` counted in days from 1970-01-01."""
    return (when - date(1970, 1, 1)).days


def add_months(days: Ints, months: Ints | int) -> Ints:
    """Move days by whole months from their anchor, month ends clamped.

    31 January plus 1 month is 28 (or 29) February, plus 2 months is 31 March: terms are always
    counted from the anchor, so that dates do not drift.
    """
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    offset = (dates - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.asarray(months, dtype="timedelta64[M]")
    last = (target + 1).astype("datetime64[D]").astype(np.int64) - 1
    moved: Ints = np.minimum(target.astype("datetime64[D]").astype(np.int64) + offset, last)
    return moved


def earlier_sum(account: Ints, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sum of the account's earlier values; entries of an account stand together.

    Worked example: accounts 1, 1, 1, 2, 2 and values 5, 3, 1, 7, 2 give 0, 5, 8, 0, 7.
    """
    before = np.cumsum(values) - values
    first = np.r_[True, account[1:] != account[:-1]]
    earlier: npt.NDArray[Any] = before - before[first][np.cumsum(first) - 1]
    return earlier


def quarter_index(days: Ints) -> Ints:
    """Return calendar quarters counted from 1970 (0 is 1970 Q1)."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // 3


def quarter_label(index: int) -> str:
    """Return a quarter's name, such as ``2026Q2``."""
    return f"{1970 + index // 4}Q{index % 4 + 1}"


class ProductCalendar:
    """The share of a normal day's use that falls on each day.

    Weekends have a fifth of a weekday, August and late December lose a quarter, and a few
    outage days have nothing (`methods.md` section 7).  Scaled so that an average day counts 1.

    Parameters
    ----------
    first, last : int
        First and last day covered, days since 1970-01-01.
    rng : numpy.random.Generator
        Draws the outage days.
    """

    def __init__(self, first: int, last: int, rng: np.random.Generator) -> None:
        days = np.arange(first, last + 1)
        dates = days.astype("datetime64[D]")
        month = dates.astype("datetime64[M]")
        in_month = (dates - month.astype("datetime64[D]")).astype(np.int64)
        month_number = month.astype(np.int64) % 12 + 1
        weekday = (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
        weight = np.where(weekday >= 5, 0.2, 1.0)
        holidays = (month_number == 8) | ((month_number == 12) & (in_month >= 19))
        weight = np.where(holidays, 0.75 * weight, weight)
        self.outage_days = np.sort(rng.choice(days, size=max(1, days.size // 250), replace=False))
        weight[self.outage_days - first] = 0.0
        self.first = first
        self.last = last
        self._cumulative = np.concatenate([[0.0], np.cumsum(weight / weight.mean())])

    def until(self, days: Ints) -> Floats:
        """Return the normal days of use before each day, counted from the calendar's first."""
        position = np.clip(days - self.first, 0, self._cumulative.size - 1)
        return self._cumulative[position]

    def between(self, start: Ints, end: Ints) -> Floats:
        """Return the normal days of use in [start, end); 0 where the span is empty."""
        return np.maximum(self.until(end) - self.until(start), 0.0)

    def place(self, position: Floats) -> Ints:
        """Return the day on which a position of :meth:`until` falls."""
        inner = np.searchsorted(self._cumulative, position, side="right") - 1
        return self.first + np.clip(inner, 0, self._cumulative.size - 2)
