"""Lists as files: ``parameters/lists/*.yml``, one list a file, checked before anything is read.

Grain in: a folder.  Grain out: one ``CustomerList`` a file, in order of their names, or a refusal
that names the file, the line and what is allowed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Final, Literal

import pydantic
from pydantic import ConfigDict, Field

from cs_models import errors
from cs_models.learn.listing.asked import CustomerList
from cs_models.run.criteria import CriterionParameters
from cs_models.run.reading import complaints, values, yaml_file

MOST: Final = 50
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
Column = Annotated[str, Field(min_length=1, max_length=300)]


class ListParameters(pydantic.BaseModel):
    """One list as it stands in its file; see ``learn.lists.CustomerList`` for the meanings."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    title: Annotated[str, Field(min_length=1, max_length=120)]
    action: Annotated[str, Field(min_length=1, max_length=300)]
    grain: Literal["account", "user"]
    criteria: CriterionParameters
    order_by: Column
    ascending: bool = False
    outcome: Literal["left", "renewed", "expanded", "active", "started", "gone"]
    quiet_days: Annotated[int, Field(ge=0, le=365)] = 0
    priority: Annotated[int, Field(ge=1, le=1000)] = 100
    per_week: Annotated[int, Field(ge=1, le=10_000)] | None = None
    high_touch_value_share: Annotated[float, Field(ge=0, le=1)] = 0.8

    def customer_list(self, name: str) -> CustomerList:
        """Return the list that is made."""
        fields = {field: getattr(self, field) for field in type(self).model_fields}
        return CustomerList(name=name, **fields | {"criteria": self.criteria.criterion()})


def read(folder: Path | str | None) -> tuple[CustomerList, ...]:
    """Read every list of a folder.

    Parameters
    ----------
    folder : Path, str or None
        Its ``*.yml`` files are read, other files are passed over; None reads none.

    Returns
    -------
    tuple of CustomerList
        In order of their file names, which name them.

    Raises
    ------
    ParameterError
        When there is no such folder, a file is not plain YAML or not a list, or asks a column that
        no frame can have, naming file, line, what was found and the nearest name.
    """
    if folder is None:
        return ()
    place = Path(folder)
    if not place.is_dir():
        raise errors.ParameterError(
            "there is no folder of lists",
            where="lists", got=str(folder)[-80:], repair="a folder of *.yml files, or null",
        )  # fmt: skip
    files = sorted(place.glob("*.yml"))
    if len(files) > MOST:
        raise errors.ParameterError(
            "too many lists", where=place.name, got=f"{len(files)} files", repair=f"at most {MOST}"
        )
    return tuple(_one(file) for file in files)


def _one(file: Path) -> CustomerList:
    if not _NAME.fullmatch(file.stem):
        raise errors.ParameterError(
            "a list's file name is its name",
            where=file.name, got=repr(file.stem)[:80], repair="lower-case letters, digits and _",
        )  # fmt: skip
    document = yaml_file.read(file)
    faults = list(values.faults(document.content))
    if faults:
        raise _located(faults, document, file)
    try:
        text = json.dumps(document.content, allow_nan=False)
        model = ListParameters.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise _located(complaints.faults_of(error), document, file) from None
    try:
        return model.customer_list(file.stem)
    except errors.ParameterError as error:
        raise errors.ParameterError(
            error.what, where=f"{file.name}: {error.where}", got=error.got, repair=error.repair
        ) from None


def _located(
    faults: list[values.Fault], document: yaml_file.Document, file: Path
) -> errors.ParameterError:
    """Return the refusal with the line of the first fault."""
    path = faults[0].path
    for length in range(len(path), 0, -1):
        if line := document.lines.get(path[:length]):
            return complaints.ParameterFaults(faults, where=f"{file.name}, line {line}")
    return complaints.ParameterFaults(faults, where=file.name)
