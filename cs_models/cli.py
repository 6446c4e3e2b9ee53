"""`cs-models`: its commands.

Messages go to standard error; standard output holds only what a script may read.  Nothing
heavy is imported before it is needed, so that `--help` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cs_models import errors

if TYPE_CHECKING:
    from cs_models.run.reading.run_file import Run
    from cs_models.run.terminal.signals import Guard

app = typer.Typer(
    name="cs-models",
    help="Learn from your own renewal history which adoption level separates customers who "
    "renew from those who leave.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RunFile = Annotated[Path, typer.Argument(metavar="PARAMS", help="the run file, YAML")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="change one parameter, dotted; may repeat"),
]


class Decision(StrEnum):
    """The two kinds of decision point (`methods.md` 1.1)."""

    before_renewal = "before_renewal"
    after_start = "after_start"


@app.command()
def check(params: RunFile, assignments: Assignments = None) -> None:
    """Hold the source against the data contract: counts, refusals, quarantine."""
    from cs_models.run import workflow
    from cs_models.run.terminal.screen import make_console, print_report

    run_file = _load(params, assignments)
    try:
        report = workflow.check_source(run_file)
    except workflow.SourceRefused as refused:
        print_report(make_console(), refused.report)
        raise
    print_report(make_console(), report)


@app.command()
def run(
    context: typer.Context,
    params: RunFile,
    notebooks: Annotated[
        list[str] | None, typer.Argument(metavar="[NOTEBOOK]...", help="all when none is named")
    ] = None,
    assignments: Assignments = None,
    out: Annotated[Path, typer.Option(help="the folder of the reports")] = Path("reports"),
    jobs: Annotated[
        int, typer.Option(min=0, max=64, help="notebooks at a time; 0: one a processor core")
    ] = 0,
    cell_seconds: Annotated[int, typer.Option(min=1, help="the longest a cell may run")] = 600,
    notebook_seconds: Annotated[
        int, typer.Option(min=1, help="the longest a notebook may run")
    ] = 1800,
    memory_gb: Annotated[
        float, typer.Option(min=0.0, max=4096.0, help="memory cap of each kernel; 0: none")
    ] = 0.0,
    latest: Annotated[
        bool,
        typer.Option("--latest", help="let latest show this run even if it loses a page or a day"),
    ] = False,
) -> None:
    """Run notebooks and publish their report; print the path of its index page."""
    from cs_models.run import execute, workflow
    from cs_models.run.reading import project
    from cs_models.run.terminal.screen import Screen

    run_file = _load(params, assignments)
    chosen = project.choose(project.notebooks(run_file.root), notebooks or [])
    limits = execute.Limits(
        cell_seconds=cell_seconds,
        notebook_seconds=notebook_seconds,
        memory_bytes=int(memory_gb * 2**30),
    )
    n_jobs = jobs or min(execute.cores(), len(chosen))
    request = workflow.Request(run_file, chosen, _out(out, run_file), n_jobs, limits, latest)
    with Screen() as screen:
        try:
            index = workflow.publish_run(request, screen, context.obj)
        except workflow.SourceRefused as refused:
            screen.faults(refused.report)
            raise
    typer.echo(index)


@app.command()
def features(
    params: RunFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="the Parquet file to write")],
    decision: Annotated[Decision, typer.Option(help="when an account is judged")] = (
        Decision.before_renewal
    ),
    days: Annotated[
        int, typer.Option(min=0, max=3650, help="days before the renewal, or after the start")
    ] = 90,
    windows: Annotated[
        str, typer.Option(help="days before the decision in which use is counted")
    ] = "7,28,90",
    first: Annotated[
        str, typer.Option(help="days from the start of the term in which use is counted")
    ] = "",
    assignments: Assignments = None,
) -> None:
    """Write the panel alone: one row a contract term at its decision date."""
    from cs_models import files
    from cs_models.data import sources
    from cs_models.features import cohort, panel

    windows_days, first_days = _days("--windows", windows), _days("--first", first)
    run_file = _load(params, assignments)
    settings = run_file.sections["data_readiness"].model_dump()
    common = run_file.common
    tables = sources.read(
        run_file.resolved_source(),
        as_of=common.as_of,
        timezone=common.timezone,
        currency=common.currency,
    )
    chosen = cohort.terms(
        tables,
        common.as_of,
        decision=decision.value,
        days=days,
        grace_days=settings["grace_days"],
        data_start=settings["data_start"],
    )
    frame = panel.build(
        tables,
        chosen,
        windows_days=windows_days,
        first_days=first_days,
        min_accounts=settings["min_accounts"],
    )
    with files.atomic_path(output) as temporary:
        frame.to_parquet(temporary, index=False)
    _say(f"{len(frame):,} terms, {len(frame.columns)} columns")
    typer.echo(output)


@app.command()
def score(
    params: RunFile,
    model: Annotated[
        Path, typer.Option(help="a stored model, or the run or report that holds one")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="the CSV file to write")],
    assignments: Assignments = None,
) -> None:
    """Say of each running contract how likely it is to end, with a model learnt before."""
    from cs_models.run import scoring

    scores = scoring.score(_load(params, assignments), model)
    scoring.write(scores, output)
    read = int((scores.table["not_read_because"] == "").sum())
    _say(
        f"{len(scores.table):,} running terms, {read:,} of them about as far from their renewal as "
        f"the terms learnt from, which renewed up to {scores.trained_to}; for the others see "
        "not_read_because"
    )
    typer.echo(output)


@app.command()
def sample(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="the folder to write")],
    scenario: Annotated[str, typer.Option(help="what is true of the customers")] = "step",
    accounts: Annotated[
        int | None, typer.Option(min=1, help="how many; by default what the scenario needs")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="where chance starts")] = 0,
    clean: Annotated[
        bool, typer.Option("--clean", help="records without the faults of a company's own")
    ] = False,
) -> None:
    """Invent customers whose truth is known: the tables of the contract and truth.json."""
    from cs_models.data import simulate

    simulate.write(out, scenario=scenario, n_accounts=accounts, seed=seed, dirty=not clean)
    typer.echo(out)


@app.command()
def export(
    executed: Annotated[Path, typer.Argument(metavar="EXECUTED", help="an executed notebook")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the page to write")],
) -> None:
    """Make one offline page of a notebook that ran to its end."""
    from cs_models.report import html

    html.export(executed, output)
    typer.echo(output)


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="newest complete runs that stay, by run file")],
    out: Annotated[Path, typer.Option(help="the folder of the reports")] = Path("reports"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say which would go")] = False,
) -> None:
    """Take away runs older than the newest of their run file; never the one that latest shows."""
    from cs_models.run import retention

    for name in retention.prune(out, keep, dry=dry_run):
        typer.echo(name)


def main() -> NoReturn:
    """Run `cs-models` and exit with the code of what happened."""
    # A command makes queries by the thousand and keeps them: looking through all of them for
    # garbage at every 700th new object costs a tenth of its time, and finds next to none.
    gc.set_threshold(50_000, 20, 50)
    sys.exit(call(sys.argv[1:]))


def call(arguments: list[str]) -> int:
    """Run `cs-models` with these arguments.

    Returns
    -------
    int
        0 done, 1 unexpected, 2 usage or parameters, 3 bad data, 4 too little data, 5 a notebook
        failed, 6 out of resources, 7 locked, 130/143 interrupted.
    """
    from cs_models.run.terminal.signals import Guard

    guard = Guard()
    with guard.watching():
        return _exit_code(arguments, guard)


def _exit_code(arguments: list[str], guard: Guard) -> int:
    try:
        app(arguments, prog_name="cs-models", obj=guard)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except errors.CsModelsError as error:
        return _refused(error, guard)
    except (Exception, KeyboardInterrupt) as error:
        if guard.received is not None:
            return _refused(errors.InterruptedRun(guard.received), guard)
        return _unexpected(error)
    return 0


def _refused(error: errors.CsModelsError, guard: Guard) -> int:
    if guard.received is not None and not isinstance(error, errors.InterruptedRun):
        error = errors.InterruptedRun(guard.received)
    _say(f"cs-models: {_redacted(str(error))}")
    return error.exit_code


def _unexpected(error: BaseException) -> int:
    """Say that this is a fault of the program, and where its details are."""
    from cs_models.run.worker import verdict

    if verdict.exhausted(error):
        _say(f"cs-models: out of resources: {_redacted(str(error))}")
        return errors.ResourceError.exit_code
    handle, name = tempfile.mkstemp(prefix="cs-models-", suffix=".log")
    details = _redacted("".join(traceback.format_exception(error)))
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(details)
    _say(f"cs-models: an unexpected {type(error).__name__}: {_redacted(str(error))[:300]}")
    _say(f"  details: {name}")
    return errors.CsModelsError.exit_code


def _load(params: Path, assignments: list[str] | None) -> Run:
    from cs_models.run.reading import run_file

    return run_file.load(params, assignments or [])


def _out(out: Path, run_file: Run) -> Path:
    """Return the folder of the reports: the default one stands in the project."""
    return run_file.root / out if out == Path("reports") else out


def _days(option: str, text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() and 1 <= int(word) <= 3650 for word in words):
        raise errors.ParameterError(
            f"{option} is not allowed as it stands",
            where=option,
            got=repr(text[:60]),
            repair="days between 1 and 3650 between commas, for example 7,28,90",
        )
    return tuple(sorted({int(word) for word in words}))


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _redacted(text: str) -> str:
    from cs_models.run import secrets

    return secrets.redactor(secrets.environment_secrets())(text)
