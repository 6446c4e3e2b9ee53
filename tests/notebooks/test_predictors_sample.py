"""Notebook 03 run for real on the committed sample: its files agree with each other."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(run_folder: Path) -> Path:
    """Return the notebook's folder of the run."""
    return run_folder / "03_churn_predictors"


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    """Return what the notebook left for a machine."""
    return json.loads((folder / "results.json").read_text())


def test_measures_are_those_of_the_saved_predictions(folder: Path, results: dict[str, Any]) -> None:
    """AUC, Brier, log loss and observed to expected follow from past_predictions.csv."""
    rows = _rows(folder / "tables/past_predictions.csv")
    left = np.array([float(row["churned"]) for row in rows])
    p = np.array([float(row["p_churn"]) for row in rows])
    told = results["metrics"]
    assert told["auc"] == pytest.approx(metrics.roc_auc_score(left, p), abs=1e-9)
    assert told["brier"] == pytest.approx(metrics.brier_score_loss(left, p), abs=1e-9)
    assert told["log_loss"] == pytest.approx(metrics.log_loss(left, p), abs=1e-9)
    assert told["observed_to_expected"] == pytest.approx(left.sum() / p.sum(), abs=1e-9)
    for name in ("auc", "brier", "log_loss", "calibration_slope", "observed_to_expected"):
        assert told[f"{name}_low"] <= told[name] <= told[f"{name}_high"]
    assert len(rows) == results["counts"]["n_foretold"]


def test_leavers_are_told_from_others_on_the_sample(results: dict[str, Any]) -> None:
    """The sample's planted threshold is worth a model: better than chance and than the segment."""
    assert results["metrics"]["auc_low"] > 0.55
    assert results["metrics"]["better"]
    assert results["metrics"]["model"] in {"L2", "L3", "L4"}
    assert results["headline"].startswith("From 13 August to 13 November 2026, ")


def test_arr_at_risk_is_the_sum_over_the_list(folder: Path, results: dict[str, Any]) -> None:
    """The money of the headline is the sum of chance times ARR of accounts_at_risk.csv."""
    rows = _rows(folder / "tables/accounts_at_risk.csv")
    finding = next(item for item in results["findings"] if item["id"] == "arr-at-risk")
    total = sum(float(row["p_churn"]) * float(row["arr"]) for row in rows if row["arr"])
    assert finding["value"] == pytest.approx(total, rel=1e-9)
    assert finding["low"] <= finding["value"] <= finding["high"]
    assert finding["n"] == len(rows) == len(results["said"])
    losses = [float(row["expected_loss"]) for row in rows if row["expected_loss"]]
    assert losses == sorted(losses, reverse=True)


def test_what_is_said_today_can_be_judged_one_day(results: dict[str, Any]) -> None:
    """Each customer scored stands in results.json with its term, its chance and the band."""
    for row in results["said"]:
        assert set(row) == {
            "account_id", "subscription_id", "term_end", "arr", "p_churn", "p_low", "p_high",
            "colour", "colour_raw",
        }  # fmt: skip
        assert 0 < row["p_low"] <= row["p_churn"] <= row["p_high"] < 1
        assert "2026-06-30" < row["term_end"] <= "2026-12-28"


def test_the_model_is_kept_with_its_card(folder: Path, results: dict[str, Any]) -> None:
    """The folder model/ holds the chosen level, and its card the measures of the page."""
    card = json.loads((folder / "model/model_card.json").read_text())
    assert card["what"]["level"] == results["metrics"]["model"]
    told = {row["metric"]: row["value"] for row in card["metrics"]}
    assert told["auc"] == pytest.approx(results["metrics"]["auc"])
    assert {row["segment"] for row in card["by_segment"]} == {"ENT", "MM", "SMB"}


def test_the_page_has_each_part_and_its_doubt(folder: Path) -> None:
    """The exported page holds the answer, its doubt, and every figure with a table behind it."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    order = [
        page.index(f'id="{name}"')
        for name in (
            "answer", "at-risk", "quarters", "calibration", "calls", "ladder", "drivers",
            "customer", "places", "health", "lost", "parity", "exclusions", "guards",
        )
    ]  # fmt: skip
    assert order == sorted(order)
    assert order[0] < page.index("How sure: judged on") < order[1]
    assert "Explorer" not in page
    assert "jupyter-widgets" not in page
