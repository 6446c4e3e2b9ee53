"""Accounts that get a new identifier at a renewal: one per cent of them (`methods.md` section 7).

The old record stays, names the new one as its parent, and holds the earlier terms; the new record
holds the later ones with fresh logins of the same persons.  No term is split, so that a count
over a term stays whole; only the account's history falls in two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cs_models.data.simulation.calendar import Flags, Ints
from cs_models.data.simulation.outcomes import NEVER
from cs_models.data.simulation.portfolio import Periods


@dataclass(frozen=True)
class Merges:
    """One entry an account.

    Attributes
    ----------
    day : int, first day under the new identifier, or NEVER
    number : int, number of the new record, or -1; new numbers follow the last account
    """

    day: Ints
    number: Ints

    @property
    def old(self) -> Ints:
        """Accounts that have a new record, in the order of its number."""
        return np.flatnonzero(self.number >= 0)

    def current(self, account: Ints, day: Ints) -> Ints:
        """Return the number of the record under which something of a day is held."""
        return np.where(day >= self.day[account], self.number[account], account)


def none(n_accounts: int) -> Merges:
    """Return that no account has a second record."""
    return Merges(np.full(n_accounts, NEVER), np.full(n_accounts, -1))


def draw(
    n_accounts: int,
    periods: Periods,
    lived: Flags,
    first_day: int,
    share: float,
    rng: np.random.Generator,
) -> Merges:
    """Choose accounts and the renewal at which their identifier changes.

    Parameters
    ----------
    first_day : int
        Only renewals after this day are considered.
    share : float
        Share of all accounts.
    """
    merged = none(n_accounts)
    able = np.flatnonzero(lived & (periods.number > 0) & (periods.start > first_day))
    able = rng.permutation(able)
    accounts, first = np.unique(periods.account[able], return_index=True)
    size = min(accounts.size, round(share * n_accounts))
    chosen = np.sort(rng.choice(accounts.size, size=size, replace=False))
    merged.day[accounts[chosen]] = periods.start[able[first[chosen]]]
    merged.number[accounts[chosen]] = n_accounts + np.arange(size)
    return merged
