"""Figures: a frame in, a plotly figure out; nothing is read, computed or saved here.

Every function draws the columns that its docstring names and no others, so that a page
carries no hidden data.  The frames come from ``report/evidence/``, and the same frame is the
table behind the figure.  Doubt is drawn: intervals as bars, what chance alone would show in grey.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme

PERCENT_AXIS = {"tickformat": ".0%", "range": [0, 1.02]}


def either_side(rates: pd.DataFrame) -> go.Figure:
    """Draw the renewal rate on both sides of each group's cut, with intervals.

    Parameters
    ----------
    rates : DataFrame
        One row per (group, side): ``group`` (words), ``side`` ("at or above" or "below"),
        ``rate``, ``low``, ``high`` (renewal rates, 0 to 1), ``n_terms``.

    Returns
    -------
    plotly.graph_objects.Figure
        One line a group, a dot a side, horizontal bars for the 95 % intervals.
    """
    figure = _figure(height=110 + 74 * rates["group"].nunique(), legend=True)
    rates = rates.assign(group=rates["group"].map(theme.literal))
    for group, pair in rates.groupby("group", sort=False):
        figure.add_scatter(
            x=pair["rate"],
            y=[group] * len(pair),
            mode="lines",
            line={"color": theme.COLOURS["noise"], "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    for side, role in (("below", "below"), ("at or above", "above")):
        rows = rates[rates["side"] == side]
        figure.add_scatter(
            x=rows["rate"],
            y=rows["group"],
            name=side,
            mode="markers+text",
            text=[f"{rate:.0%}" for rate in rows["rate"]],
            textposition="top center",
            cliponaxis=False,
            marker={"color": theme.COLOURS[role], "size": 13},
            error_x=_bars(rows, role),
            customdata=rows[["n_terms"]],
            hovertemplate="%{y}, " + side + ": %{x:.1%} of %{customdata[0]} terms<extra></extra>",
        )
    figure.update_xaxes(title="Renewal rate", **PERCENT_AXIS)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure


def dose_response(
    levels: pd.DataFrame, *, axis: str, cut: float, cut_low: float, cut_high: float
) -> go.Figure:
    """Draw the renewal rate by level of use, with the cut and its interval.

    Parameters
    ----------
    levels : DataFrame
        One row a level, in order: ``level`` (words: the range of use), ``first`` (its
        smallest value), ``rate``, ``low``, ``high`` (0 to 1), ``n_terms``.
    axis : str
        What is counted, with its unit and window.
    cut, cut_low, cut_high : float
        The cut and its interval, on the scale of ``first``.

    Returns
    -------
    plotly.graph_objects.Figure
        A dot with its interval for each level; the level's terms under the axis.
    """
    figure = _figure(height=380)
    inside = _positions(levels["first"], cut_low, cut_high)
    at = float((levels["first"] < cut).sum()) - 0.5
    figure.add_vrect(
        x0=inside[0], x1=inside[1], fillcolor=theme.COLOURS["noise"], opacity=0.25, line_width=0
    )
    figure.add_vline(x=at, line={"color": theme.COLOURS["accent"], "dash": "dash", "width": 2})
    words = [theme.literal(level) for level in levels["level"]]
    colours = [theme.COLOURS["above" if first >= cut else "below"] for first in levels["first"]]
    figure.add_scatter(
        x=list(range(len(levels))),
        y=levels["rate"],
        mode="markers",
        marker={"color": colours, "size": 12},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": levels["high"] - levels["rate"],
            "arrayminus": levels["rate"] - levels["low"],
            "color": theme.COLOURS["noise"],
            "thickness": 2,
            "width": 0,
        },
        customdata=list(zip(words, levels["n_terms"], strict=True)),
        hovertemplate="%{customdata[0]}: %{y:.1%} of %{customdata[1]} terms<extra></extra>",
        showlegend=False,
    )
    figure.add_annotation(
        x=at, y=1.0, yref="paper", yanchor="bottom", text=f"cut: {cut:,.4g}", showarrow=False
    )
    figure.update_yaxes(title="Renewal rate", **PERCENT_AXIS)
    figure.update_xaxes(
        title=theme.literal(axis),
        tickvals=list(range(len(levels))),
        ticktext=[f"{word}<br>n={n:,}" for word, n in zip(words, levels["n_terms"], strict=True)],
        range=[-0.6, len(levels) - 0.4],
        showgrid=False,
    )
    return figure


def cut_likelihood(profile: pd.DataFrame, *, axis: str, limit: float) -> go.Figure:
    """Draw how well each possible cut explains the history, and which cannot be told apart.

    Parameters
    ----------
    profile : DataFrame
        One row per candidate cut, ascending: ``cut``, ``deviance`` (twice the
        drop of log likelihood from the best cut over the design effect; 0 is best),
        ``inside`` (bool).
    axis : str
        What is counted, with its unit and window.
    limit : float
        Deviance up to which cuts belong to the 95 % interval (``methods.md`` 2.6).

    Returns
    -------
    plotly.graph_objects.Figure
        A line over the cuts, those inside the interval marked.
    """
    figure = _figure(height=320)
    figure.add_scatter(
        x=profile["cut"],
        y=profile["deviance"],
        mode="lines+markers",
        line={"color": theme.COLOURS["noise"], "width": 2},
        marker={
            "size": 7,
            "color": [
                theme.COLOURS["accent" if inside else "noise"] for inside in profile["inside"]
            ],
        },
        hovertemplate="cut %{x}: %{y:.1f} worse<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=limit, line={"color": theme.COLOURS["below"], "dash": "dot"})
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=limit, yanchor="bottom",
        text="above this line: as good as the best", showarrow=False,
    )  # fmt: skip
    figure.update_xaxes(title=theme.literal(axis))
    worst = float(profile["deviance"].max())
    # The best cut is on top; a little room keeps its marker whole.
    figure.update_yaxes(title="Worse than the best by", range=[1.05 * worst, -0.06 * worst])
    return figure


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
    figure = _figure(height=300)
    figure.add_bar(
        x=histogram["middle"],
        y=histogram["share"],
        width=histogram["width"],
        marker={"color": theme.COLOURS["noise"], "line": {"width": 0}},
        hovertemplate="strength %{x:.2f}: %{y:.1%} of shuffled histories<extra></extra>",
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
    figure.update_yaxes(title="Shuffled histories", tickformat=".0%")
    return figure


def activity(months: pd.DataFrame) -> go.Figure:
    """Draw the share of accounts seen in the usage data, month by month.

    Parameters
    ----------
    months : DataFrame
        One row a month: ``month`` (date), ``share_active`` (0 to 1).

    Returns
    -------
    plotly.graph_objects.Figure
        Bars; a month that falls out of line is a gap in telemetry before it is news.
    """
    figure = _figure(height=280)
    figure.add_bar(
        x=months["month"],
        y=months["share_active"],
        marker={"color": theme.COLOURS["above"], "line": {"width": 0}},
        hovertemplate="%{x|%B %Y}: %{y:.0%} of accounts<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(title="Accounts with any use", **PERCENT_AXIS)
    figure.update_xaxes(title="Month")
    return figure


def outcomes(history: pd.DataFrame, *, groups: Sequence[str]) -> go.Figure:
    """Draw the contract terms by what became of them, year by year.

    Parameters
    ----------
    history : DataFrame
        One row per (year, outcome): ``year`` (int), ``outcome`` (word), ``n_terms``.
    groups : sequence of str
        Outcomes from the bottom of the bars to the top.

    Returns
    -------
    plotly.graph_objects.Figure
        Stacked bars, a year each.
    """
    figure = _figure(height=320, legend=True)
    for outcome in groups:
        rows = history[history["outcome"] == outcome]
        figure.add_bar(
            x=rows["year"].astype(str),
            y=rows["n_terms"],
            name=outcome,
            marker={"color": theme.OUTCOME_COLOURS[outcome], "line": {"width": 0}},
            hovertemplate="%{x}, " + outcome + ": %{y:,} terms<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="Year in which the term ends", type="category")
    figure.update_yaxes(title="Contract terms")
    return figure


def _figure(*, height: int, legend: bool = False) -> go.Figure:
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": height})
    figure.update_layout(showlegend=legend)
    return figure


def _bars(rows: pd.DataFrame, role: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": rows["high"] - rows["rate"],
        "arrayminus": rows["rate"] - rows["low"],
        "color": theme.COLOURS[role],
        "thickness": 2,
        "width": 0,
    }


def _positions(firsts: pd.Series, low: float, high: float) -> tuple[float, float]:
    """Return where values `low` and `high` fall on an axis of ordered levels."""
    start = float((firsts < low).sum()) - 0.5
    end = float((firsts <= high).sum()) - 0.5
    return start, max(end, start + 0.08)
