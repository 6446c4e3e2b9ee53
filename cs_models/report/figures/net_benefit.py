"""What calling by the chance is worth, from each chance on, beside calling everybody and nobody.

Grain in: one row per threshold.  Grain out: a figure; it reads, computes and saves nothing.
"""

from __future__ import annotations

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank

_HEIGHT, _ROOM = 320, 0.12
_WAYS: Final = {
    "model": ("by the chance", "accent", "solid"), "all": ("everybody", "noise", "dash"),
    "crm": ("as many, by the CRM's score", "below", "longdash"),
    "none": ("nobody", "muted", "dot"),
}  # fmt: skip


def net_benefit(table: pd.DataFrame, at: float) -> go.Figure:
    """Draw the worth of calls per 100 contracts against the chance from which they are made.

    Parameters
    ----------
    table : DataFrame
        One row per threshold, ascending: ``threshold`` (0 to 1), ``model``, ``low``, ``high``,
        ``all``, ``none`` and, where there is one, ``crm``.
    at : float
        The threshold that the page speaks of: an upright line.

    Returns
    -------
    plotly.graph_objects.Figure
        Calling everybody leaves the figure where it falls far below nought.
    """
    figure = blank(height=_HEIGHT, legend=True)
    x = table["threshold"]
    figure.add_scatter(
        x=[*x, *x[::-1]], y=[*table["high"], *table["low"][::-1]], fill="toself", mode="lines",
        fillcolor=theme.faded(theme.COLOURS["accent"], 0.16), line={"width": 0},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    drawn = {name: way for name, way in _WAYS.items() if name in table}
    for name, (words, role, dash) in drawn.items():
        figure.add_scatter(
            x=x, y=table[name], mode="lines", name=words,
            line={"color": theme.COLOURS[role], "width": 3 if name == "model" else 2,
                  "dash": dash},
            hovertemplate="from %{x:.0%}: %{y:.1f} leavers per 100<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=at, line={"color": theme.COLOURS["ink"], "width": 2})
    top = float(table[["high", *drawn]].max().max())
    least = float(table[["low", *drawn]].drop(columns="all").min().min())
    room = _ROOM * max(top, 1.0)
    figure.update_xaxes(title="Chance from which a call is made", tickformat=".0%", showgrid=False)
    figure.update_yaxes(
        title="Leavers per 100 contracts", range=[min(least, 0.0) - room, top + room]
    )
    return figure
