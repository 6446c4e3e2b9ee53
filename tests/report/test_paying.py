"""Who is a customer today and what they pay: the same on every page, told part by part."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.features.daily import contracts
from cs_models.features.daily.grid import Grid
from cs_models.report.display import Statement, Table
from cs_models.report.evidence import paying
from cs_models.report.exhibits import paying as exhibits
from cs_models.report.findings import paying as findings

AS_OF = date(2026, 6, 30)
GRACE = 30
_SCHEMA = pa.schema(
    [("subscription_id", pa.string()), ("account_id", pa.string()), ("term_start", pa.date32()),
     ("term_end", pa.date32()), ("ended_at", pa.date32()), ("cancel_requested_at", pa.date32()),
     ("decided_at", pa.date32()), ("outcome", pa.string()), ("seats", pa.int64()),
     ("arr", pa.float64())]
)  # fmt: skip


def _term(account: str, start: date, end: date, arr: float, **more: Any) -> dict[str, Any]:
    known: dict[str, Any] = dict.fromkeys(_SCHEMA.names)
    known |= {"subscription_id": f"{account}-{start}", "account_id": account, "seats": 1}
    return known | {"term_start": start, "term_end": end, "arr": arr, "outcome": "pending"} | more


def _tables(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"subscriptions": ibis.memtable(pa.Table.from_pylist(list(terms), schema=_SCHEMA))}


def _look(*terms: dict[str, Any]) -> paying.Paying:
    return paying.look(_tables(*terms), AS_OF, grace_days=GRACE)


WORLD = (
    _term("runs", date(2026, 1, 1), date(2027, 1, 1), 12_000.0),
    _term("runs", date(2026, 2, 1), date(2026, 12, 1), 500.0),
    _term("between", date(2025, 6, 20), date(2026, 6, 20), 9_000.0, outcome="renewed",
          decided_at=date(2026, 6, 1)),
    _term("late", date(2025, 6, 20), date(2026, 6, 20), 70.0),
    _term("gone", date(2025, 6, 20), date(2026, 6, 20), 600.0, outcome="churned",
          decided_at=date(2026, 6, 1)),
    _term("unseen", date(2025, 5, 1), date(2026, 5, 1), 4_000.0, outcome="renewed",
          decided_at=date(2026, 4, 1)),
)  # fmt: skip


def test_the_dated_example_of_the_module_holds() -> None:
    """A renewal on record counts between two contracts, and no longer than the days of grace."""
    found = _look(*WORLD)
    parts = found.parts.set_index("part")
    assert parts["arr"].to_dict() == {
        paying.RUNS: 12_500.0, paying.BETWEEN: 9_000.0, paying.OVERDUE: 70.0, paying.ALL: 21_570.0,
    }  # fmt: skip
    assert parts["n_customers"].tolist() == [1, 1, 1, 3]
    assert parts["n_contracts"].tolist() == [2, 1, 1, 4]
    assert (found.n_customers, found.arr) == (3, 21_570.0)
    assert found.unseen.to_dict("records") == [
        {"account_id": "unseen", "ended_on": pd.Timestamp(2026, 5, 1), "arr": 4_000.0}
    ]


@st.composite
def _worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw some customers, each with contracts one after the other, now and then with a gap."""
    terms = []
    for place in range(draw(st.integers(1, 5))):
        start = AS_OF - timedelta(days=draw(st.integers(1, 900)))
        for _ in range(draw(st.integers(1, 4))):
            end = start + timedelta(days=draw(st.sampled_from([30, 90, 365])))
            outcome = draw(st.sampled_from(["pending", "renewed", "expanded", "churned"]))
            decided = draw(st.integers(-30, 20))
            told = end + timedelta(days=decided) if outcome != "pending" else None
            asked = draw(st.one_of(st.none(), st.integers(0, 29)))
            terms.append(_term(
                f"a{place}", start, end, float(draw(st.integers(1, 9))),
                outcome=outcome if told is None or told <= AS_OF else "pending",
                decided_at=told if told is not None and told <= AS_OF else None,
                cancel_requested_at=None if asked is None else end - timedelta(days=asked),
            ))  # fmt: skip
            start = end + timedelta(days=draw(st.integers(-5, 50)))
    return terms


@settings(max_examples=60, deadline=None)
@given(terms=_worlds())
def test_today_s_customers_are_those_of_the_journey(terms: list[dict[str, Any]]) -> None:
    """What all customers pay is what the stages of the journey add up to on the same day."""
    read = contracts.read(_tables(*terms)["subscriptions"], AS_OF, GRACE)
    found = paying.of_terms(read, AS_OF, grace_days=GRACE)
    day = np.full(len(read.names), (AS_OF - date(1970, 1, 1)).days)
    told = contracts.columns(
        read, Grid(day, day), np.arange(len(read.account)), read.account, GRACE
    )
    ended = told["left"] | told["renewal_unseen"]
    assert found.arr == pytest.approx(told["arr"][~ended].sum())
    assert found.n_customers == int((told["arr"][~ended] > 0).sum())
    assert set(found.unseen["account_id"]) == set(read.names[told["renewal_unseen"]])


def test_what_is_said_names_every_part_and_what_to_repair() -> None:
    """The sum, each part with its money, and of a renewal without a contract what to enter."""
    found = _look(*WORLD)
    said, table = exhibits.today(found, "USD")
    assert isinstance(said, Statement)
    assert isinstance(table, Table)
    for words in ("3 customers pay $21,570 a year", "$12,500", "$9,000", "has not begun", "$70"):
        assert words in said.text
    warned, listed = exhibits.unseen(found, "USD")
    assert isinstance(listed, Table)
    assert "1 customer ($4,000 a year by the last contract) is on record as renewed" in warned.text
    assert "enter the next contract, or correct the outcome" in warned.text
    (saved,) = findings.saved(found, "USD")
    assert (saved.id, saved.value, saved.table) == ("renewed-unseen", 1, listed.id)


def test_a_clean_history_has_nothing_to_repair() -> None:
    """One running contract: no parts to name, no table, no finding."""
    found = _look(WORLD[0])
    assert findings.today(found, "USD").text == "Today 1 customer pays $12,000 a year."
    assert [one.text for one in exhibits.unseen(found, "USD")] == [
        "Every renewal on record was followed by a contract."
    ]
    assert findings.saved(found, "USD") == []
