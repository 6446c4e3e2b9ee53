"""A real JupyterLab on a copy of the project, and a browser that sees it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300
# A notebook of some fifty seconds of a core, on a machine that has little time for it.
PATIENCE_OF_A_NOTEBOOK_SECONDS = 1200
# Few and small: what ends in seconds, for the page and not the finding is looked at.
_SMALL = {
    "02_adoption_thresholds": {
        "n_permutations": "199", "source": '{"path": "data/small"}', "play": "None",
    },
    "03_churn_predictors": {"n_refits": "20"},
    "04_time_to_churn": {},
    "06_renewal_outlook": {"n_paths": "500"},
    "00_data_readiness": {},
}  # fmt: skip


@dataclass
class Lab:
    """A JupyterLab that runs.

    Parameters
    ----------
    project : Path
        The copy of the project that it serves.
    address, token : str
        Where it listens, and the word it asks for.
    """

    project: Path
    address: str
    token: str


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a small source and the sample, the start page and some notebooks.

    Notebook 02 reads the small source; the others, and their explorers, the sample.
    """
    from cs_models.data import simulate

    folder = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "parameters", "data"):
        (folder / name).mkdir()
    simulate.write(folder / "data/small", scenario="step", n_accounts=400, seed=5)
    shutil.copy(ROOT / "notebooks/start.ipynb", folder / "notebooks")
    shutil.copytree(ROOT / "data/sample", folder / "data/sample")
    for name in ("journey", "lists"):
        shutil.copytree(ROOT / "parameters" / name, folder / "parameters" / name)
    shutil.copytree(ROOT / ".jupyter", folder / ".jupyter")
    shutil.copy(ROOT / "parameters/sample.yml", folder / "parameters")
    for name, small in _SMALL.items():
        notebook = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
        cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
        for key, value in small.items():
            cell.source = re.sub(rf"^{key} = .*$", f"{key} = {value}", cell.source, flags=re.M)
        nbformat.write(notebook, folder / f"notebooks/{name}.ipynb")
    return folder


@pytest.fixture(scope="session")
def lab(
    chromium: Any, small_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Return a JupyterLab as `make lab` starts it, with folders of its own for what it keeps."""
    own = tmp_path_factory.mktemp("jupyter")
    kept = {
        f"JUPYTER{name}": str(own / name.strip("_").lower())
        for name in ("_CONFIG_DIR", "_DATA_DIR", "_RUNTIME_DIR", "LAB_WORKSPACES_DIR",
                     "LAB_SETTINGS_DIR")
    }  # fmt: skip
    port = _free_port()
    command = [
        sys.executable, "-m", "jupyterlab",
        f"--config={small_project}/.jupyter/jupyter_lab_config.py",
        f"--notebook-dir={small_project}", "--no-browser", f"--port={port}",
        "--ServerApp.port_retries=0", "--LabApp.expose_app_in_browser=True", "--allow-root",
    ]  # fmt: skip
    log = own / "server.log"
    environment = {**os.environ, **kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)
    with log.open("wb") as told:
        server = subprocess.Popen(
            command, cwd=small_project, env=environment, stdout=told, stderr=told,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield Lab(small_project, f"http://127.0.0.1:{port}", _token(own, server, log))
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="session")
def asked() -> list[str]:
    """Return the hosts that the browser was made to ask, filled while it looks around."""
    return []


@pytest.fixture(scope="session")
def context(chromium: Any, lab: Lab, asked: list[str]) -> Iterator[Any]:
    """Return a window that has shown the token once."""
    made = chromium.new_context(viewport={"width": 1400, "height": 1000})
    made.set_default_timeout(PATIENCE_SECONDS * 1000)
    made.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    yield made
    made.close()


@pytest.fixture
def opened(context: Any, lab: Lab) -> Iterator[Any]:
    """Return a function that opens a notebook of the lab and waits for its kernel."""
    yield from _opening(context, lab)


@pytest.fixture(scope="module")
def opened_once(context: Any, lab: Lab) -> Iterator[Any]:
    """Return the same for a notebook that several tests look at: it stays open."""
    yield from _opening(context, lab)


def _opening(context: Any, lab: Lab) -> Iterator[Any]:
    pages = []

    def open_notebook(name: str) -> Any:
        page = context.new_page()
        pages.append(page)
        # A workspace of its own: nothing of another test is open in it.
        space = f"/lab/workspaces/{Path(name).stem}/tree/notebooks/{name}"
        page.goto(f"{lab.address}{space}?token={lab.token}")
        page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'"
        )
        return page

    yield open_notebook
    for page in pages:
        page.close()


# Not awaited: the command ends when the last cell does.
_RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
# Whether all cells of the open notebook have been run; the error of the first that failed.
_RAN = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
  let waits = false;
  for (let place = 0; place < cells.length; place++) {
    const cell = cells.get(place);
    if (cell.type !== 'code') continue;
    const failed = cell.outputs.toJSON().find(output => output.output_type === 'error');
    if (failed) return `${failed.ename}: ${failed.evalue}`;
    waits = waits || !cell.executionCount;
  }
  return waits ? null : 'all';
}"""


@pytest.fixture(scope="session")
def run_all() -> Callable[..., None]:
    """Return a function that runs all cells of the open notebook, and waits for them if asked."""

    def run(page: Any, *, wait: bool = True) -> None:
        page.evaluate(_RUN_ALL)
        if wait:
            ran = page.wait_for_function(_RAN, timeout=1000 * PATIENCE_OF_A_NOTEBOOK_SECONDS)
            assert ran.json_value() == "all"

    return run


# Lab draws the cells that are in sight: bring an explorer there.
_SHOW = """async (nth) => {
  const book = window.jupyterapp.shell.currentWidget.content;
  const tagged = book.widgets.filter(
    cell => (cell.model.getMetadata('tags') || []).includes('interactive'));
  const place = book.widgets.indexOf(tagged[nth]);
  book.activeCellIndex = place;
  await book.scrollToItem(place, 'start');
}"""


@pytest.fixture(scope="session")
def explorer_of() -> Callable[..., Any]:
    """Return a function that brings the nth explorer of the open notebook into sight."""

    def show(page: Any, name: str, nth: int = 0) -> Any:
        page.evaluate(_SHOW, nth)
        explorer = page.locator(f".cs-explorer-{name}")
        explorer.wait_for()
        return explorer

    return show


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _token(own: Path, server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server says where it is, and return the token it made."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        for path in (own / "runtime_dir").glob("jpserver-*.json"):
            try:
                return str(json.loads(path.read_text())["token"])
            except ValueError:
                continue  # it is being written
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-3000:])
