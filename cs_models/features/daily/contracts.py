"""What the contracts say on each day: running, in notice, how long, how much.

Grain in: canonical subscriptions.  Grain out: one value per account and day.

A contract runs from ``term_start`` until the day before its renewal date, or before the day on
which it was ended early.  Contract facts are known on their own day, as everywhere in this
workbench.  A customer whose last contract was cancelled has left when it ends; one whose last
contract just ran out has left after ``grace_days`` without a new one.  Who comes back after that
begins anew.  None of the columns reads what became of a contract.

Dated example, grace 30 days: contracts 2024-01-01 to 2025-01-01 and 2025-01-11 to 2026-01-11.  On
2025-01-05 no contract runs and ``days_without_contract`` is 5; on 2025-01-11 one runs, and
``days_as_customer`` is 376.  Had the second begun on 2025-03-01, ``won_back`` would be true from
then on, and ``days_as_customer`` 0 on that day.  Whether a customer has bought more is told of all
its contracts together (``growth``).

Source: ``methods.md`` 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.daily import growth
from cs_models.features.daily.grid import FAR, NEVER, Float, Grid, Int, numbers

_COLUMNS = (
    "account_id", "term_start", "term_end", "ended_at", "cancel_requested_at", "seats",
)  # fmt: skip


@dataclass(frozen=True)
class Terms:
    """All contract terms that had begun by the data date, in order of account and start.

    Attributes
    ----------
    names : pandas.Index of str
        The accounts, ascending.
    account : ndarray of int, shape (n_terms,)
        Place of the term's account in ``names``.
    start, closed, noticed, renewal : ndarray of int, shape (n_terms,)
        Days; ``FAR`` where there is none.
    seats, arr : ndarray of float, shape (n_terms,)
        Missing seats are NaN.
    episode_start : ndarray of int, shape (n_terms,)
        First day of the time as a customer that the term belongs to.
    again : ndarray of bool, shape (n_terms,)
        The customer had left before this time.
    """

    names: pd.Index
    account: Int
    start: Int
    closed: Int
    noticed: Int
    renewal: Int
    seats: Float
    arr: Float
    episode_start: Int
    again: np.ndarray


def read(subscriptions: ir.Table, as_of: date, grace_days: int) -> Terms:
    """Read the terms.

    Parameters
    ----------
    subscriptions : ibis.expr.types.Table
        Canonical subscriptions.
    as_of : datetime.date
        The data date.
    grace_days : int
        Days without a contract after which a customer has left.

    Returns
    -------
    Terms
    """
    begun = subscriptions.filter(subscriptions.term_start <= as_of)
    rows = begun.select(*_COLUMNS, arr=begun.arr.cast("float64")).execute()
    rows = rows.sort_values(["account_id", "term_start", "term_end"], ignore_index=True)
    account, names = pd.factorize(rows["account_id"], sort=True)
    account = account.astype(np.int64)
    start, renewal = numbers(rows["term_start"]), numbers(rows["term_end"])
    closed = np.maximum(np.minimum(renewal, numbers(rows["ended_at"])), start)
    first, again = _episodes(account, start, closed, grace_days)
    return Terms(
        pd.Index(names), account, start, closed, numbers(rows["cancel_requested_at"]), renewal,
        pd.to_numeric(rows["seats"]).to_numpy(np.float64), rows["arr"].to_numpy(np.float64),
        first, again,
    )  # fmt: skip


def columns(
    terms: Terms, grid: Grid, rows: Int, account: Int, grace_days: int
) -> dict[str, np.ndarray]:
    """Return the contract columns of every account-day.

    Parameters
    ----------
    terms : Terms
    grid : Grid
        Of some of the accounts.
    rows : ndarray of int
        The terms of these accounts, in order.
    account : ndarray of int, shape (n_rows,)
        Place of each term's account in the grid.
    grace_days : int
        As in `read`.

    Returns
    -------
    dict of str to ndarray, shape (n_account_days,)
        ``contract_runs``, ``in_notice``, ``won_back``, ``expanded`` (bool), ``days_as_customer``,
        ``days_in_term``, ``days_to_renewal``, ``days_without_contract`` (0 while one runs),
        ``arr``, ``seats`` (float; NaN where not known), ``left`` (bool: no contract runs, for
        longer than ``grace_days`` or after the last one was cancelled).
    """
    start, closed = terms.start[rows], terms.closed[rows]
    runs = grid.between(account, start, closed) > 0
    seats = terms.seats[rows]
    known = ~np.isnan(seats)
    seated = grid.between(account[known], start[known], closed[known], seats[known])
    noticed = np.maximum(terms.noticed[rows], start)
    latest = grid.latest(account, start)
    until = grid.latest(account, start, np.where(closed < FAR, closed, FAR - 1))
    renewal = grid.latest(account, start, np.minimum(terms.renewal[rows], FAR - 1))
    episode = grid.latest(account, start, terms.episode_start[rows])
    grown = growth.grown(
        account, start, closed, terms.renewal[rows], terms.arr[rows], grace_days=grace_days
    )
    told = grid.latest(account, start, 2 * start + grown)
    # Whether the latest contract had been cancelled while it ran.
    gone = grid.latest(account, start, 2 * start + (terms.noticed[rows] < closed))
    lapsed = np.where(runs, 0, grid.day - np.minimum(until, grid.day)).astype(np.float64)
    return {
        "contract_runs": runs,
        "in_notice": grid.between(account, noticed, closed) > 0,
        "won_back": grid.between(account, start, np.full(len(rows), FAR), terms.again[rows]) > 0,
        "expanded": (told % 2 == 1) & (told > NEVER),
        "days_as_customer": (grid.day - episode).astype(np.float64),
        "days_in_term": (grid.day - latest).astype(np.float64),
        "days_to_renewal": np.where(
            (renewal < FAR - 1) & (renewal > NEVER), renewal - grid.day, np.nan
        ),
        "days_without_contract": np.where(latest > NEVER, lapsed, np.nan),
        "arr": grid.between(account, start, closed, terms.arr[rows]),
        "seats": np.where(seated > 0, seated, np.nan),
        "left": ~runs & ((lapsed > grace_days) | (gone % 2 == 1)) & (latest > NEVER),
    }


def _episodes(account: Int, start: Int, closed: Int, grace_days: int) -> tuple[Int, np.ndarray]:
    """Return the first day of each term's time as a customer, and whether it is a later one."""
    frame = pd.DataFrame({"account": account, "start": start, "closed": closed})
    before = frame.groupby("account")["closed"].cummax().groupby(frame["account"]).shift()
    began = before.isna() | (frame["start"] - before > grace_days)
    number = began.groupby(frame["account"]).cumsum().astype("int64")
    first = frame.groupby([frame["account"], number])["start"].transform("min")
    return first.to_numpy(np.int64), (number > 1).to_numpy()
