"""The chances along the way: of each stage on each day, later on, and of having adopted by a day.

Grain in: a :class:`journey.Journey`.  Grain out: one row per day and stage, stage and later stage,
or group.  Chances are 0 to 1, times are days.  ``methods.md`` 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.learn import journey
from cs_models.learn.journey import Past
from cs_models.report.evidence.journey import ADOPTED, N_BOOT, WHOLE, Journey

LEAST_GROUP: Final = 20
_YEAR: Final = 365
_MONTH: Final = 30


def course(followed: Journey, rng: np.random.Generator, *, until: int = 2 * _YEAR) -> pd.DataFrame:
    """Estimate the share of customers in each stage, day by day since they began.

    Parameters
    ----------
    followed : Journey
    rng : numpy.random.Generator
        Draws accounts for the band.
    until : int, default 730
        Last day.

    Returns
    -------
    DataFrame, one row per day (every fifteenth) and stage
        ``time``, ``stage``, ``chance``, ``low``, ``high``; empty where nobody was seen to begin.
    """
    stays = followed.stays
    if stays.empty or not (stays["start"] <= 0).any():
        return pd.DataFrame(columns=["time", "stage", "chance", "low", "high"])
    last = min(until, int(stays["stop"].max()))
    moments = range(0, last + 1, _MONTH // 2)
    return journey.occupation(stays, followed.order, moments, n_boot=N_BOOT, rng=rng)


@dataclass(frozen=True)
class Ahead:
    """Where those in a stage are some time later.

    Attributes
    ----------
    past : Past
        Whether it matters how long they have been there and where they came from.
    table : DataFrame, one row per stage and later stage
        ``stage``, ``n``, ``to``, ``chance``, ``alike`` (the chance if the past did not matter).
    since, until : int
        Days since the customer began.
    """

    past: Past
    table: pd.DataFrame
    since: int
    until: int


def ahead(followed: Journey, *, since: int, days: int) -> Ahead:
    """Say where those in a stage on one day are so many days later.

    Parameters
    ----------
    followed : Journey
    since : int
        Day since the customer began.
    days : int
        How far ahead.
    """
    past = journey.past(followed.stays)
    span: dict[str, Any] = {"since": since, "until": since + days, "thing": followed.thing}
    own = journey.transition(followed.stays, followed.order, landmark=True, **span)
    alike = journey.transition(followed.stays, followed.order, landmark=False, **span)
    told = own if past.matters else alike
    table = told.assign(alike=alike["chance"].to_numpy())
    return Ahead(past, table, since, since + days)


def adopted(followed: Journey, by_day: int) -> pd.DataFrame:
    """Estimate the chance to have met the definition of adopted by a day, for all and by group.

    Parameters
    ----------
    followed : Journey
        Of accounts.
    by_day : int
        Day since the customer began.

    Returns
    -------
    DataFrame, one row per group, all customers first
        ``group``, ``n`` (customers seen from their first day), ``chance``, ``low``, ``high``,
        ``half_day`` (day by which half had; NaN where not reached), ``arrived`` (chance to have
        met it or come to a later stage of the way, as by a goal of its own).  Empty where nothing
        is defined, no stage is called adopted, or nobody was seen to begin.
    """
    rules, stays, met = followed.rules, followed.stays, followed.adopted_day
    names = ["group", "n", "chance", "low", "high", "half_day", "arrived"]
    begun = stays[stays["start"] <= 0]
    if ADOPTED not in rules.path or begun.empty or met is None:
        return pd.DataFrame(columns=names)
    goal = rules.path[rules.path.index(ADOPTED) :]
    ended = rules.of("ended")
    group = begun.drop_duplicates("account_id").set_index("account_id")["group"]
    size = group.value_counts()
    large = size.index[size >= LEAST_GROUP]
    curve, wider = (journey.reached(stays, goal, ended, come=come) for come in (met, None))
    rows = [_read(curve, wider, WHOLE, len(group), by_day)]
    if len(large) > 1:
        own = stays[stays["account_id"].isin(group.index[group.isin(large)])]
        curve, wider = (
            journey.reached(own, goal, ended, come=come, groups=group) for come in (met, None)
        )
        rows += [_read(curve[curve["group"] == name], wider[wider["group"] == name], name,
                       int(size[name]), by_day) for name in sorted(large)]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def steps(
    followed: Journey, moments: Sequence[int] = range(0, 2 * _YEAR + 1, _MONTH // 2)
) -> pd.DataFrame:
    """Estimate the share in each stage day by day since the beginning, without a band.

    Parameters
    ----------
    followed : Journey
    moments : sequence of int
        Days.

    Returns
    -------
    DataFrame, one row per day and stage
        ``time``, ``stage``, ``chance``.
    """
    stays = followed.stays
    if stays.empty or not (stays["start"] <= 0).any():
        return pd.DataFrame(columns=["time", "stage", "chance"])
    last = float(stays["stop"].max())
    found = journey.occupation(stays, followed.order, [m for m in moments if m <= last])
    return found[["time", "stage", "chance"]]


def _read(
    curve: pd.DataFrame, wider: pd.DataFrame, name: str, n: int, by_day: int
) -> dict[str, Any]:
    arrived = wider.loc[(wider["time"] <= by_day) & ~wider["suppressed"], "incidence"]
    told = curve[(curve["time"] <= by_day) & ~curve["suppressed"]]
    half = curve.loc[(curve["incidence"] >= 0.5).fillna(False), "time"]
    last = told.iloc[-1] if len(told) else None
    return {
        "group": name, "n": n,
        "chance": np.nan if last is None else float(last["incidence"]),
        "low": np.nan if last is None else float(last["low"]),
        "high": np.nan if last is None else float(last["high"]),
        "half_day": float(half.iloc[0]) if len(half) else np.nan,
        "arrived": float(arrived.iloc[-1]) if len(arrived) else np.nan,
    }  # fmt: skip
