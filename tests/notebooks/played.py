"""What notebooks showed whose cells ran in this process (the fixture ``play``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def by_heading(cells: Iterable[tuple[dict[str, Any], list[Any] | None]]) -> dict[str, list[Any]]:
    """Return what stands under each heading that shows anything by its nature."""
    found: dict[str, list[Any]] = {}
    heading = ""
    for cell, items in cells:
        if cell["cell_type"] == "markdown":
            heading = "".join(cell["source"]).splitlines()[0]
        elif items is not None:
            found.setdefault(heading, []).extend(items)
    return found
