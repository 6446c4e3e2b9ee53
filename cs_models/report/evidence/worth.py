"""The frames behind "what is it worth": the level up to which a play pays.

Grain in: the rules that a page speaks of, the terms learnt from and those that run today.  Grain
out: one row per (rule, save rate); money is Decimal.  ``methods.md`` 2.8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.learn import policy, thresholds
from cs_models.report.evidence.rules import Rule, group_of, records


def play_of(stated: Mapping[str, Any] | None) -> policy.Play | None:
    """Return the play that a run file states, or None where it states none.

    Parameters
    ----------
    stated : mapping or None
        ``cost`` (decimal text), ``margin``, ``save_rate_low``, ``save_rate_high``.
    """
    return None if stated is None else policy.Play(**{**stated, "cost": Decimal(stated["cost"])})


@dataclass(frozen=True)
class Worth:
    """What a play is worth on each rule's use.

    Attributes
    ----------
    rates : DataFrame, one row per (rule, save rate)
        place, rule_id, group, use, name ("low", "mid", "high"), save_rate, cut (missing: nobody;
        infinite: all), who (words), n_terms, arr, net_value, net_value_held_out (of the history)
        with its 95 % interval net_low, net_high,
        n_today, arr_today, cost_today (of those running whose window is over).
    curve : DataFrame, one row per (rule, possible cut)
        place, group, cut, low, mid, high (net value, float); at most 120 a rule.
    rules : DataFrame, one row a rule
        place, rule_id, group, verdict, direction, break_even (missing: not even saving every one
        would pay), n_without_arr, n_single, arr_single (of today's customers on the worse
        side, those whose own p · s · V exceeds the cost at the middle save rate).
    """

    rates: pd.DataFrame
    curve: pd.DataFrame
    rules: pd.DataFrame


RULE_COLUMNS = (
    "place", "rule_id", "group", "verdict", "direction", "break_even", "n_without_arr",
    "n_single", "arr_single",
)  # fmt: skip
RATE_COLUMNS = (
    "place", "rule_id", "group", "use", "name", "save_rate", "cut", "who", "n_terms", "arr",
    "net_value", "net_value_held_out", "net_low", "net_high", "n_today", "arr_today", "cost_today",
)  # fmt: skip
MOST_CUTS = 120


def worth(
    rules: pd.DataFrame,
    frame: pd.DataFrame,
    book: pd.DataFrame,
    play: policy.Play | None,
    *,
    rng: np.random.Generator,
) -> Worth:
    """Choose for each rule's use the level below which a play earns most.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    frame : DataFrame
        ``Search.learnt_from``.
    book : DataFrame, one row per running term
        Panel with open windows blank, such as ``standing.settled`` gives.
    play : Play or None
        What is done, what it costs and saves; None computes nothing.
    rng : numpy.random.Generator
        Deals the folds.

    Returns
    -------
    Worth
        Without the rules of which too few customers left.
    """
    rates: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    about: list[dict[str, Any]] = []
    sources = rng.spawn(len(rules))
    for place, (rule, source) in enumerate(zip(records(rules), sources, strict=True), start=1):
        if play is None:
            continue
        try:
            found = policy.cut(rule, frame, play, segment_by=_segments(rule), rng=source)
        except TooLittleDataError:
            continue
        named = {"place": place, "group": group_of(rule)}
        for name, row in zip(play.save_rates, records(found.table), strict=True):
            more = _treated_today(rule, book, float(row["cut"]), found.direction, play.cost)
            rates.append(
                named | row | more
                | {"rule_id": rule["rule_id"], "use": str(rule["counted"]), "name": name,
                   "who": _who(rule, float(row["cut"]), found.direction)}
            )  # fmt: skip
        curves.append(_thinned(found.curve).assign(place=place, group=group_of(rule)))
        about.append(
            named
            | {"rule_id": rule["rule_id"], "verdict": rule["verdict"],
               "direction": found.direction, "break_even": found.break_even_save_rate,
               "n_without_arr": found.n_without_arr, **_single(rule, frame, book, play)}
        )  # fmt: skip
    columns = ["place", "group", "cut", "low", "mid", "high"]
    return Worth(
        rates=pd.DataFrame(rates, columns=list(RATE_COLUMNS)),
        curve=pd.concat(curves)[columns] if curves else pd.DataFrame(columns=columns),
        rules=pd.DataFrame(about, columns=list(RULE_COLUMNS)),
    )


def _who(rule: Rule, cut: float, direction: str) -> str:
    """Say whom a policy treats: "fewer than 12 report_shared events in …"."""
    if math.isnan(cut):
        return "nobody"
    if math.isinf(cut):
        return "everybody"
    side = "fewer than" if direction == "below" else "at least"
    return f"{side} {cut:,.4g} {rule['counted']}"


def _treated_today(
    rule: Rule, book: pd.DataFrame, cut: float, direction: str, cost: Decimal
) -> dict[str, Any]:
    """Count today's customers on the side that a policy treats, once their window is over."""
    over = book[thresholds.apply(rule, book).notna()]
    count = thresholds.values(rule, over)
    mine = over.iloc[:0] if math.isnan(cut) else over[
        count < cut if direction == "below" else count >= cut
    ]  # fmt: skip
    n = int(mine["account_id"].nunique())
    money = sum((arr for arr in mine["arr"] if not pd.isna(arr)), Decimal(0))
    return {"n_today": n, "arr_today": money, "cost_today": n * cost}


def _segments(rule: Rule) -> str:
    """Return the column of segments that a rule was found with."""
    named = rule.get("segment_by")
    return named if isinstance(named, str) else "segment"


def _single(
    rule: Rule, frame: pd.DataFrame, book: pd.DataFrame, play: policy.Play
) -> dict[str, Any]:
    """Count today's customers on the worse side whose own money at stake exceeds the cost."""
    better = thresholds.apply(rule, book)
    worse = book[better.notna() & ~better.fillna(True).astype(bool)]
    chance = policy.chances(rule, frame, worse, segment_by=_segments(rule))
    called = policy.ranked(worse, chance.to_numpy(), play)
    called = called[called["treat"].astype(bool)]
    return {"n_single": len(called), "arr_single": sum(called["arr"], Decimal(0))}


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Return the finite cuts, at most 120 of them."""
    finite = curve[np.isfinite(curve["cut"].astype(float))]
    if len(finite) <= MOST_CUTS:
        return finite
    return finite.iloc[np.unique(np.linspace(0, len(finite) - 1, MOST_CUTS).astype(int))]
