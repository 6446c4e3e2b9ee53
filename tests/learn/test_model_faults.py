"""A history that cannot teach is refused with its reason and repair, never learnt from silently."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import CsModelsError, DataError, TooLittleDataError
from cs_models.learn import churn
from cs_models.learn.evaluation.recalibration import Recalibration

AS_OF = date(2026, 6, 30)


def book(n_accounts: int = 260, n_terms: int = 3, seed: int = 4) -> pd.DataFrame:
    """Return a panel of yearly terms: one use, one age, one case, of which use foretells."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(n_accounts), n_terms)
    place = np.tile(np.arange(n_terms), n_accounts)
    n = len(account)
    first = pd.Timestamp("2022-07-01") + pd.to_timedelta(
        np.repeat(rng.integers(0, 365, n_accounts), n_terms), unit="D"
    )
    start = first + pd.to_timedelta(365 * place, unit="D")
    use = rng.poisson(np.repeat(rng.lognormal(3, 0.7, n_accounts), n_terms))
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s{number:05d}" for number in range(n)],
            "account_id": [f"a{number:04d}" for number in account],
            "account_name": [f"Account {number}" for number in account],
            "segment": np.repeat(rng.choice(["SMB", "MM"], n_accounts), n_terms),
            "plan": np.repeat(rng.choice(["basic", "pro"], n_accounts), n_terms),
            "arr": np.repeat(np.round(rng.lognormal(9, 1, n_accounts), 2), n_terms),
            "seats": pd.array(np.repeat(rng.integers(5, 90, n_accounts), n_terms), dtype="Int64"),
            "term_no": place + 1,
            "term_months": 12,
            "term_start": start,
            "term_end": start + pd.Timedelta(days=365),
            "as_of_date": start + pd.Timedelta(days=275),
            "events__last_28d": use,
            "days_since_last_use__to_date": rng.integers(0, 30, n),
            "open_severe_tickets__to_date": rng.poisson(0.3, n),
        }
    )
    risk = 1.2 - 0.9 * np.log1p(use) + 0.4 * frame["open_severe_tickets__to_date"]
    left = rng.random(n) < 1 / (1 + np.exp(-risk))
    frame["churned"] = pd.array(left.astype(int), dtype="Int8")
    frame.attrs["recipe"] = {"windows_days": [28]}
    return frame[frame["term_end"] < pd.Timestamp("2026-05-30")].reset_index(drop=True)


def _past(frame: pd.DataFrame) -> churn.Backtest:
    return churn.backtest(frame, as_of=AS_OF, n_halves=0)


def _fitted(frame: pd.DataFrame, level: str) -> churn.Model:
    class Past:
        chosen = level
        calibrators: dict[str, Any] = {level: Recalibration("none")}  # noqa: RUF012
        grace_days = 30

    return churn.fit(frame, Past(), n_refits=2)  # type: ignore[arg-type]


def _refusal(kind: type[CsModelsError], frame: pd.DataFrame) -> CsModelsError:
    with pytest.raises(kind) as refusal:
        _past(frame)
    assert refusal.value.where
    assert refusal.value.repair
    return refusal.value


def test_a_number_written_after_the_end_stops_the_report_by_its_name():
    """Seats that were set to nought when the customer left tell the outcome: exit code 3."""
    frame = book()
    frame.loc[frame["churned"] == 1, "seats"] = 0
    refusal = _refusal(DataError, frame)
    assert refusal.exit_code == 3
    assert refusal.where == "seats"
    assert "too good to be true" in refusal.what


def test_a_word_written_after_the_end_stops_the_report_by_its_name():
    """A plan called cancelled is no plan that anybody chose."""
    frame = book()
    frame.loc[frame["churned"] == 1, "plan"] = "cancelled"
    refusal = _refusal(DataError, frame)
    assert refusal.exit_code == 3
    assert refusal.where == "plan"


@pytest.mark.parametrize(
    ("outcome", "said"), [(0, "nobody left"), (1, "everybody left"), (pd.NA, "nobody left")]
)
def test_a_history_of_one_outcome_teaches_nothing(outcome, said):
    """Nobody left, everybody left, or nothing is known of anybody yet: exit code 4, no model."""
    frame = book()
    frame["churned"] = pd.array([outcome] * len(frame), dtype="Int8")
    refusal = _refusal(TooLittleDataError, frame)
    assert refusal.exit_code == 4
    assert said in refusal.what


def test_five_accounts_that_left_are_too_few():
    """The message says how many there are and how many are needed."""
    frame = book()
    leavers = frame.loc[frame["churned"] == 1, "account_id"].drop_duplicates().to_numpy()[:5]
    frame.loc[~frame["account_id"].isin(leavers), "churned"] = 0
    refusal = _refusal(TooLittleDataError, frame)
    assert refusal.exit_code == 4
    assert "5 accounts left" in refusal.got
    assert "40" in refusal.repair


def test_a_short_history_has_no_backtest():
    """One quarter of renewals cannot be tested four times."""
    frame = book(n_accounts=600, n_terms=1)
    late = (frame["term_end"] - frame["term_end"].min()) / 9
    frame["term_end"] = pd.Timestamp("2026-03-01") + late
    frame["as_of_date"] = frame["term_end"] - pd.Timedelta(days=90)
    refusal = _refusal(TooLittleDataError, frame)
    assert refusal.exit_code == 4
    assert "not enough history for a backtest" in refusal.what


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_value_is_refused_by_its_column(value):
    """Boosting would take it without a word."""
    frame = book()
    frame["events__last_28d"] = frame["events__last_28d"].astype(float)
    frame.loc[3, "events__last_28d"] = value
    refusal = _refusal(DataError, frame)
    assert refusal.exit_code == 3
    assert refusal.where == "events__last_28d"


@pytest.mark.parametrize("coded", [(1, 2), (-1, 1), (0, 7)])
def test_an_outcome_in_another_code_is_refused(coded):
    """1 and 2 would make everybody a leaver."""
    frame = book()
    frame["churned"] = frame["churned"].map({0: coded[0], 1: coded[1]}).astype("Int8")
    assert "neither 0" in _refusal(DataError, frame).what


def test_a_term_that_stands_twice_is_refused():
    """Rows copied would make doubt look smaller than it is."""
    frame = book()
    twice = pd.concat([frame, frame.iloc[[7]]], ignore_index=True)
    assert _refusal(DataError, twice).got == frame["subscription_id"].iloc[7]


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_a_constant_or_empty_column_is_left_out_by_name_and_changes_nothing(level):
    """What never varies tells nothing: the model says so, and is the model without it."""
    frame = book()
    plain = churn.score(_fitted(frame, level), frame)
    more = frame.assign(champions__to_date=3.0, nps__to_date=np.nan, region="north")
    model = _fitted(more, level)
    assert set(model.encoder.dropped) >= {"champions__to_date", "nps__to_date", "region"}
    pd.testing.assert_frame_equal(churn.score(model, more), plain)


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_a_group_in_which_all_left_gets_no_certainty(level):
    """Complete separation of a few terms: large, finite, and never nought or one."""
    frame = book()
    few = frame.index[frame["churned"] == 1][:40]
    frame["decision_makers_left__to_date"] = 0.0
    frame.loc[few, "decision_makers_left__to_date"] = 1.0
    model = _fitted(frame, level)
    scored = churn.score(model, frame)
    p = scored.loc[few, "p_churn"]
    assert p.max() < 0.995
    assert p.mean() > 1.5 * scored["p_churn"].mean()
    parts = churn.explain(model, frame)[list(churn.DRIVERS)].to_numpy()
    assert np.isfinite(parts).all()
    assert np.abs(parts).max() < 10


def test_two_columns_that_say_the_same_are_no_fault():
    """Collinear columns share what they say; every part stays finite."""
    frame = book()
    frame["active_days__last_28d"] = frame["events__last_28d"]
    parts = churn.explain(_fitted(frame, "L3"), frame)
    total = parts[["base", *churn.DRIVERS]].sum(axis=1)
    np.testing.assert_allclose(total, parts["logit"], atol=1e-6)
    assert np.abs(parts[list(churn.DRIVERS)].to_numpy()).max() < 10


def test_a_column_that_is_missing_when_scoring_is_named():
    """A panel of other windows cannot be scored by position."""
    frame = book()
    model = _fitted(frame, "L4")
    with pytest.raises(DataError, match="open_severe_tickets__to_date") as refusal:
        churn.score(model, frame.drop(columns="open_severe_tickets__to_date"))
    assert refusal.value.exit_code == 3
    shuffled = frame[frame.columns[::-1]]
    pd.testing.assert_frame_equal(churn.score(model, shuffled), churn.score(model, frame))


@pytest.mark.parametrize("level", ["L0", "L1", "L2", "L3", "L4"])
def test_every_level_is_the_same_after_it_was_stored(level, tmp_path):
    """Scores, bands and reasons of a stored model equal those of the model, bit for bit."""
    frame = book()
    model = _fitted(frame, level)
    kept = churn.load(churn.save(model, tmp_path / "model"))
    pd.testing.assert_frame_equal(churn.score(kept, frame), churn.score(model, frame))
    pd.testing.assert_frame_equal(churn.explain(kept, frame), churn.explain(model, frame))
    assert kept.plain() == churn.load(tmp_path / "model").plain()
