"""Figures of how use ramps up over a term, and of one account against that."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank

_AXIS = "Uses per seat and week"
_ROOM = 2.2  # of the highest middle: bands of a skew measure would press the lines to the ground
_ROLES = {"renewed": "renewed", "left": "churned"}


def weeks(frame: pd.DataFrame, course: Sequence[float], name: str) -> go.Figure:
    """Draw the usual course by week, renewed and left, and one account's own.

    Parameters
    ----------
    frame : DataFrame, one row per outcome and week
        ``outcome``, ``week``, ``p10``, ``p50``, ``p90``, ``n_terms``.
    course : sequence of float
        The account's uses per seat, week by week; empty for none.
    name : str
        The account's name.
    """
    figure = blank(height=380, legend=True)
    _bands(figure, frame, "week", frame["outcome"].map(_ROLES), "week %{x}")
    if len(course):
        figure.add_scatter(
            x=list(range(1, len(course) + 1)), y=list(course), mode="lines",
            name=theme.literal(name)[:40],
            line={"color": theme.COLOURS["ink"], "width": 2, "dash": "dot"},
            hovertemplate="week %{x}: %{y:.2f} uses per seat<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Week of the contract")
    figure.update_yaxes(title=_AXIS, range=[0, _top(frame, course)])
    return figure


def _top(frame: pd.DataFrame, course: Sequence[float]) -> float:
    """Return the end of the axis by the scale of the lines: the bands may go on above it."""
    if frame.empty:
        return 1.1 * max([1.0, *course])
    lines = max(_ROOM * float(frame["p50"].max()), 1.1 * max([0.0, *course]))
    return min(lines, 1.1 * max([float(frame["p90"].max()), *course])) or 1.0


def _bands(figure: go.Figure, frame: pd.DataFrame, x: str, role: pd.Series, where: str) -> None:
    """Add the band from the 10 % to the 90 % mark and the middle, outcome by outcome."""
    drawn = frame[frame["p50"].notna()].sort_values(x)
    shown = [
        (outcome, mine, theme.COLOURS[str(role[mine.index[0]])])
        for outcome in ("renewed", "left")
        if len(mine := drawn[drawn["outcome"] == outcome])
    ]
    for _, mine, colour in shown:
        figure.add_scatter(
            x=[*mine[x], *mine[x][::-1]], y=[*mine["p90"], *mine["p10"][::-1]], fill="toself",
            mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False,
            fillcolor=theme.faded(colour, 0.1),
        )  # fmt: skip
    for outcome, mine, colour in shown:  # above both bands
        figure.add_scatter(
            x=mine[x], y=mine["p50"], mode="lines", name=f"those who {outcome}: middle, 10–90 %",
            line={"color": colour, "width": 3},
            customdata=mine[["p10", "p90", "n_terms"]].to_numpy().tolist(),
            hovertemplate=where + ": %{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f}), "
            "%{customdata[2]:,} contracts<extra></extra>",
        )  # fmt: skip
