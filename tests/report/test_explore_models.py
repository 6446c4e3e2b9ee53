"""One customer, so many calls, and what if: by hand the same as on the page, to the last digit."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.learn import churn
from cs_models.learn.evaluation import decisions
from cs_models.learn.health import Play
from cs_models.learn.predictors import columns, forms, moved
from cs_models.report import explore
from cs_models.report.display import Exhibit, Statement
from cs_models.report.evidence import callers, coming, customer, predictors
from cs_models.report.evidence import ramps as ramps_evidence
from cs_models.report.evidence.predictors import Learnt, Today
from cs_models.report.explore import asked, moving
from cs_models.report.explore.accounts import Customers
from cs_models.report.explore.calls import CHANCE, Capacity
from cs_models.report.explore.moving import Moving
from cs_models.report.findings import colours
from tests.report import idle

AS_OF = date(2026, 6, 30)
PLAY = Play(cost=Decimal(1500), margin=0.8, save_rate_low=0.1, save_rate_high=0.3)
HOSTILE = '<img src=x onerror="window.hacked=1">'
IDLE, TREND = "days_since_last_use__to_date", "trend__last_28d"


def _panel(n_terms: int, seed: int) -> pd.DataFrame:
    """Return yearly terms of accounts whose days without use go with leaving."""
    rng = np.random.default_rng(seed)
    frame = idle.terms(rng, n_terms, effect=1.2)
    surveyed = rng.random(n_terms) < 0.7
    return frame.assign(
        account_name=[HOSTILE if i == 1 else f"Name {i}" for i in range(n_terms)],
        nps__to_date=np.where(surveyed, rng.integers(0, 11, n_terms), np.nan),
        our_contacts_lagged__last_28d=rng.poisson(1 + frame[IDLE] / 30).astype(float),
    )


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Return a history in which idle customers leave."""
    return _panel(700, seed=2)


@pytest.fixture(scope="module")
def learnt(history: pd.DataFrame) -> Learnt:
    """Return what is learnt from it, believing the trees."""
    past = churn.backtest(history, as_of=AS_OF, n_halves=0, random_state=1)
    model = churn.fit(history, past, level="L4", n_refits=20, random_state=1)
    return Learnt(replace(past, chosen="L4"), model, "", {})


@pytest.fixture(scope="module")
def due() -> coming.Due:
    """Return those who come up."""
    frame = _panel(40, seed=5)
    end = pd.Timestamp(AS_OF) + pd.to_timedelta(np.linspace(50, 130, 40).round(), unit="D")
    frame = frame.assign(
        term_end=end, term_start=end - pd.Timedelta(days=365), as_of_date=pd.Timestamp(AS_OF),
        churned=np.nan, in_notice=False, decided=False,
        account_id=[f"n{i}" for i in range(40)],
    )  # fmt: skip
    return coming.due(frame, as_of=AS_OF, decision_days=90)


@pytest.fixture(scope="module")
def today(learnt: Learnt, due: coming.Due) -> Today:
    """Return what is said of them."""
    said = predictors.today(learnt, due, PLAY)
    assert said is not None
    return said


@pytest.fixture(scope="module")
def called(learnt: Learnt, history: pd.DataFrame) -> callers.Calls:
    """Return what ten calls a quarter would have reached."""
    found = callers.calls(learnt, history, k=10, play=PLAY, rng=np.random.default_rng(4))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def capacity(
    learnt: Learnt, called: callers.Calls, today: Today, history: pd.DataFrame
) -> Capacity:
    """Return what a turn of the capacity explorer reads."""
    return Capacity.of(learnt, called, today, history, currency="USD")


@pytest.fixture(scope="module")
def moves(learnt: Learnt, due: coming.Due, history: pd.DataFrame, today: Today) -> Moving:
    """Return what a turn of the what-if explorer reads."""
    return Moving.of(learnt, due, history, today.limits)


def _text(shown: list[Any]) -> str:
    return " ".join(each.text for each in shown if isinstance(each, Statement))


def test_any_customer_is_told_as_the_page_tells_the_first(
    today: Today, due: coming.Due, history: pd.DataFrame
) -> None:
    """What is worked out for all at once is, of each, what is worked out for it alone."""
    options: dict[str, Any] = {"by": "segment", "grace_days": 30}
    every = customer.looks(today, due.terms, history, rng=np.random.default_rng(0), **options)
    for term in today.risk["subscription_id"].iloc[[0, 7, -1]]:
        alone = customer.look(term, today, due, history, rng=np.random.default_rng(0), **options)
        mine = every.of(term)
        assert alone is not None
        assert mine is not None
        assert mine.risk == alone.risk
        assert mine.near_summary == pytest.approx(alone.near_summary)
        for name in ("parts", "places", "near"):
            pd.testing.assert_frame_equal(getattr(mine, name), getattr(alone, name))
    assert every.of("nobody") is None


def test_a_row_of_the_table_chooses_the_customer(
    today: Today, due: coming.Due, history: pd.DataFrame
) -> None:
    """A click in the list drives the explorer, and a name like markup stays text."""
    view = explore.customer_view(today, due, history, by="segment", grace_days=30, currency="USD")
    listed = view.children[1]
    place = int(np.flatnonzero(today.risk["account_name"] == HOSTILE)[0])
    listed.selected_rows = [place]
    assert view.knobs["who"].value == today.risk["subscription_id"].iloc[place]
    for words in (view.said.value, view.behind.value, listed._dt_args["data_json"]):
        assert "<img" not in words
    assert "&lt;img" in view.said.value
    listed.selected_rows = []
    none = explore.customer_view(None, due, history, by=None, grace_days=30, currency="USD")
    assert "Nobody is given a chance" in none.said.value


def test_use_week_by_week_stands_beside_contracts_of_the_same_length(
    today: Today, due: coming.Due, history: pd.DataFrame
) -> None:
    """A contract of the common length is drawn; of any other the page says why it is not."""
    term = str(today.risk["subscription_id"].iloc[0])
    n = 60
    names = [term, *(f"p{i}" for i in range(n))]
    terms = pd.DataFrame(
        {
            "subscription_id": names, "account_id": names, "churned": [None, *([0, 1] * 30)],
            "seats": 10.0, "length_days": 364, "seen_days": [70, *([364] * n)], "term_months": 12,
            "past": [False, *([True] * n)], "running": [True, *([False] * n)], "watched": True,
        }
    )  # fmt: skip
    weekly = pd.DataFrame(
        [(name, week, 20.0 + week) for name in names for week in range(52)],
        columns=["subscription_id", "week", "all use"],
    )
    courses = ramps_evidence.Courses(terms, weekly, (), AS_OF, AS_OF)
    options: dict[str, Any] = {"by": "segment", "grace_days": 30, "currency": "USD"}
    told = Customers.of(today, due, history, courses=courses, **options)
    last = told.at(term)[-1]
    assert isinstance(last, Exhibit)
    rows = [dict(zip(last.table.columns, row, strict=True)) for row in last.table.rows]
    assert rows[0]["own"] == pytest.approx(2.0)
    assert [row["own"] for row in rows if row["week"] > 10] == [None] * len(
        [row for row in rows if row["week"] > 10]
    )
    other = told.at(str(today.risk["subscription_id"].iloc[1]))[-1]
    assert isinstance(other, Statement)
    assert "not such a contract" in other.text


def test_with_a_call_for_everybody_all_lists_catch_all(capacity: Capacity) -> None:
    """At as many calls as there are contracts no list is ahead of any, nor of the lot."""
    table = capacity.table(capacity.longest, PLAY, 0.2)
    assert table["recall"].tolist() == pytest.approx([1.0] * len(table))
    assert table["arr_caught"].tolist() == pytest.approx([1.0] * len(table))
    assert table["net"].tolist() == pytest.approx([table["net"].iloc[0]] * len(table))


def test_at_the_calls_of_the_run_the_numbers_are_those_of_the_page(
    capacity: Capacity, called: callers.Calls
) -> None:
    """Shares, their intervals and the figure at the run's own number of calls are the export's."""
    table = capacity.table(called.k, PLAY, 0.2).set_index("ranking")
    for name in ("model", "arr", "loss"):
        for measure in decisions.MEASURES:
            page = called.value(name, measure)
            ends = [table.loc[name, f"{measure}{end}"] for end in ("", "_low", "_high")]
            assert ends == [page["value"], page["low"], page["high"]]
    own = table.loc["model"]
    assert own["n_caught"] / own["n_called"] == pytest.approx(own["precision"])


def test_more_calls_never_catch_less(capacity: Capacity) -> None:
    """A longer list holds the shorter one: recall and money only grow."""
    tables = [capacity.table(k, PLAY, 0.2) for k in (1, 4, 10, 25)]
    for before, after in pairwise(tables):
        for name in ("recall", "arr_caught", "n_caught"):
            assert (after[name] >= before[name] - 1e-12).all()


def test_a_free_call_that_keeps_nobody_is_worth_nothing(capacity: Capacity) -> None:
    """The net is what is kept less what is paid, list by list."""
    free = replace(PLAY, cost=Decimal(0))
    assert (capacity.table(10, free, 0.0)["net"] == 0).all()
    paid = capacity.table(10, PLAY, 0.0)
    lists = paid[paid["ranking"] != CHANCE]
    assert lists["net"].tolist() == [-1500.0 * n for n in lists["n_called"]]


def test_by_lot_as_many_are_caught_as_are_called(capacity: Capacity) -> None:
    """Calls by lot reach of those who left the share that is called, quarter by quarter."""
    seen = capacity.seen
    lot = capacity.table(5, PLAY, 0.2).set_index("ranking").loc[CHANCE]
    sizes = seen.groupby("origin")["churned"].agg(["size", "sum"])
    expected = (np.minimum(5, sizes["size"]) / sizes["size"] * sizes["sum"]).sum()
    assert lot["n_caught"] == pytest.approx(expected)


def test_turning_the_calls_changes_line_and_numbers(
    learnt: Learnt, called: callers.Calls, today: Today, history: pd.DataFrame
) -> None:
    """Each knob moves what it is about; nothing is learnt or asked of an engine in a turn."""
    view = explore.capacity_view(learnt, called, today, history, play=PLAY, currency="USD")
    seen = [(view.said.value, str(view.plots[0].figure["layout"]["shapes"]))]
    for name, value in (("k", 5), ("ranking", "arr"), ("cost", 500.0), ("save_rate", 0.5)):
        view.knobs[name].value = value
        seen.append((view.said.value, str(view.plots[0].figure["layout"]["shapes"])))
    assert len({words for words, _ in seen}) == len(seen)
    assert seen[0][1] != seen[1][1]
    assert seen[1][1] == seen[-1][1]
    nothing = replace(learnt, past=None)
    none = explore.capacity_view(nothing, None, None, history, play=None, currency="USD")
    assert "Nothing was foretold" in none.said.value
    with pytest.raises(ParameterError, match="no such list"):
        explore.capacity(
            learnt, called, today, history, 3, ranking="by eye", play=PLAY, save_rate=0.1,
            currency="USD",
        )  # fmt: skip


def test_with_its_own_numbers_a_customer_keeps_its_own_chance(
    moves: Moving, today: Today, learnt: Learnt, due: coming.Due
) -> None:
    """Moved nowhere, chance, band, flag and health are those of the page, to the last digit."""
    assert learnt.model is not None
    for row in predictors.records(today.risk.head(12)):
        said = moves.ask(row["subscription_id"], moves.own(row["subscription_id"]))
        assert said.p_churn == pytest.approx(row["p_churn"], abs=1e-9)
        assert (said.p_low, said.p_high) == pytest.approx((row["p_low"], row["p_high"]), abs=1e-9)
        assert said.out_of_distribution == row["out_of_distribution"]
    first = today.risk.iloc[0]
    shown = moves.at(str(first["subscription_id"]), {})
    answers = colours.answers(by_play=True)
    assert f"health {first['health']:.0f}, {answers[first['colour']]}" in _text(shown)
    assert "instead of" not in _text(shown)


def test_a_moved_row_is_told_as_a_panel_with_those_numbers(
    moves: Moving, learnt: Learnt, due: coming.Due
) -> None:
    """Moving a number is scoring a customer who has it."""
    assert learnt.model is not None
    row = due.terms.iloc[[3]].copy()
    term = str(row["subscription_id"].iloc[0])
    row[IDLE] = 45.0
    scored = churn.score(learnt.model, row).iloc[0]
    said = moves.ask(term, {IDLE: 45.0})
    assert (said.p_churn, said.p_low, said.p_high) == (
        scored["p_churn"], scored["p_low"], scored["p_high"],
    )  # fmt: skip


def test_the_good_way_never_raises_the_chance(moves: Moving) -> None:
    """Trees that are monotone stay so under the hand: less idle, better answers, no higher risk."""
    signs = {name: columns.sign(name) for name in moves.said if columns.sign(name)}
    assert signs
    for name, sign in signs.items():
        steps = [level for level in moves.levels[name] if not math.isnan(level)]
        for term in moves.terms["subscription_id"].iloc[:4]:
            said = [moves.ask(term, {name: level}).p_churn for level in steps]
            assert (sign * np.diff(said) >= -1e-12).all(), name


def test_what_a_customer_is_cannot_be_moved(
    moves: Moving, learnt: Learnt, history: pd.DataFrame
) -> None:
    """Segment, money and our own contacts stay: a question about them is refused by name."""
    assert learnt.model is not None
    can = moving.movable(learnt.model, history)
    assert not {"segment", "arr", "seats", "our_contacts_lagged__last_28d"} & set(can)
    term = str(moves.terms["subscription_id"].iloc[0])
    with pytest.raises(ParameterError, match="cannot be moved"):
        moves.ask(term, {"arr": 1.0})
    with pytest.raises(ParameterError, match="no such contract"):
        moves.ask("nobody", {})


def test_numbers_beyond_the_past_are_flagged(moves: Moving) -> None:
    """Far from what was learnt, the answer says that it is a guess."""
    term = str(moves.terms["subscription_id"].iloc[0])
    far = {IDLE: 4000.0, "seat_utilisation__last_90d": 30.0}
    assert moves.ask(term, far).out_of_distribution
    assert "a guess beyond what it has learnt from" in _text(moves.at(term, far))


def test_every_moved_answer_says_what_it_is(moves: Moving) -> None:
    """It is the model's word on such a customer, never a forecast of what would happen."""
    term = str(moves.terms["subscription_id"].iloc[0])
    shown = moves.at(term, {IDLE: 0.0})
    assert asked.NOT_A_FORECAST in _text(shown)
    exhibit = next(each for each in shown if isinstance(each, Exhibit))
    assert exhibit.caption == asked.NOT_A_FORECAST


def test_sliders_lead_back_to_the_customers_own_numbers(
    learnt: Learnt,
    today: Today,
    due: coming.Due,
    history: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slider holds what was seen and the customer's own; a turn fits nothing anew."""
    view = explore.what_if_view(learnt, today, due, history)

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a turn fitted a model")

    monkeypatch.setattr(churn, "fit", refused)
    monkeypatch.setattr(churn, "score", refused)
    before = view.said.value
    slider = view.knobs[IDLE]
    own = slider.index
    slider.index = len(slider.options) - 1
    assert "instead of" in view.said.value
    slider.index = own
    assert view.said.value == before
    silent = due.terms.loc[due.terms["nps__to_date"].isna(), "subscription_id"].iloc[0]
    view.knobs["who"].value = silent
    if "nps__to_date" in view.knobs:
        assert "not recorded (its own)" in dict(view.knobs["nps__to_date"].options)
    assert "with its own numbers" in view.said.value


@pytest.mark.parametrize("level", ["L0", "L1", "L2", "L3"])
def test_every_level_of_the_ladder_can_be_asked(
    learnt: Learnt, due: coming.Due, history: pd.DataFrame, level: str
) -> None:
    """Rates and regressions answer as the trees do; a rate by segment leaves nothing to move."""
    assert learnt.past is not None
    model = churn.fit(history, learnt.past, level=level, n_refits=5, random_state=1)
    reader = moved.Reader.of(model)
    data = forms.encode(model.encoder, due.terms.iloc[[2]])
    scored = churn.score(model, due.terms.iloc[[2]]).iloc[0]
    said = reader.says(data)
    assert (said.p_churn, said.p_low, said.p_high) == pytest.approx(
        (scored["p_churn"], scored["p_low"], scored["p_high"]), abs=1e-12
    )
    assert bool(moving.movable(model, history)) == (level != "L0")


def test_health_is_of_the_moved_chance(moves: Moving) -> None:
    """Points, colour and chance of a moved customer belong together."""
    term = str(moves.terms["subscription_id"].iloc[0])
    said = moves.ask(term, {IDLE: 60.0})
    text = _text(moves.at(term, {IDLE: 60.0}))
    assert f"health {100 * (1 - said.p_churn):.0f}" in text
    assert any(answer in text for answer in colours.answers(by_play=True).values())
