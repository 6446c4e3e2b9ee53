"""What the page on journeys shows of accounts: stages, the way, times, breaks, who is stuck.

Grain: one function a section; each returns what one cell displays.
"""

from __future__ import annotations

import pandas as pd

from cs_models.learn.journey import Breaks
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import journey_anchors as anchors
from cs_models.report.evidence.journey import Journey
from cs_models.report.evidence.journey_chances import Ahead
from cs_models.report.evidence.paying import Paying
from cs_models.report.evidence.rules import records
from cs_models.report.exhibits import journey_drawn as drawn
from cs_models.report.figures import journey as figures
from cs_models.report.findings import journey as findings
from cs_models.report.findings import paying
from cs_models.report.findings.amounts import customers
from cs_models.report.findings.journey_breaks import break_parts, called
from cs_models.report.values import integer, money, number, percent

Shown = Statement | Exhibit | Table

_ENDS = {"low": Column("from", kind="percent"), "high": Column("to", kind="percent")}
_DAYS = {"kind": "integer", "unit": "days"}


def today(followed: Journey, frame: pd.DataFrame, paid: Paying, currency: str) -> tuple[Shown, ...]:
    """Show how many accounts, and how much money, are in each stage today."""
    if followed.now.empty:
        return (Statement.of("finding", "No customer was seen on any day.", id="today-said"),)
    shown = drawn.named(frame).assign(written=[money(arr, currency) for arr in frame["arr"]])
    running = shown[~shown["stage"].isin(followed.rules.of("ended"))]
    told = [f"{row['called']}: {integer(row['n'])}" for row in records(running)]
    return (
        Exhibit(
            id="stages",
            title="Customers today, by stage",
            figure=figures.today(running, drawn.shades(followed.rules), of="customers",
                                 amount="a year"),
            table=Table.of(
                shown, id=anchors.TODAY, title="Customers today, by stage",
                columns={
                    "called": Column("Stage"), "n": Column("Customers", kind="integer"),
                    "share": Column("Of running", kind="percent"),
                    "arr": Column("ARR", kind="money", unit=currency),
                    "median_days": Column("Days in it so far, median", kind="integer"),
                    "usual": Column("Days in it, usually", kind="integer"),
                    "n_below": Column("Below the level now", kind="integer"),
                    "arr_below": Column("Their ARR", kind="money", unit=currency),
                    "n_open": Column("Not judged yet", kind="integer"),
                    "means": Column("What it means"),
                },
                note=f"{findings.sums(followed, frame, currency)} "
                f"{paying.today(paid, currency).text} Usually: the day by which "
                "half of past customers had moved on. A dash: "
                "fewer than half did while they were watched. Below the level now: the running "
                "contract did not reach the level that defines adoption in its first days, "
                "whatever was reached before.",
            ),
            alt="Customers today: " + "; ".join(told) + ".",
            caption="From the beginning of the way downwards, then what lies beside it. Beside "
            "each bar its yearly money (ARR). Former customers are in the table only.",
        ),
    )  # fmt: skip


def course(followed: Journey, frame: pd.DataFrame) -> tuple[Shown, ...]:
    """Show the share of customers in each stage over the days since they began."""
    if frame.empty:
        words = "No customer was seen from its first day: the way cannot be drawn."
        return (Statement.of("finding", words, id="course-said"),)
    read = frame[frame["time"].isin(drawn.READ)]
    wide = drawn.wide(read, followed.rules)
    last = wide.iloc[-1]
    told = [f"{called(name)} {percent(last[name])}" for name in followed.order if last[name] > 0]
    columns = {"time": Column("Day", kind="integer")}
    columns |= {name: Column(drawn.head(name), kind="percent") for name in followed.order}
    return (
        Exhibit(
            id="course",
            title="The way: share of customers in each stage since they began",
            figure=figures.course(frame, drawn.shades(followed.rules), drawn.names(followed.rules),
                                  since="the customer began"),
            table=Table.of(
                wide, id=anchors.COURSE, title="Share in each stage, by day", columns=columns,
                note="Customers who had begun before the records count from the day the records "
                "begin. Each row adds up to 100 %. For a stage of 50 % on day 90, the 95 % "
                f"interval is about {percent(_reach(frame))} on either side.",
            ),
            alt=f"On day {integer(last['time'])}: " + "; ".join(told) + ".",
            caption="Read it upwards at any day: the heights are the shares of customers that are "
            "in each stage on that day since they began; they add up to all. The lowest bands are "
            "the first steps of the way, the top ones trouble and those who left.",
        ),
    )  # fmt: skip


def adopted(frame: pd.DataFrame, why_not: str, by_day: int) -> tuple[Shown, ...]:
    """Show how many are adopted by a day, for all and by group."""
    said = findings.adopted_said(frame, why_not, by_day)
    shown = frame[frame["chance"].notna()]
    if shown.empty:
        return tuple(said)
    told = [f"{row['group']} {percent(row['chance'])}" for row in records(shown)]
    figure = Exhibit(
        id="adopted",
        title=f"Adopted by day {by_day}",
        figure=figures.adopted(shown, by_day=by_day),
        table=Table.of(
            frame, id=anchors.ADOPTED, title=f"Adopted by day {by_day}",
            columns={
                "group": Column("Customers"), "n": Column("Seen to begin", kind="integer"),
                "chance": Column("Level reached by then", kind="percent"), **_ENDS,
                "half_day": Column("Half of them by day", kind="integer"),
                "arrived": Column("Level or a goal by then", kind="percent"),
            },
            note="The level is judged in the first days of each contract. Of customers seen from "
            "their first day; who left before counts as not adopted. Half of them: a dash where "
            "fewer than half were in all the time watched.",
        ),
        alt=f"Adopted by day {by_day}: " + "; ".join(told) + ".",
        caption="Dots with 95 % intervals. Customers not watched for so long count for as long as "
        "they were.",
    )  # fmt: skip
    return (*said, figure)


def lasting(followed: Journey, frame: pd.DataFrame) -> tuple[Shown, ...]:
    """Show how long each stage lasts."""
    said = findings.lasting_said(frame)
    shown = drawn.named(frame[frame["median"].notna()])
    table = Table.of(
        drawn.named(frame), id=anchors.LASTING, title="Days in each stage",
        columns={
            "called": Column("Stage"), "n": Column("Stays seen to begin", kind="integer"),
            "n_moved": Column("Moved on", kind="integer"),
            "n_open": Column("Still in it", kind="integer"),
            "median": Column("Half moved on by day", kind="integer"),
            "low": Column("from", kind="integer"), "high": Column("to", kind="integer"),
            "long": Column("Three in four by day", kind="integer"),
        },
        note="Those still in a stage count for as long as they have been there: a mean over those "
        "who moved on would forget the slow. A dash: not reached while ten were watched.",
    )  # fmt: skip
    if shown.empty:
        return (said, table)
    told = [f"{row['called']} {number(row['median'], 0)} days" for row in records(shown)]
    figure = Exhibit(
        id="lasting", title="How long a stage lasts",
        figure=figures.lasting(_closed(shown), drawn.shades(followed.rules)), table=table,
        alt="Half moved on after: " + "; ".join(told) + ".",
        caption="Dot: half have moved on, with its 95 % interval, the customer as the unit. Tick: "
        "three in four have; who stays longer is called stuck below.",
    )  # fmt: skip
    return (said, figure)


def ahead(followed: Journey, found: Ahead) -> tuple[Shown, ...]:
    """Show where those in each stage are some time later."""
    said = findings.ahead_said(found)
    days = found.until - found.since
    if found.table.empty:
        words = f"Too few customers were seen on day {found.since} to follow them further."
        return (*said, Statement.of("finding", words, id="ahead-said"))
    rules = followed.rules
    wide = found.table.pivot_table(index=["stage", "n"], columns="to", values="chance")
    wide = wide.reindex(columns=list(rules.order)).reset_index()
    order = {name: place for place, name in enumerate(rules.order)}
    wide = drawn.named(wide.sort_values("stage", key=lambda names: names.map(order)))
    columns = {"called": Column(f"On day {found.since}"), "n": Column("Seen", kind="integer")}
    columns |= {name: Column(drawn.head(name), kind="percent") for name in rules.order}
    told = [
        f"of {called(row['stage'])}, {percent(row[row['stage']])} are still there"
        for row in records(wide)
    ]
    figure = Exhibit(
        id="ahead",
        title=f"Where customers of day {found.since} are {days} days later",
        figure=figures.ahead(found.table, drawn.shades(rules), drawn.names(rules), days=days),
        table=Table.of(
            wide, id=anchors.AHEAD, columns=columns,
            title=f"Stage on day {found.until}, by stage on day {found.since} since they began",
            note="Each row adds up to 100 %. Stages with fewer than ten customers on that day are "
            "left out.",
        ),
        alt=f"{days} days later: " + "; ".join(told) + ".",
        caption="One bar a stage, parted by where its customers were later.",
    )  # fmt: skip
    return (*said, figure, *_past(found))


def breaks(broken: Breaks, currency: str) -> tuple[Shown, ...]:
    """Show which moves off the way are more than was to be expected."""
    said = Statement.of("finding", *break_parts(broken, currency), id="breaks-said")
    if broken.table.empty:
        return (said,)
    rates = _loss_rates(broken)
    losses = _broken(broken.losses)
    apart = (_passing(broken),) if len(broken.passing) else ()
    if losses.empty:
        return (said, *apart, rates)
    told = [f"{row['label']} {number(row['excess'], 0)}" for row in records(losses)]
    figure = Exhibit(
        id="breaks",
        title="Customers lost beyond what was to be expected",
        figure=figures.breaks(losses),
        table=Table.of(
            losses, id=anchors.BREAKS, title="Where customers are lost",
            columns={
                **_BROKEN,
                "arr_excess": Column("ARR too much", kind="money", unit=currency),
                "arr_low": Column("from", kind="money", unit=currency),
                "arr_high": Column("to", kind="money", unit=currency),
            },
            note="Expected: if customers of the same age were lost from all stages at one rate. p: "
            "how often chance would show as large a difference anywhere in this table or the "
            "next. ARR: a dash where its interval holds nought.",
        ),
        alt="Lost beyond what was expected: " + "; ".join(told) + ".",
        caption="Dots with intervals that hold for all moves together, since the worst of many is "
        "picked. Grey: chance alone would do it. Which stage it happens in does not say why.",
    )  # fmt: skip
    return (said, figure, rates, *apart)


_BROKEN = {
    "label": Column("Move"), "n_accounts": Column("Customers", kind="integer"),
    "observed": Column("Moved", kind="integer"),
    "expected": Column("Expected", kind="number", digits=0),
    "excess": Column("Too many", kind="number", digits=0),
    "low": Column("from", kind="number", digits=0),
    "high": Column("to", kind="number", digits=0),
    "p_adjusted": Column("p of all together", kind="number", digits=3),
}  # fmt: skip


def _loss_rates(broken: Breaks) -> Table:
    """Show how often each stage loses customers, by the day."""
    return Table.of(
        drawn.named(broken.rates), id=anchors.RATES, title="Lost for each 1,000 days in a stage",
        columns={
            "called": Column("Stage"), "days": Column("Days of customers", kind="integer"),
            "lost": Column("Lost", kind="integer"),
            "per_1000_days": Column("Lost for each 1,000 days", kind="number", digits=2),
            "low": Column("from", kind="number", digits=2),
            "high": Column("to", kind="number", digits=2),
        },
        note="Lost: asked to cancel, let the contract run out, or ended it. 95 % intervals, the "
        "customer as the unit. Ages differ from stage to stage, which this does not allow for.",
    )  # fmt: skip


def _passing(broken: Breaks) -> Table:
    """Show the moves into trouble that passes, with the share that came back."""
    return Table.of(
        _broken(broken.passing), id=anchors.PASSING, title="Trouble that passes",
        columns={**_BROKEN, "back": Column("Came back to the way", kind="percent")},
        note="Moves into stages beside the way from which customers return. Came back: of those "
        "who moved on from the trouble. p as above. Volumes of use are not held alike: where use "
        "is low, it falls by a share more often by chance.",
    )  # fmt: skip


def _broken(table: pd.DataFrame) -> pd.DataFrame:
    """Add what figure and table of the moves need."""
    frame = table.assign(
        label=[f"{called(a)} to {called(b)}" for a, b in
               zip(table["stage"], table["to"], strict=True)],
    )  # fmt: skip
    fewer = frame["high"] < 0
    frame["role"] = [
        "churned" if clear else "above" if less else "noise"
        for clear, less in zip(frame["clear"], fewer, strict=True)
    ]
    sure = (frame["arr_low"] > 0) | (frame["arr_high"] < 0)
    parts = ["arr_excess", "arr_low", "arr_high"]
    return frame.assign(**{name: frame[name].where(sure) for name in parts})


def stuck(frame: pd.DataFrame, after: pd.DataFrame, currency: str) -> tuple[Shown, ...]:
    """Show who has been in an early stage for longer than three in four were."""
    said = findings.stuck_said(frame, after, currency)
    if frame.empty:
        return tuple(said)
    table = Table.of(
        drawn.named(frame), id=anchors.STUCK, title="Stuck, the most money first",
        columns={
            "account_name": Column("Customer"), "account_id": Column("Id"),
            "group": Column("Group"), "called": Column("Stage"),
            "entered_on": Column("Since", kind="date"),
            "days": Column("Days in it", kind="integer"),
            "usual": Column("Usually", kind="integer"),
            "arr": Column("ARR", kind="money", unit=currency),
            "onboarding_overdue_steps__to_date": Column("Steps overdue", kind="integer"),
            "goals_reached__to_date": Column("Goals reached", kind="integer"),
            "days_without_use": Column("Days without use", kind="integer"),
            "days_to_renewal": Column("Days to renewal", kind="integer"),
        },
        note=f"{customers(len(frame))}, with {money(frame['arr'].sum(), currency)} a "
        "year. The "
        "whole list is in tables/stuck.csv.", at_most=50,
    )  # fmt: skip
    return (*said, table, *_after(after))


def _after(frame: pd.DataFrame) -> tuple[Table, ...]:
    if frame.empty:
        return ()
    return (
        Table.of(
            drawn.named(frame), id=anchors.AFTER, title="Lost in the year after the long day",
            columns={
                "called": Column("Stage"), "day": Column("Day in it", kind="integer"),
                "n_long": Column("Still in it", kind="integer"),
                "long": Column("of these lost", kind="percent"),
                "n_moved": Column("Come further, level not reached", kind="integer"),
                "moved": Column("of these lost ", kind="percent"),
                "low": Column("Difference from", kind="percent"),
                "high": Column("to", kind="percent"), "p": Column("p", kind="number", digits=3),
            },
            note="All are looked at on one day after entering the stage, and the year after it is "
            "known. Compared within customers of one group, age and days to the renewal, none of "
            "whom had reached the level: an early stage is left by reaching it, and who renews "
            "more at the level is told elsewhere. Who had come further is counted as if spread "
            "over these as the others are.",
        ),
    )  # fmt: skip


def _past(found: Ahead) -> tuple[Shown, ...]:
    table = found.past.table
    if table.empty:
        return ()
    frame = table.sort_values("p_adjusted")
    frame["move"] = [f"{called(a)} to {called(b)}" for a, b in
                     zip(frame["stage"], frame["to"], strict=True)]  # fmt: skip
    return (
        Table.of(
            frame, id=anchors.PAST, title="Does the past go with the next move?",
            columns={
                "move": Column("Move"), "n": Column("Stays", kind="integer"),
                "n_moved": Column("Moved", kind="integer"),
                "p": Column("p", kind="number", digits=4),
                "p_adjusted": Column("p, for so many moves", kind="number", digits=4),
            },
            note="For each move, customers of the same age are compared by the day on which they "
            "entered the stage and by the stage before (a likelihood-ratio test). p: how often "
            "chance would show as much; the second allows for the number of moves asked about.",
        ),
    )  # fmt: skip


def _closed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return intervals whose open ends are drawn as far as the dot."""
    return frame.assign(
        low=frame["low"].fillna(frame["median"]), high=frame["high"].fillna(frame["median"])
    )


def _reach(frame: pd.DataFrame) -> float:
    """Return half of the widest interval on day 90, or on the last day before it."""
    own = frame[frame["time"] <= 90]
    own = own[own["time"] == own["time"].max()]
    return float(((own["high"] - own["low"]) / 2).max())
