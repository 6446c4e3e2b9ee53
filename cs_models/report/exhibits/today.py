"""Where today's customers stand, as tables: counts with ARR, and the list by name."""

from __future__ import annotations

import pandas as pd

from cs_models.report.display import Column, Table
from cs_models.report.evidence import standing


def totals(frame: pd.DataFrame, currency: str) -> Table:
    """Show how many customers stand where, with their ARR."""
    return Table.of(
        frame,
        id="today-totals",
        title="Running terms today",
        columns={
            "status": Column("Where they stand"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_terms": Column("Terms", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
        },
    )


def below(where: pd.DataFrame, currency: str) -> Table:
    """Show the customers below by name, largest ARR first."""
    rows = standing.below(where)
    asks_for_users = bool((rows["missing_users"].fillna(0) > 0).any())
    more_users = {"missing_users": Column("and users", kind="integer")} if asks_for_users else {}
    return Table.of(
        rows,
        id="today",
        title="Customers below their level today",
        columns={
            "account_name": Column("Customer"),
            "account_id": Column("Account"),
            "segment": Column("Segment"),
            "arr": Column("ARR", kind="money", unit=currency),
            "so_far": Column("Reached", kind="number"),
            "needed": Column("Level", kind="number"),
            "missing": Column("Short by", kind="number"),
            **more_users,
            "in_notice": Column("In notice"),
            "term_end": Column("Renews", kind="date"),
        },
        note="Measured in the window of the rule; the window of these customers is over. "
        "The whole list is in tables/customers_below.csv.",
    )
