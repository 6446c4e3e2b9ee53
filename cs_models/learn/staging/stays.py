"""Stays: the days that a thing spends in one stage before it moves on.

Grain in: stretches of days, each with the stage that its rules say.  Grain out: one row per stay.

A stage is entered once its rule has held for ``settles_days`` days in a row, and the thing is in
the stage before until then: a week on the edge of a rule is no journey there and back.  A stage
with ``leaves_after_days`` is left for one that is asked later only once its rule has not held for
so many days in a row; one that is asked earlier takes over as soon as it has settled.  On the
first day of all there is no stage before, and the rules count at once.  On each day this needs only
that day and those before it.

Dated example, 3 days to settle: the rules say onboarding up to 2024-03-09, dormant on 03-10 and
03-11, onboarding on 03-12, dormant from 03-13 on.  The thing is in onboarding until 2024-03-14 and
dormant from 2024-03-15 on, the third day of the second time.

Source: ``methods.md`` 5; ``reliability.md`` E (entry and censoring).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from cs_models.learn.staging import rules as rule
from cs_models.learn.staging.rules import Rules

COLUMNS = (
    "account_id", "stage", "entered_on", "left_on", "last_day", "next_stage", "previous_stage",
    "entry_seen", "start", "stop", "moved",
)  # fmt: skip


def stays(
    frame: pd.DataFrame,
    rules: Rules,
    *,
    thing: str = "account_id",
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the stays of every thing.

    Parameters
    ----------
    frame : DataFrame, one row per thing and stretch of days, in order
        ``thing``, ``account_id``, ``from_day``, ``to_day``, ``origin`` (the day from which time is
        counted), and the columns that the rules ask for.  A thing's stretches follow each other
        without a gap.
    rules : Rules
        As far as they can be answered.
    thing : str, default "account_id"
        Column of the thing.
    keep : sequence of str, default ()
        Columns to keep, as on the last stretch of the stay.

    Returns
    -------
    DataFrame, one row per stay
        ``thing``, ``account_id``, ``stage``; ``entered_on``, ``left_on`` (first day in the next
        stage; NaT while it lasts), ``last_day`` (last day seen in it), ``next_stage``,
        ``previous_stage`` (None where there is none), ``entry_seen`` (False for the first stay of
        a thing that was there before the records); ``start``, ``stop`` (days since ``origin``: at
        risk of moving on ``start < t <= stop``), ``moved`` (bool), and `keep`.
    """
    names = np.array([stage.name for stage in rules.stages], dtype=object)
    settles = np.array([stage.settles_days for stage in rules.stages])
    place = pd.factorize(frame[thing])[0]
    stage = rule.assign(rules, frame)
    begun = frame["from_day"].to_numpy("datetime64[D]").astype(np.int64)
    until = frame["to_day"].to_numpy("datetime64[D]").astype(np.int64)
    # What the rules say, in runs; then the runs that last long enough, from the day they settle.
    run = _changes(place, stage)
    ends = np.r_[run[1:], len(frame)] - 1
    first = np.r_[True, place[run][1:] != place[run][:-1]][: len(run)]
    wait = np.where(first, 1, settles[stage[run]])
    enters = begun[run] + wait - 1
    leaves = np.array([stage.leaves_after_days for stage in rules.stages])
    if (leaves > 1).any():
        enters = _held(place[run], stage[run], begun[run], until[ends], enters, leaves)
    settled = until[ends] >= enters
    row, since = run[settled], enters[settled]
    own = _changes(place[row], stage[row])
    row, since = row[own], since[own]
    who, what = place[row], stage[row]
    following = np.r_[who[1:] == who[:-1], False][: len(row)]
    opening = np.r_[False, who[1:] == who[:-1]][: len(row)]
    left = np.where(following, np.r_[since[1:], 0][: len(row)], -1)
    thing_ends = np.r_[np.flatnonzero(place[1:] != place[:-1]), len(frame) - 1]
    last = np.where(following, left - 1, until[thing_ends][who])
    origin = frame["origin"].to_numpy("datetime64[D]").astype(np.int64)[row]
    at = np.searchsorted(place * _WIDE + begun, who * _WIDE + last, side="right") - 1
    moves = names[np.r_[what[1:], 0][: len(row)]]
    return pd.DataFrame(
        {
            thing: frame[thing].array[row],
            "account_id": frame["account_id"].array[row],
            "stage": names[what],
            "entered_on": _days(since),
            "left_on": _days(np.where(following, left, 0)).where(following),
            "last_day": _days(last),
            "next_stage": np.where(following, moves, None),
            "previous_stage": np.where(opening, names[np.r_[0, what[:-1]][: len(row)]], None),
            "entry_seen": opening | (since <= origin),
            "start": since - origin,
            "stop": np.where(following, left, last) - origin,
            "moved": following,
            **{name: frame[name].array[at] for name in keep},
        }
    )


def days_in(stays_: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return where everything is on the last day, with the days it has been there.

    Parameters
    ----------
    stays_ : DataFrame
        As `stays` returned it.
    as_of : datetime.date
        The last day.

    Returns
    -------
    DataFrame, one row per thing
        The columns of the open stay and ``days`` (whole days since it was entered).
    """
    now = stays_[~stays_["moved"]]
    days = (pd.Timestamp(as_of) - now["entered_on"]).dt.days
    return now.assign(days=days).reset_index(drop=True)


_WIDE = 10**7
_NEVER = 2**40


def _held(
    place: np.ndarray, stage: np.ndarray, begun: np.ndarray, until: np.ndarray, enters: np.ndarray,
    leaves: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return the day on which each run's stage is entered, where stages hold on to a thing.

    One run after the other: whether a stage holds on depends on whether it was entered.
    """
    found = enters.copy()
    whose, now, out = -1, -1, _NEVER  # the thing, its stage, since when its rule has not held
    rows = zip(place.tolist(), stage.tolist(), begun.tolist(), until.tolist(), enters.tolist(),
               strict=True)  # fmt: skip
    hold = leaves.tolist()
    for k, (who, what, start, end, day) in enumerate(rows):
        if who != whose:
            whose, now, out = who, what, _NEVER
            continue
        if what > now:
            out = min(out, start)
            day = max(day, out + hold[now] - 1)
        else:
            out = _NEVER
        found[k] = day
        if day <= end:
            now, out = what, _NEVER
    return found


def _changes(place: np.ndarray, stage: np.ndarray) -> np.ndarray:
    """Return the rows on which the thing or the stage is another than before."""
    same = (place[1:] == place[:-1]) & (stage[1:] == stage[:-1])
    return np.flatnonzero(np.r_[True, ~same][: len(place)])


def _days(numbers: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(numbers.astype("datetime64[D]").astype("datetime64[ns]"))
