"""The contract as data, and the clean worlds that meet it."""

from __future__ import annotations

import pytest

from cs_models.data import contract
from cs_models.data.specification import DTYPES


def test_clean_world_has_no_fault(whole_world, whole_tables) -> None:
    """A history that meets the contract is read whole, with typed columns and no fault."""
    tables = whole_tables
    faults = [fault for fault in tables.checks.faults if fault.severity != "note"]
    assert faults == []
    assert set(tables) == set(contract.TABLES)
    for name, rows in whole_world.tables.items():
        counts = tables.checks.counts[name]
        assert counts == {"read": len(rows), "kept": len(rows), "quarantined": 0, "excluded": 0}
        spec = contract.TABLES[name]
        schema = tables[name].schema()
        for column in spec.columns:
            told = str(schema[column.name]).replace("(6)", "")
            assert told == DTYPES[column.kind], f"{name}.{column.name}"


def test_formats_agree(whole_world, whole_tables) -> None:
    """Parquet, CSV and a DuckDB file of one history give the same tables, row for row."""
    text = whole_world.csv().read(kind="csv")
    database = whole_world.read(path=str(whole_world.duckdb()))
    for name in contract.TABLES:
        columns = whole_tables[name].columns
        frames = [
            tables[name].order_by(columns).to_pyarrow() for tables in (whole_tables, text, database)
        ]
        assert frames[0].to_pylist() == frames[1].to_pylist() == frames[2].to_pylist(), name


def test_a_column_that_never_held_a_value_may_have_no_type(world, whole_tables, rows_of) -> None:
    """Parquet writes a column of nulls without a type; it reads as a column of nulls of its own."""
    kept = ("cancel_requested_at", "plan", "seats")
    for row in world.tables["subscriptions"]:
        row |= dict.fromkeys(kept)
    tables = world.parquet().read()
    assert set(rows_of(tables, "subscriptions", *kept)) == {(None, None, None)}
    assert [tables["subscriptions"].schema()[name] for name in kept] == [
        whole_tables["subscriptions"].schema()[name] for name in kept
    ]


def test_derived_columns(whole_tables, rows_of) -> None:
    """The door adds calendar dates, known dates and the numbering of terms."""
    tables = whole_tables
    for name, spec in contract.TABLES.items():
        assert set(spec.derived) <= set(tables[name].columns)
        assert set(tables[name].columns) == {*spec.names, *spec.derived}
    terms = rows_of(tables, "subscriptions", "subscription_id", "term_no", "term_months", "outcome")
    assert terms == [
        ("S1", 1, 12, "expanded"),
        ("S2", 2, 12, "renewed"),
        ("S3", 3, 12, "pending"),
        ("S4", 1, 12, "churned"),
        ("S5", 1, 12, "contracted"),
        ("S6", 2, 12, "churned"),
    ]


@pytest.mark.parametrize("spec", contract.TABLES.values(), ids=lambda spec: spec.name)
def test_contract_is_sound(spec) -> None:
    """Keys and arrivals are columns, references name tables, hindsight columns are dates."""
    assert set(spec.key) <= set(spec.names)
    assert all(spec[name].required for name in spec.key)
    assert spec.arrival is None or spec[spec.arrival].required
    assert set(spec.calendar) <= set(spec.names)
    assert len(set(spec.names)) == len(spec.names)
    for column in spec.columns:
        assert column.references is None or column.references in contract.TABLES
        assert not column.hindsight or column.kind in ("instant", "date")
        assert not column.allowed or column.kind == "category"
        assert column.meaning
    for earlier, later in spec.in_order:
        assert {earlier, later} <= set(spec.names)


def test_the_page_tells_the_contract(project_root) -> None:
    """docs/data_contract.md names every column with the type and the duty that the code has."""
    page = (project_root / "docs" / "data_contract.md").read_text(encoding="utf-8")
    for spec in contract.TABLES.values():
        section = page.split(f"\n### {spec.name}\n")[1].split("\n### ")[0].split("\n## ")[0]
        rows = {
            cells[1].strip(" `"): [cell.strip() for cell in cells[2:-1]]
            for line in section.splitlines()
            if line.startswith("| `") and len(cells := line.split("|")) > 3
        }
        for column in spec.columns:
            kind, needed = rows[column.name][0], rows[column.name][1]
            assert kind == column.kind, f"{spec.name}.{column.name}"
            assert needed == ("required" if column.required else "")
            for word in column.allowed:
                assert word in rows[column.name][2]
        assert set(rows) == {*spec.names, *spec.derived}
