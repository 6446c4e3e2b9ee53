"""Rows that are compared only with those of their own stratum, each with a baseline of its own.

Grain in: one row per episode or piece of one, and a name for each.  Contracts of a month and of a
year are never due together: in the risk set of the one the other is a structural zero.

Source: ``methods.md`` 1.1 and 4; agrees with lifelines' strata.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import DataError
from cs_models.learn.hazards.observed import Float, Times
from cs_models.learn.hazards.risksets import Deaths

Names = NDArray[np.generic]


def names(frame: pd.DataFrame, column: str | None) -> Names | None:
    """Return each row's stratum; None without a column.

    Raises
    ------
    DataError
        The column is absent, or a row has none.
    """
    if column is None:
        return None
    if column not in frame or frame[column].isna().any():
        raise DataError(
            "every row needs a stratum",
            where=column,
            repair="give rows without one a name of their own, or leave them out",
        )
    return np.asarray(frame[column])


def apart(given: Times, strata: Names | None) -> Times:
    """Shift each stratum to a time of its own, so that rows of two never share a risk set.

    Every sum over risk sets is then that of a stratified model.  What is returned are no longer
    times on the clock; without strata it is what was given.
    """
    if strata is None:
        return given
    shift = pd.factorize(strata)[0] * (float(given.duration.max()) + 1.0)
    return Times(given.duration + shift, given.entry + shift, given.event)


def baseline(clock: Times, given: Times, sets: Deaths, strata: Names | None) -> pd.DataFrame:
    """Return the cumulative hazard over the time on the clock, stratum by stratum.

    Parameters
    ----------
    clock : Times
        As they were given.
    given : Times
        The same, `apart`.
    sets : Deaths
        Their risk sets.
    strata : ndarray, shape (n_rows,), or None

    Returns
    -------
    DataFrame
        ``time``, ``cumulative_hazard``, and before them ``stratum`` where there are strata.
    """
    steps = np.bincount(sets.place, 1 / sets.whole)
    if strata is None:
        return pd.DataFrame({"time": sets.found.time, "cumulative_hazard": np.cumsum(steps)})
    ended = np.flatnonzero(given.event > 0)
    one_each = ended[np.unique(given.duration[ended], return_index=True)[1]]
    table = pd.DataFrame({"stratum": strata[one_each], "time": clock.duration[one_each]})
    return table.assign(cumulative_hazard=pd.Series(steps).groupby(table["stratum"]).cumsum())


def hazard(found: pd.DataFrame, frame: pd.DataFrame, column: str | None, moments: Float) -> Float:
    """Return the cumulative hazard of each row's stratum, shape (n_rows or 1, n_moments).

    Raises
    ------
    DataError
        A row's stratum is not in the baseline: nobody was seen to leave in it.
    """
    own = names(frame, column)
    if own is None:
        return _at(found, moments)[None, :]
    curves = {name: _at(rows, moments) for name, rows in found.groupby("stratum")}
    if unknown := sorted({str(name) for name in own if name not in curves}):
        raise DataError(
            "a row is of a stratum in which nobody was seen to leave",
            where=column or "",
            got=", ".join(unknown[:5]),
            repair="leave these rows out",
        )
    return np.array([curves[name] for name in own]).reshape(len(own), len(moments))


def _at(found: pd.DataFrame, moments: Float) -> Float:
    place = np.searchsorted(found["time"], moments, side="right")
    return np.asarray(np.r_[0.0, found["cumulative_hazard"].to_numpy()][place])
