"""The curve of renewal over use: monotone, scikit-learn's, and with a band that holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression

from cs_models.learn.shapes import dose


def history(
    seed: int, n: int = 1500, *, falling: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Invent counts and outcomes with a smooth chance of renewal; two terms per account."""
    rng = np.random.default_rng([41, seed])
    values = rng.poisson(12 * np.exp(0.7 * rng.normal(size=n))).astype(float)
    chance = renewal(-values if falling else values)
    return values, (rng.random(n) > chance).astype(float), np.arange(n) // 2


def renewal(values: np.ndarray) -> np.ndarray:
    """Return the planted renewal rate."""
    return 0.55 + 0.35 * np.tanh(values / 12)


def curve(seed: int = 0, *, falling: bool = False, n_boot: int = 100) -> pd.DataFrame:
    values, churned, account = history(seed, falling=falling)
    rng = np.random.default_rng(1)
    return dose.curve(values, churned, account, rng=rng, n_boot=n_boot)


@pytest.mark.parametrize("falling", [False, True])
def test_monotone_in_the_direction_of_the_data(falling: bool) -> None:
    """Rate and band rise where renewal rises with use, fall where it falls, and stay in 0 to 1."""
    table = curve(falling=falling)
    sign = -1 if falling else 1
    assert (np.diff(table["value"]) > 0).all()
    for name in ("rate", "low", "high"):
        assert (sign * np.diff(table[name]) >= 0).all()
        assert table[name].between(0, 1).all()
    assert (table["low"] <= table["rate"]).all()
    assert (table["rate"] <= table["high"]).all()
    assert sign * (table["rate"].iloc[-1] - table["rate"].iloc[0]) > 0.1


@pytest.mark.parametrize("increasing", [True, False])
def test_equals_scikit_learn(increasing: bool) -> None:
    """The rate is what scikit-learn predicts from the single rows, in either direction."""
    values, churned, account = history(1)
    table = dose.curve(
        values, churned, account, rng=np.random.default_rng(1), n_boot=2, increasing=increasing
    )
    theirs = IsotonicRegression(increasing=increasing).fit(values, 1 - churned)
    assert table["rate"].to_numpy() == pytest.approx(theirs.predict(table["value"]), abs=1e-12)
    assert table["value"].isin(values).all()


def test_doubled_rows_change_nothing() -> None:
    """Every row twice, in the same accounts: the same curve and the same band."""
    values, churned, account = history(2)
    once = dose.curve(values, churned, account, rng=np.random.default_rng(3), n_boot=40)
    twice = dose.curve(
        *(np.tile(column, 2) for column in (values, churned, account)),
        rng=np.random.default_rng(3),
        n_boot=40,
    )
    pd.testing.assert_frame_equal(once, twice)


def test_a_monotone_change_of_units_only_moves_the_values() -> None:
    """Rates and band belong to ranks: logarithms of the values have the same."""
    values, churned, account = history(3)
    plain = dose.curve(values, churned, account, rng=np.random.default_rng(4), n_boot=1)
    logged = dose.curve(np.log1p(values), churned, account, rng=np.random.default_rng(4), n_boot=1)
    assert logged["value"].to_numpy() == pytest.approx(np.log1p(plain["value"]))
    assert logged["rate"].to_numpy() == pytest.approx(plain["rate"].to_numpy())


def test_band_holds_the_planted_curve() -> None:
    """Away from the ends the pointwise band of 95 % holds the truth nine times in ten."""
    inside = []
    for seed in range(20):
        table = curve(100 + seed).iloc[3:-3]
        truth = renewal(table["value"].to_numpy())
        inside.append(((table["low"] <= truth) & (truth <= table["high"])).mean())
    assert np.mean(inside) >= 0.9


def test_band_is_wider_where_accounts_decide_alone() -> None:
    """Terms of one account that always share value and outcome count as one."""
    values, churned, _ = history(5, n=400)
    tiled = [np.tile(column, 5) for column in (values, churned)]
    apart = dose.curve(*tiled, np.arange(2000), rng=np.random.default_rng(6))
    together = dose.curve(*tiled, np.tile(np.arange(400), 5), rng=np.random.default_rng(6))
    width = [(table["high"] - table["low"]).mean() for table in (apart, together)]
    assert width[1] > 1.5 * width[0]
    assert apart["rate"].to_numpy() == pytest.approx(together["rate"].to_numpy())


def test_at_most_as_many_points_as_asked() -> None:
    """Values that are repeated give fewer rows than asked, the largest and least among them."""
    values, churned, account = history(7)
    table = dose.curve(values, churned, account, rng=np.random.default_rng(0), n_boot=1, points=10)
    assert len(table) <= 10
    assert table["value"].iloc[[0, -1]].tolist() == [values.min(), values.max()]
