"""What is known of accounts and users on each day, as stretches without a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.features import adoption, cohort, cuts, panel
from cs_models.features.adoption import Condition, Definition
from cs_models.features.daily import accounts, known, users
from cs_models.features.daily.grid import Grid
from cs_models.features.daily.use import stays
from tests.features import conftest as make

AS_OF = date(2024, 12, 31)
START = date(2024, 1, 1)


def world(**tables: Sequence[Mapping[str, Any]]) -> dict[str, ir.Table]:
    """Return canonical tables; account A with a contract of a year unless told otherwise."""
    schemas = {
        "accounts": make.ACCOUNTS, "subscriptions": make.SUBSCRIPTIONS, "events": make.EVENTS,
        "tickets": make.TICKETS, "milestones": make.MILESTONES, "surveys": make.SURVEYS,
        "users": make.USERS,
    }  # fmt: skip
    rows: dict[str, Sequence[Mapping[str, Any]]] = {
        "accounts": [{"account_id": "A", "segment": "SMB"}],
        "subscriptions": [make.term("s1", START, date(2025, 1, 1))],
        "events": [make.event(START)],
    }
    return {name: make.memory(given_, schemas[name]) for name, given_ in {**rows, **tables}.items()}


def on(
    tables: Mapping[str, ir.Table], day: date, *columns: str, as_of: date = AS_OF, **more: Any
) -> list[Any]:
    """Return columns of the only account on a day."""
    told = known.read(tables, as_of, data_start=more.pop("data_start", START), **more)
    every = [float(level) for level in range(400)]
    levels = {name: [] if name in accounts.FLAGS else every for name in columns}
    frame = accounts.stretches(told, levels).frame
    when = pd.Timestamp(day)
    row = frame[(frame["from_day"] <= when) & (frame["to_day"] >= when)]
    assert len(row) == 1
    return [row[name].iloc[0] for name in columns]


def test_a_use_counts_from_the_day_after_to_the_28th_day_after() -> None:
    """A use of 1 March makes its user active from 2 to 29 March, not on 1 and not on 30 March."""
    tables = world(events=[make.event(date(2024, 3, 1))])
    column = "active_users__last_28d"
    told = [on(tables, date(2024, 3, day), column)[0] for day in (1, 2, 29, 30)]
    assert told == [0, 1, 1, 0]


def test_a_use_known_late_counts_from_the_day_it_was_known() -> None:
    """A use of 1 March known on 10 March is not seen before the 10th."""
    tables = world(events=[make.event(date(2024, 3, 1), known_date=date(2024, 3, 10))])
    told = [on(tables, date(2024, 3, day), "events__last_28d")[0] for day in (9, 10)]
    assert told == [0, 1]


def test_users_are_counted_once_whatever_they_do() -> None:
    """Two users with overlapping uses are two active users until the first one's window ends."""
    uses = [
        make.event(date(2024, 3, 1), user_id="u1"), make.event(date(2024, 3, 5), user_id="u1"),
        make.event(date(2024, 3, 5), user_id="u1", feature="g"),
        make.event(date(2024, 3, 20), user_id="u2"),
    ]  # fmt: skip
    tables = world(events=uses)
    days = [date(2024, 3, 6), date(2024, 3, 21), date(2024, 4, 2), date(2024, 4, 3)]
    assert [on(tables, day, "active_users__last_28d")[0] for day in days] == [1, 2, 2, 1]


def test_seats_and_the_use_before_are_those_of_hand() -> None:
    """28 uses in 28 days after 42 in the 84 before are twice the rate; one user of ten seats."""
    base = [make.event(date(2024, 5, 1) + timedelta(days=2 * k)) for k in range(42)]
    recent = [make.event(date(2024, 7, 24) + timedelta(days=k)) for k in range(28)]
    tables = world(events=[*base, *recent])
    told = on(tables, date(2024, 8, 21), "use_against_before", "seat_utilisation__last_28d")
    assert told == pytest.approx([28 * 3 / 42, 0.1])


def test_contract_facts_are_known_on_their_day() -> None:
    """Notice of 1 May is seen on 1 May; after the end the account has left at once."""
    terms = [make.term("s1", START, date(2024, 7, 1), cancel_requested_at=date(2024, 5, 1))]
    tables = world(subscriptions=terms)
    columns = ("in_notice", "contract_runs", "left", "days_to_renewal")
    assert on(tables, date(2024, 4, 30), *columns) == [False, True, False, 62]
    assert on(tables, date(2024, 5, 1), *columns) == [True, True, False, 61]
    assert on(tables, date(2024, 7, 1), *columns)[:3] == [False, False, True]


def test_a_contract_that_runs_out_is_left_only_after_the_grace() -> None:
    """Without notice an account has left 31 days after its end, and begins anew when it returns."""
    terms = [
        make.term("s1", START, date(2024, 5, 1), outcome="churned"),
        make.term("s2", date(2024, 8, 1), date(2025, 8, 1), arr=Decimal(2400)),
    ]  # fmt: skip
    tables = world(subscriptions=terms)
    columns = ("left", "days_without_contract", "days_as_customer", "won_back", "expanded")
    assert on(tables, date(2024, 5, 31), *columns) == [False, 30, 151, False, False]
    assert on(tables, date(2024, 6, 1), *columns)[:2] == [True, 31]
    assert on(tables, date(2024, 8, 1), *columns) == [False, 0, 0, True, True]


STANDING = ("contract_runs", "in_notice", "left", "renewal_unseen", "arr")


def test_a_renewal_on_record_runs_on_from_its_decision_until_the_next_term() -> None:
    """Decided after the end it counts from that day; the money does all along, a day's gap too."""
    terms = [
        make.term("s1", START, date(2024, 5, 1), decided_at=date(2024, 5, 4)),
        make.term("s2", date(2024, 5, 9), date(2024, 9, 1), decided_at=date(2024, 8, 1)),
        make.term("s3", date(2024, 9, 2), date(2025, 9, 1), arr=Decimal(2400), outcome="pending"),
    ]  # fmt: skip
    tables = world(subscriptions=terms)
    assert on(tables, date(2024, 5, 3), *STANDING) == [False, False, False, False, 1200]
    assert on(tables, date(2024, 5, 4), *STANDING) == [True, False, False, False, 1200]
    assert on(tables, date(2024, 9, 1), *STANDING) == [True, False, False, False, 1200]
    assert on(tables, date(2024, 9, 2), *STANDING) == [True, False, False, False, 2400]


def test_a_next_term_that_began_early_is_not_counted_beside_the_old_one() -> None:
    """The next term began 31 days before the end of a renewed one: from the end on it is alone."""
    terms = [
        make.term("s1", START, date(2024, 5, 1), decided_at=date(2024, 4, 10)),
        make.term("s2", date(2024, 3, 31), date(2025, 3, 31), arr=Decimal(2400)),
    ]
    tables = world(subscriptions=terms)
    assert on(tables, date(2024, 4, 30), *STANDING) == [True, False, False, False, 3600]
    assert on(tables, date(2024, 5, 1), *STANDING) == [True, False, False, False, 2400]


def test_a_renewal_on_record_without_a_next_term_is_no_customer_who_left() -> None:
    """It runs on for the 30 days of grace, and is then of its own kind, with the last money."""
    terms = [make.term("s1", START, date(2024, 5, 1), decided_at=date(2024, 4, 10))]
    tables = world(subscriptions=terms)
    assert on(tables, date(2024, 5, 31), *STANDING) == [True, False, False, False, 1200]
    assert on(tables, date(2024, 6, 1), *STANDING) == [False, False, False, True, 1200]
    assert on(tables, AS_OF, *STANDING) == [False, False, False, True, 1200]


def test_a_loss_on_record_has_left_at_its_end_and_one_undecided_keeps_its_money() -> None:
    """Decided as lost on the day after the end: overdue with its money for that day, then left."""
    terms = [make.term("s1", START, date(2024, 5, 1), outcome="churned",
                       decided_at=date(2024, 5, 2))]  # fmt: skip
    tables = world(subscriptions=terms)
    assert on(tables, date(2024, 5, 1), *STANDING) == [False, False, False, False, 1200]
    assert on(tables, date(2024, 5, 2), *STANDING) == [False, False, True, False, 0]
    tables = world(subscriptions=[make.term("s1", START, date(2024, 5, 1), outcome="pending")])
    assert on(tables, date(2024, 5, 30), *STANDING) == [False, False, False, False, 1200]
    assert on(tables, date(2024, 6, 1), *STANDING) == [False, False, True, False, 0]


def test_a_renewal_decided_after_a_notice_takes_the_notice_back() -> None:
    """Notice of 1 March stands until the renewal of 1 April; without one it is left at the end."""
    asked = {"cancel_requested_at": date(2024, 3, 1)}
    terms = [make.term("s1", START, date(2024, 5, 1), decided_at=date(2024, 4, 1), **asked)]
    tables = world(subscriptions=terms)
    told = [on(tables, date(2024, *day), "in_notice")[0] for day in ((3, 1), (3, 31), (4, 1))]
    assert told == [True, True, False]
    assert on(tables, date(2024, 5, 1), *STANDING) == [True, False, False, False, 1200]
    tables = world(subscriptions=[make.term("s1", START, date(2024, 5, 1), outcome="churned",
                                            decided_at=date(2024, 3, 1), **asked)])  # fmt: skip
    assert on(tables, date(2024, 5, 1), *STANDING) == [False, False, True, False, 0]


@pytest.mark.parametrize("outcome", ["renewed", "churned", "pending"])
def test_no_day_knows_an_outcome_before_its_decision(outcome: str) -> None:
    """Up to the day before the decision all outcomes look alike, whatever comes later."""
    columns = (*STANDING, "seats", "won_back", "days_without_contract")
    told = {}
    for name, decided in ((outcome, date(2024, 5, 20)), ("pending", None)):
        terms = [make.term("s1", START, date(2024, 5, 1), outcome=name, decided_at=decided)]
        tables = world(subscriptions=terms)
        days = [date(2024, 4, 30), date(2024, 5, 1), date(2024, 5, 19)]
        told[name] = [on(tables, day, *columns) for day in days]
    assert len({str(days) for days in told.values()}) == 1


def test_tickets_steps_goals_and_answers_are_those_of_hand() -> None:
    """Each record counts from the day after it, a late answer from when it was known."""
    tables = world(
        tickets=[make.ticket(date(2024, 2, 1), severity="critical", closed_date=date(2024, 3, 1))],
        milestones=[
            {"account_id": "A", "milestone": "a", "kind": "onboarding", "due_at": date(2024, 1, 9),
             "completed_at": date(2024, 1, 20)},
            {"account_id": "A", "milestone": "b", "kind": "onboarding", "due_at": date(2024, 3, 1)},
            {"account_id": "A", "milestone": "c", "kind": "goal",
             "completed_at": date(2024, 4, 1)},
        ],
        surveys=[{"survey_id": "q", "account_id": "A", "kind": "nps", "score": 9.0,
                  "answered_date": date(2024, 2, 1), "known_date": date(2024, 2, 8)}],
    )  # fmt: skip
    columns = (
        "open_severe_tickets__to_date", "onboarding_share", "onboarding_overdue_steps__to_date",
        "goals_reached__to_date", "promoters__last_180d",
    )  # fmt: skip
    assert on(tables, date(2024, 1, 20), *columns) == [0, 0, 1, 0, 0]
    assert on(tables, date(2024, 2, 2), *columns) == [1, 0.5, 0, 0, 0]
    assert on(tables, date(2024, 3, 1), *columns) == [1, 0.5, 0, 0, 1]
    assert on(tables, date(2024, 4, 2), *columns) == [0, 0.5, 1, 1, 1]
    assert on(tables, date(2024, 7, 30), *columns)[4] == 1  # 180 days after the answer
    assert on(tables, date(2024, 7, 31), *columns)[4] == 0


def test_the_champion_is_silent_since_the_last_use() -> None:
    """A champion's use counts, another user's does not; before the login there is no champion."""
    tables = world(
        events=[make.event(date(2024, 3, 1)), make.event(date(2024, 3, 9), user_id="u2")],
        users=[{"user_id": "u1", "account_id": "A", "role": "champion",
                "created_date": date(2024, 2, 1)}],
    )  # fmt: skip
    column = "champion_silent_days__to_date"
    told = [on(tables, day, column)[0] for day in (date(2024, 2, 11), date(2024, 3, 11))]
    assert told == [10, 10]
    assert np.isnan(on(tables, date(2024, 2, 1), column)[0])


DEFINED = Definition(
    "three", (Condition(column="events__f__first_60d", at_least=3),)
)  # fmt: skip


def test_adoption_is_dated_by_the_day_the_level_is_reached() -> None:
    """Two uses and one more, known the day after, make the account adopted from then on."""
    uses = [make.event(date(2024, 1, 5), quantity=Decimal(2)), make.event(date(2024, 1, 20))]
    tables = world(events=uses)
    told = [on(tables, date(2024, 1, day), "adopted", definition=DEFINED)[0] for day in (20, 21)]
    assert told == [False, True]
    assert on(tables, date(2024, 12, 1), "adopted", definition=DEFINED) == [True]


def test_a_level_reached_after_the_window_is_not_adoption() -> None:
    """The third use on day 60 of the term comes a day too late."""
    days = [date(2024, 1, 5), date(2024, 1, 6), START + timedelta(days=60)]
    tables = world(events=[make.event(day) for day in days])
    assert on(tables, date(2024, 12, 1), "adopted", definition=DEFINED) == [False]


def test_what_is_not_recorded_is_absent_with_its_reason() -> None:
    """Without tickets, surveys, milestones and users their columns are missing, and said so."""
    told = known.read(world(), AS_OF, data_start=START)
    found = accounts.stretches(told, {"goals_reached__to_date": [1.0]})
    assert found.frame["goals_reached__to_date"].isna().all()
    assert found.absent["goals_reached__to_date"] == "there is no table of milestones"
    assert found.absent["adopted"] == "adopted is not defined"
    assert "days_as_customer" not in found.absent
    empty = users.stretches(told, {"deactivated": []})
    assert empty.frame.empty
    assert set(empty.absent.values()) == {"there is no table of users"}


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    """A misspelt column is refused before anything is counted."""
    told = known.read(world(), AS_OF, data_start=START)
    with pytest.raises(ParameterError, match="did you mean in_notice"):
        accounts.stretches(told, {"in_notices": []})


def test_users_have_stretches_at_every_level_they_cross() -> None:
    """Made on 10 January, used on 1 February: the dated example of the module."""
    tables = world(
        events=[make.event(date(2024, 2, 1))],
        users=[{"user_id": "u1", "account_id": "A", "role": "member",
                "created_date": date(2024, 1, 10)}],
    )  # fmt: skip
    told = known.read(tables, AS_OF, data_start=START)
    levels = {"days_since_last_use": [28.0], "active_days__last_28d": [1.0]}
    frame = users.stretches(told, levels).frame
    days = [date(2024, 1, 11), date(2024, 2, 2), date(2024, 2, 29), date(2024, 3, 1), AS_OF]
    assert frame["from_day"].dt.date.tolist() == days
    assert frame["active_days__last_28d"].tolist() == [0, 1, 1, 0, 0]
    assert frame["days_since_last_use"].fillna(-1).tolist() == [-1, 1, 28, 29, 334]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 12)), max_size=25))
def test_stretches_put_together_cover_the_same_days(rows: list[tuple[int, int, int]]) -> None:
    """Merging overlapping stretches leaves every day of every group covered as before, once."""
    group = np.array([row[0] for row in rows], dtype=np.int64)
    start = np.array([row[1] for row in rows], dtype=np.int64)
    stop = start + np.array([row[2] for row in rows], dtype=np.int64)
    before = {(g, d) for g, a, b in zip(group, start, stop, strict=True) for d in range(a, b)}
    merged = list(zip(*stays(group, start, stop), strict=True))
    after = [(int(g), d) for g, a, b in merged for d in range(a, b)]
    assert len(after) == len(set(after))
    assert set(after) == before


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 25), st.integers(-3, 3)), max_size=30))
def test_running_sums_are_those_of_a_plain_loop(rows: list[tuple[int, int, int]]) -> None:
    """The sum of changes up to each day of each account is what adding them up says."""
    grid = Grid(np.array([0, 3, 5]), np.array([10, 20, 5]))
    account, day, change = (np.array([row[k] for row in rows], dtype=np.int64) for k in range(3))
    plain = [
        sum(c for a, d, c in rows if a == own and d <= when)
        for own, when in zip(grid.account, grid.day, strict=True)
    ]
    assert grid.running(account, day, change).tolist() == plain


@pytest.fixture(scope="module")
def sample(tenth: Any) -> SimpleNamespace:
    """Return a tenth of the invented customers, with a definition of adoption."""
    level = Condition(column="events__report_shared__first_60d", at_least=30, by_users=2)
    return SimpleNamespace(tables=dict(tenth), definition=Definition("d", (level,)))


LEVELS: dict[str, list[float]] = {
    "use_against_before": [0.6], "days_without_use": [14.0], "onboarding_share": [1.0],
    "open_severe_tickets__to_date": [1.0], "goals_reached__to_date": [1.0],
    "promoters__last_180d": [1.0], "champion_silent_days__to_date": [21.0], "adopted": [],
    "in_notice": [], "left": [], "expanded": [], "active_users__last_28d": [5.0],
}  # fmt: skip


def _at(frame: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Return every account's answers to the levels on a day."""
    rows = frame[(frame["from_day"] <= day) & (frame["to_day"] >= day)].set_index("account_id")
    answers = {
        name: rows[name] if not cuts_ else rows[name].ge(cuts_[0]).where(rows[name].notna())
        for name, cuts_ in LEVELS.items()
    }
    return pd.DataFrame(answers).astype(object).sort_index()


@pytest.mark.parametrize("day", [date(2024, 9, 17)])
def test_a_day_is_the_same_from_tables_cut_at_it(sample: SimpleNamespace, day: date) -> None:
    """Cutting away everything that came later changes no answer of the day (truncation)."""
    more = {"definition": sample.definition, "data_start": date(2022, 7, 1)}
    whole = accounts.stretches(known.read(sample.tables, date(2026, 6, 30), **more), LEVELS)
    names = sample.tables["accounts"].account_id.execute()
    chosen = pd.DataFrame({"account_id": names, "as_of_date": pd.Timestamp(day)})
    cut = cuts.truncated(dict(sample.tables), cuts.limits(chosen))
    cut = {name: ibis.memtable(table.to_pyarrow()) for name, table in cut.items()}
    then = accounts.stretches(known.read(cut, day, **more), LEVELS)
    expected, found = (_at(frame, pd.Timestamp(day)) for frame in (whole.frame, then.frame))
    pd.testing.assert_frame_equal(found, expected)


def test_adoption_by_day_60_is_that_of_the_panel(sample: SimpleNamespace) -> None:
    """A term is adopted within its 60 days exactly where the panel says the definition is met."""
    as_of, start = date(2026, 6, 30), date(2022, 7, 1)
    told = known.read(sample.tables, as_of, definition=sample.definition, data_start=start)
    own = cohort.terms(sample.tables, as_of, decision="after_start", days=60, data_start=start)
    built = panel.build(sample.tables, own, min_accounts=1, **adoption.request(sample.definition))
    met = adoption.met(sample.definition, built)
    key = list(zip(built["account_id"], built["term_start"].dt.date, strict=True))
    epoch = date(1970, 1, 1)
    assert told.adopted is not None
    reached = {
        (told.terms.names[account], epoch + timedelta(days=int(first))): day <= first + 60
        for account, first, day in zip(
            told.terms.account, told.terms.start, told.adopted, strict=True
        )
    }
    assert [reached[one] for one in key] == met.astype(bool).tolist()


def test_active_users_are_those_of_the_panel(sample: SimpleNamespace) -> None:
    """On the data date users, events and days of silence are what the panel counts."""
    as_of = date(2026, 6, 30)
    told = known.read(sample.tables, as_of, data_start=date(2022, 7, 1))
    frame = accounts.stretches(told, {}).frame
    today = frame[frame["to_day"] == pd.Timestamp(as_of)].set_index("account_id")
    own = cohort.running(
        sample.tables, as_of, decision="before_renewal", days=90, data_start=date(2022, 7, 1)
    )
    built = panel.build(
        sample.tables, own, windows_days=(28,), first_days=(), min_accounts=1, relations=True
    ).set_index("account_id")
    today = today.loc[built.index]
    for name in ("active_users__last_28d", "events__last_28d", "open_severe_tickets__to_date",
                 "champion_silent_days__to_date", "goals_reached__to_date",
                 "onboarding_overdue_steps__to_date"):  # fmt: skip
        expected = built[name].astype("float64").to_numpy()
        np.testing.assert_allclose(today[name].to_numpy(), expected, err_msg=name)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 120), min_size=1, max_size=30, unique=True))
def test_every_user_day_has_the_answers_of_a_plain_count(offsets: list[int]) -> None:
    """Whatever the days of use, each day's answers are those of counting them one by one."""
    days = sorted(offsets)
    tables = world(
        events=[make.event(START + timedelta(days=d)) for d in days],
        users=[{"user_id": "u1", "account_id": "A", "role": "member", "created_date": START}],
    )  # fmt: skip
    as_of = START + timedelta(days=200)
    told = known.read(tables, as_of, data_start=START)
    levels = {"active_days__last_28d": [4.0], "days_since_last_use": [28.0]}
    frame = users.stretches(told, levels).frame
    seen = 0
    rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    for row in rows:
        for when in pd.date_range(row["from_day"], row["to_day"]):
            day = (when.date() - START).days
            recent = sum(day - 28 <= d < day for d in days)
            last = max((d for d in days if d < day), default=None)
            assert (row["active_days__last_28d"] >= 4) == (recent >= 4)
            assert np.isnan(row["days_since_last_use"]) == (last is None)
            if last is not None:
                assert (row["days_since_last_use"] >= 28) == (day - last >= 28)
            seen += 1
    assert seen == 200


def test_contracts_side_by_side_are_held_together_against_what_was_paid() -> None:
    """Of 10 and 5 side by side each is renewed at its price: nothing bought; 5 to 6: bought more.

    A year from 1 January at 10 and one from 1 April at 5: the second is more in all (15).
    """
    tables = world(
        subscriptions=[
            make.term("a1", date(2022, 1, 1), date(2023, 1, 1), arr=Decimal(10)),
            make.term("b1", date(2022, 4, 1), date(2023, 4, 1), arr=Decimal(5)),
            make.term("a2", date(2023, 1, 1), date(2024, 1, 1), arr=Decimal(10)),
            make.term("b2", date(2023, 4, 1), date(2024, 4, 1), arr=Decimal(5)),
            make.term("a3", date(2024, 1, 1), date(2025, 1, 1), arr=Decimal(10)),
            make.term("b3", date(2024, 4, 1), date(2025, 4, 1), arr=Decimal(6)),
        ],
        events=[make.event(date(2022, 1, 1))],
    )  # fmt: skip
    days = [date(2022, 2, 1), date(2022, 5, 1), date(2023, 2, 1), date(2023, 5, 1),
            date(2024, 2, 1), date(2024, 5, 1)]  # fmt: skip
    told = [on(tables, day, "expanded", data_start=date(2022, 1, 1))[0] for day in days]
    assert told == [False, True, False, False, False, True]


@pytest.mark.parametrize(("price", "bought"), [(10, False), (12, True)])
@pytest.mark.parametrize("apart", [-31, 0, 10])
def test_a_renewal_beside_another_contract_early_or_late_is_no_growth(
    apart: int, price: int, bought: bool
) -> None:
    """A month early or ten days late: at the same price nothing was bought, at more it was."""
    begins = date(2024, 1, 1) + timedelta(days=apart)
    tables = world(
        subscriptions=[
            make.term("a1", date(2023, 1, 1), date(2024, 1, 1), arr=Decimal(10)),
            make.term("b1", date(2023, 4, 1), date(2024, 10, 1), arr=Decimal(5)),
            make.term("a2", begins, date(2025, 1, 1), arr=Decimal(price)),
        ],
        events=[make.event(date(2023, 1, 1))],
    )  # fmt: skip
    assert on(tables, date(2024, 2, 1), "expanded", data_start=date(2023, 1, 1)) == [bought]
