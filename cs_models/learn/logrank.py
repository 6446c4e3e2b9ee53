"""Log-rank statistics and scores for time to churn, all cuts of a feature at once.

Grain in: one row per term, watched from ``entry`` (0 where none is given) until ``durations``;
``event_observed`` says whether it left then.  Grain out: the log-rank chi-square of "at or above
the cut" against "below" for each cut, or one score per row.  A row is at risk at t when
``entry < t <= duration``, as in R's survival.  ``methods.md`` 2.2, 2.3 and 4; checked against
``lifelines.statistics.logrank_test`` and, where there are entry times, against plain loops.

With n(t) at risk, d(t) leaving and n1(t) at risk above the cut, the log-rank statistic is
observed less expected, ``O - E``, over the square root of the hypergeometric variance V:

    E = sum n1 d / n,   V = sum n1 (n - n1) d (n - d) / (n² (n - 1))

E and the part of V that is linear in n1 are sums over rows.  The part in n1² is a sum over pairs of
rows, of which ``_pair_sums`` takes all cuts in log2(cuts) passes over the rows: no table of times
× cuts is held, so 100,000 distinct times cost no more memory than 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import DataError

Tie = Literal["risk set", "hothorn-lausen"]
Float = NDArray[np.float64]
Int = NDArray[np.int64]


def at_every_cut(
    values: Float,
    durations: Float,
    event_observed: NDArray[np.generic],
    cuts: Float,
    *,
    entry: Float | None = None,
) -> pd.DataFrame:
    """Compare rows at or above each cut with the rows below it.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
        The rule's count.
    durations : ndarray of float, shape (n_rows,)
        Time, in any unit, at which the row left or was last seen.
    event_observed : ndarray of bool or 0/1, shape (n_rows,)
        1 where the row left, 0 where it was last seen (censored).
    cuts : ndarray of float, shape (n_cuts,)
        In any order.
    entry : ndarray of float, shape (n_rows,), optional
        Time from which the row was watched, before its duration.

    Returns
    -------
    DataFrame, one row per cut, in the order given
        ``cut``, ``n_above`` (rows), ``observed`` and ``expected`` (churns above), ``variance`` (of
        observed less expected), ``chi_square`` (1 degree of freedom; missing where no churn can
        tell the sides apart, as when one side is empty).

    Raises
    ------
    DataError
        A value or time is missing, or a row was not watched for any time.
    """
    cuts = np.asarray(cuts, dtype=np.float64)
    values = np.asarray(values, dtype=np.float64)
    for where, given in (("values", values), ("cuts", cuts)):
        if np.isnan(given).any():
            raise DataError(
                "log-rank statistics need a value in every row, and a number for every cut",
                where=where,
                got=f"{int(np.isnan(given).sum())} of {len(given)} missing",
                repair="leave out the rows in which the feature is missing",
            )
    watched = _watched(durations, event_observed, entry)
    levels, level_of_cut = np.unique(-cuts, return_inverse=True)  # highest cut first
    joins = np.searchsorted(levels, -values)  # the first level above which the row stands
    n_at_risk, n_events = watched.n_at_risk, watched.n_events
    share = _ratio(n_events * (n_at_risk - n_events), n_at_risk**2 * (n_at_risk - 1))

    def above(weights: Float) -> Float:
        """Sum row weights above each level."""
        return np.cumsum(np.bincount(joins, weights, len(levels) + 1)[:-1])

    observed = above(watched.event)
    expected = above(watched.during(n_events / n_at_risk))
    linear = above(watched.during(share * n_at_risk))
    variance = linear - _pair_sums(joins, watched, share, len(levels))
    variance = np.where(variance > 1e-12 * linear, variance, 0.0)
    columns = {
        "cut": cuts,
        "n_above": above(np.ones(len(values))).astype(np.int64)[level_of_cut],
        "observed": observed[level_of_cut],
        "expected": expected[level_of_cut],
        "variance": variance[level_of_cut],
        "chi_square": _ratio((observed - expected) ** 2, variance, np.nan)[level_of_cut],
    }
    return pd.DataFrame(columns)


def cumulative_hazard(
    durations: Float,
    event_observed: NDArray[np.generic],
    *,
    entry: Float | None = None,
    tie: Tie = "risk set",
) -> Float:
    """Return the churns expected of each row: the pooled hazard while it was watched.

    Parameters
    ----------
    durations, event_observed, entry : ndarray, shape (n_rows,)
        As in ``at_every_cut``.
    tie : {"risk set", "hothorn-lausen"}, default "risk set"
        What divides rows that leave at the same time: all rows at risk then (Nelson and Aalen),
        or one more than the rows at risk after them (Hothorn and Lausen 2003, as R's maxstat).

    Returns
    -------
    ndarray of float, shape (n_rows,)
        H(duration) - H(entry).  With the risk set its sum is the number of churns.

    Raises
    ------
    DataError
        A time is missing, or a row was not watched for any time.
    """
    watched = _watched(durations, event_observed, entry)
    divisor = watched.n_at_risk
    if tie == "hothorn-lausen":
        divisor = divisor - watched.n_leaving + 1.0
    return watched.during(watched.n_events / divisor)


def scores(
    durations: Float,
    event_observed: NDArray[np.generic],
    *,
    entry: Float | None = None,
    tie: Tie = "risk set",
) -> Float:
    """Return log-rank scores: churned less the churns expected of the row.

    Parameters
    ----------
    durations, event_observed, entry : ndarray, shape (n_rows,)
        As in ``at_every_cut``.
    tie : {"risk set", "hothorn-lausen"}, default "risk set"
        As in ``cumulative_hazard``.

    Returns
    -------
    ndarray of float, shape (n_rows,)
        Martingale residuals at the pooled hazard.  With the risk set they sum to zero, and their
        sum above a cut is the log-rank's observed less expected.

    Raises
    ------
    DataError
        A time is missing, or a row was not watched for any time.
    """
    expected = cumulative_hazard(durations, event_observed, entry=entry, tie=tie)
    return np.asarray(event_observed, dtype=np.float64) - expected


@dataclass(frozen=True)
class _Watched:
    """Rows on the scale of the distinct times at which a row left.

    ``first`` and ``last`` count the times up to the row's entry and its duration: the row is at
    risk at the times first, ..., last - 1.  ``n_leaving`` counts rows, churned or not, whose
    duration is the time itself.
    """

    event: Float
    first: Int
    last: Int
    n_at_risk: Float
    n_events: Float
    n_leaving: Float

    def during(self, steps: Float) -> Float:
        """Sum steps at the churn times while each row was watched."""
        total = np.r_[0.0, np.cumsum(steps)]
        return np.asarray(total[self.last] - total[self.first])


def _watched(
    durations: Float, event_observed: NDArray[np.generic], entry: Float | None
) -> _Watched:
    end = np.asarray(durations, dtype=np.float64)
    event = np.asarray(event_observed, dtype=np.float64)
    start = np.full(len(end), -np.inf) if entry is None else np.asarray(entry, dtype=np.float64)
    wrong = ~(start < end)  # true as well where either is missing
    if wrong.any():
        raise DataError(
            "a row must be watched for some time before it leaves or is last seen",
            where="durations and entry",
            got=f"{int(wrong.sum())} of {len(end)} rows with a missing time, or entry not before",
            repair="leave these rows out: nothing was seen of them",
        )
    if not np.isin(event, (0.0, 1.0)).all():
        raise DataError(
            "event_observed must be 1 (left) or 0 (last seen)",
            where="event_observed",
            got=", ".join(f"{value:g}" for value in np.unique(event)[:5]),
            repair="map the outcome to 0 and 1, and leave out rows where it is not known",
        )
    times = np.unique(end[event > 0])
    last = _places(times, end)
    first = np.zeros_like(last) if entry is None else _places(times, start)
    n = len(times)
    entered = np.cumsum(np.bincount(first, minlength=n + 1))[:n]
    left = np.cumsum(np.bincount(last, minlength=n + 1))[:n]
    at_time = np.r_[np.nan, times][last] == end
    return _Watched(
        event=event,
        first=first,
        last=last,
        n_at_risk=(entered - left).astype(np.float64),
        n_events=np.bincount(last, event, n + 1)[1:].astype(np.float64),
        n_leaving=np.bincount(last[at_time], minlength=n + 1)[1:].astype(np.float64),
    )


def _places(times: Float, moments: Float) -> Int:
    """Count the times up to each moment; sorted needles are found several times faster."""
    order = np.argsort(moments)
    places = np.empty(len(moments), dtype=np.int64)
    places[order] = np.searchsorted(times, moments[order], side="right")
    return places


def _pair_sums(joins: Int, watched: _Watched, share: Float, n_levels: int) -> Float:
    """Return sum over churn times of share × (rows at risk above the level)², for each level.

    A row at risk at the times first, ..., last - 1 is the point ``last`` with sign + and the point
    ``first`` with sign -, so the sum is that of ``W[min(p, q)]``, with both signs, over all pairs
    of points above the level, W being the cumulative share.  A pair counts from the level at which
    the later of the two joins.  Levels are halved again and again: at each halving, pairs of a
    point in the first half with one in the second are summed by running sums in order of time.
    """
    late = watched.first > 0  # before the first churn time W is 0
    point = np.r_[watched.last, watched.first[late]]
    sign = np.r_[np.ones(len(joins)), np.full(int(late.sum()), -1.0)]
    level = np.r_[joins, joins[late]]
    in_time = np.argsort(point)
    in_time = in_time[level[in_time] < n_levels]
    # 16-bit keys are sorted by their digits, in one pass over the rows
    level = level[in_time].astype(np.uint16 if n_levels <= 2**16 else np.int64)
    sign, weight = sign[in_time], np.r_[0.0, np.cumsum(share)][point[in_time]]
    joined = np.bincount(level, weight, n_levels)  # each point with itself
    for bit in range(-1, (n_levels - 1).bit_length()):
        block = level >> (bit + 1)
        order = np.argsort(block, kind="stable")
        mine, its_sign, its_weight = level[order], sign[order], weight[order]
        before = _Running(np.bincount(block))
        if bit < 0:  # one level to a block: each pair once, when its later point comes
            pairs = its_sign * before(its_sign * its_weight)
        else:
            second = (mine >> bit & 1).astype(np.float64)
            first = its_sign * (1 - second)
            earlier, later = before(first * its_weight), before.rest(first)
            pairs = its_sign * second * (earlier + its_weight * later)
        joined += 2 * np.bincount(mine, pairs, n_levels)
    return np.cumsum(joined)


class _Running:
    """Running sums inside blocks that stand together."""

    def __init__(self, sizes: NDArray[np.integer]) -> None:
        self.sizes = sizes
        self.ends = np.cumsum(sizes)

    def __call__(self, values: Float) -> Float:
        """Sum the values of the block before each one."""
        total = np.r_[0.0, np.cumsum(values)]
        return np.asarray(total[:-1] - np.repeat(total[self.ends - self.sizes], self.sizes))

    def rest(self, values: Float) -> Float:
        """Sum the values of the block from each one on."""
        total = np.r_[0.0, np.cumsum(values)]
        return np.asarray(np.repeat(total[self.ends], self.sizes) - total[:-1])


def _ratio(above: Float, below: Float, otherwise: float = 0.0) -> Float:
    return np.divide(above, below, out=np.full_like(above, otherwise), where=below > 0)
