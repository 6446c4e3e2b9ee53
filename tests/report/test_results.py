"""What a notebook leaves for a machine: strict JSON, and CSV that a spreadsheet cannot run."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import NotebookError
from cs_models.report import results
from cs_models.report.results import Finding

FINDING = Finding("lift", "It lifts.", np.float64(0.17), Decimal("0.11"), np.nan, "share", 12)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def _save(folder: Path | None, **extra: Any) -> dict[str, Any]:
    return results.save(
        folder, headline="H", as_of=date(2026, 6, 30), counts={"n_terms": np.int64(4)},
        findings=[FINDING], **extra,
    )  # fmt: skip


def test_results_read_back_as_they_were_returned(tmp_path: Path) -> None:
    """The file is strict JSON and equal to what save returns, frames as lists of rows."""
    frame = pd.DataFrame({"rule": ["r"], "p": [np.nan], "n": [3]})
    returned = _save(tmp_path, thresholds=frame)
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=_refuse) == returned
    assert returned["thresholds"] == [{"rule": "r", "p": None, "n": 3}]
    assert returned["as_of"] == "2026-06-30"
    assert returned["findings"] == [
        {"id": "lift", "statement": "It lifts.", "value": 0.17, "low": 0.11, "high": None,
         "unit": "share", "n": 12, "verdict": None, "table": ""}
    ]  # fmt: skip


def test_no_folder_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook driven by hand leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    assert _save(None)["headline"] == "H"
    assert results.write_table(None, "x", pd.DataFrame()) is None
    assert list(tmp_path.iterdir()) == []


def test_a_refused_save_leaves_the_previous_file(tmp_path: Path) -> None:
    """A value without a JSON form changes nothing on disk."""
    _save(tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    with pytest.raises(NotebookError, match="no JSON form"):
        _save(tmp_path, model=object())
    assert (tmp_path / "results.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize("identifiers", [["a", "a"], [""]])
def test_each_finding_has_an_id_of_its_own(identifiers: list[str]) -> None:
    """Runs are compared finding by finding, so ids are neither empty nor shared."""
    findings = [Finding(name, "s") for name in identifiers]
    with pytest.raises(NotebookError, match="an id of its own"):
        results.save(None, headline="", as_of="2026-01-01", counts={}, findings=findings)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_spreadsheet_runs_no_cell(tmp_path: Path, start: str) -> None:
    """Text that starts like a formula is marked as text, in cells, mixed columns and heads."""
    text = f"{start}cmd|'/C calc'!A0"
    frame = pd.DataFrame({f"{start}head": [text, -4.5, None, "name\r=cmd"]})
    path = results.write_table(tmp_path, "accounts", frame)
    assert path is not None
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row[0] for row in csv.reader(file)]
    kept = start.replace("\r", "\n")
    body = f"{kept}{text[1:]}"
    assert rows == [f"'{kept}head", f"'{body}", "-4.5", "", "name\n=cmd"]


def test_numbers_and_dates_stay_what_they_are(tmp_path: Path) -> None:
    """A negative number is no formula; dates are ISO; an empty table has its head."""
    frame = pd.DataFrame({"n": [-1], "d": pd.to_datetime(["2026-06-30"]), "m": [Decimal("-2.50")]})
    path = results.write_table(tmp_path, "t", frame)
    assert path is not None
    assert path.read_text() == "n,d,m\n-1,2026-06-30,-2.50\n"
    empty = results.write_table(tmp_path, "empty", frame[:0])
    assert empty is not None
    assert empty.read_text() == "n,d,m\n"


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "a.csv", "a b"])
def test_a_table_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    """A table's name is a word, not a path."""
    with pytest.raises(NotebookError, match="not a file name"):
        results.write_table(tmp_path, name, pd.DataFrame({"a": [1]}))
