"""Figures of the coming quarters: what is likely to be kept, how sure that is, who holds it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank

_RATE = {"tickformat": ".0%"}
_ROW = 26  # pixels a customer
_ROOM = 110


def fan(past: pd.DataFrame, coming: pd.DataFrame) -> go.Figure:
    """Draw what was kept of the ARR due in past quarters, and what is likely to be.

    Parameters
    ----------
    past : DataFrame
        One row a quarter: ``label``, ``grr_running``, ``n_running``.
    coming : DataFrame
        One row a quarter: ``label``, ``p10``, ``p25``, ``p50``, ``p75``, ``p90``, ``n_due``.

    Returns
    -------
    plotly.graph_objects.Figure
        Grey dots for the past; for what is to come a bar from P10 to P90, a thicker one for the
        middle half, and the middle.
    """
    figure = blank(height=380, legend=True)
    figure.add_scatter(
        x=past["label"], y=past["grr_running"], mode="markers", name="kept (past quarters)",
        marker={"size": 11, "color": theme.COLOURS["noise"]},
        customdata=past[["n_running"]].to_numpy().tolist(),
        hovertemplate="%{x}: %{y:.0%} kept (%{customdata[0]:,} contracts)<extra></extra>",
    )  # fmt: skip
    _bars(figure, coming, "p10", "p90", width=12, alpha=0.3, name="eight times in ten")
    _bars(figure, coming, "p25", "p75", width=12, alpha=0.55, name="the middle half")
    figure.add_scatter(
        x=coming["label"], y=coming["p50"], mode="markers", name="the middle",
        marker={"size": 11, "color": theme.COLOURS["accent"], "symbol": "line-ew",
                "line": {"width": 4, "color": theme.COLOURS["accent"]}},
        customdata=coming[["p10", "p90", "n_due"]].to_numpy().tolist(),
        hovertemplate="%{x}: %{y:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%}), "
        "%{customdata[2]:,} contracts due<extra></extra>",
    )  # fmt: skip
    _quarters(figure, [*past["label"], *coming["label"]])
    figure.update_yaxes(title="Share of the ARR due that is kept", **_RATE)
    return figure


def width(frame: pd.DataFrame) -> go.Figure:
    """Draw each quarter's interval beside the one in which everyone decides alone.

    Parameters
    ----------
    frame : DataFrame
        One row a quarter: ``label``, ``grr_p10``, ``grr_p90``, ``independent_p10``,
        ``independent_p90``.
    """
    figure = blank(height=320, legend=True)
    for low, high, role, name in (
        ("grr_p10", "grr_p90", "accent", "with what whole quarters have shown"),
        ("independent_p10", "independent_p90", "noise", "were everyone to decide alone"),
    ):
        figure.add_bar(
            x=frame["label"], y=frame[high] - frame[low], base=frame[low], name=name,
            marker={"color": theme.faded(theme.COLOURS[role], 0.6)},
            customdata=frame[[low, high]].to_numpy().tolist(),
            hovertemplate="%{x}: %{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>",
        )  # fmt: skip
    _quarters(figure, list(frame["label"]))
    figure.update_layout(barmode="group")
    ends = frame[["grr_p10", "independent_p10", "grr_p90", "independent_p90"]].to_numpy()
    figure.update_yaxes(
        title="Share of the ARR due that is kept", **_RATE,
        range=[float(ends.min()) - 0.04, float(ends.max()) + 0.04],
    )  # fmt: skip
    return figure


def accounts(frame: pd.DataFrame, currency: str) -> go.Figure:
    """Draw the customers with most ARR at risk, within the ARR they pay.

    Parameters
    ----------
    frame : DataFrame
        One row a customer, largest first: ``account_name``, ``arr``, ``arr_at_risk``, ``chance``.
    currency : str
        ISO 4217 code, for the axis.
    """
    figure = blank(height=_ROOM + _ROW * len(frame), legend=True)
    # A number before the name keeps two customers of one name apart.
    names = [f"{place}. {theme.literal(str(name))[:40]}" for place, name in
             enumerate(frame["account_name"], start=1)]  # fmt: skip
    for column, role, alpha, name in (
        ("arr", "noise", 0.35, "ARR due"), ("arr_at_risk", "churned", 0.9, "of it at risk"),
    ):  # fmt: skip
        figure.add_bar(
            y=names, x=frame[column], orientation="h", name=name,
            marker={"color": theme.faded(theme.COLOURS[role], alpha)},
            customdata=frame[["chance"]].to_numpy().tolist(),
            hovertemplate="%{x:,.0f}, chance of leaving %{customdata[0]:.0%}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="overlay", bargap=0.3)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title=f"{currency} a year", tickformat="~s", rangemode="tozero")
    return figure


def held(frame: pd.DataFrame) -> go.Figure:
    """Draw what would have been said of past quarters beside what came true.

    Parameters
    ----------
    frame : DataFrame
        One row a past quarter: ``label``, ``low``, ``middle``, ``high``, ``actual``, ``hit``.
    """
    figure = blank(height=340, legend=True)
    figure.add_bar(
        x=frame["label"], y=frame["high"] - frame["low"], base=frame["low"], name="said before",
        marker={"color": theme.faded(theme.COLOURS["accent"], 0.35)},
        customdata=frame[["low", "high"]].to_numpy().tolist(),
        hovertemplate="said: %{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>",
    )  # fmt: skip
    for hit, role, symbol, name in (
        (True, "noise", "circle", "came true, inside"), (False, "churned", "x", "outside"),
    ):  # fmt: skip
        mine = frame[frame["hit"].astype(bool) == hit]
        figure.add_scatter(
            x=mine["label"], y=mine["actual"], mode="markers", name=name,
            marker={"size": 11, "symbol": symbol, "color": theme.COLOURS[role]},
            hovertemplate="%{x}: %{y:.0%} kept<extra></extra>",
        )  # fmt: skip
    _quarters(figure, list(frame["label"]))
    ends = frame[["low", "high", "actual"]].to_numpy()
    figure.update_yaxes(
        title="Share of the ARR due that is kept", **_RATE,
        range=[float(ends.min()) - 0.04, float(ends.max()) + 0.04],
    )  # fmt: skip
    return figure


def _bars(
    figure: go.Figure, frame: pd.DataFrame, low: str, high: str, *, width: int, alpha: float,
    name: str,
) -> None:  # fmt: skip
    """Draw one interval a quarter as a thick line, nothing where nothing is due."""
    x: list[str | None] = []
    y: list[float | None] = []
    for label, bottom, top in zip(frame["label"], frame[low], frame[high], strict=True):
        x += [label, label, None]
        y += [bottom, top, None]
    figure.add_scatter(
        x=x, y=y, mode="lines", name=name, hoverinfo="skip",
        line={"width": width, "color": theme.faded(theme.COLOURS["accent"], alpha)},
    )  # fmt: skip


def _quarters(figure: go.Figure, labels: list[str]) -> None:
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=list(dict.fromkeys(labels)),
        showgrid=False,
    )  # fmt: skip
