"""What the page shows of persons' value: who stood behind the money, and what was assumed.

Grain: one function a section; each returns what one cell displays.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import people_anchors as anchors
from cs_models.report.evidence.person_value import Worth
from cs_models.report.figures import person_value as figures
from cs_models.report.findings import person_value as findings
from cs_models.report.findings.amounts import counted
from cs_models.report.values import money, number, percent

Shown = tuple[Statement | Exhibit | Table, ...]

_DRAWN: Final = 15
_SHOWN: Final = 30
_FOLDED: Final = 8


def persons(found: Worth, dearest: pd.DataFrame, currency: str) -> Shown:
    """Show the persons who stood behind most of the money.

    Parameters
    ----------
    found : Worth
    dearest : DataFrame
        What ``evidence.person_value.dearest`` returned.
    currency : str
        ISO 4217 code.
    """
    said = findings.worth(found, currency)
    if found.value is None:
        return tuple(said)
    first = dearest.iloc[0] if len(dearest) else None
    told = "" if first is None else f"{first['person_id']}: {money(first['value'], currency)}"
    pay = partial(Column, kind="money", unit=currency)
    low, high = f"{percent(0)}", f"{percent(1)}"
    return (
        *said,
        Exhibit(
            id="persons",
            title="Persons who stood behind most of the money",
            figure=figures.persons(dearest.head(_DRAWN), currency=currency),
            table=Table.of(
                dearest.head(_SHOWN), id=anchors.PERSONS, title="Persons by value",
                fold_after=_FOLDED,
                columns={
                    "person_id": Column("Person"), "role": Column("Role"),
                    "account": Column("Customer, present or last"), "there": Column("There"),
                    "tier": Column("Tier today"),
                    "n_accounts": Column("Customers served", kind="integer"),
                    "realised": pay("So far"), "to_come": pay("To come"),
                    "credit": pay("After arriving"), "value": pay("Value"),
                    "value_low": pay(f"least, credit {low} to {high}"),
                    "value_high": pay("most"),
                    "equal_weights": pay("Value with equal weights of roles"),
                    "use_alone": pay("by use alone"),
                    "use_share": Column("Part in all use of the customer", kind="percent"),
                },
                note=f"{counted(len(found.value.persons), 'person')} in all. {said[1].text} "
                "Margin, not "
                "revenue. So far: by role first, within a role by the part in "
                "the use of each month; a role that is alone in a customer has all its part "
                "however little it used, which is why the part in all use stands beside. To come: "
                "while person and customer stay. After arriving: the credited part of what a "
                "customer began to pay, or paid more, within 180 days of the arrival; the "
                "customer's other users have that much less. By person number only.",
            ),
            alt=f"Value of the {_DRAWN} dearest persons; the first is {told}.",
            caption="It says who was using the product while the money was paid, not that the "
            "money was paid because of them.",
        ),
    )  # fmt: skip


def rests(found: Worth, currency: str) -> Shown:
    """Show what the values assume, and that they never exceed the customers' own.

    Parameters
    ----------
    found : Worth
    currency : str
        ISO 4217 code.
    """
    if found.value is None:
        return ()
    return (_assumed(found), _handed(found, currency), *_effect(found))


def _assumed(found: Worth) -> Table:
    assert found.value is not None
    chosen = found.value.assumptions
    weights = ", ".join(
        f"{role.replace('_', ' ')} {number(w)}" for role, w in chosen.role_weights.items()
    )
    leaving = ", ".join(
        f"{str(role).replace('_', ' ')} {percent(hazard, 1)}"
        for role, hazard in zip(found.hazards["role"], found.hazards["hazard"], strict=True)
    )
    rows = [
        ("Margin kept of revenue", percent(chosen.margin), "stated"),
        ("Worth less, a year later", percent(chosen.discount_rate), "stated"),
        ("Years to come", number(chosen.horizon_years), "stated"),
        (
            "Part credited to an arrival",
            percent(chosen.referral_credit),
            "stated; 0 to 100 % shown",
        ),
        ("Weights of the roles present in a month", weights, "stated"),
        ("Chance to leave the customer, a month", leaving, "learnt, by role"),
        ("Chance of the customer to renew", "by segment, length and number", "learnt"),
    ]
    frame = pd.DataFrame(rows, columns=["what", "value", "source"])
    columns = {"what": Column("Assumption"), "value": Column("Value"), "source": Column("Source")}
    return Table.of(frame, id=anchors.ASSUMED, title="What persons' value rests on",
                    columns=columns)  # fmt: skip


def _handed(found: Worth, currency: str) -> Table:
    assert found.value is not None
    sums = found.value.accounts[["paid", "to_come", "handed_paid", "handed_to_come"]].sum()
    rows = [
        ("so far", sums["paid"], sums["handed_paid"], sums["paid"] - sums["handed_paid"]),
        ("to come", sums["to_come"], sums["handed_to_come"],
         sums["to_come"] - sums["handed_to_come"]),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["what", "accounts", "persons", "nobody"])
    pay = partial(Column, kind="money", unit=currency)
    return Table.of(
        frame, id=anchors.ACCOUNTS, title="What customers bring, and what persons were handed",
        columns={
            "what": Column("Margin"), "accounts": pay("Customers"),
            "persons": pay("Handed to persons"), "nobody": pay("Nobody's"),
        },
        note="Nobody's: months in which nobody used anything, and what comes after today's people "
        "will have left. For every single customer, persons add up to no more than it brings.",
    )  # fmt: skip


def _effect(found: Worth) -> Shown:
    if found.effect is None or not found.value or not found.value.n_movers:
        return ()
    use, renewals = found.effect.use, found.effect.renewals
    frame = pd.DataFrame(
        [
            ("use, as a ratio", number(found.effect.use_ratio[0], 2),
             number(found.effect.use_ratio[1], 2), number(found.effect.use_ratio[2], 2),
             use.n_with, use.n_without),
            ("renewal, in points", number(100 * renewals.difference, 1),
             number(100 * renewals.low, 1), number(100 * renewals.high, 1), renewals.n_with,
             renewals.n_without),
        ],
        columns=["what", "gap", "low", "high", "n_with", "n_without"],
    )  # fmt: skip
    return (
        Table.of(
            frame, id=anchors.EFFECT, title="What went with the arrival of somebody who had used "
            "the product elsewhere",
            columns={
                "what": Column("Compared"), "gap": Column("With less without"),
                "low": Column("from"), "high": Column("to"),
                "n_with": Column("With an arrival", kind="integer"),
                "n_without": Column("Without", kind="integer"),
            },
            note="Followed from one customer to another: "
            f"{counted(found.value.n_movers, 'person')}. Among customers of the same segment and "
            "number of the term. Customers that attract such people may differ in other ways. A "
            "ratio of 1, or 0 points, is no difference.",
        ),
    )  # fmt: skip
