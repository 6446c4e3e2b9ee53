"""Every login as it stood on a day, and where each person served, worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cs_models.errors import DataError
from cs_models.features import people

ON = date(2024, 3, 1)
SCHEMAS = {
    "accounts": {
        "account_id": "string", "account_name": "string", "segment": "string",
        "parent_account_id": "string",
    },
    "users": {
        "user_id": "string", "account_id": "string", "person_id": "string", "role": "string",
        "created_date": "date", "deactivated_date": "date",
    },
    "subscriptions": {
        "subscription_id": "string", "account_id": "string", "term_start": "date",
        "term_end": "date", "ended_at": "date", "arr": "decimal(18, 2)",
    },
    "events": {
        "account_id": "string", "user_id": "string", "feature": "string",
        "quantity": "decimal(18, 3)", "event_date": "date", "known_date": "date",
    },
    "tickets": {
        "user_id": "string", "opened_date": "date", "closed_date": "date", "known_date": "date",
    },
    "surveys": {
        "survey_id": "string", "user_id": "string", "kind": "string", "score": "float64",
        "answered_at": "timestamp", "answered_date": "date", "known_date": "date",
    },
    "touchpoints": {
        "user_id": "string", "kind": "string", "initiated_by": "string", "occurred_date": "date",
        "known_date": "date",
    },
    "milestones": {
        "account_id": "string", "milestone": "string", "kind": "string", "completed_at": "date",
    },
}  # fmt: skip
Rows = list[dict[str, Any]]


def world(**rows: Rows) -> dict[str, Any]:
    """Return canonical tables with these rows; the three required ones are always there."""
    rows = {"accounts": [{"account_id": "A"}], "subscriptions": [], "events": []} | rows
    made = {}
    for name, given_rows in rows.items():
        schema = SCHEMAS[name]
        whole = [{column: row.get(column) for column in schema} for row in given_rows]
        arrow = ibis.schema(schema).to_pyarrow()
        made[name] = ibis.memtable(pa.Table.from_pylist(whole, schema=arrow))
    return made


def user(user_id: str = "u1", made: date = date(2024, 1, 1), **more: Any) -> dict[str, Any]:
    """Return one login of account A."""
    row = {"user_id": user_id, "account_id": "A", "person_id": f"p-{user_id}", "role": "member"}
    return row | {"created_date": made} | more


def used(day: date, user_id: str | None = "u1", **more: Any) -> dict[str, Any]:
    """Return one use of feature f by a login, known the day after."""
    row = {"account_id": "A", "user_id": user_id, "feature": "f", "quantity": Decimal(1)}
    return row | {"event_date": day, "known_date": day + timedelta(days=1)} | more


def one(tables: dict[str, Any], on: date = ON, user_id: str = "u1", **more: Any) -> pd.Series:
    """Return the row of one login."""
    found = people.frame(tables, on, **more)
    return found[found["user_id"] == user_id].iloc[0]


def test_use_is_counted_in_days_weeks_and_features_strictly_before_the_day() -> None:
    """Use on 29 February is one day ago on 1 March; 28 days ago is inside 28 days, 29 is not."""
    events = [
        used(date(2023, 12, 1), "u0"),
        used(date(2024, 1, 11)),
        used(date(2024, 2, 1)),
        used(date(2024, 2, 2), quantity=Decimal("2.5")),
        used(date(2024, 2, 29)),
        used(date(2024, 2, 29), feature="g"),
        used(date(2024, 3, 1), feature="h"),
        used(date(2024, 2, 28), feature="late", known_date=date(2024, 3, 2)),
    ]
    logins = [user(), user("u0", date(2023, 11, 1))]
    row = one(world(users=logins, events=events), features=("f", "g", "h"))
    assert row["days_since_last_use"] == 1
    assert row["first_use_on"] == pd.Timestamp(2024, 1, 11)
    assert row["days_to_first_use"] == 10
    assert (row["active_days__last_28d"], row["active_days__to_date"]) == (2, 4)
    assert row["active_weeks__last_84d"] == 4  # 1, 28, 29 and 50 days ago: weeks 1, 4, 5 and 8
    assert row["events__last_28d"] == 4.5
    assert row["events__last_90d"] == 6.5
    assert (row["distinct_features__last_90d"], row["distinct_features__to_date"]) == (2, 2)
    assert row["events__feature=f__to_date"] == 5.5
    assert row["events__feature=g__to_date"] == 1
    assert pd.isna(row["events__feature=h__to_date"])


def test_missing_is_never_zero() -> None:
    """No use is zero where use was recorded; a window older than the records is missing."""
    tables = world(users=[user(), user("u2")], events=[used(date(2024, 1, 20), "u2")])
    row = one(tables)
    assert row["active_days__last_28d"] == 0
    assert row["active_days__to_date"] == 0
    assert pd.isna(row["days_since_last_use"])
    assert pd.isna(row["events__last_90d"])
    assert pd.isna(row["nps__to_date"])
    assert pd.isna(row["open_tickets__to_date"])
    assert pd.isna(row["trained__to_date"])
    attrs = people.frame(tables, ON).attrs
    assert "only" in attrs["unknown"]["events__last_90d"]
    assert (attrs["why_not"], attrs["data_start"]) == ("", "2024-01-20")


def test_who_is_older_than_the_records_has_no_first_use() -> None:
    """The first recorded use of a login made before the records began need not be its first."""
    tables = world(
        users=[user(made=date(2023, 5, 1)), user("u2")],
        events=[used(date(2024, 1, 1)), used(date(2024, 1, 9), "u2")],
    )
    assert pd.isna(one(tables)["days_to_first_use"])
    assert one(tables, user_id="u2")["days_to_first_use"] == 8


def test_use_without_names_says_nothing_of_anybody() -> None:
    """Events that name no user leave every user's use unknown, with the reason."""
    found = people.frame(world(users=[user()], events=[used(date(2024, 2, 1), None)]), ON)
    assert found["active_days__to_date"].isna().all()
    assert found.attrs["unknown"]["active_days__to_date"] == "no use on record names its user"


def test_what_passed_between_us_and_a_user() -> None:
    """Own latest answer of 180 days, open tickets, our last contact, a training of one's own."""

    def answer(number: int, day: date, score: float, **more: Any) -> dict[str, Any]:
        row = {"survey_id": f"s{number}", "user_id": "u1", "kind": "nps", "score": score}
        known = day + timedelta(days=7)
        return (
            row
            | {"answered_at": pd.Timestamp(day), "answered_date": day}
            | {"known_date": known}
            | more
        )

    def contact(day: date, by: str = "us", kind: str = "call") -> dict[str, Any]:
        row = {"user_id": "u1", "kind": kind, "initiated_by": by, "occurred_date": day}
        return row | {"known_date": day + timedelta(days=1)}

    ticket = {"user_id": "u1", "known_date": date(2024, 2, 2), "opened_date": date(2024, 2, 1)}
    tables = world(
        users=[user(), user("u2")],
        surveys=[
            answer(1, date(2024, 1, 10), 9), answer(2, date(2024, 2, 10), 3),
            answer(3, date(2024, 2, 28), 10), answer(4, date(2023, 9, 2), 8, kind="csat"),
        ],
        tickets=[
            ticket | {"closed_date": date(2024, 3, 1)}, ticket | {"closed_date": date(2024, 2, 29)},
        ],
        touchpoints=[
            contact(date(2024, 2, 20)), contact(date(2024, 2, 25), "customer"),
            contact(date(2024, 1, 5), kind="training"),
        ],
    )  # fmt: skip
    row = one(tables)
    assert row["nps__to_date"] == 3
    assert pd.isna(row["csat__to_date"])
    assert row["open_tickets__to_date"] == 1
    assert row["days_since_our_contact__to_date"] == 10
    assert row["trained__to_date"] is True or bool(row["trained__to_date"])
    other = one(tables, user_id="u2")
    assert other["open_tickets__to_date"] == 0
    assert pd.isna(other["days_since_our_contact__to_date"])
    assert not other["trained__to_date"]


@pytest.mark.parametrize(
    ("last", "trained"), [(date(2024, 2, 29), True), (date(2024, 3, 1), False)]
)
def test_all_onboarding_steps_of_the_account_train_its_users(last: date, trained: bool) -> None:
    """A step completed on the day itself is not yet done."""
    step = {"account_id": "A", "kind": "onboarding", "completed_at": date(2024, 1, 5)}
    steps = [step | {"milestone": "kick-off"}, step | {"milestone": "data", "completed_at": last}]
    row = one(world(users=[user()], milestones=steps))
    assert bool(row["trained__to_date"]) is trained


def test_the_contract_is_the_sum_of_the_running_terms() -> None:
    """Two contracts side by side add up; one cancelled before the day and one to come do not."""

    def term(number: int, start: date, end: date, arr: str, **more: Any) -> dict[str, Any]:
        row = {"subscription_id": f"s{number}", "account_id": "A", "arr": Decimal(arr)}
        return row | {"term_start": start, "term_end": end} | more

    year = (date(2023, 6, 1), date(2024, 6, 1))
    terms = [
        term(1, *year, "1200.00"), term(2, date(2024, 3, 1), date(2024, 5, 1), "300.00"),
        term(3, *year, "50.00", ended_at=date(2024, 2, 1)),
        term(4, date(2024, 6, 1), date(2025, 6, 1), "9.00"),
    ]  # fmt: skip
    row = one(world(users=[user()], subscriptions=terms))
    assert row["arr"] == 1500
    assert row["term_end"] == pd.Timestamp(2024, 5, 1)
    assert row["days_to_renewal"] == 61


def test_a_login_is_there_from_the_day_after_it_was_made_and_gone_the_day_after() -> None:
    """Made on 1 March is not yet there on 1 March; taken away on 1 March is still there."""
    logins = [
        user("new", ON), user("gone", deactivated_date=date(2024, 2, 29)),
        user("going", deactivated_date=ON),
    ]  # fmt: skip
    found = people.frame(world(users=logins), ON).set_index("user_id")
    assert list(found.index) == ["going", "gone"]
    assert list(found["deactivated"]) == [False, True]


def test_without_users_the_frame_is_empty_and_says_why() -> None:
    """The columns are all there, with their types, and the reason."""
    found = people.frame(world(), ON, features=("f",))
    assert found.empty
    assert {*people.COLUMNS, "events__feature=f__to_date"} == set(found.columns)
    assert found.attrs["why_not"] == people.NO_USERS
    assert found.dtypes.equals(people.frame(world(users=[user()]), ON, features=("f",)).dtypes)


def test_a_missing_required_table_is_refused() -> None:
    """Without events there is no frame."""
    tables = world(users=[user()])
    del tables["events"]
    with pytest.raises(DataError, match="required table is missing"):
        people.frame(tables, ON)


_DAYS = st.dates(date(2024, 1, 1), date(2024, 3, 31))


@settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    uses=st.lists(st.tuples(_DAYS, st.integers(1, 9), st.sampled_from(["u1", "u2"])), min_size=1),
    closings=st.lists(st.tuples(_DAYS, _DAYS), max_size=3),
    left=st.none() | _DAYS,
)
def test_what_happens_later_changes_nothing(
    uses: list[tuple[date, int, str]], closings: list[tuple[date, date]], left: date | None
) -> None:
    """Taking away all that happened or became known from the day on leaves every number."""
    events = [used(day, who, known_date=day + timedelta(days=lag)) for day, lag, who in uses]
    tickets: list[dict[str, Any]] = [
        {"user_id": "u1", "opened_date": a, "known_date": a + timedelta(days=1), "closed_date": b}
        for a, b in closings
    ]
    logins = [user(deactivated_date=left), user("u2", date(2024, 2, 10)), user("u3", ON)]
    whole = world(users=logins, events=events[::-1], tickets=tickets)
    hide = [row | {"closed_date": row["closed_date"] if row["closed_date"] < ON else None}
            for row in tickets if row["opened_date"] < ON and row["known_date"] <= ON]  # fmt: skip
    cut = world(
        users=[user(deactivated_date=left if left and left < ON else None), logins[1]],
        events=[row for row in events if row["event_date"] < ON and row["known_date"] <= ON],
        tickets=hide,
    )
    pd.testing.assert_frame_equal(people.frame(whole, ON), people.frame(cut, ON))


def test_months_hold_every_long_silence() -> None:
    """Days 1, 7 and 29 of February are two weeks of use; what is known later is not seen."""
    events = [
        used(date(2024, 2, 1)), used(date(2024, 2, 7), quantity=Decimal(3)),
        used(date(2024, 2, 29)), used(date(2023, 12, 3)), used(date(2024, 3, 1)),
        used(date(2024, 2, 20), None),
    ]  # fmt: skip
    found = people.monthly(world(events=events), ON)
    assert list(found["month"].dt.month) == [12, 2]
    row = found.iloc[1]
    assert (row["uses"], row["active_weeks"]) == (5, 2)
    assert (row["first_on"], row["last_on"]) == (
        pd.Timestamp(2024, 2, 1),
        pd.Timestamp(2024, 2, 29),
    )


def moved(**more: Any) -> dict[str, Any]:
    """Return the dated example of the module: A goes on as B, then p goes to C."""

    def login(number: int, account: str, start: date, end: date | None) -> dict[str, Any]:
        row = user(f"u{number}", start, account_id=account, person_id="p", role="champion")
        return row | {"deactivated_date": end}

    rows = {
        "accounts": [
            {"account_id": "A", "parent_account_id": "B"}, {"account_id": "B"}, {"account_id": "C"},
        ],
        "users": [
            login(1, "A", date(2023, 1, 10), date(2024, 1, 1)),
            login(2, "B", date(2024, 1, 1), date(2024, 6, 30)),
            login(3, "C", date(2024, 8, 15), None),
        ],
        "subscriptions": [
            {"account_id": "A", "term_start": date(2023, 1, 1), "term_end": date(2024, 1, 1)},
            {"account_id": "B", "term_start": date(2024, 1, 1), "term_end": date(2025, 1, 1)},
        ],
    }  # fmt: skip
    return world(**(rows | more))


def test_the_dated_example_of_episodes_holds() -> None:
    """Two logins over a change of record are one episode; the next employer is another."""
    found = people.episodes(moved(), date(2024, 12, 31))
    assert list(found["account_id"]) == ["B", "C"]
    assert list(found["from_on"]) == [pd.Timestamp(2023, 1, 10), pd.Timestamp(2024, 8, 15)]
    assert found["to_on"].iloc[0] == pd.Timestamp(2024, 6, 30)
    assert pd.isna(found["to_on"].iloc[1])
    assert list(found["place"]) == [1, 2]
    assert found["came_from"].iloc[1] == "B"
    assert list(found["n_logins"]) == [2, 1]
    assert found.attrs["why_not"] == ""


def test_a_subsidiary_stays_an_account_of_its_own() -> None:
    """Contracts that run beside the parent's are no change of record."""
    terms = [
        {"account_id": "A", "term_start": date(2023, 1, 1), "term_end": date(2024, 1, 1)},
        {"account_id": "B", "term_start": date(2022, 1, 1), "term_end": date(2025, 1, 1)},
    ]
    found = people.episodes(moved(subscriptions=terms), date(2024, 12, 31))
    assert list(found["account_id"]) == ["A", "B", "C"]


def test_a_later_move_is_not_known_before() -> None:
    """On 2024-05-01 the person is in B and has not left."""
    found = people.episodes(moved(), date(2024, 5, 1))
    assert list(found["account_id"]) == ["B"]
    assert found["to_on"].isna().all()


def test_who_carries_no_person_id_stands_alone_and_it_is_said() -> None:
    """Without person_id every login is somebody of its own; without users nobody is."""
    found = people.episodes(world(users=[user(person_id=None)]), ON)
    assert list(found["person_id"]) == ["login u1"]
    assert "person_id" in found.attrs["why_not"]
    none = people.episodes(world(), ON)
    assert none.empty
    assert none.attrs["why_not"] == people.NO_USERS
