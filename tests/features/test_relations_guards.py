"""A column of the relationship that sees too much is caught, whichever rule it breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError
from cs_models.features import assembly, catalogue, cohort, guards, panel
from cs_models.features.relations import columns, sight
from cs_models.features.usage import counts

AS_OF = date(2025, 6, 30)
START = date(2022, 1, 1)
N = 60
D_DAY = 275  # of the term: 90 days before the renewal
OF = {"windows_days": (28, 90), "min_accounts": 1, "features": (), "relations": True}

TICKETS = {
    "open_tickets__to_date", "open_severe_tickets__to_date", "oldest_open_ticket_days__to_date",
}  # fmt: skip
OLDEST = {"oldest_open_ticket_days__to_date"}  # one opened on D is no days old: nothing to see
ESCALATED = {"escalated_tickets__last_28d", "escalated_tickets__last_90d"}
KINDS = ("nps", "csat", "proficiency")
SURVEYS = {f"{kind}{age}__to_date" for kind in KINDS for age in ("", "_age_days")}
THEIRS = {
    "customer_contacts__last_28d", "customer_contacts__last_90d",
    "days_since_customer_contact__to_date",
}  # fmt: skip
OURS = {"our_contacts_lagged__last_28d", "our_contacts_lagged__last_90d"}
LEFT = {"champions_left__to_date", "decision_makers_left__to_date", "champions__to_date"}
NEW = {"new_decision_makers__to_date"}
SILENT = {"champion_silent_days__to_date"}
STEPS = {"onboarding_overdue_steps__to_date", "goals_reached__to_date", "goals_overdue__to_date"}
LATE = {"onboarding_days_late__to_date"}
USE = {"mix_change__last_28d", "export_spike__last_30d"}
IDLE = {"idle_seats_share__last_28d", "idle_seats_share__last_90d"}
HEALTH = {"crm_health__to_date"}

ROWS = TICKETS | SURVEYS | THEIRS | SILENT | USE | HEALTH
STATES = TICKETS | ESCALATED | LEFT | NEW | SILENT | STEPS
EVERY = ROWS | STATES | OURS | LATE | IDLE


def rows_of(small: SimpleNamespace, rng: np.random.Generator) -> dict[str, list[dict]]:
    """Return what happened around D at every account, some of it known only later."""
    rows: dict[str, list[dict]] = {name: [] for name in (
        "events", "tickets", "surveys", "touchpoints", "users", "milestones", "health_scores"
    )}  # fmt: skip
    early = {"account_id": "nobody"}
    rows["tickets"].append(small.ticket(START, closed_date=START, **early))
    rows["touchpoints"] += [small.contact(START, side, **early) for side in ("us", "customer")]
    for number in range(N):
        start = date(2023, 1, 1) + timedelta(days=3 * number)
        at = lambda day, start=start: start + timedelta(days=int(day))  # noqa: E731
        of = {"account_id": f"A{number}"}
        late = {"known_date": at(D_DAY + 20), **of}
        for day in rng.integers(150, 365, 30):
            who, what = f"u{number}-{rng.integers(0, 4)}", str(rng.choice(["f", "g", "export"]))
            rows["events"].append(small.event(at(day), user_id=who, feature=what, **of))
        for day, known in ((D_DAY, D_DAY), (D_DAY - 1, D_DAY + 20), (D_DAY - 60, D_DAY + 20)):
            more = {"feature": "export", "user_id": f"u{number}-0", "known_date": at(known)}
            rows["events"].append(small.event(at(day), **of, **more))
        for day in rng.integers(0, 365, 8):
            bad = {"severity": str(rng.choice(["low", "high"])), "escalated": rng.random() < 0.5}
            closed = at(day + rng.integers(0, 60))
            rows["tickets"].append(small.ticket(at(day), closed_date=closed, **bad, **of))
        bad = {"severity": "high", "escalated": True}
        if number % 2:
            rows["tickets"].append(small.ticket(at(200), closed_date=at(D_DAY), **bad, **of))
        rows["tickets"] += [
            small.ticket(at(D_DAY - 20), closed_date=at(D_DAY - 2), **bad, **late),
            small.ticket(at(180), closed_date=at(D_DAY + 50), **bad, **late),
        ]
        for kind in KINDS:
            days = rng.integers(100, 365, 4)
            rows["surveys"] += [
                small.answer(at(day), rng.random(), kind=kind, survey_id=f"{kind}{day}", **of)
                for day in (*days, D_DAY - 3)
            ]  # fmt: skip
            same_day = {"known_date": at(D_DAY), "survey_id": f"{kind}on D"}
            rows["surveys"].append(small.answer(at(D_DAY), 1.0, kind=kind, **same_day, **of))
        for side in ("us", "customer"):
            rows["touchpoints"] += [
                small.contact(at(day), side, **of) for day in rng.integers(0, 365, 12)
            ]
            rows["touchpoints"] += [
                small.contact(at(D_DAY - 40), side, **late),
                small.contact(at(D_DAY - 1), side, **late),
            ]
        for role in ("champion", "decision_maker") if number % 4 else ():
            place = 0 if role == "champion" else 9
            gone = [at(D_DAY), at(D_DAY + 30), None, at(200)][number % 4 if number % 3 else 0]
            rows["users"] += [
                small.user(f"u{number}-{place}", role, at(-200), gone, **of),
                small.user(f"u{number}-{place + 1}", role, at(D_DAY + 10), **of),
            ]
        if number % 4 == 1:
            rows["users"].append(small.user(f"u{number}-12", "decision_maker", at(90), **of))
        for kind in ("onboarding", "goal"):
            done = at(rng.choice([50, 150, D_DAY, D_DAY + 15]))
            rows["milestones"] += [
                small.step(f"{kind} 1", done, due_at=at(40), kind=kind, **of),
                small.step(f"{kind} 2", at(45), due_at=at(60), kind=kind, **of),
            ]
        for day in (*rng.integers(0, 365, 4), D_DAY):
            rows["health_scores"].append(small.health(at(day), float(rng.integers(0, 90)), **of))
        rows["health_scores"].append(small.health(at(D_DAY - 1), 99.0, **late))
    return rows


@pytest.fixture(scope="module")
def world(small: SimpleNamespace) -> dict[str, ir.Table]:
    """Return 60 one-year accounts, every third churned, with everything that can be recorded."""
    terms = []
    for number in range(N):
        start = date(2023, 1, 1) + timedelta(days=3 * number)
        outcome = "churned" if number % 3 == 0 else "renewed"
        end = start + timedelta(days=365)
        terms.append(
            small.term(f"s{number}", start, end, account_id=f"A{number}", outcome=outcome, seats=4)
        )
    rows = rows_of(small, np.random.default_rng(21))
    tables = small.world(terms, rows["events"])
    more = {name: rows[name] for name in rows if name != "events"}
    return tables | {name: small.memory(found, small.schemas[name]) for name, found in more.items()}


@pytest.fixture(scope="module")
def learnt(world: dict[str, ir.Table]) -> cohort.Cohort:
    """Return their terms 90 days before the renewal."""
    return cohort.terms(world, AS_OF, days=90, data_start=START)


@pytest.fixture(scope="module")
def frame(world: dict[str, ir.Table], learnt: cohort.Cohort) -> pd.DataFrame:
    """Return the honest panel."""
    return panel.build(world, learnt, **OF)


def everything(
    events: ir.Table, keyed: ir.Table, since: str, *columns: str, workdays: bool = False
) -> ir.Table:
    """Pair each point with all events of its account, whenever they happened."""
    use = events.select(*columns, "event_date", used_by="account_id")
    pairs = use.join(keyed, [use.used_by == keyed.account_id])
    return pairs.select(
        *columns,
        "point",
        ago=pairs.as_of_date.delta(pairs.event_date, unit="day").cast("int32"),
        into=pairs.event_date.delta(pairs.term_start, unit="day").cast("int32"),
    )


# Which rule is broken, how, and which columns must then be caught.
LEAKS: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "visible: known later": (lambda day, _, as_of: day < as_of, ROWS | OURS | ESCALATED),
    "visible: on D": (lambda day, known, as_of: (day <= as_of) & (known <= as_of), ROWS - OLDEST),
    "visible: after D": (lambda day, *_: day == day, ROWS),
    "past: on D": (lambda day, as_of: (day <= as_of).fill_null(False), STATES),
    "past: after D": (lambda day, _: (day == day).fill_null(False), STATES | LATE),
}
Given = list[tuple[Mapping[str, ir.Table], cohort.Cohort]]


@pytest.fixture(scope="module")
def given(world: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame) -> Given:
    """Return what the guards make rows again from: the cut tables, then the altered ones."""
    kept: Given = []

    def rebuild(tables: Mapping[str, ir.Table], terms: cohort.Cohort) -> pd.DataFrame:
        kept.append((tables, terms))
        return panel.make(tables, terms, panel.recipe_of(frame))

    found = guards.check(world, learnt, frame, rebuild=rebuild).set_index("guard")["status"]
    assert found[["truncation", "future_shuffle"]].tolist() == ["passed"] * 2
    return kept


def relations_of(
    tables: Mapping[str, ir.Table], terms: cohort.Cohort, frame: pd.DataFrame
) -> pd.DataFrame:
    """Return the honest panel with the relationship told from these tables."""
    request = panel.recipe_of(frame).relations
    assert request is not None
    points = ibis.memtable(terms.points.to_pyarrow())
    told = columns.build(columns.expression(tables, points, request).execute(), frame, request)
    rest = frame.drop(columns=[name for name in told if name not in columns.KEY])
    merged = rest.merge(told, on=columns.KEY, validate="1:1")
    return merged.sort_values(assembly.ORDER, ignore_index=True)


def replayed(frames: list[pd.DataFrame]) -> guards.Rebuild:
    """Return a rebuild that gives these rows, one after the other."""
    rows = iter(frames)
    return lambda *_: next(rows)


def differing(was: pd.DataFrame, now: list[pd.DataFrame]) -> set[str]:
    """Return the columns that differ from either rows made again."""
    return {name for name in EVERY if not all(was[name].equals(again[name]) for again in now)}


@pytest.mark.parametrize("leak", list(LEAKS))
def test_every_column_that_breaks_a_rule_is_caught(
    world: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame, given: Given, leak: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With one comparison of dates gone the report stops, and each column that needs it differs."""
    broken, expected = LEAKS[leak]
    monkeypatch.setattr(sight, leak.split(":")[0], broken)
    leaking = relations_of(world, learnt, frame)
    again = [relations_of(*tables, frame) for tables in given]
    assert expected - differing(leaking, again) == set()
    with pytest.raises(DataError, match="knows more") as caught:
        guards.check(world, learnt, leaking, rebuild=replayed(again))
    assert caught.value.where in differing(leaking, again)


def test_idle_seats_that_see_all_use_are_caught(
    world: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame, given: Given,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """They hang from the users that the panel counted: what is wrong there is wrong here."""
    monkeypatch.setattr(counts, "_seen", everything)
    leaking, *again = (
        panel.make(*tables, panel.recipe_of(frame)) for tables in ((world, learnt), *given)
    )
    assert IDLE - differing(leaking, again) == set()


def test_the_honest_relationship_is_the_same_from_cut_and_from_altered_tables(
    world: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame, given: Given
) -> None:
    """Nothing differs as long as no rule is broken: the leaks are what is caught."""
    assert differing(relations_of(world, learnt, frame), [frame]) == set()
    assert differing(frame, [relations_of(*tables, frame) for tables in given]) == set()


def test_every_column_of_the_relationship_is_tried(frame: pd.DataFrame) -> None:
    """The leaks above leave none out, and each column differs between customers."""
    measures = {name: catalogue.parse(name) for name in frame.columns}
    relations = {n: m for n, m in measures.items() if m and m.measure in catalogue.RELATIONS}
    assert set(relations) == EVERY
    assert set().union(IDLE, *(expected for _, expected in LEAKS.values())) == EVERY
    assert {measure.measure for measure in relations.values()} == catalogue.RELATIONS
    for name in relations:
        assert frame[name].min() < frame[name].max(), name
