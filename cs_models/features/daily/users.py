"""The stretches of days on which nothing changes for a user that a rule could see.

Grain in: what the records tell.  Grain out: one row per user and stretch of days.

A user is watched from the day after the login was made, or from the first recorded day if that is
later, until the data date.  A day is looked at with what was known strictly before it.  Users have
far too many days to look at each, so only those are kept on which a count changes, or a time since
crosses a level.  The contract records no log-in: a day with any use stands for one.

Dated example: a login made on 2024-01-10 and used once on 2024-02-01, known the day after.  Asked
for 28 days without use, the stretches begin on 2024-01-11 (never used), 2024-02-02 (one active
day), 2024-02-29 (28 days since), 2024-03-01 (29 days since, and no active day in the last 28).

Source: ``methods.md`` 1.1, 5; columns are named as in the frame of users.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from cs_models.features.daily.grid import FAR, NEVER, Int, dates, numbers
from cs_models.features.daily.known import Known
from cs_models.features.daily.stretches import Stretches, check, state
from cs_models.features.daily.use import RECENT_DAYS

FLAGS: Final = ("deactivated",)
NUMBERS: Final = (
    "days_since_created", "days_since_last_use", "active_days__last_28d", "active_days__to_date",
)  # fmt: skip
COLUMNS: Final = ("role", *NUMBERS, *FLAGS)
_WIDE: Final = 4 * FAR
_SINCE: Final = 1  # a happening counts from the day after it
_BLOCK: Final = 4_000_000  # uses at a time


def stretches(known: Known, levels: Mapping[str, Sequence[float]]) -> Stretches:
    """Look at every user, and keep the days on which something changed.

    Parameters
    ----------
    known : Known
    levels : mapping of str to sequence of float
        Columns that will be asked about (of ``COLUMNS``), each with the levels at which an answer
        may change.

    Returns
    -------
    Stretches
        ``frame`` has ``user_id``, ``account_id``, ``from_day``, ``to_day``, ``origin`` (the day
        from which the login could be seen) and the columns; without users it is empty, and every
        column absent.

    Raises
    ------
    ParameterError
        A column is none that is known of a user on a day.
    """
    check(levels, COLUMNS, "a user")
    head = ["user_id", "account_id", "from_day", "to_day", "origin"]
    users = known.users
    if users is None or not (known.use.user >= 0).any():
        missing = "users" not in known.tables
        why = "there is no table of users" if missing else "the events name no user"
        absent = dict.fromkeys(COLUMNS, why)
        empty = pd.DataFrame(columns=[*head, *COLUMNS])
        return Stretches(empty, absent, known.as_of, known.data_start)
    made = numbers(users["created_date"]) + _SINCE
    users = users[made <= known.last].reset_index(drop=True)
    who, day, told = _days_of_use(users, known)
    blocks = _blocks(who, len(users))
    parts = [_folded(users, low, high, (who, day, told), known, levels) for low, high in blocks]
    frame = pd.concat(parts, ignore_index=True)
    names = ("user_id", "account_id", "role")
    place = frame["place"].to_numpy()
    frame = frame.assign(**{name: pd.Categorical(users[name]).take(place) for name in names})
    return Stretches(frame[[*head, *COLUMNS]], {}, known.as_of, known.data_start)


def _days_of_use(users: pd.DataFrame, known: Known) -> tuple[Int, Int, Int]:
    """Return each user's days of use, ascending, and from when each is known."""
    place = pd.Index(users["user_id"]).get_indexer(known.use.users)
    use = known.use
    who = np.where(use.user >= 0, place[use.user], -1)
    theirs = who >= 0
    key = who[theirs] * _WIDE + use.day[theirs]
    told = use.known[theirs]
    order = np.argsort(key, kind="stable")
    key, told = key[order], told[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.int64)
    told = np.minimum.reduceat(told, first) if len(first) else told
    return key[first] // _WIDE, key[first] % _WIDE, told


def _blocks(who: Int, size: int) -> list[tuple[int, int]]:
    """Part the users into runs of so many uses."""
    until = np.cumsum(np.bincount(who, minlength=size)) // _BLOCK
    edges = np.r_[0, np.flatnonzero(np.diff(until)) + 1, size]
    return [(int(low), int(high)) for low, high in itertools.pairwise(edges)]


def _folded(
    users: pd.DataFrame,
    low: int,
    high: int,
    uses: tuple[Int, Int, Int],
    known: Known,
    levels: Mapping[str, Sequence[float]],
) -> pd.DataFrame:
    """Keep the days on which an answer may change, of the users ``low`` to ``high - 1``."""
    at = np.searchsorted(uses[0], [low, high])
    who, day, told = (values[at[0] : at[1]] for values in uses)
    who = who - low
    users, last = users.iloc[low:high], known.last
    made = numbers(users["created_date"]) + _SINCE
    gone = numbers(users["deactivated_date"]) + _SINCE
    first = np.maximum(made, known.recorded)
    entered = who * _WIDE + told
    passed = np.maximum(who * _WIDE + day + RECENT_DAYS + 1, entered)
    everyone = np.arange(len(users)) * _WIDE
    changes = [everyone + first, everyone + last, (everyone + gone)[gone <= last]]
    changes.append(_crossings(entered, passed, levels.get("active_days__last_28d", ())))
    changes += _quiet(who, day, told, levels.get("days_since_last_use", ()))
    since = map(math.ceil, levels.get("days_since_created", ()))
    changes += [everyone + made - _SINCE + level for level in since]
    if levels.get("active_days__to_date"):
        changes.append(entered)
    key = np.unique(np.concatenate(changes))
    place, when = key // _WIDE, key % _WIDE
    inside = (when >= first[place]) & (when <= last)
    key, place, when = key[inside], place[inside], when[inside]
    columns = _columns(key, place, when, (entered, passed, who, day))
    columns["days_since_created"] = (when - (made - _SINCE)[place]).astype(np.float64)
    columns["deactivated"] = when >= gone[place]
    changed = np.r_[True, place[1:] != place[:-1]] | (when == last)
    for name in set(levels) & set(columns):
        now = state(columns[name], levels[name])
        changed[1:] |= now[1:] != now[:-1]
    kept = np.flatnonzero(changed)
    whose, begun = place[kept], when[kept]
    ends = np.full(len(kept), last)
    ends[:-1] = np.where(whose[1:] == whose[:-1], begun[1:] - 1, last)
    return pd.DataFrame(
        {
            "place": whose + low,
            "from_day": dates(begun),
            "to_day": dates(ends),
            "origin": dates(made[whose]),
            **{name: values[kept] for name, values in columns.items() if name not in FLAGS},
            "deactivated": pd.array(columns["deactivated"][kept], dtype="boolean"),
        }
    )


def _quiet(who: Int, day: Int, told: Int, levels: Sequence[float]) -> list[Int]:
    """Return the days on which the time since the last use reaches a level, or ends."""
    cuts = [math.ceil(level) for level in levels]
    if not cuts or not len(who):
        return []
    again = np.r_[False, who[1:] == who[:-1]]
    before = np.r_[0, day[:-1]]
    after = np.r_[np.where(again[1:], told[1:], FAR), FAR]
    ends = (who * _WIDE + told)[~again | (told - before >= min(cuts))]
    return [ends, *((who * _WIDE + day + cut)[day + cut < after] for cut in cuts)]


def _crossings(entered: Int, passed: Int, levels: Sequence[float]) -> Int:
    """Return the days on which the number of recent days of use reaches or loses a level."""
    keys = np.concatenate([np.sort(entered), np.sort(passed)])
    order = np.argsort(keys, kind="stable")  # merges two sorted runs
    keys = keys[order]
    count = np.cumsum(np.where(order < len(entered), 1, -1))
    closing = np.r_[keys[1:] != keys[:-1], True][: len(keys)]
    keys, count = keys[closing], count[closing]
    now = state(count.astype(np.float64), levels)
    return np.asarray(keys[np.r_[True, now[1:] != now[:-1]][: len(keys)]])


def _columns(
    key: Int, place: Int, when: Int, uses: tuple[Int, Int, Int, Int]
) -> dict[str, np.ndarray]:
    """Count the days of use up to each change, and find the last."""
    entered, passed, who, day = uses
    order = np.argsort(entered, kind="stable")
    came, left = entered[order], np.sort(passed)
    before = np.searchsorted(who, place, side="left")
    so_far = np.searchsorted(came, key, side="right") - before
    over = np.searchsorted(left, key, side="right") - before
    latest = np.maximum.accumulate(day[order] + who[order] * _WIDE)
    place_of = before + so_far - 1
    seen = so_far > 0
    last_use = np.where(seen, latest[np.where(seen, place_of, 0)] % _WIDE, NEVER)
    return {
        "active_days__last_28d": (so_far - over).astype(np.float64),
        "active_days__to_date": so_far.astype(np.float64),
        "days_since_last_use": np.where(seen, when - last_use, np.nan),
    }
