"""What page 01 shows of word, skill, use, ramps and the sale, where optional tables are missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest

from cs_models.data import simulate, sources
from cs_models.data.mapping import Source
from cs_models.report.display import Statement
from cs_models.report.evidence import fit, heard, ramps, satisfaction, saydo
from cs_models.report.exhibits import fit as fit_exhibits
from cs_models.report.exhibits import ramps as ramp_exhibits
from cs_models.report.exhibits import satisfaction as exhibits
from cs_models.report.findings import fit as fit_findings
from cs_models.report.findings import measures_saved
from cs_models.report.findings import ramps as ramp_findings
from cs_models.report.findings import satisfaction as findings

AS_OF = date(2026, 6, 30)
CAUSAL = re.compile(r"\b(caus(ed|es|ing)|driv\w+|because of|leads? to|prevents?)\b", re.I)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ir.Table]:
    """Return a small simulated world, read as a run reads it."""
    folder = tmp_path_factory.mktemp("world")
    simulate.write(folder, scenario="step", n_accounts=80, seed=5)
    return sources.read(Source(path=str(folder)), as_of=AS_OF, timezone="UTC", currency="USD")


def _page(tables: Mapping[str, ir.Table]) -> tuple[list[Any], list[Any]]:
    """Return all that the page would show, and its findings."""
    rng = np.random.default_rng(0)
    found = ramps.courses(tables, AS_OF)
    ramp, late = ramps.ramp(found), fit.stuck(tables, found)
    users = heard.users_today(tables, found)
    voices = satisfaction.voices(tables, users)
    clash = saydo.say_do(tables, found)
    sale = fit.sale(found, rng=rng)
    gaps = satisfaction.gaps(tables, found, rng=rng)
    fed = satisfaction.product(users, found, voices, rng=rng)
    shown = [
        *measures_saved.answer([], late, ramp, clash, "USD"),
        *fit_exhibits.stuck(late, "USD"), *ramp_exhibits.ramp(ramp, "USD"),
        *ramp_exhibits.take_up(ramps.take_up(tables, found)), *exhibits.cube(voices, "USD"),
        *fit_exhibits.sale(sale), *exhibits.gaps(gaps), *exhibits.product(fed),
        *exhibits.say_do(clash, "USD"),
    ]  # fmt: skip
    saved = [
        *fit_findings.saved(sale, late, "USD"), *ramp_findings.saved(ramp, "USD"),
        *findings.saved(voices, gaps, fed, clash, "USD"),
    ]  # fmt: skip
    return shown, saved


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (("users",), ("no table of users",)),
        (("surveys",), ("no survey answers",)),
        (("milestones", "tickets", "touchpoints"), ("no onboarding steps",)),
        (("users", "surveys", "milestones", "tickets", "touchpoints"),
         ("no table of users", "no survey answers", "no onboarding steps")),
    ],
)  # fmt: skip
def test_what_is_not_kept_is_said_and_the_rest_is_shown(
    tables: Mapping[str, ir.Table], missing: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """A missing table costs its own answer, by name and reason; nothing speaks of causes."""
    shown, saved = _page({name: t for name, t in tables.items() if name not in missing})
    said = [item.text for item in shown if isinstance(item, Statement)]
    for item in shown:
        assert item._repr_mimebundle_()
    for word in words:
        assert any(word in text for text in said)
    assert not [text for text in said if CAUSAL.search(text)]
    assert len({item.id for item in saved}) == len(saved) == 8
    identifiers = [item.id for item in shown if getattr(item, "id", "")]
    assert len(set(identifiers)) == len(identifiers)


def test_each_running_term_is_counted_by_hand(tables: Mapping[str, ir.Table]) -> None:
    """Uses in a week are the events of the account on those seven days, whatever the term."""
    found = ramps.courses(tables, AS_OF)
    events = tables["events"].select("account_id", "event_date", "quantity").to_pandas()
    day = pd.to_datetime(events["event_date"])
    terms = found.terms.set_index("subscription_id")
    for row in found.weekly.sample(20, random_state=1).itertuples(index=False):
        term = terms.loc[row.subscription_id]
        first = term["term_start"] + pd.Timedelta(days=7 * row.week)
        last = min(first + pd.Timedelta(days=7), term["closed_date"])
        mine = (events["account_id"] == term["account_id"]) & (day >= first) & (day < last)
        plain = events.loc[mine, "quantity"].astype(float).fillna(1).sum()
        assert row._2 == pytest.approx(plain)  # the column called "all use"


def test_the_past_does_not_see_what_came_later(tables: Mapping[str, ir.Table]) -> None:
    """Word, use and late steps of a past day are the same without any later record."""
    before = date(2025, 9, 30)
    cut = pd.Timestamp(before)
    found = ramps.courses(tables, before, data_start=date(2022, 7, 1))
    users = heard.users_today(tables, found)
    late = fit.stuck(tables, found).accounts
    shorter = {
        name: table.filter(table[day] < cut.date())
        for name, table, day in (
            (name, tables[name], day)
            for name, day in (("events", "event_date"), ("surveys", "answered_date"),
                              ("tickets", "opened_date"), ("users", "created_date"))
        )
    }  # fmt: skip
    cut_short = {**tables, **shorter}
    again = ramps.courses(cut_short, before, data_start=date(2022, 7, 1), features=found.features)
    pd.testing.assert_frame_equal(users, heard.users_today(cut_short, again))
    pd.testing.assert_frame_equal(late, fit.stuck(cut_short, again).accounts)


def test_a_late_step_is_the_one_a_hand_finds() -> None:
    """The past share counts those done so long after their date; never is later than any day."""
    rows = pd.DataFrame({"step": ["a", "a", "b"], "days_late": [5, 30, 1]})
    plan = pd.DataFrame(
        {"step": ["a"] * 20, "due": pd.Timestamp("2025-01-01"),
         "completed": [pd.Timestamp("2025-01-03")] * 10 + [pd.Timestamp("2025-01-21")] * 5
         + [pd.NaT] * 5, "done": [True] * 15 + [False] * 5}
    )  # fmt: skip
    share = fit._past_share(rows, plan)
    assert share.tolist()[:2] == [0.5, 0.75]
    assert np.isnan(share[2])


def test_customers_below_the_ramp_are_counted_once(tables: Mapping[str, ir.Table]) -> None:
    """Several contracts of a customer are one customer; under a tenth that used nothing is none."""
    found = ramps.ramp(ramps.courses(tables, AS_OF))
    n = found.standing["account_id"].nunique()
    twice = replace(found, standing=pd.concat([found.standing, found.standing]))
    once, both = (ramp_findings.saved(one, "USD")[-1] for one in (found, twice))
    assert once.n == both.n
    assert f" of {n} (" in both.statement
    idle = replace(found, standing=found.standing.assign(usual_low=0.0, below=False))
    said = ramp_findings.saved(idle, "USD")[-1].statement
    assert said.startswith("Who uses less than usual cannot be told")
    assert f"none of {n} customers" in said


def test_a_customer_waits_only_where_no_later_step_is_done() -> None:
    """A lacks a tick, B waits at the second step, C at the first of two, D is not due."""
    day = pd.Timestamp
    steps = ("kickoff", "data", "report")
    due = dict(zip(steps, ("2025-01-01", "2025-01-15", "2025-02-01"), strict=True))
    done = {"A": {"kickoff", "report"}, "B": {"kickoff"}, "C": set(), "D": {"kickoff", "data"}}
    plan = pd.DataFrame(
        [(account, step, day(due[step]), step in own) for account, own in done.items()
         for step in reversed(steps)], columns=["account_id", "step", "due", "done"],
    )  # fmt: skip
    order = fit.usual_order(plan)
    assert order.to_dict() == {"kickoff": 0, "data": 1, "report": 2}
    waits, unticked = fit._waiting(plan, order, day("2025-01-20"))
    assert dict(zip(waits["account_id"], waits["step"], strict=True)) == {
        "B": "data", "C": "kickoff",
    }  # fmt: skip
    assert unticked == {"A"}


def test_what_is_true_of_nearly_everybody_is_not_said_of_those_who_wait() -> None:
    """19 of 20 against 190 of 200 tells nothing; 15 of 20 against 10 of 200 does."""
    whole = pd.DataFrame(
        {"sponsor": (["engaged"] * 19 + ["silent"]) * 11,
         "early_tickets": [1.0] * 15 + [0.0] * 5 + [1.0] * 10 + [0.0] * 190}
    )  # fmt: skip
    found = fit._telling(whole, pd.Series([True] * 20 + [False] * 200)).set_index("trait")
    assert not found.loc["no sponsor", "holds"]
    assert found.loc["early cases", "holds"]
    assert found.loc["early cases", "share"] == 0.75
    late = fit.Stuck(pd.DataFrame(columns=list(fit.STUCK_COLUMNS)), pd.DataFrame(), 220, "", 7,
                     found.reset_index())  # fmt: skip
    text = Statement.of("finding", *fit_findings._telling(late)).text
    assert "At 75" in text
    assert "cannot be told" in text
    assert "7 lack the date" in fit_findings.stuck(late, "USD")[0].text
    assert "05" in fit_findings.stuck(late, "USD")[1].text
