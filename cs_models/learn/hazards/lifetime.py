"""How much longer customers stay, and what that is worth, within a limit of years.

Grain in: one row per running term.  Grain out: the same rows.

A mean over all time to come hangs on years nobody has seen.  So the time is limited, and each
value says which share of it lies beyond the longest time as a customer that was observed.

Source: ``methods.md`` 4 (expected remaining lifetime).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cs_models.errors import DataError, ParameterError
from cs_models.learn.hazards.discrete import RenewalHazard, contract_months
from cs_models.learn.hazards.observed import Float

MOST_BEYOND: Final = 0.30
_MONTHS: Final = 12


def expected_lifetime(
    model: RenewalHazard,
    frame: pd.DataFrame,
    *,
    horizon_years: float = 5.0,
    discount_rate: float = 0.1,
) -> pd.DataFrame:
    """Add up each customer's chance to be still there, month by month.

    Parameters
    ----------
    model : RenewalHazard
        Learnt from opportunities with ``months_as_customer`` and ``term_months``.
    frame : DataFrame, one row per running term
        The model's columns, ``opportunity``, ``term_months``, ``months_to_renewal``,
        ``months_as_customer`` (at the next renewal) and ``arr`` (currency a year).  Terms go on
        as they are: same length, same money, same columns.
    horizon_years : float, default 5.0
        The limit.
    discount_rate : float, default 0.1
        A year.

    Returns
    -------
    DataFrame, one row per row of ``frame``, with its index
        ``years`` (expected, at most the limit), ``value`` (currency, discounted),
        ``value_undiscounted``, ``beyond`` (share of ``value`` that lies beyond the time followed,
        0 to 1), ``extrapolated`` (``beyond`` above .30).

    Raises
    ------
    ParameterError
        The limit is not above 0, or the rate is negative.
    DataError
        A column is absent.
    """
    needed = ("opportunity", "term_months", "months_to_renewal", "months_as_customer", "arr")
    absent = [name for name in needed if name not in frame]
    if absent:
        raise DataError("a column of the running terms is absent", where=", ".join(absent))
    if not (horizon_years > 0 and discount_rate >= 0):
        raise ParameterError(
            "the limit must be above 0 years and the rate not negative",
            where="horizon_years and discount_rate",
            got=f"{horizon_years:g} and {discount_rate:g}",
        )
    n_months = round(horizon_years * _MONTHS)
    there = chances(model, frame, n_months)
    months = np.arange(n_months)
    so_far = (frame["months_as_customer"] - frame["months_to_renewal"]).to_numpy(np.float64)
    followed = dict(zip(model.followed["term_months"], model.followed["months"], strict=True))
    limit = pd.Series(contract_months(frame["term_months"])).map(followed).fillna(0.0)
    beyond = so_far[:, None] + months[None, :] >= limit.to_numpy()[:, None]
    return lifetime_value(
        there, frame["arr"].to_numpy(np.float64), discount_rate=discount_rate, beyond=beyond
    ).set_axis(frame.index)


def lifetime_value(
    there: ArrayLike,
    arr: ArrayLike,
    *,
    discount_rate: float = 0.1,
    beyond: ArrayLike | None = None,
) -> pd.DataFrame:
    """Value chances to be still there, given for each month from now on.

    Parameters
    ----------
    there : array-like, shape (n_rows, n_months)
        Chance to be a customer in the 1st, 2nd, … month from now.
    arr : array-like, shape (n_rows,)
        Currency a year, paid month by month.
    discount_rate : float, default 0.1
        A year.
    beyond : array-like of bool, shape (n_rows, n_months), optional
        Months as a customer that nobody was followed to.

    Returns
    -------
    DataFrame, one row per row
        As `expected_lifetime`.
    """
    chance = np.asarray(there, dtype=np.float64)
    monthly = np.asarray(arr, dtype=np.float64)[:, None] / _MONTHS * chance
    present = monthly * (1 + discount_rate) ** -(np.arange(chance.shape[1]) / _MONTHS)
    outside = np.zeros_like(chance) if beyond is None else np.asarray(beyond, dtype=np.float64)
    value = present.sum(axis=1)
    # shares of time where there is no money
    weight = np.where(value[:, None] > 0, present, chance)
    whole = weight.sum(axis=1)
    # Of one who is surely gone nothing lies anywhere, and so nothing beyond.
    share = (weight * outside).sum(axis=1) / np.where(whole > 0, whole, 1.0)
    return pd.DataFrame(
        {
            "years": chance.sum(axis=1) / _MONTHS,
            "value": value,
            "value_undiscounted": monthly.sum(axis=1),
            "beyond": share,
            "extrapolated": share > MOST_BEYOND,
        }
    )


def chances(model: RenewalHazard, frame: pd.DataFrame, n_months: int) -> Float:
    """Return each customer's chance to be there at the beginning of each month from now.

    Parameters
    ----------
    model : RenewalHazard
    frame : DataFrame, one row per running term
        The model's columns, ``opportunity``, ``term_months``, ``months_to_renewal``.
    n_months : int
        How far to look.

    Returns
    -------
    ndarray of float, shape (n_rows, n_months)
        0 to 1, falling at renewals alone.
    """
    first = np.maximum(frame["months_to_renewal"].to_numpy(np.float64), 0.0)
    length = np.maximum(frame["term_months"].to_numpy(np.float64), 1.0)
    passed = np.floor((np.arange(n_months)[None, :] - first[:, None]) / length[:, None]) + 1
    passed = np.maximum(passed, 0).astype(np.int64)
    steps = int(passed.max(initial=0))
    if not steps:
        return np.ones((len(frame), n_months))
    path = model.survival(frame, steps)["survival"].to_numpy().reshape(len(frame), steps)
    path = np.column_stack([np.ones(len(frame)), path])
    return np.asarray(np.take_along_axis(path, passed, axis=1))
