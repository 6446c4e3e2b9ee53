"""What all explorers are made of: knobs, a line that says the numbers, figures, tables.

In: knobs by name and a plain function of their values that returns display objects.  Out: one
widget.  A knob is an ipywidget with its name beside it, so Tab goes from one to the next and arrow
keys turn it; a wrong input is answered in a sentence.  Every text is escaped in ``report/lab.py``.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from cs_models.errors import CsModelsError
from cs_models.report import lab
from cs_models.report.display import Exhibit, Statement, Table
from cs_models.report.explore.plot import Plot

Shown = Exhibit | Statement | Table
WIDE = {"width": "46em", "max_width": "100%"}
WIDEST = {"width": "72em", "max_width": "100%"}
NAMED, NAMED_LONG = {"description_width": "11em"}, {"description_width": "38em"}
_READ = "line-height:1.45"  # ipywidgets sets lines of HTML as far apart as knobs


class Explorer(widgets.VBox):  # type: ignore[misc]
    """Knobs above what they show.

    Parameters
    ----------
    name : str
        Its class on the page is ``cs-explorer-{name}``.
    about : str
        What can be turned and how to read it; shown as text.
    knobs : mapping of str to ipywidget
        In the order of the Tab key; a value is given to `draw` under its name.
    draw : callable
        From the values of all knobs, by name, to display objects.
    refit : callable, optional
        Given the name of a knob that was turned, fits the others to it before anything is drawn.
    above : sequence of ipywidget, optional
        What stands above the knobs.

    Attributes
    ----------
    knobs : dict of str to ipywidget
    said : ipywidgets.HTML
        The sentences of the last turn.
    plots : list of Plot
        The figures, redrawn in place.
    behind : ipywidgets.HTML
        The tables.
    """

    def __init__(
        self,
        name: str,
        about: str,
        knobs: Mapping[str, Any],
        draw: Callable[..., Sequence[Shown]],
        *,
        refit: Callable[[str], None] | None = None,
        above: Sequence[Any] = (),
    ) -> None:
        self._names = {id(knob): key for key, knob in knobs.items()}
        self._refit = refit
        self.knobs = dict(knobs)
        self.plots: list[Plot] = []
        self.said = widgets.HTML().add_class("cs-explorer-said")
        self.behind = widgets.HTML().add_class("cs-explorer-tables")
        self._figures = widgets.VBox()
        self._draw = draw
        self._held = False
        words = widgets.HTML(f'<p style="max-width:80ch;{_READ}">{escape(about)}</p>')
        turned = widgets.VBox(list(self.knobs.values())).add_class("cs-explorer-knobs")
        super().__init__([words, *above, turned, self.said, self._figures, self.behind])
        self.add_class("cs-explorer").add_class(f"cs-explorer-{name}")
        for knob in self.knobs.values():
            knob.observe(self._turned, names="value")
        self.turn()
        settle(name)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Set several knobs and draw once, after the last."""
        outer, self._held = self._held, True
        try:
            yield
        finally:
            self._held = outer
        if not outer:
            self.turn()

    def turn(self) -> None:
        """Draw what the knobs say now."""
        try:
            shown = self._draw(**{name: knob.value for name, knob in self.knobs.items()})
        except CsModelsError as refused:
            repair = f"; {refused.repair}" if refused.repair else ""
            shown = [Statement.of("caution", f"{refused.what}{repair}.")]
        said = [each for each in shown if isinstance(each, Statement)]
        words = "".join(lab.statement_html(each.payload()) for each in said)
        self.said.value = f'<div style="{_READ}">{words}</div>'
        self._show([each for each in shown if isinstance(each, Exhibit)])
        tables = [each for each in shown if isinstance(each, Table)]
        tables += [each.table for each in shown if isinstance(each, Exhibit)]
        self.behind.value = "".join(map(_folded, tables))

    def _turned(self, change: Any) -> None:
        if self._held:
            return
        with self.holding():
            if self._refit is not None:
                self._refit(self._names[id(change["owner"])])

    def _show(self, exhibits: list[Exhibit]) -> None:
        for plot, exhibit in zip(self.plots, exhibits, strict=False):
            plot.show(exhibit)
        self.plots += [Plot(exhibit) for exhibit in exhibits[len(self.plots) :]]
        drawn = tuple(self.plots[: len(exhibits)])
        if self._figures.children != drawn:
            self._figures.children = drawn


_opened: set[str] = set()


def settle(name: str) -> None:
    """Keep Python's search for garbage away from what stands in the kernel when a view opens.

    A notebook's modules, panels and models are hundreds of thousands of objects that live as long
    as its kernel.  Python looks through all of them once enough new ones have gathered, and when
    that falls into a turn the turn takes two or three times as long (docs/evidence.md,
    "Explorers").  What is frozen is passed over; what nobody refers to is freed at once as ever.

    Parameters
    ----------
    name : str
        The view.  Opened again, its notebook is run again: then all is thawed first, so that
        nothing the earlier cells left stays for ever.
    """
    if name in _opened:
        gc.unfreeze()
    if not _opened:
        atexit.register(gc.unfreeze)  # libraries count at the end what of theirs was left
    _opened.add(name)
    gc.collect()
    gc.freeze()


def choice(label: str, options: Any, value: Any = None) -> Any:
    """Return a list to choose one of.

    Parameters
    ----------
    label : str
        Stands beside it.
    options : sequence of (str, object)
        Words and values; words are shown as text.
    value : object, optional
        The one chosen first; the first option when None.
    """
    given = {} if value is None else {"value": value}
    return widgets.Dropdown(
        options=list(options), description=label, layout=WIDE, style=NAMED, **given
    )


def several(label: str, options: Sequence[str], value: Sequence[str]) -> Any:
    """Return a list to choose some of: arrow keys with Shift or Ctrl."""
    return widgets.SelectMultiple(
        options=list(options), value=tuple(value), description=label, layout=WIDE, style=NAMED,
        rows=min(6, max(2, len(options))),
    )  # fmt: skip


def steps(label: str, options: Any, value: Any = None, *, long: bool = False) -> Any:
    """Return a slider over given values: each step of an arrow key is the next of them.

    Parameters
    ----------
    label, options, value
        As for :func:`choice`.
    long : bool, default False
        Whether the label is a sentence's length.
    """
    given = {} if value is None else {"value": value}
    return widgets.SelectionSlider(
        options=list(options), description=label, continuous_update=False,
        layout=WIDEST if long else WIDE, style=NAMED_LONG if long else NAMED, **given,
    )  # fmt: skip


def count(label: str, low: int, high: int, value: int) -> Any:
    """Return a slider over whole numbers from `low` to `high`."""
    return widgets.IntSlider(
        value, low, max(low, high), description=label, layout=WIDE, style=NAMED,
        continuous_update=False,
    )  # fmt: skip


def amount(label: str, low: float, high: float, value: float, *, step: float, form: str) -> Any:
    """Return a slider over numbers from `low` to `high`, written as `form` says."""
    return widgets.FloatSlider(
        value, min=low, max=high, step=step, readout_format=form, description=label, layout=WIDE,
        style=NAMED, continuous_update=False,
    )  # fmt: skip


def _folded(table: Table) -> str:
    body = lab.table_html(table.payload())
    return f"<details><summary>{escape(table.title)}</summary>{body}</details>"


def nothing(name: str, why: str) -> Explorer:
    """Return an explorer without knobs that says why there is nothing to turn.

    Parameters
    ----------
    name : str
    why : str
        A sentence.
    """
    return Explorer(name, "", {}, lambda: [Statement.of("finding", why)])
