"""What ``thresholds.learn`` promises: verdicts, invariances, roles, and rules that apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError, TooLittleDataError
from cs_models.learn import thresholds
from cs_models.learn.rules import combination
from cs_models.learn.telling import records

Maker = Callable[..., pd.DataFrame]
FAST = {"n_permutations": 199, "random_state": 1}
NUMBERS = ["statistic", "p_adjusted", "cut", "cut_low", "cut_high", "lift", "lift_low", "lift_high"]


def features_of(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if name.startswith("events__")]


@pytest.fixture(scope="module")
def step_frame(make_history: Maker) -> pd.DataFrame:
    """Return a history in which f0 below 10 doubles the losses, and five features share vigour."""
    return make_history(
        np.random.default_rng(21),
        n_accounts=900,
        most_terms=2,
        n_features=6,
        churn=0.15,
        step=1.4,
        vigour=0.8,
        segments=("SMB", "MM"),
    )


@pytest.fixture(scope="module")
def step_search(step_frame: pd.DataFrame) -> thresholds.Search:
    """Return the search of the step history."""
    return thresholds.learn(step_frame, features=features_of(step_frame), **FAST)


@pytest.fixture(scope="module")
def few(make_history: Maker) -> pd.DataFrame:
    """Return fewer customers and features, for what holds of any history."""
    return make_history(
        np.random.default_rng(22), n_accounts=400, most_terms=2, n_features=3, churn=0.15,
        step=1.8, vigour=0.8, segments=("SMB", "MM"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def few_search(few: pd.DataFrame) -> thresholds.Search:
    """Return the search of the few."""
    found = thresholds.learn(few, features=features_of(few), **FAST)
    assert found.table["verdict"].isin(thresholds.ANNOUNCED).any()
    return found


def test_planted_step_is_found(step_search: thresholds.Search) -> None:
    """The right feature leads, its cut's interval holds the truth, its lift interval too."""
    first = step_search.table.iloc[0]
    assert (first["feature"], first["role"], first["verdict"]) == ("f0", "signal", "sharp")
    assert first["direction"] == "at_least"
    assert first["cut_low"] <= 10 <= first["cut_high"]
    assert first["cut_localised"]
    assert first["lift_low"] < first["lift_crossfit"] < first["lift_high"]
    assert 0.1 < first["lift"] < 0.3
    assert first["lift"] == pytest.approx(first["rate_above"] - first["rate_below"])
    assert first["rule_id"] in step_search.profiles


def test_features_that_share_vigour_are_echoes(step_search: thresholds.Search) -> None:
    """Features that go with renewal only because they go with f0 are announced as echoes."""
    announced = step_search.table[step_search.table["verdict"] == "associated"]
    assert set(announced.loc[announced["role"] == "signal", "feature"]) == {"f0"}
    echoes = announced[announced["role"] == "echo"]
    assert len(echoes) >= 2
    assert all(feature not in step_search.headline for feature in echoes["feature"])
    assert "f0" in step_search.headline


def test_raw_rates_can_be_counted_again(
    step_search: thresholds.Search, step_frame: pd.DataFrame
) -> None:
    """Rates either side are plain shares of the terms that the rule separates."""
    for _, row in step_search.table.query("verdict == 'associated'").iterrows():
        meets = thresholds.apply(row, step_frame)
        renewed = 1 - step_frame["churned"].astype(float)
        assert renewed[meets.fillna(False)].mean() == pytest.approx(row["rate_above"])
        assert renewed[(~meets).fillna(False)].mean() == pytest.approx(row["rate_below"])
        assert meets.sum() == row["n_above"]


def test_every_segment_is_spoken_of(make_history: Maker) -> None:
    """Whole book and each segment have a row, also where nothing can be said."""
    frame = make_history(np.random.default_rng(22), n_accounts=400, segments=("SMB",))
    frame.loc[:49, "segment"] = "ENT"
    table = thresholds.learn(frame, features=features_of(frame), **FAST).table
    verdicts = dict(zip(table["segment"], table["verdict"], strict=True))
    assert set(verdicts) == {None, "SMB", "ENT"}
    assert verdicts["ENT"] == "too_little_data"
    assert table.set_index("verdict").loc["too_little_data", "rule"] is None


def test_null_history_announces_nothing(make_history: Maker) -> None:
    """Without an effect the verdict is none, and the gap that would have been found is said."""
    frame = make_history(np.random.default_rng(23), n_accounts=600, n_features=4)
    search = thresholds.learn(frame, features=features_of(frame), **FAST)
    assert set(search.table["verdict"]) == {"none"}
    assert search.headline.startswith("No use of the product was found that separates")
    gap = search.counts["smallest_lift"]
    assert f"A gap of {100 * gap:.0f} points" in search.headline
    assert 0.05 < gap < 0.3
    assert search.counts["naive"]["p_raw"] < search.table["p_adjusted"].min()


def test_short_history_says_so(make_history: Maker) -> None:
    """Fewer than 40 churned accounts give the verdict too_little_data, never none."""
    frame = make_history(np.random.default_rng(24), n_accounts=120, churn=0.15)
    search = thresholds.learn(frame, features=features_of(frame), **FAST)
    assert set(search.table["verdict"]) == {"too_little_data"}
    assert f"{int(frame['churned'].sum())} customers have left" in search.headline
    assert len(search.rules) == 0


def test_order_of_rows_changes_nothing(few: pd.DataFrame, few_search: thresholds.Search) -> None:
    """Shuffled rows and columns give the same table to the last bit."""
    shuffled = few.sample(frac=1, random_state=3).iloc[:, ::-1]
    again = thresholds.learn(shuffled, features=features_of(few)[::-1], **FAST)
    pd.testing.assert_frame_equal(again.table, few_search.table)
    assert again.headline == few_search.headline


def test_names_of_accounts_change_no_statistic(
    few: pd.DataFrame, few_search: thresholds.Search
) -> None:
    """Renaming the accounts moves p only by chance, and no statistic, cut or rate at all."""
    names = few["account_id"].unique()
    shuffled = dict(zip(names, np.random.default_rng(4).permutation(names), strict=True))
    renamed = few.assign(account_id=few["account_id"].map(shuffled))
    again = thresholds.learn(renamed, features=features_of(few), **FAST)
    pd.testing.assert_series_equal(again.rules["statistic"], few_search.rules["statistic"])
    difference = (again.rules["p_adjusted"] - few_search.rules["p_adjusted"]).abs()
    assert difference.max() < 0.15
    assert again.table.iloc[0]["rule"] == few_search.table.iloc[0]["rule"]


def test_swapped_outcome_mirrors(step_frame: pd.DataFrame, step_search: thresholds.Search) -> None:
    """Calling stayers leavers turns the signs and the direction, and no p."""
    swapped = step_frame.assign(churned=1 - step_frame["churned"])
    again = thresholds.learn(swapped, features=features_of(step_frame), **FAST)
    assert again.rules["statistic"].to_numpy() == pytest.approx(
        -step_search.rules["statistic"].to_numpy()
    )
    assert again.rules["p_adjusted"].to_numpy() == pytest.approx(
        step_search.rules["p_adjusted"].to_numpy()
    )
    first, mirrored = step_search.table.iloc[0], again.table.iloc[0]
    assert (first["direction"], mirrored["direction"]) == ("at_least", "at_most")
    assert mirrored["lift"] == pytest.approx(-first["lift"])
    assert mirrored["rule"].startswith("fewer than 10")


def test_monotone_transform_changes_no_statistic(
    step_frame: pd.DataFrame, step_search: thresholds.Search
) -> None:
    """Only the order of a feature's values counts."""
    names = features_of(step_frame)
    transformed = step_frame.assign(**{name: step_frame[name] ** 2 for name in names})
    again = thresholds.learn(transformed, features=names, combine=(), **FAST)
    single = step_search.rules[step_search.rules["feature"] != combination.FEATURE]
    assert again.rules["statistic"].to_numpy() == pytest.approx(single["statistic"].to_numpy())


def test_same_seed_same_result(few: pd.DataFrame, few_search: thresholds.Search) -> None:
    """The seed decides everything; another seed moves only Monte Carlo figures."""
    again = thresholds.learn(few, features=features_of(few), **FAST)
    pd.testing.assert_frame_equal(again.table, few_search.table)
    assert np.array_equal(again.null_max, few_search.null_max)
    other = thresholds.learn(few, features=features_of(few), n_permutations=199, random_state=2)
    assert not np.array_equal(other.null_max, few_search.null_max)
    pd.testing.assert_series_equal(other.rules["statistic"], few_search.rules["statistic"])


def test_input_frame_is_left_alone(step_frame: pd.DataFrame) -> None:
    """Learning writes nothing into the panel."""
    before = step_frame.copy(deep=True)
    thresholds.learn(step_frame, features=features_of(step_frame)[:1], **FAST)
    pd.testing.assert_frame_equal(step_frame, before)


def test_unknown_outcomes_and_features_are_counted_out(make_history: Maker) -> None:
    """A row without outcome is counted out; one without a feature leaves that feature's rules."""
    frame = make_history(np.random.default_rng(25), n_accounts=400, n_features=2)
    frame = frame.astype({"events__f0__first_60d": "Int64"})
    frame.loc[:9, "churned"] = pd.NA
    frame.loc[20:24, "events__f0__first_60d"] = pd.NA
    search = thresholds.learn(frame, features=features_of(frame), **FAST)
    assert search.counts["n_terms"] == 390
    assert search.counts["excluded"]["outcome not evaluable"] == 10
    compared = search.rules.groupby("feature")["n_terms"].unique()
    assert compared["f0"].tolist() == [385]
    assert compared["f1"].tolist() == [390]


def test_feature_that_is_mostly_missing_is_left_out(make_history: Maker) -> None:
    """A column that is never known does not take the rows with it."""
    frame = make_history(np.random.default_rng(26), n_accounts=400, n_features=2)
    frame["events__f1__first_60d"] = np.nan
    search = thresholds.learn(frame, features=features_of(frame), **FAST)
    assert search.counts["n_terms"] == 400
    assert set(search.rules["feature"]) == {"f0"}


def test_admissible_rules_have_enough_on_both_sides(step_search: thresholds.Search) -> None:
    """Every rule leaves a tenth of the rows and 30 terms on either side."""
    rules = step_search.rules
    smaller = np.minimum(rules["n_above"], rules["n_terms"] - rules["n_above"])
    assert (smaller >= np.maximum(30, 0.1 * rules["n_terms"])).all()


@pytest.mark.parametrize(
    "column", ["events__f0__last_28d", "churned", "days_to_first__f0__to_date"]
)
def test_use_that_is_not_early_is_refused(make_history: Maker, column: str) -> None:
    """What a customer ever reached, or did before the end, is no threshold."""
    frame = make_history(np.random.default_rng(27)).assign(
        events__f0__last_28d=1, days_to_first__f0__to_date=1
    )
    with pytest.raises(ParameterError, match="first days of the term"):
        thresholds.learn(frame, features=[column])


def test_bad_input_is_named(make_history: Maker) -> None:
    """A missing column, a strange outcome and an empty history are refused in words."""
    frame = make_history(np.random.default_rng(28))
    with pytest.raises(ParameterError, match="events__nope__first_60d"):
        thresholds.learn(frame, features=["events__nope__first_60d"])
    with pytest.raises(DataError, match=r"0, 1, 2"):
        strange = frame["churned"].astype("Int64").mask(frame.index == 3, 2)
        thresholds.learn(frame.assign(churned=strange), features=features_of(frame))
    with pytest.raises(TooLittleDataError, match="no term has both"):
        thresholds.learn(frame.assign(churned=pd.NA), features=features_of(frame))


def test_apply_and_distance_on_running_terms() -> None:
    """Rules judge other panels; what is not known yet, or not of the segment, is neither side."""
    rule = {
        "column": "events__f0__first_60d",
        "users_column": "users__f0__first_60d",
        "cut": 12.0,
        "cut_below": 11.0,
        "min_users": 3,
        "direction": "at_least",
        "segment": "SMB",
        "segment_by": "segment",
        "verdict": "associated",
    }
    frame = pd.DataFrame(
        {
            "events__f0__first_60d": pd.array([15, 15, 9, None, 20], dtype="Int64"),
            "users__f0__first_60d": pd.array([3, 1, 3, None, 9], dtype="Int64"),
            "segment": ["SMB", "SMB", "SMB", "SMB", "ENT"],
        },
        index=[5, 6, 7, 8, 9],
    )
    meets = thresholds.apply(rule, frame)
    assert meets.tolist() == [True, False, False, pd.NA, pd.NA]
    assert frame[~meets].index.tolist() == [6, 7]
    away = thresholds.distance(pd.Series(rule), frame)
    assert away["actions"].tolist()[:3] == [0, 0, 3]
    assert away["users"].tolist()[:3] == [0, 2, 0]
    assert away.iloc[3:].isna().all(axis=None)
    fewer = rule | {"direction": "at_most", "min_users": 1, "segment": None}
    assert thresholds.apply(fewer, frame).tolist() == [False, False, True, pd.NA, False]
    assert thresholds.distance(fewer, frame)["actions"].tolist()[0] == -4
    with pytest.raises(ParameterError, match="holds no rule"):
        thresholds.apply(rule | {"column": None}, frame)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "sharp"),
        ({"lift_low": -0.02}, "associated"),
        ({"cut_localised": False}, "associated"),
        ({"verdict": "gradual", "lift_low": -0.02}, "gradual"),
        ({"lift_low": -0.3, "lift_high": -0.1}, "sharp"),
    ],
)
def test_no_tipping_point_without_a_size_and_a_place(change: dict[str, Any], verdict: str) -> None:
    """A gap that may be nought, or a cut that may be anywhere, is no tipping point."""
    row = {"verdict": "sharp", "lift_low": 0.1, "lift_high": 0.3, "cut_localised": True} | change
    assert records._sober(row)["verdict"] == verdict
