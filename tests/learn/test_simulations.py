"""Error rates and coverage by simulation, small enough for every run (``methods.md`` section 9).

Each docstring names the simulation of section 9 that it is the small version of; the large ones,
end to end on worlds of invented customers, are in ``benchmarks/recovery.py``.  Seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cs_models.learn import thresholds
from cs_models.learn.engines import permutation, stepdown
from cs_models.learn.rules import grid as grids
from cs_models.learn.rules import layout
from cs_models.learn.rules import population as populations
from cs_models.learn.shapes import effect, likelihood

Maker = Callable[..., pd.DataFrame]
COLUMN = "events__f0__first_60d"


@dataclass(frozen=True)
class Searched:
    """One history after the permutation test."""

    population: populations.Population
    grid: grids.Grid
    moments: permutation.Moments
    adjusted: stepdown.Adjusted

    @property
    def rejected(self) -> bool:
        """Say whether anything is found."""
        return bool(self.adjusted.p.min() <= 0.05)

    @property
    def best(self) -> int:
        """Return the rule with the largest statistic."""
        return int(np.argmax(np.abs(self.moments.statistic)))


def shuffled(
    population: populations.Population, rng: np.random.Generator, n_permutations: int
) -> Searched:
    """Run the permutation test over the cuts of the one column."""
    column = layout.describe(COLUMN, [COLUMN])
    everyone = [(None, np.ones(population.n_rows, dtype=bool))]
    grid = layout.build(population, [column], everyone, min_users=(1,))
    moments = permutation.moments(population, grid)
    null = permutation.null_statistics(
        population, grid, moments, n_permutations=n_permutations, rng=rng
    )
    return Searched(population, grid, moments, stepdown.adjust(moments.statistic, null))


def one_term_each(x: np.ndarray, y: np.ndarray) -> populations.Population:
    """Make the population of a one-column history directly: hundreds are needed."""
    n, one = len(x), np.zeros(len(x), dtype=np.int64)
    return populations.Population(
        frame=pd.DataFrame({COLUMN: x}),
        churned=y.astype(float),
        account=np.arange(n),
        segment=one - 1,
        stratum=one,
        position=one,
        segments=(),
        groups=(populations.Group(np.arange(n)[:, None]),),
        columns=(COLUMN,),
        excluded={},
    )


@pytest.fixture(scope="module")
def null_histories() -> list[Searched]:
    """Return 300 tested histories of 300 accounts in which use and leaving are unrelated."""
    tested = []
    for run in range(300):
        rng = np.random.default_rng([7, run])
        counts = rng.poisson(10 * np.exp(0.6 * rng.normal(size=300)))
        tested.append(shuffled(one_term_each(counts, rng.random(300) < 0.25), rng, 199))
    return tested


def test_null_histories_are_rarely_called_a_find(null_histories: list[Searched]) -> None:
    """S1: without any effect 5 % are rejected, and the naive best split "finds" a third."""
    rejected = np.mean([one.rejected for one in null_histories])
    largest = [abs(one.moments.statistic[one.best]) for one in null_histories]
    naive = np.mean(2 * stats.norm.sf(largest) < 0.05)
    assert 0.02 <= rejected <= 0.085
    assert naive > 0.20


def test_the_interval_of_the_gap_allows_for_the_search(null_histories: list[Searched]) -> None:
    """S4b: the interval of the best rule's gap holds the true gap, 0; the plain one does not."""
    covered = plain = 0
    runs = 200
    for one in null_histories[:runs]:
        quantile = one.adjusted.quantile(0.95)
        population = one.population
        size = effect.measure(
            one.grid.indicator(one.best),
            population.churned,
            population.stratum,
            population.account,
            quantile=quantile,
        )
        covered += size.lift_low <= 0 <= size.lift_high
        plain += abs(size.lift_within_strata) <= 1.96 * size.standard_error
    assert covered / runs >= 0.92
    assert plain / runs <= 0.80


def test_clusters_keep_their_size(make_history: Maker) -> None:
    """S2: use and risk that persist in an account do not inflate rejections; loose terms do."""
    rejected = {"account_id": 0, "subscription_id": 0}
    runs = 60
    for run in range(runs):
        rng = np.random.default_rng([8, run])
        frame = make_history(
            rng, n_accounts=150, most_terms=7, persistent=1.0, vigour=0.0, frailty=1.6
        )
        # Everybody starts and ends alike: the number of terms says nothing of the outcome.
        for moved in rejected:
            population = populations.build(
                frame, columns=[COLUMN], outcome="churned", cluster=moved,
                strata=("segment", "term_months"), segment_by=None,
            )  # fmt: skip
            rejected[moved] += shuffled(population, rng, 99).rejected
    assert rejected["account_id"] / runs <= 0.11
    assert rejected["subscription_id"] > rejected["account_id"]


def test_interval_of_the_cut_holds_the_truth() -> None:
    """S5: the true cut is inside in 92 % or more; the chi-square limit misses more often."""
    wide = narrow = 0
    runs = 100
    for run in range(runs):
        rng = np.random.default_rng([11, run])
        x = rng.lognormal(size=1000)
        y = (rng.random(1000) < np.where(x < 1.0, 0.30, 0.1144)).astype(float)  # log odds 1.2
        cuts = layout.candidate_cuts(x, most=2000)
        traced = likelihood.profile(x, y, np.zeros(1000, dtype=np.int64), cuts, np.sort(x))
        best = float(traced["cut"][traced["log_likelihood"].idxmax()])
        found = likelihood.cut_interval(traced, chosen=best, deff=1.0, level=0.95)
        wide += found.low <= 1.0 <= found.high
        inside = found.profile[found.profile["deviance"] <= 3.84]
        narrow += inside["cut_below"].min() <= 1.0 <= inside["cut"].max()
    assert wide / runs >= 0.92
    assert narrow / runs <= 0.92


def test_the_smallest_gap_is_found_eight_times_in_ten() -> None:
    """Power: a step between two halves, as big as the gap that is named, is found about so."""
    found, sizes, runs = 0, [], 80
    for run in range(runs):
        rng = np.random.default_rng([10, run])
        counts = rng.poisson(10 * np.exp(0.6 * rng.normal(size=500)))
        gap = 0.135
        leaves = rng.random(500) < np.where(counts < 10, 0.25 + gap / 2, 0.25 - gap / 2)
        one = shuffled(one_term_each(counts, leaves), rng, 199)
        found += one.rejected
        information = one.moments.deviation.max() ** 2
        sizes.append(
            effect.smallest_detectable_lift(leaves.mean(), information, one.adjusted.quantile(0.95))
        )
    assert np.mean(sizes) == pytest.approx(0.135, abs=0.01)
    assert 0.65 <= found / runs <= 0.92


def log_hazard_ratio(frame: pd.DataFrame) -> float:
    """Return Cox's log hazard ratio of leaving, reached against not reached."""
    import lifelines  # two seconds to load, and only one test needs it

    fitted = lifelines.CoxPHFitter().fit(frame, duration_col="days", event_col="left")
    return float(fitted.params_["reached"])


def test_ever_reached_looks_protective_and_a_landmark_does_not() -> None:
    """S7: without any effect "ever reached" has a hazard ratio below .4, a landmark one of 1."""
    naive, landmark = [], []
    for run in range(20):
        rng = np.random.default_rng([17, run])
        until_leaving, until_reaching = rng.exponential(300.0, 600), rng.exponential(150.0, 600)
        days = np.minimum(until_leaving, 365.0)
        terms = pd.DataFrame({"days": days, "left": until_leaving < 365.0})
        naive.append(log_hazard_ratio(terms.assign(reached=1.0 * (until_reaching < days))))
        judged = terms.assign(days=days - 60, reached=1.0 * (until_reaching < 60))
        landmark.append(log_hazard_ratio(judged[days > 60]))
    assert np.exp(np.mean(naive)) < 0.4
    assert 0.9 <= np.exp(np.mean(landmark)) <= 1.1


def test_a_whole_search_announces_nothing_where_nothing_is(make_history: Maker) -> None:
    """S3: features, levels, numbers of users and segments together announce in few histories."""
    announced, naive, runs = 0, 0, 60
    for run in range(runs):
        frame = make_history(
            np.random.default_rng([18, run]), n_accounts=300, most_terms=2, n_features=3,
            persistent=0.5, segments=("SMB", "MM"),
        )  # fmt: skip
        names = [name for name in frame if name.startswith("events__")]
        search = thresholds.learn(frame, features=names, n_permutations=199, random_state=run)
        announced += bool(search.table["role"].notna().any())
        naive += search.counts["naive"]["p_raw"] < 0.05
    assert announced / runs <= 0.15
    assert naive / runs > 0.50
