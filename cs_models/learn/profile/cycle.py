"""Is the adoption cycle behind the contract cycle: use so far, at the same share of the term.

Two months are half of a contract of four months and a twelfth of one of two years.  Use since
the term's start is therefore compared both on the same day and at the same share of the term,
as far as the panel's windows from the start reach.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one row per term.
``methods.md`` 1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn import peers

BEHIND: Final = 0.25
REACHED: Final = 0.8  # share of past renewers whose windows must reach the compared share of term
_STEPS: Final = 20

Float = NDArray[np.float64]


def adoption_cycle(
    history: pd.DataFrame,
    now: pd.DataFrame,
    *,
    measure: str = "events",
    by: Sequence[str] = peers.BY,
    cluster: str = "account_id",
    outcome: str = "churned",
) -> pd.DataFrame:
    """Compare use since the term's start with that of past renewers at the same share of theirs.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes and at least one ``{measure}__first_{n}d`` column.
    now : DataFrame, one row per (subscription_id, as_of_date)
        Terms to compare.
    measure : str, default "events"
        A count that adds up over the term, taken per seat.
    by, cluster, outcome : sequence of str, str, str
        As in ``profile.bands``.

    Returns
    -------
    DataFrame, one row per row of ``now``, in its order
        ``subscription_id``, ``account_id``, ``kind``; ``day``, the end of the longest window that
        the term has completed, ``value`` (per seat) by then, and ``percentile_day``: the share
        (0 to 1) of past renewers of the kind with less by that day.  ``term_share``, the furthest
        share of the term that its own windows and those of four renewers in five reach, with
        ``value_at_share`` and ``percentile_share``.  ``adoption_share``, the share of the term by
        which the median renewer had this much, and ``lag_days``, how far that is behind, in days
        of this term; both NaN where the term is not behind the median renewer.  ``behind``: below
        a quarter of the renewers by share of the term, by day where that is not known; null where
        neither is.  ``aligned``: "share", "day" or "none".

    Raises
    ------
    ParameterError
        No window from the term's start, or a panel lacks a column.
    TooLittleDataError
        Fewer than 20 accounts renewed, or left.

    Notes
    -----
    Source: ``methods.md`` 1.4.  Between the windows' ends use is taken as even; beyond the
    longest window nothing is said, so the cycle is that of the term's first weeks.  A term whose
    seats are not known has no value.
    """
    days = _windows(history, now, measure)
    columns = [f"{measure}__first_{day}d" for day in days]
    kinds = peers.kinds(history, by=by, cluster=cluster, outcome=outcome)
    past = history[history[outcome].notna() & history[cluster].notna()]
    renewed = past[past[outcome].astype("float64") == 0]
    then, here = _per_seat(renewed, columns), _per_seat(now, columns)
    then_days, here_days = _term_days(renewed), _term_days(now)
    of = kinds.of(now).to_numpy()
    found = {name: np.full(len(now), np.nan) for name in _FOUND}
    for kind in pd.unique(of):
        rows = np.flatnonzero(of == kind)
        mine = kinds.members(renewed, kind)
        reference = _Use(days, then[mine], then_days[mine])
        for name, values in _compared(reference, _Use(days, here[rows], here_days[rows])).items():
            found[name][rows] = values
    table = pd.DataFrame(
        {
            "subscription_id": now["subscription_id"].to_numpy(),
            "account_id": now[cluster].to_numpy(),
            "kind": of,
            **found,
        }
    )
    by_share, by_day = table["percentile_share"], table["percentile_day"]
    judged = by_share.fillna(by_day)
    table["behind"] = (judged < BEHIND).astype("boolean").where(judged.notna())
    table["aligned"] = np.select([by_share.notna(), by_day.notna()], ["share", "day"], "none")
    return table


_FOUND: Final = (
    "day",
    "value",
    "percentile_day",
    "term_share",
    "value_at_share",
    "percentile_share",
    "adoption_share",
    "lag_days",
)


class _Use:
    """Use since the start of each term, per seat, by day: nought on day 0, even between windows.

    Parameters
    ----------
    days : list of int
        Ends of the windows, ascending.
    use : ndarray of float, shape (n_terms, n_windows)
    term_days : ndarray of float, shape (n_terms,)
    """

    def __init__(self, days: list[int], use: Float, term_days: Float) -> None:
        self.days = np.array([0.0, *days])
        self.use = np.column_stack([np.zeros(len(use)), use])
        self.term_days = term_days
        last = np.where(np.isnan(self.use), 0.0, self.days).max(axis=1)
        # The last day that a window of this term tells of: a term may not have come that far.
        self.last_day = np.where(last > 0, last, np.nan)

    def by(self, day: Float) -> Float:
        """Return use by a day of each term; NaN beyond its windows."""
        place = np.clip(np.searchsorted(self.days, day, side="left"), 1, len(self.days) - 1)
        line = np.arange(len(day))
        left, right = self.days[place - 1], self.days[place]
        before, after = self.use[line, place - 1], self.use[line, place]
        known = before + (after - before) * (day - left) / (right - left)
        return np.where(day <= self.last_day, known, np.nan)

    def by_share(self, share: float) -> Float:
        """Return use by a share of each term; NaN beyond its windows."""
        return self.by(share * self.term_days)


def _compared(past: _Use, here: _Use) -> dict[str, Float]:
    """Compare terms of one kind with its renewers, by day and by share of the term."""
    value = here.by(here.last_day)
    share = np.fmin(here.last_day / here.term_days, _furthest(past))
    at_share = here.by(share * here.term_days)
    by_day = _among(here.last_day, value, lambda day: past.by(np.full(len(past.use), day)))
    by_share = _among(share, at_share, past.by_share)
    adoption = _adoption(past, share, at_share)
    return {
        "day": here.last_day,
        "value": value,
        "percentile_day": by_day,
        "term_share": share,
        "value_at_share": at_share,
        "percentile_share": by_share,
        "adoption_share": adoption,
        "lag_days": (share - adoption) * here.term_days,
    }


def _among(at: Float, values: Float, past: Callable[[float], Float]) -> Float:
    """Return percentiles among what past terms had at the same point, point by point."""
    out = np.full(len(values), np.nan)
    for point in np.unique(at[~np.isnan(at)]):
        rows = at == point
        out[rows] = peers.percentiles(past(float(point))[:, None], values[rows, None])[:, 0]
    return out


def _furthest(past: _Use) -> float:
    """Return the furthest share of the term at which enough renewers can be read."""
    reach = past.last_day / past.term_days
    reach = reach[np.isfinite(reach)]
    if not reach.size:
        return float("nan")
    return float(min(1.0, np.quantile(reach, 1 - REACHED, method="lower")))


def _adoption(past: _Use, share: Float, use: Float) -> Float:
    """Return by which share of the term the median renewer had as much; NaN where ahead of it."""
    furthest = _furthest(past)
    if np.isnan(furthest):
        return np.full(len(use), np.nan)
    steps = furthest * np.arange(_STEPS + 1) / _STEPS
    medians = np.array([_median(past.by_share(step)) for step in steps])
    medians = np.maximum.accumulate(np.nan_to_num(medians))
    reached = np.interp(use, medians, steps)
    return np.where(reached < share, reached, np.nan)


def _median(values: Float) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def _windows(history: pd.DataFrame, now: pd.DataFrame, measure: str) -> list[int]:
    """Return the lengths of the windows from the start that both panels hold, ascending."""
    common = [name for name in history.columns if name in now.columns]
    held = catalogue.among(common, anchor="first", measures=[measure])
    read = (catalogue.parse(name) for name in held)
    days = {each.days for each in read if each is not None and each.feature is None and each.days}
    if not days:
        raise ParameterError(
            "no window from the term's start to follow adoption by",
            where=measure,
            repair="build both panels with first_days, such as (30, 60)",
        )
    return sorted(days)


def _per_seat(frame: pd.DataFrame, columns: list[str]) -> Float:
    values = peers.numbers(frame, [*columns, "seats"])
    seats = values[:, -1:]
    return values[:, :-1] / np.where(seats > 0, seats, np.nan)


def _term_days(frame: pd.DataFrame) -> Float:
    peers.need(frame, "term_start", "term_end")
    length = pd.to_datetime(frame["term_end"]) - pd.to_datetime(frame["term_start"])
    days = length.dt.days.to_numpy(dtype=np.float64)
    return np.where(days > 0, days, np.nan)
