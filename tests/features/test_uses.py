"""Uses as whole numbers: the same rows as the events, in order, whoever reads them first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models import kept
from cs_models.data.faults import CheckReport
from cs_models.data.tables import Tables
from cs_models.features import uses

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("account_id", "user_id", "feature")]
    + [(name, pa.date32()) for name in ("event_date", "known_date")]
    + [("quantity", pa.decimal128(18, 3))]
)
ROWS = [
    ("a", "u2", "report", date(2024, 3, 2), date(2024, 3, 3), Decimal(2)),
    ("a", None, "report", date(2024, 3, 1), date(2024, 3, 1), Decimal(1)),
    ("b", "u1", None, date(2024, 3, 1), date(2024, 3, 9), Decimal("0.25")),
    ("a", "u2", "export", date(2024, 3, 1), date(2024, 3, 1), None),
]


def events(rows: Sequence[tuple[object, ...]]) -> ir.Table:
    held = [dict(zip(SCHEMA.names, row, strict=True)) for row in rows]
    return ibis.memtable(pa.Table.from_pylist(held, schema=SCHEMA))


def told(found: uses.Uses) -> list[tuple[object, ...]]:
    """Return the uses with texts and dates again."""
    texts = [
        [None if place < 0 else names[place] for place in places]
        for places, names in (
            (found.account, found.accounts), (found.user, found.users),
            (found.feature, found.features),
        )
    ]  # fmt: skip
    days = [[date.fromordinal(719163 + int(d)) for d in days] for days in (found.day, found.known)]
    return list(zip(*texts, *days, uses.amounts(found.thousandths), strict=True))


def test_uses_are_the_events_by_user_and_day() -> None:
    """Four events by hand: nobody's first, u2's in order of days, a missing quantity is one use."""
    found = uses.read({"events": events(ROWS)})
    rows = told(found)
    assert rows[0] == ("a", None, "report", date(2024, 3, 1), date(2024, 3, 1), 1.0)
    assert [row for row in rows if row[1] == "u2"] == [
        ("a", "u2", "export", date(2024, 3, 1), date(2024, 3, 1), 1.0),
        ("a", "u2", "report", date(2024, 3, 2), date(2024, 3, 3), 2.0),
    ]
    assert ("b", "u1", None, date(2024, 3, 1), date(2024, 3, 9), 0.25) in rows


def test_a_day_sees_what_happened_before_it_and_was_known_on_it() -> None:
    """On 2024-03-02 the use of that day and the one told on the 9th are not seen."""
    seen = uses.read({"events": events(ROWS)}).seen(date(2024, 3, 2))
    assert len(seen.day) == 2
    assert told(seen.seen(date(2024, 3, 2), named=True))[0][1] == "u2"


def test_the_second_process_of_a_run_reads_the_same(tmp_path: Path) -> None:
    """Within a run the uses are written once, and read back as they were; empty ones too."""
    for name, rows in (("full", ROWS), ("empty", [])):
        table = events(rows)
        known = Tables({"events": table}, table.get_backend(), date(2024, 4, 1), "UTC", "USD",
                       CheckReport((), {}), name)  # fmt: skip
        plain = uses.read({"events": table})
        with kept.within(tmp_path):
            first, again = uses.read(known), uses.read(known)
        assert told(first) == told(again) == told(plain)
    assert len(list(tmp_path.glob("*.lock"))) == 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_runs_are_those_of_a_plain_loop(values: list[int]) -> None:
    """A run begins where a value differs from the one before; sums of runs are sums of all."""
    column = np.array(values, dtype=np.int64)
    begins = uses.starts(column)
    plain = [i for i, v in enumerate(values) if i == 0 or v != values[i - 1]]
    assert begins.tolist() == plain
    assert uses.reduced(np.add, column, begins).sum() == sum(values)


@pytest.mark.parametrize("day", ["1969-12-31", "1970-01-01", "2024-02-29", "2023-12-31"])
def test_months_are_those_of_the_calendar(day: str) -> None:
    """The month of a day is year × 12 + month - 1, also before 1970."""
    number = np.array([np.datetime64(day, "D").astype(np.int64), 400])
    stamp = pd.Timestamp(day)
    assert uses.months(number)[0] == stamp.year * 12 + stamp.month - 1
