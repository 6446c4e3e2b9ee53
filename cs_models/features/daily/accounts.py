"""The stretches of days on which nothing changes for an account that a rule could see.

Grain in: canonical tables.  Grain out: one row per account and stretch of days.

Every account is watched from its first contract, or from the first recorded day if that is later,
until the data date.  All its days are looked at, each with what was known strictly before it
(contract facts: on it).  Days on which no value crosses one of the levels that are asked for, and
no word or yes-and-no changes, are one row: a few dozen rows for an account, not a thousand days.
The row holds the values of its first day, so that any question built on those levels has one
answer for all of its days.

Source: ``methods.md`` 1.1 (point in time), 5 (stages: every account-day in exactly one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from cs_models import progress
from cs_models.features.daily import contracts, records, use
from cs_models.features.daily.grid import FAR, Grid, Int, dates
from cs_models.features.daily.known import ATTRIBUTES, Known
from cs_models.features.daily.stretches import Stretches, check, state, with_absent

_BLOCK: Final = 3_000_000  # account-days at a time: some 300 MB
NUMBERS: Final = (
    "days_as_customer", "days_in_term", "days_to_renewal", "days_without_contract", "arr", "seats",
    "events__last_28d", "use_against_before", "days_without_use", "active_users__last_28d",
    "seat_utilisation__last_28d", "open_severe_tickets__to_date", "promoters__last_180d",
    "detractors__last_180d", "onboarding_steps_done", "onboarding_share",
    "onboarding_overdue_steps__to_date", "goals_reached__to_date", "champion_silent_days__to_date",
)  # fmt: skip
FLAGS: Final = (
    "contract_runs", "in_notice", "won_back", "expanded", "left", "renewal_unseen", "adopted",
)  # fmt: skip
COLUMNS: Final = (*ATTRIBUTES, *NUMBERS, *FLAGS)
_NEEDS: Final = {
    "tickets": ("open_severe_tickets__to_date",),
    "surveys": ("promoters__last_180d", "detractors__last_180d"),
    "milestones": (
        "onboarding_steps_done", "onboarding_share", "onboarding_overdue_steps__to_date",
        "goals_reached__to_date",
    ),
    "users": ("champion_silent_days__to_date",),
}  # fmt: skip


def stretches(known: Known, levels: Mapping[str, Sequence[float]]) -> Stretches:
    """Look at every account on every day, and keep the days on which something changed.

    Parameters
    ----------
    known : Known
    levels : mapping of str to sequence of float
        Columns that will be asked about (of ``COLUMNS``), each with the levels at which an answer
        may change; none for words and yes-and-no.

    Returns
    -------
    Stretches
        ``frame`` has ``account_id``, ``from_day``, ``to_day`` (both within the stretch),
        ``origin`` (first day as a customer, however long ago), ``arr`` and the columns, as on
        ``from_day``; the last day of all is a row of its own.

    Raises
    ------
    ParameterError
        A column is none that is known of an account-day.
    """
    check(levels, COLUMNS, "an account")
    parts, found = [], set(ATTRIBUTES)
    for grid, block in _blocks(known):
        columns = _columns(block, grid, known)
        found |= set(columns)
        parts.append(_folded(block, grid, columns, levels, known))
    names = ["account_id", "from_day", "to_day", "origin"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)
    absent = {name: _reason(name, known) for name in COLUMNS if name not in found}
    return Stretches(with_absent(frame, absent, FLAGS), absent, known.as_of, known.data_start)


@dataclass(frozen=True)
class _Block:
    """Some of the accounts, with their terms."""

    rows: Int  # places of their terms
    own: Int  # the grid's account of each of these
    places: Int  # of the accounts
    origin: Int  # first day of each as a customer


def _blocks(known: Known) -> Iterator[tuple[Grid, _Block]]:
    """Part the accounts that are watched at all into blocks of bearable size."""
    terms, recorded, last = known.terms, known.recorded, known.last
    size = len(terms.names)
    origin = np.full(size, FAR)
    np.minimum.at(origin, terms.account, terms.start)
    closed = np.full(size, 0)
    np.maximum.at(closed, terms.account, terms.closed)
    first = np.maximum(origin, recorded)
    # Who had left before the records begin was never watched.
    watched = np.flatnonzero((closed > recorded) & (first <= last))
    length = last - first[watched] + 1
    number = (np.cumsum(length) - 1) // _BLOCK if len(watched) else length
    for block in progress.through(np.unique(number).tolist(), "blocks of customers' days"):
        places = watched[number == block]
        grid = Grid(first[places], np.full(len(places), last))
        rows = np.flatnonzero(np.isin(terms.account, places))
        own = np.searchsorted(places, terms.account[rows])
        yield grid, _Block(rows, own, places, origin[places])


def _columns(block: _Block, grid: Grid, known: Known) -> dict[str, np.ndarray]:
    terms, recorded = known.terms, known.recorded
    found = contracts.columns(terms, grid, block.rows, block.own, known.grace_days)
    mine = known.use.of(block.places)
    found |= use.columns(mine, grid, found["seats"], block.origin, recorded)
    found |= records.columns(known.told, terms.names[block.places], grid, mine, recorded)
    if known.adopted is not None:
        found["adopted"] = _since(block, grid, known)
    return found


def _since(block: _Block, grid: Grid, known: Known) -> np.ndarray:
    """Return whether the customer was adopted before, in the same time as a customer."""
    start = known.terms.episode_start[block.rows]
    reached = known.adopted[block.rows]  # type: ignore[index]
    now = grid.latest(block.own, start, start)
    return np.asarray((grid.latest(block.own, reached, start) == now) & (now > -FAR))


def _folded(
    block: _Block,
    grid: Grid,
    columns: Mapping[str, np.ndarray],
    levels: Mapping[str, Sequence[float]],
    known: Known,
) -> pd.DataFrame:
    """Keep the days on which an answer may change."""
    changed = np.zeros(len(grid), dtype=bool)
    # The last day stands by itself, so that its values are there too.
    changed[grid.offset] = changed[grid.offset + grid.length - 1] = True
    for name in {*levels, "arr"} & set(columns):
        now = columns[name] if name == "arr" else state(columns[name], levels.get(name, ()))
        changed[1:] |= now[1:] != now[:-1]
    place = np.flatnonzero(changed)
    ends = np.r_[place[1:], len(grid)] - 1
    account = grid.account[place]
    whose = block.places[account]
    frame = pd.DataFrame(
        {
            "account_id": known.terms.names[whose],
            "from_day": dates(grid.day[place]),
            "to_day": dates(grid.day[ends]),
            "origin": dates(block.origin[account]),
        }
    )
    about = known.attributes
    words = {name: about[name].to_numpy(dtype=object)[whose] for name in ATTRIBUTES}
    told = {
        name: pd.array(values[place], dtype="boolean") if name in FLAGS else values[place]
        for name, values in columns.items()
    }
    return frame.assign(**words, **told)


def _reason(column: str, known: Known) -> str:
    if column == "adopted":
        return known.why_undefined
    table = next((name for name, columns in _NEEDS.items() if column in columns), "events")
    if table not in known.tables:
        return f"there is no table of {table}"
    return "the events name no user" if table == "events" else f"the {table} do not record it"
