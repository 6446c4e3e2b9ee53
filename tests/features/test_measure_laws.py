"""Laws that every measure keeps on any small world: bounds, order, sums, and a blind future.

One world is drawn, read twice, and asked for all measures: reading is what costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cs_models.features.adoption import Definition
from cs_models.features.condition import Condition
from cs_models.features.measures import (
    adopted,
    durations,
    facts,
    monthly,
    people,
    score,
    seats,
    support,
)

START, ON = date(2024, 1, 1), date(2024, 5, 15)
SPAN = 180  # days that rows lie on: 45 of them are not yet known on the date
ACCOUNTS, FEATURES = "ABCD", ("f", "g", "h")
RULE, EASIER = (
    Definition(f"at least {level}", (Condition("events__f__first_60d", at_least=level),))
    for level in (2.0, 1.0)
)
# Reading a world is what costs: few of them, the same each time, not made smaller on failure.
DRAWN: dict[str, Any] = {
    "deadline": None, "derandomize": True, "database": None, "phases": [Phase.generate],
}  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]

at = st.integers(0, SPAN).map(lambda day: START + timedelta(days=day))
sometimes = st.one_of(st.none(), at)
account = st.sampled_from(ACCOUNTS)
seats_bought = st.sampled_from([None, 1, 4])
TERM = st.tuples(account, st.integers(-100, 90), st.integers(30, 400), seats_bought,
                 st.one_of(st.none(), st.integers(5, 120)))  # fmt: skip
EVENT = st.tuples(account, st.sampled_from(["1", "2", "3", None]), st.sampled_from(FEATURES), at,
                  st.sampled_from([1, 1, 1, 2, 30]))  # fmt: skip
USER = st.tuples(account, st.sampled_from("123"), st.sampled_from(["admin", "member", None]), at,
                 st.one_of(st.none(), st.integers(1, 120)))  # fmt: skip
STEP = st.tuples(account, st.sampled_from(["kickoff", "training", "saved hours"]), sometimes,
                 sometimes)  # fmt: skip
TICKET = st.tuples(account, at, st.one_of(st.none(), st.integers(0, 60)),
                   st.sampled_from(["normal", "critical", None]), st.booleans())  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn, small: SimpleNamespace) -> Rows:
    """Draw four accounts at most, with their contracts, logins, use, steps and cases."""
    terms = draw(st.lists(TERM, min_size=1, max_size=6))
    days = timedelta
    first = [
        small.term(
            f"s{n}", START + days(begin), START + days(begin + length), account_id=a, seats=bought,
            ended_at=early and START + days(begin + early),
        )
        for n, (a, begin, length, bought, early) in enumerate(terms)
    ]  # fmt: skip
    there = sorted({row["account_id"] for row in first})
    logins = draw(st.lists(USER, max_size=8, unique_by=lambda row: row[:2]))
    steps = draw(st.lists(STEP, max_size=6, unique_by=lambda row: row[:2]))
    return {
        "accounts": [{"account_id": a, "account_name": a, "segment": "SMB"} for a in there],
        "subscriptions": first,
        "events": [
            small.event(day, account_id=a, user_id=who and a + who, feature=name,
                        known_date=day + days(lag))
            for a, who, name, day, lag in draw(st.lists(EVENT, min_size=1, max_size=25))
        ],
        "users": [
            small.user(a + who, role, made, left and made + days(left), account_id=a)
            for a, who, role, made, left in logins
        ],
        "milestones": [
            small.step(name, done, account_id=a, due_at=due,
                       kind="goal" if name == "saved hours" else "onboarding")
            for a, name, due, done in steps
        ],
        "tickets": [
            small.ticket(day, account_id=a, ticket_id=f"t{n}", severity=severity,
                         closed_date=None if took is None else day + days(took), escalated=worse)
            for n, (a, day, took, severity, worse) in enumerate(draw(st.lists(TICKET, max_size=6)))
        ],
    }  # fmt: skip


FROM = {"subscriptions": "term_start", "events": "event_date", "users": "created_date",
        "tickets": "opened_date"}  # fmt: skip
LATER = ("ended_at", "closed_date", "deactivated_at", "deactivated_date", "completed_at")


def cut(rows: Rows) -> Rows:
    """Return what was on record on the morning of the date, each table's rows backwards."""
    found: Rows = {}
    for name, own in rows.items():
        seen = [row for row in own if name not in FROM or row[FROM[name]] < ON]
        if name in ("events", "tickets"):
            seen = [row for row in seen if row["known_date"] <= ON]
        found[name] = [
            {key: None if key in LATER and _after(value) else value for key, value in row.items()}
            for row in reversed(seen)
        ]
    return found


def _after(value: date | pd.Timestamp | None) -> bool:
    return value is not None and pd.Timestamp(value) >= pd.Timestamp(ON)


def read(rows: Rows, small: SimpleNamespace) -> tuple[dict[str, ir.Table], facts.Facts]:
    tables = {name: small.memory(own, small.schemas[name]) for name, own in rows.items()}
    return tables, facts.read(tables, ON, data_start=START, min_accounts=1)


Asked = Callable[[Mapping[str, ir.Table], facts.Facts], pd.DataFrame]


def of_users(_: Mapping[str, ir.Table], known: facts.Facts) -> pd.DataFrame:
    found = durations.users_to_first_use(known)
    parts = [found.of(name).assign(feature=name) for name in found.features]
    return pd.concat(parts, ignore_index=True) if parts else found.users


MEASURES: dict[str, Asked] = {
    "M1 M2 months": lambda _, k: monthly.monthly(k).rows,
    "M1 M2 features": lambda _, k: monthly.monthly(k).long(),
    "M3 accounts": lambda _, k: durations.to_first_use(k),
    "M3 users": of_users,
    "M4": lambda t, k: durations.to_value(t, k, features=k.features[:1], count=2),
    "M5 steps": durations.steps,
    "M5 whole": durations.to_onboard,
    "M6": lambda _, k: people.recent(k),
    "M7": lambda _, k: seats.seats(k, people.recent(k)),
    "M8": lambda _, k: seats.areas(k),
    "M11": lambda _, k: score.scores(k),
    "M12": lambda t, k: support.load(support.tickets(t, k), k),
    "M12 cases": support.tickets,
}


def test_every_measure_keeps_its_laws(small: SimpleNamespace) -> None:
    """On any small world: bounds, order, sums; and rows backwards or yet to come change nothing."""

    @settings(max_examples=4, **DRAWN)
    @given(worlds(small))
    def hold(rows: Rows) -> None:
        tables, known = read(rows, small)
        found = {name: measure(tables, known) for name, measure in MEASURES.items()}
        before, then = read(cut(rows), small)
        for name, measure in MEASURES.items():
            pd.testing.assert_frame_equal(found[name], measure(before, then), check_dtype=False)
        rates_are_in_bounds(found)
        waits_are_in_bounds(found, known)
        more_uses_take_longer(tables, known)
        use_is_in_bounds(found)
        scores_add_up(found["M11"])
        cases_add_up(found["M12"])
        cases_take_their_days(found["M12 cases"])

    hold()


def test_adopted_contracts_keep_their_laws(small: SimpleNamespace) -> None:
    """Each contract is judged once, as from cut tables; who reaches more reaches less."""

    @settings(max_examples=2, **DRAWN)
    @given(worlds(small))
    def hold(rows: Rows) -> None:
        tables, known = read(rows, small)
        judged = adopted.adopted(tables, known, RULE)
        pd.testing.assert_frame_equal(judged, adopted.adopted(*read(cut(rows), small), RULE))
        assert judged["subscription_id"].is_unique
        easier = adopted.adopted(tables, known, EASIER)
        assert judged["subscription_id"].equals(easier["subscription_id"])
        assert easier["adopted"].where(judged["adopted"].fillna(False), True).all()

    hold()


def rates_are_in_bounds(found: Mapping[str, pd.DataFrame]) -> None:
    """M1 and M2: nobody uses a feature without using the product, nor more days than there are."""
    rows, each = found["M1 M2 months"], found["M1 M2 features"]
    assert (rows["user_days"] >= rows["active"]).all()
    assert (rows["user_days"] <= rows["active"] * rows["n_days"]).all()
    assert (rows["depth"] <= rows["active"] * rows["there"]).all()
    assert (each["users"].dropna() <= each.loc[each["users"].notna(), "active"]).all()
    summed = each.groupby(["account_id", "month"])["users"].sum()
    held = rows.set_index(["account_id", "month"])["depth"]
    assert held.eq(summed.reindex(held.index, fill_value=0.0)).all()


def waits_are_in_bounds(found: Mapping[str, pd.DataFrame], known: facts.Facts) -> None:
    """M3 to M5: a wait is at least a day and ends with what was followed; the last step ends it."""
    days = durations.followed(known).set_index("account_id")["days"]
    for name in ("M3 accounts", "M4", "M5 steps", "M5 whole"):
        rows = found[name]
        assert (rows["duration_days"] >= 1).all()
        assert (rows["duration_days"].to_numpy() <= days.reindex(rows["account_id"])).all()
        assert rows["event"].isin([0, 1]).all()
    whole, steps = found["M5 whole"], found["M5 steps"]
    assert (whole["n_done"] <= whole["n_steps"]).all()
    assert not (whole["event"].eq(1) & (whole["n_done"] < whole["n_steps"])).any()
    last = steps.groupby("account_id")["duration_days"].max().reindex(whole["account_id"])
    done = whole["event"].to_numpy() == 1
    np.testing.assert_array_equal(whole["duration_days"].to_numpy()[done], last.to_numpy()[done])


def more_uses_take_longer(tables: Mapping[str, ir.Table], known: facts.Facts) -> None:
    """M4: the second use is never before the first, and whoever made it made the first."""
    if not known.features:
        return
    one, two = (
        durations.to_value(tables, known, features=known.features[:1], count=count)
        .query("way != 'first goal reached'").set_index("account_id")
        for count in (1, 2)
    )  # fmt: skip
    assert one.index.equals(two.index)
    assert (one["duration_days"] <= two["duration_days"]).all()
    assert (one["event"] >= two["event"]).all()


def use_is_in_bounds(found: Mapping[str, pd.DataFrame]) -> None:
    """M6 to M8: weeks hold their days, seats part into activated and unused, lately is ever."""
    users, own, areas = found["M6"], found["M7"], found["M8"]
    assert (users["weeks_4"] <= users["active_weeks"]).all()
    assert (users["weeks_4"] <= users["active_days"]).all()
    assert (users["active_days"] <= 7 * users["weeks_4"]).all()
    assert (own["active"] <= own["activated"]).all()
    assert (own["activated"] <= own["logins"]).all()
    told = own[own["seats_known"].astype(bool)]
    assert (
        np.maximum(told["activated"], told["seats"]) == told["activated"] + told["unused"]
    ).all()
    assert (told["over_use"].astype(bool) == (told["utilisation"] > 1)).all()
    assert own["mix_entropy"].dropna().between(0, 1).all()
    assert areas["touched"].where(areas["touched_lately"], True).all()
    assert not areas.duplicated(["account_id", "feature"]).any()


def scores_add_up(rows: pd.DataFrame) -> None:
    """M11: four parts of 0 to 25 make the score, and every day's accounts have 50 on average."""
    if rows.empty:
        return
    points = rows[[f"points_{name}" for name in score.PARTS]]
    assert points.gt(0).all(axis=None) and points.lt(25).all(axis=None)
    np.testing.assert_allclose(points.sum(axis=1), rows["score"])
    np.testing.assert_allclose(rows.groupby("period")["score"].mean(), 50)


def cases_add_up(rows: pd.DataFrame) -> None:
    """M12: what was opened lately is closed or open; severe and escalated are among them."""
    assert (rows["closed"] <= rows["opened"]).all()
    assert (rows["opened"] <= rows["closed"] + rows["open"]).all()
    assert (rows["open_severe"] <= rows["open"]).all()
    assert (rows["escalated"] <= rows["closed"]).all()
    assert (rows["oldest_days"].notna() == rows["open"].gt(0)).all()


def cases_take_their_days(rows: pd.DataFrame) -> None:
    """M12: a case takes a day or more, counts once, and is followed to the date while open."""
    assert rows["ticket_id"].is_unique
    assert (rows["duration_days"] >= 1).all()
    open_ = rows["event"] == 0
    assert open_.equals(rows["closed"].isna())
    followed = (pd.Timestamp(ON) - rows["opened"]).dt.days
    assert (rows["duration_days"] <= followed).all()
    assert (rows["duration_days"] == followed)[open_].all()
    assert rows["escalated"][open_].isna().all()


def test_no_measure_is_without_a_law() -> None:
    """M1 to M8, M11 and M12 are asked here; M9, M10 and M13 are not counted from these facts."""
    named = {word for name in MEASURES for word in name.split() if word.startswith("M")}
    assert named == {f"M{number}" for number in (*range(1, 9), 11, 12)}
