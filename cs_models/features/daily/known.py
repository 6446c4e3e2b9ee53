"""Everything that accounts and users are looked at with, read once.

Grain in: canonical tables.  Grain out: contract terms, uses, records, and the days of adoption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis.expr.types as ir
import pandas as pd

from cs_models.errors import DataError, ParameterError
from cs_models.features import adoption, recording, uses
from cs_models.features.adoption import Definition
from cs_models.features.daily import contracts, reached, records, use
from cs_models.features.daily.contracts import Terms
from cs_models.features.daily.grid import Int
from cs_models.features.daily.use import Use

EPOCH: Final = date(1970, 1, 1).toordinal()
ATTRIBUTES: Final = ("segment", "region", "industry", "plan", "acquisition_channel")


@dataclass(frozen=True)
class Known:
    """What the records tell, up to a day.

    Attributes
    ----------
    as_of, data_start : datetime.date
        The last day; the first day of recorded use.
    grace_days : int
        Days without a contract after which a customer has left.
    terms : Terms
    use : Use
        Of the accounts of ``terms``.
    told : dict of str to DataFrame
        As ``records.read`` returned them.
    attributes : DataFrame, indexed as ``terms.names``
        ``account_name`` and ``ATTRIBUTES``.
    users : DataFrame or None
        One row per user: ``user_id``, ``account_id``, ``role``, ``created_date``,
        ``deactivated_date``; None without a table of users.
    adopted : ndarray of int, shape (n_terms,) or None
        Day from which each term is adopted; None where nothing is defined.
    why_undefined : str
        Why ``adopted`` is None; "" otherwise.
    tables : frozenset of str
        The tables that are there.
    window : int
        Days since the start of a term after which the definition has judged it; 0 without one.
    """

    as_of: date
    data_start: date
    grace_days: int
    terms: Terms
    use: Use
    told: dict[str, pd.DataFrame]
    attributes: pd.DataFrame
    users: pd.DataFrame | None
    adopted: Int | None
    why_undefined: str
    tables: frozenset[str]
    window: int = 0

    @property
    def last(self) -> int:
        """Return the last day, counted from 1970-01-01."""
        return self.as_of.toordinal() - EPOCH

    @property
    def recorded(self) -> int:
        """Return the first day of recorded use, counted from 1970-01-01."""
        return self.data_start.toordinal() - EPOCH


def read(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    definition: Definition | None = None,
    why_undefined: str = "adopted is not defined",
    data_start: date | None = None,
    grace_days: int = 30,
) -> Known:
    """Read what accounts and users are looked at with: one pass over the events.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    as_of : datetime.date
        The last day.
    definition : Definition, optional
        What adopted means.
    why_undefined : str
        Why there is none.
    data_start : datetime.date, optional
        First day of recorded use; told by the events when not given.
    grace_days : int, default 30
        Days without a contract after which a customer has left.

    Returns
    -------
    Known

    Raises
    ------
    DataError
        A required table is missing.
    ParameterError
        ``grace_days`` is negative.
    """
    for name in ("accounts", "subscriptions", "events"):
        if name not in tables:
            raise DataError(
                "a required table is missing", where=name, repair="map it under source.tables"
            )
    if grace_days < 0:
        raise ParameterError(
            "out of range", where="grace_days", got=str(grace_days), repair="0 or more days"
        )
    start = data_start or recording.first_day(tables["events"])[0]
    terms = contracts.read(tables["subscriptions"], as_of, grace_days)
    found = use.read(uses.read(tables), terms.names, reached.features(definition))
    reason = why_undefined if definition is None else reached.why_not(definition)
    adopted = None
    if definition is not None and not reason:
        first = start.toordinal() - EPOCH
        adopted = reached.days(definition, tables, terms, found, as_of, first)
    rows = tables["accounts"].select("account_id", "account_name", *ATTRIBUTES).execute()
    attributes = rows.drop_duplicates("account_id").set_index("account_id").reindex(terms.names)
    return Known(
        as_of, start, grace_days, terms, found, records.read(tables), attributes, _users(tables),
        adopted, reason, frozenset(tables), _window(definition) if adopted is not None else 0,
    )  # fmt: skip


def _window(definition: Definition | None) -> int:
    days = () if definition is None else adoption.request(definition)["first_days"]
    return max(days, default=0)


def _users(tables: Mapping[str, ir.Table]) -> pd.DataFrame | None:
    if "users" not in tables:
        return None
    names = ("user_id", "account_id", "role", "created_date", "deactivated_date")
    rows: pd.DataFrame = tables["users"].select(*names).execute()
    return rows.sort_values("user_id", ignore_index=True) if len(rows) else None
