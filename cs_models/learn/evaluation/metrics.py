"""How good were the probabilities: log loss, Brier, skill, AUC and average precision.

Each also weighted by money, and each with an interval that takes the account as the unit.
Grain in: one row per tested term.  Grain out: one number, or one row per metric
(:func:`table`).  ``methods.md`` 3.  Where the metric needs both those who left and those who
stayed and one is not there, it is NaN, and the counts beside it say why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap, rows, scored
from cs_models.learn.evaluation.scored import METRICS

Float = NDArray[np.float64]

CAP_AT: Final = 0.99


@dataclass(frozen=True)
class Gain:
    """How much lower one log loss is than another, on the same terms.

    Attributes
    ----------
    value : float
        Mean of the paired difference; above 0 where the new one is better.
    se : float
        Account-clustered standard error; NaN with fewer than two accounts.
    n, n_accounts : int
    """

    value: float
    se: float
    n: int
    n_accounts: int


def log_loss(churned: ArrayLike, p: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Return the mean surprise at what happened, in nats.

    Parameters
    ----------
    churned : array-like of {0, 1}, shape (n_rows,)
    p : array-like of float, shape (n_rows,)
        Probability of leaving, 0 to 1; held off 0 and 1 by the smallest float step.
    weight : array-like of float, shape (n_rows,), optional
        Weight of each row; 1 when None.

    Returns
    -------
    float
        NaN without rows.

    Raises
    ------
    ParameterError
        An outcome or a probability is missing.
    """
    return _one("log_loss", churned, p, weight)


def brier(churned: ArrayLike, p: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Return the mean squared distance of probability and outcome.

    Parameters
    ----------
    churned, p, weight
        As in :func:`log_loss`.

    Returns
    -------
    float
        0 to 1; NaN without rows.

    Raises
    ------
    ParameterError
        An outcome or a probability is missing.
    """
    return _one("brier", churned, p, weight)


def brier_skill(
    churned: ArrayLike, p: ArrayLike, p_base: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Return the share of the base probability's Brier score that was saved.

    Parameters
    ----------
    churned, p, weight
        As in :func:`log_loss`.
    p_base : array-like of float, shape (n_rows,)
        What would have been said without a model, 0 to 1 (the segment's base rate).

    Returns
    -------
    float
        1 for certainty that came true, 0 for no better than the base; NaN where the base was
        never wrong.

    Raises
    ------
    ParameterError
        An outcome or a probability is missing.
    """
    return _one("brier_skill", churned, p, weight, p_base)


def auc(churned: ArrayLike, p: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Return how often one who left stood above one who stayed; ties count half.

    Parameters
    ----------
    churned, p, weight
        As in :func:`log_loss`; `p` may be any score that grows with risk.

    Returns
    -------
    float
        0 to 1, .5 by chance; NaN where nobody left or nobody stayed.

    Raises
    ------
    ParameterError
        An outcome or a score is missing.
    """
    return _one("auc", churned, _as_score(p), weight)


def average_precision(
    churned: ArrayLike, p: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Return the mean share of leavers among those called, over all lengths of the list.

    Parameters
    ----------
    churned, p, weight
        As in :func:`auc`.

    Returns
    -------
    float
        To be read beside the base rate, which a list by chance has; NaN where nobody left or
        nobody stayed.

    Raises
    ------
    ParameterError
        An outcome or a score is missing.
    """
    return _one("average_precision", churned, _as_score(p), weight)


def capped(arr: ArrayLike) -> Float:
    """Return money as weights, so that one whale is not the whole judgement.

    Parameters
    ----------
    arr : array-like of float, shape (n_rows,)
        Money of each term; NaN where not known.

    Returns
    -------
    ndarray of float, shape (n_rows,)
        ARR capped at the 99th percentile of the known ones; NaN where not known.

    Raises
    ------
    ParameterError
        Money is negative or infinite.
    """
    money = np.asarray(arr, dtype=np.float64)
    wrong = (money < 0) | np.isinf(money)
    if wrong.any():
        raise ParameterError(
            "ARR as a weight is negative or infinite",
            where="arr",
            got=f"{int(wrong.sum())} of {len(money)} rows",
        )
    known = money[~np.isnan(money)]
    return (
        np.minimum(money, np.quantile(known, CAP_AT, method="inverted_cdf"))
        if len(known)
        else money
    )


def kish(weight: ArrayLike) -> float:
    """Return how many equal rows weighted rows are worth (Kish).

    Parameters
    ----------
    weight : array-like of float, shape (n_rows,)
        Not below 0.

    Returns
    -------
    float
        (sum w)² / sum w²; 0 without any weight.
    """
    w = np.asarray(weight, dtype=np.float64)
    square = float(w @ w)
    return float(w.sum() ** 2 / square) if square > 0 else 0.0


def gain(churned: ArrayLike, p: ArrayLike, p_before: ArrayLike, *, account: ArrayLike) -> Gain:
    """Return how much lower the log loss of `p` is than that of `p_before`.

    Parameters
    ----------
    churned, p
        As in :func:`log_loss`.
    p_before : array-like of float, shape (n_rows,)
        The other probability of the same terms, 0 to 1.
    account : array-like, shape (n_rows,)
        Account of each row.

    Returns
    -------
    Gain
        Paired difference with its account-clustered standard error: the rule of promotion of
        ``methods.md`` 3 is ``value > se``.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.
    """
    left = rows.outcomes(churned)
    codes, n_accounts = bootstrap.accounts(account)
    after = scored.losses(left, rows.probabilities(p, len(left)))
    before = scored.losses(left, rows.probabilities(p_before, len(left), where="p_before"))
    value = float((before - after).mean()) if len(left) else float("nan")
    se = bootstrap.standard_error(before - after, codes, n_accounts)
    return Gain(value, se, len(left), n_accounts)


def table(
    churned: ArrayLike,
    p: ArrayLike,
    *,
    account: ArrayLike,
    arr: ArrayLike | None = None,
    p_base: ArrayLike | None = None,
    n_boot: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return all metrics with their account-clustered intervals.

    Parameters
    ----------
    churned, p
        As in :func:`log_loss`.
    account : array-like, shape (n_rows,)
        Account of each row.
    arr : array-like of float, shape (n_rows,), optional
        Money of each term; adds the weighted rows, over the terms whose ARR is known.
    p_base : array-like of float, shape (n_rows,), optional
        Base probability; without it the skill is NaN.
    n_boot : int, default 1000
        Drawings of accounts.
    level : float, default 0.95
        Coverage of the intervals.
    rng : numpy.random.Generator
        Draws the accounts.

    Returns
    -------
    DataFrame, one row per (metric, weighted)
        ``metric`` (one of ``METRICS``), ``weighted`` (by ARR capped at the 99th percentile),
        ``value``, ``low``, ``high``, ``n``, ``n_churned``, ``n_accounts``, ``kish_n`` (rows that
        the weighted ones are worth).

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing, or money is negative.

    Notes
    -----
    An interval is NaN where more than 5 % of the drawings lack one class, or with fewer than two
    accounts.  Time grows with rows times drawings.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    base = None if p_base is None else rows.probabilities(p_base, len(left), where="p_base")
    codes, _ = bootstrap.accounts(account)
    weights = {False: np.ones(len(left))}
    if arr is not None:
        weights[True] = capped(arr)
    seeds = rng.spawn(len(weights))
    parts = []
    for (weighted, weight), source in zip(weights.items(), seeds, strict=True):
        known = ~np.isnan(weight)
        mine = scored.Rows.of(left, chance, base, weight, codes, known)
        parts.append(_told(mine, weighted, n_boot, level, source))
    return pd.concat(parts, ignore_index=True)


def _told(
    mine: scored.Rows, weighted: bool, n_boot: int, level: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the rows of the table for one weighting."""
    value = scored.statistics(mine, np.ones((mine.n_accounts, 1)))[0]
    drawn = np.full((0, len(METRICS)), np.nan)
    if n_boot and mine.n_accounts > 1:
        blocks = bootstrap.drawings(mine.n_accounts, n_boot, rng, n_rows=len(mine.codes))
        drawn = np.concatenate([scored.statistics(mine, times) for times in blocks])
    low, high = bootstrap.interval(drawn, level=level)
    return pd.DataFrame(
        {
            "metric": METRICS,
            "weighted": weighted,
            "value": value,
            "low": low,
            "high": high,
            "n": len(mine.codes),
            "n_churned": mine.n_churned,
            "n_accounts": mine.n_accounts,
            "kish_n": kish(mine.weight),
        }
    )


def _as_score(p: ArrayLike) -> Float:
    """Return any score as its rank, 0 to 1: ties stay ties."""
    score = np.asarray(p, dtype=np.float64)
    if np.isnan(score).any():
        raise ParameterError(
            "a score to rank by is missing",
            where="p",
            got=f"{int(np.isnan(score).sum())} of {len(score)} rows",
        )
    places = np.unique(score, return_inverse=True)[1]
    return np.asarray(places / max(1, places.max(initial=0)))


def _one(
    metric: str,
    churned: ArrayLike,
    p: ArrayLike,
    weight: ArrayLike | None,
    p_base: ArrayLike | None = None,
) -> float:
    """Return one metric of the rows as they are."""
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    base = None if p_base is None else rows.probabilities(p_base, len(left), where="p_base")
    w = np.ones(len(left)) if weight is None else np.asarray(weight, dtype=np.float64)
    one = np.zeros(len(left), dtype=np.int64)
    mine = scored.Rows.of(left, chance, base, w, one, ~np.isnan(w))
    value = scored.statistics(mine, np.ones((mine.n_accounts, 1)))
    return float(value[0, METRICS.index(metric)])
