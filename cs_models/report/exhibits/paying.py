"""What pages show of today's customers, and of renewals that no contract followed.

Grain in: ``evidence.paying.Paying``.  Grain out: display objects.
"""

from __future__ import annotations

from cs_models.report.display import Column, Statement, Table
from cs_models.report.evidence.paying import Paying
from cs_models.report.findings import paying as findings
from cs_models.report.findings.amounts import customers
from cs_models.report.values import integer

_AT_MOST = 30


def today(found: Paying, currency: str) -> tuple[Statement | Table, ...]:
    """Show who is a customer today and what they pay, part by part.

    Parameters
    ----------
    found : Paying
    currency : str
        ISO 4217 code.
    """
    table = Table.of(
        found.parts,
        id=findings.TODAY,
        title="Today's customers, and what they pay",
        columns={
            "part": Column("Who"),
            "n_customers": Column("Customers", kind="integer"),
            "n_contracts": Column("Contracts", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
        },
        note="So every page counts them. A contract that ended counts for "
        f"{integer(found.grace_days)} days, unless it is known to be lost: a renewal on record is "
        "believed until then. A customer stands in the first row that holds for it.",
    )
    return findings.today(found, currency), table


def unseen(found: Paying, currency: str) -> tuple[Statement | Table, ...]:
    """Show the customers whose renewal is on record and whose next contract is not.

    Parameters
    ----------
    found : Paying
    currency : str
        ISO 4217 code.
    """
    said = findings.unseen(found, currency)
    if found.unseen.empty:
        return (said,)
    table = Table.of(
        found.unseen,
        id=findings.UNSEEN,
        title="Renewed on record, and no further contract",
        columns={
            "account_id": Column("Account"),
            "ended_on": Column("Last contract ended", kind="date"),
            "arr": Column("ARR it said", kind="money", unit=currency),
        },
        at_most=_AT_MOST,
        note=f"{customers(len(found.unseen))}, the most money first. No contract began "
        f"within {integer(found.grace_days)} days of the end. Either the next contract is missing "
        "from the records, or the outcome should say that the customer left. All are in "
        "tables/renewed_unseen.csv.",
    )
    return said, table
