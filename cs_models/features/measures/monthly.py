"""Who used what in each calendar month, of those entitled to: rates of adoption and depth.

Grain out: one row per account and complete calendar month in which its contract ran on the first
and on the last day.  Entitled are the seats of the last day; where those are not known, the users
seen in the 90 days up to it, and the row says so.

One dated example, on = 2024-05-15: April 2024 is the last complete month.  An account whose
contract began on 2024-04-10 enters in May at the earliest.

Source: ``methods.md`` 1.4; ``customer_success.md`` M1, M2, M6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features.measures import bits, cells
from cs_models.features.measures.bits import Int
from cs_models.features.measures.facts import SEEN_DAYS, Facts, period_end
from cs_models.features.measures.who import NOT_KNOWN

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Monthly:
    """Use by account and month.

    Attributes
    ----------
    rows : DataFrame, one row per (account_id, month)
        account_id, segment, plan, cohort_month, month ("2024-03"), n_days, entitled (users who
        may use the product), seats_known (bool: entitled are seats), active (users with any use),
        user_days (days with use, added up over users), there (features that the product had all
        month), depth (those of them that were used, added up over active users).
    users : ndarray of float, shape (n_rows, n_features)
        Users of each feature; NaN in months before the product had it.
    features : tuple of str
    """

    rows: pd.DataFrame
    users: Float
    features: tuple[str, ...]

    def long(self) -> pd.DataFrame:
        """Return one row per (account_id, month, feature): users, active, entitled.

        Without a feature that is told apart there is no row.
        """
        keys = self.rows[["account_id", "month", "active", "entitled", "seats_known"]]
        parts = [
            keys.assign(feature=name, users=self.users[:, place])
            for place, name in enumerate(self.features)
        ]
        if not parts:
            return keys.head(0).assign(feature="", users=np.zeros(0))
        return pd.concat(parts, ignore_index=True)


def monthly(facts: Facts) -> Monthly:
    """Count the users of every account, month and feature.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Monthly
        Without rows where no month is complete.
    """
    use = users(facts)
    grid = _grid(facts)
    own, feature_users = _counted(facts, use, grid)
    rows = grid.assign(**own)
    lacking = (rows["entitled"].isna()).to_numpy()
    if lacking.any():
        seen = _seen(facts, rows[lacking])
        rows.loc[lacking, "entitled"] = seen
    there = ~np.isnan(feature_users)
    described = facts.accounts.iloc[rows["account"]].reset_index(drop=True)
    columns = ["account_id", "segment", "plan", "cohort_month"]
    frame = pd.concat([described[columns], rows.reset_index(drop=True)], axis=1)
    frame["there"] = there.sum(axis=1)
    frame["month"] = names(frame["month_no"].to_numpy())
    return Monthly(frame.drop(columns=["account", "month_no"]), feature_users, facts.features)


def users(facts: Facts) -> pd.DataFrame:
    """Return what each user did in each calendar month.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    DataFrame, one row per (pair, month_no)
        pair (of ``Cells``), month_no, days (with use), last (day of the latest use, days since
        1970), w0, w1, … (bits of the features).
    """
    own = facts.cells.rows(facts.cells.pair >= 0)
    key = own.pair * _SPAN + own.month
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    end = period_end(facts.on, own.period).astype("datetime64[D]").astype(np.int64)
    last = end - bits.PERIOD_DAYS + bits.highest(own.days)
    if not len(keys):
        starts = np.zeros(0, dtype=np.int64)
    frame = {
        "pair": keys // _SPAN,
        "month_no": keys % _SPAN,
        "days": _reduced(np.add, bits.count(own.days)[order], starts),
        "last": _reduced(np.maximum, last[order], starts),
    }
    for place, word in enumerate(own.features):
        frame[f"w{place}"] = _reduced(np.bitwise_or, word[order], starts)
    return pd.DataFrame(frame)


_SPAN = 12 * 10_000  # months: more than any calendar has


def roles(facts: Facts) -> NDArray[np.object_]:
    """Return the role of each (account, user) pair; "not known" where the records hold none.

    Parameters
    ----------
    facts : Facts
    """
    pairs = len(facts.cells.pair_user)
    if facts.users is None:
        return np.full(pairs, NOT_KNOWN, dtype=object)
    place = pd.Index(facts.users["user_id"]).get_indexer(pd.Index(facts.cells.pair_user))
    account = facts.users["account_id"].to_numpy(dtype=object)
    own = facts.accounts["account_id"].to_numpy(dtype=object)[facts.cells.pair_account]
    role = facts.users["role"].to_numpy(dtype=object)
    known = (place >= 0) & (account[place] == own) if len(account) else np.zeros(pairs, bool)
    return np.where(known, role[place] if len(role) else NOT_KNOWN, NOT_KNOWN).astype(object)


def names(month_no: Int) -> NDArray[np.object_]:
    """Return months as text: "2024-03"."""
    return np.array([f"{number // 12:04d}-{number % 12 + 1:02d}" for number in month_no], object)


def complete(facts: Facts) -> Int:
    """Return the numbers of the calendar months that are recorded from end to end."""
    first, end = pd.Timestamp(facts.data_start), pd.Timestamp(facts.on)
    low = first.year * 12 + first.month - 1 + int(first.day > 1)
    return np.arange(low, end.year * 12 + end.month - 1, dtype=np.int64)


def month_days(month_no: Int) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Return the first and the last day of months."""
    start = pd.DatetimeIndex((month_no - 1970 * 12).astype("datetime64[M]").astype("datetime64[s]"))
    after = pd.DatetimeIndex(
        (month_no + 1 - 1970 * 12).astype("datetime64[M]").astype("datetime64[s]")
    )
    return start, after - pd.Timedelta(days=1)


def _reduced(how: np.ufunc, values: Int, starts: Int) -> Int:
    return np.asarray(how.reduceat(values, starts) if len(starts) else values[:0], dtype=np.int64)


def _grid(facts: Facts) -> pd.DataFrame:
    """Return the accounts whose contract ran through each complete month, with their seats."""
    terms = facts.terms
    account = pd.Index(facts.accounts["account_id"]).get_indexer(pd.Index(terms["account_id"]))
    start, end = (terms[name].to_numpy(dtype="datetime64[s]") for name in ("start", "end"))
    seats = terms["seats"].to_numpy()
    n = len(facts.accounts)
    months = complete(facts)
    parts = []
    for number, first, last in zip(months, *month_days(months), strict=True):
        opening = (start <= np.datetime64(first)) & (end > np.datetime64(first))
        closing = (start <= np.datetime64(last)) & (end > np.datetime64(last))
        began = np.bincount(account[opening], minlength=n) > 0
        bought = np.bincount(account[closing], weights=seats[closing], minlength=n)
        both = np.flatnonzero(began & (np.bincount(account[closing], minlength=n) > 0))
        parts.append(
            pd.DataFrame(
                {"account": both, "month_no": number, "n_days": last.day, "entitled": bought[both]}
            )
        )
    if not parts:
        return pd.DataFrame(
            {"account": [], "month_no": [], "n_days": [], "entitled": []}, dtype=int
        )
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(seats_known=frame["entitled"].notna())


def _counted(facts: Facts, use: pd.DataFrame, grid: pd.DataFrame) -> tuple[dict[str, Float], Float]:
    """Count users, days and features of the grid's rows."""
    row_key = grid["account"].to_numpy(np.int64) * _SPAN + grid["month_no"].to_numpy(np.int64)
    order = np.argsort(row_key)
    key = facts.cells.pair_account[use["pair"]] * _SPAN + use["month_no"].to_numpy()
    place = np.searchsorted(row_key[order], key)
    inside = place < len(order)
    inside[inside] = row_key[order][place[inside]] == key[inside]
    own, row = use[inside], order[place[inside]] if len(order) else place[inside]
    words = [own[f"w{place}"].to_numpy() for place in range(len(facts.cells.features))]
    n = len(grid)

    def added(weights: Int | NDArray[np.bool_] | None = None) -> Float:
        return np.bincount(row, weights=weights, minlength=n).astype(np.float64)

    told = {
        "active": added(), "user_days": added(own["days"].to_numpy()),
    }  # fmt: skip
    columns = [added(cells.used(words, place)) for place in range(len(facts.features))]
    table = np.column_stack(columns) if columns else np.zeros((n, 0))
    first, _ = month_days(grid["month_no"].to_numpy(np.int64))
    for place, name in enumerate(facts.features):
        table[np.asarray(first < facts.there_from(name)), place] = np.nan
    # A feature that came within the month is no part of what could be used all month.
    return {**told, "depth": np.nansum(table, axis=1)}, table


def _seen(facts: Facts, rows: pd.DataFrame) -> Float:
    """Count the users seen in the 90 days up to the end of each row's month."""
    _, last = month_days(rows["month_no"].to_numpy(np.int64))
    until = (np.asarray(last, dtype="datetime64[D]") + 1).astype(np.int64)
    wanted = rows["account"].to_numpy(np.int64)
    own = facts.cells.rows((facts.cells.pair >= 0) & np.isin(facts.cells.account, wanted))
    end = period_end(facts.on, own.period).astype("datetime64[D]").astype(np.int64)
    frame = pd.DataFrame({"account": own.account, "pair": own.pair, "end": end, "days": own.days})
    asked = pd.DataFrame({"account": wanted, "until": until, "row": np.arange(len(rows))})
    pairs = asked.merge(frame, on="account")
    # Bits of the days in [until - 90, until), of the period that began 28 days before its end.
    begin = pairs["end"].to_numpy() - bits.PERIOD_DAYS
    low = np.clip(pairs["until"].to_numpy() - SEEN_DAYS - begin, 0, bits.PERIOD_DAYS)
    high = np.clip(pairs["until"].to_numpy() - begin, 0, bits.PERIOD_DAYS)
    mask = (np.int64(1) << high) - (np.int64(1) << np.minimum(low, high))
    seen = pairs[(pairs["days"].to_numpy() & mask) > 0]
    users_seen = seen.drop_duplicates(["row", "pair"])
    return np.bincount(users_seen["row"], minlength=len(rows)).astype(np.float64)
