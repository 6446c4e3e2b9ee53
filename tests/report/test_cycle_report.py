"""Whether the adoption cycle is behind the contract cycle, in the words of the customer's page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn import profile
from cs_models.report.display import Number, Statement, Table
from cs_models.report.evidence import customer as evidence
from cs_models.report.exhibits import customer as exhibits
from cs_models.report.findings import customer as findings


def panel(n: int, *, use: float, start: str) -> pd.DataFrame:
    """Return yearly terms, one account each, with as much use for each of ten seats by day 60."""
    begin = pd.Series(pd.Timestamp(start), index=range(n))
    return pd.DataFrame(
        {
            "subscription_id": [f"{start}-{k:03d}" for k in range(n)],
            "account_id": [f"{start}-a{k:03d}" for k in range(n)],
            "segment": "SMB", "term_months": 12, "seats": 10.0, "term_start": begin,
            "term_end": begin + pd.Timedelta(days=365),
            "as_of_date": begin + pd.Timedelta(days=275),
            "events__first_60d": use * (1 + np.arange(n) % 10),
            "churned": pd.array(np.arange(n) % 2, dtype="Int8"),
        }
    )  # fmt: skip


def seen(row: dict[str, Any]) -> Any:
    return SimpleNamespace(cycle=row)


ROW: dict[str, Any] = {
    "day": 60.0, "value": 0.2, "percentile_day": 0.01, "term_share": 60 / 365,
    "percentile_share": 0.12, "lag_days": 21.4, "behind": True, "aligned": "share", "kind": "SMB",
}  # fmt: skip


def test_the_sentence_says_how_far_behind() -> None:
    """By share of the contract, with the days; by day alone; not behind; nothing to compare."""
    said = findings.cycle(seen(ROW))
    assert said is not None
    assert said.text.replace("\u202f", "") == (
        "16% into its contract it had used the product more, for each seat, than 12% of the past "
        "customers of its kind who renewed, at the same share of theirs. So its adoption was "
        "behind its contract: the middle renewer had come as far 21 days earlier."
    )
    assert all(part.href == f"#{evidence.CYCLE}" for part in said.parts if isinstance(part, Number))
    one = findings.cycle(seen(ROW | {"lag_days": 0.6}))
    assert one is not None and one.text.endswith("1 day earlier.")
    by_day = ROW | {"aligned": "day", "percentile_share": None, "lag_days": None}
    other = findings.cycle(seen(by_day))
    assert other is not None and other.text.startswith("By day 60 of its contract it had used")
    assert "than 1\u202f% of" in other.text and other.text.endswith("was behind its contract.")
    ahead = findings.cycle(seen(ROW | {"behind": False, "lag_days": None}))
    assert ahead is not None and ahead.text.endswith("was not behind its contract.")
    assert findings.cycle(seen({})) is None


def test_the_page_shows_what_the_cycle_is() -> None:
    """A customer with little use is behind past renewers; the table holds the sentence's row."""
    past, now = panel(80, use=10, start="2023-01-01"), panel(2, use=1, start="2024-06-01")
    found = evidence._cycle(past, now)
    pd.testing.assert_frame_equal(found, profile.adoption_cycle(past, now))
    row = found.iloc[0].to_dict()
    assert row["behind"]
    said, table = exhibits._cycle(seen(row), "One")
    assert isinstance(said, Statement) and isinstance(table, Table)
    assert table.id == evidence.CYCLE


def test_without_windows_from_the_start_nothing_is_said() -> None:
    """A panel that holds no first weeks gives no row, and a page without the sentence."""
    past, now = panel(80, use=10, start="2023-01-01"), panel(2, use=1, start="2024-06-01")
    assert evidence._cycle(past.drop(columns="events__first_60d"), now).empty
    assert evidence._cycle(past.head(6), now).empty
    assert exhibits._cycle(seen({}), "One") == ()
