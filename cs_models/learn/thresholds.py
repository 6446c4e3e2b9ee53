"""Which use of the product, how much of it, by when, separates customers who renew.

Grain in: one row per (subscription_id, as_of_date), every feature counted from the term's start.
Grain out: ``Search.table``, one row per announced rule (and one per segment without any).

Everything that is searched (features, levels, windows, numbers of users, segments) is one family:
a rule is announced only if the best rule of a history without any threshold would rarely look
as good, and if the calendar and the mix of customers do not explain it.  ``methods.md`` 2.1 to
2.9, and ``docs/decisions/`` 0006 and 0007.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.learn.engines import permutation, stepdown
from cs_models.learn.rules import combination, layout
from cs_models.learn.rules import population as populations
from cs_models.learn.rules.grid import Column
from cs_models.learn.rules.reading import apply, columns, distance, values
from cs_models.learn.selection import signals
from cs_models.learn.selection.family import FEWEST_CHURNED_ACCOUNTS, Engine, Family, groups_of
from cs_models.learn.telling import announce
from cs_models.learn.telling.announce import Search
from cs_models.learn.telling.records import ANNOUNCED

__all__ = [
    "ANNOUNCED",
    "FEWEST_CHURNED_ACCOUNTS",
    "SEARCHED",
    "Search",
    "apply",
    "columns",
    "distance",
    "learn",
    "learnable",
    "searched",
    "values",
]

# The measures of the panel that a rule may count in; numbers of users come beside them.
COUNTS = ("events", "active_users", "active_days", "distinct_features")
SCALES = (
    "seat_utilisation", "events_per_seat", "events_per_user", "share", "tickets", "severe_tickets",
)  # fmt: skip
SEARCHED = COUNTS + SCALES


def learn(
    frame: pd.DataFrame,
    *,
    features: Sequence[str],
    outcome: str = "churned",
    cluster: str = "account_id",
    strata: Sequence[str] = ("segment", "term_months"),
    segment_by: str | None = "segment",
    min_users: Sequence[int] = (1, 2, 3, 5),
    combine: Sequence[str] | None = None,
    durations: str | None = None,
    entry: str | None = None,
    engine: Engine = "auto",
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
    combine : sequence of str, optional
        Features of which "at least k of these" rules are made; chosen by how evenly they divide
        the customers when None, no such rules when empty; at least three otherwise.
    durations, entry : str, optional
        Columns of the time, in days, at which a row left or was last seen, and from which it was
        watched: the engines then compare times to churn (log-rank) instead of outcomes.
    engine : {"auto", "permutation", "multiplier"}, default "auto"
        ``auto``: a rule must look strong against shuffled histories and, given calendar and mix of
        customers, in the score bootstrap (which every searched scope has enough losses for).  The
        others leave it to one of the two.
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
        A column is missing, or is not anchored at the term's start ("ever reached" is refused);
        `combine` names fewer than three features, or one that is not searched.
    DataError
        The outcome is not 0, 1 or null.
    TooLittleDataError
        No row at all can be used; anything more gives a verdict instead.
    """
    read = _columns(frame, features)
    sets = combination.columns(frame, read, actions=combine)
    population = _population(
        combination.extended(frame, sets), [*read, *sets], outcome, cluster, strata, segment_by,
        durations, entry,
    )  # fmt: skip
    tried = [column for column in [*read, *sets] if column.name in population.columns]
    scopes = _scopes(population)
    large = [
        (name, rows)
        for name, rows in scopes
        if population.churned_accounts(rows) >= FEWEST_CHURNED_ACCOUNTS
    ]
    grid = layout.build(population, tried, large, min_users=min_users)
    to_permute, to_fold, to_bootstrap, to_judge = np.random.default_rng(random_state).spawn(4)
    moments = permutation.moments(population, grid)
    statistic, null = (
        moments.statistic,
        permutation.null_statistics(
            population, grid, moments, n_permutations=n_permutations, rng=to_permute
        ),
    )
    if engine == "multiplier":
        statistic, null = signals.joint(
            population, grid, large, n_draws=n_permutations, rng=to_permute
        )
    starts = groups_of(grid)[1] if len(grid.rules) else None
    family = Family(
        population=population, grid=grid, scopes=tuple(scopes), statistic=statistic,
        deviation=moments.deviation, adjusted=stepdown.adjust(statistic, null, starts), alpha=alpha,
        segment_by=segment_by, n_permutations=n_permutations, engine=engine,
    )  # fmt: skip
    return announce.search(family, to_fold=to_fold, to_bootstrap=to_bootstrap, to_judge=to_judge)


def searched(names: Sequence[str]) -> list[str]:
    """Return the columns of a panel that are worth searching.

    Counts are tried in every window from the term's start, because "by when" is the question.
    Shares and ratios (per seat, per active user) and tickets are tried in the longest window only:
    they ask how a product is used, and every further column makes chance's best rule stronger.

    Parameters
    ----------
    names : sequence of str
        Columns of a panel.

    Returns
    -------
    list of str
    """
    counted = catalogue.among(names, anchor="first", measures=COUNTS)
    scales = catalogue.among(names, anchor="first", measures=SCALES)
    days = {name: measure.days for name in scales if (measure := catalogue.parse(name))}
    longest = max((each for each in days.values() if each is not None), default=None)
    return counted + [name for name in scales if days[name] == longest]


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
    read = _columns(frame, features)
    population = _population(frame, read, outcome, cluster, strata, segment_by, None, None)
    rows = population.named_frame(segment_by)
    rows.attrs["excluded"] = dict(population.excluded)
    return rows


def _population(
    frame: pd.DataFrame,
    tried: Sequence[Column],
    outcome: str,
    cluster: str,
    strata: Sequence[str],
    segment_by: str | None,
    durations: str | None,
    entry: str | None,
) -> populations.Population:
    return populations.build(
        frame, columns=[column.name for column in tried], outcome=outcome, cluster=cluster,
        strata=strata, segment_by=segment_by, durations=durations, entry=entry,
    )  # fmt: skip


def _scopes(population: populations.Population) -> list[tuple[str | None, NDArray[np.bool_]]]:
    """Return the whole book and each segment, with their rows."""
    everyone = np.ones(population.n_rows, dtype=bool)
    return [(None, everyone)] + [
        (name, population.segment == code) for code, name in enumerate(population.segments)
    ]


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
