"""Whether a notebook really ran to its end.

papermill marks every cell "completed" when the kernel was killed, timed out or left by
``sys.exit`` (`reliability.md` C1 to C4, C7), so its word counts for nothing here.  A notebook
is good only if nothing was raised out of the engine, every code cell has a count and no
error, its sentinel cell ran and its results can be read.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cs_models import errors

SENTINEL = "sentinel"
RESULTS = "results.json"
_MARKER = "papermill-error-cell-tag"  # cells that papermill puts in front of a failure
RESULT_NAMES = ("headline", "as_of", "counts", "findings")


@dataclass(frozen=True)
class Verdict:
    """What became of one notebook.

    Attributes
    ----------
    exit_code : int
        0 when it is good, else the code of the refusal's class in `errors`.
    message : str
        What happened and where; empty when it is good.
    """

    exit_code: int
    message: str

    @property
    def good(self) -> bool:
        """Tell whether the notebook may be published."""
        return self.exit_code == 0


def judge(
    notebook: Any, error: BaseException | None, described: dict[str, Any] | None, folder: Path
) -> Verdict:
    """Judge an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode or None
        The notebook as the engine left it; None when the kernel never started.
    error : exception or None
        What the engine raised.
    described : dict or None
        What the kernel wrote down about an uncaught exception.
    folder : Path
        Where the notebook should have left its results.

    Returns
    -------
    Verdict
        Good, or the exit code and the reason.
    """
    if error is not None:
        return _of_engine(error, described or {}, f"\n  cell: {_place(notebook)}")
    fault = unfinished(notebook) or results_fault(folder / RESULTS)
    return Verdict(errors.NotebookError.exit_code, fault) if fault else Verdict(0, "")


def exhausted(error: BaseException) -> bool:
    """Tell whether an error means that memory, the disk or another resource is used up."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
    return isinstance(error, MemoryError) or getattr(error, "errno", None) in full


def unfinished(notebook: Any) -> str:
    """Return why a notebook must not be exported; empty when all of it ran.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook.
    """
    cells = list(_code_cells(notebook))
    for number, cell in cells:
        for output in cell.get("outputs", ()):
            if output.get("output_type") == "error":
                return f"cell {number} ended with {output.get('ename', 'an error')}"
    for number, cell in cells:
        if not cell.get("execution_count"):
            return f"cell {number} did not run: {_first_line(cell)}"
    if not any(SENTINEL in cell.metadata.get("tags", ()) for _, cell in cells):
        return f"no cell tagged {SENTINEL} ran"
    return ""


def results_fault(path: Path) -> str:
    """Return what is wrong with a ``results.json``; empty when it can be read."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except FileNotFoundError:
        return f"the notebook left no {RESULTS}"
    except ValueError as error:
        return f"{RESULTS} cannot be read: {error}"
    if not isinstance(content, dict):
        return f"{RESULTS} is not a mapping"
    missing = [name for name in RESULT_NAMES if name not in content]
    return f"{RESULTS} has no {', '.join(missing)}" if missing else ""


def _of_engine(error: BaseException, described: dict[str, Any], place: str) -> Verdict:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    resources = errors.ResourceError.exit_code
    # The engine's own errors come first: it interrupts a cell that takes too long, and what
    # the kernel then writes down is only that interruption.
    if isinstance(error, CellTimeoutError):
        return Verdict(resources, f"a cell took longer than it may{place}")
    if isinstance(error, DeadKernelError):
        return Verdict(resources, f"the kernel died: killed, or out of memory{place}")
    if isinstance(error, PapermillExecutionError):
        text = described.get("text") or f"{error.ename}: {error.evalue}"
        return Verdict(described.get("exit_code", errors.NotebookError.exit_code), text + place)
    if exhausted(error):
        return Verdict(resources, f"out of resources: {error or type(error).__name__}")
    if isinstance(error, RuntimeError) and "ernel" in str(error):
        return Verdict(resources, f"the kernel did not start: {error}")
    return Verdict(errors.NotebookError.exit_code, f"{type(error).__name__}: {error}")


def _place(notebook: Any) -> str:
    """Name the last cell that was started."""
    started = [
        (number, cell)
        for number, cell in (_code_cells(notebook) if notebook is not None else ())
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    if not started:
        return "none was started"
    number, cell = started[-1]
    return f"{number}, {_first_line(cell)}"


def _code_cells(notebook: Any) -> Iterator[tuple[int, Any]]:
    """Yield each code cell that has something to run, with its number among all cells."""
    own = [cell for cell in notebook.cells if _MARKER not in cell.metadata.get("tags", ())]
    for number, cell in enumerate(own, start=1):
        if cell.cell_type == "code" and cell.source.strip():
            yield number, cell


def _first_line(cell: Any) -> str:
    return str(cell.source.strip().splitlines()[0])[:80]
