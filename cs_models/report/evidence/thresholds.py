"""The frames behind what a page says of one rule: either side of its level, and step by step.

Grain: each function takes the panel (one row per contract term) and a rule, a row of
``thresholds.Search.table``, and returns a small frame that is drawn, shown as a table and
quoted in words, so that the three can never disagree.  Rates are renewal rates, 0 to 1, with
account-clustered intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn import thresholds
from cs_models.learn.evaluation import rates
from cs_models.report.evidence.rules import group_of, records, rows_of, use_of

BELOW, ABOVE = "below", "at or above"


def either_side(rules: pd.DataFrame, frame: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Renewal rates on both sides of each rule's cut.

    Parameters
    ----------
    rules : DataFrame
        Rows of ``Search.table`` that have a cut.
    frame : DataFrame
        The panel learnt from, with ``churned`` (0/1, missing when not evaluable).
    by : str or None
        Column that holds the segment.

    Returns
    -------
    DataFrame
        One row per (rule, side): group, rule, side, rate, low, high, n_terms, n_accounts,
        n_churned.
    """
    rows = []
    for rule in records(rules):
        known = rows_of(rule, frame, by).dropna(subset=["churned"])
        above = thresholds.apply(rule, known)
        known = known[above.notna()]
        on_top = above.dropna().astype(bool).to_numpy()
        if rule["direction"] == "at_most":  # `apply` tells the side that renews more
            on_top = ~on_top
        for side, chosen in ((BELOW, ~on_top), (ABOVE, on_top)):
            rows.append({"group": group_of(rule), "rule": rule["rule"], "side": side}
                        | _rate(known[chosen]))  # fmt: skip
    return pd.DataFrame(rows)


def levels(
    rule: Mapping[str, Any],
    frame: pd.DataFrame,
    by: str | None,
    curve: pd.DataFrame,
    *,
    most: int = 9,
    min_terms: int = 20,
) -> pd.DataFrame:
    """Renewal rate by level of use: quantile groups of the rule's own count, beside its curve.

    Parameters
    ----------
    rule : mapping
        A row of ``Search.table`` with a cut.
    frame : DataFrame
        The panel learnt from.
    by : str or None
        Column that holds the segment.
    curve : DataFrame
        ``Search.curves`` of the rule: value, rate, low, high.
    most : int, default 9
        Levels at most.
    min_terms : int, default 20
        Terms a level holds at least.

    Returns
    -------
    DataFrame
        One row a level, ascending: level (words), first, last, middle (median use), rate, low,
        high, n_terms, n_accounts, n_churned, curve (what the curve says at the middle).  The
        rule's cut is always a border between two levels.
    """
    known = rows_of(rule, frame, by).dropna(subset=["churned"])
    counted = use_of(rule, known)
    known, use = known[counted.notna()], counted.dropna().to_numpy()
    borders = _borders(use, float(rule["cut"]), most=most, min_terms=min_terms)
    level = np.searchsorted(borders, use, side="right")
    rows = []
    for code in np.unique(level):
        mine = use[level == code]
        first, last = mine.min(), mine.max()
        words = f"{first:,.4g}" if first == last else f"{first:,.4g}–{last:,.4g}"
        middle = float(np.quantile(mine, 0.5, method="inverted_cdf"))
        at = {"level": words, "first": first, "last": last, "middle": middle}
        smooth = {"curve": float(np.interp(middle, curve["value"], curve["rate"]))}
        rows.append(at | _rate(known[level == code]) | smooth)
    return pd.DataFrame(rows)


def supported(curve: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """Return a curve as far as customers speak for it: between the outermost levels' typical use.

    At its ends a curve that may not turn follows one or two terms, and its band shrinks there to
    nothing, for nearly every draw of the customers has the same end.

    Parameters
    ----------
    curve : DataFrame
        ``Search.curves`` of the rule: value (ascending), rate, low, high.
    levels : DataFrame
        What :func:`levels` returned for it.

    Returns
    -------
    DataFrame
        Rows of `curve` inside, and one at each end: there `rate` is the ``curve`` of `levels`.
    """
    ends = levels["middle"].to_numpy(dtype=float)[[0, -1]]
    value = curve["value"].to_numpy(dtype=float)
    at = np.unique(np.r_[ends, value[(value > ends[0]) & (value < ends[1])]])
    drawn = {name: np.interp(at, value, curve[name]) for name in ("rate", "low", "high")}
    return pd.DataFrame({"value": at} | drawn)


def gradient(levels: pd.DataFrame) -> pd.DataFrame:
    """Return the lowest, the middle and the highest level: how renewal goes along the scale.

    Parameters
    ----------
    levels : DataFrame
        What :func:`levels` returned.

    Returns
    -------
    DataFrame
        Two or three rows of `levels`.
    """
    last = len(levels) - 1
    return levels.iloc[sorted({0, last // 2, last})]


def _rate(rows: pd.DataFrame) -> dict[str, object]:
    renewed = 1 - rows["churned"].astype(float).to_numpy()
    got = rates.proportion(renewed, rows["account_id"].to_numpy())
    return {
        "rate": got.rate,
        "low": got.low,
        "high": got.high,
        "n_terms": got.n,
        "n_accounts": got.n_clusters,
        "n_churned": got.n - got.n_events,
    }


def _borders(use: np.ndarray, cut: float, *, most: int, min_terms: int) -> np.ndarray:
    """Return borders at quantiles on both sides of the cut, in proportion to the terms."""
    below, above = np.sort(use[use < cut]), np.sort(use[use >= cut])
    borders = [cut]
    for side in (below, above):
        pieces = max(1, min(round(most * len(side) / len(use)), len(side) // min_terms))
        borders += list(np.quantile(side, np.arange(1, pieces) / pieces)) if len(side) else []
    kept: np.ndarray = np.unique(borders)
    return np.asarray(kept[kept > use.min()])
