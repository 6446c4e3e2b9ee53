"""The terms a predictor may learn from, and the refusals when they are too few or broken.

Grain: panel rows in, the judged rows out.

Source: ``methods.md`` 1.1, 3; ``reliability.md`` E1, E2, E5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.predictors import columns
from cs_models.learn.predictors import table as tables
from cs_models.learn.predictors.table import Floats, Ints, Table

MIN_CHURNED_ACCOUNTS: Final = 40
NEEDED: Final = (
    *("subscription_id", "account_id", "account_name", "segment", "term_months", "term_no"),
    *("arr", "as_of_date", "term_end", "churned"),
)


@dataclass(frozen=True)
class Terms:
    """Terms whose outcome is known, or some of them; their predictors are read once.

    Attributes
    ----------
    rows : pandas.DataFrame
        What :data:`NEEDED` names, one row a term.
    table : Table
        Predictors of all terms.
    codes : ndarray of int
        Account code of each row of the table.
    at : ndarray of int, shape (n_rows,)
        Place of each of ``rows`` in the table.
    """

    rows: pd.DataFrame
    table: Table
    codes: Ints
    at: Ints

    @property
    def churned(self) -> Floats:
        """1 for leaving, 0 for staying, one a row."""
        return np.asarray(self.rows["churned"].to_numpy(dtype="float64"))

    @property
    def account(self) -> Ints:
        """Return account codes from 0, in the order in which accounts come."""
        return tables.codes(self.rows["account_id"])

    def take(self, places: Ints) -> Terms:
        """Return some of the rows, without reading or copying a predictor."""
        return Terms(self.rows.iloc[places], self.table, self.codes, self.at[places])


def judged(frame: pd.DataFrame) -> Terms:
    """Return the terms whose end was the customer's choice, in a fixed order.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel before renewal, with churned 1 for leaving, 0 for staying, missing for neither.

    Returns
    -------
    Terms
        Those with an outcome, by decision date, account and term.

    Raises
    ------
    DataError
        If an outcome is neither 0 nor 1, a term stands twice, or values are infinite.
    TooLittleDataError
        If nobody left, nobody stayed, or fewer than 40 accounts left.
    """
    absent = [name for name in NEEDED if name not in frame.columns]
    if absent:
        raise DataError(
            "the panel lacks a column",
            where=absent[0],
            got=f"{len(frame.columns)} columns, without {', '.join(absent)}",
            repair="pass the frame that panel.build returned",
        )
    frame = tables.bare(frame)
    churned = pd.to_numeric(frame["churned"]).astype("float64")
    strange = churned.notna() & ~churned.isin([0.0, 1.0])
    if strange.any():
        raise DataError(
            "an outcome is neither 0 (stayed) nor 1 (left)",
            where="churned",
            got=f"{sorted(churned[strange].unique())[:5]} in {int(strange.sum())} terms",
            repair="map the source's outcome in the run file; missing for neither",
        )
    known = np.flatnonzero(churned.notna())
    rows = frame[list(NEEDED)].iloc[known].assign(churned=churned.iloc[known])
    if rows["subscription_id"].duplicated().any():
        raise DataError(
            "a term stands twice in the panel",
            where="subscription_id",
            got=str(rows.loc[rows["subscription_id"].duplicated(), "subscription_id"].iloc[0]),
            repair="one decision date a term",
        )
    _enough(rows)
    order = ["as_of_date", "account_id", "subscription_id"]
    rows = rows.set_axis(known).sort_values(order, kind="stable")
    table = tables.read(frame, columns.chosen(frame.columns), rows.index.to_numpy())
    rows = rows.reset_index(drop=True)
    return Terms(rows, table, tables.codes(rows["account_id"]), np.arange(len(rows)))


def _enough(rows: pd.DataFrame) -> None:
    """Refuse a history that cannot teach, saying what it has."""
    n_left = int(rows["churned"].sum())
    accounts = rows.loc[rows["churned"] == 1, "account_id"].nunique()
    if n_left == 0 or n_left == len(rows):
        raise TooLittleDataError(
            "there is nobody to tell apart: "
            + ("nobody left" if n_left == 0 else "everybody left"),
            where="churned",
            got=f"{len(rows)} terms, {n_left} of them lost",
            repair="a longer history, or other terms: see what was left out and why",
        )
    if accounts < MIN_CHURNED_ACCOUNTS:
        raise TooLittleDataError(
            "not enough churn to learn from",
            where="churned",
            got=f"{accounts} accounts left, of {rows['account_id'].nunique()}",
            repair=f"at least {MIN_CHURNED_ACCOUNTS} accounts that left: a longer history",
        )
