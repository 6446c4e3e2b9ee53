"""The relationship, worked by hand: what stands on D, what is not known, what is not recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.features import catalogue, cohort, panel
from cs_models.features import recipe as recipes
from cs_models.features.relations import columns
from cs_models.learn import thresholds

D = date(2024, 3, 1)
TERM = (date(2024, 1, 1), date(2025, 1, 1))
AS_OF = date(2025, 3, 31)
LONG_AGO = date(2022, 1, 1)


def world_of(
    small: SimpleNamespace, accounts: Sequence[str], tables: Mapping[str, list]
) -> tuple[dict, cohort.Cohort]:
    """Return one-year terms on their day 60, D = 2024-03-01, with use recorded since 2022."""
    terms = [small.term(f"s{name}", *TERM, account_id=name) for name in accounts]
    world = small.world(terms, tables.get("events") or [small.event(date(2024, 2, 1))])
    for name, rows in tables.items():
        world[name] = small.memory(rows, small.schemas[name])
    found = cohort.terms(world, AS_OF, decision="after_start", days=60, data_start=LONG_AGO)
    return world, found


def frame_of(
    small: SimpleNamespace, accounts: Sequence[str] = ("A",), **tables: list
) -> pd.DataFrame:
    """Return the panel of such terms with the relationship in it."""
    world, found = world_of(small, accounts, tables)
    frame = panel.build(
        world, found, windows_days=(7, 28), min_accounts=1, features=(), relations=True
    )
    return frame.set_index("account_id")


def columns_of(
    small: SimpleNamespace, export_features: list[str] | None = None, **tables: list
) -> set[str]:
    """Return the names of the relationship's columns that a source would have."""
    world, found = world_of(small, ["A"], tables)
    recipe, _ = recipes.plan(
        world, found.data_start, windows_days=(28,), first_days=(), before_days=(),
        min_accounts=1, features=(), relations=True, export_features=export_features,
    )  # fmt: skip
    assert recipe.relations is not None
    return {measure.measure for measure in columns.measures(recipe.relations)}


def told(frame: pd.DataFrame, accounts: str, expected: Mapping[str, list[Any]]) -> None:
    """Compare accounts' columns with what was worked out by hand; None is missing."""
    rows = frame.loc[accounts.split()]
    found = {name: [None if pd.isna(v) else v for v in rows[name]] for name in expected}
    assert found == dict(expected)


def tickets(small: SimpleNamespace) -> list[dict]:
    """Return tickets of T1 around D, and of T2 closed at once."""
    feb = date(2024, 2, 1)
    of = {"account_id": "T1"}
    return [
        small.ticket(date(2022, 5, 1), account_id="nobody", closed_date=date(2022, 5, 2)),
        small.ticket(feb, severity="critical", escalated=True, closed_date=D, **of),
        small.ticket(feb + timedelta(days=9), closed_date=None, **of),
        small.ticket(
            feb + timedelta(days=19), escalated=True, closed_date=D - timedelta(days=1), **of
        ),
        small.ticket(D - timedelta(days=2), known_date=D + timedelta(days=1), **of),
        small.ticket(D, **of),
        small.ticket(feb, account_id="T2", closed_date=feb, severity="high"),
    ]


def surveys(small: SimpleNamespace) -> list[dict]:
    """Return the answers of the module's dated example (S1), an old one, and nameless ones."""
    of = {"account_id": "S1"}
    return [
        small.answer(date(2024, 1, 10), 9.0, **of),
        small.answer(date(2024, 2, 10), 3.0, **of),
        small.answer(date(2023, 9, 3), 8.0, user_id="u2", **of),
        small.answer(date(2024, 2, 25), 10.0, user_id="u2", **of),
        small.answer(date(2024, 2, 10), 4.0, kind="csat", **of),
        small.answer(date(2023, 9, 2), 7.0, account_id="S2"),
        small.answer(date(2024, 2, 1), 2.0, account_id="S3", user_id=None, survey_id="x"),
        small.answer(date(2024, 2, 1), 5.0, account_id="S3", user_id=None, survey_id="y"),
    ]


def contacts(small: SimpleNamespace) -> list[dict]:
    """Return contacts of C1 on the edges of their windows."""
    began = {
        date(2024, 1, 2): "us",
        date(2024, 1, 3): "us",
        date(2024, 1, 30): "us",
        date(2024, 1, 31): "us",
        date(2024, 2, 27): None,
        date(2024, 2, 29): "us",
        date(2024, 2, 23): "customer",
        date(2024, 2, 2): "customer",
        D: "customer",
    }
    late = small.contact(date(2024, 2, 28), "customer", known_date=date(2024, 3, 2))
    rows = [small.contact(day, side, account_id="C1") for day, side in began.items()]
    return [small.contact(LONG_AGO, "us", account_id="nobody"), late | {"account_id": "C1"}, *rows]


def users(small: SimpleNamespace) -> list[dict]:
    """Return who comes and goes at P1 and P2, and champions who use the product or do not."""
    old, within = date(2023, 1, 1), date(2024, 2, 1)
    of = {"account_id": "P1"}
    return [
        small.user("a1", "champion", old, date(2024, 2, 29), **of),
        small.user("a2", "champion", old, D, **of),
        small.user("a3", "champion", old, date(2023, 12, 31), **of),
        small.user("a4", "champion", D, **of),
        small.user("a5", "decision_maker", old, within, **of),
        small.user("a6", "decision_maker", within, **of),
        small.user("a7", "member", old, within, **of),
        small.user("b1", "decision_maker", within, account_id="P2"),
        small.user("b2", "champion", old, date(2024, 1, 1), account_id="P2"),
        small.user("c1", "champion", D, account_id="P3"),
        small.user("d1", "champion", old, account_id="Q1"),
        small.user("d2", "champion", old, date(2024, 2, 20), account_id="Q1"),
        small.user("d3", "member", old, account_id="Q1"),
        small.user("e1", "champion", date(2024, 2, 10), account_id="Q2"),
        small.user("f1", "champion", date(2020, 1, 1), account_id="Q3"),
        small.user("g1", "champion", old, account_id="Q4"),
    ]


def steps(small: SimpleNamespace) -> list[dict]:
    """Return the steps of the module's dated example (M1), and plans that lack something."""
    early, done = date(2024, 1, 10), date(2024, 1, 24)
    rows = [
        ("M1", "training", D, date(2024, 2, 20), "onboarding"),
        ("M1", "kick-off", done, early, "onboarding"),
        ("M1", "import", None, D, "onboarding"),
        ("M1", "rollout", None, None, "onboarding"),
        ("M1", "hours saved", done, early, "goal"),
        ("M1", "reports", None, early, "goal"),
        ("M2", "kick-off", early, done, "onboarding"),
        ("M3", "hours saved", done, None, "goal"),
    ]
    return [
        small.step(name, completed, due_at=due, kind=kind, account_id=account)
        for account, name, completed, due, kind in rows
    ]


def uses(small: SimpleNamespace, day: date, account: str, **amounts: int) -> list[dict]:
    """Return so many uses of each feature on a day."""
    return [
        small.event(day, feature=feature, account_id=account)
        for feature, n in amounts.items()
        for _ in range(n)
    ]


def events(small: SimpleNamespace) -> list[dict]:
    """Return mixes of use on either side of the 28th day before D, and champions' last uses."""
    recent, before = D - timedelta(days=28), D - timedelta(days=29)
    last = {"d1": date(2024, 1, 5), "d2": date(2024, 2, 15), "d3": date(2024, 2, 29)}
    return [
        *uses(small, recent, "U1", f=8, g=2),
        *uses(small, before, "U1", f=30, g=30),
        *uses(small, D - timedelta(days=91), "U1", g=50),
        *uses(small, D, "U1", g=50),
        *uses(small, recent, "U2", f=2, g=4),
        *uses(small, before, "U2", f=1, g=2),
        *uses(small, recent, "U3", data_export=6),
        *uses(small, before, "U3", f=1),
        *uses(small, D - timedelta(days=31), "U3", data_export=1),
        *uses(small, recent, "U4", f=1),
        *(small.event(day, user_id=name, account_id="Q1") for name, day in last.items()),
        small.event(D, user_id="d1", account_id="Q1"),
        small.event(date(2024, 2, 28), user_id="d1", account_id="Q1", known_date=date(2024, 3, 2)),
        small.event(date(2023, 3, 1), account_id="Q4", user_id="g1", feature="rare"),
    ]


def scores(small: SimpleNamespace) -> list[dict]:
    """Return scores of H1: two that may be seen, one known too late, one on D."""
    return [
        small.health(date(2023, 5, 1), 80.0, account_id="H1"),
        small.health(date(2024, 2, 20), 35.0, account_id="H1"),
        small.health(date(2024, 2, 28), 90.0, account_id="H1", known_date=date(2024, 3, 2)),
        small.health(D, 10.0, account_id="H1"),
    ]


@pytest.fixture(scope="module")
def worked(small: SimpleNamespace) -> pd.DataFrame:
    """Return one panel of all of them; N has nothing at all."""
    many = {"T": 2, "S": 3, "C": 1, "P": 3, "Q": 4, "M": 3, "U": 4, "H": 1}
    names = ["N", *(f"{letter}{k + 1}" for letter, n in many.items() for k in range(n))]
    return frame_of(
        small, names, tickets=tickets(small), surveys=surveys(small), touchpoints=contacts(small),
        users=users(small), milestones=steps(small), events=events(small),
        health_scores=scores(small),
    )  # fmt: skip


def test_a_ticket_closed_on_the_decision_date_is_open(worked: pd.DataFrame) -> None:
    """Open, severe and 29 days old; escalated only where it was closed before D."""
    expected = {
        "open_tickets__to_date": [2, 0, 0],
        "open_severe_tickets__to_date": [1, 0, 0],
        "oldest_open_ticket_days__to_date": [29, 0, 0],
        "escalated_tickets__last_7d": [0, 0, 0],
        "escalated_tickets__last_28d": [1, 0, 0],
    }
    told(worked, "T1 T2 N", expected)
    assert worked["open_tickets__to_date"].dtype == "Int64"


def test_the_latest_answer_of_every_user_counts(worked: pd.DataFrame) -> None:
    """9, then 3, of one user; 8 of another; 10 not known yet: 5.5."""
    expected = {
        "nps__to_date": [5.5, None, 3.5, None],
        "nps_age_days__to_date": [20, 181, 29, None],
        "csat__to_date": [4.0, None, None, None],
        "csat_age_days__to_date": [20, None, None, None],
    }
    told(worked, "S1 S2 S3 N", expected)
    assert "proficiency__to_date" not in worked
    assert worked["nps_age_days__to_date"].dtype == "Int64"
    assert worked["nps__to_date"].dtype == "float64"


def test_our_contacts_end_thirty_days_before(worked: pd.DataFrame) -> None:
    """Of ours 2024-01-30 is the last day that counts; theirs count up to the day before D."""
    expected = {
        "customer_contacts__last_7d": [1, 0],
        "customer_contacts__last_28d": [2, 0],
        "days_since_customer_contact__to_date": [7, None],
        "our_contacts_lagged__last_28d": [2, 0],
        "our_contacts_lagged__last_7d": [1, 0],
    }
    told(worked, "C1 N", expected)


def test_who_left_and_who_is_new_since_the_term_began(worked: pd.DataFrame) -> None:
    """Left on the day before D counts, on D not, before the term not; the first is not new."""
    expected = {
        "champions_left__to_date": [1, 1, None, None],
        "champions__to_date": [1, 0, None, None],
        "decision_makers_left__to_date": [1, 0, None, None],
        "new_decision_makers__to_date": [1, 0, None, None],
    }
    told(worked, "P1 P2 P3 N", expected)


def test_a_silent_champion(worked: pd.DataFrame) -> None:
    """Any champion's last use counts; who never came has been silent since the login was made."""
    since_recorded = (D - LONG_AGO).days
    expected = {"champion_silent_days__to_date": [15, 20, since_recorded, 366, None]}
    told(worked, "Q1 Q2 Q3 Q4 N", expected)


def test_late_steps_and_goals(worked: pd.DataFrame) -> None:
    """Training completed on D is overdue and 10 days late; a late kick-off is no longer overdue."""
    expected = {
        "onboarding_overdue_steps__to_date": [1, 0, None, None],
        "onboarding_days_late__to_date": [14, 0, None, None],
        "goals_reached__to_date": [1, None, 1, None],
        "goals_overdue__to_date": [1, None, None, None],
    }
    told(worked, "M1 M2 M3 N", expected)


def test_the_mix_and_the_exports_of_the_dated_example(worked: pd.DataFrame) -> None:
    """8 and 2 after 30 and 30 is .3, the same mix is 0; use on one side only is missing."""
    mix = worked.loc[["U1", "U2", "U3"], "mix_change__last_28d"]
    smoothed = 2 * (6 + 0.5) / (1 + 1)
    assert mix.tolist() == pytest.approx([0.3, 0, 0.5])
    told(worked, "U4 N", {"mix_change__last_28d": [None, None]})
    told(worked, "U1 U2 U3 U4 N", {"export_spike__last_30d": [1.0, 1.0, smoothed, 1.0, 1.0]})


def test_the_latest_score_of_the_crm(worked: pd.DataFrame) -> None:
    """The last one before D that was known by D; none for an account without."""
    told(worked, "H1 N", {"crm_health__to_date": [35.0, None]})


def test_records_that_begin_late_leave_windows_missing(small: SimpleNamespace) -> None:
    """A window before the first ticket or contact of all says nothing; a later one does."""
    begun = date(2024, 2, 20)
    frame = frame_of(
        small,
        tickets=[small.ticket(begun, closed_date=begun, escalated=True)],
        touchpoints=[small.contact(date(2024, 1, 20), side) for side in ("us", "customer")],
    )
    expected = {
        "open_tickets__to_date": [0],
        "escalated_tickets__last_7d": [0],
        "escalated_tickets__last_28d": [None],
        "our_contacts_lagged__last_7d": [0],
        "our_contacts_lagged__last_28d": [None],
        "customer_contacts__last_28d": [0],
        "days_since_customer_contact__to_date": [41],
    }
    told(frame, "A", expected)
    none_yet = frame_of(small, tickets=[small.ticket(D, closed_date=D)])
    told(none_yet, "A", {"open_tickets__to_date": [None]})


def test_what_nobody_writes_down_has_no_column(small: SimpleNamespace) -> None:
    """No closing, no severity, no side, no deactivation, no due date, no user: nothing is known."""
    old = date(2022, 5, 1)
    use = {"idle_seats_share", "mix_change"}
    assert columns_of(small) == use
    assert columns_of(small, tickets=[small.ticket(old)]) == use
    unrated = small.ticket(old, severity=None, closed_date=old)
    assert columns_of(small, tickets=[unrated]) - use == {
        "open_tickets", "oldest_open_ticket_days",
    }  # fmt: skip
    assert columns_of(small, touchpoints=[small.contact(old, None)]) == use
    assert columns_of(small, touchpoints=[small.contact(old, "us")]) - use == {
        "our_contacts_lagged"
    }
    champion = [small.user("a1", "champion", old)]
    assert columns_of(small, users=champion) - use == {"champions", "champion_silent_days"}
    nobody = [small.event(date(2024, 2, 1), user_id=None)]
    assert columns_of(small, users=champion, events=nobody) - use == {"champions"}
    assert columns_of(small, users=[small.user("a1", "member", old, old)]) == use
    assert columns_of(small, milestones=[small.step("x", old)]) == use
    undone = [small.step("x", None, due_at=old)]
    assert columns_of(small, milestones=undone) == use
    goal = [small.step("x", old, kind="goal")]
    assert columns_of(small, milestones=goal) - use == {"goals_reached"}
    empty = {"surveys": [], "health_scores": [], "users": [], "touchpoints": []}
    assert columns_of(small, **empty) == use


def test_exports_are_named_or_found_by_name(small: SimpleNamespace) -> None:
    """Names decide unless given; a misspelt one is refused; none at all is no column."""
    use = uses(small, date(2024, 2, 20), "A", f=3, Download_all=2)
    plain = uses(small, date(2024, 2, 20), "A", f=3)
    assert "export_spike" in columns_of(small, events=use)
    assert "export_spike" in columns_of(small, events=plain, export_features=["f"])
    assert "export_spike" not in columns_of(small, events=use, export_features=[])
    assert "export_spike" not in columns_of(small, events=plain)
    with pytest.raises(ParameterError, match="never occurs") as refusal:
        columns_of(small, events=use, export_features=["download_al"])
    assert refusal.value.where == "export_features"
    assert "Download_all" in refusal.value.repair


def test_a_new_feature_changes_nobodys_mix(small: SimpleNamespace) -> None:
    """A feature that came within the 90 days is left out; from then on it is part of the mix."""
    terms, events = [], []
    for k in range(80):
        start = date(2023, 1, 1) + timedelta(days=5 * k)
        name = f"A{k}"
        terms.append(small.term(f"s{k}", start, start + timedelta(days=365), account_id=name))
        for day in range(0, 360, 9):
            events += uses(small, start + timedelta(days=day), name, f=1, g=1)
        opens = max(date(2023, 9, 1), start)
        for day in range(0, 200, 9):
            events += uses(small, opens + timedelta(days=k % 5 + day), name, bulk_export=2)
    world = small.world(terms, events)
    found = cohort.terms(world, date(2025, 6, 30), data_start=date(2023, 1, 1))
    frame = panel.build(world, found, windows_days=(28,), min_accounts=1, relations=True)
    assert frame.attrs["recipe"]["appeared"] == ["2023-09-01", "", ""]
    before = frame["as_of_date"] < pd.Timestamp(date(2023, 9, 1)) + pd.Timedelta(days=90)
    assert 0 < before.sum() < len(frame)
    assert frame["export_spike__last_30d"].isna().equals(before)
    assert (frame.loc[before, "mix_change__last_28d"] < 0.15).all()


def test_idle_seats_are_what_use_leaves(small: SimpleNamespace) -> None:
    """Three of ten seats used leave .7 idle, more users than seats none; no seats, unknown."""
    terms = [
        small.term(f"s{name}", *TERM, account_id=name, seats=seats)
        for name, seats in {"A": 10, "B": 2, "C": None, "D": 5}.items()
    ]
    events = [
        small.event(date(2024, 2, 20), account_id=account, user_id=f"u{n}")
        for account in "ABC"
        for n in range(3)
    ]
    world = small.world(terms, events)
    found = cohort.terms(world, AS_OF, decision="after_start", days=60, data_start=LONG_AGO)
    frame = panel.build(world, found, windows_days=(28,), min_accounts=1, relations=True)
    assert frame["idle_seats_share__last_28d"].tolist()[:2] == pytest.approx([0.7, 0])
    told(frame.set_index("account_id"), "C D", {"idle_seats_share__last_28d": [None, 1.0]})


@pytest.fixture(scope="module")
def both(small: SimpleNamespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the panel of random accounts without and with the relationship."""
    rng_world = small.random_world(5, n_accounts=30)
    when = [date(2022, 3, 1) + timedelta(days=7 * n) for n in range(60)]
    rows = {
        "tickets": [small.ticket(day, account_id="A1", closed_date=day) for day in when],
        "surveys": [small.answer(day, 7.0, account_id="A2") for day in when],
        "touchpoints": [small.contact(day, "customer", account_id="A3") for day in when],
        "users": [small.user("u1", "champion", when[0], when[30], account_id="A4")],
        "milestones": [small.step("x", when[9], due_at=when[8], account_id="A5")],
        "health_scores": [small.health(day, 50.0, account_id="A6") for day in when],
    }
    world = rng_world | {
        name: small.memory(more, small.schemas[name]) for name, more in rows.items()
    }
    found = cohort.terms(world, AS_OF, days=30)
    asked = {"windows_days": (28,), "first_days": (30,), "min_accounts": 1}
    frames = [
        panel.build(world, found, **asked, relations=relations) for relations in (False, True)
    ]
    copy = frames[1].copy()
    copy.attrs = json.loads(json.dumps(frames[1].attrs))
    again = panel.make(world, found, panel.recipe_of(copy))
    pd.testing.assert_frame_equal(frames[1], again)
    return frames[0], frames[1]


def test_the_relationship_is_there_when_asked_for_and_moves_nothing_else(
    both: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """Without it the panel is the same to the bit; with it every further column is a relation."""
    without, with_it = both
    pd.testing.assert_frame_equal(
        without, with_it[list(without.columns)], check_exact=True, obj="panel"
    )
    more = [catalogue.parse(name) for name in with_it.columns if name not in without]
    assert {measure.measure for measure in more if measure} <= catalogue.RELATIONS
    assert len(more) >= 15
    assert None not in more


def test_the_search_for_thresholds_sees_none_of_it(
    both: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """What is searched is the same with the relationship in the panel and without."""
    without, with_it = both
    assert thresholds.searched(list(with_it.columns)) == thresholds.searched(list(without.columns))


def test_every_relation_reads_well_and_has_a_unit() -> None:
    """No label holds an underscore, and each is its own."""
    labels = {}
    for name in sorted(catalogue.RELATIONS):
        kind = catalogue.KINDS[name]
        assert kind.unit
        for anchor in kind.account_anchors:
            days = None if anchor == "to_date" else kind.only_days or 28
            label = catalogue.Measure(name, None, anchor, days).label()
            assert "_" not in label
            assert "{" not in label
            labels[name] = label
    assert len(set(labels.values())) == len(catalogue.RELATIONS)
    assert labels["open_tickets"] == "open tickets"
    assert labels["champion_silent_days"] == "days since the champion last used the product"
    assert labels["idle_seats_share"].startswith("share of seats without use")
