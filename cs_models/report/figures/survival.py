"""Figures of staying: curves as steps with numbers watched, risks, causes, ratios, forecasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cs_models.report import theme
from cs_models.report.figures.canvas import PERCENT_AXIS, bars, blank

COLOURS = ("accent", "above", "churned", "below", "renewed", "involuntary")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_CAUSES = ("churned", "contracted", "involuntary")
_CURVE = 330  # pixels
_ROW = 26  # of the numbers below it, a group


def curves(
    steps: pd.DataFrame,
    watched: pd.DataFrame,
    *,
    axis: str,
    ticks: Sequence[float],
    apart: bool = True,
) -> go.Figure:
    """Draw the share still there, as steps, with how many were watched below.

    Parameters
    ----------
    steps : DataFrame
        One row per group and time: ``group`` (words), ``time``, ``survival``, ``low``, ``high``
        (0 to 1, nothing missing).
    watched : DataFrame
        One row per group and moment: ``group``, ``time``, ``at_risk``.
    axis : str
        What the time counts.
    ticks : sequence of float
        Where the axis is marked.
    apart : bool, default True
        Whether the groups can be told apart; where not, all are grey and told by their strokes.

    Returns
    -------
    plotly.graph_objects.Figure
        A line and its band a group, flat until the next step; never a slope.
    """
    names = list(dict.fromkeys(steps["group"]))
    height = _ROW * len(names)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.04, row_heights=[_CURVE, height]
    )
    figure.update_layout(
        template=theme.TEMPLATE, height=_CURVE + height + 110, showlegend=len(names) > 1
    )
    for place, name in enumerate(names):
        colour = theme.COLOURS[COLOURS[place % len(COLOURS)] if apart else "noise"]
        dash = "solid" if apart else _DASHES[place % len(_DASHES)]
        _curve(figure, steps[steps["group"] == name], colour, dash)
        # The start is in the table: its number would stand on the names.
        own = watched[(watched["group"] == name) & (watched["time"] > 0)]
        figure.add_scatter(
            x=own["time"], y=[theme.literal(name)] * len(own), mode="text",
            text=[f"{n:,}" for n in own["at_risk"]], hoverinfo="skip", showlegend=False,
            textfont={"color": colour}, cliponaxis=False, row=2, col=1,
        )  # fmt: skip
    last = max(float(steps["time"].max()), float(watched["time"].max()))
    room = {"range": [-0.03 * last, 1.04 * last], "tickvals": list(ticks)}
    figure.update_xaxes(**room, showgrid=False)
    figure.update_xaxes(title=theme.literal(axis), row=2, col=1)
    figure.update_yaxes(title="Still customers", **PERCENT_AXIS, row=1, col=1)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, row=2, col=1)
    return figure


def risk(frame: pd.DataFrame) -> go.Figure:
    """Draw the share lost at each renewal, by length of contract.

    Parameters
    ----------
    frame : DataFrame
        One row per length and renewal: ``group`` (words), ``opportunity``, ``at_risk``,
        ``hazard``, ``low``, ``high`` (0 to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        Dots with intervals, side by side; no line, for between renewals there is nothing.
    """
    figure = blank(height=360, legend=True)
    names = list(dict.fromkeys(frame["group"]))
    for place, name in enumerate(names):
        rows = frame[frame["group"] == name]
        colour = theme.COLOURS[COLOURS[place % len(COLOURS)]]
        figure.add_scatter(
            x=rows["opportunity"] + 0.12 * (place - (len(names) - 1) / 2), y=rows["hazard"],
            name=theme.literal(name), mode="markers",
            marker={"size": 11, "color": colour, "symbol": SYMBOLS[place % len(SYMBOLS)]},
            error_y=bars(rows, theme.faded(colour, 0.6), of="hazard"),
            customdata=rows[["opportunity", "at_risk"]].to_numpy().tolist(),
            hovertemplate="renewal %{customdata[0]}: %{y:.1%} of %{customdata[1]:,}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(
        title="Renewal", tickvals=sorted(frame["opportunity"].unique().tolist()), showgrid=False
    )
    most = min(1.02, max(0.1, float(frame["high"].max()) * 1.05))
    figure.update_yaxes(title="Lost at it", tickformat=".0%", range=[-0.03 * most, most])
    return figure


def sorting(frame: pd.DataFrame) -> go.Figure:
    """Draw the share renewed at each renewal, and what sorting alone would show.

    Parameters
    ----------
    frame : DataFrame
        One row per renewal: ``opportunity``, ``at_risk``, ``rate``, ``low``, ``high``,
        ``expected`` (0 to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        A dot is grey where its interval holds what sorting alone would show.
    """
    figure = blank(height=340, legend=True)
    figure.add_scatter(
        x=frame["opportunity"], y=frame["expected"], mode="lines+markers",
        name="if nobody ever changed", line={"color": theme.COLOURS["noise"], "dash": "dash"},
        marker={"symbol": "line-ew-open", "size": 14, "color": theme.COLOURS["noise"]},
        hovertemplate="renewal %{x}: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    inside = frame["expected"].between(frame["low"], frame["high"])
    for rows, role, name in (
        (frame[~inside], "renewed", "renewed, apart from that"),
        (frame[inside], "noise", "renewed"),
    ):  # fmt: skip
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows["opportunity"], y=rows["rate"], mode="markers", name=name,
            marker={"size": 12, "color": theme.COLOURS[role]},
            error_y=bars(rows, theme.COLOURS[role]),
            customdata=rows[["at_risk"]].to_numpy().tolist(),
            hovertemplate="renewal %{x}: %{y:.1%} of %{customdata[0]:,}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Renewal", tickvals=frame["opportunity"].tolist(), showgrid=False)
    figure.update_yaxes(title="Renewed, of those that came to it", **PERCENT_AXIS)
    return figure


def causes(frame: pd.DataFrame, *, ticks: Sequence[float]) -> go.Figure:
    """Draw the share lost over time, cause on cause.

    Parameters
    ----------
    frame : DataFrame
        One row per cause and time: ``cause``, ``time`` (months; the same times for all),
        ``incidence`` (0 to 1).
    ticks : sequence of float
        Where the axis is marked.
    """
    figure = blank(height=380, legend=True)
    for place, (cause, rows) in enumerate(frame.groupby("cause", sort=False)):
        colour = theme.COLOURS[_CAUSES[place % len(_CAUSES)]]
        figure.add_scatter(
            x=rows["time"], y=rows["incidence"], name=theme.literal(str(cause)), mode="lines",
            stackgroup="lost", line={"shape": "hv", "width": 1.5, "color": colour},
            fillcolor=theme.faded(colour, 0.45),
            hovertemplate="month %{x:.0f}: %{y:.1%}<extra></extra>",
        )  # fmt: skip
    most = float(frame.groupby("time")["incidence"].sum().max())
    figure.update_xaxes(title="Months since the customer began", tickvals=list(ticks))
    figure.update_yaxes(title="Lost", tickformat=".0%", range=[0, min(1.02, most * 1.08)])
    return figure


def ratios(frame: pd.DataFrame, *, axis: str) -> go.Figure:
    """Draw ratios with intervals, a row each, on a scale where half and double are alike far.

    Parameters
    ----------
    frame : DataFrame
        One row a ratio: ``label`` (words), ``ratio``, ``low``, ``high`` (above 0), ``clear``
        (bool).
    axis : str
        What the ratio is of.

    Returns
    -------
    plotly.graph_objects.Figure
        Coloured where clear, grey where within noise; 1, no difference, is dashed.
    """
    figure = blank(height=120 + 52 * len(frame))
    labels = [_wrapped(label) for label in frame["label"]]
    for clear, role in ((True, "accent"), (False, "noise")):
        own = (frame["clear"] == clear).to_numpy()
        rows = frame[own]
        colour = theme.COLOURS[role]
        figure.add_scatter(
            x=rows["ratio"], y=[label for label, mine in zip(labels, own, strict=True) if mine],
            mode="markers", showlegend=False, marker={"size": 12, "color": colour},
            error_x=bars(rows, colour, of="ratio"),
            hovertemplate="%{x:.2f}<extra></extra>",
        )  # fmt: skip
    ends = [*frame["low"].clip(lower=0.05), *frame["high"].clip(upper=20), 0.5, 2.0]
    figure.add_vline(x=1, line={"color": theme.COLOURS["noise"], "dash": "dash"})
    marks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    figure.update_xaxes(
        title=theme.literal(axis), type="log", tickvals=marks, ticktext=[f"{m:g}" for m in marks],
        range=[np.log10(min(ends)) - 0.06, np.log10(max(ends)) + 0.06],
    )  # fmt: skip
    figure.update_yaxes(
        automargin=True, showgrid=False, categoryorder="array", categoryarray=labels[::-1]
    )
    return figure


def years(frame: pd.DataFrame, *, horizon_years: int) -> go.Figure:
    """Draw the years that running terms are expected to last, a row a group.

    Parameters
    ----------
    frame : DataFrame
        One row a group: ``group``, ``years``, ``years_low``, ``years_high``, ``n_terms``.
    horizon_years : int
        Years looked at: the end of the axis.
    """
    figure = blank(height=120 + 52 * len(frame))
    rows = frame.assign(low=frame["years_low"], high=frame["years_high"])
    colour = theme.COLOURS["renewed"]
    figure.add_scatter(
        x=rows["years"], y=[f"{theme.literal(name)} ({n:,})" for name, n in
                            zip(rows["group"], rows["n_terms"], strict=True)], mode="markers",
        marker={"size": 13, "color": colour}, error_x=bars(rows, colour, of="years"),
        customdata=rows[["n_terms"]].to_numpy().tolist(),
        hovertemplate="%{x:.1f} years, %{customdata[0]:,} contracts<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        title=f"Years expected, of the next {horizon_years}, of (so many) contracts",
        range=[0, horizon_years * 1.02],
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def foretold(frame: pd.DataFrame) -> go.Figure:
    """Draw what was said beside what came true, a third of the customers a row.

    Parameters
    ----------
    frame : DataFrame
        One row a third: ``third`` (words), ``said``, ``rate``, ``low``, ``high`` (0 to 1), ``n``.

    Returns
    -------
    plotly.graph_objects.Figure
        What came true is grey where its interval holds what was said.
    """
    figure = blank(height=300, legend=True)
    rows = frame.assign(third=[f"{theme.literal(name)} ({n:,})" for name, n in
                               zip(frame["third"], frame["n"], strict=True)])  # fmt: skip
    figure.add_scatter(
        x=rows["said"], y=rows["third"], mode="markers", name="said a year before",
        marker={"size": 14, "symbol": "diamond-open", "color": theme.COLOURS["accent"],
                "line": {"width": 2}},
        hovertemplate="said: %{x:.1%}<extra></extra>",
    )  # fmt: skip
    inside = rows["said"].between(rows["low"], rows["high"])
    for mine, role, name in (
        (rows[inside], "noise", "came true, as said"),
        (rows[~inside], "churned", "came true, not as said"),
    ):  # fmt: skip
        if mine.empty:
            continue
        figure.add_scatter(
            x=mine["rate"], y=mine["third"], mode="markers", name=name,
            marker={"size": 11, "color": theme.COLOURS[role]},
            error_x=bars(mine, theme.COLOURS[role]),
            customdata=mine[["n"]].to_numpy().tolist(),
            hovertemplate="lost: %{x:.1%} of %{customdata[0]:,}<extra></extra>",
        )  # fmt: skip
    most = max(float(frame["high"].max()), float(frame["said"].max()))
    figure.update_xaxes(title="Lost within 12 months, of (so many) customers", tickformat=".0%",
                        range=[0, min(1.02, most * 1.1)])  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=list(rows["third"])[::-1],
                        automargin=True, showgrid=False, type="category")  # fmt: skip
    return figure


def _curve(figure: go.Figure, rows: pd.DataFrame, colour: str, dash: str) -> None:
    when = _twice(rows["time"])[1:]
    low, high = (_twice(rows[name])[:-1] for name in ("low", "high"))
    figure.add_scatter(
        x=[*when, *when[::-1]], y=[*high, *low[::-1]], fill="toself", mode="lines",
        fillcolor=theme.faded(colour, 0.14), line={"width": 0}, hoverinfo="skip",
        showlegend=False, row=1, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=rows["time"], y=rows["survival"], mode="lines", name=theme.literal(rows["group"].iloc[0]),
        line={"color": colour, "width": 2.5, "shape": "hv", "dash": dash},
        hovertemplate="%{x:.0f}: %{y:.1%}<extra></extra>", row=1, col=1,
    )  # fmt: skip


def _twice(values: pd.Series) -> list[float]:
    """Repeat each value: a corner of a step has two points."""
    return [float(value) for value in np.repeat(values.to_numpy(np.float64), 2)]


def _wrapped(label: str, width: int = 26) -> str:
    """Break a long label into lines."""
    lines = [""]
    for word in label.split():
        if len(lines[-1]) + len(word) >= width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(theme.literal(line) for line in lines)
