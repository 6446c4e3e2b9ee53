"""The one door of the evaluation: outcomes and probabilities that can be judged, or a refusal.

Grain in and out: one row per tested term.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError

Float = NDArray[np.float64]


def outcomes(churned: ArrayLike) -> Float:
    """Return outcomes as floats.

    Parameters
    ----------
    churned : array-like of {0, 1}, shape (n_rows,)

    Returns
    -------
    ndarray of float, shape (n_rows,)

    Raises
    ------
    ParameterError
        A value is neither 0 nor 1: a missing outcome is left out by the caller, in sight.
    """
    left = np.asarray(churned, dtype=np.float64)
    wrong = ~((left == 0) | (left == 1))
    if wrong.any():
        raise ParameterError(
            "outcomes to judge by are not all known",
            where="churned",
            got=f"{int(wrong.sum())} of {len(left)} rows are neither 0 nor 1",
            repair="leave those rows out",
        )
    return left


def probabilities(p: ArrayLike, n_rows: int, *, where: str = "p") -> Float:
    """Return probabilities as floats.

    Parameters
    ----------
    p : array-like of float, shape (n_rows,)
        0 to 1.
    n_rows : int
        How many there must be.
    where : str, default "p"
        Name of the argument in the message.

    Returns
    -------
    ndarray of float, shape (n_rows,)

    Raises
    ------
    ParameterError
        The length differs, or a value is missing or outside 0 to 1.
    """
    chance = np.asarray(p, dtype=np.float64)
    if chance.shape != (n_rows,):
        raise ParameterError(
            "outcomes and probabilities differ in length",
            where=where,
            got=f"shape {chance.shape} for {n_rows} outcomes",
        )
    wrong = ~((chance >= 0) & (chance <= 1))
    if wrong.any():
        raise ParameterError(
            "probabilities are missing or outside 0 to 1",
            where=where,
            got=f"{int(wrong.sum())} of {n_rows} rows",
        )
    return chance


def both_classes(churned: Float) -> bool:
    """Say whether some left and some stayed.

    Parameters
    ----------
    churned : ndarray of {0, 1}, shape (n_rows,)

    Returns
    -------
    bool
        False too when there are no rows.
    """
    return bool(len(churned)) and 0 < churned.sum() < len(churned)
