"""One class for each kind of refusal, with the exit code a scheduler sees.

Every message answers four questions in the same order: what is wrong, where, what was
found there, and how to repair it.  The command line prints the message and exits with
``exit_code``; nothing that was already published is touched.
"""

from __future__ import annotations


class CsModelsError(Exception):
    """A refusal that a person can repair.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str, default ""
        The file, table, column or field.
    got : str, default ""
        What was found there.
    repair : str, default ""
        What would make it right: an allowed value, a command, a setting.
    """

    exit_code: int = 1

    def __init__(self, what: str, *, where: str = "", got: str = "", repair: str = "") -> None:
        self.what = what
        self.where = where
        self.got = got
        self.repair = repair
        super().__init__(what, where, got, repair)

    def __str__(self) -> str:
        """Return the message, one labelled line for each part that is known."""
        labelled = (("where", self.where), ("got", self.got), ("repair", self.repair))
        return "\n".join([self.what, *(f"  {label}: {text}" for label, text in labelled if text)])


class ParameterError(CsModelsError):
    """A parameter, a command-line word or a run file is wrong."""

    exit_code = 2


class DataError(CsModelsError):
    """The source breaks the data contract, or a leak guard failed."""

    exit_code = 3


class TooLittleDataError(CsModelsError):
    """The history is too short for what was asked."""

    exit_code = 4


class NotebookError(CsModelsError):
    """A notebook stopped with an error, or did not run to its last cell."""

    exit_code = 5


class ResourceError(CsModelsError):
    """A kernel died, ran out of memory or out of time."""

    exit_code = 6


class LockedError(CsModelsError):
    """Another run holds the lock of this report folder."""

    exit_code = 7


class InterruptedRun(CsModelsError):  # noqa: N818 - an interruption is not an error of anybody
    """The run was interrupted by a signal.

    Parameters
    ----------
    signal_number : int
        The signal's number; the exit code is 128 plus it (130 for SIGINT, 143 for SIGTERM).
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__("the run was interrupted", got=f"signal {signal_number}")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
