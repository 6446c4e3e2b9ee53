"""The committed sample: made again byte for byte, small, and big enough for what it is for."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cs_models import files
from cs_models.data import simulate

SEED = 6


@pytest.fixture(scope="module")
def sample(project_root: Path) -> Path:
    """Return the folder of the committed sample."""
    return project_root / "data" / "sample"


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample, made again from its seed."""
    folder = tmp_path_factory.mktemp("sample")
    return simulate.write(folder, scenario="step-by-segment", seed=SEED)


def test_a_folder_holds_eight_tables_truth_and_checksums(again: Path) -> None:
    """Files: eight Parquet files, truth.json, checksums.json, nothing else."""
    wanted = {f"{name}.parquet" for name in simulate.TABLES} | {"truth.json", "checksums.json"}
    assert {path.name for path in again.iterdir()} == wanted


def test_the_sample_is_made_again_byte_for_byte(sample: Path, again: Path) -> None:
    """Determinism: the committed files are what their seed makes."""
    writer = pq.ParquetFile(sample / "events.parquet").metadata.created_by
    ours = pq.ParquetFile(again / "events.parquet").metadata.created_by
    assert (sample / "truth.json").read_bytes() == (again / "truth.json").read_bytes()
    for name in simulate.TABLES:
        if writer == ours:
            assert files.sha256_of(sample / f"{name}.parquet") == files.sha256_of(
                again / f"{name}.parquet"
            ), name
        else:  # another version of the Parquet library: the same rows in other bytes
            left, right = (pq.read_table(f / f"{name}.parquet") for f in (sample, again))
            assert left.equals(right), name


def test_checksums_tell_every_table(sample: Path) -> None:
    """Checksums: the sidecar holds the hash and the rows of each Parquet file."""
    listed = json.loads((sample / "checksums.json").read_text("utf-8"))["files"]
    assert set(listed) == {f"{name}.parquet" for name in simulate.TABLES}
    for name, entry in listed.items():
        assert files.sha256_of(sample / name) == entry["sha256"]
        assert pq.ParquetFile(sample / name).metadata.num_rows == entry["rows"]


def test_the_sample_is_small_and_big_enough(sample: Path) -> None:
    """Size: under 10 MB of Parquet, over 1,500 evaluable terms, over 300 of them churned."""
    assert sum(path.stat().st_size for path in sample.glob("*.parquet")) < 10_000_000
    truth = json.loads((sample / "truth.json").read_text("utf-8"))
    counts = truth["evaluable_terms"].values()
    assert truth["scenario"] == "step-by-segment"
    assert truth["cuts"] == {"SMB": 12, "MM": 30, "ENT": 90}
    assert sum(entry["n_terms"] for entry in counts) >= 1500
    assert sum(entry["n_churned"] for entry in counts) >= 300


def test_pages_carry_checksums(sample: Path, tmp_path: Path) -> None:
    """Parquet: one flipped bit in a page is noticed."""
    data = bytearray((sample / "events.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    broken = tmp_path / "events.parquet"
    broken.write_bytes(bytes(data))
    with pytest.raises(OSError, match=r"(?i)crc|checksum|corrupt|decompress"):
        pq.read_table(broken, page_checksum_verification=True)


def test_files_hold_plain_text_ids_and_utc_instants(sample: Path) -> None:
    """Parquet: a reader sees strings, decimals and UTC instants, no engine's own types."""
    schema = pq.read_schema(sample / "events.parquet")
    assert str(schema.field("account_id").type) == "string"
    assert str(schema.field("quantity").type) == "decimal128(18, 3)"
    assert str(schema.field("event_ts").type) == "timestamp[us, tz=UTC]"
    assert not schema.metadata


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    """Writing: a README beside the tables is left alone."""
    note = tmp_path / "README.md"
    note.write_text("mine", "utf-8")
    simulate.write(tmp_path, scenario="null", n_accounts=30, seed=1)
    assert note.read_text("utf-8") == "mine"


@pytest.mark.parametrize("n_accounts", [1, 2, 5])
def test_the_smallest_worlds_are_whole(tmp_path: Path, n_accounts: int) -> None:
    """Size: a handful of accounts make all eight tables and a valid truth.json."""
    for seed in range(3):
        folder = simulate.write(tmp_path, scenario="step", n_accounts=n_accounts, seed=seed)
        assert pq.ParquetFile(folder / "accounts.parquet").metadata.num_rows >= n_accounts
        json.loads((folder / "truth.json").read_text("utf-8"))


def test_seeds_make_different_worlds_and_the_same_seed_the_same() -> None:
    """Seeds: equal seeds agree in every table, other seeds do not."""
    first, second, other = (
        simulate.customers(scenario="step", n_accounts=50, seed=seed) for seed in (1, 1, 2)
    )
    for name in simulate.TABLES:
        assert first.tables[name].equals(second.tables[name])
    assert not first.tables["events"].equals(other.tables["events"])
