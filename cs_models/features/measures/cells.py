"""What each user did, day by day and feature by feature, in one pass over the events.

Grain in: canonical events.  Grain out: one row per (account, user, calendar month, 28-day period)
with any use: the days as bits, the features as bits.  A million events become some hundred
thousand rows of whole numbers; every measure of use is counted from them.

28-day periods are counted back from ``on``: period 0 is the last 28 days before it, so that each
holds four of every weekday and none is incomplete.  With on = 2024-03-01, period 0 is 2024-02-02
to 2024-02-29.  An event counts when it happened before ``on`` and was known by then; ``*_then``
holds what was known when its own period ended, for looking back from a past day without knowing
what came late.

Source: ``methods.md`` 1.1, 1.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cs_models.features.measures import bits
from cs_models.features.measures.bits import PER_WORD, PERIOD_DAYS, Int


@dataclass(frozen=True)
class Cells:
    """Use by account, user, month and period.

    Attributes
    ----------
    account, pair : ndarray of int64, shape (n_rows,)
        Row of the account in the accounts' frame; number of the (account, user) pair, -1 where
        the event names no user.
    month, period : ndarray of int64
        Year × 12 + month - 1; 28-day periods back from the date, 0 the latest.
    days, days_then : ndarray of int64
        Bits of the period's days.
    features, features_then : list of ndarray of int64
        Bits of the features, 60 to a number.
    pair_account : ndarray of int64, shape (n_pairs,)
        Account of each pair.
    pair_user : ndarray of str, shape (n_pairs,)
        User of each pair.
    names : tuple of str
        The features, in the order of their bits.
    """

    account: Int
    pair: Int
    month: Int
    period: Int
    days: Int
    days_then: Int
    features: list[Int]
    features_then: list[Int]
    pair_account: Int
    pair_user: NDArray[np.object_]
    names: tuple[str, ...]

    def rows(self, which: NDArray[np.bool_]) -> Cells:
        """Return the rows for which ``which`` holds, with all pairs."""
        return Cells(
            self.account[which], self.pair[which], self.month[which], self.period[which],
            self.days[which], self.days_then[which], [word[which] for word in self.features],
            [word[which] for word in self.features_then],
            self.pair_account, self.pair_user, self.names,
        )  # fmt: skip


def used(words: list[Int], place: int) -> NDArray[np.bool_]:
    """Return whether the feature at a place was used, for each row.

    Parameters
    ----------
    words : list of ndarray of int64
        ``Cells.features``.
    place : int
        Place of the feature in ``Cells.names``.
    """
    return ((words[place // PER_WORD] >> (place % PER_WORD)) & 1).astype(bool)


def distinct(words: list[Int]) -> Int:
    """Return how many features each row holds."""
    return np.asarray(sum(bits.count(word) for word in words), dtype=np.int64)


def visible(events: ir.Table, on: date, data_start: date) -> ir.Table:
    """Return the events that a date may see: before it, known by it, of the recorded time.

    Parameters
    ----------
    events : ibis Table
        Canonical events.
    on, data_start : datetime.date
    """
    return events.filter(
        events.event_date >= ibis.literal(data_start),
        events.event_date < ibis.literal(on),
        events.known_date <= ibis.literal(on),
    )


def read(
    events: ir.Table, on: date, data_start: date, names: tuple[str, ...], accounts: pd.Series
) -> Cells:
    """Count the use of every user, month and period.

    Parameters
    ----------
    events : ibis Table
        Canonical events.
    on, data_start : datetime.date
        The date looked back from, and the first day of recorded use.
    names : tuple of str
        The features to tell apart; others count as use of the product.
    accounts : Series of str
        The accounts, each once; events of others are left out.

    Returns
    -------
    Cells
    """
    seen = visible(events, on, data_start)
    ago = ibis.literal(on).delta(seen.event_date, unit="day").cast("int64")  # 1 is the day before
    seen = seen.mutate(
        month=(seen.event_date.year() * 12 + seen.event_date.month() - 1).cast("int64"),
        period=((ago - 1) // PERIOD_DAYS).cast("int64"),
        day=ibis.literal(1, "int64") << (PERIOD_DAYS - 1 - (ago - 1) % PERIOD_DAYS).cast("int64"),
        late=ibis.literal(on).delta(seen.known_date, unit="day").cast("int64"),
    )
    places = pd.DataFrame({"name": list(names), "place": np.arange(len(names), dtype=np.int64)})
    schema = {"name": "string", "place": "int64"}
    listed = ibis.memtable(places, schema=schema)
    seen = seen.left_join(listed, seen.feature == listed.name)
    n_words = max(1, math.ceil(len(names) / PER_WORD))
    bit = ibis.literal(1, "int64") << (seen.place.fill_null(0) % PER_WORD)
    none = ibis.literal(0, "int64")
    word = seen.place // PER_WORD
    marks = {f"w{w}": (word == w).fill_null(False).ifelse(bit, none) for w in range(n_words)}
    seen = seen.mutate(**marks)
    then = seen.late >= PERIOD_DAYS * seen.period
    found = seen.group_by("account_id", "user_id", "month", "period").agg(
        days=seen.day.bit_or(),
        days_then=seen.day.bit_or(where=then).fill_null(0),
        **{name: seen[name].bit_or() for name in marks},
        **{f"{name}_then": seen[name].bit_or(where=then).fill_null(0) for name in marks},
    )
    return _coded(found.to_pyarrow(), names, n_words, accounts)


def _coded(found: pa.Table, names: tuple[str, ...], n_words: int, accounts: pd.Series) -> Cells:
    """Give accounts and users their numbers; text becomes whole numbers once."""
    found = found.combine_chunks()
    account_text, account_code = encoded(found["account_id"])
    user_text, user_code = encoded(found["user_id"])
    place = pd.Index(accounts).get_indexer(pd.Index(account_text))
    account = place[account_code] if len(account_code) else account_code
    kept = account >= 0
    account, user_code = account[kept], user_code[kept]
    key = np.where(user_code >= 0, account * max(len(user_text), 1) + user_code, -1)
    pairs, pair = np.unique(key, return_inverse=True)
    if len(pairs) and pairs[0] == -1:
        pairs, pair = pairs[1:], pair - 1
    number = {
        name: found[name].to_numpy().astype(np.int64)[kept]
        for name in found.column_names
        if name not in ("account_id", "user_id")
    }
    return Cells(
        account=account, pair=pair.astype(np.int64), month=number["month"],
        period=number["period"], days=number["days"], days_then=number["days_then"],
        features=[number[f"w{w}"] for w in range(n_words)],
        features_then=[number[f"w{w}_then"] for w in range(n_words)],
        pair_account=(pairs // max(len(user_text), 1)).astype(np.int64),
        pair_user=user_text[pairs % max(len(user_text), 1)] if len(pairs) else user_text[:0],
        names=names,
    )  # fmt: skip


def encoded(column: pa.ChunkedArray) -> tuple[NDArray[np.object_], Int]:
    """Return the distinct texts of a column, and the number of each row's text.

    Parameters
    ----------
    column : pyarrow ChunkedArray of text

    Returns
    -------
    texts : ndarray of str
    numbers : ndarray of int64, shape (n_rows,)
        Place in ``texts``; -1 where missing.
    """
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    numbers = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return coded.dictionary.to_numpy(zero_copy_only=False).astype(object), numbers
