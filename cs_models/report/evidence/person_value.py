"""The frames behind "what is a person worth, and what comes with somebody who moves on".

Grain in: people's histories.  Grain out: one row per person, per account, or per assumption.
``methods.md`` 4 (uLTV).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.features.people.episodes import NO_PERSONS
from cs_models.learn import movers, person_value
from cs_models.learn.movers import MoverEffect
from cs_models.learn.person_value import Assumptions, PersonValue
from cs_models.learn.valuing import departures
from cs_models.report.evidence.people import Histories, People, shown

MOST_LISTED: Final = 1000
FIRST: Final = 100  # of whom it is told how many stay among the first by other weights


@dataclass(frozen=True)
class Worth:
    """What persons are worth, or why that cannot be said.

    Attributes
    ----------
    why_not : str
        Why nothing can be said; "" where something can.
    cannot_follow : str
        Why nobody can be followed across accounts; "" where persons can.
    not_ahead : str
        Why nothing to come is valued; "" where it is.
    value : PersonValue or None
    effect : MoverEffect or None
    hazards : DataFrame
        ``role``, ``hazard`` (a month, 0 to 1) of leaving the account.
    """

    why_not: str
    cannot_follow: str
    not_ahead: str
    value: PersonValue | None
    effect: MoverEffect | None
    hazards: pd.DataFrame


def look(found: People, assumptions: Assumptions) -> Worth:
    """Value the people of all accounts.

    Parameters
    ----------
    found : People
    assumptions : Assumptions
    """
    past = found.histories
    if past is None:
        empty = pd.DataFrame(columns=["role", "hazard"])
        return Worth(found.why_not, "", "", None, None, empty)
    spells = past.spells[past.spells["role"].notna()]
    hazards = departures.rates(spells, ["role"])
    not_ahead = ""
    try:
        value = _value(past, hazards, assumptions, ahead=True)
    except TooLittleDataError as error:
        not_ahead = error.what
        value = _value(past, hazards, assumptions, ahead=False)
    effect = movers.mover_effect(
        past.served, past.monthly, past.contracts, past.opportunities,
        as_of=past.as_of, data_start=past.data_start,
    )  # fmt: skip
    return Worth("", "" if value.followed else NO_PERSONS, not_ahead, value, effect, hazards)


def _value(
    past: Histories, hazards: pd.DataFrame, assumptions: Assumptions, *, ahead: bool
) -> PersonValue:
    return person_value.value(
        past.served, past.monthly, past.contracts, hazards,
        (past.opportunities, past.upcoming) if ahead else None, assumptions,
        as_of=past.as_of, data_start=past.data_start,
    )  # fmt: skip


def dearest(found: Worth, people: People, *, most: int = MOST_LISTED) -> pd.DataFrame:
    """Return persons by value, with the account they are in and their tier today.

    Parameters
    ----------
    found : Worth
    people : People
    most : int, default 1000
        At most so many; the sums are of all.
    """
    past = people.histories
    if found.value is None or past is None:
        return pd.DataFrame()
    named = past.contracts.drop_duplicates("account_id", keep="last").set_index("account_id")
    tier = people.live.drop_duplicates("user_id").set_index("user_id")["tier"]
    rows = found.value.persons.head(most)
    rows = rows.assign(
        account_name=rows["account_id"].map(named["account_name"]),
        tier=rows["user_id"].map(tier),
        active_days__last_28d=float("nan"),
        days_since_last_use=float("nan"),
    )
    rows = shown(rows).drop(columns=["active_days__last_28d", "days_since_last_use"])
    return rows.assign(there=rows["there"].map({True: "yes", False: "left"}))


def saved(found: Worth) -> dict[str, Any]:
    """Return the sums and the assumptions for ``results.json``.

    Parameters
    ----------
    found : Worth
    """
    if found.value is None:
        return {"why_not": found.why_not}
    sums = found.value.accounts[["paid", "to_come", "handed_paid", "handed_to_come"]].sum()
    chosen = found.value.assumptions
    return {
        "why_not": "",
        "cannot_follow": found.cannot_follow,
        "not_ahead": found.not_ahead,
        **{str(name): float(value) for name, value in sums.items()},
        "n_persons": len(found.value.persons),
        "n_movers": found.value.n_movers,
        "beyond": found.value.beyond,
        "kept_of_first": {
            "first": min(FIRST, len(found.value.persons)),
            "equal_weights": found.value.kept("equal_weights", FIRST),
            "use_alone": found.value.kept("use_alone", FIRST),
        },
        "assumptions": {
            "margin": chosen.margin,
            "discount_rate": chosen.discount_rate,
            "horizon_years": chosen.horizon_years,
            "referral_credit": chosen.referral_credit,
            "role_weights": dict(chosen.role_weights),
        },
    }
