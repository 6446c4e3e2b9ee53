"""The exporter: what it keeps, what it drops, and what it refuses."""

from __future__ import annotations

import copy
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import plotly.graph_objects as go
import pytest
from nbclient import NotebookClient
from nbconvert.exporters import get_exporter
from nbformat import v4

from cs_models.errors import NotebookError
from cs_models.report import html
from cs_models.report.display import EXHIBIT, STATEMENT, TABLE, Exhibit, Statement, Table, num
from cs_models.report.page import blocks

SCRIPT_FREE = re.compile(r"<(script|style)\b[^>]*>.*?</\1>", re.DOTALL)
FRAME = pd.DataFrame({"n": [1, 2]})
TABLE_T = Table.of(FRAME, id="t", title="T")

Maker = Callable[..., nbformat.NotebookNode]


def _words(text: str) -> str:
    """Return the page's markup without its scripts and style."""
    return SCRIPT_FREE.sub("", text)


def _written(notebook: nbformat.NotebookNode, folder: Path) -> Path:
    path = folder / "executed.ipynb"
    nbformat.write(notebook, path)
    return path


def test_the_answer_comes_first_wherever_it_was_made(
    notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """An answer found in the last section stands before the contents and every section."""
    answer = Statement.of("answer", "It is ", num("forty-two", "#t"), ".")
    text = _words(
        html.page(
            notebook_of(
                markdown_cell("# Q?\n\nWhy it matters."), markdown_cell("## Evidence"),
                code_cell(TABLE_T), markdown_cell("## The end"), code_cell(answer),
            )
        )
    )  # fmt: skip
    order = [text.index(t) for t in ("<h1>Q?", "Why it", "It is ", "Contents", ">Evidence</h2>")]
    assert order == sorted(order)
    assert "The end" not in text, "a section that holds nothing else is left out"


def test_one_h1_landmarks_language_and_title(good: nbformat.NotebookNode) -> None:
    """A page has lang, title, one H1, header, nav, main, footer, a skip link."""
    text = _words(html.page(good))
    assert '<html lang="en">' in text
    assert "<title>How much use, by when, separates customers who renew?</title>" in text
    assert [text.count(f"<{tag}") for tag in ("h1", "header", "nav", "main", "footer")] == [1] * 5
    assert 'class="skip" href="#main"' in text
    assert text.count('role="img" aria-label="') + text.count('role="group" aria-label="') == 3


def test_only_trusted_outputs_and_own_words_are_kept(
    notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """Code, streams, reprs, markup, widgets and unknown mimetypes of outputs all vanish."""
    canary = "canary-of-an-output"
    cell = code_cell(
        *({mimetype: canary} for mimetype in (
            "text/html", "text/plain", "text/markdown", "text/latex", "application/javascript",
            "image/svg+xml", "image/png", "text/vnd.mermaid", "application/json",
            "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json",
        )),
        source="canary_of_code()",
    )  # fmt: skip
    cell.outputs.append(v4.new_output("stream", text=canary))
    raw = v4.new_raw_cell(canary)
    text = html.page(notebook_of(markdown_cell("# Q\n\nown words"), cell, raw))
    assert "canary" not in text
    assert "own words" in text


@pytest.mark.parametrize(
    "tag", ["interactive", "parameters", "injected-parameters", "setup", "sentinel"]
)
def test_machinery_is_dropped_with_all_it_shows(
    notebook_of: Maker, markdown_cell: Maker, code_cell: Maker, tag: str
) -> None:
    """Cells tagged as machinery leave nothing on the page, not even a trusted output."""
    cell = code_cell(Statement.of("note", "shown by machinery"), tags=(tag,))
    text = html.page(notebook_of(markdown_cell("# Q"), cell))
    assert "shown by machinery" not in text


def test_parameters_stand_in_the_place_of_their_cells(good: nbformat.NotebookNode) -> None:
    """Name, value and unit are shown; an injected value wins; the run's folder is not shown."""
    text = _words(html.page(good))
    rows = re.findall(r"<code>([^<]*)</code></th><td><bdi>([^<]*)</bdi></td><td>([^<]*)</td>", text)
    assert rows == [
        ("as_of", "2026-06-30", ""),
        ("source.path", "data/sample", ""),
        ("alpha", "0.1", "chance of a false alarm"),
        ("windows_days", "30, 60, 90", "days from the start of the term"),
    ]


def test_a_page_is_small_and_has_one_bundle(good: nbformat.NotebookNode) -> None:
    """Three figures share one bundle: under 1.6 MB, under 0.55 MB compressed."""
    data = html.page(good).encode()
    assert data.count(b"plotly.js (figures of the renewals report - minified)") == 1
    assert len(data) <= 1_600_000
    assert len(gzip.compress(data)) <= 550_000


def test_a_page_without_figures_carries_no_script(
    notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """Words and tables need no script at all."""
    text = html.page(notebook_of(markdown_cell("# Q"), code_cell(TABLE_T)))
    assert "<script" not in text
    assert "script-src 'none'" in text.replace("&#39;", "'")
    assert len(text) < 40_000


def test_the_same_notebook_makes_the_same_bytes(
    good: nbformat.NotebookNode, run_facts: dict[str, Any]
) -> None:
    """A page depends on the notebook and the run's facts alone."""
    assert html.page(copy.deepcopy(good), run=run_facts) == html.page(good, run=run_facts)


def test_data_in_a_script_cannot_end_it(hostile: nbformat.NotebookNode) -> None:
    """No script element holds a way out: as many ends as starts, and "<" only as an escape."""
    text = html.page(hostile)
    assert text.count("<script") == text.count("</script>") == 2 + 2  # own, figure and theme
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL):
        assert "<" not in data
        json.loads(data)


def test_names_are_escaped_once(notebook_of: Maker, markdown_cell: Maker, code_cell: Maker) -> None:
    """An ampersand in a name is one ampersand on the page, never "&amp;amp;"."""
    table = Table.of(pd.DataFrame({"a": ["Ash & <Sons>"]}), id="t", title="T")
    text = html.page(notebook_of(markdown_cell("# R & D"), code_cell(table)))
    assert "Ash &amp; &lt;Sons&gt;" in text
    assert "<title>R &amp; D</title>" in text
    assert "&amp;amp;" not in text


@pytest.mark.parametrize("kind", ["scatter3d", "scattergl", "choropleth", "sankey", "pie", "image"])
def test_a_trace_outside_the_bundle_stops_the_export(
    notebook_of: Maker, code_cell: Maker, kind: str
) -> None:
    """The error names the trace type and the figure; nothing is drawn wrongly instead."""
    figure = go.Figure({"data": [{"type": kind}]})
    cell = code_cell(Exhibit("figure-x", "X", figure, TABLE_T, "alt"))
    with pytest.raises(NotebookError, match=rf"figure-x(.|\n)*{kind}"):
        html.page(notebook_of(cell))


def test_a_figure_may_not_ask_for_a_picture(notebook_of: Maker, code_cell: Maker) -> None:
    """A layout image with a web address is refused; one that is inline is not."""
    figure = go.Figure()
    figure.add_layout_image(source="https://example.test/logo.png")
    with pytest.raises(NotebookError, match="network"):
        html.page(notebook_of(code_cell(Exhibit("e", "E", figure, TABLE_T, "alt"))))
    figure.layout.images[0].source = "data:image/png;base64,AAAA"
    html.page(notebook_of(code_cell(Exhibit("e", "E", figure, TABLE_T, "alt"))))


def test_a_number_without_a_source_on_the_page_is_refused(
    notebook_of: Maker, code_cell: Maker
) -> None:
    """A link to nothing stops the export and names the link."""
    cell = code_cell(Statement.of("finding", num("12 %", "#gone")))
    with pytest.raises(NotebookError, match="#gone"):
        html.page(notebook_of(cell))


def test_two_things_with_one_id_are_refused(notebook_of: Maker, code_cell: Maker) -> None:
    """A table shown twice would make its links ambiguous; so would a finding said twice."""
    said = Statement.of("finding", "x", id="t")
    for twice in (TABLE_T, said):
        with pytest.raises(NotebookError, match="one id"):
            html.page(notebook_of(code_cell(twice, twice)))


def test_a_finding_may_be_named_as_its_table(notebook_of: Maker, code_cell: Maker) -> None:
    """A statement's anchor never takes a table's, and a number links to the table."""
    said = Statement.of("finding", num("2", "#t"), id="t")
    text = html.page(notebook_of(code_cell(said, TABLE_T)))
    assert text.count('id="t"') == 1
    assert 'id="statement-t"' in text
    with pytest.raises(NotebookError, match="links to nothing"):
        html.page(notebook_of(code_cell(said)))


@pytest.mark.parametrize(
    ("mimetype", "payload"),
    [
        (STATEMENT, {"role": "answer", "parts": [{"text": "x", "href": "javascript:alert(1)"}],
                     "verdict": None, "id": ""}),
        (STATEMENT, {"role": "<b>", "parts": [], "verdict": None, "id": ""}),
        (STATEMENT, "text"),
        (TABLE, {"id": "t", "columns": [], "rows": [[1]]}),
        (EXHIBIT, {"id": "e"}),
    ],
)  # fmt: skip
def test_a_payload_that_is_not_what_it_says_is_refused(
    notebook_of: Maker, code_cell: Maker, mimetype: str, payload: Any
) -> None:
    """A trusted mimetype is checked before it is trusted."""
    with pytest.raises(NotebookError, match="not what its mimetype says"):
        html.page(notebook_of(code_cell({mimetype: payload})))


def _unrun(cell: nbformat.NotebookNode) -> None:
    cell.execution_count = None


def _failed(cell: nbformat.NotebookNode) -> None:
    cell.outputs = [v4.new_output("error", ename="ValueError", evalue="x", traceback=[])]


def _stopped(cell: nbformat.NotebookNode) -> None:
    cell.metadata["papermill"] = {"exception": True, "status": "completed"}


@pytest.mark.parametrize("harm", [_unrun, _failed, _stopped])
def test_an_unfinished_notebook_is_never_published(
    good: nbformat.NotebookNode, tmp_path: Path, harm: Callable[..., None]
) -> None:
    """Export refuses and leaves the previous page as it was, whatever papermill's status says."""
    notebook = copy.deepcopy(good)
    notebook.metadata["papermill"]["exception"] = None
    harm(notebook.cells[-1])
    page = tmp_path / "report.html"
    page.write_text("previous")
    with pytest.raises(NotebookError, match=f"cell {len(notebook.cells)} "):
        html.export(_written(notebook, tmp_path), page)
    assert page.read_text() == "previous"


def test_a_cell_for_the_hand_need_not_have_run(good: nbformat.NotebookNode) -> None:
    """Interactive cells are skipped in headless runs; empty cells never run: neither is a fault."""
    notebook = copy.deepcopy(good)
    hand = v4.new_code_cell("explore()", metadata={"tags": ["interactive"]})
    notebook.cells += [hand, v4.new_code_cell("  ")]
    assert blocks.faults(notebook) == []


def test_an_export_by_hand_says_when_the_notebook_is_unfinished(
    good: nbformat.NotebookNode,
) -> None:
    """The exporter of the Lab menu makes a page of what there is, and says so on it."""
    notebook = copy.deepcopy(good)
    _unrun(notebook.cells[-1])
    assert "Unfinished" in html.page(notebook)
    assert "Unfinished" not in html.page(good)


def test_nbconvert_knows_the_exporter(good: nbformat.NotebookNode) -> None:
    """``--to cs_report`` finds it by its entry point, and the page is the same."""
    exporter = get_exporter("cs_report")
    assert exporter is html.CsReportExporter
    body, resources = exporter().from_notebook_node(copy.deepcopy(good))
    assert body == html.page(good)
    assert resources["output_extension"] == ".html"


def test_export_writes_a_page_that_tells_its_run(
    good: nbformat.NotebookNode, run_facts: dict[str, Any], tmp_path: Path
) -> None:
    """Data window, run id and versions stand at the foot; a window of the results counts too."""
    executed = _written(good, tmp_path)
    (tmp_path / "results.json").write_text('{"data_window": ["2021-01-01", "2026-06-01"]}')
    html.export(executed, tmp_path / "a.html", run=run_facts)
    text = _words((tmp_path / "a.html").read_text(encoding="utf-8"))
    for fact in ("2022-01-01 to 2026-06-29", "2026-06-30-sample-1f3c", "cs-models 0.1.0"):
        assert fact in text
    del run_facts["data_window"]
    html.export(executed, tmp_path / "b.html", run=run_facts)
    assert "2021-01-01 to 2026-06-01" in (tmp_path / "b.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.html", "b.html", "executed.ipynb", "results.json",
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["", "{", '{"cells": 3}', "\x00"])
def test_what_is_no_notebook_is_refused_with_its_path(tmp_path: Path, content: str) -> None:
    """A torn or foreign file gives a refusal, not a traceback."""
    path = tmp_path / "executed.ipynb"
    path.write_text(content)
    with pytest.raises(NotebookError, match=r"executed\.ipynb"):
        html.export(path, tmp_path / "report.html")


@pytest.mark.notebook
def test_a_notebook_run_by_a_kernel_exports_whole(tmp_path: Path) -> None:
    """The display objects survive a real kernel: executed for real, exported strictly."""
    show = (
        "import pandas as pd\n"
        "from IPython.display import display\n"
        "from cs_models.report.display import Statement, Table, num\n"
        "display(Table.of(pd.DataFrame({'n': [1]}), id='t', title='From a kernel'))\n"
        "Statement.of('answer', 'one is ', num('1', '#t'))"
    )
    cells = [v4.new_markdown_cell("# Q?"), v4.new_code_cell(show)]
    notebook = v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": tmp_path}}).execute()
    html.export(_written(notebook, tmp_path), tmp_path / "report.html")
    text = _words((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "From a kernel" in text
    assert 'one is <a class="source strong" href="#t">1</a>' in text


def test_a_section_called_the_answer_joins_the_answer(
    notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """What a notebook sets under "The answer" stands there, after the answer, under one heading."""
    text = _words(
        html.page(
            notebook_of(
                markdown_cell("# Q?"), markdown_cell("## The answer"),
                code_cell(Statement.of("caution", "but mind this")),
                markdown_cell("## More"), code_cell(Statement.of("answer", "it is so"), TABLE_T),
            )
        )
    )  # fmt: skip
    assert text.count("The answer</h2>") == 1
    order = [text.index(words) for words in ("it is so", "but mind this", ">More</h2>")]
    assert order == sorted(order)


def test_a_page_says_how_many_rows_it_leaves_out(notebook_of: Maker, code_cell: Maker) -> None:
    """A list of thousands does not make a page of megabytes; nobody takes it for the whole."""
    frame = pd.DataFrame({"name": [f"account {n}" for n in range(20_000)]})
    table = Table.of(frame, id="t", title="T", note="All of them: tables/t.csv.")
    text = html.page(notebook_of(code_cell(table)))
    said = re.sub("<[^>]+>", "", text)
    assert "The first 100 of 20,000 rows. All of them: tables/t.csv." in said
    assert "account 99<" in text.replace("\n", "<")
    assert "account 100" not in text
    assert len(text) < 60_000
