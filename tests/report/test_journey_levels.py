"""Who is below the level now, and what came after a long stay: by hand, and where nothing is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.features.criteria import Leaf
from cs_models.features.daily.contracts import Terms
from cs_models.features.daily.grid import FAR
from cs_models.learn import journey
from cs_models.learn.journey import Breaks, Rules, Stage
from cs_models.report.evidence import journey_levels as levels
from cs_models.report.findings import journey as findings
from cs_models.report.findings import journey_breaks as breaks
from cs_models.report.findings.words import text

EPOCH = date(1970, 1, 1).toordinal()
RULES = Rules(
    (Stage("left", Leaf("left", is_=True), "gone", "ended"),
     Stage("in_notice", Leaf("x", at_least=1), "asked", losing=True),
     Stage("adopted", Leaf("y", at_least=1), "there", "path"),
     Stage("adopting", Leaf("z", at_least=1), "set up", "path"),
     Stage("onboarding", None, "new", "path")),
    ("onboarding", "adopting", "adopted"),
)  # fmt: skip


def _terms(account: Any, start: Any, closed: Any, renewal: Any) -> Terms:
    account, start, closed, renewal = (
        np.asarray(part, dtype=np.int64) for part in (account, start, closed, renewal)
    )
    names = pd.Index([f"A{k:04d}" for k in range(account.max() + 1)])
    money = np.full(len(start), 100.0)
    return Terms(names, account, start, closed, np.full(len(start), FAR), renewal, money, money,
                 start, np.zeros(len(start), dtype=bool), np.zeros(len(start), dtype=np.int64),
                 np.full(len(start), FAR))  # fmt: skip


def test_below_is_told_of_the_running_contract_alone() -> None:
    """Met, not met, too soon to say, begun before the records, over: as the module says."""
    terms = _terms([0, 0, 1, 2, 3, 4], [0, 400, 400, 480, 50, 100], [365, 765, 765, 845, 600, 450],
                   [365, 765, 765, 845, 600, 465])  # fmt: skip
    told: Any = SimpleNamespace(
        terms=terms, last=500, recorded=90, window=60,
        adopted=np.array([30, FAR, 440, FAR, FAR, FAR]),
    )  # fmt: skip
    found = levels.below(told, pd.Series(terms.names))
    assert found.tolist()[:2] == [True, False]
    assert found[2:].isna().all()
    days = levels.adopted_day(told)
    assert days is not None
    assert days["A0000"] == 30
    assert days["A0001"] == 40
    assert days[2:].isna().all()
    now = pd.DataFrame({"stage": ["a", "a", "a", "b", "left"], "below": found.to_numpy(),
                        "arr": [100.0, 100.0, 100.0, 100.0, 0.0]})  # fmt: skip
    counted = levels.counted(now.astype({"below": "boolean"}))
    assert counted.to_numpy().tolist() == [[1, 100, 1], [0, 0, 1], [0, 0, 0]]


def test_the_stratified_test_is_that_of_r() -> None:
    """Admissions of Berkeley by department: mantelhaen.test gives 1.5246, p .2169."""
    tables = ((512, 313, 89, 19), (353, 207, 17, 8), (120, 205, 202, 391), (138, 279, 131, 244),
              (53, 138, 94, 299), (22, 351, 24, 317))  # fmt: skip
    rows = [
        (side, lost, str(place))
        for place, counts in enumerate(tables)
        for n, (side, lost) in zip(
            counts, ((True, True), (True, False), (False, True), (False, False)), strict=True
        )
        for _ in range(n)
    ]
    found = journey.landmark(pd.DataFrame(rows, columns=["long", "lost", "stratum"]))
    assert found.p == pytest.approx(0.2169, abs=1e-4)
    assert found.long == pytest.approx(1198 / 2691)
    share = np.array([sum(one[:2]) for one in tables]) / 2691
    assert found.moved == pytest.approx(sum(w * one[2] / sum(one[2:]) for w, one in
                                            zip(share, tables, strict=True)))  # fmt: skip
    assert found.low < found.long - found.moved < found.high


def _world(seed: int, *, slow_is_worse: bool = False, n: int = 240) -> tuple[pd.DataFrame, Terms]:
    """Contracts of a year; one in four asks to cancel near the renewal, whatever its stage."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 900, n)
    length = np.ceil(rng.exponential(160.0, n)).astype(int)
    chance = np.where(slow_is_worse & (length > 222), 0.6, 0.25)
    asks = np.where(rng.random(n) < chance, rng.integers(270, 365, n), FAR)
    origin, rows = pd.Timestamp("1970-01-01"), []
    last = 1400
    for k in range(n):
        steps = sorted([(0, "onboarding"), (int(length[k]), "adopting")])
        steps = [step for step in steps if step[0] < asks[k]]
        if asks[k] < FAR:
            steps.append((int(asks[k]), "in_notice"))
        ends = [day for day, _ in steps[1:]] + [last - int(start[k])]
        for (day, stage), end in zip(steps, ends, strict=True):
            since, until = (origin + pd.Timedelta(days=int(start[k]) + at) for at in (day, end - 1))
            rows.append((f"A{k:04d}", stage, since, until, day, end))
    names = ["account_id", "stage", "entered_on", "last_day", "start", "stop"]
    stays = pd.DataFrame(rows, columns=names).assign(entry_seen=True, group="all")
    following = stays.groupby("account_id")["stage"].shift(-1)
    stays = stays.assign(next_stage=following, moved=following.notna())
    return stays, _terms(range(n), start, start + 365, start + 365)


def _after(stays: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    lasting = journey.lasting(stays, ["onboarding", "adopting", "adopted"], n_boot=0)
    as_of = date.fromordinal(EPOCH + 1400)
    return levels.after_long(stays, terms, RULES, lasting, as_of)


def test_the_calendar_alone_announces_nothing_of_long_stays() -> None:
    """Losses near the renewal, whatever the stage: p is below .05 in few of 60 histories.

    Counting what ended slow and quick stays would announce it in nearly all of them.
    """
    announced = naive = 0
    for seed in range(60):
        stays, terms = _world(seed)
        announced += bool((_after(stays, terms)["p"] <= 0.05).any())
        own = stays[(stays["stage"] == "onboarding") & stays["moved"]]
        slow = own["stop"] - own["start"] > 222
        lost = own["next_stage"] == "in_notice"
        naive += bool(lost[slow].mean() > 2 * lost[~slow].mean())
    assert announced <= 7  # 5 % of 60 and two standard errors
    assert naive >= 55


def test_who_reached_the_level_is_not_held_against_who_is_stuck() -> None:
    """Open steps mean nothing and the level all: an early stage, left by reaching it, is no harm.

    Held against all who moved on, those still in the stage would be lost more in every history.
    """
    announced = naive = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        stays, terms = _world(seed, n=400)
        moved = stays["stage"].eq("adopting")
        there = pd.Series(rng.random(400) < 0.5, [f"A{k:04d}" for k in range(400)])
        reached = stays["account_id"].map(there).astype(bool)
        stays.loc[moved & reached, "stage"] = "adopted"
        # At the level nobody asks to cancel.
        keeps = stays["account_id"].isin(stays.loc[stays["stage"].eq("adopted"), "account_id"])
        stays = stays[~(keeps & stays["stage"].eq("in_notice"))]
        stays["next_stage"] = stays.groupby("account_id")["stage"].shift(-1)
        stays["moved"] = stays["next_stage"].notna()
        announced += bool((_after(stays, terms)["p"] <= 0.05).any())
        lost = stays.groupby("account_id")["stage"].agg(lambda of: "in_notice" in set(of))
        naive += bool(lost[~there].mean() > 1.5 * lost[there].mean())
    assert naive >= 18
    assert announced <= 4


def test_a_long_stay_that_goes_with_loss_is_said() -> None:
    """Where the slow are lost at 60 % and others at 25 %, both shares are found and written."""
    stays, terms = _world(2, slow_is_worse=True, n=900)
    after = _after(stays, terms)
    row = after.iloc[0]
    assert row["long"] == pytest.approx(0.6, abs=0.08)
    assert row["moved"] == pytest.approx(0.25, abs=0.06)
    assert row["low"] > 0.15
    stuck = pd.DataFrame({"arr": [1.0]})
    said = [one.text for one in findings.stuck_said(stuck, after, "USD")]
    assert "Counted on day" in said[1]
    none = findings.stuck_said(stuck, after.assign(p=0.6), "USD")
    assert "cannot be told" in none[1].text
    assert len(findings.stuck_said(stuck, after.assign(p=np.nan), "USD")) == 1


def _broken(**first: Any) -> Breaks:
    row = {"stage": "adopting", "to": "in_notice", "loses": True, "back": 0.1, "n": 90,
           "n_accounts": 80, "observed": 40.0, "expected": 20.0, "excess": 20.0, "low": 5.0,
           "high": 35.0, "p_adjusted": 0.01, "clear": True, "arr_excess": 9e5, "arr_low": -1e5,
           "arr_high": 2e6}  # fmt: skip
    passing = {**row, "stage": "onboarding", "to": "use_dropped", "loses": False, "back": 0.9,
               "excess": 60.0, "observed": 80.0}  # fmt: skip
    table = pd.DataFrame([{**row, **first}, passing])
    return Breaks(table, 2, pd.DataFrame())


def _said(broken: Breaks) -> str:
    return "".join(map(text, breaks.break_parts(broken, "USD")))


def test_trouble_that_passes_is_named_only_where_no_loss_is_found() -> None:
    """A clear loss is the answer however large the rest; money only if its interval is above 0."""
    said = _said(_broken())
    assert said.startswith("The way breaks most here: 40 moved from adopting to in notice")
    assert "use dropped" not in said
    assert "$" not in said
    assert "yearly money more" in _said(_broken(arr_low=1e5))
    none = _said(_broken(clear=False, low=-2.0))
    assert none.startswith("From no stage are clearly more customers lost")
    assert "onboarding to use dropped" in none
    assert "of those who moved on from use dropped came back to the way" in none
    assert "What is clear" not in none and "volumes were not held alike" in none
    quiet = replace(_broken(clear=False), table=_broken().table.assign(clear=False))
    assert "use dropped" not in _said(quiet)
