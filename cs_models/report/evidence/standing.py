"""Where today's customers stand against what history taught.

Grain: one row per running contract term in, one row per running term out.  A term is measured
with the same column, window and rule as the terms that were learnt from; one whose window is
still open is never called below: what it has so far is told, with the days that are left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import adoption, catalogue, panel
from cs_models.features.cohort import Cohort
from cs_models.learn import thresholds
from cs_models.report.evidence.missing import in_words
from cs_models.report.evidence.rules import WHOLE_BOOK, group_of, records

BELOW, OPEN, REACHED, UNKNOWN = "below", "window open", "reached", "not recorded"
STATUSES = (BELOW, OPEN, REACHED, UNKNOWN)
OF_ALL = WHOLE_BOOK.lower()
MET = ("yes", "no", "not known")
_SHOWN = ["subscription_id", "account_id", "account_name", "term_start", "term_end", "arr"]
_COLUMNS = [
    *_SHOWN, "segment", "level_of", "in_notice", "rule_id", "rule", "verdict", "so_far", "needed",
    "missing", "missing_users", "to_do", "window_end", "days_left", "status",
]  # fmt: skip


def settled(so_far: pd.DataFrame) -> pd.DataFrame:
    """Blank the windows that are not over in a panel that counted them as far as they have come.

    Parameters
    ----------
    so_far : DataFrame, one row per running term
        What ``panel.build(..., unfinished=True)`` returned.

    Returns
    -------
    DataFrame
        What ``panel.build`` returns by itself, without counting all again.
    """
    frame = so_far.copy()
    age = (pd.to_datetime(frame["as_of_date"]) - pd.to_datetime(frame["term_start"])).dt.days
    for column in catalogue.among(frame.columns, anchor="first"):
        measure = catalogue.parse(column)
        days = 0 if measure is None or measure.days is None else measure.days
        frame[column] = frame[column].mask(age < days)
    return frame


def against(
    rules: pd.DataFrame, so_far: pd.DataFrame, *, as_of: date, by: str | None
) -> pd.DataFrame:
    """Measure each running term against the leading rule of its segment.

    Parameters
    ----------
    rules : DataFrame
        Signals of ``Search.table`` (``role`` "signal", with a cut), best first.
    so_far : DataFrame
        One row per running term, from ``panel.build(..., unfinished=True)``; without it nothing is
        known of windows that are still open.
    as_of : datetime.date
        The run's date: a window that ends after it is still open.
    by : str or None
        Column that holds the segment.

    Returns
    -------
    DataFrame
        One row per running term that a rule speaks of: subscription_id, account_id,
        account_name, term_start, term_end, arr (Decimal), segment, level_of (its segment, or "all
        customers" where the level is borrowed from all), in_notice, rule_id, rule, verdict (of
        the rule), so_far, needed, missing and missing_users (how much more the rule
        asks for), to_do (the same in words), window_end, days_left, status ("below", "window
        open", "reached", "not recorded"); those below first, by ARR.

    Notes
    -----
    A segment's own rule goes before the rule of the whole book; of several, the first.
    """
    parts = []
    left = so_far
    for rule in _own_before_whole(rules):
        if pd.isna(rule["segment"]):
            mine = left
        else:
            mine = left[left[by] == rule["segment"]] if by else left.iloc[:0]
        left = left.drop(mine.index)
        parts.append(_measure(rule, mine, as_of, by))
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    stacked = pd.concat(parts, ignore_index=True)
    stacked["status"] = pd.Categorical(stacked["status"], list(STATUSES), ordered=True)
    stacked["_arr"] = -stacked["arr"].map(lambda money: float(money or 0))
    stacked = stacked.sort_values(["status", "_arr", "subscription_id"], ignore_index=True)
    stacked["status"] = stacked["status"].astype(str)
    return stacked[_COLUMNS]


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


def still_open(standing: pd.DataFrame) -> pd.DataFrame:
    """Return the customers inside their window who lack something, fewest days left first.

    Parameters
    ----------
    standing : DataFrame
        What :func:`against` returned.
    """
    rows = standing[(standing["status"] == OPEN) & _lacking(standing)]
    return rows.sort_values("days_left", kind="stable").reset_index(drop=True)


def totals(standing: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Count customers and their ARR by where they stand.

    Parameters
    ----------
    standing : DataFrame
        What :func:`against` returned.
    as_of : datetime.date
        The last day that is known.

    Returns
    -------
    DataFrame
        One row a status, in the order of ``STATUSES``: status, n_terms, n_accounts, arr
        (Decimal, exact); of these n_accounts_lacking and arr_lacking: customers who stand on the
        side that renewed less, for good or so far; and n_accounts_borrowed, arr_borrowed and
        groups_borrowed (a list of names): customers of a segment without a level of its own,
        measured by that of all; n_accounts_soon and arr_soon (whose term ends by ``until``, the
        last day of the quarter that begins or runs the day after `as_of`); n_accounts_asked and
        arr_asked (who have asked to cancel).
    """
    until = quarter_end(as_of)
    rows = []
    for status in STATUSES:
        mine = standing[standing["status"] == status]
        lacking = mine[_lacking(mine)]
        borrowed = mine[(mine["level_of"] == OF_ALL) & mine["segment"].notna()]
        asked = mine[mine["in_notice"].fillna(False).astype(bool)]
        soon = mine[pd.to_datetime(mine["term_end"]) <= until]
        rows.append(
            {
                "status": status,
                "n_terms": len(mine),
                "n_accounts": mine["account_id"].nunique(),
                "arr": _money(mine),
                "n_accounts_lacking": lacking["account_id"].nunique(),
                "arr_lacking": _money(lacking),
                "n_accounts_borrowed": borrowed["account_id"].nunique(),
                "arr_borrowed": _money(borrowed),
                "groups_borrowed": sorted(borrowed["segment"].astype(str).unique()),
                "until": until,
                "n_accounts_soon": soon["account_id"].nunique(),
                "arr_soon": _money(soon),
                "n_accounts_asked": asked["account_id"].nunique(),
                "arr_asked": _money(asked),
            }
        )
    return pd.DataFrame(rows)


def quarter_end(as_of: date) -> pd.Timestamp:
    """Return the last day of the quarter in which the day after `as_of` lies."""
    return (pd.Timestamp(as_of) + pd.Timedelta(days=1)).to_period("Q").end_time.normalize()


def n_below(rules: pd.DataFrame, book: pd.DataFrame) -> dict[int, int]:
    """Count the customers on the side of each rule that renewed less, in all of its scope.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    book : DataFrame, one row per running term
        Panel with open windows blank, such as :func:`settled` gives.

    Returns
    -------
    dict of int to int
        By ``rule_id``.  Unlike in :func:`against`, a customer counts under every rule that speaks
        of it.
    """
    found = {}
    for rule in records(rules):
        worse = (~thresholds.apply(rule, book)).fillna(False).astype(bool)
        found[int(rule["rule_id"])] = int(book.loc[worse, "account_id"].nunique())
    return found


def agreement(
    tables: Mapping[str, ir.Table],
    running: Cohort,
    definition: adoption.Definition | None,
    standing: pd.DataFrame,
) -> pd.DataFrame:
    """Set the definition of adoption in force against where customers stand.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    running : Cohort
        What ``cohort.running`` returned.
    definition : adoption.Definition or None
        None where none is set.
    standing : DataFrame
        What :func:`against` returned.

    Returns
    -------
    DataFrame
        One row per (met, status) that occurs: met ("yes", "no", "not known"), status ("no rule"
        where no rule speaks of the term), n_terms, n_accounts, arr.  No row without a definition.
    """
    columns = ["met", "status", "n_terms", "n_accounts", "arr"]
    if definition is None:
        return pd.DataFrame(columns=columns)
    asked = panel.build(tables, running, **adoption.request(definition))
    met = adoption.met(definition, asked).astype(object)
    named = met.map({True: MET[0], False: MET[1]}).fillna(MET[2])
    rows = asked[["subscription_id", "account_id", "arr"]].assign(met=named.to_numpy())
    rows = rows.merge(standing[["subscription_id", "status"]], on="subscription_id", how="left")
    rows["status"] = rows["status"].fillna("no rule")
    counted = []
    for value in MET:
        for status in (*STATUSES, "no rule"):
            mine = rows[(rows["met"] == value) & (rows["status"] == status)]
            if len(mine):
                counted.append((value, status, len(mine), mine["account_id"].nunique(),
                                _money(mine)))  # fmt: skip
    return pd.DataFrame(counted, columns=columns)


def _lacking(standing: pd.DataFrame) -> pd.Series[bool]:
    """Tell who lacks something of the rule; where use was not recorded nobody knows."""
    return (standing["to_do"] != "") & (standing["status"] != UNKNOWN)


def _money(rows: pd.DataFrame) -> Decimal:
    return sum((money for money in rows["arr"] if not pd.isna(money)), Decimal(0))


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
    of = group_of(rule)
    out["level_of"] = OF_ALL if of == WHOLE_BOOK else of
    out["in_notice"] = running["in_notice"]
    for name in ("rule_id", "rule", "verdict"):
        out[name] = rule[name]
    out["so_far"] = thresholds.values(rule, running).astype("Float64")
    out["needed"] = float(rule["cut"])
    lacking = thresholds.distance(rule, running)
    out["missing"] = lacking["actions"].abs()
    out["missing_users"] = lacking["users"]
    out["to_do"] = in_words(rule, running, lacking)
    days = pd.to_timedelta(int(rule["window_days"]), unit="D")
    out["window_end"] = pd.to_datetime(running["term_start"]) + days
    out["days_left"] = np.clip((out["window_end"] - today).dt.days, 0, None)
    stands_well = thresholds.apply(rule, running)
    out["status"] = [
        OPEN if end > today else UNKNOWN if pd.isna(well) else REACHED if well else BELOW
        for end, well in zip(out["window_end"], stands_well, strict=True)
    ]
    return out
