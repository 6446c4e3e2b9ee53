"""What a notebook can reach: imports and calls followed through the source, nothing executed.

A node is a name at the top of a module.  It leads to every name that its body mentions, by way of
the imports; a class leads to what its methods mention.  Calls of methods of objects are not
followed, so what is not reached here may be reached still, never the other way round but for code
that no branch comes to.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "cs_models"
Node = tuple[str, str]  # module, name at its top


@dataclass
class Module:
    """The imports of a module (name here to dotted target), and the body of each of its names."""

    imports: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, list[ast.AST]] = field(default_factory=dict)


class Source:
    """The modules of the package, read when they are first asked for."""

    def __init__(self) -> None:
        self._read: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Return a module by its dotted name; None where there is no such file."""
        if name not in self._read:
            path = ROOT.joinpath(*name.split("."))
            found = next(
                (p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None
            )
            parsed = None if found is None else ast.parse(found.read_text(encoding="utf-8"))
            self._read[name] = None if parsed is None else parted(parsed)
        return self._read[name]

    def defined(self, dotted: str) -> Node | None:
        """Return where a dotted path is defined, through re-exports; None outside the package."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            module = self.module(".".join(parts[:end]))
            if module is None:
                continue
            if end == len(parts):
                # A package that imports a name hides the module of that name.
                above = self.module(".".join(parts[:-1]))
                hides = above.imports.get(parts[-1]) if above is not None else None
                return None if hides in (None, dotted) else self.defined(str(hides))
            name, place = parts[end], ".".join(parts[:end])
            if name in module.bodies:
                return place, name
            target = module.imports.get(name)
            same = target is None or target == f"{place}.{name}"
            return None if same else self.defined(".".join([str(target), *parts[end + 1 :]]))
        return None

    def reached(self, start: Module) -> set[Node]:
        """Return all that the names of a module lead to."""
        found: set[Node] = set()
        waiting = [dotted for body in start.bodies.values() for dotted in mentioned(body, start)]
        while waiting:
            node = self.defined(waiting.pop())
            if node is None or node in found:
                continue
            found.add(node)
            module = self.module(node[0])
            assert module is not None
            for dotted in mentioned(module.bodies[node[1]], module):
                local = dotted.split(".")[0]
                waiting.append(f"{node[0]}.{dotted}" if local in module.bodies else dotted)
        return found


def parted(tree: ast.Module) -> Module:
    """Part a module into its imports and the bodies of its names."""
    told = Module()
    for node in ast.walk(tree):
        told.imports |= imported(node)
    for node in tree.body:
        for name in named(node):
            told.bodies.setdefault(name, []).append(node)
    return told


def imported(node: ast.AST) -> dict[str, str]:
    """Return the names that an import of the package makes, with what they stand for."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
        return {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    if isinstance(node, ast.Import):
        mine = [one for one in node.names if one.name.split(".")[0] == PACKAGE]
        return {one.asname or PACKAGE: one.name if one.asname else PACKAGE for one in mine}
    return {}


def named(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module makes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    for one in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ():
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            yield one.id


def mentioned(body: list[ast.AST], module: Module) -> Iterator[str]:
    """Yield the dotted paths that a body mentions, imports put in their place."""
    for top in body:
        for node in ast.walk(top):
            parts: list[str] = []
            while isinstance(node, ast.Attribute):
                parts.insert(0, node.attr)
                node = node.value
            if isinstance(node, ast.Name):
                first = module.imports.get(node.id, node.id)
                if node.id in module.imports or node.id in module.bodies:
                    yield ".".join([first, *parts])


def of_notebook(path: Path) -> Module:
    """Return the code of a notebook as one module with one body."""
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    tree = ast.parse(code)
    told = Module(bodies={"": [tree]})
    for node in ast.walk(tree):
        told.imports |= imported(node)
    return told
