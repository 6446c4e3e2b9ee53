"""Figures of how use ramps up over a term, and of one account against that."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank

_AXIS = "Uses per seat and week"
_ROOM = 1.25  # above the highest middle
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
    _lines(figure, frame, "week", frame["outcome"].map(_ROLES), "week %{x}")
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
    """Return the end of the axis by the scale of the lines."""
    if frame.empty:
        return 1.1 * max([1.0, *course])
    return _ROOM * max([float(frame["p50"].max()), *course]) or 1.0


def _lines(figure: go.Figure, frame: pd.DataFrame, x: str, role: pd.Series, where: str) -> None:
    """Add the middle and the edge of the lowest tenth, outcome by outcome.

    Bands up to the highest tenth of renewed and left lie on each other and hide both lines.
    """
    drawn = frame[frame["p50"].notna()].sort_values(x)
    shown = [
        (outcome, mine, theme.COLOURS[str(role[mine.index[0]])])
        for outcome in ("renewed", "left")
        if len(mine := drawn[drawn["outcome"] == outcome])
    ]
    for _, mine, colour in shown:
        figure.add_scatter(
            x=mine[x], y=mine["p10"], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": colour, "width": 1.2, "dash": "dash"},
        )  # fmt: skip
    for outcome, mine, colour in shown:  # above both edges
        figure.add_scatter(
            x=mine[x], y=mine["p50"], mode="lines", line={"color": colour, "width": 3},
            name=f"those who {outcome}: middle, lowest tenth",
            customdata=mine[["p10", "p90", "n_terms"]].to_numpy().tolist(),
            hovertemplate=where + ": %{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f}), "
            "%{customdata[2]:,} contracts<extra></extra>",
        )  # fmt: skip
