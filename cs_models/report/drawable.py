"""A plotly figure's JSON as an output carries it: plain lists, and names that can be drawn.

Grain in and out: one figure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from cs_models.report import values

# Where a text is one name of an axis or of a trace; the same name is cut alike wherever it stands.
_NAMES: Final = frozenset(
    {"x", "y", "name", "legendgroup", "ticktext", "tickvals", "categoryarray", "label"}
)
# Where a text may be words around a name.
_WORDS: Final = frozenset({"text", "hovertext", "customdata"})


def figure(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Return a figure's JSON with its arrays as lists and no word that nobody could read.

    Parameters
    ----------
    drawn : mapping
        What ``Figure.to_json`` wrote.

    Returns
    -------
    dict
        Arrays in base64 are lists, so that a scanner of mail can read what a page carries; names
        of more than ``values.LONGEST_NAME`` letters end in an ellipsis.
    """
    return {key: _readable(item, key) for key, item in drawn.items()}


def _readable(node: Any, key: str) -> Any:
    if isinstance(node, list):
        return [_readable(item, key) for item in node]
    if isinstance(node, str):
        if key in _NAMES:
            return values.short_name(node)
        return values.shortened(node) if key in _WORDS else node
    if not isinstance(node, dict):
        return node
    if {"dtype", "bdata"} <= node.keys():
        array = np.frombuffer(base64.b64decode(node["bdata"]), dtype=np.dtype(node["dtype"]))
        shape = node.get("shape")
        if shape is not None:
            sizes = shape.split(",") if isinstance(shape, str) else np.atleast_1d(shape)
            array = array.reshape([int(size) for size in sizes])
        return values.plain(array)
    return {name: _readable(item, name) for name, item in node.items()}
