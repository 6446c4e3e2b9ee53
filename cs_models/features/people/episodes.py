"""Where each person served, from when to when: one person, one account, one role.

Grain in: canonical users (one row a login).  Grain out: one row per (person_id, account_id, role,
from_on).

Logins of one person with one role in one account are one episode when the next was made at most
30 days after the last was taken away.  An account whose records went on under another identifier
is one account, by the identifier it has now, and everybody's episode goes on there: an account is
the former record of its parent when the parent's first contract begins within 30 days of the end
of its own last one, and at least one person has logins in both.  A subsidiary, whose contracts run
beside its parent's, stays an account of its own.

Dated example: p has a login in A from 2023-01-10 to 2024-01-01, when A's contracts went on as B;
a login in B from 2024-01-01 to 2024-06-30; one in C from 2024-08-15 on.  Two episodes: in B from
2023-01-10 to 2024-06-30, and in C from 2024-08-15, ``came_from`` B.

Source: ``methods.md`` 4 (uLTV: identity resolved across accounts, never by name).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.people.frames import NO_USERS

GAP_DAYS: Final = 30
_FAR: Final = pd.Timestamp("2200-01-01")
NO_PERSONS: Final = (
    "the users carry no person_id, so nobody can be followed from one account to another"
)
EPISODE_COLUMNS: Final = (
    *("person_id", "account_id", "role", "from_on", "to_on", "user_id", "n_logins"),
    *("followed", "came_from", "place", "episode"),
)
LOGIN_COLUMNS: Final = ("user_id", "account_id", "person_id", "role", "episode")


@dataclass(frozen=True)
class Served:
    """Who served where, and which logins and records that rests on.

    Attributes
    ----------
    episodes : pandas.DataFrame
        As :func:`episodes` returns it.
    logins : pandas.DataFrame
        One row per user_id: ``account_id`` (the present record), ``person_id``, ``role``,
        ``episode`` (that of the table of episodes).
    former : pandas.Series
        As :func:`successors` returns it.
    """

    episodes: pd.DataFrame
    logins: pd.DataFrame
    former: pd.Series


def episodes(tables: Mapping[str, ir.Table], as_of: date) -> pd.DataFrame:
    """Follow every person from account to account.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: users, accounts, subscriptions.
    as_of : datetime.date
        Logins made on that day or later are not seen, nor what was taken away since.

    Returns
    -------
    pandas.DataFrame
        One row an episode, ordered by (person_id, from_on, account_id, role): ``account_id`` the
        account's present record; ``to_on`` the day the last login was taken away, missing while
        it is open; ``user_id`` the latest login; ``n_logins``; ``followed`` (bool: the records
        name the person; otherwise the login stands for it, in ``person_id`` too); ``came_from``
        the account of the person's episode before, where it is another one; ``place`` (1, 2, …)
        of the account among the person's accounts; ``episode`` its number.  ``attrs["why_not"]``
        says why nobody can be followed, else "".
    """
    return served(tables, as_of).episodes


def served(tables: Mapping[str, ir.Table], as_of: date) -> Served:
    """Follow every person from account to account, and keep which login is of which episode.

    Parameters
    ----------
    tables, as_of
        As in :func:`episodes`.

    Returns
    -------
    Served
    """
    if "users" not in tables:
        return _nobody(NO_USERS)
    logins = _logins(tables["users"], as_of)
    if logins.empty:
        return _nobody("no login was made before this day")
    former = successors(tables, as_of, logins=logins)
    now = logins["account_id"].map(former)
    logins = logins.assign(moved=now.notna(), account_id=now.fillna(logins["account_id"]))
    rows = _numbered(logins)
    found = _joined(rows)
    found.attrs = {"why_not": "" if found["followed"].any() else NO_PERSONS}
    return Served(found, rows[list(LOGIN_COLUMNS)], former)


def successors(
    tables: Mapping[str, ir.Table], as_of: date, *, logins: pd.DataFrame | None = None
) -> pd.Series:
    """Tell which accounts are former records, and which account each is now.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables: accounts, subscriptions, users where the source has them.
    as_of : datetime.date
        Contracts that begin later are not seen.
    logins : pandas.DataFrame, optional
        person_id and account_id of the logins, where they were fetched already.

    Returns
    -------
    pandas.Series of string
        The present account_id, by the former one; chains are followed to their end.
    """
    accounts, terms = tables["accounts"], tables["subscriptions"]
    if "parent_account_id" not in accounts.columns:
        return pd.Series(dtype="string")
    seen = terms.filter(terms.term_start <= ibis.literal(as_of))
    spans = seen.group_by("account_id").agg(opens=seen.term_start.min(), closes=seen.term_end.max())
    owned = accounts.drop_null("parent_account_id")
    own = owned.join(spans, "account_id").select("account_id", "closes", parent="parent_account_id")
    theirs = spans.select("opens", of="account_id")
    rows = own.join(theirs, own.parent == theirs.of).to_pyarrow().to_pandas()
    apart = pd.to_datetime(rows["opens"]) - pd.to_datetime(rows["closes"])
    rows = rows[apart.dt.days.abs() <= GAP_DAYS]
    if logins is None and "users" in tables:
        logins = _logins(tables["users"], as_of)
    if logins is not None and logins["followed"].any():
        rows = rows[_share_somebody(rows, logins)]
    return _ends(rows.set_index("account_id")["parent"].astype("string"))


def _share_somebody(rows: pd.DataFrame, logins: pd.DataFrame) -> pd.Series:
    """Say which pairs of records have at least one person in both."""
    named = logins[logins["followed"]]
    here = rows.merge(named[["account_id", "person_id"]], on="account_id")
    there = named[["account_id", "person_id"]].rename(columns={"account_id": "parent"})
    both = here.merge(there, on=["parent", "person_id"])
    return rows["account_id"].isin(both["account_id"])


def _ends(steps: pd.Series) -> pd.Series:
    """Follow chains of records to the present one; a circle has none, and stays as it is."""
    now = steps
    for _ in range(len(steps)):
        further = now.map(steps)
        if not further.notna().any():
            return now
        now = further.fillna(now)
    return steps.iloc[:0]


def _logins(users: ir.Table, as_of: date) -> pd.DataFrame:
    """Fetch the logins made before a day: one row each, later removals hidden."""
    today = ibis.literal(as_of)
    gone = (users.deactivated_date < today).ifelse(users.deactivated_date, ibis.null("date"))
    named = users.person_id if "person_id" in users.columns else ibis.null("string")
    rows = users.filter(users.created_date < today).select(
        "user_id", "account_id", "role", from_on="created_date", to_on=gone,
        person_id=ibis.coalesce(named, "login " + users.user_id),
        followed=named.notnull(),  # noqa: PD004 - Ibis knows no other
    )  # fmt: skip
    # The engine sorts texts faster; all that follows sorts their numbers.
    rows = rows.order_by("person_id", "from_on", "user_id")
    frame: pd.DataFrame = rows.to_pyarrow().to_pandas()
    texts = dict.fromkeys(("user_id", "account_id", "role", "person_id"), "string")
    return frame.astype(texts | dict.fromkeys(("from_on", "to_on"), "datetime64[s]"))


def _numbered(logins: pd.DataFrame) -> pd.DataFrame:
    """Give one number to logins of one person, account and role that follow one another."""
    rows = logins.assign(role=logins["role"].fillna(""))
    codes = [pd.factorize(rows[name])[0] for name in ("person_id", "account_id", "role")]
    days = rows["from_on"].to_numpy().astype(np.int64)
    order = np.lexsort((days, codes[2], codes[1], codes[0]))
    rows = rows.iloc[order].reset_index(drop=True)
    served = np.column_stack(codes)[order]
    first = np.r_[True, (served[1:] != served[:-1]).any(axis=1)][: len(rows)]
    group = np.cumsum(first)
    open_end = rows["to_on"].fillna(_FAR)
    # The latest end so far: a login inside an earlier one does not end the episode.
    ends = open_end.groupby(group).cummax()
    apart = (rows["from_on"] - ends.shift()).dt.days.to_numpy()
    # Everybody goes on with the account when its record changes, however late the new login.
    moved = np.r_[False, rows["moved"].to_numpy()[:-1]][: len(rows)]
    begins = first | ((apart > GAP_DAYS) & ~moved)
    return rows.assign(episode=np.cumsum(begins), end=ends, person=served[:, 0])


def _joined(rows: pd.DataFrame) -> pd.DataFrame:
    """Make one row of the logins of an episode."""
    opens = ~rows.duplicated("episode")
    first, last = rows[opens], rows[~rows.duplicated("episode", keep="last")]
    grouped = rows.groupby("episode")
    found = first[["person_id", "account_id", "role", "from_on", "episode", "person"]].assign(
        to_on=last["end"].to_numpy(),
        user_id=last["user_id"].array,
        n_logins=grouped.size().to_numpy(),
        followed=grouped["followed"].all().to_numpy(),
    )
    found["to_on"] = found["to_on"].where(found["to_on"] < _FAR)
    found["role"] = found["role"].mask(found["role"] == "")
    return _placed(found.reset_index(drop=True))


def _placed(found: pd.DataFrame) -> pd.DataFrame:
    """Add from which account each person came, and how many accounts it has served."""
    account = pd.factorize(found["account_id"], sort=True)[0]
    role = pd.factorize(found["role"].fillna(""), sort=True)[0]
    days = found["from_on"].to_numpy().astype(np.int64)
    # Persons are numbered in the order of their names.
    order = np.lexsort((role, account, days, found["person"].to_numpy()))
    rows, account = found.iloc[order].reset_index(drop=True), account[order]
    person = rows["person"].to_numpy()
    same = np.r_[False, person[1:] == person[:-1]][: len(rows)]
    other = same & np.r_[False, account[1:] != account[:-1]][: len(rows)]
    new = ~pd.DataFrame({"person": person, "account": account}).duplicated()
    rows["came_from"] = rows["account_id"].shift().where(other)
    rows["place"] = new.astype("int64").groupby(person).cumsum()
    texts = dict.fromkeys(("person_id", "account_id", "role", "user_id", "came_from"), "string")
    rows = rows.astype(texts | dict.fromkeys(("from_on", "to_on"), "datetime64[s]"))
    placed: pd.DataFrame = rows[list(EPISODE_COLUMNS)]
    return placed


def _nobody(why_not: str) -> Served:
    logins = pd.DataFrame(columns=list(LOGIN_COLUMNS)).astype("string").astype({"episode": "int64"})
    return Served(_empty(why_not), logins, pd.Series(dtype="string"))


def _empty(why_not: str) -> pd.DataFrame:
    kinds = dict.fromkeys(EPISODE_COLUMNS, "string") | {
        **dict.fromkeys(("from_on", "to_on"), "datetime64[s]"),
        **dict.fromkeys(("n_logins", "place", "episode"), "int64"),
        "followed": "bool",
    }
    frame = pd.DataFrame(columns=list(EPISODE_COLUMNS)).astype(kinds)
    frame.attrs = {"why_not": why_not}
    return frame
