"""The grammar of panel columns reads back what it wrote, whatever the feature is called."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.features.catalogue import Measure

HOSTILE = [
    "</script><script>alert(1)</script>",
    "__",
    "a__b",
    "_",
    "",
    "'\";--",
    "é\n\x00",
    "x" * 300,
]


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    """Draw any measure that exists."""
    kind = draw(st.sampled_from(sorted(catalogue.KINDS)))
    known = catalogue.KINDS[kind]
    about_account = bool(known.account_anchors) and draw(
        st.booleans() | st.just(not known.feature_anchors)
    )
    if not known.feature_anchors:
        about_account = True
    anchors = known.account_anchors if about_account else known.feature_anchors
    anchor = draw(st.sampled_from(sorted(anchors)))
    days = known.only_days or draw(st.integers(1, 9999))
    feature = None if about_account else draw(st.text() | st.sampled_from(HOSTILE))
    return Measure(kind, feature, anchor, None if anchor == "to_date" else days)


@given(measures())
@example(Measure("events", "", "last", 7))
@example(Measure("events", "_", "last", 7))
@example(Measure("users", "a__b__last_7d", "first", 60))
def test_a_column_reads_back_as_the_measure_it_was_made_from(measure: Measure) -> None:
    """parse(m.column) is m, for every measure and every feature text."""
    assert catalogue.parse(measure.column) == measure


@given(measures(), measures())
def test_two_measures_never_share_a_column(one: Measure, other: Measure) -> None:
    """Equal columns mean equal measures."""
    assert (one.column == other.column) == (one == other)


@given(st.text())
@example("events__last_7d")
@example("events___last_7d")
@example("events__last_07d")
@example("users__last_7d")
@example("trend__last_7d")
@example("churned")
def test_a_column_that_parses_is_written_the_same_way(column: str) -> None:
    """Whatever parses has exactly one spelling."""
    measure = catalogue.parse(column)
    assert measure is None or measure.column == column


@pytest.mark.parametrize(
    "column",
    [
        "churned",
        "segment",
        "events",
        "events__",
        "events___last_7d",
        "events__last_07d",
        "events__last_0d",
        "events__to_date",
        "users__last_7d",
        "trend__last_7d",
        "nonsense__last_7d",
        "active_users__f__last_7d",
        "days_to_first__to_date",
        "__last_7d",
        "share__f__last_7d",
        "share__first_7d",
        "events__f__before_90d",
        "tickets__before_90d",
        "onboarded__last_30d",
    ],
)
def test_what_is_not_a_measure_is_none(column: str) -> None:
    """Ids, outcomes and impossible windows are not measures."""
    assert catalogue.parse(column) is None


@pytest.mark.parametrize(
    ("column", "label", "unit"),
    [
        ("events__report_shared__first_60d",
         "report_shared events in the first 60 days of the term", "events"),
        ("active_users__last_28d", "active users in the 28 days before the decision date", "users"),
        ("days_to_first__a__b__to_date", "days to the first use of a__b in the term", "days"),
        ("days_since_last_use__to_date", "days since the last use", "days"),
        ("share__report_shared__first_60d",
         "report_shared share of all events in the first 60 days of the term", "share"),
        ("events_per_user__report_shared__first_60d",
         "report_shared events per active user in the first 60 days of the term",
         "events per user"),
        ("daily_active_share__first_60d",
         "share of Mondays to Fridays with use per active user in the first 60 days of the term",
         "share"),
        ("tickets__first_60d", "tickets opened in the first 60 days of the term", "tickets"),
        ("severe_tickets__last_28d",
         "severe tickets opened in the 28 days before the decision date", "tickets"),
        ("events__before_90d", "events in the 90 days before the term", "events"),
        ("active_users__before_90d", "active users in the 90 days before the term", "users"),
        ("onboarded__first_60d", "onboarding completed by day 60 of the term",
         "yes (1) or no (0)"),
        ("spike__last_30d",
         "event rate against the 60 days before in the 30 days before the decision date", "ratio"),
    ],
)  # fmt: skip
def test_a_label_says_measure_and_window_in_words(column: str, label: str, unit: str) -> None:
    """A reader never meets a column name."""
    measure = catalogue.parse(column)
    assert measure is not None
    assert (measure.label(), measure.unit) == (label, unit)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("evnts", None, "last", 7), "unknown measure"),
        (("events", None, "last", 0), "events does not exist in this window"),
        (("events", None, "to_date", None), "events does not exist in this window"),
        (("users", None, "last", 7), "users does not exist in this window"),
        (("trend", None, "last", 7), "trend does not exist in this window"),
        (("days_to_first", "f", "to_date", 3), "days_to_first does not exist in this window"),
    ],
)
def test_a_measure_that_cannot_be_is_refused(arguments: tuple, text: str) -> None:
    """What was ever reached before the end, and its like, has no name."""
    with pytest.raises(ParameterError, match=text):
        Measure(*arguments)
