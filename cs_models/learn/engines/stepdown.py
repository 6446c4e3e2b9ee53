"""Step-down maxT: one honest p for every rule of the family (Westfall and Young 1993).

Grain in: one statistic per rule and, in chunks, the same statistics under the null.  Grain out:
one adjusted p per rule and the null distribution of the largest.  ``methods.md`` 2.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-4  # float32 sums of 0/1 outcomes agree far closer than two distinct statistics

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p-values and the null maximum.

    Attributes
    ----------
    p : ndarray of float, shape (n_rules,)
        Family-wise adjusted p of each rule.
    null_max : ndarray of float, shape (n_draws,)
        The largest |T| of the family in each draw under the null.
    p_group : ndarray of float, shape (n_groups,)
        p of the best rule of each group, allowing for the group's own rules only.
    """

    p: Float
    null_max: Float
    p_group: Float

    def quantile(self, level: float) -> float:
        """Return the quantile of the null maximum that the lift interval uses."""
        if not len(self.null_max):
            return math.nan  # nothing was searched
        return float(np.quantile(self.null_max, level, method="higher"))


def adjust(
    statistic: Float,
    null: Iterable[NDArray[np.floating]],
    group_starts: NDArray[np.int64] | None = None,
) -> Adjusted:
    """Adjust every rule's p for all rules searched, stepping down from the largest.

    Parameters
    ----------
    statistic : ndarray of float, shape (n_rules,)
        Observed statistics; their absolute value counts.
    null : iterable of ndarray, each of shape (n_rules, k)
        Absolute statistics under the null, the same draws for all rules.
    group_starts : ndarray of int, optional
        First rule of each group of neighbouring rules; one group of all when None.

    Returns
    -------
    Adjusted
    """
    if not len(statistic):
        return Adjusted(np.empty(0), np.empty(0), np.empty(0))
    starts = np.zeros(1, dtype=np.int64) if group_starts is None else group_starts
    best_of_group = np.maximum.reduceat(np.abs(statistic), starts)[:, None]
    group_reached = np.zeros(len(starts))
    order = np.argsort(-np.abs(statistic), kind="stable")
    largest_first = np.abs(statistic)[order, None]
    reached = np.zeros(len(order))
    null_max: list[NDArray[np.floating]] = []
    for draws in null:
        group_max = np.maximum.reduceat(draws, starts, axis=0)
        group_reached += (group_max >= best_of_group - TOLERANCE).sum(axis=1)
        remaining = draws[order[::-1]]
        np.maximum.accumulate(remaining, axis=0, out=remaining)
        null_max.append(remaining[-1].copy())
        reached += (remaining[::-1] >= largest_first - TOLERANCE).sum(axis=1)
    maxima = np.concatenate(null_max).astype(np.float64)
    ordered = np.maximum.accumulate((1.0 + reached) / (1.0 + len(maxima)))
    p = np.empty(len(order))
    p[order] = ordered
    return Adjusted(p, maxima, (1.0 + group_reached) / (1.0 + len(maxima)))
