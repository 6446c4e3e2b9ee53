"""A notebook made ready for a headless run: no widgets, no old outputs, only declared names."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from cs_models import errors
from cs_models.run.worker import verdict

PARAMETERS = "parameters"
INTERACTIVE = "interactive"


def prepare(path: Path, names: Iterable[str]) -> Any:
    """Read a notebook and return it ready for a headless run.

    Parameters
    ----------
    path : Path
        The notebook.
    names : iterable of str
        The parameters that will be injected.

    Returns
    -------
    NotebookNode
        Without cells tagged ``interactive`` and without outputs.

    Raises
    ------
    NotebookError
        When the notebook cannot be read, has no cell tagged ``parameters`` or ``sentinel``,
        or its parameters cell does not declare a name that would be injected.
    """
    notebook = _read(path)
    notebook.cells = [cell for cell in notebook.cells if INTERACTIVE not in _tags(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    _refuse_undeclared(notebook, names, path.name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if not code or verdict.SENTINEL not in _tags(code[-1]):
        raise errors.NotebookError(
            f"the notebook's last code cell is not tagged {verdict.SENTINEL}",
            where=path.name,
            repair="tag the cell that saves the results, and let it be the last",
        )
    return notebook


def declared(source: str) -> dict[str, Any]:
    """Return the names that a parameters cell assigns, with their literal values.

    Raises
    ------
    SyntaxError, ValueError
        When the cell is not a list of assignments of literals.
    """
    assigned: dict[str, Any] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            raise ValueError(f"line {statement.lineno} is not a plain assignment")
        if not isinstance(target, ast.Name):
            raise ValueError(f"line {statement.lineno} does not assign a plain name")
        assigned[target.id] = ast.literal_eval(value)
    return assigned


def _read(path: Path) -> Any:
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise errors.NotebookError(
            "the notebook cannot be read", where=path.name, got=str(error.strerror)
        ) from None
    except Exception as error:  # nbformat raises its own, jsonschema's and ValueError
        raise errors.NotebookError(
            "the file is not a notebook", where=path.name, got=str(error).splitlines()[0][:200]
        ) from None


def _refuse_undeclared(notebook: Any, names: Iterable[str], where: str) -> None:
    sources = [cell.source for cell in notebook.cells if PARAMETERS in _tags(cell)]
    if len(sources) != 1:
        raise errors.NotebookError(
            f"the notebook needs one cell tagged {PARAMETERS}", where=where, got=str(len(sources))
        )
    try:
        known = declared(sources[0])
    except (SyntaxError, ValueError) as error:
        raise errors.NotebookError(
            "the parameters cell holds more than plain assignments", where=where, got=str(error)
        ) from None
    # A name is code to papermill: it writes `name = value` into a cell that runs.
    foreign = [name for name in names if name not in known or not _plain_name(name)]
    if foreign:
        raise errors.NotebookError(
            "the parameters cell does not declare every parameter",
            where=where,
            got="missing: " + ", ".join(foreign)[:200],
            repair="assign each field of the notebook's model in the cell tagged parameters",
        )


def _plain_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not hasattr(builtins, name)


def _tags(cell: Any) -> Iterable[str]:
    tags: Iterable[str] = cell.metadata.get("tags", ())
    return tags
