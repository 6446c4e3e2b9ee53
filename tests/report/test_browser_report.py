"""The exported page in a real browser: offline, drawn, readable, and deaf to hostile data."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from cs_models.report import html, theme, values
from cs_models.report.page import blocks

pytestmark = pytest.mark.browser

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def page_text(good: nbformat.NotebookNode, run_facts: dict[str, Any]) -> str:
    return html.page(good, run=run_facts)


@pytest.fixture(scope="module")
def wide(open_page: Callable[..., Any], page_text: str) -> Any:
    """Return a good page on a wide, light screen, opened once."""
    return open_page(page_text)


@pytest.fixture(scope="module")
def hostile_page(open_page: Callable[..., Any], hostile: nbformat.NotebookNode) -> Any:
    """Return a page whose every name is hostile, on a phone, opened once."""
    return open_page(html.page(hostile), width=360)


def test_a_page_draws_every_figure_and_asks_for_nothing(
    wide: Any, good: nbformat.NotebookNode
) -> None:
    """Every figure of the notebook is drawn, with no request and no complaint."""
    figures = len(blocks.read(good).exhibits)
    assert figures == 3
    assert wide.locator(".chart.js-plotly-plot").count() == figures
    assert wide.locator(".chart.undrawn").count() == 0
    for chart in wide.locator(".chart").all():
        box = chart.locator(".main-svg").first.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 200
    assert wide.asked == {}
    assert wide.problems == []


def test_no_code_is_on_the_page(wide: Any) -> None:
    """What a reader can see, select or find holds no code of the notebook."""
    assert "secret_code" not in wide.content()


def test_a_number_leads_to_what_made_it(wide: Any, until: Callable[..., None]) -> None:
    """A link to a folded table opens it."""
    table = wide.locator("#table-rates table")
    assert not table.is_visible()
    wide.evaluate("location.hash = '#table-rates'")
    until(wide, "document.querySelector('#table-rates').open")
    assert table.is_visible()
    wide.locator(".the-answer a", has_text="43 customers").click()
    assert wide.evaluate("location.hash") == "#table-accounts"
    assert wide.locator("#table-accounts").is_visible()


def test_contents_links_lead_somewhere(wide: Any) -> None:
    """Every link within the page has its target on the page."""
    lost = wide.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute("href"))
        .filter(href => !document.getElementById(href.slice(1)))"""
    )
    assert lost == []
    assert wide.locator(".contents a").count() == 5


def test_long_tables_unfold_by_keyboard(wide: Any) -> None:
    """Fifteen rows show; Enter on the summary shows all of them, and Enter again folds."""
    shown = "[...document.querySelectorAll('#table-accounts tbody tr')].filter(r => r.offsetHeight)"
    assert wide.evaluate(f"{shown}.length") == 15
    wide.locator("#table-accounts summary").focus()
    wide.keyboard.press("Enter")
    assert wide.evaluate(f"{shown}.length") == 43
    wide.keyboard.press("Enter")
    assert wide.evaluate(f"{shown}.length") == 15


def test_native_sliders_move(wide: Any, until: Callable[..., None]) -> None:
    """A click on a figure's own slider changes the figure, under the policy."""
    opacity = "document.querySelector('#chart-2').data[0].opacity"
    assert wide.evaluate(opacity) is None
    rail = wide.locator(".slider-rail-touch-rect").first
    rail.scroll_into_view_if_needed()
    box = rail.bounding_box()
    wide.mouse.click(box["x"] + box["width"] * 0.98, box["y"] + box["height"] / 2)
    until(wide, f"{opacity} === 1")
    assert wide.problems == []


def test_a_phone_never_scrolls_sideways(open_page: Callable[..., Any], page_text: str) -> None:
    """At 360 px the page is as wide as the screen; wide tables scroll in their own box."""
    page = open_page(page_text, width=360)
    for fold in page.locator("details").all():
        fold.evaluate("box => { box.open = true }")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].some(s => s.scrollWidth > s.clientWidth)"
    )
    # Axis titles break their lines instead of being cut.
    titles = page.evaluate(
        """[...document.querySelectorAll(".xtitle")].map(title => {
        const box = title.closest(".chart").getBoundingClientRect()
        const words = title.getBoundingClientRect()
        return words.left >= box.left && words.right <= box.right })"""
    )
    assert titles == [True, True]


def test_figures_follow_the_screen_and_the_paper(
    open_page: Callable[..., Any], page_text: str, until: Callable[..., None]
) -> None:
    """Dark shades on a dark screen, light ones on paper no wider than A4, light ones in the light."""  # noqa: E501
    page = open_page(page_text, scheme="dark")
    colour = "document.querySelector('.chart').data[0].marker.color"
    tick = "getComputedStyle(document.querySelector('.chart .xtick text')).fill"
    assert page.evaluate(colour) == theme.DARK["above"]
    assert page.evaluate(tick) == _rgb(theme.DARK["muted"])
    page.evaluate(
        """addEventListener("beforeprint", () => { window.seen =
        [...document.querySelectorAll(".chart")].map(chart =>
        [+chart.querySelector(".main-svg").getAttribute("width"), chart._fullLayout.font.color])})
        """
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page.evaluate("window.seen") == [[640, theme.LIGHT["ink"]]] * 3
    until(page, "+document.querySelector('.main-svg').getAttribute('width') > 640")
    assert page.evaluate(colour) == theme.DARK["above"]
    page.emulate_media(color_scheme="light")
    until(page, f"{colour} === '{theme.LIGHT['above']}'")
    assert page.evaluate(tick) == _rgb(theme.LIGHT["muted"])
    assert page.problems == []


def test_nothing_is_wider_than_the_paper(hostile_page: Any, wide: Any) -> None:
    """A table wider than A4 would make the browser shrink every page of the print."""
    for page in (wide, hostile_page):
        page.set_viewport_size({"width": 658, "height": 900})
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        try:
            assert page.evaluate("document.documentElement.scrollWidth") == 658
        finally:
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            page.emulate_media(media="screen")
            page.set_viewport_size({"width": 1280 if page is wide else 360, "height": 800})


def test_hostile_names_run_nothing(hostile_page: Any, hostile_names: tuple[str, ...]) -> None:
    """Scripts in names never run, load nothing, and the names stand on the page as typed."""
    page = hostile_page
    page.wait_for_timeout(200)
    assert page.evaluate("window.X") is None
    assert page.asked == {}
    assert page.problems == []
    assert page.locator(".chart.js-plotly-plot").count() == 1
    shown = page.evaluate(
        "[...document.querySelectorAll('#table-names tbody tr')].map(r => r.cells[0].textContent)"
    )
    assert shown == [*(values.shortened(name) for name in hostile_names), "–"]
    assert page.locator("main script:not([type]), main iframe, main img, main link").count() == 0


def test_figures_show_names_as_typed(hostile_page: Any) -> None:
    """A literal text is drawn by plotly with its markup as characters."""
    ticks = hostile_page.locator(".ytick text").all_text_contents()
    assert "<script>window.X=1</script>" in ticks
    assert "مؤسسة الأفق <b>" in ticks


def test_hostile_names_widen_no_page(hostile_page: Any) -> None:
    """Three thousand letters without a space do not make a phone scroll sideways."""
    assert hostile_page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("guarded", [True, False])
def test_the_policy_stops_what_escaping_missed(
    open_page: Callable[..., Any], page_text: str, guarded: bool
) -> None:
    """With markup injected into the page itself nothing runs; without the policy it does."""
    injected = (
        "<script>window.X=1</script><img src='https://attack.example/x.png' onerror='window.X=1'>"
        "<a id=evil onclick='window.X=1'>x</a><style>h1{display:none}</style></main>"
    )
    text = page_text.replace("</main>", injected, 1)
    page = open_page(text if guarded else POLICY.sub("", text))
    page.locator("#evil").dispatch_event("click")
    assert page.evaluate("window.X") == (None if guarded else 1)
    assert page.locator("h1").is_visible() is guarded
    assert page.locator(".chart.js-plotly-plot").count() == 3
    # Chromium reports what the policy stops as a request that never left.
    reason = page.asked["https://attack.example/x.png"]
    assert (reason == "csp") is guarded


def _rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))
