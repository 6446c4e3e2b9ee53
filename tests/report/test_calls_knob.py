"""The figure of calls: turned by plotly's own slider, and told in a table as well."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import nbformat
import pandas as pd
import pytest

from cs_models.report import html
from cs_models.report.display import Exhibit, Table
from cs_models.report.evidence.callers import Calls
from cs_models.report.exhibits import foretold
from cs_models.report.figures.calls import calls
from cs_models.report.page.figures import TRACE_TYPES

Maker = Callable[..., nbformat.NotebookNode]
NAMES = {"loss": "chance times ARR (this page's list)", "model": "highest chance", "arr": "largest"}
REACHED = (1, 8, 14, 26, 40, 163)
PHONE = 360
STICKING_OUT = """[...document.querySelectorAll('.chart')].flatMap(chart => {
  const box = chart.querySelector('.main-svg').getBoundingClientRect()
  return [...chart.querySelectorAll('.main-svg text')].filter(text => {
    const words = text.getBoundingClientRect()
    return words.width && (words.left < box.left - 2 || words.right > box.right + 2)
  }).map(text => text.textContent) })"""


@pytest.fixture(scope="module")
def curve() -> pd.DataFrame:
    """Return what each list holds at some numbers of calls: more calls, more of it."""
    rows = [
        {"ranking": name, "k": k, "arr_caught": (k / 163) ** bent, "share_called": k / 163}
        for name, bent in zip(NAMES, (0.3, 0.9, 0.4), strict=True)
        for k in REACHED
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("k", "active"), [(26, 3), (1, 0), (163, 5), (500, 5)])
def test_the_slider_begins_at_the_teams_own_calls(curve: pd.DataFrame, k: int, active: int) -> None:
    """Line, dots and words stand where the slider does, and every step moves them to its own."""
    figure = calls(curve, NAMES, k=k, knob=True)
    (slider,) = figure.layout.sliders
    assert slider.active == active
    assert [step.label for step in slider.steps] == [str(n) for n in REACHED]
    for place, step in enumerate(slider.steps):
        moved, laid, traces = step.args
        at = curve[curve["k"] == REACHED[place]].set_index("ranking")["arr_caught"]
        assert moved == {"x": [[REACHED[place]] * 3], "y": [at[list(NAMES)].tolist()]}
        assert laid["shapes[0].x0"] == laid["shapes[0].x1"] == REACHED[place]
        assert f"largest: {100 * at['arr']:.0f}\u202f%" in laid["annotations[0].text"]
        assert list(traces) == [len(figure.data) - 1]
    now = slider.steps[active].args
    assert list(figure.data[-1].x) == now[0]["x"][0]
    assert figure.layout.shapes[0].x0 == now[1]["shapes[0].x0"]
    assert figure.layout.annotations[0].text == now[1]["annotations[0].text"]
    assert {trace.type for trace in figure.data} <= TRACE_TYPES


def test_what_the_slider_tells_stands_in_a_table(curve: pd.DataFrame) -> None:
    """Who cannot turn a slider reads each of its places in a row; the explorer has its own knob."""
    at = pd.DataFrame(
        [{"ranking": name, "measure": measure, "value": 0.5, "low": 0.4, "high": 0.6,
          "ahead": 0.0, "ahead_low": 0.0, "ahead_high": 0.0, "n_called": 26}
         for name in NAMES for measure in ("precision", "recall", "arr_caught")]
    )  # fmt: skip
    worth = pd.DataFrame(columns=["name", "save_rate", "chosen", "n_called", "net_value"])
    found = Calls(at, curve, worth, k=26, n_quarters=11, everyone=False)
    learnt: Any = type("Learnt", (), {"better": True})()
    shown = foretold.calls(found, learnt, "USD")
    (table,) = [item for item in shown if isinstance(item, Table) and item.id == "calls-by-number"]
    assert [row[0] for row in table.rows] == list(REACHED)
    slider = next(i for i in shown if isinstance(i, Exhibit)).figure.layout.sliders[0]
    for row, step in zip(table.rows, slider.steps, strict=True):
        assert row[1:4] == pytest.approx(step.args[0]["y"][0])
    plain = foretold.calls(found, learnt, "USD", knob=False)
    assert not next(i for i in plain if isinstance(i, Exhibit)).figure.layout.sliders
    assert "calls-by-number" not in {getattr(item, "id", "") for item in plain}


@pytest.mark.browser
@pytest.mark.parametrize("width", [PHONE, 1280])
def test_a_turn_moves_line_dots_and_words(
    open_page: Callable[..., Any], until: Callable[..., None], notebook_of: Maker,
    markdown_cell: Maker, code_cell: Maker, curve: pd.DataFrame, width: int,
) -> None:  # fmt: skip
    """A press on the slider moves what is drawn; its words and labels stay inside the figure."""
    table = Table("e-t", "E", {}, [])
    figure = Exhibit("e", "E", calls(curve, NAMES, k=26, knob=True), table, "Lines.")
    page = open_page(html.page(notebook_of(markdown_cell("# Q"), code_cell(figure))), width=width)
    dots = (
        "[...document.querySelectorAll('.points path')].map(dot => dot.getAttribute('transform'))"
    )
    before = page.evaluate(dots)
    assert len(set(before)) == len(NAMES)
    assert "26 calls a quarter" in page.locator(".annotation").text_content()
    assert page.evaluate(STICKING_OUT) == []
    rail = page.locator(".slider-rail-touch-rect").first
    rail.scroll_into_view_if_needed()
    box = rail.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.02, box["y"] + box["height"] / 2)
    until(page, f"{dots}.join() !== {json.dumps(','.join(before))}")
    assert "1 calls a quarter" in page.locator(".annotation").text_content()
    assert page.evaluate(STICKING_OUT) == []
    assert page.problems == []
