"""How much likelier a customer is to leave that is still in doubt so near to its renewal.

Grain in: canonical tables, distances in days.  Grain out: one row per distance.

A quarter's predictor has learnt at one distance, the middle of the quarter; the contracts due in it
stand nearer and farther.  Who signs early is no longer in doubt, so of those who are still in doubt
ten days before their renewal far more leave than of those in doubt at forty-six.  What the same
past renewals came to from each distance says by how much, and moves the chance of each contract
due to the days that it has left.  Source: ``methods.md`` 4 (the next opportunity as it stands).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from cs_models.features import cohort

# Distances at which a quarter's past renewals are looked at, beside that of its predictor.
N_DISTANCES: Final = 5
SMALLEST: Final = 1e-6

Float = NDArray[np.float64]


def distances(first: int, last: int, learnt_at: int) -> list[int]:
    """Return the distances to look at for contracts due in between, in days, ascending.

    Parameters
    ----------
    first, last : int
        Days to the nearest and to the farthest renewal of the quarter.
    learnt_at : int
        Days before renewal at which the quarter's predictor learnt.

    Returns
    -------
    list of int
        The middles of five stretches of the same length, and `learnt_at`.
    """
    width = (last - first) / N_DISTANCES
    middles = [round(first + width * (place + 0.5)) for place in range(N_DISTANCES)]
    return sorted({max(one, 1) for one in middles} | {learnt_at})


def by_distance(
    tables: Mapping[str, ir.Table],
    days: Sequence[int],
    *,
    as_of: date,
    grace_days: int,
    data_start: date | None,
) -> pd.DataFrame:
    """Count past renewals, and those that were lost, as they stood at each distance.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    days : sequence of int
        Distances, in days before the renewal.
    as_of : datetime.date
    grace_days : int
    data_start : datetime.date or None

    Returns
    -------
    pandas.DataFrame, one row per distance
        ``days``, ``n_terms`` (in doubt so near, as long as the farthest distance),
        ``n_left``, ``log_odds`` (of leaving; with half a term on each side).
    """
    seen = {
        one: cohort.terms(
            tables, as_of, decision="before_renewal", days=one, grace_days=grace_days,
            data_start=data_start,
        ).terms.execute()
        for one in sorted(set(days))
    }  # fmt: skip
    rows = []
    for one, frame in seen.items():
        length = (pd.to_datetime(frame["term_end"]) - pd.to_datetime(frame["term_start"])).dt.days
        left = frame.loc[length.ge(max(days)), "churned"].dropna()
        rows.append({"days": one, "n_terms": len(left), "n_left": int(left.sum())})
    told = pd.DataFrame(rows, columns=["days", "n_terms", "n_left"])
    stayed = told["n_terms"] - told["n_left"]
    return told.assign(log_odds=np.log((told["n_left"] + 0.5) / (stayed + 0.5)))


def moved(chance: Float, days_left: Float, near: pd.DataFrame, learnt_at: int) -> Float:
    """Move chances from the distance at which they were learnt to the days that are left.

    Parameters
    ----------
    chance : ndarray of float, shape (n,) or (n, n_refits)
    days_left : ndarray of float, shape (n,)
    near : pandas.DataFrame
        From :func:`by_distance`; a row for `learnt_at` among them.
    learnt_at : int

    Returns
    -------
    ndarray of float, of the shape of `chance`
        The odds of each, times those of past renewals in doubt at its distance over those at
        `learnt_at`; between two distances in a straight line of the log odds, beyond the outer
        ones as at these.  Order within a distance stays.
    """
    at = near["days"].to_numpy(dtype=np.float64)
    odds = near["log_odds"].to_numpy(dtype=np.float64)
    shift = np.interp(days_left, at, odds) - np.interp(float(learnt_at), at, odds)
    shift = shift.reshape(-1, *([1] * (chance.ndim - 1)))
    return np.asarray(expit(logit(np.clip(chance, SMALLEST, 1.0 - SMALLEST)) + shift))


def in_one(quarters: Sequence[tuple[str, int, pd.DataFrame]]) -> pd.DataFrame:
    """Put what was counted for each quarter into one table.

    Parameters
    ----------
    quarters : sequence of (label, days the predictor learnt at, rows of :func:`by_distance`)

    Returns
    -------
    pandas.DataFrame, one row per (quarter, distance)
        ``label``, ``days``, ``n_terms``, ``n_left``, ``left_rate``, ``learnt_here`` (bool).
    """
    parts = [
        near.assign(label=label, learnt_here=near["days"].eq(learnt_at))
        for label, learnt_at, near in quarters
        if len(near)
    ]
    columns = ["label", "days", "n_terms", "n_left", "left_rate", "learnt_here"]
    if not parts:
        return pd.DataFrame(columns=columns)
    told: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return told.assign(left_rate=told["n_left"] / told["n_terms"].where(told["n_terms"] > 0))[
        columns
    ]
