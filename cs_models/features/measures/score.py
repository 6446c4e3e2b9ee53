"""How engaged an account is: one number from its use alone, and what it is made of.

Grain out: one row per account and end of a 28-day period in which its contract ran throughout.

Four parts: days with use per active user, features per active user, active users per seat, and how
lately the product was used.  Each is read as the account's place among the accounts of its segment
on the same day (the share below it, ties half), 0 to 100; the score is their mean, so each part
gives at most 25 points and the points add up to the score exactly.  Nothing is learnt and no
outcome is looked at: a score of a past day holds only what was known then.

A score of use alone says where an account stands today, never whether use is enough: on every day
the average account has 50.

Source: ``customer_success.md`` M11; ``methods.md`` 1.4.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features.measures import bits, cells
from cs_models.features.measures.bits import PERIOD_DAYS, Int
from cs_models.features.measures.facts import Facts, period_end
from cs_models.features.measures.people import period_before

PARTS: Final = ("frequency", "depth", "breadth", "recency")
MOST: Final = 100.0
FEWEST_PEERS: Final = 20
BEFORE_DAYS: Final = 90
_SEEN_PERIODS: Final = 3  # twelve weeks stand for the 90 days in which a user was seen
Float = NDArray[np.float64]


def scores(facts: Facts) -> pd.DataFrame:
    """Return the engagement score of every running account at the end of every 28-day period.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    DataFrame, one row per (account_id, period)
        account_id, segment, plan, cohort_month, period (0 is the latest), end (first day after
        it), frequency (days with use per active user), depth (features per active user), breadth
        (active users per user entitled), recency (days since the last use, negative; before the
        first use, days since use is recorded), points_frequency, …, points_recency (0 to 25 each)
        and score (their sum, 0 to 100).  Accounts whose segment has fewer than 20 on that day are
        placed among all.  Empty where events name no user.
    """
    n_periods = (pd.Timestamp(facts.on) - pd.Timestamp(facts.data_start)).days // PERIOD_DAYS
    if not facts.users_named or n_periods < 1:
        return pd.DataFrame(columns=["account_id", "segment", "period", "end", *PARTS, "score"])
    grid = _grid(facts, n_periods)
    rows = grid.assign(**_parts(facts, grid, n_periods))
    rows = _placed(rows, facts)
    about = facts.accounts[["account_id", "plan", "cohort_month"]].iloc[rows["account"]]
    rows = pd.concat([about.reset_index(drop=True), rows.reset_index(drop=True)], axis=1)
    rows["end"] = period_end(facts.on, rows["period"].to_numpy()).astype("datetime64[s]")
    points = [f"points_{name}" for name in PARTS]
    columns = ["account_id", "segment", "plan", "cohort_month", "period", "end", *PARTS, *points]
    order = ["period", "account_id"]
    return rows[[*columns, "score"]].sort_values(order, ignore_index=True)


def before_renewals(
    scored: pd.DataFrame, history: pd.DataFrame, facts: Facts, *, before_days: int = BEFORE_DAYS
) -> pd.DataFrame:
    """Return the score that ended contracts had so long before their renewal date.

    Parameters
    ----------
    scored : DataFrame
        What :func:`scores` returned.
    history : DataFrame
        ``renewals.history`` as of the same date.
    facts : Facts
    before_days : int, default 90
        The score is that of the latest period over by then, at most 28 days older.

    Returns
    -------
    DataFrame, one row per subscription_id
        subscription_id, account_id, segment, outcome, end, score and its points: contracts that
        had begun by then, still ran and were not in notice, whose outcome was known strictly
        before the date.
    """
    kept = history[history["known_date"] < pd.Timestamp(facts.on)].drop(columns="segment")
    kept = kept.assign(period=period_before(facts, kept["term_end"], before_days))
    columns = ["account_id", "period", "segment", "end", "score"]
    points = [name for name in scored.columns if name.startswith("points_")]
    rows = kept.merge(scored[[*columns, *points]], on=["account_id", "period"])
    gone = (rows["closed_date"] <= rows["end"]) | (rows["notice_date"] <= rows["end"])
    rows = rows[~gone & (rows["term_start"] < rows["end"])]
    told = ["subscription_id", "account_id", "segment", "outcome", "end", "score", *points]
    return rows[told].sort_values(["end", "subscription_id"], ignore_index=True)


def _grid(facts: Facts, n_periods: int) -> pd.DataFrame:
    """Return the accounts whose contract ran through each period, with their seats at its end."""
    terms = facts.terms
    account = pd.Index(facts.accounts["account_id"]).get_indexer(pd.Index(terms["account_id"]))
    start, end = (terms[name].to_numpy(dtype="datetime64[D]") for name in ("start", "end"))
    seats, n = terms["seats"].to_numpy(), len(facts.accounts)
    parts = []
    for period in range(n_periods):
        last = period_end(facts.on, period) - np.timedelta64(1, "D")
        first = last - np.timedelta64(PERIOD_DAYS - 1, "D")
        opening, closing = ((start <= day) & (end > day) for day in (first, last))
        began = np.bincount(account[opening], minlength=n) > 0
        both = np.flatnonzero(began & (np.bincount(account[closing], minlength=n) > 0))
        bought = np.bincount(account[closing], weights=seats[closing], minlength=n)
        parts.append(pd.DataFrame({"account": both, "period": period, "seats": bought[both]}))
    return pd.concat(parts, ignore_index=True)


def _parts(facts: Facts, grid: pd.DataFrame, n_periods: int) -> dict[str, Float]:
    """Count the four parts of the grid's rows, each by what was known when its period ended."""
    own = facts.cells.rows((facts.cells.pair >= 0) & (facts.cells.period < n_periods))
    latest = own.period == 0  # nothing is known later than the date itself
    days = np.where(latest, own.days, own.days_then)
    words = [
        np.where(latest, now, then)
        for now, then in zip(own.features, own.features_then, strict=True)
    ]
    key, merged = bits.merge(own.pair * n_periods + own.period, days, *words)
    used = merged[0] > 0
    pair, period = key[used] // n_periods, key[used] % n_periods
    merged = [word[used] for word in merged]
    n = len(facts.accounts)
    place = facts.cells.pair_account[pair] * n_periods + period
    row = grid["account"].to_numpy() * n_periods + grid["period"].to_numpy()

    def added(weights: Int | None = None) -> Float:
        return np.bincount(place, weights, minlength=n * n_periods).astype(np.float64)

    active = added()
    last = np.full(n * n_periods, -1, dtype=np.int64)
    np.maximum.at(last, place, bits.highest(merged[0]))
    entitled = grid["seats"].to_numpy().copy()
    lacking = np.isnan(entitled)
    if lacking.any():
        asked = np.isin(facts.cells.pair_account[pair], grid["account"].to_numpy()[lacking])
        seen = _seen(facts, pair[asked], period[asked], n_periods)
        entitled[lacking] = seen[row[lacking]]
    some = np.maximum(active[row], 1.0)
    return {
        "frequency": added(bits.count(merged[0]))[row] / some,
        "depth": added(cells.distinct(merged[1:]))[row] / some,
        "breadth": active[row] / np.maximum(entitled, 1.0),
        "recency": -_quiet(last.reshape(n, n_periods)).ravel()[row],
    }


def _quiet(last: Int) -> Float:
    """Return the days since the last use at the end of each period, from each period's last day."""
    n_periods = last.shape[1]
    ago = np.where(last >= 0, PERIOD_DAYS - last, n_periods * PERIOD_DAYS + 1).astype(np.float64)
    told = ago.copy()
    for period in range(n_periods - 2, -1, -1):  # from the oldest to the latest
        told[:, period] = np.minimum(told[:, period], told[:, period + 1] + PERIOD_DAYS)
    limit = PERIOD_DAYS * (n_periods - np.arange(n_periods))
    return np.asarray(np.minimum(told, limit + 1.0), dtype=np.float64)


def _seen(facts: Facts, pair: Int, period: Int, n_periods: int) -> Float:
    """Count the users with any use in the twelve weeks that end with each period."""
    spread = [np.maximum(period - step, -1) for step in range(_SEEN_PERIODS)]
    later = np.concatenate(spread)
    who_of = np.tile(pair, _SEEN_PERIODS)
    keys, _ = bits.merge((who_of * n_periods + later)[later >= 0])
    place = facts.cells.pair_account[keys // n_periods] * n_periods + keys % n_periods
    return np.bincount(place, minlength=len(facts.accounts) * n_periods).astype(np.float64)


def _placed(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Add each part's points: the place among the day's accounts of the segment, ties half."""
    segment = facts.accounts["segment"].to_numpy(dtype=object)[rows["account"]]
    rows = rows.assign(segment=segment)
    size = rows.groupby(["period", "segment"])["account"].transform("size")
    peers = rows["segment"].where(size >= FEWEST_PEERS, "")
    everybody = rows.groupby("period")
    own = rows.assign(peers=peers).groupby(["period", "peers"])
    n = size.where(size >= FEWEST_PEERS, everybody["account"].transform("size"))
    for name in PARTS:
        rank = own[name].rank().where(size >= FEWEST_PEERS, everybody[name].rank())
        rows[f"points_{name}"] = MOST / len(PARTS) * (rank - 0.5) / n
    return rows.assign(score=sum(rows[f"points_{name}"] for name in PARTS))
