"""The terms a predictor may learn from, and the refusals when they are too few or broken.

Grain: panel rows in, the judged rows out.

Source: ``methods.md`` 1.1, 3; ``reliability.md`` E1, E2, E5.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn.predictors import columns, encoding

MIN_CHURNED_ACCOUNTS: Final = 40
NEEDED: Final = (
    *("subscription_id", "account_id", "account_name", "segment", "term_months", "term_no"),
    *("arr", "as_of_date", "term_end", "churned"),
)


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the terms whose end was the customer's choice, in a fixed order.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel before renewal, with churned 1 for leaving, 0 for staying, missing for neither.

    Returns
    -------
    pandas.DataFrame
        Rows with an outcome, by decision date, account and term; ``churned`` float.

    Raises
    ------
    DataError
        If an outcome is neither 0 nor 1, or a term stands twice.
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
    churned = pd.to_numeric(frame["churned"]).astype("float64")
    strange = churned.notna() & ~churned.isin([0.0, 1.0])
    if strange.any():
        raise DataError(
            "an outcome is neither 0 (stayed) nor 1 (left)",
            where="churned",
            got=f"{sorted(churned[strange].unique())[:5]} in {int(strange.sum())} terms",
            repair="map the source's outcome in the run file; missing for neither",
        )
    rows = _floats(frame.assign(churned=churned)[churned.notna()])
    if rows["subscription_id"].duplicated().any():
        raise DataError(
            "a term stands twice in the panel",
            where="subscription_id",
            got=str(rows.loc[rows["subscription_id"].duplicated(), "subscription_id"].iloc[0]),
            repair="one decision date a term",
        )
    _enough(rows)
    order = ["as_of_date", "account_id", "subscription_id"]
    return rows.sort_values(order, kind="stable", ignore_index=True)


def _floats(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn the predictors into floats once: every quarter reads them again."""
    names = [n for n in columns.chosen(rows.columns) if n not in columns.CATEGORIES]
    table = pd.DataFrame(encoding.numeric(rows, names), columns=names, index=rows.index)
    return pd.concat([rows.drop(columns=names), table], axis=1)[list(rows.columns)]


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


def codes(account: pd.Series) -> np.ndarray:
    """Return account codes from 0."""
    found: np.ndarray = pd.factorize(account)[0].astype(np.int64)
    return found
