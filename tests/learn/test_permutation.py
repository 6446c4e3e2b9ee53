"""The permutation engine against plain loops, and its error rates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cs_models.learn.engines import permutation, stepdown
from cs_models.learn.rules import grid as grids
from cs_models.learn.rules import layout, strata
from cs_models.learn.rules import population as populations
from cs_models.learn.shapes import effect

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


def one_term_each(x: np.ndarray, y: np.ndarray) -> tuple[populations.Population, grids.Grid]:
    """Make the population of a one-column history directly: hundreds are needed."""
    n, one = len(x), np.zeros(len(x), dtype=np.int64)
    population = populations.Population(
        frame=pd.DataFrame({"events__f0__first_60d": x}),
        churned=y.astype(float),
        account=np.arange(n),
        segment=one - 1,
        stratum=one,
        position=one,
        segments=(),
        groups=(populations.Group(np.arange(n)[:, None]),),
        columns=("events__f0__first_60d",),
        excluded={},
    )
    column = layout.describe("events__f0__first_60d", [])
    everyone = [(None, np.ones(n, dtype=bool))]
    return population, layout.build(population, [column], everyone, min_users=(1,))


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
    drawn = next(permutation.outcomes(population, 20, np.random.default_rng(1)))
    moved = False
    for group in population.groups:
        assert len(np.unique(population.segment[group.rows])) == 1
        before = sorted(map(tuple, population.churned[group.rows]))
        for k in range(20):
            assert sorted(map(tuple, drawn[:, k][group.rows])) == before
            moved |= not np.array_equal(drawn[:, k][group.rows], population.churned[group.rows])
    assert moved


def test_null_histories_are_rarely_called_a_find() -> None:
    """Under the null 5 % are rejected, the naive best split a third; the lift interval holds."""
    rejected = naive = covered = 0
    runs = 300
    for run in range(runs):
        rng = np.random.default_rng([7, run])
        counts = rng.poisson(10 * np.exp(0.6 * rng.normal(size=300)))
        population, grid = one_term_each(counts, rng.random(300) < 0.25)
        moments = permutation.moments(population, grid)
        null = permutation.null_statistics(population, grid, moments, n_permutations=199, rng=rng)
        adjusted = stepdown.adjust(moments.statistic, null)
        rejected += adjusted.p.min() <= 0.05
        best = int(np.argmax(np.abs(moments.statistic)))
        naive += 2 * stats.norm.sf(abs(moments.statistic[best])) < 0.05
        size = effect.measure(
            grid.indicator(best),
            population.churned,
            population.stratum,
            population.account,
            quantile=adjusted.quantile(0.95),
        )
        covered += size.lift_low <= 0 <= size.lift_high
    assert 0.02 <= rejected / runs <= 0.085
    assert naive / runs > 0.20
    assert covered / runs >= 0.92


def test_the_smallest_gap_is_found_eight_times_in_ten() -> None:
    """A step between two halves, as big as the gap that is named, is found about so often."""
    found, sizes, runs = 0, [], 80
    for run in range(runs):
        rng = np.random.default_rng([10, run])
        counts = rng.poisson(10 * np.exp(0.6 * rng.normal(size=500)))
        below = counts < 10
        gap = 0.135
        leaves = rng.random(500) < np.where(below, 0.25 + gap / 2, 0.25 - gap / 2)
        population, grid = one_term_each(counts, leaves)
        moments = permutation.moments(population, grid)
        null = permutation.null_statistics(population, grid, moments, n_permutations=199, rng=rng)
        adjusted = stepdown.adjust(moments.statistic, null)
        found += adjusted.p.min() <= 0.05
        information = moments.deviation.max() ** 2
        sizes.append(
            effect.smallest_detectable_lift(leaves.mean(), information, adjusted.quantile(0.95))
        )
    assert np.mean(sizes) == pytest.approx(0.135, abs=0.01)
    assert 0.65 <= found / runs <= 0.92


def test_clusters_keep_their_size(make_history: Maker) -> None:
    """Account-persistent features and risks do not inflate rejections when accounts move whole."""
    whole = single = 0
    runs = 60
    for run in range(runs):
        rng = np.random.default_rng([8, run])
        frame = make_history(
            rng, n_accounts=150, most_terms=7, persistent=1.0, vigour=0.0, frailty=1.6
        )
        # Everybody starts and ends alike: the number of terms says nothing of the outcome.
        for name, own in (("whole", frame["account_id"]), ("single", frame["subscription_id"])):
            population, grid = prepare(frame.assign(account_id=own))
            moments = permutation.moments(population, grid)
            null = permutation.null_statistics(
                population, grid, moments, n_permutations=99, rng=rng
            )
            reject = stepdown.adjust(moments.statistic, null).p.min() <= 0.05
            whole += reject and name == "whole"
            single += reject and name == "single"
    assert whole / runs <= 0.11
    assert single > whole


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
