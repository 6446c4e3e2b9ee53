"""The contract terms of every account, over changes of its record.

Grain in: canonical subscriptions and accounts.  Grain out: one row per subscription_id.

What a person's work is worth is read off what the account pays; an account whose record changed
has paid under two identifiers.  Nothing of the outcome is in it but how long a term ran.

Source: ``methods.md`` 4 (uLTV).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

CONTRACT_COLUMNS: Final = (
    *("subscription_id", "account_id", "account_name", "segment", "term_start", "term_end"),
    *("closed_on", "arr", "running", "arr_before"),
)


def contracts(
    tables: Mapping[str, ir.Table], as_of: date, *, former: pd.Series | None = None
) -> pd.DataFrame:
    """Return the terms that had begun by a day.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: accounts, subscriptions.
    as_of : datetime.date
        Later terms, and early ends after it, are not seen.
    former : pandas.Series, optional
        Present account_id by the former one, from ``people.successors``.

    Returns
    -------
    pandas.DataFrame
        One row per subscription_id, ordered by (account_id, term_start, subscription_id):
        ``account_id`` of the present record; ``closed_on`` the renewal date, or the early end
        (missing for an open-ended term); ``arr`` float64, currency a year; ``running`` bool;
        ``arr_before`` that of the account's term before, missing for its first.
    """
    accounts, terms = tables["accounts"], tables["subscriptions"]
    today = ibis.literal(as_of)
    named = accounts.select("account_name", "segment", of="account_id")
    ended = (terms.ended_at <= today).ifelse(terms.ended_at, ibis.null("date"))
    seen = terms.mutate(arr=terms.arr.cast("float64"), ended=ended)
    seen = seen.filter(seen.term_start <= today)
    rows = seen.left_join(named, seen.account_id == named.of).select(
        "subscription_id", "account_id", "account_name", "segment", "term_start", "term_end",
        "ended", "arr",
    )  # fmt: skip
    frame: pd.DataFrame = rows.to_pyarrow().to_pandas()
    dates = ("term_start", "term_end", "ended")
    frame = frame.astype(
        dict.fromkeys(("subscription_id", "account_id", "account_name", "segment"), "string")
        | dict.fromkeys(dates, "datetime64[s]")
    )
    if former is not None and len(former):
        now = frame["account_id"].map(former)
        frame["account_id"] = now.fillna(frame["account_id"])
    # The earlier of the two; where only one is known, that one.
    frame["closed_on"] = frame[["term_end", "ended"]].min(axis=1).astype("datetime64[s]")
    frame["running"] = ~(frame["closed_on"] <= pd.Timestamp(as_of))
    order = ["account_id", "term_start", "subscription_id"]
    frame = frame.sort_values(order, ignore_index=True)
    frame["arr_before"] = frame.groupby("account_id", sort=False)["arr"].shift()
    return frame[list(CONTRACT_COLUMNS)]
