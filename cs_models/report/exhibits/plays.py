"""What notebook 06 shows of the quarter's book: in a play or not, and week by week.

Grain in: ``evidence.plays.Book``.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence.plays import AT_RISK_FROM, FEWEST, RECENT_DAYS, Book
from cs_models.report.figures import plays as figures
from cs_models.report.findings import plays as findings
from cs_models.report.findings.amounts import customers
from cs_models.report.values import percent

Shown = Sequence[Exhibit | Statement | Table]
FIRST: Final = 5  # of those in no play before the fold


def book(found: Book, label: str, play_days: int, currency: str) -> Shown:
    """Show who is due, in a play, in notice, at risk, and who could renew early."""
    money = {"kind": "money", "unit": currency}
    of_contacts = {
        "contact_days": Column("Days since our last contact, median", kind="number", digits=0),
        "n_recent": Column(f"Spoken to in {RECENT_DAYS} days", kind="integer"),
    }
    table = Table.of(
        found.groups, id=findings.BOOK, title=f"The book of {label} by what is being done",
        columns={
            "group": Column("Who"),
            "n_contracts": Column("Contracts", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "arr": Column("ARR", **money),  # type: ignore[arg-type]
            "loss": Column("Expected to leave", **money),  # type: ignore[arg-type]
            "loss_low": Column("from", **money),  # type: ignore[arg-type]
            "loss_high": Column("to", **money),  # type: ignore[arg-type]
            "reasons": Column("What the chance goes with most often (contracts)"),
            **(of_contacts if found.known else {}),
        },
        note=f"At risk, still open: a chance of leaving of {percent(AT_RISK_FROM)} or more, and no "
        f"notice given. {_played(found, play_days)}Groups overlap. From and to: where the "
        "sum lies eight times in ten, on the paths of the forecast; not given of a part of fewer "
        f"than {FEWEST} contracts, whose losses come in a few lumps. Those who could renew "
        "early are due later; they are the list of that name below.",
    )  # fmt: skip
    said = findings.book(found.groups, label, play_days, currency)
    return (*said, table, *_alone(found, label, currency))


def _played(found: Book, play_days: int) -> str:
    return (
        f"In a play: a step of a playbook by us in the last {play_days} days. "
        if found.known
        else "Who is in a play is not on record, so neither those who are nor those who are not "
        "have a row. "
    )


def _alone(found: Book, label: str, currency: str) -> Shown:
    """Name those at risk in no play, with when we last spoke to them and why the chance is high."""
    rows = found.alone
    if rows.empty:
        return ()
    money = {"kind": "money", "unit": currency}
    first = rows["reason_1"] if "reason_1" in rows else pd.Series("", index=rows.index)
    table = Table.of(
        rows.assign(goes_with=first.astype(str).str.partition(":")[0]), id=findings.ALONE,
        title=f"At risk in {label}, still open, in no play",
        columns={
            "account_name": Column("Customer"),
            "arr": Column("ARR", **money),  # type: ignore[arg-type]
            "chance": Column("Chance of leaving", kind="percent", digits=0),
            "chance_low": Column("from", kind="percent", digits=0),
            "chance_high": Column("to", kind="percent", digits=0),
            "arr_at_risk": Column("ARR at risk", **money),  # type: ignore[arg-type]
            "renewal_date": Column("Renews", kind="date"),
            "days_since_our_contact__to_date": Column("Days since our last contact",
                                                      kind="integer"),
            "last_contact": Column("which was"),
            "goes_with": Column("The chance goes with"),
            "account_id": Column("Account"),
        },
        note=f"{customers(rows['account_id'].nunique())}, most ARR at risk first. A dash: no "
        "contact is on record. Every contract due stands so in tables/book.csv.",
        fold_after=FIRST,
    )  # fmt: skip
    return (*findings.alone(found, currency), table)


def calendar(found: Book, currency: str) -> Exhibit:
    """Show what comes due week by week."""
    money = {"kind": "money", "unit": currency}
    table = Table.of(
        found.weeks, id=findings.CALENDAR, title="ARR due by week",
        columns={
            "week": Column("From", kind="date"), "last": Column("to", kind="date"),
            "n_contracts": Column("Contracts", kind="integer"),
            "arr": Column("ARR due", **money),  # type: ignore[arg-type]
            "arr_at_risk": Column("of it at risk", **money),  # type: ignore[arg-type]
        },
        note="Contracts whose end is past and not yet decided stand in the first week; the last "
        "week is open to the end of the quarter.",
    )  # fmt: skip
    return Exhibit(
        id="calendar", title="When it comes due", figure=figures.calendar(found.weeks, currency),
        table=table, alt="Bars of the ARR due in each of the coming 13 weeks, and within them the "
        "ARR at risk.",
        caption="Grey: what is due. Coloured: that, times the chance of leaving. A tall coloured "
        "week wants its calls a month before.",
    )  # fmt: skip
