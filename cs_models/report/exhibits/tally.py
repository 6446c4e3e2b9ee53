"""A small table of single numbers: where a sentence's numbers lead that no other table holds.

Grain in: what was counted, in words, and the number as it is written.  Grain out: one row each.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cs_models.report.display import Column, Table


def tally(id: str, title: str, rows: Iterable[tuple[str, str]], *, note: str = "") -> Table:  # noqa: A002
    """Return single numbers as a table.

    Parameters
    ----------
    id, title : str
        Anchor and caption of the table.
    rows : iterable of (str, str)
        What was counted, and how much, written as in the sentence; what was not counted ("")
        is left out.
    note : str, default ""
        What to know when reading it.
    """
    told = [(what, written) for what, written in rows if written]
    return Table.of(
        pd.DataFrame(told, columns=["what", "counted"]),
        id=id,
        title=title,
        # Right-aligned as numbers are; what is written already is kept as it is.
        columns={"what": Column("What"), "counted": Column("Counted", kind="number")},
        note=note,
        fold_after=12,
    )
