"""What customers leave for, and what stage they are in: Aalen–Johansen.

With several causes the chance to have left for one of them by t is ``sum S(t_j-) d_kj / n_j``
over the times up to t, S being the survival from all causes.  One less a Kaplan–Meier that takes
the other causes as censored is larger, and the causes' chances then add up to more than one.

Source: ``methods.md`` 4 and 5 (Aalen & Johansen 1978); checked against R's survival (8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cs_models.errors import DataError
from cs_models.learn.hazards.curves import LEAST_AT_RISK, split, survival_after
from cs_models.learn.hazards.observed import Counts, Float, Times, counts, times


def cumulative_incidence(
    durations: ArrayLike,
    cause: ArrayLike,
    *,
    causes: Sequence[str],
    entry: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    least_at_risk: int = LEAST_AT_RISK,
) -> pd.DataFrame:
    """Estimate the chance to have left for each cause by each time.

    Parameters
    ----------
    durations : array-like of float, shape (n_rows,)
        Time until the end or until last seen.
    cause : array-like of str, shape (n_rows,)
        One of ``causes``, or anything else (such as "none") where the row was last seen.
    causes : sequence of str
        The causes, such as ("churned", "involuntary").
    entry, groups, level, least_at_risk
        As in `curves.kaplan_meier`.

    Returns
    -------
    DataFrame, one row per group, cause and time (0, then each time at which a row ended)
        ``group``, ``cause``, ``time``, ``at_risk``, ``events`` (of the cause), ``incidence``,
        ``se``, ``low``, ``high`` (0 to 1, log-log; missing where ``suppressed``), ``suppressed``.

    Raises
    ------
    DataError
        As `observed.times`; no cause is named, or one twice.
    """
    names = list(causes)
    if not names or len(set(names)) < len(names):
        raise DataError("name each cause once", where="causes", got=", ".join(names) or "none")
    place = {name: number for number, name in enumerate(names, start=1)}
    codes = pd.Series(np.asarray(cause)).map(place).fillna(0).to_numpy(np.int64)
    given = times(durations, codes, entry, n_causes=len(names))
    frames = []
    for group, own in split(given, groups).items():
        found = counts(own, n_causes=len(names))
        for number, name in enumerate(names):
            frame = _incidence(own, found, number, level, least_at_risk)
            frame.insert(0, "cause", name)
            frame.insert(0, "group", group)
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def stage_occupation(
    stays: pd.DataFrame, stages: Sequence[str], *, initial: str, moments: ArrayLike
) -> pd.DataFrame:
    """Estimate the chance to be in each stage at given times (Aalen–Johansen product).

    Parameters
    ----------
    stays : DataFrame, one row per stay
        ``start``, ``stop`` (start < stop), ``stage``, ``to`` (the stage entered at ``stop``, or
        missing where the row was last seen).
    stages : sequence of str
        All stages.
    initial : str
        The stage at time 0.
    moments : array-like of float
        Times to read.

    Returns
    -------
    DataFrame, one row per moment
        ``time`` and one column per stage; a row's stages add up to 1.

    Raises
    ------
    DataError
        An unknown stage, or a stay that ends before it starts.
    """
    place = {name: number for number, name in enumerate(stages)}
    source = stays["stage"].map(place)
    target = stays["to"].map(place)
    unknown = source.isna() | (stays["to"].notna() & target.isna())
    if unknown.any() or not (stays["start"] < stays["stop"]).all() or initial not in place:
        raise DataError(
            "a stay needs known stages, and an end after its start",
            where="stays",
            got=f"{int(unknown.sum())} stays in unknown stages",
            repair="; ".join(stages),
        )
    start, stop = stays["start"].to_numpy(np.float64), stays["stop"].to_numpy(np.float64)
    moved = target.notna().to_numpy()
    when = np.unique(stop[moved])
    size = len(stages)
    flow = np.zeros((len(when), size, size))
    row = np.searchsorted(when, stop[moved])
    np.add.at(flow, (row, source[moved].to_numpy(int), target[moved].to_numpy(int)), 1.0)
    number = np.zeros((len(when), size))
    for code in range(size):
        mine = (source == code).to_numpy()
        entered = np.searchsorted(np.sort(start[mine]), when, side="left")
        number[:, code] = entered - np.searchsorted(np.sort(stop[mine]), when, side="left")
    state = np.zeros(size)
    state[place[initial]] = 1.0
    states = [state]
    for moves, present in zip(flow, number, strict=True):
        rate = moves / np.maximum(present, 1.0)[:, None]
        state = state + state @ rate - state * rate.sum(axis=1)
        states.append(state)
    read = np.atleast_1d(np.asarray(moments, dtype=np.float64))
    path = np.stack(states)[np.searchsorted(when, read, side="right")]
    frame = pd.DataFrame(path, columns=list(stages))
    frame.insert(0, "time", read)
    return frame


def _incidence(own: Times, found: Counts, cause: int, level: float, least: int) -> pd.DataFrame:
    number, mine = found.at_risk, found.events[:, cause]
    before = np.r_[1.0, survival_after(found)[:-1]] if len(found.time) else np.empty(0)
    incidence = np.cumsum(before * mine / number)
    se = np.sqrt(np.maximum(_variance(found, mine, before, incidence), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = stats.norm.ppf(0.5 + level / 2) * se / (incidence * -np.log(incidence))
        low, high = incidence ** np.exp(spread), incidence ** np.exp(-spread)
    frame = pd.DataFrame(
        {
            "time": np.r_[0.0, found.time],
            "at_risk": np.r_[(own.entry <= 0).sum(), number].astype(np.int64),
            "events": np.r_[0, mine].astype(np.int64),
            "incidence": np.r_[0.0, incidence],
            "se": np.r_[0.0, se],
            "low": np.r_[0.0, np.where(incidence > 0, low, 0.0)],
            "high": np.r_[0.0, np.where(incidence > 0, high, 0.0)],
        }
    )
    frame["suppressed"] = (frame["at_risk"] < least) & (frame["time"] > 0)
    frame.loc[frame["suppressed"], ["incidence", "se", "low", "high"]] = np.nan
    return frame


def _variance(found: Counts, mine: Float, before: Float, incidence: Float) -> Float:
    """Return Aalen's variance at each time, the square of F(t) - F(t_j) written out in sums."""
    number, ended = found.at_risk, found.total
    alive = number > ended
    all_causes = np.divide(ended, number * (number - ended), out=np.zeros_like(number), where=alive)
    own = before**2 * mine * (number - mine) / number**3
    cross = before * mine / number**2
    total, first, second = (
        np.cumsum(all_causes),
        np.cumsum(all_causes * incidence),
        np.cumsum(all_causes * incidence**2),
    )
    spread = incidence**2 * total - 2 * incidence * first + second
    mixed = incidence * np.cumsum(cross) - np.cumsum(cross * incidence)
    return np.asarray(spread + np.cumsum(own) - 2 * mixed)
