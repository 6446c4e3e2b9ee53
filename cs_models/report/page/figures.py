"""A plotly figure as the page carries it: drawable by its bundle, and nothing but the drawing.

The page has one plotly bundle, built from plotly.js's own sources by ``tools/plotly-bundle``, a
fifth of the full one.  A trace it does not know would be drawn wrongly and without an error, so
that it stops the export here; so does a calendar it does not know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from cs_models.errors import NotebookError
from cs_models.report import theme

# What tools/plotly-bundle/build.mjs puts into the bundle.
TRACE_TYPES = frozenset(
    {
        "bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour",
        "scatter", "violin",
    }
)  # fmt: skip
_CALENDARS = frozenset({"gregorian"})

_INLINE_IMAGE = "data:image/"
_DIGITS = 6  # more than a screen of 4,000 pixels can tell apart


def prepare(figure: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Return `figure` without what the page gives (theme, title, width) and what nobody sees.

    Numbers of traces keep six digits, or all before the point; ``customdata`` that no text of its
    trace names is left out.

    Parameters
    ----------
    figure : mapping
        Plotly's JSON: ``data``, ``layout`` and perhaps ``frames``.
    where : str
        Id of the exhibit, for the message.

    Returns
    -------
    dict
        A new figure (the argument is left as it is), and in ``y_title`` the words that the page
        sets above it instead of beside its vertical axis; empty where they stay.

    Raises
    ------
    NotebookError
        When a trace or a calendar is not in the bundle, or a picture would be asked of the
        network.
    """
    traces = [_lean(trace) for trace in figure.get("data", ())]
    layout = {
        key: value
        for key, value in dict(figure.get("layout", {})).items()
        if key not in {"template", "title", "width"}
    }
    frames = list(figure.get("frames") or ())
    every = [*traces, *(trace for frame in frames for trace in frame.get("data", ()))]
    types = {str(trace.get("type", "scatter")) for trace in every}
    _refuse("a trace type", types - TRACE_TYPES, TRACE_TYPES, where)
    calendars = set(_calendars([every, layout]))
    _refuse("a calendar", calendars - _CALENDARS, _CALENDARS, where)
    if any(not source.startswith(_INLINE_IMAGE) for source in _pictures(traces, layout)):
        raise NotebookError(
            "a figure would ask the network for a picture",
            where=f"exhibit {where}",
            repair="give the picture as a data: URI, or leave it out",
        )
    title = _take_y_title(layout)
    prepared: dict[str, Any] = {"data": traces, "layout": layout, "y_title": title}
    if frames:
        prepared["frames"] = frames
    return prepared


def _take_y_title(layout: dict[str, Any]) -> str:
    """Take the title of a figure's vertical axis out of `layout`, and return it as text.

    Turned by ninety degrees it is read by nobody, and takes room that the figure needs.  Panels
    of one title share it; those of several keep theirs, and so does a title that holds markup of
    plotly's.
    """
    axes = {name: axis for name, axis in layout.items() if name.startswith("yaxis")}
    texts = {_title(axis) for axis in axes.values()}
    text = texts.pop() if len(texts) == 1 else ""
    if not text or "<" in text:
        return ""
    for name, axis in axes.items():
        layout[name] = {key: value for key, value in axis.items() if key != "title"}
    return unescape(text)


def _title(axis: Mapping[str, Any]) -> str:
    title = axis.get("title")
    return str((title.get("text") if isinstance(title, Mapping) else title) or "")


def height(figure: Mapping[str, Any]) -> int:
    """Return how many pixels high a prepared figure will be drawn, so that its place is kept."""
    tall = figure["layout"].get("height")
    usual = theme.TEMPLATE.layout.height
    return round(tall if isinstance(tall, int | float) else usual)


def _refuse(what: str, unknown: set[str], known: frozenset[str], where: str) -> None:
    if unknown:
        raise NotebookError(
            f"a figure needs {what} that the page's plotly bundle does not draw",
            where=f"exhibit {where}",
            got=", ".join(sorted(unknown)),
            repair="use one of " + ", ".join(sorted(known)),
        )


def _calendars(node: Any) -> Iterator[str]:
    """Yield the calendars that a figure names, of an axis (``calendar``) or a trace."""
    if isinstance(node, list):
        for item in node:
            yield from _calendars(item)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if str(key).endswith("calendar") and isinstance(value, str):
                yield value
            elif isinstance(value, list | Mapping):
                yield from _calendars(value)


def _lean(trace: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trace without data that is not drawn, and digits that are not seen."""
    texts = str([value for key, value in trace.items() if key.endswith(("template", "text"))])
    shown = "customdata" in texts
    return {key: _rounded(value) for key, value in trace.items() if shown or key != "customdata"}


def _rounded(node: Any) -> Any:
    if isinstance(node, list):
        return [_rounded(item) for item in node]
    if isinstance(node, Mapping):
        return {key: _rounded(item) for key, item in node.items()}
    if not isinstance(node, float) or not math.isfinite(node):
        return node
    if node.is_integer():
        return int(node)
    return round(node, max(0, _DIGITS - 1 - math.floor(math.log10(abs(node)))))


def _pictures(traces: list[Any], layout: Mapping[str, Any]) -> Iterator[str]:
    for holder in [*traces, *layout.get("images", ())]:
        if holder.get("source"):
            yield str(holder["source"])
