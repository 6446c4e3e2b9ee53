"""How long it takes: medians and mean waits of which the unfinished are part.

Grain in: one row per account (or user): days until it was reached, or until it was last seen
without.  Grain out: one row per group, or one per step of each group's curve.

The mean over those who finished would forget whoever is still waiting, and so grows rosier the
slower things are.  Here the median is Kaplan–Meier's, "not reached" where fewer than half are
known to have got there, and the mean wait is the one within a limit of days (the area under the
curve), which the unfinished lengthen.

Where several users belong to one account their waits are alike: the interval then takes the account
as the unit (:func:`clustered`).

Source: ``methods.md`` 1.4, 4 (Kaplan–Meier, restricted mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.errors import ParameterError
from cs_models.learn.hazards import contrasts, curves, observed
from cs_models.learn.hazards.curves import LEAST_AT_RISK
from cs_models.learn.hazards.observed import Counts

Float = NDArray[np.float64]

WITHIN_DAYS: Final = 180
FEW_LEFT: Final = 0.1
COLUMNS: Final = [
    "n", "n_accounts", "n_reached", "median", "median_low", "median_high", "share_90",
    "mean_wait", "mean_low", "mean_high", "within_days",
]  # fmt: skip
_AFTER: Final = 90


@dataclass(frozen=True)
class Waits:
    """Curves and their summary.

    Attributes
    ----------
    table : DataFrame, one row per group
        The groups' columns, n, n_accounts, n_reached, median, median_low, median_high (days; None
        where not reached), share_90 (reached within 90 days, 0 to 1; missing where too few were
        followed so long), mean_wait, mean_low, mean_high (days, of the first ``within_days``;
        missing where nobody was followed so long), within_days.
    steps : DataFrame, one row per group and day on which any got there
        group, time, at_risk, survival (share still waiting), low, high, suppressed.
    """

    table: pd.DataFrame
    steps: pd.DataFrame


def waits(
    rows: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    within_days: int = WITHIN_DAYS,
    least_at_risk: int = LEAST_AT_RISK,
) -> Waits:
    """Describe durations of which one account has one in each group.

    Parameters
    ----------
    rows : DataFrame
        account_id, duration_days (above 0), event (1 reached, 0 last seen without), and ``by``.
    by : sequence of str, default ()
        Columns that make the groups.
    within_days : int, default 180
        Limit of the mean wait.
    least_at_risk : int, default 10
        Fewer still waiting: nothing is read off the curve.

    Returns
    -------
    Waits
        Groups with fewer than ``least_at_risk`` rows have counts and nothing else.
    """
    if within_days < 1:
        raise ParameterError("out of range", where="within_days", got=str(within_days))
    parts = [((), rows)] if not by else list(rows.groupby(list(by), sort=True, observed=True))
    table, steps = [], []
    for key, own in parts:
        if own.empty:
            continue
        about = dict(zip(by, key, strict=True))
        told, curve = _one(own, within_days, least_at_risk)
        table.append(about | told)
        steps.append(curve.assign(group=" · ".join(map(str, key)) or curves.ALL))
    frame = pd.DataFrame(table, columns=[*by, *COLUMNS])
    for name in ("median", "median_low", "median_high"):
        frame[name] = pd.Series([row[name] for row in table], dtype=object)
    empty = pd.DataFrame(columns=["group", "time", "at_risk", "survival", "low", "high"])
    return Waits(frame, pd.concat(steps, ignore_index=True) if steps else empty)


def _one(own: pd.DataFrame, within: int, least: int) -> tuple[dict[str, object], pd.DataFrame]:
    """Describe one group."""
    days, event = own["duration_days"].to_numpy(np.float64), own["event"].to_numpy()
    told: dict[str, object] = dict.fromkeys(COLUMNS)
    told |= {
        "n": len(own), "n_accounts": int(own["account_id"].nunique()),
        "n_reached": int(event.sum()), "within_days": within,
    }  # fmt: skip
    found = curves.kaplan_meier(days, event, least_at_risk=least)
    if len(own) < least:
        return told, found.steps
    row = found.summary.iloc[0]
    told |= {name: row[name] for name in ("median", "median_low", "median_high")}
    ended = observed.counts(observed.times(days, event))
    told["share_90"] = 1 - _still(ended, days, _AFTER, least)
    if not np.isnan(_still(ended, days, within, least)):
        limit = min(float(within), float(days.max()))
        mean = contrasts.restricted_mean(days, event, tau=limit)[0].iloc[0]
        low = max(float(mean["low"]), 0.0)
        told |= {"mean_wait": mean["mean"], "mean_low": low, "mean_high": mean["high"]}
    return told, found.steps


def _still(ended: Counts, days: Float, after: int, least: int) -> float:
    """Return the share still waiting after so many days; NaN where too few were followed to it.

    Few are left at risk where nearly all have got there: that is knowledge, not ignorance.
    """
    reached = ended.time <= after
    still = float(curves.survival_after(ended)[reached][-1]) if reached.any() else 1.0
    followed = int((days >= after).sum())
    return still if followed >= least or still <= FEW_LEFT else float("nan")


def clustered(rows: pd.DataFrame, *, after: int = _AFTER, level: float = 0.95) -> dict[str, float]:
    """Return how many users got there within some days, with the account as the unit.

    Parameters
    ----------
    rows : DataFrame, one row per user
        account_id, duration_days (above 0), event.
    after : int, default 90
        Days within which they got there.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    dict
        ``n``, ``n_accounts``, ``n_reached``, ``median`` (days; infinite where not reached),
        ``value`` (Kaplan–Meier share that got there within ``after`` days), ``low``, ``high``
        (normal, 0 to 1; NaN with fewer than two accounts).

    Notes
    -----
    The variance of S(t) is S(t)² times the sum over accounts of the squared sum of its users'
    martingale integrals, ∫ dM_i / Y up to t (Ying & Wei 1994, Journal of Multivariate Analysis
    50:17, Kaplan–Meier of clustered times), with G / (G - 1).
    """
    days = rows["duration_days"].to_numpy(np.float64)
    event = rows["event"].to_numpy(np.float64)
    ended = observed.counts(observed.times(days, event))
    survival = curves.survival_after(ended)
    below = np.flatnonzero(survival <= 0.5 + 1e-12)
    inside = ended.time <= after
    still = float(survival[inside][-1]) if inside.any() else 1.0
    own = ended.time[inside]
    hazard = np.r_[0.0, np.cumsum(ended.total[inside] / ended.at_risk[inside] ** 2)]
    compensator = hazard[np.searchsorted(own, days, side="right")]
    jump = np.zeros(len(days))
    mine = (event > 0) & (days <= after)
    jump[mine] = 1 / ended.at_risk[inside][np.searchsorted(own, days[mine])]
    account, names = pd.factorize(rows["account_id"])
    sums = np.bincount(account, weights=jump - compensator, minlength=len(names))
    n = len(names)
    se = still * float(np.sqrt(sums @ sums * n / (n - 1))) if n > 1 else float("nan")
    z = float(stats.norm.ppf(0.5 + level / 2))
    return {
        "n": len(rows), "n_accounts": n, "n_reached": int(event.sum()),
        "median": float(ended.time[below[0]]) if len(below) else float("inf"),
        "value": 1 - still, "low": float(np.clip(1 - still - z * se, 0, 1)),
        "high": float(np.clip(1 - still + z * se, 0, 1)),
    }  # fmt: skip
