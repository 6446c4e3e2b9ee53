"""One count, its cut found anew, and what that cut is worth on accounts not learnt from.

Grain in: the rows of one scope and one count.  Grain out: one cut, or one record of held-out worth.
``methods.md`` 2.1 (which cuts), 2.5 (held-out log likelihood), 2.7 (5 folds of whole accounts, 5
times; standard errors of fold estimates are too small by about a fifth).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cs_models.learn import splits
from cs_models.learn.rules import layout
from cs_models.learn.rules.scope import Rows
from cs_models.learn.shapes import effect, likelihood

N_FOLDS = 5
N_REPEATS = 5
FOLDS_INFLATION = 1.2
Z_95 = 1.959963984540054

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """The best cut of some rows.

    Attributes
    ----------
    cut : float
        The smallest value of the upper side.
    log_odds : float
        Of churn, above against below: negative where more goes with renewal.
    intercept, alone : ndarray of float, shape (n_strata,)
        Log odds of churn below the cut, and without any cut.
    """

    cut: float
    log_odds: float
    intercept: Float
    alone: Float

    @property
    def direction(self) -> str:
        """Return which side renews more, ``at_least`` or ``at_most``."""
        return "at_least" if self.log_odds < 0 else "at_most"


@dataclass(frozen=True)
class Held:
    """What a count is worth on accounts that its cut was not learnt from.

    Attributes
    ----------
    lift, lift_se : float
        Renewal rate within strata on the side that the training part called better, less that on
        the other, and its clustered standard error.
    explained, explained_se : float
        Share of the deviance left by the strata that the step explains; below 0 where it misleads.
    gain : ndarray of float, shape (n_rows,)
        Log likelihood gained by the step, row by row, mean of the repeats.
    """

    lift: float
    lift_se: float
    explained: float
    explained_se: float
    gain: Float


def admissible_cuts(rows: Rows) -> Float:
    """Return the cuts with enough terms, accounts, churns and renewals expected on both sides."""
    if not len(rows.count):
        return np.zeros(0)
    cuts = layout.candidate_cuts(rows.count, most=layout.MOST_CUTS)
    cuts = cuts[np.isfinite(cuts)]
    ordered = np.sort(rows.count)
    n_above = len(ordered) - np.searchsorted(ordered, cuts, side="left")
    rate = float(rows.churned.mean())
    smaller = np.minimum(n_above, len(ordered) - n_above)
    codes = np.unique(rows.account, return_inverse=True)[1]
    most = np.full(codes.max() + 1, -np.inf)
    least = np.full(codes.max() + 1, np.inf)
    np.maximum.at(most, codes, rows.count)
    np.minimum.at(least, codes, rows.count)
    accounts = np.minimum((most[:, None] >= cuts).sum(axis=0), (least[:, None] < cuts).sum(axis=0))
    kept: Float = cuts[
        (smaller * min(rate, 1 - rate) >= layout.SMALLEST_EXPECTED)
        & (accounts >= layout.SMALLEST_SIDE_ACCOUNTS)
    ]
    return kept


def best(rows: Rows) -> Step | None:
    """Find the cut that explains who left best, within strata.

    Parameters
    ----------
    rows : Rows

    Returns
    -------
    Step or None
        None where no cut has enough on both sides.

    Notes
    -----
    Each side is given one more term of the strata's own churn rates, so that a side on which nobody
    left is not called certain.
    """
    cuts = admissible_cuts(rows)
    if not len(cuts):
        return None
    n_strata = rows.n_strata
    n = np.bincount(rows.stratum, minlength=n_strata).astype(np.float64)
    lost = np.bincount(rows.stratum, rows.churned, minlength=n_strata)
    rate, share = (lost + 0.5) / (n + 1.0), n / n.sum()
    cells = np.searchsorted(cuts, rows.count, side="right") * n_strata + rows.stratum
    shape = (len(cuts) + 1, n_strata)

    def above(weights: Float) -> Float:
        sums = np.bincount(cells, weights, minlength=shape[0] * shape[1]).reshape(shape)
        return np.asarray(sums[::-1].cumsum(axis=0)[::-1][1:])

    fitted = likelihood.fit_steps(
        above(np.ones(len(cells))) + share,
        above(rows.churned) + share * rate,
        n + 2 * share,
        lost + 2 * share * rate,
    )
    place = int(np.argmax(np.round(fitted.log_likelihood, 9)))
    return Step(
        cut=float(cuts[place]), log_odds=float(fitted.step[place]),
        intercept=fitted.intercept[place], alone=np.log(rate / (1 - rate)),
    )  # fmt: skip


def held_out(rows: Rows, rng: np.random.Generator) -> Held | None:
    """Judge the count on held-out accounts, its cut found anew in each training part.

    Parameters
    ----------
    rows : Rows
    rng : numpy.random.Generator
        Deals the accounts into folds.

    Returns
    -------
    Held or None
        None where a training part has no admissible cut.
    """
    if not len(admissible_cuts(rows)):
        return None
    account = np.unique(rows.account, return_inverse=True)[1].astype(np.int64)
    gains, nulls, lifts, errors = [], [], [], []
    for _ in range(N_REPEATS):
        folds = splits.grouped_folds(account, rows.churned, n_folds=N_FOLDS, rng=rng)
        gain, null = np.zeros(len(folds)), np.zeros(len(folds))
        better = np.zeros(len(folds), dtype=bool)
        for fold in range(N_FOLDS):
            held = folds == fold
            step = best(rows.at(~held))
            if step is None:
                return None
            above = rows.count[held] >= step.cut
            better[held] = above ^ (step.log_odds > 0)
            gain[held], null[held] = _foretold(step, rows.at(held), above)
        gains.append(gain)
        nulls.append(null)
        lift, error = gap(better, rows)
        lifts.append(lift)
        errors.append(error)
    gain, null = np.mean(gains, axis=0), np.mean(nulls, axis=0)
    explained, explained_se = ratio(gain, -null, account)
    return Held(
        lift=float(np.mean(lifts)),
        lift_se=FOLDS_INFLATION * float(np.mean(errors)),
        explained=explained,
        explained_se=FOLDS_INFLATION * explained_se,
        gain=gain,
    )


def gap(side: NDArray[np.bool_], rows: Rows) -> tuple[float, float]:
    """Return the gap in renewal within strata between two given sides, and its standard error.

    Parameters
    ----------
    side : ndarray of bool, shape (n_rows,)
        Chosen without these rows' outcomes.
    rows : Rows

    Returns
    -------
    tuple of float
        Both NaN where no stratum holds both sides.
    """
    if side.all() or not side.any():
        return math.nan, math.nan
    size = effect.measure(side, rows.churned, rows.stratum, rows.account, quantile=Z_95)
    return size.lift_within_strata, size.standard_error


def ratio(top: Float, bottom: Float, account: Int) -> tuple[float, float]:
    """Return sum of top over sum of bottom, and its standard error with accounts as units.

    Parameters
    ----------
    top, bottom : ndarray of float, shape (n_rows,)
    account : ndarray of int, shape (n_rows,)
        Numbered from 0.
    """
    value = float(top.sum() / bottom.sum())
    parts = np.bincount(account, top - value * bottom)
    n = len(parts)
    return value, float(
        np.sqrt((parts @ parts) * n / (n - 1)) / bottom.sum()
    ) if n > 1 else math.nan


def _foretold(step: Step, rows: Rows, above: NDArray[np.bool_]) -> tuple[Float, Float]:
    """Return the log likelihood gained over the strata alone, and that of the strata, by row."""
    with_step = step.intercept[rows.stratum] + step.log_odds * above
    alone = step.alone[rows.stratum]
    null = rows.churned * alone - np.logaddexp(0, alone)
    return rows.churned * with_step - np.logaddexp(0, with_step) - null, null
