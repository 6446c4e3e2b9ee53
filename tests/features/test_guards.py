"""Each leak guard trips on a planted leak, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest

from cs_models.errors import DataError
from cs_models.features import assembly, cohort, guards, panel

AS_OF = date(2025, 6, 30)
START = date(2022, 1, 1)
N = 120


@pytest.fixture(scope="module")
def tables(small: SimpleNamespace) -> dict[str, ir.Table]:
    """Return 120 one-year accounts, every third churned, with use before and after D."""
    rng = np.random.default_rng(11)
    terms, events = [], []
    for number in range(N):
        start = date(2023, 1, 1) + timedelta(days=3 * number)
        name = f"A{number}"
        end = start + timedelta(days=365)
        outcome = "churned" if number % 3 == 0 else "renewed"
        terms.append(small.term(f"s{number}", start, end, account_id=name, outcome=outcome))
        for day in rng.integers(200, 365, 12):
            happened = start + timedelta(days=int(day))
            feature = str(rng.choice(["f", "g"]))
            events.append(small.event(happened, account_id=name, feature=feature))
        late = start + timedelta(days=270)
        known = late + timedelta(days=30)
        events.append(small.event(late, account_id=name, known_date=known, quantity=Decimal(5)))
    return small.world(terms, events)


@pytest.fixture(scope="module")
def served(small: SimpleNamespace, tables: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """Return the same accounts with tickets and onboarding steps before and after D."""
    rng = np.random.default_rng(12)
    tickets, steps = [small.ticket(date(2022, 1, 1), account_id="nobody")], []
    for number in range(N):
        start = date(2023, 1, 1) + timedelta(days=3 * number)
        for place, day in enumerate(rng.integers(0, 365, 6)):
            opened = start + timedelta(days=int(day))
            severity = str(rng.choice(["low", "high"]))
            tickets.append(
                small.ticket(opened, account_id=f"A{number}", severity=severity,
                             ticket_id=f"{number}-{place}")
            )  # fmt: skip
        for name in ("kick-off", "training"):
            day = start + timedelta(days=int(rng.choice([50, 150, 240, 300, 390])))
            steps.append(small.step(name, day, account_id=f"A{number}"))
    more = {"tickets": tickets, "milestones": steps}
    return tables | {name: small.memory(rows, small.schemas[name]) for name, rows in more.items()}


@pytest.fixture(scope="module")
def learnt(tables: dict[str, ir.Table]) -> cohort.Cohort:
    """Return their terms 90 days before the renewal."""
    return cohort.terms(tables, AS_OF, days=90, data_start=START)


@pytest.fixture(scope="module")
def frame(tables: dict[str, ir.Table], learnt: cohort.Cohort) -> pd.DataFrame:
    """Return the honest panel."""
    return panel.build(tables, learnt, windows_days=(28,), min_accounts=1)


def leaking(
    tell: Callable[[Mapping[str, ir.Table], pd.DataFrame], pd.Series], column: str
) -> guards.Rebuild:
    """Return a way to build panels of one honest column and one told by ``tell``."""

    def rebuild(tables: Mapping[str, ir.Table], terms: cohort.Cohort) -> pd.DataFrame:
        frame = terms.terms.execute().sort_values(assembly.ORDER, ignore_index=True)
        frame["as_of_date"] = pd.to_datetime(frame["as_of_date"]).astype("datetime64[s]")
        frame["events__last_28d"] = 1.0
        frame[column] = tell(tables, frame).to_numpy()
        return frame

    return rebuild


def per_account(
    rows: Callable[[pd.DataFrame, pd.DataFrame], pd.Series],
) -> Callable[[Mapping[str, ir.Table], pd.DataFrame], pd.Series]:
    """Return a teller that adds up the quantity of the chosen events of each account."""

    def tell(tables: Mapping[str, ir.Table], frame: pd.DataFrame) -> pd.Series:
        dates = frame[["account_id", "as_of_date"]]
        events = tables["events"].execute().merge(dates, on="account_id")
        chosen = events[rows(events, frame)]
        sums = chosen["quantity"].astype(float).groupby(chosen["account_id"]).sum()
        return frame["account_id"].map(sums).fillna(0.0)

    return tell


def test_an_honest_panel_passes_every_guard(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame
) -> None:
    """All five pass, each having looked at something."""
    found = guards.check(tables, learnt, frame)
    assert found["status"].tolist() == ["passed"] * 5
    assert found["guard"].tolist() == [
        "nothing_emptied",
        "truncation",
        "future_shuffle",
        "too_good",
        "telling_gaps",
    ]
    assert (found["n"] >= N // 2).all()


@pytest.mark.parametrize(
    "rows",
    [
        lambda events, _: pd.to_datetime(events["event_date"]) >= events["as_of_date"],
        lambda events, _: pd.to_datetime(events["event_date"]) <= events["as_of_date"],
        lambda events, _: pd.to_datetime(events["event_date"]) < events["as_of_date"],
        lambda events, _: events["quantity"].notna(),
    ],
    ids=["after D", "on D", "known later", "whole history"],
)
def test_a_column_that_sees_later_events_is_named(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, rows: Callable
) -> None:
    """Seeing one day too far, or what was not known yet, stops the report."""
    rebuild = leaking(per_account(rows), "events__peeked__to_date")
    with pytest.raises(DataError, match="events__peeked__to_date") as caught:
        guards.check(tables, learnt, rebuild(tables, learnt), rebuild=rebuild)
    assert "truncation" in caught.value.got


def test_a_column_that_reads_the_outcome_is_named(
    tables: dict[str, ir.Table], learnt: cohort.Cohort
) -> None:
    """A status that is overwritten at churn is not there when the tables are cut."""

    def tell(world: Mapping[str, ir.Table], frame: pd.DataFrame) -> pd.Series:
        outcome = world["subscriptions"].execute().set_index("subscription_id")["outcome"]
        return (frame["subscription_id"].map(outcome) == "churned").astype(int)

    rebuild = leaking(tell, "health_score")
    with pytest.raises(DataError, match="health_score"):
        guards.check(tables, learnt, rebuild(tables, learnt), rebuild=rebuild)


def test_a_column_that_only_the_altered_future_betrays_is_named(
    tables: dict[str, ir.Table], learnt: cohort.Cohort
) -> None:
    """A column that looks ahead only where there is a future passes the cut, not the shuffle."""

    def tell(world: Mapping[str, ir.Table], frame: pd.DataFrame) -> pd.Series:
        events = world["events"].execute().merge(frame[["account_id", "as_of_date"]])
        later = pd.to_datetime(events["event_date"]) >= events["as_of_date"]
        seen = events[later & (events["quantity"] > 7)]
        return frame["account_id"].isin(seen["account_id"]).astype(int)

    rebuild = leaking(tell, "sneaky")
    with pytest.raises(DataError, match="sneaky") as caught:
        guards.check(tables, learnt, rebuild(tables, learnt), rebuild=rebuild)
    assert "future_shuffle" in caught.value.got


def test_every_kind_of_column_passes_the_guards(
    served: dict[str, ir.Table], learnt: cohort.Cohort
) -> None:
    """Shares, use before the term, tickets and onboarding are the same from cut tables."""
    frame = panel.build(
        served, learnt, windows_days=(28,), first_days=(60, 250), before_days=(90,), min_accounts=1
    )
    for name in ("tickets__first_250d", "severe_tickets__last_28d", "onboarded__first_250d",
                 "share__f__first_250d", "daily_active_share__first_250d"):  # fmt: skip
        assert frame[name].min() < frame[name].max(), name
    found = guards.check(served, learnt, frame).set_index("guard")
    assert found.loc[["truncation", "future_shuffle"], "status"].tolist() == ["passed"] * 2


@pytest.mark.parametrize(
    ("table", "day"), [("tickets", "opened_date"), ("milestones", "completed_at")]
)
def test_a_column_that_sees_later_tickets_or_completions_is_named(
    served: dict[str, ir.Table], learnt: cohort.Cohort, table: str, day: str
) -> None:
    """Counting what the account did up to today stops the report, whatever the table."""

    def tell(world: Mapping[str, ir.Table], frame: pd.DataFrame) -> pd.Series:
        rows = world[table].execute()
        return frame["account_id"].map(rows.groupby("account_id")[day].count()).fillna(0)

    rebuild = leaking(tell, "tickets__peeked")
    with pytest.raises(DataError, match="tickets__peeked") as caught:
        guards.check(served, learnt, rebuild(served, learnt), rebuild=rebuild)
    assert "truncation" in caught.value.got


def test_only_the_altered_future_betrays_who_looks_at_severe_tickets_alone(
    served: dict[str, ir.Table], learnt: cohort.Cohort
) -> None:
    """Later tickets become critical and later completions fall on D: both are looked for."""

    def tell(world: Mapping[str, ir.Table], frame: pd.DataFrame) -> pd.Series:
        tickets, steps = world["tickets"].execute(), world["milestones"].execute()
        worst = tickets.loc[tickets["severity"] == "critical", "account_id"]
        dates = frame.set_index("account_id")["as_of_date"]
        on_day = pd.to_datetime(steps["completed_at"]) == steps["account_id"].map(dates)
        marked = [*worst, *steps.loc[on_day, "account_id"]]
        return frame["account_id"].isin(marked).astype(int)

    rebuild = leaking(tell, "sneaky")
    frame = rebuild(served, learnt)
    assert frame["sneaky"].sum() == 0
    with pytest.raises(DataError, match="sneaky") as caught:
        guards.check(served, learnt, frame, rebuild=rebuild)
    assert "future_shuffle" in caught.value.got


def test_a_feature_that_came_later_is_the_same_from_tables_cut_before_it_came(
    small: SimpleNamespace,
) -> None:
    """The recipe carries its first day: no cut table can move it."""
    terms, events = [], []
    for k in range(40):
        start = date(2023, 1, 1) + timedelta(days=10 * k)
        name = f"A{k}"
        terms.append(small.term(f"s{k}", start, start + timedelta(days=365), account_id=name))
        events += [small.event(date(2022, 6, 1) + timedelta(days=k), account_id=name)]
        events += [
            small.event(date(2023, 9, 1) + timedelta(days=k + late), account_id=name, feature="new")
            for late in (0, 100, 200)
        ]
    tables = small.world(terms, events)
    found = cohort.terms(tables, AS_OF, decision="after_start", days=60)
    frame = panel.build(tables, found, windows_days=(), first_days=(60,), min_accounts=1)
    assert frame.attrs["recipe"]["appeared"] == ["", "2023-09-01"]
    missing = frame["events__new__first_60d"].isna()
    assert missing.equals(frame["term_start"] < pd.Timestamp(2023, 9, 1))
    status = guards.check(tables, found, frame).set_index("guard")["status"]
    assert status[["truncation", "future_shuffle"]].tolist() == ["passed"] * 2


def honest(frame: pd.DataFrame) -> guards.Rebuild:
    """Return a rebuild that repeats the frame: the other guards are looked at alone."""
    return lambda _, terms: frame[
        frame["subscription_id"].isin(terms.points.subscription_id.execute())
    ]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_is_too_good_is_named(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame, sign: int
) -> None:
    """All but telling the outcome, in either direction, stops the report."""
    rng = np.random.default_rng(0)
    told = frame.assign(
        events__exit_survey__last_28d=sign * frame["churned"].astype(float)
        + rng.normal(0, 0.2, len(frame))
    )
    with pytest.raises(DataError, match="events__exit_survey__last_28d"):
        guards.check(tables, learnt, told, rebuild=honest(told))


def test_an_attribute_overwritten_at_churn_is_named(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame
) -> None:
    """A plan called "cancelled" is judged out of time, like a number."""
    told = frame.assign(plan=frame["churned"].map({1: "cancelled", 0: "pro"}))
    with pytest.raises(DataError, match="plan"):
        guards.check(tables, learnt, told, rebuild=honest(told))
    names = frame.assign(csm_id=[f"unique {number}" for number in range(len(frame))])
    guards.check(tables, learnt, names, rebuild=honest(names))


def test_gaps_that_tell_the_outcome_are_warned_of(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame
) -> None:
    """Missing for those who left is a warning with the column's name."""
    told = frame.assign(seats=frame["seats"].mask(frame["churned"] == 1))
    found = guards.check(tables, learnt, told, rebuild=honest(told)).set_index("guard")
    assert found.loc["telling_gaps", "status"] == "warned"
    assert "seats (AUC 1.00)" in found.loc["telling_gaps", "detail"]


def test_an_emptied_panel_is_never_a_pass(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame
) -> None:
    """No rows, fewer rows than terms, or no usage at all: each stops the report."""
    for emptied in (frame.iloc[:0], frame.iloc[1:]):
        with pytest.raises(DataError, match="every term of its cohort"):
            guards.check(tables, learnt, emptied)
    unused = frame.copy()
    for name in unused.filter(like="events__").columns:
        unused[name] = 0.0
    with pytest.raises(DataError, match="no use of the product"):
        guards.check(tables, learnt, unused)


def test_events_of_other_accounts_are_noticed(small: SimpleNamespace) -> None:
    """Ids that do not match leave a panel of zeros, which is not usage."""
    terms = [small.term("s1", date(2024, 1, 1), date(2025, 1, 1))]
    tables = small.world(terms, [small.event(date(2024, 9, 20), account_id="a")])
    found = cohort.terms(tables, AS_OF, data_start=START)
    with pytest.raises(DataError, match="no use of the product"):
        guards.check(tables, found, panel.build(tables, found, min_accounts=1))


def test_too_few_to_judge_by_is_a_warning_not_a_pass(small: SimpleNamespace) -> None:
    """One term proves nothing about columns that tell the outcome."""
    terms = [small.term("s1", date(2024, 1, 1), date(2025, 1, 1))]
    tables = small.world(terms, [small.event(date(2024, 9, 20))])
    found = cohort.terms(tables, AS_OF, data_start=START)
    frame = panel.build(tables, found, min_accounts=1)
    status = guards.check(tables, found, frame).set_index("guard")["status"]
    assert status.to_dict() == {
        "nothing_emptied": "passed",
        "truncation": "warned",
        "future_shuffle": "warned",
        "too_good": "warned",
        "telling_gaps": "warned",
    }


def test_a_panel_that_does_not_say_how_it_was_made_is_refused(
    tables: dict[str, ir.Table], learnt: cohort.Cohort, frame: pd.DataFrame
) -> None:
    """Without its recipe nothing can be made again, and that is no pass either."""
    bare = frame.copy()
    bare.attrs = {}
    with pytest.raises(DataError, match="does not say how it was made"):
        guards.check(tables, learnt, bare)


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    """Ranks give what counting pairs gives, ties half, missing rows left out."""
    rng = np.random.default_rng(1)
    outcome = pd.Series(rng.integers(0, 2, 200))
    scores = pd.DataFrame({"a": rng.integers(0, 5, 200), "b": rng.normal(size=200)})
    scores.loc[rng.random(200) < 0.2, "b"] = np.nan
    found = guards.auc(scores, outcome)
    for name in scores:
        known = scores[name].notna()
        left = scores.loc[known & (outcome == 1), name].to_numpy()[:, None]
        stayed = scores.loc[known & (outcome == 0), name].to_numpy()[None, :]
        area = (left > stayed).mean() + (left == stayed).mean() / 2
        assert found[name] == pytest.approx(max(area, 1 - area))
    assert np.isnan(guards.auc(scores.head(30), outcome.head(30))["a"])


def test_terms_that_have_yet_to_be_judged_are_no_fault(
    tables: dict[str, ir.Table],
) -> None:
    """Where no term has come to its decision date the guards warn: nothing was guarded."""
    early = cohort.terms(tables, date(2023, 1, 2), days=90, data_start=START)
    empty = panel.build(tables, early, windows_days=(28,), min_accounts=1)
    told = guards.check(tables, early, empty)
    assert told[["guard", "status", "n"]].to_numpy().tolist() == [["nothing_emptied", "warned", 0]]
