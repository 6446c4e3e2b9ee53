"""The conditional search: the score bootstrap against plain loops, and roles with known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cs_models.learn import thresholds
from cs_models.learn.engines import covariates, multiplier
from cs_models.learn.rules import grid as grids
from cs_models.learn.rules import layout
from cs_models.learn.rules import population as populations

Maker = Callable[..., pd.DataFrame]


def prepare(frame: pd.DataFrame) -> tuple[populations.Population, grids.Grid]:
    names = [name for name in frame if name.startswith("events__")]
    population = populations.build(
        frame, columns=names, outcome="churned", cluster="account_id", strata=(), segment_by=None
    )
    columns = [layout.describe(name, names) for name in names]
    everyone = [(None, np.ones(population.n_rows, dtype=bool))]
    return population, layout.build(population, columns, everyone, min_users=(1,))


def test_scores_equal_a_plain_loop(make_history: Maker) -> None:
    """Each rule's score is its covariate-cleared indicator times the residual, over its spread."""
    frame = make_history(np.random.default_rng(31), n_accounts=300, n_features=2)
    population, grid = prepare(frame)
    design = np.column_stack([np.log(population.frame["arr"]), np.arange(300.0) % 7])
    model = multiplier.fit_null(design, population.churned, np.arange(300))
    scored = multiplier.scores(grid, model, np.ones(len(grid.rules), dtype=bool))
    z = np.column_stack([np.ones(300), design])
    beta = np.zeros(3)
    for _ in range(30):  # plain Newton on the raw covariates
        p = 1 / (1 + np.exp(-z @ beta))
        w = p * (1 - p)
        beta += np.linalg.solve((z * w[:, None]).T @ z, z.T @ (population.churned - p))
    for i in range(0, len(grid.rules), 7):
        d = grid.indicator(i).astype(float)
        cleared = d - z @ np.linalg.solve((z * w[:, None]).T @ z, (z * w[:, None]).T @ d)
        plain = cleared @ (population.churned - p) / np.sqrt(w @ cleared**2)
        assert scored.statistic[i] == pytest.approx(plain, abs=1e-5)


def test_bootstrap_holds_its_level(make_history: Maker) -> None:
    """With repeated terms and rare churn the bootstrap rejects about 5 % of null histories."""
    rejected, runs = 0, 80
    for run in range(runs):
        rng = np.random.default_rng([32, run])
        frame = make_history(rng, n_accounts=200, most_terms=2, churn=0.2, persistent=0.8)
        population, grid = prepare(frame)
        rows = np.arange(population.n_rows)
        design = np.log(population.frame["arr"].to_numpy(float))[:, None]
        model = multiplier.fit_null(design, population.churned, rows)
        _, adjusted = multiplier.test(
            grid,
            model,
            population.account,
            np.ones(len(grid.rules), dtype=bool),
            n_draws=99,
            rng=rng,
        )
        rejected += adjusted.p.min() <= 0.05
    assert stats.binom.cdf(rejected, runs, 0.05) < 0.995


def test_covariates_that_explain_a_rule_leave_nothing_to_test(make_history: Maker) -> None:
    """A rule whose own indicator is a covariate has statistic 0 and p 1."""
    population, grid = prepare(make_history(np.random.default_rng(33), n_accounts=300))
    middle = len(grid.rules) // 2
    own = grid.indicator(middle).astype(float)[:, None]
    model = multiplier.fit_null(own, population.churned, np.arange(300))
    scored, adjusted = multiplier.test(
        grid,
        model,
        population.account,
        np.ones(len(grid.rules), dtype=bool),
        n_draws=99,
        rng=np.random.default_rng(0),
    )
    assert scored.statistic[middle] == 0
    assert adjusted.p[middle] == 1
    assert np.abs(scored.statistic).max() > 0


def test_spline_is_straight_outside_its_knots() -> None:
    """Beyond the outer knots every term of the spline is linear."""
    reference = np.linspace(0, 10, 500)
    beyond = np.array([11.0, 12.0, 13.0, 14.0])
    terms = covariates.restricted_cubic_spline(beyond, reference)
    assert terms.shape == (4, 3)
    assert np.diff(terms, n=2, axis=0) == pytest.approx(0, abs=1e-9)
    below = covariates.restricted_cubic_spline(-beyond, reference)
    assert np.diff(below, n=2, axis=0) == pytest.approx(0, abs=1e-9)


def test_two_causes_are_two_signals(make_history: Maker) -> None:
    """A second feature with a step of its own is a signal beside the first, the rest are not."""
    rng = np.random.default_rng(34)
    frame = make_history(rng, n_accounts=2500, n_features=4, vigour=0.5)
    logit = -2.2 + 1.5 * (frame["events__f1__first_60d"] < 10)
    logit = logit + 1.3 * (frame["events__f2__first_60d"] < 8)
    frame["churned"] = (rng.random(len(frame)) < 1 / (1 + np.exp(-logit))).astype(int)
    names = [name for name in frame if name.startswith("events__")]
    table = thresholds.learn(frame, features=names, segment_by=None, n_permutations=199).table
    roles = dict(zip(table["feature"], table["role"], strict=True))
    assert {name for name, role in roles.items() if role == "signal"} == {"f1", "f2"}
    assert "echo" in roles.values()


def test_a_total_gives_way_to_its_part(make_history: Maker) -> None:
    """All events together lead only through the one feature that matters: the total is an echo."""
    rng = np.random.default_rng(35)
    frame = make_history(
        rng, n_accounts=2000, n_features=5, churn=0.12, step=1.6, vigour=0.3, cut=9
    )
    names = [name for name in frame if name.startswith("events__")]
    weights = np.array([3, 1, 1, 1, 1])
    frame["events__first_60d"] = (frame[names] * weights).sum(axis=1)
    table = thresholds.learn(
        frame, features=[*names, "events__first_60d"], segment_by=None, n_permutations=199
    ).table
    roles = dict(zip(table["feature"], table["role"], strict=True))
    assert roles["f0"] == "signal"
    assert roles["events"] == "echo"
