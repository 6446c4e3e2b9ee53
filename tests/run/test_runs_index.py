"""Real runs, one after another, as the index over them shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.long]

END = """
from pathlib import Path
Path(output_dir, "results.json").write_text(
    '{"headline": "It is so. Or nearly.", "as_of": "2026-06-30", "counts": {}, "findings": []}'
)
"""


@pytest.fixture(scope="module")
def pages(make_project: Any) -> dict[str, str]:
    """Return the index over runs after a good run, the same once more, and one that failed."""
    project = make_project()
    found = {}
    for name in ("first", "same", "failed"):
        cells = ["raise ValueError('a <b>column</b> is missing')"] if name == "failed" else []
        project.add("00_data_readiness", *cells, end=END, bare=True)
        done = project.call("run", "parameters/sample.yml")
        assert done.returncode == (5 if name == "failed" else 0), done.stderr
        found[name] = _text(project.reports / "index.html")
    found["own"] = _text(project.reports / "latest/index.html")
    newest = sorted(project.reports.glob("2*/manifest.json"))[-1]
    assert json.loads(newest.read_text())["status"] == "failed"
    found["broken"] = _text(newest.parent / "index.html")
    return found


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_a_first_run_has_nothing_before_it(pages: dict[str, str]) -> None:
    """Complete, with its headline, and nothing to compare with."""
    assert "1 run: 1 complete" in pages["first"]
    assert "It is so. Or nearly." in pages["first"]
    assert "There is no earlier complete run of this question to compare with." in pages["first"]


def test_the_same_records_have_the_same_answers(pages: dict[str, str]) -> None:
    """Two runs of one day and one source: both pages say that nothing moved."""
    assert "2 runs: 2 complete" in pages["same"]
    assert pages["same"].count("Same data, same answers") == 1
    assert "Same data, same answers" in pages["own"]
    assert 'href="../index.html"' in pages["own"]


def test_a_run_that_failed_is_shown_as_failed_with_why(pages: dict[str, str]) -> None:
    """Newest, in words, with the notebook and its reason; the good report still stands above."""
    text = pages["failed"]
    assert "3 runs: 2 complete, 1 failed" in text
    assert "it failed." in text
    assert "<dt>Data readiness</dt><dd>" in text
    assert "a &lt;b&gt;column&lt;/b&gt; is missing" in text
    assert 'href="latest/index.html"' in text
    assert "a &lt;b&gt;column&lt;/b&gt; is missing" in pages["broken"]
    assert "What changed" not in pages["broken"]
