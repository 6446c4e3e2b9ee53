"""Whether lists and calls made by the probabilities would have been worth it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import calibration, decisions


def book(seed: int = 0, n: int = 300) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 5, n)
    return {
        "churned": (rng.random(n) < p).astype(float),
        "p": p,
        "arr": np.exp(rng.normal(9, 1, n)),
        "account": rng.integers(0, n // 2, n),
    }


def at_capacity(rows: dict[str, Any], k: int, **more: Any) -> pd.DataFrame:
    told = decisions.capacity(**rows, k=k, rng=np.random.default_rng(0), **more)
    return told.set_index(["ranking", "measure"])


def test_capacity_by_hand() -> None:
    """Two calls among five: who is called, what is caught, and how far ahead of the biggest."""
    rows = {
        "churned": [1, 0, 1, 0, 0],
        "p": [0.9, 0.5, 0.5, 0.1, 0.1],
        "arr": [10.0, 20.0, 30.0, 100.0, 90.0],
        "account": list("abcde"),
    }
    got = at_capacity(rows, 2, n_boot=50)
    # The tie at .5 goes to the larger ARR, who left.
    assert got.loc[("model", "precision"), "value"] == 1
    assert got.loc[("model", "recall"), "value"] == 1
    assert got.loc[("model", "arr_caught"), "value"] == 1
    assert got.loc[("arr", "precision"), "value"] == 0
    assert got.loc[("arr", "precision"), "ahead"] == 1
    assert got.loc[("model", "precision"), "ahead"] == 0


def test_calling_everyone_catches_all() -> None:
    """With as many calls as terms, recall and money are 1 and precision is the base rate."""
    rows = book(1)
    got = at_capacity(rows, 10_000, n_boot=0)["value"]
    for ranking in ("model", "arr"):
        assert got[ranking, "recall"] == pytest.approx(1)
        assert got[ranking, "arr_caught"] == pytest.approx(1)
        assert got[ranking, "precision"] == pytest.approx(rows["churned"].mean())


def test_certainty_is_ahead_of_money() -> None:
    """A list that knows who left is all leavers, and the interval of its lead is above 0."""
    rows = book(2, 600)
    rows["p"] = rows["churned"]
    got = at_capacity(rows, 20, n_boot=300)
    assert got.loc[("model", "precision"), ["value", "low"]].tolist() == [1, 1]
    assert got.loc[("arr", "precision"), "ahead_low"] > 0


def test_missing_scores_come_last() -> None:
    """Rows without the CRM's score are called after all that have one."""
    rows = book(3)
    crm = np.where(rows["churned"] == 1, np.nan, 0.5)
    got = at_capacity(rows, 50, others={"crm": crm}, n_boot=20)
    assert got.loc[("crm", "recall"), "value"] == 0
    assert got.loc[("crm", "recall"), "n_without_score"] == rows["churned"].sum()
    assert got.loc[("model", "recall"), "n_without_score"] == 0


def test_each_quarter_has_its_own_list() -> None:
    """With quarters the list is cut in each: the sum of the lists made one by one."""
    rows = book(4)
    quarter = np.arange(300) % 3
    whole = at_capacity(rows, 15, quarter=quarter, n_boot=0)
    caught = 0.0
    for number in range(3):
        mine = {name: values[quarter == number] for name, values in rows.items()}
        caught += 15 * at_capacity(mine, 15, n_boot=0).loc[("model", "precision"), "value"]
    assert whole.loc[("model", "precision"), "value"] == pytest.approx(caught / 45)
    assert whole["n_called"].eq(45).all()


def test_copied_rows_buy_no_certainty() -> None:
    """Rows copied 82 times, with 82 times the calls, leave values and intervals as they were."""
    rows = book(5, 80)
    copied = {name: np.tile(values, 82) for name, values in rows.items()}
    columns = ["value", "low", "high", "ahead", "ahead_low", "ahead_high"]
    once = at_capacity(rows, 10, n_boot=100)[columns]
    often = at_capacity(copied, 820, n_boot=100)[columns]
    np.testing.assert_allclose(often, once, rtol=1e-6, atol=1e-9)
    kept = {name: rows[name] for name in ("churned", "p", "account")}
    tiled = {name: copied[name] for name in kept}
    one = decisions.net_benefit(**kept, n_boot=100, rng=np.random.default_rng(1))
    many = decisions.net_benefit(**tiled, n_boot=100, rng=np.random.default_rng(1))
    columns = ["model", "low", "high", "all", "ahead", "ahead_low", "ahead_high"]
    np.testing.assert_allclose(many[columns], one[columns], rtol=1e-6, atol=1e-9)


def test_the_curve_agrees_with_capacity() -> None:
    """The curve at K is what capacity says at K; recall never falls."""
    rows = book(6)
    plain = {name: rows[name] for name in ("churned", "p", "arr")}
    drawn = decisions.capacity_curve(**plain, points=300)
    got = at_capacity(rows, 40, n_boot=0)["value"]
    at = drawn[drawn["k"] == 40].set_index("ranking")
    for ranking in ("model", "arr"):
        for measure in decisions.MEASURES:
            assert at.loc[ranking, measure] == pytest.approx(got[ranking, measure])
    assert (drawn.groupby("ranking")["recall"].diff().dropna() >= 0).all()


def test_net_benefit_by_its_definition() -> None:
    """TP/n - FP/n · pt/(1 - pt), by scikit-learn's confusion matrix; all is calling everyone."""
    rows = book(7)
    got = decisions.net_benefit(
        rows["churned"], rows["p"], account=rows["account"], rng=np.random.default_rng(0)
    )
    for pt, told in zip(decisions.THRESHOLDS, got.itertuples(), strict=True):
        _, fp, _, tp = sk.confusion_matrix(rows["churned"], rows["p"] >= pt).ravel()
        assert told.model == pytest.approx(tp / 300 - fp / 300 * pt / (1 - pt))
        base = rows["churned"].mean()
        assert told.all == pytest.approx(base - (1 - base) * pt / (1 - pt))
        assert told.low <= told.model <= told.high
        assert told.ahead == pytest.approx(told.model - max(told.all, 0))


def test_true_probabilities_do_no_harm() -> None:
    """Calling by true probabilities is at every threshold at least as good as all or none."""
    rows = book(8, 20_000)
    got = decisions.net_benefit(
        rows["churned"], rows["p"], account=rows["account"], n_boot=0, rng=np.random.default_rng(0)
    )
    assert got["ahead"].min() > -0.001


def test_a_play_s_break_even() -> None:
    """A play of 200 that saves a fifth of 10,000 pays from 10 %; nothing at stake never pays."""
    assert decisions.break_even(200, 0.2, 10_000) == pytest.approx(0.1)
    np.testing.assert_array_equal(
        decisions.break_even(200, 0.2, [100, 0, np.nan]), [10, np.inf, np.nan]
    )
    with pytest.raises(ParameterError, match="save rate"):
        decisions.break_even(200, 0, 1)


def test_net_value_by_hand() -> None:
    """Called are those whose chance exceeds their own break-even; money is counted by outcomes."""
    got = decisions.net_value(
        [1, 0, 1, 0],
        [0.5, 0.5, 0.05, 0.9],
        cost=100,
        save_rate=0.5,
        value=[1000.0, 1000.0, 1000.0, np.nan],
        account=list("abcd"),
        n_boot=200,
        rng=np.random.default_rng(0),
    ).set_index("chosen")
    assert got.loc["model", "n_called"] == 2
    assert got.loc["model", "net_value"] == 500 - 200
    assert got.loc["all", "net_value"] == 2 * 500 - 300
    assert got.loc["none", ["net_value", "low", "high"]].eq(0).all()
    assert got["n_without_value"].eq(1).all()


def test_parity_is_each_segment_alone() -> None:
    """Each segment's figures are those of its rows; too few leavers give none, and are flagged."""
    rows = book(9, 900)
    segment = np.array(["SMB", "Enterprise", "Mid"], dtype=object)[np.arange(900) % 3]
    rows["churned"][segment == "Mid"] = 0.0
    got = decisions.parity(
        rows["churned"],
        rows["p"],
        segment,
        account=rows["account"],
        n_boot=100,
        rng=np.random.default_rng(0),
    ).set_index("segment")
    assert list(got.index) == ["Enterprise", "Mid", "SMB"]
    mine = segment == "SMB"
    y, p = rows["churned"][mine], rows["p"][mine]
    assert got.loc["SMB", "auc"] == pytest.approx(sk.roc_auc_score(y, p))
    ratio = calibration.observed_to_expected(y, p, account=rows["account"][mine])
    assert got.loc["SMB", "observed_to_expected"] == pytest.approx(y.sum() / p.sum())
    assert got.loc["SMB", ["oe_low", "oe_high"]].tolist() == pytest.approx(list(ratio[1:]))
    assert got["too_few"].tolist() == [False, True, False]
    assert got.loc["Mid", ["auc", "observed_to_expected"]].isna().all()


def test_faults_are_refused() -> None:
    """No calls, a score of another length and impossible thresholds are refused by name."""
    rows = book(10)
    with pytest.raises(ParameterError, match="nobody can be called"):
        at_capacity(rows, 0)
    with pytest.raises(ParameterError, match="differs in length"):
        at_capacity(rows, 5, others={"crm": [1.0]})
    with pytest.raises(ParameterError, match="threshold"):
        decisions.net_benefit([1, 0], [0.5, 0.5], account=[1, 2], thresholds=[1.0], rng=None)  # type: ignore[arg-type]
