"""Figures of the search: what chance would find, what re-runs find, groups, every use ranked."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme
from cs_models.report.figures.canvas import Scale, bars, blank


def chance(histogram: pd.DataFrame, *, observed: float, limit: float) -> go.Figure:
    """Draw what chance alone makes of the best rule, with this history marked.

    Parameters
    ----------
    histogram : DataFrame
        One row a bin: ``middle`` (strength of the best rule), ``share`` (of the shuffled
        histories, 0 to 1), ``width``.
    observed : float
        Strength of the best rule in the real history.
    limit : float
        Strength that chance alone exceeds in a share ``alpha`` of histories.

    Returns
    -------
    plotly.graph_objects.Figure
        Grey bars for chance, one line for this history.
    """
    figure = blank(height=300)
    figure.add_bar(
        x=histogram["middle"],
        y=histogram["share"],
        width=histogram["width"],
        marker={"color": theme.COLOURS["noise"], "line": {"width": 0}},
        hovertemplate="strength %{x:.2f}: %{y:.1%} of such histories<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=limit, line={"color": theme.COLOURS["below"], "dash": "dot", "width": 2})
    figure.add_vline(x=observed, line={"color": theme.COLOURS["accent"], "width": 3})
    stands_clear = observed >= limit
    for x, text, height, anchor in (
        (observed, "this history", 1.0, "right" if stands_clear else "left"),
        (limit, "needed to announce", 0.86, "left" if stands_clear else "right"),
    ):
        figure.add_annotation(
            x=x, y=height, yref="paper", xanchor=anchor, xshift=-6 if anchor == "right" else 6,
            text=text, showarrow=False,
        )  # fmt: skip
    figure.update_xaxes(title="Strength of the best rule found (standard deviations)")
    figure.update_yaxes(title="Histories of pure chance", tickformat=".0%")
    return figure


def again(reruns: pd.DataFrame, *, cut: float, axis: str) -> go.Figure:
    """Draw the levels that re-runs of the search found, with the level announced.

    Parameters
    ----------
    reruns : DataFrame
        One row per (what was re-run, level): ``kind`` ("bootstrap" or "without quarter"),
        ``level`` (the level found), ``width`` (of the bar), ``share`` (of the bootstraps, 0 to
        1).
    cut : float
        The level announced.
    axis : str
        What is counted, with its unit and window.

    Returns
    -------
    plotly.graph_objects.Figure
        Bars for the re-runs on re-drawn customers, a dot under them for each quarter left out.
    """
    figure = blank(height=320, legend=True)
    drawn, quarters = (reruns[reruns["kind"] == kind] for kind in ("bootstrap", "without quarter"))
    figure.add_bar(
        x=drawn["level"], y=drawn["share"], width=0.9 * drawn["width"], name="re-drawn customers",
        marker={"color": theme.COLOURS["noise"], "line": {"width": 0}},
        hovertemplate="level %{x:,.4g}: %{y:.1%} of the re-runs<extra></extra>",
    )  # fmt: skip
    top = float(drawn["share"].max())
    figure.add_scatter(
        x=quarters["level"], y=[-0.07 * top] * len(quarters), mode="markers",
        name="without one quarter", marker={"color": theme.COLOURS["below"], "size": 9,
        "symbol": "diamond"}, hovertemplate="level %{x:,.4g}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=cut, line={"color": theme.COLOURS["accent"], "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=cut, y=1.0, yref="paper", xanchor="left", xshift=6, text="announced", showarrow=False
    )
    figure.update_xaxes(title=theme.literal(axis))
    figure.update_yaxes(
        title="Re-runs",
        tickformat=".0%",
        range=[-0.14 * top, 1.1 * top],
        zeroline=True,
        zerolinecolor=theme.COLOURS["muted"],
    )
    return figure


def groups(levels: pd.DataFrame, *, axis: str) -> go.Figure:
    """Draw the level of one rule in each group of customers, with its interval.

    Parameters
    ----------
    levels : DataFrame
        One row a group: ``group``, ``cut``, ``low``, ``high``, ``own`` (bool: the group's own
        number), ``searched`` (the level of the group's own search, missing where there is none).
    axis : str
        What is counted, with its unit and window.

    Returns
    -------
    plotly.graph_objects.Figure
        A dot with its interval for each group, hollow where the number is that of all.
    """
    figure = blank(height=130 + 56 * len(levels), legend=True)
    drawn = levels.assign(group=levels["group"].map(theme.literal))
    found = drawn[drawn["searched"].notna()]
    scale = Scale([*levels["low"], *levels["high"], *levels["cut"], *found["searched"]])
    for own, name in ((True, "the group's own level"), (False, "the level of all customers")):
        rows = drawn[drawn["own"] == own]
        if rows.empty:
            continue
        at = pd.DataFrame({name: scale.at(rows[name]) for name in ("cut", "low", "high")})
        figure.add_scatter(
            x=at["cut"], y=rows["group"], mode="markers", name=name,
            marker={"size": 13, "color": theme.COLOURS["accent" if own else "noise"],
                    "symbol": "circle" if own else "circle-open"},
            error_x=bars(at, theme.COLOURS["accent" if own else "noise"], of="cut"),
            customdata=rows[["cut", "low", "high"]].to_numpy().tolist(),
            hovertemplate="%{y}: %{customdata[0]:,.4g} (%{customdata[1]:,.4g} to "
            "%{customdata[2]:,.4g})<extra></extra>",
        )  # fmt: skip
    if len(found):
        figure.add_scatter(
            x=scale.at(found["searched"]), y=found["group"], mode="markers",
            name="found by the group's own search",
            marker={"size": 19, "color": theme.COLOURS["below"], "symbol": "diamond-open"},
            customdata=found["searched"],
            hovertemplate="%{y}, own search: %{customdata:,.4g}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(**scale.axis(axis) | {"showgrid": True})
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, type="category")
    return figure


ROLE_COLOURS = {
    "signal": theme.COLOURS["accent"],
    "echo": theme.faded(theme.COLOURS["accent"], 0.4),
}


def ranking(features: pd.DataFrame, *, limit: float) -> go.Figure:
    """Draw how strongly each use goes with renewal; what was not announced is grey.

    Parameters
    ----------
    features : DataFrame
        One row a use, strongest first: ``feature``, ``statistic`` (of its best rule, 0 or more),
        ``role`` ("signal", "echo" or "not announced").
    limit : float
        Strength that the search asks for.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar for each use, one line for the limit.
    """
    figure = blank(height=110 + 24 * len(features), legend=True)
    names = [theme.literal(name) for name in features["feature"]]
    for role in ("signal", "echo", "not announced"):
        mine = (features["role"] == role).to_numpy()
        figure.add_bar(
            x=features["statistic"].to_numpy()[mine],
            y=[name for name, here in zip(names, mine, strict=True) if here],
            orientation="h", name=role,
            marker={"color": ROLE_COLOURS.get(role, theme.COLOURS["noise"]), "line": {"width": 0}},
            hovertemplate="%{y}: %{x:.1f}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=limit, line={"color": theme.COLOURS["below"], "dash": "dot", "width": 2})
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="Strength of its best rule (standard deviations)", rangemode="tozero")
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True,
                        showgrid=False)  # fmt: skip
    return figure
