"""What notebook 00 shows: what was read, what was set aside, what can be asked.

Grain in: the frames of ``data/readiness`` and ``report/evidence/readiness``.  Grain out: display
objects and the sentences that quote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from cs_models.features import adoption
from cs_models.report.display import Column, Exhibit, Number, Statement, Table, num
from cs_models.report.evidence.readiness import ASSOCIATION, SHAPE
from cs_models.report.evidence.rules import WHOLE_BOOK, records
from cs_models.report.figures import history as figures
from cs_models.report.results import Finding
from cs_models.report.values import integer, percent

# From the bottom of the bars to the top.
OUTCOMES = ("expanded", "renewed", "contracted", "churned", "involuntary", "pending")
YES_NO = {True: "yes", False: "no"}


def answer(questions: pd.DataFrame, counted: pd.DataFrame) -> list[Statement]:
    """Say whether the history is fit to learn from, and what it is too short for.

    Parameters
    ----------
    questions, counted : DataFrame
        What ``readiness.questions`` and ``readiness.groups`` returned.

    Returns
    -------
    list of Statement
        The answer, then a caution for each question that cannot be answered.
    """
    whole = records(counted)[0]
    ready = questions.set_index(["question", "group"])["ready"]
    fit = bool(ready[ASSOCIATION, WHOLE_BOOK])
    said = [
        Statement.of(
            "answer",
            "This history is fit to learn from: " if fit else
            "This history is too short to learn a threshold from: ",
            num(integer(whole["n_terms"]), "#groups"), " contract terms of ",
            num(integer(whole["n_accounts"]), "#groups"), " customers have come to their end and "
            "can be judged; ", num(integer(whole["n_churned_accounts"]), "#groups"),
            " of these customers left.",
            verdict=None if fit else "too_little_data", id="answer",
        )
    ]  # fmt: skip
    return said + [
        Statement.of(
            "caution", f"{row['group']}: “{row['question']}” cannot be answered; there are ",
            num(row["has"], "#questions"), " and it takes ", num(row["needs"], "#questions"), ".",
        )
        for row in records(questions[~questions["ready"]])
    ]  # fmt: skip


def set_aside(summary: pd.DataFrame) -> Statement:
    """Say how many rows were quarantined, or that none were."""
    lost, read = int(summary["quarantined"].sum()), int(summary["read"].sum())
    if not lost:
        return Statement.of("finding", "No row had to be set aside.", id="set-aside")
    return Statement.of(
        "finding", num(integer(lost), "#tables-read"), " of ",
        num(integer(read), "#tables-read"), " rows (",
        num(percent(lost / read, 1), "#tables-read"),
        ") broke the data contract and were set aside; the report speaks of the rest.",
        id="set-aside",
    )  # fmt: skip


def recording(data_start: date, n_stray_events: int) -> Statement:
    """Say from when use is counted, and what was passed over before.

    Parameters
    ----------
    data_start : datetime.date
        First day of regular records.
    n_stray_events : int
        Events before it.
    """
    stray: list[str | Number] = [
        " ", num(integer(n_stray_events), "#tables-read"),
        " earlier events stand so far apart that they were taken for strays.",
    ] if n_stray_events else []  # fmt: skip
    return Statement.of(
        "finding", f"Use is counted from {data_start:%Y-%m-%d} on, when regular records begin.",
        *stray, id="recording",
    )  # fmt: skip


def findings(questions: pd.DataFrame, summary: pd.DataFrame) -> list[Finding]:
    """Return the findings of the readiness notebook, machine-readable."""
    found = [
        Finding(
            id=f"{'shape' if row['question'] == SHAPE else 'association'}-{place}",
            statement=f"{row['group']}: {row['question']} has {row['has']}, needs {row['needs']}",
            value=row["ready"], unit="ready", table="questions",
        )
        for place, row in enumerate(records(questions))
    ]  # fmt: skip
    aside = Finding(
        id="quarantined", statement=set_aside(summary).text,
        value=int(summary["quarantined"].sum()), unit="rows", n=int(summary["read"].sum()),
        table="tables-read",
    )  # fmt: skip
    return [*found, aside]


def groups(counted: pd.DataFrame) -> Table:
    """Show what there is to learn from, group by group."""
    return Table.of(
        counted,
        id="groups",
        title="What there is to learn from",
        columns={
            "group": Column("Who"),
            "n_terms": Column("Terms", kind="integer"),
            "n_accounts": Column("Customers", kind="integer"),
            "n_churned": Column("Lost terms", kind="integer"),
            "n_churned_accounts": Column("Lost customers", kind="integer"),
        },
    )


def asked(questions: pd.DataFrame) -> Table:
    """Show which questions can be answered."""
    return Table.of(
        questions.assign(ready=questions["ready"].map(YES_NO)),
        id="questions",
        title="Which questions this history can answer",
        columns={
            "question": Column("Question"),
            "group": Column("Who"),
            "has": Column("There are"),
            "needs": Column("It takes"),
            "ready": Column("Ready"),
        },
    )


def adopted(
    frame: pd.DataFrame, definition: adoption.Definition | None
) -> Sequence[Statement | Table]:
    """Say which definition of adoption is in force, and how many terms meet it.

    Parameters
    ----------
    frame : DataFrame
        What ``readiness.adopted`` returned.
    definition : adoption.Definition or None
        None where none is set.
    """
    if definition is None:
        return (
            Statement.of(
                "note", "The run file states no definition of adoption. Reports that need one take "
                "the levels that the page on adoption thresholds announces in the same run, and "
                "say so; where it announces none, they say that too. To set one for all, state it "
                "in the parameter adoption_definition, or name a run whose thresholds are to be "
                "it.",
                id="adoption",
            ),
        )  # fmt: skip
    whole = records(frame)[0]
    said = Statement.of(
        "finding", f"Adopted means here (“{definition.name}”): {adoption.words(definition)}. Of ",
        num(integer(whole["n_terms"]), "#adopted"), " evaluable terms, ",
        num(integer(whole["n_met"]), "#adopted"), " meet it at their landmark, ",
        num(integer(whole["n_not_met"]), "#adopted"), " do not, and of ",
        num(integer(whole["n_unknown"]), "#adopted"), " it is not known.", id="adoption",
    )  # fmt: skip
    table = Table.of(
        frame,
        id="adopted",
        title="Terms that meet the definition of adoption",
        columns={
            "group": Column("Who"),
            "n_terms": Column("Terms", kind="integer"),
            "n_met": Column("Adopted", kind="integer"),
            "n_not_met": Column("Not adopted", kind="integer"),
            "n_unknown": Column("Not known", kind="integer"),
            "share_met": Column("Adopted, of those known", kind="percent"),
        },
        note="Not known: use was not recorded, or a window of the definition is longer than the "
        "landmark.",
    )
    return said, table


def tables_read(summary: pd.DataFrame) -> Table:
    """Show what was read of each table."""
    return Table.of(
        summary.assign(
            required=summary["required"].map(YES_NO), present=summary["present"].map(YES_NO)
        ),
        id="tables-read",
        title="Rows read and kept",
        columns={
            "table": Column("Table"),
            "present": Column("There"),
            "required": Column("Required"),
            "read": Column("Rows read", kind="integer"),
            "kept": Column("Kept", kind="integer"),
            "quarantined": Column("Set aside", kind="integer"),
            "excluded": Column("Out of scope", kind="integer"),
            "first_date": Column("From", kind="date"),
            "last_date": Column("To", kind="date"),
        },
        note=f"In all {integer(summary['read'].sum())} rows were read and "
        f"{integer(summary['quarantined'].sum())} set aside ("
        f"{percent(summary['quarantined'].sum() / max(1, summary['read'].sum()), 1)}). Set aside: "
        "rows that break the contract, listed below. Out of scope: rows later than the report's "
        "date, and uses of quantity nought.",
    )


def faults(frame: pd.DataFrame) -> Table:
    """Show every fault found at the door, with samples and repair."""
    return Table.of(
        frame,
        id="faults",
        title="Faults and remarks",
        columns={
            "severity": Column("What happened"),
            "table": Column("Table"),
            "column": Column("Column"),
            "rule": Column("Fault"),
            "count": Column("Rows", kind="integer"),
            "samples": Column("For example"),
            "repair": Column("Repair"),
        },
        note="Quarantine: the rows were set aside. Note: the rows were kept.",
    )


def activity(months: pd.DataFrame) -> Sequence[Exhibit]:
    """Show which share of the running customers the usage data sees, month by month."""
    if months.empty:
        return ()
    lowest = months.loc[months["share_active"].idxmin()]
    return (
        Exhibit(
            id="activity",
            title="Running customers seen in the usage data",
            figure=figures.activity(months),
            table=Table.of(
                months,
                id="activity-table",
                title="Usage data by month",
                columns={
                    "month": Column("Month", kind="date"),
                    "n_events": Column("Events", kind="integer"),
                    "n_active": Column("Customers seen", kind="integer"),
                    "n_running": Column("Customers with a running term", kind="integer"),
                    "share_active": Column("Share seen", kind="percent"),
                },
            ),
            alt=f"Share of running customers with any use, by month; lowest "
            f"{percent(lowest['share_active'])} in {lowest['month']:%B %Y}.",
        ),
    )


def gaps(frame: pd.DataFrame) -> Table:
    """Show the runs of days on which hardly anything was recorded."""
    return Table.of(
        frame,
        id="gaps",
        title="Gaps in the usage data",
        columns={
            "feature": Column("Feature"),
            "first_date": Column("From", kind="date"),
            "last_date": Column("To", kind="date"),
            "n_days": Column("Days", kind="integer"),
            "usual": Column("Usual events a day", kind="integer"),
            "seen": Column("Seen a day", kind="number"),
        },
        note="Days with under a twentieth of the usual use of the same weekday, three or more in a "
        "row. Use in a gap is unknown, not nought.",
    )


def history(frame: pd.DataFrame, currency: str) -> Exhibit:
    """Show the contract terms by the year in which they end and what became of them."""
    total = int(frame["n_terms"].sum())
    return Exhibit(
        id="history",
        title="Contract terms by year of renewal and outcome",
        figure=figures.outcomes(frame, groups=OUTCOMES),
        table=Table.of(
            frame,
            id="history-table",
            title="Contract terms by year and outcome",
            columns={
                "year": Column("Year"),
                "outcome": Column("Outcome"),
                "n_terms": Column("Terms", kind="integer"),
                "arr": Column("ARR", kind="money", unit=currency),
            },
        ),
        alt=f"{total:,} contract terms stacked by outcome for each year of renewal.",
    )
