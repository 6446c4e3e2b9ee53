"""Criteria: Kleene's logic over any frame, and a refusal that names what to change."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.features import criteria
from cs_models.features.criteria import AllOf, AnyOf, Criterion, Leaf, Not
from cs_models.features.criteria.words import column_words
from cs_models.features.daily import accounts, users
from cs_models.run.criteria import CriterionParameters

LEAVES = st.one_of(
    st.builds(lambda low: Leaf("seats", at_least=low), st.integers(0, 9)),
    st.builds(lambda high: Leaf("seats", fewer_than=high), st.integers(0, 9)),
    st.builds(lambda low: Leaf("nps", more_than=low), st.integers(0, 9)),
    st.builds(lambda said: Leaf("adopted", is_=said), st.booleans()),
    st.builds(lambda said: Leaf("nps", missing=said), st.booleans()),
    st.just(Leaf("segment", one_of=("SMB", "MM"))),
    st.just(Leaf("day", at_most="2026-06-30")),
)
CRITERIA: st.SearchStrategy[Criterion] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)
PARTS = st.lists(CRITERIA, min_size=1, max_size=3).map(tuple)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Return a few rows in which anything may be missing."""
    rows = draw(
        st.lists(
            st.tuples(
                st.none() | st.integers(0, 9),
                st.none() | st.integers(0, 10),
                st.none() | st.booleans(),
                st.none() | st.sampled_from(["SMB", "MM", "ENT"]),
                st.none() | st.dates(date(2026, 5, 1), date(2026, 8, 1)),
            ),
            min_size=1, max_size=8,
        )
    )  # fmt: skip
    seats, nps, adopted, segment, day = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "seats": pd.array(seats, "Int64"),
            "nps": pd.Series(nps, dtype=float),
            "adopted": pd.array(adopted, "boolean"),
            "segment": pd.array(segment, "string"),
            "day": pd.to_datetime(pd.Series(day, dtype=object)),
        }
    )


def agree(one: pd.Series, other: pd.Series) -> None:
    pd.testing.assert_series_equal(one, other, check_names=False)


@settings(max_examples=40, deadline=None)
@given(PARTS, frames())
def test_de_morgan(parts: tuple[Criterion, ...], frame: pd.DataFrame) -> None:
    """Not all of them is any of the nots, and not any is all of the nots, unknown rows included."""
    nots = tuple(Not(part) for part in parts)
    agree(criteria.holds(Not(AllOf(parts)), frame), criteria.holds(AnyOf(nots), frame))
    agree(criteria.holds(Not(AnyOf(parts)), frame), criteria.holds(AllOf(nots), frame))


@settings(max_examples=40, deadline=None)
@given(CRITERIA, frames())
def test_a_double_not_is_nothing(part: Criterion, frame: pd.DataFrame) -> None:
    """Not not a criterion is the criterion, on every row."""
    agree(criteria.holds(Not(Not(part)), frame), criteria.holds(part, frame))


@settings(max_examples=40, deadline=None)
@given(CRITERIA, frames(), st.randoms())
def test_the_order_of_rows_does_not_matter(
    part: Criterion, frame: pd.DataFrame, random: object
) -> None:
    """Each row's answer is its own: shuffled rows keep theirs."""
    order = list(frame.index)
    random.shuffle(order)  # type: ignore[attr-defined]
    agree(criteria.holds(part, frame.loc[order]), criteria.holds(part, frame).loc[order])


@settings(max_examples=40, deadline=None)
@given(CRITERIA, frames())
def test_what_becomes_known_never_turns_an_answer(part: Criterion, frame: pd.DataFrame) -> None:
    """Without `missing`, an answer given while something is unknown stands when it is filled in."""
    if "missing=True" in repr(part) or "missing=False" in repr(part):
        return
    filled = frame.assign(
        seats=frame["seats"].fillna(3), nps=frame["nps"].fillna(8),
        adopted=frame["adopted"].fillna(True), segment=frame["segment"].fillna("SMB"),
        day=frame["day"].fillna(pd.Timestamp("2026-06-30")),
    )  # fmt: skip
    before, after = criteria.holds(part, frame), criteria.holds(part, filled)
    assert after.notna().all()
    known = before.notna()
    agree(before[known], after[known])


def test_kleenes_tables_by_hand() -> None:
    """False settles an and, True settles an or, and otherwise the unknown stays unknown."""
    frame = pd.DataFrame({"seats": [12, 12, 12], "nps": [np.nan, 9.0, 3.0]})
    many, few, happy = (
        Leaf("seats", at_least=10),
        Leaf("seats", at_least=20),
        Leaf("nps", at_least=9),
    )
    answers: dict[Criterion, list[Any]] = {
        AllOf((many, happy)): [pd.NA, True, False],
        AllOf((few, happy)): [False, False, False],
        AnyOf((many, happy)): [True, True, True],
        AnyOf((few, happy)): [pd.NA, True, False],
        Not(happy): [pd.NA, False, True],
        Leaf("nps", missing=True): [True, False, False],
        Leaf("nps", missing=False): [False, True, True],
    }
    for criterion, answer in answers.items():
        expected = pd.Series(pd.array(answer, "boolean"))
        agree(criteria.holds(criterion, frame), expected)


def test_ranges_read_numbers_money_and_dates() -> None:
    """Sides are inclusive or not as they are named, for decimals and for days alike."""
    frame = pd.DataFrame(
        {
            "arr": [Decimal("10"), Decimal("20"), None],
            "day": [date(2026, 1, 1), None, date(2026, 1, 31)],
        }
    )
    money = criteria.holds(Leaf("arr", at_least=10, fewer_than=20), frame)
    agree(money, pd.Series(pd.array([True, False, None], "boolean")))
    days = criteria.holds(Leaf("day", more_than="2026-01-01", at_most=date(2026, 1, 31)), frame)
    agree(days, pd.Series(pd.array([False, None, True], "boolean")))


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    """The refusal says what was asked, of which list, and which column was probably meant."""
    frame = pd.DataFrame({"seat_utilisation__last_28d": [0.5], "segment": ["SMB"]})
    asked = AllOf(
        (Leaf("segment", one_of=("SMB",)), Leaf("seat_utilization__last_28d", at_least=1))
    )
    with pytest.raises(
        ParameterError, match=r"did you mean seat_utilisation__last_28d\?"
    ) as caught:
        criteria.check(asked, frame, where="expansion.yml")
    assert caught.value.exit_code == 2
    assert "expansion.yml" in str(caught.value)
    assert "'seat_utilization__last_28d'" in str(caught.value)


@pytest.mark.parametrize(
    ("leaf", "asked", "held"),
    [
        (Leaf("segment", at_least=3), "number", "text"),
        (Leaf("seats", one_of=("12",)), "text", "number"),
        (Leaf("seats", is_=True), "yes or no", "number"),
        (Leaf("adopted", at_least=1), "number", "yes or no"),
        (Leaf("seats", at_least="2026-01-01"), "date", "number"),
        (Leaf("day", at_least=3), "number", "date"),
    ],
)
def test_a_wrong_type_names_both_kinds(leaf: Leaf, asked: str, held: str) -> None:
    """What is asked and what the column holds both stand in the refusal."""
    frame = pd.DataFrame(
        {"segment": ["SMB"], "seats": [3], "adopted": [True], "day": [date(2026, 1, 1)]}
    )
    with pytest.raises(ParameterError, match=f"{asked} asked of a column of {held}s"):
        criteria.holds(leaf, frame)


def test_criteria_are_said_in_words() -> None:
    """The six criteria of a contact list read as a sentence, and brackets follow the groups."""
    six = AllOf(
        (
            Leaf("days_since_created", at_least=30, at_most=90),
            Leaf("trained__to_date", is_=True),
            Leaf("days_since_last_use", at_most=7),
            Leaf("active_days__to_date", more_than=10),
            Not(Leaf("days_since_our_contact__to_date", missing=False)),
            Leaf("events__feature=report_shared__to_date", at_most=0),
        )
    )
    assert criteria.words(six) == (
        "signed up 30 to 90 days ago and finished the education and last used the product at most "
        "7 days ago and more than 10 days with use so far and never contacted by us and no uses of "
        "report_shared so far"
    )
    nested = AllOf((Leaf("segment", one_of=("SMB",)), AnyOf((six.parts[1], six.parts[4]))))
    assert criteria.words(nested) == (
        "segment is SMB and (finished the education or never contacted by us)"
    )
    assert criteria.columns(nested) == (
        "segment", "trained__to_date", "days_since_our_contact__to_date",
    )  # fmt: skip
    assert "in the 28 days before the list's day" in criteria.words(
        Leaf("active_users__last_28d", at_least=3)
    )


def test_yaml_says_the_same_criterion() -> None:
    """Every form of the file becomes its dataclass."""
    read = CriterionParameters.model_validate_json(
        '{"all_of": [{"column": "a", "at_least": 30, "at_most": 90.5},'
        ' {"any_of": [{"column": "segment", "one_of": ["SMB"]}, {"column": "n", "missing": true}]},'
        ' {"not": {"column": "adopted", "is": true}}, '
        '{"column": "day", "fewer_than": "2026-01-31"}]}'
    )
    assert read.criterion() == AllOf(
        (
            Leaf("a", at_least=30, at_most=90.5),
            AnyOf((Leaf("segment", one_of=("SMB",)), Leaf("n", missing=True))),
            Not(Leaf("adopted", is_=True)),
            Leaf("day", fewer_than="2026-01-31"),
        )
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "got nothing"),
        ('{"column": "x"}', "asks one kind of thing"),
        ('{"column": "x", "at_least": 5, "at_most": 3}', "lower below the upper"),
        ('{"column": "x", "at_least": 5, "more_than": 3}', "one lower and one upper"),
        ('{"column": "x", "at_least": "soon"}', "finite number or an ISO date"),
        ('{"column": "x", "at_least": true}', "valid"),
        ('{"column": "x", "is": 1}', "valid boolean"),
        ('{"column": "x", "is": true, "missing": true}', "several kinds"),
        ('{"column": "x", "is": true, "all_of": [{"column": "x", "is": true}]}', "nothing beside"),
        ('{"all_of": []}', "at least 1"),
        ('{"column": "x", "equals": 1}', "not permitted"),
    ],
)
def test_anything_else_is_refused(content: str, said: str) -> None:
    """No unknown name, no empty group, no empty range, and no value of another kind."""
    with pytest.raises(pydantic.ValidationError, match=said):
        CriterionParameters.model_validate_json(content)


def test_what_is_asked_of_a_list_stands_in_a_row() -> None:
    """Parts that must hold together follow one another; a choice among them stays in brackets."""
    late = Leaf("days_to_renewal", at_most=30)
    risky = Leaf("p_churn", fewer_than=0.25)
    assert criteria.listed(AllOf((late, AnyOf((risky, Leaf("in_notice", is_=True)))))) == (
        "at most 30 days to the renewal; (less than 25\u202f% chance that the contract is lost or "
        "asked to cancel)"
    )
    assert criteria.listed(risky) == criteria.words(risky)


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (Leaf("days_to_renewal", at_least=0, at_most=182), "0 to 182 days to the renewal"),
        (Leaf("days_to_renewal", more_than=120), "more than 120 days to the renewal"),
        (Leaf("days_to_renewal", at_least=0), "the renewal is not past"),
        (Leaf("p_churn", fewer_than=0.05), "less than 5\u202f% chance that the contract is lost"),
        (Leaf("p_churn", at_least=0.07, at_most=0.25),
         "7 to 25\u202f% chance that the contract is lost"),
        (Leaf("p_expand", at_least=0.1), "at least 10\u202f% chance of expansion at the renewal"),
    ],
)  # fmt: skip
def test_days_and_chances_stand_as_one_would_say_them(leaf: Leaf, said: str) -> None:
    """The number stands before what it counts, and a chance is a percentage."""
    assert criteria.words(leaf) == said


def test_the_columns_of_the_journey_are_said_in_words() -> None:
    """A rule over account-days reads as a sentence: no underscore, no name of a column."""
    said = {
        Leaf("use_against_before", fewer_than=0.67): "use of the last 28 days against that of the "
        "84 before, as a ratio of the same number of days, less than 0.67",
        Leaf("days_without_use", at_least=28): "nobody used the product for at least 28 days",
        Leaf("promoters__last_180d", at_least=1): "at least 1 answers of 9 or 10 to the "
        "recommendation survey in 180 days",
        Leaf("detractors__last_180d", fewer_than=1): "no answers of 6 or less to the "
        "recommendation survey in 180 days",
        Leaf("contract_runs", is_=False): "no contract runs",
        Leaf("expanded", is_=True): "the latest contract is worth more than the one before",
    }
    assert {leaf: criteria.words(leaf) for leaf in said} == said
    for name in (*accounts.COLUMNS, *users.COLUMNS):
        assert "_" not in column_words(name) and "180d" not in column_words(name)
