"""Whether today's customers still look like those learnt from, and quarters still come as said.

Folklore calls a population stability index above .1 or .25 drift; by chance alone small books
exceed that, and large ones never do.  The limit here is what exchanged accounts show.
Grain in: one row per term, of the past and of today (:func:`table`), or per tested term
(:func:`level_chart`).  Grain out: one row per feature; one row per quarter.  ``methods.md`` 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap, logistic, rows

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

N_BINS: Final = 10
LEAST_SHARE: Final = 1e-4
FALSE_ALARMS: Final = 0.05
_NODES: Final = 31


def table(
    reference: Mapping[str, ArrayLike],
    current: Mapping[str, ArrayLike],
    *,
    reference_account: ArrayLike,
    current_account: ArrayLike,
    n_shuffles: int = 200,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare each feature of today's terms with those learnt from.

    Parameters
    ----------
    reference, current : mapping of str to array-like of float
        Features by name, the same in both; NaN is a value of its own.  The score itself is
        compared by giving it a name here.
    reference_account, current_account : array-like
        Account of each row.
    n_shuffles : int, default 200
        Exchanges of accounts behind each limit.
    rng : numpy.random.Generator
        Exchanges the accounts.

    Returns
    -------
    DataFrame, one row per feature, in the order given
        ``feature``, ``n_reference``, ``n_current``, ``missing_reference``, ``missing_current``
        (shares), ``psi`` (ten pooled quantile bins and one for NaN), ``psi_limit`` (95th
        percentile of exchanged accounts), ``ks`` (largest distance of the two distributions,
        accounts weighing alike), ``ks_p``, ``q`` (Benjamini-Hochberg over the features),
        ``drifted`` (psi above its limit and q at most .05).  NaN where a side has no rows.

    Raises
    ------
    ParameterError
        The features of the two sides differ, or a row has no account.

    Notes
    -----
    Accounts on one side only exchange sides; an account on both exchanges its own past and today
    with even odds.  The KS test counts accounts, not rows, and is cautious where accounts stand on
    both sides.  Source: ``methods.md`` 3.
    """
    if list(reference) != list(current):
        raise ParameterError(
            "the features learnt from and those of today differ",
            where="reference, current",
            got=", ".join(sorted(set(reference) ^ set(current))) or "another order",
        )
    both = np.concatenate([np.asarray(reference_account), np.asarray(current_account)])
    codes, n_accounts = bootstrap.accounts(both)
    today = np.arange(len(codes)) >= len(np.asarray(reference_account))
    values = {
        name: np.concatenate([np.asarray(reference[name], float), np.asarray(current[name], float)])
        for name in reference
    }
    exchanged = _exchanges(codes, today, n_accounts, n_shuffles, rng)
    told = [
        {"feature": name, **_compared(column, codes, today, n_accounts, exchanged)}
        for name, column in values.items()
    ]
    frame = pd.DataFrame(told)
    frame["q"] = _benjamini_hochberg(frame["ks_p"].to_numpy(dtype=np.float64))
    frame["drifted"] = (frame["psi"] > frame["psi_limit"]) & (frame["q"] <= FALSE_ALARMS)
    return frame


def level_chart(
    churned: ArrayLike,
    p: ArrayLike,
    quarter: ArrayLike,
    *,
    account: ArrayLike,
    sigma: float = 0.0,
    width: float = 3.0,
) -> pd.DataFrame:
    """Say in which quarters more or fewer left than chance and a common shock allow.

    Parameters
    ----------
    churned : array-like of {0, 1}, shape (n_rows,)
    p : array-like of float, shape (n_rows,)
        Probability of leaving, 0 to 1.
    quarter : array-like, shape (n_rows,)
        Quarter of each row.
    account : array-like, shape (n_rows,)
        Account of each row: its terms of one quarter are taken to share their fate.
    sigma : float, default 0
        Standard deviation of the shock that all terms of a quarter share, on the logit scale.
    width : float, default 3
        Standard deviations from the expected share to a limit.

    Returns
    -------
    DataFrame, one row per quarter, in order
        ``quarter``, ``n``, ``n_accounts``, ``n_churned``, ``observed`` (share that left),
        ``expected`` (mean probability), ``low``, ``high`` (limits, 0 to 1), ``outside``.

    Raises
    ------
    ParameterError
        An outcome, a probability or an account is missing, or `sigma` is negative.
    """
    if not sigma >= 0:
        raise ParameterError("a quarter's shock is negative", where="sigma", got=str(sigma))
    left = rows.outcomes(churned)
    chance = rows.probabilities(p, len(left))
    codes, _ = bootstrap.accounts(account)
    place, names = pd.factorize(np.asarray(quarter), sort=True, use_na_sentinel=False)
    told = []
    for number, name in enumerate(names):
        mine = place == number
        expected, own = chance[mine].mean(), np.unique(codes[mine], return_inverse=True)[1]
        chances = bootstrap.sums(np.sqrt(chance[mine] * (1 - chance[mine])), own, own.max() + 1)[0]
        spread = float(chances @ chances) / mine.sum() ** 2 + _shock_variance(chance[mine], sigma)
        low = max(0.0, expected - width * np.sqrt(spread))
        high = min(1.0, expected + width * np.sqrt(spread))
        observed = left[mine].mean()
        told.append(
            {
                "quarter": name,
                "n": int(mine.sum()),
                "n_accounts": int(own.max() + 1),
                "n_churned": int(left[mine].sum()),
                "observed": observed,
                "expected": expected,
                "low": low,
                "high": high,
                "outside": bool(observed < low or observed > high),
            }
        )
    return pd.DataFrame(told)


def _compared(
    column: Float, codes: Int, today: Bool, n_accounts: int, exchanged: tuple[Float, Float]
) -> dict[str, float]:
    """Return one feature's row, without what needs the other features."""
    missing = np.isnan(column)
    out: dict[str, float] = {"n_reference": int((~today).sum()), "n_current": int(today.sum())}
    if today.all() or not today.any():
        names = ("missing_reference", "missing_current", "psi", "psi_limit", "ks", "ks_p")
        return out | dict.fromkeys(names, float("nan"))
    bins = _bins(column, missing)
    n_bins = int(bins.max()) + 1
    cell = (today * n_accounts + codes) * n_bins + bins
    counts = np.bincount(cell, minlength=2 * n_accounts * n_bins).astype(np.float64)
    counts = counts.reshape(2, n_accounts, n_bins)
    kept, moved = exchanged
    now = kept @ counts[1] + moved @ counts[0]
    drawn = _psi(counts.sum(axis=(0, 1)) - now, now)
    ks, ks_p = _kolmogorov(np.where(missing, -np.inf, column), codes, today)
    return out | {
        "missing_reference": float(missing[~today].mean()),
        "missing_current": float(missing[today].mean()),
        "psi": float(_psi(counts[0].sum(axis=0), counts[1].sum(axis=0))),
        "psi_limit": float(np.quantile(drawn, 1 - FALSE_ALARMS)) if len(drawn) else float("nan"),
        "ks": ks,
        "ks_p": ks_p,
    }


def _bins(column: Float, missing: Bool) -> Int:
    """Return each row's bin: pooled deciles, so that exchanged accounts share them; NaN apart."""
    edges = np.empty(0)
    if not missing.all():
        shares = np.linspace(0, 1, N_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(column[~missing], shares, method="inverted_cdf"))
    bins = np.searchsorted(edges, column, side="left") + 1
    return np.unique(np.where(missing, 0, bins), return_inverse=True)[1].astype(np.int64)


def _psi(before: Float, now: Float) -> Float:
    """Return the population stability index of counts over the last axis."""
    with np.errstate(invalid="ignore", divide="ignore"):
        was = np.maximum(before / before.sum(axis=-1, keepdims=True), LEAST_SHARE)
        here = np.maximum(now / now.sum(axis=-1, keepdims=True), LEAST_SHARE)
    return np.asarray(((here - was) * np.log(here / was)).sum(axis=-1))


def _exchanges(
    codes: Int, today: Bool, n_accounts: int, n_shuffles: int, rng: np.random.Generator
) -> tuple[Float, Float]:
    """Return which accounts' rows of today, and of the past, count as today's in each exchange."""
    past = np.bincount(codes[~today], minlength=n_accounts) > 0
    now = np.bincount(codes[today], minlength=n_accounts) > 0
    single = np.flatnonzero(past ^ now)
    order = np.argsort(rng.random((n_shuffles, len(single))), axis=1)
    kept = (rng.random((n_shuffles, n_accounts)) < 0.5).astype(np.float64)
    moved = 1 - kept
    labels = now[single].astype(np.float64)[order]
    kept[:, single], moved[:, single] = labels, labels
    return kept, moved


def _kolmogorov(column: Float, codes: Int, today: Bool) -> tuple[float, float]:
    """Return the largest distance of two distributions of accounts, and its asymptotic p."""
    weight = np.empty(len(column))
    sizes = []
    for side in (~today, today):
        own, place, n = np.unique(codes[side], return_inverse=True, return_counts=True)
        weight[side] = 1 / (n[place] * len(own))
        sizes.append(len(own))
    order = np.argsort(column, kind="stable")
    signed = np.where(today, weight, -weight)[order]
    last = np.append(column[order][1:] != column[order][:-1], True)
    distance = float(np.abs(np.cumsum(signed)[last]).max())
    effective = sizes[0] * sizes[1] / (sizes[0] + sizes[1])
    return distance, float(stats.kstwobign.sf(distance * np.sqrt(effective)))


def _benjamini_hochberg(p_values: Float) -> Float:
    """Return q-values; NaN stays NaN and is not counted."""
    q = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        q[known] = stats.false_discovery_control(p_values[known])
    return q


def _shock_variance(p: Float, sigma: float) -> float:
    """Return how much a quarter's mean probability varies under a shock shared by its terms."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    level = logistic.expit(logistic.logit(p)[:, None] + sigma * nodes).mean(axis=0)
    return float(weights @ (level - weights @ level) ** 2)
