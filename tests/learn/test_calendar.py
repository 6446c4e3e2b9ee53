"""Use that changes with the calendar is not mistaken for a reason to stay."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from cs_models.learn import thresholds

COLUMN = "events__newthing__first_60d"
LAUNCH_DAY = 800
HISTORIES = 12


def _history(seed: int, *, n_accounts: int = 400) -> pd.DataFrame:
    """Return yearly terms with i.i.d. churn of 20 % and a feature that was launched midway.

    Who has one term only is decided by having left, so that among accounts with one term an
    early start goes with leaving; and an early start is a time before the launch.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for account in range(n_accounts):
        day = int(rng.integers(0, 4 * 365))
        term_no = 1
        while day + 395 <= 5 * 365:
            churned = int(rng.random() < 0.2)
            use = int(rng.negative_binomial(2, 0.1)) if day > LAUNCH_DAY else 0
            rows.append((account, term_no, day, churned, use))
            if churned:
                break
            day, term_no = day + 365, term_no + 1
    frame = pd.DataFrame(rows, columns=["account_id", "term_no", "day", "churned", COLUMN])
    frame["term_start"] = pd.Timestamp("2021-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.assign(
        account_id=frame["account_id"].map("a{:04d}".format),
        subscription_id=[f"s{i:05d}" for i in range(len(frame))],
        segment="one",
        term_months=12,
        arr=1000.0,
    )


def _learnt(seed: int, engine: Literal["auto", "permutation"] = "auto") -> thresholds.Search:
    return thresholds.learn(
        _history(seed), features=[COLUMN], segment_by=None, n_permutations=199, random_state=seed,
        engine=engine,
    )  # fmt: skip


def _announced(found: thresholds.Search) -> bool:
    return bool(found.table["verdict"].isin(thresholds.ANNOUNCED).any())


@pytest.fixture(scope="module")
def said() -> list[thresholds.Search]:
    """Return what is said of histories where a launch date is all there is."""
    return [_learnt(seed) for seed in range(HISTORIES)]


def test_a_feature_launched_midway_is_not_announced(said: list[thresholds.Search]) -> None:
    """In histories where a launch date is all there is, hardly any threshold is announced."""
    assert sum(map(_announced, said)) <= 2


def test_shuffling_alone_would_announce_it() -> None:
    """Without the second test nearly every such history announces the launch."""
    assert sum(_announced(_learnt(seed, engine="permutation")) for seed in range(4)) >= 3


def test_what_the_calendar_explains_is_said_so(said: list[thresholds.Search]) -> None:
    """The answer names the calendar, not chance, where the second test is what stopped it."""
    stopped = [one for one in said if one.table["p_given_covariates"].notna().any()]
    assert stopped
    for one in stopped:
        if one.table["verdict"].iloc[0] == "none":
            assert "explained by when the contracts started" in one.headline


def _tiers(seed: int, n: int = 900) -> pd.DataFrame:
    """Invent books in which what an account pays for its segment decides both use and leaving."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(0, 3, n)
    arr = np.exp(rng.normal(8 + 1.5 * segment, 0.6))
    rank = pd.Series(arr).groupby(segment).rank(pct=True).to_numpy()
    tier = np.digitize(rank, [1 / 3, 2 / 3]) - 1
    return pd.DataFrame(
        {
            "subscription_id": np.arange(n).astype(str),
            "account_id": np.arange(n).astype(str),
            "segment": np.array(["SMB", "MM", "ENT"])[segment],
            "term_months": 12,
            "arr": arr,
            "churned": (rng.random(n) < 1 / (1 + np.exp(1.3 + 1.1 * tier))).astype(int),
            COLUMN: rng.poisson(12 * np.exp(0.7 * tier)),
        }
    )


def test_what_customers_pay_is_not_mistaken_for_what_they_use() -> None:
    """Where a tier of service explains use and renewal, a level of use is rarely announced."""
    options: dict[str, Any] = {"features": [COLUMN], "n_permutations": 99}
    alone, both = 0, 0
    for seed in range(3):
        frame = _tiers(seed)
        shuffled = thresholds.learn(frame, engine="permutation", **options).table["verdict"]
        said = thresholds.learn(frame, **options).table["verdict"]
        alone += bool(shuffled.isin(thresholds.ANNOUNCED).any())
        both += bool(said.isin(thresholds.ANNOUNCED).any())
    assert alone == 3
    assert both <= 1
