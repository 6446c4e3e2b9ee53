"""Whose use stood behind what an account paid, month by month.

Grain in: contract terms, logins with their episodes, use by month.  Grain out: one row per episode
(person, account, role).

A month's margin goes to the people who used the product in it: first to the roles present, by
their stated weights, then inside a role by uses.  Weights of an account-month add up to one, so
that nothing is handed out twice; a month in which nobody used anything is nobody's.

Dated example: in March an account pays 1,000 of margin; its champion (weight 3) has 10 uses, two
members (weight 1) have 30 and 10.  The champion has 750, the members 187.50 and 62.50.

An account that began, or grew, within 180 days of the arrival of somebody from another account
owes a part of that to the arrival: what it paid from then on, or the growth while that term runs.
The part (0 to 1) is an assumption; it is taken out before the rest is handed out.

Source: ``methods.md`` 4 (uLTV).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ARRIVAL_DAYS: Final = 180
RECENT_MONTHS: Final = 3
OTHER: Final = ""

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """Each episode's weight in its account's months; one entry per (episode, month) with use.

    Attributes
    ----------
    episode, account, month : ndarray of int, shape (n_entries,)
        Number of the episode, place of its account in ``names``, months since year 0.
    weight : ndarray of float, shape (n_entries,)
        0 to 1; they add up to 1 over an account-month.
    names : pandas.Index
        account_id by place.
    """

    episode: Int
    account: Int
    month: Int
    weight: Float
    names: pd.Index


def month_number(days: pd.Series) -> pd.Series:
    """Return the number of the calendar month of each day: 12 years + month - 1."""
    numbers: pd.Series = (days.dt.year * 12 + days.dt.month - 1).astype("int64")
    return numbers


def shares(
    logins: pd.DataFrame, monthly: pd.DataFrame, role_weights: Mapping[str, float]
) -> Shares:
    """Weigh everybody's use of each account-month.

    Parameters
    ----------
    logins : pandas.DataFrame
        From ``people.served``.
    monthly : pandas.DataFrame
        From ``people.monthly``.
    role_weights : mapping of str to float
        Weight of each role present; a role that is not named weighs 1.

    Returns
    -------
    Shares
    """
    place = pd.Index(logins["user_id"]).get_indexer(pd.Index(monthly["user_id"]))
    used = (place >= 0) & (monthly["uses"].to_numpy() > 0)
    login, uses = place[used], monthly["uses"].to_numpy(np.float64)[used]
    month = month_number(monthly["month"]).to_numpy()[used]
    accounts, names = pd.factorize(logins["account_id"])
    roles, kinds = pd.factorize(logins["role"].fillna(OTHER))
    pots = np.array([float(role_weights.get(str(kind), 1.0)) for kind in kinds])
    first, size = int(month.min(initial=month.max(initial=0))), max(len(kinds), 1)
    span = int(month.max(initial=0)) - first + 1
    cell = accounts[login] * span + (month - first)
    own = cell * size + roles[login]
    in_role = np.bincount(own, uses)
    present = np.flatnonzero(in_role > 0)
    pot = np.bincount(present // size, pots[present % size])
    weight = pots[roles[login]] / pot[cell] * uses / in_role[own]
    # Two logins of one episode in one month are one person.
    episode = logins["episode"].to_numpy(np.int64)[login]
    keys, entry = np.unique(episode * span + (month - first), return_inverse=True)
    account = np.zeros(len(keys), dtype=np.int64)
    account[entry] = accounts[login]
    return Shares(
        keys // span,
        account,
        keys % span + first,
        np.bincount(entry, weight).astype(np.float64),
        pd.Index(names),
    )


def margins(
    contracts: pd.DataFrame, *, margin: float, as_of: date, data_start: date
) -> pd.DataFrame:
    """Spread what every term paid over its months.

    Parameters
    ----------
    contracts : pandas.DataFrame
        From ``people.contracts``.
    margin : float
        Share of revenue that is kept after the cost of serving, 0 to 1.
    as_of, data_start : datetime.date
        Only days from ``data_start`` to the day before ``as_of`` count.

    Returns
    -------
    pandas.DataFrame
        One row per (subscription_id, month): ``subscription_id``, ``account_id``, ``month``,
        ``margin`` (currency; ARR / 12 for a whole month).
    """
    opened, today = pd.Timestamp(data_start), pd.Timestamp(as_of)
    start = contracts["term_start"].where(contracts["term_start"] > opened, opened)
    stop = contracts["closed_on"].where(contracts["closed_on"] < today, today)
    rows = contracts.assign(start=start, stop=stop)[stop > start]
    first = month_number(rows["start"]).to_numpy()
    last = month_number(rows["stop"] - pd.Timedelta(days=1)).to_numpy()
    n = last - first + 1
    place = np.repeat(np.arange(len(rows)), n)
    offset = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    month = first[place] + offset
    begins = (month.astype("int64") - 1970 * 12).astype("datetime64[M]")
    opens, closes = begins.astype("datetime64[D]"), (begins + 1).astype("datetime64[D]")
    left = np.maximum(rows["start"].to_numpy("datetime64[D]")[place], opens)
    right = np.minimum(rows["stop"].to_numpy("datetime64[D]")[place], closes)
    part = (right - left).astype(np.int64) / (closes - opens).astype(np.int64)
    return pd.DataFrame(
        {
            "subscription_id": rows["subscription_id"].to_numpy()[place],
            "account_id": rows["account_id"].to_numpy()[place],
            "month": month,
            "margin": rows["arr"].to_numpy(np.float64)[place] / 12 * margin * part,
        }
    )


def arrivals(
    episodes: pd.DataFrame, contracts: pd.DataFrame, *, arrival_days: int = ARRIVAL_DAYS
) -> pd.DataFrame:
    """Tell which terms began, or grew, within so many days of an arrival from another account.

    Parameters
    ----------
    episodes, contracts : pandas.DataFrame
        From ``people.served`` and ``people.contracts``.
    arrival_days : int, default 180
        How near.

    Returns
    -------
    pandas.DataFrame
        One row per (subscription_id, episode): ``subscription_id``, ``episode``, ``month`` (of the
        arrival), ``share`` of the term's margin that goes back to the arrival (1 for an account
        that began; the growth for a term that grew), ``part`` (of ``share``, this episode's, where
        several arrived), ``kind`` ("began", "grew").
    """
    came = episodes.loc[episodes["came_from"].notna(), ["episode", "account_id", "from_on"]]
    began = contracts.groupby("account_id")["term_start"].min().rename("began_on")
    pairs = contracts.merge(came, on="account_id").join(began, on="account_id")
    new = (pairs["began_on"] - pairs["from_on"]).dt.days.abs() <= arrival_days
    after = (pairs["term_start"] - pairs["from_on"]).dt.days
    grew = (pairs["arr"] > pairs["arr_before"]) & after.between(0, arrival_days) & ~new
    growth = (1 - pairs["arr_before"] / pairs["arr"].where(pairs["arr"] > 0)).clip(0, 1)
    pairs["share"] = np.where(new, 1.0, np.where(grew, growth, 0.0))
    pairs["kind"] = np.where(new, "began", "grew")
    found = pairs[pairs["share"] > 0].copy()
    found["month"] = month_number(found["from_on"])
    of_term = found.groupby("subscription_id")
    found["share"] = of_term["share"].transform("max")
    found["part"] = found["share"] / of_term["episode"].transform("size")
    return found[["subscription_id", "episode", "month", "share", "part", "kind"]]


def realised(weights: Shares, paid: pd.DataFrame, credited: pd.DataFrame) -> pd.DataFrame:
    """Hand out what was paid.

    Parameters
    ----------
    weights : Shares
    paid : pandas.DataFrame
        From :func:`margins`.
    credited : pandas.DataFrame
        From :func:`arrivals`.

    Returns
    -------
    pandas.DataFrame
        One row per episode with anything: ``direct`` (by use, were nothing credited to arrivals),
        ``given`` (what it would give up of that, were arrivals credited in full), ``credit`` (what
        it would have as an arrival, in full).  At a credit of λ: direct - λ·given + λ·credit.
    """
    of_term = credited.groupby("subscription_id")
    term = paid["subscription_id"]
    due = paid["month"] >= term.map(of_term["month"].min())
    owed = (paid["margin"] * term.map(of_term["share"].first())).where(due, 0.0).fillna(0.0)
    account = weights.names.get_indexer(pd.Index(paid["account_id"]))
    first = int(min(paid["month"].min(), weights.month.min(initial=10**6))) if len(paid) else 0
    last = int(max(paid["month"].max(), weights.month.max(initial=0))) if len(paid) else 0
    table = np.zeros((2, len(weights.names) + 1, last - first + 1))
    for layer, amount in enumerate((paid["margin"], owed)):
        # Accounts without a single login stand in the last line, which nobody reads.
        np.add.at(table[layer], (account, paid["month"].to_numpy() - first), amount.to_numpy())
    inside = (weights.month >= first) & (weights.month <= last)
    at = (weights.account[inside], weights.month[inside] - first)
    episode, weight = weights.episode[inside], weights.weight[inside]
    numbers, entry = np.unique(episode, return_inverse=True)
    of_use = pd.DataFrame(
        {name: np.bincount(entry, weight * table[layer][at], minlength=len(numbers))
         for layer, name in enumerate(("direct", "given"))},
        index=pd.Index(numbers, name="episode"),
    )  # fmt: skip
    arrived = credited.merge(paid.loc[due, ["subscription_id", "margin"]], on="subscription_id")
    credit = (arrived["margin"] * arrived["part"]).groupby(arrived["episode"]).sum()
    return of_use.join(credit.rename("credit"), how="outer").fillna(0.0)


def recent(weights: Shares, as_of: date, *, months: int = RECENT_MONTHS) -> pd.Series:
    """Return every episode's mean weight over the last whole months with use of its account.

    Parameters
    ----------
    weights : Shares
    as_of : datetime.date
        The running month does not count.
    months : int, default 3

    Returns
    -------
    pandas.Series of float, by episode
        They add up to 1 over an account that was used.
    """
    now = as_of.year * 12 + as_of.month - 1
    lately = (weights.month >= now - months) & (weights.month <= now - 1)
    account, month = weights.account[lately], weights.month[lately]
    seen = np.unique(account * (now + 1) + month) // (now + 1)
    n_months = np.bincount(seen, minlength=len(weights.names))
    part = weights.weight[lately] / np.maximum(n_months[account], 1)
    return pd.Series(part).groupby(weights.episode[lately]).sum().rename_axis("episode")
