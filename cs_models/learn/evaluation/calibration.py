"""Whether what was said came true as often as was said.

Level (calibration in the large, observed to expected), spread (slope), shape (ICI, E50, E90) and
the popular binned error.  The last and the ICI are above 0 even for perfect probabilities, the
more so the fewer the terms: each stands beside what perfect probabilities would have shown.
Grain in: one row per tested term.  Grain out: one row per measure (:func:`table`), per place of a
smooth curve (:func:`curve`) or per group (:func:`groups`).  ``methods.md`` 3 and S15; Austin and
Steyerberg 2019; Van Calster et al. 2019; Spiegelhalter 1986.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.learn.evaluation import bootstrap, distance, logistic, rates, rows
from cs_models.learn.evaluation.distance import N_BINS
from cs_models.learn.evaluation.recalibration import Recalibration, recalibrate
from cs_models.learn.evaluation.told import NOT_SAID, UNKNOWN, Judged, Told

__all__ = [
    "MEASURES",
    "Recalibration",
    "curve",
    "ece",
    "groups",
    "observed_to_expected",
    "recalibrate",
    "table",
]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MEASURES: Final = (
    "intercept",
    "slope",
    "observed_to_expected",
    "spiegelhalter_z",
    "lr_chi2",
    "ici",
    "e50",
    "e90",
    "ece",
)


def table(
    churned: ArrayLike,
    p: ArrayLike,
    *,
    account: ArrayLike,
    n_null: int = 500,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return all measures of calibration, each with what it needs to be read.

    Parameters
    ----------
    churned : array-like of {0, 1}, shape (n_rows,)
    p : array-like of float, shape (n_rows,)
        Probability of leaving, 0 to 1; on the logit scale held within 1e-6 of 0 and 1.
    account : array-like, shape (n_rows,)
        Account of each row.
    n_null : int, default 500
        Histories simulated from `p` itself: what perfect probabilities would have shown.
    level : float, default 0.95
        Coverage of the account-robust intervals, and the quantile ``null_high``.
    rng : numpy.random.Generator
        Draws the simulated histories.

    Returns
    -------
    DataFrame, one row per measure of ``MEASURES``
        ``measure``, ``value``, ``low``, ``high``, ``null_mean``, ``null_high``, ``p_value``,
        ``n``, ``n_churned``, ``n_accounts``.  Intercept (0 is right; above 0 more left than was
        said), slope (1; below 1 too extreme), observed to expected (1), Spiegelhalter's z (0), the
        likelihood-ratio chi-square of intercept 0 and slope 1, mean, median and 90th percentile of
        the distance between the smooth curve and what was said, and the error in ten groups of
        equal size.  The p-values of intercept, slope and observed to expected are account-robust;
        the others take terms as independent given `p`.  NaN where nobody left or nobody stayed.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.

    Notes
    -----
    Source: ``methods.md`` 3.  Time grows with rows times `n_null`.
    """
    judged = _judged(churned, p, account, level)
    told = dict.fromkeys(MEASURES, UNKNOWN)
    if rows.both_classes(judged.churned):
        told |= _straight(judged) | distance.shape(judged, n_null, rng)
    frame = pd.DataFrame([{"measure": name, **vars(told[name])} for name in MEASURES])
    return frame.assign(
        n=len(judged.churned), n_churned=int(judged.churned.sum()), n_accounts=judged.n_accounts
    )


def curve(
    churned: ArrayLike,
    p: ArrayLike,
    *,
    account: ArrayLike,
    n_boot: int = 500,
    points: int = 50,
    level: float = 0.95,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the smooth curve of what came true against what was said.

    Parameters
    ----------
    churned, p, account
        As in :func:`table`.
    n_boot : int, default 500
        Drawings of accounts behind the band.
    points : int, default 50
        Places, from the 1st to the 99th percentile of `p`; ties make fewer.
    level : float, default 0.95
        Coverage of the band, place by place.
    rng : numpy.random.Generator
        Draws the accounts.

    Returns
    -------
    DataFrame, one row per place
        ``p`` (said), ``observed`` (share that left, smoothed), ``low``, ``high``; empty where
        nobody left or nobody stayed.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.

    Notes
    -----
    A logit on a restricted cubic spline of the predicted logit, ``methods.md`` 3.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, n_accounts = bootstrap.accounts(account)
    if not rows.both_classes(left):
        return pd.DataFrame({name: np.empty(0) for name in ("p", "observed", "low", "high")})
    x = logistic.logit(chance)
    places = logistic.knots(x, distance.events(left, codes))
    design = logistic.spline(x, places)
    at = np.unique(np.quantile(chance, np.linspace(0.01, 0.99, points), method="inverted_cdf"))
    shown = logistic.spline(logistic.logit(at), places)
    best = logistic.fit(design, left[:, None], start=distance.identity(design))
    drawn = [
        logistic.fit(design, left[:, None], weight=times[codes], start=distance.identity(design))
        for times in bootstrap.drawings(n_accounts, n_boot, rng, n_rows=len(left))
    ]
    bands = np.concatenate([logistic.expit(shown @ beta).T for beta in drawn]) if drawn else None
    low, high = bootstrap.interval(np.empty((0, len(at))) if bands is None else bands, level=level)
    observed = logistic.expit(shown @ best)[:, 0]
    return pd.DataFrame({"p": at, "observed": observed, "low": low, "high": high})


def groups(
    churned: ArrayLike, p: ArrayLike, *, account: ArrayLike, n_groups: int = 10
) -> pd.DataFrame:
    """Return what was said and what came true in groups of equal size, from low risk to high.

    Parameters
    ----------
    churned, p, account
        As in :func:`table`.
    n_groups : int, default 10
        Groups; equal probabilities stay together, so that ties make fewer.

    Returns
    -------
    DataFrame, one row per group
        ``group`` (1 the lowest), ``p_from``, ``p_to``, ``n``, ``n_accounts``, ``expected`` (mean
        probability), ``observed`` (share that left), ``low``, ``high`` (account-clustered Wilson).

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, _ = bootstrap.accounts(account)
    bins = distance.bins(chance, n_groups)
    told = []
    for number, group in enumerate(np.unique(bins), start=1):
        mine = bins == group
        rate = rates.proportion(left[mine], codes[mine])
        told.append(
            {
                "group": number,
                "p_from": chance[mine].min(),
                "p_to": chance[mine].max(),
                "n": rate.n,
                "n_accounts": rate.n_clusters,
                "expected": chance[mine].mean(),
                "observed": rate.rate,
                "low": rate.low,
                "high": rate.high,
            }
        )
    return pd.DataFrame(told)


def observed_to_expected(
    churned: ArrayLike, p: ArrayLike, *, account: ArrayLike, level: float = 0.95
) -> tuple[float, float, float]:
    """Return how many left for each who was expected to.

    Parameters
    ----------
    churned, p, account, level
        As in :func:`table`.

    Returns
    -------
    value, low, high : float
        Account-robust interval, symmetric on the log scale; all NaN where nobody left or nobody
        stayed, or with fewer than two accounts.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.
    """
    judged = _judged(churned, p, account, level)
    told = _ratio(judged) if rows.both_classes(judged.churned) else UNKNOWN
    return told.value, told.low, told.high


def spread(
    churned: ArrayLike, p: ArrayLike, *, account: ArrayLike, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the slope of what came on what was said: whether chances lie as far apart as they do.

    Parameters
    ----------
    churned, p, account, level
        As in :func:`table`.

    Returns
    -------
    value, low, high : float
        1 is right, below 1 the chances are too extreme; account-robust interval.  All NaN where
        nobody left or nobody stayed, or no slope can be fitted.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing.
    """
    judged = _judged(churned, p, account, level)
    told = _straight(judged)["slope"] if rows.both_classes(judged.churned) else UNKNOWN
    return told.value, told.low, told.high


def _judged(churned: ArrayLike, p: ArrayLike, account: ArrayLike, level: float) -> Judged:
    """Return checked outcomes, probabilities and accounts, with the log odds that were said."""
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, n_accounts = bootstrap.accounts(account)
    return Judged(left, chance, logistic.logit(chance), codes, n_accounts, level)


def ece(churned: ArrayLike, p: ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Return the binned error: never to be shown without its null reference.

    Parameters
    ----------
    churned, p
        As in :func:`table`.
    n_bins : int, default 10
        Groups of equal size.

    Returns
    -------
    float
        Mean distance of expected and observed shares over the groups, by their size; NaN without
        rows.

    Raises
    ------
    ParameterError
        An outcome or a probability is missing.
    """
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    return float(distance.binned(chance, n_bins)(left[:, None])[0]) if len(left) else NOT_SAID


def _straight(judged: Judged) -> dict[str, Told]:
    """Return the measures of level and slope."""
    y, p, x = judged.churned, judged.p, judged.logit
    one = np.ones((len(y), 1))
    level = logistic.fit(one, y[:, None], offset=x)[:, 0]
    line = np.column_stack([one, x])
    both = logistic.fit(line, y[:, None], start=np.array([0.0, 1.0]))[:, 0]
    apart = bool(np.isnan(both).any())
    gained = NOT_SAID if apart else _likelihood(y, line @ both) - _likelihood(y, x)
    chi2 = gained if apart else max(0.0, 2 * gained)
    spread = float(np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum()))
    z = float(((y - p) * (1 - 2 * p)).sum() / spread) if spread > 0 else NOT_SAID
    return {
        "intercept": _wald(judged, one, level, x, 0, 0.0),
        "slope": _wald(judged, line, both, np.zeros(len(y)), 1, 1.0),
        "observed_to_expected": _ratio(judged),
        "spiegelhalter_z": Told(z, p_value=float(2 * stats.norm.sf(abs(z)))),
        "lr_chi2": Told(chi2, p_value=float(stats.chi2.sf(chi2, 2))),
    }


def _wald(
    judged: Judged, design: Float, beta: Float, offset: Float, place: int, right: float
) -> Told:
    """Return a coefficient with its account-robust interval and the test that it is right."""
    if np.isnan(beta).any():
        return UNKNOWN
    rate = logistic.expit(design @ beta + offset)
    scores = design * (judged.churned - rate)[:, None]
    by_account = bootstrap.sums(scores, judged.codes, judged.n_accounts)
    covariance = logistic.robust_covariance(design, rate, by_account)
    value, se = float(beta[place]), float(np.sqrt(covariance[place, place]))
    return _around(value, value - judged.z * se, value + judged.z * se, (value - right) / se)


def _ratio(judged: Judged) -> Told:
    """Return observed to expected with an interval that is symmetric on the log scale."""
    observed, expected = judged.churned.sum(), judged.p.sum()
    if expected == 0 or judged.n_accounts < 2:
        return UNKNOWN
    value = float(observed / expected)
    gap = bootstrap.sums(judged.churned - value * judged.p, judged.codes, judged.n_accounts)[0]
    variance = float(gap @ gap) * judged.n_accounts / (judged.n_accounts - 1)
    se = float(np.sqrt(variance) / observed)
    wide = np.exp(judged.z * se)
    return _around(value, value / wide, value * wide, np.log(value) / se)


def _around(value: float, low: float, high: float, z: float) -> Told:
    return Told(value, float(low), float(high), p_value=float(2 * stats.norm.sf(abs(z))))


def _likelihood(churned: Float, linear: Float) -> float:
    return float((churned * linear - np.logaddexp(0, linear)).sum())
