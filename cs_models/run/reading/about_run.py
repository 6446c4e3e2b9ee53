"""Sections of a run file that are about the run itself and reach no notebook.

Grain in: the content of a run file.  Grain out: the section's model, or its faults under the names
that stand in the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pydantic

from cs_models.run.reading import complaints, values
from cs_models.run.sections.notify import Notify

NOTIFY: Final = "notify"
SECTIONS: Final[Mapping[str, type[pydantic.BaseModel]]] = {NOTIFY: Notify}


def notify(content: Mapping[str, Any]) -> Notify | None:
    """Return whom the run tells how it ended; None where the file does not say.

    Raises
    ------
    pydantic.ValidationError
        When the section is wrong; see :func:`faults`.
    """
    given = content.get(NOTIFY)
    return None if given is None else Notify.model_validate_json(json.dumps(given))


def faults(content: Mapping[str, Any]) -> list[values.Fault]:
    """Return what is wrong with these sections, each fault with its whole path."""
    try:
        notify(content)
    except pydantic.ValidationError as error:
        return [fault._replace(path=(NOTIFY, *fault.path)) for fault in complaints.faults_of(error)]
    return []


def names() -> list[str]:
    """Return the sections and their fields, dotted, as they may be typed."""
    fields = [f"{name}.{field}" for name, model in SECTIONS.items() for field in model.model_fields]
    return [*SECTIONS, *fields]
