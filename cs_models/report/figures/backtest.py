"""Figures of the past: what was said and what came, which list met whom, how levels moved."""

from __future__ import annotations

import textwrap

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank

RATE = {"tickformat": ".0%", "rangemode": "tozero"}
LONGEST_LINE = 32
MOST_LINES = 2
LINE, BETWEEN = 17, 10  # pixels: a line of a name beside a bar, and between two names
LISTS = {"model": "accent", "loss": "above", "arr": "noise"}


def scored(frame: pd.DataFrame, *, axis: str) -> go.Figure:
    """Draw what would have been said of each past quarter, and what came true.

    Parameters
    ----------
    frame : DataFrame
        One row a quarter: ``label``, ``low``, ``high``, ``actual``, ``hit``.
    axis : str
        What is counted, with its unit.
    """
    figure = blank(height=340, legend=True)
    figure.add_bar(
        x=frame["label"], y=frame["high"] - frame["low"], base=frame["low"],
        name="said before, eight times in ten",
        marker={"color": theme.faded(theme.COLOURS["accent"], 0.35)},
        customdata=frame[["low", "high"]].to_numpy().tolist(),
        hovertemplate="said: %{customdata[0]:,.3~s} to %{customdata[1]:,.3~s}<extra></extra>",
    )  # fmt: skip
    for hit, role, symbol, name in (
        (True, "noise", "circle", "came true, inside"), (False, "churned", "x", "outside"),
    ):  # fmt: skip
        mine = frame[frame["hit"].astype(bool) == hit]
        figure.add_scatter(
            x=mine["label"], y=mine["actual"], mode="markers", name=name,
            marker={"size": 11, "symbol": symbol, "color": theme.COLOURS[role]},
            hovertemplate="%{x}: %{y:,.3~s}<extra></extra>",
        )  # fmt: skip
    _quarters(figure, list(frame["label"]))
    figure.update_yaxes(title=theme.literal(axis), tickformat="~s", rangemode="tozero")
    return figure


def levels(frame: pd.DataFrame) -> go.Figure:
    """Draw the share that left against what was expected, with the limits of chance and swing.

    Parameters
    ----------
    frame : DataFrame
        One row a quarter: ``label``, ``expected``, ``observed``, ``low``, ``high``, ``outside``.
    """
    figure = blank(height=320, legend=True)
    band = theme.faded(theme.COLOURS["noise"], 0.2)
    for name, column, fill in (("", "low", None), ("limits", "high", "tonexty")):
        figure.add_scatter(
            x=frame["label"], y=frame[column], mode="lines", name=name, fill=fill, fillcolor=band,
            line={"width": 0, "shape": "hvh"}, showlegend=bool(name), hoverinfo="skip",
        )  # fmt: skip
    figure.add_scatter(
        x=frame["label"], y=frame["expected"], mode="lines+markers", name="expected",
        line={"color": theme.COLOURS["accent"], "width": 2}, marker={"size": 5},
        hovertemplate="%{x}: %{y:.0%} expected<extra></extra>",
    )  # fmt: skip
    outside = frame["outside"].astype(bool)
    for mine, role, name in (
        (frame[~outside], "noise", "left"), (frame[outside], "churned", "left, beyond limits"),
    ):  # fmt: skip
        if len(mine):
            figure.add_scatter(
                x=mine["label"], y=mine["observed"], mode="markers", name=name,
                marker={"size": 11, "color": theme.COLOURS[role]},
                hovertemplate="%{x}: %{y:.0%} left<extra></extra>",
            )  # fmt: skip
    _quarters(figure, list(frame["label"]))
    figure.update_yaxes(title="Share that left", **RATE)
    return figure


def lists(frame: pd.DataFrame, names: dict[str, str]) -> go.Figure:
    """Draw quarter by quarter what share of the ARR that left each list would have met.

    Parameters
    ----------
    frame : DataFrame
        One row per (quarter, list): ``label``, ``ranking``, ``share``.
    names : dict of str to str
        What each list is called.
    """
    figure = blank(height=340, legend=True)
    for ranking, name in names.items():
        mine = frame[frame["ranking"] == ranking]
        figure.add_bar(
            x=mine["label"], y=mine["share"], name=name,
            marker={"color": theme.faded(theme.COLOURS[LISTS[ranking]], 0.8)},
            hovertemplate="%{x}: %{y:.0%}<extra></extra>",
        )  # fmt: skip
    _quarters(figure, list(frame["label"]))
    figure.update_layout(barmode="group")
    figure.update_yaxes(title="Share of the ARR that left", **RATE)
    return figure


def drifted(frame: pd.DataFrame) -> go.Figure:
    """Draw how far columns moved, against what exchanged customers would show.

    Parameters
    ----------
    frame : DataFrame
        One row a column, in the order drawn: ``words``, ``psi``, ``psi_limit``, ``drifted``.
    """
    # Long names would leave no room for the bars on a telephone, and more lines none on a sheet of
    # paper: the table behind the figure has them whole.
    lines = [
        textwrap.wrap(str(text), LONGEST_LINE, max_lines=MOST_LINES, placeholder=" …")
        for text in frame["words"]
    ]
    # All bars are as far apart as the longest name is high.
    most = max(map(len, lines), default=1)
    figure = blank(height=110 + (LINE * most + BETWEEN) * len(lines), legend=True)
    named = ["<br>".join(theme.literal(line) for line in own) for own in lines]
    # Two names may read the same once they are cut: each row has a place of its own.
    rows = list(range(len(named)))
    role = {True: theme.COLOURS["churned"], False: theme.COLOURS["noise"]}
    figure.add_bar(
        y=rows, x=frame["psi"], orientation="h", name="how far it moved",
        marker={"color": [role[bool(one)] for one in frame["drifted"]]},
        hovertemplate="%{x:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        y=rows, x=frame["psi_limit"], mode="markers", name="limit of chance",
        marker={"symbol": "line-ns", "size": 14, "color": theme.COLOURS["ink"],
                "line": {"width": 2, "color": theme.COLOURS["ink"]}},
        hovertemplate="limit %{x:.2f}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(
        autorange="reversed", showgrid=False, tickmode="array", tickvals=rows, ticktext=named
    )
    figure.update_xaxes(title="How far it moved (0: not at all)", rangemode="tozero")
    return figure


def _quarters(figure: go.Figure, labels: list[str]) -> None:
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=list(dict.fromkeys(labels)),
        showgrid=False,
    )  # fmt: skip
