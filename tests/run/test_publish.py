"""Run folders, the pointer to the newest complete one, and the lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_models import errors, files
from cs_models.run import manifest, publish

STARTED = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)


names = st.text(st.characters(codec="utf-8")) | st.sampled_from(["..", "../x", "/", "{x}"])


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=names)
def test_a_run_folder_stays_below_the_reports(tmp_path, name):
    """Whatever the run file is called, its run's folder is a child of the reports."""
    folder = publish.new_run(tmp_path, name, started=STARTED)
    assert folder.parent == tmp_path
    assert folder.resolve().parent == tmp_path.resolve()
    assert folder.name.startswith("20260701-083000-")
    folder.rmdir()


def test_two_runs_in_one_second_get_two_folders(tmp_path):
    """The second is numbered."""
    names = [publish.new_run(tmp_path, "weekly", started=STARTED).name for _ in range(3)]
    assert names == [f"20260701-083000-weekly{n}" for n in ("", "-2", "-3")]


@pytest.mark.parametrize("place", ["a/file", "a/file/below"])
def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path, place):
    """A file in the way is a wrong parameter, not a crash."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    with pytest.raises(errors.ParameterError, match="--out"):
        publish.open_folder(tmp_path / place)


def test_a_latest_that_is_not_ours_is_refused(tmp_path):
    """Somebody's own folder called latest is not replaced."""
    (tmp_path / "latest").mkdir()
    with pytest.raises(errors.ParameterError, match="latest"):
        publish.open_folder(tmp_path)


def test_latest_moves_in_one_step(tmp_path):
    """A reader that never stops looking sees the old page or the new one, and nothing else."""
    runs = [publish.new_run(tmp_path, f"run{number}", started=STARTED) for number in range(2)]
    for run in runs:
        (run / "index.html").write_text(run.name)
    index = publish.point_latest(tmp_path, runs[0])
    seen, done = set(), threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(index.read_text())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(300):
        publish.point_latest(tmp_path, runs[number % 2])
    done.set()
    reader.join()
    assert seen == {run.name for run in runs}
    assert not list(tmp_path.glob(".latest*"))


def _complete(folder, name, as_of, pages):
    run = publish.new_run(folder, name, started=STARTED)
    record = manifest.Manifest(run, {"as_of": as_of, "parameters_file": "parameters/a.yml"})
    for page in pages:
        record.notebook(page, status="ok")
    record.finish("complete", exit_code=0)
    return run


@pytest.mark.parametrize(
    ("as_of", "pages", "anyway", "moves"),
    [
        ("2026-06-30", ["00_a", "02_b"], False, True),
        ("2026-07-07", ["00_a", "02_b", "03_c"], False, True),
        ("2026-07-07", ["00_a"], False, False),
        ("2026-06-29", ["00_a", "02_b"], False, False),
        ("2026-06-29", ["00_a"], True, True),
    ],
)
def test_latest_loses_neither_page_nor_day(tmp_path, as_of, pages, anyway, moves):
    """It moves to what holds every page and no earlier a day; else why it stays is said."""
    shown = _complete(tmp_path, "shown", "2026-06-30", ["00_a", "02_b"])
    told = []
    publish.show(tmp_path, shown, told.append, anyway=False)
    new = _complete(tmp_path, "new", as_of, pages)
    index = publish.show(tmp_path, new, told.append, anyway=anyway)
    assert publish.shown_by_latest(tmp_path) == (new.name if moves else shown.name)
    assert index == (tmp_path / "latest" if moves else new) / "index.html"
    assert bool(told) is not moves
    assert all(f"latest still shows {shown.name}: this run " in text for text in told)
    assert all("--latest" in text for text in told)


@pytest.mark.parametrize("broken", ["gone", "torn", "running"])
def test_latest_leaves_a_run_that_is_no_report(tmp_path, broken):
    """A dangling link, a torn manifest or a run without an end hold nothing back."""
    shown = _complete(tmp_path, "shown", "2026-06-30", ["00_a", "02_b"])
    publish.point_latest(tmp_path, shown)
    path = shown / manifest.FILE_NAME
    if broken == "gone":
        shown.rename(tmp_path / "elsewhere")
    else:
        text = path.read_text()
        path.write_text("{" if broken == "torn" else text.replace('"complete"', '"running"'))
    new = _complete(tmp_path, "new", "2026-06-29", ["00_a"])
    publish.show(tmp_path, new, pytest.fail, anyway=False)
    assert publish.shown_by_latest(tmp_path) == new.name


def test_the_lock_is_held_by_one_and_says_by_whom(tmp_path):
    """The second is refused at once, with the process that holds it; afterwards it is free."""
    script = (
        "import sys, pathlib; from cs_models import errors; from cs_models.run import publish\n"
        "try:\n    publish.lock(pathlib.Path(sys.argv[1])).__enter__()\n"
        "except errors.LockedError as refusal: print(refusal.exit_code, refusal)"
    )
    with publish.lock(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True
        )
    assert done.stdout.startswith("7 another run")
    assert f"process {os.getpid()}" in done.stdout
    with publish.lock(tmp_path):
        pass


def test_a_run_that_ended_without_a_word_is_marked(tmp_path):
    """Running with a free lock means killed; what it left half-made is swept."""
    killed = publish.new_run(tmp_path, "killed", started=STARTED)
    record = manifest.Manifest(killed, {"as_of": "2026-06-30"})
    record.notebook("00_a", status="ok")
    record.notebook("02_b", status="running")
    done = publish.new_run(tmp_path, "done", started=STARTED)
    manifest.Manifest(done, {}).finish("complete", exit_code=0)
    torn = publish.new_run(tmp_path, "torn", started=STARTED)
    (torn / "manifest.json").write_text("{")
    left = killed / f".x{files.TEMPORARY_SUFFIX}"
    left.touch()
    publish.point_latest(tmp_path, done)

    assert publish.recover(tmp_path) == [killed.name]
    told = json.loads((killed / "manifest.json").read_text())
    assert told["status"] == "interrupted"
    assert {n: v["status"] for n, v in told["notebooks"].items()} == {
        "00_a": "ok",
        "02_b": "interrupted",
    }
    assert json.loads((done / "manifest.json").read_text())["status"] == "complete"
    assert not left.exists()
    assert publish.recover(tmp_path) == []
    assert publish.shown_by_latest(tmp_path) == done.name


def test_a_manifest_is_strict_json_and_hashes_what_is_there(tmp_path):
    """Its end has the exit code, the duration and every artefact's SHA-256."""
    folder = publish.new_run(tmp_path, "x", started=STARTED)
    (folder / "00_a/tables").mkdir(parents=True)
    (folder / "00_a/tables/t.csv").write_text("a\n1\n")
    record = manifest.Manifest(folder, {"seed": 7})
    record.notebook("00_a", status="ok")
    with pytest.raises(ValueError, match="nan"):
        record.add(value=float("nan"))
    record.content.pop("value")
    record.finish("complete", exit_code=0)
    told = json.loads((folder / "manifest.json").read_text())
    expected = files.sha256_of(folder / "00_a/tables/t.csv")
    assert told["notebooks"]["00_a"]["artefacts"] == {"tables/t.csv": expected}
    assert (told["status"], told["exit_code"], told["seed"]) == ("complete", 0, 7)
    assert told["duration_seconds"] >= 0


def test_inputs_are_listed_with_size_and_hash(tmp_path):
    """A folder's data files, in order; a single file by its name; nothing else."""
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.parquet", "sub/e.csv.gz", "README.md"):
        (tmp_path / name).write_text(name)
    listed = files.inventory(tmp_path)
    assert [entry["path"] for entry in listed] == ["a.parquet", "b.csv", "sub/e.csv.gz"]
    assert listed[1]["sha256"] == files.sha256_of(tmp_path / "b.csv")
    assert files.inventory(tmp_path / "b.csv") == [listed[1]]


def test_runtime_folders_are_private_short_and_swept(tmp_path, monkeypatch):
    """Sockets need short names; what a killed run left is removed, a living one's is not."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(publish, "_short_base", lambda: tmp_path)
    dead, alive = tmp_path / "cs-models-run-4194999-x", tmp_path / f"cs-models-run-{os.getpid()}-y"
    dead.mkdir()
    alive.mkdir()
    with publish.runtime_folder() as folder:
        assert Path(folder).stat().st_mode & 0o077 == 0
        assert alive.exists()
        assert not dead.exists()
    assert not Path(folder).exists()
