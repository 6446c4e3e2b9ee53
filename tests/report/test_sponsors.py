"""A sponsor is one and the same on every page: a champion, a decision maker or an admin."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import ibis
import pandas as pd

from cs_models.learn import personas
from cs_models.learn.listing import callees
from cs_models.report.evidence import fit

AS_OF = date(2026, 6, 30)


def test_whom_we_call_and_whose_silence_we_count_are_the_same_roles() -> None:
    """The list of calls, the users below their peers and the page on onboarding agree."""
    assert set(callees.ROLES) == set(personas.SPONSORS)


def test_an_admin_who_uses_the_product_is_an_engaged_sponsor() -> None:
    """Each role of a sponsor counts on the page on onboarding, a member does not."""
    roles = [*personas.SPONSORS, "member"]
    users = pd.DataFrame(
        {"user_id": roles, "account_id": roles, "role": roles,
         "created_date": date(2026, 1, 1), "deactivated_date": pd.NaT}
    ).astype({"created_date": "datetime64[ns]"})  # fmt: skip
    events = pd.DataFrame({"user_id": roles, "event_date": pd.Timestamp(2026, 6, 25)})
    tables: Any = {"users": ibis.memtable(users), "events": ibis.memtable(events)}
    asked: Any = SimpleNamespace(as_of=AS_OF)
    found = fit._sponsors(tables, pd.DataFrame({"account_id": roles}), asked)
    told = dict(zip(found["account_id"], found["sponsor"], strict=True))
    assert told == dict.fromkeys(personas.SPONSORS, "engaged") | {"member": "none on record"}
