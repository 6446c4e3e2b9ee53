"""What the contracts say on each day: running, in notice, how long, how much.

Grain in: canonical subscriptions.  Grain out: one value per account and day.

A contract runs from ``term_start`` until the day before its renewal date, or before the day on
which it was ended early.  Contract facts are known on their own day, as everywhere in this
workbench.  A customer whose last contract was cancelled, or is on record as lost, has left when it
ends; one whose last contract just ran out has left after ``grace_days`` without a new one.  Who
comes back after that begins anew.  A contract on record as renewed runs on until the next one
begins; where none does in the days of grace, the customer is no former one but one of whom no
further contract is seen.  What became of a contract is read from its decision date on
(``decided``).

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

from cs_models.features.daily import decided, growth
from cs_models.features.daily.decided import Ended
from cs_models.features.daily.grid import FAR, NEVER, Float, Grid, Int, numbers

_COLUMNS = (
    "account_id", "term_start", "term_end", "ended_at", "cancel_requested_at", "seats",
    "outcome", "decided_at",
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
    outcome, known : ndarray of int, shape (n_terms,)
        What became of the term, and from when that is on record; see ``decided.outcomes``.
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
    outcome: Int
    known: Int


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
        first, again, *decided.outcomes(rows, closed, grace_days),
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
        ``contract_runs`` (one does, or has just ended and is on record as renewed),
        ``in_notice``, ``won_back``, ``expanded`` (bool), ``days_as_customer``,
        ``days_in_term``, ``days_to_renewal``, ``days_without_contract`` (0 while one runs),
        ``arr``, ``seats`` (float; NaN where not known), ``left`` (bool: no contract runs, for
        longer than ``grace_days`` or after the last one was cancelled or is known to be lost),
        ``renewal_unseen`` (bool: renewed on record, and no contract for longer than
        ``grace_days``).
    """
    start, closed = terms.start[rows], terms.closed[rows]
    outcome, known = terms.outcome[rows], terms.known[rows]
    noticed = np.maximum(terms.noticed[rows], start)
    after = decided.ended(account, start, closed, noticed, outcome, known, grace_days)
    runs = grid.between(account, start, closed) > 0
    goes_on = runs | (grid.between(account, after.renewed, after.until) > 0)
    latest = grid.latest(account, start)
    until = grid.latest(account, start, np.where(closed < FAR, closed, FAR - 1))
    renewal = grid.latest(account, start, np.minimum(terms.renewal[rows], FAR - 1))
    episode = grid.latest(account, start, terms.episode_start[rows])
    grown = growth.grown(
        account, start, closed, terms.renewal[rows], terms.arr[rows], grace_days=grace_days
    )
    told = grid.latest(account, start, 2 * start + grown)
    # Whether the latest contract had been cancelled while it ran.
    gone = grid.latest(account, start, 2 * start + (terms.noticed[rows] < closed)) % 2 == 1
    lapsed = np.where(runs, 0, grid.day - np.minimum(until, grid.day)).astype(np.float64)
    record = decided.on_record(grid, account, start, outcome, known)
    unseen = ~goes_on & (record == decided.GOES_ON) & (lapsed > grace_days) & (latest > NEVER)
    over = (lapsed > grace_days) | gone | (record == decided.LOST)
    return {
        "contract_runs": goes_on,
        "in_notice": _in_notice(grid, account, noticed, closed, outcome, known),
        "won_back": grid.between(account, start, np.full(len(rows), FAR), terms.again[rows]) > 0,
        "expanded": (told % 2 == 1) & (told > NEVER),
        "days_as_customer": (grid.day - episode).astype(np.float64),
        "days_in_term": (grid.day - latest).astype(np.float64),
        "days_to_renewal": np.where(
            (renewal < FAR - 1) & (renewal > NEVER), renewal - grid.day, np.nan
        ),
        "days_without_contract": np.where(latest > NEVER, lapsed, np.nan),
        "arr": _arr(terms.arr[rows], grid, account, start, closed, after, unseen),
        "seats": _seats(terms.seats[rows], grid, account, start, closed, after),
        "left": ~goes_on & (record != decided.GOES_ON) & over & (latest > NEVER),
        "renewal_unseen": unseen,
    }


def _in_notice(
    grid: Grid, account: Int, noticed: Int, closed: Int, outcome: Int, known: Int
) -> np.ndarray:
    stands = decided.standing_notice(noticed, closed, outcome, known)
    return np.asarray(grid.between(account, noticed, stands) > 0)


def _arr(
    arr: Float, grid: Grid, account: Int, start: Int, closed: Int, after: Ended, unseen: np.ndarray
) -> Float:
    """Return the money of the contracts that run, or have ended and still count."""
    own = grid.between(account, start, closed, arr)
    own = own + grid.between(account, after.since, after.until, arr)
    last = grid.between(account, after.unseen, after.following, arr)
    return np.where(unseen, last, own)


def _seats(seats: Float, grid: Grid, account: Int, start: Int, closed: Int, after: Ended) -> Float:
    """Return the seats of the same contracts; NaN where none of them is known."""
    at = ~np.isnan(seats)
    seated = grid.between(account[at], start[at], closed[at], seats[at])
    seated = seated + grid.between(account[at], after.since[at], after.until[at], seats[at])
    return np.where(seated > 0, seated, np.nan)


def _episodes(account: Int, start: Int, closed: Int, grace_days: int) -> tuple[Int, np.ndarray]:
    """Return the first day of each term's time as a customer, and whether it is a later one."""
    frame = pd.DataFrame({"account": account, "start": start, "closed": closed})
    before = frame.groupby("account")["closed"].cummax().groupby(frame["account"]).shift()
    began = before.isna() | (frame["start"] - before > grace_days)
    number = began.groupby(frame["account"]).cumsum().astype("int64")
    first = frame.groupby([frame["account"], number])["start"].transform("min")
    return first.to_numpy(np.int64), (number > 1).to_numpy()
