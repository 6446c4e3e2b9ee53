"""A table that can be sorted, searched and chosen from, for JupyterLab.

In: a display ``Table`` or a frame.  Out: an itables widget that asks nothing of the network.
Values stand as on the page; numbers and dates sort by what they are, not by how they are written.
Texts from the data are shown as typed: no markup in a cell or a head is ever read as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from cs_models.report import lab, values
from cs_models.report.display import Column, Table
from cs_models.report.evidence.predictors import Today
from cs_models.report.findings import colours

Select = Literal["none", "single", "multi"]
_SORTED = values.NUMERIC_KINDS | {"date"}
_ROWS = 10  # of a page of the table


def table(shown: Table | pd.DataFrame, *, title: str = "", select: Select = "none") -> Any:
    """Return a table that can be sorted and searched.

    Parameters
    ----------
    shown : Table or DataFrame
        All rows are there, also those that the page leaves out.
    title : str, default ""
        Above a frame; a ``Table`` brings its own.
    select : {"none", "single", "multi"}, default "none"
        Which rows a click chooses: ``selected_rows`` of the widget has their places.

    Returns
    -------
    itables.widget.ITable
        A widget; ``observe(f, names="selected_rows")`` hears what is chosen.
    """
    from itables.widget import ITable

    given = shown if isinstance(shown, Table) else Table.of(
        shown, id="table", title=title or "Table", at_most=len(shown)
    )  # fmt: skip
    frame, hidden = written(given)
    options: dict[str, Any] = {
        "columnDefs": hidden, "showIndex": False, "allow_html": False, "maxBytes": 0, "order": [],
        "pageLength": _ROWS, "autoWidth": False, "classes": "display compact",
    }  # fmt: skip
    if select != "none":
        options["select"] = select
    return ITable(frame, caption=given.title, **options)


def tables(shown: Sequence[Any]) -> Any:
    """Return several tables behind one list to choose from.

    Parameters
    ----------
    shown : sequence of display objects
        What one cell of a notebook shows; its tables are taken.

    Returns
    -------
    ipywidgets.VBox
        The list, and the table that is chosen, sortable and searchable; ``knobs`` as in an
        ``Explorer``.
    """
    import ipywidgets as widgets

    from cs_models.report.explore import knobs

    found = [each for each in shown if isinstance(each, Table)]
    if not found:
        return knobs.nothing("tables", "There is no table to show.")
    which = knobs.choice("Table", [(each.title, at) for at, each in enumerate(found)])
    place = widgets.VBox([table(found[0])])

    def turned(change: Any) -> None:
        old, place.children = place.children, [table(found[change["new"]])]
        for each in old:
            each.close()

    which.observe(turned, names="value")
    view = widgets.VBox([which, place]).add_class("cs-explorer").add_class("cs-explorer-tables")
    view.knobs = {"which": which}
    knobs.settle("tables")
    return view


def written(shown: Table) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Return a table as texts, with what they are sorted by in hidden columns.

    Parameters
    ----------
    shown : Table

    Returns
    -------
    frame : DataFrame, one row a row
        Texts as the page writes them, under the heads of the page; then one column of floats for
        each column of numbers or dates.
    definitions : list of dict
        DataTables' ``columnDefs``: which text sorts by which hidden column, which are to the right.
    """
    columns = list(shown.payload()["columns"])
    cells = list(zip(*shown.rows, strict=True)) or [()] * len(columns)
    texts = [
        [lab.cell(value, column) for value in own]
        for own, column in zip(cells, columns, strict=True)
    ]
    keys = [at for at, column in enumerate(columns) if column["kind"] in _SORTED]
    sort = [[_key(value, columns[at]["kind"]) for value in cells[at]] for at in keys]
    frame = pd.concat(
        [
            *(pd.Series(own, dtype="object") for own in texts),
            *(pd.Series(own, dtype="float64") for own in sort),
        ],
        axis=1,
    )
    frame.columns = pd.Index(
        [lab.head(column) for column in columns] + [f"sort {at}" for at in keys]
    )
    width = len(columns)
    definitions: list[dict[str, Any]] = [
        {"targets": at, "orderData": width + place} for place, at in enumerate(keys)
    ]
    right = [at for at, c in enumerate(columns) if c["kind"] in values.NUMERIC_KINDS]
    definitions += [{"targets": right, "className": "dt-right"}] if right else []
    hidden = list(range(width, width + len(keys)))
    unseen = {"targets": hidden, "visible": False, "searchable": False}
    return frame, [*definitions, unseen] if hidden else definitions


def at_risk(today: Today, currency: str) -> Table:
    """Return who is at risk, each number in a column of its own to be sorted by.

    Parameters
    ----------
    today : Today
    currency : str
        ISO 4217 code.
    """
    return Table.of(
        today.risk.assign(colour=today.risk["colour"].map(colours.words(by_play=today.by_play))),
        id="at-risk-all",
        title="Who comes up for renewal: click a row to look into it",
        columns={
            "account_name": Column("Customer"),
            "segment": Column("Segment"),
            "arr": Column("ARR", kind="money", unit=currency),
            "term_end": Column("Renews", kind="date"),
            "p_churn": Column("Chance of leaving", kind="percent", digits=0),
            "p_low": Column("from", kind="percent", digits=0),
            "p_high": Column("to", kind="percent", digits=0),
            "expected_loss": Column("Chance times ARR", kind="money", unit=currency),
            "health": Column("Health", kind="number", digits=0),
            "colour": Column(colours.title(by_play=today.by_play)),
        },
        at_most=len(today.risk),
    )


def _key(value: Any, kind: str) -> float:
    if values.is_missing(value):
        return float("-inf")
    return float(pd.Timestamp(value).value) if kind == "date" else float(value)
