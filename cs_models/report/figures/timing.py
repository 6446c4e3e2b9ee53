"""Figures of time: what reading the use on other days tells, and whether the gap lasts."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cs_models.report import theme
from cs_models.report.figures.canvas import POINTS_AXIS, bars, blank, in_points

COLOURS = ("accent", "above", "below", "renewed", "churned", "involuntary")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
_PANEL = 150  # pixels a rule
_UNCLEAR = "unclear"
_GAPS = ("lift", "low", "high")


def by_day(frame: pd.DataFrame) -> go.Figure:
    """Draw the gap among customers held out, by the day on which the use is read.

    Parameters
    ----------
    frame : DataFrame
        One row per (rule, day): ``place``, ``group``, ``day``, ``lift``, ``low``, ``high`` (0 to
        1), ``n_terms``, ``enough`` (bool).

    Returns
    -------
    plotly.graph_objects.Figure
        A line a rule; days that tell as much as the best one are filled, others hollow, and those
        whose interval holds no gap grey.
    """
    figure, frame = blank(height=380, legend=True), in_points(frame, *_GAPS)
    places = sorted(frame["place"].unique())
    middle = (len(places) - 1) / 2
    for place, rows in frame.groupby("place"):
        turn = places.index(place)
        role = theme.COLOURS[COLOURS[turn % len(COLOURS)]]
        symbol = SYMBOLS[turn % len(SYMBOLS)]
        name = theme.literal(str(rows["group"].iloc[0]))
        # Side by side, so that the bars of two groups can both be read.
        rows = rows.assign(at=rows["day"] + (turn - middle) * 0.9)
        figure.add_scatter(
            x=rows["at"], y=rows["lift"], mode="lines", line={"color": role, "width": 2},
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        _days(figure, rows[rows["low"] > 0], role, symbol, name)
        _days(figure, rows[rows["low"] <= 0], theme.COLOURS["noise"], symbol,
              f"{name}: may be no gap")  # fmt: skip
    days = sorted({int(day) for day in frame["day"]})
    figure.update_xaxes(title="Day of the term on which the use is read", tickvals=days,
                        showgrid=False)  # fmt: skip
    figure.update_yaxes(title="Gap in renewal, customers held out, points", rangemode="tozero",
                        **POINTS_AXIS)  # fmt: skip
    return figure


def quarters(frame: pd.DataFrame, *, newest: str) -> go.Figure:
    """Draw the gap by quarter of the renewal date, a panel a rule.

    Parameters
    ----------
    frame : DataFrame
        One row per (rule, quarter): ``place``, ``group``, ``period``, ``when``, ``lift``, ``low``,
        ``high`` (0 to 1), ``n_terms``.
    newest : str
        The value of ``when`` that stands for quarters the level had no part of.

    Returns
    -------
    plotly.graph_objects.Figure
        Grey dots for the quarters that were learnt from, coloured ones for the newest; hollow and
        grey where the interval of a newest one holds no gap.
    """
    frame = in_points(frame, *_GAPS)
    places = sorted(frame["place"].unique())
    names = [
        theme.literal(str(frame.loc[frame["place"] == place, "group"].iloc[0])) for place in places
    ]
    figure = make_subplots(
        rows=len(places), cols=1, shared_xaxes=True, subplot_titles=names,
        vertical_spacing=0.3 / max(len(places), 2),
    )  # fmt: skip
    figure.update_layout(template=theme.TEMPLATE, height=130 + _PANEL * len(places))
    labels = {newest: "judged by the level of a year before",
              _UNCLEAR: "so judged, a gap that may be none"}  # fmt: skip
    for row, place in enumerate(places, start=1):
        same, clear = frame["when"] == newest, frame["low"] > 0
        for when, role, symbol, kept in (
            (None, "noise", "circle", ~same), (newest, "accent", "circle", same & clear),
            (_UNCLEAR, "noise", "circle-open", same & ~clear),
        ):  # fmt: skip
            mine = frame[(frame["place"] == place) & kept]
            figure.add_scatter(
                x=mine["period"], y=mine["lift"], mode="markers", showlegend=row == 1,
                name=labels.get(when or "", "learnt from"), legendgroup=f"{role} {symbol}",
                marker={"size": 10, "color": theme.COLOURS[role], "symbol": symbol,
                        "line": {"width": 2, "color": theme.COLOURS[role]}},
                error_y=bars(mine, theme.faded(theme.COLOURS[role], 0.6), of="lift"),
                customdata=mine[["n_terms"]].to_numpy().tolist(),
                hovertemplate="%{x}: %{y:+.1f} points (%{customdata[0]:,} terms)<extra></extra>",
                row=row, col=1,
            )  # fmt: skip
    order = sorted(frame["period"].unique())
    figure.update_xaxes(categoryorder="array", categoryarray=order, type="category", showgrid=False)
    figure.update_yaxes(**POINTS_AXIS, title="Gap, points", range=_range(frame))
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    # Above the name of the first panel.
    figure.update_layout(margin={"t": 44})
    return figure


def _range(frame: pd.DataFrame) -> list[float]:
    """Return an axis that holds every gap and most of each interval: few terms reach far."""
    ends = [*frame["lift"].abs(), 50, *frame["low"].abs().clip(upper=80)]
    return [-min(100, max(ends)), min(100, max([*ends, *frame["high"].abs().clip(upper=90)]))]


def _days(figure: go.Figure, rows: pd.DataFrame, shade: str, symbol: str, name: str) -> None:
    """Draw the days of one rule alike clear: filled where they tell as much as the best."""
    if rows.empty:
        return
    figure.add_scatter(
        x=rows["at"], y=rows["lift"], mode="markers", name=name,
        marker={
            "size": 11, "color": shade, "line": {"width": 2, "color": shade},
            "symbol": [symbol if enough else f"{symbol}-open" for enough in rows["enough"]],
        },
        error_y=bars(rows, theme.faded(shade, 0.55), of="lift"),
        customdata=list(zip(rows["day"], rows["n_terms"], strict=True)),
        hovertemplate="day %{customdata[0]}: %{y:+.1f} points (%{customdata[1]:,} terms)"
        "<extra></extra>",
    )  # fmt: skip
