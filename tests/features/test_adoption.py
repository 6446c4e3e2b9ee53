"""A definition of adoption: stated or learnt, it answers yes, no or not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError
from cs_models.features import adoption, catalogue
from cs_models.features.adoption import Condition, Definition, Level
from cs_models.learn.rules import reading

SHARED = "events__report_shared__first_60d"
USERS = "users__report_shared__first_60d"
DAYS = "active_days__first_30d"


def panel(n: int = 200, seed: int = 1) -> pd.DataFrame:
    """Return a panel with some unknown counts, three segments and one row without any."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            SHARED: pd.array(rng.poisson(4, n), "Int64"),
            USERS: pd.array(rng.poisson(2, n), "Int64"),
            DAYS: rng.poisson(9, n).astype(float),
            "segment": pd.array(rng.choice(["SMB", "MM", "ENT"], n), "string"),
        }
    )
    frame.loc[frame.sample(20, random_state=seed).index, [SHARED, USERS]] = pd.NA
    frame.loc[frame.sample(20, random_state=seed + 1).index, DAYS] = np.nan
    frame.loc[0, "segment"] = pd.NA
    return frame


def row(**changed: Any) -> dict[str, Any]:
    """Return a row of results.json that holds a leading rule."""
    return {
        "role": "signal", "verdict": "associated", "direction": "at_least", "cut": 4.0,
        "column": SHARED, "users_column": USERS, "min_users": 1, "segment": None,
        "segment_by": "segment", "rule": "at least 4 report_shared events", "cut_below": 3.0,
    } | changed  # fmt: skip


def write(folder: Path, *rows: Any, **content: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    file.write_text(json.dumps({"as_of": "2026-06-30", "thresholds": rows, **content}))
    return file


def test_all_conditions_must_hold_and_all_must_be_known() -> None:
    """Row by row: NA if any count is missing, else true exactly when every condition holds."""
    frame = panel()
    conditions = (Condition(SHARED, at_least=3, by_users=2), Condition(DAYS, fewer_than=12))
    answered = adoption.met(Definition("d", conditions), frame)
    assert answered.dtype == "boolean"
    for at in frame.index:
        shared, users, days = frame.loc[at, [SHARED, USERS, DAYS]]
        if pd.isna(shared) or pd.isna(users) or pd.isna(days):
            assert pd.isna(answered[at])
        else:
            assert answered[at] == (shared >= 3 and users >= 2 and days < 12)


def test_the_two_sides_of_a_line_are_each_others_negation() -> None:
    """fewer_than is true exactly where at_least is false, whatever number of users is asked for."""
    frame = panel()
    for users in (1, 3):
        upper = adoption.met(
            Definition("d", (Condition(SHARED, at_least=4, by_users=users),)), frame
        )
        lower = adoption.met(
            Definition("d", (Condition(SHARED, fewer_than=4, by_users=users),)), frame
        )
        pd.testing.assert_series_equal(upper, ~lower)


def test_a_segment_with_conditions_of_its_own_is_judged_by_those_alone() -> None:
    """Other segments take the common conditions; without any they are not known."""
    frame = panel()
    own = Condition(DAYS, at_least=5, segment="MM")
    common = Condition(SHARED, at_least=3)
    both = adoption.met(Definition("d", (common, own)), frame)
    alone = adoption.met(Definition("d", (own,)), frame)
    mine = frame["segment"].eq("MM").fillna(False).astype(bool)
    only_own = adoption.met(Definition("d", (Condition(DAYS, at_least=5),)), frame)
    only_common = adoption.met(Definition("d", (common,)), frame)
    pd.testing.assert_series_equal(both, only_common.mask(mine, only_own))
    pd.testing.assert_series_equal(alone, only_own.where(mine))


def test_several_columns_can_be_counted_together() -> None:
    """Two of these three: it counts the levels reached, and knows nothing where one is missing."""
    frame = panel()
    of = (Level(SHARED, 4), Level(USERS, 2), Level(DAYS, 9))
    answered = adoption.met(Definition("d", (Condition(of=of, at_least=2),)), frame)
    numbers = frame[[SHARED, USERS, DAYS]].astype(float)
    expected = (numbers >= [4, 2, 9]).sum(axis=1) >= 2
    expected = expected.astype("boolean").where(numbers.notna().all(axis=1))
    pd.testing.assert_series_equal(answered, expected)


def test_what_is_asked_of_the_panel_is_enough() -> None:
    """The request names the windows and features of exactly the columns that are needed."""
    recent = "events__export__last_28d"
    definition = Definition(
        "d",
        (Condition(SHARED, at_least=3, by_users=2), Condition(DAYS, at_least=2),
         Condition(recent, fewer_than=9), Condition(DAYS, at_least=3, segment="SMB")),
    )  # fmt: skip
    assert adoption.columns(definition) == (SHARED, USERS, DAYS, recent, "segment")
    assert adoption.request(definition) == {
        "first_days": (30, 60),
        "windows_days": (28,),
        "features": ("export", "report_shared"),
    }


def test_a_panel_without_the_columns_is_refused_by_name() -> None:
    """Nobody is called not adopted because a column was forgotten."""
    with pytest.raises(ParameterError, match=SHARED):
        adoption.met(Definition("d", (Condition(SHARED, at_least=1),)), panel()[[DAYS]])


def test_a_definition_is_said_in_words() -> None:
    """Every condition is said once, segments by name, the rest last."""
    text = adoption.words(
        Definition(
            "d",
            (Condition(SHARED, at_least=3, by_users=2), Condition(DAYS, fewer_than=9, segment="MM"),
             Condition(of=(Level(DAYS, 9), Level(SHARED, 1)), at_least=1, segment="MM")),
        )
    )  # fmt: skip
    assert text == (
        "in MM: fewer than 9 active days in the first 30 days of the term and at least 1 of these: "
        "at least 9 active days in the first 30 days of the term; at least 1 report_shared events "
        "in the first 60 days of the term; elsewhere: at least 3 report_shared events in the first "
        "60 days of the term, by at least 2 users"
    )


def test_the_rest_is_said_only_where_somebody_is_of_it() -> None:
    """Where every segment present has a level of its own, that of all the others goes unsaid."""
    found = Definition(
        "d", (Condition(SHARED, at_least=3), Condition(DAYS, at_least=9, segment="MM"))
    )
    assert "elsewhere" not in adoption.words(found, ["MM"])
    assert "elsewhere: at least 3" in adoption.words(found, ["MM", "SMB"])
    alone = Definition("d", (Condition(SHARED, at_least=3),))
    assert adoption.words(alone, []) == adoption.words(alone)


@pytest.mark.parametrize(
    "wrong",
    [
        {"column": "logins__first_60d", "at_least": 1},
        {"column": "segment", "at_least": 1},
        {"column": "days_to_first__f__to_date", "fewer_than": 30},
        {"column": DAYS},
        {"column": DAYS, "at_least": float("nan")},
        {"column": DAYS, "at_least": 1, "fewer_than": 2},
        {"column": DAYS, "at_least": 1, "by_users": 2},
        {"at_least": 1},
        {"column": DAYS, "of": (Level(DAYS, 1),), "at_least": 1},
        {"of": (Level("nothing", 1),), "at_least": 1},
    ],
    ids=str,
)
def test_what_is_no_condition_is_refused(wrong: dict[str, Any]) -> None:
    """One side of one level of a column that a panel can have, or nothing."""
    with pytest.raises(ParameterError) as refusal:
        Condition(**wrong)
    assert refusal.value.where and refusal.value.repair


@pytest.mark.parametrize("direction", ["at_least", "at_most"])
@pytest.mark.parametrize("min_users", [1, 2])
def test_a_learnt_definition_says_what_its_rule_says(
    tmp_path: Path, direction: str, min_users: int
) -> None:
    """On every panel it answers as the rule itself does with the rule it came from."""
    rule = row(direction=direction, min_users=min_users, segment="MM")
    definition = adoption.from_results(write(tmp_path, rule))
    frame = panel()
    pd.testing.assert_series_equal(
        adoption.met(definition, frame), reading.apply(rule, frame), check_names=False
    )
    assert adoption.words(definition) == "in MM: at least 4 report_shared events"
    assert definition.name == "learnt from the history up to 2026-06-30"


def test_the_leading_signal_of_each_segment_is_taken(tmp_path: Path) -> None:
    """Echoes and later signals of the same scope are no part of the definition."""
    rows = [
        row(segment="MM", cut=9.0), row(cut=5.0), row(segment="MM", cut=2.0),
        row(segment="ENT", role="echo", cut=1.0), row(segment="SMB", role=None, verdict="none"),
    ]  # fmt: skip
    write(tmp_path / "run" / adoption.NOTEBOOK, *rows)
    definition = adoption.from_results(tmp_path / "run")
    assert [(part.segment, part.level) for part in definition.conditions] == [
        ("MM", 9.0),
        (None, 5.0),
    ]


def test_a_learnt_count_of_several_is_taken_over(tmp_path: Path) -> None:
    """A rule of the kind "k of these" becomes a condition on its members."""
    members = [{"column": SHARED, "level": 3.0}, {"column": DAYS, "level": 8.0}]
    rule = row(column="2 of these", members=members, cut=1.0)
    (part,) = adoption.from_results(write(tmp_path, rule)).conditions
    assert part.of == (Level(SHARED, 3.0), Level(DAYS, 8.0))
    assert part.level == 1.0


@pytest.mark.parametrize("verdict", ["none", "too_little_data"])
def test_a_run_that_found_nothing_defines_nothing(tmp_path: Path, verdict: str) -> None:
    """The refusal names the file, the verdict and what to do."""
    file = write(tmp_path, row(role=None, verdict=verdict, column=None, cut=None))
    with pytest.raises(DataError, match=verdict) as refusal:
        adoption.from_results(tmp_path)
    assert str(file) in str(refusal.value)
    assert "adoption_definition" in refusal.value.repair


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"thresholds": 3}', '{"thresholds": [3]}', "{", "\x00"]
)
def test_another_kind_of_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """Neither the results of another notebook nor a broken file is taken for learnt thresholds."""
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(ParameterError, match="not the results") as refusal:
        adoption.from_results(file)
    assert str(file) in str(refusal.value)
    with pytest.raises(ParameterError, match="no learnt thresholds"):
        adoption.from_results(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "broken", [{"direction": "up"}, {"cut": None}, {"column": "nothing"}, {"min_users": "two"}]
)
def test_a_row_that_cannot_be_read_is_refused_by_file(
    tmp_path: Path, broken: dict[str, Any]
) -> None:
    """A changed or foreign row stops the run instead of defining something else."""
    file = write(tmp_path, row(**broken))
    with pytest.raises(DataError, match="cannot be read") as refusal:
        adoption.from_results(file)
    assert str(file) in str(refusal.value)


def test_every_windowed_measure_of_the_catalogue_can_define_adoption() -> None:
    """Use, tickets and onboarding in any window can be asked for; how a customer stands cannot."""
    for name in sorted(catalogue.RELATIONS):
        if "last" in (kind := catalogue.KINDS[name]).account_anchors:
            column = catalogue.Measure(name, None, "last", kind.only_days or 60).column
            with pytest.raises(ParameterError, match="no panel has such a column") as refusal:
                Condition(column, at_least=1)
            assert name not in refusal.value.repair
    for name in sorted(set(catalogue.KINDS) - catalogue.RELATIONS):
        kind = catalogue.KINDS[name]
        for anchor in {"first", "last"} & (kind.account_anchors | kind.feature_anchors):
            feature = None if anchor in kind.account_anchors else "f"
            column = catalogue.Measure(name, feature, anchor, kind.only_days or 60).column
            assert Condition(column, at_least=1).columns == (column,)
