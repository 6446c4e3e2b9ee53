"""What the page on time to churn shows of curves: staying, renewals, groups, causes.

Grain: one function a section; each returns what one cell displays.
"""

from __future__ import annotations

import pandas as pd

from cs_models.learn.survival import Curves
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import survival as evidence
from cs_models.report.evidence import survival_anchors as anchors
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.survival import History, Untold
from cs_models.report.evidence.survival_groups import Groups
from cs_models.report.figures import survival as figures
from cs_models.report.findings import survival as findings
from cs_models.report.values import number, percent

Shown = Statement | Exhibit | Table

MONTHS = "Months since the customer began"
_YEAR = 12
_ON = 0.4  # of the way to the next renewal
_ENDS = {"low": Column("from", kind="percent"), "high": Column("to", kind="percent")}
_WATCHED = Column("Watched then", kind="integer")


def stay(past: History) -> tuple[Shown, ...]:
    """Show the curve of all customers over the months, and over renewals."""
    lives = past.lifetimes
    if lives.empty:
        return (Statement.of("finding", "No customer's time was recorded.", id="stay-said"),)
    curves = evidence.curves(lives)
    if curves.summary["last_time"].isna().all():
        return tuple(findings.stay(lives, curves))
    figure = over_months(
        curves, lives, id="curve", table=anchors.CURVE, title="Still customers, by month",
        alone=True, note=" ".join(one.text for one in findings.stay(lives, curves)[:2]) + " ",
    )  # fmt: skip
    return (*findings.stay(lives, curves), figure)


def by_renewal(renewals: pd.DataFrame) -> tuple[Shown, ...]:
    """Show how many are still there after each renewal, and how many are lost at each."""
    if renewals.empty:
        words = "No length of contract has a renewal that ten customers have come to."
        return (Statement.of("finding", words, id="renewals-said"),)
    named = renewals.assign(group=renewals["months"].map(findings.contract))
    return (_after(named), _risk(named))


def sorted_out(own: pd.DataFrame, fit: object) -> tuple[Shown, ...]:
    """Show whether rising renewal is more than the likely leavers going first.

    Parameters
    ----------
    own : DataFrame
        Renewals of the commonest length of contract.
    fit : Sorting or Untold
    """
    if own.empty:
        words = "Nothing can be said of this before ten customers have come to a renewal."
        return (Statement.of("finding", words, id="sorting-said"),)
    said = findings.sorting(own, fit)  # type: ignore[arg-type]
    if isinstance(fit, Untold):
        return (said,)
    frame = evidence.sorted_frame(own, fit)  # type: ignore[arg-type]
    told = [f"{percent(row['rate'])} at renewal {row['opportunity']} "
            f"({percent(row['expected'])} expected)" for row in records(frame)]  # fmt: skip
    figure = Exhibit(
        id="sorting",
        title=f"Renewed, of {findings.contract(own['months'].iloc[0])} that came to it",
        figure=figures.sorting(frame),
        table=Table.of(
            frame, id=anchors.SORTING, title="Renewed, and expected if nobody ever changed",
            columns={
                "opportunity": Column("Renewal", kind="integer"),
                "at_risk": Column("Came to it", kind="integer"),
                "rate": Column("Renewed", kind="percent"), **_ENDS,
                "expected": Column("If nobody changed", kind="percent"),
            },
        ),
        alt="Share renewed: " + "; ".join(told) + ".",
        caption="Dots: what was renewed, with 95 % intervals. Dashed: what it would be if "
        "customers differ from the first day and none ever changes.",
    )  # fmt: skip
    return (said, figure)


def groups(past: History, found: Groups | Untold) -> tuple[Shown, ...]:
    """Show the curves of the groups, the months they keep, and how far they are apart."""
    said = findings.groups(found)
    if isinstance(found, Untold):
        return tuple(said)
    lives = past.lifetimes
    own = lives[~lives["group"].isin(found.left_out)]
    figure = over_months(
        found.curves, own, id="groups", table=anchors.GROUPS, title="Still customers, by group",
        alone=False, apart=found.p <= findings.CLEAR,
    )  # fmt: skip
    months = {name: Column(label, kind="number", digits=1) for name, label in
              (("low", "from"), ("high", "to"))}  # fmt: skip
    tau = number(found.means["tau"].iloc[0], 0)
    return (
        *said,
        figure,
        Table.of(
            found.means, id=anchors.MEANS, title=f"Months kept, of the first {tau}",
            columns={
                "group": Column("Customers"), "n": Column("How many", kind="integer"),
                "n_events": Column("Lost", kind="integer"),
                "mean": Column("Months kept", kind="number", digits=1), **months,
            },
            note="The mean over all customers that began, those still there included: the area "
            "under the curve. A mean over those that left would forget the loyal.",
        ),
        Table.of(
            found.differences, id=anchors.PAIRS, title="Groups against each other",
            columns={
                "group": Column("Customers"), "against": Column("Against"),
                "difference": Column("Months more", kind="number", digits=1), **months,
                "p": Column("p of the pair", kind="number", digits=4),
            },
            note="p: how often chance alone would show as large a difference between these two; "
            "it makes no allowance for the number of pairs.",
        ),
    )  # fmt: skip


def causes(frame: pd.DataFrame, by: pd.DataFrame) -> tuple[Shown, ...]:
    """Show the share lost over the months, cause on cause.

    Parameters
    ----------
    frame, by : DataFrame
        What ``evidence.survival_groups.causes`` and ``causes_by`` returned.
    """
    said = findings.causes(by)
    if by.empty or by["month"].iloc[0] < 1:
        return (said,)
    told = [f"{row['cause']} {percent(row['incidence'], 1)}" for row in records(by)]
    figure = Exhibit(
        id="causes-figure",
        title="Lost, by how",
        figure=figures.causes(frame, ticks=_ticks(float(frame["time"].max()))),
        table=_thinned(frame),
        alt=f"Share lost within {number(by['month'].iloc[0], 0)} months: " + "; ".join(told) + ".",
        caption="The heights add up to all that were lost. Flat stretches are the months between "
        "renewals.",
    )
    return (said, figure, _causes_by(by))


def _causes_by(by: pd.DataFrame) -> Table:
    return Table.of(
        by, id=anchors.CAUSES_BY, title="Lost, by how",
        columns={
            "cause": Column("How"), "n": Column("Customers, at any time", kind="integer"),
            "month": Column("By month", kind="integer"),
            "incidence": Column("Lost so", kind="percent"), **_ENDS,
            "alone": Column("Taken alone", kind="percent"),
        },
        note=f"Lost in all by then: {percent(by['incidence'].sum())}; taken alone they would "
        "add up to "
        f"{percent(by['alone'].sum())}. Taken alone: what would be read if customers lost in "
        "other ways were treated as "
        "if they might still be lost in this one.",
    )  # fmt: skip


def counted(counts: dict[str, int]) -> Table:
    """Show what the page was made from."""
    words = {
        "n_customers": "customers", "n_lost": "of these lost", "n_left_by_choice": "by choice",
        "n_entered_late": "had begun before the records", "n_renewals": "renewals that came",
        "n_running_terms": "contracts that run today",
    }  # fmt: skip
    told = [(words[name], n) for name, n in counts.items()]
    told.append(("still there", counts["n_customers"] - counts["n_lost"]))
    frame = pd.DataFrame(told, columns=["what", "n"])
    return Table.of(
        frame, id=anchors.COUNTS, title="What this was learnt from",
        columns={"what": Column("What"), "n": Column("How many", kind="integer")},
        note="A customer won back counts anew. A contract in the middle of its term has no "
        "opportunity to leave and is not counted.",
    )  # fmt: skip


def over_months(
    curves: Curves,
    lives: pd.DataFrame,
    *,
    id: str,  # noqa: A002 - the word that the page uses
    table: str,
    title: str,
    alone: bool,
    apart: bool = True,
    note: str = "",
) -> Exhibit:
    """Show the share still there over the months, with how many were watched below.

    Parameters
    ----------
    curves : Curves
        With a group each, or of all.
    lives : DataFrame
        ``History.lifetimes`` that they were made from.
    id, table, title : str
        Anchors of figure and table, and heading.
    alone : bool
        One curve, which needs no name.
    """
    steps = curves.steps[~curves.steps["suppressed"]]
    watched = curves.at(evidence.moments(lives))
    if alone:
        steps, watched = (frame.assign(group="watched") for frame in (steps, watched))
    shown = watched[watched["survival"].notna()]
    told = [
        f"{'' if alone else row['group'] + ' '}{percent(row['survival'])} after "
        f"{number(row['time'], 0)} months" for row in records(shown) if row["time"] > 0
    ]  # fmt: skip
    group = {} if alone else {"group": Column("Customers")}
    return Exhibit(
        id=id,
        title=title,
        figure=figures.curves(
            steps, watched, axis=MONTHS, ticks=_ticks(float(lives["months"].max())), apart=apart
        ),
        table=Table.of(
            watched, id=table, title=f"{title}: read half-way between anniversaries",
            columns={
                **group, "time": Column("Month", kind="integer"), "at_risk": _WATCHED,
                "survival": Column("Still customers", kind="percent"), **_ENDS,
            },
            note=f"{note}Nothing is said where fewer than ten customers were watched.",
        ),
        alt="Still customers: " + ("; ".join(told) or "too few to say") + ".",
        caption="The line falls only where customers left, mostly at anniversaries, and is flat "
        "in between: nothing is drawn that did not happen. Band: 95 % interval. Below: customers "
        "watched at that time; the line ends where fewer than ten were.",
    )  # fmt: skip


def _after(named: pd.DataFrame) -> Exhibit:
    start = named.drop_duplicates("group").assign(
        opportunity=0, survival=1.0, survival_low=1.0, survival_high=1.0, left=0
    )
    steps = pd.concat([start, named]).sort_values(["months", "opportunity"])
    steps = steps.rename(columns={"opportunity": "time"}).assign(
        low=steps["survival_low"], high=steps["survival_high"]
    )
    steps = steps[steps["survival_low"].notna()]
    # What was left after the last renewal holds until the next one.
    last = steps.drop_duplicates("group", keep="last")
    steps = pd.concat([steps, last.assign(time=last["time"] + _ON)])
    watched = named.rename(columns={"opportunity": "time"})[["group", "time", "at_risk"]]
    told = [
        f"{row['group']}: {percent(row['survival'])} after renewal {row['opportunity']}"
        for row in records(named)
    ]
    return Exhibit(
        id="renewals",
        title="Still customers, by renewal",
        figure=figures.curves(
            steps, watched, axis="Renewals behind them",
            ticks=sorted({0, *named["opportunity"].tolist()}),
        ),
        table=Table.of(
            named, id=anchors.RENEWALS, title="Still customers after each renewal",
            columns={
                "group": Column("Contracts"), "opportunity": Column("Renewal", kind="integer"),
                "at_risk": Column("Came to it", kind="integer"),
                "left": Column("Lost at it", kind="integer"),
                "survival": Column("Still there after it", kind="percent"),
                "survival_low": _ENDS["low"], "survival_high": _ENDS["high"],
            },
            note="Of those that began with such a contract. Renewals that fewer than ten came to "
            "are left out; no more than six are shown.",
        ),
        alt="; ".join(told) + ".",
        caption="The same time counted in renewals. Lengths of contract are kept apart: monthly "
        "customers come to many renewals and lose few at each. Below: contracts that came to it.",
    )  # fmt: skip


def _risk(named: pd.DataFrame) -> Exhibit:
    told = [
        f"{row['group']}, renewal {row['opportunity']}: {percent(row['hazard'])}"
        for row in records(named)
    ]
    return Exhibit(
        id="risk",
        title="Lost at each renewal, of those that came to it",
        figure=figures.risk(named),
        table=Table.of(
            named, id=anchors.RISK, title="Lost at each renewal",
            columns={
                "group": Column("Contracts"), "opportunity": Column("Renewal", kind="integer"),
                "at_risk": Column("Came to it", kind="integer"),
                "left": Column("Lost", kind="integer"),
                "hazard": Column("Share lost", kind="percent"), **_ENDS,
            },
        ),
        alt="Share lost: " + "; ".join(told) + ".",
        caption="Each dot with its 95 % interval, the customer as the unit. A contract that ended "
        "before its renewal date counts at that renewal.",
    )  # fmt: skip


def _ticks(last: float) -> list[float]:
    return [float(month) for month in range(0, int(last) + _YEAR, _YEAR)]


def _thinned(frame: pd.DataFrame) -> Table:
    """Return the curves of the causes as a table, a row a half-year."""
    halves = frame.assign(half=(frame["time"] // (_YEAR / 2)) * (_YEAR / 2))
    rows = halves.drop_duplicates(["cause", "half"], keep="last")
    return Table.of(
        rows, id=anchors.CAUSES, title="Lost over the months, by how",
        columns={
            "cause": Column("How"), "time": Column("Month", kind="integer"),
            "at_risk": _WATCHED, "incidence": Column("Lost so", kind="percent"), **_ENDS,
        },
        note="The last reading of each half-year.",
    )  # fmt: skip
