"""Where today's customers stand against what history taught.

Grain: one row per running contract term in, one row per running term out.  A term is measured
with the same column, window and rule as the terms that were learnt from; one whose window is
still open is never called below.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from cs_models.learn import thresholds
from cs_models.report.evidence.thresholds import records

BELOW, OPEN, REACHED, UNKNOWN = "below", "window open", "reached", "not recorded"
STATUSES = (BELOW, OPEN, REACHED, UNKNOWN)
_SHOWN = ["subscription_id", "account_id", "account_name", "term_start", "term_end", "arr"]


def against(
    rules: pd.DataFrame, running: pd.DataFrame, *, as_of: date, by: str | None
) -> pd.DataFrame:
    """Measure each running term against the leading rule of its segment.

    Parameters
    ----------
    rules : DataFrame
        Signals of ``Search.table`` (``role`` "signal", with a cut), best first.
    running : DataFrame
        Panel of ``cohort.running``: one row per running term.
    as_of : datetime.date
        The run's date: a window that ends after it is still open.
    by : str or None
        Column that holds the segment.

    Returns
    -------
    DataFrame
        One row per running term that a rule speaks of: subscription_id, account_id,
        account_name, segment, term_start, term_end, arr (Decimal), in_notice, rule, so_far,
        needed, missing and missing_users (how much more the rule asks for), window_end, days_left,
        status
        ("below", "window open", "reached", "not recorded"); those below first, by ARR.

    Notes
    -----
    A segment's own rule goes before the rule of the whole book; of several, the first.
    """
    parts = []
    left = running
    for rule in _own_before_whole(rules):
        if pd.isna(rule["segment"]):
            mine = left
        else:
            mine = left[left[by] == rule["segment"]] if by else left.iloc[:0]
        left = left.drop(mine.index)
        parts.append(_measure(rule, mine, as_of, by))
    columns = [*_SHOWN, "segment", "in_notice", "rule", "so_far", "needed", "missing",
               "missing_users", "window_end", "days_left", "status"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    stacked = pd.concat(parts, ignore_index=True)
    stacked["status"] = pd.Categorical(stacked["status"], list(STATUSES), ordered=True)
    stacked["_arr"] = -stacked["arr"].map(lambda money: float(money or 0))
    stacked = stacked.sort_values(["status", "_arr", "subscription_id"], ignore_index=True)
    stacked["status"] = stacked["status"].astype(str)
    return stacked[columns]


def below(standing: pd.DataFrame) -> pd.DataFrame:
    """Return the customers below, largest ARR first: the list a CS manager takes.

    Parameters
    ----------
    standing : DataFrame
        What :func:`against` returned.

    Returns
    -------
    DataFrame
        Its rows with status "below".
    """
    return standing[standing["status"] == BELOW].reset_index(drop=True)


def totals(standing: pd.DataFrame) -> pd.DataFrame:
    """Count customers and their ARR by where they stand.

    Parameters
    ----------
    standing : DataFrame
        What :func:`against` returned.

    Returns
    -------
    DataFrame
        One row a status, in the order of ``STATUSES``: status, n_terms, n_accounts, arr
        (Decimal, exact).
    """
    rows = []
    for status in STATUSES:
        mine = standing[standing["status"] == status]
        rows.append(
            {
                "status": status,
                "n_terms": len(mine),
                "n_accounts": mine["account_id"].nunique(),
                "arr": sum((money for money in mine["arr"] if money is not None), Decimal(0)),
            }
        )
    return pd.DataFrame(rows)


def _own_before_whole(rules: pd.DataFrame) -> list[Mapping[str, Any]]:
    leaders: dict[object, Mapping[str, Any]] = {}
    for rule in records(rules):
        leaders.setdefault(None if pd.isna(rule["segment"]) else rule["segment"], rule)
    whole = leaders.pop(None, None)
    return [*leaders.values(), *([whole] if whole else [])]


def _measure(
    rule: Mapping[str, Any], running: pd.DataFrame, as_of: date, by: str | None
) -> pd.DataFrame:
    today = pd.Timestamp(as_of)
    out = running[_SHOWN].copy()
    out["segment"] = running[by] if by else None
    out["in_notice"] = running["in_notice"]
    out["rule"] = rule["rule"]
    out["so_far"] = running[rule["column"]].astype("Float64")
    out["needed"] = float(rule["cut"])
    lacking = thresholds.distance(rule, running)
    out["missing"] = lacking["actions"].abs()
    out["missing_users"] = lacking["users"]
    days = pd.to_timedelta(int(rule["window_days"]), unit="D")
    out["window_end"] = pd.to_datetime(running["term_start"]) + days
    out["days_left"] = (out["window_end"] - today).dt.days.clip(lower=0)
    stands_well = thresholds.apply(rule, running)
    out["status"] = [
        OPEN if end > today else UNKNOWN if pd.isna(well) else REACHED if well else BELOW
        for end, well in zip(out["window_end"], stands_well, strict=True)
    ]
    return out
