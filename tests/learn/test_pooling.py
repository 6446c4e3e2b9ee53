"""Segments that lend each other strength: their cuts, their lifts, and whether they share one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cs_models.learn.shapes import pooling, shrinkage

NAMES = ["SMB", "MM", "ENT"]


def book(
    seed: int, cuts: tuple[float, ...], *, n: int = 300, step: float = 1.4, follows: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Invent counts around each segment's cut (or around 30) and churn that steps at the cut."""
    rng = np.random.default_rng([71, seed])
    segment = np.repeat(np.arange(len(cuts)), n)
    cut = np.array(cuts)[segment]
    use = rng.poisson((cut if follows else 30.0) * np.exp(0.7 * rng.normal(size=len(cut))))
    churn = 1 / (1 + np.exp(2.0 - step * (use < cut)))
    lost = (rng.random(len(cut)) < churn).astype(float)
    return use.astype(float), lost, np.arange(len(cut)), segment


def learn(
    made: tuple[np.ndarray, ...], names: list[str] | None = None, n_permutations: int = 99
) -> pooling.Pooled:
    return pooling.segments(
        *made, names or NAMES, rng=np.random.default_rng(72), n_permutations=n_permutations
    )


def test_planted_cuts_are_found() -> None:
    """Cuts of 12, 30 and 90 lie in their intervals, and each segment shows its own number."""
    inside, errors = 0, []
    for seed in range(8):
        found = learn(book(seed, (12, 30, 90)))
        table, truth = found.table, np.array([12, 30, 90])
        inside += ((table["cut_low"] <= truth) & (truth <= table["cut_high"])).sum()
        errors.extend(np.abs(np.log(table["cut"] / truth)))
        assert table["own"].all()
        assert found.p_same <= 0.03
        assert 0.3 < found.tau <= 1.2
    assert inside >= 0.9 * 24
    assert np.median(errors) < 0.15


def test_one_segment_is_its_own_posterior() -> None:
    """With one segment nothing is pooled: its interval is that of its likelihood alone."""
    made = book(1, (30.0,))
    found = learn(made, ["all"])
    row = found.table.iloc[0]
    assert (row["cut"], row["cut_low"], row["cut_high"]) == (
        found.pooled_cut,
        found.pooled_low,
        found.pooled_high,
    )
    assert (found.tau, found.p_same, row["own"]) == (0.0, 1.0, False)
    offset = 0.5 if made[0].min() == 0 else 0.0
    x = np.log(made[0] + offset)
    scale = shrinkage.cuts(x, made[3])
    cells, lost = shrinkage.tally(x, made[1], made[3], scale, 1)
    evidence = shrinkage.log_marginal(cells, lost)[0]
    weight = np.exp(evidence - evidence.max())
    mean = np.exp(weight @ scale / weight.sum()) - offset
    assert row["cut"] == made[0][made[0] >= mean].min()


def test_identical_segments_have_identical_cuts() -> None:
    """Three copies of one segment get one cut, one interval and one lift, and differ in nothing."""
    values, churned, _, _ = book(2, (30.0,))
    copies = np.tile(values, 3), np.tile(churned, 3), np.arange(900), np.repeat(np.arange(3), 300)
    found = learn(copies)
    for column in ("cut", "cut_low", "cut_high", "lift", "lift_low", "lift_high"):
        assert np.ptp(found.table[column]) < 1e-12
    assert found.p_same == 1.0
    assert not found.table["own"].any()


def test_order_of_labels_does_not_matter() -> None:
    """Segments named in another order, and rows in another order, give the same rows."""
    values, churned, account, segment = book(3, (12, 30, 90))
    first = learn((values, churned, account, segment))
    shuffled = np.random.default_rng(1).permutation(len(values))
    other = learn(
        tuple(a[shuffled] for a in (values, churned, account, np.array([2, 0, 1])[segment])),
        ["MM", "ENT", "SMB"],
    )
    pd.testing.assert_frame_equal(
        first.table.set_index("segment").sort_index(),
        other.table.set_index("segment").sort_index(),
    )
    assert first.tau == pytest.approx(other.tau)
    assert first.pooled_cut == other.pooled_cut


def test_more_data_narrows() -> None:
    """Eight times the terms give narrower intervals of cut and lift in every segment."""
    few, many = (learn(book(4, (12, 30, 90), n=n)).table for n in (100, 800))
    assert (
        np.log(many["cut_high"] / many["cut_low"]) < np.log(few["cut_high"] / few["cut_low"])
    ).all()
    assert (many["lift_high"] - many["lift_low"] < few["lift_high"] - few["lift_low"]).all()


def test_repeated_terms_count_for_less() -> None:
    """A term copied four times in its account leaves the interval as wide as without copies."""
    values, churned, account, segment = book(5, (12, 30, 90))
    alone = learn((values, churned, account, segment)).table
    copied = learn(tuple(np.repeat(a, 4) for a in (values, churned, account, segment))).table
    believed = learn(
        (*(np.repeat(a, 4) for a in (values, churned)), np.arange(3600), np.repeat(segment, 4))
    ).table

    def width(table: pd.DataFrame) -> float:
        return float(np.log(table["cut_high"] / table["cut_low"]).mean())

    assert width(copied) == pytest.approx(width(alone), rel=0.05)
    assert width(believed) < 0.7 * width(alone)
    assert (copied["n_churned_accounts"] == alone["n_churned_accounts"]).all()


def test_weak_segment_leans_on_the_others() -> None:
    """A segment with few churned accounts shows the pooled cut and is nearer to it than alone."""
    strong = book(6, (30, 30, 30), n=400)
    keep = np.r_[np.arange(800), 800 + np.arange(60)]
    weak = tuple(a[keep] for a in strong)
    row = learn(weak).table.iloc[2]
    assert row["n_churned_accounts"] < pooling.FEWEST_CHURNED_ACCOUNTS
    assert not row["own"]
    mine = weak[3] == 2
    alone = learn((weak[0][mine], weak[1][mine], weak[2][mine], np.zeros(60, dtype=int)), ["ENT"])
    width = np.log(row["cut_high"] / row["cut_low"])
    assert width < np.log(alone.pooled_high / alone.pooled_low)


def test_cut_is_an_observed_level_that_draws_a_line() -> None:
    """Each cut was observed, leaves someone below, and the interval holds it."""
    for seed, scale in ((7, 1.0), (8, 0.01)):
        values, churned, account, segment = book(seed, (3, 3, 8), n=120)
        values = values * scale
        table = learn((values, churned, account, segment)).table
        assert set(table["cut"]) <= set(values)
        assert (table["cut"] > values.min()).all()
        assert (table["cut_low"] <= table["cut"]).all()
        assert (table["cut"] <= table["cut_high"]).all()
        assert (table["cut_low"] > values.min()).all()


def test_lift_and_log_odds_agree() -> None:
    """The lift lies inside its interval and has the sign of the log odds of renewal."""
    for step in (1.4, -1.4):
        table = learn(book(9, (12, 30, 90), step=step)).table
        assert (np.sign(table["lift"]) == np.sign(step)).all()
        assert (np.sign(table["log_odds"]) == np.sign(step)).all()
        assert (table["lift_low"] < table["lift"]).all()
        assert (table["lift"] < table["lift_high"]).all()


def test_rates_keep_the_segment_total_and_the_effect() -> None:
    """Renewal rates have the asked log odds ratio and average to the segment's own rate."""
    effect, n_above = np.array([1.5, -0.4, 0.0]), np.array([20.0, 150.0, 60.0])
    n, lost = np.array([100.0, 200.0, 90.0]), np.array([30.0, 10.0, 0.0])
    up, down = shrinkage.rates(effect, n_above, n, lost)
    assert np.log(up / (1 - up)) - np.log(down / (1 - down)) == pytest.approx(effect)
    total = (n_above * up + (n - n_above) * down) / n
    assert total == pytest.approx((n - lost + 0.5) / (n + 1))


def test_shrinkage_is_der_simonian_and_laird() -> None:
    """Three effects of variance 1, worked by hand, keep 6/7 of their distance to the mean."""
    shrunken = shrinkage.shrink(np.array([0.0, 1.0, 5.0]), np.ones(3))
    # Q = 14, scale = 3 - 1 = 2, tau² = (14 - 2) / 2 = 6; each keeps 6/7 of its distance to 2
    assert shrunken.tau_squared == pytest.approx(6.0)
    assert shrunken.effect == pytest.approx(2 + 6 / 7 * np.array([-2.0, -1.0, 3.0]))
    assert shrunken.standard_error == pytest.approx(np.sqrt(6 / 7 + (1 / 7) ** 2 * 7 / 3))
    alike = shrinkage.shrink(np.array([1.0, 1.1, 0.9]), np.ones(3))
    assert alike.tau_squared == 0
    assert alike.effect == pytest.approx(1.0)


def test_homogeneity_keeps_its_level_when_churn_and_use_differ() -> None:
    """With one cut but other churn and other use in each segment, p is at most .05 rarely."""
    rejected = 0
    for seed in range(30):
        rng = np.random.default_rng([73, seed])
        segment = np.repeat(np.arange(4), 120)
        x = rng.lognormal(3 + np.linspace(-0.7, 0.7, 4)[segment], 0.8)
        logit = np.array([-3.0, -2.3, -1.5, -0.8])[segment] + 1.4 * (x < 20)
        y = (rng.random(480) < 1 / (1 + np.exp(-logit))).astype(float)
        rejected += learn((x, y, np.arange(480), segment), list("abcd")).p_same <= 0.05
    assert rejected <= 5  # binomial(30, .05) exceeds 5 in 1 of 300


def test_missing_values_and_rows_of_no_segment_are_left_out() -> None:
    """Rows without a count or a segment change nothing, and a segment may be empty."""
    made = book(10, (12, 30, 90), n=120)
    more = (
        np.r_[made[0], np.nan, 5.0],
        np.r_[made[1], 1.0, 1.0],
        np.r_[made[2], 9999, 9998],
        np.r_[made[3], 0, -1],
    )
    pd.testing.assert_frame_equal(learn(made).table, learn(more).table)
    empty = learn(made, [*NAMES, "none"]).table.iloc[3]
    assert (empty["n_terms"], empty["n_churned_accounts"], empty["own"]) == (0, 0, False)
    with pytest.raises(ValueError, match="0 or more"):
        learn((made[0] - 500.0, *made[1:]))
