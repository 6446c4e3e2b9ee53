"""The quarter's book by what is being done: due, in a play, in notice, at risk, early.

Grain in: contracts of the running quarter with their chances, and our contacts.  Grain out: one
row a group, one a week.  Groups overlap: a contract at risk may be in a play.

A group's losses are summed over the forecast's own paths, so that all that is due has the interval
of the quarter.  ``methods.md`` 4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.listing import contacts
from cs_models.report.evidence.horizons import DECIDED, NOTICE

AT_RISK_FROM: Final = 0.25  # the page's band of those who may well leave
RECENT_DAYS: Final = 14
WEEKS: Final = 13
FEWEST: Final = 10  # contracts in a part of the book below which its losses have no interval
ALL, ENGAGED, ASKED, AT_RISK, ALONE, EARLY = (
    "due this quarter", "engaged in a play", "asked to cancel", "at risk, still open",
    "still open, in no play", "could renew early",
)  # fmt: skip
GROUPS: Final = (ALL, ENGAGED, ASKED, AT_RISK, ALONE, EARLY)
PLAYED: Final = frozenset({ENGAGED, ALONE})  # groups that only a record of our steps can tell
_DRIVER_END: Final = ":"
# Stable ids first, for the CRM.
_BOOKED: Final = (
    "account_id", "subscription_id", "account_name", "segment", "renewal_date", "arr", "chance",
    "chance_low", "chance_high", "arr_at_risk", "p_from", "asked_to_cancel", "at_risk", "in_play",
    "play_since", "last_contact", "days_since_our_contact__to_date",
)  # fmt: skip
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Book:
    """The quarter's book.

    Attributes
    ----------
    groups : pandas.DataFrame
        One row of :data:`GROUPS` (:data:`PLAYED` only where plays are on record): group,
        n_contracts, n_accounts, arr, loss (expected), loss_low,
        loss_high (10th and 90th percentile; missing of a part of fewer than 10 contracts, whose
        losses are a few lumps), reasons (the commonest first reasons), contact_days
        (median days since our last contact; missing where none is on record), n_recent (accounts
        contacted in the last 14 days), known (False where plays are not on record).
    weeks : pandas.DataFrame
        One row a week of 13: week (first day), last, n_contracts, arr, arr_at_risk; the first
        holds what is overdue as well, the last is open to the end of the quarter.
    contracts : pandas.DataFrame
        One row a contract due in the quarter, largest ARR at risk first: what names it, arr,
        chance, chance_low, chance_high, arr_at_risk, asked_to_cancel, at_risk (still open),
        in_play (missing where plays are not on record), play_since, last_contact,
        days_since_our_contact__to_date, reason_1 ….
    """

    groups: pd.DataFrame
    weeks: pd.DataFrame
    contracts: pd.DataFrame

    @property
    def known(self) -> bool:
        """Say whether plays are on record."""
        return bool(self.groups["known"].all())

    @property
    def alone(self) -> pd.DataFrame:
        """The contracts of :data:`ALONE`, as ``contracts``; none where plays are not on record."""
        rows = self.contracts
        return rows[rows["at_risk"] & rows["in_play"].eq(False).fillna(False).astype(bool)]


def book(
    now: pd.DataFrame,
    every: pd.DataFrame,
    early: pd.DataFrame | None,
    reasons: pd.DataFrame,
    touched: pd.DataFrame | None,
    *,
    as_of: date,
    play_days: int,
    losses: Callable[[Sequence[pd.DataFrame]], list[Float]],
) -> Book:
    """Part the quarter's book by what is being done.

    Parameters
    ----------
    now : pandas.DataFrame
        ``due.of_quarter`` of the running quarter.
    every : pandas.DataFrame
        ``due.contracts``: all coming quarters, for the calendar.
    early : pandas.DataFrame or None
        ``due.first_of`` those on the list of early renewals; None leaves the group out.
    reasons : pandas.DataFrame
        By subscription_id: reason_1 ….
    touched : pandas.DataFrame or None
        ``contacts.ours``.
    as_of : datetime.date
    play_days : int
        A playbook step within so many days counts as a play.
    losses : callable
        ``outlook.Outlook.losses``: of each group, the ARR that leaves, path by path.

    Returns
    -------
    Book
    """
    now = _touched(now, touched, as_of, play_days)
    # Who has asked to cancel is a group of its own: a call can change little there.
    risky = now["chance"].ge(AT_RISK_FROM) & ~now["p_from"].isin([DECIDED, NOTICE])
    asked, engaged = now["p_from"].eq(NOTICE), now["in_play"].fillna(False).astype(bool)
    of = {
        ALL: now, ENGAGED: now[engaged], ASKED: now[asked], AT_RISK: now[risky],
        ALONE: now[risky & ~engaged],
    }  # fmt: skip
    known = touched is not None
    # Nobody known to be in a play is not the same as nobody in one.
    of = {name: mine for name, mine in of.items() if known or name not in PLAYED}
    if early is not None:
        of[EARLY] = _touched(early, touched, as_of, play_days)
    rows = [
        _row(name, mine, drawn, reasons, known=known)
        for (name, mine), drawn in zip(of.items(), losses(list(of.values())), strict=True)
    ]
    named = _named(now.assign(asked_to_cancel=asked, at_risk=risky), reasons)
    return Book(pd.DataFrame(rows), weeks(every, as_of), named)


def _named(now: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """Put beside each contract why its chance is what it is; largest ARR at risk first."""
    why = reasons.reindex(now["subscription_id"]).fillna("").set_axis(now.index)
    found = now.assign(**{name: why[name] for name in map(str, why.columns)})
    found = found.sort_values(["arr_at_risk", "subscription_id"], ascending=[False, True])
    wanted = [name for name in (*_BOOKED, *map(str, why.columns)) if name in found]
    return found.reset_index(drop=True)[wanted]


def _touched(
    rows: pd.DataFrame, touched: pd.DataFrame | None, as_of: date, play_days: int
) -> pd.DataFrame:
    dated = rows.assign(as_of_date=pd.Timestamp(as_of))
    return dated.join(contacts.beside(dated, touched, play_days=play_days))


def _row(
    name: str, mine: pd.DataFrame, drawn: Float, reasons: pd.DataFrame, *, known: bool
) -> dict[str, Any]:
    ago = mine.drop_duplicates("account_id")["days_since_our_contact__to_date"].astype("Float64")
    expected = float((mine["chance"] * mine["arr"]).sum())
    told = name == ALL or len(mine) >= FEWEST
    low, high = np.quantile(drawn, (0.1, 0.9)) if told else (np.nan, np.nan)
    return {
        "group": name, "n_contracts": len(mine), "n_accounts": mine["account_id"].nunique(),
        "arr": float(mine["arr"].sum()), "loss": expected, "loss_low": float(low),
        "loss_high": float(high), "reasons": _commonest(mine, reasons),
        "contact_days": float(ago.median()) if ago.notna().any() else float("nan"),
        "n_recent": int((ago <= RECENT_DAYS).sum()), "known": known,
    }  # fmt: skip


def _commonest(mine: pd.DataFrame, reasons: pd.DataFrame) -> str:
    """Return the two commonest first reasons of a group, by driver."""
    if "reason_1" not in reasons or mine.empty:
        return ""
    first = reasons["reason_1"].reindex(mine["subscription_id"]).fillna("")
    # Where nothing was learnt no contract has a reason.
    counted = Counter(str(reason).partition(_DRIVER_END)[0] for reason in first if reason)
    order = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:2]
    return "; ".join(f"{driver} ({n})" for driver, n in order)


def weeks(every: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Add up what comes due, and of it what is at risk, week by week.

    Parameters
    ----------
    every : pandas.DataFrame
        ``due.contracts``; a contract that comes up more than once counts at its first renewal.
    as_of : datetime.date
        The first week begins the day after.

    Returns
    -------
    pandas.DataFrame
        One row a week of :data:`WEEKS`, as ``Book.weeks``.  Thirteen weeks are 91 days, a quarter
        up to 92: the last week is open to the end of the running quarter, so that all that is due
        in it stands in some week.
    """
    first = every.sort_values("quarter", kind="stable").drop_duplicates("subscription_id")
    start = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    begins = [start + pd.Timedelta(weeks=at) for at in range(WEEKS)]
    quarter_end = start.to_period("Q").end_time.normalize()
    last = [day + pd.Timedelta(days=6) for day in begins]
    last[-1] = max(last[-1], quarter_end)
    renews = pd.to_datetime(first["renewal_date"])
    week = ((renews - start).dt.days // 7).clip(lower=0, upper=WEEKS - 1)
    rows = []
    for at in range(WEEKS):
        mine = first[(week == at) & (renews <= last[at])]
        rows.append(
            {
                "week": begins[at], "last": last[at], "n_contracts": len(mine),
                "arr": float(mine["arr"].sum()), "arr_at_risk": float(mine["arr_at_risk"].sum()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
