"""What is known of a term before its use: covariates of the null model, and smooth curves.

Grain in: the population.  Grain out: one row per term, one column per covariate.
``methods.md`` 2.3 (Z) and 2.4b (restricted cubic spline).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.rules.population import Population

COVARIATES_PER_CHURN = 0.1
KNOTS = (0.05, 0.35, 0.65, 0.95)

Float = NDArray[np.float64]


def restricted_cubic_spline(values: Float, reference: Float) -> Float:
    """Return the linear and cubic terms of a spline that is straight beyond its outer knots.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
    reference : ndarray of float
        Its 5, 35, 65 and 95 % quantiles are the knots; repeated knots are used once.

    Returns
    -------
    ndarray of float, shape (n_rows, 1 to 3)
    """
    knots = np.unique(np.quantile(reference, KNOTS))
    if len(knots) < 3:
        return values[:, None]
    last, before = knots[-1], knots[-2]
    scale = (last - knots[0]) ** 2

    def cube(knot: float) -> Float:
        return np.asarray(np.maximum(values - knot, 0.0) ** 3)

    terms = [values]
    for knot in knots[:-2]:
        bend = cube(knot) - cube(before) * (last - knot) / (last - before)
        bend += cube(last) * (before - knot) / (last - before)
        terms.append(bend / scale)
    return np.column_stack(terms)


def of_terms(population: Population, rows: NDArray[np.int64]) -> Float:
    """Return stratum, log ARR, term number, contract length and start quarter, where known.

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
    logged = [name for name in ("arr", "term_months") if name in frame.columns]
    parts += [filled(np.log1p(number(frame[name]).clip(lower=0))) for name in logged]
    if "term_no" in frame.columns:
        parts.append(filled(number(frame["term_no"])))
    if "term_start" in frame.columns:
        start = pd.to_datetime(frame["term_start"])
        quarter = pd.Series(start.dt.year * 4 + start.dt.quarter, index=frame.index)
        affordable = COVARIATES_PER_CHURN * float(population.churned[rows].sum())
        if quarter.iloc[rows].nunique() <= affordable:
            parts.append(pd.get_dummies(quarter).to_numpy(dtype=np.float64))
        else:
            parts.append(filled(number(quarter)))
    return np.column_stack(parts)


def number(values: pd.Series) -> pd.Series:
    """Return a column as floats."""
    return pd.to_numeric(values).astype(float)


def filled(values: pd.Series) -> Float:
    """Put the mean where the value is unknown."""
    mean = values.mean()
    return values.fillna(0.0 if pd.isna(mean) else mean).to_numpy(dtype=np.float64)[:, None]
