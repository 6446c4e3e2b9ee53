"""The committed sample, its notebooks run for real, against the truth it was made with."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]


@pytest.fixture(scope="module")
def results(run_folder: Path) -> dict[str, Any]:
    """Return the threshold notebook's results."""
    return json.loads((run_folder / "02_adoption_thresholds/results.json").read_text())


def test_the_planted_feature_leads_in_every_segment(
    results: dict[str, Any], truth: dict[str, Any]
) -> None:
    """In each segment the first signal is the planted feature, and the headline names it."""
    for segment in truth["cuts"]:
        first = next(
            row for row in results["thresholds"]
            if row["segment"] == segment and row["role"] == "signal"
        )  # fmt: skip
        assert first["feature"] == truth["feature"]
        assert first["verdict"] in {"sharp", "tentative"}
        assert first["p_step_linear"] <= 0.05
        assert f"{segment} customers" in results["headline"]
    # Once for all groups, then group by group.
    assert results["headline"].count(truth["feature"]) == 1 + len(truth["cuts"])
    assert "tipping point" in results["headline"]


def test_the_true_cut_lies_inside_its_interval(
    results: dict[str, Any], truth: dict[str, Any]
) -> None:
    """The interval of each segment's cut holds the cut that was planted."""
    for segment, cut in truth["cuts"].items():
        first = next(row for row in results["thresholds"] if row["segment"] == segment)
        assert first["cut_low"] <= cut <= first["cut_high"]
        assert first["lift_low"] > 0


def test_no_other_count_is_a_signal_inside_a_segment(
    results: dict[str, Any], truth: dict[str, Any]
) -> None:
    """Decoys that only share an account's vigour are echoes, never signals."""
    planted = {name for name, said in truth["features"].items() if said["effect"] != "none"}
    signals = {
        row["feature"]
        for row in results["thresholds"]
        if row["role"] == "signal" and row["segment"] is not None
    }
    assert signals <= planted


def test_results_are_those_of_the_contract(results: dict[str, Any]) -> None:
    """`results.json` has every field that the architecture promises, rates between 0 and 1."""
    assert {
        "headline", "as_of", "counts", "findings", "thresholds", "segments", "features",
    } <= set(results)  # fmt: skip
    fields = {
        "rule", "feature", "window_days", "cut", "direction", "verdict", "p_adjusted", "cut_low",
        "cut_high", "rate_above", "rate_below", "lift", "lift_low", "lift_high", "lift_crossfit",
        "n_terms", "n_accounts", "n_churned", "segment", "role", "members", "counted",
        "p_step_linear", "p_step_spline", "delta_log_likelihood", "lift_bootstrap",
        "share_same_feature", "share_same_family", "cut_at_edge", "p_one_term", "p_lausen92",
        "p_lausen94", "q_feature",
    }  # fmt: skip
    for row in results["thresholds"]:
        assert fields <= set(row)
        if row["rule"] is not None:
            assert 0 <= row["rate_above"] <= 1
            assert 0 <= row["rate_below"] <= 1
            assert row["lift_low"] <= row["lift_within_strata"] <= row["lift_high"]
            assert 0 < row["p_adjusted"] <= 0.05
            assert row["role"] in {"signal", "echo"}
            assert row["members"] is None or {"column", "level"} == set(row["members"][0])
            assert row["verdict"] in {"sharp", "tentative", "gradual", "associated"}
    for finding in results["findings"]:
        assert {"id", "statement", "value", "low", "high", "unit", "n", "verdict", "table"} == set(
            finding
        )


def test_groups_and_uses_are_saved_for_other_readers(
    results: dict[str, Any], truth: dict[str, Any]
) -> None:
    """Levels by group lie around the planted ones, and every use that was searched is ranked."""
    pooled = {row["segment"]: row for row in results["segments"]}
    assert set(pooled) <= set(truth["cuts"])
    for segment, row in pooled.items():
        assert row["cut_low"] <= row["cut"] <= row["cut_high"]
        assert row["cut_low"] <= truth["cuts"][segment] <= row["cut_high"]
    ranked = [row for row in results["features"] if row["segment"] is None]
    assert len(ranked) == results["counts"]["n_features"]
    assert {"feature", "statistic", "p_feature", "q_feature", "p_adjusted", "role"} <= set(
        ranked[0]
    )


def test_the_list_of_customers_below_adds_up(run_folder: Path, results: dict[str, Any]) -> None:
    """The CSV that a CS manager takes holds the customers and the money of the finding."""
    path = run_folder / "02_adoption_thresholds/tables/customers_below.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    finding = next(item for item in results["findings"] if item["id"] == "arr-below")
    assert len({row["account_id"] for row in rows}) == finding["n"] > 0
    assert sum(Decimal(row["arr"]) for row in rows) == Decimal(str(finding["value"]))
    assert all(float(row["so_far"]) < float(row["needed"]) or float(row["missing_users"]) > 0
               for row in rows)  # fmt: skip


def test_readiness_counts_what_the_search_used(run_folder: Path, results: dict[str, Any]) -> None:
    """What 00 counts is what 02 then learns from, to the term."""
    ready = json.loads((run_folder / "00_data_readiness/results.json").read_text())
    for name, count in ready["counts"].items():
        assert count == results["counts"][name]
    assert all(item["value"] for item in ready["findings"] if item["unit"] == "ready")
    assert ready["headline"].startswith("This history is fit to learn from")


def test_the_quarantine_is_the_dirt_that_was_planted(
    run_folder: Path, truth: dict[str, Any]
) -> None:
    """Uses set aside are the bad quantities and wrong accounts that were planted, no others."""
    path = run_folder / "00_data_readiness/tables/faults.csv"
    with path.open(newline="", encoding="utf-8") as file:
        faults = {
            row["rule"]: int(row["count"])
            for row in csv.DictReader(file)
            if row["table"] == "events" and row["severity"] == "quarantine"
        }
    dirt = truth["dirt"]
    assert faults == {
        "is below 0": dirt["events_negative_quantity"],
        "is above 999,999": dirt["events_huge_quantity"],
        "is not in accounts": dirt["events_of_unknown_account"],
    }


def test_pages_hold_no_code_and_one_answer_first(run_folder: Path, project_root: Path) -> None:
    """No line of a notebook's code stands in its page; the answer comes before any figure."""
    for page in sorted(run_folder.glob("*/report.html")):
        text = page.read_text(encoding="utf-8")
        assert page.stat().st_size <= 2_000_000
        notebook = nbformat.read(
            project_root / "notebooks" / f"{page.parent.name}.ipynb", as_version=4
        )
        for cell in notebook.cells:
            if cell.cell_type == "code":
                longest = max(cell.source.splitlines(), key=len).strip()
                assert longest not in text
        assert text.count("<h1") == 1
        assert text.index("statement-answer") < text.index("<figure")
        assert str(project_root) not in text


def test_a_manifest_tells_how_to_make_the_run_again(run_folder: Path) -> None:
    """The manifest holds status, seeds, inputs with their hashes, and versions."""
    manifest = json.loads((run_folder / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    text = json.dumps(manifest)
    for needed in ("sha256", "events.parquet", "2026-06-30", "duckdb", "seed"):
        assert needed in text
