"""How sure one may be of a level set by hand: was it among the rules tried, and what came of it.

Grain in: a finished search and a rule of the form of ``Search.table``.  Grain out: a statement.
A level that is moved until the gap looks large has been searched for, by eye: the intervals of a
turn do not allow for that, and the sentence says so.  ``methods.md`` 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn.thresholds import Search
from cs_models.report.display import Statement
from cs_models.report.evidence.rules import group_of
from cs_models.report.findings.words import amount, gap, share_of_shuffled
from cs_models.report.values import integer

Rule = Mapping[str, Any]
BY_EYE = (
    "The intervals above do not allow for having moved the level by eye until the gap looked large."
)


def learned(
    announced: Sequence[Rule], column: str, cut: float, segment: str | None, min_users: int
) -> Any:
    """Return the announced rule that a level set by hand is, as a dict; None where it is none.

    Parameters
    ----------
    announced : sequence of dict
        Rows of ``Search.table`` that hold a rule.
    column : str
        Panel column.
    cut : float
        A level; one that lies between the announced cut and the next lower use is the same.
    segment : str or None
    min_users : int
    """
    for rule in announced:
        own = segment_of(rule)
        same = (rule["column"], own, int(rule["min_users"])) == (column, segment, min_users)
        if same and float(rule["cut_below"]) < cut <= float(rule["cut"]):
            return rule
    return None


def tried(search: Search, rule: Rule, n_above: int, n_terms: int) -> Any:
    """Return the row of ``Search.rules`` that draws the line of a rule; None where none does.

    Parameters
    ----------
    search : Search
    rule : mapping
        ``column``, ``segment``, ``min_users``.
    n_above, n_terms : int
        Terms at or above the level, and in which it is known.

    Notes
    -----
    Levels of one column and number of users are nested: as many terms above are the same terms.
    """
    rows = tried_of(search, rule["column"], segment_of(rule), int(rule["min_users"]))
    same = (rows["n_above"] == n_above) & (rows["n_terms"] == n_terms)
    at = np.flatnonzero(same.to_numpy(dtype=bool))
    return rows.iloc[int(at[0])] if len(at) else None


def tried_of(search: Search, column: str, segment: str | None, min_users: int) -> pd.DataFrame:
    """Return the rows of ``Search.rules`` of one use, one group and one number of users.

    Parameters
    ----------
    search : Search
    column : str
        Panel column.
    segment : str or None
        None for all customers.
    min_users : int
    """
    rows = search.rules
    group = rows["segment"].isna() if segment is None else rows["segment"] == segment
    same = (rows["column"] == column) & group & (rows["min_users"] == min_users)
    found: pd.DataFrame = rows[same.to_numpy(dtype=bool)]
    return found


def said(
    search: Search, announced: Sequence[Rule], rule: Rule, n_above: int, n_terms: int
) -> Statement:
    """Say how sure one may be of a level.

    Parameters
    ----------
    search : Search
    announced : sequence of dict
        Rows of ``Search.table`` that hold a rule.
    rule : mapping
        The rule that is shown.
    n_above, n_terms : int
        Terms at or above its level, and in which it is known.
    """
    n_rules = integer(search.counts["n_rules"])
    n_shuffled = int(search.counts["n_permutations"])
    own = rule if rule["role"] is not None else None
    if own is not None:
        size, between = gap(own)
        return Statement.of(
            "note", f"How sure: this is the level that the search announced for {group_of(own)}, "
            f"out of {n_rules} rules. Allowing for all of them, like customers differ by {size} "
            f"(between {between}), and chance alone would show a best rule this strong in "
            f"{share_of_shuffled(float(own['p_adjusted']), n_shuffled)}.", verdict=own["verdict"],
        )  # fmt: skip
    found = tried(search, rule, n_above, n_terms)
    if found is None:
        return Statement.of(
            "caution", "How sure: chosen by eye: not allowed for. The search did not try this "
            "level: it draws the line of another rule of this use, or one side has too few "
            f"customers or losses. {BY_EYE}",
        )  # fmt: skip
    p = float(found["p_adjusted"])
    return Statement.of(
        "note", f"How sure: the search tried this rule, one of {n_rules}. Allowing for all of "
        f"them, chance alone would show one this strong in {share_of_shuffled(p, n_shuffled)}. "
        f"{_near(announced, rule)}{BY_EYE}",
    )  # fmt: skip


def _near(announced: Sequence[Rule], rule: Rule) -> str:
    """Say that a level lies within the interval of an announced one."""
    key = (rule["column"], rule["segment"], rule["min_users"])
    for row in announced:
        own = segment_of(row)
        same = (row["column"], own, int(row["min_users"])) == key
        if same and row["cut_low"] <= rule["cut"] <= row["cut_high"]:
            ends = list(dict.fromkeys(amount(row[name]) for name in ("cut_low", "cut_high")))
            between = f" ({' to '.join(ends)})" if len(ends) > 1 else ""
            return (
                f"It lies within the interval of the announced level {amount(row['cut'])}{between}."
                " "
            )
    return ""


def segment_of(rule: Rule) -> str | None:
    """Return the segment that a rule is about; None for all customers."""
    return None if pd.isna(rule["segment"]) else str(rule["segment"])
