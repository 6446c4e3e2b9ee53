"""Progress on standard error: bars on a terminal, silence elsewhere; warnings always."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table

from cs_models.data.faults import CheckReport
from cs_models.run.execute import Event

_STYLES = {"refuse": "bold red", "quarantine": "yellow", "note": "dim"}


class Screen:
    """The terminal during a run.

    Parameters
    ----------
    console : Console, optional
        Standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or make_console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Elapsed(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a sentence, whatever it holds, as plain text."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that something without a measure is going on."""
        task = self._progress.add_task(escape(text), total=None)
        try:
            yield
        finally:
            self._progress.remove_task(task)

    def show(self, event: Event) -> None:
        """Move the bar of the notebook that the event is about."""
        if event.kind == "start":
            self._tasks[event.name] = self._progress.add_task(event.name, total=None)
        elif event.name in self._tasks:
            task = self._tasks[event.name]
            if event.kind == "cells":
                self._progress.update(task, total=event.content["total"])
            elif event.kind == "cell":
                self._progress.update(task, completed=event.content["done"])

    def faults(self, report: CheckReport) -> None:
        """Print what stops or thins the source; notes are for `cs-models check`."""
        telling = tuple(fault for fault in report.faults if fault.severity != "note")
        print_report(self.console, CheckReport(telling, report.counts))


def make_console(*, stderr: bool = False) -> Console:
    """Return a console for standard output or error, wide where nobody's window is cut."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 200)


def print_report(console: Console, report: CheckReport) -> None:
    """Print counts and faults of a source as two tables.

    Source text is escaped: an account may be called ``[bold]``.
    """
    if report.counts:
        names = list(dict.fromkeys(name for c in report.counts.values() for name in c))
        counts = Table("table", title="rows", title_justify="left")
        for name in names:
            counts.add_column(name, justify="right")
        for table, found in report.counts.items():
            counts.add_row(escape(table), *(f"{found.get(name, 0):,}" for name in names))
        console.print(counts)
    if report.faults:
        console.print(_faults(report))


def _faults(report: CheckReport) -> Table:
    faults = Table(title="faults", title_justify="left")
    for name in ("severity", "where", "rule", "rows", "for example", "repair"):
        faults.add_column(name, overflow="fold", justify="right" if name == "rows" else "left")
    for fault in report.faults:
        cells = (
            f"{fault.table}.{fault.column}" if fault.column else fault.table,
            fault.rule,
            f"{fault.count:,}" if fault.count else "",
            ", ".join(map(repr, fault.samples)),
            fault.repair,
        )
        severity = f"[{_STYLES[fault.severity]}]{fault.severity}[/]"
        faults.add_row(severity, *map(escape, cells))
    return faults
