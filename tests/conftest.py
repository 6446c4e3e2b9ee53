"""Fixtures shared by all floors."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

# jsonschema, below nbformat, builds the grammar of international web addresses when it is imported:
# seconds of a core in every worker for a check that nothing here needs.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

PROJECT_ROOT = Path(__file__).resolve().parent.parent

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
]  # fmt: skip

# Side by side, one worker begins with the only run of all notebooks while the others work off the
# files that take longest; whoever else reads that run comes last, and need not wait for it.
FIRST = (
    "notebooks/test_sample_report.py",
    "notebooks/test_hostile_world.py",
    "notebooks/test_missing_tables.py",
    "lab/test_by_hand.py",
    "lab/test_jupyterlab.py",
    "run/test_failures.py",
    "learn/test_churn_recovery.py",
    "run/test_runs_index.py",
    "report/test_browser_report.py",
    "run/test_scoring.py",
    "run/test_good_run.py",
    "run/test_interruption.py",
    "data/test_snapshot.py",
    "features/test_relations_guards.py",
    "features/test_panel.py",
    "learn/test_simulations.py",
    "features/test_guards.py",
    "report/test_journey_report.py",
    "report/test_measures_report.py",
    "data/test_time.py",
    "learn/test_churn.py",
    "run/test_scheduling_doc.py",
    "report/test_page_browser.py",
    "features/test_daily.py",
    "features/test_kept_panel.py",
    "report/test_satisfaction_report.py",
    "learn/test_champions.py",
    "learn/test_person_value.py",
    "learn/test_calendar.py",
    "data/test_outcomes.py",
    "run/test_notices.py",
    "learn/test_lists_simulated.py",
    "learn/test_measure_laws.py",
    "data/test_source_files.py",
    "data/test_identifiers.py",
    "learn/test_journey.py",
    "features/test_cohort.py",
    "report/test_adoption_counts.py",
    "report/test_survival_report.py",
    "learn/test_fit.py",
)
# Of those that read the run of all notebooks, the longest: ten pages in a browser.
PAGES = "notebooks/test_pages_sample.py"


# What a name in somebody's CRM may hold (reliability.md F1).  Each tries to set window.X.
HOSTILE_NAMES = (
    "</script><script>window.X=1</script>",
    "<script>window.X=1</script>",
    "<img src=x onerror=window.X=1>",
    "<svg onload=window.X=1>",
    "<svg><script>window.X=1</script></svg>",
    "<iframe srcdoc='<script>parent.window.X=1</script>'></iframe>",
    "<body onload=window.X=1>",
    "<details open ontoggle=window.X=1>",
    "<style>@import 'https://attack.example/x.css';</style>",
    "<link rel=stylesheet href=https://attack.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://attack.example'>",
    "<base href=https://attack.example/>",
    "<!--<script>",
    "--><script>window.X=1</script>",
    '" onmouseover="window.X=1',
    "' autofocus onfocus='window.X=1",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:window.X=1",
    "[x](javascript:window.X=1)",
    "<a href='javascript:window.X=1'>x</a>",
    "```mermaid\ngraph TD; A[<img src=x onerror=window.X=1>]\n```",
    "$\\unicode{<img src=x onerror=window.X=1>}$",
    "\u202egnp.\u202dexe ltr",
    "مؤسسة الأفق <b>",
    '=HYPERLINK("https://attack.example","x")',
    "\u2028window.X=1//\u2029",
    "</style><style>*{display:none}</style>",
    "</title><script>window.X=1</script>",
    "![p](https://attack.example/p.png) **bold**",
    "&lt;b&gt; &amp;amp; &#60;",
    "<b>bold</b><br>second line<sub>x</sub>",
    "%{x} %{customdata[0]}<extra></extra>",
    'O\'Neill "quoted" \\ back\\n `tick`',
    "Z\u0335\u0321a\u0334\u0322lgo \U0001f469\u200d\U0001f4bb \U0001f3f4",
    "zero\u200bwidth\u200d\ufeffjoined \u200fmark",
    "bell\u0007 escape\u001b[31m end",
    "N" * 3000,
)


def _place(item: pytest.Item) -> int:
    name = item.path.relative_to(PROJECT_ROOT / "tests").as_posix()
    if name in FIRST:
        return FIRST.index(name)
    return len(FIRST) + name.startswith("notebooks/") * (1 + (name != PAGES))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what waits for the run of all notebooks; put long files first where workers share."""
    for item in items:
        if "run_folder" in getattr(item, "fixturenames", ()):
            item.add_marker("sample_run")
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make, not again and again among all that was imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder that holds notebooks/ and parameters/."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for ``with kept.within(kept_folder)``: the committed sample is read once.

    All tests of a session share it, those of other workers too.  Only what a fixture prepares may
    be asked for within it: whatever a test is about must be worked out by the test.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "kept"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tenth(project_root: Path, kept_folder: Path) -> Any:
    """Return the records of a tenth of the sample's customers, as a run reads them.

    What all columns are is as in the sample, and there is enough of it for laws that hold of any
    history; it is written and read once for all workers.
    """
    import duckdb

    from cs_models import kept
    from cs_models.data import sources

    def write(folder: Path) -> bool:
        folder.mkdir()
        for file in sorted((project_root / "data/sample").glob("*.parquet")):
            some = f"SELECT * FROM '{file}' WHERE account_id LIKE '%3'"
            if file.stem == "accounts":  # nearly all parents stand in the other nine tenths
                some = some.replace("*", "* REPLACE (NULL::VARCHAR AS parent_account_id)")
            duckdb.execute(f"COPY ({some}) TO '{folder / file.name}' (FORMAT parquet)")
        return True

    with kept.within(kept_folder):
        folder = kept.once("a tenth of the sample", write)
        assert folder is not None
        return sources.read(sources.Source(path=str(folder)), as_of=date(2026, 6, 30))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of third-party data beside the project, or skip."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"third-party data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def hostile_names() -> tuple[str, ...]:
    """Return names that try to run code, to load something, or to break the page."""
    return HOSTILE_NAMES


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a headless Chromium driven by Playwright, or skip with the reason."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium on the path (looked for {', '.join(CHROMIUM_NAMES)})")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visit(chromium: Any, see_all: Callable[[Any], None]) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a file with the network off and records all the page does.

    The page gets ``asked`` (requests beyond itself, with the reason each was stopped for) and
    ``problems`` (all that the console is told, uncaught exceptions) as attributes.
    """
    contexts = []

    def visit_(path: Path, *, width: int = 1280, scheme: str = "light") -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.asked, page.problems = {}, []
        page.on("request", lambda asked: page.asked.update({asked.url: ""}))
        page.on("requestfailed", lambda asked: page.asked.update({asked.url: asked.failure}))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        # plotly warns by console.trace: whatever is said is a problem.
        page.on("console", lambda said: page.problems.append(f"{said.type}: {said.text}"))
        page.goto(path.as_uri())
        del page.asked[path.as_uri()]
        see_all(page)
        return page

    yield visit_
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def open_page(
    visit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Return a function that opens a page's text as ``visit`` opens a file."""
    folder = tmp_path_factory.mktemp("pages")

    def open_(text: str, *, width: int = 1280, scheme: str = "light") -> Any:
        path = folder / f"page-{len(list(folder.iterdir()))}.html"
        path.write_text(text, encoding="utf-8")
        return visit(path, width=width, scheme=scheme)

    return open_


# Drawn as wide as its box is by now, or given up with words in its place.
DRAWN = """box => { const svg = box.querySelector('.main-svg')
  const share = svg ? svg.getAttribute('width') / box.clientWidth : 0
  return box.classList.contains('undrawn') || (share > 0.9 && share < 1.01) }"""


@pytest.fixture(scope="session")
def see_all() -> Callable[[Any], None]:
    """Return a function that scrolls to every figure and waits until each is drawn or given up."""

    def see_all_(page: Any) -> None:
        for chart in page.locator(".chart").element_handles():
            chart.scroll_into_view_if_needed()
            deadline = time.monotonic() + 30
            while not chart.evaluate(DRAWN):
                assert time.monotonic() < deadline, f"never drawn: {chart.get_attribute('id')}"
                page.wait_for_timeout(10)
        page.evaluate("scrollTo(0, 0)")

    return see_all_


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Return a function that waits until an expression holds on a page.

    Playwright's own needs ``eval``, which the page's policy refuses.
    """

    def until_(page: Any, expression: str, *, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true on the page: {expression}"
            page.wait_for_timeout(25)

    return until_
