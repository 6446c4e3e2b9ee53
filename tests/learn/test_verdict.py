"""Step, slope or undecided: what the verdict rests on, and what it calls planted shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from cs_models.learn import splits
from cs_models.learn.engines import multiplier
from cs_models.learn.shapes import heldout, supscore, verdict

DRAWS = 199


def planted(
    seed: int, n: int, *, step: float = 0.0, slope: float = 0.0, per_account: int = 1
) -> dict[str, Any]:
    """Invent counts around 20 whose risk falls by a step at 20, or along their logarithm."""
    rng = np.random.default_rng([31, seed])
    values = rng.poisson(20 * np.exp(0.8 * rng.normal(size=n))).astype(float)
    covariates = rng.normal(size=(n, 4))
    linear = -0.5 - step * (values >= 20) - slope * (np.log1p(values) - 3) + 0.2 * covariates[:, 0]
    churned = (rng.random(n) < 1 / (1 + np.exp(-linear))).astype(float)
    return {
        "values": values,
        "churned": churned,
        "account": np.arange(n) // per_account,
        "stratum": rng.integers(0, 2, n),
        "covariates": covariates,
        "cuts": np.unique(np.quantile(values, np.linspace(0.1, 0.9, 41), method="higher")),
    }


def judge(data: dict[str, Any], **changed: Any) -> verdict.Shape:
    return verdict.judge(**{**data, **changed}, n_draws=DRAWS, rng=np.random.default_rng(5))


def test_planted_step_is_sharp() -> None:
    """With 3,000 terms a step of 1.2 is called sharp, and foretells better than any curve."""
    found = [judge(planted(seed, 3000, step=1.2)) for seed in range(5)]
    assert [shape.verdict for shape in found].count("sharp") >= 4
    assert min(shape.delta_log_likelihood for shape in found) > 0


def test_planted_line_is_not_sharp() -> None:
    """A line is never called sharp in 20 histories, and gradual in most."""
    called = [judge(planted(seed, 600, slope=0.7)).verdict for seed in range(20)]
    assert "sharp" not in called
    assert called.count("gradual") >= 10


def test_a_slope_is_no_step_beyond_a_line() -> None:
    """The test given the line holds its level where the naive one always rejects."""
    rejected = naive = 0
    for seed in range(60):
        data = planted(1000 + seed, 500, slope=0.9, per_account=2)
        steps = supscore.Steps(data["values"], data["cuts"])
        rows = np.arange(500)
        line = np.column_stack([data["covariates"], np.log1p(data["values"])])
        models = [
            multiplier.fit_null(design, data["churned"], rows)
            for design in (data["covariates"], line)
        ]
        p = supscore.test(
            steps, models, data["account"], n_draws=DRAWS, rng=np.random.default_rng(seed)
        )
        naive += p[0] <= 0.05
        rejected += p[1] <= 0.05
    assert naive >= 55
    assert rejected <= 8  # 3 expected


def test_names_of_accounts_and_strata_do_not_matter() -> None:
    """Other names of accounts, or one stratum more that all share, leave every number as it is."""
    data = planted(1, 600, step=1.0, per_account=3)
    base = judge(data)
    names = np.random.default_rng(8).permutation(500)[data["account"]]
    assert judge(data, account=names) == base
    assert judge(data, stratum=data["stratum"] + 7) == base
    one = judge(data, stratum=np.zeros(600, dtype=np.int64))
    constant = np.column_stack([data["covariates"], np.ones(600)])
    again = judge(data, stratum=np.full(600, 4), covariates=constant)
    assert again.p_step_linear == one.p_step_linear
    assert again.p_step_spline == one.p_step_spline
    assert again.delta_log_likelihood == pytest.approx(one.delta_log_likelihood, abs=1e-3)


def test_units_of_a_share_do_not_matter() -> None:
    """A share as a fraction and as a percentage gives the same verdict and numbers."""
    data = planted(2, 600, step=1.0)
    share, cuts = data["values"] / 700 + 0.001, data["cuts"] / 700 + 0.001
    fraction = judge(data, values=share, cuts=cuts)
    percent = judge(data, values=100 * share, cuts=100 * cuts)
    assert percent.p_step_linear == fraction.p_step_linear
    assert percent.p_step_spline == fraction.p_step_spline
    assert percent.delta_log_likelihood == pytest.approx(fraction.delta_log_likelihood, abs=1e-3)


def test_counts_keep_their_logarithm_and_shares_bend() -> None:
    """Counts are log1p; of shares the median plays the part of one event; zero stays zero."""
    assert verdict.on_log_scale(np.array([0.0, 1.0, 9.0])) == pytest.approx(np.log([1, 2, 10]))
    shares = np.array([0.0, 0.02, 0.04, 0.08])
    assert verdict.on_log_scale(shares) == pytest.approx(np.log([1, 1.5, 2, 3]))


@pytest.mark.parametrize("kind", ["one cut", "binary", "mostly zero"])
def test_two_values_have_no_shape(kind: str) -> None:
    """One cut, or values without three knots, are associated and never called a step."""
    data = planted(3, 2000, step=2.0)
    if kind == "one cut":
        changed = {"cuts": np.array([20.0])}
    elif kind == "binary":
        changed = {"values": 1.0 * (data["values"] >= 20), "cuts": np.array([1.0])}
    else:
        few = np.maximum(data["values"] - np.quantile(data["values"], 0.8), 0)
        changed = {"values": few, "cuts": np.array([1.0, 3.0])}
    shape = judge(data, **changed)
    assert shape.verdict == "associated"
    assert math.isnan(shape.p_step_spline)


def test_verdict_follows_the_methods() -> None:
    """Points 3 to 6: spline and foresight, line and foresight, neither, else undecided."""
    cases = {
        (0.01, 0.01, 1.0): "sharp",
        (0.20, 0.05, 1.0): "sharp",
        (0.05, 0.06, 1.0): "tentative",
        (0.01, 0.06, 0.0): "gradual",
        (0.01, 0.01, -1.0): "associated",
        (0.06, 0.06, 1.0): "associated",
    }
    assert {case: verdict.decide(*case, alpha=0.05) for case in cases} == cases


def test_scores_are_those_of_dense_indicators() -> None:
    """The statistic, its draws included, is what writing out every indicator gives."""
    data = planted(4, 400, step=1.0, per_account=2)
    steps = supscore.Steps(data["values"], data["cuts"])
    model = multiplier.fit_null(data["covariates"], data["churned"], np.arange(400))
    z, w, r = model.design, model.weight, model.residual
    above = (data["values"][:, None] >= data["cuts"]).astype(float)
    own = above - z @ np.linalg.solve((z * w[:, None]).T @ z, (z * w[:, None]).T @ above)
    deviation = np.sqrt((w[:, None] * own**2).sum(axis=0))
    statistic, _, inverse = supscore.scores(steps, z, r, w)
    assert (inverse > 0).all()
    assert statistic == pytest.approx(own.T @ r / deviation, abs=1e-6)
    (p,) = supscore.test(steps, [model], data["account"], n_draws=50, rng=np.random.default_rng(2))
    signs = 2.0 * np.random.default_rng(2).integers(0, 2, size=(200, 50), dtype=np.int8) - 1
    draws = np.abs((own * r[:, None]).T @ signs[data["account"]] / deviation[:, None]).max(axis=0)
    assert p == (1 + (draws >= np.abs(statistic).max()).sum()) / 51


def test_held_out_likelihood_is_that_of_models_refitted() -> None:
    """With one cut and no covariates: fold by fold, four logits by a general optimiser."""
    data = planted(6, 300, step=1.0)
    x, y = data["values"], data["churned"]
    line = (np.log1p(x) - np.log1p(x).mean()) / np.log1p(x).std()
    step = (x >= 20) - np.mean(x >= 20)
    step = step / step.std()

    def held_out(columns: list[np.ndarray], held: np.ndarray) -> float:
        design = np.column_stack([np.ones(300), *columns])

        def loss(b: np.ndarray, rows: np.ndarray) -> float:
            linear = design[rows] @ b
            return -float(y[rows] @ linear - np.logaddexp(0, linear).sum())

        prior = 0.5 / heldout.SHAPE_PRIOR**2
        best = optimize.minimize(
            lambda b: loss(b, ~held) + prior * b[1:] @ b[1:], np.zeros(design.shape[1]), tol=1e-10
        )
        return -loss(best.x, held)

    total = np.zeros(3)
    rng = np.random.default_rng(9)
    for _ in range(heldout.N_REPEATS):
        folds = splits.grouped_folds(data["account"], y, n_folds=heldout.N_FOLDS, rng=rng)
        for fold in range(heldout.N_FOLDS):
            models = [step], [line, step], [line]
            total += [held_out(columns, folds == fold) for columns in models]
    expected = (max(total[:2]) - total[2]) / heldout.N_REPEATS
    got = heldout.delta_log_likelihood(
        supscore.Steps(x, np.array([20.0])), y, data["account"], np.ones((300, 1)),
        np.log1p(x)[:, None], np.random.default_rng(9),
    )  # fmt: skip
    assert got == pytest.approx(expected, abs=1e-3)
