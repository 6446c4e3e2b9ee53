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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300
# Few and small: a search that ends in seconds, for the page and not the finding is looked at.
_SMALL = {"n_permutations": "199", "source": '{"path": "data/small"}', "play": "None"}


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
    """Return a project with a small source and the start page and notebook 02 that read it."""
    from cs_models.data import simulate

    folder = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "parameters", "data"):
        (folder / name).mkdir()
    simulate.write(folder / "data/small", scenario="step", n_accounts=400, seed=5)
    shutil.copy(ROOT / "notebooks/start.ipynb", folder / "notebooks")
    shutil.copytree(ROOT / "parameters/journey", folder / "parameters/journey")
    shutil.copytree(ROOT / ".jupyter", folder / ".jupyter")
    shutil.copy(ROOT / "parameters/sample.yml", folder / "parameters")
    notebook = nbformat.read(ROOT / "notebooks/02_adoption_thresholds.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    for name, value in _SMALL.items():
        cell.source = re.sub(rf"^{name} = .*$", f"{name} = {value}", cell.source, flags=re.M)
    nbformat.write(notebook, folder / "notebooks/02_adoption_thresholds.ipynb")
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
