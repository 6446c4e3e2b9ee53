"""What notebook 01 shows of how use ramps up.

Grain in: the frames of ``report/evidence/ramps.py``.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.learn import ramps as learnt
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence.ramps import Ramp
from cs_models.report.figures import ramps as figures
from cs_models.report.findings import ramps as findings
from cs_models.report.findings.amounts import about
from cs_models.report.values import integer, number

DRAWN = 1  # features beside all use; the file ramps_by_tenth has all
_EVERY = 4  # weeks from row to row
Shown = Sequence[Exhibit | Statement | Table]
_SHARE = {"kind": "number", "digits": 2}
_BAND = {
    "n_terms": Column("Contracts", kind="integer"),
    "p10": Column("Lowest tenth up to", kind="number", digits=2),
    "p50": Column("Middle", kind="number", digits=2),
    "p90": Column("Highest tenth from", kind="number", digits=2),
}


def ramp(found: Ramp, currency: str) -> Shown:
    """Show the usual ramp by week with one account against it, and by tenth of the contract.

    Parameters
    ----------
    found : Ramp
    currency : str
        ISO 4217 code.
    """
    said = findings.ramp(found, currency)
    # A page carries what can be read: three digits, not seventeen.
    weeks, tenths = found.usual.weeks.round(3), found.usual.fractions.round(3)
    drawn = weeks[(weeks["use"] == learnt.ALL_USE) & weeks["p50"].notna()]
    if drawn.empty:
        return said
    table = Table.of(
        _every(drawn.sort_values(["outcome", "week"], ascending=[False, True])),
        id=findings.WEEKS,
        title="All use, week by week",
        columns={"outcome": Column("Contracts that"), "week": Column("Week", kind="integer"),
                 **_BAND},
        note=f"{_settled(found)}Uses per seat in the week. Contracts: those still running to the "
        "end of that week; "
        f"a week of fewer than 20 is not shown. Every {_EVERY}th week of those drawn.",
    )  # fmt: skip
    shown = found.shown
    name = str(shown["account_name"]) if shown else ""
    course = list(shown["course"].round(3)) if shown else []
    words = f" The dotted line is {name}, week {shown['week']}." if shown else ""
    figure = Exhibit(
        id="ramp",
        title="How use goes over the contract, and one customer against it",
        figure=figures.weeks(drawn, course, name),
        table=table,
        alt=" ".join(statement.text for statement in said) + words,
        caption="Thick: the middle. Dashed: the edge of the lowest tenth. Nine in ten contracts "
        "are above it in any one week, fewer in every week. The highest tenth is in the table."
        + words,
    )
    return (*said, figure, _tenths(tenths), _below(found, currency))


def _every(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return every fourth week: a course is read off the figure, its level off the table."""
    return drawn[(drawn["week"] - 1) % _EVERY == 0]


def _drawn(tenths: pd.DataFrame) -> list[str]:
    """Return all use and the feature used most: a page that holds them all is slow to open."""
    top = tenths[tenths["outcome"] == learnt.RENEWED].groupby("use")["p50"].mean().dropna()
    features = top.drop(learnt.ALL_USE, errors="ignore").sort_values(ascending=False, kind="stable")
    return [learnt.ALL_USE, *features.index[:DRAWN]]


def _tenths(tenths: pd.DataFrame) -> Table:
    return Table.of(
        tenths[tenths["p50"].notna() & tenths["use"].isin(_drawn(tenths))].sort_values(
            ["use", "outcome", "fraction"], ascending=[True, False, True]
        ),
        id=findings.TENTHS,
        title="The same by tenth of the contract, for all use and the feature used most",
        columns={"use": Column("Use"), "outcome": Column("Contracts that"),
                 "fraction": Column("Gone", kind="percent", digits=0), **_BAND},
        note="Uses per seat and week, averaged over the weeks of each tenth. All features "
        "are in the file ramps_by_tenth.",
        at_most=60,
    )  # fmt: skip


def _settled(found: Ramp) -> str:
    """Say where the middle contracts settle, renewed and left."""
    told = []
    for outcome, words in ((learnt.RENEWED, "renewed"), (learnt.LEFT, "left")):
        full = findings.full_week(found, outcome)
        if full is not None:
            told.append(f"The middle contract that {words} is at its usual level by week "
                        f"{integer(full[0])}: {number(full[1])} uses per seat and week. "
                        "")  # fmt: skip
    return "".join(told)


def _below(found: Ramp, currency: str) -> Table:
    rows = found.standing[found.standing["below"]] if len(found.standing) else found.standing
    return Table.of(
        rows,
        id=findings.BELOW,
        note=f"{integer(len(rows))} of {integer(len(found.standing))} customers that can be held "
        f"against the ramp, with {about(float(rows['arr'].sum()), currency)} a year."
        if len(rows)
        else "",
        title="Customers under the usual ramp, largest first",
        columns={
            "account_name": Column("Customer"),
            "segment": Column("Segment"),
            "arr": Column("ARR", kind="money", unit=currency),
            "week": Column("Week of the contract", kind="integer"),
            "recent": Column("Uses per seat and week, last 4", **_SHARE),  # type: ignore[arg-type]
            "usual_low": Column("Lowest tenth of the renewed", **_SHARE),  # type: ignore[arg-type]
            "usual": Column("Middle of the renewed", **_SHARE),  # type: ignore[arg-type]
            "term_end": Column("Renews", kind="date"),
        },
        at_most=20,
    )


def take_up(rows: pd.DataFrame) -> Shown:
    """Show how long customers took to try new features.

    Parameters
    ----------
    rows : DataFrame
        What ``evidence.ramps.take_up`` returned.
    """
    table = learnt.take_up(rows)
    said = findings.take_up(table, rows)
    if table.empty:
        return said
    launched = rows.drop_duplicates("feature").set_index("feature")["launched"]
    shown = Table.of(
        table.assign(launched=table["feature"].map(launched)),
        id=findings.TAKE_UP,
        title="New features and how fast they are tried",
        columns={
            "feature": Column("Feature"),
            "launched": Column("First seen", kind="date"),
            "n": Column("Customers", kind="integer"),
            "n_used": Column("tried it", kind="integer"),
            "median": Column("Half had after", kind="integer", unit="days"),
            "median_low": Column("from", kind="integer"),
            "median_high": Column("to", kind="integer"),
        },
        note="From the launch, or from the customer's start where that is later. Those who have "
        "not tried it count as not yet; empty: half have not tried it.",
    )
    return (*said, shown)
