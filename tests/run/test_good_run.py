"""One real run of one notebook, and a second one of two."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.notebook

HOSTILE = [
    '"\nimport os; os._exit(9)',
    "trailing \\",
    "</script>",
    "é ' {x.__class__} %s",
    "000123",
]

SEES = """
import os, sys
from ipykernel import get_connection_info
from cs_models.report import results
seen = {
    "features": features,
    "as_of": as_of,
    "transport": get_connection_info(unpack=True)["transport"],
    "renderer": os.environ["PLOTLY_RENDERER"],
    "hash": hash("a"),
    "threads": os.environ.get("OMP_NUM_THREADS"),
    "cwd": os.path.basename(os.getcwd()),
    "source": os.path.isdir(params.source.path),
    "kernel": sys.orig_argv[1:4],
    "told": [word for word in sys.orig_argv if "trailing" in word],
}
results.save(params.output_dir, headline="seen", as_of=as_of, counts={}, findings=[], seen=seen)
"""


@pytest.fixture(scope="module")
def good(make_project):
    """Return a project after two complete runs, and the finished commands."""
    project = make_project()
    project.add("00_data_readiness", "1 + 1")
    project.add("02_adoption_thresholds", "print(output_dir)", end=SEES)
    words = ["--jobs", "2", "--set", f"adoption_thresholds.features={json.dumps(HOSTILE)}"]
    one = project.call("run", "parameters/sample.yml", "00_data_readiness", *words)
    both = project.call("run", "parameters/sample.yml", *words)
    return project, [one, both]


def _folders(project) -> list[Path]:
    return sorted(path.parent for path in project.reports.glob("2*/manifest.json"))


def _seen(project) -> dict:
    path = project.reports / "latest/02_adoption_thresholds/results.json"
    return json.loads(path.read_text())["seen"]


def test_a_good_run_prints_its_index_and_nothing_else(good):
    """Exit 0; standard output is one line, the index page reached through latest."""
    project, runs = good
    assert [(done.returncode, done.stderr) for done in runs] == [(0, ""), (0, "")]
    assert runs[0].stdout.splitlines() == [str(project.reports / "latest/index.html")]
    assert Path(runs[0].stdout.strip()).is_file()


def test_latest_shows_the_newest_run(good):
    """The link is relative, so that the folder may be moved, and shows the second run."""
    project, _ = good
    assert (project.reports / "latest").readlink() == Path(_folders(project)[-1].name)
    assert len(_folders(project)) == 2


def test_every_artefact_is_in_its_place(good):
    """Each notebook leaves its page, its results and itself; the manifest has their hashes."""
    project, _ = good
    latest = project.reports / "latest"
    told = json.loads((latest / "manifest.json").read_text())
    assert told["status"] == "complete"
    for name in ("00_data_readiness", "02_adoption_thresholds"):
        artefacts = told["notebooks"][name]["artefacts"]
        assert set(artefacts) == {"executed.ipynb", "report.html", "results.json"}
        assert all((latest / name / artefact).is_file() for artefact in artefacts)
    assert [entry["path"] for entry in told["inputs"]] == [
        "accounts.csv",
        "events.csv",
        "subscriptions.csv",
    ]
    assert told["tables"]["accounts"]["kept"] == 2  # 000123 and 123 are two accounts


def test_hostile_text_arrives_as_it_was(good):
    """A parameter's text is data: quotes, newlines, backslashes and braces run nothing."""
    assert _seen(good[0])["features"] == HOSTILE


def test_the_kernel_is_ours_and_listens_on_no_port(good):
    """It runs in notebooks/, over sockets in a private folder, with fixed hashing and threads."""
    seen = _seen(good[0])
    assert seen["transport"] == "ipc"
    assert (seen["renderer"], seen["threads"]) == ("plotly_mimetype", "1")
    assert seen["cwd"] == "notebooks"
    assert seen["source"]
    assert seen["kernel"] == ["-P", "-m", "cs_models.run.worker.kernel"]
    assert seen["told"] == []  # a parameter is in no command line


def test_a_second_run_finds_the_same(good):
    """Same inputs, same parameters: results byte for byte, notebooks but for clock times."""
    first, second = (folder for folder in _folders(good[0]))
    found = [folder / "00_data_readiness/results.json" for folder in (first, second)]
    assert found[0].read_bytes() == found[1].read_bytes()
    told = [_timeless(folder / "00_data_readiness/executed.ipynb") for folder in (first, second)]
    assert told[0] == told[1]


def test_no_artefact_tells_where_the_project_is(good):
    """A report that is mailed around does not say on which machine it was made."""
    project, _ = good
    root = str(project.root).encode()
    files = [path for path in project.reports.rglob("*") if path.is_file()]
    assert not [path.name for path in files if root in path.read_bytes()]


def test_no_temporary_file_is_left(good):
    """After a run there is nothing half-made, and nobody holds the lock."""
    project, _ = good
    left = {path.name for path in project.reports.rglob(".*")}
    assert left == {".lock"}


def _timeless(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    told = notebook.metadata.papermill
    for part in [told, *(cell.metadata.papermill for cell in notebook.cells)]:
        for name in ("start_time", "end_time", "duration"):
            part.pop(name, None)
    told.parameters.pop("output_dir")
    return nbformat.writes(notebook).replace(path.parent.parent.name, "RUN")
