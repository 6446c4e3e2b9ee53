"""Within a run the walk through the past quarters is made once, and nobody can tell."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cs_models import kept
from cs_models.learn import churn
from cs_models.learn.predictors import ladder

AS_OF = date(2026, 6, 30)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Return 900 yearly terms of which those with little use leave."""
    rng = np.random.default_rng(5)
    account = np.repeat(np.arange(300), 3)
    start = pd.Timestamp("2022-07-01") + pd.to_timedelta(
        np.repeat(rng.integers(0, 365, 300), 3) + 365 * np.tile(np.arange(3), 300), unit="D"
    )
    used = rng.poisson(9, 900)
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{number:04d}" for number in range(900)],
            "account_id": [f"a{number:04d}" for number in account],
            "account_name": "One",
            "segment": np.where(account % 2, "SMB", "MM"),
            "arr": 1000.0 + account,
            "seats": pd.array(np.full(900, 5), dtype="Int64"),
            "term_no": np.tile([1, 2, 3], 300),
            "term_months": 12,
            "term_start": start,
            "term_end": start + pd.Timedelta(days=365),
            "as_of_date": start + pd.Timedelta(days=275),
            "events__last_28d": used,
            "churned": pd.array(rng.random(900) < np.where(used < 8, 0.5, 0.1), dtype="Int8"),
        }
    )
    return frame[frame["term_end"] < pd.Timestamp("2026-05-30")].reset_index(drop=True)


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
