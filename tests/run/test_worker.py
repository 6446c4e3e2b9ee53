"""Preparing and judging a notebook, without a kernel."""

from __future__ import annotations

import json

import duckdb
import nbformat
import pandas as pd
import pytest

from cs_models import errors
from cs_models.run.worker import kernel, prepare, verdict

code = nbformat.v4.new_code_cell


def _tagged(source: str, tag: str) -> nbformat.NotebookNode:
    return code(source, metadata={"tags": [tag]})


def _write(tmp_path, *cells):
    made = nbformat.v4.new_notebook()
    made.cells = list(cells)
    path = tmp_path / "00_a.ipynb"
    nbformat.write(made, path)
    return path


def _ran(*, end=True) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook()
    made.cells = [code("1", execution_count=1), code(""), code("2", execution_count=2)]
    if end:
        made.cells.append(code("3", execution_count=3, metadata={"tags": ["sentinel"]}))
    return made


GOOD = {"headline": "", "as_of": "", "counts": {}, "findings": []}


def test_a_prepared_notebook_has_no_widgets_and_no_old_outputs(tmp_path):
    """A cell tagged interactive would wait for a person for ever."""
    old = code("1", execution_count=7, outputs=[nbformat.v4.new_output("stream", text="old")])
    path = _write(
        tmp_path,
        _tagged("a = 1", "parameters"),
        _tagged("slider()", "interactive"),
        old,
        _tagged("save()", "sentinel"),
    )
    prepared = prepare.prepare(path, ["a"])
    assert [cell.source for cell in prepared.cells] == ["a = 1", "1", "save()"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in prepared.cells)


@pytest.mark.parametrize(
    ("cells", "names", "word"),
    [
        ([_tagged("save()", "sentinel")], [], "one cell tagged parameters"),
        ([_tagged("a = 1", "parameters")], ["a"], "not tagged sentinel"),
        ([_tagged("a = 1", "parameters"), _tagged("x", "sentinel"), code("y")], ["a"], "sentinel"),
        ([_tagged("a = 1", "parameters"), _tagged("x", "sentinel")], ["a", "b"], "missing: b"),
        ([_tagged("import os", "parameters"), _tagged("x", "sentinel")], ["os"], "assignments"),
        ([_tagged("a = f()", "parameters"), _tagged("x", "sentinel")], ["a"], "assignments"),
        ([_tagged("print = 1", "parameters"), _tagged("x", "sentinel")], ["print"], "print"),
        (
            [_tagged("a = 1", "parameters"), _tagged("x", "sentinel")],
            ["a\nimport os\nb"],
            "missing",
        ),
    ],
)
def test_a_notebook_that_would_take_other_names_is_refused(tmp_path, cells, names, word):
    """A parameter's name is code to papermill: only plain, declared ones are let through."""
    with pytest.raises(errors.NotebookError) as refusal:
        prepare.prepare(_write(tmp_path, *cells), names)
    assert word in str(refusal.value)


@pytest.mark.parametrize("text", ["", "{}", "{", "[1]", '{"cells": 3}'])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text):
    """Half-written by a crash, or something else altogether."""
    path = tmp_path / "00_a.ipynb"
    path.write_text(text)
    with pytest.raises(errors.NotebookError):
        prepare.prepare(path, [])


def test_a_notebook_that_ran_to_its_end_is_good(tmp_path):
    """Counts everywhere but in empty cells, the sentinel ran, the results can be read."""
    (tmp_path / "results.json").write_text(json.dumps(GOOD))
    assert verdict.judge(_ran(), None, None, tmp_path).good


def test_papermills_completed_is_not_believed(tmp_path):
    """A cell without a count did not run, whatever its metadata says."""
    (tmp_path / "results.json").write_text(json.dumps(GOOD))
    notebook = _ran()
    notebook.cells[2].execution_count = None
    notebook.cells[2].metadata["papermill"] = {"status": "completed", "exception": False}
    judged = verdict.judge(notebook, None, None, tmp_path)
    assert (judged.exit_code, judged.message) == (5, "cell 3 did not run: 2")


def test_an_error_output_or_a_missing_sentinel_is_not_good():
    """Also when the cell was allowed to raise."""
    notebook = _ran()
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    notebook.cells[0].outputs = [error]
    assert "cell 1 ended with E" in verdict.unfinished(notebook)
    assert "sentinel" in verdict.unfinished(_ran(end=False))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (None, "no results.json"),
        ("", "cannot be read"),
        ('{"headline": Infinity}', "Infinity is not JSON"),
        ("[]", "not a mapping"),
        ('{"headline": ""}', "no as_of, counts, findings"),
    ],
)
def test_results_that_cannot_be_read_are_not_good(tmp_path, text, word):
    """The brief and the tests read them: missing, torn or not JSON fails the notebook."""
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    assert word in verdict.judge(_ran(), None, None, tmp_path).message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ParameterError("x"), 2),
        (errors.DataError("x"), 3),
        (errors.TooLittleDataError("x"), 4),
        (errors.NotebookError("x"), 5),
        (errors.ResourceError("x"), 6),
        (errors.InterruptedRun(2), 5),
        (MemoryError(), 6),
        (duckdb.OutOfMemoryException("x"), 6),
        (pd.errors.DataError("x"), 5),
        (KeyError("x"), 5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_keeps_the_code_of_its_class_not_of_its_name(error, code):
    """Pandas has a DataError too; it is not a refusal of the contract."""
    assert kernel.describe(error)["exit_code"] == code


def test_what_the_engine_says_comes_before_what_the_kernel_says(tmp_path):
    """A cell that took too long is interrupted; that KeyboardInterrupt is not the reason."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    described = {"text": "KeyboardInterrupt", "exit_code": 5}
    for error in (CellTimeoutError("x"), DeadKernelError("x")):
        assert verdict.judge(_ran(), error, described, tmp_path).exit_code == 6
    not_started = RuntimeError("Kernel died before replying to kernel_info")
    assert verdict.judge(None, not_started, None, tmp_path).exit_code == 6
