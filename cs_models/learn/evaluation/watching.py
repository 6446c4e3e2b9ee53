"""How long rows were watched: the chance G to be still watched after each time.

Grain in: one row per episode.  Grain out: one curve per stratum.

G is the Kaplan–Meier curve of being last seen.  Where contracts of different lengths are watched
for different times, it needs one curve per stratum.

Source: ``methods.md`` 4; Graf et al. 1999 (Stat Med 18:2529).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import DataError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Watching:
    """The chance to be still watched, by stratum.

    Attributes
    ----------
    times, chance : dict of stratum to ndarray
        Distinct times at which a row was last seen, and G just after each.
    """

    times: dict[object, Float]
    chance: dict[object, Float]

    def before(self, moments: ArrayLike, strata: ArrayLike | None = None) -> Float:
        """Return G just before each moment, of each moment's stratum."""
        return self._read(moments, strata, "left")

    def after(self, moments: ArrayLike, strata: ArrayLike | None = None) -> Float:
        """Return G at each moment: the chance to be watched beyond it."""
        return self._read(moments, strata, "right")

    def _read(self, moments: ArrayLike, strata: ArrayLike | None, side: str) -> Float:
        when = np.asarray(moments, dtype=np.float64)
        labels = _labels(strata, len(when))
        found = np.empty(len(when))
        for name in pd.unique(labels):
            if name not in self.times:
                raise DataError("a stratum was never watched", where="strata", got=str(name))
            mine = labels == name
            place = np.searchsorted(self.times[name], when[mine], side=side)  # type: ignore[call-overload]
            found[mine] = np.r_[1.0, self.chance[name]][place]
        return found


def watching(
    durations: ArrayLike,
    event: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    entry: ArrayLike | None = None,
) -> Watching:
    """Estimate the chance to be still watched after each time.

    Parameters
    ----------
    durations, event : array-like, shape (n_rows,)
        Time, and 1 where the row ended, 0 where it was last seen.
    strata : array-like, shape (n_rows,), optional
        A curve each, such as the months of contract.
    entry : array-like, shape (n_rows,), optional
        Time from which each row was watched.

    Returns
    -------
    Watching
        Rows that end at a time are taken to end before others are last seen at it.
    """
    time, ended = checked(durations, event)
    start = np.zeros(len(time)) if entry is None else np.asarray(entry, dtype=np.float64)
    labels = _labels(strata, len(time))
    moments: dict[object, Float] = {}
    chance: dict[object, Float] = {}
    for name in pd.unique(labels):
        mine = labels == name
        own, own_start, over = time[mine], start[mine], ended[mine] > 0
        when, number = np.unique(own[~over], return_counts=True)
        entered = np.searchsorted(np.sort(own_start), when, side="left")
        at_risk = entered - np.searchsorted(np.sort(own), when, side="left")
        gone = np.searchsorted(np.sort(own[over]), when, side="right") - np.searchsorted(
            np.sort(own[over]), when, side="left"
        )
        moments[name] = when
        chance[name] = np.asarray(np.cumprod(1 - number / (at_risk - gone)), dtype=np.float64)
    return Watching(moments, chance)


def checked(durations: ArrayLike, event: ArrayLike) -> tuple[Float, Float]:
    """Return durations and events as numbers, or refuse them."""
    time = np.asarray(durations, dtype=np.float64)
    ended = np.asarray(event, dtype=np.float64)
    if not (np.isfinite(time).all() and (time > 0).all() and np.isin(ended, (0.0, 1.0)).all()):
        raise DataError(
            "durations must be positive, and event 1 (ended) or 0 (last seen)",
            where="durations and event",
            repair="leave out rows of which nothing was seen",
        )
    return time, ended


def _labels(strata: ArrayLike | None, n_rows: int) -> NDArray[np.object_]:
    if strata is None:
        return np.full(n_rows, "all", dtype=object)
    return np.asarray(pd.Series(np.asarray(strata)).astype(object))
