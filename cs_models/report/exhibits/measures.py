"""What the page on adoption shows of M1 to M8: a sentence, a figure and its table each.

Grain: one function a cell.  A measure that cannot be answered shows why.
"""

from __future__ import annotations

import pandas as pd

from cs_models.learn.measures import UTILISED, Waits
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence.measure_groups import EACH
from cs_models.report.evidence.measures import Told
from cs_models.report.evidence.rules import records
from cs_models.report.figures import measures as figures
from cs_models.report.findings import measures as findings
from cs_models.report.values import integer, interval, number, percent

Shown = Statement | Exhibit | Table
ENDS = {"low": Column("from", kind="percent"), "high": Column("to", kind="percent")}
_N = Column("Customers", kind="integer")
_TICKS = [0, 30, 60, 90, 120, 150, 180]
_LIMIT = 180
_FEWEST = 10  # contracts of a month: below it one would move the line by ten points
_AFTER = 90
_FEWEST_HALVES = 2  # half-years: one alone has none to be held against
_CURVES = 3  # of features: more cannot be told apart
_WAIT = {
    "n": Column("Followed", kind="integer"), "n_reached": Column("Got there", kind="integer"),
    "median": Column("Half within", kind="number", unit="days", digits=0),
    "median_low": Column("from", kind="number", digits=0),
    "median_high": Column("to", kind="number", digits=0),
    "share_90": Column("Within 90 days", kind="percent"),
    "mean_wait": Column("Mean wait, of the first 180 days", kind="number", digits=0),
}  # fmt: skip
_WAIT_NOTE = (
    "Those not there yet count as long as they were followed, and who left first until then. No "
    "number under 'half within': fewer than half are known to have got there."
)


def adoption(told: Told) -> tuple[Shown, ...]:
    """Show how many have adopted, and how many of those entitled use the product, by month (M1)."""
    said: list[Shown] = [Statement.of("finding", *findings.adopted_parts(told), id="adopted-said")]
    if told.definition is not None:
        said.append(_adopted_by(told))
    cohorts = told.adopted[told.adopted["n"] >= _FEWEST] if len(told.adopted) else told.adopted
    if len(cohorts):
        frame = cohorts.assign(month=cohorts["cohort_month"]).tail(24)
        said.append(
            _monthly(frame, "adopted", findings.ADOPTED, "Contracts adopted, by month of the start",
                     "Contracts adopted", "Month in which the contract began")
        )  # fmt: skip
    missing = findings.why_not(told, "M1", "adoption-why")
    if missing is not None:
        return (*said, missing)
    figure = _monthly(
        told.adoption, "adoption", findings.ADOPTION, "Users active in the month, per seat",
        "Active users per user entitled", "Calendar month", known=True,
    )  # fmt: skip
    return (*said, figure, groups(told))


def _adopted_by(told: Told) -> Table:
    """Show what adopted means, and how many have: all contracts, and by segment and plan."""
    rows = told.adopted_by
    if len(rows):
        rows = rows[rows["by"].isin(["all", "segment", "plan"])]
    return Table.of(
        rows.reindex(columns=["by", "group", "value", "low", "high", "n", "n_accounts"]),
        id=findings.ADOPTED_BY, title="Contracts that had adopted, by segment and plan",
        columns={"by": Column("By"), "group": Column("Group"),
                 "value": Column("Adopted", kind="percent"), **ENDS,
                 "n": Column("Contracts", kind="integer"), "n_accounts": _N},
        note=f"Adopted means: {findings.meaning(told)}. From and to: 95 %, the customer as the "
        f"unit.{findings.short(told)}",
    )  # fmt: skip


def _monthly(
    frame: pd.DataFrame, name: str, table: str, title: str, axis: str, months: str,
    *, known: bool = False,
) -> Exhibit:  # fmt: skip
    more = {"seats_known": Column("Of it seats", kind="percent")} if known else {}
    last = records(frame)[-1]
    return Exhibit(
        id=name, title=title, figure=figures.by_month(frame, axis=axis, title=months),
        table=Table.of(
            frame, id=table, title=title,
            columns={"month": Column("Month"), "value": Column("Rate", kind="percent"), **ENDS,
                     "n": Column("Of", kind="integer"), "n_accounts": _N, **more},
            note="Entitled: seats bought; where not known, users seen in 90 days." if known else "",
        ),
        alt=f"{title}: {percent(last['value'], 1)} in {last['month']}, "
        f"{percent(records(frame)[0]['value'], 1)} in {records(frame)[0]['month']}.",
        caption="Band: 95 %, the customer as the unit.",
    )  # fmt: skip


def groups(told: Told) -> Table:
    """Show every pooled measure by segment and role."""
    own = ~told.groups["id"].isin(["M4", "M5"]) & ~told.groups["name"].str.startswith(EACH)
    frame = told.groups[own].assign(by=told.groups["by"].str.replace("_", " "))
    number_ = {"value": Column("Value", kind="number", digits=3),
               "low": Column("from", kind="number", digits=3),
               "high": Column("to", kind="number", digits=3)}  # fmt: skip
    return Table.of(
        frame[~frame["by"].isin(["cohort month", "plan"])], id=findings.GROUPS,
        title="By segment and role",
        columns={"name": Column("Measure"), "by": Column("By"), "group": Column("Group"), **number_,
                 "unit": Column("Unit"), "n": Column("Of", kind="integer"), "n_accounts": _N},
        note="All numbers over all numbers: sums of the group above and below the line, so large "
        "customers weigh what they are. By plan and by month of the start, each feature, and the "
        "days to value and to onboard by plan and half-year: tables/measures_by_group.csv.",
    )  # fmt: skip


def features(told: Told) -> tuple[Shown, ...]:
    """Show how many active users took up each feature in the last complete month (M1, M2)."""
    missing = findings.why_not(told, "M2", "features-why")
    if missing is not None or told.features.empty:
        return (missing,) if missing is not None else ()
    first, last = records(told.features)[0], records(told.features)[-1]
    return (
        Exhibit(
            id="features", title=f"Active users who used each feature, {told.period}",
            figure=figures.dots(told.features, of="feature", axis="Share of active users"),
            table=Table.of(
                told.features, id=findings.FEATURES, title="Use of each feature",
                columns={
                    "feature": Column("Feature"), "value": Column("Of active users", "percent"),
                    **ENDS, "n": Column("Active users", kind="integer"),
                    "adoption": Column("Per seat", kind="percent"),
                    "adoption_low": Column("from", kind="percent"),
                    "adoption_high": Column("to", kind="percent"), "n_accounts": _N,
                },
            ),
            alt=f"From {first['feature']} ({percent(first['value'])}) down to {last['feature']} "
            f"({percent(last['value'])}).",
            caption="Bars: 95 %, the customer as the unit. Where they overlap, do not rank.",
        ),
    )  # fmt: skip


def first_use(told: Told) -> tuple[Shown, ...]:
    """Show how long accounts and users take to first use each feature (M3)."""
    table = _waits_table(told.first_use, findings.FIRST, "Days to the first use", "feature")
    users = _users_first(told)
    ranked = told.first_use.table.sort_values("share_90", na_position="last")
    places = sorted({0, len(ranked) // 2, len(ranked) - 1} if len(ranked) else set())
    shown = [str(ranked["feature"].iloc[place]) for place in places][:_CURVES]
    if not shown:
        return (table, users)
    return (_curves(told.first_use, shown, "first-use", table, "Not used yet, by feature"), users)


def _users_first(told: Told) -> Shown:
    if told.first_use_users.empty:
        why = told.why.get("roles", "no login is young enough to be followed from its first day")
        words = f"How soon users first use each feature cannot be told: {why}."
        return Statement.of("caution", words, id="first-use-users-why")
    return Table.of(
        told.first_use_users, id="first-use-users", title="Users: first use within 90 days",
        columns={"feature": Column("Feature"), "value": Column("Within 90 days", kind="percent"),
                 **ENDS, "n": Column("Users", kind="integer"), "n_accounts": _N},
        note="From the day the login was made. " + _WAIT_NOTE,
    )  # fmt: skip


def value(told: Told) -> tuple[Shown, ...]:
    """Show how long it takes from purchase to value (M4)."""
    missing = findings.why_not(told, "M4", "value-why")
    if missing is not None:
        return (missing,)
    table = _waits_table(told.value, findings.VALUE, "Days to value", "way")
    by = Table.of(
        told.value_by, id="value-by", title="Days to value, by segment",
        columns={"way": Column("Value"), "segment": Column("Segment"), **_WAIT}, note=_WAIT_NOTE,
    )  # fmt: skip
    return (table, *_halves(told), by)


def _halves(told: Told) -> tuple[Shown, ...]:
    """Show whether the way to value shortens: half within so many days, by half-year of start."""
    every = told.value_halves.table
    mine = every[every["way"] == every["way"].iloc[0]] if len(every) else every
    drawn = mine[mine["median"].notna()]
    if len(drawn) < _FEWEST_HALVES:
        return ()
    way = str(drawn["way"].iloc[0])
    ends = [
        f"{r['half_year']}: {number(r['median'], 0)} days" for r in records(drawn.iloc[[0, -1]])
    ]
    return (
        Exhibit(
            id="value-halves", title="Days to value, by the half-year in which customers began",
            figure=figures.halves(drawn),
            table=Table.of(
                every, id="value-halves-table", title="Days to value, by half-year",
                columns={"way": Column("Value"), "half_year": Column("Began in"), **_WAIT},
                note=_WAIT_NOTE,
            ),
            alt=f"{way}, half within: {'; '.join(ends)}.",
            caption=f"Dot: half of them had got there ({way}). Bar: 95 %; one that runs to the "
            "edge has no upper end yet. Half-years of which fewer than half got there are in the "
            "table alone. Where the bars overlap, do not say that the way got shorter.",
        ),
    )  # fmt: skip


def onboarding(told: Told) -> tuple[Shown, ...]:
    """Show how many finish onboarding on time, how long it takes, and where it breaks (M5)."""
    missing = findings.why_not(told, "M5", "onboard-why")
    if missing is not None:
        return (missing,)
    table = Table.of(
        _onboarded(told), id=findings.ONBOARD, title="Days to onboard, by segment",
        columns={"segment": Column("Segment"), **_WAIT,
                 "value": Column("Done by the due date", kind="percent"), **ENDS}, note=_WAIT_NOTE,
    )  # fmt: skip
    figure = _curves(told.onboard, ["all"], "onboard", table, "Onboarding not finished yet")
    said = findings.breaks(told)
    steps = Table.of(
        told.steps, id=findings.STEPS, title="The steps, in the order in which they fall due",
        columns={
            "milestone": Column("Step"), "value": Column("On time", kind="percent"), **ENDS,
            "n": Column("Due", kind="integer"),
            "days_late": Column("Usual delay of the late", kind="number", unit="days", digits=0),
            "median": Column("Half within", kind="number", unit="days", digits=0),
            "n_reached": Column("Done", kind="integer"),
        },
        note="On time: of all whose due date has passed, done or not.",
    )  # fmt: skip
    return (*((said,) if said is not None else ()), figure, steps)


def _onboarded(told: Told) -> pd.DataFrame:
    """Return the waits of all and of each segment, with the share done by the due date."""
    parts = [told.onboard.table.assign(segment="all"), told.onboard_by]
    # What is missing of all rows has no type that the others could be held to.
    told_of = [one.dropna(axis=1, how="all") for one in parts if len(one)]
    waits = pd.concat(told_of or parts[:1], ignore_index=True).reindex(columns=parts[0].columns)
    timely = told.onboard_timely.reindex(columns=["by", "group", "value", "low", "high"])
    timely = timely[timely["by"].isin(["all", "segment"])].drop(columns="by")
    return waits.merge(timely.rename(columns={"group": "segment"}), on="segment", how="left")


def frequency(told: Told) -> tuple[Shown, ...]:
    """Show how often users come, each role beside its own rhythm (M6)."""
    missing = findings.why_not(told, "M6", "frequency-why")
    if missing is not None:
        return (missing,)
    said = findings.rhythms(told)
    weeks = {name: Column(label, kind="number", digits=0) for name, label in
             (("q25", "Rhythm from"), ("median", "middle"), ("q75", "to"),
              ("weeks_now", "Weeks today"))}  # fmt: skip
    table = Table.of(
        told.roles, id=findings.ROLES, title="How often each role comes",
        columns={
            "role": Column("Role"), "value": Column("Days in 28", kind="number", digits=1),
            "low": Column("from", kind="number", digits=1),
            "high": Column("to", kind="number", digits=1),
            "n": Column("Active users", kind="integer"), **weeks,
            "silent": Column("Silent among renewers", kind="percent"),
            "below": Column("Below the rhythm today", kind="percent"),
        },
        note="Rhythm: weeks with any use of twelve, middle half of the role's users in accounts "
        "that renewed, 90 to 118 days before. Roles are those of today. The records know no "
        "log-in: a day with any use counts as one.",
    )  # fmt: skip
    drawn = told.roles[told.roles["median"].notna()]
    sticky = Table.of(
        told.stickiness, id="stickiness", title="Users of a usual day and week",
        columns={"unit": Column("Of a usual"), "value": Column("Share", kind="percent"), **ENDS,
                 "n": Column("Users in 28 days", kind="integer")},
        note="Of the users of the last 28 days. Low is no fault where work is weekly.",
    )  # fmt: skip
    if drawn.empty:
        return (said, table, sticky)
    alt = "; ".join(
        f"{r['role']}: usual {number(r['median'], 0)}, today {number(r['weeks_now'], 0)}"
        for r in records(drawn)
    )
    figure = Exhibit(
        id="rhythm", title="Each role against its own rhythm", figure=figures.rhythm(drawn),
        table=table, alt=f"Weeks with use of 12. {alt}.",
        caption="Thick bar: the middle half in accounts that renewed. Diamond: the middle today; "
        "grey where no more users than usual stand below the bar, as far as can be told.",
    )  # fmt: skip
    return (said, figure, sticky)


def seats(told: Told) -> tuple[Shown, ...]:
    """Show how much of what was bought is used, and how engaged users are (M7)."""
    missing = findings.why_not(told, "M7", "seats-why")
    if missing is not None:
        return (missing,)
    shown = told.utilisation[told.utilisation["n_accounts"] > 0]
    figure = Exhibit(
        id="seats", title="Customers by the share of seats active in the last 28 days",
        figure=figures.utilisation(told.utilisation),
        table=Table.of(
            shown, id=findings.SEATS, title="Use of seats",
            columns={"segment": Column("Segment"), "band": Column("Seats active"),
                     "n_accounts": _N, "share": Column("Of the segment", kind="percent"),
                     "seats": Column("Seats", kind="integer")},
            note=_idle(told),
        ),
        alt="Shares of customers by band of utilisation: " + "; ".join(
            f"{r['segment']} {r['band']} {percent(r['share'])}" for r in records(shown)) + ".",
        caption=f"Bands: {', '.join(UTILISED)}. Customers whose seats are not known are left out.",
    )  # fmt: skip
    return (findings.seats(told), figure, _levels(told))


def _idle(told: Told) -> str:
    """Say what share of the seats no login ever used, and how many have more users than seats."""
    never = told.groups[(told.groups["name"] == "seats never activated")
                        & (told.groups["by"] == "all")]  # fmt: skip
    known = told.accounts[told.accounts["seats_known"].astype(bool)]
    more = (
        f"{integer(known['over_use'].sum())} of {integer(len(known))} customers have more active "
        "users than seats."
    )
    if never.empty:
        return more
    row = records(never)[0]
    return (
        f"Seats without an open login that was ever used: {percent(row['value'])} "
        f"({interval(row['low'], row['high'])}). {more}"
    )


def _levels(told: Told) -> Shown:
    if told.levels.empty:
        why = told.why.get("roles", "too few users of any role were followed to a renewal")
        words = f"Where users stand to the rhythm of their role cannot be told: {why}."
        return Statement.of("caution", words, id="levels-why")
    return Table.of(
        told.levels, id="levels", title="Users beside the rhythm of their role",
        columns={"role": Column("Role"), "level": Column("Its rhythm"),
                 "n_users": Column("Users", kind="integer"),
                 "share": Column("Of the role", kind="percent")},
        note="Within: in the middle half of the role's rhythm in accounts that renewed, by weeks "
        "with use; below and above it; no use: none in twelve weeks.",
    )  # fmt: skip


def breadth(told: Told) -> tuple[Shown, ...]:
    """Show which areas running customers never touched (M8)."""
    rows = told.areas.sort_values(["value", "feature"], ascending=[False, True], ignore_index=True)
    if rows.empty:
        words = "No feature is used by enough customers to be told apart."
        return (Statement.of("finding", words, id="areas-said"),)
    return (
        Table.of(
            rows, id=findings.AREAS, title="Running customers that never touched an area",
            columns={"feature": Column("Area"), "value": Column("Never", kind="percent"),
                     **ENDS, "numerator": Column("Customers", kind="integer"),
                     "lately": Column("Not in 84 days", kind="percent")},
            note="Never: within the recorded time. From and to: 95 %, the customer as the unit.",
        ),
    )  # fmt: skip


def _waits_table(waits: Waits, name: str, title: str, by: str) -> Table:
    return Table.of(
        waits.table, id=name, title=title, columns={by: Column(), **_WAIT}, note=_WAIT_NOTE
    )


def _curves(waits: Waits, shown: list[str], name: str, table: Table, title: str) -> Exhibit:
    steps = waits.steps[waits.steps["group"].isin(shown)]
    early = steps[(steps["time"] <= _AFTER) & steps["survival"].notna()]
    told = [
        f"{group}: {percent(own['survival'].iloc[-1])} after {_AFTER} days"
        for group, own in early.groupby("group")
    ]
    return Exhibit(
        id=name, title=title,
        figure=figures.waits(steps, limit_days=_LIMIT, ticks=_TICKS), table=table,
        alt=f"{title}. {'; '.join(told)}.",
        caption="Band: 95 %. Dotted: half. Below: customers not there yet and still followed.",
    )  # fmt: skip
