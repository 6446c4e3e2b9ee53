"""The calendar of the quarter: what comes due week by week, and what of it is at risk."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank


def calendar(frame: pd.DataFrame, currency: str) -> go.Figure:
    """Draw the ARR due each week, and within it the ARR at risk.

    Parameters
    ----------
    frame : DataFrame
        One row a week: ``week`` (first day), ``n_contracts``, ``arr``, ``arr_at_risk``.
    currency : str
        ISO 4217 code, for the axis.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure = blank(height=340, legend=True)
    weeks = pd.to_datetime(frame["week"]).dt.strftime("%d %b")
    for column, role, alpha, name in (
        ("arr", "noise", 0.35, "ARR due"), ("arr_at_risk", "churned", 0.9, "of it at risk"),
    ):  # fmt: skip
        figure.add_bar(
            x=weeks, y=frame[column], name=name,
            marker={"color": theme.faded(theme.COLOURS[role], alpha)},
            customdata=frame[["n_contracts"]].to_numpy().tolist(),
            hovertemplate="week of %{x}: %{y:,.0f}, %{customdata[0]:,} contracts<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_xaxes(title="Week that begins on", type="category", showgrid=False)
    figure.update_yaxes(title=f"{currency} a year", tickformat="~s", rangemode="tozero")
    return figure
