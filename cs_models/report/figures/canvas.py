"""What all figures share: an empty canvas, axes of rates and of counts, bars of intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cs_models.report import theme

PERCENT_AXIS = {"tickformat": ".0%", "range": [0, 1.02]}
POINTS_AXIS = {"tickformat": "+.0f", "zeroline": True, "zerolinewidth": 2}
_NARROW = 0.1  # a share's axis so short has ticks less than a point apart
_WRAP = 24  # letters of a name beside a figure, line by line
_WIDE = 20.0  # a count that goes further is drawn on a scale that gives small counts room
_NICE = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 200_000)


def blank(*, height: int, legend: bool = False) -> go.Figure:
    """Return an empty figure in the project's colours.

    Parameters
    ----------
    height : int
        Pixels.
    legend : bool, default False
        Whether the traces are named above the figure.
    """
    figure = go.Figure(layout={"template": theme.TEMPLATE, "height": height})
    figure.update_layout(showlegend=legend)
    return figure


def bars(rows: pd.DataFrame, colour: str, *, of: str = "rate") -> dict[str, object]:
    """Return the interval ``low`` to ``high`` of each row as an error bar.

    Parameters
    ----------
    rows : DataFrame
        With ``low``, ``high`` and the column `of`.
    colour : str
        ``#RRGGBB`` or ``rgba(...)``.
    of : str, default "rate"
        The column that the bar is drawn around.
    """
    return {
        "type": "data",
        "symmetric": False,
        "array": rows["high"] - rows[of],
        "arrayminus": rows[of] - rows["low"],
        "color": colour,
        "thickness": 2,
        "width": 0,
    }


def percent_ticks(low: float, high: float) -> str:
    """Return how ticks of shares are written so that no two of an axis read alike.

    Parameters
    ----------
    low, high : float
        Ends of the axis, 0 to 1; not finite where nothing is drawn.

    Returns
    -------
    str
        Whole percent; with one digit where the axis spans less than ten points.
    """
    return ".1%" if high - low < _NARROW else ".0%"


def wrapped(label: str) -> str:
    """Return a name in lines short enough to stand beside a figure on a narrow page.

    Parameters
    ----------
    label : str
        As typed; what comes back is to be drawn as it is.
    """
    lines = [""]
    for word in label.split():
        if len(lines[-1]) + len(word) >= _WRAP and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(theme.literal(line) for line in lines)


def in_points(rows: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return `rows` with differences of rates (-1 to 1) in percentage points, to be drawn.

    Parameters
    ----------
    rows : DataFrame
        What the table behind a figure shows; it is not changed.
    *columns : str
        Those that hold differences.
    """
    return rows.assign(**{name: 100 * rows[name].astype(float) for name in columns})


class Scale:
    """Where counts stand on an axis: evenly, or, when they reach far, small ones with more room.

    Parameters
    ----------
    values : iterable of float
        All that will be drawn, 0 or more.
    """

    def __init__(self, values: Iterable[float]) -> None:
        drawn = np.asarray(list(values), dtype=float)
        self._most = float(drawn.max(initial=1.0))
        self._least = float(drawn.min(initial=self._most))
        self.wide = self._most > _WIDE and self._least >= 0

    def at(self, values: Iterable[float] | float) -> np.ndarray:
        """Return where `values` stand."""
        given = np.asarray(values if isinstance(values, int | float) else list(values), dtype=float)
        return np.log1p(given) if self.wide else given

    def axis(self, title: str) -> dict[str, object]:
        """Return the axis: title, range and, where counts are not even, their ticks."""
        low, high = (float(self.at(end)) for end in (self._least, self._most))
        room = 0.04 * (high - low or 1.0)
        axis: dict[str, object] = {
            "title": theme.literal(title), "range": [low - room, high + room], "showgrid": False,
        }  # fmt: skip
        if not self.wide:
            return axis
        ticks = [tick for tick in _NICE if self._least <= tick <= self._most]
        ticks = ticks[:: math.ceil(len(ticks) / 9)]
        return axis | {"tickvals": np.log1p(ticks).tolist(), "ticktext": [f"{t:,}" for t in ticks]}
