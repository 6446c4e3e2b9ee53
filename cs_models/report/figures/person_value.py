"""Figure of persons by value: what was paid, what is to come, what came after their arrival."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank

_PARTS = (
    # Parts of one sum: one hue, and another for what is credited from elsewhere.
    ("realised", "so far", theme.COLOURS["accent"]),
    ("to_come", "to come", theme.faded(theme.COLOURS["accent"], 0.45)),
    ("credit", "after arriving elsewhere", theme.COLOURS["below"]),
)


def persons(frame: pd.DataFrame, *, currency: str) -> go.Figure:
    """Draw the value of persons, in its parts.

    Parameters
    ----------
    frame : DataFrame
        One row a person, dearest first: ``person_id``, ``account``, ``realised``, ``to_come``,
        ``credit`` (currency).
    currency : str
        ISO 4217 code.

    Returns
    -------
    plotly.graph_objects.Figure
        One bar a person.
    """
    figure = blank(height=150 + 30 * len(frame), legend=True)
    names = [theme.literal(str(name)) for name in frame["person_id"]]
    for column, name, shade in _PARTS:
        figure.add_bar(
            x=frame[column], y=names, name=name, orientation="h",
            marker={"color": shade},
            customdata=[theme.literal(str(account)) for account in frame["account"]],
            hovertemplate="%{y}, %{customdata}: %{x:,.0f} " + name + "<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title=f"Margin, {theme.literal(currency)}")
    figure.update_yaxes(title="", autorange="reversed", automargin=True, showgrid=False,
                        type="category")  # fmt: skip
    return figure
