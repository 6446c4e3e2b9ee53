"""What the start page shows: check one's data, fill in a run file, run, open the newest report.

Each is one call in a cell of ``notebooks/start.ipynb``; each also works in any other notebook.
"""

from __future__ import annotations

import threading
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from cs_models import errors
from cs_models.report import runs
from cs_models.run import form, publish
from cs_models.run.lab import bars, checking, run_form, server, session
from cs_models.run.lab.background import Background, State
from cs_models.run.reading import project

__all__ = ["check", "fill_in", "reports", "run"]

fill_in = form.show

_ALL = "all notebooks"
_POLL_SECONDS = 0.5
_LABEL = {"description_width": "7em"}
_WIDE = widgets.Layout(width="32em")
_WORDS = {"waiting": "waits", "running": "runs …", "ok": "done", "failed": "failed"}


class Refused:
    """A refusal as a person reads it: what, where, got, repair; no traceback.

    Parameters
    ----------
    error : CsModelsError
        What the command line would print.
    """

    def __init__(self, error: errors.CsModelsError) -> None:
        self.error = error

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown = f'{session.STYLE}<div class="cs-face">{run_form.told(str(self.error), good=False)}'
        return {"text/html": f"{shown}</div>", "text/plain": str(self.error)}


def check(run_file: str = "parameters/sample.yml") -> checking.Checked | Refused:
    """Hold the source of a run file against the data contract, and show what came of it.

    Parameters
    ----------
    run_file : str, default "parameters/sample.yml"
        The run file, by its path inside the project.

    Returns
    -------
    Checked or Refused
        Refused where `cs-models check` would not even read the records.
    """
    try:
        return checking.check(run_file)
    except errors.CsModelsError as error:
        return Refused(error)


def run(run_file: str = "parameters/sample.yml") -> Any:
    """Return what starts a run in the background and shows how far it is.

    Parameters
    ----------
    run_file : str, default "parameters/sample.yml"
        The run file that is chosen at first.

    Returns
    -------
    ipywidgets.VBox

    Raises
    ------
    ParameterError
        When this is not inside a project.
    """
    return Runner(project.root(Path.cwd()), run_file).widget


class Runner:
    """Starts, shows and stops one run at a time.

    Parameters
    ----------
    folder : Path
        The project.
    run_file : str
        The run file that is chosen at first.
    """

    def __init__(self, folder: Path, run_file: str) -> None:
        self._folder, self._running = folder, threading.Event()
        self.background: Background | None = None
        names = [notebook.name for notebook in project.notebooks(folder)]
        found = list(dict.fromkeys([run_file, *run_form.run_files(folder)]))
        self.which = widgets.Combobox(
            value=run_file, options=found, description="Run file", layout=_WIDE, style=_LABEL
        )
        self.what = widgets.Dropdown(
            options=[(_ALL, ()), *((name, (name,)) for name in names)],
            description="Notebooks", layout=_WIDE, style=_LABEL,
        )  # fmt: skip
        self.go = run_form.button("Run", "play", self.start, style="primary")
        self.halt = run_form.button("Stop", "stop", self.stop)
        self.halt.disabled = True
        self.shown = widgets.HTML()
        keys = widgets.HBox([self.go, self.halt])
        parts = [widgets.HTML(session.STYLE), self.which, self.what, keys, self.shown]
        self.widget = widgets.VBox(parts)
        self.widget.add_class("cs-face")

    def start(self) -> None:
        """Start the run, when none is running."""
        if self._running.is_set():
            return
        self._running.set()
        self.background = Background(self._folder, self.which.value.strip(), self.what.value)
        self.shown.value = run_form.told("Starting …", good=True)
        threading.Thread(target=self._watch, args=(self.background,), daemon=True).start()

    def stop(self) -> None:
        """Interrupt the run."""
        if self.background is not None:
            self.background.stop()

    def _watch(self, background: Background) -> None:
        """Show the run until it ends; a thread of its own, for cells may run meanwhile."""
        ended = threading.Event()
        self.halt.disabled, state = False, background.state()
        while state.exit_code is None:
            self.shown.value = progress_of(state)
            ended.wait(_POLL_SECONDS)
            state = background.state()
        self._running.clear()
        self.halt.disabled = True
        self.shown.value = progress_of(state) + result_of(state)


def progress_of(state: State) -> str:
    """Return the notebooks of a run with their states as escaped markup."""
    names = list(state.notebooks.items())
    done = sum(status in ("ok", "failed", "interrupted") for _, status in names)
    minutes, seconds = divmod(int(state.seconds), 60)
    at = "notebooks" if names else "checking the source"
    head = bars.bar(f"{at}, {minutes}:{seconds:02d} min", done, len(names))
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="{escape(status)}">'
        f"{escape(_WORDS.get(status, status))}</td></tr>"
        for name, status in names
    )
    return f'{head}<table class="cs-states">{rows}</table>'


def result_of(state: State) -> str:
    """Return how a run ended as escaped markup, with the way to its report."""
    if state.exit_code or state.folder is None:
        return run_form.told(f"{state.said}\nexit code {state.exit_code}", good=False)
    return run_form.told("Done.", good=True) + _link(
        state.folder / publish.INDEX, "Open the report in a tab of its own"
    )


def reports() -> Newest:
    """Return the newest report, with what each of its pages says first.

    Raises
    ------
    ParameterError
        When this is not inside a project.
    """
    return Newest(project.root(Path.cwd()) / "reports" / publish.LATEST)


class Newest:
    """The report that ``latest`` shows, as a notebook shows it.

    Parameters
    ----------
    latest : Path
        The link, which may lead nowhere yet.
    """

    def __init__(self, latest: Path) -> None:
        self._folder = latest.resolve()
        self.pages: list[tuple[str, str]] = []
        self._when = ""
        try:
            noted = runs.manifest(self._folder)
        except (OSError, ValueError, RecursionError):
            return
        self._when = f"Run {noted.run_id}, as of {noted.as_of.isoformat()}"
        self.pages = [(name, _headline(self._folder, noted, name)) for name in noted.notebooks]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if not self.pages:
            told = "No report yet. Run one above, or with: make report"
            return {"text/html": escape(told), "text/plain": told}
        index = _link(self._folder / publish.INDEX, "Open the report in a tab of its own")
        rows = "".join(
            f'<tr><td style="text-align:left">{_link(_page(self._folder, name), name)}</td>'
            f'<td style="text-align:left">{escape(headline)}</td></tr>'
            for name, headline in self.pages
        )
        shown = (
            f'{session.STYLE}<div class="cs-face"><p>{escape(self._when)}</p>{index}'
            f'<table class="cs-pages">{rows}</table></div>'
        )
        plain = "\n".join([self._when, *(f"{name}: {said}" for name, said in self.pages)])
        return {"text/html": shown, "text/plain": plain}


def _page(folder: Path, name: str) -> Path:
    return folder / name / "report.html"


def _headline(folder: Path, noted: runs.Manifest, name: str) -> str:
    try:
        return str(runs.told(folder, noted, name)["headline"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return noted.notebooks[name].reason or noted.notebooks[name].status


def _link(path: Path, words: str) -> str:
    """Return a link to a page in a tab of its own; its path where no server gives it out."""
    address = server.address(path)
    if not address:
        return f"<span>{escape(words)}: <code>{escape(str(path))}</code></span>"
    return f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(words)}</a>'
