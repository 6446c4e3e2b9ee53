"""The data contract: eight canonical tables, written down as data.

Everything that reads, checks, documents or simulates a customer history takes names, types,
units, keys, references, ranges and allowed values from `TABLES`; nothing states them twice.
The door (`cs_models.data.sources`) holds a source against this contract with queries that run
inside the source, and the features only ever see what passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

from cs_models.data.faults import CheckReport, Fault, Severity

__all__ = [
    "EARLIEST",
    "OPEN_ENDED_FROM",
    "TABLES",
    "CheckReport",
    "ColumnSpec",
    "Fault",
    "Severity",
    "TableSpec",
]

Kind = Literal[
    "id", "text", "category", "instant", "date", "money", "integer", "quantity", "number", "boolean"
]

EARLIEST = date(2000, 1, 1)
"""Dates before this are serial numbers or zeros read as dates, not history."""

OPEN_ENDED_FROM = date(2099, 1, 1)
"""Dates from here on (2099-12-31, 9999-12-31) mean "no end"."""

LARGEST_QUANTITY = 1_000_000

DTYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "id": "string",
        "text": "string",
        "category": "string",
        "instant": "timestamp",
        "date": "date",
        "money": "decimal(18, 2)",
        "integer": "int64",
        "quantity": "decimal(18, 3)",
        "number": "float64",
        "boolean": "boolean",
    }
)
"""Ibis data type of each kind of column."""

OUTCOMES = ("renewed", "expanded", "contracted", "churned", "involuntary", "pending")


@dataclass(frozen=True)
class ColumnSpec:
    """One column of a canonical table.

    Parameters
    ----------
    name : str
        Canonical name.
    kind : str
        What it holds; `dtype` is the Ibis type that follows from it.
    meaning : str
        One line for a newcomer.
    required : bool, default False
        Must be in the source and filled in every row.
    unit : str, default ""
        Unit of a number.
    allowed : tuple of str, default ()
        The only values of a category.
    minimum, maximum : float or None
        Closed range of a number.
    on_bad : {"row", "value", "refuse"}, default "row"
        What a value out of range or not allowed costs: the row (quarantine), the value alone
        (it becomes unknown, with a note), or the run.
    references : str or None
        Table whose key the value must be in.
    hindsight : bool, default False
        The value is written later than the row; one later than ``as_of`` is not shown.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str = ""
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    on_bad: Literal["row", "value", "refuse"] = "row"
    references: str | None = None
    hindsight: bool = False

    @property
    def dtype(self) -> str:
        """The Ibis type of the canonical column."""
        return DTYPES[self.kind]


@dataclass(frozen=True)
class TableSpec:
    """One canonical table.

    Parameters
    ----------
    name, grain : str
        Canonical name; what one row is.
    columns : tuple of ColumnSpec
        In canonical order.
    required : bool, default False
        The workbench cannot do without the table.
    key : tuple of str, default ()
        Columns that name a row; empty when rows have no identity (events).
    arrival : str or None
        Column whose calendar date decides whether the row existed at ``as_of``.
    calendar : mapping of str to str
        Derived calendar-date column for each instant column.
    lag_days : int or None
        Days after which a row is known when the source does not say; ``None`` when the table
        has no ``known_date``.
    in_order : tuple of (str, str)
        Pairs of columns (earlier, later): the later one may not come before the earlier.
    known_rule : str
        When a row became known, in words.
    """

    name: str
    grain: str
    columns: tuple[ColumnSpec, ...]
    required: bool = False
    key: tuple[str, ...] = ()
    arrival: str | None = None
    calendar: Mapping[str, str] = field(default_factory=dict)
    lag_days: int | None = None
    in_order: tuple[tuple[str, str], ...] = ()
    known_rule: str = ""

    def __getitem__(self, name: str) -> ColumnSpec:
        """Return the column called `name`."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Canonical column names, in order."""
        return tuple(column.name for column in self.columns)

    def columns_of(self, kind: Kind) -> tuple[ColumnSpec, ...]:
        """Return the columns of one kind."""
        return tuple(column for column in self.columns if column.kind == kind)


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
    known_rule="the plan always; the completion from its own date on",
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
        )
    }
)
"""The eight tables by name, parents before children."""
