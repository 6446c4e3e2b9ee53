"""Who is learnt from and who is judged: whole accounts in folds, and the past before the future.

Grain in: one row per observation with its cluster (:func:`grouped_folds`), or one row per
contract term with its dates (:func:`rolling_origins`).  Grain out: one fold number per row; row
numbers per origin.  ``methods.md`` 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError

Days = NDArray[np.datetime64]


def grouped_folds(
    clusters: NDArray[np.int64],
    event: NDArray[np.float64],
    *,
    n_folds: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Deal whole clusters into folds, those with an event evenly.

    Parameters
    ----------
    clusters : ndarray of int, shape (n_rows,)
        Cluster number of each row, 0 to n_clusters - 1.
    event : ndarray of float, shape (n_rows,)
        1 where the row has the event; a cluster with any event is dealt with its like.
    n_folds : int
        Number of folds.
    rng : numpy.random.Generator
        Source of the shuffling.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Fold of each row, 0 to n_folds - 1.

    Notes
    -----
    Dealing by event keeps the churn rate of the folds alike, as ``methods.md`` 2.7 needs
    where churn is rare.
    """
    n_clusters = int(clusters.max()) + 1
    has_event = np.zeros(n_clusters, dtype=bool)
    has_event[clusters[event > 0]] = True
    order = np.lexsort((rng.random(n_clusters), has_event))
    fold_of_cluster = np.empty(n_clusters, dtype=np.int64)
    fold_of_cluster[order] = np.arange(n_clusters) % n_folds
    return fold_of_cluster[clusters]


@dataclass(frozen=True)
class Origin:
    """One quarter of a backtest: what could be learnt from on its first day, and what it tests.

    Attributes
    ----------
    origin : datetime64[D]
        First day of a calendar quarter.
    train : ndarray of int
        Rows whose outcome was known on that day: ``term_end`` + grace <= ``origin``.
    test : ndarray of int
        Rows decided on in that quarter: ``decision_date`` in [origin, next quarter's first day).
    embargoed : ndarray of int
        Rows decided on before the origin whose outcome came after it.  They are in neither:
        learnt from, they would tell the future; tested on, they would be told twice.
    n_pending : int
        Rows decided on in that quarter that cannot be judged yet; not in ``test``.
    """

    origin: np.datetime64
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    embargoed: NDArray[np.int64]
    n_pending: int


def rolling_origins(
    decision_date: ArrayLike,
    term_end: ArrayLike,
    *,
    as_of: Any,
    churned: ArrayLike,
    grace_days: int = 30,
    min_train_events: int = 40,
    min_test_rows: int = 20,
) -> list[Origin]:
    """Stand at the first day of each past quarter and tell what was known from what came next.

    Parameters
    ----------
    decision_date : array-like of datetime64, shape (n_rows,)
        Day before which everything of a term is looked at.
    term_end : array-like of datetime64, shape (n_rows,)
        Renewal day of the term.
    as_of : date
        Day of the data: an outcome counts once ``term_end`` + grace <= ``as_of``.
    churned : array-like of float, shape (n_rows,)
        1 for leaving, 0 for staying; NaN rows (involuntary losses, not evaluable) are in nothing.
    grace_days : int, default 30
        Days after the renewal day at which an outcome is taken as known.
    min_train_events : int, default 40
        An origin needs so many terms that left, and as many that stayed, to learn from.
    min_test_rows : int, default 20
        An origin needs so many terms to test.

    Returns
    -------
    list of Origin
        Oldest first, in calendar order; quarters with too little are left out.  Quarters tile the
        calendar, so a term is tested once at most.

    Raises
    ------
    ParameterError
        The arrays differ in length, or a row with an outcome lacks a date.

    Notes
    -----
    Source: ``methods.md`` 3.  A contract decided on 2024-02-10 that ends on 2024-05-10 is tested
    by the origin 2024-01-01, embargoed at 2024-04-01, and learnt from since 2024-07-01, when its
    outcome (known 2024-06-09) lies behind.  At each origin every row with an outcome is in exactly
    one of train, embargoed, test, pending, or decided on in a later quarter.
    """
    decided: Days = np.asarray(decision_date, dtype="datetime64[D]")
    ends: Days = np.asarray(term_end, dtype="datetime64[D]")
    due: Days = ends + np.timedelta64(grace_days, "D")
    left = np.asarray(churned, dtype=np.float64)
    _check_dates(decided, due, left)
    known = ~np.isnan(left) & (due <= np.datetime64(as_of, "D"))
    found = []
    for origin, following in _quarters(decided[~np.isnat(decided)]):
        learnt = known & (due <= origin) & (decided < origin)
        inside = (decided >= origin) & (decided < following)
        n_left, n_learnt = int(left[learnt].sum()), int(learnt.sum())
        if min(n_left, n_learnt - n_left) < min_train_events:
            continue
        if int((inside & known).sum()) < min_test_rows:
            continue
        found.append(
            Origin(
                origin=origin,
                train=np.flatnonzero(learnt),
                test=np.flatnonzero(inside & known),
                embargoed=np.flatnonzero(known & (decided < origin) & (due > origin)),
                n_pending=int((inside & (due > np.datetime64(as_of, "D"))).sum()),
            )
        )
    return found


def cold(train_account: ArrayLike, test_account: ArrayLike) -> NDArray[np.bool_]:
    """Say which tested rows belong to accounts that were never learnt from.

    Parameters
    ----------
    train_account : array-like, shape (n_train,)
        Account of each row learnt from.
    test_account : array-like, shape (n_test,)
        Account of each row tested.

    Returns
    -------
    ndarray of bool, shape (n_test,)
        True where the account is not among those learnt from.
    """
    return np.asarray(~pd.Index(np.asarray(test_account)).isin(np.asarray(train_account)))


def _check_dates(decided: Days, due: Days, left: NDArray[np.float64]) -> None:
    """Refuse rows that could not be placed, rather than lose them."""
    if not len(decided) == len(due) == len(left):
        raise ParameterError(
            "dates and outcomes differ in length",
            where="decision_date, term_end, churned",
            got=f"{len(decided)}, {len(due)} and {len(left)} rows",
        )
    lost = ~np.isnan(left) & (np.isnat(decided) | np.isnat(due))
    if lost.any():
        raise ParameterError(
            "a term with an outcome lacks its decision date or its end",
            where="decision_date, term_end",
            got=f"{int(lost.sum())} of {len(left)} rows",
        )


def _quarters(
    days: Days,
) -> list[tuple[np.datetime64, np.datetime64]]:
    """Return first days of the calendar quarters that hold the days, each with the next one's."""
    months = days.astype("datetime64[M]").astype(np.int64)
    firsts = [np.datetime64(int(q) * 3, "M") for q in np.unique(months // 3)]
    quarter = np.timedelta64(3, "M")
    return [
        (first.astype("datetime64[D]"), (first + quarter).astype("datetime64[D]"))
        for first in firsts
    ]
