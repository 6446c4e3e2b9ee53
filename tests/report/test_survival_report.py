"""The page on time to churn: laws of its frames, and the words of each of its branches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError, TooLittleDataError
from cs_models.learn import survival
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import survival as evidence
from cs_models.report.evidence import survival_adoption as adoption
from cs_models.report.evidence import survival_drivers as drivers
from cs_models.report.evidence import survival_due
from cs_models.report.evidence import survival_groups as groups
from cs_models.report.evidence import survival_value as value
from cs_models.report.evidence.survival import History, Untold
from cs_models.report.exhibits import survival as exhibits
from cs_models.report.exhibits import survival_models as model_exhibits
from cs_models.report.findings import survival as findings
from cs_models.report.findings import survival_adoption as timed
from cs_models.report.findings import survival_models as told
from cs_models.report.findings import survival_saved as saved

CAUSAL = re.compile(
    r"\b(caus(ed|es|ing)|driv|reduc|increas|because of|leads? to|makes?|prevent)", re.I
)
HOSTILE = "</script><script>alert(1)</script>"
AS_OF = date(2026, 6, 30)
DAYS = 365


def opportunities(
    chances: Sequence[float], n: int, *, months: int = 12, seed: int = 1, groups: int = 1
) -> pd.DataFrame:
    """Return yearly renewals of `n` customers, lost at the k-th with the k-th chance."""
    rng = np.random.default_rng(seed)
    rows = []
    for account in range(n):
        for place, chance in enumerate(chances, start=1):
            lost = int(rng.random() < chance)
            rows.append((f"a{account}", f"a{account}-{place}", place, lost, account % groups))
            if lost:
                break
    frame = pd.DataFrame(
        rows, columns=["account_id", "subscription_id", "opportunity", "lost", "g"]
    )
    day = pd.Timestamp(AS_OF) - pd.to_timedelta(
        DAYS * (len(chances) - frame["opportunity"] + 1), "D"
    )
    return frame.assign(
        episode=1, term_months=months, months=float(months), event=frame["lost"], arr=1000.0,
        months_as_customer=12.0 * frame["opportunity"], group="g" + frame["g"].astype(str),
        cause=np.where(frame["lost"] == 1, "churned", "none"), opportunity_date=day,
    )  # fmt: skip


def lifetimes(days: Any, lost: Any, *, entry: float = 0.0, group: Any = "g") -> pd.DataFrame:
    """Return episodes that lasted so many days."""
    frame = pd.DataFrame({"duration_days": np.asarray(days), "lost": np.asarray(lost)})
    left = np.where(frame["lost"] == 1, evidence.AT_RENEWAL, "none")
    return frame.assign(
        account_id=[f"a{place}" for place in range(len(frame))], episode=1, event=frame["lost"],
        group=group, entry_days=entry, start=pd.Timestamp(2023, 1, 1), left=left,
        months=frame["duration_days"] / 30.436875, entry_months=entry / 30.436875,
        cause=np.where(frame["lost"] == 1, "churned", "none"), term_months=12.0,
    )  # fmt: skip


def history(came: pd.DataFrame | None = None, lives: pd.DataFrame | None = None) -> History:
    """Return a history of such renewals and lifetimes."""
    came = opportunities([0.3, 0.1], 400) if came is None else came
    lives = (
        lifetimes([DAYS] * 30 + [3 * DAYS] * 70, [1] * 30 + [0] * 70) if lives is None else lives
    )
    return History(came, lives, pd.DataFrame(), AS_OF, 30)


def said(*statements: Statement) -> str:
    """Return the words of statements."""
    return " ".join(statement.text for statement in statements)


def test_staying_is_the_product_of_the_renewals_before() -> None:
    """What is left after each renewal is the product of the shares kept up to it."""
    found = evidence.renewals(opportunities([0.4, 0.2, 0.1], 500))
    kept = np.cumprod(1 - found["left"] / found["at_risk"])
    np.testing.assert_allclose(found["survival"], kept)
    assert (found["survival_low"] < found["survival"]).all()
    assert (found["low"] <= found["hazard"]).all()
    assert found["at_risk"].tolist()[1] == found["at_risk"][0] - found["left"][0]


def test_lengths_of_contract_are_never_pooled() -> None:
    """Monthly renewals beside yearly ones change nothing in what is said of the yearly."""
    yearly = opportunities([0.4, 0.2], 300)
    monthly = opportunities([0.01] * 8, 100, months=1, seed=2)
    both = evidence.renewals(pd.concat([yearly, monthly], ignore_index=True))
    alone = evidence.renewals(yearly)
    pd.testing.assert_frame_equal(
        both[both["months"] == 12].reset_index(drop=True), alone, check_exact=True
    )
    assert both.loc[both["months"] == 1, "opportunity"].max() == evidence.MOST_RENEWALS
    assert evidence.commonest(both)["months"].unique().tolist() == [12.0]


def test_nothing_is_said_after_a_renewal_that_few_came_to() -> None:
    """With nine at the second renewal the curve stops at the first."""
    came = opportunities([0.0, 0.0], 60)
    came = came[(came["opportunity"] == 1) | (came["account_id"].isin([f"a{k}" for k in range(9)]))]
    assert evidence.renewals(came)["opportunity"].tolist() == [1]


def test_ignoring_late_entry_flatters() -> None:
    """Customers who had to live a year to be recorded are counted from that day alone."""
    rng = np.random.default_rng(5)
    whole = rng.exponential(700, 4000)
    late = np.arange(4000) % 2 == 0
    seen = ~late | (whole > DAYS)
    lives = lifetimes(np.maximum(whole[seen], 1), [1] * int(seen.sum()))
    lives = lives.assign(entry_days=np.where(late[seen], DAYS, 0))
    lives["entry_months"] = lives["entry_days"] / 30.436875
    found = evidence.late_entry(lives)
    truth = np.exp(-found["month"] * 30.436875 / 700)
    assert found["fair"] == pytest.approx(truth, abs=0.03)
    assert found["naive"] > found["fair"] + 0.03
    parts = findings.stay(lives, evidence.curves(lives))
    assert "would have made it look like" in said(*parts)


def test_an_end_is_told_at_a_renewal_from_before_it() -> None:
    """An end on a renewal date of the account is at it, on another day before it."""
    lives = lifetimes([DAYS, 200, 300], [1, 1, 1]).assign(
        cause=["churned", "churned", "involuntary"]
    )
    terms = pd.DataFrame({"account_id": ["a0", "a1", "a2"], "term_end": [date(2024, 1, 1)] * 3})
    assert evidence._left(lives, terms).tolist() == [
        evidence.AT_RENEWAL, evidence.EARLY, evidence.INVOLUNTARY,
    ]  # fmt: skip


def test_causes_add_up_to_all_that_were_lost() -> None:
    """Shares lost by each cause sum to one less the curve; taken alone they sum to more."""
    rng = np.random.default_rng(3)
    lives = lifetimes(rng.integers(10, 1000, 600), rng.integers(0, 2, 600))
    lives["left"] = np.where(lives["lost"] == 1, rng.choice(list(evidence.CAUSES), 600), "none")
    frame = groups.causes(lives)
    last = frame.groupby("cause")["incidence"].last().sum()
    curve = evidence.curves(lives).steps
    curve = curve[~curve["suppressed"] & (curve["time"] <= frame["time"].max())]
    assert last == pytest.approx(1 - curve["survival"].iloc[-1])
    by = groups.causes_by(lives, frame)
    assert (by["alone"] >= by["incidence"]).all()
    words = findings.causes(by).text
    assert "as if the other ways out did not exist" in words
    assert "involuntarily" in words


def test_without_losses_nothing_is_made_up() -> None:
    """All still there: no causes, no groups, no median, and the answer says too little data."""
    lives = lifetimes([500.0] * 60, [0] * 60)
    past = history(opportunities([0.0], 60), lives)
    frame = groups.causes(lives)
    shown = exhibits.causes(frame, groups.causes_by(lives, frame))
    assert said(*[item for item in shown if isinstance(item, Statement)]) == "No customer was lost."
    assert isinstance(groups.groups(lives), Untold)
    renewals = evidence.renewals(past.opportunities)
    answer = findings.answer(past, renewals, groups.groups(lives))
    assert [one.verdict for one in answer] == ["too_little_data"]
    assert "Half of the customers are not gone yet" in said(
        *findings.stay(lives, evidence.curves(lives))
    )
    assert isinstance(evidence.sorting(evidence.commonest(renewals)), Untold)
    kept = saved.of_staying(past, renewals, groups.groups(lives), groups.causes_by(lives, frame))
    assert kept[0].id == "too-little-data"
    assert kept[0].verdict == "too_little_data"


@pytest.mark.parametrize(
    ("came", "lost", "words"),
    [
        (240, 0, "Too few customers were lost to say how long customers stay: 0 of 60 customers "
                 "were lost, though 240 renewals came."),
        (0, 0, "Too few customers have come to a renewal or were lost"),
        (0, 20, "Too few customers have come to a renewal to say how long customers stay: "
                "0 renewals came."),
    ],
)  # fmt: skip
def test_what_is_too_few_is_named_and_what_is_plenty_is_not(
    came: int, lost: int, words: str
) -> None:
    """Renewals came in plenty and nobody left: the losses are too few, not the renewals."""
    lives = lifetimes([500.0] * 60, [1] * lost + [0] * (60 - lost))
    past = history(opportunities([0.0] * 4, came // 4), lives)
    answer = findings.answer(past, evidence.renewals(past.opportunities), groups.groups(lives))
    assert answer[0].text.startswith(words)
    assert answer[0].verdict == "too_little_data"


def test_a_handful_of_customers_gets_sentences_and_no_figure() -> None:
    """Nine customers, one lost: no curve, no share, and no dash where a number should stand."""
    lives = lifetimes([400.0] * 9, [1, *[0] * 8], entry=30.0)
    past = history(opportunities([0.1], 5), lives)
    frame = groups.causes(lives)
    usual = evidence.commonest(evidence.renewals(past.opportunities))
    shown = (
        *exhibits.stay(past), *exhibits.causes(frame, groups.causes_by(lives, frame)),
        *exhibits.sorted_out(usual, evidence.sorting(usual)),
    )  # fmt: skip
    words = said(*[item for item in shown if isinstance(item, Statement)])
    assert all(isinstance(item, Statement) for item in shown)
    assert "no curve is shown" in words
    assert "Lost so far: 1 customer. 1 left by choice at a renewal." in words
    assert "–" not in words


def test_no_records_at_all_are_said_not_drawn() -> None:
    """An empty history gives sentences and no figure."""
    empty = history(opportunities([0.1], 0), lifetimes([], []))
    shown = (*exhibits.stay(empty), *exhibits.by_renewal(evidence.renewals(empty.opportunities)))
    assert all(isinstance(item, Statement) for item in shown)


@pytest.mark.parametrize(
    ("chances", "words"),
    [
        ([0.4, 0.1], "The first renewal is the risky one"),
        ([0.2, 0.2], "No renewal stands out"),
        ([0.3], "Only one renewal has been reached"),
    ],
)
def test_a_risky_renewal_is_named_only_when_it_stands_out(chances: list[float], words: str) -> None:
    """Intervals that overlap are too close to tell apart."""
    own = evidence.commonest(evidence.renewals(opportunities(chances, 600)))
    assert "".join(map(str, map(_text, findings.risk_parts(own)))).startswith(words)


def test_the_answer_counts_a_hundred_customers() -> None:
    """60 of 100 after the first renewal, and the interval that belongs to it."""
    came = opportunities([0.0, 0.0], 100)
    came.loc[came["account_id"].isin([f"a{k}" for k in range(40)]), "lost"] = 1
    came = came[~((came["lost"] == 1) & (came["opportunity"] == 2))]
    own = evidence.commonest(evidence.renewals(came))
    words = "".join(map(_text, findings.hundred_parts(own)))
    assert words.startswith("Of 100 customers who begin with 12-month contracts, 60 (50 to 69)")
    assert "60 (50 to 69) after the second." in words


@pytest.mark.parametrize(
    ("chances", "n", "words"),
    [
        # Beta(1, 2): the k-th renewal is lost with chance 1 / (k + 2).
        ([1 / 3, 1 / 4, 1 / 5, 1 / 6], 4000, "is no sign of customers who grow loyal"),
        ([0.2, 0.2, 0.2], 1500, "Neither shows"),
        ([0.1, 0.3, 0.6], 3000, "Something else changes"),
        ([0.3], 100, "cannot be said from this history"),
    ],
)
def test_rising_renewal_is_held_against_sorting(chances: list[float], n: int, words: str) -> None:
    """The planted course of renewals gets its own sentence."""
    own = evidence.commonest(evidence.renewals(opportunities(chances, n)))
    fit = evidence.sorting(own)
    assert words in findings.sorting(own, fit).text
    if not isinstance(fit, Untold):
        frame = evidence.sorted_frame(own, fit)
        np.testing.assert_allclose(frame["rate"], 1 - own["hazard"])


def test_groups_that_differ_are_named_and_small_ones_left_out() -> None:
    """The planted order of two groups, and the third by name."""
    rng = np.random.default_rng(7)
    long, short = rng.exponential(2000, 200), rng.exponential(500, 200)
    days = np.r_[long, short, [100.0] * 5]
    label = ["long"] * 200 + ["short"] * 200 + [HOSTILE] * 5
    past = history(lives=lifetimes(np.clip(days, 1, 1000), days < 1000, group=label))
    found = groups.groups(past.lifetimes)
    assert not isinstance(found, Untold)
    assert found.left_out == (HOSTILE,)
    first, out = findings.groups(found)
    assert "long customers stay" in first.text
    assert HOSTILE in out.text
    assert "short customers leave soonest" in "".join(map(_text, findings.who_parts(found)))
    shown = exhibits.groups(past, found)
    assert any(isinstance(item, Exhibit) for item in shown)


def test_groups_alike_are_not_told_apart() -> None:
    """The same curve twice: no difference to act on."""
    rng = np.random.default_rng(11)
    days = rng.exponential(800, 300)
    lives = lifetimes(np.clip(days, 1, 1000), days < 1000, group=["x", "y"] * 150)
    found = groups.groups(lives)
    assert not isinstance(found, Untold)
    assert "cannot be told apart" in "".join(map(_text, findings.who_parts(found)))
    assert "no difference to act on" in findings.groups(found)[0].text


def judged(n: int, effect: float, *, seed: int = 2) -> tuple[History, pd.DataFrame]:
    """Return renewals and a panel in which each day of use moves the log odds by `effect`."""
    rng = np.random.default_rng(seed)
    came = opportunities([0.0] * 3, n)
    use = rng.integers(0, 41, len(came))
    chance = 1 / (1 + np.exp(-(-1.0 + effect * (use - 20))))
    lost = (rng.random(len(came)) < chance).astype(int)
    came = came.assign(event=lost, lost=lost, cause=np.where(lost == 1, "churned", "none"))
    panel = pd.DataFrame(
        {
            "subscription_id": came["subscription_id"],
            "as_of_date": came["opportunity_date"] - pd.Timedelta(days=90),
            "term_end": came["opportunity_date"],
            "active_days__first_60d": pd.array(use, dtype="Int64"),
            "champions_left__to_date": rng.integers(0, 2, len(came)),
            "nps__to_date": np.full(len(came), np.nan),
        }
    )
    return history(came), panel


def test_a_planted_link_is_found_with_its_size() -> None:
    """20 days more at -0.05 each: odds of exp(-1), chances on both sides as planted."""
    past, panel = judged(1500, -0.05)
    due = survival_due.due(past, panel, first_days=60, window_days=28)
    found = drivers.drivers(due)
    assert not isinstance(found, Untold)
    row = found.table.set_index("name").loc[survival_due.FIRST_USE]
    apart = row["high_value"] - row["low_value"]
    assert row["low"] < np.exp(-0.05 * apart) < row["high"]
    for end in ("low", "high"):
        planted = 1 / (1 + np.exp(-(-1.0 - 0.05 * (row[f"{end}_value"] - 20))))
        assert row[f"risk_{end}"] == pytest.approx(planted, abs=0.03)
    assert bool(row["clear"])
    assert not bool(found.table.set_index("name").loc[survival_due.CHAMPION, "clear"])
    statements = told.drivers(due, found, "USD")
    assert "went with fewer losses" in statements[0].text
    assert "No clear link" in said(*statements)
    assert "mean answer to the recommendation question (NPS)" in due.absent
    assert not CAUSAL.search(said(*statements))


def test_links_that_change_after_the_first_renewal_are_said() -> None:
    """Use that goes with staying at the first renewal and with leaving later is not one link."""
    past, panel = judged(1500, 0.0)
    use = panel["active_days__first_60d"].astype(float)
    sign = np.where(past.opportunities["opportunity"] == 1, -1.0, 1.0)
    chance = 1 / (1 + np.exp(-(-1.0 + 0.06 * sign * (use - 20))))
    lost = (np.random.default_rng(4).random(len(chance)) < chance).astype(int)
    past = history(past.opportunities.assign(event=lost))
    found = drivers.drivers(survival_due.due(past, panel, first_days=60, window_days=28))
    assert not isinstance(found, Untold)
    assert found.p_same < 0.001
    assert found.differs == ("days of use in the first 60 days of the term",)


def test_with_few_leavers_only_strong_links_could_show() -> None:
    """No link and few leavers: said as such, and no test of change is made."""
    past, panel = judged(20, 0.0)
    due = survival_due.due(past, panel, first_days=60, window_days=28)
    found = drivers.drivers(due)
    assert not isinstance(found, Untold)
    assert np.isnan(found.p_same)
    assert "only strong links could have shown" in said(*told.drivers(due, found, "USD"))


def test_too_few_leavers_are_untold() -> None:
    """Nobody left: the section gives the reason, nothing else."""
    past, panel = judged(40, 0.0)
    past = history(past.opportunities.assign(event=0))
    due = survival_due.due(past, panel, first_days=60, window_days=28)
    found = drivers.drivers(due)
    assert isinstance(found, Untold)
    shown = model_exhibits.drivers(due, found, Untold("x"), "USD")
    assert [type(item) for item in shown] == [Statement]


def test_early_leavers_are_learnt_from_with_the_stayers_of_their_age() -> None:
    """Early leavers whose terms ended after the day of learning are not learnt from."""
    past, panel = judged(400, 0.0)
    # Of half the customers the last renewal came too late to be learnt from and too early to judge.
    odd = past.opportunities["account_id"].str[1:].astype(int) % 2 == 1
    later = pd.to_timedelta(np.where(odd, 100, 0), "D")
    came = past.opportunities.assign(
        opportunity_date=past.opportunities["opportunity_date"] + later
    )
    panel = panel.assign(as_of_date=panel["as_of_date"] + later, term_end=panel["term_end"] + later)
    known_by = pd.Timestamp(AS_OF) - pd.Timedelta(days=DAYS + 30 + 30)
    known = came["opportunity_date"] <= known_by
    left_early = (came["event"] == 1) & ~known
    moved = came.assign(
        opportunity_date=came["opportunity_date"]
        - pd.to_timedelta(np.where(left_early, 80, 0), "D")
    )
    assert (moved["opportunity_date"] <= known_by).sum() > known.sum()
    counts = []
    for rows in (came, moved):
        due = survival_due.due(history(rows), panel, first_days=60, window_days=28)
        found = drivers.foretold(due, AS_OF, 30)
        assert not isinstance(found, Untold)
        counts.append(found["n_learnt"])
    assert counts == [known.sum()] * 2


def test_a_column_that_knows_the_outcome_stops_the_page() -> None:
    """A leak is a fault of the data, not too little of it."""
    past, panel = judged(400, 0.0)
    leak = panel.assign(active_days__first_60d=past.opportunities["event"] * 30 + 1)
    leak.loc[::7, "active_days__first_60d"] = 20
    due = survival_due.due(past, leak, first_days=60, window_days=28)
    exact = due.frame.assign(told_early_use=due.frame["event"].astype(float))
    with pytest.raises(DataError):
        drivers.drivers(survival_due.Due(exact, due.columns, (), 0))


def test_what_only_echoes_the_level_of_adoption_is_said_to() -> None:
    """Leaving hangs on the level, which early use goes with: clear until the level is known."""
    rng = np.random.default_rng(19)
    n = 1500
    use = rng.normal(30, 10, n).clip(0)
    met = use + rng.normal(0, 6, n) > 30
    came = opportunities([0.0], n)
    lost = (rng.random(n) < np.where(met, 0.1, 0.45)).astype(int)
    ago = pd.to_timedelta(np.where(np.arange(n) % 2 == 0, 700, 60), "D")
    came = came.assign(
        event=lost, lost=lost, cause=np.where(lost == 1, "churned", "none"),
        opportunity_date=pd.Timestamp(AS_OF) - ago,
    )  # fmt: skip
    panel = pd.DataFrame(
        {
            "subscription_id": came["subscription_id"],
            "as_of_date": came["opportunity_date"] - pd.Timedelta(days=90),
            "term_end": came["opportunity_date"], "active_days__first_60d": use,
        }
    )  # fmt: skip
    level = survival_due.Level(
        pd.Series(met, index=came["subscription_id"], dtype="boolean"), learnt=True
    )
    past = history(came)
    asked: dict[str, Any] = {"first_days": 60, "window_days": 28}
    alone = drivers.drivers(survival_due.due(past, panel, **asked))
    due = survival_due.due(past, panel, **asked, level=level)
    both = drivers.drivers(due)
    assert not isinstance(alone, Untold)
    assert not isinstance(both, Untold)
    assert alone.table.set_index("name")["clear"]["early_use"]
    assert alone.echoes.empty
    found = both.table.set_index("name")
    assert found["clear"].to_dict() == {"level": True, "early_use": False}
    assert both.echoes["name"].tolist() == ["early_use"]
    assert both.echoes["odds_alone"][0] == pytest.approx(
        alone.table.set_index("name")["odds"]["early_use"]
    )
    words = said(*told.drivers(due, both, "USD"))
    assert "echo the level of adoption" in words
    assert "learnt from these same renewals" in words
    later = drivers.foretold(due, AS_OF, 30)
    assert not isinstance(later, Untold)
    assert later.pop("without_level")
    assert "without the level of adoption" in told.later({**later, "without_level": True}).text
    alone_later = drivers.foretold(survival_due.due(past, panel, **asked), AS_OF, 30)
    assert alone_later == {**later, "without_level": False}
    assert "Days of use in the first 60 days of the term went with fewer" not in words
    assert "No clear link" not in words
    kept = saved.of_models(both, Untold(""), Untold(""), Untold(""), Untold(""), "USD")
    assert {one.id: one.verdict for one in kept} == {
        "adoption-level": None, "driver-early_use": "none",
    }  # fmt: skip


def test_one_clear_link_in_seven_must_be_seven_times_as_clear() -> None:
    """Holm: the smallest p is multiplied by how many were looked at."""
    adjusted = drivers._holm(np.array([0.04, 0.001, 0.5]))
    np.testing.assert_allclose(adjusted, [0.08, 0.003, 0.5])


def test_adoption_without_effect_shows_none_when_fairly_timed() -> None:
    """Leaving and adopting by themselves: the naive ratio is far below 1, the timed one is not."""
    rng = np.random.default_rng(9)
    life, when = rng.exponential(600, 1500), rng.exponential(400, 1500)
    end = np.minimum(life, 1200).clip(1)
    lives = lifetimes(end, life < 1200)
    days = pd.Series(np.where(when < end, when, np.nan))
    found = adoption.Reached("x", "reached adoption", lives, days, 0)
    compared = adoption.compared(found)
    assert not isinstance(compared, Untold)
    by = compared.table.set_index("how")
    low, high = (by[end]["timed"] for end in ("low", "high"))
    assert low < 1 < high
    assert by["high"]["naive"] < 0.6
    words = timed.adoption(found, compared)
    assert "no difference that can be told" in words[0].text
    assert not CAUSAL.search(said(*words))


def monthly_and_yearly(n: int = 1600) -> tuple[pd.DataFrame, pd.Series]:
    """Return months that leave often and adopt late, beside years; no link in either."""
    rng = np.random.default_rng(41)
    year = np.arange(n) % 2 == 0
    life = np.where(year, 365 * rng.geometric(0.25, n), 30 * rng.geometric(0.12, n))
    when = rng.exponential(np.where(year, 150, 1500), n)
    lives = lifetimes(np.minimum(life, 1200), life < 1200)
    lives = lives.assign(term_months=np.where(year, 12.0, 1.0))
    return lives, pd.Series(np.where(when < lives["duration_days"], when, np.nan))


def test_a_month_that_ends_stands_for_no_year_that_cannot() -> None:
    """No link within either length: none is shown, which the usual comparison would have found."""
    lives, days = monthly_and_yearly()
    compared = adoption.compared(adoption.Reached("x", "reached adoption", lives, days, 0))
    assert not isinstance(compared, Untold)
    fair = compared.table.set_index("how").loc["timed"]
    assert compared.n_lengths == 2
    assert fair["low"] < 1 < fair["high"]
    spells = survival.adoption_spells(lives, days)
    pooled = survival.time_varying_cox(spells, ("adopted",)).coefficients.iloc[0]
    assert pooled["ratio_high"] < 0.8
    words = said(*timed.adoption(adoption.Reached("x", "did", lives, days, 0), compared))
    assert "of the same group and length of contract" in words


def changing(late: float) -> adoption.Reached:
    """Return customers of whom adopters leave at .2 of the rate for a year, then at `late`."""
    rng = np.random.default_rng(43)
    n = 2400
    adopts = rng.random(n) < 0.5
    early, after = rng.exponential(500, (2, n))
    early = early / np.where(adopts, 0.2, 1.0)
    life = np.where(early < 365, early, 365 + after / np.where(adopts, late, 1.0)).clip(11)
    lives = lifetimes(np.minimum(life, 1200), life < 1200)
    return adoption.Reached(
        "x", "reached adoption", lives, pd.Series(np.where(adopts, 10.0, np.nan)), 0
    )


def test_one_ratio_for_all_times_is_said_only_while_the_exact_test_bears_it() -> None:
    """.2 throughout is "at any time"; .2 and then 1.2 are two ratios, the first far below."""
    steady = changing(0.2)
    compared = adoption.compared(steady)
    assert not isinstance(compared, Untold)
    assert compared.p_same > 0.05
    words = timed.adoption(steady, compared)[0].text
    assert words.startswith("At any time, customers that had reached adoption left at 0.")
    fair = compared.table.set_index("how").astype(float).loc["timed"]
    assert fair["low"] < 0.2 < fair["high"]
    assert compared.table["how"].tolist() == ["timed", "naive"]

    turning = changing(1.2)
    compared = adoption.compared(turning)
    assert not isinstance(compared, Untold)
    assert compared.p_same < 0.001
    by = compared.table.set_index("how")
    assert by.loc["early", "high"] < 0.6
    assert by.loc["late", "low"] > by.loc["early", "high"]
    shown = timed.adoption(turning, compared)
    assert "At any time" not in said(*shown)
    assert f"up to day {round(compared.cut_day)}" in shown[0].text
    assert "One ratio for all times is refuted" in shown[0].text
    kept = saved.of_models(Untold(""), turning, compared, Untold(""), Untold(""), "USD")
    assert [one.id for one in kept] == ["adoption-early", "adoption-late"]
    figure = model_exhibits.adoption(turning, compared)[-1]
    assert isinstance(figure, Exhibit)
    assert "after day" in figure.alt


def test_pieces_are_cut_where_a_column_may_change() -> None:
    """A piece over the moment becomes two, the event in the later; one that ends at it stays."""
    rows = pd.DataFrame({"start": [0.0, 0.0, 5.0], "stop": [9.0, 5.0, 9.0], "event": [1, 1, 0]})
    cut = survival.cut_at(rows, 5.0)
    assert cut.to_numpy().tolist() == [[0, 5, 0], [5, 9, 1], [0, 5, 1], [5, 9, 0]]


def test_a_level_of_this_page_alone_is_called_by_its_numbers() -> None:
    """Without a level in force the word adoption stands for nothing but its absence."""
    lives, days = monthly_and_yearly()
    own = adoption.Reached("having used f 32 times since the customer began", "used f 32 times",
                           lives, days, 70, why="none is stated")  # fmt: skip
    compared = adoption.compared(own)
    words = timed.adoption(own, compared)
    assert "customers that had used f 32 times left at" in words[0].text
    assert "adoption" not in words[0].text
    assert words[1].text.startswith("Compared is here: having used f 32 times")
    assert "No level of adoption is in force (none is stated)" in words[1].text
    learnt = adoption.Reached("y", "reached adoption", lives, days, 0, learnt=True)
    assert "learnt from the same customers" in timed.adoption(learnt, compared)[1].text


def test_adoption_is_dated_by_the_nth_use_since_the_start() -> None:
    """Uses before the episode count nothing; the day on which the third is made counts."""
    lives = lifetimes([400, 400], [0, 0])
    day = [date(2022, 12, 30), date(2023, 1, 5), date(2023, 1, 5), date(2023, 2, 1)]
    events = pd.DataFrame({"account_id": "a0", "event_date": day, "feature": "f", "quantity": None})
    found = adoption._nth_use(_events(events), lives, "f", 3)
    assert found[0] == (date(2023, 2, 1) - date(2023, 1, 1)).days
    assert np.isnan(found[1])


def test_a_record_of_several_uses_counts_as_several() -> None:
    """Records of 3, 2, none and 4 uses are 3, 5, 6 and 10 uses: the sixth is made on day 40."""
    lives = lifetimes([400, 400], [0, 0])
    day = [date(2023, 1, 1) + timedelta(days=days) for days in (10, 20, 40, 80)]
    events = pd.DataFrame(
        {"account_id": "a1", "event_date": day, "feature": "f", "quantity": [3, 2, None, 4]}
    )
    for often, reached in ((3, 10), (5, 20), (6, 40), (7, 80), (10, 80)):
        assert adoption._nth_use(_events(events), lives, "f", often)[1] == reached
    assert np.isnan(adoption._nth_use(_events(events), lives, "f", 11)[1])


def test_adoption_that_nobody_lacks_is_not_compared() -> None:
    """All reached it: the sentence counts them."""
    lives = lifetimes([400.0] * 50, [1, 0] * 25)
    found = adoption.Reached("x", "reached adoption", lives, pd.Series([5.0] * 50), 0)
    compared = adoption.compared(found)
    assert isinstance(compared, Untold)
    assert "50 of 50 customers reached it" in timed.adoption(found, compared)[0].text
    assert isinstance(adoption.compared(Untold("why")), Untold)


def running(n: int = 50) -> pd.DataFrame:
    """Return yearly terms that began today."""
    return pd.DataFrame(
        {
            "subscription_id": [f"s{k}" for k in range(n)],
            "account_id": [f"a{k}" for k in range(n)],
            "episode": 1, "opportunity": 1, "term_months": 12, "months_to_renewal": 12.0,
            "months_as_customer": 12.0, "arr": 1000.0, "group": "g0", "in_notice": False,
            "term_start": pd.Timestamp(AS_OF), "opportunity_date": pd.Timestamp(2027, 6, 30),
        }
    )  # fmt: skip


def test_years_expected_are_the_sum_of_the_chances_to_be_there() -> None:
    """A quarter lost at each of four renewals: 1 + .75 + .75² + ... years of the next five."""
    came = opportunities([0.25] * 4, 4000)
    past = History(came, lifetimes([1], [0]), running(), AS_OF, 30)
    found = value.worth(past, horizon_years=5, discount_rate=0.0)
    assert not isinstance(found, Untold)
    row = found.table.iloc[0]
    planted = sum(0.75**k for k in range(5))
    assert row["years_low"] < planted < row["years_high"]
    assert row["value"] == pytest.approx(row["years"] * 50 * 1000, rel=1e-6)
    assert row["value"] == pytest.approx(row["undiscounted"])
    assert row["beyond"] == pytest.approx(0.75**4 / planted, abs=0.02)
    later = value.worth(past, horizon_years=5, discount_rate=0.2)
    assert not isinstance(later, Untold)
    assert later.table["value"].iloc[0] < row["value"]


def test_contracts_in_notice_are_worth_no_ordinary_renewal() -> None:
    """With 20 of 50 in notice the rest are valued as if alone, and the 20 are named beside it."""
    came = opportunities([0.25] * 4, 400)
    now = running().assign(in_notice=np.arange(50) < 20)

    def worth(rows: pd.DataFrame) -> value.Value | Untold:
        past = History(came, lifetimes([1], [0]), rows, AS_OF, 30)
        return value.worth(past, horizon_years=5, discount_rate=0.1)

    both, alone = worth(now), worth(running(30))
    assert not isinstance(both, Untold)
    assert not isinstance(alone, Untold)
    pd.testing.assert_frame_equal(both.table, alone.table)
    assert (both.n_in_notice, both.arr_in_notice) == (20, 20_000.0)
    words = said(*told.worth(both, "USD"))
    assert "Left out of both: 20 contracts in notice ($20,000 a year)." in words
    assert "Left out" not in said(*told.worth(alone, "USD"))
    assert isinstance(worth(now.assign(in_notice=True)), Untold)


@pytest.mark.parametrize(("years", "role"), [(3, "note"), (10, "caution")])
def test_money_beyond_what_was_seen_is_warned_of(years: int, role: str) -> None:
    """Within what was followed a note; more than 30 % beyond it a caution."""
    past = History(opportunities([0.1] * 4, 800), lifetimes([1], [0]), running(), AS_OF, 30)
    found = value.worth(past, horizon_years=years, discount_rate=0.1)
    words = told.worth(found, "USD")
    assert words[1].role == role
    assert ("plan with the next renewals" in words[1].text) == (role == "caution")
    assert not CAUSAL.search(said(*words))


def test_a_year_ago_is_judged_by_customers_followed_for_a_year() -> None:
    """Chances that were right: expected and lost agree, thirds inside, no future used."""
    rng = np.random.default_rng(13)
    n, day = 600, value.a_year_before(AS_OF, 30)
    assert AS_OF - timedelta(days=30) - day >= timedelta(days=DAYS)
    before = History(
        opportunities([0.3, 0.3, 0.3], 900), lifetimes(rng.integers(200, 900, 200), [1] * 200),
        running(n).assign(months_to_renewal=6.0), day, 30,
    )  # fmt: skip
    lost = (rng.random(n) < 0.3).astype(int)
    so_far = 183
    days = np.where(lost == 1, so_far + 183, so_far + 366)
    after = lifetimes(days, lost).assign(start=pd.Timestamp(day) - pd.Timedelta(days=so_far))
    found = value.foretold(
        before, History(before.opportunities, after, running(), AS_OF, 30), rng=rng
    )
    assert not isinstance(found, Untold)
    assert found.n == n
    assert found.lost == lost.sum()
    own = found.table.set_index("model").loc[value.BY_RENEWAL]
    assert own["expected"] == pytest.approx(found.lost, rel=0.15)
    assert found.horizons["n_lost"].tolist() == [0, found.lost, found.lost]
    words = said(*told.foretold(found))
    assert f"{found.lost} were." in words
    assert not CAUSAL.search(words)


def test_thirds_that_were_off_are_named() -> None:
    """A chance outside the interval of what came true is said, third by third."""
    chance = np.repeat([0.1, 0.3, 0.5], 200)
    lost = np.concatenate([np.r_[np.ones(round(200 * p)), np.zeros(200 - round(200 * p))]
                           for p in (0.1, 0.3, 0.2)]).astype(int)  # fmt: skip
    thirds = value._thirds(chance, lost)
    parts = "".join(map(_text, told._fits({"fit_p": 0.5}, thirds)))
    assert "most likely to leave it said 50" in parts
    assert "least likely" not in parts


def test_models_that_a_group_separates_are_left_out_and_leaks_are_not() -> None:
    """`told` takes as an answer only what it is told to."""

    def refuse(error: Exception) -> Any:
        def compute() -> None:
            raise error

        return compute

    assert evidence.told(refuse(TooLittleDataError("few", repair="wait"))) == Untold("few; wait")
    with pytest.raises(DataError):
        evidence.told(refuse(DataError("leak")))
    assert evidence.told(refuse(DataError("all left")), (DataError,)) == Untold("all left")


def test_curves_are_steps_and_end_where_too_few_are_watched() -> None:
    """No line slopes: each trace is drawn flat to the next step; nothing hostile is drawn raw."""
    rng = np.random.default_rng(1)
    lives = lifetimes(rng.integers(50, 900, 200), rng.integers(0, 2, 200), group=HOSTILE)
    curves = survival.kaplan_meier(lives["months"], lives["lost"], groups=lives["group"])
    shown = exhibits.over_months(curves, lives, id="x", table="x-table", title="t", alone=False)
    line = next(trace for trace in shown.figure.data if trace.line.shape == "hv")
    assert HOSTILE not in shown.figure.to_json()
    steps = curves.steps[~curves.steps["suppressed"]]
    assert len(line.x) == len(steps)
    assert (curves.steps["at_risk"][curves.steps["suppressed"]] < 10).all()


def test_every_number_of_the_page_links_to_a_table_on_it() -> None:
    """All links of the sentences above the figures lead to a table that is shown."""
    came = opportunities([0.3, 0.15, 0.1], 500, groups=2)
    rng = np.random.default_rng(2)
    lives = lifetimes(rng.integers(100, 1000, 300), rng.integers(0, 2, 300), group=["u", "v"] * 150)
    past = History(came, lives, running(), AS_OF, 30)
    renewals, own = evidence.renewals(came), groups.groups(lives)
    usual = evidence.commonest(renewals)
    frame = groups.causes(lives)
    worth = value.worth(past, horizon_years=5, discount_rate=0.1)
    shown = [
        *findings.answer(past, renewals, own), findings.doubt(past, renewals),
        *exhibits.stay(past), *exhibits.by_renewal(renewals),
        *exhibits.sorted_out(usual, evidence.sorting(usual)), *exhibits.groups(past, own),
        *exhibits.causes(frame, groups.causes_by(lives, frame)),
        *model_exhibits.worth(worth, "USD"), exhibits.counted(evidence.counts(past)),
    ]  # fmt: skip
    tables = {item.id for item in shown if isinstance(item, Table)}
    tables |= {item.table.id for item in shown if isinstance(item, Exhibit)}
    statements = [item for item in shown if isinstance(item, Statement)]
    links = {part.href for one in statements for part in one.parts if isinstance(part, Number)}
    assert links <= {f"#{name}" for name in tables}
    assert not CAUSAL.search(said(*statements))
    kept = saved.of_staying(past, renewals, own, groups.causes_by(lives, frame))
    assert len({one.id for one in kept}) == len(kept)
    assert {one.table for one in kept} <= tables


def _events(rows: pd.DataFrame) -> ibis.Table:
    """Return events in the types of the contract."""
    return ibis.memtable(rows.astype({"quantity": "float64"}))


def _text(part: Any) -> str:
    return part.text if isinstance(part, Number) else str(part)
