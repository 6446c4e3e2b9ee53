"""Figures of one rule: either side of its level, more use step by step, and which levels fit."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import PERCENT_AXIS, Scale, bars, blank


def either_side(rates: pd.DataFrame) -> go.Figure:
    """Draw the renewal rate on both sides of each group's cut, with intervals.

    Parameters
    ----------
    rates : DataFrame
        One row per (group, side): ``group`` (words), ``side`` ("at or above" or "below"),
        ``rate``, ``low``, ``high`` (renewal rates, 0 to 1), ``n_terms``.

    Returns
    -------
    plotly.graph_objects.Figure
        One line a group, a dot a side, horizontal bars for the 95 % intervals.
    """
    figure = blank(height=110 + 74 * rates["group"].nunique(), legend=True)
    rates = rates.assign(group=rates["group"].map(theme.literal))
    for group, pair in rates.groupby("group", sort=False):
        figure.add_scatter(
            x=pair["rate"],
            y=[group] * len(pair),
            mode="lines",
            line={"color": theme.COLOURS["noise"], "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    for side, role in (("below", "below"), ("at or above", "above")):
        rows = rates[rates["side"] == side]
        figure.add_scatter(
            x=rows["rate"],
            y=rows["group"],
            name=side,
            mode="markers+text",
            text=[
                f"{rate:.0%} of {n:,}"
                for rate, n in zip(rows["rate"], rows["n_terms"], strict=True)
            ],
            textposition="top center",
            cliponaxis=False,
            marker={"color": theme.COLOURS[role], "size": 13},
            error_x=bars(rows, theme.COLOURS[role]),
            customdata=rows[["n_terms"]],
            hovertemplate="%{y}, " + side + ": %{x:.1%} of %{customdata[0]} terms<extra></extra>",
        )
    figure.update_xaxes(title="Renewal rate", **PERCENT_AXIS)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def dose_response(
    levels: pd.DataFrame,
    curve: pd.DataFrame,
    *,
    axis: str,
    cut: tuple[float, float, float] | None,
) -> go.Figure:
    """Draw how renewal goes with use: a curve that never turns, over the rates by level.

    Parameters
    ----------
    levels : DataFrame
        One row a level, ascending: ``level`` (words), ``middle`` (its median use), ``rate``,
        ``low``, ``high`` (renewal rates, 0 to 1), ``n_terms``.
    curve : DataFrame
        One row a value, ascending: ``value``, ``rate``, ``low``, ``high`` (0 to 1).
    axis : str
        What is counted, with its unit and window.
    cut : tuple of float or None
        The level, and the ends of its interval, on the scale of ``value``; None where no level
        is a threshold, and none is drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        Grey dots with intervals for the levels; a line with its band; the cut dashed.
    """
    figure = blank(height=400, legend=True)
    scale = Scale([*curve["value"], *levels["middle"], *(cut or ())])
    _band(figure, scale, curve)
    figure.add_scatter(
        x=scale.at(levels["middle"]), y=levels["rate"], name="groups of similar size",
        mode="markers", marker={"color": theme.COLOURS["noise"], "size": 10},
        error_y=bars(levels, theme.COLOURS["noise"]),
        customdata=list(zip(map(theme.literal, levels["level"]), levels["n_terms"], strict=True)),
        hovertemplate="%{customdata[0]}: %{y:.1%} of %{customdata[1]} terms<extra></extra>",
    )  # fmt: skip
    if cut is not None:
        level, low, high = (float(end) for end in scale.at(cut))
        figure.add_vrect(
            x0=low, x1=max(high, low + 0.01), fillcolor=theme.COLOURS["noise"], opacity=0.22,
            line_width=0, layer="below",
        )  # fmt: skip
        figure.add_vline(x=level, line={"color": theme.COLOURS["accent"], "dash": "dash"})
        figure.add_annotation(
            x=level, y=0.02, yref="paper", yanchor="bottom", xanchor="left", xshift=6,
            text=f"level: {cut[0]:,.4g}", showarrow=False,
        )  # fmt: skip
    figure.update_yaxes(title="Renewal rate", **PERCENT_AXIS)
    figure.update_xaxes(**scale.axis(axis))
    return figure


def _band(figure: go.Figure, scale: Scale, curve: pd.DataFrame) -> None:
    at = scale.at(curve["value"])
    figure.add_scatter(
        x=[*at, *at[::-1]], y=[*curve["high"], *curve["low"][::-1]], fill="toself",
        fillcolor=theme.faded(theme.COLOURS["above"], 0.16), line={"width": 0}, mode="lines",
        hoverinfo="skip", name="95 % band", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=at, y=curve["rate"], mode="lines", name="curve that never turns, with its band",
        line={"color": theme.COLOURS["above"], "width": 3}, customdata=curve["value"],
        hovertemplate="at %{customdata:,.4g}: %{y:.1%}<extra></extra>",
    )  # fmt: skip


def cut_likelihood(profile: pd.DataFrame, *, axis: str, limit: float) -> go.Figure:
    """Draw how well each possible cut explains the history, and which cannot be told apart.

    Parameters
    ----------
    profile : DataFrame
        One row per candidate cut, ascending: ``cut``, ``deviance`` (twice the
        drop of log likelihood from the best cut over the design effect; 0 is best),
        ``inside`` (bool).
    axis : str
        What is counted, with its unit and window.
    limit : float
        Deviance up to which cuts belong to the 95 % interval (``methods.md`` 2.6).

    Returns
    -------
    plotly.graph_objects.Figure
        A line over the cuts, those inside the interval marked.
    """
    figure = blank(height=320)
    figure.add_scatter(
        x=profile["cut"],
        y=profile["deviance"],
        mode="lines+markers",
        line={"color": theme.COLOURS["noise"], "width": 2},
        marker={
            "size": 7,
            "color": [
                theme.COLOURS["accent" if inside else "noise"] for inside in profile["inside"]
            ],
        },
        hovertemplate="cut %{x}: %{y:.1f} worse<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=limit, line={"color": theme.COLOURS["below"], "dash": "dot"})
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=limit, yanchor="bottom",
        text="above this line: as good as the best", showarrow=False,
    )  # fmt: skip
    figure.update_xaxes(title=theme.literal(axis))
    worst = float(profile["deviance"].max())
    # The best cut is on top; a little room keeps its marker whole.
    figure.update_yaxes(title="Worse than the best by", range=[1.05 * worst, -0.06 * worst])
    return figure
