"""Terms, decision dates and exclusions, each worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError
from cs_models.features import cohort

YEAR = (date(2024, 1, 1), date(2025, 1, 1))
AS_OF = date(2025, 3, 31)
FIRST_DAY = date(2023, 1, 1)


def reasons(found: cohort.Cohort) -> dict[str, tuple[int, int]]:
    """Return n_terms and n_churned of every exclusion."""
    rows = found.exclusions.itertuples()
    return {row.reason: (row.n_terms, row.n_churned) for row in rows}


def one_term(small: SimpleNamespace, start: date, end: date, **more: object) -> dict:
    """Return a world of one term, with usage recorded since FIRST_DAY."""
    return small.world([small.term("s1", start, end, **more)], [small.event(FIRST_DAY)])


def test_the_dated_example_of_the_module_holds(small: SimpleNamespace) -> None:
    """2024-01-01 to 2025-01-01: D is 2024-10-03 before the renewal, 2024-03-01 after the start."""
    tables = one_term(small, *YEAR)
    before = cohort.terms(tables, AS_OF, days=90)
    after = cohort.terms(tables, AS_OF, decision="after_start", days=60)
    assert before.terms.as_of_date.execute().tolist() == [pd.Timestamp(2024, 10, 3)]
    assert after.terms.as_of_date.execute().tolist() == [pd.Timestamp(2024, 3, 1)]
    assert before.exclusions.empty
    assert before.data_start == FIRST_DAY


def test_points_hold_nothing_of_the_outcome(small: SimpleNamespace) -> None:
    """What a feature sees has five columns, none of which the future writes."""
    found = cohort.terms(one_term(small, *YEAR), AS_OF)
    assert found.points.columns == (
        "subscription_id",
        "account_id",
        "as_of_date",
        "term_start",
        "seats",
    )


@pytest.mark.parametrize(("as_of", "kept"), [(date(2025, 1, 30), 0), (date(2025, 1, 31), 1)])
def test_a_term_enters_when_renewal_and_grace_are_past(
    small: SimpleNamespace, as_of: date, kept: int
) -> None:
    """Renewal on 2025-01-01 with 30 days of grace can be judged from 2025-01-31 on."""
    found = cohort.terms(one_term(small, *YEAR), as_of)
    assert found.terms.count().execute() == kept
    assert reasons(found) == ({} if kept else {cohort.NOT_DUE: (1, 0)})


def test_an_early_cancellation_enters_by_its_renewal_date_only(small: SimpleNamespace) -> None:
    """Churn known early does not make a term enter early: that would inflate churn."""
    gone = {"outcome": "churned", "ended_at": date(2024, 11, 15)}
    tables = one_term(small, *YEAR, **gone)
    assert reasons(cohort.terms(tables, date(2024, 12, 31))) == {cohort.NOT_DUE: (1, 1)}
    late = cohort.terms(tables, AS_OF)
    assert late.terms.churned.execute().tolist() == [1]


@pytest.mark.parametrize("decision", ["before_renewal", "after_start"])
def test_terms_without_a_renewal_date_leave_whatever_became_of_them(
    small: SimpleNamespace, decision: cohort.Decision
) -> None:
    """Kept when churned and left out while running, open-ended terms would all have churned."""
    gone = {"outcome": "churned", "ended_at": date(2024, 11, 15), "term_end": None}
    terms = [
        small.term("due", *YEAR),
        small.term("open gone", *YEAR, account_id="B", **gone),
        small.term("open", *YEAR, account_id="C", term_end=None, outcome="pending"),
        small.term("unknown", *YEAR, account_id="D", term_end=None, outcome=None),
        small.term("stayed", *YEAR, account_id="E", term_end=None, outcome="renewed"),
    ]
    tables = small.world(terms, [small.event(FIRST_DAY)])
    found = cohort.terms(tables, AS_OF, decision=decision, days=60)
    assert found.terms.subscription_id.execute().tolist() == ["due"]
    assert reasons(found) == {cohort.NO_RENEWAL_DATE: (4, 1)}


@pytest.mark.parametrize("decision", ["before_renewal", "after_start"])
def test_an_open_ended_term_runs_until_it_ends(
    small: SimpleNamespace, decision: cohort.Decision
) -> None:
    """Today's customers hold the terms without a renewal date that nobody has ended."""
    began = date(2024, 9, 1)
    terms = [
        small.term("open", began, YEAR[1], term_end=None, outcome="pending"),
        small.term("leaving", began, YEAR[1], account_id="B", term_end=None,
                   ended_at=AS_OF + timedelta(days=1)),
        small.term("ended", began, YEAR[1], account_id="C", term_end=None, ended_at=AS_OF),
        small.term("future", AS_OF + timedelta(days=1), date(2026, 1, 1), account_id="D",
                   term_end=None),
        small.term("dated", began, date(2025, 9, 1), account_id="E"),
    ]  # fmt: skip
    tables = small.world(terms, [small.event(FIRST_DAY)])
    found = cohort.running(tables, AS_OF, decision=decision, days=60)
    rows = found.terms.execute().set_index("subscription_id")
    assert set(rows.index) == {"open", "leaving", "dated"}
    assert rows["reached_landmark"].all()
    seen = AS_OF if decision == "before_renewal" else date(2024, 10, 31)
    assert set(rows["as_of_date"]) == {pd.Timestamp(seen)}
    assert reasons(found) == {cohort.NOT_RUNNING: (2, 0)}


@pytest.mark.parametrize("field", ["ended_at", "cancel_requested_at"])
def test_who_left_by_the_landmark_is_counted_with_their_churn(
    small: SimpleNamespace, field: str
) -> None:
    """Leaving or giving notice on D itself is before the landmark; the day after is not."""
    terms = [
        small.term("on", *YEAR, outcome="churned", account_id="A", **{field: date(2024, 3, 1)}),
        small.term("next", *YEAR, outcome="churned", account_id="B", **{field: date(2024, 3, 2)}),
        small.term("back", *YEAR, outcome="renewed", account_id="C", **{field: date(2024, 2, 1)}),
    ]
    tables = small.world(terms, [small.event(FIRST_DAY)])
    found = cohort.terms(tables, AS_OF, decision="after_start", days=60)
    assert found.terms.subscription_id.execute().tolist() == ["next"]
    assert found.exclusions.to_dict("records") == [
        {"reason": cohort.LEFT, "n_terms": 2, "n_accounts": 2, "n_churned": 1, "churn_rate": 0.5}
    ]


def test_a_renewal_already_signed_by_the_decision_date_is_not_predicted(
    small: SimpleNamespace,
) -> None:
    """decided_at on or before D leaves the term out, under a reason of its own."""
    tables = one_term(small, *YEAR, decided_at=date(2024, 10, 3))
    assert reasons(cohort.terms(tables, AS_OF)) == {cohort.DECIDED: (1, 0)}
    assert cohort.terms(tables, AS_OF, days=91).terms.count().execute() == 1


def test_pending_is_left_out_and_missing_outcomes_are_pending(small: SimpleNamespace) -> None:
    """A due term without an outcome is neither churned nor renewed."""
    terms = [
        small.term("p", *YEAR, outcome="pending"),
        small.term("n", *YEAR, outcome=None, account_id="B"),
    ]
    found = cohort.terms(small.world(terms, [small.event(FIRST_DAY)]), AS_OF)
    assert reasons(found) == {cohort.UNDECIDED: (2, 0)}
    assert found.exclusions["churn_rate"].isna().all()


@pytest.mark.parametrize(("outcome", "churned", "involuntary"), [
    ("renewed", 0, False), ("expanded", 0, False), ("contracted", 0, False),
    ("churned", 1, False), ("involuntary", None, True),
])  # fmt: skip
def test_each_outcome_is_made_once(
    small: SimpleNamespace, outcome: str, churned: int | None, involuntary: bool
) -> None:
    """Who was acquired or went out of business neither churned nor stayed."""
    row = cohort.terms(one_term(small, *YEAR, outcome=outcome), AS_OF).terms.execute().iloc[0]
    assert (None if pd.isna(row["churned"]) else row["churned"]) == churned
    assert row["involuntary"] == involuntary


def test_the_landmark_lies_in_the_first_half_of_the_term(small: SimpleNamespace) -> None:
    """A term of 120 days has a landmark at 60, one of 119 days has not."""
    terms = [
        small.term("120", date(2024, 1, 1), date(2024, 4, 30)),
        small.term("119", date(2024, 1, 1), date(2024, 4, 29), account_id="B"),
    ]
    tables = small.world(terms, [small.event(FIRST_DAY)])
    found = cohort.terms(tables, AS_OF, decision="after_start", days=60)
    assert found.terms.subscription_id.execute().tolist() == ["120"]
    assert reasons(found) == {cohort.BEYOND_HALF: (1, 0)}


def test_a_term_shorter_than_the_days_before_renewal_is_left_out(small: SimpleNamespace) -> None:
    """30 days cannot be looked at 90 days before their end."""
    tables = one_term(small, date(2024, 1, 1), date(2024, 1, 31), outcome="churned")
    assert reasons(cohort.terms(tables, AS_OF)) == {cohort.TOO_SHORT: (1, 1)}


@pytest.mark.parametrize(("data_start", "kept"), [(date(2024, 1, 1), 1), (date(2024, 1, 2), 0)])
def test_first_days_that_were_not_recorded_leave_the_term_out(
    small: SimpleNamespace, data_start: date, kept: int
) -> None:
    """A landmark cohort needs the term's start within the recorded usage."""
    found = cohort.terms(
        one_term(small, *YEAR), AS_OF, decision="after_start", days=60, data_start=data_start
    )
    assert found.terms.count().execute() == kept
    assert reasons(found) == ({} if kept else {cohort.BEFORE_DATA: (1, 0)})


def test_a_term_begun_before_the_data_can_still_be_predicted(small: SimpleNamespace) -> None:
    """Before the renewal only the decision date has to lie in the recorded usage."""
    tables = one_term(small, *YEAR)
    assert cohort.terms(tables, AS_OF, data_start=date(2024, 10, 2)).terms.count().execute() == 1
    found = cohort.terms(tables, AS_OF, data_start=date(2024, 10, 3))
    assert reasons(found) == {cohort.BEFORE_DATA: (1, 0)}


def test_the_previous_outcome_is_known_only_once_that_term_ended(small: SimpleNamespace) -> None:
    """A second term that overlaps the first must not be told how the first will end."""
    terms = [
        small.term("first", date(2023, 1, 1), date(2024, 1, 1), outcome="churned"),
        small.term("again", date(2024, 2, 1), date(2025, 1, 1), term_no=2),
        small.term("side", date(2024, 3, 1), date(2025, 2, 1), term_no=3),
    ]
    tables = small.world(terms, [small.event(FIRST_DAY)])
    found = cohort.terms(tables, AS_OF).terms.execute().set_index("subscription_id")
    assert found.loc["again", "previous_outcome"] == "churned"
    assert found.loc["again", "won_back"]
    assert pd.isna(found.loc["side", "previous_outcome"])
    assert not found["won_back"][["first", "side"]].any()


def test_an_account_never_seen_to_use_the_product_is_flagged(small: SimpleNamespace) -> None:
    """No event ever may mean that telemetry was never on."""
    terms = [small.term("a", *YEAR), small.term("b", *YEAR, account_id="B")]
    found = cohort.terms(small.world(terms, [small.event(FIRST_DAY)]), AS_OF).terms.execute()
    assert found.set_index("account_id")["no_usage_ever"].to_dict() == {"A": False, "B": True}


def test_running_terms_are_seen_at_the_landmark_or_today(small: SimpleNamespace) -> None:
    """Beyond the landmark D is start + 60; before it D is the data date; outcomes are null."""
    terms = [
        small.term("beyond", date(2024, 9, 1), date(2025, 9, 1), outcome="pending"),
        small.term("young", date(2025, 3, 1), date(2026, 3, 1), account_id="B"),
        small.term("notice", date(2025, 1, 1), date(2026, 1, 1), account_id="C",
                   cancel_requested_at=date(2025, 3, 31)),
        small.term("ended", date(2025, 1, 1), date(2026, 1, 1), account_id="D",
                   ended_at=date(2025, 3, 31)),
        small.term("over", date(2024, 3, 31), date(2025, 3, 31), account_id="E"),
        small.term("future", date(2025, 4, 1), date(2026, 4, 1), account_id="F"),
    ]  # fmt: skip
    tables = small.world(terms, [small.event(FIRST_DAY)])
    found = cohort.running(tables, AS_OF, days=60)
    rows = found.terms.execute().set_index("subscription_id")
    assert rows["as_of_date"].dt.strftime("%Y-%m-%d").to_dict() == {
        "beyond": "2024-10-31",
        "young": "2025-03-31",
        "notice": "2025-03-02",
    }
    assert rows["reached_landmark"].to_dict() == {"beyond": True, "young": False, "notice": True}
    assert rows["in_notice"].to_dict() == {"beyond": False, "young": False, "notice": True}
    assert rows[["outcome", "churned", "involuntary"]].isna().all(axis=None)
    assert reasons(found) == {cohort.NOT_RUNNING: (3, 0)}
    today = cohort.running(tables, AS_OF, decision="before_renewal").terms.execute()
    assert set(today["as_of_date"]) == {pd.Timestamp(AS_OF)}


def test_every_term_is_kept_or_counted_under_one_reason(small: SimpleNamespace) -> None:
    """Kept and left out add up to the subscriptions."""
    tables = small.random_world(5, n_accounts=60, n_events=50)
    for decision in ("before_renewal", "after_start"):
        found = cohort.terms(tables, date(2024, 6, 30), decision=decision, days=60)
        kept = found.terms.count().execute()
        left_out = int(found.exclusions["n_terms"].sum())
        assert kept
        assert left_out
        assert kept + left_out == tables["subscriptions"].count().execute()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"days": 0}, "days"),
        ({"grace_days": -1}, "grace_days"),
        ({"decision": "at_renewal"}, "before_renewal or after_start"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(
    small: SimpleNamespace, settings: dict, text: str
) -> None:
    """The message names the setting."""
    with pytest.raises(ParameterError, match=text):
        cohort.terms(one_term(small, *YEAR), AS_OF, **settings)


def test_tables_without_events_are_refused(small: SimpleNamespace) -> None:
    """Neither a missing nor an empty table of events becomes an empty analysis."""
    tables = small.world([small.term("s1", *YEAR)], [])
    with pytest.raises(DataError, match="there is no event"):
        cohort.terms(tables, AS_OF)
    del tables["events"]
    with pytest.raises(DataError, match="a required table is missing"):
        cohort.terms(tables, AS_OF)
