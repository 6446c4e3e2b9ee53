"""Kinds of terms, places among peers, and gaps with accounts as units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cs_models.errors import DataError, ParameterError, TooLittleDataError
from cs_models.learn import peers


def terms(counts: dict[tuple[str, int], tuple[int, int]]) -> pd.DataFrame:
    """Return terms by (segment, months): so many accounts that renewed and that left."""
    rows = [
        (segment, months, left)
        for (segment, months), (renewed, churned) in counts.items()
        for left in [0.0] * renewed + [1.0] * churned
    ]
    frame = pd.DataFrame(rows, columns=["segment", "term_months", "churned"])
    return frame.assign(account_id=[f"a{i}" for i in range(len(frame))])


def test_a_small_kind_is_compared_with_its_segment_and_a_small_segment_with_all() -> None:
    """Kinds need 20 accounts of each outcome; the rest fall back step by step, and say so."""
    frame = terms(
        {("SMB", 12): (50, 30), ("SMB", 36): (30, 19), ("ENT", 12): (40, 10), ("ENT", 1): (30, 10),
         ("MM", 24): (5, 5)}
    )  # fmt: skip
    kinds = peers.kinds(frame)
    of = kinds.of(frame).groupby([frame["segment"], frame["term_months"]]).first().to_dict()
    assert of == {
        ("SMB", 12): "SMB, annual",
        ("SMB", 36): "SMB",
        ("ENT", 12): "ENT",
        ("ENT", 1): "ENT",
        ("MM", 24): "all",
    }
    table = kinds.table.set_index("kind")
    assert table["merged"].to_dict() == {
        "all": True,
        "SMB": True,
        "ENT": True,
        "SMB, annual": False,
    }
    # A segment that takes in small kinds is the whole segment, its large kinds too.
    assert table.loc["SMB", "n_terms"] == 129
    assert kinds.members(frame, "SMB").sum() == 129
    assert table.loc["SMB, annual", ["n_renewed", "n_churned"]].tolist() == [50, 30]


def test_a_kind_nobody_knew_is_compared_with_what_there_is() -> None:
    """A segment that the past never saw, or no segment at all, is compared with everybody."""
    kinds = peers.kinds(terms({("SMB", 12): (50, 30)}))
    new = pd.DataFrame({"segment": ["SMB", "GOV", None], "term_months": [13, 12, None]})
    assert kinds.of(new).tolist() == ["SMB, annual", "all", "all"]
    bare = peers.kinds(terms({("SMB", 12): (50, 30)}), by=("tier",))
    assert bare.table["kind"].tolist() == ["all"]


def test_copied_terms_do_not_make_a_kind_large() -> None:
    """Twenty copies of five accounts are five accounts: too little."""
    few = pd.concat([terms({("SMB", 12): (5, 5)})] * 20)
    with pytest.raises(TooLittleDataError, match="5 renewed, 5 left"):
        peers.kinds(few)
    often = pd.concat([terms({("SMB", 12): (40, 0)}), *[few[few["churned"] == 1]] * 20])
    with pytest.raises(TooLittleDataError, match="5 left"):
        peers.kinds(often)


def test_contracts_a_month_off_are_of_their_kind() -> None:
    """Eleven to thirteen months are a year; two are monthly, six less than a year, 24 several."""
    months = pd.Series([1, 2, 6, 11, 12, 13, 24, 36, None])
    named = ["monthly"] * 2 + ["under a year"] + ["annual"] * 3 + ["multi-year"] * 2 + ["unknown"]
    assert peers.contract(months).tolist() == named


@given(
    st.lists(st.integers(-3, 3) | st.none(), min_size=1, max_size=30),
    st.lists(st.integers(-4, 4), min_size=1, max_size=10),
)
def test_percentiles_are_scipys_mid_ranks(reference: list[int | None], values: list[int]) -> None:
    """A place is scipy's percentileofscore of kind "mean" among the known; none without any."""
    column = np.array([np.nan if x is None else x for x in reference], dtype=float)[:, None]
    got = peers.percentiles(column, np.array(values, dtype=float)[:, None])[:, 0]
    known = column[~np.isnan(column)]
    expected = [
        stats.percentileofscore(known, v, kind="mean") / 100 if known.size else np.nan
        for v in values
    ]
    np.testing.assert_allclose(got, expected)


def test_numbers_hold_what_is_missing_and_infinite_as_missing() -> None:
    """Nullable, boolean and infinite values become floats with NaN; text is refused by name."""
    frame = pd.DataFrame(
        {
            "a": pd.array([1, None], dtype="Int64"),
            "b": pd.array([True, None], dtype="boolean"),
            "c": [np.inf, 2.0],
            "d": ["x", "y"],
        }
    )
    np.testing.assert_array_equal(peers.numbers(frame, ["a", "b", "c"])[0], [1, 1, np.nan])
    with pytest.raises(DataError, match="no numbers"):
        peers.numbers(frame, ["d"])
    with pytest.raises(ParameterError, match="e, f"):
        peers.numbers(frame, ["a", "e", "f"])


def test_a_gap_is_a_difference_of_shares_with_the_binomial_width() -> None:
    """With one row an account the gap is the difference, its interval near the binomial one."""
    rng = np.random.default_rng(1)
    first = np.r_[np.ones(300, dtype=bool), np.zeros(500, dtype=bool)]
    y = rng.random(800) < np.where(first, 0.4, 0.25)
    difference, low, high = peers.gap(y, first, np.arange(800))
    p, q = y[first].mean(), y[~first].mean()
    half = stats.t.ppf(0.975, 299) * np.sqrt(p * (1 - p) / 300 + q * (1 - q) / 500)
    assert difference == pytest.approx(p - q)
    assert (low, high) == pytest.approx((p - q - half, p - q + half), abs=2e-4)


def test_a_gap_has_a_width_where_nobody_has_the_event_and_none_without_a_group() -> None:
    """No event on either side is a gap of nought with an interval; an empty side is unknown."""
    first = np.arange(40) < 20
    difference, low, high = peers.gap(np.zeros(40), first, np.arange(40))
    assert difference == 0
    assert low < -0.05
    assert high > 0.05
    assert np.isnan(peers.gap(np.zeros(40), np.ones(40, dtype=bool), np.arange(40))).all()


def test_gaps_within_accounts_are_paired() -> None:
    """Accounts with rows on both sides that agree leave hardly any doubt about the gap."""
    rng = np.random.default_rng(2)
    trait = rng.random(400) < 0.5
    y, first, account = np.tile(trait, 2), np.repeat([True, False], 400), np.tile(np.arange(400), 2)
    _, low, high = peers.gap(y, first, account)
    _, far_low, far_high = peers.gap(y, first, np.arange(800))
    assert high - low < (far_high - far_low) / 5


def test_which_way_is_worse_follows_the_measure() -> None:
    """Late and severe is worse when more, use is better, and contacts, mix and tickets neither."""
    assert peers.worse_when_more("days_to_first__any__thing__to_date") is True
    assert peers.worse_when_more("events__last_90d") is False
    assert peers.worse_when_more("our_contacts_lagged__last_28d") is None
    assert peers.worse_when_more("tickets__last_28d") is None


@pytest.mark.parametrize(("sizes", "rate", "alike"), [((30, 150), 0.1, 0.0), ((60, 150), 0.3, 0.4)])
def test_the_interval_of_a_gap_covers_none_where_there_is_none(
    sizes: tuple[int, int], rate: float, alike: float
) -> None:
    """Without any gap the 95 % interval covers nought in 92 % or more of histories."""
    rng = np.random.default_rng(3)
    n = sum(sizes)
    account = np.arange(n) // 3 if alike else np.arange(n)
    hits = 0
    for _ in range(400):
        first = rng.permutation(n) < sizes[0]
        spread = (1 - alike) / alike if alike else np.inf
        drawn = rng.beta(rate * spread, (1 - rate) * spread, n) if alike else np.full(n, rate)
        _, low, high = peers.gap(rng.random(n) < drawn[account], first, account)
        hits += low <= 0 <= high
    assert hits / 400 >= 0.92
