"""The permutation engine against plain loops; its error rates are in ``test_simulations``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cs_models.learn.engines import draws, permutation, stepdown
from cs_models.learn.rules import grid as grids
from cs_models.learn.rules import layout, strata
from cs_models.learn.rules import population as populations

Maker = Callable[..., pd.DataFrame]


def prepare(
    frame: pd.DataFrame, *, min_users: tuple[int, ...] = (1,), segment_by: str | None = None
) -> tuple[populations.Population, grids.Grid]:
    names = [name for name in frame if name.startswith("events__")]
    population = populations.build(
        frame,
        columns=names,
        outcome="churned",
        cluster="account_id",
        strata=("segment", "term_months"),
        segment_by=segment_by,
    )
    scopes = [(None, np.ones(population.n_rows, dtype=bool))]
    scopes += [(name, population.segment == i) for i, name in enumerate(population.segments)]
    columns = [layout.describe(name, list(frame)) for name in names]
    return population, layout.build(population, columns, scopes, min_users=min_users)


def test_statistics_equal_a_plain_loop(make_history: Maker) -> None:
    """Mean, variance and statistic of every rule equal sums written out term by term."""
    frame = make_history(
        np.random.default_rng(3),
        n_accounts=260,
        most_terms=4,
        n_features=3,
        persistent=0.7,
        frailty=1.0,
        segments=("SMB", "MM"),
    )
    population, grid = prepare(frame, min_users=(1, 2, 3), segment_by="segment")
    moments = permutation.moments(population, grid)
    assert len(grid.rules) > 100
    assert set(grid.rules["min_users"]) == {1, 2, 3}
    y, rows = population.churned, population.frame
    for i, rule in grid.rules.iterrows():
        above = rows[rule["column"]].to_numpy() >= rule["cut"]
        if rule["min_users"] > 1:
            above = above & (rows[rule["users_column"]].to_numpy() >= rule["min_users"])
        if rule["segment"] is not None:
            above = above & (rows["segment"] == rule["segment"]).to_numpy()
        assert np.array_equal(above, grid.indicator(i))
        mean = variance = 0.0
        for group in population.groups:
            outcome, indicator = y[group.rows], above[group.rows].astype(float)
            mean += (outcome.mean(0) * indicator.sum(0)).sum()
            product = (indicator - indicator.mean(0)) @ (outcome - outcome.mean(0)).T
            variance += (product**2).sum() / max(len(outcome) - 1, 1)
        assert moments.observed[i] == y[above].sum()
        assert moments.expected[i] == pytest.approx(mean, rel=1e-9)
        assert moments.deviation[i] ** 2 == pytest.approx(variance, rel=1e-9)


def test_one_group_gives_the_classical_statistic(make_history: Maker) -> None:
    """With one stratum and one term per account, T is the textbook r·(D − mean D) form."""
    population, grid = prepare(make_history(np.random.default_rng(4)))
    moments = permutation.moments(population, grid)
    r = population.churned - population.churned.mean()
    for i in range(len(grid.rules)):
        d = grid.indicator(i) - grid.indicator(i).mean()
        plain = r @ d / np.sqrt((d @ d) * (r @ r) / (len(r) - 1))
        assert moments.statistic[i] == pytest.approx(plain, abs=1e-9)


def test_null_draws_have_mean_zero_and_variance_one(make_history: Maker) -> None:
    """Whatever strata and clusters, every rule weighs the same in the maximum."""
    frame = make_history(
        np.random.default_rng(5), n_accounts=300, most_terms=3, persistent=0.9, frailty=1.5
    )
    population, grid = prepare(frame)
    moments = permutation.moments(population, grid)
    draws = np.concatenate(
        list(
            permutation.null_statistics(
                population, grid, moments, n_permutations=3000, rng=np.random.default_rng(0)
            )
        ),
        axis=1,
    )
    assert (draws**2).mean(axis=1) == pytest.approx(1.0, abs=0.12)


def test_permutations_move_whole_accounts(make_history: Maker) -> None:
    """Every permuted history holds the same account outcome vectors, in the same groups."""
    frame = make_history(
        np.random.default_rng(6), n_accounts=120, most_terms=4, frailty=1.0, segments=("A", "B")
    )
    population, _ = prepare(frame, segment_by="segment")
    drawn = next(draws.outcomes(population, 20, np.random.default_rng(1)))
    moved = False
    for group in population.groups:
        assert len(np.unique(population.segment[group.rows])) == 1
        before = sorted(map(tuple, population.churned[group.rows]))
        for k in range(20):
            assert sorted(map(tuple, drawn[:, k][group.rows])) == before
            moved |= not np.array_equal(drawn[:, k][group.rows], population.churned[group.rows])
    assert moved


def test_step_down_equals_its_definition() -> None:
    """The adjusted p is the running maximum of the tail maxima's exceedance shares."""
    rng = np.random.default_rng(9)
    statistic = np.array([2.1, -3.3, 0.4, 1.7, 2.9])
    null = np.abs(rng.normal(size=(5, 400)))
    adjusted = stepdown.adjust(statistic, [null[:, :150].copy(), null[:, 150:].copy()])
    order = np.argsort(-np.abs(statistic))
    largest = 0.0
    for place, rule in enumerate(order):
        tail = null[order[place:]].max(axis=0)
        largest = max(largest, (1 + (tail >= abs(statistic[rule])).sum()) / 401)
        assert adjusted.p[rule] == pytest.approx(largest)
    assert adjusted.null_max == pytest.approx(null.max(axis=0))


def test_lonely_accounts_make_the_oldest_terms_go() -> None:
    """When more than a fifth of the accounts are alone in their group, term counts are binned."""
    counts = np.r_[np.arange(6, 19), np.ones(20, dtype=int)]
    account = np.repeat(np.arange(len(counts)), counts)
    frame = pd.DataFrame(
        {
            "account_id": [f"a{i:03d}" for i in account],
            "term_start": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(np.arange(len(account)), "D"),
            "term_months": 12,
            "segment": "SMB",
            "churned": np.arange(len(account)) % 2,
            "events__f0__first_60d": np.arange(len(account)) % 7,
        }
    )
    population, _ = prepare(frame)
    assert population.share_unpermuted <= strata.LARGEST_SHARE_UNPERMUTED
    kept = population.frame.groupby("account_id").size()
    assert kept.max() <= strata.LARGEST_TERM_COUNT
    dropped = population.excluded["older terms of accounts with many terms"]
    assert dropped == counts.sum() - kept.sum()
    # Five terms an account, the coarsest step, would have lost 91 terms of 176.
    assert dropped < (counts - 5)[:13].sum()
    newest = frame.groupby("account_id")["term_start"].max()
    assert (population.frame.groupby("account_id")["term_start"].max() == newest).all()
