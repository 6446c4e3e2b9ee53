"""Every page of a run on the sample, in a real browser: offline, drawn, readable by all, printed.

Each page is opened once on a wide screen and once on a phone, and serves all checks.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.looking import EMPTY

pytestmark = [pytest.mark.notebook, pytest.mark.browser]

NOTEBOOKS = sorted(
    file.stem for file in (Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb")
)
MACHINERY = {"interactive", "parameters", "injected-parameters", "setup", "sentinel"}
TURNED = "03_churn_predictors"  # whose figure of calls has a slider
PLOTLY = "application/vnd.plotly.v1+json"
LONG_ENOUGH = 12  # letters of a line of code: shorter ones may be words of a sentence
UNFOLD = "document.querySelectorAll('details').forEach(fold => { fold.open = true })"
ID = re.compile(r"\bid=[\"']?([A-Za-z][A-Za-z0-9_-]*)")
PHONE, WIDE, PAPER = 360, 1280, 658
OUTLINE = 4  # CSS pixels: three of the picture, of which at least two are pure colour
PAPER_MARGIN = 24  # points that a printer cannot reach

# Text of a figure that leaves the figure's box, by more than a pixel's rounding.
STICKING_OUT = """[...document.querySelectorAll('.chart')].flatMap(chart => {
  const box = chart.querySelector('.main-svg').getBoundingClientRect()
  return [...chart.querySelectorAll('.main-svg text')].filter(text => {
    const words = text.getBoundingClientRect()
    return words.width && getComputedStyle(text).visibility !== 'hidden'
      && (words.left < box.left - 2 || words.right > box.right + 2
      || words.top < box.top - 2 || words.bottom > box.bottom + 2)
  }).map(text => `${chart.id}: ${text.textContent}`) })"""

# Names of key figures that take more lines than given.
LONG_NAMES = """most => [...document.querySelectorAll('.key-figures dt')].filter(name => {
  const words = document.createRange()
  words.selectNodeContents(name)
  return words.getBoundingClientRect().height > (most + 0.5) * parseFloat(
    getComputedStyle(name).lineHeight) }).map(name => name.textContent)"""

# Tables with letters smaller than 7.5 points.
SMALL = """[...new Set([...document.querySelectorAll('main th, main td')].filter(cell =>
  parseFloat(getComputedStyle(cell).fontSize) < 10).map(cell => cell.closest('[id]').id))]"""

# Words of a table's cell that stand on two lines, a letter here and the next there; where a hyphen
# or an underscore would part them as well, they may.
BROKEN = """[...document.querySelectorAll('main td:not(.wrap), main tbody th:not(.wrap)')].flatMap(
  cell => {
  const found = [], words = document.createRange()
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/[\\p{L}\\d]+/gu)) {
    words.setStart(texts.currentNode, word.index)
    words.setEnd(texts.currentNode, word.index + word[0].length)
    const tops = [...words.getClientRects()].map(line => Math.round(line.top))
    if (new Set(tops).size > 1) found.push(`${cell.closest('[id]').id}: ${word[0]}`) }
  return found })"""

# Legends of which plotly shows a part, beside a bar to scroll the rest.
SCROLLED = """[...document.querySelectorAll('.legend .scrollbar')].filter(bar =>
  bar.getBoundingClientRect().height > 0).map(bar => bar.closest('.chart').id)"""

# Links within the page that lead to nothing, or to what stays folded away.
LOST = """[...new Set([...document.querySelectorAll('a[href^="#"]')].map(a => a.hash))].filter(
  hash => {
  history.replaceState(null, '', hash)
  dispatchEvent(new HashChangeEvent('hashchange'))
  const target = document.getElementById(decodeURIComponent(hash.slice(1)))
  return !target || !target.checkVisibility() || !target.getBoundingClientRect().height
    || (target.tagName === 'DETAILS' && !target.open) })"""

# A thin frame of a colour of its own around each figure, found again in the print's pictures: none
# is another one faded towards white.
FRAMED = """width => [...document.querySelectorAll('.chart')].forEach((chart, number) => {
  chart.style.outline = `${width}px solid rgb(255, 0, ${255 - 8 * number})`
  chart.style.outlineOffset = `-${width}px`
  chart.style.printColorAdjust = 'exact' })"""


# One element with text of each kind of place: what is set alike is equally easy to read.  Rows
# beyond the fourth of a table, but for kinds seen there alone, go; and what stands in a picture,
# which is one thing to who cannot see it.
THINNED = """() => {
  const known = new Set()
  for (const found of document.querySelectorAll('body *')) {
    const said = [...found.childNodes].some(one => one.nodeType === 3 && one.textContent.trim())
    if (!said || found.closest('.chart') || !found.checkVisibility()) continue
    let kind = ''
    for (let at = found; at !== document.body; at = at.parentElement)
      kind += `${at.tagName} ${at.className} ${at.tagName === 'TR' ? at.rowIndex % 2 : ''} < `
    if (!known.has(kind)) { known.add(kind); found.dataset.one = '' } }
  for (const body of document.querySelectorAll('tbody'))
    [...body.rows].slice(4).filter(row => !row.querySelector('[data-one]')).forEach(
      row => row.remove())
  document.querySelectorAll('.chart[role=img]').forEach(chart => chart.replaceChildren())
}"""


@dataclass(frozen=True)
class Opened:
    """One page of the run, open on a wide screen, and what was seen of it on a phone."""

    name: str
    file: Path
    page: Any
    phone: dict[str, Any]

    def notebook(self) -> dict[str, Any]:
        """Return the executed notebook that the page was made of."""
        return json.loads((self.file.parent / "executed.ipynb").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["index", *NOTEBOOKS])
def opened(
    request: pytest.FixtureRequest,
    run_folder: Path,
    visit: Callable[..., Any],
    see_all: Callable[[Any], None],
) -> Iterator[Opened]:
    """Open one page of the run after the other on a phone, look at it, and widen it."""
    name = request.param
    file = run_folder / "index.html" if name == "index" else run_folder / name / "report.html"
    page = visit(file, width=PHONE)
    folds = page.locator("details[open]").element_handles()
    phone = {
        "scrolled": page.evaluate(SCROLLED),
        "cut": page.evaluate(STICKING_OUT),
        "lost": page.evaluate(LOST),
    }
    page.evaluate(UNFOLD)
    page.wait_for_timeout(50)
    phone["width"] = page.evaluate("document.documentElement.scrollWidth")
    phone["empty"], phone["long"] = page.evaluate(EMPTY), page.evaluate(LONG_NAMES, 3)
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = false })")
    for fold in folds:
        fold.evaluate("fold => { fold.open = true }")
    page.set_viewport_size({"width": WIDE, "height": 800})
    see_all(page)
    yield Opened(name, file, page, phone)
    page.context.close()


def test_a_phone_never_scrolls_sideways(opened: Opened) -> None:
    """At 360 px, with all folds open, the page is as wide as the screen."""
    assert opened.phone["width"] == PHONE


def test_no_row_on_a_phone_is_tall_and_empty(opened: Opened) -> None:
    """No words out of sight make a row more than two lines taller than what is seen of it."""
    assert opened.phone["empty"] == []


def test_key_figures_have_short_names(opened: Opened) -> None:
    """Two lines on a wide screen, three on a phone."""
    assert opened.phone["long"] == []
    assert opened.page.evaluate(LONG_NAMES, 2) == []


def test_words_of_figures_stay_inside_them(opened: Opened) -> None:
    """No word of a figure is cut at the figure's edge, on a phone and on a wide screen."""
    assert opened.phone["cut"] == opened.phone["scrolled"] == []
    assert opened.page.evaluate(STICKING_OUT) == []


def test_every_figure_is_drawn_and_nothing_is_asked(opened: Opened) -> None:
    """As many figures as the notebook showed, each with marks in it; no request, no complaint."""
    charts = opened.page.locator(".chart")
    assert charts.count() == _figures(opened)
    assert opened.page.locator(".chart.js-plotly-plot").count() == charts.count()
    assert opened.page.locator(".undrawn").count() == 0
    empty = opened.page.evaluate(
        """[...document.querySelectorAll('.chart')].filter(chart => {
        const marks = [...chart.querySelectorAll('.trace path, .hm image, .slice path')]
        return !marks.some(mark => { const box = mark.getBoundingClientRect()
          return box.width + box.height > 2 }) }).map(chart => chart.id)"""
    )
    assert empty == []
    assert opened.page.asked == {}
    assert opened.page.problems == []


def test_no_line_of_code_is_on_the_page(opened: Opened) -> None:
    """No line of any code cell stands anywhere in the page, shown or not."""
    if opened.name == "index":
        pytest.skip("the index is made of no notebook")
    text = opened.file.read_text(encoding="utf-8")
    sources = [c["source"] for c in opened.notebook()["cells"] if c["cell_type"] == "code"]
    lines = {line.strip() for source in sources for line in "".join(source).splitlines()}
    code = {line for line in lines if len(line) >= LONG_ENOUGH and not line.startswith("#")}
    assert code
    assert [line for line in code if line in text] == []


def test_links_within_the_page_lead_to_something_to_see(opened: Opened) -> None:
    """Every link within the page has a target; following it opens what hides the target."""
    assert opened.phone["lost"] == []
    if opened.name != "index":
        assert opened.page.locator(".contents a").count() >= 3


def test_links_to_other_pages_of_the_run_find_them(opened: Opened) -> None:
    """A link that leaves the page leads to a file of the run, and to an id that it has."""
    addresses = opened.page.evaluate(
        "[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
    )
    leaving = {address for address in addresses if not address.startswith("#")}
    assert leaving
    for address in leaving:
        assert "://" not in address
        path, _, anchor = address.partition("#")
        target = (opened.file.parent / path).resolve()
        assert target.exists(), address
        if anchor:
            assert anchor in ID.findall(target.read_text(encoding="utf-8")), address


def test_sliders_and_menus_of_figures_move(opened: Opened) -> None:
    """A click on the far end of each slider moves the marks that are drawn, not its own words."""
    rails = opened.page.locator(".slider-rail-touch-rect").element_handles()
    assert len(rails) >= (opened.name == TURNED)
    for rail in rails:
        rail.scroll_into_view_if_needed()
        shown = """rail => [...rail.closest('.chart').querySelectorAll('.points path')].map(
            mark => mark.getAttribute('transform')).join()"""
        before, box = rail.evaluate(shown), rail.bounding_box()
        assert before
        for end in (0.98, 0.02):
            x, y = box["x"] + box["width"] * end, box["y"] + box["height"] / 2
            opened.page.mouse.click(x, y)
            opened.page.wait_for_timeout(150)
            if rail.evaluate(shown) != before:
                break
        else:
            pytest.fail(f"a slider of {opened.name} stays at {before!r}")
    assert opened.page.problems == []


def test_a_press_on_a_head_sorts_its_table(opened: Opened) -> None:
    """The first long table of numbers: largest first, and the page's own order on the third."""
    page = opened.page
    heads = page.locator("main thead th.n:has(button)")
    if not heads.count():
        pytest.skip("no table of this page is long enough to be sorted")
    table = heads.first.locator("xpath=ancestor::table")
    cells = "head => [...head.closest('table').tBodies[0].rows].map(row => " \
            "row.cells[head.cellIndex].textContent.trim())"  # fmt: skip
    names = "table => [...table.tBodies[0].rows].map(row => row.textContent)"
    before = table.evaluate(names)
    seen = []
    folds = heads.first.evaluate(
        """head => { const shut = [...document.querySelectorAll('details:not([open])')]
        return shut.filter(fold => fold.contains(head)).map(fold => fold.id) }"""
    )
    page.evaluate("ids => ids.forEach(id => { document.getElementById(id).open = true })", folds)
    for _ in range(3):
        heads.first.locator("button").focus()
        page.keyboard.press("Enter")
        seen.append(heads.first.evaluate(cells))
    amounts = [_amount(text) for text in seen[0] if _amount(text) is not None]
    assert amounts == sorted(amounts, reverse=True)
    assert len(set(amounts)) > 1
    assert [_amount(text) for text in seen[1] if _amount(text) is not None] == sorted(amounts)
    assert table.evaluate(names) == before
    page.evaluate("ids => ids.forEach(id => { document.getElementById(id).open = false })", folds)
    assert page.problems == []


def test_a_print_shows_every_figure_whole_and_light(opened: Opened) -> None:
    """Printed from a dark screen on A4, each figure stands whole on one page, ink on white."""
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed")
    page = opened.page
    page.emulate_media(color_scheme="dark")
    page.evaluate(FRAMED, OUTLINE)
    document = pdfium.PdfDocument(
        io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True))
    )
    sheets = [sheet.render(scale=1).to_numpy()[:, :, ::-1] for sheet in document]
    for sheet in sheets:
        assert sheet.shape[:2] == (842, 595)
        assert (sheet.mean(axis=2) > 200).mean() > 0.6
    for number in range(_figures(opened)):
        seen = [sheet for sheet in sheets if _framed(sheet, number).any()]
        assert len(seen) == 1, f"figure {number + 1} stands on {len(seen)} sheets"
        _check_whole(seen[0], number)


def test_printed_tables_can_be_read(opened: Opened) -> None:
    """With all folds open: no letter below 7.5 points, none off the sheet, no word broken."""
    page = opened.page
    folds = page.evaluate("[...document.querySelectorAll('details')].map(fold => fold.open)")
    page.evaluate(UNFOLD)
    page.set_viewport_size({"width": PAPER, "height": 800})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    try:
        assert page.evaluate("document.documentElement.scrollWidth") == PAPER
        assert page.evaluate(SMALL) == []
        assert page.evaluate(BROKEN) == []
    finally:
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.evaluate(
            """was => document.querySelectorAll('details').forEach(
            (fold, at) => { fold.open = was[at] })""", folds,
        )  # fmt: skip


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_everybody_can_read_the_page(opened: Opened, scheme: str) -> None:
    """Axe finds nothing serious or critical, with all folds open, in light and in dark."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe is not installed")
    page = opened.page
    page.emulate_media(color_scheme=scheme)
    if not page.evaluate("'axe' in window"):
        page.evaluate(UNFOLD)
        page.evaluate(THINNED)
        page.evaluate(axe.AXE_SCRIPT)
    told = page.evaluate("axe.run('[data-one]', {runOnly: ['color-contrast']})")
    assert sum(len(one["nodes"]) for one in told["passes"]) > 10
    grave = told["violations"]
    if scheme == "light":  # what no shade changes
        rules = "{resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}}}"
        grave = grave + page.evaluate(f"axe.run({rules})")["violations"]
    assert [
        (one["id"], node["html"][:200])
        for one in grave
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ] == []


def _figures(opened: Opened) -> int:
    """Count the figures that the notebook's cells for readers show."""
    if opened.name == "index":
        return 0
    return sum(
        PLOTLY in output.get("data", {})
        for cell in opened.notebook()["cells"]
        if cell["cell_type"] == "code" and not MACHINERY & set(cell["metadata"].get("tags", []))
        for output in cell["outputs"]
    )


def _amount(text: str) -> float | None:
    """Read a cell's number as the page's script does; None for a dash."""
    found = re.search(r"[-−]?\d[\d,]*(\.\d+)?", text)
    if not found:
        return None
    value = float(found[0].replace(",", "").replace("−", "-"))
    return value - 1e-9 if text.startswith("<") else value


def _framed(sheet: np.ndarray, number: int) -> np.ndarray:
    return (sheet == (255, 0, 255 - 8 * number)).all(axis=2)


def _check_whole(sheet: np.ndarray, number: int) -> None:
    """Find all four sides of a figure's frame on one sheet, ink inside, margins around."""
    frame = _framed(sheet, number)
    rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    for side in (
        frame[top, left : right + 1], frame[bottom, left : right + 1],
        frame[top : bottom + 1, left], frame[top : bottom + 1, right],
    ):  # fmt: skip
        assert side.mean() > 0.98, f"a side of figure {number + 1} is cut"
    height, width = frame.shape
    assert min(top, left, height - 1 - bottom, width - 1 - right) >= PAPER_MARGIN
    inside = sheet[top + OUTLINE : bottom - OUTLINE, left + OUTLINE : right - OUTLINE].mean(axis=2)
    assert inside[0, 0] > 250
    assert (inside < 128).any()
