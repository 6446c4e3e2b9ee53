"""Figures of the history itself: use month by month, contract terms year by year."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import PERCENT_AXIS, blank


def activity(months: pd.DataFrame) -> go.Figure:
    """Draw the share of accounts seen in the usage data, month by month.

    Parameters
    ----------
    months : DataFrame
        One row a month: ``month`` (date), ``share_active`` (0 to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        Bars; a month that falls out of line is a gap in telemetry before it is news.
    """
    figure = blank(height=280)
    figure.add_bar(
        x=months["month"],
        y=months["share_active"],
        marker={"color": theme.COLOURS["accent"], "line": {"width": 0}},
        hovertemplate="%{x|%B %Y}: %{y:.0%} of accounts<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(title="Accounts with any use", **PERCENT_AXIS)
    figure.update_xaxes(title="Month")
    return figure


def outcomes(history: pd.DataFrame, *, groups: Sequence[str]) -> go.Figure:
    """Draw the contract terms by what became of them, year by year.

    Parameters
    ----------
    history : DataFrame
        One row per (year, outcome): ``year`` (int), ``outcome`` (word), ``n_terms``.
    groups : sequence of str
        Outcomes from the bottom of the bars to the top.

    Returns
    -------
    plotly.graph_objects.Figure
        Stacked bars, a year each.
    """
    figure = blank(height=320, legend=True)
    for outcome in groups:
        rows = history[history["outcome"] == outcome]
        figure.add_bar(
            x=rows["year"].astype(str),
            y=rows["n_terms"],
            name=outcome,
            marker={"color": theme.OUTCOME_COLOURS[outcome], "line": {"width": 0}},
            hovertemplate="%{x}, " + outcome + ": %{y:,} terms<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    # A year that the first outcome lacks would else stand behind all that it has.
    figure.update_xaxes(
        title="Year in which the term ends", type="category", categoryorder="category ascending"
    )
    figure.update_yaxes(title="Contract terms")
    return figure
