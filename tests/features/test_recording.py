"""From which day use was recorded, told from the days that hold events."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from cs_models.features import cohort, recipe, recording

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


SINCE = date(2023, 1, 1)
RECORDED_DAYS = 1095


def customers(
    rng: np.random.Generator, *, n_accounts: int, launch: int, adopting: float, pace: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (taken_up, joined) of the adopters, two in five of the accounts there on day 0."""
    old = rng.random(n_accounts) < 0.4
    joined = np.where(old, 0, rng.integers(0, RECORDED_DAYS, n_accounts))
    taken_up = np.maximum(joined, launch) + rng.exponential(pace, n_accounts)
    kept = (rng.random(n_accounts) < adopting) & (taken_up < RECORDED_DAYS)
    return taken_up[kept].astype(np.int64), joined[kept]


@pytest.mark.parametrize("n_accounts", [50, 200, 1500])
@pytest.mark.parametrize("adopting", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("pace", [20.0, 400.0, 3000.0])
def test_a_feature_that_was_always_there_is_never_taken_for_a_new_one(
    n_accounts: int, adopting: float, pace: float
) -> None:
    """Few accounts, slow ones and a first use that comes late by chance turn nothing missing."""
    rng = np.random.default_rng([n_accounts, int(pace)])
    for _ in range(60):
        taken_up, joined = customers(
            rng, n_accounts=n_accounts, launch=0, adopting=adopting, pace=pace
        )
        assert recording._appeared(taken_up, joined) is None


@pytest.mark.parametrize("n_accounts", [200, 1500])
@pytest.mark.parametrize("launch", [60, 200, 700])
@pytest.mark.parametrize("n_early", [0, 1])
def test_a_feature_that_came_later_is_dated_by_its_first_users(
    n_accounts: int, launch: int, n_early: int
) -> None:
    """The day is right to a few days, and one use dated before the launch moves nothing."""
    rng = np.random.default_rng(launch)
    for _ in range(60):
        taken_up, joined = customers(
            rng, n_accounts=n_accounts, launch=launch, adopting=0.6, pace=40.0
        )
        taken_up = np.append(taken_up, [launch // 2] * n_early)
        found = recording._appeared(taken_up, np.append(joined, [0] * n_early))
        assert found is not None
        assert launch <= found <= launch + 10


def test_twenty_old_accounts_are_the_fewest_that_prove_a_launch() -> None:
    """Half a chance each: 19 first uses after a gap may be luck, 20 are not."""
    after = np.arange(100, 120)
    assert recording._appeared(after[:19], np.zeros(19, dtype=np.int64)) is None
    assert recording._appeared(after, np.zeros(20, dtype=np.int64)) == 100
    assert recording._appeared(after, np.full(20, 100)) is None
    assert recording._appeared(after - 71, np.zeros(20, dtype=np.int64)) is None


def test_appearances_reads_first_uses_from_the_events(small: SimpleNamespace) -> None:
    """What is older than the records does not count, and only what came later is named."""
    events = [small.event(SINCE, account_id=f"A{k}", feature="always") for k in range(25)]
    events += [
        small.event(date(2023, 7, 1) + timedelta(days=k), account_id=f"A{k}", feature="later")
        for k in range(25)
    ]
    events += [
        small.event(date(2023, 9, 1), account_id="A1", feature="rare"),
        small.event(date(2020, 1, 1), account_id="A1", feature="later"),
    ]
    table = small.memory(events, small.schemas["events"])
    found = recording.appearances(table, ["rare", "later", "always", "never"], SINCE)
    assert found == {"later": date(2023, 7, 1)}


def test_breadth_counts_what_was_there_from_the_start(small: SimpleNamespace) -> None:
    """A feature that came late is no part of how many features are used."""
    events = [small.event(SINCE, account_id=f"A{k}", feature="always") for k in range(25)]
    events += [
        small.event(date(2023, 7, 1) + timedelta(days=k), account_id=f"A{k}", feature="later")
        for k in range(25)
    ]
    tables = {"events": small.memory(events, small.schemas["events"])}
    planned, _ = recipe.plan(
        tables, SINCE, windows_days=(), first_days=(30,), before_days=(), min_accounts=1,
        features=None,
    )  # fmt: skip
    assert planned.features == ("always", "later")
    assert planned.appeared == ("", "2023-07-01")
    assert planned.breadth == ("always",)
