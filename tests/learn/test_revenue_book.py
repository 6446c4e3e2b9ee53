"""Which contract comes up when, and by what chance, worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cs_models.errors import ParameterError
from cs_models.learn import revenue
from cs_models.learn.forecasting import cells, chances, sizes

AS_OF = date(2026, 5, 10)


def contract(name: str, end: date | None, months: int = 12, **more: Any) -> dict[str, Any]:
    """Return one running contract of 100 a year."""
    row = {
        "subscription_id": name,
        "account_id": f"of {name}",
        "parent_account_id": None,
        "segment": "SMB",
        "term_months": months,
        "term_end": end and pd.Timestamp(end),
        "arr": 100.0,
        "in_notice": False,
        "decided": None,
        "overdue": False,
    }
    return row | more


def running(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return the running contracts as the features give them."""
    frame = pd.DataFrame(list(rows))
    return frame.assign(term_end=pd.to_datetime(frame["term_end"]))


def ended(n: int, n_left: int, **more: Any) -> pd.DataFrame:
    """Return yearly terms that ended, the first of which left."""
    outcome = np.where(np.arange(n) < n_left, "churned", "renewed")
    end = pd.Timestamp(2025, 1, 1)
    row = {
        "segment": "SMB",
        "term_months": 12,
        "term_start": end - pd.Timedelta(days=365),
        "term_end": end,
        "closed_date": end,
        "notice_date": pd.NaT,
        "arr": 100.0,
        "ratio": np.where(outcome == "churned", 0.0, 1.0),
    }
    return pd.DataFrame({"outcome": outcome, **row}).assign(**more)


def test_the_dated_example_of_the_module_holds() -> None:
    """As of 10 May: yearly to 1 August once in Q3; monthly to 20 May twice in Q2, thrice in Q3."""
    book = revenue.book(
        running(
            contract("year", date(2026, 8, 1)),
            contract("month", date(2026, 5, 20), 1),
            contract("late", date(2026, 5, 1), overdue=True),
        ),
        AS_OF,
        quarters=2,
    )
    due = book.due.set_index(["subscription_id", "label"])
    assert due["n_renewals"].to_dict() == {
        ("month", "2026 Q2"): 2,
        ("late", "2026 Q2"): 1,
        ("month", "2026 Q3"): 3,
        ("year", "2026 Q3"): 1,
    }
    assert due["renewal_no"].to_dict()["month", "2026 Q3"] == 3
    assert due.loc[("late", "2026 Q2"), "due_in_days"] == 0
    assert due.loc[("month", "2026 Q3"), "renewal_date"] == pd.Timestamp(2026, 7, 20)


def test_the_first_quarter_is_that_of_the_day_after() -> None:
    """On the last day of June the coming quarter is the third; the day before it is the second."""
    one = running(contract("s", date(2026, 8, 1)))
    assert revenue.book(one, date(2026, 6, 30)).quarters["label"].tolist() == [
        "2026 Q3",
        "2026 Q4",
        "2027 Q1",
        "2027 Q2",
        "all",
    ]
    assert revenue.book(one, date(2026, 6, 29)).quarters["label"][0] == "2026 Q2"


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(
        st.tuples(st.integers(-20, 900), st.sampled_from([1, 2, 3, 6, 11, 12, 24, 36])),
        min_size=1,
        max_size=12,
    ),
    quarters=st.integers(1, 4),
    as_of=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_every_quarter_counts_every_euro_once(
    lengths: list[tuple[int, int]], quarters: int, as_of: date
) -> None:
    """Due and not due add up to the book in every quarter, and no contract is due twice in one."""
    rows = [
        contract(f"s{n}", as_of + timedelta(days=days), months, arr=10.0**n, overdue=days <= 0)
        for n, (days, months) in enumerate(lengths)
    ]
    book = revenue.book(running(*rows, contract("endless", None)), as_of, quarters=quarters)
    told = book.quarters
    assert told["due_arr"].add(told["not_due_arr"]).to_numpy() == pytest.approx(book.arr)
    assert (told["n_due"] + told["n_not_due"] == len(rows) + 1).all()
    assert not book.due.duplicated(["subscription_id", "quarter"]).any()
    by_quarter = book.due.groupby("label")["arr"].sum()
    stated = told[told["label"] != "all"].set_index("label")["due_arr"]
    assert stated.to_numpy() == pytest.approx(by_quarter.reindex(stated.index).fillna(0).to_numpy())


@settings(max_examples=40, deadline=None)
@given(as_of=st.dates(date(2020, 1, 1), date(2030, 1, 1)), start=st.integers(1, 31))
def test_a_monthly_contract_comes_up_once_a_month(as_of: date, start: int) -> None:
    """Whole quarters hold three renewals of a monthly contract, wherever month ends fall."""
    one = running(contract("m", as_of + timedelta(days=start), 1))
    due = revenue.book(one, as_of).due
    whole = due[due["quarter"] > pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    assert whole["n_renewals"].tolist()[1:] == [3] * (len(whole) - 1)
    numbers = due["renewal_no"].to_numpy()
    assert np.diff(numbers).tolist() == due["n_renewals"].tolist()[:-1]


def test_a_notice_speaks_of_the_next_renewal_only() -> None:
    """Were a contract in notice renewed after all, its later renewals are like any other's."""
    one = running(contract("m", date(2026, 5, 20), 1, in_notice=True, decided="renewed"))
    due = revenue.book(one, AS_OF, quarters=2).due
    assert due["in_notice"].tolist() == [True, False]
    assert due["decided"].isna().tolist() == [False, True]


def test_what_cannot_be_laid_out_is_refused() -> None:
    """Five quarters, and a contract in two rows."""
    one = contract("s", date(2026, 8, 1))
    with pytest.raises(ParameterError, match="1 to 4"):
        revenue.book(running(one), AS_OF, quarters=5)
    with pytest.raises(ParameterError, match="two rows"):
        revenue.book(running(one, one), AS_OF)


def test_cells_are_weighed_by_the_beta_binomial() -> None:
    """The evidence for each weight is SciPy's beta-binomial likelihood of the cells."""
    counts = np.zeros((8, 2))
    counts[2], counts[6] = (40, 10), (18, 2)  # two segments of yearly contracts
    shares = cells.shrink(counts, np.tile([0.5, 0.5], (4, 1)))
    rate = (12 + 0.5) / 71
    loglik = sum(
        stats.betabinom.logpmf(k, n, cells.WEIGHTS * rate, cells.WEIGHTS * (1 - rate))
        for k, n in ((10, 50), (2, 20))
    )
    expected = np.exp(loglik - loglik.max())
    assert shares.weight == pytest.approx(expected / expected.sum(), rel=1e-6)


def test_a_segment_with_few_terms_is_drawn_to_its_length() -> None:
    """Two leavers of two say little beside 20 of 100; a hundred terms keep their own rate."""
    history = pd.concat([ended(100, 20), ended(2, 2, segment="MM")], ignore_index=True)
    table = revenue.base_rates(history).table.set_index(["segment", "length"])
    assert table.loc[("SMB", "a year"), "p_churn"] == pytest.approx(0.2, abs=0.03)
    assert 0.2 < table.loc[("MM", "a year"), "p_churn"] < 0.6
    low, high = table.loc[("MM", "a year"), ["p_low", "p_high"]]
    assert low < table.loc[("MM", "a year"), "p_churn"] < high


def test_a_length_never_seen_gets_a_months_rate_for_its_months() -> None:
    """Were all months alike, a monthly contract leaves a twelfth as often at a renewal."""
    table = revenue.base_rates(ended(1000, 120)).table.set_index(["segment", "length"])
    monthly = table.loc[("SMB", "monthly"), "p_churn"]
    assert monthly == pytest.approx(1 - np.exp(-120 / 12000), rel=0.01)


def test_a_predictor_speaks_of_the_next_renewal_and_base_rates_of_the_rest() -> None:
    """Scores fill what they know; later renewals and unknown contracts get base rates."""
    book = revenue.book(
        running(
            contract("known", date(2026, 8, 1)),
            contract("half", date(2026, 6, 1), 6),
            contract("unknown", date(2026, 8, 1)),
            contract("asked", date(2026, 8, 1), in_notice=True),
        ),
        AS_OF,
    )
    scores = pd.DataFrame(
        {"subscription_id": ["half", "known", "asked"], "p_churn": [0.3, 0.7, 0.9]}
    )
    refits = np.tile([[0.25, 0.35], [0.6, 0.8], [0.9, 0.9]], (1, 1))
    due, spread = revenue.chances(
        book.due,
        revenue.base_rates(ended(100, 20)),
        scores=scores,
        refits=refits,
        rng=np.random.default_rng(1),
    )
    told = due.set_index(["subscription_id", "renewal_no"])
    assert told["p_from"].to_dict() == {
        ("half", 1): "predictor",
        ("half", 2): "base rate",
        ("known", 1): "predictor",
        ("unknown", 1): "base rate",
        ("asked", 1): "notice",
    }
    assert told.loc[("known", 1), "p_churn"] == 0.7
    assert spread[due["subscription_id"] == "known"].tolist() == [[0.6, 0.8]]
    assert told.loc[("unknown", 1), "p_churn"] == pytest.approx(0.2, abs=0.02)
    assert spread.shape == (5, 2)


def test_who_is_far_from_the_renewal_may_leave_before_anyone_looks() -> None:
    """Of 100, 10 left early, 18 of 90 late: .2 said 325 days before grows by 235 of 275 days."""
    history = ended(1000, 280)
    early = np.arange(1000) < 100
    closed = history["closed_date"].where(~early, pd.Timestamp(2024, 6, 1))
    base = revenue.base_rates(history.assign(closed_date=closed))
    due = revenue.book(
        running(contract("near", date(2026, 8, 1)), contract("far", date(2027, 3, 31))), AS_OF
    ).due
    scores = pd.DataFrame({"subscription_id": ["near", "far"], "p_churn": [0.2, 0.2]})
    told, spread = revenue.chances(due, base, scores=scores, rng=np.random.default_rng(1))
    chance = told.set_index("subscription_id")["p_churn"]
    assert chance["near"] == pytest.approx(0.2)
    assert chance["far"] == pytest.approx(1 - 0.8 * 0.9 ** (235 / 275), abs=0.005)
    assert told.set_index("subscription_id")["p_early"]["near"] == 0.0
    assert spread.mean(axis=1) == pytest.approx(told["p_churn"].to_numpy())
    soon, _ = revenue.chances(
        due, base, scores=scores, within_days=180, rng=np.random.default_rng(1)
    )
    assert soon.set_index("subscription_id")["p_from"].to_dict() == {
        "near": "predictor",
        "far": "base rate",
    }


def test_notices_are_certain_until_history_says_otherwise() -> None:
    """Nine past notices are too few; of forty, thirty-six carried out give Jeffreys' interval."""
    few = ended(9, 5, notice_date=pd.Timestamp(2024, 11, 1))
    assert chances.notices(few) == revenue.Notices(9, 5, 1.0, 1.0, 1.0, assumed=True)
    many = chances.notices(ended(40, 36, notice_date=pd.Timestamp(2024, 11, 1)))
    assert (many.share, many.assumed) == (0.9, False)
    assert (many.low, many.high) == pytest.approx(stats.beta(36.5, 4.5).ppf([0.1, 0.9]))


def test_down_flat_and_up_go_by_the_money() -> None:
    """A renewal that brought in less is a contraction; without money the record counts."""
    stayed = pd.DataFrame(
        {
            "outcome": ["renewed", "expanded", "renewed", "contracted"],
            "ratio": [0.9, 1.0, 1.2, np.nan],
        }
    )
    assert sizes.kinds(stayed).tolist() == [sizes.DOWN, sizes.FLAT, sizes.UP, sizes.DOWN]


def test_smoothing_keeps_mean_spread_and_side() -> None:
    """Drawn ratios stay on their side of 1, with the past's own mean and spread in logs."""
    rng = np.random.default_rng(3)
    for past in (rng.uniform(0.6, 0.9, 60), rng.uniform(1.1, 1.4, 60)):
        drawn = sizes.smoothed(past, 40_000, rng)
        assert ((drawn < 1) == (past[0] < 1)).all()
        assert np.log(drawn).mean() == pytest.approx(np.log(past).mean(), abs=0.003)
        assert np.log(drawn).std() == pytest.approx(np.log(past).std(), rel=0.03)
        assert len(np.unique(drawn)) > 60
    assert sizes.smoothed(np.array([0.8]), 5, rng).tolist() == pytest.approx([0.8] * 5)


def test_a_segment_with_few_ratios_borrows_those_of_all() -> None:
    """Nineteen are few, twenty are its own; one that grew from next to nothing is cut back."""
    up = [ended(n, 0, segment=s, ratio=r) for s, n, r in (("A", 20, 1.2), ("B", 19, 1.4))]
    wild = ended(1, 0, segment="A", ratio=10_000.0)
    table = sizes.ratios(pd.concat([*up, wild], ignore_index=True)).table
    table = table[table["kind"] == "up"].set_index("segment")
    assert table["pooled"].to_dict() == {"A": False, "B": True, "": True}
    assert table["n"].to_dict() == {"A": 21, "B": 19, "": 0}
    assert table.loc["A", "capped_at"] < 10_000
    assert table.loc["A", "p90"] == pytest.approx(1.2)


@pytest.mark.parametrize("n", [12, 30, 100, 326, 2000])
def test_that_nobody_left_yet_does_not_mean_that_nobody_ever_will(n: int) -> None:
    """Of n terms without a leaver the rate is near half a leaver's, and its interval holds it."""
    table = revenue.base_rates(ended(n, 0)).table.set_index(["segment", "length"])
    told = table.loc[("SMB", "a year")]
    assert 0.5 * 0.5 / (n + 1) < told["p_churn"] < 1.5 * 0.5 / (n + 1)
    assert told["p_low"] < told["p_churn"] < told["p_high"] < 6 / n
    assert told[["n_terms", "n_churned"]].tolist() == [n, 0]


def test_half_a_leaver_is_shared_by_the_segments_of_a_length() -> None:
    """However many segments share a length that nobody left, they have half a leaver together."""
    one = revenue.base_rates(ended(300, 0)).table.set_index(["segment", "length"])
    many = pd.concat([ended(100, 0, segment=name) for name in "ABC"], ignore_index=True)
    parted = revenue.base_rates(many).table.set_index(["segment", "length"])
    whole = one.loc[("SMB", "a year"), "p_churn"]
    assert parted.loc[[(name, "a year") for name in "ABC"], "p_churn"].mean() == pytest.approx(
        whole, rel=0.25
    )
