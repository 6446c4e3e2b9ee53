"""The form of a run file, and its plain functions for scripts.

``form.show()`` opens it in JupyterLab; ``form.write(values, path)`` checks and writes the same
file without a screen, ``form.yaml_text(values)`` returns it as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cs_models.run.lab.text import write, yaml_text
from cs_models.run.reading import project

__all__ = ["show", "write", "yaml_text"]


def show(start: str = "") -> Any:
    """Return the form of a run file, made from the parameter models.

    Parameters
    ----------
    start : str, default ""
        A run file to begin with, such as ``parameters/sample.yml``; an empty form without one.

    Returns
    -------
    ipywidgets.VBox

    Raises
    ------
    ParameterError
        When this is not inside a project.
    """
    from cs_models.run.lab.run_form import RunForm

    form = RunForm(project.root(Path.cwd()))
    if start:
        form.start.value = start
    return form.widget
