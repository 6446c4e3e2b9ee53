"""Notebooks 06 and 07 run for real on the committed sample, held against a plain recount."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]


@pytest.fixture(scope="module")
def outlook(run_folder: Path) -> dict[str, Any]:
    """Return the results of 06."""
    return json.loads((run_folder / "06_renewal_outlook/results.json").read_text())


@pytest.fixture(scope="module")
def backtest(run_folder: Path) -> dict[str, Any]:
    """Return the results of 07."""
    return json.loads((run_folder / "07_backtest/results.json").read_text())


@pytest.fixture(scope="module")
def subscriptions(project_root: Path) -> pd.DataFrame:
    """Return the sample's contract terms, plainly read."""
    terms = pd.read_parquet(project_root / "data/sample/subscriptions.parquet")
    for name in ("term_start", "term_end", "ended_at"):
        terms[name] = pd.to_datetime(terms[name])
    return terms.assign(arr=terms["arr"].astype(float))


def test_what_comes_up_is_recounted_from_the_subscriptions(
    outlook: dict[str, Any], subscriptions: pd.DataFrame
) -> None:
    """ARR due next quarter is that of running terms that end in it, plainly added up."""
    as_of, last = pd.Timestamp("2026-06-30"), pd.Timestamp("2026-09-30")
    rows = subscriptions
    runs = (rows["term_start"] <= as_of) & ~(rows["ended_at"] <= as_of)
    due = rows[runs & (rows["term_end"] > as_of) & (rows["term_end"] <= last)]
    first = outlook["forecast"][0]
    overdue = first["n_due"] - len(due)
    assert 0 <= overdue <= 3  # whose end is past, within the days of grace, and not yet decided
    assert first["due_arr"] == pytest.approx(due["arr"].sum(), rel=0.02)


def test_today_s_arr_is_that_of_the_journey(outlook: dict[str, Any], run_folder: Path) -> None:
    """Customers of today and what they pay: the stages of 05 add up to what 06 says of all."""
    told = json.loads((run_folder / "05_journey_and_personas/results.json").read_text())
    running = [row for row in told["stages"] if row["share"] is not None]
    whole = outlook["paying"][-1]
    assert whole["n_customers"] == sum(row["n_accounts"] for row in running)
    assert whole["arr"] == pytest.approx(sum(row["arr"] for row in running))


def test_renewals_that_no_contract_followed_are_told_alike(run_folder: Path) -> None:
    """The readiness page lists as many as the journey has in that stage."""
    told = json.loads((run_folder / "05_journey_and_personas/results.json").read_text())
    staged = {row["stage"]: row["n_accounts"] for row in told["stages"]}
    ready = json.loads((run_folder / "00_data_readiness/results.json").read_text())
    found = {row["id"]: row["value"] for row in ready["findings"]}
    assert found["renewed-unseen"] == staged["renewed_no_further_term"]


def test_arr_is_the_same_in_page_file_and_results(
    outlook: dict[str, Any], run_folder: Path
) -> None:
    """The file of contracts due holds the ARR, and the ARR at risk, of each quarter's forecast."""
    path = run_folder / "06_renewal_outlook/tables/contracts_due.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for quarter in outlook["forecast"]:
        mine = [row for row in rows if row["label"] == quarter["label"]]
        assert len(mine) == quarter["n_due"]
        assert sum(float(row["arr"]) for row in mine) == pytest.approx(quarter["due_arr"])
        assert quarter["grr_p10"] <= quarter["grr_p50"] <= quarter["grr_p90"]
        assert quarter["n_judged"] >= quarter["n_hit"]
        assert quarter["level"]
    now = [row for row in rows if row["label"] == outlook["forecast"][0]["label"]]
    assert sum(float(row["arr_at_risk"]) for row in now) == pytest.approx(
        outlook["forecast"][0]["arr_at_risk"]
    )
    assert {row["subscription_id"] for row in outlook["due"]} == {
        row["subscription_id"] for row in rows
    }


def test_contracts_of_a_month_are_told_by_what_past_ones_came_to(
    run_folder: Path, subscriptions: pd.DataFrame
) -> None:
    """No predictor speaks of them; what is said of a quarter lies near what past quarters came to.

    Recounted plainly: of customers who paid by the month when a quarter began, those who left in
    it.  A yearly chance at each of three renewals is eight times as high.
    """
    due = pd.read_csv(run_folder / "06_renewal_outlook/tables/contracts_due.csv")
    mine = due[due["n_renewals"].gt(1)]
    assert set(mine["p_from"]) <= {"base rate", "notice"}
    said = mine.loc[mine["p_from"].eq("base rate")].groupby("label")["chance"].mean()
    days = (subscriptions["term_end"] - subscriptions["term_start"]).dt.days
    month = subscriptions[days <= 31]
    came = []
    for start in pd.date_range("2024-04-01", "2026-01-01", freq="QS"):
        last = start + pd.offsets.QuarterEnd()
        ran = month[month["term_start"].lt(start) & month["term_end"].ge(start)]
        left = month[month["term_end"].between(start, last) & month["outcome"].eq("churned")]
        came += ran["account_id"].isin(left["account_id"]).tolist()
    share = sum(came) / len(came)
    assert len(came) > 200
    assert said.between(share / 2, 2 * share).all(), (share, said.to_dict())


def test_the_last_list_came_to_what_the_subscriptions_say(
    backtest: dict[str, Any], run_folder: Path, subscriptions: pd.DataFrame
) -> None:
    """Whoever the list is said to have lost has a lost term; the share is the finding's."""
    path = run_folder / "07_backtest/tables/last_list.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    outcome = subscriptions.set_index("subscription_id")["outcome"]
    for row in rows:
        recorded = outcome[row["subscription_id"]]
        # The sample leaves some outcomes to be told from the next term.
        if isinstance(recorded, str):
            assert (recorded == "churned") == (float(row["churned"]) == 1)
    said = next(item for item in backtest["findings"] if item["id"] == "last-list")
    assert said["n"] == len(rows) == 26
    assert said["value"] == pytest.approx(sum(float(row["churned"]) for row in rows) / len(rows))


def test_past_quarters_are_there_and_the_first_run_has_none_before_it(
    backtest: dict[str, Any],
) -> None:
    """Eight quarters or so are judged; no report was made before this one."""
    assert len(backtest["quarters"]) >= 6
    assert all(row["grr_p10"] <= row["grr_p50"] <= row["grr_p90"] for row in backtest["quarters"])
    assert backtest["counts"]["n_earlier_reports"] == 0
    assert 0.8 < next(
        item["value"] for item in backtest["findings"] if item["id"] == "observed-to-expected"
    ) < 1.2  # fmt: skip
