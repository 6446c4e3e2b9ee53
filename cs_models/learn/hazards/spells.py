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


def cut_at(spells: pd.DataFrame, moment: float) -> pd.DataFrame:
    """Cut the pieces that cross a moment in two, so that a column may change at it.

    Parameters
    ----------
    spells : DataFrame, one row per (start, stop] piece
        As `adoption_spells` returns them.
    moment : float
        In the unit of ``start`` and ``stop``.

    Returns
    -------
    DataFrame, one row per piece
        The same columns; the event is in the later part.
    """
    crossing = (spells["start"] < moment) & (spells["stop"] > moment)
    before = spells.assign(
        stop=spells["stop"].where(~crossing, moment), event=spells["event"].where(~crossing, 0)
    )
    after = spells[crossing].assign(start=float(moment))
    return pd.concat([before, after]).sort_index(kind="stable").reset_index(drop=True)


def per_period(
    frame: pd.DataFrame,
    *,
    duration: str = "duration_days",
    event: str = "event",
    entry: str | None = None,
    period: float = 1.0,
) -> pd.DataFrame:
    """Give each episode one row per period begun: grouped time, where each period is a chance.

    For contracts that can be left every month, or histories that tell only how long: where the
    renewal dates are known, `features.tenure.opportunities` has the rows.

    Parameters
    ----------
    frame : DataFrame, one row per episode
        The duration, 1 where it ended, and columns that stay the same.
    duration, event : str
        Columns.
    entry : str, optional
        Column of the time from which the row was watched: periods begun before it are left out.
    period : float, default 1.0
        Length, in the unit of the duration.

    Returns
    -------
    DataFrame, one row per episode and period
        The columns of ``frame`` but the duration; ``opportunity`` (1, 2, …); ``event`` (1 in the
        period in which the episode ended).

    Raises
    ------
    DataError
        As `observed.times`.
    """
    given = times(frame[duration], frame[event], None if entry is None else frame[entry])
    last = np.ceil(given.duration / period - 1e-9).astype(np.int64)
    first = np.ceil(given.entry / period - 1e-9).astype(np.int64)
    number = np.maximum(last - first, 0)
    place = np.repeat(np.arange(len(frame)), number)
    step = np.arange(len(place)) - np.repeat(np.cumsum(number) - number, number)
    rows = frame.drop(columns=[duration]).iloc[place].reset_index(drop=True)
    opportunity = first[place] + step + 1
    ended = (opportunity == last[place]) & (given.event[place] == 1)
    return rows.assign(opportunity=opportunity, event=ended.astype(np.int8))
