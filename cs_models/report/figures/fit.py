"""Figure of the fit of the sale: renewal by kind of customer."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import bars, blank

_ROOM = 120
_ROW = 20  # pixels a kind of customer


def levels(frame: pd.DataFrame) -> go.Figure:
    """Draw the renewal rate of each kind of customer; grey where it is within noise.

    Parameters
    ----------
    frame : DataFrame, one row per kind
        ``name``, ``rate``, ``low``, ``high``, ``holds`` (its column), ``n``.
    """
    figure = blank(height=_ROOM + _ROW * len(frame), legend=True)
    for holds, role, name in (
        (True, "renewed", "differs by this"), (False, "noise", "within noise"),
    ):  # fmt: skip
        mine = frame[frame["holds"].astype(bool) == holds]
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine["rate"], y=_counted(mine), mode="markers", name=name,
            marker={"size": 9, "color": theme.COLOURS[role]},
            error_x=bars(mine, theme.faded(theme.COLOURS[role], 0.6)),
            customdata=mine[["low", "high", "n"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{x:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%}), "
            "%{customdata[2]:,} contracts<extra></extra>",
        )  # fmt: skip
    order = _counted(frame)
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1], showgrid=False)
    figure.update_xaxes(title="Renewed, of (so many) contracts that came up", tickformat=".0%")
    return figure


def _counted(frame: pd.DataFrame) -> list[str]:
    """Return the names of the kinds with how many contracts each has."""
    return [f"{theme.literal(name)} ({n:,.0f})" for name, n in
            zip(frame["name"], frame["n"], strict=True)]  # fmt: skip
