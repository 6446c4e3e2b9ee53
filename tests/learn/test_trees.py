"""Trees told column by column, and columns encoded together, equal what others say of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from cs_models.learn.predictors import columns, encoding, numbers, table, trees

SIGNS = [0, -1, 1, 0, 0, 1]
GROUPS = np.array([0, 0, 1, 2, 2, 3])


@pytest.fixture(scope="module")
def raw() -> np.ndarray:
    """Return columns with ties, gaps, and a word, more rows than a block has."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(3000, 6))
    values[:, 1] = np.round(values[:, 1])
    values[:, 5] = values[:, 5] > 0
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@pytest.fixture(scope="module")
def churned(raw: np.ndarray) -> np.ndarray:
    """Return outcomes that some columns and a gap go with."""
    logit = np.nan_to_num(raw[:, 2] - raw[:, 1]) + np.isnan(raw[:, 3]) - 1
    return (np.random.default_rng(5).random(len(raw)) < 1 / (1 + np.exp(-logit))).astype(float)


@pytest.fixture(scope="module")
def fitted(raw: np.ndarray, churned: np.ndarray) -> HistGradientBoostingClassifier:
    """Return scikit-learn's own trees."""
    made = HistGradientBoostingClassifier(max_iter=25, monotonic_cst=SIGNS, **trees.BOOSTING)
    return made.fit(raw, churned)


def test_trees_grown_on_cut_columns_are_those_of_scikit_learn(raw, churned, fitted):
    """Nodes, thresholds and leaves are equal, and the estimator is scikit-learn's own class."""
    grown = trees.grow(trees.binned(raw), churned, SIGNS, 25)
    assert type(grown) is HistGradientBoostingClassifier
    for (own,), (theirs,) in zip(grown._predictors, fitted._predictors, strict=True):
        assert own.nodes.tobytes() == theirs.nodes.tobytes()
    np.testing.assert_array_equal(grown.decision_function(raw), fitted.decision_function(raw))


def test_rows_taken_of_cut_columns_grow_the_trees_of_those_rows(raw, churned):
    """With the cuts of all rows, some rows grow what scikit-learn's grower sees of them."""
    rows = np.random.default_rng(6).integers(0, len(raw), 2000)
    cut = trees.binned(raw)
    np.testing.assert_array_equal(cut.take(rows).codes, cut.mapper.transform(raw[rows]))
    few = trees.grow(cut.take(rows), churned[rows], SIGNS, 3)
    assert len(few._predictors) == 3


def test_log_odds_told_by_columns_equal_scikit_learns_bit_for_bit(raw, fitted):
    told = trees.said([fitted, fitted], raw)
    np.testing.assert_array_equal(told[:, 0], fitted.decision_function(raw))
    np.testing.assert_array_equal(told[:, 1], told[:, 0])
    assert trees.said([fitted], raw[:0]).shape == (0, 1)
    assert trees.said([], raw).shape == (len(raw), 0)


def test_stages_are_those_of_scikit_learn(raw, fitted):
    for own, theirs in zip(trees.staged(fitted, raw), fitted._staged_raw_predict(raw), strict=True):
        np.testing.assert_array_equal(own, theirs.ravel())


def test_every_mixture_is_told_as_if_its_row_had_been_written_out(raw, fitted):
    """Sixteen mixtures of four groups, each predicted from a row made by hand."""
    own, other = raw[:300], raw[300:600]
    told = trees.mixed(fitted, own, other, GROUPS, 4)
    for mixture, taken in enumerate(product([False, True], repeat=4)):
        mine = np.array(taken[::-1])[GROUPS]  # bit 0 is the first group
        row = np.where(mine, own, other)
        np.testing.assert_allclose(told[:, mixture], fitted.decision_function(row), atol=1e-12)


def test_a_tree_that_is_one_leaf_says_one_number(raw):
    """Where no split is worth it, trees are leaves and everybody has the base rate."""
    churned = np.tile([0.0, 1.0], len(raw) // 2)
    lone = trees.grow(trees.binned(raw[:30]), churned[:30], SIGNS, 2)
    np.testing.assert_array_equal(trees.said([lone], raw)[:, 0], lone.decision_function(raw))
    assert np.ptp(trees.mixed(lone, raw[:5], raw[5:10], GROUPS, 4)) == 0


def test_middles_ranges_and_knots_are_numpys_quantiles(raw):
    """Each column as if numpy had been asked for it alone, gaps left out."""
    names = ["arr", "term_no", "trend__last_28d", "seats", "term_months", "spike__last_30d"]
    found = numbers.learn(names, raw, np.isnan(raw).any(axis=0))
    for name, number, values in zip(names, found, raw.T, strict=True):
        known = values[~np.isnan(values)]
        if columns.is_count(name):
            known = np.sign(known) * np.log1p(np.abs(known))
        assert number is not None
        np.testing.assert_allclose(number.fill, np.median(known))
        np.testing.assert_allclose(
            (number.low, number.high), np.quantile(known, (0.005, 0.995)), rtol=1e-12
        )
        if number.knots:
            np.testing.assert_allclose(number.knots, np.quantile(known, (0.1, 0.5, 0.9)))


def test_a_design_has_no_middle_and_unit_spread_whatever_rows_come_with_it(raw):
    """Bends have half; any row is encoded as it is among others, read at once or from a table."""
    names = ["arr", "term_no", "trend__last_28d", "seats", "term_months", "spike__last_30d"]
    frame = pd.DataFrame(raw, columns=names).assign(
        account_id=np.arange(len(raw)), plan=np.array(["a", "b", None])[np.arange(len(raw)) % 3]
    )
    encoder = encoding.learn(frame, [*names, "plan"])
    design = encoder.design(encoder.raw(frame))
    assert np.abs(design.mean(axis=0)).max() < 1e-12
    bends = ~np.isclose(design.std(axis=0), 1.0)
    np.testing.assert_allclose(design.std(axis=0)[bends], 0.5)
    assert bends.sum() == sum(bool(number.knots) for number in encoder.numbers)
    np.testing.assert_array_equal(encoder.straight(encoder.raw(frame)), design[:, encoder.lines])
    some = np.array([2999, 5, 5, 1200])
    read = table.read(frame, [*names, "plan"])
    np.testing.assert_array_equal(encoder.raw_of(read, some), encoder.raw(frame.iloc[some]))
    np.testing.assert_array_equal(encoder.design(encoder.raw(frame.iloc[some])), design[some])
