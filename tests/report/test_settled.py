"""How contracts ended, as the next run reads it, on literal contracts."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from cs_models.report.evidence import settled

AS_OF = date(2026, 6, 30)
TERMS = [
    # subscription, account, start, end, ended early, outcome
    ("s-renewed", "a-1", "2025-06-01", "2026-06-01", None, "expanded"),
    ("s-next", "a-1", "2026-06-01", "2027-06-01", None, "pending"),
    ("s-left", "a-2", "2025-06-01", "2026-06-01", None, "churned"),
    ("s-april", "a-3", "2026-04-01", "2026-05-01", None, "renewed"),
    ("s-may", "a-3", "2026-05-01", "2026-06-01", None, "churned"),
    ("s-early", "a-4", "2025-12-01", "2026-12-01", "2026-06-10", "involuntary"),
    ("s-notice", "a-5", "2025-12-01", "2026-12-01", None, "churned"),
    ("s-open", "a-6", "2025-06-15", "2026-06-15", None, None),
    ("s-old", "a-7", "2023-06-15", "2024-06-15", None, "churned"),
    ("s-back", "a-8", "2024-09-01", "2025-09-01", None, "churned"),
    ("s-again", "a-8", "2026-01-01", "2027-01-01", None, "pending"),
]


def test_who_left_is_told_from_who_renewed_to_the_end_of_short_terms() -> None:
    """A month that renewed before the month in which the customer left is a customer who left.

    What still runs, is undecided or ended long ago is not there.
    """
    frame = pd.DataFrame(
        TERMS,
        columns=[
            "subscription_id", "account_id", "term_start", "term_end", "ended_at", "outcome",
        ],
    )  # fmt: skip
    for name in ("term_start", "term_end", "ended_at"):
        frame[name] = pd.to_datetime(frame[name])
    terms = ibis.memtable(frame).mutate(
        **{name: ibis._[name].cast("date") for name in ("term_start", "term_end", "ended_at")}
    )
    found = settled.contracts({"subscriptions": terms}, AS_OF)
    assert dict(zip(found["subscription_id"], found["left"], strict=True)) == {
        "s-april": True, "s-back": True, "s-early": True, "s-left": True, "s-may": True,
        "s-renewed": False,
    }  # fmt: skip
