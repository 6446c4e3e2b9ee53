"""How well is the cut known: likelihood of a step over all cuts, and the interval it gives.

Grain in: the rows of one scope, one column, one number of users.  Grain out: one row per
candidate cut.  ``methods.md`` 2.6: likelihood-ratio inversion with Hansen's (2000) limit, not
the chi-square one, divided by the design effect of several terms per account.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Float = NDArray[np.float64]
_SAME = 1e-9  # of deviance: two cuts that draw one line
_BOUND = 30.0  # on the logit scale: a rate of 1e-13 is zero


@dataclass(frozen=True)
class StepFit:
    """A logit with one intercept per stratum and one step, for each of several cuts.

    Attributes
    ----------
    log_likelihood : ndarray of float, shape (n_cuts,)
    intercept : ndarray of float, shape (n_cuts, n_strata)
    step : ndarray of float, shape (n_cuts,)
        Log odds ratio of churn above against below.
    """

    log_likelihood: Float
    intercept: Float
    step: Float


def fit_steps(n_above: Float, churned_above: Float, n: Float, churned: Float) -> StepFit:
    """Fit the step at every cut at once from counts, by Newton's method.

    Parameters
    ----------
    n_above, churned_above : ndarray of float, shape (n_cuts, n_strata)
        Terms and churned terms above each cut.
    n, churned : ndarray of float, shape (n_strata,)
        Terms and churned terms in all.

    Returns
    -------
    StepFit
    """
    n_below, churned_below = n - n_above, churned - churned_above
    intercept = np.broadcast_to(np.log((churned + 0.5) / (n - churned + 0.5)), n_above.shape).copy()
    step = np.zeros(len(n_above))
    for _ in range(60):
        above, below = _expit(intercept + step[:, None]), _expit(intercept)
        gap_above = churned_above - n_above * above
        gap_below = churned_below - n_below * below
        weight_above = n_above * above * (1 - above) + 1e-10
        weight = weight_above + n_below * below * (1 - below) + 1e-10
        share = weight_above / weight
        score = (gap_above - share * (gap_above + gap_below)).sum(axis=1)
        information = (weight_above * (1 - share)).sum(axis=1) + 1e-9
        step_move = np.clip(score / information, -2.0, 2.0)
        move = (gap_above + gap_below - weight_above * step_move[:, None]) / weight
        step = np.clip(step + step_move, -_BOUND, _BOUND)
        intercept = np.clip(intercept + np.clip(move, -2.0, 2.0), -_BOUND, _BOUND)
        if max(np.abs(step_move).max(), np.abs(move).max()) < 1e-10:
            break
    above, below = intercept + step[:, None], intercept
    log_likelihood = (
        churned_above * above
        - n_above * np.logaddexp(0, above)
        + churned_below * below
        - n_below * np.logaddexp(0, below)
    ).sum(axis=1)
    return StepFit(log_likelihood, intercept, step)


def design_effect(
    above: NDArray[np.bool_],
    churned: Float,
    stratum: NDArray[np.int64],
    account: NDArray[np.int64],
) -> float:
    """Return the robust over the model variance of the step, at least 1.

    Parameters
    ----------
    above : ndarray of bool, shape (n_rows,)
    churned : ndarray of float, shape (n_rows,)
    stratum, account : ndarray of int, shape (n_rows,)
        The account is the cluster of the robust variance.
    """
    codes = np.unique(stratum, return_inverse=True)[1]
    ones = np.ones(len(churned))
    n, total = _sums(codes, ones), _sums(codes, churned)
    n_above, total_above = _sums(codes, ones * above), _sums(codes, churned * above)
    fit = fit_steps(n_above[None], total_above[None], n, total)
    rate = _expit(fit.intercept[0][codes] + fit.step[0] * above)
    weight = rate * (1 - rate)
    centre = np.bincount(codes, weight * above) / np.maximum(np.bincount(codes, weight), 1e-12)
    residualised = above - centre[codes]
    model = float((weight * residualised**2).sum())
    by_account = np.bincount(account, residualised * (churned - rate))
    return max(1.0, float((by_account**2).sum()) / model) if model > 0 else 1.0


def limit(level: float) -> float:
    """Return Hansen's limit of the likelihood ratio: 7.35 for 95 %."""
    return -2.0 * math.log(1.0 - math.sqrt(level))


def profile(
    values: Float, churned: Float, stratum: NDArray[np.int64], cuts: Float, allowed: Float
) -> pd.DataFrame:
    """Trace the likelihood of a step over the cuts.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
        The feature; minus infinity for a row that lacks the users asked for.
    churned, stratum : ndarray, shape (n_rows,)
    cuts : ndarray of float, sorted, shape (n_cuts,)
    allowed : ndarray of float
        All observed values, to find the one just below each cut.

    Returns
    -------
    DataFrame, one row per cut
        ``cut``, ``cut_below`` (the largest observed value under it), ``n_above``,
        ``log_likelihood``, ``rate_above``, ``rate_below`` (renewal rates 0 to 1).
    """
    codes, level = np.unique(stratum, return_inverse=True)
    at = np.searchsorted(cuts, values, side="right")
    shape = (len(cuts) + 1, len(codes))
    cells = at * len(codes) + level
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    losses = np.bincount(cells, churned, minlength=shape[0] * shape[1]).reshape(shape)
    n_above = counts[::-1].cumsum(axis=0)[::-1][1:]
    churned_above = losses[::-1].cumsum(axis=0)[::-1][1:]
    n, total = counts.sum(axis=0), losses.sum(axis=0)
    fit = fit_steps(n_above, churned_above, n, total)
    up, lost = n_above.sum(axis=1), churned_above.sum(axis=1)
    place = np.searchsorted(allowed, cuts, side="left") - 1
    return pd.DataFrame(
        {
            "cut": cuts,
            "cut_below": np.where(place >= 0, allowed[np.maximum(place, 0)], -np.inf),
            "n_above": up.astype(np.int64),
            "log_likelihood": fit.log_likelihood,
            "rate_above": 1 - lost / up,
            "rate_below": 1 - (total.sum() - lost) / (n.sum() - up),
        }
    )


@dataclass(frozen=True)
class CutInterval:
    """The cuts that the data cannot tell from the best one.

    Attributes
    ----------
    low, high : float
        Hull of the accepted cuts; ``low`` is the lowest level that draws the same line.
    best : float
        The cut that explains the outcomes best; the rule's own where it does so as well.
    localised : bool
        False when the hull covers more than half of the admissible ranks.
    at_edge : {"low", "high", "both"} or None
        Where the hull meets the end of the levels that could be tried: the truth may lie beyond.
    profile : DataFrame, one row per cut
        With ``deviance`` (twice the drop of log likelihood over the design effect) and ``inside``.
    """

    low: float
    high: float
    best: float
    localised: bool
    at_edge: str | None
    profile: pd.DataFrame


def cut_interval(traced: pd.DataFrame, *, chosen: float, deff: float, level: float) -> CutInterval:
    """Invert the likelihood ratio over the candidate cuts.

    Parameters
    ----------
    traced : DataFrame
        From ``profile``.
    chosen : float
        The rule's own cut, always inside.
    deff : float
        Design effect, at least 1.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    CutInterval
    """
    table = traced.copy()
    best = table["log_likelihood"].max()
    table["deviance"] = 2 * (best - table["log_likelihood"]) / deff
    table["inside"] = (table["deviance"] <= limit(level)) | (table["cut"] == chosen)
    hull = table.loc[table["inside"]]
    first = hull.iloc[0]
    whole = bool((table["cut"] == table["cut"].round()).all())
    low = first["cut_below"] + 1 if whole else first["cut_below"]
    covered = hull["n_above"].max() - hull["n_above"].min()
    admissible = table["n_above"].max() - table["n_above"].min()
    return CutInterval(
        low=float(low) if np.isfinite(low) else float(first["cut"]),
        high=float(hull["cut"].max()),
        best=_best(table, chosen),
        localised=bool(len(table) == 1 or covered <= 0.5 * admissible),
        at_edge={(True, True): "both", (True, False): "low", (False, True): "high"}.get(
            (bool(table["inside"].iloc[0]), bool(table["inside"].iloc[-1]))
        ),
        profile=table,
    )


def _best(table: pd.DataFrame, chosen: float) -> float:
    """Return the cut of least deviance: the chosen one where no other is better."""
    own = table.loc[table["cut"] == chosen, "deviance"]
    if len(own) and float(own.iloc[0]) <= _SAME:
        return chosen
    return float(table["cut"].iloc[int(table["deviance"].to_numpy().argmin())])


def _sums(codes: NDArray[np.int64], weights: Float) -> Float:
    return np.asarray(np.bincount(codes, weights), dtype=np.float64)


def _expit(x: Float) -> Float:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))
