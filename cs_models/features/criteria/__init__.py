"""Criteria that combine with and, or and not, over any frame of one row per thing.

Grain in: any frame (terms, users, account-days).  Grain out: one answer per row: it holds, it does
not, or not known.  The logic is Kleene's: a part that is not known leaves the whole unknown unless
the other parts settle it.  ``AllOf(a, b)`` is False where a is False whatever b is; True where both
are True; else not known.

A worked row: ``seats = 12, nps = NA``.  "seats at least 10 and nps at least 9" is not known, "seats
at least 20 and nps at least 9" is False, "seats at least 10 or nps at least 9" is True, and "nps is
missing" is True: only ``missing`` asks for what is not known, and its answer always is.

Source: S. C. Kleene, Introduction to Metamathematics (1952), section 64.
"""

from __future__ import annotations

from cs_models.features.criteria.answers import check, holds, unknown_column
from cs_models.features.criteria.form import (
    AllOf,
    AnyOf,
    Bound,
    Criterion,
    Leaf,
    Not,
    Value,
    columns,
)
from cs_models.features.criteria.words import column_words, listed, words

__all__ = [
    "AllOf",
    "AnyOf",
    "Bound",
    "Criterion",
    "Leaf",
    "Not",
    "Value",
    "check",
    "column_words",
    "columns",
    "holds",
    "listed",
    "unknown_column",
    "words",
]
