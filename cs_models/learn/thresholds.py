"""Which use of the product, how much of it, by when, separates customers who renew.

Grain in: one row per (subscription_id, as_of_date), every feature counted from the term's start.
Grain out: ``Search.table``, one row per announced rule (and one per segment without any).

Everything that is searched (features, levels, windows, numbers of users, segments) is one family:
a rule is announced only if the best rule of a history without any threshold would rarely look
as good, and if the calendar and the mix of customers do not explain it.  ``methods.md`` 2.1 to
2.7, and ``docs/decisions/0006``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.learn.engines import permutation, stepdown
from cs_models.learn.rules import layout
from cs_models.learn.rules import population as populations
from cs_models.learn.rules.grid import Column
from cs_models.learn.rules.reading import apply, distance
from cs_models.learn.selection import announce
from cs_models.learn.selection.announce import Search
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, Family

__all__ = [
    "FEWEST_CHURNED_ACCOUNTS",
    "SEARCHED",
    "Search",
    "apply",
    "distance",
    "learn",
    "learnable",
]

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
