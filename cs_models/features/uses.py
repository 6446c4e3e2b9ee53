"""All uses of the product as whole numbers, in the order of user and day: fetched once a run.

Grain in: canonical events.  Grain out: one number a use in each of a few long arrays, in order of
user, account, day and the day on which it was known.

Whoever asks what each user did, on each day or in each month, groups the same million rows by the
same texts.  Here texts are numbered and rows sorted once, so that every such group is a stretch of
neighbouring rows.  Nothing is added up or left out: each question still applies its own rule of
what its day may see.

Dated example: u2 used a report on 2024-03-02 and u1 on 2024-03-01.  ``users`` is u1, u2 or u2, u1,
``user`` is 0, 1 and ``day`` the days of whoever is first in ``users``, then of the other.

Source: ``methods.md`` 1.1; docs/decisions/0011-worked-out-once-a-run.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cs_models import kept

Int = NDArray[np.int64]
Float = NDArray[np.float64]

NOBODY: Final = -1
"""Place of a user, or a feature, that the event does not name."""

_TEXTS: Final = ("account_id", "user_id", "feature")
_DAYS: Final = ("event_date", "known_date")
_PARTS: Final = 1000  # quantities have three digits: whole thousandths add up in any order
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Uses:
    """Uses in order of user, account, day and the day on which they were known.

    Attributes
    ----------
    account, user, feature : ndarray of int64, shape (n_uses,)
        Places in the texts below; -1 where the event names none.
    day, known : ndarray of int64, shape (n_uses,)
        Days since 1970: when it happened, when the records held it.
    thousandths : ndarray of int64, shape (n_uses,)
        The quantity, times 1000; one use where the event gives none.
    accounts, users, features : ndarray of str
        Each text once, in no order that means anything.
    """

    account: Int
    user: Int
    feature: Int
    day: Int
    known: Int
    thousandths: Int
    accounts: NDArray[np.object_]
    users: NDArray[np.object_]
    features: NDArray[np.object_]

    def rows(self, which: NDArray[np.bool_]) -> Uses:
        """Return the uses for which ``which`` holds, with all texts."""
        if which.all():
            return self
        return Uses(
            self.account[which], self.user[which], self.feature[which], self.day[which],
            self.known[which], self.thousandths[which], self.accounts, self.users, self.features,
        )  # fmt: skip

    def seen(self, on: date, *, named: bool = False) -> Uses:
        """Return the uses that a day may see: before it, known on it (``methods.md`` 1.1).

        Parameters
        ----------
        on : datetime.date
        named : bool, default False
            Whether those that name no user are left out.
        """
        today = on.toordinal() - _EPOCH
        which = (self.day < today) & (self.known <= today)
        return self.rows(which & (self.user >= 0) if named else which)


def read(tables: Mapping[str, ir.Table]) -> Uses:
    """Fetch and sort all uses; within a run, only the first process that asks does so.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables: events.

    Returns
    -------
    Uses
    """
    named = str(getattr(tables, "fingerprint", ""))
    made: list[pa.Table] = []

    def write(path: Path) -> bool:
        made.append(_sorted(tables["events"]))
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, made[0].schema) as file:
            file.write_table(made[0])
        return True

    path = kept.once(kept.name("uses", named), write) if named else None
    if path is not None:
        with pa.OSFile(str(path), "rb") as source:
            return _told(pa.ipc.open_file(source).read_all())
    return _told(made[0] if made else _sorted(tables["events"]))


def starts(*columns: Int) -> Int:
    """Return where runs of equal rows begin.

    Parameters
    ----------
    *columns : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of int64
        Places of the first row of each run; none without rows.
    """
    if not len(columns[0]):
        return np.empty(0, dtype=np.int64)
    new = np.zeros(len(columns[0]), dtype=bool)
    new[0] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new).astype(np.int64)


def reduced(how: np.ufunc, values: np.ndarray, begins: Int) -> np.ndarray:
    """Reduce the values of each run to one.

    Parameters
    ----------
    how : numpy.ufunc
        Such as ``numpy.add``.
    values : ndarray, shape (n,)
    begins : ndarray of int64
        As `starts` returned them.
    """
    return np.asarray(how.reduceat(values, begins) if len(begins) else values[:0])


def months(day: Int) -> Int:
    """Return the calendar month of days since 1970, as year × 12 + month - 1."""
    if not len(day):
        return day
    first = int(day.min())
    every = np.arange(first, int(day.max()) + 1).astype("datetime64[D]").astype("datetime64[M]")
    return np.asarray((every.astype(np.int64) + 12 * 1970)[day - first])


def amounts(thousandths: Int) -> Float:
    """Return sums of quantities in uses."""
    return np.asarray(thousandths / _PARTS, dtype=np.float64)


def places(texts: NDArray[np.object_], among: pd.Index) -> Int:
    """Return where each text stands among others.

    Parameters
    ----------
    texts : ndarray of str
        Of `Uses`.
    among : pandas.Index of str
        Each once.

    Returns
    -------
    ndarray of int64, shape (n_texts + 1,)
        -1 where it does not; the last is -1 too, so that place -1 finds none.
    """
    if not len(texts):
        return np.array([NOBODY])
    found = among.get_indexer(pd.Index(texts, dtype=object))
    return np.append(np.asarray(found, dtype=np.int64), NOBODY)


def _sorted(events: ir.Table) -> pa.Table:
    """Fetch the events with numbers for texts, in order."""
    whole = (events.quantity.fill_null(1) * _PARTS).cast("int64")
    found = events.select(*_TEXTS, *_DAYS, thousandths=whole).to_pyarrow()
    columns = {name: _coded(found[name]) for name in _TEXTS}
    columns |= {name: found[name].cast(pa.date32()).cast(pa.int32()) for name in _DAYS}
    columns["thousandths"] = found["thousandths"]
    table = pa.table(columns).combine_chunks()
    by = [_numbers(table[name]) for name in ("known_date", "event_date", "account_id", "user_id")]
    return table.take(pa.array(np.lexsort(by)))


def _coded(texts: pa.ChunkedArray) -> pa.Array:
    coded = texts.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    return coded


def _numbers(column: pa.ChunkedArray) -> Int:
    """Return whole numbers, or the places of texts; -1 where there is none."""
    column = column.combine_chunks()
    part = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    if isinstance(part, pa.DictionaryArray):
        part = part.indices
    filled = part.fill_null(NOBODY).to_numpy(zero_copy_only=False)
    return np.asarray(filled, dtype=np.int64)


def _told(table: pa.Table) -> Uses:
    texts: list[NDArray[np.object_]] = []
    for name in _TEXTS:
        parts = table[name].chunks
        held = parts[0].dictionary.to_pylist() if parts else []
        texts.append(np.array(held, dtype=object))
    account, user, feature, day, known, amount = (
        _numbers(table[name]) if len(table) else np.empty(0, dtype=np.int64)
        for name in (*_TEXTS, *_DAYS, "thousandths")
    )
    return Uses(account, user, feature, day, known, amount, *texts)
