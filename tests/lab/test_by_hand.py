"""Explorers turned by hand in a real JupyterLab, and a whole run from the start page to its end."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cs_models.run import form

pytestmark = [pytest.mark.browser, pytest.mark.notebook, pytest.mark.long]

Open = Callable[[str], Any]
Run = Callable[..., None]
Show = Callable[..., Any]

CHANGED = """([kind, words, drawn]) => {
  const box = document.querySelector(`.cs-explorer-${kind}`);
  const figure = box?.querySelector('svg.main-svg');
  const said = box?.querySelector('.cs-explorer-said')?.innerText;
  return figure && said && said !== words && figure.innerHTML !== drawn;
}"""

OTHER_CHANCE = """() => {
  const said = document.querySelector('.cs-explorer-what-if .cs-explorer-said').innerText;
  const [, now, own] = /would say ([\\d.]+)\\s?%.*? instead of ([\\d.]+)\\s?%/.exec(said) ?? [];
  return now && now !== own;
}"""


@pytest.fixture(scope="module")
def predictors(opened_once: Open, run_all: Run) -> Any:
    """Return notebook 03, run to its end."""
    page = opened_once("03_churn_predictors.ipynb")
    run_all(page)
    return page


def _turned(page: Any, explorer: Any, kind: str, turn: Callable[[], None]) -> tuple[str, str]:
    """Turn a knob; return the sentences before and after, once figure and sentences are new."""
    figure = explorer.locator("svg.main-svg").first
    figure.wait_for()
    said = explorer.locator(".cs-explorer-said")
    before = said.inner_text()
    arg = [kind, before, figure.inner_html()]
    turn()
    page.wait_for_function(CHANGED, arg=arg)
    return before, said.inner_text()


def _numbers(words: str) -> list[str]:
    return re.findall(r"\d[\d,.]*", words)


def _asked(lab: Any, place: str, heads: dict[str, str], *, known: bool = True) -> Any:
    """Ask as a browser does that has shown the token before, or never has."""
    host = urlsplit(lab.address).netloc
    asking = http.client.HTTPConnection(host)
    cookies = {}
    if known:
        asking.request("GET", f"/lab?token={lab.token}")
        answer = asking.getresponse()
        answer.read()
        given = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie")]
        cookies = {"Cookie": "; ".join(given)}
    asking.request("GET", place, headers={**heads, **cookies})
    return asking.getresponse()


def _step(slider: Any) -> None:
    """Move a slider by one step of an arrow key, in the way that is still open."""
    slider.focus()
    last = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
    slider.press("ArrowLeft" if last else "ArrowRight")


def test_more_calls_change_what_is_reached(predictors: Any, explorer_of: Show) -> None:
    """An arrow key on the number of calls moves the figure, the sentences and their numbers."""
    explorer = explorer_of(predictors, "capacity", 0)
    handle = explorer.locator(".noUi-handle").first
    before, after = _turned(predictors, explorer, "capacity", lambda: _step(handle))
    assert int(_numbers(after)[0]) == int(_numbers(before)[0]) + 1
    assert _numbers(after)[1:] != _numbers(before)[1:]


def test_another_customer_is_another_story(predictors: Any, explorer_of: Show) -> None:
    """A name chosen in the list, or a click on a row of the table, shows that customer."""
    explorer = explorer_of(predictors, "customer", 1)
    names = explorer.locator("select").last
    second = names.locator("option").nth(1).get_attribute("value").rpartition(" (")[0]
    before, after = _turned(
        predictors, explorer, "customer", lambda: names.select_option(index=1)
    )  # fmt: skip
    assert second in after
    assert second not in before
    row = explorer.locator("table.dataTable tbody tr").nth(4).locator("td").first
    clicked = row.inner_text()
    _, after = _turned(predictors, explorer, "customer", row.click)
    assert clicked in after


def test_moved_numbers_are_asked_of_the_model(predictors: Any, explorer_of: Show) -> None:
    """Numbers moved to their end: what the model would say instead, and that it is no forecast."""
    explorer = explorer_of(predictors, "what-if", 2)

    def to_the_end() -> None:
        for place in range(3):
            handle = explorer.locator(".noUi-handle").nth(place)
            handle.focus()
            low = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemin")
            handle.press("End" if low else "Home")

    before, _ = _turned(predictors, explorer, "what-if", to_the_end)
    assert "with its own numbers" in before
    predictors.wait_for_function(OTHER_CHANCE)
    assert "not what would happen" in explorer.locator(".cs-explorer-said").inner_text()


def test_fewer_months_are_looked_at(opened: Open, run_all: Run, explorer_of: Show) -> None:
    """In notebook 04 a year less redraws the curves and says how far is looked."""
    page = opened("04_time_to_churn.ipynb")
    run_all(page)
    explorer = explorer_of(page, "retention")
    handle = explorer.locator(".noUi-handle").first

    def year_less() -> None:
        handle.focus()
        for _ in range(12):
            handle.press("ArrowLeft")

    before, _ = _turned(page, explorer, "retention", year_less)
    page.wait_for_function(
        "() => document.querySelector('.cs-explorer-retention .widget-readout').innerText == "
        "/looking (\\d+) months/.exec("
        "document.querySelector('.cs-explorer-retention .cs-explorer-said').innerText)[1]"
    )
    far, near = (int(re.findall(r"(\d+) months ahead", words)[0]) for words in (
        before, explorer.locator(".cs-explorer-said").inner_text()))  # fmt: skip
    assert near == far - 12


def test_a_run_from_the_start_page_comes_to_its_good_end(
    lab: Any, opened: Open, run_all: Run, context: Any
) -> None:
    """Chosen, started and watched on the start page; the link opens the report, which leads on."""
    values = {"source": {"path": "data/small"}, "as_of": "2026-06-30"}
    form.write(values, Path(lab.project) / "parameters/few.yml")
    page = opened("start.ipynb")
    run_all(page, wait=False)
    which = page.get_by_label("Run file")
    which.fill("parameters/few.yml")
    which.press("Tab")
    page.get_by_label("Notebooks").select_option(label="00_data_readiness")
    page.locator(".cs-face button", has_text=re.compile(r"^\s*Run\s*$")).click()
    page.locator(".cs-states td.running").wait_for()
    page.get_by_text("Done.", exact=True).wait_for()
    assert page.locator(".cs-states td.ok").inner_text() == "done"
    with context.expect_page() as tab:
        page.get_by_role("link", name="Open the report in a tab of its own").last.click()
    report = tab.value
    report.get_by_role("link", name="Data readiness").first.click()
    report.wait_for_url("**/files/reports/*-few/00_data_readiness/report.html")
    report.locator("figure svg.main-svg").first.wait_for()
    report.locator('a[href="../index.html"]').first.click()
    report.wait_for_url("**/files/reports/*-few/index.html")
    # Out of the sandbox, a table can be saved.
    report.locator("summary", has_text="tables for a spreadsheet").first.click()
    with report.expect_download() as saved:
        report.locator('a[href$=".csv"]').first.click()
    assert saved.value.suggested_filename.endswith(".csv")
    report.close()


def test_a_report_is_given_to_who_goes_there_and_drawn_into_no_other_page(lab: Any) -> None:
    """A tab that goes to a report gets it, in a sandbox; a frame or a script of others does not."""
    folder = Path(lab.project) / "reports/20260101-000000-mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<p>mine</p>", encoding="utf-8")
    place = f"/files/reports/{folder.name}/index.html"
    tab = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    told = _asked(lab, place, tab)
    assert told.status == 200
    assert "sandbox allow-scripts" in told.headers["Content-Security-Policy"]
    assert "allow-same-origin" not in told.headers["Content-Security-Policy"]
    for others in ({}, {**tab, "Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors"}):
        assert _asked(lab, place, others).status == 403
    assert _asked(lab, "/files/parameters/sample.yml", tab).status == 403
    assert _asked(lab, place, tab, known=False).status in (302, 403)
