"""A notice says which run readers of `latest` see, where it is not the one that it tells of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cs_models import errors
from cs_models.run import ending, manifest, notices, publish
from cs_models.run.terminal.signals import Guard


class _Heard(notices.Notifier):
    """Whoever is told, without anything sent."""

    def __init__(self) -> None:
        super().__init__("always", [], "")
        self.got: list[notices.Outcome] = []

    def tell(self, outcome: notices.Outcome, *, seconds: float) -> list[str]:
        assert seconds > 0
        self.got.append(outcome)
        return []


def _run(reports: Path, day: int, pages: int, as_of: str = "2026-06-30") -> Path:
    folder = reports / f"202607{day:02d}-060000-weekly"
    folder.mkdir()
    noted = {
        "run_id": folder.name, "status": "complete", "as_of": as_of,
        "parameters_file": "parameters/weekly.yml",
        "notebooks": {f"0{place}_page": {"status": "ok"} for place in range(pages)},
        "started_at": f"2026-07-{day:02d}T06:00:00+00:00",
    }  # fmt: skip
    (folder / manifest.FILE_NAME).write_text(json.dumps(noted))
    return folder


def _ended(reports: Path, folder: Path | None, error: Exception | None = None) -> notices.Outcome:
    """Return what is told of a run that ended so."""
    heard = _Heard()
    end = ending.End("parameters/weekly.yml", heard)
    try:
        with end.told(Guard(), print):
            end.writes_to(reports)
            if folder is not None:
                record = manifest.Manifest.__new__(manifest.Manifest)
                record.folder = folder
                end.began(record, str)
            if error is not None:
                raise error
            assert folder is not None
            publish.show(reports, folder, print, anyway=False)
    except errors.CsModelsError:
        pass
    (outcome,) = heard.got
    return outcome


def test_a_finished_run_that_latest_does_not_show_says_so_and_why(tmp_path: Path) -> None:
    """Two of four pages, or an earlier day: subject and text say that another run is shown."""
    publish.point_latest(tmp_path, _run(tmp_path, 1, 4))
    outcome = _ended(tmp_path, _run(tmp_path, 2, 2))
    assert notices.title(outcome).endswith("complete, latest shows another run")
    line = notices.body(outcome).splitlines()[-1]
    assert line == (
        "Latest still shows: 20260701-060000-weekly; this run has 2 of the 4 pages shown now"
    )
    outcome = _ended(tmp_path, _run(tmp_path, 3, 4, "2026-05-31"))
    assert "looks back from 31 May 2026" in notices.body(outcome).splitlines()[-1]


def test_a_finished_run_that_latest_shows_says_nothing_of_it(tmp_path: Path) -> None:
    """The usual end of a run: no line on latest."""
    publish.point_latest(tmp_path, _run(tmp_path, 1, 4))
    outcome = _ended(tmp_path, _run(tmp_path, 2, 4))
    assert publish.shown_by_latest(tmp_path) == "20260702-060000-weekly"
    assert "atest" not in notices.title(outcome) + notices.body(outcome)


@pytest.mark.parametrize("before", [True, False])
def test_a_refused_run_names_what_latest_shows_even_without_a_folder_of_its_own(
    tmp_path: Path, before: bool
) -> None:
    """Whatever stopped it, readers see the run before; or none, where there never was one."""
    if before:
        publish.point_latest(tmp_path, _run(tmp_path, 1, 4))
    outcome = _ended(tmp_path, None, errors.LockedError("another run is writing here"))
    line = notices.body(outcome).splitlines()[-1]
    told = "Latest still shows: 20260701-060000-weekly" if before else "Latest shows: no run yet"
    assert line == told
