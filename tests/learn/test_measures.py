"""Statistics of measures: ratios, waits, rhythms and order, against numbers from elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.features.measures.monthly import Monthly
from cs_models.learn import measures
from cs_models.learn.evaluation import rates
from cs_models.learn.measuring import judged, ratios, rhythms, waiting

ROWS = pd.DataFrame(
    {
        "account_id": ["a", "a", "b", "c", "d"],
        "g": ["x", "x", "x", "y", "y"],
        "used": [1.0, 2.0, 4.0, 5.0, np.nan],
        "seats": [2.0, 4.0, 4.0, 4.0, 9.0],
    }
)


def test_pooled_is_a_ratio_of_sums_by_hand() -> None:
    """x: 7 / 10; y: 5 / 4, above one; the row without a numerator does not count."""
    found = measures.pooled(ROWS, "used", "seats", by=["g"]).set_index("g")
    assert found["value"].tolist() == [0.7, 1.25]
    assert found["n_accounts"].tolist() == [2, 1]
    # x: residuals a 3 - .7 × 6 = -1.2, b 4 - .7 × 4 = 1.2; se = sqrt(2 × 2.88) / 10 = .24.
    assert found.loc["x", "high"] == pytest.approx(0.7 + 12.706205 * 0.24, rel=1e-6)
    assert found.loc["x", "low"] == 0
    assert np.isnan(found.loc["y", "low"])


def test_share_equals_the_clustered_wilson_interval() -> None:
    """One row a case: the interval is that of ``rates.proportion``."""
    rng = np.random.default_rng(3)
    account = rng.integers(0, 40, 300)
    event = rng.random(300) < 0.2 + 0.4 * (account % 2)
    rows = pd.DataFrame({"account_id": account, "y": event.astype(float), "one": 1.0})
    found = measures.pooled(rows, "y", "one", share=True).iloc[0]
    known = rates.proportion(event, account)
    told = (found["value"], found["low"], found["high"])
    assert told == pytest.approx((known.rate, known.low, known.high), rel=1e-9)


def test_a_share_above_one_is_refused() -> None:
    """A share with more above than below the line is an error that says how to repair it."""
    with pytest.raises(ParameterError, match="more above than below"):
        measures.pooled(ROWS, "used", "seats", share=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(1, 9)), min_size=1),
       st.randoms())  # fmt: skip
def test_pooled_laws(cases: list[tuple[int, int, int]], shuffled: object) -> None:
    """Order of rows and splitting an account's row change nothing; value lies in its interval."""
    rows = pd.DataFrame(cases, columns=["account_id", "y", "x"]).astype(float)
    first = measures.pooled(rows, "y", "x").iloc[0]
    halves = pd.concat([rows, rows]).assign(y=lambda r: r["y"] / 2, x=lambda r: r["x"] / 2)
    second = measures.pooled(halves.iloc[::-1], "y", "x").iloc[0]
    np.testing.assert_allclose(first.to_numpy(float), second.to_numpy(float), atol=1e-9)
    if first["n_accounts"] > 1:
        assert first["low"] <= first["value"] + 1e-12 and first["value"] <= first["high"] + 1e-12


def test_groups_add_up_to_the_whole() -> None:
    """Numerators and denominators of groups sum to those of all."""
    groups, whole = (measures.pooled(ROWS, "used", "seats", by=by) for by in (["g"], []))
    assert groups[["numerator", "n"]].sum().tolist() == whole.iloc[0][["numerator", "n"]].tolist()


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 300 histories of 60 accounts, about 95 % of the intervals hold the true ratio."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(300):
        seats = rng.integers(2, 60, 60)
        own = rng.beta(3, 7, 60)
        used = rng.binomial(seats, own)
        rows = pd.DataFrame({"account_id": np.arange(60), "y": used * 1.0, "x": seats * 1.0})
        found = measures.pooled(rows, "y", "x").iloc[0]
        hits += found["low"] <= 0.3 <= found["high"]
    assert 0.90 <= hits / 300 <= 0.98


def test_difference_takes_an_account_on_both_sides_as_one() -> None:
    """Equal ratios give no difference; by hand 4/5 - 2/5."""
    rows = pd.DataFrame(
        {"account_id": list("abcdefghij"), "y": [1, 1, 1, 1, 0, 1, 1, 0, 0, 0], "one": 1.0,
         "side": [True] * 5 + [False] * 5}
    )  # fmt: skip
    found = measures.difference(rows, "y", "one", side="side")
    assert found["value"] == pytest.approx(0.4)
    # se² = 10/9 (.8 × .2 / 5 + .4 × .6 / 5)
    assert found["high"] - found["low"] == pytest.approx(
        2 * 2.2621572 * np.sqrt(10 / 9 * (0.032 + 0.048))
    )
    nobody = measures.difference(rows.assign(side=True), "y", "one", side="side")
    assert np.isnan(nobody["value"])


def test_wait_counts_the_unfinished_by_hand() -> None:
    """6 of 12 reached by day 6, six censored at day 10: half within 6 days, not the mean 3.5."""
    rows = pd.DataFrame(
        {"account_id": range(12), "duration_days": [1, 2, 3, 4, 5, 6] + [10] * 6,
         "event": [1] * 6 + [0] * 6}
    )  # fmt: skip
    found = measures.waits(rows, within_days=10, least_at_risk=5).table.iloc[0]
    assert found["median"] == 6
    assert found["n_reached"] == 6
    assert found["mean_wait"] == pytest.approx((1 + 2 + 3 + 4 + 5 + 6 + 60) / 12)


def test_too_few_are_counted_and_no_more() -> None:
    """Under ten accounts: numbers of rows, nothing else."""
    rows = pd.DataFrame({"account_id": range(4), "duration_days": [1.0] * 4, "event": 1})
    found = measures.waits(rows).table.iloc[0]
    assert found["n"] == 4 and found["median"] is None and pd.isna(found["mean_wait"])


def test_clustered_share_is_greenwood_when_users_stand_alone() -> None:
    """One user an account and no ties: the standard error is Greenwood's, but for G/(G-1)."""
    rng = np.random.default_rng(5)
    days, limit = rng.exponential(80, 200), rng.uniform(20, 200, 200)
    rows = pd.DataFrame(
        {"account_id": np.arange(200), "duration_days": np.minimum(days, limit),
         "event": (days <= limit).astype(int)}
    )  # fmt: skip
    found = waiting.clustered(rows)
    order = rows.sort_values("duration_days")
    at_risk, survival, total = 200, 1.0, 0.0
    for day, event in order[["duration_days", "event"]].to_numpy():
        if event and day <= 90:
            survival *= 1 - 1 / at_risk
            total += 1 / (at_risk * (at_risk - 1))
        at_risk -= 1
    assert found["value"] == pytest.approx(1 - survival)
    half = 1.959964 * survival * np.sqrt(total)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(half, rel=0.02)
    # Ten copies of each user in one account tell no more.
    copies = pd.concat([rows] * 10, ignore_index=True)
    again = waiting.clustered(copies)
    assert again["high"] - again["low"] == pytest.approx(found["high"] - found["low"], rel=0.02)


def test_rhythm_and_levels_by_hand() -> None:
    """A role's middle half sets its levels; a role with too few users is read by all roles'."""
    past = pd.DataFrame(
        {"role": ["clerk"] * 40 + ["admin"] * 4, "active_weeks": [2, 3, 3, 4] * 10 + [12] * 4,
         "account_id": [f"a{n % 12}" for n in range(44)]}
    )  # fmt: skip
    table = rhythms.by_role(past)
    clerk = table.set_index("role").loc["clerk"]
    assert clerk[["q25", "median", "q75"]].tolist() == [2.75, 3, 3.25]
    assert table.set_index("role")["enough"].to_dict() == {
        "admin": False, "clerk": True, rhythms.EVERYBODY: True,
    }  # fmt: skip
    users = pd.DataFrame({"role": ["clerk"] * 4 + ["admin"], "active_weeks": [0, 2, 3, 9, 3]})
    assert rhythms.levels(users, table).tolist() == [
        "no use", "below", "within", "above", "within",
    ]  # fmt: skip


def test_fifths_and_order_see_a_score_that_orders_and_one_that_does_not() -> None:
    """A score made of the outcome is ordered; noise is not announced; few losses are said."""
    rng = np.random.default_rng(2)
    kept = rng.random(600) < 0.7
    rows = pd.DataFrame(
        {"account_id": np.arange(600) % 300, "kept": kept, "noise": rng.random(600) * 100,
         "score": kept * 20 + rng.random(600) * 80}
    )  # fmt: skip
    found = judged.order(rows, ["score", "noise"], n_boot=200, rng=rng).set_index("column")
    assert found["verdict"].to_dict() == {"score": "ordered", "noise": "none"}
    table = judged.by_fifth(rows)
    assert table["n"].sum() == 600
    assert table["rate"].iloc[-1] > table["rate"].iloc[0] + 0.2
    few = judged.order(rows.head(60), ["score"], n_boot=50, rng=rng)
    assert few["verdict"].tolist() == ["too_little_data"]


def test_feature_depth_is_a_share_of_active_users() -> None:
    """f: 3 of 5 active users; a month before the product had g does not count for g."""
    rows = pd.DataFrame(
        {"account_id": ["a", "b"], "month": ["2024-01", "2024-01"], "active": [2.0, 3.0],
         "entitled": [4.0, 4.0], "seats_known": [True, False], "depth": [2.0, 3.0],
         "there": [1, 2]}
    )  # fmt: skip
    months = Monthly(rows, np.array([[1.0, np.nan], [2.0, 1.0]]), ("f", "g"))
    found = measures.feature_depth(months).set_index("feature")
    assert found["value"].to_dict() == {"f": 0.6, "g": pytest.approx(1 / 3)}
    assert measures.adoption(months).iloc[0][["value", "seats_known"]].tolist() == [0.625, 0.5]
    assert measures.depth(months)["value"].iloc[0] == pytest.approx(5 / 8)


def test_stickiness_and_frequency_by_hand() -> None:
    """Two active users with 2 and 12 days: 7 days a user, DAU/MAU 14 / 56, WAU/MAU 5 / 8."""
    people = pd.DataFrame(
        {"account_id": ["a", "a", "b"], "active_days": [2, 12, 0], "weeks_4": [1, 4, 0]}
    )
    assert measures.frequency(people)["value"].iloc[0] == 7
    assert measures.stickiness(people)["value"].tolist() == [0.25, 0.625]


def test_seats_bands_hold_every_account_once() -> None:
    """Over-use has a band of its own; unknown seats are left out."""
    seats = pd.DataFrame(
        {"account_id": list("abcd"), "segment": "S", "seats": [4.0, 4.0, 4.0, np.nan],
         "seats_known": [True, True, True, False], "utilisation": [0.0, 1.0, 1.25, np.nan],
         "activated": [1.0, 4.0, 5.0, 1.0], "active": [0.0, 4.0, 5.0, 1.0],
         "unused": [3.0, 0.0, 0.0, np.nan]}
    )  # fmt: skip
    bands = measures.utilisation(seats).set_index("band")["n_accounts"]
    assert bands[bands > 0].to_dict() == {"none": 1, "75 to 100 %": 1, "above 100 %": 1}
    use = measures.seat_use(seats).set_index("measure")["value"]
    assert use.to_dict() == {"activated": 10 / 12, "active": 9 / 12, "unused": 3 / 12}


def test_on_time_counts_those_who_never_got_there() -> None:
    """Of three whose date has passed one was on time; the one not yet due does not count."""
    steps = pd.DataFrame(
        {"account_id": list("abcd"), "on_time": pd.array([True, False, False, None], "boolean")}
    )
    found = measures.timely(steps).iloc[0]
    assert (found["value"], found["n"]) == (pytest.approx(1 / 3), 3)


def test_empty_frames_give_empty_tables() -> None:
    """No rows: no group, no error."""
    assert ratios.pooled(ROWS.head(0), "used", "seats", by=["g"]).empty
    assert measures.waits(
        pd.DataFrame(columns=["account_id", "duration_days", "event"])
    ).table.empty
    assert judged.by_fifth(pd.DataFrame({"score": [], "kept": [], "account_id": []})).empty
