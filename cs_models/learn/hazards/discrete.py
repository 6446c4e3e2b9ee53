"""The chance to leave at each renewal opportunity: a discrete-time hazard.

Grain in: one row per renewal opportunity that came (a contract in the middle of its term has
none: it is not at risk).  Grain out: one row per column of the model, per row scored, or per row
and opportunity to come.

``link(h) = baseline(opportunity, months of contract) + x b``.  With the logit the likelihood is
that of a Bernoulli row per opportunity; with the complementary log-log the coefficients are
those of a proportional-hazards model in grouped time (Prentice & Gloeckler 1978).  Fitted by
Fisher scoring.  Opportunities of one account are not independent: standard errors are those of
the sandwich over accounts, times G / (G - 1).

Where a column separates leavers from stayers, maximum likelihood has no finite answer.  With the
logit Firth's penalty then gives one, and a notice says so; a column that alone tells nearly all
(area under the curve above .98) is refused as a leak.

Source: ``methods.md`` 1.1 and 4; ``reliability.md`` E1, E3, E6 to E8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.hazards import design as designs
from cs_models.learn.hazards import scoring
from cs_models.learn.hazards.design import Design
from cs_models.learn.hazards.observed import Float
from cs_models.learn.hazards.scoring import Fit, Link

LAST_OPPORTUNITY: Final = 4
CONTRACTS: Final = (1, 3, 6, 12, 24, 36)
LEAST_CHURNED: Final = 10
LEAK_AUC: Final = 0.98
LEAST_ROWS: Final = 10
_N_STEPS: Final = 512


@dataclass(frozen=True)
class RenewalHazard:
    """A fitted discrete hazard.

    Attributes
    ----------
    coefficients : DataFrame, one row per column of the model, the intercept first
        ``column``, ``log_odds`` (with the complementary log-log: log hazard), ``se`` (by account),
        ``low``, ``high``, ``odds_ratio`` (hazard ratio), ``odds_low``, ``odds_high``, ``p``.
    link : {"logit", "cloglog"}
    design : Design
        How a frame becomes the model's columns.
    log_likelihood : float
        Of the rows learnt from, without penalty.
    n_rows, n_accounts, n_events : int
        Opportunities, accounts and opportunities at which an account left.
    covariance : ndarray
        Of the coefficients, by account.
    followed : DataFrame
        ``term_months``, ``months``: the longest time as a customer that was observed with at
        least ten rows, by months of contract (0 with fewer rows); empty without these columns.
    notices : tuple of str
        What was left out or penalised, one sentence each.
    """

    coefficients: pd.DataFrame
    link: Link
    design: Design
    log_likelihood: float
    n_rows: int
    n_accounts: int
    n_events: int
    covariance: Float
    followed: pd.DataFrame
    notices: tuple[str, ...]

    def predict(self, frame: pd.DataFrame) -> Float:
        """Return each row's chance to leave at its opportunity, 0 to 1.

        Raises
        ------
        DataError
            A column that the model needs is absent or holds an infinite value.
        """
        columns = self.design.matrix(usual(frame))
        values = self.coefficients["log_odds"].to_numpy()
        return scoring.mean(values[0] + columns @ values[1:], self.link)

    def survival(self, frame: pd.DataFrame, n_opportunities: int) -> pd.DataFrame:
        """Follow each row over its next opportunities, its other columns as they are now.

        Parameters
        ----------
        frame : DataFrame, one row per running term
            The model's columns; ``opportunity`` is the number of the next one.
        n_opportunities : int
            How many to look ahead.

        Returns
        -------
        DataFrame, one row per row of ``frame`` and step
            ``row`` (place in ``frame``), ``step`` (1, 2, …), ``opportunity``, ``hazard``,
            ``survival`` (after that opportunity).
        """
        now = frame.get("opportunity", pd.Series(1, index=frame.index)).to_numpy(np.int64)
        ahead = [
            self.predict(frame.assign(opportunity=now + step)) for step in range(n_opportunities)
        ]
        hazard = np.stack(ahead, axis=1) if ahead else np.empty((len(frame), 0))
        size = hazard.shape[1]
        return pd.DataFrame(
            {
                "row": np.repeat(np.arange(len(frame)), size),
                "step": np.tile(np.arange(1, size + 1), len(frame)),
                "opportunity": (now[:, None] + np.arange(size)).ravel(),
                "hazard": hazard.ravel(),
                "survival": np.cumprod(1 - hazard, axis=1).ravel(),
            }
        )


def renewal_hazard(
    frame: pd.DataFrame,
    covariates: Sequence[str] = (),
    *,
    event: str = "event",
    baseline: Sequence[str] = ("opportunity", "term_months"),
    link: Link = "logit",
    cluster: str | None = "account_id",
    penalty: float = 0.0,
    level: float = 0.95,
) -> RenewalHazard:
    """Learn the chance to leave at a renewal opportunity.

    Parameters
    ----------
    frame : DataFrame, one row per renewal opportunity that came
        ``event`` (1 left by choice, 0 did not), the account, the baseline and the covariates.
    covariates : sequence of str, default ()
        Numbers or names, as known at each row's decision date.
    event : str, default "event"
        Column of the outcome.
    baseline : sequence of str, default ("opportunity", "term_months")
        Columns with a level of risk for each value: ``opportunity`` is 1, 2, 3, or 4 and later,
        ``term_months`` the usual length that is nearest.
    link : {"logit", "cloglog"}, default "logit"
        The scale on which columns add up.
    cluster : str or None, default "account_id"
        Column of the account; None where each row is one of its own.
    penalty : float, default 0.0
        Ridge on the coefficients of standardised columns: ``penalty / 2 * sum b²`` is taken off the
        log likelihood.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    RenewalHazard

    Raises
    ------
    TooLittleDataError
        Fewer than 10 accounts left, or fewer than 10 did not.
    DataError
        The outcome is not 0 or 1; a column is absent, infinite, or tells the outcome by itself;
        the complementary log-log was asked for where a column separates leavers from stayers.
    """
    frame = usual(frame)
    outcome = binary(frame, event)
    account, names = pd.factorize(accounts(frame, cluster))
    enough(outcome, account)
    learnt, columns = designs.learn_matrix(frame, [*baseline, *covariates], categories=baseline)
    refuse_leaks(columns, outcome, learnt, covariates)
    fit = scoring.fit(columns, outcome, account, link, penalty)
    notices = learnt.notices + fit.notices
    return RenewalHazard(
        _table(("(intercept)", *learnt.columns), fit, level),
        link,
        learnt,
        fit.log_likelihood,
        len(outcome),
        len(names),
        int(outcome.sum()),
        fit.covariance,
        _followed(frame),
        notices,
    )


def usual(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with late opportunities pooled, and odd lengths of contract rounded.

    The 4th and later opportunity is the 4th.  A contract of 11 or 13 months is one of 12: each
    length is that of `CONTRACTS` which is nearest in proportion.
    """
    if "opportunity" in frame:
        frame = frame.assign(opportunity=np.minimum(frame["opportunity"], LAST_OPPORTUNITY))
    return usual_length(frame) if "term_months" in frame else frame


def usual_length(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with ``term_months`` taken to the usual length that is nearest."""
    months = frame["term_months"].to_numpy(dtype=np.float64, na_value=np.nan)
    return frame.assign(term_months=contract_months(months))


def contract_months(term_months: ArrayLike) -> Float:
    """Return the usual length of contract that is nearest in proportion.

    Parameters
    ----------
    term_months : array-like, shape (n_rows,)
        Months.

    Returns
    -------
    ndarray of float, shape (n_rows,)
        One of `CONTRACTS`, in months; missing stays missing.
    """
    months = np.asarray(term_months, dtype=np.float64)
    usual_ones = np.asarray(CONTRACTS, dtype=np.float64)
    # As far from one length as from the next, in proportion; a length just there is the shorter.
    nearest = np.searchsorted(np.sqrt(usual_ones[:-1] * usual_ones[1:]), months)
    return np.where(np.isfinite(months), usual_ones[nearest], np.nan)


def binary(frame: pd.DataFrame, event: str) -> Float:
    """Return an outcome column as 0.0 and 1.0, or refuse it."""
    if event not in frame:
        raise DataError("the outcome is not in the frame", where=event)
    values = pd.to_numeric(frame[event], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if not np.isin(values, (0.0, 1.0)).all():
        raise DataError(
            "the outcome must be 1 (left) or 0 (did not)",
            where=event,
            got=", ".join(map(str, pd.unique(frame[event])[:5])),
            repair="leave out the rows whose outcome is not known",
        )
    return values


def accounts(frame: pd.DataFrame, cluster: str | None) -> NDArray[np.generic]:
    """Return each row's account, or refuse rows without one."""
    if cluster is None:
        return np.arange(len(frame))
    if cluster not in frame or frame[cluster].isna().any():
        raise DataError(
            "every renewal opportunity needs its account",
            where=cluster,
            repair="name the column of the account, or None where each row is one of its own",
        )
    return frame[cluster].to_numpy()


def enough(outcome: Float, account: ArrayLike, least: int = LEAST_CHURNED) -> None:
    """Refuse a history in which hardly any account left, or hardly any stayed."""
    names = np.asarray(account)
    for value, word in ((1.0, "left"), (0.0, "did not leave")):
        number = len(pd.unique(names[outcome == value]))
        if number < least:
            raise TooLittleDataError(
                f"too few accounts {word} to learn what goes with leaving",
                where="renewal opportunities",
                got=f"{number} accounts in {len(names)} opportunities",
                repair=f"bring a longer history: at least {least} are needed",
            )


def refuse_leaks(columns: Float, outcome: Float, learnt: Design, covariates: Sequence[str]) -> None:
    """Refuse a covariate that alone orders leavers and stayers almost without fault."""
    for place, name in enumerate(learnt.columns):
        if learnt.of(name) not in covariates:
            continue
        if _far_from_telling(columns[:, place], outcome):
            continue
        area = _area(columns[:, place], outcome)
        if max(area, 1 - area) > LEAK_AUC:
            raise DataError(
                "a column tells by itself who left: it was written after the fact",
                where=learnt.of(name),
                got=f"area under the curve {max(area, 1 - area):.3f}",
                repair="leave the column out, or date it",
            )


def _area(values: Float, outcome: Float) -> float:
    """Return the area under the curve of a column."""
    left = outcome > 0
    if np.isin(values, (0.0, 1.0)).all():
        return float(0.5 + (values[left].mean() - values[~left].mean()) / 2)
    n_left, n_stayed = left.sum(), (~left).sum()
    won = stats.rankdata(values)[left].sum() - n_left * (n_left + 1) / 2
    return float(won / (n_left * n_stayed))


def _far_from_telling(values: Float, outcome: Float) -> bool:
    """Tell whether a column is no leak, without ordering its rows; not where that is unsure.

    Values in equal steps: pairs of one step are counted for either side, so that the area is
    between the two.
    """
    low, high = values.min(), values.max()
    if not low < high or not np.isfinite(high - low):
        return False
    step = ((values - low) * (_N_STEPS / (high - low))).astype(np.int64)
    left = np.bincount(step, outcome, _N_STEPS + 1)
    stayed = np.bincount(step, minlength=_N_STEPS + 1) - left
    pairs = left.sum() * stayed.sum()
    below = np.cumsum(stayed) - stayed
    won, tied = float(left @ below), float(left @ stayed)
    return bool(max(won + tied, pairs - won) <= LEAK_AUC * pairs)


def _table(names: Sequence[str], fit: Fit, level: float) -> pd.DataFrame:
    se = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    return scoring.coefficient_table(names, fit.coefficients, se, level)


def _followed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the longest time observed, by months of contract."""
    if not {"months_as_customer", "term_months"} <= set(frame.columns):
        return pd.DataFrame({"term_months": [], "months": []})
    grouped = frame.groupby("term_months")["months_as_customer"]
    months = grouped.agg(lambda own: np.sort(own)[-LEAST_ROWS] if len(own) >= LEAST_ROWS else 0.0)
    return months.rename("months").reset_index()
