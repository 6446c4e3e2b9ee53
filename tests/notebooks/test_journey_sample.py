"""Notebook 05 run for real on the committed sample, its journeys held against a plain recount."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]

AS_OF = pd.Timestamp("2026-06-30")


@pytest.fixture(scope="module")
def folder(run_folder: Path) -> Path:
    """Return the notebook's folder of the run."""
    return run_folder / "05_journey_and_personas"


@pytest.fixture(scope="module")
def content(folder: Path) -> dict[str, Any]:
    """Return what the notebook saved."""
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def staged(folder: Path) -> pd.DataFrame:
    """Return the file of accounts with their stages."""
    with (folder / "tables/stages.csv").open(newline="", encoding="utf-8") as file:
        return pd.DataFrame(list(csv.DictReader(file))).set_index("account_id")


@pytest.fixture(scope="module")
def terms(project_root: Path) -> pd.DataFrame:
    """Return the contract terms, each with the day on which it was over."""
    rows = pd.read_parquet(project_root / "data/sample/subscriptions.parquet")
    for name in ("term_start", "term_end", "ended_at", "cancel_requested_at"):
        rows[name] = pd.to_datetime(rows[name])
    return rows.assign(closed=rows[["term_end", "ended_at"]].min(axis=1))


def test_the_customers_of_today_are_those_whose_contract_runs(
    staged: pd.DataFrame, terms: pd.DataFrame
) -> None:
    """Nobody with a running contract has left; in notice is who asked to cancel and still runs."""
    runs = terms[(terms["term_start"] <= AS_OF) & (terms["closed"] > AS_OF)]
    gone = set(staged.index[staged["stage"].isin(["left", "renewed_no_further_term"])])
    assert not gone & set(runs["account_id"])
    asked = set(runs.loc[runs["cancel_requested_at"] <= AS_OF, "account_id"])
    assert set(staged.index[staged["stage"] == "in_notice"]) == asked


def test_who_left_is_lost_on_record_and_a_renewal_on_record_is_no_loss(
    staged: pd.DataFrame, terms: pd.DataFrame
) -> None:
    """The last outcome on record tells: lost has left, renewed has not, with or without a term."""
    known = terms[terms["term_start"] <= AS_OF].sort_values(["account_id", "term_start"])
    last = known.groupby("account_id").tail(1).set_index("account_id").reindex(staged.index)
    over = last["closed"] <= AS_OF
    lost = last["outcome"].isin(["churned", "involuntary"])
    renewed = last["outcome"].isin(["renewed", "expanded", "contracted"])
    late = AS_OF - last["closed"] > pd.Timedelta(days=30)
    assert set(staged.index[staged["stage"] == "left"]) == set(last.index[over & lost])
    unseen = last.index[over & renewed & late]
    assert set(staged.index[staged["stage"] == "renewed_no_further_term"]) == set(unseen)
    between = last.index[over & renewed & ~late]
    assert len(between)
    assert not staged.loc[between, "stage"].isin(["left", "in_notice", "overdue"]).any()
    paid = pd.to_numeric(staged["arr"]).reindex(unseen.union(between))
    assert (paid == last["arr"].astype(float).reindex(paid.index)).all()


def test_stages_add_up_to_all_customers_and_their_money(
    content: dict[str, Any], staged: pd.DataFrame, terms: pd.DataFrame
) -> None:
    """Each account is in one stage; the money is that of contracts that run or still count."""
    counted = {row["stage"]: row["n_accounts"] for row in content["stages"]}
    recounted = staged["stage"].value_counts()
    assert counted == {stage: int(recounted.get(stage, 0)) for stage in counted}
    assert sum(counted.values()) == content["counts"]["n_accounts"] == len(staged)
    runs = terms[(terms["term_start"] <= AS_OF) & (terms["closed"] > AS_OF)]
    # What has ended and still counts: overdue and undecided, or renewed and the next one not begun.
    ended = terms[(terms["closed"] <= AS_OF) & (AS_OF - terms["closed"] < pd.Timedelta(days=30))]
    carried = ended[~ended["outcome"].isin(["churned", "involuntary"])]
    carried = carried[~carried["account_id"].isin(runs["account_id"])]
    carried = carried.sort_values("term_start").drop_duplicates("account_id", keep="last")
    whole = pd.concat([runs, carried])["arr"].astype(float).sum()
    money = sum(
        row["arr"] for row in content["stages"] if row["stage"] != "renewed_no_further_term"
    )
    assert money == pytest.approx(float(whole))


def test_a_goal_reached_is_a_stage_from_the_day_after(
    staged: pd.DataFrame, project_root: Path
) -> None:
    """Accounts on the early way have no goal reached; those that realise value have one."""
    steps = pd.read_parquet(project_root / "data/sample/milestones.parquet")
    done = pd.to_datetime(steps["completed_at"]) < AS_OF
    goal = set(steps.loc[(steps["kind"] == "goal") & done, "account_id"])
    for stage, there in (("value_realised", True), ("adopted", False), ("onboarding", False)):
        own = set(staged.index[staged["stage"] == stage])
        assert own
        assert own <= goal if there else not own & goal


def test_onboarding_lasts_no_longer_than_its_steps(
    content: dict[str, Any], project_root: Path, terms: pd.DataFrame
) -> None:
    """Some go on to a higher stage with a step open: half are out sooner."""
    found = {item["id"]: item for item in content["findings"]}
    steps = pd.read_parquet(project_root / "data/sample/milestones.parquet")
    begun = terms.groupby("account_id")["term_start"].min()
    begun = begun[begun >= pd.Timestamp("2022-07-01")]
    own = steps[(steps["kind"] == "onboarding") & steps["account_id"].isin(begun.index)]
    done = pd.to_datetime(own["completed_at"]).groupby(own["account_id"])
    last = done.max().where(done.count() == done.size())
    days = (last - begun.reindex(last.index)).dt.days + 1
    unfinished = days.isna()
    median = days.fillna(9999).median()
    said = found["lasting-onboarding"]
    assert unfinished.any()
    assert said["low"] <= said["value"] <= said["high"] <= median


def test_the_break_that_is_announced_holds_after_correction(content: dict[str, Any]) -> None:
    """Losses come first, the largest excess on top, and it is announced only if clear of nought."""
    rows = content["breaks"]
    assert [row["loses"] for row in rows] == sorted((r["loses"] for r in rows), reverse=True)
    losses = [row["excess"] for row in rows if row["loses"]]
    assert losses == sorted(losses, reverse=True)
    assert {row["to"] for row in rows if row["loses"]} <= {"in_notice", "overdue", "left"}
    clear = rows[0]["low"] > 0 and rows[0]["loses"]
    assert ("The way breaks most here" in content["headline"]) == clear
    assert all(row["low"] < row["excess"] < row["high"] for row in rows)
    by_kind = pd.DataFrame(rows).groupby("to")["observed"].sum()
    assert (by_kind > 0).all()


def test_who_is_below_the_level_is_who_02_counts(
    content: dict[str, Any], run_folder: Path, staged: pd.DataFrame
) -> None:
    """Stages count by what was once reached; below the level now are as many as 02 names."""
    found = json.loads((run_folder / "02_adoption_thresholds/results.json").read_text())
    register = found.get("register") or []
    rows = content["stages"]
    below = sum(row["n_below"] or 0 for row in rows)
    assert below == (staged["below"].str.lower() == "true").sum() > 0
    lead = {row["rule_id"]: row for row in found["thresholds"] if row["role"] == "signal"}
    own = [row for row in register if row["rule_id"] in lead and row["segment"] is not None]
    if len(own) == len({row["segment"] for row in own}) and own:
        assert below == sum(row["n_accounts_below"] for row in own)
        assert sum(row["arr_below"] or 0 for row in rows) == pytest.approx(
            sum(row["arr_below"] for row in own)
        )
