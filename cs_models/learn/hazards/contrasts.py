"""Groups compared over time: the mean time kept within a limit, and the log-rank test.

Grain in: one row per account episode.  Grain out: one row per group, or per pair of groups.

The standard error of the mean up to tau is Greenwood's, ``sqrt(sum_j [area of S from t_j to tau]²
d_j / (n_j (n_j - d_j)))``.  ``lifelines.utils.restricted_mean_survival_time`` with
``return_variance=True`` gives the variance of min(T, tau), which is something else: on the lung
data its square root over sqrt(n) is 7.69 where the standard error is 7.80.

Source: ``methods.md`` 4; checked against R's survival (8).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.hazards.curves import LEAST_AT_RISK, largest_time, split
from cs_models.learn.hazards.observed import Counts, Float, Times, at_risk, counts, times


def common_tau(
    durations: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    least_at_risk: int = LEAST_AT_RISK,
) -> float:
    """Return the largest time with enough rows at risk in every group.

    Parameters
    ----------
    durations, event, entry, groups, least_at_risk
        As in `curves.kaplan_meier`.

    Returns
    -------
    float
        In the unit of the durations.

    Raises
    ------
    TooLittleDataError
        A group never has ``least_at_risk`` rows at risk.
    """
    parts = split(times(durations, event, entry), groups)
    return min(_last_time(name, own, least_at_risk) for name, own in parts.items())


def restricted_mean(
    durations: ArrayLike,
    event: ArrayLike,
    *,
    tau: float | None = None,
    entry: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare groups by the mean time kept within the first ``tau``: the area under the curve.

    Parameters
    ----------
    durations, event, entry, groups
        As in `curves.kaplan_meier`.
    tau : float, optional
        The limit; `common_tau` when not given.
    level : float, default 0.95
        Coverage of the normal intervals.

    Returns
    -------
    means : DataFrame, one row per group
        ``group``, ``n``, ``n_events``, ``tau``, ``mean``, ``se``, ``low``, ``high``, in the unit
        of the durations.
    differences : DataFrame, one row per pair of groups
        ``group``, ``against``, ``difference`` (mean of ``group`` less that of ``against``),
        ``se``, ``low``, ``high``, ``p``.

    Raises
    ------
    DataError
        ``tau`` lies beyond what some group was followed for.
    TooLittleDataError
        A group never has ten rows at risk.

    Notes
    -----
    Groups are taken as independent: one row per account, no account in two groups.
    """
    parts = split(times(durations, event, entry), groups)
    limit = common_tau(durations, event, entry=entry, groups=groups) if tau is None else float(tau)
    z = float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    for name, own in parts.items():
        if limit > own.duration.max() or limit <= 0:
            raise DataError(
                "the mean time kept can only be read within the time followed",
                where="tau",
                got=f"{limit:g}; group {name} was followed for {own.duration.max():g}",
                repair="leave tau out, or choose a smaller one",
            )
        mean, se = _area(counts(own), limit)
        ended = int(own.event.sum())
        rows.append((name, len(own), ended, limit, mean, se, mean - z * se, mean + z * se))
    columns = ["group", "n", "n_events", "tau", "mean", "se", "low", "high"]
    means = pd.DataFrame(rows, columns=columns)
    return means, _differences(means, z)


def log_rank(
    durations: ArrayLike,
    event: ArrayLike,
    groups: ArrayLike,
    *,
    entry: ArrayLike | None = None,
) -> dict[str, float]:
    """Test whether all groups leave at the same rate at all times.

    Parameters
    ----------
    durations, event, entry
        As in `curves.kaplan_meier`.
    groups : array-like, shape (n_rows,)
        Two or more.

    Returns
    -------
    dict
        ``chi_square``, ``df`` (groups less one), ``p``.

    Raises
    ------
    DataError
        There is only one group.
    """
    parts = split(times(durations, event, entry), groups)
    if len(parts) < 2:
        raise DataError("a comparison needs two groups", where="groups", got=", ".join(parts))
    moments = np.unique(np.concatenate([own.duration[own.event > 0] for own in parts.values()]))
    number = np.stack([at_risk(own, moments) for own in parts.values()])
    left = np.stack([_ended(own, moments) for own in parts.values()])
    n, d = number.sum(axis=0), left.sum(axis=0)
    excess = (left - number * d / n).sum(axis=1)[:-1]
    share = np.divide(d * (n - d), n**2 * (n - 1), out=np.zeros_like(n), where=n > 1)
    variance = np.diag((number * n * share).sum(axis=1)) - (number * share) @ number.T
    chi_square = float(excess @ np.linalg.pinv(variance[:-1, :-1]) @ excess)
    df = len(parts) - 1
    return {"chi_square": chi_square, "df": float(df), "p": float(stats.chi2.sf(chi_square, df))}


def _last_time(name: str, own: Times, least: int) -> float:
    last = largest_time(own, least)
    if last is None:
        raise TooLittleDataError(
            f"a comparison over time needs {least} rows at risk in every group",
            where=f"group {name}",
            got=f"{len(own)} rows",
            repair="merge small groups, or leave this one out",
        )
    return last


def _area(found: Counts, tau: float) -> tuple[float, float]:
    """Return the area under S up to tau, and Greenwood's standard error of it."""
    inside = found.time < tau
    number, ended = found.at_risk[inside], found.total[inside]
    survival = np.r_[1.0, np.cumprod(1 - ended / number)]
    pieces = survival * np.diff(np.r_[0.0, found.time[inside], tau])
    rest = np.cumsum(pieces[::-1])[::-1][1:]  # area from each time on
    alive = number > ended
    spread = (rest**2)[alive] * ended[alive] / (number * (number - ended))[alive]
    return float(pieces.sum()), float(np.sqrt(spread.sum()))


def _differences(means: pd.DataFrame, z: float) -> pd.DataFrame:
    rows = []
    for (_, one), (_, other) in combinations(means.iterrows(), 2):
        gap, se = one["mean"] - other["mean"], float(np.hypot(one["se"], other["se"]))
        p = 2 * stats.norm.sf(abs(gap) / se) if se > 0 else np.nan
        rows.append((one["group"], other["group"], gap, se, gap - z * se, gap + z * se, p))
    columns = ["group", "against", "difference", "se", "low", "high", "p"]
    return pd.DataFrame(rows, columns=columns)


def _ended(own: Times, moments: Float) -> Float:
    place = np.searchsorted(moments, own.duration[own.event > 0])
    return np.bincount(place, minlength=len(moments)).astype(np.float64)
