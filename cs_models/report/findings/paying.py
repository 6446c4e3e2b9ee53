"""Today's customers and what they pay, and renewals that no contract followed, in words.

Grain in: ``evidence.paying.Paying``.  Grain out: statements, and a finding for ``results.json``.
"""

from __future__ import annotations

from typing import Final

from cs_models.report.display import Statement
from cs_models.report.evidence.paying import Paying
from cs_models.report.evidence.rules import records
from cs_models.report.findings.amounts import customers
from cs_models.report.findings.words import Part, linked
from cs_models.report.results import Finding
from cs_models.report.values import integer, money

TODAY: Final = "paying-table"
UNSEEN: Final = "renewed-unseen"


def today(found: Paying, currency: str) -> Statement:
    """Say who is a customer today, what they pay, and what that is made of.

    Parameters
    ----------
    found : Paying
    currency : str
        ISO 4217 code.
    """
    rows = records(found.parts)
    kinds = [row for row in rows[:-1] if row["n_contracts"]]
    parts: list[Part] = [
        "Today ", linked(customers(found.n_customers), TODAY),
        " pays " if found.n_customers == 1 else " pay ",
        linked(money(found.arr, currency), TODAY), " a year",
    ]  # fmt: skip
    for place, row in enumerate(kinds if len(kinds) > 1 else []):
        parts += [
            ", " if place else ": ", linked(integer(row["n_customers"]), TODAY),
            f" {row['part']} (", linked(money(row["arr"], currency), TODAY), ")",
        ]  # fmt: skip
    return Statement.of("finding", *parts, ".", id="paying-said")


def unseen(found: Paying, currency: str) -> Statement:
    """Say how many renewals on record no contract followed, and what to repair.

    Parameters
    ----------
    found : Paying
    currency : str
        ISO 4217 code.
    """
    n = len(found.unseen)
    if not n:
        return Statement.of(
            "finding", "Every renewal on record was followed by a contract.", id="renewals-followed"
        )
    return Statement.of(
        "caution", linked(customers(n), UNSEEN), " (",
        linked(money(found.unseen["arr"].sum(), currency), UNSEEN), " a year by the last "
        f"contract) {'is' if n == 1 else 'are'} on record as renewed, and no further contract "
        "followed within ", linked(f"{integer(found.grace_days)} days", UNSEEN), ". They count "
        "neither as customers of today nor as lost: enter the next contract, or correct the "
        "outcome.", id="renewals-unseen",
    )  # fmt: skip


def saved(found: Paying, currency: str) -> list[Finding]:
    """Return the renewals that no contract followed for ``results.json``; none where none is."""
    if found.unseen.empty:
        return []
    return [
        Finding(
            id=UNSEEN, statement=unseen(found, currency).text, value=len(found.unseen),
            unit="customers", n=found.n_customers, table=UNSEEN,
        )
    ]  # fmt: skip
