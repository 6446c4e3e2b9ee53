"""The users' half of notebook 05, run on the committed sample, held against a plain recount."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("sample-report")]

AS_OF = pd.Timestamp("2026-06-30")


@pytest.fixture(scope="module")
def people(run_folder: Path) -> dict[str, Any]:
    """Return what 05 says of people."""
    path = run_folder / "05_journey_and_personas/results.json"
    return json.loads(path.read_text())["people"]


@pytest.fixture(scope="module")
def sample(project_root: Path) -> dict[str, pd.DataFrame]:
    """Return the sample's users, terms and events, plainly read."""
    folder = project_root / "data/sample"
    users = pd.read_parquet(folder / "users.parquet")
    for name in ("created_at", "deactivated_at"):
        users[name] = pd.to_datetime(users[name]).dt.tz_localize(None)
    terms = pd.read_parquet(folder / "subscriptions.parquet")
    for name in ("term_start", "term_end", "ended_at"):
        terms[name] = pd.to_datetime(terms[name])
    events = pd.read_parquet(folder / "events.parquet", columns=["user_id", "event_ts"])
    events["event_ts"] = pd.to_datetime(events["event_ts"]).dt.tz_localize(None)
    return {"users": users, "terms": terms, "events": events}


@pytest.fixture(scope="module")
def live(sample: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the logins of paying accounts, with the days since their last use."""
    users, terms = sample["users"], sample["terms"]
    runs = (terms["term_start"] <= AS_OF) & (terms["term_end"] > AS_OF)
    runs &= ~(terms["ended_at"] <= AS_OF)
    there = users[users["created_at"] < AS_OF]
    there = there[~(there["deactivated_at"] < AS_OF)]
    there = there[there["account_id"].isin(terms.loc[runs, "account_id"])]
    before = sample["events"][sample["events"]["event_ts"] < AS_OF]
    last = before.groupby("user_id")["event_ts"].max().dt.normalize()
    made = there["created_at"].dt.normalize()
    quiet = (AS_OF - there["user_id"].map(last)).dt.days.fillna((AS_OF - made).dt.days)
    return there.assign(quiet=quiet, never=~there["user_id"].isin(last.index))


def test_users_are_recounted(people: dict[str, Any], live: pd.DataFrame) -> None:
    """Logins of running contracts, not taken away, by role."""
    assert people["n_users"] == pytest.approx(len(live), rel=0.002)
    counts = {row["role"]: row["n"] for row in people["tiers"]}
    for role, n in live["role"].value_counts().items():
        assert counts[role] == pytest.approx(n, rel=0.01)


def test_the_silent_are_recounted(people: dict[str, Any], live: pd.DataFrame) -> None:
    """Sixty days without any use after some, and no use on record at all, are two groups."""
    whole = people["tiers"][0]
    silent = (live["quiet"] >= 60) & ~live["never"]
    assert whole["silent"] == pytest.approx(silent.mean(), abs=0.003)
    assert whole["never came"] == pytest.approx(live["never"].mean(), abs=0.003)
    tiers = ("high", "medium", "low", "silent", "never came")
    assert sum(whole[tier] for tier in tiers) == pytest.approx(1)


def test_nobody_of_a_customer_that_asked_to_cancel_is_asked_for_a_favour(
    run_folder: Path, sample: dict[str, pd.DataFrame]
) -> None:
    """Read plainly: no candidate is of a customer in notice, and references are promoters."""
    found = pd.read_csv(run_folder / "05_journey_and_personas/tables/candidates.csv")
    terms = sample["terms"]
    asked = pd.to_datetime(terms["cancel_requested_at"]) <= AS_OF
    over = (terms["term_end"] <= AS_OF) | (terms["ended_at"] <= AS_OF)
    assert not set(found["account_id"]) & set(terms.loc[asked & ~over, "account_id"])
    named = found["ask"] == "reference or reviewer"
    assert (found.loc[named, "nps__to_date"] >= 9).all()
    assert set(found.loc[~named, "ask"]) <= {"early tester"}


def test_champions_leave_at_about_the_planted_rate(people: dict[str, Any]) -> None:
    """Planted at 1.5 % a month for first champions; successors, a fifth, never leave."""
    found = people["champions"]
    assert 0.007 < found["low"] < found["hazard"] < found["high"] < 0.015
    assert found["n"] > found["at_risk"] >= found["silent"]


def test_value_is_conserved(people: dict[str, Any], sample: dict[str, pd.DataFrame]) -> None:
    """Persons never have more than their customers brought; that is recounted from the terms."""
    value = people["value"]
    assert value["handed_paid"] <= value["paid"] * (1 + 1e-9)
    assert value["handed_to_come"] <= value["to_come"] * (1 + 1e-9)
    terms = sample["terms"]
    opened = pd.Timestamp("2022-06-30")
    end = terms[["term_end", "ended_at"]].min(axis=1).clip(upper=AS_OF)
    days = (end - terms["term_start"].clip(lower=opened)).dt.days.clip(lower=0)
    paid = (terms["arr"].astype(float) * days / 365.25).sum() * 0.8
    assert value["paid"] == pytest.approx(paid, rel=0.01)


def test_people_stand_in_files_by_number(run_folder: Path) -> None:
    """Four files of people, none with an address."""
    folder = run_folder / "05_journey_and_personas/tables"
    for name in ("users_below_peers", "candidates", "silent_champions", "persons"):
        text = (folder / f"{name}.csv").read_text(encoding="utf-8")
        assert text.splitlines()
        assert "@" not in text
