"""From a table of contracts due to the arrays that paths walk through.

Grain in: one row per (contract, quarter) due, with chances.  Grain out: one slice per quarter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import DataError
from cs_models.learn.forecasting import chances, paths, sizes
from cs_models.learn.forecasting.cells import Float, Int
from cs_models.learn.forecasting.paths import LEAVES, OPEN, Slice
from cs_models.learn.forecasting.process import Process

REQUIRED: Final = ("subscription_id", "account_id", "quarter", "arr", "p_churn")
OPTIONAL: Final = {
    "parent_account_id": None,
    "segment": None,
    "term_months": 12,
    "in_notice": False,
    "decided": None,
    "n_renewals": 1,
    "p_involuntary": 0.0,
    "p_from": chances.PREDICTOR,
}
_FIXED: Final = {
    "churned": LEAVES,
    "involuntary": LEAVES,
    "contracted": sizes.DOWN,
    "renewed": sizes.FLAT,
    "expanded": sizes.UP,
}


@dataclass(frozen=True)
class Contracts:
    """The contracts due, once each.

    Attributes
    ----------
    of_row : ndarray of int, shape (n_rows,)
        Place of each row's contract.
    arr : ndarray of float, shape (n_contracts,)
        Today's.
    cluster_of_row : ndarray of int, shape (n_rows,)
        Whose decision it is: the parent's, where an account has one, else the account's.
    """

    of_row: Int
    arr: Float
    cluster_of_row: Int

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Contracts:
        """Find the contracts of the rows due."""
        place, names = pd.factorize(rows["subscription_id"])
        arr = np.zeros(len(names))
        arr[place] = rows["arr"].to_numpy()
        parent = rows["parent_account_id"].astype("object")
        # A parent that buys itself decides with those that it owns.
        who = parent.where(parent.notna(), rows["account_id"].astype("object"))
        return cls(place.astype(np.int64), arr, pd.factorize(who)[0].astype(np.int64))


def checked(due: pd.DataFrame) -> pd.DataFrame:
    """Check the rows due, and add what they leave out.

    Parameters
    ----------
    due : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        The same rows, ``arr`` and chances float, numbered from 0.

    Raises
    ------
    DataError
        If a column or a value is missing, a probability is outside 0 to 1, ARR is negative or a
        contract stands twice in a quarter.
    """
    missing = [name for name in REQUIRED if name not in due]
    if missing:
        raise DataError("a column is missing", where="due", got=", ".join(missing))
    rows = due.reset_index(drop=True)
    rows = rows.assign(**{name: value for name, value in OPTIONAL.items() if name not in rows})
    floats = ("arr", "p_churn", "p_involuntary")
    rows = rows.assign(**{name: rows[name].astype("float64") for name in floats})
    for name, most in (("arr", np.inf), ("p_churn", 1.0), ("p_involuntary", 1.0)):
        bad = ~rows[name].between(0.0, most)
        if bad.any():
            first = rows.loc[bad].iloc[0]
            raise DataError(
                "out of range",
                where=f"{name} of {first['subscription_id']}",
                got=str(first[name]),
                repair="not negative"
                if most > 1
                else "0 to 1; revenue.chances fills what is missing",
            )
    if rows.duplicated(["subscription_id", "quarter"]).any():
        twice = rows.loc[rows.duplicated(["subscription_id", "quarter"])].iloc[0]
        raise DataError(
            "a contract is due twice in a quarter",
            where=str(twice["subscription_id"]),
            repair="one row with n_renewals",
        )
    return rows


def cut(
    rows: pd.DataFrame,
    starts: Iterable[pd.Timestamp],
    process: Process,
    shock: Float,
    refits: Float | None,
    n_draws: int,
    rng: np.random.Generator,
) -> list[Slice]:
    """Cut the rows due into one slice per quarter.

    Parameters
    ----------
    rows : pandas.DataFrame
        From :func:`checked`.
    starts : iterable of Timestamp
        First days of the quarters, in order.
    process : Process
    shock : ndarray of float, shape (n_paths, n_quarters)
        What the chances are centred on.
    refits : ndarray of float, shape (n_rows, n_refits), or None
    n_draws : int
        Draws of the shares of down and up.
    rng : numpy.random.Generator

    Returns
    -------
    list of Slice
    """
    contracts = Contracts.of(rows)
    layout = process.split.layout
    cell, segment = layout.cell_of(rows), layout.segment_of(rows)
    shares = process.split.shares.draw(n_draws, rng)
    fixed = rows["decided"].map(_FIXED).fillna(OPEN).to_numpy().astype(np.int64)
    notice = rows["in_notice"].astype(bool).to_numpy() & (fixed == OPEN)
    renewals = rows["n_renewals"].to_numpy().astype(np.int64)
    probability = rows["p_churn"].to_numpy()
    gone = rows["p_involuntary"].to_numpy()
    found = []
    for place, start in enumerate(starts):
        at = np.flatnonzero(rows["quarter"] == start)
        alike = np.column_stack([cell[at], renewals[at], fixed[at]])
        groups, group = np.unique(alike, axis=0, return_inverse=True)
        down, up = _changes(shares[:, groups[:, 0]], groups[:, 1], groups[:, 2])
        some = None if refits is None else refits[at]
        found.append(
            Slice(
                contract=contracts.of_row[at],
                cluster=pd.factorize(contracts.cluster_of_row[at])[0].astype(np.int64),
                arr=contracts.arr[contracts.of_row[at]],
                probability=probability[at],
                gone=gone[at],
                eta=paths.around(probability[at], some, shock[:, place]),
                group=group.reshape(-1),
                down=down,
                up=up,
                segment=segment[at],
                n_renewals=renewals[at],
                notice=notice[at],
                fixed=fixed[at],
            )
        )
    return found


def alone(one: Slice) -> Slice:
    """Return the slice in which everyone decides alone and all chances are known exactly.

    Parameters
    ----------
    one : Slice

    Returns
    -------
    Slice
        One draw of the parameters, their mean; every contract its own cluster.
    """
    return replace(
        one,
        cluster=np.arange(len(one.arr)),
        eta=paths.around(one.probability, None, np.zeros(1)),
        down=one.down.mean(axis=0, keepdims=True),
        up=one.up.mean(axis=0, keepdims=True),
    )


def _changes(shares: Float, renewals: Int, fixed: Int) -> tuple[Float, Float]:
    """Return the shares of down and up within the quarter, shape (n_draws, n_groups).

    A contract that comes up several times changes at most once a quarter, with the chance that
    any of its renewals changes it.
    """
    changes = shares[..., sizes.DOWN] + shares[..., sizes.UP]
    once = 1.0 - (1.0 - changes) ** renewals
    down = once * np.divide(
        shares[..., sizes.DOWN], changes, out=np.zeros_like(once), where=changes > 0
    )
    up = once - down
    for kind, share in ((sizes.DOWN, down), (sizes.UP, up)):
        share[:, fixed != OPEN] = (fixed[fixed != OPEN] == kind).astype(np.float64)
    return down, up
