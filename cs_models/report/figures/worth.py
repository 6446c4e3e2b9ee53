"""Figures of worth: gaps among customers who were alike, what was made alike, and money."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cs_models.report import theme
from cs_models.report.figures.canvas import POINTS_AXIS, bars, blank, in_points

_PANEL = 210  # pixels a rule
_KINDS = (
    ("gap_counted", "as counted", "noise", "circle-open", 20),
    ("gap_strata", "same segment and contract length", "noise", "circle", 12),
    ("gap", "alike in all that was known before", "accent", "diamond", 12),
)


def alike(frame: pd.DataFrame) -> go.Figure:
    """Draw the gap of each rule as counted, within strata, and among customers alike before.

    Parameters
    ----------
    frame : DataFrame
        One row a rule: ``group``, ``gap_counted``, ``gap_strata``, ``gap``, ``low``, ``high`` (0
        to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        Three dots a rule, the weighted one with its interval.
    """
    figure = blank(height=140 + 56 * len(frame), legend=True)
    frame = in_points(frame, *(column for column, *_ in _KINDS), "low", "high")
    names = [theme.literal(str(group)) for group in frame["group"]]
    frame = frame.assign(name=names)
    clear = frame["low"] > 0
    whole, parts = _KINDS[:-1], _KINDS[-1]
    drawn = [(frame, *kind) for kind in whole]
    drawn += [(frame[clear], *parts), (frame[~clear], parts[0], f"{parts[1]}: may be none",
                                       "noise", *parts[3:])]  # fmt: skip
    for rows, column, name, role, symbol, size in drawn:
        if rows.empty:
            continue
        shade = theme.COLOURS[role]
        interval = {"error_x": bars(rows, shade, of="gap")} if column == "gap" else {}
        figure.add_scatter(
            x=rows[column], y=rows["name"], mode="markers", name=name,
            marker={"size": size, "symbol": symbol, "color": shade,
                    "line": {"width": 2, "color": shade}},
            hovertemplate="%{y}, " + name + ": %{x:+.1f} points<extra></extra>", **interval,
        )  # fmt: skip
    figure.update_xaxes(title="Gap in renewal, points", rangemode="tozero", **POINTS_AXIS)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True,
                        showgrid=False, type="category")  # fmt: skip
    return figure


def balance(frame: pd.DataFrame, *, limit: float) -> go.Figure:
    """Draw how far the two sides are apart in each thing known before, without and with weights.

    Parameters
    ----------
    frame : DataFrame
        One row per (rule, covariate), furthest apart first: ``group``, ``covariate``, ``before``,
        ``after`` (standard deviations).
    limit : float
        Difference up to which two sides count as alike.

    Returns
    -------
    plotly.graph_objects.Figure
        Hollow dots before, filled ones after; a line at the limit.
    """
    names = list(dict.fromkeys(frame["covariate"]))
    figure = blank(height=120 + 26 * len(names), legend=True)
    for column, name, role, symbol in (
        ("before", "as they are", "noise", "circle-open"),
        ("after", "weighted", "accent", "circle"),
    ):
        figure.add_scatter(
            x=frame[column], y=[theme.literal(name) for name in frame["covariate"]], name=name,
            mode="markers", customdata=[theme.literal(str(group)) for group in frame["group"]],
            marker={"size": 10, "symbol": symbol, "color": theme.COLOURS[role],
                    "line": {"width": 2, "color": theme.COLOURS[role]}},
            hovertemplate="%{customdata}, %{y}: %{x:.2f}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=limit, line={"color": theme.COLOURS["below"], "dash": "dot", "width": 2})
    furthest = float(frame[["before", "after"]].max().max())
    figure.update_xaxes(title="Difference between the two sides (standard deviations)",
                        range=[-0.03 * furthest, 1.05 * max(furthest, limit)])  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True,
                        showgrid=False, type="category")  # fmt: skip
    return figure


def net_value(curve: pd.DataFrame, *, currency: str, axes: list[str]) -> go.Figure:
    """Draw what a play brings by the level below which it is made, a panel a rule.

    Parameters
    ----------
    curve : DataFrame
        One row per (rule, level): ``place``, ``group``, ``cut``, ``low``, ``mid``, ``high`` (net
        value at the low, middle and high save rate).
    currency : str
        ISO 4217 code.
    axes : list of str
        What is counted, one a rule.

    Returns
    -------
    plotly.graph_objects.Figure
        A band from the low to the high save rate, a line for the middle one; nought is marked.
    """
    places = sorted(curve["place"].unique())
    titles = [
        theme.literal(str(curve.loc[curve["place"] == place, "group"].iloc[0])) for place in places
    ]
    figure = make_subplots(
        rows=len(places), cols=1, subplot_titles=titles, vertical_spacing=0.36 / max(len(places), 2)
    )
    height = 110 + _PANEL * len(places)
    figure.update_layout(template=theme.TEMPLATE, height=height, margin={"t": 44})
    for row, (place, words) in enumerate(zip(places, axes, strict=True), start=1):
        mine = curve[curve["place"] == place]
        figure.add_scatter(
            x=[*mine["cut"], *mine["cut"][::-1]], y=[*mine["high"], *mine["low"][::-1]],
            fill="toself", mode="lines", line={"width": 0}, hoverinfo="skip",
            fillcolor=theme.faded(theme.COLOURS["above"], 0.18), name="range of save rates",
            showlegend=row == 1, row=row, col=1,
        )  # fmt: skip
        figure.add_scatter(
            x=mine["cut"], y=mine["mid"], mode="lines", name="middle save rate",
            line={"color": theme.COLOURS["above"], "width": 3}, showlegend=row == 1,
            hovertemplate="level %{x:,.4g}: %{y:,.0f} " + currency + "<extra></extra>",
            row=row, col=1,
        )  # fmt: skip
        if row == len(places) or words != axes[row]:  # once where all panels count the same
            figure.update_xaxes(title=theme.literal(words), row=row, col=1)
    figure.update_yaxes(title=f"Net, {currency}", tickformat="~s", zeroline=True, zerolinewidth=2)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    return figure
