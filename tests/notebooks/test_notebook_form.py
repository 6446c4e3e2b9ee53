"""Every notebook is a question, short cells, and nothing that a run left behind."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from cs_models import errors
from cs_models.report.page import markdown
from cs_models.run.reading import project

ROOT = Path(__file__).resolve().parents[2]
# A notebook that a run executes has a number; the others are pages of the lab.
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
START = ROOT / "notebooks/start.ipynb"
LONGEST_CELL = 32
# These two hold what the others found, and the method of the whole notebook.
WHOLE = {"The answer", "How we know, and what would change our mind"}
LONGEST_SENTENCE = 35


def _code(notebook: nbformat.NotebookNode, *, tagged: str | None = None) -> list[str]:
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and (tagged is None or tagged in cell.metadata.get("tags", []))
    ]


def _names() -> list[str]:
    return [path.stem for path in NOTEBOOKS]


@pytest.fixture(params=NOTEBOOKS, ids=_names())
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """Return one of the project's notebooks."""
    return nbformat.read(request.param, as_version=4)


def test_there_are_the_notebooks_of_the_architecture() -> None:
    """The nine notebooks that a run executes are there under their names, and no other."""
    assert _names() == [
        "00_data_readiness", "01_adoption_metrics", "02_adoption_thresholds",
        "03_churn_predictors", "04_time_to_churn", "05_journey_and_personas",
        "06_renewal_outlook", "07_backtest", "08_leadership_brief",
    ]  # fmt: skip


def test_the_start_page_leads_to_every_question() -> None:
    """The start page names each notebook once, in order, with the question that it asks."""
    page = nbformat.read(START, as_version=4)
    words = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    rows = re.findall(r"^\| \[.*?\]\((\w+)\.ipynb\) \| (.*?) \|", words, re.MULTILINE)
    asked = [nbformat.read(path, as_version=4).cells[0].source for path in NOTEBOOKS]
    heads = [source.splitlines()[0].removeprefix("# ") for source in asked]
    assert rows == list(zip(_names(), heads, strict=True))


def test_the_start_page_leads_to_files_that_are_there() -> None:
    """Each link of the start page leads to a file of the project, or to one of its own headings."""
    page = nbformat.read(START, as_version=4)
    words = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)#]+)\)", words):
        assert (START.parent / link).is_file(), link
    heads = {line[3:].replace(" ", "-") for line in words.splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#([^)]+)\)", words)) == heads


def test_the_start_page_is_no_part_of_a_run() -> None:
    """A run of all notebooks executes those with a number and never the start page."""
    assert [notebook.name for notebook in project.notebooks(ROOT)] == _names()
    with pytest.raises(errors.ParameterError, match="no such notebook"):
        project.choose(project.notebooks(ROOT), ["start"])


def test_the_start_page_is_short_and_stripped() -> None:
    """Its cells are single calls, without outputs and counts."""
    for cell in nbformat.read(START, as_version=4).cells:
        if cell.cell_type == "code":
            assert len(ast.parse(cell.source).body) == 1
            assert cell.outputs == []
            assert cell.execution_count is None


def test_one_question_and_the_decision_it_serves(notebook: nbformat.NotebookNode) -> None:
    """A notebook opens with its only H1, a question, and says which decision it serves."""
    words = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    heads = [line for text in words for line in text.splitlines() if line.startswith("# ")]
    assert len(heads) == 1
    assert heads[0].endswith("?")
    assert notebook.cells[0].source.startswith(heads[0])
    assert "decision it serves" in notebook.cells[0].source


def _sections(notebook: nbformat.NotebookNode) -> dict[str, list[nbformat.NotebookNode]]:
    """Return the cells under each second-level heading."""
    sections: dict[str, list[nbformat.NotebookNode]] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            sections[cell.source.splitlines()[0].removeprefix("## ")] = []
        if sections:
            sections[list(sections)[-1]].append(cell)
    return sections


def _known(cells: list[nbformat.NotebookNode]) -> list[str]:
    """Return the paragraphs that say how the findings of a section are known."""
    words = [cell.source for cell in cells if cell.cell_type == "markdown"]
    paragraphs = [piece for text in words for piece in text.split("\n\n")]
    label = f"{markdown.KNOWN}: "
    return [piece.removeprefix(label) for piece in paragraphs if piece.startswith(label)]


def test_every_section_that_shows_something_says_how_it_is_known(
    notebook: nbformat.NotebookNode,
) -> None:
    """Each section with a table, figure or sentence has one paragraph "How we know", and says it.

    It tells more than a phrase could, in sentences that can be read once, and none is a copy of
    another's.
    """
    told: list[str] = []
    for title, cells in _sections(notebook).items():
        if title in WHOLE or not any(cell.cell_type == "code" for cell in cells):
            continue
        known = _known(cells)
        assert len(known) == 1, title
        assert len(known[0].split()) >= 25, title
        sentences = re.split(r"(?<=[.?!]) ", known[0])
        assert max(len(sentence.split()) for sentence in sentences) <= LONGEST_SENTENCE, title
        told += [sentence for sentence in sentences if len(sentence.split()) > 8]
    assert told
    assert len(set(told)) == len(told)


def test_cells_are_short_and_do_not_program(notebook: nbformat.NotebookNode) -> None:
    """No function, loop, condition, try or class is written in a notebook."""
    for source in _code(notebook):
        assert len(source.splitlines()) <= LONGEST_CELL
        forbidden = (
            ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.Lambda,
            ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp,
        )  # fmt: skip
        found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, forbidden)]
        assert not found, ast.unparse(found[0])


def test_numbers_stand_in_the_parameters_only(notebook: nbformat.NotebookNode) -> None:
    """A bare number outside the parameters cell is a parameter that nobody can set."""
    for source in _code(notebook):
        if source in _code(notebook, tagged="parameters"):
            continue
        numbers = [
            node.value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        ]
        assert set(numbers) <= {0}  # answer[0]: the first


def test_cells_are_tagged_for_the_run(notebook: nbformat.NotebookNode) -> None:
    """One parameters cell, then setup; the last cell is the sentinel and saves the results."""
    code = _code(notebook)
    assert _code(notebook, tagged="parameters") == code[:1]
    assert _code(notebook, tagged="setup") == code[1:2]
    assert _code(notebook, tagged="sentinel") == code[-1:]
    assert "results.save(" in code[-1]


def test_nothing_of_a_run_is_left(notebook: nbformat.NotebookNode) -> None:
    """Notebooks are committed without outputs and counts."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
