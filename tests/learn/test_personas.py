"""Tiers, peers and groups of users, on frames that can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.errors import ParameterError
from cs_models.learn import advocates, personas
from cs_models.learn.valuing import clusters


def users(
    days: Sequence[float], *, role: str = "member", account: str = "A", **more: Any
) -> pd.DataFrame:
    """Return one login a number: so many days of use in the last 28, as many features."""
    n = len(days)
    given_days = np.asarray(days, dtype=np.float64)
    frame = pd.DataFrame(
        {
            "user_id": [f"{account}-{role}-{i}" for i in range(n)], "account_id": account,
            "role": role, "deactivated": False, "arr": 1000.0, "days_since_created": 400,
            "days_to_renewal": 200, "active_days__last_28d": given_days,
            "distinct_features__last_90d": given_days, "days_since_last_use": 30 - given_days,
            "events__last_90d": given_days, "nps__to_date": np.nan, "open_tickets__to_date": 0,
        }
    )  # fmt: skip
    return frame.assign(**more)


def test_activity_is_the_mid_place_among_active_users_of_the_role() -> None:
    """Of ten users with 1 to 10 days, the 8th stands at .75: seven below, half of its own."""
    live = personas.tiers(users(range(1, 11)))
    assert live["activity"].iloc[7] == pytest.approx(0.75)
    assert list(live["tier"]) == ["low"] * 3 + ["medium"] * 4 + ["high"] * 3


def test_who_has_not_come_for_sixty_days_is_silent_and_no_measure_for_the_others() -> None:
    """Adding silent users changes nobody's activity."""
    active = users(range(1, 11))
    quiet = users([0] * 5, account="B", days_since_last_use=60)
    alone, both = (
        personas.tiers(active),
        personas.tiers(pd.concat([active, quiet], ignore_index=True)),
    )
    assert list(both["activity"].iloc[:10]) == pytest.approx(list(alone["activity"]))
    assert (both["tier"].iloc[10:] == "silent").all()
    assert both["activity"].iloc[10:].isna().all()


def test_a_role_is_measured_by_its_own_rhythm() -> None:
    """With thirty of a role, a clerk who comes twice where clerks come once is high."""
    clerks = users([1] * 29 + [2], role="admin")
    others = users([20] * 40, role="member", account="B")
    live = personas.tiers(pd.concat([clerks, others], ignore_index=True))
    assert live["tier"].iloc[29] == "high"
    pooled = personas.tiers(pd.concat([clerks[-5:], others], ignore_index=True))
    assert pooled["tier"].iloc[4] == "low"  # five are too few to be a measure of their own


def test_removed_logins_and_accounts_that_do_not_pay_are_left_out() -> None:
    """Only those who could be called are placed."""
    frame = users(range(1, 6))
    frame.loc[0, "deactivated"] = True
    frame.loc[1, "arr"] = np.nan
    assert list(personas.tiers(frame).index) == [2, 3, 4]


def test_unknown_use_has_no_tier() -> None:
    """Where no use names its user, nobody is called low."""
    unknown: dict[str, Any] = {
        "active_days__last_28d": np.nan,
        "distinct_features__last_90d": np.nan,
    }
    live = personas.tiers(
        users([1, 2], days_since_last_use=np.nan, days_since_created=9, **unknown)
    )
    assert live["tier"].isna().all()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 28), min_size=3, max_size=40), st.randoms())
def test_places_are_bounded_centred_and_do_not_hang_on_the_order(
    days: list[int], random: object
) -> None:
    """Among peers the mean place is one half; shuffled rows have the same places."""
    frame = users(days)
    live = personas.tiers(frame)
    assert live["among_peers"].mean() == pytest.approx(0.5)
    assert live["among_peers"].between(0, 1).all()
    order = np.random.default_rng(len(days)).permutation(len(frame))
    again = personas.tiers(frame.iloc[order]).sort_index()
    pd.testing.assert_series_equal(live["activity"], again["activity"])


def test_groups_and_those_below_their_peers() -> None:
    """A silent champion of a top-paying account comes first; a low user out of every group not."""
    top = users(range(1, 11), account="T", arr=9000.0)
    boss = users([0], role="champion", account="T", arr=9000.0, days_since_last_use=90)
    rest = users(range(1, 11), account="R", days_to_renewal=30)
    none = users(range(1, 11), account="N")
    live = personas.tiers(pd.concat([top, boss, rest, none], ignore_index=True))
    inside = personas.members(live, personas.Cuts(top_paying=0.3))
    assert list(inside.sum()) == [0, 11, 10]
    found = personas.below(live, inside)
    assert found["user_id"].iloc[0] == "T-champion-0"
    assert set(found["groups"]) == {"top-paying", "up for renewal"}
    assert not found["user_id"].str.startswith("N").any()
    assert (found["usual_days"].dropna() == 5.5).all()


def test_a_group_is_told_apart_only_beyond_the_doubt_between_accounts() -> None:
    """Forty accounts of the weakest users stand below one half; one account is not enough."""
    weak = [users([1, 2, 3], account=f"W{i}", days_to_renewal=10) for i in range(40)]
    strong = [users([10, 11, 12], account=f"S{i}") for i in range(40)]
    live = personas.tiers(pd.concat([*weak, *strong], ignore_index=True))
    table = personas.shares(live, personas.members(live)).set_index("group")
    assert table.loc["all users", "place"] == pytest.approx(0.5)
    assert table.loc["up for renewal", "apart"]
    assert table.loc["up for renewal", "place"] == pytest.approx(0.25)
    assert table.loc["finishing onboarding", "n_users"] == 0
    one = personas.tiers(pd.concat([weak[0], *strong], ignore_index=True))
    assert (
        not personas.shares(one, personas.members(one))
        .set_index("group")
        .loc["up for renewal", "apart"]
    )


def test_only_a_promoter_of_a_customer_without_doubt_is_named_for_a_reference() -> None:
    """No detractor, nobody with an open ticket; who gave no answer is to try what is new only."""
    many = users(range(1, 21), account="T", arr=9000.0)
    many.loc[14, "nps__to_date"] = 9
    many.loc[18, "nps__to_date"] = 4
    many.loc[17, "open_tickets__to_date"] = 1
    live = personas.tiers(many)
    found = advocates.candidates(live, personas.members(live), per_account=2)
    assert list(found["user_id"]) == ["T-member-14", "T-member-19"]
    assert list(found["ask"]) == ["reference or reviewer", "early tester"]
    assert list(found["answer"]) == ["promoter", "no answer known"]


def test_nobody_of_a_customer_that_leaves_or_complains_is_asked() -> None:
    """Each doubt leaves out the whole customer, a promoter too, and is counted once."""
    frames = [users(range(1, 11), account=name, arr=9000.0) for name in "TUVW"]
    many = pd.concat(frames, ignore_index=True).assign(nps__to_date=10)
    live = personas.tiers(many)
    inside = personas.members(live, personas.Cuts(top_paying=0.9))
    doubts = pd.DataFrame(
        {"asked to cancel": [True, False, False, False],
         "complains on average": [True, True, False, False],
         "severe case open": [False, False, True, False]}, index=list("TUVW"),
    )  # fmt: skip
    assert set(advocates.candidates(live, inside, doubts)["account_id"]) == {"W"}
    assert set(advocates.candidates(live, inside)["account_id"]) == set("TUVW")
    assert list(advocates.left_out(live, inside, doubts)) == [1, 1, 1]


def test_who_never_came_is_no_measure_for_the_others_and_not_below_them() -> None:
    """Ten who came keep their places beside five who never did, and one new among these."""
    came = users(range(1, 11), days_since_created=20)
    never = users([0] * 5, account="B", days_since_last_use=np.nan, days_since_created=20)
    sponsor = users([0], role="champion", account="C", days_since_last_use=np.nan, arr=9000.0)
    live = personas.tiers(
        pd.concat([came, never, sponsor], ignore_index=True).assign(account_name="N")
    )
    assert list(live["activity"].iloc[:10]) == pytest.approx(list(personas.tiers(came)["activity"]))
    assert (live["tier"].iloc[10:] == "never came").all()
    inside = personas.members(live, personas.Cuts(top_paying=0.3))
    assert list(personas.below(live, inside)["user_id"]) == ["A-member-0", "A-member-1"]
    table = personas.by_account(live, inside, personas.Cuts(top_paying=0.3))
    assert list(table["account_id"]) == ["C", "A", "B"]
    assert list(table["n_below"]) == [0, 2, 0]
    assert list(table["n_never"]) == [1, 0, 5]
    assert list(table["sponsors"]) == ["C-champion-0 (champion, never came)", "", ""]


@pytest.mark.parametrize("cuts", [{"high": 0.2}, {"medium": 0.0}, {"below": 1.0}])
def test_impossible_cuts_are_refused(cuts: dict[str, Any]) -> None:
    """Tiers are cut between nought and one, medium below high."""
    with pytest.raises(ParameterError, match=r"between 0 and 1|above 0 and below 1"):
        personas.Cuts(**cuts)


def test_three_clouds_are_found_and_one_is_not() -> None:
    """Groups far apart come out again in other accounts; a single cloud gets no names."""
    rng = np.random.default_rng(3)
    account = np.arange(300) % 60
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    apart = centres[np.arange(300) % 3] + rng.standard_normal((300, 2))
    found = clusters.groups(apart, account, np.random.default_rng(1))
    assert (found.verdict, found.n_groups) == (clusters.FOUND, 3)
    assert min(found.jaccard) > 0.95
    assert sorted(np.bincount(found.labels)) == [100, 100, 100]
    cloud = clusters.groups(rng.standard_normal((300, 2)), account, np.random.default_rng(1))
    assert cloud.verdict != clusters.FOUND
    assert (cloud.labels == -1).all()


def test_too_few_users_are_not_grouped() -> None:
    """Under a hundred rows nothing is looked for."""
    found = clusters.groups(np.eye(20), np.arange(20), np.random.default_rng(1))
    assert found.verdict == clusters.TOO_FEW
