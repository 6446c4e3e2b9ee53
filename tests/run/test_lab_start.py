"""The start page's runs go on by themselves, say how they end, and lead to the newest report."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cs_models.run.lab import background, server, start


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project that is the working directory."""
    for name in ("notebooks", "parameters"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_a_run_that_is_refused_says_why(project: Path) -> None:
    """A run in the background ends with the command's own code and words."""
    (project / "parameters/mine.yml").write_text("sead: 3\n")
    run = background.Background(project, "parameters/mine.yml")
    run.process.wait(120)
    state = run.state()
    assert state.exit_code == 2
    assert "unknown parameter sead" in state.said
    assert state.folder is None
    assert "exit code 2" in start.result_of(state)


def test_what_a_manifest_says_is_shown_and_escaped() -> None:
    """Each notebook stands with its state, whatever it is called."""
    state = background.State(Path("r"), {"<b>00": "ok", "02": "running"}, None, "", 61.0)
    shown = start.progress_of(state)
    assert "&lt;b&gt;00" in shown
    assert "1 of 2" in shown
    assert "1:01 min" in shown


def test_a_check_that_is_refused_is_shown_without_a_traceback(project: Path) -> None:
    """A wrong run file is told in the words of the command line."""
    (project / "parameters/mine.yml").write_text("source: {path: <nowhere>}\n")
    shown = start.check("parameters/mine.yml")._repr_mimebundle_()
    assert "as_of is not allowed as it stands" in shown["text/plain"]
    assert "Traceback" not in shown["text/html"]


def test_the_newest_report_is_named_with_what_its_pages_say(project: Path) -> None:
    """The pages of the newest complete run stand with their headline; none before the first."""
    assert "No report yet" in start.reports()._repr_mimebundle_()["text/plain"]
    run = project / "reports/20260701-000000-mine"
    (run / "00_data_readiness").mkdir(parents=True)
    text = json.dumps({"headline": "Fit <to> learn"})
    (run / "00_data_readiness/results.json").write_text(text)
    noted = {"results.json": hashlib.sha256(text.encode()).hexdigest()}
    notebooks = {
        "00_data_readiness": {"status": "ok", "artefacts": noted},
        "07_backtest": {"status": "failed"},
    }
    manifest = {"run_id": "r", "status": "complete", "as_of": "2026-06-30", "notebooks": notebooks}
    (run / "manifest.json").write_text(json.dumps(manifest))
    (project / "reports/latest").symlink_to(run.name)
    shown = start.reports()._repr_mimebundle_()
    assert "Fit &lt;to&gt; learn" in shown["text/html"]
    assert "07_backtest: failed" in shown["text/plain"]


def test_a_file_has_an_address_below_its_server_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's folder and base address make a link; its token is in none."""
    runtime = project / "runtime"
    runtime.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("JPY_PARENT_PID", "77")
    assert server.address(project / "a.html") == ""
    told = {"base_url": "/base/", "root_dir": str(project), "token": "hidden-word"}
    (runtime / "jpserver-77.json").write_text(json.dumps(told))
    assert server.address(project / "reports/a b.html") == "/base/files/reports/a%20b.html"
    assert server.address(project.parent / "elsewhere.html") == ""
