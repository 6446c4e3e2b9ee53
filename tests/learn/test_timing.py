"""How early is enough, does it still hold: planted answers, and never a look ahead."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.learn import timing
from cs_models.learn.rules import scope
from cs_models.learn.rules.scope import Rows
from cs_models.learn.shapes import refit

DAYS = (7, 14, 30, 60)
AS_OF = date(2024, 12, 31)
RULE: dict[str, Any] = {
    "column": "events__f0__first_60d", "users_column": "users__f0__first_60d", "min_users": 1,
    "segment": None, "segment_by": "segment", "cut": 20.0, "cut_below": 19.0,
    "direction": "at_least", "verdict": "associated", "window_days": 60, "rule_id": 3,
}  # fmt: skip


def world(
    rng: np.random.Generator,
    *,
    n_accounts: int = 600,
    most_terms: int = 3,
    day: int = 30,
    step: float = 0.0,
    newest_step: float | None = None,
) -> pd.DataFrame:
    """Invent terms whose churn has a step in the events of the first `day` days."""
    n_terms = rng.integers(1, most_terms + 1, n_accounts)
    account = np.repeat(np.arange(n_accounts), n_terms)
    n = len(account)
    place = np.arange(n) - np.repeat(np.cumsum(n_terms) - n_terms, n_terms)
    rate = np.exp(0.4 * rng.normal(size=n_accounts)[account] + 0.45 * rng.normal(size=n)) / 3
    start = pd.to_datetime("2021-01-01") + pd.to_timedelta(
        365 * place + rng.integers(0, 330, n_accounts)[account], unit="D"
    )
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{i:05d}" for i in range(n)],
            "account_id": [f"a{i:05d}" for i in account],
            "term_start": start,
            "as_of_date": start + pd.Timedelta(days=60),
            "term_end": start + pd.Timedelta(days=365),
            "term_months": 12,
            "segment": np.array(["SMB", "MM"])[rng.integers(0, 2, n_accounts)][account],
        }
    )
    total, before = np.zeros(n, dtype=int), 0
    for length in DAYS:
        total = total + rng.poisson(rate * (length - before))
        before = length
        frame[f"events__f0__first_{length}d"] = total
        frame[f"users__f0__first_{length}d"] = np.minimum(total, 1 + rng.poisson(rate * length / 6))
    newest = known(frame) > pd.Timestamp(AS_OF) - pd.Timedelta(days=365)
    steps = np.where(newest, step if newest_step is None else newest_step, step)
    logit = np.log(0.25) + steps * ((frame[f"events__f0__first_{day}d"] < day / 3) - 0.5)
    frame["churned"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype("int8")
    return frame


def known(frame: pd.DataFrame) -> pd.Series:
    return frame["term_end"] + pd.Timedelta(days=30)


def evaluable(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[known(frame) <= pd.Timestamp(AS_OF)].reset_index(drop=True)


def test_what_is_complete_by_day_30_is_enough_by_day_30() -> None:
    """Churn decided by the events of 30 days: later days add nothing, earlier lack some."""
    found = []
    for run in range(3):
        frame = world(np.random.default_rng([1, run]), step=1.6)
        panels = dict.fromkeys(DAYS, frame)
        answer = timing.sufficiency(RULE, panels, rng=np.random.default_rng(run))
        found.append(answer.enough_day)
        table = answer.table.set_index("day")
        assert table.loc[30, "explained"] > table.loc[7, "explained"]
        assert table["direction"].eq("at_least").all()
    assert max(found) <= 30
    assert 30 in found


def test_where_use_says_nothing_no_day_is_enough() -> None:
    """A history without any effect names a day in few of many runs."""
    named = 0
    for run in range(8):
        rng = np.random.default_rng([2, run])
        frame = world(rng, n_accounts=300, most_terms=1)
        answer = timing.sufficiency(RULE, {14: frame, 60: frame}, rng=rng)
        named += answer.enough_day is not None
        assert (answer.enough_day is None) == (answer.best_day is None)
    assert named <= 3


def test_each_day_has_its_own_population() -> None:
    """Terms that ended before a day are no part of that day, and count where they were alive."""
    rng = np.random.default_rng(3)
    frame = world(rng, n_accounts=300, most_terms=1, step=1.5)
    alive = frame[rng.random(len(frame)) < 0.9]
    table = timing.sufficiency(RULE, {14: frame, 30: alive}, rng=rng).table.set_index("day")
    assert table.loc[14, "n_terms"] == len(frame)
    assert table.loc[30, "n_terms"] == len(alive)
    assert table.loc[30, "n_churned"] == alive["churned"].sum()


def test_the_best_day_is_not_behind_itself() -> None:
    """The compared loss is a difference: nought for the best day, which is always enough."""
    rng = np.random.default_rng(4)
    frame = world(rng, n_accounts=500, step=1.6)
    answer = timing.sufficiency(RULE, dict.fromkeys((7, 30), frame), rng=rng)
    best = answer.table.set_index("day").loc[answer.best_day]
    assert best["behind"] == 0
    assert best["enough"]


def judged(day: int, lift: float, behind: float) -> tuple[refit.Held, scope.Scope]:
    """Return what is known of a day on 200 accounts, `behind` (± 0.007) the best one a term."""
    n = 200
    account = np.arange(n)
    none = np.zeros(n, dtype=np.int64)
    gain = 0.1 * np.where(account % 2 == 0, 1.0, -1.0) * (day != 60) - behind
    held = refit.Held(lift, 0.04, 0.03, 0.01, gain)
    rows = Rows(np.zeros(n), np.zeros(n), none, account, 1)
    return held, scope.Scope(rows, pd.DataFrame({"subscription_id": account.astype(str)}))


@pytest.mark.parametrize(
    ("lifts", "behinds", "enough"),
    [
        ((0.20, 0.20, 0.20, 0.20), (0.00, 0.00, 0.00, 0.0), [14, 30, 45, 60]),
        ((0.20, 0.20, 0.20, 0.20), (0.10, 0.00, 0.00, 0.0), [30, 45, 60]),
        ((0.20, 0.20, 0.20, 0.20), (0.10, 0.00, 0.10, 0.0), [60]),
        ((0.03, 0.20, 0.20, 0.20), (0.00, 0.00, 0.00, 0.0), [30, 45, 60]),
        ((0.03, 0.03, 0.03, 0.20), (0.00, 0.00, 0.00, 0.0), [60]),
    ],
)
def test_a_day_is_enough_when_none_later_falls_back(
    lifts: tuple[float, ...], behinds: tuple[float, ...], enough: list[int]
) -> None:
    """No day is enough before one that is not, nor with a gap below the best day's interval."""
    found = {
        day: judged(day, lift, behind)
        for day, lift, behind in zip((14, 30, 45, 60), lifts, behinds, strict=True)
    }
    table = pd.DataFrame(
        {
            "day": list(found), "lift_low": [lift - 0.08 for lift in lifts],
            "explained": [0.03, 0.03, 0.03, 0.04],
        }
    )  # fmt: skip
    table["lift_low"] = table["lift_low"].clip(lower=0.01)
    answer = timing._judged(table, found)
    assert answer.best_day == 60
    assert answer.table.loc[answer.table["enough"], "day"].tolist() == enough
    assert answer.enough_day == enough[0]


def test_users_and_segments_of_the_rule_are_kept_on_every_day() -> None:
    """Rows of another segment are left out, and too few users count as nothing at all."""
    frame = world(np.random.default_rng(5), n_accounts=200)
    rule = {**RULE, "segment": "MM", "min_users": 2}
    read = scope.at_day(rule, 14)
    assert read["users_column"] == "users__f0__first_14d"
    found = scope.of_rule(
        read, frame, cluster="account_id", outcome="churned", strata=("segment", "term_months")
    )
    mine = frame[frame["segment"] == "MM"].set_index("subscription_id")
    mine = mine.loc[found.frame["subscription_id"]]
    expected = np.where(mine["users__f0__first_14d"] >= 2, mine["events__f0__first_14d"], -np.inf)
    assert len(mine) == (frame["segment"] == "MM").sum()
    np.testing.assert_array_equal(found.rows.count, expected)


def test_a_count_of_several_is_read_on_another_day_member_by_member() -> None:
    """Each member moves to the window; its level stays."""
    members = [{"column": "events__a__first_60d", "level": 3.0}]
    read = scope.at_day({**RULE, "members": members}, 14)
    assert read["members"] == [{"column": "events__a__first_14d", "level": 3.0}]


def test_only_use_from_the_start_can_be_read_on_another_day() -> None:
    """A window before the decision date has no earlier reading."""
    with pytest.raises(ParameterError, match="start"):
        scope.at_day({**RULE, "column": "events__f0__last_28d"}, 14)


def test_too_little_gives_no_cut_and_no_day() -> None:
    """Thirty terms cannot hold two sides; the counts are still told."""
    frame = world(np.random.default_rng(6), n_accounts=30, most_terms=1)
    rng = np.random.default_rng(6)
    answer = timing.sufficiency(RULE, {7: frame, 30: frame.iloc[:0]}, rng=rng)
    assert answer.enough_day is None
    assert answer.table["n_terms"].tolist() == [30, 0]
    assert answer.table["cut"].isna().all()
    assert timing.decay(RULE, frame, as_of=AS_OF, rng=rng).verdict == timing.UNSURE


def test_what_lasts_has_held_and_what_is_gone_has_faded() -> None:
    """Planted constancy, planted fading, and nothing planted: each gets its own word."""
    said = {}
    for name, steps in {"held": (1.8, 1.8), "faded": (1.8, 0.0), "unsure": (0.0, 0.0)}.items():
        said[name] = [
            timing.decay(
                RULE,
                evaluable(world(np.random.default_rng([7, run]), n_accounts=700, day=60,
                                step=steps[0], newest_step=steps[1])),
                as_of=AS_OF,
                rng=np.random.default_rng(run),
            ).verdict
            for run in range(4)
        ]  # fmt: skip
    for name, verdicts in said.items():
        assert verdicts.count(name) >= 3, (name, verdicts)


def test_the_cut_is_chosen_without_a_look_at_the_newest_outcomes() -> None:
    """Reversing every newest outcome changes neither the cut nor the gap of before."""
    frame = evaluable(world(np.random.default_rng(8), step=1.5, day=60))
    turned = frame.copy()
    newest = known(turned) > pd.Timestamp(AS_OF) - pd.Timedelta(days=365)
    assert 0 < newest.sum() < len(frame)
    turned.loc[newest, "churned"] = 1 - turned.loc[newest, "churned"]
    one = timing.decay(RULE, frame, as_of=AS_OF, rng=np.random.default_rng(1))
    other = timing.decay(RULE, turned, as_of=AS_OF, rng=np.random.default_rng(1))
    assert (one.cut, one.lift_before) == (other.cut, other.lift_before)
    assert one.lift_newest > 0 > other.lift_newest
    assert other.verdict == timing.FADED


def test_terms_not_yet_known_are_used_nowhere() -> None:
    """An outcome within the days of grace changes nothing, whatever it is."""
    frame = world(np.random.default_rng(9), step=1.5, day=60)
    early = date(2023, 6, 30)
    late = known(frame) > pd.Timestamp(early)
    turned = frame.copy()
    turned.loc[late, "churned"] = 1 - turned.loc[late, "churned"]
    tables = [
        timing.decay(RULE, one, as_of=early, rng=np.random.default_rng(1)).table
        for one in (frame, turned)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_periods_part_the_newest_terms_and_mark_what_is_in_sample() -> None:
    """Quarters of the newest part add up to it; the announced rule's quarters to the history."""
    frame = evaluable(world(np.random.default_rng(10), step=1.5, day=60))
    table = timing.decay(RULE, frame, as_of=AS_OF, rng=np.random.default_rng(1)).table
    chosen = table[table["rule"] == "chosen before"].set_index("period")["n_terms"]
    quarters = chosen.drop(["before", "newest"])
    assert quarters.sum() == chosen["newest"]
    assert chosen["before"] + chosen["newest"] == len(frame)
    announced = table[table["rule"] == "announced"]
    assert announced["n_terms"].sum() == len(frame)
    assert announced["in_sample"].all()
    assert not table.loc[table["rule"] == "chosen before", "in_sample"].any()


def test_a_column_alone_can_be_tested() -> None:
    """Without an announced rule the direction is that of before, and nothing is in sample."""
    frame = evaluable(world(np.random.default_rng(11), step=1.8, day=60))
    frame["events__f0__first_60d"] = -frame["events__f0__first_60d"]
    found = timing.decay("events__f0__first_60d", frame, as_of=AS_OF, rng=np.random.default_rng(1))
    assert found.lift_before < 0
    assert found.verdict == timing.HELD
    assert not found.table["in_sample"].any()


def test_lead_time_is_counted_from_the_end_of_the_window() -> None:
    """A year's term judged after 60 days leaves 305; terms the rule is silent on do not count."""
    frame = world(np.random.default_rng(12), n_accounts=50)
    frame["events__f0__first_60d"] = frame["events__f0__first_60d"].astype("Int64")
    frame.loc[:4, "events__f0__first_60d"] = pd.NA
    frame.loc[5, "term_end"] = pd.NaT
    found = timing.lead_time(RULE, frame)
    assert found.to_dict() == {"n_terms": len(frame) - 6, "q25": 305, "median": 305, "q75": 305}


def test_all_rules_of_a_search_are_tested_by_number() -> None:
    """Rows without a rule are passed over."""
    frame = evaluable(world(np.random.default_rng(13), step=1.5, day=60))
    table = pd.DataFrame([RULE, {**RULE, "column": None, "rule_id": None}])
    found = timing.decay_each(table, frame, as_of=AS_OF, rng=np.random.default_rng(1))
    assert list(found) == [3]


def test_wrong_questions_are_refused() -> None:
    """No day, no period, no column: said before anything is computed."""
    frame = world(np.random.default_rng(14), n_accounts=20)
    rng = np.random.default_rng(1)
    with pytest.raises(ParameterError, match="no day"):
        timing.sufficiency(RULE, {}, rng=rng)
    with pytest.raises(ParameterError, match="newest_days"):
        timing.decay(RULE, frame, as_of=AS_OF, newest_days=0, rng=rng)
    with pytest.raises(ParameterError, match="term_end"):
        timing.decay(RULE, frame.drop(columns="term_end"), as_of=AS_OF, rng=rng)
    with pytest.raises(ParameterError, match="events__f0__first_21d"):
        timing.sufficiency(RULE, {21: frame}, rng=rng)


def test_the_best_cut_is_that_of_the_plain_likelihood() -> None:
    """Of all admissible cuts it is the one whose two rates explain a single stratum best."""
    rng = np.random.default_rng(15)
    count = rng.poisson(8, 400).astype(float)
    churned = (rng.random(400) < np.where(count < 7, 0.45, 0.2)).astype(float)
    zero = np.zeros(400, dtype=np.int64)
    rows = refit.Rows(count, churned, zero, np.arange(400), 1)

    def explained(cut: float) -> float:
        # One term of the average churn rate is added to each side, as the code says it does.
        total, rate = 0.0, (churned.sum() + 0.5) / 401
        for side in (count >= cut, count < cut):
            lost, n = churned[side].sum() + rate, side.sum() + 1
            total += lost * np.log(lost / n) + (n - lost) * np.log(1 - lost / n)
        return total

    cuts = refit.admissible_cuts(rows)
    assert refit.best(rows).cut == max(cuts, key=explained)
