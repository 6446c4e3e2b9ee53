"""The command line: exit codes, where its words go, and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from cs_models import cli
from cs_models.run import publish

HEAD = "source: {path: data/tiny}\nas_of: 2026-06-30\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a project with a run file and a tiny source; the working directory is in it."""
    for name in ("notebooks", "parameters", "data/tiny"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "parameters/run.yml").write_text(HEAD)
    tables = {
        "accounts": "account_id,created_at\n000123,2024-01-05\n123,2024-01-06\n",
        "subscriptions": "subscription_id,account_id,term_start,term_end,arr\n"
        "s1,000123,2025-01-01,2026-01-01,1200.00\ns2,123,2025-02-01,2026-02-01,900.00\n",
        "events": "event_ts,account_id,feature\n"
        "2024-12-03T10:00:00Z,000123,report_shared\n2025-02-03T10:00:00Z,123,report_shared\n",
    }
    for name, text in tables.items():
        (tmp_path / f"data/tiny/{name}.csv").write_text(text)
    (tmp_path / "notebooks/00_data_readiness.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_is_there_for_every_command(capsys):
    """It exits 0 and says what the command is for."""
    assert cli.call(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(
        name in told for name in ("check", "run", "features", "score", "sample", "export", "prune")
    )
    for name in ("check", "run", "features", "score", "sample", "export", "prune"):
        assert cli.call([name, "--help"]) == 0


def test_help_loads_nothing_heavy():
    """It answers before pandas could even be imported."""
    heavy = ("pandas", "numpy", "duckdb", "ibis", "papermill", "plotly", "pydantic")
    script = (
        "import sys; from cs_models import cli; cli.call(['--help']); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["run"],
        ["run", "parameters/run.yml", "--wings"],
        ["run", "parameters/nothing.yml"],
        ["run", "parameters/run.yml", "99_nothing"],
        ["run", "parameters/run.yml", "--set", "tresholds.alpha=0.1"],
        ["run", "parameters/run.yml", "--set", "alpha"],
        ["run", "parameters/run.yml", "--jobs", "many"],
        ["run", "parameters/run.yml", "--out", "parameters/run.yml"],
        ["check", "parameters/run.yml", "--set", "as_of=yesterday"],
        ["features", "parameters/run.yml", "-o", "p.parquet", "--windows", "7,x"],
        ["features", "parameters/run.yml", "-o", "p.parquet", "--decision", "someday"],
        ["score", "parameters/run.yml", "-o", "s.csv"],
        ["score", "parameters/run.yml", "--model", "m"],
        ["sample", "out", "--scenario", "wishful"],
    ],
    ids=" ".join,
)
def test_wrong_usage_and_parameters_exit_2_on_standard_error(project, capsys, words):
    """Nothing on standard output, no traceback, and no report is begun."""
    assert cli.call(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err
    assert "Traceback" not in told.err
    assert not list(project.glob("reports/2*"))


def test_check_shows_counts_and_exits_0(project, capsys):
    """A good source: rows read and kept for each table; leading zeros make two accounts."""
    assert cli.call(["check", "parameters/run.yml"]) == 0
    told = capsys.readouterr()
    assert "accounts" in told.out
    assert "2" in told.out
    assert told.err == ""


def test_bad_data_exits_3_with_every_fault_before_any_kernel(project, capsys):
    """The table of faults comes with the refusal; the notebook, which is none, is not opened."""
    (project / "data/tiny/accounts.csv").write_text("account_name\nx\n")
    for command in ("check", "run"):
        assert cli.call([command, "parameters/run.yml"]) == 3
        told = capsys.readouterr()
        assert "account_id" in told.out + told.err
        assert "created_at" in told.out + told.err
        assert "breaks the data contract" in told.err
    (path,) = project.glob("reports/2*/manifest.json")
    told = json.loads(path.read_text())
    assert (told["status"], told["exit_code"]) == ("failed", 3)
    assert told["notebooks"] == {}


def test_a_missing_source_exits_3_without_this_machines_folder(project, capsys):
    """The message names the path as it was given."""
    assert cli.call(["run", "parameters/run.yml", "--set", "source.path=data/none"]) == 3
    assert "data/none" in capsys.readouterr().err


def test_a_busy_folder_exits_7(project, capsys):
    """The message says who holds it."""
    reports = publish.open_folder(project / "reports")
    with publish.lock(reports):
        assert cli.call(["run", "parameters/run.yml"]) == 7
    assert "another run" in capsys.readouterr().err


def test_an_unexpected_fault_exits_1_with_a_log_and_no_traceback(project, capsys, monkeypatch):
    """A fault of the program is not shown as a wall of code, and keeps no secret."""
    monkeypatch.setenv("API_TOKEN", "hunter2-canary")

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("at postgres://me:pass@host and hunter2-canary")

    monkeypatch.setattr("cs_models.run.reading.run_file.load", fail)
    assert cli.call(["check", "parameters/run.yml"]) == 1
    told = capsys.readouterr().err
    assert "unexpected ZeroDivisionError" in told
    assert "Traceback" not in told
    log = Path(told.rpartition("details: ")[2].strip())
    text = log.read_text()
    log.unlink()
    assert "Traceback" in text
    assert "hunter2" not in text + told
    assert "me:pass" not in text + told


def test_features_writes_the_panel_or_nothing(project, capsys):
    """One row a term; a refused run leaves the earlier file as it was."""
    words = ["features", "parameters/run.yml", "-o", "out/panel.parquet"]
    assert cli.call([*words, "--decision", "after_start", "--days", "60", "--first", "30,60"]) == 0
    assert capsys.readouterr().out.strip() == "out/panel.parquet"
    frame = pd.read_parquet(project / "out/panel.parquet")
    assert list(frame["account_id"]) == ["000123", "123"]
    assert "events__first_60d" in frame.columns
    before = (project / "out/panel.parquet").read_bytes()
    assert cli.call([*words, "--set", "source.path=data/none"]) == 3
    assert (project / "out/panel.parquet").read_bytes() == before
    assert [path.name for path in (project / "out").iterdir()] == ["panel.parquet"]


def test_sample_writes_the_same_bytes_from_the_same_seed(tmp_path, capsys):
    """Tables and truth, again and again."""
    words = ["--scenario", "null", "--accounts", "60", "--seed", "3"]
    for name in ("a", "b"):
        assert cli.call(["sample", str(tmp_path / name), *words]) == 0
    made = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    again = {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert {"accounts.parquet", "events.parquet", "truth.json"} <= set(made)
    assert made == again


def test_export_refuses_a_notebook_that_did_not_run(tmp_path, capsys):
    """Exit 5, and no page."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert cli.call(["export", str(tmp_path / "a.ipynb"), "-o", str(tmp_path / "a.html")]) == 5
    assert not (tmp_path / "a.html").exists()
    assert "did not run" in capsys.readouterr().err


def test_the_module_is_the_command():
    """`python -m cs_models` does what `cs-models` does, with its exit code."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cs_models", "fly"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "fly" in done.stderr
    assert time.monotonic() - begun < 20
