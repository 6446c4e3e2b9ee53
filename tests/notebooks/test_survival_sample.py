"""Notebook 04 run for real on the committed sample, held against a plain recount."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models import files
from cs_models.learn import survival

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]


@pytest.fixture(scope="module")
def folder(run_folder: Path) -> Path:
    """Return the notebook's folder of the run."""
    return run_folder / "04_time_to_churn"


@pytest.fixture(scope="module")
def findings(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the findings by id."""
    results = json.loads((folder / "results.json").read_text())
    return {item["id"]: item for item in results["findings"]}


def test_the_first_renewal_is_recounted_from_the_subscriptions(
    findings: dict[str, dict[str, Any]], project_root: Path
) -> None:
    """The share lost at the first yearly renewal is that of accounts' first terms, plainly read."""
    terms = pd.read_parquet(project_root / "data/sample/subscriptions.parquet")
    for name in ("term_start", "term_end"):
        terms[name] = pd.to_datetime(terms[name])
    months = (terms["term_end"] - terms["term_start"]).dt.days / 30.44
    first = terms.sort_values(["account_id", "term_start", "term_end"]).index
    rank = terms.loc[first].groupby("account_id").cumcount()
    due = terms[
        (rank.reindex(terms.index) == 0)
        & months.between(9, 15)
        & (terms["term_end"] <= pd.Timestamp(2026, 5, 31))
        & (terms["term_end"] > pd.Timestamp(2022, 7, 1))
        & (terms["outcome"] != "pending")
    ]
    lost = due["outcome"].isin(["churned", "involuntary"]).mean()
    said = findings["hazard-12-1"]
    assert said["value"] == pytest.approx(lost, abs=0.01)
    assert said["n"] == pytest.approx(len(due), rel=0.02)
    assert said["low"] < lost < said["high"]


def test_staying_is_the_product_of_the_renewals(
    findings: dict[str, dict[str, Any]], folder: Path
) -> None:
    """The saved shares still there multiply up from the saved shares lost, in table and finding."""
    with (folder / "tables/renewals.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if float(row["months"]) == 12]
    kept = np.cumprod([1 - float(row["hazard"]) for row in rows])
    np.testing.assert_allclose([float(row["survival"]) for row in rows], kept)
    for place, share in enumerate(kept, start=1):
        assert findings[f"survival-{place}"]["value"] == pytest.approx(share)
        assert findings[f"survival-{place}"]["low"] < share < findings[f"survival-{place}"]["high"]


def test_the_page_says_what_is_true_of_the_sample(
    findings: dict[str, dict[str, Any]], folder: Path
) -> None:
    """Adoption goes with staying, early use is its echo; the planted segments are in order."""
    results = json.loads((folder / "results.json").read_text())
    assert results["headline"].startswith("Of 100 customers who begin with 12-month contracts, ")
    assert "The first renewal is the risky one" in results["headline"]
    assert findings["adoption-level"]["high"] < 1
    assert findings["driver-early_use"]["verdict"] == "none"
    assert findings["driver-late_use"]["high"] < 1
    assert findings["adoption"]["high"] < 1
    assert findings["adoption"]["statement"].startswith("At any time, customers that had reached")
    assert findings["rmst-ENT"]["value"] > findings["rmst-SMB"]["value"]
    assert 0 < findings["lifetime"]["low"] < findings["lifetime"]["high"] < 5
    expected, came = findings["expected-lost"]["value"], findings["came-lost"]["value"]
    assert 0.75 < came / expected < 1.25
    lost = sum(item["n"] for name, item in findings.items() if name.startswith("lost-"))
    assert lost == results["counts"]["n_lost"]


def test_the_models_of_the_page_are_kept_and_give_its_chances(folder: Path) -> None:
    """Sealed JSON beside the page, noted in the manifest, that says again what the page said."""
    file = folder / "model" / "survival.json"
    manifest = json.loads((folder.parent / "manifest.json").read_text())
    artefacts = manifest["notebooks"][folder.name]["artefacts"]
    assert artefacts["model/survival.json"] == files.sha256_of(file)
    kept = survival.load_models(file.parent)
    assert sorted(kept.models) == ["adoption", "drivers", "renewals"]
    assert (kept.rule["as_of"], kept.rule["decision_days"]) == ("2026-06-30", 90)
    reads = {column["name"]: column for column in kept.schema["drivers"]}
    assert reads["told_late_use"]["panel_column"] == "active_days__last_28d"
    said = {
        item["id"]: item for item in json.loads((folder / "results.json").read_text())["findings"]
    }
    drivers, adoption = kept.models["drivers"], kept.models["adoption"]
    assert isinstance(drivers, survival.RenewalHazard)
    assert isinstance(adoption, survival.Cox)
    odds = drivers.coefficients.set_index("column")["odds_ratio"]["told_late_use"]
    assert odds == pytest.approx(said["driver-late_use"]["value"], rel=1e-12)
    ratio = adoption.coefficients.set_index("column")["hazard_ratio"]["adopted"]
    assert ratio == pytest.approx(said["adoption"]["value"], rel=1e-12)
    renewals = kept.models["renewals"]
    assert isinstance(renewals, survival.RenewalHazard)
    row = pd.DataFrame({"opportunity": [1], "term_months": [12], "group": ["SMB"]})
    assert 0.2 < renewals.predict(row)[0] < 0.6
