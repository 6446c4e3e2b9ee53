"""What past lists of customers reached of what came true, beside as many other calls.

Grain in: one row per (contract, past day).  Grain out: one :class:`Reached` a list.  A list that
holds large customers reaches much of the ARR whatever it asks: what it reached says something only
beside as many calls by size or by lot, with the doubt of the difference.  ``methods.md`` 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn import lists


@dataclass(frozen=True)
class Reached:
    """How much of what came true the past lists of customers held, and other calls would have.

    Attributes
    ----------
    own : lists.Caught
        What stood on the lists.
    by_size : lists.Caught
        The same of as many customers each quarter, those with the largest contracts.
    by_chance : float
        The share of the ARR that as many customers taken by lot would hold on average.
    of_size, of_chance : lists.Ahead
        By how much the share of ``own`` is above these two, on the same customers.
    """

    own: lists.Caught
    by_size: lists.Caught
    by_chance: float
    of_size: lists.Ahead
    of_chance: lists.Ahead


def look(
    frame: pd.DataFrame,
    listed: pd.Series,
    came: pd.Series,
    *,
    n_compared: int,
    rng: np.random.Generator,
) -> Reached:
    """Say of each contract once whether it stood on any past list, and what came of it.

    Beside it: whether it would have been among as many taken by size, and how likely by lot.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per (contract, past day): subscription_id, account_id, arr, ``when`` (the day, and
        what calls are dealt out within).
    listed : pandas.Series of bool
        Index of ``frame``: who stood on the list.
    came : pandas.Series of float
        1 where it came true, 0 where not, NaN where not known.
    n_compared : int
        Lists that are compared at once: their intervals hold together.
    rng : numpy.random.Generator
        Draws customers.

    Returns
    -------
    Reached
    """
    rows = frame.assign(
        listed=listed, came=came, large=lists.by_size(frame, listed, by="when"),
        passed_over=1.0 - lists.by_chance(frame, listed, by="when"),
    )  # fmt: skip
    each = rows.groupby("subscription_id", sort=True).agg(
        account_id=("account_id", "first"), arr=("arr", "last"), listed=("listed", "any"),
        came=("came", "max"), large=("large", "any"), passed_over=("passed_over", "prod"),
    )  # fmt: skip
    own, size = (
        lists.caught(each[name], each["came"], each["arr"], each["account_id"])
        for name in ("listed", "large")
    )
    drawn = 1.0 - each["passed_over"]
    options: dict[str, Any] = {"n_compared": n_compared, "rng": rng}
    of_size, of_chance = (
        lists.ahead(each["listed"], other, each["came"], each["arr"], each["account_id"], **options)
        for other in (each["large"], drawn)
    )
    return Reached(own, size, own.share - of_chance.gap, of_size, of_chance)
