"""Means, shares and medians over books, with standard errors that know of worlds.

The books of one world share its calendar, so they are no independent runs.  The standard error of
a mean is the cluster-robust one with the world as cluster,

    se² = W / (W - 1) · sum over worlds (sum of y - mean · sum of weight)² / (total weight)²

and never less than the plain one of as many independent books (few worlds say little about how
they differ).  A share's plain error counts two more of either kind (Agresti & Coull), so that
"17 of 17" has an error too.  A median's is that of 400 bootstrap draws of worlds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its Monte Carlo standard error, from so many runs in so many worlds."""

    value: float
    se: float
    n_runs: int
    n_worlds: int


def ratio(records: pd.DataFrame, numerator: str, denominator: str | None = None) -> Estimate:
    """Return a mean over books, or a ratio of sums where the denominator is a column.

    Parameters
    ----------
    records : DataFrame, one row per book, with ``world``
    numerator, denominator : str
        Columns; the mean of ``numerator`` over books that have it when ``denominator`` is None.
    """
    rows = records[records[numerator].notna()] if numerator in records else records.iloc[:0]
    if rows.empty:
        return Estimate(math.nan, math.nan, 0, 0)
    y = rows[numerator].to_numpy(dtype=float)
    weight = np.ones(len(y)) if denominator is None else rows[denominator].to_numpy(dtype=float)
    n, value = float(weight.sum()), float(y.sum() / weight.sum())
    left = pd.Series(y - value * weight).groupby(rows["world"].to_numpy()).sum()
    w = len(left)
    errors = [_plain(y, weight, value)]
    if w > 1:
        errors.append(math.sqrt(w / (w - 1) * float((left**2).sum())) / n)
    return Estimate(value, max(errors), int(n), w)


def _plain(y: Float, weight: Float, value: float) -> float:
    """Return the error that as many independent books would have."""
    n, whole = float(weight.sum()), np.array_equal(y, np.round(y))
    if whole and (y <= weight).all() and (y >= 0).all():  # a share
        share = (value * n + 2) / (n + 4)
        return math.sqrt(share * (1 - share) / (n + 4))
    if len(y) < 2:
        return math.nan
    return math.sqrt(len(y) / (len(y) - 1) * float(((y - value * weight) ** 2).sum())) / n


def median(records: pd.DataFrame, column: str) -> Estimate:
    """Return a median over books, its error by drawing worlds with replacement."""
    rows = records[records[column].notna()] if column in records else records.iloc[:0]
    if rows.empty:
        return Estimate(math.nan, math.nan, 0, 0)
    worlds = [part[column].to_numpy(dtype=float) for _, part in rows.groupby("world")]
    rng = np.random.default_rng(0)
    drawn = [
        np.median(np.concatenate([worlds[i] for i in rng.integers(0, len(worlds), len(worlds))]))
        for _ in range(400)
    ]
    se = float(np.std(drawn)) if len(worlds) > 1 else math.nan
    return Estimate(float(np.median(rows[column])), se, len(rows), len(worlds))
