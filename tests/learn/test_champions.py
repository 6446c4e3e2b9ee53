"""How soon people leave and what went with it: by hand, and where the truth is known."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cs_models.data.simulation import people as planted
from cs_models.learn import champions
from cs_models.learn.valuing import contrast, departures

AS_OF, START = date(2024, 1, 1), date(2023, 1, 1)


def spell(
    use: list[tuple[str, str, int]], *, came: str = "2023-01-10", gone: str | None = None,
    account_end: str | None = None,
) -> pd.Series:  # fmt: skip
    """Return the spell of one champion with (first, last, weeks) of use in some months."""
    episodes = pd.DataFrame(
        {"episode": [1], "person_id": ["p"], "account_id": ["A"], "role": ["champion"],
         "from_on": [pd.Timestamp(came)], "to_on": [pd.Timestamp(gone) if gone else pd.NaT]}
    )  # fmt: skip
    logins = pd.DataFrame({"user_id": ["u"], "episode": [1]})
    monthly = pd.DataFrame(use, columns=["first_on", "last_on", "active_weeks"]).assign(user_id="u")
    monthly = monthly.astype(dict.fromkeys(("first_on", "last_on"), "datetime64[s]"))
    ends = pd.Series({"A": pd.Timestamp(account_end)} if account_end else {}, dtype="datetime64[s]")
    found = departures.spells(episodes, logins, monthly, ends, as_of=AS_OF, data_start=START)
    return found.iloc[0]


def test_sixty_days_of_silence_after_five_active_weeks_are_a_departure() -> None:
    """Last seen on 2023-06-01, left on 2023-07-31; with four active weeks, not."""
    use = [("2023-05-02", "2023-05-30", 4), ("2023-06-01", "2023-06-01", 1)]
    left = spell(use)
    assert (left["event"], left["how"]) == (1, "silence")
    assert left["left_on"] == pd.Timestamp(2023, 7, 31)
    assert not left["returned"]
    assert spell([use[0]])["event"] == 0


def test_whoever_comes_back_is_told() -> None:
    """A silence that ended shows how far silence can be trusted."""
    use = [("2023-03-01", "2023-03-30", 4), ("2023-04-01", "2023-04-10", 2)]
    back = spell([*use, ("2023-09-01", "2023-12-20", 4)])
    assert (back["how"], back["returned"]) == ("silence", True)
    assert back["left_on"] == pd.Timestamp(2023, 6, 9)


def test_a_login_taken_away_is_a_departure_and_comes_first() -> None:
    """Removed a month after the last use: on that day, not after sixty days."""
    use = [("2023-05-02", "2023-05-30", 4), ("2023-06-01", "2023-06-01", 1)]
    gone = spell(use, gone="2023-07-01")
    assert (gone["how"], gone["left_on"]) == ("removal", pd.Timestamp(2023, 7, 1))


def test_a_login_that_ends_with_its_account_is_no_departure() -> None:
    """The account left, and everybody's login with it: last watched on that day."""
    row = spell([("2023-08-02", "2023-08-30", 4)], gone="2023-09-01", account_end="2023-09-01")
    assert (row["event"], row["left_on"]) == (0, pd.Timestamp(2023, 9, 1))


def test_nobody_is_watched_before_the_records_began() -> None:
    """A champion of 2021 is watched from 2023-01-01: twelve months, with 24 before."""
    row = spell([("2023-12-02", "2023-12-30", 4)], came="2021-01-01")
    assert row["entry_on"] == pd.Timestamp(START)
    assert row["months"] == pytest.approx(12, abs=0.05)
    assert row["months_before"] == pytest.approx(24, abs=0.05)


def test_a_rate_is_departures_per_month_watched() -> None:
    """Two departures in 40 months are 1 - exp(-.05) a month; none has an upper limit."""
    rows = pd.DataFrame(
        {"account_id": list("ABCD"), "months": 10.0, "event": [1, 1, 0, 0],
         "how": ["removal", "removal", "", ""]}
    )  # fmt: skip
    row = departures.rates(rows).iloc[0]
    assert row["hazard"] == pytest.approx(1 - np.exp(-0.05))
    assert row["low"] < row["hazard"] < row["high"]
    none = departures.rates(rows, how="silence").iloc[0]
    assert (none["hazard"], none["low"]) == (0, 0)
    assert none["high"] == pytest.approx(1 - np.exp(-3.689 / 40), abs=1e-4)  # exact Poisson


def test_copies_of_accounts_do_not_narrow_the_interval() -> None:
    """Ten people of each account who leave together are one account's doubt, not ten people's."""
    rng = np.random.default_rng(5)
    event = rng.random(200) < 0.3
    alone = pd.DataFrame({"account_id": np.arange(200), "months": 10.0, "event": event, "how": ""})
    copied = pd.concat([alone] * 10)
    one, ten = departures.rates(alone).iloc[0], departures.rates(copied).iloc[0]
    assert ten["hazard"] == pytest.approx(one["hazard"])
    width = (ten["high"] - ten["low"]) / (one["high"] - one["low"])
    assert width == pytest.approx(1, abs=0.25)


def test_terms_are_compared_inside_strata_only() -> None:
    """A rate that differs by stratum alone makes no difference."""
    rng = np.random.default_rng(2)
    stratum = np.repeat(["a", "b"], 400)
    exposed = rng.random(800) < np.where(stratum == "a", 0.8, 0.2)
    outcome = (rng.random(800) < np.where(stratum == "a", 0.9, 0.5)).astype(float)
    found = contrast.within_strata(outcome, exposed, stratum, np.arange(800))
    assert found.low < 0 < found.high
    crude = outcome[exposed].mean() - outcome[~exposed].mean()
    assert crude > found.high


def test_a_difference_by_hand() -> None:
    """Eleven of 20 against 5 of 20 in one stratum: .30."""
    outcome = [1.0] * 11 + [0.0] * 9 + [1.0] * 5 + [0.0] * 15
    found = contrast.within_strata(outcome, [True] * 20 + [False] * 20, ["s"] * 40, range(40))
    assert found.difference == pytest.approx(0.30)
    assert (found.n_with, found.n_without) == (20, 20)


def test_too_few_on_a_side_are_not_compared() -> None:
    """Nine renewals after a departure say nothing."""
    found = contrast.within_strata([1.0] * 30, [True] * 9 + [False] * 21, ["s"] * 30, range(30))
    assert np.isnan(found.difference)
    assert not found.clear


def test_who_is_a_champion() -> None:
    """By role, or an admin of the most active tenth; a removed login is none."""
    frame = pd.DataFrame(
        {"role": ["champion", "admin", "admin", "member", "champion", None],
         "deactivated": [False, False, False, False, True, False], "asked": [0, 0, 3, 3, 3, 3]}
    )  # fmt: skip
    activity = pd.Series([0.1, 0.95, 0.95, 0.99, 0.99, 0.99])
    assert list(champions.champions(frame, activity)) == [True, True, True, False, False, False]
    invited = champions.champions(frame, activity, invites="asked")
    assert list(invited) == [True, False, True, False, False, False]


def test_silent_champions_come_by_money() -> None:
    """Sixty days without use, or since the login was made; the highest-paying account first."""
    frame = pd.DataFrame(
        {"user_id": list("abcd"), "arr": [1.0, 9.0, np.nan, 5.0],
         "days_since_last_use": [60, np.nan, 90, 59], "days_since_created": [99, 70, 99, 99]}
    )  # fmt: skip
    found = champions.silent(frame, pd.Series([True] * 4))
    assert list(found["user_id"]) == ["b", "a"]
    assert list(found["silent_days"]) == [70, 60]


@pytest.fixture(scope="module")
def world(movers: SimpleNamespace) -> SimpleNamespace:
    """Return a simulated world, and how long its people stayed."""
    ends = departures.account_ends(movers.contracts, movers.as_of)
    spells = departures.spells(
        movers.served.episodes, movers.served.logins, movers.monthly, ends,
        as_of=movers.as_of, data_start=movers.data_start,
    )  # fmt: skip
    return SimpleNamespace(**vars(movers), spells=spells)


def test_the_planted_departures_of_champions_are_recovered(world: SimpleNamespace) -> None:
    """First champions leave at 1.5 % a month from their 20th day on: within the interval's width.

    Successors and arrivals never leave in this world, so only the first of each account counts.
    """
    rows = world.spells.merge(world.served.episodes[["episode", "from_on", "place"]], on="episode")
    rows = rows[rows["role"].eq("champion") & (rows["place"] == 1)].sort_values("from_on")
    first = rows.drop_duplicates("account_id")
    safe = (20 - first["months_before"] * departures.DAYS_A_MONTH).clip(lower=0)
    first = first.assign(months=first["months"] - safe / departures.DAYS_A_MONTH)
    row = departures.rates(first[first["months"] > 0], how="removal").iloc[0]
    true = 1 - np.exp(-planted.CHAMPION_MONTHLY)
    assert row["low"] < true < row["high"]
    assert row["hazard"] == pytest.approx(true, rel=0.15)


def test_champions_leave_sooner_than_members(world: SimpleNamespace) -> None:
    """Planted at 1.5 and .8 % a month."""
    table = departures.rates(world.spells, ["role"], how="removal").set_index("role")
    assert table.loc["champion", "hazard"] > table.loc["member", "hazard"]
    planned = 1 - np.exp(-planted.OTHERS_MONTHLY)
    assert table.loc["member", "hazard"] == pytest.approx(planned, rel=0.2)


def test_renewals_after_a_departure_are_compared_with_their_like(world: SimpleNamespace) -> None:
    """The difference lies inside its own interval and both shares are shares."""
    found = champions.after_departure(world.spells, world.opportunities, world.served.former)
    assert found.n_with >= contrast.FEWEST
    assert 0 <= found.with_it <= 1
    assert found.low <= found.difference <= found.high
