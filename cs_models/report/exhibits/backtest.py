"""What notebook 07 shows: past quarters, lists, the last list by name, drift.

Grain in: the frames of ``report/evidence/backtest.py`` and ``drifted.py``.  Grain out: display
objects; sentences and figures read the same frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cs_models.learn.revenue import QuarterBacktest
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import places
from cs_models.report.evidence.backtest import RANDOM
from cs_models.report.evidence.rules import records
from cs_models.report.figures import backtest as figures
from cs_models.report.findings import backtest as findings
from cs_models.report.findings.amounts import about
from cs_models.report.values import integer, interval, number, percent

Shown = Sequence[Exhibit | Statement | Table]
DRAWN = 15  # columns in the figure of drift; the table has more
YES = {True: "yes", False: "no"}
LEFT = {0.0: "stayed", 1.0: "left"}


def scored(found: QuarterBacktest | None, currency: str) -> Shown:
    """Show each past quarter's forecast beside what came true, in contracts and ARR."""
    said = findings.scored(found)
    if found is None or found.quarters.empty:
        return said
    rows = found.quarters
    table = Table.of(
        rows.assign(n_churn_in=rows["n_churn_hit"].map(YES), loss_in=rows["loss_hit"].map(YES),
                    grr_in=rows["grr_hit"].map(YES)),
        id=places.SCORED,
        title="What would have been said, and what came true",
        columns={
            "label": Column("Said in"),
            "first_end": Column("Renewals from", kind="date"),
            "last_end": Column("to", kind="date"),
            "n_due": Column("Contracts", kind="integer"),
            "n_churn_p10": Column("Leave, said from", kind="integer"),
            "n_churn_p90": Column("to", kind="integer"),
            "n_churn_actual": Column("left", kind="integer"),
            "n_churn_in": Column("inside"),
            "loss_p10": Column("ARR lost, said from", kind="money", unit=currency),
            "loss_p90": Column("to", kind="money", unit=currency),
            "loss_actual": Column("lost", kind="money", unit=currency),
            "loss_in": Column("inside"),
            "grr_p10": Column("Kept, said from", kind="percent", digits=0),
            "grr_p90": Column("to", kind="percent", digits=0),
            "grr_actual": Column("kept", kind="percent", digits=0),
            "grr_in": Column("inside"),
        },
        note="From and to: where it would have ended eight times in ten. Each quarter is told with "
        "what was known on its first day, about customers who were in doubt on their day of "
        "decision. Part: a quarter of which not all is known yet; it holds only renewals whose "
        f"outcome is.{_share_inside(found)}",
    )  # fmt: skip
    skipped = (
        [Table.of(
            found.skipped, id="skipped", title="Quarters not judged",
            columns={"label": Column("Said in"), "n_due": Column("Contracts", kind="integer"),
                     "reason": Column("Why")},
        )]
        if len(found.skipped) else []
    )  # fmt: skip
    return (
        *said,
        _interval("left", "n_churn", "Contracts that left", "contracts that left", rows, table),
        _interval(
            "lost", "loss", f"ARR that left, {currency} a year", "ARR that left", rows,
            _short(rows, currency),
        ),
        *skipped,
    )  # fmt: skip


def _interval(
    name: str, measure: str, axis: str, words: str, rows: pd.DataFrame, table: Table
) -> Exhibit:
    drawn = rows.rename(
        columns={f"{measure}_p10": "low", f"{measure}_p90": "high", f"{measure}_actual": "actual",
                 f"{measure}_hit": "hit"}
    )  # fmt: skip
    told = [
        f"{row['label']}: said {integer(row['low'])} to {integer(row['high'])}, came "
        f"{integer(row['actual'])}"
        for row in records(drawn)
    ]
    return Exhibit(
        id=name, title=f"Said and come true: {words}", figure=figures.scored(drawn, axis=axis),
        table=table, alt="; ".join(told) + ".",
        caption="A dot inside its bar: it came as said. By the quarter in which was decided; the "
        "renewals follow.",
    )  # fmt: skip


def _short(rows: pd.DataFrame, currency: str) -> Table:
    return Table.of(
        rows.assign(loss_in=rows["loss_hit"].map(YES)),
        id="lost-table",
        title="ARR that left",
        columns={
            "label": Column("Said in"),
            "due_arr": Column("ARR due", kind="money", unit=currency),
            "loss_p10": Column("Said from", kind="money", unit=currency),
            "loss_p50": Column("middle", kind="money", unit=currency),
            "loss_p90": Column("to", kind="money", unit=currency),
            "loss_actual": Column("Lost", kind="money", unit=currency),
            "loss_in": Column("inside"),
        },
    )


def groups(frame: pd.DataFrame, by: str | None) -> Shown:
    """Show whether the chances were honest in every group; nothing where none are asked for."""
    if frame.empty:
        return ()
    named = str(by).replace("_", " ")
    return (
        Table.of(
            frame,
            id="groups-honest",
            title=f"Expected and left, by {named}",
            columns={
                "group": Column(named[:1].upper() + named[1:]),
                "n": Column("Contracts", kind="integer"),
                "expected": Column("Expected to leave", kind="number", digits=1),
                "churned": Column("Left", kind="integer"),
                "ratio": Column("Left for each expected", kind="number", digits=2),
                "low": Column("from", kind="number", digits=2),
                "high": Column("to", kind="number", digits=2),
            },
            note="From and to: 95 % interval. One that holds 1 is within what chance allows.",
        ),
    )


def levels(honest: Mapping[str, Any]) -> Shown:
    """Show quarter by quarter whether as many left as expected, and by how likely it was said."""
    said = findings.levels(honest)
    chart, groups = honest["chart"], honest["groups"]
    if chart.empty:
        return said
    table = Table.of(
        chart.assign(out=chart["outside"].map(YES), strict=(~chart["alone"]).map(YES)),
        id=places.ORIGINS,
        title="Expected and left, quarter by quarter",
        columns={
            "label": Column("Said in"),
            "n": Column("Contracts", kind="integer"),
            "n_churned": Column("Left", kind="integer"),
            "observed": Column("Share that left", kind="percent"),
            "expected": Column("Expected", kind="percent"),
            "low": Column("Limit, low", kind="percent"),
            "high": Column("Limit, high", kind="percent"),
            "out": Column("Beyond"),
            "strict": Column("by luck alone"),
        },
        note=f"{_strict(chart)}Limits: three standard deviations of chance, widened by the swing "
        "that past quarters have shown as a whole. The outcome is known some weeks after the "
        "renewal, so a change shows here a quarter or two late. Part: a quarter of which not all "
        "is known yet.",
    )
    told = [
        f"{row['label']}: {percent(row['observed'])} left, {percent(row['expected'])} expected"
        for row in records(chart)
    ]
    figure = Exhibit(
        id="levels", title="Do as many leave as was said?", figure=figures.levels(chart),
        table=table, alt="; ".join(told) + ".",
        caption="Grey: the limits within which chance and the usual swing keep a quarter.",
    )  # fmt: skip
    return (*said, figure, _groups(groups, honest))


def _strict(chart: pd.DataFrame) -> str:
    """Say how many quarters are off when no swing is allowed for, as page 03 counts."""
    n = integer(int((~chart["alone"]).sum()))
    return (
        f"By luck alone: the expected share lies outside the 95 % interval of the share that left, "
        f"as 03_churn_predictors counts; {n} of {integer(len(chart))} quarters. "
    )


def _together(honest: Mapping[str, Any]) -> str:
    """Say of all past quarters together how many were expected to leave and how many did."""
    told = (
        f"All past quarters together: of {integer(honest['n'])} contracts "
        f"{integer(honest['expected'])} were expected to leave and {integer(honest['churned'])} did"
    )
    if pd.isna(honest["low"]):
        return f"{told}. "
    between = interval(honest["low"], honest["high"], "number", 2)
    slope = honest["spread"]
    spread = (
        ""
        if pd.isna(slope["low"])
        else f"Spread: {number(slope['value'], 2)} "
        f"({interval(slope['low'], slope['high'], 'number', 2)}); one is right, above one high "
        "chances were too low and low ones too high. "
    )
    return f"{told}: {number(honest['ratio'], 2)} for each one expected ({between}). {spread}"


def _groups(groups: pd.DataFrame, honest: Mapping[str, Any]) -> Table:
    names = {
        "expected": Column("Said, on average", kind="percent"),
        "observed": Column("Left", kind="percent"),
        "low": Column("from", kind="percent"),
        "high": Column("to", kind="percent"),
        "n": Column("Contracts", kind="integer"),
        "n_churned": Column("Left", kind="integer"),
    }
    return Table.of(
        groups,
        id=places.CALIBRATION,
        title="Chances in groups of equal size, and what came",
        columns={name: column for name, column in names.items() if name in groups},
        note=_together(honest) + "From and to: 95 % interval of the share that left.",
    )


def _share_inside(found: QuarterBacktest) -> str:
    """Say between which shares of quarters the ARR may truly come out inside."""
    rows = found.coverage[found.coverage["measure"] == "loss"]
    if rows.empty or int(rows["n_quarters"].iloc[0]) < findings.FEWEST_QUARTERS:
        return ""
    ends = interval(rows["low"].iloc[0], rows["high"].iloc[0])
    return f" The ARR lost is inside in {ends} of such quarters, as far as so few can tell."


def lists(pooled: pd.DataFrame, by_quarter: pd.DataFrame, capacity: int, currency: str) -> Shown:
    """Show whom each list would have met."""
    if pooled.empty:
        return (Statement.of("finding", "Without past quarters no list can be judged.",
                             id="lists-said"),)  # fmt: skip
    named = pooled.assign(
        list=pooled["ranking"].map({**findings.LIST_NAMES, RANDOM: "as many at random"}),
        met=pooled["measure"].map(
            {"precision": "of those called, left", "recall": "of those who left, called",
             "arr_caught": "of the ARR that left, called"}
        ),
    )  # fmt: skip
    table = Table.of(
        named,
        id=places.LISTS,
        title=f"{integer(capacity)} calls a quarter, all quarters together",
        columns={
            "list": Column("List"),
            "met": Column("What it met"),
            "value": Column("Share", kind="percent"),
            "low": Column("from", kind="percent"),
            "high": Column("to", kind="percent"),
            "ahead": Column("Likeliest ahead by", kind="points"),
            "ahead_low": Column("from", kind="points"),
            "ahead_high": Column("to", kind="points"),
        },
        note="From and to: 95 % intervals, customers as the unit. At random: what as many calls in "
        "each quarter, drawn by lot, would meet on average. To meet a leaver is not to keep it.",
    )
    drawn = by_quarter.assign(
        share=by_quarter["arr_met"] / by_quarter["arr_left"].where(by_quarter["arr_left"] > 0),
        list=by_quarter["ranking"].map(findings.LIST_NAMES),
    )
    figure = Exhibit(
        id="lists", title="Of the ARR that left, what each list would have met",
        figure=figures.lists(drawn, findings.LIST_NAMES),
        table=Table.of(
            drawn, id="lists-quarters", title="Each list, quarter by quarter",
            columns={
                "label": Column("Made in"),
                "list": Column("List"),
                "n_due": Column("Contracts", kind="integer"),
                "n_called": Column("Called", kind="integer"),
                "n_left": Column("Left", kind="integer"),
                "n_met": Column("of them called", kind="integer"),
                "n_random": Column("called at random", kind="number", digits=1),
                "arr_left": Column("ARR that left", kind="money", unit=currency),
                "arr_met": Column("of it called", kind="money", unit=currency),
            },
        ),
        alt="Bars of three lists in each past quarter; the numbers are in the table.",
        caption="The same number of calls for each list. Large customers decide the ARR of a "
        "quarter; look at the run of bars, not at one. Part: a quarter of which not all is known.",
    )  # fmt: skip
    return (figure, table)


def called(listed: pd.DataFrame, currency: str) -> Shown:
    """Show the last list that is over, name by name."""
    said = findings.called(listed)
    if listed.empty:
        return said
    rows = listed.assign(came=listed["churned"].astype(float).map(LEFT))
    return (
        *said,
        Table.of(
            rows,
            id=places.CALLED,
            title=f"The list made in {listed['label'].iloc[0]}, and what became of each",
            columns={
                "place": Column("Place", kind="integer"),
                "account_name": Column("Customer"),
                "segment": Column("Segment"),
                "arr": Column("ARR", kind="money", unit=currency),
                "p_churn": Column("Chance of leaving, as said", kind="percent", digits=0),
                "as_of_date": Column("Judged on", kind="date"),
                "term_end": Column("Renewal", kind="date"),
                "came": Column("Came true"),
                "arr_next": Column("ARR after", kind="money", unit=currency),
                "account_id": Column("Account"),
            },
            note=f"Renewals from {listed['first_due'].iloc[0]:%Y-%m-%d} to "
            f"{listed['last_due'].iloc[0]:%Y-%m-%d}. {integer(listed['churned'].sum())} of the "
            f"{integer(len(listed))} on it left, who paid "
            f"{about(float(listed.loc[listed['churned'].astype(bool), 'arr'].sum()), currency)} "
            f"a year; {integer(listed['n_left_of_due'].iloc[0])} of "
            f"{integer(listed['n_due'].iloc[0])} due left in all, "
            f"{integer(listed['n_due'].iloc[0] - len(listed))} were not on it. Likeliest to "
            "leave first, as "
            "many as the team can call. The whole list is in "
            "tables/last_list.csv.",
        ),
    )


def drifted(table: pd.DataFrame, n_now: int) -> Shown:
    """Show which measures moved, and whether the chances did."""
    said = findings.drifted(table, n_now)
    if table.empty:
        return said
    twin = Table.of(
        table.assign(moved=table["drifted"].map(YES)),
        id=places.DRIFT,
        title="Those who come up now against those learnt from",
        columns={
            "words": Column("Measure"),
            "driver": Column("Kind"),
            "psi": Column("How far it moved", kind="number", digits=2),
            "psi_limit": Column("Limit of chance", kind="number", digits=2),
            "q": Column("Chance of that, all looked at", kind="number", digits=3),
            "moved": Column("Moved"),
            "missing_reference": Column("Missing then", kind="percent", digits=0),
            "missing_current": Column("now", kind="percent", digits=0),
            "n_current": Column("Contracts now", kind="integer"),
        },
        note="How far: population stability index. Its limit is what is seen 95 times in 100 when "
        "customers change sides at random; the usual .1 and .25 depend on how many there are. "
        "Moved: beyond the limit, and clear of chance with all measures looked at. Contracts that "
        "began before use was recorded are left out. The chance is that of one predictor, learnt "
        "only from what was known before the last four quarters: what it gives to the contracts "
        "of those quarters against what it gives now. Those who come up are all seen on one day, "
        "of one week and season, past ones on many: what follows the calendar moves for that "
        "alone.",
    )
    drawn = table.head(DRAWN)
    figure = Exhibit(
        id="drift", title="What moved most, against what chance moves",
        figure=figures.drifted(drawn), table=twin,
        alt="; ".join(f"{row['words']}: {row['psi']:.2f}, limit {row['psi_limit']:.2f}"
                      for row in records(drawn)) + ".",
        caption="Coloured: moved by more than chance. A measure that moved is a question to ask, "
        "not yet a fault: prices, seasons and new products move measures too.",
    )  # fmt: skip
    return (*said, figure)
