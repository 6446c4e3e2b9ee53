"""How good were the probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import metrics


def book(seed: int = 0, n: int = 400, *, digits: int = 12) -> dict[str, Any]:
    """Invent calibrated probabilities with money and accounts; few digits make ties."""
    rng = np.random.default_rng(seed)
    p = np.clip(np.round(rng.beta(1, 4, n), digits), 0.01, 0.99)
    return {
        "churned": (rng.random(n) < p).astype(float),
        "p": p,
        "account": rng.integers(0, n // 3, n),
        "arr": np.exp(rng.normal(9, 1.2, n)),
    }


@pytest.mark.parametrize("digits", [12, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_scikit_learn_says_the_same(seed: int, weighted: bool, digits: int) -> None:
    """Every metric equals scikit-learn's to 1e-10, with ties and weights too."""
    rows = book(seed, digits=digits)
    y, p = rows["churned"], rows["p"]
    w = rows["arr"] if weighted else None
    base = np.full(len(y), 0.3)
    pairs = [
        (metrics.log_loss(y, p, weight=w), sk.log_loss(y, p, sample_weight=w)),
        (metrics.brier(y, p, weight=w), sk.brier_score_loss(y, p, sample_weight=w)),
        (metrics.auc(y, p, weight=w), sk.roc_auc_score(y, p, sample_weight=w)),
        (
            metrics.average_precision(y, p, weight=w),
            sk.average_precision_score(y, p, sample_weight=w),
        ),
        (
            metrics.brier_skill(y, p, base, weight=w),
            1
            - sk.brier_score_loss(y, p, sample_weight=w)
            / sk.brier_score_loss(y, base, sample_weight=w),
        ),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, abs=1e-10)


def test_the_table_holds_the_same_numbers() -> None:
    """The table's values are the metrics, weighted rows by ARR capped at the 99th percentile."""
    rows = book(3)
    y, p, cap = rows["churned"], rows["p"], metrics.capped(rows["arr"])
    base = np.full(len(y), y.mean())
    told = metrics.table(**rows, p_base=base, n_boot=50, rng=np.random.default_rng(1))
    value = told.set_index(["metric", "weighted"])["value"]
    for weighted, w in ((False, None), (True, cap)):
        assert value["auc", weighted] == pytest.approx(metrics.auc(y, p, weight=w))
        assert value["brier", weighted] == pytest.approx(metrics.brier(y, p, weight=w))
        assert value["log_loss", weighted] == pytest.approx(metrics.log_loss(y, p, weight=w))
        assert value["base_rate", weighted] == pytest.approx(np.average(y, weights=w))
    assert (told["low"] <= told["value"]).all()
    assert (told["value"] <= told["high"]).all()
    assert told.loc[~told["weighted"], "kish_n"].eq(len(y)).all()
    assert told.loc[told["weighted"], "kish_n"].iloc[0] == pytest.approx(
        cap.sum() ** 2 / (cap**2).sum()
    )
    assert cap.max() == np.sort(rows["arr"])[int(0.99 * len(y)) - 1]


def test_the_interval_is_the_plain_bootstrap_of_accounts() -> None:
    """Weighing by draws gives the very numbers of tables resampled account by account."""
    rows = book(4, n=120, digits=1)
    told = metrics.table(**rows, n_boot=200, rng=np.random.default_rng(7))
    source = np.random.default_rng(7).spawn(2)[0]
    names, code = np.unique(rows["account"], return_inverse=True)
    drawn = []
    for draw in source.integers(0, len(names), size=(200, len(names))):
        picked = np.concatenate([np.flatnonzero(code == account) for account in draw])
        y, p = rows["churned"][picked], rows["p"][picked]
        drawn.append((sk.roc_auc_score(y, p), sk.average_precision_score(y, p)))
    limits = np.quantile(drawn, [0.025, 0.975], axis=0)
    plain = told[~told["weighted"]].set_index("metric").loc[["auc", "average_precision"]]
    np.testing.assert_allclose(plain["low"], limits[0], atol=1e-10)
    np.testing.assert_allclose(plain["high"], limits[1], atol=1e-10)


def test_copied_rows_buy_no_certainty() -> None:
    """Rows copied 82 times (one a snapshot) leave every value and interval as it was."""
    rows = book(5, n=90)
    copied = {name: np.tile(values, 82) for name, values in rows.items()}
    once = metrics.table(**rows, n_boot=200, rng=np.random.default_rng(3))
    often = metrics.table(**copied, n_boot=200, rng=np.random.default_rng(3))
    columns = ["value", "low", "high"]
    np.testing.assert_allclose(often[columns], once[columns], rtol=1e-6)
    np.testing.assert_array_equal(often["n_accounts"], once["n_accounts"])


def test_the_order_of_rows_is_of_no_account() -> None:
    """Shuffled rows give the same table."""
    rows = book(6, digits=1)
    turn = np.random.default_rng(0).permutation(len(rows["p"]))
    shuffled = {name: values[turn] for name, values in rows.items()}
    once = metrics.table(**rows, n_boot=100, rng=np.random.default_rng(3))
    again = metrics.table(**shuffled, n_boot=100, rng=np.random.default_rng(3))
    pd.testing.assert_frame_equal(once, again)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_auc_knows_only_the_order(seed: int, n: int) -> None:
    """AUC is that of any increasing transform; turned round it is its complement."""
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(n), 1)
    y = np.append(rng.integers(0, 2, n - 2), [0, 1]).astype(float)
    w = rng.random(n) + 0.1
    area = metrics.auc(y, p, weight=w)
    assert metrics.auc(y, np.exp(3 * p) - 40, weight=w) == pytest.approx(area)
    assert metrics.auc(y, 1 - p, weight=w) == pytest.approx(1 - area)
    assert metrics.auc(1 - y, p, weight=w) == pytest.approx(1 - area)
    assert metrics.auc(y, np.zeros(n), weight=w) == pytest.approx(0.5)


def test_a_perfect_ranking() -> None:
    """Who left all above who stayed: AUC and average precision are 1; skill of certainty is 1."""
    y = np.array([0.0, 0, 0, 1, 1])
    assert metrics.auc(y, [0.1, 0.2, 0.3, 0.4, 0.9]) == 1
    assert metrics.average_precision(y, [0.1, 0.2, 0.3, 0.4, 0.9]) == 1
    assert metrics.brier_skill(y, y, np.full(5, 0.4)) == 1
    assert metrics.brier_skill(y, np.full(5, 0.4), np.full(5, 0.4)) == pytest.approx(0)
    assert metrics.log_loss(y, y) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_class_has_no_ranking(outcome: float) -> None:
    """Where nobody left, or nobody stayed, ranking is NaN and the counts say why."""
    told = metrics.table(
        np.full(30, outcome),
        np.linspace(0.1, 0.9, 30),
        account=np.arange(30),
        n_boot=50,
        rng=np.random.default_rng(0),
    ).set_index("metric")
    assert told.loc[["auc", "average_precision"], ["value", "low", "high"]].isna().all(axis=None)
    assert told.loc["auc", "n_churned"] == 30 * outcome
    assert told.loc["brier", "value"] > 0


def test_a_single_leaver_has_a_value_and_no_interval() -> None:
    """With one account that left, a third of the drawings lack it: there is no interval."""
    y = np.r_[1.0, np.zeros(49)]
    told = metrics.table(
        y, np.linspace(0.9, 0.1, 50), account=np.arange(50), rng=np.random.default_rng(0)
    ).set_index("metric")
    assert told.loc["auc", "value"] == 1
    assert np.isnan(told.loc["auc", "low"])
    assert told.loc["log_loss", "low"] < told.loc["log_loss", "high"]


def test_unknown_money_is_counted_out() -> None:
    """Weighted rows stand on the terms whose ARR is known, and their number says so."""
    rows = book(8)
    rows["arr"][:100] = np.nan
    told = metrics.table(**rows, n_boot=20, rng=np.random.default_rng(0))
    weighted = told[told["weighted"]].set_index("metric")
    assert weighted["n"].eq(300).all()
    assert weighted.loc["auc", "value"] == pytest.approx(
        metrics.auc(
            rows["churned"][100:], rows["p"][100:], weight=metrics.capped(rows["arr"][100:])
        )
    )
    assert told.loc[~told["weighted"], "n"].eq(400).all()


def test_faults_are_refused() -> None:
    """Missing or impossible outcomes, probabilities, accounts and money are refused by name."""
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="not all known"):
        metrics.log_loss([1, np.nan], [0.5, 0.5])
    with pytest.raises(ParameterError, match="missing or outside"):
        metrics.brier([1, 0], [0.5, np.nan])
    with pytest.raises(ParameterError, match="differ in length"):
        metrics.brier([1, 0], [0.5])
    with pytest.raises(ParameterError, match="has no account"):
        metrics.table([1, 0], [0.5, 0.5], account=["a", None], rng=rng)
    with pytest.raises(ParameterError, match="negative"):
        metrics.table([1, 0], [0.5, 0.5], account=["a", "b"], arr=[1, -1], rng=rng)


def test_gain_is_the_paired_difference() -> None:
    """The gain is the difference of the log losses; copies leave its standard error as it was."""
    rows = book(9)
    y, p, account = rows["churned"], rows["p"], rows["account"]
    flat = np.full(len(y), y.mean())
    told = metrics.gain(y, p, flat, account=account)
    assert told.value == pytest.approx(sk.log_loss(y, flat) - sk.log_loss(y, p))
    copied = metrics.gain(*(np.tile(v, 82) for v in (y, p, flat)), account=np.tile(account, 82))
    assert copied.se == pytest.approx(told.se)
    back = metrics.gain(y, flat, p, account=account)
    assert (back.value, back.se) == pytest.approx((-told.value, told.se))
    alone = metrics.gain(y, p, flat, account=np.arange(len(y)))
    change = -np.log(np.where(y, flat, 1 - flat)) + np.log(np.where(y, p, 1 - p))
    assert alone.se == pytest.approx(np.std(change, ddof=1) / np.sqrt(len(y)))


def test_the_interval_covers() -> None:
    """The 95 % interval of the AUC holds the truth in at least 90 % of clustered histories."""
    rng = np.random.default_rng(11)
    truth = metrics.auc(*_clustered(rng, 40_000)[:2])
    hits = 0
    for _ in range(120):
        y, p, account = _clustered(rng, 150)
        told = metrics.table(y, p, account=account, n_boot=200, rng=rng).set_index("metric")
        hits += told.loc["auc", "low"] <= truth <= told.loc["auc", "high"]
    assert hits / 120 >= 0.90


def _clustered(rng: np.random.Generator, n_accounts: int) -> tuple[Any, Any, Any]:
    """Invent accounts whose terms share both their score and their fate."""
    account = np.repeat(np.arange(n_accounts), rng.integers(1, 6, n_accounts))
    logit = rng.normal(-1, 1, n_accounts)[account]
    fate = logit + rng.normal(0, 1, n_accounts)[account]
    y = (rng.random(len(account)) < 1 / (1 + np.exp(-fate))).astype(float)
    return y, 1 / (1 + np.exp(-logit)), account
