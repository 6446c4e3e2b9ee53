"""Bars under a long cell, in JupyterLab alone.

The listener of `cs_models.progress`: it shows the open steps below the running cell, at most some
times a second, and takes them away when the work has ended.  An executed notebook of a headless
run holds nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from cs_models import progress
from cs_models.run.lab import session

_PATIENCE_SECONDS = 0.7  # work that is over sooner needs no bar
_BETWEEN_SECONDS = 0.2


def listen() -> None:
    """Show progress under the cells of this notebook from now on, when somebody looks at it."""
    if session.attended():
        progress.listen(Bars())


class Bars:
    """Shows open steps below the running cell.

    Parameters
    ----------
    show : callable, optional
        Takes markup and plain text and shows them in place of what it showed before; by default
        it updates an output of the running cell.
    clock : callable, default time.monotonic
        Seconds.
    """

    def __init__(
        self,
        show: Callable[[str, str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._clock = show, clock
        self._show: Callable[[str, str], None] | None = None
        self._began = self._last = 0.0

    def heard(self, steps: Sequence[progress.Step]) -> None:
        """Show the steps; take the bars away when there are none."""
        now = self._clock()
        if not steps:
            if self._show is not None:
                self._show("", "")
            self._show, self._began = None, 0.0
            return
        self._began = self._began or now
        if now - self._began < _PATIENCE_SECONDS or now - self._last < _BETWEEN_SECONDS:
            return
        self._last = now
        if self._show is None:
            self._show = self._make or _output()
        self._show(markup(steps), text(steps))


def markup(steps: Sequence[progress.Step]) -> str:
    """Return bars as escaped markup for JupyterLab, the outermost step first."""
    return session.STYLE + "".join(bar(step.label, step.done, step.total) for step in steps)


def bar(label: str, done: int, total: int, *, told: str = "") -> str:
    """Return one bar with its count and words as escaped markup.

    Parameters
    ----------
    label : str
        What is counted.
    done, total : int
        How many of how many; a total of 0 is not known.
    told : str, default ""
        What stands in place of the count.
    """
    share = min(done / total, 1.0) if total else 0.0
    count = told or (f"{done:,} of {total:,}" if total else f"{done:,}")
    return (
        f'<div class="cs-bar"><div class="track" role="progressbar" aria-label="{escape(label)}" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share * 100:.0f}">'
        f'<div class="fill" style="width:{share:.1%}"></div></div>'
        f'<span class="count">{escape(count)}</span><span>{escape(label)}</span></div>'
    )


def text(steps: Sequence[progress.Step]) -> str:
    """Return the same as plain text: ``past quarters told again 3 of 8``."""
    return ", ".join(
        f"{step.label} {step.done:,}" + (f" of {step.total:,}" if step.total else "")
        for step in steps
    )


def _output() -> Callable[[str, str], None]:
    """Return what updates a new output of the running cell."""
    from IPython.display import display

    handle: Any = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def update(shown: str, plain: str) -> None:
        data = {"text/html": shown, "text/plain": plain} if shown else {"text/plain": ""}
        handle.update(data, raw=True)

    return update
