"""papermill, told what it would otherwise guess.

It writes notebooks in place and torn (`reliability.md` D1), formats paths with the
parameters (B11), starts whatever kernel is called ``python3`` and talks to it over TCP (G9).
So it gets no output path, an escaped input path, the running interpreter and sockets in a
private folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

KERNEL_NAME = "python3"


class _OwnInterpreter(KernelSpecManager):
    """Knows one kernel: this interpreter, bound to its worker."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel of this interpreter, whatever its name."""
        command = [sys.executable, "-P", "-m", "cs_models.run.worker.kernel"]
        return KernelSpec(
            argv=[*command, "-f", "{connection_file}"],
            display_name="Python",
            language="python",
            name=kernel_name,
        )


class Session:
    """One notebook's execution: where its sockets are, and what it left when it failed.

    Parameters
    ----------
    runtime : Path
        A private folder with a short name, for sockets and the prepared notebook.
    on_cell : callable
        Called with the number of code cells that ran.

    Attributes
    ----------
    notebook : NotebookNode or None
        The notebook as it is now; it survives an exception out of papermill.
    """

    def __init__(self, runtime: Path, on_cell: Callable[[int], None]) -> None:
        self.runtime = runtime
        self.notebook: Any = None
        self._on_cell = on_cell
        self._n_cells = 0
        self._managers: list[AsyncKernelManager] = []

    def execute(
        self,
        notebook: Any,
        parameters: Mapping[str, Any],
        *,
        folder: Path,
        cell_seconds: int,
        start_seconds: int,
    ) -> None:
        """Execute a prepared notebook in `folder`; `self.notebook` holds what came of it.

        Raises
        ------
        Exception
            Whatever papermill and nbclient raise: see `verdict.judge`.
        """
        prepared = self.runtime / "prepared.ipynb"
        nbformat.write(notebook, prepared)  # type: ignore[no-untyped-call]
        papermill.execute_notebook(
            str(prepared).replace("{", "{{").replace("}", "}}"),
            None,
            parameters=dict(parameters),
            kernel_name=KERNEL_NAME,
            language="python",
            progress_bar=False,
            cwd=str(folder),
            start_timeout=start_seconds,
            execution_timeout=cell_seconds,
            kernel_manager_class=self._manager_class(),
            on_notebook_start=self._started,
            on_cell_executed=self._cell_ran,
            force_raise_errors=True,
            store_widget_state=False,
            record_timing=False,
            iopub_timeout=60,
        )

    def kill_kernel(self) -> None:
        """End the kernel and its children at once."""
        for manager in self._managers:
            provisioner = manager.provisioner
            process = getattr(provisioner, "process", None)
            if process is not None:
                _kill_group(process.pid)

    def _manager_class(self) -> type[AsyncKernelManager]:
        session = self

        class Isolated(AsyncKernelManager):
            """Starts the running interpreter, with its sockets in a private folder."""

            def __init__(self, **settings: Any) -> None:
                transport = "tcp" if sys.platform == "win32" else "ipc"
                super().__init__(**settings, transport=transport)
                self.connection_file = str(session.runtime / "k.json")
                session._managers.append(self)

            @default("kernel_spec_manager")
            def _only_ours(self) -> KernelSpecManager:
                return _OwnInterpreter()

        return Isolated

    def _started(self, notebook: Any) -> None:
        self.notebook = notebook

    def _cell_ran(self, **_: Any) -> None:
        self._n_cells += 1
        self._on_cell(self._n_cells)


def _kill_group(pid: int) -> None:
    import os
    import signal

    try:
        os.killpg(pid, signal.SIGKILL)
    except (AttributeError, OSError):
        return
