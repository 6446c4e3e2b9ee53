"""The signal register: which warning is worth acting on, and who is under it today.

Grain in: the announced rules of a search, the terms it learnt from, the terms that run today.
Grain out: one row per announced rule, with a decision and its reason in short words.
``customer_success.md`` Q2 and Q15: a signal earns its place by what it caught, how early, and
whether it still holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from cs_models.learn.rules import lead, reading

SHIP: Final = "ship"
WATCH: Final = "watch"
REJECT: Final = "reject"
_FADED: Final = "faded"
COLUMNS: Final = (
    "rule_id", "feature", "rule", "segment", "role", "verdict", "lift_within_strata", "lift_low",
    "lift_high", "lift_crossfit", "lead_time_days", "coverage", "precision", "decay",
    "lift_overlap", "lift_overlap_low", "lift_overlap_high", "n_accounts_below", "arr_below",
    "decision", "why",
)  # fmt: skip
_TAKEN: Final = (
    "feature", "rule", "segment", "role", "verdict", "lift_within_strata", "lift_low", "lift_high",
    "lift_crossfit",
)  # fmt: skip


class Tested(Protocol):
    """What a test on the newest renewals says: ``timing.Decay``."""

    @property
    def verdict(self) -> str:
        """``held``, ``faded`` or ``unsure``."""


class Weighted(Protocol):
    """A gap between customers who were alike before, with its interval: ``confounding.Contrast``.

    Above less below, as in ``Search.table``.
    """

    @property
    def lift(self) -> float:
        """The gap, -1 to 1."""

    @property
    def low(self) -> float:
        """Lower end of its interval."""

    @property
    def high(self) -> float:
        """Upper end of its interval."""


def build(
    table: pd.DataFrame,
    frame: pd.DataFrame,
    *,
    running: pd.DataFrame | None = None,
    as_of: date,
    decay: Mapping[int, Tested] | None = None,
    contrasts: Mapping[int, Weighted] | None = None,
    notice_days: int = 90,
    outcome: str = "churned",
    groups_differ: bool = False,
) -> pd.DataFrame:
    """Enter every announced rule of a search in the register.

    Parameters
    ----------
    table : DataFrame
        ``Search.table``; rows without a rule are passed over.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        The terms that were learnt from (``Search.learnt_from``).
    running : DataFrame, optional
        The panel of the terms that run today, with ``account_id``, ``arr`` (Decimal) and
        ``term_start``.
    as_of : datetime.date
        The run's date: a window that ends after it is still open, and nobody is below in it.
    decay : mapping of int to Tested, optional
        By ``rule_id``: what ``timing.decay_each`` returned.
    contrasts : mapping of int to Weighted, optional
        By ``rule_id``: what ``confounding.contrast`` returned.
    notice_days : int, default 90
        A signal must be known at least so many days before the renewal date.
    outcome : str, default "churned"
    groups_differ : bool, default False
        Whether a test found that the level is not the same in every group of customers.

    Returns
    -------
    DataFrame, one row per announced rule, in the order of `table`
        ``rule_id``, ``feature``, ``rule``, ``segment``, ``role``, ``verdict``,
        ``lift_within_strata`` with its simultaneous interval ``lift_low``, ``lift_high``,
        ``lift_crossfit``, ``lead_time_days`` (median from the end of the window to the renewal
        date), ``coverage`` (share of the lost terms that stood on the wrong side, 0 to 1),
        ``precision`` (churn rate on the wrong side, 0 to 1), ``decay``, ``lift_overlap`` with its
        interval, ``n_accounts_below`` and ``arr_below`` (Decimal) of today (null without
        `running`), ``decision`` (``ship``, ``watch``, ``reject``) and ``why``.

    Raises
    ------
    ParameterError
        A panel lacks the columns of a rule.

    Notes
    -----
    Reject: an echo; or the gap is gone between customers alike before, while the search's interval
    excludes nought; or it faded.  Ship: a signal whose simultaneous interval excludes nought, not
    faded, known in time.  Watch: the rest, and every rule over all customers where groups have
    levels of their own or differ in theirs, or where renewal rises all along the scale: such a
    level tells one customer fine whom its own group's rule would warn of.
    Source: ``methods.md`` 2.4b, 2.7, 2.10.
    """
    records = []
    announced = table[table["column"].notna()]
    own = bool(((announced["role"] == "signal") & announced["segment"].notna()).any())
    for _, rule in announced.iterrows():
        number = int(rule["rule_id"])
        record: dict[str, Any] = {"rule_id": number} | {name: rule[name] for name in _TAKEN}
        record["lead_time_days"] = float(lead.days(rule, frame).median())
        record |= _caught(rule, frame, outcome)
        record["decay"] = decay[number].verdict if decay and number in decay else None
        record |= _alike((contrasts or {}).get(number))
        record |= _below(rule, running, as_of)
        record["decision"], record["why"] = _decide(
            record, notice_days, _pooled_doubts(record, own, groups_differ)
        )
        records.append(record)
    return pd.DataFrame(records, columns=list(COLUMNS), dtype=object)


def _caught(rule: pd.Series, frame: pd.DataFrame, outcome: str) -> dict[str, float]:
    """Say what share of the lost stood on the wrong side, and what share there was lost."""
    stood_well = reading.apply(rule, frame)
    judged = stood_well.notna() & frame[outcome].notna()
    wrong = ~stood_well[judged].astype(bool)
    lost = frame.loc[judged, outcome].astype(float)
    n_lost, n_wrong = float(lost.sum()), int(wrong.sum())
    caught = float(lost[wrong].sum())
    return {
        "coverage": caught / n_lost if n_lost else np.nan,
        "precision": caught / n_wrong if n_wrong else np.nan,
    }


def _alike(contrast: Weighted | None) -> dict[str, float | None]:
    low, high = (None, None) if contrast is None else (contrast.low, contrast.high)
    lift = None if contrast is None else contrast.lift
    return {"lift_overlap": lift, "lift_overlap_low": low, "lift_overlap_high": high}


def _below(rule: pd.Series, running: pd.DataFrame | None, as_of: date) -> dict[str, Any]:
    """Count today's accounts on the wrong side, and their ARR, where the window is over."""
    if running is None:
        return {"n_accounts_below": None, "arr_below": None}
    window = pd.Timedelta(days=int(rule["window_days"]))
    over = pd.to_datetime(running["term_start"]) + window <= pd.Timestamp(as_of)
    stands_badly = (~reading.apply(rule, running)).fillna(False).astype(bool)
    mine = running[over & stands_badly]
    money = [arr for arr in mine["arr"] if not pd.isna(arr)]
    return {
        "n_accounts_below": int(mine["account_id"].nunique()),
        "arr_below": sum(money, Decimal(0)),
    }


def _pooled_doubts(record: Mapping[str, Any], own: bool, differ: bool) -> list[str]:
    """Say what speaks against one level for all customers."""
    if not pd.isna(record["segment"]):
        return []
    found = {
        "groups have levels of their own": own,
        "the level differs between groups": differ and not own,
        "no tipping point shows": record["verdict"] == "gradual",
    }
    return [words for words, holds in found.items() if holds]


def _decide(
    record: Mapping[str, Any], notice_days: int, pooled: Sequence[str] = ()
) -> tuple[str, str]:
    """Return the decision and why, all reasons of its kind together."""
    clear = _excludes_nought(record["lift_low"], record["lift_high"])
    against = []
    if record["role"] != "signal":
        against.append("echo of a signal")
    if clear and record["lift_overlap"] is not None and not _same_side(record):
        against.append("no gap between customers who were alike before")
    if record["decay"] == _FADED:
        against.append("faded in the newest renewals")
    if against:
        return REJECT, "; ".join(against)
    doubts = [] if clear else ["interval covers no gap"]
    if not record["lead_time_days"] >= notice_days:
        doubts.append(f"known less than {notice_days} days before renewal")
    doubts += pooled
    if doubts:
        return WATCH, "; ".join(doubts)
    return SHIP, "stands on its own, in time"


def _excludes_nought(low: float | None, high: float | None) -> bool:
    return bool(low is not None and high is not None and (low > 0 or high < 0))


def _same_side(record: Mapping[str, Any]) -> bool:
    """Say whether the gap between like customers is clear, and points as the search's does."""
    if record["lift_low"] > 0:
        return bool(record["lift_overlap_low"] > 0)
    return bool(record["lift_overlap_high"] < 0)
