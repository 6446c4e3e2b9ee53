"""Customers who were alike before, and money: the same in sentence, figure and table."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.learn.confounding import Contrast
from cs_models.learn.policy import Play
from cs_models.report.display import Exhibit, Number, Statement
from cs_models.report.evidence import alike as likeness
from cs_models.report.evidence import worth as evidence
from cs_models.report.exhibits import worth as exhibits
from cs_models.report.findings import worth as findings

COLUMN = "events__report_shared__first_60d"
CAUSAL = re.compile(r"\b(caus|driv|reduc|increas|because of|leads? to|makes customers)", re.I)
HOSTILE = "</script><script>alert(1)</script>"
PLAY = Play(Decimal("1500"), 0.8, 0.1, 0.3)


def rule(**changed: Any) -> dict[str, Any]:
    """Return a row of ``Search.table`` as far as these sections read it."""
    return {
        "rule_id": 5, "segment": None, "segment_by": "segment", "role": "signal",
        "verdict": "sharp", "column": COLUMN, "users_column": None, "min_users": 1,
        "members": None, "window_days": 60, "cut": 12.0, "cut_below": 11.0,
        "direction": "at_least", "feature": "report_shared", "lift_within_strata": 0.21,
        "rate_above": 0.9, "rate_below": 0.6,
        "counted": "report_shared events in the first 60 days of the term",
        "rule": "at least 12 report_shared events in the first 60 days of the term",
    } | changed  # fmt: skip


def rules(**changed: Any) -> pd.DataFrame:
    """Return a table of one rule."""
    return pd.DataFrame([rule(**changed)])


def contrast(**changed: Any) -> Contrast:
    """Return a contrast of 20 points, of which the weights leave 18."""
    balance = pd.DataFrame(
        [("arr", 0.8, 0.0, True), ("segment: SMB", -0.4, 0.0, True), ("region: EMEA", -0.2, -0.15,
         False)],
        columns=["covariate", "smd_before", "smd_after", "in_model"],
    )  # fmt: skip
    values: dict[str, Any] = {
        "lift": 0.18, "low": 0.1, "high": 0.26, "lift_naive": 0.2, "n_effective_above": 180.0,
        "n_effective_below": 95.0, "balance": balance, "max_smd": 0.15, "risk_ratio": 0.4,
        "e_value": 4.44, "e_value_limit": 2.2, "covariates": ("arr", "segment"),
        "covariates_left_out": ("region",), "n_terms": 600, "n_accounts": 400,
        "share_overlap": 0.9,
    }  # fmt: skip
    return Contrast(**values | changed)


def free_of_digits(statement: Statement, *words: str) -> bool:
    """Say whether every digit of a statement stands in a link or in the given words."""
    text = "".join(part for part in statement.parts if not isinstance(part, Number))
    for known in words:
        text = text.replace(known, "")
    return not re.search(r"\d", text)


def said_of(found: Contrast, **changed: Any) -> list[Statement]:
    """Return what the page says of one contrast."""
    frame = likeness.alike(rules(**changed), {5: found})
    return findings.alike(frame, {5: 43}, announced=True)


def test_the_gap_among_like_customers_is_said_with_its_doubt() -> None:
    """Plain gap, weighted gap, interval, weight and hidden difference stand in one sentence."""
    first, apart, experiment = said_of(contrast())
    assert "20 points apart. Between customers who were alike before (in ARR, seg" in first.text
    assert "18 points apart (10 to 26 points; as telling as 180 terms against 95)" in first.text
    assert "explains little of the gap" in first.text
    assert "4.4-fold or more; 2.2-fold would do for the gap" in first.text
    assert "still differ, in All customers by up to 0.15" in apart.text
    assert "(region)" in apart.text
    assert "All customers 43." in experiment.text
    for statement in (first, apart, experiment):
        assert free_of_digits(statement)
        assert not CAUSAL.search(statement.text)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"low": -0.02}, "the kind of customer may be all there is to it"),
        ({"lift": 0.1, "low": 0.02}, "Part of the gap is the kind of customer."),
        ({"e_value": math.inf, "e_value_limit": 5.0}, "over 1,000-fold or more; 5.0-fold"),
        ({"covariates": ()}, "(in nothing that is known)"),
        ({"covariates": ("arr", "segment", "plan", "seats", "term_no", "region")}, "and others)"),
    ],
)
def test_each_kind_of_contrast_has_its_words(changed: dict[str, Any], said: str) -> None:
    """A gap that is gone, a part of it, and one that hardly anything explains are told apart."""
    assert said in said_of(contrast(**changed))[0].text


def test_no_experiment_is_sized_for_a_gap_that_may_be_nought() -> None:
    """Where the interval holds no gap there is no low end to plan by."""
    assert not any(statement.id == "experiment" for statement in said_of(contrast(low=-0.01)))


def test_experiment_sizes_are_those_of_the_textbook() -> None:
    """60 % against 70 % takes 354 a half at 80 % power (Fleiss, unpooled, uncorrected)."""
    assert likeness.experiment_size(0.6, 0.1) == 354
    assert likeness.experiment_size(0.6, 0.05) > 4 * 354
    assert likeness.experiment_size(0.6, 0.0) is None
    assert likeness.experiment_size(0.95, 0.1) is None


def test_fewer_is_better_is_seen_from_the_better_side() -> None:
    """A rule "fewer than" turns gaps, interval and weights round together."""
    turned = contrast(lift=-0.18, low=-0.26, high=-0.1, lift_naive=-0.2)
    row = likeness.alike(rules(direction="at_most", lift_within_strata=-0.21), {5: turned}).iloc[0]
    assert (row["gap_counted"], row["gap_strata"], row["gap"]) == (0.2, 0.21, 0.18)
    assert (row["low"], row["high"]) == (0.1, 0.26)
    assert (row["n_effective_better"], row["rate_worse"]) == (95.0, 0.9)


def test_alike_is_drawn_with_its_table_and_balance() -> None:
    """Both figures carry their numbers; differences are sizes, furthest apart first."""
    frame = likeness.alike(rules(segment=HOSTILE), {5: contrast()})
    balance = likeness.balance(rules(segment=HOSTILE), {5: contrast()})
    assert balance["covariate"].tolist() == ["ARR", "segment", "region"]
    assert (balance[["before", "after"]] >= 0).all(axis=None)
    shown = [item for item in exhibits.alike(frame, balance, {}, announced=True)
             if isinstance(item, Exhibit)]  # fmt: skip
    assert [item.id for item in shown] == ["alike", "balance"]
    assert "still apart in region" in shown[1].alt
    for item in shown:
        assert "<script>" not in item.figure.to_json().replace("\\u003c", "<")


def test_rules_without_enough_customers_or_none_say_so() -> None:
    """One side too small, and no rule at all, are one sentence each."""
    none = likeness.alike(rules(), {})
    (few,) = exhibits.alike(none, none, {}, announced=True)
    (nothing,) = exhibits.alike(none, none, {}, announced=False)
    assert few.text == findings.TOO_FEW
    assert nothing.text == findings.NO_RULE_ALIKE


def history(n: int = 600, seed: int = 3, arr: str = "20000.00") -> pd.DataFrame:
    """Return terms of which half leave below 12 events and one in ten above."""
    rng = np.random.default_rng(seed)
    events = rng.integers(0, 30, n)
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i}" for i in range(n)],
            "account_id": [f"a{i}" for i in range(n)],
            "segment": "North", "arr": [Decimal(arr)] * n, COLUMN: events,
            "churned": (rng.random(n) < np.where(events < 12, 0.5, 0.1)).astype(int),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def paid() -> evidence.Worth:
    """Return what the play is worth on that history, with four customers today."""
    book = pd.DataFrame(
        {"account_id": ["x1", "x2", "x3", "x4"], "segment": "North",
         "arr": [Decimal("10.10"), Decimal("20.20"), Decimal("40.40"), None],
         COLUMN: pd.array([0, 3, 25, pd.NA], dtype="Int64")}
    )  # fmt: skip
    dear = history(arr="40000.00")
    return evidence.worth(rules(), dear, book, PLAY, rng=np.random.default_rng(1))


def test_a_policy_is_said_with_today_and_its_cost(paid: evidence.Worth) -> None:
    """Half leave, a fifth of 32,000 is kept: 3,200 each against a cost of 1,500, so it pays."""
    mid = paid.rates.set_index("name").loc["mid"]
    assert 0 < mid["cut"] <= 13
    assert (mid["n_today"], mid["arr_today"], mid["cost_today"]) == (2, Decimal("30.30"), 3000)
    assumed, said = findings.worth(paid, PLAY, "USD", announced=True)
    assert "costs $1,500 a customer, keeps between 10\u202f% and 30" in assumed.text
    assert "Today that is 2 customers with $30 a year" in said.text
    assert "the play for all of them costs $3,000" in said.text
    assert "it breaks even when it keeps" in said.text
    assert free_of_digits(said, str(mid["use"]))
    assert not CAUSAL.search(said.text)
    (found,) = findings.saved(likeness.alike(rules(), {}), paid, "USD")
    assert (found.id, found.unit, found.value) == (
        "policy-1", "USD", mid["net_value_held_out"])  # fmt: skip
    assert [found.low, found.high] == [mid["net_low"], mid["net_high"]]
    assert 0 < found.low < found.value < found.high
    assert isinstance(found.value, Decimal)


def test_a_gradual_rule_has_a_policy_and_no_tipping_point() -> None:
    """Where more goes with more, the level is said to be a policy set by money."""
    found = evidence.worth(rules(verdict="gradual"), history(), history().head(0), PLAY,
                           rng=np.random.default_rng(1))  # fmt: skip
    assert "a policy that money sets, not a tipping point" in findings.worth(
        found, PLAY, "USD", announced=True)[1].text  # fmt: skip


def test_a_play_that_pays_for_nobody_says_what_it_would_take() -> None:
    """Too dear a play is told once, with its break-even or with there being none."""
    dear = Play(Decimal("7000"), 0.8, 0.1, 0.3)
    found = evidence.worth(rules(), history(), history().head(0), dear,
                           rng=np.random.default_rng(1))  # fmt: skip
    said = findings.worth(found, dear, "USD", announced=True)[1].text
    assert "as a blanket rule by this use alone it pays for nobody, not even if it keeps 30" in said
    assert "Single customers with a large ARR can still be worth a call; today none" in said
    assert "it breaks even when it keeps" in said
    never = Play(Decimal("9000"), 0.8, 0.1, 0.3)
    none = evidence.worth(rules(), history(), history().head(0), never,
                          rng=np.random.default_rng(1))  # fmt: skip
    assert "Even if it kept everyone" in findings.worth(none, never, "USD", announced=True)[1].text


def test_a_level_that_does_not_pay_held_out_is_not_said_to_pay(paid: evidence.Worth) -> None:
    """The held-out sum comes first; where it is a loss, no level and no customers are named."""
    rates = paid.rates.copy()
    for name in ("net_value_held_out", "net_low", "net_high"):
        rates[name] = [Decimal("-398000.00")] * len(rates)
    lost = evidence.Worth(rates=rates, curve=paid.curve, rules=paid.rules)
    said = findings.worth(lost, PLAY, "USD", announced=True)[1]
    assert said.text.index("\u2212$398,000") < said.text.index("It pays for no level that could be")
    assert "30\u202f%, for no level that could be relied on." in said.text
    assert "fewer than" not in said.text
    assert "Today that is" not in said.text
    (found,) = findings.saved(likeness.alike(rules(), {}), lost, "USD")
    assert found.value == found.low == found.high == Decimal("-398000.00")


def test_a_net_that_chance_may_have_made_is_not_said_to_pay() -> None:
    """Of 20,000 a year 1,600 is kept for 1,500 spent: few customers leave nought in the range."""
    found = evidence.worth(rules(), history(150), history().head(0), PLAY,
                           rng=np.random.default_rng(1))  # fmt: skip
    mid, high = (found.rates.set_index("name").loc[name] for name in ("mid", "high"))
    assert mid["n_terms"] and mid["net_low"] < 0 < mid["net_high"]
    assert high["net_low"] > 0
    said = findings.worth(found, PLAY, "USD", announced=True)[1]
    assert "That cannot be told from nothing, so no level is named" in said.text
    assert "Today that is" not in said.text
    assert "30\u202f%, for fewer than" in said.text
    assert free_of_digits(said)


def test_single_customers_of_large_arr_are_counted_where_no_level_pays() -> None:
    """Half of 1,000,000 a year is worth a play of 7,000; half of 20,000 is not."""
    dear = Play(Decimal("7000"), 0.8, 0.1, 0.3)
    book = pd.DataFrame(
        {"account_id": ["x1", "x2", "x3", "x4"], "segment": "North",
         "arr": [Decimal("1000000"), Decimal("20000"), Decimal("9000000"), pd.NA],
         COLUMN: pd.array([0, 3, 25, 2], dtype="Int64")}
    )  # fmt: skip
    found = evidence.worth(rules(), history(), book, dear, rng=np.random.default_rng(1))
    row = found.rules.iloc[0]
    assert (row["n_single"], row["arr_single"]) == (1, Decimal("1000000"))
    said = findings.worth(found, dear, "USD", announced=True)[1]
    assert "1 of today's, with $1,000,000 a year, have more at stake" in said.text
    assert free_of_digits(said)
    assert not CAUSAL.search(said.text)


def test_net_value_is_drawn_in_finite_levels(paid: evidence.Worth) -> None:
    """The curve has no infinite level, and its best one is that of the table."""
    *_, exhibit = exhibits.worth(paid, PLAY, "USD", announced=True)
    assert isinstance(exhibit, Exhibit)
    assert np.isfinite(paid.curve["cut"].astype(float)).all()
    best = paid.curve.loc[paid.curve["mid"].astype(float).idxmax(), "cut"]
    assert best == paid.rates.set_index("name").loc["mid", "cut"]


def test_without_a_play_or_a_rule_the_page_says_so() -> None:
    """No money is spoken of unless a play is stated; the parameter is named."""
    none = evidence.worth(rules(), history(), history(), evidence.play_of(None),
                          rng=np.random.default_rng(1))  # fmt: skip
    (said,) = exhibits.worth(none, None, "USD", announced=True)
    assert "parameter play" in said.text
    (nothing,) = exhibits.worth(none, PLAY, "USD", announced=False)
    assert nothing.text == findings.NO_RULE_WORTH
    assert findings.saved(likeness.alike(rules(), {}), none, "USD") == []


def test_a_stated_play_keeps_its_money_exact() -> None:
    """The cost is the decimal that was written."""
    stated = {"cost": "1499.99", "margin": 0.8, "save_rate_low": 0.1, "save_rate_high": 0.3}
    made = evidence.play_of(stated)
    assert made is not None
    assert made.cost == Decimal("1499.99")
