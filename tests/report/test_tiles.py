"""The row of key figures: refused without its doubt, escaped, first on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from cs_models.errors import NotebookError
from cs_models.report import html
from cs_models.report.display import Statement, Table, num
from cs_models.report.tiles import FIGURES, KeyFigure, KeyFigures

Maker = Callable[..., nbformat.NotebookNode]
KEPT = KeyFigure("ARR likely to be kept", "75 %", "70 % to 80 %", "#t")
TABLE = Table(id="t", title="T", columns={}, rows=[])


def test_a_figure_never_stands_without_what_it_is_and_how_sure() -> None:
    """No label, no value or no doubt is an error that says what to give."""
    for fields in (("", "1", "of 2", "#t"), ("a", " ", "of 2", "#t"), ("a", "1", "", "#t")):
        with pytest.raises(NotebookError, match="interval"):
            KeyFigure(*fields)
    with pytest.raises(NotebookError, match="must link"):
        KeyFigure("a", "1", "of 2", "https://example.test")


@pytest.mark.parametrize("n", [0, 6])
def test_a_row_holds_one_to_five(n: int) -> None:
    """Nothing is no row, and more than five are a table."""
    with pytest.raises(NotebookError, match="one to five"):
        KeyFigures([KEPT] * n)


def test_the_row_comes_first_and_its_numbers_lead_to_their_table(
    notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """Whatever order the notebook shows them in, figures stand above the answer's sentences."""
    said = Statement.of("answer", "Most is kept: ", num("75 %", "#t"), ".")
    cells = (markdown_cell("# Q"), code_cell(said, KeyFigures([KEPT]), TABLE))
    text = html.page(notebook_of(*cells))
    assert text.index('class="key-figures"') < text.index("Most is kept")
    assert '<a class="figure" href="#t">75 %</a> <span class="beside">70 % to 80 %</span>' in text
    gone = (markdown_cell("# Q"), code_cell(KeyFigures([KEPT])))
    with pytest.raises(NotebookError, match="#t"):
        html.page(notebook_of(*gone))


def test_hostile_words_stay_words(
    notebook_of: Maker, code_cell: Maker, hostile_names: tuple[str, ...]
) -> None:
    """A name is escaped on the page and in JupyterLab, whatever it holds."""
    for name in hostile_names:
        row = KeyFigures([KeyFigure(name, name, name, "#t")])
        text = html.page(notebook_of(code_cell(row, TABLE)))
        body = text[text.index("<body") :]
        made = set(
            re.findall(r"<([a-z]+)", body[body.index('<div class="key') : body.index("</dl>")])
        )
        assert made <= {"div", "dl", "dt", "dd", "a", "span", "bdi"}
        assert "<script" not in body
        lab = row._repr_mimebundle_()["text/html"]
        assert set(re.findall(r"<([a-z]+)", lab)) <= {"div", "strong"}


@pytest.mark.parametrize(
    "broken",
    [{"figures": []}, {}, {"figures": [{"label": "a"}]},
     {"figures": [{"label": "a", "value": "1", "beside": "b", "href": "javascript:1"}]},
     {"figures": [{"label": "a", "value": 1, "beside": "b", "href": "#t"}]}],
)  # fmt: skip
def test_a_payload_that_is_not_what_its_mimetype_says_stops_the_export(
    notebook_of: Maker, code_cell: Maker, broken: dict[str, Any]
) -> None:
    """A row made by something else is not trusted for its name."""
    with pytest.raises(NotebookError, match="mimetype"):
        html.page(notebook_of(code_cell({FIGURES: json.loads(json.dumps(broken))})))


LONG = ("Mid-market " * 1000)[:10_240]


@pytest.mark.browser
@pytest.mark.parametrize("segment", ["S" * 10_240, LONG])
def test_a_segment_of_ten_thousand_letters_widens_no_phone(
    open_page: Callable[..., Any], notebook_of: Maker, markdown_cell: Maker, code_cell: Maker,
    segment: str,
) -> None:  # fmt: skip
    """Its figure names it in short, breaks where it must, and stays one of a row."""
    row = KeyFigures([KeyFigure(f"Level in {segment}", "8 reports", f"of {segment}", "#t"), KEPT])
    page = open_page(html.page(notebook_of(markdown_cell("# Q"), code_cell(row, TABLE))), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for part in ("dt", ".beside"):
        shown = page.locator(f".key-figures {part}").first.inner_text()
        assert len(shown) <= 120
        assert shown.startswith(("Level in " if part == "dt" else "of ") + segment[:50])
    assert page.locator(".key-figures dl").bounding_box()["height"] < 700
    # What is not shown in short, as on the index of a run, breaks as well.
    whole = "([who]) => { document.querySelector('.key-figures dt').textContent = who }"
    page.evaluate(whole, ["S" * 10_240])
    assert page.evaluate("document.documentElement.scrollWidth") == 360
