"""Rates with their doubt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cs_models.learn.evaluation import rates


def test_one_row_an_account_is_wilson_s_interval() -> None:
    """With one term an account the interval is scipy's Wilson interval."""
    event = np.r_[np.ones(62), np.zeros(18)]
    got = rates.proportion(event, np.arange(80))
    # One row a cluster still carries the factor G / (G - 1) of the clustered variance.
    assert got.design_effect == pytest.approx(80 / 79)
    exact = stats.binomtest(62, 80).proportion_ci(method="wilson")
    assert got.rate == pytest.approx(0.775)
    assert got.low == pytest.approx(exact.low, abs=2e-3)
    assert got.high == pytest.approx(exact.high, abs=2e-3)


def test_copying_every_row_buys_no_certainty() -> None:
    """Copied rows (one a snapshot) leave the interval as wide as it was: the account counts."""
    event, account = np.r_[np.ones(30), np.zeros(10)], np.arange(40)
    once = rates.proportion(event, account)
    copied = rates.proportion(np.tile(event, 82), np.tile(account, 82))
    assert copied.low == pytest.approx(once.low)
    assert copied.high == pytest.approx(once.high)
    assert copied.n_clusters == 40


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_interval_holds_the_rate_and_mirrors(rows: list[tuple[bool, int]]) -> None:
    """0 <= low <= rate <= high <= 1, and the interval of "not" is the mirror image."""
    event = np.array([renewed for renewed, _ in rows])
    account = [code for _, code in rows]
    got = rates.proportion(event, account)
    mirror = rates.proportion(~event, account)
    assert 0 <= got.low <= got.rate + 1e-12
    assert got.rate - 1e-12 <= got.high <= 1
    assert mirror.low == pytest.approx(1 - got.high, abs=1e-9)
    assert mirror.high == pytest.approx(1 - got.low, abs=1e-9)


def test_no_rows_have_no_rate() -> None:
    """An empty side has no rate, rather than a rate of nought."""
    got = rates.proportion([], [])
    assert np.isnan(got.rate)
    assert got.n == 0


@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_interval_covers_under_clustering(rate: float) -> None:
    """The 95 % interval covers at least 91 % when accounts differ, where the plain one fails."""
    rng = np.random.default_rng(5)
    hits = naive_hits = 0
    for _ in range(300):
        account = np.repeat(np.arange(120), rng.integers(1, 7, 120))
        chance = rng.beta(rate * 2, (1 - rate) * 2, 120)[account]
        event = rng.random(len(account)) < chance
        got = rates.proportion(event, account)
        hits += got.low <= rate <= got.high
        plain = stats.binomtest(int(event.sum()), len(event)).proportion_ci(method="wilson")
        naive_hits += plain.low <= rate <= plain.high
    assert hits / 300 >= 0.91
    assert naive_hits < hits
