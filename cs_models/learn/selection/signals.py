"""Signals and echoes: which features matter by themselves (``methods.md`` 2.4b).

Active customers use everything, so everything goes with renewal.  After the leading rule is
accepted, its indicator and a smooth curve of its own feature join the null model, and the other
features must show that they add something; and so on.

Grain in: the leaders of every scope.  Grain out: one role per (scope, feature).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features import catalogue
from cs_models.learn.engines import covariates, multiplier, null_design
from cs_models.learn.rules import combination
from cs_models.learn.rules.grid import Grid
from cs_models.learn.rules.population import Population
from cs_models.learn.selection.family import Family
from cs_models.learn.selection.leaders import Leader

MOST_SIGNALS = 5
FEWEST_DRAWS = 999
# What gathers several uses: sums over the account, and sets of actions.
GATHERING = frozenset(
    {"events", "active_users", "active_days", "distinct_features", "seat_utilisation"}
    | {combination.FEATURE}
)
DRAWS_PER_REJECTION = 5  # so that a small alpha can be reached at all

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Role:
    """What a feature is in a scope.

    Attributes
    ----------
    name : {"signal", "echo"}
    p : float or None
        p of the feature given the signals accepted before it; None for a leading signal.
    """

    name: str
    p: float | None


def confirmed(
    family: Family,
    found: Mapping[str | None, Sequence[Leader]],
    rng: np.random.Generator,
) -> tuple[dict[str | None, list[Leader]], dict[str | None, dict[str, float]]]:
    """Keep the leaders that add to what the calendar and the mix of customers explain.

    Shuffling accounts with the same number of terms is not enough where use changes with the
    calendar: who has one term only is decided by having left, and so the start of an account
    tells its outcome inside its group.  A feature launched midway would be announced.  Each
    leader must therefore pass Engine B too, given stratum, ARR, contract length, term number and
    the quarter in which the term starts.

    Parameters
    ----------
    family : Family
    found : mapping of scope to leaders, best first
    rng : numpy.random.Generator

    Returns
    -------
    tuple of dict and dict
        The leaders kept, by scope; and by scope the p of each feature given the covariates.
    """
    kept: dict[str | None, list[Leader]] = {}
    p: dict[str | None, dict[str, float]] = {}
    if family.engine != "auto":
        return {scope: list(leaders) for scope, leaders in found.items()}, p
    tested = [scope for scope, leaders in found.items() if len(leaders) > 0]
    alpha = family.alpha / max(len(tested), 1)  # each scope may err; together at most alpha
    for scope in tested:
        search = _ConditionalSearch(family, scope, alpha, rng)
        judged = search.test({}, [leader.feature for leader in found[scope]])
        p[scope] = {name: min(1.0, each[0] * len(tested)) for name, each in judged.items()}
        kept[scope] = [one for one in found[scope] if judged[one.feature][0] <= alpha]
    return kept, p


def joint(
    population: Population,
    grid: Grid,
    scopes: Sequence[tuple[str | None, NDArray[np.bool_]]],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[Float, Iterator[NDArray[np.float32]]]:
    """Score every rule of every scope given the covariates, all with the same random signs.

    Parameters
    ----------
    population : Population
    grid : Grid
    scopes : sequence of (str or None, ndarray of bool)
        The scopes searched, in the order of the grid.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    tuple of ndarray and iterator
        The statistic of every rule, and the same under the null, for ``stepdown.adjust``.
    """
    seed = int(rng.integers(2**63))
    statistics, draws = [], []
    for scope, mask in scopes:
        own, _ = grid.subset(scope)
        if not len(own.rules):
            continue
        rows = np.flatnonzero(mask)
        model = multiplier.fit_null(
            null_design.of_terms(population, rows), population.churned, rows, population.expected
        )
        scored = multiplier.scores(own, model, np.ones(len(own.rules), dtype=bool))
        statistics.append(scored.statistic)
        draws.append(
            multiplier.null_statistics(
                own, model, population.account, scored, n_draws=n_draws,
                rng=np.random.default_rng(seed),
            )
        )  # fmt: skip
    together = (np.concatenate(parts) for parts in zip(*draws, strict=True))
    return np.concatenate([np.empty(0), *statistics]), together


def roles(
    family: Family,
    found: Mapping[str | None, Sequence[Leader]],
    rng: np.random.Generator,
) -> dict[tuple[str | None, str], Role]:
    """Decide for every significant feature of every scope: signal or echo.

    The whole book comes first.  In a segment the signals of the whole book that are known
    there stay signals, and other features of the segment must add to them: a feature that leads
    in a small segment only because the true one happens to show less there is an echo.

    Parameters
    ----------
    family : Family
    found : mapping of scope to leaders, best first
    rng : numpy.random.Generator

    Returns
    -------
    dict of (scope, feature) to Role
    """
    decided: dict[tuple[str | None, str], Role] = {}
    tested = [scope for scope, _ in family.scopes if len(found.get(scope, ())) > 0]
    alpha = family.alpha / max(len(tested), 1)  # each scope may err; together at most alpha
    book: list[str] = []
    for scope in tested:
        search = _ConditionalSearch(family, scope, alpha, rng)
        accepted = search.run([leader.feature for leader in found[scope]], book)
        decided |= {(scope, leader.feature): accepted[leader.feature] for leader in found[scope]}
        if scope is None:
            book = [name for name, role in accepted.items() if role.name == "signal"]
    return decided


class _ConditionalSearch:
    """The conditional search within one scope."""

    def __init__(
        self, family: Family, scope: str | None, alpha: float, rng: np.random.Generator
    ) -> None:
        self.family, self.alpha, self.rng = family, alpha, rng
        self.n_draws = max(FEWEST_DRAWS, math.ceil(DRAWS_PER_REJECTION / alpha) - 1)
        self.grid, positions = family.grid.subset(scope)
        self.statistic = family.statistic[positions]
        self.features = self.grid.rules["feature"].to_numpy()
        self.rows = family.rows_of(scope)
        self.base = null_design.of_terms(family.population, self.rows)

    def run(self, announced: list[str], book: list[str]) -> dict[str, Role]:
        """Accept one feature after another, then ask the earlier ones again.

        One use of the product goes before what gathers several: a sum that only mirrors the use
        must add to it, and a set of actions must be more than the one that matters in it.
        """
        known = [name for name in book if (self.features == name).any()]
        single = [name for name in announced if name not in GATHERING]
        accepted = {name: self.best(name) for name in known or (single or announced)[:1]}
        p_of: dict[str, float | None] = dict.fromkeys(accepted)
        waiting = [name for name in announced if name not in accepted]
        p_last: dict[str, float | None] = {}
        while waiting and len(accepted) < MOST_SIGNALS:
            tested = self.test(accepted, waiting)
            p_last = {name: p for name, (p, _, _) in tested.items()}
            name = min(waiting, key=lambda one: (tested[one][0], -tested[one][1]))
            if tested[name][0] > self.alpha:
                break
            p_of[name], accepted[name] = tested[name][0], tested[name][2]
            waiting.remove(name)
        signals = {name: Role("signal", p_of[name]) for name in accepted}
        echoes = {name: Role("echo", p_last.get(name)) for name in waiting}
        return signals | echoes | self.demoted(accepted, known)

    def demoted(self, accepted: dict[str, int], known: list[str]) -> dict[str, Role]:
        """Return leaders that add nothing to what was accepted after them.

        A feature that leads because it gathers several others (all events, active days) gives
        way to the one that it gathered.
        """
        out: dict[str, Role] = {}
        for name in list(accepted)[:-1]:
            others = {other: rule for other, rule in accepted.items() if other not in {name, *out}}
            if name in known or not others:
                continue
            p = self.test(others, [name])[name][0]
            if p > self.alpha:
                out[name] = Role("echo", p)
        return out

    def best(self, feature: str) -> int:
        """Return the rule of a feature with the largest statistic."""
        own = np.flatnonzero(self.features == feature)
        return int(own[np.argmax(np.abs(self.statistic[own]))])

    def test(
        self, accepted: Mapping[str, int], waiting: Sequence[str]
    ) -> dict[str, tuple[float, float, int]]:
        """Return p, statistic and best rule of each waiting feature, given the accepted ones."""
        population = self.family.population
        adjusters = [self.adjuster(rule) for rule in accepted.values()]
        design = np.column_stack([self.base, *adjusters])
        model = multiplier.fit_null(design, population.churned, self.rows, population.expected)
        allowed = ~np.isin(self.features, list(accepted))
        scored, adjusted = multiplier.test(
            self.grid, model, population.account, allowed, n_draws=self.n_draws, rng=self.rng
        )
        out = {}
        for name in waiting:
            own = np.flatnonzero(self.features == name)
            best = int(own[np.argmax(np.abs(scored.statistic[own]))])
            out[name] = (float(adjusted.p[best]), abs(float(scored.statistic[best])), best)
        return out

    def adjuster(self, rule: int) -> Float:
        """Return the covariates that stand for an accepted rule."""
        return _adjuster(self.family.population.frame, self.grid, rule, self.rows)


def _adjuster(frame: pd.DataFrame, grid: Grid, rule: int, rows: NDArray[np.int64]) -> Float:
    """Return a rule's indicator, a smooth curve of its own column, and one of total use.

    The curve of total use (all events of the account in the same window) stands for the
    account's vigour: where vigour itself keeps customers, every feature would otherwise be
    announced for being a little thermometer of it.
    """
    at = grid.rules.iloc[rule]
    own = grid.blocks[int(at["block"])].amounts
    columns = [own]
    total = catalogue.Measure("events", None, "first", int(at["window_days"])).column
    if total in frame.columns and total != at["column"]:
        columns.append(covariates.number(frame[total]).to_numpy())
    logged = [np.log1p(np.maximum(column, 0.0)) for column in columns]
    filled = [covariates.filled(pd.Series(column))[:, 0] for column in logged]
    curves = [covariates.restricted_cubic_spline(column, column[rows]) for column in filled]
    missing = np.isnan(own).astype(np.float64)
    return np.column_stack([grid.indicator(rule).astype(np.float64), missing, *curves])
