"""The planted lift after somebody arrives is recovered over several worlds, not in one by luck."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cs_models.data import simulate, sources
from cs_models.data.simulation import people as planted
from cs_models.data.simulation import scenarios
from cs_models.features import people, tenure
from cs_models.learn import movers

SEEDS = range(1, 6)


def test_over_five_worlds_the_lift_is_the_planted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About 25 arrivals a world: the mean is within .05 of e^.135's exponent and clearly above 0.

    Champions leave more often than in the scenarios, and all come back elsewhere, so that small
    worlds hold arrivals enough.
    """
    monkeypatch.setattr(planted, "CHAMPION_MONTHLY", 0.05)
    monkeypatch.setattr(planted, "REAPPEARS", 1.0)
    scenario = scenarios.named("null")
    as_of, opened = scenario.as_of, scenario.data_start
    found = []
    for seed in SEEDS:
        folder = simulate.write(tmp_path / str(seed), scenario="null", n_accounts=400, seed=seed)
        tables = sources.read(sources.Source(path=str(folder)), as_of=as_of)
        served = people.served(tables, as_of)
        effect = movers.mover_effect(
            served, people.monthly(tables, as_of),
            people.contracts(tables, as_of, former=served.former),
            tenure.opportunities(tables, as_of, data_start=opened),
            as_of=as_of, data_start=opened,
        )  # fmt: skip
        assert effect.use.n_with >= 15
        found.append(effect.use.difference)
    loads = [f.rows * f.vigour for f in scenarios.FEATURES]
    true = planted.ARRIVAL_BOOST * sum(loads) / sum(f.rows for f in scenarios.FEATURES)
    mean, error = np.mean(found), np.std(found, ddof=1) / np.sqrt(len(found))
    half = stats.t.ppf(0.975, len(found) - 1) * error
    assert abs(mean - true) < 0.05
    assert mean - half > 0
    assert mean - half < true < mean + half
