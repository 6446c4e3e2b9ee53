"""Statistics of measures on ten rows or fewer, each number worked out beside its test; their laws.

What is told of levels, seats, areas, ramps, the score, support and growth (M6 to M8, M10 to M13).
"""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.learn import measures, ramps
from cs_models.learn.measuring import judged, rhythms
from cs_models.report.evidence import engagement, kept

DRAWN: dict[str, Any] = {"deadline": None, "derandomize": True, "database": None}
ROWS = {"min_size": 1, "max_size": 10}
ON = date(2025, 6, 1)
DUE, ASKED = pd.Timestamp("2025-01-01"), pd.Timestamp("2024-10-03")  # 90 days before
FACTS: Any = SimpleNamespace(on=ON)


# M6, M7: where a user stands to the rhythm of its role


def rhythm(*rows: tuple[str, float, float, bool]) -> pd.DataFrame:
    """Return the middle half of (role, q25, q75, enough)."""
    return pd.DataFrame(rows, columns=["role", "q25", "q75", "enough"])


def test_levels_by_hand() -> None:
    """Clerks: 2 to 4 weeks are within; admins are too few, guests unknown: all's 3 to 6."""
    known = rhythm(("clerk", 2, 4, True), ("admin", 1, 1.5, False), ("all roles", 3, 6, True))
    users = pd.DataFrame(
        [("clerk", 0), ("clerk", 1), ("clerk", 2), ("clerk", 4), ("clerk", 5), ("admin", 2),
         ("admin", 7), ("guest", 6), ("guest", 0)],
        columns=["role", "active_weeks"],
    )  # fmt: skip
    assert rhythms.levels(users, known).tolist() == [
        "no use", "below", "within", "within", "above", "below", "above", "within", "no use",
    ]  # fmt: skip
    nobody = rhythms.levels(users, known.assign(enough=False))
    assert nobody.dropna().tolist() == ["no use", "no use"]


def test_the_rhythm_of_a_role_by_hand() -> None:
    """Of 2, 4, 6 and 8 weeks a quarter lies at 3.5, the middle at 5; one in five is silent."""
    past = pd.DataFrame(
        {"role": "clerk", "active_weeks": [0, 2, 4, 6, 8], "account_id": list("aabbc")}
    )
    row = rhythms.by_role(past).set_index("role").loc["clerk"]
    assert row[["q25", "median", "q75"]].tolist() == [3.5, 5.0, 6.5]
    assert row[["n_users", "n_accounts", "silent", "enough"]].tolist() == [
        5,
        3,
        pytest.approx(0.2),
        False,
    ]


USER = st.tuples(st.sampled_from(["clerk", "admin", "guest"]), st.integers(0, 12))
ROLE = st.tuples(st.integers(1, 12), st.integers(0, 6), st.booleans())


@settings(max_examples=40, **DRAWN)
@given(st.lists(USER, **ROWS), ROLE, ROLE, ROLE)
def test_levels_rise_with_the_weeks(rows: list[Any], clerk: Any, admin: Any, whole: Any) -> None:
    """A user with more weeks never stands lower in its role; none is "no use" but without any."""
    known = rhythm(*(
        (name, low, low + more, enough)
        for name, (low, more, enough) in zip(
            ("clerk", "admin", "all roles"), (clerk, admin, whole), strict=True)
    ))  # fmt: skip
    users = pd.DataFrame(rows, columns=["role", "active_weeks"])
    told = rhythms.levels(users, known)
    pd.testing.assert_series_equal(rhythms.levels(users.iloc[::-1], known).iloc[::-1], told)
    assert (told.eq("no use") == users["active_weeks"].eq(0)).all()
    read = users["role"].map(known.set_index("role")["enough"]).eq(True) | whole[2]
    assert (told.notna() == (read | users["active_weeks"].eq(0))).all()
    place = told.map({"no use": 0, "below": 1, "within": 2, "above": 3})
    for _, own in users.assign(place=place).dropna().groupby("role"):
        assert own.sort_values(["active_weeks", "place"])["place"].is_monotonic_increasing


# M7: seats, M8: areas


def test_seats_never_activated_by_hand() -> None:
    """4 seats with 1 activated and 2 seats with 3: 3 of 6 never were, though 4 of 6 were used."""
    rows = pd.DataFrame(
        {"account_id": list("abc"), "seats": [4.0, 2.0, np.nan], "seats_known": [True, True, False],
         "activated": [1.0, 3.0, 5.0], "active": [1.0, 2.0, 5.0], "unused": [3.0, 0.0, np.nan]}
    )  # fmt: skip
    told = measures.seat_use(rows).set_index("measure")
    assert told["value"].tolist() == [4 / 6, 3 / 6, 3 / 6]
    assert told["n"].tolist() == [6, 6, 6]


def test_areas_never_touched_by_hand() -> None:
    """f: 1 of 3 never touched it, 2 of 3 not lately; g: nobody never, 1 of 3 not lately."""
    rows = pd.DataFrame(
        [("a", "f", True, True), ("b", "f", True, False), ("c", "f", False, False),
         ("a", "g", True, True), ("b", "g", True, True), ("c", "g", True, False)],
        columns=["account_id", "feature", "touched", "touched_lately"],
    )  # fmt: skip
    told = measures.areas(rows).set_index("feature")
    assert told["value"].tolist() == [pytest.approx(1 / 3), 0.0]
    assert told["lately"].tolist() == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert told["n_accounts"].tolist() == [3, 3]


# M10: the marks of the usual ramp


def test_marks_of_a_ramp_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1, 2, 3, 4 and 5 uses a seat the tenth lies at 1.4 and the ninth at 4.6; left apart."""
    monkeypatch.setattr(ramps, "LEAST_TERMS", 5)
    terms = pd.DataFrame(
        {"subscription_id": list("abcdeg"), "churned": [0, 0, 0, 0, 0, 1],
         "seats": pd.array([1, 1, 2, 1, None, 1], dtype="Int64"), "length_days": 70,
         "seen_days": [70, 70, 70, 70, 13, 70]}
    )  # fmt: skip
    weekly = pd.DataFrame(
        {"subscription_id": list("abcdeg"), "week": 0, ramps.ALL_USE: [1.0, 2, 6, 4, 5, 99]}
    )
    found = ramps.learn(terms, weekly, (ramps.ALL_USE,))
    first = found.weeks[(found.weeks["week"] == 1) & (found.weeks["outcome"] == ramps.RENEWED)]
    assert first[list(ramps.NAMES)].iloc[0].tolist() == pytest.approx([1.4, 2, 3, 4, 4.6])
    assert first["n_terms"].tolist() == [5]
    # e closed on day 13: its second week was not over, and four terms are no mark.
    second = found.weeks[(found.weeks["week"] == 2) & (found.weeks["outcome"] == ramps.RENEWED)]
    assert second["n_terms"].tolist() == [4] and second["p50"].isna().all()
    assert (found.n_renewed, found.n_left) == (5, 1)


# M11: does a score order renewals

SCORED = pd.DataFrame(
    {"account_id": range(10), "score": np.arange(10.0, 110, 10),
     "kept": [False, False, True, False, True, True, True, True, True, False]}
)  # fmt: skip


def test_fifths_of_ten_contracts_by_hand() -> None:
    """Two contracts a fifth: none kept, one, two, two, one."""
    told = judged.by_fifth(SCORED)
    assert told["rate"].tolist() == [0, 0.5, 1, 1, 0.5]
    assert told["from_score"].tolist() == [10, 30, 50, 70, 90]
    assert told[["n", "n_lost"]].to_numpy().T.tolist() == [[2] * 5, [2, 1, 0, 0, 1]]


def test_order_of_ten_contracts_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six kept and four lost: of 24 pairs 6 + 6 + 5 + 0 have the kept one above."""
    monkeypatch.setattr(judged, "FEWEST", 2)
    row = judged.order(SCORED, ["score"], n_boot=50, rng=np.random.default_rng(1)).iloc[0]
    assert row["auc"] == pytest.approx(17 / 24)
    assert row[["n", "n_lost", "n_accounts"]].tolist() == [10, 4, 10]


ONE = st.tuples(st.integers(0, 9), st.booleans())


@settings(max_examples=20, **DRAWN)
@given(st.lists(ONE, min_size=2, max_size=10).filter(lambda own: len({k for _, k in own}) == 2))
def test_an_order_turned_round_is_turned_round(rows: list[tuple[int, bool]]) -> None:
    """A score read backwards orders backwards; stretching it, or the rows' order, says nothing."""
    frame = pd.DataFrame(rows, columns=["score", "kept"]).assign(
        account_id=range(len(rows)), back=lambda r: -r["score"], far=lambda r: r["score"] ** 3
    )
    columns = ["score", "back", "far"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(judged, "FEWEST", 1)
        told, again = (
            judged.order(f, columns, n_boot=5, rng=np.random.default_rng(1))["auc"].tolist()
            for f in (frame, frame.iloc[::-1])
        )
    assert told == pytest.approx(again)
    assert told[0] == pytest.approx(1 - told[1]) == pytest.approx(told[2])
    assert 0 <= told[0] <= 1


# M12: renewal by cases, and days to close


def ended(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    """Return contracts of (account, outcome, notice) that came up on the first of January."""
    frame = pd.DataFrame(rows, columns=["account_id", "outcome", "notice_date"])
    return frame.assign(
        subscription_id="s-" + frame["account_id"], segment="S",
        term_start=pd.Timestamp("2024-01-01"), term_end=DUE, closed_date=DUE,
        known_date=DUE + pd.Timedelta(days=30), notice_date=pd.to_datetime(frame["notice_date"]),
    )  # fmt: skip


def opened(*rows: tuple[str, int, int | None]) -> pd.DataFrame:
    """Return cases of (account, days before the day asked of, days that it took)."""
    day = [ASKED - pd.Timedelta(days=ago) for _, ago, _ in rows]
    took = [
        pd.NaT if n is None else d + pd.Timedelta(days=n)
        for d, (_, _, n) in zip(day, rows, strict=True)
    ]
    return pd.DataFrame(
        {"account_id": [name for name, _, _ in rows], "opened": pd.to_datetime(pd.Series(day)),
         "closed": pd.to_datetime(pd.Series(took))}
    )  # fmt: skip


def test_renewal_by_cases_by_hand() -> None:
    """Cases 3, 2, 0, 1, 0, so more than 1 is many; b and e have one left open for over a week."""
    history = ended(("a", "renewed", None), ("b", "churned", None), ("c", "renewed", None),
                    ("d", "churned", None), ("e", "renewed", None), ("f", "involuntary", None),
                    ("g", "churned", "2024-09-01"))  # fmt: skip
    cases = opened(("a", 9, 2), ("a", 20, 2), ("a", 90, 3), ("b", 30, None), ("b", 5, 1),
                   ("d", 5, None), ("e", 200, None), ("f", 3, None), ("c", -4, None),
                   ("z", 270, 1))  # fmt: skip
    handled = engagement._handled(cases, history, FACTS)
    assert handled["account_id"].tolist() == list("abcde")  # f went out of business, g had notice
    assert handled["many"].tolist() == [True, True, False, False, False]
    assert handled["open"].tolist() == [False, True, False, False, True]
    told = engagement._rates(handled).set_index(["volume", "state"])
    assert told["value"].to_dict() == {
        ("few cases", "all handled"): 0.5, ("few cases", "some left open"): 1.0,
        ("many cases", "all handled"): 1.0, ("many cases", "some left open"): 0.0,
    }  # fmt: skip
    assert told["n"].to_dict() == {
        ("few cases", "all handled"): 2, ("few cases", "some left open"): 1,
        ("many cases", "all handled"): 1, ("many cases", "some left open"): 1,
    }  # fmt: skip
    # With open cases b left and e stayed; without, a and c of three stayed.
    found = measures.difference(handled, "kept", "one", side="open")
    assert found["value"] == pytest.approx(1 / 2 - 2 / 3)


TERM = st.tuples(st.sampled_from(["renewed", "churned", "contracted", "involuntary"]),
                 st.sampled_from([None, "2024-09-01", "2024-12-01"]))  # fmt: skip
CASE = st.tuples(st.sampled_from("abcdef"), st.integers(-60, 180),
                 st.one_of(st.none(), st.integers(0, 200)))  # fmt: skip


@settings(max_examples=25, **DRAWN)
@given(st.lists(TERM, min_size=1, max_size=6), st.lists(CASE, max_size=9))
def test_every_contract_is_handled_once(terms: list[Any], cases: list[Any]) -> None:
    """Each contract that could still be kept is in one cell; later cases and order say nothing."""
    history = ended(*((name, *row) for name, row in zip("abcdef", terms, strict=False)))
    first = ("z", 270, 1)
    known = opened(first, *cases)
    handled = engagement._handled(known, history, FACTS)
    rates = engagement._rates(handled)
    told = [row for row in terms if row[0] != "involuntary" and row[1] != "2024-09-01"]
    assert rates["n"].sum() == len(handled) == len(told)
    assert rates["numerator"].sum() == sum(row[0] != "churned" for row in told)
    assert rates["value"].between(0, 1).all()
    assert not rates.duplicated(["volume", "state"]).any()
    back = engagement._handled(known.iloc[::-1], history.iloc[::-1], FACTS)
    pd.testing.assert_frame_equal(handled, back)
    before = opened(first, *(row for row in cases if row[1] > 0))
    pd.testing.assert_frame_equal(handled, engagement._handled(before, history, FACTS))
    found = measures.difference(handled, "kept", "one", side="open")
    if handled["open"].nunique() == 2:
        apart = handled.groupby("open")["kept"].mean()
        assert found["value"] == pytest.approx(apart[True] - apart[False])


def test_days_to_close_by_hand() -> None:
    """Closed on days 2, 4, 6 and 10, one still open at 8: half are closed by day 6, not by 5."""
    rows = pd.DataFrame(
        {"account_id": list("abcdef"), "severity": ["high"] * 5 + ["low"],
         "duration_days": [2.0, 4, 6, 8, 10, 3], "event": [1, 1, 1, 0, 1, 0]}
    )  # fmt: skip
    told = measures.waits(rows, by=["severity"], within_days=9, least_at_risk=1).table
    told = told.set_index("severity")
    assert told.loc["high", ["n", "n_reached", "median"]].tolist() == [5, 4, 6]
    # The curve is 1, .8, .6 and .4 from days 0, 2, 4 and 6 on: 2 + 1.6 + 1.2 + 1.2 until day 9.
    assert told.loc["high", "mean_wait"] == pytest.approx(6.0)
    assert told.loc["low", ["n", "n_reached"]].tolist() == [1, 0]
    assert told.loc["low", "median"] is None


# M13: what was due came to, and growth of those who stay


def past(*rows: tuple[str, str, str, float, str | None, float | None]) -> pd.DataFrame:
    """Return ended terms of (id, end, outcome, arr, next, its arr)."""
    columns = ["subscription_id", "term_end", "outcome", "arr", "next_id", "arr_next"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(
        term_end=pd.to_datetime(frame["term_end"]), arr_next=frame["arr_next"].astype("float64"),
        account_id=frame["subscription_id"].str[0],
    )  # fmt: skip


def test_net_retention_by_hand() -> None:
    """550 due: 90, 0, 100, 150 and 0 at the end is 340 net, and 90 + 100 + 100 is 290 gross."""
    history = past(
        ("a1", "2024-01-15", "renewed", 100, "a2", 120), ("a2", "2024-02-15", "contracted", 120,
        "a3", 90), ("a3", "2024-05-15", "churned", 90, None, 0),
        ("b1", "2024-02-01", "churned", 200, None, 0),
        ("c1", "2024-03-31", "renewed", 100, None, None),
        ("d1", "2024-01-02", "expanded", 100, "d2", 150),
        ("e1", "2024-01-10", "renewed", 50, "e2", 60), ("e2", "2024-03-10", "churned", 60, None, 0),
    )  # fmt: skip
    due = history[history["subscription_id"].str.endswith("1")].assign(
        quarter=pd.Timestamp("2024-01-01"), every="all"
    )[["subscription_id", "account_id", "quarter", "every", "arr"]]
    came = kept.came_to(due.reset_index(drop=True), history)
    assert came["arr_end"].tolist() == [90, 0, 100, 150, 0]
    assert came["gone"].tolist() == [False, True, False, False, True]
    told = engagement._retention(came, ["every"]).iloc[0]
    assert told[["due_arr", "nrr", "grr"]].tolist() == pytest.approx([550, 340 / 550, 290 / 550])
    assert told["loss"] == 250  # what b and e paid when the quarter began


STEP = st.tuples(st.sampled_from(["renewed", "contracted", "churned"]), st.integers(1, 9),
                 st.integers(5, 60))  # fmt: skip


@settings(max_examples=40, **DRAWN)
@given(st.lists(st.lists(STEP, min_size=1, max_size=3), min_size=1, max_size=3))
def test_contracts_are_followed_to_the_end_of_the_quarter(chains: list[list[Any]]) -> None:
    """As one would walk from term to term; who left pays nothing, and order says nothing."""
    first, over = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-04-01")
    rows, wanted = [], []
    for name, chain in zip("abc", chains, strict=False):
        end, pays, gone = first, 5.0, False
        for n, (outcome, worth, days) in enumerate(chain):
            end += pd.Timedelta(days=days)
            left, more = outcome == "churned", n + 1 < len(chain)
            after = 0.0 if left else float(worth) if more else np.nan
            following = f"{name}{n + 1}" if more and not left else None
            arr = 5.0 if n == 0 else float(chain[n - 1][1])
            rows.append((f"{name}{n}", str(end.date()), outcome, arr, following, after))
            if end < over:
                pays, gone = (pays if np.isnan(after) else after), left
            if left:
                break
        wanted.append((pays, gone))
    history = past(*rows)
    due = history[history["subscription_id"].str.endswith("0")][["subscription_id", "arr"]]
    due = due.assign(quarter=first).reset_index(drop=True)
    found = kept.came_to(due, history)
    assert found[["arr_end", "gone"]].to_numpy().tolist() == [list(row) for row in wanted]
    back = kept.came_to(due.iloc[::-1], history.iloc[::-1]).iloc[::-1]
    pd.testing.assert_frame_equal(found, back)


STAYED = ["subscription_id", "account_id", "segment", "arr", "arr_end", "outcome", "gone"]


def test_growth_of_those_who_stay_by_hand() -> None:
    """S: 220 for 200; M: 40 for 50; who left, is not on record or paid nothing is left out."""
    due = pd.DataFrame(
        [("1", "a", "S", 100, 120, "expanded", False), ("2", "b", "S", 100, 100, "renewed", False),
         ("3", "c", "M", 50, 40, "contracted", False), ("4", "d", "M", 100, 0, "churned", True),
         ("5", "e", "M", 70, 70, None, False), ("6", "f", "M", 0, 30, "expanded", False)],
        columns=STAYED,
    )  # fmt: skip
    told = engagement._growth(due).set_index("segment")
    assert told["value"].to_dict() == pytest.approx({"M": 0.8, "S": 1.1, "all": 1.04})
    assert told["grew"].to_dict() == pytest.approx({"M": 0, "S": 0.5, "all": 1 / 3})
    assert told["n_terms"].to_dict() == {"M": 1, "S": 2, "all": 3}


PAID = st.tuples(st.sampled_from("abc"), st.sampled_from(["S", "M"]), st.integers(0, 9),
                 st.integers(0, 12), st.sampled_from(["renewed", "churned", None]))  # fmt: skip


@settings(max_examples=30, **DRAWN)
@given(st.lists(PAID, **ROWS))
def test_growth_adds_up_and_knows_no_currency(rows: list[Any]) -> None:
    """Segments add up to all; who left says nothing; the same in cents and in any order."""
    due = pd.DataFrame(
        [(str(n), a, s, arr, 0 if o == "churned" else end, o, o == "churned")
         for n, (a, s, arr, end, o) in enumerate(rows)],
        columns=STAYED,
    )  # fmt: skip
    told = engagement._growth(due)
    parts, whole = told[told["segment"] != "all"], told[told["segment"] == "all"]
    for name in ("numerator", "n", "n_terms"):
        assert parts[name].sum() == pytest.approx(whole[name].sum())
    assert told["grew"].between(0, 1).all() and (told["value"] >= 0).all()
    pd.testing.assert_frame_equal(told, engagement._growth(due.iloc[::-1]))
    pd.testing.assert_frame_equal(told, engagement._growth(due[~due["gone"]]))
    cents = engagement._growth(due.assign(arr=due["arr"] * 100, arr_end=due["arr_end"] * 100))
    np.testing.assert_allclose(told["value"], cents["value"])
    np.testing.assert_array_equal(told["grew"], cents["grew"])
