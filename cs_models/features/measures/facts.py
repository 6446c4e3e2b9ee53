"""The facts that all measures are counted from, as known strictly before a date.

Grain in: canonical tables.  Grain out: accounts, contracts, logins, use by user and period, first
uses.  Two passes over the events, whatever is asked of them afterwards.

A measure as of a past date is the same whether it is counted from the tables as they are today or
from tables cut at that date: nothing here reads a later row, or what a row came to say later.

Source: ``methods.md`` 1.1 (point-in-time rule), 1.4.
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
from numpy.typing import NDArray

from cs_models.errors import DataError
from cs_models.features import recording, uses
from cs_models.features.measures import cells, who
from cs_models.features.measures.bits import PERIOD_DAYS
from cs_models.features.measures.cells import Cells
from cs_models.features.uses import Uses

RECENT_DAYS: Final = 84  # twelve weeks: what a monthly rhythm needs to show itself
SEEN_DAYS: Final = 90  # users seen in so many days stand for seats where these are not known
MIN_ACCOUNTS: Final = 20


@dataclass(frozen=True)
class Facts:
    """What is known of use and users before a date.

    Attributes
    ----------
    on, data_start : datetime.date
        Nothing of ``on`` or later is in it; first day of recorded use.
    accounts, terms : DataFrame
        ``who.accounts`` and ``who.terms``.
    users : DataFrame or None
        ``who.users``; None without a users table.
    cells : Cells
        Use by user, month and period.
    firsts : DataFrame, one row per (account, user_id, feature)
        account (row of ``accounts``), first (day of the first use), recent (uses in the last 84
        days); ``user_id`` missing where the events name none.  All features, rare ones too.
    features : tuple of str
        Those that 20 accounts used, by name.
    rare : dict of str to int
        The others, with their accounts.
    appeared : dict of str to datetime.date
        First day of the features that the product did not have from the beginning.
    """

    on: date
    data_start: date
    accounts: pd.DataFrame
    terms: pd.DataFrame
    users: pd.DataFrame | None
    cells: Cells
    firsts: pd.DataFrame
    features: tuple[str, ...]
    rare: dict[str, int]
    appeared: dict[str, date]

    @property
    def today(self) -> pd.Timestamp:
        """The last day that is seen: the one before ``on``."""
        return pd.Timestamp(self.on) - pd.Timedelta(days=1)

    @property
    def users_named(self) -> bool:
        """Whether any event names its user."""
        return bool((self.cells.pair >= 0).any())

    def there_from(self, feature: str) -> pd.Timestamp:
        """Return the first day on which use of a feature could be recorded."""
        return pd.Timestamp(self.appeared.get(feature, self.data_start))


def read(
    tables: Mapping[str, ir.Table],
    on: date,
    *,
    data_start: date | None = None,
    min_accounts: int = MIN_ACCOUNTS,
) -> Facts:
    """Read what all measures are counted from.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; accounts, subscriptions and events are needed, users is used.
    on : datetime.date
        The date looked back from: only records known strictly before it count.
    data_start : datetime.date, optional
        First day of recorded use; told from the events when not given.
    min_accounts : int, default 20
        Features used by fewer accounts are counted as use, but not told apart.

    Returns
    -------
    Facts

    Raises
    ------
    DataError
        A required table is missing, or there is no event.
    """
    for name in ("accounts", "subscriptions", "events"):
        if name not in tables:
            raise DataError(
                "a required table is missing", where=name, repair="map it under source.tables"
            )
    events = tables["events"]
    before = events.filter(events.event_date < ibis.literal(on), events.known_date <= on)
    first = data_start if data_start is not None else recording.first_day(before)[0]
    terms = who.terms(tables, on)
    accounts = who.accounts(tables, terms)
    found = uses.read(tables)
    firsts = _firsts(found, on, first, accounts["account_id"])
    reached = _reached(firsts)
    names = tuple(sorted(name for name, n in reached.items() if n >= min_accounts))
    return Facts(
        on=on, data_start=first, accounts=accounts, terms=terms, users=who.users(tables, on),
        cells=cells.read(found, on, first, names, accounts["account_id"]), firsts=firsts,
        features=names,
        rare={name: n for name, n in reached.items() if n < min_accounts},
        appeared=_new(firsts, before, names, first),
    )  # fmt: skip


def _firsts(found: Uses, on: date, since: date, accounts: pd.Series) -> pd.DataFrame:
    """Return the first use of each account, user and feature, and how much of it is recent."""
    own = uses.places(found.accounts, pd.Index(accounts))
    found = found.seen(on)
    kept = (found.feature >= 0) & (own[found.account] >= 0)
    found = found.rows(kept & (found.day >= since.toordinal() - cells.EPOCH))
    order = np.lexsort((found.day, found.feature, found.account, found.user))
    user, account, feature, day = (
        values[order] for values in (found.user, found.account, found.feature, found.day)
    )
    begins = uses.starts(user, account, feature)
    recent = on.toordinal() - cells.EPOCH - day <= RECENT_DAYS
    amount = uses.reduced(np.add, np.where(recent, found.thousandths[order], 0), begins)
    return pd.DataFrame(
        {
            "account": own[account[begins]],
            "user_id": _category(user[begins], found.users),
            "feature": _category(feature[begins], found.features),
            "first": day[begins].astype("datetime64[D]").astype("datetime64[s]"),
            "recent": uses.amounts(amount),
        }
    )


def _new(
    firsts: pd.DataFrame, before: ir.Table, names: tuple[str, ...], since: date
) -> dict[str, date]:
    """Return the first day of the features that the product did not have from the beginning.

    Those that enough accounts first used in the first weeks were there, as
    ``recording.appearances`` would find: it is not asked about them.
    """
    until = pd.Timestamp(since) + pd.Timedelta(days=recording.LEAST_GAP_DAYS)
    early = _reached(firsts[firsts["first"] < until])
    asked = [name for name in names if early.get(name, 0) < recording.ENOUGH_AT_FIRST]
    return recording.appearances(before, asked, since)


def _category(codes: NDArray[np.int64], texts: NDArray[np.object_]) -> pd.Categorical:
    # pandas takes an array as it is; its stubs know lists alone.
    return pd.Categorical.from_codes(codes, pd.Index(texts))  # type: ignore[arg-type]


def _reached(firsts: pd.DataFrame) -> dict[str, int]:
    """Return how many accounts used each feature."""
    names = firsts["feature"].cat.categories
    key = firsts["feature"].cat.codes.to_numpy(np.int64) + len(names) * firsts["account"].to_numpy()
    reached = np.bincount(np.unique(key) % max(len(names), 1), minlength=len(names))
    return {str(name): int(n) for name, n in zip(names, reached, strict=True)}


def period_end(on: date, period: np.ndarray | int) -> np.ndarray:
    """Return the day on which 28-day periods were over: the first one they do not hold.

    Parameters
    ----------
    on : datetime.date
    period : ndarray of int or int
        0 is the latest, which ends on ``on``.
    """
    back = (PERIOD_DAYS * np.asarray(period, dtype=np.int64)).astype("timedelta64[D]")
    return np.asarray(np.datetime64(on, "D") - back)
