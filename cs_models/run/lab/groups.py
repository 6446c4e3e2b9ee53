"""Controls that hold others: a model, and models by name or in a list.

A field that is added to a parameter model appears in its group by itself.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from pydantic.fields import FieldInfo

from cs_models.run.lab import controls, described
from cs_models.run.lab.controls import OMITTED, Control, Unreadable
from cs_models.run.lab.folds import Part
from cs_models.run.reading import values

Hear = Callable[[], None]
Models = tuple[described.Model, ...]

_LABEL = {"description_width": "13em"}


class Group:
    """The fields of one model, below each other.

    Parameters
    ----------
    model : type of pydantic model
        What the group fills in.
    leave_out : collection of str, default ()
        Names that stand elsewhere, or that nobody sets by hand.
    above : tuple of models, default ()
        The models that this one is a part of: a model inside itself is written as YAML.
    """

    def __init__(
        self, model: described.Model, *, leave_out: Collection[str] = (), above: Models = ()
    ) -> None:
        self.parts: dict[str, Control] = {
            name: _control(name, field, described.help_line(model, name), (*above, model))
            for name, field in described.fields(model).items()
            if name not in leave_out
        }
        self._rest = widgets.HTML()
        self.widget = widgets.VBox([*(part.widget for part in self.parts.values()), self._rest])

    def value(self) -> dict[str, Any]:
        """Return the names that somebody or a default fills in, with their values."""
        found: dict[str, Any] = {}
        faults: list[values.Fault] = []
        for name, part in self.parts.items():
            _collect(found, faults, name, part.value)
        if faults:
            raise Unreadable(faults)
        return found

    def put(self, value: Any) -> None:
        """Show a mapping of names to values; defaults for names that it does not hold."""
        given = value if isinstance(value, Mapping) else {}
        for name, part in self.parts.items():
            part.put(given.get(name, OMITTED))

    def tell(self, faults: Sequence[values.Fault], at: values.Path = ()) -> None:
        """Show each fault beside its field; those of the whole below."""
        for name, part in self.parts.items():
            part.tell(_below(faults, (*at, name)), (*at, name))
        own = {(*at, name) for name in self.parts}
        rest = [fault for fault in faults if fault.path[: len(at) + 1] not in own]
        self._rest.value = controls.wrong(rest)

    def watch(self, hear: Hear) -> None:
        """Hear every field."""
        for part in self.parts.values():
            part.watch(hear)


class Later:
    """A group that is made when somebody looks at it: a form has more fields than are looked at.

    Parameters
    ----------
    model : type of pydantic model
        What the group fills in.
    leave_out : collection of str
        Names that stand elsewhere.
    """

    def __init__(self, model: described.Model, leave_out: Collection[str]) -> None:
        self._model, self._leave_out = model, leave_out
        self._given: dict[str, Any] = {}
        self._hear: list[Hear] = []
        self._told: tuple[Sequence[values.Fault], values.Path] = ((), ())
        self._group: Group | None = None
        self.widget = widgets.VBox([])

    @property
    def group(self) -> Group:
        """The group, made now when it was not."""
        if self._group is None:
            self._group = Group(self._model, leave_out=self._leave_out)
            self._group.put(self._given)
            self._group.tell(*self._told)
            for hear in self._hear:
                self._group.watch(hear)
            self.widget.children = (self._group.widget,)
        return self._group

    def value(self) -> dict[str, Any]:
        """Return what the group holds, or would hold."""
        if self._group is not None:
            return self._group.value()
        all_ = {**described.defaults(self._model), **self._given}
        names = [name for name in described.fields(self._model) if name not in self._leave_out]
        return {name: all_[name] for name in names if name in all_}

    def put(self, value: Any) -> None:
        """Show a mapping of names to values; defaults for names that it does not hold."""
        self._given = dict(value) if isinstance(value, Mapping) else {}
        if self._group is not None:
            self._group.put(self._given)

    def tell(self, faults: Sequence[values.Fault], at: values.Path) -> None:
        """Show each fault beside its field, once somebody looks."""
        self._told = (faults, at)
        if self._group is not None:
            self._group.tell(faults, at)

    def watch(self, hear: Hear) -> None:
        """Hear every field."""
        self._hear.append(hear)
        if self._group is not None:
            self._group.watch(hear)


class Many:
    """Models under names of one's own, or one after another.

    Parameters
    ----------
    name : str
        The field, for the words on the buttons.
    model : type of pydantic model
        What each is.
    named : bool
        Whether each has a name, as in a mapping.
    above : tuple of models
        The models that they are a part of.
    """

    def __init__(self, name: str, model: described.Model, *, named: bool, above: Models) -> None:
        self._model, self._named, self._above = model, named, above
        self._rows: list[tuple[Any, Group]] = []
        self._hear: list[Hear] = []
        self._list, self._told = widgets.VBox([]), widgets.HTML()
        add = widgets.Button(description=f"Add to {name}", icon="plus")
        add.on_click(lambda _: self._add("", OMITTED))
        self.widget = widgets.VBox([self._list, add, self._told])

    def _add(self, name: str, value: Any) -> None:
        label = widgets.Text(
            value=name,
            description="name",
            placeholder="name",
            continuous_update=False,
            style=_LABEL,
        )
        group = Group(self._model, above=self._above)
        group.put(value)
        self._rows.append((label, group))
        label.observe(self._changed, names="value")
        group.watch(self._changed)
        self._show()

    def _show(self) -> None:
        shown = []
        for row in self._rows:
            label, group = row
            remove = widgets.Button(description="Remove", icon="trash")
            remove.on_click(lambda _, row=row: self._remove(row))
            head = widgets.HBox([label, remove] if self._named else [remove])
            box = widgets.VBox([head, group.widget])
            box.add_class("cs-row")
            shown.append(box)
        self._list.children = tuple(shown)
        self._changed()

    def _remove(self, row: tuple[Any, Group]) -> None:
        self._rows.remove(row)
        self._show()

    def _changed(self, *_: Any) -> None:
        for hear in self._hear:
            hear()

    def value(self) -> Any:
        """Return a mapping or a list; OMITTED when there is nothing."""
        found: dict[Any, Any] = {}
        faults: list[values.Fault] = []
        for place, (label, group) in enumerate(self._rows):
            key = label.value.strip() if self._named else place
            if key == "" or key in found:
                faults.append(values.Fault((), values.shown(key), "a name for each, no name twice"))
            _collect(found, faults, key, group.value)
        if faults:
            raise Unreadable(faults)
        if not found:
            return OMITTED
        return found if self._named else list(found.values())

    def put(self, value: Any) -> None:
        """Show a mapping or a list of values."""
        self._rows.clear()
        if isinstance(value, Mapping):
            pairs = list(value.items())
        else:
            pairs = [("", part) for part in value] if isinstance(value, list | tuple) else []
        for name, part in pairs:
            self._add(name, part)
        self._show()

    def tell(self, faults: Sequence[values.Fault], at: values.Path) -> None:
        """Show faults at the row they name."""
        own = []
        for place, (label, group) in enumerate(self._rows):
            here = (*at, label.value.strip() if self._named else place)
            own.append(here)
            group.tell(_below(faults, here), here)
        rest = [fault for fault in faults if fault.path[: len(at) + 1] not in own]
        self._told.value = controls.wrong(rest)

    def watch(self, hear: Hear) -> None:
        """Hear every row, those that are added later too."""
        self._hear.append(hear)


def _control(name: str, field: FieldInfo, about: str, above: Models) -> Control:
    """Return the control of a field: of models where it holds them, else of one value."""
    told = described.kind_of(field)
    box = not field.is_required()
    if described.is_model(told.type) and told.type not in above:
        default = described.default(field)
        part = Part(
            name, about, Group(told.type, above=above), box=box, default=default,
            optional=told.optional,
        )  # fmt: skip
        if not box:
            part.unfold()
        return part
    arguments, origin = typing.get_args(told.type), typing.get_origin(told.type)
    if origin in (dict, Mapping, tuple, list) and arguments:
        named = origin in (dict, Mapping)
        inner = described.kind(arguments[1 if named else 0])
        if described.is_model(inner.type) and inner.type not in above and not inner.optional:
            many = Many(name, inner.type, named=named, above=above)
            return Part(name, about, many, box=False)
    return controls.leaf(name, field, about)


def _collect(
    found: dict[Any, Any], faults: list[values.Fault], name: str | int, read: Callable[[], Any]
) -> None:
    try:
        value = read()
    except Unreadable as error:
        faults += [fault._replace(path=(name, *fault.path)) for fault in error.faults]
    else:
        if value is not OMITTED:
            found[name] = value


def _below(faults: Sequence[values.Fault], at: values.Path) -> list[values.Fault]:
    return [fault for fault in faults if fault.path[: len(at)] == at]
