"""Who is learnt from and who is judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.learn import splits

DAY = np.timedelta64(1, "D")
START = np.datetime64("2021-01-05")


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Terms with dates of all kinds: early and late decisions, some without an outcome."""
    n = draw(st.integers(30, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    decided = START + rng.integers(0, 1500, n) * DAY
    churned = rng.choice([0.0, 1.0, np.nan], n, p=[0.5, 0.4, 0.1])
    return {
        "decision_date": decided,
        "term_end": decided + rng.integers(0, 200, n) * DAY,
        "churned": churned,
        "as_of": START + draw(st.integers(300, 1700)) * DAY,
        "grace_days": draw(st.integers(0, 60)),
    }


@settings(max_examples=60)
@given(histories())
def test_every_known_term_has_one_place(terms: dict[str, Any]) -> None:
    """At each origin a known term is learnt from, embargoed, tested or of a later quarter."""
    decided, churned = terms["decision_date"], terms["churned"]
    due = terms["term_end"] + terms["grace_days"] * DAY
    known = ~np.isnan(churned) & (due <= terms["as_of"])
    for quarter in splits.rolling_origins(**terms, min_train_events=2, min_test_rows=1):
        following = (quarter.origin.astype("datetime64[M]") + 3).astype("datetime64[D]")
        later = np.flatnonzero(known & (decided >= following))
        placed = np.concatenate([quarter.train, quarter.embargoed, quarter.test, later])
        np.testing.assert_array_equal(np.sort(placed), np.flatnonzero(known))


@settings(max_examples=60)
@given(histories())
def test_nothing_learnt_from_was_still_open(terms: dict[str, Any]) -> None:
    """Outcomes learnt from were known on the origin; what is tested was decided in its quarter."""
    decided = terms["decision_date"]
    due = terms["term_end"] + terms["grace_days"] * DAY
    for quarter in splits.rolling_origins(**terms, min_train_events=2, min_test_rows=1):
        following = (quarter.origin.astype("datetime64[M]") + 3).astype("datetime64[D]")
        assert (due[quarter.train] <= quarter.origin).all()
        assert (decided[quarter.train] < quarter.origin).all()
        assert (decided[quarter.test] >= quarter.origin).all()
        assert (decided[quarter.test] < following).all()
        assert (due[quarter.test] <= terms["as_of"]).all()
        assert (decided[quarter.embargoed] < quarter.origin).all()
        assert (due[quarter.embargoed] > quarter.origin).all()


@settings(max_examples=40)
@given(histories())
def test_a_term_is_tested_once(terms: dict[str, Any]) -> None:
    """Quarters tile the calendar: no term is tested by two origins, and they come in order."""
    found = splits.rolling_origins(**terms, min_train_events=2, min_test_rows=1)
    tested = np.concatenate([[], *(quarter.test for quarter in found)])
    assert len(np.unique(tested)) == len(tested)
    origins = [quarter.origin for quarter in found]
    assert origins == sorted(origins)
    assert all(str(origin)[5:] in {"01-01", "04-01", "07-01", "10-01"} for origin in origins)


@settings(max_examples=40)
@given(histories())
def test_the_future_changes_no_training(terms: dict[str, Any]) -> None:
    """Outcomes that came after an origin, turned round, leave what it learns from as it was."""
    found = splits.rolling_origins(**terms, min_train_events=2, min_test_rows=1)
    for quarter in found:
        turned = 1 - terms["churned"]
        turned[quarter.train] = terms["churned"][quarter.train]
        changed = {**terms, "churned": turned}
        again = {
            other.origin: other
            for other in splits.rolling_origins(**changed, min_train_events=2, min_test_rows=1)
        }[quarter.origin]
        np.testing.assert_array_equal(again.train, quarter.train)
        np.testing.assert_array_equal(again.test, quarter.test)


def test_the_dated_example() -> None:
    """A contract decided on 2024-02-10 until 2024-05-10 is tested, embargoed, then learnt from."""
    filler = np.arange("2020-01-01", "2024-12-01", 10, dtype="datetime64[D]")
    decided = np.append(filler, np.datetime64("2024-02-10"))
    churned = np.append(np.arange(len(filler)) % 2.0, 1.0)
    found = splits.rolling_origins(
        decided,
        decided + 90 * DAY,
        as_of="2025-12-31",
        churned=churned,
        min_train_events=5,
        min_test_rows=5,
    )
    by_day = {str(quarter.origin): quarter for quarter in found}
    mine = len(filler)
    assert mine in by_day["2024-01-01"].test
    assert mine in by_day["2024-04-01"].embargoed
    assert mine in by_day["2024-07-01"].train
    assert (
        len(by_day["2024-04-01"].embargoed)
        == (
            (decided < np.datetime64("2024-04-01"))
            & (decided + 120 * DAY > np.datetime64("2024-04-01"))
        ).sum()
    )


def test_quarters_with_too_little_are_left_out() -> None:
    """An origin needs enough who left, enough who stayed, and enough to test."""
    decided = np.arange("2020-01-01", "2023-01-01", 3, dtype="datetime64[D]")
    end, as_of = decided + 60 * DAY, "2024-01-01"
    rare = (np.arange(len(decided)) % 10 == 0).astype(float)
    for churned in (rare, 1 - rare):
        found = splits.rolling_origins(decided, end, as_of=as_of, churned=churned)
        assert not found
        found = splits.rolling_origins(
            decided, end, as_of=as_of, churned=churned, min_train_events=10
        )
        assert found
        assert all(min(churned[q.train].sum(), (1 - churned[q.train]).sum()) >= 10 for q in found)
    assert not splits.rolling_origins(
        decided, end, as_of=as_of, churned=rare, min_train_events=5, min_test_rows=40
    )


def test_what_is_not_due_is_counted() -> None:
    """Terms of a tested quarter that are still open are pending: counted, and not tested."""
    decided = np.arange("2020-01-01", "2023-01-01", 1, dtype="datetime64[D]")
    churned = np.arange(len(decided)) % 2.0
    last = splits.rolling_origins(
        decided, decided + 90 * DAY, as_of="2023-03-15", churned=churned, grace_days=30
    )[-1]
    assert str(last.origin) == "2022-10-01"
    assert len(last.test) + last.n_pending == 92
    assert decided[last.test].max() == np.datetime64("2022-11-15")


def test_missing_dates_are_refused() -> None:
    """A term with an outcome and no date is refused, not lost; without an outcome it is ignored."""
    decided = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
    end = np.array(["2024-03-01", "2024-03-01"], dtype="datetime64[D]")
    with pytest.raises(ParameterError, match="lacks its decision date"):
        splits.rolling_origins(decided, end, as_of="2025-01-01", churned=[1, 0])
    assert not splits.rolling_origins(decided, end, as_of="2025-01-01", churned=[1, np.nan])
    with pytest.raises(ParameterError, match="differ in length"):
        splits.rolling_origins(decided, end, as_of="2025-01-01", churned=[1])


def test_cold_accounts_were_never_learnt_from() -> None:
    """An account is cold exactly where no row of it was learnt from."""
    mask = splits.cold(["a", "b", "a"], ["a", "c", "b", "c"])
    np.testing.assert_array_equal(mask, [False, True, False, True])
    assert splits.cold([], ["a"]).all()


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_folds_never_split_an_account(n_folds: int, seed: int) -> None:
    """All rows of an account fall in one fold, and churned accounts are dealt evenly."""
    rng = np.random.default_rng(seed)
    clusters = np.unique(rng.integers(0, 40, 120), return_inverse=True)[1].astype(np.int64)
    event = (rng.random(120) < 0.3).astype(float)
    fold = splits.grouped_folds(clusters, event, n_folds=n_folds, rng=rng)
    for account in np.unique(clusters):
        assert len(np.unique(fold[clusters == account])) == 1
    left = np.unique(clusters[event > 0])
    dealt = np.bincount([fold[clusters == account][0] for account in left], minlength=n_folds)
    assert dealt.max() - dealt.min() <= 1
