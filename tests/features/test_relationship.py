"""Tickets and onboarding, worked by hand: what counts, what is not known, what is not recorded."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from cs_models.features import catalogue, cohort, panel

TERM = (date(2024, 1, 1), date(2025, 1, 1))
AS_OF = date(2025, 3, 31)
DAYS = {"windows_days": (7,), "first_days": (30, 60, 61), "min_accounts": 1}


def frame_of(small: SimpleNamespace, accounts: str = "A", **tables: list) -> pd.DataFrame:
    """Return the panel on day 60 of one-year terms: D is 2024-03-01."""
    terms = [small.term(f"s{name}", *TERM, account_id=name) for name in accounts]
    world = small.world(terms, [small.event(date(2024, 2, 1))])
    for name, rows in tables.items():
        world[name] = small.memory(rows, small.schemas[name])
    found = cohort.terms(world, AS_OF, decision="after_start", days=60, data_start=date(2023, 1, 1))
    return panel.build(world, found, **DAYS).set_index("account_id")


def test_the_tickets_of_the_dated_example(small: SimpleNamespace) -> None:
    """Opened on D or known after it, a ticket does not count; on the last day before, it does."""
    tickets = [
        small.ticket(date(2023, 12, 31), severity="critical"),
        small.ticket(date(2024, 1, 1), severity="critical"),
        small.ticket(date(2024, 1, 30), severity=None),
        small.ticket(date(2024, 1, 31), severity="low"),
        small.ticket(date(2024, 2, 23), severity="high"),
        small.ticket(date(2024, 2, 29)),
        small.ticket(date(2024, 2, 28), known_date=date(2024, 3, 2)),
        small.ticket(date(2024, 3, 1)),
        small.ticket(date(2024, 2, 2), account_id="C"),
    ]
    frame = frame_of(small, "AB", tickets=tickets)
    expected = {
        "tickets__first_30d": [2, 0],
        "severe_tickets__first_30d": [1, 0],
        "tickets__first_60d": [5, 0],
        "severe_tickets__first_60d": [2, 0],
        "tickets__last_7d": [2, 0],
        "severe_tickets__last_7d": [1, 0],
    }
    assert {name: frame[name].tolist() for name in expected} == expected
    assert frame["tickets__first_61d"].isna().all()
    assert frame["tickets__first_60d"].dtype == "Int64"


def test_tickets_that_nobody_kept_are_missing(small: SimpleNamespace) -> None:
    """A window that begins before the first ticket of the records says nothing."""
    frame = frame_of(small, tickets=[small.ticket(date(2024, 1, 2))])
    assert frame["tickets__first_60d"].isna().all()
    assert frame["tickets__last_7d"].tolist() == [0]


def test_without_severities_nothing_is_known_of_severe_tickets(small: SimpleNamespace) -> None:
    """No ticket ever rated is missing, not free of severe ones."""
    frame = frame_of(small, tickets=[small.ticket(date(2023, 1, 2), severity=None)])
    assert frame["severe_tickets__first_60d"].isna().all()
    assert frame["tickets__first_60d"].tolist() == [0]


@pytest.mark.parametrize("tables", [{}, {"tickets": [], "milestones": []}])
def test_a_source_without_them_has_no_such_columns(small: SimpleNamespace, tables: dict) -> None:
    """No tickets and no completed onboarding: no column, and use is counted all the same."""
    frame = frame_of(small, **tables)
    kinds = {measure.measure for measure in map(catalogue.parse, frame.columns) if measure}
    assert not kinds & {"tickets", "severe_tickets", "onboarded"}
    assert frame["events__first_60d"].tolist() == [1.0]


def test_onboarded_means_every_step_done_before_the_window_ends(small: SimpleNamespace) -> None:
    """Day 30 is too late for the first 30 days; a step still open or another goal changes that."""
    late, early = date(2024, 1, 31), date(2023, 12, 20)
    milestones = [
        small.step("kick-off", early),
        small.step("training", late),
        small.step("goal", None, kind="goal"),
        small.step("kick-off", early, account_id="B"),
        small.step("training", None, account_id="B"),
        small.step("goal", early, account_id="C", kind="goal"),
        small.step("kick-off", date(2024, 3, 1), account_id="D"),
        small.step("kick-off", early, account_id="E"),
    ]
    frame = frame_of(small, "ABCDE", milestones=milestones)
    assert frame["onboarded__first_30d"].tolist() == [0, 0, pd.NA, 0, 1]
    assert frame["onboarded__first_60d"].tolist() == [1, 0, pd.NA, 0, 1]
    assert frame["onboarded__first_61d"].isna().all()
    assert "onboarded__last_7d" not in frame
