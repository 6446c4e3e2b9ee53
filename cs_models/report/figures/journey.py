"""Figures of the journey: the way as a flow over time, how long a stage lasts, where it breaks.

plotly's Sankey is not among the trace types that the page carries: the way is drawn with filled
lines and bars, which are, and which say when as well as whereto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import PERCENT_AXIS, bars, blank, wrapped

_WAY = ("way_1", "way_2", "way_3", "way_4", "way_5", "way_6")
_BESIDE = ("leaving", "returned", "idle", "dropping")
# Stages that the journeys of customers and of users share are painted alike on both.
_KNOWN = {"in_notice": "leaving", "won_back": "returned", "dormant": "idle",
          "use_dropped": "dropping"}  # fmt: skip
_HATCHES = ("", "/", "x", ".")
_LETTER = 0.045  # of the longest bar, beside it on a page of 390 pixels


def colours(way: Sequence[str], beside: Sequence[str], ended: Sequence[str]) -> dict[str, str]:
    """Return a colour for each stage: the same on every figure of the page.

    Parameters
    ----------
    way, beside, ended : sequence of str
        The stages, in order.

    Returns
    -------
    dict of str to str
        ``#RRGGBB``.
    """
    found = {name: theme.COLOURS[_WAY[place % len(_WAY)]] for place, name in enumerate(way)}
    known = {name: _KNOWN[name] for name in beside if name in _KNOWN}
    free = [role for role in _BESIDE if role not in known.values()] or list(_BESIDE)
    others = [name for name in beside if name not in known]
    known |= {name: free[place % len(free)] for place, name in enumerate(others)}
    found |= {name: theme.COLOURS[known[name]] for name in beside}
    return found | dict.fromkeys(ended, theme.COLOURS["gone"])


def hatches(shades: Mapping[str, str]) -> dict[str, str]:
    """Return how each stage is filled, so that two stages of one colour can be told apart.

    There are more stages than colours that every eye can tell apart: overdue shares the colour of
    in notice, and former customers theirs.

    Parameters
    ----------
    shades : mapping of str to str
        Colour of each stage.

    Returns
    -------
    dict of str to str
        Plotly's name of a pattern; "" for plain.  Stages of a known meaning are plain.
    """
    used: dict[str, int] = {}
    found = {}
    for name in sorted(shades, key=lambda one: one not in _KNOWN):
        found[name] = _HATCHES[used.get(shades[name], 0) % len(_HATCHES)]
        used[shades[name]] = used.get(shades[name], 0) + 1
    return found


def today(frame: pd.DataFrame, shades: Mapping[str, str], *, of: str, amount: str) -> go.Figure:
    """Draw how many are in each stage today.

    Parameters
    ----------
    frame : DataFrame, one row per stage, in order
        ``stage``, ``called``, ``n`` and, where it is drawn, ``written`` (words beside the bar).
    shades : mapping of str to str
        Colour of each stage.
    of : str
        What is counted.
    amount : str
        What ``written`` says.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar a stage, from the beginning of the way downwards.
    """
    figure, hatched = blank(height=110 + 34 * len(frame)), hatches(shades)
    figure.add_bar(
        x=frame["n"], y=[theme.literal(name) for name in frame["called"]], orientation="h",
        marker={"color": [shades[name] for name in frame["stage"]],
                "pattern": {"shape": [hatched[name] for name in frame["stage"]]}},
        text=frame["written"].tolist(), textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{x:,} " + theme.literal(of) + ", %{text} " + theme.literal(amount)
        + "<extra></extra>",
    )  # fmt: skip
    most = float(frame["n"].max()) if len(frame) else 1.0
    room = 1.08 + _LETTER * max(map(len, frame["written"]), default=0)
    figure.update_xaxes(title=f"{of[:1].upper()}{of[1:]} today", range=[0, most * room or 1.0])
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def course(
    frame: pd.DataFrame, shades: Mapping[str, str], called: Mapping[str, str], *, since: str
) -> go.Figure:
    """Draw the share in each stage over the days since the beginning, one on the other.

    Parameters
    ----------
    frame : DataFrame, one row per day and stage
        ``time`` (days), ``stage``, ``chance`` (0 to 1; a day's add up to 1).
    shades, called : mapping of str to str
        Colour and name of each stage, in the order from the bottom.
    since : str
        From when the days are counted.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure, hatched = blank(height=460, legend=True), hatches(shades)
    for name, words in called.items():
        own = frame[frame["stage"] == name]
        figure.add_scatter(
            x=own["time"].tolist(), y=own["chance"].round(4).tolist(), name=theme.literal(words),
            mode="lines",
            stackgroup="way", line={"width": 0.8, "color": shades[name]},
            fillcolor=shades[name], fillpattern={"shape": hatched[name]},
            hovertemplate="day %{x:.0f}: %{y:.1%}<extra>" + theme.literal(words) + "</extra>",
        )  # fmt: skip
    last = float(frame["time"].max()) if len(frame) else 1.0
    figure.update_xaxes(title=theme.literal(f"Days since {since}"), range=[0, last], dtick=90)
    figure.update_yaxes(title="Share in each stage", **PERCENT_AXIS)
    figure.update_layout(legend={"traceorder": "normal"})
    return figure


def adopted(frame: pd.DataFrame, *, by_day: int) -> go.Figure:
    """Draw the chance to have been adopted by a day, a row a group.

    Parameters
    ----------
    frame : DataFrame
        ``group``, ``n``, ``chance``, ``low``, ``high`` (0 to 1).
    by_day : int
        The day.
    """
    figure = blank(height=110 + 44 * len(frame))
    colour = theme.COLOURS["accent"]
    names = [f"{theme.literal(name)} ({n:,})" for name, n in
             zip(frame["group"], frame["n"], strict=True)]  # fmt: skip
    figure.add_scatter(
        x=frame["chance"], y=names, mode="markers",
        marker={"size": 12, "color": colour}, error_x=bars(frame, colour, of="chance"),
        customdata=frame[["n"]].to_numpy().tolist(),
        hovertemplate="%{x:.1%} of %{customdata[0]:,}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        title=f"Adopted by day {by_day}, of (so many) that began",
        **PERCENT_AXIS,
        rangemode="tozero",
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def lasting(frame: pd.DataFrame, shades: Mapping[str, str]) -> go.Figure:
    """Draw after how many days half have moved on from each stage.

    Parameters
    ----------
    frame : DataFrame
        ``stage``, ``called``, ``n``, ``median``, ``low``, ``high``, ``long`` (days; ``long`` may be
        missing).
    shades : mapping of str to str
        Colour of each stage.
    """
    figure = blank(height=130 + 40 * len(frame), legend=True)
    names = [theme.literal(name) for name in frame["called"]]
    figure.add_scatter(
        x=frame["long"], y=names, mode="markers", name="three in four have moved on",
        marker={"size": 12, "symbol": "line-ns-open", "color": theme.COLOURS["muted"],
                "line": {"width": 2}},
        hovertemplate="three in four by day %{x:.0f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=frame["median"], y=names, mode="markers", name="half have moved on",
        marker={"size": 12, "color": [shades[name] for name in frame["stage"]]},
        error_x=bars(frame, theme.COLOURS["muted"], of="median"),
        customdata=frame[["n"]].to_numpy().tolist(),
        hovertemplate="half by day %{x:.0f}, of %{customdata[0]:,} stays<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="Days in the stage", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def ahead(
    frame: pd.DataFrame, shades: Mapping[str, str], called: Mapping[str, str], *, days: int
) -> go.Figure:
    """Draw where those in each stage are some days later, a bar a stage, parted by whereto.

    Parameters
    ----------
    frame : DataFrame, one row per stage and later stage
        ``stage``, ``to``, ``chance`` (0 to 1).
    shades, called : mapping of str to str
        Colour and name of each stage.
    days : int
        How much later.
    """
    sources, hatched = list(dict.fromkeys(frame["stage"])), hatches(shades)
    figure = blank(height=230 + 40 * len(sources), legend=True)  # a narrow page names line by line
    for name, words in called.items():
        own = frame[frame["to"] == name].set_index("stage")["chance"].reindex(sources)
        if own.max() < 0.005:
            continue
        figure.add_bar(
            x=own.to_numpy(), y=[theme.literal(called[stage]) for stage in sources],
            orientation="h", name=theme.literal(words),
            marker={"color": shades[name], "pattern": {"shape": hatched[name]}},
            hovertemplate="%{y}: %{x:.1%} then " + theme.literal(words) + "<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_xaxes(title=f"Share of them, {days} days later", **PERCENT_AXIS)
    figure.update_yaxes(
        title="Stage on the first day", autorange="reversed", automargin=True, showgrid=False
    )
    return figure


def breaks(frame: pd.DataFrame) -> go.Figure:
    """Draw the moves into trouble beyond what was to be expected, a row a move.

    Parameters
    ----------
    frame : DataFrame
        ``label``, ``excess``, ``low``, ``high`` (moves), ``clear`` (bool), ``observed``,
        ``expected``.

    Returns
    -------
    plotly.graph_objects.Figure
        Coloured where the whole interval lies on one side of nought, grey where chance would do.
    """
    figure = blank(height=120 + 44 * len(frame))
    labels = [wrapped(label) for label in frame["label"]]
    for role in ("churned", "above", "noise"):
        own = (frame["role"] == role).to_numpy()
        rows = frame[own]
        colour = theme.COLOURS[role]
        figure.add_scatter(
            x=rows["excess"], y=[label for label, mine in zip(labels, own, strict=True) if mine],
            mode="markers", showlegend=False, marker={"size": 11, "color": colour},
            error_x=bars(rows, colour, of="excess"),
            customdata=rows[["observed", "expected"]].to_numpy().tolist(),
            hovertemplate="%{customdata[0]:,.0f} moved, %{customdata[1]:,.0f} expected"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": theme.COLOURS["noise"], "dash": "dash"})
    figure.update_xaxes(title="Moves more than expected")
    figure.update_yaxes(
        automargin=True, showgrid=False, categoryorder="array", categoryarray=labels[::-1]
    )
    return figure
