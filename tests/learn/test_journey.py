"""Stages, stays, moves, chances and breaks: laws, reference values, and a known truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.features.criteria import AllOf, AnyOf, Leaf, Not
from cs_models.learn import journey, survival
from cs_models.learn.journey import Rules, Stage

HEART = (
    (30, (0.452805, 0.322984, 0.224211)),
    (100, (0.100725, 0.393111, 0.506164)),
    (365, (0.020145, 0.301749, 0.678106)),
    (730, (0.020145, 0.268745, 0.711110)),
)  # R's survival, methods.md 8


def rules(*stages: Stage, path: tuple[str, ...] = ("a",)) -> Rules:
    """Return rules that end in "a", which takes whoever no rule takes."""
    return Rules((*stages, Stage("a", None, "the rest", "path")), path)


def stretches(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Return stretches (thing, first day, last day, x) that begin with the thing."""
    frame = pd.DataFrame(rows, columns=["account_id", "from_day", "to_day", "x"])
    for name in ("from_day", "to_day"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.assign(origin=frame.groupby("account_id")["from_day"].transform("min"))


LOW = Stage("low", Leaf("x", fewer_than=1), "little")
SLOW = replace(LOW, settles_days=3)


def test_the_first_rule_that_holds_wins() -> None:
    """A row that two rules take is in the first; one that none takes is in the other."""
    given_ = rules(LOW, Stage("some", Leaf("x", fewer_than=5), "some"))
    frame = pd.DataFrame({"x": [0.0, 3.0, 9.0, np.nan]})
    assert journey.assign(given_, frame).tolist() == [0, 1, 2, 2]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_row_is_in_exactly_one_stage_whatever_the_rules(data: Any) -> None:
    """Random rules over random rows: the stage of a row is that of asking rule by rule."""
    leaf = st.builds(
        lambda column, level, side: Leaf(column, **{side: level}),
        st.sampled_from(["x", "y"]), st.integers(-2, 2).map(float),
        st.sampled_from(["at_least", "more_than", "at_most", "fewer_than"]),
    )  # fmt: skip
    criterion = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda p: AllOf(tuple(p))),
            st.lists(inner, min_size=1, max_size=3).map(lambda p: AnyOf(tuple(p))),
            inner.map(Not),
        ),
        max_leaves=4,
    )
    asked = data.draw(st.lists(criterion, min_size=1, max_size=4))
    value = st.one_of(st.none(), st.integers(-3, 3).map(float))
    rows = data.draw(st.lists(st.tuples(value, value), min_size=1, max_size=12))
    frame = pd.DataFrame(rows, columns=["x", "y"], dtype="float64")
    own = rules(*(Stage(f"s{k}", when, "w") for k, when in enumerate(asked)))
    found = journey.assign(own, frame)
    assert len(found) == len(frame)
    assert ((found >= 0) & (found < len(own.stages))).all()
    for place, row in zip(found, rows, strict=True):
        plain = next((k for k, when in enumerate(asked) if _holds(when, row)), len(asked))
        assert place == plain


def _holds(when: Any, row: tuple[float | None, float | None]) -> bool | None:
    """Answer a criterion by hand, in Kleene's logic."""
    if isinstance(when, Not):
        inner = _holds(when.part, row)
        return None if inner is None else not inner
    if isinstance(when, AllOf | AnyOf):
        parts = [_holds(part, row) for part in when.parts]
        settled = isinstance(when, AnyOf)
        if settled in parts:
            return settled
        return None if None in parts else not settled
    value = row[0] if when.column == "x" else row[1]
    if value is None:
        return None
    ((side, level),) = when.sides.items()
    return {"at_least": value >= level, "more_than": value > level,
            "at_most": value <= level, "fewer_than": value < level}[side]  # fmt: skip


def test_levels_tell_at_least_from_more_than() -> None:
    """At 3 itself, "at least 3" holds and "more than 3" does not: each has a level."""
    own = rules(Stage("s", AllOf((Leaf("x", at_least=3), Not(Leaf("x", more_than=3)))), "three"))
    assert journey.levels(own)["x"] == [3.0, np.nextafter(3.0, np.inf)]
    assert journey.assign(own, pd.DataFrame({"x": [2.9, 3.0, 3.1]})).tolist() == [1, 0, 1]


def test_what_the_records_cannot_answer_is_left_out_and_said() -> None:
    """One sign of several goes by itself, an `all_of` goes whole, and the reason stays."""
    some = Stage("some", AnyOf((Leaf("x", at_least=1), Leaf("gone", at_least=1))), "w")
    both = Stage("both", AllOf((Leaf("x", at_least=1), Leaf("gone", at_least=1))), "w", "path")
    found = journey.usable(rules(some, both, path=("both", "a")), {"gone": "no table"})
    assert found.shortened == {"some": "no table"}
    assert found.dropped == {"both": "no table"}
    assert found.rules.path == ("a",)
    assert found.rules.stages[0].when == AnyOf((Leaf("x", at_least=1),))


def test_rules_without_or_with_two_open_stages_are_refused() -> None:
    """Exactly one stage takes whoever no rule takes; names stand once; the path names stages."""
    with pytest.raises(ParameterError, match="exactly one stage has no rule"):
        Rules((LOW,), ())
    with pytest.raises(ParameterError, match="stands twice"):
        rules(LOW, LOW)
    with pytest.raises(ParameterError, match="path names a stage"):
        rules(LOW, path=("b",))


def test_a_stage_is_entered_once_it_has_settled() -> None:
    """Two days are not enough of three; the dated example of the module, with its days."""
    frame = stretches(
        ("A", "2024-03-01", "2024-03-09", 5.0), ("A", "2024-03-10", "2024-03-11", 0.0),
        ("A", "2024-03-12", "2024-03-12", 5.0), ("A", "2024-03-13", "2024-03-30", 0.0),
    )  # fmt: skip
    found = journey.stays(frame, rules(SLOW))
    assert found["stage"].tolist() == ["a", "low"]
    assert found["entered_on"].dt.date.tolist() == [date(2024, 3, 1), date(2024, 3, 15)]
    assert found["last_day"].dt.date.tolist() == [date(2024, 3, 14), date(2024, 3, 30)]
    assert found["moved"].tolist() == [True, False]
    assert found[["start", "stop"]].to_numpy().tolist() == [[0, 14], [14, 29]]


def test_a_stage_is_left_once_it_has_been_over_for_long_enough() -> None:
    """Low, then 2 days above, low for 1, then above: with 3 days to leave, left on the third.

    A rule asked earlier takes over at once.
    """
    frame = stretches(
        ("A", "2024-03-01", "2024-03-09", 0.5), ("A", "2024-03-10", "2024-03-11", 5.0),
        ("A", "2024-03-12", "2024-03-12", 0.5), ("A", "2024-03-13", "2024-03-30", 5.0),
        ("B", "2024-03-01", "2024-03-09", 0.5), ("B", "2024-03-10", "2024-03-12", -1.0),
        ("B", "2024-03-13", "2024-03-30", 5.0),
    )  # fmt: skip
    below = Stage("below", Leaf("x", fewer_than=0), "none")
    found = journey.stays(frame, rules(below, replace(LOW, leaves_after_days=3)))
    assert found["stage"].tolist() == ["low", "a", "low", "below", "a"]
    assert found["entered_on"].dt.day.tolist() == [1, 15, 1, 10, 13]
    plain = journey.stays(frame, rules(below, LOW))
    assert plain["stage"].tolist() == ["low", "a", "low", "a", "low", "below", "a"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from([0.0, 3.0, 7.0])), min_size=1,
             max_size=12),
    st.integers(1, 4), st.integers(1, 5), st.integers(0, 40),
)  # fmt: skip
def test_stays_cover_every_day_once_and_a_day_sees_no_later_one(
    runs: list[tuple[int, float]], settles: int, leaves: int, cut: int
) -> None:
    """All days are in one stay each, and cutting the future away leaves a day's stage as it was."""
    own = rules(replace(LOW, settles_days=settles, leaves_after_days=leaves),
                Stage("mid", Leaf("x", fewer_than=5), "some", settles_days=2))  # fmt: skip
    start, rows = pd.Timestamp("2024-01-01"), []
    for length, value in runs:
        end = start + pd.Timedelta(days=length - 1)
        rows.append(("A", start, end, value))
        start = end + pd.Timedelta(days=1)
    frame = stretches(*rows)  # type: ignore[arg-type]
    stays = journey.stays(frame, own)
    days = pd.concat([pd.Series(row.stage, pd.date_range(row.entered_on, row.last_day))
                      for row in stays.itertuples()])  # fmt: skip
    assert days.index.tolist() == pd.date_range("2024-01-01", start, inclusive="left").tolist()
    assert (stays["left_on"].dropna().to_numpy() == stays["entered_on"].to_numpy()[1:]).all()
    last = frame["from_day"].iloc[0] + pd.Timedelta(days=min(cut, len(days) - 1))
    past = frame[frame["from_day"] <= last]
    past = past.assign(to_day=past["to_day"].clip(upper=last))
    assert journey.stays(past, own)["stage"].iloc[-1] == days[last]


def _heart(shared_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared_data / "reference" / "heart.csv")
    later = frame.groupby("id")["transplant"].shift(-1)
    following = np.where(later == 1, "transplant", None)
    return pd.DataFrame(
        {
            "account_id": frame["id"],
            "start": frame["start"],
            # one patient was operated and died on the same day
            "stop": frame["stop"] + 0.5 * (frame["stop"] <= frame["start"]),
            "stage": np.where(frame["transplant"] == 1, "transplant", "wait"),
            "next_stage": np.where(frame["event"] == 1, "death", following),
        }
    )


@pytest.mark.parametrize(("day", "expected"), HEART)
def test_the_heart_patients_are_those_of_r(
    shared_data: Path, day: int, expected: tuple[float, ...]
) -> None:
    """Waiting, transplanted and dead: the numbers of R's survival, to six digits."""
    stages = ["wait", "transplant", "death"]
    found = journey.occupation(_heart(shared_data), stages, [day], initial="wait")
    assert found["chance"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_chances_from_one_day_to_another_multiply(shared_data: Path) -> None:
    """P(0, 100) is P(0, 30) P(30, 100), and the landmark rows add up to one too."""
    stays, stages = _heart(shared_data), ["wait", "transplant", "death"]
    first = journey.occupation(stays, stages, [30, 100], initial="wait")
    state = first[first["time"] == 30].set_index("stage")["chance"]
    later = journey.transition(stays, stages, since=30, until=100, least=1)
    step = later.pivot_table(index="stage", columns="to", values="chance")
    step = step.reindex(index=stages, columns=stages)
    step.loc["death"] = [0.0, 0.0, 1.0]
    whole = first[first["time"] == 100].set_index("stage")["chance"]
    assert (state @ step).to_numpy() == pytest.approx(whole[stages].to_numpy())
    own = journey.transition(stays, stages, since=30, until=100, landmark=True, least=1)
    assert own.groupby("stage")["chance"].sum().to_numpy() == pytest.approx(1.0)


ROWS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 9), st.sampled_from(["a", "b"]),
              st.sampled_from(["a", "b", "c", None])),
    min_size=1, max_size=25,
)  # fmt: skip


def _rows(rows: list[tuple[int, int, str, str | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(k, s, s + d, stage, None if to == stage else to)
         for k, (s, d, stage, to) in enumerate(rows)],
        columns=["account_id", "start", "stop", "stage", "next_stage"],
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_chances_of_every_day_add_up_to_one(rows: list[Any]) -> None:
    """Late entries, ties and people lost from sight: no chance is below nought, and all are one."""
    found = journey.occupation(_rows(rows), ["a", "b", "c"], range(20), initial="a")
    assert found["chance"].min() >= -1e-9
    assert found.groupby("time")["chance"].sum().to_numpy() == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.booleans()),
                min_size=1, max_size=25))  # fmt: skip
def test_two_stages_are_kaplan_meier(rows: list[tuple[int, int, bool]]) -> None:
    """Alive and gone, with late entry: the chance to be alive is Kaplan–Meier's."""
    frame = pd.DataFrame(
        [(k, s, s + d, "alive", "gone" if e else None) for k, (s, d, e) in enumerate(rows)],
        columns=["account_id", "start", "stop", "stage", "next_stage"],
    )
    found = journey.occupation(frame, ["alive", "gone"], range(15), initial="alive")
    alive = found[found["stage"] == "alive"]["chance"].to_numpy()
    event = frame["next_stage"].notna()
    curve = survival.kaplan_meier(frame["stop"], event, entry=frame["start"], least_at_risk=0)
    steps = curve.steps.drop_duplicates("time", keep="last")
    place = np.searchsorted(steps["time"], np.arange(15), side="right") - 1
    assert alive == pytest.approx(steps["survival"].to_numpy()[place])


# A known truth: from each stage, rates a day to the others.
STAGES = ("onboarding", "adopted", "at_risk", "left")
RATES = {
    "onboarding": {"adopted": 1 / 80, "at_risk": 1 / 400, "left": 1 / 2000},
    "adopted": {"at_risk": 1 / 300, "left": 1 / 2000},
    "at_risk": {"adopted": 1 / 60, "left": 1 / 90},
}


def planted(
    n: int, rng: np.random.Generator, *, last: int = 720, memory: float = 1.0,
    rates: dict[str, dict[str, float]] = RATES,
) -> pd.DataFrame:  # fmt: skip
    """Follow accounts with known rates; ``memory`` multiplies those of who was at risk before."""
    rows = []
    for account in range(n):
        entry = int(rng.integers(-200, 300))
        until = int(rng.integers(max(entry, 0) + 60, last))
        stage, now, before, was = "onboarding", 0.0, None, False
        while stage != "left" and now < until:
            own = {to: rate * (memory if was else 1.0) for to, rate in rates[stage].items()}
            wait = rng.exponential(1 / sum(own.values()))
            to = str(rng.choice(list(own), p=np.array(list(own.values())) / sum(own.values())))
            end = now + wait
            if end > max(entry, 0) and now < until:
                rows.append((account, stage, max(now, entry, 0), min(end, until), end <= until, to,
                             before, now >= entry))  # fmt: skip
            was, before, stage, now = was or stage == "at_risk", stage, to, end
    names = ["account_id", "stage", "start", "stop", "moved", "to", "previous_stage", "entry_seen"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(next_stage=frame["to"].where(frame["moved"]), arr=1000.0)


def _true(day: float) -> np.ndarray:
    size = len(STAGES)
    rate = np.zeros((size, size))
    for stage, to in RATES.items():
        for name, value in to.items():
            rate[STAGES.index(stage), STAGES.index(name)] = value
    np.fill_diagonal(rate, -rate.sum(axis=1))
    power = np.linalg.matrix_power(np.eye(size) + rate / 64, int(day * 64))
    return np.asarray(power[0])


def test_known_rates_are_recovered_with_late_entries() -> None:
    """Chances on days 90 and 365 are those of the rates, within 3.5 points and within the band."""
    rng = np.random.default_rng(11)
    stays = planted(1500, rng)
    found = journey.occupation(stays, STAGES, [90, 365], initial="onboarding", n_boot=100, rng=rng)
    for day, own in found.groupby("time"):
        assert own["chance"].to_numpy() == pytest.approx(_true(float(str(day))), abs=0.035)
    truth = np.concatenate([_true(90), _true(365)])
    inside = (found["low"] - 0.01 <= truth) & (truth <= found["high"] + 0.01)
    assert inside.mean() >= 0.75


def test_ignoring_late_entry_would_be_wrong() -> None:
    """Counted from day 0 whatever was watched, more seem to stay than do."""
    stays = planted(1500, np.random.default_rng(12))
    late = stays.assign(start=np.where(stays["entry_seen"], stays["start"], 0.0))
    naive = journey.occupation(late, STAGES, [365], initial="onboarding")["chance"].iloc[-1]
    fair = journey.occupation(stays, STAGES, [365], initial="onboarding")["chance"].iloc[-1]
    assert naive < fair - 0.01
    assert fair == pytest.approx(_true(365)[-1], abs=0.035)


def test_the_time_in_a_stage_counts_those_still_in_it() -> None:
    """An onboarding of rate .0155 a day has a median of 45 days, within its band."""
    truth = np.log(2) / sum(RATES["onboarding"].values())
    rows = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        stays = planted(400, rng)
        found = journey.lasting(stays, STAGES[:3], rng=rng, n_boot=100).set_index("stage")
        rows.append(found.loc["onboarding"])
    told = pd.DataFrame(rows)
    assert told["median"].mean() == pytest.approx(truth, rel=0.12)
    assert ((told["low"] <= truth) & (truth <= told["high"])).sum() >= 6
    done = stays[(stays["stage"] == "adopted") & stays["moved"] & stays["entry_seen"]]
    naive = (done["stop"] - done["start"]).median()
    assert naive < found.loc["adopted", "median"]


def test_a_journey_without_memory_passes_the_test_and_one_with_it_does_not() -> None:
    """Rates that do not look back are taken as alike; rates that doubled after trouble are not."""
    plain = journey.past(planted(500, np.random.default_rng(14)))
    assert not plain.matters
    with_memory = journey.past(planted(900, np.random.default_rng(15), memory=3.0))
    assert with_memory.matters
    assert with_memory.p < 1e-4


def test_chance_alone_breaks_no_journey() -> None:
    """Where all stages lose alike, a clear break is announced in few of 40 histories."""
    alike = {
        "onboarding": {"adopted": 1 / 80, "at_risk": 1 / 250},
        "adopted": {"onboarding": 1 / 200, "at_risk": 1 / 250},
        "at_risk": {"adopted": 1 / 40, "left": 1 / 90},
    }
    announced = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        stays = planted(150, rng, rates=alike)
        found = journey.breaks(stays, STAGES[:2], ["at_risk"], rng=rng, n_draws=400)
        assert found.table["excess"].sum() == pytest.approx(0.0, abs=1e-6)
        announced += bool(found.table["clear"].any())
    assert announced <= 5


def test_losses_come_before_trouble_that_passes() -> None:
    """Whatever its excess, a loss stands first; days, losses and returns are those of a recount."""
    rng = np.random.default_rng(5)
    stays = planted(400, rng)
    found = journey.breaks(stays, STAGES[:2], ["at_risk", "left"], losing=["left"], rng=rng)
    assert found.table["loses"].is_monotonic_decreasing
    assert set(found.passing["to"]) == {"at_risk"}
    assert set(found.losses["to"]) <= {"left"}
    out = stays[(stays["stage"] == "at_risk") & stays["moved"]]
    assert found.passing["back"].iloc[0] == pytest.approx((out["to"] == "adopted").mean())
    rates = found.rates[found.rates["stage"] == "at_risk"]
    low, rate, high = rates[["low", "per_1000_days", "high"]].to_numpy(np.float64)[0]
    assert rate == pytest.approx(1000 / 90, rel=0.15)
    assert low < 1000 / 90 < high


def test_a_planted_break_is_found_with_its_money() -> None:
    """Onboarding that loses three times as often as adoption is the clear break."""
    leaky = {
        "onboarding": {"adopted": 1 / 80, "at_risk": 3 / 250},
        "adopted": {"onboarding": 1 / 200, "at_risk": 1 / 250},
        "at_risk": {"adopted": 1 / 40, "left": 1 / 90},
    }
    rng = np.random.default_rng(3)
    found = journey.breaks(planted(400, rng, rates=leaky), STAGES[:2], ["at_risk"], rng=rng)
    worst = found.table.iloc[0]
    assert worst["stage"] == "onboarding"
    assert worst["clear"]
    assert worst["arr_excess"] == pytest.approx(1000 * worst["excess"])
    assert found.table["clear"].sum() == 1


def test_who_left_before_arriving_competes_with_arriving() -> None:
    """Of four, one arrives on day 2, one leaves on day 3, two are still under way: 1 in 4."""
    frame = pd.DataFrame(
        [("A", "new", 0, 2, "there"), ("A", "there", 2, 9, None), ("B", "new", 0, 3, "left"),
         ("B", "left", 3, 9, None), ("C", "new", 0, 9, None), ("D", "new", 0, 9, None),
         ("E", "there", 4, 9, None)],
        columns=["account_id", "stage", "start", "stop", "next_stage"],
    )  # fmt: skip
    found = journey.reached(frame, ["there"], ["left"])
    assert found["at_risk"].max() == 4  # E was not seen to begin
    assert found["events"].sum() == 1
    counted = journey.moves(
        frame.assign(moved=frame["next_stage"].notna()), ["new", "there", "left"]
    )
    assert counted[["stage", "to", "n"]].to_numpy().tolist() == [
        ["new", "there", 1], ["new", "left", 1],
    ]  # fmt: skip
