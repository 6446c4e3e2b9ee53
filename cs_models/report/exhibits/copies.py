"""What notebook 00 shows of uses that are on record more than once.

Grain in: the frame of ``data.readiness.copies``.  Grain out: display objects and a finding.
"""

from __future__ import annotations

import pandas as pd

from cs_models.report.display import Column, Statement, Table, num
from cs_models.report.results import Finding
from cs_models.report.values import integer, percent

_HAPPENS = "kept, and counted as they stand"
_REPAIR = (
    "if the export repeats rows, export each once; if equal rows are uses of their own, do nothing"
)


def copies(frame: pd.DataFrame) -> tuple[Statement | Table, ...]:
    """Say how many uses are equal to another in every column, and what happens to them.

    Parameters
    ----------
    frame : DataFrame, one row
        What ``readiness.copies`` returned.
    """
    table = Table.of(
        frame.assign(happens=_HAPPENS, repair=_REPAIR),
        id="copies",
        title="Uses on record more than once",
        columns={
            "table": Column("Table"),
            "n_rows": Column("Rows kept", kind="integer"),
            "n_copies": Column("Equal to an earlier row in every column", kind="integer"),
            "share": Column("Share of rows", kind="percent", digits=1),
            "n_accounts": Column("Customers with such rows", kind="integer"),
            "happens": Column("What happens to them"),
            "repair": Column("What to do"),
        },
        note="A use has no key of its own: two equal rows may be one use that was sent twice, or "
        "two uses. The first of equal rows is not counted here.",
    )
    return said(frame), table


def said(frame: pd.DataFrame) -> Statement:
    """Say how many uses are equal to another; see `copies`."""
    row = frame.iloc[0]
    if not row["n_copies"]:
        return Statement.of("finding", "No use is on record twice.", id="copies-said")
    return Statement.of(
        "note", num(integer(row["n_copies"]), "#copies"), " of ",
        num(integer(row["n_rows"]), "#copies"), " uses (",
        num(percent(row["share"], 1), "#copies"),
        ") are equal to an earlier row in every column, the time included. They are kept and "
        "counted as they stand: where an export repeats rows, use is counted too high by so much.",
        id="copies-said",
    )  # fmt: skip


def found(frame: pd.DataFrame) -> Finding:
    """Return the count as a finding, machine-readable."""
    row = frame.iloc[0]
    return Finding(
        id="copies", statement=said(frame).text, value=int(row["n_copies"]), unit="rows",
        n=int(row["n_rows"]), table="copies",
    )  # fmt: skip
