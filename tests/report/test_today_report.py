"""Who is below today, who still has time, and what the definition in force says of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cs_models.features import adoption, cohort, panel
from cs_models.features.cohort import Cohort
from cs_models.learn import thresholds
from cs_models.report.display import Statement, Table
from cs_models.report.evidence import missing, standing
from cs_models.report.exhibits import today as exhibits
from cs_models.report.findings import adopted as findings
from cs_models.report.findings import today

AS_OF = date(2026, 6, 30)
COLUMN = "events__report_shared__first_60d"
USERS = "users__report_shared__first_60d"
DAYS = (7, 30, 60)


def rule(**changed: Any) -> dict[str, Any]:
    """Return a row of ``Search.table`` as far as standing reads it."""
    return {
        "rule_id": 5, "segment": None, "segment_by": "segment", "verdict": "sharp",
        "column": COLUMN, "users_column": USERS, "min_users": 1, "members": None,
        "window_days": 60, "cut": 12.0, "cut_below": 11.0, "direction": "at_least",
        "rule": "at least 12 report_shared events in the first 60 days of the term",
    } | changed  # fmt: skip


def to_do(one: dict[str, Any], **counts: list[float]) -> list[str]:
    """Return what rows with these counts lack."""
    frame = pd.DataFrame(counts)
    return missing.in_words(one, frame, thresholds.distance(one, frame))


def test_what_is_missing_is_said_in_things_to_do() -> None:
    """Events, users or both are named with how many; nothing where nothing is missing."""
    both = rule(min_users=3)
    said = to_do(both, **{COLUMN: [8, 11, 12, 20, np.nan], USERS: [3, 1, 2, 3, np.nan]})
    assert said == [
        "4 more report_shared events",
        "1 more report_shared event and 2 more users",
        "1 more user",
        "",
        "",
    ]


def test_fewer_is_said_as_fewer() -> None:
    """A rule "fewer than" asks for fewer."""
    one = rule(column="severe_tickets__first_60d", direction="at_most", cut=3.0, cut_below=2.0)
    assert to_do(one, severe_tickets__first_60d=[5, 3, 2]) == [
        "3 fewer severe tickets opened", "1 fewer severe tickets opened", "",
    ]  # fmt: skip


def test_a_share_is_not_rounded_to_nothing() -> None:
    """What is missing of a ratio is rounded up: reaching what is said is enough."""
    one = rule(column="seat_utilisation__first_60d", cut=0.152, cut_below=0.15)
    (said,) = to_do(one, seat_utilisation__first_60d=[0.1387])
    assert said == "0.0133 more (active users per seat)"


def test_a_set_of_actions_names_those_not_done() -> None:
    """A rule "at least 2 of these 3" says how many more, and how far each open one is."""
    members = [
        {"column": f"events__{name}__first_60d", "level": level}
        for name, level in (("shared", 5), ("viewed", 20), ("uploaded", 8))
    ]
    one = rule(column="actions(…)", members=members, cut=2.0, cut_below=1.0)
    said = to_do(
        one, events__shared__first_60d=[6, 9], events__viewed__first_60d=[3, 25],
        events__uploaded__first_60d=[0, 0],
    )  # fmt: skip
    assert said == ["1 more of: viewed 3 of 20, uploaded 0 of 8", ""]


@pytest.fixture(scope="module")
def records(tenth: Any) -> Any:
    """Return the tables of a tenth of the sample's customers."""
    return tenth


@pytest.fixture(scope="module")
def running(records: Any) -> Cohort:
    """Return the sample's running terms."""
    return cohort.running(records, AS_OF, decision="after_start", days=60)


@pytest.fixture(scope="module")
def so_far(records: Any, running: Cohort) -> pd.DataFrame:
    """Return them with open windows counted as far as they have come."""
    return panel.build(
        records, running, first_days=DAYS, windows_days=(), features=("report_shared",),
        unfinished=True,
    )  # fmt: skip


def test_settled_is_what_the_panel_itself_says(
    records: Any, running: Cohort, so_far: pd.DataFrame
) -> None:
    """With its open windows blank again the panel is the running cohort's own, value by value."""
    own = panel.build(
        records, running, first_days=DAYS, windows_days=(), features=("report_shared",)
    )
    settled = standing.settled(so_far)
    assert own[COLUMN].isna().any()
    pd.testing.assert_frame_equal(settled, own)


def test_what_is_there_so_far_is_counted_from_the_start(records: Any, so_far: pd.DataFrame) -> None:
    """For a term whose window is open, its uses since its start, counted by hand from the events.

    A term of a renewing account must not be given the uses of the term before.
    """
    age = (pd.Timestamp(AS_OF) - so_far["term_start"]).dt.days
    open_ = so_far[(age < 60) & (so_far["term_no"] > 1)].head(12)
    assert len(open_) > 3
    events = records["events"]
    mine = events.filter(
        events.account_id.isin(open_["account_id"].tolist()), events.feature == "report_shared"
    ).execute()
    mine["quantity"] = mine["quantity"].fillna(1).astype(float)
    for _, term in open_.iterrows():
        day = pd.to_datetime(mine["event_date"])
        inside = (
            (mine["account_id"] == term["account_id"])
            & (day >= term["term_start"])
            & (day < pd.Timestamp(AS_OF))
            & (pd.to_datetime(mine["known_date"]) <= pd.Timestamp(AS_OF))
        )
        assert term[COLUMN] == mine.loc[inside, "quantity"].sum()


def test_open_windows_have_a_list_of_their_own(so_far: pd.DataFrame) -> None:
    """Nobody whose window is open is below; what they lack is told, fewest days left first."""
    where = standing.against(pd.DataFrame([rule()]), so_far, as_of=AS_OF, by="segment")
    open_ = standing.still_open(where)
    assert len(open_) > 0
    assert (open_["days_left"] > 0).all()
    assert open_["days_left"].is_monotonic_increasing
    assert (open_["so_far"] < open_["needed"]).all()
    below = standing.below(where)
    assert (below["days_left"] == 0).all()
    assert (below["to_do"] != "").all()
    assert not set(below["subscription_id"]) & set(open_["subscription_id"])
    under, still = exhibits.below(where, "USD")
    assert isinstance(under, Table)
    assert isinstance(still, Table)
    assert len(still.rows) == len(open_)


def test_customers_below_a_rule_are_counted_in_all_of_its_scope(so_far: pd.DataFrame) -> None:
    """A rule counts all on its worse side, whether or not their segment has a rule of its own."""
    two = pd.DataFrame([rule(), rule(rule_id=6, segment="SMB", cut=30.0, cut_below=29.0)])
    book = standing.settled(so_far)
    counted = standing.n_below(two, book)
    known = book[book[COLUMN].notna()]
    assert counted[5] == known.loc[known[COLUMN] < 12, "account_id"].nunique()
    smb = known[known["segment"] == "SMB"]
    assert counted[6] == smb.loc[smb[COLUMN] < 30, "account_id"].nunique()


def test_a_gradual_rule_is_called_no_tipping_point_beside_the_list(so_far: pd.DataFrame) -> None:
    """Where more goes with more, the list says that its level is only the best split."""
    where = standing.against(
        pd.DataFrame([rule(verdict="gradual")]), so_far, as_of=AS_OF, by="segment"
    )
    first = exhibits.below(where, "USD")[0]
    assert isinstance(first, Statement)
    assert first.text.startswith("No tipping point: at least 12 report_shared events")


def test_without_a_rule_nobody_is_below() -> None:
    """No rule gives no list."""
    none = standing.against(
        pd.DataFrame([rule()]).iloc[:0], pd.DataFrame(), as_of=AS_OF, by="segment"
    )
    (said,) = exhibits.below(none, "USD")
    assert said.text == exhibits.NONE_BELOW


def test_the_definition_in_force_is_set_against_the_level(
    records: Any, running: Cohort, so_far: pd.DataFrame
) -> None:
    """Every running term is counted once, money to the cent, and the share that agrees is told."""
    definition = adoption.Definition(
        "shares", (adoption.Condition("events__report_shared__first_30d", at_least=5),)
    )
    where = standing.against(pd.DataFrame([rule()]), so_far, as_of=AS_OF, by="segment")
    met = standing.agreement(records, running, definition, where)
    assert met["n_terms"].sum() == len(so_far)
    assert sum(met["arr"], Decimal(0)) == sum(so_far["arr"].dropna(), Decimal(0))
    said, table = exhibits.definition(met, definition, "USD")
    assert isinstance(table, Table)
    by = {(row[0], row[1]): row[3] for row in table.rows}
    both = {key: n for key, n in by.items() if key[0] in ("yes", "no") and key[1] in ("reached",
            "below")}  # fmt: skip
    agree = both["yes", "reached"] + both["no", "below"]
    assert f"{agree / sum(both.values()):.0%}".replace("%", "\u202f%") in said.text
    assert f"{both['yes', 'below']} meet the definition and yet stand" in said.text


def test_without_a_definition_nothing_is_said(records: Any, running: Cohort) -> None:
    """No definition in force: no table, no sentence."""
    none = standing.agreement(records, running, None, pd.DataFrame())
    assert exhibits.definition(none, None, "USD") == []
    assert findings.definition(none, None) == []


def test_a_borrowed_level_is_said_to_be_borrowed(so_far: pd.DataFrame) -> None:
    """Customers below the level of all, in a group without one, are counted apart and marked."""
    two = pd.DataFrame([rule(), rule(rule_id=6, segment="SMB", cut=30.0, cut_below=29.0)])
    where = standing.against(two, so_far, as_of=AS_OF, by="segment")
    assert set(where.loc[where["segment"] == "SMB", "level_of"]) == {"SMB"}
    assert set(where.loc[where["segment"] != "SMB", "level_of"]) == {"all customers"}
    totals = standing.totals(where, AS_OF)
    under = standing.below(where)
    mine = under[under["segment"] != "SMB"]
    row = totals.set_index("status").loc[standing.BELOW]
    assert row["n_accounts_borrowed"] == mine["account_id"].nunique() > 0
    assert row["arr_borrowed"] == sum(mine["arr"], Decimal(0))
    said = today.below(totals, "USD").text
    assert f"customers, {row['n_accounts_borrowed']} with" in said
    assert "borrowed from all customers, because the history of their own group gave none (" in said
    table = exhibits.below(where, "USD")[0]
    assert isinstance(table, Table)
    assert "level_of" in table.columns
    own = standing.totals(where[where["segment"] == "SMB"], AS_OF)
    assert "borrowed" not in today.below(own, "USD").text


def test_of_those_below_it_is_said_who_renews_this_quarter_and_who_asked_to_cancel(
    so_far: pd.DataFrame,
) -> None:
    """Counted from the list itself, overdue ones among those who renew; ends of the quarter in."""
    where = standing.against(pd.DataFrame([rule()]), so_far, as_of=AS_OF, by="segment")
    under = standing.below(where)
    ends = pd.Timestamp("2026-09-30")
    under.loc[under.index[:3], "term_end"] = [
        ends, ends + pd.Timedelta(days=1), pd.Timestamp(AS_OF)
    ]  # fmt: skip
    under.loc[under.index[:2], "in_notice"] = True
    row = standing.totals(under, AS_OF).set_index("status").loc[standing.BELOW]
    soon = under[pd.to_datetime(under["term_end"]) <= ends]
    asked = under[under["in_notice"].astype(bool)]
    assert len(under) > len(soon) >= 2 and len(asked) >= 2
    assert (row["n_accounts_soon"], row["arr_soon"]) == (len(soon), sum(soon["arr"], Decimal(0)))
    assert row["n_accounts_asked"] == asked["account_id"].nunique()
    said = today.below(standing.totals(under, AS_OF), "USD").text
    assert f"Of those below, {len(soon)} ($" in said and "renew by 2026-09-30" in said
    assert f"and {len(asked)} ($" in said and "asked to cancel" in said
    table = exhibits.totals(standing.totals(under, AS_OF), "USD")
    assert isinstance(table, Table)
    assert {"n_accounts_soon", "arr_soon", "n_accounts_asked", "arr_asked"} <= set(table.columns)


def test_who_has_reached_the_level_already_is_not_said_to_be_short(so_far: pd.DataFrame) -> None:
    """In an open window only those who still lack something are "more": the list's, to the cent."""
    where = standing.against(pd.DataFrame([rule()]), so_far, as_of=AS_OF, by="segment")
    short = standing.still_open(where)
    row = standing.totals(where, AS_OF).set_index("status").loc[standing.OPEN]
    assert row["n_accounts"] > short["account_id"].nunique() > 0
    assert row["n_accounts_lacking"] == short["account_id"].nunique()
    assert row["arr_lacking"] == sum(short["arr"], Decimal(0)) < row["arr"]
    said = today.below(standing.totals(where, AS_OF), "USD").text
    n, arr = row["n_accounts_lacking"], row["arr_lacking"]
    assert f" {n} more (${arr:,.0f} a year) are there so far, in a window that is still" in said
    done = where[(where["status"] != standing.OPEN) | (where["to_do"] == "")]
    assert " more (" not in today.below(standing.totals(done, AS_OF), "USD").text
    table = exhibits.totals(standing.totals(where, AS_OF), "USD")
    assert isinstance(table, Table)
    at = list(table.columns).index("n_accounts_lacking")
    assert {one[0]: one[at] for one in table.rows}[standing.OPEN] == n


def test_nothing_to_count_is_one_sentence() -> None:
    """Without a rule the page says that nothing is counted and shows no table of noughts."""
    none = standing.against(
        pd.DataFrame([rule()]).iloc[:0], pd.DataFrame(), as_of=AS_OF, by="segment"
    )
    said = exhibits.totals(standing.totals(none, AS_OF), "USD")
    assert isinstance(said, Statement)
    assert said.text == exhibits.NOBODY
