"""The rows that one rule speaks of, as plain arrays, and the rule read on another day.

Grain in: a rule and a panel.  Grain out: one row per evaluable term of the rule's segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn.rules import population, reading

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """The rows of one scope.

    Attributes
    ----------
    count : ndarray of float, shape (n_rows,)
        What is counted; minus infinity where too few users took part.
    churned : ndarray of float, shape (n_rows,)
        0 or 1.
    stratum, account : ndarray of int, shape (n_rows,)
        Strata are numbered from 0.
    n_strata : int
        Of the whole scope: a training part may lack one.
    """

    count: Float
    churned: Float
    stratum: Int
    account: Int
    n_strata: int

    def at(self, kept: NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.count[kept], self.churned[kept], self.stratum[kept], self.account[kept],
            self.n_strata,
        )  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """Rows with what else is known of them.

    Attributes
    ----------
    rows : Rows
    frame : DataFrame
        The panel's rows, in the same order.
    """

    rows: Rows
    frame: pd.DataFrame


def of_rule(
    rule: reading.Rule,
    frame: pd.DataFrame,
    *,
    cluster: str,
    outcome: str,
    strata: Sequence[str],
) -> Scope:
    """Return the rows that a rule speaks of, stratified as the search does.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule, or what :func:`of_column` returned.
    frame : DataFrame, one row per (subscription_id, as_of_date)
    cluster, outcome : str
    strata : sequence of str
        Customers are compared only inside these.

    Returns
    -------
    Scope
        No rows where no outcome or no count is known.

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks a column.
    """
    rule = dict(rule)
    counted = reading.values(rule, frame)
    said = frame[counted.notna() & frame[outcome].notna()]
    by = rule["segment_by"] if rule["segment_by"] in frame.columns else None
    if said.empty:
        none = np.zeros(0, dtype=np.int64)
        return Scope(Rows(np.zeros(0), np.zeros(0), none, none, 0), said)
    people = population.build(
        said, columns=reading.columns(rule), outcome=outcome, cluster=cluster, strata=strata,
        segment_by=by,
    )  # fmt: skip
    rows = Rows(
        _count(rule, people.frame),
        people.churned,
        people.stratum,
        people.account,
        int(people.stratum.max()) + 1,
    )
    mine = np.ones(people.n_rows, dtype=bool)
    if by is not None and not pd.isna(rule["segment"]):
        names = list(people.segments)
        code = names.index(str(rule["segment"])) if str(rule["segment"]) in names else -2
        mine = people.segment == code
    return Scope(rows.at(mine), people.frame[mine].reset_index(drop=True))


def at_day(rule: reading.Rule, day: int) -> dict[str, Any]:
    """Return a rule as it reads in the window of another day.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    day : int
        Length of the other window from the term's start, in days.

    Raises
    ------
    ParameterError
        The row holds no rule, or its columns do not count from the term's start.
    """
    read = dict(rule)

    def moved(column: str) -> str:
        measure = catalogue.parse(column)
        if measure is None or measure.anchor != "first":
            raise ParameterError(
                "only a measure counted from the term's start can be read on another day",
                where="rule", got=column,
            )  # fmt: skip
        return catalogue.Measure(measure.measure, measure.feature, "first", day).column

    members = read.get("members")
    if isinstance(members, list | tuple) and members:
        read["members"] = [{**one, "column": moved(str(one["column"]))} for one in members]
    else:
        read["column"] = moved(str(reading.columns(read)[0]))
    if int(read["min_users"]) > 1:
        read["users_column"] = moved(str(read["users_column"]))
    return read | {"window_days": day}


def of_column(column: str) -> dict[str, Any]:
    """Return a panel column as a rule without a level, for the whole book."""
    return {
        "column": column, "min_users": 1, "users_column": None, "segment": None,
        "segment_by": "segment", "verdict": None,
    }  # fmt: skip


def _count(rule: Mapping[str, Any], frame: pd.DataFrame) -> Float:
    counted = reading.values(rule, frame).to_numpy(dtype=np.float64)
    if int(rule["min_users"]) <= 1:
        return counted
    users = pd.to_numeric(frame[rule["users_column"]]).astype(float).fillna(0)
    return np.where(users >= int(rule["min_users"]), counted, -np.inf)
