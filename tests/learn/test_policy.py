"""Where a play pays: the cut against a plain loop, laws of cost and save rate, the ranked list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import policy

COLUMN = "events__key__first_60d"
RULE: dict[str, Any] = {
    "column": COLUMN, "cut": 20.0, "cut_below": 19.0, "min_users": 1, "users_column": None,
    "direction": "at_least", "segment": None, "segment_by": "segment", "verdict": "associated",
}  # fmt: skip
PLAY = policy.Play(cost=Decimal(500), margin=0.8, save_rate_low=0.1, save_rate_high=0.3)


def invent(rng: np.random.Generator, *, n_accounts: int = 800, arr: float = 10_000) -> pd.DataFrame:
    """Invent terms of which 50 % leave below 20 events and 5 % from there on."""
    use = rng.integers(0, 40, n_accounts)
    return pd.DataFrame(
        {
            "account_id": [f"a{i:05d}" for i in range(n_accounts)],
            "arr": [Decimal(round(arr))] * n_accounts,
            COLUMN: use,
            "churned": (rng.random(n_accounts) < np.where(use < 20, 0.5, 0.05)).astype(float),
        }
    )


def chosen(frame: pd.DataFrame, play: policy.Play = PLAY, **rule: Any) -> policy.PolicyCut:
    return policy.cut({**RULE, **rule}, frame, play, rng=np.random.default_rng(1))


def test_the_cut_is_where_treating_stops_paying() -> None:
    """Leavers are worth 800 below 20 events and 80 from there on: a play of 500 pays below 20."""
    found = chosen(invent(np.random.default_rng(2)))
    middle = found.table.set_index("save_rate").loc[0.2]
    assert middle["cut"] == 20
    assert found.direction == "below"
    assert float(middle["net_value_held_out"]) == pytest.approx(float(middle["net_value"]), rel=0.2)
    assert float(middle["net_value"]) / middle["n_terms"] == pytest.approx(300, rel=0.2)


def test_the_curve_is_the_sum_over_those_below() -> None:
    """The table's net value is the curve's maximum, and the curve starts from one term's worth."""
    frame = invent(np.random.default_rng(3))
    found = chosen(frame)
    for name, row in zip(("low", "mid", "high"), found.table.itertuples(), strict=True):
        best = max(0.0, found.curve[name].max())
        assert row.net_value == Decimal(str(best)).quantize(Decimal("0.01"))
    assert found.curve["cut"].tolist()[-1] == np.inf
    assert len(found.curve) == frame[COLUMN].nunique()
    worth = found.curve["high"] - found.curve["low"]
    # linear in the save rate: the cost cancels in differences
    np.testing.assert_allclose(found.curve["mid"] - found.curve["low"], worth / 2)


def test_a_dearer_play_treats_fewer_and_a_better_one_more() -> None:
    """The treated shrink as the cost grows and grow with the save rate."""
    frame = invent(np.random.default_rng(4))
    counts = [
        chosen(frame, policy.Play(Decimal(cost), 0.8, 0.1, 0.3)).table["n_terms"].tolist()
        for cost in (0, 50, 500, 5000)
    ]
    assert all(few <= many for few, many in zip(counts[1], counts[0], strict=True))
    assert all(few <= many for few, many in zip(counts[2], counts[1], strict=True))
    assert all(row == sorted(row) for row in counts)
    assert min(counts[0]) > 700  # where nobody ever left, even a free play earns nothing
    assert counts[3] == [0, 0, 0]


def test_where_nothing_pays_nobody_is_treated() -> None:
    """A play dearer than any customer has no cut, earns nothing and has no break-even."""
    found = chosen(invent(np.random.default_rng(5)), policy.Play(Decimal(10**6), 0.8, 0.1, 0.3))
    assert found.table["cut"].isna().all()
    assert set(found.table["net_value"]) == {Decimal("0.00")}
    assert found.break_even_save_rate is None


def test_at_the_break_even_save_rate_the_rule_s_worse_side_pays_nothing() -> None:
    """The curve at the rule's own cut is zero there, and of the sign of the difference around."""
    frame = invent(np.random.default_rng(6))
    even = chosen(frame).break_even_save_rate
    assert even is not None
    assert even == pytest.approx(500 / (0.5 * 0.8 * 10_000), rel=0.15)
    again = chosen(frame, policy.Play(Decimal(500), 0.8, even / 2, 3 * even / 2))
    at_rule = again.curve.set_index("cut").loc[20.0]
    assert at_rule["mid"] == pytest.approx(0, abs=1e-6)
    assert at_rule["low"] < 0 < at_rule["high"]


def test_a_rule_of_fewer_than_treats_those_above() -> None:
    """Turning the count round turns the cut round: the same terms above it, the same money."""
    frame = invent(np.random.default_rng(7))
    here = chosen(frame)
    turned = frame.assign(**{COLUMN: 100 - frame[COLUMN]})
    there = chosen(turned, cut=81.0, cut_below=80.0, direction="at_most")
    assert there.direction == "at_or_above"
    assert there.table["net_value"].tolist() == here.table["net_value"].tolist()
    assert there.table["n_terms"].tolist() == here.table["n_terms"].tolist()
    np.testing.assert_array_equal(there.table["cut"], 100 - (here.table["cut"] - 1))


def test_an_account_does_not_inform_its_own_chance() -> None:
    """Held-out value of pure noise is no gain: choosing on one's own outcomes would show one."""
    frame = invent(np.random.default_rng(8), n_accounts=400)
    rng = np.random.default_rng(9)
    play = policy.Play(Decimal(800), 1.0, 0.3, 0.3)  # worth it for leavers, not at a rate of 25 %
    gains = []
    for _ in range(12):
        noise = frame.assign(churned=(rng.random(400) < 0.25).astype(float))
        gains.append(float(chosen(noise, play).table["net_value_held_out"].iloc[1]))
    assert np.mean(gains) < 0


CELLS = {  # terms, ARR, chance of leaving below 20 events and from there on
    "large": (600, 60_000, 0.12, 0.04),
    "small": (1500, 4_000, 0.40, 0.10),
}


def two_segments(rng: np.random.Generator | None, cells: dict[str, Any] = CELLS) -> pd.DataFrame:
    """Return terms whose money and leaving differ by segment; without rng, the exact shares."""
    parts = []
    for name, (n, arr, below, above) in cells.items():
        use = np.repeat([10, 30], n // 2)
        chance = np.where(use < 20, below, above)
        place = np.tile((np.arange(n // 2) * 37 % (n // 2) + 0.5) / (n // 2), 2)
        left = (place if rng is None else rng.random(n)) < chance
        parts.append(
            pd.DataFrame({"segment": name, "arr": Decimal(arr), COLUMN: use, "chance": chance,
                          "churned": left.astype(float)})
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True).assign(
        account_id=lambda frame: [f"a{i:05d}" for i in range(len(frame))]
    )


def test_each_segment_lays_its_own_leaving_on_its_own_money() -> None:
    """Net value and break-even are those summed by hand; one chance for all doubles the money."""
    frame = two_segments(None)
    found = chosen(frame)
    one = policy.cut(RULE, frame, PLAY, segment_by=None, rng=np.random.default_rng(1))
    at_stake = 0.8 * (300 * 0.12 * 60_000 + 750 * 0.40 * 4_000)  # of those below 20 events
    by_hand = 0.2 * at_stake - 1050 * 500
    mid = found.curve.loc[found.curve["cut"] == 30, "mid"].item()
    assert mid == pytest.approx(by_hand, abs=0.005 * at_stake)
    assert found.break_even_save_rate == pytest.approx(1050 * 500 / at_stake, rel=0.03)
    assert one.break_even_save_rate is not None
    assert one.break_even_save_rate < 0.6 * 1050 * 500 / at_stake


def test_what_is_promised_is_what_is_earned_held_out() -> None:
    """Over many draws promise and held-out earnings agree with the planted truth, within error."""
    play = policy.Play(Decimal(500), 0.8, 0.4, 0.4)  # pays below 20 events, not from there on
    dear = {"large": (300, 60_000, 0.12, 0.01), "small": (1500, 4_000, 0.40, 0.10)}
    truth = 0.4 * 0.8 * (150 * 0.12 * 60_000 + 750 * 0.40 * 4_000) - 900 * 500
    rng, rows = np.random.default_rng(12), []
    for _ in range(30):
        row = chosen(two_segments(rng, dear), play).table.iloc[1]
        rows.append((float(row["net_value"]), float(row["net_value_held_out"])))
    promised, earned = np.array(rows).T
    error = np.std([promised, earned], axis=1, ddof=1) / np.sqrt(len(rows))
    assert abs(promised.mean() - truth) < 3 * error[0]
    assert abs(earned.mean() - truth) < 3 * error[1]
    assert error.max() < 0.1 * truth


def test_a_small_segment_has_the_pooled_curve_at_its_own_level() -> None:
    """With fewer than 20 leavers the order of the pooled curve holds, and the total is its own."""
    few = {"large": (100, 60_000, 0.12, 0.04), "small": CELLS["small"]}
    frame = two_segments(None, few)
    chance = policy.chances(RULE, frame, frame)
    large = frame["segment"] == "large"
    below, above = (chance[large & (frame[COLUMN] == use)].unique() for use in (10, 30))
    assert len(below) == len(above) == 1
    assert below[0] > above[0] > 0
    left, expected = frame.loc[large, "churned"].sum(), 100 * 0.245  # of the pooled curve, about
    drawn = expected * (left + 2) / (expected + 2)  # two expected terms set beside those that left
    assert chance[large].sum() == pytest.approx(drawn, rel=0.02)
    small = frame[~large]
    assert chance[~large].groupby(small[COLUMN]).mean().tolist() == pytest.approx([0.4, 0.1])


def test_a_segment_never_seen_or_use_not_known_is_not_guessed_at() -> None:
    """A new segment has the pooled chance; a count that is not known has none."""
    frame = two_segments(None)
    book = pd.DataFrame({"segment": ["new", "large"], COLUMN: [10.0, None]})
    chance = policy.chances(RULE, frame, book)
    assert chance[0] == pytest.approx(frame.loc[frame[COLUMN] == 10, "churned"].mean())
    assert np.isnan(chance[1])


def test_terms_without_arr_are_left_out_and_counted() -> None:
    """A term of unknown ARR has no value to weigh: it is counted, not guessed."""
    frame = invent(np.random.default_rng(10))
    frame.loc[:9, "arr"] = None
    found = chosen(frame)
    assert found.n_without_arr == 10
    pd.testing.assert_frame_equal(found.table, chosen(frame.iloc[10:]).table)


def test_too_few_leavers_are_refused() -> None:
    """Nine accounts that left do not say what a play would save."""
    frame = invent(np.random.default_rng(11)).assign(churned=0.0)
    frame.loc[:8, "churned"] = 1.0
    with pytest.raises(TooLittleDataError, match="9 accounts"):
        chosen(frame)


def test_the_list_ranks_by_money_at_risk_and_stops_at_capacity() -> None:
    """Accounts are ranked by p V summed over their terms; only those that pay are treated."""
    frame = pd.DataFrame(
        {
            "account_id": ["a", "b", "b", "c", "d"],
            "arr": [Decimal(1000), Decimal(4000), Decimal(2000), Decimal(90_000), None],
        }
    )
    play = policy.Play(Decimal(100), 0.5, 0.2, 0.4)
    ranked = policy.ranked(frame, [0.9, 0.5, 0.5, 0.01, 0.9], play, capacity=2)
    assert ranked["account_id"].tolist() == ["b", "a", "c"]  # 3000, 900 and 900 at risk: by name
    assert ranked["treat"].tolist() == [True, True, False]
    assert ranked["net_mid"].tolist() == [Decimal("350.00"), Decimal("35.00"), Decimal("35.00")]
    assert ranked["arr"].tolist() == [Decimal("6000.00"), Decimal("1000.00"), Decimal("90000.00")]
    np.testing.assert_allclose(ranked["break_even_save_rate"], [100 / 1500, 100 / 450, 100 / 450])
    assert ranked.attrs["n_unknown"] == 1
    assert policy.ranked(frame, [0.0] * 5, play)["treat"].sum() == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"cost": Decimal(-1)}, "cost"),
        ({"cost": Decimal("NaN")}, "cost"),
        ({"cost": 5.0}, "cost"),
        ({"margin": 0.0}, "margin"),
        ({"save_rate_low": 0.4}, "save_rate_low"),
        ({"save_rate_high": 1.1}, "save_rate"),
    ],
)
def test_a_play_is_checked_when_it_is_made(change: dict[str, Any], named: str) -> None:
    """A number out of its range is refused by its name."""
    whole = {"cost": Decimal(1), "margin": 0.5, "save_rate_low": 0.1, "save_rate_high": 0.3}
    with pytest.raises(ParameterError, match=named):
        policy.Play(**{**whole, **change})


def test_chances_that_are_none_are_refused() -> None:
    """One chance per row, between 0 and 1."""
    frame = pd.DataFrame({"account_id": ["a"], "arr": [Decimal(1)]})
    for chances in ([1.2], [0.1, 0.2]):
        with pytest.raises(ParameterError, match="churn_probability"):
            policy.ranked(frame, chances, PLAY)
