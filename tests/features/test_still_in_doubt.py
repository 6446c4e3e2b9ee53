"""Who is still in doubt near its renewal is another choice of customers than who was so far off."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from cs_models.report.evidence import nearness

AS_OF = date(2026, 6, 30)


def test_early_signatures_leave_the_likelier_leavers_in_doubt(small: SimpleNamespace) -> None:
    """Of 40 terms 10 leave; 20 sign 30 days before the end, so of 20 in doubt after it 10 leave."""
    terms = []
    for number in range(40):
        start = date(2024, 1, 1)
        end = date(2024, 12, 31)
        signs = number >= 20
        terms.append(
            small.term(f"s{number}", start, end, account_id=f"A{number}",
                       outcome="churned" if number < 10 else "renewed",
                       decided_at=date(2024, 12, 1) if signs else end)
        )  # fmt: skip
    events = [small.event(date(2023, 12, 1), account_id=f"A{number}") for number in range(40)]
    told = nearness.by_distance(
        small.world(terms, events), [10, 60], as_of=AS_OF, grace_days=30,
        data_start=date(2023, 1, 1),
    )  # fmt: skip
    assert told[["days", "n_terms", "n_left"]].to_numpy().tolist() == [[10, 20, 10], [60, 40, 10]]
    assert told["log_odds"].tolist() == pytest.approx([0.0, np.log(10.5 / 30.5)])
    moved = nearness.moved(np.array([0.25]), np.array([10.0]), told, 60)
    assert moved == pytest.approx([0.5], abs=0.01)
