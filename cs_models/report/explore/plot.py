"""One figure of an explorer in JupyterLab, redrawn in place when a knob is turned.

In: an ``Exhibit``.  plotly's own ``FigureWidget`` puts its five megabytes of script into every
widget's state, and so into every notebook that is saved with it; this one carries the figure
alone and asks the kernel for the page's own bundle when a page has none yet.  Nothing is asked
of the network, and what is drawn is what the export draws.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from cs_models.report import theme
from cs_models.report.display import Exhibit
from cs_models.report.page.render import BUNDLE

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


@cache
def _bundle() -> bytes:
    return (_ASSETS / BUNDLE).read_bytes()


class Plot(anywidget.AnyWidget):
    """A figure that the kernel can change.

    Attributes
    ----------
    figure : dict
        plotly's ``data`` and ``layout``, arrays as plain lists; set both at once.
    title, alt : str
        Heading, and what the picture shows; both are shown as text, never as markup.
    twins : dict of str to str
        For each light colour its dark twin, for JupyterLab's dark theme.
    """

    _esm = (_ASSETS / "explorer.js").read_text(encoding="utf-8")
    figure = traitlets.Dict().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    twins = traitlets.Dict().tag(sync=True)

    def __init__(self, shown: Exhibit) -> None:
        super().__init__(twins=theme.dark_twins())
        self.on_msg(self._answer)
        self.show(shown)

    def show(self, shown: Exhibit) -> None:
        """Draw another exhibit in the same place.

        Parameters
        ----------
        shown : Exhibit
        """
        figure = shown.payload()["figure"]
        with self.hold_sync():
            self.title, self.alt = shown.title, shown.alt
            self.figure = {"data": figure["data"], "layout": figure["layout"]}

    def _answer(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        if content.get("kind") == "bundle":
            self.send({"kind": "bundle"}, buffers=[_bundle()])
