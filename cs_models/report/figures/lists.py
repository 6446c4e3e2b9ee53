"""What past lists came to, beside everybody else."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import bars, blank, wrapped

_ROW, _ROOM = 46, 120  # pixels


def past(frame: pd.DataFrame) -> go.Figure:
    """Draw the past hit rate of each list with its interval, and the rate of the others.

    Parameters
    ----------
    frame : DataFrame
        One row a list: ``title``, ``rate``, ``low``, ``high``, ``base_rate``, ``apart`` (bool),
        ``n``.

    Returns
    -------
    plotly.graph_objects.Figure
        Grey where list and others cannot be told apart.
    """
    figure = blank(height=_ROOM + _ROW * len(frame), legend=True)
    names = [f"{wrapped(str(title))} ({n:,.0f})" for title, n in
             zip(frame["title"], frame["n"], strict=True)]  # fmt: skip
    for apart, role, name in (
        (True, "accent", "on the list"), (False, "noise", "on the list: cannot be told apart"),
    ):  # fmt: skip
        mine = frame["apart"].to_numpy(dtype=bool) == apart
        if not mine.any():
            continue
        rows = frame[mine]
        figure.add_scatter(
            x=rows["rate"], y=[n for n, keep in zip(names, mine, strict=True) if keep],
            mode="markers", name=name, marker={"size": 12, "color": theme.COLOURS[role]},
            error_x=bars(rows, theme.COLOURS[role]),
            customdata=rows[["n"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{x:.0%} of %{customdata[0]:,}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=frame["base_rate"], y=names, mode="markers", name="others at the same time",
        marker={"size": 13, "symbol": "line-ns", "color": theme.COLOURS["noise"],
                "line": {"width": 3, "color": theme.COLOURS["noise"]}},
        hovertemplate="%{y}, others: %{x:.0%}<extra></extra>",
    )  # fmt: skip
    # A dot at nought needs room, or it covers the name beside it.
    figure.update_xaxes(
        title="Share that came true, of (so many) on past lists",
        tickformat=".0%",
        range=[-0.06, 1.04],
    )
    figure.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], automargin=True, showgrid=False
    )
    return figure


def ahead(frame: pd.DataFrame) -> go.Figure:
    """Draw by how much each list held more of the ARR than as many customers by size.

    Parameters
    ----------
    frame : DataFrame
        One row a list: ``title``, ``ahead_of_size`` (points of the ARR, -1 to 1) with
        ``ahead_of_size_low`` and ``ahead_of_size_high``.

    Returns
    -------
    plotly.graph_objects.Figure
        Grey where the interval holds nought.
    """
    figure = blank(height=_ROOM + _ROW * len(frame), legend=True)
    names = [wrapped(str(title)) for title in frame["title"]]
    low, high = frame["ahead_of_size_low"], frame["ahead_of_size_high"]
    clear = ((low > 0) | (high < 0)).to_numpy(dtype=bool)
    for apart, role, name in (
        (True, "accent", "another share than by size"), (False, "noise", "cannot be told apart"),
    ):  # fmt: skip
        mine = clear == apart
        if not mine.any():
            continue
        rows = pd.DataFrame({"rate": frame["ahead_of_size"], "low": low, "high": high})[mine]
        figure.add_scatter(
            x=rows["rate"], y=[n for n, keep in zip(names, mine, strict=True) if keep],
            mode="markers", name=name, marker={"size": 12, "color": theme.COLOURS[role]},
            error_x=bars(rows, theme.COLOURS[role]),
            hovertemplate="%{y}: %{x:+.0%}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": theme.COLOURS["noise"], "dash": "dash", "width": 1})
    figure.update_xaxes(title="Share of the ARR, beyond as many by size", tickformat="+.0%")
    figure.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], automargin=True, showgrid=False
    )
    return figure
