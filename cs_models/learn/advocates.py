"""Who could speak for the product, or try it first, among the most active where most is paid.

Grain in: one row a login (``personas.tiers``), groups of accounts.  Grain out: the rows worth
asking, and how many accounts are left alone and why.

Source: ``customer_success.md`` Q9, Q13.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.personas import HIGH, TOP_PAYING

# What a user could be asked for, and what they answered (NPS of the last 180 days).
REFERENCE, TESTER = "reference or reviewer", "early tester"
PROMOTER, NEITHER, UNHEARD = "promoter", "neither", "no answer known"
PROMOTES_FROM, OBJECTS_TO = 9, 6
# What speaks against asking anybody of an account.
IN_NOTICE, COMPLAINS, SEVERE = "asked to cancel", "complains on average", "severe case open"
DOUBTS: Final = (IN_NOTICE, COMPLAINS, SEVERE)


def candidates(
    live: pd.DataFrame,
    groups: pd.DataFrame,
    doubts: pd.DataFrame | None = None,
    *,
    per_account: int = 3,
) -> pd.DataFrame:
    """List the most active users of the highest-paying accounts, and what each could be asked for.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    groups : pandas.DataFrame
        From :func:`members`.
    doubts : pandas.DataFrame of bool, by account_id, optional
        One column each of :data:`DOUBTS`: what speaks against asking anybody there.
    per_account : int, default 3
        At most so many of one account.

    Returns
    -------
    pandas.DataFrame
        Rows of ``live`` in the high tier with ``answer`` ("promoter", 9 or 10; "neither", 7 or 8;
        "no answer known") and ``ask``: "reference or reviewer" only of a promoter, else "early
        tester".  Nobody who answered 6 or less, has an open ticket, or is of an account in doubt.
        Promoters first, then by ARR.
    """
    chosen = _eligible(live, groups)
    if doubts is not None:
        chosen = chosen[~chosen["account_id"].isin(doubts.index[doubts.any(axis=1)])]
    promotes = (chosen["nps__to_date"] >= PROMOTES_FROM).fillna(False).to_numpy(dtype=bool)
    answer = np.select([promotes, chosen["nps__to_date"].notna()], [PROMOTER, NEITHER], UNHEARD)
    chosen = chosen.assign(
        answer=pd.Series(answer, chosen.index, dtype="string"),
        ask=pd.Series(np.where(promotes, REFERENCE, TESTER), chosen.index, dtype="string"),
        later=~promotes,
    )
    chosen = chosen.sort_values(["later", "activity", "user_id"], ascending=[True, False, True])
    chosen = chosen[chosen.groupby("account_id").cumcount() < per_account]
    ordered: pd.DataFrame = chosen.sort_values(
        ["later", "arr", "account_id", "activity", "user_id"],
        ascending=[True, False, True, False, True], ignore_index=True,
    )  # fmt: skip
    return ordered.drop(columns="later")


def _eligible(live: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Return the high tier of top-paying accounts, less who objects or waits for an answer."""
    fine = ~(live["nps__to_date"] <= OBJECTS_TO) & ~(live["open_tickets__to_date"].fillna(0) > 0)
    return live[groups[TOP_PAYING] & (live["tier"] == HIGH).fillna(False) & fine]


def left_out(live: pd.DataFrame, groups: pd.DataFrame, doubts: pd.DataFrame) -> pd.Series:
    """Count the accounts whose active users are not asked, by what speaks against it.

    Parameters
    ----------
    live : pandas.DataFrame
        From :func:`tiers`.
    groups : pandas.DataFrame
        From :func:`members`.
    doubts : pandas.DataFrame of bool, by account_id
        As :func:`candidates` takes them.

    Returns
    -------
    pandas.Series of int, by doubt
        Accounts; one with several counts for the first of them only.
    """
    own = doubts.loc[doubts.index.isin(_eligible(live, groups)["account_id"])]
    counted = own[own.any(axis=1)].idxmax(axis=1).value_counts()
    return counted.reindex([n for n in DOUBTS if n in doubts], fill_value=0).astype("int64")
