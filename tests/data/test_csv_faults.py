"""CSV is read strictly and as text (faults A4, A5, A6, A8, A11, A12, A18, A19, A20)."""

from __future__ import annotations

import gzip

import duckdb
import pandas as pd
import pytest

from cs_models.errors import DataError


def test_another_encoding_is_refused_with_its_byte(world) -> None:
    """A4, A6: a Latin-1 or UTF-16 file is refused, naming file, byte and repair."""
    world.only("accounts").csv(encoding="latin-1")
    with pytest.raises(UnicodeDecodeError):
        pd.read_csv(world.folder / "accounts.csv")
    with pytest.raises(DataError, match="the file is not utf-8") as refusal:
        world.check()
    assert "accounts.csv" in refusal.value.where
    assert refusal.value.got.startswith("byte 0xc5 at offset ")
    assert "encoding:" in refusal.value.repair
    world.csv(encoding="utf-16")
    with pytest.raises(DataError, match="the file is not utf-8"):
        world.check()


def test_a_late_foreign_byte_is_found(world) -> None:
    """A4: a foreign byte far behind the first rows is refused with its offset as well."""
    world.only("accounts")
    for number in range(3000):
        world.add("accounts", account_id=f"B{number:05}", account_name="plain")
    world.change("accounts", 0, account_name="plain")
    world.csv()
    path = world.folder / "accounts.csv"
    content = path.read_bytes().replace(b"B02990,plain", b"B02990,pl\xe4in")
    path.write_bytes(content)
    with pytest.raises(DataError, match="the file is not utf-8") as refusal:
        world.check()
    assert f"{content.index(0xE4):,}" in refusal.value.got


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
def test_a_declared_encoding_is_read(world, found, encoding) -> None:
    """A4, A6: a declared encoding, or a byte-order mark, gives the names as they are."""
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    world.only("accounts").change("accounts", 1, account_id="Åse")
    world.change("accounts", 2, account_id="ÅSE").csv(encoding=encoding)
    report = world.check(encoding=declared)
    assert report.counts["accounts"]["kept"] == 3
    assert found(report, "accounts", "account_id", "differ only in case").samples == ("åse",)


def test_garbled_names_are_noted(world, found) -> None:
    """A5: UTF-8 declared as Latin-1 reads without an error in pandas; ours says so."""
    world.only("accounts").change("accounts", 0, account_name="Müller").csv()
    naive = pd.read_csv(world.folder / "accounts.csv", encoding="latin-1")
    assert naive["account_name"][0] == "MÃ¼ller"
    fault = found(world.check(encoding="latin-1"), "accounts", "account_name", "another encoding")
    assert fault.severity == "note"
    assert fault.samples == ("MÃ¼ller",)


def test_a_cut_archive_is_refused(world) -> None:
    """A8: a truncated .gz is refused, though its first rows can be read."""
    world.only("accounts")
    for number in range(4000):
        world.add("accounts", account_id=f"B{number}", account_name=f"{number * 7919:x}")
    world.csv()
    path = world.folder / "accounts.csv"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    cut = world.folder / "accounts.csv.gz"
    cut.write_bytes(packed[: len(packed) * 2 // 3])
    with gzip.open(cut, "rt", encoding="utf-8") as preview:
        assert preview.readline().startswith("account_id")
    with pytest.raises(DataError, match="cannot be read"):
        world.check()
    cut.write_bytes(packed)
    assert world.check().counts["accounts"]["kept"] == 4003


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["A1,x,2022-01-01", "A2,2022-01-01"], "another number of fields"),
        (["A1,x,2022-01-01,", "A2,y,2022-01-01,"], "another number of fields"),
        (['A1,"x,2022-01-01', "A2,y,2022-01-01"], "cannot be read|another number of fields"),
    ],
    ids=["ragged", "trailing comma", "unbalanced quote"],
)
def test_broken_rows_are_refused(world, rows, message) -> None:
    """A11, A12: a ragged row, a comma too many and an open quote are refused with their place."""
    world.only("accounts").csv()
    path = world.folder / "accounts.csv"
    path.write_text("\n".join(["account_id,account_name,created_at", *rows]) + "\n")
    with pytest.raises(DataError, match=message) as refusal:
        world.check()
    assert "accounts" in refusal.value.where


def test_naive_readers_pass_ragged_rows(tmp_path) -> None:
    """A11: what the refusal prevents: sniffing makes one column, an index swallows another."""
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,b\nA,1\nB,2,3\n")
    try:
        sniffed = duckdb.execute(f"SELECT * FROM read_csv('{ragged}')").fetchall()
    except duckdb.Error:
        sniffed = []
    assert sniffed != [("A", 1), ("B", 2)]
    trailing = tmp_path / "trailing.csv"
    trailing.write_text("a,b\nA,1,\nB,2,\n")
    assert pd.read_csv(trailing)["a"].tolist() == [1, 2]


def test_a_late_ragged_row_is_refused(world) -> None:
    """A11: a ragged row behind the first thousand is refused too."""
    world.only("accounts")
    for number in range(1500):
        world.add("accounts", account_id=f"B{number}")
    world.csv()
    path = world.folder / "accounts.csv"
    path.write_text(path.read_text() + "C1,short\n")
    with pytest.raises(DataError, match="the source cannot be read") as refusal:
        world.check()
    assert "accounts" in refusal.value.where


@pytest.fixture(scope="module")
def unreadable(whole_world_of, tmp_path_factory):
    """Return what is said of a CSV world full of values in undeclared forms."""
    world = whole_world_of(tmp_path_factory.mktemp("unreadable"))
    for number, text in enumerate(["1,234", "1.234,50", "12 USD", "0x10", "1_000", "12"]):
        world.change("subscriptions", number, arr=text)
    for number, text in enumerate(["12.5", "5", "7.0", " 8 ", "nine", "1e1"]):
        world.change("subscriptions", number, seats=text)
    world.change("subscriptions", 0, term_start="01/02/2022", term_end="45292")
    world.change("events", 0, event_ts="1717200000").change("events", 1, event_ts="2022-02-30")
    for number, text in enumerate(["True", "yes", "1"]):
        world.change("tickets", number, escalated=text)
    return world.only("subscriptions", "events", "tickets").csv().check()


@pytest.mark.parametrize(
    ("table", "column", "samples"),
    [
        ("subscriptions", "arr", ("0x10", "1,234", "1.234,50", "12 USD", "1_000")),
        ("subscriptions", "seats", ("12.5", "1e1", "nine")),
        ("subscriptions", "term_start", ("01/02/2022",)),
        ("subscriptions", "term_end", ("45292",)),
        ("events", "event_ts", ("1717200000", "2022-02-30")),
        ("tickets", "escalated", ("1", "yes")),
    ],
)
def test_undeclared_forms_are_refused(unreadable, found, table, column, samples) -> None:
    """A18–A20: amounts, flags and dates in an undeclared form are refused with their values."""
    fault = found(unreadable, table, column, "cannot be read as", "refuse")
    assert fault is not None
    assert fault.samples == samples
    assert fault.count == len(samples)


def test_naive_readers_guess_dates() -> None:
    """A18–A20: what the refusals prevent."""
    assert pd.to_datetime("01/02/2024") == pd.Timestamp(2024, 1, 2)  # or was it 1 February?
    assert pd.to_datetime(45292).year == 1970
    assert pd.Series(["True", "yes", "1"]).dtype == object


def test_a_declared_form_is_read(world, rows_of) -> None:
    """A18, A19: a declared date format and declared words are read as they were meant."""
    for row in world.tables["subscriptions"]:
        row["term_start"] = row["term_start"].strftime("%d/%m/%Y")
        row["term_end"] = row["term_end"].isoformat()
    world.tables["tickets"] = [
        {"no": number, "account_id": "A1", "opened": "20220601 0815", "up": word, "level": level}
        for number, (word, level) in enumerate([("YES", "P1"), ("no", "p3"), ("-", "P2")])
    ]
    tables = world.csv().read(
        tables={
            "accounts": {"from": "accounts.csv"},
            "subscriptions": {
                "from": "subscriptions.csv",
                "formats": {"term_start": "%d/%m/%Y"},
            },
            "events": {"from": "events.csv"},
            "tickets": {
                "from": "tickets.csv",
                "columns": {
                    "ticket_id": "no",
                    "opened_at": "opened",
                    "escalated": "up",
                    "severity": "level",
                },
                "values": {
                    "escalated": {True: True, "no": False},
                    "severity": {"p1": "critical", "p2": "high", "p3": "low"},
                },
                "nulls": {"escalated": ["-"]},
                "formats": {"opened_at": "%Y%m%d %H%M"},
            },
        }
    )
    assert rows_of(tables, "subscriptions", "subscription_id", "term_start")[5][1].month == 3
    cases = tables["tickets"].order_by("ticket_id").to_pyarrow().to_pylist()
    assert [row["escalated"] for row in cases] == [True, False, None]
    assert [row["severity"] for row in cases] == ["critical", "low", "high"]
    assert str(cases[0]["opened_at"]) == "2022-06-01 08:15:00"
