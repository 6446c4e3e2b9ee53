"""The backtest: what is counted is what is shown; each answer in words; earlier reports judged."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.learn.evaluation import calibration
from cs_models.learn.evaluation.recalibration import Recalibration
from cs_models.learn.revenue import QuarterBacktest
from cs_models.report import earlier
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import backtest as evidence
from cs_models.report.evidence import callers, drifted, retold
from cs_models.report.evidence.predictors import Learnt
from cs_models.report.exhibits import backtest as exhibits
from cs_models.report.exhibits import retold as retold_exhibits
from cs_models.report.figures import backtest as figures
from cs_models.report.findings import backtest as findings
from cs_models.report.findings import retold as retold_findings

AS_OF = date(2026, 6, 30)
CAUSAL = re.compile(r"\b(caus|driv|reduc|because of|leads? to|prevent)", re.I)
HOSTILE = "<img src=x onerror=alert(1)>"


class Past:
    """Stands for a backtest: predictions of eight quarters, as ``churn.backtest`` makes them."""

    def __init__(self, *, n: int = 40, lift: float = 0.0, n_quarters: int = 8) -> None:
        rng = np.random.default_rng(5)
        rows = []
        for quarter in range(n_quarters):
            origin = pd.Timestamp("2024-04-01") + pd.DateOffset(months=3 * quarter)
            for number in range(n):
                p = 0.05 + 0.5 * number / n
                decided = origin + pd.Timedelta(days=2 * number)
                rows.append(
                    {
                        "origin": origin, "subscription_id": f"s-{quarter}-{number}",
                        "account_id": f"a-{number}", "account_name": f"C {number} {HOSTILE}",
                        "segment": "A" if number % 2 else "B", "term_months": 12, "term_no": 1,
                        "arr": 1000.0 * (1 + (number * 7) % 11), "p_churn": p,
                        "as_of_date": decided, "term_end": decided + pd.Timedelta(days=90),
                        "churned": float(rng.random() < min(1.0, p + lift)),
                    }
                )  # fmt: skip
        self.predictions = pd.DataFrame(rows)
        self.n_origins = n_quarters
        self.as_of, self.grace_days = AS_OF, 30
        self.chosen, self.calibrators = "L4", {"L4": Recalibration("none")}


def ended(past: Past) -> pd.DataFrame:
    """Return the same terms as ``renewals.history`` has them."""
    rows = past.predictions
    left = rows["churned"].eq(1)
    frame = pd.DataFrame(
        {
            "subscription_id": rows["subscription_id"], "account_id": rows["account_id"],
            "parent_account_id": None, "segment": rows["segment"],
            "term_months": pd.array([12] * len(rows), dtype="Int64"),
            "term_start": rows["term_end"] - pd.Timedelta(days=365), "term_end": rows["term_end"],
            "closed_date": rows["term_end"],
            "known_date": rows["term_end"] + pd.Timedelta(days=30), "notice_date": pd.NaT,
            "outcome": np.where(left, "churned", "renewed"), "arr": rows["arr"],
            "arr_next": rows["arr"].where(~left, 0.0), "ratio": (~left).astype(float),
            "next_id": None,
        }
    )  # fmt: skip
    dates = ["term_start", "term_end", "closed_date", "known_date", "notice_date"]
    return frame.astype(dict.fromkeys(dates, "datetime64[s]"))


class Made:
    """All frames of one page."""

    def __init__(self, capacity: int = 10, **how: Any) -> None:
        past = Past(**how)
        self.told = evidence.Told(past, "")  # type: ignore[arg-type]
        self.ended = ended(past)
        rng = np.random.default_rng(6)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evidence, "N_PATHS", 100)
            patch.setattr(callers, "N_BOOT", 100)
            scored = evidence.scored(self.told, self.ended, grace_days=30, rng=rng)
            self.lists = evidence.lists(self.told, capacity, rng=rng)
        assert scored is not None
        self.scored = scored
        self.honest = evidence.honest(self.told, self.ended)
        self.by_quarter = evidence.by_quarter(self.told, capacity)
        self.listed = evidence.called(self.told, self.ended, capacity, as_of=AS_OF, grace_days=30)
        self.capacity = capacity

    def answer(self) -> list[Statement]:
        """Return the answer."""
        return findings.answer(self.told, self.listed, self.honest, self.lists, "USD")


@pytest.fixture(scope="module")
def made() -> Made:
    """Return a page of honest chances."""
    return Made()


def said(*statements: Statement) -> str:
    """Return what statements say, as one text."""
    return " ".join(one.text for one in statements)


def test_lists_quarter_by_quarter_add_up_to_all_quarters(made: Made) -> None:
    """Those met in each quarter are, together, the share that the pooled table shows."""
    for ranking in evidence.LISTS:
        mine = made.by_quarter[made.by_quarter["ranking"] == ranking]
        pooled = made.lists[made.lists["ranking"] == ranking].set_index("measure")["value"]
        assert mine["n_met"].sum() / mine["n_left"].sum() == pytest.approx(pooled["recall"])
        assert mine["arr_met"].sum() / mine["arr_left"].sum() == pytest.approx(pooled["arr_caught"])
        assert (mine["n_met"] <= mine["n_called"]).all()


def test_calls_at_random_are_the_zero_point_of_every_list(made: Made) -> None:
    """Ten calls of forty by lot meet a quarter of those who left, and of their ARR."""
    lot = made.lists[made.lists["ranking"] == evidence.RANDOM].set_index("measure")
    assert lot["value"][["recall", "arr_caught"]].tolist() == pytest.approx([0.25, 0.25])
    churned = made.told.predictions["churned"].mean()
    assert lot["value"]["precision"] == pytest.approx(churned)
    text = said(*made.answer())
    assert "As many calls at random would have met 25" in text
    assert "calls at random 25" in text
    named = made.lists["ranking"].unique().tolist()
    assert named == [*("model", "arr", "loss"), evidence.RANDOM]
    shown = exhibits.lists(made.lists, made.by_quarter, 10, "USD")
    table = next(one for one in shown if isinstance(one, Table))
    assert len(table.rows) == len(made.lists)


def test_both_pages_print_one_range_for_one_list(made: Made) -> None:
    """Begun at one seed, page 07 and page 03 draw the same customers: same value, same ends."""
    learnt = Learnt(made.told.past, None, "", {})
    history = made.told.predictions.assign(crm_health__to_date=50.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callers, "N_BOOT", 100)
        patch.setattr(callers, "LENGTHS", 3)
        here = evidence.lists(made.told, 10, rng=np.random.default_rng(7))
        there = callers.calls(learnt, history, k=10, play=None, rng=np.random.default_rng(7))
    assert there is not None
    keys, ends = ["ranking", "measure"], ["value", "low", "high"]
    mine = here[here["ranking"] != evidence.RANDOM].set_index(keys)[ends]
    other = there.at_capacity.set_index(keys)[ends]
    assert len(other) > len(mine)
    pd.testing.assert_frame_equal(mine, other.loc[mine.index])


SLOPES = {"right": (1.0, 0.8, 1.2), "timid": (1.33, 1.07, 1.59), "bold": (0.7, 0.5, 0.9)}


@pytest.mark.parametrize(
    ("ends", "slope", "words"),
    [
        ((0.9, 1.1), "right", "In sum and in spread that is within what chance allows"),
        ((0.9, 1.1), "timid", "within chance, but high chances were too low and low ones too high"),
        ((0.9, 1.1), "bold", "within chance, but high chances were too high and low ones too low"),
        ((1.1, 1.3), "right", "The chances were too low, by more than chance allows, though"),
        ((0.7, 0.9), "timid", "too high, by more than chance allows, and high chances were too"),
    ],
)
def test_chances_are_honest_only_if_level_and_spread_are(
    made: Made, ends: tuple[float, float], slope: str, words: str
) -> None:
    """As many as expected is no proof: errors of high and low chances cancel in the sum."""
    low, high = ends
    spread = dict(zip(("value", "low", "high"), SLOPES[slope], strict=True))
    honest = made.honest | {"ratio": (low + high) / 2, "low": low, "high": high, "spread": spread}
    _, told, _ = findings.answer(made.told, made.listed, honest, made.lists, "USD")
    assert words in told.text
    table = exhibits.levels(honest)[-1]
    assert isinstance(table, Table)
    assert f"Spread: {spread['value']:.2f}" in (table.note or "")


def test_the_spread_is_that_of_page_three(made: Made) -> None:
    """Chances pulled halfway to the middle are found too close together, as on page 03."""
    seen = made.told.predictions
    odds = np.log(seen["p_churn"] / (1 - seen["p_churn"])) / 2
    past = Past()
    past.predictions = seen.assign(p_churn=1 / (1 + np.exp(-odds)))
    found = evidence.honest(evidence.Told(past, ""), made.ended)["spread"]  # type: ignore[arg-type]
    assert found["low"] > 1
    table = calibration.table(
        seen["churned"], past.predictions["p_churn"], account=seen["account_id"], n_null=2,
        rng=np.random.default_rng(1),
    ).set_index("measure")  # fmt: skip
    assert found["value"] == table.loc["slope", "value"]


def test_a_quarter_that_page_three_calls_off_is_named_beside_the_wider_limits(made: Made) -> None:
    """Three deviations and the swing let pass what 95 % of luck alone does not: both are said."""
    chart = made.honest["chart"]
    off = chart.assign(outside=False, alone=np.arange(len(chart)) != 2)
    (told,) = findings.levels(made.honest | {"chart": off})
    label = chart["label"].iloc[2]
    assert "03_churn_predictors allows for luck alone" in told.text
    free = "".join(part for part in told.parts if not isinstance(part, Number))
    assert not re.search(r"\d", free.replace("03_churn", "").replace(label, ""))
    assert f"counts 1 of them as off: {label}." in told.text
    (plain,) = findings.levels(made.honest | {"chart": off.assign(alone=True)})
    assert "03_churn_predictors" not in plain.text


def test_lots_are_drawn_quarter_by_quarter() -> None:
    """All of a small quarter and a tenth of a large one are not a fifth of their leavers."""
    rows = Past(n_quarters=2).predictions
    first = rows["origin"] == rows["origin"].min()
    rows = rows[~first | rows["subscription_id"].str.endswith("-39")]
    past = Past()
    past.predictions = rows.assign(churned=1.0, arr=100.0).reset_index(drop=True)
    told = evidence.Told(past, "")  # type: ignore[arg-type]
    lists = evidence.lists(told, 4, rng=np.random.default_rng(0))
    lot = lists[lists["ranking"] == evidence.RANDOM].set_index("measure")["value"]
    assert lot["recall"] == pytest.approx((1 + 40 * 4 / 40) / 41)


def test_a_quarter_that_is_not_all_known_is_called_a_part() -> None:
    """Decided by March, renewed by June, known by the end of July: a part on 30 June."""
    past = Past()
    told = evidence.Told(past, "")  # type: ignore[arg-type]
    labels = evidence.by_quarter(told, 10)["label"].drop_duplicates().tolist()
    assert labels[-2:] == ["2025 Q4", "2026 Q1 part"]
    assert not any("part" in label for label in labels[:-1])
    assert evidence.honest(told, ended(past))["chart"]["label"].tolist() == labels
    scored = Made().scored.quarters["label"].tolist()
    assert scored == labels[-len(scored) :]
    past.as_of = date(2026, 7, 29)
    assert "2026 Q1 part" in set(evidence.by_quarter(told, 10)["label"])
    past.as_of = date(2026, 7, 30)  # 1 April, 90 days and 30 of grace
    assert "2026 Q1" in set(evidence.by_quarter(told, 10)["label"])


def test_counts_of_the_answer_are_those_of_the_tables(made: Made) -> None:
    """Named, left and expected stand in the answer as they do in the frames."""
    text = said(*made.answer())
    assert f"{len(made.listed)} customers of {made.listed['n_due'].iloc[0]}" in text
    assert f"; {int(made.listed['churned'].sum())} of them left" in text
    assert made.honest["n"] == made.honest["chart"]["n"].sum() == len(made.told.predictions)
    assert made.honest["churned"] == made.honest["chart"]["n_churned"].sum()
    hits = made.scored.quarters["loss_hit"].sum()
    assert f"{hits} of {len(made.scored.quarters)}" in said(*findings.scored(made.scored))


def test_the_last_list_is_of_a_quarter_whose_renewals_are_all_known(made: Made) -> None:
    """On 30 June the quarter whose last renewal ended in March is judged, not a later one."""
    last = (made.listed["term_end"] + pd.Timedelta(days=30)).max()
    assert last <= pd.Timestamp(AS_OF)
    earlier_day = evidence.called(made.told, made.ended, 10, as_of=date(2026, 4, 1), grace_days=30)
    assert earlier_day["origin"].iloc[0] < made.listed["origin"].iloc[0]
    assert made.listed["p_churn"].is_monotonic_decreasing


def test_the_dates_of_the_last_list_are_those_of_all_who_came_up(made: Made) -> None:
    """The window holds everybody the list was chosen from, named or not, and says when it was made.

    The quarter in which a list is made is not that of its renewals.
    """
    first = made.listed.iloc[0]
    due = made.told.predictions[made.told.predictions["origin"] == first["origin"]]
    assert len(due) == first["n_due"] > len(made.listed)
    window = f"from {due['term_end'].min():%Y-%m-%d} to {due['term_end'].max():%Y-%m-%d}"
    text = said(*made.answer())
    assert f"The list made in {first['label']}" in text
    assert window in text


def test_every_number_is_linked_and_nothing_is_a_cause(made: Made) -> None:
    """Digits stand in links, or in the quarter's name and dates."""
    known = re.compile(r"20\d\d Q\d|20\d\d-\d\d-\d\d")
    for one in (*made.answer(), *findings.scored(made.scored), *findings.levels(made.honest)):
        loose = "".join(part for part in one.parts if not isinstance(part, Number))
        assert not re.search(r"\d", known.sub("", loose)), one.text
        assert not CAUSAL.search(one.text)
        assert "nan" not in one.text


@pytest.mark.parametrize(
    ("lift", "words"),
    [(0.0, "within what chance allows"), (0.35, "chances were too low")],
)
def test_honest_and_dishonest_chances_are_told_apart(lift: float, words: str) -> None:
    """More leaving than was said, by more than chance, is called so."""
    assert words in said(*Made(lift=lift).answer())


def test_quarters_beyond_their_limits_are_named() -> None:
    """A quarter in which all left stands outside, by its name."""
    chart = pd.DataFrame(
        {"label": ["2025 Q1", "2025 Q2"], "n": 40, "n_churned": [10, 40], "observed": [0.25, 1.0],
         "expected": 0.3, "low": 0.1, "high": 0.5, "outside": [False, True],
         "alone": [True, False]}
    )  # fmt: skip
    told = said(*findings.levels({"chart": chart}))
    assert "2025 Q2 (100" in told
    assert "2025 Q1" not in told
    assert "In none of 1 quarter" in said(*findings.levels({"chart": chart.head(1)}))


def test_a_team_that_can_call_everyone_needs_no_list() -> None:
    """With more calls than customers the page says so."""
    text = said(*Made(capacity=1000).answer())
    assert "could have called everyone" in text
    assert "no list is needed" in text


def test_without_past_quarters_the_page_says_why_and_shows_what_it_can() -> None:
    """Too little history: a verdict, sentences, no figure, and results that can be saved."""
    told = evidence.Told(None, "not enough history for a backtest (2 past quarters, of 4)")
    none = np.random.default_rng(0)
    honest = evidence.honest(told, pd.DataFrame())
    lists = evidence.lists(told, 65, rng=none)
    listed = evidence.called(told, pd.DataFrame(), 65, as_of=AS_OF, grace_days=30)
    answer = findings.answer(told, listed, honest, lists, "USD")
    assert answer[0].verdict == "too_little_data"
    assert "2 past quarters, of 4" in answer[0].text
    shown = (
        *exhibits.scored(evidence.scored(told, pd.DataFrame(), grace_days=30, rng=none), "USD"),
        *exhibits.levels(honest), *exhibits.called(listed, "USD"),
        *exhibits.lists(lists, evidence.by_quarter(told, 65), 65, "USD"),
        *exhibits.groups(evidence.by_group(told, pd.DataFrame(), "segment"), "segment"),
    )  # fmt: skip
    assert shown
    assert all(isinstance(one, Statement) for one in shown)
    saved = findings.saved(told, listed, honest, lists, None, "USD")
    assert [one.verdict for one in saved] == ["too_little_data"]


def test_figures_have_their_tables_and_names_cannot_run(made: Made) -> None:
    """Each figure carries its numbers; a customer's name stays text; ids do not repeat."""
    history = made.told.predictions.assign(region="North")
    shown = [
        *exhibits.scored(made.scored, "USD"), *exhibits.levels(made.honest),
        *exhibits.lists(made.lists, made.by_quarter, 10, "USD"),
        *exhibits.called(made.listed, "USD"),
        *exhibits.groups(evidence.by_group(made.told, history, "region"), "region"),
    ]  # fmt: skip
    drawn = [one for one in shown if isinstance(one, Exhibit)]
    assert len(drawn) == 4
    assert all(one.table.rows for one in drawn)
    assert all("<img" not in one.figure.to_json() for one in drawn)
    ids = [one.id for one in shown if isinstance(one, Exhibit | Table)]
    ids += [one.table.id for one in drawn]
    assert len(ids) == len(set(ids))
    links = {
        part.href[1:] for one in (*made.answer(), *shown) if isinstance(one, Statement)
        for part in one.parts if isinstance(part, Number)
    }  # fmt: skip
    assert links <= set(ids)


def test_those_who_come_up_are_about_as_far_away_as_those_learnt_from() -> None:
    """Renewals 44 to 136 days away, without notice."""
    today = pd.DataFrame({"subscription_id": list("abcde"), "as_of_date": pd.Timestamp(AS_OF)})
    today["term_end"] = today["as_of_date"] + pd.to_timedelta([43, 44, 90, 136, 137], unit="D")
    asked = pd.DataFrame({"subscription_id": list("abcde"), "in_notice": [False] * 5})
    near = drifted.coming_up(today, asked, decision_days=90)
    assert near["subscription_id"].tolist() == ["b", "c", "d"]
    asked.loc[2, "in_notice"] = True
    assert len(drifted.coming_up(today, asked, decision_days=90)) == 2


def test_a_measure_that_moved_is_found_and_one_that_did_not_is_not() -> None:
    """Use halved in everyone is drift; the same use in other customers is none."""
    rng = np.random.default_rng(8)

    def panel(n: int, scale: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "account_id": [f"{scale}-{k}" for k in range(n)],
                "term_start": pd.Timestamp("2025-01-01"), "churned": 0.0,
                "events__last_28d": scale * rng.gamma(2.0, 50.0, n),
                "active_users__last_28d": rng.gamma(2.0, 5.0, n),
            }
        )  # fmt: skip

    none = evidence.Told(None, "short")
    start = date(2024, 1, 1)
    table = drifted.compared(none, panel(300, 1.0), panel(150, 0.3), data_start=start,
                             random_state=1)  # fmt: skip
    moved = table.set_index("feature")["drifted"]
    assert moved["events__last_28d"]
    assert not moved["active_users__last_28d"]
    assert "1 differ" in said(*findings.drifted(table, 150))
    few = drifted.compared(none, panel(300, 1.0), panel(5, 1.0), data_start=start, random_state=1)
    assert "Too few" in said(*findings.drifted(few, 5))
    before = drifted.compared(none, panel(300, 1.0), panel(150, 1.0), data_start=AS_OF,
                              random_state=1)  # fmt: skip
    assert before.empty


class Customers:
    """Contracts of seven quarters whose use goes with staying, and those who come up after."""

    def __init__(self, *, scale: float = 1.0, seed: int = 11) -> None:
        rng = np.random.default_rng(seed)
        parts = []
        for quarter in range(8):
            n, factor = (120, scale) if quarter == 7 else (120, 1.0)
            day = pd.Timestamp("2024-01-01") + pd.DateOffset(months=3 * quarter)
            use = rng.gamma(2.0, 50.0, n)
            left = rng.random(n) < 1 / (1 + np.exp((use - 60) / 25))
            parts.append(
                pd.DataFrame(
                    {
                        "subscription_id": [f"s-{quarter}-{k}" for k in range(n)],
                        "account_id": [f"a-{quarter}-{k}" for k in range(n)], "account_name": "x",
                        "segment": "A", "arr": 1000.0, "seats": 10, "term_months": 12,
                        "term_no": 1, "term_start": day - pd.Timedelta(days=275),
                        "as_of_date": day, "term_end": day + pd.Timedelta(days=60),
                        "churned": left.astype(float), "events__last_28d": factor * use,
                        "active_users__last_28d": rng.gamma(2.0, 5.0, n), "origin": day,
                    }
                )
            )  # fmt: skip
        rows = pd.concat(parts, ignore_index=True)
        now = rows["origin"] == rows["origin"].max()
        self.history = rows[~now].drop(columns="origin")
        self.now = rows[now].drop(columns=["origin"]).reset_index(drop=True)
        self.past = Past()
        self.past.predictions = rows[~now]

    def score(self, **said_then: Any) -> pd.Series:
        """Return the row of the chance."""
        self.past.predictions = self.past.predictions.assign(**said_then)
        told = evidence.Told(self.past, "")  # type: ignore[arg-type]
        table = drifted.compared(
            told, self.history, self.now, data_start=date(2020, 1, 1), random_state=1
        )
        assert table["feature"].iloc[0] == drifted.SCORE
        return table.iloc[0]


def test_the_chance_does_not_move_while_customers_do_not() -> None:
    """Of the same population it stays within its limit, whatever other models said then."""
    same = Customers()
    row = same.score(p_churn=0.9)
    assert not row["drifted"]
    assert row["psi"] <= row["psi_limit"]
    assert row["n_reference"] == 4 * 120
    learnt_from = same.history.tail(4 * 120)
    same.now = learnt_from.assign(subscription_id=learnt_from["subscription_id"] + "x")
    assert same.score()["psi"] == 0.0


def test_the_chance_moves_with_the_customers() -> None:
    """Use cut to a third moves the chance beyond its limit, and the sentence says so."""
    moved = Customers(scale=0.3)
    row = moved.score(p_churn=0.3)
    assert row["drifted"]
    text = said(*findings.drifted(pd.DataFrame([row]), 120))
    assert "predictor learnt before both" in text
    assert "has moved (" in text


def test_with_too_little_before_the_last_quarters_the_chance_is_not_compared() -> None:
    """Fewer than forty leavers before: measures alone are told."""
    few = Customers()
    few.history = few.history.tail(5 * 120)
    few.history.loc[few.history.index[:120], "churned"] = 0.0
    told = evidence.Told(few.past, "")  # type: ignore[arg-type]
    table = drifted.compared(told, few.history, few.now, data_start=date(2020, 1, 1),
                             random_state=1)  # fmt: skip
    assert drifted.SCORE not in set(table["feature"])
    assert len(table)


def reports(made: Made) -> earlier.Earlier:
    """Return two reports that named the contracts of one quarter, and forecast it."""
    mine = made.told.predictions
    mine = mine[mine["origin"] == pd.Timestamp("2025-10-01")]
    told = []
    for run, as_of in (("one", "2025-12-31"), ("two", "2026-01-07")):
        told.append(
            mine[["account_id", "subscription_id", "term_end", "arr", "p_churn"]].assign(
                run_id=run, as_of=pd.Timestamp(as_of), p_low=0.0, p_high=1.0
            )
        )
    said_rows = pd.concat(told, ignore_index=True).reindex(columns=list(earlier.SAID_COLUMNS))
    in_quarter = mine[mine["term_end"].between("2026-01-01", "2026-03-31")]
    due = in_quarter[["account_id", "subscription_id", "term_end", "arr"]].assign(
        run_id="one", as_of=pd.Timestamp("2025-12-31"), quarter=pd.Timestamp("2026-01-01"),
        n_renewals=1.0,
    )  # fmt: skip
    forecast = pd.DataFrame(
        [
            {"run_id": "one", "as_of": pd.Timestamp("2025-12-31"),
             "quarter": pd.Timestamp(quarter), "label": label, "due_arr": 1.0, "grr_p10": 0.0,
             "grr_p50": 0.5, "grr_p90": 1.0, "nrr_p10": 0.0, "nrr_p50": 0.5, "nrr_p90": 1.0,
             "arr_at_risk": 1.0, "loss_p90": 1.0}
            for quarter, label in (("2026-01-01", "2026 Q1"), ("2026-04-01", "2026 Q2"))
        ]
    )  # fmt: skip
    runs = pd.DataFrame(
        {
            "run_id": ["one", "two", "bad"], "as_of": pd.to_datetime(
                pd.Series(["2025-12-31", "2026-01-07", None])), "started_at": "",
            "verdict": [earlier.READ, earlier.READ, earlier.DAMAGED], "n_said": [len(mine)] * 3,
            "n_quarters": [2, 0, 0],
        }
    )  # fmt: skip
    return earlier.Earlier(runs, said_rows, forecast, due[list(earlier.DUE_COLUMNS)])


def test_earlier_reports_are_judged_by_what_is_known_today(made: Made) -> None:
    """Each contract counts once, by its first report; only quarters that are over are judged."""
    found = reports(made)
    judged = retold.retold(found, made.ended, as_of=AS_OF, grace_days=30)
    assert judged.totals["n_named"] == 40
    assert judged.totals["n_known"] == len(judged.contracts) == 40
    assert set(judged.contracts["run_id"]) == {"one"}
    truth = made.ended.set_index("subscription_id")["outcome"].eq("churned")
    assert judged.totals["left"] == truth[judged.contracts["subscription_id"]].sum()
    rows = judged.runs.set_index("run_id")
    assert rows.loc["one", "left"] == rows.loc["two", "left"] == judged.totals["left"]
    assert judged.forecasts["label"].tolist() == ["2026 Q1"]
    kept = made.ended[made.ended["subscription_id"].isin(found.due["subscription_id"])]
    expected = kept["arr_next"].sum() / kept["arr"].sum()
    assert judged.forecasts["grr"].tolist() == pytest.approx([expected])
    text = said(*retold_findings.said(judged))
    assert "2 earlier reports named 40 contracts" in text
    assert "1 quarter is over; 1 came out inside" in text
    assert f"1 ({earlier.DAMAGED})" in text
    shown = retold_exhibits.earlier(judged, "USD")
    assert len([one for one in shown if isinstance(one, Table)]) == 3
    assert retold_findings.saved(judged)[0].n == 40


def test_what_is_not_known_yet_is_not_judged(made: Made) -> None:
    """Outcomes that today's records do not hold yet, or no longer, are no misses."""
    found = reports(made)
    judged = retold.retold(found, made.ended.head(0), as_of=date(2026, 1, 31), grace_days=30)
    assert judged.totals["n_known"] == 0
    assert judged.forecasts.empty
    assert "not" in said(*retold_findings.said(judged))
    assert retold_findings.saved(judged) == []
    lost = retold.retold(found, made.ended.head(0), as_of=AS_OF, grace_days=30)
    assert lost.runs.set_index("run_id").loc["one", "n_lost"] == 40


def test_without_earlier_reports_the_section_says_so(made: Made) -> None:
    """The first run looks back on nothing that was said, and tells what will stand here."""
    none = earlier.read(None, as_of=AS_OF, source={"path": "x"})
    judged = retold.retold(none, made.ended, as_of=AS_OF, grace_days=30)
    shown = retold_exhibits.earlier(judged, "USD")
    assert [type(one) for one in shown] == [Statement]
    assert "from the next run on" in said(*retold_findings.said(judged))
    only_bad = earlier.Earlier(reports(made).runs.tail(1), none.said, none.forecast, none.due)
    judged = retold.retold(only_bad, made.ended, as_of=AS_OF, grace_days=30)
    assert "No earlier report could be judged" in said(*retold_findings.said(judged))


def test_few_judged_quarters_are_called_few(made: Made) -> None:
    """Below four quarters the share of hits tells next to nothing."""
    few = QuarterBacktest(
        made.scored.quarters.head(2),
        made.scored.coverage.assign(n_quarters=2, n_hit=1),
        made.scored.skipped,
    )
    assert "next to nothing" in said(*findings.scored(few))
    none = QuarterBacktest(made.scored.quarters.head(0), made.scored.coverage, made.scored.skipped)
    assert "No past quarter could be judged" in said(*findings.scored(none))


def test_what_moved_fits_a_sheet_of_paper_with_names_that_read_alike() -> None:
    """Fifteen long names that are cut alike are fifteen rows, no higher than a sheet of A4."""
    long = "share of the users of the first weeks who came back for a third feature in the term "
    frame = pd.DataFrame(
        {"words": [f"{long}{row}" for row in range(15)], "psi": 0.2, "psi_limit": 0.1,
         "drifted": True}
    )  # fmt: skip
    figure = figures.drifted(frame)
    assert len(set(figure.data[0].y)) == len(frame)
    assert figure.layout.height < 900
    assert all(name.count("<br>") < 2 for name in figure.layout.yaxis.ticktext)
