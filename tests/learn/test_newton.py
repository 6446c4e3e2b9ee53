"""The ladder's own Newton steps: they are scikit-learn's, in less time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cs_models.learn.predictors import newton

Float = NDArray[np.float64]


def _world(n_rows: int, width: int, seed: int) -> tuple[Float, Float]:
    rng = np.random.default_rng(seed)
    design = rng.standard_normal((n_rows, width))
    design[:, width // 2] = design[:, 0]  # columns that say the same
    left = rng.random(n_rows) < 1 / (1 + np.exp(2.0 - 2.0 * design[:, 0] + design[:, 1]))
    return design, left.astype(np.float64)


def _theirs(
    design: Float, left: Float, strength: float, tol: float, times: Float | None = None
) -> Float:
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=tol, max_iter=200)
    model.fit(design, left, sample_weight=times)
    return np.append(model.coef_[0], model.intercept_)


@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("strength", [0.0003, 0.01, 10.0])
@pytest.mark.parametrize("shape", [(400, 30), (40, 60)])
def test_it_stops_where_scikit_learn_stops(
    shape: tuple[int, int], strength: float, tol: float
) -> None:
    """However loose the tolerance, the same steps are taken and the same line comes out."""
    design, left = _world(*shape, seed=3)
    found = newton.fit(newton.Rows(design, left), strength, tol=tol)
    assert found is not None
    np.testing.assert_allclose(found, _theirs(design, left, strength, tol), rtol=0, atol=1e-9)


def test_a_second_strength_is_not_moved_by_the_first() -> None:
    """Strengths share the first curvature and nothing else."""
    design, left = _world(300, 20, seed=5)
    rows = newton.Rows(design, left)
    for strength in (0.001, 0.1, 0.001):
        found = newton.fit(rows, strength, tol=1e-4)
        assert found is not None
        np.testing.assert_allclose(found, _theirs(design, left, strength, 1e-4), atol=1e-9)


def test_a_row_that_counts_twice_is_there_twice() -> None:
    """Times are what rows repeated would say, from wherever it starts."""
    design, left = _world(200, 10, seed=7)
    times = np.random.default_rng(1).integers(1, 4, 200)
    start = newton.fit(newton.Rows(design, left), 0.03, tol=1e-4)
    assert start is not None
    found = newton.fit(newton.Rows(design, left, times.astype(float)), 0.03, tol=1e-9, start=start)
    twice = np.repeat(np.arange(200), times)
    assert found is not None
    np.testing.assert_allclose(
        found, _theirs(design[twice], left[twice], 0.03, 1e-9), rtol=0, atol=1e-8
    )


def test_rows_weighed_in_blocks_are_all_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is too large to weigh at once gives the same line."""
    design, left = _world(1000, 12, seed=11)
    whole = newton.fit(newton.Rows(design, left), 0.01, tol=1e-8)
    monkeypatch.setattr(newton, "_CELLS", 12 * 300)
    parted = newton.fit(newton.Rows(design, left), 0.01, tol=1e-8)
    assert whole is not None
    assert parted is not None
    np.testing.assert_allclose(parted, whole, rtol=0, atol=1e-12)


def test_single_precision_is_near_enough_to_choose_by() -> None:
    """Large tables are tried in single precision: what is said moves by less than a thousandth."""
    design, left = _world(2000, 15, seed=13)
    fine = newton.fit(newton.Rows(design, left), 0.01, tol=1e-2)
    coarse = newton.fit(
        newton.Rows(design.astype(np.float32), left.astype(np.float32)), 0.01, tol=1e-2
    )
    assert fine is not None
    assert coarse is not None
    np.testing.assert_allclose(coarse, fine, rtol=0, atol=1e-3)


def test_what_has_no_end_is_not_said_to_have_one() -> None:
    """Numbers that are not finite end the search without an answer."""
    design, left = _world(50, 4, seed=17)
    design[0, 0] = np.nan
    with np.errstate(invalid="ignore"):
        assert newton.fit(newton.Rows(design, left), 0.01, tol=1e-4) is None
