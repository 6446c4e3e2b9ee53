"""A run file and its `--set` words become one model a notebook, or one refusal.

Everything that can be wrong is found before any kernel starts: unknown and secret-looking
names, wrong types, values out of range, paths that leave the source's folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from cs_models import errors
from cs_models.data.mapping import Source
from cs_models.run import parameters, secrets
from cs_models.run.reading import (
    about_run,
    complaints,
    overrides,
    project,
    values,
    yaml_file,
)
from cs_models.run.sections.notify import Notify


@dataclass(frozen=True)
class Run:
    """Checked parameters of one run.

    Attributes
    ----------
    path : Path
        The run file.
    root : Path
        The project: every relative path starts there.
    sections : mapping of str to NotebookParameters
        One model for each notebook's section, common fields included.
    assignments : tuple of str
        The names that `--set` changed.
    notify : Notify or None
        Whom the run tells how it ended.
    """

    path: Path
    root: Path
    sections: Mapping[str, parameters.NotebookParameters]
    assignments: tuple[str, ...]
    notify: Notify | None = None

    @property
    def common(self) -> parameters.NotebookParameters:
        """Return a model whose common fields are those of the whole run."""
        return next(iter(self.sections.values()))

    @property
    def shown_path(self) -> str:
        """Return the run file's path without anything of this machine in it."""
        resolved = self.path.resolve()
        inside = resolved.is_relative_to(self.root)
        return resolved.relative_to(self.root).as_posix() if inside else self.path.name

    def resolved_source(self) -> Source:
        """Return the source with its path made absolute."""
        source = self.common.source
        return source.model_copy(update={"path": str(self.root / source.path)})

    def for_notebook(self, notebook: project.Notebook) -> parameters.NotebookParameters:
        """Return the parameters of one notebook.

        Raises
        ------
        ParameterError
            When no model is declared for it.
        """
        if notebook.section not in self.sections:
            raise errors.ParameterError(
                "this notebook declares no parameters",
                where=f"notebooks/{notebook.name}.ipynb",
                repair="add its model to SECTIONS in cs_models/run/parameters.py",
            )
        return self.sections[notebook.section]


def load(path: Path, assignments: Sequence[str] = ()) -> Run:
    """Read and check a run file.

    Parameters
    ----------
    path : Path
        The YAML file.
    assignments : sequence of str, default ()
        The words of `--set`, ``name=value``; later ones win.

    Returns
    -------
    Run
        Checked parameters.

    Raises
    ------
    ParameterError
        With all faults together, each naming the field, what it got and what is allowed.
    """
    sets = [overrides.split(assignment) for assignment in assignments]
    for name, _ in sets:
        _refuse_secret_names(dict.fromkeys(name), "--set")
    for name, text in sets:
        _refuse_secret_values(text, name, "--set")
    document = yaml_file.read(path)
    _refuse_secrets(document.content, path.name)
    content: Mapping[str, Any] = document.content
    for name, text in sets:
        content = overrides.apply(content, name, text)
        _refuse_secrets(content, "--set")
    folder = project.root(path.parent, Path.cwd())
    try:
        sections = _followed(content, folder)
    except _Faults as found:
        raise _located(found.faults, document, path, [name for name, _ in sets]) from None
    names = tuple(".".join(name) for name, _ in sets)
    return Run(path, folder, sections, names, about_run.notify(content))


def checked(
    content: Mapping[str, Any], folder: Path, *, follow: bool = True
) -> dict[str, parameters.NotebookParameters]:
    """Check the content of a run file that stands nowhere yet, by the words of `load`.

    Parameters
    ----------
    content : mapping
        Plain JSON values, as a run file holds them.
    folder : Path
        The project.
    follow : bool, default True
        Whether the files that it names are read too.

    Returns
    -------
    dict of str to NotebookParameters
        One model for each notebook's section.

    Raises
    ------
    ParameterError
        With all faults together; ``ParameterFaults`` where it knows the single ones.
    """
    _refuse_secrets(dict(content), "the run file")
    try:
        return _followed(content, folder) if follow else _sections(content)
    except _Faults as found:
        raise complaints.ParameterFaults(found.faults) from None


def _followed(content: Mapping[str, Any], folder: Path) -> dict[str, parameters.NotebookParameters]:
    sections = _sections(content)
    _refuse_escape(sections, folder)
    _refuse_undefined(sections, folder)
    return sections


class _Faults(Exception):  # noqa: N818 - carries faults to where their lines are known
    def __init__(self, faults: list[values.Fault]) -> None:
        self.faults = faults


def _sections(content: Mapping[str, Any]) -> dict[str, parameters.NotebookParameters]:
    if faults := list(values.faults(dict(content))):
        raise _Faults(faults)
    faults = list(_unknown(content))
    common = {
        name: content[name]
        for name in parameters.COMMON
        if name in content and name not in parameters.SET_BY_THE_RUN
    }
    sections = {}
    for section, model in parameters.SECTIONS.items():
        given = content.get(section)
        known = set(parameters.own_fields(section))
        own = {k: v for k, v in given.items() if k in known} if isinstance(given, dict) else {}
        try:
            sections[section] = model.checked({**common, **own})
        except complaints.ParameterFaults as error:
            faults += [_renamed(fault, section) for fault in error.faults]
    faults += [
        _misspelt(fault.path) if fault.unknown else fault for fault in about_run.faults(content)
    ]
    if faults:
        raise _Faults(list(dict.fromkeys(faults)))
    return sections


def _unknown(content: Mapping[str, Any]) -> Iterator[values.Fault]:
    for name, value in content.items():
        if name in parameters.SET_BY_THE_RUN:
            yield values.Fault((name,), "a value", "nothing: it is set by the run itself")
        elif name in parameters.SECTIONS:
            if isinstance(value, dict):
                yield from _unknown_inside(name, value)
            elif value is not None:
                yield values.Fault((name,), values.shown(value), "a mapping of names to values")
        elif name not in parameters.COMMON and name not in about_run.SECTIONS:
            inner = tuple(value)[:1] if isinstance(value, dict) else ()
            yield _misspelt((name, *inner))


def _unknown_inside(section: str, content: Mapping[str, Any]) -> Iterator[values.Fault]:
    for name in content:
        if name in parameters.COMMON:
            allowed = f"{name} stands at the top of the file, for all notebooks"
            yield values.Fault((section, name), "a common name", allowed)
        elif name not in parameters.own_fields(section):
            yield _misspelt((section, name))


def _misspelt(path: values.Path) -> values.Fault:
    names = _known_names()
    typed = values.dotted(path)
    last = typed.rpartition(".")[2]
    close = difflib.get_close_matches(typed, names, n=1, cutoff=0.55) or difflib.get_close_matches(
        last, names, n=1, cutoff=0.6
    )
    if not close:
        same = [name for name in names if name.rpartition(".")[2] == last]
        close = same[:1]
    allowed = f"did you mean {close[0]}?" if close else "known names: " + ", ".join(names)
    return values.Fault(path, "an unknown name", allowed, unknown=True)


def _known_names() -> list[str]:
    source = [f"source.{field.alias or name}" for name, field in Source.model_fields.items()]
    own = [f"{s}.{name}" for s in parameters.SECTIONS for name in parameters.own_fields(s)]
    common = [name for name in parameters.COMMON if name not in parameters.SET_BY_THE_RUN]
    return [*common, *parameters.SECTIONS, *own, *source, *about_run.names()]


def _renamed(fault: values.Fault, section: str) -> values.Fault:
    """Return the fault under the name that stands in the file, with the field's help line."""
    name = str(fault.path[0]) if fault.path else ""
    model = parameters.SECTIONS[section]
    path = fault.path if name in parameters.COMMON else (section, *fault.path)
    if fault.unknown:
        return _misspelt(path)
    field = model.model_fields.get(name)
    if field is None or len(fault.path) > 2:
        return fault._replace(path=path)
    unit = model.unit(name)
    about = f"{field.description}, {unit}" if unit else f"{field.description}"
    return fault._replace(path=path, allowed=f"{fault.allowed} ({about})")


def _located(
    faults: list[values.Fault],
    document: yaml_file.Document,
    path: Path,
    sets: list[tuple[str, ...]],
) -> errors.ParameterError:
    fault = faults[0]
    if len(faults) > 1:
        return complaints.ParameterFaults(faults, where=path.name)
    if any(fault.path[: len(name)] == name for name in sets):
        return complaints.ParameterFaults(faults, where=f"--set {values.dotted(fault.path)}")
    for length in range(len(fault.path), 0, -1):
        if line := document.lines.get(fault.path[:length]):
            return complaints.ParameterFaults(faults, where=f"{path.name}, line {line}")
    return complaints.ParameterFaults(faults, where=path.name)


def _refuse_secrets(content: Any, where: str, path: values.Path = ()) -> None:
    if isinstance(content, dict):
        # Below source.tables.<table>.values stand the source's own words, not names of fields.
        if not (len(path) == 5 and path[1] == "tables" and path[3] == "values"):
            _refuse_secret_names(content, where, path)
        for name, value in content.items():
            _refuse_secrets(value, where, (*path, name))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            _refuse_secrets(value, where, (*path, index))
    elif isinstance(content, str):
        _refuse_secret_values(content, path, where)


def _refuse_secret_names(content: Mapping[str, Any], where: str, path: values.Path = ()) -> None:
    for name in content:
        if secrets.looks_secret(name):
            raise errors.ParameterError(
                f"{values.dotted((*path, name))} looks like a secret; a parameter is shown in "
                "the report, its metadata and the log",
                where=where,
                repair="take it out; give secrets by environment variable",
            )


def _refuse_secret_values(text: str, path: Sequence[str | int], where: str) -> None:
    if secrets.holds_secret(text):
        raise errors.ParameterError(
            f"{values.dotted(tuple(path))} holds a password inside a connection string",
            where=where,
            repair="take it out; give secrets by environment variable",
        )


def _refuse_escape(sections: Mapping[str, parameters.NotebookParameters], folder: Path) -> None:
    source = next(iter(sections.values())).source
    base = (folder / source.path).resolve()
    base = base if base.is_dir() else base.parent
    faults = []
    for table, mapping in (source.tables or {}).items():
        given = getattr(mapping, "from_", None)
        if given and not _stays_inside(base, given):
            path = ("source", "tables", table, "from")
            allowed = "a path inside the source's folder, without .. or a leading /"
            faults.append(values.Fault(path, values.shown(given), allowed))
    if faults:
        raise _Faults(faults)


def _refuse_undefined(sections: Mapping[str, parameters.NotebookParameters], folder: Path) -> None:
    """Follow every path, and read the definition of adoption, once before any kernel starts."""
    for model in sections.values():
        model.located(folder)
    defined = next(iter(sections.values())).adoption_definition
    if defined is not None:
        defined.located(folder).resolve()


def _stays_inside(base: Path, given: str) -> bool:
    for pure in (PurePosixPath(given), PureWindowsPath(given)):
        if pure.anchor or ".." in pure.parts:
            return False
    return (base / given).resolve().is_relative_to(base)
