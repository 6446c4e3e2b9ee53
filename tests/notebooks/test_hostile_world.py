"""A world whose every name attacks the page, through all notebooks, their exports and the index.

What a company's own records may hold (``reliability.md`` F1) stands wherever the contract takes
free text: accounts, segments, regions, industries, plans, channels, managers, features, steps and
ids.  The notebooks run in this process; their pages are opened in a real browser.
"""

from __future__ import annotations

import contextlib
import csv
import html as markup
import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cs_models import kept
from cs_models.data import simulate
from cs_models.report import html, index, values

pytestmark = [pytest.mark.notebook, pytest.mark.browser, pytest.mark.sample_run]

NOTEBOOKS = sorted(
    file.stem for file in (Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb")
)
N_ACCOUNTS = 150
PHONE = 360
TABLE = "application/vnd.cs-models.table+json"
STATEMENT = "application/vnd.cs-models.statement+json"
EXHIBIT = "application/vnd.cs-models.exhibit+json"
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
# Column by column, and with which name each column begins: those with few values still see many.
FREE = {
    "accounts": {
        "account_name": 0, "segment": 1, "industry": 4, "region": 2, "plan": 8, "csm_id": 16,
        "acquisition_channel": 28,
    },
    "subscriptions": {"plan": 8},
    "events": {"feature": 13},
    "milestones": {"milestone": 27},
}  # fmt: skip
IDS = {
    "accounts": ("account_id", "parent_account_id"),
    "users": ("account_id", "user_id", "person_id"),
    "subscriptions": ("account_id", "subscription_id"),
    "events": ("account_id", "user_id"),
    "tickets": ("account_id", "user_id", "ticket_id"),
    "surveys": ("account_id", "user_id", "survey_id"),
    "touchpoints": ("account_id", "user_id", "touchpoint_id"),
    "milestones": ("account_id",),
}
# Elements that only markup from the data could have made.
FOREIGN = (
    "main script:not([type]), iframe, img, object, embed, meta[http-equiv=refresh], base, "
    "body link, body style:not([id^=plotly]), [onload], [onerror], [onmouseover], [onfocus], "
    "[ontoggle], a[href^=javascript]"
)


@dataclass
class Page:
    """One page: its text, what its notebook shows, and the browser's tab it is open in."""

    text: str
    tab: Any
    shown: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def run(
    project_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    play: Callable[..., Any],
    hostile_names: tuple[str, ...],
) -> Iterator[tuple[Path, dict[str, dict[str, Any]]]]:
    """Run all notebooks on the hostile world; return the run's folder and executed notebooks."""
    base = tmp_path_factory.mktemp("hostile")
    simulate.write(base / "world", scenario="step-by-segment", n_accounts=N_ACCOUNTS, seed=4)
    (base / "world/checksums.json").unlink()
    for table in IDS:
        _rename(base / "world" / f"{table}.parquet", table, hostile_names)
    (base / "kept").mkdir()
    with pytest.MonkeyPatch.context() as patch, kept.within(base / "kept"):
        patch.chdir(project_root)
        played = play(base / "world", base / "run")
    yield base / "run", {name: _executed(cells) for name, cells in played.items()}


@pytest.fixture(scope="module", params=["index", *NOTEBOOKS])
def page(
    request: pytest.FixtureRequest,
    run: tuple[Path, dict[str, dict[str, Any]]],
    visit: Callable[..., Any],
) -> Iterator[Page]:
    """Open one page of the run after the other, on a phone."""
    folder, notebooks = run
    name = request.param
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if name == "index":
        index.write(folder, manifest)
        file, shown = folder / "index.html", {}
    else:
        file, shown = folder / name / "report.html", _outputs(notebooks[name])
        file.write_text(html.page(notebooks[name], run=manifest), encoding="utf-8")
    tab = visit(file, width=PHONE)
    yield Page(file.read_text(encoding="utf-8"), tab, shown)
    tab.context.close()


def test_nothing_runs_and_nothing_is_asked(page: Page) -> None:
    """No script of a name runs, nothing is loaded, no element is made, every figure is drawn."""
    tab = page.tab
    tab.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    for kind in ("mouseover", "focus"):
        tab.evaluate(
            "kind => document.querySelectorAll('main *').forEach(one => "
            "one.dispatchEvent(new Event(kind)))",
            kind,
        )
    tab.wait_for_timeout(100)
    assert tab.evaluate("window.X") is None
    assert tab.asked == {}
    # Names as wide as the phone let plotly give up making room for them: no fault of a reader's.
    assert [one for one in tab.problems if "auto-margin redraws" not in one] == []
    assert tab.locator(FOREIGN).count() == 0
    assert tab.locator(".undrawn").count() == 0
    assert tab.locator(".chart.js-plotly-plot").count() == len(page.shown.get(EXHIBIT, ()))


def test_names_do_not_widen_the_page(page: Page) -> None:
    """With all folds open no name makes a phone scroll sideways."""
    page.tab.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    assert page.tab.evaluate("document.documentElement.scrollWidth") == PHONE


def test_sentences_and_tables_show_names_as_typed(
    page: Page, hostile_names: tuple[str, ...]
) -> None:
    """Every sentence, title and cell with a hostile name reads letter by letter as it was made."""
    if not page.shown:
        pytest.skip("the index shows no objects of its own")
    seen = page.tab.evaluate("document.querySelector('main').textContent")
    for one in page.shown.get(STATEMENT, ()):
        assert "".join(part["text"] for part in one["parts"]) in seen
    cells = set(
        page.tab.evaluate(  # the page's own line breaks between rows belong to no name
            "[...document.querySelectorAll('td, tbody th')]"
            ".map(cell => cell.textContent.replace(/\\n$/, ''))"
        )
    )
    tables = page.shown.get(TABLE, []) + [one["table"] for one in page.shown.get(EXHIBIT, ())]
    typed = {cell for table in tables for row in table["rows"] for cell in row if _is(cell)}
    names = _kept(hostile_names)
    assert {cell for cell in typed if any(name in cell for name in names)} <= cells
    for one in [*tables, *page.shown.get(EXHIBIT, ())]:
        assert one["title"] in seen


def test_figures_read_no_markup_in_names(page: Page, hostile_names: tuple[str, ...]) -> None:
    """A name in a figure is escaped as plotly wants it, and drawn on its axis as typed."""
    tempting = [name for name in _kept(hostile_names) if re.search("[<&]|%{", name)]
    for number, exhibit in enumerate(page.shown.get(EXHIBIT, ()), start=1):
        for path, text in _texts(exhibit["figure"]):
            taken = [name for name in tempting if name in text]
            assert taken == [], f"{exhibit['id']} {path}: {text[:200]!r}"
        words = page.tab.evaluate(
            f"[...document.querySelectorAll('#chart-{number} text')].map(t => t.textContent)"
        )
        ticks = {
            markup.unescape(text)
            for path, text in _texts(exhibit["figure"])
            if re.search(r"\.(ticktext|y)\.\d+$", path) and "&lt;" in text and "<br>" not in text
        }
        assert not ticks or ticks & set(words), f"{exhibit['id']}: {sorted(ticks)[:3]}"


def test_every_kind_of_attack_reached_a_page(
    run: tuple[Path, dict[str, dict[str, Any]]], hostile_names: tuple[str, ...]
) -> None:
    """Each hostile name stands in some sentence, table or figure of the nine notebooks."""
    said = json.dumps([_outputs(one) for one in run[1].values()], ensure_ascii=False)
    lost = [
        name
        for name in map(values.shortened, hostile_names)
        if json.dumps(name, ensure_ascii=False)[1:-1] not in said
    ]
    assert lost == []


def test_tables_for_spreadsheets_hold_no_formula(
    run: tuple[Path, dict[str, dict[str, Any]]],
) -> None:
    """In every CSV of the run no text begins as a formula does."""
    files = sorted(run[0].glob("*/tables/*.csv"))
    assert len(files) > 10
    for path in files:
        with path.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        begun = [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]
        assert [cell for cell in begun if not _is_number(cell)] == [], path.name


def test_the_names_are_live_and_the_policy_holds_where_escaping_fails(
    run: tuple[Path, dict[str, dict[str, Any]]],
    chromium: Any,
    hostile_names: tuple[str, ...],
    tmp_path: Path,
) -> None:
    """Unescaped, the same names run and ask on a bare page; under the policy they do not run."""
    file = tmp_path / "page.html"
    ran, asked = set(), set()
    for name in hostile_names:
        file.write_text(f"<!doctype html><meta charset=utf-8><main>{name}</main>", "utf-8")
        runs, asks = _lived(chromium, file)
        ran |= {name} if runs else set()
        asked |= {name} if asks else set()
    assert len(ran) >= 8
    assert len(asked) >= 3
    live = "<img src=x onerror=window.X=1>"
    text = html.page(run[1]["02_adoption_thresholds"])
    broken = text.replace(markup.escape(live), live)
    assert broken != text
    file.write_text(broken, encoding="utf-8")
    assert not _lived(chromium, file, seconds=3)[0]
    file.write_text(POLICY.sub("", broken), encoding="utf-8")
    assert _lived(chromium, file, seconds=30)[0]


def _lived(chromium: Any, file: Path, *, seconds: float = 0.15) -> tuple[bool, bool]:
    """Open a file without a network; tell whether a name ran and whether one asked for anything.

    A name may lead the browser away: what ran before must be told as it happens.
    """
    context = chromium.new_context(offline=True)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.add_init_script("Object.defineProperty(window, 'X', {set() { console.log('ran') }})")
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri(), wait_until="commit")
    # A busy machine takes its time to read the page; a name may have led the browser away.
    with contextlib.suppress(Exception):
        page.wait_for_load_state("load", timeout=10_000)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and "ran" not in said:
        page.wait_for_timeout(50)
    context.close()
    return "ran" in said, any("attack.example" in url for url in asked)


def _rename(path: Path, table: str, hostile: tuple[str, ...]) -> None:
    """Put hostile names into all free text of a table, and before all its ids."""
    frame = pd.read_parquet(path)
    for column, first in FREE.get(table, {}).items():
        known = sorted(frame[column].dropna().unique())
        frame[column] = frame[column].map(
            {old: hostile[(first + n) % len(hostile)] for n, old in enumerate(known)}
        )
    short = [name for name in hostile if len(name) < 100]
    for column in IDS[table]:
        known = frame[column].dropna().unique()
        # The same old id becomes the same new one in every table.
        frame[column] = frame[column].map({
            old: f"{short[int(re.sub(r'[^0-9]', '', old)) % len(short)]} {old}" for old in known
        })  # fmt: skip
    frame.to_parquet(path, index=False)


def _executed(cells: list[tuple[dict[str, Any], list[Any] | None]]) -> dict[str, Any]:
    """Return what a kernel would have left of the cells: an executed notebook."""
    made = []
    for cell, items in cells:
        done = {**cell, "source": "".join(cell["source"])}
        if cell["cell_type"] == "code":
            bundles = [item._repr_mimebundle_() for item in items or ()]
            done["execution_count"] = 1
            done["outputs"] = [
                {"output_type": "display_data", "metadata": {}, "data": json.loads(json.dumps(one))}
                for one in bundles
            ]
        made.append(done)
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _outputs(notebook: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the sentences, tables and figures of a notebook."""
    found: dict[str, list[dict[str, Any]]] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            for mimetype in (STATEMENT, TABLE, EXHIBIT):
                if mimetype in output["data"]:
                    found.setdefault(mimetype, []).append(output["data"][mimetype])
    return found


def _texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, item in node.items():
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(node, list):
        for key, item in enumerate(node):
            yield from _texts(item, f"{path}.{key}")


def _kept(names: tuple[str, ...]) -> list[str]:
    """Return names as the contract keeps them."""
    return [unicodedata.normalize("NFC", name).strip() for name in names]


def _is(cell: object) -> bool:
    return isinstance(cell, str)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
