"""The form of a run file: made from the parameter models, checked by them, written as YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from cs_models import errors
from cs_models.run import parameters
from cs_models.run.lab import checking, controls, described, folds, groups, session, text
from cs_models.run.reading import complaints, project, run_file, values, yaml_file

Check = Callable[[Mapping[str, Any]], object]

_NEW = "a new run"
_WIDE = widgets.Layout(width="32em")
_LABEL = {"description_width": "7em"}


class Form:
    """A form over parameter models.

    Parameters
    ----------
    top : type of pydantic model
        Declares the names at the top of the run file.
    sections : mapping of str to type of pydantic model
        Declare the names of each section; those of `top` are not asked for again.
    check : callable
        Takes the content and raises ``ParameterError`` for what is wrong in it.
    leave_out : collection of str, default ()
        Names that nobody sets by hand.

    Attributes
    ----------
    widget : ipywidgets.VBox
        Keyboard-usable: Tab moves between fields, Enter or Space opens and closes a section.
    """

    def __init__(
        self,
        top: described.Model,
        sections: text.Sections,
        check: Check,
        *,
        leave_out: frozenset[str] = frozenset(),
    ) -> None:
        self._check, self._silent, self._asked = check, False, False
        self._besides: dict[str, Any] = {}  # of a loaded file: what no field stands for
        common = frozenset(described.fields(top))
        self.top = groups.Group(top, leave_out=leave_out)
        self.sections = {name: groups.Later(model, common) for name, model in sections.items()}
        self._folds = {
            name: folds.Fold(name, [later.widget], heading=True, opening=_made(later))
            for name, later in self.sections.items()
        }
        self._said = widgets.HTML()
        self.widget = widgets.VBox(
            [self.top.widget, *(fold.widget for fold in self._folds.values()), self._said]
        )
        self.top.watch(self._changed)
        for later in self.sections.values():
            later.watch(self._changed)

    def content(self) -> dict[str, Any]:
        """Return what the form holds, as it would stand in a run file.

        Raises
        ------
        Unreadable
            When a text is no value of its field's type.
        """
        found: dict[str, Any] = {}
        faults: list[values.Fault] = []
        try:
            found = self.top.value()
        except controls.Unreadable as error:
            faults += error.faults
        for name, group in self.sections.items():
            try:
                found[name] = group.value()
            except controls.Unreadable as error:
                faults += [fault._replace(path=(name, *fault.path)) for fault in error.faults]
        if faults:
            raise controls.Unreadable(faults)
        found = {name: value for name, value in found.items() if value != {}}
        return {**found, **self._besides}

    def put(self, content: Mapping[str, Any]) -> None:
        """Show the content of a run file, defaults for what it does not name.

        What no field stands for, such as whom the run tells how it ended, is kept as it is.
        """
        known = {*self.top.parts, *self.sections}
        self._besides = {name: value for name, value in content.items() if name not in known}
        self._silent = True
        try:
            self.top.put(content)
            for name, group in self.sections.items():
                group.put(content.get(name))
        finally:
            self._silent = False
        self._asked = False
        self._tell([])

    def checked(self) -> dict[str, Any] | None:
        """Show all that is wrong, what is missing too; return the content when nothing is."""
        self._asked = True
        return self._judge()

    def _changed(self) -> None:
        if not self._silent:
            self._judge()

    def _judge(self) -> dict[str, Any] | None:
        try:
            content = self.content()
            self._check(content)
        except controls.Unreadable as error:
            self._tell(error.faults)
        except complaints.ParameterFaults as error:
            # A form that has just been opened is empty, not wrong.
            shown = [fault for fault in error.faults if self._asked or fault.got != "nothing"]
            self._tell(shown)
        except errors.ParameterError as error:
            self._tell([], str(error))
        else:
            self._tell([])
            return content
        return None

    def _tell(self, faults: list[values.Fault], other: str = "") -> None:
        n_own = 0
        for name, group in self.sections.items():
            own = [fault for fault in faults if fault.path[:1] == (name,)]
            group.tell(own, (name,))
            self._folds[name].say(f"{len(own)} to repair" if own else "")
            n_own += len(own)
        self.top.tell([fault for fault in faults if fault.path[:1] not in self._names()])
        if faults:
            other = f"{len(faults)} to repair" + (f", {n_own} of them in sections" if n_own else "")
        self._said.value = told(other, good=False) if other else ""

    def _names(self) -> set[tuple[str]]:
        return {(name,) for name in self.sections}


def _made(later: groups.Later) -> Callable[[], None]:
    def make() -> None:
        later.group  # noqa: B018 - making it is what is wanted

    return make


class RunForm:
    """The form of a run file, with what loads, writes and checks it.

    Parameters
    ----------
    folder : Path
        The project.

    Attributes
    ----------
    form : Form
        The fields.
    widget : ipywidgets.VBox
        All of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.form = Form(
            parameters.NotebookParameters,
            parameters.SECTIONS,
            lambda content: run_file.checked(content, folder, follow=False),
            leave_out=parameters.SET_BY_THE_RUN,
        )
        self.start = widgets.Dropdown(
            options=[_NEW, *run_files(folder)], description="Start from", layout=_WIDE, style=_LABEL
        )
        self.target = widgets.Text(
            "parameters/mine.yml", description="Write to", layout=_WIDE, style=_LABEL
        )
        self.replace = widgets.Checkbox(description="replace the file if it is there", indent=False)
        self.write = button("Write the run file", "save", self._write, style="primary")
        self.check = button("Check the data", "check", self._examine)
        self.said = widgets.HTML()
        self.start.observe(lambda _: self._load(), names="value")
        keys = widgets.HBox([self.write, self.check])
        self.widget = widgets.VBox(
            [
                widgets.HTML(session.STYLE), self.start, self.form.widget,
                widgets.HBox([self.target, self.replace]), keys, self.said,
            ]
        )  # fmt: skip
        self.widget.add_class("cs-face")

    def _load(self) -> None:
        if self.start.value == _NEW:
            self.form.put({})
            self.said.value = ""
            return
        path = self._folder / self.start.value
        try:
            run_file.load(path)
            self.form.put(yaml_file.read(path).content)
        except errors.CsModelsError as error:
            self.said.value = told(str(error), good=False)
        else:
            self.target.value = self.start.value
            self.said.value = told(f"Loaded {self.start.value}.", good=True)

    def _write(self) -> None:
        content = self.form.checked()
        if content is None:
            self.said.value = told("Not written: see what is to repair above.", good=False)
            return
        name = self.target.value.strip()
        try:
            path = Path(inside(name, self._folder))
            text.write(content, path, replace=self.replace.value)
        except (errors.CsModelsError, OSError) as error:
            self.said.value = told(str(error), good=False)
        else:
            self.replace.value = False
            self.said.value = told(f"Written: {name}\ncs-models run {name}", good=True)

    def _examine(self) -> None:
        content = self.form.checked()
        if content is None:
            self.said.value = told("Not checked: see what is to repair above.", good=False)
            return
        self.said.value = told("Reading the records …", good=True)
        try:
            sections = run_file.checked(content, self._folder)
            run = run_file.Run(self._folder / "form.yml", self._folder, sections, ())
            self.said.value = checking.markup(run)
        except errors.CsModelsError as error:
            self.said.value = told(str(error), good=False)


def run_files(folder: Path) -> list[str]:
    """Return the run files of a project, by their paths inside it."""
    found = [*folder.glob("parameters/*.yml"), *folder.glob("parameters/examples/*.yml")]
    return [path.relative_to(folder).as_posix() for path in sorted(found)]


def inside(name: str, folder: Path) -> str:
    """Return the path of a file of the project.

    Raises
    ------
    ParameterError
        When it would lie outside.
    """
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()) or Path(name).is_absolute():
        raise errors.ParameterError(
            "a run file lies inside the project",
            where="Write to",
            got=values.shown(name),
            repair="for example parameters/mine.yml",
        )
    return project.kept_inside(name, folder, "Write to")


def told(words: str, *, good: bool) -> str:
    """Return a message as escaped markup."""
    mark = "good" if good else "bad"
    return f'<div class="cs-told {mark}" role="status">{escape(words)}</div>'


def button(words: str, icon: str, act: Callable[[], None], *, style: str = "") -> Any:
    """Return a button that cannot be pressed again while it acts."""
    made = widgets.Button(description=words, icon=icon, button_style=style)
    made.layout.width = "auto"

    def click(_: Any) -> None:
        made.disabled = True
        try:
            act()
        finally:
            made.disabled = False

    made.on_click(click)
    return made
