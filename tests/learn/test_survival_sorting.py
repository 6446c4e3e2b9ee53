"""Sorting as the null of rising retention, and what the time to come is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, ParameterError, TooLittleDataError
from cs_models.learn import survival

REGULAR = np.array([1000, 631, 468, 382, 326, 289, 262, 241])
HIGH_END = np.array([1000, 869, 743, 653, 593, 551, 517, 491])


def counted(survivors: np.ndarray) -> survival.Sorting:
    return survival.sorting_test(survivors[:-1], -np.diff(survivors))


def renewals(rng: np.random.Generator, chance: np.ndarray, years: int = 6) -> pd.DataFrame:
    """Let customers come to yearly renewals, each leaving with a chance of their own."""
    hazard = np.broadcast_to(chance, (years, len(chance))) if chance.ndim == 1 else chance
    alive, rows = np.ones(hazard.shape[1], dtype=bool), []
    for year in range(years):
        left = alive & (rng.random(len(alive)) < hazard[year])
        own = np.flatnonzero(alive)
        rows.append(
            pd.DataFrame(
                {
                    "account_id": own,
                    "opportunity": year + 1,
                    "term_months": 12,
                    "months_as_customer": 12.0 * (year + 1),
                    "event": left[own].astype(int),
                }
            )
        )
        alive &= ~left
    return pd.concat(rows, ignore_index=True)


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "likelihood"),
    [(REGULAR, 0.7041, 1.1820, -1680.265), (HIGH_END, 0.6681, 3.8061, -1611.158)],
)
def test_the_published_subscriptions_give_the_published_curve(
    survivors: np.ndarray, alpha: float, beta: float, likelihood: float
) -> None:
    """Fader and Hardie's two series of 1,000 customers over seven years."""
    found = counted(survivors)
    assert (found.alpha, found.beta) == pytest.approx((alpha, beta), abs=1e-4)
    assert found.log_likelihood == pytest.approx(likelihood, abs=1e-3)


def test_retention_and_survival_belong_together() -> None:
    """S(t) is the product of the retentions up to t; retention rises with t by sorting."""
    found = counted(REGULAR)
    number = np.arange(1, 8)
    assert found.survival(number) == pytest.approx(np.cumprod(found.retention(number)))
    assert (np.diff(found.retention(number)) > 0).all()


def test_the_regular_customers_are_sorted_and_no_more() -> None:
    """One chance for all is out of the question, and a power of time adds nothing."""
    found = counted(REGULAR)
    assert found.p_spread < 1e-6
    assert found.verdict == "sorting"
    assert found.log_likelihood_power >= found.log_likelihood >= found.log_likelihood_constant


def test_one_chance_for_all_is_no_trend() -> None:
    """Customers alike: retention does not rise, and nothing is made of it, in 19 of 20 books."""
    rng = np.random.default_rng(2)
    verdicts = []
    for _ in range(25):
        curve = survival.retention_curve(renewals(rng, np.full(800, 0.2)))
        verdicts.append(survival.sorting_test(curve["at_risk"], curve["left"]).verdict)
    assert verdicts.count("no trend") >= 20


def test_customers_that_differ_are_told_from_customers_that_tire() -> None:
    """A Beta spread of fixed chances is sorting; risk that grows with tenure cannot be."""
    rng = np.random.default_rng(5)
    curve = survival.retention_curve(renewals(rng, rng.beta(0.8, 2.0, 5000)))
    assert survival.sorting_test(curve["at_risk"], curve["left"]).verdict == "sorting"
    growing = np.stack([np.full(5000, h) for h in (0.1, 0.14, 0.18, 0.22, 0.26, 0.3)])
    curve = survival.retention_curve(renewals(rng, growing))
    found = survival.sorting_test(curve["at_risk"], curve["left"])
    assert found.power > 1
    assert found.verdict == "not sorting alone"


def test_late_entries_leave_the_curve_as_it_is() -> None:
    """Half of the customers seen only from their third renewal on: alpha and beta stay."""
    rng = np.random.default_rng(9)
    rows = renewals(rng, rng.beta(1.0, 3.0, 40_000))
    late = rows[(rows["account_id"] % 2 == 0) | (rows["opportunity"] >= 3)]
    whole, part = (
        survival.sorting_test(c["at_risk"], c["left"])
        for c in map(survival.retention_curve, (rows, late))
    )
    assert part.alpha == pytest.approx(whole.alpha, rel=0.1)
    assert part.beta == pytest.approx(whole.beta, rel=0.1)


def test_lengths_of_contract_are_not_pooled() -> None:
    """Yearly contracts that lose .3 a renewal and monthly ones that lose .02: two flat curves."""
    rng = np.random.default_rng(1)
    yearly = renewals(rng, np.full(2000, 0.3), years=4)
    monthly = renewals(rng, np.full(300, 0.02), years=24).assign(term_months=1)
    monthly["account_id"] += 10_000
    rows = pd.concat([yearly, monthly])
    apart = survival.retention_curve(rows)
    assert sorted(apart["term_months"].unique()) == [1, 12]
    pooled = survival.retention_curve(rows, by=None)
    assert pooled["retention"].iloc[-1] > 0.95 > 0.75 > pooled["retention"].iloc[0]
    yearly_curve = apart[apart["term_months"] == 12]
    assert yearly_curve["retention"].to_numpy() == pytest.approx(0.7, abs=0.06)


def test_too_few_and_impossible_counts_are_refused() -> None:
    """Five that left, one opportunity, more leaving than came."""
    with pytest.raises(TooLittleDataError, match="sorting"):
        survival.sorting_test([100, 98], [2, 3])
    with pytest.raises(TooLittleDataError, match="sorting"):
        survival.sorting_test([100], [30])
    with pytest.raises(DataError, match="than came"):
        survival.sorting_test([10, 8], [2, 9])


def test_the_expected_lifetime_is_the_sum_written_out() -> None:
    """Renewal in 3 months and then yearly, hazard .2: months of certain stay, then .8, .64, …."""
    rng = np.random.default_rng(0)
    rows = renewals(rng, np.full(3000, 0.2), years=6)
    model = survival.renewal_hazard(rows, [], baseline=("term_months",))
    hazard = rows["event"].mean()
    today = pd.DataFrame(
        {
            "opportunity": [2],
            "term_months": [12],
            "months_to_renewal": [3.0],
            "months_as_customer": [24.0],
            "arr": [1200.0],
        },
        index=["x"],
    )
    found = survival.expected_lifetime(model, today, horizon_years=2, discount_rate=0.0)
    months = 3 + 12 * (1 - hazard) + 9 * (1 - hazard) ** 2
    assert found.loc["x", "years"] == pytest.approx(months / 12)
    assert found.loc["x", "value"] == pytest.approx(100 * months)
    discounted = survival.expected_lifetime(model, today, horizon_years=2, discount_rate=0.1)
    assert 0.85 < discounted.loc["x", "value"] / found.loc["x", "value"] < 0.95


def test_value_beyond_what_was_followed_is_said() -> None:
    """Followed for six years: of a customer of five years, most of the next five is beyond."""
    rng = np.random.default_rng(0)
    rows = renewals(rng, np.full(3000, 0.1), years=6)
    model = survival.renewal_hazard(rows, [], baseline=("term_months",))
    today = pd.DataFrame(
        {
            "opportunity": [1, 6],
            "term_months": [12, 12],
            "months_to_renewal": [12.0, 12.0],
            "months_as_customer": [12.0, 72.0],
            "arr": [1200.0, 1200.0],
        }
    )
    found = survival.expected_lifetime(model, today)
    assert found["beyond"].tolist() == [0.0, pytest.approx(found.loc[1, "beyond"])]
    assert found["extrapolated"].tolist() == [False, True]
    assert found.loc[1, "beyond"] > survival.MOST_BEYOND


def test_money_nought_still_has_a_lifetime() -> None:
    """A customer that pays nothing has years, and a share of them beyond, not a missing value."""
    gone = survival.lifetime_value(np.zeros((1, 24)), [1.0], beyond=np.ones((1, 24))).iloc[0]
    assert gone[["years", "value", "beyond"]].tolist() == [0, 0, 0]
    found = survival.lifetime_value(np.ones((1, 24)), [0.0], beyond=np.arange(24)[None, :] >= 12)
    assert found.loc[0, "years"] == 2
    assert found.loc[0, "beyond"] == pytest.approx(0.5)


def test_impossible_limits_are_refused() -> None:
    """No limit of nought years, no negative rate, no running term without its dates."""
    rng = np.random.default_rng(0)
    model = survival.renewal_hazard(renewals(rng, np.full(300, 0.2)), [], baseline=())
    today = pd.DataFrame(
        {
            "opportunity": [1],
            "term_months": [12],
            "months_to_renewal": [1.0],
            "months_as_customer": [12.0],
            "arr": [1.0],
        }
    )
    with pytest.raises(ParameterError, match="above 0 years"):
        survival.expected_lifetime(model, today, horizon_years=0)
    with pytest.raises(DataError, match="absent"):
        survival.expected_lifetime(model, today.drop(columns="arr"))
