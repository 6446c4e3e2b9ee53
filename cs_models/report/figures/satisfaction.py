"""Figures of word, skill and use: the cube, gaps in NPS, feedback to product, word and deed."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import POINTS_AXIS, bars, blank, in_points, percent_ticks

_ROW = 30  # pixels a row
_ROOM = 110
_SAID = {"praise": "above", "neither": "accent", "complaint": "churned", "no answer": "noise"}
_LINKED = {
    "goes with renewal": "renewed", "goes with leaving": "churned",
    "most renewed at both ends": "below", "most renewed in the middle": "above",
}  # fmt: skip


def corners(frame: pd.DataFrame) -> go.Figure:
    """Draw the share of users in each corner.

    Parameters
    ----------
    frame : DataFrame, one row per corner
        ``corner``, ``share``, ``low``, ``high``, ``n``.
    """
    figure = blank(height=_ROOM + _ROW * len(frame))
    colour = theme.COLOURS["accent"]
    figure.add_bar(
        y=frame["corner"], x=frame["share"], orientation="h",
        marker={"color": theme.faded(colour, 0.55)},
        error_x=bars(frame, theme.COLOURS["ink"], of="share"),
        customdata=frame[["n", "low", "high"]].to_numpy().tolist(),
        hovertemplate="%{y}: %{x:.0%} (%{customdata[1]:.0%} to %{customdata[2]:.0%}), "
        "%{customdata[0]:,} users<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(
        title="Share of the users who answered", rangemode="tozero",
        tickformat=percent_ticks(0.0, float(frame["high"].max())),
    )  # fmt: skip
    return figure


def gaps(frame: pd.DataFrame) -> go.Figure:
    """Draw the gap in NPS of each feature; grey where it cannot be told from none.

    Parameters
    ----------
    frame : DataFrame, one row per feature
        ``feature``, ``gap``, ``low``, ``high`` (points of NPS), ``holds``.
    """
    return _dots(frame, "gap", "Points of NPS, users of the feature less like people")


def product(frame: pd.DataFrame) -> go.Figure:
    """Draw how widely each feature is used against how its use goes with renewal.

    Parameters
    ----------
    frame : DataFrame, one row per feature
        ``feature``, ``share``, ``points``, ``link_low``, ``link_high``, ``role``.
    """
    figure = blank(height=420, legend=True)
    drawn = in_points(frame.dropna(subset=["points"]), "points", "link_low", "link_high")
    drawn = drawn.assign(low=drawn["link_low"], high=drawn["link_high"])
    told = drawn["role"].where(drawn["role"].isin(list(_LINKED)), "cannot be told from no link")
    for role, mine in drawn.groupby(told, sort=False):
        colour = theme.COLOURS[_LINKED.get(str(role), "noise")]
        figure.add_scatter(
            x=mine["share"], y=mine["points"], mode="markers+text", name=str(role),
            text=mine["feature"].map(theme.literal) if str(role) in _LINKED else None,
            textposition="top center",
            marker={"size": 11, "color": colour},
            error_y=bars(mine, theme.faded(colour, 0.5), of="points"),
            customdata=mine["feature"].map(theme.literal).to_numpy().reshape(-1, 1).tolist(),
            hovertemplate="%{customdata[0]}: used by %{x:.0%}, %{y:+.1f} points of renewal with "
            "twice the use<extra></extra>",
        )  # fmt: skip
    # A name over the last dot needs room on a narrow page.
    ends = [float(drawn["share"].min()) * 0.8, float(drawn["share"].max()) * 1.2]
    figure.update_xaxes(
        title="Share of active users who use it", tickformat=percent_ticks(*ends), range=ends
    )
    figure.update_yaxes(title="Renewal with twice the use (points)", **POINTS_AXIS)
    return figure


def meetings(frame: pd.DataFrame) -> go.Figure:
    """Draw past renewal rates by what was said and done.

    Parameters
    ----------
    frame : DataFrame, twelve rows
        ``says``, ``does``, ``renewal_rate``, ``low``, ``high``, ``n_terms``.
    """
    figure = blank(height=380, legend=True)
    drawn = frame[frame["n_terms"] > 0]
    for says, mine in drawn.groupby("says", sort=False):
        colour = theme.COLOURS[_SAID[str(says)]]
        figure.add_scatter(
            x=mine["does"], y=mine["renewal_rate"], mode="markers", name=str(says),
            marker={"size": 12, "color": colour},
            error_y=bars(mine, theme.faded(colour, 0.6), of="renewal_rate"),
            customdata=mine[["low", "high", "n_terms"]].to_numpy().tolist(),
            hovertemplate="%{fullData.name}, %{x}: %{y:.0%} renewed (%{customdata[0]:.0%} to "
            "%{customdata[1]:.0%}), %{customdata[2]:,} contracts<extra></extra>",
        )  # fmt: skip
    figure.update_layout(scattermode="group", scattergap=0.6)
    title = "Use per seat in the 12 weeks before, against the segment"
    figure.update_xaxes(type="category", showgrid=False, title=title)
    figure.update_yaxes(title="Renewal rate", tickformat=".0%")
    return figure


def _dots(frame: pd.DataFrame, of: str, title: str) -> go.Figure:
    figure = blank(height=_ROOM + 24 * len(frame), legend=True)
    for holds, role, name in (
        (True, "renewed", "stands out"), (False, "noise", "cannot be told from none"),
    ):  # fmt: skip
        mine = frame[frame["holds"].astype(bool) == holds]
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine[of], y=mine["feature"].map(theme.literal), mode="markers", name=name,
            marker={"size": 10, "color": theme.COLOURS[role]},
            error_x=bars(mine, theme.faded(theme.COLOURS[role], 0.6), of=of),
            customdata=mine[["low", "high"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{x:+.0f} (%{customdata[0]:+.0f} to %{customdata[1]:+.0f})"
            "<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title=title, **POINTS_AXIS)
    return figure
