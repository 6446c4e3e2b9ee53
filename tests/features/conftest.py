"""Small worlds for the features: canonical tables from literal rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest

ACCOUNTS = {
    "account_id": "string",
    "account_name": "string",
    "segment": "string",
    "region": "string",
    "industry": "string",
    "plan": "string",
    "acquisition_channel": "string",
    "csm_id": "string",
}
SUBSCRIPTIONS = {
    "subscription_id": "string",
    "account_id": "string",
    "term_start": "date",
    "term_end": "date",
    "seats": "int64",
    "arr": "decimal(18, 2)",
    "plan": "string",
    "outcome": "string",
    "ended_at": "date",
    "cancel_requested_at": "date",
    "decided_at": "date",
    "term_no": "int64",
    "term_months": "int64",
}
EVENTS = {
    "event_ts": "timestamp",
    "account_id": "string",
    "user_id": "string",
    "feature": "string",
    "quantity": "decimal(18, 3)",
    "event_date": "date",
    "known_date": "date",
}

Build = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], dict[str, ir.Table]]


def memory(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, str]) -> ir.Table:
    """Return a canonical in-memory table; columns not given are null."""
    columns = {name: [row.get(name) for row in rows] for name in schema}
    return ibis.memtable(pd.DataFrame(columns, dtype=object), schema=ibis.schema(dict(schema)))


def term(subscription_id: str, start: date, end: date, **more: Any) -> dict[str, Any]:
    """Return one contract term of account A unless told otherwise."""
    row = {
        "subscription_id": subscription_id,
        "account_id": "A",
        "term_start": start,
        "term_end": end,
        "seats": 10,
        "arr": Decimal("1200.00"),
        "outcome": "renewed",
        "term_no": 1,
        "term_months": round((end - start).days / 30.4),
    }
    return row | more


def event(day: date, **more: Any) -> dict[str, Any]:
    """Return one event of account A, user u1, feature f, known the day after."""
    row = {
        "event_ts": pd.Timestamp(day),
        "account_id": "A",
        "user_id": "u1",
        "feature": "f",
        "quantity": Decimal(1),
        "event_date": day,
        "known_date": day + timedelta(days=1),
    }
    return row | more


def world(
    terms: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> dict[str, ir.Table]:
    """Return the three required tables; every account of the terms gets a row."""
    names = sorted({str(row["account_id"]) for row in terms})
    accounts = [{"account_id": name, "account_name": name, "segment": "SMB"} for name in names]
    return {
        "accounts": memory(accounts, ACCOUNTS),
        "subscriptions": memory(terms, SUBSCRIPTIONS),
        "events": memory(events, EVENTS),
    }


@pytest.fixture
def make_world() -> Build:
    """Give tests the builder of small worlds."""
    return world
