"""The play in a run file: money as text, shares in their range, unknown names refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cs_models import errors
from cs_models.report.evidence import worth
from cs_models.run import parameters

BASE = {"source": {"path": "data/sample"}, "as_of": "2026-06-30"}
PLAY = {"cost": "1500", "margin": 0.8, "save_rate_low": 0.1, "save_rate_high": 0.3}


def _checked(**play: Any) -> parameters.AdoptionThresholds:
    return parameters.AdoptionThresholds.checked({**BASE, "play": {**PLAY, **play}})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cost", 1500, "play.cost"),
        ("cost", "1,500", "play.cost"),
        ("cost", "-1", "play.cost"),
        ("cost", "1.234", "play.cost"),
        ("cost", "NaN", "play.cost"),
        ("margin", 0.0, "play.margin"),
        ("margin", 1.2, "play.margin"),
        ("save_rate_high", 1.1, "play.save_rate_high"),
        ("save_rate_low", 0.4, "at most save_rate_high"),
        ("discount", 0.1, "play.discount"),
    ],
)
def test_a_play_that_is_none_is_refused(name: str, value: object, said: str) -> None:
    """The fault names the field, what it got and what is allowed."""
    with pytest.raises(errors.ParameterError) as refusal:
        _checked(**{name: value})
    assert said in str(refusal.value)


def test_a_stated_play_reaches_the_report_exactly() -> None:
    """What is written is what the policy is made for, to the cent; null is no play."""
    stated = _checked(cost="1499.95").plain()["play"]
    made = worth.play_of(stated)
    assert made is not None
    assert made.cost == Decimal("1499.95")
    assert made.save_rates == {"low": 0.1, "mid": 0.2, "high": 0.3}
    assert parameters.AdoptionThresholds.checked(BASE).plain()["play"] is None
