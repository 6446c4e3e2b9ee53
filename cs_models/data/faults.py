"""What is wrong with a source: faults in three severities, reported together.

``refuse`` stops the run (exit 3), ``quarantine`` takes the rows out, counts and lists them,
``note`` only says so.  A report of faults is small whatever the size of the source: it holds
counts and at most five sample values a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from cs_models.errors import DataError

Severity = Literal["refuse", "quarantine", "note"]
SEVERITIES: tuple[Severity, ...] = ("refuse", "quarantine", "note")
SAMPLES = 5


@dataclass(frozen=True)
class Fault:
    """One rule broken by `count` rows of one column.

    Parameters
    ----------
    table : str
        Canonical table.
    column : str
        Canonical column, or ``""`` for a fault of the table as a whole.
    rule : str
        What the contract asks, in a few words.
    severity : {"refuse", "quarantine", "note"}
        What happens to the run or to the rows.
    count : int
        Rows concerned.
    samples : tuple of str
        At most five of the values found, in order.
    repair : str
        What would make it right.
    """

    table: str
    column: str
    rule: str
    severity: Severity
    count: int = 0
    samples: tuple[str, ...] = ()
    repair: str = ""

    def __str__(self) -> str:
        """Return the fault as one line."""
        place = f"{self.table}.{self.column}" if self.column else self.table
        rows = f" ({self.count:,} row{'' if self.count == 1 else 's'})" if self.count else ""
        found = f", e.g. {', '.join(map(repr, self.samples))}" if self.samples else ""
        return f"{place}: {self.rule}{rows}{found}"


@dataclass(frozen=True)
class CheckReport:
    """The contract held against one source.

    Parameters
    ----------
    faults : tuple of Fault
        Every fault found, refusals first.
    counts : mapping of str to mapping
        For each table ``read``, ``kept``, ``quarantined`` and ``excluded`` rows (excluded: later
        than ``as_of``, or uses of quantity 0); ``read`` is the sum of the other three.
    """

    faults: tuple[Fault, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def refusals(self) -> tuple[Fault, ...]:
        """Faults that stop the run."""
        return tuple(fault for fault in self.faults if fault.severity == "refuse")

    def frame(self) -> pd.DataFrame:
        """Return one row a fault: table, column, rule, severity, count, samples, repair."""
        columns = ["table", "column", "rule", "severity", "count", "samples", "repair"]
        rows = [
            [f.table, f.column, f.rule, f.severity, f.count, ", ".join(f.samples), f.repair]
            for f in self.faults
        ]
        return pd.DataFrame(rows, columns=columns)

    def raise_refusals(self, where: str) -> None:
        """Raise one DataError that tells all refusals.

        Parameters
        ----------
        where : str
            The source, as the run file names it.

        Raises
        ------
        DataError
            When at least one fault is a refusal.
        """
        if not self.refusals:
            return
        lines = [f"{fault}\n      repair: {fault.repair}" for fault in self.refusals]
        plural = "s" if len(lines) > 1 else ""
        raise DataError(
            f"the source breaks the data contract: {len(lines)} refusal{plural}",
            where=where,
            got="\n    - ".join(["", *lines]).lstrip("\n "),
            repair="docs/data_contract.md says what each table needs",
        )


def ordered(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return `faults`, refusals first, otherwise in the order found."""
    return tuple(sorted(faults, key=lambda fault: SEVERITIES.index(fault.severity)))
