"""The table of answered questions is true: sections, functions and tests are where it says."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
ASKED = [f"M{number}" for number in range(1, 14)] + [f"Q{number}" for number in range(1, 18)]
_ROW = re.compile(r"^\| ([MQ]\d+) \| (.+?) \| `(\w+)` → (.+?) \| (.+?) \| `(.+?)::(\w+)` \|$")
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
    """The notebook has the section, the functions are callable, the test is in its file."""
    _, _, notebook, section, functions, file, test = row
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    words = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert f"## {section}\n" in f"{words}\n"
    named = re.findall(r"`(cs_models[\w.]+)`", functions)
    assert named
    for path in named:
        module, _, name = path.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), path
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
