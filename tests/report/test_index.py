"""The index of a run: every notebook, its headline, and failures shown as failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cs_models.report import index, results

MANIFEST: dict[str, Any] = {
    "run_id": "run-1",
    "status": "complete",
    "as_of": "2026-06-30",
    "started_at": "2026-07-01T06:00:00+00:00",
    "software": {"python": "3.11.7", "packages": {"cs-models": "0.1.0", "ruff": "1"}},
    "notebooks": {
        "02_adoption_thresholds": {"status": "ok", "duration_seconds": 21.4},
        "00_data_readiness": {"status": "ok", "seconds": 5},
    },
}


def _run(folder: Path, headline: str = "It is so.") -> Path:
    for name in MANIFEST["notebooks"]:
        (folder / name).mkdir(parents=True)
        (folder / name / "report.html").write_text("x")
        (folder / name / "executed.ipynb").write_text("{}")
        results.save(
            folder / name, headline=f"{headline} ({name})", as_of="2026-06-30", counts={},
            findings=[results.Finding("a", "s")],
        )  # fmt: skip
    results.write_table(folder / "02_adoption_thresholds", "below", pd.DataFrame({"a": [1]}))
    return folder


def _page(folder: Path, manifest: dict[str, Any]) -> str:
    index.write(folder, manifest)
    text = (folder / "index.html").read_text(encoding="utf-8")
    return re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_a_whole_run_lists_every_notebook_with_its_headline(tmp_path: Path) -> None:
    """Date, notebooks in order, headlines, links to pages and tables, versions; no script."""
    text = _page(_run(tmp_path), MANIFEST)
    assert "Complete: 2 of 2 notebooks." in text
    assert text.index("Data readiness") < text.index("Adoption thresholds")
    assert "It is so. (02_adoption_thresholds)" in text
    assert 'href="02_adoption_thresholds/report.html"' in text
    assert 'href="02_adoption_thresholds/tables/below.csv"' in text
    assert "Python 3.11.7, cs-models 0.1.0" in text
    assert "<script" not in text


def test_every_link_leads_to_a_file(tmp_path: Path) -> None:
    """A relative link of the index is a file of the run."""
    text = _page(_run(tmp_path), MANIFEST)
    found = re.findall(r'href="([^"]+)"', text)
    links = [link for link in found if link[0] not in "#d" and link != "../index.html"]
    assert links
    assert all((tmp_path / link).is_file() for link in links)


def test_a_failed_notebook_is_shown_as_failed_with_its_reason(tmp_path: Path) -> None:
    """No headline, no page: the reason, and the notebook as it stopped."""
    manifest = {
        **MANIFEST, "status": "failed",
        "notebooks": {
            **MANIFEST["notebooks"],
            "02_adoption_thresholds": {"status": "failed", "reason": "cell 7: no churn\n  in 2024"},
        },
    }  # fmt: skip
    text = _page(_run(tmp_path), manifest)
    assert "Failed: 1 of 2 notebooks finished." in text
    assert "cell 7: no churn\n  in 2024" in text
    assert "(02_adoption_thresholds)" not in text
    assert 'href="02_adoption_thresholds/report.html"' not in text
    assert 'href="02_adoption_thresholds/executed.ipynb"' in text
    assert "(00_data_readiness)" in text


@pytest.mark.parametrize(
    ("status", "notebooks", "outcome"),
    [
        ("running", {"a": {"status": "ok"}}, "Complete: 1 of 1 notebooks."),
        ("running", {"a": {"status": "running"}}, "Not complete: 0 of 1 notebooks finished."),
        ("complete", {"a": {}}, "Not complete: 0 of 1 notebooks finished."),
        ("complete", {"a": None}, "Not complete: 0 of 1 notebooks finished."),
        ("interrupted", {"a": {"status": "ok"}}, "Interrupted: 1 of 1 notebooks finished."),
        (None, {"a": {"status": "ok"}}, "Unknown: 1 of 1 notebooks finished."),
        ("complete", {}, "Not complete: 0 of 0 notebooks finished."),
    ],
)
def test_only_a_run_whose_notebooks_all_finished_is_complete(
    tmp_path: Path, status: str | None, notebooks: dict[str, Any], outcome: str
) -> None:
    """What the manifest does not say is never taken for success."""
    assert outcome in _page(tmp_path, {"status": status, "notebooks": notebooks})


def test_an_empty_manifest_still_makes_a_page(tmp_path: Path) -> None:
    """A run that broke before it knew anything has an index that says so."""
    text = _page(tmp_path, {})
    assert "No notebook ran." in text
    assert "Unknown: 0 of 0" in text


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"headline": null}'])
def test_a_torn_result_costs_its_headline_only(tmp_path: Path, torn: str) -> None:
    """A results.json that cannot be read leaves the entry without a headline."""
    folder = _run(tmp_path)
    (folder / "00_data_readiness" / "results.json").write_text(torn)
    text = _page(folder, MANIFEST)
    assert "(00_data_readiness)" not in text
    assert "(02_adoption_thresholds)" in text


@pytest.mark.browser
def test_hostile_headlines_run_nothing(
    open_page: Callable[..., Any], hostile_names: tuple[str, ...], tmp_path: Path
) -> None:
    """Headlines, reasons and notebook names are text, on a phone too."""
    everything = " ".join(hostile_names)
    folder = _run(tmp_path, headline=everything)
    manifest = {
        **MANIFEST, "run_id": everything, "reason": everything,
        "notebooks": {**MANIFEST["notebooks"], hostile_names[0]: {"reason": everything}},
    }  # fmt: skip
    index.write(folder, manifest)
    page = open_page((folder / "index.html").read_text(encoding="utf-8"), width=360)
    assert page.evaluate("window.X") is None
    assert page.asked == {}
    assert page.problems == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert hostile_names[2] in page.locator(".headline").first.inner_text()


def test_a_long_headline_is_cut_at_a_sentence(tmp_path: Path) -> None:
    """The index keeps whole sentences, says that there is more, and the page has the rest."""
    first, second = "A first sentence of 12.5 points.", "Then " + "more " * 100 + "of it."
    text = _page(_run(tmp_path, f"{first} Then a second. {second}"), MANIFEST)
    assert f"{first} Then a second. …" in text
    assert "more more" not in text
