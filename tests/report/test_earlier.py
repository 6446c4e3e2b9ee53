"""What earlier reports said is read whole or not at all, and never stops a report of today."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cs_models.report import earlier

TODAY = date(2026, 6, 30)
SOURCE = {"path": "data/sample"}
SAID = {
    "account_id": "a-1", "subscription_id": "s-1", "term_end": "2026-05-01", "arr": 1000,
    "p_churn": 0.4, "p_low": 0.3, "p_high": 0.5, "account_name": "Extra words do no harm",
}  # fmt: skip
QUARTER = {
    "quarter": "2026-04-01", "label": "2026 Q2", "due_arr": 1000, "grr_p10": 0.7, "grr_p50": 0.8,
    "grr_p90": 0.9, "nrr_p10": 0.7, "nrr_p50": 0.8, "nrr_p90": 0.9, "arr_at_risk": 200,
    "loss_p90": 400,
}  # fmt: skip
DUE = {
    "quarter": "2026-04-01", "account_id": "a-1", "subscription_id": "s-1",
    "term_end": "2026-05-01", "arr": 1000, "n_renewals": 1,
}  # fmt: skip


def write_run(
    folder: Path,
    name: str,
    as_of: str = "2026-03-31",
    *,
    warnings: Any = None,
    forecasts: Any = None,
    **changed: Any,
) -> Path:
    """Write a run with both notebooks into a folder of reports; return the run's folder."""
    run = folder / name
    told = {
        earlier.WARNINGS: {"said": [SAID]} if warnings is None else warnings,
        earlier.FORECASTS: {"forecast": [QUARTER], "due": [DUE]} if forecasts is None
        else forecasts,
    }  # fmt: skip
    notebooks = {}
    for notebook, content in told.items():
        path = run / notebook / "results.json"
        path.parent.mkdir(parents=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        notebooks[notebook] = {"status": "ok", "artefacts": {"results.json": digest}}
    manifest = {
        "run_id": name, "status": "complete", "as_of": as_of,
        "started_at": f"{as_of}T06:00:00+00:00", "notebooks": notebooks,
        "parameters": {notebook: {"source": {"path": "data/sample"}} for notebook in told},
    } | changed  # fmt: skip
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def read(folder: Path | None, **changed: Any) -> earlier.Earlier:
    """Read a folder as of today."""
    return earlier.read(folder, **({"as_of": TODAY, "source": SOURCE} | changed))


def verdicts(found: earlier.Earlier) -> dict[str, str]:
    """Return the verdict of each run by name."""
    return dict(zip(found.runs["run_id"], found.runs["verdict"], strict=True))


def test_what_was_said_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Each run's warnings, forecasts and due contracts come back, with the run's day."""
    write_run(tmp_path, "one")
    write_run(tmp_path, "two", "2026-04-07")
    found = read(tmp_path)
    assert found.n_read == 2
    assert found.said["run_id"].tolist() == ["one", "two"]
    assert found.said.loc[0, "p_churn"] == 0.4
    assert str(found.said.loc[0, "as_of"].date()) == "2026-03-31"
    assert found.forecast.loc[1, "grr_p50"] == 0.8
    assert found.due.loc[0, "subscription_id"] == "s-1"
    assert list(found.said.columns) == list(earlier.SAID_COLUMNS)


@pytest.mark.parametrize("folder", [None, Path("there/is/nothing")])
def test_no_folder_holds_no_earlier_reports(folder: Path | None) -> None:
    """In the lab, and before the first run, there is nothing, in frames with their columns."""
    found = read(folder)
    assert found.n_read == 0
    assert found.runs.empty
    assert list(found.forecast.columns) == list(earlier.FORECAST_COLUMNS)


def test_latest_is_not_counted_again_and_the_own_run_not_at_all(tmp_path: Path) -> None:
    """A link is no run; the run that reads does not judge itself."""
    write_run(tmp_path, "one")
    own = write_run(tmp_path, "own", "2026-04-07")
    (tmp_path / "latest").symlink_to("one")
    found = read(tmp_path, own=own / "07_backtest")
    assert verdicts(found) == {"one": earlier.READ}
    assert len(found.said) == 1


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"status": "failed"}, earlier.UNFINISHED),
        ({"status": "running"}, earlier.UNFINISHED),
        ({"as_of": "2026-06-30"}, earlier.LATER),
        ({"as_of": "2026-07-07"}, earlier.LATER),
        ({"notebooks": {}}, earlier.SILENT),
        ({"notebooks": {earlier.WARNINGS: {"status": "failed"}}}, earlier.SILENT),
        ({"parameters": {}}, earlier.OTHER),
        ({"parameters": {earlier.WARNINGS: {"source": {"path": "data/other"}}}}, earlier.OTHER),
        ({"parameters": {earlier.WARNINGS: {"source": {"path": "data/sample",
          "naive_timezone": "Europe/Berlin"}}}}, earlier.OTHER),
        ({"as_of": "once upon a time"}, earlier.DAMAGED),
        ({"notebooks": [1, 2]}, earlier.DAMAGED),
    ],
)  # fmt: skip
def test_a_run_that_takes_no_part_is_named_with_its_reason(
    tmp_path: Path, changed: dict[str, Any], verdict: str
) -> None:
    """Unfinished, later, foreign, silent and damaged runs say nothing and are told apart."""
    write_run(tmp_path, "good")
    write_run(tmp_path, "odd", **({"as_of": "2026-02-28"} | changed))
    found = read(tmp_path)
    assert verdicts(found) == {"good": earlier.READ, "odd": verdict}
    assert set(found.said["run_id"]) == {"good"}
    assert set(found.due["run_id"]) == {"good"}


@pytest.mark.parametrize(
    "warnings",
    [
        "{", "[]", "null", '{"said": [{"p_churn": NaN}]}', '{"said": 3}', "[" * 100_000,
        {"said": [SAID | {"p_churn": 1.5}]}, {"said": [SAID | {"term_end": "soon"}]},
        {"said": [{"account_id": "a"}]}, {"headline": "no warnings in it"}, "\x00\xff",
        {"said": [SAID | {"p_churn": "<script>"}]},
    ],
)  # fmt: skip
def test_a_damaged_file_is_counted_and_never_stops_the_report(
    tmp_path: Path, warnings: Any
) -> None:
    """Whatever stands in the file, the run is called damaged and the others are read."""
    write_run(tmp_path, "good")
    write_run(tmp_path, "bad", "2026-02-28", warnings=warnings)
    found = read(tmp_path)
    assert verdicts(found)["bad"] == earlier.DAMAGED
    assert set(found.forecast["run_id"]) == {"good"}


def test_a_result_changed_by_hand_is_not_what_was_said(tmp_path: Path) -> None:
    """A results.json whose hash is not that of the manifest is refused."""
    run = write_run(tmp_path, "one")
    path = run / earlier.WARNINGS / "results.json"
    path.write_text(path.read_text().replace("0.4", "0.9"))
    assert verdicts(read(tmp_path)) == {"one": earlier.DAMAGED}


def test_a_missing_result_and_a_foreign_folder_are_no_reports(tmp_path: Path) -> None:
    """A run without its file is damaged; a folder without a manifest is not looked at."""
    run = write_run(tmp_path, "one")
    (run / earlier.FORECASTS / "results.json").unlink()
    (tmp_path / "holiday pictures").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert verdicts(read(tmp_path)) == {"one": earlier.DAMAGED}


def test_of_several_reports_of_one_day_the_last_counts(tmp_path: Path) -> None:
    """A day that was reported twice is judged once, by the report made last."""
    write_run(tmp_path, "b-first", started_at="2026-04-01T05:00:00+00:00")
    write_run(tmp_path, "a-second", started_at="2026-04-01T09:00:00+00:00")
    found = read(tmp_path)
    assert verdicts(found) == {"b-first": earlier.REPEATED, "a-second": earlier.READ}
    assert found.said["run_id"].tolist() == ["a-second"]


def test_the_place_may_be_told_from_the_project_or_from_the_root(tmp_path: Path) -> None:
    """A path that a manifest shows from the project's folder is the same place."""
    write_run(tmp_path, "one")
    assert read(tmp_path, source={"path": "/home/me/project/data/sample"}).n_read == 1
    assert read(tmp_path, source={"path": "./data/sample/"}).n_read == 1
    assert read(tmp_path, source={"path": "/home/me/project/data/sample2"}).n_read == 0
    assert read(tmp_path, source={"no": "path"}).n_read == 0


def test_a_run_with_one_of_the_two_notebooks_is_read_for_it(tmp_path: Path) -> None:
    """A forecast alone is judged; its run is said to hold no warnings."""
    write_run(tmp_path, "one", warnings={"said": []})
    found = read(tmp_path)
    assert found.n_read == 1
    assert found.said.empty
    assert len(found.forecast) == 1
