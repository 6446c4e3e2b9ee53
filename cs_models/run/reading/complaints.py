"""From faults to one message: which field, what it got, what is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import pydantic

from cs_models import errors
from cs_models.run.reading import values


def faults_of(error: pydantic.ValidationError) -> list[values.Fault]:
    """Return pydantic's complaints as faults.

    A validator that looks at several fields names the one to change by starting its message
    with ``name: allowed, got value``.
    """
    found = []
    for complaint in error.errors(include_url=False, include_context=False):
        path = tuple(complaint["loc"])
        message = complaint["msg"].removeprefix("Value error, ")
        if complaint["type"] == "missing":
            found.append(values.Fault(path, "nothing", "a value: the field is required"))
        elif complaint["type"] == "extra_forbidden":
            found.append(values.Fault(path, "an unknown name", "a declared name", unknown=True))
        elif ", got " in message:
            name, _, rest = message.partition(": ")
            allowed, _, got = rest.partition(", got ")
            found.append(values.Fault((*path, name), got, allowed))
        else:
            found.append(values.Fault(path, values.shown(complaint["input"]), message))
    return found


class ParameterFaults(errors.ParameterError):
    """A refusal that still knows its single faults.

    Parameters
    ----------
    faults : sequence of Fault
        At least one.
    where : str, default ""
        The file and line, or the command-line word.
    """

    def __init__(self, faults: Sequence[values.Fault], *, where: str = "") -> None:
        self.faults = tuple(faults)
        if len(faults) == 1:
            fault = faults[0]
            super().__init__(_what(fault), where=where, got=fault.got, repair=fault.allowed)
            return
        lines = [f"  {_what(fault)}: got {fault.got}; {fault.allowed}" for fault in faults]
        super().__init__("\n".join([f"{len(faults)} parameters are wrong", *lines]), where=where)


def _what(fault: values.Fault) -> str:
    name = values.dotted(fault.path) or "the run file"
    return f"unknown parameter {name}" if fault.unknown else f"{name} is not allowed as it stands"
