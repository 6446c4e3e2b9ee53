"""The outlook: no ARR lost between sentence, table, file and results; every branch in words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.errors import ParameterError, TooLittleDataError
from cs_models.learn import churn, revenue
from cs_models.learn.predictors import ladder
from cs_models.report.display import Exhibit, Number, Statement, Table
from cs_models.report.evidence import due as dues
from cs_models.report.evidence import horizons, kept, outlook, plays
from cs_models.report.exhibits import due as due_exhibits
from cs_models.report.exhibits import outlook as exhibits
from cs_models.report.findings import amounts
from cs_models.report.findings import due as due_findings
from cs_models.report.findings import outlook as findings
from tests.notebooks import test_links_sample as links

AS_OF = date(2026, 6, 30)
CAUSAL = re.compile(r"\b(caus|driv|reduc|because of|leads? to|prevent)", re.I)
HOSTILE = "</script><script>alert(1)</script>"
N = 24


def day(text: str) -> pd.Timestamp:
    """Return a date as frames hold it."""
    return pd.Timestamp(text)


def ended(n_quarters: int = 8, n: int = N) -> pd.DataFrame:
    """Return ended yearly terms, as ``renewals.history`` does: three in ten left."""
    rng = np.random.default_rng(1)
    rows = []
    for quarter in range(n_quarters):
        for number in range(n):
            end = day("2024-07-02") + pd.DateOffset(months=3 * quarter, days=3 * number)
            left = rng.random() < 0.3
            arr = 1000.0 * (1 + number % 7)
            rows.append(
                {
                    "subscription_id": f"h-{quarter}-{number}",
                    "account_id": f"ha-{quarter}-{number}", "parent_account_id": None,
                    "segment": "A", "term_months": 12, "term_start": end - pd.DateOffset(years=1),
                    "term_end": end, "closed_date": end,
                    "known_date": end + pd.Timedelta(days=30),
                    "notice_date": pd.NaT, "outcome": "churned" if left else "renewed",
                    "arr": arr, "arr_next": 0.0 if left else arr, "ratio": 0.0 if left else 1.0,
                    "next_id": None,
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows).astype({"term_months": "Int64"})
    dates = ["term_start", "term_end", "closed_date", "known_date", "notice_date"]
    return frame.astype(dict.fromkeys(dates, "datetime64[s]"))


def running(n: int = N, **changed: Any) -> pd.DataFrame:
    """Return running contracts, as ``renewals.book`` does; the first has asked to cancel."""
    end = pd.Series([day("2026-07-15") + pd.Timedelta(days=14 * k) for k in range(n)])
    frame = pd.DataFrame(
        {
            "subscription_id": [f"s-{k}" for k in range(n)],
            "account_id": [f"a-{k}" for k in range(n)], "parent_account_id": None,
            "account_name": [f"Customer {k} {HOSTILE}" for k in range(n)], "segment": "A",
            "term_months": pd.array([12] * n, dtype="Int64"),
            "term_start": (end - pd.DateOffset(years=1)).astype("datetime64[s]"),
            "term_end": end.astype("datetime64[s]"), "arr": [1000.0 + 100 * k for k in range(n)],
            "in_notice": [k == 0 for k in range(n)], "decided": None, "overdue": False,
        }
    )  # fmt: skip
    return frame.assign(**changed)


def foretold(history: pd.DataFrame, shift_days: int) -> Any:
    """Return what stands for a backtest whose chances were .3 for everyone."""
    when = history["term_end"] - pd.Timedelta(days=shift_days)
    predictions = history.assign(
        origin=when.dt.to_period("Q").dt.start_time.astype("datetime64[s]"), p_churn=0.3,
        churned=history["outcome"].eq("churned").astype(float),
    )  # fmt: skip

    class Past:
        pass

    past = Past()
    past.predictions = predictions.drop(columns=["parent_account_id", "arr_next"])  # type: ignore[attr-defined]
    return past


def ahead(book: revenue.Book, history: pd.DataFrame, *, reason: str = "") -> list[horizons.Ahead]:
    """Return a predictor a quarter, or none with a reason."""
    named = book.quarters.dropna(subset=["quarter"])
    rng = np.random.default_rng(2)
    found = []
    for place, (start, label) in enumerate(zip(named["quarter"], named["label"], strict=True)):
        mine = book.due[book.due["quarter"] == start]["subscription_id"]
        p = rng.uniform(0.02, 0.6, len(mine))
        scores = pd.DataFrame(
            {"subscription_id": mine.to_numpy(), "p_churn": p, "p_low": p / 2,
             "p_high": np.minimum(1, 1.5 * p), "out_of_distribution": False}
        )  # fmt: skip
        refits = np.clip(p[:, None] * rng.uniform(0.5, 1.5, (len(p), 37)), 0, 1)
        days = 45 + 91 * place
        found.append(
            horizons.Ahead(start, str(label), days, None, horizons.nothing_said(),
                           np.empty((0, 40)), "", reason)
            if reason else
            horizons.Ahead(start, str(label), days, foretold(history, days), scores, refits,
                           "regression", "")
        )  # fmt: skip
    return found


def shrunk(history: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """Return ended terms of which every third that stayed came to a share of its amount."""
    smaller = (history["ratio"] > 0) & (history.index % 3 == 0)
    kept = history["ratio"].where(~smaller, ratio)
    outcome = history["outcome"].mask(smaller & (ratio < 1), "contracted")
    return history.assign(ratio=kept, arr_next=kept * history["arr"], outcome=outcome)


class Made:
    """All frames of one page."""

    def __init__(
        self, *, reason: str = "", n: int = N, quarters: int = 4,
        arr_today: float | None = None, shrink: float = 1.0, **changed: Any,
    ) -> None:  # fmt: skip
        self.history = shrunk(ended(), shrink)
        self.book = revenue.book(running(n, **changed), AS_OF, quarters=quarters)
        rng = np.random.default_rng(3)
        told, refits = horizons.chances(
            self.book.due, revenue.base_rates(self.history),
            ahead(self.book, self.history, reason=reason), rng=rng,
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outlook, "N_PAST_PATHS", 100)  # laws hold with few paths too
            self.found = outlook.outlook(
                told, refits, ahead(self.book, self.history, reason=reason), self.history,
                self.book, grace_days=30, n_paths=100, rng=rng, arr_today=arr_today,
            )  # fmt: skip
        self.rows = dues.contracts(told, self.found.notices)
        self.label = self.found.first["label"]
        self.now = dues.of_quarter(self.rows, self.label)
        self.standings = dues.standings(self.now)
        self.accounts = dues.by_account(self.now)
        self.past = kept.past_quarters(self.history, as_of=AS_OF, grace_days=30)


@pytest.fixture(scope="module")
def made() -> Made:
    """Return a page with predictors."""
    return Made()


@pytest.fixture(scope="module")
def short() -> Made:
    """Return a page whose history was too short for predictors."""
    return Made(reason="not enough history for a backtest (2 past quarters, of 4)")


def said(*statements: Statement) -> str:
    """Return what statements say, as one text."""
    return " ".join(statement.text for statement in statements)


def loose_digits(statement: Statement, *words: str) -> str:
    """Return digits that stand in no link, quarters and given words aside."""
    text = "".join(part for part in statement.parts if not isinstance(part, Number))
    for known in ("2026 Q3", "2026 Q4", "2027 Q1", "2027 Q2", *words):
        text = text.replace(known, "")
    return "".join(re.findall(r"\d+", text))


def test_arr_is_the_same_in_contracts_accounts_standings_and_quarters(made: Made) -> None:
    """ARR due, and ARR at risk, of this quarter add up to the forecast's own sums."""
    first = made.found.first
    for frame in (made.now, made.accounts, made.standings.iloc[:-1], made.standings.iloc[-1:]):
        assert frame["arr"].sum() == pytest.approx(first["due_arr"])
        assert frame["arr_at_risk"].sum() == pytest.approx(first["arr_at_risk"])
    assert made.standings["n_contracts"].iloc[-1] == first["n_due"] == len(made.now)
    by_quarter = made.rows.groupby("label")["arr"].sum()
    quarters = made.found.quarters.set_index("label")["due_arr"]
    assert by_quarter.to_dict() == pytest.approx(quarters.drop("all").to_dict())


def test_intervals_hold_their_middle_and_chances_their_band(made: Made) -> None:
    """P10 <= P50 <= P90, and low <= chance <= high, everywhere."""
    for name in ("grr", "nrr", "loss", "n_churn", "kept"):
        low, middle, high = (made.found.quarters[f"{name}_{tenth}"]
                             for tenth in ("p10", "p50", "p90"))  # fmt: skip
        assert (low <= middle).all()
        assert (middle <= high).all()
    assert (made.rows["chance_low"] <= made.rows["chance"] + 1e-12).all()
    assert (made.rows["chance"] <= made.rows["chance_high"] + 1e-12).all()


def test_a_part_of_the_book_is_summed_over_the_forecasts_own_paths(made: Made) -> None:
    """All that is due has the quarter's own interval; two parts make the whole, path by path."""
    asked = made.now["in_notice"]
    whole, notice, rest, none = made.found.losses(
        [made.now, made.now[asked], made.now[~asked], made.now.iloc[:0]]
    )
    told = [made.found.first[name] for name in ("loss_p10", "loss_p50", "loss_p90")]
    assert np.quantile(whole, (0.1, 0.5, 0.9)) == pytest.approx(told, rel=1e-12)
    assert notice + rest == pytest.approx(whole)
    assert notice.max() > 0
    assert not none.any()
    book = plays.book(
        made.now, made.rows, None, pd.DataFrame(), None, as_of=AS_OF, play_days=30,
        losses=made.found.losses,
    )  # fmt: skip
    row = book.groups.set_index("group").loc[plays.ALL]
    assert [row["loss_low"], row["loss_high"]] == pytest.approx([told[0], told[2]], rel=1e-12)
    assert row["loss"] == pytest.approx(made.found.first["arr_at_risk"])


def test_hits_are_those_of_the_table_of_past_quarters(made: Made) -> None:
    """The counts of the sentence are the rows of the table, for each quarter's own distance."""
    for row in made.found.quarters.dropna(subset=["quarter"]).to_dict("records"):
        mine = made.found.judged[made.found.judged["label"] == row["label"]]
        assert row["n_judged"] == len(mine) > 0
        assert row["n_hit"] == mine["grr_hit"].sum()
    first = made.found.first
    assert f"{first['n_hit']} of {first['n_judged']}" in said(
        *findings.answer(made.found, made.standings, as_of=AS_OF, currency="USD")
    )


def test_what_is_saved_is_what_is_shown(made: Made) -> None:
    """The forecast for a later run names every contract of every quarter, and its ARR."""
    saved, due = outlook.saved_forecast(made.found), dues.saved_due(made.rows)
    assert saved["label"].tolist() == ["2026 Q3", "2026 Q4", "2027 Q1", "2027 Q2"]
    sums = due.groupby("quarter")["arr"].sum()
    assert saved.set_index("quarter")["due_arr"].to_dict() == pytest.approx(sums.to_dict())
    found = findings.saved(made.found, made.standings, as_of=AS_OF, currency="USD")
    assert found[0].low <= found[0].value <= found[0].high
    assert len({one.id for one in found}) == len(found)


def test_each_quarter_is_read_from_as_far_as_it_is_away() -> None:
    """On the last day of June: 47, 139, 230 and 320 days; in a quarter's last week half of 90."""
    starts = [day("2026-07-01"), day("2026-10-01"), day("2027-01-01"), day("2027-04-01")]
    assert horizons.days_ahead(starts, AS_OF, decision_days=90) == [47, 139, 230, 320]
    assert horizons.days_ahead(starts[:2], date(2026, 9, 23), decision_days=90) == [45, 54]


def test_a_quarters_predictor_speaks_only_of_its_own_quarter(made: Made) -> None:
    """Chances are those of the quarter's scores; notices keep the share of past ones."""
    told = ahead(made.book, made.history)
    for one in told:
        rows = made.rows[(made.rows["label"] == one.label) & (made.rows["p_from"] == "predictor")]
        expected = one.scores.set_index("subscription_id")["p_churn"]
        assert rows["p_churn"].tolist() == pytest.approx(expected[rows["subscription_id"]].tolist())
    asked = made.rows[made.rows["in_notice"]]
    assert asked["standing"].tolist() == [dues.ASKED]
    assert asked["chance"].tolist() == [made.found.notices.share]


def monthly(n: int = 3) -> dict[str, Any]:
    """Return what makes the first contracts of :func:`running` monthly, none in notice."""
    kept = running()
    end = kept["term_end"].where(kept.index >= n, pd.Timestamp("2026-07-20"))
    start = kept["term_start"].where(kept.index >= n, pd.Timestamp("2026-06-20"))
    return {
        "term_months": pd.array([1] * n + [12] * (N - n), dtype="Int64"), "in_notice": False,
        "term_start": start.astype("datetime64[s]"), "term_end": end.astype("datetime64[s]"),
    }  # fmt: skip


def test_a_predictor_speaks_of_no_contract_shorter_than_it_looks_ahead() -> None:
    """Monthly contracts take the rate of their length at each renewal, whatever scores there are.

    They renew three times in the quarter: the chance of a yearly contract, said three times over,
    would have nearly half of them leave.
    """
    made = Made(**monthly())
    mine = made.now[made.now["term_months"] == 1]
    assert len(mine) == 3
    assert mine["n_renewals"].tolist() == [3, 3, 3]
    assert set(mine["p_from"]) == {"base rate"}
    assert set(mine["standing"]) == {dues.BY_RATE}
    assert not set(mine["p_churn"]) & {
        p for one in ahead(made.book, made.history) for p in one.scores["p_churn"]
    }
    first = made.found.first
    assert first["n_rate"] == 3
    assert first["arr_rate"] == pytest.approx(mine["arr"].sum())
    noted = said(*findings.reliance(made.found, "USD"))
    assert "shorter than the days ahead" in noted
    assert "3 in 2026 Q3" in noted


def test_later_renewals_of_a_quarter_leave_as_often_as_any_of_their_kind() -> None:
    """Of three renewals in a quarter only the next is as near as today: the others take all's rate.

    Past monthly terms: of those that came to their middle without notice 2 of 98 left, 2 more had
    asked before it.
    """
    end = pd.Timestamp("2026-05-31")
    past = pd.DataFrame(
        {
            "subscription_id": [f"m{k}" for k in range(100)],
            "account_id": [f"a{k}" for k in range(100)], "parent_account_id": None,
            "segment": "A", "term_months": 1, "term_start": end - pd.Timedelta(days=30),
            "term_end": end, "closed_date": end, "known_date": end + pd.Timedelta(days=30),
            "notice_date": [end - pd.Timedelta(days=25)] * 2 + [pd.NaT] * 98,
            "outcome": ["churned"] * 4 + ["renewed"] * 96, "arr": 100.0,
            "arr_next": [0.0] * 4 + [100.0] * 96, "ratio": [0.0] * 4 + [1.0] * 96,
        }
    )  # fmt: skip
    contract = running(1).assign(
        term_months=pd.array([1], dtype="Int64"), in_notice=False,
        term_start=pd.Timestamp("2026-06-03"), term_end=pd.Timestamp("2026-07-03"),
    )  # fmt: skip
    base = revenue.base_rates(past)
    due, refits = horizons.chances(
        revenue.book(contract, AS_OF, quarters=2).due, base, [], rng=np.random.default_rng(1)
    )
    cell = base.table.set_index(["segment", "length"]).loc[("A", "monthly")]
    assert cell["p_near"] < cell["p_churn"]
    leaves = 1 - (1 - due["p_churn"]) ** due["n_renewals"]
    expected = [
        1 - (1 - cell["p_near"]) * (1 - cell["p_churn"]) ** 2, 1 - (1 - cell["p_churn"]) ** 3,
    ]  # fmt: skip
    assert leaves.tolist() == pytest.approx(expected)
    assert (due["p_low"] <= due["p_churn"]).all()
    assert (due["p_churn"] <= due["p_high"]).all()
    assert refits.shape == (2, horizons.N_REFITS)


def test_what_is_due_is_kept_leaves_or_shrinks() -> None:
    """On average the three add up, and the answer names what shrinks; without any it does not."""
    first = Made().found.first
    assert first["arr_shrinks"] < 1
    made = Made(shrink=0.5)
    row = made.found.first
    assert row["arr_shrinks"] > 100
    mine = made.found.levels[made.found.levels["label"] == row["label"]]
    gone = row["arr_at_risk"] + row["arr_shrinks"]
    assert row["due_arr"] * mine["grr"].mean() + gone == pytest.approx(row["due_arr"], rel=0.02)
    told = said(*findings.answer(made.found, made.standings, as_of=AS_OF, currency="USD"))
    assert "goes on average where contracts shrink" in told
    without = said(*findings.answer(Made().found, Made().standings, as_of=AS_OF, currency="USD"))
    assert "shrink" not in without


def test_what_was_announced_is_told_from_what_is_open(made: Made) -> None:
    """ARR at risk is parted into customers who said that they will go, and all others."""
    told = {one.id: one.text for one in findings.answer(
        made.found, made.standings, as_of=AS_OF, currency="USD")}  # fmt: skip
    asked = made.standings.set_index("standing")["arr_at_risk"]
    still = asked[dues.ALL_DUE] - asked[dues.ASKED]
    announced = f"{amounts.about(asked[dues.ASKED], 'USD')} with 1 customer who has"
    assert announced in told["at-risk-said"]
    assert f"{amounts.about(still, 'USD')} still open" in told["at-risk-said"]
    reach = dues.reach(made.accounts, 5)
    first = made.accounts.head(5)
    assert reach["n_asked"] == (first["standing"] == dues.ASKED).sum() == 1
    assert "1 of them has already asked to cancel" in said(
        *due_findings.concentration(made.accounts, reach, made.label, "USD")
    )


def test_past_intervals_are_said_to_be_of_customers_still_in_doubt(made: Made) -> None:
    """They leave out notices and short contracts, and a quarter may be a few contracts."""
    mine = made.found.judged[made.found.judged["label"] == made.label]
    told = {one.id: one.text for one in findings.answer(
        made.found, made.standings, as_of=AS_OF, currency="USD")}  # fmt: skip
    assert "customers still in doubt, those in notice and short contracts left out" in told["sure"]
    assert f"{mine['n_due'].max()} contracts" in told["sure"]


@pytest.mark.parametrize(("low", "words"), [(0.004, "may have gone"), (0.006, "leaving went")])
def test_a_swing_that_may_be_none_is_not_said_to_have_been(
    made: Made, low: float, words: str
) -> None:
    """Where the interval of the swing holds nought as written, the page says may have."""
    quarters = made.found.quarters.assign(sigma_low=low, n_shock_quarters=11)
    text = said(*findings.width(replace(made.found, quarters=quarters)))
    assert words in text
    assert ("that it never did is not ruled out" in text) == (low < 0.005)


def test_the_table_says_from_how_far_its_chances_were_learnt(made: Made, short: Made) -> None:
    """A customer on two pages has two chances: each says at which distance it was learnt."""
    days = made.found.learnt_at
    shown = due_exhibits.concentration(made.accounts, 5, made.label, "USD", days=days)
    note = next(one.table.note for one in shown if isinstance(one, Exhibit))
    assert f"learnt from past customers {int(days)} days before their renewal" in note
    assert "03_churn_predictors" in note
    assert np.isnan(short.found.learnt_at)
    assert due_exhibits.learnt_at(short.found.learnt_at) == ""


def test_no_chance_is_written_outside_the_name_of_its_band() -> None:
    """A chance just below an edge is rounded to it: no band says less than its edge."""
    assert not any("under" in name or "less" in name for name in dues.BANDS)


def test_the_rule_of_whom_a_predictor_speaks_is_that_of_what_it_learns_from() -> None:
    """As long as the days ahead, the next renewal, once in the quarter: each alone rules out."""
    ends = ["2026-02-16", "2026-02-15", "2027-01-01", "2027-01-01"]
    due = pd.DataFrame(
        {
            "term_start": pd.Timestamp("2026-01-01"), "term_end": pd.to_datetime(ends),
            "renewal_no": [1, 1, 2, 1], "n_renewals": [1, 1, 1, 2],
        }
    )  # fmt: skip
    assert horizons.spoken_of(due, 46).tolist() == [True, False, False, False]


def test_the_answer_says_what_comes_up_and_links_every_number(made: Made) -> None:
    """ARR, contracts, middle, both ends; digits stand in links; nothing is said to be a cause."""
    told = findings.answer(made.found, made.standings, as_of=AS_OF, currency="EUR")
    first = made.found.first
    text = said(*told)
    assert text.startswith("In 2026 Q3 €")
    assert f"{first['n_due']} contracts" in text
    assert "eight times in ten" in text
    assert "1 customer with €1,000 has already asked to cancel" in text
    for statement in (*told, *findings.coming(made.found, made.past, "EUR"),
                      *findings.width(made.found), *findings.held(made.found)):  # fmt: skip
        assert not loose_digits(statement), statement.text
        assert not CAUSAL.search(statement.text)
        assert "nan" not in statement.text


def test_in_the_middle_of_a_quarter_only_what_is_left_is_spoken_of(made: Made) -> None:
    """A report of July speaks of what is left of the third quarter."""
    told = findings.answer(made.found, made.standings, as_of=date(2026, 7, 7), currency="USD")
    assert told[0].text.startswith("In what is left of 2026 Q3")


def test_without_predictors_each_quarter_says_so_and_the_page_still_counts(short: Made) -> None:
    """Base rates stand in, the verdict is too little data, sums stay whole."""
    told = findings.answer(short.found, short.standings, as_of=AS_OF, currency="USD")
    assert told[0].verdict == "too_little_data"
    assert "not known yet" in said(*told)
    warned = findings.reliance(short.found, "USD")
    assert len(warned) == 4
    assert all("2 past quarters, of 4" in one.text for one in warned)
    assert set(short.now["p_from"]) <= {"base rate", "notice"}
    assert short.now["arr_at_risk"].sum() == pytest.approx(short.found.first["arr_at_risk"])
    assert "no past quarter could be told" in said(*findings.held(short.found))
    assert exhibits.held(short.found)[-1].id.startswith("held-said")
    assert findings.saved(short.found, short.standings, as_of=AS_OF, currency="USD")[2].n == 0


def test_an_empty_quarter_is_said_and_drawn_without_it() -> None:
    """Nothing comes up in the first quarter: a sentence, no share, no table of customers."""
    late = running(10)
    shift = pd.DateOffset(months=4)
    made = Made(n=10, quarters=2, term_end=(late["term_end"] + shift).astype("datetime64[s]"))
    told = findings.answer(made.found, made.standings, as_of=AS_OF, currency="USD")
    assert [one.text for one in told] == ["In 2026 Q3 no contract comes up for renewal."]
    assert (
        said(*due_findings.who(made.standings, made.label, "USD")) == "Nothing comes up in 2026 Q3."
    )
    shown = due_exhibits.concentration(made.accounts, 65, made.label, "USD")
    assert said(*shown) == "No ARR is at risk in 2026 Q3."
    assert [
        one for one in exhibits.coming(made.found, made.past, "USD") if isinstance(one, Exhibit)
    ]


def test_nothing_at_all_comes_up() -> None:
    """A book without contracts still makes a page."""
    made = Made(n=0, quarters=1)
    assert "no contract comes up" in said(
        *findings.answer(made.found, made.standings, as_of=AS_OF, currency="USD")
    )
    assert all(isinstance(one, Statement | Table | Exhibit) for one in page(made))


def test_the_book_is_held_against_what_all_customers_of_today_pay() -> None:
    """Those between two contracts are not due, and yet a part of today's ARR."""
    whole = Made().found.whole_book["book_arr"]
    more = Made(arr_today=float(whole.iloc[0]) + 5000.0).found.whole_book
    assert (more["book_arr"] == whole.iloc[0] + 5000.0).all()
    assert (more["due_arr"] <= whole.iloc[0]).all()


def page(made: Made) -> list[Statement | Table | Exhibit]:
    """Return all that the page shows, in its order."""
    return [
        *findings.answer(made.found, made.standings, as_of=AS_OF, currency="USD"),
        *exhibits.coming(made.found, made.past, "USD"), exhibits.book(made.found, "USD"),
        *exhibits.width(made.found),
        *due_exhibits.concentration(made.accounts, 5, made.label, "USD"),
        *due_exhibits.who(made.standings, made.label, "USD"),
        *exhibits.held(made.found), *exhibits.rests(made.found, "USD"),
    ]  # fmt: skip


@pytest.mark.parametrize("which", ["made", "short"])
def test_figures_have_tables_links_lead_somewhere_and_names_cannot_run(
    which: str, request: pytest.FixtureRequest
) -> None:
    """Each figure has its numbers in a table; a number's link is on the page; names stay text."""
    shown = page(request.getfixturevalue(which))
    ids = [one.id for one in shown if isinstance(one, Exhibit | Table)]
    ids += [one.table.id for one in shown if isinstance(one, Exhibit)]
    links = {
        part.href[1:] for one in shown if isinstance(one, Statement)
        for part in one.parts if isinstance(part, Number)
    }  # fmt: skip
    assert links <= set(ids)
    assert len(ids) == len(set(ids))
    for one in shown:
        if isinstance(one, Exhibit):
            assert "<script>" not in one.figure.to_json()
            assert len(one.table.rows) > 0
    assert "The first 5" in said(*(one for one in shown if isinstance(one, Statement)))


def test_contracts_of_a_list_stand_once_at_their_first_renewal(made: Made) -> None:
    """Whoever comes up in several quarters counts in the first; no list is not an empty list."""
    chosen = made.rows["subscription_id"].drop_duplicates().head(3).tolist()
    later = made.rows.assign(quarter=made.rows["quarter"] + pd.DateOffset(years=2))
    found = dues.first_of(pd.concat([later, made.rows]), chosen)
    assert found is not None
    assert sorted(found["subscription_id"]) == sorted(chosen)
    assert found["quarter"].max() < later["quarter"].min()
    assert dues.first_of(made.rows, None) is None
    none = dues.first_of(made.rows, [])
    assert none is not None
    assert none.empty


def test_a_middle_that_leans_is_called_so(made: Made) -> None:
    """Eight of eight quarters below the middle are told; five of eight are not."""
    judged = pd.DataFrame(
        {"label": "2026 Q3", "grr_p50": 0.8, "grr_actual": [0.7] * 8, "grr_hit": True}
    )
    lean = outlook.Outlook(made.found.quarters, made.found.levels, made.found.whole_book, judged,
                           made.found.notices, made.found.told)  # fmt: skip
    assert "8 of 8 past quarters came out below" in said(*findings.coming(lean, made.past, "USD"))
    judged["grr_actual"] = [0.7] * 5 + [0.9] * 3
    assert "leans" not in said(*findings.coming(lean, made.past, "USD"))


def test_contracts_that_renew_every_month_are_followed_to_the_quarters_end() -> None:
    """A monthly contract that left in its third renewal of the quarter kept nothing."""
    month = pd.DataFrame(
        {
            "subscription_id": ["m-1", "m-2", "m-3", "y-1"], "account_id": ["m", "m", "m", "y"],
            "term_start": pd.to_datetime(["2026-03-10", "2026-04-10", "2026-05-10", "2025-05-01"]),
            "term_end": pd.to_datetime(["2026-04-10", "2026-05-10", "2026-06-10", "2026-05-01"]),
            "outcome": ["renewed", "renewed", "churned", "contracted"],
            "arr": [120.0, 120.0, 100.0, 1000.0], "arr_next": [120.0, 100.0, 0.0, 700.0],
            "next_id": ["m-2", "m-3", None, None],
        }
    )  # fmt: skip
    due = pd.DataFrame(
        {"subscription_id": ["m-1", "y-1", "gone"], "account_id": ["m", "y", "z"],
         "quarter": pd.to_datetime(["2026-04-01"] * 3).astype("datetime64[s]"),
         "arr": [120.0, 1000.0, 50.0]}
    )  # fmt: skip
    came = kept.came_to(due, month)
    assert came["arr_end"].tolist() == [0.0, 700.0, 50.0]
    assert came["gone"].tolist() == [True, False, False]
    whole = kept.retention(came, ["quarter"])
    assert whole.loc[0, "grr"] == pytest.approx(750 / 1170)
    assert whole.loc[0, "loss"] == 120.0


def test_past_quarters_wait_for_late_renewals(made: Made) -> None:
    """On 30 June, with 30 days of grace, the first quarter is known and the second is not."""
    assert made.past["label"].iloc[-1] == "2026 Q1"
    early = kept.past_quarters(made.history, as_of=date(2026, 4, 29), grace_days=30)
    assert early["label"].iloc[-1] == "2025 Q4"


def test_past_quarters_are_drawn_of_what_still_ran_when_they_began(made: Made) -> None:
    """Due 400 of which 100 left a month before, 100 in the quarter: 50 % kept, drawn as 67 %."""
    history = made.history[made.history["term_end"] >= "2026-01-01"].head(4)
    begins = day("2026-01-01")
    left = ["churned", "churned", "renewed", "renewed"]
    history = history.assign(
        arr=100.0, outcome=left, arr_next=[0.0, 0.0, 100.0, 100.0], notice_date=day("2025-10-01"),
        closed_date=pd.Series(
            [begins - pd.Timedelta(days=31), begins, *history["term_end"].iloc[2:]],
            history.index,
        ),
    )  # fmt: skip
    past = kept.past_quarters(history, as_of=AS_OF, grace_days=30)
    (row,) = past.to_dict("records")
    assert (row["n_due"], row["due_arr"], row["grr"]) == (4, 400.0, 0.5)
    assert (row["n_running"], row["running_arr"]) == (3, 300.0)
    assert row["grr_running"] == pytest.approx(2 / 3)
    shown = exhibits.coming(made.found, past, "USD")
    (figure,) = [one for one in shown if isinstance(one, Exhibit)]
    grey = next(trace for trace in figure.figure.data if trace.name == "kept (past quarters)")
    assert list(grey.y) == pytest.approx([2 / 3])
    assert "67\u202f% was kept of what still ran when they began" in said(
        *(one for one in shown if isinstance(one, Statement))
    )


@pytest.mark.parametrize(
    ("amount", "written"),
    [(6_286_788.2, "$6,290,000"), (999_999.0, "$1,000,000"), (12.4, "$12"), (0.0, "$0"),
     (1_234.0, "$1,230"), (float("nan"), "–")],
)  # fmt: skip
def test_forecast_amounts_are_not_more_precise_than_they_are(amount: float, written: str) -> None:
    """Three digits mean something; a cent does not."""
    assert amounts.about(amount, "USD") == written


def test_a_quarters_predictor_climbs_no_further_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ladder ends at the level asked for; a level that there is not is refused by name."""
    seen: dict[str, Any] = {}

    def walk(rows: pd.DataFrame, **given: Any) -> None:
        seen.update(given)
        raise TooLittleDataError("stop here", got="0 quarters")

    monkeypatch.setattr(ladder, "walk", walk)
    monkeypatch.setattr(churn.history, "judged", lambda frame: frame)
    about = (day("2026-07-01"), "2026 Q3", 46)
    told = horizons._ahead(about, pd.DataFrame(), pd.DataFrame(), AS_OF, 30, 1)
    assert told.reason == "stop here (0 quarters)"
    assert seen["tried"] == ("L0", "L1", "L2", "L3")
    with pytest.raises(ParameterError, match="L9"):
        churn.backtest(pd.DataFrame(), as_of=AS_OF, up_to="L9")


def test_numbers_of_the_page_stand_in_the_tables_they_lead_to() -> None:
    """Quarters, notices, the worst odds, calls and what came out below the middle are to be seen.

    As on the whole sample, where the same is asked of every page.
    """
    shown = page(Made())
    tables = {}
    for one in shown:
        table = one.table if isinstance(one, Exhibit) else one
        if isinstance(table, Table):
            tables[table.id] = table.payload()
    lost = [
        f"{one.id}: {token} in {part.href}"
        for one in shown
        if isinstance(one, Statement)
        for part in one.parts
        if isinstance(part, Number)
        for token in links.TOKEN.findall(part.text)
        if not links.seen(token, tables.get(part.href.removeprefix("#")))
    ]
    assert not lost


def test_how_often_intervals_held_has_an_interval_of_its_own() -> None:
    """Seven of nine quarters only say that the intervals hold in 40 to 97 % of such."""
    hits = pd.DataFrame({"grr_hit": [True] * 7 + [False] * 2})
    of_grr = revenue.coverage(hits).set_index("measure").loc["grr"]
    assert of_grr[["low", "high"]].tolist() == pytest.approx([0.3999, 0.9719], abs=1e-3)
