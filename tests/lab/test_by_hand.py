"""Explorers turned by hand in a real JupyterLab, on the sample."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

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
