"""The index over all runs: how each ended in words, why, and what stands now."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cs_models import files
from cs_models.report import over_runs

BRIEF = "08_leadership_brief"


def _run(
    reports: Path, name: str, status: str = "complete", *, headline: str = "", **known: Any
) -> Path:
    """Write a run; with a headline, a brief that says it."""
    folder = reports / name
    folder.mkdir(parents=True)
    moment = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:{name[13:15]}+00:00"
    noted: dict[str, Any] = {
        "run_id": name, "status": status, "as_of": "2026-06-30", "started_at": moment,
        "parameters_file": "parameters/weekly.yml", "duration_seconds": 153.2, "notebooks": {},
        **known,
    }  # fmt: skip
    if headline:
        text = json.dumps({"headline": headline, "findings": []}).encode()
        (folder / BRIEF).mkdir()
        (folder / BRIEF / "results.json").write_bytes(text)
        (folder / BRIEF / "report.html").write_text("x")
        digest = hashlib.sha256(text).hexdigest()
        noted["notebooks"][BRIEF] = {"status": "ok", "artefacts": {"results.json": digest}}
    (folder / "manifest.json").write_text(json.dumps(noted))
    (folder / "index.html").write_text("x")
    return folder


def _page(reports: Path) -> str:
    assert over_runs.write(reports)
    text = (reports / "index.html").read_text(encoding="utf-8")
    return re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def _entry(text: str, name: str) -> str:
    return re.search(rf'<li class="is-\w+" id="{name}">.*?\n</li>', text, re.DOTALL).group()


def test_runs_stand_newest_first_with_their_end_in_words(tmp_path: Path) -> None:
    """Status is a word, beside day, duration, run file, headline and pages."""
    _run(tmp_path, "20260601-060000-weekly", headline="It was so.")
    _run(tmp_path, "20260608-060000-weekly", "interrupted", reason="interrupted by a signal")
    _run(tmp_path, "20260615-060000-weekly", "running", duration_seconds=None)
    (tmp_path / "latest").symlink_to("20260601-060000-weekly")
    text = _page(tmp_path)
    order = [text.index(f'id="202606{day}') for day in ("15", "08", "01")]
    assert order == sorted(order)
    assert "3 runs: 1 complete, 1 interrupted, 1 running, the first on 1 June 2026" in text
    first = _entry(text, "20260601-060000-weekly")
    for words in (
        '<a href="20260601-060000-weekly/index.html">1 June 2026, 06:00 UTC</a>', ">Complete<",
        "data as of 30 June 2026", "took 2 min 33 s", "parameters/weekly.yml", "It was so.",
        "shown by latest", f'href="20260601-060000-weekly/{BRIEF}/report.html">Leadership brief<',
    ):  # fmt: skip
        assert words in first
    assert ">Interrupted<" in _entry(text, "20260608-060000-weekly")
    assert ">Running<" in _entry(text, "20260615-060000-weekly")
    assert "it had not ended when this page was written" in text
    assert "<script" not in text


def test_a_failed_run_is_visible_as_failed_with_its_reason_and_notebook(tmp_path: Path) -> None:
    """In words, with the notebook that failed, and what stands instead."""
    _run(tmp_path, "20260601-060000-weekly", headline="It was so.")
    (tmp_path / "latest").symlink_to("20260601-060000-weekly")
    _run(
        tmp_path, "20260608-060000-weekly", "failed", reason="02_adoption_thresholds: no column",
        notebooks={"02_adoption_thresholds": {"status": "failed", "reason": "no column <b>"},
                   "00_data_readiness": {"status": "ok"}},
    )  # fmt: skip
    text = _page(tmp_path)
    entry = _entry(text, "20260608-060000-weekly")
    assert ">Failed<" in entry
    assert "<dt>Adoption thresholds</dt><dd>no column &lt;b&gt;</dd>" in entry
    assert "The newest run, of 8 June 2026, 06:00 UTC: it failed." in text
    assert "The report that stands</a> looks back from 30 June 2026; it was made on 1 June" in (
        text
    )


PAGES = {name: {"status": "ok"} for name in ("00_data_readiness", "06_renewal_outlook")}


@pytest.mark.parametrize(
    ("known", "word", "why"),
    [
        ({"notebooks": {"00_data_readiness": {"status": "ok"}}}, "1 of 3 pages",
         "it has 1 of the 3 pages shown now."),
        ({"notebooks": PAGES, "headline": "In March.", "as_of": "2026-03-31"}, "Complete",
         "it looks back from 31 March 2026, not from 30 June 2026."),
    ],
)  # fmt: skip
def test_a_newer_run_that_would_take_a_page_or_a_day_is_listed_with_why(
    tmp_path: Path, known: dict[str, Any], word: str, why: str
) -> None:
    """What stands now is what latest shows; the newer one is said, linked and not "Complete"."""
    _run(tmp_path, "20260601-060000-weekly", headline="It was so.", notebooks=dict(PAGES))
    _run(tmp_path, "20260608-060000-weekly", **{**known, "notebooks": dict(known["notebooks"])})
    (tmp_path / "latest").symlink_to("20260601-060000-weekly")
    text = _page(tmp_path)
    now = re.search(r'<section class="now".*?</section>', text, re.DOTALL).group()
    assert "It was so." in now
    assert '<a href="#20260608-060000-weekly">A newer run, of 8 June 2026, 06:00 UTC</a>' in now
    assert why in now
    assert f'<span class="word">{word}</span>' in _entry(text, "20260608-060000-weekly")


def test_a_run_of_some_of_the_projects_pages_is_not_called_complete(tmp_path: Path) -> None:
    """The first run of all, of two pages of the nine that there are, says so where it stands."""
    nine = [f"0{number}_page" for number in range(9)]
    _run(tmp_path, "20260601-060000-weekly", notebooks=dict(PAGES), all_notebooks=nine)
    (tmp_path / "latest").symlink_to("20260601-060000-weekly")
    text = _page(tmp_path)
    assert "it was made on 1 June 2026, 06:00 UTC and has 2 of 9 pages." in text
    assert "1 run: 1 with some of the pages" in text
    assert ">Complete<" not in text


def test_what_cannot_be_read_is_named_and_breaks_nothing(tmp_path: Path) -> None:
    """Torn, foreign, empty and old: named with why; the good run stands as it was."""
    good = _run(tmp_path, "20260601-060000-weekly", headline="It was so.")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_text('{"run_id": ')
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text('{"status": "complete", "notebooks": {}}')
    (tmp_path / "empty").mkdir()
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "manifest.json").write_text((good / "manifest.json").read_text())
    (tmp_path / "a-file").write_text("x")
    text = _page(tmp_path)
    assert "1 run: 1 complete" in text
    assert "<strong>torn</strong>: its manifest is damaged" in text
    assert "<strong>old</strong>: its manifest is damaged, or of a form not known here" in text
    assert "<strong>empty</strong>: it holds no manifest.json" in text
    assert "<strong>copied</strong>: its manifest is that of another run" in text
    assert "a-file" not in text


def test_a_headline_that_was_changed_since_is_not_shown(tmp_path: Path) -> None:
    """What the manifest does not vouch for is not read."""
    folder = _run(tmp_path, "20260601-060000-weekly", headline="It was so.")
    (folder / BRIEF / "results.json").write_text('{"headline": "All is well."}')
    text = _page(tmp_path)
    assert "All is well." not in text
    assert "It was so." not in text


def test_of_hundreds_of_runs_only_the_newest_are_shown_in_full(tmp_path: Path) -> None:
    """The others are a line each, folded by year, and counted."""
    for year in (2024, 2025, 2026):
        for day in range(1, 29):
            status = "failed" if day == 3 else "complete"
            _run(tmp_path, f"{year}01{day:02d}-060000-weekly", status, headline=f"Of {year}.")
    text = _page(tmp_path)
    assert text.count('<li class="is-') == over_runs.NEWEST
    assert re.search(r"2024 <.*?24 runs: 23 complete, 1 failed", text)
    assert "Of 2024." in text  # the last of that year are among the newest
    assert 'href="20240101-060000-weekly/index.html"' in text


def test_an_empty_folder_has_a_page_that_says_so(tmp_path: Path) -> None:
    """Before the first run."""
    text = _page(tmp_path)
    assert "0 runs" in text
    assert "No run is complete yet" in text


def test_somebody_elses_page_is_left_alone(tmp_path: Path) -> None:
    """An index.html that this project did not write is not overwritten; its own is."""
    (tmp_path / "index.html").write_text("my home page")
    assert not over_runs.write(tmp_path)
    assert (tmp_path / "index.html").read_text() == "my home page"
    (tmp_path / "index.html").unlink()
    assert over_runs.write(tmp_path)
    assert over_runs.write(tmp_path)


def test_the_page_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full while it is written leaves the page before, and no other file."""
    _run(tmp_path, "20260601-060000-weekly", headline="It was so.")
    before = _page(tmp_path)
    _run(tmp_path, "20260608-060000-weekly", headline="It is so.")

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(OSError, match="No space"):
        over_runs.write(tmp_path)
    monkeypatch.undo()
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL) == before
    assert not list(tmp_path.glob(f"*{files.TEMPORARY_SUFFIX}"))


@pytest.mark.browser
def test_hostile_runs_run_nothing(
    open_page: Callable[..., Any], hostile_names: tuple[str, ...], tmp_path: Path
) -> None:
    """Headlines, reasons, run files and folders' names are text, on a phone too."""
    everything = " ".join(hostile_names)
    _run(tmp_path, "20260601-060000-weekly", headline=everything, parameters_file=everything)
    _run(
        tmp_path, "20260608-060000-weekly", "failed", reason=everything,
        notebooks={hostile_names[0]: {"status": "failed", "reason": everything}},
    )  # fmt: skip
    (tmp_path / "<img src=x onerror=window.X=1>").mkdir()
    over_runs.write(tmp_path)
    page = open_page((tmp_path / "index.html").read_text(encoding="utf-8"), width=360)
    assert page.evaluate("window.X") is None
    assert page.asked == {}
    assert page.problems == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360
