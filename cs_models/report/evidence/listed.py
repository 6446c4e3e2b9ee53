"""Lists as tables: one row a list for the page, one row a customer or user for the CRM.

Grain in: :class:`evidence.lists.Listed`.  Grain out: frames without words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.features import criteria
from cs_models.learn import churn, profile
from cs_models.learn.listing import accounts, callees
from cs_models.learn.lists import CALLED
from cs_models.learn.lists import Ahead as ListAhead
from cs_models.report.evidence import customer
from cs_models.report.evidence.horizons import Ahead
from cs_models.report.evidence.lists import CODES, Known, Listed

# Stable ids first, for the CRM.
_ACCOUNT: Final = (
    "account_id", "subscription_id", "list", "as_of", "csm_id", "account_name", "segment", "rank",
    "in_capacity", "touch", CALLED, *callees.COLUMNS, "arr", "term_end", "days_to_renewal",
    "p_churn", "p_low", "p_high", "net_low", "expected_value", "net_high", CODES, "reason_1",
    "reason_2", "reason_3", "similar", "days_since_our_contact__to_date", "last_contact", "in_play",
    "threshold_gap", accounts.UNUSED,
)  # fmt: skip
_USER: Final = (
    "account_id", "user_id", "list", "as_of", "csm_id", "person_id", "account_name", "segment",
    "role", "rank", "in_capacity", "touch", CALLED, "arr", "days_to_renewal", "days_since_created",
    "days_since_last_use", "active_days__to_date", "days_since_our_contact__to_date",
)  # fmt: skip
N_BOOT: Final = 2  # how well neighbours foretell is told on page 03; here they only illustrate
SUMMARY: Final = (
    "name", "title", "action", "criteria", "grain", "outcome", "turn", "n", "n_in_capacity",
    "n_high", "n_calls", "calls_low", "calls_mid", "calls_high",
    "n_accounts", "arr", "n_unknown", "n_quiet", "skipped", "past_hit_rate",
    "past_low", "past_high", "past_n", "past_n_accounts", "past_quarters", "base_rate",
    "difference", "difference_low", "difference_high", "few", "apart", "past_why",
    "n_caught", "n_came", "arr_caught", "arr_came", "arr_share", "arr_share_low", "arr_share_high",
    "arr_share_by_size", "ahead_of_size", "ahead_of_size_low", "ahead_of_size_high",
    "arr_share_by_chance", "ahead_of_chance", "ahead_of_chance_low", "ahead_of_chance_high",
    "chance_digits", "table", "file",
)  # fmt: skip
CHANCE: Final = "p_churn"
MOST_DIGITS: Final = 3


def anchor(name: str) -> str:
    """Return the id of a list's table on the page."""
    return f"list-{name.replace('_', '-')}"


def summary(found: Sequence[Listed]) -> pd.DataFrame:
    """Return one row a list, as the page and ``results.json`` tell it.

    Parameters
    ----------
    found : sequence of Listed

    Returns
    -------
    pandas.DataFrame
        :data:`SUMMARY`: rates 0 to 1, ``turn`` (from 1) in which the team's calls are shared,
        ``n_in_capacity`` rows and ``n_high`` customers to whom a person speaks, ``n_calls`` of
        these who are called from this list and no earlier one, ``calls_low``, ``calls_mid`` and
        ``calls_high`` what these calls bring after their cost at the lowest, middle and highest
        share of leavers that they keep (missing without a play), ``n_caught`` of the ``n_came``
        past contracts for which it came true that stood on it, with their ARR and its share of all
        (``arr_share``; missing of users) and what as many customers taken by size or by lot would
        have held of it, and by how much the list is ahead of each (``ahead_of_size``,
        ``ahead_of_chance``, with intervals for all lists at once), ``chance_digits`` after the
        point with which the chances of its rows are written, in percent, ``arr`` of the accounts
        listed (each once), ``file`` the CSV relative to the notebook's folder ("" for a list that
        could not be made).
    """
    turns = sorted(one.asked.turn for one in found)
    rows = [_summed(one, turns.index(one.asked.turn) + 1) for one in found]
    return pd.DataFrame(rows, columns=list(SUMMARY))


def _summed(one: Listed, turn: int) -> dict[str, Any]:
    rows = pd.DataFrame() if one.made is None else one.made.rows
    past, made = one.past, one.made
    each = rows.drop_duplicates("account_id") if len(rows) else rows
    spoken = rows[rows["in_capacity"]].drop_duplicates("account_id") if len(rows) else rows
    called = spoken[spoken[CALLED].eq(one.asked.name)] if len(spoken) else spoken
    nothing, reached = float("nan"), one.reached
    held = reached.own if reached else None
    return {
        "name": one.asked.name, "title": one.asked.title, "action": one.asked.action,
        "criteria": one.said, "grain": one.asked.grain, "outcome": one.asked.outcome,
        "turn": turn, "n": len(rows), "n_accounts": len(each),
        "n_in_capacity": int(rows["in_capacity"].sum()) if len(rows) else 0, "n_high": len(spoken),
        "n_calls": len(called), **_bring(called),
        "arr": float(pd.to_numeric(each["arr"]).sum()) if len(each) else 0.0,
        "n_unknown": made.n_unknown if made else 0, "n_quiet": made.n_quiet if made else 0,
        "skipped": one.skipped,
        "past_hit_rate": past.rate if past else nothing, "past_low": past.low if past else nothing,
        "past_high": past.high if past else nothing, "past_n": past.n if past else 0,
        "past_n_accounts": past.n_accounts if past else 0, "past_quarters": one.n_past,
        "base_rate": past.base_rate if past else nothing,
        "difference": past.difference if past else nothing,
        "difference_low": past.difference_low if past else nothing,
        "difference_high": past.difference_high if past else nothing,
        "few": past.few if past else True, "apart": past.apart if past else False,
        "past_why": one.past_why, "n_caught": held.n if held else None,
        "n_came": held.n_of if held else None, "arr_caught": held.arr if held else nothing,
        "arr_came": held.arr_of if held else nothing, "arr_share": held.share if held else nothing,
        "arr_share_low": held.low if held else nothing,
        "arr_share_high": held.high if held else nothing,
        "arr_share_by_size": reached.by_size.share if reached else nothing,
        "arr_share_by_chance": reached.by_chance if reached else nothing,
        **_ahead("ahead_of_size", reached.of_size if reached else None),
        **_ahead("ahead_of_chance", reached.of_chance if reached else None),
        "chance_digits": chance_digits(one.asked.criteria, rows),
        "table": anchor(one.asked.name) if made else "",
        "file": f"tables/list_{one.asked.name}.csv" if made else "",
    }  # fmt: skip


def _bring(called: pd.DataFrame) -> dict[str, float]:
    """Add up what calls bring after their cost, at each share of leavers that they keep."""
    names = {"calls_low": "net_low", "calls_mid": "expected_value", "calls_high": "net_high"}
    told = len(called) > 0 and set(names.values()) <= set(called.columns)
    return {
        name: float(pd.to_numeric(called[column]).sum(skipna=False)) if told else float("nan")
        for name, column in names.items()
    }


def chance_digits(criterion: criteria.Criterion, rows: pd.DataFrame) -> int:
    """Return with how many digits chances are written so that none contradicts the list's rule.

    Parameters
    ----------
    criterion : Criterion
        What the list asks.
    rows : pandas.DataFrame
        Those on it.

    Returns
    -------
    int
        0 to 3 digits of a percent: the fewest with which what is written meets each side of what
        is asked of ``p_churn`` exactly as what was found does.  24.7 % on a list of less than
        25 % is not written as 25 %.
    """
    asked = [one for one in _leaves(criterion) if one.column == CHANCE and one.sides]
    if not asked or CHANCE not in rows or rows.empty:
        return 0
    found = pd.to_numeric(rows[CHANCE]).astype("float64")
    for digits in range(MOST_DIGITS):
        written = pd.DataFrame({CHANCE: (100 * found).round(digits) / 100})
        exact = pd.DataFrame({CHANCE: found})
        if all(criteria.holds(one, written).equals(criteria.holds(one, exact)) for one in asked):
            return digits
    return MOST_DIGITS


def _leaves(criterion: criteria.Criterion) -> Iterator[criteria.Leaf]:
    if isinstance(criterion, criteria.Leaf):
        yield criterion
        return
    parts = (criterion.part,) if isinstance(criterion, criteria.Not) else criterion.parts
    for part in parts:
        yield from _leaves(part)


def _ahead(name: str, found: ListAhead | None) -> dict[str, float]:
    nothing = float("nan")
    ends = (found.gap, found.low, found.high) if found else (nothing,) * 3
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


def rows(one: Listed, known: Known, similar: pd.Series) -> pd.DataFrame:
    """Return those on a list as they leave for the CRM, stable ids first.

    Parameters
    ----------
    one : Listed
    known : Known
    similar : pandas.Series
        From :func:`similar`.

    Returns
    -------
    pandas.DataFrame
        One row per account or user, in the list's order, with the list's name and day, the
        success manager where one is on record, and of customers the person to call (a login's
        id); besides the usual columns those that its own criteria ask for.
    """
    if one.made is None:
        return pd.DataFrame()
    found = _beside(one, one.made.rows, known)
    if one.asked.grain == "account":
        ids = found["subscription_id"]
        found = found.assign(similar=ids.map(similar).fillna("").to_numpy())
        why = known.reasons.reindex(ids).fillna("")
        found = found.assign(**{str(name): why[name].to_numpy() for name in why.columns})
    usual = _ACCOUNT if one.asked.grain == "account" else _USER
    asked = [name for name in one.asked.columns if name not in usual]
    return found[[name for name in (*usual, *asked) if name in found.columns]]


def _beside(one: Listed, found: pd.DataFrame, known: Known) -> pd.DataFrame:
    """Put beside each row what a CRM needs to know of where it is from, and who is to speak."""
    of = found["account_id"]
    found = found.assign(list=one.asked.name, as_of=known.as_of)
    if "csm_id" not in found and "csm_id" in known.accounts:
        manager = known.accounts.drop_duplicates("account_id").set_index("account_id")["csm_id"]
        found = found.assign(csm_id=of.map(manager).to_numpy())
    if one.asked.grain == "account" and len(known.to_call):
        person = known.to_call.reindex(of)
        found = found.assign(**{str(name): person[name].to_numpy() for name in person.columns})
    # A source without success managers has no column of them.
    if "csm_id" in found and found["csm_id"].isna().all() and known.accounts["csm_id"].isna().all():
        found = found.drop(columns="csm_id")
    return found


def subscriptions(found: Sequence[Listed], name: str) -> list[str] | None:
    """Return the contracts on a list of customers; None where it was not asked for or not made."""
    for one in found:
        if one.asked.name == name and one.made is not None and one.asked.grain == "account":
            return [str(contract) for contract in one.made.rows["subscription_id"]]
    return None


def tables(found: Sequence[Listed], known: Known, similar: pd.Series) -> dict[str, pd.DataFrame]:
    """Return :func:`rows` of every list that was made, by name."""
    return {one.asked.name: rows(one, known, similar) for one in found if one.made is not None}


def similar(
    found: Sequence[Listed],
    ahead: Sequence[Ahead],
    *,
    by: str | None,
    grace_days: int,
    rng: np.random.Generator,
) -> pd.Series:
    """Say what became of the five past contracts most like each one that is to be called.

    Parameters
    ----------
    found : sequence of Listed
    ahead : sequence of Ahead
        Each is compared with past contracts as far from their renewal.
    by : str or None
        Column of segments.
    grace_days : int
    rng : numpy.random.Generator

    Returns
    -------
    pandas.Series of str
        By subscription_id: "2 of 5 left; nearest: Alpha Ltd (to 2025-03-31), renewed": a customer
        may have had several terms, and the date says which.
    """
    parts = [
        one.made.rows.loc[one.made.rows["in_capacity"], "subscription_id"]
        for one in found
        if one.made is not None and one.asked.grain == "account"
    ]
    wanted = set(pd.concat(parts)) if parts else set()
    told: dict[str, str] = {}
    for one in ahead:
        mine = one.today[one.today["subscription_id"].isin(wanted)] if len(one.today) else one.today
        if mine.empty or one.history.empty:
            continue
        drivers = {name: churn.driver(name) for name in customer.compared(one.history)}
        try:
            near = profile.nearest(
                one.history, mine, list(drivers), drivers, segment_by=by, grace_days=grace_days,
                rng=rng, n_boot=N_BOOT,
            )  # fmt: skip
        except TooLittleDataError:
            continue
        told |= _stories(near.terms)
    return pd.Series(told, dtype=object)


def _stories(terms: pd.DataFrame) -> dict[str, str]:
    found = {}
    for subscription, near in terms.groupby("subscription_id"):
        first = near.sort_values("rank").iloc[0]
        became = "left" if first["near_churned"] else "renewed"
        found[str(subscription)] = (
            f"{int(near['near_churned'].sum())} of {len(near)} left; nearest: "
            f"{first['near_account_name']} (to {first['near_term_end']:%Y-%m-%d}), {became}"
        )
    return found
