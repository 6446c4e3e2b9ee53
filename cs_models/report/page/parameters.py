"""The parameters a notebook ran with, as a reader sees them: name, value, unit.

Papermill keeps the values it injected in the notebook's metadata; the cell tagged
``parameters`` holds the others and, as comments, the units.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cs_models.report import values

# Where the run put its files is no part of what it found.
HIDDEN = frozenset({"output_dir"})


@dataclass(frozen=True)
class Parameter:
    """One parameter: dotted name, value in words, unit or meaning (may be empty)."""

    name: str
    value: str
    unit: str


def read(notebook: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of an executed notebook.

    Parameters
    ----------
    notebook : mapping
        An nbformat 4 notebook; one that papermill ran has the values it was given.

    Returns
    -------
    list of Parameter
        In the order of the parameters cell, then those only injected.
    """
    source = "\n".join(cell["source"] for cell in notebook["cells"] if "parameters" in tags(cell))
    found, units = _assigned(source), _comments(source)
    found.update(notebook.get("metadata", {}).get("papermill", {}).get("parameters", {}) or {})
    return [
        Parameter(dotted, _write(value), units.get(name, ""))
        for name, whole in found.items()
        if name not in HIDDEN
        for dotted, value in _flatten(name, whole)
    ]


def tags(cell: Mapping[str, Any]) -> frozenset[str]:
    """Return the tags of a cell."""
    return frozenset(cell.get("metadata", {}).get("tags", []))


def _assigned(source: str) -> dict[str, Any]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found: dict[str, Any] = {}
    for node in tree.body:
        target, value = _target(node)
        if target is not None and value is not None:
            try:
                found[target] = ast.literal_eval(value)
            except ValueError:
                found[target] = ast.unparse(value)
    return found


def _target(node: ast.stmt) -> tuple[str | None, ast.expr | None]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.value
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    return None, None


def _comments(source: str) -> dict[str, str]:
    """Return the comment that ends the line of each assignment."""
    found: dict[str, str] = {}
    name, depth = "", 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and token.start[1] == 0 and depth == 0:
                name = token.string
            elif token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
            elif token.type == tokenize.COMMENT and token.start[1] > 0 and name and depth == 0:
                found.setdefault(name, token.string.lstrip("# ").strip())
    except (tokenize.TokenError, IndentationError):
        return found
    return found


def _flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flatten(f"{name}.{key}", item)
    elif value is not None or "." not in name:
        yield name, value


def _write(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_write(item) for item in value) or values.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return values.MISSING if value is None or value in ("", {}) else str(value)
