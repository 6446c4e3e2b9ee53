"""A rule read back says nothing where it cannot know, and refuses what it cannot read."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.learn import thresholds

RULE: dict[str, Any] = {
    "column": "events__f0__first_60d", "users_column": "users__f0__first_60d", "min_users": 2,
    "segment": None, "segment_by": "segment", "cut": 10.0, "cut_below": 9.0,
    "direction": "at_least", "verdict": "sharp",
}  # fmt: skip


@pytest.fixture
def frame() -> pd.DataFrame:
    """Give four terms: known on both sides, and two whose users were not recorded."""
    return pd.DataFrame(
        {
            "events__f0__first_60d": pd.array([15, 15, 15, 3], dtype="Int64"),
            "users__f0__first_60d": pd.array([3, 1, None, None], dtype="Int64"),
        }
    )


@pytest.mark.parametrize("direction", ["at_least", "at_most"])
def test_unknown_users_are_not_too_few(frame: pd.DataFrame, direction: str) -> None:
    """Where the users are missing neither side is known, and no distance; alone it is the count."""
    rule = RULE | {"direction": direction}
    meets = thresholds.apply(rule, frame)
    good = direction == "at_least"
    assert meets.tolist() == [good, not good, pd.NA, pd.NA]
    assert thresholds.distance(rule, frame).isna().all(axis=1).tolist() == meets.isna().tolist()
    alone = thresholds.apply(rule | {"min_users": 1, "users_column": None}, frame)
    assert alone.tolist() == [good, good, good, not good]


def test_a_rule_of_a_segment_needs_the_column_of_the_segment(frame: pd.DataFrame) -> None:
    """A rule for some customers is never read for all because a column was forgotten."""
    rule = RULE | {"segment": "SMB", "segment_by": "tier"}
    for read in (thresholds.apply, thresholds.distance):
        with pytest.raises(ParameterError) as refused:
            read(rule, frame)
        assert refused.value.where == "tier"
    assert thresholds.apply(rule | {"segment": None}, frame).tolist() == [True, False, pd.NA, pd.NA]
    mine = frame.assign(tier=["SMB", "MM", "SMB", "SMB"])
    assert thresholds.apply(rule, mine).tolist() == [True, pd.NA, pd.NA, pd.NA]
