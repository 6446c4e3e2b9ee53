"""Which use of the product, how much of it, by when, separates customers who renew.

Grain in: one row per (subscription_id, as_of_date), every feature counted from the term's start.
Grain out: ``Search.table``, one row per announced rule (and one per segment without any).

Everything that is searched (features, levels, windows, numbers of users, segments) is one family:
a rule is announced only if the best rule of a history without any threshold would rarely look
as good, and if the calendar and the mix of customers do not explain it.  ``methods.md`` 2.1 to
2.7, and ``docs/decisions/0006``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.learn.selection import announce, layout, permutation, stepdown
from cs_models.learn.selection import population as populations
from cs_models.learn.selection.announce import Search
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, Family
from cs_models.learn.selection.grid import Column

__all__ = [
    "FEWEST_CHURNED_ACCOUNTS",
    "SEARCHED",
    "Search",
    "apply",
    "distance",
    "learn",
    "learnable",
]

Rule = Mapping[str, Any] | pd.Series

# The measures of the panel that a rule may count in; numbers of users come beside them.
SEARCHED = (
    "events", "active_users", "active_days", "distinct_features", "seat_utilisation",
    "events_per_seat",
)  # fmt: skip


def learn(
    frame: pd.DataFrame,
    *,
    features: Sequence[str],
    outcome: str = "churned",
    cluster: str = "account_id",
    strata: Sequence[str] = ("segment", "term_months"),
    segment_by: str | None = "segment",
    min_users: Sequence[int] = (1, 2, 3, 5),
    alpha: float = 0.05,
    n_permutations: int = 4999,
    random_state: int = 0,
) -> Search:
    """Search every rule "at least N, within T days, by at least U users" and keep what is real.

    Parameters
    ----------
    frame : DataFrame, one row per (subscription_id, as_of_date)
        The landmark population: terms still running at the decision date.
    features : sequence of str
        Panel columns anchored at the term's start, such as ``events__report_shared__first_60d``.
        Users columns beside them are found by name.
    outcome : str, default "churned"
        1 for leaving, 0 for staying, null for not evaluable.
    cluster : str, default "account_id"
        The account: its terms stay together in every permutation and fold.
    strata : sequence of str, default ("segment", "term_months")
        Accounts are compared only inside these.
    segment_by : str or None, default "segment"
        Rules are searched over the whole book and inside each of its values.
    min_users : sequence of int, default (1, 2, 3, 5)
        Values of U; 1 asks for no number of users.
    alpha : float, default 0.05
        Chance of announcing anything when nothing is there.
    n_permutations : int, default 4999
    random_state : int, default 0
        Seed of permutations and folds.

    Returns
    -------
    Search

    Raises
    ------
    ParameterError
        A column is missing, or is not anchored at the term's start ("ever reached" is refused).
    DataError
        The outcome is not 0, 1 or null.
    TooLittleDataError
        No row at all can be used; anything more gives a verdict instead.
    """
    columns = _columns(frame, features)
    population = _population(frame, columns, outcome, cluster, strata, segment_by)
    columns = [column for column in columns if column.name in population.columns]
    everyone = np.ones(population.n_rows, dtype=bool)
    scopes: list[tuple[str | None, NDArray[np.bool_]]] = [(None, everyone)]
    scopes += [(name, population.segment == i) for i, name in enumerate(population.segments)]
    searched = [
        (name, rows)
        for name, rows in scopes
        if population.churned_accounts(rows) >= FEWEST_CHURNED_ACCOUNTS
    ]
    grid = layout.build(population, columns, searched, min_users=min_users)
    to_permute, to_fold, to_bootstrap = np.random.default_rng(random_state).spawn(3)
    moments = permutation.moments(population, grid)
    adjusted = stepdown.adjust(
        moments.statistic,
        permutation.null_statistics(
            population, grid, moments, n_permutations=n_permutations, rng=to_permute
        ),
    )
    family = Family(
        population=population, grid=grid, scopes=tuple(scopes), statistic=moments.statistic,
        deviation=moments.deviation, adjusted=adjusted, alpha=alpha, segment_by=segment_by,
        n_permutations=n_permutations,
    )  # fmt: skip
    return announce.search(family, to_fold=to_fold, to_bootstrap=to_bootstrap)


def learnable(
    frame: pd.DataFrame,
    *,
    features: Sequence[str],
    outcome: str = "churned",
    cluster: str = "account_id",
    strata: Sequence[str] = ("segment", "term_months"),
    segment_by: str | None = "segment",
) -> pd.DataFrame:
    """Return the rows that :func:`learn` would learn from, without searching.

    Parameters
    ----------
    frame, features, outcome, cluster, strata, segment_by
        As for :func:`learn`.

    Returns
    -------
    DataFrame, one row per (subscription_id, as_of_date)
        The same rows as ``Search.learnt_from``; ``attrs["excluded"]`` counts those left out, by
        reason.

    Raises
    ------
    ParameterError, DataError, TooLittleDataError
        As :func:`learn` does.
    """
    population = _population(frame, _columns(frame, features), outcome, cluster, strata, segment_by)
    rows = population.named_frame(segment_by)
    rows.attrs["excluded"] = dict(population.excluded)
    return rows


def apply(rule: Rule, frame: pd.DataFrame) -> pd.Series:
    """Say which rows of a panel are on the side of a rule that renews more.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Any panel with the rule's columns, such as the terms that run today.

    Returns
    -------
    Series of nullable boolean, same index
        NA where nothing can be said: the feature is missing (the window is not over yet), or the
        row belongs to another segment than the rule.  NA is neither side when used as a mask,
        negated or not.

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks its columns.
    """
    rule = dict(rule)
    values, users = _read(rule, frame)
    meets = values >= float(rule["cut"])
    known = values.notna()
    if users is not None:
        meets &= users.fillna(0) >= int(rule["min_users"])
    if rule["direction"] == "at_most":
        meets = ~meets
    known &= _in_segment(rule, frame)
    return pd.Series(pd.arrays.BooleanArray(meets.to_numpy(), ~known.to_numpy()), frame.index)


def distance(rule: Rule, frame: pd.DataFrame) -> pd.DataFrame:
    """Say how far each row is from the side of a rule that renews more.

    Parameters
    ----------
    rule : mapping or Series
        A row of ``Search.table`` that holds a rule.
    frame : DataFrame, one row per (subscription_id, as_of_date)
        Any panel with the rule's columns.

    Returns
    -------
    DataFrame, same index
        ``actions``: how many more are needed (negative for a rule of the kind "fewer than":
        how many fewer); ``users``: how many more users are needed.  0 where nothing is missing,
        NaN where ``apply`` gives NA.

    Raises
    ------
    ParameterError
        The row holds no rule, or the panel lacks its columns.
    """
    rule = dict(rule)
    values, users = _read(rule, frame)
    known = values.notna() & _in_segment(rule, frame)
    if rule["direction"] == "at_most":
        largest_good = rule["cut_below"]
        actions = (float(largest_good) - values).clip(upper=0.0)
        more_users = pd.Series(0.0, index=frame.index)
    else:
        actions = (float(rule["cut"]) - values).clip(lower=0.0)
        lacking = 0.0 if users is None else int(rule["min_users"]) - users.fillna(0)
        more_users = pd.Series(lacking, index=frame.index, dtype=float).clip(lower=0.0)
    out = pd.DataFrame({"actions": actions.astype(float), "users": more_users})
    return out.where(known)


def _population(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    outcome: str,
    cluster: str,
    strata: Sequence[str],
    segment_by: str | None,
) -> populations.Population:
    return populations.build(
        frame, columns=[column.name for column in columns], outcome=outcome, cluster=cluster,
        strata=strata, segment_by=segment_by,
    )  # fmt: skip


def _columns(frame: pd.DataFrame, features: Sequence[str]) -> list[Column]:
    """Read the feature columns' names, refusing those that are not known at a fixed day."""
    described = {name: layout.describe(name, list(frame.columns)) for name in features}
    wrong = [name for name, column in described.items() if column is None]
    if wrong or not described:
        raise ParameterError(
            "a threshold is learnt only from use in the first days of the term",
            where="features",
            got=", ".join(wrong[:5]) or "no feature",
            repair="name columns such as events__report_shared__first_60d; what a customer "
            "ever reached is known only of those who stayed",
        )
    return [column for column in described.values() if column is not None]


def _read(rule: dict[str, Any], frame: pd.DataFrame) -> tuple[pd.Series, pd.Series | None]:
    if rule["column"] is None or pd.isna(rule["column"]):
        raise ParameterError(
            "this row of the table holds no rule",
            got=f"verdict {rule['verdict']}",
            repair="use rows whose verdict is associated",
        )
    names = [rule["column"]]
    if int(rule["min_users"]) > 1:
        names.append(rule["users_column"])
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise ParameterError(
            "the panel lacks the columns of the rule",
            where=", ".join(absent),
            repair="build the panel with the windows the rule was learnt with",
        )
    values = pd.to_numeric(frame[names[0]]).astype(float)
    return values, pd.to_numeric(frame[names[1]]).astype(float) if len(names) > 1 else None


def _in_segment(rule: dict[str, Any], frame: pd.DataFrame) -> pd.Series:
    segment, column = rule["segment"], rule["segment_by"]
    if segment is None or pd.isna(segment) or column not in frame.columns:
        return pd.Series(True, index=frame.index)
    same: pd.Series = frame[column].astype("string").eq(str(segment)).fillna(False)
    return same.astype(bool)
