"""When people leave their account: silence, or the login taken away.

Grain in: episodes (one person, account and role), their logins and their use by month.  Grain out:
one row per episode, or one rate per group of episodes.

Somebody has left on the day the login is taken away, or on the 60th day of silence after at least
five active weeks, whichever comes first.  Two ends are no departures: the day the account itself
leaves (everybody's login goes with it), and the data date.  Nobody is watched before use was
recorded.

Dated example: a champion from 2023-01-10 with five active weeks, last seen on 2023-06-01, left on
2023-07-31 (silence); had the login been taken away on 2023-07-01, then on that day.

Source: ``methods.md`` 4 (champion departure hazard), 1.1 (left truncation, censoring).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

SILENT_DAYS: Final = 60
ACTIVE_WEEKS: Final = 5
DAYS_A_MONTH: Final = 365.2425 / 12
# A login closed within so many days of the account's end was closed with it.
CLOSING_DAYS: Final = 7
SILENCE, REMOVAL, STAYS = "silence", "removal", ""
_DAY: Final = pd.Timedelta(days=1)


def account_ends(contracts: pd.DataFrame, as_of: date) -> pd.Series:
    """Return the day on which each account that is gone left.

    Parameters
    ----------
    contracts : pandas.DataFrame
        From ``people.contracts``.
    as_of : datetime.date
        The data date.

    Returns
    -------
    pandas.Series of datetime64, by account_id
        The end of its last term, of accounts without a running one.
    """
    running = contracts.groupby("account_id")["running"].any()
    last = contracts.groupby("account_id")["closed_on"].max()
    gone: pd.Series = last[~running.reindex(last.index) & (last <= pd.Timestamp(as_of))]
    return gone


def spells(
    episodes: pd.DataFrame,
    logins: pd.DataFrame,
    monthly: pd.DataFrame,
    ends: pd.Series,
    *,
    as_of: date,
    data_start: date,
    silent_days: int = SILENT_DAYS,
    active_weeks: int = ACTIVE_WEEKS,
) -> pd.DataFrame:
    """Tell of every episode how long it was watched, and how it ended.

    Parameters
    ----------
    episodes, logins : pandas.DataFrame
        From ``people.served``.
    monthly : pandas.DataFrame
        From ``people.monthly``.
    ends : pandas.Series
        From :func:`account_ends`.
    as_of, data_start : datetime.date
        The data date, and the first day of recorded use.
    silent_days, active_weeks : int, default 60 and 5
        So many days without use, after so many active weeks, are a departure.

    Returns
    -------
    pandas.DataFrame
        One row per episode that was watched at all: ``episode``, ``person_id``, ``account_id``,
        ``role``, ``entry_on``, ``left_on`` (or last watched), ``event`` 0/1, ``how`` ("silence",
        "removal", ""), ``months`` (watched), ``months_before`` (in the role before), ``returned``
        (bool: used the product again after the silence).
    """
    quiet = _silences(logins, monthly, as_of, silent_days, active_weeks)
    rows = episodes.merge(quiet, on="episode", how="left")
    until = rows["account_id"].map(ends)
    taken = rows["to_on"].mask(rows["to_on"] >= until - CLOSING_DAYS * _DAY)
    today = pd.Timestamp(as_of)
    last = pd.concat([until.fillna(today), pd.Series(today, rows.index)], axis=1).min(axis=1)
    left = pd.concat([taken, rows["silent_on"]], axis=1).min(axis=1)
    event = (left <= last).fillna(False)
    opened = pd.Timestamp(data_start)
    entry = rows["from_on"].where(rows["from_on"] > opened, opened)
    how = np.where(rows["silent_on"] <= taken.fillna(today + _DAY), SILENCE, REMOVAL)
    out = rows[["episode", "person_id", "account_id", "role"]].assign(
        entry_on=entry,
        left_on=left.where(event, last),
        event=event.astype("int8"),
        how=np.where(event, how, STAYS),
        returned=rows["returned"].eq(True) & event & (how == SILENCE),
    )
    out["months"] = (out["left_on"] - out["entry_on"]).dt.days / DAYS_A_MONTH
    out["months_before"] = (entry - rows["from_on"]).dt.days / DAYS_A_MONTH
    watched: pd.DataFrame = out[out["months"] > 0].reset_index(drop=True)
    return watched


def _silences(
    logins: pd.DataFrame, monthly: pd.DataFrame, as_of: date, silent_days: int, active_weeks: int
) -> pd.DataFrame:
    """Return the first long silence of every episode that has one."""
    place = pd.Index(logins["user_id"]).get_indexer(pd.Index(monthly["user_id"]))
    use = monthly[["first_on", "last_on", "active_weeks"]][place >= 0]
    use = use.assign(episode=logins["episode"].to_numpy()[place[place >= 0]])
    use = use.sort_values(["episode", "first_on"], ignore_index=True)
    of = use["episode"]
    weeks = use.groupby(of, sort=False)["active_weeks"].cumsum()
    again = use.groupby(of, sort=False)["first_on"].shift(-1)
    until = again.fillna(pd.Timestamp(as_of))
    silent = ((until - use["last_on"]).dt.days >= silent_days) & (weeks >= active_weeks)
    first = use[silent].drop_duplicates("episode")
    return pd.DataFrame(
        {
            "episode": first["episode"],
            "silent_on": first["last_on"] + pd.Timedelta(days=silent_days),
            "returned": again[first.index].notna(),
        }
    )


def rates(
    spells: pd.DataFrame, by: Sequence[str] = (), *, how: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Return the chance to leave within a month, by group, with the account as the unit.

    Parameters
    ----------
    spells : pandas.DataFrame
        From :func:`spells`, with the columns in ``by``.
    by : sequence of str, default ()
        Groups; none for everybody.
    how : {"silence", "removal"}, optional
        Only departures of this kind; the other kind ends the watching.
    level : float, default 0.95
        Coverage.

    Returns
    -------
    pandas.DataFrame
        One row a group: the columns in ``by``, ``n`` (episodes), ``n_accounts``, ``months``
        (watched), ``left``, ``hazard``, ``low``, ``high`` (a month, 0 to 1).

    Notes
    -----
    Departures per month watched, made a chance by 1 - exp(-rate); limits on the log scale from the
    linearised ratio by account, never narrower than a Poisson count's own.
    """
    event = spells["event"] if how is None else spells["event"].where(spells["how"] == how, 0)
    rows = spells.assign(left=event.astype("float64"))
    groups = rows.groupby(list(by), dropna=False) if by else [((), rows)]
    found = []
    for key, own in groups:
        names = key if isinstance(key, tuple) else (key,)
        found.append(dict(zip(by, names, strict=True)) | _rate(own, level))
    columns = [*by, "n", "n_accounts", "months", "left", "hazard", "low", "high"]
    return pd.DataFrame(found, columns=columns)


def _rate(own: pd.DataFrame, level: float) -> dict[str, float]:
    months, left = float(own["months"].sum()), float(own["left"].sum())
    rate = left / months if months > 0 else np.nan
    exact = (
        stats.chi2.ppf((1 - level) / 2, 2 * left) / 2 if left else 0.0,
        stats.chi2.ppf((1 + level) / 2, 2 * left + 2) / 2,
    )
    low, high = (limit / months if months > 0 else np.nan for limit in exact)
    residual = own["left"] - rate * own["months"]
    by_account = residual.groupby(own["account_id"]).sum()
    if left and len(by_account) > 1:
        z = float(stats.norm.ppf(0.5 + level / 2))
        factor = len(by_account) / (len(by_account) - 1)
        spread = z * np.sqrt(float((by_account**2).sum()) * factor) / left
        low, high = min(low, rate * np.exp(-spread)), max(high, rate * np.exp(spread))
    chances = [1 - np.exp(-value) for value in (rate, low, high)]
    return {
        "n": len(own), "n_accounts": len(by_account), "months": months, "left": int(left),
        "hazard": chances[0], "low": chances[1], "high": chances[2],
    }  # fmt: skip
