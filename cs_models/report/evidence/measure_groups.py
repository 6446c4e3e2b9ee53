"""The measures of adoption by segment, plan, month or half-year of the start, and role.

Grain in: the frames of ``features/measures``.  Grain out: one row per measure and group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.measures import monthly
from cs_models.learn import measures

EACH: Final = "active users who used "  # before the name of a feature
_VALUES: Final = ["value", "low", "high"]
_COLUMNS: Final = ["id", "name", "by", "group", *_VALUES, "unit", "n", "n_accounts", "period"]
_BY: Final = {"half_year": "half-year of the start", "plan": "plan", "segment": "segment"}


def tell(
    months: monthly.Monthly,
    period: str,
    users: pd.DataFrame,
    bought: pd.DataFrame,
    ways: tuple[pd.DataFrame, pd.DataFrame],
    on: str,
) -> pd.DataFrame:
    """Return every measure of today by its groups.

    Parameters
    ----------
    months : Monthly
        ``monthly.monthly``.
    period : str
        The last complete calendar month.
    users, bought : DataFrame
        ``people.recent`` and ``seats.seats``.
    ways : tuple of DataFrame
        ``durations.to_value`` and ``durations.to_onboard``.
    on : str
        The date.

    Returns
    -------
    DataFrame, one row per measure, way to group and group
        id, name, by, group, value, low, high, unit, n, n_accounts, period.  Waits have their
        median days, which is missing where fewer than half got there.
    """
    last = of(months, period)
    parts = [_pooled(last, period, users, bought, on), _taken_up(last, period), _waited(*ways, on)]
    told = [part.dropna(axis=1, how="all") for part in parts if len(part)]
    return pd.concat(told or parts[:1], ignore_index=True).reindex(columns=_COLUMNS)


def of(months: monthly.Monthly, period: str) -> monthly.Monthly:
    """Return one month.

    Parameters
    ----------
    months : Monthly
    period : str
        "2026-05".
    """
    mine = (months.rows["month"] == period).to_numpy()
    return monthly.Monthly(
        months.rows[mine].reset_index(drop=True), months.users[mine], months.features
    )


def stacked(
    rows: pd.DataFrame,
    measure: Callable[[pd.DataFrame, list[str]], pd.DataFrame],
    *,
    more: Sequence[str] = (),
) -> pd.DataFrame:
    """Return a measure of all rows and of each way to group them: by, group and its columns.

    Parameters
    ----------
    rows : DataFrame
    measure : callable
        Takes rows and the columns that make the groups; returns ``ratios.pooled``.
    more : sequence of str, default ()
        Columns to group by beside segment, plan and month of the start.
    """
    parts = []
    for by in ("", *measures.GROUPS, *more):
        found = measure(rows, [by] if by else [])
        if by:
            found = found.rename(columns={by: "group"})
        else:
            found.insert(0, "group", "all")
        found.insert(0, "by", by or "all")
        parts.append(found[found["n"] > 0])
    return pd.concat(parts, ignore_index=True)


def _pooled(
    last: monthly.Monthly, period: str, users: pd.DataFrame, bought: pd.DataFrame, on: str
) -> pd.DataFrame:
    """Return the pooled measures of today by segment, plan, cohort month and role."""
    role = ["role"]
    used = stacked(bought, lambda rows, by: measures.seat_use(rows, by=by))
    lately = users[users["active_weeks"] > 0].assign(one=1.0)
    told = [
        ("M1", "active users per seat", "ratio", period,
         stacked(last.rows, lambda r, by: measures.pooled(r, "active", "entitled", by=by))),
        ("M2", "features used, of those there, per active user", "share", period,
         stacked(last.rows, lambda _, by: measures.depth(last, by=by))),
        ("M6", "days with use per active user in 28 days", "days", on,
         stacked(users, lambda r, by: measures.frequency(r, by=by), more=role)),
        ("M7", "users active in 28 days per seat", "ratio", on, used[used["measure"] == "active"]),
        ("M7", "seats never activated", "ratio", on, used[used["measure"] == "unused"]),
        ("M8", "features used in 84 days per account", "features", on,
         stacked(bought.assign(one=1.0),
                  lambda r, by: measures.pooled(r, "n_features", "one", by=by))),
        ("M8", "features used in 84 days per user", "features", on,
         stacked(lately, lambda r, by: measures.pooled(r, "features", "one", by=by), more=role)),
        ("M2", "evenness of the mix of features", "share", on,
         stacked(bought.assign(one=1.0),
                  lambda r, by: measures.pooled(r, "mix_entropy", "one", by=by))),
    ]  # fmt: skip
    parts = [
        frame.assign(id=name, name=words, unit=unit, period=when)
        for name, words, unit, when, frame in told
    ]
    return pd.concat(parts, ignore_index=True)[_COLUMNS]


def _taken_up(last: monthly.Monthly, period: str) -> pd.DataFrame:
    """Return how many of the active users of a segment or plan used each feature."""
    parts = []
    for by in ("segment", "plan"):
        found = measures.feature_depth(last, by=[by])
        parts.append(found[found["n"] > 0].rename(columns={by: "group"}).assign(by=by))
    frame = pd.concat(parts, ignore_index=True)
    told = frame.assign(
        id="M2", name=EACH + frame["feature"].astype(str), unit="share", period=period
    )
    return told[_COLUMNS]


def _waited(value: pd.DataFrame, onboard: pd.DataFrame, on: str) -> pd.DataFrame:
    """Return the median days to value and to onboard, and who was in time, by group."""
    parts = []
    for ways, name, words in ((value, "M4", "days to value"), (onboard, "M5", "days to onboard")):
        by_way = ["way"] if "way" in ways else []
        for by in ("all", *_BY):
            found = measures.waits(half_year(ways), by=[*by_way, *([by] if by != "all" else [])])
            told = found.table
            group = told[by].astype(str) if by != "all" else "all"
            parts.append(told.assign(
                id=name, by=_BY.get(by, by), group=group, unit="days", period=on,
                name=f"{words}: " + told["way"].astype(str) if by_way else words,
                value=told["median"], low=told["median_low"], high=told["median_high"],
            ))  # fmt: skip
    timely = stacked(half_year(onboard), lambda r, by: measures.timely(r, by=by),
                      more=["half_year"])  # fmt: skip
    timely = timely[timely["by"] != "cohort_month"]
    parts.append(timely.assign(
        id="M5", name="onboarded by the due date", by=timely["by"].replace(_BY), unit="share",
        period=on,
    ))  # fmt: skip
    # A median that nobody reached has no type of its own.
    numbers = dict.fromkeys([*_VALUES, "n", "n_accounts"], "float64")
    kept = [part[_COLUMNS].astype(numbers) for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=_COLUMNS)


def half_year(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the half-year of the customer's start ("2024 H1"): months alone hold too few.

    Parameters
    ----------
    rows : DataFrame
        With ``cohort_month`` ("2024-03").
    """
    month = rows["cohort_month"].astype(str)
    half = np.where(month.str[5:7].to_numpy() <= "06", "H1", "H2")
    return rows.assign(half_year=month.str[:4] + " " + half)
