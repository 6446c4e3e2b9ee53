"""Today's customers and what they pay: one definition for every page.

Grain in: canonical subscriptions.  Grain out: one row per part of today's customers, and one per
customer whose renewal is on record and whose next contract is not.

A customer of today has a contract that runs on the data date, or one that ended within the days of
grace and is not known to be lost: it is renewed on record and the next one begins later, or nothing
is on record of it yet.  It pays what these contracts say.  A renewal that is signed is not lost for
the days between two contracts; one that no further contract ever followed is paid by nobody, and is
told apart to be repaired.

Dated example, grace 30 days, data date 2026-06-30: a contract of 12,000 to 2026-12-31 runs; one of
9,000 ended on 2026-06-20, was renewed on record, and the next begins on 2026-07-03: its 9,000
count.  Had it ended on 2026-05-01 with no further contract, nothing of it would count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.daily import contracts, decided
from cs_models.features.daily.contracts import Terms
from cs_models.features.daily.grid import dates

RUNS: Final = "with a contract that runs"
BETWEEN: Final = "renewed on record, whose next contract has not begun"
OVERDUE: Final = "whose contract ran out, with nothing on record yet"
ALL: Final = "all customers today"


@dataclass(frozen=True)
class Paying:
    """Who is a customer today, and what they pay.

    Attributes
    ----------
    parts : pandas.DataFrame
        One row per part, the first that holds for a customer, and the last for all: part,
        n_customers, n_contracts, arr (currency a year).
    unseen : pandas.DataFrame
        One row per customer with a renewal on record and no further contract after the days of
        grace, the most money first: account_id, ended_on (the last contract), arr (that it said).
    grace_days : int
        Days after a contract's end in which it still counts.
    """

    parts: pd.DataFrame
    unseen: pd.DataFrame
    grace_days: int

    @property
    def n_customers(self) -> int:
        """Customers of today."""
        return int(self.parts["n_customers"].iloc[-1])

    @property
    def arr(self) -> float:
        """What they pay, currency a year."""
        return float(self.parts["arr"].iloc[-1])


def look(tables: Mapping[str, ir.Table], as_of: date, *, grace_days: int) -> Paying:
    """Read the contracts, and say who is a customer at the data date.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: subscriptions.
    as_of : datetime.date
        The data date.
    grace_days : int
        Days after a contract's end in which it still counts.

    Returns
    -------
    Paying
    """
    terms = contracts.read(tables["subscriptions"], as_of, grace_days)
    return of_terms(terms, as_of, grace_days=grace_days)


def of_terms(terms: Terms, as_of: date, *, grace_days: int) -> Paying:
    """Say who is a customer at the data date, of contracts that are read already.

    Parameters
    ----------
    terms : Terms
    as_of : datetime.date
    grace_days : int
        As in `look`; that with which the contracts were read.

    Returns
    -------
    Paying
    """
    day = (as_of - date(1970, 1, 1)).days
    noticed = np.maximum(terms.noticed, terms.start)
    after = decided.ended(
        terms.account, terms.start, terms.closed, noticed, terms.outcome, terms.known, grace_days
    )
    runs = (terms.start <= day) & (day < terms.closed)
    still = ~runs & (after.since <= day) & (day < after.until)
    renewed = still & (after.renewed <= day)
    frame = pd.DataFrame({"account_id": terms.names[terms.account], "arr": terms.arr})
    frame["part"] = np.select([runs, renewed, still], [RUNS, BETWEEN, OVERDUE], default="")
    counted = frame[frame["part"] != ""]
    unseen = (after.unseen <= day) & (day < after.following)
    here = frame["account_id"].isin(frame.loc[runs | renewed, "account_id"])
    last = ~frame.duplicated("account_id", keep="last")
    gone = frame.assign(ended_on=dates(np.minimum(terms.closed, day)))[unseen & last & ~here]
    order = ["arr", "account_id"]
    shown = gone.sort_values(order, ascending=[False, True], ignore_index=True)
    return Paying(_parts(counted), shown[["account_id", "ended_on", "arr"]], grace_days)


def _parts(counted: pd.DataFrame) -> pd.DataFrame:
    """Count every customer once, in the first part that holds for it, and its money wherever."""
    first = counted["part"].map({RUNS: 0, BETWEEN: 1, OVERDUE: 2}).groupby(counted["account_id"])
    own = first.min()
    rows = [
        {"part": part, "n_customers": int((own == place).sum()),
         "n_contracts": int((counted["part"] == part).sum()),
         "arr": float(counted.loc[counted["part"] == part, "arr"].sum())}
        for place, part in enumerate((RUNS, BETWEEN, OVERDUE))
    ]  # fmt: skip
    whole = {"part": ALL, "n_customers": len(own), "n_contracts": len(counted),
             "arr": float(counted["arr"].sum())}  # fmt: skip
    return pd.DataFrame([*rows, whole])
