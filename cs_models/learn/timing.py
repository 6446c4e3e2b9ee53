"""How early is enough, does it still hold, and how much time does it leave.

Grain in: one rule and panels of terms.  Grain out: one row per day of judgement, or one row per
quarter of renewal dates.

The rule was found in the same history: its feature and its measure were chosen there.  What is
found anew here, on accounts (or years) apart from those it is judged by, is the cut.
``methods.md`` 1.2 (each day has its own landmark population), 2.5, 2.7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.learn.rules import lead, reading
from cs_models.learn.rules import scope as scopes
from cs_models.learn.rules.scope import Scope
from cs_models.learn.shapes import periods, refit

STRATA = ("segment", "term_months")
HELD, FADED, UNSURE = "held", "faded", "unsure"


@dataclass(frozen=True)
class Sufficiency:
    """What a rule's measure is worth when it is read on earlier and later days.

    Attributes
    ----------
    table : DataFrame, one row per day, ascending
        ``day``, ``column``, ``n_terms``, ``n_accounts``, ``n_churned``; ``cut`` and ``direction``
        fitted on all rows; ``lift_crossfit`` (renewal within strata on the side called better less
        that on the other, 0 to 1, held out) with ``lift_low``, ``lift_high``; ``explained`` (share
        of deviance explained, held out) with ``explained_se``; ``behind`` and ``behind_se`` (log
        likelihood a term lost against the best day, on the terms that both days have);
        ``enough`` (as good as the best day, and not before ``enough_day``).  Null where the day has
        too little for a cut.
    enough_day : int or None
        The first day from which every day up to the best one is as good as it: it loses no more
        than one standard error, on the terms that both have, and its gap is not below the best
        gap's interval; None where the best day's gap on other accounts cannot be told from nought.
    best_day : int or None
        The day whose reading explains most.
    """

    table: pd.DataFrame
    enough_day: int | None
    best_day: int | None


@dataclass(frozen=True)
class Decay:
    """Whether what was seen before is still there in the newest renewals.

    Attributes
    ----------
    verdict : {"held", "faded", "unsure"}
        Held: the newest interval excludes no gap, in the rule's direction.  Faded: it does not, and
        it excludes the gap of before.  Unsure: the newest renewals cannot tell.
    cut : float or None
        Chosen among the renewals known one period before; None where they had too little.
    lift_before : float
        Gap of before, cross-fitted, above less below.
    lift_newest, lift_low, lift_high : float
        Gap among the newest renewals at that cut, above less below, and its interval.
    table : DataFrame
        ``rule`` ("chosen before" or "announced"), ``period`` ("before", "newest" or a quarter such
        as "2026Q1"), ``in_sample``, ``n_terms``, ``n_accounts``, ``n_churned``, ``lift``,
        ``lift_low``, ``lift_high``.
    """

    verdict: str
    cut: float | None
    lift_before: float
    lift_newest: float
    lift_low: float
    lift_high: float
    table: pd.DataFrame


def sufficiency(
    rule: reading.Rule,
    panels: Mapping[int, pd.DataFrame],
    *,
    cluster: str = "account_id",
    outcome: str = "churned",
    strata: Sequence[str] = STRATA,
    rng: np.random.Generator,
) -> Sufficiency:
    """Say on which day a rule's measure is first worth as much as it ever is.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    panels : mapping of int to DataFrame
        For each day a panel of the terms still alive on it, with the measure's column in the window
        ``first_{day}d``: a customer who left before is nobody's low user (``methods.md`` 1.2).
    cluster, outcome : str, default "account_id", "churned"
    strata : sequence of str, default ("segment", "term_months")
        Customers are compared only inside these.
    rng : numpy.random.Generator
        Deals the accounts into folds.

    Returns
    -------
    Sufficiency

    Raises
    ------
    ParameterError
        No day is given, or a panel lacks a column.

    Notes
    -----
    Days are compared pair by pair on the terms they share: the readings of two days go together,
    so their difference is known much better than either.  One standard error of the best day alone
    would call a day enough 30 days too early in two of three simulated histories with 1 200 terms
    (paired: in one of three).  Source: ``methods.md`` 1.2, 2.7, and the ladder of 3.
    """
    if not panels:
        raise ParameterError("no day is given", where="panels", repair="for example 14, 30 and 60")
    how: dict[str, Any] = {"cluster": cluster, "outcome": outcome, "strata": strata}
    days = sorted(panels)
    records, judged = [], {}
    for day, source in zip(days, rng.spawn(len(days)), strict=True):
        read = scopes.at_day(rule, day)
        scope = scopes.of_rule(read, panels[day], **how)
        step, held = refit.best(scope.rows), refit.held_out(scope.rows, source)
        records.append({"day": day, **periods.counts(scope.rows), **_described(read, step, held)})
        if step is not None and held is not None:
            judged[day] = (held, scope)
    return _judged(pd.DataFrame(records), judged)


def decay(
    rule: reading.Rule | str,
    frame: pd.DataFrame,
    *,
    as_of: date,
    newest_days: int = 365,
    grace_days: int = 30,
    cluster: str = "account_id",
    outcome: str = "churned",
    strata: Sequence[str] = STRATA,
    rng: np.random.Generator,
) -> Decay:
    """Test what could have been learnt one period ago on the renewals that became known since.

    Parameters
    ----------
    rule : mapping, Series or str
        A row of ``Search.table`` that holds a rule, or a panel column.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Evaluable terms with ``term_end``, such as ``Search.learnt_from``.
    as_of : datetime.date
        The run's date.
    newest_days : int, default 365
        Length of the newest period, in days.
    grace_days : int, default 30
        Days after the renewal date at which the outcome is known.
    cluster, outcome : str, default "account_id", "churned"
    strata : sequence of str, default ("segment", "term_months")
    rng : numpy.random.Generator
        Deals the accounts of before into folds.

    Returns
    -------
    Decay

    Raises
    ------
    ParameterError
        The frame lacks a column, or `newest_days` is below 1.

    Notes
    -----
    The cut is chosen among terms with renewal date + grace <= as_of - newest_days and judged on
    later ones: nothing is selected there, so the interval is the ordinary clustered one.  The gap
    of before is cross-fitted, for a selected one would look faded next year by itself.
    """
    if newest_days < 1:
        raise ParameterError(
            "out of range", where="newest_days", got=str(newest_days), repair="≥ 1"
        )
    how: dict[str, Any] = {"cluster": cluster, "outcome": outcome, "strata": strata}
    read = scopes.of_column(rule) if isinstance(rule, str) else dict(rule)
    absent = [name for name in ("term_end", *reading.columns(read)) if name not in frame.columns]
    if absent:
        raise ParameterError("the panel lacks columns", where=", ".join(absent))
    known = pd.to_datetime(frame["term_end"]) + pd.Timedelta(days=grace_days)
    today = pd.Timestamp(as_of)
    earlier = today - pd.Timedelta(days=newest_days)
    before = scopes.of_rule(read, frame[known <= earlier], **how)
    newest = scopes.of_rule(read, frame[(known > earlier) & (known <= today)], **how)
    shown: list[dict[str, Any]] = []
    if not isinstance(rule, str):
        everything = scopes.of_rule(read, frame[known <= today], **how)
        above = everything.rows.count >= float(read["cut"])
        shown = periods.of_scope(everything, above, rule="announced", in_sample=True)
    return _tested(before, newest, read.get("direction"), shown, rng)


def decay_each(
    table: pd.DataFrame, frame: pd.DataFrame, *, rng: np.random.Generator, **how: Any
) -> dict[int, Decay]:
    """Test every announced rule of a search on the newest renewals.

    Parameters
    ----------
    table : DataFrame
        ``Search.table``; rows without a rule are passed over.
    frame : DataFrame
        ``Search.learnt_from``.
    rng : numpy.random.Generator
    **how
        The keywords of :func:`decay`.

    Returns
    -------
    dict of int to Decay
        By ``rule_id``.
    """
    rules = table[table["column"].notna()]
    return {
        int(rule["rule_id"]): decay(rule, frame, rng=source, **how)
        for (_, rule), source in zip(rules.iterrows(), rng.spawn(len(rules)), strict=True)
    }


def lead_time(rule: reading.Rule, frame: pd.DataFrame) -> pd.Series:
    """Summarise the days between the end of a rule's window and the renewal date.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        With ``term_start``, ``term_end`` and the rule's columns.

    Returns
    -------
    Series of float
        ``n_terms``, ``q25``, ``median``, ``q75`` (days); NaN where the rule speaks of no term.
    """
    days = lead.days(rule, frame).dropna()
    quartiles = days.quantile([0.25, 0.5, 0.75]).tolist()
    return pd.Series([len(days), *quartiles], index=["n_terms", "q25", "median", "q75"])


def _described(
    rule: Mapping[str, Any], step: refit.Step | None, held: refit.Held | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"column": rule["column"], "cut": None, "direction": None}
    figures = ("lift_crossfit", "lift_low", "lift_high", "explained", "explained_se")
    if step is None or held is None:
        return found | dict.fromkeys(figures, math.nan)
    reach = refit.Z_95 * held.lift_se
    values = (held.lift, held.lift - reach, held.lift + reach, held.explained, held.explained_se)
    return found | {"cut": step.cut, "direction": step.direction} | dict(
        zip(figures, values, strict=True)
    )  # fmt: skip


def _judged(table: pd.DataFrame, judged: Mapping[int, tuple[refit.Held, Scope]]) -> Sufficiency:
    """Compare each day with the best one, where that one is worth anything on other accounts."""
    table[["behind", "behind_se"]] = math.nan
    table["enough"] = False
    worth = table["explained"].where(table["lift_low"] > 0).fillna(-math.inf)
    if not (worth > 0).any():
        return Sufficiency(table, None, None)
    best = table.iloc[int(worth.to_numpy().argmax())]
    best_day = int(best["day"])
    for day, found in judged.items():
        behind, error = _behind(judged[best_day], found)
        as_wide = found[0].lift >= best["lift_low"]
        enough = behind <= error and found[0].explained > 0 and as_wide
        mine = table["day"] == day
        table.loc[mine, ["behind", "behind_se", "enough"]] = behind, error, enough
    # A day that is as good by luck is followed by one that is not: only an unbroken run counts.
    short = table.loc[~table["enough"] & (table["day"] < best_day), "day"]
    table["enough"] &= table["day"] > max(short, default=0)
    return Sufficiency(table, int(table.loc[table["enough"], "day"].min()), best_day)


def _behind(best: tuple[refit.Held, Scope], other: tuple[refit.Held, Scope]) -> tuple[float, float]:
    """Return the log likelihood a term that a day loses against another, on their common terms."""
    gains = [
        pd.DataFrame(
            {"gain": held.gain, "account": scope.rows.account},
            index=pd.Index(scope.frame["subscription_id"]),
        )
        for held, scope in (best, other)
    ]
    both = gains[0].join(gains[1]["gain"].rename("other"), how="inner")
    account = pd.factorize(both["account"])[0].astype(np.int64)
    lost = (both["gain"] - both["other"]).to_numpy(dtype=np.float64)
    behind, error = refit.ratio(lost, np.ones(len(lost)), account)
    return behind, refit.FOLDS_INFLATION * error


def _tested(
    before: Scope,
    newest: Scope,
    direction: str | None,
    shown: list[dict[str, Any]],
    rng: np.random.Generator,
) -> Decay:
    """Choose a cut in the rows of before, and say whether its gap is there in the newest."""
    step, held = refit.best(before.rows), refit.held_out(before.rows, rng)
    if step is None or held is None:
        table = pd.DataFrame(shown, columns=list(periods.COLUMNS))
        return Decay(UNSURE, None, math.nan, math.nan, math.nan, math.nan, table)
    lift_before = held.lift if step.direction == "at_least" else -held.lift
    first = periods.record("before", before.rows, lift_before, held.lift_se)
    later = periods.of_scope(newest, newest.rows.count >= step.cut, whole="newest")
    lift, low, high = (float(later[0][name]) for name in ("lift", "lift_low", "lift_high"))
    upwards = (direction or step.direction) == "at_least"
    near, far, past = (low, high, lift_before) if upwards else (-high, -low, -lift_before)
    verdict = HELD if near > 0 else FADED if far < max(past, 0.0) else UNSURE
    table = pd.DataFrame([first, *later, *shown], columns=list(periods.COLUMNS))
    return Decay(verdict, step.cut, lift_before, lift, low, high, table)
