"""Within a run the walk through the past quarters is made once, and nobody can tell."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from cs_models import kept
from cs_models.learn import churn
from cs_models.learn.predictors import ladder

AS_OF = date(2026, 6, 30)


@pytest.fixture
def panel(yearly: pd.DataFrame) -> pd.DataFrame:
    """Return terms of which those with little use leave."""
    return yearly


def _backtest(panel: pd.DataFrame, seed: int = 0) -> churn.Backtest:
    return churn.backtest(panel, as_of=AS_OF, n_halves=5, up_to="L2", random_state=seed)


def test_the_second_to_ask_gets_the_same_without_a_walk(
    panel: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first notebook made, the second reads; it is what it would have made itself."""
    alone = _backtest(panel)
    with kept.within(tmp_path):
        _backtest(panel)
        monkeypatch.setattr(ladder, "walk", None)
        read = _backtest(panel)
    for name in ("predictions", "ladder", "origins", "importance", "coefficients"):
        assert kept.same(getattr(read, name), getattr(alone, name)), name
    assert read.calibrators == alone.calibrators
    assert (read.chosen, read.n_embargoed) == (alone.chosen, alone.n_embargoed)


@pytest.mark.parametrize("what", ["a number", "the seed"])
def test_whatever_decides_the_walk_makes_it_anew(
    panel: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Another panel or another seed is another walk."""
    other = panel.assign(arr=panel["arr"] + (what == "a number"))
    with kept.within(tmp_path):
        _backtest(panel)
        monkeypatch.setattr(ladder, "walk", None)
        with pytest.raises(TypeError):
            _backtest(other, seed=int(what == "the seed"))
