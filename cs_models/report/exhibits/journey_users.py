"""What the page on journeys shows of users: where they are, and their way since the login.

Grain: one function a table or figure; what one cell displays.
"""

from __future__ import annotations

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import journey_anchors as anchors
from cs_models.report.evidence.journey import Journey
from cs_models.report.evidence.rules import records
from cs_models.report.exhibits import journey_drawn as drawn
from cs_models.report.figures import journey as figures
from cs_models.report.findings import journey as findings
from cs_models.report.findings.journey_breaks import called
from cs_models.report.values import integer, percent

Shown = Statement | Exhibit | Table


def users(people: Journey, today_: pd.DataFrame, lasting_: pd.DataFrame) -> tuple[Shown, ...]:
    """Show where users are today."""
    said = findings.users_said(people, today_, lasting_)
    if people.why_not:
        return tuple(said)
    shown = drawn.named(today_).assign(written=[
        "" if pd.isna(share) else percent(share) for share in today_["share"]])  # fmt: skip
    running = shown[~shown["stage"].isin(people.rules.of("ended"))]
    told = [f"{row['called']}: {integer(row['n'])}" for row in records(running)]
    figure = Exhibit(
        id="users",
        title="Users today, by stage",
        figure=figures.today(running, drawn.shades(people.rules), of="users", amount="of them"),
        table=Table.of(
            shown, id=anchors.USERS, title="Users today, by stage",
            columns={
                "called": Column("Stage"), "n": Column("Users", kind="integer"),
                "n_accounts": Column("Of customers", kind="integer"),
                "share": Column("Of open logins", kind="percent"),
                "median_days": Column("Days in it so far, median", kind="integer"),
                "usual": Column("Days in it, usually", kind="integer"),
                "means": Column("What it means"),
            },
        ),
        alt="Users today: " + "; ".join(told) + ".",
        caption="All logins that were made, those of former customers included. The records hold "
        "no log-in: a day with any use stands for one.",
    )  # fmt: skip
    return (*said, figure)


def user_steps(people: Journey, frame: pd.DataFrame) -> tuple[Shown, ...]:
    """Show how users move along their way after the login was made."""
    if frame.empty:
        return ()
    wide = drawn.wide(frame[frame["time"].isin(drawn.READ)], people.rules)
    columns = {"time": Column("Day", kind="integer")}
    columns |= {name: Column(drawn.head(name), kind="percent") for name in people.order}
    last = wide.iloc[-1]
    told = [f"{called(name)} {percent(last[name])}" for name in people.order]
    return (
        Exhibit(
            id="user-steps",
            title="Users along their way",
            figure=figures.course(frame, drawn.shades(people.rules), drawn.names(people.rules),
                                  since="the login was made"),
            table=Table.of(wide, id=anchors.USER_STEPS, title="Share of users in each stage",
                           columns=columns),
            alt=f"On day {integer(last['time'])}: " + "; ".join(told) + ".",
            caption="As the figure of customers above, counted from the day the login was made.",
        ),
    )  # fmt: skip
