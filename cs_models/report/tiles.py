"""A row of key figures: what a leader reads in the first ten seconds of a page.

Grain: one output a row.  Each figure is a number with its doubt, what it is, and the way to the
table that made it.  As the other display objects, it carries data under a mimetype of its own;
the page's template escapes it once.  Use from a notebook::

    KeyFigures([KeyFigure("ARR likely to be kept", "75 %", "70 % to 80 %", "#coming-table")])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from cs_models.errors import NotebookError
from cs_models.report import display, values

FIGURES: Final = "application/vnd.cs-models.figures+json"
MOST: Final = 5  # more than this is a table
_FIELDS: Final = ("label", "value", "beside", "href")


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the row.

    Attributes
    ----------
    label : str
        What it is, in a few words.
    value : str
        The figure as it is printed.
    beside : str
        Its interval, or what it is counted of: a figure never stands without.
    href : str
        ``#`` and a table's id, also on another report's page.
    """

    label: str
    value: str
    beside: str
    href: str

    def __post_init__(self) -> None:
        display.num(self.value, self.href)
        if not all(str(getattr(self, name)).strip() for name in _FIELDS):
            raise NotebookError(
                "a key figure needs its label, its value and its doubt",
                got=repr(self),
                repair="give `beside` the interval, or what the figure is counted of",
            )


@dataclass(frozen=True)
class KeyFigures:
    """Up to five figures side by side, above the answer.

    Parameters
    ----------
    figures : sequence of KeyFigure
        The most telling first.
    """

    figures: Sequence[KeyFigure]

    def __post_init__(self) -> None:
        if not 1 <= len(self.figures) <= MOST:
            raise NotebookError(
                "a row of key figures holds one to five",
                got=str(len(self.figures)),
                repair="show the most telling, and the others in a table",
            )

    def payload(self) -> dict[str, Any]:
        """Return the row as strict JSON."""
        return {
            "figures": [
                {name: _short(name, getattr(figure, name)) for name in _FIELDS}
                for figure in self.figures
            ]
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        listed = self.payload()["figures"]
        return {
            FIGURES: self.payload(),
            "text/plain": "\n".join(f"{f['label']}: {f['value']} ({f['beside']})" for f in listed),
            "text/html": _lab(listed),
        }


def holds(payload: dict[str, Any]) -> bool:
    """Say whether a payload is what the mimetype promises: texts, and links to reports alone."""
    figures = payload["figures"]
    return 1 <= len(figures) <= MOST and all(
        set(figure) == set(_FIELDS)
        and all(isinstance(text, str) for text in figure.values())
        and display.links(figure["href"])
        for figure in figures
    )


def _short(field: str, text: str) -> Any:
    whole = values.plain(text)
    return whole if field == "href" else values.short_name(whole)


def _lab(figures: Sequence[dict[str, str]]) -> str:
    """Return the row as escaped markup for JupyterLab."""
    boxes = "".join(
        '<div style="border-top:2px solid var(--jp-brand-color1,#1976d2);padding:0.4em 0;'
        f'flex:1 1 11em"><div>{escape(figure["label"])}</div>'
        f'<strong style="font-size:1.6em">{escape(figure["value"])}</strong>'
        f"<div>{escape(figure['beside'])}</div></div>"
        for figure in figures
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.6em 1.6em">{boxes}</div>'
