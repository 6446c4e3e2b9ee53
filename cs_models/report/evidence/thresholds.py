"""The frames behind the figures and sentences of the threshold report.

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

from cs_models.features import catalogue
from cs_models.learn import evaluation, thresholds

WHOLE_BOOK = "All customers"
BELOW, ABOVE = "below", "at or above"


def group_of(rule: Mapping[str, Any] | pd.Series) -> str:
    """Return whom a rule is about, in words: its segment, or all customers."""
    segment = rule["segment"]
    return WHOLE_BOOK if pd.isna(segment) else str(segment)


def rows_of(
    rule: Mapping[str, Any] | pd.Series, frame: pd.DataFrame, by: str | None
) -> pd.DataFrame:
    """Return the rows of `frame` that a rule is about.

    Parameters
    ----------
    rule : mapping
        A row of ``Search.table``.
    frame : DataFrame
        Panel, one row per contract term.
    by : str or None
        Column that holds the segment.
    """
    if by is None or pd.isna(rule["segment"]):
        return frame
    mine: pd.DataFrame = frame[frame[by] == rule["segment"]]
    return mine


def records(rules: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `rules` as dicts keyed by column name."""
    return [dict(zip(map(str, rules.columns), row, strict=True))
            for row in rules.itertuples(index=False, name=None)]  # fmt: skip


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
    *,
    most: int = 9,
    min_terms: int = 20,
) -> pd.DataFrame:
    """Renewal rate by level of use: quantile groups of the rule's own count.

    Parameters
    ----------
    rule : mapping
        A row of ``Search.table`` with a cut.
    frame : DataFrame
        The panel learnt from.
    by : str or None
        Column that holds the segment.
    most : int, default 9
        Levels at most.
    min_terms : int, default 20
        Terms a level holds at least.

    Returns
    -------
    DataFrame
        One row a level, ascending: level (words), first, last, rate, low, high, n_terms,
        n_accounts, n_churned.  The rule's cut is always a border between two levels.
    """
    known = rows_of(rule, frame, by).dropna(subset=["churned", column_of(rule)])
    use = known[column_of(rule)].astype(float).to_numpy()
    borders = _borders(use, float(rule["cut"]), most=most, min_terms=min_terms)
    level = np.searchsorted(borders, use, side="right")
    rows = []
    for code in np.unique(level):
        inside = known[level == code]
        first, last = use[level == code].min(), use[level == code].max()
        words = f"{first:,.4g}" if first == last else f"{first:,.4g}–{last:,.4g}"
        rows.append({"level": words, "first": first, "last": last} | _rate(inside))
    return pd.DataFrame(rows)


def column_of(rule: Mapping[str, Any]) -> str:
    """Return the panel column that a rule counts in."""
    return str(rule["column"])


def words_of(rule: Mapping[str, Any]) -> str:
    """Return what a rule counts, with its window, in words."""
    measure = catalogue.parse(column_of(rule))
    return measure.label() if measure else column_of(rule)


def histogram(null_max: np.ndarray, *, bins: int = 40) -> pd.DataFrame:
    """Strength of the best rule in shuffled histories, as shares.

    Parameters
    ----------
    null_max : ndarray, shape (n_permutations,)
        The largest statistic of each shuffled history.
    bins : int, default 40
        Number of bins.

    Returns
    -------
    DataFrame
        One row a bin: middle, width, share (of the histories; sums to 1).
    """
    counts, edges = np.histogram(null_max, bins=bins)
    return pd.DataFrame(
        {
            "middle": (edges[:-1] + edges[1:]) / 2,
            "width": np.diff(edges),
            "share": counts / counts.sum(),
        }
    )


def _rate(rows: pd.DataFrame) -> dict[str, object]:
    renewed = 1 - rows["churned"].astype(float).to_numpy()
    got = evaluation.proportion(renewed, rows["account_id"].to_numpy())
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
