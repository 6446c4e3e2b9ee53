"""A refusal says what, where, got and repair, and a scheduler can tell them apart."""

from __future__ import annotations

import pytest

from cs_models import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ParameterError, 2),
        (errors.DataError, 3),
        (errors.TooLittleDataError, 4),
        (errors.NotebookError, 5),
        (errors.ResourceError, 6),
        (errors.LockedError, 7),
    ],
)
def test_exit_codes_are_those_of_the_architecture(
    kind: type[errors.CsModelsError], code: int
) -> None:
    """Each kind of refusal keeps its exit code and shows its four parts in order."""
    error = kind("no such table", where="source.tables", got="evnts", repair="did you mean events?")
    assert error.exit_code == code
    assert str(error).split("\n") == [
        "no such table",
        "  where: source.tables",
        "  got: evnts",
        "  repair: did you mean events?",
    ]


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_interruption_exits_as_the_shell_expects(number: int, code: int) -> None:
    """SIGINT exits with 130 and SIGTERM with 143."""
    assert errors.InterruptedRun(number).exit_code == code


def test_unknown_parts_are_left_out() -> None:
    """A message without details is one line."""
    assert str(errors.DataError("events is empty")) == "events is empty"
