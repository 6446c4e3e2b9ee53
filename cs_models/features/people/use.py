"""What each login did before a day: how often, how lately, how many features.

Grain in: uses.  Grain out: one row per user_id with any use that the day may see
(``event_date < on`` and ``known_date <= on``).

Dated example, on = 2024-03-01: use on 2024-02-29 is 1 day ago, in the last week block and in
``events__last_28d``; use on 2024-02-02 is 28 days ago and still in it, 2024-02-01 is not.

Source: ``methods.md`` 1.1, 1.4 (frequency).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa

from cs_models.features import uses
from cs_models.features.uses import Int, Uses

MONTH_DAYS: Final = 28
QUARTER_DAYS: Final = 90
WEEKS_DAYS: Final = 84
WEEK_DAYS: Final = 7
_EPOCH: Final = date(1970, 1, 1).toordinal()
_WIDE: Final = 2**24  # more days than any calendar has


def of_feature(feature: str) -> str:
    """Return the name of the column that counts a user's uses of a feature.

    Parameters
    ----------
    feature : str
        The product feature's own text.

    Returns
    -------
    str
    """
    return f"events__feature={feature}__to_date"


def of_users(found: Uses, on: date, features: Sequence[str]) -> pa.Table:
    """Count the use of every login that used anything before a day.

    Parameters
    ----------
    found : Uses
        All uses on record.
    on : datetime.date
        The decision date: use on that day is not seen.
    features : sequence of str
        Features whose uses are counted one by one.

    Returns
    -------
    pyarrow.Table
        ``used_by`` (the login), ``first_ago``, ``last_ago`` (days before ``on``), counts of days,
        weeks and features, sums of quantity in uses; null where there is no such use.
    """
    own = found.seen(on, named=True)
    ago = on.toordinal() - _EPOCH - own.day
    if len(own.user) and (np.diff(own.user * _WIDE + own.day) < 0).any():
        # Somebody used the product in two accounts: the days of a user stand together again.
        order = np.lexsort((own.day, own.user))
    else:
        order = np.arange(len(own.user))
    days = _days(own.user[order], ago[order])
    amounts = _amounts(own, ago, features)
    texts = pa.array(found.users[days.pop("used_by")], type=pa.string())
    return pa.table({"used_by": texts, **days, **amounts})


def _days(user: Int, ago: Int) -> dict[str, np.ndarray]:
    """Count the days and weeks on which each login used anything."""
    day = uses.starts(user, ago)
    user, ago = user[day], ago[day]
    begins = uses.starts(user)
    recent = ago <= WEEKS_DAYS
    # Days run forward: a week counts on its first day.
    week = np.where(recent, (ago - 1) // WEEK_DAYS, -1)
    new = np.zeros(len(week), dtype=bool)
    new[uses.starts(user, week)] = True
    return {
        "used_by": user[begins],
        "first_ago": uses.reduced(np.maximum, ago, begins),
        "last_ago": uses.reduced(np.minimum, ago, begins),
        "active_days__last_28d": _sum(ago <= MONTH_DAYS, begins),
        "active_days__to_date": np.diff(np.r_[begins, len(user)]),
        "active_weeks__last_84d": _sum(recent & new, begins),
    }


def _amounts(own: Uses, ago: Int, features: Sequence[str]) -> dict[str, np.ndarray]:
    """Add up what each login used, and count the features."""
    size = len(own.features) + 1
    key = own.user * size + own.feature + 1
    order = np.argsort(key, kind="stable")
    key, ago, amount = key[order], ago[order], own.thousandths[order]
    pairs = uses.starts(key)
    feature, last = key[pairs] % size - 1, uses.reduced(np.minimum, ago, pairs)
    begins = uses.starts(key[pairs] // size)
    used = uses.reduced(np.add, amount, pairs)
    found = {}
    for name, days in (("events__last_28d", MONTH_DAYS), ("events__last_90d", QUARTER_DAYS)):
        recent = np.where(ago <= days, amount, 0)
        total = uses.reduced(np.add, uses.reduced(np.add, recent, pairs), begins)
        found[name] = np.where(
            uses.reduced(np.minimum, last, begins) <= days, uses.amounts(total), np.nan
        )
    found["distinct_features__last_90d"] = _sum(last <= QUARTER_DAYS, begins)
    found["distinct_features__to_date"] = np.diff(np.r_[begins, len(pairs)])
    for name in features:
        mine = feature == _place(own.features, name)
        total = uses.amounts(uses.reduced(np.add, np.where(mine, used, 0), begins))
        found[of_feature(name)] = np.where(_sum(mine, begins) > 0, total, np.nan)
    return found


def _place(texts: np.ndarray, name: str) -> int:
    """Return the place of a feature; one that no use has where it was never used."""
    found = np.flatnonzero(texts == name)
    return int(found[0]) if len(found) else len(texts)


def _sum(flags: np.ndarray, begins: Int) -> Int:
    return np.asarray(uses.reduced(np.add, flags.astype(np.int64), begins))
