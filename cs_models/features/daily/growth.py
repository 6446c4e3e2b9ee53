"""Whether a customer pays more in all since its latest contract began.

Grain in: contract terms of some accounts.  Grain out: one mark per term.

Of a customer with one contract at a time a term is held against the one before it.  Where contracts
run side by side a term alone says nothing: the larger of two is worth more than the other at each
of its renewals, though nobody bought anything.  There all that the customer pays on the first day
of a term is held against all it paid until then.  A contract that is followed before its last day
(none ended lately, and one ends within 60 days) counts as replaced, so that the days on which both
run are no growth; nor, then, is another contract that begins beside one about to end.  What became
of a contract is not read.

Dated example: contracts of 10 000 and of 5 000 a year run side by side.  The first is renewed at
10 000: 15 000 before and after, nothing bought.  The second is renewed at 6 000: 16 000 after
15 000, bought more.

Source: ``methods.md`` 5 (stages); the rule of ``parameters/journey/default.yml``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features.daily.grid import Float, Int

EARLY_DAYS: Final = 60  # so long before its last day a contract may be followed by the next
_MORE: Final = 1.000001  # of the money before: less is rounding
Flags = NDArray[np.bool_]


def grown(
    account: Int, start: Int, closed: Int, renewal: Int, arr: Float, *, grace_days: int
) -> Int:
    """Mark the terms with whose beginning a customer pays more in all than before.

    Parameters
    ----------
    account : ndarray of int, shape (n_terms,)
        Terms in order of account and start.
    start, closed, renewal : ndarray of int, shape (n_terms,)
        First day, first day after, and the day up to which it was signed.
    arr : ndarray of float, shape (n_terms,)
        Currency a year.
    grace_days : int
        A contract that ended so many days ago is still part of what was paid before.

    Returns
    -------
    ndarray of int, shape (n_terms,)
        1 where so, else 0; 0 for a customer's first.
    """
    before = pd.Series(arr).groupby(account).shift().to_numpy(np.float64)
    more = arr > before * _MORE
    side = np.flatnonzero(_side_by_side(account, start, closed))
    if len(side):
        own = (account[side], start[side], closed[side], renewal[side], arr[side])
        more[side] = _in_all(*own, grace_days)
    return np.where(more, 1, 0)


def _side_by_side(account: Int, start: Int, closed: Int) -> Flags:
    """Return the terms of accounts that ever had two contracts on one day."""
    frame = pd.DataFrame({"account": account, "closed": closed})
    until = frame.groupby("account")["closed"].cummax().groupby(frame["account"]).shift()
    both = pd.Series(until.to_numpy() > start, dtype=bool)
    return both.groupby(account).transform("any").to_numpy(dtype=bool)


def _in_all(
    account: Int, start: Int, closed: Int, renewal: Int, arr: Float, grace_days: int
) -> Flags:
    """Hold all that is paid on each term's first day against all that was paid before."""
    place = np.arange(len(account))
    own = pd.DataFrame({"account": account, "at": place})
    pairs = own.merge(own, on="account", suffixes=("", "_other"))
    at, other = pairs["at"].to_numpy(), pairs["at_other"].to_numpy()
    day = start[at]
    begun, ended, paid = start[other], closed[other], arr[other]

    def total(when: Int, counted: Flags | bool = True) -> Float:
        running = (begun <= when) & (ended > when) & counted
        own = np.bincount(at, np.where(running, paid, 0.0), minlength=len(place))
        return own.astype(np.float64)

    # The last end not after this day: what ran the day before it was paid until then.
    last = np.full(len(place), np.iinfo(np.int64).min // 2)
    np.maximum.at(last, at[ended <= day], ended[ended <= day])
    lately = (start - last <= grace_days)[at]
    alone = (total(day - 1) == 0)[at]
    until = total(last[at] - 1, lately | alone)
    before = np.maximum(total(day - 1), until)
    followed = (begun < day) & (renewal[other] <= day + EARLY_DAYS) & ~lately
    return np.asarray((before > 0) & (total(day, ~followed) > before * _MORE))
