"""From which day use was recorded, told from the days that hold events."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from cs_models.features import cohort

OPENED = date(2023, 1, 2)
AS_OF = date(2025, 3, 31)
STRAY = date(2013, 1, 2)


def days_of(first: date, counts: list[int]) -> list[date]:
    """Return ``counts`` events of consecutive days, a date each."""
    return [first + timedelta(days=place) for place, n in enumerate(counts) for _ in range(n)]


def found(small: SimpleNamespace, days: list[date], **more: object) -> cohort.Cohort:
    """Return the cohort of one term before the recorded use and one within it."""
    terms = [
        small.term("early", date(2014, 1, 1), date(2015, 1, 1)),
        small.term("within", date(2024, 1, 1), date(2025, 1, 1), account_id="B"),
    ]
    tables = small.world(terms, [small.event(day) for day in days])
    return cohort.terms(tables, AS_OF, decision="after_start", days=60, **more)


def test_one_event_dated_years_early_moves_nothing(small: SimpleNamespace) -> None:
    """A wrong date must not make ten years without records read as ten years without use."""
    recorded = days_of(OPENED, [5] * 200)
    before, after = found(small, recorded), found(small, [STRAY, *recorded])
    assert before.data_start == after.data_start == OPENED
    assert (before.n_stray_events, after.n_stray_events) == (0, 1)
    assert after.exclusions.equals(before.exclusions)
    assert after.terms.subscription_id.execute().tolist() == ["within"]


def test_running_terms_disregard_a_stray_event_too(small: SimpleNamespace) -> None:
    """Today's customers are seen from the same first day as the terms learnt from."""
    days = [STRAY, *days_of(OPENED, [5] * 200)]
    tables = small.world(
        [small.term("s", date(2014, 1, 1), date(2026, 1, 1))], [small.event(day) for day in days]
    )
    today = cohort.running(tables, AS_OF)
    assert (today.data_start, today.n_stray_events) == (OPENED, 1)
    assert today.exclusions["reason"].tolist() == [cohort.BEFORE_DATA]


def test_stray_events_days_before_the_records_do_not_count_as_their_start(
    small: SimpleNamespace,
) -> None:
    """The start is a day with events: never an empty one in the week before."""
    days = [STRAY, STRAY + timedelta(days=40), *days_of(OPENED, [10] * 100)]
    assert found(small, days).data_start == OPENED
    assert found(small, days).n_stray_events == 2


@pytest.mark.parametrize(("weekly", "week"), [([4, 5, 9, 30], 1), ([5, 9, 30], 0)])
def test_a_slow_start_is_cut_where_the_rule_says(
    small: SimpleNamespace, weekly: list[int], week: int
) -> None:
    """The median week holds 100 events: a week of 4 is too thin, one of 5 is recorded use."""
    counts = [n for first in [*weekly, *[100] * 20] for n in (first, 0, 0, 0, 0, 0, 0)]
    cut = found(small, days_of(OPENED, counts))
    assert cut.data_start == OPENED + timedelta(weeks=week)
    assert cut.n_stray_events == sum(weekly[:week])


def test_a_pause_leaves_the_start_where_it_is(small: SimpleNamespace) -> None:
    """Empty weeks are no part of the median, and use that was recorded before them counts."""
    days = [*days_of(OPENED, [5] * 30), *days_of(date(2024, 10, 1), [5] * 60)]
    assert (found(small, days).data_start, found(small, days).n_stray_events) == (OPENED, 0)


def test_a_handful_of_events_begins_with_the_first(small: SimpleNamespace) -> None:
    """Below 20 events a week one event is as good as any other."""
    days = [STRAY, *days_of(OPENED, [1, 0, 2, 0, 0, 1])]
    assert (found(small, days).data_start, found(small, days).n_stray_events) == (STRAY, 0)


def test_a_start_given_by_hand_is_taken(small: SimpleNamespace) -> None:
    """Whoever says from when use was recorded is not corrected, and nothing is stray."""
    days = [STRAY, *days_of(OPENED, [5] * 200)]
    given = found(small, days, data_start=date(2012, 1, 1))
    assert (given.data_start, given.n_stray_events) == (date(2012, 1, 1), 0)
    assert given.terms.count().execute() == 2
