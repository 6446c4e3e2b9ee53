"""The checked tables of one source, as the rest of the workbench sees them.

Each value is an Ibis table with the canonical columns and types of `cs_models.data.contract`,
plus the derived calendar columns that `cs_models.data.sources.read` adds; quarantined rows and
rows later than ``as_of`` are gone.  Nothing is in memory that the source can hold itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from cs_models.data.contract import CheckReport


@dataclass(frozen=True)
class Tables(Mapping[str, ir.Table]):
    """Canonical tables by name; an optional table that the source lacks is absent.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Checked tables.
    connection : ibis backend
        Where they live.
    as_of : date
        Nothing later than this date is in any table.
    timezone : str
        Reporting time zone: every calendar date in the tables is a date there.
    currency : str
        Currency of all money.
    checks : CheckReport
        What was found at the door.
    fingerprint : str, default ""
        Names these very tables within a run (`cs_models.kept`); empty outside of one.
    """

    tables: Mapping[str, ir.Table]
    connection: ibis.BaseBackend
    as_of: date
    timezone: str
    currency: str
    checks: CheckReport
    fingerprint: str = ""

    def __getitem__(self, name: str) -> ir.Table:
        """Return the table called `name`."""
        return self.tables[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the tables present."""
        return iter(self.tables)

    def __len__(self) -> int:
        """Return how many tables are present."""
        return len(self.tables)
