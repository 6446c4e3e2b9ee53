"""Tells retention that rises because customers grow loyal from sorting: the others have left.

Grain in: one row per renewal opportunity (or its counts by number).  Grain out: one row per
number of the opportunity.

If every customer had a chance to leave of his own that never changed, those with a high chance
would leave first, and the share renewing would rise with tenure by sorting alone.  The
shifted-beta-geometric curve is that world: chances spread as Beta(alpha, beta), retention at the
t-th opportunity ``(beta + t - 1) / (alpha + beta + t - 1)``.  Beta-discrete-Weibull adds a power c
of time: c > 1 is risk that grows for the customers themselves, c < 1 risk that falls; c = 1 is
sorting alone.

Source: ``methods.md`` 4 and 8; Fader & Hardie 2007 (J Interact Mark 21:76); Fader, Hardie, Liu,
Davin & Steenburgh 2018 (JIM 43:1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.evaluation import rates
from cs_models.learn.hazards.discrete import usual_length
from cs_models.learn.hazards.observed import Float

Verdict = Literal["no trend", "sorting", "not sorting alone"]

LEAST_LEFT: Final = 10
_STARTS: Final = (0.02, 0.2, 0.6)
_BOUND: Final = 9.0


@dataclass(frozen=True)
class Sorting:
    """The shifted-beta-geometric curve and what speaks against it.

    Attributes
    ----------
    alpha, beta : float
        Of the Beta spread of chances to leave; its mean is alpha / (alpha + beta).
    log_likelihood : float
        Of the shifted-beta-geometric; ``log_likelihood_constant`` of one chance for all,
        ``log_likelihood_power`` of the beta-discrete-Weibull.
    log_likelihood_constant, log_likelihood_power : float
    power : float
        c of the beta-discrete-Weibull.
    p_spread : float
        Small where one chance for all cannot be (customers differ).
    p_power : float
        Small where sorting alone cannot be.
    fit_p : float
        Of the chi-square between counts left and expected under sorting alone.
    verdict : {"no trend", "sorting", "not sorting alone"}
        At 5 %: one chance for all will do; customers differ and no more is needed; a Beta spread
        of fixed chances cannot be all.  Customers who change just as sorting would have it look
        the same as sorted ones: "sorting" says that nothing speaks for loyalty, not that there is
        none.  ``power`` is a hint at most.
    """

    alpha: float
    beta: float
    log_likelihood: float
    log_likelihood_constant: float
    log_likelihood_power: float
    power: float
    p_spread: float
    p_power: float
    fit_p: float
    verdict: Verdict

    def retention(self, opportunity: ArrayLike) -> Float:
        """Return the share renewing at the 1st, 2nd, … opportunity under sorting alone."""
        number = np.asarray(opportunity, dtype=np.float64)
        return np.asarray((self.beta + number - 1) / (self.alpha + self.beta + number - 1))

    def survival(self, opportunity: ArrayLike) -> Float:
        """Return the share still there after the 1st, 2nd, … opportunity."""
        number = np.asarray(opportunity, dtype=np.float64)
        log_share = special.betaln(self.alpha, self.beta + number) - special.betaln(
            self.alpha, self.beta
        )
        return np.asarray(np.exp(log_share))


def retention_curve(
    frame: pd.DataFrame,
    *,
    by: str | None = "term_months",
    opportunity: str = "opportunity",
    event: str = "event",
    cluster: str = "account_id",
    level: float = 0.95,
    least_at_risk: int = 10,
) -> pd.DataFrame:
    """Return the share renewing at each opportunity.

    Parameters
    ----------
    frame : DataFrame, one row per renewal opportunity that came
        Its number, 1 where the account left, and the account.
    by : str or None, default "term_months"
        Column of the length of contract, taken to the usual length that is nearest; or of a
        group.  Lengths pooled would show a rise that is none: of those that come to many
        opportunities most pay by the month, and lose few at each.
    opportunity, event, cluster : str
        Columns.
    level : float, default 0.95
        Coverage of the intervals, by account.
    least_at_risk : int, default 10
        Opportunities with fewer rows are left out.

    Returns
    -------
    DataFrame, one row per length of contract (or group) and number of the opportunity
        The column named by ``by``, ``opportunity``, ``at_risk``, ``left``, ``retention``,
        ``low``, ``high`` (0 to 1), ``survival`` (still there after it).
    """
    frame = usual_length(frame) if by == "term_months" else frame
    keys = [opportunity] if by is None else [by, opportunity]
    rows = []
    for key, own in frame.groupby(keys, sort=True):
        kept = rates.proportion(own[event] == 0, own[cluster], level=level)
        rows.append((*key, kept.n, kept.n - kept.n_events, kept.rate, kept.low, kept.high))
    columns = [*keys, "at_risk", "left", "retention", "low", "high"]
    found = pd.DataFrame(rows, columns=columns)
    found = found[found["at_risk"] >= least_at_risk].reset_index(drop=True)
    grouped = found["retention"] if by is None else found.groupby(by)["retention"]
    return found.assign(survival=grouped.cumprod())


def sorting_test(at_risk: ArrayLike, left: ArrayLike) -> Sorting:
    """Fit the shifted-beta-geometric curve, and test it against one chance and against a power.

    Parameters
    ----------
    at_risk, left : array-like, shape (n_opportunities,)
        Customers that came to their 1st, 2nd, … opportunity, and those that left at it.  Each
        opportunity counts those that came to it: late entries and customers not yet due need
        nothing more.

    Returns
    -------
    Sorting

    Raises
    ------
    TooLittleDataError
        Fewer than 10 left, or fewer than 10 ever stayed, or there is one opportunity only.
    DataError
        Counts are negative, or more left than came.
    """
    came, gone = np.asarray(at_risk, dtype=np.float64), np.asarray(left, dtype=np.float64)
    if came.shape != gone.shape or (gone < 0).any() or (gone > came).any():
        raise DataError("no more can leave than came", where="at_risk and left")
    if len(came) < 2 or gone.sum() < LEAST_LEFT or (came - gone).sum() < LEAST_LEFT:
        raise TooLittleDataError(
            "too little to tell sorting from loyalty",
            where="renewal opportunities",
            got=f"{len(came)} opportunities, {gone.sum():.0f} left",
            repair=f"two opportunities and {LEAST_LEFT} on either side are needed",
        )
    constant = _binomial(came, gone, np.full(len(came), gone.sum() / came.sum()))
    (alpha, beta), likelihood = _maximum(came, gone, with_power=False)
    (_, _, power), powered = _maximum(came, gone, with_power=True)
    powered = max(powered, likelihood)
    number = np.arange(1, len(came) + 1)
    hazard = alpha / (alpha + beta + number - 1)
    p_spread = float(stats.chi2.sf(max(0.0, 2 * (likelihood - constant)), 1) / 2)
    p_power = float(stats.chi2.sf(max(0.0, 2 * (powered - likelihood)), 1))
    fit = float(np.sum((gone - came * hazard) ** 2 / (came * hazard * (1 - hazard) + 1e-12)))
    fit_p = float(stats.chi2.sf(fit, len(came) - 2)) if len(came) > 2 else float("nan")
    verdict: Verdict = "no trend" if p_spread > 0.05 else "sorting"
    if p_power <= 0.05:
        verdict = "not sorting alone"
    return Sorting(
        alpha, beta, likelihood, constant, powered, power, p_spread, p_power, fit_p, verdict
    )


def _maximum(came: Float, gone: Float, *, with_power: bool) -> tuple[tuple[float, ...], float]:
    """Search by mean chance and spread: in alpha and beta, one chance for all is at infinity."""
    number = np.arange(len(came) + 1, dtype=np.float64)

    def shape(point: Float) -> tuple[float, ...]:
        mean, spread = special.expit(point[:2])
        size = 1 / spread - 1
        return (mean * size, (1 - mean) * size, *np.exp(point[2:]))

    def loss(point: Float) -> float:
        alpha, beta, *power = shape(point)
        time = number ** power[0] if power else number
        log_share = special.betaln(alpha, beta + time) - special.betaln(alpha, beta)
        return -_binomial(came, gone, -np.expm1(np.diff(log_share)))

    first = special.logit(np.clip(gone[0] / max(came[0], 1.0), 0.01, 0.99))
    bounds = [(-_BOUND, _BOUND)] * 2 + [(-2.0, 2.0)] * with_power
    found = min(
        (
            optimize.minimize(
                loss,
                np.r_[first, special.logit(start), [0.0] * with_power],
                method="L-BFGS-B",
                bounds=bounds,
            )
            for start in _STARTS
        ),
        key=lambda tried: float(tried.fun),
    )
    exact = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 600}
    found = optimize.minimize(loss, found.x, method="Nelder-Mead", bounds=bounds, options=exact)
    return tuple(float(value) for value in shape(found.x)), -float(found.fun)


def _binomial(came: Float, gone: Float, hazard: Float) -> float:
    chance = np.clip(hazard, 1e-15, 1 - 1e-15)
    return float(gone @ np.log(chance) + (came - gone) @ np.log1p(-chance))
