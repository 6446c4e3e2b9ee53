"""How well several scores order the same terms, drawn again together: paired differences of AUC.

Grain in: one row per tested term, one column per score.  Grain out: one AUC per score and
drawing of accounts.  ``methods.md`` 3 and 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap, rows

Float = NDArray[np.float64]


def aucs(
    churned: ArrayLike,
    scores: ArrayLike,
    *,
    account: ArrayLike,
    n_boot: int,
    rng: np.random.Generator,
) -> tuple[Float, Float]:
    """Return the AUC of each score, and those of the same accounts drawn again.

    Parameters
    ----------
    churned : array-like of {0, 1}, shape (n_rows,)
    scores : array-like of float, shape (n_rows, n_scores)
        Each grows with risk; none is missing.
    account : array-like, shape (n_rows,)
        Account of each row.
    n_boot : int
        Drawings of accounts.
    rng : numpy.random.Generator
        Draws the accounts.

    Returns
    -------
    value : ndarray of float, shape (n_scores,)
        .5 by chance, ties counted half; NaN where nobody left or nobody stayed.
    drawn : ndarray of float, shape (n_boot, n_scores)
        All scores of a line are of the same drawing, so that their differences are paired.

    Raises
    ------
    ParameterError
        An outcome, a score or an account is missing.
    """
    left = rows.outcomes(churned)
    each = np.asarray(scores, dtype=np.float64).reshape(len(left), -1)
    if np.isnan(each).any():
        raise ParameterError(
            "a score to order by is missing",
            where="scores",
            got=f"{int(np.isnan(each).any(axis=1).sum())} of {len(left)} rows",
        )
    codes, n_accounts = bootstrap.accounts(account)
    once = np.ones((len(left), 1))
    value = np.array([_areas(left, score, once)[0] for score in each.T])
    blocks = bootstrap.drawings(n_accounts, n_boot, rng, n_rows=len(left))
    drawn = [
        np.column_stack([_areas(left, score, times[codes]) for score in each.T]) for times in blocks
    ]
    return value, np.concatenate([np.empty((0, each.shape[1])), *drawn])


def _areas(left: Float, score: Float, weight: Float) -> Float:
    """Return the weighted AUC of each column of weights."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])[: len(order)]
    if not len(order):
        return np.full(weight.shape[1], np.nan)
    y, w = left[order, None], weight[order]
    gone = np.add.reduceat(w * y, starts, axis=0)
    stayed = np.add.reduceat(w * (1 - y), starts, axis=0)
    below = np.cumsum(stayed, axis=0) - stayed / 2
    pairs = gone.sum(axis=0) * stayed.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 0, (gone * below).sum(axis=0) / pairs, np.nan))
