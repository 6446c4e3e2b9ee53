"""SIGINT and SIGTERM become one exception, raised once, in the main thread.

What must not be cut in two (the last step of publishing, the end of the workers) runs while
the signal is held back.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from cs_models import errors


class Guard:
    """Remembers the first signal, and raises it where it does no harm.

    Attributes
    ----------
    received : int or None
        The first signal's number.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._held = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into `InterruptedRun` inside the block."""
        before = {
            number: signal.signal(number, self._arrived)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Finish the block even when a signal arrives; it is then too late to interrupt."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        first = self.received is None
        if first:
            self.received = number
        if first and not self._held:
            raise errors.InterruptedRun(number)
