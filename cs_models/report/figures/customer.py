"""Figures of one customer, of the health colours, and of where lost customers fell behind.

Grain in: frames of ``report/evidence/customer.py``.  Grain out: figures.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cs_models.report import theme
from cs_models.report.figures.canvas import bars, blank

_PANEL = 160  # pixels a colour


def parts(frame: pd.DataFrame, *, base: float, chance: float) -> go.Figure:
    """Draw how the drivers' points lead from a typical renewer's chance to the customer's.

    Parameters
    ----------
    frame : DataFrame
        One row a driver, the largest first: ``said``, ``points`` (of 100).
    base, chance : float
        Where it starts and ends, 0 to 1.

    Returns
    -------
    plotly.graph_objects.Figure
        One bar a driver, each from where the one above it ended.
    """
    figure = blank(height=150 + 36 * len(frame))
    names = ["typical customer who renewed", *frame["said"], "this customer"]
    ends = (100 * base + frame["points"].cumsum()).tolist()
    starts = [100 * base, *ends][: len(frame)]
    up = [points > 0 for points in frame["points"]]
    colours = [theme.COLOURS["churned" if more else "above"] for more in up]
    ink = theme.COLOURS["accent"]
    figure.add_bar(
        x=[100 * base, *frame["points"], 100 * chance], y=names, base=[0, *starts, 0],
        orientation="h", marker={"color": [ink, *colours, ink]},
        text=[f"{100 * base:.0f}", *map(_signed, frame["points"]), f"{100 * chance:.0f}"],
        textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>", showlegend=False,
    )  # fmt: skip
    most = max(100 * chance, 100 * base, *ends, *starts)
    figure.update_xaxes(title="Chance of leaving, points of 100", range=[0, 1.18 * most])
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True,
                        showgrid=False, type="category")  # fmt: skip
    return figure


def places(frame: pd.DataFrame) -> go.Figure:
    """Draw where the customer stands among past renewers, measure by measure.

    Parameters
    ----------
    frame : DataFrame
        One row a measure, the worst first: ``said``, ``among_renewed`` (+ ``_low``, ``_high``;
        0 is worse than every renewer).

    Returns
    -------
    plotly.graph_objects.Figure
        Grey where the interval reaches into the middle half of the renewers.
    """
    figure = blank(height=130 + 34 * len(frame))
    names = [theme.literal(str(name)) for name in frame["said"]]
    drawn = frame.assign(low=frame["among_renewed_low"], high=frame["among_renewed_high"])
    colours = [
        theme.COLOURS["churned" if high <= 0.25 else "above" if low >= 0.75 else "noise"]
        for low, high in zip(drawn["low"], drawn["high"], strict=True)
    ]
    figure.add_scatter(
        x=frame["among_renewed"], y=names, mode="markers", showlegend=False,
        marker={"size": 12, "color": colours},
        error_x=bars(drawn, theme.faded(theme.COLOURS["noise"], 0.6), of="among_renewed"),
        hovertemplate="%{y}: better than %{x:.0%} of them<extra></extra>",
    )  # fmt: skip
    figure.add_vrect(x0=0.25, x1=0.75, line_width=0, layer="below",
                     fillcolor=theme.faded(theme.COLOURS["noise"], 0.14))  # fmt: skip
    figure.update_xaxes(title="Renewers who stood worse", tickformat=".0%",
                        range=[-0.02, 1.02])  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True,
                        showgrid=False, type="category")  # fmt: skip
    return figure


def health(frame: pd.DataFrame, names: Mapping[str, str]) -> go.Figure:
    """Draw for each colour what was expected and what left, quarter by quarter, a panel a colour.

    Parameters
    ----------
    frame : DataFrame
        One row per (quarter, colour): ``quarter``, ``colour``, ``expected_rate``,
        ``observed_rate``, ``low``, ``high`` (0 to 1), ``n``.
    names : mapping of str to str
        What each colour decides, in words.

    Returns
    -------
    plotly.graph_objects.Figure
        Hollow: expected.  Filled, with its interval: came true.
    """
    colours = [name for name in theme.HEALTH_COLOURS if (frame["colour"] == name).any()]
    figure = make_subplots(
        rows=len(colours), cols=1, shared_xaxes=True,
        subplot_titles=[names[name] for name in colours],
        vertical_spacing=0.24 / max(len(colours), 2),
    )  # fmt: skip
    height = 120 + _PANEL * len(colours)
    figure.update_layout(template=theme.TEMPLATE, height=height, margin={"t": 44})
    for row, colour in enumerate(colours, start=1):
        mine = frame[frame["colour"] == colour]
        shade = theme.HEALTH_COLOURS[colour]
        figure.add_scatter(
            x=mine["quarter"], y=mine["observed_rate"], mode="markers",
            name=f"left, {names[colour]}",
            marker={"size": 10, "color": shade, "symbol": theme.HEALTH_SYMBOLS[colour]},
            error_y=bars(mine, theme.faded(shade, 0.5), of="observed_rate"),
            customdata=mine[["n"]].to_numpy().tolist(), row=row, col=1,
            hovertemplate="%{x}: %{y:.0%} of %{customdata[0]:,} left<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=mine["quarter"], y=mine["expected_rate"], mode="markers", name="expected",
            marker={"size": 13, "symbol": "diamond-open", "color": theme.COLOURS["accent"],
                    "line": {"width": 2, "color": theme.COLOURS["accent"]}},
            hovertemplate="%{x}: %{y:.0%} expected<extra></extra>", showlegend=row == 1,
            row=row, col=1,
        )  # fmt: skip
    figure.update_xaxes(type="category", categoryorder="array", showgrid=False,
                        categoryarray=sorted(frame["quarter"].unique()))  # fmt: skip
    most = float(frame[["high", "expected_rate"]].max().max())
    figure.update_yaxes(tickformat=".0%", range=[0, min(1.04, 1.08 * most)], title="Left")
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    return figure


def lost(frame: pd.DataFrame) -> go.Figure:
    """Draw at which stage lost terms fell behind, beside renewed terms blamed by the same rule.

    Parameters
    ----------
    frame : DataFrame
        One row a stage, in their order: ``said``, ``share``, ``share_of_renewed_behind`` (0 to
        1), ``low`` (lower end of the difference between the two).

    Returns
    -------
    plotly.graph_objects.Figure
        Those who left are coloured only where they fell behind there clearly more often.
    """
    figure = blank(height=130 + 44 * len(frame), legend=True)
    clear = frame["low"] > 0
    for rows, column, name, role, symbol in (
        (frame, "share_of_renewed_behind", "of those who renewed", "noise", "circle-open"),
        (frame[clear], "share", "of those who left", "churned", "circle"),
        (frame[~clear], "share", "of those who left, not clearly more", "noise", "circle"),
    ):
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows[column], y=rows["said"], mode="markers", name=name,
            marker={"size": 13, "symbol": symbol, "color": theme.COLOURS[role],
                    "line": {"width": 2, "color": theme.COLOURS[role]}},
            hovertemplate="%{y}: %{x:.0%} " + name + "<extra></extra>",
        )  # fmt: skip
    most = float(frame[["share", "share_of_renewed_behind"]].max().max())
    figure.update_xaxes(title="Share that fell behind there first", tickformat=".0%",
                        range=[-0.01, 1.1 * most])  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=list(frame["said"])[::-1],
                        automargin=True, showgrid=False, type="category")  # fmt: skip
    return figure


def _signed(points: float) -> str:
    """Write points with their sign; what rounds to nought has none."""
    shown = round(points, 1)
    return f"{shown:+.1f}" if shown else "0.0"
