"""What notebook 06 shows of those who come up: where the ARR at risk sits, who they are.

Grain in: the frames of ``report/evidence/due.py``.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import due, places
from cs_models.report.figures import outlook as figures
from cs_models.report.findings import due as findings
from cs_models.report.values import integer, money

Shown = Sequence[Exhibit | Statement | Table]
DRAWN = 15  # customers in the figure; the table has more
_YES = {True: "yes", False: "no"}


def concentration(
    accounts: pd.DataFrame, capacity: int, label: str, currency: str
) -> Shown:  # fmt: skip
    """Show on whom the ARR at risk of a quarter hangs."""
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
        note="From and to: where the chance would lie had other customers been learnt from. Of "
        "customers who asked to cancel it is the share of past notices that were carried out, the "
        f"same for all. The first {integer(reach['n_called'])}, as many as the team can call, hold "
        f"{money(reach['arr_at_risk'], currency)}. Every contract due is in "
        "tables/contracts_due.csv.",
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
            note="Base rate only: no predictor speaks of these contracts.",
        ),
    )
