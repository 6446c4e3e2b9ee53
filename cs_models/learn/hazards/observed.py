"""Times until something happens, checked once for everything that learns from them.

Grain: one row per account episode (or patient, or contract): watched from ``entry`` until
``duration``; ``event`` says whether it ended then.  A row is at risk at t when
``entry < t <= duration``, as in R's survival.

Source: ``methods.md`` 1.1 (left truncation, censoring); ``reliability.md`` E3 to E5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import DataError

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Times:
    """Checked rows.

    Attributes
    ----------
    duration, entry : ndarray of float, shape (n_rows,)
        In any one unit; ``0 <= entry < duration``, both finite.
    event : ndarray of int, shape (n_rows,)
        0 last seen (censored); 1, or the number of the cause, where it ended.
    """

    duration: Float
    entry: Float
    event: Int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.duration)

    @cached_property
    def ends(self) -> Float:
        """Return the durations in ascending order."""
        return np.sort(self.duration)

    @cached_property
    def _entries(self) -> Float:
        return np.sort(self.entry[self.entry > 0])

    def entered(self, moments: Float) -> Int:
        """Count the rows with entry < t at each moment t."""
        late = np.searchsorted(self._entries, moments, side="left")
        return np.asarray(late + np.where(moments > 0, len(self) - len(self._entries), 0))

    def rows(self, which: NDArray[np.bool_]) -> Times:
        """Return the rows for which ``which`` holds."""
        return Times(self.duration[which], self.entry[which], self.event[which])


def times(
    durations: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    *,
    n_causes: int = 1,
) -> Times:
    """Check durations, events and entries.

    Parameters
    ----------
    durations, event, entry : array-like, shape (n_rows,)
        As in `Times`; ``entry`` is 0 where it is not given.
    n_causes : int, default 1
        The largest number that ``event`` may hold.

    Returns
    -------
    Times

    Raises
    ------
    DataError
        There is no row; a time is missing, infinite or negative; a row was not watched for any
        time; ``event`` holds anything else than 0 to ``n_causes``.
    """
    stop = np.asarray(durations, dtype=np.float64)
    start = np.zeros(len(stop)) if entry is None else np.asarray(entry, dtype=np.float64)
    if not len(stop):
        raise DataError("there is no row to follow over time", where="durations", got="0 rows")
    wrong = ~(np.isfinite(stop) & np.isfinite(start) & (start >= 0) & (stop > start))
    if wrong.any():
        raise DataError(
            "a duration must be a positive number, later than the row's entry",
            where="durations and entry",
            got=f"{int(wrong.sum())} of {len(stop)} rows, such as {_sample(stop, start, wrong)}",
            repair="leave these rows out: nothing was seen of them",
        )
    codes = pd.to_numeric(pd.Series(np.asarray(event)), errors="coerce").to_numpy(np.float64)
    if not np.isin(codes, np.arange(n_causes + 1)).all():
        raise DataError(
            "event must be 0 (last seen) or 1 (ended)"
            if n_causes == 1
            else f"event must be 0 (last seen) or the number of a cause, 1 to {n_causes}",
            where="event",
            got=", ".join(str(value) for value in pd.unique(np.asarray(event))[:5]),
            repair="map the outcome to these numbers, and leave out rows where it is not known",
        )
    return Times(stop, start, codes.astype(np.int64))


@dataclass(frozen=True)
class Counts:
    """Rows at risk and rows that ended, at each distinct time at which one ended.

    Attributes
    ----------
    time, at_risk : ndarray of float, shape (n_times,)
        Ascending times.
    events : ndarray of float, shape (n_times, n_causes)
        Rows that ended, by cause.
    """

    time: Float
    at_risk: Float
    events: Float

    @property
    def total(self) -> Float:
        """Return the rows that ended at each time, of whatever cause."""
        return np.asarray(self.events.sum(axis=1), dtype=np.float64)


def counts(given: Times, *, n_causes: int = 1) -> Counts:
    """Count, at each time at which a row ended, who was at risk and who ended."""
    ended = given.event > 0
    if n_causes == 1:
        moments, number = np.unique(given.duration[ended], return_counts=True)
        events = number[:, None].astype(np.float64)
    else:
        moments, place = np.unique(given.duration[ended], return_inverse=True)
        cells = place * n_causes + given.event[ended] - 1
        number = np.bincount(cells, minlength=len(moments) * n_causes)
        events = number.reshape(len(moments), n_causes).astype(np.float64)
    return Counts(moments, at_risk(given, moments), events)


def at_risk(given: Times, moments: Float) -> Float:
    """Count the rows with entry < t <= duration at each moment t."""
    left = np.searchsorted(given.ends, moments, side="left")
    return (given.entered(moments) - left).astype(np.float64)


def _sample(stop: Float, start: Float, wrong: NDArray[np.bool_]) -> str:
    place = int(np.flatnonzero(wrong)[0])
    return f"entry {start[place]:g} and duration {stop[place]:g}"
