"""Whom as many calls would have reached without a list: the largest, or anybody.

Grain: one row per (contract, past day), in and out.  What a list reached of the money that left
says little by itself: a list that holds large customers reaches much of it whatever it asks.

Source: ``methods.md`` 6 (each list's hit rate is backtested).
"""

from __future__ import annotations

import pandas as pd


def by_size(frame: pd.DataFrame, listed: pd.Series, *, by: str) -> pd.Series:
    """Take on each past day as many customers as were listed, those with the largest contracts.

    Parameters
    ----------
    frame : pandas.DataFrame
        account_id, subscription_id, arr (currency a year; missing counts as nothing), ``by``.
    listed : pandas.Series of bool
        Index of ``frame``: who stood on the list.
    by : str
        Column that holds the day (the quarter) of each row.

    Returns
    -------
    pandas.Series of bool
        Index of ``frame``; of each customer taken, the largest contract, as a list takes one.
    """
    calls = _calls(frame, listed, by)
    rows = frame.assign(_arr=frame["arr"].astype("float64").fillna(0.0))
    rows = rows.sort_values(
        ["_arr", "account_id", "subscription_id"], ascending=[False, True, True], kind="stable"
    ).drop_duplicates([by, "account_id"])
    taken = rows.groupby(by).cumcount() < rows[by].map(calls)
    return pd.Series(frame.index.isin(rows.index[taken]), index=frame.index)


def by_chance(frame: pd.DataFrame, listed: pd.Series, *, by: str) -> pd.Series:
    """Return how likely each row were taken, were as many customers drawn by lot on each past day.

    Parameters
    ----------
    frame : pandas.DataFrame
        account_id, ``by``.
    listed : pandas.Series of bool
    by : str

    Returns
    -------
    pandas.Series of float, 0 to 1
        Index of ``frame``; of a customer drawn, one contract, each as likely.
    """
    whole = frame.groupby(by)["account_id"].nunique()
    own = frame.groupby([by, "account_id"])["account_id"].transform("size")
    drawn = frame[by].map(_calls(frame, listed, by) / whole)
    return (drawn / own).astype("float64").fillna(0.0)


def _calls(frame: pd.DataFrame, listed: pd.Series, by: str) -> pd.Series:
    """Return how many customers stood on the list, by day; 0 where none did."""
    found = frame[listed].groupby(by)["account_id"].nunique()
    return found.reindex(frame[by].unique(), fill_value=0)
