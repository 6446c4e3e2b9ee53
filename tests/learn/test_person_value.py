"""What a person is worth: handed out by hand, conserved whatever the history, movers recovered."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cs_models.data.simulation import people as planted
from cs_models.data.simulation import scenarios
from cs_models.errors import ParameterError
from cs_models.features import people, tenure
from cs_models.learn import movers, person_value
from cs_models.learn.person_value import Assumptions
from cs_models.learn.valuing import attribution

AS_OF, START = date(2024, 1, 1), date(2023, 1, 1)
WEIGHTS = {"champion": 3.0, "member": 1.0}
NO_HAZARDS = pd.DataFrame({"role": [], "hazard": []})


def served(*rows: tuple[str, str, str, str, str | None]) -> people.Served:
    """Return episodes of (person, account, role, from, to), one login each."""
    frame = pd.DataFrame(rows, columns=["person_id", "account_id", "role", "from_on", "to_on"])
    frame = frame.astype({"from_on": "datetime64[s]", "to_on": "datetime64[s]"})
    frame = frame.sort_values(["person_id", "from_on"], ignore_index=True)
    before = frame.groupby("person_id")["account_id"].shift()
    frame = frame.assign(
        episode=range(1, len(frame) + 1), n_logins=1, followed=True,
        user_id=[f"u{i}" for i in range(len(frame))],
        came_from=before.where(before != frame["account_id"]),
        place=(~frame.duplicated(["person_id", "account_id"])).groupby(frame["person_id"]).cumsum(),
    )  # fmt: skip
    return people.Served(frame, frame, pd.Series(dtype="string"))


def used(who: people.Served, *rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Return the uses of (person, account, month)."""
    key = who.logins.set_index(["person_id", "account_id"])["user_id"]
    return pd.DataFrame(
        {
            "user_id": [key[(p, a)] for p, a, _, _ in rows],
            "month": pd.to_datetime([m for _, _, m, _ in rows]),
            "uses": [float(n) for *_, n in rows],
        }
    )


def contracts(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Return the terms of (account, start, end, arr)."""
    frame = pd.DataFrame(rows, columns=["account_id", "term_start", "term_end", "arr"])
    frame = frame.astype({"term_start": "datetime64[s]", "term_end": "datetime64[s]"})
    frame = frame.sort_values(["account_id", "term_start"], ignore_index=True)
    return frame.assign(
        subscription_id=[f"s{i}" for i in range(len(frame))], closed_on=frame["term_end"],
        segment="SMB", running=frame["term_end"] > pd.Timestamp(AS_OF),
        arr_before=frame.groupby("account_id")["arr"].shift(),
    )  # fmt: skip


def worth(
    who: people.Served, use: pd.DataFrame, terms: pd.DataFrame, **more: Any
) -> person_value.PersonValue:
    """Return the value realised so far."""
    assumptions = Assumptions(**({"margin": 0.5, "role_weights": WEIGHTS} | more))
    return person_value.value(
        who, use, terms, NO_HAZARDS, None, assumptions, as_of=AS_OF, data_start=START
    )


def test_the_dated_example_of_the_module_holds() -> None:
    """Of 1,000 a month the champion has 750, members with 30 and 10 uses 187.50 and 62.50."""
    who = served(*((p, "A", r, "2023-01-01", None) for p, r in
                   (("c", "champion"), ("m", "member"), ("n", "member"))))  # fmt: skip
    march = "2023-03-01"
    use = used(who, ("c", "A", march, 10), ("m", "A", march, 30), ("n", "A", march, 10))
    terms = contracts(("A", "2023-03-01", "2023-04-01", 24_000))
    found = worth(who, use, terms).persons.set_index("person_id")
    assert found["realised"].to_dict() == pytest.approx({"c": 750, "m": 187.5, "n": 62.5})


def test_the_same_month_by_other_weights_stands_beside() -> None:
    """10, 30 and 10 uses of 1,000: by use alone 200, 600, 200; two equal roles have 500 each."""
    who = served(*((p, "A", r, "2023-01-01", None) for p, r in
                   (("c", "champion"), ("m", "member"), ("n", "member"))))  # fmt: skip
    march = "2023-03-01"
    use = used(who, ("c", "A", march, 10), ("m", "A", march, 30), ("n", "A", march, 10))
    found = worth(who, use, contracts(("A", march, "2023-04-01", 24_000)))
    persons = found.persons.set_index("person_id")
    assert persons["use_alone"].to_dict() == pytest.approx({"c": 200, "m": 600, "n": 200})
    assert persons["equal_weights"].to_dict() == pytest.approx({"c": 500, "m": 375, "n": 125})
    assert persons["use_share"].to_dict() == pytest.approx({"c": 0.2, "m": 0.6, "n": 0.2})
    assert [found.kept("use_alone", 1), found.kept("equal_weights", 1)] == [0, 1]


def test_a_month_in_which_nobody_used_anything_is_nobodys() -> None:
    """Half a year of use of a year's contract hands out half of what was paid."""
    who = served(("p", "A", "member", "2023-01-01", None))
    use = used(who, *(("p", "A", f"2023-{m:02d}-01", 5) for m in range(1, 7)))
    found = worth(who, use, contracts(("A", "2023-01-01", "2024-01-01", 12_000)))
    assert found.accounts["paid"].sum() == pytest.approx(6000)
    assert found.persons["value"].sum() == pytest.approx(3000)


def test_months_of_a_term_add_up_to_what_was_paid() -> None:
    """Whole months are twelfths, parts by their days; days before the records do not count."""
    terms = contracts(("A", "2022-10-17", "2023-10-17", 1200))
    months = attribution.margins(terms, margin=1.0, as_of=AS_OF, data_start=START)
    assert len(months) == 10
    assert months["margin"].sum() == pytest.approx(100 * (9 + 16 / 31))


def mover() -> tuple[people.Served, pd.DataFrame, pd.DataFrame]:
    """Return p, who served A and comes to B when B begins; q is in B."""
    who = served(
        ("p", "A", "champion", "2022-01-01", "2023-02-01"),
        ("p", "B", "champion", "2023-03-01", None), ("q", "B", "member", "2023-03-01", None),
    )  # fmt: skip
    year = [f"2023-{m:02d}-01" for m in range(3, 13)]
    use = used(who, *(("q", "B", m, 4) for m in year), ("p", "A", "2023-01-01", 2))
    terms = contracts(
        ("A", "2022-01-01", "2023-02-01", 12_000), ("B", "2023-03-01", "2024-01-01", 12_000)
    )
    return who, use, terms


def test_value_follows_the_person_and_the_credit_is_taken_from_the_account() -> None:
    """B pays 5,000 of margin; .3 of it goes to who came, the rest to who used it."""
    found = worth(*mover()).persons.set_index("person_id")
    assert found.loc["q", "value"] == pytest.approx(0.7 * 5000)
    assert found.loc["p", "credit"] == pytest.approx(0.3 * 5000)
    assert found.loc["p", "realised"] == pytest.approx(500)
    assert (found.loc["p", "value_low"], found.loc["p", "value_high"]) == pytest.approx((500, 5500))
    assert found.loc["p", "n_accounts"] == 2


def test_an_old_account_owes_only_its_growth() -> None:
    """B ran for years; the term that grew by half after the arrival owes a third of it."""
    who, _, _ = mover()
    terms = contracts(
        ("B", "2021-05-01", "2023-05-01", 8_000), ("B", "2023-05-01", "2024-05-01", 12_000)
    )
    owed = attribution.arrivals(who.episodes, terms)
    assert list(owed["kind"]) == ["grew"]
    assert owed["share"].iloc[0] == pytest.approx(1 / 3)
    late = contracts(
        ("B", "2021-05-01", "2023-10-01", 8_000), ("B", "2023-10-01", "2024-05-01", 12_000)
    )
    assert attribution.arrivals(who.episodes, late).empty


_PEOPLE = ("p", "q", "r")
_ACCOUNTS = ("A", "B")
_MONTHS = [f"2023-{m:02d}-01" for m in range(1, 13)]
_USE = st.dictionaries(
    st.tuples(st.sampled_from(_PEOPLE), st.sampled_from(_ACCOUNTS), st.sampled_from(_MONTHS)),
    st.integers(1, 50), max_size=25,
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(
    use=_USE,
    credit=st.floats(0, 1),
    came=st.lists(st.sampled_from(_MONTHS), min_size=3, max_size=3),
    arr=st.lists(st.integers(0, 50_000), min_size=4, max_size=4),
)
def test_the_people_of_an_account_never_add_up_to_more_than_it_paid(
    use: dict[tuple[str, str, str], int], credit: float, came: list[str], arr: list[int]
) -> None:
    """Whatever the use, the arrivals and the credit: the persons' sum is at most the account's."""
    rows = [(p, "A", "champion" if p == "p" else "member", "2022-01-01", None) for p in _PEOPLE]
    rows += [(p, "B", "member", day, None) for p, day in zip(_PEOPLE, came, strict=True)]
    who = served(*rows)
    months = used(who, *((*key, n) for key, n in use.items()))
    terms = contracts(
        ("A", "2022-03-01", "2023-03-01", arr[0]), ("A", "2023-03-01", "2024-03-01", arr[1]),
        ("B", "2023-02-01", "2023-08-01", arr[2]), ("B", "2023-08-01", "2024-08-01", arr[3]),
    )  # fmt: skip
    found = worth(
        who,
        months.astype({"month": "datetime64[s]", "user_id": "str"}),
        terms,
        referral_credit=credit,
    )
    accounts = found.accounts
    assert (accounts["handed_paid"] <= accounts["paid"] + 1e-6).all()
    assert found.persons["value"].sum() == pytest.approx(accounts["handed_paid"].sum())
    assert (found.persons[["value_low", "realised", "credit"]] >= -1e-9).all(axis=None)
    everywhere = {(a, m) for _, a, m in use}
    if everywhere >= {("A", m) for m in _MONTHS} and not credit:
        row = accounts.set_index("account_id").loc["A"]
        assert row["handed_paid"] == pytest.approx(row["paid"])


def test_with_all_use_attributed_everything_paid_is_handed_out() -> None:
    """One use in every month: the persons' sum is the account's, also with a credit."""
    who, use, terms = mover()
    filled = pd.concat([use, used(who, ("p", "B", "2023-05-01", 3))], ignore_index=True)
    found = worth(who, filled, terms[terms["account_id"] == "B"].reset_index(drop=True))
    assert found.persons["value"].sum() == pytest.approx(found.accounts["paid"].sum())


@pytest.mark.parametrize(
    "wrong", [{"margin": 1.2}, {"referral_credit": -0.1}, {"role_weights": {"admin": 0.0}}]
)
def test_impossible_assumptions_are_refused(wrong: dict[str, Any]) -> None:
    """Shares are from 0 to 1, weights above 0."""
    with pytest.raises(ParameterError):
        Assumptions(**wrong)


@pytest.fixture(scope="module")
def world(movers: SimpleNamespace) -> dict[str, Any]:
    """Return a simulated world as the doors tell it, and what is to come of it."""
    return {
        **vars(movers), "upcoming": tenure.upcoming(movers.tables, movers.as_of),
        "days": {"as_of": movers.as_of, "data_start": movers.data_start},
    }  # fmt: skip


def test_what_is_to_come_is_conserved_and_discounted(world: dict[str, Any]) -> None:
    """No account hands out more than it is expected to pay; a likelier departure is worth less."""
    hazards = pd.DataFrame({"role": ["champion", "member"], "hazard": [0.015, 0.008]})

    def made(frame: pd.DataFrame, **more: Any) -> person_value.PersonValue:
        return person_value.value(
            world["served"], world["monthly"], world["contracts"], frame,
            (world["opportunities"], world["upcoming"]), Assumptions(**more), **world["days"],
        )  # fmt: skip

    found = made(hazards)
    accounts = found.accounts
    assert (accounts["handed_to_come"] <= accounts["to_come"] + 1e-6).all()
    assert (accounts["handed_paid"] <= accounts["paid"] + 1e-6).all()
    assert found.persons["value"].sum() == pytest.approx(
        accounts["handed_paid"].sum() + accounts["handed_to_come"].sum()
    )
    sooner = made(hazards.assign(hazard=2 * hazards["hazard"]))
    assert sooner.accounts["handed_to_come"].sum() < accounts["handed_to_come"].sum()
    assert sooner.accounts["to_come"].sum() == pytest.approx(accounts["to_come"].sum())
    assert 0 <= found.beyond <= 1
    assert found.far == (found.beyond > 0.3)
    assert found.n_movers > 0


def test_the_planted_lift_after_a_mover_arrives_is_recovered(world: dict[str, Any]) -> None:
    """Vigour rises by .3 and use loads on it at about .45: use grows by e^.14, within the doubt."""
    found = movers.mover_effect(
        world["served"], world["monthly"], world["contracts"], world["opportunities"],
        **world["days"],
    )  # fmt: skip
    loads = [f.rows * f.vigour for f in scenarios.FEATURES]
    true = planted.ARRIVAL_BOOST * sum(loads) / sum(f.rows for f in scenarios.FEATURES)
    assert found.use.low < true < found.use.high
    assert found.use.high - found.use.low < 0.8
    assert np.isfinite(found.use_ratio).all()
