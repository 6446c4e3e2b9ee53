"""How many are still customers after so long: Kaplan–Meier.

Grain in: one row per account episode.  Grain out: one row per step of each group's curve, or
one row per group.

With contracts renewed once a year the curve is flat between anniversaries and falls at them: it
is a step function, to be drawn as one and never interpolated.  Its band is the exponential
Greenwood ("log-log") one, which stays between 0 and 1.  A step at which fewer than ten rows are
at risk is kept, without its value: one account would move it by more than ten points.

Source: ``methods.md`` 4; checked against R's survival (``methods.md`` 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cs_models.errors import DataError
from cs_models.learn.hazards.observed import Counts, Float, Times, at_risk, counts, times

LEAST_AT_RISK: Final = 10
ALL: Final = "all"
_SHOWN: Final = ["survival", "se", "low", "high"]


@dataclass(frozen=True)
class Curves:
    """Kaplan–Meier curves of one or more groups.

    Attributes
    ----------
    steps : DataFrame, one row per group and time
        ``group``, ``time`` (0, then each time at which a row ended, then the last time seen),
        ``at_risk``, ``events``, ``survival``, ``se`` (Greenwood's, of ``survival``), ``low``,
        ``high`` (0 to 1; missing where ``suppressed``), ``suppressed`` (fewer than
        ``least_at_risk`` at risk).
    summary : DataFrame, one row per group
        ``group``, ``n``, ``n_events``, ``last_time`` (largest time with enough at risk),
        ``median``, ``median_low``, ``median_high`` (object; None where not reached),
        ``thin_start`` (a row ended while fewer than ``least_at_risk`` had entered yet: with late
        entries the whole curve hangs on it).
    level : float
        Coverage of the bands.
    least_at_risk : int
        Rows at risk below which nothing is shown.
    """

    steps: pd.DataFrame
    summary: pd.DataFrame
    level: float
    least_at_risk: int
    _times: dict[str, Times]

    def at(self, moments: ArrayLike) -> pd.DataFrame:
        """Read the curves at given times.

        Parameters
        ----------
        moments : array-like of float
            Times, in the unit of the durations.

        Returns
        -------
        DataFrame, one row per group and moment
            ``group``, ``time``, ``at_risk`` (just before the moment), ``survival``, ``se``,
            ``low``, ``high`` (missing where fewer than ``least_at_risk`` are at risk).
        """
        when = np.atleast_1d(np.asarray(moments, dtype=np.float64))
        parts = []
        for name, own in self._times.items():
            steps = self.steps[self.steps["group"] == name]
            place = np.searchsorted(steps["time"], when, side="right") - 1
            number = at_risk(own, when)
            number[when <= 0] = float((own.entry <= 0).sum())
            values = steps[_SHOWN].to_numpy()[place]
            values[number < self.least_at_risk] = np.nan
            part = pd.DataFrame(values, columns=_SHOWN)
            part.insert(0, "at_risk", number.astype(np.int64))
            part.insert(0, "time", when)
            part.insert(0, "group", name)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)


def kaplan_meier(
    durations: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    least_at_risk: int = LEAST_AT_RISK,
) -> Curves:
    """Estimate the share still there after each time.

    Parameters
    ----------
    durations, event : array-like, shape (n_rows,)
        Time until the end or until last seen, and 1 where it ended.
    entry : array-like, shape (n_rows,), optional
        Time from which each row was watched (left truncation).
    groups : array-like, shape (n_rows,), optional
        A curve each; without it, one called "all".
    level : float, default 0.95
        Coverage of the log-log bands.
    least_at_risk : int, default 10
        Fewer rows at risk: no value is given.

    Returns
    -------
    Curves

    Raises
    ------
    DataError
        As `observed.times`; a row without group.
    """
    parts = split(times(durations, event, entry), groups)
    frames, rows = [], []
    for name, own in parts.items():
        found = counts(own)
        frame = _steps(own, found, level, least_at_risk)
        frame.insert(0, "group", name)
        frames.append(frame)
        rows.append({"group": name, **_summary(own, frame, found, least_at_risk)})
    summary = pd.DataFrame(rows)
    for name in ("median", "median_low", "median_high"):  # None, not NaN: "not reached"
        summary[name] = pd.Series([row[name] for row in rows], dtype=object)
    return Curves(
        pd.concat(frames, ignore_index=True),
        summary,
        level,
        least_at_risk,
        parts,
    )


def split(given: Times, groups: ArrayLike | None) -> dict[str, Times]:
    """Part rows by group, in sorted order of the groups' names."""
    if groups is None:
        return {ALL: given}
    labels = pd.Series(np.asarray(groups))
    if labels.isna().any():
        raise DataError(
            "every row needs a group",
            where="groups",
            got=f"{int(labels.isna().sum())} of {len(labels)} missing",
            repair="give these rows a group of their own, or leave them out",
        )
    names = sorted(labels.unique())
    return {str(name): given.rows((labels == name).to_numpy()) for name in names}


def survival_after(found: Counts) -> Float:
    """Return S just after each time at which a row ended."""
    return np.asarray(np.cumprod(1 - found.total / found.at_risk), dtype=np.float64)


def _steps(own: Times, found: Counts, level: float, least: int) -> pd.DataFrame:
    number, ended = found.at_risk, found.total
    survival = survival_after(found)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(ended / (number * (number - ended)))
        spread = stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance) / np.log(survival)
        low, high = survival ** np.exp(-spread), survival ** np.exp(spread)
        se = survival * np.sqrt(variance)  # missing, 0 times infinity, where nobody is left
    frame = pd.DataFrame(
        {
            "time": np.r_[0.0, found.time],
            "at_risk": np.r_[(own.entry <= 0).sum(), number].astype(np.int64),
            "events": np.r_[0, ended].astype(np.int64),
            "survival": np.r_[1.0, survival],
            "se": np.r_[0.0, se],
            "low": np.r_[1.0, np.where(survival > 0, low, np.nan)],
            "high": np.r_[1.0, np.where(survival > 0, high, np.nan)],
        }
    )
    last = own.duration.max()
    if not len(found.time) or last > found.time[-1]:
        end = frame.iloc[[-1]].assign(
            time=last, events=0, at_risk=int(at_risk(own, np.array([last]))[0])
        )
        frame = pd.concat([frame, end], ignore_index=True)
    frame["suppressed"] = (frame["at_risk"] < least) & (frame["time"] > 0)
    frame.loc[frame["suppressed"], _SHOWN] = np.nan
    return frame


def _summary(own: Times, frame: pd.DataFrame, found: Counts, least: int) -> dict[str, object]:
    shown = frame[~frame["suppressed"]]
    filled = np.flatnonzero(found.at_risk >= least)
    opening = int(filled[0]) if len(filled) else len(found.time)
    last = largest_time(own, least)
    return {
        "n": len(own),
        "n_events": int(own.event.sum()),
        "last_time": np.nan if last is None else last,
        "median": _crossing(shown, "survival"),
        "median_low": _crossing(shown, "low"),
        "median_high": _crossing(shown, "high"),
        "thin_start": bool(opening > 0),
    }


def _crossing(shown: pd.DataFrame, column: str) -> float | None:
    """Return the first time at which a curve is at or below one half; None if it never is."""
    below = shown.loc[shown[column] <= 0.5 + 1e-12, "time"]
    return float(below.iloc[0]) if len(below) else None


def largest_time(own: Times, least: int) -> float | None:
    """Return the last time at which enough rows are at risk; None where there is none."""
    ends = own.ends[np.r_[True, np.diff(own.ends) > 0]]
    enough = ends[at_risk(own, ends) >= least]
    return float(enough[-1]) if len(enough) else None
