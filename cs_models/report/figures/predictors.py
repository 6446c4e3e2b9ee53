"""Figures of chances and lists: who is at risk, past quarters, calibration, models, drivers.

Grain in: frames of ``report/evidence/``.  Grain out: figures; they read, compute and save nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import bars, blank


def at_risk(frame: pd.DataFrame, *, base: float, names: Mapping[str, str]) -> go.Figure:
    """Draw the chance of leaving of each customer with its band, the most at stake on top.

    Parameters
    ----------
    frame : DataFrame
        One row a term: ``name``, ``p_churn``, ``p_low``, ``p_high`` (0 to 1), ``colour``.
    base : float
        Share of past terms that left: a line.
    names : mapping of str to str
        What each colour decides, in words.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure = blank(height=110 + 30 * len(frame), legend=True)
    rows = [theme.literal(str(name)) for name in frame["name"]]
    drawn = frame.assign(low=frame["p_low"], high=frame["p_high"], name=rows)
    for colour, shade in {**theme.HEALTH_COLOURS, "": theme.COLOURS["noise"]}.items():
        mine = drawn[drawn["colour"].fillna("") == colour]
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine["p_churn"], y=mine["name"], mode="markers", name=names.get(colour, "not known"),
            marker={"size": 12, "color": shade,
                    "symbol": theme.HEALTH_SYMBOLS.get(colour, "circle")},
            error_x=bars(mine, theme.faded(shade, 0.55), of="p_churn"),
            customdata=mine[["p_low", "p_high"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{x:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%})"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=base, line={"color": theme.COLOURS["muted"], "dash": "dot", "width": 2})
    most = min(1.02, float(drawn["p_high"].max()) * 1.08 + 0.02)
    figure.update_xaxes(title="Chance of leaving", tickformat=".0%",
                        range=[0, max(most, 1.5 * base)])  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=rows[::-1], automargin=True,
                        showgrid=False, type="category")  # fmt: skip
    return figure


def quarters(frame: pd.DataFrame) -> go.Figure:
    """Draw what was expected to leave and what left, quarter by quarter.

    Parameters
    ----------
    frame : DataFrame
        One row a quarter: ``quarter``, ``expected``, ``observed``, ``low``, ``high`` (0 to 1),
        ``n_terms``, ``n_churned``.

    Returns
    -------
    plotly.graph_objects.Figure
        Hollow: expected.  Filled, with its interval: came true; grey where chance would do.
    """
    figure = blank(height=330, legend=True)
    inside = frame["expected"].between(frame["low"], frame["high"])
    for mine, role, name in (
        (frame[inside], "noise", "left, within chance of it"), (frame[~inside], "churned", "left"),
    ):  # fmt: skip
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine["quarter"], y=mine["observed"], mode="markers", name=name,
            marker={"size": 11, "color": theme.COLOURS[role]},
            error_y=bars(mine, theme.faded(theme.COLOURS[role], 0.6), of="observed"),
            customdata=mine[["n_churned", "n_terms"]].to_numpy().tolist(),
            hovertemplate="%{x}: %{y:.1%} left (%{customdata[0]:,} of %{customdata[1]:,} terms)"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=frame["quarter"], y=frame["expected"], mode="markers", name="was expected to leave",
        marker={"size": 15, "symbol": "diamond-open", "color": theme.COLOURS["accent"],
                "line": {"width": 3, "color": theme.COLOURS["accent"]}},
        hovertemplate="%{x}: %{y:.1%} expected<extra></extra>",
    )  # fmt: skip
    most = float(frame[["high", "expected"]].max().max())
    figure.update_xaxes(type="category", categoryorder="array", showgrid=False,
                        categoryarray=list(frame["quarter"]))  # fmt: skip
    figure.update_yaxes(title="Share of the terms judged", tickformat=".0%",
                        range=[0, min(1.02, 1.1 * most)])  # fmt: skip
    return figure


def calibration(curve: pd.DataFrame, groups: pd.DataFrame) -> go.Figure:
    """Draw what came true against what was said.

    Parameters
    ----------
    curve : DataFrame
        One row a place: ``p``, ``observed``, ``low``, ``high``.
    groups : DataFrame
        One row a group: ``expected``, ``observed``, ``low``, ``high``, ``n``.

    Returns
    -------
    plotly.graph_objects.Figure
        Dotted: right on average.  Band and line: the smooth curve.  Dots: groups of equal size,
        grey where their interval holds what was said.
    """
    figure = blank(height=420, legend=True)
    role = theme.COLOURS["accent"]
    figure.add_scatter(
        x=[*curve["p"], *curve["p"][::-1]], y=[*curve["high"], *curve["low"][::-1]],
        fill="toself", mode="lines", line={"width": 0}, fillcolor=theme.faded(role, 0.16),
        name="95 % band", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=curve["p"], y=curve["observed"], mode="lines", name="smooth curve",
        line={"color": role, "width": 3},
        hovertemplate="said %{x:.0%}: %{y:.0%} left<extra></extra>",
    )  # fmt: skip
    inside = groups["expected"].between(groups["low"], groups["high"])
    for mine, role, name in (
        (groups[inside], "noise", "ten groups of equal size"),
        (groups[~inside], "churned", "of them beyond chance"),
    ):
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine["expected"], y=mine["observed"], mode="markers", name=name,
            marker={"size": 9, "color": theme.COLOURS[role]},
            error_y=bars(mine, theme.faded(theme.COLOURS[role], 0.6), of="observed"),
            customdata=mine[["n"]].to_numpy().tolist(),
            hovertemplate="said %{x:.0%}: %{y:.0%} of %{customdata[0]:,} left<extra></extra>",
        )  # fmt: skip
    ends = [*groups["expected"], *groups["high"], *curve["p"]]
    most = min(1.0, 1.06 * max(map(float, ends), default=1.0))
    figure.add_scatter(
        x=[0, most], y=[0, most], mode="lines", name="as often as said", hoverinfo="skip",
        line={"color": theme.COLOURS["muted"], "dash": "dot", "width": 2},
    )  # fmt: skip
    figure.update_xaxes(title="Chance that was said", tickformat=".0%", range=[0, most])
    figure.update_yaxes(title="Share that left", tickformat=".0%", range=[0, most])
    return figure


def ladder(frame: pd.DataFrame) -> go.Figure:
    """Draw what each model added to the last one that was worth it, with one standard error.

    Parameters
    ----------
    frame : DataFrame
        One row a model: ``name``, ``gain``, ``gain_low``, ``gain_high``, ``chosen``.

    Returns
    -------
    plotly.graph_objects.Figure
        Right of nought is better; the one that is believed is coloured.
    """
    figure = blank(height=110 + 46 * len(frame))
    drawn = frame.assign(low=frame["gain_low"], high=frame["gain_high"]).dropna(subset=["gain"])
    for chosen, role in ((True, "accent"), (False, "noise")):
        mine = drawn[drawn["chosen"].astype(bool) == chosen]
        figure.add_scatter(
            x=mine["gain"], y=mine["name"], mode="markers", showlegend=False,
            marker={"size": 12, "color": theme.COLOURS[role]},
            error_x=bars(mine, theme.faded(theme.COLOURS[role], 0.6), of="gain"),
            hovertemplate="%{y}: %{x:+.4f}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": theme.COLOURS["muted"], "width": 2})
    figure.update_xaxes(title="Less surprise (log loss)")
    figure.update_yaxes(categoryorder="array", categoryarray=list(frame["name"])[::-1],
                        automargin=True, showgrid=False, type="category")  # fmt: skip
    return figure


def drivers(frame: pd.DataFrame) -> go.Figure:
    """Draw what each driver was worth in each past quarter, a dot a quarter.

    Parameters
    ----------
    frame : DataFrame
        One row a driver, the weightiest first: ``said``, ``mean``, its range ``low``, ``high``
        (NaN: none), ``clear``, ``by_quarter`` (list of dict: quarter, loss_increase).

    Returns
    -------
    plotly.graph_objects.Figure
        Small dots: quarters.  Diamond: their mean, grey where it may be luck.  At nought it told
        nothing.
    """
    figure = blank(height=120 + 38 * len(frame), legend=True)
    dots = [
        (item["loss_increase"], said, item["quarter"])
        for said, items in zip(frame["said"], frame["by_quarter"], strict=True) for item in items
    ]  # fmt: skip
    figure.add_scatter(
        x=[x for x, _, _ in dots], y=[y for _, y, _ in dots], mode="markers", name="one quarter",
        marker={"size": 9, "color": theme.faded(theme.COLOURS["noise"], 0.75)},
        customdata=[[quarter] for _, _, quarter in dots],
        hovertemplate="%{y}, %{customdata[0]}: %{x:+.4f}<extra></extra>",
    )  # fmt: skip
    holds = frame["clear"].astype(bool)
    for mine, role, name in (
        (frame[holds], "accent", "mean and its range, beyond luck"),
        (frame[~holds], "noise", "mean and its range, may be luck"),
    ):
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine["mean"], y=mine["said"], mode="markers", name=name,
            marker={"size": 16, "symbol": "diamond", "color": theme.COLOURS[role]},
            error_x=bars(mine, theme.faded(theme.COLOURS[role], 0.6), of="mean"),
            hovertemplate="%{y}: %{x:+.4f} on average<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": theme.COLOURS["muted"], "width": 2})
    figure.update_xaxes(title="Told worse without it by (log loss)")
    figure.update_yaxes(categoryorder="array", categoryarray=list(frame["said"])[::-1],
                        automargin=True, showgrid=False, type="category")  # fmt: skip
    return figure
