"""The one figure of the leadership brief: what the coming quarters keep."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import blank


def money(past: pd.DataFrame, coming: pd.DataFrame) -> go.Figure:
    """Draw the share of ARR that past quarters kept and that coming ones are likely to keep.

    Parameters
    ----------
    past : DataFrame
        One row a quarter: ``label``, ``grr_running`` (0 to 1).
    coming : DataFrame
        One row a quarter: ``label``, ``grr_p10``, ``grr_p50``, ``grr_p90`` (0 to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        Grey dots for the past; a bar from P10 to P90 with its middle for what is to come.
    """
    figure = blank(height=340, legend=True)
    figure.add_scatter(
        x=past["label"], y=past["grr_running"], mode="markers", name="kept (past quarters)",
        marker={"size": 11, "color": theme.COLOURS["noise"]},
        hovertemplate="%{x}: %{y:.0%} kept<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        x=coming["label"], y=coming["grr_p90"] - coming["grr_p10"], base=coming["grr_p10"],
        name="eight times in ten", width=0.25,
        marker={"color": theme.faded(theme.COLOURS["accent"], 0.35)},
        customdata=coming[["grr_p10", "grr_p90"]].to_numpy().tolist(),
        hovertemplate="%{x}: %{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=coming["label"], y=coming["grr_p50"], mode="markers", name="the middle",
        marker={"size": 14, "color": theme.COLOURS["accent"], "symbol": "line-ew",
                "line": {"width": 4, "color": theme.COLOURS["accent"]}},
        hovertemplate="%{x}: %{y:.0%}<extra></extra>",
    )  # fmt: skip
    labels = list(dict.fromkeys([*past["label"], *coming["label"]]))
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels,
                        showgrid=False, title="Quarter in which contracts end")  # fmt: skip
    ends = pd.concat([past["grr_running"], coming["grr_p10"], coming["grr_p90"]])
    ends = ends.dropna().astype(float)
    figure.update_yaxes(
        title="Share of the ARR due that is kept", tickformat=".0%",
        range=[max(0.0, ends.min() - 0.06), min(1.02, ends.max() + 0.06)],
    )  # fmt: skip
    return figure
