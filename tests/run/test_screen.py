"""What a person sees: whole words, source text as text, nothing off a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from cs_models.data.faults import CheckReport, Fault
from cs_models.run.execute import Event
from cs_models.run.terminal.screen import Screen, print_report

REPORT = CheckReport(
    (
        Fault("accounts", "created_at", "cannot be read", "refuse", 1200, ("[bold]x[/]",), "mend"),
        Fault("events", "", "has no users", "note"),
    ),
    {"accounts": {"read": 1500, "kept": 300}},
)


def _printed(show, *, width: int = 120, terminal: bool = False) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=width, force_terminal=terminal))
    return stream.getvalue()


def test_source_text_is_shown_as_it_is():
    """An account called [bold] is called so on the screen, too."""
    printed = _printed(lambda console: print_report(console, REPORT))
    assert "'[bold]x[/]'" in printed
    assert all(
        word in printed for word in ("accounts.created_at", "1,200", "1,500", "has no users")
    )


def test_a_narrow_window_cuts_no_word():
    """A cell is folded, not shortened: the end of a name may be what tells it from another."""
    printed = _printed(lambda console: print_report(console, REPORT), width=60)
    assert "…" not in printed


def test_a_refused_run_shows_no_notes():
    """They are for `cs-models check`."""
    printed = _printed(lambda console: Screen(console).faults(REPORT))
    assert "cannot be read" in printed
    assert "has no users" not in printed


def test_off_a_terminal_there_are_no_bars():
    """A log file holds sentences only."""

    def run(console: Console) -> None:
        with Screen(console) as screen:
            screen.show(Event("00_a", "start", {}))
            screen.show(Event("00_a", "cells", {"total": 3}))
            screen.show(Event("00_a", "cell", {"done": 1}))
            screen.say("an earlier run, [x], was interrupted")

    assert _printed(run) == "an earlier run, [x], was interrupted\n"
    bars = _printed(run, terminal=True)
    assert "00_a" in bars
    assert "1/3" in bars
