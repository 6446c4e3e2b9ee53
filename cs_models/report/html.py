"""The exported page: an executed notebook as one file that leadership opens, offline.

``cs_report`` is an nbconvert exporter, so ``jupyter nbconvert --to cs_report`` and
JupyterLab's *Save and Export* menu know it; :func:`export` is the strict door that a run uses.
What the page keeps and drops: :mod:`cs_models.report.page.blocks`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, HTMLExporter

from cs_models import files
from cs_models.errors import NotebookError
from cs_models.report import results
from cs_models.report.page import blocks, figures, provenance, render

# What nbformat raises over a file that is JSON, or not even that, but no notebook.
_MALFORMED = (ValueError, TypeError, KeyError, AttributeError)


class CsReportExporter(HTMLExporter):
    """Nbconvert exporter of a report page without code (``--to cs_report``).

    It shares nbconvert's options and preprocessors but none of its templates: those load
    scripts from the network and trust markup in outputs.
    """

    export_from_notebook = "Renewals report (HTML)"
    # nbconvert's own preprocessors rewrite outputs that this page never shows.
    default_preprocessors: list[Any] = []  # noqa: RUF012 - overrides a traitlet of the parent

    def from_notebook_node(  # type: ignore[override]  # its parent's hint is wrong too
        self, nb: nbformat.NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page and its resources.

        Parameters
        ----------
        nb : NotebookNode
            The notebook as it stands, executed whole or not; a page of an unfinished one
            says so at its top.
        resources : dict, optional
            ``resources["cs_models"]["run"]`` may hold the run's manifest.
        """
        notebook, resources = Exporter.from_notebook_node(self, nb, resources, **kw)
        run = resources.get("cs_models", {}).get("run")
        name = resources.get("metadata", {}).get("name", "")
        return page(notebook, name=name, run=run), resources


def page(
    notebook: Mapping[str, Any], *, name: str = "", run: Mapping[str, Any] | None = None
) -> str:
    """Return the page of an executed notebook as text.

    Parameters
    ----------
    notebook : mapping
        nbformat 4.
    name : str, default ""
        Title when the notebook has none.
    run : mapping, optional
        The run's manifest: see :func:`cs_models.report.page.provenance.facts`.

    Raises
    ------
    NotebookError
        When the notebook shows what a page cannot carry.
    """
    report = blocks.read(notebook, name=name)
    scripts = ("page.js", render.BUNDLE) if report.exhibits else ()
    return render.render(
        "report.html.j2",
        scripts=scripts,
        rules=render.rules(report.title, [figures.height(e["figure"]) for e in report.exhibits]),
        report=report,
        shared=render.figure_theme() if report.exhibits else None,
        facts=provenance.facts({"as_of": _as_of(report), **(run or {})}),
        in_run=run is not None,
    )


def export(executed: Path, output: Path, *, run: dict[str, Any] | None = None) -> None:
    """Write the page of an executed notebook, all of it or nothing.

    Parameters
    ----------
    executed : Path
        An executed ``.ipynb``.
    output : Path
        The page to make or replace.
    run : dict, optional
        The run's manifest, for the page's foot.  A ``data_window`` that it lacks is read
        from the ``results.json`` beside `executed`.

    Raises
    ------
    NotebookError
        When a cell did not run or stopped with an error (`output` is left as it was), when
        the file is not a notebook, or when it shows what a page cannot carry.
    """
    try:
        notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, *_MALFORMED, nbformat.ValidationError) as error:
        raise NotebookError(
            "not a notebook that can be read", where=str(executed), got=str(error)
        ) from error
    faults = blocks.faults(notebook)
    if faults:
        raise NotebookError(
            "a page is only made of a notebook that ran to its end",
            where=str(executed),
            got="; ".join(faults[:3]),
            repair="run it again: cs-models run",
        )
    told = run if run is None else {**_beside(executed), **run}
    exporter = CsReportExporter()  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(
        notebook, {"cs_models": {"run": told}, "metadata": {"name": executed.stem}}
    )
    files.write_text_atomic(output, body)


def _beside(executed: Path) -> dict[str, Any]:
    try:
        found = json.loads((executed.parent / results.FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {"data_window": found["data_window"]} if found.get("data_window") else {}


def _as_of(report: blocks.Report) -> str:
    return next((item.value for item in report.parameters if item.name == "as_of"), "")
