"""What notebook 06 shows of those who come up: where the ARR at risk sits, who they are.

Grain in: the frames of ``report/evidence/due.py``.  Grain out: display objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.report import values
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import due, places
from cs_models.report.figures import outlook as figures
from cs_models.report.findings import due as findings
from cs_models.report.values import integer, money

Shown = Sequence[Exhibit | Statement | Table]
DRAWN = 15  # customers in the figure; the table has more
_YES = {True: "yes", False: "no"}


def concentration(
    accounts: pd.DataFrame, capacity: int, label: str, currency: str, *, days: float = math.nan
) -> Shown:  # fmt: skip
    """Show on whom the ARR at risk of a quarter hangs.

    Parameters
    ----------
    accounts : DataFrame
        What ``due.by_account`` returned for the quarter.
    capacity : int
        Customers that can be called.
    label : str
        The quarter.
    currency : str
        ISO 4217 code.
    days : float, optional
        Days before their renewal at which past customers were looked at; missing where no
        predictor was learnt.
    """
    reach = due.reach(accounts, capacity)
    said = findings.concentration(accounts, reach, label, currency)
    if accounts.empty:
        return said
    table = Table.of(
        accounts.assign(out_of_distribution=accounts["out_of_distribution"].map(_YES)),
        id=places.AT_RISK,
        title=f"Customers due in {label}, most ARR at risk first",
        columns={
            "rank": Column("Place", kind="integer"),
            "account_name": Column("Customer"),
            "segment": Column("Segment"),
            "renewal_date": Column("Renews", kind="date"),
            "arr": Column("ARR", kind="money", unit=currency),
            "chance": Column("Chance of leaving", kind="percent", digits=0),
            "chance_low": Column("from", kind="percent", digits=0),
            "chance_high": Column("to", kind="percent", digits=0),
            "arr_at_risk": Column("ARR at risk", kind="money", unit=currency),
            "cumulated_share": Column("Share so far", kind="percent", digits=0),
            "standing": Column("Where they stand"),
            "out_of_distribution": Column("Unlike past customers"),
            "account_id": Column("Account"),
        },
        note=f"{learnt_at(days)}From and to: where the chance would lie had other customers been "
        "learnt from, not how the days matter. Of "
        "customers who asked to cancel it is the share of past notices that were carried out, the "
        f"same for all. The first {integer(reach['n_called'])}, as many as the team can call, hold "
        f"{money(reach['arr_at_risk'], currency)}{_asked(reach, currency)}. Every contract due is "
        "in tables/contracts_due.csv.",
    )
    drawn = accounts.head(DRAWN)
    figure = Exhibit(
        id="at-risk", title=f"Where the ARR at risk sits, {label}",
        figure=figures.accounts(drawn, currency), table=table,
        alt=f"Bars of the {len(drawn)} customers with most ARR at risk; their names and amounts "
        "are in the table.",
        caption="Grey: what the customer pays a year. Coloured: that, times the chance of leaving.",
    )  # fmt: skip
    return (*said, figure)


def learnt_at(days: float) -> str:
    """Say how far from their renewal the customers stood whose outcomes made the chances.

    The same contract is read from another distance on page 03; nobody should have to guess which
    chance is meant, nor which of two to take.

    Parameters
    ----------
    days : float
        Missing where no predictor was learnt: nothing is said.
    """
    if values.is_missing(days):
        return ""
    return (
        f"Chance: learnt from past customers {integer(days)} days before their renewal, as far as "
        "the middle of the quarter is away, and said of all who are due in it. 03_churn_predictors "
        "asks of a customer at another distance and gives another chance. For one customer neither "
        "has been shown to be the better: take what lies between them as doubt that the ranges do "
        "not hold. "
    )


def _asked(reach: Mapping[str, Any], currency: str) -> str:
    if not reach["n_asked"]:
        return ""
    return (
        f", {money(reach['asked_at_risk'], currency)} of it the {integer(reach['n_asked'])} who "
        "have asked to cancel"
    )


def groups(frame: pd.DataFrame, label: str, by: str | None, currency: str) -> Sequence[Table]:
    """Show which groups the ARR at risk of a quarter falls on; nothing where none are asked for."""
    if frame.empty:
        return ()
    named = str(by).replace("_", " ")
    return (
        Table.of(
            frame,
            id="groups-due",
            title=f"ARR at risk in {label} by {named}",
            columns={
                "group": Column(named[:1].upper() + named[1:]),
                "n_contracts": Column("Contracts", kind="integer"),
                "n_accounts": Column("Customers", kind="integer"),
                "arr": Column("ARR", kind="money", unit=currency),
                "arr_at_risk": Column("ARR at risk", kind="money", unit=currency),
                "at_risk_share": Column("of its own ARR", kind="percent"),
            },
        ),
    )


def who(standings: pd.DataFrame, label: str, currency: str) -> Shown:
    """Show how many renew this quarter and where they stand."""
    return (
        *findings.who(standings, label, currency),
        Table.of(
            standings,
            id=places.DUE,
            title=f"Contracts due in {label}",
            columns={
                "standing": Column("Chance of leaving, or what is known"),
                "n_contracts": Column("Contracts", kind="integer"),
                "n_accounts": Column("Customers", kind="integer"),
                "arr": Column("ARR", kind="money", unit=currency),
                "arr_at_risk": Column("ARR at risk", kind="money", unit=currency),
            },
            note="Base rate only: no predictor speaks of these contracts, which are shorter than "
            "those it could learn from."
            f"{_open(standings, currency)}",
        ),
    )


def _open(standings: pd.DataFrame, currency: str) -> str:
    """Say how much of the ARR at risk is of customers who have not said yet what they will do."""
    risk = standings.set_index("standing")["arr_at_risk"]
    said = risk.reindex([due.GOING, due.ASKED]).sum()
    if not said > 0:
        return ""
    return (
        f" Of the ARR at risk {money(said, currency)} has been announced and "
        f"{money(risk[due.ALL_DUE] - said, currency)} is still open."
    )
