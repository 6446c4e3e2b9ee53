"""Lists: who is on them, who gets a person of one team, and what past ones came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.features.adoption import Condition, Definition
from cs_models.features.criteria import AllOf, Leaf, Not
from cs_models.learn import lists
from cs_models.learn.lists import CustomerList
from cs_models.learn.shapes.calls import Play

AS_OF = pd.Timestamp("2026-06-30")
BIG = CustomerList(
    name="big", title="Big ones", action="Call.", grain="account",
    criteria=Leaf("seats", at_least=10), order_by="arr", outcome="left",
)  # fmt: skip
PLAY = Play(Decimal("1000"), 0.8, 0.1, 0.3)


def terms(n: int, seed: int = 1) -> pd.DataFrame:
    """Return running terms with money, seats and a last contact; some accounts have two."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "subscription_id": [f"s{k:03d}" for k in range(n)],
            "account_id": [f"a{k:03d}" for k in rng.integers(0, max(1, int(0.8 * n)), n)],
            "arr": rng.integers(0, 50, n) * 100.0,
            "seats": pd.array(rng.integers(5, 20, n), "Int64").astype("Float64"),
            "days_since_our_contact__to_date": pd.array(rng.integers(1, 60, n), "Int64"),
        }
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 30), st.randoms())
def test_a_list_is_a_partition_whatever_the_order_of_rows(n: int, quiet: int, random: Any) -> None:
    """One row an account, ranks 1 to n in order, and nobody spoken to lately."""
    frame = terms(n)
    asked = replace(BIG, quiet_days=quiet)
    rows = lists.make(asked, frame).rows
    assert rows["account_id"].is_unique
    assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
    assert (rows["days_since_our_contact__to_date"] > quiet).all() or quiet == 0
    assert rows["arr"].is_monotonic_decreasing
    order = list(frame.index)
    random.shuffle(order)
    pd.testing.assert_frame_equal(lists.make(asked, frame.loc[order]).rows, rows)


def several(n: int, seed: int) -> tuple[list[tuple[CustomerList, lists.Made]], pd.DataFrame]:
    """Return five lists over one book: by worth, by ARR, limited, of users, and by message only."""
    rng = np.random.default_rng(seed)
    book = terms(n, seed).assign(expected_value=rng.integers(1, 9, n) * 100.0)
    users = pd.DataFrame(
        {
            "user_id": [f"u{k:03d}" for k in range(n)], "arr": 1.0,
            "account_id": book["account_id"].sample(frac=1.0, random_state=seed).to_numpy(),
            "days_since_created": pd.array(rng.integers(1, 90, n), "Int64"),
        }
    )  # fmt: skip
    kinds: list[dict[str, Any]] = [
        {"order_by": "expected_value", "criteria": Leaf("seats", at_least=int(rng.integers(5, 9)))},
        {"criteria": Leaf("seats", at_most=15)},
        {"criteria": Leaf("seats", at_least=8), "per_week": int(rng.integers(1, 3))},
        {"grain": "user", "outcome": "active", "criteria": Leaf("days_since_created", at_least=30)},
        {"criteria": Leaf("seats", at_least=5), "high_touch_value_share": 0.0},
    ]  # fmt: skip
    turns = rng.integers(1, 4, len(kinds))  # equals stand by name
    asked = [
        replace(BIG, name=f"list_{k}", priority=int(turns[k]), **kind)
        for k, kind in enumerate(kinds)
    ]
    frames = {"account": book, "user": users}
    return [(one, lists.make(one, frames[one.grain])) for one in asked], book


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 40), st.integers(0, 50), st.integers(0, 1000))
def test_the_team_is_shared_over_the_lists(n: int, capacity: int, seed: int) -> None:
    """All calls together are within capacity, and a customer is called once.

    Persons go to those with a call; a message list makes none; a list ordered by what a call is
    worth passes nobody over; others speak to the largest of the book, and leave nobody of these
    while calls are left.
    """
    made, book = several(n, seed)
    weeks = 2
    shared = lists.share(made, book, capacity=capacity, weeks=weeks)
    counted: dict[str, str] = {}
    order = sorted(zip(made, shared, strict=True), key=lambda pair: pair[0][0].turn)
    for (asked, before), after in order:
        rows = after.rows
        assert rows["rank"].equals(before.rows["rank"])
        assert (rows["touch"].eq(lists.HIGH) == rows["in_capacity"]).all()
        assert (rows[lists.CALLED].ne("") == rows["in_capacity"]).all()
        spoken = rows[rows["in_capacity"]]
        for account, name in zip(spoken["account_id"], spoken[lists.CALLED], strict=True):
            assert counted.setdefault(account, name) == name  # one call a customer
        mine = {account for account, name in counted.items() if name == asked.name}
        if asked.per_week is not None:
            assert len(mine) <= asked.per_week * weeks
        if asked.high_touch_value_share == 0:
            assert spoken.empty
        elif asked.by_worth:
            assert rows["in_capacity"].is_monotonic_decreasing or rows.empty
        else:
            large = rows["account_id"].isin(lists.largest(book, asked.high_touch_value_share))
            assert large[rows["in_capacity"]].all()
            if asked.per_week is None and len(counted) < capacity:
                assert (rows["in_capacity"] == large).all()
    assert len(counted) <= capacity


def test_calls_are_shared_by_hand() -> None:
    """Three calls: the first list takes a and b, the second has b for nothing and c, not d."""
    book = pd.DataFrame(
        {
            "subscription_id": list("stuv"), "account_id": list("abcd"), "expected_value": 1.0,
            "arr": [5.0, 9.0, 8.0, 7.0], "seats": pd.array([10, 10, 5, 5], "Int64"),
        }
    )  # fmt: skip
    first = replace(BIG, name="first", priority=1, order_by="expected_value")
    second = replace(BIG, name="second", priority=2, criteria=Leaf("seats", at_least=1))
    made = [(one, lists.make(one, book)) for one in (second, first)]
    later, sooner = (one.rows for one in lists.share(made, book, capacity=3, weeks=13))
    assert sooner[["account_id", "touch"]].to_numpy().tolist() == [["a", "high"], ["b", "high"]]
    assert later["account_id"].tolist() == ["b", "c", "d", "a"]
    assert later["touch"].tolist() == ["high", "high", "tech", "tech"]  # a is not of the largest
    assert later[lists.CALLED].tolist() == ["first", "second", "", ""]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.floats(0.01, 1))
def test_the_fewest_largest_of_the_book_make_the_share(n: int, share: float) -> None:
    """Without its smallest the high touch falls short of the share; with it, it does not."""
    frame = terms(n)
    chosen_ids = lists.largest(frame, share)
    worth = frame.groupby("account_id")["arr"].sum()
    if worth.sum() == 0:
        assert not chosen_ids
        return
    chosen = worth[worth.index.isin(chosen_ids)]
    assert chosen.sum() >= share * worth.sum() * (1 - 1e-9)
    assert chosen.sum() - chosen.min() < share * worth.sum()
    assert chosen.min() >= worth.drop(chosen.index).max() or len(chosen) == len(worth)


def test_four_fifths_of_the_money_by_hand() -> None:
    """Of 50 (in two contracts), 30, 15 and 5 the first two make four fifths."""
    book = pd.DataFrame(
        {"account_id": ["a", "a", "b", "c", "d"], "arr": [25.0, 25.0, 30.0, 15.0, 5.0]}
    )
    assert lists.largest(book, 0.8) == {"a", "b"}


def test_unknown_is_counted_and_not_listed() -> None:
    """A row whose seats are missing is neither on the list nor surely off it."""
    frame = pd.DataFrame(
        {
            "subscription_id": ["s1", "s2", "s3"], "account_id": ["a", "b", "c"],
            "arr": [1.0, 2.0, 3.0], "seats": pd.array([12, None, 4], "Int64"),
        }
    )  # fmt: skip
    made = lists.make(BIG, frame)
    assert made.rows["account_id"].tolist() == ["a"]
    assert (made.n_frame, made.n_unknown, made.n_quiet) == (3, 1, 0)


def panel(n: int = 60) -> pd.DataFrame:
    """Return a panel of running terms that use three features alike, none more than its seats."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{k:03d}" for k in range(n)],
            "account_id": [f"a{k:03d}" for k in range(n)],
            "account_name": [f"Customer {k}" for k in range(n)],
            "as_of_date": AS_OF,
            "term_start": AS_OF - pd.Timedelta(days=200),
            "term_end": AS_OF + pd.to_timedelta(rng.integers(1, 300, n), unit="D"),
            "seats": pd.array([10] * n, "Int64"),
            "arr": [Decimal("1200.00")] * n,
            "segment": pd.array(rng.choice(["SMB", "ENT"], n), "string"),
            "in_notice": pd.array([False] * n, "boolean"),
            "seat_utilisation__last_28d": rng.uniform(0.2, 0.9, n),
            "open_severe_tickets__to_date": pd.array([0] * n, "Int64"),
            "events__last_90d": rng.integers(100, 200, n),
        }
    )
    for feature in ("share", "search", "sync"):
        frame[f"events__{feature}__last_90d"] = rng.integers(1, 50, n)
    return frame


def framed(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """Return what lists are judged on, everyone with a chance of 10 %."""
    scores = pd.DataFrame({"subscription_id": frame["subscription_id"], "p_churn": 0.1})
    given = {"touched": None, "play_days": 30, "play": PLAY, "definition": None, **options}
    return lists.accounts.frame(frame, scores, by=["segment"], **given)


def test_planted_candidates_are_found_and_nobody_else(project_root: Any) -> None:
    """More users than seats, and deep use that never touched one feature: the shipped lists."""
    from cs_models.run import lists_file

    shipped = {one.name: one for one in lists_file.read(project_root / "parameters/lists")}
    frame = panel()
    frame.loc[7, "seat_utilisation__last_28d"] = 1.3
    frame.loc[[11, 23], "events__last_90d"] = 900  # deep
    frame.loc[[11, 30], "events__sync__last_90d"] = 0  # 30 is not deep
    frame.loc[30, "events__last_90d"] = 1
    known = framed(frame)
    over = lists.make(shipped["over_use"], known).rows
    assert over["account_id"].tolist() == ["a007"]
    unused = lists.make(shipped["unused_area"], known).rows
    assert unused["account_id"].tolist() == ["a011"]
    assert unused["unused_names"].tolist() == ["sync"]


def test_what_a_call_is_worth_by_hand() -> None:
    """1 200 a year, a chance of 10 %, margin .8, saves .1 to .3, cost 1 000."""
    row = framed(panel(3)).iloc[0]
    assert row["net_low"] == pytest.approx(0.1 * 0.1 * 0.8 * 1200 - 1000)
    assert row["expected_value"] == pytest.approx(0.2 * 0.1 * 0.8 * 1200 - 1000)
    assert row["net_high"] == pytest.approx(0.3 * 0.1 * 0.8 * 1200 - 1000)
    assert "expected_value" not in framed(panel(3), play=None)


def test_distance_to_the_threshold_is_that_of_the_own_segment() -> None:
    """Below by what is lacking, at the level by nothing, and each segment by its own level."""
    frame = panel(3).assign(segment=["SMB", "SMB", "ENT"], events__first_60d=[3, 12, 12])
    found = framed(
        frame,
        definition=Definition(
            "d",
            (
                Condition("events__first_60d", at_least=10, segment="SMB"),
                Condition("events__first_60d", at_least=30, segment="ENT"),
            ),
        ),
    )
    assert found["threshold_gap"].tolist() == [7.0, 0.0, 18.0]
    assert found["below_threshold"].tolist() == [True, False, True]
    assert found["adopted"].tolist() == [False, True, False]


def contacts(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Return contacts of ours: account, day, kind."""
    frame = pd.DataFrame(rows, columns=["account_id", "day", "kind"])
    day = pd.to_datetime(frame.pop("day"))
    known = day + pd.Timedelta(days=1)
    return frame.assign(user_id="u", occurred_date=day, known_date=known)


def test_last_contact_and_running_play_by_hand() -> None:
    """A contact on the day itself is not seen; a play runs for so many days after its step."""
    touched = contacts(
        ("a", "2026-06-20", "call"), ("a", "2026-06-30", "email"), ("b", "2026-06-10", "playbook"),
        ("c", "2026-03-01", "playbook"),
    )  # fmt: skip
    rows = pd.DataFrame({"account_id": ["a", "b", "c", "d"], "as_of_date": AS_OF})
    found = lists.contacts.beside(rows, touched, play_days=30)
    assert found["days_since_our_contact__to_date"].tolist()[:3] == [10, 20, 121]
    assert pd.isna(found["days_since_our_contact__to_date"].iloc[3])
    assert found["last_contact"].tolist() == ["call", "playbook", "playbook", ""]
    assert found["in_play"].tolist() == [False, True, False, False]


def test_the_sponsor_who_came_last_is_to_be_called() -> None:
    """The latest use says who; a login taken away, or a use not yet known, does not count."""
    day = date(2026, 6, 30)
    users = [
        ("u1", "a", "champion", None), ("u2", "a", "admin", None), ("u3", "a", "member", None),
        ("u4", "a", "decision_maker", date(2026, 6, 29)), ("u5", "b", "admin", None),
        ("u6", "b", "champion", None), ("u7", "c", "member", None),
    ]  # fmt: skip
    events = [
        ("u1", date(2026, 6, 1), date(2026, 6, 2)), ("u2", date(2026, 6, 3), date(2026, 6, 4)),
        ("u3", date(2026, 6, 9), date(2026, 6, 10)), ("u4", date(2026, 6, 20), date(2026, 6, 21)),
        ("u1", date(2026, 6, 10), date(2026, 7, 9)),
    ]  # fmt: skip
    tables = {
        "users": ibis.memtable(
            pd.DataFrame(
                [(*row, date(2026, 1, 1)) for row in users],
                columns=["user_id", "account_id", "role", "deactivated_date", "created_date"],
            ),
            schema={"user_id": "string", "account_id": "string", "role": "string",
                    "deactivated_date": "date", "created_date": "date"},
        ),
        "events": ibis.memtable(
            pd.DataFrame(
                [(*row, "f") for row in events],
                columns=["user_id", "event_date", "known_date", "feature"],
            ),
            schema={"user_id": "string", "event_date": "date", "known_date": "date",
                    "feature": "string"},
        ),
    }  # fmt: skip
    found = lists.callees.to_call(tables, day)
    assert found["call_user_id"].to_dict() == {"a": "u2", "b": "u6"}
    assert found["call_role"].to_dict() == {"a": "admin", "b": "champion"}
    assert found["call_last_use"].tolist()[0] == pd.Timestamp("2026-06-03")
    assert pd.isna(found.loc["b", "call_last_use"])
    assert lists.callees.to_call({"events": tables["events"]}, day).empty
    gone = lists.people.came(tables, tables["users"].execute(), (), date(2026, 6, 1))
    assert gone["gone"].tolist() == [0, 0, 0, 1, 0, 0, 0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9), st.integers(0, 4)),
                min_size=1, max_size=10))  # fmt: skip
def test_what_was_caught_is_part_of_what_came(rows: list[tuple[bool, bool, int, int]]) -> None:
    """Bounds, the share within its interval, and what was listed and what was not make all."""
    on, came, arr, account = (list(column) for column in zip(*rows, strict=True))
    one = lists.caught(on, came, arr, account)
    other = lists.caught([not value for value in on], came, arr, account)
    assert (one.n + other.n, one.arr + other.arr) == (one.n_of, one.arr_of)
    if one.arr_of:
        assert one.share + other.share == pytest.approx(1)
        assert 0 <= one.share <= 1
        if np.isfinite(one.low):
            assert one.low - 1e-12 <= one.share <= one.high + 1e-12


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 9),
                          st.integers(0, 4)), min_size=1, max_size=12))  # fmt: skip
def test_a_list_is_as_far_ahead_of_other_calls_as_what_each_caught(
    rows: list[tuple[bool, bool, bool, int, int]],
) -> None:
    """The gap is that of the two shares; the other way round it is the same with another sign."""
    on, other, came, arr, account = (list(column) for column in zip(*rows, strict=True))
    options: dict[str, Any] = {"n_boot": 200}
    gap = lists.ahead(on, other, came, arr, account, rng=np.random.default_rng(1), **options)
    back = lists.ahead(other, on, came, arr, account, rng=np.random.default_rng(1), **options)
    own, theirs = (lists.caught(of, came, arr, account).share for of in (on, other))
    assert gap.gap == pytest.approx(own - theirs, nan_ok=True)
    assert (gap.low, gap.high) == pytest.approx((-back.high, -back.low), nan_ok=True)
    same = lists.ahead(on, on, came, arr, account, rng=np.random.default_rng(1), **options)
    assert np.isnan(same.gap) or same.gap == 0
    if np.isfinite(gap.low):
        assert -1 <= gap.low <= gap.high <= 1


def test_calls_of_no_more_merit_are_seldom_told_apart_and_better_ones_are() -> None:
    """Two lots of the same size: about one in twenty; one that holds all that left: always."""
    rng = np.random.default_rng(3)
    clear = 0
    for _ in range(60):
        n = 150
        arr, account = rng.lognormal(3, 1, n), rng.integers(0, 100, n)
        one, two = rng.random((2, n)) < 0.3
        came = np.ones(n)
        gap = lists.ahead(one, two, came, arr, account, n_boot=300, rng=rng)
        clear += gap.low > 0 or gap.high < 0
        best = lists.ahead(np.ones(n), two, came, arr, account, n_boot=300, rng=rng)
        assert best.low > 0
    assert clear <= 9


def test_without_contacts_nobody_is_in_a_play_nor_out_of_one() -> None:
    """Missing is never no."""
    rows = pd.DataFrame({"account_id": ["a"], "as_of_date": [AS_OF]})
    found = lists.contacts.beside(rows, None, play_days=30)
    assert found[["in_play", "days_since_our_contact__to_date"]].isna().all(axis=None)


def test_others_are_weighed_as_the_listed_stand() -> None:
    """Near: 2 listed (1 left), 2 others (1 left); far: 1 listed (0), 2 others (2 left).

    Others' rate: 2/3 · 1/2 + 1/3 · 1 = 2/3, listed 1/3; a cell without others does not count.
    """
    listed = [True, True, False, False, True, False, False]
    came = [1, 0, 1, 0, 0, 1, 1]
    cell = ["near"] * 4 + ["far"] * 3
    past = lists.compare(listed, came, list("abcdefg"), cell)
    assert past.rate == pytest.approx(1 / 3)
    assert past.base_rate == pytest.approx(2 / 3)
    assert past.difference == pytest.approx(-1 / 3)
    assert (past.n, past.n_accounts, past.n_hits, past.n_others) == (3, 3, 1, 4)
    assert past.few
    assert not past.apart


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_a_comparison_keeps_its_bounds_and_forgets_the_order(seed: int, n_compared: int) -> None:
    """Rates lie within their intervals, more lists widen the doubt, and rows have no order."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 80))
    listed, came = rng.random(n) < 0.3, np.where(rng.random(n) < 0.1, np.nan, rng.random(n) < 0.4)
    account, cell = rng.integers(0, 30, n), rng.integers(0, 3, n)
    one = lists.compare(listed, came, account, cell)
    many = lists.compare(listed, came, account, cell, n_compared=n_compared)
    shuffled = rng.permutation(n)
    again = lists.compare(listed[shuffled], came[shuffled], account[shuffled], cell[shuffled])
    assert again.rate == pytest.approx(one.rate, nan_ok=True)
    assert again.difference_low == pytest.approx(one.difference_low, nan_ok=True)
    if one.n:
        edge = 1e-12  # of a square root
        assert 0 <= one.low <= one.rate + edge
        assert one.rate - edge <= one.high <= 1
    if np.isfinite(one.difference):
        assert one.difference_low <= one.difference <= one.difference_high
        assert many.difference_low <= one.difference_low
        assert many.difference == pytest.approx(one.difference)


def test_lists_of_chance_are_seldom_told_apart() -> None:
    """Of 200 books with 8 lists drawn by lot, few announce any list (5 % and two errors)."""
    rng = np.random.default_rng(7)
    announced = 0
    for _ in range(200):
        came = rng.random(400) < 0.2
        account, cell = np.arange(400) // 2, rng.integers(0, 4, 400)
        announced += any(
            lists.compare(rng.random(400) < 0.15, came, account, cell, n_compared=8).apart
            for _ in range(8)
        )
    assert announced / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_past_list_is_made_within_capacity_each_time() -> None:
    """The largest two of each quarter, one row an account."""
    frame = terms(40).assign(origin=["q1"] * 20 + ["q2"] * 20)
    chosen = lists.made_again(BIG, frame, by="origin", capacity=2)
    for _, rows in frame.groupby("origin"):
        big = rows[rows["seats"] >= 10].sort_values(
            ["arr", "account_id", "subscription_id"], ascending=[False, True, True]
        )
        expected = big.drop_duplicates("account_id").head(2).index
        assert set(rows.index[chosen.loc[rows.index]]) == set(expected)


def test_a_list_may_not_ask_what_becomes_of_a_term() -> None:
    """The outcome is no criterion, a misspelt column is told the nearest, users have their own."""
    with pytest.raises(ParameterError, match="'churned'"):
        replace(BIG, criteria=Leaf("churned", at_least=1))
    with pytest.raises(ParameterError, match=r"did you mean seat_utilisation__last_28d\?"):
        replace(BIG, criteria=Leaf("seat_utilization__last_28d", at_least=1))
    with pytest.raises(ParameterError, match="active or started or gone"):
        replace(BIG, grain="user")
    asked = CustomerList(
        name="new", title="t", action="a", grain="user", order_by="arr", outcome="started",
        criteria=AllOf((Leaf("role", one_of=("admin",)),
                        Not(Leaf("events__feature=sync__to_date", more_than=0)))),
    )  # fmt: skip
    assert asked.features == ("sync",)


def test_who_is_fair_to_compare_with() -> None:
    """Those of the age and role that must hold; what stands under an or or a not is not asked."""
    frame = pd.DataFrame(
        {
            "days_since_created": pd.array([10, 40, 80], "Int64"),
            "role": ["admin", "member", "admin"],
        }
    )
    asked = CustomerList(
        name="new", title="t", action="a", grain="user", order_by="arr", outcome="active",
        criteria=AllOf((Leaf("days_since_created", at_least=30),
                        Not(Leaf("role", one_of=("member",))))),
    )  # fmt: skip
    assert lists.people.asked_for(asked, frame).tolist() == [False, True, True]
