"""Usual ramps: hand-computed weeks, laws, and a planted course."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.learn import ramps

USES = (ramps.ALL_USE,)


def _terms(rows: list[tuple[str, object, object, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(
        rows, columns=["subscription_id", "churned", "seats", "length_days", "seen_days"]
    )
    return frame.astype({"churned": "Int8", "seats": "Int64"})


def test_weeks_are_laid_out_as_a_hand_would() -> None:
    """Uses over seats; no record is no use; a week not seen to its end is no point."""
    terms = _terms([("s", 0, 2, 28, 20), ("t", 1, None, 28, 28)])
    weekly = pd.DataFrame(
        {"subscription_id": ["s", "s", "t", "gone"], "week": [0, 2, 3, 0],
         ramps.ALL_USE: [4.0, 8.0, 3.0, 9.0]}
    )  # fmt: skip
    rate, weeks = ramps.dense(terms, weekly, USES)
    assert weeks.tolist() == [2, 4]
    np.testing.assert_array_equal(rate[0, :, 0], [2.0, 0.0, np.nan, np.nan])
    np.testing.assert_array_equal(rate[1, :, 0], [0.0, 0.0, 0.0, 3.0])


def _world(rng: np.random.Generator, n: int = 200) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invent contracts whose use rises until week 10; those that left have half of it."""
    churned = (np.arange(n) % 4 == 0).astype(int)
    ids = [f"s{i:03d}" for i in range(n)]
    terms = _terms([(s, c, 5, 364, 364) for s, c in zip(ids, churned, strict=True)])
    week = np.arange(52)
    level = np.where(churned, 10.0, 20.0)[:, None] * np.minimum(1.0, (week + 1) / 10)[None, :]
    uses = rng.poisson(level)
    weekly = pd.DataFrame(
        {"subscription_id": np.repeat(ids, 52), "week": np.tile(week, n),
         ramps.ALL_USE: uses.ravel()}
    )  # fmt: skip
    return terms, weekly[weekly[ramps.ALL_USE] > 0]


def test_the_planted_ramp_is_recovered() -> None:
    """The middle of the renewed rises to four uses a seat by week ten; the left to two."""
    found = ramps.learn(*_world(np.random.default_rng(0)), USES)
    by = found.weeks.set_index(["outcome", "week"])
    assert by.loc[("renewed", 1), "p50"] == pytest.approx(0.4, abs=0.1)
    assert by.loc[("renewed", 30), "p50"] == pytest.approx(4.0, abs=0.3)
    assert by.loc[("left", 30), "p50"] == pytest.approx(2.0, abs=0.3)
    assert by.loc[("renewed", 30), "n_terms"] == 150
    tenth = found.fractions.set_index(["outcome", "fraction"])
    assert tenth.loc[("renewed", 0.95), "p50"] == pytest.approx(4.0, abs=0.3)
    assert (found.n_renewed, found.n_left) == (150, 50)


def test_running_contracts_stand_where_they_were_put() -> None:
    """One in ten of the renewed is under the lowest tenth; one without use is under it."""
    rng = np.random.default_rng(3)
    found = ramps.learn(*_world(rng, 400), USES)
    running, weekly = _world(rng, 400)
    running["seen_days"] = 210
    like = running[running["churned"] == 0].reset_index(drop=True)
    stand = ramps.standing(found, like, weekly[weekly["week"] < 30])
    assert stand["week"].eq(30).all()
    assert stand["below"].mean() < 0.12  # a mean of four weeks swings less than one week
    idle = _terms([("idle", None, 5, 364, 100), ("young", None, 5, 364, 20)])
    told = ramps.standing(found, idle, weekly)
    assert told["subscription_id"].tolist() == ["idle"]
    assert bool(told["below"].iloc[0])


def test_thin_points_are_empty_and_counted() -> None:
    """Below 20 contracts a week has its n and no marks."""
    terms, weekly = _world(np.random.default_rng(1), 40)
    found = ramps.learn(terms, weekly, USES)
    left = found.weeks[found.weeks["outcome"] == "left"]
    assert left["n_terms"].eq(10).all()
    assert left["p50"].isna().all()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 51))
def test_marks_are_in_order_and_the_future_changes_nothing(seed: int, cut: int) -> None:
    """Marks grow from the lowest to the highest; weeks before a cut do not see those after it."""
    terms, weekly = _world(np.random.default_rng(seed), 88)
    found = ramps.learn(terms, weekly, USES).weeks
    marks = found.dropna(subset=["p50"])[list(ramps.NAMES)].to_numpy()
    assert (np.diff(marks, axis=1) >= 0).all()
    early = ramps.learn(terms.assign(seen_days=7 * cut), weekly, USES).weeks
    before = found[found["week"] <= cut].reset_index(drop=True)
    pd.testing.assert_frame_equal(early, before)


def test_waiting_for_a_new_feature_is_not_never() -> None:
    """Kaplan–Meier: of twelve, six tried it at 10 days and six still wait after 30."""
    rows = pd.DataFrame({"feature": "new", "days": [10] * 6 + [30] * 6, "used": [1] * 6 + [0] * 6})
    table = ramps.take_up(rows)
    assert table[["n", "n_used"]].iloc[0].tolist() == [12, 6]
    assert table["median"].iloc[0] == 10.0
    later = ramps.take_up(rows.assign(used=[1] * 5 + [0] * 7))
    assert later["median"].iloc[0] is None
    assert ramps.take_up(rows.iloc[:0]).empty
