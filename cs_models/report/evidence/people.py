"""The frames behind "who uses the product, who champions it, and who is slipping away".

Grain in: canonical tables.  Grain out: one row per tier and role, per group that matters, per user
worth a look, or per group of champions.  Chances are 0 to 1.  ``methods.md`` 4, 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features import people, tenure
from cs_models.learn import advocates, champions, personas
from cs_models.learn.personas import Cuts
from cs_models.learn.valuing import clusters, departures
from cs_models.learn.valuing.contrast import Contrast
from cs_models.report.evidence import people_asked

NOT_RECORDED: Final = "not recorded"
# A champion who may be lost though not silent: never there, or among the least active of its kind.
AT_RISK: Final = (personas.NEVER, personas.LOW)
# Without use for longer, a champion stands on the renewal outlook's list of those who pause.
QUIET_DAYS: Final = 14


@dataclass(frozen=True)
class Histories:
    """What is known of people over time, fetched once for everything said of them.

    Attributes
    ----------
    served : people.Served
    monthly, contracts : DataFrame
        From ``people.monthly`` and ``people.contracts``.
    opportunities, upcoming : DataFrame
        From ``tenure``.
    spells : DataFrame
        From ``departures.spells``.
    as_of, data_start : datetime.date
    """

    served: people.Served
    monthly: pd.DataFrame
    contracts: pd.DataFrame
    opportunities: pd.DataFrame
    upcoming: pd.DataFrame
    spells: pd.DataFrame
    as_of: date
    data_start: date


@dataclass(frozen=True)
class People:
    """Who uses the product today, and how champions have left.

    Attributes
    ----------
    why_not : str
        Why nothing can be said; "" where something can.
    live : DataFrame
        From ``personas.tiers``: one row per login that could be called.
    tiers : DataFrame
        One row per role, the first for all: ``role``, ``n``, and the share of each tier.
    peers : DataFrame
        From ``personas.shares``.
    below, candidates, silent : DataFrame
        Users worth a look, from ``personas`` and ``champions``.
    to_help : DataFrame
        One row per account with users below their peers or who never came, from ``personas``.
    left_out : Series of int, by reason
        Accounts whose active users are not asked to speak for the product.
    champion : Series of bool
        Whether each row of ``live`` is a champion.
    leaving : Departures or None
    after : Contrast or None
        Renewals after a champion left, less those before which none did.
    explored : clusters.Groups
    cuts : Cuts
    histories : Histories or None
        None where no use names its user.
    """

    why_not: str
    live: pd.DataFrame
    tiers: pd.DataFrame
    peers: pd.DataFrame
    below: pd.DataFrame
    candidates: pd.DataFrame
    silent: pd.DataFrame
    to_help: pd.DataFrame
    left_out: pd.Series
    champion: pd.Series
    leaving: champions.Departures | None
    after: Contrast | None
    explored: clusters.Groups
    cuts: Cuts
    histories: Histories | None

    @property
    def n_quiet(self) -> int:
        """Return how many champions have not come for two weeks, and are not silent yet."""
        return int(self._quiet().sum())

    @property
    def n_at_risk(self) -> int:
        """Return how many of the other champions never came or are the least active."""
        own = self.live[self.champion]
        counted = own["user_id"].isin(self.silent["user_id"]) | self._quiet()
        return int((own["tier"].isin(AT_RISK) & ~counted).sum())

    def _quiet(self) -> pd.Series:
        own = self.live[self.champion]
        away = (own[personas.RECENCY] > QUIET_DAYS).fillna(False).astype(bool)
        return away & ~own["user_id"].isin(self.silent["user_id"])


def look(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    cuts: Cuts,
    grace_days: int,
    rng: np.random.Generator,
    data_start: date | None = None,
    frame: pd.DataFrame | None = None,
) -> People:
    """Gather everything that is said of users.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    as_of : datetime.date
        The data date.
    cuts : Cuts
        Where tiers are cut, and which groups matter.
    grace_days : int
        Days after the renewal date in which a late paper still counts as a renewal.
    rng : numpy.random.Generator
        Draws accounts anew for the groups that an algorithm finds.
    data_start : datetime.date, optional
        First day of recorded use.
    frame : DataFrame, optional
        ``people.frame`` of the day, where it was made already.
    """
    users = people.frame(tables, as_of, data_start=data_start) if frame is None else frame
    why_not = str(users.attrs["why_not"] or users.attrs["unknown"].get(personas.FREQUENCY, ""))
    live = personas.tiers(users, cuts)
    if not why_not and live.empty:
        why_not = "no login of a paying account is left"
    inside = personas.members(live, cuts)
    champion = champions.champions(live, live["activity"])
    told = not why_not
    past = _histories(tables, as_of, grace_days, users) if told else None
    doubts = people_asked.doubts(tables, as_of, live.set_index("user_id")["account_id"])
    return People(
        why_not, live, _tiers(live), personas.shares(live, inside, cuts),
        personas.below(live, inside, cuts), advocates.candidates(live, inside, doubts),
        champions.silent(live, champion, silent_days=cuts.silent_days),
        personas.by_account(live, inside, cuts), advocates.left_out(live, inside, doubts), champion,
        champions.leaving(past.spells, _segments(past.contracts)) if past else None,
        champions.after_departure(past.spells, past.opportunities, past.served.former)
        if past else None,
        personas.explore(live, rng), cuts, past,
    )  # fmt: skip


def _histories(
    tables: Mapping[str, ir.Table], as_of: date, grace_days: int, users: pd.DataFrame
) -> Histories:
    """Fetch what is known of people over time."""
    start = date.fromisoformat(str(users.attrs["data_start"]))
    served, monthly = people.served(tables, as_of), people.monthly(tables, as_of)
    contracts = people.contracts(tables, as_of, former=served.former)
    spells = departures.spells(
        served.episodes, served.logins, monthly, departures.account_ends(contracts, as_of),
        as_of=as_of, data_start=start,
    )  # fmt: skip
    return Histories(
        served, monthly, contracts,
        tenure.opportunities(tables, as_of, grace_days=grace_days, data_start=start),
        tenure.upcoming(tables, as_of, grace_days=grace_days), spells, as_of, start,
    )  # fmt: skip


def _segments(contracts: pd.DataFrame) -> pd.Series:
    return contracts.drop_duplicates("account_id").set_index("account_id")["segment"]


def _tiers(live: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each tier by role, the first row for all."""
    role = live["role"].fillna(NOT_RECORDED)
    rows = []
    for name in ("everybody", *role.value_counts().index):
        own = live["tier"] if name == "everybody" else live.loc[role == name, "tier"]
        share = own.value_counts(normalize=True)
        found = {tier: float(share.get(tier, 0.0)) for tier in personas.TIERS}
        rows.append({"role": str(name), "n": len(own)} | found)
    return pd.DataFrame(rows, columns=["role", "n", *personas.TIERS])


def shown(users: pd.DataFrame) -> pd.DataFrame:
    """Return users as a table shows them: by login and person, never by name or address.

    Parameters
    ----------
    users : DataFrame
        Rows of ``people.frame``.
    """
    known = users.assign(
        account=users["account_name"].fillna(users["account_id"]),
        role=users["role"].fillna(NOT_RECORDED).str.replace("_", " "),
        person_id=users["person_id"].fillna(""),
    )
    return known.astype({"active_days__last_28d": "float64", "days_since_last_use": "float64"})


def saved(found: People) -> dict[str, Any]:
    """Return tiers, groups and champions for ``results.json``.

    Parameters
    ----------
    found : People
    """
    if found.why_not:
        return {"why_not": found.why_not}
    whole = found.leaving.table.iloc[0] if found.leaving and found.leaving.role else None
    rates = {} if whole is None else {k: float(whole[k]) for k in ("hazard", "low", "high")}
    return {
        "why_not": "",
        "n_users": len(found.live),
        "tiers": found.tiers.to_dict("records"),
        "groups": found.peers.to_dict("records"),
        "below": len(found.below),
        "candidates": {
            "n": len(found.candidates),
            "promoters": int((found.candidates["answer"] == advocates.PROMOTER).sum()),
            "customers_left_out": {str(k): int(n) for k, n in found.left_out.items()},
        },
        "champions": {
            "n": int(found.champion.sum()), "silent": len(found.silent),
            "quiet": found.n_quiet, "at_risk": found.n_at_risk, **rates,
        },
        "personas": {"verdict": found.explored.verdict, "n_groups": found.explored.n_groups},
    }  # fmt: skip
