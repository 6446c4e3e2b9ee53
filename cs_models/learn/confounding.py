"""Would the gap still be there between customers who were alike before: the weighted contrast.

A rule's two sides differ in more than the use that it counts: dearer customers have their own
success manager, use more and stay longer.  Here each side is weighted so that both hold the same
customers in everything that was known before the window of use began (overlap weights: Li,
Morgan & Zaslavsky 2018, JASA 113:390).  What nobody recorded is not made alike by this; the
E-value says how strong it would have to be (VanderWeele & Ding 2017).

Grain in: a rule and one row per (subscription_id, as_of_date).  Grain out: one record, and its
balance table, one row per level of a covariate.  ``methods.md`` 2.10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cs_models import progress
from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn.engines import pre_period
from cs_models.learn.engines import propensity as propensities
from cs_models.learn.rules import reading

# Fewer accounts of the smaller side per column, and the sides can hardly but be told apart.
ACCOUNTS_PER_COLUMN: Final = 5
FEWEST_ACCOUNTS_OF_SIDE: Final = 10
OVERLAP: Final = (0.05, 0.95)
_HUGE: Final = 1e6
# In log likelihood.  A level that stands wholly on one side creeps on for a dozen steps, with no
# weight left in it: the bootstrap need not wait for that.
_EXACT: Final = 1e-10
_CLOSE: Final = 0.02

Float = NDArray[np.float64]
Side = NDArray[np.bool_]


@dataclass(frozen=True)
class Contrast:
    """Renewal either side of a rule, between customers alike in what was known before.

    Attributes
    ----------
    lift, low, high : float
        Weighted renewal rate above minus below the rule's cut (-1 to 1), as in
        ``Search.table``, and its interval; negative where fewer is better.
    lift_naive : float
        The same without weights, in the same rows.
    n_effective_above, n_effective_below : float
        Terms that the weights leave on each side (Kish).
    balance : DataFrame
        One row per level or number: ``covariate``, ``smd_before``, ``smd_after`` (differences in
        standard deviations, above minus below) and ``in_model``.
    max_smd : float
        The largest |``smd_after``| of the balance table.
    risk_ratio : float
        Weighted churn rate above over that below, at most a million; NaN where nobody churned.
    e_value, e_value_limit : float
        How strongly (as a risk ratio) something unrecorded would have to go with both the side
        and churn to explain the contrast away, and to move its interval to no gap; at least 1.
    covariates, covariates_left_out : tuple of str
        Panel columns that were made alike, and those that the smaller side could not afford.
    n_terms, n_accounts : int
    share_overlap : float
        Share of terms whose chance of being above lies between 5 and 95 %.
    """

    lift: float
    low: float
    high: float
    lift_naive: float
    n_effective_above: float
    n_effective_below: float
    balance: pd.DataFrame
    max_smd: float
    risk_ratio: float
    e_value: float
    e_value_limit: float
    covariates: tuple[str, ...]
    covariates_left_out: tuple[str, ...]
    n_terms: int
    n_accounts: int
    share_overlap: float


def contrast(
    rule: reading.Rule,
    frame: pd.DataFrame,
    *,
    covariates: Sequence[str] | None = None,
    cluster: str = "account_id",
    outcome: str = "churned",
    rng: np.random.Generator,
    n_boot: int = 200,
    level: float = 0.95,
) -> Contrast:
    """Compare renewal either side of a rule between customers who were alike before.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes, such as ``Search.learnt_from``.
    covariates : sequence of str, optional
        Columns known before the window; by default the contract, the account's attributes, the
        quarter, and use before the term where the panel holds it.
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying, null for not evaluable.
    rng : numpy.random.Generator
        Source of the bootstrap of accounts; the weights are fitted anew in each.
    n_boot : int, default 200
        At least 2; the interval is the contrast and the spread of the draws either side.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    Contrast

    Raises
    ------
    ParameterError
        The panel lacks a column, or a covariate was not known before the window.
    TooLittleDataError
        One side has fewer than 10 accounts.

    Notes
    -----
    Associational all the same (``methods.md`` 2.10).  A rule that was found in these very rows
    keeps what its choice flatters it by: weights remove confounding, not optimism.
    """
    rows, above = _sides(rule, frame, cluster, outcome)
    account = pd.factorize(rows[cluster])[0].astype(np.int64)
    churned = rows[outcome].to_numpy(dtype=np.float64)
    affordable = _smaller_side(account, above) // ACCOUNTS_PER_COLUMN
    known = pre_period.known(rows, affordable=affordable, covariates=covariates)
    design = np.column_stack([np.ones(len(rows)), known.matrix])
    ones = np.ones(len(rows))
    beta = propensities.fit(design, above, ones, np.zeros(design.shape[1]), _EXACT)
    propensity = special.expit(design @ beta)
    weights = overlap_weights(above, propensity)
    worse_above, worse_below = _churn_rates(churned, above, weights)
    naive_above, naive_below = _churn_rates(churned, above, ones)
    drawn = _bootstrap(design, above, churned, account, beta, n_boot, rng)
    lift, tails = worse_below - worse_above, np.array([(1 - level) / 2, (1 + level) / 2])
    # With a few hundred draws their spread is known better than their tails.
    low, high = lift + special.ndtri(tails) * np.nanstd(drawn[:, 1] - drawn[:, 0], ddof=1)
    ratio = _ratio(worse_above, worse_below)
    ratios = np.nanquantile([_ratio(*pair) for pair in drawn], tails)
    limit = 1.0 if low <= 0 <= high else _nearest_to_one(*ratios)
    balance = _balance(known, above, weights)
    return Contrast(
        lift=lift,
        low=float(max(low, -1.0)),
        high=float(min(high, 1.0)),
        lift_naive=naive_below - naive_above,
        n_effective_above=_kish(weights[above]),
        n_effective_below=_kish(weights[~above]),
        balance=balance,
        max_smd=float(balance["smd_after"].abs().max()),
        risk_ratio=ratio,
        e_value=e_value(ratio),
        e_value_limit=e_value(limit),
        covariates=known.covariates,
        covariates_left_out=known.covariates_left_out,
        n_terms=len(rows),
        n_accounts=int(account.max()) + 1,
        share_overlap=float(((propensity >= OVERLAP[0]) & (propensity <= OVERLAP[1])).mean()),
    )


def overlap_weights(above: Side, propensity: Float) -> Float:
    """Weigh each row by its chance of standing on the other side.

    Parameters
    ----------
    above : ndarray of bool, shape (n_rows,)
    propensity : ndarray of float, shape (n_rows,)
        Chance of being above, given what was known before, 0 to 1.

    Returns
    -------
    ndarray of float, shape (n_rows,)
        1 - e above and e below: bounded, and largest where both sides are likely.  With e from a
        logit, both sides have exactly the same weighted mean of every column of that logit.

    Raises
    ------
    ParameterError
        A propensity is not between 0 and 1.

    Notes
    -----
    Li, Morgan & Zaslavsky 2018; ``methods.md`` 2.10.
    """
    if not ((propensity >= 0) & (propensity <= 1)).all():
        raise ParameterError("a propensity lies between 0 and 1", where="propensity")
    return np.where(above, 1.0 - propensity, propensity)


def e_value(risk_ratio: float) -> float:
    """Say how strong something unrecorded would have to be to explain a risk ratio away.

    Parameters
    ----------
    risk_ratio : float
        At least 0; one below 1 is turned round.

    Returns
    -------
    float
        ``RR + sqrt(RR (RR - 1))``: 1 where there is nothing to explain, NaN for NaN.

    Raises
    ------
    ParameterError
        The ratio is negative.

    Notes
    -----
    VanderWeele & Ding 2017; ``methods.md`` 2.10 and 8.
    """
    if risk_ratio < 0:
        raise ParameterError(
            "a risk ratio is not negative", where="risk_ratio", got=f"{risk_ratio:g}"
        )
    if risk_ratio == 0:
        return math.inf
    ratio = max(risk_ratio, 1.0 / risk_ratio)
    return math.inf if math.isinf(ratio) else ratio + math.sqrt(ratio * (ratio - 1.0))


def _sides(
    rule: reading.Rule, frame: pd.DataFrame, cluster: str, outcome: str
) -> tuple[pd.DataFrame, Side]:
    """Return the rows of which both the side and the outcome are known, and who is above."""
    absent = [name for name in (cluster, outcome) if name not in frame.columns]
    if absent:
        raise ParameterError(
            "the panel lacks columns", where=", ".join(absent), repair="pass the learnt-from rows"
        )
    better = reading.apply(rule, frame)
    kept = better.notna() & frame[outcome].notna() & frame[cluster].notna()
    above = better[kept].to_numpy(dtype=bool)
    if dict(rule)["direction"] == "at_most":
        above = ~above  # the better side is then the one below the cut
    return frame.loc[kept].reset_index(drop=True), above


def _smaller_side(account: NDArray[np.int64], above: Side) -> int:
    """Return the accounts of the smaller side, refusing sides that cannot be compared."""
    smaller = min(len(np.unique(account[above])), len(np.unique(account[~above])))
    if smaller < FEWEST_ACCOUNTS_OF_SIDE:
        raise TooLittleDataError(
            "one side of the rule has too few accounts to be compared",
            where="rule",
            got=f"{smaller} accounts",
            repair=f"at least {FEWEST_ACCOUNTS_OF_SIDE} on each side",
        )
    return smaller


def _bootstrap(
    design: Float,
    above: Side,
    churned: Float,
    account: NDArray[np.int64],
    beta: Float,
    n_boot: int,
    rng: np.random.Generator,
) -> Float:
    """Return the weighted churn rates (above, below) of accounts drawn again, shape (n_boot, 2)."""
    n_accounts = int(account.max()) + 1
    rates = np.empty((n_boot, 2))
    for b in progress.through(range(n_boot), "re-draws of customers"):
        times = np.bincount(rng.integers(0, n_accounts, n_accounts), minlength=n_accounts)[account]
        here = times > 0
        drawn, side, count = design[here], above[here], times[here].astype(np.float64)
        fitted = propensities.fit(drawn, side, count, beta, _CLOSE)
        weights = count * overlap_weights(side, special.expit(drawn @ fitted))
        rates[b] = _churn_rates(churned[here], side, weights)
    return rates


def _churn_rates(churned: Float, above: Side, weights: Float) -> tuple[float, float]:
    return _mean(churned, above, weights), _mean(churned, ~above, weights)


def _mean(values: Float, rows: Side, weights: Float) -> float:
    total = weights[rows].sum()
    return float(weights[rows] @ values[rows] / total) if total > 0 else math.nan


def _ratio(above: float, below: float) -> float:
    """Return the ratio of two churn rates, at most a million."""
    if below > 0:
        return min(above / below, _HUGE)
    return _HUGE if above > 0 else math.nan


def _nearest_to_one(low: float, high: float) -> float:
    """Return the end of an interval of risk ratios that is nearest to 1; 1 where it covers it."""
    return low if low > 1 else min(high, 1.0)


def _kish(weights: Float) -> float:
    return float(weights.sum() ** 2 / (weights @ weights))


def _balance(known: pre_period.Known, above: Side, weights: Float) -> pd.DataFrame:
    """Compare the sides in every level and number, before and after weighting."""
    rows = []
    blocks = [(block, True) for block in known.used] + [(block, False) for block in known.left_out]
    for block, in_model in blocks:
        for label, column in zip(block.labels, block.columns.T, strict=True):
            if label is None:
                continue
            spread = math.sqrt((column[above].var() + column[~above].var()) / 2) or math.nan
            before = column[above].mean() - column[~above].mean()
            after = _mean(column, above, weights) - _mean(column, ~above, weights)
            rows.append((label, before / spread, after / spread, in_model))
    return pd.DataFrame(rows, columns=["covariate", "smd_before", "smd_after", "in_model"])
