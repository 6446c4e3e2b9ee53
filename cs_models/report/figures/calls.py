"""How much of what was lost each list would have held, by calls a quarter; with a knob for them.

Grain in: one row per (list, calls).  Grain out: a figure; it reads, computes and saves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme, values
from cs_models.report.figures.canvas import PERCENT_AXIS, blank

_LISTS: Final = {
    "loss": ("accent", "solid"), "model": ("renewed", "dashdot"), "arr": ("noise", "dash"),
    "crm": ("below", "longdash"),
}  # fmt: skip
_HEIGHT, _KNOB = 400, 90  # pixels: the figure, and the slider below it


def calls(
    curve: pd.DataFrame, names: Mapping[str, str], *, k: int, knob: bool = False
) -> go.Figure:
    """Draw the share of lost ARR that each list would have held, by calls a quarter.

    Parameters
    ----------
    curve : DataFrame
        One row per (ranking, k): ``arr_caught``, ``share_called`` (0 to 1).
    names : mapping of str to str
        Name of each ranking.
    k : int
        Calls that the team can make: a line.
    knob : bool, default False
        Whether a slider below moves the line over the numbers of calls of `curve`, and with it a
        dot on each list's line and the words on what it held.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure = blank(height=_HEIGHT, legend=True)
    for ranking, name in names.items():
        mine = curve[curve["ranking"] == ranking]
        role, dash = _LISTS[ranking]
        figure.add_scatter(
            x=mine["k"], y=mine["arr_caught"], mode="lines", name=theme.literal(name),
            line={"color": theme.COLOURS[role], "width": 3, "dash": dash},
            hovertemplate="%{x:,} calls: %{y:.0%} of the lost ARR<extra></extra>",
        )  # fmt: skip
    first = curve[curve["ranking"] == next(iter(names))]
    figure.add_scatter(
        x=first["k"], y=first["share_called"], mode="lines", name="calls at random",
        line={"color": theme.COLOURS["muted"], "width": 2, "dash": "dot"}, hoverinfo="skip",
    )  # fmt: skip
    if knob:
        _turn(figure, curve, names, k)
    elif k <= float(curve["k"].max()):
        figure.add_vline(x=k, line={"color": theme.COLOURS["ink"], "width": 2})
        figure.add_annotation(x=k, y=0.04, text=f"{k:,} calls", showarrow=False,
                              xanchor="left", xshift=6)  # fmt: skip
    figure.update_xaxes(title="Calls in a quarter", rangemode="tozero", showgrid=False)
    figure.update_yaxes(title="Share of the lost ARR on the list", **PERCENT_AXIS)
    return figure


def _turn(figure: go.Figure, curve: pd.DataFrame, names: Mapping[str, str], k: int) -> None:
    """Add line, dots and words for `k` calls, and plotly's own slider that moves them."""
    held: dict[int, dict[str, float]] = {}
    columns = (curve[name].tolist() for name in ("k", "ranking", "arr_caught"))
    for calls, ranking, caught in zip(*columns, strict=True):
        held.setdefault(calls, {})[ranking] = caught
    held = {calls: {name: of[name] for name in names} for calls, of in held.items()}
    reached = sorted(held)
    now = min(reached, key=lambda calls: abs(calls - k))
    figure.add_scatter(
        x=[now] * len(names), y=[*held[now].values()], mode="markers", showlegend=False,
        hoverinfo="skip", cliponaxis=False,
        marker={"size": 11, "color": [theme.COLOURS[_LISTS[name][0]] for name in names],
                "line": {"width": 2, "color": theme.COLOURS["ink"]}},
    )  # fmt: skip
    figure.add_vline(x=now, line={"color": theme.COLOURS["ink"], "width": 2})
    figure.add_annotation(
        x=1, y=0.03, xref="paper", yref="paper", xanchor="right", yanchor="bottom", align="right",
        showarrow=False, text=_words(held[now], names, now),
    )  # fmt: skip
    dots = len(figure.data) - 1
    steps = [
        {"label": values.integer(calls), "method": "update", "args": [
            {"x": [[calls] * len(names)], "y": [[*held[calls].values()]]},
            {"shapes[0].x0": calls, "shapes[0].x1": calls,
             "annotations[0].text": _words(held[calls], names, calls)},
            [dots]]}
        for calls in reached
    ]  # fmt: skip
    figure.update_layout(height=_HEIGHT + _KNOB, sliders=[_slider(steps, reached.index(now))])


def _slider(steps: list[dict[str, Any]], active: int) -> dict[str, Any]:
    ink, muted, rule = (theme.COLOURS[role] for role in ("ink", "muted", "grid"))
    return {
        "active": active,
        "steps": steps,
        "pad": {"t": 58, "l": 4, "r": 14},
        "currentvalue": {"prefix": "Calls in a quarter: ", "font": {"color": ink, "size": 13}},
        "font": {"color": muted, "size": 11},
        "bgcolor": rule,
        "activebgcolor": theme.COLOURS["accent"],
        "bordercolor": muted,
        "tickcolor": muted,
        "transition": {"duration": 0},
    }


def _words(held: Mapping[str, float], names: Mapping[str, str], calls: int) -> str:
    """Return what each list would have held at so many calls, a line each, the most first."""
    lines = [
        f"{theme.literal(names[name].split(' (')[0])}: {values.percent(share)}"
        for name, share in sorted(held.items(), key=lambda item: -item[1])
    ]
    return "<br>".join([f"<b>{values.integer(calls)} calls a quarter</b>", *lines])
