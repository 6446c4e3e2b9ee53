"""The contracts that come up, one by one: who they are, how likely they leave, what is at stake.

Grain in: contracts due with their chances.  Grain out: one row per (contract, quarter), per
standing, per account.  Sums over contracts are those of the quarter: no ARR is lost between the
page, its tables and its files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.renewals import GONE
from cs_models.learn import revenue
from cs_models.report.evidence.horizons import BASE_RATE, DECIDED, NOTICE

TOP: Final = 5
# Chances of leaving that the page keeps apart; the last edge holds those likelier than not to go.
EDGES: Final = (0.0, 0.1, 0.25, 0.5)
ASKED, GOING, STAYING, BY_RATE = (
    "asked to cancel", "leaving is on record", "renewal is on record", "base rate only",
)  # fmt: skip
# A chance just below an edge is written as the edge: both names of it hold there.
BANDS: Final = ("up to 10 %", "10 to 25 %", "25 to 50 %", "50 % or more")
ALL_DUE: Final = "all due"
STANDINGS: Final = (GOING, ASKED, *reversed(BANDS), BY_RATE, STAYING)


def contracts(due: pd.DataFrame, notices: revenue.Notices) -> pd.DataFrame:
    """Say of each contract due how likely it leaves in its quarter, and what stands behind it.

    Parameters
    ----------
    due : pandas.DataFrame
        What ``horizons.chances`` returned.
    notices : revenue.Notices

    Returns
    -------
    pandas.DataFrame
        One row per (contract, quarter), largest ARR at risk first: quarter, label, account_id,
        account_name, subscription_id, segment, renewal_date, due_in_days, arr, chance (of leaving
        within the quarter, for either reason, where it has come so far), chance_low, chance_high,
        arr_at_risk, in_notice, standing (one of :data:`STANDINGS`), p_churn, p_from, n_renewals,
        out_of_distribution, term_end, term_months.
    """
    kept = (1.0 - due["p_involuntary"].astype("float64")).to_numpy()
    times = due["n_renewals"].to_numpy(dtype=np.float64)
    of_notice = {"p_churn": notices.share, "p_low": notices.low, "p_high": notices.high}
    asked, settled = due["p_from"].eq(NOTICE), due["p_from"].eq(DECIDED)
    on_record = due["decided"].isin(GONE).astype(float)
    told = {}
    for name, share in of_notice.items():
        open_ = 1.0 - ((1.0 - due[name].to_numpy(dtype=np.float64)) * kept) ** times
        told[name] = np.select([settled, asked], [on_record, share], open_)
    rows = due.assign(
        chance=told["p_churn"], chance_low=told["p_low"], chance_high=told["p_high"],
        arr_at_risk=told["p_churn"] * due["arr"].astype("float64"),
    )  # fmt: skip
    rows["standing"] = _standing(rows)
    order = ["quarter", "arr_at_risk", "subscription_id"]
    names = [
        "quarter", "label", "account_id", "account_name", "subscription_id", "segment",
        "renewal_date", "due_in_days", "arr", "chance", "chance_low", "chance_high",
        "arr_at_risk", "in_notice", "standing", "p_churn", "p_from", "n_renewals",
        "out_of_distribution", "term_end", "term_months",
    ]  # fmt: skip
    return rows.sort_values(order, ascending=[True, False, True], ignore_index=True)[names]


def _standing(rows: pd.DataFrame) -> pd.Series:
    """Name where each contract stands."""
    band = np.digitize(rows["chance"], EDGES[1:])
    named = pd.Series(np.array(BANDS, dtype=object)[band], index=rows.index)
    named = named.mask(rows["p_from"].eq(BASE_RATE), BY_RATE)
    named = named.mask(rows["p_from"].eq(NOTICE), ASKED)
    leaving = rows["p_from"].eq(DECIDED) & rows["decided"].isin(GONE)
    return named.mask(rows["p_from"].eq(DECIDED), STAYING).mask(leaving, GOING)


def of_quarter(rows: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the contracts due in one quarter, largest ARR at risk first."""
    return rows[rows["label"] == label].reset_index(drop=True)


def standings(rows: pd.DataFrame) -> pd.DataFrame:
    """Count where the contracts of one quarter stand.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one quarter.

    Returns
    -------
    pandas.DataFrame
        One row a standing that occurs, the most serious first, and one for all: standing,
        n_contracts, n_accounts, arr, arr_at_risk.
    """
    found = [_counted(name, rows[rows["standing"] == name]) for name in STANDINGS]
    found = [row for row in found if row["n_contracts"]]
    return pd.DataFrame([*found, _counted(ALL_DUE, rows)])


def _counted(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "standing": name,
        "n_contracts": len(rows),
        "n_accounts": rows["account_id"].nunique(),
        "arr": float(rows["arr"].sum()),
        "arr_at_risk": float(rows["arr_at_risk"].sum()),
    }


def by_account(rows: pd.DataFrame) -> pd.DataFrame:
    """Add up one quarter's contracts by customer, largest ARR at risk first.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one quarter, from :func:`contracts`.

    Returns
    -------
    pandas.DataFrame
        One row an account: rank, account_id, account_name, segment, renewal_date (the first),
        n_contracts, arr, chance, chance_low, chance_high (ARR-weighted over its contracts),
        arr_at_risk, share (of all ARR at risk), cumulated_share, standing (of the contract with
        most at risk), out_of_distribution.
    """
    weighed = rows.assign(
        **{f"_{name}": rows[name] * rows["arr"] for name in ("chance_low", "chance_high")}
    )
    found = weighed.groupby("account_id", as_index=False, sort=False).agg(
        account_name=("account_name", "first"), segment=("segment", "first"),
        renewal_date=("renewal_date", "min"), n_contracts=("subscription_id", "size"),
        arr=("arr", "sum"), arr_at_risk=("arr_at_risk", "sum"), mean=("chance", "mean"),
        low=("chance_low", "mean"), high=("chance_high", "mean"),
        _low=("_chance_low", "sum"), _high=("_chance_high", "sum"),
        standing=("standing", "first"), out_of_distribution=("out_of_distribution", "any"),
    )  # fmt: skip
    whole = found["arr"].where(found["arr"] > 0)
    found = found.assign(
        chance=(found["arr_at_risk"] / whole).fillna(found["mean"]),
        chance_low=(found["_low"] / whole).fillna(found["low"]),
        chance_high=(found["_high"] / whole).fillna(found["high"]),
    ).drop(columns=["mean", "low", "high", "_low", "_high"])
    found = found.sort_values(["arr_at_risk", "account_id"], ascending=[False, True])
    total = float(found["arr_at_risk"].sum())
    share = found["arr_at_risk"] / total if total > 0 else found["arr_at_risk"] * np.nan
    found = found.assign(share=share, cumulated_share=share.cumsum())
    found.insert(0, "rank", np.arange(1, len(found) + 1))
    return found.reset_index(drop=True)


def reach(accounts: pd.DataFrame, capacity: int) -> dict[str, Any]:
    """Say what the customers that can be called hold of the ARR at risk.

    Parameters
    ----------
    accounts : pandas.DataFrame
        From :func:`by_account`.
    capacity : int
        Customers that can be called.

    Returns
    -------
    dict
        n_called, n_accounts, arr_at_risk, share (of all ARR at risk; missing where there is none),
        n_asked, asked_at_risk (of those called, who have asked to cancel).
    """
    first = accounts.head(capacity)
    asked = first[first["standing"] == ASKED]
    return {
        "n_called": len(first),
        "n_accounts": len(accounts),
        "arr_at_risk": float(first["arr_at_risk"].sum()),
        "share": float(first["share"].sum()) if accounts["share"].notna().any() else float("nan"),
        "n_asked": len(asked),
        "asked_at_risk": float(asked["arr_at_risk"].sum()),
    }


def first_of(rows: pd.DataFrame, subscriptions: Collection[str] | None) -> pd.DataFrame | None:
    """Return the first renewal of each of some contracts.

    Parameters
    ----------
    rows : pandas.DataFrame
        From :func:`contracts`, all quarters.
    subscriptions : collection of str or None
        ``listed.subscriptions``.

    Returns
    -------
    pandas.DataFrame or None
        Largest ARR first; None for None.
    """
    if subscriptions is None:
        return None
    mine = rows[rows["subscription_id"].isin(list(subscriptions))]
    mine = mine.sort_values("quarter", kind="stable").drop_duplicates("subscription_id")
    return mine.sort_values(["arr", "subscription_id"], ascending=[False, True], ignore_index=True)


def saved_due(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the contracts that the forecast counted, for a later run to judge it by."""
    names = [
        "quarter", "account_id", "account_name", "subscription_id", "term_end", "arr",
        "n_renewals", "chance", "p_from",
    ]  # fmt: skip
    return rows[names]


def groups(rows: pd.DataFrame, tables: Mapping[str, ir.Table], by: str | None) -> pd.DataFrame:
    """Add up one quarter's contracts by a column of their accounts.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one quarter, from :func:`contracts`.
    tables : mapping of str to ibis Table
        Canonical tables: accounts.
    by : str or None
        Column of ``accounts``; None groups nothing.

    Returns
    -------
    pandas.DataFrame
        One row a value, most ARR at risk first: group, n_contracts, n_accounts, arr, arr_at_risk,
        at_risk_share (of its own ARR; missing without ARR).  Empty without a column to group by.
    """
    names = ["group", "n_contracts", "n_accounts", "arr", "arr_at_risk", "at_risk_share"]
    if by is None or by not in tables["accounts"].columns or rows.empty:
        return pd.DataFrame(columns=names)
    of = tables["accounts"].select("account_id", group=by).execute().set_index("account_id")
    named = rows.assign(group=rows["account_id"].map(of["group"]).fillna("not recorded"))
    found = named.groupby("group", as_index=False).agg(
        n_contracts=("subscription_id", "size"), n_accounts=("account_id", "nunique"),
        arr=("arr", "sum"), arr_at_risk=("arr_at_risk", "sum"),
    )  # fmt: skip
    found["at_risk_share"] = found["arr_at_risk"] / found["arr"].where(found["arr"] > 0)
    return found.sort_values("arr_at_risk", ascending=False, ignore_index=True)[names]
