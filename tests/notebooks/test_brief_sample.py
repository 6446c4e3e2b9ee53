"""The brief of the sample: composed last, its links lead somewhere, the index leads with it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cs_models.run import parameters

BRIEF = "08_leadership_brief"


@pytest.fixture(scope="module")
def results(run_folder: Path) -> dict[str, Any]:
    """Return what the brief saved."""
    content: dict[str, Any] = json.loads((run_folder / BRIEF / "results.json").read_text())
    return content


def test_the_brief_is_made_after_all_that_it_reads(run_folder: Path) -> None:
    """No source was still at work when the brief began."""
    notebooks = json.loads((run_folder / "manifest.json").read_text())["notebooks"]
    began = datetime.fromisoformat(notebooks[BRIEF]["started_at"])
    for name in parameters.SECTIONS["leadership_brief"].reads:
        own = notebooks[name]
        ended = datetime.fromisoformat(own["started_at"])
        ended += timedelta(seconds=own["duration_seconds"] - 0.1)
        assert ended <= began, name


def test_every_source_is_used_and_nothing_is_missing(results: dict[str, Any]) -> None:
    """In a run of all notebooks the brief rests on all of them."""
    assert {row["state"] for row in results["sources"]} == {"used"}
    assert results["counts"] == {"n_sources": 8, "n_unused": 0}


def test_every_number_leads_to_a_place_on_another_page(run_folder: Path) -> None:
    """Each link of the brief that leaves it names a page of the run and an id that is there."""
    page = (run_folder / BRIEF / "report.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="(\.\./\d\d_\w+/report\.html)#([\w-]+)"', page))
    assert len(links) > 8
    for path, anchor in links:
        target = (run_folder / BRIEF / path).resolve()
        assert re.search(rf'id="?{anchor}["\s>]', target.read_text(encoding="utf-8")), (
            path,
            anchor,
        )


def test_the_brief_says_what_its_sources_saved(run_folder: Path, results: dict[str, Any]) -> None:
    """Values are those of the notebook that found them, digit for digit."""
    saved = {finding["id"]: finding for finding in results["findings"]}
    source = json.loads((run_folder / "06_renewal_outlook" / "results.json").read_text())
    kept = next(finding for finding in source["findings"] if finding["id"] == "kept")
    own = saved["06_renewal_outlook-kept"]
    assert [own[key] for key in ("value", "low", "high", "n", "statement")] == [
        kept[key] for key in ("value", "low", "high", "n", "statement")
    ]
    listed = {row["name"]: row for row in source["lists"]}
    assert results["lists"]
    assert all(row["n"] == listed[row["name"]]["n"] > 0 for row in results["lists"])


def test_the_index_leads_with_the_brief(run_folder: Path) -> None:
    """Leadership opens the index and meets the brief first."""
    index = (run_folder / "index.html").read_text(encoding="utf-8")
    pages = re.findall(r'href="(\d\d_\w+)/report\.html"', index)
    assert pages[0] == BRIEF and len(set(pages)) == 9
