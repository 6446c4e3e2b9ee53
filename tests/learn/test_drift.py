"""Whether today's customers look like those learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import drift


def sides(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> dict[str, Any]:
    """Invent past and today of accounts that vary more between than within; a third on both."""
    fate = rng.normal(size=n)
    past, now = np.repeat(np.arange(2 * n // 3), 2), np.arange(n // 3, n)
    return {
        "reference": {"use": fate[past] + 0.3 * rng.normal(size=len(past))},
        "current": {"use": fate[now] + 0.3 * rng.normal(size=len(now)) + shift},
        "reference_account": past,
        "current_account": now,
    }


def test_false_alarms() -> None:
    """Without drift PSI passes its limit in about one comparison of twenty, clustered or not."""
    rng = np.random.default_rng(0)
    got = pd.concat([drift.table(**sides(rng, 150), rng=rng) for _ in range(200)])
    assert 1 / 200 <= (got["psi"] > got["psi_limit"]).mean() <= 21 / 200
    assert (got["ks_p"] <= 0.05).mean() <= 21 / 200
    assert got["drifted"].mean() <= 21 / 200
    # The folklore's .1 would call most of these small books drifted.
    assert (got["psi"] > 0.1).mean() > 0.3


def test_drift_is_found() -> None:
    """A shift of one standard deviation is found, in a feature and not in its neighbour."""
    rng = np.random.default_rng(1)
    moved, still = sides(rng, 300, shift=1.0), sides(rng, 300)
    for side in ("reference", "current"):
        moved[side]["other"] = still[side]["use"]
    got = drift.table(**moved, rng=rng).set_index("feature")
    assert got["drifted"].tolist() == [True, False]
    assert list(got.index) == ["use", "other"]


def test_missing_values_drift_too() -> None:
    """A feature that begins to go missing has drifted, though its known values have not."""
    rng = np.random.default_rng(2)
    rows = sides(rng, 300)
    gone = rng.random(len(rows["current"]["use"])) < 0.4
    rows["current"]["use"][gone] = np.nan
    got = drift.table(**rows, rng=rng).iloc[0]
    assert got["drifted"]
    assert got["missing_current"] == pytest.approx(gone.mean())
    assert got["missing_reference"] == 0


def test_ks_is_scipy_s_where_accounts_are_rows() -> None:
    """With one row an account the distance and p are scipy's, ties too."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=200).round(1), rng.normal(0.3, 1, 150).round(1)
    got = drift.table(
        {"use": a},
        {"use": b},
        reference_account=np.arange(200),
        current_account=np.arange(200, 350),
        rng=rng,
    ).iloc[0]
    theirs = stats.ks_2samp(a, b)
    assert got["ks"] == pytest.approx(theirs.statistic)
    assert got["ks_p"] == pytest.approx(
        stats.kstwobign.sf(theirs.statistic * np.sqrt(200 * 150 / 350))
    )
    assert got["q"] == pytest.approx(got["ks_p"])


def test_psi_by_its_definition() -> None:
    """PSI is the sum of (today - past) · log(today / past) over pooled tenths; it is symmetric."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=400), rng.normal(0.4, 1.2, 300)
    edges = np.quantile(np.r_[a, b], np.linspace(0, 1, 11)[1:-1])
    was = np.bincount(np.digitize(a, edges), minlength=10) / 400
    now = np.bincount(np.digitize(b, edges), minlength=10) / 300
    accounts = {"reference_account": np.arange(400), "current_account": np.arange(400, 700)}
    got = drift.table({"use": a}, {"use": b}, **accounts, rng=rng).iloc[0]
    assert got["psi"] == pytest.approx(((now - was) * np.log(now / was)).sum(), rel=0.02)
    back = drift.table(
        {"use": b},
        {"use": a},
        reference_account=accounts["current_account"],
        current_account=accounts["reference_account"],
        rng=rng,
    ).iloc[0]
    assert back["psi"] == pytest.approx(got["psi"])


def test_copied_rows_alarm_nobody() -> None:
    """Rows copied 82 times leave distance, p, PSI and its limit as they were."""
    rows = sides(np.random.default_rng(5), 90)
    copied = {
        "reference": {"use": np.tile(rows["reference"]["use"], 82)},
        "current": {"use": np.tile(rows["current"]["use"], 82)},
        "reference_account": np.tile(rows["reference_account"], 82),
        "current_account": np.tile(rows["current_account"], 82),
    }
    columns = ["psi", "psi_limit", "ks", "ks_p"]
    once = drift.table(**rows, rng=np.random.default_rng(0))[columns]
    often = drift.table(**copied, rng=np.random.default_rng(0))[columns]
    np.testing.assert_allclose(often, once, rtol=1e-9)


def test_an_empty_side_is_said() -> None:
    """Without rows of today nothing is compared: NaN, and n says why."""
    got = drift.table(
        {"use": [1.0, 2.0]},
        {"use": []},
        reference_account=["a", "b"],
        current_account=[],
        rng=np.random.default_rng(0),
    ).iloc[0]
    assert got["n_current"] == 0
    assert np.isnan(got["psi"])
    assert np.isnan(got["q"])
    assert not got["drifted"]
    constant = drift.table(
        {"use": np.ones(5)},
        {"use": np.ones(5)},
        reference_account=np.arange(5),
        current_account=np.arange(5, 10),
        rng=np.random.default_rng(0),
    ).iloc[0]
    assert constant["psi"] == 0
    assert not constant["drifted"]


def test_features_must_match() -> None:
    """Features that stand on one side only are refused by name."""
    with pytest.raises(ParameterError, match="differ") as refused:
        drift.table(
            {"use": [1.0]},
            {"seats": [1.0]},
            reference_account=["a"],
            current_account=["b"],
            rng=np.random.default_rng(0),
        )
    assert "seats, use" in str(refused.value)


def quarters(rng: np.random.Generator, shocks: Any, n: int = 400) -> dict[str, Any]:
    quarter = np.repeat(np.arange(len(shocks)), n)
    logit = rng.normal(-2, 0.7, len(quarter))
    fate = 1 / (1 + np.exp(-(logit + np.asarray(shocks)[quarter])))
    return {
        "churned": (rng.random(len(quarter)) < fate).astype(float),
        "p": 1 / (1 + np.exp(-logit)),
        "quarter": quarter,
        "account": np.arange(len(quarter)),
    }


def test_the_chart_is_binomial_without_a_shock() -> None:
    """Without a shock the limits are three binomial standard deviations; few quarters pass."""
    rng = np.random.default_rng(6)
    rows = quarters(rng, np.zeros(300))
    got = drift.level_chart(**rows)
    p = rows["p"][:400]
    half = 3 * np.sqrt((p * (1 - p)).sum()) / 400
    assert got.loc[0, "high"] == pytest.approx(p.mean() + half)
    assert got.loc[0, "low"] == pytest.approx(max(0, p.mean() - half))
    assert got["outside"].mean() < 0.015


def test_shocks_widen_the_chart() -> None:
    """Quarters that share shocks break the plain limits, and keep the widened ones."""
    rng = np.random.default_rng(7)
    rows = quarters(rng, rng.normal(0, 0.5, 200))
    assert drift.level_chart(**rows)["outside"].mean() > 0.15
    assert drift.level_chart(**rows, sigma=0.5)["outside"].mean() < 0.03
    gone_wrong = quarters(rng, [0.0, 3.0])
    assert drift.level_chart(**gone_wrong, sigma=0.5)["outside"].tolist() == [False, True]


def test_copies_do_not_narrow_the_chart() -> None:
    """Rows copied 82 times leave observed, expected and limits as they were."""
    rows = quarters(np.random.default_rng(8), [0.0, 0.2], n=60)
    copied = {name: np.tile(values, 82) for name, values in rows.items()}
    columns = ["observed", "expected", "low", "high", "n_accounts"]
    once, often = drift.level_chart(**rows, sigma=0.3), drift.level_chart(**copied, sigma=0.3)
    np.testing.assert_allclose(often[columns], once[columns], rtol=1e-9)
