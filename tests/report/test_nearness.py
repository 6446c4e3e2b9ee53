"""Chances are moved from where they were learnt to the days that a contract has left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_models.report.evidence import nearness

NEAR = pd.DataFrame({"days": [10, 46, 80], "log_odds": [-0.6, -1.5, -1.2]})
CHANCES = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=8)


@given(st.integers(0, 300), st.integers(0, 120), st.integers(1, 400))
def test_the_distances_lie_within_the_quarter_and_hold_the_one_learnt_at(
    first: int, width: int, learnt_at: int
) -> None:
    """Middles of stretches between the nearest and the farthest renewal, in order, each once."""
    found = nearness.distances(first, first + width, learnt_at)
    assert found == sorted(set(found))
    assert learnt_at in found
    others = [one for one in found if one != learnt_at]
    assert all(max(first, 1) <= one <= max(first + width, 1) for one in others)


@given(CHANCES, st.floats(0, 200))
def test_who_stands_alike_keeps_its_order_and_at_the_learnt_distance_its_chance(
    chances: list[float], left: float
) -> None:
    """A distance moves all odds by one factor; where it was learnt, by none."""
    p = np.array(chances)
    there = nearness.moved(p, np.full(len(p), 46.0), NEAR, 46)
    assert there == pytest.approx(p)
    told = nearness.moved(p, np.full(len(p), left), NEAR, 46)
    ratio = told / (1 - told) / (p / (1 - p))
    assert ratio == pytest.approx(np.full(len(p), ratio[0]), rel=1e-6)
    refits = nearness.moved(np.stack([p, p], axis=1), np.full(len(p), left), NEAR, 46)
    assert refits == pytest.approx(np.stack([told, told], axis=1))


def test_the_odds_between_two_distances_lie_between_theirs() -> None:
    """In a straight line of the log odds, and beyond the outer distances as at these."""
    left = np.array([0.0, 10.0, 28.0, 46.0, 80.0, 400.0])
    told = nearness.moved(np.full(6, 0.2), left, NEAR, 46)
    shift = np.log(told / (1 - told)) - np.log(0.25)
    assert shift == pytest.approx([0.9, 0.9, 0.45, 0.0, 0.3, 0.3])
