"""How tables are set where there is little room: on a phone and on a sheet of paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
import pandas as pd
import plotly.graph_objects as go
import pytest

from cs_models.report import html, lab, theme
from cs_models.report.display import Column, Exhibit, Table
from cs_models.report.page import render
from tests.report.looking import EMPTY

Maker = Callable[..., nbformat.NotebookNode]
TOLD = "Waits for the training that was planned for March and was moved again, twice. " * 2
PHONE, PAPER = 360, 658  # CSS pixels


def _table(n_columns: int, *, told: bool, first: str = "rank") -> dict[str, Any]:
    """Return the payload of a table of one rank or name, a name, numbers and perhaps sentences."""
    frame = pd.DataFrame({"rank": range(1, 21), "who": [f"Customer {n}" for n in range(20)]})
    columns = {"rank": Column("Place", "integer"), "who": Column("Customer")}
    if first == "who":
        columns = dict(reversed(columns.items()))
    if told:
        frame["why"], columns["why"] = TOLD, Column("What goes with it")
        frame["verdict"], columns["verdict"] = "gradual", Column("What it is")
    for at in range(n_columns - len(columns)):
        frame[f"n{at}"], columns[f"n{at}"] = 1234567 + at, Column("Lost, one in ten", "money")
    return Table.of(frame, id=f"t{n_columns}{told}{first}", title="T", columns=columns).payload()


def test_rows_are_named_by_their_first_words() -> None:
    """A rank or a day in front of a name is no name; a table of numbers alone has none."""
    assert render.naming(["", "n"]) == render.naming(["some", "some"]) == 0
    assert render.naming(["n", "some", "n"]) == render.naming(["date", ""]) == 1
    assert render.naming(["n", "n", ""]) == render.naming([]) == -1


@pytest.mark.parametrize(
    ("n_columns", "told", "where"),
    [(4, False, ""), (4, True, "cards"), (8, True, "cards"),
     (12, True, "cards paper-cards"), (10, False, ""), (11, False, "paper-cards")],
)  # fmt: skip
def test_rows_become_cards_where_columns_cannot_stand_side_by_side(
    n_columns: int, told: bool, where: str
) -> None:
    """Sentences make cards on a phone, many columns on paper; what fits stays a table."""
    assert render.cards(_table(n_columns, told=told)) == where


def test_a_print_counts_the_rows_that_only_a_file_has() -> None:
    """What the page leaves out as well is part of the whole."""
    table = Table.of(pd.DataFrame({"n": range(280)}), id="t", title="T").payload()
    assert lab.further(table, 15) == "15 of 280 rows are printed; the page shows 100."


@pytest.fixture(scope="module")
def page_text(notebook_of: Maker, markdown_cell: Maker, code_cell: Maker) -> str:
    """Return a page of tables of every kind, and a figure, for which a page has its script."""
    kinds = [(4, False), (4, True), (8, True), (12, True), (10, False), (12, False)]
    cells = []
    for n_columns, told in kinds:
        for first in ("rank", "who"):
            frame = _table(n_columns, told=told, first=first)
            cells.append(code_cell({"application/vnd.cs-models.table+json": frame}))
    drawn = go.Figure(layout={"template": theme.TEMPLATE}).add_bar(x=["a"], y=[1])
    cells.append(code_cell(Exhibit("e", "E", drawn, Table("e-t", "E", {}, []), "One bar.")))
    return html.page(notebook_of(markdown_cell("# Q"), *cells))


@pytest.mark.browser
def test_no_row_on_a_phone_is_tall_and_empty(open_page: Callable[..., Any], page_text: str) -> None:
    """What stands out of sight never makes a row more than two lines taller than what is seen."""
    page = open_page(page_text, width=PHONE)
    assert page.evaluate(EMPTY) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    cards = page.locator("table.cards").first
    cell = cards.locator("tbody td").nth(1)
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == (
        '"What goes with it"'
    )
    assert cell.bounding_box()["width"] > 300
    # What scrolls can be reached and scrolled by keyboard, and keeps its names.
    wide = page.locator(".scroll.wider").last
    wide.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    moved = "box => [box.scrollLeft, box.querySelector('tbody th').getBoundingClientRect().left " \
            "- box.getBoundingClientRect().left]"  # fmt: skip
    left, name = wide.evaluate(moved)
    assert left > 0 and name >= -1
    assert page.problems == []


@pytest.mark.browser
def test_a_printed_table_can_be_read_and_says_what_it_leaves_out(
    open_page: Callable[..., Any], page_text: str
) -> None:
    """No letter below 7.5 points, nothing wider than the sheet, folded rows counted in words."""
    page = open_page(page_text)
    page.set_viewport_size({"width": PAPER, "height": 900})
    assert page.locator(".on-paper").first.is_hidden()
    page.emulate_media(media="print")
    sizes = page.evaluate(
        """[...document.querySelectorAll('th,td')].map(cell =>
        parseFloat(getComputedStyle(cell).fontSize))"""
    )
    assert min(sizes) >= 10  # CSS pixels: 7.5 points
    assert page.evaluate("document.documentElement.scrollWidth") == PAPER
    told = page.locator(".on-paper")
    assert told.first.is_visible()
    assert set(told.all_text_contents()) == {
        "15 of 20 rows are printed; the page shows all.",
        "5 of 20 rows are printed; the page shows all.",
    }
    page.evaluate("document.querySelectorAll('.unfold').forEach(fold => { fold.open = true })")
    assert told.first.is_hidden()
    assert page.locator("tbody tr").last.is_visible()


@pytest.mark.browser
def test_a_printed_table_has_its_heads_on_every_sheet(
    open_page: Callable[..., Any], notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """A table of ninety rows that sort by their heads says on each sheet what its columns are."""
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed")
    frame = pd.DataFrame({"who": [f"Customer {n}" for n in range(90)], "n": range(90)})
    columns = {"who": Column("Looked after"), "n": Column("Reports", "integer")}
    table = Table.of(frame, id="t", title="T", columns=columns, fold_after=90)
    drawn = go.Figure(layout={"template": theme.TEMPLATE}).add_bar(x=["a"], y=[1])
    figure = Exhibit("e", "E", drawn, Table("e-t", "E", {}, []), "One bar.")
    page = open_page(html.page(notebook_of(markdown_cell("# Q"), code_cell(table, figure))))
    assert page.locator("#t thead button").count() == 2
    printed = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    sheets = [sheet.get_textpage().get_text_range() for sheet in printed]
    with_rows = [text for text in sheets if "Customer " in text]
    assert len(with_rows) >= 2
    assert all("Looked after" in text and "Reports" in text for text in with_rows)
