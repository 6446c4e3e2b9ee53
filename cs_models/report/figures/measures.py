"""Figures of adoption: by month, by feature, waiting as steps, rhythm by role, use of seats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cs_models.report import theme
from cs_models.report.figures.canvas import PERCENT_AXIS, bars, blank, percent_ticks

COLOURS = ("accent", "above", "churned", "below", "renewed", "involuntary")
_CURVE, _ROW = 320, 26  # pixels
_QUARTER = 0.25  # of a role's users stood below the lower end of its rhythm where it renewed
_PIXEL = 0.5 / _CURVE  # of a share: half a pixel


def by_month(frame: pd.DataFrame, *, axis: str, title: str) -> go.Figure:
    """Draw a rate by month with its band.

    Parameters
    ----------
    frame : DataFrame
        One row a month: ``month`` ("2024-03"), ``value``, ``low``, ``high``, ``n``.
    axis, title : str
        What the rate is of, and what the months are.
    """
    figure, colour = blank(height=340), theme.COLOURS["accent"]
    when = [f"{month}-01" for month in frame["month"]]
    band = frame[frame["low"].notna()]
    dates = [f"{month}-01" for month in band["month"]]
    figure.add_scatter(
        x=[*dates, *dates[::-1]], y=[*band["high"], *band["low"][::-1]], fill="toself",
        mode="lines", fillcolor=theme.faded(colour, 0.16), line={"width": 0}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=when, y=frame["value"], mode="lines+markers", line={"color": colour},
        customdata=frame[["n"]].to_numpy().tolist(),
        hovertemplate="%{x|%b %Y}: %{y:.1%} of %{customdata[0]:,.0f}<extra></extra>",
    )  # fmt: skip
    most = float(np.nanmax([*frame["high"], *frame["value"], 0.05]))
    figure.update_xaxes(title=theme.literal(title), tickformat="%b %Y", showgrid=False)
    ends = [0, 1.08 * most]
    figure.update_yaxes(title=theme.literal(axis), tickformat=percent_ticks(*ends), range=ends)
    return figure


def dots(frame: pd.DataFrame, *, of: str, axis: str, money: bool = False) -> go.Figure:
    """Draw rates with intervals, a row each, the first on top.

    Parameters
    ----------
    frame : DataFrame
        One row a thing: the column `of` (words), ``value``, ``low``, ``high`` (0 or more), ``n``.
    of, axis : str
        Column of the names, and what the rate is.
    money : bool, default False
        Whether a dashed line marks 100 %, where nothing is lost.
    """
    figure, colour = blank(height=110 + 30 * len(frame)), theme.COLOURS["accent"]
    figure.add_scatter(
        x=frame["value"], y=[theme.literal(str(name)) for name in frame[of]], mode="markers",
        marker={"size": 11, "color": colour}, error_x=bars(frame, colour, of="value"),
        customdata=frame[["n"]].to_numpy().tolist(),
        hovertemplate="%{y}: %{x:.1%} of %{customdata[0]:,.0f}<extra></extra>",
    )  # fmt: skip
    most = float(np.nanmax([*frame["high"], *frame["value"], 0.02]))
    if money:
        figure.add_vline(x=1, line={"color": theme.COLOURS["noise"], "dash": "dash"})
    ends = [0, 1.06 * most]
    figure.update_xaxes(title=theme.literal(axis), tickformat=percent_ticks(*ends), range=ends)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def waits(steps: pd.DataFrame, *, limit_days: int, ticks: list[int]) -> go.Figure:
    """Draw the share still waiting, as steps, with how many are still followed below.

    Parameters
    ----------
    steps : DataFrame
        One row per group and day: ``group`` (words), ``time``, ``at_risk``, ``survival``, ``low``,
        ``high`` (0 to 1; missing where too few are followed).
    limit_days : int
        End of the axis.
    ticks : list of int
        Days at which those still followed are counted.
    """
    names = list(dict.fromkeys(steps["group"]))
    height = _ROW * len(names)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[_CURVE, height]
    )
    figure.update_layout(
        template=theme.TEMPLATE, height=_CURVE + height + 110, showlegend=len(names) > 1
    )
    for place, name in enumerate(names):
        colour = theme.COLOURS[COLOURS[place % len(COLOURS)]]
        own = steps[(steps["group"] == name) & (steps["time"] <= limit_days)]
        _steps(figure, _seen(own[own["survival"].notna()]), colour, theme.literal(name))
        counts = [int(own.loc[own["time"] <= tick, "at_risk"].iloc[-1]) for tick in ticks[1:]]
        figure.add_scatter(
            x=ticks[1:], y=[theme.literal(name)] * len(counts), mode="text",
            text=[f"{n:,}" for n in counts], hoverinfo="skip", showlegend=False,
            textfont={"color": colour}, cliponaxis=False, row=2, col=1,
        )  # fmt: skip
    figure.add_hline(
        y=0.5, line={"color": theme.COLOURS["noise"], "dash": "dot", "width": 1}, row=1, col=1
    )
    room = {"range": [-0.03 * limit_days, 1.04 * limit_days], "tickvals": ticks, "showgrid": False}
    figure.update_xaxes(**room)
    figure.update_xaxes(title="Days since the customer began", row=2, col=1)
    figure.update_yaxes(title="Not there yet", **PERCENT_AXIS, row=1, col=1)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, row=2, col=1)
    return figure


def halves(frame: pd.DataFrame) -> go.Figure:
    """Draw the days within which half got there, a half-year a row, the oldest on top.

    Parameters
    ----------
    frame : DataFrame
        One row a half-year: ``half_year``, ``median``, ``median_low``, ``median_high`` (days; the
        ends missing where they are not known), ``n``.
    """
    figure, colour = blank(height=110 + 30 * len(frame)), theme.COLOURS["accent"]
    days = frame[["median", "median_low", "median_high"]].astype("float64")
    edge = 1.15 * float(np.nanmax(days.to_numpy()))
    ends = pd.DataFrame(
        {"value": days["median"], "low": days["median_low"].fillna(0.0),
         "high": days["median_high"].fillna(edge)}
    )  # fmt: skip
    figure.add_scatter(
        x=ends["value"], y=[theme.literal(str(name)) for name in frame["half_year"]],
        mode="markers", marker={"size": 11, "color": colour},
        error_x=bars(ends, colour, of="value"), customdata=frame[["n"]].to_numpy().tolist(),
        hovertemplate="%{y}: %{x:,.0f} days, of %{customdata[0]:,.0f}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="Days from purchase within which half had got there", range=[0, edge])
    figure.update_yaxes(
        title="Customers who began in", autorange="reversed", automargin=True, showgrid=False,
        type="category",
    )  # fmt: skip
    return figure


def rhythm(frame: pd.DataFrame) -> go.Figure:
    """Draw each role's own rhythm, and where its users stand now.

    Parameters
    ----------
    frame : DataFrame
        One row a role: ``role``, ``q25``, ``median``, ``q75`` (active weeks of 12, in accounts
        that renewed), ``weeks_now`` (median today), ``below_low`` (at least so large a share of
        its users stands below the lower end today; may be missing).

    Returns
    -------
    plotly.graph_objects.Figure
        Today's diamond is coloured where clearly more than one user in four stands below, as one
        in four did; else it is grey.
    """
    figure = blank(height=130 + 46 * len(frame), legend=True)
    names = [theme.literal(role) for role in frame["role"]]
    usual = frame.assign(low=frame["q25"], high=frame["q75"])
    figure.add_scatter(
        x=usual["median"], y=names, mode="markers", name="in accounts that renewed",
        marker={"size": 12, "symbol": "line-ns-open", "color": theme.COLOURS["renewed"],
                "line": {"width": 3}},
        error_x=bars(usual, theme.faded(theme.COLOURS["renewed"], 0.5), of="median")
        | {"thickness": 9},
        hovertemplate="%{y}: %{x:.0f} of 12 weeks<extra></extra>",
    )  # fmt: skip
    fallen = (frame["below_low"] > _QUARTER).to_numpy()
    for clear, role, name in (
        (True, "churned", "today, clearly lower"), (False, "noise", "today"),
    ):  # fmt: skip
        mine = fallen == clear
        if not mine.any():
            continue
        figure.add_scatter(
            x=frame.loc[mine, "weeks_now"],
            y=[each for each, own in zip(names, mine, strict=True) if own],
            mode="markers", name=name,
            marker={"size": 11, "symbol": "diamond", "color": theme.COLOURS[role]},
            hovertemplate="%{y} today: %{x:.0f} of 12 weeks<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Weeks with any use, of the last 12", range=[-0.4, 12.4], dtick=2)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def utilisation(frame: pd.DataFrame) -> go.Figure:
    """Draw how many accounts use how much of their seats, a bar a segment.

    Parameters
    ----------
    frame : DataFrame
        One row per segment and band: ``segment``, ``band``, ``share`` (of the segment's accounts),
        ``n_accounts``.
    """
    figure = blank(height=190 + 44 * frame["segment"].nunique(), legend=True)
    bands = list(frame.groupby("band", sort=False))
    for (band, rows), shade in zip(bands, theme.ramp(max(len(bands), 2)), strict=False):
        figure.add_bar(
            x=rows["share"], y=[theme.literal(str(name)) for name in rows["segment"]],
            orientation="h", name=theme.literal(str(band)),
            marker={"color": shade},
            customdata=rows[["n_accounts"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{x:.0%} (%{customdata[0]:,} accounts)<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_xaxes(title="Share of accounts", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="Segment", autorange="reversed", automargin=True, showgrid=False)
    return figure


def _seen(own: pd.DataFrame) -> pd.DataFrame:
    """Return the steps that a screen can show: those by which curve or band moves half a pixel."""
    shown = own[["survival", "low", "high"]].fillna(-1.0).to_numpy(np.float64)
    kept, last = [], np.full(3, np.inf)
    for place, row in enumerate(shown):
        if np.abs(row - last).max() >= _PIXEL or place == len(shown) - 1:
            kept.append(place)
            last = row
    return own.iloc[kept]


def _steps(figure: go.Figure, own: pd.DataFrame, colour: str, name: str) -> None:
    band = own[own["low"].notna()]
    if len(band):
        when = [float(day) for day in np.repeat(band["time"].to_numpy(np.float64), 2)][1:]
        low, high = (np.repeat(band[end].to_numpy(np.float64), 2)[:-1] for end in ("low", "high"))
        figure.add_scatter(
            x=[*when, *when[::-1]], y=[*high, *low[::-1]], fill="toself", mode="lines",
            fillcolor=theme.faded(colour, 0.14), line={"width": 0}, hoverinfo="skip",
            showlegend=False, row=1, col=1,
        )  # fmt: skip
    figure.add_scatter(
        x=own["time"], y=own["survival"], mode="lines", name=name,
        line={"color": colour, "width": 2.5, "shape": "hv"},
        hovertemplate="day %{x:.0f}: %{y:.1%}<extra></extra>", row=1, col=1,
    )  # fmt: skip
