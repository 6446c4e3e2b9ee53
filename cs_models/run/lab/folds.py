"""What unfolds in a form: a heading with something below it, and a field that may be absent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from cs_models.run.lab.controls import OMITTED, Control
from cs_models.run.reading import values

Hear = Callable[[], None]

_LABEL = {"description_width": "13em"}


class Fold:
    """A heading that opens and closes what is below it, by mouse or keyboard.

    Parameters
    ----------
    title : str
        The heading.
    inside : list of widgets
        What it opens; it is built into the page when it is opened first.
    heading : bool, default False
        Whether it is a part of the page rather than of a group.
    opening : callable, optional
        Called before it is opened.
    """

    def __init__(
        self,
        title: str,
        inside: list[Any],
        *,
        heading: bool = False,
        opening: Callable[[], None] | None = None,
    ) -> None:
        self._title, self._inside, self._told = title, tuple(inside), ""
        self._opening = opening
        self.button = widgets.ToggleButton(tooltip="open or close")
        self.button.add_class("cs-fold")
        self.button.add_class("cs-heading" if heading else "cs-part")
        self._body = widgets.VBox([])
        self._body.add_class("cs-inside")
        self.widget = widgets.VBox([self.button, self._body])
        self.button.observe(self._turn, names="value")
        self._turn()

    def say(self, told: str) -> None:
        """Show a few words beside the title."""
        self._told = told
        self._name()

    def _turn(self, *_: Any) -> None:
        if self.button.value and self._opening is not None:
            self._opening()
        self._body.children = self._inside if self.button.value else ()
        self._name()

    def _name(self) -> None:
        arrow = "▾" if self.button.value else "▸"
        words = " · ".join(filter(None, (self._title, self._told)))
        self.button.description = f"{arrow} {words}"


class Part:
    """A control that unfolds; where its field may be absent, with a box that sets it.

    Parameters
    ----------
    name : str
        The field.
    about : str
        Its help line.
    inner : Control
        What is inside.
    box : bool
        Whether the field may be left out.
    default : object, default None
        The plain value that it has then.
    optional : bool, default False
        Whether null is a value of the field.
    """

    def __init__(
        self, name: str, about: str, inner: Control, *, box: bool, default: Any = None,
        optional: bool = False,
    ) -> None:  # fmt: skip
        self.inner, self._default, self._optional = inner, default, optional
        self._given: Any = OMITTED
        self._box = widgets.Checkbox(
            value=not box, description=f"set {name}", tooltip=about, style=_LABEL
        )
        self._has_box = box
        help_ = widgets.HTML(f'<div class="cs-help">{escape(about)}</div>' if about else "")
        self._inside = widgets.VBox([])
        self._fold = Fold(name, [help_, *([self._box] if box else []), self._inside])
        self.widget = self._fold.widget
        self._box.observe(self._turn, names="value")
        self._turn()

    def _turn(self, *_: Any) -> None:
        self._inside.children = (self.inner.widget,) if self._box.value else ()
        self._say(0)

    def _say(self, n_faults: int) -> None:
        told = "not set" if not self._box.value else f"{n_faults} to repair" if n_faults else ""
        self._fold.say(told)

    def unfold(self) -> None:
        """Open it."""
        self._fold.button.value = True

    def value(self) -> Any:
        """Return what is inside; OMITTED while it is not set and nobody said null or nothing."""
        if not self._box.value:
            said = self._given is None or self._default is not None
            return None if said and self._optional else OMITTED
        found = self.inner.value()
        return self._given if found is OMITTED and self._given in (None, [], {}) else found

    def put(self, value: Any) -> None:
        """Show a value, or that there is none."""
        self._given = value
        value = self._default if value is OMITTED else value
        self._box.value = value is not None or not self._has_box
        self.inner.put(value)

    def tell(self, faults: Sequence[values.Fault], at: values.Path) -> None:
        """Show faults inside, and how many beside the title."""
        self.inner.tell(faults, at)
        self._say(len(faults))

    def watch(self, hear: Hear) -> None:
        """Hear the box and what is inside."""
        self._box.observe(lambda _: hear(), names="value")
        self.inner.watch(hear)
