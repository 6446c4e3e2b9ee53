"""The sections that judge terms before their renewal: ranges, paths, where earlier runs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cs_models import errors
from cs_models.run import parameters
from cs_models.run.reading import run_file

BASE = {"source": {"path": "data/sample"}, "as_of": "2026-06-30"}
SECTIONS = ("churn_predictors", "time_to_churn", "renewal_outlook", "backtest")

WRONG = [
    ("churn_predictors", "decision_days", 29, "30"),
    ("churn_predictors", "decision_days", 366, "365"),
    ("churn_predictors", "window_days", [90, 28], "ascending"),
    ("churn_predictors", "first_days", [], "at least 1"),
    ("churn_predictors", "data_start", "2026-06-30", "before as_of"),
    ("churn_predictors", "calls_per_week", 0, "greater than or equal to 1"),
    ("churn_predictors", "call_weeks", 53, "52"),
    ("churn_predictors", "n_refits", 19, "20"),
    ("churn_predictors", "n_refits", 100.0, "integer"),
    ("churn_predictors", "play", {"cost": "1"}, "margin"),
    ("churn_predictors", "landmark_days", 60, "unknown"),
    ("time_to_churn", "horizon_years", 11, "10"),
    ("time_to_churn", "discount_rate", -0.1, "greater than or equal to 0"),
    ("time_to_churn", "calls_per_week", 5, "unknown"),
    ("renewal_outlook", "quarters", 5, "4"),
    ("renewal_outlook", "n_paths", 499, "500"),
    ("backtest", "earlier_runs", "/srv/reports", "inside the project"),
    ("backtest", "earlier_runs", "a/../../reports", "without .."),
    ("backtest", "earlier_runs", "C:\\reports", "inside the project"),
    ("backtest", "earlier_runs", "", "at least 1"),
]


@pytest.mark.parametrize(("section", "name", "value", "word"), WRONG, ids=range(len(WRONG)))
def test_a_value_that_is_not_allowed_is_refused_with_its_field(
    section: str, name: str, value: Any, word: str
) -> None:
    """The message names the field, and what is allowed."""
    with pytest.raises(errors.ParameterError) as refusal:
        parameters.SECTIONS[section].checked({**BASE, name: value})
    assert name in str(refusal.value)
    assert word in str(refusal.value)


def test_the_four_sections_judge_the_same_terms() -> None:
    """What is said of a customer in one notebook is said of the same day in the others."""
    shared = {
        "decision_days": 90, "window_days": [28, 90], "first_days": [60], "grace_days": 30,
        "data_start": None, "min_accounts": 20, "segment_by": "segment", "export_features": None,
    }  # fmt: skip
    for section in SECTIONS:
        plain = parameters.SECTIONS[section].checked(BASE).plain()
        assert {name: plain[name] for name in shared} == shared
        assert list(plain).index("decision_days") == list(plain).index("adoption_definition") + 1


def test_capacity_is_a_list_of_customers_for_its_weeks() -> None:
    """Five calls a week for a quarter are 65 customers; one week's list has its five."""
    assert parameters.ChurnPredictors.checked(BASE).capacity == 65
    assert parameters.Backtest.checked({**BASE, "call_weeks": 1}).capacity == 5


def test_earlier_reports_are_looked_for_beside_this_run_s_own() -> None:
    """A run of reports/<run>/07_backtest finds reports; the lab finds nothing unless told."""
    model = parameters.Backtest
    assert model.checked(BASE).reports() is None
    own = {"output_dir": "/srv/reports/20260630-010203-weekly/07_backtest"}
    assert model.checked({**BASE, **own}).reports() == Path("/srv/reports")
    told = {**own, "earlier_runs": "reports/board"}
    assert model.checked({**BASE, **told}).reports() == Path("reports/board")


def test_earlier_reports_are_taken_from_the_project_and_may_not_leave_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder starts at the project; a link out of it is refused before any kernel."""
    folder = tmp_path / "project"
    for name in ("notebooks", "parameters", "reports"):
        (folder / name).mkdir(parents=True)
    monkeypatch.chdir(folder / "notebooks")
    model = parameters.Backtest.of({**BASE, "earlier_runs": "reports"})
    assert model.reports() == folder / "reports"
    (folder / "away").symlink_to(tmp_path)
    path = folder / "parameters/run.yml"
    path.write_text("source: {path: d}\nas_of: '2026-06-30'\nbacktest: {earlier_runs: away}\n")
    with pytest.raises(errors.ParameterError, match="leads out of the project"):
        run_file.load(path)
