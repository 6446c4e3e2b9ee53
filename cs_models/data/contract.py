"""The data contract: nine canonical tables, written down as data.

Everything that reads, checks, documents or simulates a customer history takes names, types,
units, keys, references, ranges and allowed values from `TABLES`; nothing states them twice.
The door (`cs_models.data.sources`) holds a source against this contract with queries that run
inside the source, and the features only ever see what passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cs_models.data.faults import CheckReport, Fault, Severity
from cs_models.data.specification import (
    EARLIEST,
    LARGEST_QUANTITY,
    OPEN_ENDED_FROM,
    ColumnSpec,
    TableSpec,
)

__all__ = [
    "EARLIEST",
    "OPEN_ENDED_FROM",
    "OUTCOMES",
    "TABLES",
    "CheckReport",
    "ColumnSpec",
    "Fault",
    "Severity",
    "TableSpec",
]

OUTCOMES = ("renewed", "expanded", "contracted", "churned", "involuntary", "pending")


def _id(name: str, meaning: str, **more: object) -> ColumnSpec:
    return ColumnSpec(name, "id", meaning, **more)  # type: ignore[arg-type]


_ACCOUNT = _id("account_id", "the account it belongs to", required=True, references="accounts")
_USER = _id("user_id", "the login, where known", references="users")

ACCOUNTS = TableSpec(
    "accounts",
    "one account",
    (
        _id("account_id", "the account", required=True),
        ColumnSpec("account_name", "text", "the name people know it by"),
        ColumnSpec("created_at", "instant", "when the account was opened", required=True),
        ColumnSpec("segment", "text", "size class, e.g. small, mid-market, enterprise"),
        ColumnSpec("industry", "text", "industry"),
        ColumnSpec("region", "text", "region or country"),
        ColumnSpec("plan", "text", "product plan"),
        ColumnSpec(
            "employees", "integer", "size of the customer", unit="people", minimum=1, on_bad="value"
        ),
        _id("csm_id", "the customer success manager"),
        ColumnSpec("acquisition_channel", "text", "how the account was won"),
        _id("parent_account_id", "the account that owns this one", references="accounts"),
    ),
    required=True,
    key=("account_id",),
    arrival="created_at",
    calendar=MappingProxyType({"created_at": "created_date"}),
    known_rule="from created_at on",
    derived=("created_date",),
)

USERS = TableSpec(
    "users",
    "one login in one account",
    (
        _id("user_id", "the login", required=True),
        _ACCOUNT,
        _id("person_id", "the human, the same across accounts"),
        ColumnSpec(
            "role",
            "category",
            "part the person plays",
            allowed=("decision_maker", "champion", "admin", "member"),
            on_bad="value",
        ),
        ColumnSpec("created_at", "instant", "when the login was made", required=True),
        ColumnSpec("deactivated_at", "instant", "when it was taken away", hindsight=True),
    ),
    key=("user_id",),
    arrival="created_at",
    calendar=MappingProxyType({"created_at": "created_date", "deactivated_at": "deactivated_date"}),
    in_order=(("created_at", "deactivated_at"),),
    derived=("created_date", "deactivated_date"),
    known_rule="from created_at on; the deactivation from its own date on",
)

SUBSCRIPTIONS = TableSpec(
    "subscriptions",
    "one contract term",
    (
        _id("subscription_id", "the term", required=True),
        _ACCOUNT,
        ColumnSpec("term_start", "date", "first day of the term", required=True),
        ColumnSpec("term_end", "date", "the renewal date", required=True),
        ColumnSpec("seats", "integer", "seats bought", unit="seats", minimum=1),
        ColumnSpec(
            "arr",
            "money",
            "annual recurring revenue",
            required=True,
            unit="currency a year",
            minimum=0,
        ),
        ColumnSpec("plan", "text", "product plan of the term"),
        ColumnSpec("outcome", "category", "how the term ended", allowed=OUTCOMES, on_bad="refuse"),
        ColumnSpec("ended_at", "date", "early cancellation", hindsight=True),
        ColumnSpec(
            "cancel_requested_at", "date", "when the customer asked to leave", hindsight=True
        ),
        ColumnSpec("decided_at", "date", "when the outcome became known", hindsight=True),
    ),
    required=True,
    key=("subscription_id",),
    arrival="term_start",
    in_order=(("term_start", "term_end"), ("term_start", "ended_at")),
    derived=("open_ended", "term_no", "term_months"),
    known_rule="from term_start on; the outcome from decided_at, or from the end of the term",
)

EVENTS = TableSpec(
    "events",
    "one use of the product (or one day's uses, with a quantity)",
    (
        ColumnSpec("event_ts", "instant", "when it happened", required=True),
        _ACCOUNT,
        _USER,
        ColumnSpec("feature", "text", "what was used", required=True),
        ColumnSpec(
            "quantity",
            "quantity",
            "how many uses the row stands for; 1 when absent",
            unit="uses",
            minimum=0,
            maximum=LARGEST_QUANTITY - 1,
        ),
        ColumnSpec("known_at", "instant", "when the row reached the records"),
    ),
    required=True,
    arrival="event_ts",
    calendar=MappingProxyType({"event_ts": "event_date"}),
    lag_days=1,
    derived=("event_date", "known_date"),
    known_rule="the day after known_at; without it, event_date plus the 99th percentile of the "
    "known lags (1 day when none is known)",
)

TICKETS = TableSpec(
    "tickets",
    "one support case",
    (
        _id("ticket_id", "the case", required=True),
        _ACCOUNT,
        _USER,
        ColumnSpec("opened_at", "instant", "when it was opened", required=True),
        ColumnSpec("closed_at", "instant", "when it was closed", hindsight=True),
        ColumnSpec(
            "severity",
            "category",
            "how bad",
            allowed=("low", "normal", "high", "critical"),
            on_bad="value",
        ),
        ColumnSpec("escalated", "boolean", "went to management"),
    ),
    key=("ticket_id",),
    arrival="opened_at",
    calendar=MappingProxyType({"opened_at": "opened_date", "closed_at": "closed_date"}),
    lag_days=1,
    in_order=(("opened_at", "closed_at"),),
    derived=("opened_date", "closed_date", "known_date"),
    known_rule="1 day after opened_at; the closing from its own date on",
)

SURVEYS = TableSpec(
    "surveys",
    "one answer",
    (
        _id("survey_id", "the answer", required=True),
        _ACCOUNT,
        _USER,
        ColumnSpec("answered_at", "instant", "when it was answered", required=True),
        ColumnSpec(
            "kind",
            "category",
            "what was asked",
            required=True,
            allowed=("nps", "csat", "proficiency"),
        ),
        ColumnSpec(
            "score",
            "number",
            "the answer, on the survey's own scale",
            required=True,
            unit="points",
            minimum=-100,
            maximum=100,
        ),
    ),
    key=("survey_id",),
    arrival="answered_at",
    calendar=MappingProxyType({"answered_at": "answered_date"}),
    lag_days=7,
    derived=("answered_date", "known_date"),
    known_rule="7 days after answered_at",
)

TOUCHPOINTS = TableSpec(
    "touchpoints",
    "one contact by the customer success team",
    (
        _id("touchpoint_id", "the contact", required=True),
        _ACCOUNT,
        _USER,
        ColumnSpec("occurred_at", "instant", "when it took place", required=True),
        ColumnSpec(
            "kind",
            "category",
            "what it was",
            required=True,
            allowed=("kickoff", "training", "qbr", "call", "email", "in_app", "playbook"),
        ),
        ColumnSpec(
            "initiated_by", "category", "who began it", allowed=("us", "customer"), on_bad="value"
        ),
    ),
    key=("touchpoint_id",),
    arrival="occurred_at",
    calendar=MappingProxyType({"occurred_at": "occurred_date"}),
    lag_days=1,
    derived=("occurred_date", "known_date"),
    known_rule="1 day after occurred_at",
)

MILESTONES = TableSpec(
    "milestones",
    "one step of one account towards value",
    (
        _ACCOUNT,
        ColumnSpec("milestone", "text", "the step", required=True),
        ColumnSpec(
            "kind", "category", "what sort of step", allowed=("onboarding", "goal"), on_bad="value"
        ),
        ColumnSpec("due_at", "date", "when it was meant to be reached"),
        ColumnSpec("completed_at", "date", "when it was reached", hindsight=True),
        ColumnSpec("value", "number", "the customer's own measure", unit="the customer's"),
    ),
    key=("account_id", "milestone"),
    derived=("known_date",),
    known_rule="the plan always; the completion from its own date on",
)

HEALTH_SCORES = TableSpec(
    "health_scores",
    "one dated score of one account, as the CRM held it then",
    (
        _ACCOUNT,
        ColumnSpec("scored_at", "instant", "when the score was given", required=True),
        ColumnSpec(
            "score",
            "number",
            "the score, on the CRM's own scale; higher is healthier",
            required=True,
            unit="points",
        ),
    ),
    key=("account_id", "scored_at"),
    arrival="scored_at",
    calendar=MappingProxyType({"scored_at": "scored_date"}),
    lag_days=1,
    derived=("scored_date", "known_date"),
    known_rule="1 day after scored_at",
)

TABLES: Mapping[str, TableSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ACCOUNTS,
            USERS,
            SUBSCRIPTIONS,
            EVENTS,
            TICKETS,
            SURVEYS,
            TOUCHPOINTS,
            MILESTONES,
            HEALTH_SCORES,
        )
    }
)
"""The nine tables by name, parents before children."""
