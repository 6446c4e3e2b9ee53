"""Renewal opportunities, running terms and lifetimes, each worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import DataError, ParameterError
from cs_models.features import cohort, tenure

FIRST_DAY = date(2023, 1, 1)
AS_OF = date(2025, 3, 31)


def world(small: SimpleNamespace, *terms: Mapping[str, Any]) -> dict[str, ir.Table]:
    """Return the tables of some terms, with use recorded since FIRST_DAY."""
    made: dict[str, ir.Table] = small.world(terms, [small.event(FIRST_DAY)])
    return made


def yearly(small: SimpleNamespace, first: int, *outcomes: str, **more: Any) -> list[dict[str, Any]]:
    """Return yearly terms from 1 July of a year on, one an outcome."""
    account = more.pop("account_id", "A")
    return [
        small.term(
            f"{account}{place}",
            date(first + place, 7, 1),
            date(first + place + 1, 7, 1),
            outcome=outcome,
            account_id=account,
            **more,
        )
        for place, outcome in enumerate(outcomes)
    ]


def test_the_dated_example_of_the_module_holds(small: SimpleNamespace) -> None:
    """Two opportunities in 2023 and 2024; one lifetime watched from day 184 to day 974."""
    tables = world(small, *yearly(small, 2022, "renewed", "renewed", "pending"))
    found = tenure.opportunities(tables, AS_OF)
    assert found["opportunity_date"].tolist() == [
        pd.Timestamp(2023, 7, 1),
        pd.Timestamp(2024, 7, 1),
    ]
    assert found["opportunity"].tolist() == [1, 2]
    assert found["event"].tolist() == [0, 0]
    assert found["entered_late"].all()
    assert found["months_as_customer"].tolist() == [12.0, 24.0]
    life = tenure.lifetimes(tables, AS_OF)
    columns = ["entry_days", "duration_days", "event", "n_terms"]
    assert life[columns].to_numpy().tolist() == [[184, 974, 0, 3]]
    assert life.loc[0, "cause"] == tenure.NONE


def test_todays_terms_stand_before_their_next_opportunity(small: SimpleNamespace) -> None:
    """The running term of the example: its third opportunity, three months away."""
    tables = world(small, *yearly(small, 2022, "renewed", "renewed", "pending"))
    found = tenure.upcoming(tables, AS_OF)
    assert found["subscription_id"].tolist() == ["A2"]
    assert found["opportunity"].tolist() == [3]
    assert found["months_to_renewal"].tolist() == [3.0]
    assert found["months_as_customer"].tolist() == [36.0]
    assert found["in_notice"].tolist() == [False]


@pytest.mark.parametrize(("days", "asked"), [(-1, True), (0, True), (1, False)])
def test_a_notice_counts_from_the_day_it_is_given(
    small: SimpleNamespace, days: int, asked: bool
) -> None:
    """A cancellation asked for today puts the term in notice, one of tomorrow is not known."""
    day = AS_OF + timedelta(days=days)
    *past, last = yearly(small, 2022, "renewed", "renewed", "pending")
    tables = world(small, *past, {**last, "cancel_requested_at": day})
    assert tenure.upcoming(tables, AS_OF)["in_notice"].tolist() == [asked]


@pytest.mark.parametrize(
    ("outcome", "event", "lost", "cause"),
    [
        ("churned", 1, 1, "churned"),
        ("involuntary", 0, 1, "involuntary"),
        ("contracted", 0, 0, "none"),
        ("expanded", 0, 0, "none"),
    ],
)
def test_causes_are_told_apart_and_outcomes_kept(
    small: SimpleNamespace, outcome: str, event: int, lost: int, cause: str
) -> None:
    """Leaving by choice is the event; being bought up is a loss of another cause."""
    found = tenure.opportunities(world(small, *yearly(small, 2023, outcome)), AS_OF).iloc[0]
    assert (found["event"], found["lost"], found["cause"]) == (event, lost, cause)
    assert found["outcome"] == outcome


@pytest.mark.parametrize(("as_of", "n_rows"), [(date(2024, 7, 30), 0), (date(2024, 7, 31), 1)])
def test_an_opportunity_counts_when_its_grace_is_past(
    small: SimpleNamespace, as_of: date, n_rows: int
) -> None:
    """A renewal on 2024-07-01 with 30 days of grace can be judged from 2024-07-31 on."""
    tables = world(small, *yearly(small, 2023, "churned"))
    assert len(tenure.opportunities(tables, as_of)) == n_rows
    life = tenure.lifetimes(tables, as_of)
    assert life["event"].tolist() == [n_rows]
    assert life["duration_days"].tolist() == [365 + n_rows]


def test_an_early_end_is_dated_early_and_enters_by_its_renewal_date(
    small: SimpleNamespace,
) -> None:
    """Cancelled on 2024-02-10: a lifetime of 224 days at once, an opportunity only when due."""
    gone = {"ended_at": date(2024, 2, 10)}
    tables = world(small, *yearly(small, 2023, "churned", **gone))
    assert tenure.opportunities(tables, date(2024, 6, 1)).empty
    life = tenure.lifetimes(tables, date(2024, 6, 1)).iloc[0]
    assert (life["duration_days"], life["event"]) == (224, 1)
    found = tenure.opportunities(tables, AS_OF).iloc[0]
    assert found["early"]
    assert found["opportunity_date"] == pd.Timestamp(2024, 2, 10)


def test_a_term_of_an_account_won_back_begins_a_new_episode(small: SimpleNamespace) -> None:
    """Churned in 2023, back in 2024: two lifetimes, and a first opportunity again."""
    first = small.term("s1", date(2022, 7, 1), date(2023, 7, 1), outcome="churned")
    again = small.term("s2", date(2024, 1, 1), date(2025, 1, 1), outcome="renewed")
    tables = world(small, first, again)
    life = tenure.lifetimes(tables, AS_OF)
    assert life["episode"].tolist() == [1, 2]
    assert life["event"].tolist() == [1, 0]
    assert life["entry_days"].tolist() == [184, 0]
    assert tenure.opportunities(tables, AS_OF)["opportunity"].tolist() == [1, 1]


def test_an_account_leaves_when_its_last_term_does(small: SimpleNamespace) -> None:
    """Of two terms side by side one is dropped: the account is still there."""
    one = small.term("s1", date(2023, 7, 1), date(2024, 7, 1), outcome="churned")
    other = small.term("s2", date(2023, 9, 1), date(2024, 9, 1), outcome="renewed")
    later = small.term("s3", date(2024, 9, 1), date(2025, 9, 1), outcome="pending")
    life = tenure.lifetimes(world(small, one, other, later), AS_OF)
    assert life["event"].tolist() == [0]
    assert life["episode"].tolist() == [1]


def test_what_ended_before_the_data_is_no_row(small: SimpleNamespace) -> None:
    """Others who left then were never recorded: only those watched in the data count."""
    tables = world(small, *yearly(small, 2021, "churned"), *yearly(small, 2023, "renewed"))
    life = tenure.lifetimes(tables, AS_OF)
    assert life["start"].tolist() == [pd.Timestamp(2023, 7, 1)]
    given_day = tenure.lifetimes(tables, AS_OF, data_start=date(2020, 1, 1))
    assert given_day["event"].tolist() == [1, 0]
    assert len(tenure.opportunities(tables, AS_OF)) == 1


def test_of_an_undecided_renewal_date_nothing_is_known(small: SimpleNamespace) -> None:
    """Past its date and pending, an account was last seen the day before."""
    tables = world(small, *yearly(small, 2023, "pending"))
    life = tenure.lifetimes(tables, AS_OF).iloc[0]
    assert (life["duration_days"], life["event"]) == (365, 0)  # 366 days to 2024-07-01
    assert tenure.opportunities(tables, AS_OF).empty


def test_terms_without_a_renewal_date_have_no_opportunity(small: SimpleNamespace) -> None:
    """An open-ended contract is followed until somebody ends it."""
    runs = small.term("s1", date(2023, 7, 1), date(2024, 7, 1)) | {"term_end": None}
    ended = runs | {
        "subscription_id": "s2",
        "account_id": "B",
        "outcome": "churned",
        "ended_at": date(2024, 1, 1),
    }
    tables = world(small, runs | {"outcome": "pending"}, ended)
    assert tenure.opportunities(tables, AS_OF).empty
    assert tenure.upcoming(tables, AS_OF).empty
    life = tenure.lifetimes(tables, AS_OF)
    assert life["duration_days"].tolist() == [609, 184]
    assert life["event"].tolist() == [0, 1]


@given(seed=st.integers(0, 10_000), cut=st.integers(0, 700))
@settings(max_examples=6, deadline=None)
def test_lifetimes_know_nothing_later(small: SimpleNamespace, seed: int, cut: int) -> None:
    """Cut at an earlier date, every lifetime is the later one's, ended or seen until then."""
    tables = small.random_world(seed)
    until = date(2022, 6, 1) + timedelta(days=cut)
    whole = tenure.lifetimes(tables, date(2026, 1, 1), grace_days=0, data_start=date(2021, 1, 1))
    early = tenure.lifetimes(tables, until, grace_days=0, data_start=date(2021, 1, 1))
    both = early.merge(whole, on=["account_id", "episode"], suffixes=("", "_later"))
    assert len(both) == len(early)
    seen = (pd.Timestamp(until) - both["start"]).dt.days
    done = both["duration_days_later"] <= seen
    assert (both.loc[done & (both["lost_later"] == 1), "lost"] == 1).all()
    assert (both["duration_days"] <= seen.clip(lower=1)).all()
    assert (both["duration_days"] <= both["duration_days_later"]).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_opportunities_are_the_evaluable_terms(small: SimpleNamespace, seed: int) -> None:
    """One row a term, churn as the cohort knows it, numbers 1, 2, … in each episode."""
    tables = small.random_world(seed)
    as_of, start = date(2024, 12, 31), date(2021, 1, 1)
    found = tenure.opportunities(tables, as_of, data_start=start)
    assert found["subscription_id"].is_unique
    judged = cohort.terms(tables, as_of, days=1, data_start=start).terms.execute()
    both = found.merge(judged, on="subscription_id", suffixes=("", "_cohort"))
    assert len(both) == len(judged)
    told = both["churned"].notna()
    assert (both.loc[told, "event"] == both.loc[told, "churned"]).all()
    for _, own in found.groupby(["account_id", "episode"]):
        assert own["opportunity"].tolist() == sorted(set(own["opportunity"]))


def test_rows_do_not_depend_on_the_order_of_the_source(small: SimpleNamespace) -> None:
    """Terms read in another order give the same frames."""
    terms = [
        *yearly(small, 2022, "renewed", "churned"),
        *yearly(small, 2023, "renewed", account_id="B"),
    ]
    for ask in (tenure.opportunities, tenure.lifetimes):
        pd.testing.assert_frame_equal(
            ask(world(small, *terms), AS_OF), ask(world(small, *terms[::-1]), AS_OF)
        )


def test_a_missing_table_and_negative_grace_are_refused(small: SimpleNamespace) -> None:
    """Each names what to mend."""
    tables = world(small, *yearly(small, 2023, "renewed"))
    with pytest.raises(ParameterError, match="out of range"):
        tenure.lifetimes(tables, AS_OF, grace_days=-1)
    del tables["accounts"]
    with pytest.raises(DataError, match="required table") as refused:
        tenure.opportunities(tables, AS_OF)
    assert refused.value.where == "accounts"
