"""However the work is done, in many processes or in little memory, the answer is the same."""

from __future__ import annotations

import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cs_models import beside, kept
from cs_models.learn import churn
from cs_models.learn.predictors import forms
from cs_models.report.evidence import predictors

AS_OF = date(2026, 6, 30)


@pytest.fixture(scope="module")
def past(yearly: pd.DataFrame) -> churn.Backtest:
    """Return what the past taught, without a selection of columns."""
    return churn.backtest(yearly, as_of=AS_OF, n_halves=0, up_to="L2")


def _with(level: str, past: churn.Backtest) -> churn.Backtest:
    """Let a level be calibrated as the best that was walked with."""
    return churn.Backtest(**{**vars(past), "calibrators": {level: past.calibrators[past.chosen]}})


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux")
@pytest.mark.parametrize("level", ["L3", "L4"])
def test_refits_are_the_same_in_one_process_and_in_several(
    yearly: pd.DataFrame, past: churn.Backtest, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bands come from the same refits, in the same order, whoever made them."""
    drawn = []
    for workers in ("1", "3"):
        monkeypatch.setenv(beside.VARIABLE, workers)
        model = churn.fit(yearly, _with(level, past), level=level, n_refits=7, random_state=5)
        drawn.append(churn.spread(model, yearly))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux")
def test_what_is_learnt_beside_other_work_is_what_is_learnt_alone(
    yearly: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun in a second process or done when asked for, learning gives the same to the last bit."""
    found = []
    for workers in ("1", "2"):
        monkeypatch.setenv(beside.VARIABLE, workers)
        task = predictors.begin(yearly, as_of=AS_OF, grace_days=30, n_refits=4, random_state=3)
        found.append(task.result())
    alone, other = found
    assert alone.past is not None
    assert other.past is not None
    for name in ("predictions", "ladder", "origins", "importance", "coefficients"):
        assert kept.same(getattr(alone.past, name), getattr(other.past, name)), name
    assert (alone.past.calibrators, alone.counts) == (other.past.calibrators, other.counts)
    assert alone.model is not None
    assert other.model is not None
    one, two = (churn.score(model, yearly) for model in (alone.model, other.model))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_many_rows_are_told_alike_in_less_memory(
    yearly: pd.DataFrame, past: churn.Backtest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the whole design is never made, and trials are in single precision, nothing moves."""
    usual = churn.fit(yearly, _with("L3", past), level="L3", n_refits=2)
    monkeypatch.setattr(forms, "_MANY_ROWS", 0)
    lean = churn.fit(yearly, _with("L3", past), level="L3", n_refits=2)
    assert lean.fitted.tuned == usual.fitted.tuned
    np.testing.assert_allclose(lean.predict(yearly), usual.predict(yearly), rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        churn.spread(lean, yearly), churn.spread(usual, yearly), rtol=0, atol=1e-9
    )
