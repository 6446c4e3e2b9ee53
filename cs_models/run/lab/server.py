"""Where this notebook's own Jupyter server shows a file.

Only the folder and the base address of the server are read of what it wrote down about itself; its
token never leaves there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote


def address(path: Path) -> str:
    """Return the address under which this notebook's server gives out a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        An address on the same host; empty where no server is known, or the file is not below its
        folder.
    """
    for known in _servers():
        base, top = str(known.get("base_url", "/")), known.get("root_dir")
        if top and path.resolve().is_relative_to(Path(str(top)).resolve()):
            inside = path.resolve().relative_to(Path(str(top)).resolve())
            return f"{base}files/{quote(inside.as_posix())}"
    return ""


def _servers() -> list[dict[str, object]]:
    """Return what the server of this kernel, and no other, wrote down about itself."""
    from jupyter_core.paths import jupyter_runtime_dir

    own = os.environ.get("JPY_PARENT_PID", "")
    path = Path(jupyter_runtime_dir()) / f"jpserver-{own}.json"
    try:
        return [json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return []
