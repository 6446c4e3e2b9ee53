"""The lists on the page and in their files: nothing dropped silently, no formula in a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features.criteria import AllOf, Leaf
from cs_models.learn import lists
from cs_models.learn.lists import CustomerList
from cs_models.learn.policy import Play
from cs_models.report.display import Exhibit, Statement, Table
from cs_models.report.evidence import listed, plays
from cs_models.report.evidence import lists as evidence
from cs_models.report.evidence.horizons import BASE_RATE, NOTICE, PREDICTOR
from cs_models.report.evidence.listable import Gaps
from cs_models.report.exhibits import lists as exhibits
from cs_models.report.exhibits import plays as play_exhibits
from cs_models.report.findings import lists as findings
from cs_models.report.findings import plays as play_findings

AS_OF = pd.Timestamp("2026-06-30")
EVERYTHING = ("accounts", "subscriptions", "events", "users", "tickets", "surveys", "touchpoints",
              "milestones")  # fmt: skip


def asked(name: str = "big", **changed: Any) -> CustomerList:
    fields: Mapping[str, Any] = {
        "title": f"List {name}", "action": "Call.", "grain": "account",
        "criteria": Leaf("seats", at_least=10), "order_by": "arr", "outcome": "left",
    } | changed  # fmt: skip
    return CustomerList(name=name, **fields)


def frame(n: int = 40) -> pd.DataFrame:
    """Return running terms, the first named like a formula."""
    rng = np.random.default_rng(3)
    names = ["=HYPERLINK(1)", *[f"Customer {k}" for k in range(1, n)]]
    return pd.DataFrame(
        {
            "subscription_id": [f"s{k}" for k in range(n)],
            "account_id": [f"a{k}" for k in range(n)],
            "account_name": names, "segment": "SMB", "arr": 100.0 * np.arange(n, 0, -1),
            "seats": pd.array([12] * 15 + [5] * (n - 15), "Int64"),
            "term_end": AS_OF + pd.Timedelta(days=50), "days_to_renewal": 50,
            "csm_id": [f"m{k % 3}" for k in range(n)], "p_churn": rng.random(n),
            "days_since_our_contact__to_date": pd.array([9] * n, "Int64"),
        }
    )  # fmt: skip


def known(past: bool = True, **gaps: Any) -> evidence.Known:
    rows = frame()
    before = pd.concat([rows] * 4, ignore_index=True).assign(
        origin=np.repeat(["q1", "q2", "q3", "q4"], 40), alike="near",
        left=np.tile([1.0] * 12 + [0.0] * 28, 4),
    )  # fmt: skip
    told: Mapping[str, Any] = {
        "tables": EVERYTHING, "features": ("share",), "definition": "", "predictor": "", "play": "",
    } | gaps  # fmt: skip
    return evidence.Known(
        accounts=rows, users=pd.DataFrame(), past_accounts=before if past else pd.DataFrame(),
        past_users=pd.DataFrame(),
        reasons=pd.DataFrame(
            {"reason_1": ["support cases: many"], "reason_codes": ["support"]}, ["s0"]
        ),
        gaps=Gaps(**told), touched=None, as_of=AS_OF.date(),
        to_call=pd.DataFrame(
            {"call_user_id": ["u7"], "call_role": ["champion"], "call_last_use": [AS_OF]}, ["a0"]
        ),
    )  # fmt: skip


NO_TABLE = [
    ("tickets", Leaf("open_severe_tickets__to_date", at_most=0), "account"),
    ("surveys", Leaf("nps__to_date", at_least=9), "account"),
    ("touchpoints", Leaf("in_play", is_=True), "account"),
    ("touchpoints", Leaf("customer_contacts__last_28d", at_least=1), "account"),
    ("milestones", Leaf("goals_reached__to_date", at_least=1), "account"),
    ("users", Leaf("champions__to_date", at_least=1), "account"),
]


@pytest.mark.parametrize(("table", "criterion", "grain"), NO_TABLE)
def test_a_list_whose_table_is_missing_is_skipped_by_name(
    table: str, criterion: Leaf, grain: str
) -> None:
    """The page says which list, and which table the source does not have; the others are made."""
    there = tuple(name for name in EVERYTHING if name != table)
    both = AllOf((Leaf("seats", at_least=1), criterion))
    made = evidence.make(
        known(tables=there), [asked(), asked("other", criteria=both)], capacity=5, weeks=13
    )
    assert made[0].made is not None
    assert made[1].made is None
    assert f"no table of {table}" in made[1].skipped
    said = [one.text for one in findings.overview(listed.summary(made), 5, None, "USD")]
    assert any("List other" in text and f"no table of {table}" in text for text in said)
    saved = {one.id: one for one in findings.saved(listed.summary(made), 5, None, "USD")}
    assert f"List other\u201d ({made[1].skipped})" in saved["unanswered"].statement
    assert saved["unanswered"].value == 1
    if grain == "account":
        assert listed.summary(made)["file"].tolist() == ["tables/list_big.csv", ""]


@pytest.mark.parametrize(
    ("criterion", "gap", "said"),
    [
        (Leaf("expected_value", more_than=0), {"play": "the run file names no play"}, "no play"),
        (Leaf("p_low", at_least=0.1), {"predictor": "too short"}, "too short"),
        (Leaf("below_threshold", is_=True), {"definition": "none is stated"}, "none is stated"),
        (Leaf("stage", one_of=("adopted",)), {}, "05_journey_and_personas"),
        (Leaf("events__shared__last_28d", at_least=1), {}, "did you mean share?"),
    ],
)
def test_what_the_run_does_not_know_is_said(
    criterion: Leaf, gap: dict[str, Any], said: str
) -> None:
    """Each skipped list names what it lacks."""
    (one,) = evidence.make(known(**gap), [asked(criteria=criterion)], capacity=5, weeks=13)
    assert said in one.skipped


def test_a_window_that_is_not_counted_stops_the_run() -> None:
    """The records could tell it, the run did not ask: that is the list's mistake."""
    with pytest.raises(ParameterError, match="unknown column"):
        evidence.make(
            known(), [asked(criteria=Leaf("active_users__last_33d", at_least=1))],
            capacity=5, weeks=13,
        )  # fmt: skip


def test_a_list_of_users_needs_users() -> None:
    """Without a users table it is skipped with that reason."""
    of_users = asked("u", grain="user", criteria=Leaf("arr", at_least=0), outcome="active")
    (one,) = evidence.make(known(tables=("accounts",)), [of_users], capacity=5, weeks=13)
    assert one.skipped == "the source has no table of users"


def test_the_past_is_counted_by_hand() -> None:
    """Ten of fifteen are called each quarter; all ten left, two of the other thirty did."""
    (one,) = evidence.make(known(), [asked()], capacity=10, weeks=13)
    assert one.past is not None
    assert (one.past.n, one.past.n_hits, one.n_past) == (40, 40, 4)
    assert one.past.rate == 1
    assert one.past.base_rate == pytest.approx(2 / 30)
    assert one.past.few  # ten accounts
    # Of 12 that left the ten largest stood on it: 100 x (40 + ... + 31) of 100 x (40 + ... + 29).
    assert one.reached is not None
    caught = one.reached.own
    assert (caught.n, caught.n_of) == (10, 12)
    assert (caught.arr, caught.arr_of) == (35500, 41400)
    assert caught.share == pytest.approx(355 / 414)
    summary = listed.summary([one])
    assert summary["arr_share"].iloc[0] == pytest.approx(355 / 414)
    said = [line.text for line in findings.worth(summary)]
    assert any("Of 12 contracts that left in these quarters, 10 had stood" in line for line in said)
    # The list is that of the ten largest; ten of forty by lot, four times: 1 - (3/4)^4 = 68.4 %.
    assert summary["arr_share_by_size"].iloc[0] == pytest.approx(355 / 414)
    assert summary["arr_share_by_chance"].iloc[0] == pytest.approx(1 - 0.75**4)
    assert any(
        "as many customers taken by size would have held 86\u202f% of it, by lot 68\u202f%." in line
        for line in said
    )
    # The same ten customers: nought apart from size, and of the lot what is left of its 68 %.
    row = summary.iloc[0]
    assert row["ahead_of_size"] == row["ahead_of_size_low"] == row["ahead_of_size_high"] == 0
    assert row["ahead_of_chance"] == pytest.approx(355 / 414 - (1 - 0.75**4))
    assert row["ahead_of_chance_low"] < row["ahead_of_chance"] < row["ahead_of_chance_high"]
    assert any(
        "The share of the list cannot be told (0 to 0 points) from that of size" in line
        for line in said
    )
    shown = exhibits.past(summary)
    (reached,) = [one for one in shown if isinstance(one, Exhibit) and one.id == "reached-lists"]
    assert [trace.name for trace in reached.figure.data] == ["cannot be told apart"]
    assert reached.table.rows[0][list(reached.table.columns).index("ahead")] == (
        "cannot be told apart"
    )
    (none,) = evidence.make(known(past=False), [asked()], capacity=10, weeks=13)
    assert none.past is None
    assert none.past_why


def test_as_many_by_lot_are_as_far_from_their_renewal() -> None:
    """Ten listed of the fifteen near ones: the lot is drawn among these, 1 - (1/3)^4 = 98.8 %."""
    world = known()
    far = np.tile(np.repeat([46, 138], [15, 25]), 4)
    world = replace(world, past_accounts=world.past_accounts.assign(distance=far))
    (one,) = evidence.make(world, [asked()], capacity=10, weeks=13)
    assert one.reached is not None
    assert one.reached.by_chance == pytest.approx(1 - (1 / 3) ** 4)


def test_what_as_many_calls_would_have_held_is_counted_by_hand() -> None:
    """Day q1: one of a (contracts of 5 and 3), b (9), c (1) is listed; q2: a and b; q3: nobody."""
    rows = pd.DataFrame(
        {
            "origin": ["q1"] * 4 + ["q2"] * 4 + ["q3"] * 4, "account_id": list("aabc") * 3,
            "subscription_id": ["a1", "a2", "b1", "c1"] * 3, "arr": [5.0, 3.0, 9.0, 1.0] * 3,
        }
    )  # fmt: skip
    on = pd.Series([False, False, False, True, False, True, True, *[False] * 5])
    assert lists.by_size(rows, on, by="origin").tolist() == [
        False, False, True, False, True, False, True, False, *[False] * 4,
    ]  # fmt: skip
    assert lists.by_chance(rows, on, by="origin").tolist() == pytest.approx(
        [1 / 6, 1 / 6, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 0, 0, 0, 0]
    )


@pytest.mark.parametrize(
    ("grain", "n", "n_accounts", "said"),
    [("account", 1, 1, " who pays "), ("account", 2, 2, " who pay "),
     ("user", 3, 1, ", of a customer who pays "), ("user", 1, 2, ", of customers who pay ")],
)  # fmt: skip
def test_one_customer_pays_and_two_pay(grain: str, n: int, n_accounts: int, said: str) -> None:
    """The verb goes with how many customers stand on the list."""
    assert findings.whose({"grain": grain, "n": n, "n_accounts": n_accounts}) == said


def test_files_have_stable_ids_first_and_no_formula(tmp_path: Path) -> None:
    """account_id and subscription_id lead; a name that begins with = is defused; all rows leave."""
    world = known()
    made = evidence.make(world, [asked(), asked("none", criteria=Leaf("seats", more_than=99))],
                         capacity=10, weeks=13)  # fmt: skip
    near = pd.Series({"s0": "2 of 5 left; nearest: Alpha, left"}, dtype=object)
    tables = listed.tables(made, world, near)
    exhibits.write(str(tmp_path), tables)
    with (tmp_path / "tables/list_big.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:2] == ["account_id", "subscription_id"]
    assert [row["rank"] for row in rows] == [str(k) for k in range(1, 16)]
    assert rows[0]["account_name"] == "'=HYPERLINK(1)"
    assert rows[0]["reason_1"] == "support cases: many"
    assert rows[0]["similar"].startswith("2 of 5 left")
    about = ("list", "as_of", "csm_id", "call_user_id", "call_role", "reason_codes")
    assert [rows[0][name] for name in about] == [
        "big", "2026-06-30", "m0", "u7", "champion", "support",
    ]  # fmt: skip
    assert [rows[1][name] for name in about] == ["big", "2026-06-30", "m1", "", "", ""]
    assert sum(row["in_capacity"] == "True" for row in rows) == 10
    empty = (tmp_path / "tables/list_none.csv").read_text().splitlines()
    assert len(empty) == 1
    assert empty[0].startswith("account_id,subscription_id")


def test_users_have_their_account_s_manager_and_a_source_without_any_no_column() -> None:
    """The success manager is the account's; where nobody has one, there is no such column."""
    world, of_users = known(), asked("u", grain="user", criteria=Leaf("arr", at_least=0),
                                     outcome="gone")  # fmt: skip
    users = pd.DataFrame({"user_id": ["u1", "u2"], "account_id": ["a1", "a2"], "arr": [1.0, 2.0]})
    made = [replace(one, made=lists.Made(users.assign(rank=[1, 2]), 2, 0, 0))
            for one in evidence.make(world, [asked()], capacity=5, weeks=13)]  # fmt: skip
    (one,) = [replace(row, asked=of_users) for row in made]
    rows = listed.rows(one, world, pd.Series(dtype=object))
    assert rows["csm_id"].tolist() == ["m1", "m2"]
    assert rows["list"].tolist() == ["u", "u"]
    without = replace(world, accounts=world.accounts.assign(csm_id=None))
    assert "csm_id" not in listed.rows(one, without, pd.Series(dtype=object))


def test_every_list_is_shown_and_saved() -> None:
    """Text and tables agree with the summary, and nothing is blank."""
    world = known()
    made = evidence.make(world, [asked(), asked("none", criteria=Leaf("seats", more_than=99))],
                         capacity=10, weeks=13)  # fmt: skip
    summary = listed.summary(made)
    tables = listed.tables(made, world, pd.Series(dtype=object))
    shown = [*exhibits.overview(summary, 10, None, "USD"), *exhibits.each(summary, tables, "USD"),
             *exhibits.past(summary)]  # fmt: skip
    words = " ".join(one.text for one in shown if isinstance(one, Statement))
    assert "15 customers" in words
    assert "nobody today" in words
    assert "Too few past customers to judge: \u201cList big\u201d" in words
    ids = [one.id for one in shown if isinstance(one, Table | Exhibit)]
    assert {"all-lists-table", "list-big", "past-lists"} <= set(ids)
    saved = {one.id: one for one in findings.saved(summary, 10, None, "USD")}
    assert saved["list-big"].n == 15
    assert saved["list-none"].n == 0
    assert findings.overview(listed.summary([]), 5, None, "USD")[0].role == "note"


def contracts(n: int = 30) -> pd.DataFrame:
    """Return contracts of one quarter as ``due.contracts`` gives them."""
    rng = np.random.default_rng(9)
    chance = rng.uniform(0.02, 0.6, n)
    arr = rng.integers(1, 9, n) * 1000.0
    return pd.DataFrame(
        {
            "quarter": pd.Timestamp("2026-07-01"), "label": "2026 Q3",
            "account_id": [f"a{k}" for k in range(n)],
            "subscription_id": [f"s{k}" for k in range(n)], "arr": arr, "chance": chance,
            "chance_low": chance * 0.8, "chance_high": np.minimum(1, chance * 1.2),
            "arr_at_risk": chance * arr,
            "p_from": [NOTICE] * 3 + [BASE_RATE] * 3 + [PREDICTOR] * (n - 6),
            "renewal_date": AS_OF + pd.to_timedelta(rng.integers(-5, 91, n), unit="D"),
        }
    )  # fmt: skip


def touched() -> pd.DataFrame:
    day = pd.to_datetime(["2026-06-20", "2026-06-25", "2025-01-01"])
    return pd.DataFrame(
        {
            "account_id": ["a4", "a10", "a11"], "user_id": None, "occurred_date": day,
            "known_date": day + pd.Timedelta(days=1), "kind": ["playbook", "call", "playbook"],
        }
    )  # fmt: skip


def drawn(groups: Sequence[pd.DataFrame]) -> list[NDArray[np.float64]]:
    """Stand for the forecast's paths: on 95 of 100 nobody leaves, on the others all do."""
    whole = np.r_[np.zeros(95), np.ones(5)]
    return [mine["arr"].sum() * whole for mine in groups]


def booked(contacts: pd.DataFrame | None, why: pd.DataFrame | None = None) -> plays.Book:
    now = contracts()
    now["account_name"] = "Customer " + now["account_id"]
    if why is None:
        why = pd.DataFrame({"reason_1": "support cases: 3"}, now["subscription_id"])
    return plays.book(
        now, now, now.iloc[:0], why, contacts, as_of=AS_OF.date(), play_days=30, losses=drawn
    )


@pytest.mark.parametrize(
    ("chances", "digits"),
    [([0.1, 0.244], 0), ([0.1, 0.247], 1), ([0.2496], 2), ([0.249996], 3), ([], 0)],
)
def test_no_chance_is_written_against_the_rule_of_its_list(
    chances: Sequence[float], digits: int
) -> None:
    """On a list of less than 25 % nobody stands with 25 %: a digit more is written instead."""
    rule = AllOf((Leaf("seats", at_least=1), Leaf("p_churn", fewer_than=0.25)))
    rows = pd.DataFrame({"p_churn": pd.Series(chances, dtype="float64"), "seats": 5})
    assert listed.chance_digits(rule, rows) == digits
    assert listed.chance_digits(Leaf("seats", at_least=1), rows) == 0


def test_the_nearest_past_customer_is_named_with_its_term() -> None:
    """A customer left in one term and renewed in another: the date says which is meant."""
    terms = pd.DataFrame(
        {
            "subscription_id": ["s1", "s1"], "rank": [2, 1], "near_churned": [False, True],
            "near_account_name": ["Beta", "Alpha"],
            "near_term_end": pd.to_datetime(["2024-01-31", "2025-03-31"]),
        }
    )  # fmt: skip
    told = listed._stories(terms)
    assert told == {"s1": "1 of 2 left; nearest: Alpha (to 2025-03-31), left"}


def test_the_book_adds_up() -> None:
    """Groups are those of the contracts, at risk parts into in a play and in none, weeks to all."""
    found, now = booked(touched()), contracts()
    rows = found.groups.set_index("group")
    assert rows.loc[plays.ALL, "arr"] == pytest.approx(now["arr"].sum())
    assert rows.loc[plays.ALL, "loss"] == pytest.approx(now["arr_at_risk"].sum())
    assert rows.loc[plays.ASKED, "n_contracts"] == 3
    assert rows.loc[plays.ENGAGED, "n_contracts"] == 1  # the play of 2025 is over
    # Who has asked to cancel has said so: what is at risk is what may still turn out otherwise.
    risky = (now["chance"] >= plays.AT_RISK_FROM) & ~now["p_from"].eq(NOTICE)
    assert risky.sum() < (now["chance"] >= plays.AT_RISK_FROM).sum()
    assert rows.loc[plays.AT_RISK, "n_contracts"] == risky.sum()
    engaged = int(risky[4])
    assert rows.loc[plays.ALONE, "n_contracts"] == risky.sum() - engaged
    assert rows.loc[plays.ALL, "n_recent"] == 2
    assert rows.loc[plays.ALL, "reasons"] == "support cases (30)"
    assert found.weeks["arr"].sum() == pytest.approx(now["arr"].sum())
    assert found.weeks["arr_at_risk"].sum() == pytest.approx(now["arr_at_risk"].sum())
    assert len(found.weeks) == plays.WEEKS


@pytest.mark.parametrize("as_of", ["2026-06-30", "2025-12-31", "2026-08-15"])
def test_every_contract_of_the_quarter_stands_in_the_calendar(as_of: str) -> None:
    """The 92nd day of a quarter too; the next quarter's first day does not where 13 weeks end."""
    day = pd.Timestamp(as_of)
    start = day + pd.Timedelta(days=1)
    first = start.to_period("Q").start_time
    renews = pd.date_range(day - pd.Timedelta(days=3), day + pd.Timedelta(days=110))
    every = pd.DataFrame(
        {
            "subscription_id": [str(k) for k in range(len(renews))], "renewal_date": renews,
            "quarter": renews.to_period("Q").start_time.where(renews >= first, first),
            "arr": np.arange(1.0, len(renews) + 1), "arr_at_risk": 0.5,
        }
    )  # fmt: skip
    found, quarter = plays.weeks(every, day.date()), every[every["quarter"] == first]
    assert len(found) == plays.WEEKS
    assert found["last"].iloc[-1] >= quarter["renewal_date"].max()
    inside = every[every["renewal_date"] <= found["last"].iloc[-1]]
    assert quarter["subscription_id"].isin(inside["subscription_id"]).all()
    for name in ("arr", "arr_at_risk"):
        assert found[name].sum() == inside[name].sum()
    assert found["n_contracts"].sum() == len(inside)
    if as_of == "2026-06-30":
        assert found["n_contracts"].sum() == len(quarter) == 92 + 4
        assert found["arr"].sum() == quarter["arr"].sum()


def test_a_list_that_finds_no_call_left_says_so() -> None:
    """Two lists, ten calls: the first has 15, the second the same, who are called once."""
    world = known()
    world.accounts["expected_value"] = world.accounts["arr"]
    by_worth = asked("worth", order_by="expected_value", priority=1)
    made = evidence.make(world, [asked("big"), by_worth], capacity=10, weeks=13)
    rows = listed.summary(made).set_index("name")
    assert rows["turn"].to_dict() == {"big": 2, "worth": 1}
    assert rows["n_calls"].to_dict() == {"big": 0, "worth": 10}
    assert rows["n_high"].to_dict() == {"big": 10, "worth": 10}
    shown = exhibits.overview(listed.summary(made), 10, None, "USD")
    words = " ".join(one.text for one in shown if isinstance(one, Statement))
    assert "All lists together take 10 of the 10 calls" in words
    assert "10 from \u201cList worth\u201d. Everybody else" in words


def test_early_renewals_are_those_of_the_list() -> None:
    """The book's group has the list's contracts; without the list there is no such group."""
    made = evidence.make(known(), [asked("early")], capacity=10, weeks=13)
    assert listed.subscriptions(made, "early") == [f"s{k}" for k in range(15)]
    assert listed.subscriptions(made, "other") is None
    now = contracts()
    options: Mapping[str, Any] = {"as_of": AS_OF.date(), "play_days": 30, "losses": drawn}
    none = plays.book(now, now, None, pd.DataFrame(), None, **options)
    assert plays.EARLY not in set(none.groups["group"])
    assert plays.EARLY in set(booked(None).groups["group"])


def test_the_interval_of_a_part_is_what_the_paths_say_and_of_few_contracts_there_is_none() -> None:
    """Nobody leaves on 95 of 100 paths: 0 to 0 of 30 contracts, above which the mean may lie."""
    rows = booked(touched()).groups.set_index("group")
    assert rows.loc[plays.ALL, ["loss_low", "loss_high"]].tolist() == [0.0, 0.0]
    assert rows.loc[plays.ALL, "loss"] > 0
    few = rows["n_contracts"].lt(plays.FEWEST) & (rows.index != plays.ALL)
    assert {plays.ENGAGED, plays.ASKED, plays.EARLY} <= set(rows.index[few])
    assert rows.loc[few, ["loss_low", "loss_high"]].isna().all(axis=None)
    assert rows.loc[~few, ["loss_low", "loss_high"]].notna().all(axis=None)


def test_a_book_whose_predictor_learnt_nothing_is_parted_all_the_same() -> None:
    """Without reasons the groups are those with reasons, and none names one."""
    told = booked(touched()).groups
    none = booked(touched(), pd.DataFrame(columns=["reason_1", "reason_2"])).groups
    assert set(none["reasons"]) == {""}
    pd.testing.assert_frame_equal(none.drop(columns="reasons"), told.drop(columns="reasons"))


def test_without_contacts_on_record_the_page_says_so() -> None:
    """Nobody is called unengaged when no contact was kept."""
    shown = play_exhibits.book(booked(None), "2026 Q3", 30, "USD")
    first = shown[0]
    assert isinstance(first, Statement)
    assert first.role == "caution"
    assert "No contact of ours is on record" in first.text
    told = play_exhibits.book(booked(touched()), "2026 Q3", 30, "USD")[0]
    assert isinstance(told, Statement)
    assert "had a step of a play in the last 30 days" in told.text
    assert play_exhibits.calendar(booked(None), "USD").figure.layout.yaxis.title.text
    assert lists.FEWEST == 20


def test_without_contacts_nobody_is_counted_as_in_a_play_or_in_none() -> None:
    """What is not on record is no nought: both rows and the days since a contact are left out."""
    book = booked(None)
    assert not plays.PLAYED & set(book.groups["group"])
    assert not book.known and book.alone.empty
    assert book.contracts["in_play"].isna().all()
    shown = play_exhibits.book(book, "2026 Q3", 30, "USD")
    (table,) = [one for one in shown if isinstance(one, Table)]
    assert not {"contact_days", "n_recent"} & set(table.columns)
    (unknown,) = play_findings.saved(book, "USD")
    assert unknown.id == "plays-unknown" and "cannot be said" in unknown.statement


def test_those_at_risk_in_no_play_are_named_with_what_a_call_needs() -> None:
    """The row to act on is a list: those very contracts, largest at risk first, and all due."""
    book, now = booked(touched()), contracts()
    rows = book.groups.set_index("group")
    assert len(book.contracts) == len(now)
    assert book.contracts["subscription_id"].is_unique
    assert {"chance_low", "chance_high", "last_contact", "reason_1", "in_play"} <= set(
        book.contracts.columns
    )
    assert book.contracts["asked_to_cancel"].sum() == rows.loc[plays.ASKED, "n_contracts"]
    assert len(book.alone) == rows.loc[plays.ALONE, "n_contracts"] > plays.FEWEST
    assert book.alone["arr"].sum() == pytest.approx(rows.loc[plays.ALONE, "arr"])
    assert "a4" not in set(book.alone["account_id"])  # in a play
    assert book.alone["arr_at_risk"].is_monotonic_decreasing
    shown = play_exhibits.book(book, "2026 Q3", 30, "USD")
    table = shown[-1]
    assert isinstance(table, Table)
    assert len(table.rows) == len(book.alone) > table.fold_after
    (told,) = play_findings.saved(book, "USD")
    assert told.table == table.id and told.n == len(book.alone)
    for name in book.alone["account_name"].head(3):
        assert name in told.statement
    assert book.alone["account_name"].iloc[3] not in told.statement


def test_calls_have_a_cost_and_a_range_of_what_they_may_bring() -> None:
    """Ten calls at 1,500 cost 15,000; what they bring is the sum over those called, to the cent."""
    world = known()
    for name, share in (("net_low", 0.1), ("expected_value", 0.2), ("net_high", 0.3)):
        world.accounts[name] = world.accounts["arr"] * share
    made = evidence.make(
        world, [asked("worth", order_by="expected_value", priority=1)], capacity=10, weeks=13
    )
    play = Play(Decimal(1500), 0.8, 0.1, 0.3)
    summary = listed.summary(made)
    first = made[0].made
    assert first is not None
    own = first.rows[first.rows["in_capacity"]]
    assert len(own) == 10
    assert summary["calls_high"].iloc[0] == pytest.approx(own["net_high"].sum())
    assert summary["calls_low"].iloc[0] == pytest.approx(own["net_low"].sum())
    shown = exhibits.overview(summary, 10, play, "USD")
    words = " ".join(one.text for one in shown if isinstance(one, Statement))
    assert "which cost $15,000 and bring $" in words
    assert "if a call keeps 10\u202f% to 30\u202f%" in words
    saved = {one.id: one for one in findings.saved(summary, 10, play, "USD")}
    assert saved["calls"].statement in words and saved["calls"].value == 10
    none = exhibits.overview(summary, 10, None, "USD")
    assert "cost" not in " ".join(one.text for one in none if isinstance(one, Statement))


def test_users_are_compared_with_users_as_active() -> None:
    """Who has come often is not held against who never came; unknown use stands by itself."""
    bands = evidence.as_active(pd.Series([0, 2, 3, 11, 12, 400, None], dtype="Int64"))
    assert bands[1] == bands[2]
    assert bands[3] == bands[4]
    assert bands.nunique() == 5 and bands[6] == "unknown"
