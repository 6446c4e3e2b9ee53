"""Smooth curves and filled numbers: the pieces of which covariates are made.

Grain: one row per term.  ``methods.md`` 2.4b (restricted cubic spline).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


def number(values: pd.Series) -> pd.Series:
    """Return a column as floats."""
    return pd.to_numeric(values).astype(float)


def filled(values: pd.Series) -> Float:
    """Put the mean where the value is unknown."""
    mean = values.mean()
    return values.fillna(0.0 if pd.isna(mean) else mean).to_numpy(dtype=np.float64)[:, None]
