"""What a notebook leaves in its folder, without secrets and without this machine's paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat

from cs_models import errors, files
from cs_models.run import secrets
from cs_models.run.worker.job import Job

EXECUTED = "executed.ipynb"
REPORT = "report.html"
_TEXT_ENDINGS = frozenset({".json", ".csv", ".txt", ".md", ".html", ".svg"})


def write_notebook(notebook: Any, path: Path, redact: Callable[[str], str], job: Job) -> None:
    """Write an executed notebook, redacted, all of it or nothing.

    Parameters
    ----------
    notebook : NotebookNode
        As the engine left it.
    path : Path
        The file to write.
    redact : callable
        From `secrets.redactor`.
    job : Job
        Gives the names to show in papermill's metadata.
    """
    content = secrets.redact_values(dict(notebook), redact)
    clean = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    about = clean.metadata.get("papermill", {})
    about.update(input_path=f"notebooks/{job.name}.ipynb", output_path=EXECUTED)
    # Names of cells are made anew in every run; by position they stay the same.
    for number, cell in enumerate(clean.cells):
        cell["id"] = f"cell-{number}"
    text = nbformat.writes(clean, version=4)  # type: ignore[no-untyped-call]
    files.write_text_atomic(path, text + "\n")


def redact_files(folder: Path, redact: Callable[[str], str]) -> None:
    """Take secrets out of every text file that the notebook wrote."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TEXT_ENDINGS and path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            if (clean := redact(text)) != text:
                files.write_bytes_atomic(path, clean.encode("utf-8", "surrogateescape"))


def export(folder: Path, report: Mapping[str, Any]) -> None:
    """Make the page of a notebook that ran to its end.

    Raises
    ------
    NotebookError
        When the exporter refuses.
    """
    from cs_models.report import html

    try:
        html.export(folder / EXECUTED, folder / REPORT, run=dict(report))
    except (errors.CsModelsError, OSError, MemoryError):
        raise
    except Exception as error:
        raise errors.NotebookError(
            "the executed notebook cannot be made a page",
            where=EXECUTED,
            got=f"{type(error).__name__}: {error}"[:500],
        ) from error
