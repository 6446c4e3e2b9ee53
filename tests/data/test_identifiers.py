"""Identifiers are text (faults A1, A2, A3, A13, A14, A15, A16 of a naive reader)."""

from __future__ import annotations

import unicodedata

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cs_models.errors import DataError


@pytest.fixture
def zeros(world):
    """Return a world in which 000123 and 123 are two accounts, and others are called NA."""
    for table in world.tables.values():
        for row in table:
            row["account_id"] = {"A1": "000123", "A2": "123", "A3": "null"}[row["account_id"]]
    for number, name in enumerate(["NA", "null", "None"]):
        world.change("accounts", number, account_name=name, region="NA")
    return world


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_leading_zeros_and_missing_words_survive(zeros, rows_of, kind) -> None:
    """A1, A3: 000123 and 123 stay two accounts; NA, null and None are names, Namibia a country."""
    getattr(zeros, kind)()
    tables = zeros.read(kind=kind)
    assert rows_of(tables, "accounts", "account_id", "account_name", "region") == [
        ("000123", "NA", "NA"),
        ("123", "null", "NA"),
        ("null", "None", "NA"),
    ]
    assert tables["events"].account_id.nunique().to_pyarrow().as_py() == 3
    if kind == "csv":
        naive = pd.read_csv(zeros.folder / "accounts.csv")
        assert naive["account_id"].dropna().tolist() == [123, 123]  # merged, and "null" lost
        assert naive["account_name"].isna().all()


def test_a_missing_identifier_costs_its_row_only(world, found, rows_of) -> None:
    """A2, A14: a null id is quarantined and counted; seventeen digits keep every digit."""
    long = "12345678901234567"
    for table in world.tables.values():
        for row in table:
            row["account_id"] = {"A1": long}.get(row["account_id"], row["account_id"])
    world.change("events", 7, account_id=None).csv()
    naive = pd.read_csv(world.folder / "events.csv").assign(account_id=[float(long)] * 7 + [np.nan])
    assert f"{naive['account_id'][0]:.0f}" != long
    left, right = pd.DataFrame({"k": [None, "a"]}), pd.DataFrame({"k": [None, "b"]})
    assert len(left.merge(right, on="k")) == 1  # pandas matches nothing with nothing
    tables = world.read()
    assert found(tables.checks, "events", "account_id", "is missing", "quarantine").count == 1
    assert ("A1", long) not in rows_of(tables, "accounts", "account_name", "account_id")
    assert (long,) in rows_of(tables, "accounts", "account_id")
    assert tables.checks.counts["events"]["kept"] == 7


def test_numbers_as_identifiers(world, found, rows_of) -> None:
    """A2, A15: whole numbers become text with a note; decimals are refused, naming the column."""
    for table in world.tables.values():
        for row in table:
            row["account_id"] = int(row["account_id"][1:])
    world.parquet()
    tables = world.read()
    assert rows_of(tables, "accounts", "account_id") == [("1",), ("2",), ("3",)]
    assert found(tables.checks, "accounts", "account_id", "read as text", "note")
    for row in world.tables["accounts"]:
        row["account_id"] = float(row["account_id"])
    world.parquet()
    with pytest.raises(DataError, match=r"accounts\.account_id: identifiers are text") as refusal:
        world.read()
    assert refusal.value.exit_code == 3


def test_one_key_two_contents_is_refused(world, found) -> None:
    """A13: a second row for an account is refused; a naive join would double its revenue."""
    world.add("accounts", account_id="A1", account_name="Again").parquet()
    accounts = pd.read_parquet(world.folder / "accounts.parquet")
    terms = pd.read_parquet(world.folder / "subscriptions.parquet")
    assert terms.merge(accounts, on="account_id")["arr"].sum() > terms["arr"].sum()
    fault = found(world.check(), "accounts", "account_id", "share one key", "refuse")
    assert (fault.count, fault.samples) == (1, ("A1",))


def test_copies_of_a_row_leave(world, found, rows_of) -> None:
    """A13: identical copies are quarantined, each but one; money is conserved."""
    world.tables["accounts"] += [dict(world.tables["accounts"][0]) for _ in range(2)]
    world.tables["subscriptions"].append(dict(world.tables["subscriptions"][3]))
    for number in range(7):
        row = {**world.tables["accounts"][2], "account_id": f"B{number}"}
        world.tables["accounts"].append(row)
    tables = world.parquet().read()
    assert (
        found(tables.checks, "accounts", "account_id", "identical copies", "quarantine").count == 2
    )
    assert tables.checks.counts["accounts"] == {
        "read": 12,
        "kept": 10,
        "quarantined": 2,
        "excluded": 0,
    }
    assert float(tables["subscriptions"].arr.sum().to_pyarrow().as_py()) == 6000.0


def test_spellings_of_one_identifier_meet(world, found, rows_of) -> None:
    """A16: white space and Unicode forms do not part an account from its events; case does."""
    composed = unicodedata.normalize("NFC", "caf\u00e9")
    parted = unicodedata.normalize("NFD", composed)
    world.change("accounts", 0, account_id=composed).add("accounts", account_id=f"\u00a0{parted}\t")
    world.tables["accounts"][-1] = {
        **world.tables["accounts"][0],
        "account_id": f"\u00a0{parted}\t",
    }
    world.add("accounts", account_id="CAFÉ")
    for number in range(6):
        world.add("accounts", account_id=f"B{number}")
    for name in ("subscriptions", "events"):
        for row in world.tables[name]:
            row["account_id"] = {"A1": f" {parted}"}.get(row["account_id"], row["account_id"])
    world.parquet()
    joined = duckdb.execute(
        f"SELECT count(*) FROM '{world.folder}/events.parquet' JOIN "
        f"'{world.folder}/accounts.parquet' USING (account_id) WHERE account_id LIKE '%caf%'"
    ).fetchone()
    assert joined == (0,)
    tables = world.read()
    assert (composed, 3) in rows_of_counts(tables)
    assert found(tables.checks, "accounts", "account_id", "white space around it").count == 1
    assert found(tables.checks, "accounts", "account_id", "are one", "note").samples == (composed,)
    assert found(tables.checks, "accounts", "account_id", "differ only in case").count == 1


def test_two_columns_of_one_name(world) -> None:
    """A17: a file with two columns of one name is refused; pandas renames the second in silence."""
    world.csv()
    path = world.folder / "accounts.csv"
    path.write_text(path.read_text().replace("account_name", "created_at"))
    assert "created_at.1" in pd.read_csv(path).columns
    with pytest.raises(DataError, match="two columns have one name") as refusal:
        world.check()
    assert "created_at" in refusal.value.got
    path.unlink()
    world.parquet()
    table = pq.read_table(world.folder / "accounts.parquet")
    doubled = pa.Table.from_arrays(
        [*table.columns, table.column(0)], [*table.column_names, "Account_ID"]
    )
    pq.write_table(doubled, world.folder / "accounts.parquet")
    with pytest.raises(DataError, match="two columns have one name"):
        world.check(kind="parquet")


def rows_of_counts(tables) -> list[tuple[str, int]]:
    """Return the number of events of each account."""
    events = tables["events"]
    counts = events.group_by("account_id").aggregate(n=events.count()).to_pyarrow().to_pylist()
    return [(row["account_id"], row["n"]) for row in counts]
