"""Who was at risk when somebody left, for Cox's score, information and residuals (Efron ties).

Grain in: one row per episode.  Grain out: one row per event; tied ones share the risk set, the
l-th of d at the same time seeing it less l/d of those who leave then.  Everything is a running
sum over rows in order of time: n log n, and no table of rows × times.

lifelines' own robust standard errors do not weigh ties in Efron's way: on R's kidney data they are
.00813 and .48322 where R gives .00809 and .48346, as do the residuals here.

Source: ``methods.md`` 4 and 8 (Grambsch & Therneau 1994; R's survival).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cs_models.learn.hazards.observed import Counts, Float, Int, Times, counts


@dataclass(frozen=True)
class Deaths:
    """Risk sets at the events, in order of time.

    Attributes
    ----------
    found : Counts
        Distinct times.
    place : ndarray of int, shape (n_events,)
        The time of each event.
    fraction : ndarray of float, shape (n_events,)
        Share of the tied that is counted as gone.
    whole : ndarray, shape (n_events,)
        Sum of exp(x b) at risk.
    excess, mean : ndarray, shape (n_events, n_columns)
        x of the one that left less the mean of x at risk; that mean.
    second : dict of (j, k) to ndarray
        Mean of x_j x_k at risk, j <= k.
    """

    found: Counts
    place: Int
    fraction: Float
    whole: Float
    excess: Float
    mean: Float
    second: dict[tuple[int, int], Float]

    def information(self, weight: Float) -> Float:
        """Sum the variance of x at risk over events, each times its weight."""
        size = self.mean.shape[1]
        total = np.empty((size, size))
        for (j, k), value in self.second.items():
            total[j, k] = total[k, j] = weight @ (value - self.mean[:, j] * self.mean[:, k])
        return total


def deaths(given: Times, columns: Float, coefficients: Float) -> Deaths:
    """Return the risk set of each event."""
    found = counts(given)
    risk = np.exp(columns @ coefficients)
    tied = found.total.astype(np.int64)
    place = np.repeat(np.arange(len(tied)), tied)
    order = np.arange(len(place)) - np.repeat(np.cumsum(tied) - tied, tied)
    fraction = order / tied[place]
    at_time = np.searchsorted(found.time, given.duration)
    ended = given.event > 0
    by_stop, by_entry = np.argsort(given.duration), np.argsort(given.entry)
    first_stop = np.searchsorted(given.duration[by_stop], found.time, side="left")
    first_entry = np.searchsorted(given.entry[by_entry], found.time, side="left")

    def present(values: Float) -> Float:
        """Sum values over those at risk, less the share of the tied that is counted as gone."""
        stay = np.r_[np.cumsum(values[by_stop][::-1])[::-1], 0.0][first_stop]
        late = np.r_[np.cumsum(values[by_entry][::-1])[::-1], 0.0][first_entry]
        going = np.bincount(at_time[ended], values[ended], len(found.time))
        return np.asarray((stay - late)[place] - fraction * going[place])

    size = columns.shape[1]
    whole = present(risk)
    mean = np.stack([present(risk * columns[:, j]) / whole for j in range(size)], axis=1)
    second = {
        (j, k): present(risk * columns[:, j] * columns[:, k]) / whole
        for j in range(size)
        for k in range(j, size)
    }
    by_time = np.flatnonzero(ended)[np.argsort(at_time[ended], kind="stable")]
    return Deaths(found, place, fraction, whole, columns[by_time] - mean, mean, second)


def score_residuals(given: Times, columns: Float, coefficients: Float) -> Float:
    """Return each row's part of Cox's score, shape (n_rows, n_columns); columns sum to 0."""
    sets = deaths(given, columns, coefficients)
    risk = np.exp(columns @ coefficients)
    n_times = len(sets.found.time)
    last = np.searchsorted(sets.found.time, given.duration, side="right")
    first = np.searchsorted(sets.found.time, given.entry, side="right")
    share = np.column_stack([1 / sets.whole, sets.mean / sets.whole[:, None]])
    at_times = _sums(sets.place, share, n_times)
    until = np.vstack([np.zeros(share.shape[1]), np.cumsum(at_times, axis=0)])
    seen = until[last] - until[first]
    residual = -risk[:, None] * (columns * seen[:, :1] - seen[:, 1:])
    ended = np.flatnonzero(given.event > 0)
    when = np.searchsorted(sets.found.time, given.duration[ended])
    spared = _sums(sets.place, share * sets.fraction[:, None], n_times)[when]
    own = columns[ended]
    centre = (_sums(sets.place, sets.mean, n_times) / sets.found.total[:, None])[when]
    residual[ended] += own - centre + risk[ended, None] * (own * spared[:, :1] - spared[:, 1:])
    return np.asarray(residual)


def _sums(place: Int, values: Float, size: int) -> Float:
    return np.stack(
        [np.bincount(place, values[:, j], size) for j in range(values.shape[1])], axis=1
    )
