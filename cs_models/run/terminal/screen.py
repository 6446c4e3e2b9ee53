"""Progress on standard error: bars on a terminal, silence elsewhere; warnings always."""

from __future__ import annotations

import contextlib
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
        self.console = console or Console(stderr=True)
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
        """Print counts and faults of a source as tables."""
        print_report(self.console, report)


def print_report(console: Console, report: CheckReport) -> None:
    """Print what the contract found in a source: rows for each table, then every fault.

    Source text is escaped: an account may be called ``[bold]``.
    """
    if report.counts:
        names = list(dict.fromkeys(name for c in report.counts.values() for name in c))
        counts = Table("table", *names, title="rows")
        for table, found in report.counts.items():
            counts.add_row(table, *(f"{found.get(name, 0):,}" for name in names))
        console.print(counts)
    if report.faults:
        faults = Table("severity", "where", "rule", "rows", "for example", "repair", title="faults")
        for fault in report.faults:
            where = f"{fault.table}.{fault.column}" if fault.column else fault.table
            samples = escape(", ".join(map(repr, fault.samples)))
            faults.add_row(
                f"[{_STYLES[fault.severity]}]{fault.severity}[/]",
                escape(where),
                escape(fault.rule),
                f"{fault.count:,}",
                samples,
                escape(fault.repair),
            )
        console.print(faults)
