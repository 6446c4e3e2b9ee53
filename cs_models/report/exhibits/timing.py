"""What notebook 02 shows of time: how early is enough, and whether the gap lasts.

Grain in: the frames of ``report/evidence/timing.py``.  Grain out: display objects; sentences and
figures read the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import anchors
from cs_models.report.evidence import timing as evidence
from cs_models.report.evidence.rules import records
from cs_models.report.figures import timing as figures
from cs_models.report.findings import timing as findings
from cs_models.report.values import points

Shown = Sequence[Exhibit | Statement | Table]
_GAP = {
    "lift": Column("Gap", kind="points"),
    "low": Column("from", kind="points"),
    "high": Column("to", kind="points"),
}
_YES = {True: "yes", False: "no"}


def how_early(by_day: pd.DataFrame) -> Shown:
    """Show what each rule's use tells when it is read on other days.

    Parameters
    ----------
    by_day : DataFrame
        What ``evidence.by_day`` returned.

    Returns
    -------
    sequence of Exhibit or Statement
        A sentence a rule, and one figure where anything could be read.
    """
    said = findings.how_early(by_day)
    table = _days_table(by_day)
    drawn = by_day[by_day["lift"].notna()]
    if drawn.empty:
        return (*said, *([table] if len(by_day) else []))
    told = [
        f"{row['group']}, day {row['day']}: {points(row['lift'], 0)} points"
        for row in records(drawn)
    ]
    return (
        *said,
        Exhibit(
            id="early",
            title="What the use tells, by the day on which it is read",
            figure=figures.by_day(drawn),
            table=table,
            alt="Gap in renewal among customers held out. " + "; ".join(told) + ".",
            caption="Filled: tells as much as the best day, as far as this history can say. Bars: "
            "95 % intervals. Each day has its own customers: those whose term was still open.",
        ),
    )


def _days_table(by_day: pd.DataFrame) -> Table:
    frame = by_day.assign(
        enough=by_day["enough"].map(_YES),
        own=(by_day["day"] == by_day["own_day"]).map(_YES),
    )
    return Table.of(
        frame,
        id=anchors.EARLY,
        title="Renewal gap by the day on which the use is read",
        columns={
            "group": Column("Who"),
            "day": Column("Day", kind="integer"),
            "n_terms": Column("Terms", kind="integer"),
            "n_churned": Column("Lost", kind="integer"),
            "cut": Column("Level", kind="number"),
            **_GAP,
            "explained": Column("Explained", kind="percent"),
            "enough": Column("As much as the best"),
            "own": Column("Day of the rule"),
        },
        note="The level is found anew on each day. Gap: points of renewal within like customers, "
        "the level chosen on some customers and measured on others. Explained: share of what "
        "segment and contract length leave open. A day tells as much as the best one when, on the "
        "terms that both have, it loses no more than one standard error against it.",
    )


def lasting(last: pd.DataFrame, quarters: pd.DataFrame) -> Shown:
    """Show whether each rule's gap is there in the newest renewals, and quarter by quarter.

    Parameters
    ----------
    last, quarters : DataFrame
        What ``evidence.lasting`` and ``evidence.quarters`` returned.

    Returns
    -------
    sequence of Exhibit, Statement or Table
    """
    said = findings.lasting(last)
    if last.empty:
        return said
    table = Table.of(
        last,
        id=anchors.LASTING,
        title="Learnt a year ago, tested on the renewals since",
        columns={
            "group": Column("Who"),
            "verdict": Column("Does it last"),
            "cut": Column("Level, learnt a year ago", kind="number"),
            "lift_before": Column("Gap before, held out", kind="points"),
            "lift": Column("Gap since", kind="points"),
            "low": Column("from", kind="points"),
            "high": Column("to", kind="points"),
            "n_newest": Column("Terms since", kind="integer"),
            "n_lost_newest": Column("Lost", kind="integer"),
        },
        note="The feature and its window were found in the whole history; the level was chosen "
        "among the renewals known a year before. Held: the interval since holds a gap. Faded: it "
        "does not, and it excludes the gap of before.",
    )
    if quarters.empty:
        return (*said, table)
    newest = quarters[quarters["when"] == evidence.NEWEST]
    told = [
        f"{row['group']}, {row['period']}: {points(row['lift'], 0)} points"
        for row in records(newest)
    ]
    figure = Exhibit(
        id="quarters",
        title="The gap in renewal, quarter by quarter",
        figure=figures.quarters(quarters, newest=evidence.NEWEST),
        table=Table.of(
            quarters,
            id=anchors.QUARTERS,
            title="The gap by quarter of renewal",
            columns={
                "group": Column("Who"),
                "period": Column("Renewals of"),
                "when": Column("Judged by"),
                "n_terms": Column("Terms", kind="integer"),
                "n_churned": Column("Lost", kind="integer"),
                **_GAP,
            },
        ),
        alt="Gap in renewal by quarter; the newest: " + ("; ".join(told) or "none") + ".",
        caption="Grey: quarters the announced level was learnt from, so their gaps flatter it. "
        "Coloured: renewals of the last year, judged by the level of a year before. One quarter "
        "has few terms: look at the run of dots, not at one.",
    )
    return (*said, figure, table)
