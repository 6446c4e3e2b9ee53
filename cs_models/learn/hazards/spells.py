"""Episodes cut into (start, stop] pieces at the day something changed.

Grain in: one row per episode.  Grain out: one row per piece.

"Ever adopted" is known only at the end: an account has to stay to adopt, and with no effect at
all ever-adopters leave at .17 of the others' rate.  So an episode is cut at the day of adoption,
and the account counts as without it before and with it after.

Source: ``methods.md`` 1.2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cs_models.learn.hazards.observed import times


def adoption_spells(
    lifetimes: pd.DataFrame, adopted_days: pd.Series, *, account: str = "account_id"
) -> pd.DataFrame:
    """Cut each episode at the day its account adopted.

    Parameters
    ----------
    lifetimes : DataFrame, one row per episode
        The account, ``entry_days``, ``duration_days``, ``event``, and any other columns.
    adopted_days : Series, indexed as ``lifetimes``
        Days from the episode's start to the adoption; missing where it was not seen.
    account : str, default "account_id"
        Column of the account.

    Returns
    -------
    DataFrame, one or two rows per episode
        The other columns, ``start``, ``stop`` (days), ``event`` (in the last piece) and
        ``adopted`` (0 or 1): a row is (start, stop], with adoption from the day after it.
        An adoption after the end is not seen; one before the entry makes the whole row adopted.

    Raises
    ------
    DataError
        An episode was not watched for any time.
    """
    whole = lifetimes.drop(columns=["entry_days", "duration_days"])
    start = lifetimes["entry_days"].to_numpy(np.float64)
    stop = lifetimes["duration_days"].to_numpy(np.float64)
    given = times(stop, lifetimes["event"], start)
    when = adopted_days.reindex(lifetimes.index).to_numpy(np.float64, na_value=np.nan)
    inside = (when > start) & (when < stop)
    before = whole.assign(start=start, stop=np.where(inside, when, stop))
    before["event"] = np.where(inside, 0, given.event)
    before["adopted"] = (when <= start).astype(np.int64)
    after = whole[inside].assign(start=when[inside], stop=stop[inside], adopted=1)
    pieces = pd.concat([before, after]).sort_index(kind="stable")
    return pieces.sort_values([account, "start"], kind="stable", ignore_index=True)
