"""What accounts are still expected to pay, and how much of it while a person is there.

Grain in: running terms and past renewal opportunities.  Grain out: one row per account.

The account stays by its renewals, learnt by segment, length of contract and number of the renewal;
a person of a role stays with a monthly chance 1 - h, whatever the account does.  Both hold in month
m with S(m)·(1 - h)^m: a second discount, so that a person's part never exceeds the account's.

Source: ``methods.md`` 4 (expected remaining lifetime; uLTV).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.hazards.discrete import RenewalHazard, contract_months, renewal_hazard
from cs_models.learn.hazards.lifetime import chances, lifetime_value

Float = NDArray[np.float64]

ACCOUNT: Final = "account"
UNKNOWN: Final = "unknown"


def expected(
    opportunities: pd.DataFrame,
    upcoming: pd.DataFrame,
    hazards: Mapping[str, float],
    *,
    margin: float,
    horizon_years: int,
    discount_rate: float,
) -> pd.DataFrame:
    """Add up the margin that running terms are expected to bring.

    Parameters
    ----------
    opportunities, upcoming : pandas.DataFrame
        From ``tenure.opportunities`` and ``tenure.upcoming``.  A term in notice pays to its end.
    hazards : mapping of str to float
        Monthly chance to leave of each role, 0 to 1.
    margin : float
        Share of revenue kept, 0 to 1.
    horizon_years : int
        Years looked at.
    discount_rate : float
        A year.

    Returns
    -------
    pandas.DataFrame
        One row per account_id with a running term: ``account`` (the account's whole), one column a
        role (while somebody of that role stays), ``years`` (expected, of the horizon, weighted by
        ARR), ``beyond`` (share of ``account`` beyond the time anybody was followed).

    Raises
    ------
    TooLittleDataError
        Fewer than 10 accounts left, or fewer than 10 did not.
    """
    now = _known(upcoming)
    model = renewal_hazard(_known(opportunities), ("segment",), event="lost", penalty=1.0)
    there = _there(model, now, 12 * horizon_years)
    arr = now["arr"].to_numpy(np.float64)
    whole = lifetime_value(
        there, arr, discount_rate=discount_rate, beyond=_unseen(model, now, there.shape[1])
    )
    values = {ACCOUNT: margin * whole["value"]}
    for name, hazard in hazards.items():
        # Whoever stays with 1 - h a month is as good as money worth 1 - h a month less.
        both = (1 + discount_rate) * (1 - min(hazard, 0.99)) ** -12 - 1
        values[name] = margin * lifetime_value(there, arr, discount_rate=both)["value"]
    beyond, years = whole["beyond"] * values[ACCOUNT], whole["years"] * now["arr"]
    columns = pd.DataFrame(values).assign(beyond=beyond, years=years, arr=now["arr"])
    sums = columns.groupby(now["account_id"]).sum()
    total = sums[ACCOUNT].where(sums[ACCOUNT] > 0)
    paid = sums["arr"].where(sums["arr"] > 0)
    return sums.assign(
        beyond=(sums["beyond"] / total).fillna(0.0), years=(sums["years"] / paid).fillna(0.0)
    )


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(segment=rows["segment"].fillna(UNKNOWN)).reset_index(drop=True)


def _there(model: RenewalHazard, now: pd.DataFrame, n_months: int) -> Float:
    """Return chances month by month; short contracts, which come to many renewals, apart."""
    there = np.ones((len(now), n_months))
    for rows in now.groupby(contract_months(now["term_months"]), dropna=False).indices.values():
        there[rows] = chances(model, now.iloc[rows], n_months)
    # Who is in notice pays until the renewal date, and no longer.
    asked = now["in_notice"].to_numpy(dtype=bool)
    left = now["months_to_renewal"].to_numpy(np.float64)[asked]
    there[asked] = np.clip(left[:, None] - np.arange(n_months)[None, :], 0, 1)
    return there


def _unseen(model: RenewalHazard, now: pd.DataFrame, n_months: int) -> NDArray[np.bool_]:
    """Say which months lie beyond the time as a customer to which anybody was followed."""
    followed = dict(zip(model.followed["term_months"], model.followed["months"], strict=True))
    limit = pd.Series(contract_months(now["term_months"])).map(followed).fillna(0.0).to_numpy()
    so_far = (now["months_as_customer"] - now["months_to_renewal"]).to_numpy(np.float64)
    return np.asarray(so_far[:, None] + np.arange(n_months)[None, :] >= limit[:, None])
