"""The interval of the cut and the size of the gap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from cs_models.learn.rules.layout import candidate_cuts
from cs_models.learn.shapes import effect, likelihood


def test_limits_of_hansen() -> None:
    """The likelihood-ratio limits are the published 5.94, 7.35 and 10.59."""
    got = [likelihood.limit(level) for level in (0.90, 0.95, 0.99)]
    assert got == pytest.approx([5.94, 7.35, 10.59], abs=0.005)


def test_one_stratum_is_the_two_rate_model() -> None:
    """With one stratum the log likelihood is that of two binomial rates, in closed form."""
    n_above, lost_above = np.array([[40.0], [70.0], [50.0]]), np.array([[4.0], [9.0], [0.0]])
    fit = likelihood.fit_steps(n_above, lost_above, np.array([100.0]), np.array([30.0]))

    def binomial(n: float, k: float) -> float:
        return 0.0 if k in {0, n} else k * np.log(k / n) + (n - k) * np.log(1 - k / n)

    for i in range(3):
        n, k = n_above[i, 0], lost_above[i, 0]
        assert fit.log_likelihood[i] == pytest.approx(
            binomial(n, k) + binomial(100 - n, 30 - k), abs=1e-6
        )


def test_strata_share_one_step() -> None:
    """With strata the fit is the logit that a general optimiser finds."""
    n, lost = np.array([120.0, 60.0, 40.0]), np.array([40.0, 12.0, 3.0])
    n_above, lost_above = np.array([[50.0, 35.0, 30.0]]), np.array([[9.0, 5.0, 2.0]])

    def loss(b: np.ndarray) -> float:
        up, down = b[:3] + b[3], b[:3]
        return -(
            lost_above[0] @ up
            - n_above[0] @ np.logaddexp(0, up)
            + (lost - lost_above[0]) @ down
            - (n - n_above[0]) @ np.logaddexp(0, down)
        )

    best = optimize.minimize(loss, np.zeros(4), tol=1e-12)
    fit = likelihood.fit_steps(n_above, lost_above, n, lost)
    assert fit.log_likelihood[0] == pytest.approx(-best.fun, abs=1e-8)
    assert fit.step[0] == pytest.approx(best.x[3], abs=1e-4)


def test_flat_likelihood_is_not_localised() -> None:
    """Without any effect the cut is said to be anywhere."""
    rng = np.random.default_rng(12)
    x, y = rng.integers(0, 60, 500).astype(float), (rng.random(500) < 0.3).astype(float)
    cuts = candidate_cuts(x, most=200)
    traced = likelihood.profile(x, y, np.zeros(500, dtype=np.int64), cuts, np.unique(x))
    found = likelihood.cut_interval(traced, chosen=float(cuts[5]), deff=1.0, level=0.95)
    assert not found.localised
    assert found.low < found.high


def test_design_effect_sees_repeated_terms() -> None:
    """Terms that are copies of each other double the variance; independent terms do not."""
    rng = np.random.default_rng(13)
    above, y = rng.random(800) < 0.5, (rng.random(800) < 0.3).astype(float)
    one = np.zeros(800, dtype=np.int64)
    alone = likelihood.design_effect(above, y, one, np.arange(800))
    twice = likelihood.design_effect(
        np.tile(above, 2), np.tile(y, 2), np.tile(one, 2), np.tile(np.arange(800), 2)
    )
    assert alone == pytest.approx(1.0, abs=0.02)
    assert twice == pytest.approx(2 * alone, rel=0.02)


def test_lift_is_symmetric_and_within_strata_agrees_when_there_is_one() -> None:
    """Swapping the sides only changes the sign; one stratum has nothing to adjust."""
    rng = np.random.default_rng(14)
    above, y = rng.random(400) < 0.4, (rng.random(400) < 0.3).astype(float)
    one, account = np.zeros(400, dtype=np.int64), np.arange(400)
    up = effect.measure(above, y, one, account, quantile=3.0)
    down = effect.measure(~above, y, one, account, quantile=3.0)
    assert up.lift == pytest.approx(-down.lift)
    assert (up.lift_low, up.lift_high) == pytest.approx((-down.lift_high, -down.lift_low))
    assert up.lift_within_strata == pytest.approx(up.lift)
    assert up.lift == pytest.approx(y[~above].mean() - y[above].mean())
