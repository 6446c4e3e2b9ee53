"""What the page shows of users: tiers, groups beside their peers, champions, candidates.

Grain: one function a section; each returns what one cell displays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from cs_models.learn.personas import TIERS
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import people_anchors as anchors
from cs_models.report.evidence.people import People, shown
from cs_models.report.evidence.rules import records
from cs_models.report.exhibits.tally import tally
from cs_models.report.figures import people as figures
from cs_models.report.findings import people as findings
from cs_models.report.findings.amounts import counted
from cs_models.report.values import integer, percent

Shown = tuple[Statement | Exhibit | Table, ...]

_FOLDED: Final = 8
_SHOWN: Final = 30
_LOG_IN: Final = (
    "The records know no log-ins: a day with any use stands for one. Persons are shown by their "
    "login and person number only; the file beside this page holds every row."
)
_WHO: Final[Mapping[str, Column]] = {
    "user_id": Column("Login"),
    "person_id": Column("Person"),
    "role": Column("Role"),
    "account": Column("Customer"),
}


def tiers(found: People) -> Shown:
    """Show how active users of each role are.

    Parameters
    ----------
    found : People
    """
    said = findings.tiers(found)
    if found.why_not:
        return tuple(said)
    told = [f"{row['role']}: {percent(row['silent'])} silent" for row in records(found.tiers)]
    columns = {"role": Column("Role"), "n": Column("Users", kind="integer")}
    columns |= {tier: Column(tier.capitalize(), kind="percent") for tier in TIERS}
    cuts = found.cuts
    return (
        *said,
        Exhibit(
            id="tiers",
            title="How active users are, by role",
            figure=figures.tiers(found.tiers),
            table=Table.of(
                found.tiers.assign(role=found.tiers["role"].str.replace("_", " ")),
                id=anchors.TIERS, title="Tiers of users, by role", columns=columns,
                note=f"Activity: the mean of three places among active users of the role in "
                f"customers of the size: days of use in 28 days, features in 90 days, days since "
                f"the last use. High from {percent(cuts.high)}, medium from "
                f"{percent(cuts.medium)}; silent: came, but nothing for {cuts.silent_days} days; "
                "never came: no use on record.",
            ),
            alt="Share of users by tier. " + "; ".join(told) + ".",
            caption="Roles differ in rhythm and are compared within themselves: the coloured "
            "parts of the active users are alike by design. What differs are the grey parts: the "
            "silent, and those who never came.",
        ),
        tally(anchors.COUNTED, "What else was counted of users", findings.counted(found)),
    )  # fmt: skip


def peers(found: People, currency: str) -> Shown:
    """Show the groups that matter beside their peers, and who is below.

    Parameters
    ----------
    found : People
    currency : str
        ISO 4217 code.
    """
    said = findings.peers(found)
    if found.why_not:
        return tuple(said)
    frame = found.peers
    told = [f"{row['group']} {percent(row['place'])}" for row in records(frame) if row["n_users"]]
    figure = Exhibit(
        id="peers",
        title="Users in the groups that matter, beside their peers",
        figure=figures.peers(frame),
        table=Table.of(
            frame.assign(apart=frame["apart"].map({True: "yes", False: "no"})),
            id=anchors.PEERS, title="Users beside their peers",
            columns={
                "group": Column("Users"), "n_users": Column("Number", kind="integer"),
                "n_accounts": Column("Customers", kind="integer"),
                "place": Column("Mean place", kind="percent"),
                "low": Column("from", kind="percent"), "high": Column("to", kind="percent"),
                "silent": Column("Silent", kind="percent"),
                "never": Column("Never came", kind="percent"),
                "n_below": Column("Below their peers", kind="integer"),
                "apart": Column("Told apart"),
            },
            note="Peers: users of the same role, size of customer and age of login; intervals "
            "take the customer as the unit. Finishing onboarding: logins made 14 to 90 days ago. "
            "Top-paying: the highest tenth of customers by ARR. Up for renewal: within 90 days.",
        ),
        alt="Mean place among peers: " + "; ".join(told) + ".",
        caption="Dotted: all users. A grey dot cannot be told from them.",
    )  # fmt: skip
    return (*said, figure, _to_help(found, currency))


def _to_help(found: People, currency: str) -> Table:
    users = found.to_help
    return Table.of(
        users.head(_SHOWN).assign(
            account_name=users["account_name"].fillna(users["account_id"]),
            days_to_renewal=users["days_to_renewal"].astype("float64"),
        ),
        id=anchors.BELOW,
        title="Users to help along, by customer",
        columns={
            "account_name": Column("Customer"),
            "arr": Column("ARR", kind="money", unit=currency),
            "days_to_renewal": Column("To renewal", kind="integer", unit="days"),
            "groups": Column("In which group"),
            "n_users": Column("Users there", kind="integer"),
            "n_below": Column("Below their peers", kind="integer"),
            "n_never": Column("Never came", kind="integer"),
            "sponsors": Column("Sponsors who are silent or never came"),
        },
        note=f"Together {counted(users['n_below'].sum(), 'user')} below their peers and "
        f"{integer(users['n_never'].sum())} who never came, of "
        f"{counted(len(users), 'customer')}; at "
        f"{integer((users['sponsors'] != '').sum())} of these a sponsor is away. {_left_out(users)}"
        "One row a customer, those whose sponsors are away first. Sponsor: a champion, decision "
        "maker or admin. Users by their login only.",
        fold_after=_FOLDED,
    )


def champions(found: People, currency: str) -> Shown:
    """Show how soon champions leave, and those who are silent.

    Parameters
    ----------
    found : People
    currency : str
        ISO 4217 code.
    """
    said = findings.champions(found)
    if found.why_not or found.leaving is None or not found.leaving.role:
        return tuple(said)
    frame = found.leaving.table
    told = [f"{row['group']} {percent(row['hazard'], 1)}" for row in records(frame)]
    exhibit = Exhibit(
        id="leaving",
        title="How soon champions leave",
        figure=figures.leaving(frame),
        table=Table.of(
            frame, id=anchors.LEAVING, title="Departures of champions, by segment",
            columns={
                "group": Column("Segment"), "n": Column("People", kind="integer"),
                "n_accounts": Column("Customers", kind="integer"),
                "months": Column("Months watched", kind="integer"),
                "left": Column("Left", kind="integer"),
                "hazard": Column("A month", kind="percent", digits=2),
                "low": Column("from", kind="percent", digits=2),
                "high": Column("to", kind="percent", digits=2),
            },
            note="Left: the login was taken away, or 60 days of silence after at least five active "
            "weeks, whichever came first. A login that ends with its customer's contract is no "
            "departure. Watched from the first day of recorded use to the data date.",
        ),
        alt="Chance of a champion to leave within a month: " + "; ".join(told) + ".",
        caption="Bars that overlap cannot be told apart.",
    )  # fmt: skip
    columns = dict(_WHO) | {
        "silent_days": Column("Silent", kind="integer", unit="days"),
        "days_to_renewal": Column("To renewal", kind="integer", unit="days"),
        "arr": Column("ARR", kind="money", unit=currency),
    }
    table = _users(found.silent, anchors.SILENT, "Champions who are silent today", columns)
    return (*said, exhibit, table)


def candidates(found: People, currency: str) -> Shown:
    """Show who could be asked to speak for the product, or to try what is new.

    Parameters
    ----------
    found : People
    currency : str
        ISO 4217 code.
    """
    said = findings.candidates(found)
    if found.why_not or found.candidates.empty:
        return tuple(said)
    columns = dict(_WHO) | {
        "ask": Column("Could be asked as"),
        "answer": Column("Own NPS answer says"),
        "active_days__last_28d": Column("Days of use in 28", kind="integer"),
        "activity": Column("Place among active", kind="percent"),
        "distinct_features__last_90d": Column("Features in 90 days", kind="integer"),
        "arr": Column("ARR", kind="money", unit=currency),
    }
    title = "Most active users of the highest-paying customers: promoters, then active only"
    return (*said, _users(found.candidates, anchors.CANDIDATES, title, columns))


def _users(users: pd.DataFrame, name: str, title: str, columns: Mapping[str, Column]) -> Table:
    return Table.of(
        shown(users.head(_SHOWN)),
        id=name,
        title=title,
        columns=columns,
        note=_left_out(users) + _LOG_IN,
        fold_after=_FOLDED,
    )


def _left_out(users: pd.DataFrame) -> str:
    left = len(users) - _SHOWN
    return f"The first {_SHOWN}; {integer(left)} more are in the file. " if left > 0 else ""
