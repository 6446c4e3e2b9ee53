"""Every login as it stood on a day: role, use, answers, tickets, contacts, contract.

Grain in: canonical tables.  Grain out: one row per user_id made before the day, the gone ones
included and flagged.

Missing is never zero.  A user without use has zeros where use was recorded, and missing ages; a
window that opens before the first recorded use is missing for everybody; what a source does not
keep (no tickets with a name, no surveys) is missing, with the reason in ``attrs["unknown"]``.
Days to the first use are missing for logins older than the records: their first recorded use
need not be their first.

Dated example, on = 2024-03-01: a login made on 2024-02-29 is in (1 day old), one made on
2024-03-01 is not.  A login taken away on 2024-02-29 is ``deactivated``; on 2024-03-01, not yet.

Source: ``methods.md`` 1.1 (point in time), 2.1 (missing is never zero);
``customer_success.md`` Q14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.errors import DataError
from cs_models.features import recording, uses
from cs_models.features.people import around, use
from cs_models.features.relations import sight

NO_USERS: Final = "the source has no table of users"
USES: Final = (
    "events__last_28d",
    "events__last_90d",
)
COUNTS: Final = {
    "active_days__last_28d": use.MONTH_DAYS,
    "active_days__to_date": 0,
    "active_weeks__last_84d": use.WEEKS_DAYS,
    "events__last_28d": use.MONTH_DAYS,
    "events__last_90d": use.QUARTER_DAYS,
    "distinct_features__last_90d": use.QUARTER_DAYS,
    "distinct_features__to_date": 0,
}
_ANSWERS: Final = ("nps__to_date", "csat__to_date", "proficiency__to_date")
COLUMNS: Final = (
    *("user_id", "account_id", "person_id", "role", "segment", "account_name", "created_on"),
    *("days_since_created", "deactivated", "days_since_last_use", "first_use_on"),
    *("days_to_first_use", *COUNTS, *_ANSWERS, "open_tickets__to_date"),
    *("days_since_our_contact__to_date", "trained__to_date", "arr", "term_end"),
    "days_to_renewal",
)
_TEXT: Final = ("user_id", "account_id", "person_id", "role", "segment", "account_name")
_DATES: Final = ("created_on", "first_use_on", "term_end")
_WHOLE: Final = (
    *("days_since_created", "days_since_last_use", "days_to_first_use"),
    *("active_days__last_28d", "active_days__to_date", "active_weeks__last_84d"),
    *("distinct_features__last_90d", "distinct_features__to_date", "open_tickets__to_date"),
    *("days_since_our_contact__to_date", "days_to_renewal"),
)


def frame(
    tables: Mapping[str, ir.Table],
    on: date,
    *,
    features: Sequence[str] = (),
    data_start: date | None = None,
) -> pd.DataFrame:
    """Tell everything known of every login strictly before a day.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: accounts, subscriptions, events, and users, surveys, tickets,
        touchpoints, milestones where the source has them.
    on : datetime.date
        The decision date D: a row enters when it happened before D and was known on D.
    features : sequence of str, default ()
        Product features whose uses are counted one by one.
    data_start : datetime.date, optional
        First day of recorded use; told from the users' first uses when not given.

    Returns
    -------
    pandas.DataFrame
        One row per user_id, ordered by user_id, with :data:`COLUMNS` and
        ``events__feature=F__to_date`` (uses, after distinct_features__to_date) for each named
        feature.  Days and counts ``Int64``, uses, answers (own latest of 180 days, the survey's
        scale) and ``arr`` (of the account's running terms, currency a year) ``float64``,
        ``deactivated`` bool, ``trained__to_date`` boolean (a training of this user, or all
        onboarding steps of the account), dates ``datetime64[s]``.
        ``attrs``: ``why_not`` (why the frame is empty, else ""), ``unknown`` (column: why nobody
        has it), ``data_start`` (ISO, "" when nothing was used), ``on`` (ISO).

    Raises
    ------
    DataError
        If accounts, subscriptions or events are missing.

    Notes
    -----
    Two queries at most.  A day with any use stands for a log-in: the contract has no other.
    Source: ``methods.md`` 1.1, 1.4; ``customer_success.md`` Q9, Q14.
    """
    for name in ("accounts", "subscriptions", "events"):
        if name not in tables:
            raise DataError(
                "a required table is missing", where=name, repair="map it under source.tables"
            )
    names = _with(COLUMNS, features)
    if "users" not in tables:
        return _typed(pd.DataFrame(columns=list(names)), features, NO_USERS, {}, "", on)
    rows = _expression(tables, on, features).to_pyarrow().to_pandas()
    start = data_start or _recorded_since(rows, on)
    unknown = _not_kept(rows)
    rows = _told(rows, on, start, features, unknown)
    why = "" if len(rows) else "no login was made before this day"
    return _typed(rows[list(names)], features, why, unknown, start.isoformat() if start else "", on)


def _with(columns: Iterable[str], features: Sequence[str]) -> tuple[str, ...]:
    """Return the columns with those of the named features in their place."""
    found = list(columns)
    place = found.index("distinct_features__to_date") + 1
    return (*found[:place], *map(use.of_feature, features), *found[place:])


def _expression(tables: Mapping[str, ir.Table], on: date, features: Sequence[str]) -> ir.Table:
    """Join all that is known to the logins made before the day."""
    users, accounts, today = tables["users"], tables["accounts"], ibis.literal(on)
    used = use.of_users(uses.read(tables), on, features)
    person = users.person_id if "person_id" in users.columns else ibis.null("string")
    rows = users.filter(users.created_date < today).select(
        "user_id",
        "account_id",
        "role",
        person_id=person,
        created_on="created_date",
        deactivated=sight.past(users.deactivated_date, today),
    )
    named = accounts.select("segment", "account_name", of_account="account_id")
    parts: list[tuple[ir.Table, str, str]] = [
        (named, "account_id", "of_account"),
        (ibis.memtable(used), "user_id", "used_by"),
        (around.contract(tables["subscriptions"], on), "account_id", "paying"),
    ]
    if "surveys" in tables:
        parts.append((around.answers(tables["surveys"], on), "user_id", "answered_by"))
    if _names(tables, "tickets"):
        parts.append((around.open_tickets(tables["tickets"], on), "user_id", "opened_by"))
    if _names(tables, "touchpoints"):
        parts.append((around.contacts(tables["touchpoints"], on), "user_id", "contacted"))
    if "milestones" in tables:
        steps = around.onboarded(tables["milestones"], on)
        parts.append((steps, "account_id", "onboarded_account"))
    for part, own, other in parts:
        rows = rows.left_join(part, rows[own] == part[other])
    return rows


def _names(tables: Mapping[str, ir.Table], name: str) -> bool:
    """Return whether a table is there and can name a login."""
    return name in tables and "user_id" in tables[name].columns


def _recorded_since(rows: pd.DataFrame, on: date) -> date | None:
    """Tell the first day of recorded use from the days on which logins were first used."""
    ago = rows["first_ago"].dropna().to_numpy(dtype=np.int64)
    if not ago.size:
        return None
    first = np.datetime64(on, "D") - ago.astype("timedelta64[D]")
    days = pd.DataFrame({"event_date": first.astype(object)})
    return recording.first_day(ibis.memtable(days, schema={"event_date": "date"}))[0]


def _not_kept(rows: pd.DataFrame) -> dict[str, str]:
    """Say which columns nobody can have, and why."""
    gaps: dict[str, str] = {}
    if not rows["first_ago"].notna().any():
        reason = "no use on record names its user"
        used = ("days_since_last_use", "first_use_on", "days_to_first_use")
        gaps |= dict.fromkeys((*COUNTS, *used), reason)
    for name in _ANSWERS:
        if name not in rows or not rows[name].notna().any():
            gaps[name] = "no user answered such a survey in the 180 days before"
    if "open_tickets__to_date" not in rows or not rows["open_tickets__to_date"].notna().any():
        gaps["open_tickets__to_date"] = "no ticket on record names a user"
    elif not rows["any_closed"].eq(True).any():
        gaps["open_tickets__to_date"] = "the records never say that a ticket was closed"
    if "contact_ago" not in rows or not rows["contact_ago"].notna().any():
        gaps["days_since_our_contact__to_date"] = "no contact of ours on record names a user"
    if not {"had_training", "all_steps_done"} & set(rows):
        gaps["trained__to_date"] = "neither trainings nor onboarding steps are on record"
    return gaps


def _told(
    rows: pd.DataFrame,
    on: date,
    start: date | None,
    features: Sequence[str],
    unknown: dict[str, str],
) -> pd.DataFrame:
    """Turn ages into dates, decide what is zero and what is missing."""
    today = pd.Timestamp(on)
    out = rows.assign(
        created_on=pd.to_datetime(rows["created_on"]), term_end=pd.to_datetime(rows["term_end"])
    )
    out["days_since_created"] = (today - out["created_on"]).dt.days
    out["days_to_renewal"] = (out["term_end"] - today).dt.days
    out["days_since_last_use"] = out["last_ago"]
    out["first_use_on"] = today - pd.to_timedelta(out["first_ago"], unit="D")
    waited = (out["first_use_on"] - out["created_on"]).dt.days.clip(lower=0)
    watched = out["created_on"] >= pd.Timestamp(start or on)
    out["days_to_first_use"] = waited.where(watched)
    for name, days in COUNTS.items():
        whole = start is not None and (today - pd.Timestamp(start)).days >= days
        out[name] = out[name].astype("float64").fillna(0) if whole else np.nan
        if start is not None and not whole:
            unknown[name] = f"use is on record from {start} only, less than {days} days before"
    for name in map(use.of_feature, features):
        if start is None or not out[name].notna().any():
            unknown[name] = "nobody used this feature before this day"
        else:
            out[name] = out[name].astype("float64").fillna(0)
    return _relations(out, unknown)


def _relations(out: pd.DataFrame, unknown: Mapping[str, str]) -> pd.DataFrame:
    """Decide what is zero and what is missing of answers, tickets, contacts, training."""
    for name in _ANSWERS:
        if name not in out:
            out[name] = np.nan
    if "open_tickets__to_date" in unknown:
        out["open_tickets__to_date"] = np.nan
    else:
        out["open_tickets__to_date"] = out["open_tickets__to_date"].astype("float64").fillna(0)
    out["days_since_our_contact__to_date"] = out.get("contact_ago", np.nan)
    nobody = pd.Series(pd.NA, index=out.index, dtype="boolean")
    own = out["had_training"].astype("boolean") if "had_training" in out else nobody
    steps = out["all_steps_done"].astype("boolean") if "all_steps_done" in out else nobody
    # A training of one's own settles it; the account's steps answer for everybody else.
    trained = own.where(own.fillna(False).astype(bool), steps)
    if own.fillna(False).any():
        trained = trained.fillna(False)
    return out.assign(trained__to_date=trained)


def _typed(
    rows: pd.DataFrame,
    features: Sequence[str],
    why_not: str,
    unknown: Mapping[str, str],
    data_start: str,
    on: date,
) -> pd.DataFrame:
    """Give every column its type, also where there is no row."""
    uses = (*USES, *map(use.of_feature, features), *_ANSWERS, "arr")
    kinds = (
        dict.fromkeys(_TEXT, "string")
        | dict.fromkeys(_DATES, "datetime64[s]")
        | dict.fromkeys(_WHOLE, "Int64")
        | dict.fromkeys(uses, "float64")
        | {"deactivated": "bool", "trained__to_date": "boolean"}
    )
    out = rows.astype(kinds).sort_values("user_id", ignore_index=True)
    out.attrs = {
        "why_not": why_not,
        "unknown": dict(unknown),
        "data_start": data_start,
        "on": on.isoformat(),
    }
    return out
