"""A plotly figure as the page carries it: drawable by its bundle, and nothing but the drawing.

The page has one plotly bundle, *cartesian* (``plotly.js-cartesian-dist-min``), a third of the
full one.  A trace it does not know would be drawn wrongly and without an error, so that it
stops the export here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cs_models.errors import NotebookError

# The trace modules of the cartesian bundle (its README).
TRACE_TYPES = frozenset(
    {
        "bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour",
        "image", "pie", "scatter", "scatterternary", "violin",
    }
)  # fmt: skip

_INLINE_IMAGE = "data:image/"


def prepare(figure: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Return `figure` without what the page gives: theme, title and width.

    Parameters
    ----------
    figure : mapping
        Plotly's JSON: ``data``, ``layout`` and perhaps ``frames``.
    where : str
        Id of the exhibit, for the message.

    Returns
    -------
    dict
        A new figure; the argument is left as it is.

    Raises
    ------
    NotebookError
        When a trace is not in the bundle, or a picture would be asked of the network.
    """
    traces = list(figure.get("data", ()))
    layout = {
        key: value
        for key, value in dict(figure.get("layout", {})).items()
        if key not in {"template", "title", "width"}
    }
    unknown = sorted({str(t.get("type", "scatter")) for t in traces} - TRACE_TYPES)
    if unknown:
        raise NotebookError(
            "a figure needs a trace type that the page's plotly bundle does not draw",
            where=f"exhibit {where}",
            got=", ".join(unknown),
            repair="use one of " + ", ".join(sorted(TRACE_TYPES)),
        )
    if any(not source.startswith(_INLINE_IMAGE) for source in _pictures(traces, layout)):
        raise NotebookError(
            "a figure would ask the network for a picture",
            where=f"exhibit {where}",
            repair="give the picture as a data: URI, or leave it out",
        )
    prepared: dict[str, Any] = {"data": traces, "layout": layout}
    if figure.get("frames"):
        prepared["frames"] = list(figure["frames"])
    return prepared


def _pictures(traces: list[Any], layout: Mapping[str, Any]) -> Iterator[str]:
    for holder in [*traces, *layout.get("images", ())]:
        if holder.get("source"):
            yield str(holder["source"])
