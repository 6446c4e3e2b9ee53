"""What the null model of the score bootstrap knows of a term (``methods.md`` 2.3, Z).

Grain in: the population.  Grain out: one row per term, one column per covariate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.engines import covariates, pre_period
from cs_models.learn.rules.population import Population

COVARIATES_PER_CHURN = 0.1

Float = NDArray[np.float64]


def of_terms(population: Population, rows: NDArray[np.int64]) -> Float:
    """Return stratum, ARR, term number, contract length and start quarter, where known.

    ARR enters as a curve in each segment where that can be afforded: what an account pays decides
    how it is looked after, and where those lines are drawn differs by segment.  The account's
    manager does not enter: that field may be written anew when a customer leaves.

    Parameters
    ----------
    population : Population
    rows : ndarray of int
        Rows of the scope: they decide whether the quarters can be afforded one by one.

    Returns
    -------
    ndarray of float, shape (n_population, n_covariates)
        Without a constant; unknown values take the mean.
    """
    frame = population.frame
    parts = [pd.get_dummies(pd.Series(population.stratum)).to_numpy(dtype=np.float64)]
    affordable = COVARIATES_PER_CHURN * float(population.churned[rows].sum())
    if "arr" in frame.columns:
        parts.append(_arr(frame, population, rows, int(affordable)))
    if "term_months" in frame.columns:
        parts.append(
            covariates.filled(np.log1p(covariates.number(frame["term_months"]).clip(lower=0)))
        )
    if "term_no" in frame.columns:
        parts.append(covariates.filled(covariates.number(frame["term_no"])))
    if "term_start" in frame.columns:
        start = pd.to_datetime(frame["term_start"])
        quarter = pd.Series(start.dt.year * 4 + start.dt.quarter, index=frame.index)
        if quarter.iloc[rows].nunique() <= affordable:
            parts.append(pd.get_dummies(quarter).to_numpy(dtype=np.float64))
        else:
            parts.append(covariates.filled(covariates.number(quarter)))
    return np.column_stack(parts)


def _arr(
    frame: pd.DataFrame, population: Population, rows: NDArray[np.int64], affordable: int
) -> Float:
    """Return the curve of ARR that can be afforded in a scope, at least a line; 0 outside it."""
    named = frame[["arr"]].iloc[rows].assign(segment=population.segment[rows].astype(str))
    known = pre_period.known(named, affordable=max(affordable, 1), covariates=["arr"])
    out = np.zeros((len(frame), known.matrix.shape[1]))
    out[rows] = known.matrix
    return out
