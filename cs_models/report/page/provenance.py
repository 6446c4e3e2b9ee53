"""What a page says of the run that made it: data, window, run, parameters file, versions.

In: a run's manifest, or any part of it.  Out: (name, value) in words, in a fixed order.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from cs_models.report import values

# The packages whose version can change a number or a picture on the page.
_TELLING = ("cs-models", "duckdb", "pandas", "scikit-learn", "lifelines", "plotly")


def facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a page says of the run that made it.

    Parameters
    ----------
    run : mapping
        ``as_of``, ``data_window`` (text, or first and last date), ``run_id``,
        ``parameters_file``, ``versions`` (name to version) or ``software`` (``python`` and
        ``packages``).  Missing keys are left out; without versions, those installed count.

    Returns
    -------
    list of (str, str)
    """
    listed = [
        ("Data as of", run.get("as_of")),
        ("Data window", _window(run.get("data_window"))),
        ("Run", run.get("run_id")),
        ("Parameters from", run.get("parameters_file")),
        ("Made with", ", ".join(f"{name} {version}" for name, version in _versions(run).items())),
    ]
    return [(name, str(values.plain(value))) for name, value in listed if value]


def _window(window: Any) -> Any:
    if isinstance(window, Mapping):
        window = list(window.values())
    if isinstance(window, Sequence) and not isinstance(window, str):
        return " to ".join(str(values.plain(end)) for end in window)
    return window


def _versions(run: Mapping[str, Any]) -> dict[str, str]:
    if run.get("versions"):
        return {str(name): str(version) for name, version in run["versions"].items()}
    software = run.get("software") or {}
    packages = software.get("packages") or _installed()
    told = {name: packages[name] for name in _TELLING if packages.get(name)}
    return {"Python": software.get("python") or platform.python_version(), **told}


def _installed() -> dict[str, str]:
    found = {}
    for name in _TELLING:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
