"""The table of answered questions is true: sections, functions and tests are where it says."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import nbformat
import pytest

from tests.reached import Node, Source, of_notebook

ROOT = Path(__file__).resolve().parents[1]
ASKED = [f"M{number}" for number in range(1, 14)] + [f"Q{number}" for number in range(1, 18)]
_ROW = re.compile(r"^\| ([MQ]\d+) \| (.+?) \| `(\w+)` → (.+?) \| (.+?) \| (`.+?::\w+`) \|$")
ROWS = [
    found.groups()
    for line in (ROOT / "docs/questions.md").read_text(encoding="utf-8").splitlines()
    if (found := _ROW.match(line))
]


def test_every_question_has_its_row_once() -> None:
    """M1 to M13 and Q1 to Q17, each once, no cell empty."""
    assert [row[0] for row in ROWS] == ASKED


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_leads_to_what_it_names(row: tuple[str, ...]) -> None:
    """The notebook has the sections, the functions are callable, the tests are in their files."""
    _, _, notebook, sections, functions, tests = row
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    words = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for section in sections.split("; "):
        assert f"## {section}\n" in f"{words}\n", section
    named = re.findall(r"`(cs_models[\w.]+)`", functions)
    assert named
    for path in named:
        module, _, name = path.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), path
    for file, test in re.findall(r"`([^`]+)::(\w+)`", tests):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), test


@pytest.fixture(scope="module")
def source() -> Source:
    """Return the package's source, read once."""
    return Source()


@pytest.fixture(scope="module")
def reached(source: Source) -> dict[str, set[Node]]:
    """Return what each notebook of the table can reach."""
    return {
        name: source.reached(of_notebook(ROOT / "notebooks" / f"{name}.ipynb"))
        for name in sorted({row[2] for row in ROWS})
    }


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_notebook_named_reaches_the_function_named(
    row: tuple[str, ...], source: Source, reached: dict[str, set[Node]]
) -> None:
    """From the notebook's cells, by imports and calls, one comes to each function of the row."""
    for path in re.findall(r"`(cs_models[\w.]+)`", row[4]):
        assert source.defined(path) in reached[row[2]], f"{row[2]} does not reach {path}"


def test_what_nobody_calls_is_not_reached(source: Source, reached: dict[str, set[Node]]) -> None:
    """The trace can fail: a function that only other pages call is not reached from page 01."""
    there = reached["01_adoption_metrics"]
    assert source.defined("cs_models.learn.measures.pooled") in there
    assert source.defined("cs_models.learn.churn.backtest") is not None
    assert source.defined("cs_models.learn.churn.backtest") not in there
    assert source.defined("cs_models.learn.no_such_thing") is None
