"""Old runs taken away: which go, which never do, and what is left to see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cs_models import cli, errors
from cs_models.run import publish, retention


def _run(reports: Path, day: int, status: str = "complete", of: str = "weekly") -> str:
    name = f"202606{day:02d}-060000-{of}"
    (reports / name).mkdir(parents=True)
    noted = {
        "run_id": name, "status": status, "as_of": "2026-05-31", "notebooks": {},
        "parameters_file": f"parameters/{of}.yml",
        "started_at": f"2026-06-{day:02d}T06:00:00+00:00",
    }  # fmt: skip
    (reports / name / "manifest.json").write_text(json.dumps(noted))
    return name


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Return a folder of six runs, the third failed, and of things that are no runs."""
    for day in range(1, 7):
        _run(tmp_path, day, "failed" if day == 3 else "complete")
    (tmp_path / "notes").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/manifest.json").write_text("{")
    (tmp_path / "latest").symlink_to("20260606-060000-weekly")
    return tmp_path


def _days(reports: Path) -> list[int]:
    return sorted(int(path.name[6:8]) for path in reports.glob("2026*"))


def test_runs_older_than_those_kept_go_and_nothing_else(reports: Path) -> None:
    """Three complete ones stay (6, 5, 4); folders that are no runs stay too."""
    gone = retention.prune(reports, 3)
    assert [name[6:8] for name in gone] == ["01", "02", "03"]
    assert _days(reports) == [4, 5, 6]
    assert (reports / "notes").is_dir()
    assert (reports / "torn").is_dir()
    assert "20260601" not in (reports / "index.html").read_text()
    assert retention.prune(reports, 3) == []


def test_a_failed_run_newer_than_one_that_stays_is_kept(reports: Path) -> None:
    """Four complete ones reach back to day 2: the failed day 3 stays to be read."""
    retention.prune(reports, 4)
    assert _days(reports) == [2, 3, 4, 5, 6]


def test_what_latest_shows_and_what_runs_are_never_taken(reports: Path) -> None:
    """Latest may point at an old run; a run may still be marked as running."""
    (reports / "latest").unlink()
    (reports / "latest").symlink_to("20260601-060000-weekly")
    path = reports / "20260602-060000-weekly/manifest.json"
    path.write_text(path.read_text().replace('"complete"', '"running"'))
    retention.prune(reports, 1)
    assert _days(reports) == [1, 2, 6]
    assert (reports / "latest").resolve().is_dir()


def test_fewer_runs_than_asked_for_lose_none(reports: Path) -> None:
    """With five complete runs, keeping six takes nothing away."""
    assert retention.prune(reports, 6) == []
    assert _days(reports) == [1, 2, 3, 4, 5, 6]


def test_a_dry_run_only_says(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints the names, and takes none."""
    words = ["prune", "--out", str(reports), "--keep", "5", "--dry-run"]
    assert cli.call(words) == 0
    assert capsys.readouterr().out == ""
    words[4] = "4"
    assert cli.call(words) == 0
    assert capsys.readouterr().out == "20260601-060000-weekly\n"
    assert _days(reports) == [1, 2, 3, 4, 5, 6]


def test_while_a_run_writes_there_nothing_is_taken(reports: Path) -> None:
    """The folder's lock is held: refused with the code of a held lock; no folder: refused."""
    with publish.lock(reports), pytest.raises(errors.LockedError):
        retention.prune(reports, 1)
    assert _days(reports) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(errors.ParameterError, match="no such folder"):
        retention.prune(reports / "nowhere", 1)
    assert not (reports / "nowhere").exists()


def test_what_a_killed_prune_left_out_of_sight_goes_with_the_next(reports: Path) -> None:
    """A run that was renamed and not yet deleted is deleted."""
    (reports / "20260601-060000-weekly").rename(reports / ".pruned-20260601-060000-weekly")
    retention.prune(reports, 5)
    assert not list(reports.glob(".pruned-*"))


def test_a_run_of_some_pages_pushes_no_whole_report_out(tmp_path: Path) -> None:
    """Runs of one notebook do not count among those to keep: the whole report stays."""
    for day in (1, 2, 3):
        path = tmp_path / _run(tmp_path, day) / "manifest.json"
        noted = json.loads(path.read_text())
        noted["all_notebooks"] = ["00_data_readiness"] if day > 1 else []
        path.write_text(json.dumps(noted))
    assert retention.old(tmp_path, 1) == []


def test_runs_of_one_run_file_push_no_run_of_another_out(tmp_path: Path) -> None:
    """Six daily runs and two weekly ones: two stay of each, whichever are newer."""
    for day in (1, 5):
        _run(tmp_path, day, of="weekly")
    for day in range(2, 8):
        _run(tmp_path, day, "failed" if day == 3 else "complete", of="daily")
    assert retention.old(tmp_path, 2) == [f"2026060{day}-060000-daily" for day in (2, 3, 4, 5)]
    assert retention.old(tmp_path, 1) == [
        "20260601-060000-weekly", *(f"2026060{day}-060000-daily" for day in (2, 3, 4, 5, 6)),
    ]  # fmt: skip
