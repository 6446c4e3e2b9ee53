"""The frame on which lists of people are judged: logins with all that is known of them on a day.

Grain in: canonical tables.  Grain out: one row per user_id, as ``features.people.frame`` gives it,
and ``contacted_since_onboarding``.

A book of a hundred thousand logins is read for lists that ask for a few thousand: what every list
needs of age and role is asked of the users table first, which changes no answer.

Dated example, on = 2024-03-01: a login of 2024-01-10 had its training on 2024-01-25; an e-mail of
ours on 2024-02-10 is a contact since the onboarding, the training itself and a call of 2024-01-12
are not.  Without a training of its own the onboarding ends with the account's last step.

Source: ``customer_success.md`` Q14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from cs_models.features import criteria, people
from cs_models.features.criteria import AllOf, Criterion, Leaf
from cs_models.features.people.around import TRAINING
from cs_models.features.relationship import ONBOARDING
from cs_models.learn.listing.asked import CustomerList

OUTCOME_DAYS: Final = 90
AGE, ROLE, SINCE = "days_since_created", "role", "contacted_since_onboarding"
KICKOFF: Final = "kickoff"
_USED: Final = ("account_id", "user_id", "feature", "quantity", "event_date", "known_date")


def frame(
    tables: Mapping[str, ir.Table],
    on: date,
    asked: Sequence[CustomerList],
    *,
    data_start: date | None,
    touched: pd.DataFrame | None,
) -> pd.DataFrame:
    """Tell everything known of logins, strictly before a day.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        From :func:`reduced`, or all canonical tables.
    on : datetime.date
    asked : sequence of CustomerList
        Of grain "user".
    data_start : datetime.date or None
        First day of recorded use.
    touched : pandas.DataFrame or None
        ``contacts.ours``.

    Returns
    -------
    pandas.DataFrame
        One row per user_id: ``people.frame`` with ``contacted_since_onboarding`` (boolean, NA
        where no contact of ours is on record), and ``as_of_date``.  Features that the events never
        name are left out and stand in ``attrs["unknown_features"]``.  Empty without users, with
        the reason in ``attrs["why_not"]``.
    """
    named = {feature for one in asked for feature in one.features}
    there = set(tables["events"].select("feature").distinct().execute()["feature"]) if named else ()
    features = tuple(sorted(named & set(there)))
    found = people.frame(tables, on, features=features, data_start=data_start)
    attrs = found.attrs | {"unknown_features": sorted(named - set(there))}
    found = found.assign(
        as_of_date=pd.Timestamp(on), **{SINCE: _contacted_since(found, tables, touched, on)}
    )
    found.attrs = attrs
    return found


def asked_for(asked: CustomerList, frame: pd.DataFrame) -> pd.Series:
    """Return which rows have the age and role a list asks for, whatever else is so.

    Parameters
    ----------
    asked : CustomerList
    frame : pandas.DataFrame
        With days_since_created and role.

    Returns
    -------
    pandas.Series of bool
        Those it is fair to compare the list with.
    """
    leaves = _needed(asked.criteria)
    if not leaves:
        return pd.Series(True, index=frame.index)
    return criteria.holds(AllOf(leaves), frame).fillna(False).astype(bool)


def came(
    tables: Mapping[str, ir.Table], frame: pd.DataFrame, features: Sequence[str], on: date
) -> pd.DataFrame:
    """Say who used the product, who a feature, and whose login went, in the 90 days from a day.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        events, users.
    frame : pandas.DataFrame
        Logins, with user_id.
    features : sequence of str
        Any of them counts as started.
    on : datetime.date
        The list's day, itself inside the 90.

    Returns
    -------
    pandas.DataFrame
        Index of ``frame``: ``active``, ``started`` and ``gone`` (1.0 or 0.0).
    """
    events = tables["events"]
    end = on + timedelta(days=OUTCOME_DAYS)
    inside = events.filter((events.event_date >= on) & (events.event_date < end))
    wanted = ibis.memtable(pd.DataFrame({"user_id": frame["user_id"].astype(str)}))
    mine = inside.semi_join(wanted, "user_id")
    # A feature that no product has: nothing counts as started where none is asked for.
    named = mine.feature.isin(list(features) or [""])
    used = mine.group_by("user_id").agg(started=named.any()).execute().set_index("user_id")
    ids = frame["user_id"].astype(str)
    began = used.index[used["started"].astype(bool)]
    users = tables["users"]
    taken = (users.deactivated_date >= on) & (users.deactivated_date < end)
    gone = users.filter(taken.fill_null(False)).select("user_id").execute()["user_id"]
    return pd.DataFrame(
        {
            "active": ids.isin(used.index).astype(float),
            "started": ids.isin(began).astype(float),
            "gone": ids.isin(gone.astype(str)).astype(float),
        },
        index=frame.index,
    )


def _needed(criterion: Criterion) -> tuple[Leaf, ...]:
    """Return the leaves on age and role that must hold for the whole to hold."""
    if isinstance(criterion, AllOf):
        return tuple(leaf for part in criterion.parts for leaf in _needed(part))
    if not isinstance(criterion, Leaf) or criterion.missing is not None:
        return ()
    return (criterion,) if criterion.column in (AGE, ROLE) else ()


def reduced(
    tables: Mapping[str, ir.Table], days: Sequence[date], asked: Sequence[CustomerList]
) -> dict[str, ir.Table]:
    """Return the tables with only the users that some list may hold on some day, and their use.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    days : sequence of datetime.date
        Days on which the lists are made.
    asked : sequence of CustomerList
        Of grain "user".

    Returns
    -------
    dict of str to ibis Table
        Users and events in memory, so that each day's frame does not read the whole history;
        the tables as they are where a list asks for neither age nor role.
    """
    wanted = [_needed(one.criteria) for one in asked]
    if "users" not in tables or not days or not wanted or not all(wanted):
        return dict(tables)
    users = tables["users"]
    conditions = []
    for on in days:
        age = ibis.literal(on).delta(users.created_date, unit="day")
        known = {AGE: age, ROLE: users.role}
        conditions += [ibis.and_(*(_holds(leaf, known) for leaf in part)) for part in wanted]
    chosen = _kept(users.filter(ibis.or_(*conditions).fill_null(False)))
    events = tables["events"].select(*_USED).semi_join(chosen, "user_id")
    return {**tables, "users": chosen, "events": _kept(events)}


def _kept(table: ir.Table) -> ir.Table:
    """Return a table's rows in memory, with its own types."""
    return ibis.memtable(table.to_pyarrow(), schema=table.schema())


def _holds(leaf: Leaf, known: Mapping[str, ir.Value]) -> ir.BooleanValue:
    """Write a leaf as a query's condition."""
    value = known[leaf.column]
    if leaf.one_of:
        return value.isin(list(leaf.one_of))
    ways = {
        "at_least": value.__ge__, "more_than": value.__gt__,
        "at_most": value.__le__, "fewer_than": value.__lt__,
    }  # fmt: skip
    return ibis.and_(*(ways[side](bound) for side, bound in leaf.sides.items()))


def _contacted_since(
    found: pd.DataFrame,
    tables: Mapping[str, ir.Table],
    touched: pd.DataFrame | None,
    on: date,
) -> pd.Series:
    """Return whether we contacted each login after its onboarding was over."""
    if touched is None or found.empty:
        return pd.Series(pd.NA, index=found.index, dtype="boolean")
    today = pd.Timestamp(on)
    # Known the day after: what happened before the day was on record on it.
    before = touched[(touched["occurred_date"] < today) & (touched["known_date"] <= today)]
    before = before[before["user_id"].isin(found["user_id"])]
    steps = before["kind"].isin([TRAINING, KICKOFF])
    own = before[steps].groupby("user_id")["occurred_date"].max()
    over = found["user_id"].map(own).fillna(found["account_id"].map(_onboarded(tables, on)))
    over = pd.to_datetime(over).fillna(found["created_on"])
    last = before[~steps].groupby("user_id")["occurred_date"].max()
    latest = pd.to_datetime(found["user_id"].map(last))
    return (latest > over).astype("boolean")


def _onboarded(tables: Mapping[str, ir.Table], on: date) -> pd.Series:
    """Return the day on which each account had finished its onboarding; only those that had."""
    if "milestones" not in tables:
        return pd.Series(dtype="datetime64[ns]")
    rows = tables["milestones"]
    steps = rows.filter((rows.kind == ONBOARDING).fill_null(False))
    done = (steps.completed_at < ibis.literal(on)).fill_null(False)
    found = steps.group_by("account_id").agg(over=steps.completed_at.max(), whole=done.all())
    kept: pd.DataFrame = found.filter(found.whole).execute()
    over: pd.Series = pd.to_datetime(kept.set_index("account_id")["over"])
    return over
