"""Records that stop long before the day looked back from are told, on the page and in the brief."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_models.report.exhibits import freshness

LAST = date(2026, 6, 29)


def summary(last: date | None) -> pd.DataFrame:
    """Return the summary of a source whose newest use is of a day."""
    return pd.DataFrame({"table": ["accounts", "events"], "last_date": [date(2026, 7, 30), last]})


@given(st.integers(-30, 800))
def test_only_what_is_later_than_a_missed_week_is_told(days: int) -> None:
    """A caution stands exactly when the newest use is more than two weeks old, and counts days."""
    as_of = LAST + timedelta(days=days)
    said = freshness.stopped(summary(LAST), as_of)
    assert bool(said) == (days > freshness.LATE_DAYS)
    found = freshness.found(summary(LAST), as_of)
    assert [one.value for one in found] == [days for _ in said]
    assert all(f"{days} days" in one.text for one in said)


@pytest.mark.parametrize("last", [None, pd.NaT])
def test_a_source_without_use_says_nothing_here(last: date | None) -> None:
    """No use at all is refused elsewhere; nothing is counted from a day that is not there."""
    assert freshness.stopped(summary(last), LAST) == []
    assert freshness.found(summary(last), LAST) == []
