"""Several scores on the same terms: against scikit-learn, and paired."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import ordering


def test_each_area_is_scikit_learns_with_ties() -> None:
    """The value is roc_auc_score's, ties included."""
    rng = np.random.default_rng(1)
    y, scores = rng.integers(0, 2, 300), rng.integers(0, 6, (300, 2)).astype(float)
    value, drawn = ordering.aucs(y, scores, account=np.arange(300), n_boot=3, rng=rng)
    for j in range(2):
        assert value[j] == pytest.approx(roc_auc_score(y, scores[:, j]))
    assert drawn.shape == (3, 2)


def test_a_drawing_weighs_all_rows_of_an_account() -> None:
    """A drawing's area is that of the rows repeated as often as their account was drawn."""
    rng = np.random.default_rng(2)
    account, y = np.repeat(np.arange(40), 3), rng.integers(0, 2, 120)
    score = rng.normal(size=120).round(1)
    _, drawn = ordering.aucs(y, score, account=account, n_boot=1, rng=np.random.default_rng(9))
    times = np.bincount(np.random.default_rng(9).integers(0, 40, size=40), minlength=40)[account]
    again = np.repeat(np.arange(120), times)
    assert drawn[0, 0] == pytest.approx(roc_auc_score(y[again], score[again]))


def test_the_same_score_twice_never_differs() -> None:
    """Scores of the same order have the same area in every drawing."""
    rng = np.random.default_rng(3)
    y, score = rng.integers(0, 2, 200), rng.normal(size=200)
    both = np.column_stack([score, np.exp(score)])
    _, drawn = ordering.aucs(y, both, account=np.arange(200) // 4, n_boot=20, rng=rng)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 1])
    assert drawn[:, 0].std() > 0


def test_one_class_has_no_area_and_a_missing_score_is_refused() -> None:
    """Where nobody left the area is NaN; a missing score is refused by name."""
    rng = np.random.default_rng(4)
    value, _ = ordering.aucs([0, 0], [1.0, 2.0], account=["a", "b"], n_boot=0, rng=rng)
    assert np.isnan(value).all()
    with pytest.raises(ParameterError, match="score to order by"):
        ordering.aucs([0, 1], [1.0, np.nan], account=["a", "b"], n_boot=0, rng=rng)
