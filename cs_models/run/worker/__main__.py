"""`python -m cs_models.run.worker`: reads one job, answers with progress and a result."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cs_models import errors
from cs_models.run.worker import orphan, verdict
from cs_models.run.worker.job import Job

PARENT = "CS_MODELS_PARENT_PID"


def main() -> None:
    """Run one notebook; everything but JSON lines goes to standard error."""
    orphan.die_with(int(os.environ[PARENT]))
    # jsonschema, below nbformat, builds the grammar of international web addresses when it is
    # imported: three seconds of a core for a check that no notebook needs.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    job = Job.of_line(sys.stdin.readline())

    def tell(**event: Any) -> None:
        answer.write(json.dumps(event) + "\n")

    try:
        exit_code, message = _run(job, tell)
    except errors.CsModelsError as error:
        exit_code, message = error.exit_code, str(error)
    except (MemoryError, OSError) as error:
        if not verdict.exhausted(error):
            raise
        exit_code, message = errors.ResourceError.exit_code, f"out of resources: {error}"
    tell(event="result", exit_code=exit_code, message=message)


def _run(job: Job, tell: Callable[..., None]) -> tuple[int, str]:
    from cs_models.run.worker import engine, prepare

    folder = Path(job.folder)
    notebook = prepare.prepare(Path(job.notebook), job.parameters)
    n_cells = sum(c.cell_type == "code" and bool(c.source.strip()) for c in notebook.cells) + 1
    tell(event="cells", total=n_cells)
    session = engine.Session(Path(job.runtime), lambda done: tell(event="cell", done=done))
    signal.signal(signal.SIGTERM, lambda *_: _stop(session))

    raised: BaseException | None = None
    try:
        session.execute(
            notebook,
            job.parameters,
            folder=Path(job.notebook).parent,
            cell_seconds=job.cell_seconds,
            start_seconds=job.start_seconds,
        )
    except Exception as error:  # judged below, whatever it is
        raised = error
    judged = verdict.judge(session.notebook, raised, _described(), folder)
    return _leave(job, session.notebook, judged)


def _stop(session: Any) -> None:
    session.kill_kernel()
    os._exit(128 + signal.SIGTERM)


def _described() -> dict[str, Any] | None:
    path = Path(os.environ["CS_MODELS_ERROR_FILE"])
    described: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return described


def _leave(job: Job, notebook: Any, judged: Any) -> tuple[int, str]:
    """Write the executed notebook without secrets and, when it is good, its page."""
    from cs_models.run import secrets
    from cs_models.run.worker import artefacts

    redact = secrets.redactor(secrets.environment_secrets(), job.paths)
    folder = Path(job.folder)
    if notebook is not None:
        artefacts.write_notebook(notebook, folder / artefacts.EXECUTED, redact, job)
    artefacts.redact_files(folder, redact)
    if judged.good:
        artefacts.export(folder, job.report)
    return judged.exit_code, redact(judged.message)


if __name__ == "__main__":
    main()
