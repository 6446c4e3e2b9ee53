"""When we last spoke to a customer, and whether a play is running: for no pestering.

Grain in: canonical touchpoints.  Grain out: one row per contact of ours, and columns beside rows
of (account_id, as_of_date).

Dated example, D = 2024-03-01: a call of ours on 2024-02-20 makes
``days_since_our_contact__to_date`` 10; one of 2024-03-01 is not seen.  A playbook step of
2024-02-10 is a play in which the customer is engaged, if plays of the last 30 days count.

Contacts go to those believed at risk: they say whom we cared for, not what it was good for.

Source: ``methods.md`` 6 (touches are endogenous); ``customer_success.md`` Q11, Q14.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.relations.contacts import US

PLAYBOOK: Final = "playbook"
COLUMNS: Final = ("account_id", "user_id", "occurred_date", "known_date", "kind")


def ours(tables: Mapping[str, ir.Table]) -> pd.DataFrame | None:
    """Return every contact that we began, oldest first; None where none is on record.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; touchpoints is read where it is there.

    Returns
    -------
    pandas.DataFrame or None
        One row per contact: :data:`COLUMNS`, dates at midnight.
    """
    if "touchpoints" not in tables:
        return None
    rows = tables["touchpoints"]
    found: pd.DataFrame = (
        rows.filter((rows.initiated_by == US).fill_null(False)).select(*COLUMNS).execute()
    )
    if found.empty:
        return None
    dates = {name: pd.to_datetime(found[name]) for name in ("occurred_date", "known_date")}
    found = found.assign(**dates).sort_values(["occurred_date", "account_id", "kind"])
    return found.reset_index(drop=True)


def beside(rows: pd.DataFrame, contacts: pd.DataFrame | None, *, play_days: int) -> pd.DataFrame:
    """Say of each row when we last contacted its account before its day, and how.

    Parameters
    ----------
    rows : pandas.DataFrame
        account_id and as_of_date.
    contacts : pandas.DataFrame or None
        From :func:`ours`.
    play_days : int
        A playbook step within so many days counts as a play in which the account is engaged.

    Returns
    -------
    pandas.DataFrame
        Index of ``rows``: ``days_since_our_contact__to_date`` (Int64, missing: never, or no
        contact of ours is on record), ``last_contact`` (what it was, "" for none), ``in_play``
        (boolean, NA where no contact is on record), ``play_since`` (datetime64).
    """
    if contacts is None:
        return pd.DataFrame(
            {
                "days_since_our_contact__to_date": pd.array([pd.NA] * len(rows), "Int64"),
                "last_contact": "",
                "in_play": pd.array([pd.NA] * len(rows), "boolean"),
                "play_since": pd.NaT,
            },
            index=rows.index,
        )
    last = _latest(rows, contacts)
    steps = contacts[contacts["kind"] == PLAYBOOK]
    step = _latest(rows, steps)["on"]
    today = pd.to_datetime(rows["as_of_date"]).to_numpy()
    ago = pd.Series((today - last["on"].to_numpy()) / np.timedelta64(1, "D"), index=rows.index)
    running = pd.Series((today - step.to_numpy()) / np.timedelta64(1, "D"), index=rows.index)
    engaged = (running <= play_days).astype("boolean")
    return pd.DataFrame(
        {
            "days_since_our_contact__to_date": ago.astype("Int64"),
            "last_contact": last["kind"].fillna("").to_numpy(),
            "in_play": engaged,
            "play_since": step.where(engaged.astype(bool)).to_numpy(),
        },
        index=rows.index,
    )


def _latest(rows: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return day and kind of the latest contact that happened before each row's day."""
    left = pd.DataFrame(
        {
            "account_id": rows["account_id"].astype(str).to_numpy(),
            "day": pd.to_datetime(rows["as_of_date"]).astype("datetime64[ns]").to_numpy(),
            "at": np.arange(len(rows)),
        }
    ).sort_values("day", kind="stable")
    # A contact is seen when it happened before the day and was on record by then.
    seen = contacts["known_date"].where(
        contacts["known_date"] > contacts["occurred_date"],
        contacts["occurred_date"] + pd.Timedelta(days=1),
    )
    right = pd.DataFrame(
        {
            "account_id": contacts["account_id"].astype(str).to_numpy(),
            "day": seen.astype("datetime64[ns]").to_numpy(),
            "on": contacts["occurred_date"].astype("datetime64[ns]").to_numpy(),
            "kind": contacts["kind"].to_numpy(),
        }
    ).sort_values("day", kind="stable")
    found = pd.merge_asof(left, right, on="day", by="account_id").sort_values("at")
    return found[["on", "kind"]].set_axis(rows.index)
