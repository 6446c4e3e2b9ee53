"""Laws of the measures' statistics on any ten rows: bounds, order, sums, and no order of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.features.measures.monthly import Monthly
from cs_models.learn import measures, ramps
from cs_models.report.evidence import kept

DRAWN: dict[str, Any] = {"deadline": None, "derandomize": True, "database": None}
ROWS = {"min_size": 1, "max_size": 10}
account = st.sampled_from("abcde")
segment = st.sampled_from(["S", "M"])


def same_backwards(measure: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a measure, having seen that the rows' order says nothing."""
    found = measure(rows)
    pd.testing.assert_frame_equal(found, measure(rows.iloc[::-1]), rtol=1e-9, atol=1e-9)
    return found


def hold_their_value(found: pd.DataFrame, top: float = 1.0) -> None:
    """Values lie within their bounds and intervals."""
    told = found.dropna(subset=["low"])
    assert (found["value"] >= 0).all() and (found["value"] <= top + 1e-12).all()
    assert (told["low"] <= told["value"] + 1e-9).all()
    assert (told["value"] <= told["high"] + 1e-9).all()


def add_up(whole: pd.DataFrame, groups: pd.DataFrame) -> None:
    """See that the groups' sums make those of all."""
    for name in ("numerator", "n"):
        np.testing.assert_allclose(groups[name].sum(), whole[name].sum())


@settings(max_examples=25, **DRAWN)
@given(st.lists(st.tuples(account, segment, st.sampled_from([True, False, None])), **ROWS))
def test_adopted_contracts_are_a_share(rows: list[tuple[str, str, bool | None]]) -> None:
    """M1: a share of those that can be told; segments add up to all."""
    terms = pd.DataFrame(rows, columns=["account_id", "segment", "adopted"])
    terms["adopted"] = terms["adopted"].astype("boolean")
    whole = same_backwards(measures.adopted, terms)
    if terms["adopted"].notna().any():
        hold_their_value(whole)
        add_up(whole, measures.adopted(terms, by=["segment"]))
        assert whole["n"].iloc[0] == terms["adopted"].notna().sum()


@st.composite
def months(draw: st.DrawFn) -> Monthly:
    """Draw accounts' months: active users of so many entitled, features that some of them use."""
    keys = st.tuples(account, st.sampled_from(["2024-01", "2024-02"]))
    rows, users = [], []
    for name, month in draw(st.lists(keys, unique=True, **ROWS)):
        active = draw(st.integers(0, 6))
        there = draw(st.sampled_from([1, 2]))
        used = [float(draw(st.integers(0, active))), float(draw(st.integers(0, active)))]
        if there == 1:
            used[1] = np.nan
        entitled, known = float(draw(st.integers(1, 6))), draw(st.booleans())
        rows.append((name, month, float(active), entitled, known, float(np.nansum(used)), there))
        users.append(used)
    columns = ["account_id", "month", "active", "entitled", "seats_known", "depth", "there"]
    return Monthly(pd.DataFrame(rows, columns=columns), np.array(users), ("f", "g"))


@settings(max_examples=10, **DRAWN)
@given(months())
def test_rates_of_months_hold(found: Monthly) -> None:
    """M1, M2: a feature's users are among the active and the entitled; depth is a share."""
    back = Monthly(found.rows.iloc[::-1], found.users[::-1], found.features)
    for measure in (measures.adoption, measures.feature_adoption, measures.feature_depth,
                    measures.depth):  # fmt: skip
        pd.testing.assert_frame_equal(measure(found), measure(back), rtol=1e-9, atol=1e-9)
    hold_their_value(measures.feature_depth(found).dropna(subset=["value"]))
    hold_their_value(measures.depth(found).dropna(subset=["value"]))
    hold_their_value(measures.adoption(found), top=np.inf)
    assert measures.adoption(found)["seats_known"].between(0, 1).all()
    each = measures.feature_adoption(found).merge(measures.adoption(found), on="month")
    whole = each["n_x"] == each["n_y"]  # months in which every account had the feature
    assert (each["value_x"] <= each["value_y"] + 1e-12)[whole].all()


PERSON = st.tuples(account, st.sampled_from([0, 1, 2, 3, 4]), st.integers(0, 6))


@settings(max_examples=25, **DRAWN)
@given(st.lists(PERSON, **ROWS))
def test_days_and_weeks_of_users_hold(rows: list[tuple[str, int, int]]) -> None:
    """M6: DAU ≤ WAU ≤ MAU, and days a user are those of a usual day times the days there are."""
    people = pd.DataFrame(
        [(name, weeks, min(28, weeks * (1 + more))) for name, weeks, more in rows],
        columns=["account_id", "weeks_4", "active_days"],
    )
    table = same_backwards(measures.stickiness, people).set_index("unit")
    often = same_backwards(measures.frequency, people).iloc[0]
    if people["active_days"].any():
        hold_their_value(table.reset_index())
        assert table.loc["day", "value"] <= table.loc["week", "value"] + 1e-12
        np.testing.assert_allclose(often["value"] / 28, table.loc["day", "value"])
        assert 1 <= often["value"] <= 28


SEATS = st.tuples(segment, st.sampled_from([1.0, 3.0, 8.0, np.nan]), st.integers(0, 9),
                  st.integers(0, 9))  # fmt: skip


@settings(max_examples=25, **DRAWN)
@given(st.lists(SEATS, **ROWS))
def test_seats_are_parted(rows: list[tuple[str, float, int, int]]) -> None:
    """M7: every account with known seats is in one band; unused and used make what was bought."""
    frame = pd.DataFrame(rows, columns=["segment", "seats", "activated", "active"])
    frame = frame.assign(
        account_id=[f"a{n}" for n in range(len(frame))], seats_known=frame["seats"].notna(),
        active=frame[["active", "activated"]].min(axis=1),
        unused=(frame["seats"] - frame["activated"]).clip(lower=0),
    )  # fmt: skip
    frame["utilisation"] = frame["active"] / frame["seats"]
    bands = same_backwards(measures.utilisation, frame)
    known = frame[frame["seats_known"]]
    assert bands["n_accounts"].sum() == len(known)
    assert bands["seats"].sum() == known["seats"].sum()
    shares = bands.groupby("segment")["share"].sum()
    np.testing.assert_allclose(shares, 1)
    if len(known):
        use = same_backwards(measures.seat_use, frame).set_index("measure")["value"]
        assert use["active"] <= use["activated"] + 1e-12
        assert use["unused"] <= 1 + 1e-12
        assert use["activated"] + use["unused"] >= 1 - 1e-12


AREA = st.tuples(account, st.sampled_from("fg"), st.booleans(), st.booleans())


@settings(max_examples=25, **DRAWN)
@given(st.lists(AREA, unique_by=lambda row: row[:2], **ROWS))
def test_areas_never_touched_were_not_touched_lately(rows: list[Any]) -> None:
    """M8: whoever never touched an area did not lately either; features add up to all."""
    touched = pd.DataFrame(rows, columns=["account_id", "feature", "touched", "touched_lately"])
    touched["touched_lately"] &= touched["touched"]
    found = same_backwards(measures.areas, touched)
    hold_their_value(found)
    assert (found["value"] <= found["lately"] + 1e-12).all()
    add_up(measures.areas(touched, by=[]), found)


WAIT = st.tuples(account, st.integers(1, 200), st.booleans(), st.integers(1, 60))


@settings(max_examples=25, **DRAWN)
@given(st.lists(WAIT, **ROWS))
def test_who_still_waits_makes_no_wait_shorter(rows: list[tuple[str, int, bool, int]]) -> None:
    """M3 to M5: bounds; a wait that goes on is longer; those in time are a share of those due."""
    frame = pd.DataFrame(rows, columns=["account_id", "duration_days", "event", "more"])
    frame = frame.assign(
        event=frame["event"].astype(int), duration_days=frame["duration_days"] * 1.0
    )
    told = measures.waits(frame, within_days=90, least_at_risk=1).table
    back = measures.waits(frame.iloc[::-1], within_days=90, least_at_risk=1).table
    pd.testing.assert_frame_equal(told, back)
    row = told.iloc[0]
    assert row["n_reached"] <= row["n"] == len(frame)
    if pd.notna(row["mean_wait"]):
        assert 0 <= row["mean_low"] <= row["mean_wait"] + 1e-9 <= 90 + 1e-6
    longer = frame.assign(
        duration_days=frame["duration_days"] + frame["more"] * (frame["event"] == 0)
    )
    again = measures.waits(longer, within_days=90, least_at_risk=1).table.iloc[0]
    known = [one if one is not None else np.inf for one in (row["median"], again["median"])]
    assert known[0] <= known[1]
    steps = frame.assign(on_time=pd.array([None if m > 40 else bool(e) for e, m in
                                           zip(frame["event"], frame["more"], strict=True)],
                                          "boolean"))  # fmt: skip
    timely = same_backwards(measures.timely, steps)
    if steps["on_time"].notna().any():
        hold_their_value(timely)
        assert timely["n"].iloc[0] == steps["on_time"].notna().sum()


CASES = st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=10)


@settings(max_examples=25, **DRAWN)
@given(CASES)
def test_fifths_of_a_score_part_the_contracts(rows: list[tuple[int, bool]]) -> None:
    """M11: each contract is in one fifth, fifths rise, and rates lie within their intervals."""
    frame = pd.DataFrame(rows, columns=["score", "kept"]).assign(
        account_id=range(len(rows)), score=lambda r: r["score"] / 4
    )
    found = same_backwards(measures.by_fifth, frame)
    assert found["n"].sum() == len(frame)
    assert found["n_lost"].sum() == (~frame["kept"]).sum()
    assert (found["to_score"].to_numpy()[:-1] < found["from_score"].to_numpy()[1:]).all()
    assert (
        (found["low"] <= found["rate"] + 1e-12) & (found["rate"] <= found["high"] + 1e-12)
    ).all()


WEEKS = st.lists(st.tuples(st.integers(7, 70), st.sampled_from([1, 4, None]), st.booleans(),
                           st.lists(st.integers(0, 9), min_size=10, max_size=10)),
                 **ROWS)  # fmt: skip


@settings(max_examples=8, **DRAWN)
@given(WEEKS, st.integers(1, 9))
def test_ramps_hold_whatever_the_contracts(rows: list[Any], cut: int) -> None:
    """M10: marks rise, copies and order change none, and weeks before a cut see none after it."""
    copies = [(f"s{n:02d}-{k:02d}", *row) for n, row in enumerate(rows) for k in range(20)]
    terms = pd.DataFrame(
        [(name, int(left), bought, 70, seen) for name, seen, bought, left, _ in copies],
        columns=["subscription_id", "churned", "seats", "length_days", "seen_days"],
    ).astype({"churned": "Int8", "seats": "Int64"})
    weekly = pd.DataFrame(
        [(name, week, float(n)) for name, _, _, _, uses in copies for week, n in enumerate(uses)],
        columns=["subscription_id", "week", ramps.ALL_USE],
    )
    found = ramps.learn(terms, weekly, (ramps.ALL_USE,))
    back = ramps.learn(terms.iloc[::-1], weekly.iloc[::-1], (ramps.ALL_USE,))
    pd.testing.assert_frame_equal(found.weeks, back.weeks)
    pd.testing.assert_frame_equal(found.fractions, back.fractions)
    for table in (found.weeks, found.fractions):
        marks = table.dropna(subset=["p50"])[list(ramps.NAMES)].to_numpy(np.float64)
        assert (np.diff(marks, axis=1) >= 0).all() and (marks >= 0).all()
        assert (table["n_terms"] % 20 == 0).all()
    early = terms.assign(seen_days=terms["seen_days"].clip(upper=7 * cut))
    seen = ramps.learn(early, weekly, (ramps.ALL_USE,)).weeks
    before = found.weeks[found.weeks["week"] <= cut].reset_index(drop=True)
    pd.testing.assert_frame_equal(seen, before)


DUE = st.tuples(segment, st.integers(0, 9), st.integers(0, 12), st.booleans())


@settings(max_examples=25, **DRAWN)
@given(st.lists(DUE, **ROWS))
def test_what_is_kept_adds_up(rows: list[tuple[str, int, int, bool]]) -> None:
    """M13: 0 ≤ GRR ≤ 1, GRR ≤ NRR, segments add up to all, and growth is no loss."""
    due = pd.DataFrame(rows, columns=["segment", "arr", "arr_end", "gone"]).assign(
        subscription_id=[f"s{n}" for n in range(len(rows))], every="all",
        arr_end=lambda r: r["arr_end"].where(~r["gone"], 0) * 1.0,
    )  # fmt: skip
    groups = kept.retention(due, ["segment"])
    pd.testing.assert_frame_equal(groups, kept.retention(due.iloc[::-1], ["segment"]))
    whole = kept.retention(due, ["every"]).iloc[0]
    told = groups[groups["due_arr"] > 0]
    assert told["grr"].between(0, 1).all()
    assert (told["grr"] <= told["nrr"] + 1e-12).all()
    for name in ("n_due", "due_arr", "n_gone", "loss"):
        assert groups[name].sum() == whole[name]
    if whole["due_arr"] > 0:
        np.testing.assert_allclose(
            (told["grr"] * told["due_arr"]).sum() / whole["due_arr"], whole["grr"]
        )
        assert whole["loss"] <= whole["due_arr"] * (1 - whole["grr"]) + 1e-9
