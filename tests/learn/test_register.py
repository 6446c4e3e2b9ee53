"""The register: what each signal caught, and why it is shipped, watched or rejected."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.learn import register

COLUMN = "events__f0__first_60d"
AS_OF = date(2026, 6, 30)


def rule(**changed: Any) -> dict[str, Any]:
    return {
        "rule_id": 7, "feature": "f0", "rule": "at least 5 f0 events", "segment": None,
        "segment_by": "segment", "role": "signal", "verdict": "associated", "column": COLUMN,
        "users_column": None, "min_users": 1, "cut": 5.0, "direction": "at_least",
        "window_days": 60, "lift_within_strata": 0.2, "lift_low": 0.05, "lift_high": 0.35,
        "lift_crossfit": 0.18,
    } | changed  # fmt: skip


def terms(n: int = 300, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i}" for i in range(n)],
            "account_id": [f"a{i // 2}" for i in range(n)],
            "segment": rng.choice(["SMB", "MM"], n),
            "term_start": start,
            "term_end": start + pd.Timedelta(days=365),
            "arr": [Decimal("100.10")] * n,
            COLUMN: pd.array(rng.poisson(5, n), "Int64"),
            "churned": pd.array(rng.integers(0, 2, n), "Int8"),
        }
    )


def entered(*rules: dict[str, Any], **how: Any) -> pd.DataFrame:
    table = pd.DataFrame(rules or (rule(),), dtype=object)
    return register.build(table, how.pop("frame", terms()), **{"as_of": AS_OF, **how})


def said(**how: Any) -> tuple[str, str]:
    row = entered(rule(**how.pop("rule", {})), **how).iloc[0]
    return row["decision"], row["why"]


def contrast(low: float, high: float) -> dict[int, SimpleNamespace]:
    return {7: SimpleNamespace(lift=(low + high) / 2, low=low, high=high)}


def newest(verdict: str) -> dict[int, SimpleNamespace]:
    return {7: SimpleNamespace(verdict=verdict)}


def test_a_clear_signal_in_time_is_shipped() -> None:
    """Known 305 days ahead, interval above nought, held, and there between like customers."""
    assert said()[0] == register.SHIP
    assert said(decay=newest("held"), contrasts=contrast(0.02, 0.3))[0] == register.SHIP
    assert said(decay=newest("unsure"))[0] == register.SHIP


@pytest.mark.parametrize(
    ("how", "decision", "why"),
    [
        ({"rule": {"role": "echo"}}, "reject", "echo"),
        ({"decay": newest("faded")}, "reject", "faded"),
        ({"contrasts": contrast(-0.05, 0.2)}, "reject", "alike"),
        ({"contrasts": contrast(-0.3, -0.1)}, "reject", "alike"),
        ({"rule": {"lift_low": -0.01}}, "watch", "covers"),
        ({"rule": {"lift_low": -0.01}, "contrasts": contrast(-0.05, 0.2)}, "watch", "covers"),
        ({"notice_days": 306}, "watch", "306 days"),
    ],
)
def test_each_reason_is_said(how: dict[str, Any], decision: str, why: str) -> None:
    """One thing wrong at a time gives its own decision and its own words."""
    got, words = said(**how)
    assert got == decision
    assert why in words


@pytest.mark.parametrize(
    ("verdict", "groups", "differ", "why"),
    [
        ("associated", ("MM",), False, "groups have levels of their own"),
        ("associated", ("MM",), True, "groups have levels of their own"),
        ("associated", (), True, "differs between groups"),
        ("gradual", (), False, "no tipping point"),
    ],
)
def test_one_level_for_all_is_not_shipped_where_groups_differ_or_no_step_shows(
    verdict: str, groups: tuple[str, ...], differ: bool, why: str
) -> None:
    """A level that contradicts the groups' own, or that no step marks, is watched; theirs ship."""
    own = [rule(rule_id=i, segment=name) for i, name in enumerate(groups)]
    found = entered(rule(verdict=verdict), *own, groups_differ=differ)
    assert found["decision"].tolist() == [register.WATCH, *[register.SHIP] * len(own)]
    assert why in found["why"].iloc[0]
    echo = entered(rule(), rule(rule_id=8, segment="MM", role="echo"))
    assert echo["decision"].iloc[0] == register.SHIP  # an echo is no level of its own


def test_all_reasons_for_rejecting_are_said_together() -> None:
    """A reader who mends one of them is not surprised by the next."""
    _, why = said(
        rule={"role": "echo"}, decay=newest("faded"), contrasts=contrast(-0.1, 0.1), notice_days=999
    )
    assert "echo" in why and "faded" in why and "alike" in why


def test_a_rule_of_the_kind_fewer_than_is_read_the_other_way_round() -> None:
    """Its intervals lie below nought; a contrast above nought takes it back."""
    downwards = {"direction": "at_most", "lift_low": -0.3, "lift_high": -0.1, "cut_below": 4.0}
    assert said(rule=downwards, contrasts=contrast(-0.2, -0.05))[0] == register.SHIP
    assert said(rule=downwards, contrasts=contrast(0.05, 0.2))[0] == register.REJECT


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 9), down=st.booleans())
def test_coverage_and_precision_are_shares_of_the_lost_and_of_the_warned(
    seed: int, cut: int, down: bool
) -> None:
    """Counted by hand over the terms on which the rule says anything."""
    frame = terms(seed=seed)
    frame.loc[:9, COLUMN] = pd.NA
    direction = "at_most" if down else "at_least"
    row = entered(rule(cut=float(cut), direction=direction), frame=frame).iloc[0]
    warned = lost = both = 0
    for used, left in zip(frame[COLUMN], frame["churned"], strict=True):
        if pd.isna(used):
            continue
        wrong = (used >= cut) if down else (used < cut)
        warned += int(wrong)
        lost += int(left)
        both += int(wrong and left == 1)
    assert row["coverage"] == pytest.approx(both / lost)
    assert row["precision"] == pytest.approx(both / warned if warned else np.nan, nan_ok=True)


def test_a_rule_of_a_segment_speaks_of_that_segment_alone() -> None:
    """Coverage, precision and today's accounts are those of the segment."""
    frame = terms()
    mine = frame[frame["segment"] == "MM"].reset_index(drop=True)
    one = entered(rule(segment="MM"), frame=frame, running=frame).iloc[0]
    other = entered(rule(), frame=mine, running=mine).iloc[0]
    for name in ("coverage", "precision", "n_accounts_below", "arr_below"):
        assert one[name] == other[name]


def test_nobody_is_below_while_the_window_is_open() -> None:
    """Today's accounts are counted once, their money exactly, open and unknown terms not at all."""
    running = terms(8)
    running[COLUMN] = pd.array([0, 1, 9, 0, 0, pd.NA, 4, 5], "Int64")
    running["account_id"] = ["a", "a", "b", "c", "d", "e", "f", "g"]
    running["term_start"] = pd.Timestamp("2026-01-01")
    running.loc[3, "term_start"] = pd.Timestamp("2026-05-02")  # its 60 days end on 1 July
    running.loc[4, "term_start"] = pd.Timestamp("2026-05-01")  # and these on 30 June
    running["arr"] = [Decimal("0.10"), Decimal("0.20"), *[Decimal(1)] * 4, None, Decimal(1)]
    row = entered(running=running).iloc[0]
    assert row["n_accounts_below"] == 3  # a, d, f
    assert row["arr_below"] == Decimal("1.30")


def test_without_running_terms_today_is_not_known() -> None:
    """Unknown is not nought."""
    row = entered().iloc[0]
    assert row["n_accounts_below"] is None
    assert row["arr_below"] is None
    assert row["decay"] is None
    assert row["lift_overlap"] is None


def test_only_announced_rules_are_entered_in_their_order() -> None:
    """A scope without a rule has no row; the columns are always the same."""
    rows = [
        rule(rule_id=9, role="echo"),
        rule(rule_id=None, column=None, verdict="none"),
        rule(rule_id=2),
    ]
    found = entered(*rows)
    assert found["rule_id"].tolist() == [9, 2]
    assert tuple(found.columns) == register.COLUMNS
    assert tuple(entered(rows[1]).columns) == register.COLUMNS
