"""What each person is worth, over all the accounts they served.

Grain in: people, contracts and use.  Grain out: one row per person_id.

A person's value is what accounts paid in the months in which they used the product, by role first
(stated weights of the roles present) and by use within a role; what their present account is still
expected to pay while they stay; and a part of what came after their arrival from another account.
All of it is handed out of the accounts' own value: the people of an account never add up to more
than the account (conservation).  How much hangs on the weights is shown: all is handed out again
with equal weights, and by use alone.  It says who stood behind the money, not that the money came
because of them.

Source: ``methods.md`` 4 (uLTV); ``customer_success.md`` Q10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.features.people import Served
from cs_models.learn.hazards.lifetime import MOST_BEYOND
from cs_models.learn.valuing import attribution, future

ROLE_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"champion": 3.0, "admin": 2.0, "decision_maker": 2.0, "member": 3.0}
)
# Months of use compared before and after an arrival: the first whole ones of either term.
_ANY: Final = "any role"


@dataclass(frozen=True)
class Assumptions:
    """What is believed, not learnt.

    Parameters
    ----------
    margin : float, default 0.8
        Share of revenue kept after the cost of serving, 0 to 1.
    discount_rate : float, default 0.1
        By how much money a year later is worth less.
    horizon_years : int, default 5
        Years to come that are valued.
    referral_credit : float, default 0.3
        Part of an account's beginning or growth that goes to who arrived, 0 to 1.
    role_weights : mapping of str to float
        Weight of the roles present in a month; a role that is not named weighs 1.
    """

    margin: float = 0.8
    discount_rate: float = 0.1
    horizon_years: int = 5
    referral_credit: float = 0.3
    role_weights: Mapping[str, float] = field(default_factory=lambda: ROLE_WEIGHTS)

    def __post_init__(self) -> None:
        for name in ("margin", "referral_credit"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ParameterError(
                    "a share must be from 0 to 1", where=name, got=f"{value:g}", repair="0 to 1"
                )
        wrong = [f"{role}: {w:g}" for role, w in self.role_weights.items() if not 0 < w < np.inf]
        if wrong:
            raise ParameterError(
                "a role's weight must be above 0", where="role_weights", got=", ".join(wrong),
                repair="a number above 0; leave a role out to give it 1",
            )  # fmt: skip


@dataclass(frozen=True)
class PersonValue:
    """The value of persons, and of the accounts it was taken from.

    Attributes
    ----------
    persons : pandas.DataFrame
        One row per person_id, dearest first: ``person_id``, ``n_accounts``, ``account_id`` and
        ``role`` (the present or last ones), ``user_id`` (latest login), ``there`` (still has a
        login), ``realised``, ``to_come``, ``credit`` (at the stated part), ``value``,
        ``value_low`` and ``value_high`` (the part from 0 to 1), currency; ``equal_weights`` and
        ``use_alone`` (the value, were all roles weighed alike, or none), currency; ``use_share``
        (of all uses on record in the present or last account, 0 to 1; 0 where there are none).
    accounts : pandas.DataFrame
        One row per account_id: ``paid`` (margin realised), ``to_come``, ``handed_paid``,
        ``handed_to_come`` (to persons), ``beyond``.
    assumptions : Assumptions
    n_movers : int
        Persons who served more than one account.
    followed : bool
        Whether the records name persons at all.
    beyond : float
        Share of the value to come that lies beyond the time anybody was followed, 0 to 1.
    """

    persons: pd.DataFrame
    accounts: pd.DataFrame
    assumptions: Assumptions
    n_movers: int
    followed: bool
    beyond: float

    def kept(self, other: str, first: int) -> int:
        """Count how many of the first persons are among as many first by other weights.

        Parameters
        ----------
        other : str
            "equal_weights" or "use_alone".
        first : int
            How many persons; fewer where there are not so many.
        """
        again = self.persons.sort_values([other, "person_id"], ascending=[False, True])
        return len(set(again["person_id"].head(first)) & set(self.persons["person_id"].head(first)))

    @property
    def far(self) -> bool:
        """Say whether more than 30 % of the value to come is beyond the time followed."""
        return self.beyond > MOST_BEYOND


def value(
    served: Served,
    monthly: pd.DataFrame,
    contracts: pd.DataFrame,
    hazards: pd.DataFrame,
    past: tuple[pd.DataFrame, pd.DataFrame] | None,
    assumptions: Assumptions,
    *,
    as_of: date,
    data_start: date,
) -> PersonValue:
    """Hand the value of accounts out to their people.

    Parameters
    ----------
    served, monthly, contracts
        From ``people.served``, ``people.monthly`` and ``people.contracts``.
    hazards : pandas.DataFrame
        ``role``, ``hazard`` (a month), from ``departures.rates``.
    past : (opportunities, upcoming) or None
        From ``tenure``; None when too little is known for a look ahead: only the past is valued.
    assumptions : Assumptions
    as_of, data_start : datetime.date
        The data date, and the first day of recorded use.

    Returns
    -------
    PersonValue

    Raises
    ------
    TooLittleDataError
        Fewer than 10 accounts left, or fewer than 10 did not, and ``past`` is given.
    """
    paid = attribution.margins(
        contracts, margin=assumptions.margin, as_of=as_of, data_start=data_start
    )
    credited = attribution.arrivals(served.episodes, contracts)
    ahead = _ahead(served, hazards, past, assumptions)

    def handed(logins: pd.DataFrame, by_role: Mapping[str, float]) -> pd.DataFrame:
        weights = attribution.shares(logins, monthly, by_role)
        got = attribution.realised(weights, paid, credited)
        rows = served.episodes.merge(got.reset_index(), on="episode", how="left")
        rows[list(got.columns)] = rows[list(got.columns)].fillna(0.0)
        return _to_come(rows, ahead, attribution.recent(weights, as_of), credited, contracts)

    rows = handed(served.logins, assumptions.role_weights)
    # A role that is not named weighs 1; with one role for all, only use is left to weigh.
    equal, alone = handed(served.logins, {}), handed(served.logins.assign(role=_ANY), {})
    accounts = _accounts(rows, paid, ahead, assumptions.referral_credit)
    beyond = _share(accounts["beyond"] * accounts["to_come"], accounts["to_come"])
    rows = rows.assign(use_share=_use_share(served, monthly))
    persons = _persons(rows, assumptions.referral_credit)
    for name, other in (("equal_weights", equal), ("use_alone", alone)):
        again = _value(other, assumptions.referral_credit).groupby(other["person_id"]).sum()
        persons[name] = persons["person_id"].map(again)
    movers = int((persons["n_accounts"] > 1).sum())
    followed = bool(served.episodes["followed"].any())
    return PersonValue(persons, accounts, assumptions, movers, followed, beyond)


def _ahead(
    served: Served,
    hazards: pd.DataFrame,
    past: tuple[pd.DataFrame, pd.DataFrame] | None,
    assumptions: Assumptions,
) -> pd.DataFrame:
    """Return what accounts are expected to pay, in all and while people of each role stay."""
    by_role = {str(r): float(h) for r, h in zip(hazards["role"], hazards["hazard"], strict=True)}
    # Whose role is unknown, or was never watched, stays no longer than the least lasting role.
    by_role[_ANY] = max(by_role.values(), default=0.0)
    if past is None:
        return pd.DataFrame(columns=[future.ACCOUNT, "beyond", *by_role], dtype="float64")
    opportunities, upcoming = past
    now = upcoming["account_id"].map(served.former)
    return future.expected(
        opportunities,
        upcoming.assign(account_id=now.fillna(upcoming["account_id"])),
        by_role,
        margin=assumptions.margin,
        horizon_years=assumptions.horizon_years,
        discount_rate=assumptions.discount_rate,
    )


def _to_come(
    rows: pd.DataFrame,
    ahead: pd.DataFrame,
    recent: pd.Series,
    credited: pd.DataFrame,
    contracts: pd.DataFrame,
) -> pd.DataFrame:
    """Add to every open episode its part of what its account is expected to pay."""
    there = rows["to_on"].isna()
    part = rows["episode"].map(recent).where(there, 0.0).fillna(0.0).to_numpy()
    roles = [str(r) if r in ahead.columns else _ANY for r in rows["role"].astype("object")]
    line = ahead.index.get_indexer(pd.Index(rows["account_id"]))
    place = ahead.columns.get_indexer(pd.Index(roles))
    table = np.vstack([ahead.to_numpy(np.float64), np.zeros(len(ahead.columns))])
    mine = table[line, place]
    # The part of the running terms that an arrival began or grew.
    terms = contracts[contracts["running"]].set_index("subscription_id")
    owed = credited[credited["subscription_id"].isin(terms.index)]
    account = owed["subscription_id"].map(terms["account_id"])
    total = account.map(terms.groupby("account_id")["arr"].sum())
    weight = owed["subscription_id"].map(terms["arr"]) / total.where(total > 0)
    once = ~owed.duplicated("subscription_id")
    share = (owed["share"] * weight)[once].groupby(account[once]).sum()
    parts = (owed["part"] * weight).groupby(owed["episode"]).sum()
    credit = rows["episode"].map(parts).where(there, 0.0).fillna(0.0).to_numpy()
    owes = rows["account_id"].map(share).fillna(0.0).to_numpy()
    return rows.assign(
        future=part * mine, future_given=part * mine * owes, future_credit=credit * mine
    )


def _accounts(
    rows: pd.DataFrame, paid: pd.DataFrame, ahead: pd.DataFrame, credit: float
) -> pd.DataFrame:
    """Add up accounts, and what of each was handed to persons."""
    handed = pd.DataFrame(
        {
            "handed_paid": rows["direct"] + credit * (rows["credit"] - rows["given"]),
            "handed_to_come": rows["future"]
            + credit * (rows["future_credit"] - rows["future_given"]),
        }
    )
    sums = handed.groupby(rows["account_id"]).sum()
    whole = paid.groupby("account_id")["margin"].sum().rename("paid").to_frame()
    whole = whole.join(
        ahead[[future.ACCOUNT, "beyond"]].rename(columns={future.ACCOUNT: "to_come"}), how="outer"
    )
    out = whole.join(sums, how="outer").astype("float64").fillna(0.0)
    return out.rename_axis("account_id").reset_index()


def _use_share(served: Served, monthly: pd.DataFrame) -> NDArray[np.float64]:
    """Return every episode's part of all uses of its account."""
    logins = served.logins
    uses = monthly.groupby("user_id")["uses"].sum()
    own = logins["user_id"].map(uses).astype("float64").fillna(0.0).groupby(logins["episode"]).sum()
    mine = served.episodes["episode"].map(own).fillna(0.0)
    whole = mine.groupby(served.episodes["account_id"]).transform("sum")
    return (mine / whole.where(whole > 0)).fillna(0.0).to_numpy(np.float64)


def _value(rows: pd.DataFrame, credit: float) -> pd.Series:
    """Return what every episode is worth at the stated credit."""
    given, got = rows["given"] + rows["future_given"], rows["credit"] + rows["future_credit"]
    worth: pd.Series = rows["direct"] + rows["future"] + credit * (got - given)
    return worth


def _persons(rows: pd.DataFrame, credit: float) -> pd.DataFrame:
    """Add the episodes of every person."""
    own = rows["direct"] + rows["future"]
    owes = rows["given"] + rows["future_given"]
    gets = rows["credit"] + rows["future_credit"]
    each = rows.assign(
        realised=rows["direct"] - credit * rows["given"],
        to_come=rows["future"] - credit * rows["future_given"],
        credited=credit * gets,
        at_none=own,
        at_all=own - owes + gets,
        open=rows["to_on"].isna(),
    )
    codes, names = pd.factorize(each["person_id"])
    each = each.assign(person=codes)
    last = each.sort_values(["open", "from_on"], kind="stable").drop_duplicates(
        "person", keep="last"
    )
    out = last[["person", "account_id", "role", "user_id", "followed"]].set_index("person")
    out = out.sort_index().assign(person_id=names, there=last.set_index("person")["open"])
    grouped = each.groupby("person")
    out["n_accounts"] = grouped["place"].max()
    out["use_share"] = each.groupby(["person", "account_id"])["use_share"].sum().reindex(
        pd.MultiIndex.from_arrays([out.index, out["account_id"]])
    ).to_numpy()  # fmt: skip
    for name in ("realised", "to_come", "credited", "at_none", "at_all"):
        out[name.replace("credited", "credit")] = grouped[name].sum()
    out["value"] = out["realised"] + out["to_come"] + out["credit"]
    out["value_low"] = out[["at_none", "at_all"]].min(axis=1)
    out["value_high"] = out[["at_none", "at_all"]].max(axis=1)
    out = out.drop(columns=["at_none", "at_all"])
    ordered: pd.DataFrame = out.sort_values(
        ["value", "person_id"], ascending=[False, True], ignore_index=True
    )
    return ordered


def _share(part: pd.Series, whole: pd.Series) -> float:
    total = float(whole.sum())
    return float(part.sum()) / total if total > 0 else 0.0
