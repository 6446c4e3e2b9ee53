"""The frames behind "how early is enough" and "does it last".

Grain in: the rules that a page speaks of, and panels of terms.  Grain out: one row per (rule, day
of judgement), or one row per (rule, period of renewal dates).  Gaps are renewal rates on the side
that renewed more, less those on the other, 0 to 1.  ``methods.md`` 1.2, 2.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import catalogue, panel
from cs_models.learn import thresholds, timing
from cs_models.learn.rules import scope
from cs_models.report.evidence.rules import Rule, group_of, is_set, records

FURTHEST = 2  # landmarks: no contract that the search speaks of is shorter (methods.md 1.1)
DAY_COLUMNS = (
    "place", "rule_id", "group", "use", "own_day", "day", "n_terms", "n_accounts", "n_churned",
    "cut", "lift", "low", "high", "explained", "enough", "enough_day", "best_day",
)  # fmt: skip
LASTING_COLUMNS = (
    "place", "rule_id", "group", "rule", "verdict", "cut", "n_newest", "n_lost_newest",
    "lift_before", "lift", "low", "high",
)  # fmt: skip
PERIOD_COLUMNS = (
    "place", "group", "period", "when", "n_terms", "n_churned", "lift", "low", "high",
)  # fmt: skip
BEFORE, NEWEST, QUARTER = "before", "newest", "quarter the level was learnt from"


def use_of_rule(rule: Rule) -> str:
    """Return what a rule counts, without its window: it is about to be read in others."""
    window = f" in the first {int(rule['window_days'])} days of the term"
    words = str(rule["counted"]).removesuffix(window)
    words = f"how many {words}" if is_set(rule) else words
    users = int(rule["min_users"])
    return f"{words} by at least {users} users" if users > 1 else words


def days(by_days: Sequence[int], rules: pd.DataFrame, *, landmark_days: int) -> list[int]:
    """Return the days on which the rules are read: those asked for, and each rule's own.

    Parameters
    ----------
    by_days : sequence of int
        Days after the start of the term; those beyond twice the landmark are left out, for the
        contracts that are long enough for them are others than those searched.
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    landmark_days : int
        Days into a term at which adoption is judged.
    """
    asked = {day for day in by_days if day <= FURTHEST * landmark_days}
    return sorted(asked | {int(day) for day in rules["window_days"]})


def panels(
    tables: Mapping[str, ir.Table],
    rules: pd.DataFrame,
    by_days: Sequence[int],
    *,
    as_of: date,
    data_start: date,
    grace_days: int,
    landmark_days: int,
) -> dict[int, pd.DataFrame]:
    """Build a small panel for each day, of the terms that were still open on it.

    An early day would be early enough in contracts too short for the search's own landmark.  They
    are left out on every day: monthly contracts on day 14 and none on day 30 would show a gap that
    grows by the mix of contracts alone.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    rules : DataFrame
        Rows of ``Search.table`` that have a cut; without any, nothing is built.
    by_days : sequence of int
        What :func:`days` returned.
    as_of, data_start : datetime.date
        The run's date, and the first day of recorded use.
    grace_days : int
        Days in which a late renewal still counts.
    landmark_days : int
        Days into a term at which the search judged adoption.

    Returns
    -------
    dict of int to DataFrame
        By day: the terms that run for at least twice the landmark and were open on that day;
        empty without rules.

    Notes
    -----
    Source: ``methods.md`` 1.1 (a landmark lies in the first half of a term), 1.2.
    """
    if rules.empty:
        return {}
    columns = [column for rule in records(rules) for column in thresholds.columns(rule)]
    measures = [catalogue.parse(column) for column in columns]
    features = sorted({m.feature for m in measures if m is not None and m.feature is not None})
    built = panel.by_landmark(
        tables, as_of, days=by_days, features=features, data_start=data_start,
        grace_days=grace_days,
    )  # fmt: skip
    return {day: _searched(frame, landmark_days) for day, frame in built.items()}


def by_day(
    rules: pd.DataFrame,
    by_landmark: Mapping[int, pd.DataFrame],
    *,
    strata: Sequence[str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Say what each rule's use is worth when it is read on other days.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    by_landmark : mapping of int to DataFrame
        What :func:`panels` returned.
    strata : sequence of str
        Customers are compared only inside these.
    rng : numpy.random.Generator
        Deals the accounts into folds.

    Returns
    -------
    DataFrame
        One row per (rule, day): place (of the rule, from 1), rule_id, group, use (words), own_day
        (its window), day, n_terms, n_accounts, n_churned, cut (found anew), lift, low, high (gap
        among customers held out), explained, enough (bool), enough_day and best_day (of the rule;
        missing where no day is worth anything).  A rule whose use is not counted on other days
        has one row, with a missing day.
    """
    rows: list[dict[str, Any]] = []
    sources = rng.spawn(len(rules))
    for place, (rule, source) in enumerate(zip(records(rules), sources, strict=True), start=1):
        about = {
            "place": place, "rule_id": rule["rule_id"], "group": group_of(rule),
            "use": use_of_rule(rule), "own_day": int(rule["window_days"]),
        }  # fmt: skip
        if not _counted_on(rule, by_landmark):
            rows.append(about)
            continue
        found = timing.sufficiency(rule, by_landmark, strata=strata, rng=source)
        table = found.table.rename(
            columns={"lift_crossfit": "lift", "lift_low": "low", "lift_high": "high"}
        )
        about |= {"enough_day": found.enough_day, "best_day": found.best_day}
        rows += [about | row for row in records(table)]
    return pd.DataFrame(rows, columns=list(DAY_COLUMNS))


def lasting(rules: pd.DataFrame, tested: Mapping[int, timing.Decay]) -> pd.DataFrame:
    """Return what each rule's newest renewals say of it.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    tested : mapping of int to Decay
        By ``rule_id``: what ``timing.decay_each`` returned.

    Returns
    -------
    DataFrame
        One row a rule: place, rule_id, group, rule, verdict ("held", "faded", "unsure"), cut (as
        it would have been chosen a year ago; missing where too little was known), n_newest,
        n_lost_newest, lift_before, lift, low, high (gap among the newest).
    """
    rows = []
    for place, rule in enumerate(records(rules), start=1):
        found = tested[int(rule["rule_id"])]
        newest = found.table[found.table["period"] == "newest"]
        n, lost = (int(newest[name].sum()) for name in ("n_terms", "n_churned"))
        low, high = _seen_from_better(rule, found.lift_low, found.lift_high)
        rows.append(
            {
                "place": place, "rule_id": rule["rule_id"], "group": group_of(rule),
                "rule": rule["rule"], "verdict": found.verdict, "cut": found.cut, "n_newest": n,
                "n_lost_newest": lost, "lift_before": _sign(rule) * found.lift_before,
                "lift": _sign(rule) * found.lift_newest, "low": low, "high": high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(LASTING_COLUMNS))


def quarters(rules: pd.DataFrame, tested: Mapping[int, timing.Decay]) -> pd.DataFrame:
    """Return each rule's gap by quarter of the renewal date.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    tested : mapping of int to Decay
        By ``rule_id``: what ``timing.decay_each`` returned.

    Returns
    -------
    DataFrame
        One row per (rule, quarter) with enough terms on both sides: place, group, period ("2026
        Q1"), when ("newest": judged by the level chosen a year before, which these terms had no
        part in; else the quarter is one the announced level was learnt from), n_terms, n_churned,
        lift, low, high.
    """
    rows = []
    for place, rule in enumerate(records(rules), start=1):
        table = tested[int(rule["rule_id"])].table
        table = table[~table["period"].isin(["before", "newest"]) & table["lift"].notna()]
        apart = table[~table["in_sample"].astype(bool)]
        first = str(apart["period"].min()) if len(apart) else "9999"
        learnt = table[table["in_sample"].astype(bool) & (table["period"] < first)]
        for one in records(pd.concat([learnt, apart])):
            low, high = _seen_from_better(rule, one["lift_low"], one["lift_high"])
            period = str(one["period"])
            rows.append(
                {
                    "place": place, "group": group_of(rule),
                    "period": f"{period[:4]} {period[4:]}",
                    "when": QUARTER if one["in_sample"] else NEWEST,
                    "n_terms": one["n_terms"], "n_churned": one["n_churned"],
                    "lift": _sign(rule) * one["lift"], "low": low, "high": high,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(PERIOD_COLUMNS))


def _sign(rule: Rule) -> int:
    return -1 if rule["direction"] == "at_most" else 1


def _seen_from_better(rule: Rule, low: float, high: float) -> tuple[float, float]:
    return (low, high) if _sign(rule) > 0 else (-high, -low)


def _searched(frame: pd.DataFrame, landmark_days: int) -> pd.DataFrame:
    """Return the terms of contracts long enough for the landmark of the search."""
    length = (frame["term_end"] - frame["term_start"]).dt.days
    return frame[length >= FURTHEST * landmark_days].reset_index(drop=True)


def _counted_on(rule: Rule, by_landmark: Mapping[int, pd.DataFrame]) -> bool:
    """Say whether the small panels hold what a rule counts."""
    return bool(by_landmark) and all(
        set(thresholds.columns(scope.at_day(rule, day))) <= set(frame.columns)
        for day, frame in by_landmark.items()
    )
