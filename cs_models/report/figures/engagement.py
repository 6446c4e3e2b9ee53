"""Figures of engagement: renewal by fifth of the score, retention by quarter."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import PERCENT_AXIS, bars, blank


def fifths(frame: pd.DataFrame, *, clear: bool) -> go.Figure:
    """Draw the renewal rate in each fifth of the score.

    Parameters
    ----------
    frame : DataFrame
        One row a fifth: ``fifth`` (1 to 5), ``rate``, ``low``, ``high`` (0 to 1), ``n``,
        ``from_score``, ``to_score``.
    clear : bool
        Whether the score orders renewals; grey otherwise.
    """
    figure = blank(height=340)
    colour = theme.COLOURS["renewed" if clear else "noise"]
    figure.add_scatter(
        x=frame["fifth"], y=frame["rate"], mode="markers", marker={"size": 13, "color": colour},
        error_y=bars(frame, colour),
        customdata=frame[["n", "from_score", "to_score"]].to_numpy().tolist(),
        hovertemplate="score %{customdata[1]:.0f} to %{customdata[2]:.0f}: %{y:.1%} of "
        "%{customdata[0]:,}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        title="Fifth of the engagement score, 90 to 118 days before the renewal (5: most engaged)",
        tickvals=[1, 2, 3, 4, 5], range=[0.6, 5.4], showgrid=False,
    )  # fmt: skip
    figure.update_yaxes(title="Renewed", **PERCENT_AXIS)
    return figure


def retention(frame: pd.DataFrame) -> go.Figure:
    """Draw gross and net retention by quarter.

    Parameters
    ----------
    frame : DataFrame
        One row a quarter: ``label``, and ``grr``, ``nrr`` with ``_low`` and ``_high`` (1 is all of
        the ARR that was due), ``n_due``.
    """
    figure = blank(height=360, legend=True)
    for place, (name, words, role) in enumerate(
        (("grr", "gross retention", "renewed"), ("nrr", "net retention", "above"))
    ):
        rows = frame.assign(low=frame[f"{name}_low"], high=frame[f"{name}_high"])
        figure.add_scatter(
            x=[at + 0.16 * (place - 0.5) for at in range(len(rows))], y=rows[name],
            mode="markers", name=words,
            marker={"size": 11, "color": theme.COLOURS[role],
                    "symbol": ("circle", "diamond")[place]},
            error_y=bars(rows, theme.faded(theme.COLOURS[role], 0.6), of=name),
            customdata=rows[["label", "n_due"]].to_numpy().tolist(),
            hovertemplate="%{customdata[0]}: %{y:.1%} of %{customdata[1]:,} contracts"
            "<extra></extra>",
        )  # fmt: skip
    most = max(1.05, float(frame["nrr_high"].max(skipna=True)) * 1.03)
    figure.add_hline(y=1, line={"color": theme.COLOURS["noise"], "dash": "dash"})
    figure.update_xaxes(title="Quarter of the renewal", tickvals=list(range(len(frame))),
                        ticktext=frame["label"].tolist(), showgrid=False)  # fmt: skip
    figure.update_yaxes(title="Of the ARR that was due", tickformat=".0%", range=[0, most])
    return figure
