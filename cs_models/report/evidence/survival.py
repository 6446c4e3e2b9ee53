"""The frames behind "how long do customers stay": curves, renewals, groups and causes.

Grain in: the customers' history as ``features.tenure`` tells it.  Grain out: one row per step of a
curve, per renewal of a length of contract, per group, or per cause and time.  Shares and chances
are 0 to 1, times are months since a customer began.  ``methods.md`` 1.1, 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.errors import CsModelsError, TooLittleDataError
from cs_models.features import tenure
from cs_models.learn import survival

Told = TypeVar("Told")

NOT_RECORDED: Final = "not recorded"
YEARS: Final = 3
TAU: Final = 12.0 * YEARS
FIRST: Final = 3  # the renewals that the answer speaks of
MOST_RENEWALS: Final = 6
LEAST_GROUP: Final = 20
AT_RENEWAL, EARLY, INVOLUNTARY = (
    "by choice, at a renewal", "by choice, before the renewal date", "involuntary",
)  # fmt: skip
CAUSES: Final = (AT_RENEWAL, EARLY, INVOLUNTARY)
_HALF: Final = 6
_WHOLE: Final = 1e-6


@dataclass(frozen=True)
class Untold:
    """What could not be said from this history.

    Parameters
    ----------
    reason : str
        Why, in a few words.
    """

    reason: str


@dataclass(frozen=True)
class History:
    """The customers' past, and those who are still there.

    Attributes
    ----------
    opportunities : DataFrame, one row per renewal opportunity that came
        As ``tenure.opportunities``, with ``group`` and ``months`` (usual length of contract).
    lifetimes : DataFrame, one row per account episode
        As ``tenure.lifetimes``, with ``group``, ``months`` and ``entry_months`` (since the start),
        and ``left`` (one of `CAUSES`, or "none").
    upcoming : DataFrame, one row per running term
        As ``tenure.upcoming``, with ``group``.
    as_of : datetime.date
        The day that is looked back from.
    grace_days : int
        Days in which a late renewal still counted.
    """

    opportunities: pd.DataFrame
    lifetimes: pd.DataFrame
    upcoming: pd.DataFrame
    as_of: date
    grace_days: int


def told(
    compute: Callable[[], Told],
    refused: tuple[type[CsModelsError], ...] = (TooLittleDataError,),
) -> Told | Untold:
    """Return what `compute` returns, or why the history is too short for it.

    Parameters
    ----------
    compute : callable
    refused : tuple of exception types, default (TooLittleDataError,)
        What counts as an answer.  A group of whom all or none left separates them in a model that
        knows but groups: that is little data (``DataError`` there), and no leak.
    """
    try:
        return compute()
    except refused as error:
        return Untold(f"{error.what}; {error.repair}" if error.repair else error.what)


def history(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    grace_days: int,
    data_start: date | None,
    segment_by: str,
) -> History:
    """Read the customers' past as it was known on a day.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    as_of : datetime.date
        The day.
    grace_days : int
        Days in which a late renewal still counts.
    data_start : datetime.date or None
        From when customers that left are in the records; told from the use when None.
    segment_by : str
        Column of the accounts by which customers are grouped.
    """
    options: dict[str, Any] = {"grace_days": grace_days}
    past = tenure.opportunities(tables, as_of, data_start=data_start, **options)
    lives = tenure.lifetimes(tables, as_of, data_start=data_start, **options)
    now = tenure.upcoming(tables, as_of, **options)
    accounts = tables["accounts"].select("account_id", group=segment_by).execute()
    groups = accounts.set_index("account_id")["group"].astype("string").fillna(NOT_RECORDED)
    past, lives, now = (
        frame.assign(group=frame["account_id"].map(groups).astype(object))
        for frame in (past, lives, now)
    )
    terms = tables["subscriptions"].select("account_id", "term_end").execute()
    return History(
        past.assign(months=survival.contract_months(past["term_months"])),
        lives.assign(
            months=lives["duration_days"] / tenure.DAYS_A_MONTH,
            entry_months=lives["entry_days"] / tenure.DAYS_A_MONTH,
            left=_left(lives, terms),
        ),
        now, as_of, grace_days,
    )  # fmt: skip


def counts(past: History) -> dict[str, int]:
    """Return what was counted: customers, those lost, renewals that came, running terms."""
    lives = past.lifetimes
    return {
        "n_customers": len(lives),
        "n_lost": int(lives["lost"].sum()),
        "n_left_by_choice": int(lives["event"].sum()),
        "n_entered_late": int((lives["entry_days"] > 0).sum()),
        "n_renewals": len(past.opportunities),
        "n_running_terms": len(past.upcoming),
    }


def curves(lives: pd.DataFrame, *, grouped: bool = False) -> survival.Curves:
    """Return the share still there over the months, of all or of each group.

    Parameters
    ----------
    lives : DataFrame
        ``History.lifetimes``, not empty.
    grouped : bool, default False
        A curve for each ``group``.
    """
    return survival.kaplan_meier(
        lives["months"], lives["lost"], entry=lives["entry_months"],
        groups=lives["group"] if grouped else None,
    )  # fmt: skip


def moments(lives: pd.DataFrame) -> list[float]:
    """Return the months at which curves are read: 0, and half-way between anniversaries.

    Contracts of a year end at 12, 24, ... months, give or take a leap day: half-way between, a
    curve does not hang on how a month is counted.
    """
    last = float(lives["months"].max()) if len(lives) else 0.0
    return [0.0, *np.arange(_HALF, max(last, _HALF) + _WHOLE, 2 * _HALF).tolist()]


def late_entry(lives: pd.DataFrame) -> dict[str, Any]:
    """Say what the curve would have been, had late entry been ignored (``methods.md`` 1.1).

    Returns
    -------
    dict
        ``n`` (customers who had begun before the records), ``month`` (the latest reading, at most
        42), ``fair`` and ``naive`` (share still there then, 0 to 1; missing where too few were
        watched).
    """
    naive = survival.kaplan_meier(lives["months"], lives["lost"])
    fair = curves(lives)
    frame = fair.at([month for month in moments(lives) if month <= TAU + _HALF])
    shown = frame[frame["survival"].notna()]
    month = float(shown["time"].max()) if len(shown) else 0.0
    return {
        "n": int((lives["entry_days"] > 0).sum()), "month": month,
        "fair": float(fair.at([month])["survival"].iloc[0]),
        "naive": float(naive.at([month])["survival"].iloc[0]),
    }  # fmt: skip


def renewals(opportunities: pd.DataFrame) -> pd.DataFrame:
    """Say for each length of contract and renewal how many came to it and were lost at it.

    Parameters
    ----------
    opportunities : DataFrame
        ``History.opportunities``.

    Returns
    -------
    DataFrame, one row per length of contract and number of the renewal (at most 6)
        ``months``, ``opportunity``, ``at_risk``, ``left``, ``hazard``, ``low``, ``high`` (share
        lost at it), ``survival``, ``survival_low``, ``survival_high`` (share still there after it,
        of those who began).  Renewals that fewer than ten came to are left out, and so are those
        after them.  Lengths are never pooled: of those that come to many renewals most pay by
        the month.
    """
    parts = []
    for months, own in opportunities.groupby("months"):
        found = survival.retention_curve(own, by=None, event="lost")
        found = found[found["opportunity"] == np.arange(1, len(found) + 1)].head(MOST_RENEWALS)
        if found.empty:
            continue
        number = own["opportunity"]
        steps = survival.kaplan_meier(number, own["lost"], entry=number - 1).steps
        parts.append(_renewals(float(str(months)), found, steps))
    columns = [
        "months", "opportunity", "at_risk", "left", "hazard", "low", "high",
        "survival", "survival_low", "survival_high",
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def commonest(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the length of contract with which most customers began."""
    if found.empty:
        return found
    first = found[found["opportunity"] == 1]
    months = first.loc[first["at_risk"].idxmax(), "months"]
    return found[found["months"] == months].reset_index(drop=True)


def sorting(found: pd.DataFrame) -> survival.Sorting | Untold:
    """Fit the curve under which customers differ and none ever changes.

    Parameters
    ----------
    found : DataFrame
        What `renewals` returned, of one length of contract.
    """
    return told(lambda: survival.sorting_test(found["at_risk"], found["left"]))


def sorted_frame(found: pd.DataFrame, fit: survival.Sorting) -> pd.DataFrame:
    """Return what was renewed at each renewal beside what sorting alone would show.

    Returns
    -------
    DataFrame, one row per renewal
        ``opportunity``, ``at_risk``, ``rate``, ``low``, ``high`` (share renewed), ``expected``.
    """
    return pd.DataFrame(
        {
            "opportunity": found["opportunity"], "at_risk": found["at_risk"],
            "rate": 1 - found["hazard"], "low": 1 - found["high"], "high": 1 - found["low"],
            "expected": fit.retention(found["opportunity"]),
        }
    )  # fmt: skip


def _renewals(months: float, found: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """Join the share lost at each renewal and the share still there after it."""
    place = np.searchsorted(steps["time"], found["opportunity"], side="right") - 1
    after = steps.iloc[place]
    return pd.DataFrame(
        {
            "months": months,
            **{name: found[name].to_numpy() for name in ("opportunity", "at_risk", "left")},
            "hazard": 1 - found["retention"].to_numpy(),
            "low": 1 - found["high"].to_numpy(),
            "high": 1 - found["low"].to_numpy(),
            "survival": after["survival"].to_numpy(),
            "survival_low": after["low"].to_numpy(),
            "survival_high": after["high"].to_numpy(),
        }
    )


def _left(lives: pd.DataFrame, terms: pd.DataFrame) -> pd.Series:
    """Tell an end at a renewal date from one before it, and both from an involuntary one."""
    days = pd.to_timedelta(lives["duration_days"], unit="D")
    end = (lives["start"] + days).astype("datetime64[s]")
    due = pd.MultiIndex.from_arrays(
        [terms["account_id"], pd.to_datetime(terms["term_end"]).astype("datetime64[s]")]
    )
    at_renewal = pd.MultiIndex.from_arrays([lives["account_id"], end]).isin(due)
    chosen = np.where(at_renewal, AT_RENEWAL, EARLY)
    left = np.where(lives["cause"] == "involuntary", INVOLUNTARY, chosen)
    return pd.Series(np.where(lives["lost"] == 1, left, tenure.NONE), index=lives.index)
