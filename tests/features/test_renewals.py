"""What ended terms brought in, and which contracts are still to end, worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError
from cs_models.features import renewals

AS_OF = date(2025, 3, 31)
YEAR = (date(2024, 1, 1), date(2025, 1, 1))


def history(small: SimpleNamespace, *terms: dict, as_of: date = AS_OF) -> pd.DataFrame:
    """Return the history of some terms, by subscription_id."""
    return renewals.history(small.world(terms, []), as_of).set_index("subscription_id")


def book(small: SimpleNamespace, *terms: dict, as_of: date = AS_OF) -> pd.DataFrame:
    """Return the book of some terms, by subscription_id."""
    return renewals.book(small.world(terms, []), as_of).set_index("subscription_id")


def test_the_dated_example_of_the_module_holds(small: SimpleNamespace) -> None:
    """12,000 followed by 9,000 is a ratio of .75, known 30 days after the renewal date."""
    first = small.term("s1", *YEAR, arr=Decimal("12000.00"), outcome="contracted")
    second = small.term(
        "s2", date(2025, 1, 10), date(2026, 1, 10), arr=Decimal("9000.00"), outcome="pending"
    )
    row = history(small, first, second).loc["s1"]
    assert (row["arr"], row["arr_next"], row["ratio"]) == (12000.0, 9000.0, 0.75)
    assert row["known_date"] == pd.Timestamp(2025, 1, 31)
    assert history(small, first, second, as_of=date(2025, 1, 30)).empty


@pytest.mark.parametrize("outcome", ["churned", "involuntary"])
def test_who_left_brings_in_nothing_even_when_won_back(
    small: SimpleNamespace, outcome: str
) -> None:
    """A new contract of a customer who had left is a new episode, not a renewal."""
    back = small.term("s2", date(2025, 1, 20), date(2026, 1, 20), outcome="pending")
    row = history(small, small.term("s1", *YEAR, outcome=outcome), back).loc["s1"]
    assert (row["arr_next"], row["ratio"]) == (0.0, 0.0)


def test_an_early_cancellation_enters_by_its_renewal_date(small: SimpleNamespace) -> None:
    """Whoever left early must not be counted before those who stayed."""
    gone = small.term("s1", *YEAR, outcome="churned", ended_at=date(2024, 6, 1))
    assert history(small, gone, as_of=date(2024, 12, 31)).empty
    assert history(small, gone).loc["s1", "closed_date"] == pd.Timestamp(2024, 6, 1)


def test_a_next_term_that_is_not_known_stays_missing(small: SimpleNamespace) -> None:
    """Renewed, but nothing follows on record: unknown, neither zero nor flat."""
    row = history(small, small.term("s1", *YEAR, outcome="renewed")).loc["s1"]
    assert np.isnan(row["arr_next"])
    assert np.isnan(row["ratio"])


def test_a_contract_of_nothing_has_no_ratio(small: SimpleNamespace) -> None:
    """Zero ARR grows by no factor."""
    free = small.term("s1", *YEAR, arr=Decimal("0.00"), outcome="expanded")
    paid = small.term("s2", date(2025, 1, 1), date(2026, 1, 1), outcome="pending")
    row = history(small, free, paid).loc["s1"]
    assert row["arr_next"] == 1200.0
    assert np.isnan(row["ratio"])


def test_the_next_term_is_the_nearest_to_the_end(small: SimpleNamespace) -> None:
    """A renewal date a month late in the records, or a contract begun early, breaks no chain."""
    terms = (
        small.term("s1", date(2023, 1, 1), date(2024, 2, 1), arr=Decimal("1.00")),
        small.term("s2", date(2024, 1, 1), date(2025, 1, 1), arr=Decimal("2.00")),
        small.term("s3", date(2025, 1, 1), date(2026, 1, 1), arr=Decimal("4.00"), outcome=None),
    )
    assert history(small, *terms)["arr_next"].tolist() == [2.0, 4.0]


def test_contracts_side_by_side_are_followed_by_their_own(small: SimpleNamespace) -> None:
    """Of two that end and two that begin on one day, each is followed by the one of its size."""
    terms = [
        small.term(f"{name}/{n}", date(2022 + n, 1, 1), date(2023 + n, 1, 1), arr=Decimal(arr),
                   outcome="renewed" if n == 1 else "pending")
        for n in (1, 2)
        for name, arr in (("a", "900.00"), ("b", "100.00"))
    ]  # fmt: skip
    found = history(small, *terms, as_of=date(2024, 3, 31))
    assert found["ratio"].to_dict() == {"a/1": 1.0, "b/1": 1.0}
    assert found["next_id"].to_dict() == {"a/1": "a/2", "b/1": "b/2"}


def test_a_later_record_changes_nothing(small: SimpleNamespace) -> None:
    """A term that begins after the data date is not the next one yet."""
    terms = (
        small.term("s1", *YEAR),
        small.term("s2", date(2025, 1, 25), date(2026, 1, 25), outcome="pending"),
    )
    tables = small.world(terms, [])
    before = renewals.history(tables, date(2025, 2, 1))
    assert before["arr_next"].tolist() == [1200.0]
    late = small.world([terms[0], terms[1] | {"term_start": date(2025, 1, 31)}], [])
    assert renewals.history(late, date(2025, 1, 31))["arr_next"].tolist() == [1200.0]
    assert renewals.history(late, date(2025, 1, 30)).empty


def test_the_book_holds_what_runs_and_what_is_overdue(small: SimpleNamespace) -> None:
    """Running, in notice, decided early, overdue; not ended, cancelled, long overdue or to come."""
    rows: list[tuple[str, date, date | None, dict[str, Any]]] = [
        ("runs", date(2024, 6, 1), date(2025, 6, 1), {"outcome": "pending"}),
        ("notice", date(2024, 6, 1), date(2025, 6, 1), {"cancel_requested_at": AS_OF}),
        ("decided", date(2024, 6, 1), date(2025, 6, 1), {"outcome": "expanded"}),
        ("endless", date(2024, 6, 1), None, {"outcome": "pending"}),
        ("overdue", date(2024, 3, 15), date(2025, 3, 15), {"outcome": "pending"}),
        ("ended", date(2024, 3, 15), date(2025, 3, 15), {"outcome": "renewed"}),
        ("long overdue", date(2024, 1, 1), date(2025, 1, 1), {"outcome": "pending"}),
        ("cancelled", date(2024, 6, 1), date(2025, 6, 1), {"ended_at": date(2025, 2, 1)}),
        ("to come", date(2025, 4, 1), date(2026, 4, 1), {"outcome": "pending"}),
    ]
    terms: list[dict[str, Any]] = [
        {"outcome": "pending", "account_id": name, "subscription_id": name}
        | {"term_start": start, "term_end": end, "arr": Decimal("100.00"), "term_months": 12}
        | more
        for name, start, end, more in rows
    ]
    found = book(small, *terms)
    assert set(found.index) == {"runs", "notice", "decided", "endless", "overdue"}
    assert found.index[found["in_notice"]].tolist() == ["notice"]
    assert found.index[found["overdue"]].tolist() == ["overdue"]
    assert found["decided"].dropna().to_dict() == {"decided": "expanded"}


def test_an_overdue_term_that_was_followed_is_not_counted_twice(small: SimpleNamespace) -> None:
    """Once the next term runs, its ARR is the book's, not the old one's beside it."""
    old = small.term("s1", date(2024, 3, 15), date(2025, 3, 15), outcome="pending")
    new = small.term("s2", date(2025, 3, 15), date(2026, 3, 15), outcome="pending")
    assert book(small, old, new).index.tolist() == ["s2"]


def test_who_had_left_or_asked_to_is_not_in_doubt(small: SimpleNamespace) -> None:
    """90 days before 2025-01-01 is 2024-10-03: notice or an end by then leaves nothing to guess."""
    terms = [
        small.term("open", *YEAR),
        small.term("asked", *YEAR, account_id="B", cancel_requested_at=date(2024, 10, 3)),
        small.term("asks later", *YEAR, account_id="C", cancel_requested_at=date(2024, 10, 4)),
        small.term("left", *YEAR, account_id="D", outcome="churned", ended_at=date(2024, 9, 1)),
    ]
    found = history(small, *terms)
    assert found.index[renewals.in_doubt(found)].tolist() == ["asks later", "open"]


def test_parents_come_along_where_the_source_has_them(small: SimpleNamespace) -> None:
    """The column is there with or without parents in the accounts table."""
    tables = small.world([small.term("s1", *YEAR)], [])
    schema = small.schemas["accounts"] | {"parent_account_id": "string"}
    owned = {"account_id": "A", "account_name": "A", "segment": "SMB", "parent_account_id": "P"}
    accounts = small.memory([owned], schema)
    assert renewals.history(tables, AS_OF)["parent_account_id"].isna().all()
    with_parents = renewals.history({**tables, "accounts": accounts}, AS_OF)
    assert with_parents["parent_account_id"].tolist() == ["P"]


def test_what_cannot_be_is_refused_by_name(small: SimpleNamespace) -> None:
    """A missing table and days out of range are named."""
    tables = small.world([small.term("s1", *YEAR)], [])
    with pytest.raises(DataError, match="accounts"):
        renewals.history({"subscriptions": tables["subscriptions"]}, AS_OF)
    with pytest.raises(ParameterError, match="grace_days"):
        renewals.book(tables, AS_OF, grace_days=-1)
