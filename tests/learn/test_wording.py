"""Sentences agree with the numbers they are made of."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_models.learn import wording

ROW: dict[str, Any] = {
    "segment": "SMB",
    "rule": "at least 12 report_shared events in the first 60 days of the term",
    "counted": "report_shared events in the first 60 days of the term",
    "verdict": "sharp",
    "direction": "at_least",
    "rate_above": 0.9234,
    "rate_below": 0.7656,
    "lift_within_strata": 0.158,
    "lift_low": 0.09,
    "lift_high": 0.23,
    "n_terms": 1812,
    "cut_low": 11.0,
    "cut_high": 14.0,
    "cut_localised": True,
}


@given(
    below=st.floats(0, 1e6, allow_nan=False), gap=st.floats(1e-3, 1e3), share=st.floats(0.01, 1.0)
)
def test_a_printed_level_draws_the_same_line(below: float, gap: float, share: float) -> None:
    """Rounding for display never moves a customer to the other side."""
    cut = below + gap * share
    printed = float(wording.level(cut, below).replace(" ", ""))
    assert below < printed <= cut


@pytest.mark.parametrize(
    ("cut", "below", "text"), [(12.0, 11.0, "12"), (1.8333, 1.7, "1.8"), (2400.0, 2399.0, "2 400")]
)
def test_levels_are_short(cut: float, below: float, text: str) -> None:
    """A whole number stays whole, a ratio gets the digits it needs."""
    assert wording.level(cut, below) == text


def test_the_gap_is_the_one_among_like_customers() -> None:
    """Rates are those one can count; gap and interval compare customers of the same stratum."""
    sentence = wording.finding(ROW)
    assert "renewed 92 % of the time, the others 77 %" in sentence
    assert "among like customers a gap of 16 points, between 9 and 23" in sentence
    assert "1,812 terms" in sentence
    assert "Levels from 11 to 14 fit as well" in sentence


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cut": 12.0, "cut_best": 14.0}, "Levels from 11 to 14 fit as well; 14 fits best."),
        ({"cut": 12.0, "cut_best": 12.0}, "Levels from 11 to 14 fit as well."),
        ({"cut": 12.0, "cut_best": None}, "Levels from 11 to 14 fit as well."),
        ({"cut": 12.0, "cut_best": 12.0, "cut_low": 12.0, "cut_high": 12.0},
         "No other level that could be tried fits as well."),
    ],
)  # fmt: skip
def test_a_level_that_fits_better_is_named(changed: dict[str, object], words: str) -> None:
    """What fits better than the announced level is said, and one value is no interval."""
    sentence = wording.finding(ROW | changed)
    assert f" {words} " in sentence
    assert "12 to 12" not in sentence


def test_fewer_is_better_is_said_from_the_good_side() -> None:
    """A rule of the kind "fewer than" names the higher rate first, with a positive gap."""
    row = ROW | {
        "direction": "at_most",
        "rule": wording.rule_text("ticket events", 4.0, 3.0, 1, "at_most"),
        "rate_above": 0.6,
        "rate_below": 0.9,
        "lift_within_strata": -0.3,
        "lift_low": -0.42,
        "lift_high": -0.18,
    }
    sentence = wording.finding(row)
    assert "with fewer than 4 ticket events" in sentence
    assert (
        "renewed 90 % of the time, the others 60 %; among like customers a gap of 30 points"
        in sentence
    )
    assert "between 18 and 42" in sentence


def test_users_are_named_when_asked_for() -> None:
    """The number of users behind a rule is said, one user is not."""
    what = wording.counted("events__f__first_30d")
    text = wording.rule_text(what, 5.0, 4.0, 3, "at_least")
    assert text == "at least 5 f events in the first 30 days of the term, by at least 3 users"
    assert "users" not in wording.rule_text(what, 5.0, 4.0, 1, "at_least")
    only = wording.rule_text(what, 0.0, float("-inf"), 3, "at_least")
    assert only == "f events in the first 30 days of the term by at least 3 users"


def test_a_level_that_is_not_localised_is_not_given_as_one() -> None:
    """Where more than half of the levels fit, the sentence says so."""
    sentence = wording.finding(ROW | {"cut_localised": False, "cut_low": 3.0, "cut_high": 40.0})
    assert "with more report_shared events in the first 60 days of the term renewed" in sentence
    assert "No single level stands out: anything from 3 to 40 fits." in sentence
    assert "at least 12" not in sentence


def test_a_headline_says_each_scope_once_and_claims_no_cause() -> None:
    """At most three sentences of findings, and no word of cause."""
    rows = [ROW | {"segment": name} for name in ("SMB", "SMB", "MM", "ENT", None)]
    text = wording.headline(rows)
    assert text.count("renewed") == 3
    silent = wording.headline(rows[:1], ["ENT"])
    assert silent.endswith("No threshold was found in ENT.")
    assert not re.search(r"caus|because|makes|leads to|thanks to|due to", text + silent)
