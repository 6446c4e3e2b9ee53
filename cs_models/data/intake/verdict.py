"""What is known of one table while it is held against the contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import ibis.expr.types as ir

from cs_models.data.faults import SAMPLES, Fault


@dataclass(frozen=True)
class Verdict:
    """The rows that stay so far, the faults found so far, and where the other rows went.

    Parameters
    ----------
    rows : ibis Table
        Canonical columns of the rows that stay.
    faults : tuple of Fault
        Found so far.
    read, quarantined, excluded : int
        Row counts.
    present : frozenset of str
        Canonical columns that the source has; the others are NULL in every row.
    """

    rows: ir.Table
    faults: tuple[Fault, ...] = ()
    read: int = 0
    quarantined: int = 0
    excluded: int = 0
    present: frozenset[str] = frozenset()

    @property
    def live(self) -> int:
        """Rows that belong to this history, fit or not."""
        return self.read - self.excluded

    @property
    def kept(self) -> int:
        """Rows that stay."""
        return self.live - self.quarantined

    @property
    def refused(self) -> bool:
        """Whether a fault found so far stops the run."""
        return any(fault.severity == "refuse" for fault in self.faults)

    @property
    def counts(self) -> dict[str, int]:
        """Rows read, kept, quarantined and excluded."""
        return {
            "read": self.read,
            "kept": self.kept,
            "quarantined": self.quarantined,
            "excluded": self.excluded,
        }

    def with_fault(self, *faults: Fault) -> Self:
        """Return the verdict with more faults."""
        return replace(self, faults=(*self.faults, *faults))

    def without(self, rows: ir.Table, count: int, *faults: Fault) -> Self:
        """Return the verdict with `count` more rows in quarantine, `rows` left."""
        more = self.quarantined + count
        return replace(self, rows=rows, quarantined=more, faults=(*self.faults, *faults))


def samples(table: ir.Table, column: str) -> tuple[str, ...]:
    """Return at most five different values of a column as text, in order."""
    values = table.select(sample=table[column].cast("string")).distinct()
    found = values.order_by("sample").limit(SAMPLES).to_pyarrow().column("sample").to_pylist()
    return tuple("" if value is None else str(value) for value in found)


def number(value: ir.Value) -> int:
    """Return the whole number that an aggregate comes to, 0 for none."""
    found = value.to_pyarrow().as_py()
    return 0 if found is None else int(found)
