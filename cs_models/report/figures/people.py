"""Figures of people: tiers by role, groups beside their peers, how soon champions leave."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.learn.personas import HIGH, LOW, MEDIUM, NEVER, SILENT
from cs_models.report import theme
from cs_models.report.figures.canvas import bars, blank

_SHADES = {
    # One hue, less of it the less active: blue and orange are kept for what became of contracts.
    HIGH: theme.COLOURS["accent"],
    MEDIUM: theme.faded(theme.COLOURS["accent"], 0.6),
    LOW: theme.faded(theme.COLOURS["accent"], 0.3),
    SILENT: theme.COLOURS["noise"],
    NEVER: theme.COLOURS["muted"],
}
_ROW = 46  # pixels


def tiers(frame: pd.DataFrame) -> go.Figure:
    """Draw the share of each tier by role.

    Parameters
    ----------
    frame : DataFrame
        One row a role: ``role``, ``n`` and a share (0 to 1) each of the tiers.

    Returns
    -------
    plotly.graph_objects.Figure
        One bar a role.
    """
    figure = blank(height=150 + _ROW * len(frame), legend=True)
    names = [theme.literal(str(role).replace("_", " ")) for role in frame["role"]]
    for tier, shade in _SHADES.items():
        figure.add_bar(
            x=frame[tier], y=names, name=tier, orientation="h", marker={"color": shade},
            customdata=frame["n"],
            hovertemplate="%{y}: %{x:.0%} " + tier + " of %{customdata:,} users<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="Share of users", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="", autorange="reversed", automargin=True, showgrid=False,
                        type="category")  # fmt: skip
    return figure


def peers(frame: pd.DataFrame) -> go.Figure:
    """Draw where users of each group stand among their peers.

    Parameters
    ----------
    frame : DataFrame
        One row a group, the first for all: ``group``, ``place``, ``low``, ``high`` (0 to 1),
        ``apart`` (bool).

    Returns
    -------
    plotly.graph_objects.Figure
        A dot with its interval; grey where it cannot be told from all users.
    """
    shown = frame[frame["place"].notna()]
    figure = blank(height=130 + _ROW * len(shown))
    colours = [theme.COLOURS["accent" if apart else "noise"] for apart in shown["apart"]]
    figure.add_scatter(
        x=shown["place"], y=_counted(shown, "n_users"), mode="markers",
        marker={"size": 12, "color": colours},
        error_x=bars(shown, theme.COLOURS["noise"], of="place"), customdata=shown["n_users"],
        hovertemplate="%{y}: %{x:.0%} (%{customdata:,} users)<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=float(shown["place"].iloc[0]), line={"dash": "dot", "width": 1,
                     "color": theme.COLOURS["muted"]})  # fmt: skip
    figure.update_xaxes(
        title="Mean place of (so many) users among peers: share of them less active",
        tickformat=".0%",
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, type="category")
    return figure


def leaving(frame: pd.DataFrame) -> go.Figure:
    """Draw the chance that a champion leaves within a month, by group.

    Parameters
    ----------
    frame : DataFrame
        One row a group, the first for all: ``group``, ``hazard``, ``low``, ``high`` (0 to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        A dot with its interval a group.
    """
    figure = blank(height=130 + _ROW * len(frame))
    figure.add_scatter(
        x=frame["hazard"], y=_counted(frame, "n"), mode="markers",
        marker={"size": 12, "color": theme.COLOURS["accent"]},
        error_x=bars(frame, theme.COLOURS["noise"], of="hazard"), customdata=frame["n"],
        hovertemplate="%{y}: %{x:.2%} a month (%{customdata:,} people)<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        title="Chance to leave, a month, of (so many) people", tickformat=".1%", rangemode="tozero"
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, type="category")
    return figure


def _counted(frame: pd.DataFrame, of: str) -> list[str]:
    """Return the names of the groups with how many are in each."""
    return [f"{theme.literal(str(name))} ({n:,})" for name, n in
            zip(frame["group"], frame[of], strict=True)]  # fmt: skip
