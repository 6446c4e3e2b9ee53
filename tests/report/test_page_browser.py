"""What the page's own script does: sort tables, mark the section, keep room, settle figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import plotly.graph_objects as go
import pytest

from cs_models.report import html, theme
from cs_models.report.display import Exhibit, Statement, Table

pytestmark = pytest.mark.browser

Maker = Callable[..., nbformat.NotebookNode]
VERDICTS = ("sharp", "tentative", "gradual", "associated", "none", "too_little_data")

COLUMN = """([name, at]) => [...document.querySelectorAll(`#${name} tbody tr`)]
  .map(row => row.cells[at].textContent.trim())"""
SHOWN = """[...document.querySelectorAll('#table-accounts tbody tr')]
  .filter(row => row.offsetHeight).length"""


@pytest.fixture(scope="module")
def page_text(good: nbformat.NotebookNode) -> str:
    return html.page(good)


@pytest.fixture(scope="module")
def wide(open_page: Callable[..., Any], page_text: str) -> Any:
    """Return a good page on a wide screen, opened once."""
    return open_page(page_text)


def _press(page: Any, at: int) -> str | None:
    head = page.locator("#table-accounts thead th").nth(at)
    head.locator("button").focus()
    page.keyboard.press("Enter")
    told: str | None = head.get_attribute("aria-sort")
    return told


def test_a_long_table_sorts_numbers_as_numbers_and_back(wide: Any) -> None:
    """Largest first, then smallest, then the page's order; folded rows stay fifteen."""
    before = wide.evaluate(COLUMN, ["table-accounts", 2])
    amounts = sorted(before, key=lambda text: float(text.replace(",", "")))
    assert _press(wide, 2) == "descending"
    assert wide.evaluate(COLUMN, ["table-accounts", 2]) == amounts[::-1]
    assert wide.evaluate(SHOWN) == 15
    assert _press(wide, 2) == "ascending"
    assert wide.evaluate(COLUMN, ["table-accounts", 2]) == amounts
    assert _press(wide, 2) is None
    assert wide.evaluate(COLUMN, ["table-accounts", 2]) == before
    assert wide.problems == []


def test_what_is_missing_sorts_last_and_equals_keep_their_order(wide: Any) -> None:
    """A dash is neither small nor large; among equals the page's order holds."""
    before = list(
        zip(*(wide.evaluate(COLUMN, ["table-accounts", at]) for at in (0, 5)), strict=True)
    )
    for way in ("ascending", "descending"):
        assert _press(wide, 5) == way
        names, owners = (wide.evaluate(COLUMN, ["table-accounts", at]) for at in (0, 5))
        missing = [name for name, owner in before if owner == "–"]
        assert names[-len(missing) :] == missing
        assert set(owners[-len(missing) :]) == {"–"}
    _press(wide, 5)


def test_dates_sort_by_the_calendar_and_one_column_leads(wide: Any) -> None:
    """Earliest first; only the column pressed last says how it is sorted."""
    _press(wide, 2)
    assert _press(wide, 3) == "ascending"
    dates = wide.evaluate(COLUMN, ["table-accounts", 3])
    assert dates == sorted(dates)
    assert wide.locator("#table-accounts [aria-sort]").count() == 1
    _press(wide, 3)
    _press(wide, 3)


def test_a_short_table_has_nothing_to_press(wide: Any) -> None:
    """Three rows are read at once."""
    assert wide.locator("#table-rules thead button").count() == 0
    assert wide.locator("#table-rates thead button").count() == 6


def test_the_section_being_read_is_marked(wide: Any, until: Callable[..., None]) -> None:
    """At the top none or the answer; at a section's head its own link; one at most."""
    marked = "document.querySelector('.contents a[aria-current]')?.textContent"
    wide.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    wide.locator(".contents a", has_text="How sure we are").click()
    until(wide, f"{marked} === 'How sure we are'")
    wide.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    until(wide, f"{marked} === 'How this page was made'")
    assert wide.locator(".contents a[aria-current]").count() == 1


def test_contents_fold_on_a_phone_and_stand_open_beside_the_text(
    wide: Any, open_page: Callable[..., Any], page_text: str
) -> None:
    """A phone shows one line; a press opens it, and choosing a section folds it again."""
    assert wide.locator(".contents a").first.is_visible()
    phone = open_page(page_text, width=390)
    links = phone.locator(".contents a")
    assert not links.first.is_visible()
    phone.locator(".contents summary").focus()
    phone.keyboard.press("Enter")
    assert links.first.is_visible()
    links.last.click()
    assert not links.first.is_visible()
    assert phone.problems == []


def test_nothing_moves_when_a_figure_is_drawn(
    open_page: Callable[..., Any], page_text: str
) -> None:
    """Every figure's place has its height before the bundle runs: drawn or not, as tall."""
    heights = "[...document.querySelectorAll('.chart')].map(box => box.offsetHeight)"
    page = open_page(page_text)
    drawn = page.evaluate(heights)
    assert drawn == [300, 280, 320]
    page.evaluate("document.querySelectorAll('.chart').forEach(box => box.replaceChildren())")
    assert page.evaluate(heights) == drawn


def test_the_title_of_the_vertical_axis_stands_above_the_figure(wide: Any) -> None:
    """It is read as words, level, once; the figure keeps only the title of its other axis."""
    assert wide.locator("#figure-chance .y-title").text_content() == "Shuffled histories"
    assert wide.locator("#figure-chance .ytitle").count() == 0
    assert wide.locator("#figure-chance .xtitle").count() == 1


def test_what_looks_like_a_formula_is_drawn_as_typed(
    open_page: Callable[..., Any], notebook_of: Maker, markdown_cell: Maker, code_cell: Maker
) -> None:
    """Two amounts in one text are no formula: nothing is asked of MathJax, nobody is warned."""
    texts = ["ARR: $58,100 against $5,380", "$x$"]
    drawn = go.Figure(layout={"template": theme.TEMPLATE})
    drawn.add_bar(y=[theme.literal(text) for text in texts], x=[1, 2], orientation="h")
    figure = Exhibit("e", "E", drawn, Table("e-t", "E", {}, []), "Two bars.")
    page = open_page(html.page(notebook_of(markdown_cell("# Q"), code_cell(figure))))
    assert page.locator(".ytick text").all_text_contents() == texts
    assert page.problems == []


def test_without_scripts_words_stand_in_the_place_of_figures(
    chromium: Any, page_text: str, tmp_path: Path
) -> None:
    """A mail's preview shows no hole: what a figure says in words, its numbers open below."""
    file = tmp_path / "page.html"
    file.write_text(page_text, encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    for figure in page.locator(".exhibit").all():
        assert figure.locator(".chart").is_hidden()
        assert "drawn where scripts run" in figure.locator(".unscripted").inner_text()
        assert figure.locator(".behind table").is_visible()
    assert page.locator("#table-accounts tbody tr").first.is_visible()
    context.close()


def test_words_for_no_scripts_are_not_seen_where_they_run(wide: Any) -> None:
    """Whoever sees the figure is not told of it twice."""
    assert wide.locator(".unscripted").count() == 3
    assert wide.locator(".unscripted").first.is_hidden()


def test_verdicts_can_be_told_apart_in_colours_of_the_readers_own(
    open_page: Callable[..., Any], notebook_of: Maker, code_cell: Maker
) -> None:
    """With a handful of forced colours each mark keeps a form of its own."""
    said = [Statement.of("finding", "So.", verdict=name) for name in VERDICTS]
    page = open_page(html.page(notebook_of(code_cell(*said))))
    page.emulate_media(forced_colors="active")
    marks = []
    for badge in page.locator(".badge").all():
        box = badge.bounding_box()
        clip = {"x": box["x"] + 8, "y": box["y"] + 4, "width": 14, "height": box["height"] - 8}
        marks.append(page.screenshot(clip=clip))
    assert len(set(marks)) == len(VERDICTS)
