"""Maximally selected statistics against R's maxstat and the published tables."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from cs_models.errors import TooLittleDataError
from cs_models.learn import maxstat

GBSG2 = [
    ("pnodes", 7.97024, 3, 2.241e-13, 9.394e-15),
    ("progrec", 6.77166, 21, 1.30703e-9, 8.290e-10),
    ("age", 2.80862, 42, 0.0942774, 0.0606858),
    ("tsize", 3.92595, 19, 0.00307835, 0.00137691),
    ("estrec", 4.86891, 8, 6.0513e-5, 5.55505e-5),
]


@pytest.mark.parametrize(("column", "statistic", "cut", "p92", "p94"), GBSG2)
def test_gbsg2_equals_maxstat(
    column: str, statistic: float, cut: float, p92: float, p94: float
) -> None:
    """Five covariates of a real trial give R's statistic, cut and both closed forms."""
    spec = find_spec("lifelines")  # its file is read without importing the package: 5 s saved
    assert spec is not None
    assert spec.submodule_search_locations is not None
    frame = pd.read_csv(Path(spec.submodule_search_locations[0]) / "datasets" / "gbsg2.csv")
    scores = maxstat.log_rank_scores(frame["time"].to_numpy(float), frame["cens"].to_numpy(float))
    best = maxstat.maximally_selected(scores, frame[column].to_numpy(float))
    assert best.statistic == pytest.approx(statistic, rel=1e-5)
    assert best.cut == cut
    assert best.p_lausen92 == pytest.approx(p92, rel=5e-4 if p92 < 1e-8 else 1e-5)
    assert best.p_lausen94 == pytest.approx(p94, rel=5e-4 if p94 < 1e-8 else 1e-5)


@pytest.mark.parametrize(
    ("name", "outcome", "feature", "shares", "expected"),
    [
        ("dlbcl", ("time", "cens"), "MGE", (0.1, 0.9), (3.17722, 0.186053, 0.0354762, 0.0238683)),
        ("hohnloser", ("month", "cens"), "EF", (0.1, 0.9), (3.56911, 39, 0.0106456, 0.00545271)),
        (
            "treepipit",
            ("counts",),
            "coverstorey",
            (0.2, 0.8),
            (4.31388, 40, 4.44487e-4, 1.41508e-4),
        ),
    ],
)
def test_examples_of_maxstat(
    shared_data: Path,
    name: str,
    outcome: tuple[str, ...],
    feature: str,
    shares: tuple[float, float],
    expected: tuple[float, float, float, float],
) -> None:
    """The three worked examples of R's maxstat give its stored output."""
    frame = pd.read_csv(shared_data / "reference" / f"{name}.csv").dropna(
        subset=[*outcome, feature]
    )
    values = [frame[column].to_numpy(float) for column in outcome]
    scores = maxstat.log_rank_scores(*values) if len(values) == 2 else values[0]
    best = maxstat.maximally_selected(
        scores, frame[feature].to_numpy(float), min_share=shares[0], max_share=shares[1]
    )
    got = (best.statistic, best.cut, best.p_lausen92, best.p_lausen94)
    assert got == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("shares", "quantiles"),
    [
        ((0.25, 0.75), (2.539, 2.829, 3.088, 3.395)),
        ((0.4, 0.6), (2.263, 2.560, 2.828, 3.149)),
        ((0.1, 0.9), (2.784, 3.054, 3.297, 3.588)),
        ((0.4, 0.9), (2.597, 2.883, 3.138, 3.442)),
    ],
)
def test_quantiles_of_lausen_and_schumacher(
    shares: tuple[float, float], quantiles: tuple[float, ...]
) -> None:
    """Table 2 of Lausen & Schumacher (1992) comes out to its last digit."""
    got = [maxstat.q_lausen92(p, *shares) for p in (0.1, 0.05, 0.025, 0.01)]
    assert got == pytest.approx(quantiles, abs=6e-4)


def test_published_value_of_lausen94() -> None:
    """The published pLausen94(2.5, n=20, .25–.75) is 0.073."""
    assert maxstat.p_lausen94(2.5, 20, np.arange(5, 16)) == pytest.approx(0.0733, abs=5e-5)


def test_scores_sum_to_zero_without_ties() -> None:
    """Log-rank scores are residuals: they sum to zero."""
    rng = np.random.default_rng(1)
    scores = maxstat.log_rank_scores(rng.random(50), (rng.random(50) < 0.6).astype(float))
    assert scores.sum() == pytest.approx(0.0, abs=1e-12)


def test_yes_or_no_scores_give_chi_squares() -> None:
    """Squared and times n / (n - 1), the statistic of every cut is Pearson's chi-square."""
    rng = np.random.default_rng(2)
    feature, churned = rng.poisson(4, 300).astype(float), (rng.random(300) < 0.3).astype(float)
    sizes, cuts, statistic = maxstat.at_every_cut(churned, feature)
    assert len(cuts) > 3
    for size, cut, got in zip(sizes, cuts, statistic**2 * 300 / 299, strict=True):
        lower = feature <= cut
        table = pd.crosstab(lower, churned)
        assert lower.sum() == size
        assert got == pytest.approx(chi2_contingency(table, correction=False).statistic)


def test_scores_of_ties_are_those_of_hothorn_and_lausen() -> None:
    """Each churn weighs one over one more than the rows that are watched longer, ties included."""
    time = np.array([3.0, 1, 3, 2, 3, 5, 2])
    event = np.array([1.0, 0, 1, 1, 0, 1, 1])
    weights = event / ((time[None, :] > time[:, None]).sum(axis=1) + 1)
    expected = [event[i] - weights[time <= time[i]].sum() for i in range(len(time))]
    assert maxstat.log_rank_scores(time, event) == pytest.approx(expected, abs=1e-12)


def test_one_level_is_refused_in_words() -> None:
    """A feature with one level has no cut, and the message says so."""
    with pytest.raises(TooLittleDataError, match="1 distinct values"):
        maxstat.maximally_selected(np.arange(40.0), np.ones(40))
