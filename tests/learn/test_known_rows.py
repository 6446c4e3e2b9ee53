"""A column that is missing in some rows compares the others, and nothing leans on the missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cs_models.learn import thresholds
from cs_models.learn.engines import draws, permutation
from cs_models.learn.rules import layout
from cs_models.learn.rules import population as populations

COLUMN = "events__f0__first_60d"
OTHER = "events__f1__first_60d"


def _half_known(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    """Accounts with one to three terms; f0 came late: it is missing in early terms."""
    account = np.repeat(np.arange(n), rng.integers(1, 4, n))
    size = len(account)
    start = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 1500, size), "D")
    frame = pd.DataFrame(
        {
            "subscription_id": np.arange(size).astype(str),
            "account_id": account.astype(str),
            "term_start": start,
            "term_months": 12,
            "segment": np.where(account % 2, "SMB", "MM"),
            "churned": (rng.random(size) < 0.25).astype(float),
            COLUMN: rng.poisson(8, size).astype(float),
            OTHER: rng.poisson(8, size).astype(float),
        }
    )
    frame.loc[frame["term_start"] < "2023-01-01", COLUMN] = np.nan
    return frame


def _laid_out(frame: pd.DataFrame) -> tuple[populations.Population, layout.Grid]:
    population = populations.build(
        frame, columns=[COLUMN, OTHER], outcome="churned", cluster="account_id",
        strata=("segment", "term_months"), segment_by="segment",
    )  # fmt: skip
    columns = [layout.describe(name, list(frame.columns)) for name in (COLUMN, OTHER)]
    scopes = [(None, np.ones(population.n_rows, dtype=bool)), ("MM", population.segment == 0)]
    tried = [column for column in columns if column is not None]
    return population, layout.build(population, tried, scopes, min_users=(1,))


def test_shuffled_statistics_have_mean_0_and_variance_1_known_or_not() -> None:
    """The exact moments hold for columns that are known in some rows only, whatever the terms."""
    population, grid = _laid_out(_half_known(np.random.default_rng(1)))
    moments = permutation.moments(population, grid)
    rng = np.random.default_rng(2)
    signed = []
    for chunk in draws.outcomes(population, 4000, rng):
        sums = grid.above(chunk).astype(float)
        for centre in moments.centres:
            sums[centre.rules] -= centre.share_above @ (centre.known @ chunk)
        signed.append((sums - moments.expected[:, None]) * moments.inverse[:, None])
    statistic = np.concatenate(signed, axis=1)
    assert len(moments.centres) == 2  # f0 in both scopes
    assert np.abs(statistic.mean(axis=1)).max() < 0.08
    assert np.abs(statistic.var(axis=1) - 1).max() < 0.12


def test_a_row_where_a_feature_is_unknown_changes_none_of_its_rules() -> None:
    """Outcomes of rows in which a column is missing do not move its statistics' numerator."""
    frame = _half_known(np.random.default_rng(3)).assign(account_id=lambda rows: rows.index)
    population, grid = _laid_out(frame)
    own = (grid.rules["column"] == COLUMN).to_numpy()
    before = permutation.moments(population, grid).observed
    unknown = population.frame[COLUMN].isna().to_numpy()
    population.churned[unknown] = 1 - population.churned[unknown]
    after = permutation.moments(population, grid).observed
    assert after[own] == pytest.approx(before[own])
    assert not np.allclose(after[~own], before[~own])


def test_coming_late_is_not_mistaken_for_not_being_used() -> None:
    """Where early terms churn more, a feature that came late is announced only if 0 is put in."""
    rng = np.random.default_rng(4)
    frame = _half_known(rng, n=700)
    early = frame[COLUMN].isna().to_numpy()
    frame["churned"] = (rng.random(len(frame)) < np.where(early, 0.45, 0.1)).astype(float)
    options = {"features": [COLUMN], "n_permutations": 199, "engine": "permutation"}
    honest = thresholds.learn(frame, **options)
    filled = thresholds.learn(frame.fillna({COLUMN: 0.0}), **options)
    assert not honest.table["verdict"].isin(thresholds.ANNOUNCED).any()
    assert filled.table["verdict"].isin(thresholds.ANNOUNCED).any()


def test_a_step_is_found_among_the_rows_that_know_the_feature() -> None:
    """A planted step in a feature that came late is found, and counted on its own rows."""
    rng = np.random.default_rng(5)
    frame = _half_known(rng, n=900)
    risk = np.where(frame[COLUMN] < 8, 0.5, 0.1)
    frame["churned"] = (rng.random(len(frame)) < np.where(frame[COLUMN].isna(), 0.25, risk)) * 1.0
    found = thresholds.learn(
        frame, features=[COLUMN, OTHER], segment_by=None, strata=("segment",), n_permutations=199
    ).table.iloc[0]
    assert (found["feature"], found["cut"], found["role"]) == ("f0", 8.0, "signal")
    assert found["n_terms"] == frame[COLUMN].notna().sum()
