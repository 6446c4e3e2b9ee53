"""One run from its parameters to the pointer: check, execute, index, publish, tell.

The order is the promise: parameters before data, data before kernels, everything on the
disk before `latest` moves, and nobody is told before the lock is free.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cs_models import errors, files, kept
from cs_models.data.faults import CheckReport
from cs_models.run import ending, execute, manifest, notices, publish, secrets
from cs_models.run.execute import Event
from cs_models.run.reading import project
from cs_models.run.reading.project import Notebook
from cs_models.run.reading.run_file import Run
from cs_models.run.terminal.screen import Screen
from cs_models.run.terminal.signals import Guard
from cs_models.run.worker.job import Job, Result


class SourceRefused(errors.DataError):
    """The source breaks the contract; `report` holds every fault.

    Parameters
    ----------
    report : CheckReport
        What the check found.
    where : str
        The source, as the run file names it.
    """

    def __init__(self, report: CheckReport, where: str) -> None:
        self.report = report
        n_refusals = len(report.refusals)
        super().__init__(
            f"the source breaks the data contract: {n_refusals} "
            f"refusal{'' if n_refusals == 1 else 's'}",
            where=where,
            got="; ".join(str(fault) for fault in report.refusals[:20]),
            repair="see the table of faults; docs/data_contract.md says what each table needs",
        )


@dataclass(frozen=True)
class Request:
    """What is to be run, and where to.

    Attributes
    ----------
    run : Run
        Checked parameters.
    notebooks : sequence of Notebook
        In the order of the report.
    out : Path
        The folder of the reports.
    n_jobs : int
        Notebooks at a time.
    limits : Limits
        Time and memory.
    show : bool, default False
        Let `latest` show this run even if its reader loses a page or a day.
    """

    run: Run
    notebooks: Sequence[Notebook]
    out: Path
    n_jobs: int
    limits: execute.Limits
    show: bool = False


def check_source(run: Run) -> CheckReport:
    """Hold the source against the contract.

    Raises
    ------
    SourceRefused
        When at least one fault is a refusal.
    DataError
        When the source cannot be opened.
    """
    from cs_models.data import sources

    common = run.common
    report: CheckReport = sources.check(
        run.resolved_source(),
        as_of=common.as_of,
        timezone=common.timezone,
    )
    if report.refusals:
        raise SourceRefused(report, common.source.path)
    return report


def publish_run(request: Request, screen: Screen, guard: Guard) -> Path:
    """Run notebooks and publish them when all are good.

    Parameters
    ----------
    request : Request
        What is to be run.
    screen : Screen
        Where progress is shown.
    guard : Guard
        Watching for signals.

    Returns
    -------
    Path
        ``latest/index.html`` below the folder of the reports; the run's own where `latest` keeps
        showing another one.

    Raises
    ------
    CsModelsError
        With the exit code of what went wrong; `latest` is as it was.
    """
    for notebook in request.notebooks:
        request.run.for_notebook(notebook)
    notifier = notices.ready(request.run.notify)
    end = ending.End(request.run.shown_path, notifier)
    with end.told(guard, screen.say):
        reports = publish.open_folder(request.out)
        end.writes_to(reports)
        with publish.lock(reports):
            return _publish(request, reports, screen, guard, end)


def _publish(
    request: Request, reports: Path, screen: Screen, guard: Guard, end: ending.End
) -> Path:
    """Run and publish, holding the folder's lock."""
    for name in publish.recover(reports):
        shown = publish.shown_by_latest(reports) or "no run yet"
        screen.say(f"an earlier run, {name}, was interrupted; latest still shows {shown}")
        ending.index_of_interrupted(reports / name)
    folder = publish.new_run(reports, request.run.path.stem)
    redact = secrets.redactor(
        [*secrets.environment_secrets(), *end.secrets], _paths(request.run.root)
    )
    record = manifest.Manifest(folder, secrets.redact_values(_known(request), redact))
    end.began(record, redact)
    with (
        publish.listed(reports, screen.say),
        ending.recorded(record, guard, redact),
        manifest.Log(folder / manifest.LOG_NAME, redact) as log,
    ):
        _fill(request, record, screen, log, end)
        with guard.held():
            record.finish("complete", exit_code=0)
            return publish.show(reports, folder, screen.say, anyway=request.show)


def _fill(
    request: Request,
    record: manifest.Manifest,
    screen: Screen,
    log: manifest.Log,
    end: ending.End,
) -> None:
    """Check the source, run the notebooks, write the index."""
    source = Path(request.run.resolved_source().path)
    with publish.runtime_folder() as runtime:
        scratch = Path(runtime)
        with screen.step("checking the source"), kept.within(_kept_in(scratch)):
            record.add(inputs=files.inventory(source))
            report = check_source(request.run)
        record.add(tables={table: dict(counts) for table, counts in report.counts.items()})
        log.write("run", "the source keeps the contract")
        results = _execute(request, record, screen, log, scratch, end.hidden)
    failed = [result for result in results if result.exit_code]
    if failed:
        raise _failure(failed, record.folder)
    with screen.step("writing the index"):
        end.changed(ending.changes(record.folder, log))
        ending.index(record, end.changes)


def _kept_in(scratch: Path) -> Path:
    """Return the folder of what the notebooks of this run share; it goes with the scratch."""
    folder = scratch / "kept"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _execute(
    request: Request,
    record: manifest.Manifest,
    screen: Screen,
    log: manifest.Log,
    scratch: Path,
    hidden: Collection[str],
) -> list[Result]:
    def hear(event: Event) -> None:
        screen.show(event)
        if event.kind == "log":
            log.write(event.name, str(event.content["line"]))
        elif event.kind == "start":
            log.write(event.name, "started")
            record.notebook(event.name, status="running", started_at=manifest.now())
        elif event.kind == "end":
            _ended(event, record, log)

    jobs = [
        _job(request, notebook, record, scratch / str(number))
        for number, notebook in enumerate(request.notebooks)
    ]
    for job in jobs:
        Path(job.folder).mkdir()
        Path(job.runtime).mkdir()
        record.notebook(job.name, status="waiting")
    return execute.run_all(
        jobs,
        n_jobs=request.n_jobs,
        limits=request.limits,
        environment=execute.environment(
            request.run.common.as_of,
            n_jobs=min(request.n_jobs, len(jobs)),
            memory_bytes=request.limits.memory_bytes,
            kept_in=_kept_in(scratch),
            hidden=hidden,
        ),
        on_event=hear,
    )


def _ended(event: Event, record: manifest.Manifest, log: manifest.Log) -> None:
    exit_code, message = event.content["exit_code"], str(event.content["message"])
    started = manifest.moment(record.content["notebooks"][event.name]["started_at"])
    duration = (manifest.moment(manifest.now()) - started).total_seconds()
    log.write(event.name, message or "done")
    record.notebook(
        event.name,
        status="failed" if exit_code else "ok",
        exit_code=exit_code,
        reason=message,
        duration_seconds=round(duration, 1),
        artefacts=manifest.hashes(record.folder / event.name),
    )


def _job(request: Request, notebook: Notebook, record: manifest.Manifest, runtime: Path) -> Job:
    model = request.run.for_notebook(notebook)
    own = record.folder / notebook.name
    return Job(
        name=notebook.name,
        notebook=str(notebook.path),
        parameters={**model.plain(), "output_dir": str(own)},
        folder=str(own),
        runtime=str(runtime),
        paths={
            str(own): f"reports/{record.folder.name}/{notebook.name}",
            **_paths(request.run.root),
        },
        report={
            name: record.content[name]
            for name in ("run_id", "as_of", "parameters_file", "software")
        },
        cell_seconds=request.limits.cell_seconds,
        start_seconds=request.limits.start_seconds,
        after=model.reads,
    )


def _paths(root: Path) -> dict[str, str]:
    """Return this machine's paths and what a report shows in their place."""
    shown = {str(root): ".", sys.prefix: "(python)", str(Path.home()): "~"}
    return {path: text for path, text in shown.items() if path != os.sep}


def _known(request: Request) -> dict[str, Any]:
    run = request.run
    return {
        "parameters_file": run.shown_path,
        "set": list(run.assignments),
        "parameters": {
            notebook.name: run.for_notebook(notebook).plain() for notebook in request.notebooks
        },
        "all_notebooks": [notebook.name for notebook in project.notebooks(run.root)],
        "as_of": run.common.as_of.isoformat(),
        "seed": run.common.seed,
        "limits": vars(request.limits),
        "software": manifest.software(run.root),
    }


def _failure(failed: Sequence[Result], folder: Path) -> errors.CsModelsError:
    """Return the refusal of a run whose notebooks failed, with the first one's exit code."""
    first = failed[0]
    lines = [f"{result.name}: {result.message}" for result in failed]
    error = errors.NotebookError("\n".join(lines), repair=f"see {folder / manifest.LOG_NAME}")
    error.exit_code = first.exit_code
    return error
