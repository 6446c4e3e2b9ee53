"""The engines, alone and together, for outcomes and for times to churn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from cs_models.errors import ParameterError
from cs_models.learn import logrank, thresholds
from cs_models.learn.engines import multiplier
from cs_models.learn.rules import population as populations

COLUMN = "events__f0__first_60d"
N = 900


def _watched(seed: int, step: float) -> pd.DataFrame:
    """Invent accounts watched from an entry day until they leave or the records end.

    ``step`` is the log hazard ratio of those below 8 events.
    """
    rng = np.random.default_rng(seed)
    events = rng.poisson(8, N)
    time = rng.exponential(500 * np.exp(-step * (events < 8)))
    entry = np.where(rng.random(N) < 0.4, rng.uniform(0, 300, N), 0.0)
    ends = entry + rng.uniform(100, 700, N)
    frame = pd.DataFrame(
        {
            "subscription_id": np.arange(N).astype(str),
            "account_id": np.arange(N).astype(str),
            "segment": np.where(rng.random(N) < 0.5, "SMB", "MM"),
            "term_months": 1,
            "entry_days": entry,
            "duration_days": np.minimum(time, ends),
            "churned": (time <= ends).astype(int),
            COLUMN: events,
        }
    )
    return frame[time > entry].reset_index(drop=True)


TIMED = {"features": [COLUMN], "durations": "duration_days", "entry": "entry_days"}


@pytest.mark.parametrize("engine", ["auto", "permutation", "multiplier"])
def test_a_step_in_the_hazard_is_found_by_every_engine(engine: str) -> None:
    """Where those below 8 leave sooner, every engine finds 8, from times with late entry."""
    found = thresholds.learn(
        _watched(1, 1.0), **TIMED, segment_by=None, engine=engine, n_permutations=199
    ).table.iloc[0]
    assert found["role"] == "signal"
    assert found["direction"] == "at_least"
    assert abs(found["cut"] - 8) <= 1


def test_times_without_a_step_are_rarely_called_a_find() -> None:
    """Over 40 histories without any effect, few are announced."""
    announced = [
        thresholds.learn(_watched(seed, 0.0), **TIMED, segment_by=None, n_permutations=99)
        .table["verdict"]
        .isin(thresholds.ANNOUNCED)
        .any()
        for seed in range(100, 140)
    ]
    assert np.mean(announced) <= 0.15


def test_scores_are_the_log_rank_scores_of_each_stratum() -> None:
    """The engines sum log-rank scores, which add up to nought in every stratum."""
    frame = _watched(2, 0.5)
    population = populations.build(
        frame, columns=[COLUMN], outcome="churned", cluster="account_id", strata=("segment",),
        segment_by="segment", durations="duration_days", entry="entry_days",
    )  # fmt: skip
    for code in np.unique(population.stratum):
        mine = population.frame[population.stratum == code]
        expected = logrank.scores(
            mine["duration_days"].to_numpy(), mine["churned"].to_numpy(),
            entry=mine["entry_days"].to_numpy(),
        )  # fmt: skip
        own = population.score[population.stratum == code]
        assert own == pytest.approx(expected)
        assert own.sum() == pytest.approx(0, abs=1e-9)


def test_the_null_hazard_model_matches_a_cox_model() -> None:
    """Given the pooled hazard, the log-linear null model finds a Cox model's coefficient."""
    frame = _watched(3, 0.0).assign(entry_days=0.0)
    rng = np.random.default_rng(4)
    z = rng.normal(size=len(frame))
    frame["duration_days"] = frame["duration_days"] * np.exp(-0.2 * z)
    hazard = logrank.cumulative_hazard(
        frame["duration_days"].to_numpy(), frame["churned"].to_numpy()
    )
    churned = frame["churned"].to_numpy(dtype=float)
    model = multiplier.fit_null(z[:, None], churned, np.arange(len(frame)), hazard)
    fitted = churned - model.residual
    slope = np.polyfit(z, np.log(np.maximum(fitted, 1e-12) / np.maximum(hazard, 1e-12)), 1)[0]
    cox = CoxPHFitter().fit(
        frame.assign(z=z)[["duration_days", "churned", "z"]], "duration_days", "churned"
    )
    assert slope == pytest.approx(cox.params_["z"], rel=0.12)
    assert model.residual.sum() == pytest.approx(0, abs=1e-3)


def test_the_score_bootstrap_alone_gives_one_p_for_all_scopes() -> None:
    """Engine B alone searches the book and its segments as one family, on a common scale."""
    frame = _watched(5, 1.2).assign(churned=lambda rows: rows["churned"])
    found = thresholds.learn(frame, features=[COLUMN], engine="multiplier", n_permutations=199)
    assert set(found.rules["segment"].unique()) == {None, "MM", "SMB"}
    assert len(found.null_max) == 199
    assert found.table["p_given_covariates"].isna().all()


def test_a_missing_time_is_a_missing_outcome() -> None:
    """Rows without a time are counted out like rows without an outcome."""
    frame = _watched(6, 0.5)
    frame.loc[:9, "duration_days"] = np.nan
    counts = thresholds.learn(frame, **TIMED, segment_by=None, n_permutations=99).counts
    assert counts["excluded"]["outcome not evaluable"] == 10


def test_a_time_column_that_is_not_there_is_refused() -> None:
    """The error names the column."""
    with pytest.raises(ParameterError, match="tenure"):
        thresholds.learn(_watched(7, 0.5), features=[COLUMN], durations="tenure")
