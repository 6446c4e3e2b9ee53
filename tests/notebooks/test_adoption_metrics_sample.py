"""Notebook 01 run for real on the committed sample, held against plain recounts of the records."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]
AS_OF = pd.Timestamp("2026-06-30")


@pytest.fixture(scope="module")
def folder(run_folder: Path) -> Path:
    """Return the notebook's folder of the run."""
    return run_folder / "01_adoption_metrics"


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    """Return what the notebook saved."""
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def sample(project_root: Path) -> Path:
    """Return the folder of the sample."""
    return project_root / "data/sample"


@pytest.fixture(scope="module")
def running(sample: Path) -> pd.DataFrame:
    """Return the contracts that run, plainly read."""
    terms = pd.read_parquet(sample / "subscriptions.parquet")
    for name in ("term_start", "term_end", "ended_at"):
        terms[name] = pd.to_datetime(terms[name])
    terms = terms.sort_values(["account_id", "term_start"])
    terms["term_no"] = terms.groupby("account_id").cumcount() + 1
    on = (
        (terms["term_start"] <= AS_OF) & (terms["term_end"] > AS_OF) & ~(terms["ended_at"] <= AS_OF)
    )
    return terms[on].assign(arr=terms.loc[on, "arr"].astype(float))


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"tables/{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_measure_is_there_with_its_count(results: dict[str, Any]) -> None:
    """Each of M1 to M13 has a row; shares and their intervals are in order."""
    rows = results["measures"]
    assert {f"M{k}" for k in range(1, 14)} <= {row["id"] for row in rows}
    for row in rows:
        assert set(row) == {"id", "name", "group", "value", "low", "high", "unit", "n",
                            "n_accounts", "period"}  # fmt: skip
        if row["low"] is not None and row["high"] is not None:
            assert row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9


def test_who_is_stuck_is_recounted_from_the_milestones(
    results: dict[str, Any], folder: Path, sample: Path, running: pd.DataFrame
) -> None:
    """A first contract waits at an open step that was due before the day, none later being done."""
    steps = pd.read_parquet(sample / "milestones.parquet")
    due, done = pd.to_datetime(steps["due_at"]), pd.to_datetime(steps["completed_at"])
    first = running.loc[running["term_no"] == 1, "account_id"]
    late = steps[(steps["kind"] == "onboarding") & (due < AS_OF) & ~(done < AS_OF)]
    late = late.assign(due=due)[late["account_id"].isin(first)].sort_values("due")
    # Due dates of one account rise along the plan: a step done whose date is later is a later step.
    ticked = steps.assign(due=due)[(steps["kind"] == "onboarding") & (done < AS_OF)]
    furthest = ticked.groupby("account_id")["due"].max()
    after = late["account_id"].map(furthest)
    late = late[~(late["due"] < after)]
    expected = late.drop_duplicates("account_id").set_index("account_id")["milestone"]
    told = {row["account_id"]: row["step"] for row in _rows(folder, "stuck_in_onboarding")}
    assert set(told) == set(expected.index)
    assert sum(told[account] == step for account, step in expected.items()) >= len(told) - 3
    said = next(item for item in results["findings"] if item["id"] == "stuck-in-onboarding")
    paid = running[running["account_id"].isin(told)].groupby("account_id")["arr"].sum().sum()
    assert said["value"] == pytest.approx(paid, rel=0.01)


def test_those_who_answered_are_recounted_from_the_surveys(
    results: dict[str, Any], sample: Path, running: pd.DataFrame
) -> None:
    """Answered: NPS or CSAT within 180 days, known a week later, by a user still there."""
    users = pd.read_parquet(sample / "users.parquet")
    created = users["created_at"].dt.tz_localize(None).dt.normalize()
    gone = users["deactivated_at"].dt.tz_localize(None).dt.normalize()
    here = users[
        users["account_id"].isin(running["account_id"]) & (created < AS_OF) & ~(gone < AS_OF)
    ]
    told = pd.read_parquet(sample / "surveys.parquet")
    day = told["answered_at"].dt.tz_localize(None).dt.normalize()
    recent = told[(day <= AS_OF - pd.Timedelta(days=7)) & (day >= AS_OF - pd.Timedelta(days=180))
                  & told["kind"].isin(["nps", "csat"])]  # fmt: skip
    n = int(here["user_id"].isin(recent["user_id"]).sum())
    rows = [r for r in results["measures"] if r["id"] == "M9" and r["name"] == "users who answered"]
    all_users = next(row for row in rows if row["group"] == "all")
    assert all_users["n"] == pytest.approx(len(here), rel=0.002)
    assert all_users["value"] * all_users["n"] == pytest.approx(n, abs=5)
    corners = [r for r in results["measures"] if r["name"] == "share of users who answered"]
    assert sum(row["value"] for row in corners) == pytest.approx(1.0)


def test_recent_use_against_the_ramp_is_recounted_from_the_events(
    folder: Path, sample: Path, running: pd.DataFrame
) -> None:
    """Uses per seat and week of the last four whole weeks, for the first customers of the table."""
    events = pd.read_parquet(
        sample / "events.parquet", columns=["event_ts", "account_id", "quantity"]
    )
    day = events["event_ts"].dt.tz_localize(None).dt.normalize()
    terms = running.set_index("subscription_id")
    for row in _rows(folder, "against_the_ramp")[:5]:
        term = terms.loc[row["subscription_id"]]
        last = term["term_start"] + pd.Timedelta(days=7 * int(row["week"]))
        inside = (events["account_id"] == term["account_id"]) & (day < last)
        inside &= day >= last - pd.Timedelta(days=28)
        uses = events.loc[inside, "quantity"].astype(float).fillna(1).sum()
        assert float(row["recent"]) == pytest.approx(uses / term["seats"] / 4, rel=0.02, abs=1e-6)


def test_the_planted_feature_goes_with_renewal_and_those_without_effect_do_not(
    results: dict[str, Any], truth: dict[str, Any]
) -> None:
    """Only features with an effect of their own are said to go with renewal."""
    role = {row["feature"]: row["role"] for row in results["features"]}
    assert role[truth["feature"]] == "goes with renewal"
    idle = [name for name, what in truth["features"].items() if what["effect"] == "none"]
    assert sum(role[name] == "goes with renewal" for name in idle) == 0


def test_word_and_deed_add_up_to_the_running_contracts(
    results: dict[str, Any], running: pd.DataFrame
) -> None:
    """Twelve meetings hold every running contract that was watched from its start, once."""
    rows = results["say_do"]
    assert len(rows) == 12
    start = running["term_start"]
    week = AS_OF - pd.Timedelta(days=7)  # use is told by whole weeks
    watched = running[(start >= pd.Timestamp("2022-07-01")) & (start <= week)]
    assert sum(row["n_today"] for row in rows) == pytest.approx(len(watched), abs=2)
    assert sum(row["arr_today"] for row in rows) == pytest.approx(watched["arr"].sum(), rel=0.01)
    clash = sum(row["n_today"] for row in rows if row["disagree"])
    said = next(item for item in results["findings"] if item["id"] == "say-and-do")
    assert said["n"] == clash


def test_the_fit_of_the_sale_says_what_the_subscriptions_say(
    results: dict[str, Any], sample: Path
) -> None:
    """Of yearly contracts, renewals by channel and segment are nearly those of a plain count.

    No channel is announced, and the segments stand in the order that the count gives them.
    """
    rows = [row for row in results["fit"] if row["column"] in ("acquisition_channel", "segment")]
    terms = pd.read_parquet(sample / "subscriptions.parquet")
    accounts = pd.read_parquet(sample / "accounts.parquet").set_index("account_id")
    end = pd.to_datetime(terms["term_end"])
    left = terms["outcome"].isin(["churned"])
    due = (end + pd.Timedelta(days=30) <= AS_OF) & (end > pd.Timestamp("2022-07-01"))
    yearly = (end - pd.to_datetime(terms["term_start"])).dt.days.between(330, 400)
    past = terms[due & yearly & ~terms["outcome"].isin(["pending", "involuntary"])]
    plain: dict[str, float] = {}
    for row in rows:
        mine = past["account_id"].map(accounts[row["column"]]) == row["level"]
        assert row["n"] == pytest.approx(mine.sum(), rel=0.05)
        plain[row["level"]] = 1 - left[past.index][mine].mean()
        assert row["renewal_rate"] == pytest.approx(plain[row["level"]], abs=0.03)
        assert row["column"] == "segment" or not row["holds"]  # the simulator knows no channel
    told = {row["level"]: row["renewal_rate"] for row in rows if row["column"] == "segment"}
    assert sorted(told, key=lambda level: told[level]) == sorted(told, key=lambda s: plain[s])
    said = next(item for item in results["findings"] if item["id"] == "fit-of-sale")
    assert "–" not in said["statement"]
    assert np.isfinite([row["p"] for row in rows]).all()
