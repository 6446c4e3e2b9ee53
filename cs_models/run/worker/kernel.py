"""The kernel of a headless run: an ordinary IPython kernel that is bound to its worker.

It ends with its worker, keeps a memory cap when there is one, and writes down what an
uncaught exception *was*: a notebook's error output holds only the bare class name, and other
packages have a ``DataError`` too.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cs_models import errors
from cs_models.run.worker import orphan

ERROR_FILE = "CS_MODELS_ERROR_FILE"
MEMORY = "CS_MODELS_MEMORY_BYTES"


def describe(error: BaseException) -> dict[str, Any]:
    """Return what the worker must know about an uncaught exception, as plain JSON."""
    if isinstance(error, errors.CsModelsError):
        known = 2 <= error.exit_code <= 6
        return {"text": str(error), "exit_code": error.exit_code if known else 5}
    name = type(error).__name__
    memory = isinstance(error, MemoryError) or name == "OutOfMemoryException"
    code = errors.ResourceError.exit_code if memory else errors.NotebookError.exit_code
    return {"text": f"{name}: {error}".removesuffix(": "), "exit_code": code}


def main() -> None:
    """Start the kernel; the arguments are those of ``ipykernel_launcher``."""
    orphan.die_with(int(os.environ["JPY_PARENT_PID"]))
    _cap_memory(int(os.environ.get(MEMORY, "0")))

    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize(sys.argv[1:])
    app.shell.events.register("post_run_cell", _write_error)
    app.start()


def _cap_memory(n_bytes: int) -> None:
    if n_bytes:
        import resource

        # RLIMIT_DATA counts what the process writes to; RLIMIT_AS would count address space
        # that DuckDB and NumPy only reserve.
        resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes))


def _write_error(result: Any) -> None:
    error = result.error_before_exec or result.error_in_exec
    if error is not None:
        text = json.dumps(describe(error))
        Path(os.environ[ERROR_FILE]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
