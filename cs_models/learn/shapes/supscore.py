"""Is a step at any of the cuts more than a null model says: a sup-score test on plain arrays.

Grain in: the rows of one scope, one column, one null model.  Grain out: one p over all cuts.
``methods.md`` 2.3 (Engine B) and 2.5: the indicator of each cut is cleared of the covariates,
contributions are summed to accounts, accounts take random signs; the denominator is the
model-based one.  Rows are summed to the gaps between cuts once, so that a draw costs one pass
over the rows and one cumulative sum, never rows × cuts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cs_models.learn.engines.multiplier import SMALLEST_OWN_SHARE, NullModel

_MOST_CELLS = 8_000_000  # accounts × draws held at once: 32 MB of signs

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Steps:
    """The indicators ``values >= cut`` of several cuts, never written out.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
    cuts : ndarray of float, sorted, shape (n_cuts,)
    """

    def __init__(self, values: Float, cuts: Float) -> None:
        self.n_cuts = len(cuts)
        self.gap = np.searchsorted(cuts, values, side="right")  # number of cuts reached
        ones = np.ones(len(values))
        at = (self.gap, np.arange(len(values)))
        self._sum = sparse.csr_array((ones, at), shape=(self.n_cuts + 1, len(values)))

    def above(self, columns: Float) -> Float:
        """Return the sum of each column over the rows above each cut, (n_cuts, n_columns)."""
        return reached(self._sum @ columns)


def reached(by_gap: Float) -> Float:
    """Turn sums of the gaps between cuts into sums above each cut."""
    return np.asarray(by_gap[::-1].cumsum(axis=0)[::-1][1:])


def scores(
    steps: Steps, design: Float, residual: Float, weight: Float
) -> tuple[Float, Float, Float]:
    """Return the score statistic of a step at each cut, given a fitted null logit.

    Parameters
    ----------
    steps : Steps
    design : ndarray of float, shape (n_rows, n_columns)
        Columns of the null model, linearly independent.
    residual, weight : ndarray of float, shape (n_rows,)
        Churn less its fitted probability p, and p (1 - p); 0 for a row that is left out.

    Returns
    -------
    statistic : ndarray of float, shape (n_cuts,)
        In standard deviations, positive where churn is more common above; 0 for a step that the
        null model explains.
    loadings : ndarray of float, shape (n_cuts, n_columns)
        Regression of each indicator on the design.
    inverse : ndarray of float, shape (n_cuts,)
        1 over the model-based standard deviation; 0 where not testable.
    """
    weighted = design * weight[:, None]
    information = weighted.T @ design
    information[np.diag_indices_from(information)] += 1e-9 * np.trace(information) + 1e-12
    sums = steps.above(np.column_stack([residual, weight, weighted]))
    loadings: Float = np.linalg.solve(information, sums[:, 2:].T).T.astype(np.float64)
    variance = sums[:, 1] - (loadings * sums[:, 2:]).sum(axis=1)
    marginal = sums[:, 1] - sums[:, 1] ** 2 / max(float(weight.sum()), 1e-12)
    testable = (variance > SMALLEST_OWN_SHARE * marginal) & (variance > 1e-9)
    deviation = np.sqrt(np.where(testable, variance, 1.0))
    inverse = np.asarray(testable / deviation, dtype=np.float64)
    own = sums[:, 0] - loadings @ (design.T @ residual)
    return np.round(own * inverse, 9), loadings, inverse


def test(
    steps: Steps,
    models: Sequence[NullModel],
    account: Int,
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> list[float]:
    """Test a step at the best of the cuts against each of several null models.

    Parameters
    ----------
    steps : Steps
    models : sequence of NullModel
        Fitted on all rows of ``steps``; all are tested with the same random signs.
    account : ndarray of int, shape (n_rows,)
        Clusters, numbered from 0: one random sign each.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    list of float
        One p per model, (1 + draws at least as large) / (1 + draws); 1 where no cut is testable.
    """
    prepared = [_Prepared(steps, model, account) for model in models]
    exceeded = np.zeros(len(models), dtype=np.int64)
    n_accounts = int(account.max()) + 1
    size = int(np.clip(_MOST_CELLS // n_accounts, 16, n_draws))
    for start in range(0, n_draws, size):
        shape = (n_accounts, min(size, n_draws - start))
        signs = rng.integers(0, 2, size=shape, dtype=np.int8).astype(np.float32)
        signs = 2 * signs - 1
        exceeded += [int((one.largest(signs) >= one.statistic).sum()) for one in prepared]
    return [float(1 + count) / (1 + n_draws) for count in exceeded]


class _Prepared:
    """What every draw of signs needs of one null model: sums by gap and account."""

    def __init__(self, steps: Steps, model: NullModel, account: Int) -> None:
        scored, loadings, inverse = scores(steps, model.design, model.residual, model.weight)
        # A hair below, so that single precision does not lose a draw that ties.
        self.statistic = float(np.abs(scored).max(initial=0.0)) * (1 - 1e-5)
        self.loadings, self.inverse = loadings.astype(np.float32), inverse.astype(np.float32)
        n_accounts = int(account.max()) + 1
        residual = model.residual.astype(np.float32)
        self.by_gap = sparse.csr_array(
            (residual, (steps.gap, account)), shape=(steps.n_cuts + 1, n_accounts)
        )
        self.by_column = np.zeros((model.design.shape[1], n_accounts), dtype=np.float32)
        for column, own in zip(model.design.T, self.by_column, strict=True):
            own[:] = np.bincount(account, column * model.residual, minlength=n_accounts)

    def largest(self, signs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the largest |T| over the cuts for each draw."""
        sums = reached(self.by_gap @ signs) - self.loadings @ (self.by_column @ signs)
        sums *= self.inverse[:, None]
        return np.asarray(np.abs(sums, out=sums).max(axis=0))
