"""What the run tells a worker, and what the worker answers: JSON lines over pipes.

Never command-line arguments: those can be read by everybody on the machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """One notebook to run.

    Attributes
    ----------
    name : str
        ``02_adoption_thresholds``.
    notebook : str
        The file.
    parameters : dict
        Plain JSON values, one for each field of the notebook's model.
    folder : str
        Where executed.ipynb, report.html, results.json and tables go.
    runtime : str
        A private folder with a short name.
    paths : dict of str to str
        Absolute paths and what to show in their place.
    report : dict
        What the page says about the run.
    cell_seconds, start_seconds : int
        How long a cell may run, and how long a kernel may take to start.
    after : tuple of str
        Notebooks whose results it reads: it starts when those of them that are in the run have
        ended.
    """

    name: str
    notebook: str
    parameters: dict[str, Any]
    folder: str
    runtime: str
    paths: dict[str, str] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    cell_seconds: int = 600
    start_seconds: int = 60
    after: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the job as one line of JSON."""
        return json.dumps(asdict(self), allow_nan=False) + "\n"

    @classmethod
    def of_line(cls, line: str) -> Job:
        """Read a job from its line."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Result:
    """What became of one notebook: `exit_code` 0 and no message, or the refusal."""

    name: str
    exit_code: int
    message: str
