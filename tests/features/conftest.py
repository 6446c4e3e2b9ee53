"""Small worlds for the features: canonical tables from literal rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
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
TICKETS = {
    "ticket_id": "string",
    "account_id": "string",
    "opened_at": "timestamp",
    "closed_at": "timestamp",
    "severity": "string",
    "escalated": "boolean",
    "opened_date": "date",
    "closed_date": "date",
    "known_date": "date",
}
MILESTONES = {
    "account_id": "string",
    "milestone": "string",
    "kind": "string",
    "due_at": "date",
    "completed_at": "date",
    "known_date": "date",
}
SURVEYS = {
    "survey_id": "string",
    "account_id": "string",
    "user_id": "string",
    "answered_at": "timestamp",
    "kind": "string",
    "score": "float64",
    "answered_date": "date",
    "known_date": "date",
}
TOUCHPOINTS = {
    "touchpoint_id": "string",
    "account_id": "string",
    "kind": "string",
    "initiated_by": "string",
    "occurred_date": "date",
    "known_date": "date",
}
USERS = {
    "user_id": "string",
    "account_id": "string",
    "role": "string",
    "created_at": "timestamp",
    "deactivated_at": "timestamp",
    "created_date": "date",
    "deactivated_date": "date",
}
HEALTH_SCORES = {
    "account_id": "string",
    "scored_at": "timestamp",
    "score": "float64",
    "scored_date": "date",
    "known_date": "date",
}


def memory(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, str]) -> ir.Table:
    """Return a canonical in-memory table; columns not given are null."""
    arrow = ibis.schema(dict(schema)).to_pyarrow()
    whole = [{name: row.get(name) for name in schema} for row in rows]
    return ibis.memtable(pa.Table.from_pylist(whole, schema=arrow))


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


def ticket(day: date, **more: Any) -> dict[str, Any]:
    """Return one ticket of account A of normal severity, known the day after."""
    row = {
        "ticket_id": f"t-{day}",
        "account_id": "A",
        "severity": "normal",
        "opened_date": day,
        "known_date": day + timedelta(days=1),
    }
    return row | more


def step(name: str, completed: date | None, **more: Any) -> dict[str, Any]:
    """Return one onboarding milestone of account A."""
    row = {
        "account_id": "A",
        "milestone": name,
        "kind": "onboarding",
        "completed_at": completed,
        "known_date": completed and completed + timedelta(days=1),
    }
    return row | more


def answer(day: date, score: float, **more: Any) -> dict[str, Any]:
    """Return one NPS answer of account A, user u1, known seven days after."""
    row = {
        "survey_id": f"q-{day}",
        "account_id": "A",
        "user_id": "u1",
        "answered_at": pd.Timestamp(day),
        "kind": "nps",
        "score": score,
        "answered_date": day,
        "known_date": day + timedelta(days=7),
    }
    return row | more


def contact(day: date, initiated_by: str | None, **more: Any) -> dict[str, Any]:
    """Return one contact of account A, known the day after."""
    row = {
        "touchpoint_id": f"c-{day}",
        "account_id": "A",
        "kind": "call",
        "initiated_by": initiated_by,
        "occurred_date": day,
        "known_date": day + timedelta(days=1),
    }
    return row | more


def user(name: str, role: str, created: date, left: date | None = None, **more: Any) -> dict:
    """Return one login of account A."""
    row = {
        "user_id": name,
        "account_id": "A",
        "role": role,
        "created_date": created,
        "deactivated_at": left and pd.Timestamp(left),
        "deactivated_date": left,
    }
    return row | more


def health(day: date, score: float, **more: Any) -> dict[str, Any]:
    """Return one score of account A in the CRM, known the day after."""
    row = {
        "account_id": "A",
        "scored_at": pd.Timestamp(day),
        "score": score,
        "scored_date": day,
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


def random_world(seed: int, *, n_accounts: int = 12, n_events: int = 400) -> dict[str, ir.Table]:
    """Return a world of several terms an account, late events, unnamed users, empty accounts."""
    rng = np.random.default_rng(seed)
    origin = date(2022, 1, 1)
    terms, events = [], []
    for number in range(n_accounts):
        start = origin + timedelta(days=int(rng.integers(0, 200)))
        for place in range(int(rng.integers(1, 4))):
            end = start + timedelta(days=int(rng.choice([90, 181, 365])))
            outcome = str(rng.choice(["renewed", "churned", "contracted", "involuntary"]))
            early = start + timedelta(days=int(rng.integers(1, 90)))
            terms.append(
                term(
                    f"A{number}-{place}",
                    start,
                    end,
                    account_id=f"A{number}",
                    seats=[None, 0, 3, 10][int(rng.integers(0, 4))],
                    outcome=outcome,
                    term_no=place + 1,
                    ended_at=early if rng.random() < 0.05 else None,
                )
            )
            start = end
    for _ in range(n_events):
        day = origin + timedelta(days=int(rng.integers(0, 900)))
        late = int(rng.choice([1, 1, 1, 2, 10, 60]))
        events.append(
            event(
                day,
                account_id=f"A{int(rng.integers(0, max(1, n_accounts - 2)))}",
                user_id=[None, "u1", "u2", "u3"][int(rng.integers(0, 4))],
                feature=str(rng.choice(["f", "g", "h__x", "</script>"], p=[0.5, 0.3, 0.15, 0.05])),
                quantity=[None, Decimal("2.5"), Decimal(1)][int(rng.integers(0, 3))],
                known_date=day + timedelta(days=late),
            )
        )
    return world(terms, events)


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    """Give tests the makers of small worlds."""
    return SimpleNamespace(
        world=world,
        term=term,
        event=event,
        ticket=ticket,
        step=step,
        answer=answer,
        contact=contact,
        user=user,
        health=health,
        memory=memory,
        random_world=random_world,
        schemas={
            "accounts": ACCOUNTS,
            "subscriptions": SUBSCRIPTIONS,
            "events": EVENTS,
            "tickets": TICKETS,
            "milestones": MILESTONES,
            "surveys": SURVEYS,
            "touchpoints": TOUCHPOINTS,
            "users": USERS,
            "health_scores": HEALTH_SCORES,
        },
    )
