"""One widget for one field of a parameter model, chosen by the field's declared type.

Every control gives and takes a plain JSON value, as it stands in a run file.  What it cannot read
it refuses in the words of the command line (`cs_models.run.reading.overrides`); what is allowed
beyond the type only the model says.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any, Final, Protocol

import ipywidgets as widgets
from pydantic.fields import FieldInfo

from cs_models import errors
from cs_models.run.fields import Suggested
from cs_models.run.lab import described, text
from cs_models.run.reading import overrides, values, yaml_file

OMITTED: Final = object()
"""What a control gives that nobody filled in: its name is left out of the run file."""

_WIDE = widgets.Layout(width="46em", max_width="100%")
_NARROW = widgets.Layout(width="26em", max_width="100%")
_TALL = widgets.Layout(width="46em", max_width="100%", height="5.5em")
_LABEL = {"description_width": "13em"}
_SCALARS = (bool, int, float, str, date)
_UNCHOSEN = "—"


class Control(Protocol):
    """What holds one value of a form.

    Attributes
    ----------
    widget : ipywidgets.Widget
        What a person sees.
    """

    widget: Any

    def value(self) -> Any:
        """Return a plain JSON value, or OMITTED.

        Raises
        ------
        Unreadable
            When what stands there is no value of the type.
        """

    def put(self, value: Any) -> None:
        """Show a value; OMITTED for none."""

    def tell(self, faults: Sequence[values.Fault], at: values.Path) -> None:
        """Show faults of what stands at a place of the run file, each beside its field."""

    def watch(self, hear: Callable[[], None]) -> None:
        """Call `hear` whenever a person changes something."""


class Unreadable(Exception):  # noqa: N818 - carries faults to where they are shown
    """What a person typed is no value of the field's type.

    Parameters
    ----------
    faults : list of Fault
        One for each such field.
    """

    def __init__(self, faults: list[values.Fault]) -> None:
        self.faults = faults


def wrong(faults: Sequence[values.Fault]) -> str:
    """Return faults as escaped markup: what, got, repair, as the command line says them."""
    return "".join(
        f'<div class="cs-wrong" role="status"><strong>{escape(what(fault))}</strong><br>'
        f"got: {escape(fault.got)}<br>repair: {escape(fault.allowed)}</div>"
        for fault in faults
    )


def what(fault: values.Fault) -> str:
    """Return what is wrong, in the words of the command line."""
    name = values.dotted(fault.path) or "the run file"
    return f"unknown parameter {name}" if fault.unknown else f"{name} is not allowed as it stands"


class Leaf:
    """A field with one widget, its help line, and what is wrong with it.

    Parameters
    ----------
    name : str
        As it stands in the run file.
    field : FieldInfo
        Its declaration.
    about : str
        Its help line.
    """

    def __init__(self, name: str, field: FieldInfo, about: str) -> None:
        self.kind = described.kind_of(field)
        self.required = field.is_required()
        self._default = described.default(field)
        self._lines = described.has_lines(field)
        # What a person leaves empty means null where null is allowed.
        nothing = None if self.kind.optional else [] if self._listed else ""
        self._empty = OMITTED if self.required or self._default is None else nothing
        told = "; ".join(filter(None, (described.allowed(field), about)))
        self._help = f'<div class="cs-help">{escape(told)}</div>' if told else ""
        self.input = self.make(
            description=name + (" *" if self.required else ""), tooltip=told, style=_LABEL
        )
        self._told = widgets.HTML(self._help)
        self.widget = widgets.VBox([self.input, self._told])
        self.widget.add_class("cs-field")
        self._given: Any = OMITTED
        self._as_given: Any = None
        self.put(OMITTED)

    @property
    def _listed(self) -> bool:
        return typing.get_origin(self.kind.type) in (tuple, list)

    def make(self, **labels: Any) -> Any:
        """Return the widget."""
        raise NotImplementedError

    def read(self, shown: Any) -> Any:
        """Return what the widget shows as a plain value; ValueError says what is allowed."""
        return shown

    def write(self, value: Any) -> Any:
        """Return a plain value, not None, as the widget shows it."""
        return value

    blank: Any = None

    def value(self) -> Any:
        """Return the plain value; nothing for an empty default that nobody set or changed."""
        shown = self.input.value
        if self._given is not OMITTED and shown == self._as_given:
            return self._given  # somebody set it, be it empty or the default
        if shown == self.blank:
            return self._empty
        try:
            value = self.read(shown)
            return OMITTED if value in ([], {}) and value == self._default else value
        except ValueError as error:
            raise Unreadable([values.Fault((), values.shown(shown), str(error))]) from None

    def put(self, value: Any) -> None:
        """Show a value; the default for OMITTED."""
        self._given = value
        value = self._default if value is OMITTED else value
        self.input.value = self.blank if value is None else self.write(value)
        self._as_given = self.input.value

    def tell(self, faults: Sequence[values.Fault], at: values.Path) -> None:  # noqa: ARG002
        """Show what is wrong below the help line."""
        markup = self._help + wrong(faults)
        if self._told.value != markup:
            self._told.value = markup

    def watch(self, hear: Callable[[], None]) -> None:
        """Hear changes once a person has left the field."""
        self.input.observe(lambda _: hear(), names="value")


class Words(Leaf):
    """Text; suggestions where the type offers them."""

    blank = ""

    def make(self, **labels: Any) -> Any:
        """Return a line of text, with a list to choose from where there is one."""
        found = [part for part in self.kind.metadata if isinstance(part, Suggested)]
        shared = {**labels, "layout": _WIDE, "continuous_update": False}
        if self._lines:
            return widgets.Textarea(**{**shared, "layout": _TALL})
        if found:
            return widgets.Combobox(options=tuple(sorted(found[0].values())), **shared)
        return widgets.Text(**shared)


class Typed(Leaf):
    """A number, or a list of plain values: text that is read by the declared type."""

    blank = ""

    def make(self, **labels: Any) -> Any:
        """Return a line of text."""
        layout = _WIDE if self._listed else _NARROW
        return widgets.Text(layout=layout, continuous_update=False, **labels)

    def read(self, shown: Any) -> Any:
        """Return the text as the declared type has it."""
        return overrides.parse(shown.strip(), self.kind.type)

    def write(self, value: Any) -> str:
        """Return a number, or a list with commas; JSON where commas would not do."""
        if not isinstance(value, list | tuple):
            return json.dumps(value)
        items = [part if isinstance(part, str) else json.dumps(part) for part in value]
        shown = ", ".join(items)
        plain = shown and not shown.startswith("[") and not any(map(_needs_json, items))
        return shown if plain else json.dumps(list(value), ensure_ascii=False)


def _needs_json(item: str) -> bool:
    return "," in item or item != item.strip() or not item


class Number(Leaf):
    """A number that always has a value: arrows count up and down."""

    def make(self, **labels: Any) -> Any:
        """Return a field for a whole number, or for any."""
        made = widgets.IntText if self.kind.type is int else widgets.FloatText
        return made(layout=_NARROW, continuous_update=False, step=self._step(), **labels)

    def _step(self) -> float:
        bounds = [getattr(part, "le", None) or getattr(part, "lt", None) for part in
                  self.kind.metadata]  # fmt: skip
        top = min((float(bound) for bound in bounds if bound), default=100.0)
        return 1 if self.kind.type is int else 0.01 if top <= 1 else 0.1

    def read(self, shown: Any) -> Any:
        """Return the number."""
        return self.kind.type(shown)


class Day(Leaf):
    """A calendar date."""

    def make(self, **labels: Any) -> Any:
        """Return a calendar."""
        return widgets.DatePicker(layout=_NARROW, **labels)

    def read(self, shown: Any) -> str:
        """Return ISO text."""
        return str(shown.isoformat())

    def write(self, value: Any) -> date:
        """Return a date from ISO text."""
        return date.fromisoformat(str(value))


class Choice(Leaf):
    """One of several declared words; the dash stands for none."""

    def make(self, **labels: Any) -> Any:
        """Return a drop-down list."""
        words = (True, False) if self.kind.type is bool else typing.get_args(self.kind.type)
        none = [(_UNCHOSEN, None)] if self.kind.optional or self.required else []
        named = [({True: "yes", False: "no"}.get(word, str(word)), word) for word in words]
        return widgets.Dropdown(options=[*none, *named], layout=_NARROW, **labels)


class Tick(Leaf):
    """Yes or no."""

    def make(self, **labels: Any) -> Any:
        """Return a box to tick."""
        return widgets.Checkbox(indent=True, layout=_WIDE, value=False, **labels)


class Written(Leaf):
    """Anything else, such as names and values of any number: a piece of YAML."""

    blank = ""

    def make(self, **labels: Any) -> Any:
        """Return a field of several lines."""
        return widgets.Textarea(
            layout=_TALL, continuous_update=False, placeholder=self._example(), **labels
        )

    def _example(self) -> str:
        mapped = typing.get_origin(self.kind.type) in (dict, Mapping)
        return "name: value, one a line" if mapped else "YAML"

    def read(self, shown: Any) -> Any:
        """Return the text as YAML has it, by the rules of a run file."""
        lines = "\n".join(f"  {line}" for line in shown.expandtabs().splitlines())
        try:
            return yaml_file.parse(f"value:\n{lines}\n", "it").content["value"]
        except errors.ParameterError as error:
            raise ValueError(error.what.replace("the run file is not ", "")) from None

    def write(self, value: Any) -> str:
        """Return the value as YAML, one name a line."""
        if not value:
            return "{}" if isinstance(value, Mapping) else text.flow(value)
        return text.block(value)


def leaf(name: str, field: FieldInfo, about: str) -> Leaf:
    """Return the control of a field that holds no model.

    Parameters
    ----------
    name : str
        As it stands in the run file.
    field : FieldInfo
        Its declaration.
    about : str
        Its help line.
    """
    told = described.kind_of(field)
    open_ = told.optional or described.default(field) is None
    kind: type[Leaf] = Written
    if told.type is date:
        kind = Day
    elif typing.get_origin(told.type) is typing.Literal or (told.type is bool and open_):
        kind = Choice
    elif told.type is bool:
        kind = Tick
    elif told.type is str:
        kind = Words
    elif told.type in (int, float):
        kind = Typed if open_ else Number
    elif _is_list_of_scalars(told.type):
        kind = Typed
    return kind(name, field, about)


def _is_list_of_scalars(annotation: Any) -> bool:
    items = typing.get_args(annotation)
    if typing.get_origin(annotation) not in (tuple, list) or not items:
        return False
    inner = described.kind(items[0])
    literal = typing.get_origin(inner.type) is typing.Literal
    return (inner.type in _SCALARS or literal) and not inner.optional
