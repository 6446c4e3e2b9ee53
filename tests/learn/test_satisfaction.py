"""Word, skill and use: laws, hand-computed frames, and planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.learn import satisfaction

FEATURES = [f"f{k}" for k in range(6)]


def _users(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    columns = ["user_id", "account_id", "role", "arr", "satisfaction", "skill", "depth",
               "active_days"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


TEN = _users(
    [
        ("u0", "a", "member", 100.0, 0.9, np.nan, 5.0, 20.0),
        ("u1", "a", "member", 100.0, 0.2, np.nan, 0.0, 0.0),
        ("u2", "a", "member", 100.0, np.nan, np.nan, 1.0, 1.0),
        ("u3", "b", "member", 60.0, 0.7, np.nan, 2.0, 8.0),
        ("u4", "b", "admin", 60.0, 0.6, 80.0, 9.0, 3.0),
        ("u5", "b", "admin", 60.0, np.nan, 20.0, 9.0, 4.0),
    ]
)


def test_the_cube_is_what_a_hand_counts() -> None:
    """Percentiles inside the role, ties halved; ARR split over the users who answered."""
    cube = satisfaction.cube(TEN)
    # Members by depth: 0, 1, 2, 5 stand at 1/8, 3/8, 5/8, 7/8; the admins' surveys at 1/4, 3/4.
    assert cube.users["proficiency"].tolist() == [7 / 8, 1 / 8, 3 / 8, 5 / 8, 3 / 4, 1 / 4]
    assert cube.users["usage"].tolist() == [7 / 8, 1 / 8, 3 / 8, 5 / 8, 1 / 4, 3 / 4]
    assert cube.users["surveyed_skill"].tolist() == [False] * 4 + [True] * 2
    assert cube.users["score"][0] == pytest.approx((0.9 * 7 / 8 * 7 / 8) ** (1 / 3))
    corners = cube.corners.set_index("corner")
    assert corners["n"].sum() == 4
    assert corners.loc["satisfied, skilled, much use", "n"] == 2  # u0 and u3
    assert corners.loc["satisfied, skilled, much use", "arr"] == 100 / 2 + 60 / 2
    assert corners.loc["unsatisfied, less skilled, little use", "n"] == 1  # u1
    assert corners.loc["unsatisfied, skilled, little use", "n"] == 1  # u4
    assert corners["arr"].sum() == 160
    first = cube.response.iloc[0]
    assert (first["n"], first["n_answered"]) == (6, 4)
    assert cube.accounts.set_index("account_id").loc["a", "satisfaction"] == pytest.approx(0.55)


numbers = st.floats(0, 50, allow_nan=False)
maybe = st.one_of(st.none(), st.floats(0, 1, allow_nan=False))


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["member", "admin", None]), maybe,
                  numbers, numbers),
        min_size=2, max_size=25,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_corners_part_the_answers_whatever_the_order_of_rows(rows: list, random: object) -> None:
    """Every answer is in one corner, its money is conserved, and the order of rows is naught."""
    users = _users(
        [(f"u{i}", a, r, float("abc".index(a)), np.nan if s is None else s, np.nan, d, u)
         for i, (a, r, s, d, u) in enumerate(rows)]
    )  # fmt: skip
    users["satisfaction"] = users["satisfaction"].astype(float)
    cube = satisfaction.cube(users)
    answered = users[users["satisfaction"].notna()]
    assert cube.corners["n"].sum() == len(answered)
    paid = answered.drop_duplicates("account_id")["arr"].sum()
    assert cube.corners["arr"].sum() == pytest.approx(paid)
    told = cube.users[["proficiency", "usage"]].to_numpy()
    assert ((told > 0) & (told < 1)).all()
    order = list(range(len(users)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = satisfaction.cube(users.iloc[order].reset_index(drop=True))
    pd.testing.assert_frame_equal(again.corners, cube.corners)


def test_answers_keep_their_meaning_on_every_scale() -> None:
    """NPS 0–10, CSAT 1–5, 1–7 and 0–100 all end at 0 and 1; the middle is the middle."""
    scaled = satisfaction.rescaled
    assert scaled([0, 5, 10], kind="nps", top=10).tolist() == [0, 0.5, 1]
    assert scaled([1, 3, 5], kind="csat", top=5).tolist() == [0, 0.5, 1]
    assert scaled([1, 4, 7], kind="csat", top=7).tolist() == [0, 0.5, 1]
    assert scaled([0, 50, 100], kind="csat", top=98).tolist() == [0, 0.5, 1]
    assert scaled([-100, 0, 100], kind="nps", top=90).tolist() == [0, 0.5, 1]
    assert np.isnan(scaled([np.nan], kind="nps", top=10)).all()


def _answers(rng: np.random.Generator, effect: float, n: int = 500) -> pd.DataFrame:
    """Invent answers: accounts that are happier use more, the active give higher scores."""
    account = rng.integers(0, 110, n)
    mood, vigour = rng.normal(size=110)[account], rng.normal(size=n)
    frame = pd.DataFrame(
        {"account_id": [f"a{i}" for i in account], "segment": np.array(["S", "M"])[account % 2],
         "role": np.array(["member", "admin"])[rng.integers(0, 2, n)],
         "active_days": rng.poisson(np.exp(2 + 0.6 * vigour))}
    )  # fmt: skip
    active = np.log1p(frame["active_days"]) - 2
    for name in FEATURES:
        taste = rng.normal(size=n) + 0.9 * active + 0.4 * mood
        frame[f"uses:{name}"] = (taste > 0.2).astype(int)
    score = 7.2 + 0.8 * mood + 0.5 * active + effect * frame["uses:f0"] + 1.7 * rng.normal(size=n)
    return frame.assign(score=np.clip(np.round(score), 0, 10))


def test_without_any_link_few_worlds_announce_a_feature() -> None:
    """In 100 worlds where only activity goes with NPS, about five announce some feature."""
    announced = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found = satisfaction.feature_gaps(_answers(rng, 0.0), FEATURES, rng=rng, n_draws=199)
        announced += bool(found.table["holds"].any())
    assert announced <= 12  # 5 expected; 12 is beyond three standard errors


def test_a_planted_feature_is_found_and_the_others_are_not() -> None:
    """One feature worth a point of ten is found in most worlds, its companions rarely."""
    found = others = 0
    for seed in range(12):
        rng = np.random.default_rng(1000 + seed)
        table = satisfaction.feature_gaps(_answers(rng, 1.3), FEATURES, rng=rng, n_draws=299).table
        holds = table.set_index("feature")["holds"]
        found += bool(holds["f0"])
        others += bool(holds.drop("f0").any())
        assert table.set_index("feature").loc["f0", "gap"] > 0
    assert found >= 10
    assert others <= 4


def test_too_few_answers_say_so() -> None:
    """Without answers nothing is compared, and the reason is said."""
    rng = np.random.default_rng(0)
    found = satisfaction.feature_gaps(_answers(rng, 0.0, n=10), FEATURES, rng=rng, n_draws=99)
    assert found.table.empty
    assert found.why_not


def _terms(rng: np.random.Generator, effect: float, n: int = 900) -> pd.DataFrame:
    vigour = rng.normal(size=n)
    frame = pd.DataFrame(
        {"account_id": [f"a{i // 2}" for i in range(n)],
         "segment": np.array(["S", "M"])[rng.integers(0, 2, n)],
         "term_months": 12, "term_no": 1 + np.arange(n) % 2,
         "term_start": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, n), "D"),
         "arr": np.exp(rng.normal(9, 1, n))}
    )  # fmt: skip
    for name in FEATURES:
        frame[name] = rng.poisson(np.exp(2 + 0.6 * vigour + 0.8 * rng.normal(size=n)))
    logit = -1.0 - 0.3 * vigour - effect * (np.log1p(frame["f0"]) - 2)
    return frame.assign(churned=(rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int))


def test_the_feature_that_goes_with_renewal_is_told_from_its_companions() -> None:
    """All features share the customer's vigour; only the planted one is a signal."""
    signals = others = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found = satisfaction.links(_terms(rng, 0.8), {f: f for f in FEATURES}, rng=rng, n_draws=299)
        role = found.table.set_index("feature")["role"]
        signals += role["f0"] == "goes with renewal"
        others += bool((role.drop("f0") == "goes with renewal").any())
    assert signals >= 5
    assert others <= 2


TOLD = set(satisfaction.SHAPES)


def test_without_any_link_few_worlds_tell_product_of_a_feature() -> None:
    """In 100 worlds where only activity goes with renewal, about five tell of a line or a bend."""
    told = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found = satisfaction.links(_terms(rng, 0.0), {f: f for f in FEATURES}, rng=rng, n_draws=199)
        told += bool(found.table["role"].isin(TOLD).any())
    assert told <= 12  # 5 expected; 12 is beyond three standard errors


@pytest.mark.parametrize(
    ("curve", "role"),
    [(0.6, "most renewed at both ends"), (-0.6, "most renewed in the middle")],
)
def test_a_planted_bend_is_named_a_bend_and_where_it_turns(curve: float, role: str) -> None:
    """Where renewal turns at 7.2 uses, more is not said to go with more, nor elsewhere a bend."""
    named, turns, others = 0, [], 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        terms = _terms(rng, 0.0)
        away = np.log1p(terms["f0"]) - np.log1p(7.2)
        logit = -0.8 - curve * (away**2 - 1)
        terms["churned"] = (rng.random(len(terms)) < 1 / (1 + np.exp(-logit))).astype(int)
        found = satisfaction.links(terms, {f: f for f in FEATURES}, rng=rng, n_draws=299)
        table = found.table.set_index("feature")
        named += table["role"]["f0"] == role
        turns.append(table["turns_at"]["f0"])
        others += bool(table["role"].drop("f0").isin(TOLD).any())
    assert named >= 5
    assert np.nanmedian(turns) == pytest.approx(7.2, abs=1.0)
    assert others <= 2


def test_what_is_told_passes_alone_and_beside_the_others() -> None:
    """The p printed is never below that of the feature alone, and decides the role."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        terms = _terms(rng, 0.35)
        table = satisfaction.links(terms, {f: f for f in FEATURES}, rng=rng, n_draws=199).table
        told = table["role"].isin(TOLD)
        assert (table["p"] >= table["p_alone"]).all()
        assert (table.loc[told, "p"] <= 0.05).all()
        assert (table.loc[~told, "p"] > 0.05).all()


def test_an_export_that_goes_with_renewal_is_asked_about_and_not_championed() -> None:
    """Heavy use of what carries data away may be packing, whatever its name or the user says."""
    names = ["data_export", "Bulk Download", "moved_out", "board"]
    used = pd.DataFrame({"feature": names, "share": 0.9, "n_content": 9, "content_high": 1.0})
    linked = pd.DataFrame({"feature": names, "role": "goes with renewal", "low": 0.0, "high": 1.0})
    says = satisfaction.feedback(used, linked, exports=["moved_out"]).set_index("feature")["says"]
    assert says["board"] == "Champion it."
    assert says.drop("board").str.startswith("Ask what it is used for").all()


def test_feedback_names_what_is_not_needed() -> None:
    """A feature that no content person uses is not needed; a little used one is asked about."""
    users = pd.DataFrame(
        {"account_id": [f"a{i}" for i in range(60)], "active": True,
         "content": [True] * 30 + [False] * 30,
         "uses:liked": 1, "uses:spare": [0] * 30 + [1] * 30, "uses:rare": [1] * 6 + [0] * 54}
    )  # fmt: skip
    used = satisfaction.use_now(users, ["liked", "spare", "rare"])
    none = satisfaction.Links(pd.DataFrame(columns=["feature", "n", "n_accounts", "points", "low",
                                                    "high", "p", "role"]), 0, 0, 0)  # fmt: skip
    table = satisfaction.feedback(used, none.table).set_index("feature")
    assert table.loc["liked", "share"] == 1.0
    assert bool(table.loc["spare", "not_needed"])
    assert not table.loc["rare", "widely"]
    assert not table.loc["rare", "not_needed"]  # 6 of 30 content people use it
    assert table.loc["spare", "says"].startswith("Not needed")


def test_word_and_deed_meet_as_counted_by_hand() -> None:
    """Thirds of the segment by use; praise from 0.85, complaint below 0.65; renewal counted."""
    past = pd.DataFrame(
        {"account_id": list("abcdef"), "segment": "S",
         "satisfaction": [0.9, 0.9, 0.5, 0.5, 0.7, np.nan],
         "use": [1.0, 9.0, 8.0, 2.0, 5.0, 4.0], "churned": [1, 0, 0, 1, 0, 1]}
    )  # fmt: skip
    today = past.assign(arr=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    table = satisfaction.meetings(past, today).set_index(["says", "does"])
    assert table.loc[("praise", "hardly uses"), "renewal_rate"] == 0.0
    assert table.loc[("praise", "uses much"), "renewal_rate"] == 1.0
    assert table.loc[("complaint", "uses much"), "arr_today"] == 30.0
    assert table.loc[("no answer", "in between"), "n_today"] == 1
    assert table["n_terms"].sum() == 6
    assert table["arr_today"].sum() == 210.0
    assert table.index[table["disagree"]].tolist() == [
        ("praise", "hardly uses"), ("complaint", "uses much")
    ]  # fmt: skip
    twice = satisfaction.meetings(past, pd.concat([today, today])).set_index(["says", "does"])
    assert twice["n_today"].tolist() == table["n_today"].tolist()  # customers, not contracts
    assert twice["arr_today"].sum() == 420.0
    said = satisfaction.surprises(past).set_index("says")
    assert said["n_renewed"].to_dict() == {
        "praise": 1, "neither": 1, "complaint": 1, "no answer": 0
    }  # fmt: skip
