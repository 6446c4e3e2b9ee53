"""Whether lists and calls made by the probabilities would have been worth it.

Capacity (whom a few hands reach), net benefit and money (whom a play pays for), and whether all
segments are served alike.  Grain in: one row per tested term.  Grain out: one row per ranking and
measure (:func:`capacity`), ranking and length (:func:`capacity_curve`), threshold
(:func:`net_benefit`), way of choosing (:func:`net_value`) or segment (:func:`parity`).
``methods.md`` 2.8 and 3; Vickers and Elkin 2006.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap, calibration, metrics, rows
from cs_models.learn.evaluation.lists import (
    BY_ARR,
    MEASURES,
    MODEL,
    capacity,
    capacity_curve,
    first,
)

__all__ = [
    "BY_ARR",
    "MEASURES",
    "MODEL",
    "break_even",
    "capacity",
    "capacity_curve",
    "first",
    "net_benefit",
    "net_value",
    "parity",
]

Float = NDArray[np.float64]

THRESHOLDS: Final = tuple(percent / 100 for percent in range(2, 41))
FEWEST: Final = 10


def net_benefit(
    churned: ArrayLike,
    p: ArrayLike,
    *,
    account: ArrayLike,
    thresholds: ArrayLike = THRESHOLDS,
    n_boot: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what calling by the probability is worth at each threshold, in leavers found.

    Parameters
    ----------
    churned, p, account, n_boot, level, rng
        As in :func:`capacity`.
    thresholds : array-like of float, default 2 % to 40 %
        Probabilities from which a call is made: odds at which a needless call equals a leaver
        found; :func:`break_even` gives a play's own.

    Returns
    -------
    DataFrame, one row per threshold
        ``threshold``, ``share_called``, ``model`` (true calls per term, less needless ones times
        the odds), ``low``, ``high``, ``all`` (calling everyone), ``none`` (0), ``ahead`` (the
        model's minus the better of the two), ``ahead_low``, ``ahead_high``, ``n``, ``n_churned``.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing, or a threshold is not within 0 and 1.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, n_accounts = bootstrap.accounts(account)
    at = np.asarray(thresholds, dtype=np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise ParameterError("a threshold is not within 0 and 1", where="thresholds", got=str(at))
    odds = at / (1 - at)
    worth = left[:, None] - (1 - left[:, None]) * odds
    called = chance[:, None] >= at
    by_account = bootstrap.sums(
        np.column_stack([worth * called, worth, np.ones(len(left))]), codes, n_accounts
    )

    def benefits(times: Float) -> Float:
        added = by_account @ times
        with np.errstate(invalid="ignore", divide="ignore"):
            model, everyone = added[:-1].reshape(2, len(at), -1) / added[-1]
        return np.stack([model, model - np.maximum(everyone, 0.0), everyone])

    model, ahead, everyone = benefits(np.ones((n_accounts, 1)))[:, :, 0]
    blocks = bootstrap.drawings(n_accounts, n_boot if n_accounts > 1 else 0, rng, n_rows=len(left))
    drawn = np.concatenate([np.empty((3, len(at), 0)), *map(benefits, blocks)], axis=2)
    low, high = bootstrap.interval(drawn[0].T, level=level)
    ahead_low, ahead_high = bootstrap.interval(drawn[1].T, level=level)
    return pd.DataFrame(
        {
            "threshold": at,
            "share_called": called.mean(axis=0) if len(left) else np.nan,
            "model": model,
            "low": low,
            "high": high,
            "all": everyone,
            "none": 0.0,
            "ahead": ahead,
            "ahead_low": ahead_low,
            "ahead_high": ahead_high,
            "n": len(left),
            "n_churned": int(left.sum()),
        }
    )


def break_even(cost: float, save_rate: float, value: ArrayLike) -> Float:
    """Return the probability of leaving from which a play pays: k / (s V).

    Parameters
    ----------
    cost : float
        k: what one play costs, in money.
    save_rate : float
        s: share of would-be leavers whom it keeps, above 0 and up to 1.
    value : array-like of float
        V: what staying is worth, ARR times margin, one number or one per term.

    Returns
    -------
    ndarray of float
        Above 1 where it pays for nobody; infinite where nothing is at stake; NaN where V is.

    Raises
    ------
    ParameterError
        The cost is negative, or the save rate is not above 0 and up to 1.
    """
    if cost < 0 or not 0 < save_rate <= 1:
        raise ParameterError(
            "a play needs a cost not below 0 and a save rate above 0 and up to 1",
            where="cost, save_rate",
            got=f"{cost}, {save_rate}",
        )
    worth = save_rate * np.asarray(value, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.where(worth > 0, cost / np.where(worth > 0, worth, 1.0), worth * 0 + np.inf)


def net_value(
    churned: ArrayLike,
    p: ArrayLike,
    *,
    cost: float,
    save_rate: float,
    value: ArrayLike,
    account: ArrayLike,
    n_boot: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what a play would have earned by who really left, each term at its own value.

    Parameters
    ----------
    churned, p, account, n_boot, level, rng
        As in :func:`capacity`.
    cost, save_rate, value
        As in :func:`break_even`; `value` one per term.  The save rate is an input, never learnt.

    Returns
    -------
    DataFrame, one row per way of choosing
        ``chosen`` ("model": p above its break-even, "all", "none"), ``n_called``, ``net_value``
        (money: saved value of those called who left, less the calls), ``low``, ``high``, ``n``,
        ``n_churned``, ``n_without_value`` (terms of unknown value: not called, in no sum).

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing, or cost or save rate is impossible.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, n_accounts = bootstrap.accounts(account)
    worth = np.asarray(value, dtype=np.float64)
    known = ~np.isnan(worth)
    earned = np.where(known, left * save_rate * np.nan_to_num(worth) - cost, 0.0)
    called = np.column_stack([known & (chance > break_even(cost, save_rate, worth)), known])
    called = np.column_stack([called, np.zeros(len(left), dtype=bool)])
    by_account = bootstrap.sums(earned[:, None] * called, codes, n_accounts)
    blocks = bootstrap.drawings(n_accounts, n_boot if n_accounts > 1 else 0, rng, n_rows=len(left))
    drawn = np.concatenate([np.empty((3, 0)), *(by_account @ times for times in blocks)], axis=1)
    low, high = bootstrap.interval(drawn.T, level=level)
    return pd.DataFrame(
        {
            "chosen": (MODEL, "all", "none"),
            "n_called": called.sum(axis=0),
            "net_value": by_account.sum(axis=1),
            "low": low,
            "high": high,
            "n": len(left),
            "n_churned": int(left.sum()),
            "n_without_value": int((~known).sum()),
        }
    )


def parity(
    churned: ArrayLike,
    p: ArrayLike,
    segment: ArrayLike,
    *,
    account: ArrayLike,
    n_boot: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how well each segment is ranked and levelled.

    Parameters
    ----------
    churned, p, account, n_boot, level, rng
        As in :func:`capacity`.
    segment : array-like, shape (n_rows,)
        Segment of each row; rows without one form a segment of their own, named by NaN.

    Returns
    -------
    DataFrame, one row per segment, by name
        ``segment``, ``n``, ``n_accounts``, ``n_churned``, ``auc``, ``auc_low``, ``auc_high``,
        ``observed_to_expected``, ``oe_low``, ``oe_high``, ``too_few`` (under 10 who left or under
        10 who stayed: no figure is given).

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, _ = bootstrap.accounts(account)
    place, names = pd.factorize(np.asarray(segment, dtype=object), sort=True, use_na_sentinel=True)
    told = []
    for number in np.unique(place[place >= 0]).tolist() + [-1] * bool((place < 0).any()):
        mine = place == number
        y, q, who = left[mine], chance[mine], codes[mine]
        row = {
            "segment": names[number] if number >= 0 else np.nan,
            "n": len(y),
            "n_accounts": len(np.unique(who)),
            "n_churned": int(y.sum()),
            "too_few": bool(min(y.sum(), len(y) - y.sum()) < FEWEST),
        }
        if not row["too_few"]:
            judged = metrics.table(y, q, account=who, n_boot=n_boot, level=level, rng=rng)
            area = judged.loc[judged["metric"] == "auc", ["value", "low", "high"]]
            figures = area.to_numpy(dtype=np.float64)[0].tolist()
            row |= dict(zip(("auc", "auc_low", "auc_high"), figures, strict=True))
            ratio = calibration.observed_to_expected(y, q, account=who, level=level)
            row |= dict(zip(("observed_to_expected", "oe_low", "oe_high"), ratio, strict=True))
        told.append(row)
    columns = ["segment", "n", "n_accounts", "n_churned", "auc", "auc_low", "auc_high"]
    columns += ["observed_to_expected", "oe_low", "oe_high", "too_few"]
    return pd.DataFrame(told, columns=columns)
