"""What becomes of a contract at its renewal: the outcomes compete in one multinomial model.

Grain in: one row per renewal opportunity that came, with its outcome.  Grain out: one row per
outcome and column of the model, or one row per row scored with a probability per outcome.

``log P(k) / P(reference) = baseline + x b_k``: cause-specific discrete hazards.  Standard errors
are those of the sandwich over accounts.  An outcome of fewer than ten accounts is given the
share it had, whatever the columns: there is nothing to learn what goes with it.

Source: ``methods.md`` 4 (competing risks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.hazards import design as designs
from cs_models.learn.hazards.design import Design
from cs_models.learn.hazards.discrete import LEAST_CHURNED, accounts, refuse_leaks, usual
from cs_models.learn.hazards.observed import Float
from cs_models.learn.hazards.scoring import clustered, coefficient_table

_STEPS: Final = 60
OUTCOMES: Final = ("renewed", "expanded", "contracted", "churned", "involuntary")


@dataclass(frozen=True)
class RenewalOutcomes:
    """A fitted multinomial model of the outcome.

    Attributes
    ----------
    coefficients : DataFrame, one row per outcome but the reference, and column
        ``outcome``, ``column``, ``log_odds``, ``se``, ``low``, ``high``, ``odds_ratio``,
        ``odds_low``, ``odds_high``, ``p``: odds of the outcome against the reference.
    outcomes : tuple of str
        All outcomes seen, the reference first; the columns of `predict`.
    shares : dict of str to float
        Outcomes too rare for a model, with their share of the rows learnt from.
    design : Design
    n_rows, n_accounts : int
    log_likelihood : float
        Of the rows learnt from whose outcome is modelled, without penalty.
    notices : tuple of str
    """

    coefficients: pd.DataFrame
    outcomes: tuple[str, ...]
    shares: dict[str, float]
    design: Design
    n_rows: int
    n_accounts: int
    log_likelihood: float
    notices: tuple[str, ...]

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return each row's chance of each outcome, one row per row of ``frame``; rows sum to 1.

        Raises
        ------
        DataError
            A column that the model needs is absent or holds an infinite value.
        """
        columns = np.column_stack([np.ones(len(frame)), self.design.matrix(usual(frame))])
        modelled = [name for name in self.outcomes if name not in self.shares]
        values = self.coefficients["log_odds"].to_numpy().reshape(len(modelled) - 1, -1)
        linear = np.column_stack([np.zeros(len(frame)), columns @ values.T])
        chances = special.softmax(linear, axis=1) * (1 - sum(self.shares.values()))
        found = pd.DataFrame(chances, columns=modelled, index=frame.index).assign(**self.shares)
        return found[list(self.outcomes)]


def renewal_outcomes(
    frame: pd.DataFrame,
    covariates: Sequence[str] = (),
    *,
    outcome: str = "outcome",
    reference: str = "renewed",
    baseline: Sequence[str] = ("opportunity", "term_months"),
    cluster: str | None = "account_id",
    penalty: float = 1.0,
    level: float = 0.95,
) -> RenewalOutcomes:
    """Learn what goes with each outcome of a renewal.

    Parameters
    ----------
    frame : DataFrame, one row per renewal opportunity that came
        The outcome, the account, the baseline and the covariates.
    covariates, baseline, cluster, level
        As in `discrete.renewal_hazard`.
    outcome : str, default "outcome"
        Column of names: any; those of the contract are `OUTCOMES`.
    reference : str, default "renewed"
        The outcome against which odds are given.
    penalty : float, default 1.0
        Ridge on the coefficients of standardised columns.

    Returns
    -------
    RenewalOutcomes

    Raises
    ------
    TooLittleDataError
        Fewer than two outcomes have ten accounts, or the reference has fewer.
    DataError
        An outcome is missing; a column is absent, infinite, or tells the outcome by itself.
    """
    frame = usual(frame)
    names, account = _outcome(frame, outcome), accounts(frame, cluster)
    sizes = pd.Series(account).groupby(names.to_numpy()).nunique()
    common = [name for name in sizes.index if sizes[name] >= LEAST_CHURNED]
    if len(common) < 2 or reference not in common:
        raise TooLittleDataError(
            "too few accounts of each outcome to learn what goes with it",
            where=outcome,
            got=", ".join(f"{name} {number}" for name, number in sizes.items()),
            repair=f"at least {LEAST_CHURNED} accounts of {reference} and of one other are needed",
        )
    known = [name for name in OUTCOMES if name in sizes.index]
    order = [reference, *(n for n in [*known, *sorted(set(sizes.index) - set(known))])]
    order = list(dict.fromkeys(order))
    shares = {name: float((names == name).mean()) for name in order if name not in common}
    kept = names.isin(common).to_numpy()
    learnt = designs.learn(frame[kept], [*baseline, *covariates], categories=baseline)
    columns, codes = learnt.matrix(frame[kept]), _codes(names[kept], order, shares)
    if len(common) == 2:
        refuse_leaks(columns, (codes > 0).astype(np.float64), learnt, covariates)
    values, covariance, likelihood = _fit(columns, codes, account[kept], penalty)
    rare = tuple(
        f"{name}: fewer than {LEAST_CHURNED} accounts, so everybody is given its share"
        for name in shares
    )
    return RenewalOutcomes(
        _table([n for n in order if n in common][1:], learnt, values, covariance, level),
        tuple(order),
        shares,
        learnt,
        len(names),
        int(pd.Series(account).nunique()),
        likelihood,
        learnt.notices + rare,
    )


def _outcome(frame: pd.DataFrame, outcome: str) -> pd.Series:
    if outcome not in frame or frame[outcome].isna().any():
        raise DataError(
            "every renewal opportunity needs an outcome",
            where=outcome,
            repair="leave out the rows whose outcome is not known",
        )
    return frame[outcome].astype(object)


def _codes(names: pd.Series, order: Sequence[str], shares: dict[str, float]) -> NDArray[np.int64]:
    place = {name: n for n, name in enumerate(n for n in order if n not in shares)}
    return np.asarray(names.map(place), dtype=np.int64)


def _fit(
    columns: Float, codes: NDArray[np.int64], account: NDArray[np.generic], penalty: float
) -> tuple[Float, Float, float]:
    """Return coefficients (outcome × column, flat), their covariance and the log likelihood."""
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    scaled = np.column_stack([np.ones(len(columns)), (columns - centre) / scale])
    size, n_columns = int(codes.max()), scaled.shape[1]
    hit = np.eye(size + 1)[codes][:, 1:]
    ridge = np.tile(np.r_[0.0, np.full(n_columns - 1, penalty)], size)
    values = np.zeros((size, n_columns))
    values[:, 0] = np.log(hit.mean(axis=0) / (codes == 0).mean())
    best = _likelihood(scaled, codes, values)
    for _ in range(_STEPS):
        chances = _chances(scaled, values)
        scores = np.einsum("ik,ij->ikj", hit - chances, scaled).reshape(len(codes), -1)
        information = _information(scaled, chances)
        gradient = scores.sum(axis=0) - ridge * values.ravel()
        step = np.linalg.solve(information + np.diag(ridge + 1e-10), gradient).reshape(size, -1)
        for _halving in range(20):
            trial = values + step
            reached = _likelihood(scaled, codes, trial) - float(ridge @ trial.ravel() ** 2) / 2
            if reached >= best - 1e-12 * abs(best):
                break
            step = step / 2
        values, best = trial, reached
        if np.abs(step).max() < 1e-8:
            break
    else:
        raise DataError(
            "the estimates do not settle",
            where="renewal outcomes",
            got=f"{n_columns - 1} columns",
            repair="use fewer columns, or a larger penalty",
        )
    inverse = np.linalg.pinv(information + np.diag(ridge))
    covariance = inverse @ clustered(scores, account) @ inverse
    back = np.eye(n_columns)
    back[1:, 1:] /= scale[:, None]
    back[0, 1:] = -centre / scale
    whole = np.kron(np.eye(size), back)
    likelihood = _likelihood(scaled, codes, values)
    return whole @ values.ravel(), whole @ covariance @ whole.T, likelihood


def _likelihood(columns: Float, codes: NDArray[np.int64], values: Float) -> float:
    linear = np.column_stack([np.zeros(len(columns)), columns @ values.T])
    log_chances = special.log_softmax(linear, axis=1)
    return float(log_chances[np.arange(len(codes)), codes].sum())


def _chances(columns: Float, values: Float) -> Float:
    linear = np.column_stack([np.zeros(len(columns)), columns @ values.T])
    return np.asarray(special.softmax(linear, axis=1)[:, 1:])


def _information(columns: Float, chances: Float) -> Float:
    size, n_columns = chances.shape[1], columns.shape[1]
    total = np.empty((size * n_columns, size * n_columns))
    for j in range(size):
        for k in range(size):
            weight = chances[:, j] * ((j == k) - chances[:, k])
            block = columns.T @ (weight[:, None] * columns)
            total[j * n_columns : (j + 1) * n_columns, k * n_columns : (k + 1) * n_columns] = block
    return total


def _table(
    outcomes: Sequence[str], learnt: Design, values: Float, covariance: Float, level: float
) -> pd.DataFrame:
    columns = ["(intercept)", *learnt.columns]
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    table = coefficient_table(columns * len(outcomes), values, se, level)
    table.insert(0, "outcome", np.repeat(list(outcomes), len(columns)))
    return table
