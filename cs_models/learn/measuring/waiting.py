"""How long it takes: medians and mean waits of which the unfinished are part.

Grain in: one row per account (or user): days until it was reached, or until it was last seen
without.  Grain out: one row per group, or one per step of each group's curve.

The mean over those who finished would forget whoever is still waiting, and so grows rosier the
slower things are.  Here the median is Kaplan–Meier's, "not reached" where fewer than half are
known to have got there, and the mean wait is the one within a limit of days (the area under the
curve), which the unfinished lengthen.

Where several users belong to one account their waits are alike: the median's interval is then told
by drawing accounts again (:func:`clustered`).

Source: ``methods.md`` 1.4, 4 (Kaplan–Meier, restricted mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap
from cs_models.learn.hazards import contrasts, curves
from cs_models.learn.hazards.curves import LEAST_AT_RISK

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
    told["share_90"] = 1 - _still(days, event, _AFTER, least)
    if not np.isnan(_still(days, event, within, least)):
        limit = min(float(within), float(days.max()))
        mean = contrasts.restricted_mean(days, event, tau=limit)[0].iloc[0]
        low = max(float(mean["low"]), 0.0)
        told |= {"mean_wait": mean["mean"], "mean_low": low, "mean_high": mean["high"]}
    return told, found.steps


def _still(days: Float, event: Float, after: int, least: int) -> float:
    """Return the share still waiting after so many days; NaN where too few were followed to it.

    Few are left at risk where nearly all have got there: that is knowledge, not ignorance.
    """
    curve = curves.kaplan_meier(days, event, least_at_risk=1)
    steps = curve.steps[curve.steps["time"] <= after]
    still = float(steps["survival"].iloc[-1])
    n = int((days >= after).sum())
    return still if n >= least or still <= FEW_LEFT else float("nan")


def clustered(
    rows: pd.DataFrame, *, n_boot: int = 200, level: float = 0.95, rng: np.random.Generator
) -> dict[str, float]:
    """Return the Kaplan–Meier median of users, with accounts drawn again for its interval.

    Parameters
    ----------
    rows : DataFrame, one row per user
        account_id, duration_days (whole days above 0), event.
    n_boot : int, default 200
        Drawings of accounts.
    level : float, default 0.95
    rng : numpy.random.Generator

    Returns
    -------
    dict
        ``n``, ``n_accounts``, ``n_reached``, ``median``, ``median_low``, ``median_high`` (days;
        infinite where not reached within 180), ``share_90`` (reached within 90 days, 0 to 1),
        ``share_low``, ``share_high``.
    """
    days = np.ceil(rows["duration_days"].to_numpy(np.float64)).astype(np.int64)
    event = rows["event"].to_numpy(np.float64)
    event = np.where(days > WITHIN_DAYS, 0.0, event)
    days = np.minimum(days, WITHIN_DAYS)
    codes, n = bootstrap.accounts(rows["account_id"])
    width = int(days.max(initial=1)) + 1
    cell = codes * width + days
    ended, left = (
        np.bincount(cell, weights=each, minlength=n * width).reshape(n, width).astype(np.float64)
        for each in (event, np.ones(len(cell)))
    )
    median, share = (values[0] for values in _read(np.ones((1, n)), ended, left))
    drawn = [
        _read(times.T, ended, left) for times in bootstrap.drawings(n, n_boot, rng, n_rows=n * 8)
    ]
    tails = [(1 - level) / 2, (1 + level) / 2]
    medians = np.quantile(np.concatenate([one[0] for one in drawn]), tails, method="nearest")
    shares = np.quantile(np.concatenate([one[1] for one in drawn]), tails)
    return {
        "n": len(rows), "n_accounts": n, "n_reached": int(event.sum()), "median": float(median),
        "median_low": float(medians[0]), "median_high": float(medians[1]),
        "share_90": float(share), "share_low": float(shares[0]), "share_high": float(shares[1]),
    }  # fmt: skip


def _read(times: Float, ended: Float, left: Float) -> tuple[Float, Float]:
    """Return the median and the share reached within 90 days, for each line of weights."""
    events, gone = times @ ended, times @ left
    at_risk = np.cumsum(gone[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(at_risk > 0, 1 - events / at_risk, 1.0)
    survival = np.cumprod(step, axis=1)
    below = survival <= 0.5 + 1e-12
    median = np.where(below.any(axis=1), below.argmax(axis=1).astype(np.float64), np.inf)
    share = 1.0 - survival[:, min(_AFTER, survival.shape[1] - 1)]
    return median.astype(np.float64), share.astype(np.float64)
