"""`cs-models check` in JupyterLab: what was read, what would be refused, set aside or noted."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from cs_models import errors
from cs_models.data.faults import CheckReport
from cs_models.report import lab
from cs_models.report.display import Column, Table
from cs_models.run import workflow
from cs_models.run.reading import project, run_file


class Checked:
    """What a source holds and what is wrong with it, as a notebook shows it.

    Parameters
    ----------
    run : Run
        Whose source was checked.
    report : CheckReport
        What was found.
    """

    def __init__(self, run: run_file.Run, report: CheckReport) -> None:
        self.report = report
        self.counts, self.faults = _counts(report), _faults(report)
        n_refused = len(report.refusals)
        self.headline = (
            f"{run.common.source.path} can be read: nothing in it stops a run."
            if not n_refused
            else f"{run.common.source.path} breaks the data contract: {n_refused} "
            f"refusal{'' if n_refused == 1 else 's'}, each with its repair below."
        )

    def markup(self) -> str:
        """Return all of it as escaped markup for JupyterLab."""
        mark = "bad" if self.report.refusals else "good"
        head = f'<div class="cs-told {mark}" role="status">{escape(self.headline)}</div>'
        tables = [self.counts, self.faults] if self.report.faults else [self.counts]
        return head + "".join(lab.table_html(table.payload()) for table in tables)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from cs_models.run.lab import session

        tables = (self.counts, self.faults)
        plain = [self.headline, *(lab.table_text(table.payload()) for table in tables)]
        shown = f'{session.STYLE}<div class="cs-face">{self.markup()}</div>'
        return {"text/html": shown, "text/plain": "\n\n".join(plain)}


def check(path: Path | str) -> Checked:
    """Hold the source of a run file against the data contract.

    Parameters
    ----------
    path : Path or str
        The run file; a relative one is taken from the project.

    Returns
    -------
    Checked
        A notebook shows it; ``report`` holds every fault, refusals too.

    Raises
    ------
    ParameterError
        When the run file is wrong.
    DataError
        When the source cannot be opened.
    """
    return of(run_file.load(project.root(Path.cwd()) / path))


def of(run: run_file.Run) -> Checked:
    """Hold the source of a checked run file against the data contract; see :func:`check`."""
    try:
        return Checked(run, workflow.check_source(run))
    except workflow.SourceRefused as refused:
        return Checked(run, refused.report)


def markup(run: run_file.Run) -> str:
    """Return the check of a run's source as escaped markup, also when it cannot be opened."""
    try:
        return of(run).markup()
    except errors.DataError as error:
        return f'<div class="cs-told bad" role="status">{escape(str(error))}</div>'


def _counts(report: CheckReport) -> Table:
    rows = [{"table": name, **counts} for name, counts in report.counts.items()]
    columns = ["table", "read", "kept", "quarantined", "excluded"]
    return Table.of(
        pd.DataFrame(rows, columns=columns),
        id="check-counts",
        title="Rows read and kept",
        columns={
            "table": Column("Table"),
            "read": Column("Rows read", kind="integer"),
            "kept": Column("Kept", kind="integer"),
            "quarantined": Column("Set aside", kind="integer"),
            "excluded": Column("Out of scope", kind="integer"),
        },
        note="Set aside: rows that break the contract. Out of scope: rows later than the run's "
        "date, and uses of quantity nought.",
    )


def _faults(report: CheckReport) -> Table:
    from cs_models.report.exhibits import readiness

    return readiness.faults(report.frame())
