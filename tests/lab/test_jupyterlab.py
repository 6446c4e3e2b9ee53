"""JupyterLab as a person uses it: the start page, notebook 02 with its knobs, the export."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cs_models import cli
from cs_models.report import display
from cs_models.run.reading import run_file

pytestmark = [pytest.mark.browser, pytest.mark.notebook, pytest.mark.long]

Open = Callable[[str], Any]
THRESHOLDS = "02_adoption_thresholds.ipynb"


@pytest.fixture(scope="module")
def after_run() -> dict[str, Any]:
    """Return what later tests read of the notebook that was run."""
    return {}


def _get(lab: Any, path: str, *, token: bool = True) -> Any:
    head = {"Authorization": f"token {lab.token}"} if token else {}
    return urllib.request.urlopen(urllib.request.Request(lab.address + path, headers=head))


def test_the_form_writes_a_file_that_a_run_accepts(
    lab: Any, opened: Open, run_all: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """On the start page a person fills in the form, writes a run file, and `check` accepts it."""
    page = opened("start.ipynb")
    run_all(page, wait=False)
    path = page.get_by_label("path *")
    path.fill("data/small")
    path.press("Tab")
    day = page.get_by_label("as_of *")
    day.fill("2026-06-30")
    day.press("Tab")
    # A section is opened by keyboard, and a wrong value says why beside its field.
    section = page.locator(".cs-fold", has_text="adoption_thresholds")
    section.focus()
    section.press("Enter")
    level = page.get_by_label("landmark_days").first
    level.fill("5000")
    level.press("Tab")
    page.get_by_text("adoption_thresholds.landmark_days is not allowed as it stands").wait_for()
    level.fill("60")
    level.press("Tab")
    page.locator(".cs-wrong").first.wait_for(state="detached")
    page.get_by_role("button", name="Write the run file").click()
    page.get_by_text("Written: parameters/mine.yml").wait_for()
    written = lab.project / "parameters/mine.yml"
    assert run_file.load(written).common.source.path == "data/small"
    monkeypatch.chdir(lab.project)
    assert cli.call(["check", str(written)]) == 0
    assert "subscriptions" in capsys.readouterr().out
    assert "landmark_days: 60  # 14 to 180 days" in written.read_text()


def test_a_knob_moves_the_figure_and_the_numbers(
    opened: Open, run_all: Callable[..., None], explorer_of: Callable[..., Any],
    after_run: dict[str, Any],
) -> None:  # fmt: skip
    """Notebook 02 runs to its end; an arrow key on the level's slider changes figure and words."""
    page = opened(THRESHOLDS)
    run_all(page)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    after_run["saved"] = True
    explorer = explorer_of(page, "threshold")
    figure = explorer.locator("svg.main-svg").first
    figure.wait_for()
    before = explorer.inner_text(), figure.inner_html()
    handle = explorer.locator(".noUi-handle").first
    handle.focus()
    for _ in range(5):
        handle.press("ArrowRight")
    page.wait_for_function(
        """([words, drawn]) => {
          const box = document.querySelector('.cs-explorer-threshold');
          const figure = box?.querySelector('svg.main-svg');
          return figure && box.innerText !== words && figure.innerHTML !== drawn;
        }""",
        arg=list(before),
    )
    assert re.findall(r"\d+", explorer.inner_text()) != re.findall(r"\d+", before[0])


def test_the_export_menu_makes_the_whole_page(
    lab: Any, chromium: Any, after_run: dict[str, Any], tmp_path: Path
) -> None:
    """What JupyterLab exports as cs_report is the offline page of the notebook, whole."""
    if not after_run:
        pytest.skip("notebook 02 did not run")
    assert "cs_report" in json.load(_get(lab, "/api/nbconvert"))
    with _get(lab, f"/nbconvert/cs_report/notebooks/{THRESHOLDS}?download=true") as answer:
        assert "attachment" in answer.headers["Content-Disposition"]
        page_file = tmp_path / "page.html"
        page_file.write_bytes(answer.read())
    html = page_file.read_text(encoding="utf-8")
    assert "cs_models.run" not in html  # no code
    assert "application/vnd.jupyter.widget" not in html
    window = chromium.new_context(offline=True)
    page = window.new_page()
    page.goto(page_file.as_uri())
    n_figures = page.locator("figure").count()
    assert n_figures == _figures_of(lab.project / "notebooks" / THRESHOLDS) > 0
    page.wait_for_function(
        "n => document.querySelectorAll('figure svg.main-svg').length >= n", arg=n_figures
    )
    window.close()


def test_the_report_page_stands_in_the_file_menu_in_words(opened: Open) -> None:
    """The File menu offers the page by a name that says what it is, and saves it."""
    page = opened(THRESHOLDS)
    page.get_by_role("menuitem", name="File", exact=True).click()
    item = page.get_by_role("menuitem", name="Save and Export as a Report Page")
    with page.expect_download() as download:
        item.click()
    assert download.value.suggested_filename == THRESHOLDS.replace(".ipynb", ".html")


def _figures_of(path: Path) -> int:
    """Count the figures that a notebook shows outside of its cells with knobs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    seen = [c for c in cells if "interactive" not in c["metadata"].get("tags", [])]
    outputs = [output for cell in seen for output in cell.get("outputs", [])]
    return sum(display.EXHIBIT in output.get("data", {}) for output in outputs)


def test_a_page_of_cells_that_did_not_run_says_so(lab: Any) -> None:
    """A notebook nobody ran can be exported too, and its page says that it is not finished."""
    (lab.project / "notebooks/part.ipynb").write_bytes(
        (Path(__file__).parents[2] / "notebooks" / THRESHOLDS).read_bytes()
    )
    with _get(lab, "/nbconvert/cs_report/notebooks/part.ipynb") as answer:
        assert 'class="unfinished"' in answer.read().decode()


def test_the_token_is_asked_for_and_stays_out_of_the_tree(lab: Any) -> None:
    """Without the token nothing is given out; no file of the project holds it."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(lab, "/api/contents", token=False)
    assert refused.value.code == 403
    files = [path for path in lab.project.rglob("*") if path.is_file()]
    assert files
    assert not any(lab.token.encode() in path.read_bytes() for path in files)


def test_nothing_outside_this_machine_is_asked(lab: Any, asked: list[str]) -> None:
    """Neither news nor versions nor anything else is asked of another host, or offered."""
    hosts = {host for host in asked if host}
    assert hosts <= {lab.address.removeprefix("http://")}
    settings = "/lab/api/settings/@jupyterlab/apputils-extension:notification"
    told = json.load(_get(lab, settings))
    defaults = {name: part["default"] for name, part in told["schema"]["properties"].items()}
    assert defaults["fetchNews"] == "false"
    assert defaults["checkForUpdates"] is False
    with _get(lab, "/lab") as page:
        assert '"news": {"disabled": true}' in page.read().decode()


def test_make_lab_opens_the_start_page_with_these_settings(project_root: Path) -> None:
    """What is tested here is what `make lab` starts."""
    target = (project_root / "Makefile").read_text(encoding="utf-8").partition("\nlab:")[2]
    target = target.partition("\n\n")[0]
    assert "--config=.jupyter/jupyter_lab_config.py" in target
    assert "notebooks/start.ipynb" in target
    assert "token" not in target.partition("\n")[2].lower()
