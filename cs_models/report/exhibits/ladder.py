"""What notebook 03 shows of models and of what went with leaving: how plain it may be, and why.

Grain in: what ``evidence.predictors`` learnt.  Grain out: display objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import foretold as evidence
from cs_models.report.evidence.predictors import Learnt, records
from cs_models.report.figures import predictors as figures
from cs_models.report.findings import foretold as findings
from cs_models.report.values import integer, number

Shown = Sequence[Exhibit | Statement | Table]


def ladder(learnt: Learnt) -> Shown:
    """Show the models from the plainest to the richest, and what each added."""
    if learnt.past is None:
        return (Statement.of("finding", findings.TOO_LITTLE, id="ladder-said"),)
    frame = evidence.ladder(learnt.past)
    table = Table.of(
        frame,
        id=evidence.LADDER,
        title="Models, the plainest first",
        columns={
            "name": Column("Model"),
            "reads": Column("What it reads"),
            "auc": Column("Pairs told apart", kind="percent", digits=0),
            "log_loss": Column("Surprise (log loss)", kind="number", digits=3),
            "than": Column("Compared with"),
            "gain": Column("Gain", kind="number", digits=4),
            "gain_se": Column("± s.e.", kind="number", digits=4),
            "verdict": Column("Verdict"),
        },
        note=f"Judged on {integer(learnt.counts['n_foretold'])} terms of past quarters. A model "
        "counts as better only when its gain is more than "
        "one standard error, with the customer as the unit.",
    )
    told = "; ".join(
        f"{row['name']}: {row['verdict']} ({number(row['gain'], 4)})"
        for row in records(frame) if row["gain"] == row["gain"]
    )  # fmt: skip
    exhibit = Exhibit(
        id="ladder",
        title="What each model adds to the plainer one",
        figure=figures.ladder(frame),
        table=table,
        alt=f"Gain over the plainer model: {told}.",
        caption="Right of the line: less surprised by what came. A bar that reaches the line is no "
        "clear gain. Coloured: the one that is believed.",
    )
    return (*findings.ladder(learnt.past), exhibit)


def drivers(learnt: Learnt) -> Shown:
    """Show what went with leaving, quarter by quarter, and which columns hold."""
    if learnt.past is None:
        return (Statement.of("finding", findings.TOO_LITTLE, id="drivers-said"),)
    frame, columns = evidence.drivers(learnt.past), evidence.columns(learnt.past)
    if frame.empty:
        return tuple(findings.drivers(learnt.past))
    exhibit = Exhibit(
        id="drivers",
        title="How much worse each past quarter is told without a kind of record",
        figure=figures.drivers(frame),
        table=Table.of(
            frame,
            id=evidence.DRIVERS,
            title="Kinds of record, the weightiest first",
            columns={
                "said": Column("Kind of record"),
                "mean": Column("Worse without it, mean", kind="number", digits=4),
                "low": Column("from", kind="number", digits=4),
                "high": Column("to", kind="number", digits=4),
                "share_above": Column("Quarters in which it helped", kind="percent", digits=0),
                "n_quarters": Column("Quarters", kind="integer"),
            },
            note="Log loss of a quarter with the records of this kind dealt out to other "
            "customers, less that without. Only quarters count in which the model that was "
            "believed then could read this kind; the plainest read one or two. From, to: 95 % for "
            "all kinds together, by how far the quarters differ; beyond luck is a kind whose range "
            f"lies above nought: {integer(int(frame['clear'].sum()))} of {integer(len(frame))}, so "
            f"{integer(int((~frame['clear']).sum()))} not. Agreement of the order between "
            f"quarters: {number(learnt.past.stability['kendall_tau'])}.",
        ),
        alt=f"Weightiest: {frame['said'].iloc[0]}.",
        caption="One grey dot a quarter. Dots that lie right of the line quarter after quarter "
        "mean that this kind of record told something each time; dots on both sides are luck. The "
        "bar is the range of the mean, wide enough for all kinds at once.",
    )
    return (*findings.drivers(learnt.past), exhibit, _columns_table(columns))


def _columns_table(frame: pd.DataFrame) -> Table:
    return Table.of(
        frame.assign(stable=frame["stable"].map({True: "yes", False: "no"})),
        id=evidence.COLUMNS,
        title="Would other customers have named the same numbers?",
        columns={
            "said": Column("Number"), "driver": Column("Kind of record"),
            "way": Column("More of it went with"),
            "selected_share": Column("Chosen in", kind="percent", digits=0),
            "share_same_sign": Column("of these the same way", kind="percent", digits=0),
            "stable": Column("Stable"),
        },
        note="A sparse regression chose anew on many random halves of the customers. Stable: "
        "chosen in at least 70 % of them, always the same way. Numbers that say the same thing "
        "share their choices between them.",
        fold_after=10,
    )  # fmt: skip
